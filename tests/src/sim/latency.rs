//! How long a commit takes, in virtual time: the cores of the simulator on links of one speed and
//! disks whose every sync takes as long, with a node's own timeouts.
//!
//! What is counted is waiting: for links, syncs, timers, and for messages that must be said again.
//! Computing costs nothing here; `hefu bench` measures that on a real machine. A lost message is
//! gone, as on a link that breaks: a real node's links repair losses themselves, so this is worse.
//! The same [`Scene`] gives the same [`Latency`].

use std::collections::BTreeMap;
use std::sync::Arc;

use anyhow::{Context, ensure};
use hefu_consensus::{Message, PeerFault, PeerKey, proposer};
use hefu_node::core::sync::{MAX_FETCHED_BUNDLES, SyncAnswer, SyncRequest};
use hefu_node::core::{Committed, CoreInput, CoreOutput, Position, StoredBlock};
use hefu_primitives::bounds::MAX_STORED_BLOCK_BYTES;
use hefu_primitives::codec::Canonical;
use hefu_primitives::{BlockId, Bundle, Height, KeyPair, Millis, Round, TxId};

use super::client::Clients;
use super::drive::{node_of, peer_key};
use super::event::Channel;
use super::founders::{CREATED, founders};
use super::machine::{Machine, Setting};
use super::memory;
use super::rng::Rng;

/// How long one act may take before the run is given up, in milliseconds.
const PATIENCE_MS: u64 = 120_000;
/// How long a request waits for an answer that was lost, in milliseconds.
const ASK_TIMEOUT_MS: u64 = 700;

/// What is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Scene {
    /// Validators, 4 to 31, each linked with each.
    pub nodes: usize,
    /// How long every message is under way, in milliseconds.
    pub one_way_ms: u64,
    /// How long a sync of a file takes, in milliseconds.
    pub write_ms: u64,
    /// Messages lost, of a thousand.
    pub loss: u64,
    /// Acts, one after the other.
    pub acts: usize,
    /// Whether the leader of each act's height falls silent before the act is submitted. It starts
    /// again afterwards.
    pub leader_dies: bool,
    /// Decides which messages are lost and where acts are submitted.
    pub seed: u64,
}

impl Scene {
    /// Links of 20 ms, disks of 2 ms, nothing lost.
    pub const fn of(nodes: usize, acts: usize) -> Self {
        let (one_way_ms, write_ms, loss) = (20, 2, 0);
        Self { nodes, one_way_ms, write_ms, loss, acts, leader_dies: false, seed: 0 }
    }
}

/// What was measured, in milliseconds, sorted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Latency {
    /// From the submission of an act until the node that took it can say that it is durably final.
    pub submitted: Vec<u64>,
    /// From when the block was proposed until that node has it.
    pub proposed: Vec<u64>,
    /// From the submission until the last running node has it.
    pub everywhere: Vec<u64>,
    /// Blocks that took more than one round.
    pub late_rounds: u64,
    /// Messages sent.
    pub messages: u64,
}

impl Latency {
    /// The value that so many of a hundred do not exceed.
    pub fn percentile(sorted: &[u64], percent: usize) -> u64 {
        let rank = (sorted.len() * percent).div_ceil(100).max(1);
        sorted.get(rank - 1).copied().unwrap_or_default()
    }
}

/// Measures a scene.
///
/// # Errors
/// When so many nodes cannot be simulated, or an act does not commit.
pub fn measure(scene: &Scene) -> anyhow::Result<Latency> {
    memory::forget();
    let mut run = Run::new(*scene)?;
    for _ in 0..scene.acts {
        run.one_act()?;
    }
    let mut latency = run.latency;
    for list in [&mut latency.submitted, &mut latency.proposed, &mut latency.everywhere] {
        list.sort_unstable();
    }
    Ok(latency)
}

enum Event {
    Deliver { from: usize, to: usize, channel: Channel, bytes: Arc<[u8]> },
    Wake { node: usize, at: u64 },
    Emit { node: usize, life: u64, outputs: Vec<CoreOutput> },
    Ask { asker: usize, life: u64, server: usize, request: SyncRequest },
    Answer { asker: usize, life: u64, server: usize, blocks: bool, answer: Option<SyncAnswer> },
}

/// The act that is under way.
struct Pending {
    tx: TxId,
    node: usize,
    since: u64,
    /// Which nodes have it.
    done: Vec<bool>,
}

