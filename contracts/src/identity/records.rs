//! The records of identity, as stored; those of members stand in [`super::membership`].

use hefu_primitives::time::{Day, WorkCalendar};
use hefu_primitives::{
    BaseCode, H32, Height, Id16, KeyId, Millis, PublicKey, Region, TypeCode, Uscc,
};
use minicbor::{Decode, Encode};
use serde::{Deserialize, Serialize};

use super::action::Action;
use super::coordinator::{BallotConsent, Coordinator};
use super::membership::Member;
use super::unit::Unit;
use crate::common::Stamp;
use crate::state::Table;

/// Ledger parameters, one record.
pub const PARAMETERS: Table<(), Parameters> = Table::proven(0x01);
/// Authorities by credit code.
pub const AUTHORITIES: Table<Uscc, Authority> = Table::proven(0x03);
/// Keys by id.
pub const KEYS: Table<KeyId, KeyRecord> = Table::proven(0x04);
/// Keys of an authority.
pub const KEYS_BY_OWNER: Table<(Uscc, KeyId), ()> = Table::unproven(0x85);
/// Keys of an authority that are neither replaced nor revoked, by the end of their term: rules read
/// those that can be accepted, and none that are over.
pub const LIVE_KEYS: Table<((Uscc, Millis), KeyId), ()> = Table::unproven(0x86);
/// Work calendars by year.
pub const CALENDARS: Table<u16, WorkCalendar> = Table::proven(0x06);
/// What every change of an authority left, by the height of the change: who had which power when.
pub const AUTHORITY_HISTORY: Table<(Uscc, Height), Authority> = Table::unproven(0x87);
/// Acts that wait for more governors, by member and digest of the act.
pub const ENDORSEMENTS: Table<(Region, H32), Endorsement> = Table::proven(0x08);
/// Votes between provinces, by proposal.
pub const BALLOTS: Table<Id16, Ballot> = Table::proven(0x09);
/// Successions that were recorded and are still to come, by their day.
pub const SUCCESSIONS_DUE: Table<(u32, Uscc), ()> = Table::unproven(0x8a);

/// Authorities whose systems a company runs, by the company.
pub const OPERATORS: Table<(Uscc, Uscc), ()> = Table::unproven(0x8b);

/// What a key may sign. Bit numbers are frozen.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Encode, Decode, Serialize, Deserialize,
)]
#[cbor(index_only)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Administers a member; signs no other acts.
    #[n(0)]
    Governor,
    /// Attests certificates.
    #[n(1)]
    Issuer,
    /// Signs recognition decisions.
    #[n(2)]
    Verifier,
    /// Publishes catalogue entries, grants and denies.
    #[n(3)]
    Provider,
    /// Requests access and uses data.
    #[n(4)]
    Consumer,
    /// Receives cases at a window and hands them over.
    #[n(5)]
    Window,
    /// Decides cases.
    #[n(6)]
    Handler,
    /// Reads under an audit mandate.
    #[n(7)]
    Auditor,
    /// Cosigns checkpoints of the audit log and signs receipts for its province; signs no acts.
    #[n(8)]
    Cosigner,
    /// Consents for the coordinator; signs nothing else.
    #[n(9)]
    Coordinator,
}

impl Role {
    /// The name, as JSON writes it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Governor => "governor",
            Self::Issuer => "issuer",
            Self::Verifier => "verifier",
            Self::Provider => "provider",
            Self::Consumer => "consumer",
            Self::Window => "window",
            Self::Handler => "handler",
            Self::Auditor => "auditor",
            Self::Cosigner => "cosigner",
            Self::Coordinator => "coordinator",
        }
    }
}

/// An authority's life.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[cbor(index_only)]
#[serde(rename_all = "snake_case")]
pub enum AuthorityState {
    /// Acts within its mandates.
    #[n(0)]
    Active,
    /// Its acts are refused.
    #[n(1)]
    Suspended,
    /// Merged into another.
    #[n(2)]
    Merged,
    /// Dissolved.
    #[n(3)]
    Dissolved,
}

