//! A short hunt over every target, the whole corpus, and the proof that the hunt finds what is there.

use std::collections::BTreeSet;

use hefu_fuzz::corpus;
use hefu_fuzz::hunt::{Until, ask, hunt};
use hefu_fuzz::targets::{Said, TARGETS, Target};

/// Inputs for each target; `HEFU_FUZZ_INPUTS` asks for more.
const INPUTS: u64 = 4_000;
/// The seed; `HEFU_FUZZ_SEED` is another.
const SEED: u64 = 20_261_122;

fn number(name: &str, or: u64) -> u64 {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(or)
}

#[test]
fn no_target_breaks_a_rule() {
    let (seed, inputs) = (number("HEFU_FUZZ_SEED", SEED), number("HEFU_FUZZ_INPUTS", INPUTS));
    println!("HEFU_FUZZ_SEED={seed} HEFU_FUZZ_INPUTS={inputs}");
    for target in TARGETS {
        // Whole documents are costly to judge.
        let inputs = if target.name.starts_with("genesis") { inputs / 20 } else { inputs };
        let found = hunt(target, seed, Until::Inputs(inputs));
        let broken = found
            .broken
            .map(|input| input.iter().map(|byte| format!("{byte:02x}")).collect::<String>());
        assert_eq!(broken, None, "{} with seed {seed}", target.name);
        assert!(found.answers > 3, "{}: {} answers", target.name, found.answers);
        println!("{}: {} inputs, {} answers", target.name, found.inputs, found.answers);
    }
}

/// Samples are real: the target does not refuse all of them with one answer, and each kind of act
/// is among those that were kept.
#[test]
fn samples_and_corpus_hold() {
    for target in TARGETS {
        let samples = (target.seeds)();
        assert!(!samples.is_empty(), "{}", target.name);
        for input in samples.iter().chain(&corpus::kept(target.name)) {
            assert!(ask(target, input).is_some(), "{}: {} bytes", target.name, input.len());
        }
    }
    let decoded = corpus::kept("act")
        .into_iter()
        .filter_map(|act| hefu_contracts::Act::decode(&act).ok().map(|act| act.name()));
    let named: BTreeSet<&str> = decoded.collect();
    let missing: Vec<_> =
        hefu_contracts::Act::NAMES.iter().filter(|name| !named.contains(**name)).collect();
    assert_eq!(missing, Vec::<&&str>::new());
}

/// Reads `[n, [bytes…]]` and forgets what a careful decoder does not.
fn careless(bytes: &[u8]) -> Said {
    let [0x82, number, 0x81, head, inner @ ..] = bytes else {
        return Said(bytes.len().min(4) as u64);
    };
    let length = usize::from(head & 31);
    if head >> 5 != 2 || inner.len() < length {
        return Said(10);
    }
    // A number that its writer never makes, with something inside.
    assert!(*number < 24 || length < 2, "found");
    Said(100 + u64::from(*number))
}

fn samples() -> Vec<Vec<u8>> {
    vec![vec![0x82, 1, 0x81, 0x43, 1, 2, 3]]
}

#[test]
fn the_hunt_finds_what_is_there_and_makes_it_small() {
    let target = Target { name: "careless", run: careless, seeds: samples };
    let found = hunt(&target, SEED, Until::Inputs(20_000));
    let broken = found.broken.expect("a broken input");
    assert!(broken.len() <= 7, "{broken:x?}");
    assert_eq!(ask(&target, &broken), None);
    let again = hunt(&target, SEED, Until::Inputs(20_000));
    assert_eq!((again.broken, again.inputs), (Some(broken), found.inputs), "from the seed alone");
}
