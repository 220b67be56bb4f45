//! An evidence capsule, checked and told in words.
//!
//! Three answers are kept apart: was it recorded; how did it stand at the height the capsule shows;
//! was it recognised, and by whom. What the capsule does not show is said too.

use std::collections::BTreeMap;

use hefu_contracts::certificate::{
    ATTESTATIONS, BATCHES, REAFFIRMED, SCENARIOS, STATUS_REQUESTS, TYPES,
};
use hefu_contracts::dispute::DISPUTES;
use hefu_contracts::evidence::{self, Evidence};
use hefu_contracts::identity::{AUTHORITIES, CALENDARS, KEYS, MEMBERS};
use hefu_contracts::recognition::{AGREEMENTS, CORRECTIONS, DECISION_BATCHES};
use hefu_contracts::service::CASES;
use hefu_contracts::sharing::GRANTS;
use hefu_primitives::capsule::{
    Capsule, Verified, VerifiedCosigner, VerifiedStatus, VerifiedWitness,
};
use hefu_primitives::codes::region::find_province;
use hefu_primitives::time::Day;
use hefu_primitives::{ChainId, KeyId, Millis};
use serde_json::{Value, json};

use super::{Verify, failed};
use crate::cli::app::App;
use crate::cli::exit::Exit;
use crate::cli::fault::{Done, Fault};
use crate::cli::table;
use crate::text::Lang;

/// What a line of the report is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Topic {
    /// That it holds, and of what ledger.
    Ledger,
    /// What happened, and how it stands.
    Happened,
    /// Who signed and cosigned.
    Signed,
    /// Which rule was in force, and who recognised it.
    Rules,
    /// What was checked, and what is left open.
    Checked,
}

/// A capsule that holds, and what it says.
pub(crate) struct Examined {
    pub(crate) capsule: Capsule,
    pub(crate) verified: Verified,
    /// For programs.
    pub(crate) report: Value,
    /// For people.
    pub(crate) lines: Vec<(Topic, String)>,
}

/// Checks a capsule, and tells what it says.
pub(crate) fn examine(
    app: &App,
    bytes: &[u8],
    genesis: ChainId,
    day: Option<Day>,
) -> Result<Examined, Fault> {
    let checked = Capsule::from_file(bytes)
        .and_then(|capsule| capsule.verify(genesis).map(|verified| (capsule, verified)));
    let (capsule, verified) = checked.map_err(|error| failed(app, error.step(), error))?;
    let said = evidence::read(&verified, day);
    let said = said.map_err(|error| failed(app, error.step(), error))?;
    let report = report(&capsule, &verified, &said, day);
    let lines = tell(app, &verified, &said, &report);
    Ok(Examined { capsule, verified, report, lines })
}

pub(super) fn verify(app: &App, args: &Verify, bytes: &[u8]) -> Done {
    let Examined { capsule, mut report, lines, .. } = examine(app, bytes, args.genesis, args.day)?;
    let lines: Vec<String> = lines.into_iter().map(|(_, line)| line).collect();
    let mut prose = lines.join("\n");
    if let Some(folder) = &args.extract {
        let written = extract(app, &capsule, folder)?;
        let (files, key) = (
            written.join(", "),
            if written.is_empty() { "verify-extracted-none" } else { "verify-extracted" },
        );
        prose = format!("{prose}\n{}", app.out.text(key, &[("files", &files)]));
        report["extracted"] = json!(written);
    }
    app.out.done(&report, &prose);
    Ok(Exit::Ok)
}

/// Writes the parts that tools without any notion of capsules can check.
fn extract(app: &App, capsule: &Capsule, folder: &std::path::Path) -> Result<Vec<String>, Fault> {
    let checkpoint = capsule.checkpoint().map(|note| note.to_string().into_bytes());
    let statement = capsule.statement().map(|statement| statement.bytes());
    let mut written = Vec::new();
    for (name, bytes) in [("checkpoint", checkpoint), ("statement.cose", statement)] {
        let Some(bytes) = bytes else { continue };
        std::fs::create_dir_all(folder).map_err(|error| Fault::file(folder, &error))?;
        let path = folder.join(name);
        app.expect_new(&path)?;
        app.write(&path, &bytes)?;
        written.push(path.display().to_string());
    }
    Ok(written)
}

