//! `hefu recognise`: what a relying authority decided on a certificate.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use hefu_contracts::certificate::SealVerdict;
use hefu_contracts::identity::Role;
use hefu_contracts::recognition::{
    Consent, CorrectDecision, Decide as Act, DecisionMode, DecisionOutcome, MAX_REASONS, Reason,
};
use hefu_primitives::commitment::Purpose;
use hefu_primitives::time::Day;
use hefu_primitives::{BaseCode, Height, Id16, Region, Uscc};
use serde_json::{Value, json};

use super::app::{App, now, random_id};
use super::args::{AtHeight, Paging, Signing, word};
use super::batch;
use super::cert::verify::verify;
use super::exit::Exit;
use super::fault::{Detail, Done, Fault};
use super::list::{self, List, items, record, text_at};
use super::openings::{Openings, public_digest};
use super::origin;
use super::proposal::YesNo;
use super::sign;
use super::submit::submit;
use super::table::{Column, col};

const COLUMNS: &[Column] = &[
    col("dec-id", "/body/dec_id"),
    col("time", "/stamp/time").as_time(),
    col("relying", "/relying"),
    col("att-id", "/body/att_id").short(),
    col("outcome", "/body/outcome"),
    col("reasons", "/body/reasons"),
    col("flags", "/flags"),
    col("basis-annulled", "/basis_annulled"),
    col("challenge", "/challenge"),
];

#[derive(Subcommand)]
pub(crate) enum Recognise {
    Decide(Box<Decide>),
    Correct(Box<Correct>),
    Batch(batch::Batch),
    Batches(batch::Batches),
    Open(batch::Open),
    Show(Show),
    Replay(Show),
    List(Of),
}

#[derive(Args)]
pub(crate) struct Correct {
    /// The decision that is corrected.
    #[arg(long = "corrects", value_name = "DEC_ID")]
    corrected: Id16,
    #[command(flatten)]
    decide: Decide,
}

#[derive(Args)]
pub(crate) struct Show {
    /// The decision.
    dec_id: Id16,
    #[command(flatten)]
    at: AtHeight,
}

#[derive(Args)]
pub(crate) struct Of {
    /// On this attestation.
    #[arg(long = "att", value_name = "ATT_ID")]
    att_id: Option<Id16>,
    /// By this authority.
    #[arg(long, value_name = "USCC")]
    relying: Option<Uscc>,
    /// Only those whose certificate was annulled with effect before they were taken.
    #[arg(long)]
    annulled: bool,
    #[command(flatten)]
    paging: Paging,
}

#[derive(Args)]
pub(crate) struct Decide {
    /// The attestation.
    #[arg(long = "att", value_name = "ATT_ID", required_unless_present = "presentation")]
    att_id: Option<Id16>,
    /// Check this presentation first; it names the attestation.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["att_id", "digest_match"])]
    presentation: Option<PathBuf>,
    /// accepted, conditional, refused or deferred.
    #[arg(long, value_parser = word::<DecisionOutcome>)]
    outcome: DecisionOutcome,
    /// The scenario.
    #[arg(long, value_name = "NUMBER")]
    scenario: u32,
    /// The service item; that of the scenario when not given.
    #[arg(long, value_name = "ITEM")]
    item: Option<BaseCode>,
    /// Reason codes 1 to 20, or 99; when not accepted.
    #[arg(long = "reason", value_name = "CODE", value_delimiter = ',')]
    reasons: Vec<u16>,
    /// The agreement; the one in force that covers it when not given.
    #[arg(long, value_name = "ID")]
    agreement: Option<Id16>,
    /// It rests on no agreement.
    #[arg(long, conflicts_with = "agreement")]
    no_agreement: bool,
    /// online, qr-scan, file or offline.
    #[arg(long, default_value = "online", value_parser = word::<DecisionMode>)]
    mode: DecisionMode,
    /// The height that was checked; the latest when not given.
    #[arg(long, value_name = "HEIGHT")]
    checked_height: Option<Height>,
    /// Whether what was presented is what was attested.
    #[arg(long, value_enum, default_value_t = YesNo::Yes)]
    digest_match: YesNo,
    /// valid, invalid or not-checked.
    #[arg(long, default_value = "not-checked", value_parser = word::<SealVerdict>)]
    seal_verdict: SealVerdict,
    /// holder, statutory or none.
    #[arg(long, default_value = "holder", value_parser = word::<Consent>)]
    consent: Consent,
    /// Number of the case: a commitment to it is recorded.
    #[arg(long, value_name = "TEXT")]
    case: Option<String>,
    /// Code of the unit that decided.
    #[arg(long, value_name = "CODE")]
    unit: Option<String>,
    /// Text of the statute that asks for the original (reason 16).
    #[arg(long, value_name = "FILE")]
    statute: Option<PathBuf>,
    /// Evidence: a commitment to this file is recorded.
    #[arg(long, value_name = "FILE")]
    evidence: Vec<PathBuf>,
    #[command(flatten)]
    signing: Signing,
}

