//! What every crate's `Cargo.toml` says alike.

use toml::{Table, Value};

/// Kinds of dependency.
const KINDS: [&str; 3] = ["dependencies", "dev-dependencies", "build-dependencies"];

/// Lints not shared with the workspace, and dependencies that do not come from its table.
pub(crate) fn check(package: &str, manifest: &str) -> Vec<String> {
    let manifest: Table = match manifest.parse() {
        Ok(manifest) => manifest,
        Err(error) => return vec![format!("{package}: Cargo.toml: {error}")],
    };
    let mut errors = Vec::new();
    if !manifest.get("lints").is_some_and(from_workspace) {
        errors.push(format!(
            "{package}: Cargo.toml does not say [lints] workspace = true"
        ));
    }
    let targets = manifest.get("target").and_then(Value::as_table);
    let targets = targets.into_iter().flat_map(|targets| targets.values());
    for table in targets.filter_map(Value::as_table).chain([&manifest]) {
        for kind in KINDS {
            let dependencies = table.get(kind).and_then(Value::as_table);
            for (name, dependency) in dependencies.into_iter().flatten() {
                if !from_workspace(dependency) {
                    errors.push(format!(
                        "{package}: {name} does not come from the workspace's table"
                    ));
                }
            }
        }
    }
    errors
}

fn from_workspace(value: &Value) -> bool {
    value.get("workspace").and_then(Value::as_bool) == Some(true)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check_manifest(manifest: &str, expected: &[&str]) {
        let errors = check("x", manifest);
        assert_eq!(errors.len(), expected.len(), "{errors:?}");
        for (error, part) in errors.iter().zip(expected) {
            assert!(error.contains(part), "{part:?} is not in {error:?}");
        }
    }

    #[test]
    fn manifests_share_lints_and_versions() {
        let lints = "[lints]\nworkspace = true\n";
        check_manifest(lints, &[]);
        check_manifest("", &["lints"]);
        check_manifest("[lints.rust]\nunsafe_code = \"allow\"", &["lints"]);
        check_manifest(&format!("{lints}[dependencies]\na.workspace = true"), &[]);
        check_manifest(
            &format!("{lints}[dependencies]\na = \"1\""),
            &["a does not come"],
        );
        check_manifest(
            &format!("{lints}[dev-dependencies]\nb = {{ path = \"../b\" }}"),
            &["b does not come"],
        );
        check_manifest(
            &format!("{lints}[target.'cfg(unix)'.dependencies]\nc = \"1\""),
            &["c does not come"],
        );
        check_manifest("[", &["Cargo.toml"]);
    }
}
