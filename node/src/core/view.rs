//! Reading records: now, or as they were after an earlier block.

use std::sync::Arc;

use hefu_contracts::StateView;
use hefu_primitives::Height;

use super::keys;
use crate::store::{Index, StoreError};

/// Reads records from the index.
#[derive(Clone)]
pub struct Records {
    index: Arc<dyn Index>,
}

/// A record and the height that wrote it.
type Written = (Height, Vec<u8>);

/// A record's key and value.
pub type Entry = (Vec<u8>, Vec<u8>);

impl Records {
    /// Over an index.
    pub fn new(index: Arc<dyn Index>) -> Self {
        Self { index }
    }

    /// The record now.
    ///
    /// # Errors
    /// Those of the store.
    pub fn current(&self, record: &[u8]) -> Result<Option<Written>, StoreError> {
        Ok(self.index.get(&keys::state(record))?.and_then(split))
    }

    /// The record after the block at `height`.
    ///
    /// # Errors
    /// Those of the store.
    pub fn at(&self, record: &[u8], height: Height) -> Result<Option<Written>, StoreError> {
        if let Some((written, value)) = self.current(record)?
            && written <= height
        {
            return Ok(Some((written, value)));
        }
        let from = keys::history(record, height.next());
        let to = keys::history(record, Height(u64::MAX));
        let replaced = self.index.scan(&from, &to, 1, false)?;
        let before = replaced.into_iter().next().and_then(|(_, value)| split(value));
        Ok(before.filter(|(written, _)| *written <= height))
    }

    /// The heights that wrote a record, oldest first.
    ///
    /// # Errors
    /// Those of the store.
    pub fn heights_of(&self, record: &[u8]) -> Result<Vec<Height>, StoreError> {
        let from = keys::history(record, Height(0));
        let to = keys::history(record, Height(u64::MAX));
        let replaced = self.index.scan(&from, &to, usize::MAX, false)?;
        let written = replaced.into_iter().filter_map(|(_, value)| split(value));
        let mut heights: Vec<Height> = written.map(|(height, _)| height).collect();
        heights.extend(self.current(record)?.map(|(height, _)| height));
        Ok(heights)
    }

    /// At most `limit` records with `from <= key < to`, as they are now.
    ///
    /// # Errors
    /// Those of the store.
    pub fn scan(&self, from: &[u8], to: &[u8], limit: usize) -> Result<Vec<Entry>, StoreError> {
        let found = self.index.scan(&keys::state(from), &keys::state(to), limit, false)?;
        let record =
            |(key, value): (Vec<u8>, Vec<u8>)| Some((key.get(1..)?.to_vec(), split(value)?.1));
        Ok(found.into_iter().filter_map(record).collect())
    }

    /// The index below.
    pub fn index(&self) -> &Arc<dyn Index> {
        &self.index
    }
}

/// The form a record is stored in.
pub fn join(height: Height, value: &[u8]) -> Vec<u8> {
    [&height.0.to_be_bytes()[..], value].concat()
}

fn split(stored: Vec<u8>) -> Option<Written> {
    let (height, value) = stored.split_first_chunk::<8>()?;
    Some((Height(u64::from_be_bytes(*height)), value.to_vec()))
}

/// Execution reads through this. It has no answer to a broken store: the process ends, and the
/// checks at the next start name what is wrong.
impl StateView for Records {
    fn get(&self, key: &[u8]) -> Option<Vec<u8>> {
        self.current(key).unwrap_or_else(|error| fail(&error)).map(|(_, value)| value)
    }

    fn scan(&self, from: &[u8], to: &[u8], limit: usize) -> Vec<(Vec<u8>, Vec<u8>)> {
        Records::scan(self, from, to, limit).unwrap_or_else(|error| fail(&error))
    }
}

/// The state after an earlier block, for queries.
pub struct RecordsAt {
    records: Records,
    height: Height,
}

impl RecordsAt {
    /// After the block at `height`.
    pub fn new(records: Records, height: Height) -> Self {
        Self { records, height }
    }

    /// The record then.
    ///
    /// # Errors
    /// Those of the store.
    pub fn get(&self, record: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        Ok(self.records.at(record, self.height)?.map(|(_, value)| value))
    }
}

fn fail(error: &StoreError) -> ! {
    tracing::error!(%error, "the store failed while a block was executed; stopping");
    panic!("store: {error}");
}
