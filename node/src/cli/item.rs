//! `hefu item`: service items that several provinces offer, their versions and implementations.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use hefu_contracts::Act;
use hefu_contracts::identity::Role;
use hefu_contracts::service::{
    AgreeItem, CaseMode, ItemKind, ItemState, ItemTerms, ProposeItem, PutImplementation,
    SetItemState,
};
use hefu_primitives::{BaseCode, ImplCode, Region};
use serde_json::{Value, json};

use super::app::App;
use super::args::{AtHeight, Paging, Signing, region, word};
use super::exit::Exit;
use super::fault::{Done, Fault};
use super::list::{self, List, items, record, text_at};
use super::openings::public_digest;
use super::sign;
use super::submit::{Ledger, send, submit, submit_governed, tell_applied, tell_pending};
use super::table::{Column, col};

const ITEMS: &[Column] = &[
    col("item", "/base"),
    col("name", "/terms/name"),
    col("lead", "/lead"),
    col("version", "/current|/latest"),
    col("state", "/state"),
    col("modes", "/terms/modes"),
    col("promise-days", "/terms/promise_days"),
    col("legal-days", "/terms/legal_days"),
];

const VERSIONS: &[Column] = &[
    col("version", "/terms/version"),
    col("lead", "/terms/lead"),
    col("state", "/state"),
    col("participants", "/terms/participants"),
    col("missing", "/missing"),
    col("promise-days", "/terms/promise_days"),
    col("digest", "/digest").short(),
];

#[derive(Subcommand)]
pub(crate) enum Item {
    List(ItemList),
    Show(Show),
    Versions(Versions),
    Propose(Box<Propose>),
    Agree(Agree),
    State(State),
    Implement(Implement),
}

#[derive(Args)]
pub(crate) struct ItemList {
    /// Of this lead province.
    #[arg(long, value_name = "PROVINCE", value_parser = region)]
    lead: Option<Region>,
    #[command(flatten)]
    paging: Paging,
}

#[derive(Args)]
pub(crate) struct Show {
    /// The item's base code.
    #[arg(value_name = "CODE")]
    base: BaseCode,
    #[command(flatten)]
    at: AtHeight,
}

#[derive(Args)]
pub(crate) struct Versions {
    /// The item's base code.
    #[arg(value_name = "CODE")]
    base: BaseCode,
    #[command(flatten)]
    paging: Paging,
}

#[derive(Args)]
pub(crate) struct Propose {
    /// The item's base code.
    #[arg(value_name = "CODE")]
    base: BaseCode,
    /// Its public name.
    #[arg(long)]
    name: String,
    /// The province that leads it.
    #[arg(long, value_name = "PROVINCE", value_parser = region)]
    lead: Region,
    /// A province that takes part besides the lead; give all of them.
    #[arg(long = "with", value_name = "PROVINCE", required = true, value_delimiter = ',',
          value_parser = region)]
    participants: Vec<Region>,
    /// online, proxy, joint.
    #[arg(long = "mode", value_name = "MODE", required = true, value_delimiter = ',',
          value_parser = word::<CaseMode>)]
    modes: Vec<CaseMode>,
    /// Working days of the law.
    #[arg(long, value_name = "DAYS")]
    legal_days: u16,
    /// Working days promised.
    #[arg(long, value_name = "DAYS")]
    promise_days: u16,
    /// Longest single pause, in working days.
    #[arg(long, value_name = "DAYS", default_value_t = 0)]
    pause_days: u16,
    /// Decided at once.
    #[arg(long)]
    instant: bool,
    /// List of materials.
    #[arg(long, value_name = "FILE")]
    materials: PathBuf,
    /// Service guide.
    #[arg(long, value_name = "FILE")]
    guide: PathBuf,
    /// Standard of handling and handover.
    #[arg(long, value_name = "FILE")]
    standard: PathBuf,
    /// A scenario in which certificates are relied on.
    #[arg(long = "scenario", value_name = "N")]
    scenarios: Vec<u32>,
    #[command(flatten)]
    signing: Signing,
}

#[derive(Args)]
pub(crate) struct Agree {
    /// The item's base code.
    #[arg(value_name = "CODE")]
    base: BaseCode,
    /// The version.
    #[arg(long)]
    version: u16,
    /// The province that leads it.
    #[arg(long, value_name = "PROVINCE", value_parser = region)]
    lead: Region,
    /// The province that agrees.
    #[arg(long, value_name = "PROVINCE", value_parser = region)]
    member: Option<Region>,
    #[command(flatten)]
    signing: Signing,
}

#[derive(Args)]
pub(crate) struct State {
    /// The item's base code.
    #[arg(value_name = "CODE")]
    base: BaseCode,
    /// live, suspended or retired.
    #[arg(value_parser = word::<ItemState>)]
    state: ItemState,
    /// The version.
    #[arg(long)]
    version: u16,
    /// Reason code; needed but for live.
    #[arg(long, default_value_t = 0)]
    reason: u16,
    /// The lead.
    #[arg(long, value_name = "PROVINCE", value_parser = region)]
    member: Option<Region>,
    #[command(flatten)]
    signing: Signing,
}

