//! `hefu share receipt`, `cosign`, `confirm`, `contest`: what both sides say of a use.
//!
//! A receipt that both sides sign is confirmed at once: one side writes a draft, the other cosigns
//! it at home, the first puts both on the ledger. With one signature it waits for the other side.

use std::path::PathBuf;

use clap::Args;
use hefu_contracts::identity::Role;
use hefu_contracts::sharing::{
    Answer, AnswerReceipt, ContestReason, Cosignature, PutReceipt, Receipt as Body, UseKind,
    UseResult,
};
use hefu_primitives::commitment::Purpose;
use hefu_primitives::hash::Domain;
use hefu_primitives::{Id16, KeyPair, Millis, Uscc};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::super::app::{App, now, random_id};
use super::super::args::{Signing, instant, word};
use super::super::exit::Exit;
use super::super::fault::{Done, Fault};
use super::super::list::record;
use super::super::openings::Openings;
use super::super::sign;
use super::super::submit::{Ledger, submit};

#[derive(Args)]
pub(crate) struct Receipt {
    /// The grant.
    #[arg(long, value_name = "ID", required_unless_present = "from_draft")]
    grant: Option<Id16>,
    /// query, verify, file or subscribe.
    #[arg(long, default_value = "query", value_parser = word::<UseKind>)]
    kind: UseKind,
    /// Records that came back.
    #[arg(long, default_value_t = 1)]
    records: u32,
    /// What was asked: a commitment to this file is recorded.
    #[arg(long, value_name = "FILE", required_unless_present = "from_draft")]
    request: Option<PathBuf>,
    /// What was answered: a commitment to this file is recorded.
    #[arg(long, value_name = "FILE", required_unless_present = "from_draft")]
    response: Option<PathBuf>,
    /// The exchange platform's error code, when it failed.
    #[arg(long, value_name = "CODE")]
    error: Option<u16>,
    /// Number of the case: a commitment to it is recorded.
    #[arg(long, value_name = "TEXT")]
    case: Option<String>,
    /// When it began; now when not given.
    #[arg(long, value_name = "TIME", value_parser = instant)]
    begun: Option<Millis>,
    /// When it ended; its beginning when not given.
    #[arg(long, value_name = "TIME", value_parser = instant)]
    ended: Option<Millis>,
    /// Write the receipt for the other side to cosign, and submit nothing.
    #[arg(long, value_name = "FILE", conflicts_with = "from_draft")]
    draft: Option<PathBuf>,
    /// Submit the receipt of this draft.
    #[arg(long = "from", value_name = "FILE", conflicts_with_all = ["grant", "request", "response"])]
    from_draft: Option<PathBuf>,
    /// The other side's signature.
    #[arg(long, value_name = "FILE")]
    cosignature: Option<PathBuf>,
    /// Cosign as this authority, whose key is here too.
    #[arg(long, value_name = "USCC", conflicts_with = "cosignature")]
    cosign_as: Option<Uscc>,
    #[command(flatten)]
    signing: Signing,
}

pub(crate) fn run(app: &App, args: &Receipt) -> Done {
    args.check()?;
    if let Some(path) = &args.draft {
        app.expect_new(path)?;
    }
    let receipt = match &args.from_draft {
        Some(path) => read(app, path)?,
        None => args.receipt(app)?,
    };
    let id = receipt.rcp_id;
    if let Some(path) = &args.draft {
        let text = serde_json::to_string_pretty(&receipt).unwrap_or_default();
        app.write(path, format!("{text}\n").as_bytes())?;
        let file = path.display().to_string();
        let prose = app.out.text("receipt-drafted", &[("file", &file)]);
        app.out.done(&json!({ "receipt": id, "file": file }), &prose);
        return Ok(Exit::Ok);
    }
    let role = role_of(app, &args.signing, receipt.grant_id)?;
    let cosignature = match (&args.cosignature, args.cosign_as) {
        (Some(path), _) => Some(read(app, path)?),
        (None, Some(authority)) => {
            let signing = Signing { authority: Some(authority), ..Signing::default() };
            let role = role_of(app, &signing, receipt.grant_id)?;
            let signer = sign::signer(app, &signing, role)?;
            Some(cosignature(&Ledger::of(app.client()?)?, &receipt, &signer.pair))
        }
        (None, None) => None,
    };
    let act = PutReceipt { receipt, cosignature };
    let told = json!({ "receipt": id });
    submit(app, &args.signing, role, act.into(), &format!("rcp:{id}"), &told)
}

impl Receipt {
    /// What can be seen to be wrong without the ledger.
    fn check(&self) -> Result<(), Fault> {
        let begun = self.begun.unwrap_or_else(now);
        if self.ended.is_some_and(|ended| ended < begun) {
            return Err(Fault::needs("--ended", "ended-before"));
        }
        Ok(())
    }

