//! One page of Markdown that also reads well as plain text.

use crate::text::{Excerpt, longest_run};

/// Columns of prose. Tables and literal excerpts may be wider.
const COLUMNS_MAX: usize = 100;

/// Columns to which a cell is padded; wider cells stand as they are.
const CELL_COLUMNS_MAX: usize = 44;

/// What the next item of a list follows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum List {
    /// No item.
    #[default]
    None,
    /// An item with a dash.
    Dashed,
    /// An item with a number.
    Numbered,
    /// Something that belongs to an item and stands in a block of its own.
    Under,
}

/// Collects Markdown, block by block. What is given to it is Markdown already.
#[derive(Debug, Default)]
pub(crate) struct Page {
    out: String,
    list: List,
    indent: usize,
}

impl Page {
    /// A heading; `level` is the number of `#`.
    pub(crate) fn heading(&mut self, level: usize, text: &str) {
        self.block();
        self.out
            .push_str(&format!("{} {text}\n", "#".repeat(level)));
    }

    /// A paragraph.
    pub(crate) fn para(&mut self, text: &str) {
        self.block();
        self.wrap(text, "", "");
    }

    /// An item of a list; items follow each other without a gap.
    pub(crate) fn bullet(&mut self, text: &str) {
        self.item(text, "- ", List::Dashed);
    }

    /// An item of a numbered list.
    pub(crate) fn numbered(&mut self, n: usize, text: &str) {
        let mark = format!("{n}. ");
        self.item(text, &mark, List::Numbered);
    }

    /// A paragraph inside the item before it.
    pub(crate) fn under(&mut self, text: &str) {
        let pad = " ".repeat(self.indent);
        self.out.push('\n');
        self.list = List::Under;
        self.wrap(text, &pad, &pad);
    }

    /// A literal excerpt, behind a fence that nothing in it can close.
    pub(crate) fn fence(&mut self, language: &str, excerpt: &Excerpt) {
        self.block();
        self.fenced(language, excerpt, "");
    }

    /// A literal excerpt inside the item before it.
    pub(crate) fn fence_under(&mut self, language: &str, excerpt: &Excerpt) {
        let pad = " ".repeat(self.indent);
        self.out.push('\n');
        self.list = List::Under;
        self.fenced(language, excerpt, &pad);
    }

    fn fenced(&mut self, language: &str, excerpt: &Excerpt, pad: &str) {
        let ticks = "`".repeat(longest_run(&excerpt.text, '`').max(2) + 1);
        self.out.push_str(&format!("{pad}{ticks}{language}\n"));
        for line in excerpt.text.lines() {
            if !line.is_empty() {
                self.out.push_str(pad);
                self.out.push_str(line);
            }
            self.out.push('\n');
        }
        self.out.push_str(&format!("{pad}{ticks}\n"));
    }

    /// A table. Rows have as many cells as there are `headers`.
    pub(crate) fn table(&mut self, headers: &[&str], rows: &[Vec<String>]) {
        self.block();
        let rows: Vec<Vec<String>> = rows
            .iter()
            .map(|row| row.iter().map(|cell| cell.replace('|', "\\|")).collect())
            .collect();
        let width = |column: usize| {
            rows.iter()
                .filter_map(|row| row.get(column))
                .map(|cell| cell.chars().count())
                .chain([headers[column].chars().count(), 3])
                .max()
                .unwrap_or(3)
                .min(CELL_COLUMNS_MAX)
        };
        let last = headers.len().saturating_sub(1);
        let mut widths: Vec<usize> = (0..headers.len()).map(width).collect();
        if let Some(width) = widths.last_mut() {
            *width = headers[last].chars().count().max(3);
        }
        let mut line = |cells: &mut dyn Iterator<Item = &str>| {
            for (column, cell) in cells.enumerate() {
                // The last column is not padded: nothing has to line up behind it.
                let width = if column == last { 0 } else { widths[column] };
                self.out.push_str(&format!("| {cell:width$} "));
            }
            self.out.push_str("|\n");
        };
        line(&mut headers.iter().copied());
        let rules: Vec<String> = widths.iter().map(|width| "-".repeat(*width)).collect();
        line(&mut rules.iter().map(String::as_str));
        for row in &rows {
            line(&mut row.iter().map(String::as_str));
        }
    }

    /// Lines as they are.
    pub(crate) fn raw(&mut self, lines: &[String]) {
        self.block();
        for line in lines {
            self.out.push_str(line);
            self.out.push('\n');
        }
    }

    /// The page.
    pub(crate) fn finish(self) -> String {
        self.out
    }

    fn block(&mut self) {
        if !self.out.is_empty() {
            self.out.push('\n');
        }
        self.list = List::None;
    }

    fn item(&mut self, text: &str, mark: &str, list: List) {
        if self.list != list {
            self.block();
        }
        self.list = list;
        self.indent = mark.len();
        self.wrap(text, mark, &" ".repeat(mark.len()));
    }

