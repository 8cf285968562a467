//! The `process` driver: revisions as process groups under assay's own supervisor.

use std::collections::BTreeMap;
use std::net::{SocketAddr, ToSocketAddrs};
use std::path::{Path, PathBuf};
use std::time::Duration;

use assay_model::{
    DeployPlan, Facts, ProbeTarget, Prober, Project, RestartPolicy, Revision, Service, ServiceName,
    UnknownPlaceholder, expand,
};
use assay_world::clock::Stopwatch;
use assay_world::files;
use assay_world::supervisor::{Client, ClientError, InstanceSpec, InstanceStatus, Target};
use assay_world::{Door, Upstream};
use thiserror::Error;
use tokio::sync::OnceCell;

/// How long a process may take to end after it was asked to, in ms. A service that drains longer
/// than this holds up its own roll-out.
const STOP_GRACE_MS: u64 = 3_000;

/// Pause between two looks at a service that is brought back.
const RESTORE_POLL: Duration = Duration::from_millis(50);

/// The driver could not do its part.
#[derive(Debug, Error)]
pub enum DriverError {
    /// The supervisor could not be reached, or refused.
    #[error("{doing}")]
    Supervisor {
        /// What was being done.
        doing: String,
        /// Why it failed.
        #[source]
        source: ClientError,
    },
    /// The service is not described well enough.
    #[error("service {service} has no `deploy` in the configuration")]
    NotDeployable {
        /// Which service.
        service: ServiceName,
    },
    /// The URL of a service is not an address that assay can listen on.
    #[error("{url} of service {service} is not an address to listen on")]
    BadUrl {
        /// Which service.
        service: ServiceName,
        /// Its URL.
        url: String,
    },
    /// A command or an environment has an unknown placeholder.
    #[error("deploy of service {service}")]
    Placeholder {
        /// Which service.
        service: ServiceName,
        /// Which placeholder.
        #[source]
        source: UnknownPlaceholder,
    },
    /// No port is free.
    #[error("find a free port for {service}")]
    NoPort {
        /// Which service.
        service: ServiceName,
        /// Why.
        #[source]
        source: std::io::Error,
    },
}

/// Starts, stops and routes instances of a project's services.
pub struct Driver {
    project: Project,
    state: PathBuf,
    assay: PathBuf,
    client: OnceCell<Client>,
}

impl Driver {
    /// A driver whose supervisor keeps its state under `state`; it is started as `assay
    /// supervise` when it is first needed.
    pub fn new(project: Project, state: PathBuf, assay: PathBuf) -> Self {
        Self {
            project,
            state,
            assay,
            client: OnceCell::new(),
        }
    }

    /// The project that it drives.
    pub fn project(&self) -> &Project {
        &self.project
    }

    /// The supervisor's client; starts the supervisor if there is none.
    ///
    /// # Errors
    /// When it does not start.
    pub async fn client(&self) -> Result<&Client, DriverError> {
        self.client
            .get_or_try_init(|| Client::ensure(&self.state, &self.assay))
            .await
            .map_err(|source| DriverError::Supervisor {
                doing: "start the supervisor".to_owned(),
                source,
            })
    }

