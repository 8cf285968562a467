//! Values with a meaning beyond their type: URLs, commands, paths, references, names.

use std::collections::BTreeMap;

use assay_model::ServiceName;

use crate::claim::{ClaimKind, Text};
use crate::reader::nearest;
use crate::table::Field;
use crate::{template, url};

impl Field<'_> {
    /// A URL without a trailing slash, of one of `schemes` (any, if empty).
    pub(crate) fn url(&self, schemes: &[&str]) -> Option<String> {
        let text = self.text()?;
        let problem = match url::split(&text.value) {
            Err(problem) => problem.to_owned(),
            Ok(parts) if !schemes.is_empty() && !schemes.contains(&parts.scheme) => {
                format!("its scheme is not one of {}", schemes.join(", "))
            }
            Ok(parts) if !schemes.is_empty() && parts.rest.contains(['?', '#']) => {
                "a base URL has neither a query nor a fragment".to_owned()
            }
            Ok(_) => return Some(text.value.trim_end_matches('/').to_owned()),
        };
        // The value of a variable may hold a password, so only the variable is named.
        let what = match &text.variable {
            Some(name) => format!("is not a usable URL (it comes from `{name}`)"),
            None => "is not a usable URL".to_owned(),
        };
        self.wrong(
            &what,
            problem,
            Some("such as `http://127.0.0.1:8000`".to_owned()),
        );
        None
    }

    /// The URL of a service or a dependency, to be compared with others.
    pub(crate) fn address(&self, schemes: &[&str]) -> Option<String> {
        let url = self.url(schemes)?;
        if let Some(text) = self.text() {
            self.reader().claim(ClaimKind::Address, &self.path, &text);
        }
        Some(url)
    }

    /// As [`Field::command`], run in the project's root.
    pub(crate) fn own_command(&self) -> Option<Vec<String>> {
        let words = self.command()?;
        if let Some(program) = self.texts()?.first()
            && program.value.contains('/')
            && !program.value.starts_with('/')
        {
            self.reader().claim(ClaimKind::Program, &self.path, program);
        }
        Some(words)
    }

    /// Texts that say something about the world.
    pub(crate) fn claimed(&self, kind: ClaimKind) -> Option<Vec<String>> {
        let texts = self.texts()?;
        texts
            .iter()
            .for_each(|text| self.reader().claim(kind, &self.path, text));
        Some(texts.into_iter().map(|text| text.value).collect())
    }

    /// A program and its arguments, or nothing.
    pub(crate) fn command(&self) -> Option<Vec<String>> {
        let words = self.texts()?;
        if words.first().is_none_or(|program| program.value.is_empty()) {
            self.wrong(
                "names no program",
                "expected a program and its arguments",
                None,
            );
        }
        Some(
            words
                .into_iter()
                .map(|word| self.checked_template(word))
                .collect(),
        )
    }

    /// Variables for a process.
    pub(crate) fn variables(&self) -> Option<BTreeMap<String, String>> {
        let mut variables = BTreeMap::new();
        for field in self.table()?.entries() {
            let name_is_valid = !field.key.is_empty() && !field.key.contains(['=', '\0']);
            if !name_is_valid {
                let message = format!("`{}` is not the name of a variable", field.path);
                self.reader().problem(
                    field.key_span.clone(),
                    message,
                    "no such name is possible",
                    None,
                );
            }
            if let Some(text) = field.text() {
                self.reader().claim(ClaimKind::Value, &field.path, &text);
                variables.insert(field.key.clone(), field.checked_template(text));
            }
        }
        Some(variables)
    }

    fn checked_template(&self, text: Text) -> String {
        for (message, label, hint) in template::check(self.reader(), &text.value) {
            let message = format!("{message} in `{}`", self.path);
            self.reader()
                .problem(text.span.clone(), message, label, hint);
        }
        text.value
    }

    /// Paths below the project's root, of what is claimed to be there.
    pub(crate) fn paths(&self, kind: ClaimKind) -> Option<Vec<String>> {
        let claimed = self.texts()?.into_iter().filter_map(|text| {
            let claim = text.clone();
            let path = self.checked_path(text)?;
            self.reader().claim(kind, &self.path, &claim);
            Some(path)
        });
        Some(claimed.collect())
    }

    /// A path below the project's root, of what is claimed to be there.
    pub(crate) fn path(&self, kind: ClaimKind) -> Option<String> {
        let text = self.text()?;
        let path = self.checked_path(text.clone())?;
        self.reader().claim(kind, &self.path, &text);
        Some(path)
    }

    /// A path that may lie anywhere.
    pub(crate) fn outside_path(&self, kind: ClaimKind) -> Option<String> {
        let path = self.string()?;
        self.reader().claim(kind, &self.path, &self.text()?);
        Some(path)
    }

    /// A path below the folder that a service is deployed from.
    pub(crate) fn bundle_path(&self) -> Option<String> {
        self.checked_path(self.text()?)
    }

    fn checked_path(&self, text: Text) -> Option<String> {
        let problem = if text.value.is_empty() {
            "is empty"
        } else if text.value.starts_with('/') {
            "is absolute"
        } else if text.value.split('/').any(|part| part == "..") {
            "leaves the project"
        } else {
            return Some(text.value);
        };
        let message = format!("a path in `{}` {problem}", self.path);
        self.reader().problem(
            text.span,
            message,
            "expected a path below the project's root",
            None,
        );
        None
    }

    /// Names of services, and of dependencies if `dependencies`, each at most once.
    pub(crate) fn references(&self, dependencies: bool) -> Option<Vec<ServiceName>> {
        let mut names: Vec<ServiceName> = Vec::new();
        let reader = self.reader();
        for text in self.texts()? {
            let known = || {
                let others = reader.dependencies().filter(|_| dependencies);
                reader.services().chain(others)
            };
            if !known().any(|name| name == text.value) {
                let what = if dependencies {
                    "service or dependency"
                } else {
                    "service"
                };
                let hint = match nearest(&text.value, known()) {
                    Some(name) => Some(format!("did you mean `{name}`?")),
                    None => Some(known().collect::<Vec<_>>().join(", "))
                        .filter(|names| !names.is_empty())
                        .map(|names| format!("known names: {names}")),
                };
                reader.problem(
                    text.span,
                    format!("unknown {what} `{}` in `{}`", text.value, self.path),
                    format!("no such {what} in this file"),
                    hint,
                );
            } else if names.iter().any(|name| **name == *text.value) {
                let message = format!("`{}` is listed twice in `{}`", text.value, self.path);
                reader.problem(text.span, message, "the second time", None);
            } else {
                reader.claim(ClaimKind::Call, &self.path, &text);
                names.push(text.value.into());
            }
        }
        Some(names)
    }

    /// Refuses a name that cannot stand in paths, ids and messages.
    pub(crate) fn check_name(&self) {
        let valid = self.key.starts_with(|c: char| c.is_ascii_alphanumeric())
            && self
                .key
                .chars()
                .all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_'));
        if !valid {
            let message = format!("`{}` is not a name", self.key);
            let label = "expected letters, digits, `-` and `_`, a letter or a digit first";
            self.reader()
                .problem(self.key_span.clone(), message, label, None);
        }
    }
}
