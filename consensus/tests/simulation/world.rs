//! Time, network and faults.
//!
//! Events are ordered by virtual time and, at one time, by when they were made. For the first ten
//! seconds messages are lost, doubled and delayed, machines crash between any two outputs, and
//! the network splits; then everything heals, and what clients submitted must be recorded
//! everywhere within two minutes.

use std::collections::BTreeMap;

use hefu_consensus::{Input, Message, Output, PeerFault, PeerKey, SyncedBlock, TimerId, WalEntry};
use hefu_primitives::hash::{Domain, hash};
use hefu_primitives::{
    Block, BlockId, BundleId, Canonical, CommitCertificate, H32, Height, KeyId, Millis, Round,
};

use crate::app::{GENESIS_TIME, Membership, build, is_valid, keys};
use crate::check::{Broken, Checker};
use crate::liar::Liar;
use crate::node::Node;
use crate::plan::{Plan, Tally};
use crate::rng::Rng;

/// When the faults stop, in milliseconds.
const HEAL: u64 = 10_000;
/// When everything must be recorded.
const DEADLINE: u64 = 130_000;

enum Event {
    Boot { node: usize },
    Crash { node: usize },
    Split,
    Heal,
    Work { id: BundleId, everywhere: bool, node: usize },
    Deliver { from: usize, to: usize, life: u64, bytes: Vec<u8> },
    Timer { node: usize, life: u64, id: TimerId },
    Build { node: usize, life: u64, height: Height, round: Round, time: Millis },
    Execute { node: usize, life: u64, block: Block },
    Store { node: usize, life: u64, block: Block, certificate: CommitCertificate },
    Committed { node: usize, life: u64, height: Height, block: BlockId },
    Fetch { node: usize, life: u64, peer: usize, from: Height, count: u16 },
    Blocks { node: usize, life: u64, peer: usize, blocks: Vec<SyncedBlock> },
}

pub(crate) struct World {
    plan: Plan,
    rng: Rng,
    now: u64,
    made: u64,
    events: BTreeMap<(u64, u64), Event>,
    nodes: Vec<Node>,
    liars: Vec<Liar>,
    members: Membership,
    checker: Checker,
    healed: bool,
    /// The side of a split that each machine is on.
    side: Vec<bool>,
    works: Vec<BundleId>,
    /// When each bundle was submitted, and how long it took until a machine had stored it.
    submitted: BTreeMap<BundleId, u64>,
    latencies: Vec<u64>,
    fingerprint: H32,
    tally: Tally,
}

fn peer_key(node: usize) -> PeerKey {
    PeerKey([node as u8; 32])
}

fn node_of(peer: PeerKey) -> usize {
    usize::from(peer.0[0])
}

impl World {
    pub(crate) fn new(plan: Plan, seed: u64) -> Self {
        let mut rng = Rng::new(seed);
        let members = Membership { keys: keys(plan.n), rotate: plan.rotate };
        let honest = plan.n - plan.liars;
        let skew = |i: usize, rng: &mut Rng| match plan.skewed && i == 0 {
            true => 2_000,
            false => rng.below(100),
        };
        let nodes =
            (0..honest).map(|i| Node::new(members.keys[i].clone(), skew(i, &mut rng))).collect();
        let liars = members.keys[honest..].iter().cloned().map(Liar::new).collect();
        let mut world = Self {
            plan,
            rng,
            now: 0,
            made: 0,
            events: BTreeMap::new(),
            nodes,
            liars,
            members,
            checker: Checker::default(),
            healed: false,
            side: vec![false; plan.n],
            works: Vec::new(),
            submitted: BTreeMap::new(),
            latencies: Vec::new(),
            fingerprint: H32::ZERO,
            tally: Tally::default(),
        };
        world.schedule();
        world
    }

    /// Everything that does not follow from the replicas.
    fn schedule(&mut self) {
        for node in 0..self.nodes.len() {
            self.at(node as u64, Event::Boot { node });
        }
        for work in 0..12u64 {
            let id = BundleId(hash(Domain::Digest, &[&work.to_be_bytes()]).0);
            // The last ones come after the faults, each known to one machine alone.
            let late = work >= 8;
            let time = if late { HEAL + 500 * work } else { self.rng.below(HEAL) };
            let node = self.rng.below(self.nodes.len() as u64) as usize;
            let shared = if late { !self.plan.private } else { self.rng.chance(700) };
            let everywhere = shared || !self.plan.private;
            self.at(time, Event::Work { id, everywhere, node });
            self.works.push(id);
        }
        for _ in 0..if self.plan.crash > 0 { 2 } else { 0 } {
            let node = self.rng.below(self.nodes.len() as u64) as usize;
            let time = self.rng.below(HEAL);
            self.at(time, Event::Crash { node });
        }
        if self.plan.split {
            for _ in 0..self.rng.below(4) {
                let time = self.rng.below(HEAL);
                self.at(time, Event::Split);
            }
        }
        self.at(HEAL, Event::Heal);
    }

