//! `hefu authority operator`: the company that runs an authority's systems, disclosed.

use clap::Args;
use hefu_contracts::identity::SetOperator;
use hefu_primitives::Uscc;

use super::super::app::App;
use super::super::args::Signing;
use super::super::fault::Done;

#[derive(Args)]
pub(crate) struct Operator {
    /// The authority.
    code: Uscc,
    /// The company.
    #[arg(value_name = "USCC", required_unless_present = "none", conflicts_with = "none")]
    operator: Option<Uscc>,
    /// It runs its systems itself.
    #[arg(long)]
    none: bool,
    #[command(flatten)]
    signing: Signing,
}

pub(crate) fn run(app: &App, args: &Operator) -> Done {
    let act = SetOperator { authority: args.code, operator: args.operator };
    super::governed(app, &args.signing, args.code, act.into())
}
