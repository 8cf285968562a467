//! A typed walk through a TOML document that collects problems instead of stopping at one.
//!
//! [`Table`] hands out a [`Field`] per known key and refuses the rest; a field gives its value as
//! the type that is asked for, or nothing and a problem with the place of the value.

use std::cell::RefCell;
use std::ops::{Range, RangeInclusive};

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use crate::claim::Text;
use crate::reader::{Reader, nearest};
use crate::secret;

/// Longest duration that a key may hold: a day, in milliseconds.
const DURATION_MS_MAX: u64 = 24 * 60 * 60 * 1000;

/// One table of the document. Every key that is asked for becomes a known one.
pub(crate) struct Table<'a> {
    reader: &'a Reader<'a>,
    entries: &'a DeTable<'a>,
    /// For messages: `service.api`, or empty for the whole file.
    path: String,
    /// Where a missing key is shown.
    span: Range<usize>,
    known: RefCell<Vec<&'static str>>,
}

impl<'a> Table<'a> {
    pub(crate) fn new(
        reader: &'a Reader<'a>,
        entries: &'a DeTable<'a>,
        path: String,
        span: Range<usize>,
    ) -> Self {
        Self {
            reader,
            entries,
            path,
            span,
            known: RefCell::default(),
        }
    }

    pub(crate) fn reader(&self) -> &'a Reader<'a> {
        self.reader
    }

    pub(crate) fn span(&self) -> Range<usize> {
        self.span.clone()
    }

    /// `[service.api]`, or the file.
    pub(crate) fn title(&self) -> String {
        if self.path.is_empty() {
            self.reader.file().to_owned()
        } else {
            format!("[{}]", self.path)
        }
    }

    pub(crate) fn optional(&self, key: &'static str) -> Option<Field<'a>> {
        self.known.borrow_mut().push(key);
        let (key, value) = self.entries.get_key_value(key)?;
        Some(self.field(key, value))
    }

    pub(crate) fn required(&self, key: &'static str) -> Option<Field<'a>> {
        let field = self.optional(key);
        if field.is_none() {
            self.reader.problem(
                self.span(),
                format!("{} has no `{key}`", self.title()),
                format!("`{key}` is required here"),
                None,
            );
        }
        field
    }

    /// Every entry of a table whose keys are names of the user's, in the order of the file.
    pub(crate) fn entries(&self) -> Vec<Field<'a>> {
        let mut fields: Vec<_> = self
            .entries
            .iter()
            .map(|(key, value)| self.field(key, value))
            .collect();
        fields.sort_by_key(|field| field.key_span.start);
        fields
    }

    /// Refuses every key that nobody asked for.
    pub(crate) fn finish(self) {
        let known = self.known.borrow();
        #[cfg(test)]
        crate::reader::note_known_keys(&self.path, &known);
        for field in self.entries() {
            if known.contains(&field.key.as_str()) {
                continue;
            }
            let hint = match nearest(&field.key, known.iter().copied()) {
                Some(key) => format!("did you mean `{key}`?"),
                None => format!("known keys: {}", known.join(", ")),
            };
            self.reader.problem(
                field.key_span,
                format!("unknown key `{}` in {}", field.key, self.title()),
                "no such key",
                Some(hint),
            );
        }
    }

    fn field(
        &self,
        key: &Spanned<toml::de::DeString<'a>>,
        value: &'a Spanned<DeValue<'a>>,
    ) -> Field<'a> {
        let name = key.get_ref().to_string();
        let path = if self.path.is_empty() {
            name.clone()
        } else {
            format!("{}.{name}", self.path)
        };
        Field {
            reader: self.reader,
            path,
            key: name,
            key_span: key.span(),
            value,
        }
    }
}

/// One key and its value.
pub(crate) struct Field<'a> {
    reader: &'a Reader<'a>,
    pub(crate) path: String,
    pub(crate) key: String,
    pub(crate) key_span: Range<usize>,
    value: &'a Spanned<DeValue<'a>>,
}

impl<'a> Field<'a> {
    pub(crate) fn reader(&self) -> &'a Reader<'a> {
        self.reader
    }

    pub(crate) fn value_span(&self) -> Range<usize> {
        self.value.span()
    }

