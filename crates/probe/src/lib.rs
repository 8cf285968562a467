//! Step 0, readiness: what is up, how fast, and which revision answers?
//!
//! [`ReadyStage`] turns a project into targets and asks all of them at once through the model's
//! `Prober` port, while the model's `Observer` port looks at what runs each of them; every answer
//! becomes an event with the literal exchange as its evidence. [`NetworkProber`] is the first of
//! these ports over real sockets.
//!
//! A probe flows through the crate like this: `prober` picks the protocol's file (`http`, `tcp`,
//! `websocket`, `grpc`, `dns`, `command`, and `postgres`, `redis`, `clickhouse` for the stores).
//! That file reads the URL (`address`), opens a connection (`connect`) under the authorities and
//! the policy of `tls`, and asks. `timeline` knows what was waited for when a deadline passes;
//! `failure` and `refusal` sort what went wrong; `answer` judges what an HTTP service said.
//! `samples` makes one result out of several, `runtime` adds what was seen from outside.

mod address;
mod answer;
mod certificate;
mod clickhouse;
mod command;
mod connect;
mod dns;
mod failure;
mod grpc;
mod http;
mod json_path;
mod postgres;
mod prober;
mod redis;
mod refusal;
mod request;
mod runtime;
mod samples;
mod stage;
mod store;
mod tcp;
mod timeline;
mod tls;
mod websocket;

pub use prober::NetworkProber;
pub use stage::ReadyStage;
