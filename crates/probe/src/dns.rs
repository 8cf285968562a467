//! A DNS probe: a name resolves, to what it should.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use assay_model::{DnsProbe, Health, ProbeTarget, Status};
use hickory_resolver::TokioResolver;
use hickory_resolver::config::{
    ConnectionConfig, NameServerConfig, ResolveHosts, ResolverConfig, ResolverOpts,
};
use hickory_resolver::net::runtime::TokioRuntimeProvider;
use hickory_resolver::net::{DnsError, NetError};
use hickory_resolver::proto::op::ResponseCode;
use hickory_resolver::proto::rr::{RData, RecordType};
use tokio::net::{TcpStream, UdpSocket};

use crate::address::{self, Address, unusable};
use crate::failure::{self, Failure};
use crate::timeline::{self, Timeline};

/// Answers that are looked at. A name has a handful.
const ANSWERS_MAX: usize = 64;

/// Answers that fit into a line for a person.
const ANSWERS_SHOWN: usize = 4;

/// Times that one server is asked: a lost datagram must not look like a lost server.
const ATTEMPTS: usize = 2;

const RECORDS: [RecordType; 7] = [
    RecordType::A,
    RecordType::AAAA,
    RecordType::CNAME,
    RecordType::MX,
    RecordType::NS,
    RecordType::SRV,
    RecordType::TXT,
];

/// Asks once.
pub(crate) async fn once(target: &ProbeTarget, probe: &DnsProbe) -> (Health, Vec<u8>) {
    let mut timeline = Timeline::start("no answer");
    let timeout_ms = target.probe.timeout_ms;
    let shown = match address::parse(&target.url) {
        Ok(url) if url.scheme() == "dns" => address::without_password(&url),
        _ => "dns:system".to_owned(),
    };
    let outcome = look_up(target, probe, &mut timeline);
    let outcome = match tokio::time::timeout(Duration::from_millis(timeout_ms), outcome).await {
        Ok(outcome) => outcome,
        Err(_) => Err(timeline.timed_out(timeout_ms)),
    };
    let mut health = Health::new(target.service.clone(), "dns", shown, Status::Unreachable);
    health.latency_ms = timeline.elapsed_ms();
    let answers = outcome.as_ref().map_or(&[][..], |answers| answers);
    let mut exchange = format!(
        "QUERY {} {} at {}\n",
        probe.name, probe.record, health.target
    );
    for answer in answers {
        exchange.push_str(&format!("{answer}\n"));
    }
    let judged = outcome.and_then(|answers| judge(probe, &answers));
    (health.status, health.detail) = match judged {
        Ok(what) => timeline::judge_pace(&what, health.latency_ms, target.probe.degraded_ms),
        Err(failure) => failure,
    };
    exchange.push_str(&timeline.render());
    exchange.push_str(&format!("[{}: {}]\n", health.status.word(), health.detail));
    (health, exchange.into_bytes())
}

async fn look_up(
    target: &ProbeTarget,
    probe: &DnsProbe,
    timeline: &mut Timeline,
) -> Result<Vec<String>, Failure> {
    let wanted = probe.record.to_ascii_uppercase();
    let record = RECORDS
        .into_iter()
        .find(|record| record.to_string() == wanted)
        .ok_or_else(|| unusable(format!("`{}` records cannot be asked for", probe.record)))?;
    let (resolver, server) = resolver(target, timeline).await?;
    let found = tokio::select! {
        found = resolver.lookup(&*probe.name, record) => found,
        refusal = refusal(server) => return Err(refusal),
    };
    timeline.reached("answered", "no answer");
    let found = found.map_err(|error| sort(probe, &error))?;
    let answers = found
        .answers()
        .iter()
        .filter(|answer| answer.record_type() == record)
        .take(ANSWERS_MAX)
        .map(|answer| text(&answer.data));
    Ok(answers.collect())
}

async fn resolver(
    target: &ProbeTarget,
    timeline: &mut Timeline,
) -> Result<(TokioResolver, Option<SocketAddr>), Failure> {
    let url = address::parse(&target.url);
    let mut asked = None;
    let mut builder = match url.as_ref().map(|url| (url, url.scheme())) {
        Ok((url, "dns")) => {
            let server = server(&Address::of(url)?).await?;
            timeline.reached("server found", "no answer");
            asked = Some(server);
            let connection = |mut connection: ConnectionConfig| {
                connection.port = server.port();
                connection
            };
            let connections = vec![
                connection(ConnectionConfig::udp()),
                connection(ConnectionConfig::tcp()),
            ];
            let server = NameServerConfig::new(server.ip(), true, connections);
            let config = ResolverConfig::from_name_servers(vec![server]);
            let runtime = TokioRuntimeProvider::default();
            let mut builder = TokioResolver::builder_with_config(config, runtime);
            // What this machine says of a name is not what the server says.
            builder.options_mut().use_hosts_file = ResolveHosts::Never;
            builder
        }
        _ => TokioResolver::builder_tokio()
            .map_err(|error| unusable(format!("no name server is configured here: {error}")))?,
    };
    bound(builder.options_mut(), target.probe.timeout_ms);
    let built = builder.build();
    let built = built.map_err(|error| unusable(format!("no name server can be asked: {error}")));
    Ok((built?, asked))
}

