//! From a failure to the place that must change: manifest, change, configuration.

use assay_model::{
    CauseClass, Defect, EvidenceRef, Manifest, RestartPolicy, Revision, ServiceName, Source,
};

use crate::candidate::Candidate;
use crate::config_line;
use crate::diff::Diff;
use crate::log::Frame;
use crate::scene::Scene;
use crate::signature::fill;

/// Where a failure comes from, as far as it can be told.
#[derive(Default)]
pub(crate) struct Located {
    pub(crate) class: Option<CauseClass>,
    pub(crate) defect: Option<Defect>,
    /// Why this place, for the chain of whys.
    pub(crate) text: String,
    pub(crate) evidence: Vec<EvidenceRef>,
    /// An ignore file left a module out that stands in the tree.
    pub(crate) ignored: Option<String>,
    /// The change since the last good revision touches the place.
    pub(crate) in_change: bool,
    /// The project's file that asked for what is missing, or that failed: `file:line`.
    pub(crate) importer: Option<String>,
    /// The project's file in which the failure shows.
    pub(crate) file: Option<(String, u64)>,
    /// What would have to be known to get further.
    pub(crate) missing: Vec<String>,
    /// The restart policy is why the process stayed down.
    pub(crate) policy: bool,
}

/// What is known of the build of one revision.
struct Build<'a> {
    revision: &'a Revision,
    manifest: Option<Manifest>,
    change: Option<Diff>,
}

impl<'a> Build<'a> {
    fn of(scene: &Scene<'a>, candidate: &Candidate<'_>) -> Option<Self> {
        let revision = scene.observed.revisions.get(candidate.revision.as_ref()?)?;
        let manifest = scene
            .observed
            .text(&revision.manifest)
            .and_then(|text| serde_json::from_str(text).ok());
        let change = revision
            .change
            .as_ref()
            .and_then(|kept| scene.observed.text(kept));
        Some(Self {
            revision,
            manifest,
            change: change.map(Diff::read),
        })
    }

    /// The innermost frame that is a file of the bundle, as a path of the bundle; one on a line
    /// that the change brought goes before one that has stood for long.
    fn frame(&self, frames: &[Frame]) -> Option<(String, u64)> {
        let manifest = self.manifest.as_ref()?;
        let inside: Vec<(String, u64)> = frames
            .iter()
            .rev()
            .filter_map(|frame| Some((shipped(manifest, &frame.file)?, frame.line)))
            .collect();
        let new = inside.iter().find(|(file, line)| {
            self.changed(&project_path(manifest, file), *line)
                .is_some_and(|(_, new)| new)
        });
        new.or_else(|| inside.first()).cloned()
    }

    /// The literal line and whether the change touched it, where the change shows it.
    fn changed(&self, path: &str, line: u64) -> Option<(String, bool)> {
        let shown = self.change.as_ref()?.line(path, line)?;
        Some((shown.text.clone(), shown.touched))
    }

    fn cite_change(&self, path: &str, line: u64) -> Option<EvidenceRef> {
        self.revision
            .change
            .as_ref()
            .map(|kept| narrowed(kept, path, line))
    }
}

/// The same bytes, with the one line that is meant.
fn narrowed(kept: &EvidenceRef, path: &str, line: u64) -> EvidenceRef {
    EvidenceRef {
        source: Source::File {
            path: path.to_owned(),
            line: Some(line),
        },
        ..kept.clone()
    }
}

fn project_path(manifest: &Manifest, file: &str) -> String {
    match manifest.root.trim_end_matches('/') {
        "" | "." => file.to_owned(),
        root => format!("{root}/{file}"),
    }
}

/// The shipped file that a log means: the longest path of the bundle that ends the log's path.
fn shipped(manifest: &Manifest, file: &str) -> Option<String> {
    let file = file.trim_start_matches("file://").trim_start_matches("./");
    let means = |known: &&String| {
        file == known.as_str()
            || file
                .strip_suffix(known.as_str())
                .is_some_and(|head| head.ends_with('/'))
    };
    manifest
        .files
        .keys()
        .filter(means)
        .max_by_key(|known| known.len())
        .cloned()
}

