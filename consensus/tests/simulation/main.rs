//! The deterministic simulator: several replicas, one virtual clock, one seed.
//!
//! `plan` says what a run is made of; `world` holds time, network and faults; `node` a machine with its disk; `app` a ledger of
//! dummy roots; `liar` a Byzantine validator; `check` what must never, and what must at last,
//! happen. A failing test prints its seed; `HEFU_SIM_SEEDS` sets how many seeds are run and
//! `HEFU_SIM_FIRST` where they begin.

#![allow(clippy::disallowed_methods)] // seeds come from the environment

mod app;
mod check;
mod liar;
mod node;
mod plan;
mod rng;
mod world;

use plan::{Plan, Tally};
use world::World;

/// A number of the environment.
fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok().and_then(|text| text.parse().ok())
}

/// Seeds to run: `default` unless the environment says otherwise.
fn seeds(default: u64) -> impl Iterator<Item = u64> {
    let first = number("HEFU_SIM_FIRST").unwrap_or(0);
    let count = number("HEFU_SIM_SEEDS").unwrap_or(default);
    first..first + count
}

/// Whether so many seeds are run that what can happen does happen in some.
fn many() -> bool {
    number("HEFU_SIM_SEEDS").is_none_or(|count| count >= 15)
}

/// Runs a plan with many seeds; what happened in all of them.
fn run(plan: Plan, count: u64) -> Tally {
    let mut sum = Tally::default();
    for seed in seeds(count) {
        let mut world = World::new(plan, seed);
        if let Err(broken) = world.run() {
            panic!("seed {seed}: {broken}\nplan: {plan:?}");
        }
        let tally = world.tally();
        sum.crashes += tally.crashes;
        sum.replays += tally.replays;
        sum.fetched += tally.fetched;
        sum.evidence += tally.evidence;
        sum.relayed += tally.relayed;
    }
    println!("{sum:?}");
    sum
}

#[test]
fn four_with_loss_partitions_and_crashes() {
    let happened = run(Plan::faulty(4), 80);
    assert!(!many() || happened.crashes > 0 && happened.replays > 0 && happened.fetched > 0);
}

#[test]
fn seven_with_loss_partitions_and_crashes() {
    let _ = run(Plan::faulty(7), 20);
}

#[test]
fn four_with_a_liar() {
    let happened = run(Plan { liars: 1, ..Plan::faulty(4) }, 50);
    assert!(!many() || happened.evidence > 0);
}

#[test]
fn seven_with_two_liars() {
    let _ = run(Plan { liars: 2, ..Plan::faulty(7) }, 15);
}

#[test]
fn seven_on_a_ring() {
    let happened = run(Plan { ring: true, ..Plan::faulty(7) }, 15);
    assert!(!many() || happened.relayed > 0);
}

#[test]
fn sets_that_change_every_three_heights() {
    let _ = run(Plan { rotate: true, ..Plan::faulty(6) }, 20);
}

#[test]
fn one_validator_alone() {
    let _ = run(Plan::faulty(1), 20);
}

#[test]
fn a_clock_far_ahead() {
    // Its proposals are refused: what it alone knows would wait until another knows it too.
    let _ = run(Plan { skewed: true, private: false, ..Plan::faulty(4) }, 20);
}

/// The negative control: with a disk that forgets, the checkers must find what the log prevents.
#[test]
fn a_disk_that_forgets_is_caught() {
    let plan = Plan { forgetful: true, ..Plan::faulty(4) };
    let forked = |broken: &check::Broken| {
        use check::Broken::{Disagreement, DoubleSign};
        matches!(broken, DoubleSign { .. } | Disagreement { .. })
    };
    let runs = (0..40).filter_map(|seed| World::new(plan, seed).run().err());
    let caught = runs.filter(forked).count();
    assert!(caught > 0, "the checkers missed logs that were lost");
    println!("{caught} runs with double signatures or forks");
}

/// The same seed gives the same history.
#[test]
fn a_seed_is_a_history() {
    for seed in 0..3 {
        let history = |_| {
            let mut world = World::new(Plan::faulty(4), seed);
            world.run().unwrap();
            world.fingerprint()
        };
        assert_eq!(history(0), history(1), "seed {seed}");
    }
}

/// Without faults everything is decided in round 0, and nothing is decided for nothing.
#[test]
fn calm_and_quick() {
    for n in [1, 4, 7] {
        let mut world = World::new(Plan::calm(n), 7);
        world.run().unwrap();
        assert_eq!(world.rounds_above_zero(), 0, "n = {n}");
        assert!(world.heights() <= world.works(), "n = {n}: empty blocks");
    }
}

/// What resending by status is for (trap 2): a lost message costs an interval or two, not a
/// timeout.
#[test]
fn loss_costs_little_time() {
    let mut latencies = Vec::new();
    for seed in seeds(60) {
        let mut world = World::new(Plan { loss: 50, ..Plan::calm(4) }, seed);
        world.run().unwrap();
        latencies.extend_from_slice(world.latencies());
    }
    latencies.sort_unstable();
    let part = |per_mille: usize| latencies[(latencies.len() - 1) * per_mille / 1000];
    println!("p50 {} ms, p99 {} ms, most {} ms", part(500), part(990), part(1000));
    assert!(part(990) <= 400, "p99 is {} ms", part(990));
}
