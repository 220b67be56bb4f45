//! `hefu audit`: what happened, in the order it was recorded; mandates of auditors and what they
//! leave behind ([`super::mandate`]); whether this node's copy is whole ([`verify`]).

mod verify;

use clap::{Args, Subcommand};
use hefu_primitives::{Height, Region, Uscc};

use super::app::App;
use super::args::{Paging, region};
use super::fault::Done;
use super::list::List;
use super::mandate;
use super::table::{Column, col};

const COLUMNS: &[Column] = &[
    col("id", "/id"),
    col("event", "/kind"),
    col("subject", "/subject"),
    col("by", "/actor"),
    col("region", "/region"),
    col("flags", "/flags"),
];

#[derive(Subcommand)]
pub(crate) enum Audit {
    Query(Query),
    #[command(subcommand)]
    Mandate(mandate::Mandate),
    Openings(mandate::Openings),
    ReadLog(mandate::ReadLog),
    Verify(verify::Verify),
}

#[derive(Args)]
pub(crate) struct Query {
    /// From this height on.
    #[arg(long, value_name = "HEIGHT")]
    from_height: Option<Height>,
    /// Up to this height.
    #[arg(long, value_name = "HEIGHT")]
    to_height: Option<Height>,
    /// Only of this kind: attested, decision_recorded, …
    #[arg(long)]
    kind: Option<String>,
    /// Only by this authority.
    #[arg(long, value_name = "USCC")]
    actor: Option<Uscc>,
    /// Only by authorities of this province.
    #[arg(long, value_name = "PROVINCE", value_parser = region)]
    region: Option<Region>,
    /// Only about this: att:…, dec:…, key:…
    #[arg(long)]
    subject: Option<String>,
    /// Only with this flag: refused_while_valid, …
    #[arg(long)]
    flag: Option<String>,
    #[command(flatten)]
    paging: Paging,
}

pub(crate) fn run(app: &App, command: Audit) -> Done {
    match command {
        Audit::Query(args) => query(app, args),
        Audit::Mandate(args) => mandate::run(app, args),
        Audit::Openings(args) => mandate::openings(app, args),
        Audit::ReadLog(args) => mandate::read_log(app, &args),
        Audit::Verify(args) => verify::run(app, &args),
    }
}

fn query(app: &App, args: Query) -> Done {
    let filters: Vec<(&str, String)> = [
        ("from_height", args.from_height.map(|height| height.to_string())),
        ("to_height", args.to_height.map(|height| height.to_string())),
        ("kind", args.kind),
        ("actor", args.actor.map(|code| code.to_string())),
        ("region", args.region.map(|region| region.to_string())),
        ("subject", args.subject),
        ("flag", args.flag),
    ]
    .into_iter()
    .filter_map(|(name, value)| Some((name, value?)))
    .collect();
    let list = List { path: "/audit/events", columns: COLUMNS, empty: "list-empty" };
    list.show(app, &args.paging, &filters)
}
