//! Sends well-signed votes, proposals and claims about heights and rounds to come.

use hefu_consensus::message::Status;
use hefu_consensus::{Message, PolkaCertificate};
use hefu_primitives::block::bundles_root;
use hefu_primitives::vote::CommitSignature;
use hefu_primitives::{
    Block, BlockId, BundleId, CommitCertificate, H32, Header, Height, Millis, Proposal, Round,
    VoteKind,
};

use super::{Attacker, Parcel, Scene};

pub(super) struct Flooder;

impl Attacker for Flooder {
    fn idle(&mut self, scene: &mut Scene<'_>) -> Vec<Parcel> {
        let (mut parcels, to) = (Vec::new(), scene.somebody());
        for _ in 0..4 {
            let height = match scene.rng.below(4) {
                0 => scene.height(),
                1 => scene.height().next(),
                2 => Height(scene.height().0 + scene.rng.below(100)),
                _ => Height(u64::MAX - scene.rng.below(2)),
            };
            let round = match scene.rng.below(3) {
                0 => Round(scene.rng.below(12) as u32),
                1 => Round(scene.rng.below(1_000) as u32),
                _ => Round(u32::MAX - scene.rng.below(2) as u32),
            };
            if height > scene.height() {
                scene.did();
            }
            parcels.push(Parcel::message(to, &message(scene, height, round)));
        }
        parcels
    }
}

fn message(scene: &mut Scene<'_>, height: Height, round: Round) -> Message {
    let block = BlockId(scene.rng.bytes());
    let kind = if scene.rng.chance(500) { VoteKind::Prevote } else { VoteKind::Precommit };
    match scene.rng.below(5) {
        0 => proposal(scene, height, round),
        1 => Message::Status(Status {
            height,
            round,
            prevotes: scene.rng.next(),
            precommits: scene.rng.next(),
            links: scene.rng.next(),
            ..Status::default()
        }),
        2 => {
            let signature = scene.vote(VoteKind::Prevote, height, round, Some(block)).signature;
            let signatures = vec![CommitSignature { index: 0, signature }; 3];
            Message::Polka(PolkaCertificate { height, round, block, signatures })
        }
        3 => {
            let signature = scene.vote(VoteKind::Precommit, height, round, Some(block)).signature;
            let entry = |index| CommitSignature { index, signature };
            let signatures = (0..3).map(entry).collect();
            Message::Decided(CommitCertificate { height, round, block, signatures })
        }
        _ => Message::Votes(vec![scene.vote(kind, height, round, Some(block))]),
    }
}

fn proposal(scene: &mut Scene<'_>, height: Height, round: Round) -> Message {
    let bundles = vec![BundleId(scene.rng.bytes())];
    let header = Header {
        protocol: 1,
        chain: scene.chain,
        height,
        round,
        time: Millis(scene.rng.next()),
        parent: BlockId(scene.rng.bytes()),
        bundles_root: bundles_root(&bundles),
        outcomes_root: H32::ZERO,
        log_size: 1,
        log_root: H32::ZERO,
        state_root: H32::ZERO,
        validators: H32::ZERO,
        next_validators: H32::ZERO,
        parameters: H32::ZERO,
        proposer: scene.key.id(),
    };
    let block = Block { header, bundles, evidence: Vec::new() };
    let (id, proposer) = (block.id(), scene.key.id());
    let proposal = Proposal { height, round, block: id, pol_round: None, proposer };
    Message::Proposal { proposal: proposal.sign(&scene.chain, scene.key), block }
}
