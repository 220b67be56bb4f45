//! `hefu dispute`: disagreements about records, from opening to ruling.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use hefu_contracts::Act;
use hefu_contracts::dispute::{
    AckDispute, AddEvidence, AgreeSettlement, DisputeKind, DisputeOutcome, DisputeState,
    EscalateDispute, Forum, OpenDispute, ProposeSettlement, ReportFulfilment, RuleDispute, Subject,
    WithdrawDispute,
};
use hefu_contracts::identity::Role;
use hefu_primitives::{Id16, Region, Uscc};
use serde_json::json;

use super::app::{App, random_id};
use super::args::{AtHeight, Paging, Signing, region, word};
use super::fault::Done;
use super::list::{self, List};
use super::openings::{Openings, public_digest};
use super::submit::{submit, submit_governed};
use super::table::{Column, col};

const DISPUTES: &[Column] = &[
    col("dispute-id", "/body/dispute_id"),
    col("kind", "/body/kind"),
    col("subject", "/body/subject"),
    col("opener", "/opener"),
    col("respondent", "/body/respondent"),
    col("state", "/state"),
    col("outcome", "/end/outcome"),
    col("unfulfilled", "/unfulfilled"),
];

#[derive(Subcommand)]
pub(crate) enum Dispute {
    List(DisputeList),
    Show(Show),
    Open(Box<Open>),
    Ack(Side),
    Evidence(Evidence),
    Propose(Terms),
    Agree(Terms),
    Escalate(Escalate),
    Rule(Rule),
    Withdraw(Side),
    Fulfil(Fulfil),
}

#[derive(Args)]
pub(crate) struct DisputeList {
    /// About this record: dec:…, att:…, case:…
    #[arg(long)]
    subject: Option<String>,
    /// In which this authority is a side.
    #[arg(long, value_name = "USCC")]
    party: Option<Uscc>,
    /// In this state: escalated, …
    #[arg(long, value_parser = word::<DisputeState>)]
    state: Option<DisputeState>,
    #[command(flatten)]
    paging: Paging,
}

#[derive(Args)]
pub(crate) struct Show {
    /// The dispute.
    #[arg(value_name = "ID")]
    dispute_id: Id16,
    #[command(flatten)]
    at: AtHeight,
}

/// The key of an authority that takes a side may have any role but governor.
#[derive(Args)]
pub(crate) struct Acting {
    /// Sign with a key of this role.
    #[arg(long, default_value = "verifier", value_parser = word::<Role>)]
    role: Role,
    #[command(flatten)]
    signing: Signing,
}

#[derive(Args)]
pub(crate) struct Open {
    /// cert-data, cert-status, recognition-refused, …
    #[arg(long, value_parser = word::<DisputeKind>)]
    kind: DisputeKind,
    /// About this record: att:ID, dec:ID, req:ID, grant:ID, rcp:ID, case:ID, key:ID or item:CODE.
    #[arg(long, value_parser = subject)]
    about: Subject,
    /// Who is to answer.
    #[arg(long, value_name = "USCC")]
    respondent: Uscc,
    /// The statement: a commitment to this file is recorded.
    #[arg(long, value_name = "FILE")]
    statement: PathBuf,
    /// Evidence: commitments to these files are recorded.
    #[arg(long, value_name = "FILE")]
    evidence: Vec<PathBuf>,
    #[command(flatten)]
    acting: Acting,
}

#[derive(Args)]
pub(crate) struct Side {
    /// The dispute.
    #[arg(value_name = "ID")]
    dispute_id: Id16,
    #[command(flatten)]
    acting: Acting,
}

#[derive(Args)]
pub(crate) struct Escalate {
    /// The dispute.
    #[arg(value_name = "ID")]
    dispute_id: Id16,
    /// Before the ledger's coordinator, not before a panel.
    #[arg(long)]
    to_coordinator: bool,
    #[command(flatten)]
    acting: Acting,
}

#[derive(Args)]
pub(crate) struct Evidence {
    /// The dispute.
    #[arg(value_name = "ID")]
    dispute_id: Id16,
    /// A commitment to this file is recorded.
    #[arg(value_name = "FILE")]
    evidence: PathBuf,
    #[command(flatten)]
    acting: Acting,
}

#[derive(Args)]
pub(crate) struct Terms {
    /// The dispute.
    #[arg(value_name = "ID")]
    dispute_id: Id16,
    /// correct-record, uphold, overturn-refusal, revoke-grant, no-action or refer-discipline.
    #[arg(value_parser = word::<DisputeOutcome>)]
    outcome: DisputeOutcome,
    /// The terms of the settlement, the same file on both sides.
    #[arg(long, value_name = "FILE")]
    terms: PathBuf,
    #[command(flatten)]
    acting: Acting,
}

#[derive(Args)]
pub(crate) struct Rule {
    /// The dispute.
    #[arg(value_name = "ID")]
    dispute_id: Id16,
    /// correct-record, uphold, overturn-refusal, revoke-grant, no-action or refer-discipline.
    #[arg(value_parser = word::<DisputeOutcome>)]
    outcome: DisputeOutcome,
    /// The reasons.
    #[arg(long, value_name = "FILE")]
    basis: PathBuf,
    /// The province on the panel.
    #[arg(long, value_name = "PROVINCE", value_parser = region)]
    member: Option<Region>,
    /// Rule as the coordinator, with its key.
    #[arg(long, conflicts_with = "member")]
    as_coordinator: bool,
    #[command(flatten)]
    signing: Signing,
}

