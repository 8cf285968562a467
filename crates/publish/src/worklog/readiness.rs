//! Step 0: what was up, how fast, which revision, and what it costs when it is not.

use std::collections::BTreeMap;

use assay_model::{EvidenceRef, Health, Step};

use crate::page::Page;
use crate::text::{
    between_ms, bounded_prose, code, duration, grouped, listed, money, prose, sentence, utc_range,
};
use crate::view::View;

/// Rounds of probes that are shown: one for each cycle that the limits allow, and for the
/// prologue's roll-outs.
const LOOKS_MAX: usize = 24;

/// Characters of a detail in a table.
const DETAIL_CHARS_MAX: usize = 120;

/// Probed names that are listed in one sentence; more are counted.
const NAMES_MAX: usize = 6;

/// What the configuration of the run says an outage costs.
struct Cost {
    money: Option<f64>,
    impact: Option<String>,
}

pub(super) fn write(view: &View<'_>, page: &mut Page) {
    page.heading(2, "Readiness");
    if view.story.looks.is_empty() {
        page.para(&view.not_run(Step::Ready));
        return;
    }
    let costs = costs(view);
    for look in view.story.looks.iter().take(LOOKS_MAX) {
        page.heading(
            3,
            &format!("Cycle {}, {}", look.cycle, utc_range(look.from, look.to)),
        );
        let serve = look
            .rows
            .iter()
            .filter(|(_, health, _)| health.status.serves())
            .count();
        page.para(&format!(
            "Serving: {serve} of {}, probed within {}.{}",
            probed(look.rows.len()),
            duration(between_ms(look.from, look.to)),
            at_risk(view, &costs, look.rows.iter().map(|(_, health, _)| *health)),
        ));
        let rows: Vec<Vec<String>> = look
            .rows
            .iter()
            .map(|(seq, health, evidence)| row(view, &costs, *seq, health, evidence))
            .collect();
        page.table(
            &[
                "service",
                "status",
                "latency",
                "revision",
                "risk per hour",
                "detail",
                "evidence",
            ],
            &rows,
        );
    }
    if let Some(rest) = view
        .story
        .looks
        .get(LOOKS_MAX..)
        .filter(|rest| !rest.is_empty())
    {
        page.para(&format!(
            "{} later rounds of probes are in the journal.",
            rest.len()
        ));
    }
    impacts(view, page, &costs);
}

fn row(
    view: &View<'_>,
    costs: &BTreeMap<String, Cost>,
    seq: u64,
    health: &Health,
    evidence: &[EvidenceRef],
) -> Vec<String> {
    let cost = costs
        .get(health.service.as_str())
        .and_then(|cost| cost.money);
    let mut detail = bounded_prose(&health.detail, DETAIL_CHARS_MAX);
    for (name, reported) in &health.reported {
        let took = reported
            .latency_ms
            .map_or(String::new(), |ms| format!(" in {}", duration(ms)));
        detail.push_str(&format!(
            "; reports {} {}{took}",
            code(name),
            prose(&reported.status)
        ));
    }
    vec![
        code(&health.service),
        health.status.word().to_owned(),
        format!("{} ms", grouped(health.latency_ms)),
        health
            .revision
            .as_ref()
            .map_or_else(|| "not told".to_owned(), |revision| code(revision)),
        cost.map_or_else(|| "not set".to_owned(), money),
        detail,
        view.cite_all(evidence, seq),
    ]
}

fn at_risk<'h>(
    view: &View<'_>,
    costs: &BTreeMap<String, Cost>,
    healths: impl Iterator<Item = &'h Health>,
) -> String {
    let down: Vec<&Health> = healths.filter(|health| !health.status.serves()).collect();
    let known: Vec<f64> = down
        .iter()
        .filter_map(|health| costs.get(health.service.as_str())?.money)
        .collect();
    match &view.facts.config {
        Some(config) if !known.is_empty() => format!(
            " What does not serve costs {} per hour in the configuration's own currency, with a risk \
             set for {} of {}. {}",
            money(known.iter().sum()),
            known.len(),
            probed(down.len()),
            view.cite(config)
        ),
        _ => String::new(),
    }
}

fn impacts(view: &View<'_>, page: &mut Page, costs: &BTreeMap<String, Cost>) {
    let Some(config) = &view.facts.config else {
        return;
    };
    let cite = view.cite(config);
    if view.text(config).is_none() {
        page.para(&format!(
            "The risks could not be read from the configuration of the run. {cite}"
        ));
        return;
    }
    if costs.is_empty() {
        page.para(&format!(
            "The configuration sets no risk for any service. {cite}"
        ));
        return;
    }
    page.para(&format!(
        "Risk per hour is in the configuration's own currency. {cite}"
    ));
    for (service, cost) in costs {
        if let Some(impact) = &cost.impact {
            page.bullet(&format!(
                "{} down: {} {cite}",
                code(service),
                sentence(impact)
            ));
        }
    }
}

/// `[service.NAME] risk`, out of the configuration as the run read it. The file was checked
/// then; what does not parse here is left out.
fn costs(view: &View<'_>) -> BTreeMap<String, Cost> {
    let text = view
        .facts
        .config
        .as_ref()
        .and_then(|config| view.text(config));
    let table = text
        .and_then(|text| text.parse::<toml::Table>().ok())
        .unwrap_or_default();
    let services = table.get("service").and_then(toml::Value::as_table);
    let mut costs = BTreeMap::new();
    for (name, service) in services.into_iter().flatten() {
        let Some(risk) = service.get("risk") else {
            continue;
        };
        let money = risk.get("money_per_hour").and_then(|money| {
            money.as_float().or_else(|| {
                money
                    .as_integer()
                    .and_then(|whole| u32::try_from(whole).ok())
                    .map(f64::from)
            })
        });
        let impact = risk
            .get("impact")
            .and_then(toml::Value::as_str)
            .map(ToOwned::to_owned);
        costs.insert(name.clone(), Cost { money, impact });
    }
    costs
}

/// `3 probed services and dependencies`.
pub(crate) fn probed(n: usize) -> String {
    match n {
        1 => "1 probed service".to_owned(),
        n => format!("{n} probed services and dependencies"),
    }
}

/// `` `backend` unavailable, `auth` degraded ``.
pub(crate) fn statuses(healths: &[&Health]) -> String {
    let mut names: Vec<String> = healths
        .iter()
        .take(NAMES_MAX)
        .map(|health| format!("{} {}", code(&health.service), health.status.word()))
        .collect();
    if healths.len() > NAMES_MAX {
        names.push(format!("{} more", healths.len() - NAMES_MAX));
    }
    listed(&names)
}