pub(crate) fn run(app: &App, command: Recognise) -> Done {
    match command {
        Recognise::Decide(args) => decide(app, &args, None),
        Recognise::Correct(args) => decide(app, &args.decide, Some(args.corrected)),
        Recognise::Batch(args) => batch::decide(app, &args),
        Recognise::Batches(args) => batch::batches(app, &args),
        Recognise::Open(args) => batch::open(app, &args),
        Recognise::Show(args) => show(app, &args),
        Recognise::Replay(args) => replay(app, &args),
        Recognise::List(args) => {
            let att = args.att_id.iter().map(|id| ("att_id", id.to_string()));
            let relying = args.relying.iter().map(|code| ("relying", code.to_string()));
            let annulled = args.annulled.then(|| ("annulled", true.to_string()));
            let filters: Vec<(&str, String)> = att.chain(relying).chain(annulled).collect();
            let empty = if args.annulled { "list-empty" } else { "recognise-list-empty" };
            List { path: "/recognitions", columns: COLUMNS, empty }.show(
                app,
                &args.paging,
                &filters,
            )
        }
    }
}

/// A decision, and the transaction that recorded it.
fn show(app: &App, args: &Show) -> Done {
    let (path, height) = (format!("/recognitions/{}", args.dec_id), args.at.at_height);
    let height = height.map(|height| height.to_string());
    let query: Vec<(&str, &str)> = height.iter().map(|h| ("at_height", h.as_str())).collect();
    let mut answer =
        app.client()?.get(&path, &query).map_err(|fault| match fault.code.as_str() {
            "api.not_found" => Fault { detail: in_batch(args.dec_id), ..fault },
            _ => fault,
        })?;
    if let (Ok(Some(tx)), Some(fields)) =
        (origin::transaction(app, &answer, &format!("dec:{}", args.dec_id)), answer.as_object_mut())
    {
        fields.insert("tx".to_owned(), tx.to_string().into());
    }
    list::show_answer(app, &answer);
    Ok(Exit::Ok)
}

/// Why a decision may be on the ledger and not be found.
fn in_batch(dec_id: Id16) -> Option<Box<Detail>> {
    Fault::said("api.not_found", "decision-in-batch", &[("id", &dec_id)]).detail
}

/// Has the decision judged again by the rule it was judged by: 0 the same, 3 another verdict.
fn replay(app: &App, args: &Show) -> Done {
    let (path, height) = (format!("/recognitions/{}/replay", args.dec_id), args.at.at_height);
    let height = height.map(|height| height.to_string());
    let query: Vec<(&str, &str)> = height.iter().map(|h| ("at_height", h.as_str())).collect();
    let answer = app.client()?.get(&path, &query)?;
    list::show_answer(app, &answer);
    let same = answer["same"] == true;
    app.out.tell(if same { "replay-same" } else { "replay-other" }, &[]);
    if same { Ok(Exit::Ok) } else { Ok(Exit::Invalid) }
}