struct Run {
    scene: Scene,
    setting: Setting,
    machines: Vec<Machine>,
    clients: Clients,
    rng: Rng,
    now: u64,
    made: u64,
    events: BTreeMap<(u64, u64), Event>,
    proposals: BTreeMap<BlockId, u64>,
    pending: Option<Pending>,
    latency: Latency,
}

impl Run {
    fn new(scene: Scene) -> anyhow::Result<Self> {
        let founders = founders(scene.nodes)?;
        let setting = Setting {
            genesis: founders.genesis.clone(),
            pool_bytes: 1024 * 1024,
            log_bytes: 16 * 1024 * 1024,
            leak: None,
            log_lies: false,
            blocks_lie: false,
            patient: true,
        };
        let keys = founders.validators.iter().cloned().map(Some);
        let machines = keys.map(|key| Machine::new(key, &setting)).collect();
        let clients = Clients::new(founders, Rng::for_purpose(scene.seed, 3), false);
        let mut run = Self {
            rng: Rng::for_purpose(scene.seed, 7),
            now: 0,
            made: 0,
            events: BTreeMap::new(),
            proposals: BTreeMap::new(),
            pending: None,
            latency: Latency::default(),
            scene,
            setting,
            machines,
            clients,
        };
        for node in 0..scene.nodes {
            run.start(node)?;
        }
        Ok(run)
    }

    /// Starts a machine and links it with all that run.
    fn start(&mut self, node: usize) -> anyhow::Result<()> {
        let booted = self.machines[node].boot(self.now, &self.setting);
        let (_, outputs) = booted.map_err(|error| anyhow::anyhow!("{error:?}"))?;
        self.emit(node, outputs)?;
        for other in (0..self.machines.len()).filter(|other| *other != node) {
            if self.machines[other].is_up() {
                for (at, of) in [(node, other), (other, node)] {
                    let validator = self.machines[of].key.as_ref().map(KeyPair::id);
                    let peer = peer_key(of);
                    self.feed(at, CoreInput::PeerDown(peer))?;
                    self.feed(at, CoreInput::PeerUp { peer, validator })?;
                }
            }
        }
        self.schedule_wake(node);
        Ok(())
    }

    /// A pause, an act, and the wait until every running node has it.
    fn one_act(&mut self) -> anyhow::Result<()> {
        let pause = self.rng.within(300, 1_300);
        self.run_until(self.now + pause, |_| false)?;
        let leader = self.leader()?;
        if self.scene.leader_dies {
            self.machines[leader].crash(false, &mut self.rng);
        }
        self.submit()?;
        let done = self.run_until(self.now + PATIENCE_MS, |run| run.pending.is_none())?;
        ensure!(done, "an act does not commit");
        if self.scene.leader_dies {
            self.start(leader)?;
            let done = self.run_until(self.now + PATIENCE_MS, Self::is_level)?;
            ensure!(done, "a node that was away does not catch up");
        }
        Ok(())
    }

    /// Who proposes the next height first.
    fn leader(&self) -> anyhow::Result<usize> {
        let tips = self.machines.iter().filter_map(Machine::tip);
        let tip = tips.max_by_key(|tip| tip.height).context("nobody runs")?;
        let turn = proposer(&tip.validators, tip.height.next(), Round(0));
        let own = |machine: &Machine| machine.key.as_ref().map(KeyPair::id) == Some(turn);
        self.machines.iter().position(own).context("a stranger's turn")
    }

    fn is_level(&self) -> bool {
        let height = |machine: &Machine| machine.tip().map(|tip| tip.height);
        let first: Option<Height> = self.machines.first().and_then(height);
        first.is_some() && self.machines.iter().all(|machine| height(machine) == first)
    }

    fn submit(&mut self) -> anyhow::Result<()> {
        let up = |at: &usize| self.machines[*at].is_up();
        let running: Vec<usize> = (0..self.machines.len()).filter(up).collect();
        let node = running[self.rng.place(running.len())];
        let time = Millis(CREATED.0 + 60_000 + self.now);
        let ticket = self.clients.begin(time).context("an act")?;
        let tx = self.clients.tickets[ticket].tx.clone();
        let refused = self.machines[node].precheck(self.now, &tx).err();
        ensure!(refused.is_none(), "refused at the door: {refused:?}");
        let done = self.machines.iter().map(|machine| !machine.is_up()).collect();
        self.pending = Some(Pending { tx: tx.id(), node, since: self.now, done });
        self.feed(node, CoreInput::Submit(vec![tx]))
    }

