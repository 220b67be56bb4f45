//! Service items that several provinces offer to each other's people, as stored.
//!
//! ```text
//! –         ─ ProposeItem (lead) ─▶ PROPOSED ─ AgreeItem, every participant ─▶ AGREED
//! AGREED    ─ SetItemState (lead) ─▶ LIVE ⇄ SUSPENDED
//! AGREED, LIVE, SUSPENDED ─ SetItemState ─▶ RETIRED
//! LIVE n, SUSPENDED n     ─ version n + 1 goes live ─▶ RETIRED
//! ```
//!
//! Who leads an item follows from who agreed: the province whose first version all its
//! participants signed leads it from then on, and only it proposes versions. Proposals are kept by
//! province, so that nobody can occupy the code of an item.

use hefu_primitives::{BaseCode, H32, ImplCode, Region, Uscc};
use minicbor::{Decode, Encode};
use serde::{Deserialize, Serialize};

use crate::common::Stamp;
use crate::state::Table;

/// Items by base code, from the day all participants agreed on a version.
pub const ITEMS: Table<BaseCode, Item> = Table::proven(0x40);
/// Versions of an item that a province proposed.
pub const ITEM_VERSIONS: Table<((BaseCode, Region), u16), ItemVersion> = Table::proven(0x41);
/// How an authority implements an item.
pub const IMPLEMENTATIONS: Table<ImplCode, Implementation> = Table::proven(0x42);
/// The lead-province table: the items that a province leads.
pub const ITEMS_BY_LEAD: Table<(Region, BaseCode), ()> = Table::unproven(0xc0);
/// Implementations of an item.
pub const IMPLEMENTATIONS_OF: Table<(BaseCode, ImplCode), ()> = Table::unproven(0xc1);

/// Most changes of state of one version.
pub const MAX_ITEM_CHANGES: usize = 64;

/// How a case of an item may be handled (domain.md §2.9).
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Encode, Decode, Serialize, Deserialize,
)]
#[cbor(index_only)]
#[serde(rename_all = "snake_case")]
pub enum CaseMode {
    /// 全程网办: the territorial authority alone, over the network.
    #[n(0)]
    Online,
    /// 异地代收代办: a window elsewhere receives and checks, the territorial authority decides.
    #[n(1)]
    Proxy,
    /// 多地联办: one place accepts, several provinces act in parallel.
    #[n(2)]
    Joint,
}

/// Whether a case is decided at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[cbor(index_only)]
#[serde(rename_all = "snake_case")]
pub enum ItemKind {
    /// 即办件: decided on the day it is accepted or the next; never paused, never extended.
    #[n(0)]
    Instant,
    /// 承诺件: decided within a promised number of working days.
    #[n(1)]
    Promise,
}

/// What all participants agree on.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ItemTerms {
    /// The item.
    #[n(0)]
    pub base: BaseCode,
    /// 1, or one more than the last version agreed.
    #[n(1)]
    pub version: u16,
    /// Public name.
    #[n(2)]
    pub name: String,
    /// The province that leads it: the proposer's.
    #[n(3)]
    pub lead: Region,
    /// The provinces that offer it, ascending, the lead among them.
    #[n(4)]
    pub participants: Vec<Region>,
    /// How cases may be handled, ascending.
    #[n(5)]
    pub modes: Vec<CaseMode>,
    /// Decided at once or within a promise.
    #[n(6)]
    pub kind: ItemKind,
    /// Working days the law allows from acceptance to decision.
    #[n(7)]
    pub legal_days: u16,
    /// Working days promised.
    #[n(8)]
    pub promise_days: u16,
    /// Longest single pause, in working days; 0 when nothing pauses the clock.
    #[n(9)]
    pub pause_days: u16,
    /// Digest of the list of materials.
    #[n(10)]
    pub materials_digest: H32,
    /// Digest of the service guide (办事指南).
    #[n(11)]
    pub guide_digest: H32,
    /// Digest of the standard of handling and handover (流转标准).
    #[n(12)]
    pub standard_digest: H32,
    /// Scenarios in which certificates are relied on, ascending.
    #[n(13)]
    #[serde(default)]
    pub scenarios: Vec<u32>,
}

/// A version's life.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[cbor(index_only)]
#[serde(rename_all = "snake_case")]
pub enum ItemState {
    /// Waits for participants.
    #[n(0)]
    Proposed,
    /// All participants agreed.
    #[n(1)]
    Agreed,
    /// Cases may be opened.
    #[n(2)]
    Live,
    /// No new cases; those open go on.
    #[n(3)]
    Suspended,
    /// Over.
    #[n(4)]
    Retired,
}

/// A participant's agreement.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
pub struct ItemConsent {
    /// The province.
    #[n(0)]
    pub region: Region,
    /// When; the key of the governor who completed it.
    #[n(1)]
    pub stamp: Stamp,
}

/// A change of state.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
pub struct ItemChange {
    /// The new state.
    #[n(0)]
    pub state: ItemState,
    /// Reason code; 0 when none is needed.
    #[n(1)]
    pub reason: u16,
    /// When.
    #[n(2)]
    pub stamp: Stamp,
}

/// A version of an item.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
pub struct ItemVersion {
    /// Its terms.
    #[n(0)]
    pub terms: ItemTerms,
    /// Digest of the terms: what participants agree to.
    #[n(1)]
    pub digest: H32,
    /// When it was proposed.
    #[n(2)]
    pub proposed: Stamp,
    /// Who agreed, in order.
    #[n(3)]
    pub consents: Vec<ItemConsent>,
    /// What became of it after it was proposed.
    #[n(4)]
    pub history: Vec<ItemChange>,
}

impl ItemVersion {
    /// The state now.
    pub fn state(&self) -> ItemState {
        self.history.last().map_or(ItemState::Proposed, |change| change.state)
    }

    /// The participants that have not agreed.
    pub fn missing(&self) -> impl Iterator<Item = Region> + '_ {
        let agreed = |region: &Region| self.consents.iter().any(|c| c.region == *region);
        self.terms.participants.iter().copied().filter(move |region| !agreed(region))
    }
}

/// An item on which all participants agreed at least once.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
pub struct Item {
    /// Its base code.
    #[n(0)]
    pub base: BaseCode,
    /// The province that leads it.
    #[n(1)]
    pub lead: Region,
    /// The last version agreed.
    #[n(2)]
    pub latest: u16,
    /// The version that is live or suspended.
    #[n(3)]
    pub current: Option<u16>,
}

/// How an authority implements an item.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
pub struct Implementation {
    /// Its implementation code: authority, level, item.
    #[n(0)]
    pub code: ImplCode,
    /// The authority.
    #[n(1)]
    pub authority: Uscc,
    /// Its province.
    #[n(2)]
    pub region: Region,
    /// Working days it promises, at most the item's.
    #[n(3)]
    pub promise_days: u16,
    /// Whether cases may name it.
    #[n(4)]
    pub live: bool,
    /// When it was last written.
    #[n(5)]
    pub stamp: Stamp,
}