impl Decide {
    /// What can be seen to be wrong without the ledger, which would record nothing but a refusal.
    fn check(&self) -> Result<(), Fault> {
        let accepted = self.outcome == DecisionOutcome::Accepted;
        if accepted && !self.reasons.is_empty() {
            return Err(Fault::needs("--reason", "reason-with-acceptance"));
        }
        if !accepted && self.reasons.is_empty() {
            return Err(Fault::needs("--reason", "needs-reason"));
        }
        let mut known = Vec::new();
        for code in &self.reasons {
            let reason = Reason::from_code(*code);
            known.push(
                reason.ok_or_else(|| {
                    Fault::said("cli.input", "reason-unknown", &[("reason", code)])
                })?,
            );
        }
        let twice =
            self.reasons.iter().enumerate().any(|(at, code)| self.reasons[..at].contains(code));
        if twice || known.len() > MAX_REASONS {
            return Err(Fault::said("cli.input", "reasons-few", &[("most", &MAX_REASONS)]));
        }
        if known.iter().any(|reason| reason.needs_statute()) && self.statute.is_none() {
            return Err(Fault::needs("--statute", "needs-statute"));
        }
        if known.iter().any(|reason| reason.needs_evidence()) && self.evidence.is_empty() {
            return Err(Fault::needs("--evidence", "needs-evidence"));
        }
        let differs = known.contains(&Reason::DigestMismatch);
        if differs && self.presentation.is_none() && self.digest_match == YesNo::Yes {
            return Err(Fault::needs("--digest-match no", "needs-differs"));
        }
        if known.contains(&Reason::SealInvalid) && self.seal_verdict == SealVerdict::Valid {
            return Err(Fault::needs("--seal-verdict invalid", "needs-seal-invalid"));
        }
        Ok(())
    }
}

/// Records a decision; in the place of another when that is named.
fn decide(app: &App, args: &Decide, corrects: Option<Id16>) -> Done {
    args.check()?;
    let client = app.client()?;
    let (att_id, digest_match, checked) = match &args.presentation {
        Some(path) => {
            let verdict = verify(app, path, None, None)?;
            let height = verdict.height.parse().ok();
            // What was altered may be refused, and is put on record then; it is not accepted.
            if !verdict.matches && args.outcome == DecisionOutcome::Accepted {
                return Err(Fault::said("cli.invalid", "altered", &[("file", &path.display())]));
            }
            // The ledger would refuse a reason against one's own finding.
            if verdict.matches && args.reasons.contains(&Reason::DigestMismatch.code()) {
                let file = path.display();
                return Err(Fault::said("cli.input", "reason-against-check", &[("file", &file)]));
            }
            (verdict.presentation.att_id, verdict.matches, height)
        }
        None => {
            let id = args.att_id.ok_or_else(|| Fault::new("cli.usage"))?;
            (id, args.digest_match == YesNo::Yes, None)
        }
    };
    let checked_height = match args.checked_height.or(checked) {
        Some(height) => height,
        None => parse(text_at(&client.get("/node", &[])?, "/height")?)?,
    };
    let item = match args.item {
        Some(item) => item,
        None => {
            let scenario = client.find(&format!("/scenarios/{}", args.scenario), &[])?;
            let scenario = scenario.ok_or_else(|| Fault::with("E334", args.scenario))?;
            parse(text_at(record(&scenario), "/terms/item")?)?
        }
    };
    let signer = sign::signer(app, &args.signing, Role::Verifier)?;
    let agreement = match args.agreement {
        Some(id) => Some(id),
        None if args.no_agreement => None,
        None => covering(app, att_id, signer.owner, args.scenario)?,
    };
    let dec_id = random_id()?;
    let mut openings = Openings::default();
    let case = match &args.case {
        Some(case) => Some(openings.commit("case", Purpose::Case, case.as_bytes())?),
        None => None,
    };
    let evidence =
        args.evidence.iter().map(|path| openings.evidence(app, path)).collect::<Result<_, _>>()?;
    let statute = match &args.statute {
        Some(path) => Some(public_digest(app, path)?),
        None => None,
    };
    openings.keep(app, &format!("decision-{dec_id}"))?;
    let act = Act {
        dec_id,
        att_id,
        unit: args.unit.clone(),
        agreement,
        scenario: args.scenario,
        item,
        case,
        mode: args.mode,
        checked_height,
        digest_match,
        seal_verdict: args.seal_verdict,
        consent: args.consent,
        outcome: args.outcome,
        reasons: args.reasons.clone(),
        statute,
        evidence,
        decided_at: now(),
    };
    let signing = Signing { authority: Some(signer.owner), ..args.signing.clone() };
    let told = json!({ "dec_id": dec_id });
    let act = match corrects {
        Some(corrects) => CorrectDecision { corrects, decision: act }.into(),
        None => act.into(),
    };
    submit(app, &signing, Role::Verifier, act, &format!("dec:{dec_id}"), &told)
}

