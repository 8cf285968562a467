//! `assay observe`: what runs a service, and what it wrote.

use std::path::Path;

use assay_model::{Detail, InstanceObservation, Observer, ServiceName, Sighting, Window};
use assay_world::clock;

use crate::args::ObserveArgs;
use crate::document::{InstanceRow, ObserveDocument};
use crate::failure::Failure;
use crate::output::Output;
use crate::palette::{Meaning, paint};
use crate::session::Session;
use crate::terminal::{COLUMNS, fold, harmless};

/// Columns before what is said of an instance.
const INDENT: usize = 2;

pub(crate) async fn run(folder: &Path, args: ObserveArgs, output: Output) -> Result<u8, Failure> {
    let session = Session::open(folder)?;
    let project = &session.project;
    let names = project.services.keys().chain(project.dependencies.keys());
    let service = ServiceName::from(args.service.as_str());
    if !names.clone().any(|known| *known == service) {
        let names = names.map(ServiceName::as_str);
        return Err(Failure::unknown(
            "service or dependency",
            &args.service,
            names,
        ));
    }
    let now = clock::now();
    let window = Window {
        from: args.since.seen_from(now),
        to: args.until.map_or(now, |until| until.seen_from(now)),
    };
    if window.from >= window.to {
        return Err(Failure::usage("--since is not before --until"));
    }
    let seen = session
        .observers()
        .observe(&service, &window, Detail::Everything)
        .await;
    let nothing_seen = seen.instances.is_empty();
    if seen.instances.is_empty() && seen.blind.is_empty() && !watched(&session, &service) {
        return Err(Failure::cannot_look(format!("nothing watches {service}"))
            .hint("add `observe = { docker = \"…\" }`, or kubernetes, journald, file or command"));
    }
    let document = ObserveDocument {
        service,
        window,
        serving: seen.serving,
        instances: seen
            .instances
            .into_iter()
            .map(|sighting| row(&session, sighting, args.tail))
            .collect(),
        blind: seen.blind,
    };
    let colour = output.colour();
    output.result(&document, || text(&document, colour));
    // Who saw nothing cannot say that nothing is wrong.
    Ok(if nothing_seen { 3 } else { 0 })
}

fn watched(session: &Session, name: &ServiceName) -> bool {
    let project = &session.project;
    let service = project.services.get(name);
    let store = project.dependencies.get(name);
    service.is_some_and(|service| service.deploy.is_some() || !service.observe.is_empty())
        || store.is_some_and(|store| !store.observe.is_empty())
}

fn row(session: &Session, mut sighting: Sighting, tail: usize) -> InstanceRow {
    let log = sighting.log.map(|(_, text)| text).unwrap_or_default();
    let log = session.redacted(&log);
    for event in &mut sighting.instance.events {
        event.message = session.redacted(&event.message);
    }
    let lines: Vec<&str> = log.lines().collect();
    let skip = lines.len().saturating_sub(tail);
    InstanceRow {
        instance: sighting.instance,
        lines: lines[skip..]
            .iter()
            .map(|line| (*line).to_owned())
            .collect(),
        lines_left_out: skip,
    }
}

fn text(document: &ObserveDocument, colour: bool) -> String {
    let window = &document.window;
    let mut out = format!(
        "{}, {} to {}\n",
        paint(Meaning::Label, document.service.as_str(), colour),
        clock::stamp(window.from),
        clock::stamp(window.to)
    );
    if let Some(serving) = &document.serving {
        out.push_str(&format!("{:INDENT$}serving: revision {serving}\n", ""));
    }
    if document.instances.is_empty() && document.blind.is_empty() {
        out.push_str(&format!("{:INDENT$}nothing ran in this window\n", ""));
    }
    for row in &document.instances {
        out.push('\n');
        out.push_str(&instance_text(&row.instance, colour));
        if row.lines_left_out > 0 {
            let text = format!("… {} lines before these (--tail)", row.lines_left_out);
            out.push_str(&format!(
                "{:INDENT$}{}\n",
                "",
                paint(Meaning::Faint, &text, colour)
            ));
        }
        for line in &row.lines {
            // Logs are shown as they are, whatever their width: they are there to be searched.
            out.push_str(&format!("{:INDENT$}| {}\n", "", harmless(line)));
        }
    }
    for blind in &document.blind {
        let text = format!("{} could not look: {}", blind.observer, blind.reason);
        out.push_str(&format!(
            "\n{}\n",
            paint(Meaning::Warning, &fold(&text, 0, COLUMNS), colour)
        ));
        if let Some(hint) = &blind.hint {
            out.push_str(&format!("hint: {}\n", fold(hint, 6, COLUMNS)));
        }
    }
    out
}

fn instance_text(instance: &InstanceObservation, colour: bool) -> String {
    let title = format!("{} {}", instance.observer, instance.id);
    let mut out = format!(
        "{}: {}\n",
        paint(Meaning::Label, &title, colour),
        instance.state.word()
    );
    let mut say = |meaning: Meaning, text: &str| {
        let text = fold(text, INDENT, COLUMNS);
        out.push_str(&format!(
            "{:INDENT$}{}\n",
            "",
            paint(meaning, &text, colour)
        ));
    };
    if !instance.revision.is_empty() {
        say(Meaning::Faint, &format!("revision {}", instance.revision));
    }
    if instance.starts > 1 {
        say(
            Meaning::Warning,
            &format!("started {} times", instance.starts),
        );
    }
    for exit in &instance.exits {
        let asked = if exit.requested { ", on request" } else { "" };
        let meaning = if exit.requested {
            Meaning::Faint
        } else {
            Meaning::Bad
        };
        let after = format!("after {:.1} s", exit.uptime_ms as f64 / 1000.0);
        let at = clock::stamp(exit.at);
        say(
            meaning,
            &format!("{at} ended {after}: {}{asked}", exit.describe()),
        );
    }
    for event in &instance.events {
        let meaning = if event.warning {
            Meaning::Warning
        } else {
            Meaning::Faint
        };
        let at = clock::stamp(event.at);
        say(meaning, &format!("{at} {}: {}", event.kind, event.message));
    }
    out
}
