//! Roots: executing all final blocks once more beside the machines ([`History`]) gives every outcome
//! and every root that the headers name, and the validators of every height; at the end the map
//! built anew from all records has the last root, and every machine's records are those.
//!
//! [`History`]: crate::sim::history::History

use hefu_contracts::StateView as _;
use hefu_node::core::reading;

use super::{Checker, End, Fact};

pub(super) struct StateRoot;

impl Checker for StateRoot {
    fn name(&self) -> &'static str {
        "state-root"
    }

    fn hear(&mut self, fact: &Fact<'_>) -> Result<(), String> {
        match fact {
            Fact::Final { executed: Err(what), .. } => Err(what.clone()),
            _ => Ok(()),
        }
    }

    fn finish(&mut self, end: &End<'_>) -> Result<(), String> {
        if !end.history.is_sound() {
            return Err("the map built anew has another root".into());
        }
        for (node, machine) in end.honest() {
            let Some(core) = &machine.core else { continue };
            if core.ledger().tip().height != end.history.height {
                continue;
            }
            for (key, value) in &end.history.state.0 {
                // As execution reads it: of some tables a node keeps no rows.
                let found = reading(|| core.ledger().records().get(key));
                if found.map_err(|error| error.to_string())?.as_ref() != Some(value) {
                    return Err(format!("n{node} lacks a record that execution makes"));
                }
            }
        }
        Ok(())
    }
}
