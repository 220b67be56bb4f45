//! The six scenarios of the programme, each defined once: who types which command in which province,
//! and what must come of it.
//!
//! A step is a real command of `hefu`. The demonstration plays it with commands of its own program
//! against its four nodes, a test plays the same against four processes; both go through
//! [`play::play`]. Texts are the catalogue's: `scene-NAME` about a scenario, `scene-NAME-STEP` about
//! a step, and `scene-NAME-STEP-then` about what came of it, where there is something to say.
//!
//! Holes in a command: `{today}` and `{start}` (the day on which the licences of the scenario began), and
//! whatever an earlier step kept of its answer.

mod cast;
mod certificates;
mod exchange;
mod keys;
pub mod play;
mod props;

use hefu_primitives::Region;
use hefu_primitives::time::Day;

pub use props::Prop;

/// A scenario.
#[derive(Debug)]
pub struct Scenario {
    /// Its name on the command line.
    pub name: &'static str,
    /// What happens, in order.
    pub steps: &'static [Step],
    /// The files that lie ready when it begins.
    props: fn(Day) -> Vec<Prop>,
}

/// One command, and what must come of it.
#[derive(Debug)]
pub struct Step {
    /// Its name in the scenario.
    pub key: &'static str,
    /// The province whose operator types it.
    pub at: Region,
    /// The command, without `hefu`.
    pub command: &'static str,
    /// How it must end.
    pub ends: Ends,
    /// Whether people are shown its output: it changes nothing.
    pub is_look: bool,
    /// What its answer must say, by JSON pointer.
    pub wants: &'static [(&'static str, Want)],
    /// What later steps need of its answer: name and JSON pointer.
    pub keeps: &'static [(&'static str, &'static str)],
}

/// How a command ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ends {
    /// With this exit code, and an answer.
    With(i32),
    /// With a fault of this code.
    Refused(&'static str),
}

/// What an answer must say in one place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Want {
    /// This text.
    Text(&'static str),
    /// This number, written as one or as a text.
    Number(u64),
    /// Yes or no.
    Yes(bool),
    /// Nothing.
    Nothing,
    /// A list of so many.
    Count(usize),
    /// A list with this text in it.
    Has(&'static str),
}

/// A command that changes something.
const fn act(key: &'static str, at: Region, command: &'static str) -> Step {
    Step { key, at, command, ends: Ends::With(0), is_look: false, wants: &[], keeps: &[] }
}

/// A command that only looks.
const fn look(key: &'static str, at: Region, command: &'static str) -> Step {
    Step { is_look: true, ..act(key, at, command) }
}

impl Step {
    const fn ends(self, ends: Ends) -> Self {
        Self { ends, ..self }
    }

    const fn wants(self, wants: &'static [(&'static str, Want)]) -> Self {
        Self { wants, ..self }
    }

    const fn keeps(self, keeps: &'static [(&'static str, &'static str)]) -> Self {
        Self { keeps, ..self }
    }
}

/// Where the flags of an act stand in its answer.
const FLAGS: &str = "/events/0/flags";

/// All of them, in the order in which `all` plays them.
pub static ALL: [Scenario; 6] = [
    Scenario {
        name: "licence-suspended",
        steps: certificates::LICENCE_SUSPENDED,
        props: certificates::driving_licence,
    },
    Scenario {
        name: "false-refusal",
        steps: certificates::FALSE_REFUSAL,
        props: certificates::food_licence,
    },
    Scenario {
        name: "household-move",
        steps: exchange::HOUSEHOLD_MOVE,
        props: exchange::move_papers,
    },
    Scenario {
        name: "data-request",
        steps: exchange::DATA_REQUEST,
        props: exchange::request_papers,
    },
    Scenario {
        name: "key-compromise",
        steps: keys::KEY_COMPROMISE,
        props: keys::transport_certificates,
    },
    Scenario {
        name: "retroactive-annulment",
        steps: certificates::RETROACTIVE_ANNULMENT,
        props: certificates::annulled_licence,
    },
];

/// The scenario of a name.
pub fn find(name: &str) -> Option<&'static Scenario> {
    ALL.iter().find(|scenario| scenario.name == name)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::text::{Lang, find as text_of};

    #[test]
    fn every_scenario_and_step_has_its_texts() {
        for scenario in &ALL {
            let keys: BTreeSet<&str> = scenario.steps.iter().map(|step| step.key).collect();
            assert_eq!(keys.len(), scenario.steps.len(), "{}: a step's name twice", scenario.name);
            for lang in Lang::ALL {
                let title = format!("scene-{}", scenario.name);
                assert!(text_of(lang, &title).is_some(), "{title}");
                for step in scenario.steps {
                    let key = format!("{title}-{}", step.key);
                    assert!(text_of(lang, &key).is_some(), "{key}");
                }
            }
        }
    }

    #[test]
    fn no_file_of_one_scenario_is_anothers() {
        let today: Day = "2026-11-22".parse().unwrap();
        let mut names = BTreeSet::new();
        for scenario in &ALL {
            for prop in (scenario.props)(today) {
                assert!(!prop.bytes.is_empty());
                assert!(names.insert(prop.name.clone()), "{} twice", prop.name);
            }
        }
    }

    /// What a command names in braces was kept by a step before it.
    #[test]
    fn holes_are_filled_by_what_came_before() {
        for scenario in &ALL {
            let mut known: BTreeSet<&str> = ["today", "start"].into();
            for step in scenario.steps {
                let mut rest = step.command;
                while let Some((_, after)) = rest.split_once('{') {
                    let (hole, after) = after.split_once('}').unwrap();
                    assert!(known.contains(hole), "{}: {}: {hole}", scenario.name, step.key);
                    rest = after;
                }
                known.extend(step.keeps.iter().map(|(name, _)| *name));
            }
        }
    }
}
