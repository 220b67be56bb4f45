//! `hefu proposal`: what provinces decide together by vote.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};
use hefu_contracts::identity::{
    Action, ActionClass, CastVote, GiveConsent, Propose, Role, RuleTable, Threshold,
};
use hefu_primitives::{Id16, Region};
use serde_json::{Value, json};

use super::app::App;
use super::args::{AtHeight, Paging, Signing, region, word};
use super::exit::Exit;
use super::fault::{Done, Fault};
use super::list::{self, List};
use super::same_id;
use super::submit::{submit, submit_governed};
use super::table::{Column, col};
use super::waiting;
use crate::text;

const COLUMNS: &[Column] = &[
    col("id", "/id"),
    col("action", "/kind|/action").kind(),
    col("proposer", "/proposer"),
    col("state", "/state"),
    col("votes", "/votes").count(),
    col("needed", "/needed"),
    col("closes", "/closes_at").as_time(),
];

const RULES: &[Column] = &[col("class", "/class"), col("threshold-share", "/threshold")];

#[derive(Subcommand)]
pub(crate) enum Proposal {
    List(Paging),
    Show(Show),
    New(New),
    Vote(Vote),
    Pending(waiting::Pending),
    Sign(waiting::Sign),
    Consent(Consent),
    Preflight(Preflight),
    Rules,
    Parameters(AtHeight),
    SetRule(SetRule),
}

/// A change of one rule; the others stay as they are.
#[derive(Args)]
pub(crate) struct SetRule {
    /// catalogue, parameters, membership, suspension, recovery, keys or rules.
    #[arg(value_parser = word::<ActionClass>)]
    class: ActionClass,
    /// majority or two-thirds.
    #[arg(value_parser = word::<Threshold>)]
    threshold: Threshold,
    /// The province that proposes; the one whose governor keys are here when not given.
    #[arg(long, value_name = "PROVINCE", value_parser = region)]
    member: Option<Region>,
    /// The proposal's id, when another governor completes it.
    #[arg(long)]
    id: Option<Id16>,
    #[command(flatten)]
    signing: Signing,
}

/// What to look ahead at.
#[derive(Args)]
#[group(id = "change", required = true, multiple = false, args = ["proposal", "file", "leave", "join"])]
pub(crate) struct Preflight {
    /// An open proposal.
    #[arg(value_name = "PROPOSAL")]
    proposal: Option<Id16>,
    /// Something not proposed yet, as JSON.
    #[arg(long, value_name = "FILE")]
    file: Option<PathBuf>,
    /// This province leaves.
    #[arg(long, value_name = "PROVINCE", value_parser = region)]
    leave: Option<Region>,
    /// This approved province joins.
    #[arg(long, value_name = "PROVINCE", value_parser = region)]
    join: Option<Region>,
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

#[derive(Args)]
pub(crate) struct Consent {
    /// The proposal.
    id: Id16,
    /// yes or no.
    #[arg(value_enum)]
    vote: YesNo,
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
        Proposal::Show(args) => {
            let (path, subject) = (format!("/proposals/{}", args.id), format!("prop:{}", args.id));
            waiting::show(app, &path, args.at, &subject)
        }
        Proposal::Pending(args) => waiting::pending(app, &args),
        Proposal::Sign(args) => waiting::sign(app, args),
        Proposal::New(args) => propose(app, &args),
        Proposal::Vote(args) => {
            let act = CastVote { proposal: args.id, approve: args.vote == YesNo::Yes };
            let subject = format!("prop:{}", args.id);
            let told = json!({ "proposal": args.id });
            let done =
                submit_governed(app, &args.signing, args.member, act.into(), &subject, &told)?;
            if done == Exit::Ok && app.out.is_table() {
                tell_ballot(app, args.id);
            }
            Ok(done)
        }
        Proposal::Consent(args) => {
            let act = GiveConsent { proposal: args.id, approve: args.vote == YesNo::Yes };
            let (subject, told) = (format!("prop:{}", args.id), json!({ "proposal": args.id }));
            submit(app, &args.signing, Role::Coordinator, act.into(), &subject, &told)
        }
        Proposal::Preflight(args) => preflight(app, &args),
        Proposal::Rules => rules(app),
        Proposal::Parameters(at) => list::show(app, "/parameters", at),
        Proposal::SetRule(args) => set_rule(app, &args),
    }
}

/// Says where a vote stands: decided, or how many votes it lacks. Only to say more.
fn tell_ballot(app: &App, id: Id16) {
    let found = app.client().and_then(|client| client.find(&format!("/proposals/{id}"), &[]));
    let Ok(Some(answer)) = found else { return };
    let ballot = list::record(&answer);
    let votes = ballot["votes"].as_array().map_or(&[][..], Vec::as_slice);
    let yes = votes.iter().filter(|vote| vote["approve"] == true).count().to_string();
    let needed = ballot["needed"].to_string();
    let key = match ballot["state"].as_str() {
        Some("open") => "ballot-open",
        Some("applied") => "ballot-applied",
        Some("rejected") => "ballot-rejected",
        _ => "ballot-failed",
    };
    app.out.tell(key, &[("yes", &yes), ("needed", &needed)]);
}

