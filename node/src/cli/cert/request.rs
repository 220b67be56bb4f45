//! `hefu cert request`, `requests`, `answer`, `withdraw-request`: an authority of another province asks
//! the issuer to suspend or revoke; only the issuer does.

use std::path::PathBuf;

use clap::Args;
use hefu_contracts::certificate::{
    AnswerStatusRequest, RequestAnswer, RequestStatus, RevocationKind, RevokeAttestation,
    SuspendAttestation, WantedChange, WithdrawStatusRequest,
};
use hefu_contracts::identity::Role;
use hefu_primitives::time::Day;
use hefu_primitives::{Id16, Millis, Uscc};
use serde_json::json;

use super::super::app::{App, now, random_id};
use super::super::args::{Paging, Signing, instant, word};
use super::super::fault::{Done, Fault};
use super::super::list::{List, record, text_at};
use super::super::openings::Openings;
use super::super::proposal::YesNo;
use super::super::submit::{submit, submit_acts};
use super::super::table::{Column, col};
use super::change::{day, decided};
use super::leaf::ground;

const REQUESTS: &[Column] = &[
    col("request-id", "/body/request_id"),
    col("att-id", "/body/att_id"),
    col("wanted", "/body/wanted"),
    col("by", "/by"),
    col("issuer", "/issuer"),
    col("due", "/clock/due").as_time(),
    col("overdue", "/overdue"),
    col("answer", "/end"),
];

#[derive(Args)]
pub(crate) struct Request {
    /// The attestation.
    att_id: Id16,
    /// suspend or revoke.
    #[arg(long, value_parser = word::<WantedChange>)]
    wanted: WantedChange,
    /// Reason code, not zero.
    #[arg(long, value_parser = clap::value_parser!(u16).range(1..))]
    reason: u16,
    /// Evidence: commitments to these files are recorded.
    #[arg(long, value_name = "FILE", required = true)]
    evidence: Vec<PathBuf>,
    /// Working days for the answer.
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u16).range(1..=20))]
    days: u16,
    /// When its cause arose; now when not given.
    #[arg(long, value_name = "TIME", value_parser = instant)]
    occurred: Option<Millis>,
    /// Sign with a key of this role: handler or verifier.
    #[arg(long, default_value = "handler", value_parser = word::<Role>)]
    role: Role,
    #[command(flatten)]
    signing: Signing,
}

#[derive(Args)]
pub(crate) struct Requests {
    /// About this attestation.
    #[arg(long = "att", value_name = "ATT_ID")]
    att_id: Option<Id16>,
    /// To this issuer.
    #[arg(long, value_name = "USCC")]
    issuer: Option<Uscc>,
    /// Of this authority.
    #[arg(long, value_name = "USCC")]
    by: Option<Uscc>,
    /// Only those without an answer.
    #[arg(long)]
    open: bool,
    #[command(flatten)]
    paging: Paging,
}

#[derive(Args)]
pub(crate) struct Answer {
    /// The request.
    #[arg(value_name = "ID")]
    request_id: Id16,
    /// yes: do what was asked for; no: refuse.
    #[arg(value_enum)]
    accept: YesNo,
    /// Reason code, not zero.
    #[arg(long, value_parser = clap::value_parser!(u16).range(1..))]
    reason: u16,
    /// Last day of a suspension, if it ends by itself.
    #[arg(long, value_name = "DAY")]
    until: Option<Day>,
    /// How it is revoked: annul, penalty, deregister, lapse or other.
    #[arg(long, default_value = "penalty", value_parser = word::<RevocationKind>)]
    kind: RevocationKind,
    /// First day; today when not given.
    #[arg(long, value_name = "DAY")]
    effective: Option<Day>,
    /// When it was decided; now, or the day it takes effect if that is past.
    #[arg(long, value_name = "TIME", value_parser = instant)]
    decided: Option<Millis>,
    /// Evidence: a commitment to this file is recorded.
    #[arg(long, value_name = "FILE")]
    evidence: Option<PathBuf>,
    #[command(flatten)]
    signing: Signing,
}

