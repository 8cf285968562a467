//! Times as a person writes them.

use std::time::Duration;

use assay_model::Timestamp;

/// Longest time that may be asked for: a year.
const SECONDS_MAX: u64 = 366 * 24 * 60 * 60;

/// A moment, or a time back from now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Moment {
    /// So long before now.
    Ago(Duration),
    /// At this time.
    At(Timestamp),
}

impl Moment {
    /// The moment that is meant, seen from `now`.
    pub(crate) fn seen_from(self, now: Timestamp) -> Timestamp {
        match self {
            Self::At(at) => at,
            Self::Ago(ago) => {
                let millis = i64::try_from(ago.as_millis()).unwrap_or(i64::MAX);
                let at = now.as_millisecond().saturating_sub(millis);
                Timestamp::from_millisecond(at).unwrap_or(Timestamp::UNIX_EPOCH)
            }
        }
    }
}

/// `500ms`, `90s`, `2m`, `1h30m`, `1d`.
pub(crate) fn duration(text: &str) -> Result<Duration, String> {
    let wrong = || format!("`{text}` is not a time such as 90s, 2m or 1h30m");
    let mut rest = text;
    let mut total = Duration::ZERO;
    while !rest.is_empty() {
        let digits = rest
            .find(|c: char| !c.is_ascii_digit() && c != '.')
            .ok_or_else(wrong)?;
        let (number, after) = rest.split_at(digits);
        let number: f64 = number.parse().map_err(|_| wrong())?;
        let unit_end = after
            .find(|c: char| !c.is_ascii_alphabetic())
            .unwrap_or(after.len());
        let (unit, after) = after.split_at(unit_end);
        let seconds = match unit {
            "ms" => 0.001,
            "s" => 1.0,
            "m" | "min" => 60.0,
            "h" => 3_600.0,
            "d" => 86_400.0,
            _ => return Err(wrong()),
        };
        total += Duration::try_from_secs_f64(number * seconds).map_err(|_| wrong())?;
        if total.as_secs() > SECONDS_MAX {
            return Err(format!("`{text}` is longer than a year"));
        }
        rest = after;
    }
    if total.is_zero() {
        return Err(wrong());
    }
    Ok(total)
}

/// A time back from now, or RFC 3339.
pub(crate) fn moment(text: &str) -> Result<Moment, String> {
    if let Ok(at) = text.parse::<Timestamp>() {
        return Ok(Moment::At(at));
    }
    duration(text)
        .map(Moment::Ago)
        .map_err(|_| format!("`{text}` is neither a time back (1h) nor RFC 3339 in full"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: Option<u64>) {
        let got = duration(text).ok().map(|time| time.as_millis() as u64);
        assert_eq!(got, expected, "{text}");
    }

    #[test]
    fn times_are_numbers_with_units() {
        check("500ms", Some(500));
        check("2m", Some(120_000));
        check("1h30m", Some(5_400_000));
        check("1.5s", Some(1_500));
        check("1d", Some(86_400_000));
        check("0s", None);
        check("", None);
        check("5", None);
        check("s", None);
        check("5x", None);
        check("-5s", None);
        check("1..5s", None);
        check("1e9s", None);
        check("999999999999999999999h", None);
    }

    #[test]
    fn moments_are_times_back_or_times() {
        let now: Timestamp = "2026-11-23T10:00:00Z".parse().unwrap();
        let seen = |text: &str| moment(text).unwrap().seen_from(now).to_string();
        assert_eq!(seen("1h"), "2026-11-23T09:00:00Z");
        assert_eq!(seen("2026-11-20T00:00:00Z"), "2026-11-20T00:00:00Z");
        assert!(moment("yesterday").is_err());
        assert!(moment("2026-11-20").is_err());
    }
}
