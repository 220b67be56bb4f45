//! `hefu cert seal`: the registry of electronic seals.

use clap::{Args, Subcommand};
use hefu_contracts::certificate::{RegisterSeal, SealState, SetSealState};
use hefu_contracts::identity::Role;
use hefu_primitives::time::Day;
use hefu_primitives::{H32, Millis, Uscc};
use serde_json::json;

use super::super::app::{App, now};
use super::super::args::{Paging, Signing, instant, word};
use super::super::fault::{Done, Fault};
use super::super::list::List;
use super::super::submit::submit;
use super::super::table::{Column, col};

const SEALS: &[Column] = &[
    col("seal-id", "/body/seal_id"),
    col("owner", "/owner"),
    col("state", "/state"),
    col("valid-from", "/body/valid_from"),
    col("valid-until", "/body/valid_until"),
    col("changes", "/changes").count(),
];

#[derive(Subcommand)]
pub(crate) enum Seal {
    List(Seals),
    Register(Register),
    State(State),
}

#[derive(Args)]
pub(crate) struct Seals {
    /// Of this authority.
    #[arg(long, value_name = "USCC")]
    owner: Option<Uscc>,
    #[command(flatten)]
    paging: Paging,
}

#[derive(Args)]
pub(crate) struct Register {
    /// Digest of the seal's id.
    #[arg(value_name = "HASH")]
    seal_id: H32,
    /// Digest of its maker's certificate.
    #[arg(long, value_name = "HASH")]
    maker_cert: H32,
    /// Digest of the certificate it signs with.
    #[arg(long, value_name = "HASH")]
    signer_cert: H32,
    /// First day of validity.
    #[arg(long, value_name = "DAY")]
    valid_from: Day,
    /// Last day of validity.
    #[arg(long, value_name = "DAY")]
    valid_until: Day,
    #[command(flatten)]
    signing: Signing,
}

#[derive(Args)]
pub(crate) struct State {
    /// Digest of the seal's id.
    #[arg(value_name = "HASH")]
    seal_id: H32,
    /// active, suspended or revoked.
    #[arg(value_parser = word::<SealState>)]
    state: SealState,
    /// Reason code, not zero.
    #[arg(long, value_parser = clap::value_parser!(u16).range(1..))]
    reason: u16,
    /// Since when; now when not given.
    #[arg(long, value_name = "TIME", value_parser = instant)]
    since: Option<Millis>,
    /// Whose seal it is, if your authority took over from that one.
    #[arg(long, value_name = "USCC")]
    owner: Option<Uscc>,
    #[command(flatten)]
    signing: Signing,
}

pub(crate) fn run(app: &App, command: Seal) -> Done {
    match command {
        Seal::List(args) => {
            let filters: Vec<(&str, String)> =
                args.owner.iter().map(|code| ("owner", code.to_string())).collect();
            let list = List { path: "/seals", columns: SEALS, empty: "seal-list-empty" };
            list.show(app, &args.paging, &filters)
        }
        Seal::Register(args) => {
            let Register { seal_id, maker_cert, signer_cert, valid_from, valid_until, signing } =
                args;
            if valid_until < valid_from {
                return Err(Fault::needs("--valid-from --valid-until", "days-backwards"));
            }
            let act = RegisterSeal { seal_id, maker_cert, signer_cert, valid_from, valid_until };
            let told = json!({ "seal_id": seal_id });
            submit(app, &signing, Role::Issuer, act.into(), &format!("seal:{seal_id}"), &told)
        }
        Seal::State(args) => {
            let State { seal_id, state, reason, since, owner, signing } = args;
            let since = since.unwrap_or_else(now);
            let act = SetSealState { seal_id, state, since, reason, owner };
            let told = json!({ "seal_id": seal_id });
            submit(app, &signing, Role::Issuer, act.into(), &format!("seal:{seal_id}"), &told)
        }
    }
}
