//! What an audit looks at.

use std::collections::BTreeSet;
use std::path::Path;

use assay_context::{ContextError, Glob};
use assay_model::{Boundary, Finding, Manifest, Project, ServiceName};
use assay_source::{FileFacts, Language, SourceTree};

/// Everything that [`audit`](crate::audit) reads.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct AuditInput {
    /// The commit or tree that is audited, for a person.
    pub tree: String,
    /// Deployable folders.
    pub services: Vec<ServiceInput>,
    /// Folders of code that is no bundle of its own.
    pub shared: Vec<SharedInput>,
    /// Rules about who may import whom.
    pub boundaries: Vec<Boundary>,
    /// Globs over paths relative to the project's root; files under them are not judged.
    pub exclude: Vec<String>,
    /// Findings of the tree before, to tell which are new.
    pub baseline: Option<Vec<Finding>>,
    /// What could not even be read, and why.
    pub not_examined: Vec<String>,
}

/// One deployable folder.
#[derive(Clone, Debug, PartialEq)]
pub struct ServiceInput {
    /// Whose code it is.
    pub name: ServiceName,
    /// Relative to the project's root.
    pub root: String,
    /// The module that starts first, relative to `root`.
    pub entry: Option<String>,
    /// What ships of it.
    pub manifest: Manifest,
    /// Facts of all its code, shipped or not.
    pub source: SourceTree,
}

/// One folder of code that is no bundle of its own.
#[derive(Clone, Debug, PartialEq)]
pub struct SharedInput {
    /// Relative to the project's root.
    pub root: String,
    /// Facts of its code.
    pub source: SourceTree,
}

/// One folder as the rules see it.
#[derive(Clone, Copy)]
pub(crate) struct Scope<'a> {
    pub(crate) name: &'a str,
    pub(crate) root: &'a str,
    pub(crate) source: &'a SourceTree,
    pub(crate) service: Option<&'a ServiceInput>,
}

/// One file as the rules see it.
#[derive(Clone)]
pub(crate) struct Examined<'a> {
    /// Relative to the project's root.
    pub(crate) path: String,
    pub(crate) facts: &'a FileFacts,
}

impl AuditInput {
    pub(crate) fn scopes(&self) -> impl Iterator<Item = Scope<'_>> {
        let services = self.services.iter().map(|service| Scope {
            name: &service.name,
            root: &service.root,
            source: &service.source,
            service: Some(service),
        });
        let shared = self.shared.iter().map(|shared| Scope {
            name: &shared.root,
            root: &shared.root,
            source: &shared.source,
            service: None,
        });
        services.chain(shared)
    }

    /// Whether the configuration leaves the file out.
    pub(crate) fn leaves_out(&self, path: &str) -> bool {
        self.exclude
            .iter()
            .any(|glob| Glob::new(glob).matches(path))
    }

    /// All code of a scope that is judged, shipped or not.
    pub(crate) fn files<'a>(&'a self, scope: Scope<'a>) -> impl Iterator<Item = Examined<'a>> {
        scope
            .source
            .files
            .values()
            .map(move |facts| Examined {
                path: scope.path(&facts.path),
                facts,
            })
            .filter(|file| !self.leaves_out(&file.path))
    }

    /// Code of a scope that is judged and ships; all of it where nothing ships by itself.
    pub(crate) fn shipped<'a>(&'a self, scope: Scope<'a>) -> impl Iterator<Item = Examined<'a>> {
        self.files(scope).filter(move |file| {
            scope
                .service
                .is_none_or(|service| service.manifest.files.contains_key(&file.facts.path))
        })
    }
}

impl Scope<'_> {
    /// A path of this scope, relative to the project's root.
    pub(crate) fn path(&self, relative: &str) -> String {
        assay_source::normalise(&format!("{}/{relative}", self.root))
    }
}

/// Reads what `project` names as source, below `root` (the project's own root, or another
/// checkout of it). A folder that cannot be read is listed as not examined.
///
/// # Errors
/// When there was something to read and none of it could be.
pub fn gather(project: &Project, root: &Path, tree: &str) -> Result<AuditInput, ContextError> {
    let mut input = AuditInput {
        tree: tree.to_owned(),
        boundaries: project.audit.boundaries.clone(),
        exclude: project.audit.exclude.clone(),
        ..AuditInput::default()
    };
    let bundles: BTreeSet<&str> = project
        .services
        .values()
        .filter_map(|service| service.source.first().map(String::as_str))
        .collect();
    let mut first_error = None;
    let mut seen = BTreeSet::new();
    for service in project.services.values() {
        if service.source.is_empty() {
            input
                .not_examined
                .push(format!("{}: no source folder is configured", service.name));
        }
        for (place, folder) in service.source.iter().enumerate() {
            if place > 0 && (bundles.contains(folder.as_str()) || !seen.insert(folder)) {
                continue;
            }
            let read = match assay_context::read(&root.join(folder), folder) {
                Ok(read) => read,
                Err(error) => {
                    input
                        .not_examined
                        .push(format!("{}: {folder}: {error}", service.name));
                    first_error.get_or_insert(error);
                    continue;
                }
            };
            if place == 0 {
                input.services.push(ServiceInput {
                    name: service.name.clone(),
                    root: folder.clone(),
                    entry: service
                        .deploy
                        .as_ref()
                        .and_then(|deploy| deploy.entry.clone()),
                    manifest: read.built.manifest,
                    source: read.source,
                });
            } else {
                input.shared.push(SharedInput {
                    root: folder.clone(),
                    source: read.source,
                });
            }
        }
    }
    match first_error {
        Some(error) if input.services.is_empty() && input.shared.is_empty() => Err(error),
        _ => Ok(input),
    }
}

/// Whether `path` lies in `folder`, both relative to the project's root.
pub(crate) fn lies_in(path: &str, folder: &str) -> bool {
    let folder = assay_source::normalise(folder);
    folder.is_empty()
        || path
            .strip_prefix(&folder)
            .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// A file of a language whose facts are read.
pub(crate) fn is_code(path: &str) -> bool {
    Language::of(path).is_some()
}
