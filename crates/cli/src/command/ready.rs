//! `assay ready`: what is up, how fast, which revision, and what changed since the last look.

mod table;

use std::collections::BTreeMap;
use std::path::Path;
use std::time::{Duration, Instant};

use assay_model::{Body, EvidenceRef, Facts, Health, RevisionId, RunId, ServiceName, Status, Step};

use crate::args::{Format, ReadyArgs};
use crate::command::run::{alone, looked};
use crate::document::{Changed, ReadyDocument, ReadyRow};
use crate::failure::Failure;
use crate::live::Live;
use crate::output::{Output, Verbosity, line};
use crate::session::{Session, interruption, journal_failed};
use crate::terminal;

/// Runs that are looked through for the last look; before that many, "changed since" says
/// nothing that a person would remember.
const RUNS_LOOKED_AT: usize = 50;

pub(crate) async fn run(folder: &Path, args: ReadyArgs, output: Output) -> Result<u8, Failure> {
    let mut session = Session::open(folder)?;
    narrow(&mut session, &args)?;
    if args.watch {
        return watch(&session, args.interval, output).await;
    }
    if let Some(limit) = args.wait
        && !wait(&session, limit, args.interval, output).await?
    {
        return Err(Failure::stopped(
            "interrupted while waiting; nothing is recorded",
        ));
    }
    let before = last_look(&session)?;
    let mut live = Live::without_lines(output);
    let (run, ended) = session.start(alone(Step::Ready), &mut live).await?;
    live.close();
    let ended = looked(ended)?;
    if ended.interrupted {
        output.note("interrupted: what was not answered yet is not known");
    }
    let document = document(&session, run, &ended.facts, &before);
    if output.format != Format::Jsonl {
        print(&session, &document, output);
    }
    Ok(ended.end.exit_code())
}

fn print(session: &Session, document: &ReadyDocument, output: Output) {
    output.result(document, || {
        let verbose = output.verbosity == Verbosity::Verbose;
        let mut text = table::render(&document.services, output.colour(), verbose);
        if output.verbosity != Verbosity::Quiet {
            let run = &document.run;
            let assay = terminal::this_assay(&session.project.root);
            text.push_str(&format!("\nrecorded: {assay} show {run}"));
        }
        text
    });
}

/// Leaves in the project what was asked for, as it was asked for.
fn narrow(session: &mut Session, args: &ReadyArgs) -> Result<(), Failure> {
    let project = &mut session.project;
    let known: Vec<ServiceName> = project
        .services
        .keys()
        .chain(project.dependencies.keys())
        .cloned()
        .collect();
    for name in &args.names {
        if !known.iter().any(|known| known.as_str() == name) {
            let known = known.iter().map(ServiceName::as_str);
            return Err(Failure::unknown("service or dependency", name, known));
        }
    }
    if !args.names.is_empty() {
        let asked = |name: &ServiceName| args.names.iter().any(|asked| asked == name.as_str());
        project.services.retain(|name, _| asked(name));
        project.dependencies.retain(|name, _| asked(name));
    }
    if let Some(samples) = args.samples {
        let services = project
            .services
            .values_mut()
            .map(|service| &mut service.probe);
        let stores = project.dependencies.values_mut();
        for probe in services.chain(stores.map(|store| &mut store.probe)) {
            probe.samples = samples;
        }
    }
    Ok(())
}

/// Looks again until everything serves, or the time is over; `false` if it was interrupted.
/// Nothing of it is recorded: the look that follows is, and takes its own time once more.
async fn wait(
    session: &Session,
    limit: Duration,
    interval: Duration,
    output: Output,
) -> Result<bool, Failure> {
    let deadline = Instant::now() + limit;
    let mut interrupted = interruption();
    let mut last = String::new();
    loop {
        let left = deadline.saturating_duration_since(Instant::now());
        let rows = tokio::select! {
            rows = look(session) => rows?,
            // The look that is recorded follows, and says who did not answer.
            () = tokio::time::sleep(left) => return Ok(true),
            _ = interrupted.changed() => return Ok(false),
        };
        let missing: Vec<String> = rows
            .iter()
            .filter(|row| !row.status.serves())
            .map(|row| format!("{} {}", row.name, row.status.word()))
            .collect();
        if missing.is_empty() {
            return Ok(true);
        }
        let left = deadline.saturating_duration_since(Instant::now());
        let text = format!("waiting for {}", missing.join(", "));
        if text != last {
            output.note(&format!("{text} (at most {} s more)", left.as_secs()));
            last = text;
        }
        if left.is_zero() {
            return Ok(true);
        }
        tokio::select! {
            () = tokio::time::sleep(interval.min(left)) => {}
            _ = interrupted.changed() => return Ok(false),
        }
    }
}

