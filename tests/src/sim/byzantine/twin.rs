//! One key on two machines, neither of which knows of the other. The machines do nothing wrong by
//! themselves; that there are two is the lie. The world starts the second one.

use hefu_consensus::Message;
use hefu_node::core::CoreOutput;

use super::{Attacker, Parcel, Scene, broadcast};

pub(super) struct Twin;

impl Attacker for Twin {
    fn outgoing(&mut self, scene: &mut Scene<'_>, output: CoreOutput) -> Vec<Parcel> {
        if matches!(broadcast(&output), Some(Message::Votes(_))) {
            scene.did();
        }
        vec![Parcel::Core(output)]
    }
}
