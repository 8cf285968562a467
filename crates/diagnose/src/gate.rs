//! The gate that would have caught a cause, named only where the configuration was searched.

use assay_model::{AbsentGate, DeployPlan, Gate, Place, ProbeKind, SymptomKind, Why};

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
    let passage = Passage::of(story, plan);
    // A process that never serves is caught by any probe; for the rest it takes more.
    let probe_would_do = passage == Passage::Blind && story.candidate.ends_process();
    let (gate, advice_text) = if probe_would_do {
        let word = gate_word(Gate::Probe);
        (word, format!("set `gate = \"{word}\"` for {node}"))
    } else {
        (advice.id.as_str(), advice.advice.clone())
    };
    let at = plan.gate_at.clone();
    let line = at.as_ref().map(|place| place.line);
    let mut evidence: Vec<_> = story.cite_config(line).into_iter().collect();
    evidence.extend(
        story
            .rollout
            .and_then(|rollout| rollout.evidence.first().cloned()),
    );
    let why = Why {
        question: QUESTION.to_owned(),
        text: passage.text(story, plan, &advice.id),
        evidence,
        excerpt: at.as_ref().map(|place| place.text.clone()),
        refuted: None,
    };
    let gate = AbsentGate {
        gate: gate.to_owned(),
        advice: advice_text,
        searched,
        at,
    };
    Ok((gate, why))
}

/// How a revision came past its gate, or did not.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Passage {
    /// The gate refused it.
    Held,
    /// No gate was asked.
    Blind,
    /// The gate was satisfied.
    Passed,
}

impl Passage {
    fn of(story: &Story<'_>, plan: &DeployPlan) -> Self {
        let applied = story.rollout.map_or(plan.gate, |rollout| rollout.gate);
        match applied {
            _ if story.gate_held() => Self::Held,
            Gate::None => Self::Blind,
            Gate::Probe => Self::Passed,
        }
    }

    fn text(self, story: &Story<'_>, plan: &DeployPlan, better: &str) -> String {
        let node = story.node();
        let file = &story.scene.observed.project.config_file;
        let place = plan.gate_at.as_ref().map_or_else(
            || format!("the default, as {file} sets none"),
            |place| format!("{}:{}", place.file, place.line),
        );
        let gate = gate_word(Gate::Probe);
        match self {
            Self::Held => format!(
                "nothing was absent here: the gate `{gate}` ({place}) held and gave this revision \
                 no traffic; the defect still reached the roll-out, and a {better} would have \
                 caught it earlier"
            ),
            Self::Blind => {
                let how = match plan.gate {
                    Gate::None => format!("gate = \"none\", {place}"),
                    Gate::Probe => format!("the request switched the gate off that {place} sets"),
                };
                format!(
                    "it was rolled out blindly ({how}): nothing asked the new revision of {node} \
                     before the traffic was switched to it"
                )
            }
            Self::Passed => format!(
                "the gate `{gate}` ({place}) was passed: it asks {}, and nothing exercises {} \
                 before the traffic is switched",
                probe_words(story),
                exercised(story)
            ),
        }
    }
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
        Some(ProbeKind::Http(http)) => format!("only for {}", http.path),
        Some(ProbeKind::WebSocket(socket)) => format!("only for {}", socket.path),
        Some(ProbeKind::Tcp) => "only whether a connection is accepted".to_owned(),
        Some(ProbeKind::Runtime) => "only whether it runs".to_owned(),
        Some(kind) => format!("only by {}", kind.word()),
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