    /// What the configuration says of deploying `service`.
    ///
    /// # Errors
    /// When it says nothing.
    pub fn plan<'a>(&self, service: &'a Service) -> Result<&'a DeployPlan, DriverError> {
        service
            .deploy
            .as_ref()
            .ok_or_else(|| DriverError::NotDeployable {
                service: service.name.clone(),
            })
    }

    /// Opens the front door of `service` at its configured URL. May be repeated.
    ///
    /// # Errors
    /// When the address is taken.
    pub async fn open_door(&self, service: &Service) -> Result<(), DriverError> {
        let addr = listen_address(service)?;
        let doing = || format!("open the front door of {} at {addr}", service.name);
        self.client()
            .await?
            .open_door(&service.name, addr)
            .await
            .map_err(failed(doing))
            .map(drop)
    }

    /// The front door of `service` as it stands.
    ///
    /// # Errors
    /// When the supervisor cannot be reached.
    pub async fn door(&self, service: &ServiceName) -> Result<Option<Door>, DriverError> {
        let doors = self
            .client()
            .await?
            .doors()
            .await
            .map_err(failed(|| "list front doors".to_owned()))?;
        Ok(doors.into_iter().find(|door| door.service == *service))
    }

    /// Sends the traffic of `service` to an instance, or nowhere. May be repeated.
    ///
    /// # Errors
    /// When the supervisor cannot be reached.
    pub async fn route(
        &self,
        service: &ServiceName,
        instance: Option<&InstanceStatus>,
    ) -> Result<(), DriverError> {
        let upstream = instance.and_then(|instance| {
            Some(Upstream {
                addr: SocketAddr::from(([127, 0, 0, 1], instance.port?)),
                revision: instance.revision.clone(),
                instance: instance.id.clone(),
            })
        });
        let doing = || format!("route {service}");
        self.client()
            .await?
            .route(service, upstream)
            .await
            .map_err(failed(doing))
            .map(drop)
    }

    /// Starts `revision` as an instance named `id`. May be repeated: an id that is known is not
    /// started again.
    ///
    /// # Errors
    /// When the supervisor refuses.
    pub async fn start(
        &self,
        service: &Service,
        revision: &Revision,
        id: &str,
        restart: RestartPolicy,
    ) -> Result<InstanceStatus, DriverError> {
        if let Some(known) = self.instance(id).await? {
            return Ok(known);
        }
        let port = files::free_port().map_err(|source| DriverError::NoPort {
            service: service.name.clone(),
            source,
        })?;
        let spec = self.spec(service, revision, id, port, restart)?;
        let doing = || format!("start {id}");
        self.client()
            .await?
            .start(spec)
            .await
            .map_err(failed(doing))
    }

    /// How an instance stands; `None` when its name is unknown.
    ///
    /// # Errors
    /// When the supervisor cannot be reached.
    pub async fn instance(&self, id: &str) -> Result<Option<InstanceStatus>, DriverError> {
        Ok(self
            .instances()
            .await?
            .into_iter()
            .find(|instance| instance.id == id))
    }

    /// Every instance that the supervisor knows.
    ///
    /// # Errors
    /// When the supervisor cannot be reached.
    pub async fn instances(&self) -> Result<Vec<InstanceStatus>, DriverError> {
        self.client()
            .await?
            .status()
            .await
            .map_err(failed(|| "ask for the instances".to_owned()))
    }

    /// Ends an instance for good. May be repeated.
    ///
    /// # Errors
    /// When the supervisor cannot be reached.
    pub async fn stop(&self, id: &str) -> Result<(), DriverError> {
        let doing = || format!("stop {id}");
        self.client()
            .await?
            .stop(id, STOP_GRACE_MS)
            .await
            .map_err(failed(doing))
            .map(drop)
    }

    /// Sends a signal to an instance, as an outsider would.
    ///
    /// # Errors
    /// When the supervisor cannot be reached.
    pub async fn kill(&self, id: &str, signal: i32) -> Result<(), DriverError> {
        let doing = || format!("send signal {signal} to {id}");
        let target = Target::Instance(id.to_owned());
        self.client()
            .await?
            .kill(target, signal)
            .await
            .map_err(failed(doing))
            .map(drop)
    }

    /// Starts and routes what is meant to serve, where its supervisor has ended since: every
    /// service whose front door leads nowhere. Waits until each answers its probe, or its time to
    /// start is up. Instances are named after `stem`. May be repeated.
    ///
    /// # Errors
    /// When the supervisor cannot be reached, or an address is taken.
    pub async fn restore(
        &self,
        facts: &Facts,
        prober: &dyn Prober,
        stem: &str,
    ) -> Result<(), DriverError> {
        for (name, revision) in &facts.serving {
            let services = &self.project.services;
            let (Some(service), Some(revision)) =
                (services.get(name), facts.revisions.get(revision))
            else {
                continue;
            };
            // A roll-out in progress leads the door itself; it was there before the kill.
            if service.deploy.is_none() || self.door(name).await?.is_some() {
                continue;
            }
            let plan = self.plan(service)?;
            self.open_door(service).await?;
            let id = format!("{stem}-{name}");
            let instance = self.start(service, revision, &id, plan.restart).await?;
            self.route(name, Some(&instance)).await?;
            let waited = Stopwatch::start();
            let target = ProbeTarget {
                service: name.clone(),
                url: service.url.clone(),
                probe: service.probe.clone(),
            };
            while waited.elapsed_ms() < plan.start_timeout_ms {
                if prober.probe(&target).await.0.status.serves() {
                    break;
                }
                tokio::time::sleep(RESTORE_POLL).await;
            }
        }
        Ok(())
    }

    fn spec(
        &self,
        service: &Service,
        revision: &Revision,
        id: &str,
        port: u16,
        restart: RestartPolicy,
    ) -> Result<InstanceSpec, DriverError> {
        let plan = self.plan(service)?;
        let value = |name: &str| self.placeholder(name, port);
        let fill = |text: &String| {
            expand(text, &value).map_err(|source| DriverError::Placeholder {
                service: service.name.clone(),
                source,
            })
        };
        let command = plan
            .command
            .iter()
            .map(fill)
            .collect::<Result<Vec<_>, _>>()?;
        let mut env = BTreeMap::new();
        for (name, text) in &plan.env {
            env.insert(name.clone(), fill(text)?);
        }
        env.insert("PORT".to_owned(), port.to_string());
        env.insert("SERVICE".to_owned(), service.name.to_string());
        env.insert("REVISION".to_owned(), revision.id.to_string());
        if let Some(entry) = &plan.entry {
            env.insert("ENTRY".to_owned(), entry.clone());
        }
        Ok(InstanceSpec {
            id: id.to_owned(),
            service: service.name.clone(),
            revision: revision.id.clone(),
            command,
            cwd: self.state.join(&revision.bundle.path),
            env,
            port: Some(port),
            log_path: log_path(&self.state, id),
            restart,
        })
    }

    fn placeholder(&self, name: &str, port: u16) -> Option<String> {
        match name {
            "assay" => Some(self.assay.display().to_string()),
            "state" => Some(self.state.display().to_string()),
            "port" => Some(port.to_string()),
            _ => {
                let service = name.strip_prefix("service.")?.strip_suffix(".url")?;
                self.project
                    .services
                    .get(service)
                    .map(|service| service.url.clone())
            }
        }
    }
}

/// Where the output of an instance goes.
fn log_path(state: &Path, id: &str) -> PathBuf {
    state.join("logs").join(format!("{id}.log"))
}

/// The address in the URL of a service.
fn listen_address(service: &Service) -> Result<SocketAddr, DriverError> {
    let bad = || DriverError::BadUrl {
        service: service.name.clone(),
        url: service.url.clone(),
    };
    let rest = service
        .url
        .split_once("://")
        .map(|(_, rest)| rest)
        .ok_or_else(bad)?;
    let authority = rest.split('/').next().unwrap_or_default();
    authority
        .to_socket_addrs()
        .ok()
        .and_then(|mut found| found.next())
        .ok_or_else(bad)
}

fn failed(doing: impl Fn() -> String) -> impl Fn(ClientError) -> DriverError {
    move |source| DriverError::Supervisor {
        doing: doing(),
        source,
    }
}
