//! Evidence: which records a capsule of a transaction must prove, and what they say once proven.
//!
//! `primitives` verifies that records stood under a state root; here is what they mean:
//!
//! 1. **The signer's key** carries its own term, replacement and revocation, so the record as of a
//!    later height says whether the key was good when the transaction was recorded.
//! 2. **The rule in force.** A version of a certificate type, the terms of a scenario and the terms
//!    of an agreement never change under their name; their records carry every change of state with
//!    its height. So the record as of a later height says what was in force then.
//! 3. **Recognition** is what the act itself decided; a correction of it is a record, and its absence
//!    is proven like any other.
//!    What the ledger *derived* from a decision (its flags, what became of a dispute) is in no proven
//!    record; but how the certificate stood when it was checked follows from its own record.
//! 4. **A cosigner** is a key whose record says that it cosigns, and whose owner is of the province. What
//!    it signed out of its term, or with a key that was found compromised, is shown and counts for
//!    nothing ([`Doubt`]).
//!
//! What is not among the proven records is unknown, never assumed.

use std::collections::BTreeSet;

use hefu_primitives::capsule::{Verified, VerifiedStatus};
use hefu_primitives::time::{DAY_MS, Day};
use hefu_primitives::{
    H32, Height, Id16, KeyId, Millis, Region, SignedTransaction, TypeCode, Uscc,
};
use serde::Serialize;

use crate::act::Act;
use crate::certificate::{
    ATTESTATIONS, Attestation, BATCHES, ChangeKind, ListState, REAFFIRMED, SCENARIOS,
    STATUS_REQUESTS, StatusAnswer, StatusChange, TYPES, status,
};
use crate::code::Code;
use crate::identity::{CALENDARS, KEYS, KeyRecord, KeyRevocation, Role};
use crate::recognition::{
    AGREEMENTS, AgreementState, CORRECTIONS, DECISION_BATCHES, Decide, DecisionOutcome,
};
use crate::state::{MemoryState, StateView, is_proven};

/// Most records that the acts of one transaction name; those of further acts are left out.
pub const MAX_RELATED: usize = 48;

/// Days that thirty working days can take at the most, with every holiday in them.
const LONGEST_OFFER_DAYS: u64 = 90;

/// The records that say what a transaction is worth, by full key: its signer's key, and for each
/// act the certificate it is about, with the keys its status rests on, and the rule in force.
pub fn related(view: &dyn StateView, transaction: &SignedTransaction) -> Vec<Vec<u8>> {
    let claims = transaction.claims();
    let mut keys = vec![KEYS.key(&claims.key)];
    for act in transaction.body().acts.iter().filter_map(|act| Act::decode(act).ok()) {
        for key in related_to(view, &act) {
            if keys.len() < MAX_RELATED && !keys.contains(&key) {
                keys.push(key);
            }
        }
    }
    keys
}

fn related_to(view: &dyn StateView, act: &Act) -> Vec<Vec<u8>> {
    let mut keys = Vec::new();
    keys.extend(request_of(act).map(|id| STATUS_REQUESTS.key(&id)));
    if let Some(id) = certificate_of(view, act) {
        keys.extend(related_to_certificate(view, &id));
    }
    if let Some((decision, batch)) = decision_of(act) {
        keys.extend(batch.map(|id| DECISION_BATCHES.key(&id)));
        keys.push(SCENARIOS.key(&decision.scenario));
        keys.extend(decision.agreement.map(|id| AGREEMENTS.key(&id)));
        keys.push(CORRECTIONS.key(&decision.dec_id));
    }
    keys
}

/// The records that a certificate's status and rule rest on, its own included.
pub fn related_to_certificate(view: &dyn StateView, id: &Id16) -> Vec<Vec<u8>> {
    let mut keys = vec![ATTESTATIONS.key(id)];
    let Some(attestation) = ATTESTATIONS.read(view, id) else { return keys };
    keys.push(TYPES.key(&(attestation.type_code, attestation.type_version)));
    // The leaf of a batch: the batch whose root it leads to.
    keys.extend(attestation.leaf.map(|leaf| BATCHES.key(&leaf.batch)));
    keys.extend(calendars_of(&attestation).iter().map(|year| CALENDARS.key(year)));
    for key in keys_of(&attestation) {
        keys.push(KEYS.key(&key));
        let compromised = |record: &KeyRecord| record.questions(Millis(u64::MAX));
        if KEYS.read(view, &key).as_ref().is_some_and(compromised) {
            keys.push(REAFFIRMED.key(&key));
        }
    }
    keys
}