    fn wrap(&mut self, text: &str, first: &str, rest: &str) {
        let mut line = first.to_owned();
        let mut width = line.chars().count();
        let mut fresh = true;
        for token in unbroken(text) {
            let length = token.chars().count();
            if !fresh && width + 1 + length > COLUMNS_MAX && may_start_a_line(token) {
                self.out.push_str(line.trim_end());
                self.out.push('\n');
                rest.clone_into(&mut line);
                width = line.chars().count();
                fresh = true;
            }
            if !fresh {
                line.push(' ');
                width += 1;
            }
            line.push_str(token);
            width += length;
            fresh = false;
        }
        self.out.push_str(line.trim_end());
        self.out.push('\n');
    }
}

/// The pieces of `text` between spaces, code spans in one piece: what is copied out of one must
/// not hold a line break.
fn unbroken(text: &str) -> Vec<&str> {
    let bytes = text.as_bytes();
    let ticks = |from: usize| {
        bytes[from..]
            .iter()
            .take_while(|byte| **byte == b'`')
            .count()
    };
    let mut tokens = Vec::new();
    let (mut start, mut at) = (0, 0);
    while at < bytes.len() {
        match bytes[at] {
            b'\\' => at += 2,
            b'`' => {
                let run = ticks(at);
                let mut end = at + run;
                while end < bytes.len() && ticks(end) != run {
                    end += ticks(end).max(1);
                }
                // Ticks that nothing closes are text.
                at = if end < bytes.len() {
                    end + run
                } else {
                    at + run
                };
            }
            b' ' => {
                tokens.push(&text[start..at]);
                at += 1;
                start = at;
            }
            _ => at += 1,
        }
    }
    tokens.push(&text[start..]);
    tokens
}

/// Whether a line may begin with `token` without Markdown taking it for a list, a heading, a
/// rule or a fence.
fn may_start_a_line(token: &str) -> bool {
    let Some(first) = token.chars().next() else {
        return false;
    };
    let enumerates =
        token.ends_with(['.', ')']) && token[..token.len() - 1].chars().all(|c| c.is_ascii_digit());
    let opens = matches!(first, '(' | '[' | '"' | '\'' | '\\' | '…')
        || (first == '`' && !token.starts_with("```"))
        || (first == '*' && token.len() > 2 && token.starts_with("**"));
    (first.is_alphanumeric() && !enumerates) || opens
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::text::{Bounds, head};

    fn check(write: impl Fn(&mut Page), expected: &str) {
        let mut page = Page::default();
        write(&mut page);
        assert_eq!(page.finish(), expected);
    }

    #[test]
    fn blocks_are_one_blank_line_apart() {
        check(
            |page| {
                page.heading(2, "H");
                page.para("text");
                page.bullet("a");
                page.bullet("b");
                page.para("end");
            },
            "## H\n\ntext\n\n- a\n- b\n\nend\n",
        );
    }

    #[test]
    fn prose_is_wrapped_but_never_into_another_block() {
        let long = format!("{} - 1. # word {}", "x".repeat(95), "y".repeat(80));
        check(
            |page| page.bullet(&long),
            &format!("- {} - 1. #\n  word {}\n", "x".repeat(95), "y".repeat(80)),
        );
    }

    #[test]
    fn a_code_span_is_never_broken() {
        let long = format!("{} `a b` and \\` c", "x".repeat(97));
        check(
            |page| page.para(&long),
            &format!("{}\n`a b` and \\` c\n", "x".repeat(97)),
        );
        assert_eq!(
            unbroken("`` a ` b `` c ` d"),
            ["`` a ` b ``", "c", "`", "d"]
        );
    }

    #[test]
    fn lists_of_another_kind_and_items_with_blocks_stand_apart() {
        let text = head(
            "x",
            Bounds {
                lines_max: 9,
                chars_max: 9,
            },
        );
        check(
            |page| {
                page.bullet("a");
                page.numbered(10, "b");
                page.fence_under("text", &text);
                page.numbered(11, "c");
                page.under("d");
            },
            "- a\n\n10. b\n\n    ```text\n    x\n    ```\n\n11. c\n\n    d\n",
        );
    }

    #[test]
    fn pipes_in_cells_are_escaped_and_columns_line_up() {
        check(
            |page| page.table(&["name", "x"], &[vec!["a|b".into(), "long cell".into()]]),
            "| name | x |\n| ---- | --- |\n| a\\|b | long cell |\n",
        );
    }

    #[test]
    fn a_fence_is_longer_than_any_run_inside() {
        let inside = head(
            "````\nx",
            Bounds {
                lines_max: 9,
                chars_max: 9,
            },
        );
        check(
            |page| page.fence("text", &inside),
            "`````text\n````\nx\n`````\n",
        );
    }
}