    /// Records a wrong value at the value.
    pub(crate) fn wrong(&self, what: &str, label: impl Into<String>, hint: Option<String>) {
        self.reader.problem(
            self.value_span(),
            format!("`{}` {what}", self.path),
            label,
            hint,
        );
    }

    fn wrong_type<T>(&self, expected: &str) -> Option<T> {
        let got = type_name(self.value.get_ref());
        self.wrong(
            &format!("is {got}, not {expected}"),
            format!("expected {expected}"),
            None,
        );
        None
    }

    pub(crate) fn text(&self) -> Option<Text> {
        self.text_of(self.value)
    }

    fn text_of(&self, value: &Spanned<DeValue<'_>>) -> Option<Text> {
        let DeValue::String(literal) = value.get_ref() else {
            let got = type_name(value.get_ref());
            self.reader.problem(
                value.span(),
                format!("`{}` holds {got} where a string belongs", self.path),
                "expected a string",
                None,
            );
            return None;
        };
        let span = value.span();
        let variable = literal.strip_prefix("env:").map(str::to_owned);
        let value = match &variable {
            Some(name) => self.reader.variable(name, &span)?,
            None => literal.to_string(),
        };
        for secret in secret::find(&self.key, variable.as_deref(), &value) {
            self.reader.add_secret(secret);
        }
        Some(Text {
            value,
            span,
            variable,
        })
    }

    /// Whether the value is a string.
    pub(crate) fn is_text(&self) -> bool {
        matches!(self.value.get_ref(), DeValue::String(_))
    }

