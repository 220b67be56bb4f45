//! What a run will go through: drawn from the seed, so that runs differ in which faults they have
//! and not only in how much of each; every fault can be left out to find what a failure needs.
//!
//! At most f machines are faulty beyond crashing: those that lie, and those whose stored blocks
//! are lost or damaged, since they may not vote until they have them back.

use std::collections::BTreeSet;
use std::fmt;

use super::byzantine::Kind;
use super::mutant::Mutant;
use super::registrar::Change;
use super::rng::Rng;

/// A kind of fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fault {
    /// Messages are lost.
    Loss,
    /// Messages arrive twice.
    Duplicates,
    /// Messages take long and overtake each other.
    Delay,
    /// Some links carry nothing in one direction for a while.
    Asymmetry,
    /// The network splits and heals.
    Partitions,
    /// Not every two machines are linked.
    PartialMesh,
    /// Machines crash between two outputs and start again.
    Crashes,
    /// Machines crash inside a write.
    DiskCrashes,
    /// Disks are full, or report that a sync failed; the node must stop.
    DiskErrors,
    /// A crash also loses or tears what was not synced.
    PowerLoss,
    /// A stored block decays.
    BitRot,
    /// A machine loses its stored blocks and keeps its log.
    LostBlocks,
    /// Disks take their time.
    SlowDisks,
    /// Machines stand still for a while, and everything that came meanwhile comes at once.
    Pauses,
    /// Clocks are apart.
    Skew,
    /// Clocks jump.
    Jumps,
    /// Some validators lie.
    Attackers,
    /// One machine only follows.
    Observer,
    /// Transactions are sent to several nodes, again, and with little time left.
    RoughClients,
    /// Validators change: a key is replaced, a province is suspended and comes back, or one joins.
    Membership,
}

impl Fault {
    /// All of them.
    pub const ALL: [Self; 20] = [
        Self::Loss,
        Self::Duplicates,
        Self::Delay,
        Self::Asymmetry,
        Self::Partitions,
        Self::PartialMesh,
        Self::Crashes,
        Self::DiskCrashes,
        Self::DiskErrors,
        Self::PowerLoss,
        Self::BitRot,
        Self::LostBlocks,
        Self::SlowDisks,
        Self::Pauses,
        Self::Skew,
        Self::Jumps,
        Self::Attackers,
        Self::Observer,
        Self::RoughClients,
        Self::Membership,
    ];

    /// The fault of a name, as [`fmt::Display`] writes it.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|fault| fault.to_string() == name)
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = match self {
            Self::Loss => "loss",
            Self::Duplicates => "duplicates",
            Self::Delay => "delay",
            Self::Asymmetry => "asymmetry",
            Self::Partitions => "partitions",
            Self::PartialMesh => "partial-mesh",
            Self::Crashes => "crashes",
            Self::DiskCrashes => "disk-crashes",
            Self::DiskErrors => "disk-errors",
            Self::PowerLoss => "power-loss",
            Self::BitRot => "bit-rot",
            Self::LostBlocks => "lost-blocks",
            Self::SlowDisks => "slow-disks",
            Self::Pauses => "pauses",
            Self::Skew => "skew",
            Self::Jumps => "jumps",
            Self::Attackers => "attackers",
            Self::Observer => "observer",
            Self::RoughClients => "rough-clients",
            Self::Membership => "membership",
        };
        f.write_str(name)
    }
}

/// A run to come.
#[derive(Clone, Debug)]
pub struct Plan {
    /// Decides everything.
    pub seed: u64,
    /// Validators.
    pub nodes: usize,
    /// The faults that this run has.
    pub faults: BTreeSet<Fault>,
    /// Who lies: the machine and its way.
    pub(crate) attackers: Vec<(usize, Kind)>,
    /// When the faults stop, in milliseconds.
    pub fault_ms: u64,
    /// How validators change, if they do.
    pub change: Change,
    /// How many stages of that change are gone through; the rest is left out.
    pub stages: usize,
    /// Stories that clients begin.
    pub stories: u64,
    /// A broken machine, to test a checker with.
    pub mutant: Option<Mutant>,
    pub(crate) loss: u64,
    pub(crate) duplicates: u64,
    pub(crate) delay_ms: u64,
    pub(crate) crashes: u64,
    /// Bits that flip on each machine whose stored blocks decay.
    pub(crate) rots: u64,
    pub(crate) pool_bytes: usize,
    /// Size at which the log starts anew.
    pub(crate) log_bytes: u64,
}

/// Chances in a thousand that a run has a fault.
const HAS_FAULT: u64 = 550;

