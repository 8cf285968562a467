//! How fast `assay ready` looks at many endpoints, and what it adds to the slowest of a few.

use std::error::Error;
use std::fs;
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::endpoints::Endpoints;
use crate::measure::{Measurement, assay, folder, is_here, measure, megabytes, middle, peak_kb};
use crate::table::{Measured, Table};

/// Endpoints that are probed at once.
const ENDPOINTS: usize = 1_000;

/// Time that all of them may take.
const READY_MAX: Duration = Duration::from_secs(3);

/// Peak memory that is allowed, in MB of 1,000,000 bytes.
const MEMORY_MB_MAX: f64 = 80.0;

/// Requests that the peers make at a time.
const PEER_CONCURRENCY: usize = 50;

/// The middle one of so many rounds counts.
const ROUNDS: usize = 5;

/// Services of the small project.
const SERVICES: usize = 10;

/// How long the slowest of them takes.
const SLOWEST: Duration = Duration::from_millis(300);

/// What assay may add to it.
const OVERHEAD_MAX: Duration = Duration::from_millis(50);

/// The name of the exporter's program.
const EXPORTER: &str = "prometheus-blackbox-exporter";

/// How long the exporter may take to listen.
const EXPORTER_START_MAX: Duration = Duration::from_secs(10);

pub(crate) fn run() -> Measured {
    let endpoints = Endpoints::start(ENDPOINTS, Duration::ZERO)?;
    let folder = folder()?;
    let ready = ready(folder.path(), &endpoints.urls)?;
    let mut table = Table::default();
    let peak = megabytes(ready.peak_kb);
    table.require(
        &format!("assay ready, {ENDPOINTS} endpoints"),
        ms(&ready),
        &format!("less than {} ms", READY_MAX.as_millis()),
        ready.took < READY_MAX,
    );
    table.require(
        "peak memory of it",
        format!("{peak:.1} MB"),
        &format!("less than {MEMORY_MB_MAX:.0} MB"),
        peak < MEMORY_MB_MAX,
    );
    if is_here("curl") {
        let health: Vec<String> = endpoints.urls.iter().map(|url| health(url)).collect();
        let curl = middle(ROUNDS, || curl(folder.path(), &health))?;
        let name = format!("curl --parallel-max {PEER_CONCURRENCY}");
        compare(&mut table, &name, &curl, curl.peak_kb, &ready);
        if is_here(EXPORTER) {
            let exporter = Exporter::start(folder.path())?;
            let probes: Vec<String> = health.iter().map(|url| exporter.probe(url)).collect();
            let probed = middle(ROUNDS, || exporter.probe_all(folder.path(), &probes))?;
            let peak = peak_kb(exporter.child.id()).unwrap_or(0);
            let name = format!("blackbox exporter, {PEER_CONCURRENCY} at a time");
            compare(&mut table, &name, &probed, peak, &ready);
        } else {
            table.note(EXPORTER, "-".to_owned(), "not installed".to_owned());
        }
    } else {
        table.note("curl", "-".to_owned(), "not installed".to_owned());
    }
    Ok(table)
}

pub(crate) fn run_overhead() -> Measured {
    let quick = Endpoints::start(SERVICES - 1, Duration::ZERO)?;
    let slow = Endpoints::start(1, SLOWEST)?;
    let folder = folder()?;
    let urls = [&quick.urls[..], &slow.urls[..]].concat();
    let ready = ready(folder.path(), &urls)?;
    let overhead = ready.took.saturating_sub(SLOWEST);
    let mut table = Table::default();
    table.note(
        &format!("assay ready, {SERVICES} services"),
        ms(&ready),
        format!("the slowest answers after {} ms", SLOWEST.as_millis()),
    );
    table.require(
        "added to the slowest",
        format!("{:.1} ms", overhead.as_secs_f64() * 1e3),
        &format!("less than {} ms", OVERHEAD_MAX.as_millis()),
        overhead < OVERHEAD_MAX,
    );
    Ok(table)
}

fn ms(run: &Measurement) -> String {
    format!("{:.1} ms", run.ms())
}

