//! What an import ends with: how many lines were accepted, and why each other one was not.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::super::app::App;
use super::super::fault::Fault;
use super::super::output::Format;
use super::super::table::{Column, col};

const REFUSED: &[Column] = &[
    col("line", "/line"),
    col("code", "/code"),
    col("message", "/message"),
    col("remedy", "/remedy"),
];

/// Outcomes by line.
#[derive(Debug, Default)]
pub(super) struct Report {
    accepted: u64,
    /// Of the accepted, those that stood on the ledger before their line came.
    already: u64,
    refused: BTreeMap<u32, Fault>,
    /// Lines whose outcome is not known.
    pub(super) pending: u64,
}

impl Report {
    pub(super) fn accept(&mut self, lines: usize) {
        self.accepted += lines as u64;
    }

    /// A line that was on the ledger already.
    pub(super) fn accept_already(&mut self) {
        self.accepted += 1;
        self.already += 1;
    }

    pub(super) fn refuse(&mut self, line: u32, fault: Fault) {
        self.refused.insert(line, fault);
    }

    pub(super) fn is_clean(&self) -> bool {
        self.refused.is_empty()
    }

    /// Lines that are settled.
    pub(super) fn settled(&self) -> u64 {
        self.accepted + self.refused.len() as u64
    }

    pub(super) fn counts(&self, lines: u64) -> [(&'static str, String); 5] {
        [
            ("accepted", self.accepted.to_string()),
            ("already", self.already.to_string()),
            ("refused", self.refused.len().to_string()),
            ("left", lines.saturating_sub(self.settled()).to_string()),
            ("lines", lines.to_string()),
        ]
    }

    /// For programs `{accepted, already, refused: [{line, code, message}]}`: `accepted` lines stand
    /// on the ledger, `already` of them before this run or this line.
    pub(super) fn show(&self, app: &App) {
        let lang = app.lang();
        let rows: Vec<Value> = self
            .refused
            .iter()
            .map(|(line, fault)| {
                json!({ "line": line, "code": fault.code, "message": fault.message(lang) })
            })
            .collect();
        match app.out.format {
            Format::Table => {
                let counts = self.counts(self.settled() + self.pending);
                let counts: Vec<(&str, &str)> =
                    counts.iter().map(|(name, value)| (*name, value.as_str())).collect();
                app.out.line(&app.out.text("import-done", &counts));
                if !rows.is_empty() {
                    let rows = self.with_remedies(rows, app);
                    app.out.line(&super::super::table::table(&rows, REFUSED, lang));
                }
                if self.pending > 0 {
                    app.out.tell("import-pending", &[("count", &self.pending.to_string())]);
                }
            }
            Format::Csv => {
                let rows = self.with_remedies(rows, app);
                app.out.raw(&super::super::table::csv(&rows, REFUSED, lang));
            }
            Format::Json | Format::Jsonl => {
                let (accepted, already) = (self.accepted, self.already);
                let report = json!({ "accepted": accepted, "already": already, "refused": rows });
                app.out.record(&report);
            }
        }
    }

    fn with_remedies(&self, rows: Vec<Value>, app: &App) -> Vec<Value> {
        let faults = self.refused.values();
        rows.into_iter()
            .zip(faults)
            .map(|(mut row, fault)| {
                row["remedy"] = json!(fault.remedy(app.lang()));
                row
            })
            .collect()
    }
}
