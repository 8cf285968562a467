//! What went wrong, for a person and for the shell.

use std::error::Error;

use assay_config::ConfigError;
use assay_model::StageError;

/// A known name counts as meant when it is at least this similar (Jaro-Winkler, 0 to 1).
const SIMILARITY_MIN: f64 = 0.75;

/// Names that are listed in a hint; more would bury the message.
const KNOWN_SHOWN_MAX: usize = 20;

/// A command that could not do its work.
#[derive(Debug)]
pub(crate) struct Failure {
    message: String,
    hint: Option<String>,
    source: Option<Box<dyn Error + Send + Sync>>,
    report: Option<Box<miette::Report>>,
    code: u8,
}

impl Failure {
    fn new(code: u8, message: impl Into<String>) -> Self {
        Self {
            message: message.into(),
            hint: None,
            source: None,
            report: None,
            code,
        }
    }

    /// Wrong usage or configuration: exit code 2.
    pub(crate) fn usage(message: impl Into<String>) -> Self {
        Self::new(2, message)
    }

    /// A name that the configuration does not have: exit code 2.
    pub(crate) fn unknown<'n>(
        what: &str,
        name: &str,
        known: impl Iterator<Item = &'n str>,
    ) -> Self {
        let known: Vec<&str> = known.collect();
        let nearest = known
            .iter()
            .map(|candidate| (strsim::jaro_winkler(name, candidate), *candidate))
            .filter(|(similarity, _)| *similarity >= SIMILARITY_MIN)
            .max_by(|a, b| a.0.total_cmp(&b.0));
        let failure = Self::usage(format!("no {what} `{name}`"));
        let meant = nearest.map(|(_, meant)| format!("did you mean `{meant}`?"));
        let all = match known.len() {
            0 => Some(format!("there is no {what} at all")),
            1..=KNOWN_SHOWN_MAX => Some(format!("known: {}", known.join(", "))),
            _ => None,
        };
        let hint: Vec<String> = meant.into_iter().chain(all).collect();
        if hint.is_empty() {
            return failure.hint(format!("there are {} of them", known.len()));
        }
        failure.hint(hint.join(" "))
    }

    /// Could not look: exit code 3.
    pub(crate) fn cannot_look(message: impl Into<String>) -> Self {
        Self::new(3, message)
    }

    /// Needs a person: exit code 4.
    pub(crate) fn stopped(message: impl Into<String>) -> Self {
        Self::new(4, message)
    }

    /// A fault of assay itself: exit code 5.
    pub(crate) fn internal(
        message: impl Into<String>,
        source: impl Into<Box<dyn Error + Send + Sync>>,
    ) -> Self {
        Self::new(5, message).because(source)
    }

    pub(crate) fn because(mut self, source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        self.source = Some(source.into());
        self
    }

    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    pub(crate) fn exit_code(&self) -> u8 {
        self.code
    }

    /// Prints the message, the chain below it and the hint to stderr.
    pub(crate) fn print(&self) {
        if let Some(report) = &self.report {
            crate::terminal::complain(&format!("{report:?}"));
            return;
        }
        let mut text = format!("error: {}", self.message);
        let mut below = self.source.as_deref().map(|source| source as &dyn Error);
        while let Some(source) = below {
            text.push_str(&format!("\n  because: {source}"));
            below = source.source();
        }
        if let Some(hint) = &self.hint {
            text.push_str(&format!("\nhint: {hint}"));
        }
        crate::terminal::complain(&text);
    }
}

impl From<ConfigError> for Failure {
    fn from(error: ConfigError) -> Self {
        let mut failure = Self::usage(error.to_string());
        failure.report = Some(Box::new(miette::Report::new(error)));
        failure
    }
}

impl From<StageError> for Failure {
    fn from(error: StageError) -> Self {
        let mut failure = Self::new(error.exit_code(), error.to_string());
        failure.hint = error.hint().map(ToOwned::to_owned);
        match error {
            StageError::CannotLook {
                source: Some(source),
                ..
            } => failure.source = Some(source),
            StageError::Record(error) => failure.source = Some(error.source),
            _ => {}
        }
        failure
    }
}
