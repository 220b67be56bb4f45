//! Time, and what happens in it.
//!
//! Events are ordered by virtual time in milliseconds and, at one time, by when they were made.
//! Until the plan's `fault_ms` everything may happen; then the faults stop, liars go on lying, and
//! within [`PATIENCE_MS`] all clients must know their outcomes and all honest machines stand at
//! the same height.

use std::collections::BTreeMap;
use std::sync::Arc;

use hefu_consensus::Load;
use hefu_node::core::StoredBlock;
use hefu_primitives::{Bundle, Id16, KeyId, KeyPair, Millis};

use super::Report;
use super::byzantine::{Attacker, Kind};
use super::check::{End, Fact, Panel, Violation};
use super::client::Clients;
use super::cover::{Mark, Told};
use super::event::{Event, is_fault, subject};
use super::founders::{CREATED, Founders};
use super::history::History;
use super::index::Leak;
use super::machine::{Machine, Setting};
use super::mutant::Mutant;
use super::network::Network;
use super::plan::{Fault, Plan};
use super::registrar::{Change, Registrar};
use super::rng::Rng;
use super::trace::Trace;

/// How long everything may take to settle once the faults have stopped, in milliseconds.
const PATIENCE_MS: u64 = 45_000;
/// How long after the faults have stopped a node may still notice its disk's error.
const ERRORS_MS: u64 = 1_000;
/// How often it is looked whether everything has settled.
pub(super) const LOOK_MS: u64 = 250;

/// A liar with what it needs.
pub(super) struct Liar {
    pub(super) kind: Kind,
    pub(super) attacker: Box<dyn Attacker>,
    pub(super) key: KeyPair,
    pub(super) rng: Rng,
}

/// A run.
pub(super) struct World {
    pub(super) plan: Plan,
    pub(super) setting: Setting,
    pub(super) rng: Rng,
    pub(super) now: u64,
    made: u64,
    events: BTreeMap<(u64, u64), Event>,
    pub(super) machines: Vec<Machine>,
    pub(super) honest: Vec<bool>,
    pub(super) liars: BTreeMap<usize, Liar>,
    pub(super) network: Network,
    pub(super) clients: Clients,
    /// A change of the validators.
    pub(super) registrar: Option<Registrar>,
    /// Everything final, executed beside all machines.
    pub(super) history: History,
    panel: Panel,
    pub(super) trace: Trace,
    /// The faults have stopped.
    pub(super) calm: bool,
    /// Final blocks in their order.
    pub(super) chain: Vec<Arc<StoredBlock>>,
    pub(super) report: Report,
}

impl World {
    pub(super) fn new(plan: Plan, founders: &Arc<Founders>, readable: bool) -> Self {
        let is = |mutant| plan.mutant == Some(mutant);
        let setting = Setting {
            genesis: founders.genesis.clone(),
            pool_bytes: plan.pool_bytes,
            log_bytes: plan.log_bytes,
            leak: plan.mutant.and_then(Mutant::leak),
            log_lies: is(Mutant::LogNotSynced),
            blocks_lie: is(Mutant::BlocksNotSynced),
            patient: false,
        };
        let (machines, liars) = machines(&plan, founders, &setting);
        let honest: Vec<bool> = (0..machines.len()).map(|at| !liars.contains_key(&at)).collect();
        let keys: Vec<KeyId> = liars.values().map(|liar| liar.key.id()).collect();
        let only = plan.mutant.map(Mutant::checker);
        let registrar = registrar(&plan, founders, &honest);
        let purpose = |number| Rng::for_purpose(plan.seed, number);
        Self {
            network: Network::new(&plan, &honest),
            clients: Clients::new(founders.clone(), purpose(3), plan.has(Fault::RoughClients)),
            panel: Panel::new(founders, keys, plan.pool_bytes, only),
            history: History::new(&founders.genesis),
            registrar,
            trace: Trace::new(readable),
            rng: purpose(4),
            report: Report { seeds: 1, ..Report::default() },
            now: 0,
            made: 0,
            events: BTreeMap::new(),
            calm: false,
            chain: Vec::new(),
            plan,
            setting,
            machines,
            honest,
            liars,
        }
    }

    pub(super) fn run(&mut self) -> Result<(), Violation> {
        self.schedule();
        let result = self.until_settled();
        self.report.virtual_ms = self.now;
        self.report.longest_settling_ms = self.now.saturating_sub(self.plan.fault_ms);
        self.cover();
        self.report.heights = self.chain.len() as u64;
        self.report.trace = self.trace.hash();
        result
    }

