//! One file: which reader knows it, and its text within bounds.

use std::fs::File;
use std::io::Read;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};

use memchr::memmem;

use crate::yaml::{self, Node};
use crate::{
    Clues, compose, dockerfile, dotenv, dotnet, kubernetes, nginx, openapi, packages, paths,
    procfile, routes, settings, tests_found,
};

/// Bytes of one file. Generated OpenAPI documents and bundles of manifests reach 3 MiB.
const BYTES_MAX: u64 = 4 << 20;

/// Bytes of one file of code; a longer one was generated.
const SOURCE_BYTES_MAX: u64 = 1 << 20;

/// Bytes in which the key that tells a JSON document must stand.
const HEAD_BYTES: usize = 4_096;

/// Bytes in which a NUL tells a binary file.
const BINARY_BYTES: usize = 8_192;

/// What one file says.
pub(super) struct FileClues {
    pub(super) path: String,
    /// Finished clues.
    pub(super) clues: Clues,
    /// The text of a compose file, which is read together with others.
    pub(super) compose: Option<String>,
    pub(super) manifests: Option<kubernetes::Manifests>,
    pub(super) nginx: Option<nginx::Parsed>,
    /// Routers that a file mounts, which may be of other files.
    pub(super) mounts: Vec<routes::Mount>,
    pub(super) launch: Option<dotnet::Launch>,
    /// What the program of an Aspire host starts.
    pub(super) host: Option<dotnet::Host>,
}

impl FileClues {
    pub(super) fn new(path: &str) -> Self {
        Self {
            path: path.to_owned(),
            clues: Clues::default(),
            compose: None,
            manifests: None,
            nginx: None,
            mounts: Vec::new(),
            launch: None,
            host: None,
        }
    }
}

/// Who reads a file, told by its name alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Format {
    Compose,
    Dockerfile,
    Procfile,
    Variables(dotenv::Kind),
    Manifest,
    Yaml,
    Json,
    Nginx,
    Launch,
    Source,
}

fn format(path: &str) -> Option<Format> {
    let name = paths::name(path);
    let extension = name.rsplit_once('.').map_or("", |(_, extension)| extension);
    if compose::is_compose(path) {
        Some(Format::Compose)
    } else if dockerfile::is_dockerfile(path) {
        Some(Format::Dockerfile)
    } else if procfile::is_procfile(path) {
        Some(Format::Procfile)
    } else if let Some(kind) = dotenv::kind(path) {
        Some(Format::Variables(kind))
    } else if packages::knows(path) || tests_found::knows(path) {
        Some(Format::Manifest)
    } else if dotnet::is_settings(path) {
        Some(Format::Launch)
    } else if name == "Kustomization" {
        Some(Format::Yaml)
    } else {
        match extension {
            "yaml" | "yml" => Some(Format::Yaml),
            "json" => Some(Format::Json),
            "conf" | "template" | "tmpl" | "j2" | "nginx" | "vhost" | "" => {
                let plain_name = extension.is_empty();
                let folder = paths::name(paths::folder(path));
                let site = ["sites-available", "sites-enabled", "conf.d"].contains(&folder);
                (!plain_name || site).then_some(Format::Nginx)
            }
            "py" | "js" | "jsx" | "ts" | "tsx" | "mjs" | "cjs" | "go" | "rs" | "java" | "kt"
            | "kts" | "rb" | "php" | "cs" | "ex" | "exs" => {
                (!routes::is_test(path)).then_some(Format::Source)
            }
            _ => None,
        }
    }
}

/// Reads files below a folder.
pub(super) struct Reader<'a> {
    pub(super) root: &'a Path,
}

