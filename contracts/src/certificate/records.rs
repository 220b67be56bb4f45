//! The records of certificates, as stored.

use hefu_primitives::time::Day;
use hefu_primitives::{BaseCode, H32, Id16, KeyId, Millis, Region, TypeCode, Uscc};
use minicbor::{Decode, Encode};
use serde::{Deserialize, Serialize};

use super::batch::FromBatch;
use crate::common::{EvidenceRef, Stamp};
use crate::state::Table;

/// Certificate types by code and version.
pub const TYPES: Table<(TypeCode, u16), CertType> = Table::proven(0x20);
/// Scenarios by number.
pub const SCENARIOS: Table<u32, Scenario> = Table::proven(0x21);
/// Attestations by id.
pub const ATTESTATIONS: Table<Id16, Attestation> = Table::proven(0x22);
/// The attestation that carries a plain identifier.
pub const IDENTS: Table<str, Id16> = Table::unproven(0xa3);
/// What authorities reaffirmed of a compromised key's acts, by key.
pub const REAFFIRMED: Table<KeyId, Reaffirmed> = Table::proven(0x24);
/// Agreements in force that list a type, by type and agreement: kept by recognition, so that a
/// type they need is not retired.
pub const TYPE_USES: Table<(TypeCode, Id16), ()> = Table::unproven(0xa5);

/// Most changes of one attestation. The last two places are kept for its end.
pub const MAX_CHANGES: usize = 64;

/// Who may hold certificates of a type.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[cbor(index_only)]
#[serde(rename_all = "snake_case")]
pub enum HolderClass {
    /// Natural persons.
    #[n(0)]
    Natural,
    /// Organisations.
    #[n(1)]
    Legal,
    /// Both, and sole traders: the rules of natural persons apply.
    #[n(2)]
    Mixed,
}

impl HolderClass {
    /// Whether a record of this class could point at a person.
    pub const fn is_personal(self) -> bool {
        matches!(self, Self::Natural | Self::Mixed)
    }
}

/// How the identifier of a certificate may stand on the ledger.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[cbor(index_only)]
#[serde(rename_all = "snake_case")]
pub enum IdPolicy {
    /// In the clear, or committed to.
    #[n(0)]
    Plain,
    /// Committed to only.
    #[n(1)]
    Committed,
}

/// How long certificates of a type are valid.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Validity {
    /// The type sets no term: as each certificate says, or without an end.
    #[n(0)]
    None,
    /// At most so many years, or without an end.
    #[n(1)]
    Years(#[n(0)] u8),
    /// All until the same day.
    #[n(2)]
    Fixed(#[n(0)] Day),
}

/// The life of a version of a type, and of a scenario.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[cbor(index_only)]
#[serde(rename_all = "snake_case")]
pub enum ListState {
    /// In use.
    #[n(0)]
    Adopted,
    /// Not to be used for new records for the time being.
    #[n(1)]
    Paused,
    /// Never to be used for new records again.
    #[n(2)]
    Retired,
}

/// A change of [`ListState`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
pub struct ListChange {
    /// The new state.
    #[n(0)]
    pub state: ListState,
    /// When and by whose last signature; all zero in genesis.
    #[n(1)]
    pub stamp: Stamp,
}

/// What the members adopt when they adopt a version of a certificate type.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CertTypeTerms {
    /// The code: the definer's credit code and a sequence.
    #[n(0)]
    pub code: TypeCode,
    /// Version, from 1.
    #[n(1)]
    pub version: u16,
    /// Chinese name.
    #[n(2)]
    pub name_zh: String,
    /// English name.
    #[n(3)]
    pub name_en: String,
    /// Who may hold it.
    #[n(4)]
    pub holder_class: HolderClass,
    /// Codes of the holder's kinds of number (GB/T 36903): 111, 1, …
    #[n(5)]
    pub holder_codes: Vec<u16>,
    /// How its identifier may stand on the ledger.
    #[n(6)]
    pub id_policy: IdPolicy,
    /// Digest of the schema of its face, by which contents are committed to.
    #[n(7)]
    pub schema_digest: H32,
    /// Version of the canonical form of the face.
    #[n(8)]
    pub canon_version: u16,
    /// Whether an attestation must carry evidence of an electronic seal.
    #[n(9)]
    pub seal_required: bool,
    /// How long it is valid.
    #[n(10)]
    pub validity: Validity,
    /// Digest of the standard it follows, zero if none.
    #[n(11)]
    pub standard_digest: H32,
    /// The province that leads its upkeep.
    #[n(12)]
    pub lead: Region,
}

/// A version of a certificate type, with its history.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
pub struct CertType {
    /// What was adopted.
    #[n(0)]
    pub terms: CertTypeTerms,
    /// States, oldest first; never empty.
    #[n(1)]
    pub history: Vec<ListChange>,
    /// The type that took its place when it was retired (十五证合一): certificates of this version may
    /// be followed by one of that type.
    #[n(2)]
    #[serde(default)]
    pub merged_into: Option<TypeCode>,
}

