//! A chosen candidate → a [`Cause`].

use assay_model::{Cause, CauseClass, CauseId, Count, Refuted, SymptomKind, TestId, Window};

use crate::scene::Standing;
use crate::signature::{At, RemedyKind, fill};
use crate::story::Story;
use crate::{refute, whys};

/// A cause and what is missing to say more about it.
pub(crate) fn build(story: &Story<'_>, weighed: Vec<Refuted>) -> (Cause, Vec<String>) {
    let candidate = story.candidate;
    let signature = candidate.signature;
    let class = story.located.class.unwrap_or(signature.class);
    let chain = whys::walk(story, class);
    let refuted = refute::refuted(story, class, weighed);
    let component = component(story);
    let mut summary = fill(&signature.explanation, &story.values);
    if !signature.explanation.starts_with("{node}") {
        summary = format!("{}: {summary}", story.node());
    }
    if let Some(defect) = &story.located.defect {
        summary = format!("{summary} ({}:{})", defect.file, defect.line);
    }
    let cause = Cause {
        id: CauseId::new(format!("{}:{component}:{}", story.node(), signature.id)),
        service: story.node().clone(),
        component,
        signature: signature.id.clone(),
        class,
        revision: candidate.revision.clone(),
        last_good: story.last_good.map(|rollout| rollout.revision.clone()),
        defect: story.located.defect.clone(),
        summary,
        confidence: confidence(story, &refuted),
        first_seen: candidate.since(),
        last_seen: candidate.last_seen,
        count: count(story),
        symptoms: story.explained.clone(),
        whys: chain.whys,
        refuted,
        gate: chain.gate,
        remedies: remedies(story, class),
        failing_tests: failing_tests(story),
        log_pattern: candidate.sightings.first().map(|seen| seen.text.clone()),
    };
    (cause, chain.missing)
}

fn component(story: &Story<'_>) -> String {
    let template = &story.candidate.signature.component;
    let values = &story.values;
    if template == "{file}" && !values.contains_key("file") {
        let fallback = values.get("symbol").or_else(|| values.get("importer"));
        return fallback.cloned().unwrap_or_else(|| "code".to_owned());
    }
    fill(template, values)
}

/// The share of the weighed evidence that speaks for a cause:
///
/// | weight | speaks for it |
/// |---|---|
/// | 0.35 | how much its signature says, 0 to 1 |
/// | 0.25 | the share of all symptoms that it explains |
/// | 0.15 | the place that must change was found; for a cause outside the code, its node is named |
/// | 0.15 | it began with a roll-out that followed a good revision; for a cause outside the code, it did not begin with one |
/// | 0.10 | an alternative was refuted |
///
/// The weights are a judgement, not a measurement; they order causes and add up to 1.
fn confidence(story: &Story<'_>, refuted: &[Refuted]) -> f64 {
    let candidate = story.candidate;
    let outside = matches!(
        story.located.class.unwrap_or(candidate.signature.class),
        CauseClass::Infrastructure | CauseClass::External
    );
    let signature = f64::from(candidate.signature.specificity) / 100.0;
    #[expect(clippy::cast_precision_loss, reason = "counts of symptoms are small")]
    let explained = story.explained.len() as f64 / story.signs.len().max(1) as f64;
    let located = story.located.defect.is_some() || outside;
    let came = story.last_good.is_some() && !story.pre_existing;
    let timed = if outside {
        story.verified().is_some() || candidate.revision.is_none()
    } else {
        came
    };
    let score = 0.35 * signature
        + 0.25 * explained
        + 0.15 * f64::from(u8::from(located))
        + 0.15 * f64::from(u8::from(timed))
        + 0.10 * f64::from(u8::from(!refuted.is_empty()));
    (score * 100.0).round() / 100.0
}

fn count(story: &Story<'_>) -> Count {
    let candidate = story.candidate;
    let (n, unit, from, to) = match (candidate.exits.first(), candidate.exits.last()) {
        (Some(first), Some(last)) => (candidate.exits.len() as u64, "exits", first.at, last.at),
        _ => match candidate.logged {
            Some((n, from, to)) => (n, "log records", from, to),
            None => {
                let (from, to) = (candidate.first_seen, candidate.last_seen);
                (candidate.reports.len() as u64, "reports", from, to)
            }
        },
    };
    Count {
        n,
        unit: unit.to_owned(),
        window: Window { from, to },
    }
}

/// The signature's remedies that this cause allows; a person where none is left.
fn remedies(story: &Story<'_>, class: CauseClass) -> Vec<String> {
    let project = &story.scene.observed.project;
    let deployed = project
        .services
        .get(story.node().as_str())
        .is_some_and(|service| service.deploy.is_some());
    let serves = story.candidate.standing == Standing::Serving;
    let fits = |kind: &RemedyKind| match kind {
        RemedyKind::Rollback => {
            serves
                && deployed
                && story.last_good.is_some()
                && !story.pre_existing
                && !story.gate_held()
        }
        RemedyKind::Restart => serves && deployed && story.candidate.signature.at == At::Service,
        RemedyKind::Unignore => class == CauseClass::Packaging && story.located.ignored.is_some(),
        RemedyKind::RevertHunk => {
            class == CauseClass::Code && story.located.in_change && story.located.defect.is_some()
        }
        RemedyKind::Person => true,
    };
    let listed = &story.candidate.signature.remedies;
    let mut words: Vec<String> = listed
        .iter()
        .filter(|kind| fits(kind))
        .map(|kind| kind.word().to_owned())
        .collect();
    if words.is_empty() {
        words.push(RemedyKind::Person.word().to_owned());
    }
    words
}

/// Failed tests that the cause explains: those that fail at its own service first, then by
/// priority, then as they ran.
fn failing_tests(story: &Story<'_>) -> Vec<TestId> {
    let Some(execution) = &story.scene.observed.execution else {
        return Vec::new();
    };
    let mut tests: Vec<_> = story
        .explained(SymptomKind::Test)
        .flat_map(|sign| sign.tests.iter().map(move |place| (sign, *place)))
        .filter_map(|(sign, place)| {
            let test = execution.tests.get(place)?;
            let there = sign.symptom.service == *story.node();
            let covers = test.services.contains(story.node());
            Some(((!there, !covers, test.priority, place), test.test.clone()))
        })
        .collect();
    tests.sort_by_key(|(order, _)| *order);
    tests.into_iter().map(|(_, test)| test).collect()
}
