//! The key-value index in memory, which a crash takes back to an earlier height: what a checkpoint
//! did not cover is gone, batch by batch, as the index promises.
//!
//! Mutants lose rows on the way in, or answer with what was.

use std::sync::{Mutex, MutexGuard, PoisonError};

use hefu_contracts::certificate::records::ATTESTATIONS;
use hefu_contracts::exec::VALIDATORS;
use hefu_node::core::keys;
use hefu_node::store::index::{MemoryIndex, Row, Write};
use hefu_node::store::{Index, StoreError};

use super::rng::Rng;

/// What a mutant's index does wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Leak {
    /// Forgets the ids of committed transactions.
    Seen,
    /// Forgets attestations, of every second height.
    Attestations,
    /// Answers with the validator sets as they were a height before.
    OldSets,
}

/// An index with its history of batches.
pub(crate) struct SimIndex {
    inner: Mutex<Inner>,
    leak: Option<Leak>,
}

#[derive(Default)]
struct Inner {
    memory: MemoryIndex,
    journal: Vec<(u64, Vec<Write>)>,
    /// The validator sets before the last batch.
    old_sets: Option<Vec<u8>>,
}

impl SimIndex {
    pub(crate) fn new(leak: Option<Leak>) -> Self {
        Self { inner: Mutex::default(), leak }
    }

    /// The index as a crash leaves it: some prefix of its batches.
    pub(crate) fn after_crash(&self, rng: &mut Rng) -> Self {
        let inner = self.inner();
        let kept = match rng.below(3) {
            0 => 0,
            1 => inner.journal.len(),
            _ => rng.place(inner.journal.len() + 1),
        };
        let index = Self::new(None);
        for (height, batch) in &inner.journal[..kept] {
            // These batches were taken once: they are taken again.
            let _ = index.apply(*height, batch);
        }
        Self { leak: self.leak, ..index }
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn loses(&self, height: u64, key: &[u8]) -> bool {
        let table = match self.leak {
            None | Some(Leak::OldSets) => return false,
            Some(Leak::Seen) => return height > 0 && key.starts_with(b"t"),
            Some(Leak::Attestations) if height % 2 == 1 => ATTESTATIONS.prefix(),
            Some(Leak::Attestations) => return false,
        };
        height > 0 && key.starts_with(&keys::state(&[table]))
    }
}

/// Where the index has the validator sets.
fn sets() -> Vec<u8> {
    keys::state(&VALIDATORS.key(&()))
}

impl Index for SimIndex {
    fn height(&self) -> Result<u64, StoreError> {
        self.inner().memory.height()
    }

    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        let inner = self.inner();
        if self.leak == Some(Leak::OldSets) && key == sets() && inner.old_sets.is_some() {
            return Ok(inner.old_sets.clone());
        }
        inner.memory.get(key)
    }

    fn scan(
        &self,
        from: &[u8],
        to: &[u8],
        limit: usize,
        reverse: bool,
    ) -> Result<Vec<Row>, StoreError> {
        self.inner().memory.scan(from, to, limit, reverse)
    }

    fn apply(&self, height: u64, batch: &[Write]) -> Result<(), StoreError> {
        let kept = batch.iter().filter(|(key, _)| !self.loses(height, key)).cloned();
        let batch: Vec<Write> = kept.collect();
        let mut inner = self.inner();
        inner.old_sets = inner.memory.get(&sets())?;
        inner.memory.apply(height, &batch)?;
        inner.journal.push((height, batch));
        Ok(())
    }

    fn checkpoint(&self) -> Result<(), StoreError> {
        Ok(())
    }

    fn wipe(&self) -> Result<(), StoreError> {
        *self.inner() = Inner::default();
        Ok(())
    }
}
