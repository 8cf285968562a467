//! Front doors: the stable addresses behind which revisions come and go.

use std::net::SocketAddr;

use assay_model::{RevisionId, ServiceName};
use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use thiserror::Error;

/// Where a front door sends its traffic.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Upstream {
    /// Address of the instance.
    pub addr: SocketAddr,
    /// The revision that it runs.
    pub revision: RevisionId,
    /// Its name with the supervisor.
    pub instance: String,
}

/// One front door as it stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Door {
    /// Whose door it is.
    pub service: ServiceName,
    /// Where it listens.
    pub addr: SocketAddr,
    /// Where it leads; `None` while no instance serves.
    pub upstream: Option<Upstream>,
}

/// The set of front doors of one environment.
#[async_trait]
pub trait FrontDoors: Send + Sync {
    /// Listens at `addr` on behalf of `service`; port 0 takes any free one. A door that is open
    /// already stays as it is, so this may be repeated.
    ///
    /// # Errors
    /// When the address cannot be bound, or the service's door listens somewhere else.
    async fn open(&self, service: &ServiceName, addr: SocketAddr) -> Result<Door, DoorError>;

    /// Sends every request that comes from now on to `upstream`. May be repeated.
    ///
    /// # Errors
    /// When the service has no door.
    fn route(&self, service: &ServiceName, upstream: Option<Upstream>) -> Result<(), DoorError>;

    /// All doors, by service.
    fn list(&self) -> Vec<Door>;
}

/// A front door could not do what it was asked.
#[derive(Debug, Error)]
pub enum DoorError {
    /// Somebody else listens there.
    #[error("front door of {service}: {addr} is in use")]
    InUse {
        /// Whose door.
        service: ServiceName,
        /// The address that was wanted.
        addr: SocketAddr,
    },
    /// The address cannot be bound for another reason.
    #[error("front door of {service}: cannot listen on {addr}")]
    Bind {
        /// Whose door.
        service: ServiceName,
        /// The address that was wanted.
        addr: SocketAddr,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// It listens somewhere else already.
    #[error("front door of {service}: already open at {addr}")]
    Elsewhere {
        /// Whose door.
        service: ServiceName,
        /// Where it listens.
        addr: SocketAddr,
    },
    /// It was never opened.
    #[error("front door of {service}: not open")]
    NotOpen {
        /// Whose door.
        service: ServiceName,
    },
    /// There are no front doors here.
    #[error("front door of {service}: this supervisor has no front doors")]
    Unsupported {
        /// Whose door.
        service: ServiceName,
    },
}

impl DoorError {
    /// The way out, where one is known.
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            Self::InUse { .. } => {
                Some("stop whatever listens there, or give the service another port")
            }
            Self::NotOpen { .. } => Some("open the door before routing through it"),
            Self::Bind { .. } | Self::Elsewhere { .. } | Self::Unsupported { .. } => None,
        }
    }
}

/// For a supervisor whose services are reached directly.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoDoors;

#[async_trait]
impl FrontDoors for NoDoors {
    async fn open(&self, service: &ServiceName, _addr: SocketAddr) -> Result<Door, DoorError> {
        Err(DoorError::Unsupported {
            service: service.clone(),
        })
    }

    fn route(&self, service: &ServiceName, _upstream: Option<Upstream>) -> Result<(), DoorError> {
        Err(DoorError::Unsupported {
            service: service.clone(),
        })
    }

    fn list(&self) -> Vec<Door> {
        Vec::new()
    }
}
