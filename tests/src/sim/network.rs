//! The network: which machines are linked, and what becomes of a message on its way.
//!
//! A connection carries messages while both ends run; what was under way when it broke is lost.
//! Until the faults stop, messages are also lost, doubled, late and out of order, links carry
//! nothing in one direction for a while, and the network splits.

use std::collections::{BTreeMap, BTreeSet};

use super::cover::{Coverage, Mark};
use super::plan::{Fault, Plan};
use super::rng::Rng;

/// Longest way of a message without faults, in milliseconds.
const CALM_DELAY_MS: u64 = 8;

/// All links of a run.
pub(crate) struct Network {
    rng: Rng,
    /// Which pairs may be linked.
    edges: BTreeSet<(usize, usize)>,
    /// Which pairs are, and how often they have been.
    open: BTreeMap<(usize, usize), u64>,
    opened: u64,
    /// The side of a split that each machine is on.
    side: Vec<bool>,
    /// Directions that carry nothing.
    mute: BTreeSet<(usize, usize)>,
    loss: u64,
    duplicates: u64,
    delay_ms: u64,
    /// When the last message of each direction arrives.
    latest: BTreeMap<(usize, usize), u64>,
    /// What happened.
    pub(crate) coverage: Coverage,
}

impl Network {
    /// The links of a plan; the honest machines alone are always one connected graph.
    pub(crate) fn new(plan: &Plan, honest: &[bool]) -> Self {
        let mut rng = Rng::for_purpose(plan.seed, 2);
        let edges = edges(plan, honest, &mut rng);
        let rate = |fault, rate| if plan.has(fault) { rate } else { 0 };
        Self {
            edges,
            open: BTreeMap::new(),
            opened: 0,
            side: vec![false; honest.len()],
            mute: BTreeSet::new(),
            loss: rate(Fault::Loss, plan.loss),
            duplicates: rate(Fault::Duplicates, plan.duplicates),
            delay_ms: rate(Fault::Delay, plan.delay_ms).max(CALM_DELAY_MS),
            latest: BTreeMap::new(),
            coverage: Coverage::default(),
            rng,
        }
    }

    pub(crate) fn may_link(&self, a: usize, b: usize) -> bool {
        self.edges.contains(&pair(a, b))
    }

    /// The number of the connection, while there is one.
    pub(crate) fn connection(&self, a: usize, b: usize) -> Option<u64> {
        self.open.get(&pair(a, b)).copied()
    }

    /// Connects; false if it is already.
    pub(crate) fn connect(&mut self, a: usize, b: usize) -> bool {
        self.opened += 1;
        let opened = self.opened;
        self.open.insert(pair(a, b), opened).is_none()
    }

    /// Breaks all connections of a machine; its peers.
    pub(crate) fn disconnect(&mut self, node: usize) -> Vec<usize> {
        let peers: Vec<usize> = self.peers(node);
        peers.iter().for_each(|peer| {
            self.open.remove(&pair(node, *peer));
        });
        peers
    }

    pub(crate) fn peers(&self, node: usize) -> Vec<usize> {
        let of = |(a, b): &(usize, usize)| match node {
            _ if node == *a => Some(*b),
            _ if node == *b => Some(*a),
            _ => None,
        };
        self.open.keys().filter_map(of).collect()
    }

    /// Whether anything gets from one to the other now.
    pub(crate) fn carries(&self, from: usize, to: usize) -> bool {
        self.side[from] == self.side[to]
            && !self.mute.contains(&(from, to))
            && self.connection(from, to).is_some()
    }

    /// When a message sent now and its doubles arrive, in milliseconds from now; empty if it is
    /// lost.
    pub(crate) fn fate(&mut self, now: u64, from: usize, to: usize) -> Vec<u64> {
        if !self.carries(from, to) {
            self.note_cut(from, to);
            return Vec::new();
        }
        if self.rng.chance(self.loss) {
            self.coverage.mark(Mark::Lost);
            return Vec::new();
        }
        let mut delays = vec![1 + self.rng.below(self.delay_ms)];
        if self.rng.chance(self.duplicates) {
            delays.push(1 + self.rng.below(self.delay_ms * 4));
            self.coverage.mark(Mark::Doubled);
        }
        let latest = self.latest.entry((from, to)).or_default();
        if now + delays[0] < *latest {
            self.coverage.mark(Mark::Overtaken);
        }
        *latest = (*latest).max(now + delays[0]);
        delays
    }

    fn note_cut(&mut self, from: usize, to: usize) {
        if self.connection(from, to).is_none() {
            return;
        }
        if self.side[from] != self.side[to] {
            self.coverage.mark(Mark::Cut);
        } else if self.carries(to, from) {
            self.coverage.mark(Mark::OneWay);
        }
    }

    /// Splits the machines in two.
    pub(crate) fn split(&mut self) {
        for place in 0..self.side.len() {
            self.side[place] = self.rng.chance(500);
        }
    }

    pub(crate) fn mend(&mut self) {
        self.side.fill(false);
    }

    /// Mutes a random direction, or all that are mute speak again.
    pub(crate) fn mute_one(&mut self) {
        let (from, to) = (self.rng.place(self.side.len()), self.rng.place(self.side.len()));
        if !self.mute.insert((from, to)) {
            self.mute.clear();
        }
    }

    /// The faults stop.
    pub(crate) fn calm(&mut self) {
        self.mend();
        self.mute.clear();
        (self.loss, self.duplicates, self.delay_ms) = (0, 0, CALM_DELAY_MS);
    }
}

const fn pair(a: usize, b: usize) -> (usize, usize) {
    if a < b { (a, b) } else { (b, a) }
}

fn edges(plan: &Plan, honest: &[bool], rng: &mut Rng) -> BTreeSet<(usize, usize)> {
    let n = honest.len();
    let all = (0..n).flat_map(|a| (a + 1..n).map(move |b| (a, b)));
    if !plan.has(Fault::PartialMesh) {
        return all.collect();
    }
    let mut edges: BTreeSet<_> = all.filter(|_| rng.chance(350)).collect();
    // A random tree over the honest, and every other machine linked with one of them.
    let mut joined: Vec<usize> = Vec::new();
    let mut order: Vec<usize> = (0..n).collect();
    rng.shuffle(&mut order);
    order.sort_by_key(|node| !honest[*node]);
    for node in order {
        if !joined.is_empty() {
            edges.insert(pair(node, joined[rng.place(joined.len())]));
        }
        if honest[node] {
            joined.push(node);
        }
    }
    edges
}
