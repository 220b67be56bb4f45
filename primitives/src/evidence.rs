//! Two signed messages of one validator that contradict each other: proof for anyone who knows
//! the validator set of the height.
//!
//! An honest validator signs one proposal a round and one vote of each kind a round, so two that
//! differ are proof of a fault: its key signed in two places, or its memory was lost. Nobody else
//! can make them. What follows from it, people decide.

use minicbor::{Decode, Encode};
use serde::{Deserialize, Serialize};

use crate::codec::{Canonical, CodecError};
use crate::hash::{Domain, H32, hash};
use crate::ids::{ChainId, Height, IdError, KeyId, Round};
use crate::validators::ValidatorSet;
use crate::vote::{SignedProposal, SignedVote, VoteKind};

/// Largest encoded evidence, in bytes: two signed proposals of at most 170 bytes.
pub const MAX_EVIDENCE_BYTES: usize = 512;

/// What a validator contradicted itself in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Contradiction {
    /// Two proposals.
    Proposal,
    /// Two first votes.
    Prevote,
    /// Two second votes.
    Precommit,
}

impl Contradiction {
    /// The word, as JSON writes it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Proposal => "proposal",
            Self::Prevote => "prevote",
            Self::Precommit => "precommit",
        }
    }
}

/// Names a contradiction: who, and at which height. As text `KEY-HEIGHT`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct EquivocationId {
    /// The validator's key.
    pub validator: KeyId,
    /// The height.
    pub height: Height,
}

impl core::fmt::Display for EquivocationId {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "{}-{}", self.validator, self.height)
    }
}

impl core::str::FromStr for EquivocationId {
    type Err = IdError;

    fn from_str(text: &str) -> Result<Self, IdError> {
        let (validator, height) = text.split_once('-').ok_or(IdError::Character)?;
        let canonical = height.bytes().all(|c| c.is_ascii_digit()) && !height.starts_with('0');
        let height = height.parse().ok().filter(|_| canonical).ok_or(IdError::Character)?;
        Ok(Self { validator: validator.parse()?, height: Height(height) })
    }
}

