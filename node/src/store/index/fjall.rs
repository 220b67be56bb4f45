//! The index on fjall's LSM tree (the crate lsm-tree 3), without the journal of fjall: an index is a
//! cache of the block files, so these are its journal.
//!
//! Batches go into a memtable. A full one is sealed between two batches and written as a table by a
//! thread; two others merge tables, in [`tiers`]. So the files always hold every batch up to some height and
//! nothing of a later one: a crash costs what was in memory, at most [`MAX_SEALED`] + 1 memtables,
//! and the blocks from that height on are executed again.

mod tiers;

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, RwLock};
use std::thread::JoinHandle;

use lsm_tree::config::{
    BloomConstructionPolicy, FilterPolicy, FilterPolicyEntry, RestartIntervalPolicy,
};
use lsm_tree::{AbstractTree, AnyTree, Cache, Config, Guard, SeqNo, SequenceNumberCounter};

use self::tiers::{Pace, Tier};
use super::folder::EngineFolder;
use super::{
    EngineFault, EngineKind, HEIGHT_KEY, Index, Range, Row, StoreError, Write, check_batch,
    check_height, collect, decode_height, guarded,
};

const KIND: EngineKind = EngineKind::Fjall;
const CACHE_BYTES: u64 = 64 * 1024 * 1024;
/// Sealed memtables that wait to be written; who would seal one more waits.
const MAX_SEALED: usize = 1;
/// How much the threads that write tables yield: a third of an equal share. A flush is a fifth of a
/// second of work at once, and acts that wait for a block feel it. Merges pause besides.
const NICE: i32 = 5;

/// When memtables become tables, and tables are merged.
#[derive(Clone, Copy)]
struct Bounds {
    /// A memtable of more bytes is sealed.
    memtable_bytes: u64,
    /// Tables as memtables left them that are merged together: the more, the less often a row is
    /// written again. Readers ask the filter of each, and most of what is not there a filter in
    /// memory has told them before.
    young_together: usize,
    /// Runs of an older tier that are merged together.
    old_together: usize,
    /// With so many no memtable is written until they are merged.
    max_young: usize,
}

/// Small memtables: what a device takes in one go delays the blocks made durable beside it.
const BOUNDS: Bounds =
    Bounds { memtable_bytes: 16 * 1024 * 1024, young_together: 24, old_together: 8, max_young: 64 };

/// An index in an LSM tree.
pub(super) struct FjallIndex {
    folder: EngineFolder,
    bounds: Bounds,
    /// `None` only while, or after a failure in, a wipe.
    open: RwLock<Option<Open>>,
    /// Held from the check of a height to the end of its batch, and to seal.
    applying: Mutex<()>,
}

/// A tree, and its threads.
struct Open {
    rows: Arc<Rows>,
    threads: Vec<JoinHandle<()>>,
}

struct Rows {
    tree: AnyTree,
    bounds: Bounds,
    height: AtomicU64,
    /// Numbers of batches; as many are visible as there are.
    batches: SequenceNumberCounter,
    visible: SequenceNumberCounter,
    state: Mutex<State>,
    /// That of merges, and the word to stop.
    pace: Pace,
    /// Something was sealed, written or merged, or the threads are to stop.
    changed: Condvar,
}

#[derive(Default)]
struct State {
    /// A thread ended with an error, which the next who waits for it is told.
    failed: Option<Option<StoreError>>,
}

impl FjallIndex {
    pub(super) fn open(path: &std::path::Path) -> Result<Self, StoreError> {
        Self::open_with(path, BOUNDS)
    }

    fn open_with(path: &std::path::Path, bounds: Bounds) -> Result<Self, StoreError> {
        let folder = EngineFolder::lock(KIND, path)?;
        // What fjall 3 with its journal kept is not read: the blocks have it.
        if folder.path().join("keyspaces").exists() {
            folder.wipe()?;
        }
        let open = Open::new(&folder, bounds)?;
        Ok(Self { folder, bounds, open: RwLock::new(Some(open)), applying: Mutex::new(()) })
    }

    fn with_rows<T>(
        &self,
        action: impl FnOnce(&Rows) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let open = self.open.read().expect("panics of the engine are caught");
        let open = open.as_ref().ok_or_else(|| KIND.fault(EngineFault::Closed))?;
        guarded(KIND, || action(&open.rows))
    }

