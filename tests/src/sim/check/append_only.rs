//! The log only grows: what a machine has said is final is there after every crash, one height
//! follows the other, and every later log continues every earlier one.

use std::collections::BTreeMap;

use hefu_node::core::runs::IndexLog;
use hefu_primitives::log::{LogHead, consistency_proof};
use hefu_primitives::{H32, Height};

use super::{Checker, End, Fact};

#[derive(Default)]
pub(super) struct AppendOnly {
    /// The last height that each machine has called final.
    final_at: BTreeMap<usize, Height>,
    /// Size and root of the log after each height.
    heads: BTreeMap<Height, (u64, H32)>,
}

impl Checker for AppendOnly {
    fn name(&self) -> &'static str {
        "append-only"
    }

    fn hear(&mut self, fact: &Fact<'_>) -> Result<(), String> {
        match fact {
            Fact::Committed { node, committed, .. } => {
                let tip = &committed.tip;
                let before = self.final_at.insert(*node, tip.height);
                self.heads.insert(tip.height, (tip.log_size, tip.log_root));
                match before {
                    Some(before) if tip.height != before.next() => {
                        Err(format!("n{node} goes from height {before} to {}", tip.height))
                    }
                    _ => Ok(()),
                }
            }
            Fact::Booted { node, tip, lost_blocks } => {
                let before = self.final_at.insert(*node, tip.height).unwrap_or_default();
                if tip.height < before && !lost_blocks {
                    return Err(format!(
                        "n{node} said that height {before} is final and starts with {}",
                        tip.height
                    ));
                }
                Ok(())
            }
            _ => Ok(()),
        }
    }

    fn finish(&mut self, end: &End<'_>) -> Result<(), String> {
        for (node, machine) in end.honest() {
            let Some(core) = &machine.core else { continue };
            let tip = core.ledger().tip();
            let index = core.ledger().records().index();
            let new = LogHead { size: tip.log_size, root: tip.log_root };
            for (height, (size, root)) in self.heads.range(..tip.height) {
                let old = LogHead { size: *size, root: *root };
                let proof = consistency_proof(&IndexLog(index.as_ref()), old.size, new.size);
                let proven = proof.is_ok_and(|proof| proof.verify(old, new).is_ok());
                if !proven {
                    return Err(format!("n{node}: its log does not continue that of {height}"));
                }
            }
        }
        Ok(())
    }
}
