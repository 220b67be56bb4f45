//! Crashes often and starts without its log: it forgets what it has signed and locked on.

use super::{Attacker, Parcel, Scene};

pub(super) struct Amnesia;

impl Attacker for Amnesia {
    fn idle(&mut self, scene: &mut Scene<'_>) -> Vec<Parcel> {
        if scene.rng.chance(40) {
            return vec![Parcel::Crash];
        }
        Vec::new()
    }

    fn forgets(&self) -> bool {
        true
    }
}
