//! Roots: executing all final blocks once more, from the genesis on an empty state with nothing
//! remembered, gives every outcome and every root that the headers name; at the end the map built
//! anew from all records has the last root, and every machine's records are those.

use std::collections::BTreeMap;
use std::sync::Arc;

use hefu_contracts::exec::{BlockInfo, execute_block};
use hefu_contracts::state::{MemoryState, is_proven};
use hefu_genesis::Genesis;
use hefu_node::core::StoredBlock;
use hefu_primitives::block::TxResult;
use hefu_primitives::log::{Frontier, leaf_hash};
use hefu_primitives::map::{AuthenticatedMap, path_of, value_hash};
use hefu_primitives::{Bundle, H32, Height, SignedTransaction};

use super::{Checker, End, Fact};
use crate::sim::memory::Remembers;

pub(super) struct StateRoot {
    genesis: Arc<Genesis>,
    blocks: BTreeMap<Height, Arc<StoredBlock>>,
}

impl StateRoot {
    pub(super) const fn new(genesis: Arc<Genesis>) -> Self {
        Self { genesis, blocks: BTreeMap::new() }
    }

    /// Executes everything; the state it ends with.
    fn execute(&self) -> Result<(MemoryState, H32), String> {
        let mut state = MemoryState::default();
        state.apply(&self.genesis.initial_writes());
        let mut log = Frontier::default();
        append(&mut log, &self.genesis.log_leaf());
        let mut root = rebuilt(&state);
        let mut map = AuthenticatedMap::new();
        map.update(changes(&state));
        for (height, stored) in &self.blocks {
            let header = &stored.block.header;
            let bundles: Result<Vec<_>, _> =
                stored.bundles.iter().map(|bytes| Bundle::decode(bytes)).collect();
            let bundles = bundles.map_err(|error| error.to_string())?;
            let transactions: Vec<&SignedTransaction> =
                bundles.iter().flat_map(Bundle::transactions).collect();
            let info = BlockInfo {
                chain: header.chain,
                height: *height,
                time: header.time,
                protocol: header.protocol,
                log_size: log.size(),
            };
            let evidence = &stored.block.evidence;
            let execution = execute_block(info, evidence, &transactions, &state, &Remembers);
            for (tx, outcome) in transactions.iter().zip(&execution.outcomes) {
                if matches!(outcome.result, TxResult::Applied { .. }) {
                    append(&mut log, tx.as_bytes());
                }
            }
            let proven = execution.writes.iter().filter(|(key, _)| is_proven(key));
            root = map.update(
                proven.map(|(key, value)| (path_of(key), value.as_deref().map(value_hash))),
            );
            state.apply(&execution.writes);
            let found = [
                ("outcomes", execution.outcomes == stored.outcomes),
                ("evidence", execution.evidence.is_ok()),
                ("state root", root == header.state_root),
                ("log root", log.root() == header.log_root && log.size() == header.log_size),
                ("parameters", execution.parameters == header.parameters),
            ];
            if let Some((what, _)) = found.iter().find(|(_, same)| !same) {
                return Err(format!("height {height}: executed again, it has another {what}"));
            }
        }
        Ok((state, root))
    }
}

fn append(log: &mut Frontier, leaf: &[u8]) {
    let appended = log.append(leaf_hash(leaf), &mut |_, _, _| {});
    debug_assert!(appended.is_ok());
}

fn changes(state: &MemoryState) -> Vec<(H32, Option<H32>)> {
    let proven = state.0.iter().filter(|(key, _)| is_proven(key));
    proven.map(|(key, value)| (path_of(key), Some(value_hash(value)))).collect()
}

fn rebuilt(state: &MemoryState) -> H32 {
    AuthenticatedMap::new().update(changes(state))
}

impl Checker for StateRoot {
    fn name(&self) -> &'static str {
        "state-root"
    }

    fn hear(&mut self, fact: &Fact<'_>) -> Result<(), String> {
        if let Fact::Final { stored } = fact {
            self.blocks.insert(stored.block.header.height, Arc::clone(stored));
        }
        Ok(())
    }

    fn finish(&mut self, end: &End<'_>) -> Result<(), String> {
        let (state, root) = self.execute()?;
        if rebuilt(&state) != root {
            return Err("the map built anew has another root".into());
        }
        let last = self.blocks.keys().last().copied().unwrap_or_default();
        for (node, machine) in end.honest() {
            let Some(core) = &machine.core else { continue };
            if core.ledger().tip().height != last {
                continue;
            }
            for (key, value) in &state.0 {
                let found = core.ledger().records().current(key).map_err(|e| e.to_string())?;
                if found.map(|(_, found)| found).as_ref() != Some(value) {
                    return Err(format!("n{node} lacks a record that execution makes"));
                }
            }
        }
        Ok(())
    }
}