#[derive(Args)]
pub(crate) struct Implement {
    /// The implementation code.
    #[arg(value_name = "CODE")]
    code: ImplCode,
    /// Working days promised.
    #[arg(long, value_name = "DAYS", default_value_t = 0)]
    promise_days: u16,
    /// It is over.
    #[arg(long)]
    end: bool,
    #[command(flatten)]
    signing: Signing,
}

pub(crate) fn run(app: &App, command: Item) -> Done {
    match command {
        Item::List(args) => {
            let filters: Vec<_> = args.lead.iter().map(|lead| ("lead", lead.to_string())).collect();
            let list = List { path: "/items", columns: ITEMS, empty: "item-list-empty" };
            list.show(app, &args.paging, &filters)
        }
        Item::Show(args) => list::show(app, &format!("/items/{}", args.base), args.at),
        Item::Versions(args) => {
            let path = format!("/items/{}/versions", args.base);
            let list = List { path: &path, columns: VERSIONS, empty: "item-list-empty" };
            list.show(app, &args.paging, &[])
        }
        Item::Propose(args) => propose(app, *args),
        Item::Agree(args) => agree(app, &args),
        Item::State(args) => {
            let State { base, version, state, reason, .. } = args;
            let act = SetItemState { base, version, state, reason };
            governed(app, &args.signing, args.member, base, act.into())
        }
        Item::Implement(args) => {
            let (code, base) = (args.code, args.code.base());
            let act = PutImplementation { code, promise_days: args.promise_days, live: !args.end };
            let told = json!({ "item": base });
            // The code begins with its authority's, and nobody else may sign.
            let mut signing = args.signing;
            if signing.authority.is_none() && signing.key.is_none() {
                signing.authority = code.parts().ok().map(|parts| parts.authority);
            }
            submit(app, &signing, Role::Handler, act.into(), &format!("item:{base}"), &told)
        }
    }
}

fn governed(
    app: &App,
    signing: &Signing,
    member: Option<Region>,
    base: BaseCode,
    act: Act,
) -> Done {
    let told = json!({ "item": base });
    submit_governed(app, signing, member, act, &format!("item:{base}"), &told)
}

/// A proposal binds nobody: one governor is enough. Its version is the one after the last agreed.
fn propose(app: &App, args: Propose) -> Done {
    let latest = app.client()?.find(&format!("/items/{}", args.base), &[])?;
    let latest = latest.as_ref().and_then(|item| record(item)["latest"].as_u64()).unwrap_or(0);
    let Propose { base, mut participants, mut modes, mut scenarios, .. } = args;
    participants.push(args.lead);
    participants.sort_unstable();
    participants.dedup();
    modes.sort_unstable();
    modes.dedup();
    scenarios.sort_unstable();
    let terms = ItemTerms {
        base,
        version: u16::try_from(latest).unwrap_or(u16::MAX).saturating_add(1),
        name: args.name,
        lead: args.lead,
        participants,
        modes,
        kind: if args.instant { ItemKind::Instant } else { ItemKind::Promise },
        legal_days: args.legal_days,
        promise_days: args.promise_days,
        pause_days: args.pause_days,
        materials_digest: public_digest(app, &args.materials)?,
        guide_digest: public_digest(app, &args.guide)?,
        standard_digest: public_digest(app, &args.standard)?,
        scenarios,
    };
    let told = json!({ "item": base, "version": terms.version, "digest": terms.digest() });
    let ledger = Ledger::of(app.client()?)?;
    let (signers, _) = sign::governors(app, &args.signing, Some(args.lead))?;
    let signer = signers.first().ok_or_else(|| Fault::with("cli.no_key", Role::Governor.name()))?;
    let act = ProposeItem { terms }.into();
    let transaction = ledger.sign(&[act], &format!("item:{base}"), signer)?;
    match send(app, &transaction, args.signing.no_wait)? {
        super::client::Submitted::Applied(answer) => {
            tell_applied(app, &answer, &told);
            Ok(Exit::Ok)
        }
        super::client::Submitted::Pending => Ok(tell_pending(app, &transaction, &told)),
    }
}

/// Agrees to what the ledger has under this version: its digest is signed.
fn agree(app: &App, args: &Agree) -> Done {
    let Agree { base, lead, version, .. } = *args;
    let answer = app.client()?.get(&format!("/items/{base}/versions"), &[("limit", "500")])?;
    let named = |item: &&Value| {
        let terms = &record(item)["terms"];
        terms["version"].as_u64() == Some(version.into())
            && terms["lead"].as_u64() == Some(lead.0.into())
    };
    let found = items(&answer).iter().find(named).ok_or_else(|| Fault::with("E613", base))?;
    let terms = text_at(record(found), "/digest")?.parse();
    let terms = terms.map_err(|_| Fault::with("cli.bad_answer", "digest"))?;
    let act = AgreeItem { base, lead, version, terms };
    governed(app, &args.signing, args.member, base, act.into())
}
