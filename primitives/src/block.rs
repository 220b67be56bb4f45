//! Headers, blocks and the bundles they name.

use minicbor::{Decode, Encode};
use serde::{Deserialize, Serialize};

use crate::bounds::{MAX_BUNDLE_BYTES, MAX_BUNDLE_TRANSACTIONS};
use crate::codec::{Canonical, CodecError};
use crate::evidence::{Equivocation, evidence_root};
use crate::hash::{Domain, H32, hash};
use crate::ids::{BlockId, BundleId, ChainId, Height, KeyId, Millis, Round, TxId};
use crate::transaction::SignedTransaction;

/// What a commit certificate makes final. Roots are those *after* this block, so a receipt is
/// final with its own block's certificate.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
pub struct Header {
    /// Version of the rules that executed this block.
    #[n(0)]
    pub protocol: u16,
    /// The ledger.
    #[n(1)]
    pub chain: ChainId,
    /// Height, from 1.
    #[n(2)]
    pub height: Height,
    /// The round in which this block was first proposed.
    #[n(3)]
    pub round: Round,
    /// The proposer's clock; strictly greater than the parent's.
    #[n(4)]
    pub time: Millis,
    /// The block before; at height 1 the chain id's bytes.
    #[n(5)]
    pub parent: BlockId,
    /// Digest of what the block names: its bundle ids and evidence ([`contents_root`]).
    #[n(6)]
    pub bundles_root: H32,
    /// Digest of the outcomes ([`outcomes_root`]).
    #[n(7)]
    pub outcomes_root: H32,
    /// Leaves in the audit log.
    #[n(8)]
    pub log_size: u64,
    /// RFC 9162 root of the audit log.
    #[n(9)]
    pub log_root: H32,
    /// Root of the authenticated map.
    #[n(10)]
    pub state_root: H32,
    /// Hash of the validator set that decides this height.
    #[n(11)]
    pub validators: H32,
    /// Hash of the validator set that decides the next height.
    #[n(12)]
    pub next_validators: H32,
    /// Hash of the ledger parameters in force.
    #[n(13)]
    pub parameters: H32,
    /// The first proposer's consensus key.
    #[n(14)]
    pub proposer: KeyId,
}

impl Header {
    /// The block's id.
    pub fn id(&self) -> BlockId {
        hash(Domain::Block, &[&self.to_bytes()]).into()
    }
}

/// A header and what it names: bundles by id, and evidence, in order.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
pub struct Block {
    /// The header.
    #[n(0)]
    pub header: Header,
    /// Bundle ids, in the order of execution.
    #[n(1)]
    pub bundles: Vec<BundleId>,
    /// Contradictions of validators that this block records; written only if there are any.
    #[cbor(n(2), with = "evidence_list", has_nil)]
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub evidence: Vec<Equivocation>,
}

/// A list that is left out when it is empty, and not read when it is longer than a block's.
mod evidence_list {
    use minicbor::decode::Error;
    use minicbor::encode::{Error as EncodeError, Write};
    use minicbor::{Decode, Decoder, Encode, Encoder};

    use crate::bounds::MAX_BLOCK_EVIDENCE;
    use crate::evidence::Equivocation;

    pub(super) fn encode<C, W: Write>(
        list: &Vec<Equivocation>,
        e: &mut Encoder<W>,
        ctx: &mut C,
    ) -> Result<(), EncodeError<W::Error>> {
        list.encode(e, ctx)
    }

    pub(super) fn decode<'b, C>(
        d: &mut Decoder<'b>,
        ctx: &mut C,
    ) -> Result<Vec<Equivocation>, Error> {
        match d.probe().array()? {
            Some(count) if count <= MAX_BLOCK_EVIDENCE as u64 => Vec::decode(d, ctx),
            _ => Err(Error::message("more evidence than a block has")),
        }
    }

    pub(super) fn nil() -> Option<Vec<Equivocation>> {
        Some(Vec::new())
    }

    pub(super) fn is_nil(list: &[Equivocation]) -> bool {
        list.is_empty()
    }
}

impl Block {
    /// The block's id.
    pub fn id(&self) -> BlockId {
        self.header.id()
    }

    /// What the header's `bundles_root` must be.
    pub fn contents_root(&self) -> H32 {
        contents_root(&self.bundles, &self.evidence)
    }
}

/// Digest of what a block names. Without evidence it is that of the bundle ids alone.
pub fn contents_root(bundles: &[BundleId], evidence: &[Equivocation]) -> H32 {
    match evidence {
        [] => bundles_root(bundles),
        some => {
            let (bundles, evidence) = (bundles_root(bundles), evidence_root(some));
            hash(Domain::Contents, &[bundles.as_ref(), evidence.as_ref()])
        }
    }
}

