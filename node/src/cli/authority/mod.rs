//! `hefu authority`: the departments of provinces and their mandates. Governors' acts.

mod mandate;
mod operator;
mod register;
mod units;

use clap::{Args, Subcommand};
use hefu_contracts::identity::{
    DissolveAuthority, ResumeAuthority, SucceedAuthority, SuspendAuthority,
};
use hefu_primitives::{Region, Uscc};
use serde_json::json;

use super::app::App;
use super::args::{AtHeight, Paging, Signing, region};
use super::fault::Done;
use super::key::member_of;
use super::list::{self, List};
use super::submit::submit_governed;
use super::table::{Column, col};

const COLUMNS: &[Column] = &[
    col("code", "/code"),
    col("name", "/name"),
    col("member", "/member"),
    col("level", "/level"),
    col("state", "/state"),
    col("may-issue", "/may_issue").count(),
    col("may-rely", "/may_rely").count(),
    col("may-handle", "/may_handle").count(),
];

#[derive(Subcommand)]
pub(crate) enum Authority {
    List(Of),
    Show(Show),
    Register(register::Register),
    Mandate(mandate::Mandate),
    Units(units::Units),
    Operator(operator::Operator),
    Suspend(Suspend),
    Resume(Resume),
    Succeed(Succeed),
    Dissolve(Dissolve),
}

#[derive(Args)]
pub(crate) struct Succeed {
    /// The authority that ends.
    code: Uscc,
    /// The authority that takes over.
    #[arg(long, value_name = "USCC")]
    to: Uscc,
    /// First day without the old one.
    #[arg(long, value_name = "DAY")]
    from: hefu_primitives::time::Day,
    #[command(flatten)]
    signing: Signing,
}

#[derive(Args)]
pub(crate) struct Dissolve {
    /// The authority.
    code: Uscc,
    /// The authority that keeps what it made.
    #[arg(long, value_name = "USCC")]
    custodian: Option<Uscc>,
    #[command(flatten)]
    signing: Signing,
}

#[derive(Args)]
pub(crate) struct Of {
    /// Of this province.
    #[arg(long, value_name = "PROVINCE", value_parser = region)]
    region: Option<Region>,
    #[command(flatten)]
    paging: Paging,
}

#[derive(Args)]
pub(crate) struct Show {
    /// The authority.
    code: Uscc,
    #[command(flatten)]
    at: AtHeight,
}

#[derive(Args)]
pub(crate) struct Suspend {
    /// The authority.
    code: Uscc,
    /// Reason code, not zero.
    #[arg(long, value_parser = clap::value_parser!(u16).range(1..))]
    reason: u16,
    #[command(flatten)]
    signing: Signing,
}

#[derive(Args)]
pub(crate) struct Resume {
    /// The authority.
    code: Uscc,
    #[command(flatten)]
    signing: Signing,
}

pub(crate) fn run(app: &App, command: Authority) -> Done {
    match command {
        Authority::List(args) => {
            let filters: Vec<(&str, String)> =
                args.region.iter().map(|region| ("region", region.to_string())).collect();
            List { path: "/authorities", columns: COLUMNS, empty: "list-empty" }.show(
                app,
                &args.paging,
                &filters,
            )
        }
        Authority::Show(args) => list::show(app, &format!("/authorities/{}", args.code), args.at),
        Authority::Register(args) => register::run(app, args),
        Authority::Mandate(args) => mandate::run(app, args),
        Authority::Units(args) => units::run(app, args),
        Authority::Operator(args) => operator::run(app, &args),
        Authority::Suspend(args) => {
            let act = SuspendAuthority { authority: args.code, reason: args.reason };
            governed(app, &args.signing, args.code, act.into())
        }
        Authority::Resume(args) => {
            let act = ResumeAuthority { authority: args.code };
            governed(app, &args.signing, args.code, act.into())
        }
        Authority::Succeed(args) => {
            let (authority, to, effective_day) = (args.code, args.to, args.from);
            let act = SucceedAuthority { authority, to, effective_day };
            governed(app, &args.signing, args.code, act.into())
        }
        Authority::Dissolve(args) => {
            let code = args.code.to_string();
            app.confirm("confirm-dissolve", &[("code", &code)])?;
            let act = DissolveAuthority { authority: args.code, custodian: args.custodian };
            governed(app, &args.signing, args.code, act.into())
        }
    }
}

/// Submits an act about an authority as the governors of its member.
fn governed(app: &App, signing: &Signing, code: Uscc, act: hefu_contracts::Act) -> Done {
    let member = member_of(app, code)?;
    let told = json!({ "authority": code });
    submit_governed(app, signing, Some(member), act, &format!("auth:{code}"), &told)
}