/// Whether a holder's consent is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[cbor(index_only)]
#[serde(rename_all = "snake_case")]
pub enum ConsentRule {
    /// The holder consents to each use.
    #[n(0)]
    Holder,
    /// A statute allows the use.
    #[n(1)]
    Statutory,
}

/// A certificate type in a scenario.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ScenarioType {
    /// The type.
    #[n(0)]
    pub code: TypeCode,
    /// Least version that will do.
    #[n(1)]
    pub min_version: u16,
}

/// What the members adopt when they adopt a scenario: in which service which certificates are
/// relied on, and how fresh a check must be.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ScenarioTerms {
    /// Number.
    #[n(0)]
    pub id: u32,
    /// The service item.
    #[n(1)]
    pub item: BaseCode,
    /// The certificates, ordered by type.
    #[n(2)]
    pub types: Vec<ScenarioType>,
    /// Oldest state a check may rest on, in seconds.
    #[n(3)]
    pub freshness_s: u32,
    /// Whose consent is needed.
    #[n(4)]
    pub consent: ConsentRule,
    /// Whether the seal must be checked.
    #[n(5)]
    pub seal_check: bool,
}

/// A scenario, with its history.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
pub struct Scenario {
    /// What was adopted.
    #[n(0)]
    pub terms: ScenarioTerms,
    /// States, oldest first; never empty.
    #[n(1)]
    pub history: Vec<ListChange>,
}

/// The identifier of a certificate.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Ident {
    /// In the clear: GB/T 36904, checked when attested.
    #[n(0)]
    Plain(#[n(0)] String),
    /// A salted commitment.
    #[n(1)]
    Committed(#[n(0)] H32),
}

/// What checking a seal found, outside the ledger.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[cbor(index_only)]
#[serde(rename_all = "snake_case")]
pub enum SealVerdict {
    /// Genuine.
    #[n(0)]
    Valid,
    /// Not genuine.
    #[n(1)]
    Invalid,
    /// Not checked.
    #[n(2)]
    NotChecked,
}

/// Evidence of an electronic seal (GB/T 38540): digests only.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SealEvidence {
    /// Digest of the seal's id.
    #[n(0)]
    pub seal_id: H32,
    /// Digest of the seal maker's certificate.
    #[n(1)]
    pub maker_cert: H32,
    /// Digest of the signer's certificate.
    #[n(2)]
    pub signer_cert: H32,
    /// Digest of the signed value.
    #[n(3)]
    pub signed_value: H32,
    /// When it was sealed.
    #[n(4)]
    pub signed_at: Millis,
    /// Digest of the time stamp, if there is one.
    #[n(5)]
    pub timestamp: Option<H32>,
    /// What checking it found.
    #[n(6)]
    pub verdict: SealVerdict,
    /// Version of what checked it.
    #[n(7)]
    pub verifier_version: u16,
}

impl SealEvidence {
    /// Whether a digest is zero: of nothing.
    pub fn has_zero(&self) -> bool {
        let Self { seal_id, maker_cert, signer_cert, signed_value, .. } = self;
        [seal_id, maker_cert, signer_cert, signed_value].contains(&&H32::ZERO)
            || self.timestamp == Some(H32::ZERO)
    }
}

/// Where an attestation comes from, when not from today's issuing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Marks {
    /// From stock that predates the rules of identifiers.
    #[n(0)]
    pub legacy: bool,
    /// Recorded more than 30 days late, knowingly.
    #[n(1)]
    pub backfill: bool,
    /// From a paper original.
    #[n(2)]
    pub paper_origin: bool,
}

/// Why a new attestation takes the place of another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[cbor(index_only)]
#[serde(rename_all = "snake_case")]
pub enum SupersedeReason {
    /// Renewed (延续).
    #[n(0)]
    Renewal,
    /// Its content changed (变更).
    #[n(1)]
    Change,
    /// An error was corrected (勘误), an erroneous revocation included.
    #[n(2)]
    Correction,
    /// It was taken over from another province (转入).
    #[n(3)]
    Transfer,
}

/// The attestation a new one takes the place of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Previous {
    /// Its id.
    #[n(0)]
    pub id: Id16,
    /// Why.
    #[n(1)]
    pub reason: SupersedeReason,
}

/// How a certificate was ended. The five differ in law; only annulment may reach back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[cbor(index_only)]
#[serde(rename_all = "snake_case")]
pub enum RevocationKind {
    /// 撤销: it should not have been issued.
    #[n(0)]
    Annul,
    /// 吊销: taken away as a penalty.
    #[n(1)]
    Penalty,
    /// 注销: struck off.
    #[n(2)]
    Deregister,
    /// 失效: lapsed.
    #[n(3)]
    Lapse,
    /// Otherwise; with evidence.
    #[n(4)]
    Other,
}