/// Ends only when nobody listens at `server`, over UDP and over TCP alike: the resolver's own
/// sockets are not connected, so a refusal would look to it like silence.
async fn refusal(server: Option<SocketAddr>) -> Failure {
    let knock = async {
        let server = server?;
        let any = match server {
            SocketAddr::V4(_) => SocketAddr::from((Ipv4Addr::UNSPECIFIED, 0)),
            SocketAddr::V6(_) => SocketAddr::from((Ipv6Addr::UNSPECIFIED, 0)),
        };
        let socket = UdpSocket::bind(any).await.ok()?;
        socket.connect(server).await.ok()?;
        // An empty datagram is no query; what counts is what comes back for a closed port.
        socket.send(&[]).await.ok()?;
        let refused = socket.recv(&mut [0; 1]).await.err()?;
        TcpStream::connect(server).await.err()?;
        (refused.kind() == io::ErrorKind::ConnectionRefused).then(|| failure::classify(&refused))
    };
    match knock.await {
        Some(failure) => failure,
        None => std::future::pending().await,
    }
}

fn bound(options: &mut ResolverOpts, timeout_ms: u64) {
    let share = timeout_ms / (ATTEMPTS as u64 + 1);
    options.timeout = Duration::from_millis(share.max(1));
    options.attempts = ATTEMPTS;
    // An answer out of memory says nothing about the server.
    options.cache_size = 0;
}

async fn server(address: &Address) -> Result<SocketAddr, Failure> {
    if let Ok(ip) = address.host.parse::<IpAddr>() {
        return Ok(SocketAddr::new(ip, address.port));
    }
    let found = tokio::net::lookup_host((&*address.host, address.port)).await;
    let first = found.ok().and_then(|mut found| found.next());
    first.ok_or_else(|| {
        let detail = format!("no address for the name server `{}`", address.host);
        (Status::Unreachable, detail)
    })
}

fn sort(probe: &DnsProbe, error: &NetError) -> Failure {
    let unavailable = |detail: String| (Status::Unavailable, detail);
    let DnsProbe { name, record, .. } = probe;
    match error {
        NetError::Dns(DnsError::NoRecordsFound(none)) => match none.response_code {
            ResponseCode::NXDomain => unavailable(format!("no such name `{name}` (NXDOMAIN)")),
            ResponseCode::NoError => unavailable(format!("`{name}` has no {record} record")),
            code => by_code(code),
        },
        NetError::Dns(DnsError::ResponseCode(code)) => by_code(*code),
        NetError::Timeout => (
            Status::Unreachable,
            "the name server does not answer".to_owned(),
        ),
        NetError::Io(error) => failure::classify(&**error),
        NetError::NoConnections => (
            Status::Unreachable,
            "no connection to the name server".to_owned(),
        ),
        NetError::Proto(error) => unavailable(format!("the answer is not DNS: {error}")),
        other => (Status::Unreachable, other.to_string()),
    }
}

fn by_code(code: ResponseCode) -> Failure {
    let detail = match code {
        ResponseCode::ServFail => "the name server failed (SERVFAIL)".to_owned(),
        ResponseCode::Refused => "the name server refuses to answer (REFUSED)".to_owned(),
        ResponseCode::NXDomain => "no such name (NXDOMAIN)".to_owned(),
        other => format!("the name server answered: {other}"),
    };
    (Status::Unavailable, detail)
}

/// One answer as a person writes it: `10.0.0.1`, `10 mail.example`, `v=spf1 -all`.
fn text(data: &RData) -> String {
    match data {
        RData::TXT(text) => {
            let parts = text.txt_data.iter();
            let parts = parts.map(|part| String::from_utf8_lossy(part).into_owned());
            parts.collect()
        }
        other => other.to_string().trim_end_matches('.').to_owned(),
    }
}

fn judge(probe: &DnsProbe, answers: &[String]) -> Result<String, Failure> {
    let DnsProbe { name, record, .. } = probe;
    if answers.is_empty() {
        let detail = format!("`{name}` has no {record} record");
        return Err((Status::Unavailable, detail));
    }
    let same = |wanted: &str, got: &str| {
        let trim = |text: &str| text.trim_end_matches('.').to_ascii_lowercase();
        wanted == got || (record.as_str() != "TXT" && trim(wanted) == trim(got))
    };
    let missing = probe
        .answers
        .iter()
        .find(|wanted| !answers.iter().any(|got| same(wanted, got)));
    match missing {
        None => Ok(format!("resolved to {}", list(answers))),
        Some(missing) => {
            let detail = format!(
                "expected {missing} among the answers, got {}",
                list(answers)
            );
            Err((Status::Unavailable, detail))
        }
    }
}

fn list(answers: &[String]) -> String {
    let shown = answers[..answers.len().min(ANSWERS_SHOWN)].join(", ");
    match answers.len().saturating_sub(ANSWERS_SHOWN) {
        0 => shown,
        more => format!("{shown} and {more} more"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(record: &str, wanted: &[&str], got: &[&str], expected: Result<&str, &str>) {
        let probe = DnsProbe {
            name: "api.test".to_owned(),
            record: record.to_owned(),
            answers: wanted.iter().map(|&text| text.to_owned()).collect(),
        };
        let got: Vec<_> = got.iter().map(|&text| text.to_owned()).collect();
        let judged = judge(&probe, &got).map_err(|(_, detail)| detail);
        let judged = judged.as_deref().map_err(|detail| &**detail);
        assert_eq!(judged, expected);
    }

    #[test]
    fn answers_are_compared_as_dns_does() {
        check("A", &[], &["10.0.0.1"], Ok("resolved to 10.0.0.1"));
        check(
            "CNAME",
            &["LB.test."],
            &["lb.test"],
            Ok("resolved to lb.test"),
        );
        check(
            "A",
            &["10.0.0.2"],
            &["10.0.0.1"],
            Err("expected 10.0.0.2 among the answers, got 10.0.0.1"),
        );
        check(
            "TXT",
            &["A"],
            &["a"],
            Err("expected A among the answers, got a"),
        );
        check("MX", &[], &[], Err("`api.test` has no MX record"));
    }
}
