//! Steadiness: no honest machine ever stops itself, or fails to start on what it has stored.

use super::{Checker, Fact};

pub(super) struct Steady;

impl Checker for Steady {
    fn name(&self) -> &'static str {
        "steady"
    }

    fn hear(&mut self, fact: &Fact<'_>) -> Result<(), String> {
        match fact {
            Fact::Stopped { node, reason } => Err(format!("n{node} stopped: {reason}")),
            _ => Ok(()),
        }
    }
}
