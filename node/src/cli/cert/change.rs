//! `hefu cert suspend`, `resume`, `revoke`: what becomes of a certificate. Issuers' acts.

use std::path::PathBuf;

use clap::Args;
use hefu_contracts::Act;
use hefu_contracts::certificate::{
    ResumeAttestation, RevocationKind, RevokeAttestation, SuspendAttestation,
};
use hefu_contracts::identity::Role;
use hefu_primitives::time::Day;
use hefu_primitives::{Id16, Millis, Uscc};
use serde_json::json;

use super::super::app::{App, now};
use super::super::args::{Signing, instant, word};
use super::super::fault::{Done, Fault};
use super::super::openings::Openings;
use super::super::sign;
use super::super::submit::submit_acts;
use super::leaf::{Ground, ground};

#[derive(Args)]
pub(crate) struct Suspend {
    /// The attestation.
    att_id: Id16,
    /// Reason code, not zero.
    #[arg(long, value_parser = clap::value_parser!(u16).range(1..))]
    reason: u16,
    /// First day; today when not given.
    #[arg(long, value_name = "DAY")]
    effective: Option<Day>,
    /// Last day, if it ends by itself.
    #[arg(long, value_name = "DAY")]
    until: Option<Day>,
    /// When it was decided; now, or the day it takes effect if that is past.
    #[arg(long, value_name = "TIME", value_parser = instant)]
    decided: Option<Millis>,
    #[command(flatten)]
    signing: Signing,
}

pub(crate) fn suspend(app: &App, args: &Suspend) -> Done {
    let (id, reason, effective, until) =
        (args.att_id, args.reason, day(args.effective), args.until);
    if until.is_some_and(|until| until < effective) {
        return Err(Fault::needs("--until", "until-before"));
    }
    let occurred_at = decided(args.decided, effective);
    let act = SuspendAttestation { id, reason, effective, until, occurred_at };
    change(app, &args.signing, id, act.into())
}

#[derive(Args)]
pub(crate) struct Resume {
    /// The attestation.
    att_id: Id16,
    /// Reason code, not zero.
    #[arg(long, value_parser = clap::value_parser!(u16).range(1..))]
    reason: u16,
    /// First day on which it is good again; today when not given.
    #[arg(long, value_name = "DAY")]
    effective: Option<Day>,
    /// When it was decided; now, or the day it takes effect if that is past.
    #[arg(long, value_name = "TIME", value_parser = instant)]
    decided: Option<Millis>,
    #[command(flatten)]
    signing: Signing,
}

pub(crate) fn resume(app: &App, args: &Resume) -> Done {
    let (id, reason, effective) = (args.att_id, args.reason, day(args.effective));
    let occurred_at = decided(args.decided, effective);
    let act = ResumeAttestation { id, reason, effective, occurred_at };
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
    #[arg(long, value_parser = clap::value_parser!(u16).range(1..))]
    reason: u16,
    /// First day on which it is revoked; today when not given.
    #[arg(long, value_name = "DAY")]
    effective: Option<Day>,
    /// When it was decided; now, or the day it takes effect if that is past.
    #[arg(long, value_name = "TIME", value_parser = instant)]
    decided: Option<Millis>,
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
    args.check()?;
    let signing = issued_by(&args.signing, ground(app, id)?.issuer);
    sign::choose(app, &signing, Role::Issuer)?;
    app.confirm("confirm-revoke", &[("id", &id.to_string())])?;
    let mut openings = Openings::default();
    let evidence = match &args.evidence {
        Some(path) => Some(openings.evidence(app, path)?),
        None => None,
    };
    openings.keep(app, &format!("revoke-{id}-{}", now()))?;
    let effective = day(args.effective);
    let occurred_at = match (args.retroactive, args.decided) {
        // It reaches back: the day of its effect says nothing about the day of its decision.
        (true, None) => now(),
        (_, given) => decided(given, effective),
    };
    let act = RevokeAttestation {
        id,
        kind: args.kind,
        effective,
        retroactive: args.retroactive,
        reason: args.reason,
        evidence,
        occurred_at,
    };
    change(app, &signing, id, act.into())
}

impl Revoke {
    /// What can be seen to be wrong without the ledger.
    fn check(&self) -> Result<(), Fault> {
        if self.kind == RevocationKind::Other && self.evidence.is_none() {
            return Err(Fault::needs("--evidence", "needs-evidence-other"));
        }
        if self.retroactive && self.kind != RevocationKind::Annul {
            return Err(Fault::needs("--kind annul", "needs-annul"));
        }
        Ok(())
    }
}

pub(super) fn day(given: Option<Day>) -> Day {
    given.unwrap_or_else(|| Day::of_beijing(now()))
}

/// When a change was decided. Only an annulment takes effect before its own decision (`E323`); so
/// what took effect on an earlier day was decided by then, and is only recorded today.
pub(super) fn decided(given: Option<Millis>, effective: Day) -> Millis {
    let now = now();
    let past = effective < Day::of_beijing(now);
    given.unwrap_or(if past { effective.start() } else { now })
}

/// Signs as the issuer of the attestation, unless told otherwise. What is still a leaf of a batch
/// becomes a record in the same transaction.
pub(super) fn change(app: &App, signing: &Signing, id: Id16, act: Act) -> Done {
    let Ground { issuer, mut acts } = ground(app, id)?;
    acts.push(act);
    let signing = issued_by(signing, issuer);
    let told = json!({ "att_id": id });
    submit_acts(app, &signing, Role::Issuer, &acts, &format!("att:{id}"), &told)
}

fn issued_by(signing: &Signing, issuer: Uscc) -> Signing {
    let mut signing = signing.clone();
    if signing.authority.is_none() && signing.key.is_none() {
        signing.authority = Some(issuer);
    }
    signing
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_took_effect_was_decided_by_then() {
        let today = Day::of_beijing(now());
        let past = today.add_days(-3).unwrap();
        assert_eq!(decided(None, past), past.start());
        assert_eq!(decided(Some(Millis(5)), past), Millis(5));
        let before = now();
        assert!(decided(None, today) >= before, "today: at this moment");
        assert!(decided(None, today.next()) >= before, "the ledger refuses what is to come");
    }
}
