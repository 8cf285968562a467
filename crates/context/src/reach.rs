//! What the entry module needs, against what ships.

use std::collections::{BTreeMap, VecDeque};

use assay_model::{Excluded, Manifest};
use assay_source::{Import, SourceTree, Target};
use serde::{Deserialize, Serialize};

/// What imports reach from one entry module.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reach {
    /// Modules that are reached and ship, by path; whether loading the entry loads them.
    pub modules: BTreeMap<String, bool>,
    /// The frontier: modules that are reached and do not ship, by place of import.
    pub missing: Vec<MissingModule>,
}

/// A module that the entry needs and that does not ship.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MissingModule {
    /// As the importer writes it.
    pub module: String,
    /// The file that it means, relative to the root of the bundle.
    pub path: String,
    /// Who imports it; `None` when it is the entry itself.
    pub importer: Option<Importer>,
    /// Loading the entry needs it; otherwise only some call does.
    pub eager: bool,
    /// Files from the entry to the importer, both included.
    pub chain: Vec<String>,
    /// Why it does not ship.
    pub reason: Absence,
}

/// A place of import.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Importer {
    /// Relative to the root of the bundle.
    pub file: String,
    /// 1-based.
    pub line: u64,
    /// 1-based.
    pub column: u64,
}

/// Why a module does not ship.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "type")]
pub enum Absence {
    /// The source has it; this line leaves it out.
    Excluded(Excluded),
    /// The source has it in another case: `Agents/` for `agents/`.
    WrongCase {
        /// The path that ships.
        found: String,
    },
    /// The path leads out of the folder that is built.
    OutsideRoot,
    /// The source does not have it.
    NotInSource,
}

/// Modules that `entry` reaches by imports and that do not ship, and why: [`Reach::missing`].
pub fn frontier(manifest: &Manifest, source: &SourceTree, entry: &str) -> Vec<MissingModule> {
    reach(manifest, source, entry).missing
}

/// Follows the imports from `entry`, a path relative to the root of the bundle, through what
/// ships. What start-up loads is followed first, so that a module that is both loaded at start
/// and imported by a call counts as loaded at start.
pub fn reach(manifest: &Manifest, source: &SourceTree, entry: &str) -> Reach {
    let mut search = Search {
        manifest,
        source,
        reach: Reach::default(),
        chains: BTreeMap::new(),
    };
    if !manifest.files.contains_key(entry) {
        search.reach.missing.push(MissingModule {
            module: entry.to_owned(),
            path: entry.to_owned(),
            importer: None,
            eager: true,
            chain: Vec::new(),
            reason: search.absence(entry),
        });
        return search.reach;
    }
    search.arrive(entry, true, vec![entry.to_owned()]);
    search.follow(VecDeque::from([entry.to_owned()]), true);
    let started = search.reach.modules.keys().cloned().collect();
    search.follow(started, false);
    search.reach.missing.sort_by(|a, b| {
        let key = |missing: &MissingModule| {
            missing
                .importer
                .as_ref()
                .map(|at| (at.file.clone(), at.line, at.column))
        };
        (key(a), &a.module).cmp(&(key(b), &b.module))
    });
    search.reach
}

struct Search<'a> {
    manifest: &'a Manifest,
    source: &'a SourceTree,
    reach: Reach,
    chains: BTreeMap<String, Vec<String>>,
}

