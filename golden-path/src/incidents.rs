//! The catalogue of incidents: how to break the platform, what to expect, and the truth.
//!
//! One file each in `incidents/`. An incident is injected by its list of actions, in order; those
//! with `before_baseline` come before the platform is deployed for the first time. The truth is
//! for grading a diagnosis alone.

use std::collections::BTreeMap;

use rust_embed::RustEmbed;
use serde::{Deserialize, Serialize};

#[derive(RustEmbed)]
#[folder = "incidents/"]
struct Files;

/// One way in which the platform breaks.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Incident {
    /// Its name, and that of its file.
    pub name: String,
    /// One sentence for a person who chooses.
    pub summary: String,
    /// How it comes about, in order.
    #[serde(default)]
    pub inject: Vec<Injection>,
    /// What should be seen, and how the loop should end.
    pub expect: Expect,
    /// What is really wrong; `None` where nothing is.
    pub truth: Option<Truth>,
}

/// One action and when it is taken.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Injection {
    /// Taken before the platform is deployed for the first time.
    #[serde(default)]
    pub before_baseline: bool,
    /// What is done.
    #[serde(flatten)]
    pub action: Action,
}

/// What an injection does; paths are relative to the project's root.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "action", rename_all = "kebab-case")]
pub enum Action {
    /// Changes a file.
    Edit(Edit),
    /// Writes a whole file, with the folders above it.
    Write {
        /// The file.
        file: String,
        /// Its whole content.
        text: String,
    },
    /// Commits everything that has changed.
    Commit {
        /// The commit's message.
        message: String,
    },
    /// Rolls a service out from the working tree.
    Deploy {
        /// Its name.
        service: String,
    },
    /// Ends the process of a service from outside.
    Kill {
        /// Its name.
        service: String,
        /// The signal's number.
        signal: i32,
    },
}

/// A change of one file: either a text that stands there exactly once is replaced, or a text is
/// added at the end.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Edit {
    /// The file.
    pub file: String,
    /// The text to be replaced; empty with `append`.
    #[serde(default)]
    pub find: String,
    /// What takes its place.
    #[serde(default)]
    pub replace: String,
    /// What is added at the end.
    #[serde(default)]
    pub append: String,
}

/// An edit that does not fit its file.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EditError {
    /// The text occurs never, or more than once.
    #[error("{file}: the text to replace occurs {count} times instead of once")]
    Count {
        /// The file.
        file: String,
        /// How often it occurs.
        count: usize,
    },
    /// Both or neither of `find` and `append` are given.
    #[error("{0}: an edit has either `find` or `append`")]
    Kind(String),
}

impl Edit {
    /// The file's text after the edit.
    ///
    /// # Errors
    /// When `find` does not occur exactly once, or the edit is neither of the two kinds.
    pub fn apply(&self, text: &str) -> Result<String, EditError> {
        match (self.find.is_empty(), self.append.is_empty()) {
            (true, false) => Ok(format!("{text}{}", self.append)),
            (false, true) => match text.matches(&self.find).count() {
                1 => Ok(text.replacen(&self.find, &self.replace, 1)),
                count => Err(EditError::Count {
                    file: self.file.clone(),
                    count,
                }),
            },
            _ => Err(EditError::Kind(self.file.clone())),
        }
    }
}

/// What should come of an incident.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Expect {
    /// What is seen from outside, one sentence each.
    pub symptoms: Vec<String>,
    /// How the loop ends.
    pub end: EndState,
}

/// The end states that an incident can lead to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum EndState {
    /// Nothing was wrong.
    Green,
    /// The defect is mended.
    Repaired,
    /// Service is restored, the defect waits.
    Mitigated,
    /// Found, and not restored.
    Red,
}

impl EndState {
    /// The word used in tables and JSON.
    pub fn word(self) -> &'static str {
        match self {
            Self::Green => "green",
            Self::Repaired => "repaired",
            Self::Mitigated => "mitigated",
            Self::Red => "red",
        }
    }
}

/// What is really wrong.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Truth {
    /// The service at fault.
    pub service: String,
    /// The part of it that is at fault, where it is not the whole: `database`.
    pub component: Option<String>,
    /// `packaging`, `code` or `infrastructure`.
    pub class: String,
    /// A text of the failure, as it stands in a log or in an observation.
    pub signature: String,
    /// The line that is wrong, where the cause is a line.
    pub defect: Option<Defect>,
}

/// A line that is wrong.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Defect {
    /// Path relative to the project's root.
    pub file: String,
    /// The literal line, without the white space around it.
    pub line: String,
}

/// A file of the catalogue that cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("incident {file}: {reason}")]
pub struct CatalogueError {
    file: String,
    reason: String,
}

/// Reads one incident; `name` is that of its file without the extension.
///
/// # Errors
/// When the text is not an incident, or is that of another name.
pub fn parse(name: &str, text: &str) -> Result<Incident, CatalogueError> {
    let wrong = |reason: String| CatalogueError {
        file: format!("{name}.toml"),
        reason,
    };
    let incident: Incident = toml::from_str(text).map_err(|error| wrong(error.to_string()))?;
    if incident.name != name {
        return Err(wrong(format!("it is named `{}`", incident.name)));
    }
    Ok(incident)
}

