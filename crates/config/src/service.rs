//! `[service.NAME]`.

use std::collections::BTreeMap;

use assay_model::{
    Container, DeployPlan, Gate, Probe, ProbeKind, RestartPolicy, Risk, Service, Strategy,
};

use crate::json_path;
use crate::table::Field;

/// Milliseconds that a person still calls quick.
const DEGRADED_MS: u64 = 1000;

/// Milliseconds after which a load balancer, too, would have given up.
const TIMEOUT_MS: u64 = 5000;

/// Milliseconds that a new revision must keep answering: several restarts of a process that
/// dies while it starts fall into them.
const BAKE_MS: u64 = 5000;

/// Milliseconds that a process may take to its first good answer.
const START_TIMEOUT_MS: u64 = 10_000;

/// Reads one service; `None` where nothing usable is there, which is then a problem already.
pub(crate) fn read(field: &Field<'_>) -> Option<Service> {
    field.check_name();
    let table = field.table()?;
    let url = table
        .required("url")
        .and_then(|field| field.url(&["http", "https", "tcp"]));
    let probe = table.optional("probe").and_then(|field| probe(&field));
    let depends_on = table.optional("depends_on").and_then(|names| {
        let references = names.references(true)?;
        if references.iter().any(|name| **name == *field.key) {
            names.wrong(
                "names the service itself",
                "a service cannot wait for itself",
                None,
            );
        }
        Some(references)
    });
    let source = table.optional("source").and_then(|field| field.paths());
    let risk = table.optional("risk").and_then(|field| risk(&field));
    let container = table
        .optional("container")
        .and_then(|field| container(&field));
    let deploy = table.optional("deploy").and_then(|field| deploy(&field));
    let log_file = table.optional("logs").and_then(|field| {
        let table = field.table()?;
        let file = table.required("file").and_then(|field| field.string());
        table.finish();
        file
    });
    table.finish();
    Some(Service {
        name: field.key.as_str().into(),
        url: url.unwrap_or_default(),
        probe: probe.unwrap_or(Probe {
            kind: ProbeKind::Tcp,
            degraded_ms: DEGRADED_MS,
            timeout_ms: TIMEOUT_MS,
        }),
        depends_on: depends_on.unwrap_or_default(),
        source: source.unwrap_or_default(),
        risk,
        container,
        deploy,
        log_file,
    })
}

fn probe(field: &Field<'_>) -> Option<Probe> {
    let table = field.table()?;
    let http = table.optional("http");
    let tcp = table.optional("tcp");
    let expect = table.optional("expect");
    let json = table.optional("json");
    let path = http
        .as_ref()
        .map(|field| probe_path(field).unwrap_or_default());
    if let Some(tcp) = &tcp {
        if http.is_some() {
            tcp.wrong("stands beside `http`", "a probe asks in one way", None);
        } else if tcp.boolean() == Some(false) {
            tcp.wrong("is false", "leave it out, or give `http`", None);
        }
    }
    for needs_http in [&expect, &json]
        .into_iter()
        .flatten()
        .filter(|_| http.is_none())
    {
        needs_http.wrong("needs `http`", "only an HTTP answer has this", None);
    }
    let expect = expect
        .and_then(|field| field.integer(100..=599))
        .unwrap_or(200);
    let json = json
        .and_then(|field| probe_json(&field))
        .unwrap_or_default();
    let degraded = table.optional("degraded_ms");
    let degraded_ms = degraded
        .as_ref()
        .and_then(|field| field.millis(1))
        .unwrap_or(DEGRADED_MS);
    let timeout_ms = table
        .optional("timeout_ms")
        .and_then(|field| field.millis(1));
    let timeout_ms = timeout_ms.unwrap_or(TIMEOUT_MS);
    if let Some(field) = degraded.filter(|_| degraded_ms > timeout_ms) {
        let label = format!("the probe gives up after {timeout_ms} ms");
        field.wrong("is longer than `timeout_ms`", label, None);
    }
    table.finish();
    let kind = match path {
        Some(path) => ProbeKind::Http {
            path,
            expect: expect as u16,
            json,
        },
        None => ProbeKind::Tcp,
    };
    // The default for "slow" must not outlast a shorter deadline that the file sets.
    Some(Probe {
        kind,
        degraded_ms: degraded_ms.min(timeout_ms),
        timeout_ms,
    })
}