/// A department of a province, or a central vertical body it hosts.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
pub struct Authority {
    /// Its credit code.
    #[n(0)]
    pub code: Uscc,
    /// The member it belongs to.
    #[n(1)]
    pub member: Region,
    /// Level 1 (state) to 6 (village).
    #[n(2)]
    pub level: u8,
    /// Its own region.
    #[n(3)]
    pub region: Region,
    /// Public name, at most 60 characters.
    #[n(4)]
    pub name: String,
    /// Whether it belongs to a ministry's vertical line.
    #[n(5)]
    pub central_vertical: bool,
    /// Certificate types it may issue, sorted.
    #[n(6)]
    pub may_issue: Vec<TypeCode>,
    /// Scenarios in which it may rely on certificates, sorted.
    #[n(7)]
    pub may_rely: Vec<u32>,
    /// Service items it may handle, sorted; also the purposes it may request data for.
    #[n(8)]
    pub may_handle: Vec<BaseCode>,
    /// State.
    #[n(9)]
    pub state: AuthorityState,
    /// The authority that took over its powers.
    #[n(10)]
    pub successor: Option<Uscc>,
    /// How it ended, or is to end.
    #[n(11)]
    #[serde(default)]
    pub succession: Option<Succession>,
    /// Length of the longest chain of successions that ends here.
    #[n(12)]
    #[serde(default)]
    pub inherited: Option<u8>,
    /// Its windows and units by code, once it keeps a list.
    #[n(13)]
    #[serde(default)]
    pub units: Option<Vec<Unit>>,
    /// The company that runs its systems (运营方), if one does: it has no key here.
    #[n(14)]
    #[serde(default)]
    pub operated_by: Option<Uscc>,
}

/// Who takes over from an authority, and since when.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
pub struct Succession {
    /// The successor, or the custodian of what a dissolved authority issued.
    #[n(0)]
    pub to: Uscc,
    /// First day without the old authority.
    #[n(1)]
    pub effective: Day,
    /// When it was recorded.
    #[n(2)]
    pub stamp: Stamp,
}

/// A key's life.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[cbor(index_only)]
#[serde(rename_all = "snake_case")]
pub enum KeyState {
    /// In use.
    #[n(0)]
    Active,
    /// Replaced; accepted until its overlap ends.
    #[n(1)]
    Retiring,
    /// No longer accepted.
    #[n(2)]
    Revoked,
}

/// Why a key was revoked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[cbor(index_only)]
#[serde(rename_all = "snake_case")]
pub enum RevocationReason {
    /// No longer needed.
    #[n(0)]
    Ceased,
    /// Lost, but not known to be in other hands.
    #[n(1)]
    Lost,
    /// In other hands.
    #[n(2)]
    Compromised,
}

/// A revocation of a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
pub struct KeyRevocation {
    /// Why.
    #[n(0)]
    pub reason: RevocationReason,
    /// Since when its acts are in question (compromise), else the block time of the revocation.
    #[n(1)]
    pub since: Millis,
    /// Height of the revocation.
    #[n(2)]
    pub height: Height,
    /// Block time of the revocation.
    #[n(3)]
    pub at: Millis,
}

/// A key of an authority.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
pub struct KeyRecord {
    /// The public key.
    #[n(0)]
    pub key: PublicKey,
    /// The authority.
    #[n(1)]
    pub owner: Uscc,
    /// What it may sign, sorted.
    #[n(2)]
    pub roles: Vec<Role>,
    /// First block time it is accepted at.
    #[n(3)]
    pub not_before: Millis,
    /// Last block time it is accepted at; at most two years after `not_before`.
    #[n(4)]
    pub not_after: Millis,
    /// State.
    #[n(5)]
    pub state: KeyState,
    /// End of the overlap, when retiring.
    #[n(6)]
    pub retires_at: Option<Millis>,
    /// The revocation.
    #[n(7)]
    pub revocation: Option<KeyRevocation>,
    /// Height at which it was bound; zero in genesis.
    #[n(8)]
    pub bound_at: Height,
    /// Block time at which it was bound; zero in genesis.
    #[n(9)]
    pub bound_time: Millis,
    /// The revocation that came first, when a compromise became known only after it.
    #[n(10)]
    pub first_revocation: Option<KeyRevocation>,
}

impl KeyRecord {
    /// Whether an act signed with this key is accepted at a block time.
    pub fn is_accepted_at(&self, time: Millis) -> bool {
        let term = self.not_before <= time && time <= self.not_after;
        term && match self.state {
            KeyState::Active => true,
            KeyState::Retiring => self.retires_at.is_some_and(|end| time <= end),
            KeyState::Revoked => false,
        }
    }

    /// Whether an applied act of this key can have been accepted at a block time in the past: the
    /// record as it is now tells. In the block of its revocation it can: acts stood before it.
    pub fn was_accepted_at(&self, time: Millis) -> bool {
        let ended = self.first_revocation.or(self.revocation).map(|revocation| revocation.at);
        self.bound_time <= time
            && self.not_before <= time
            && time <= self.not_after
            && self.retires_at.is_none_or(|end| time <= end)
            && ended.is_none_or(|end| time <= end)
    }

    /// Whether this is the cosigning key of a member, whatever the time.
    pub fn cosigns_for(&self, member: &Member) -> bool {
        self.roles == [Role::Cosigner] && self.owner == member.operator
    }

    /// Its place in [`LIVE_KEYS`].
    pub fn live_row(&self) -> ((Uscc, Millis), KeyId) {
        ((self.owner, self.not_after), self.key.id())
    }