/// Looks for the place that must change.
pub(crate) fn locate(scene: &Scene<'_>, candidate: &Candidate<'_>) -> Located {
    if candidate.sightings.is_empty() {
        return if candidate.exits.is_empty() {
            Located::default()
        } else {
            stayed_down(scene, candidate)
        };
    }
    let Some(build) = Build::of(scene, candidate) else {
        let mut located = Located::default();
        if candidate.revision.is_some() {
            located.missing.push(format!(
                "the manifest and the change of the revision of {} that fails",
                candidate.node
            ));
        }
        return located;
    };
    let frames = &candidate.sightings[0].frames;
    let frame = build.frame(frames);
    let mut located = match candidate.captures.get("module") {
        Some(module) if !candidate.captures.contains_key("symbol") => {
            missing_module(&build, module, frame.as_ref())
        }
        _ => at_line(&build, candidate, frame.as_ref()),
    };
    let raw = frames
        .last()
        .map(|frame| format!("{}:{}", frame.file, frame.line));
    located.importer = frame.map(|(file, line)| format!("{file}:{line}")).or(raw);
    if build.manifest.is_none() {
        located
            .missing
            .push(format!("the manifest of revision {}", build.revision.id));
    }
    located
}

fn missing_module(build: &Build<'_>, module: &str, frame: Option<&(String, u64)>) -> Located {
    let Some(manifest) = &build.manifest else {
        return Located::default();
    };
    let importer = frame.map(|(file, _)| file.as_str());
    let wanted = module_paths(module, importer);
    let excluded = manifest.excluded.keys().map(String::as_str);
    if let Some(path) = find_module(&wanted, excluded) {
        let left_out = &manifest.excluded[path];
        let ignore = project_path(manifest, &left_out.file);
        let touched = build
            .changed(&ignore, left_out.line)
            .is_some_and(|(_, new)| new);
        let mut evidence = vec![narrowed(&build.revision.manifest, &ignore, left_out.line)];
        if touched {
            evidence.extend(build.cite_change(&ignore, left_out.line));
        }
        let since = if touched {
            "; the line came with this revision"
        } else {
            ""
        };
        return Located {
            class: Some(CauseClass::Packaging),
            text: format!(
                "{ignore}:{} `{}` leaves {} out of the bundle, though it stands in the source \
                 tree{since}",
                left_out.line,
                left_out.pattern,
                project_path(manifest, path)
            ),
            defect: Some(Defect {
                file: ignore,
                line: left_out.line,
                text: left_out.pattern.clone(),
            }),
            evidence,
            ignored: Some(project_path(manifest, path)),
            in_change: touched,
            ..Located::default()
        };
    }
    let shipped = find_module(&wanted, manifest.files.keys().map(String::as_str));
    let how = match shipped {
        Some(path) => format!("which the bundle holds only as {path}"),
        None => "which is neither in the bundle nor in the source tree".to_owned(),
    };
    source_line(build, manifest, frame, |place| {
        format!("{place} imports {module}, {how}")
    })
}

fn at_line(build: &Build<'_>, candidate: &Candidate<'_>, frame: Option<&(String, u64)>) -> Located {
    let Some(manifest) = &build.manifest else {
        return Located::default();
    };
    let template = candidate.signature.defect.as_deref();
    let Some(template) = template else {
        return Located::default();
    };
    let mut values = candidate.captures.clone();
    source_line(build, manifest, frame, |place| {
        if let Some((file, line)) = place.rsplit_once(':') {
            values.insert("file".to_owned(), file.to_owned());
            values.insert("line".to_owned(), line.to_owned());
        }
        fill(template, &values)
    })
}

/// A defect in a line of code, with the literal line where the change shows it.
fn source_line(
    build: &Build<'_>,
    manifest: &Manifest,
    frame: Option<&(String, u64)>,
    mut text: impl FnMut(&str) -> String,
) -> Located {
    let Some((file, line)) = frame else {
        return Located {
            class: Some(CauseClass::Code),
            missing: vec![format!(
                "a call chain that ends in a file of revision {}",
                build.revision.id
            )],
            ..Located::default()
        };
    };
    let path = project_path(manifest, file);
    let mut located = Located {
        class: Some(CauseClass::Code),
        text: text(&format!("{path}:{line}")),
        file: Some((path.clone(), *line)),
        ..Located::default()
    };
    match build.changed(&path, *line) {
        Some((literal, touched)) => {
            if touched {
                located.text.push_str("; the line came with this revision");
            }
            located.in_change = touched;
            located.evidence.extend(build.cite_change(&path, *line));
            located.defect = Some(Defect {
                file: path,
                line: *line,
                text: literal,
            });
        }
        None => located.missing.push(format!(
            "the text of {path}:{line}, which the change to revision {} does not show",
            build.revision.id
        )),
    }
    located
}

