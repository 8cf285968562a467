//! Files of settings that a program reads for itself: `config/base.yaml`, `application.yml`.

use crate::yaml::Node;
use crate::{Origin, PortSetting, paths};

/// Whether a file's place says that it holds settings.
pub(crate) fn is_settings(path: &str) -> bool {
    let name = paths::name(path);
    let stem = name.strip_suffix(".yaml").or(name.strip_suffix(".yml"));
    let folder = paths::name(paths::folder(path));
    stem.is_some_and(|stem| {
        let of_folder = ["config", "configuration", "settings"].contains(&folder)
            && ["base", "default", "local", "development"].contains(&stem);
        of_folder || ["application", "config", "settings"].contains(&stem)
    })
}

/// The port that settings have their program listen on.
pub(crate) fn read(path: &str, root: &Node) -> Option<PortSetting> {
    /// Sections that are about the program itself.
    const SECTIONS: [&str; 6] = ["application", "server", "app", "http", "web", "service"];
    let own = SECTIONS.iter().filter_map(|section| root.get(section));
    let entry = own.chain([root]).find_map(|node| node.entry("port"))?;
    Some(PortSetting {
        origin: Origin {
            file: path.to_owned(),
            line: entry.line,
        },
        port: entry.value.as_port()?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::yaml;

    fn check(path: &str, text: &str, expected: Option<(u64, u16)>) {
        let roots = yaml::read(text).expect("a test document is YAML");
        let found = roots.first().filter(|_| is_settings(path));
        let found = found.and_then(|root| read(path, root));
        let found = found.map(|setting| (setting.origin.line, setting.port));
        assert_eq!(found, expected, "{path}: {text}");
    }

    #[test]
    fn ports_are_set() {
        check(
            "configuration/base.yaml",
            "application:\n  port: 8000\n",
            Some((2, 8000)),
        );
        check(
            "src/main/resources/application.yml",
            "server: {port: 8081}",
            Some((1, 8081)),
        );
        check("config.yaml", "port: 80", Some((1, 80)));
        check("config.yaml", "database: {port: 5432}", None);
        check("config.yaml", "server: {port: '${PORT}'}", None);
        check("deploy/base.yaml", "port: 80", None);
        check("config/base.json", "port: 80", None);
    }
}