fn parse<T: core::str::FromStr>(text: &str) -> Result<T, Fault> {
    text.parse().map_err(|_| Fault::with("cli.bad_answer", text))
}

/// The agreement in force between the issuer's province and the relying one that covers the type in
/// the scenario. None inside one province, for what is not recorded, or when there is none.
fn covering(app: &App, att_id: Id16, relying: Uscc, scenario: u32) -> Result<Option<Id16>, Fault> {
    let client = app.client()?;
    let Some(attestation) = client.find(&format!("/certificates/{att_id}"), &[])? else {
        return Ok(None);
    };
    let issuer: Uscc = parse(text_at(record(&attestation), "/issuer")?)?;
    let province = |code: Uscc| super::key::member_of(app, code);
    let (home, here) = (province(issuer)?, province(relying)?);
    if home == here {
        return Ok(None);
    }
    let kind = record(&attestation)["type_code"].clone();
    let answer = client.get("/agreements", &[("limit", "500")])?;
    let today = Day::of_beijing(now()).to_string();
    let found = items(&answer).iter().find(|row| {
        let in_force = row.get("state").and_then(Value::as_str).is_none_or(|s| s == "in_force");
        in_force && covers(&record(row)["terms"], &kind, scenario, [home, here], &today)
    });
    Ok(found.and_then(|row| record(row)["terms"]["id"].as_str()?.parse().ok()))
}

fn covers(terms: &Value, kind: &Value, scenario: u32, between: [Region; 2], today: &str) -> bool {
    let array = |value: &Value| value.as_array().cloned().unwrap_or_default();
    let parties = array(&terms["parties"]);
    let entry = |entry: &Value| {
        entry["type_code"] == *kind && array(&entry["scenarios"]).contains(&json!(scenario))
    };
    let begun = terms["effective"].as_str().is_some_and(|day| day <= today);
    begun
        && between.iter().all(|region| parties.contains(&json!(region)))
        && array(&terms["entries"]).iter().any(entry)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn agreements_cover_types_between_parties() {
        let terms = json!({"parties": [310000, 320000], "effective": "2026-01-01",
            "entries": [{"type_code": "T", "scenarios": [1, 2]}]});
        let covers = |kind: &str, scenario, parties: [u32; 2]| {
            covers(&terms, &json!(kind), scenario, parties.map(Region), "2026-06-01")
        };
        assert!(covers("T", 2, [320_000, 310_000]));
        assert!(!covers("T", 3, [320_000, 310_000]));
        assert!(!covers("U", 2, [320_000, 310_000]));
        assert!(!covers("T", 2, [320_000, 330_000]));
    }
}
