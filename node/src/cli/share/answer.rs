//! `hefu share acknowledge`, `grant`, `deny`, `return`, `grant-state`: a provider's answers.

use std::path::PathBuf;

use clap::Args;
use hefu_contracts::identity::Role;
use hefu_contracts::sharing::{
    Acknowledge as AcknowledgeAct, Denial, Deny as DenyAct, Extent, GrantAccess, GrantReason,
    GrantState, Missing, ReturnRequest, SetGrantState,
};
use hefu_primitives::time::Day;
use hefu_primitives::{Id16, Uscc};
use serde_json::json;

use super::super::app::App;
use super::super::args::{Signing, word};
use super::super::fault::{Done, Fault};
use super::super::list::record;
use super::super::openings::Openings;
use super::super::sign;
use super::super::submit::submit;
use super::{Basis, fields_digest};

#[derive(Args)]
pub(crate) struct Acknowledge {
    /// The request.
    req_id: Id16,
    #[command(flatten)]
    signing: Signing,
}

pub(crate) fn acknowledge(app: &App, args: &Acknowledge) -> Done {
    let act = AcknowledgeAct { req_id: args.req_id };
    provide(app, &args.signing, args.req_id, act.into())
}

#[derive(Args)]
pub(crate) struct Grant {
    /// The request.
    req_id: Id16,
    /// Fewer fields than asked for, separated by commas.
    #[arg(long, value_name = "NAME,…", value_delimiter = ',')]
    fields: Vec<String>,
    /// Fewer uses on a day.
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..))]
    per_day: Option<u32>,
    /// A later first day.
    #[arg(long, value_name = "DAY")]
    from: Option<Day>,
    /// An earlier last day.
    #[arg(long, value_name = "DAY")]
    until: Option<Day>,
    #[command(flatten)]
    signing: Signing,
}

/// Grants what was asked for, less what is said here.
pub(crate) fn grant(app: &App, args: &Grant) -> Done {
    let answer = app.client()?.find_soon(&format!("/requests/{}", args.req_id), &[])?;
    let answer = answer.ok_or_else(|| Fault::with("E517", args.req_id))?;
    let asked = record(&answer).pointer("/body/extent").cloned().unwrap_or_default();
    let asked: Extent =
        serde_json::from_value(asked).map_err(|_| Fault::with("cli.bad_answer", "extent"))?;
    let (fields_digest, field_count) = match args.fields.as_slice() {
        [] => (asked.fields_digest, asked.field_count),
        fields => fields_digest(fields),
    };
    let extent = Extent {
        fields_digest,
        field_count,
        per_day: args.per_day.unwrap_or(asked.per_day),
        from: args.from.unwrap_or(asked.from),
        until: args.until.unwrap_or(asked.until),
    };
    if extent.until < extent.from {
        return Err(Fault::needs("--until", "until-before"));
    }
    if !extent.is_within(&asked) {
        return Err(Fault::said(
            "E514",
            "grant-exceeds",
            &[
                ("fields", &asked.field_count),
                ("uses", &asked.per_day),
                ("from", &asked.from),
                ("until", &asked.until),
            ],
        ));
    }
    provide(app, &args.signing, args.req_id, GrantAccess { req_id: args.req_id, extent }.into())
}

#[derive(Args)]
pub(crate) struct Deny {
    /// The request.
    req_id: Id16,
    /// 1 not needed · 2 fields excessive · 3 law forbids · 4 not held · 5 security · 6 available
    /// already · 99 other.
    #[arg(long)]
    reason: u16,
    #[command(flatten)]
    basis: Basis,
    /// Who holds the data (reason 4).
    #[arg(long, value_name = "USCC")]
    holder: Option<Uscc>,
    /// Evidence (reason 99): a commitment to this file is recorded.
    #[arg(long, value_name = "FILE")]
    evidence: Option<PathBuf>,
    #[command(flatten)]
    signing: Signing,
}

impl Deny {
    /// What each reason must come with.
    fn check(&self) -> Result<(), Fault> {
        match self.reason {
            3 if self.basis.kind().is_none() => {
                Err(Fault::needs("--basis-kind --basis-file", "needs-basis-denial"))
            }
            4 if self.holder.is_none() => Err(Fault::needs("--holder", "needs-holder")),
            99 if self.evidence.is_none() => Err(Fault::needs("--evidence", "needs-evidence")),
            1..=6 | 99 => Ok(()),
            other => Err(Fault::said("cli.input", "denial-unknown", &[("reason", &other)])),
        }
    }
}

pub(crate) fn deny(app: &App, args: &Deny) -> Done {
    args.check()?;
    sign::choose(app, &args.signing, Role::Provider)?;
    let mut openings = Openings::default();
    let evidence = match &args.evidence {
        Some(path) => Some(openings.evidence(app, path)?),
        None => None,
    };
    openings.keep(app, &format!("denial-{}", args.req_id))?;
    let basis = args.basis.read(app)?;
    let denial = Denial { reason: args.reason, basis, holder: args.holder, evidence };
    provide(app, &args.signing, args.req_id, DenyAct { req_id: args.req_id, denial }.into())
}

#[derive(Args)]
pub(crate) struct Return {
    /// The request.
    req_id: Id16,
    /// What is missing: legal-basis, purpose, fields, extent or security.
    #[arg(long, value_parser = word::<Missing>)]
    missing: Missing,
    #[command(flatten)]
    signing: Signing,
}

pub(crate) fn send_back(app: &App, args: &Return) -> Done {
    let act = ReturnRequest { req_id: args.req_id, missing: args.missing };
    provide(app, &args.signing, args.req_id, act.into())
}

#[derive(Args)]
pub(crate) struct GrantChange {
    /// The grant.
    grant_id: Id16,
    /// active, suspended, revoked, or given-up (by the consumer).
    #[arg(value_parser = word::<GrantState>)]
    state: GrantState,
    /// misused, security, law-changed, not-needed, system or restored.
    #[arg(long, value_parser = word::<GrantReason>)]
    reason: Option<GrantReason>,
    #[command(flatten)]
    signing: Signing,
}

pub(crate) fn change(app: &App, args: &GrantChange) -> Done {
    let id = args.grant_id;
    let must = matches!(args.state, GrantState::Suspended | GrantState::Revoked);
    if must && args.reason.is_none() {
        return Err(Fault::needs("--reason", "needs-reason-grant"));
    }
    let act = SetGrantState { grant_id: id, state: args.state, reason: args.reason };
    let role = match args.state {
        GrantState::GivenUp => Role::Consumer,
        _ => Role::Provider,
    };
    let told = json!({ "grant": id });
    submit(app, &args.signing, role, act.into(), &format!("grant:{id}"), &told)
}

fn provide(app: &App, signing: &Signing, id: Id16, act: hefu_contracts::Act) -> Done {
    let told = json!({ "request": id });
    submit(app, signing, Role::Provider, act, &format!("req:{id}"), &told)
}
