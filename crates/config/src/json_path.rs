//! The JSON paths that a probe may expect a value at: `$.a.b`, `$.a[0]`.

/// Whether `path` is `$` followed by `.name` and `[index]` steps.
pub(crate) fn is_valid(path: &str) -> bool {
    let Some(mut rest) = path.strip_prefix('$') else {
        return false;
    };
    while !rest.is_empty() {
        let after = if let Some(name) = rest.strip_prefix('.') {
            let end = name.find(['.', '[']).unwrap_or(name.len());
            (end > 0 && !name[..end].contains(']')).then(|| &name[end..])
        } else if let Some(index) = rest.strip_prefix('[') {
            index
                .split_once(']')
                .filter(|(digits, _)| digits.parse::<u32>().is_ok() && !digits.starts_with('+'))
                .map(|(_, after)| after)
        } else {
            None
        };
        match after {
            Some(after) => rest = after,
            None => return false,
        }
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(path: &str, expected: bool) {
        assert_eq!(is_valid(path), expected, "{path}");
    }

    #[test]
    fn paths_are_names_and_indices_from_the_root() {
        check("$", true);
        check("$.status", true);
        check("$.a.b[0].c", true);
        check("$[3]", true);
        check("$.with-dash", true);
        check("status", false);
        check("", false);
        check("$status", false);
        check("$.", false);
        check("$..a", false);
        check("$.a[", false);
        check("$.a[x]", false);
        check("$.a[+1]", false);
        check("$.a]b", false);
    }
}
