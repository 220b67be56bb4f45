//! The evidence capsule: one file that proves a record with nothing but the genesis hash.
//!
//! What a capsule says, and what each part is checked against:
//!
//! | part | says | checked against |
//! |---|---|---|
//! | anchor | the first validators | its hash is the chain id, which the reader knows |
//! | set changes | who decided later heights | each header's certificate, by the set before it |
//! | recorded | header and certificate of the block that recorded the transaction | the set of its height |
//! | before | the header before it, whose log does not have the transaction yet | `parent` of that block |
//! | transaction | who signed which acts | the key's signature; its leaf under `log_root` |
//! | status | records, or their absence, after a later block | `state_root` of a certified header |
//! | witness | checkpoint and receipts that provinces signed | keys whose records the status proves |
//!
//! It stays valid when nodes, keys and provinces have gone. It does not show what happened after
//! the status height, nor what an act or a record means, nor which role a key has: `contracts`
//! reads those.
//!
//! Two layouts say the same: `first` as written by format 1, `packed` without what follows from the
//! rest. Both are read for ever; files of format 1 have no witness.

mod first;
mod packed;
mod trust;
mod witness;

pub(crate) use trust::Trust;
pub use witness::{Cosignature, Cosigner, KEY_TABLE, VerifiedCosigner, VerifiedWitness, Witness};

use minicbor::bytes::ByteVec;
use minicbor::{Decode, Encode};

use crate::block::Header;
use crate::bounds::{MAX_CAPSULE_BYTES, MAX_CAPSULE_COSIGNERS, MAX_CAPSULE_RECORDS};
use crate::codec::{Canonical, CodecError};
use crate::crypto::PublicKey;
use crate::hash::{Domain, H32, hash};
use crate::ids::{ChainId, Height, Millis, Region};
use crate::log::{InclusionProof, LogHead, leaf_hash};
use crate::map::{MapProof, path_of, value_hash};
use crate::transaction::{SignedTransaction, TransactionError};
use crate::validators::ValidatorSet;
use crate::vote::{CertificateError, CommitCertificate};

/// Version of the capsule format that this program writes.
pub const CAPSULE_FORMAT: u16 = 2;
/// The first version: every header and proof whole, no witness.
pub const FIRST_FORMAT: u16 = 1;

/// The part of a genesis that its hash covers: small, so that every capsule carries it.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, serde::Serialize)]
pub struct GenesisAnchor {
    /// Version of the genesis format.
    #[n(0)]
    pub format: u16,
    /// Hash of the whole document. The anchor itself is leaf 0 of the audit log.
    #[n(1)]
    pub document: H32,
    /// When the network was created.
    #[n(2)]
    pub created: Millis,
    /// Root of the authenticated map over the first records.
    #[n(3)]
    pub state_root: H32,
    /// Who decides height 1 (and, until a change, every height).
    #[n(4)]
    pub validators: ValidatorSet,
}

impl GenesisAnchor {
    /// The chain id.
    pub fn chain(&self) -> ChainId {
        hash(Domain::Genesis, &[&self.to_bytes()]).into()
    }
}

/// A header with the certificate that made it final.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct CertifiedHeader {
    /// The header.
    #[n(0)]
    pub header: Header,
    /// Its certificate.
    #[n(1)]
    pub certificate: CommitCertificate,
}

/// A header that hands over to another validator set.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct SetChange {
    /// The last header decided by the set before.
    #[n(0)]
    pub certified: CertifiedHeader,
    /// The set whose hash is the header's `next_validators`.
    #[n(1)]
    pub next: ValidatorSet,
}

/// One record of the authenticated map, or its absence.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct RecordProof {
    /// Full key of the record.
    #[n(0)]
    pub key: ByteVec,
    /// Its canonical bytes; none when there is no such record.
    #[n(1)]
    pub value: Option<ByteVec>,
    /// The way to the state root.
    #[n(2)]
    pub proof: MapProof,
}