/// The rule table: which share of which provinces must say yes to what.
fn rules(app: &App) -> Done {
    let answer = app.client()?.get("/rules", &[])?;
    let rows = answer["rules"].as_array().cloned().unwrap_or_default();
    app.out.list(&answer, &rows, RULES, "list-empty");
    list::foot(app, &answer);
    Ok(Exit::Ok)
}

fn set_rule(app: &App, args: &SetRule) -> Done {
    let answer = app.client()?.get("/rules", &[])?;
    let table = serde_json::from_value(json!({ "rules": answer["rules"] }));
    let mut table: RuleTable = table.map_err(|error| Fault::with("cli.bad_answer", error))?;
    for rule in table.rules.iter_mut().filter(|rule| rule.class == args.class) {
        rule.threshold = args.threshold;
    }
    // What no vote could carry is not put to one.
    table.validate().map_err(|code| Fault {
        exit: Exit::Usage,
        ..Fault::said(format!("E{}", code.number()), "rule-fixed", &[])
    })?;
    propose_action(app, &args.signing, args.member, args.id, Action::SetRules(table))
}

fn preflight(app: &App, args: &Preflight) -> Done {
    let action = match &args.file {
        Some(path) => Some(app.read_text(path)?),
        None => None,
    };
    let query = [
        ("proposal", args.proposal.map(|id| id.to_string())),
        ("action", action),
        ("leave", args.leave.map(|region| region.to_string())),
        ("join", args.join.map(|region| region.to_string())),
    ];
    let query: Vec<(&str, &str)> =
        query.iter().filter_map(|(name, value)| Some((*name, value.as_deref()?))).collect();
    let found = app.client()?.get("/preflight", &query)?;
    app.out.done(&found, &prose(app, &found));
    if found["possible"] == true { Ok(Exit::Ok) } else { Ok(Exit::Denied) }
}

/// What a look ahead found, for people.
fn prose(app: &App, found: &Value) -> String {
    let number = |value: &Value| match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    let mut lines = Vec::new();
    match found["refusal"].as_str() {
        None => lines.push(app.out.text("preflight-possible", &[])),
        Some(code) => {
            let cause = text::find(app.lang(), code).unwrap_or_default();
            lines.push(app.out.text("preflight-refused", &[("code", code), ("cause", cause)]));
        }
    }
    let electors = found["electors"].as_array().map_or(0, Vec::len);
    if electors > 0 {
        let (of, needed) = (electors.to_string(), number(&found["needed"]));
        lines.push(app.out.text("preflight-votes", &[("needed", &needed), ("of", &of)]));
    }
    let possible = found["refusal"].is_null();
    let seats = [("preflight-now", &found["now"]), ("preflight-then", &found["then"])];
    // Of what is refused there is no afterwards.
    for (key, seats) in seats.into_iter().filter(|(key, _)| possible || *key == "preflight-now") {
        let count = seats["validators"].as_array().map_or(0, Vec::len).to_string();
        let [tolerates, needed, online] =
            ["tolerates", "needed", "online"].map(|name| number(&seats[name]));
        lines.push(app.out.text(
            key,
            &[
                ("validators", &count),
                ("tolerates", &tolerates),
                ("needed", &needed),
                ("online", &online),
            ],
        ));
    }
    for warning in found["warnings"].as_array().into_iter().flatten().filter_map(Value::as_str) {
        let told = match warning {
            "would_stop" => app.out.text("preflight-would-stop", &[]),
            "no_margin" => app.out.text("preflight-no-margin", &[]),
            "fewer_faults" => app.out.text("preflight-fewer-faults", &[]),
            _ => {
                let agreements = found["agreements"].as_array().map_or(0, Vec::len).to_string();
                let [cases, disputes, grants] =
                    ["cases", "disputes", "grants"].map(|name| number(&found[name]));
                let counts = [
                    ("agreements", agreements.as_str()),
                    ("cases", &cases),
                    ("disputes", &disputes),
                    ("grants", &grants),
                ];
                app.out.text("preflight-obligations", &counts)
            }
        };
        lines.push(told);
    }
    lines.join("\n")
}

/// Proposes an action as a province's governors; under the id that each of them gets for it when
/// none is given.
pub(crate) fn propose_action(
    app: &App,
    signing: &Signing,
    member: Option<Region>,
    id: Option<Id16>,
    action: Action,
) -> Done {
    let id = id.map_or_else(|| same_id::proposal(app, &action), Ok)?;
    let told = json!({ "proposal": id });
    let act = Propose { id, action };
    submit_governed(app, signing, member, act.into(), &format!("prop:{id}"), &told)
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
    propose_action(app, &args.signing, args.member, args.id, action)
}