    fn at(&mut self, time: u64, event: Event) {
        self.made += 1;
        self.events.insert((time.max(self.now), self.made), event);
    }

    fn after(&mut self, most: u64, event: Event) {
        let time = self.now + self.rng.below(most + 1);
        self.at(time, event);
    }

    /// Runs until everything is recorded everywhere, or a rule is broken.
    pub(crate) fn run(&mut self) -> Result<(), Broken> {
        while let Some(((time, _), event)) = self.events.pop_first() {
            self.now = time;
            if time > DEADLINE {
                break;
            }
            self.handle(event)?;
            if self.healed && time > HEAL + 6_500 && self.missing() == 0 {
                return Ok(());
            }
        }
        let heights = self.nodes.iter().map(|node| node.height().0).collect();
        Err(Broken::Stalled { heights, missing: self.missing() })
    }

    /// How many bundles are not yet recorded, summed over the machines.
    fn missing(&self) -> usize {
        let missing = |node: &Node| {
            let has = |id: &BundleId| node.store.iter().any(|(b, _)| b.bundles.contains(id));
            self.works.iter().filter(|id| !has(id)).count()
        };
        self.nodes.iter().filter(|node| !node.halted).map(missing).sum()
    }

    pub(crate) fn heights(&self) -> usize {
        self.checker.chain().len()
    }

    pub(crate) fn works(&self) -> usize {
        self.works.len()
    }

    pub(crate) fn rounds_above_zero(&self) -> usize {
        self.checker.chain().iter().filter(|(_, c)| c.round > Round(0)).count()
    }

    pub(crate) fn tally(&self) -> Tally {
        Tally { evidence: self.checker.evidence, ..self.tally }
    }

    /// How long each bundle took, in milliseconds.
    pub(crate) fn latencies(&self) -> &[u64] {
        &self.latencies
    }

    /// A digest of everything that was sent, in order.
    pub(crate) fn fingerprint(&self) -> H32 {
        self.fingerprint
    }

    fn liar_ids(&self) -> Vec<KeyId> {
        self.liars.iter().map(|liar| liar.key.id()).collect()
    }

    fn linked(&self, a: usize, b: usize) -> bool {
        let n = self.plan.n;
        a != b && (!self.plan.ring || (a + 1) % n == b || (b + 1) % n == a)
    }

    fn is_up(&self, node: usize) -> bool {
        self.nodes.get(node).is_none_or(|node| node.replica.is_some())
    }

    fn life(&self, node: usize) -> u64 {
        self.nodes.get(node).map_or(0, |node| node.life)
    }

    fn handle(&mut self, event: Event) -> Result<(), Broken> {
        match event {
            Event::Boot { node } => self.boot(node),
            Event::Crash { node } => {
                self.crash(node);
                Ok(())
            }
            Event::Split => {
                for side in 0..self.side.len() {
                    self.side[side] = self.rng.chance(500);
                }
                Ok(())
            }
            Event::Heal => {
                self.healed = true;
                self.side.iter_mut().for_each(|side| *side = false);
                Ok(())
            }
            Event::Work { id, everywhere, node } => {
                self.submitted.insert(id, self.now);
                for i in 0..self.nodes.len() {
                    if everywhere || i == node {
                        self.nodes[i].bundles.insert(id);
                        self.feed(i, Input::Pending(true))?;
                    }
                }
                Ok(())
            }
            Event::Deliver { from, to, life, bytes } => self.deliver(from, to, life, bytes),
            Event::Timer { node, life, id } => {
                let due = self.nodes[node].timers.get(&id) == Some(&self.now);
                if life == self.life(node) && due {
                    self.nodes[node].timers.remove(&id);
                    self.feed(node, Input::Timer(id))?;
                }
                Ok(())
            }
            Event::Build { node, life, height, round, time } if life == self.life(node) => {
                let machine = &self.nodes[node];
                let (parent, bundles) = (machine.tip().block, machine.open_bundles());
                let block = build(&self.members, height, round, time, parent, bundles);
                self.feed(node, Input::Proposed { height, round, block: Some(block) })
            }
            Event::Execute { node, life, block } if life == self.life(node) => {
                let valid = is_valid(&self.members, &block);
                self.feed(node, Input::Validated { block: block.id(), valid })
            }
            Event::Store { node, life, block, certificate } if life == self.life(node) => {
                self.checker.stored(&block, &certificate, &self.members)?;
                for bundle in &block.bundles {
                    let since = self.submitted.remove(bundle);
                    self.latencies.extend(since.map(|since| self.now - since));
                }
                let (height, id) = (block.header.height, block.id());
                self.nodes[node].store.push((block, certificate));
                self.after(3, Event::Committed { node, life, height, block: id });
                Ok(())
            }
            Event::Committed { node, life, height, block } if life == self.life(node) => {
                let next_validators = self.members.at(height.next());
                let pending = !self.nodes[node].open_bundles().is_empty();
                self.feed(node, Input::Committed { height, block, next_validators, pending })
            }
            Event::Fetch { node, life, peer, from, count } => {
                self.serve(node, life, peer, from, count);
                Ok(())
            }
            Event::Blocks { node, life, peer, blocks } if life == self.life(node) => {
                self.feed(node, Input::Blocks { from: peer_key(peer), blocks })
            }
            // Meant for a machine that has crashed since.
            _ => Ok(()),
        }
    }

