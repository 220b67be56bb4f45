//! `hefu authority register`.

use clap::Args;
use hefu_contracts::identity::RegisterAuthority;
use hefu_primitives::{Region, Uscc};
use serde_json::json;

use super::super::app::App;
use super::super::args::{Signing, any_region, region};
use super::super::fault::Done;
use super::super::submit::submit_governed;

#[derive(Args)]
pub(crate) struct Register {
    /// The authority.
    code: Uscc,
    /// Its public name.
    #[arg(long)]
    name: String,
    /// The province it belongs to; that of its code when not given.
    #[arg(long, value_name = "PROVINCE", value_parser = region)]
    member: Option<Region>,
    /// Level 1 (state) to 6 (village).
    #[arg(long, default_value_t = 2, value_parser = clap::value_parser!(u8).range(1..=6))]
    level: u8,
    /// Its own region; the province when not given.
    #[arg(long, value_name = "REGION", value_parser = any_region)]
    region: Option<Region>,
    /// A central body that the province hosts.
    #[arg(long)]
    central_vertical: bool,
    #[command(flatten)]
    signing: Signing,
}

pub(crate) fn run(app: &App, args: Register) -> Done {
    let Register { code, name, member, level, region, central_vertical, signing } = args;
    let member = member.or(code.region()).unwrap_or_default().province();
    let region = region.unwrap_or(member);
    let act = RegisterAuthority { member, code, level, region, name, central_vertical };
    // A second member endorses a central body: then it is not this member's governors who sign.
    let governed = (!central_vertical).then_some(member);
    let told = json!({ "authority": code });
    submit_governed(app, &signing, governed, act.into(), &format!("auth:{code}"), &told)
}