    /// The items of an array, each as a field of the same name; the field itself, if it is none.
    pub(crate) fn one_or_many(&self) -> Vec<Field<'a>> {
        let field = |value: &'a Spanned<DeValue<'a>>| Field {
            reader: self.reader,
            path: self.path.clone(),
            key: self.key.clone(),
            key_span: self.key_span.clone(),
            value,
        };
        match self.value.get_ref() {
            DeValue::Array(items) => items.iter().map(field).collect(),
            _ => vec![field(self.value)],
        }
    }

    /// A string that says something.
    pub(crate) fn string(&self) -> Option<String> {
        let text = self.text()?;
        if text.value.trim().is_empty() {
            self.wrong("is empty", "expected some text", None);
            return None;
        }
        Some(text.value)
    }

    pub(crate) fn boolean(&self) -> Option<bool> {
        match self.value.get_ref() {
            DeValue::Boolean(value) => Some(*value),
            DeValue::String(text) if text.starts_with("env:") => {
                let text = self.text()?;
                text.value
                    .parse()
                    .ok()
                    .or_else(|| self.not_from_environment(&text, "true or false"))
            }
            _ => self.wrong_type("true or false"),
        }
    }

    fn not_from_environment<T>(&self, text: &Text, expected: &str) -> Option<T> {
        let name = text.variable.as_deref().unwrap_or_default();
        self.wrong(
            &format!("is not {expected} (it comes from `{name}`)"),
            format!("expected {expected}"),
            None,
        );
        None
    }

    fn number(&self, expected: &str) -> Option<f64> {
        let number = match self.value.get_ref() {
            DeValue::Integer(number) => {
                let digits = number.as_str();
                i64::from_str_radix(digits, number.radix())
                    .ok()
                    .map(|number| number as f64)
            }
            DeValue::Float(number) => number.as_str().parse().ok(),
            DeValue::String(text) if text.starts_with("env:") => {
                let text = self.text()?;
                let number = text.value.trim().parse().ok();
                return number.or_else(|| self.not_from_environment(&text, expected));
            }
            _ => return self.wrong_type(expected),
        };
        number
            .filter(|number: &f64| number.is_finite())
            .or_else(|| self.wrong_type(expected))
    }

    pub(crate) fn integer(&self, allowed: RangeInclusive<u64>) -> Option<u64> {
        let expected = format!(
            "a whole number from {} to {}",
            allowed.start(),
            allowed.end()
        );
        let number = self.number(&expected)?;
        let whole = number.fract() == 0.0 && number >= 0.0 && allowed.contains(&(number as u64));
        if !whole {
            self.wrong("is out of range", format!("expected {expected}"), None);
            return None;
        }
        Some(number as u64)
    }

    pub(crate) fn float(&self, allowed: RangeInclusive<f64>) -> Option<f64> {
        let expected = match allowed.end() {
            end if end.is_finite() => format!("a number from {} to {end}", allowed.start()),
            _ => format!("a number from {} on", allowed.start()),
        };
        let number = self.number(&expected)?;
        if !allowed.contains(&number) {
            self.wrong("is out of range", format!("expected {expected}"), None);
            return None;
        }
        Some(number)
    }

    /// Milliseconds, at least `min`.
    pub(crate) fn millis(&self, min: u64) -> Option<u64> {
        self.integer(min..=DURATION_MS_MAX)
    }

    /// Seconds, whole or not, as milliseconds; at least `min` of those.
    pub(crate) fn seconds_as_millis(&self, min: u64) -> Option<u64> {
        let seconds = self.float(min as f64 / 1000.0..=(DURATION_MS_MAX / 1000) as f64)?;
        Some((seconds * 1000.0).round() as u64)
    }

    /// One of a few words.
    pub(crate) fn choice<T: Copy>(&self, words: &[(&str, T)]) -> Option<T> {
        let text = self.text()?;
        let found = words.iter().find(|(word, _)| *word == text.value);
        if found.is_none() {
            let all: Vec<String> = words.iter().map(|(word, _)| format!("`{word}`")).collect();
            let hint = nearest(&text.value, words.iter().map(|(word, _)| *word));
            self.wrong(
                "has an unknown value",
                format!("expected {}", all.join(" or ")),
                hint.map(|word| format!("did you mean `{word}`?")),
            );
        }
        found.map(|(_, value)| *value)
    }

    pub(crate) fn texts(&self) -> Option<Vec<Text>> {
        let DeValue::Array(items) = self.value.get_ref() else {
            return self.wrong_type("an array of strings");
        };
        Some(items.iter().filter_map(|item| self.text_of(item)).collect())
    }

    pub(crate) fn strings(&self) -> Option<Vec<String>> {
        Some(self.texts()?.into_iter().map(|text| text.value).collect())
    }

    pub(crate) fn table(&self) -> Option<Table<'a>> {
        match self.value.get_ref() {
            DeValue::Table(entries) => Some(Table::new(
                self.reader,
                entries,
                self.path.clone(),
                self.key_span.clone(),
            )),
            _ => self.wrong_type("a table"),
        }
    }

    /// The tables of `[[…]]`.
    pub(crate) fn tables(&self) -> Vec<Table<'a>> {
        let DeValue::Array(items) = self.value.get_ref() else {
            let _none: Option<()> = self.wrong_type("an array of tables");
            return Vec::new();
        };
        let mut tables = Vec::new();
        for item in items.iter() {
            match item.get_ref() {
                DeValue::Table(entries) => {
                    tables.push(Table::new(
                        self.reader,
                        entries,
                        self.path.clone(),
                        item.span(),
                    ));
                }
                other => {
                    let message = format!(
                        "`{}` holds {} where a table belongs",
                        self.path,
                        type_name(other)
                    );
                    self.reader
                        .problem(item.span(), message, "expected a table", None);
                }
            }
        }
        tables
    }

    /// Any value that JSON has too.
    pub(crate) fn json(&self) -> Option<serde_json::Value> {
        match self.value.get_ref() {
            DeValue::Boolean(value) => Some((*value).into()),
            DeValue::String(_) => Some(self.text()?.value.into()),
            DeValue::Integer(number) => {
                let number = i64::from_str_radix(number.as_str(), number.radix()).ok();
                number
                    .map(Into::into)
                    .or_else(|| self.wrong_type("a number of 64 bits"))
            }
            DeValue::Float(_) => Some(self.number("a number")?.into()),
            DeValue::Datetime(_) | DeValue::Array(_) | DeValue::Table(_) => {
                self.wrong_type("a string, a number, true or false")
            }
        }
    }
}

fn type_name(value: &DeValue<'_>) -> &'static str {
    match value {
        DeValue::String(_) => "a string",
        DeValue::Integer(_) => "an integer",
        DeValue::Float(_) => "a float",
        DeValue::Boolean(_) => "a boolean",
        DeValue::Datetime(_) => "a date",
        DeValue::Array(_) => "an array",
        DeValue::Table(_) => "a table",
    }
}
