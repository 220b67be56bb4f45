//! `hefu case`: cases handled across provinces, from the window to the archive.
//!
//! What is handed over goes beside the ledger: the documents, and a slip with the salts of the
//! commitments to them. The handler checks documents against slip, and slip against ledger.

mod evaluate;
mod hand;
mod open;
mod progress;

use clap::{Args, Subcommand};
use hefu_contracts::Act;
use hefu_contracts::identity::Role;
use hefu_contracts::service::CaseState;
use hefu_primitives::{BaseCode, Id16, Uscc};
use serde_json::json;

use super::app::App;
use super::args::{AtHeight, Paging, Signing, word};
use super::fault::{Done, Fault};
use super::list::{self, List, record};
use super::submit::submit;
use super::table::{Column, col};

const CASES: &[Column] = &[
    col("case-id", "/body/case_id"),
    col("item", "/body/base"),
    col("mode", "/body/mode"),
    col("receiver", "/receiver"),
    col("handler", "/body/handler"),
    col("state", "/state"),
    col("used-days", "/clocks/used_days"),
    col("promise-due", "/clocks/promise_due").as_time(),
    col("overdue", "/clocks/overdue_promise"),
];

const THEMES: &[Column] = &[
    col("theme", "/id"),
    col("receiver", "/receiver"),
    col("items", "/items"),
    col("until", "/until"),
    col("cases", "/cases"),
];

#[derive(Subcommand)]
pub(crate) enum Case {
    List(CaseList),
    Show(Show),
    Open(Box<open::Open>),
    Check(open::Check),
    Withdraw(open::Withdraw),
    Theme(open::Theme),
    Themes(Paging),
    Handover(hand::Handover),
    Receive(hand::Receive),
    Accept(hand::Accept),
    Supplement(hand::Supplement),
    Pause(progress::Pause),
    Continue(progress::Continue),
    Extend(progress::Extend),
    Decide(progress::Decide),
    Sub(progress::Sub),
    Fee(progress::Fee),
    Deliver(progress::Deliver),
    Close(progress::Close),
    Evaluate(evaluate::Evaluate),
    Answer(evaluate::Answer),
    Evaluations(evaluate::Evaluations),
}

#[derive(Args)]
pub(crate) struct CaseList {
    /// Of this handler.
    #[arg(long, value_name = "USCC")]
    handler: Option<Uscc>,
    /// Taken in by this authority.
    #[arg(long, value_name = "USCC")]
    receiver: Option<Uscc>,
    /// Of this item.
    #[arg(long, value_name = "CODE")]
    item: Option<BaseCode>,
    /// In this state: accepted, …
    #[arg(long, value_parser = word::<CaseState>)]
    state: Option<CaseState>,
    /// Past what was promised or what the law allows.
    #[arg(long)]
    overdue: bool,
    #[command(flatten)]
    paging: Paging,
}

#[derive(Args)]
pub(crate) struct Show {
    /// The case, or the theme.
    #[arg(value_name = "ID")]
    case_id: Id16,
    #[command(flatten)]
    at: AtHeight,
}

pub(crate) fn run(app: &App, command: Case) -> Done {
    match command {
        Case::List(args) => list(app, &args),
        Case::Show(args) => show(app, &args),
        Case::Open(args) => open::open(app, *args),
        Case::Check(args) => open::check(app, &args),
        Case::Withdraw(args) => open::withdraw(app, &args),
        Case::Theme(args) => open::theme(app, args),
        Case::Themes(paging) => {
            List { path: "/themes", columns: THEMES, empty: "theme-list-empty" }.show(
                app,
                &paging,
                &[],
            )
        }
        Case::Handover(args) => hand::handover(app, &args),
        Case::Receive(args) => hand::receive(app, &args),
        Case::Accept(args) => hand::accept(app, &args),
        Case::Supplement(args) => hand::supplement(app, &args),
        Case::Pause(args) => progress::pause(app, &args),
        Case::Continue(args) => progress::proceed(app, &args),
        Case::Extend(args) => progress::extend(app, &args),
        Case::Decide(args) => progress::decide(app, args),
        Case::Sub(args) => progress::sub(app, &args),
        Case::Fee(args) => progress::fee(app, &args),
        Case::Deliver(args) => progress::deliver(app, &args),
        Case::Close(args) => progress::close(app, &args),
        Case::Evaluate(args) => evaluate::evaluate(app, args),
        Case::Answer(args) => evaluate::answer(app, &args),
        Case::Evaluations(args) => evaluate::list(app, &args),
    }
}

/// A case, or a theme with its cases.
fn show(app: &App, args: &Show) -> Done {
    match list::show(app, &format!("/cases/{}", args.case_id), args.at) {
        Err(fault) if fault.code == "api.not_found" => {
            list::show(app, &format!("/themes/{}", args.case_id), args.at).map_err(|_| fault)
        }
        shown => shown,
    }
}

fn list(app: &App, args: &CaseList) -> Done {
    let state = args.state.and_then(|state| serde_json::to_value(state).ok());
    let state = state.and_then(|state| state.as_str().map(str::to_owned));
    let filters: Vec<(&str, String)> = [
        ("handler", args.handler.map(|code| code.to_string())),
        ("receiver", args.receiver.map(|code| code.to_string())),
        ("item", args.item.map(|base| base.to_string())),
        ("state", state),
        ("overdue", args.overdue.then(|| "true".to_owned())),
    ]
    .into_iter()
    .filter_map(|(name, value)| Some((name, value?)))
    .collect();
    let list = List { path: "/cases", columns: CASES, empty: "case-list-empty" };
    list.show(app, &args.paging, &filters)
}

/// Submits an act about a case.
fn act(app: &App, signing: &Signing, role: Role, case: Id16, act: impl Into<Act>) -> Done {
    let told = json!({ "case_id": case });
    submit(app, signing, role, act.into(), &format!("case:{case}"), &told)
}

/// The role with which a receiver acts: an online case has no window.
fn receiver_role(app: &App, case: Id16) -> Result<Role, Fault> {
    let answer = app.client()?.find(&format!("/cases/{case}"), &[])?;
    let answer = answer.ok_or_else(|| Fault::with("E619", case))?;
    let online = record(&answer).pointer("/body/mode").is_some_and(|mode| mode == "online");
    Ok(if online { Role::Handler } else { Role::Window })
}