/// Digest of the bundle ids of a block.
pub fn bundles_root(bundles: &[BundleId]) -> H32 {
    let ids: Vec<&[u8]> = bundles.iter().map(AsRef::as_ref).collect();
    hash(Domain::BundlesRoot, &ids)
}

/// What became of one transaction.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
pub struct Outcome {
    /// The transaction.
    #[n(0)]
    pub tx: TxId,
    /// Its leaf in the audit log, or why it was refused.
    #[n(1)]
    pub result: TxResult,
}

/// Applied with a place in the log, or refused with a code and changed nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TxResult {
    /// Every act applied.
    #[n(0)]
    Applied {
        /// Place of the transaction in the audit log.
        #[n(0)]
        leaf: u64,
    },
    /// No act applied.
    #[n(1)]
    Refused {
        /// The stable error number.
        #[n(0)]
        code: u16,
        /// Which act was the cause, from 0.
        #[n(1)]
        act: u16,
    },
}

/// Digest of the outcomes of a block, in order.
pub fn outcomes_root(outcomes: &[Outcome]) -> H32 {
    let bytes: Vec<Vec<u8>> = outcomes.iter().map(Canonical::to_bytes).collect();
    let parts: Vec<&[u8]> = bytes.iter().map(Vec::as_slice).collect();
    hash(Domain::OutcomesRoot, &parts)
}

/// Transactions that travel and are verified together before they are ordered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bundle {
    transactions: Vec<SignedTransaction>,
    bytes: Vec<u8>,
    id: BundleId,
}

/// Why bytes or transactions are no bundle.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BundleError {
    /// The encoding.
    #[error(transparent)]
    Codec(#[from] CodecError),
    /// No transaction, or too many.
    #[error("{0} transactions: 1 to {MAX_BUNDLE_TRANSACTIONS} are possible")]
    Count(usize),
    /// A transaction does not decode.
    #[error("transaction {position}: {error}")]
    Transaction {
        /// Its place, from 0.
        position: usize,
        /// Why.
        error: crate::transaction::TransactionError,
    },
}

/// The wire form: an array of byte strings, each one encoded transaction.
#[derive(Encode, Decode)]
#[cbor(transparent)]
struct RawBundle(#[n(0)] Vec<minicbor::bytes::ByteVec>);

impl Bundle {
    /// Bundles transactions in order.
    ///
    /// # Errors
    /// [`BundleError`] when there are none, too many, or too many bytes.
    pub fn new(transactions: Vec<SignedTransaction>) -> Result<Self, BundleError> {
        Self::check_count(transactions.len())?;
        let raw = RawBundle(transactions.iter().map(|tx| tx.as_bytes().to_vec().into()).collect());
        let bytes = raw.to_bytes();
        if bytes.len() > MAX_BUNDLE_BYTES {
            let (bound, found) = (MAX_BUNDLE_BYTES, bytes.len());
            return Err(CodecError::TooLarge { bound, found }.into());
        }
        let id = hash(Domain::Bundle, &[&bytes]).into();
        Ok(Self { transactions, bytes, id })
    }

    /// Decodes a bundle and its transactions; signatures are not verified here.
    ///
    /// # Errors
    /// [`BundleError`] names the first thing that is wrong.
    pub fn decode(bytes: &[u8]) -> Result<Self, BundleError> {
        let raw = RawBundle::from_bytes(bytes, MAX_BUNDLE_BYTES)?;
        Self::check_count(raw.0.len())?;
        let transactions = raw
            .0
            .iter()
            .enumerate()
            .map(|(position, tx)| {
                SignedTransaction::decode(tx)
                    .map_err(|error| BundleError::Transaction { position, error })
            })
            .collect::<Result<_, _>>()?;
        Ok(Self { transactions, bytes: bytes.to_vec(), id: hash(Domain::Bundle, &[bytes]).into() })
    }

    fn check_count(count: usize) -> Result<(), BundleError> {
        if count == 0 || count > MAX_BUNDLE_TRANSACTIONS {
            return Err(BundleError::Count(count));
        }
        Ok(())
    }

    /// The bundle's id.
    pub const fn id(&self) -> BundleId {
        self.id
    }

    /// The transactions, in order.
    pub fn transactions(&self) -> &[SignedTransaction] {
        &self.transactions
    }

    /// The canonical bytes.
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }
}
