//! `hefu case pause`, `continue`, `extend`, `decide`, `sub`, `fee`, `deliver`, `close`.

use std::path::PathBuf;

use clap::Args;
use hefu_contracts::identity::Role;
use hefu_contracts::service::{
    Automated, CaseOutcome, CloseCase, ContinueCase, DecideCase, DecideSub, DeliverCase,
    DispatchCase, ExtendCase, OpenSub, PauseCase, PauseKind, SettleFee, Verdict,
};
use hefu_primitives::commitment::Purpose;
use hefu_primitives::{BaseCode, Id16, Uscc};

use super::super::app::{App, now, random_id};
use super::super::args::{Signing, word};
use super::super::fault::Done;
use super::super::openings::{Openings, public_digest};
use super::{act, receiver_role};

#[derive(Args)]
pub(crate) struct Pause {
    /// The case.
    #[arg(value_name = "ID")]
    case_id: Id16,
    /// hearing, tender, auction, inspection, testing, quarantine, appraisal, expert-review or
    /// public-notice.
    #[arg(long, value_parser = word::<PauseKind>)]
    kind: PauseKind,
    /// For how many working days at most.
    #[arg(long)]
    days: u16,
    #[command(flatten)]
    signing: Signing,
}

pub(crate) fn pause(app: &App, args: &Pause) -> Done {
    let Pause { case_id, kind, days, .. } = *args;
    act(app, &args.signing, Role::Handler, case_id, PauseCase { case_id, kind, days })
}

#[derive(Args)]
pub(crate) struct Continue {
    /// The case.
    #[arg(value_name = "ID")]
    case_id: Id16,
    #[command(flatten)]
    signing: Signing,
}

pub(crate) fn proceed(app: &App, args: &Continue) -> Done {
    let case_id = args.case_id;
    act(app, &args.signing, Role::Handler, case_id, ContinueCase { case_id })
}

#[derive(Args)]
pub(crate) struct Extend {
    /// The case.
    #[arg(value_name = "ID")]
    case_id: Id16,
    /// Working days more.
    #[arg(long)]
    days: u16,
    /// The head's approval.
    #[arg(long, value_name = "FILE")]
    approval: PathBuf,
    #[command(flatten)]
    signing: Signing,
}

pub(crate) fn extend(app: &App, args: &Extend) -> Done {
    let (case_id, approval) = (args.case_id, public_digest(app, &args.approval)?);
    let body = ExtendCase { case_id, days: args.days, approval };
    act(app, &args.signing, Role::Handler, case_id, body)
}

#[derive(Args)]
pub(crate) struct Decide {
    /// The case.
    #[arg(value_name = "ID")]
    case_id: Id16,
    /// approved, denied or partly.
    #[arg(value_parser = word::<CaseOutcome>)]
    outcome: CaseOutcome,
    /// Reason codes; when not approved.
    #[arg(long = "reason", value_name = "CODE", value_delimiter = ',')]
    reasons: Vec<u16>,
    /// A program decided: the text of its rules.
    #[arg(long, value_name = "FILE", requires = "input")]
    rules: Option<PathBuf>,
    /// The program's input: a commitment to this file is recorded.
    #[arg(long, value_name = "FILE", requires = "rules")]
    input: Option<PathBuf>,
    /// The attestation that came of it.
    #[arg(long, value_name = "ID")]
    result: Option<Id16>,
    /// Decide this part of a joint case.
    #[arg(long, value_name = "NUMBER")]
    sub: Option<u8>,
    #[command(flatten)]
    signing: Signing,
}

pub(crate) fn decide(app: &App, args: Decide) -> Done {
    let (case_id, occurred_at) = (args.case_id, now());
    let automated = match (&args.rules, &args.input) {
        (Some(rules), Some(input)) => {
            let mut openings = Openings::default();
            let input = openings.evidence(app, input)?.commit;
            let sub = args.sub.map(|number| format!("-{number}")).unwrap_or_default();
            openings.keep(app, &format!("automated-{case_id}{sub}"))?;
            Some(Automated { rule_digest: public_digest(app, rules)?, input })
        }
        _ => None,
    };
    let Decide { outcome, reasons, result, .. } = args;
    let verdict = Verdict { outcome, reasons, automated, result };
    match args.sub {
        Some(number) => {
            let body = DecideSub { case_id, number, verdict, occurred_at };
            act(app, &args.signing, Role::Handler, case_id, body)
        }
        None => {
            let body = DecideCase { case_id, verdict, occurred_at };
            act(app, &args.signing, Role::Handler, case_id, body)
        }
    }
}

