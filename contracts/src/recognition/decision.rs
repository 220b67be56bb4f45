//! Decisions of a relying authority on a certificate, as stored, and what follows from them later.
//!
//! A decision never changes, so it stands outside the authenticated map; a correction is a record
//! of its own there, and its absence can be proven.

use hefu_primitives::time::Day;
use hefu_primitives::{Height, Id16, Millis, Region, Uscc};
use minicbor::{Decode, Encode};
use serde::{Deserialize, Serialize};

use super::batch::DecisionLeaf;
use super::decision_acts::Decide;
use super::reason::{Facts, Reason};
use crate::certificate::{Attestation, ChangeKind, RevocationKind, StatusChange};
use crate::common::Stamp;
use crate::state::Table;

/// Decisions by id.
pub const DECISIONS: Table<Id16, Decision> = Table::unproven(0xab);
/// Corrections, by the id of the decision corrected.
pub const CORRECTIONS: Table<Id16, Correction> = Table::proven(0x29);
/// Decisions on an attestation, in the order they were recorded.
pub const DECISIONS_BY_ATTESTATION: Table<(Id16, Height, Id16), ()> = Table::unproven(0xac);
/// Decisions of an authority, in the order they were recorded.
pub const DECISIONS_BY_AUTHORITY: Table<(Uscc, Height, Id16), ()> = Table::unproven(0xad);
/// The first decision of an authority on an attestation in a case.
pub const DECISIONS_BY_CASE: Table<(Id16, hefu_primitives::H32, Uscc), Id16> =
    Table::unproven(0xae);

/// How the certificate came before the authority.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[cbor(index_only)]
#[serde(rename_all = "snake_case")]
pub enum DecisionMode {
    /// Over a network.
    #[n(0)]
    Online,
    /// A code was scanned.
    #[n(1)]
    QrScan,
    /// A file was presented.
    #[n(2)]
    File,
    /// Without a network, from a copy of the ledger's state.
    #[n(3)]
    Offline,
}

/// Whose consent there was.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[cbor(index_only)]
#[serde(rename_all = "snake_case")]
pub enum Consent {
    /// The holder's.
    #[n(0)]
    Holder,
    /// None needed: a statute allows it.
    #[n(1)]
    Statutory,
    /// None.
    #[n(2)]
    None,
}

/// What was decided.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[cbor(index_only)]
#[serde(rename_all = "snake_case")]
pub enum DecisionOutcome {
    /// Accepted.
    #[n(0)]
    Accepted,
    /// Accepted under a condition.
    #[n(1)]
    Conditional,
    /// Refused.
    #[n(2)]
    Refused,
    /// Put off.
    #[n(3)]
    Deferred,
}

impl DecisionOutcome {
    /// Whether the certificate was relied on.
    pub const fn relies(self) -> bool {
        matches!(self, Self::Accepted | Self::Conditional)
    }
}

/// What the ledger noticed about a decision.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Encode, Decode, Serialize, Deserialize,
)]
#[cbor(index_only)]
#[serde(rename_all = "snake_case")]
pub enum DecisionFlag {
    /// Outcome and reasons agree with the ledger.
    #[n(0)]
    Consistent,
    /// Refused for a reason that was false, or for no stated reason without any ground.
    #[n(1)]
    RefusedWhileValid,
    /// Relied on although not valid.
    #[n(2)]
    AcceptedWhileInvalid,
    /// Checked against a state older than the scenario allows.
    #[n(3)]
    StaleCheck,
    /// No agreement entry covers it.
    #[n(4)]
    OutOfScope,
    /// The authority decided on this certificate in this case before. A hint, not a proof: a
    /// later stage may rightly check again.
    #[n(5)]
    RepeatDemand,
    /// It stood in a batch, where only acceptances that agree with the ledger may stand.
    #[n(6)]
    UnfitForBatch,
    /// The seal was said to be genuine, and the issuer's registry does not bear it out.
    #[n(7)]
    SealContradicted,
    /// Relied on without a genuine seal, where the scenario asks for its check.
    #[n(8)]
    SealUnchecked,
}

impl DecisionFlag {
    /// The flag as events write it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Consistent => "consistent",
            Self::RefusedWhileValid => "refused_while_valid",
            Self::AcceptedWhileInvalid => "accepted_while_invalid",
            Self::StaleCheck => "stale_check",
            Self::OutOfScope => "out_of_scope",
            Self::RepeatDemand => "repeat_demand",
            Self::UnfitForBatch => "unfit_for_batch",
            Self::SealContradicted => "seal_contradicted",
            Self::SealUnchecked => "seal_unchecked",
        }
    }
}