/// The keys that made an attestation and changed it.
fn keys_of(attestation: &Attestation) -> Vec<KeyId> {
    let mut keys = vec![attestation.made.key];
    for change in &attestation.changes {
        if !keys.contains(&change.stamp.key) {
            keys.push(change.stamp.key);
        }
    }
    keys
}

/// The years whose work calendars say when its offers to other provinces end: those that thirty
/// working days can reach into.
fn calendars_of(attestation: &Attestation) -> BTreeSet<u16> {
    let is_offer =
        |change: &&StatusChange| matches!(change.kind, ChangeKind::TransferOffered { .. });
    let years = attestation.changes.iter().filter(is_offer).flat_map(|offer| {
        let first = offer.stamp.time;
        let last = Millis(first.0.saturating_add(LONGEST_OFFER_DAYS.saturating_mul(DAY_MS)));
        Day::of_beijing(first).year()..=Day::of_beijing(last).year()
    });
    years.collect()
}

/// The status request that an act is about.
fn request_of(act: &Act) -> Option<Id16> {
    match act {
        Act::RequestStatus(act) => Some(act.request_id),
        Act::AnswerStatusRequest(act) => Some(act.request_id),
        Act::WithdrawStatusRequest(act) => Some(act.request_id),
        _ => None,
    }
}

/// The certificate that an act is about.
fn certificate_of(view: &dyn StateView, act: &Act) -> Option<Id16> {
    match act {
        Act::TransferOut(act) => Some(act.id),
        Act::CancelTransfer(act) => Some(act.id),
        Act::TransferIn(act) => Some(act.attestation.id),
        Act::Attest(act) => Some(act.id),
        Act::Materialise(act) => Some(act.attestation.id),
        Act::SuspendAttestation(act) => Some(act.id),
        Act::ResumeAttestation(act) => Some(act.id),
        Act::RevokeAttestation(act) => Some(act.id),
        Act::SaltDestroyed(act) => Some(act.id),
        act => match (decision_of(act), request_of(act)) {
            (Some((decision, _)), _) => Some(decision.att_id),
            (None, Some(request)) => {
                STATUS_REQUESTS.read(view, &request).map(|found| found.body.att_id)
            }
            (None, None) => None,
        },
    }
}

/// What an act decides, and the batch that the decision was a leaf of.
fn decision_of(act: &Act) -> Option<(&Decide, Option<Id16>)> {
    match act {
        Act::Decide(decision) => Some((decision, None)),
        Act::CorrectDecision(correction) => Some((&correction.decision, None)),
        Act::OpenDecision(opened) => Some((&opened.decision, Some(opened.batch_id))),
        _ => None,
    }
}

/// Why verified records do not say what they should.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EvidenceError {
    /// A record of a table that the authenticated map does not commit to: of each it would "prove"
    /// the absence, whether it is there or not.
    #[error("record {0} is of no table of the map")]
    OutsideMap(usize),
    /// An act that no version of this program knows.
    #[error("an act does not decode: E{}", .0.number())]
    Act(Code),
    /// The signer's key was not one of the issuer's that was accepted when the block was made.
    #[error("the signer's key was not accepted then")]
    Signer,
    /// The key of a cosigner is none, or is not of its province.
    #[error("the key of province {0} is no cosigner's of that province")]
    Cosigner(Region),
}

impl EvidenceError {
    /// The step that fails, by the name that reports give it.
    pub const fn step(&self) -> &'static str {
        match self {
            Self::OutsideMap(_) => "status",
            Self::Act(_) => "transaction",
            Self::Signer => "signer",
            Self::Cosigner(_) => "cosigners",
        }
    }
}

