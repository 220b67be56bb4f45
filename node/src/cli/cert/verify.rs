//! `hefu cert verify`: a presentation against the ledger. Three answers, kept apart: is the
//! certificate recorded; how does it stand now; is what is shown what its issuer committed to.

use std::path::PathBuf;

use clap::Args;
use hefu_primitives::commitment::Commitment;
use hefu_primitives::time::Day;
use hefu_primitives::{H32, PublicKey};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::super::app::{App, now};
use super::super::args::AtHeight;
use super::super::exit::Exit;
use super::super::fault::{Done, Fault};
use super::super::list::{record, text_at};
use super::super::submit::Ledger;
use super::super::table::{printable, word_of};
use super::show::status_of;
use crate::vault::presentation::LedgerFacts;
use crate::vault::record::licence_file_digest;
use crate::vault::{LedgerCommitments, Licence, Presentation, Vault, verify_document};

#[derive(Args)]
pub(crate) struct Verify {
    /// The presentation: JSON, the text of its QR code, or its binary form.
    presentation: PathBuf,
    /// The licence document (JSON) or file it is said to be of.
    #[arg(long, value_name = "FILE")]
    file: Option<PathBuf>,
    /// About this day; today when not given.
    #[arg(long, value_name = "DAY")]
    day: Option<Day>,
}

/// What was found.
pub(crate) struct Verdict {
    pub(crate) presentation: Presentation,
    /// For programs.
    pub(crate) report: Value,
    /// Whether the content is what was committed to, and the signature good where there is one.
    pub(crate) matches: bool,
    pub(crate) status: String,
    /// The height the answers rest on.
    pub(crate) height: String,
}

pub(crate) fn run(app: &App, args: &Verify) -> Done {
    let verdict = verify(app, &args.presentation, args.day, args.file.as_deref())?;
    app.out.done(&verdict.report, &prose(app, &verdict));
    let good = verdict.matches && verdict.status == "active";
    Ok(if good { Exit::Ok } else { Exit::Invalid })
}

/// Checks a presentation; an attestation that is not recorded is a fault that ends with 4.
pub(crate) fn verify(
    app: &App,
    path: &std::path::Path,
    day: Option<Day>,
    file: Option<&std::path::Path>,
) -> Result<Verdict, Fault> {
    let presentation = Presentation::from_any(&app.read(path)?)?;
    let client = app.client()?;
    let ledger = Ledger::of(client)?;
    let id = presentation.att_id;
    let answer = client.find_soon(&format!("/certificates/{id}"), &[])?;
    let answer = answer.ok_or_else(|| Fault::with("cli.not_found", id))?;
    let attestation = record(&answer);
    let facts = LedgerFacts {
        chain: ledger.chain,
        att_id: id,
        type_code: field(attestation, "type_code")?,
        issuer: field(attestation, "issuer")?,
        content: field(attestation, "content")?,
        holder: field(attestation, "holder")?,
    };
    let status = status_of(app, id, day, AtHeight::default())?;
    let checked = presentation.verify(&facts, now());
    let signature = signature(app, &presentation, &attestation["issuer"])?;
    let compared = match (&checked, file) {
        (Ok(checked), Some(path)) => Some(compare(app, &presentation, checked, attestation, path)?),
        _ => None,
    };
    let matches = checked.is_ok()
        && signature != Some(false)
        && compared.as_ref().is_none_or(|compared| compared["matches"] == true);
    let fields: Option<Value> = checked.as_ref().ok().map(|checked| {
        let fields = checked.fields.iter().map(|field| (field.name.clone(), json!(field.value)));
        Value::Object(fields.collect())
    });
    let report = json!({
        "att_id": id,
        "valid": matches && status["status"] == "active",
        "recorded": {
            "height": attestation["made"]["height"],
            "time_ms": attestation["made"]["time"],
            "type_code": facts.type_code,
            "issuer": facts.issuer,
            "valid_from": attestation["valid_from"],
            "valid_until": attestation["valid_until"],
        },
        "status": status,
        "content": {
            "matches": checked.is_ok(),
            "error": checked.as_ref().err().map(ToString::to_string),
            "fields": fields,
            "holder": checked.as_ref().ok().and_then(|checked| checked.holder),
            "signature": signature,
            "file": compared,
            "purpose": presentation.purpose,
            "expires_ms": presentation.expires,
        },
    });
    let height = text_at(&status, "/height").unwrap_or("–").to_owned();
    let status = text_at(&status, "/status")?.to_owned();
    Ok(Verdict { presentation, report, matches, status, height })
}

fn field<T: DeserializeOwned>(attestation: &Value, name: &str) -> Result<T, Fault> {
    let value = attestation.get(name).cloned().unwrap_or_default();
    serde_json::from_value(value).map_err(|_| Fault::with("cli.bad_answer", name))
}

/// Whether the issuer's key signed; none when nobody did.
fn signature(
    app: &App,
    presentation: &Presentation,
    issuer: &Value,
) -> Result<Option<bool>, Fault> {
    let Some(signer) = presentation.signer() else { return Ok(None) };
    let answer = app.client()?.find(&format!("/keys/{signer}"), &[])?;
    let good = answer.as_ref().map(record).is_some_and(|key| {
        let public: Option<PublicKey> = field(key, "key").ok();
        key["owner"] == *issuer && public.is_some_and(|public| presentation.is_signed_by(&public))
    });
    Ok(Some(good))
}

