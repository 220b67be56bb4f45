//! Bundles others' transactions again and again in new orders, old ones among them.

use hefu_primitives::{Bundle, SignedTransaction};

use super::{Attacker, Parcel, Scene};

/// Transactions it remembers.
const REMEMBERED: usize = 64;
/// Most transactions it puts into a bundle.
const MOST: u64 = 6;

#[derive(Default)]
pub(super) struct Hoarder {
    heard: Vec<SignedTransaction>,
}

impl Attacker for Hoarder {
    fn heard_bundle(&mut self, bytes: &[u8]) {
        let Ok(bundle) = Bundle::decode(bytes) else { return };
        for tx in bundle.transactions() {
            let known = self.heard.iter().any(|heard| heard.id() == tx.id());
            if !known && self.heard.len() < REMEMBERED {
                self.heard.push(tx.clone());
            }
        }
    }

    fn idle(&mut self, scene: &mut Scene<'_>) -> Vec<Parcel> {
        if self.heard.is_empty() || scene.rng.chance(500) {
            return Vec::new();
        }
        // Mostly what came last: it may not be committed yet.
        let from = self.heard.len().saturating_sub(MOST as usize);
        let from = if scene.rng.chance(200) { 0 } else { from };
        let recent = self.heard.len() - from;
        let mut chosen = Vec::new();
        for _ in 0..scene.rng.within(1, MOST) {
            chosen.push(self.heard[from + scene.rng.place(recent)].clone());
        }
        let Ok(bundle) = Bundle::new(chosen) else { return Vec::new() };
        let bytes = bundle.as_bytes();
        scene.did();
        scene.others.iter().map(|to| Parcel::Bundle(*to, bytes.to_vec())).collect()
    }
}