fn report(capsule: &Capsule, verified: &Verified, said: &Evidence, day: Option<Day>) -> Value {
    let claims = verified.transaction.claims();
    let (header, time) = (&verified.recorded, verified.recorded.time);
    let status = verified.status.as_ref();
    let recognised = (!said.recognitions.is_empty()).then_some(&said.recognitions);
    json!({
        "valid": true,
        "kind": "capsule",
        "format": capsule.format,
        "chain": verified.chain,
        "recorded": {
            "tx": verified.transaction.id(),
            "leaf": verified.leaf.to_string(),
            "height": header.height,
            "block_id": header.id(),
            "time": time.to_rfc3339(),
            "issuer": claims.issuer,
            "subject": claims.subject,
            "key": claims.key,
            "acts": said.acts,
        },
        "signer": said.signer,
        "rules": said.rules,
        "status": status.map(|status| status_report(status, said, day)),
        "recognised": recognised,
        "witness": verified.witness.as_ref().map(|witness| witness_report(witness, said)),
        "set_changes": verified.set_changes,
        "not_shown": not_shown(verified, said),
    })
}

/// What the capsule leaves open, by the names under which the catalogue says it.
fn not_shown(verified: &Verified, said: &Evidence) -> Vec<&'static str> {
    let witness = verified.witness.as_ref();
    let doubted = |key: &KeyId| said.doubted.iter().any(|(other, _)| other == key);
    let trusted = || witness.iter().flat_map(|w| &w.cosigners).filter(|c| !doubted(&c.key));
    let receipts = trusted().any(|cosigner| cosigner.receipt);
    let cosigned = trusted().any(|cosigner| cosigner.cosigned.is_some());
    let open = [
        ("later", true),
        ("status", verified.status.is_none()),
        ("signer", said.signer.is_none()),
        ("rule", said.rules.is_empty()),
        ("recognition", said.recognitions.is_empty()),
        ("flags", !said.recognitions.is_empty()),
        ("checkpoint", !cosigned),
        ("receipts", !receipts),
        ("content", true),
    ];
    open.into_iter().filter_map(|(name, open)| open.then_some(name)).collect()
}

fn witness_report(witness: &VerifiedWitness, said: &Evidence) -> Value {
    let doubt = |cosigner: &&VerifiedCosigner| {
        said.doubted.iter().find(|(key, _)| *key == cosigner.key).map(|(_, doubt)| *doubt)
    };
    let trusted = || witness.cosigners.iter().filter(|cosigner| doubt(cosigner).is_none());
    let cosigned = trusted().filter_map(|cosigner| {
        let time = Millis(cosigner.cosigned?.saturating_mul(1000)).to_rfc3339();
        Some(json!({ "region": cosigner.region, "key": cosigner.key, "time": time }))
    });
    let doubted = witness.cosigners.iter().filter_map(|cosigner| {
        let doubt = doubt(&cosigner)?;
        Some(json!({ "region": cosigner.region, "key": cosigner.key, "doubt": doubt }))
    });
    let receipts = trusted().filter(|cosigner| cosigner.receipt);
    let receipts =
        receipts.map(|cosigner| json!({ "region": cosigner.region, "key": cosigner.key }));
    json!({
        "checkpoint": witness.head.map(|head| json!({
            "size": head.size.to_string(),
            "root": head.root,
            "same_as_height": witness.same_as,
            "cosigned": cosigned.collect::<Vec<_>>(),
        })),
        "receipts": receipts.collect::<Vec<_>>(),
        "doubted": doubted.collect::<Vec<_>>(),
    })
}

