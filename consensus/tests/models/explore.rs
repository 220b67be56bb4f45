//! Breadth first over everything that can happen. A subject need not be copied: it is made again
//! and led along the steps that lead to a state. Two states are the same when their fingerprints
//! are.

use std::collections::{BTreeSet, VecDeque};
use std::fmt::Debug;

/// Something that takes steps.
pub(crate) trait Subject {
    /// One thing that can happen.
    type Step: Clone + Debug;

    /// What can happen now.
    fn steps(&self) -> Vec<Self::Step>;

    /// Lets it happen; an error says which rule is broken.
    fn take(&mut self, step: &Self::Step) -> Result<(), String>;

    /// Everything that later behaviour depends on.
    fn fingerprint(&self) -> [u8; 32];

    /// Whether something that was waited for has happened, for the count.
    fn has_committed(&self) -> bool;
}

/// What was searched.
#[derive(Clone, Copy, Debug, Default)]
#[allow(dead_code)] // read by people, through Debug
pub(crate) struct Found {
    /// Different states.
    pub(crate) states: usize,
    /// Steps taken.
    pub(crate) steps: usize,
    /// Longest way to a new state.
    pub(crate) depth: usize,
    /// States in which the decision was committed.
    pub(crate) commits: usize,
    /// Whether every order up to the depth was tried.
    pub(crate) whole: bool,
}

/// The way to a broken rule, and the rule.
pub(crate) type Violation<S> = (Vec<<S as Subject>::Step>, String);

/// Searches up to `depth` steps and at most `bound` states.
pub(crate) fn explore<S: Subject>(
    start: impl Fn() -> S,
    depth: usize,
    bound: usize,
) -> Result<Found, Violation<S>> {
    let mut found = Found { whole: true, ..Found::default() };
    let mut seen = BTreeSet::from([start().fingerprint()]);
    let mut waiting: VecDeque<Vec<S::Step>> = VecDeque::from([Vec::new()]);
    let led = |path: &[S::Step]| {
        let mut subject = start();
        for step in path {
            // It went well before.
            let _ = subject.take(step);
        }
        subject
    };
    while let Some(path) = waiting.pop_front() {
        for step in led(&path).steps() {
            let mut subject = led(&path);
            let mut longer = path.clone();
            longer.push(step.clone());
            found.steps += 1;
            if let Err(what) = subject.take(&step) {
                return Err((longer, what));
            }
            if !seen.insert(subject.fingerprint()) {
                continue;
            }
            found.states += 1;
            found.commits += usize::from(subject.has_committed());
            found.depth = longer.len();
            if seen.len() >= bound {
                return Ok(Found { whole: false, ..found });
            }
            if longer.len() < depth {
                waiting.push_back(longer);
            }
        }
    }
    Ok(found)
}
