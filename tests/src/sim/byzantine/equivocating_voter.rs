//! Casts every vote three ways: as its core does, for nothing, and for a block nobody has; each
//! of the others gets one or two of them.

use hefu_consensus::Message;
use hefu_node::core::CoreOutput;
use hefu_primitives::BlockId;

use super::{Attacker, Parcel, Scene, broadcast};

pub(super) struct EquivocatingVoter;

impl Attacker for EquivocatingVoter {
    fn outgoing(&mut self, scene: &mut Scene<'_>, output: CoreOutput) -> Vec<Parcel> {
        let Some(Message::Votes(votes)) = broadcast(&output) else {
            return vec![Parcel::Core(output)];
        };
        let mut parcels = Vec::new();
        for signed in votes.iter().filter(|signed| signed.vote.validator == scene.key.id()) {
            let vote = signed.vote;
            let nowhere = Some(BlockId(scene.rng.bytes()));
            let choices = [vote.block, None, nowhere];
            scene.did();
            for peer in scene.others {
                for _ in 0..scene.rng.within(1, 2) {
                    let block = choices[scene.rng.place(choices.len())];
                    let vote = scene.vote(vote.kind, vote.height, vote.round, block);
                    parcels.push(Parcel::message(*peer, &Message::Votes(vec![vote])));
                }
            }
        }
        parcels
    }
}
