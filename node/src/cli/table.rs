//! Tables for people, CSV for spreadsheets. Chinese characters are two columns wide.

use comfy_table::{ContentArrangement, Table, TableStyle};
use hefu_primitives::Millis;
use serde_json::Value;

use crate::text::{self, Lang};

/// How a value is shown to people.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Show {
    /// As it is; words of the protocol in the user's language.
    Plain,
    /// Milliseconds since 1970, in Beijing time.
    Time,
    /// The first digits of a long hexadecimal text.
    Short,
    /// How many there are.
    Count,
    /// As it is, in no language.
    Raw,
    /// Of what holds something only what it is: the action of a proposal.
    Kind,
}

/// A column: its name, where its value stands, and how it is shown.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Column {
    /// Key of its title is `col-NAME`; CSV has the name itself.
    pub(crate) name: &'static str,
    /// JSON pointers into the record or else the row, the first that leads to something counts; `|`
    /// between them. One that ends in `@zh` or `@en` counts in that language only.
    pub(crate) path: &'static str,
    pub(crate) show: Show,
}

pub(crate) const fn col(name: &'static str, path: &'static str) -> Column {
    Column { name, path, show: Show::Plain }
}

impl Column {
    pub(crate) const fn as_time(self) -> Self {
        Self { show: Show::Time, ..self }
    }

    pub(crate) const fn short(self) -> Self {
        Self { show: Show::Short, ..self }
    }

    pub(crate) const fn raw(self) -> Self {
        Self { show: Show::Raw, ..self }
    }

    pub(crate) const fn kind(self) -> Self {
        Self { show: Show::Kind, ..self }
    }

    pub(crate) const fn count(self) -> Self {
        Self { show: Show::Count, ..self }
    }

    fn value<'a>(&self, item: &'a Value, lang: Lang) -> Option<&'a Value> {
        self.path.split('|').find_map(|path| {
            let path = match path.split_once('@') {
                Some((path, tag)) if tag == lang.tag() => path,
                Some(_) => return None,
                None => path,
            };
            let record = item.get("record").and_then(|record| record.pointer(path));
            record.or_else(|| item.pointer(path)).filter(|value| !value.is_null())
        })
    }
}

/// Hexadecimal digits shown of a long id.
const SHORT: usize = 12;

fn show(value: Option<&Value>, how: Show, field: &str, lang: Lang) -> String {
    let Some(value) = value else { return "–".to_owned() };
    match (how, value) {
        (Show::Count, Value::Array(items)) => items.len().to_string(),
        (Show::Count, Value::Object(items)) => items.len().to_string(),
        (Show::Raw, Value::String(text)) => printable(text),
        (Show::Time, value) => moment(value, lang).unwrap_or_else(|| plain(value, field, lang)),
        (Show::Kind, Value::Object(fields)) if fields.len() == 1 => {
            let name = fields.keys().next().map_or("–", String::as_str);
            word_in(field, name, lang).unwrap_or_else(|| label(name, lang))
        }
        (Show::Short, Value::String(text)) if text.len() > SHORT && text.is_ascii() => {
            format!("{}…", &text[..SHORT])
        }
        (Show::Short, Value::Array(items)) if !items.is_empty() => {
            let short = items.iter().map(|item| show(Some(item), how, field, lang));
            short.collect::<Vec<_>>().join(", ")
        }
        (_, value) => plain(value, field, lang),
    }
}

/// An instant in Beijing time, from milliseconds or RFC 3339.
fn moment(value: &Value, lang: Lang) -> Option<String> {
    let written = |value: &Value| Millis::from_rfc3339(value.as_str()?).ok();
    millis(value).or_else(|| written(value)).map(|time| match time {
        Millis(0) => text::text(lang, "at-genesis", &[]),
        time => time.to_beijing(),
    })
}

/// Whether a text is an instant as JSON writes it: milliseconds since 1970, between 2001 and 2096.
/// Nothing else that is shown has thirteen digits.
fn is_instant(word: &str) -> bool {
    word.len() == 13
        && word.bytes().all(|c| c.is_ascii_digit())
        && ('1'..'4').contains(&word.chars().next().unwrap_or('0'))
}

