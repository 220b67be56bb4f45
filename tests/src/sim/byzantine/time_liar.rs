//! Has a clock that is hours off, and says so in every block it proposes.

use hefu_consensus::Message;
use hefu_node::core::CoreOutput;

use super::{Attacker, Parcel, Scene, broadcast};
use crate::sim::rng::Rng;

/// One hour.
const HOUR_MS: i64 = 3_600_000;

pub(super) struct TimeLiar;

impl Attacker for TimeLiar {
    fn outgoing(&mut self, scene: &mut Scene<'_>, output: CoreOutput) -> Vec<Parcel> {
        if matches!(broadcast(&output), Some(Message::Proposal { .. })) {
            scene.did();
        }
        vec![Parcel::Core(output)]
    }

    fn skew(&self, rng: &mut Rng) -> i64 {
        match rng.below(4) {
            0 => -HOUR_MS,
            1 => 3_000,
            2 => HOUR_MS,
            _ => 1_000 * HOUR_MS,
        }
    }
}
