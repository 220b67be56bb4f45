//! Reading records: now, or as they were after an earlier block.

use std::cell::RefCell;
use std::collections::HashSet;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::Arc;

use hefu_contracts::StateView;
use hefu_primitives::codec::Canonical;
use hefu_primitives::{Height, TxId};

use super::keys;
use super::presence::Presence;
use super::records::Position;
use crate::store::{EngineFault, Index, StoreError};

/// Rows read from the index at a time.
const SCAN_PAGE: usize = 4_096;

/// Reads records from the index.
#[derive(Clone)]
pub struct Records {
    index: Arc<dyn Index>,
    presence: Option<Arc<Presence>>,
}

/// A record and the height that wrote it.
type Written = (Height, Vec<u8>);

/// A record's key and value.
pub type Entry = (Vec<u8>, Vec<u8>);

impl Records {
    /// Over an index.
    pub fn new(index: Arc<dyn Index>) -> Self {
        Self { index, presence: None }
    }

    /// Over an index of which all records, and all that will be written, are noted.
    pub(super) fn noted(index: Arc<dyn Index>, presence: Presence) -> Self {
        Self { index, presence: Some(Arc::new(presence)) }
    }

    /// Whether a record certainly is not there, as far as memory tells.
    pub fn lacks(&self, record: &[u8]) -> bool {
        self.presence().is_some_and(|presence| presence.lacks(record))
    }

    /// What is noted of them.
    pub(super) fn presence(&self) -> Option<&Presence> {
        self.presence.as_deref()
    }

    /// The record now.
    ///
    /// # Errors
    /// Those of the store.
    pub fn current(&self, record: &[u8]) -> Result<Option<Written>, StoreError> {
        if self.lacks(record) {
            return Ok(None);
        }
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
        // The current one first: a commit in between moves it into the history, where it is found
        // again, and not out of sight.
        let current = self.current(record)?.map(|(height, _)| height);
        let from = keys::history(record, Height(0));
        let to = keys::history(record, Height(u64::MAX));
        let replaced = self.rows(from, &to, usize::MAX)?;
        let written = replaced.into_iter().filter_map(|(_, value)| split(value));
        let mut heights: Vec<Height> = written.map(|(height, _)| height).collect();
        heights.extend(current.filter(|height| heights.last().is_none_or(|last| last < height)));
        Ok(heights)
    }

    /// At most `limit` records with `from <= key < to`, as they are now.
    ///
    /// # Errors
    /// Those of the store.
    pub fn scan(&self, from: &[u8], to: &[u8], limit: usize) -> Result<Vec<Entry>, StoreError> {
        let found = self.rows(keys::state(from), &keys::state(to), limit)?;
        let record =
            |(key, value): (Vec<u8>, Vec<u8>)| Some((key.get(1..)?.to_vec(), split(value)?.1));
        Ok(found.into_iter().filter_map(record).collect())
    }

    /// Rows of a range, in pages: the index bounds what one scan may ask for.
    fn rows(&self, mut from: Vec<u8>, to: &[u8], limit: usize) -> Result<Vec<Entry>, StoreError> {
        let mut rows: Vec<Entry> = Vec::new();
        loop {
            let page = limit.saturating_sub(rows.len()).min(SCAN_PAGE);
            let found = self.index.scan(&from, to, page, false)?;
            let full = found.len() == SCAN_PAGE;
            rows.extend(found);
            match rows.last() {
                // The least key after the last one.
                Some((last, _)) if full => from = [last.as_slice(), &[0]].concat(),
                _ => return Ok(rows),
            }
        }
    }

    /// Where a transaction stands.
    ///
    /// # Errors
    /// Those of the store.
    pub fn position(&self, tx: &TxId) -> Result<Option<Position>, StoreError> {
        let bytes = self.index.get(&keys::transaction(tx))?;
        Ok(bytes.and_then(|bytes| Position::from_bytes(&bytes, 256).ok()))
    }

    /// The record that an id is used up, which no row holds: where the transaction stands says it.
    fn used(&self, record: &[u8], id: &TxId) -> Result<Option<Vec<u8>>, StoreError> {
        if self.lacks(record) {
            return Ok(None);
        }
        let position = self.position(id)?;
        Ok(position.filter(Position::is_authentic).map(|_| ().to_bytes()))
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

/// Execution reads through this, and what it computes from a store that fails has no meaning: the
/// thread unwinds with the [`StoreError`], up to whoever stands in [`reading`]. A store that was
/// closed is empty: then only readers of a stopped node are left.
impl StateView for Records {
    fn get(&self, key: &[u8]) -> Option<Vec<u8>> {
        match keys::used_id(key) {
            Some((_, id)) => self.used(key, &id).unwrap_or_else(unwind),
            None => self.current(key).unwrap_or_else(unwind).map(|(_, value)| value),
        }
    }

    /// Of the ids that are used up there is nothing to walk through, and nothing to forget.
    fn scan(&self, from: &[u8], to: &[u8], limit: usize) -> Vec<(Vec<u8>, Vec<u8>)> {
        if keys::is_of_used_ids(from) {
            return Vec::new();
        }
        Records::scan(self, from, to, limit).unwrap_or_else(unwind)
    }
}

/// Records as one execution reads them. What it looks for and does not find is most often what it is
/// about to write, and need not be looked for again.
pub struct Reads<'a> {
    records: &'a Records,
    absent: RefCell<HashSet<Vec<u8>>>,
}

impl<'a> Reads<'a> {
    /// Nothing read yet.
    pub fn of(records: &'a Records) -> Self {
        Self { records, absent: RefCell::default() }
    }