/// What the proven records say.
fn status_report(status: &VerifiedStatus, said: &Evidence, day: Option<Day>) -> Value {
    let (height, time) = (status.header.height, status.header.time);
    let about = said.certificates.iter().map(|certificate| {
        let mut shown = json!(certificate.answer);
        match shown.as_object_mut() {
            Some(fields) => {
                fields.insert("att_id".to_owned(), json!(certificate.att_id));
                if let Some((batch, height)) = certificate.batch {
                    fields
                        .insert("attested".to_owned(), json!({ "batch": batch, "height": height }));
                }
            }
            None => {
                let status = if certificate.absent { "absent" } else { "unknown" };
                shown = json!({ "att_id": certificate.att_id, "status": status });
            }
        }
        shown
    });
    let records: Vec<Value> =
        status.records.iter().map(|(key, value)| record(key, value.as_deref())).collect();
    json!({
        "height": height,
        "time": time.to_rfc3339(),
        "about_day": day.unwrap_or_else(|| Day::of_beijing(time)),
        "attestations": about.collect::<Vec<_>>(),
        "records": records,
    })
}

/// A proven record in words, where its table is known and has such keys.
fn record(key: &[u8], value: Option<&[u8]>) -> Value {
    let hex: String = key.iter().map(|byte| format!("{byte:02x}")).collect();
    macro_rules! known {
        ($($name:literal $table:ident,)*) => {
            match key {
                $(key if $table.fits(key) => {
                    ($name, value.and_then(|bytes| $table.decode(bytes)).map(|record| json!(record)))
                })*
                _ => ("other", None),
            }
        };
    }
    let (table, content) = known!(
        "attestation" ATTESTATIONS,
        "key" KEYS,
        "authority" AUTHORITIES,
        "member" MEMBERS,
        "type" TYPES,
        "scenario" SCENARIOS,
        "agreement" AGREEMENTS,
        "correction" CORRECTIONS,
        "reaffirmed" REAFFIRMED,
        "calendar" CALENDARS,
        "batch" BATCHES,
        "decision_batch" DECISION_BATCHES,
        "status_request" STATUS_REQUESTS,
        "case" CASES,
        "dispute" DISPUTES,
        "grant" GRANTS,
    );
    json!({ "key": hex, "table": table, "present": value.is_some(), "record": content })
}

/// The acts of the transaction by name, with how many of each there are.
fn act_counts(app: &App, said: &Evidence) -> String {
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for act in &said.acts {
        *counts.entry(act.name()).or_default() += 1;
    }
    let counted = counts.iter().map(|(name, count)| match (word(app, name), count) {
        (name, 1) => name,
        (name, count) => format!("{name} ×{count}"),
    });
    counted.collect::<Vec<_>>().join(", ")
}

/// A province by name in the user's language; its code when it has none.
pub(super) fn province(app: &App, code: &str) -> String {
    let found = find_province(code).map(|province| match app.lang() {
        Lang::Zh => province.name,
        Lang::En => province.english,
    });
    found.unwrap_or(code).to_owned()
}

/// The word of a state in the user's language.
fn word(app: &App, name: &str) -> String {
    table::word_of(name, app.lang()).unwrap_or_else(|| name.to_owned())
}

/// A text of the catalogue.
struct Teller<'a>(&'a App, Vec<(Topic, String)>, Topic);

impl Teller<'_> {
    fn say(&mut self, key: &str, arguments: &[(&str, &str)]) {
        let line = self.0.out.text(key, arguments);
        self.1.push((self.2, line));
    }
}

