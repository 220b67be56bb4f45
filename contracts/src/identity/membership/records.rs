//! A member's record, and what it was before each change.

use hefu_primitives::{H32, Height, Id16, KeyId, Millis, PublicKey, Region, Uscc};
use minicbor::{Decode, Encode};
use serde::{Deserialize, Serialize};

use crate::common::Stamp;
use crate::exec::Context;
use crate::state::{StateView, Table};

/// Members by province.
pub const MEMBERS: Table<Region, Member> = Table::proven(0x02);
/// What each change of a member replaced, by the height of the change: the record as it was until
/// the block before. Rules that judge by a height in the past read it.
pub const MEMBERS_BEFORE: Table<(Region, Height), Member> = Table::unproven(0x88);
/// The last proposal to admit a province.
pub const CANDIDACIES: Table<Region, Id16> = Table::unproven(0x89);

/// A member's life.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[cbor(index_only)]
#[serde(rename_all = "snake_case")]
pub enum MemberState {
    /// Acts and validates.
    #[n(0)]
    Active,
    /// Its acts are refused; it still validates.
    #[n(1)]
    SuspendedActs,
    /// Its acts are refused and it does not validate.
    #[n(2)]
    SuspendedFull,
    /// Has given notice; a suspension that it was under goes on.
    #[n(3)]
    Leaving,
    /// Has left.
    #[n(4)]
    Left,
    /// Was expelled.
    #[n(5)]
    Expelled,
    /// Admitted by vote; has not yet proven its keys.
    #[n(6)]
    Approved,
}

impl MemberState {
    /// The name, as JSON and events write it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::SuspendedActs => "suspended_acts",
            Self::SuspendedFull => "suspended_full",
            Self::Leaving => "leaving",
            Self::Left => "left",
            Self::Expelled => "expelled",
            Self::Approved => "approved",
        }
    }
}

/// How far a suspension goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[cbor(index_only)]
#[serde(rename_all = "snake_case")]
pub enum SuspensionKind {
    /// The member's acts are refused.
    #[n(0)]
    ActsOnly,
    /// And it does not validate.
    #[n(1)]
    Full,
}

impl SuspensionKind {
    /// The name, as JSON and events write it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::ActsOnly => "acts_only",
            Self::Full => "full",
        }
    }
}

/// A suspension.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
pub struct Suspension {
    /// How far it goes.
    #[n(0)]
    pub kind: SuspensionKind,
    /// Reason code.
    #[n(1)]
    pub reason: u16,
    /// Digest of the evidence.
    #[n(2)]
    pub evidence: H32,
    /// Since when; an extension from acts to full leaves it as it was.
    #[n(3)]
    pub since: Stamp,
}

/// A notice to leave.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
pub struct Notice {
    /// When it was given.
    #[n(0)]
    pub stamp: Stamp,
    /// First block time at which the member may leave.
    #[n(1)]
    pub leaves_at: Millis,
}

/// The vote that admitted a member.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
pub struct Approval {
    /// Its last vote.
    #[n(0)]
    pub stamp: Stamp,
    /// Last block time at which the member may prove its keys.
    #[n(1)]
    pub closes_at: Millis,
}

/// A province.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
pub struct Member {
    /// Its GB/T 2260 code or registered pseudo-code.
    #[n(0)]
    pub region: Region,
    /// Its data administration, whose authority record holds the governor keys.
    #[n(1)]
    pub operator: Uscc,
    /// Chinese name.
    #[n(2)]
    pub name_zh: String,
    /// English name.
    #[n(3)]
    pub name_en: String,
    /// Consensus key; signs no acts.
    #[n(4)]
    pub validator_key: PublicKey,
    /// Key of the node in the peer-to-peer network.
    #[n(5)]
    pub node_key: PublicKey,
    /// Keys of which [`Member::threshold`] together govern the member.
    #[n(6)]
    pub governors: Vec<KeyId>,
    /// How many governors must sign.
    #[n(7)]
    pub threshold: u8,
    /// State.
    #[n(8)]
    pub state: MemberState,
    /// Block time of joining; zero in genesis, and until it joins.
    #[n(9)]
    pub joined_at: Millis,
    /// Where other nodes dial its node, once it said so on the ledger. For a founder that did not,
    /// the genesis tells.
    #[n(10)]
    #[serde(default)]
    pub addresses: Option<Vec<String>>,
    /// The suspension it is under.
    #[n(11)]
    #[serde(default)]
    pub suspension: Option<Suspension>,
    /// Its notice.
    #[n(12)]
    #[serde(default)]
    pub notice: Option<Notice>,
    /// The vote that admitted it; none for a founder.
    #[n(13)]
    #[serde(default)]
    pub approval: Option<Approval>,
    /// When it left or was expelled.
    #[n(14)]
    #[serde(default)]
    pub ended: Option<Stamp>,
    /// Block time at which its validator key was last replaced.
    #[n(15)]
    #[serde(default)]
    pub rotated_at: Option<Millis>,
}

impl Member {
    /// Whether its authorities act, and agreements with it bind.
    pub fn acts(&self) -> bool {
        matches!(self.state, MemberState::Active | MemberState::Leaving)
            && self.suspension.is_none()
    }

    /// Whether it is a member: neither a candidate, nor gone.
    pub const fn is_present(&self) -> bool {
        !matches!(self.state, MemberState::Approved | MemberState::Left | MemberState::Expelled)
    }

    /// Whether other nodes talk to its node: so that it can catch up before it validates, from its
    /// approval on; and until it is gone.
    pub const fn is_connected(&self) -> bool {
        !matches!(self.state, MemberState::Left | MemberState::Expelled)
    }
}

/// A member as it was after a height.
pub fn member_at(view: &dyn StateView, region: Region, height: Height) -> Option<Member> {
    let from = MEMBERS_BEFORE.key(&(region, height.next()));
    let (_, to) = MEMBERS_BEFORE.range(&region);
    match view.scan(&from, &to, 1).into_iter().next() {
        Some((_, replaced)) => MEMBERS_BEFORE.decode(&replaced),
        None => MEMBERS.read_shared(view, &region).map(|member| (*member).clone()),
    }
}

/// Stores a member, and what it was before this block.
pub(crate) fn keep_member(ctx: &mut Context<'_, '_>, member: &Member) {
    let key = (member.region, ctx.block.height);
    if !ctx.state.has(&MEMBERS_BEFORE, &key)
        && let Some(before) = ctx.state.get(&MEMBERS, &member.region)
    {
        ctx.state.put(&MEMBERS_BEFORE, &key, &before);
    }
    ctx.state.put(&MEMBERS, &member.region, member);
}

/// How events name a member.
pub(crate) fn subject(region: Region) -> String {
    format!("member:{region}")
}
