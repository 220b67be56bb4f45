//! An index in memory that counts what is asked of it.

use std::sync::atomic::{AtomicU64, Ordering};

use hefu_node::store::index::{MemoryIndex, Row, Write};
use hefu_node::store::{Index, StoreError};

/// What was asked of an index.
#[derive(Default)]
pub(crate) struct Counting {
    inner: MemoryIndex,
    pub(crate) rows_read: AtomicU64,
    pub(crate) rows_written: AtomicU64,
    pub(crate) row_bytes: AtomicU64,
}

fn add(to: &AtomicU64, count: usize) {
    to.fetch_add(count as u64, Ordering::Relaxed);
}

impl Index for Counting {
    fn height(&self) -> Result<u64, StoreError> {
        self.inner.height()
    }

    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        add(&self.rows_read, 1);
        self.inner.get(key)
    }

    fn scan(
        &self,
        from: &[u8],
        to: &[u8],
        limit: usize,
        reverse: bool,
    ) -> Result<Vec<Row>, StoreError> {
        let rows = self.inner.scan(from, to, limit, reverse)?;
        // A search that finds nothing costs one, too.
        add(&self.rows_read, rows.len().max(1));
        Ok(rows)
    }

    fn apply(&self, height: u64, batch: &[Write]) -> Result<(), StoreError> {
        add(&self.rows_written, batch.len());
        let bytes = |(key, value): &Write| key.len() + value.as_ref().map_or(0, Vec::len);
        add(&self.row_bytes, batch.iter().map(bytes).sum());
        self.inner.apply(height, batch)
    }

    fn checkpoint(&self) -> Result<(), StoreError> {
        self.inner.checkpoint()
    }

    fn wipe(&self) -> Result<(), StoreError> {
        self.inner.wipe()
    }
}
