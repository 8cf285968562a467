//! Name servers that answer, and those that do not.

use assay_model::{DnsProbe, Health, ProbeKind, Status};
use hickory_proto::op::{Message, MessageType, OpCode, ResponseCode};
use hickory_proto::rr::rdata::{A, CNAME, MX, TXT};
use hickory_proto::rr::{Name, RData, Record, RecordType};
use tokio::net::UdpSocket;

use crate::support::{SHORT_MS, expect, probe};

/// A name server for `test.`: what it answers depends on the first label.
async fn server() -> String {
    let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let address = socket.local_addr().unwrap().to_string();
    tokio::spawn(async move {
        let mut buffer = [0; 1500];
        while let Ok((length, from)) = socket.recv_from(&mut buffer).await {
            let Ok(request) = Message::from_vec(&buffer[..length]) else {
                continue;
            };
            if let Some(answer) = reply(&request) {
                let _gone = socket.send_to(&answer, from).await;
            }
        }
    });
    address
}

fn reply(request: &Message) -> Option<Vec<u8>> {
    let query = request.queries.first()?;
    let name = query.name().to_string().to_lowercase();
    let label = name.split('.').next()?;
    let mut answer = Message::new(request.metadata.id, MessageType::Response, OpCode::Query);
    answer.queries.push(query.clone());
    answer.metadata.recursion_available = true;
    let data = match (label, query.query_type()) {
        ("silent", _) => return None,
        ("garbage", _) => return Some(b"not at all".to_vec()),
        ("failing", _) => {
            answer.metadata.response_code = ResponseCode::ServFail;
            None
        }
        ("refusing", _) => {
            answer.metadata.response_code = ResponseCode::Refused;
            None
        }
        ("api", RecordType::A) => Some(RData::A(A::new(10, 0, 0, 1))),
        ("www", RecordType::CNAME) => {
            let name = Name::from_ascii("api.test.").unwrap();
            Some(RData::CNAME(CNAME(name)))
        }
        ("api", RecordType::MX) => {
            let name = Name::from_ascii("mail.test.").unwrap();
            Some(RData::MX(MX::new(10, name)))
        }
        ("api", RecordType::TXT) => {
            let parts = vec!["v=spf1".to_owned(), " -all".to_owned()];
            Some(RData::TXT(TXT::new(parts)))
        }
        ("api", _) => None,
        _ => {
            answer.metadata.response_code = ResponseCode::NXDomain;
            None
        }
    };
    if let Some(data) = data {
        let record = Record::from_rdata(query.name().clone(), 60, data);
        answer.answers.push(record);
    }
    answer.to_vec().ok()
}

async fn ask(name: &str, record: &str, answers: &[&str], timeout_ms: u64) -> (Health, String) {
    let url = format!("dns://{}", server().await);
    let kind = ProbeKind::Dns(DnsProbe {
        name: name.to_owned(),
        record: record.to_owned(),
        answers: answers.iter().map(|&text| text.to_owned()).collect(),
    });
    probe(&url, kind, timeout_ms).await
}

async fn check(name: &str, record: &str, answers: &[&str], status: Status, detail: &str) {
    let (health, exchange) = ask(name, record, answers, 3000).await;
    assert_eq!(health.status, status, "{health:?}\n{exchange}");
    expect(&health, status, detail);
}

#[tokio::test]
async fn answers_are_told_apart() {
    use Status::{Healthy, Unavailable};
    check("api.test", "A", &[], Healthy, "resolved to 10.0.0.1 in").await;
    check("api.test", "a", &["10.0.0.1"], Healthy, "resolved").await;
    let detail = "expected 10.0.0.2 among the answers, got 10.0.0.1";
    check("api.test", "A", &["10.0.0.2"], Unavailable, detail).await;
    check("www.test", "CNAME", &["API.test."], Healthy, "api.test").await;
    check("api.test", "MX", &["10 mail.test"], Healthy, "10 mail.test").await;
    check("api.test", "TXT", &["v=spf1 -all"], Healthy, "v=spf1").await;
    let detail = "no such name `none.test` (NXDOMAIN)";
    check("none.test", "A", &[], Unavailable, detail).await;
    let detail = "`api.test` has no AAAA record";
    check("api.test", "AAAA", &[], Unavailable, detail).await;
    check("failing.test", "A", &[], Unavailable, "SERVFAIL").await;
    check("refusing.test", "A", &[], Unavailable, "REFUSED").await;
    let detail = "`HINFO` records cannot be asked for";
    check("api.test", "HINFO", &[], Status::Unreachable, detail).await;
}

#[tokio::test]
async fn silence_and_garbage_end_at_the_deadline() {
    let (health, _) = ask("silent.test", "A", &[], SHORT_MS).await;
    assert_eq!(health.status, Status::Unreachable, "{health:?}");
    let (health, _) = ask("garbage.test", "A", &[], SHORT_MS).await;
    assert!(!health.status.serves(), "{health:?}");
    assert!(health.latency_ms <= SHORT_MS + 200, "{health:?}");
}

#[tokio::test]
async fn a_server_that_is_not_there_is_named() {
    let kind = |name: &str| {
        ProbeKind::Dns(DnsProbe {
            name: name.to_owned(),
            record: "A".to_owned(),
            answers: Vec::new(),
        })
    };
    let url = "dns://no-such-host.invalid";
    let (health, _) = probe(url, kind("api.test"), 5000).await;
    let detail = "no address for the name server `no-such-host.invalid`";
    expect(&health, Status::Unreachable, detail);
    let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let closed = socket.local_addr().unwrap();
    drop(socket);
    let (health, _) = probe(&format!("dns://{closed}"), kind("api.test"), 3000).await;
    expect(&health, Status::Refused, "connection refused");
}