impl Plan {
    /// The plan of a seed.
    pub fn new(seed: u64, nodes: usize) -> Self {
        let rng = &mut Rng::for_purpose(seed, 1);
        let has = |_: &Fault, rng: &mut Rng| rng.chance(HAS_FAULT);
        let faults = Fault::ALL.into_iter().filter(|fault| has(fault, rng)).collect();
        let mut attackers = attackers(nodes, rng);
        let change = change(nodes, rng);
        let tolerated = tolerated(nodes, &faults, change);
        attackers.truncate(tolerated);
        Self {
            change,
            stages: change.stages(),
            seed,
            nodes,
            faults,
            attackers,
            fault_ms: rng.within(1_000, 5_000),
            stories: rng.within(3, 12),
            mutant: None,
            loss: rng.within(10, 150),
            duplicates: rng.within(10, 150),
            delay_ms: rng.within(20, 120),
            crashes: rng.within(1, 5),
            rots: 1,
            pool_bytes: [4 * 1024, 48 * 1024, 1024 * 1024][rng.place(3)],
            log_bytes: [0, 4 * 1024, 32 * 1024, 16 * 1024 * 1024][rng.place(4)],
        }
    }

    /// How many validators a seed has when nobody says: of twenty runs eleven with 4, four with 7,
    /// three with 5, two with 10. Small networks are cheap, and find most; the larger ones tolerate
    /// two and three liars, and 5 validators tolerate one although they need four votes.
    pub fn nodes_of(seed: u64) -> usize {
        match Rng::for_purpose(seed, 6).below(20) {
            0..11 => 4,
            11..15 => 7,
            15..18 => 5,
            _ => 10,
        }
    }

    /// A plan without any fault.
    pub fn calm(seed: u64, nodes: usize) -> Self {
        Self { faults: BTreeSet::new(), attackers: Vec::new(), ..Self::new(seed, nodes) }
    }

    /// The plan of a seed with a broken machine, and what it takes for it to show.
    pub fn broken(seed: u64, mutant: Mutant) -> Self {
        let plan = Self { mutant: Some(mutant), ..Self::calm(seed, 4) };
        mutant.prepare(plan)
    }

    /// A plan in which many stored blocks of a node decay, and a province that joins asks for all.
    #[cfg(test)]
    pub(crate) fn rotting(seed: u64) -> Self {
        let faults = [Fault::BitRot, Fault::Membership].into();
        let (change, stages) = (Change::Join, Change::Join.stages());
        let plan = Self { faults, change, stages, ..Self::calm(seed, 4) };
        Self { rots: 8, fault_ms: 5_000, stories: 20, ..plan }
    }

    /// A plan in which one validator forgets what it signed, again and again, while messages are
    /// lost and late: it must vote in more than one life at one height to contradict itself.
    #[cfg(test)]
    pub(crate) fn forgetful(seed: u64) -> Self {
        let faults = [Fault::Attackers, Fault::Loss, Fault::Delay, Fault::Crashes].into();
        let plan = Self { faults, loss: 150, delay_ms: 120, crashes: 5, ..Self::calm(seed, 4) };
        Self { attackers: vec![(0, Kind::Amnesia)], fault_ms: 5_000, stories: 12, ..plan }
    }

    /// The same without some faults.
    #[must_use]
    pub fn without(mut self, faults: &[Fault]) -> Self {
        self.faults.retain(|fault| !faults.contains(fault));
        if !self.has(Fault::Attackers) {
            self.attackers.clear();
        }
        self
    }

    /// Whether a fault is in it.
    pub fn has(&self, fault: Fault) -> bool {
        self.faults.contains(&fault)
    }

    /// Who lies, if lying is among the faults.
    pub(crate) fn attackers(&self) -> &[(usize, Kind)] {
        if self.has(Fault::Attackers) { &self.attackers } else { &[] }
    }

    /// How many machines may lose blocks besides those that lie.
    pub(crate) fn may_lose_blocks(&self) -> usize {
        tolerated(self.nodes, &self.faults, self.change).saturating_sub(self.attackers().len())
    }

    /// How validators change.
    pub(crate) fn change(&self) -> Option<Change> {
        self.has(Fault::Membership).then_some(self.change)
    }
}

/// How many faulty validators the smallest set of a run tolerates.
fn tolerated(nodes: usize, faults: &BTreeSet<Fault>, change: Change) -> usize {
    let shrinks = faults.contains(&Fault::Membership) && change == Change::Suspend;
    (nodes - usize::from(shrinks) - 1) / 3
}

/// Draws how validators change.
fn change(nodes: usize, rng: &mut Rng) -> Change {
    let possible = Change::possible(nodes);
    possible[rng.place(possible.len())]
}

/// Draws up to f machines that lie.
fn attackers(nodes: usize, rng: &mut Rng) -> Vec<(usize, Kind)> {
    let mut places: Vec<usize> = (0..nodes).collect();
    rng.shuffle(&mut places);
    let count = rng.within(1, ((nodes - 1) / 3) as u64) as usize;
    places.into_iter().take(count).map(|at| (at, Kind::ALL[rng.place(Kind::ALL.len())])).collect()
}

/// Which faults a run has, as a reader wants to see it.
impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} nodes, {} ms, {} stories", self.nodes, self.fault_ms, self.stories)?;
        self.faults.iter().try_for_each(|fault| write!(f, ", {fault}"))?;
        if let Some(change) = self.change() {
            let stages = self.stages.min(change.stages());
            write!(f, " ({change}, {stages} of {} stages)", change.stages())?;
        }
        self.attackers().iter().try_for_each(|(at, kind)| write!(f, ", n{at} is {kind}"))
    }
}