/// What was checked, the three answers, and what is left open, in words.
fn tell(app: &App, verified: &Verified, said: &Evidence, report: &Value) -> Vec<(Topic, String)> {
    let text = |pointer: &str| plain(report.pointer(pointer));
    let mut teller = Teller(app, Vec::new(), Topic::Ledger);
    teller.say("verify-ok", &[("chain", &text("/chain"))]);
    teller.2 = Topic::Happened;
    let (height, time) = (text("/recorded/height"), verified.recorded.time.to_beijing());
    teller.say(
        "verify-recorded",
        &[("height", &height), ("time", &time), ("leaf", &text("/recorded/leaf"))],
    );
    teller.2 = Topic::Signed;
    teller.say(
        "verify-signed",
        &[
            ("issuer", &text("/recorded/issuer")),
            ("key", &text("/recorded/key")),
            ("acts", &act_counts(app, said)),
            ("subject", &text("/recorded/subject")),
        ],
    );
    teller.2 = Topic::Happened;
    tell_act(&mut teller, report);
    teller.2 = Topic::Signed;
    tell_signer(&mut teller, said);
    tell_witness(&mut teller, report);
    teller.2 = Topic::Happened;
    tell_status(&mut teller, report);
    teller.2 = Topic::Rules;
    tell_rules(&mut teller, said);
    tell_recognition(&mut teller, said, &text("/status/height"));
    teller.2 = Topic::Checked;
    let sets = verified.set_changes.to_string();
    if verified.set_changes > 0 {
        teller.say("verify-sets", &[("count", &sets)]);
    }
    let records = report["status"]["records"].as_array().map_or(0, Vec::len).to_string();
    teller.say("verify-checked", &[("count", &records)]);
    let open = report["not_shown"].as_array().into_iter().flatten().filter_map(Value::as_str);
    let open: Vec<String> =
        open.map(|name| app.out.text(&format!("verify-open-{name}"), &[])).collect();
    teller.say("verify-open", &[("what", &open.join("; "))]);
    teller.1
}

/// A value as people read it.
fn plain(value: Option<&Value>) -> String {
    match value {
        Some(Value::String(text)) => text.clone(),
        Some(Value::Number(number)) => number.to_string(),
        _ => "–".to_owned(),
    }
}

/// What a single act says, a field a line: of more, the report in JSON has them.
fn tell_act(teller: &mut Teller<'_>, report: &Value) {
    let Some([act]) = report.pointer("/recorded/acts").and_then(Value::as_array).map(Vec::as_slice)
    else {
        return;
    };
    let mut act = act.clone();
    act.as_object_mut().map(|fields| fields.remove("act"));
    let fields = table::record(&act, teller.0.lang());
    let topic = teller.2;
    teller.1.extend(fields.lines().map(|line| (topic, format!("      {line}"))));
}

fn tell_signer(teller: &mut Teller<'_>, said: &Evidence) {
    let Some(signer) = &said.signer else { return };
    let (from, to) = (signer.not_before.to_beijing(), signer.not_after.to_beijing());
    teller.say("verify-key-then", &[("from", &from), ("to", &to)]);
    if signer.questioned {
        teller.say("verify-key-questioned", &[]);
    } else if signer.revocation.is_some() {
        teller.say("verify-key-revoked", &[]);
    }
}

fn tell_witness(teller: &mut Teller<'_>, report: &Value) {
    let named = |app: &App, list: &Value| {
        let regions = list.as_array().into_iter().flatten();
        let names = regions.map(|one| province(app, &plain(one.get("region"))));
        names.collect::<Vec<_>>().join(", ")
    };
    let checkpoint = &report["witness"]["checkpoint"];
    let doubted = &report["witness"]["doubted"];
    if doubted.as_array().is_some_and(|doubted| !doubted.is_empty()) {
        let who = named(teller.0, doubted);
        teller.say("verify-doubted", &[("who", &who)]);
    }
    let cosigned = checkpoint["cosigned"].as_array().is_some_and(|signed| !signed.is_empty());
    if cosigned {
        let who = named(teller.0, &checkpoint["cosigned"]);
        teller.say("verify-checkpoint", &[("size", &plain(checkpoint.get("size"))), ("who", &who)]);
    }
    let receipts = &report["witness"]["receipts"];
    if receipts.as_array().is_some_and(|receipts| !receipts.is_empty()) {
        let who = named(teller.0, receipts);
        teller.say("verify-receipts", &[("who", &who)]);
    }
}

