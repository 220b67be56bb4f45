//! The index as an ordered map in memory: for tests and the simulator, and the model that the
//! engines are compared with.

use std::collections::BTreeMap;
use std::sync::{RwLock, RwLockReadGuard, RwLockWriteGuard};

use super::{Index, Range, Row, StoreError, Write, check_batch, check_height, collect};

/// An index that is lost when it is dropped.
#[derive(Debug, Default)]
pub struct MemoryIndex {
    state: RwLock<State>,
}

#[derive(Debug, Default)]
struct State {
    height: u64,
    rows: BTreeMap<Vec<u8>, Vec<u8>>,
}

impl MemoryIndex {
    /// An empty index.
    pub fn new() -> Self {
        Self::default()
    }

    fn read(&self) -> RwLockReadGuard<'_, State> {
        self.state.read().expect("no holder of the memory index panics")
    }

    fn write(&self) -> RwLockWriteGuard<'_, State> {
        self.state.write().expect("no holder of the memory index panics")
    }
}

impl Index for MemoryIndex {
    fn height(&self) -> Result<u64, StoreError> {
        Ok(self.read().height)
    }

    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        Ok(self.read().rows.get(key).cloned())
    }

    fn scan(
        &self,
        from: &[u8],
        to: &[u8],
        limit: usize,
        reverse: bool,
    ) -> Result<Vec<Row>, StoreError> {
        let Some(range) = Range::of_scan(from, to, limit)? else { return Ok(Vec::new()) };
        let state = self.read();
        let rows = state.rows.range::<[u8], _>(range.bounds());
        collect(rows.map(|(key, value)| Ok((key.clone(), value.clone()))), limit, reverse)
    }

    fn apply(&self, height: u64, batch: &[Write]) -> Result<(), StoreError> {
        let batch = check_batch(batch)?;
        let mut state = self.write();
        check_height(state.height, height)?;
        for (key, value) in batch {
            match value {
                Some(value) => state.rows.insert(key.to_vec(), value.to_vec()),
                None => state.rows.remove(key),
            };
        }
        state.height = height;
        Ok(())
    }

    fn checkpoint(&self) -> Result<(), StoreError> {
        Ok(())
    }

    fn wipe(&self) -> Result<(), StoreError> {
        *self.write() = State::default();
        Ok(())
    }
}