    /// The records, single ones, that were not there.
    pub fn absent(self) -> HashSet<Vec<u8>> {
        self.absent.into_inner()
    }
}

impl StateView for Reads<'_> {
    fn get(&self, key: &[u8]) -> Option<Vec<u8>> {
        let found = StateView::get(self.records, key);
        // Of what keeps no history nobody asks what it was.
        if found.is_none() && keys::keeps_history(key) {
            self.absent.borrow_mut().insert(key.to_vec());
        }
        found
    }

    fn scan(&self, from: &[u8], to: &[u8], limit: usize) -> Vec<Entry> {
        StateView::scan(self.records, from, to, limit)
    }
}

/// Runs what reads records as a [`StateView`]; any other panic goes on.
///
/// # Errors
/// The store's, when a read failed. Nothing that `read` had begun may be used after it.
pub fn reading<T>(read: impl FnOnce() -> T) -> Result<T, StoreError> {
    catch_unwind(AssertUnwindSafe(read)).or_else(|payload| match payload.downcast() {
        Ok(error) => Err(*error),
        Err(other) => resume_unwind(other),
    })
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

/// Leaves execution without a word on the process's standard error: the error is no panic of ours.
fn unwind<T: Default>(error: StoreError) -> T {
    if matches!(error, StoreError::Engine { fault: EngineFault::Closed, .. }) {
        return T::default();
    }
    resume_unwind(Box::new(error))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::{DiskTrouble, EngineKind, open_index};

    #[test]
    fn scans_are_not_bounded_by_a_page_of_the_index() {
        let index = open_index(EngineKind::Memory, std::path::Path::new("")).unwrap();
        let rows = SCAN_PAGE * 2 + 1;
        let key = |number: usize| (number as u32).to_be_bytes().to_vec();
        let write = |n| (keys::state(&key(n)), Some(join(Height(1), &key(n))));
        let batch: Vec<_> = (0..rows).map(write).collect();
        index.apply(1, &batch).unwrap();
        let records = Records::new(index);
        let scan = |limit| Records::scan(&records, &key(0), &[0xff; 5], limit).unwrap();
        assert_eq!(scan(usize::MAX).len(), rows);
        assert_eq!(scan(rows - 1).last().unwrap().0, key(rows - 2));
        assert_eq!(scan(SCAN_PAGE).len(), SCAN_PAGE);
        assert_eq!(scan(3).len(), 3);
    }

    /// Reads fail as those of an engine that stopped on a full disk.
    struct Stopped(EngineFault);

    impl Stopped {
        fn fault<T>(&self) -> Result<T, StoreError> {
            let fault = match self.0 {
                EngineFault::Closed => EngineFault::Closed,
                _ => EngineFault::Io(std::io::ErrorKind::StorageFull.into()),
            };
            Err(StoreError::Engine { engine: EngineKind::Memory, fault })
        }
    }

    impl Index for Stopped {
        fn height(&self) -> Result<u64, StoreError> {
            self.fault()
        }

        fn get(&self, _: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
            self.fault()
        }

        fn scan(&self, _: &[u8], _: &[u8], _: usize, _: bool) -> Result<Vec<Entry>, StoreError> {
            self.fault()
        }

        fn apply(&self, _: u64, _: &[crate::store::index::Write]) -> Result<(), StoreError> {
            self.fault()
        }

        fn checkpoint(&self) -> Result<(), StoreError> {
            self.fault()
        }

        fn wipe(&self) -> Result<(), StoreError> {
            self.fault()
        }
    }

    #[test]
    fn a_read_that_fails_ends_what_reads_with_the_error_of_the_store() {
        let records = Records::new(Arc::new(Stopped(EngineFault::Damaged)));
        let got = reading(|| StateView::get(&records, b"k").is_some());
        assert_eq!(DiskTrouble::behind(&got.unwrap_err()), Some(DiskTrouble::Full));
        let scanned = reading(|| StateView::scan(&records, b"", b"z", 1).len());
        assert_eq!(DiskTrouble::behind(&scanned.unwrap_err()), Some(DiskTrouble::Full));
    }

    #[test]
    fn a_closed_store_is_empty() {
        let records = Records::new(Arc::new(Stopped(EngineFault::Closed)));
        assert_eq!(reading(|| StateView::get(&records, b"k")).unwrap(), None);
    }

    #[test]
    fn another_panic_goes_on() {
        let panics = || reading(|| -> u8 { resume_unwind(Box::new("another")) });
        let payload = catch_unwind(AssertUnwindSafe(panics)).unwrap_err();
        assert_eq!(payload.downcast_ref(), Some(&"another"));
    }
}
