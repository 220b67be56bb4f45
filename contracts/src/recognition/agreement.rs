//! Agreements between provinces to recognise each other's certificates, as stored, and what they
//! amount to about a day as known at a height.
//!
//! | state | when |
//! |---|---|
//! | `proposed` | not every party has signed |
//! | `lapsed` | nor will they: [`SIGNING_DAYS`] are over |
//! | `signed` | every party has signed; `effective` is still to come |
//! | `in_force` | from `effective` to `until`, while at least two parties are left |
//! | `replaced` | a signed amendment has taken its place |
//! | `terminated` | fewer than two parties are left |
//! | `expired` | `until` is over |
//!
//! Nothing of this costs a transaction: the record holds who signed, paused and left at which
//! height, and the rest follows from the day. A pause counts until it is resumed or its last day
//! is over; a party counts as paused while its member is suspended.

use hefu_primitives::time::Day;
use hefu_primitives::{H32, Height, Id16, Region, TypeCode};
use minicbor::{Decode, Encode};
use serde::{Deserialize, Serialize};

use super::agreement_acts::ProposeAgreement;
use crate::certificate::TYPE_USES;
use crate::common::Stamp;
use crate::exec::BlockInfo;
use crate::identity::member_at;
use crate::state::{State, StateView, Table};

/// Agreements by id.
pub const AGREEMENTS: Table<Id16, Agreement> = Table::proven(0x28);
/// Agreements that every party signed, by each pair of their parties and the first day on which
/// they are over between the two: a question about a day reads none that was over before.
pub const AGREEMENTS_BETWEEN: Table<BetweenKey, ()> = Table::unproven(0xaa);

/// The two provinces, the smaller code first; last day of the agreement, and its id.
pub type BetweenKey = ((Region, Region), (u32, Id16));

/// Agreements by the first day on which they are over, as far as known; a row is dropped once that
/// day has come.
pub const AGREEMENT_ENDS: Table<(u32, Id16), ()> = Table::unproven(0xaf);

/// Days from the proposal within which every party must sign.
pub const SIGNING_DAYS: i64 = 60;
/// Days from a party's notice to its leaving.
pub const NOTICE_DAYS: i64 = 30;
/// Longest pause, in days.
pub const PAUSE_DAYS: i64 = 30;
/// Most agreements between two provinces that are signed and not over.
pub const MAX_LIVE: usize = 64;
/// Most agreements between two provinces that one question reads: those not over, and those over
/// since the day asked about.
const MAX_READ: usize = 256;
/// Most agreements that end in one block; the others end in the next.
const MAX_ENDED: usize = 8;

/// Between two, or among several.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[cbor(index_only)]
#[serde(rename_all = "snake_case")]
pub enum AgreementKind {
    /// Among several provinces.
    #[n(0)]
    Multi,
    /// Between two.
    #[n(1)]
    Bi,
}

/// What recognition means for an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[cbor(index_only)]
#[serde(rename_all = "snake_case")]
pub enum EntryMode {
    /// As good as one's own.
    #[n(0)]
    Full,
    /// For reference.
    #[n(1)]
    Reference,
}

/// A certificate type that the parties recognise, and where.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AgreementEntry {
    /// The type.
    #[n(0)]
    pub type_code: TypeCode,
    /// Least version recognised.
    #[n(1)]
    pub min_version: u16,
    /// Scenarios it is recognised in, ascending.
    #[n(2)]
    pub scenarios: Vec<u32>,
    /// What recognition means.
    #[n(3)]
    pub mode: EntryMode,
}

/// A party's signature: its governors signed, two of three.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
pub struct PartySignature {
    /// The party.
    #[n(0)]
    pub party: Region,
    /// When; the key is that of the last governor needed.
    #[n(1)]
    pub stamp: Stamp,
}

/// Why an entry is paused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[cbor(index_only)]
#[serde(rename_all = "snake_case")]
pub enum PauseReason {
    /// Systems are maintained or out of order.
    #[n(0)]
    System,
    /// The quality of the certificates is in doubt.
    #[n(1)]
    Quality,
    /// A security risk or incident.
    #[n(2)]
    Security,
    /// The law changed.
    #[n(3)]
    LawChanged,
}