/// Records after a block.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct StatusProof {
    /// The block.
    #[n(0)]
    pub certified: CertifiedHeader,
    /// The records.
    #[n(1)]
    pub records: Vec<RecordProof>,
}

/// The evidence capsule, whatever its layout in a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Capsule {
    /// The layout: [`CAPSULE_FORMAT`] or [`FIRST_FORMAT`].
    pub format: u16,
    /// The genesis anchor.
    pub anchor: GenesisAnchor,
    /// Changes of the validator set up to the latest header, oldest first.
    pub set_changes: Vec<SetChange>,
    /// The block that recorded the transaction.
    pub recorded: CertifiedHeader,
    /// The header before `recorded`; none at height 1. Every later block's log has the transaction
    /// too: only this shows that it was recorded then, and not before.
    pub before: Option<Header>,
    /// The transaction's envelope.
    pub transaction: ByteVec,
    /// The key that signed it.
    pub signer: PublicKey,
    /// Its place in the audit log of `recorded`.
    pub inclusion: InclusionProof,
    /// Records at a later (or the same) height.
    pub status: Option<StatusProof>,
    /// What provinces signed of the log.
    pub witness: Option<Witness>,
}

/// The step at which a capsule failed, and why.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CapsuleError {
    /// Not a capsule of a format this program knows.
    #[error("encoding: {0}")]
    Encoding(#[from] CodecError),
    /// The file is not as it was written.
    #[error("digest: the file was changed or damaged")]
    Changed,
    /// More records than a capsule proves, or more cosigners.
    #[error(
        "encoding: more than {MAX_CAPSULE_RECORDS} records or {MAX_CAPSULE_COSIGNERS} cosigners"
    )]
    Parts,
    /// A capsule of another format version.
    #[error("format: version {0} is not known")]
    Format(u16),
    /// The anchor is not that of the expected ledger.
    #[error("genesis: the capsule is of ledger {found}, not {expected}")]
    Genesis {
        /// The hash the reader knows.
        expected: ChainId,
        /// The hash of the anchor.
        found: ChainId,
    },
    /// A header's certificate proves nothing.
    #[error("header {height}: {error}")]
    Certificate {
        /// Height of the header.
        height: Height,
        /// Why.
        error: CertificateError,
    },
    /// A header, its certificate and the validator sets do not belong together.
    #[error("header {0}: certificate or validator set is of something else")]
    Header(Height),
    /// The transaction does not decode.
    #[error("transaction: {0}")]
    Transaction(#[from] TransactionError),
    /// The transaction is for another ledger.
    #[error("transaction: made for another ledger")]
    OtherLedger,
    /// The signature does not verify.
    #[error("transaction: the signature is not by the key in the capsule")]
    Signature,
    /// The transaction is not in the log of its header, or was in it before.
    #[error("log: the transaction was not recorded at height {0}")]
    Inclusion(Height),
    /// The status is older than the record.
    #[error("status: height {status} is before the record's height {recorded}")]
    StatusOrder {
        /// Height of the record.
        recorded: Height,
        /// Height of the status.
        status: Height,
    },
    /// A record is not as claimed under the state root.
    #[error("status: record {0} is not proven")]
    Record(usize),
    /// A cosigner whose key has no record among those proven, who signed nothing, or who stands
    /// twice or out of order.
    #[error("cosigners: the key of province {0} is not proven, or does not stand in its place")]
    Cosigner(Region),
    /// The log that was cosigned does not have the transaction, or contradicts a certified header.
    #[error("checkpoint: it is not of this log")]
    Checkpoint,
    /// A cosignature does not verify.
    #[error("checkpoint: the cosignature of province {0} does not verify")]
    Cosignature(Region),
    /// A receipt does not verify.
    #[error("receipts: the receipt of province {0} does not verify")]
    Receipt(Region),
}

