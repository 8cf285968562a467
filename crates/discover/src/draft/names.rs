//! Names: made fit for the configuration, told apart, compared.

use std::collections::BTreeSet;

/// Words of a name that say what kind of thing it is and not which one.
const EMPTY_WORDS: [&str; 12] = [
    "app",
    "container",
    "deploy",
    "deployment",
    "local",
    "server",
    "service",
    "srv",
    "statefulset",
    "svc",
    "dev",
    "prod",
];

/// A name that the configuration accepts and that resembles `name`.
pub(crate) fn fit(name: &str) -> String {
    let fitting: String = name
        .chars()
        .map(|c| match c {
            'a'..='z' | 'A'..='Z' | '0'..='9' | '-' | '_' => c,
            _ => '-',
        })
        .collect();
    let trimmed = fitting.trim_start_matches(['-', '_']).trim_end_matches('-');
    if trimmed.is_empty() {
        "unnamed".to_owned()
    } else {
        trimmed.to_owned()
    }
}

/// `name`, or `name-2`, `name-3`, … if it is taken; it is taken afterwards.
pub(crate) fn unique(name: &str, taken: &mut BTreeSet<String>) -> String {
    let mut candidate = name.to_owned();
    let mut number = 1;
    while !taken.insert(candidate.clone()) {
        number += 1;
        candidate = format!("{name}-{number}");
    }
    candidate
}

/// A name in the one spelling that names are compared in.
pub(crate) fn normal(name: &str) -> String {
    fit(name).to_ascii_lowercase().replace('_', "-")
}

/// The words of a name that tell it from others of the same project.
pub(crate) fn telling_words(name: &str, project: &str) -> Vec<String> {
    let project = normal(project);
    let name = normal(name);
    let own = name
        .strip_prefix(&format!("{project}-"))
        .or_else(|| name.strip_suffix(&format!("-{project}")))
        .unwrap_or(&name);
    own.split('-')
        .filter(|word| !word.is_empty() && !EMPTY_WORDS.contains(word))
        .map(str::to_owned)
        .collect()
}

/// Whether a name can be that of a variable.
pub(crate) fn is_variable(name: &str) -> bool {
    let is_part = |c: char| c.is_ascii_alphanumeric() || c == '_';
    !name.is_empty() && !name.starts_with(|c: char| c.is_ascii_digit()) && name.chars().all(is_part)
}

/// The last part of a path.
pub(crate) fn last_part(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}

/// The folder that a file is in; `.` for the root.
pub(crate) fn folder_of(file: &str) -> &str {
    file.rsplit_once('/').map_or(".", |(folder, _)| folder)
}

/// Whether `file` is in `folder` or below it.
pub(crate) fn is_below(file: &str, folder: &str) -> bool {
    folder == "."
        || file == folder
        || file
            .strip_prefix(folder)
            .is_some_and(|rest| rest.starts_with('/'))
}

/// Whether a path may stand in the configuration: relative, and inside the repository.
pub(crate) fn is_inside(path: &str) -> bool {
    !path.is_empty()
        && !path.starts_with('/')
        && !path.contains([':', '$', '{', '*', '?', '\\'])
        && !path.chars().any(char::is_control)
        && path.split('/').all(|part| part != "..")
}

/// The last part of an image's path, and the last two, without registry, tag and digest.
pub(crate) fn image_name(image: &str) -> Option<(String, String)> {
    let image = image.split('@').next()?.to_ascii_lowercase();
    if image.contains(['$', '{']) {
        return None;
    }
    let name = last_part(&image).split(':').next()?.to_owned();
    let two = match image.rsplit_once('/') {
        Some((before, _)) => format!("{}/{name}", last_part(before)),
        None => name.clone(),
    };
    (!name.is_empty()).then_some((name, two))
}

/// `a, b, c and 4 more`.
pub(crate) fn list<S: AsRef<str>>(names: &[S]) -> String {
    /// Names in one sentence: past these nobody reads on.
    const NAMES_MAX: usize = 8;
    let shown: Vec<&str> = names.iter().take(NAMES_MAX).map(AsRef::as_ref).collect();
    let shown_count = shown.len();
    let mut text = shown.join(", ");
    if names.len() > shown_count {
        text.push_str(&format!(" and {} more", names.len() - shown_count));
    }
    text
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn check(name: &str, expected: &str) {
        assert_eq!(fit(name), expected, "{name}");
    }

    fn check_words(name: &str, expected: &[&str]) {
        assert_eq!(telling_words(name, "shop"), expected, "{name}");
    }

    #[test]
    fn names_are_made_fit() {
        check("api", "api");
        check("my.api", "my-api");
        check("_x", "x");
        check("-", "unnamed");
        check("", "unnamed");
        check("café", "caf");
    }

    #[test]
    fn affixes_say_nothing() {
        check_words("shop-api", &["api"]);
        check_words("api_service", &["api"]);
        check_words("shop-api-deployment", &["api"]);
        check_words("admin-api", &["admin", "api"]);
        check_words("shop", &["shop"]);
        check_words("server", &[]);
    }

    #[test]
    fn taken_names_get_a_number() {
        let mut taken = BTreeSet::new();
        let names: Vec<String> = (0..3).map(|_| unique("api", &mut taken)).collect();
        assert_eq!(names, ["api", "api-2", "api-3"]);
    }

    #[test]
    fn long_lists_are_cut() {
        assert_eq!(list(&["a", "b"]), "a, b");
        assert_eq!(list(&["x"; 10]), "x, x, x, x, x, x, x, x and 2 more");
    }

    #[test]
    fn folders_hold_files() {
        for (file, folder, expected) in [
            ("a/b.py", "a", true),
            ("ab/c.py", "a", false),
            ("x", ".", true),
            ("a", "a", true),
        ] {
            assert_eq!(is_below(file, folder), expected, "{file} in {folder}");
        }
    }

    proptest! {
        #[test]
        fn any_name_becomes_fit(name in ".{0,12}") {
            let fit = fit(&name);
            prop_assert!(fit.starts_with(|c: char| c.is_ascii_alphanumeric()));
            prop_assert!(fit.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_')));
        }
    }
}