#[derive(Args)]
pub(crate) struct Withdraw {
    /// The request.
    #[arg(value_name = "ID")]
    request_id: Id16,
    /// Sign with a key of this role: handler or verifier.
    #[arg(long, default_value = "handler", value_parser = word::<Role>)]
    role: Role,
    #[command(flatten)]
    signing: Signing,
}

pub(crate) fn request(app: &App, args: &Request) -> Done {
    let (request_id, mut openings) = (random_id()?, Openings::default());
    let evidence =
        args.evidence.iter().map(|path| openings.evidence(app, path)).collect::<Result<_, _>>()?;
    openings.keep(app, &format!("request-{request_id}"))?;
    let act = RequestStatus {
        request_id,
        att_id: args.att_id,
        wanted: args.wanted,
        reason: args.reason,
        evidence,
        days: args.days,
        occurred_at: args.occurred.unwrap_or_else(now),
    };
    let told = json!({ "request_id": request_id });
    submit(app, &args.signing, args.role, act.into(), &format!("srq:{request_id}"), &told)
}

pub(crate) fn requests(app: &App, args: &Requests) -> Done {
    let filters: Vec<(&str, String)> = [
        ("attestation", args.att_id.map(|id| id.to_string())),
        ("issuer", args.issuer.map(|code| code.to_string())),
        ("by", args.by.map(|code| code.to_string())),
        ("open", args.open.then(|| "true".to_owned())),
    ]
    .into_iter()
    .filter_map(|(name, value)| Some((name, value?)))
    .collect();
    let list = List { path: "/status-requests", columns: REQUESTS, empty: "request-list-empty" };
    list.show(app, &args.paging, &filters)
}

pub(crate) fn answer(app: &App, args: &Answer) -> Done {
    let request_id = args.request_id;
    let asked = app.client()?.find(&format!("/status-requests/{request_id}"), &[])?;
    let asked = asked.ok_or_else(|| Fault::with("E335", request_id))?;
    let att_id: Id16 = text_at(record(&asked), "/body/att_id")?
        .parse()
        .map_err(|_| Fault::with("cli.bad_answer", "att_id"))?;
    let suspends = text_at(record(&asked), "/body/wanted")? == "suspend";
    let ground = ground(app, att_id)?;
    let mut openings = Openings::default();
    let evidence = match &args.evidence {
        Some(path) => Some(openings.evidence(app, path)?),
        None => None,
    };
    openings.keep(app, &format!("answer-{request_id}-{}", now()))?;
    let (reason, effective) = (args.reason, day(args.effective));
    let occurred_at = decided(args.decided, effective);
    let answer = match (args.accept, suspends) {
        (YesNo::No, _) => RequestAnswer::Refuse { reason, evidence },
        (YesNo::Yes, true) => {
            let until = args.until;
            let act = SuspendAttestation { id: att_id, reason, effective, until, occurred_at };
            RequestAnswer::Suspend(act)
        }
        (YesNo::Yes, false) => {
            app.confirm("confirm-revoke", &[("id", &att_id.to_string())])?;
            let (kind, retroactive) = (args.kind, false);
            RequestAnswer::Revoke(RevokeAttestation {
                id: att_id,
                kind,
                effective,
                retroactive,
                reason,
                evidence,
                occurred_at,
            })
        }
    };
    let mut signing = args.signing.clone();
    if signing.authority.is_none() && signing.key.is_none() {
        signing.authority = Some(ground.issuer);
    }
    let act = AnswerStatusRequest { request_id, answer }.into();
    let told = json!({ "request_id": request_id, "att_id": att_id });
    submit_acts(app, &signing, Role::Issuer, &[act], &format!("srq:{request_id}"), &told)
}

pub(crate) fn withdraw(app: &App, args: &Withdraw) -> Done {
    let request_id = args.request_id;
    let act = WithdrawStatusRequest { request_id }.into();
    let told = json!({ "request_id": request_id });
    submit(app, &args.signing, args.role, act, &format!("srq:{request_id}"), &told)
}
