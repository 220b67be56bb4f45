//! A fixed set of seeds, the trace of a seed, and every mutant.

use super::*;

/// How many seeds with four validators are fixed.
const FIXED_OF_4: u64 = 130;

fn hold(seeds: std::ops::Range<u64>, nodes: usize) -> Report {
    let mut sum = Report::default();
    for seed in seeds {
        match run(&Plan::new(seed, nodes)) {
            Ok(report) => sum.add(&report),
            Err(failure) => {
                let Failure { plan, violation, at_ms, .. } = *failure;
                panic!("seed {seed}, {nodes} nodes, at {at_ms} ms: {violation}\n{plan}");
            }
        }
    }
    sum
}

#[test]
fn calm_networks_decide_in_round_zero() {
    for nodes in [4, 7] {
        let report = run(&Plan::calm(1, nodes)).map_err(|failure| failure.violation).unwrap();
        assert_eq!(report.late_rounds, 0);
        assert_eq!(report.applied, report.transactions);
    }
}

/// The fixed seeds, on both cores. Over them everything that can happen does: each fault bites, each
/// liar lies, and each lie that must show does.
#[test]
fn the_fixed_seeds_hold_and_everything_happens() {
    let halves = [vec![(0..FIXED_OF_4, 4)], vec![(200..220, 5), (100..118, 7), (300..302, 10)]];
    let run = |half: Vec<(std::ops::Range<u64>, usize)>| {
        let mut sum = Report::default();
        half.into_iter().for_each(|(seeds, nodes)| sum.add(&hold(seeds, nodes)));
        sum
    };
    let sum = std::thread::scope(|scope| {
        let threads = halves.map(|half| scope.spawn(move || run(half)));
        threads.map(|thread| thread.join().unwrap()).iter().fold(
            Report::default(),
            |mut sum, one| {
                sum.add(one);
                sum
            },
        )
    });
    println!("{sum:?}");
    let mut missing = sum.coverage.missing();
    missing.retain(|mark| !RARE.iter().any(|(rare, _)| rare == mark));
    assert_eq!(missing, Vec::<String>::new());
}

/// A mark in words, and the plan that a seed has for it.
type Rare = (&'static str, fn(u64) -> Plan);

/// What happens once in some hundred seeds, and plans made for it: they hold all the same.
const RARE: [Rare; 2] =
    [("damaged blocks not served", Plan::rotting), ("amnesic: proven", Plan::forgetful)];

#[test]
fn what_is_rare_happens_in_plans_made_for_it() {
    for (mark, plan) in RARE {
        let mut tried = 0;
        let seed = (0..120).find(|seed| match run(&plan(*seed)) {
            Ok(report) => {
                tried += 1;
                !report.coverage.missing().iter().any(|missing| missing == mark)
            }
            Err(failure) => panic!("seed {seed}: {}\n{}", failure.violation, failure.plan),
        });
        let seed = seed.unwrap_or_else(|| panic!("never in {tried} runs: {mark}"));
        println!("{mark}: seed {seed}");
    }
}

#[test]
fn a_seed_is_a_history() {
    for seed in [3, 4, 5] {
        let plan = Plan::new(seed, 4);
        let (first, second) = (run(&plan), run_aloud(&plan));
        let first = first.map_err(|failure| failure.violation).unwrap();
        assert_eq!(first, second.map_err(|failure| failure.violation).unwrap().0);
        let other = run(&Plan::new(seed + 100, 4)).map_err(|failure| failure.violation).unwrap();
        assert_ne!(first.trace, other.trace);
    }
}

/// The load under which a pool without a bound is caught: one with a bound refuses, and all is
/// well.
#[test]
fn a_flooded_pool_refuses() {
    let flood = Plan::broken(0, Mutant::PoolUnbounded);
    let plan = Plan { mutant: None, pool_bytes: 48 * 1024, stories: 400, ..flood };
    let report = run(&plan).map_err(|failure| failure.violation).unwrap();
    assert!(report.rejected > 0 && report.applied > 0);
}

/// Runs that once broke a rule, each for its own reason; CHANGELOG.md and the unit tests beside the
/// repaired code tell of it.
const REGRESSIONS: [(u64, usize); 4] =
    [(1_000_301, 4), (1_001_311, 10), (1_004_561, 7), (2_019_799, 4)];

#[test]
fn seeds_that_once_broke_a_rule_hold() {
    for (seed, nodes) in REGRESSIONS {
        let _ = hold(seed..seed + 1, nodes);
    }
}

/// Not a fixed seed: another one each day, named where it fails.
#[test]
fn a_fresh_seed_holds() {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    let seed = since.map_or(0, |since| since.as_secs());
    println!("fresh seed {seed}");
    let _ = hold(seed..seed + 1, 4);
}

#[test]
fn every_mutant_is_caught() {
    for mutant in Mutant::ALL {
        let caught = hunt(mutant, 40);
        let Some((seed, violation)) = caught else { panic!("nobody noticed: {mutant}") };
        assert_eq!(violation.checker, mutant.checker());
        println!("{mutant}: seed {seed}, {violation}");
    }
}
