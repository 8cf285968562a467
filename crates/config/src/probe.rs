//! `probe = { … }`: how a service or a dependency is asked whether it is ready.

use std::collections::BTreeMap;

use assay_model::{
    CommandProbe, DnsProbe, HttpProbe, Probe, ProbeKind, QueryProbe, Secret, StatusRange,
    TlsPolicy, WebSocketProbe,
};

use crate::claim::ClaimKind;
use crate::json_path;
use crate::table::{Field, Table};

/// Samples of one probe, at most: percentiles of more say nothing that these do not.
const SAMPLES_MAX: u64 = 1_000;

/// Redirects that are followed, at most; browsers follow 20.
const REDIRECTS_MAX: u64 = 20;

/// Days before the end of a certificate, at most: none is valid for longer than about two years.
const DAYS_MAX: u64 = 825;

/// Kinds of records that can be asked for.
const RECORDS: [&str; 7] = ["A", "AAAA", "CNAME", "MX", "NS", "SRV", "TXT"];

/// The protocols, by the key that chooses one, and the keys that only go with it.
const PROTOCOLS: [(&str, &[&str]); 10] = [
    (
        "http",
        &[
            "expect",
            "json",
            "method",
            "headers",
            "request_headers",
            "request_body",
            "body",
            "redirects",
        ],
    ),
    ("tcp", &[]),
    ("runtime", &[]),
    (
        "websocket",
        &["request_headers", "subprotocol", "send", "message", "close"],
    ),
    ("grpc", &[]),
    ("dns", &["record", "answers"]),
    ("postgres", &["answer"]),
    ("redis", &["answer"]),
    ("clickhouse", &["answer"]),
    ("command", &["exit", "degraded_exit"]),
];

/// Schemes that each protocol can be asked at; a protocol that is not here asks any.
const SCHEMES: [(&str, &[&str]); 6] = [
    ("http", &["http", "https"]),
    ("websocket", &["ws", "wss", "http", "https"]),
    ("grpc", &["grpc", "grpcs", "http", "https"]),
    ("postgres", &["postgres", "postgresql"]),
    ("redis", &["redis", "rediss"]),
    (
        "clickhouse",
        &["clickhouse", "clickhouses", "http", "https"],
    ),
];

/// Reads a probe of what is reached at `url`. `default` is asked where the table names no
/// protocol.
pub(crate) fn read(field: &Field<'_>, default: ProbeKind, url: Option<&str>) -> Option<Probe> {
    let table = field.table()?;
    let options = Options::of(&table);
    let kind = options.kind().unwrap_or(default);
    check_scheme(field, &kind, url);
    let (degraded_ms, timeout_ms) = times(&table);
    let samples = table
        .optional("samples")
        .and_then(|field| field.integer(1..=SAMPLES_MAX))
        .unwrap_or(1);
    let tls = table.optional("tls").and_then(|field| tls(&field));
    table.finish();
    Some(Probe {
        kind,
        degraded_ms,
        timeout_ms,
        samples: samples as u32,
        tls: tls.unwrap_or_default(),
    })
}

fn check_scheme(field: &Field<'_>, kind: &ProbeKind, url: Option<&str>) {
    let Some((scheme, _)) = url.and_then(|url| url.split_once("://")) else {
        return;
    };
    let scheme = without_driver(scheme);
    let fitting = SCHEMES.iter().find(|(word, _)| *word == kind.word());
    if let Some((word, schemes)) = fitting.filter(|(_, schemes)| !schemes.contains(&scheme)) {
        let what = format!("asks by {word}, and the address is `{scheme}://…`");
        let label = format!("asking by {word} needs {}://", schemes.join("://, "));
        field.wrong(&what, label, None);
    }
}

/// SQLAlchemy and its kin name their driver in the scheme: `postgresql+asyncpg`.
pub(crate) fn without_driver(scheme: &str) -> &str {
    scheme.split_once('+').map_or(scheme, |(scheme, _)| scheme)
}