    fn applying(&self) -> MutexGuard<'_, ()> {
        self.applying.lock().expect("panics of the engine are caught")
    }
}

impl Index for FjallIndex {
    fn height(&self) -> Result<u64, StoreError> {
        self.with_rows(|rows| Ok(rows.height.load(Ordering::Acquire)))
    }

    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        if key.first().is_none_or(|first| *first == super::RESERVED) {
            return Ok(None);
        }
        self.with_rows(|rows| {
            Ok(rows.tree.get(key, SeqNo::MAX).map_err(fault)?.map(|value| value.to_vec()))
        })
    }

    fn scan(
        &self,
        from: &[u8],
        to: &[u8],
        limit: usize,
        reverse: bool,
    ) -> Result<Vec<Row>, StoreError> {
        let Some(range) = Range::of_scan(from, to, limit)? else { return Ok(Vec::new()) };
        self.with_rows(|rows| {
            let found = rows.tree.range::<&[u8], _>(range.bounds(), SeqNo::MAX, None);
            let found = found
                .map(|row| row.into_inner().map(|(key, value)| (key.to_vec(), value.to_vec())));
            collect(found, limit, reverse).map_err(fault)
        })
    }

    fn apply(&self, height: u64, batch: &[Write]) -> Result<(), StoreError> {
        let checked = check_batch(batch)?;
        let _applying = self.applying();
        self.with_rows(|rows| {
            check_height(rows.height.load(Ordering::Acquire), height)?;
            let number = rows.batches.next();
            for (key, value) in checked {
                match value {
                    Some(value) => rows.tree.insert(key, value, number),
                    None => rows.tree.remove(key, number),
                };
            }
            let (_, bytes) = rows.tree.insert(HEIGHT_KEY, height.to_be_bytes(), number);
            rows.visible.fetch_max(number.saturating_add(1));
            rows.height.store(height, Ordering::Release);
            if bytes < rows.bounds.memtable_bytes {
                return Ok(());
            }
            rows.wait_for_sealed(MAX_SEALED - 1)?;
            rows.seal();
            Ok(())
        })
    }

    fn checkpoint(&self) -> Result<(), StoreError> {
        self.with_rows(|rows| {
            {
                let _applying = self.applying();
                rows.seal();
            }
            rows.wait_for_sealed(0)
        })
    }

    fn is_settled(&self) -> Result<bool, StoreError> {
        self.with_rows(|rows| {
            rows.wait_for_sealed(usize::MAX)?;
            let [second, third, last] = Tier::older(rows.bounds.old_together);
            let tiers = [Tier::youngest(rows.bounds.young_together), second, third, last];
            Ok(!tiers.iter().any(|tier| tier.is_due(&rows.tree)))
        })
    }

    fn wipe(&self) -> Result<(), StoreError> {
        let mut open = self.open.write().expect("panics of the engine are caught");
        let closing = open.take();
        guarded(KIND, || {
            drop(closing);
            Ok(())
        })?;
        self.folder.wipe()?;
        *open = Some(Open::new(&self.folder, self.bounds)?);
        Ok(())
    }
}

impl Open {
    fn new(folder: &EngineFolder, bounds: Bounds) -> Result<Self, StoreError> {
        let rows = Arc::new(guarded(KIND, || Rows::open(folder, bounds))?);
        let mut open = Self { rows, threads: Vec::new() };
        open.start("hefu-flush", Rows::flush_next)?;
        open.start("hefu-merge", |rows| {
            rows.merge_next(&[Tier::youngest(rows.bounds.young_together)])
        })?;
        open.start("hefu-merge-old", |rows| {
            rows.merge_next(&Tier::older(rows.bounds.old_together))
        })?;
        Ok(open)
    }