/// What a capsule says.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Evidence {
    /// The acts.
    pub acts: Vec<Act>,
    /// Whether the signer's key was good when the block was made; none when its record is not here.
    pub signer: Option<SignerThen>,
    /// How certificates stood.
    pub certificates: Vec<CertificateThen>,
    /// The rules in force when the block was made.
    pub rules: Vec<Rule>,
    /// What was decided about certificates.
    pub recognitions: Vec<Recognition>,
    /// Cosigners of the capsule whose word counts for nothing, and why.
    pub doubted: Vec<(KeyId, Doubt)>,
}

/// Why the word of a cosigner counts for nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Doubt {
    /// Whoever has the key can write any time into what it signs.
    Compromised,
    /// It signed before its term, after it, or after it was revoked.
    OutOfTerm,
}

impl Doubt {
    /// What the record of a cosigning key says against a signature: of a cosignature the time that it
    /// states, in seconds since 1970; of a receipt none, which states no time.
    pub fn of(record: &KeyRecord, cosigned: Option<u64>) -> Option<Self> {
        if record.questions(Millis(u64::MAX)) {
            return Some(Self::Compromised);
        }
        let in_term = |seconds: u64| {
            // A second is whole: the key may have begun, or ended, within it.
            let (first, last) = (seconds.saturating_mul(1_000), 999u64);
            let end = Millis(first.saturating_add(last));
            record.was_accepted_at(Millis(first)) || record.was_accepted_at(end)
        };
        (!cosigned.is_none_or(in_term)).then_some(Self::OutOfTerm)
    }
}

/// A signer's key at the time of the block that recorded.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct SignerThen {
    /// The key.
    pub key: KeyId,
    /// What it may sign.
    pub roles: Vec<Role>,
    /// First block time it is accepted at.
    pub not_before: Millis,
    /// Last block time it is accepted at.
    pub not_after: Millis,
    /// What became of it up to the height of the status.
    pub revocation: Option<KeyRevocation>,
    /// Whether it was compromised before the block was made, as known at the height of the status.
    pub questioned: bool,
}

/// A certificate as of the height of the status.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct CertificateThen {
    /// Its attestation.
    pub att_id: Id16,
    /// Whether there was none.
    pub absent: bool,
    /// The batch that attested it as one of its leaves, and the height of that.
    pub batch: Option<(Id16, Height)>,
    /// Its status; none when records that it rests on are not here.
    pub answer: Option<StatusAnswer>,
}

/// A rule that was in force when the block was made, or was not.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "rule", rename_all = "snake_case")]
pub enum Rule {
    /// A version of a certificate type.
    Type {
        /// The type.
        type_code: TypeCode,
        /// Its version.
        version: u16,
        /// Its Chinese name.
        name_zh: String,
        /// Its English name.
        name_en: String,
        /// Its state then.
        state: Option<ListState>,
    },
    /// A scenario.
    Scenario {
        /// Its number.
        scenario: u32,
        /// Its state then.
        state: Option<ListState>,
    },
    /// An agreement.
    Agreement {
        /// Its id.
        agreement: Id16,
        /// Its version.
        version: u16,
        /// Digest of its terms: what the parties signed.
        digest: H32,
        /// Its state then.
        state: Option<AgreementState>,
    },
}

/// What an authority decided about a certificate.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Recognition {
    /// The decision.
    pub dec_id: Id16,
    /// The certificate.
    pub att_id: Id16,
    /// Who decided; none for a leaf of a batch whose record is not here.
    pub relying: Option<Uscc>,
    /// The batch that it was a leaf of, which was recorded before.
    pub batch: Option<Id16>,
    /// What.
    pub outcome: DecisionOutcome,
    /// Why not accepted.
    pub reasons: Vec<u16>,
    /// The height whose state was checked.
    pub checked_height: Height,
    /// How the certificate stood on the day of the decision, as known at that height; none when its
    /// record is not here. What else made the ledger flag a decision is not in a capsule.
    pub stood: Option<StatusAnswer>,
    /// Whether it was corrected up to the height of the status; none when that is not proven.
    pub corrected: Option<bool>,
    /// The decision that counts instead.
    pub corrected_by: Option<Id16>,
}

/// The records of a status, proven or proven to be absent.
struct Proven<'a> {
    status: &'a VerifiedStatus,
    state: MemoryState,
}

