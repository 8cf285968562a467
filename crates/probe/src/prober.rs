//! The port `Prober` over real sockets.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use assay_model::{Health, ProbeKind, ProbeTarget, Prober, Status};
use async_trait::async_trait;

use crate::samples::{SAMPLES_MAX, Taken};
use crate::tls::{self, Trust};
use crate::{clickhouse, command, dns, grpc, http, postgres, redis, tcp, websocket};

/// Asks services over the network, each time over a fresh connection. Cheap to clone.
#[derive(Clone, Debug)]
pub struct NetworkProber {
    root: PathBuf,
    trust: Arc<Trust>,
}

impl NetworkProber {
    /// A prober for the project in `root`: commands run there, and relative paths of
    /// certificates start there.
    pub fn new(root: &Path) -> Self {
        Self {
            root: root.to_owned(),
            trust: Arc::new(Trust::new(root)),
        }
    }

    async fn once(&self, target: &ProbeTarget) -> (Health, Vec<u8>) {
        let trust = &self.trust;
        // Boxed, as the largest of these would be the size of all.
        let (mut health, exchange) = match &target.probe.kind {
            ProbeKind::Http(probe) => Box::pin(http::once(target, probe, trust)).await,
            ProbeKind::Tcp => Box::pin(tcp::once(target, trust)).await,
            ProbeKind::Runtime => unasked(target),
            ProbeKind::WebSocket(probe) => Box::pin(websocket::once(target, probe, trust)).await,
            ProbeKind::Grpc { service } => Box::pin(grpc::once(target, service, trust)).await,
            ProbeKind::Dns(probe) => Box::pin(dns::once(target, probe)).await,
            ProbeKind::Postgres(probe) => Box::pin(postgres::once(target, probe, trust)).await,
            ProbeKind::Redis(probe) => Box::pin(redis::once(target, probe, trust)).await,
            ProbeKind::ClickHouse(probe) => Box::pin(clickhouse::once(target, probe, trust)).await,
            ProbeKind::Command(probe) => Box::pin(command::once(target, probe, &self.root)).await,
        };
        tls::remark(&mut health, &target.probe.tls);
        (health, exchange)
    }
}

/// What only its observers can tell about is not asked over the network.
fn unasked(target: &ProbeTarget) -> (Health, Vec<u8>) {
    let name = target.service.clone();
    let mut health = Health::new(name, "runtime", "observers", Status::Unreachable);
    health.detail = "has no address that could be asked".to_owned();
    (health, Vec::new())
}

#[async_trait]
impl Prober for NetworkProber {
    async fn probe(&self, target: &ProbeTarget) -> (Health, Vec<u8>) {
        if tls::is_likely(&target.url) {
            self.trust.warm();
        }
        let (health, exchange) = self.once(target).await;
        if target.probe.samples <= 1 {
            return (health, exchange);
        }
        let mut taken = Taken::default();
        taken.add(health, exchange);
        for _ in 1..target.probe.samples.min(SAMPLES_MAX) {
            let (health, exchange) = self.once(target).await;
            taken.add(health, exchange);
        }
        taken.combine().expect("there is at least the first sample")
    }
}
