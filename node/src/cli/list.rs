//! Reading lists and single things from a node, and showing them.

use serde_json::Value;

use super::app::App;
use super::args::{AtHeight, Paging};
use super::exit::Exit;
use super::fault::{Done, Fault};
use super::output::Format;
use super::table::Column;

/// Most pages followed with `--all`: 500 × 10,000 rows.
const MAX_PAGES: usize = 10_000;

/// A list of the interface, and how it is shown.
pub(crate) struct List<'a> {
    /// Address below `/api/v1`.
    pub(crate) path: &'a str,
    pub(crate) columns: &'a [Column],
    /// Text for a list without rows: what to do next.
    pub(crate) empty: &'a str,
}

impl List<'_> {
    /// Reads and shows the list.
    pub(crate) fn show(&self, app: &App, paging: &Paging, filters: &[(&str, String)]) -> Done {
        let limit = if paging.all { 500 } else { paging.limit }.to_string();
        let mut cursor = paging.cursor.clone();
        let mut rows = Vec::new();
        let mut answer = Value::Null;
        for _ in 0..MAX_PAGES {
            let mut query: Vec<(&str, &str)> = vec![("limit", &limit)];
            query.extend(filters.iter().map(|(name, value)| (*name, value.as_str())));
            query.extend(cursor.iter().map(|cursor| ("cursor", cursor.as_str())));
            answer = app.client()?.get(self.path, &query)?;
            rows.extend_from_slice(items(&answer));
            cursor = answer.get("next_cursor").and_then(Value::as_str).map(str::to_owned);
            if !paging.all || cursor.is_none() {
                break;
            }
        }
        if paging.all
            && let Some(array) = answer.get_mut("items")
        {
            *array = Value::Array(rows.clone());
        }
        app.out.list(&answer, &rows, self.columns, self.empty);
        if let Some(cursor) = cursor {
            app.out.tell("list-more", &[("cursor", &cursor)]);
        }
        foot(app, &answer);
        Ok(Exit::Ok)
    }
}

/// The rows of a list's answer.
pub(crate) fn items(answer: &Value) -> &[Value] {
    answer.get("items").and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

/// The record of a row or of an answer about one thing; what has none is the record itself.
pub(crate) fn record(answer: &Value) -> &Value {
    answer.get("record").unwrap_or(answer)
}

/// Reads and shows one thing.
pub(crate) fn show(app: &App, path: &str, at: AtHeight) -> Done {
    let height = at.at_height.map(|height| height.to_string());
    let query: Vec<(&str, &str)> = height.iter().map(|h| ("at_height", h.as_str())).collect();
    let answer = app.client()?.get(path, &query)?;
    show_answer(app, &answer);
    Ok(Exit::Ok)
}

/// Shows an answer about one thing: the height and root it is pinned to stand below a table.
pub(crate) fn show_answer(app: &App, answer: &Value) {
    let mut shown = answer.clone();
    if app.out.format == Format::Table
        && let Some(fields) = shown.as_object_mut()
    {
        for name in PINS {
            fields.remove(name);
        }
        // The record itself is what was asked for; what the ledger derives of it comes after.
        if let Some(Value::Object(record)) = fields.remove("record") {
            for (name, value) in record {
                fields.entry(name).or_insert(value);
            }
        }
    }
    app.out.record(&shown);
    foot(app, answer);
}

const PINS: [&str; 7] = [
    "height",
    "state_root",
    "complete",
    "incomplete_reason",
    "record_key",
    "written_height",
    "proven",
];

/// Says as of which block an answer is, and whether something is missing from it.
pub(crate) fn foot(app: &App, answer: &Value) {
    let text = |name: &str| answer.get(name).and_then(Value::as_str).unwrap_or("–").to_owned();
    if answer.get("complete").and_then(Value::as_bool) == Some(false) {
        let reason = text("incomplete_reason");
        let key = format!("incomplete-{}", reason.replace('_', "-"));
        let said = crate::text::find(app.lang(), &key).map(str::to_owned);
        let reason = said.unwrap_or_else(|| super::table::printable(&reason));
        app.out.warn(&app.out.text("answer-incomplete", &[("reason", &reason)]));
    }
    if app.out.is_table() && answer.get("height").is_some() {
        let root = text("state_root");
        let root = root.get(..12).unwrap_or(&root);
        // Only of an answer that has rows does it say something that it has them all.
        let whole = answer.get("complete").and_then(Value::as_bool) == Some(true);
        let whole = whole && answer.get("items").is_some();
        let key = if whole { "answer-pinned-whole" } else { "answer-pinned" };
        app.out.tell(key, &[("height", &text("height")), ("root", root)]);
    }
}

/// A text of an answer, by JSON pointer.
pub(crate) fn text_at<'a>(answer: &'a Value, pointer: &str) -> Result<&'a str, Fault> {
    let found = answer.pointer(pointer).and_then(Value::as_str);
    found.ok_or_else(|| Fault::with("cli.bad_answer", pointer))
}
