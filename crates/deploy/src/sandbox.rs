//! Revisions aside from all traffic.

use std::sync::Arc;

use assay_model::{
    Aside, InstanceState, RestartPolicy, Revision, Sandbox, SandboxError, ServiceName, Timestamp,
};
use assay_world::clock;
use assay_world::supervisor::records::read_log_window;
use async_trait::async_trait;

use crate::process::{Driver, DriverError};

/// Largest log that is read back, in bytes; a reproduction looks for one line near its end.
const LOG_BYTES_MAX: usize = 1 << 20;

/// Runs revisions aside through the process driver.
pub struct ProcessSandbox {
    driver: Arc<Driver>,
}

impl ProcessSandbox {
    /// A sandbox over `driver`.
    pub fn new(driver: Arc<Driver>) -> Self {
        Self { driver }
    }
}

#[async_trait]
impl Sandbox for ProcessSandbox {
    async fn start(&self, revision: &Revision, key: &str) -> Result<Aside, SandboxError> {
        let doing = || format!("start {} of {} aside", revision.id, revision.service);
        let service = self.driver.project().services.get(&revision.service);
        let service = service.ok_or_else(|| SandboxError {
            doing: doing(),
            source: "the service is not in the configuration".into(),
        })?;
        let failed = |error: DriverError| SandboxError {
            doing: doing(),
            source: error.into(),
        };
        let status = self
            .driver
            .start(service, revision, key, RestartPolicy::Never)
            .await
            .map_err(failed)?;
        let port = status.port.unwrap_or_default();
        Ok(Aside {
            instance: status.id,
            url: format!("http://127.0.0.1:{port}"),
        })
    }

    async fn ended(&self, aside: &Aside) -> Result<Option<String>, SandboxError> {
        let status = self
            .driver
            .instance(&aside.instance)
            .await
            .map_err(|error| SandboxError {
                doing: format!("ask for {}", aside.instance),
                source: error.into(),
            })?;
        Ok(match status {
            None => Some("it was never started".to_owned()),
            Some(status) if status.state == InstanceState::Running => None,
            Some(status) => Some(
                status
                    .exits
                    .last()
                    .map_or_else(|| "it ended".to_owned(), |e| e.describe()),
            ),
        })
    }

    async fn stop(&self, aside: &Aside) -> Result<(String, Vec<u8>), SandboxError> {
        let failed = |error: Box<dyn std::error::Error + Send + Sync>| SandboxError {
            doing: format!("stop {}", aside.instance),
            source: error,
        };
        self.driver
            .stop(&aside.instance)
            .await
            .map_err(|error| failed(error.into()))?;
        let status = self
            .driver
            .instance(&aside.instance)
            .await
            .map_err(|error| failed(error.into()))?;
        let Some(status) = status else {
            return Ok((String::new(), Vec::new()));
        };
        let all = (Timestamp::UNIX_EPOCH, clock::now());
        let log = read_log_window(&status.log_path, all.0, all.1, LOG_BYTES_MAX)
            .map_err(|error| failed(error.into()))?;
        let path = status.log_path.display().to_string();
        Ok((path, log.text.into_bytes()))
    }

    fn serving_url(&self, service: &ServiceName) -> Option<String> {
        self.driver
            .project()
            .services
            .get(service)
            .map(|service| service.url.clone())
    }
}
