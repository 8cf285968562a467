//! Real servers for the tests: PostgreSQL, Redis, ClickHouse, nginx and the Docker Engine.
//!
//! A second xtask, the `guard`, owns them: it starts all at once, each on free ports of 127.0.0.1
//! and in a folder of its own, prints how they are reached, and stops and removes everything when
//! its standard input closes. The `handle` in the first xtask holds the other end of that pipe, so
//! that the kernel closes it however this process ends. Should the guard itself be killed, then
//! each server is told so by the kernel (`daemon`), and the next guard removes what was left
//! (`leftovers`).
//!
//! The variables below are all that a test gets. A test that needs one has a name that begins
//! with `real_`, or is in a file of such a name, and fails where the variable is not set; a server that could not be started is a
//! failure of the run, one that this machine does not have makes those tests *not run*.

mod certificates;
mod clickhouse;
mod daemon;
mod docker;
mod guard;
mod handle;
mod leftovers;
mod nginx;
mod ports;
mod postgres;
mod redis;

pub(crate) use guard::run as guard;
pub(crate) use handle::{Servers, in_front as run};

/// `postgres://assay:PASSWORD@127.0.0.1:PORT/assay`; TLS is offered, not required. The role may
/// do everything in its database.
const POSTGRES_URL: &str = "ASSAY_TEST_POSTGRES_URL";

/// PEM file of the authority that signed PostgreSQL's certificate.
const POSTGRES_TLS_CA: &str = "ASSAY_TEST_POSTGRES_TLS_CA";

/// `redis://:PASSWORD@127.0.0.1:PORT`.
const REDIS_URL: &str = "ASSAY_TEST_REDIS_URL";

/// The same server with TLS, its certificate by `TLS_CA`; not set where Redis was built without.
const REDISS_URL: &str = "ASSAY_TEST_REDISS_URL";

/// `clickhouse://assay:PASSWORD@127.0.0.1:PORT`, the native protocol.
const CLICKHOUSE_URL: &str = "ASSAY_TEST_CLICKHOUSE_URL";

/// `http://assay:PASSWORD@127.0.0.1:PORT`, the HTTP interface.
const CLICKHOUSE_HTTP_URL: &str = "ASSAY_TEST_CLICKHOUSE_HTTP_URL";

/// PEM file of the authority that signed every certificate but the self-signed one.
const TLS_CA: &str = "ASSAY_TEST_TLS_CA";

/// nginx without TLS. It and those with TLS answer `/health` with `{"status":"healthy"}`,
/// `/error` with 200 and `{"status":"error"}`, `/500`, `/401`, `/redirect` (to `/health`),
/// `/redirect-loop` (to itself), `/slow` (healthy, after two seconds) and `/drip` (a byte a
/// second).
const HTTP_URL: &str = "ASSAY_TEST_HTTP_URL";

/// A certificate as it should be, for 127.0.0.1 and localhost.
const HTTPS_GOOD_URL: &str = "ASSAY_TEST_HTTPS_GOOD_URL";

/// A certificate that ended yesterday.
const HTTPS_EXPIRED_URL: &str = "ASSAY_TEST_HTTPS_EXPIRED_URL";

/// A certificate for `elsewhere.example`.
const HTTPS_WRONG_HOST_URL: &str = "ASSAY_TEST_HTTPS_WRONG_HOST_URL";

/// A certificate that no authority signed.
const HTTPS_SELF_SIGNED_URL: &str = "ASSAY_TEST_HTTPS_SELF_SIGNED_URL";

/// A certificate that ends in three days.
const HTTPS_EXPIRING_URL: &str = "ASSAY_TEST_HTTPS_EXPIRING_URL";

/// `unix://SOCKET` of a Docker Engine without images, networks or access to any registry.
const DOCKER_HOST: &str = "ASSAY_TEST_DOCKER_HOST";