#[derive(Args)]
pub(crate) struct Fulfil {
    /// The dispute.
    #[arg(value_name = "ID")]
    dispute_id: Id16,
    /// What shows it.
    #[arg(long, value_name = "FILE")]
    proof: PathBuf,
    #[command(flatten)]
    acting: Acting,
}

pub(crate) fn run(app: &App, command: Dispute) -> Done {
    match command {
        Dispute::List(args) => list(app, &args),
        Dispute::Show(args) => list::show(app, &format!("/disputes/{}", args.dispute_id), args.at),
        Dispute::Open(args) => open(app, &args),
        Dispute::Ack(args) => {
            let act = AckDispute { dispute_id: args.dispute_id };
            side(app, &args.acting, args.dispute_id, act)
        }
        Dispute::Evidence(args) => {
            let (dispute_id, mut openings) = (args.dispute_id, Openings::default());
            let evidence = openings.evidence(app, &args.evidence)?;
            openings.keep(app, &format!("evidence-{}", evidence.commit))?;
            side(app, &args.acting, dispute_id, AddEvidence { dispute_id, evidence })
        }
        Dispute::Propose(args) => {
            let Terms { dispute_id, outcome, .. } = args;
            let terms = public_digest(app, &args.terms)?;
            side(app, &args.acting, dispute_id, ProposeSettlement { dispute_id, outcome, terms })
        }
        Dispute::Agree(args) => {
            let Terms { dispute_id, outcome, .. } = args;
            let terms = public_digest(app, &args.terms)?;
            side(app, &args.acting, dispute_id, AgreeSettlement { dispute_id, outcome, terms })
        }
        Dispute::Escalate(args) => {
            let forum = args.to_coordinator.then_some(Forum::Coordinator);
            let act = EscalateDispute { dispute_id: args.dispute_id, forum };
            side(app, &args.acting, args.dispute_id, act)
        }
        Dispute::Rule(args) => {
            let Rule { dispute_id, outcome, member, .. } = args;
            let basis = public_digest(app, &args.basis)?;
            let act = RuleDispute { dispute_id, outcome, basis }.into();
            let told = json!({ "dispute_id": dispute_id });
            let subject = format!("dispute:{dispute_id}");
            if args.as_coordinator {
                return submit(app, &args.signing, Role::Coordinator, act, &subject, &told);
            }
            submit_governed(app, &args.signing, member, act, &subject, &told)
        }
        Dispute::Withdraw(args) => {
            let act = WithdrawDispute { dispute_id: args.dispute_id };
            side(app, &args.acting, args.dispute_id, act)
        }
        Dispute::Fulfil(args) => {
            let dispute_id = args.dispute_id;
            let evidence = public_digest(app, &args.proof)?;
            side(app, &args.acting, dispute_id, ReportFulfilment { dispute_id, evidence })
        }
    }
}

fn side(app: &App, acting: &Acting, id: Id16, act: impl Into<Act>) -> Done {
    let told = json!({ "dispute_id": id });
    submit(app, &acting.signing, acting.role, act.into(), &format!("dispute:{id}"), &told)
}

fn list(app: &App, args: &DisputeList) -> Done {
    let state = args.state.and_then(|state| serde_json::to_value(state).ok());
    let state = state.and_then(|state| state.as_str().map(str::to_owned));
    let filters: Vec<(&str, String)> = [
        ("subject", args.subject.clone()),
        ("party", args.party.map(|code| code.to_string())),
        ("state", state),
    ]
    .into_iter()
    .filter_map(|(name, value)| Some((name, value?)))
    .collect();
    let list = List { path: "/disputes", columns: DISPUTES, empty: "dispute-list-empty" };
    list.show(app, &args.paging, &filters)
}

fn open(app: &App, args: &Open) -> Done {
    let dispute_id = random_id()?;
    let mut openings = Openings::default();
    let statement = openings.evidence(app, &args.statement)?.commit;
    let evidence: Result<Vec<_>, _> =
        args.evidence.iter().map(|path| openings.evidence(app, path)).collect();
    let evidence = evidence?;
    openings.keep(app, &format!("dispute-{dispute_id}"))?;
    let act = OpenDispute {
        dispute_id,
        kind: args.kind,
        subject: args.about,
        respondent: args.respondent,
        statement,
        evidence,
    };
    side(app, &args.acting, dispute_id, act)
}

/// A record as events name it.
pub(crate) fn subject(text: &str) -> Result<Subject, String> {
    let form = || "att:ID dec:ID req:ID grant:ID rcp:ID case:ID key:ID item:CODE".to_owned();
    let (kind, id) = text.split_once(':').ok_or_else(form)?;
    let record = |make: fn(Id16) -> Subject| id.parse().map(make).map_err(|_| form());
    match kind {
        "att" => record(Subject::Attestation),
        "dec" => record(Subject::Decision),
        "req" => record(Subject::Request),
        "grant" => record(Subject::Grant),
        "rcp" => record(Subject::Receipt),
        "case" => record(Subject::Case),
        "key" => id.parse().map(Subject::Key).map_err(|_| form()),
        "item" => id.parse().map(Subject::Item).map_err(|_| form()),
        _ => Err(form()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn subjects_read_as_events_write_them() {
        for text in [
            "att:01010101010101010101010101010101",
            "rcp:01010101010101010101010101010101",
            "key:0101010101010101010101010101010101010101",
            "item:990790003000",
        ] {
            assert_eq!(subject(text).unwrap().to_string(), text);
        }
        for bad in ["", "att", "att:1", "dog:01010101010101010101010101010101", "item:1"] {
            assert!(subject(bad).is_err(), "{bad}");
        }
    }
}
