//! The JSON Schema of the configuration, for editors and other programs.

/// JSON Schema 2020-12 of `assay.toml`. It says what each key holds; what only holds between keys
/// is checked by [`parse`](crate::parse).
pub const SCHEMA: &str = include_str!("../schema/assay.schema.json");

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};
    use std::path::Path;

    use serde_json::Value;

    use super::SCHEMA;
    use crate::project::parse_with_claims;
    use crate::reader::known_keys;

    /// Sections whose keys are names of the user's.
    const NAMED: [&str; 4] = ["service.", "dependency.", "suite.", "environment."];

    fn schema() -> Value {
        serde_json::from_str(SCHEMA).unwrap()
    }

    /// `service.api.probe` → `service.*.probe`.
    fn pattern(path: &str) -> String {
        let named = NAMED.iter().any(|section| path.starts_with(section));
        let mut parts: Vec<&str> = path.split('.').collect();
        if named && parts.len() > 1 {
            parts[1] = "*";
        }
        parts.join(".")
    }

    /// The keys that the schema has at a pattern; `None` where there is no such table.
    fn keys_in_schema<'s>(
        root: &'s Value,
        node: &'s Value,
        rest: &[&str],
    ) -> Option<BTreeSet<String>> {
        if let Some(name) = node.get("$ref").and_then(Value::as_str) {
            return keys_in_schema(root, root.pointer(name.trim_start_matches('#'))?, rest);
        }
        if let Some(choices) = node.get("oneOf").and_then(Value::as_array) {
            return choices
                .iter()
                .find_map(|node| keys_in_schema(root, node, rest));
        }
        if node.get("type")? == "array" {
            return keys_in_schema(root, node.get("items")?, rest);
        }
        let Some((first, rest)) = rest.split_first() else {
            let properties = node.get("properties")?.as_object()?;
            return Some(properties.keys().cloned().collect());
        };
        let next = match *first {
            "*" => node.get("additionalProperties")?,
            name => node.get("properties")?.get(name)?,
        };
        keys_in_schema(root, next, rest)
    }

    /// Every table that the reader asked keys of, in any sample, has those keys in the schema and
    /// no others.
    #[test]
    fn the_schema_has_the_keys_that_are_read() {
        let schema = schema();
        let mut read: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        for text in [
            include_str!("../tests/samples/valid/everything.toml"),
            include_str!("../tests/samples/valid/platform.toml"),
            include_str!("../tests/samples/valid/probes.toml"),
        ] {
            let env = |_: &str| Some("http://127.0.0.1:1".to_owned());
            parse_with_claims(text, "assay.toml", Path::new("."), &env).unwrap();
            for (path, keys) in known_keys() {
                read.entry(pattern(&path)).or_default().extend(keys);
            }
        }
        assert!(read.len() > 20, "{read:?}");
        for (path, keys) in read {
            let parts: Vec<&str> = path.split('.').filter(|part| !part.is_empty()).collect();
            let known = keys_in_schema(&schema, &schema, &parts);
            assert_eq!(known, Some(keys), "[{path}]");
        }
    }

    /// What the schema says of each sample: valid ones fit, and a key that does not exist does not.
    #[test]
    fn samples_fit_the_schema() {
        let validator = jsonschema::validator_for(&schema()).unwrap();
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/samples");
        let document = |path: &Path| -> Value {
            let text = std::fs::read_to_string(path).unwrap();
            let table: toml::Table = toml::from_str(&text).unwrap();
            serde_json::to_value(table).unwrap()
        };
        let mut count = 0;
        for entry in std::fs::read_dir(folder.join("valid")).unwrap() {
            let path = entry.unwrap().path();
            let errors: Vec<String> = validator
                .iter_errors(&document(&path))
                .map(|error| format!("{}: {error}", error.instance_path()))
                .collect();
            assert!(errors.is_empty(), "{}: {errors:?}", path.display());
            count += 1;
        }
        assert!(count > 3);
        for name in ["unknown-key", "wrong-type", "missing-key", "wrong-value"] {
            let path = folder.join("invalid").join(name).with_extension("toml");
            assert!(!validator.is_valid(&document(&path)), "{name}");
        }
    }
}
