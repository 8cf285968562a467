//! What an answer of Redis means. Pure.

use assay_model::Status;
use redis::Value;

use crate::failure::Failure;
use crate::store::first_line;

/// Levels of nested answers that are looked into. `ROLE` and `TIME` have one.
const DEPTH_MAX: usize = 4;

/// An answer as text: the first of several, `None` for none. Of several lines, as `INFO` has
/// them, the one that is expected.
pub(super) fn text(value: &Value, expected: Option<&str>) -> Option<String> {
    let text = plain(value, DEPTH_MAX)?;
    let is_expected = |line: &&str| Some(*line) == expected;
    match text.lines().find(is_expected) {
        Some(line) => Some(line.to_owned()),
        None => Some(text),
    }
}

fn plain(value: &Value, depth: usize) -> Option<String> {
    match value {
        Value::Int(number) => Some(number.to_string()),
        Value::BulkString(bytes) => Some(String::from_utf8_lossy(bytes).into_owned()),
        Value::SimpleString(text) | Value::VerbatimString { text, .. } => Some(text.clone()),
        Value::Okay => Some("OK".to_owned()),
        Value::Double(number) => Some(number.to_string()),
        Value::Boolean(truth) => Some(truth.to_string()),
        Value::Array(values) | Value::Set(values) if depth > 0 => plain(values.first()?, depth - 1),
        Value::Map(pairs) if depth > 0 => plain(&pairs.first()?.0, depth - 1),
        _ => None,
    }
}

/// An error in answer to a command, by its code.
pub(super) fn refused(code: &str, detail: &str) -> Failure {
    let status = match code {
        "NOAUTH" | "WRONGPASS" | "NOPERM" | "DENIED" => Status::AuthFailed,
        _ => Status::Unavailable,
    };
    let known = match code {
        "LOADING" => "still loading its data: ",
        "MASTERDOWN" => "a replica cut off from its master: ",
        "BUSY" => "busy with a script: ",
        "CLUSTERDOWN" => "the cluster is down: ",
        _ => "",
    };
    (status, format!("{known}{}", said(code, detail)))
}

/// An error in answer to `AUTH`. Servers before version 6 have no code for a wrong password.
pub(super) fn refused_login(code: &str, detail: &str) -> Failure {
    match refused(code, detail) {
        (_, detail) if code == "ERR" && !detail.contains("max number of clients") => {
            (Status::AuthFailed, detail)
        }
        failure => failure,
    }
}

/// Whether `AUTH` was given a word too many.
pub(super) fn is_wrong_count(code: Option<&str>, detail: Option<&str>) -> bool {
    code == Some("ERR") && detail.is_some_and(|text| text.contains("wrong number of arguments"))
}

fn said(code: &str, detail: &str) -> String {
    first_line(&format!("{code} {detail}"))
}

/// What `INFO` says of a server.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct About {
    server: &'static str,
    version: String,
    role: String,
    /// A replica whose link to its master is down.
    pub(super) is_cut_off: bool,
}

impl About {
    pub(super) fn read(info: &str) -> Self {
        let mut about = Self {
            server: "Redis",
            ..Self::default()
        };
        let mut is_up = true;
        for (key, value) in info.lines().filter_map(|line| line.split_once(':')) {
            let value = value.trim();
            match key {
                "redis_version" if about.version.is_empty() => value.clone_into(&mut about.version),
                "valkey_version" => {
                    about.server = "Valkey";
                    value.clone_into(&mut about.version);
                }
                "role" => value.clone_into(&mut about.role),
                "master_link_status" => is_up = value == "up",
                _ => {}
            }
        }
        about.is_cut_off = about.role == "slave" && !is_up;
        about
    }

    /// `Redis 7.0.15, master`.
    pub(super) fn describe(&self) -> String {
        let role = match &*self.role {
            "" => String::new(),
            "slave" => ", replica".to_owned(),
            role => format!(", {role}"),
        };
        format!("{} {}{role}", self.server, self.version)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn check(value: Value, expected: Option<&str>) {
        assert_eq!(text(&value, None).as_deref(), expected, "{value:?}");
    }

    #[test]
    fn answers_become_text() {
        let bulk = |text: &str| Value::BulkString(text.as_bytes().to_vec());
        check(Value::Nil, None);
        check(Value::Int(3), Some("3"));
        check(Value::SimpleString("PONG".to_owned()), Some("PONG"));
        check(bulk("a\nb"), Some("a\nb"));
        check(Value::Okay, Some("OK"));
        check(
            Value::Array(vec![bulk("master"), Value::Int(0)]),
            Some("master"),
        );
        check(Value::Array(Vec::new()), None);
    }

    #[test]
    fn the_expected_line_is_found_among_several() {
        let info = Value::BulkString(b"role:slave\r\nmaster_link_status:up\r\n".to_vec());
        let expected = "master_link_status:up";
        assert_eq!(text(&info, Some(expected)).as_deref(), Some(expected));
        assert_ne!(text(&info, Some("up")).as_deref(), Some("up"));
    }

    fn check_refused(code: &str, expected: (Status, &str)) {
        let (status, detail) = refused(code, "what it says");
        assert_eq!((status, &*detail), expected);
    }

    #[test]
    fn errors_are_told_apart() {
        use Status::{AuthFailed, Unavailable};
        check_refused("NOAUTH", (AuthFailed, "NOAUTH what it says"));
        check_refused("WRONGPASS", (AuthFailed, "WRONGPASS what it says"));
        check_refused("NOPERM", (AuthFailed, "NOPERM what it says"));
        let loading = "still loading its data: LOADING what it says";
        check_refused("LOADING", (Unavailable, loading));
        let busy = "busy with a script: BUSY what it says";
        check_refused("BUSY", (Unavailable, busy));
        check_refused("ERR", (Unavailable, "ERR what it says"));
        assert_eq!(refused_login("ERR", "invalid password").0, AuthFailed);
        assert_eq!(
            refused_login("ERR", "max number of clients reached").0,
            Unavailable
        );
        assert_eq!(refused_login("LOADING", "").0, Unavailable);
    }

    fn check_about(info: &str, expected: (&str, bool)) {
        let about = About::read(info);
        assert_eq!((&*about.describe(), about.is_cut_off), expected);
    }

    #[test]
    fn servers_describe_themselves() {
        let master = "# Server\r\nredis_version:7.0.15\r\n\r\nrole:master\r\n";
        check_about(master, ("Redis 7.0.15, master", false));
        let cut_off = "redis_version:7.0.15\r\nrole:slave\r\nmaster_link_status:down\r\n";
        check_about(cut_off, ("Redis 7.0.15, replica", true));
        let replica = "redis_version:7.0.15\r\nrole:slave\r\nmaster_link_status:up\r\n";
        check_about(replica, ("Redis 7.0.15, replica", false));
        let valkey = "redis_version:7.2.4\r\nvalkey_version:8.1.0\r\nrole:master\r\n";
        check_about(valkey, ("Valkey 8.1.0, master", false));
    }

    proptest! {
        #[test]
        fn any_text_describes_some_server(info in "(redis_version|role|:|\r\n|[a-z0-9.]{1,5}){0,20}") {
            prop_assert!(About::read(&info).describe().starts_with("Redis "));
        }
    }
}