/// What is slow, and what is too slow.
fn times(table: &Table<'_>) -> (u64, u64) {
    let degraded = table.optional("degraded_ms");
    let degraded_ms = degraded
        .as_ref()
        .and_then(|field| field.millis(1))
        .unwrap_or(Probe::DEGRADED_MS);
    let timeout_ms = table
        .optional("timeout_ms")
        .and_then(|field| field.millis(1))
        .unwrap_or(Probe::TIMEOUT_MS);
    if let Some(field) = degraded.filter(|_| degraded_ms > timeout_ms) {
        let label = format!("the probe gives up after {timeout_ms} ms");
        field.wrong("is longer than `timeout_ms`", label, None);
    }
    // The default for "slow" must not outlast a shorter deadline that the file sets.
    (degraded_ms.min(timeout_ms), timeout_ms)
}

fn tls(field: &Field<'_>) -> Option<TlsPolicy> {
    let default = TlsPolicy::default();
    let table = field.table()?;
    let ca = table
        .optional("ca")
        .and_then(|field| field.outside_path(ClaimKind::File));
    let server_name = table
        .optional("server_name")
        .and_then(|field| field.string());
    let days_min = table
        .optional("days_min")
        .and_then(|field| field.integer(0..=DAYS_MAX))
        .map_or(default.days_min, |days| days as u32);
    let verify = table
        .optional("verify")
        .and_then(|field| field.boolean())
        .unwrap_or(default.verify);
    table.finish();
    Some(TlsPolicy {
        ca,
        server_name,
        days_min,
        verify,
    })
}

/// Every key that is there and belongs to a protocol.
struct Options<'a>(BTreeMap<&'static str, Field<'a>>);

impl<'a> Options<'a> {
    fn of(table: &Table<'a>) -> Self {
        let names = PROTOCOLS
            .iter()
            .flat_map(|(protocol, keys)| std::iter::once(protocol).chain(keys.iter()));
        let present = names.filter_map(|name| Some((*name, table.optional(name)?)));
        Self(present.collect())
    }

