//! The layout of format 2: format 1 without what follows from the rest.
//!
//! | left out | because it is |
//! |---|---|
//! | chain, validators of a header | the hash of the anchor; of the set in force at its height |
//! | next validators | as the validators; in a set change, the hash of the set it brings |
//! | protocol, parameters of `before` and the status header | as in `recorded` |
//! | parent of `recorded` | the hash of `before` |
//! | height, block of a certificate | those of its header |
//! | size of a log proof | the header's, or the checkpoint's |
//! | hashes of records, and what paths share | see [`SharedProof`] |
//! | hashes to the left of the checkpoint's proof | as in the inclusion proof, whatever the size |
//! | text of the checkpoint, whole receipts | made of the parts above (`witness`) |
//!
//! Invariant: [`write`] and [`read`] are inverse to each other; what is written although it follows
//! is refused, so each capsule has one form.

use minicbor::bytes::ByteVec;
use minicbor::{Decode, Encode};

use super::{
    CAPSULE_FORMAT, Capsule, CapsuleError, CertifiedHeader, Cosigner, GenesisAnchor, RecordProof,
    SetChange, StatusProof, Witness,
};
use crate::block::Header;
use crate::bounds::{MAX_CAPSULE_BYTES, MAX_CAPSULE_COSIGNERS, MAX_CAPSULE_RECORDS};
use crate::codec::{Canonical, CodecError};
use crate::crypto::{PublicKey, Signature};
use crate::hash::H32;
use crate::ids::{BlockId, ChainId, Height, KeyId, Millis, Round};
use crate::log::InclusionProof;
use crate::map::{SharedProof, path_of, value_hash};
use crate::validators::ValidatorSet;
use crate::vote::{CommitCertificate, CommitSignature};

/// The evidence capsule, format 2.
#[derive(Encode, Decode)]
struct PackedCapsule {
    /// 2.
    #[n(0)]
    format: u16,
    /// The genesis anchor.
    #[n(1)]
    anchor: GenesisAnchor,
    /// Changes of the validator set up to the latest header, oldest first.
    #[n(2)]
    set_changes: Vec<PackedChange>,
    /// Header of the block that recorded the transaction.
    #[n(3)]
    recorded: PackedHeader,
    /// Its certificate.
    #[n(4)]
    seal: PackedCertificate,
    /// The header before it; none at height 1.
    #[n(5)]
    before: Option<PackedHeader>,
    /// The transaction's envelope.
    #[n(6)]
    transaction: ByteVec,
    /// The key that signed it.
    #[n(7)]
    signer: PublicKey,
    /// Its leaf in the audit log.
    #[n(8)]
    leaf: u64,
    /// The hashes from the leaf to the root of `recorded`, 32 bytes each.
    #[n(9)]
    path: ByteVec,
    /// Records at a later (or the same) height.
    #[n(10)]
    status: Option<PackedStatus>,
    /// What provinces signed of the log.
    #[n(11)]
    witness: Option<PackedWitness>,
}

/// A header that hands over to another validator set.
#[derive(Encode, Decode)]
struct PackedChange {
    /// The last header decided by the set before.
    #[n(0)]
    header: PackedHeader,
    /// Its certificate.
    #[n(1)]
    seal: PackedCertificate,
    /// The set that follows.
    #[n(2)]
    next: ValidatorSet,
}

