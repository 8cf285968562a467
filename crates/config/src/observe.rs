//! `observe = { … }`: where a service or a dependency can be watched from outside.

use assay_model::{DockerObserve, KubernetesObserve, Observe};

use crate::claim::ClaimKind;
use crate::table::{Field, Table};

/// Reads the section; what is unusable in it is a problem already.
pub(crate) fn read(field: &Field<'_>) -> Option<Vec<Observe>> {
    let table = field.table()?;
    let mut observers = Vec::new();
    if let Some(field) = table.optional("docker") {
        observers.extend(docker(&field).map(Observe::Docker));
    }
    if let Some(field) = table.optional("kubernetes") {
        observers.extend(kubernetes(&field).map(Observe::Kubernetes));
    }
    if let Some(field) = table.optional("file") {
        observers.extend(log_file(&field));
    }
    if let Some(field) = table.optional("journald") {
        observers.extend(journald(&field));
    }
    if let Some(field) = table.optional("command") {
        observers.extend(
            field
                .own_command()
                .map(|command| Observe::Command { command }),
        );
    }
    table.finish();
    Some(observers)
}

/// `logs = { file = "…" }`: the short form of `observe = { file = "…" }`.
pub(crate) fn read_logs(field: &Field<'_>) -> Option<Observe> {
    let table = field.table()?;
    let file = table.required("file").and_then(|field| log_file(&field));
    table.finish();
    file
}

/// A log file may lie outside the project.
fn log_file(field: &Field<'_>) -> Option<Observe> {
    let path = field.string()?;
    if let Some(text) = field.text() {
        field.reader().claim(ClaimKind::LogFile, &field.path, &text);
    }
    Some(Observe::File { path })
}

fn docker(field: &Field<'_>) -> Option<DockerObserve> {
    if field.is_text() {
        return Some(DockerObserve {
            container: field.string(),
            labels: Vec::new(),
            host: None,
        });
    }
    let table = field.table()?;
    let container = table.optional("container").and_then(|field| field.string());
    let labels = table
        .optional("labels")
        .and_then(|field| field.strings())
        .unwrap_or_default();
    let host = table.optional("host").and_then(|field| field.string());
    if container.is_none() && labels.is_empty() {
        names_nothing(&table, "`container` or `labels`");
    }
    table.finish();
    Some(DockerObserve {
        container,
        labels,
        host,
    })
}

fn kubernetes(field: &Field<'_>) -> Option<KubernetesObserve> {
    if field.is_text() {
        return Some(KubernetesObserve {
            selector: field.string()?,
            namespace: None,
            context: None,
            container: None,
        });
    }
    let table = field.table()?;
    let text = |key| table.optional(key).and_then(|field| field.string());
    let selector = table.required("selector").and_then(|field| field.string());
    let (namespace, context, container) = (text("namespace"), text("context"), text("container"));
    table.finish();
    Some(KubernetesObserve {
        selector: selector?,
        namespace,
        context,
        container,
    })
}

fn journald(field: &Field<'_>) -> Option<Observe> {
    if field.is_text() {
        let unit = field.string()?;
        return Some(Observe::Journald { unit, user: false });
    }
    let table = field.table()?;
    let unit = table.required("unit").and_then(|field| field.string());
    let user = table.optional("user").and_then(|field| field.boolean());
    table.finish();
    Some(Observe::Journald {
        unit: unit?,
        user: user.unwrap_or(false),
    })
}

fn names_nothing(table: &Table<'_>, expected: &str) {
    table.reader().problem(
        table.span(),
        format!("{} names nothing to watch", table.title()),
        format!("expected {expected}"),
        None,
    );
}
