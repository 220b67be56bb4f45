//! `hefu share consent`: proposes that provinces consent to the sharing of important data.

use clap::Args;
use hefu_contracts::identity::Action;
use hefu_contracts::sharing::CatalogueConsent;
use hefu_primitives::{Id16, Region};

use super::super::app::App;
use super::super::args::{Signing, region};
use super::super::fault::{Done, Fault};
use super::super::list::record;
use super::super::proposal::propose_action;
use super::show::segment;

#[derive(Args)]
pub(crate) struct Consent {
    /// Code of the resource.
    cat_id: String,
    /// The version; the current one when not given.
    #[arg(long)]
    version: Option<u16>,
    /// Take consent back.
    #[arg(long)]
    withdraw: bool,
    /// The province that proposes; the one whose governor keys are here when not given.
    #[arg(long, value_name = "PROVINCE", value_parser = region)]
    member: Option<Region>,
    /// The proposal's id, when another governor completes it.
    #[arg(long)]
    id: Option<Id16>,
    #[command(flatten)]
    signing: Signing,
}

pub(crate) fn run(app: &App, args: &Consent) -> Done {
    let version = args.version.map_or_else(|| current(app, &args.cat_id), Ok)?;
    let (cat_id, consent) = (args.cat_id.clone(), !args.withdraw);
    let action = Action::ConsentCatalogue(CatalogueConsent { cat_id, version, consent });
    propose_action(app, &args.signing, args.member, args.id, action)
}

/// The version of an entry as it is now.
fn current(app: &App, cat_id: &str) -> Result<u16, Fault> {
    let answer = app.client()?.find(&format!("/catalogue/{}", segment(cat_id)), &[])?;
    let answer = answer.ok_or_else(|| Fault::with("E504", cat_id))?;
    let version = record(&answer)["entry"]["version"].clone();
    serde_json::from_value(version).map_err(|_| Fault::with("cli.bad_answer", "version"))
}