    fn receipt(&self, app: &App) -> Result<Body, Fault> {
        let missing = || Fault::new("cli.usage");
        let grant_id = self.grant.ok_or_else(missing)?;
        let answer = app.client()?.find_soon(&format!("/grants/{grant_id}"), &[])?;
        let answer = answer.ok_or_else(|| Fault::with("E526", grant_id))?;
        let version = record(&answer)["cat_version"].as_u64().and_then(|v| u16::try_from(v).ok());
        let cat_version = version.ok_or_else(|| Fault::with("cli.bad_answer", "cat_version"))?;
        let rcp_id = random_id()?;
        let mut openings = Openings::default();
        let mut commit = |name: &str, purpose, path: &Option<PathBuf>| {
            let path = path.as_ref().ok_or_else(missing)?;
            openings.commit(name, purpose, &app.read(path)?)
        };
        let req = commit("request", Purpose::Request, &self.request)?;
        let resp = commit("response", Purpose::Response, &self.response)?;
        let case = match &self.case {
            Some(case) => Some(openings.commit("case", Purpose::Case, case.as_bytes())?),
            None => None,
        };
        openings.keep(app, &format!("receipt-{rcp_id}"))?;
        let t0 = self.begun.unwrap_or_else(now);
        let result = match (self.error, self.records) {
            (Some(code), _) => UseResult::Error(code),
            (None, 0) => UseResult::Empty,
            (None, _) => UseResult::Ok,
        };
        let (kind, n_records, t1) = (self.kind, self.records, self.ended.unwrap_or(t0));
        Ok(Body { rcp_id, grant_id, cat_version, case, kind, n_records, req, resp, result, t0, t1 })
    }
}

fn read<T: DeserializeOwned>(app: &App, path: &std::path::Path) -> Result<T, Fault> {
    serde_json::from_slice(&app.read(path)?)
        .map_err(|error| Fault::with("cli.input", format_args!("{}: {error}", path.display())))
}

fn cosignature(ledger: &Ledger, receipt: &Body, pair: &KeyPair) -> Cosignature {
    let (chain, body) = receipt.signed_parts(&ledger.chain);
    let signature = pair.sign_tagged(Domain::Cosignature, &[&chain, &body]);
    Cosignature { key: pair.id(), signature }
}

/// The role of the side that signs: the grant says who is which.
pub(crate) fn role_of(app: &App, signing: &Signing, grant: Id16) -> Result<Role, Fault> {
    let answer = app.client()?.find_soon(&format!("/grants/{grant}"), &[])?;
    let answer = answer.ok_or_else(|| Fault::with("E526", grant))?;
    let grant = record(&answer);
    let is = |side: &str| match (&signing.authority, &signing.key) {
        (Some(authority), _) => grant[side] == authority.as_str(),
        (None, Some(key)) => app
            .keystore()
            .and_then(|keystore| Ok(keystore.info(key.as_str())?.id))
            .and_then(|id| sign::on_ledger(app.client()?, id))
            .is_ok_and(|key| key.is_some_and(|key| grant[side] == key.owner.as_str())),
        (None, None) => false,
    };
    Ok(if is("consumer") { Role::Consumer } else { Role::Provider })
}

#[derive(Args)]
pub(crate) struct Cosign {
    /// The draft.
    draft: PathBuf,
    /// The signature to write.
    #[arg(long, short = 'O', value_name = "FILE")]
    out: PathBuf,
    #[command(flatten)]
    signing: Signing,
}

/// Shows what is signed, signs it at home, and submits nothing.
pub(crate) fn cosign(app: &App, args: &Cosign) -> Done {
    app.expect_new(&args.out)?;
    let receipt: Body = read(app, &args.draft)?;
    let role = role_of(app, &args.signing, receipt.grant_id)?;
    let signer = sign::signer(app, &args.signing, role)?;
    let signed = cosignature(&Ledger::of(app.client()?)?, &receipt, &signer.pair);
    let text = serde_json::to_string_pretty(&signed).unwrap_or_default();
    app.write(&args.out, format!("{text}\n").as_bytes())?;
    let shown = json!({ "receipt": receipt, "cosignature": signed, "by": signer.owner });
    app.out.record(&shown);
    Ok(Exit::Ok)
}

#[derive(Args)]
pub(crate) struct Confirm {
    /// The receipt.
    rcp_id: Id16,
    #[command(flatten)]
    signing: Signing,
}

pub(crate) fn confirm(app: &App, args: &Confirm) -> Done {
    answer(app, &args.signing, args.rcp_id, Answer::Confirm)
}

#[derive(Args)]
pub(crate) struct Contest {
    /// The receipt.
    rcp_id: Id16,
    /// not-used, count-differs, content-differs, time-differs or purpose-differs.
    #[arg(long, value_parser = word::<ContestReason>)]
    reason: ContestReason,
    /// Evidence: a commitment to this file is recorded.
    #[arg(long, value_name = "FILE")]
    evidence: Option<PathBuf>,
    #[command(flatten)]
    signing: Signing,
}

pub(crate) fn contest(app: &App, args: &Contest) -> Done {
    grant_of(app, args.rcp_id)?;
    let mut openings = Openings::default();
    let evidence = match &args.evidence {
        Some(path) => Some(openings.evidence(app, path)?),
        None => None,
    };
    openings.keep(app, &format!("contest-{}", args.rcp_id))?;
    answer(app, &args.signing, args.rcp_id, Answer::Contest { reason: args.reason, evidence })
}

fn answer(app: &App, signing: &Signing, id: Id16, answer: Answer) -> Done {
    let role = role_of(app, signing, grant_of(app, id)?)?;
    let act = AnswerReceipt { rcp_id: id, answer };
    submit(app, signing, role, act.into(), &format!("rcp:{id}"), &json!({ "receipt": id }))
}

/// The grant of a receipt that is on the ledger.
fn grant_of(app: &App, id: Id16) -> Result<Id16, Fault> {
    let stored = app.client()?.find_soon(&format!("/receipts/{id}"), &[])?;
    let stored = stored.ok_or_else(|| Fault::with("E524", id))?;
    let grant = record(&stored).pointer("/receipt/grant_id").and_then(Value::as_str);
    let grant = grant.and_then(|grant| grant.parse().ok());
    grant.ok_or_else(|| Fault::with("cli.bad_answer", "grant_id"))
}
