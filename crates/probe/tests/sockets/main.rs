//! Probes against real sockets, one file per protocol.

#![expect(
    clippy::unwrap_used,
    reason = "the helpers of a test may fail like the test"
)]

mod command;
mod dns;
mod grpc;
mod http;
mod redirects;
mod support;
mod tls;
mod websocket;
