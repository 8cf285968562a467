//! The gate that would have caught a cause, named only where the configuration was searched.

use assay_model::{AbsentGate, Gate, Place, ProbeKind, SymptomKind, Why};

use crate::signature::Layer;
use crate::story::Story;

const QUESTION: &str = "which gate let it through?";

/// The gate, the why that names it, or what is missing to name it.
pub(crate) fn absent(story: &Story<'_>) -> Result<(AbsentGate, Why), String> {
    let observed = story.scene.observed;
    let node = story.node();
    let advice = story.candidate.signature.gate.as_ref();
    let (Some(advice), true) = (advice, observed.config.is_some()) else {
        return Err(format!(
            "the text of the configuration, to tell which gate {node} lacks"
        ));
    };
    let service = observed.project.services.get(node.as_str());
    let Some(plan) = service.and_then(|service| service.deploy.as_ref()) else {
        return Err(format!(
            "the way in which {node} is deployed; the configuration has no plan"
        ));
    };
    let searched = vec![observed.project.config_file.clone()];
    if story.located.policy {
        return Ok(policy(story, searched, &advice.id, &advice.advice));
    }
    let at = plan.gate_at.clone();
    let mut evidence: Vec<_> = story
        .cite_config(at.as_ref().map(|place| place.line))
        .into_iter()
        .collect();
    let applied = story.rollout.map_or(plan.gate, |rollout| rollout.gate);
    let place = at.as_ref().map_or_else(
        || format!("the default, as {} sets none", searched[0]),
        |place| format!("{}:{}", place.file, place.line),
    );
    let starts = story.candidate.ends_process();
    let (gate, text) = if story.gate_held() {
        let text = format!(
            "nothing was absent here: the gate `{}` ({place}) held, and users never met this \
             revision; the defect still reached the roll-out, and a {} would have caught it earlier",
            gate_word(applied),
            advice.id
        );
        (advice.id.clone(), text)
    } else if applied == Gate::None {
        let how = if plan.gate == Gate::None {
            format!("gate = \"none\", {place}")
        } else {
            format!("the request switched the gate off that {place} sets")
        };
        let text = format!(
            "it was rolled out blindly ({how}): nothing asked the new revision of {node} before \
             the traffic was switched to it"
        );
        (
            if starts {
                gate_word(Gate::Probe).to_owned()
            } else {
                advice.id.clone()
            },
            text,
        )
    } else {
        let text = format!(
            "the gate `{}` ({place}) was passed: it asks {}, and nothing exercises {} before the \
             traffic is switched",
            gate_word(applied),
            probe_words(story),
            exercised(story)
        );
        (advice.id.clone(), text)
    };
    let advice = if applied == Gate::None && starts && !story.gate_held() {
        format!("set `gate = \"probe\"` for {node}")
    } else {
        advice.advice.clone()
    };
    evidence.extend(
        story
            .rollout
            .iter()
            .flat_map(|rollout| rollout.evidence.iter().take(1).cloned()),
    );
    let excerpt = at.as_ref().map(|place| place.text.clone());
    let why = Why {
        question: QUESTION.to_owned(),
        text,
        evidence,
        excerpt,
        refuted: None,
    };
    Ok((
        AbsentGate {
            gate,
            advice,
            searched,
            at,
        },
        why,
    ))
}

fn policy(story: &Story<'_>, searched: Vec<String>, gate: &str, advice: &str) -> (AbsentGate, Why) {
    let at = story.located.defect.as_ref().map(|defect| Place {
        file: defect.file.clone(),
        line: defect.line,
        text: defect.text.clone(),
    });
    let why = Why {
        question: "what should have brought it back?".to_owned(),
        text: format!(
            "no restart policy starts a process of {} again (searched: {})",
            story.node(),
            searched.join(", ")
        ),
        evidence: story.located.evidence.clone(),
        excerpt: at.as_ref().map(|place| place.text.clone()),
        refuted: None,
    };
    (
        AbsentGate {
            gate: gate.to_owned(),
            advice: advice.to_owned(),
            searched,
            at,
        },
        why,
    )
}

fn gate_word(gate: Gate) -> &'static str {
    match gate {
        Gate::Probe => "probe",
        Gate::None => "none",
    }
}

fn probe_words(story: &Story<'_>) -> String {
    let service = story
        .scene
        .observed
        .project
        .services
        .get(story.node().as_str());
    match service.map(|service| &service.probe.kind) {
        Some(ProbeKind::Http { path, .. }) => format!("only for {path}"),
        Some(ProbeKind::Tcp) => "only whether a connection is accepted".to_owned(),
        None => "only the probe".to_owned(),
    }
}

/// What fails, as the first failing request names it.
fn exercised(story: &Story<'_>) -> String {
    let tests = story
        .scene
        .observed
        .execution
        .iter()
        .flat_map(|execution| &execution.tests);
    let tests: Vec<_> = tests.collect();
    let failed = story
        .explained(SymptomKind::Test)
        .flat_map(|sign| &sign.tests)
        .filter_map(|place| tests.get(*place));
    let mut failed = failed.peekable();
    let first = failed.peek().map(|test| test.test.clone());
    let exchange = failed.flat_map(|test| &test.failing).find(|exchange| {
        exchange.service == *story.node() || story.candidate.signature.layer == Layer::Dependency
    });
    match (exchange, first) {
        (Some(exchange), _) => format!("`{} {}`", exchange.method, exchange.path),
        (None, Some(test)) => format!("what the test {test} does"),
        (None, None) => "the path that fails".to_owned(),
    }
}