/// Every incident, by name.
pub fn all() -> Vec<Incident> {
    let mut found = BTreeMap::new();
    for path in Files::iter() {
        let Some(incident) = path.strip_suffix(".toml").and_then(get) else {
            continue;
        };
        found.insert(path, incident);
    }
    found.into_values().collect()
}

/// The incident of this name.
pub fn get(name: &str) -> Option<Incident> {
    let file = Files::get(&format!("{name}.toml"))?;
    let text = String::from_utf8(file.data.into_owned()).ok()?;
    parse(name, &text).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tree;

    const NAMES: [&str; 7] = [
        "auth-down",
        "gate-holds",
        "half-renamed",
        "method-missing",
        "missing-module",
        "none",
        "slow-database",
    ];

    /// The tree after the actions of an incident.
    fn after(incident: &Incident) -> BTreeMap<String, String> {
        let mut files: BTreeMap<String, String> = tree::files()
            .into_iter()
            .filter_map(|(path, content)| Some((path, String::from_utf8(content).ok()?)))
            .collect();
        for injection in &incident.inject {
            match &injection.action {
                Action::Edit(edit) => {
                    let text = files
                        .get_mut(&edit.file)
                        .unwrap_or_else(|| panic!("{}", edit.file));
                    *text = edit.apply(text).unwrap_or_else(|error| panic!("{error}"));
                }
                Action::Write { file, text } => {
                    assert_eq!(files.insert(file.clone(), text.clone()), None, "{file}");
                }
                Action::Commit { .. } | Action::Deploy { .. } | Action::Kill { .. } => {}
            }
        }
        files
    }

    #[test]
    fn every_file_is_an_incident() {
        for path in Files::iter() {
            let name = path.strip_suffix(".toml").unwrap();
            let data = Files::get(&path).unwrap().data;
            if let Err(error) = parse(name, std::str::from_utf8(&data).unwrap()) {
                panic!("{error}");
            }
        }
        let names: Vec<String> = all().into_iter().map(|incident| incident.name).collect();
        assert_eq!(names, NAMES);
        assert_eq!(get("nothing"), None);
    }

    #[test]
    fn edits_fit_and_the_defect_is_a_line_that_they_made() {
        for incident in all() {
            let files = after(&incident);
            let Some(defect) = incident.truth.and_then(|truth| truth.defect) else {
                continue;
            };
            let count = |text: &str| {
                text.lines()
                    .filter(|line| line.trim() == defect.line)
                    .count()
            };
            let text = &files[&defect.file];
            assert_eq!(count(text), 1, "{}: {}", incident.name, defect.line);
            let before = tree::text(&defect.file).unwrap_or_default();
            assert_eq!(count(&before), 0, "{}: {}", incident.name, defect.line);
            assert!(text.lines().count() > 1);
        }
    }

    #[test]
    fn scripts_still_parse_and_the_configuration_too() {
        for incident in all() {
            for (path, text) in after(&incident) {
                if path.ends_with(".rhai")
                    && let Err(error) = rhai::Engine::new_raw().compile(&text)
                {
                    panic!("{}: {path}: {error}", incident.name);
                }
                if path == "assay.toml" {
                    text.parse::<toml::Table>().unwrap();
                }
            }
        }
    }

    #[test]
    fn what_is_injected_gives_nothing_away() {
        for incident in all() {
            for injection in &incident.inject {
                let text = match &injection.action {
                    Action::Edit(edit) => {
                        format!("{} {} {}", edit.file, edit.replace, edit.append)
                    }
                    Action::Write { file, text } => format!("{file} {text}"),
                    Action::Commit { message } => message.clone(),
                    Action::Deploy { .. } | Action::Kill { .. } => String::new(),
                };
                let text = text.to_lowercase();
                let words = [
                    incident.name.as_str(),
                    "incident",
                    "inject",
                    "bad",
                    "defect",
                ];
                for word in words.iter().filter(|word| **word != "none") {
                    assert!(
                        !text.contains(word),
                        "{}: `{word}` in {text}",
                        incident.name
                    );
                }
            }
        }
    }

    #[test]
    fn a_defect_is_not_the_only_change() {
        for name in ["missing-module", "gate-holds", "method-missing"] {
            let incident = get(name).unwrap();
            let edits = |injection: &Injection| {
                matches!(injection.action, Action::Edit(_) | Action::Write { .. })
            };
            assert!(
                incident.inject.iter().filter(|one| edits(one)).count() >= 3,
                "{name}"
            );
        }
    }

    #[test]
    fn actions_before_the_baseline_come_first() {
        for incident in all() {
            let order: Vec<bool> = incident
                .inject
                .iter()
                .map(|one| !one.before_baseline)
                .collect();
            assert!(order.is_sorted(), "{}", incident.name);
        }
    }

    #[test]
    fn an_edit_must_fit_exactly_once() {
        let check = |find: &str, append: &str, expected: Result<&str, EditError>| {
            let edit = Edit {
                file: "f".into(),
                find: find.into(),
                replace: "X".into(),
                append: append.into(),
            };
            assert_eq!(edit.apply("abcb"), expected.map(str::to_owned));
        };
        let count = |count| {
            Err(EditError::Count {
                file: "f".into(),
                count,
            })
        };
        check("a", "", Ok("Xbcb"));
        check("b", "", count(2));
        check("z", "", count(0));
        check("", "d", Ok("abcbd"));
        check("", "", Err(EditError::Kind("f".into())));
        check("a", "d", Err(EditError::Kind("f".into())));
    }
}
