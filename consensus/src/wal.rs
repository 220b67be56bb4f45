//! What must survive a crash: everything fed to the core at the height being decided.
//!
//! Replayed in order, the entries bring the core to the same state, so that it derives the same
//! votes; the signer's memory is restored from our own entries among them. Entries of heights
//! that are stored are of no use and may be dropped.

use hefu_primitives::{Block, Height, KeyId, Round};
use minicbor::{Decode, Encode};

use crate::message::PolkaCertificate;
use hefu_primitives::vote::{SignedProposal, SignedVote};

/// Largest encoded entry: a proposed block with a few fields around it.
pub const MAX_WAL_ENTRY_BYTES: usize = hefu_primitives::bounds::MAX_CONSENSUS_MESSAGE_BYTES;

/// One entry of the write-ahead log; canonical CBOR.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[allow(clippy::large_enum_variant)] // few exist at a time
pub enum WalEntry {
    /// A vote, ours or a verified one of another validator.
    #[n(0)]
    Vote(#[n(0)] SignedVote),
    /// A proposal, ours or a verified one.
    #[n(1)]
    Proposal(#[n(0)] SignedProposal),
    /// A block and what the application said about it. Its bundles are durable.
    #[n(2)]
    Block {
        /// Round of the proposal that brought it.
        #[n(0)]
        round: Round,
        /// Who proposed it in that round.
        #[n(1)]
        proposer: KeyId,
        /// Whether it may be voted for.
        #[n(2)]
        valid: bool,
        /// The block.
        #[n(3)]
        block: Block,
    },
    /// A step of a round waited in vain.
    #[n(3)]
    Timeout {
        /// Height.
        #[n(0)]
        height: Height,
        /// Round.
        #[n(1)]
        round: Round,
        /// Step.
        #[n(2)]
        step: WaitStep,
    },
    /// A verified quorum of prevotes.
    #[n(4)]
    Polka(#[n(0)] PolkaCertificate),
}

/// The steps that time out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Encode, Decode)]
#[cbor(index_only)]
pub enum WaitStep {
    /// For a proposal.
    #[n(0)]
    Propose,
    /// For agreeing prevotes.
    #[n(1)]
    Prevote,
    /// For agreeing precommits.
    #[n(2)]
    Precommit,
}

impl WalEntry {
    /// The height the entry belongs to.
    pub const fn height(&self) -> Height {
        match self {
            Self::Vote(signed) => signed.vote.height,
            Self::Proposal(signed) => signed.proposal.height,
            Self::Block { block, .. } => block.header.height,
            Self::Timeout { height, .. } => *height,
            Self::Polka(polka) => polka.height,
        }
    }
}
