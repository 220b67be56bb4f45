//! The final blocks executed once more beside all machines, from the genesis on an empty state with
//! nothing of theirs: what every header must say, and who decides which height.

use std::collections::BTreeMap;
use std::sync::Arc;

use hefu_contracts::exec::{BlockInfo, VALIDATORS, execute_block};
use hefu_contracts::state::{MemoryState, is_proven};
use hefu_genesis::Genesis;
use hefu_node::core::StoredBlock;
use hefu_primitives::block::TxResult;
use hefu_primitives::log::{Frontier, leaf_hash};
use hefu_primitives::map::{AuthenticatedMap, path_of, value_hash};
use hefu_primitives::{Bundle, H32, Height, SignedTransaction, ValidatorSet};

use super::memory::Remembers;

/// An execution of our own.
pub(crate) struct History {
    /// Every record.
    pub(crate) state: MemoryState,
    /// Root of the authenticated map.
    pub(crate) root: H32,
    /// The last height.
    pub(crate) height: Height,
    map: AuthenticatedMap,
    log: Frontier,
    /// Who decides each height.
    sets: BTreeMap<Height, ValidatorSet>,
}

impl History {
    /// The history that begins with a genesis.
    pub(crate) fn new(genesis: &Arc<Genesis>) -> Self {
        let (mut state, mut map) = (MemoryState::default(), AuthenticatedMap::new());
        state.apply(&genesis.initial_writes());
        let root = map.update(changes(&state));
        let mut log = Frontier::default();
        append(&mut log, &genesis.log_leaf());
        let sets = BTreeMap::from([(Height(1), genesis.validators().clone())]);
        Self { state, root, height: Height(0), map, log, sets }
    }

    /// The validators of a height; none of one that lies ahead.
    pub(crate) fn validators(&self, height: Height) -> Option<&ValidatorSet> {
        self.sets.get(&height)
    }

    /// Goes on by a block.
    ///
    /// # Errors
    /// What of the block is not what its execution gives.
    pub(crate) fn go_on(&mut self, stored: &StoredBlock) -> Result<(), String> {
        let (header, height) = (&stored.block.header, stored.block.header.height);
        let bundles: Result<Vec<_>, _> =
            stored.bundles.iter().map(|bytes| Bundle::decode(bytes)).collect();
        let bundles = bundles.map_err(|error| error.to_string())?;
        let transactions: Vec<&SignedTransaction> =
            bundles.iter().flat_map(Bundle::transactions).collect();
        let info = BlockInfo {
            chain: header.chain,
            height,
            time: header.time,
            protocol: header.protocol,
            log_size: self.log.size(),
            parent: header.parent,
        };
        let evidence = &stored.block.evidence;
        let execution = execute_block(info, evidence, &transactions, &self.state, &Remembers);
        for (tx, outcome) in transactions.iter().zip(&execution.outcomes) {
            if matches!(outcome.result, TxResult::Applied { .. }) {
                append(&mut self.log, tx.as_bytes());
            }
        }
        let proven = execution.writes.iter().filter(|(key, _)| is_proven(key));
        let leaf = |(key, value): (&Vec<u8>, &Option<Vec<u8>>)| {
            (path_of(key), value.as_deref().map(value_hash))
        };
        self.root = self.map.update(proven.map(leaf).collect::<Vec<_>>());
        self.state.apply(&execution.writes);
        self.height = height;
        let deciding = self.sets.get(&height).map(ValidatorSet::hash);
        let next = self.next_set(height);
        let found = [
            ("outcomes", execution.outcomes == stored.outcomes),
            ("state root", self.root == header.state_root),
            ("log root", self.log.root() == header.log_root && self.log.size() == header.log_size),
            ("parameters", execution.parameters == header.parameters),
            ("validators", deciding == Some(header.validators)),
            ("next validators", next == Some(header.next_validators)),
        ];
        match found.iter().find(|(_, same)| !same) {
            Some((what, _)) => {
                Err(format!("height {height}: executed again, it has another {what}"))
            }
            None => Ok(()),
        }
    }

    /// Notes who decides the next height; their hash.
    fn next_set(&mut self, height: Height) -> Option<H32> {
        let next = VALIDATORS.read(&self.state, &())?.next;
        let hash = next.hash();
        self.sets.insert(height.next(), next);
        Some(hash)
    }

    /// The map built anew from all records has the same root.
    pub(crate) fn is_sound(&self) -> bool {
        AuthenticatedMap::new().update(changes(&self.state)) == self.root
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
