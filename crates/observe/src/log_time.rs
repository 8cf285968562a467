//! The time in a line of somebody else's log.
//!
//! Known are RFC 3339 and its relatives (`2026-11-23 10:00:00,123`, `2026/11/23 10:00:00`), syslog
//! (`Nov 23 10:00:00`, `Mon Nov 23 10:00:00 2026`), access logs (`[23/Nov/2026:10:00:00 +0000]`),
//! klog (`I1123 10:00:00.123456`), seconds, milliseconds, microseconds and nanoseconds since 1970,
//! and lines of JSON with one of [`JSON_KEYS`]. A time without a date is none.

use assay_model::Timestamp;
use jiff::civil::{Date, DateTime, Time};
use jiff::tz::Offset;
use serde_json::{Map, Value};

/// How far into a line a time is looked for, in bytes: past an access log's address and user.
const SCAN_BYTES_MAX: usize = 128;

/// Words before the time: `10.0.0.7 - alice [23/Nov/2026…`, `[INFO] worker-3 2026-11-23…`.
const WORDS_BEFORE_MAX: usize = 4;

/// Where JSON logs keep the time, the most telling first.
const JSON_KEYS: [&str; 7] = [
    "@timestamp",
    "timestamp",
    "time",
    "ts",
    "datetime",
    "date",
    "t",
];

/// Zones are whole quarters of an hour from UTC …
const ZONE_QUANTUM_S: i64 = 15 * 60;

/// … and at most this far, in seconds.
const ZONE_MAX_S: i64 = 14 * 3_600;

/// How long after the time in its last line a file is written, in seconds, when that line was the
/// last thing written: what buffers hold back.
const WRITE_LAG_S: i64 = 5;

/// A moment as a line gives it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum LineTime {
    /// With its zone.
    At(Timestamp),
    /// Without a zone.
    Local(DateTime),
    /// Without a zone and without a year.
    Yearless { month: i8, day: i8, time: Time },
}

/// A time, and the bytes of it at the very start of the line when it is written as RFC 3339, so
/// that it need not be said twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Found {
    pub(crate) time: LineTime,
    lead: usize,
}

/// How times without a zone or a year are read.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Times {
    offset: Offset,
    /// The latest moment that a line can be from.
    latest: Timestamp,
}

impl Times {
    /// Times without a zone are UTC, and those without a year are before `latest`.
    pub(crate) fn utc(latest: Timestamp) -> Self {
        Self {
            offset: Offset::UTC,
            latest,
        }
    }

    /// The zone of a log whose last line says `last` and that was written to at `modified`: the
    /// only one in which both are the same moment. UTC where there is none.
    pub(crate) fn calibrated(last: LineTime, modified: Timestamp) -> Self {
        let utc = Self::utc(modified);
        let Some(as_utc) = utc.resolve(last) else {
            return utc;
        };
        if matches!(last, LineTime::At(_)) {
            return utc;
        }
        let ahead_s = as_utc.as_second() - modified.as_second();
        let zone_s = (ahead_s + ZONE_QUANTUM_S / 2).div_euclid(ZONE_QUANTUM_S) * ZONE_QUANTUM_S;
        let lag_s = zone_s - ahead_s;
        if zone_s.abs() > ZONE_MAX_S || !(-1..=WRITE_LAG_S).contains(&lag_s) {
            return utc;
        }
        let offset = i32::try_from(zone_s)
            .ok()
            .and_then(|seconds| Offset::from_seconds(seconds).ok());
        Self {
            offset: offset.unwrap_or(Offset::UTC),
            latest: modified,
        }
    }

