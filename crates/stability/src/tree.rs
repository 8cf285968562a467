//! One of the two trees.

use std::path::Path;

use assay_context::{ContextError, Reach};
use assay_model::{Manifest, Project, ServiceName, TestCase};
use assay_source::{FileFacts, SourceTree};

/// What a project ships and tests, at one point of its history.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Tree {
    /// The commit or checkout, for a person.
    pub label: String,
    /// What it deploys.
    pub services: Vec<ServiceTree>,
    /// Its tests, where they were listed.
    pub tests: Option<Vec<TestCase>>,
}

/// One service of a tree.
#[derive(Clone, Debug, PartialEq)]
pub struct ServiceTree {
    /// Its name.
    pub name: ServiceName,
    /// Its folder, relative to the project's root.
    pub root: String,
    /// The module that starts first, relative to `root`.
    pub entry: Option<String>,
    /// What ships.
    pub manifest: Manifest,
    /// Facts of all its code, shipped or not.
    pub source: SourceTree,
}

impl ServiceTree {
    /// Code that ships, by path relative to `root`.
    pub(crate) fn shipped(&self) -> impl Iterator<Item = (&str, &FileFacts)> {
        self.source
            .files
            .iter()
            .filter(|(path, _)| self.manifest.files.contains_key(*path))
            .map(|(path, facts)| (path.as_str(), facts))
    }

    /// What the entry reaches, where there is an entry.
    pub(crate) fn reach(&self) -> Option<Reach> {
        let entry = self.entry.as_deref()?;
        Some(assay_context::reach(&self.manifest, &self.source, entry))
    }

    /// A path of this service, relative to the project's root.
    pub(crate) fn path(&self, relative: &str) -> String {
        assay_source::normalise(&format!("{}/{relative}", self.root))
    }
}

/// Reads the services of `project` below `root`. A service whose folder is not there is not part
/// of this tree.
///
/// # Errors
/// When a folder that is there cannot be read.
pub fn gather(project: &Project, root: &Path, label: &str) -> Result<Tree, ContextError> {
    let mut tree = Tree {
        label: label.to_owned(),
        ..Tree::default()
    };
    for service in project.services.values() {
        let Some(folder) = service.source.first() else {
            continue;
        };
        let at = root.join(folder);
        if !at.exists() {
            continue;
        }
        let read = assay_context::read(&at, folder)?;
        tree.services.push(ServiceTree {
            name: service.name.clone(),
            root: folder.clone(),
            entry: service
                .deploy
                .as_ref()
                .and_then(|deploy| deploy.entry.clone()),
            manifest: read.built.manifest,
            source: read.source,
        });
    }
    Ok(tree)
}
