//! From nothing to a listening service, and down again.

use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::serve::ListenerExt;
use serde_json::json;
use tokio::net::TcpListener;
use tokio::runtime::Runtime;
use tokio::signal::unix::{SignalKind, signal};

use super::Role;
use super::host::Host;
use super::log::Log;
use super::script::Program;
use super::serve::handle;
use super::service::{HANDLERS_MAX, Service};
use super::settings::Settings;
use super::store::Store;
use super::tokens::Keys;
use super::upstream::Upstream;

/// The environment lacks something.
const EXIT_SETTINGS: u8 = 2;
/// The bundle does not load, or the store does not open.
const EXIT_START: u8 = 3;
/// The port is taken.
const EXIT_PORT: u8 = 4;
/// The service ended by an error of its own.
const EXIT_SERVE: u8 = 5;

/// Blocking threads beside those of handlers: `/health` must not wait behind slow handlers.
const SPARE_THREADS: usize = 32;
/// How long open requests may take to end after a stop signal, in milliseconds.
const DRAIN_MS: u64 = 1_500;

/// Runs one service of the platform until SIGTERM or SIGINT.
///
/// The working directory is the bundle. Environment: `PORT` on 127.0.0.1, `SERVICE` (default: the
/// role), `REVISION` (default `dev`), `AUTH_URL`, `BACKEND_URL`, `DATA_DIR`, `ENTRY` (default
/// `main.rhai`). Exit codes: 0 stopped as told, 2 the environment lacks something, 3 the bundle
/// does not load or the store does not open, 4 the port is taken, 5 serving failed. Log lines are
/// JSON on standard error.
pub fn run(role: Role) -> ExitCode {
    let begun = Instant::now();
    let lookup = |name: &str| std::env::var(name).ok();
    let log = Arc::new(Log::new(
        &lookup("SERVICE").unwrap_or_else(|| role.word().to_owned()),
        &lookup("REVISION").unwrap_or_else(|| "dev".to_owned()),
    ));
    let result = std::env::current_dir()
        .map_err(|error| failed(&log, EXIT_START, &format!("start failed: bundle: {error}")))
        .and_then(|bundle| {
            Settings::read(role, bundle, &lookup)
                .map_err(|error| failed(&log, EXIT_SETTINGS, &format!("start failed: {error}")))
        })
        .and_then(|settings| start(settings, &log, begun));
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(code) => ExitCode::from(code),
    }
}

fn failed(log: &Log, code: u8, message: &str) -> u8 {
    log.error(message, json!({"exit": code}));
    code
}

fn start(settings: Settings, log: &Arc<Log>, begun: Instant) -> Result<(), u8> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .max_blocking_threads(HANDLERS_MAX + SPARE_THREADS)
        .enable_all()
        .build()
        .map_err(|error| failed(log, EXIT_START, &format!("start failed: runtime: {error}")))?;
    let host = Arc::new(host(settings, log, &runtime)?);
    let (program, routes) = Program::load(&host).map_err(|failure| {
        let message = format!("start failed: {}", failure.message);
        log.error(
            &message,
            json!({"exit": EXIT_START, "trace": failure.trace}),
        );
        EXIT_START
    })?;
    let port = host.settings.port;
    let listener = runtime
        .block_on(TcpListener::bind(("127.0.0.1", port)))
        .map_err(|error| {
            let what = match error.kind() {
                std::io::ErrorKind::AddrInUse => "port in use",
                _ => "cannot listen",
            };
            failed(
                log,
                EXIT_PORT,
                &format!("start failed: {what}: 127.0.0.1:{port}: {error}"),
            )
        })?;
    log.info(
        &format!("listening on 127.0.0.1:{port}"),
        json!({"port": port, "routes": routes.len(), "start_ms": begun.elapsed().as_millis() as u64}),
    );
    let service = Arc::new(Service::new(host, program, routes));
    let served = runtime.block_on(serve(listener, service));
    runtime.shutdown_timeout(Duration::from_millis(DRAIN_MS));
    served.map_err(|error| failed(log, EXIT_SERVE, &format!("serving failed: {error}")))?;
    log.info("stopped", json!({}));
    Ok(())
}

fn host(settings: Settings, log: &Arc<Log>, runtime: &Runtime) -> Result<Host, u8> {
    let broken = |error: &dyn std::error::Error| {
        let cause = error
            .source()
            .map_or_else(String::new, |cause| format!(": {cause}"));
        failed(log, EXIT_START, &format!("start failed: {error}{cause}"))
    };
    let store = match &settings.data_dir {
        Some(dir) => {
            let opened = Store::open(dir, runtime.handle().clone(), log.clone());
            Some(Arc::new(opened.map_err(|error| broken(&error))?))
        }
        None => None,
    };
    let keys = match (&store, settings.role) {
        (Some(store), Role::Auth) => {
            let opened = Keys::open(store.clone());
            Some(Arc::new(opened.map_err(|error| broken(&error))?))
        }
        _ => None,
    };
    let upstream = Upstream::new(runtime.handle().clone()).map_err(|error| broken(&error))?;
    Ok(Host::new(settings, log.clone(), store, keys, upstream))
}

/// Serves until a stop signal, and then until open requests have ended or the drain time is over.
async fn serve(listener: TcpListener, service: Arc<Service>) -> std::io::Result<()> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let stop = Arc::new(tokio::sync::Notify::new());
    let stopped = stop.clone();
    let app = axum::Router::new().fallback(handle).with_state(service);
    // Events are small and many; none may wait for the acknowledgement of the one before it.
    let listener = listener.tap_io(|stream| drop(stream.set_nodelay(true)));
    let serving = axum::serve(listener, app)
        .with_graceful_shutdown(async move { stopped.notified().await })
        .into_future();
    tokio::pin!(serving);
    tokio::select! {
        result = &mut serving => return result,
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
    stop.notify_one();
    let drain = Duration::from_millis(DRAIN_MS);
    tokio::time::timeout(drain, serving).await.unwrap_or(Ok(()))
}