    fn get(&self, key: &str) -> Option<&Field<'a>> {
        self.0.get(key)
    }

    fn text(&self, key: &str) -> Option<String> {
        self.get(key)
            .and_then(|field| field.text())
            .map(|text| text.value)
    }

    fn kind(&self) -> Option<ProbeKind> {
        let chosen: Vec<&str> = PROTOCOLS
            .iter()
            .map(|(protocol, _)| *protocol)
            .filter(|protocol| self.0.contains_key(protocol))
            .collect();
        self.refuse_strangers(&chosen);
        let (first, others) = chosen.split_first()?;
        for other in others {
            if let Some(field) = self.get(other) {
                let what = format!("stands beside `{first}`");
                field.wrong(&what, "a probe asks in one way", None);
            }
        }
        let field = self.get(first)?;
        match *first {
            "http" => Some(ProbeKind::Http(self.http(field))),
            "websocket" => Some(ProbeKind::WebSocket(self.websocket(field))),
            "grpc" => Some(ProbeKind::Grpc {
                service: field.text()?.value,
            }),
            "dns" => Some(ProbeKind::Dns(self.dns(field)?)),
            "postgres" => {
                check_single(field);
                Some(ProbeKind::Postgres(self.query(field)?))
            }
            "redis" => Some(ProbeKind::Redis(self.query(field)?)),
            "clickhouse" => Some(ProbeKind::ClickHouse(self.query(field)?)),
            "command" => Some(ProbeKind::Command(self.command(field)?)),
            first => {
                if field.boolean() == Some(false) {
                    let protocols: Vec<&str> = PROTOCOLS.iter().map(|(name, _)| *name).collect();
                    let label = format!("leave it out, or give one of {}", protocols.join(", "));
                    field.wrong("is false", label, None);
                }
                Some(match first {
                    "runtime" => ProbeKind::Runtime,
                    _ => ProbeKind::Tcp,
                })
            }
        }
    }

    /// Refuses the keys of protocols other than the chosen one.
    fn refuse_strangers(&self, chosen: &[&str]) {
        for (key, field) in &self.0 {
            let owners: Vec<&str> = PROTOCOLS
                .iter()
                .filter(|(_, keys)| keys.contains(key))
                .map(|(protocol, _)| *protocol)
                .collect();
            let fits = owners.is_empty() || owners.iter().any(|owner| chosen.contains(owner));
            if !fits {
                let owners: Vec<String> = owners.iter().map(|owner| format!("`{owner}`")).collect();
                let what = format!("needs {}", owners.join(" or "));
                field.wrong(&what, "no other probe has this", None);
            }
        }
    }

    fn http(&self, field: &Field<'_>) -> HttpProbe {
        let mut probe = HttpProbe::get(path(field).unwrap_or_default());
        if let Some(field) = self.get("method")
            && let Some(text) = field.text()
        {
            let valid = !text.value.is_empty()
                && text
                    .value
                    .chars()
                    .all(|c| c.is_ascii_uppercase() || c == '-');
            if !valid {
                field.wrong("is not a method", "expected `GET`, `HEAD`, `POST`, …", None);
            }
            probe.method = text.value;
        }
        if let Some(ranges) = self.get("expect").and_then(statuses) {
            probe.expect = ranges;
        }
        probe.request_headers = self.headers("request_headers");
        probe.request_body = self.text("request_body");
        probe.headers = self.headers("headers");
        probe.body = self.text("body");
        probe.json = self.get("json").and_then(json).unwrap_or_default();
        probe.redirects_max = self
            .get("redirects")
            .and_then(|field| field.integer(0..=REDIRECTS_MAX))
            .unwrap_or(0) as u32;
        probe
    }

    /// Names in lower case, as they are compared.
    fn headers(&self, key: &str) -> BTreeMap<String, String> {
        let mut headers = BTreeMap::new();
        let table = self.get(key).and_then(|field| field.table());
        for field in table.map(|table| table.entries()).unwrap_or_default() {
            let is_token = |c: char| c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(c);
            if field.key.is_empty() || !field.key.chars().all(is_token) {
                let message = format!("`{}` is not the name of a header", field.path);
                let label = "expected a name such as `content-type`";
                field
                    .reader()
                    .problem(field.key_span.clone(), message, label, None);
            } else if let Some(text) = field.text() {
                if text.value.contains(|c: char| c.is_control() && c != '\t') {
                    field.wrong("holds a control character", "no header may", None);
                }
                if let (Some(name), "request_headers") = (&text.variable, key) {
                    // Whatever is sent from a variable is nobody else's business.
                    field.reader().add_secret(Secret {
                        name: name.clone(),
                        value: text.value.clone(),
                    });
                }
                headers.insert(field.key.to_ascii_lowercase(), text.value);
            }
        }
        headers
    }

    fn websocket(&self, field: &Field<'_>) -> WebSocketProbe {
        WebSocketProbe {
            path: path(field).unwrap_or_default(),
            request_headers: self.headers("request_headers"),
            subprotocol: self.text("subprotocol"),
            send: self.text("send"),
            message: self.text("message"),
            close_code: self
                .get("close")
                .and_then(|field| field.integer(1000..=4999))
                .map(|code| code as u16),
        }
    }

    fn dns(&self, field: &Field<'_>) -> Option<DnsProbe> {
        let name = field.string()?;
        let words = RECORDS.map(|record| (record, record));
        let record = self.get("record").and_then(|field| field.choice(&words));
        let answers = self.get("answers").and_then(|field| field.strings());
        Some(DnsProbe {
            name,
            record: record.unwrap_or("A").to_owned(),
            answers: answers.unwrap_or_default(),
        })
    }

    fn query(&self, field: &Field<'_>) -> Option<QueryProbe> {
        Some(QueryProbe {
            query: field.string()?,
            answer: self.text("answer"),
        })
    }

    fn command(&self, field: &Field<'_>) -> Option<CommandProbe> {
        let command = field.own_command()?;
        let code = |key| {
            self.get(key)
                .and_then(|field| field.integer(0..=255))
                .map(|code| code as i32)
        };
        let (exit, degraded_exit) = (code("exit").unwrap_or(0), code("degraded_exit"));
        if let Some(field) = self
            .get("degraded_exit")
            .filter(|_| degraded_exit == Some(exit))
        {
            field.wrong("is `exit`, too", "one code cannot mean both", None);
        }
        Some(CommandProbe {
            command,
            exit,
            degraded_exit,
        })
    }
}

