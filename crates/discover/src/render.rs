//! The commented configuration.

use toml_edit::{Array, Key, Value};

use crate::clue::Origin;
use crate::draft::{Draft, Guess, Sureness};
use crate::table::{Setting, Table, tables};

/// Columns that text is kept in, where a value can be broken at all.
const COLUMNS: usize = 80;

/// What a reader looks for after having read everything else.
const LOOK: &str = "# check this";

/// What a service looks like, for a repository that shows none.
const EXAMPLE: &str = r#"# [service.NAME]
# url = "http://127.0.0.1:8000"
# probe = { http = "/health" }
# depends_on = []
# source = ["services/api"]
"#;

impl Draft {
    /// The draft as a configuration with comments that `assay check` accepts.
    pub fn render(&self) -> String {
        let tables = tables(self);
        let mut out = header(self, &tables);
        out.push_str("\n[project]\n");
        out.push_str(&line("name", &Value::from(self.project.as_str())));
        out.push_str(&secrets(self));
        out.push_str(
            "\n# The first environment is the default. One that is protected, as every one is\n\
             # unless it says otherwise, is only changed with --approve.\n\
             # [environment.local]\n\
             # protected = false\n",
        );
        if tables.iter().all(|table| table.section != "service") {
            out.push_str("\n# Nothing that runs was found. A service looks like this:\n");
            out.push_str(EXAMPLE);
        }
        for table in &tables {
            out.push('\n');
            out.push_str(&render_table(table));
        }
        out
    }
}

fn header(draft: &Draft, tables: &[Table]) -> String {
    let count = |section: &str, disabled: bool| {
        tables
            .iter()
            .filter(|table| table.section == section && table.disabled.is_some() == disabled)
            .count()
    };
    let mut out = comment("Drafted by `assay init` from what the repository says of itself.");
    out.push_str("#\n");
    let off = ["service", "dependency", "suite"].map(|section| count(section, true));
    let off: usize = off.iter().sum();
    let mut found = format!(
        "Found: {}, {}, {}.",
        plural(count("service", false), "service", "services"),
        plural(count("dependency", false), "dependency", "dependencies"),
        plural(count("suite", false), "suite", "suites"),
    );
    if off > 0 {
        found.push_str(&format!(
            " {} more only as {}, each with the reason.",
            off,
            if off == 1 { "a comment" } else { "comments" }
        ));
    }
    out.push_str(&comment(&found));
    for note in &draft.notes {
        out.push_str(&wrapped("# - ", "#   ", note));
    }
    out.push_str(
        "#\n\
         # Each value says where it comes from and how sure that is: certain (a file says\n\
         # so), likely (a convention that seldom fails) or guess (resemblance only; these\n\
         # end in \"check this\"). What is only watched tells at its head what is not\n\
         # certain.\n\
         #\n\
         # Next:  assay check    is this file right, and does it fit the repository?\n\
         #        assay doctor   what is missing on this machine?\n\
         #        assay ready    what answers, and how fast?\n",
    );
    out
}

/// Names of variables whose values are to be kept out of evidence.
fn secrets(draft: &Draft) -> String {
    /// Past these a person writes the list better.
    const SECRETS_MAX: usize = 12;
    let Some(first) = draft.secrets.first() else {
        return String::new();
    };
    let total = draft.secrets.len();
    let mut files: Vec<String> = Vec::new();
    for secret in &draft.secrets {
        let file = secret.origin.as_ref().map(|origin| origin.file.clone());
        files.extend(file.filter(|file| !files.contains(file)));
    }
    let mut about = format!(
        "from {}, names that smell of secrets ({}): their values are kept out of evidence",
        crate::draft::list(&files),
        first.sureness.word()
    );
    if total > SECRETS_MAX {
        about.push_str(&format!("; the first {SECRETS_MAX} of {total}"));
    }
    let names = draft.secrets.iter().take(SECRETS_MAX);
    let names: Array = names.map(|secret| secret.value.as_str()).collect();
    comment(&about) + &line("secrets", &Value::Array(names))
}

fn plural(count: usize, one: &str, many: &str) -> String {
    match count {
        1 => format!("1 {one}"),
        count => format!("{count} {many}"),
    }
}