    /// Goes on until a time, or until something is so; whether it was.
    fn run_until(&mut self, time: u64, so: impl Fn(&Self) -> bool) -> anyhow::Result<bool> {
        while !so(self) {
            match self.events.first_key_value() {
                Some(((due, _), _)) if *due <= time => {}
                _ => {
                    self.now = time;
                    return Ok(false);
                }
            }
            let Some(((due, _), event)) = self.events.pop_first() else { break };
            self.now = due;
            self.handle(event)?;
        }
        Ok(true)
    }

    fn at(&mut self, time: u64, event: Event) {
        self.made += 1;
        self.events.insert((time, self.made), event);
    }

    fn handle(&mut self, event: Event) -> anyhow::Result<()> {
        let busy = match &event {
            Event::Deliver { to: node, .. } | Event::Wake { node, .. } => Some(*node),
            Event::Answer { asker, .. } => Some(*asker),
            Event::Emit { .. } | Event::Ask { .. } => None,
        };
        if let Some(machine) = busy.map(|node| &self.machines[node])
            && machine.is_up()
            && machine.busy_until > self.now
        {
            // The core thread waits for its disk.
            self.at(machine.busy_until, event);
            return Ok(());
        }
        match event {
            Event::Deliver { from, to, channel, bytes } => self.deliver(from, to, channel, &bytes),
            Event::Wake { node, at } if self.machines[node].wake_at == Some(at) => {
                self.machines[node].wake_at = None;
                self.feed(node, CoreInput::Tick)
            }
            Event::Wake { .. } => Ok(()),
            Event::Emit { node, life, outputs } if self.machines[node].life == life => {
                self.machines[node].held -= 1;
                self.emit(node, outputs)
            }
            Event::Emit { .. } => Ok(()),
            Event::Ask { asker, life, server, request } => {
                let answer = self.machines[server].serve(&request);
                let blocks = matches!(request, SyncRequest::Blocks { .. });
                let time = self.arrival(answer.is_some());
                let answer = answer.filter(|_| time.is_some());
                let time = time.unwrap_or(self.now + ASK_TIMEOUT_MS);
                self.at(time, Event::Answer { asker, life, server, blocks, answer });
                Ok(())
            }
            Event::Answer { asker, life, server, blocks, answer } => {
                if self.machines[asker].life != life {
                    return Ok(());
                }
                self.answered(asker, server, blocks, answer.unwrap_or_default())
            }
        }
    }

    /// When something sent now arrives; none if it is lost.
    fn arrival(&mut self, sent: bool) -> Option<u64> {
        let lost = !sent || self.rng.chance(self.scene.loss);
        (!lost).then_some(self.now + self.scene.one_way_ms)
    }

    fn answered(
        &mut self,
        asker: usize,
        server: usize,
        blocks: bool,
        answer: SyncAnswer,
    ) -> anyhow::Result<()> {
        if blocks {
            let decode =
                |item: &Vec<u8>| StoredBlock::from_bytes(item, MAX_STORED_BLOCK_BYTES).ok();
            let blocks = answer.0.iter().map_while(|item| decode(item)).collect();
            return self.feed(asker, CoreInput::Blocks { from: peer_key(server), blocks });
        }
        let bundles: Vec<Bundle> =
            answer.0.iter().filter_map(|bytes| Bundle::decode(bytes).ok()).collect();
        if bundles.is_empty() { Ok(()) } else { self.feed(asker, CoreInput::Bundles(bundles)) }
    }

    fn deliver(
        &mut self,
        from: usize,
        to: usize,
        channel: Channel,
        bytes: &[u8],
    ) -> anyhow::Result<()> {
        let from = peer_key(from);
        match channel {
            Channel::Consensus => self.feed(to, CoreInput::Message { from, bytes: bytes.to_vec() }),
            Channel::Bundles => match self.machines[to].check_bundle(self.now, bytes, false) {
                Some(bundle) => self.feed(to, CoreInput::Bundle { from, bundle: Arc::new(bundle) }),
                None => Ok(()),
            },
        }
    }

    /// Steps a core; what it wants done waits for what it synced.
    fn feed(&mut self, node: usize, input: CoreInput) -> anyhow::Result<()> {
        if !self.machines[node].is_up() {
            return Ok(());
        }
        let syncs = |machine: &Machine| machine.log.syncs() + machine.blocks.syncs();
        let before = syncs(&self.machines[node]);
        let outputs = self.machines[node].step(self.now, input);
        let machine = &mut self.machines[node];
        let writing = (syncs(machine) - before) * self.scene.write_ms;
        machine.busy_until = machine.busy_until.max(self.now) + writing;
        if machine.busy_until == self.now && machine.held == 0 {
            self.emit(node, outputs)?;
        } else if !outputs.is_empty() {
            machine.held += 1;
            let (time, life) = (machine.busy_until, machine.life);
            self.at(time, Event::Emit { node, life, outputs });
        }
        self.schedule_wake(node);
        Ok(())
    }