/// A flag with a number or a name in it, in words: `reason_1`, `to_330000`, `1_of_2`.
fn counted(word: &str, lang: Lang) -> Option<String> {
    let (head, rest) = word.split_once('_').filter(|(_, rest)| !rest.is_empty())?;
    if let (true, Some(of)) = (head.bytes().all(|c| c.is_ascii_digit()), rest.strip_prefix("of_")) {
        return Some(format!("{head}/{}", printable(of)));
    }
    let key = format!("flag-{head}");
    let known = rest.bytes().any(|c| c.is_ascii_digit()) && text::find(lang, &key).is_some();
    known.then(|| text::text(lang, &key, &[("what", &printable(rest))]))
}

fn millis(value: &Value) -> Option<Millis> {
    match value {
        Value::String(text) => text.parse().ok(),
        Value::Number(number) => number.as_u64().map(Millis),
        _ => None,
    }
}

/// A value in one line. Words the protocol knows are shown in the user's language.
fn plain(value: &Value, field: &str, lang: Lang) -> String {
    match value {
        Value::Null => "–".to_owned(),
        Value::Bool(true) => text::text(lang, "yes", &[]),
        Value::Bool(false) => text::text(lang, "no", &[]),
        Value::Number(number) => number.to_string(),
        Value::String(word) => word_in(field, word, lang)
            .or_else(|| counted(word, lang))
            .or_else(|| is_instant(word).then(|| moment(value, lang)).flatten())
            .unwrap_or_else(|| printable(word)),
        Value::Array(items) if items.is_empty() => "–".to_owned(),
        Value::Array(items) => {
            items.iter().map(|item| plain(item, field, lang)).collect::<Vec<_>>().join(", ")
        }
        Value::Object(fields) => fields
            .iter()
            .map(|(name, value)| format!("{}={}", label(name, lang), plain(value, name, lang)))
            .collect::<Vec<_>>()
            .join(" "),
    }
}

/// The word of a value like `not_yet_valid`, if the catalogue has one.
pub(crate) fn word_of(value: &str, lang: Lang) -> Option<String> {
    let plain = !value.is_empty() && value.bytes().all(|c| c.is_ascii_lowercase() || c == b'_');
    let key = plain.then(|| format!("value-{value}"))?;
    text::find(lang, &key).map(str::to_owned)
}

/// As [`word_of`], of a value in a field: `accepted` is one thing of a decision and another of a case.
pub(crate) fn word_in(field: &str, value: &str, lang: Lang) -> Option<String> {
    let of_any = word_of(value, lang);
    let key = format!("value-{}-{value}", field.replace('_', "-"));
    text::find(lang, &key).map(str::to_owned).or(of_any)
}

/// What a node says may hold control characters; a terminal must not obey them.
pub(crate) fn printable(word: &str) -> String {
    word.chars().map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect()
}

/// A table with a title line.
pub(crate) fn table(items: &[Value], columns: &[Column], lang: Lang) -> String {
    let title = |column: &Column| text::text(lang, &format!("col-{}", column.name), &[]);
    let rows = items.iter().map(|item| {
        columns.iter().map(|c| show(c.value(item, lang), c.show, c.name, lang)).collect::<Vec<_>>()
    });
    layout(Some(columns.iter().map(title).collect()), rows)
}

/// The fields of one thing, one a line; nested ones under the name of what holds them.
pub(crate) fn record(value: &Value, lang: Lang) -> String {
    let mut rows = Vec::new();
    flatten(String::new(), value, &mut rows);
    // What is told twice, for people and for programs, is shown once.
    let paths: Vec<String> = rows.iter().map(|(path, _)| path.clone()).collect();
    rows.retain(|(path, _)| {
        path.strip_suffix("_ms").is_none_or(|twin| !paths.iter().any(|path| path == twin))
    });
    let rows = rows.into_iter().map(|(path, value)| {
        let leaf = path.rsplit('.').next().unwrap_or_default();
        let time = ["_ms", "_at", "_due", "_time"].iter().any(|end| leaf.ends_with(end));
        let time = time || ["time", "due"].contains(&leaf);
        let how = if time { Show::Time } else { Show::Plain };
        vec![label(&path, lang), show(Some(&value), how, leaf, lang)]
    });
    layout(None, rows)
}

