//! Agreement: no two honest machines ever say that different blocks are final at one height.

use std::collections::BTreeMap;

use hefu_primitives::{BlockId, Height};

use super::{Checker, Fact};

#[derive(Default)]
pub(super) struct Agreement {
    decided: BTreeMap<Height, (usize, BlockId)>,
}

impl Agreement {
    fn decided(&mut self, node: usize, height: Height, block: BlockId) -> Result<(), String> {
        let (first, known) = *self.decided.entry(height).or_insert((node, block));
        if known == block {
            return Ok(());
        }
        Err(format!("height {height}: n{first} has {known}, n{node} has {block}"))
    }
}

impl Checker for Agreement {
    fn name(&self) -> &'static str {
        "agreement"
    }

    fn hear(&mut self, fact: &Fact<'_>) -> Result<(), String> {
        match fact {
            Fact::Committed { node, committed, .. } => {
                self.decided(*node, committed.tip.height, committed.tip.block)
            }
            Fact::Booted { node, tip, .. } => self.decided(*node, tip.height, tip.block),
            _ => Ok(()),
        }
    }
}