/// Compares a licence document, or a file, with what is shown. The vault here, if it has the
/// record, opens every commitment; without it only the fields that are shown can be compared.
fn compare(
    app: &App,
    presentation: &Presentation,
    checked: &crate::vault::presentation::Checked<'_>,
    attestation: &Value,
    path: &std::path::Path,
) -> Result<Value, Fault> {
    let bytes = app.read(path)?;
    let licence = Licence::from_json(bytes.trim_ascii()).ok();
    if let Some(report) = from_vault(app, presentation, attestation, licence.as_ref(), &bytes)? {
        return Ok(report);
    }
    let Some(licence) = licence else {
        return Err(Fault::with("cli.input", path.display()));
    };
    let content = licence.content()?;
    let differing: Vec<&str> = checked
        .fields
        .iter()
        .filter(|shown| !content.fields().contains(shown))
        .map(|shown| shown.name.as_str())
        .collect();
    Ok(json!({
        "compared": "shown_fields",
        "matches": differing.is_empty(),
        "differing": differing,
    }))
}

fn from_vault(
    app: &App,
    presentation: &Presentation,
    attestation: &Value,
    licence: Option<&Licence>,
    bytes: &[u8],
) -> Result<Option<Value>, Fault> {
    if !Vault::exists(&app.settings()?.config.vault_path()) {
        return Ok(None);
    }
    let Ok(record) = app.vault(false).and_then(|vault| Ok(vault.get(presentation.att_id)?)) else {
        return Ok(None);
    };
    let committed =
        |name: &str| field::<Option<H32>>(attestation, name).map(|c| c.map(Commitment::from));
    let identifier = attestation.pointer("/ident/committed").cloned().unwrap_or_default();
    let identifier: Option<H32> = serde_json::from_value(identifier).unwrap_or(None);
    let ledger = LedgerCommitments {
        holder: field(attestation, "holder")?,
        content: field(attestation, "content")?,
        identifier: identifier.map(Commitment::from),
        file: committed("file")?,
    };
    let (document, digest) = match licence {
        Some(licence) => (licence, None),
        None => (&record.licence, Some(licence_file_digest(bytes))),
    };
    let result = verify_document(document, digest, &record.salts, &ledger);
    Ok(Some(json!({
        "compared": if digest.is_some() { "file" } else { "document" },
        "matches": result.is_ok(),
        "error": result.err().map(|error| error.to_string()),
    })))
}

/// The three answers in words.
fn prose(app: &App, verdict: &Verdict) -> String {
    let say = |key: &str, arguments: &[(&str, &str)]| app.out.text(key, arguments);
    let text = |pointer: &str| {
        let value = verdict.report.pointer(pointer).and_then(Value::as_str);
        printable(value.unwrap_or("–"))
    };
    let recorded = text("/recorded/time_ms").parse::<hefu_primitives::Millis>();
    let recorded = recorded.map_or_else(|_| "–".to_owned(), hefu_primitives::Millis::to_beijing);
    let status = word_of(&verdict.status, app.lang()).unwrap_or_else(|| verdict.status.clone());
    let good = |yes: bool| if yes { "✔" } else { "✘" };
    let mut lines = vec![
        format!(
            "{} {}",
            good(true),
            say(
                "present-recorded",
                &[
                    ("height", &text("/recorded/height")),
                    ("time", &recorded),
                    ("type", &text("/recorded/type_code")),
                    ("issuer", &text("/recorded/issuer")),
                ],
            )
        ),
        format!(
            "{} {}",
            good(verdict.status == "active"),
            say("present-status", &[("status", &status), ("height", &verdict.height)])
        ),
    ];
    let content = &verdict.report["content"];
    let key = match (verdict.matches, content["matches"] == true) {
        (true, _) => "present-matches",
        (false, true) => "present-differs",
        (false, false) => "present-false",
    };
    let error = text("/content/error");
    lines.push(format!("{} {}", good(verdict.matches), say(key, &[("error", &error)])));
    for (name, value) in content["fields"].as_object().into_iter().flatten() {
        let value = printable(value.as_str().unwrap_or_default());
        lines.push(format!("    {}: {value}", printable(name.trim_start_matches("fields."))));
    }
    if let Some(holder) = content["holder"].as_object() {
        let part = |name: &str| printable(holder.get(name).and_then(Value::as_str).unwrap_or("–"));
        let label = say("col-holder", &[]);
        lines.push(format!("    {label}: {} ({})", part("name"), part("code")));
    }
    for name in content["file"]["differing"].as_array().into_iter().flatten() {
        let name = printable(name.as_str().unwrap_or_default());
        lines.push(format!("    ≠ {name}"));
    }
    match content["signature"].as_bool() {
        Some(true) => lines.push(format!("    {}", say("present-signed", &[]))),
        Some(false) => lines.push(format!("    {}", say("present-signed-wrong", &[]))),
        None => {}
    }
    if let Some(purpose) = content["purpose"].as_str() {
        lines.push(format!("    {}: {}", say("col-purpose", &[]), printable(purpose)));
    }
    lines.join("\n")
}