/// Labels and values, a line each.
pub(crate) fn lines(rows: impl IntoIterator<Item = (String, String)>) -> String {
    layout(None, rows.into_iter().map(|(label, value)| vec![label, value]))
}

/// The label of a field: from the catalogue, as a field or as a value (of those that hold something),
/// else the name itself.
pub(super) fn label(path: &str, lang: Lang) -> String {
    let part = |name: &str| match text::find(lang, &format!("col-{}", name.replace('_', "-"))) {
        Some(label) => label.to_owned(),
        None => word_of(name, lang).unwrap_or_else(|| printable(name)),
    };
    // A field may be called otherwise below one thing than below another: `superseded.by`.
    let parts: Vec<&str> = path.split('.').collect();
    let own = parts.len().checked_sub(2).and_then(|at| {
        let key = format!("col-{}-{}", parts[at], parts[at + 1]).replace('_', "-");
        text::find(lang, &key)
    });
    let mut labels: Vec<String> = parts.into_iter().map(part).collect();
    if let (Some(own), Some(last)) = (own, labels.last_mut()) {
        *last = own.to_owned();
    }
    labels.join(" · ")
}

/// Lists of simple things stay in one line; lists of objects are numbered from 1.
fn flatten(path: String, value: &Value, rows: &mut Vec<(String, Value)>) {
    let below = |name: &str| match path.is_empty() {
        true => name.to_owned(),
        false => format!("{path}.{name}"),
    };
    match value {
        Value::Object(fields) if !fields.is_empty() => {
            for (name, value) in fields {
                flatten(below(name), value, rows);
            }
        }
        Value::Array(items) if items.iter().any(Value::is_object) => {
            for (number, item) in items.iter().enumerate() {
                flatten(below(&(number + 1).to_string()), item, rows);
            }
        }
        other => rows.push((path, other.clone())),
    }
}

fn layout(header: Option<Vec<String>>, rows: impl Iterator<Item = Vec<String>>) -> String {
    let mut table = Table::new();
    table.load_style(TableStyle::new()).set_content_arrangement(ContentArrangement::Disabled);
    if let Some(header) = header {
        table.set_header(header);
    }
    for row in rows {
        table.add_row(row);
    }
    for column in table.column_iter_mut() {
        column.set_padding((0, 2));
    }
    table.trim_fmt()
}

/// Columns by their names, written as the fields of JSON are; values in full.
pub(crate) fn csv(items: &[Value], columns: &[Column], lang: Lang) -> Vec<u8> {
    let mut writer = csv::Writer::from_writer(Vec::new());
    // Writing to memory cannot fail.
    let _ = writer.write_record(columns.iter().map(|column| column.name.replace('-', "_")));
    for item in items {
        let _ = writer.write_record(columns.iter().map(|c| cell(c.value(item, lang))));
    }
    writer.into_inner().unwrap_or_default()
}

/// One thing as `field,value` lines.
pub(crate) fn record_csv(value: &Value, _: Lang) -> Vec<u8> {
    let mut rows = Vec::new();
    flatten(String::new(), value, &mut rows);
    let mut writer = csv::Writer::from_writer(Vec::new());
    let _ = writer.write_record(["field", "value"]);
    for (path, value) in rows {
        let _ = writer.write_record([path, cell(Some(&value))]);
    }
    writer.into_inner().unwrap_or_default()
}

