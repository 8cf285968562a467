//! ClickHouse's HTTP interface: a `GET`, which the server takes for a promise to write nothing.

use assay_model::{HttpProbe, Status};
use url::Url;

use super::asked::{Asked, describe};
use super::exception::Exception;
use crate::address;
use crate::failure::Failure;
use crate::request::{self, Ask, Head, Hop};
use crate::store::{Talk, first_line};

/// Who asks (ClickHouse documentation, "HTTP Interface").
const USER_HEADER: &str = "x-clickhouse-user";
const PASSWORD_HEADER: &str = "x-clickhouse-key";

/// Parameters of the URL that are not passed on: they are said in headers, or by us.
const OWN_PARAMETERS: [&str; 4] = ["user", "password", "query", "default_format"];

/// Answers that say which server it is.
const VERSION: &str = "select version()";

pub(super) async fn ask(talk: &mut Talk, asked: &Asked<'_>) -> Result<(), Failure> {
    let mut hop = send(talk, asked, asked.query).await?;
    let read = read(talk, &mut hop);
    match read {
        Ok(answer) => talk.replied(answer),
        Err(failure) => {
            talk.came(&failure.1);
            return Err(failure);
        }
    }
    if let Ok(mut hop) = send(talk, asked, VERSION).await
        && let Ok(Some(version)) = read_quietly(&mut hop)
    {
        talk.describe(describe(&version));
    }
    Ok(())
}

async fn send(talk: &mut Talk, asked: &Asked<'_>, query: &str) -> Result<Hop, Failure> {
    let url = url(&asked.login.url, query)?;
    talk.aim(&url)?;
    talk.connecting();
    talk.sent(&format!("GET as user={}: {query}", asked.user()));
    let mut probe = HttpProbe::get("/");
    let mut header = |name: &str, value: &str| {
        probe
            .request_headers
            .insert(name.to_owned(), value.to_owned());
    };
    header(USER_HEADER, asked.user());
    header(PASSWORD_HEADER, asked.password());
    let ask = Ask::new(&probe, url)?;
    let mut hop = Hop::new(&ask);
    let sent = request::send(&ask, asked.tls, asked.trust, &mut hop, talk.timeline()).await;
    if let Some(seen) = hop.seen.clone() {
        talk.will_see(seen);
    }
    sent.map(|()| hop)
}

fn url(base: &Url, query: &str) -> Result<Url, Failure> {
    let mut url = base.clone();
    url.set_password(None)
        .and_then(|()| url.set_username(""))
        .map_err(|()| address::unusable("the URL names no host"))?;
    let kept: Vec<_> = base
        .query_pairs()
        .filter(|(name, _)| !OWN_PARAMETERS.contains(&&**name))
        .collect();
    url.query_pairs_mut()
        .clear()
        .extend_pairs(kept)
        .append_pair("query", query)
        .append_pair("default_format", "TabSeparated");
    Ok(url)
}

fn read(talk: &mut Talk, hop: &mut Hop) -> Result<Option<String>, Failure> {
    if let Some(head) = &hop.head {
        talk.answered_with(head.status.as_u16());
    }
    read_quietly(hop)
}

fn read_quietly(hop: &mut Hop) -> Result<Option<String>, Failure> {
    let Some(head) = &hop.head else {
        return Err((Status::Unavailable, "no answer".to_owned()));
    };
    let is_ours = is_clickhouse(head);
    judge(
        head.status.as_u16(),
        is_ours,
        &String::from_utf8_lossy(&hop.body),
    )
}

/// Whether only ClickHouse answers so: headers of its own, or in servers before version 19 the
/// format that was asked for.
fn is_clickhouse(head: &Head) -> bool {
    let mut names = head.headers.keys();
    let format = head.headers.get(http::header::CONTENT_TYPE);
    names.any(|name| name.as_str().starts_with("x-clickhouse-"))
        || format.is_some_and(|format| format.as_bytes().starts_with(b"text/tab-separated-values"))
}

