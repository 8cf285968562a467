//! Paths relative to the repository's root, with `/`, that never leave it.

/// The folder of a file; `.` for the root itself.
pub(crate) fn folder(path: &str) -> &str {
    path.rsplit_once('/').map_or(".", |(folder, _)| folder)
}

/// The last part of a path.
pub(crate) fn name(path: &str) -> &str {
    path.rsplit_once('/').map_or(path, |(_, name)| name)
}

/// `relative` seen from `folder`; `None` where it is absolute or leaves the repository.
pub(crate) fn join(folder: &str, relative: &str) -> Option<String> {
    if relative.starts_with(['/', '~']) {
        return None;
    }
    let mut parts: Vec<&str> = Vec::new();
    for part in folder.split('/').chain(relative.split('/')) {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop()?;
            }
            part => parts.push(part),
        }
    }
    Some(if parts.is_empty() {
        ".".to_owned()
    } else {
        parts.join("/")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn joins() {
        let check = |folder, relative, expected: Option<&str>| {
            assert_eq!(
                join(folder, relative).as_deref(),
                expected,
                "{folder} {relative}"
            );
        };
        check(".", "a", Some("a"));
        check("a/b", "../c", Some("a/c"));
        check("a", "..", Some("."));
        check("a", ".", Some("a"));
        check(".", "..", None);
        check("a", "../../b", None);
        check("a", "/etc", None);
        check("a", "~/x", None);
        check("a", "./b//c/", Some("a/b/c"));
    }

    #[test]
    fn splits() {
        assert_eq!((folder("a/b/c"), name("a/b/c")), ("a/b", "c"));
        assert_eq!((folder("c"), name("c")), (".", "c"));
    }
}
