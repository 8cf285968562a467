//! Routes that are files: Next.js, Nuxt, SvelteKit.

use super::prefix;
use crate::lexer::Source;

/// The path that a file answers by its place, as its framework reads it.
pub(super) fn path_of(path: &str) -> Option<String> {
    let (folder, file) = path.rsplit_once('/')?;
    let (stem, extension) = file.split_once('.')?;
    let segments: Vec<&str> = folder.split('/').collect();
    let after = |names: &[&str]| {
        let at = segments
            .windows(names.len())
            .position(|window| window == names)?;
        Some(segments[at + names.len()..].to_vec())
    };
    let script = matches!(extension, "ts" | "js" | "tsx" | "jsx" | "mjs");
    let (mut parts, root) = match stem {
        "route" if script => (after(&["app"])?, ""),
        "+server" if script => (after(&["src", "routes"])?, ""),
        _ if script && segments.contains(&"pages") => (after(&["pages", "api"])?, "api"),
        _ if script || matches!(extension, "get.ts" | "get.js") => {
            match after(&["server", "api"]) {
                Some(parts) => (parts, "api"),
                None => (after(&["server", "routes"])?, ""),
            }
        }
        _ => return None,
    };
    if !matches!(stem, "route" | "+server" | "index") {
        parts.push(stem);
    }
    // Next.js and SvelteKit: a folder in brackets groups files and is not in the path.
    parts.retain(|part| !(part.starts_with('(') && part.ends_with(')')));
    prefix::join(root, &parts.join("/"))
}

/// The token that shows that the file answers: an exported `GET`, a default export.
pub(super) fn handler(path: &str, source: &Source<'_>) -> Option<usize> {
    let file = path.rsplit('/').next()?;
    let by_method = file.starts_with("route.") || file.starts_with("+server.");
    (0..source.len()).find(|at| match source.word(*at) {
        Some("GET") => by_method,
        Some("default") => !by_method && *at > 0 && source.word(at - 1) == Some("export"),
        _ => false,
    })
}