/// One table with its comments; all of it as a comment if it is disabled.
pub(crate) fn render_table(table: &Table) -> String {
    let head = format!("[{}.{}]\n", table.section, key(&table.name));
    if let (Some(unasked), None) = (&table.unasked, &table.disabled) {
        let lines = table.settings.iter();
        let lines = lines.map(|setting| line(setting.key, &setting.value));
        return watched(table, unasked) + &head + &lines.collect::<String>();
    }
    let mut out = with_look(&about(table), is_guess(table));
    if let Some(reason) = &table.disabled {
        out.push_str(&comment(&format!("Left as a comment: {reason}")));
    }
    for remark in &table.remarks {
        out.push_str(&comment(remark));
    }
    if table.disabled.is_none() {
        out.push_str(&head);
        // A table of its own holds what one line does not; it ends the keys before it.
        let (long, short): (Vec<&Setting>, Vec<&Setting>) =
            table.settings.iter().partition(|setting| is_long(setting));
        out.extend(short.into_iter().map(render_setting));
        out.extend(long.into_iter().map(|setting| render_below(table, setting)));
        return out;
    }
    let mut body = head;
    if table.section == "service" && table.setting("url").is_none() {
        body.push_str("url = \"http://127.0.0.1:PORT\"\n");
    }
    for setting in &table.settings {
        body.push_str(&line(setting.key, &setting.value));
    }
    out.extend(body.lines().map(|line| format!("# {line}\n")));
    out
}

/// Where a table comes from, and what kind of store it is.
fn about(table: &Table) -> String {
    let mut about = format!("from {}", place(Some(&table.origin)));
    if let Some(kind) = &table.kind {
        let other = kind.origin.as_ref().filter(|other| **other != table.origin);
        let other = other.map(|other| format!(", {}", place(Some(other))));
        about.push_str(&format!(
            ": {} by {}{} ({})",
            kind.value,
            kind.why,
            other.unwrap_or_default(),
            kind.sureness.word()
        ));
    }
    about
}

fn is_guess(table: &Table) -> bool {
    let kind = table.kind.as_ref();
    kind.is_some_and(|kind| kind.sureness == Sureness::Guess)
}

/// The comment of a table that is only watched: few lines, as a stack may have fifty of them.
fn watched(table: &Table, unasked: &str) -> String {
    /// Lines of the comment, at most.
    const LINES_MAX: usize = 3;
    let head = with_look(&format!("{}; {unasked}", about(table)), is_guess(table));
    for shown in (0..=doubts(table).len()).rev() {
        let text = head.clone() + &doubtful(table, shown);
        if text.lines().count() <= LINES_MAX || shown == 0 {
            return text;
        }
    }
    head
}

/// Each part of a table that is not certain.
fn doubts(table: &Table) -> Vec<(Sureness, String)> {
    let mut doubts = Vec::new();
    for setting in &table.settings {
        for guess in &setting.known {
            let text = match &guess.value {
                Some(name) => format!("{name} by {}", guess.why),
                None => format!("{} by {}", setting.key, guess.why),
            };
            doubts.push((guess.sureness, text));
        }
    }
    doubts.retain(|(sureness, _)| *sureness != Sureness::Certain);
    doubts.sort_by_key(|(sureness, _)| *sureness);
    doubts
}

/// The first `shown` of them as a comment.
fn doubtful(table: &Table, shown: usize) -> String {
    let doubts = doubts(table);
    let mut parts: Vec<String> = Vec::new();
    for together in doubts[..shown].chunk_by(|one, other| one.0 == other.0) {
        let texts: Vec<&str> = together.iter().map(|(_, text)| text.as_str()).collect();
        parts.push(format!("{}: {}", together[0].0.word(), texts.join(", ")));
    }
    if parts.is_empty() {
        return String::new();
    }
    let mut text = parts.join("; ");
    if shown < doubts.len() {
        text.push_str(&format!(" and {} more", doubts.len() - shown));
    }
    let has_guess = doubts
        .iter()
        .any(|(sureness, _)| *sureness == Sureness::Guess);
    with_look(&text, has_guess)
}

/// One key with its comment.
pub(crate) fn render_setting(setting: &Setting) -> String {
    let mut out = known(setting);
    if let Some((needs, value)) = &setting.instead {
        out.push_str(&comment(needs));
        let other = line(setting.key, value);
        out.extend(other.lines().map(|line| format!("# {line}\n")));
    }
    out.push_str(&line(setting.key, &setting.value));
    out
}

/// Whether a value is a table that one line does not hold.
fn is_long(setting: &Setting) -> bool {
    let line = line(setting.key, &setting.value);
    setting.value.is_inline_table() && line.trim_end().chars().count() > COLUMNS
}

/// One key as a table below that of its service.
fn render_below(table: &Table, setting: &Setting) -> String {
    let mut out = format!("\n{}", known(setting));
    let (name, own) = (key(&table.name), key(setting.key));
    out.push_str(&format!("[{}.{name}.{own}]\n", table.section));
    let entries = setting.value.as_inline_table().into_iter().flatten();
    out.extend(entries.map(|(key, value)| line(key, &value.clone().decorated("", ""))));
    out
}

