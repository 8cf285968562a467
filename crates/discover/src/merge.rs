//! Adding what a configuration lacks. The text that a person wrote is only ever spliced into, so
//! every line of it stays, in its order.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use thiserror::Error;
use toml_edit::{Array, Document, InlineTable, Item, TableLike, Value};

use crate::draft::Draft;
use crate::render::{render_setting, render_table};
use crate::table::{Setting, Table, tables};

/// Keys that are added to tables that exist: a person who leaves one of the others out may mean
/// it.
const ADDED_KEYS: [&str; 4] = ["depends_on", "source", "container", "observe"];

/// Sections that a draft has.
const SECTIONS: [&str; 3] = ["service", "dependency", "suite"];

/// What a merge gave.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Merged {
    /// The whole new configuration.
    pub text: String,
    /// Tables and keys that were added, such as `service.api` and `service.web.source`.
    pub added: Vec<String>,
    /// Services, dependencies and suites that were there before.
    pub kept: usize,
}

/// Nothing can be added.
#[derive(Debug, Error, PartialEq, Eq)]
pub enum MergeError {
    /// The configuration is not TOML.
    #[error("line {line}: not valid TOML: {reason}")]
    Syntax {
        /// 1-based.
        line: usize,
        /// What is wrong, in one line.
        reason: String,
    },
    /// A section is written in a way that no table can be added to.
    #[error("line {line}: `{section}` is no section that a table can be added to")]
    Closed {
        /// `service`, `dependency` or `suite`.
        section: String,
        /// 1-based.
        line: usize,
    },
}

impl MergeError {
    /// The way out.
    pub fn hint(&self) -> &'static str {
        match self {
            Self::Syntax { .. } => "mend the file, or look at the draft with `assay init --stdout`",
            Self::Closed { .. } => "write its tables as `[service.api]`",
        }
    }
}

/// Adds to a configuration the tables of a draft that it lacks, and to tables that both have the
/// keys that say where something lives. Changes, moves and removes nothing. A second merge of
/// the same draft adds nothing.
///
/// A table counts as there if it has the name, the URL, or (a suite) the runner and a path of
/// the drafted one, and if a comment holds its header: then somebody has taken it out.
///
/// # Errors
/// When the configuration is not TOML, or a section is an inline table.
pub fn merge(existing: &str, draft: &Draft) -> Result<Merged, MergeError> {
    let document = parse(existing)?;
    let old = Old::of(&document, existing);
    let tables: Vec<Table> = tables(draft)
        .into_iter()
        .filter(|table| table.disabled.is_none())
        .collect();
    let mut plan = Plan::default();
    let names = final_names(&old, &tables);
    if document.get("project").is_none() {
        let name = Value::from(draft.project.as_str());
        plan.tables.push(format!("[project]\nname = {name}\n"));
        plan.added.push("project".to_owned());
    }
    for table in tables {
        match old.find(&table) {
            Some(name) => plan.fill(&old, &table, &name, &names),
            None if old.is_taken_out(&table) => {}
            None => {
                old.check_open(&table)?;
                plan.added.push(table.path());
                let table = with_names(table, &names);
                plan.tables.push(render_table(&table));
            }
        }
    }
    let text = plan.splice(existing);
    if let Err(MergeError::Syntax { .. }) = parse(&text) {
        let section = plan.added.first().and_then(|path| path.split('.').next());
        return Err(MergeError::Closed {
            section: section.unwrap_or_default().to_owned(),
            line: 1,
        });
    }
    Ok(Merged {
        text,
        added: plan.added,
        kept: old.entries.len(),
    })
}

fn parse(text: &str) -> Result<Document<&str>, MergeError> {
    Document::parse(text).map_err(|error| MergeError::Syntax {
        line: line_of(text, error.span().map_or(text.len(), |span| span.start)),
        reason: error.message().replace('\n', "; "),
    })
}

fn line_of(text: &str, at: usize) -> usize {
    let before = text.as_bytes().iter().take(at);
    before.filter(|byte| **byte == b'\n').count() + 1
}

/// Drafted names → names after the merge; names that will not be there are left out.
fn final_names(old: &Old<'_>, tables: &[Table]) -> BTreeMap<String, String> {
    let callable = tables.iter().filter(|table| table.section != "suite");
    callable
        .filter_map(|table| match old.find(table) {
            Some(name) => Some((table.name.clone(), name)),
            None if old.is_taken_out(table) => None,
            None => Some((table.name.clone(), table.name.clone())),
        })
        .collect()
}

