//! The hunt: inputs from samples, guided by what the decoder says of them.

use std::collections::BTreeSet;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::{Duration, Instant};

use crate::corpus;
use crate::mutate::{Rng, mutate};
use crate::targets::{Said, Target};

/// Most inputs that are held for further changes.
const MAX_POOL: usize = 4_096;
/// Changes tried to make a failing input smaller.
const SHRINKING: usize = 2_000;

/// When a hunt ends.
#[derive(Clone, Copy, Debug)]
pub enum Until {
    /// After so many inputs.
    Inputs(u64),
    /// After so long.
    Time(Duration),
}

/// What a hunt found.
#[derive(Clone, Debug)]
pub struct Found {
    /// Inputs tried.
    pub inputs: u64,
    /// Different answers of the decoder.
    pub answers: usize,
    /// Inputs that got a new answer, in order.
    pub new: Vec<Vec<u8>>,
    /// The input that took longest, and how long.
    pub slowest: (Duration, Vec<u8>),
    /// An input that broke a rule, as small as it was made.
    pub broken: Option<Vec<u8>>,
}

/// What a target says of an input; none when it panics.
pub fn ask(target: &Target, input: &[u8]) -> Option<Said> {
    catch_unwind(AssertUnwindSafe(|| (target.run)(input))).ok()
}

/// Hunts with a seed.
pub fn hunt(target: &Target, seed: u64, until: Until) -> Found {
    let mut rng = Rng::new(seed);
    let mut pool: Vec<Vec<u8>> = (target.seeds)();
    pool.extend(corpus::kept(target.name));
    let mut found = Found {
        inputs: 0,
        answers: 0,
        new: Vec::new(),
        slowest: (Duration::ZERO, Vec::new()),
        broken: None,
    };
    let mut answers: BTreeSet<Said> = BTreeSet::new();
    let (begin, samples) = (Instant::now(), pool.clone());
    let mut first = samples.iter().cloned();
    loop {
        let over = match until {
            Until::Inputs(most) => found.inputs >= most,
            Until::Time(longest) => begin.elapsed() >= longest,
        };
        let sample = first.next();
        if over && sample.is_none() {
            break;
        }
        let input = sample.unwrap_or_else(|| {
            // What is newest has been changed least: half of the time it is one of those.
            let recent = pool.len().saturating_sub(32);
            let place = match rng.below(2) {
                0 => recent + rng.below(pool.len() - recent),
                _ => rng.below(pool.len()),
            };
            mutate(&pool[place], &pool, &mut rng)
        });
        found.inputs += 1;
        let asked = Instant::now();
        let Some(said) = ask(target, &input) else {
            found.broken = Some(shrink(target, input));
            break;
        };
        if asked.elapsed() > found.slowest.0 {
            found.slowest = (asked.elapsed(), input.clone());
        }
        if answers.insert(said) {
            if pool.len() >= MAX_POOL {
                let place = rng.below(pool.len());
                pool.swap_remove(place);
            }
            pool.push(input.clone());
            if !samples.contains(&input) {
                found.new.push(input);
            }
        }
    }
    found.answers = answers.len();
    found
}

/// A smaller input that breaks a rule too.
fn shrink(target: &Target, mut input: Vec<u8>) -> Vec<u8> {
    let (mut part, mut tries) = (input.len() / 2, 0);
    while part > 0 && tries < SHRINKING {
        let mut from = 0;
        while from < input.len() && tries < SHRINKING {
            let mut less = input.clone();
            less.drain(from..(from + part).min(less.len()));
            tries += 1;
            match ask(target, &less) {
                None => input = less,
                Some(_) => from += part,
            }
        }
        part /= 2;
    }
    input
}