/// What is known of a value, as a comment.
fn known(setting: &Setting) -> String {
    let mut parts: Vec<String> = Vec::new();
    // Parts that one place tells of are told together.
    let same = |a: &Guess<_>, b: &Guess<_>| (&a.origin, a.sureness) == (&b.origin, b.sureness);
    for together in setting.known.chunk_by(same) {
        parts.push(source(together));
    }
    let is_guess = |guess: &Guess<Option<String>>| guess.sureness == Sureness::Guess;
    with_look(&parts.join("; "), setting.known.iter().any(is_guess))
}

/// `from compose.yml:3, its published port (certain)`, or, of the parts of a value,
/// `from compose.yml:3: auth by AUTH_URL, db by depends_on (certain)`.
fn source(together: &[Guess<Option<String>>]) -> String {
    let Some(first) = together.first() else {
        return String::new();
    };
    let reasons: Vec<String> = together
        .iter()
        .map(|guess| match &guess.value {
            Some(name) => format!("{name} by {}", guess.why),
            None => guess.why.clone(),
        })
        .collect();
    let (reasons, sure) = (reasons.join(", "), first.sureness.word());
    let mark = if first.value.is_some() { ":" } else { "," };
    match &first.origin {
        Some(origin) => format!("from {}{mark} {reasons} ({sure})", place(Some(origin))),
        None => format!("{reasons} ({sure})"),
    }
}

fn place(origin: Option<&Origin>) -> String {
    match origin {
        Some(Origin { file, line: 0 }) => file.clone(),
        Some(Origin { file, line }) => format!("{file}:{line}"),
        None => String::new(),
    }
}

/// `key = value`, an array that is too long over several lines.
fn line(key_text: &str, value: &Value) -> String {
    let key = key(key_text);
    let line = format!("{key} = {value}\n");
    match value {
        Value::Array(items) if line.trim_end().chars().count() > COLUMNS => {
            format!("{key} = {}\n", spread(items))
        }
        _ => line,
    }
}

fn spread(items: &Array) -> String {
    let lines = items.iter().map(|item| {
        let item = item.clone().decorated("", "");
        format!("    {item},\n")
    });
    format!("[\n{}]", lines.collect::<String>())
}

fn key(name: &str) -> String {
    Key::new(name).display_repr().into_owned()
}

fn comment(text: &str) -> String {
    wrapped("# ", "# ", text)
}

/// A comment that ends in the call to look, if a person should.
fn with_look(text: &str, look: bool) -> String {
    let mut out = comment(text);
    if look {
        out.pop();
        let last = out.rsplit('\n').next().unwrap_or_default().chars().count();
        let fits = last + 1 + LOOK.len() <= COLUMNS;
        out.push_str(if fits { " " } else { "\n" });
        out.push_str(LOOK);
        out.push('\n');
    }
    out
}

/// `text` in lines of [`COLUMNS`], the first after `first`, the others after `next`. Characters
/// that a comment may not hold are shown as `?`.
fn wrapped(first: &str, next: &str, text: &str) -> String {
    let text: String = text
        .chars()
        .map(|c| if c.is_control() { '?' } else { c })
        .collect();
    let mut out = String::new();
    let mut line = first.to_owned();
    let mut is_empty = true;
    for word in text.split(' ').filter(|word| !word.is_empty()) {
        if !is_empty && line.chars().count() + 1 + word.chars().count() > COLUMNS {
            out.push_str(line.trim_end());
            out.push('\n');
            line = next.to_owned();
            is_empty = true;
        }
        if !is_empty {
            line.push(' ');
        }
        line.push_str(word);
        is_empty = false;
    }
    out.push_str(line.trim_end());
    out.push('\n');
    out
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn comments_are_wrapped() {
        let text = wrapped("# - ", "#   ", &"word ".repeat(20));
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines.len(), 2);
        assert!(lines[0].starts_with("# - word"));
        assert!(lines[1].starts_with("#   word"));
        assert!(lines.iter().all(|line| line.chars().count() <= COLUMNS));
    }

    proptest! {
        #[test]
        fn any_text_is_a_comment(text in "\\PC{0,30}[\\x00-\\x1f\\x7f\\x85]{0,3}\\PC{0,120}") {
            for look in [true, false] {
                let comment = with_look(&text, look);
                prop_assert!(comment.parse::<toml_edit::DocumentMut>().is_ok(), "{comment:?}");
            }
        }
    }
}
