//! `hefu cert show`, `status`, `list`, `history`, `evidence`: what the ledger says.

use std::path::PathBuf;

use clap::Args;
use hefu_primitives::time::Day;
use hefu_primitives::{Id16, Uscc};
use serde_json::{Value, json};

use super::super::app::App;
use super::super::args::{AtHeight, Paging, word};
use super::super::exit::Exit;
use super::super::fault::{Done, Fault};
use super::super::list::{self, record};
use super::super::table::{Column, col};
use super::super::tx::{Parts, write_capsule};

const COLUMNS: &[Column] = &[
    col("att-id", "/id"),
    col("type", "/type_code"),
    col("issuer", "/issuer"),
    col("region", "/region"),
    col("status", "/status/status|/status"),
    col("valid-until", "/valid_until"),
    col("recorded", "/made/time").as_time(),
];

const HISTORY: &[Column] = &[
    col("recorded", "/time").as_time(),
    col("height", "/height"),
    col("event", "/event"),
    col("effective", "/effective"),
    col("detail", "/detail"),
    col("by", "/by"),
    col("key", "/key").short(),
];

#[derive(Args)]
pub(crate) struct Show {
    /// The attestation.
    #[arg(required_unless_present = "identifier")]
    att_id: Option<Id16>,
    /// The one with this public identifier.
    #[arg(long, value_name = "TEXT", conflicts_with = "att_id")]
    identifier: Option<String>,
    #[command(flatten)]
    at: AtHeight,
}

pub(crate) fn run(app: &App, args: &Show) -> Done {
    let id = match (&args.att_id, &args.identifier) {
        (Some(id), _) => id.to_string(),
        (None, Some(identifier)) => by_identifier(app, identifier)?,
        (None, None) => return Err(Fault::new("cli.usage")),
    };
    list::show(app, &format!("/certificates/{id}"), args.at)
}

fn by_identifier(app: &App, identifier: &str) -> Result<String, Fault> {
    let answer = app.client()?.get("/certificates", &[("identifier", identifier)])?;
    let found = list::items(&answer).first().map(|row| record(row)["id"].clone());
    let found = found.and_then(|id| id.as_str().map(str::to_owned));
    found.ok_or_else(|| Fault::with("cli.not_found", identifier))
}

#[derive(Args)]
pub(crate) struct Status {
    /// The attestation.
    att_id: Id16,
    /// About this day; today when not given.
    #[arg(long, value_name = "DAY")]
    day: Option<Day>,
    #[command(flatten)]
    at: AtHeight,
}

/// Ends with 3 unless the certificate is good.
pub(crate) fn status(app: &App, args: &Status) -> Done {
    let answer = status_of(app, args.att_id, args.day, args.at)?;
    list::show_answer(app, &answer);
    match answer["status"].as_str() {
        Some("active") => Ok(Exit::Ok),
        Some(_) => Ok(Exit::Invalid),
        None => Err(Fault::with("cli.bad_answer", "status")),
    }
}

/// The status of an attestation, as the node answers it.
pub(crate) fn status_of(
    app: &App,
    id: Id16,
    day: Option<Day>,
    at: AtHeight,
) -> Result<Value, Fault> {
    let (day, height) = (day.map(|day| day.to_string()), at.at_height.map(|h| h.to_string()));
    let mut query: Vec<(&str, &str)> = Vec::new();
    query.extend(day.iter().map(|day| ("day", day.as_str())));
    query.extend(height.iter().map(|height| ("at_height", height.as_str())));
    let answer = app.client()?.get(&format!("/certificates/{id}/status"), &query);
    answer.map_err(|fault| perhaps_leaf(fault, id))
}

/// What is not found may have been attested with others in one act.
fn perhaps_leaf(fault: Fault, id: Id16) -> Fault {
    match fault.code.as_str() {
        "api.not_found" => Fault::said("api.not_found", "perhaps-leaf", &[("id", &id)]),
        _ => fault,
    }
}

#[derive(Args)]
pub(crate) struct List {
    /// Of this issuer.
    #[arg(long, value_name = "USCC")]
    issuer: Uscc,
    /// Only those of this status.
    #[arg(long, value_parser = word::<hefu_contracts::certificate::Status>)]
    status: Option<hefu_contracts::certificate::Status>,
    #[command(flatten)]
    paging: Paging,
}