/// Proof of equivocation; canonical CBOR. The pair is in the order of its encodings, so that one
/// pair has one encoding.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Equivocation {
    /// Two votes of one kind, height and round.
    #[n(0)]
    Votes(#[n(0)] SignedVote, #[n(1)] SignedVote),
    /// Two proposals of one height and round.
    #[n(1)]
    Proposals(#[n(0)] SignedProposal, #[n(1)] SignedProposal),
}

/// Why two messages prove nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EvidenceError {
    /// The encoding.
    #[error(transparent)]
    Codec(#[from] CodecError),
    /// They are of different validators, heights, rounds or kinds, or say the same.
    #[error("the two messages do not contradict each other")]
    NoContradiction,
    /// Not in order.
    #[error("the two messages are not in order")]
    Order,
    /// A signature does not verify, or its validator is not in the set.
    #[error("a signature does not verify")]
    Signature,
}

impl Equivocation {
    /// Puts two votes in order.
    pub fn votes(a: SignedVote, b: SignedVote) -> Self {
        if a.to_bytes() <= b.to_bytes() { Self::Votes(a, b) } else { Self::Votes(b, a) }
    }

    /// Puts two proposals in order.
    pub fn proposals(a: SignedProposal, b: SignedProposal) -> Self {
        if a.to_bytes() <= b.to_bytes() { Self::Proposals(a, b) } else { Self::Proposals(b, a) }
    }

    /// Decodes evidence; verify it before believing it.
    ///
    /// # Errors
    /// [`EvidenceError::Codec`].
    pub fn decode(bytes: &[u8]) -> Result<Self, EvidenceError> {
        Ok(Self::from_bytes(bytes, MAX_EVIDENCE_BYTES)?)
    }

    /// Who contradicted itself.
    pub const fn validator(&self) -> KeyId {
        match self {
            Self::Votes(a, _) => a.vote.validator,
            Self::Proposals(a, _) => a.proposal.proposer,
        }
    }

    /// At which height.
    pub const fn height(&self) -> Height {
        match self {
            Self::Votes(a, _) => a.vote.height,
            Self::Proposals(a, _) => a.proposal.height,
        }
    }

    /// In which round.
    pub const fn round(&self) -> Round {
        match self {
            Self::Votes(a, _) => a.vote.round,
            Self::Proposals(a, _) => a.proposal.round,
        }
    }

    /// Its name.
    pub const fn id(&self) -> EquivocationId {
        EquivocationId { validator: self.validator(), height: self.height() }
    }

    /// In what.
    pub const fn what(&self) -> Contradiction {
        match self {
            Self::Proposals(..) => Contradiction::Proposal,
            Self::Votes(a, _) => match a.vote.kind {
                VoteKind::Prevote => Contradiction::Prevote,
                VoteKind::Precommit => Contradiction::Precommit,
            },
        }
    }

    /// Checks the proof against the validator set of its height.
    ///
    /// # Errors
    /// [`EvidenceError`] names what is missing.
    pub fn verify(&self, chain: &ChainId, validators: &ValidatorSet) -> Result<(), EvidenceError> {
        let (contradict, ordered, signed) = match self {
            Self::Votes(a, b) => (
                a.vote != b.vote
                    && (a.vote.kind, a.vote.height, a.vote.round, a.vote.validator)
                        == (b.vote.kind, b.vote.height, b.vote.round, b.vote.validator),
                a.to_bytes() <= b.to_bytes(),
                a.verify(chain, validators) && b.verify(chain, validators),
            ),
            Self::Proposals(a, b) => (
                a.proposal != b.proposal
                    && (a.proposal.height, a.proposal.round, a.proposal.proposer)
                        == (b.proposal.height, b.proposal.round, b.proposal.proposer),
                a.to_bytes() <= b.to_bytes(),
                a.verify(chain, validators) && b.verify(chain, validators),
            ),
        };
        match (contradict, ordered, signed) {
            (false, ..) => Err(EvidenceError::NoContradiction),
            (_, false, _) => Err(EvidenceError::Order),
            (_, _, false) => Err(EvidenceError::Signature),
            _ => Ok(()),
        }
    }
}

/// Digest of the evidence in a block, in order.
pub(crate) fn evidence_root(evidence: &[Equivocation]) -> H32 {
    let bytes: Vec<Vec<u8>> = evidence.iter().map(Canonical::to_bytes).collect();
    hash(Domain::Equivocations, &[&bytes.to_bytes()])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crypto::KeyPair;
    use crate::ids::BlockId;
    use crate::validators::tests::{pairs, set};
    use crate::vote::{Proposal, Vote};

    const CHAIN: ChainId = ChainId([9; 32]);

    fn vote(key: &KeyPair, block: u8) -> SignedVote {
        let (height, round) = (Height(3), Round(1));
        let block = Some(BlockId([block; 32]));
        Vote { kind: VoteKind::Prevote, height, round, block, validator: key.id() }
            .sign(&CHAIN, key)
    }

    #[test]
    fn proves_a_double_vote_and_nothing_else() {
        let pairs = pairs(4);
        let validators = set(&pairs);
        let (a, b) = (vote(&pairs[0], 1), vote(&pairs[0], 2));
        let good = Equivocation::votes(a, b);
        assert_eq!(good, Equivocation::votes(b, a));
        assert_eq!(good.verify(&CHAIN, &validators), Ok(()));
        assert_eq!(Equivocation::decode(&good.to_bytes()), Ok(good));
        assert_eq!(good.validator(), pairs[0].id());

        let verify = |e: Equivocation| e.verify(&CHAIN, &validators);
        assert_eq!(verify(Equivocation::votes(a, a)), Err(EvidenceError::NoContradiction));
        let other = vote(&pairs[1], 2);
        assert_eq!(verify(Equivocation::votes(a, other)), Err(EvidenceError::NoContradiction));
        let Equivocation::Votes(first, second) = good else { unreachable!() };
        assert_eq!(verify(Equivocation::Votes(second, first)), Err(EvidenceError::Order));
        let forged = SignedVote { signature: b.signature, ..a };
        assert_eq!(verify(Equivocation::votes(forged, b)), Err(EvidenceError::Signature));
        let strangers = set(&crate::validators::tests::pairs(8)[4..]);
        assert_eq!(good.verify(&CHAIN, &strangers), Err(EvidenceError::Signature));
    }

    #[test]
    fn has_a_name() {
        let id = Equivocation::votes(vote(&pairs(1)[0], 1), vote(&pairs(1)[0], 2)).id();
        assert_eq!(id.to_string().parse(), Ok(id));
        let key = id.validator;
        for bad in [
            "",
            "-1",
            &format!("{key}"),
            &format!("{key}-"),
            &format!("{key}-03"),
            &format!("{key}-+3"),
            &format!("{key}-x"),
            &format!("{}-3", &key.to_string()[1..]),
        ] {
            assert!(bad.parse::<EquivocationId>().is_err(), "{bad}");
        }
    }

    #[test]
    fn proves_two_proposals_that_differ_in_their_lock_alone() {
        let pairs = pairs(4);
        let proposal = |pol_round| {
            let (height, round, block) = (Height(3), Round(1), BlockId([1; 32]));
            Proposal { height, round, block, pol_round, proposer: pairs[2].id() }
                .sign(&CHAIN, &pairs[2])
        };
        let proof = Equivocation::proposals(proposal(None), proposal(Some(Round(0))));
        assert_eq!(proof.verify(&CHAIN, &set(&pairs)), Ok(()));
        assert!(proof.to_bytes().len() <= MAX_EVIDENCE_BYTES);
    }

    /// What four honest validators sign in a run, on two ledgers: one vote of a kind and one
    /// proposal a round, whatever they are for.
    fn honest_run(choices: &[u8]) -> (Vec<SignedVote>, Vec<SignedProposal>) {
        let (mut votes, mut proposals) = (Vec::new(), Vec::new());
        let mut choice = choices.iter().copied().cycle();
        let mut pick = || choice.next().unwrap_or_default();
        for chain in [CHAIN, ChainId([8; 32])] {
            for key in pairs(4) {
                for (height, round) in [(1, 0), (1, 1), (2, 0), (2, 1)] {
                    let (height, round) = (Height(height), Round(round));
                    for kind in [VoteKind::Prevote, VoteKind::Precommit] {
                        let block = Some(pick() % 3).filter(|b| *b > 0).map(|b| BlockId([b; 32]));
                        let vote = Vote { kind, height, round, block, validator: key.id() };
                        votes.push(vote.sign(&chain, &key));
                    }
                    let pol_round = Some(Round(0)).filter(|_| pick() % 2 == 0);
                    let (block, proposer) = (BlockId([pick() % 3; 32]), key.id());
                    let proposal = Proposal { height, round, block, pol_round, proposer };
                    proposals.push(proposal.sign(&chain, &key));
                }
            }
        }
        (votes, proposals)
    }

    /// One of the ways to make something of what others signed.
    fn alter(vote: &mut SignedVote, others: &[SignedVote], how: u8, which: usize) {
        let other = others[which % others.len()];
        match how % 8 {
            0 => vote.signature = other.signature,
            1 => vote.vote.block = other.vote.block,
            2 => vote.vote.round = other.vote.round,
            3 => vote.vote.height = other.vote.height,
            4 => vote.vote.kind = other.vote.kind,
            5 => vote.vote.validator = other.vote.validator,
            6 => vote.signature.0[which % 64] ^= 1 << (which / 64 % 8),
            _ => {}
        }
    }

    fn accuses(evidence: &Equivocation) -> bool {
        evidence.verify(&CHAIN, &set(&pairs(4))).is_ok()
    }

    use proptest::prelude::*;

    proptest! {
        #![proptest_config(ProptestConfig { cases: 12, ..ProptestConfig::default() })]

        /// Nobody who was honest can be accused, whatever is made of what was signed.
        #[test]
        fn no_false_accusation_can_be_made(
            choices in prop::collection::vec(any::<u8>(), 1..64),
            attempts in prop::collection::vec(any::<(u16, u16, u8, u8, u16, bool)>(), 24),
        ) {
            let (votes, proposals) = honest_run(&choices);
            for (a, b, how, again, which, swap) in attempts {
                let (which, a, b) = (usize::from(which), usize::from(a), usize::from(b));
                let (mut one, mut two) = (votes[a % votes.len()], votes[b % votes.len()]);
                let (honest_one, honest_two) = (one, two);
                alter(&mut one, &votes, how, which);
                alter(&mut two, &votes, again, which);
                // Also two copies of one vote, one of them altered.
                for (x, y) in [(honest_one, honest_two), (one, two), (honest_one, one)] {
                    prop_assert!(!accuses(&Equivocation::votes(x, y)));
                    prop_assert!(!accuses(&Equivocation::Votes(x, y)));
                    prop_assert!(!accuses(&Equivocation::Votes(y, x)));
                }
                let mut one = proposals[a % proposals.len()];
                let other = proposals[b % proposals.len()];
                prop_assert!(!accuses(&Equivocation::proposals(one, other)));
                let before = one;
                match how % 5 {
                    0 => one.signature = other.signature,
                    1 => one.proposal.block = other.proposal.block,
                    2 => one.proposal.pol_round = other.proposal.pol_round,
                    3 => (one.proposal.height, one.proposal.round) =
                        (other.proposal.height, other.proposal.round),
                    _ => one.signature = votes[a % votes.len()].signature,
                }
                prop_assert!(!accuses(&Equivocation::proposals(before, one)));
                prop_assert!(!accuses(&Equivocation::proposals(one, other)));
                // A vote's signature stands for no proposal, however the bytes are read.
                let mut bytes = Equivocation::votes(honest_one, honest_two).to_bytes();
                let place = which % bytes.len();
                bytes[place] = if swap { bytes[place] ^ 1 } else { again };
                if let Ok(evidence) = Equivocation::decode(&bytes) {
                    prop_assert!(!accuses(&evidence));
                }
            }
        }

        /// The same search finds what is there: with one liar among the signers it accuses it.
        #[test]
        fn a_liar_among_them_is_found(choices in prop::collection::vec(any::<u8>(), 1..64)) {
            let (mut votes, _) = honest_run(&choices);
            let liar = &pairs(4)[2];
            let at = votes.iter().position(|v| v.vote.validator == liar.id()).unwrap();
            let lie = Vote { block: Some(BlockId([9; 32])), ..votes[at].vote };
            votes.push(lie.sign(&CHAIN, liar));
            let mut accused = Vec::new();
            for a in &votes {
                for b in &votes {
                    let same = a.vote.height == b.vote.height && a.vote.round == b.vote.round;
                    if same && a.vote.validator == b.vote.validator && a.vote != b.vote {
                        let evidence = Equivocation::votes(*a, *b);
                        accused.extend(accuses(&evidence).then(|| evidence.validator()));
                    }
                }
            }
            prop_assert!(!accused.is_empty() && accused.iter().all(|id| *id == liar.id()));
        }
    }
}