impl CapsuleError {
    /// The step, by the name that reports give it.
    pub const fn step(&self) -> &'static str {
        match self {
            Self::Encoding(_) | Self::Parts => "encoding",
            Self::Changed => "digest",
            Self::Format(_) => "format",
            Self::Genesis { .. } => "genesis",
            Self::Header(_) => "header",
            Self::Certificate { .. } => "certificate",
            Self::Transaction(_) | Self::OtherLedger | Self::Signature => "transaction",
            Self::Inclusion(_) => "log",
            Self::StatusOrder { .. } | Self::Record(_) => "status",
            Self::Cosigner(_) => "cosigners",
            Self::Checkpoint | Self::Cosignature(_) => "checkpoint",
            Self::Receipt(_) => "receipts",
        }
    }
}

/// Records that a capsule proves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VerifiedStatus {
    /// Header of the block after which they stood.
    pub header: Header,
    /// Full keys, and values or their absence.
    pub records: Vec<(Vec<u8>, Option<Vec<u8>>)>,
}

/// What a capsule proves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verified {
    /// The ledger.
    pub chain: ChainId,
    /// The transaction.
    pub transaction: SignedTransaction,
    /// The key that signed it.
    pub signer: PublicKey,
    /// Header of the block that recorded it.
    pub recorded: Header,
    /// Its place in the audit log.
    pub leaf: u64,
    /// Header of the status, and the proven records.
    pub status: Option<VerifiedStatus>,
    /// How many changes of the validator set lie in between.
    pub set_changes: usize,
    /// What provinces signed of the log.
    pub witness: Option<VerifiedWitness>,
}

/// The file form: the capsule and a digest of it.
///
/// The digest adds no trust. It makes every changed byte an error, also where a change would turn
/// one true statement into another: the absence of one record into that of its neighbour.
#[derive(Encode, Decode)]
struct CapsuleFile {
    #[n(0)]
    capsule: ByteVec,
    #[n(1)]
    digest: H32,
}

impl Capsule {
    /// The bytes of a capsule file.
    ///
    /// # Errors
    /// [`CapsuleError`] when the parts are not of one ledger, or the format is not known.
    pub fn to_file(&self) -> Result<Vec<u8>, CapsuleError> {
        let capsule = self.to_inner()?;
        let digest = hash(Domain::Capsule, &[&capsule]);
        Ok(CapsuleFile { capsule: capsule.into(), digest }.to_bytes())
    }

    /// The capsule in its layout, without the digest.
    ///
    /// # Errors
    /// As [`Capsule::to_file`].
    pub fn to_inner(&self) -> Result<Vec<u8>, CapsuleError> {
        match self.format {
            FIRST_FORMAT => first::write(self),
            CAPSULE_FORMAT => packed::write(self),
            other => Err(CapsuleError::Format(other)),
        }
    }

    /// Reads a capsule file.
    ///
    /// # Errors
    /// [`CapsuleError`] for bytes that are none, were changed, or are of another version.
    pub fn from_file(bytes: &[u8]) -> Result<Self, CapsuleError> {
        let file = CapsuleFile::from_bytes(bytes, MAX_CAPSULE_BYTES)?;
        if hash(Domain::Capsule, &[&file.capsule]) != file.digest {
            return Err(CapsuleError::Changed);
        }
        Self::from_inner(&file.capsule)
    }

    /// Reads a capsule in its layout, without the digest.
    ///
    /// # Errors
    /// As [`Capsule::from_file`].
    pub fn from_inner(bytes: &[u8]) -> Result<Self, CapsuleError> {
        if bytes.len() > MAX_CAPSULE_BYTES {
            return Err(
                CodecError::TooLarge { bound: MAX_CAPSULE_BYTES, found: bytes.len() }.into()
            );
        }
        let capsule = match format_of(bytes)? {
            FIRST_FORMAT => first::read(bytes),
            CAPSULE_FORMAT => packed::read(bytes),
            other => Err(CapsuleError::Format(other)),
        }?;
        // Of a layout that is read whole the bounds are only known now.
        let records = capsule.status.as_ref().map_or(0, |status| status.records.len());
        if records > MAX_CAPSULE_RECORDS {
            return Err(CapsuleError::Parts);
        }
        Ok(capsule)
    }

