//! Commands that a probe may send. Pure.

use crate::address;
use crate::failure::Failure;

/// Words of a command, at most. The longest that is any use here, `MGET`, needs a handful.
const WORDS_MAX: usize = 32;

/// Commands that change nothing, whatever their arguments, and answer at once and briefly.
const READ_ONLY: [&str; 35] = [
    "BITCOUNT",
    "DBSIZE",
    "ECHO",
    "EXISTS",
    "GET",
    "GETBIT",
    "GETRANGE",
    "HEXISTS",
    "HGET",
    "HLEN",
    "HMGET",
    "INFO",
    "LASTSAVE",
    "LINDEX",
    "LLEN",
    "LOLWUT",
    "MGET",
    "PING",
    "PTTL",
    "ROLE",
    "SCARD",
    "SISMEMBER",
    "STRLEN",
    "TIME",
    "TTL",
    "TYPE",
    "XLEN",
    "ZCARD",
    "ZCOUNT",
    "ZLEXCOUNT",
    "ZRANK",
    "ZREVRANK",
    "ZSCORE",
    "SMISMEMBER",
    "HSTRLEN",
];

/// The same, of commands with a second word.
const READ_ONLY_PAIRS: [(&str, &str); 5] = [
    ("CLUSTER", "INFO"),
    ("CLUSTER", "MYID"),
    ("MEMORY", "USAGE"),
    ("OBJECT", "ENCODING"),
    ("SENTINEL", "GET-MASTER-ADDR-BY-NAME"),
];

/// The words of `query`.
///
/// # Errors
/// When it is no command that is known to change nothing.
pub(super) fn read_only(query: &str) -> Result<Vec<&str>, Failure> {
    let words: Vec<_> = query.split_whitespace().collect();
    if words.len() > WORDS_MAX {
        let detail = format!("a command of more than {WORDS_MAX} words");
        return Err(address::unusable(detail));
    }
    let Some(first) = words.first() else {
        return Err(address::unusable(
            "the command is empty: PING is the usual one",
        ));
    };
    let is = |word: &str, known: &str| word.eq_ignore_ascii_case(known);
    let is_pair = |(one, two): &(&str, &str)| {
        is(first, one) && words.get(1).is_some_and(|second| is(second, two))
    };
    if READ_ONLY.iter().any(|known| is(first, known)) || READ_ONLY_PAIRS.iter().any(is_pair) {
        return Ok(words);
    }
    Err(address::unusable(format!(
        "`{first}` was not sent: a probe sends only commands that are known to change nothing, \
         such as PING, GET, EXISTS, INFO, DBSIZE, TTL and LLEN"
    )))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn check(query: &str, expected: Result<&[&str], &str>) {
        match (read_only(query), expected) {
            (Ok(words), Ok(expected)) => assert_eq!(words, expected),
            (Err((_, detail)), Err(part)) => assert!(detail.contains(part), "{query}: {detail}"),
            (got, expected) => panic!("{query}: {got:?}, expected {expected:?}"),
        }
    }

    #[test]
    fn only_commands_that_read_are_sent() {
        check("PING", Ok(&["PING"]));
        check(" get  a ", Ok(&["get", "a"]));
        check("info replication", Ok(&["info", "replication"]));
        check("cluster info", Ok(&["cluster", "info"]));
        check("", Err("empty"));
        check("SET a b", Err("`SET` was not sent"));
        check("FLUSHALL", Err("`FLUSHALL` was not sent"));
        check("GETDEL a", Err("not sent"));
        check("EVAL x 0", Err("not sent"));
        check("BLPOP a 0", Err("not sent"));
        check("CLUSTER RESET", Err("not sent"));
        check("CONFIG GET requirepass", Err("not sent"));
        check(&"PING ".repeat(33), Err("more than 32 words"));
    }

    proptest! {
        #[test]
        fn what_is_sent_is_in_the_table(query in "[A-Za-z ]{0,20}") {
            if let Ok(words) = read_only(&query) {
                let first = words[0].to_uppercase();
                let is_known = READ_ONLY.contains(&&*first)
                    || READ_ONLY_PAIRS.iter().any(|(one, _)| *one == first);
                prop_assert!(is_known);
            }
        }
    }
}