/// A table that names others by what they are called after the merge.
fn with_names(mut table: Table, names: &BTreeMap<String, String>) -> Table {
    let own = table.name.clone();
    table.settings = table
        .settings
        .into_iter()
        .filter_map(|setting| renamed(setting, &own, names))
        .collect();
    table
}

fn renamed(mut setting: Setting, own: &str, names: &BTreeMap<String, String>) -> Option<Setting> {
    match (setting.key, &mut setting.value) {
        ("depends_on" | "covers", Value::Array(items)) => {
            let new: BTreeSet<&str> = items
                .iter()
                .filter_map(Value::as_str)
                .filter_map(|name| names.get(name))
                .map(String::as_str)
                .filter(|name| *name != own)
                .collect();
            setting.known.retain(|guess| {
                let name = guess.value.as_ref();
                name.is_none_or(|name| names.get(name).is_some_and(|new| *new != own))
            });
            *items = new.into_iter().collect::<Array>();
            (!items.is_empty()).then_some(setting)
        }
        ("env", Value::InlineTable(variables)) => {
            rename_urls(variables, names);
            (!variables.is_empty()).then_some(setting)
        }
        ("deploy", Value::InlineTable(deploy)) => {
            if let Some(variables) = deploy.get_mut("env").and_then(Value::as_inline_table_mut) {
                rename_urls(variables, names);
            }
            Some(setting)
        }
        _ => Some(setting),
    }
}

/// Lets addresses of services name them by what they are called after the merge; those of
/// services that will not be there are left out.
fn rename_urls(variables: &mut InlineTable, names: &BTreeMap<String, String>) {
    for (_, value) in variables.iter_mut() {
        let text = value.as_str().unwrap_or_default();
        let name = text
            .strip_prefix("{service.")
            .and_then(|rest| rest.strip_suffix(".url}"));
        let new = name.map(|name| names.get(name));
        match new {
            Some(Some(new)) => *value = format!("{{service.{new}.url}}").into(),
            Some(None) => *value = "".into(),
            None => {}
        }
    }
    variables.retain(|_, value| value.as_str() != Some(""));
    variables.fmt();
}

/// What is to be added.
#[derive(Default)]
struct Plan {
    /// Offset in the old text → text to be put there.
    inserts: BTreeMap<usize, String>,
    /// Whole tables, for the end.
    tables: Vec<String>,
    added: Vec<String>,
}

impl Plan {
    /// Adds keys to a table that is there under `name`.
    fn fill(&mut self, old: &Old<'_>, table: &Table, name: &str, names: &BTreeMap<String, String>) {
        let Some(entry) = old.entries.get(&(table.section, name.to_owned())) else {
            return;
        };
        let Some(end) = entry.end else {
            return;
        };
        for key in ADDED_KEYS {
            let setting = table.setting(key).cloned();
            let setting = setting.and_then(|setting| renamed(setting, name, names));
            let is_there = entry.item.get(key).is_some();
            if let Some(setting) = setting.filter(|_| !is_there) {
                let text = self.inserts.entry(end).or_default();
                text.push_str(&render_setting(&setting));
                self.added.push(format!("{}.{name}.{key}", table.section));
            }
        }
    }

    fn splice(&self, old: &str) -> String {
        // A file keeps the ends of lines that it came with.
        let end = if old.contains("\r\n") { "\r\n" } else { "\n" };
        let mut text = String::with_capacity(old.len());
        let mut from = 0;
        for (at, insert) in &self.inserts {
            text.push_str(&old[from..*at]);
            end_line(&mut text, end);
            text.push_str(&insert.replace('\n', end));
            from = *at;
        }
        text.push_str(&old[from..]);
        for table in &self.tables {
            end_line(&mut text, end);
            if !text.is_empty() {
                text.push_str(end);
            }
            text.push_str(&table.replace('\n', end));
        }
        text
    }
}

fn end_line(text: &mut String, end: &str) {
    if !text.is_empty() && !text.ends_with('\n') {
        text.push_str(end);
    }
}

/// The configuration as it is.
struct Old<'a> {
    text: &'a str,
    entries: BTreeMap<(&'static str, String), Entry<'a>>,
    /// Sections that are inline tables, or no tables at all, by where they stand.
    closed: BTreeMap<&'static str, usize>,
}

