//! Front doors: a service's stable address, whichever revision serves behind it.

use std::collections::BTreeMap;
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use assay_model::{RevisionId, ServiceName};
use assay_world::{Door, DoorError, Upstream};
use async_trait::async_trait;
use http::StatusCode;
use http::header::{CONTENT_TYPE, HeaderName, HeaderValue};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use hyper::{Request, Response};
use serde_json::json;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use crate::listen::{accept, serve};
use crate::proxy::{Body, ProxyError, forward, text};

/// The revision that answered. Missing on answers of the front door itself.
pub const REVISION_HEADER: HeaderName = HeaderName::from_static("x-assay-revision");

/// The service whose front door it was.
pub const SERVICE_HEADER: HeaderName = HeaderName::from_static("x-assay-service");

/// A set of front doors, on the runtime on which they were opened. Dropping it closes them.
#[derive(Debug, Default)]
pub struct FrontDoors {
    doors: Mutex<BTreeMap<ServiceName, Listening>>,
}

#[derive(Debug)]
struct Listening {
    addr: SocketAddr,
    wanted: SocketAddr,
    route: Arc<Route>,
    task: JoinHandle<()>,
}

impl Drop for Listening {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Where a door leads, asked anew for every request.
#[derive(Debug)]
struct Route {
    service: ServiceName,
    upstream: Mutex<Option<Upstream>>,
}

/// Nothing that holds one of these locks can panic half-way through a change.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl FrontDoors {
    /// No doors yet.
    pub fn new() -> Self {
        Self::default()
    }

    fn known(&self, service: &ServiceName, addr: SocketAddr) -> Option<Result<Door, DoorError>> {
        let doors = lock(&self.doors);
        let known = doors.get(service)?;
        Some(if addr == known.wanted || addr == known.addr {
            Ok(known.door())
        } else {
            Err(DoorError::Elsewhere {
                service: service.clone(),
                addr: known.addr,
            })
        })
    }
}

impl Listening {
    fn door(&self) -> Door {
        let upstream = lock(&self.route.upstream).clone();
        Door {
            service: self.route.service.clone(),
            addr: self.addr,
            upstream,
        }
    }
}

#[async_trait]
impl assay_world::FrontDoors for FrontDoors {
    async fn open(&self, service: &ServiceName, addr: SocketAddr) -> Result<Door, DoorError> {
        if let Some(known) = self.known(service, addr) {
            return known;
        }
        let failed = |source: io::Error| match source.kind() {
            io::ErrorKind::AddrInUse => DoorError::InUse {
                service: service.clone(),
                addr,
            },
            _ => DoorError::Bind {
                service: service.clone(),
                addr,
                source,
            },
        };
        let listener = TcpListener::bind(addr).await.map_err(failed)?;
        let bound = listener.local_addr().map_err(failed)?;
        let route = Arc::new(Route {
            service: service.clone(),
            upstream: Mutex::new(None),
        });
        let task = tokio::spawn({
            let route = route.clone();
            accept(listener, move |stream| {
                let route = route.clone();
                serve(stream, move |request| route.clone().answer(request))
            })
        });
        let listening = Listening {
            addr: bound,
            wanted: addr,
            route,
            task,
        };
        let door = listening.door();
        lock(&self.doors).insert(service.clone(), listening);
        Ok(door)
    }

    fn route(&self, service: &ServiceName, upstream: Option<Upstream>) -> Result<(), DoorError> {
        let doors = lock(&self.doors);
        let door = doors.get(service).ok_or_else(|| DoorError::NotOpen {
            service: service.clone(),
        })?;
        *lock(&door.route.upstream) = upstream;
        Ok(())
    }

    fn list(&self) -> Vec<Door> {
        lock(&self.doors).values().map(Listening::door).collect()
    }
}

impl Route {
    async fn answer(self: Arc<Self>, request: Request<Incoming>) -> Response<Body> {
        let upstream = lock(&self.upstream).clone();
        let mut response = match upstream {
            Some(upstream) => self.ask(request, &upstream).await,
            None => self.unavailable(None, "no upstream"),
        };
        mark(&mut response, SERVICE_HEADER, &self.service);
        response
    }

    async fn ask(&self, request: Request<Incoming>, upstream: &Upstream) -> Response<Body> {
        match forward(request, &upstream.addr.to_string()).await {
            Ok(reply) => {
                if let Some(tunnel) = reply.tunnel {
                    tokio::spawn(tunnel.run(|_, _| {}));
                }
                let mut response = reply.response.map(BodyExt::boxed_unsync);
                mark(&mut response, REVISION_HEADER, &upstream.revision);
                response
            }
            Err(error @ (ProxyError::Closed | ProxyError::Malformed(_))) => {
                let error_text = error.to_string();
                let body = json!({
                    "error": "no answer from upstream",
                    "service": self.service,
                    "revision": upstream.revision,
                    "detail": error_text,
                });
                own(StatusCode::BAD_GATEWAY, &body)
            }
            Err(error) => self.unavailable(Some(&upstream.revision), &error.to_string()),
        }
    }

    fn unavailable(&self, revision: Option<&RevisionId>, detail: &str) -> Response<Body> {
        let body = json!({
            "error": "no healthy upstream",
            "service": self.service,
            "revision": revision,
            "detail": detail,
        });
        own(StatusCode::SERVICE_UNAVAILABLE, &body)
    }
}

/// An answer of our own.
pub(crate) fn own(status: StatusCode, body: &serde_json::Value) -> Response<Body> {
    let mut response = Response::new(text(body.to_string()));
    *response.status_mut() = status;
    response
        .headers_mut()
        .insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

fn mark(response: &mut Response<Body>, name: HeaderName, value: &str) {
    // A name that no header can hold is left out; whatever the upstream claimed goes too.
    response.headers_mut().remove(&name);
    if let Ok(value) = HeaderValue::from_str(value) {
        response.headers_mut().insert(name, value);
    }
}
