//! From a record to the transaction that made it: records name no transaction, but the events of the
//! height that wrote them do.

use hefu_primitives::TxId;
use serde_json::Value;

use super::app::App;
use super::fault::Fault;
use super::list::{items, record};

/// Kinds of records as events name them, and where they are read.
const KINDS: &[(&str, &str)] = &[
    ("att", "certificates"),
    ("dec", "recognitions"),
    ("agr", "agreements"),
    ("req", "requests"),
    ("grant", "grants"),
    ("rcp", "receipts"),
    ("case", "cases"),
    ("dispute", "disputes"),
    ("prop", "proposals"),
    ("srq", "status-requests"),
    ("dba", "decision-batches"),
    ("bat", "batches"),
    ("incident", "notices"),
    ("mandate", "audit/mandates"),
    ("key", "keys"),
];

/// A transaction, by its id or by what it recorded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Named {
    /// This one.
    Tx(TxId),
    /// The one that wrote this record, `dec:ID`: where it is read, and its name.
    Record(String, String),
}

/// A transaction id, or a record as events name it.
pub(crate) fn named(text: &str) -> Result<Named, String> {
    if let Ok(tx) = text.parse() {
        return Ok(Named::Tx(tx));
    }
    let form = || "form-tx".to_owned();
    let (kind, id) = text.split_once(':').ok_or_else(form)?;
    let (_, path) = KINDS.iter().find(|(name, _)| *name == kind).ok_or_else(form)?;
    let good = !id.is_empty() && id.bytes().all(|c| c.is_ascii_alphanumeric());
    good.then(|| Named::Record(format!("/{path}/{id}"), text.to_owned())).ok_or_else(form)
}

impl Named {
    /// The transaction; for a record that changed since, the one of the last change.
    pub(crate) fn resolve(&self, app: &App) -> Result<TxId, Fault> {
        match self {
            Self::Tx(tx) => Ok(*tx),
            Self::Record(path, subject) => {
                let answer = app.client()?.get(path, &[])?;
                let found = transaction(app, &answer, subject)?;
                found.ok_or_else(|| Fault::with("cli.not_found", subject))
            }
        }
    }
}

/// The transaction that wrote a record, as the events of that height tell.
pub(crate) fn transaction(app: &App, answer: &Value, subject: &str) -> Result<Option<TxId>, Fault> {
    // An attestation is written again with every change; what made it is meant.
    let made = record(answer).pointer("/made/height").and_then(Value::as_str);
    let Some(height) = made.or_else(|| answer["written_height"].as_str()) else { return Ok(None) };
    let query = [("from_height", height), ("to_height", height), ("subject", subject)];
    let events = app.client()?.get("/audit/events", &query)?;
    let number = items(&events).iter().find_map(|event| event["transaction"].as_u64());
    let Some(number) = number else { return Ok(None) };
    let block = app.client()?.get(&format!("/blocks/{height}"), &[])?;
    let transactions = block["transactions"].as_array().map_or(&[][..], Vec::as_slice);
    let found = transactions.iter().find(|found| found["number"].as_u64() == Some(number));
    Ok(found.and_then(|found| found["tx"].as_str()?.parse().ok()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn transactions_are_named_by_id_or_by_what_they_recorded() {
        let tx = "ab".repeat(32);
        assert_eq!(named(&tx), Ok(Named::Tx(tx.parse().unwrap())));
        let dec = format!("dec:{}", "01".repeat(16));
        let path = format!("/recognitions/{}", "01".repeat(16));
        assert_eq!(named(&dec), Ok(Named::Record(path, dec.clone())));
        for bad in ["", "dec", "dec:", "dog:01", "dec:../x", "01".repeat(16).as_str()] {
            assert_eq!(named(bad), Err("form-tx".to_owned()), "{bad}");
        }
    }
}
