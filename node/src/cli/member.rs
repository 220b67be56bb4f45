//! `hefu member`: the provinces.

use clap::{Args, Subcommand};
use hefu_primitives::Region;

use super::app::App;
use super::args::{AtHeight, Paging, region};
use super::fault::Done;
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
    }
}