impl Proven<'_> {
    /// Whether it is known what stands under a key.
    fn knows(&self, key: &[u8]) -> bool {
        self.status.records.iter().any(|(proven, _)| proven == key)
    }
}

/// Reads what a verified capsule says, about `day` or else the day of the status.
///
/// # Errors
/// [`EvidenceError`] names what contradicts the rest.
pub fn read(verified: &Verified, day: Option<Day>) -> Result<Evidence, EvidenceError> {
    let acts = verified.transaction.body().acts.iter().map(|act| Act::decode(act));
    let acts = acts.collect::<Result<Vec<_>, _>>().map_err(EvidenceError::Act)?;
    let proven = proven(verified)?;
    let doubted = check_cosigners(verified)?;
    let (signer, certificates, rules) = match &proven {
        Some(proven) => {
            let day = day.unwrap_or_else(|| Day::of_beijing(proven.status.header.time));
            let about = distinct(acts.iter().filter_map(|act| certificate_of(&proven.state, act)));
            let certificates = about.iter().filter_map(|id| proven.certificate(id, day)).collect();
            (proven.signer(verified)?, certificates, proven.rules(verified, &acts))
        }
        None => (None, Vec::new(), Vec::new()),
    };
    let recognition = |(decision, batch)| recognition(verified, proven.as_ref(), decision, batch);
    let recognitions = acts.iter().filter_map(decision_of).map(recognition).collect();
    Ok(Evidence { signer, certificates, rules, recognitions, doubted, acts })
}

fn proven(verified: &Verified) -> Result<Option<Proven<'_>>, EvidenceError> {
    let Some(status) = &verified.status else { return Ok(None) };
    if let Some(place) = status.records.iter().position(|(key, _)| !is_proven(key)) {
        return Err(EvidenceError::OutsideMap(place));
    }
    let present = status.records.iter();
    let present = present.filter_map(|(key, value)| Some((key.clone(), value.clone()?)));
    Ok(Some(Proven { status, state: MemoryState(present.collect()) }))
}

fn distinct<T: PartialEq>(all: impl Iterator<Item = T>) -> Vec<T> {
    let mut found = Vec::new();
    for one in all {
        if !found.contains(&one) {
            found.push(one);
        }
    }
    found
}

/// Whether the keys of a capsule's cosigners are what they should be, and whose word is to be doubted;
/// [`read`] asks that too.
///
/// # Errors
/// [`EvidenceError::Cosigner`].
pub fn check_cosigners(verified: &Verified) -> Result<Vec<(KeyId, Doubt)>, EvidenceError> {
    let mut doubted = Vec::new();
    let cosigners = verified.witness.iter().flat_map(|witness| &witness.cosigners);
    for cosigner in cosigners {
        let key = KEYS.key(&cosigner.key);
        let mut records = verified.status.iter().flat_map(|status| &status.records);
        let record = records.find(|(proven, _)| *proven == key);
        let record = record.and_then(|(_, value)| KEYS.decode(value.as_deref()?));
        let good = record.filter(|record| {
            record.roles == [Role::Cosigner]
                && record.owner.belongs_to(cosigner.region)
                && cosigner.region == cosigner.region.province()
        });
        let record = good.ok_or(EvidenceError::Cosigner(cosigner.region))?;
        doubted.extend(Doubt::of(&record, cosigner.cosigned).map(|doubt| (cosigner.key, doubt)));
    }
    Ok(doubted)
}