/// A header without what follows from the rest of the capsule.
#[derive(Encode, Decode)]
struct PackedHeader {
    /// Version of the rules; none: as in `recorded`.
    #[n(0)]
    protocol: Option<u16>,
    /// Height.
    #[n(1)]
    height: Height,
    /// Round of the proposal.
    #[n(2)]
    round: Round,
    /// Block time.
    #[n(3)]
    time: Millis,
    /// The block before; none: the hash of `before`.
    #[n(4)]
    parent: Option<BlockId>,
    /// Root over what the block names.
    #[n(5)]
    bundles_root: H32,
    /// Root over the outcomes.
    #[n(6)]
    outcomes_root: H32,
    /// Leaves of the audit log.
    #[n(7)]
    log_size: u64,
    /// Root of the audit log.
    #[n(8)]
    log_root: H32,
    /// Root of the authenticated map.
    #[n(9)]
    state_root: H32,
    /// Hash of the next validators; none: as the validators, or those that a set change brings.
    #[n(10)]
    next_validators: Option<H32>,
    /// Hash of the parameters; none: as in `recorded`.
    #[n(11)]
    parameters: Option<H32>,
    /// Key of the proposer.
    #[n(12)]
    proposer: KeyId,
}

/// A commit certificate without its height and block.
#[derive(Encode, Decode)]
struct PackedCertificate {
    /// Round decided in.
    #[n(0)]
    round: Round,
    /// Bit `i` is set when validator `i` of the set signed.
    #[n(1)]
    signers: u64,
    /// Their signatures, 64 bytes each.
    #[n(2)]
    signatures: ByteVec,
}

/// Records after a block.
#[derive(Encode, Decode)]
struct PackedStatus {
    /// The block; none: the one that recorded the transaction.
    #[n(0)]
    at: Option<PackedCertified>,
    /// The records.
    #[n(1)]
    records: Vec<PackedRecord>,
    /// How they lead to the state root.
    #[n(2)]
    proof: SharedProof,
}

/// A header and its certificate.
#[derive(Encode, Decode)]
struct PackedCertified {
    /// The header.
    #[n(0)]
    header: PackedHeader,
    /// Its certificate.
    #[n(1)]
    seal: PackedCertificate,
}

/// A record, or its absence.
#[derive(Encode, Decode)]
struct PackedRecord {
    /// Full key of the record.
    #[n(0)]
    key: ByteVec,
    /// Its canonical bytes; none when there is no such record.
    #[n(1)]
    value: Option<ByteVec>,
}

/// What provinces signed of the log.
#[derive(Encode, Decode)]
struct PackedWitness {
    /// The checkpoint; none when no cosignature stands below.
    #[n(0)]
    head: Option<PackedHead>,
    /// Who signed what.
    #[n(1)]
    cosigners: Vec<Cosigner>,
}

/// The log that was cosigned.
#[derive(Encode, Decode)]
struct PackedHead {
    /// Its leaves.
    #[n(0)]
    size: u64,
    /// The hashes to the right of the way from the leaf to its root, 32 bytes each; none when it
    /// is the log of `recorded`.
    #[n(1)]
    right: ByteVec,
}

/// What a capsule says twice, or leaves out without saying it elsewhere.
fn not_canonical() -> CapsuleError {
    CodecError::NotCanonical.into()
}

/// Reads a capsule.
pub(super) fn read(bytes: &[u8]) -> Result<Capsule, CapsuleError> {
    let packed = PackedCapsule::from_bytes(bytes, MAX_CAPSULE_BYTES)?;
    // Before anything is made of them: a shared proof grows with each record that is claimed.
    let records = packed.status.as_ref().map_or(0, |status| status.records.len());
    let cosigners = packed.witness.as_ref().map_or(0, |witness| witness.cosigners.len());
    if records > MAX_CAPSULE_RECORDS || cosigners > MAX_CAPSULE_COSIGNERS {
        return Err(CapsuleError::Parts);
    }
    let capsule = packed.unpack().ok_or_else(not_canonical)?;
    // Whatever slipped through above is not what we would write.
    if write(&capsule)? == bytes { Ok(capsule) } else { Err(not_canonical()) }
}

/// Writes a capsule.
pub(super) fn write(capsule: &Capsule) -> Result<Vec<u8>, CapsuleError> {
    let packed = PackedCapsule::pack(capsule).ok_or_else(not_canonical)?;
    Ok(packed.to_bytes())
}

