//! What a rule is.

use assay_model::{Boundary, Excluded, Finding, Manifest, Place, Severity};
use assay_source::SourceTree;

use crate::input::is_code;
use crate::{AuditInput, ServiceInput, SharedInput};

/// One rule: what it looks for, why that matters, and how to tell.
#[derive(Clone, Copy, Debug)]
pub struct Rule {
    /// Its name in reports and configuration.
    pub id: &'static str,
    /// How bad a finding is.
    pub severity: Severity,
    /// What it finds, in one line.
    pub summary: &'static str,
    /// Why that matters.
    pub why: &'static str,
    /// Code in which it finds something.
    pub failing: Sample,
    /// The same code with the defect mended.
    pub passing: Sample,
    pub(crate) check: fn(&AuditInput) -> Verdicts,
}

/// What a rule has to say of an input.
#[derive(Debug, Default)]
pub(crate) struct Verdicts {
    /// Files that were judged: (scope, path relative to the project's root).
    pub(crate) checks: Vec<(String, String)>,
    /// What is wrong: (scope, draft). The file of a draft is one of the scope's checks.
    pub(crate) findings: Vec<(String, Draft)>,
    /// What could not be judged, and why.
    pub(crate) not_examined: Vec<String>,
}

/// A finding before it is named.
#[derive(Debug)]
pub(crate) struct Draft {
    pub(crate) file: String,
    pub(crate) line: u64,
    /// Names no line, so that it stays the same when lines move.
    pub(crate) message: String,
    /// Where the reason stands; it may move.
    pub(crate) place: Option<String>,
    pub(crate) symbol: Option<String>,
}

impl Draft {
    pub(crate) fn finding(self, rule: &Rule) -> Finding {
        let mut hasher = blake3::Hasher::new();
        let symbol = self.symbol.as_deref().unwrap_or_default();
        for part in [rule.id, &self.file, symbol, &self.message] {
            hasher.update(part.as_bytes()).update(b"\0");
        }
        let message = match self.place {
            Some(place) => format!("{} ({place})", self.message),
            None => self.message,
        };
        Finding {
            rule: rule.id.to_owned(),
            severity: rule.severity,
            file: self.file,
            line: self.line,
            message,
            symbol: self.symbol,
            fingerprint: hasher.finalize().to_hex().to_string(),
        }
    }
}

/// A small project, as data. `services/NAME/…` are bundles with the entry `main.rhai`; every
/// other folder of two parts is shared code.
#[derive(Clone, Copy, Debug)]
pub struct Sample {
    /// Path relative to the project's root, and text.
    pub files: &'static [(&'static str, &'static str)],
    /// Those of `files` that line 1 of their service's ignore file leaves out.
    pub unshipped: &'static [&'static str],
    /// Who may import whom.
    pub boundaries: &'static [SampleBoundary],
}

/// A boundary, as data.
#[derive(Clone, Copy, Debug)]
pub struct SampleBoundary {
    /// Folders that may not import each other.
    pub independent: &'static [&'static str],
    /// The folder that is restricted.
    pub from: Option<&'static str>,
    /// Globs that `from` may not import.
    pub forbid: &'static [&'static str],
}

impl Sample {
    /// The sample as an audit reads it.
    pub fn input(&self) -> AuditInput {
        let mut roots: Vec<String> = self.files.iter().map(|(path, _)| root_of(path)).collect();
        roots.sort();
        roots.dedup();
        let mut input = AuditInput {
            tree: "sample".into(),
            ..AuditInput::default()
        };
        for root in roots {
            let files: Vec<_> = self
                .files
                .iter()
                .filter(|(path, _)| root_of(path) == root)
                .map(|(path, text)| (&path[root.len() + 1..], *text))
                .collect();
            let source = SourceTree::of(files.iter().copied());
            match root.strip_prefix("services/") {
                Some(name) => input.services.push(ServiceInput {
                    name: name.into(),
                    entry: files
                        .iter()
                        .any(|(path, _)| is_code(path))
                        .then(|| "main.rhai".into()),
                    manifest: self.manifest(&root, &files),
                    source,
                    root,
                }),
                None => input.shared.push(SharedInput { root, source }),
            }
        }
        input.boundaries = self
            .boundaries
            .iter()
            .map(SampleBoundary::boundary)
            .collect();
        input
    }

    fn manifest(&self, root: &str, files: &[(&str, &str)]) -> Manifest {
        let mut manifest = Manifest {
            root: root.to_owned(),
            ..Manifest::default()
        };
        for (path, text) in files {
            if self.unshipped.contains(&format!("{root}/{path}").as_str()) {
                let by = Excluded {
                    file: ".bundleignore".into(),
                    line: 1,
                    pattern: (*path).to_owned(),
                };
                manifest.excluded.insert((*path).to_owned(), by);
            } else {
                let content = blake3::hash(text.as_bytes()).to_hex().to_string();
                manifest.files.insert((*path).to_owned(), content);
            }
        }
        manifest
    }
}

impl SampleBoundary {
    fn boundary(&self) -> Boundary {
        let owned = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        Boundary {
            name: "the sample's boundary".into(),
            independent: owned(self.independent),
            from: self.from.map(str::to_owned),
            forbid: owned(self.forbid),
            at: Place {
                file: "assay.toml".into(),
                line: 1,
                text: "[[audit.boundary]]".into(),
            },
        }
    }
}

fn root_of(path: &str) -> String {
    path.split('/').take(2).collect::<Vec<_>>().join("/")
}