impl Proven<'_> {
    fn signer(&self, verified: &Verified) -> Result<Option<SignerThen>, EvidenceError> {
        let claims = verified.transaction.claims();
        let Some(record) = KEYS.read(&self.state, &claims.key) else {
            // A key that signed an applied transaction never loses its record.
            let absent = self.knows(&KEYS.key(&claims.key));
            return if absent { Err(EvidenceError::Signer) } else { Ok(None) };
        };
        let time = verified.recorded.time;
        if record.owner != claims.issuer || !record.was_accepted_at(time) {
            return Err(EvidenceError::Signer);
        }
        Ok(Some(SignerThen {
            key: claims.key,
            questioned: record.questions(time),
            roles: record.roles,
            not_before: record.not_before,
            not_after: record.not_after,
            revocation: record.revocation,
        }))
    }

    fn certificate(&self, id: &Id16, day: Day) -> Option<CertificateThen> {
        if !self.knows(&ATTESTATIONS.key(id)) {
            return None;
        }
        let record = ATTESTATIONS.read(&self.state, id);
        let batch = record.as_ref().and_then(|r| Some((r.leaf?.batch, r.made.height)));
        let answer = self.stood(id, day, self.status.header.height);
        Some(CertificateThen { att_id: *id, absent: record.is_none(), batch, answer })
    }

    /// How a certificate stood about a day, as known at a height; none unless everything that rests
    /// on is here.
    fn stood(&self, id: &Id16, day: Day, height: Height) -> Option<StatusAnswer> {
        let attestation = ATTESTATIONS.read(&self.state, id);
        attestation
            .filter(|attestation| self.knows_keys_of(attestation))
            .filter(|attestation| {
                calendars_of(attestation).iter().all(|year| self.knows(&CALENDARS.key(year)))
            })
            .and_then(|found| status(&self.state, &found, day, height))
    }

    /// Without the records of the keys that made and changed it, nobody can tell from this file
    /// whether one of them was later found compromised, and what was reaffirmed then.
    fn knows_keys_of(&self, attestation: &Attestation) -> bool {
        keys_of(attestation).iter().all(|key| {
            KEYS.read(&self.state, key).is_some_and(|record| {
                !record.questions(Millis(u64::MAX)) || self.knows(&REAFFIRMED.key(key))
            })
        })
    }

    fn rules(&self, verified: &Verified, acts: &[Act]) -> Vec<Rule> {
        let height = verified.recorded.height;
        let day = Day::of_beijing(verified.recorded.time);
        let mut rules = Vec::new();
        for id in distinct(acts.iter().filter_map(|act| certificate_of(&self.state, act))) {
            let attestation = ATTESTATIONS.read(&self.state, &id);
            let version = attestation.map(|found| (found.type_code, found.type_version));
            let adopted = version.and_then(|version| TYPES.read(&self.state, &version));
            rules.extend(adopted.map(|adopted| Rule::Type {
                type_code: adopted.terms.code,
                version: adopted.terms.version,
                state: adopted.state_at(height),
                name_zh: adopted.terms.name_zh,
                name_en: adopted.terms.name_en,
            }));
        }
        for (decision, _) in acts.iter().filter_map(decision_of) {
            let scenario = SCENARIOS.read(&self.state, &decision.scenario);
            rules.extend(scenario.map(|scenario| Rule::Scenario {
                scenario: decision.scenario,
                state: scenario.state_at(height),
            }));
            let agreement = decision.agreement.and_then(|id| AGREEMENTS.read(&self.state, &id));
            rules.extend(decision.agreement.zip(agreement).map(|(id, found)| Rule::Agreement {
                agreement: id,
                version: found.terms.version,
                digest: found.digest,
                state: found.state(day, height),
            }));
        }
        distinct(rules.into_iter())
    }
}

fn recognition(
    verified: &Verified,
    proven: Option<&Proven<'_>>,
    decision: &Decide,
    batch: Option<Id16>,
) -> Recognition {
    let relying = match batch {
        None => Some(verified.transaction.claims().issuer),
        Some(id) => proven.and_then(|p| DECISION_BATCHES.read(&p.state, &id)).map(|b| b.relying),
    };
    let day = Day::of_beijing(decision.decided_at);
    let stood = proven.and_then(|p| p.stood(&decision.att_id, day, decision.checked_height));
    let known = proven.filter(|proven| proven.knows(&CORRECTIONS.key(&decision.dec_id)));
    let correction = known.map(|proven| CORRECTIONS.read(&proven.state, &decision.dec_id));
    Recognition {
        dec_id: decision.dec_id,
        att_id: decision.att_id,
        relying,
        batch,
        stood,
        outcome: decision.outcome,
        reasons: decision.reasons.clone(),
        checked_height: decision.checked_height,
        corrected: correction.map(|correction| correction.is_some()),
        corrected_by: correction.flatten().map(|correction| correction.by),
    }
}
