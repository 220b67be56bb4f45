//! Starting, crashing, losing and repairing machines, and their connections.

use std::sync::Arc;

use hefu_node::core::{CoreInput, StoredBlock, Tip};
use hefu_node::store::{Disk, DiskFile};
use hefu_primitives::Height;

use super::check::{Fact, Violation};
use super::cover::{Mark, Told};
use super::disk::FaultyDisk;
use super::drive::peer_key;
use super::event::Event;
use super::machine::{BootError, Machine, SimCore};
use super::mutant::Mutant;
use super::plan::Fault;
use super::registrar::{Change, Registrar};
use super::world::World;

impl World {
    pub(super) fn boot(&mut self, node: usize) -> Result<(), Violation> {
        if self.machines[node].is_up() || self.machines[node].halted {
            return Ok(());
        }
        if self.plan.has(Fault::DiskCrashes) && !self.calm && self.rng.chance(100) {
            let machine = &self.machines[node];
            let disk = if self.rng.chance(500) { &machine.log } else { &machine.blocks };
            disk.raw().crash_after(self.rng.below(4));
        }
        let renewed = self.machines[node].log.take_cuts().0;
        self.report.coverage.marks(Mark::LogRenewed, renewed);
        let booted = self.machines[node].boot(self.now, &self.setting);
        self.note_start(node);
        match booted {
            Ok((tip, outputs)) => {
                self.started(node, &tip)?;
                for peer in 0..self.machines.len() {
                    if peer != node && self.network.may_link(node, peer) {
                        let delay = self.rng.within(1, 100);
                        self.after(delay, Event::Connect { a: node, b: peer });
                    }
                }
                self.emit(node, outputs)?;
                self.schedule_wake(node);
                Ok(())
            }
            Err(BootError::Down) => {
                self.report.coverage.mark(Mark::CrashedAtStart);
                self.end_life(node);
                Ok(())
            }
            Err(BootError::Blocks(reason)) => {
                self.trace.say(self.now, || format!("n{node} must be repaired: {reason}"));
                let expected = self.machines[node].lost_blocks;
                self.report.coverage.marks(Mark::RotFound, u64::from(expected));
                if self.honest[node] && !expected {
                    self.tell(&Fact::Stopped { node, reason: &reason })?;
                }
                // The operator's way: blocks come back from the others, the log stays.
                self.machines[node].lose_blocks(&self.setting);
                self.machines[node].lost_blocks = expected;
                self.after(50, Event::Boot { node });
                Ok(())
            }
            Err(BootError::Other(reason)) => {
                self.trace.say(self.now, || format!("n{node} does not start: {reason}"));
                if self.honest[node] {
                    self.machines[node].halted = true;
                    return self.tell(&Fact::Stopped { node, reason: &reason });
                }
                self.machines[node].log = FaultyDisk::new(false);
                self.after(200, Event::Boot { node });
                Ok(())
            }
        }
    }

    /// Counts what the machine found when it started.
    fn note_start(&mut self, node: usize) {
        let machine = &self.machines[node];
        let cuts = [machine.blocks.take_cuts(), machine.log.take_cuts()];
        let torn = cuts.iter().map(|(emptied, shortened)| emptied + shortened).sum();
        let held_back = machine.core.as_ref().is_some_and(SimCore::is_held_back);
        self.report.coverage.marks(Mark::TailTorn, torn);
        self.report.coverage.marks(Mark::HeldBack, u64::from(held_back));
    }

    fn started(&mut self, node: usize, tip: &Tip) -> Result<(), Violation> {
        let Tip { height, block, .. } = *tip;
        self.trace.fold(self.now, 8, [node, height.0 as usize], block.as_ref());
        self.trace.say(self.now, || format!("n{node} starts at height {height}"));
        let lost_blocks = std::mem::take(&mut self.machines[node].lost_blocks);
        self.report.coverage.marks(Mark::BlocksLost, u64::from(lost_blocks));
        if !self.honest[node] {
            return Ok(());
        }
        // It may have stored a height just before it crashed, and told nobody.
        while (self.chain.len() as u64) < height.0 {
            let next = Height(self.chain.len() as u64 + 1);
            let bytes = self.machines[node].stored(next).unwrap_or_default();
            let Ok(stored) = StoredBlock::decode(&bytes) else { break };
            self.seen_final(&Arc::new(stored))?;
        }
        self.tell(&Fact::Booted { node, tip, lost_blocks })
    }

    /// The process or the power of a machine ends; it will start again.
    pub(super) fn crash(&mut self, node: usize) -> Result<(), Violation> {
        self.report.crashes += 1;
        self.end_life(node);
        Ok(())
    }

    fn end_life(&mut self, node: usize) {
        // After a failed sync no later one can be believed: only the power tells what is stored.
        let power = self.machines[node].disk_error.is_some()
            || (self.plan.has(Fault::PowerLoss) && !self.rng.chance(200));
        let how = if power { "loses power" } else { "crashes" };
        self.trace.fold(self.now, 6, [node, usize::from(power)], &[]);
        self.trace.say(self.now, || format!("n{node} {how}"));
        let bytes = |machine: &Machine| machine.blocks.bytes() + machine.log.bytes();
        let before = bytes(&self.machines[node]);
        self.machines[node].crash(power, &mut self.rng);
        let lost = power && bytes(&self.machines[node]) < before;
        self.report.coverage.marks(Mark::TailLost, u64::from(lost));
        if let Some(liar) = self.liars.get(&node).filter(|liar| liar.attacker.forgets()) {
            self.report.coverage.liar(liar.kind, Told::Deeds, 1);
        }
        for peer in self.network.disconnect(node) {
            let delay = self.rng.below(300);
            self.after(delay, Event::Gone { at: peer, of: node });
        }
        if self.liars.get(&node).is_some_and(|liar| liar.attacker.forgets()) {
            self.machines[node].log = FaultyDisk::new(false);
        }
        if self.plan.mutant == Some(Mutant::OldBackup) {
            self.machines[node].log = half(&self.machines[node].log);
        }
        let delay = self.rng.within(20, 1_500);
        self.after(delay, Event::Boot { node });
    }

