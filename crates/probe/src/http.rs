//! An HTTP probe: one request, its redirects where they are followed, and a judgement.

use std::time::Duration;

use assay_model::{Certificate, Health, HttpProbe, ProbeTarget, Status};
use url::Url;

use crate::address::{self, unusable};
use crate::answer::{self, Answer};
use crate::failure::{self, Failure};
use crate::request::{self, Ask, Hop};
use crate::timeline::Timeline;
use crate::tls::Trust;

/// Redirects that are followed at most, whatever the configuration says; browsers stop at 20.
const REDIRECTS_MAX: u32 = 20;

/// What came of it so far.
struct Talk {
    timeline: Timeline,
    hops: Vec<Hop>,
}

/// Asks once.
pub(crate) async fn once(
    target: &ProbeTarget,
    probe: &HttpProbe,
    trust: &Trust,
) -> (Health, Vec<u8>) {
    let mut talk = Talk {
        timeline: Timeline::start("no address"),
        hops: Vec::new(),
    };
    let (shown, outcome) = match url(&target.url, &probe.path) {
        Ok(url) => {
            let shown = address::without_password(&url);
            (shown, exchange(target, probe, trust, url, &mut talk).await)
        }
        Err(problem) => (probe.path.clone(), Err(problem)),
    };
    let mut health = Health::new(target.service.clone(), "http", shown, Status::Unreachable);
    health.latency_ms = talk.timeline.elapsed_ms();
    health.certificate = certificate(&talk.hops);
    let head = talk.hops.last().and_then(|hop| hop.head.as_ref());
    health.http_status = head.map(|head| head.status.as_u16());
    match (outcome, talk.hops.last(), head) {
        (Err((status, detail)), _, _) => (health.status, health.detail) = (status, detail),
        (Ok(()), Some(hop), Some(head)) => {
            let answer = Answer {
                status: head.status.as_u16(),
                headers: &head.headers,
                body: &hop.body,
                truncated: hop.truncated,
                latency_ms: health.latency_ms,
            };
            let judged = answer::judge(&answer, probe, target.probe.degraded_ms);
            health.status = judged.status;
            health.detail = judged.detail;
            health.revision = judged.revision;
            health.reported = judged.reported;
            if talk.hops.len() > 1 {
                health
                    .detail
                    .push_str(&format!("; by way of {}", way(&talk.hops)));
            }
        }
        (Ok(()), _, _) => health.detail = "no answer".to_owned(),
    }
    let exchange = render(&health, &talk);
    (health, exchange)
}

/// The deadline covers everything from the look-up of the name to the last byte.
async fn exchange(
    target: &ProbeTarget,
    probe: &HttpProbe,
    trust: &Trust,
    url: Url,
    talk: &mut Talk,
) -> Result<(), Failure> {
    let timeout_ms = target.probe.timeout_ms;
    let followed = follow(target, probe, trust, url, talk);
    match tokio::time::timeout(Duration::from_millis(timeout_ms), followed).await {
        Ok(outcome) => outcome,
        Err(_) if talk.hops.last().is_some_and(Hop::is_dripping) => {
            let what = "the headers of the answer did not end";
            Err(failure::timed_out(what, timeout_ms))
        }
        Err(_) => Err(talk.timeline.timed_out(timeout_ms)),
    }
}

async fn follow(
    target: &ProbeTarget,
    probe: &HttpProbe,
    trust: &Trust,
    url: Url,
    talk: &mut Talk,
) -> Result<(), Failure> {
    let redirects_max = probe.redirects_max.min(REDIRECTS_MAX);
    let mut ask = Ask::new(probe, url)?;
    for _ in 0..=redirects_max {
        // The name that a certificate must be for is that of the first server alone.
        let mut policy = target.probe.tls.clone();
        if !ask.at_home {
            policy.server_name = None;
        }
        talk.hops.push(Hop::new(&ask));
        let hop = talk.hops.last_mut().expect("it was just pushed");
        request::send(&ask, &policy, trust, hop, &mut talk.timeline).await?;
        if redirects_max == 0 {
            return Ok(());
        }
        let Some(next) = redirect(hop, probe) else {
            return Ok(());
        };
        ask = ask.redirected(next?, hop)?;
        let asked = |hop: &Hop| hop.url == ask.url && hop.method == ask.method;
        if talk.hops.iter().any(asked) {
            let back = relative(&ask.url, &talk.hops[0].url);
            let detail = format!("redirects in a circle: {} -> {back}", way(&talk.hops));
            return Err((Status::Unavailable, detail));
        }
    }
    let detail = format!("more than {redirects_max} redirects: {}", way(&talk.hops));
    Err((Status::Unavailable, detail))
}

/// That of the first server which has one: the service itself, or whom it redirects to.
fn certificate(hops: &[Hop]) -> Option<Certificate> {
    hops.iter().find_map(|hop| hop.seen.as_ref()?.certificate())
}

/// Where an answer sends; `None` where it does not, or where that is what was expected.
fn redirect(hop: &Hop, probe: &HttpProbe) -> Option<Result<Url, Failure>> {
    let head = hop.head.as_ref()?;
    let status = head.status.as_u16();
    let is_redirect = matches!(status, 301 | 302 | 303 | 307 | 308);
    if !is_redirect || probe.expect.iter().any(|range| range.contains(status)) {
        return None;
    }
    let location = head.headers.get(http::header::LOCATION)?;
    let location = String::from_utf8_lossy(location.as_bytes());
    Some(hop.url.join(&location).map_err(|_| {
        let shown = answer::cut(&location);
        let detail = format!("redirected to {shown:?}, which is not a URL");
        (Status::Unavailable, detail)
    }))
}

/// `/a -> /b -> https://other/c`.
fn way(hops: &[Hop]) -> String {
    let first = &hops[0].url;
    let places: Vec<_> = hops.iter().map(|hop| relative(&hop.url, first)).collect();
    places.join(" -> ")
}

fn relative(url: &Url, home: &Url) -> String {
    if url.origin() == home.origin() {
        request::path_and_query(url)
    } else {
        address::without_password(url)
    }
}

fn url(base: &str, path: &str) -> Result<Url, Failure> {
    let url = address::parse(&format!("{}{path}", base.trim_end_matches('/')))?;
    match url.scheme() {
        "http" | "https" => Ok(url),
        other => Err(unusable(format!("`{other}` cannot be asked over HTTP"))),
    }
}

/// The exchange as it would stand on the wire, with a note where it broke off.
fn render(health: &Health, talk: &Talk) -> Vec<u8> {
    let mut out = Vec::new();
    for hop in &talk.hops {
        hop.render(&mut out);
    }
    if talk.hops.is_empty() {
        out.extend_from_slice(format!("{}\n", health.target).as_bytes());
    }
    out.extend_from_slice(talk.timeline.render().as_bytes());
    out.extend_from_slice(format!("[{}: {}]\n", health.status.word(), health.detail).as_bytes());
    out
}
