//! `hefu member`: the provinces; how one joins, is suspended, leaves, and changes its keys.

mod govern;
mod join;

use clap::{Args, Subcommand};
use hefu_primitives::Region;

use super::app::App;
use super::args::{AtHeight, Paging, region};
use super::fault::{Done, Fault};
use super::list::{self, List};
use super::table::{Column, col};

const COLUMNS: &[Column] = &[
    col("region", "/region"),
    col("name", "/name_zh@zh|/name_en@en"),
    col("operator", "/operator"),
    col("state", "/state"),
    col("governors", "/governors").count(),
    col("joined", "/joined_at").as_time(),
];

#[derive(Subcommand)]
pub(crate) enum Member {
    List(Paging),
    Show(Show),
    JoinRequest(join::Request),
    Propose(join::Propose),
    Prove(join::Prove),
    Suspend(govern::Suspend),
    Reinstate(govern::Reinstate),
    Expel(govern::Expel),
    Notice(govern::Own),
    Leave(govern::Leaving),
    RotateValidator(govern::Rotate),
    SetNode(govern::Move),
    RecoveryRequest(join::RecoveryRequest),
}

#[derive(Args)]
pub(crate) struct Show {
    /// The province.
    #[arg(value_parser = region)]
    region: Region,
    #[command(flatten)]
    at: AtHeight,
}

pub(crate) fn run(app: &App, command: Member) -> Done {
    match command {
        Member::List(paging) => {
            List { path: "/members", columns: COLUMNS, empty: "list-empty" }.show(app, &paging, &[])
        }
        Member::Show(args) => list::show(app, &format!("/members/{}", args.region), args.at),
        Member::JoinRequest(args) => join::request(app, &args),
        Member::Propose(args) => join::propose(app, &args),
        Member::Prove(args) => join::prove(app, &args),
        Member::Suspend(args) => govern::suspend(app, &args),
        Member::Reinstate(args) => govern::reinstate(app, &args),
        Member::Expel(args) => govern::expel(app, &args),
        Member::Notice(args) => govern::notice(app, &args),
        Member::Leave(args) => govern::leave(app, &args),
        Member::RotateValidator(args) => govern::rotate(app, &args),
        Member::SetNode(args) => govern::set_node(app, &args),
        Member::RecoveryRequest(args) => join::recovery_request(app, &args),
    }
}

/// The province that is meant: the one named, or that of this data folder.
fn own_region(app: &App, named: Option<Region>) -> Result<Region, Fault> {
    let own = match named {
        Some(region) => Some(region),
        None => app.settings()?.config.region,
    };
    own.ok_or_else(|| Fault::with("cli.usage", "PROVINCE"))
}

/// What a transaction about a member is about.
fn subject(region: Region) -> String {
    format!("member:{region}")
}
