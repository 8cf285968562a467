//! Python's INI files: setup.cfg, tox.ini, pytest.ini.

use std::collections::HashMap;

use configparser::ini::{Ini, IniDefault};

/// The sections of an INI file, as Python's `configparser` reads them.
pub(crate) struct Sections {
    sections: HashMap<String, HashMap<String, Option<String>>>,
}

impl Sections {
    /// `None` where the text cannot be read.
    pub(crate) fn read(text: &str) -> Option<Self> {
        let mut defaults = IniDefault::default();
        defaults.multiline = true;
        defaults.case_sensitive = true;
        let sections = Ini::new_from_defaults(defaults)
            .read(text.to_owned())
            .ok()?;
        Some(Self { sections })
    }

    pub(crate) fn has(&self, section: &str) -> bool {
        self.sections.contains_key(section)
    }

    pub(crate) fn get(&self, section: &str, key: &str) -> Option<&str> {
        self.sections
            .get(section)?
            .get(key)?
            .as_deref()
            .map(str::trim)
    }

    /// The lines of a value, without empty ones.
    pub(crate) fn lines(&self, section: &str, key: &str) -> impl Iterator<Item = &str> {
        let value = self.get(section, key).unwrap_or_default();
        value.lines().map(str::trim).filter(|line| !line.is_empty())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_go_over_lines() {
        let text = "[options]\ninstall_requires =\n    flask>=2\n    # why\n    redis\n\n[tool:pytest]\ntestpaths = a b\n";
        let sections = Sections::read(text).unwrap();
        let lines: Vec<_> = sections.lines("options", "install_requires").collect();
        assert_eq!(lines, ["flask>=2", "redis"]);
        assert_eq!(sections.get("tool:pytest", "testpaths"), Some("a b"));
        assert!(!sections.has("pytest"));
    }
}