    /// The time in a line, and the line without it where it leads.
    pub(crate) fn of<'a>(&self, line: &'a str) -> Option<(Timestamp, &'a str)> {
        let found = find(line)?;
        Some((self.resolve(found.time)?, found.rest(line)))
    }

    /// The moment that a line means.
    pub(crate) fn resolve(&self, time: LineTime) -> Option<Timestamp> {
        match time {
            LineTime::At(at) => Some(at),
            LineTime::Local(local) => self.offset.to_timestamp(local).ok(),
            LineTime::Yearless { month, day, time } => {
                // A day ahead, for zones and for clocks that are a little fast.
                let latest = self.latest.as_second() + 86_400;
                let this_year = Offset::UTC.to_datetime(self.latest).year();
                // Leap days are in one year of eight at most.
                (0..9)
                    .filter_map(|back| Date::new(this_year + 1 - back, month, day).ok())
                    .filter_map(|date| self.offset.to_timestamp(date.to_datetime(time)).ok())
                    .find(|at| at.as_second() <= latest)
            }
        }
    }
}

impl Found {
    /// The line without the time, where it leads.
    pub(crate) fn rest<'a>(&self, line: &'a str) -> &'a str {
        line[self.lead..]
            .strip_prefix(' ')
            .unwrap_or(&line[self.lead..])
    }
}

/// The time in a line.
pub(crate) fn find(line: &str) -> Option<Found> {
    if line.starts_with('{')
        && let Ok(Value::Object(fields)) = serde_json::from_str(line)
    {
        return json(&fields).map(|time| Found { time, lead: 0 });
    }
    let bytes = line.as_bytes();
    if let Some(time) = klog(bytes).or_else(|| epoch_first(bytes)) {
        return Some(Found { time, lead: 0 });
    }
    let mut words = 0;
    let mut boundary = true;
    for start in 0..bytes.len().min(SCAN_BYTES_MAX) {
        if boundary && let Some((time, end)) = moment(&bytes[start..]) {
            let leads = start == 0 && matches!(time, LineTime::At(_)) && ends_word(bytes, end);
            return Some(Found {
                time,
                lead: if leads { end } else { 0 },
            });
        }
        words += usize::from(bytes[start] == b' ');
        if words > WORDS_BEFORE_MAX {
            return None;
        }
        boundary = b" [(|=\"'<>\t\x1bm".contains(&bytes[start]);
    }
    None
}

fn ends_word(bytes: &[u8], end: usize) -> bool {
    bytes.get(end).is_none_or(|byte| *byte == b' ')
}

fn json(fields: &Map<String, Value>) -> Option<LineTime> {
    JSON_KEYS.iter().find_map(|key| match fields.get(*key)? {
        Value::String(text) => {
            let bytes = text.as_bytes();
            moment(bytes)
                .map(|(time, _)| time)
                .or_else(|| epoch_first(bytes))
        }
        Value::Number(number) => epoch(number.as_f64()?),
        _ => None,
    })
}

/// A date and time in any of the written forms, and where it ends.
fn moment(bytes: &[u8]) -> Option<(LineTime, usize)> {
    iso(bytes)
        .or_else(|| access_log(bytes))
        .or_else(|| syslog(bytes))
}

/// `2026-11-23T10:00:00.123456+01:00` and everything between that and `2026/11/23 10:00`.
fn iso(bytes: &[u8]) -> Option<(LineTime, usize)> {
    let mut read = Reader::new(bytes);
    let year = read.number(4)?;
    let separator = read.any(b"-/.")?;
    let month = read.number(2)?;
    read.any(&[separator])?;
    let day = read.number(2)?;
    read.any(b"Tt _")?;
    let time = read.time()?;
    let local = date(year, month, day)?.to_datetime(time);
    Some(read.zoned(local))
}

/// `23/Nov/2026:10:00:00 +0100`.
fn access_log(bytes: &[u8]) -> Option<(LineTime, usize)> {
    let mut read = Reader::new(bytes);
    let day = read.number(2)?;
    read.any(b"/")?;
    let month = read.month()?;
    read.any(b"/")?;
    let year = read.number(4)?;
    read.any(b":")?;
    let time = read.time()?;
    let local = date(year, month, day)?.to_datetime(time);
    Some(read.zoned(local))
}