/// A pause of an entry, for one party.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
pub struct Pause {
    /// The party.
    #[n(0)]
    pub party: Region,
    /// The entry's type.
    #[n(1)]
    pub type_code: TypeCode,
    /// One of its scenarios; none for all of them.
    #[n(2)]
    pub scenario: Option<u32>,
    /// Why.
    #[n(3)]
    pub reason: PauseReason,
    /// Last day.
    #[n(4)]
    pub until: Day,
    /// When it began.
    #[n(5)]
    pub begun: Stamp,
    /// When it was ended early.
    #[n(6)]
    pub resumed: Option<Stamp>,
}

impl Pause {
    /// Whether it counted about a day, as known at a height.
    pub fn is_on(&self, day: Day, height: Height) -> bool {
        self.begun.height <= height
            && day <= self.until
            && self.resumed.is_none_or(|stamp| stamp.height > height)
    }
}

/// A party's notice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
pub struct Leave {
    /// The party.
    #[n(0)]
    pub party: Region,
    /// First day without it.
    #[n(1)]
    pub from: Day,
    /// When notice was given.
    #[n(2)]
    pub stamp: Stamp,
}

/// An amendment that takes an agreement's place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
pub struct Replacement {
    /// The amendment.
    #[n(0)]
    pub by: Id16,
    /// Its first day.
    #[n(1)]
    pub from: Day,
    /// Height at which its last party signed.
    #[n(2)]
    pub height: Height,
}

/// A stored agreement, with its history.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
pub struct Agreement {
    /// What was proposed.
    #[n(0)]
    pub terms: ProposeAgreement,
    /// Digest of the canonical terms: what the parties sign.
    #[n(1)]
    pub digest: H32,
    /// The party that proposed it.
    #[n(2)]
    pub proposer: Region,
    /// When.
    #[n(3)]
    pub proposed: Stamp,
    /// Signatures, in their order.
    #[n(4)]
    pub signatures: Vec<PartySignature>,
    /// Pauses, in their order.
    #[n(5)]
    pub pauses: Vec<Pause>,
    /// Notices, in their order.
    #[n(6)]
    pub leaves: Vec<Leave>,
    /// What took its place.
    #[n(7)]
    pub replaced: Option<Replacement>,
}

/// What an agreement amounts to; see the table above.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum AgreementState {
    /// Waits for signatures.
    Proposed,
    /// Was not signed in time.
    Lapsed,
    /// Signed, not yet effective.
    Signed,
    /// In force.
    InForce,
    /// An amendment took its place.
    Replaced,
    /// Fewer than two parties are left.
    Terminated,
    /// Its term is over.
    Expired,
}

impl Agreement {
    /// The state about a day, as known at a height; none before it was proposed.
    pub fn state(&self, day: Day, height: Height) -> Option<AgreementState> {
        if self.proposed.height > height {
            return None;
        }
        let signed = self.signatures.iter().filter(|s| s.stamp.height <= height).count();
        let left = self.terms.parties.iter().filter(|p| self.has_party(**p, day, height)).count();
        let replaced = self.replaced.is_some_and(|r| r.height <= height && r.from <= day);
        let state = if signed < self.terms.parties.len() {
            let open = day <= self.sign_by();
            if open { AgreementState::Proposed } else { AgreementState::Lapsed }
        } else if replaced {
            AgreementState::Replaced
        } else if left < 2 {
            AgreementState::Terminated
        } else if self.terms.until.is_some_and(|last| day > last) {
            AgreementState::Expired
        } else if day < self.terms.effective {
            AgreementState::Signed
        } else {
            AgreementState::InForce
        };
        Some(state)
    }

    /// Last day for signing.
    pub fn sign_by(&self) -> Day {
        Day::of_beijing(self.proposed.time).add_days(SIGNING_DAYS).unwrap_or(Day::MAX)
    }

    /// Whether a province is a party and has not left.
    pub fn has_party(&self, party: Region, day: Day, height: Height) -> bool {
        let left = |l: &Leave| l.party == party && l.stamp.height <= height && l.from <= day;
        self.terms.parties.contains(&party) && !self.leaves.iter().any(left)
    }

    /// Whether it is in force between two of its parties, neither of them suspended.
    pub fn binds(
        &self,
        view: &dyn StateView,
        parties: [Region; 2],
        day: Day,
        height: Height,
    ) -> bool {
        self.state(day, height) == Some(AgreementState::InForce)
            && parties
                .iter()
                .all(|party| self.has_party(*party, day, height) && acted(view, *party, height))
    }