impl Search<'_> {
    fn arrive(&mut self, path: &str, eager: bool, chain: Vec<String>) {
        self.reach.modules.insert(path.to_owned(), eager);
        self.chains.insert(path.to_owned(), chain);
    }

    /// Breadth first, so that every chain is a shortest one. At start-up only eager imports are
    /// followed; the second time, from everything that start-up loaded, all the others. Every
    /// file enters the queue at most once each time, which bounds the search.
    fn follow(&mut self, mut queue: VecDeque<String>, start_up: bool) {
        let source = self.source;
        while let Some(importer) = queue.pop_front() {
            let loaded = self.reach.modules.get(&importer) == Some(&true);
            let Some(file) = source.files.get(&importer) else {
                continue;
            };
            for import in &file.imports {
                let eager = loaded && import.eager;
                if eager == start_up {
                    queue.extend(self.import(&importer, import, eager));
                }
            }
        }
    }

    /// Gives the module when it is new.
    fn import(&mut self, importer: &str, import: &Import, eager: bool) -> Option<String> {
        let chain = self.chains.get(importer).cloned().unwrap_or_default();
        let (path, reason) = match self.source.resolve(&import.module, importer)? {
            Target::Inside(path) if self.manifest.files.contains_key(&path) => {
                if self.reach.modules.contains_key(&path) {
                    return None;
                }
                let longer = chain.into_iter().chain([path.clone()]).collect();
                self.arrive(&path, eager, longer);
                return Some(path);
            }
            Target::Inside(path) => {
                let reason = self.absence(&path);
                (path, reason)
            }
            Target::Outside(path) => (path, Absence::OutsideRoot),
        };
        self.reach.missing.push(MissingModule {
            module: import.module.clone(),
            path,
            importer: Some(Importer {
                file: importer.to_owned(),
                line: import.line,
                column: import.column,
            }),
            eager,
            chain,
            reason,
        });
        None
    }

    fn absence(&self, path: &str) -> Absence {
        if let Some(excluded) = self.manifest.excluded.get(path) {
            return Absence::Excluded(excluded.clone());
        }
        match self
            .manifest
            .files
            .keys()
            .find(|file| file.eq_ignore_ascii_case(path))
        {
            Some(found) => Absence::WrongCase {
                found: found.clone(),
            },
            None => Absence::NotInSource,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `files` ship, `out` do not; the answer is one line for each missing module.
    fn check(files: &[(&str, &str)], out: &[(&str, &str)], expected: &[&str]) {
        let source = SourceTree::of(files.iter().chain(out).copied());
        let manifest = Manifest {
            root: "app".into(),
            ignore_file: Some(".bundleignore".into()),
            files: files
                .iter()
                .map(|(path, _)| ((*path).into(), String::new()))
                .collect(),
            excluded: out
                .iter()
                .map(|(path, _)| {
                    let line = Excluded {
                        file: ".bundleignore".into(),
                        line: 7,
                        pattern: "monitoring/".into(),
                    };
                    ((*path).into(), line)
                })
                .collect(),
        };
        let found: Vec<_> = frontier(&manifest, &source, "main.rhai")
            .iter()
            .map(|missing| {
                let at = missing.importer.as_ref().map_or("-".to_owned(), |at| {
                    format!("{}:{}:{}", at.file, at.line, at.column)
                });
                let when = if missing.eager { "eager" } else { "lazy" };
                let why = match &missing.reason {
                    Absence::Excluded(by) => format!("{}:{} {}", by.file, by.line, by.pattern),
                    Absence::WrongCase { found } => format!("case {found}"),
                    Absence::OutsideRoot => "outside".into(),
                    Absence::NotInSource => "nowhere".into(),
                };
                format!(
                    "{at} {} {when} {} {why}",
                    missing.module,
                    missing.chain.join(">")
                )
            })
            .collect();
        assert_eq!(found, expected);
    }

    #[test]
    fn a_whole_bundle_has_no_frontier() {
        check(
            &[("main.rhai", "import \"a\" as a;"), ("a.rhai", "")],
            &[],
            &[],
        );
        check(
            &[
                ("main.rhai", "import \"a\" as a;"),
                ("a.rhai", "import \"main\" as m;"),
            ],
            &[],
            &[],
        );
        check(
            &[("main.rhai", ""), ("a.rhai", "import \"nowhere\" as n;")],
            &[],
            &[],
        );
    }

    #[test]
    fn an_excluded_module_names_its_line() {
        check(
            &[
                ("main.rhai", "import \"services/telemetry\" as t;"),
                (
                    "services/telemetry.rhai",
                    "\nimport \"monitoring/metrics\" as m;",
                ),
            ],
            &[(
                "monitoring/metrics.rhai",
                "import \"monitoring/other\" as o;",
            )],
            &["services/telemetry.rhai:2:1 monitoring/metrics eager \
               main.rhai>services/telemetry.rhai .bundleignore:7 monitoring/"],
        );
    }

    #[test]
    fn start_up_and_calls_are_told_apart() {
        check(
            &[
                (
                    "main.rhai",
                    "fn f() { import \"lazy\" as l; }\nimport \"b\" as b;",
                ),
                ("b.rhai", "import \"gone\" as g;"),
                ("lazy.rhai", "import \"b\" as b; import \"other\" as o;"),
            ],
            &[],
            &[
                "b.rhai:1:1 gone eager main.rhai>b.rhai nowhere",
                "lazy.rhai:1:18 other lazy main.rhai>lazy.rhai nowhere",
            ],
        );
    }

    #[test]
    fn every_reason_is_told_apart() {
        check(&[], &[], &["- main.rhai eager  nowhere"]);
        check(
            &[],
            &[("main.rhai", "")],
            &["- main.rhai eager  .bundleignore:7 monitoring/"],
        );
        check(
            &[
                (
                    "main.rhai",
                    "import \"Agents/a\" as a;\nimport \"../x/y\" as y;",
                ),
                ("agents/a.rhai", ""),
            ],
            &[],
            &[
                "main.rhai:1:1 Agents/a eager main.rhai case agents/a.rhai",
                "main.rhai:2:1 ../x/y eager main.rhai outside",
            ],
        );
    }
}