/// A process that is not started again stays down because of its restart policy.
fn stayed_down(scene: &Scene<'_>, candidate: &Candidate<'_>) -> Located {
    let policy = restart_policy(scene, &candidate.node);
    let down = scene.instances().any(|(service, _, instance)| {
        *service == candidate.node && instance.state == assay_model::InstanceState::Exited
    });
    if policy != Some(RestartPolicy::Never) || !down {
        return Located {
            missing: vec![
                if candidate.exits.iter().any(|exit| exit.signal.is_some()) {
                    format!(
                        "who or what ended the process of {}: the log of the host",
                        candidate.node
                    )
                } else {
                    format!("a log of {} that says why its process ends", candidate.node)
                },
            ],
            ..Located::default()
        };
    }
    let Some(config) = &scene.observed.config else {
        return Located {
            missing: vec!["the text of the configuration".to_owned()],
            ..Located::default()
        };
    };
    let file = &scene.observed.project.config_file;
    let at = config_line::find(&config.text, &candidate.node, "restart");
    let mut located = Located {
        policy: true,
        ..Located::default()
    };
    match at {
        Some((line, text)) => {
            located.text = format!(
                "{file}:{line} `{}` leaves a process of {} down that has ended by itself",
                text.trim(),
                candidate.node
            );
            located
                .evidence
                .push(narrowed(&config.evidence, file, line));
            located.defect = Some(Defect {
                file: file.clone(),
                line,
                text,
            });
        }
        None => {
            located.text = format!(
                "{file} leaves a process of {} down that has ended by itself",
                candidate.node
            );
            located.evidence.push(config.evidence.clone());
        }
    }
    located
}

fn restart_policy(scene: &Scene<'_>, node: &ServiceName) -> Option<RestartPolicy> {
    Some(
        scene
            .observed
            .project
            .services
            .get(node)?
            .deploy
            .as_ref()?
            .restart,
    )
}

/// Paths without extension at which a module may stand, relative to the bundle.
fn module_paths(module: &str, importer: Option<&str>) -> Vec<String> {
    if module.starts_with("./") || module.starts_with("../") {
        let folder = importer
            .and_then(|file| file.rsplit_once('/'))
            .map_or("", |(head, _)| head);
        return vec![resolved(&format!("{folder}/{module}"))];
    }
    let mut paths = vec![resolved(module)];
    if !module.contains('/') && module.contains('.') {
        paths.push(module.replace('.', "/"));
    }
    paths
}

fn resolved(path: &str) -> String {
    let mut parts: Vec<&str> = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop();
            }
            part => parts.push(part),
        }
    }
    parts.join("/")
}

/// The file among `files` that is one of the wanted modules, or part of it; one that stands
/// exactly there goes before one in a deeper source folder.
fn find_module<'a>(wanted: &[String], files: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let mut deeper = None;
    for file in files {
        for want in wanted {
            if is_module(file, want) {
                return Some(file);
            }
            let inside = file
                .match_indices('/')
                .any(|(slash, _)| is_module(&file[slash + 1..], want));
            if inside && deeper.is_none() {
                deeper = Some(file);
            }
        }
    }
    deeper
}

fn is_module(file: &str, want: &str) -> bool {
    let Some(rest) = file.strip_prefix(want) else {
        return false;
    };
    // The file itself, its extension, or a file of the package's folder.
    rest.is_empty() || rest.starts_with('/') || rest.starts_with('.') && !rest.contains('/')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(module: &str, importer: &str, files: &[&str], expected: Option<&str>) {
        let wanted = module_paths(module, Some(importer));
        assert_eq!(
            find_module(&wanted, files.iter().copied()),
            expected,
            "{module}"
        );
    }

    #[test]
    fn modules_are_found_by_the_names_that_languages_give_them() {
        check("a/b", "main.x", &["a/bc.x", "a/b.x"], Some("a/b.x"));
        check("a.b", "main.py", &["a/b.py"], Some("a/b.py"));
        check("a.b", "main.py", &["src/a/b.py"], Some("src/a/b.py"));
        check("a", "main.py", &["a/__init__.py"], Some("a/__init__.py"));
        check("./b", "lib/i.js", &["b.js", "lib/b.js"], Some("lib/b.js"));
        check("../b.js", "lib/i.js", &["b.js"], Some("b.js"));
        check("a", "main.py", &["ab/c.py", "ba.py"], None);
    }
}
