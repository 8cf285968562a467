//! The figures of one benchmark.

use std::error::Error;
use std::fmt;

/// What a benchmark gives: its figures, and whether they are good enough.
pub(crate) type Measured = Result<Table, Box<dyn Error>>;

/// One figure.
struct Row {
    what: String,
    figure: String,
    /// How it compares, or what is required of it.
    note: String,
    met: bool,
}

/// The figures of one benchmark, in order.
#[derive(Default)]
pub(crate) struct Table {
    rows: Vec<Row>,
}

impl Table {
    /// A figure that only informs.
    pub(crate) fn note(&mut self, what: &str, figure: String, note: String) {
        self.rows.push(Row {
            what: what.to_owned(),
            figure,
            note,
            met: true,
        });
    }

    /// A figure of which something is required.
    pub(crate) fn require(&mut self, what: &str, figure: String, required: &str, met: bool) {
        let word = if met { "met" } else { "NOT MET" };
        let note = format!("required: {required} ({word})");
        self.rows.push(Row {
            what: what.to_owned(),
            figure,
            note,
            met,
        });
    }

    /// Whether every requirement is met.
    pub(crate) fn met(&self) -> bool {
        self.rows.iter().all(|row| row.met)
    }
}

impl fmt::Display for Table {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let width = |column: fn(&Row) -> &str| {
            self.rows
                .iter()
                .map(|row| column(row).chars().count())
                .max()
                .unwrap_or(0)
        };
        let (what, figure) = (width(|row| &row.what), width(|row| &row.figure));
        for row in &self.rows {
            let line = format!(
                "  {:what$}  {:>figure$}  {}",
                row.what, row.figure, row.note
            );
            writeln!(out, "{}", line.trim_end())?;
        }
        Ok(())
    }
}
