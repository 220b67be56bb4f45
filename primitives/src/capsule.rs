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
//!
//! It stays valid when nodes, keys and provinces have gone. It does not show what happened after
//! the status height, nor what an act or a record means: `contracts` reads those.

use minicbor::bytes::ByteVec;
use minicbor::{Decode, Encode};

use crate::block::Header;
use crate::bounds::MAX_CAPSULE_BYTES;
use crate::codec::{Canonical, CodecError};
use crate::crypto::PublicKey;
use crate::hash::{Domain, H32, hash};
use crate::ids::{ChainId, Height, Millis};
use crate::log::{InclusionProof, LogHead, leaf_hash};
use crate::map::{MapProof, path_of, value_hash};
use crate::transaction::{SignedTransaction, TransactionError};
use crate::validators::ValidatorSet;
use crate::vote::{CertificateError, CommitCertificate};

/// Version of the capsule format that this program writes.
pub const CAPSULE_FORMAT: u16 = 1;

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

/// The evidence capsule, version 1.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Capsule {
    /// [`CAPSULE_FORMAT`].
    #[n(0)]
    pub format: u16,
    /// The genesis anchor.
    #[n(1)]
    pub anchor: GenesisAnchor,
    /// Changes of the validator set up to the latest header, oldest first.
    #[n(2)]
    pub set_changes: Vec<SetChange>,
    /// The block that recorded the transaction.
    #[n(3)]
    pub recorded: CertifiedHeader,
    /// The transaction's envelope.
    #[n(4)]
    pub transaction: ByteVec,
    /// The key that signed it.
    #[n(5)]
    pub signer: PublicKey,
    /// Its place in the audit log of `recorded`.
    #[n(6)]
    pub inclusion: InclusionProof,
    /// Records at a later (or the same) height.
    #[n(7)]
    pub status: Option<StatusProof>,
    /// The header before `recorded`; none at height 1. Every later block's log has the transaction
    /// too: only this shows that it was recorded then, and not before.
    #[n(8)]
    pub before: Option<Header>,
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
    pub fn to_file(&self) -> Vec<u8> {
        let capsule = self.to_bytes();
        let digest = hash(Domain::Capsule, &[&capsule]);
        CapsuleFile { capsule: capsule.into(), digest }.to_bytes()
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
        let capsule = Self::from_bytes(&file.capsule, MAX_CAPSULE_BYTES)?;
        match capsule.format {
            CAPSULE_FORMAT => Ok(capsule),
            other => Err(CapsuleError::Format(other)),
        }
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
        Ok(Verified {
            chain: genesis,
            transaction,
            signer: self.signer,
            recorded: self.recorded.header.clone(),
            leaf: self.inclusion.index,
            status,
            set_changes: self.set_changes.len(),
        })
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

/// The chain of validator sets from the anchor on.
pub(crate) struct Trust<'a> {
    chain: ChainId,
    anchor: &'a GenesisAnchor,
    changes: &'a [SetChange],
}

impl<'a> Trust<'a> {
    pub(crate) const fn new(
        chain: ChainId,
        anchor: &'a GenesisAnchor,
        changes: &'a [SetChange],
    ) -> Self {
        Self { chain, anchor, changes }
    }

    /// Each change is decided by the set before it, at a greater height than the change before.
    pub(crate) fn check_changes(&self) -> Result<(), CapsuleError> {
        let mut set = &self.anchor.validators;
        let mut height = Height(0);
        for change in self.changes {
            let header = &change.certified.header;
            if header.height <= height || header.next_validators != change.next.hash() {
                return Err(CapsuleError::Header(header.height));
            }
            self.check_by(&change.certified, set)?;
            (set, height) = (&change.next, header.height);
        }
        Ok(())
    }

