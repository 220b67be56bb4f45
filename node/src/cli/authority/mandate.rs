//! `hefu authority mandate`: what an authority may issue, rely on and handle.

use clap::Args;
use hefu_contracts::identity::{Mandate as Lists, SetMandate};
use hefu_primitives::{BaseCode, TypeCode, Uscc};

use super::super::app::App;
use super::super::args::Signing;
use super::super::fault::{Done, Fault};

#[derive(Args)]
pub(crate) struct Mandate {
    /// The authority.
    code: Uscc,
    /// May issue this type.
    #[arg(long, value_name = "TYPE")]
    add_type: Vec<TypeCode>,
    /// May no longer issue this type.
    #[arg(long, value_name = "TYPE")]
    remove_type: Vec<TypeCode>,
    /// May rely on certificates in this scenario.
    #[arg(long, value_name = "NUMBER")]
    add_scenario: Vec<u32>,
    /// May no longer rely in this scenario.
    #[arg(long, value_name = "NUMBER")]
    remove_scenario: Vec<u32>,
    /// May handle this item.
    #[arg(long, value_name = "ITEM")]
    add_item: Vec<BaseCode>,
    /// May no longer handle this item.
    #[arg(long, value_name = "ITEM")]
    remove_item: Vec<BaseCode>,
    #[command(flatten)]
    signing: Signing,
}

pub(crate) fn run(app: &App, args: Mandate) -> Done {
    let add = Lists { types: args.add_type, scenarios: args.add_scenario, items: args.add_item };
    let remove =
        Lists { types: args.remove_type, scenarios: args.remove_scenario, items: args.remove_item };
    if add == Lists::default() && remove == Lists::default() {
        return Err(Fault::needs("--add-type … --remove-item", "needs-change"));
    }
    let act = SetMandate { authority: args.code, add, remove };
    super::governed(app, &args.signing, args.code, act.into())
}
