//! SPDX licence expressions, as far as crates use them.

/// Whether the terms of `expression` can be met with `allowed` licences alone.
///
/// Known are `AND`, `OR`, parentheses, `WITH` exceptions (as part of the name), a trailing `+`,
/// and the old `A/B` for `A OR B`. What cannot be read is not allowed.
pub(crate) fn is_allowed(expression: &str, allowed: &dyn Fn(&str) -> bool) -> bool {
    let spaced = expression
        .replace('/', " OR ")
        .replace('(', " ( ")
        .replace(')', " ) ");
    let mut tokens = spaced.split_whitespace().peekable();
    let met = any(&mut tokens, allowed);
    tokens.next().is_none() && met == Some(true)
}

type Tokens<'t> = std::iter::Peekable<std::str::SplitWhitespace<'t>>;

fn any(tokens: &mut Tokens<'_>, allowed: &dyn Fn(&str) -> bool) -> Option<bool> {
    let mut met = all(tokens, allowed)?;
    while tokens.next_if_eq(&"OR").is_some() {
        met |= all(tokens, allowed)?;
    }
    Some(met)
}

fn all(tokens: &mut Tokens<'_>, allowed: &dyn Fn(&str) -> bool) -> Option<bool> {
    let mut met = one(tokens, allowed)?;
    while tokens.next_if_eq(&"AND").is_some() {
        met &= one(tokens, allowed)?;
    }
    Some(met)
}

fn one(tokens: &mut Tokens<'_>, allowed: &dyn Fn(&str) -> bool) -> Option<bool> {
    match tokens.next()? {
        "(" => {
            let met = any(tokens, allowed)?;
            tokens.next_if_eq(&")").map(|_| met)
        }
        ")" | "AND" | "OR" | "WITH" => None,
        name if tokens.next_if_eq(&"WITH").is_some() => {
            Some(allowed(&format!("{name} WITH {}", tokens.next()?)))
        }
        name => Some(allowed(name.strip_suffix('+').unwrap_or(name))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(expression: &str, expected: bool) {
        let allowed = |name: &str| ["MIT", "Apache-2.0", "Zlib"].contains(&name);
        assert_eq!(is_allowed(expression, &allowed), expected, "{expression}");
    }

    #[test]
    fn expressions_are_met_by_what_is_allowed() {
        check("MIT", true);
        check("GPL-3.0", false);
        check("GPL-3.0 OR MIT", true);
        check("GPL-3.0/MIT", true);
        check("GPL-3.0 AND MIT", false);
        check("Zlib+ AND MIT", true);
        check("MIT OR GPL-3.0 AND Zlib", true);
        check("(MIT OR GPL-3.0) AND GPL-3.0", false);
        check("(MIT OR GPL-3.0) AND Zlib", true);
        check("Apache-2.0 WITH LLVM-exception", false);
        check("Apache-2.0 WITH LLVM-exception OR MIT", true);
    }

    #[test]
    fn what_cannot_be_read_is_not_allowed() {
        check("", false);
        check("MIT OR", false);
        check("(MIT", false);
        check("MIT)", false);
        check("MIT MIT", false);
        check("AND", false);
        check("MIT WITH", false);
    }
}
