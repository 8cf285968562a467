//! Nothing in the reasoning knows the system that it reasons about.

use std::path::{Path, PathBuf};

fn files(folder: &Path, found: &mut Vec<PathBuf>) {
    let Ok(entries) = std::fs::read_dir(folder) else {
        return;
    };
    for entry in entries {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files(&path, found)
        } else {
            found.push(path)
        }
    }
}

fn stem(path: &Path) -> String {
    path.file_stem().unwrap().to_string_lossy().into_owned()
}

/// Words that are the field's own, and only by chance also a file of the reference platform.
const ORDINARY: [&str; 12] = [
    "data", "main", "events", "index", "app", "style", "routes", "none", "http", "text", "config",
    "README",
];

#[test]
fn no_name_of_the_reference_platform_is_built_in() {
    let platform = Path::new("../../golden-path");
    let mut names: Vec<String> = [
        "golden-path",
        "golden_path",
        "backend",
        "frontend",
        "auth-down",
        "slow-database",
        "missing-module",
        "gate-holds",
        "supervisor.rhai",
        "monitoring",
        "metrics",
        "telemetry",
        "run_pipeline",
        "throttle",
    ]
    .map(str::to_owned)
    .to_vec();
    let mut known = Vec::new();
    files(&platform.join("incidents"), &mut known);
    names.extend(known.iter().map(|path| stem(path)));
    let mut tree = Vec::new();
    files(&platform.join("tree"), &mut tree);
    let scripts = tree
        .iter()
        .filter(|path| path.extension().is_some_and(|ext| ext == "rhai"));
    names.extend(scripts.map(|path| format!("{}.rhai", stem(path))));
    names.retain(|name| !ORDINARY.contains(&name.as_str()) && name != "main.rhai");

    let mut ours = Vec::new();
    files(Path::new("src"), &mut ours);
    files(Path::new("signatures"), &mut ours);
    assert!(ours.len() > 30);
    for path in ours {
        let text = std::fs::read_to_string(&path).unwrap();
        for name in &names {
            let own = stem(&path) == *name || text.contains(&format!("id = \"{name}\""));
            assert!(
                own || !text.contains(name.as_str()),
                "{} names {name}",
                path.display()
            );
        }
    }
}