    fn boot(&mut self, node: usize) -> Result<(), Broken> {
        let members = self.members.clone();
        self.nodes[node].boot(&members);
        self.tally.replays += usize::from(!self.nodes[node].log.is_empty());
        self.feed(node, Input::Start)?;
        let pending = !self.nodes[node].open_bundles().is_empty();
        self.feed(node, Input::Pending(pending))?;
        for peer in 0..self.plan.n {
            if self.linked(node, peer) && self.is_up(peer) {
                let up = |i: usize| Input::PeerUp {
                    peer: peer_key(i),
                    validator: Some(self.members.keys[i].id()),
                };
                let (theirs, ours) = (up(peer), up(node));
                self.feed(node, theirs)?;
                self.feed(peer, ours)?;
            }
        }
        Ok(())
    }

    fn crash(&mut self, node: usize) {
        if !self.is_up(node) || self.healed {
            return;
        }
        self.nodes[node].crash(&mut self.rng, self.plan.forgetful);
        self.tally.crashes += 1;
        let time = self.now + 1 + self.rng.below(2_000);
        self.at(time, Event::Boot { node });
    }

    fn feed(&mut self, node: usize, input: Input) -> Result<(), Broken> {
        let Some(machine) = self.nodes.get_mut(node) else { return Ok(()) };
        let now = Millis(GENESIS_TIME.0 + 1 + self.now + machine.skew);
        let Some(replica) = machine.replica.as_mut() else { return Ok(()) };
        let outputs = replica.step(now, input);
        let life = machine.life;
        for output in outputs {
            if !self.healed && self.rng.chance(self.plan.crash) {
                // Between any two outputs the power may fail.
                self.crash(node);
            }
            if self.life(node) != life {
                return Ok(());
            }
            self.act(node, output)?;
        }
        Ok(())
    }

    fn act(&mut self, node: usize, output: Output) -> Result<(), Broken> {
        let life = self.life(node);
        if output.needs_durable_log() {
            self.nodes[node].sync();
        }
        match output {
            Output::Persist(entry) => {
                let bytes = entry.to_bytes();
                assert!(bytes.len() <= hefu_consensus::wal::MAX_WAL_ENTRY_BYTES);
                assert_eq!(WalEntry::from_bytes(&bytes, bytes.len()).as_ref(), Ok(&entry));
                self.nodes[node].unsynced.push(entry);
            }
            Output::Broadcast(message) => {
                for peer in 0..self.plan.n {
                    self.transmit(node, peer, &message)?;
                }
            }
            Output::Send(peer, message) => self.transmit(node, node_of(peer), &message)?,
            Output::SetTimer { id, after_ms } => {
                let time = self.now + after_ms;
                self.nodes[node].timers.insert(id, time);
                self.at(time, Event::Timer { node, life, id });
            }
            Output::CancelTimer(id) => {
                self.nodes[node].timers.remove(&id);
            }
            Output::Propose { height, round, time } => {
                self.after(5, Event::Build { node, life, height, round, time });
            }
            // Sometimes bundles never come, and there is no answer.
            Output::Validate { .. } if !self.healed && self.rng.chance(self.plan.loss / 2) => {}
            Output::Validate { block, .. } => {
                self.after(10, Event::Execute { node, life, block });
            }
            Output::Commit { block, certificate, body } => {
                self.tally.fetched += usize::from(body.is_some());
                self.after(5, Event::Store { node, life, block, certificate });
            }
            Output::RequestBlocks { peer, from, count } => {
                let peer = node_of(peer);
                self.after(self.plan.delay, Event::Fetch { node, life, peer, from, count });
            }
            Output::Evidence(evidence) => {
                let liars = self.liar_ids();
                self.checker.evidence(&evidence, &self.members, &liars)?;
            }
            // Only liars' noise: who keeps evidence and hands it on stands around the replica.
            Output::Heard { .. } => {}
            Output::Misbehaviour { peer, fault } => self.accused(node, node_of(peer), fault)?,
            Output::Halt(halt) => {
                self.nodes[node].halted = true;
                self.nodes[node].replica = None;
                self.nodes[node].life += 1;
                return Err(Broken::Halted { node, halt });
            }
        }
        Ok(())
    }