    fn until_settled(&mut self) -> Result<(), Violation> {
        while let Some(((time, _), event)) = self.events.pop_first() {
            self.now = time;
            if time > self.plan.fault_ms + PATIENCE_MS {
                let height = |machine: &Machine| machine.tip().map(|tip| tip.height.0);
                let heights = self.machines.iter().map(height).collect();
                let unsettled = self.clients.unsettled();
                self.tell(&Fact::TimeUp { heights, unsettled })?;
                break;
            }
            if matches!(event, Event::Look) && self.is_settled() {
                break;
            }
            self.handle(event)?;
        }
        self.measure_logs()?;
        let end = End { machines: &self.machines, honest: &self.honest, history: &self.history };
        self.panel.finish(&end)
    }

    /// Counts what is only known at the end.
    fn cover(&mut self) {
        let coverage = &mut self.report.coverage;
        coverage.add(&self.network.coverage);
        for (_, kind) in self.plan.attackers() {
            coverage.liar(*kind, Told::Runs, 1);
        }
        for machine in &self.machines {
            if machine.key.is_none() {
                coverage.marks(Mark::Followed, machine.tip().map_or(0, |tip| tip.height.0));
            }
            coverage.marks(Mark::LogRenewed, machine.log.take_cuts().0);
            coverage.marks(Mark::Skewed, u64::from(machine.skew != 0));
        }
        coverage.marks(Mark::Expired, self.clients.expired());
        coverage.marks(Mark::LateRounds, self.report.late_rounds);
        coverage.marks(Mark::DoorShut, self.report.refused_at_door);
        coverage.marks(Mark::PoolFull, self.report.rejected);
        coverage.marks(Mark::CaughtUp, self.report.fetched);
    }

    /// Every client knows its outcome, and every honest machine stands at the same height.
    fn is_settled(&self) -> bool {
        let honest = self.machines.iter().zip(&self.honest).filter(|(_, honest)| **honest);
        let mut heights = honest.map(|(machine, _)| machine.tip().map(|tip| tip.height));
        let first = heights.next().flatten();
        let changed = self.registrar.as_ref().is_none_or(Registrar::is_done);
        let settled = changed && self.clients.unsettled() == 0;
        settled && first.is_some() && heights.all(|height| height == first)
    }

    /// Tells the checkers.
    pub(super) fn tell(&mut self, fact: &Fact<'_>) -> Result<(), Violation> {
        self.panel.hear(fact)
    }

    fn measure_logs(&mut self) -> Result<(), Violation> {
        for node in 0..self.machines.len() {
            let log_bytes = self.machines[node].log.bytes();
            if self.honest[node] {
                let load = Load::default();
                self.tell(&Fact::Measured { node, pool_bytes: 0, outputs: 0, log_bytes, load })?;
            }
        }
        Ok(())
    }

    pub(super) fn at(&mut self, time: u64, event: Event) {
        self.made += 1;
        self.events.insert((time.max(self.now), self.made), event);
    }

    pub(super) fn after(&mut self, delay: u64, event: Event) {
        self.at(self.now + delay, event);
    }

    /// The time that clients' clocks show.
    pub(super) const fn true_time(&self) -> Millis {
        Millis(CREATED.0 + 60_000 + self.now)
    }

    fn handle(&mut self, event: Event) -> Result<(), Violation> {
        if let Some(node) = subject(&event)
            && self.machines[node].is_up()
            && self.machines[node].busy_until > self.now
        {
            // The core thread waits for its disk; what comes meanwhile waits for it.
            self.at(self.machines[node].busy_until, event);
            return Ok(());
        }
        match event {
            Event::Boot { node } => self.boot(node),
            event if self.calm && is_fault(&event) => Ok(()),
            Event::ArmCrash { node, outputs } => {
                self.machines[node].crash_in = Some(outputs);
                Ok(())
            }
            Event::ArmDisk { node, writes, log } => {
                let machine = &self.machines[node];
                let disk = if log { &machine.log } else { &machine.blocks };
                disk.raw().crash_after(writes);
                Ok(())
            }
            Event::BreakDisk { node, log, room } => {
                self.break_disk(node, log, room);
                Ok(())
            }
            Event::Rot { node } => self.rot(node),
            Event::LoseBlocks { node } => self.lose_blocks(node),
            Event::Repair { node } => self.repair(node),
            Event::Pause { node, ms } => {
                self.trace.say(self.now, || format!("n{node} stands still for {ms} ms"));
                self.report.coverage.mark(Mark::Paused);
                let machine = &mut self.machines[node];
                machine.busy_until = machine.busy_until.max(self.now + ms);
                Ok(())
            }
            Event::Split => {
                self.network.split();
                self.trace.say(self.now, || "the network splits".into());
                Ok(())
            }
            Event::Mend => {
                self.network.mend();
                self.trace.say(self.now, || "the network is whole".into());
                Ok(())
            }
            Event::Mute => {
                self.network.mute_one();
                Ok(())
            }
            Event::Jump { node, by } => {
                let back = by < self.machines[node].skew;
                self.report.coverage.mark(if back { Mark::ClockBack } else { Mark::ClockAhead });
                self.machines[node].skew = by;
                self.trace.say(self.now, || format!("n{node}'s clock is {by} ms off"));
                self.schedule_wake(node);
                Ok(())
            }
            Event::Calm => self.calm_down(),
            Event::Look => {
                for machine in &mut self.machines {
                    // One that stood still notices only then.
                    if self.now > self.plan.fault_ms.max(machine.busy_until) + ERRORS_MS {
                        machine.disk_error = None;
                    }
                }
                self.after(LOOK_MS, Event::Look);
                Ok(())
            }
            Event::Connect { a, b } => self.connect(a, b),
            Event::Gone { at, of } => self.gone(at, of),
            Event::Deliver { from, to, connection, channel, bytes } => {
                self.deliver(from, to, connection, channel, &bytes)
            }
            Event::Wake { node, at } => self.wake(node, at),
            Event::Emit { node, life, outputs } => {
                if self.machines[node].life == life {
                    self.machines[node].held -= 1;
                    self.emit(node, outputs)
                } else {
                    Ok(())
                }
            }
            Event::Ask { asker, life, server, request } => {
                self.serve(asker, life, server, &request);
                Ok(())
            }
            Event::Answer { asker, life, server, blocks, answer } => {
                self.answered(asker, life, server, blocks, answer)
            }
            Event::Story => self.begin_story(),
            Event::Govern => self.govern(),
            Event::Rekey { node } => self.rekey(node),
            Event::Submit { ticket, node } => self.submit(ticket, node),
            Event::Retry { ticket } => {
                self.retry(ticket);
                Ok(())
            }
            Event::Replay => self.replay(),
            Event::Idle { node } => self.idle(node),
        }
    }

