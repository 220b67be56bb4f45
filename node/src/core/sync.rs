//! Requests between nodes: blocks to catch up with, bundles that a proposal names, and what
//! cosigners tell each other.

use hefu_primitives::bounds::MAX_STORED_BLOCK_BYTES;
use hefu_primitives::codec::{Canonical, CodecError};
use hefu_primitives::{BundleId, Height};
use minicbor::bytes::ByteVec;
use minicbor::{Decode, Encode};

use crate::cosign::Cosigned;

/// Most bundles in one request.
pub const MAX_FETCHED_BUNDLES: usize = 100;
/// Largest request, in bytes: 100 bundle ids of 34 bytes are 3.4 KiB.
pub const MAX_REQUEST_BYTES: usize = 4 * 1024;
/// Largest answer, in bytes: one largest block always fits.
pub const MAX_ANSWER_BYTES: usize = MAX_STORED_BLOCK_BYTES + 4096;
/// Most items of an answer: as many as may be asked for. Without this bound 8 MiB of empty items
/// would be decoded into 200.
const MAX_ANSWER_ITEMS: usize = MAX_FETCHED_BUNDLES;

/// What a node may ask another.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub enum SyncRequest {
    /// Stored blocks from a height on.
    #[n(0)]
    Blocks {
        /// First height.
        #[n(0)]
        from: Height,
        /// Most blocks wanted.
        #[n(1)]
        count: u16,
    },
    /// Bundles by id.
    #[n(1)]
    Bundles(#[n(0)] Vec<BundleId>),
    /// Here is my cosignature; which do you have of that head, and which of mine? Without one: of
    /// the checkpoint you serve.
    #[n(2)]
    Cosigned(#[n(0)] Option<Cosigned>),
    /// The endorsed keys of your cosigner.
    #[n(3)]
    CosignerKeys,
    /// Your receipt of a leaf, in EdDSA or ES256.
    #[n(4)]
    Receipt {
        /// The leaf.
        #[n(0)]
        leaf: u64,
        /// In ES256.
        #[n(1)]
        es256: bool,
    },
}

impl SyncRequest {
    /// Decodes a request.
    ///
    /// # Errors
    /// Those of the codec.
    pub fn decode(bytes: &[u8]) -> Result<Self, CodecError> {
        match Self::from_bytes(bytes, MAX_REQUEST_BYTES)? {
            Self::Bundles(ids) if ids.len() > MAX_FETCHED_BUNDLES => {
                Err(CodecError::TooLarge { bound: MAX_FETCHED_BUNDLES, found: ids.len() })
            }
            request => Ok(request),
        }
    }
}

/// The answer: encoded blocks or bundles, as many as fit.
#[derive(Clone, Debug, Default, PartialEq, Eq, Encode, Decode)]
#[cbor(transparent)]
pub struct SyncAnswer(#[n(0)] pub Vec<ByteVec>);

impl SyncAnswer {
    /// Takes items while they fit.
    pub fn collect(items: impl Iterator<Item = Vec<u8>>) -> Self {
        let mut bytes = 16usize;
        let fits = items.take(MAX_ANSWER_ITEMS).take_while(|item| {
            bytes = bytes.saturating_add(item.len()).saturating_add(8);
            bytes <= MAX_ANSWER_BYTES
        });
        Self(fits.map(ByteVec::from).collect())
    }

    /// Decodes an answer.
    ///
    /// # Errors
    /// Those of the codec.
    pub fn decode(bytes: &[u8]) -> Result<Self, CodecError> {
        // An array without a length is not canonical, but would be decoded before that shows.
        let announced = minicbor::Decoder::new(bytes).array().ok().flatten();
        let items = announced.ok_or(CodecError::NotCanonical)?;
        let found = usize::try_from(items).unwrap_or(usize::MAX);
        if found > MAX_ANSWER_ITEMS {
            return Err(CodecError::TooLarge { bound: MAX_ANSWER_ITEMS, found });
        }
        Self::from_bytes(bytes, MAX_ANSWER_BYTES)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn round_trips_and_bounds() {
        let request = SyncRequest::Blocks { from: Height(7), count: 3 };
        assert_eq!(SyncRequest::decode(&request.to_bytes()), Ok(request));
        let most = SyncRequest::Bundles(vec![BundleId([1; 32]); MAX_FETCHED_BUNDLES]);
        assert_eq!(SyncRequest::decode(&most.to_bytes()), Ok(most));
        let over = SyncRequest::Bundles(vec![BundleId([1; 32]); MAX_FETCHED_BUNDLES + 1]);
        assert!(SyncRequest::decode(&over.to_bytes()).is_err());
    }

    #[test]
    fn an_answer_stops_before_its_bound() {
        let answer = SyncAnswer::collect(std::iter::repeat_n(vec![0; 1024 * 1024], 20));
        assert!(answer.to_bytes().len() <= MAX_ANSWER_BYTES && answer.0.len() == 8);
        assert_eq!(SyncAnswer::decode(&answer.to_bytes()), Ok(answer));
        let many = SyncAnswer::collect(std::iter::repeat_n(vec![], MAX_ANSWER_ITEMS + 1));
        assert_eq!(many.0.len(), MAX_ANSWER_ITEMS);
        assert!(SyncAnswer::decode(&many.to_bytes()).is_ok());
        let over = SyncAnswer(vec![vec![].into(); MAX_ANSWER_ITEMS + 1]);
        assert!(matches!(SyncAnswer::decode(&over.to_bytes()), Err(CodecError::TooLarge { .. })));
        let endless = [vec![0x9f], vec![0x40; MAX_ANSWER_ITEMS + 1], vec![0xff]].concat();
        assert!(SyncAnswer::decode(&endless).is_err());
    }
}