    /// A core has stopped itself. Honest ones must not; a liar's starts again.
    pub(super) fn halted(&mut self, node: usize, reason: &str) -> Result<(), Violation> {
        self.trace.say(self.now, || format!("n{node} stops: {reason}"));
        if let Some(error) = self.machines[node].disk_error {
            self.report.coverage.mark(error);
        }
        if !self.honest[node] || self.machines[node].disk_error.is_some() {
            return self.crash(node);
        }
        self.end_life(node);
        self.machines[node].halted = true;
        self.tell(&Fact::Stopped { node, reason })
    }

    /// A disk fills up, or its next sync fails. The node stops when it notices, and is started
    /// again when the disk is well.
    pub(super) fn break_disk(&mut self, node: usize, log: bool, room: Option<u64>) {
        let machine = &mut self.machines[node];
        if !machine.is_up() {
            return;
        }
        machine.disk_error = Some(if room.is_some() { Mark::DiskFull } else { Mark::SyncFailed });
        let disk = if log { &machine.log } else { &machine.blocks };
        match room {
            Some(room) => disk.raw().limit_free_bytes(Some(room)),
            None => disk.raw().fail_syncs(1),
        }
        self.trace.say(self.now, || format!("n{node}'s disk breaks"));
    }

    /// A bit flips, while the machine is down or under its feet.
    pub(super) fn rot(&mut self, node: usize) -> Result<(), Violation> {
        if self.machines[node].is_up() && self.rng.chance(500) {
            self.crash(node)?;
        }
        self.machines[node].rot(&mut self.rng);
        self.trace.say(self.now, || format!("n{node}: a stored bit flips"));
        Ok(())
    }

    /// The operator of a province whose validator key was replaced starts its node with the new one.
    pub(super) fn rekey(&mut self, node: usize) -> Result<(), Violation> {
        let new = self.registrar.as_ref().and_then(Registrar::new_key).cloned();
        self.trace.say(self.now, || format!("n{node} gets its new key"));
        self.machines[node].key = new;
        if self.machines[node].is_up() { self.crash(node) } else { Ok(()) }
    }

    /// Counts sets that come into force, and has a replaced key put into its node.
    pub(super) fn note_set(&mut self, height: Height) {
        let of = |height| self.history.validators(height);
        let (Some(old), Some(new)) = (of(height), of(height.next())) else { return };
        if old == new {
            return;
        }
        let mark = match new.len().cmp(&old.len()) {
            std::cmp::Ordering::Greater => Mark::SetGrew,
            std::cmp::Ordering::Less => Mark::SetShrank,
            std::cmp::Ordering::Equal => Mark::SetRotated,
        };
        self.report.coverage.mark(mark);
        let Some(registrar) = &self.registrar else { return };
        if registrar.change == Change::Rotate {
            let (node, delay) = (registrar.subject, self.rng.within(1, 800));
            self.after(delay, Event::Rekey { node });
        }
    }

    /// A machine that could not read a block it stored said so in its log; its operator starts it
    /// anew, and then it finds the damage.
    pub(super) fn repair(&mut self, node: usize) -> Result<(), Violation> {
        let unreadable = self.machines[node].unreadable.take();
        self.report.coverage.marks(Mark::RotRead, unreadable);
        if unreadable > 0 && self.machines[node].is_up() {
            return self.crash(node);
        }
        Ok(())
    }

    pub(super) fn lose_blocks(&mut self, node: usize) -> Result<(), Violation> {
        if self.machines[node].is_up() {
            self.crash(node)?;
        }
        self.machines[node].lose_blocks(&self.setting);
        self.trace.say(self.now, || format!("n{node} loses its blocks"));
        Ok(())
    }

    pub(super) fn connect(&mut self, a: usize, b: usize) -> Result<(), Violation> {
        if !self.machines[a].is_up() || !self.machines[b].is_up() || !self.network.connect(a, b) {
            return Ok(());
        }
        self.peer_up(a, b)?;
        self.peer_up(b, a)
    }

    fn peer_up(&mut self, at: usize, of: usize) -> Result<(), Violation> {
        let peer = peer_key(of);
        let validator = self.machines[of].key.as_ref().map(hefu_primitives::KeyPair::id);
        // Had it not noticed yet that the peer was gone, it does now.
        self.feed(at, CoreInput::PeerDown(peer))?;
        self.feed(at, CoreInput::PeerUp { peer, validator })
    }

    /// A machine notices that a peer is gone, unless it is back already.
    pub(super) fn gone(&mut self, at: usize, of: usize) -> Result<(), Violation> {
        if self.network.connection(at, of).is_some() {
            return Ok(());
        }
        self.feed(at, CoreInput::PeerDown(peer_key(of)))
    }
}

/// A disk with the first half of every file, as an old backup has it.
fn half(disk: &FaultyDisk) -> FaultyDisk {
    let copy = FaultyDisk::new(false);
    for name in disk.list().unwrap_or_default() {
        let content = disk.raw().content(&name).unwrap_or_default();
        if let Ok(file) = copy.create(&name) {
            let _ = file.append(&content[..content.len() / 2]);
            let _ = file.sync();
        }
    }
    let _ = copy.sync_dir();
    copy
}
