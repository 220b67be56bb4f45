//! Disputes as stored.

use hefu_primitives::{H32, Height, Id16, KeyId, Region, Uscc};
use minicbor::{Decode, Encode};
use serde::{Deserialize, Serialize};

use super::open::OpenDispute;
use crate::common::{EvidenceRef, Stamp};
use crate::state::Table;

/// Disputes by id.
pub const DISPUTES: Table<Id16, Dispute> = Table::proven(0x50);
/// Disputes about a subject, in the order they were opened.
pub const DISPUTES_BY_SUBJECT: Table<(String, Height, Id16), ()> = Table::unproven(0xd0);
/// Disputes of an authority, on either side, in the order they were opened.
pub const DISPUTES_BY_PARTY: Table<(Uscc, Height, Id16), ()> = Table::unproven(0xd1);
/// Disputes that are not over, by subject and kind.
pub const OPEN_DISPUTES: Table<(String, u8), Id16> = Table::unproven(0xd2);
/// Disputes that wait for their panel to be drawn.
pub const DRAWS: Table<Id16, ()> = Table::unproven(0xd3);

/// Most pieces of evidence of one side.
pub const MAX_EVIDENCE_OF_SIDE: usize = 16;

/// What a dispute is about. Numbers are those of domain.md §3.13.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[cbor(index_only)]
#[serde(rename_all = "snake_case")]
pub enum DisputeKind {
    /// Data of a certificate.
    #[n(1)]
    CertData,
    /// Status of a certificate.
    #[n(2)]
    CertStatus,
    /// A certificate was not recognised.
    #[n(3)]
    RecognitionRefused,
    /// A certificate was recognised wrongly.
    #[n(4)]
    RecognitionAccepted,
    /// Access to data is overdue or was denied.
    #[n(5)]
    Access,
    /// A receipt is contested.
    #[n(6)]
    ReceiptContested,
    /// Data was used without right.
    #[n(7)]
    UnauthorisedUse,
    /// The handover of a case.
    #[n(8)]
    CaseHandover,
    /// A certificate may be forged.
    #[n(9)]
    SuspectedForgery,
    /// Credit data is wrong.
    #[n(10)]
    CreditError,
    /// A key is in wrong hands.
    #[n(11)]
    KeyIncident,
    /// Whose item a matter is.
    #[n(12)]
    ItemBoundary,
}

/// What a settlement or ruling says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[cbor(index_only)]
#[serde(rename_all = "snake_case")]
pub enum DisputeOutcome {
    /// The record is to be corrected by a further one.
    #[n(0)]
    CorrectRecord,
    /// What was done stands.
    #[n(1)]
    Uphold,
    /// The refusal is to be made good by a new decision.
    #[n(2)]
    OverturnRefusal,
    /// The grant is to be revoked.
    #[n(3)]
    RevokeGrant,
    /// Nothing follows.
    #[n(4)]
    NoAction,
    /// The matter goes to discipline inspection.
    #[n(5)]
    ReferDiscipline,
}

/// Who rules in a dispute that the parties cannot settle.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[cbor(index_only)]
#[serde(rename_all = "snake_case")]
pub enum Forum {
    /// Provinces that are no parties, by lot.
    #[n(0)]
    Panel,
    /// The coordinator.
    #[n(1)]
    Coordinator,
}

/// A dispute's life.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[cbor(index_only)]
#[serde(rename_all = "snake_case")]
pub enum DisputeState {
    /// Waits for the respondent.
    #[n(0)]
    Open,
    /// The parties consult.
    #[n(1)]
    Acked,
    /// The parties agreed.
    #[n(2)]
    Settled,
    /// Before the panel.
    #[n(3)]
    Escalated,
    /// The panel ruled.
    #[n(4)]
    Ruled,
    /// Withdrawn by who opened it.
    #[n(5)]
    Withdrawn,
}

impl DisputeState {
    /// Whether it is not over.
    pub const fn is_open(self) -> bool {
        matches!(self, Self::Open | Self::Acked | Self::Escalated)
    }
}

/// A piece of evidence.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
pub struct DisputeEvidence {
    /// Whether the opener's side states it.
    #[n(0)]
    pub by_opener: bool,
    /// What.
    #[n(1)]
    pub evidence: EvidenceRef,
    /// When.
    #[n(2)]
    pub stamp: Stamp,
}

/// A proposal of a settlement.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
pub struct Settlement {
    /// Whether the opener's side proposes it.
    #[n(0)]
    pub by_opener: bool,
    /// The outcome.
    #[n(1)]
    pub outcome: DisputeOutcome,
    /// Digest of its terms.
    #[n(2)]
    pub terms: H32,
    /// When.
    #[n(3)]
    pub stamp: Stamp,
}

/// A vote of the panel.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
pub struct PanelVote {
    /// The province.
    #[n(0)]
    pub region: Region,
    /// What it rules.
    #[n(1)]
    pub outcome: DisputeOutcome,
    /// Digest of its reasons.
    #[n(2)]
    pub basis: H32,
    /// When.
    #[n(3)]
    pub stamp: Stamp,
}

/// How a dispute ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
pub struct DisputeEnd {
    /// The outcome.
    #[n(0)]
    pub outcome: DisputeOutcome,
    /// Digest of the terms of the settlement, or of the reasons of the vote that completed it.
    #[n(1)]
    pub basis: H32,
    /// When.
    #[n(2)]
    pub stamp: Stamp,
}

/// The respondent's word that it did what no record can show.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
pub struct Fulfilment {
    /// Digest of the evidence.
    #[n(0)]
    pub evidence: H32,
    /// When.
    #[n(1)]
    pub stamp: Stamp,
}

/// A dispute.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
pub struct Dispute {
    /// As it was opened.
    #[n(0)]
    pub body: OpenDispute,
    /// Who opened it.
    #[n(1)]
    pub opener: Uscc,
    /// Whether as an auditor, who is no party.
    #[n(2)]
    pub by_auditor: bool,
    /// Provinces that are or belong to parties, ascending: none of them rules.
    #[n(3)]
    pub conflicted: Vec<Region>,
    /// Working days of consultation.
    #[n(4)]
    pub consultation_days: u16,
    /// State.
    #[n(5)]
    pub state: DisputeState,
    /// When it was opened.
    #[n(6)]
    pub opened: Stamp,
    /// When it was acknowledged.
    #[n(7)]
    pub acked: Option<Stamp>,
    /// Evidence added later, in order.
    #[n(8)]
    pub evidence: Vec<DisputeEvidence>,
    /// The last proposal.
    #[n(9)]
    pub proposal: Option<Settlement>,
    /// When it was escalated.
    #[n(10)]
    pub escalated: Option<Stamp>,
    /// The panel, in the order drawn; empty until the block after.
    #[n(11)]
    pub panel: Vec<Region>,
    /// The panel's votes, one for each member.
    #[n(12)]
    pub votes: Vec<PanelVote>,
    /// How it ended.
    #[n(13)]
    pub end: Option<DisputeEnd>,
    /// What the respondent says it did.
    #[n(14)]
    pub fulfilment: Option<Fulfilment>,
    /// When it was withdrawn.
    #[n(15)]
    pub withdrawn: Option<Stamp>,
    /// The coordinator's key that is to rule, where it was brought before the coordinator.
    #[n(16)]
    #[serde(default)]
    pub arbiter: Option<KeyId>,
}