/// What a change of status was.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ChangeKind {
    /// Suspended (暂扣).
    #[n(0)]
    Suspended {
        /// Reason code, not zero.
        #[n(0)]
        reason: u16,
        /// Last day of the suspension, if it ends by itself.
        #[n(1)]
        until: Option<Day>,
    },
    /// Resumed (暂扣发还).
    #[n(1)]
    Resumed {
        /// Reason code, not zero.
        #[n(0)]
        reason: u16,
    },
    /// Revoked, for good.
    #[n(2)]
    Revoked {
        /// How.
        #[n(0)]
        kind: RevocationKind,
        /// Reason code, not zero.
        #[n(1)]
        reason: u16,
        /// Whether it reaches back before its own decision.
        #[n(2)]
        retroactive: bool,
        /// Evidence.
        #[n(3)]
        evidence: Option<EvidenceRef>,
    },
    /// Another attestation took its place.
    #[n(3)]
    Superseded {
        /// Which.
        #[n(0)]
        by: Id16,
        /// Why.
        #[n(1)]
        reason: SupersedeReason,
    },
    /// A fresh key of the issuer stands by it after a compromise.
    #[n(4)]
    Reaffirmed,
    /// Offered to another province (办理转出); it stays good meanwhile.
    #[n(5)]
    TransferOffered {
        /// The province.
        #[n(0)]
        to: Region,
    },
    /// The offer was taken back (取消转出).
    #[n(6)]
    TransferCancelled,
    /// Another province's attestation took its place.
    #[n(7)]
    Transferred {
        /// Which.
        #[n(0)]
        by: Id16,
    },
}

impl ChangeKind {
    /// Whether it ends a certificate for good.
    pub const fn ends(&self) -> bool {
        matches!(self, Self::Revoked { .. } | Self::Superseded { .. } | Self::Transferred { .. })
    }
}

/// A change of an attestation's status.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
pub struct StatusChange {
    /// What changed.
    #[n(0)]
    pub kind: ChangeKind,
    /// First day of its effect.
    #[n(1)]
    pub effective: Day,
    /// When it was recorded.
    #[n(2)]
    pub stamp: Stamp,
    /// The authority that acted: the issuer, or its successor; of a transfer the new issuer.
    #[n(3)]
    pub by: Uscc,
    /// The request that it answers.
    #[n(4)]
    pub request: Option<Id16>,
}

/// An authority's word that it issued a certificate, and what became of it.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
pub struct Attestation {
    /// Random id.
    #[n(0)]
    pub id: Id16,
    /// The type.
    #[n(1)]
    pub type_code: TypeCode,
    /// The type's version.
    #[n(2)]
    pub type_version: u16,
    /// The authority that issued the certificate.
    #[n(3)]
    pub issuer: Uscc,
    /// Where the certificate belongs; a prefecture or wider when it could point at a person.
    #[n(4)]
    pub region: Region,
    /// The identifier.
    #[n(5)]
    pub ident: Ident,
    /// Salted commitment to the holder.
    #[n(6)]
    pub holder: H32,
    /// Root of the salted field-wise commitment to the content.
    #[n(7)]
    pub content: H32,
    /// Salted commitment to the file, if there is one.
    #[n(8)]
    pub file: Option<H32>,
    /// Evidence of its electronic seal.
    #[n(9)]
    pub seal: Option<SealEvidence>,
    /// The certificate's own version, 1 to 999.
    #[n(10)]
    pub cert_version: u16,
    /// Day of issue.
    #[n(11)]
    pub issued_on: Day,
    /// First day of validity.
    #[n(12)]
    pub valid_from: Day,
    /// Last day of validity; none without an end.
    #[n(13)]
    pub valid_until: Option<Day>,
    /// What it took the place of.
    #[n(14)]
    pub previous: Option<Previous>,
    /// Where it comes from.
    #[n(15)]
    pub marks: Marks,
    /// When it was recorded.
    #[n(16)]
    pub made: Stamp,
    /// What became of it, in the order it was recorded; at most [`MAX_CHANGES`].
    #[n(17)]
    pub changes: Vec<StatusChange>,
    /// When its salt was destroyed: it can no longer be opened, and rightly so.
    #[n(18)]
    pub salt_destroyed: Option<Stamp>,
    /// The leaf of a batch that it was, if it was one.
    #[n(19)]
    pub leaf: Option<FromBatch>,
}

/// A span of a key's acts that its authority stands by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
pub struct ReaffirmedSpan {
    /// First block time covered.
    #[n(0)]
    pub from: Millis,
    /// Last block time covered.
    #[n(1)]
    pub to: Millis,
    /// When it was recorded, and with which fresh key.
    #[n(2)]
    pub stamp: Stamp,
}

/// What was reaffirmed of a key's acts.
#[derive(Clone, Debug, Default, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
pub struct Reaffirmed {
    /// Spans, in the order they were recorded.
    #[n(0)]
    pub spans: Vec<ReaffirmedSpan>,
}

macro_rules! listed {
    ($($name:ident)*) => {$(
        impl $name {
            /// The state now.
            pub fn state(&self) -> ListState {
                self.history.last().map_or(ListState::Retired, |change| change.state)
            }

            /// The state after a height; none before it was adopted.
            pub fn state_at(&self, height: hefu_primitives::Height) -> Option<ListState> {
                let known = self.history.iter().take_while(|c| c.stamp.height <= height);
                known.last().map(|change| change.state)
            }
        }
    )*};
}

listed!(CertType Scenario);
