//! Liveness: some time after the last fault every transaction has an outcome, and all honest
//! machines stand at the same height.

use super::{Checker, Fact};

pub(super) struct Liveness;

impl Checker for Liveness {
    fn name(&self) -> &'static str {
        "liveness"
    }

    fn hear(&mut self, fact: &Fact<'_>) -> Result<(), String> {
        match fact {
            Fact::TimeUp { heights, unsettled } => {
                let heights: Vec<String> = heights
                    .iter()
                    .map(|height| height.map_or("down".into(), |height| height.to_string()))
                    .collect();
                let heights = heights.join(" ");
                Err(format!("{unsettled} transactions have no outcome; heights {heights}"))
            }
            _ => Ok(()),
        }
    }
}