    fn calm_down(&mut self) -> Result<(), Violation> {
        self.calm = true;
        self.network.calm();
        self.trace.say(self.now, || "the faults stop".into());
        for node in 0..self.machines.len() {
            if self.honest[node] {
                // Clocks stay apart within what proposals may be ahead.
                self.machines[node].skew = self.machines[node].skew.clamp(-400, 400);
            }
            let machine = &mut self.machines[node];
            machine.crash_in = None;
            for disk in [&machine.blocks, &machine.log] {
                disk.raw().limit_free_bytes(None);
                disk.raw().fail_syncs(0);
                if !disk.raw().is_down() {
                    disk.raw().crash_after(u64::MAX / 2);
                }
            }
            self.schedule_wake(node);
        }
        Ok(())
    }
}

/// The change of a plan: of an honest province, one that issues nothing if it is suspended, so that
/// no client's office is silenced.
fn registrar(plan: &Plan, founders: &Arc<Founders>, honest: &[bool]) -> Option<Registrar> {
    let rng = &mut Rng::for_purpose(plan.seed, 5);
    let ballots = [Id16(rng.bytes()), Id16(rng.bytes())];
    let mut change = plan.change()?;
    let silent = founders.issuers.len();
    let from = if change == Change::Suspend { silent } else { 0 };
    let mut able: Vec<usize> = (from..plan.nodes).filter(|place| honest[*place]).collect();
    if able.is_empty() {
        change = Change::Rotate;
        able = (0..plan.nodes).filter(|place| honest[*place]).collect();
    }
    let subject = able[rng.place(able.len())];
    Some(Registrar::new(founders.clone(), change, subject, plan.stages, ballots))
}

/// Validators first, in the order of their set; who joins, if somebody does; then an observer and second machines of twins.
fn machines(
    plan: &Plan,
    founders: &Founders,
    setting: &Setting,
) -> (Vec<Machine>, BTreeMap<usize, Liar>) {
    let keys = founders.validators.iter().cloned().map(Some);
    let mut machines: Vec<Machine> = keys.map(|key| Machine::new(key, setting)).collect();
    if let (Some(Mutant::FormerSet), Some(first)) = (plan.mutant, machines.first_mut()) {
        first.leak(Leak::OldSets);
    }
    if let (Some(Change::Join), Some(joiner)) = (plan.change(), &founders.joiner) {
        machines.push(Machine::new(Some(joiner.validator.clone()), setting));
    }
    if plan.has(Fault::Observer) {
        machines.push(Machine::new(None, setting));
    }
    let mut liars = BTreeMap::new();
    for (validator, kind) in plan.attackers() {
        let key = founders.validators[*validator].clone();
        let mut places = vec![*validator];
        if *kind == Kind::Twin {
            places.push(machines.len());
            machines.push(Machine::new(Some(key.clone()), setting));
        }
        for place in places {
            let rng = Rng::for_purpose(plan.seed, 1_000 + place as u64);
            let (kind, attacker) = (*kind, kind.attacker());
            let liar = Liar { kind, attacker, key: key.clone(), rng };
            liars.insert(place, liar);
        }
    }
    (machines, liars)
}

/// Whether bytes are a bundle; liars remember only those.
pub(super) fn is_bundle(bytes: &[u8]) -> bool {
    Bundle::decode(bytes).is_ok()
}
