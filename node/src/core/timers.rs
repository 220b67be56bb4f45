//! The replica's timers as a list of times: the driver only asks when the next one is due.

use std::collections::BTreeMap;

use hefu_consensus::TimerId;
use hefu_primitives::Millis;

/// One deadline for each timer.
#[derive(Default)]
pub(super) struct Timers {
    deadlines: BTreeMap<TimerId, Millis>,
}

impl Timers {
    pub(super) fn set(&mut self, id: TimerId, at: Millis) {
        self.deadlines.insert(id, at);
    }

    pub(super) fn cancel(&mut self, id: &TimerId) {
        self.deadlines.remove(id);
    }

    pub(super) fn next(&self) -> Option<Millis> {
        self.deadlines.values().min().copied()
    }

    /// The clock was put back by `by`: what was to come keeps its distance.
    pub(super) fn put_back(&mut self, by: u64) {
        self.deadlines.values_mut().for_each(|at| *at = Millis(at.0.saturating_sub(by)));
    }

    /// Takes the timer that has been due longest.
    pub(super) fn due(&mut self, now: Millis) -> Option<TimerId> {
        let due = self.deadlines.iter().filter(|(_, at)| **at <= now);
        let (id, _) = due.min_by_key(|(id, at)| (**at, **id))?;
        let id = *id;
        self.deadlines.remove(&id);
        Some(id)
    }
}