/// What header fields follow from.
#[derive(Clone, Copy)]
struct Known<'a> {
    chain: ChainId,
    /// Hash of the set in force.
    validators: H32,
    /// Hash of the set that follows, when nothing is said.
    next: H32,
    parent: Option<BlockId>,
    /// The header whose rules and parameters it shares.
    like: Option<&'a Header>,
}

impl PackedHeader {
    fn pack(header: &Header, known: Known<'_>) -> Option<Self> {
        if header.chain != known.chain || header.validators != known.validators {
            return None;
        }
        let like = known.like;
        Some(Self {
            protocol: unless(header.protocol, like.map(|like| like.protocol)),
            height: header.height,
            round: header.round,
            time: header.time,
            parent: unless(header.parent, known.parent),
            bundles_root: header.bundles_root,
            outcomes_root: header.outcomes_root,
            log_size: header.log_size,
            log_root: header.log_root,
            state_root: header.state_root,
            next_validators: unless(header.next_validators, Some(known.next)),
            parameters: unless(header.parameters, like.map(|like| like.parameters)),
            proposer: header.proposer,
        })
    }

    fn unpack(&self, known: Known<'_>) -> Option<Header> {
        let like = known.like;
        Some(Header {
            protocol: given(self.protocol, like.map(|like| like.protocol))?,
            chain: known.chain,
            height: self.height,
            round: self.round,
            time: self.time,
            parent: given(self.parent, known.parent)?,
            bundles_root: self.bundles_root,
            outcomes_root: self.outcomes_root,
            log_size: self.log_size,
            log_root: self.log_root,
            state_root: self.state_root,
            validators: known.validators,
            next_validators: given(self.next_validators, Some(known.next))?,
            parameters: given(self.parameters, like.map(|like| like.parameters))?,
            proposer: self.proposer,
        })
    }
}

/// A value that is written unless it follows.
fn unless<T: PartialEq>(value: T, known: Option<T>) -> Option<T> {
    (known.as_ref() != Some(&value)).then_some(value)
}

/// The value that is written, or else follows; none when it is both or neither.
fn given<T: PartialEq>(written: Option<T>, known: Option<T>) -> Option<T> {
    match written {
        Some(value) => (known.as_ref() != Some(&value)).then_some(value),
        None => known,
    }
}

impl PackedCertificate {
    fn pack(CertifiedHeader { header, certificate }: &CertifiedHeader) -> Option<Self> {
        if certificate.height != header.height || certificate.block != header.id() {
            return None;
        }
        let (mut signers, mut signatures) = (0u64, Vec::new());
        for CommitSignature { index, signature } in &certificate.signatures {
            let bit = 1u64.checked_shl(u32::from(*index))?;
            if signers >= bit {
                return None;
            }
            signers |= bit;
            signatures.extend_from_slice(&signature.0);
        }
        Some(Self { round: certificate.round, signers, signatures: signatures.into() })
    }

    fn unpack(&self, header: Header) -> Option<CertifiedHeader> {
        let (signatures, rest) = self.signatures.as_chunks::<64>();
        let places = (0..64u16).filter(|place| self.signers.wrapping_shr((*place).into()) & 1 == 1);
        if !rest.is_empty() || places.clone().count() != signatures.len() {
            return None;
        }
        let signatures = places.zip(signatures);
        let certificate = CommitCertificate {
            height: header.height,
            round: self.round,
            block: header.id(),
            signatures: signatures
                .map(|(index, bytes)| CommitSignature { index, signature: Signature(*bytes) })
                .collect(),
        };
        Some(CertifiedHeader { header, certificate })
    }
}

/// What the sets of a capsule say of a height.
struct Sets<'a> {
    chain: ChainId,
    anchor: H32,
    changes: Vec<(Height, &'a ValidatorSet)>,
}

