//! What the node stores of a block, and where it says a transaction stands.

use hefu_primitives::block::{Block, Outcome, TxResult};
use hefu_primitives::bounds::MAX_STORED_BLOCK_BYTES;
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
    pub bundles: Vec<ByteVec>,
    /// What became of each transaction.
    #[n(3)]
    pub outcomes: Vec<Outcome>,
}

impl StoredBlock {
    /// Decodes a frame.
    ///
    /// # Errors
    /// Those of the codec.
    pub fn decode(bytes: &[u8]) -> Result<Self, CodecError> {
        Self::from_bytes(bytes, MAX_STORED_BLOCK_BYTES)
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