#[derive(Args)]
pub(crate) struct Sub {
    /// The case.
    #[arg(value_name = "ID")]
    case_id: Id16,
    /// A number not used in the case.
    #[arg(long)]
    number: u8,
    /// The item of this part.
    #[arg(long, value_name = "CODE")]
    item: BaseCode,
    /// Who decides it.
    #[arg(long, value_name = "USCC")]
    handler: Uscc,
    /// Working days it has.
    #[arg(long)]
    days: u16,
    /// Sign as the receiver, with a window key.
    #[arg(long)]
    by_receiver: bool,
    #[command(flatten)]
    signing: Signing,
}

pub(crate) fn sub(app: &App, args: &Sub) -> Done {
    let Sub { case_id, number, handler, days, item: base, .. } = *args;
    let role = if args.by_receiver { Role::Window } else { Role::Handler };
    act(app, &args.signing, role, case_id, OpenSub { case_id, number, base, handler, days })
}

#[derive(Args)]
pub(crate) struct Fee {
    /// The case.
    #[arg(value_name = "ID")]
    case_id: Id16,
    /// Receipt of the payment platform: a commitment to this file is recorded.
    #[arg(long, value_name = "FILE")]
    receipt: PathBuf,
    /// Sign as the receiver, with a window key.
    #[arg(long)]
    by_receiver: bool,
    #[command(flatten)]
    signing: Signing,
}

pub(crate) fn fee(app: &App, args: &Fee) -> Done {
    let (case_id, occurred_at) = (args.case_id, now());
    let mut openings = Openings::default();
    let receipt = openings.commit("receipt", Purpose::Case, &app.read(&args.receipt)?)?;
    openings.keep(app, &format!("fee-{case_id}-{}", random_id()?))?;
    let role = if args.by_receiver { Role::Window } else { Role::Handler };
    act(app, &args.signing, role, case_id, SettleFee { case_id, receipt, occurred_at })
}

#[derive(Args)]
pub(crate) struct Deliver {
    /// The case.
    #[arg(value_name = "ID")]
    case_id: Id16,
    /// It is only on its way (handler); else the applicant has it (receiver).
    #[arg(long)]
    dispatch: bool,
    /// Number of the waybill: a commitment to it is recorded.
    #[arg(long, value_name = "TEXT", requires = "dispatch")]
    waybill: Option<String>,
    #[command(flatten)]
    signing: Signing,
}

pub(crate) fn deliver(app: &App, args: &Deliver) -> Done {
    let (case_id, occurred_at) = (args.case_id, now());
    if !args.dispatch {
        let role = receiver_role(app, case_id)?;
        return act(app, &args.signing, role, case_id, DeliverCase { case_id, occurred_at });
    }
    let mut openings = Openings::default();
    let waybill = match &args.waybill {
        Some(number) => Some(openings.commit("waybill", Purpose::Case, number.as_bytes())?),
        None => None,
    };
    openings.keep(app, &format!("waybill-{case_id}"))?;
    let body = DispatchCase { case_id, waybill, occurred_at };
    act(app, &args.signing, Role::Handler, case_id, body)
}

#[derive(Args)]
pub(crate) struct Close {
    /// The case.
    #[arg(value_name = "ID")]
    case_id: Id16,
    /// The archive.
    #[arg(long, value_name = "FILE")]
    archive: PathBuf,
    #[command(flatten)]
    signing: Signing,
}

pub(crate) fn close(app: &App, args: &Close) -> Done {
    let (case_id, archive) = (args.case_id, public_digest(app, &args.archive)?);
    act(app, &args.signing, Role::Handler, case_id, CloseCase { case_id, archive })
}