/// The first column of the first row.
fn judge(code: u16, is_ours: bool, body: &str) -> Result<Option<String>, Failure> {
    // Errors that come up while rows are being sent stand at the end of an answer with 200.
    if (is_ours || code != 200)
        && let Some(exception) = Exception::find(body)
    {
        return Err(exception.failure());
    }
    if code != 200 {
        let status = match code {
            401 | 403 => Status::AuthFailed,
            _ => Status::Unavailable,
        };
        let said = first_line(body);
        let said = if said.is_empty() {
            said
        } else {
            format!(": {said}")
        };
        return Err((status, format!("answered HTTP {code}{said}")));
    }
    if !is_ours {
        let detail = format!(
            "an HTTP server, but not ClickHouse: it answers {:?}",
            first_line(body)
        );
        return Err((Status::Unavailable, detail));
    }
    let row = body.split('\n').next().unwrap_or_default();
    if body.is_empty() {
        return Ok(None);
    }
    let value = row.split('\t').next().unwrap_or_default();
    Ok(Some(unescape(value)))
}

/// ClickHouse documentation, "TabSeparated".
fn unescape(value: &str) -> String {
    if value == "\\N" {
        return "NULL".to_owned();
    }
    let mut text = String::with_capacity(value.len());
    let mut chars = value.chars();
    while let Some(char) = chars.next() {
        let escaped = if char == '\\' { chars.next() } else { None };
        text.push(match escaped {
            Some('b') => '\u{8}',
            Some('f') => '\u{c}',
            Some('n') => '\n',
            Some('r') => '\r',
            Some('t') => '\t',
            Some('0') => '\0',
            Some(other) => other,
            None => char,
        });
    }
    text
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn check(code: u16, is_ours: bool, body: &str, expected: Result<Option<&str>, (Status, &str)>) {
        let got = judge(code, is_ours, body);
        let expected = expected
            .map(|answer| answer.map(str::to_owned))
            .map_err(|(status, detail)| (status, detail.to_owned()));
        assert_eq!(got, expected, "{code} {body:?}");
    }

    #[test]
    fn answers_are_read() {
        use Status::{AuthFailed, Unavailable};
        check(200, true, "1\n", Ok(Some("1")));
        check(200, true, "a\\tb\t2\nc\n", Ok(Some("a\tb")));
        check(200, true, "\\N\n", Ok(Some("NULL")));
        check(200, true, "\n", Ok(Some("")));
        check(200, true, "", Ok(None));
        let late = "1\nCode: 395. DB::Exception: late";
        check(200, true, late, Err((Unavailable, "code 395: late")));
        check(
            500,
            false,
            "Code: 192, e.displayText() = DB::Exception: Unknown user x, e.what() = y",
            Err((AuthFailed, "code 192: Unknown user x")),
        );
        check(403, false, "", Err((AuthFailed, "answered HTTP 403")));
        check(
            404,
            false,
            "<h1>no</h1>\n",
            Err((Unavailable, "answered HTTP 404: <h1>no</h1>")),
        );
        let other = "an HTTP server, but not ClickHouse: it answers \"<html>\"";
        check(200, false, "<html>", Err((Unavailable, other)));
    }

    #[test]
    fn the_url_says_the_query_and_no_password() {
        let base = Url::parse("http://me:hush@h:8123/?database=a&password=hush&query=x").unwrap();
        let url = url(&base, "select '+&'").unwrap();
        let expected =
            "http://h:8123/?database=a&query=select+%27%2B%26%27&default_format=TabSeparated";
        assert_eq!(url.as_str(), expected);
    }

    proptest! {
        #[test]
        fn escaped_texts_are_read_back(said in "[a-z\\\\\t\n]{0,12}") {
            let escaped = said.replace('\\', "\\\\").replace('\t', "\\t").replace('\n', "\\n");
            prop_assert_eq!(unescape(&escaped), said);
        }
    }
}