impl Sets<'_> {
    /// Of a header that hands over to nobody.
    fn at(&self, height: Height) -> Known<'static> {
        let change = self.changes.iter().rev().find(|(from, _)| *from < height);
        let validators = change.map_or(self.anchor, |(_, set)| set.hash());
        Known { chain: self.chain, validators, next: validators, parent: None, like: None }
    }
}

impl PackedCapsule {
    fn pack(capsule: &Capsule) -> Option<Self> {
        let anchor = &capsule.anchor;
        let mut sets = Sets {
            chain: anchor.chain(),
            anchor: anchor.validators.hash(),
            changes: Vec::with_capacity(capsule.set_changes.len()),
        };
        let mut set_changes = Vec::with_capacity(capsule.set_changes.len());
        let mut set = &anchor.validators;
        for SetChange { certified, next } in &capsule.set_changes {
            let known = Known { validators: set.hash(), next: next.hash(), ..sets.at(Height(0)) };
            let header = PackedHeader::pack(&certified.header, known)?;
            let seal = PackedCertificate::pack(certified)?;
            set_changes.push(PackedChange { header, seal, next: next.clone() });
            sets.changes.push((certified.header.height, next));
            set = next;
        }
        let recorded = &capsule.recorded.header;
        let like = |header: &Header| Known { like: Some(recorded), ..sets.at(header.height) };
        let before = match &capsule.before {
            Some(header) => Some(PackedHeader::pack(header, like(header))?),
            None => None,
        };
        let parent = capsule.before.as_ref().map(Header::id);
        if capsule.inclusion.size != recorded.log_size {
            return None;
        }
        Some(Self {
            format: CAPSULE_FORMAT,
            anchor: anchor.clone(),
            set_changes,
            recorded: PackedHeader::pack(recorded, Known { parent, ..sets.at(recorded.height) })?,
            seal: PackedCertificate::pack(&capsule.recorded)?,
            before,
            transaction: capsule.transaction.clone(),
            signer: capsule.signer,
            leaf: capsule.inclusion.index,
            path: joined(&capsule.inclusion.path),
            status: match &capsule.status {
                Some(status) => Some(PackedStatus::pack(status, &capsule.recorded, like)?),
                None => None,
            },
            witness: match &capsule.witness {
                Some(witness) => Some(PackedWitness::pack(witness, &capsule.inclusion)?),
                None => None,
            },
        })
    }

    fn unpack(self) -> Option<Capsule> {
        let anchor = self.anchor;
        let chain = anchor.chain();
        let mut set_changes: Vec<SetChange> = Vec::with_capacity(self.set_changes.len());
        for PackedChange { header, seal, next } in self.set_changes {
            let set = set_changes.last().map_or(&anchor.validators, |change| &change.next);
            let (validators, next_hash) = (set.hash(), next.hash());
            let known = Known { chain, validators, next: next_hash, parent: None, like: None };
            let certified = seal.unpack(header.unpack(known)?)?;
            set_changes.push(SetChange { certified, next });
        }
        let changes = set_changes.iter().map(|c| (c.certified.header.height, &c.next)).collect();
        let sets = Sets { chain, anchor: anchor.validators.hash(), changes };
        // `before` shares rules and parameters with `recorded`, whose parent is its hash.
        let known = sets.at(self.recorded.height);
        let unnamed = Known { parent: Some(BlockId::ZERO), ..known };
        let parent = self.recorded.parent;
        let mut recorded = PackedHeader { parent: None, ..self.recorded }.unpack(unnamed)?;
        let before = match &self.before {
            Some(header) => {
                let known = Known { like: Some(&recorded), ..sets.at(header.height) };
                Some(header.unpack(known)?)
            }
            None => None,
        };
        recorded.parent = given(parent, before.as_ref().map(Header::id))?;
        let recorded = self.seal.unpack(recorded)?;
        let header = &recorded.header;
        let path = separate(&self.path)?;
        let inclusion = InclusionProof { index: self.leaf, size: header.log_size, path };
        let like = |height: Height| Known { like: Some(header), ..sets.at(height) };
        let status = match self.status {
            Some(status) => Some(status.unpack(&recorded, like)?),
            None => None,
        };
        let witness = match self.witness {
            Some(witness) => Some(witness.unpack(&inclusion)?),
            None => None,
        };
        Some(Capsule {
            format: self.format,
            anchor,
            recorded,
            before,
            transaction: self.transaction,
            signer: self.signer,
            inclusion,
            status,
            witness,
            set_changes,
        })
    }
}

