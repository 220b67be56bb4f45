//! What the node stores of a block, and where it says a transaction stands.

use hefu_primitives::block::{Block, Outcome, TxResult};
use hefu_primitives::bounds::{MAX_BLOCK_BUNDLES, MAX_STORED_BLOCK_BYTES};
use hefu_primitives::codec::{Canonical, CodecError};
use hefu_primitives::{Bundle, CommitCertificate, Height, SignedTransaction};
use minicbor::bytes::ByteVec;
use minicbor::{Decode, Encode};

/// One frame of the block files, and the unit of catch-up: all that is needed to check and
/// execute a height.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct StoredBlock {
    /// Header and bundle ids.
    #[n(0)]
    pub block: Block,
    /// The certificate that made it final.
    #[n(1)]
    pub certificate: CommitCertificate,
    /// The bundles, in the block's order.
    #[n(2)]
    #[cbor(decode_with = "few_bundles")]
    pub bundles: Vec<ByteVec>,
    /// What became of each transaction.
    #[n(3)]
    pub outcomes: Vec<Outcome>,
}

/// Room for an outcome in a frame, and for what is not bundles and outcomes.
const OUTCOME_BYTES: usize = 56;
const BESIDE_BYTES: usize = 4 * 1024;

/// Blocks come from peers too: a list of more bundles than a block has is not even read.
fn few_bundles<'b, C>(
    d: &mut minicbor::Decoder<'b>,
    ctx: &mut C,
) -> Result<Vec<ByteVec>, minicbor::decode::Error> {
    match d.probe().array()? {
        Some(count) if count <= MAX_BLOCK_BUNDLES as u64 => d.decode_with(ctx),
        _ => Err(minicbor::decode::Error::message("more bundles than a block has")),
    }
}

impl StoredBlock {
    /// Decodes a frame.
    ///
    /// # Errors
    /// Those of the codec.
    pub fn decode(bytes: &[u8]) -> Result<Self, CodecError> {
        Self::from_bytes(bytes, MAX_STORED_BLOCK_BYTES)
    }

    /// The bytes of its frame, in a vector that need not grow for them.
    pub(super) fn encode(&self) -> Vec<u8> {
        let bundles: usize = self.bundles.iter().map(|bundle| bundle.len()).sum();
        let room = bundles + OUTCOME_BYTES * self.outcomes.len() + BESIDE_BYTES;
        let mut bytes = Vec::with_capacity(room);
        let written = minicbor::encode(self, &mut bytes);
        debug_assert!(written.is_ok(), "nothing in a block fails to encode");
        bytes
    }

    /// A transaction by its number over all bundles.
    pub fn transaction(&self, number: u32) -> Option<SignedTransaction> {
        let mut left = number as usize;
        for bytes in &self.bundles {
            let bundle = Bundle::decode(bytes).ok()?;
            match bundle.transactions().get(left) {
                Some(tx) => return Some(tx.clone()),
                None => left -= bundle.transactions().len(),
            }
        }
        None
    }

    /// Its transactions, over all bundles.
    pub fn transactions(&self) -> impl Iterator<Item = SignedTransaction> {
        let bundles = self.bundles.iter().filter_map(|bytes| Bundle::decode(bytes).ok());
        bundles.flat_map(|bundle| bundle.transactions().to_vec())
    }
}

/// Where a transaction stands and what became of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode, serde::Serialize)]
pub struct Position {
    /// Height of its block.
    #[n(0)]
    pub height: Height,
    /// Its number in the block, over all bundles, from 0.
    #[n(1)]
    pub number: u32,
    /// Applied with a leaf, or refused with a code.
    #[n(2)]
    pub result: TxResult,
    /// Whether the signer is known to have sent this. A refusal before the signature was checked
    /// says nothing about the transaction with this id.
    #[n(3)]
    pub authentic: bool,
}

impl Position {
    /// Whether the signer is known to have sent this.
    pub fn is_authentic(&self) -> bool {
        self.authentic
    }
}

#[cfg(test)]
mod tests {
    use hefu_primitives::{BlockId, BundleId, ChainId, H32, Header, KeyId, Millis, Round};

    use super::*;

    #[test]
    fn a_block_has_no_more_bundles_than_a_block_may() {
        let header = Header {
            protocol: 1,
            chain: ChainId::ZERO,
            height: Height(1),
            round: Round(0),
            time: Millis(1),
            parent: BlockId::ZERO,
            bundles_root: H32::ZERO,
            outcomes_root: H32::ZERO,
            log_size: 1,
            log_root: H32::ZERO,
            state_root: H32::ZERO,
            validators: H32::ZERO,
            next_validators: H32::ZERO,
            parameters: H32::ZERO,
            proposer: KeyId::ZERO,
        };
        let (height, round, block) = (Height(1), Round(0), BlockId::ZERO);
        let stored = |bundles: usize| StoredBlock {
            block: Block {
                header: header.clone(),
                bundles: vec![BundleId::ZERO; 2],
                evidence: Vec::new(),
            },
            certificate: CommitCertificate { height, round, block, signatures: Vec::new() },
            bundles: vec![vec![0].into(); bundles],
            outcomes: Vec::new(),
        };
        let most = stored(MAX_BLOCK_BUNDLES);
        assert_eq!(StoredBlock::decode(&most.to_bytes()), Ok(most));
        assert!(StoredBlock::decode(&stored(MAX_BLOCK_BUNDLES + 1).to_bytes()).is_err());
    }
}
