//! `hefu proposal`: what provinces decide together by vote.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};
use hefu_contracts::identity::{Action, CastVote, Propose};
use hefu_primitives::{Id16, Region};
use serde_json::json;

use super::app::{App, random_id};
use super::args::{AtHeight, Paging, Signing, region};
use super::fault::{Done, Fault};
use super::list::{self, List};
use super::submit::submit_governed;
use super::table::{Column, col};

const COLUMNS: &[Column] = &[
    col("id", "/id"),
    col("action", "/kind|/action"),
    col("proposer", "/proposer"),
    col("state", "/state"),
    col("votes", "/votes").count(),
    col("needed", "/needed"),
    col("closes", "/closes_at").as_time(),
];

#[derive(Subcommand)]
pub(crate) enum Proposal {
    List(Paging),
    Show(Show),
    New(New),
    Vote(Vote),
}

#[derive(Args)]
pub(crate) struct Show {
    /// The proposal.
    id: Id16,
    #[command(flatten)]
    at: AtHeight,
}

#[derive(Args)]
pub(crate) struct New {
    /// What is to be done, as JSON.
    action: PathBuf,
    /// The province that proposes; the one whose governor keys are here when not given.
    #[arg(long, value_name = "PROVINCE", value_parser = region)]
    member: Option<Region>,
    /// The proposal's id, when another governor completes it.
    #[arg(long)]
    id: Option<Id16>,
    #[command(flatten)]
    signing: Signing,
}

#[derive(Args)]
pub(crate) struct Vote {
    /// The proposal.
    id: Id16,
    /// yes or no.
    #[arg(value_enum)]
    vote: YesNo,
    /// The province that votes; the one whose governor keys are here when not given.
    #[arg(long, value_name = "PROVINCE", value_parser = region)]
    member: Option<Region>,
    #[command(flatten)]
    signing: Signing,
}

/// A vote.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum YesNo {
    /// For it.
    Yes,
    /// Against it.
    No,
}

pub(crate) fn run(app: &App, command: Proposal) -> Done {
    match command {
        Proposal::List(paging) => {
            List { path: "/proposals", columns: COLUMNS, empty: "proposal-list-empty" }.show(
                app,
                &paging,
                &[],
            )
        }
        Proposal::Show(args) => list::show(app, &format!("/proposals/{}", args.id), args.at),
        Proposal::New(args) => propose(app, &args),
        Proposal::Vote(args) => {
            let act = CastVote { proposal: args.id, approve: args.vote == YesNo::Yes };
            let subject = format!("prop:{}", args.id);
            let told = json!({ "proposal": args.id });
            submit_governed(app, &args.signing, args.member, act.into(), &subject, &told)
        }
    }
}

fn propose(app: &App, args: &New) -> Done {
    let action: Action = serde_json::from_slice(&app.read(&args.action)?).map_err(|error| {
        Fault::with("cli.input", format_args!("{}: {error}", args.action.display()))
    })?;
    // What no vote could carry is not put to one.
    if let Action::SetParameters(parameters) = &action {
        parameters.validate().map_err(|code| Fault {
            exit: super::exit::Exit::Usage,
            ..Fault::with(format!("E{}", code.number()), args.action.display())
        })?;
    }
    let id = args.id.map_or_else(random_id, Ok)?;
    let act = Propose { id, action };
    let told = json!({ "proposal": id });
    submit_governed(app, &args.signing, args.member, act.into(), &format!("prop:{id}"), &told)
}
