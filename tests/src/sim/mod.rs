//! # The simulator
//!
//! Several nodes in one thread: the very core that a node runs (replica, mempool, execution,
//! storage, catch-up) on simulated disks, links and clocks. One seed decides everything; the same
//! seed gives the same [`Report::trace`].
//!
//! | part | what it is |
//! |---|---|
//! | `plan` | which faults a seed has, each of which can be left out |
//! | `world`, `event`, `calendar` | time, what can happen, and what of it is planned |
//! | `drive`, `faults`, `load` | the driver's part; crashes and repairs; clients' sending |
//! | `machine`, `disk`, `index`, `network`, `client` | what is simulated |
//! | `byzantine` | liars, one file each |
//! | `registrar` | validators that change meanwhile |
//! | `history` | everything final, executed once more beside all machines |
//! | `cover` | what really happened: a fault that never bites shows nothing |
//! | `memory` | signatures checked once a run instead of once a machine |
//! | `check` | what must never, and what must at last, happen; one file each |
//! | `mutant` | broken machines that the checkers must catch |
//! | `latency` | how long commits take on links and disks of given speed, without the rest |
//! | `shrink` | leaves out of a failing run what its failure does not need |
//!
//! It knows nothing of sockets, threads or real time.

mod byzantine;
mod calendar;
mod check;
mod client;
mod cover;
mod disk;
mod drive;
mod event;
mod faults;
mod founders;
mod history;
mod index;
pub mod latency;
mod load;
mod machine;
mod memory;
mod mutant;
mod network;
mod plan;
mod registrar;
mod rng;
mod shrink;
#[cfg(test)]
mod tests;
mod trace;
mod world;

pub use byzantine::Kind;
pub use check::Violation;
pub use cover::{Coverage, Mark, Told};
pub use mutant::Mutant;
pub use plan::{Fault, Plan};
pub use registrar::Change;
pub use shrink::shrink;

use world::World;

/// What happened in a run, or in many.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// Runs.
    pub seeds: u64,
    /// Heights decided.
    pub heights: u64,
    /// Heights decided after round 0.
    pub late_rounds: u64,
    /// Transactions that clients made.
    pub transactions: u64,
    /// Transactions that clients were told are applied.
    pub applied: u64,
    /// Submissions refused at the door.
    pub refused_at_door: u64,
    /// Submissions for which a pool had no room.
    pub rejected: u64,
    /// Crashes.
    pub crashes: u64,
    /// Messages between machines.
    pub messages: u64,
    /// Blocks fetched from peers.
    pub fetched: u64,
    /// Contradictions proven.
    pub evidence: u64,
    /// Virtual time, in milliseconds.
    pub virtual_ms: u64,
    /// The longest that a run took to settle once its faults had stopped, in milliseconds.
    pub longest_settling_ms: u64,
    /// What happened how often.
    pub coverage: Coverage,
    /// Folds everything that happened, in order.
    pub trace: u64,
}

impl Report {
    /// Adds another run.
    pub fn add(&mut self, other: &Self) {
        let sums = [
            (&mut self.seeds, other.seeds),
            (&mut self.heights, other.heights),
            (&mut self.late_rounds, other.late_rounds),
            (&mut self.transactions, other.transactions),
            (&mut self.applied, other.applied),
            (&mut self.refused_at_door, other.refused_at_door),
            (&mut self.rejected, other.rejected),
            (&mut self.crashes, other.crashes),
            (&mut self.messages, other.messages),
            (&mut self.fetched, other.fetched),
            (&mut self.evidence, other.evidence),
            (&mut self.virtual_ms, other.virtual_ms),
        ];
        sums.into_iter().for_each(|(sum, more)| *sum += more);
        self.longest_settling_ms = self.longest_settling_ms.max(other.longest_settling_ms);
        self.coverage.add(&other.coverage);
        // The order in which runs end is no part of what they say together.
        self.trace = self.trace.wrapping_add(rng::mix(other.trace));
    }
}

/// A run that broke a rule.
#[derive(Clone, Debug)]
pub struct Failure {
    /// The plan.
    pub plan: Plan,
    /// The rule.
    pub violation: Violation,
    /// When, in milliseconds of the run.
    pub at_ms: u64,
    /// The last lines of the trace, if they were asked for.
    pub lines: Vec<String>,
}

/// Runs a plan.
///
/// # Errors
/// The [`Failure`], when a checker finds one.
///
/// # Panics
/// When the plan asks for fewer nodes than 4 or more than 10.
pub fn run(plan: &Plan) -> Result<Report, Box<Failure>> {
    run_with(plan, false).map(|(report, _)| report)
}

/// Runs a plan and keeps the last lines of its trace for a reader.
///
/// # Errors
/// As [`run`].
///
/// # Panics
/// As [`run`].
pub fn run_aloud(plan: &Plan) -> Result<(Report, Vec<String>), Box<Failure>> {
    run_with(plan, true)
}

fn run_with(plan: &Plan, readable: bool) -> Result<(Report, Vec<String>), Box<Failure>> {
    assert!(plan.nodes <= founders::MAX_NODES, "at most {} nodes", founders::MAX_NODES);
    let founders = founders::founders(plan.nodes).expect("a number of nodes that is simulated");
    memory::forget();
    let mut world = World::new(plan.clone(), &founders, readable);
    match world.run() {
        Ok(()) => Ok((world.report, world.trace.into_lines())),
        Err(violation) => Err(Box::new(Failure {
            plan: plan.clone(),
            violation,
            at_ms: world.now,
            lines: world.trace.into_lines(),
        })),
    }
}

/// Looks for a mutant with seeds one after the other: the first that catches it, of at most so
/// many.
pub fn hunt(mutant: Mutant, seeds: u64) -> Option<(u64, Violation)> {
    (0..seeds).find_map(|seed| {
        let failure = run(&Plan::broken(seed, mutant)).err()?;
        Some((seed, failure.violation))
    })
}
