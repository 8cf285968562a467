//! One probe of a store, put together and judged.

use std::path::Path;
use std::time::{Duration, Instant};

use assay_model::{Health, Probe, ProbeKind, ProbeTarget, Prober, QueryProbe, Status};
use assay_probe::NetworkProber;
use url::Url;

/// Deadline of the probes that are meant to hit it.
pub(crate) const SHORT_MS: u64 = 400;

/// How much later than its deadline a probe may end on a busy machine.
pub(crate) const LATE_MS: u64 = 2_000;

/// What a password in a test must never be found in.
pub(crate) const WRONG_PASSWORD: &str = "hush-wrong";

/// The variable, or a failure that says how to set it.
pub(crate) fn variable(name: &str) -> String {
    std::env::var(name)
        .unwrap_or_else(|_| panic!("{name} is not set: `cargo xtask test` starts the servers"))
}

pub(crate) fn postgres() -> Asked {
    Asked::new("ASSAY_TEST_POSTGRES_URL", ProbeKind::Postgres, "select 1")
}

pub(crate) fn redis() -> Asked {
    Asked::new("ASSAY_TEST_REDIS_URL", ProbeKind::Redis, "PING")
}

pub(crate) fn native() -> Asked {
    Asked::new(
        "ASSAY_TEST_CLICKHOUSE_URL",
        ProbeKind::ClickHouse,
        "select 1",
    )
}

pub(crate) fn over_http() -> Asked {
    Asked::new(
        "ASSAY_TEST_CLICKHOUSE_HTTP_URL",
        ProbeKind::ClickHouse,
        "select 1",
    )
}

/// One probe, put together.
pub(crate) struct Asked {
    pub(crate) url: Url,
    pub(crate) kind: fn(QueryProbe) -> ProbeKind,
    pub(crate) query: QueryProbe,
    pub(crate) probe: Probe,
}

impl Asked {
    pub(crate) fn new(name: &str, kind: fn(QueryProbe) -> ProbeKind, query: &str) -> Self {
        Self::at(&variable(name), kind, query)
    }

    pub(crate) fn at(url: &str, kind: fn(QueryProbe) -> ProbeKind, query: &str) -> Self {
        let query = QueryProbe {
            query: query.to_owned(),
            answer: None,
        };
        Self {
            url: Url::parse(url).unwrap(),
            kind,
            probe: Probe::new(kind(query.clone())),
            query,
        }
    }

    pub(crate) fn query(mut self, query: &str) -> Self {
        query.clone_into(&mut self.query.query);
        self
    }

    pub(crate) fn expecting(mut self, answer: &str) -> Self {
        self.query.answer = Some(answer.to_owned());
        self
    }

    pub(crate) fn path(mut self, path: &str) -> Self {
        self.url.set_path(path);
        self
    }

    pub(crate) fn parameter(mut self, name: &str, value: &str) -> Self {
        self.url.query_pairs_mut().append_pair(name, value);
        self
    }

    pub(crate) fn user(mut self, user: &str) -> Self {
        self.url.set_username(user).unwrap();
        self
    }

    pub(crate) fn password(mut self, password: Option<&str>) -> Self {
        self.url.set_password(password).unwrap();
        self
    }

    pub(crate) fn ca(mut self, name: &str) -> Self {
        self.probe.tls.ca = Some(variable(name));
        self
    }

    pub(crate) fn degraded_ms(mut self, degraded_ms: u64) -> Self {
        self.probe.degraded_ms = degraded_ms;
        self
    }

    pub(crate) fn timeout_ms(mut self, timeout_ms: u64) -> Self {
        self.probe.timeout_ms = timeout_ms;
        self
    }

    pub(crate) async fn ask(mut self) -> (Health, String) {
        self.probe.kind = (self.kind)(self.query);
        let timeout_ms = self.probe.timeout_ms;
        let password = self.url.password().map(str::to_owned);
        let target = ProbeTarget {
            service: "store".into(),
            url: self.url.into(),
            probe: self.probe,
        };
        let started = Instant::now();
        let prober = NetworkProber::new(Path::new("/"));
        let (health, exchange) = prober.probe(&target).await;
        let took = started.elapsed();
        let exchange = String::from_utf8(exchange).unwrap();
        let limit = Duration::from_millis(timeout_ms + LATE_MS);
        assert!(took < limit, "took {took:?}: {}", health.detail);
        let all = format!("{exchange}{health:?}");
        for password in password.as_deref().into_iter().chain([WRONG_PASSWORD]) {
            assert!(password.is_empty() || !all.contains(password), "{all}");
        }
        assert!(exchange.contains(&health.target), "{exchange}");
        (health, exchange)
    }

    /// The status, and a part of the detail.
    pub(crate) async fn check(self, status: Status, part: &str) -> Health {
        let (health, exchange) = self.ask().await;
        let detail = &health.detail;
        assert_eq!(health.status, status, "{detail}\n{exchange}");
        assert!(
            detail.contains(part),
            "{detail:?} has no {part:?}\n{exchange}"
        );
        assert!(!detail.contains('\n'), "{detail:?}");
        health
    }

    /// Refused before anything was sent.
    pub(crate) async fn check_unusable(mut self) {
        self.probe.kind = (self.kind)(self.query);
        let target = ProbeTarget {
            service: "store".into(),
            url: self.url.into(),
            probe: self.probe,
        };
        let prober = NetworkProber::new(Path::new("/"));
        let (health, _) = prober.probe(&target).await;
        assert_eq!(health.status, Status::Unreachable, "{}", health.detail);
        assert_eq!(health.latency_ms, 0, "{}", health.detail);
    }
}

/// An error as PostgreSQL sends it.
pub(crate) fn fatal(code: &str, message: &str) -> Vec<u8> {
    let fields = format!("SFATAL\0VFATAL\0C{code}\0M{message}\0\0");
    let length = u32::try_from(fields.len() + 4).unwrap();
    [b"E", &length.to_be_bytes()[..], fields.as_bytes()].concat()
}
