//! The chat page.

use crate::e2e::case::{Case, cases};
use crate::e2e::context::{Outcome, Target, Test};

pub(super) fn cases() -> Vec<Case> {
    cases! {
        "frontend", risk 900.0 "the page does not open";
        P2 ["frontend"] page_carries_its_configuration,
        P3 ["frontend"] configuration_names_the_services,
        P4 ["frontend"] static_files_are_served_and_nothing_else,
    }
}

async fn page_carries_its_configuration(test: &Test) -> Outcome {
    let page = test.get(Target::Frontend, "/", None).await?;
    page.expect(test, 200)?;
    test.holds(
        "the page has a login form",
        page.text.contains("<form id=\"login\">"),
    )?;
    test.holds(
        "the page names the backend",
        page.text.contains("\"backend_url\":\"http"),
    )?;
    test.holds(
        "the placeholder is filled",
        !page.text.contains("{{config}}"),
    )
}

async fn configuration_names_the_services(test: &Test) -> Outcome {
    let config = test.get(Target::Frontend, "/config.json", None).await?;
    config.expect(test, 200)?;
    for key in ["auth_url", "backend_url"] {
        let url = config.text_at(test, key)?;
        test.holds(format!("{key} is an address"), url.starts_with("http"))?;
    }
    test.equal(
        "client_id",
        config.text_at(test, "client_id")?,
        "web".to_owned(),
    )
}

async fn static_files_are_served_and_nothing_else(test: &Test) -> Outcome {
    let script = test.get(Target::Frontend, "/static/chat.js", None).await?;
    script.expect(test, 200)?;
    test.holds(
        "the page logs in with PKCE",
        script.text.contains("code_challenge"),
    )?;
    test.get(Target::Frontend, "/static/chat.css", None)
        .await?
        .expect(test, 200)?;
    for path in [
        "/static/../main.rhai",
        "/static/none.js",
        "/static/",
        "/main.rhai",
    ] {
        test.get(Target::Frontend, path, None)
            .await?
            .expect(test, 404)?;
    }
    Ok(())
}
