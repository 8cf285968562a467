//! Runs that do not end in a repair, and one that somebody filled with hostile text.

use assay_model::{
    Body, Decoy, Diagnosis, DiagnosisVerdict, Disturbance, EndState, Outcome, Prologue,
    RolloutOutcome, RolloutSource, Source, Status, Step, Symptom, SymptomKind, Verdict,
};

use super::{Story, execution, missing_module, plan, request};

/// Something is wrong and nothing explains it.
pub(crate) fn inconclusive() -> Story {
    let mut story = Story::new(plan(Vec::new()));
    story.step(Step::Ready, 1, |story| {
        story.probe("auth", Status::Healthy, 12, None);
        story.probe("backend", Status::Unreachable, 5_000, None);
        story.probe("database", Status::Refused, 1, None);
    });
    story.step(Step::Execute, 1, |story| {
        story.wait(61_000);
        let tests = vec![
            story.result("login", 1, Outcome::Passed, Some(Verdict::Proven), None),
            story.result("export", 2, Outcome::Passed, Some(Verdict::Vacuous), None),
            story.result(
                "chat",
                1,
                Outcome::TimedOut,
                None,
                Some("no answer within 60000 ms"),
            ),
        ];
        story.push(Body::ExecutionJudged {
            execution: execution(tests, true),
        });
    });
    story.step(Step::Why, 1, |story| {
        let source = Source::Exchange {
            request: "GET http://127.0.0.1:8000/health".into(),
        };
        let evidence = vec![story.keep(source, "no answer within 5000 ms")];
        let symptom = |service: &str, text: &str| Symptom {
            kind: SymptomKind::Probe,
            service: service.into(),
            text: text.into(),
            first_seen: None,
            evidence: evidence.clone(),
        };
        let diagnosis = Diagnosis {
            verdict: DiagnosisVerdict::Inconclusive,
            symptoms: vec![
                symptom("backend", "did not answer within 5000 ms"),
                symptom("database", "refuses connections"),
            ],
            causes: Vec::new(),
            unexplained: vec![0, 1],
            pre_existing: vec![1],
            decoys: vec![Decoy {
                text: "12 retries in auth".into(),
                reason: "they ended".into(),
            }],
            missing_evidence: vec![
                "the log of backend: set `logs = { file = … }` for service.backend".into(),
            ],
        };
        story.push(Body::Diagnosed { diagnosis });
    });
    story.step(Step::Publish, 1, |_| ());
    story.push(Body::RunFinished {
        end: EndState::Inconclusive,
        reason: "2 symptoms have no cause, and evidence is missing".into(),
    });
    story
}

/// Killed in the middle of step 2, resumed, and still going on.
pub(crate) fn unfinished() -> Story {
    let wanted = request("r1", RolloutSource::WorkingTree, "a new revision");
    let disturbance = Disturbance::Kill {
        service: "auth".into(),
        signal: 9,
    };
    let prologue = vec![
        Prologue::Rollout(wanted.clone()),
        Prologue::Disturb(disturbance.clone()),
    ];
    let mut story = Story::new(plan(prologue));
    story.step(Step::Deploy, 1, |story| {
        let good = missing_module::GOOD;
        story.rollout(wanted, good, None, RolloutOutcome::Succeeded, 900);
        story.push(Body::Disturbed { disturbance });
    });
    story.begin(Step::Ready, 1, 1);
    story.probe("auth", Status::Refused, 1, None);
    story.wait(30_000);
    story.push(Body::RunResumed { found: 7 });
    story.begin(Step::Ready, 1, 2);
    story.probe("auth", Status::Refused, 2, None);
    story.probe(
        "backend",
        Status::Degraded,
        1_400,
        Some(missing_module::GOOD),
    );
    story.end(None);
    story.begin(Step::Select, 1, 1);
    story.end(Some("suite e2e lists no tests"));
    story.begin(Step::Execute, 1, 1);
    story
}

/// Every text of the repaired run, replaced by something that wants out of its place.
pub(crate) fn hostile(payload: &str) -> Story {
    let mut story = missing_module::repaired();
    for event in &mut story.events {
        let mut value = serde_json::to_value(&event.body).unwrap();
        poison(&mut value, payload);
        event.body = serde_json::from_value(value).unwrap();
    }
    for text in story.texts.values_mut() {
        *text = format!("{payload}\n{text}\n{payload}");
    }
    story
}

/// Texts for people are replaced; names that tie events together are kept, with the payload
/// behind them where a name may hold any text.
fn poison(value: &mut serde_json::Value, payload: &str) {
    const TEXTS: [&str; 17] = [
        "reason",
        "detail",
        "message",
        "text",
        "summary",
        "question",
        "excerpt",
        "alternative",
        "advice",
        "precondition",
        "postcondition",
        "undo",
        "signature",
        "what",
        "path",
        "command",
        "before",
    ];
    const LISTS: [&str; 4] = ["reasons", "missing_evidence", "not_examined", "searched"];
    match value {
        serde_json::Value::Object(fields) => {
            for (name, field) in fields {
                if TEXTS.contains(&name.as_str()) && field.is_string() {
                    *field = payload.into();
                } else if LISTS.contains(&name.as_str()) && field.is_array() {
                    *field = vec![payload].into();
                } else {
                    poison(field, payload);
                }
            }
        }
        serde_json::Value::Array(items) => {
            items.iter_mut().for_each(|item| poison(item, payload));
        }
        _ => {}
    }
}