impl Reader<'_> {
    /// What one file says; `None` for one that no reader knows or that says nothing.
    pub(super) fn read(&self, path: &str, count: &AtomicUsize) -> Option<FileClues> {
        let format = format(path)?;
        count.fetch_add(1, Ordering::Relaxed);
        let limit = match format {
            Format::Source => SOURCE_BYTES_MAX,
            _ => BYTES_MAX,
        };
        let bytes = match self.bytes(path, limit, format == Format::Json) {
            Ok(bytes) => bytes?,
            Err(error) => return Some(FileClues::unreadable(path, 0, error.kind().to_string())),
        };
        if !may_say_something(format, path, &bytes) {
            return None;
        }
        let told = |reason: &str| Some(FileClues::unreadable(path, 0, reason));
        let quiet = matches!(format, Format::Source | Format::Nginx | Format::Launch);
        if bytes.len() as u64 > limit {
            return if quiet {
                None
            } else {
                told("larger than 4 MiB")
            };
        }
        if memchr::memchr(0, &bytes[..bytes.len().min(BINARY_BYTES)]).is_some() {
            return if quiet { None } else { told("a binary file") };
        }
        match String::from_utf8(bytes) {
            Ok(text) => self.understand(format, path, text),
            Err(_) if quiet => None,
            Err(_) => told("not UTF-8"),
        }
    }

    /// The text of a file, which must be a regular one below the root, wherever links lead.
    pub(super) fn text(&self, path: &str) -> std::io::Result<Option<String>> {
        let whole = std::fs::canonicalize(self.root.join(path))?;
        if !whole.starts_with(self.root) || !std::fs::metadata(&whole)?.is_file() {
            return Ok(None);
        }
        let bytes = self.bytes(path, BYTES_MAX, false)?.unwrap_or_default();
        let fits = bytes.len() as u64 <= BYTES_MAX;
        Ok(String::from_utf8(bytes).ok().filter(|_| fits))
    }

    /// Names of files directly in a folder, at most so many.
    pub(super) fn names(&self, folder: &str, limit: usize) -> Vec<String> {
        let whole = std::fs::canonicalize(self.root.join(folder));
        let whole = whole.ok().filter(|whole| whole.starts_with(self.root));
        let entries = whole.and_then(|whole| std::fs::read_dir(whole).ok());
        let names = entries.into_iter().flatten().filter_map(|entry| {
            let entry = entry.ok()?;
            let is_file = entry.file_type().is_ok_and(|kind| kind.is_file());
            entry.file_name().into_string().ok().filter(|_| is_file)
        });
        let mut names: Vec<String> = names.collect();
        names.sort();
        names.truncate(limit);
        names
    }

    /// At most one byte more than `limit`. With `by_head` only a file whose head is promising.
    fn bytes(&self, path: &str, limit: u64, by_head: bool) -> std::io::Result<Option<Vec<u8>>> {
        let file = File::open(self.root.join(path))?;
        let mut file = file.take(limit + 1);
        let mut out = Vec::new();
        if by_head {
            file.by_ref()
                .take(HEAD_BYTES as u64)
                .read_to_end(&mut out)?;
            let keys = ["\"openapi\"", "\"swagger\"", "\"apiVersion\""];
            if !keys
                .iter()
                .any(|key| memmem::find(&out, key.as_bytes()).is_some())
            {
                return Ok(None);
            }
        }
        file.read_to_end(&mut out)?;
        Ok(Some(out))
    }

    fn understand(&self, format: Format, path: &str, text: String) -> Option<FileClues> {
        let mut out = FileClues::new(path);
        match format {
            Format::Compose => out.compose = Some(text),
            Format::Dockerfile => match dockerfile::read(path, &text) {
                Ok(file) => out.clues.dockerfiles.push(file),
                Err(error) => out.clues.unreadable.push(error),
            },
            Format::Procfile => {
                (out.clues.units, out.clues.unreadable) = procfile::read(path, &text);
            }
            Format::Variables(kind) => {
                (out.clues.variables, out.clues.unreadable) = dotenv::clues(path, &text, kind);
            }
            Format::Manifest => {
                let exists = |other: &str| self.root.join(other).exists();
                out.clues
                    .packages
                    .extend(packages::read(path, &text, &exists));
                out.clues.tests = tests_found::read(path, &text, &exists);
            }
            Format::Yaml | Format::Json => match yaml::read(&text) {
                Ok(documents) => understand_yaml(path, &text, &documents, &mut out),
                Err(error) => return Some(FileClues::unreadable(path, error.line, error.reason)),
            },
            Format::Nginx => match nginx::parse(path, &text)? {
                Ok(parsed) => out.nginx = Some(parsed),
                Err(error) => out.clues.unreadable.push(error),
            },
            Format::Launch => out.launch = Some(dotnet::read_launch(path, &text)?),
            Format::Source => {
                out.clues.routes = routes::read(path, &text);
                out.mounts = routes::mounts(path, &text);
                out.host = dotnet::is_host(path, text.as_bytes())
                    .then(|| dotnet::read_host(path, &text))
                    .flatten();
                let is_silent = out.mounts.is_empty() && out.host.is_none();
                if out.clues.routes.is_empty() && is_silent {
                    return None;
                }
            }
        }
        Some(out)
    }
}

