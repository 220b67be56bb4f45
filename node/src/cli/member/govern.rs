//! What members decide about one of them, by vote; and what a member does by itself: give notice,
//! leave, replace its validator key, move its node.

use std::path::PathBuf;

use clap::Args;
use hefu_contracts::identity::{
    Action, GiveNotice, KeyPurpose, Leave, MemberProof, RotateValidator, SetNode, SuspendMember,
    SuspensionKind,
};
use hefu_primitives::hash::hash;
use hefu_primitives::{Domain, H32, Region};
use serde_json::json;

use super::super::app::App;
use super::super::args::{Signing, region, word};
use super::super::fault::{Done, Fault};
use super::super::proposal::propose_action;
use super::super::submit::{Ledger, submit_governed};
use super::join::read_member;
use super::{own_region, subject};

/// Why, and what shows it.
#[derive(Args)]
pub(crate) struct Grounds {
    /// Reason code, not zero.
    #[arg(long)]
    reason: u16,
    /// The file that shows it; only its digest is recorded.
    #[arg(long, value_name = "FILE")]
    evidence: PathBuf,
}

impl Grounds {
    fn digest(&self, app: &App) -> Result<H32, Fault> {
        Ok(hash(Domain::Digest, &[&app.read(&self.evidence)?]))
    }
}

#[derive(Args)]
pub(crate) struct Suspend {
    /// The province.
    #[arg(value_parser = region)]
    province: Region,
    /// acts-only, or full: then it does not validate either.
    #[arg(long, default_value = "acts-only", value_parser = word::<SuspensionKind>)]
    extent: SuspensionKind,
    #[command(flatten)]
    grounds: Grounds,
    #[command(flatten)]
    by: By,
}

#[derive(Args)]
pub(crate) struct Reinstate {
    /// The province.
    #[arg(value_parser = region)]
    province: Region,
    #[command(flatten)]
    by: By,
}

#[derive(Args)]
pub(crate) struct Expel {
    /// The province.
    #[arg(value_parser = region)]
    province: Region,
    #[command(flatten)]
    grounds: Grounds,
    #[command(flatten)]
    by: By,
}

/// Who proposes.
#[derive(Args)]
pub(crate) struct By {
    /// The province that proposes; the one whose governor keys are here when not given.
    #[arg(long, value_name = "PROVINCE", value_parser = region)]
    member: Option<Region>,
    #[command(flatten)]
    signing: Signing,
}

impl By {
    fn propose(&self, app: &App, action: Action) -> Done {
        propose_action(app, &self.signing, self.member, None, action)
    }
}

pub(crate) fn suspend(app: &App, args: &Suspend) -> Done {
    let (reason, evidence) = (args.grounds.reason, args.grounds.digest(app)?);
    let act = SuspendMember { member: args.province, kind: args.extent, reason, evidence };
    args.by.propose(app, Action::SuspendMember(act))
}

pub(crate) fn reinstate(app: &App, args: &Reinstate) -> Done {
    args.by.propose(app, Action::ReinstateMember { member: args.province })
}

pub(crate) fn expel(app: &App, args: &Expel) -> Done {
    let (reason, evidence) = (args.grounds.reason, args.grounds.digest(app)?);
    args.by.propose(app, Action::ExpelMember { member: args.province, reason, evidence })
}

#[derive(Args)]
pub(crate) struct Own {
    /// The province; that of this folder when not given.
    #[arg(value_parser = region)]
    province: Option<Region>,
    #[command(flatten)]
    signing: Signing,
}

pub(crate) fn notice(app: &App, args: &Own) -> Done {
    let member = own_region(app, args.province)?;
    app.confirm("confirm-notice", &[("region", &member.to_string())])?;
    let told = json!({ "region": member });
    let act = GiveNotice { member };
    submit_governed(app, &args.signing, Some(member), act.into(), &subject(member), &told)
}

#[derive(Args)]
pub(crate) struct Leaving {
    /// The province whose notice is over; that of this folder when not given.
    #[arg(value_parser = region)]
    province: Option<Region>,
    /// The province that signs; the one that leaves when not given.
    #[arg(long, value_name = "PROVINCE", value_parser = region)]
    member: Option<Region>,
    #[command(flatten)]
    signing: Signing,
}

pub(crate) fn leave(app: &App, args: &Leaving) -> Done {
    let member = own_region(app, args.province)?;
    let signer = args.member.unwrap_or(member);
    app.confirm("confirm-leave", &[("region", &member.to_string())])?;
    let told = json!({ "region": member });
    let act = Leave { member };
    submit_governed(app, &args.signing, Some(signer), act.into(), &subject(member), &told)
}

#[derive(Args)]
pub(crate) struct Rotate {
    /// Label of the new key; the node loads every key named like its validator key with a suffix.
    #[arg(long = "new", value_name = "LABEL", default_value = "validator-2")]
    new_key: String,
    /// The province; that of this folder when not given.
    #[arg(long, value_name = "PROVINCE", value_parser = region)]
    member: Option<Region>,
    #[command(flatten)]
    signing: Signing,
}

pub(crate) fn rotate(app: &App, args: &Rotate) -> Done {
    let member = own_region(app, args.member)?;
    let pair = app.keystore()?.load(args.new_key.as_str(), app.passphrase()?)?;
    let record = read_member(&app.client()?.get(&format!("/members/{member}"), &[])?)?;
    let chain = Ledger::of(app.client()?)?.chain;
    let change = (record.validator_key, pair.public());
    let statement = MemberProof::of_change(chain, member, KeyPurpose::Validator, change);
    let act = RotateValidator { member, key: pair.public(), possession: statement.sign(&pair) };
    let told = json!({ "region": member, "key_id": pair.id() });
    submit_governed(app, &args.signing, Some(member), act.into(), &subject(member), &told)
}

#[derive(Args)]
pub(crate) struct Move {
    /// Where other nodes dial it from now on: host:port.
    #[arg(long = "address", value_name = "HOST:PORT", required = true)]
    addresses: Vec<String>,
    /// Label of its new node key; the key stays when not given.
    #[arg(long = "new", value_name = "LABEL")]
    new_key: Option<String>,
    /// The province; that of this folder when not given.
    #[arg(long, value_name = "PROVINCE", value_parser = region)]
    member: Option<Region>,
    #[command(flatten)]
    signing: Signing,
}

pub(crate) fn set_node(app: &App, args: &Move) -> Done {
    let member = own_region(app, args.member)?;
    let record = read_member(&app.client()?.get(&format!("/members/{member}"), &[])?)?;
    let (key, possession) = match &args.new_key {
        None => (record.node_key, None),
        Some(label) => {
            let pair = app.keystore()?.load(label.as_str(), app.passphrase()?)?;
            let chain = Ledger::of(app.client()?)?.chain;
            let change = (record.node_key, pair.public());
            let statement = MemberProof::of_change(chain, member, KeyPurpose::Node, change);
            (pair.public(), Some(statement.sign(&pair)))
        }
    };
    let act = SetNode { member, key, possession, addresses: args.addresses.clone() };
    let told = json!({ "region": member });
    submit_governed(app, &args.signing, Some(member), act.into(), &subject(member), &told)
}
