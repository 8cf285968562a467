//! The HTTP/1.1 and WebSocket proxy, in front of services and between tests and services.
//!
//! A listener accepts, [`proxy`] carries each request to an upstream and the answer back, body by
//! piece, and a WebSocket as bytes both ways. Two kinds of listener use it: [`FrontDoors`] hold a
//! service's stable address, follow its route from revision to revision and say which one
//! answered; a [`Session`] stands between one test and the services, records every exchange, and
//! can make one service unreachable for that test alone.

mod close;
mod front_door;
mod listen;
mod proxy;
mod recording;
mod session;

pub use front_door::{FrontDoors, REVISION_HEADER, SERVICE_HEADER};
pub use recording::EXCHANGES_MAX;
pub use session::{Session, SessionError};