    /// A header decided by the set in force at its height, which is returned.
    pub(crate) fn check(
        &self,
        certified: &CertifiedHeader,
    ) -> Result<&'a ValidatorSet, CapsuleError> {
        let height = certified.header.height;
        let change = self.changes.iter().rev().find(|c| c.certified.header.height < height);
        let set = change.map_or(&self.anchor.validators, |change| &change.next);
        self.check_by(certified, set)?;
        Ok(set)
    }

    fn check_by(
        &self,
        certified: &CertifiedHeader,
        set: &ValidatorSet,
    ) -> Result<(), CapsuleError> {
        let CertifiedHeader { header, certificate } = certified;
        let height = header.height;
        let belongs = header.chain == self.chain
            && header.validators == set.hash()
            && certificate.height == height
            && certificate.block == header.id();
        if !belongs {
            return Err(CapsuleError::Header(height));
        }
        certificate
            .verify(&self.chain, set)
            .map_err(|error| CapsuleError::Certificate { height, error })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crypto::KeyPair;
    use crate::ids::{BlockId, Round};
    use crate::log::{MemoryLog, inclusion_proof};
    use crate::map::AuthenticatedMap;
    use crate::transaction::TransactionBody;
    use crate::validators::tests::{pairs, set};
    use crate::vote::{CommitSignature, Vote, VoteKind};

    const RECORD: &[u8] = b"\x04key";
    const VALUE: &[u8] = b"value";
    const ABSENT: &[u8] = b"\x04none";

    /// A ledger of a few headers: four validators, one transaction at height 1, a set change named
    /// at height 2, a status at height 3.
    struct Ledger {
        anchor: GenesisAnchor,
        log: MemoryLog,
        map: AuthenticatedMap,
        old: Vec<KeyPair>,
        new: Vec<KeyPair>,
    }

    impl Ledger {
        fn new() -> Self {
            let old = pairs(4);
            let mut map = AuthenticatedMap::new();
            map.update([(path_of(RECORD), Some(value_hash(VALUE)))]);
            let anchor = GenesisAnchor {
                format: 1,
                document: H32([7; 32]),
                created: Millis(1),
                state_root: map.root(),
                validators: set(&old),
            };
            let mut log = MemoryLog::new();
            log.append(leaf_hash(&anchor.to_bytes())).unwrap();
            let new = pairs(5).split_off(1);
            Self { anchor, log, map, old, new }
        }

        fn sign(
            &self,
            height: u64,
            by: &[KeyPair],
            next: &[KeyPair],
            parent: BlockId,
        ) -> CertifiedHeader {
            let header = Header {
                protocol: 1,
                chain: self.anchor.chain(),
                height: Height(height),
                round: Round(0),
                time: Millis(1_000 + height),
                parent,
                bundles_root: H32::ZERO,
                outcomes_root: H32::ZERO,
                log_size: self.log.head().size,
                log_root: self.log.head().root,
                state_root: self.map.root(),
                validators: set(by).hash(),
                next_validators: set(next).hash(),
                parameters: H32::ZERO,
                proposer: by[0].id(),
            };
            let (block, chain) = (header.id(), header.chain);
            let signature = |index: usize| {
                let vote = Vote {
                    kind: VoteKind::Precommit,
                    height: header.height,
                    round: Round(0),
                    block: Some(block),
                    validator: by[index].id(),
                };
                let signature = vote.sign(&chain, &by[index]).signature;
                CommitSignature { index: index as u16, signature }
            };
            let signatures = vec![signature(0), signature(1), signature(3)];
            let certificate =
                CommitCertificate { height: header.height, round: Round(0), block, signatures };
            CertifiedHeader { header, certificate }
        }

        fn capsule(&mut self) -> Capsule {
            let key = KeyPair::from_secret(&[99; 32]);
            let body = TransactionBody {
                chain: self.anchor.chain(),
                not_after: Millis(9_999),
                acts: vec![vec![0x80].into()],
            };
            let issuer = "11310000HEFU01010W".parse().unwrap();
            let tx = SignedTransaction::sign(&body, issuer, "att:00", &key).unwrap();
            self.log.append(leaf_hash(tx.as_bytes())).unwrap();
            let recorded = self.sign(1, &self.old, &self.old, BlockId([1; 32]));
            let handover = self.sign(2, &self.old, &self.new, recorded.header.id());
            let latest = self.sign(3, &self.new, &self.new, handover.header.id());
            let record = |key: &[u8], value: Option<&[u8]>| RecordProof {
                key: key.to_vec().into(),
                value: value.map(|value| value.to_vec().into()),
                proof: self.map.prove(&path_of(key)),
            };
            let records = vec![record(RECORD, Some(VALUE)), record(ABSENT, None)];
            Capsule {
                format: CAPSULE_FORMAT,
                anchor: self.anchor.clone(),
                set_changes: vec![SetChange { certified: handover, next: set(&self.new) }],
                recorded,
                transaction: tx.as_bytes().to_vec().into(),
                signer: key.public(),
                inclusion: inclusion_proof(&self.log, 1, 2).unwrap(),
                status: Some(StatusProof { certified: latest, records }),
                before: None,
            }
        }
    }

    #[test]
    fn proves_a_record_across_a_change_of_validators() {
        let mut ledger = Ledger::new();
        let capsule = Capsule::from_file(&ledger.capsule().to_file()).unwrap();
        let verified = capsule.verify(ledger.anchor.chain()).unwrap();
        assert_eq!((verified.leaf, verified.set_changes), (1, 1));
        let status = verified.status.unwrap();
        assert_eq!(status.header.height, Height(3));
        assert_eq!(status.records[0], (RECORD.to_vec(), Some(VALUE.to_vec())));
        assert_eq!(status.records[1], (ABSENT.to_vec(), None));
    }

    #[test]
    fn every_changed_byte_is_refused() {
        let mut ledger = Ledger::new();
        let (bytes, chain) = (ledger.capsule().to_file(), ledger.anchor.chain());
        for position in 0..bytes.len() {
            let mut broken = bytes.clone();
            broken[position] ^= 1;
            let accepted = Capsule::from_file(&broken).is_ok_and(|c| c.verify(chain).is_ok());
            assert!(!accepted, "byte {position} of {}", bytes.len());
        }
    }

    #[test]
    fn names_the_step_that_fails() {
        let mut ledger = Ledger::new();
        let (capsule, chain) = (ledger.capsule(), ledger.anchor.chain());
        let fails = |change: &dyn Fn(&mut Capsule)| {
            let mut broken = capsule.clone();
            change(&mut broken);
            broken.verify(chain).unwrap_err()
        };
        assert!(matches!(capsule.verify(ChainId([0; 32])), Err(CapsuleError::Genesis { .. })));
        assert_eq!(fails(&|c| c.set_changes.clear()), CapsuleError::Header(Height(3)));
        assert_eq!(fails(&|c| c.recorded.header.time = Millis(5)), CapsuleError::Header(Height(1)));
        assert!(matches!(
            fails(&|c| {
                c.recorded.certificate.signatures.pop();
            }),
            CapsuleError::Certificate { .. }
        ));
        let other = KeyPair::from_secret(&[98; 32]).public();
        assert_eq!(fails(&|c| c.signer = other), CapsuleError::Signature);
        assert_eq!(
            fails(&|c| {
                let records = &mut c.status.as_mut().unwrap().records;
                records[1].value = Some(b"forged".to_vec().into());
            }),
            CapsuleError::Record(1)
        );
        let earlier = ledger.sign(0, &ledger.old, &ledger.old, BlockId([1; 32]));
        assert!(matches!(
            fails(&|c| c.status.as_mut().unwrap().certified = earlier.clone()),
            CapsuleError::StatusOrder { .. }
        ));
        // The transaction is in the log of every later block too, and the block is not the one
        // that recorded it.
        let later = |c: &mut Capsule| {
            c.recorded = c.status.as_ref().unwrap().certified.clone();
            c.before = Some(c.set_changes[0].certified.header.clone());
        };
        assert_eq!(fails(&later), CapsuleError::Inclusion(Height(3)));
        let hidden = |c: &mut Capsule| {
            later(c);
            c.before = None;
        };
        assert_eq!(fails(&hidden), CapsuleError::Header(Height(2)));
        let other = |c: &mut Capsule| {
            later(c);
            c.before.as_mut().unwrap().log_size = 1;
        };
        assert_eq!(fails(&other), CapsuleError::Header(Height(2)));
        let mut newer = capsule.clone();
        newer.format = 2;
        assert_eq!(Capsule::from_file(&newer.to_file()), Err(CapsuleError::Format(2)));
    }
}
