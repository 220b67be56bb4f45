//! What records of several contracts have in common.

use hefu_primitives::{H32, Height, KeyId, Millis};
use minicbor::{Decode, Encode};
use serde::{Deserialize, Serialize};

/// When, where and under which key a record or a change of it came onto the ledger.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Stamp {
    /// Height of the block; zero in genesis.
    #[n(0)]
    pub height: Height,
    /// Block time.
    #[n(1)]
    pub time: Millis,
    /// When it happened, as the signer says. Block time less this is how late it was recorded.
    #[n(2)]
    pub occurred_at: Millis,
    /// The key that signed.
    #[n(3)]
    pub key: KeyId,
}

/// Evidence that stays with whoever holds it; the ledger keeps a commitment to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EvidenceRef {
    /// What it is: a document, a picture, an inspection, a ruling, …
    #[n(0)]
    pub kind: u8,
    /// Salted commitment to it.
    #[n(1)]
    pub commit: H32,
    /// Its size in bytes.
    #[n(2)]
    pub bytes: u64,
}

impl EvidenceRef {
    /// Whether it commits to anything: zero is no commitment.
    pub fn is_given(&self) -> bool {
        self.commit != H32::ZERO
    }
}

/// Most references to evidence in one act (domain.md §3.0).
pub const MAX_EVIDENCE: usize = 8;
