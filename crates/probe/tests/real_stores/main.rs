//! Probes of PostgreSQL, Redis and ClickHouse: real servers, and impostors on sockets of the
//! test's own.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "the helpers of a test may fail like the test"
)]

mod asked;
mod clickhouse;
mod impostors;
mod postgres;
mod redis;