fn probe_path(field: &Field<'_>) -> Option<String> {
    let path = field.text()?.value;
    if !path.starts_with('/') || path.contains(|c: char| c.is_whitespace() || c.is_control()) {
        field.wrong("is not a path", "expected a path such as `/health`", None);
        return None;
    }
    Some(path)
}

fn probe_json(field: &Field<'_>) -> Option<BTreeMap<String, serde_json::Value>> {
    let mut expected = BTreeMap::new();
    for field in field.table()?.entries() {
        if !json_path::is_valid(&field.key) {
            let message = format!("`{}` is not a JSON path", field.key);
            let label = "expected a path such as `$.status` or `$.parts[0].name`";
            field
                .reader()
                .problem(field.key_span.clone(), message, label, None);
        }
        if let Some(value) = field.json() {
            expected.insert(field.key, value);
        }
    }
    Some(expected)
}

fn risk(field: &Field<'_>) -> Option<Risk> {
    let table = field.table()?;
    let money_per_hour = table
        .optional("money_per_hour")
        .and_then(|field| field.float(0.0..=f64::INFINITY));
    let impact = table.optional("impact").and_then(|field| field.string());
    table.finish();
    Some(Risk {
        money_per_hour,
        impact,
    })
}

fn container(field: &Field<'_>) -> Option<Container> {
    let table = field.table()?;
    let dockerfile = table.required("dockerfile").and_then(|field| field.path());
    let context = table.optional("context").and_then(|field| field.path());
    let entry = table.optional("entry").and_then(|field| field.string());
    table.finish();
    Some(Container {
        dockerfile: dockerfile.unwrap_or_default(),
        context: context.unwrap_or_else(|| ".".to_owned()),
        entry,
    })
}

fn deploy(field: &Field<'_>) -> Option<DeployPlan> {
    let table = field.table()?;
    if let Some(driver) = table.optional("driver") {
        driver.choice(&[("process", ())]);
    }
    let command = table.optional("command").and_then(|field| field.command());
    let env = table.optional("env").and_then(|field| field.variables());
    let entry = table.optional("entry").and_then(|field| field.path());
    let gate = table.optional("gate");
    let gate_at = gate
        .as_ref()
        .map(|field| field.reader().place(&field.key_span));
    let gate = gate.and_then(|field| field.choice(&[("probe", Gate::Probe), ("none", Gate::None)]));
    let bake_ms = table
        .optional("bake_s")
        .and_then(|field| field.seconds_as_millis(0));
    let start = table
        .optional("start_timeout_s")
        .and_then(|field| field.seconds_as_millis(1));
    let strategy = table.optional("strategy").and_then(|field| {
        field.choice(&[
            ("recreate", Strategy::Recreate),
            ("blue-green", Strategy::BlueGreen),
        ])
    });
    let restart = table.optional("restart").and_then(|field| {
        field.choice(&[
            ("always", RestartPolicy::Always),
            ("never", RestartPolicy::Never),
        ])
    });
    table.finish();
    Some(DeployPlan {
        command: command.unwrap_or_default(),
        env: env.unwrap_or_default(),
        entry,
        gate: gate.unwrap_or(Gate::Probe),
        gate_at,
        bake_ms: bake_ms.unwrap_or(BAKE_MS),
        start_timeout_ms: start.unwrap_or(START_TIMEOUT_MS),
        strategy: strategy.unwrap_or(Strategy::Recreate),
        restart: restart.unwrap_or(RestartPolicy::Always),
    })
}
