//! What one build shipped and changed: files of the bundle, modules, lines.

use assay_model::{EvidenceRef, Manifest, Revision, Source};

use crate::candidate::Candidate;
use crate::diff::Diff;
use crate::log::Frame;
use crate::scene::Scene;

/// What is known of the build of one revision.
pub(crate) struct Build<'a> {
    pub(crate) revision: &'a Revision,
    pub(crate) manifest: Option<Manifest>,
    change: Option<Diff>,
}

impl<'a> Build<'a> {
    pub(crate) fn of(scene: &Scene<'a>, candidate: &Candidate<'_>) -> Option<Self> {
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
    pub(crate) fn frame(&self, frames: &[Frame]) -> Option<(String, u64)> {
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
    pub(crate) fn changed(&self, path: &str, line: u64) -> Option<(String, bool)> {
        let shown = self.change.as_ref()?.line(path, line)?;
        Some((shown.text.clone(), shown.touched))
    }

    pub(crate) fn cite_change(&self, path: &str, line: u64) -> Option<EvidenceRef> {
        self.revision
            .change
            .as_ref()
            .map(|kept| narrowed(kept, path, line))
    }
}

/// The same bytes, with the one line that is meant.
pub(crate) fn narrowed(kept: &EvidenceRef, path: &str, line: u64) -> EvidenceRef {
    EvidenceRef {
        source: Source::File {
            path: path.to_owned(),
            line: Some(line),
        },
        ..kept.clone()
    }
}

pub(crate) fn project_path(manifest: &Manifest, file: &str) -> String {
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

/// Paths without extension at which a module may stand, relative to the bundle.
pub(crate) fn module_paths(module: &str, importer: Option<&str>) -> Vec<String> {
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
pub(crate) fn find_module<'a>(
    wanted: &[String],
    files: impl Iterator<Item = &'a str>,
) -> Option<&'a str> {
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