/// What the flags follow from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Judgement<'a> {
    /// The outcome.
    pub outcome: DecisionOutcome,
    /// The reasons given.
    pub reasons: &'a [Reason],
    /// What the ledger knew.
    pub facts: Facts,
    /// Whether the agreement that is named covers the decision.
    pub covered: bool,
    /// Whether the check was too old.
    pub stale: bool,
    /// Whether there was such a decision before.
    pub repeated: bool,
    /// Whether the certificate was no record yet, but a leaf of a batch.
    pub was_leaf: bool,
    /// Whether the issuer's registry does not bear out the seal that was said to be genuine.
    pub seal_contradicted: bool,
    /// Whether the scenario asks for a genuine seal, and none was found.
    pub seal_unchecked: bool,
    /// Whether it stood in a batch.
    pub in_batch: bool,
}

impl Judgement<'_> {
    /// Whether a reason is true. A leaf that is no record is attested, and yet nobody finds it by
    /// its id.
    fn truth(&self, reason: Reason) -> Option<bool> {
        match reason {
            Reason::NotFound if self.was_leaf => Some(true),
            _ => self.facts.truth(reason),
        }
    }

    /// The reasons the ledger knows to be false.
    pub fn false_reasons(&self) -> impl Iterator<Item = Reason> + '_ {
        self.reasons.iter().copied().filter(|reason| self.truth(*reason) == Some(false))
    }

    /// The flags, in their order; the rules stand in the module doc ([`super`]).
    pub fn flags(&self) -> Vec<DecisionFlag> {
        use DecisionFlag as F;
        let lied = self.false_reasons().next().is_some();
        let unfounded =
            self.reasons.iter().all(|r| *r == Reason::Other) && !self.facts.has_ground();
        let refused = self.outcome == DecisionOutcome::Refused && (lied || unfounded);
        let frank = self.reasons.iter().any(|r| self.truth(*r) == Some(true));
        let accepted = self.outcome.relies() && !self.facts.is_valid() && !frank;
        let consistent =
            !(lied || refused || accepted) && (self.covered || frank || !self.outcome.relies());
        let all_accepted = self.outcome == DecisionOutcome::Accepted;
        [
            (consistent, F::Consistent),
            (refused, F::RefusedWhileValid),
            (accepted, F::AcceptedWhileInvalid),
            (self.stale, F::StaleCheck),
            (!self.covered, F::OutOfScope),
            (self.repeated, F::RepeatDemand),
            (self.in_batch && !(consistent && all_accepted), F::UnfitForBatch),
            (self.seal_contradicted, F::SealContradicted),
            (self.seal_unchecked && self.outcome.relies(), F::SealUnchecked),
        ]
        .into_iter()
        .filter_map(|(set, flag)| set.then_some(flag))
        .collect()
    }
}

/// A stored decision.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
pub struct Decision {
    /// What was decided.
    #[n(0)]
    pub body: Decide,
    /// The authority that relied, or did not.
    #[n(1)]
    pub relying: Uscc,
    /// Its province.
    #[n(2)]
    pub region: Region,
    /// When it was recorded; `occurred_at` is when it was decided.
    #[n(3)]
    pub stamp: Stamp,
    /// The Beijing day of the height it was checked at.
    #[n(4)]
    pub checked_day: Day,
    /// Block time of that height; none when it was out of the window.
    #[n(5)]
    pub checked_time: Option<Millis>,
    /// What the ledger knew at that height.
    #[n(6)]
    pub facts: Facts,
    /// Reasons given that were false.
    #[n(7)]
    pub false_reasons: Vec<u16>,
    /// What the ledger noticed.
    #[n(8)]
    pub flags: Vec<DecisionFlag>,
    /// The decision it corrects.
    #[n(9)]
    pub corrects: Option<Id16>,
    /// The leaf of a batch that it was, if it was one.
    #[n(10)]
    pub leaf: Option<DecisionLeaf>,
}

impl Decision {
    /// Whether what it relied on was annulled afterwards, from a day not after the day it was
    /// checked about: `BASIS_ANNULLED`, as known at a height.
    pub fn is_basis_annulled(&self, attestation: &Attestation, height: Height) -> bool {
        self.body.outcome.relies()
            && attestation.id == self.body.att_id
            && attestation.changes.iter().any(|change| {
                is_annulment(change)
                    && change.effective <= self.checked_day
                    && change.stamp.height > self.body.checked_height
                    && change.stamp.height <= height
            })
    }
}

/// Whether a change is an annulment that reaches back.
pub(super) fn is_annulment(change: &StatusChange) -> bool {
    let annul = RevocationKind::Annul;
    matches!(change.kind, ChangeKind::Revoked { kind, retroactive: true, .. } if kind == annul)
}

/// A correction.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
pub struct Correction {
    /// The decision that counts instead.
    #[n(0)]
    pub by: Id16,
    /// When.
    #[n(1)]
    pub stamp: Stamp,
}
