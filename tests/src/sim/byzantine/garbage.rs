//! Sends bytes that are no messages, messages with flipped bits, and more than is allowed.

use hefu_primitives::bounds::{MAX_BUNDLE_BYTES, MAX_CONSENSUS_MESSAGE_BYTES};

use super::{Attacker, Parcel, Scene};

#[derive(Default)]
pub(super) struct Garbage {
    last: Vec<u8>,
    last_bundle: Vec<u8>,
}

impl Attacker for Garbage {
    fn heard(&mut self, scene: &mut Scene<'_>, bytes: &[u8]) -> Vec<Parcel> {
        if scene.rng.chance(100) {
            self.last = bytes.to_vec();
        }
        Vec::new()
    }

    fn heard_bundle(&mut self, bytes: &[u8]) {
        self.last_bundle = bytes.to_vec();
    }

    fn idle(&mut self, scene: &mut Scene<'_>) -> Vec<Parcel> {
        let to = scene.somebody();
        scene.did();
        match scene.rng.below(8) {
            0 => vec![Parcel::Message(to, vec![0x9f; MAX_CONSENSUS_MESSAGE_BYTES + 1])],
            1 => vec![Parcel::Bundle(to, vec![0x5b; MAX_BUNDLE_BYTES + 1])],
            2 => vec![Parcel::Message(to, Vec::new())],
            3 => vec![Parcel::Message(to, scene.rng.bytes::<256>().to_vec())],
            4 => vec![Parcel::Bundle(to, scene.rng.bytes::<256>().to_vec())],
            5 => vec![Parcel::Bundle(to, flipped(scene, self.last_bundle.clone()))],
            _ => vec![Parcel::Message(to, flipped(scene, self.last.clone()))],
        }
    }
}

fn flipped(scene: &mut Scene<'_>, mut bytes: Vec<u8>) -> Vec<u8> {
    for _ in 0..scene.rng.within(1, 3) {
        if !bytes.is_empty() {
            let place = scene.rng.place(bytes.len());
            bytes[place] ^= 1 << scene.rng.below(8);
        }
    }
    if scene.rng.chance(200) {
        bytes.truncate(scene.rng.place(bytes.len() + 1));
    }
    bytes
}
