//! What consensus itself can check of a block: everything but the roots.

use hefu_primitives::BlockId;

/// Why a block cannot be the next one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HeaderError {
    /// Another ledger.
    #[error("another chain")]
    Chain,
    /// Not the height being decided.
    #[error("another height")]
    Height,
    /// A round after that of the proposal, or another in a first proposal.
    #[error("another round")]
    Round,
    /// Not on top of our tip.
    #[error("the parent is {found}")]
    Parent {
        /// The parent it names.
        found: BlockId,
    },
    /// Not later than its parent.
    #[error("not later than its parent")]
    Time,
    /// Another validator set.
    #[error("another validator set")]
    Validators,
    /// Its proposer is no validator, or not the one whose turn it was.
    #[error("another proposer")]
    Proposer,
    /// The bundle ids are too many or not those of the header.
    #[error("the bundle ids are not those of the header")]
    Bundles,
}
