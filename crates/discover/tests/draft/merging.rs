//! Adding to what a person wrote.

use assay_discover::{Clues, Draft, MergeError, merge};
use insta::assert_snapshot;
use proptest::prelude::*;

use crate::build::*;

const OWN: &str = r#"# our shop
[project]
name = "our shop"   # keep

[service.api]       # the heart
url = "http://localhost:8000"   # as ever
probe = { http = "/mine" }
[service.api.deploy]
driver = "process"
command = ["./run"]

# [service.auth] moved to another team

[dependency.db]
"#;

fn draft() -> Draft {
    Draft::from_clues(&shop(), "shop")
}

/// Every line of `old` is in `new`, in its order.
fn keeps(old: &str, new: &str) -> bool {
    let mut lines = new.lines();
    old.lines().all(|line| lines.any(|other| other == line))
}

#[test]
fn what_is_missing_is_added() {
    let merged = merge(OWN, &draft()).unwrap();
    assert!(keeps(OWN, &merged.text), "{}", merged.text);
    assert_eq!(merged.kept, 2);
    assert_snapshot!(format!(
        "{}\n----\n{}",
        merged.added.join("\n"),
        merged.text
    ));
}

#[test]
fn a_second_merge_adds_nothing() {
    for old in ["", OWN, "[project]\nname = \"x\"", &draft().render()] {
        let once = merge(old, &draft()).unwrap();
        let twice = merge(&once.text, &draft()).unwrap();
        assert_eq!(twice.added, Vec::<String>::new(), "{}", once.text);
        assert_eq!(twice.text, once.text);
    }
}

#[test]
fn a_draft_has_nothing_to_add_to_itself() {
    for clues in [shop(), Clues::default()] {
        let draft = Draft::from_clues(&clues, "shop");
        let merged = merge(&draft.render(), &draft).unwrap();
        assert_eq!(merged.added, Vec::<String>::new());
    }
}

#[test]
fn a_renamed_service_is_known_by_its_address() {
    let old = "[project]\nname = \"x\"\n[service.backend]\nurl = \"http://localhost:8000/\"\n";
    let merged = merge(old, &draft()).unwrap();
    assert!(
        !merged.added.contains(&"service.shop-api".to_owned()),
        "{:?}",
        merged.added
    );
    let table: toml::Table = toml::from_str(&merged.text).unwrap();
    let web = table["service"]["web"]["depends_on"].to_string();
    assert_eq!(web, r#"["backend"]"#);
}

#[test]
fn a_drafted_name_that_is_taken_out_is_not_called() {
    let old = "[project]\nname = \"x\"\n#[service.auth]\n# [dependency.cache]\n";
    let merged = merge(old, &draft()).unwrap();
    let table: toml::Table = toml::from_str(&merged.text).unwrap();
    let api = table["service"]["shop-api"]["depends_on"].to_string();
    assert_eq!(api, r#"["db"]"#);
    let suite = table["suite"]["e2e"]["env"].to_string();
    assert!(!suite.contains("auth"), "{suite}");
}

#[test]
fn ends_of_lines_are_kept() {
    let old = OWN.replace('\n', "\r\n");
    let merged = merge(&old, &draft()).unwrap();
    assert!(merged.text.starts_with("# our shop\r\n"));
    assert_eq!(
        merged.text.matches('\n').count(),
        merged.text.matches("\r\n").count()
    );
}

#[test]
fn broken_files_are_refused_with_their_line() {
    let error = merge("[project]\nname = \n", &draft()).unwrap_err();
    assert!(
        matches!(error, MergeError::Syntax { line: 2, .. }),
        "{error:?}"
    );
    let error = merge("[project]\nname = \"x\"\nx = [\n", &draft()).unwrap_err();
    assert!(matches!(error, MergeError::Syntax { .. }), "{error:?}");
    let error = merge("service = {}\n[project]\nname = \"x\"", &draft()).unwrap_err();
    assert!(
        matches!(error, MergeError::Closed { line: 1, .. }),
        "{error:?}"
    );
}

#[test]
fn dotted_and_inline_tables_are_left_alone() {
    for old in [
        "service.api.url = \"http://127.0.0.1:8000\"\n[project]\nname = \"x\"\n",
        "[service]\napi = { url = \"http://127.0.0.1:8000\" }\n",
        "[service]\napi.url = \"http://127.0.0.1:8000\"\n[dependency]\n",
    ] {
        let merged = merge(old, &draft()).unwrap();
        assert!(keeps(old, &merged.text), "{}", merged.text);
        let table: toml::Table = toml::from_str(&merged.text).unwrap();
        assert!(
            table["service"].get("shop-api").is_none(),
            "{}",
            merged.text
        );
        assert!(table["service"].get("web").is_some(), "{}", merged.text);
    }
}

/// A line that may stand in a table of a configuration.
fn own_line() -> impl Strategy<Value = String> {
    let key = "url|source|depends_on|risk|[a-z]{1,6}";
    let value = "\"[a-z ]{0,5}\"|[0-9]{1,3}|\\[ *\"x\" *\\]|\\{ a = 1 \\}|\"\"\"\na # b\n\"\"\"";
    let pair = (key, value).prop_map(|(key, value)| format!("{key} = {value}"));
    let comment = "#[ a-z]{0,8}| *| *# \\[service\\.auth\\]";
    let header = "\\[service\\.(web|shop-api|x)\\]|\\[dependency\\.(db|cache)\\]|\\[suite\\.e2e\\] # z|\\[service\\.web\\.risk\\]";
    prop_oneof![pair, comment, header]
}

proptest! {
    #[test]
    fn every_line_stays_in_its_order(
        lines in prop::collection::vec(own_line(), 0..12),
        ends in "(\n)?",
    ) {
        let old = lines.join("\n") + &ends;
        match merge(&old, &draft()) {
            Ok(merged) => {
                prop_assert!(keeps(&old, &merged.text), "{}\n----\n{}", old, merged.text);
                let before: toml::Table = toml::from_str(&old).unwrap();
                let after: Result<toml::Table, _> = toml::from_str(&merged.text);
                prop_assert!(after.is_ok(), "{after:?}\n{}", merged.text);
                prop_assert!(holds(&after.unwrap(), &before), "{}", merged.text);
                let twice = merge(&merged.text, &draft()).unwrap();
                prop_assert_eq!(twice.text, merged.text);
            }
            Err(MergeError::Syntax { line, .. }) => {
                prop_assert!(toml::from_str::<toml::Table>(&old).is_err());
                prop_assert!(line >= 1);
            }
            Err(MergeError::Closed { .. }) => {}
        }
    }
}

/// Whether every value of `before` is in `after`, unchanged.
fn holds(after: &toml::Table, before: &toml::Table) -> bool {
    before
        .iter()
        .all(|(key, value)| match (value, after.get(key)) {
            (toml::Value::Table(before), Some(toml::Value::Table(after))) => holds(after, before),
            (value, after) => after == Some(value),
        })
}