/// A spreadsheet runs what begins with these, also in their full-width forms, or behind blanks that it
/// takes away: a quote in front makes it text (OWASP, CSV injection).
pub(crate) fn cell(value: Option<&Value>) -> String {
    let text = match value {
        None | Some(Value::Null) => String::new(),
        Some(Value::String(text)) => text.clone(),
        Some(Value::Array(items)) if items.iter().all(|i| !i.is_object() && !i.is_array()) => {
            items.iter().map(|item| cell(Some(item))).collect::<Vec<_>>().join(" ")
        }
        Some(other) => other.to_string(),
    };
    let runs = |c: char| "=+-@＝＋－＠".contains(c);
    let control = text.starts_with(['\t', '\r', '\n']);
    match control || text.trim_start().starts_with(runs) {
        true => format!("'{text}"),
        false => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;
    use unicode_width::UnicodeWidthStr;

    const COLUMNS: &[Column] =
        &[col("region", "/region"), col("name", "/name_zh@zh|/name_en@en"), col("state", "/state")];

    fn items() -> Vec<Value> {
        vec![
            json!({"region": 310000, "name_zh": "上海市", "name_en": "Shanghai", "state": "active"}),
            json!({"region": 150000, "name_zh": "内蒙古自治区", "name_en": "x", "state": "zzz"}),
        ]
    }

    #[test]
    fn columns_line_up_with_chinese_text() {
        let table = table(&items(), COLUMNS, Lang::Zh);
        let lines: Vec<&str> = table.lines().collect();
        assert_eq!(lines.len(), 3);
        let at = |line: &str, word: &str| line.split(word).next().unwrap().width();
        assert_eq!(at(lines[1], "有效"), at(lines[2], "zzz"), "\n{table}");
        assert_eq!(at(lines[1], "上海市"), at(lines[2], "内蒙古自治区"), "\n{table}");
    }

    #[test]
    fn languages_choose_paths_and_words() {
        assert!(table(&items(), COLUMNS, Lang::En).contains("Shanghai"));
        assert!(!table(&items(), COLUMNS, Lang::Zh).contains("Shanghai"));
        assert_eq!(word_of("active", Lang::Zh).as_deref(), Some("有效"));
        assert_eq!(word_of("Active", Lang::Zh), None);
    }

    #[test]
    fn instants_are_told_in_beijing_however_they_are_written() {
        for written in [json!("1795363200007"), json!("2026-11-22T16:00:00.007Z")] {
            let shown = show(Some(&written), Show::Time, "time", Lang::En);
            assert_eq!(shown, "2026-11-23 00:00:00");
        }
        assert_eq!(show(Some(&json!("0")), Show::Time, "time", Lang::En), "genesis");
        assert_eq!(show(Some(&json!("soon")), Show::Time, "time", Lang::En), "soon");
    }

    #[test]
    fn terminals_and_spreadsheets_are_not_commanded() {
        assert_eq!(printable("a\u{1b}[2Jb"), "a\u{fffd}[2Jb");
        for runs in
            ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r1", "\n@x", "  =1", "＝1", "－1", "　＠x"]
        {
            assert_eq!(cell(Some(&json!(runs))), format!("'{runs}"));
        }
        for text in ["1=1", " a", "a\t=", "2026-11-22", ""] {
            assert_eq!(cell(Some(&json!(text))), text);
        }
        let csv = String::from_utf8(csv(&items(), COLUMNS, Lang::En)).unwrap();
        assert!(csv.starts_with("region,name,state\n310000,Shanghai,active\n"), "{csv}");
        let named = super::csv(&[], &[col("att-id", "/id"), col("not-before", "/x")], Lang::En);
        assert_eq!(named, b"att_id,not_before\n", "names are those of JSON: no hyphens");
    }

    #[test]
    fn records_are_flattened() {
        let value = json!({"a": {"time": "1000", "x": [1, 2]}, "b": [{"c": true}], "d": null});
        let text = record(&value, Lang::En);
        assert!(text.contains("1970-01-01 08:00:01"), "{text}");
        assert!(text.contains("1, 2") && text.contains("b · 1 · c"), "{text}");
        let csv = String::from_utf8(record_csv(&value, Lang::En)).unwrap();
        assert_eq!(csv, "field,value\na.time,1000\na.x,1 2\nb.1.c,true\nd,\n");
    }

    #[test]
    fn what_holds_a_number_is_told_in_words() {
        let flags = json!(["reason_1", "to_330000", "1_of_2", "consistent", "odd_thing"]);
        let zh = plain(&flags, "flags", Lang::Zh);
        assert_eq!(zh, "理由 1, 往 330000, 1/2, 与账本一致, odd_thing");
        assert_eq!(plain(&json!("1795276800000"), "since", Lang::Zh), "2026-11-22 00:00:00");
        assert_eq!(plain(&json!("9795276800000"), "x", Lang::Zh), "9795276800000");
        let action = json!({"suspend_member": {"member": 340_000}});
        assert_eq!(show(Some(&action), Show::Kind, "action", Lang::En), "suspend a member");
        let twice = json!({"block_time": "x", "block_time_ms": "5", "until_ms": "1000"});
        assert_eq!(record(&twice, Lang::En).lines().count(), 2);
        let by = record(&json!({"superseded": {"by": "aa"}}), Lang::En);
        assert!(by.contains("replaced by"), "{by}");
    }

    /// Sources of the records, below the workspace.
    fn sources(folder: &std::path::Path, found: &mut Vec<String>) {
        for entry in std::fs::read_dir(folder).unwrap().flatten() {
            let path = entry.path();
            let name = entry.file_name().to_string_lossy().into_owned();
            if path.is_dir() && name != "tests" {
                sources(&path, found);
            } else if name.ends_with(".rs") && !name.contains("test") {
                let text = std::fs::read_to_string(&path).unwrap();
                found.push(text.split("#[cfg(test)]").next().unwrap_or_default().to_owned());
            }
        }
    }

    fn lacking(prefix: &str, names: impl Iterator<Item = String>) -> Vec<String> {
        let keys = names.map(|name| match prefix {
            "col" => format!("col-{}", name.replace('_', "-")),
            _ => format!("value-{name}"),
        });
        let mut lacking: Vec<String> =
            keys.filter(|key| text::find(Lang::Zh, key).is_none()).collect();
        lacking.sort();
        lacking.dedup();
        lacking
    }

    /// Fields of records are labelled by the catalogue: a name that is only in the sources would be
    /// shown raw.
    #[test]
    fn every_field_of_a_record_has_a_label() {
        let mut found = Vec::new();
        let contracts = concat!(env!("CARGO_MANIFEST_DIR"), "/../contracts/src");
        sources(std::path::Path::new(contracts), &mut found);
        let fields = found.iter().flat_map(|source| source.lines()).filter_map(|line| {
            let field = line.strip_prefix("    pub ")?.split_once(": ")?.0;
            field.bytes().all(|c| c.is_ascii_lowercase() || c == b'_').then(|| field.to_owned())
        });
        let fields: Vec<String> = fields.collect();
        assert!(fields.len() > 200, "the sources are not read: {}", fields.len());
        assert_eq!(lacking("col", fields.into_iter()), Vec::<String>::new());
        let document = serde_json::to_value(crate::api::openapi()).unwrap();
        let mut named = Vec::new();
        properties(&document["components"]["schemas"], &mut named);
        assert!(named.len() > 50, "the document is not read: {}", named.len());
        assert_eq!(lacking("col", named.into_iter()), Vec::<String>::new());
    }

    fn properties(value: &Value, found: &mut Vec<String>) {
        match value {
            Value::Object(fields) => {
                if let Some(Value::Object(own)) = fields.get("properties") {
                    found.extend(own.keys().cloned());
                }
                fields.values().for_each(|below| properties(below, found));
            }
            Value::Array(items) => items.iter().for_each(|item| properties(item, found)),
            _ => {}
        }
    }

    /// Kinds of events and words of records are shown in the user's language.
    #[test]
    fn every_event_has_a_word() {
        let mut found = Vec::new();
        let contracts = concat!(env!("CARGO_MANIFEST_DIR"), "/../contracts/src");
        sources(std::path::Path::new(contracts), &mut found);
        let emitted = found.iter().flat_map(|source| source.split(".emit(").skip(1));
        let kinds = emitted.filter_map(|rest| rest.trim_start().strip_prefix('"'));
        let kinds: Vec<String> =
            kinds.filter_map(|rest| Some(rest.split_once('"')?.0.to_owned())).collect();
        assert!(kinds.len() > 10, "the sources are not read: {}", kinds.len());
        assert_eq!(lacking("value", kinds.into_iter()), Vec::<String>::new());
    }
}
