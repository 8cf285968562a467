//! What is known of a tool: `tools/*.toml`.

use std::collections::BTreeMap;

use regex::Regex;
use serde::Deserialize;
use thiserror::Error;

use crate::get::Get;
use crate::version::Version;

/// A tool, and how to ask for its version.
#[derive(Debug)]
pub(crate) struct Tool {
    pub(crate) id: String,
    /// For a sentence.
    pub(crate) name: String,
    /// Runners of suites that need it.
    pub(crate) runners: Vec<String>,
    /// What `python -m`, `npx` and their like call it.
    pub(crate) modules: Vec<String>,
    /// The first version that will do, and why.
    pub(crate) min: Option<(Version, String)>,
    /// Ways to ask, the best first; never empty.
    pub(crate) ways: Vec<Way>,
    pub(crate) get: Get,
    pattern: Regex,
}

/// One way to ask a tool for its version.
#[derive(Debug)]
pub(crate) struct Way {
    /// Programs to ask, the best first; never empty.
    pub(crate) programs: Vec<String>,
    /// Folders of a project in which a copy of its own lies.
    pub(crate) beside: Vec<String>,
    pub(crate) args: Vec<String>,
    pub(crate) env: BTreeMap<String, String>,
    /// What the program says when it is there and the tool is not.
    pub(crate) absent: Option<Regex>,
}

/// A file of a tool is not valid.
#[derive(Debug, Error)]
#[error("tool {id}: {problem}")]
pub(crate) struct ToolError {
    id: String,
    problem: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    id: String,
    name: String,
    #[serde(default)]
    runners: Vec<String>,
    #[serde(default)]
    modules: Vec<String>,
    version: VersionTable,
    way: Vec<WayTable>,
    get: Get,
    sample: Vec<Sample>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct VersionTable {
    pattern: String,
    min: Option<String>,
    reason: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WayTable {
    programs: Vec<String>,
    #[serde(default)]
    beside: Vec<String>,
    args: Vec<String>,
    #[serde(default)]
    env: BTreeMap<String, String>,
    absent: Option<String>,
}

/// What a tool printed, and the version that it means; without one it must not be taken for any.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Sample {
    output: String,
    version: Option<String>,
}

impl Tool {
    /// Reads the file of the tool `stem`, and holds it against its samples.
    ///
    /// # Errors
    /// When it is not valid, or a sample is not read as it says.
    pub(crate) fn checked(stem: &str, text: &str) -> Result<Self, ToolError> {
        let wrong = |problem: String| ToolError {
            id: stem.to_owned(),
            problem,
        };
        let file: File = toml::from_str(text).map_err(|error| wrong(error.to_string()))?;
        if file.id != stem {
            return Err(wrong(format!("its id is {:?}", file.id)));
        }
        if file.way.is_empty() || file.way.iter().any(|way| way.programs.is_empty()) {
            return Err(wrong("no program to ask".to_owned()));
        }
        let regex = |text: &str| Regex::new(text).map_err(|error| wrong(error.to_string()));
        let min = match (file.version.min, file.version.reason) {
            (Some(min), Some(reason)) => {
                let version = Version::parse(&min)
                    .ok_or_else(|| wrong(format!("min {min:?} is not a version")))?;
                Some((version, reason))
            }
            (None, None) => None,
            _ => return Err(wrong("`min` and `reason` stand together".to_owned())),
        };
        let ways = file.way.into_iter().map(|way| {
            Ok(Way {
                programs: way.programs,
                beside: way.beside,
                args: way.args,
                env: way.env,
                absent: way.absent.as_deref().map(regex).transpose()?,
            })
        });
        let tool = Self {
            ways: ways.collect::<Result<_, _>>()?,
            pattern: regex(&file.version.pattern)?,
            id: file.id,
            name: file.name,
            runners: file.runners,
            modules: file.modules,
            min,
            get: file.get,
        };
        for sample in &file.sample {
            let read = tool.version(&sample.output).map(|it| it.to_string());
            if read != sample.version {
                let (output, expected) = (&sample.output, &sample.version);
                return Err(wrong(format!("{output:?} is {read:?}, not {expected:?}")));
            }
        }
        let (with, without): (Vec<_>, Vec<_>) =
            file.sample.iter().partition(|it| it.version.is_some());
        if with.is_empty() || without.is_empty() {
            return Err(wrong(
                "needs a sample with a version and one without".to_owned(),
            ));
        }
        Ok(tool)
    }

    /// The version that an output tells.
    pub(crate) fn version(&self, output: &str) -> Option<Version> {
        Version::parse(self.pattern.captures(output)?.get(1)?.as_str())
    }

    /// Whether a program of this name (without folders) is this tool. `python3.11` is a
    /// `python3`.
    pub(crate) fn is_program(&self, name: &str) -> bool {
        self.way_of(name).is_some()
    }

    /// The way to ask a program of this name.
    pub(crate) fn way_of(&self, name: &str) -> Option<&Way> {
        let known = |way: &&Way| {
            way.programs.iter().any(|program| {
                name.strip_prefix(program.as_str()).is_some_and(|suffix| {
                    suffix.is_empty()
                        || (suffix.contains('.')
                            && suffix.chars().all(|c| c.is_ascii_digit() || c == '.'))
                })
            })
        };
        self.ways.iter().find(known)
    }

    /// `3.8 or later: …`.
    pub(crate) fn required(&self) -> Option<String> {
        let (min, reason) = self.min.as_ref()?;
        Some(format!("{min} or later: {reason}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = "id = 'x'\nname = 'X'\n[version]\npattern = 'x (\\d+)'\n\
        [[way]]\nprograms = ['x']\nargs = ['-v']\n[get]\nother = 'see x'\n\
        [[sample]]\noutput = 'x 1'\nversion = '1'\n[[sample]]\noutput = 'y'\n";

    fn check(text: &str, expected: &str) {
        let error = Tool::checked("x", text).unwrap_err().to_string();
        assert!(error.contains(expected), "{error}");
    }

    #[test]
    fn a_file_that_is_not_valid_is_refused() {
        Tool::checked("x", GOOD).unwrap();
        check("", "missing field");
        check(&GOOD.replace("'X'", "'X'\nnope = 1"), "unknown field");
        check(&GOOD.replace("id = 'x'", "id = 'y'"), "its id is \"y\"");
        check(&GOOD.replace("['x']", "[]"), "no program to ask");
        check(&GOOD.replace("x (\\d+)", "x ("), "regex");
        check(&GOOD.replace("'x 1'", "'x 2'"), "is Some(\"2\"), not");
        check(&GOOD.replace("'y'", "'x 3'"), "is Some(\"3\"), not None");
        check(
            &GOOD.replace("[[way]]", "min = '1'\n[[way]]"),
            "stand together",
        );
        check(
            GOOD.split("[[sample]]\noutput = 'y'").next().unwrap(),
            "needs a sample",
        );
    }

    #[test]
    fn a_program_is_known_with_its_version_behind_it() {
        let tool = Tool::checked("x", GOOD).unwrap();
        assert!(tool.is_program("x") && tool.is_program("x3.11"));
        assert!(!tool.is_program("xy") && !tool.is_program("x3") && !tool.is_program("x-1.2"));
    }
}
