//! A ClickHouse probe: connect, authenticate, and run a query that may only read, over the native
//! protocol (`clickhouse://`, `clickhouses://` with TLS) or the HTTP interface (`http://`,
//! `https://`).

mod asked;
mod exception;
mod http;
mod native;
mod packet;
mod value;

use std::time::Duration;

use assay_model::{Health, ProbeTarget, QueryProbe};

use self::asked::Asked;
use crate::address;
use crate::failure::Failure;
use crate::store::{Login, Talk};
use crate::tls::Trust;

/// Schemes and their usual port. HTTP keeps its own.
const PORTS: [(&str, u16); 2] = [("clickhouse", 9000), ("clickhouses", 9440)];

/// Asks once.
pub(crate) async fn once(
    target: &ProbeTarget,
    spec: &QueryProbe,
    trust: &Trust,
) -> (Health, Vec<u8>) {
    let mut talk = Talk::new("clickhouse", "ClickHouse");
    let limit = Duration::from_millis(target.probe.timeout_ms);
    let outcome = tokio::time::timeout(limit, ask(&mut talk, target, &spec.query, trust)).await;
    talk.conclude(target, spec.answer.as_deref(), outcome)
}

async fn ask(
    talk: &mut Talk,
    target: &ProbeTarget,
    query: &str,
    trust: &Trust,
) -> Result<(), Failure> {
    let mut login = Login::parse(&target.url, &PORTS)?;
    login.user = login.user.take().or_else(|| login.parameter("user"));
    login.password = login
        .password
        .take()
        .or_else(|| login.parameter("password"));
    let asked = Asked {
        login,
        query,
        tls: &target.probe.tls,
        trust,
    };
    match asked.login.url.scheme() {
        "clickhouse" | "clickhouses" => native::ask(talk, &asked).await,
        "http" | "https" => http::ask(talk, &asked).await,
        _ => Err(address::unusable(
            "the URL of ClickHouse starts with clickhouse://, http:// or https://",
        )),
    }
}
