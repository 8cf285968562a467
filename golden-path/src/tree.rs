//! The deployable source tree, inside the binary.

use std::io;
use std::path::Path;

use rust_embed::RustEmbed;

#[derive(RustEmbed)]
#[folder = "tree/"]
struct Files;

/// The configuration, in which the ports are filled in.
const CONFIG: &str = "assay.toml";

/// Ports on 127.0.0.1 at which the services are reached from outside.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ports {
    /// Front door of auth.
    pub auth: u16,
    /// Front door of backend.
    pub backend: u16,
    /// Front door of frontend.
    pub frontend: u16,
}

/// Every file of the tree: path with `/`, and content. In the order of the paths.
pub fn files() -> Vec<(String, Vec<u8>)> {
    let mut files: Vec<(String, Vec<u8>)> = Files::iter()
        .filter_map(|path| Some((path.to_string(), Files::get(&path)?.data.into_owned())))
        .collect();
    files.sort();
    files
}

/// The text of one file; `None` when there is no such file, or it is no text.
pub fn text(path: &str) -> Option<String> {
    String::from_utf8(Files::get(path)?.data.into_owned()).ok()
}

/// Writes the tree into `dest`, which is created when absent, with `ports` filled into
/// `assay.toml`. May be repeated; files that are not of the tree are left alone.
///
/// # Errors
/// When a folder or a file cannot be written; the error names it.
pub fn write(dest: &Path, ports: Ports) -> io::Result<()> {
    for (path, content) in files() {
        let file = dest.join(&path);
        let content = if path == CONFIG {
            filled(&content, ports)
        } else {
            content
        };
        let named = |error: io::Error| {
            io::Error::new(
                error.kind(),
                format!("cannot write {}: {error}", file.display()),
            )
        };
        if let Some(folder) = file.parent() {
            std::fs::create_dir_all(folder).map_err(named)?;
        }
        std::fs::write(&file, content).map_err(named)?;
    }
    Ok(())
}

fn filled(config: &[u8], ports: Ports) -> Vec<u8> {
    String::from_utf8_lossy(config)
        .replace("{{auth_port}}", &ports.auth.to_string())
        .replace("{{backend_port}}", &ports.backend.to_string())
        .replace("{{frontend_port}}", &ports.frontend.to_string())
        .into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The modules that a text imports, by a parse of its own: literal `import "x" as y;` lines.
    fn imports(text: &str) -> Vec<String> {
        text.lines()
            .filter_map(|line| line.strip_prefix("import \"")?.split('"').next())
            .map(str::to_owned)
            .collect()
    }

    #[test]
    fn every_module_parses_and_its_imports_exist() {
        let mut engine = rhai::Engine::new_raw();
        engine.set_max_expr_depths(64, 32);
        let mut modules = 0;
        for (path, content) in files() {
            if !path.ends_with(".rhai") {
                continue;
            }
            modules += 1;
            let text = String::from_utf8(content).unwrap();
            if let Err(error) = engine.compile(&text) {
                panic!("{path}: {error}");
            }
            let root: Vec<&str> = path.splitn(3, '/').take(2).collect();
            for module in imports(&text) {
                let file = format!("{}/{module}.rhai", root.join("/"));
                assert!(
                    Files::get(&file).is_some(),
                    "{path} imports {module}, not in {file}"
                );
            }
        }
        assert!(modules >= 40, "{modules} modules");
    }

    #[test]
    fn what_is_not_to_be_shipped_is_really_there() {
        let paths: Vec<String> = files().into_iter().map(|(path, _)| path).collect();
        for service in ["auth", "backend", "frontend"] {
            for part in [".bundleignore", "NOTES.md", "main.rhai", "docs/"] {
                let start = format!("services/{service}/{part}");
                assert!(paths.iter().any(|path| path.starts_with(&start)), "{start}");
            }
        }
    }

    #[test]
    fn the_ports_are_filled_in() {
        let folder = tempfile::tempdir().unwrap();
        let ports = Ports {
            auth: 4001,
            backend: 4002,
            frontend: 4003,
        };
        for _ in 0..2 {
            write(folder.path(), ports).unwrap();
            let config = std::fs::read_to_string(folder.path().join(CONFIG)).unwrap();
            let config: toml::Table = config.parse().unwrap();
            for (service, port) in [("auth", 4001), ("backend", 4002), ("frontend", 4003)] {
                let url = config["service"][service]["url"].as_str();
                assert_eq!(url, Some(format!("http://127.0.0.1:{port}").as_str()));
            }
            assert!(
                folder
                    .path()
                    .join("services/backend/.bundleignore")
                    .exists()
            );
        }
    }

    #[test]
    fn a_file_in_the_way_is_named() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("services"), "").unwrap();
        let ports = Ports {
            auth: 1,
            backend: 2,
            frontend: 3,
        };
        let error = write(folder.path(), ports).unwrap_err();
        assert!(error.to_string().contains("services/"), "{error}");
    }
}