/// A table that is there.
struct Entry<'a> {
    item: &'a dyn TableLike,
    /// Where keys can be added: after its last line. `None` where it has no header.
    end: Option<usize>,
}

impl<'a> Old<'a> {
    fn of(document: &'a Document<&str>, text: &'a str) -> Self {
        let (mut entries, mut closed) = (BTreeMap::new(), BTreeMap::new());
        for section in SECTIONS {
            let Some(item) = document.get(section) else {
                continue;
            };
            let table = item.as_table_like();
            if item.as_table().is_none() {
                closed.insert(section, item.span().map_or(0, |span| span.start));
            }
            for (name, item) in table.into_iter().flat_map(|table| table.iter()) {
                if let Some(own) = item.as_table_like() {
                    let end = end_of(item, text);
                    entries.insert((section, name.to_owned()), Entry { item: own, end });
                }
            }
        }
        Self {
            text,
            entries,
            closed,
        }
    }

    /// The name under which a drafted table is there.
    fn find(&self, table: &Table) -> Option<String> {
        let same_name = |section: &&&str| {
            let key = (**section, table.name.clone());
            self.entries.contains_key(&key)
        };
        // Services and dependencies share their names.
        let sections: &[&'static str] = match table.section {
            "suite" => &["suite"],
            _ => &["service", "dependency"],
        };
        if sections.iter().any(|section| same_name(&section)) {
            return Some(table.name.clone());
        }
        let same = self
            .entries
            .iter()
            .filter(|((section, _), _)| sections.contains(section))
            .find(|(_, entry)| is_same(entry.item, table));
        same.map(|((_, name), _)| name.clone())
    }

    /// Whether a comment holds the header of a table.
    fn is_taken_out(&self, table: &Table) -> bool {
        let header = format!("[{}]", table.path());
        self.text.lines().any(|line| {
            let comment = line.trim_start().strip_prefix('#');
            comment.is_some_and(|comment| comment.contains(&header))
        })
    }

    fn check_open(&self, table: &Table) -> Result<(), MergeError> {
        match self.closed.get(table.section) {
            None => Ok(()),
            Some(at) => Err(MergeError::Closed {
                section: table.section.to_owned(),
                line: line_of(self.text, *at),
            }),
        }
    }
}

/// Whether a table of another name means the same: the same address, or the same tests.
fn is_same(old: &dyn TableLike, table: &Table) -> bool {
    let text = |key: &str| old.get(key).and_then(Item::as_str);
    if table.section != "suite" {
        let own = table
            .setting("url")
            .and_then(|setting| setting.value.as_str());
        return matches!((text("url"), own), (Some(old), Some(own)) if place(old) == place(own));
    }
    let runner = table.setting("runner");
    if text("runner") != runner.and_then(|setting| setting.value.as_str()) {
        return false;
    }
    let paths = |array: Option<&Array>| -> BTreeSet<String> {
        let items = array.into_iter().flat_map(Array::iter);
        items
            .filter_map(Value::as_str)
            .map(|path| path.trim_end_matches('/').to_owned())
            .collect()
    };
    let own = table
        .setting("paths")
        .and_then(|setting| setting.value.as_array());
    !paths(old.get("paths").and_then(Item::as_array)).is_disjoint(&paths(own))
}

/// An address as far as it says where something is: without the user, and one spelling of this
/// machine.
fn place(url: &str) -> String {
    let (scheme, rest) = url.split_once("://").unwrap_or(("", url));
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let address = authority.rsplit('@').next().unwrap_or_default();
    let address = address
        .replace("localhost", "127.0.0.1")
        .to_ascii_lowercase();
    let scheme = match scheme {
        "postgresql" => "postgres",
        scheme => scheme,
    };
    format!("{scheme}://{address}")
}

/// After the line of the last key of a table that has a header; sub-tables with headers of
/// their own come after it.
fn end_of(item: &Item, text: &str) -> Option<usize> {
    let table = item.as_table()?;
    if table.is_implicit() || table.is_dotted() {
        return None;
    }
    let header: Range<usize> = table.span()?;
    let values = table.get_values();
    let ends = values
        .iter()
        .filter_map(|(_, value)| Some(value.span()?.end));
    let last = ends.max().unwrap_or(header.start);
    let rest = text.get(last..)?;
    Some(rest.find('\n').map_or(text.len(), |at| last + at + 1))
}
