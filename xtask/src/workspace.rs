//! What cargo knows of the workspace.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use crate::command;

/// One package, ours or somebody else's.
#[derive(Clone, Debug, Default)]
pub(crate) struct Package {
    pub(crate) name: String,
    pub(crate) version: String,
    /// An SPDX expression, where the package has one.
    pub(crate) license: Option<String>,
    /// Where it comes from; `None` for a folder.
    pub(crate) source: Option<String>,
    pub(crate) manifest: PathBuf,
    pub(crate) is_ours: bool,
    /// Names of the packages that it depends on, of every kind.
    pub(crate) dependencies: Vec<String>,
    /// Names of its integration tests' programs.
    pub(crate) tests: Vec<String>,
}

impl Package {
    /// Folder of the manifest.
    pub(crate) fn folder(&self) -> &Path {
        self.manifest.parent().unwrap_or(Path::new("."))
    }
}

/// The workspace's folder.
pub(crate) fn root() -> Result<PathBuf, String> {
    let mut locate = Command::new(command::cargo_program());
    let path = command::output(locate.args([
        "locate-project",
        "--workspace",
        "--message-format",
        "plain",
    ]))?;
    Path::new(path.trim())
        .parent()
        .map(Path::to_owned)
        .ok_or_else(|| format!("{path} has no folder"))
}

/// Our packages, and everybody else's if `all`.
pub(crate) fn packages(all: bool) -> Result<Vec<Package>, String> {
    let mut metadata = Command::new(command::cargo_program());
    metadata.args(["metadata", "--format-version", "1"]);
    metadata.args(if all { "--all-features" } else { "--no-deps" }.split(' '));
    let text = command::output(&mut metadata)?;
    let metadata: Value = serde_json::from_str(&text)
        .map_err(|error| format!("cargo metadata printed something else: {error}"))?;
    let list = metadata.get("packages").and_then(Value::as_array);
    Ok(list
        .ok_or("cargo metadata names no packages")?
        .iter()
        .map(package)
        .collect())
}

fn package(value: &Value) -> Package {
    let text = |key: &str| value.get(key).and_then(Value::as_str).map(str::to_owned);
    let dependencies = value.get("dependencies").and_then(Value::as_array);
    let targets = value.get("targets").and_then(Value::as_array);
    let name = |named: &Value| named.get("name")?.as_str().map(str::to_owned);
    let is_test = |target: &&Value| {
        let kinds = target.get("kind").and_then(Value::as_array);
        kinds.is_some_and(|kinds| kinds.iter().any(|kind| kind == "test"))
    };
    Package {
        name: text("name").unwrap_or_default(),
        version: text("version").unwrap_or_default(),
        license: text("license"),
        is_ours: value.get("source").is_none_or(Value::is_null),
        source: text("source"),
        manifest: text("manifest_path").unwrap_or_default().into(),
        dependencies: dependencies
            .into_iter()
            .flatten()
            .filter_map(name)
            .collect(),
        tests: targets
            .into_iter()
            .flatten()
            .filter(is_test)
            .filter_map(name)
            .collect(),
    }
}
