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
                    let rows = grouped(self.with_remedies(rows, app));
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

/// Most ranges of lines that are named one by one.
const MAX_RANGES: usize = 8;

/// What is wrong with many lines is said once, with the lines: `1–60`.
fn grouped(rows: Vec<Value>) -> Vec<Value> {
    let mut groups: Vec<(Value, Vec<u64>)> = Vec::new();
    let mut places: BTreeMap<String, usize> = BTreeMap::new();
    for row in rows {
        let line = row["line"].as_u64().unwrap_or_default();
        let place =
            *places.entry(format!("{} {}", row["code"], row["message"])).or_insert_with(|| {
                groups.push((row, Vec::new()));
                groups.len() - 1
            });
        groups[place].1.push(line);
    }
    let told = |(mut row, lines): (Value, Vec<u64>)| {
        row["line"] = json!(ranges(&lines));
        row
    };
    groups.into_iter().map(told).collect()
}

/// Ascending lines as ranges, with how many they are where they are many.
fn ranges(lines: &[u64]) -> String {
    let mut ranges: Vec<(u64, u64)> = Vec::new();
    for line in lines {
        match ranges.last_mut() {
            Some((_, last)) if *last + 1 == *line => *last = *line,
            _ => ranges.push((*line, *line)),
        }
    }
    let range = |(first, last): &(u64, u64)| match first == last {
        true => first.to_string(),
        false => format!("{first}–{last}"),
    };
    let mut told: Vec<String> = ranges.iter().take(MAX_RANGES).map(range).collect();
    if ranges.len() > MAX_RANGES {
        told.push("…".to_owned());
    }
    let told = told.join(" ");
    if lines.len() > 1 { format!("{told} ({})", lines.len()) } else { told }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_wrong_with_many_lines_is_said_once() {
        let row = |line: u64, code: &str| json!({"line": line, "code": code, "message": code});
        let mut rows: Vec<Value> = (1..=60).map(|line| row(line, "cli.no_key")).collect();
        rows[6] = row(7, "E302");
        let told = grouped(rows);
        let told: Vec<(&str, &str)> =
            told.iter().filter_map(|r| Some((r["line"].as_str()?, r["code"].as_str()?))).collect();
        assert_eq!(told, [("1–6 8–60 (59)", "cli.no_key"), ("7", "E302")]);
        let odd: Vec<u64> = (0..40).map(|n| n * 2).collect();
        assert_eq!(ranges(&odd), "0 2 4 6 8 10 12 14 … (40)");
    }
}
