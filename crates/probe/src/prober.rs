//! The port `Prober` over real sockets.

use assay_model::{Health, ProbeKind, ProbeTarget, Prober};
use async_trait::async_trait;

use crate::http::HttpProbe;
use crate::tcp;

/// Asks services over the network, each time over a fresh connection. Cheap to clone.
#[derive(Clone, Debug)]
pub struct NetworkProber {
    http: HttpProbe,
}

impl NetworkProber {
    /// A prober without any state but its HTTP client's settings.
    pub fn new() -> Self {
        Self {
            http: HttpProbe::new(),
        }
    }
}

impl Default for NetworkProber {
    fn default() -> Self {
        Self::new()
    }
}

#[async_trait]
impl Prober for NetworkProber {
    async fn probe(&self, target: &ProbeTarget) -> (Health, Vec<u8>) {
        match &target.probe.kind {
            ProbeKind::Http { path, expect, json } => {
                self.http.probe(target, path, *expect, json).await
            }
            ProbeKind::Tcp => tcp::probe(target).await,
        }
    }
}