/// `Nov 23 10:00:00`, `Nov  3 10:00:00.123 2026`.
fn syslog(bytes: &[u8]) -> Option<(LineTime, usize)> {
    let mut read = Reader::new(bytes);
    let month = read.month()?;
    read.any(b" ")?;
    let day = if read.any(b" ").is_some() {
        read.number(1)?
    } else {
        read.number(2).or_else(|| read.number(1))?
    };
    read.any(b" ")?;
    let time = read.time()?;
    let mut after = read;
    if after.any(b" ").is_some()
        && let Some(year) = after.number(4)
        && after.ends_number()
        && let Some(date) = date(year, month, day)
    {
        return Some((LineTime::Local(date.to_datetime(time)), after.at));
    }
    let month = i8::try_from(month).ok()?;
    let day = i8::try_from(day).ok()?;
    // 2024 has all the days that there are.
    Date::new(2024, month, day).ok()?;
    Some((LineTime::Yearless { month, day, time }, read.at))
}

/// `I1123 10:00:00.123456`.
fn klog(bytes: &[u8]) -> Option<LineTime> {
    let mut read = Reader::new(bytes);
    read.any(b"IWEF")?;
    let (month, day) = (read.number(2)?, read.number(2)?);
    read.any(b" ")?;
    let time = read.time()?;
    let (month, day) = (i8::try_from(month).ok()?, i8::try_from(day).ok()?);
    Date::new(2024, month, day).ok()?;
    Some(LineTime::Yearless { month, day, time })
}

/// `1795428000`, `[1795428000.123]`, `1795428000123` at the start of a line.
fn epoch_first(bytes: &[u8]) -> Option<LineTime> {
    let bytes = bytes.strip_prefix(b"[").unwrap_or(bytes);
    let digits = bytes
        .iter()
        .take_while(|byte| byte.is_ascii_digit())
        .count();
    if ![10, 13, 16, 19].contains(&digits) {
        return None;
    }
    let rest = &bytes[digits..];
    let fraction = match rest.strip_prefix(b".") {
        Some(rest) => rest.iter().take_while(|byte| byte.is_ascii_digit()).count() + 1,
        None => 0,
    };
    if rest
        .get(fraction)
        .is_some_and(|byte| !b" ],:;\t|".contains(byte))
    {
        return None;
    }
    let number = std::str::from_utf8(&bytes[..digits + fraction]).ok()?;
    epoch(number.parse().ok()?)
}

/// A number of seconds, or of thousandths, millionths or billionths of them, since 1970; told by
/// its size, for times from 2001 to 2096.
fn epoch(number: f64) -> Option<LineTime> {
    let unit_s = [1.0, 1e3, 1e6, 1e9]
        .into_iter()
        .find(|unit| (1e9..4e9).contains(&(number / unit)))?;
    // Below 4e15, which a float holds exactly.
    let microseconds = (number / unit_s * 1e6).round();
    let at = Timestamp::from_microsecond(microseconds as i64).ok()?;
    Some(LineTime::At(at))
}

fn date(year: u32, month: u32, day: u32) -> Option<Date> {
    let year = i16::try_from(year).ok()?;
    let (month, day) = (i8::try_from(month).ok()?, i8::try_from(day).ok()?);
    Date::new(year, month, day).ok()
}

