//! `[audit]`. Owners, environments, scores and versions are checked and not yet used.

use std::collections::BTreeSet;

use assay_model::{AuditRules, Boundary};

use crate::claim::ClaimKind;
use crate::table::{Field, Table};

/// Reads the section; `None` where nothing usable is there, which is then a problem already.
pub(crate) fn read(field: &Field<'_>) -> Option<AuditRules> {
    let table = field.table()?;
    let exclude = table.optional("exclude").and_then(|field| field.strings());
    if let Some(scores) = table.optional("min_score").and_then(|field| field.table()) {
        for scope in ["production", "tests"] {
            scores
                .optional(scope)
                .and_then(|field| field.float(0.0..=1.0));
        }
        scores.finish();
    }
    if let Some(version) = table.optional("python") {
        check_version(&version);
    }
    let boundaries = table
        .optional("boundary")
        .map(|field| field.tables())
        .unwrap_or_default();
    let boundaries = read_boundaries(boundaries);
    for owner in table
        .optional("owner")
        .map(|field| field.tables())
        .unwrap_or_default()
    {
        check_owner(owner);
    }
    for rule in table
        .optional("environment")
        .map(|field| field.tables())
        .unwrap_or_default()
    {
        rule.required("name").and_then(|field| field.string());
        rule.required("only_in").and_then(|field| field.strings());
        rule.finish();
    }
    table.finish();
    Some(AuditRules {
        exclude: exclude.unwrap_or_default(),
        boundaries,
    })
}

fn check_version(field: &Field<'_>) {
    let is_version = |text: &str| {
        let parts: Vec<&str> = text.split('.').collect();
        (2..=3).contains(&parts.len()) && parts.iter().all(|part| part.parse::<u16>().is_ok())
    };
    if field.text().is_some_and(|text| !is_version(&text.value)) {
        field.wrong(
            "is not a version",
            "expected a version such as \"3.11\"",
            None,
        );
    }
}

fn check_owner(owner: Table<'_>) {
    owner.required("name").and_then(|field| field.string());
    owner
        .required("owner")
        .and_then(|field| field.path(ClaimKind::Folder));
    let imports = owner.optional("imports").and_then(|field| field.strings());
    let calls = owner.optional("calls").and_then(|field| field.strings());
    if imports.is_none() && calls.is_none() {
        owner.reader().problem(
            owner.span(),
            "an [[audit.owner]] owns nothing",
            "expected `imports`, `calls` or both",
            None,
        );
    }
    owner.finish();
}

fn read_boundaries(tables: Vec<Table<'_>>) -> Vec<Boundary> {
    let mut names = BTreeSet::new();
    let mut boundaries = Vec::new();
    for table in tables {
        if let Some(field) = table.required("name")
            && let Some(name) = field.string()
            && !names.insert(name)
        {
            field.wrong("is the name of another boundary", "the second time", None);
        }
        boundaries.push(boundary(table));
    }
    boundaries
}

fn boundary(table: Table<'_>) -> Boundary {
    let name = table
        .optional("name")
        .and_then(|field| field.text())
        .map(|text| text.value);
    let independent = table.optional("independent");
    let from = table.optional("from");
    let forbid = table.optional("forbid");
    let problem = match (&independent, &from, &forbid) {
        (Some(_), None, None) | (None, Some(_), Some(_)) => None,
        (Some(_), _, _) => Some("expected `independent` alone, or `from` with `forbid`"),
        (None, Some(_), None) => Some("`from` needs `forbid`"),
        (None, None, Some(_)) => Some("`forbid` needs `from`"),
        (None, None, None) => Some("expected `independent`, or `from` with `forbid`"),
    };
    if let Some(label) = problem {
        table.reader().problem(
            table.span(),
            "an [[audit.boundary]] is not a rule",
            label,
            None,
        );
    }
    let folders = independent
        .as_ref()
        .and_then(|field| field.paths(ClaimKind::Folder));
    if let (Some(field), Some(folders)) = (&independent, &folders)
        && folders.len() < 2
    {
        field.wrong("names fewer than two folders", "independent of what?", None);
    }
    let from = from.and_then(|field| field.path(ClaimKind::Folder));
    let forbid = forbid.and_then(|field| field.strings());
    let at = table.reader().place(&table.span());
    table.finish();
    Boundary {
        name: name.unwrap_or_default(),
        independent: folders.unwrap_or_default(),
        from,
        forbid: forbid.unwrap_or_default(),
        at,
    }
}