impl PackedStatus {
    fn pack<'a>(
        status: &StatusProof,
        recorded: &CertifiedHeader,
        like: impl Fn(&Header) -> Known<'a>,
    ) -> Option<Self> {
        let StatusProof { certified, records } = status;
        let header = &certified.header;
        let at = match header.height == recorded.header.height {
            true if certified == recorded => None,
            true => return None,
            false => Some(PackedCertified {
                header: PackedHeader::pack(header, like(header))?,
                seal: PackedCertificate::pack(certified)?,
            }),
        };
        let claim = |record: &RecordProof| {
            (path_of(&record.key), record.value.as_ref().map(|value| value_hash(value)))
        };
        let proofs: Vec<_> = records.iter().map(|r| (claim(r), &r.proof)).collect();
        let proof = SharedProof::pack(&proofs)?;
        let record = |r: &RecordProof| PackedRecord { key: r.key.clone(), value: r.value.clone() };
        Some(Self { at, records: records.iter().map(record).collect(), proof })
    }

    fn unpack<'a>(
        self,
        recorded: &CertifiedHeader,
        like: impl Fn(Height) -> Known<'a>,
    ) -> Option<StatusProof> {
        let certified = match self.at {
            Some(at) if at.header.height == recorded.header.height => return None,
            Some(at) => at.seal.unpack(at.header.unpack(like(at.header.height))?)?,
            None => recorded.clone(),
        };
        let claim = |record: &PackedRecord| {
            (path_of(&record.key), record.value.as_ref().map(|value| value_hash(value)))
        };
        let claims: Vec<_> = self.records.iter().map(claim).collect();
        let proofs = self.proof.unpack(&claims)?;
        let records = self.records.into_iter().zip(proofs);
        let records =
            records.map(|(PackedRecord { key, value }, proof)| RecordProof { key, value, proof });
        Some(StatusProof { certified, records: records.collect() })
    }
}

impl PackedWitness {
    fn pack(witness: &Witness, inclusion: &InclusionProof) -> Option<Self> {
        let head = match &witness.head {
            Some(proof) if proof.size == inclusion.size => (proof == inclusion)
                .then_some(Some(PackedHead { size: proof.size, right: Vec::new().into() }))?,
            Some(proof) => {
                let right = proof.right_siblings()?;
                if inclusion.resized(proof.size, &right).as_ref() != Some(proof) {
                    return None;
                }
                Some(PackedHead { size: proof.size, right: joined(&right) })
            }
            None => None,
        };
        Some(Self { head, cosigners: witness.cosigners.clone() })
    }

    fn unpack(self, inclusion: &InclusionProof) -> Option<Witness> {
        let head = match self.head {
            Some(PackedHead { size, right }) if size == inclusion.size => {
                right.is_empty().then(|| inclusion.clone()).map(Some)?
            }
            Some(PackedHead { size, right }) => Some(inclusion.resized(size, &separate(&right)?)?),
            None => None,
        };
        Some(Witness { head, cosigners: self.cosigners })
    }
}

/// Hashes one after the other.
fn joined(hashes: &[H32]) -> ByteVec {
    hashes.iter().flat_map(|hash| hash.0).collect::<Vec<u8>>().into()
}

fn separate(bytes: &[u8]) -> Option<Vec<H32>> {
    let (hashes, rest) = bytes.as_chunks::<32>();
    rest.is_empty().then(|| hashes.iter().map(|hash| H32(*hash)).collect())
}