/// A place in a line.
#[derive(Clone, Copy)]
struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Reader<'a> {
    fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, at: 0 }
    }

    /// One of these bytes.
    fn any(&mut self, wanted: &[u8]) -> Option<u8> {
        let byte = *self.bytes.get(self.at)?;
        wanted.contains(&byte).then(|| self.at += 1)?;
        Some(byte)
    }

    /// A number of exactly so many digits, at most nine.
    fn number(&mut self, digits: usize) -> Option<u32> {
        let found = self.bytes.get(self.at..self.at + digits)?;
        found.iter().all(u8::is_ascii_digit).then_some(())?;
        self.at += digits;
        let value = |sum: u32, byte: &u8| sum * 10 + u32::from(byte - b'0');
        Some(found.iter().fold(0, value))
    }

    fn ends_number(&self) -> bool {
        !self.bytes.get(self.at).is_some_and(u8::is_ascii_digit)
    }

    /// `Nov` is 11.
    fn month(&mut self) -> Option<u32> {
        const MONTHS: &[u8; 36] = b"JanFebMarAprMayJunJulAugSepOctNovDec";
        let name = self.bytes.get(self.at..self.at + 3)?;
        let place = MONTHS.chunks(3).position(|month| month == name)?;
        self.at += 3;
        u32::try_from(place + 1).ok()
    }

    /// `10:00`, `10:00:00`, `10:00:00,123456789`. A leap second is the one before it.
    fn time(&mut self) -> Option<Time> {
        let hour = self.number(2)?;
        self.any(b":")?;
        let minute = self.number(2)?;
        let mut second = 0;
        let mut nanoseconds = 0;
        if self.bytes.get(self.at) == Some(&b':') {
            self.at += 1;
            second = self.number(2)?;
            if second == 60 {
                second = 59;
            }
            nanoseconds = self.fraction();
        }
        self.ends_number().then_some(())?;
        Time::new(
            i8::try_from(hour).ok()?,
            i8::try_from(minute).ok()?,
            i8::try_from(second).ok()?,
            i32::try_from(nanoseconds).ok()?,
        )
        .ok()
    }

    /// Nanoseconds of `.123` or `,123`; nothing when no digits follow.
    fn fraction(&mut self) -> u32 {
        let mut after = *self;
        if after.any(b".,").is_none() {
            return 0;
        }
        let rest = &self.bytes[after.at..];
        let digits = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
        if digits == 0 {
            return 0;
        }
        self.at = after.at + digits;
        let known = rest[..digits.min(9)].iter();
        let value = known.fold(0, |sum, byte| sum * 10 + u32::from(byte - b'0'));
        value * 10_u32.pow(9 - u32::try_from(digits.min(9)).unwrap_or(9))
    }

    /// Adds the zone that follows, if one does: `Z`, `+01:00`, `+0100`, ` UTC`.
    fn zoned(mut self, local: DateTime) -> (LineTime, usize) {
        let plain = (LineTime::Local(local), self.at);
        let before = self.at;
        let _blank = self.any(b" ");
        let rest = &self.bytes[self.at..];
        let offset_s = if rest.starts_with(b"UTC") || rest.starts_with(b"GMT") {
            self.at += 3;
            Some(0)
        } else if self.at == before && self.any(b"Zz").is_some() {
            Some(0)
        } else {
            self.offset_s()
        };
        let at = offset_s
            .and_then(|seconds| Offset::from_seconds(seconds).ok())
            .and_then(|offset| offset.to_timestamp(local).ok());
        at.map_or(plain, |at| (LineTime::At(at), self.at))
    }

    fn offset_s(&mut self) -> Option<i32> {
        let mut read = *self;
        let sign = if read.any(b"+-")? == b'-' { -1 } else { 1 };
        let hours = read.number(2)?;
        let _colon = read.any(b":");
        let minutes = read.number(2)?;
        read.ends_number().then_some(())?;
        *self = read;
        i32::try_from(hours * 3_600 + minutes * 60)
            .ok()
            .map(|seconds| sign * seconds)
    }
}

#[cfg(test)]
mod tests {
    use assay_world::clock::stamp;
    use proptest::prelude::*;

    use super::*;

    const LATEST: &str = "2026-11-24T00:00:00Z";

    /// The time in UTC and the rest of the line; empty when there is no time.
    #[track_caller]
    fn check(line: &str, at: &str, rest: &str) {
        let found = Times::utc(LATEST.parse().unwrap()).of(line);
        let shown = found.map(|(at, rest)| (stamp(at), rest.to_owned()));
        let expected = (!at.is_empty()).then(|| (format!("2026-11-23T{at}Z"), rest.to_owned()));
        assert_eq!(shown, expected, "{line}");
    }

