//! Two signed messages of one validator that contradict each other: proof for anyone who knows
//! the validator set of the height.

use hefu_primitives::vote::{SignedProposal, SignedVote};
use minicbor::{Decode, Encode};

/// Proof of equivocation; canonical CBOR. The pair is ordered, so that there is one encoding.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
pub enum Equivocation {
    /// Two votes of one kind, height and round.
    #[n(0)]
    Votes(#[n(0)] SignedVote, #[n(1)] SignedVote),
    /// Two proposals of one height and round.
    #[n(1)]
    Proposals(#[n(0)] SignedProposal, #[n(1)] SignedProposal),
}
