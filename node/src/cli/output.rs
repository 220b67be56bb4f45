//! What goes to standard output, in the form the user asked for.
//!
//! Data goes to standard output, everything else to standard error. The JSON of a reading command
//! is the answer of the HTTP interface, unchanged: one contract.

use std::cell::RefCell;
use std::io::{self, Write};

use clap::ValueEnum;
use serde_json::Value;

use super::table::{self, Column};
use crate::text::{self, Lang};

/// The form of the output.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, ValueEnum)]
pub enum Format {
    /// For people.
    #[default]
    Table,
    /// One JSON document.
    Json,
    /// One JSON document a line.
    Jsonl,
    /// Comma-separated, with a header.
    Csv,
}

/// Standard output and error, and the user's wishes about them.
pub(crate) struct Output {
    pub(crate) format: Format,
    pub(crate) lang: Lang,
    pub(crate) quiet: bool,
    out: RefCell<Box<dyn Write>>,
    err: RefCell<Box<dyn Write>>,
}

impl Output {
    pub(crate) fn new(format: Format, lang: Lang, quiet: bool) -> Self {
        Self::to(format, lang, quiet, Box::new(io::stdout()), Box::new(io::stderr()))
    }

    pub(crate) fn to(
        format: Format,
        lang: Lang,
        quiet: bool,
        out: Box<dyn Write>,
        err: Box<dyn Write>,
    ) -> Self {
        Self { format, lang, quiet, out: RefCell::new(out), err: RefCell::new(err) }
    }

    /// The text of a key.
    pub(crate) fn text(&self, key: &str, arguments: &[(&str, &str)]) -> String {
        text::text(self.lang, key, arguments)
    }

    /// Writes a line of data. Whoever closes the pipe has seen enough.
    pub(crate) fn line(&self, line: &str) {
        let _ = writeln!(self.out.borrow_mut(), "{line}");
    }

    /// Writes bytes of data as they are.
    pub(crate) fn raw(&self, bytes: &[u8]) {
        let mut out = self.out.borrow_mut();
        let _ = out.write_all(bytes).and_then(|()| out.flush());
    }

    /// Says something that is no data.
    pub(crate) fn say(&self, line: &str) {
        if !self.quiet {
            self.warn(line);
        }
    }

    /// As [`Output::say`], also when quiet was asked for.
    pub(crate) fn warn(&self, line: &str) {
        let _ = writeln!(self.err.borrow_mut(), "{line}");
    }

    /// As [`Output::say`], with a text of the catalogue.
    pub(crate) fn tell(&self, key: &str, arguments: &[(&str, &str)]) {
        self.say(&self.text(key, arguments));
    }

    /// Whether the output is for people.
    pub(crate) fn is_table(&self) -> bool {
        self.format == Format::Table
    }

    /// A list. In a table and in CSV the columns are shown; JSON is `answer` as it is.
    pub(crate) fn list(&self, answer: &Value, items: &[Value], columns: &[Column], empty: &str) {
        match self.format {
            Format::Json => self.json(answer),
            Format::Jsonl => items.iter().for_each(|item| self.line(&item.to_string())),
            Format::Csv => self.raw(&table::csv(items, columns, self.lang)),
            Format::Table if items.is_empty() => self.tell(empty, &[]),
            Format::Table => self.line(&table::table(items, columns, self.lang)),
        }
    }

    /// One thing: a line for each of its fields.
    pub(crate) fn record(&self, value: &Value) {
        match self.format {
            Format::Json => self.json(value),
            Format::Jsonl => self.line(&value.to_string()),
            Format::Csv => self.raw(&table::record_csv(value, self.lang)),
            Format::Table => self.line(&table::record(value, self.lang)),
        }
    }

    /// What a command that changes something tells: prose for people, `value` for programs.
    pub(crate) fn done(&self, value: &Value, prose: &str) {
        match self.format {
            Format::Table => self.line(prose),
            _ => self.record(value),
        }
    }

    fn json(&self, value: &Value) {
        self.line(&serde_json::to_string_pretty(value).unwrap_or_default());
    }
}