    /// Honest machines may be slow or silent, nothing else.
    fn accused(&self, node: usize, of: usize, fault: PeerFault) -> Result<(), Broken> {
        if of < self.nodes.len() && !matches!(fault, PeerFault::Silent) {
            let what = fault.to_string();
            return Err(Broken::Accused { node, of, what });
        }
        Ok(())
    }

    fn transmit(&mut self, from: usize, to: usize, message: &Message) -> Result<(), Broken> {
        self.checker.sent(message, &self.liar_ids())?;
        if !self.plan.forgetful && !self.nodes[from].has_logged(message) {
            return Err(Broken::NotDurable);
        }
        let bytes = message.to_bytes();
        assert_eq!(Message::decode(&bytes).as_ref(), Ok(message), "what is sent can be read");
        if self.linked(from, to) {
            self.tally.relayed += usize::from(!is_of(message, self.members.keys[from].id()));
            self.put(from, to, bytes);
        }
        Ok(())
    }

    /// Puts bytes on the wire, where much can happen to them.
    fn put(&mut self, from: usize, to: usize, bytes: Vec<u8>) {
        let place = [from as u8, to as u8];
        let time = self.now.to_be_bytes();
        self.fingerprint =
            hash(Domain::Digest, &[self.fingerprint.as_ref(), &place, &time, &bytes]);
        let (loss, double) = match self.healed {
            true => (0, 0),
            false => (self.plan.loss, self.plan.double),
        };
        if self.side[from] != self.side[to] || self.rng.chance(loss) {
            return;
        }
        let delay = if self.healed { 10 } else { self.plan.delay };
        let life = self.life(to);
        if self.rng.chance(double) {
            self.after(3 * delay, Event::Deliver { from, to, life, bytes: bytes.clone() });
        }
        self.after(delay, Event::Deliver { from, to, life, bytes });
    }

    fn deliver(&mut self, from: usize, to: usize, life: u64, bytes: Vec<u8>) -> Result<(), Broken> {
        if to < self.nodes.len() {
            if life == self.life(to) {
                self.feed(to, Input::Message { from: peer_key(from), bytes })?;
            }
            return Ok(());
        }
        let chain = self.checker.chain();
        let tip = |height: Height| match height {
            Height(0) => Some((BlockId(crate::app::CHAIN.0), GENESIS_TIME)),
            _ => {
                chain.get((height.0 - 1) as usize).map(|(block, _)| (block.id(), block.header.time))
            }
        };
        let liar = &mut self.liars[to - self.nodes.len()];
        let lies = liar.hear(&bytes, &self.members, tip, self.plan.n, &mut self.rng);
        for (peer, bytes) in lies {
            if self.linked(to, peer) {
                self.put(to, peer, bytes);
            }
        }
        Ok(())
    }

    fn serve(&mut self, node: usize, life: u64, peer: usize, from: Height, count: u16) {
        if self.side[node] != self.side[peer] || !self.is_up(peer) {
            return;
        }
        if !self.healed && self.rng.chance(self.plan.loss) {
            return;
        }
        let blocks = match self.nodes.get(peer) {
            Some(server) => {
                let stored = server.store.iter().skip((from.0 - 1) as usize);
                let fetched = |(block, certificate): &(Block, CommitCertificate)| SyncedBlock {
                    block: block.clone(),
                    certificate: certificate.clone(),
                    body: Vec::new(),
                };
                stored.take(usize::from(count)).map(fetched).collect()
            }
            None => {
                let liar = &self.liars[peer - self.nodes.len()];
                liar.forge(self.checker.chain(), from, &mut self.rng)
            }
        };
        self.after(self.plan.delay, Event::Blocks { node, life, peer, blocks });
    }
}

/// Whether a message holds nothing that somebody else has signed.
fn is_of(message: &Message, author: KeyId) -> bool {
    match message {
        Message::Votes(votes) => votes.iter().all(|vote| vote.vote.validator == author),
        Message::Proposal { proposal, .. } => proposal.proposal.proposer == author,
        _ => true,
    }
}