fn health(url: &str) -> String {
    format!("{url}/health")
}

fn compare(table: &mut Table, name: &str, peer: &Measurement, peer_kb: u64, ready: &Measurement) {
    table.note(
        name,
        ms(peer),
        format!(
            "{:.1} MB; assay takes {:.2} times as long and {:.2} times the memory",
            megabytes(peer_kb),
            ready.ms() / peer.ms(),
            ready.peak_kb as f64 / peer_kb.max(1) as f64
        ),
    );
}

/// `assay ready` on a project whose services are at `urls`.
fn ready(folder: &Path, urls: &[String]) -> Result<Measurement, Box<dyn Error>> {
    let mut config = "[project]\nname = \"bench\"\n[environment.local]\n".to_owned();
    for (number, url) in urls.iter().enumerate() {
        config +=
            &format!("[service.s{number:04}]\nurl = \"{url}\"\nprobe = {{ http = \"/health\" }}\n");
    }
    fs::write(folder.join("assay.toml"), config)?;
    let assay = assay()?;
    middle(ROUNDS, || {
        let mut ready = Command::new(&assay);
        ready
            .arg("-C")
            .arg(folder)
            .args(["ready", "--format", "json"]);
        let run = measure(&mut ready)?.ended_with(&[0])?;
        let document: serde_json::Value = serde_json::from_slice(&run.stdout)?;
        let services = document.get("services").and_then(|list| list.as_array());
        let healthy = services.into_iter().flatten().filter(|service| {
            service.get("status").and_then(|status| status.as_str()) == Some("healthy")
        });
        let healthy = healthy.count();
        if healthy == urls.len() {
            Ok(run)
        } else {
            Err(format!("{healthy} of {} services were healthy", urls.len()).into())
        }
    })
}

/// Asks all of `urls` with curl, which prints what they answer.
fn curl(folder: &Path, urls: &[String]) -> Result<Measurement, Box<dyn Error>> {
    let list = folder.join("urls");
    let lines = urls.iter().map(|url| format!("url = \"{url}\"\n"));
    fs::write(&list, lines.collect::<String>())?;
    let mut curl = Command::new("curl");
    curl.args(["--silent", "--show-error", "--fail", "--parallel"]);
    curl.arg("--parallel-max").arg(PEER_CONCURRENCY.to_string());
    curl.arg("--config").arg(list);
    measure(&mut curl)?.ended_with(&[0])
}

/// Prometheus' prober, which asks what its own HTTP interface is asked to ask.
struct Exporter {
    child: Child,
    port: u16,
}

impl Exporter {
    fn start(folder: &Path) -> Result<Self, Box<dyn Error>> {
        let config = folder.join("blackbox.yml");
        fs::write(
            &config,
            "modules:\n  ready:\n    prober: http\n    timeout: 5s\n    http:\n      preferred_ip_protocol: ip4\n",
        )?;
        let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?
            .local_addr()?
            .port();
        let child = Command::new(EXPORTER)
            .arg(format!("--config.file={}", config.display()))
            .arg(format!("--web.listen-address=127.0.0.1:{port}"))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()?;
        let mut exporter = Self { child, port };
        let start = Instant::now();
        while TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_err() {
            if start.elapsed() > EXPORTER_START_MAX || exporter.child.try_wait()?.is_some() {
                return Err(format!("{EXPORTER} does not listen").into());
            }
            std::thread::yield_now();
        }
        Ok(exporter)
    }

    fn probe(&self, url: &str) -> String {
        format!(
            "http://127.0.0.1:{}/probe?module=ready&target={url}",
            self.port
        )
    }

    fn probe_all(&self, folder: &Path, probes: &[String]) -> Result<Measurement, Box<dyn Error>> {
        let run = curl(folder, probes)?;
        let said = String::from_utf8_lossy(&run.stdout);
        let up = said.matches("\nprobe_success 1").count();
        if up == probes.len() {
            Ok(run)
        } else {
            Err(format!("{up} of {} probes of {EXPORTER} succeeded", probes.len()).into())
        }
    }
}

impl Drop for Exporter {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}