    fn schedule_wake(&mut self, node: usize) {
        let Some(at) = self.machines[node].next_wake(self.now) else { return };
        if self.machines[node].wake_at.is_none_or(|before| at < before) {
            self.machines[node].wake_at = Some(at);
            self.at(at, Event::Wake { node, at });
        }
    }

    fn emit(&mut self, node: usize, outputs: Vec<CoreOutput>) -> anyhow::Result<()> {
        for output in outputs {
            match output {
                CoreOutput::Broadcast(bytes) => {
                    self.note_proposal(&bytes);
                    self.transmit_all(node, Channel::Consensus, &bytes.into());
                }
                CoreOutput::Send(peer, bytes) => {
                    self.transmit(node, node_of(peer), Channel::Consensus, &bytes.into());
                }
                CoreOutput::BroadcastBundle(bundle) => {
                    self.transmit_all(node, Channel::Bundles, &bundle.as_bytes().into());
                }
                CoreOutput::SendBundle(peer, bundle) => {
                    let bytes = bundle.as_bytes().into();
                    self.transmit(node, node_of(peer), Channel::Bundles, &bytes);
                }
                CoreOutput::FetchBundles { peer, ids } => {
                    let all = || (0..self.machines.len()).filter(|at| *at != node).map(peer_key);
                    let peers: Vec<PeerKey> = peer.map_or_else(|| all().collect(), |p| vec![p]);
                    for peer in peers {
                        for ids in ids.chunks(MAX_FETCHED_BUNDLES) {
                            self.ask(node, peer, SyncRequest::Bundles(ids.to_vec()));
                        }
                    }
                }
                CoreOutput::FetchBlocks { peer, from, count } => {
                    self.ask(node, peer, SyncRequest::Blocks { from, count });
                }
                CoreOutput::Committed(committed) => self.committed(node, &committed),
                // Whoever does not answer is asked later than others.
                CoreOutput::Misbehaviour(_, PeerFault::Silent) => {}
                other @ (CoreOutput::Rejected(..)
                | CoreOutput::Misbehaviour(..)
                | CoreOutput::Evidence(_)
                | CoreOutput::Halt(_)) => anyhow::bail!("n{node}: {other:?}"),
            }
        }
        Ok(())
    }

    fn note_proposal(&mut self, bytes: &[u8]) {
        if let Ok(Message::Proposal { block, .. }) = Message::decode(bytes) {
            self.proposals.entry(block.id()).or_insert(self.now);
        }
    }

    fn transmit_all(&mut self, from: usize, channel: Channel, bytes: &Arc<[u8]>) {
        for to in (0..self.machines.len()).filter(|to| *to != from) {
            self.transmit(from, to, channel, bytes);
        }
    }

    fn transmit(&mut self, from: usize, to: usize, channel: Channel, bytes: &Arc<[u8]>) {
        self.latency.messages += 1;
        if let Some(time) = self.arrival(true) {
            self.at(time, Event::Deliver { from, to, channel, bytes: bytes.clone() });
        }
    }

    fn ask(&mut self, asker: usize, peer: PeerKey, request: SyncRequest) {
        let (server, life) = (node_of(peer), self.machines[asker].life);
        let event = match self.arrival(true) {
            Some(time) => (time, Event::Ask { asker, life, server, request }),
            None => {
                let blocks = matches!(request, SyncRequest::Blocks { .. });
                let event = Event::Answer { asker, life, server, blocks, answer: None };
                (self.now + ASK_TIMEOUT_MS, event)
            }
        };
        self.at(event.0, event.1);
    }

    fn committed(&mut self, node: usize, committed: &Committed) {
        let Some(pending) = &mut self.pending else { return };
        let has = |(tx, at): &(TxId, Position)| *tx == pending.tx && at.is_authentic();
        if !committed.positions.iter().any(has) {
            return;
        }
        let since = self.now - pending.since;
        pending.done[node] = true;
        if node == pending.node {
            let proposed = self.proposals.get(&committed.tip.block).copied();
            self.latency.submitted.push(since);
            self.latency.proposed.push(self.now - proposed.unwrap_or(pending.since));
            let late = committed.stored.certificate.round > Round(0);
            self.latency.late_rounds += u64::from(late);
        }
        if pending.done.iter().all(|done| *done) {
            self.latency.everywhere.push(since);
            self.pending = None;
        }
    }
}

#[cfg(test)]
mod tests;
