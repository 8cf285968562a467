//! `$NAME` and `${NAME:-default}` in text, by the rules of the Compose Specification.

/// Bytes between `{` and `}`. Longer ones are left as they are, so that a text of nothing but
/// `${` takes no quadratic time.
const BRACED_BYTES_MAX: usize = 4_096;

/// Levels of `${A:-${B:-c}}`.
const DEPTH_MAX: usize = 16;

/// Fills in every variable; one that `value` does not know is empty, as compose has it. `$$` is
/// a plain `$`.
pub(crate) fn all(text: &str, value: &dyn Fn(&str) -> Option<String>) -> String {
    expand(text, value, Unknown::Empty, 0)
}

/// Fills in what `value` knows or a default gives; the rest stays as it is written.
pub(crate) fn known(text: &str, value: &dyn Fn(&str) -> Option<String>) -> String {
    expand(text, value, Unknown::AsWritten, 0)
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Unknown {
    Empty,
    AsWritten,
}

fn expand(
    text: &str,
    value: &dyn Fn(&str) -> Option<String>,
    unknown: Unknown,
    depth: usize,
) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('$') {
        out.push_str(&rest[..at]);
        let after = &rest[at + 1..];
        if let Some(tail) = after
            .strip_prefix('$')
            .filter(|_| unknown == Unknown::Empty)
        {
            out.push('$');
            rest = tail;
        } else if let Some((inside, tail)) = braced(after).filter(|_| depth < DEPTH_MAX) {
            match substitute(inside, value, unknown, depth) {
                Some(found) => out.push_str(&found),
                None => out.push_str(&rest[at..rest.len() - tail.len()]),
            }
            rest = tail;
        } else {
            let length = name_length(after);
            let (name, tail) = after.split_at(length);
            match value(name).filter(|_| length > 0) {
                Some(found) => out.push_str(&found),
                None if length > 0 && unknown == Unknown::Empty => {}
                None => {
                    out.push('$');
                    out.push_str(name);
                }
            }
            rest = tail;
        }
    }
    out.push_str(rest);
    out
}

/// What stands for `${inside}`; `None` where it is to stay.
fn substitute(
    inside: &str,
    value: &dyn Fn(&str) -> Option<String>,
    unknown: Unknown,
    depth: usize,
) -> Option<String> {
    let (name, modifier) = inside.split_at(name_length(inside));
    if name.is_empty() {
        return None;
    }
    let found = value(name);
    let (found, modifier) = match modifier.strip_prefix(':') {
        Some(modifier) => (found.filter(|found| !found.is_empty()), modifier),
        None => (found, modifier),
    };
    let empty = || match unknown {
        Unknown::Empty => Some(String::new()),
        Unknown::AsWritten => None,
    };
    let Some(kind) = modifier.chars().next() else {
        return found.or_else(empty);
    };
    let word = || expand(&modifier[kind.len_utf8()..], value, unknown, depth + 1);
    match kind {
        '-' => Some(found.unwrap_or_else(word)),
        '+' => Some(found.map_or(String::new(), |_| word())),
        '?' => found.or_else(empty),
        _ => None,
    }
}

/// The text between `{` and its `}`, and what follows.
fn braced(text: &str) -> Option<(&str, &str)> {
    let inside = text.strip_prefix('{')?;
    let mut depth = 0_usize;
    for (at, byte) in inside.bytes().take(BRACED_BYTES_MAX).enumerate() {
        match byte {
            b'{' => depth += 1,
            b'}' if depth == 0 => return Some((&inside[..at], &inside[at + 1..])),
            b'}' => depth -= 1,
            _ => {}
        }
    }
    None
}

fn name_length(text: &str) -> usize {
    if text.starts_with(|c: char| c.is_ascii_digit()) {
        return 0;
    }
    text.bytes()
        .take_while(|byte| byte.is_ascii_alphanumeric() || *byte == b'_')
        .count()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn value(name: &str) -> Option<String> {
        match name {
            "V" => Some("v".to_owned()),
            "EMPTY" => Some(String::new()),
            _ => None,
        }
    }

    fn check(text: &str, expected: &str) {
        assert_eq!(all(text, &value), expected, "{text}");
    }

    #[test]
    fn compose_rules() {
        check("", "");
        check("$V-${V}", "v-v");
        check("$NO-${NO}", "-");
        check("${V:-d}${NO:-d}${EMPTY:-d}", "vdd");
        check("${V-d}${NO-d}${EMPTY-d}", "vd");
        check("${V:?e}${NO:?e}", "v");
        check("${V:+x}${NO:+x}${EMPTY:+x}${EMPTY+x}", "xx");
        check("$$V$${V}", "$V${V}");
        check("${NO:-${V}}${NO:-${NO:-z}}", "vz");
        check("${open", "${open");
        check("a$", "a$");
        check("$1 costs", "$1 costs");
        check("${NO:-}", "");
        check("${NO:-http://x:80/?a=b}", "http://x:80/?a=b");
        check("é$V", "év");
    }

    #[test]
    fn unknown_ones_may_stay() {
        let check = |text, expected: &str| assert_eq!(known(text, &value), expected, "{text}");
        check("$NO/${NO}/$V/${NO:-d}", "$NO/${NO}/v/d");
        check("$$", "$$");
    }

    #[test]
    fn nesting_is_bounded() {
        assert!(all(&"${A:-".repeat(5_000), &value).len() <= 25_000);
        let deep = format!("{}x{}", "${A:-".repeat(40), "}".repeat(40));
        assert!(!all(&deep, &value).is_empty());
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(text in "(\\$|\\{|\\}|:|-|\\?|\\+|V|\\PC){0,60}") {
            let _ = (all(&text, &value), known(&text, &value));
        }
    }
}