    /// Whether a party has paused a type in a scenario.
    pub fn is_paused(
        &self,
        party: Region,
        type_code: &TypeCode,
        scenario: u32,
        day: Day,
        height: Height,
    ) -> bool {
        self.pauses.iter().any(|pause| {
            pause.party == party
                && pause.type_code == *type_code
                && pause.scenario.is_none_or(|paused| paused == scenario)
                && pause.is_on(day, height)
        })
    }

    /// The entry of a type.
    pub fn entry(&self, type_code: &TypeCode) -> Option<&AgreementEntry> {
        self.terms.entries.iter().find(|entry| entry.type_code == *type_code)
    }
}

/// The first day on which a signed agreement is over between two of its parties, as far as known,
/// as YYYYMMDD; the largest number when no end is known.
fn over_between(agreement: &Agreement, parties: (Region, Region)) -> u32 {
    let until = agreement.terms.until.filter(|last| *last < Day::MAX).map(Day::next);
    let gone = |leave: &&Leave| leave.party == parties.0 || leave.party == parties.1;
    let left = agreement.leaves.iter().filter(gone).map(|leave| leave.from);
    let replaced = agreement.replaced.map(|replacement| replacement.from);
    left.chain(until).chain(replaced).map(Day::number).min().unwrap_or(u32::MAX)
}

/// Where a signed agreement stands in [`AGREEMENTS_BETWEEN`].
pub fn rows_between(agreement: &Agreement) -> Vec<((Region, Region), (u32, Id16))> {
    let parties = &agreement.terms.parties;
    let mut rows = Vec::new();
    for (place, first) in parties.iter().enumerate() {
        for second in parties.iter().skip(place.saturating_add(1)) {
            let pair = (*first, *second);
            rows.push((pair, (over_between(agreement, pair), agreement.terms.id)));
        }
    }
    rows
}

/// Stores a signed agreement after a change, and moves its rows where its end has changed.
pub(super) fn store_signed(state: &mut State<'_>, before: Option<&Agreement>, after: &Agreement) {
    for row in before.map(rows_between).unwrap_or_default() {
        state.delete(&AGREEMENTS_BETWEEN, &row);
    }
    for row in rows_between(after) {
        state.put(&AGREEMENTS_BETWEEN, &row, &());
    }
    state.put(&AGREEMENTS, &after.terms.id, after);
}

/// The agreements between two provinces that were not over before a day, as far as known now.
pub fn agreements_between(view: &dyn StateView, parties: [Region; 2], day: Day) -> Vec<Id16> {
    let [a, b] = parties;
    let pair = (a.min(b), a.max(b));
    let (from, _) = AGREEMENTS_BETWEEN.range(&(pair, day.number()));
    let (_, to) = AGREEMENTS_BETWEEN.range(&pair);
    let rows = view.scan(&from, &to, MAX_READ).into_iter();
    rows.filter_map(|(key, _)| key.last_chunk::<{ Id16::LEN }>().copied().map(Id16)).collect()
}

/// Notes that a signed agreement is over from a day on.
pub(super) fn note_end(state: &mut State<'_>, agreement: &Agreement, from: Day) {
    state.put(&AGREEMENT_ENDS, &(from.number(), agreement.terms.id), &());
}

/// Lets go of the types listed by agreements that are over: they may be retired now.
pub(super) fn release_types(block: &BlockInfo, state: &mut State<'_>) {
    let today = Day::of_beijing(block.time).number();
    for (key, ()) in state.scan(&AGREEMENT_ENDS, &(), MAX_ENDED) {
        let (Some(day), Some(id)) = (key.get(1..5), key.get(5..21)) else { continue };
        let (Ok(day), Ok(id)) = (day.try_into().map(u32::from_be_bytes), id.try_into()) else {
            continue;
        };
        if day > today {
            break;
        }
        state.delete(&AGREEMENT_ENDS, &(day, Id16(id)));
        let Some(agreement) = state.get(&AGREEMENTS, &Id16(id)) else { continue };
        for entry in &agreement.terms.entries {
            state.delete(&TYPE_USES, &(entry.type_code, Id16(id)));
        }
    }
}

/// Whether a member took part, as known at a height.
fn acted(view: &dyn StateView, region: Region, height: Height) -> bool {
    member_at(view, region, height).is_some_and(|member| member.acts())
}
