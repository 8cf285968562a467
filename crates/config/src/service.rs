//! `[service.NAME]`.

use assay_model::{
    Container, DeployPlan, Gate, Observe, Probe, ProbeKind, RestartPolicy, Risk, Service, Strategy,
};

use crate::claim::ClaimKind;
use crate::table::{Field, Table};
use crate::{observe, probe};

/// Schemes that a service may be reached by.
const SCHEMES: [&str; 9] = [
    "http", "https", "tcp", "tls", "ws", "wss", "grpc", "grpcs", "dns",
];

/// Milliseconds that a new revision must keep answering: several restarts of a process that
/// dies while it starts fall into them.
const BAKE_MS: u64 = 5000;

/// Milliseconds that a process may take to its first good answer.
const START_TIMEOUT_MS: u64 = 10_000;

/// Reads one service; `None` where nothing usable is there, which is then a problem already.
pub(crate) fn read(field: &Field<'_>) -> Option<Service> {
    field.check_name();
    let table = field.table()?;
    let url_field = table.optional("url");
    let url = url_field.as_ref().and_then(|field| field.address(&SCHEMES));
    // What has no address can still be seen to run.
    let usual = match url_field {
        Some(_) => ProbeKind::Tcp,
        None => ProbeKind::Runtime,
    };
    let probe = table
        .optional("probe")
        .and_then(|field| probe::read(&field, usual.clone(), url.as_deref()))
        .unwrap_or_else(|| Probe::new(usual));
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
    let source = table
        .optional("source")
        .and_then(|field| field.paths(ClaimKind::Path));
    let risk = table.optional("risk").and_then(|field| risk(&field));
    let container = table
        .optional("container")
        .and_then(|field| container(&field));
    let deploy = table.optional("deploy").and_then(|field| deploy(&field));
    let mut watched = table
        .optional("observe")
        .and_then(|field| observe::read(&field))
        .unwrap_or_default();
    let logs = table
        .optional("logs")
        .and_then(|field| observe::read_logs(&field));
    watched.extend(logs);
    if url_field.is_none() {
        check_without_url(&table, &probe.kind, deploy.is_some(), &watched);
    }
    table.finish();
    Some(Service {
        name: field.key.as_str().into(),
        url: url.unwrap_or_default(),
        probe,
        depends_on: depends_on.unwrap_or_default(),
        source: source.unwrap_or_default(),
        risk,
        container,
        deploy,
        observe: watched,
    })
}

/// Without an address there must be something else to look at.
fn check_without_url(table: &Table<'_>, probe: &ProbeKind, deploys: bool, watched: &[Observe]) {
    let asks_elsewhere = matches!(probe, ProbeKind::Command(_) | ProbeKind::Dns(_));
    // A log or a program's output tells nothing of whether it runs.
    let sees_it_run = |observe: &Observe| {
        matches!(
            observe,
            Observe::Docker(_) | Observe::Kubernetes(_) | Observe::Journald { .. }
        )
    };
    let is_watched = matches!(probe, ProbeKind::Runtime) && watched.iter().any(sees_it_run);
    if deploys || !(asks_elsewhere || is_watched) {
        table.reader().problem(
            table.span(),
            format!("{} has no `url`", table.title()),
            "`url` is required here",
            Some(
                "one without an address needs `observe` by docker, kubernetes or journald, or a \
                 probe by `command`"
                    .to_owned(),
            ),
        );
    }
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
    let dockerfile = table
        .required("dockerfile")
        .and_then(|field| field.path(ClaimKind::File));
    let context = table
        .optional("context")
        .and_then(|field| field.path(ClaimKind::Folder));
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
    let entry = table
        .optional("entry")
        .and_then(|field| field.bundle_path());
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