    #[track_caller]
    fn check_whole(line: &str, at: &str) {
        check(line, at, line);
    }

    #[test]
    fn rfc_3339_at_the_start_is_not_said_twice() {
        check("2026-11-23T10:00:00Z up", "10:00:00.000", "up");
        check("2026-11-23T10:00:00.123456789Z  up", "10:00:00.123", " up");
        check("2026-11-23T11:30:00.5+01:30 up", "10:00:00.500", "up");
        check("2026-11-23T05:00:00-0500 up", "10:00:00.000", "up");
        check("2026-11-23 10:00:00+00:00 up", "10:00:00.000", "up");
        check("2026-11-23T10:00:00Z", "10:00:00.000", "");
        check_whole("2026-11-23T10:00:00Z, up", "10:00:00.000");
    }

    #[test]
    fn times_without_a_zone() {
        check_whole("2026-11-23 10:00:00,123 INFO up", "10:00:00.123");
        check_whole("2026-11-23 10:00:00.123 INFO up", "10:00:00.123");
        check_whole("2026-11-23T10:00:00 up", "10:00:00.000");
        check_whole("2026/11/23 10:00:00 [error] 7#7: refused", "10:00:00.000");
        check_whole(
            "[2026-11-23 10:00:00,123: INFO/MainProcess] up",
            "10:00:00.123",
        );
        check_whole("[INFO] worker-3 2026-11-23 10:00:00 up", "10:00:00.000");
        check_whole("2026-11-23 10:00 up", "10:00:00.000");
        check_whole("2026-11-23 10:00:60 leap", "10:00:59.000");
        check(
            "2026-11-23 10:00:00 UTC [17] LOG:  up",
            "10:00:00.000",
            "[17] LOG:  up",
        );
    }

    #[test]
    fn access_logs() {
        let line = r#"10.0.0.7 - alice [23/Nov/2026:11:00:00 +0100] "GET / HTTP/1.1" 502 17"#;
        check_whole(line, "10:00:00.000");
        check_whole("[23/Nov/2026:10:00:00 +0000] GET /", "10:00:00.000");
    }

    #[test]
    fn syslog_and_its_kin() {
        check_whole("Nov 23 10:00:00 host api[7]: up", "10:00:00.000");
        check_whole("<34>Nov 23 10:00:00 host api: up", "10:00:00.000");
        check_whole(
            "[Mon Nov 23 10:00:00.123456 2026] [core:error] x",
            "10:00:00.123",
        );
        check_whole(
            "I1123 10:00:00.123456       1 server.go:17] up",
            "10:00:00.123",
        );
        let past = Times::utc(LATEST.parse().unwrap());
        let year = |line| stamp(past.of(line).unwrap().0)[..10].to_owned();
        assert_eq!(year("Dec  1 10:00:00 host api: up"), "2025-12-01");
        assert_eq!(year("Feb 29 10:00:00 host api: up"), "2024-02-29");
    }

    #[test]
    fn numbers_since_1970() {
        check_whole("1795428000 up", "10:00:00.000");
        check_whole("1795428000.250 up", "10:00:00.250");
        check_whole("1795428000250 up", "10:00:00.250");
        check_whole("[1795428000] up", "10:00:00.000");
        check_whole("1795428000", "10:00:00.000");
        check_whole("1795428000th order", "");
        check_whole("179542800 up", "");
        check_whole("9995428000 far away", "");
    }