/// A read-only session can only hold one statement to that: a second one could end it first.
fn check_single(field: &Field<'_>) {
    let text = field.text().map(|text| text.value).unwrap_or_default();
    if text.trim_end().trim_end_matches(';').contains(';') {
        field.wrong("holds a semicolon", "a probe asks one statement", None);
    }
}

fn path(field: &Field<'_>) -> Option<String> {
    let path = field.text()?.value;
    if !path.starts_with('/') || path.contains(|c: char| c.is_whitespace() || c.is_control()) {
        field.wrong("is not a path", "expected a path such as `/health`", None);
        return None;
    }
    Some(path)
}

/// `200`, `"2xx"`, `"200-204"`, or a list of these.
fn statuses(field: &Field<'_>) -> Option<Vec<StatusRange>> {
    let items = field.one_or_many();
    if items.is_empty() {
        field.wrong("is empty", "expected at least one status", None);
        return None;
    }
    // All of them first, so that every mistake is told.
    let parsed: Vec<Option<StatusRange>> = items.iter().map(status).collect();
    parsed.into_iter().collect()
}

fn status(field: &Field<'_>) -> Option<StatusRange> {
    if !field.is_text() {
        return field
            .integer(100..=599)
            .map(|status| StatusRange::exactly(status as u16));
    }
    let text = field.text()?.value;
    let parsed = parse_range(&text);
    if parsed.is_none() {
        field.wrong(
            "is not a status",
            "expected a status such as `200`, `\"2xx\"` or `\"200-204\"`",
            None,
        );
    }
    parsed
}

fn parse_range(text: &str) -> Option<StatusRange> {
    let status = |text: &str| {
        let number: u16 = text.parse().ok()?;
        (100..=599).contains(&number).then_some(number)
    };
    if let Some(class) = text.strip_suffix("xx") {
        let class = class.parse::<u16>().ok().filter(|c| (1..=5).contains(c))?;
        return Some(StatusRange {
            from: class * 100,
            to: class * 100 + 99,
        });
    }
    let (from, to) = match text.split_once('-') {
        Some((from, to)) => (status(from)?, status(to)?),
        None => (status(text)?, status(text)?),
    };
    (from <= to).then_some(StatusRange { from, to })
}

fn json(field: &Field<'_>) -> Option<BTreeMap<String, serde_json::Value>> {
    let mut expected = BTreeMap::new();
    for field in field.table()?.entries() {
        if !json_path::is_valid(&field.key) {
            let message = format!("`{}` is not a JSON path", field.key);
            let label = "expected a path such as `$.status` or `$.parts[0].name`";
            field
                .reader()
                .problem(field.key_span.clone(), message, label, None);
        }
        if let Some(value) = field.json() {
            expected.insert(field.key, value);
        }
    }
    Some(expected)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: Option<(u16, u16)>) {
        let got = parse_range(text).map(|range| (range.from, range.to));
        assert_eq!(got, expected, "{text}");
    }

    #[test]
    fn statuses_are_numbers_classes_and_ranges() {
        check("200", Some((200, 200)));
        check("2xx", Some((200, 299)));
        check("200-204", Some((200, 204)));
        check("204-200", None);
        check("6xx", None);
        check("xx", None);
        check("20", None);
        check("", None);
        check("-", None);
    }
}
