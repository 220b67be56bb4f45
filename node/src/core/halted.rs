//! Why a core stops its node.

use super::CoreError;
use crate::store::{DiskTrouble, StoreError};

/// Why a node has to stop.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the node had to stop: {reason}")]
pub struct Halted {
    /// In words.
    pub reason: String,
    /// The trouble of the disk that it comes from, if it does.
    pub disk: Option<DiskTrouble>,
    /// Whether a signature of ours came that our log does not know.
    pub own_signature: bool,
}

impl Halted {
    /// A reason that is no disk's.
    pub fn because(reason: impl core::fmt::Display) -> Self {
        Self { reason: reason.to_string(), disk: None, own_signature: false }
    }
}

impl From<&hefu_consensus::Halt> for Halted {
    fn from(halt: &hefu_consensus::Halt) -> Self {
        let own_signature = matches!(halt, hefu_consensus::Halt::UnknownOwnSignature { .. });
        Self { own_signature, ..Self::because(halt) }
    }
}

impl From<&CoreError> for Halted {
    fn from(error: &CoreError) -> Self {
        Self { disk: DiskTrouble::behind(error), ..Self::because(error) }
    }
}

impl From<&StoreError> for Halted {
    fn from(error: &StoreError) -> Self {
        Self { disk: DiskTrouble::behind(error), ..Self::because(error) }
    }
}
