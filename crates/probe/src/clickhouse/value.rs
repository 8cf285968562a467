//! Values of one column, as text. Pure.
//!
//! Encodings are those of ClickHouse's documentation, "Native Format".

/// How the values of a type are laid out, as far as the first of them is concerned.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Layout {
    Unsigned(usize),
    Signed(usize),
    Float(usize),
    Truth,
    Text,
    FixedText(usize),
    Uuid,
    /// A map of what is missing, and then the values.
    Nullable(Box<Layout>),
}

/// Bytes of a `FixedString`, at most: the server's own limit is far above any answer.
const FIXED_BYTES_MAX: usize = 64 * 1024;

impl Layout {
    /// `None` for types that only clients with a calendar or an arithmetic of their own can show.
    pub(super) fn of(name: &str) -> Option<Self> {
        if let Some(inner) = argument(name, "Nullable") {
            return match Self::of(inner)? {
                Self::Nullable(_) => None,
                layout => Some(Self::Nullable(Box::new(layout))),
            };
        }
        if let Some(length) = argument(name, "FixedString") {
            let length = length.parse().ok()?;
            return (length <= FIXED_BYTES_MAX).then_some(Self::FixedText(length));
        }
        Some(match name {
            "UInt8" => Self::Unsigned(1),
            "UInt16" => Self::Unsigned(2),
            "UInt32" => Self::Unsigned(4),
            "UInt64" => Self::Unsigned(8),
            "UInt128" => Self::Unsigned(16),
            "Int8" => Self::Signed(1),
            "Int16" => Self::Signed(2),
            "Int32" => Self::Signed(4),
            "Int64" => Self::Signed(8),
            "Int128" => Self::Signed(16),
            "Float32" => Self::Float(4),
            "Float64" => Self::Float(8),
            "Bool" => Self::Truth,
            "String" => Self::Text,
            "UUID" => Self::Uuid,
            _ => return None,
        })
    }

    /// Bytes of one value; `None` where the value says.
    pub(super) fn width(&self) -> Option<usize> {
        match self {
            Self::Unsigned(width) | Self::Signed(width) | Self::Float(width) => Some(*width),
            Self::FixedText(width) => Some(*width),
            Self::Truth => Some(1),
            Self::Uuid => Some(16),
            Self::Text | Self::Nullable(_) => None,
        }
    }

    /// The text of a value that was read.
    pub(super) fn show(&self, bytes: &[u8]) -> String {
        let wide = |fill: u8| {
            let mut wide = [fill; 16];
            let length = bytes.len().min(16);
            wide[..length].copy_from_slice(&bytes[..length]);
            wide
        };
        match self {
            Self::Unsigned(_) => u128::from_le_bytes(wide(0)).to_string(),
            Self::Signed(_) => {
                let is_negative = bytes.last().is_some_and(|last| *last >= 0x80);
                i128::from_le_bytes(wide(if is_negative { 0xff } else { 0 })).to_string()
            }
            Self::Float(4) => {
                let bits = u128::from_le_bytes(wide(0));
                f32::from_bits(u32::try_from(bits).unwrap_or_default()).to_string()
            }
            Self::Float(_) => {
                let bits = u128::from_le_bytes(wide(0));
                f64::from_bits(u64::try_from(bits).unwrap_or_default()).to_string()
            }
            Self::Truth => (bytes.first() != Some(&0)).to_string(),
            Self::FixedText(_) => {
                let text = String::from_utf8_lossy(bytes);
                text.trim_end_matches('\0').to_owned()
            }
            Self::Uuid => uuid(wide(0)),
            Self::Text | Self::Nullable(_) => String::from_utf8_lossy(bytes).into_owned(),
        }
    }
}

/// Two numbers of eight bytes, the higher one first.
fn uuid(bytes: [u8; 16]) -> String {
    let both = u128::from_le_bytes(bytes).rotate_left(64);
    let hex = format!("{both:032x}");
    let parts = [
        &hex[..8],
        &hex[8..12],
        &hex[12..16],
        &hex[16..20],
        &hex[20..],
    ];
    parts.join("-")
}

/// `T` of `Outer(T)`.
fn argument<'a>(name: &'a str, outer: &str) -> Option<&'a str> {
    name.strip_prefix(outer)?
        .strip_prefix('(')?
        .strip_suffix(')')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn check(name: &str, bytes: &[u8], expected: &str) {
        let layout = Layout::of(name).unwrap();
        assert_eq!(layout.show(bytes), expected, "{name}");
        assert!(
            layout.width().is_none_or(|width| width == bytes.len()),
            "{name}"
        );
    }

    #[test]
    fn values_become_text() {
        check("UInt8", &[1], "1");
        check("UInt64", &u64::MAX.to_le_bytes(), "18446744073709551615");
        check("Int8", &[0xff], "-1");
        check("Int32", &(-5_i32).to_le_bytes(), "-5");
        check("Int16", &300_i16.to_le_bytes(), "300");
        check("Float64", &0.5_f64.to_le_bytes(), "0.5");
        check("Float32", &1.25_f32.to_le_bytes(), "1.25");
        check("Bool", &[1], "true");
        check("String", "é".as_bytes(), "é");
        check("FixedString(3)", b"a\0\0", "a");
        let uuid = [
            0xd4, 0x41, 0x9b, 0xe2, 0x00, 0x84, 0x0e, 0x55, 0x00, 0x00, 0x44, 0x55, 0x66, 0x44,
            0x16, 0xa7,
        ];
        check("UUID", &uuid, "550e8400-e29b-41d4-a716-446655440000");
    }

    #[test]
    fn other_types_are_said_to_be_unknown() {
        let unknown = [
            "DateTime",
            "Decimal(9, 2)",
            "Array(UInt8)",
            "Nullable(Array(UInt8))",
            "Nullable(Nullable(UInt8))",
            "FixedString(99999999)",
            "FixedString(x)",
            "Nullable(",
            "",
        ];
        for name in unknown {
            assert_eq!(Layout::of(name), None, "{name}");
        }
        let inner = Box::new(Layout::Text);
        assert_eq!(
            Layout::of("Nullable(String)"),
            Some(Layout::Nullable(inner))
        );
    }

    proptest! {
        #[test]
        fn any_name_and_any_bytes(name in "(Nullable\\(|FixedString\\(|U?Int(8|64|128)|Float(32|64)|UUID|[0-9]{1,5}|\\)){0,4}", bytes in proptest::collection::vec(any::<u8>(), 0..40)) {
            if let Some(layout) = Layout::of(&name) {
                let _text = layout.show(&bytes);
            }
        }

        #[test]
        fn numbers_survive(number in any::<i64>()) {
            let layout = Layout::of("Int64").unwrap();
            prop_assert_eq!(layout.show(&number.to_le_bytes()), number.to_string());
        }
    }
}
