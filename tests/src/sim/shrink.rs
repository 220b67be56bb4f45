//! Leaves out of a failing run what its failure does not need: fewer faults, fewer stories, less
//! time, as long as the same checker still objects.

use super::plan::Fault;
use super::{Failure, Plan, run};

/// Runs tried at most.
const TRIES: usize = 80;

/// The smallest failing plan found, and its failure.
pub fn shrink(failure: Box<Failure>) -> Box<Failure> {
    let mut best = failure;
    let mut tries = 0;
    loop {
        let smaller = candidates(&best.plan).into_iter().find_map(|plan| {
            tries += 1;
            let found = if tries > TRIES { None } else { run(&plan).err() };
            found.filter(|found| found.violation.checker == best.violation.checker)
        });
        match smaller {
            Some(smaller) => best = smaller,
            None => return best,
        }
    }
}

/// Plans with one thing less.
fn candidates(plan: &Plan) -> Vec<Plan> {
    let mut smaller: Vec<Plan> =
        plan.faults.iter().map(|fault: &Fault| plan.clone().without(&[*fault])).collect();
    if plan.stories > 1 {
        smaller.push(Plan { stories: plan.stories / 2, ..plan.clone() });
    }
    if plan.fault_ms > 1_000 {
        smaller.push(Plan { fault_ms: plan.fault_ms / 2, ..plan.clone() });
    }
    smaller
}
