//! What a plan foresees, put on the calendar of a run before it begins.

use super::event::Event;
use super::plan::Fault;
use super::registrar::Change;
use super::rng::Rng;
use super::world::{LOOK_MS, World};

impl World {
    /// Puts everything that the plan foresees on the calendar.
    pub(super) fn schedule(&mut self) {
        let until = self.plan.fault_ms;
        let change = self.registrar.as_ref().map(|registrar| registrar.change);
        for node in 0..self.machines.len() {
            // Who joins begins with nothing, later than the others.
            let joins = change == Some(Change::Join) && node == self.plan.nodes;
            let delay = self.rng.below(if joins { until } else { 50 });
            self.at(delay, Event::Boot { node });
        }
        if change.is_some() {
            let begins = self.rng.within(50, until / 2);
            self.at(begins, Event::Govern);
        }
        let moment = |rng: &mut Rng| rng.within(200, until);
        for _ in 0..self.plan.stories {
            let time = moment(&mut self.rng);
            self.at(time, Event::Story);
        }
        self.schedule_crashes(until);
        self.schedule_network(until);
        self.schedule_clocks(until);
        if self.plan.has(Fault::RoughClients) {
            for _ in 0..self.plan.stories {
                let time = moment(&mut self.rng);
                self.at(time, Event::Replay);
            }
        }
        let liars: Vec<usize> = self.liars.keys().copied().collect();
        for node in liars {
            self.at(100, Event::Idle { node });
        }
        self.at(until, Event::Calm);
        self.at(until + LOOK_MS, Event::Look);
    }

    fn schedule_crashes(&mut self, until: u64) {
        let nodes = self.machines.len();
        for _ in 0..self.plan.crashes {
            let (node, time) = (self.rng.place(nodes), self.rng.below(until));
            let (steps, log) = (self.rng.below(40), self.rng.chance(600));
            if self.plan.has(Fault::Crashes) {
                self.at(time, Event::ArmCrash { node, outputs: steps });
            }
            if self.plan.has(Fault::DiskCrashes) {
                let (node, time) = (self.rng.place(nodes), self.rng.below(until));
                self.at(time, Event::ArmDisk { node, writes: steps / 4, log });
            }
        }
        for _ in 0..2 {
            let (node, time, log) =
                (self.rng.place(nodes), self.rng.below(until), self.rng.chance(500));
            let room = self.rng.chance(500).then(|| self.rng.below(2_000));
            if self.plan.has(Fault::DiskErrors) {
                self.at(time, Event::BreakDisk { node, log, room });
            }
        }
        let mut victims: Vec<usize> = (0..nodes).filter(|node| self.honest[*node]).collect();
        self.rng.shuffle(&mut victims);
        victims.truncate(self.plan.may_lose_blocks());
        for node in victims {
            let (rots, loses) = (self.rng.below(until), self.rng.below(until));
            if self.plan.has(Fault::BitRot) {
                self.at(rots, Event::Rot { node });
                for _ in 1..self.plan.rots {
                    let again = self.rng.below(until);
                    self.at(again, Event::Rot { node });
                }
            }
            if self.plan.has(Fault::LostBlocks) {
                self.at(loses, Event::LoseBlocks { node });
            }
        }
    }

    fn schedule_network(&mut self, until: u64) {
        for _ in 0..3 {
            let (split, muted) = (self.rng.below(until), self.rng.below(until));
            let mended = split + self.rng.within(200, 2_500);
            if self.plan.has(Fault::Partitions) {
                self.at(split, Event::Split);
                self.at(mended, Event::Mend);
            }
            if self.plan.has(Fault::Asymmetry) {
                self.at(muted, Event::Mute);
                self.at(mended, Event::Mute);
            }
        }
    }

    fn schedule_clocks(&mut self, until: u64) {
        let offset = |rng: &mut Rng, most: u64| rng.within(0, 2 * most) as i64 - most as i64;
        for node in 0..self.machines.len() {
            let (skew, jump) = (offset(&mut self.rng, 400), offset(&mut self.rng, 5_000));
            let (time, pause, ms) =
                (self.rng.below(until), self.rng.below(until), self.rng.within(300, 4_000));
            if self.plan.has(Fault::Pauses) {
                self.at(pause, Event::Pause { node, ms });
            }
            if self.plan.has(Fault::Skew) {
                self.machines[node].skew = skew;
            }
            if self.plan.has(Fault::Jumps) {
                self.at(time, Event::Jump { node, by: jump });
            }
            if let Some(liar) = self.liars.get_mut(&node) {
                let skew = liar.attacker.skew(&mut liar.rng);
                if skew != 0 {
                    self.machines[node].skew = skew;
                }
            }
        }
    }
}
