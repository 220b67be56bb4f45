//! Leaves out of a failing run what its failure does not need: fewer faults, a simpler change of
//! validators or only its first stages, fewer liars, fewer stories, less time, as long as the same
//! checker still objects.

use super::plan::{Fault, Plan};
use super::registrar::Change;
use super::{Failure, run};

/// Runs tried at most.
const TRIES: usize = 120;

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
    smaller.extend(fewer_changes(plan));
    if plan.stories > 1 {
        smaller.push(Plan { stories: plan.stories / 2, ..plan.clone() });
    }
    if plan.fault_ms > 1_000 {
        smaller.push(Plan { fault_ms: plan.fault_ms / 2, ..plan.clone() });
    }
    smaller
}

/// The same with less of a change of validators: a key that is replaced instead of a province that
/// comes or goes, or not all stages.
fn fewer_changes(plan: &Plan) -> Vec<Plan> {
    let Some(change) = plan.change() else { return Vec::new() };
    let mut smaller = Vec::new();
    if change != Change::Rotate {
        let (change, stages) = (Change::Rotate, Change::Rotate.stages());
        smaller.push(Plan { change, stages, ..plan.clone() });
    }
    let stages = plan.stages.min(change.stages());
    if stages > 1 {
        smaller.push(Plan { stages: stages / 2, ..plan.clone() });
        smaller.push(Plan { stages: stages - 1, ..plan.clone() });
    }
    smaller
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sim::Mutant;

    fn failure(plan: Plan) -> Box<Failure> {
        run(&plan).expect_err("a broken machine that nobody notices")
    }

    /// A seed on which the mutant is caught although its plan has more in it than that needs.
    fn crowded(mutant: Mutant, change: Change) -> Box<Failure> {
        let more = [Fault::Membership, Fault::Duplicates, Fault::Skew];
        let plans = (0..40).map(|seed| {
            let plan = Plan { change, stages: change.stages(), ..Plan::broken(seed, mutant) };
            let faults = plan.faults.iter().copied().chain(more).collect();
            Plan { faults, ..plan }
        });
        plans.into_iter().find_map(|plan| run(&plan).err()).expect("caught on some seed")
    }

    #[test]
    fn a_change_that_a_failure_does_not_need_is_left_out() {
        let shrunk = shrink(crowded(Mutant::CommitsUnasked, Change::Join));
        assert_eq!(shrunk.violation.checker, "validity");
        assert_eq!(shrunk.plan.faults.len(), 0, "{}", shrunk.plan);
        assert_eq!(failure(shrunk.plan.clone()).violation, shrunk.violation);
    }

    #[test]
    fn a_change_that_a_failure_needs_stays() {
        let shrunk = shrink(crowded(Mutant::SetsLate, Change::Join));
        assert_eq!(shrunk.violation.checker, "validity");
        let faults: Vec<Fault> = shrunk.plan.faults.iter().copied().collect();
        assert_eq!(faults, [Fault::Membership], "{}", shrunk.plan);
    }
}
