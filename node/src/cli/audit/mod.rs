//! `hefu audit`: what happened, in the order it was recorded; the questions of auditors
//! ([`super::question`]); mandates of auditors and what they leave behind ([`super::mandate`]); what was
//! read here under them ([`reads`]); reports on paper (`report`); whether this node's copy is whole ([`verify`]).

mod reads;
#[cfg(feature = "report")]
mod report;
mod verify;

use std::path::PathBuf;

use super::app::App;
use super::args::Paging;
use super::exit::Exit;
use super::export;
use super::fault::{Done, Fault};
use super::list::List;
use super::mandate;
use super::question::{self, Asked};
use super::table::{Column, col};
use clap::{Args, Subcommand};

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
    Query(Box<Query>),
    Export(Box<export::Export>),
    Index,
    #[command(subcommand)]
    Mandate(mandate::Mandate),
    Openings(mandate::Openings),
    ReadLog(mandate::ReadLog),
    Reads(reads::Reads),
    #[cfg(feature = "report")]
    Report(report::Report),
    Verify(verify::Verify),
}

#[derive(Args)]
pub(crate) struct Query {
    /// q01 to q22, or events; without one, the node's own log of events.
    question: Option<String>,
    /// Lists all questions, and what each is asked with.
    #[arg(long, conflicts_with = "question")]
    list: bool,
    #[command(flatten)]
    asked: Asked,
    /// A file with identifier and salt of a certificate, in the place of --certificate.
    #[arg(long, value_name = "FILE", requires = "question")]
    opening: Option<PathBuf>,
    /// Writes the evidence capsule of each row into this folder.
    #[arg(long, value_name = "FOLDER", requires = "question")]
    capsules: Option<PathBuf>,
    #[command(flatten)]
    paging: Paging,
}

/// What the log of events can be asked with.
const FILTERS: &[&str] =
    &["from_height", "to_height", "kind", "actor", "region", "subject", "flag"];

pub(crate) fn run(app: &App, command: Audit) -> Done {
    match command {
        Audit::Query(args) => query(app, &args),
        Audit::Export(args) => export::run(app, &args),
        Audit::Index => index(app),
        Audit::Mandate(args) => mandate::run(app, args),
        Audit::Openings(args) => mandate::openings(app, args),
        Audit::ReadLog(args) => mandate::read_log(app, &args),
        Audit::Reads(args) => reads::run(app, &args),
        #[cfg(feature = "report")]
        Audit::Report(args) => report::run(app, &args),
        Audit::Verify(args) => verify::run(app, &args),
    }
}

fn query(app: &App, args: &Query) -> Done {
    if args.list {
        return question::list(app);
    }
    if let Some(name) = &args.question {
        let capsules = args.capsules.as_deref();
        let asked = match &args.opening {
            Some(file) => args.asked.opened(app, file)?,
            None => args.asked.clone(),
        };
        return question::ask(app, question::named(name)?, &asked, &args.paging, capsules);
    }
    let mut filters = args.asked.pairs();
    for (name, value) in &mut filters {
        if !FILTERS.contains(name) {
            let flag = format!("--{}", name.replace('_', "-"));
            return Err(Fault::with("cli.audit_parameter", &flag));
        }
        if *name == "region"
            && let Ok(region) = super::args::region(value)
        {
            *value = region.to_string();
        }
    }
    let list = List { path: "/audit/events", columns: COLUMNS, empty: "list-empty" };
    list.show(app, &args.paging, &filters)
}

/// How far the query index is.
fn index(app: &App) -> Done {
    let answer = app.client()?.get("/audit/index", &[])?;
    super::list::show_answer(app, &answer);
    Ok(Exit::Ok)
}
