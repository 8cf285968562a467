//! What a server's certificate says of itself. Pure, but for the time that it is given.

use assay_model::{Certificate, Timestamp};
use x509_parser::certificate::X509Certificate;
use x509_parser::extensions::GeneralName;
use x509_parser::parse_x509_certificate;

/// Names of one certificate that are kept: shared front doors have hundreds, and nobody reads
/// more than these.
const NAMES_MAX: usize = 16;

/// Names that fit into a line for a person.
const NAMES_SHOWN: usize = 3;

const HOUR_S: i64 = 60 * 60;
const DAY_S: i64 = 24 * HOUR_S;

/// Reads a certificate; `None` where it is none.
pub(crate) fn read(der: &[u8], now: Timestamp) -> Option<Certificate> {
    let (_, parsed) = parse_x509_certificate(der).ok()?;
    let not_after = Timestamp::from_second(parsed.validity().not_after.timestamp()).ok()?;
    Some(Certificate {
        names: names(&parsed),
        issuer: parsed.issuer().to_string(),
        not_after,
        days_left: (not_after.as_second() - now.as_second()) / DAY_S,
    })
}

/// When it begins; `None` where it is no certificate.
pub(crate) fn not_before(der: &[u8]) -> Option<Timestamp> {
    let (_, parsed) = parse_x509_certificate(der).ok()?;
    Timestamp::from_second(parsed.validity().not_before.timestamp()).ok()
}

/// Whether whoever it is for signed it.
pub(crate) fn is_self_signed(der: &[u8]) -> bool {
    parse_x509_certificate(der)
        .is_ok_and(|(_, parsed)| parsed.issuer().as_raw() == parsed.subject().as_raw())
}

/// `expired 3 days ago (2026-11-20)`, `ends in 5 days (2026-11-28)`, `not valid for another …`.
pub(crate) fn distance(now: Timestamp, then: Timestamp) -> String {
    let seconds = (then.as_second() - now.as_second()).abs();
    let (n, unit) = match seconds {
        DAY_S.. => (seconds / DAY_S, "day"),
        HOUR_S.. => (seconds / HOUR_S, "hour"),
        _ => (seconds / 60, "minute"),
    };
    let plural = if n == 1 { "" } else { "s" };
    format!("{n} {unit}{plural}")
}

/// The day in UTC.
pub(crate) fn day(at: Timestamp) -> String {
    at.strftime("%Y-%m-%d").to_string()
}

/// `a.example, b.example and 7 more`.
pub(crate) fn list(names: &[String]) -> String {
    if names.is_empty() {
        return "no name".to_owned();
    }
    let shown = names[..names.len().min(NAMES_SHOWN)].join(", ");
    match names.len().saturating_sub(NAMES_SHOWN) {
        0 => shown,
        more => format!("{shown} and {more} more"),
    }
}

fn names(parsed: &X509Certificate<'_>) -> Vec<String> {
    let alternative = parsed.subject_alternative_name().ok().flatten();
    let names: Vec<String> = alternative
        .iter()
        .flat_map(|extension| &extension.value.general_names)
        .filter_map(name)
        .take(NAMES_MAX)
        .collect();
    let subject = parsed.subject().to_string();
    if names.is_empty() && !subject.is_empty() {
        vec![subject]
    } else {
        names
    }
}

fn name(name: &GeneralName<'_>) -> Option<String> {
    match name {
        GeneralName::DNSName(name) => Some((*name).to_owned()),
        GeneralName::IPAddress(bytes) => {
            let four = <[u8; 4]>::try_from(*bytes).map(|b| std::net::IpAddr::from(b).to_string());
            four.or_else(|_| {
                <[u8; 16]>::try_from(*bytes).map(|b| std::net::IpAddr::from(b).to_string())
            })
            .ok()
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn check(seconds: i64, expected: &str) {
        let now = Timestamp::from_second(1_000_000_000).unwrap();
        let then = Timestamp::from_second(1_000_000_000 + seconds).unwrap();
        assert_eq!(distance(now, then), expected, "{seconds}");
    }

    #[test]
    fn distances_are_told_in_the_unit_that_fits() {
        check(3 * DAY_S, "3 days");
        check(-3 * DAY_S - 5, "3 days");
        check(DAY_S, "1 day");
        check(DAY_S - 1, "23 hours");
        check(-HOUR_S, "1 hour");
        check(30, "0 minutes");
    }

    fn check_list(count: usize, expected: &str) {
        let names: Vec<_> = (0..count).map(|n| format!("n{n}")).collect();
        assert_eq!(list(&names), expected);
    }

    #[test]
    fn long_lists_of_names_are_cut() {
        check_list(0, "no name");
        check_list(1, "n0");
        check_list(3, "n0, n1, n2");
        check_list(5, "n0, n1, n2 and 2 more");
    }

    proptest! {
        #[test]
        fn any_bytes_are_read(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            prop_assert!(read(&bytes, Timestamp::UNIX_EPOCH).is_none());
            prop_assert!(!is_self_signed(&bytes));
        }
    }
}
