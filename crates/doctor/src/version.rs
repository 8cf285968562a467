//! Versions, as far as tools agree on what they are: numbers between dots.

use std::cmp::Ordering;
use std::fmt;

/// More numbers than any tool's version has.
const PARTS_MAX: usize = 6;

/// Numbers between dots; `1.2` and `1.2.0` are the same version.
#[derive(Clone, Debug)]
pub struct Version {
    text: String,
    parts: Vec<u64>,
}

impl Version {
    /// Reads `3.11.7`; `None` for anything else.
    pub fn parse(text: &str) -> Option<Self> {
        let number = |part: &str| {
            let digits = !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
            digits.then(|| part.parse().ok()).flatten()
        };
        let parts: Vec<u64> = text.split('.').map(number).collect::<Option<_>>()?;
        (parts.len() <= PARTS_MAX).then(|| Self {
            text: text.to_owned(),
            parts,
        })
    }

    fn significant(&self) -> &[u64] {
        let zeros = self.parts.iter().rev().take_while(|part| **part == 0);
        &self.parts[..self.parts.len() - zeros.count()]
    }
}

impl fmt::Display for Version {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.pad(&self.text)
    }
}

impl Ord for Version {
    fn cmp(&self, other: &Self) -> Ordering {
        self.significant().cmp(other.significant())
    }
}

impl PartialOrd for Version {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Version {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Version {}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn check(a: &str, b: &str, expected: Ordering) {
        let (a, b) = (Version::parse(a).unwrap(), Version::parse(b).unwrap());
        assert_eq!(a.cmp(&b), expected, "{a} to {b}");
        assert_eq!(b.cmp(&a), expected.reverse(), "{b} to {a}");
    }

    #[test]
    fn versions_compare_by_number() {
        check("3.9", "3.10", Ordering::Less);
        check("3.8.0", "3.8", Ordering::Equal);
        check("3.8", "3.8.0.1", Ordering::Less);
        check("0", "0.0", Ordering::Equal);
        check("252", "2.52", Ordering::Greater);
        check("10.0", "9.99.99", Ordering::Greater);
    }

    #[test]
    fn other_texts_are_no_versions() {
        for text in [
            "",
            ".",
            "1.",
            ".1",
            "1..2",
            "v1",
            "1.2a",
            "+1",
            " 1",
            "1.2.3.4.5.6.7",
            "99999999999999999999",
        ] {
            assert!(Version::parse(text).is_none(), "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn a_version_is_shown_as_it_was_read(text in "[0-9]{1,9}(\\.[0-9]{1,9}){0,5}") {
            prop_assert_eq!(Version::parse(&text).unwrap().to_string(), text);
        }

        #[test]
        fn any_text_is_read_or_refused(text in ".{0,30}") {
            if let Some(version) = Version::parse(&text) {
                prop_assert_eq!(version.to_string(), text);
            }
        }
    }
}