fn tell_status(teller: &mut Teller<'_>, report: &Value) {
    let status = &report["status"];
    if !status.is_object() {
        return teller.say("verify-no-status", &[]);
    }
    let (height, day) = (plain(status.get("height")), plain(status.get("about_day")));
    let certificates = status["attestations"].as_array().cloned().unwrap_or_default();
    for answer in &certificates {
        let id = plain(answer.get("att_id"));
        let status = word(teller.0, answer["status"].as_str().unwrap_or("unknown"));
        teller.say(
            "verify-status",
            &[("id", &id), ("status", &status), ("height", &height), ("day", &day)],
        );
        if let Some(attested) = answer.get("attested") {
            let (batch, at) = (plain(attested.get("batch")), plain(attested.get("height")));
            teller.say("verify-leaf", &[("batch", &batch), ("height", &at)]);
        }
    }
    // Of these an absence is the usual, and told where it matters.
    let usual = ["correction", "reaffirmed", "calendar"];
    let records = status["records"].as_array().into_iter().flatten();
    let absent = records.filter(|record| record["present"] == false);
    for record in absent.filter(|r| !usual.iter().any(|table| r["table"] == *table)) {
        let (table, key) = (plain(record.get("table")), plain(record.get("key")));
        let table = word(teller.0, &table);
        teller.say("verify-absent", &[("table", &table), ("key", &key), ("height", &height)]);
    }
    if certificates.is_empty() {
        let count = status["records"].as_array().map_or(0, Vec::len).to_string();
        teller.say("verify-records", &[("count", &count), ("height", &height)]);
    }
}

fn tell_rules(teller: &mut Teller<'_>, said: &Evidence) {
    for rule in &said.rules {
        let rule = json!(rule);
        let state = match rule["state"].as_str() {
            Some(state) => word(teller.0, state),
            None => "–".to_owned(),
        };
        let name = match teller.0.lang() {
            Lang::Zh => "name_zh",
            Lang::En => "name_en",
        };
        let arguments = [
            ("code", plain(rule.get("type_code"))),
            ("version", plain(rule.get("version"))),
            ("name", plain(rule.get(name))),
            ("scenario", plain(rule.get("scenario"))),
            ("agreement", plain(rule.get("agreement"))),
            ("digest", plain(rule.get("digest"))),
            ("state", state),
        ];
        let arguments: Vec<(&str, &str)> =
            arguments.iter().map(|(name, value)| (*name, value.as_str())).collect();
        teller.say(&format!("verify-rule-{}", plain(rule.get("rule"))), &arguments);
    }
}

fn tell_recognition(teller: &mut Teller<'_>, said: &Evidence, height: &str) {
    if said.recognitions.is_empty() {
        return teller.say("verify-recognised", &[]);
    }
    for decided in &said.recognitions {
        let shown = json!(decided);
        let outcome = word(teller.0, &plain(shown.get("outcome")));
        let reasons: Vec<String> =
            decided.reasons.iter().map(|reason| format!("{reason:02}")).collect();
        let relying = decided.relying.map_or_else(|| "–".to_owned(), |by| by.to_string());
        let id = decided.att_id.to_string();
        let checked = decided.checked_height.to_string();
        let reasons = if reasons.is_empty() { "–".to_owned() } else { reasons.join(", ") };
        teller.say(
            "verify-decided",
            &[
                ("relying", &relying),
                ("outcome", &outcome),
                ("id", &id),
                ("reasons", &reasons),
                ("checked", &checked),
            ],
        );
        if let Some(batch) = decided.batch {
            teller.say("verify-opened", &[("batch", &batch.to_string())]);
        }
        if let Some(stood) = decided.stood {
            let status = word(teller.0, &plain(json!(stood).get("status")));
            teller.say("verify-stood", &[("status", &status), ("checked", &checked)]);
        }
        match (decided.corrected, decided.corrected_by) {
            (Some(true), Some(by)) => {
                teller.say("verify-corrected", &[("by", &by.to_string()), ("height", height)]);
            }
            (Some(_), _) => teller.say("verify-not-corrected", &[("height", height)]),
            (None, _) => {}
        }
    }
}