    /// Starts a thread that does a piece of work after the other, until it is stopped or fails.
    fn start(
        &mut self,
        name: &str,
        next: fn(&Rows) -> Result<bool, StoreError>,
    ) -> Result<(), StoreError> {
        let rows = Arc::clone(&self.rows);
        let run = move || {
            yield_to_others();
            loop {
                match guarded(KIND, || next(&rows)) {
                    Ok(true) => {}
                    Ok(false) => return,
                    Err(error) => {
                        rows.state().failed = Some(Some(error));
                        rows.changed.notify_all();
                        return;
                    }
                }
            }
        };
        let thread = std::thread::Builder::new().name(name.to_owned()).spawn(run);
        self.threads.push(thread.map_err(|error| KIND.fault(EngineFault::Io(error)))?);
        Ok(())
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        {
            let _state = self.rows.state();
            self.rows.pace.stop();
        }
        self.rows.changed.notify_all();
        for thread in self.threads.drain(..) {
            // They catch the panics of the engine; one of their own has nobody left to be told.
            let _ = thread.join();
        }
    }
}

impl Rows {
    fn open(folder: &EngineFolder, bounds: Bounds) -> Result<Self, StoreError> {
        let (batches, visible) = <(SequenceNumberCounter, SequenceNumberCounter)>::default();
        let pace = Pace::default();
        let bloom = |policy| FilterPolicyEntry::Bloom(policy);
        let tree = Config::new(folder.path(), batches.clone(), visible.clone())
            .use_cache(Arc::new(Cache::with_capacity_bytes(CACHE_BYTES)))
            .data_block_restart_interval_policy(RestartIntervalPolicy::new([10, 16]))
            .with_compaction_filter_factory(Some(Arc::new(pace.clone())))
            .filter_policy(FilterPolicy::new([
                bloom(BloomConstructionPolicy::FalsePositiveRate(0.0001)),
                bloom(BloomConstructionPolicy::BitsPerKey(10.0)),
            ]))
            .open()
            .map_err(fault)?;
        let next = tree.get_highest_persisted_seqno().map_or(0, |last| last.saturating_add(1));
        batches.fetch_max(next);
        visible.fetch_max(next);
        let height = tree.get(HEIGHT_KEY, SeqNo::MAX).map_err(fault)?;
        let height = AtomicU64::new(decode_height(KIND, height.as_deref())?);
        let (state, changed) = (Mutex::default(), Condvar::new());
        Ok(Self { tree, bounds, height, batches, visible, state, pace, changed })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Closes the memtable; only between two batches.
    fn seal(&self) {
        let _state = self.state();
        self.tree.rotate_memtable();
        self.changed.notify_all();
    }

    /// Waits until no more than so many sealed memtables are left to write.
    fn wait_for_sealed(&self, most: usize) -> Result<(), StoreError> {
        let waits = |state: &mut State| {
            state.failed.is_none()
                && !self.pace.is_stopped()
                && self.tree.sealed_memtable_count() > most
        };
        let state = self.changed.wait_while(self.state(), waits);
        match &mut state.unwrap_or_else(PoisonError::into_inner).failed {
            None => Ok(()),
            Some(error) => Err(error.take().unwrap_or_else(|| KIND.fault(EngineFault::Closed))),
        }
    }

    /// Waits for work; false when the threads are to stop.
    fn wait_for(&self, is_due: impl Fn() -> bool) -> bool {
        let idle =
            |state: &mut State| !self.pace.is_stopped() && state.failed.is_none() && !is_due();
        let state = self.changed.wait_while(self.state(), idle);
        let state = state.unwrap_or_else(PoisonError::into_inner);
        state.failed.is_none() && !self.pace.is_stopped()
    }

    /// Makes durable what is sealed, when something is; false to stop.
    fn flush_next(&self) -> Result<bool, StoreError> {
        let is_due = || {
            self.tree.sealed_memtable_count() > 0
                && self.tree.l0_run_count() < self.bounds.max_young
        };
        if !self.wait_for(is_due) {
            return Ok(false);
        }
        let lock = self.tree.get_flush_lock();
        self.tree.flush(&lock, self.visible.get()).map_err(fault)?;
        drop(lock);
        let young = self.tree.l0_run_count();
        self.pace
            .hurry(young >= usize::midpoint(self.bounds.young_together, self.bounds.max_young));
        self.tell_change();
        Ok(true)
    }

    /// Merges runs of some tiers, when there are enough; false to stop.
    fn merge_next(&self, tiers: &[Tier]) -> Result<bool, StoreError> {
        let due = || tiers.iter().find(|tier| tier.is_due(&self.tree));
        if !self.wait_for(|| due().is_some()) {
            return Ok(false);
        }
        if let Some(tier) = due() {
            match tier.merge(&self.tree, self.visible.get()) {
                Err(_) if self.pace.is_stopped() => return Ok(false),
                merged => merged.map_err(fault)?,
            }
        }
        self.tell_change();
        Ok(true)
    }

    /// Whoever waits looks again.
    fn tell_change(&self) {
        let _state = self.state();
        self.changed.notify_all();
    }
}

/// Of the calling thread; only Linux counts by thread.
fn yield_to_others() {
    #[cfg(target_os = "linux")]
    if let Err(error) = rustix::process::nice(NICE) {
        tracing::debug!(%error, "flushes of the index take as much time as anybody");
    }
}

fn fault(error: lsm_tree::Error) -> StoreError {
    use lsm_tree::Error;
    KIND.fault(match error {
        Error::Io(error) => EngineFault::Io(error),
        Error::ChecksumMismatch { .. }
        | Error::InvalidTrailer
        | Error::InvalidTag(_)
        | Error::InvalidHeader(_)
        | Error::InvalidVersion(_)
        | Error::Decompress(_)
        | Error::Unrecoverable => EngineFault::Damaged,
        other => EngineFault::Other(Box::new(other)),
    })
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use super::*;

    /// Rewrites a hundred rows, adds ten, deletes one of ten that were added.
    fn batch_of(height: u64) -> Vec<Write> {
        let text = |row: u64| format!("{row} at {height} {}", "x".repeat(100)).into_bytes();
        let rewritten = (0..100).map(|row| (format!("row{row}").into_bytes(), Some(text(row))));
        let added = (0..10).map(|row| (format!("at{height}-{row}").into_bytes(), Some(text(row))));
        let deleted = format!("at{}-3", height / 2).into_bytes();
        rewritten.chain(added).chain([(deleted, None)]).collect()
    }

    fn all(index: &dyn Index) -> Vec<Row> {
        index.scan(b"", b"", super::super::MAX_SCAN_ROWS, false).unwrap()
    }

    #[test]
    fn memtables_become_tables_and_tables_fewer_and_nothing_is_lost_but_an_end() {
        let folder = tempfile::tempdir().unwrap();
        let bounds =
            Bounds { memtable_bytes: 100_000, young_together: 3, old_together: 2, max_young: 5 };
        let model = super::super::MemoryIndex::new();
        let mut height = 0;
        for _ in 0..3 {
            let index = FjallIndex::open_with(folder.path(), bounds).unwrap();
            let found = index.height().unwrap();
            assert!(found <= height && (height == 0 || found > 0), "{found} of {height}");
            // What was in memory only is taken again.
            for again in found + 1..=height {
                index.apply(again, &batch_of(again)).unwrap();
            }
            for next in height + 1..=height + 100 {
                index.apply(next, &batch_of(next)).unwrap();
                model.apply(next, &batch_of(next)).unwrap();
            }
            height += 100;
            assert_eq!(all(&index), all(&model), "height {height}");
            let open = index.open.read().unwrap();
            let rows = &open.as_ref().unwrap().rows;
            let began = Instant::now();
            while !index.is_settled().unwrap() {
                assert!(began.elapsed() < Duration::from_secs(30), "merges are due");
                std::thread::yield_now();
            }
            let runs = [0, 1, 2, 3, 4, 5, 6].map(|level| tiers::runs(&rows.tree, level));
            assert!(
                runs.iter().all(|count| *count <= 2) && runs[2..].iter().any(|count| *count > 0)
            );
            assert_eq!(all(&index), all(&model), "height {height}, merged");
        }
    }

    #[test]
    fn what_fjall_kept_with_its_journal_is_begun_anew() {
        let folder = tempfile::tempdir().unwrap();
        let old = folder.path().join("fjall").join("keyspaces");
        std::fs::create_dir_all(&old).unwrap();
        let index = FjallIndex::open(folder.path()).unwrap();
        assert_eq!((index.height().unwrap(), old.exists()), (0, false));
    }
}
