//! Sends proposals and bundles to some of the others, names bundles that nobody else has, and
//! answers almost no request.

use hefu_consensus::Message;
use hefu_node::core::CoreOutput;
use hefu_node::core::sync::{SyncAnswer, SyncRequest};

use super::{Attacker, Parcel, Scene, broadcast};

pub(super) struct Withholder;

impl Attacker for Withholder {
    fn outgoing(&mut self, scene: &mut Scene<'_>, output: CoreOutput) -> Vec<Parcel> {
        let mut some = Vec::new();
        for peer in scene.others {
            if scene.rng.chance(400) {
                some.push(*peer);
            }
        }
        match (broadcast(&output), output) {
            (Some(message @ (Message::Proposal { .. } | Message::Votes(_))), _) => {
                if matches!(message, Message::Proposal { .. }) {
                    scene.did();
                }
                some.into_iter().map(|peer| Parcel::message(peer, &message)).collect()
            }
            (_, CoreOutput::BroadcastBundle(bundle)) => some
                .into_iter()
                .filter(|_| scene.rng.chance(300))
                .map(|peer| Parcel::Bundle(peer, bundle.as_bytes().to_vec()))
                .collect(),
            (_, CoreOutput::SendBundle(..)) => Vec::new(),
            (_, output) => vec![Parcel::Core(output)],
        }
    }

    fn serve(
        &mut self,
        scene: &mut Scene<'_>,
        _request: &SyncRequest,
        honest: Option<SyncAnswer>,
    ) -> Option<SyncAnswer> {
        match scene.rng.below(4) {
            0 => honest,
            1 => Some(SyncAnswer::default()),
            _ => None,
        }
    }
}