    /// Whether an act of this key at a block time is in question: the key was compromised, and
    /// the act falls after that.
    pub fn questions(&self, time: Millis) -> bool {
        self.revocation.is_some_and(|revocation| {
            revocation.reason == RevocationReason::Compromised && time >= revocation.since
        })
    }
}

/// What governance can change without a new program.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Parameters {
    /// Longest span from block time to a transaction's `not_after`, in milliseconds.
    #[n(0)]
    pub max_validity_ms: u64,
    /// How far `occurred_at` may lie after block time, in milliseconds.
    #[n(1)]
    pub max_future_ms: u64,
    /// Longest pause between blocks, in milliseconds: an empty block shows the network lives.
    #[n(2)]
    pub heartbeat_ms: u64,
    /// How far a new proposal's time may lie ahead of a validator's clock, in milliseconds.
    #[n(3)]
    pub max_clock_ahead_ms: u64,
    /// Days until an endorsement or a vote lapses.
    #[n(4)]
    pub ballot_days: u16,
    /// Longest overlap of a rotated key, in days.
    #[n(5)]
    pub key_overlap_days: u16,
    /// Longest term of a key, in days.
    #[n(6)]
    pub key_term_days: u16,
    /// Longest term of a grant, in days.
    #[n(7)]
    pub grant_term_days: u16,
    /// Working days within which a decision may be corrected.
    #[n(8)]
    pub correction_working_days: u16,
    /// Hours after a grant's end in which a use is recorded with a flag.
    #[n(9)]
    pub late_use_hours: u16,
    /// Digest of further rules, zero if none.
    #[n(10)]
    pub rules: H32,
    /// Whether this ledger is a demonstration: it takes none but made-up credit codes, and a
    /// production ledger takes none of those. Fixed in genesis.
    #[n(11)]
    pub fictitious: bool,
    /// Credit codes admitted as authorities though no department of staffing registered them,
    /// sorted; at most 64.
    #[n(12)]
    pub admitted: Vec<Uscc>,
    /// The coordinator; most ledgers have none.
    #[n(13)]
    #[serde(default)]
    pub coordinator: Option<Coordinator>,
}

impl Default for Parameters {
    fn default() -> Self {
        Self {
            max_validity_ms: hefu_primitives::bounds::MAX_VALIDITY_MS,
            max_future_ms: 300_000,
            heartbeat_ms: 60_000,
            max_clock_ahead_ms: 2_000,
            ballot_days: 30,
            key_overlap_days: 7,
            key_term_days: 731,
            grant_term_days: 366,
            correction_working_days: 1,
            late_use_hours: 24,
            rules: H32::ZERO,
            fictitious: false,
            admitted: Vec::new(),
            coordinator: None,
        }
    }
}

/// An act that waits for more governors of a member.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
pub struct Endorsement {
    /// Digest of the act's bytes.
    #[n(0)]
    pub act: H32,
    /// Last block time at which it may be completed.
    #[n(1)]
    pub closes_at: Millis,
    /// Who signed, in order.
    #[n(2)]
    pub signers: Vec<KeyId>,
}

/// A ballot's life. A ballot past its end and still open has lapsed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BallotState {
    /// Members vote.
    #[n(0)]
    Open,
    /// Enough said yes, and it was done.
    #[n(1)]
    Applied,
    /// Too many said no.
    #[n(2)]
    Rejected,
    /// Enough said yes, but it had become impossible.
    #[n(3)]
    Failed {
        /// The error number it failed with.
        #[n(0)]
        code: u16,
    },
}

/// A province's vote.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
pub struct BallotVote {
    /// The province.
    #[n(0)]
    pub region: Region,
    /// Yes or no.
    #[n(1)]
    pub approve: bool,
    /// When, and the last governor's key.
    #[n(2)]
    pub stamp: Stamp,
}

/// A vote between provinces: one vote each, over an electorate fixed when it was proposed.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
pub struct Ballot {
    /// The proposal's id.
    #[n(0)]
    pub id: Id16,
    /// What is to be done.
    #[n(1)]
    pub action: Action,
    /// Who proposed it.
    #[n(2)]
    pub proposer: Region,
    /// Who votes, sorted.
    #[n(3)]
    pub electors: Vec<Region>,
    /// Digest of the electors.
    #[n(4)]
    pub electorate: H32,
    /// How many must say yes.
    #[n(5)]
    pub needed: u16,
    /// Last block time at which votes count.
    #[n(6)]
    pub closes_at: Millis,
    /// Votes, in order; the proposer's is the first.
    #[n(7)]
    pub votes: Vec<BallotVote>,
    /// State.
    #[n(8)]
    pub state: BallotState,
    /// The member it is about, when that has no vote.
    #[n(9)]
    pub subject: Option<Region>,
    /// Digest of the rule table that gave the threshold.
    #[n(10)]
    pub rules: H32,
    /// The coordinator's consent, where it is needed.
    #[n(11)]
    #[serde(default)]
    pub consent: Option<BallotConsent>,
}