/// Looks again and again, until it is interrupted; the exit code is that of the last look.
async fn watch(session: &Session, interval: Duration, output: Output) -> Result<u8, Failure> {
    let mut interrupted = interruption();
    let mut before: BTreeMap<ServiceName, Status> = BTreeMap::new();
    let mut serves = false;
    let redraws = output.is_text() && terminal::is_screen();
    loop {
        let rows = tokio::select! {
            rows = look(session) => rows?,
            _ = interrupted.changed() => return Ok(u8::from(!serves)),
        };
        if redraws {
            let at = assay_world::clock::stamp(assay_world::clock::now());
            let table = table::render(&rows, output.colour(), false);
            terminal::redraw(&format!(
                "{at}\n\n{table}\nCtrl-C ends this; nothing is recorded"
            ));
        } else {
            for row in &rows {
                if before.get(&row.name) != Some(&row.status) {
                    match output.format {
                        Format::Text => terminal::print(&table::change(row)),
                        Format::Json | Format::Jsonl => terminal::print(&line(row)),
                    }
                }
            }
        }
        serves = rows.iter().all(|row| row.status.serves());
        before = rows.into_iter().map(|row| (row.name, row.status)).collect();
        tokio::select! {
            () = tokio::time::sleep(interval) => {}
            _ = interrupted.changed() => return Ok(u8::from(!serves)),
        }
        if terminal::output_lost() {
            return Ok(3);
        }
        if terminal::nobody_reads() {
            return Ok(u8::from(!serves));
        }
    }
}

/// One look that is not recorded.
async fn look(session: &Session) -> Result<Vec<ReadyRow>, Failure> {
    let seen = session.ready_stage().look().await?;
    Ok(seen
        .iter()
        .map(|(health, _)| {
            let mut row = with_risk(session, ReadyRow::new(health, &[]));
            row.detail = session.redacted(&row.detail);
            row
        })
        .collect())
}

fn with_risk(session: &Session, mut row: ReadyRow) -> ReadyRow {
    let service = session.project.services.get(&row.name);
    let risk = service.and_then(|service| service.risk.as_ref());
    row.risk = risk.map(|risk| {
        let money = risk.money_per_hour.map(|money| format!("{money} an hour"));
        let parts: Vec<String> = money.into_iter().chain(risk.impact.clone()).collect();
        parts.join("; ")
    });
    row
}

fn document(
    session: &Session,
    run: RunId,
    facts: &Facts,
    before: &BTreeMap<ServiceName, Changed>,
) -> ReadyDocument {
    let row = |(health, evidence): &(Health, Vec<EvidenceRef>)| {
        let mut row = with_risk(session, ReadyRow::new(health, evidence));
        row.changed = before
            .get(&health.service)
            .and_then(|last| difference(last, health.status, health.revision.as_ref()));
        row
    };
    let environment = session.project.environments.first();
    ReadyDocument {
        run,
        environment: environment.map_or_else(String::new, |e| e.name.clone()),
        services: facts.health.values().map(row).collect(),
    }
}

/// What of the last look is different now.
fn difference(last: &Changed, status: Status, revision: Option<&RevisionId>) -> Option<Changed> {
    let mut changed = last.clone();
    changed.status = last.status.filter(|then| *then != status);
    // A look that could not tell the revision says nothing about a change of it.
    changed.revision = last
        .revision
        .clone()
        .filter(|then| revision.is_some_and(|now| now != then));
    (changed.status.is_some() || changed.revision.is_some()).then_some(changed)
}

/// Status and revision of everything, as the last runs recorded them.
fn last_look(session: &Session) -> Result<BTreeMap<ServiceName, Changed>, Failure> {
    let mut runs = session
        .journal
        .runs()
        .map_err(journal_failed(&session.state))?;
    runs.sort_by(|a, b| (b.started, &b.run).cmp(&(a.started, &a.run)));
    let mut seen: BTreeMap<ServiceName, Changed> = BTreeMap::new();
    for run in runs.iter().take(RUNS_LOOKED_AT) {
        // A damaged run says nothing that can be relied on.
        let Ok(events) = session.journal.events(&run.run) else {
            continue;
        };
        for event in events.into_iter().rev() {
            if let Body::HealthObserved { health, .. } = event.body {
                seen.entry(health.service).or_insert(Changed {
                    run: event.run,
                    at: event.at,
                    status: Some(health.status),
                    revision: health.revision,
                });
            }
        }
        let asked = session.project.services.keys();
        let mut asked = asked.chain(session.project.dependencies.keys());
        if asked.all(|name| seen.contains_key(name)) {
            break;
        }
    }
    Ok(seen)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(
        then: (Status, Option<&str>),
        now: (Status, Option<&str>),
        expected: Option<(Option<Status>, Option<&str>)>,
    ) {
        let last = Changed {
            run: RunId::new("r"),
            at: assay_model::Timestamp::UNIX_EPOCH,
            status: Some(then.0),
            revision: then.1.map(RevisionId::from),
        };
        let revision = now.1.map(RevisionId::from);
        let got = difference(&last, now.0, revision.as_ref());
        let got = got.map(|changed| (changed.status, changed.revision));
        let expected = expected.map(|(status, id)| (status, id.map(RevisionId::from)));
        assert_eq!(got, expected, "{then:?} → {now:?}");
    }

    #[test]
    fn only_what_is_different_is_told() {
        let (up, down) = (Status::Healthy, Status::Refused);
        check((up, None), (up, None), None);
        check((up, Some("a")), (up, Some("a")), None);
        check((up, Some("a")), (down, None), Some((Some(up), None)));
        check((up, Some("a")), (up, Some("b")), Some((None, Some("a"))));
        check((down, None), (up, Some("b")), Some((Some(down), None)));
    }
}
