//! Exactly once: a transaction is applied at one place of the log at most; what a client was told
//! is applied is there, at the height it was told; and every machine that has that height says so.

use std::collections::BTreeMap;

use hefu_primitives::block::TxResult;
use hefu_primitives::{Height, TxId};

use super::{Checker, End, Fact};

#[derive(Default)]
pub(super) struct ExactlyOnce {
    applied: BTreeMap<TxId, (Height, u64)>,
    told: BTreeMap<TxId, Height>,
    submitted: Vec<TxId>,
}

impl Checker for ExactlyOnce {
    fn name(&self) -> &'static str {
        "exactly-once"
    }

    fn hear(&mut self, fact: &Fact<'_>) -> Result<(), String> {
        match fact {
            Fact::Submitted { tx } => self.submitted.push(tx.id()),
            Fact::Acknowledged { tx, height } => {
                self.told.insert(*tx, *height);
            }
            Fact::Final { stored, .. } => {
                let height = stored.block.header.height;
                for outcome in &stored.outcomes {
                    let (TxResult::Applied { leaf }, tx) = (outcome.result, outcome.tx) else {
                        continue;
                    };
                    if let Some((first, _)) = self.applied.insert(tx, (height, leaf)) {
                        return Err(format!("{tx} is applied at {first} and at {height}"));
                    }
                }
            }
            _ => {}
        }
        Ok(())
    }

    fn finish(&mut self, end: &End<'_>) -> Result<(), String> {
        for (tx, height) in &self.told {
            match self.applied.get(tx) {
                Some((found, _)) if found == height => {}
                Some((found, _)) => {
                    return Err(format!("{tx} was told to be at {height} and is at {found}"));
                }
                None => return Err(format!("{tx} was told to be at {height} and is nowhere")),
            }
        }
        for (node, machine) in end.honest() {
            let Some(core) = &machine.core else { continue };
            for tx in &self.submitted {
                let position = core.ledger().position(tx).map_err(|error| error.to_string())?;
                let result = position.map(|position| (position.height, position.result));
                let tip = core.ledger().tip().height;
                let expected = self.applied.get(tx).filter(|(height, _)| *height <= tip);
                let good = match (expected, result) {
                    (Some((height, leaf)), found) => {
                        found == Some((*height, TxResult::Applied { leaf: *leaf }))
                    }
                    (None, Some((_, TxResult::Applied { .. }))) => false,
                    (None, _) => true,
                };
                if !good {
                    return Err(format!("n{node} says of {tx}: {result:?}, not {expected:?}"));
                }
            }
        }
        Ok(())
    }
}
