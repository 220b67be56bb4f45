//! `hefu cert suspend`, `resume`, `revoke`: what becomes of a certificate. Issuers' acts.

use std::path::PathBuf;

use clap::Args;
use hefu_contracts::Act;
use hefu_contracts::certificate::{
    ResumeAttestation, RevocationKind, RevokeAttestation, SuspendAttestation,
};
use hefu_contracts::identity::Role;
use hefu_primitives::Id16;
use hefu_primitives::time::Day;
use serde_json::json;

use super::super::app::{App, now};
use super::super::args::{Signing, word};
use super::super::fault::Done;
use super::super::list::{record, text_at};
use super::super::openings::Openings;
use super::super::submit;

#[derive(Args)]
pub(crate) struct Suspend {
    /// The attestation.
    att_id: Id16,
    /// Reason code, not zero.
    #[arg(long)]
    reason: u16,
    /// First day; today when not given.
    #[arg(long, value_name = "DAY")]
    effective: Option<Day>,
    /// Last day, if it ends by itself.
    #[arg(long, value_name = "DAY")]
    until: Option<Day>,
    #[command(flatten)]
    signing: Signing,
}

pub(crate) fn suspend(app: &App, args: &Suspend) -> Done {
    let (id, reason, effective, until) =
        (args.att_id, args.reason, day(args.effective), args.until);
    let act = SuspendAttestation { id, reason, effective, until, occurred_at: now() };
    change(app, &args.signing, id, act.into())
}

#[derive(Args)]
pub(crate) struct Resume {
    /// The attestation.
    att_id: Id16,
    /// Reason code, not zero.
    #[arg(long)]
    reason: u16,
    /// First day on which it is good again; today when not given.
    #[arg(long, value_name = "DAY")]
    effective: Option<Day>,
    #[command(flatten)]
    signing: Signing,
}

pub(crate) fn resume(app: &App, args: &Resume) -> Done {
    let (id, reason, effective) = (args.att_id, args.reason, day(args.effective));
    let act = ResumeAttestation { id, reason, effective, occurred_at: now() };
    change(app, &args.signing, id, act.into())
}

#[derive(Args)]
pub(crate) struct Revoke {
    /// The attestation.
    att_id: Id16,
    /// annul, penalty, deregister, lapse or other.
    #[arg(long, value_parser = word::<RevocationKind>)]
    kind: RevocationKind,
    /// Reason code, not zero.
    #[arg(long)]
    reason: u16,
    /// First day on which it is revoked; today when not given.
    #[arg(long, value_name = "DAY")]
    effective: Option<Day>,
    /// It reaches back before its own decision (annul only).
    #[arg(long)]
    retroactive: bool,
    /// Evidence: a commitment to this file is recorded.
    #[arg(long, value_name = "FILE")]
    evidence: Option<PathBuf>,
    #[command(flatten)]
    signing: Signing,
}

pub(crate) fn revoke(app: &App, args: &Revoke) -> Done {
    let id = args.att_id;
    app.confirm("confirm-revoke", &[("id", &id.to_string())])?;
    let mut openings = Openings::default();
    let evidence = match &args.evidence {
        Some(path) => Some(openings.evidence(app, path)?),
        None => None,
    };
    openings.keep(app, &format!("revoke-{id}-{}", now()))?;
    let act = RevokeAttestation {
        id,
        kind: args.kind,
        effective: day(args.effective),
        retroactive: args.retroactive,
        reason: args.reason,
        evidence,
        occurred_at: now(),
    };
    change(app, &args.signing, id, act.into())
}

fn day(given: Option<Day>) -> Day {
    given.unwrap_or_else(|| Day::of_beijing(now()))
}

/// Signs as the issuer of the attestation, unless told otherwise.
fn change(app: &App, signing: &Signing, id: Id16, act: Act) -> Done {
    let mut signing = signing.clone();
    if signing.authority.is_none() && signing.key.is_none() {
        let answer = app.client()?.find(&format!("/certificates/{id}"), &[])?;
        let answer = answer.ok_or_else(|| super::super::fault::Fault::with("E318", id))?;
        signing.authority = text_at(record(&answer), "/issuer")?.parse().ok();
    }
    submit::submit(app, &signing, Role::Issuer, act, &format!("att:{id}"), &json!({ "att_id": id }))
}