pub(crate) fn list(app: &App, args: &List) -> Done {
    let empty = if args.status.is_some() { "list-empty" } else { "cert-list-empty" };
    let list = list::List { path: "/certificates", columns: COLUMNS, empty };
    let status = args.status.and_then(|status| serde_json::to_value(status).ok());
    let status = status.and_then(|status| status.as_str().map(str::to_owned));
    let mut filters = vec![("issuer", args.issuer.to_string())];
    filters.extend(status.map(|status| ("status", status)));
    list.show(app, &args.paging, &filters)
}

#[derive(Args)]
pub(crate) struct History {
    /// The attestation.
    att_id: Id16,
    #[command(flatten)]
    at: AtHeight,
}

/// The attesting act and every change, in the order they were recorded.
pub(crate) fn history(app: &App, args: &History) -> Done {
    let height = args.at.at_height.map(|height| height.to_string());
    let query: Vec<(&str, &str)> = height.iter().map(|h| ("at_height", h.as_str())).collect();
    let answer = app.client()?.get(&format!("/certificates/{}", args.att_id), &query)?;
    let rows = rows(record(&answer));
    app.out.list(&answer, &rows, HISTORY, "list-empty");
    list::foot(app, &answer);
    Ok(Exit::Ok)
}

fn rows(attestation: &Value) -> Vec<Value> {
    let row = |event: &Value, detail: &Value, effective: &Value, stamp: &Value, by: &Value| {
        json!({
            "event": event,
            "detail": detail,
            "effective": effective,
            "time": stamp["time"],
            "height": stamp["height"],
            "key": stamp["key"],
            "by": by,
        })
    };
    let mut rows = vec![row(
        &json!("attested"),
        &Value::Null,
        &attestation["valid_from"],
        &attestation["made"],
        &attestation["issuer"],
    )];
    for change in attestation["changes"].as_array().into_iter().flatten() {
        // A kind is a word, or an object of one word and its particulars.
        let (event, detail) = match &change["kind"] {
            Value::Object(kind) => kind
                .iter()
                .next()
                .map_or((Value::Null, Value::Null), |(name, detail)| (json!(name), detail.clone())),
            word => (word.clone(), Value::Null),
        };
        rows.push(row(&event, &detail, &change["effective"], &change["stamp"], &change["by"]));
    }
    if attestation["salt_destroyed"].is_object() {
        let stamp = &attestation["salt_destroyed"];
        rows.push(row(&json!("salt_destroyed"), &Value::Null, &Value::Null, stamp, &Value::Null));
    }
    rows
}

#[derive(Args)]
pub(crate) struct Evidence {
    /// The attestation.
    att_id: Id16,
    #[command(flatten)]
    parts: Parts,
    /// The capsule to write.
    #[arg(long, short = 'O', value_name = "FILE")]
    out: PathBuf,
}

pub(crate) fn evidence(app: &App, args: &Evidence) -> Done {
    app.expect_new(&args.out)?;
    let path = format!("/certificates/{}/evidence", args.att_id);
    let parts = args.parts.query();
    let query: Vec<(&str, &str)> =
        parts.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let bytes = app.client()?.download(&path, &query);
    let bytes = bytes.map_err(|fault| perhaps_leaf(fault, args.att_id))?;
    write_capsule(app, &args.out, &bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn history_has_the_beginning_and_every_change() {
        let stamp = json!({"height": "3", "time": "5", "occurred_at": "5", "key": "aa"});
        let attestation = json!({
            "issuer": "X", "valid_from": "2026-01-01", "made": stamp,
            "changes": [
                {"kind": {"suspended": {"reason": 4, "until": null}}, "effective": "2026-02-01", "stamp": stamp, "by": "X"},
                {"kind": "reaffirmed", "effective": "2026-02-02", "stamp": stamp, "by": "X"},
            ],
            "salt_destroyed": null,
        });
        let rows = rows(&attestation);
        let events: Vec<&str> = rows.iter().filter_map(|row| row["event"].as_str()).collect();
        assert_eq!(events, ["attested", "suspended", "reaffirmed"]);
        assert_eq!(rows[1]["detail"]["reason"], 4);
    }
}
