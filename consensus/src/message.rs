//! What replicas say to each other: canonical CBOR, at most
//! [`MAX_CONSENSUS_MESSAGE_BYTES`] long.

use hefu_primitives::bounds::{MAX_CONSENSUS_MESSAGE_BYTES, MAX_VALIDATORS};
use hefu_primitives::vote::{CommitSignature, SignedProposal, SignedVote};
use hefu_primitives::{
    Block, BlockId, Canonical, ChainId, CodecError, CommitCertificate, Equivocation, Height, KeyId,
    Power, Round, ValidatorSet, Vote, VoteKind,
};
use minicbor::{Decode, Encode};

/// Most votes in one message: both votes of every validator in one round, 128 × 145 bytes.
pub const MAX_VOTES_IN_MESSAGE: usize = 2 * MAX_VALIDATORS;

/// A consensus message.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[allow(clippy::large_enum_variant)] // few exist at a time
pub enum Message {
    /// A proposal with the block it names.
    #[n(0)]
    Proposal {
        /// The signed proposal.
        #[n(0)]
        proposal: SignedProposal,
        /// The block.
        #[n(1)]
        block: Block,
    },
    /// Votes: one as it is cast, or those a peer lacks.
    #[n(1)]
    Votes(#[n(0)] Vec<SignedVote>),
    /// A quorum of prevotes for one block.
    #[n(2)]
    Polka(#[n(0)] PolkaCertificate),
    /// The certificate of the height that the receiver is still deciding.
    #[n(3)]
    Decided(#[n(0)] CommitCertificate),
    /// Where the sender stands.
    #[n(4)]
    Status(#[n(0)] Status),
    /// A contradiction of a validator, of any height.
    #[n(5)]
    Evidence(#[n(0)] Equivocation),
}

impl Message {
    /// Decodes a message and checks its counts.
    ///
    /// # Errors
    /// [`CodecError`] when the bytes are too many or no canonical message.
    pub fn decode(bytes: &[u8]) -> Result<Self, CodecError> {
        let message = Self::from_bytes(bytes, MAX_CONSENSUS_MESSAGE_BYTES)?;
        let count = match &message {
            Self::Votes(votes) if votes.len() > MAX_VOTES_IN_MESSAGE => votes.len(),
            Self::Polka(polka) if polka.signatures.len() > MAX_VALIDATORS => polka.signatures.len(),
            Self::Decided(decided) if decided.signatures.len() > MAX_VALIDATORS => {
                decided.signatures.len()
            }
            _ => return Ok(message),
        };
        Err(CodecError::TooLarge { bound: MAX_VALIDATORS, found: count })
    }
}

/// Where a replica stands, so that a peer can send what it lacks and nothing else.
///
/// Bits of the maps are places in the validator set of the height, lowest bit first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Encode, Decode)]
pub struct Status {
    /// Height being decided: one above the stored tip.
    #[n(0)]
    pub height: Height,
    /// Round of that height.
    #[n(1)]
    pub round: Round,
    /// Prevotes of the round that the sender holds.
    #[n(2)]
    pub prevotes: u64,
    /// Precommits of the round that the sender holds.
    #[n(3)]
    pub precommits: u64,
    /// Validators the sender is connected with directly.
    #[n(4)]
    pub links: u64,
    /// Whether the sender holds a proposal of the round.
    #[n(5)]
    pub proposal: bool,
    /// Whether the sender holds a quorum of prevotes for one block in the round.
    #[n(6)]
    pub polka: bool,
    /// The validator key that the sender votes with at this height; none when it only follows. It
    /// is a claim: who believes it compares it with the sender's member.
    #[n(7)]
    pub voter: Option<KeyId>,
}

/// Prevotes of more than two thirds of the power for one block in one round.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct PolkaCertificate {
    /// Height.
    #[n(0)]
    pub height: Height,
    /// Round.
    #[n(1)]
    pub round: Round,
    /// The block.
    #[n(2)]
    pub block: BlockId,
    /// Signatures by strictly increasing place.
    #[n(3)]
    pub signatures: Vec<CommitSignature>,
}

impl PolkaCertificate {
    /// The prevotes inside, or none when places are out of order or outside the set.
    pub fn votes(&self, validators: &ValidatorSet) -> Option<Vec<SignedVote>> {
        let mut next = 0usize;
        let mut votes = Vec::with_capacity(self.signatures.len());
        for entry in &self.signatures {
            let place = usize::from(entry.index);
            let validator = *validators.ids().get(place).filter(|_| place >= next)?;
            next = place.saturating_add(1);
            let vote = Vote {
                kind: VoteKind::Prevote,
                height: self.height,
                round: self.round,
                block: Some(self.block),
                validator,
            };
            votes.push(SignedVote { vote, signature: entry.signature });
        }
        Some(votes)
    }

    /// Whether it proves a quorum of prevotes.
    #[must_use]
    pub fn verify(&self, chain: &ChainId, validators: &ValidatorSet) -> bool {
        let Some(votes) = self.votes(validators) else { return false };
        let power = votes.iter().fold(Power(0), |sum, signed| {
            let power = validators.by_key(signed.vote.validator).map_or(0, |(_, v)| v.power.0);
            Power(sum.0.saturating_add(power))
        });
        power >= validators.quorum() && votes.iter().all(|vote| vote.verify(chain, validators))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{CHAIN, block, keys, set};
    use crate::{Tip, WaitStep, WalEntry, wal::MAX_WAL_ENTRY_BYTES};
    use hefu_primitives::block::bundles_root;
    use hefu_primitives::bounds::{
        MAX_BLOCK_BUNDLES, MAX_CERTIFICATE_BYTES, MAX_PROPOSED_BLOCK_BYTES,
    };
    use hefu_primitives::hash::{Domain, hash};
    use hefu_primitives::{BundleId, Millis, Proposal};
    use proptest::prelude::*;

    fn vote(round: u32) -> SignedVote {
        let key = &keys(1)[0];
        let (height, block) = (Height(3), Some(BlockId([1; 32])));
        Vote { kind: VoteKind::Precommit, height, round: Round(round), block, validator: key.id() }
            .sign(&CHAIN, key)
    }

    fn sample_block() -> Block {
        block(&Tip::genesis(CHAIN, Millis(5)), &set(&keys(4)), Round(0), Millis(6), 1)
    }

    fn proposal(block: &Block) -> SignedProposal {
        let key = &keys(1)[0];
        let (height, pol_round) = (Height(1), Some(Round(2)));
        Proposal { height, round: Round(3), block: block.id(), pol_round, proposer: key.id() }
            .sign(&CHAIN, key)
    }

    fn signatures(count: u16) -> Vec<CommitSignature> {
        let signature = vote(0).signature;
        (0..count).map(|index| CommitSignature { index, signature }).collect()
    }

    fn samples() -> Vec<(&'static str, Message)> {
        let (height, round, id) = (Height(3), Round(1), BlockId([2; 32]));
        let block = sample_block();
        let status = Status {
            height,
            round,
            prevotes: 7,
            precommits: 3,
            links: u64::MAX,
            proposal: true,
            polka: false,
            voter: None,
        };
        let voter = Status { voter: Some(keys(1)[0].id()), ..status };
        let signatures = signatures(2);
        let polka = PolkaCertificate { height, round, block: id, signatures: signatures.clone() };
        let decided = CommitCertificate { height, round, block: id, signatures };
        vec![
            ("proposal", Message::Proposal { proposal: proposal(&block), block }),
            ("votes", Message::Votes(vec![vote(0), vote(1)])),
            ("polka", Message::Polka(polka)),
            ("decided", Message::Decided(decided)),
            ("status", Message::Status(status)),
            ("voter", Message::Status(voter)),
        ]
    }

    fn digest(bytes: &[u8]) -> String {
        hash(Domain::Digest, &[bytes]).to_string()[..16].to_owned()
    }

    /// Frozen bytes: a change here is a change of the protocol.
    #[test]
    fn golden_messages() {
        let found: Vec<_> = samples()
            .iter()
            .map(|(name, message)| format!("{name} {}", digest(&message.to_bytes())))
            .collect();
        assert_eq!(
            found,
            [
                "proposal accaf40856f6578b",
                "votes a6073793906250f0",
                "polka 02fb32ede0980294",
                "decided 8bd693bff46037ce",
                "status 01bc57c31a2300fa",
                "voter 74be80f21313b46a",
            ]
        );
    }

    /// Frozen bytes: a change here makes older logs unreadable.
    #[test]
    fn golden_log_entries() {
        let block = sample_block();
        let (height, round) = (Height(3), Round(1));
        let Message::Polka(polka) = samples()[2].1.clone() else { panic!() };
        let entries = [
            WalEntry::Vote(vote(0)),
            WalEntry::Proposal(proposal(&block)),
            WalEntry::Block { round, proposer: keys(1)[0].id(), valid: true, block },
            WalEntry::Timeout { height, round, step: WaitStep::Precommit },
            WalEntry::Polka(polka),
        ];
        let found: Vec<_> = entries.iter().map(|entry| digest(&entry.to_bytes())).collect();
        assert_eq!(
            found,
            [
                "8f0291bf5a8f58a5",
                "d9ca3238cb0d5779",
                "efe6e63844207034",
                "5c304377daf77ca9",
                "50617a0ca0cf88cc",
            ]
        );
        for entry in entries {
            assert_eq!(WalEntry::from_bytes(&entry.to_bytes(), MAX_WAL_ENTRY_BYTES), Ok(entry));
        }
    }

    #[test]
    fn golden_evidence() {
        let key = &keys(1)[0];
        let nil = Vote { block: None, ..vote(0).vote }.sign(&CHAIN, key);
        let evidence = crate::Equivocation::votes(vote(0), nil);
        assert_eq!(digest(&evidence.to_bytes()), "c6a290efcea8336b");
    }

    #[test]
    fn the_largest_of_each_fits_its_bound() {
        let mut block = sample_block();
        block.bundles = vec![BundleId([7; 32]); MAX_BLOCK_BUNDLES];
        block.header.bundles_root = bundles_root(&block.bundles);
        assert!(block.to_bytes().len() <= MAX_PROPOSED_BLOCK_BYTES);
        let entry = WalEntry::Block {
            round: Round(u32::MAX),
            proposer: keys(1)[0].id(),
            valid: true,
            block: block.clone(),
        };
        assert!(entry.to_bytes().len() <= MAX_WAL_ENTRY_BYTES);
        let (height, round, id) = (Height(u64::MAX), Round(u32::MAX), block.id());
        let most = MAX_VALIDATORS as u16;
        let decided = |count| {
            let signatures = signatures(count);
            CommitCertificate { height, round, block: id, signatures }
        };
        assert!(decided(most).to_bytes().len() <= MAX_CERTIFICATE_BYTES);
        let mut largest = vote(u32::MAX);
        largest.vote.height = height;
        let proposal = proposal(&block);
        for (message, fits) in [
            (Message::Proposal { proposal, block }, true),
            (Message::Votes(vec![largest; MAX_VOTES_IN_MESSAGE]), true),
            (Message::Votes(vec![largest; MAX_VOTES_IN_MESSAGE + 1]), false),
            (Message::Decided(decided(most)), true),
            (Message::Decided(decided(most + 1)), false),
        ] {
            let bytes = message.to_bytes();
            assert_eq!(Message::decode(&bytes).is_ok(), fits, "{} bytes", bytes.len());
        }
        let long = vec![0; MAX_CONSENSUS_MESSAGE_BYTES + 1];
        assert!(matches!(Message::decode(&long), Err(CodecError::TooLarge { .. })));
    }

    #[test]
    fn a_polka_needs_a_quorum_in_order() {
        let pairs = keys(4);
        let validators = set(&pairs);
        let (height, round, block) = (Height(3), Round(1), BlockId([2; 32]));
        let entry = |i: usize| {
            let (kind, validator) = (VoteKind::Prevote, pairs[i].id());
            let vote = Vote { kind, height, round, block: Some(block), validator };
            let signature = vote.sign(&CHAIN, &pairs[i]).signature;
            CommitSignature { index: i as u16, signature }
        };
        let polka = |who: &[usize]| PolkaCertificate {
            height,
            round,
            block,
            signatures: who.iter().map(|i| entry(*i)).collect(),
        };
        let verify = |who: &[usize]| polka(who).verify(&CHAIN, &validators);
        assert!(verify(&[0, 1, 3]));
        assert!(!verify(&[0, 1]) && !verify(&[0, 1, 1]) && !verify(&[1, 0, 2]));
        let mut forged = polka(&[0, 1, 3]);
        forged.signatures[0].signature = forged.signatures[1].signature;
        assert!(!forged.verify(&CHAIN, &validators));
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 128, ..ProptestConfig::default() })]

        #[test]
        fn bytes_are_a_message_or_refused(
            sample in 0usize..6, place: prop::sample::Index, byte: u8, cut: prop::sample::Index,
        ) {
            let mut bytes = samples()[sample].1.to_bytes();
            let place = place.index(bytes.len());
            bytes[place] = byte;
            if let Ok(message) = Message::decode(&bytes) {
                prop_assert_eq!(message.to_bytes(), bytes.clone());
            }
            bytes.truncate(cut.index(bytes.len()));
            prop_assert!(Message::decode(&bytes).is_err());
        }
    }
}
