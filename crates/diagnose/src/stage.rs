//! Step 3 as the loop runs it: gathers what may be looked at, records the answer.

use assay_model::{Body, Facts, Project, Recorder, Source, Stage, StageError, Step};
use async_trait::async_trait;

use crate::catalogue::Catalogue;
use crate::diagnose::diagnose;
use crate::observed::{ConfigText, Observed};

/// What is broken, and why?
pub struct WhyStage {
    project: Project,
    config_text: String,
}

impl WhyStage {
    /// For the checked configuration and the text that it was read from.
    pub fn new(project: Project, config_text: String) -> Self {
        Self {
            project,
            config_text,
        }
    }
}

#[async_trait]
impl Stage for WhyStage {
    fn step(&self) -> Step {
        Step::Why
    }

    async fn run(&self, facts: &Facts, recorder: &mut dyn Recorder) -> Result<(), StageError> {
        let now = facts.last.or(facts.started).ok_or_else(|| {
            StageError::cannot_look(format!("nothing is known of {} yet", self.project.name))
        })?;
        let mut observed = Observed::of(facts, now, self.project.clone());
        if observed.is_empty() {
            return Err(StageError::CannotLook {
                message: format!("nothing of {} was observed", self.project.name),
                hint: Some("`assay run` looks before it asks why".to_owned()),
                source: None,
            });
        }
        let path = self.project.config_file.clone();
        let evidence = recorder
            .keep(
                Source::File { path, line: None },
                self.config_text.as_bytes(),
            )
            .await?;
        // As it is kept: a secret must not come back as an excerpt.
        let text = String::from_utf8_lossy(&recorder.fetch(&evidence).await?).into_owned();
        observed.config = Some(ConfigText { evidence, text });
        for evidence in observed.wanted() {
            let bytes = recorder.fetch(&evidence).await?;
            let text = String::from_utf8_lossy(&bytes).into_owned();
            observed.texts.insert(evidence.hash, text);
        }
        let diagnosis = diagnose(&observed, Catalogue::builtin());
        for cause in &diagnosis.causes {
            recorder.say(&format!(
                "{} ({}, confidence {:.2})",
                cause.summary,
                cause.class.word(),
                cause.confidence
            ));
        }
        recorder.record(vec![Body::Diagnosed { diagnosis }]).await?;
        Ok(())
    }
}
