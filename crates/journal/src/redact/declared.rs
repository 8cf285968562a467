//! Values that the project declares as secret, in every form in which they may be printed.

use std::fmt;
use std::fmt::Write as _;
use std::ops::Range;

use assay_model::Secret;
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use regex::bytes::{Regex, RegexBuilder};

use super::span::{Kind, Span};

/// A declared value shorter than this is not looked for: it would be found everywhere.
const DECLARED_BYTES_MIN: usize = 4;

/// Characters of a long value that are looked for as one piece; its pieces touch, so that all of
/// it is hidden.
const PIECE_CHARS: usize = 512;

/// Shortest part of a base64 text that is looked for without its surroundings; a shorter one
/// would also occur by chance.
const BASE64_CHARS_MIN: usize = 8;

/// Lengths of hexadecimal names: revision, UUID, SHA-1, BLAKE3.
const NAME_DIGITS: [usize; 4] = [12, 32, 40, 64];

/// Characters of a UUID in its usual form.
const UUID_CHARS: usize = 36;

/// A declared secret that is not looked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ignored {
    /// Its name, never its value.
    pub name: String,
    /// Why.
    pub reason: &'static str,
}

/// The declared values of a project.
pub(super) struct Declared {
    values: Vec<String>,
    pattern: Option<Regex>,
    ignored: Vec<Ignored>,
}

impl fmt::Debug for Declared {
    /// Never shows a value.
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "Declared({} values)", self.values.len())
    }
}

impl Declared {
    pub(super) fn new(secrets: &[Secret], names: &[&str]) -> Self {
        let mut values = Vec::new();
        let mut ignored = Vec::new();
        for secret in secrets {
            let value = secret.value.trim();
            let mut ignore = |reason| {
                ignored.push(Ignored {
                    name: secret.name.clone(),
                    reason,
                })
            };
            if value.len() < DECLARED_BYTES_MIN {
                ignore("its value is shorter than 4 bytes");
            } else if names.contains(&value) {
                ignore("its value is also a name in the configuration");
            } else {
                values.push(value.to_owned());
            }
        }
        values.sort();
        values.dedup();
        let pattern = (!values.is_empty()).then(|| compile(&values));
        Self {
            values,
            pattern,
            ignored,
        }
    }

    pub(super) fn ignored(&self) -> &[Ignored] {
        &self.ignored
    }

    pub(super) fn is_value(&self, text: &str) -> bool {
        self.values.iter().any(|value| value == text)
    }

    pub(super) fn spans(&self, text: &[u8], spans: &mut Vec<Span>) {
        let Some(pattern) = &self.pattern else { return };
        for found in pattern.find_iter(text) {
            let range = found.range();
            if !inside_a_name(text, &range) {
                spans.push(Span {
                    range,
                    kind: Kind::Secret,
                });
            }
        }
    }
}

/// Whether the range is a part of a hash or a UUID, where a short value occurs by chance.
fn inside_a_name(text: &[u8], range: &Range<usize>) -> bool {
    let within = |is_part: fn(&u8) -> bool, longest: usize| {
        if !text[range.clone()].iter().all(is_part) {
            return 0;
        }
        let before = text[..range.start].iter().rev().take(longest + 1);
        let after = text[range.end..].iter().take(longest + 1);
        before.take_while(|byte| is_part(byte)).count()
            + range.len()
            + after.take_while(|byte| is_part(byte)).count()
    };
    let digits = within(u8::is_ascii_hexdigit, NAME_DIGITS[3]);
    let uuid = within(|byte| byte.is_ascii_hexdigit() || *byte == b'-', UUID_CHARS);
    (digits > range.len() && NAME_DIGITS.contains(&digits))
        || (uuid > range.len() && uuid == UUID_CHARS)
}

/// One pattern for every form of every value, the longest first.
fn compile(values: &[String]) -> Regex {
    let mut forms = Vec::new();
    for value in values {
        forms.extend(base64_forms(value.as_bytes()));
        let chars: Vec<char> = value.chars().collect();
        let pieces = chars.len().div_ceil(PIECE_CHARS);
        let size = chars.len().div_ceil(pieces.max(1));
        forms.extend(chars.chunks(size.max(1)).map(text_form));
    }
    forms.sort_by_key(|form| std::cmp::Reverse(form.len()));
    forms.dedup();
    RegexBuilder::new(&forms.join("|"))
        .unicode(false)
        .size_limit(usize::MAX)
        .build()
        .expect("escaped text is a valid pattern, whatever its size")
}

/// A pattern for a text in which any character may be written raw, percent-encoded, or escaped
/// as in JSON, also in JSON within JSON.
fn text_form(chars: &[char]) -> String {
    let mut form = String::new();
    for &char in chars {
        if char.is_ascii_alphanumeric() {
            form.push(char);
            continue;
        }
        let mut utf8 = [0; 4];
        let utf8 = char.encode_utf8(&mut utf8).as_bytes();
        form.push_str("(?:");
        for byte in utf8 {
            let _infallible = write!(form, r"\x{byte:02x}");
        }
        form.push('|');
        for byte in utf8 {
            let _infallible = write!(form, "(?i:%{byte:02x})");
        }
        form.push('|');
        let mut utf16 = [0; 2];
        for unit in char.encode_utf16(&mut utf16) {
            let _infallible = write!(form, r"\\+(?i:u{unit:04x})");
        }
        form.push_str(match char {
            '\n' => r"|\\+n|\r\n|\\+r\\+n",
            '\r' => r"|\\+r",
            '\t' => r"|\\+t",
            ' ' => r"|\+",
            '\\' => r"|\\+",
            '"' => r#"|\\+""#,
            '\'' => r"|\\+'",
            '/' => r"|\\+/",
            '&' => "|&amp;",
            _ => "",
        });
        form.push(')');
    }
    form
}

/// Base64 of the value, alone and as part of a longer text (which shifts it by one or two
/// bytes), in both alphabets.
fn base64_forms(value: &[u8]) -> Vec<String> {
    let mut forms = vec![regex::escape(&STANDARD.encode(value))];
    for shift in 0..3_usize {
        let mut shifted = vec![0; shift];
        shifted.extend_from_slice(value);
        for text in [
            STANDARD_NO_PAD.encode(&shifted),
            URL_SAFE_NO_PAD.encode(&shifted),
        ] {
            // The characters at either end also depend on what stands beside the value.
            let first = if shift == 0 { 0 } else { shift + 1 };
            let last = text.len() - usize::from(!shifted.len().is_multiple_of(3));
            if last >= first + BASE64_CHARS_MIN {
                forms.push(regex::escape(&text[first..last]));
            }
        }
    }
    forms
}
