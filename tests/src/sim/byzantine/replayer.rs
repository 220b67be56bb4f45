//! Repeats what it heard long ago: votes, proposals, certificates, statuses, bundles.

use super::{Attacker, Parcel, Scene};

/// Messages it remembers, of each kind.
const REMEMBERED: usize = 400;

#[derive(Default)]
pub(super) struct Replayer {
    messages: Vec<Vec<u8>>,
    bundles: Vec<Vec<u8>>,
}

impl Attacker for Replayer {
    fn heard(&mut self, scene: &mut Scene<'_>, bytes: &[u8]) -> Vec<Parcel> {
        if self.messages.len() < REMEMBERED {
            self.messages.push(bytes.to_vec());
        } else if scene.rng.chance(50) {
            let place = scene.rng.place(REMEMBERED);
            self.messages[place] = bytes.to_vec();
        }
        Vec::new()
    }

    fn heard_bundle(&mut self, bytes: &[u8]) {
        if self.bundles.len() < REMEMBERED {
            self.bundles.push(bytes.to_vec());
        }
    }

    fn idle(&mut self, scene: &mut Scene<'_>) -> Vec<Parcel> {
        let mut parcels = Vec::new();
        for _ in 0..3 {
            if !self.messages.is_empty() {
                let old = self.messages[scene.rng.place(self.messages.len())].clone();
                parcels.push(Parcel::Message(scene.somebody(), old));
            }
        }
        if !self.bundles.is_empty() && scene.rng.chance(200) {
            let old = self.bundles[scene.rng.place(self.bundles.len())].clone();
            parcels.push(Parcel::Bundle(scene.somebody(), old));
        }
        parcels
    }
}