    /// Verifies everything against the hash of the genesis.
    ///
    /// # Errors
    /// [`CapsuleError`] names the first step that fails.
    pub fn verify(&self, genesis: ChainId) -> Result<Verified, CapsuleError> {
        let found = self.anchor.chain();
        if found != genesis {
            return Err(CapsuleError::Genesis { expected: genesis, found });
        }
        let trust = Trust::new(genesis, &self.anchor, &self.set_changes);
        trust.check_changes()?;
        trust.check(&self.recorded)?;
        let transaction = self.check_transaction(genesis)?;
        let status = match &self.status {
            Some(status) => Some(self.check_status(&trust, status)?),
            None => None,
        };
        let witness = match &self.witness {
            Some(witness) => Some(witness.verify(self, genesis, &transaction)?),
            None => None,
        };
        self.check_last_change()?;
        Ok(Verified {
            chain: genesis,
            transaction,
            signer: self.signer,
            recorded: self.recorded.header.clone(),
            leaf: self.inclusion.index,
            status,
            set_changes: self.set_changes.len(),
            witness,
        })
    }

    /// A change of validators at the latest header or after it has nothing to say about any.
    fn check_last_change(&self) -> Result<(), CapsuleError> {
        let status = self.status.as_ref().map(|status| status.certified.header.height);
        let latest = self.recorded.header.height.max(status.unwrap_or_default());
        match self.set_changes.last().map(|change| change.certified.header.height) {
            Some(last) if last >= latest => Err(CapsuleError::Header(last)),
            _ => Ok(()),
        }
    }

    fn check_transaction(&self, chain: ChainId) -> Result<SignedTransaction, CapsuleError> {
        let transaction = SignedTransaction::decode(&self.transaction)?;
        if transaction.body().chain != chain {
            return Err(CapsuleError::OtherLedger);
        }
        if !transaction.verify(&self.signer) {
            return Err(CapsuleError::Signature);
        }
        let header = &self.recorded.header;
        let head = LogHead { size: header.log_size, root: header.log_root };
        self.inclusion
            .verify(leaf_hash(transaction.as_bytes()), head)
            .map_err(|_| CapsuleError::Inclusion(header.height))?;
        if self.inclusion.index < self.leaves_before()? {
            return Err(CapsuleError::Inclusion(header.height));
        }
        Ok(transaction)
    }

    /// How many leaves the log had before the block that recorded the transaction.
    fn leaves_before(&self) -> Result<u64, CapsuleError> {
        let header = &self.recorded.header;
        match &self.before {
            Some(before) if before.id() == header.parent => Ok(before.log_size),
            // Leaf 0 is the genesis.
            None if header.height == Height(1) => Ok(1),
            _ => Err(CapsuleError::Header(header.height.previous())),
        }
    }

    fn check_status(
        &self,
        trust: &Trust<'_>,
        status: &StatusProof,
    ) -> Result<VerifiedStatus, CapsuleError> {
        trust.check(&status.certified)?;
        let header = &status.certified.header;
        let (recorded, at) = (self.recorded.header.height, header.height);
        if at < recorded {
            return Err(CapsuleError::StatusOrder { recorded, status: at });
        }
        let mut records = Vec::with_capacity(status.records.len());
        for (place, record) in status.records.iter().enumerate() {
            let claimed = record.value.as_ref().map(|value| value_hash(value));
            if record.proof.verify(header.state_root, path_of(&record.key)) != Ok(claimed) {
                return Err(CapsuleError::Record(place));
            }
            records.push((record.key.to_vec(), record.value.as_ref().map(|v| v.to_vec())));
        }
        Ok(VerifiedStatus { header: header.clone(), records })
    }
}

/// The first item of a capsule.
fn format_of(bytes: &[u8]) -> Result<u16, CodecError> {
    let mut decoder = minicbor::Decoder::new(bytes);
    let format = decoder.array().and_then(|_| decoder.u16());
    format.map_err(|_| CodecError::Malformed { position: decoder.position() })
}

#[cfg(test)]
mod tests;