    #[test]
    fn json_lines() {
        check_whole(
            r#"{"level":"info","ts":1795428000.5,"msg":"up"}"#,
            "10:00:00.500",
        );
        check_whole(r#"{"time":1795428000250,"msg":"up"}"#, "10:00:00.250");
        check_whole(
            r#"{"@timestamp":"2026-11-23T10:00:00.5Z","m":1}"#,
            "10:00:00.500",
        );
        check_whole(r#"{"timestamp":"2026-11-23 10:00:00,5"}"#, "10:00:00.500");
        check_whole(
            r#"{"time":"10:00","ts":"2026-11-23T10:00:00Z"}"#,
            "10:00:00.000",
        );
        check_whole(r#"{"message":"at 2026-11-23T10:00:00Z it was"}"#, "");
        check_whole(r#"time="2026-11-23T10:00:00Z" level=info"#, "10:00:00.000");
    }

    #[test]
    fn lines_without_a_time() {
        check_whole("", "");
        check_whole("    at api.main:17", "");
        check_whole("10:00:00 no date", "");
        check_whole("2026-13-23 10:00:00 no such month", "");
        check_whole("2026-11-23 25:00:00 no such hour", "");
        check_whole("2026-11-23T10:00:000Z", "");
        check_whole("Feb 30 10:00:00 no such day", "");
        check_whole("a b c d e 2026-11-23T10:00:00Z far inside", "");
        check_whole("é\u{1F600} ünï", "");
    }

    #[track_caller]
    fn check_zone(last: &str, modified: &str, expected_offset_s: i32) {
        let modified: Timestamp = modified.parse().unwrap();
        let times = Times::calibrated(find(last).unwrap().time, modified);
        assert_eq!(times.offset.seconds(), expected_offset_s);
    }

    #[test]
    fn the_zone_is_what_makes_the_last_line_the_last_write() {
        check_zone("2026-11-23 10:00:00 x", "2026-11-23T10:00:00Z", 0);
        check_zone("2026-11-23 10:00:00 x", "2026-11-23T10:00:04Z", 0);
        check_zone("2026-11-23 12:00:00 x", "2026-11-23T10:00:01Z", 7_200);
        check_zone("2026-11-23 15:45:00 x", "2026-11-23T10:00:00Z", 20_700);
        check_zone("2026-11-23 05:00:00 x", "2026-11-23T10:00:00Z", -18_000);
        check_zone("Nov 23 05:00:00 x", "2026-11-23T10:00:00Z", -18_000);
        check_zone("2026-11-23 05:00:00 x", "2026-11-23T10:00:09Z", 0);
        check_zone("2026-11-23 12:00:00Z x", "2026-11-23T10:00:00Z", 0);
        check_zone("2026-11-22 10:00:00 x", "2026-11-23T10:00:00Z", 0);
    }

    proptest! {
        #[test]
        fn any_line_is_read_without_harm(line in "\\PC{0,200}") {
            if let Some(found) = find(&line) {
                prop_assert!(line.ends_with(found.rest(&line)));
            }
        }

        #[test]
        fn near_misses_are_read_without_harm(line in "[0-9TZ:,./+ \\[{\"a-zA-Z-]{0,60}") {
            let _found = Times::utc(LATEST.parse().unwrap()).of(&line);
        }

        #[test]
        fn what_is_written_is_read(second in 1_000_000_000_i64..3_900_000_000, zone in -48_i32..=48) {
            let at = Timestamp::from_second(second).unwrap();
            let times = Times::utc(LATEST.parse().unwrap());
            let offset = Offset::from_seconds(zone * 900).unwrap();
            let local = offset.to_datetime(at);
            let zulu = Offset::UTC.to_datetime(at);
            let sign = if zone < 0 { '-' } else { '+' };
            let minutes = zone.abs() * 15;
            let (hours, minutes) = (minutes / 60, minutes % 60);
            for line in [
                format!("{local}{sign}{hours:02}:{minutes:02} x"),
                format!("{local}{sign}{hours:02}{minutes:02} x"),
                format!("{at} x"),
                format!("{zulu} x"),
                format!("{second} x"),
                format!("{{\"ts\":{second}000}}"),
            ] {
                prop_assert_eq!(times.of(&line).map(|(at, _)| at), Some(at), "{}", line);
            }
        }
    }
}
