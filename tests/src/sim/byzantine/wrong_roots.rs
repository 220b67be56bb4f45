//! Proposes blocks that say something else of themselves than their execution does.

use hefu_consensus::Message;
use hefu_node::core::CoreOutput;
use hefu_primitives::{BundleId, Header, Proposal};

use super::{Attacker, Parcel, Scene, broadcast};

pub(super) struct WrongRoots;

impl Attacker for WrongRoots {
    fn outgoing(&mut self, scene: &mut Scene<'_>, output: CoreOutput) -> Vec<Parcel> {
        let Some(Message::Proposal { proposal, mut block }) = broadcast(&output) else {
            return vec![Parcel::Core(output)];
        };
        let what = scene.rng.below(10);
        scene.did();
        if what == 9 {
            block.bundles.push(BundleId(scene.rng.bytes()));
            block.header.bundles_root = hefu_primitives::block::bundles_root(&block.bundles);
        } else {
            spoil(&mut block.header, what);
        }
        let proposal = Proposal { block: block.id(), ..proposal.proposal };
        let proposal = proposal.sign(&scene.chain, scene.key);
        let message = Message::Proposal { proposal, block };
        scene.others.iter().map(|peer| Parcel::message(*peer, &message)).collect()
    }
}

fn spoil(header: &mut Header, what: u64) {
    match what {
        0 => header.state_root.0[0] ^= 1,
        1 => header.log_root.0[31] ^= 1,
        2 => header.outcomes_root.0[7] ^= 1,
        3 => header.bundles_root.0[7] ^= 1,
        4 => header.next_validators.0[0] ^= 1,
        5 => header.parameters.0[0] ^= 1,
        6 => header.log_size += 1,
        7 => header.protocol += 1,
        _ => header.parent.0[0] ^= 1,
    }
}