fn understand_yaml(path: &str, text: &str, documents: &[Node], out: &mut FileClues) {
    let described = documents
        .first()
        .filter(|node| node.get("openapi").is_some() || node.get("swagger").is_some());
    if let Some(document) = described {
        out.clues.routes = openapi::read(path, document);
    } else if kubernetes::may_be(path, text) {
        out.manifests = Some(kubernetes::read(path, documents));
    } else if settings::is_settings(path) {
        let root = documents.first();
        out.clues
            .settings
            .extend(root.and_then(|root| settings::read(path, root)));
    }
}

/// A look at the bytes that spares most files the parser.
fn may_say_something(format: Format, path: &str, bytes: &[u8]) -> bool {
    let has = |needle: &str| memmem::find(bytes, needle.as_bytes()).is_some();
    match format {
        Format::Yaml | Format::Json => {
            let head = &bytes[..bytes.len().min(HEAD_BYTES)];
            let in_head = |needle: &str| memmem::find(head, needle.as_bytes()).is_some();
            settings::is_settings(path)
                || in_head("openapi")
                || in_head("swagger")
                || paths::name(path)
                    .to_ascii_lowercase()
                    .starts_with("kustomization")
                || (has("apiVersion")
                    && ["containers", "Service", "Ingress", "ConfigMap"]
                        .iter()
                        .any(|kind| has(kind)))
        }
        Format::Nginx => std::str::from_utf8(bytes).is_ok_and(|text| nginx::may_be(path, text)),
        // A file's place may be the route too, as in `app/api/health/route.ts`.
        Format::Source => {
            SIGNS.iter().any(|sign| path.contains(sign) || has(sign))
                || routes::may_mount(path, bytes)
                || dotnet::is_host(path, bytes)
        }
        _ => true,
    }
}

/// Parts of every path that a health check asks; code without any of them registers none.
const SIGNS: &[&str] = &[
    "health",
    "Health",
    "ready",
    "readi",
    "live",
    "ping",
    "status",
    "heartbeat",
    "/up",
    "start",
    "alive",
    "[controller]",
];

#[cfg(test)]
mod tests {
    use super::*;

    fn check(path: &str, expected: Option<Format>) {
        assert_eq!(format(path), expected, "{path}");
    }

    #[test]
    fn files_are_known_by_name() {
        check("a/docker-compose.yml", Some(Format::Compose));
        check("Dockerfile.prod", Some(Format::Dockerfile));
        check("Procfile", Some(Format::Procfile));
        check(
            ".env.example",
            Some(Format::Variables(dotenv::Kind::Example)),
        );
        check(".env", Some(Format::Variables(dotenv::Kind::Real)));
        check("x/package.json", Some(Format::Manifest));
        check("Api/Properties/launchSettings.json", Some(Format::Launch));
        check("Api/Api.csproj", Some(Format::Manifest));
        check("k8s/api.yaml", Some(Format::Yaml));
        check("openapi.json", Some(Format::Json));
        check("nginx/default.conf", Some(Format::Nginx));
        check("nginx/default.conf.template", Some(Format::Nginx));
        check("sites-available/default", Some(Format::Nginx));
        check("src/main.rs", Some(Format::Source));
        check("tests/test_api.py", None);
        check("README.md", None);
        check("LICENSE", None);
    }
}
