//! The index on fjall's LSM tree (the crate lsm-tree 3), without the journal of fjall: an index is a
//! cache of the block files, so these are its journal.
//!
//! Batches go into a memtable. A full one is sealed between two batches and written as a table by a
//! thread that also merges tables. So the files always hold every batch up to some height and
//! nothing of a later one: a crash costs what was in memory, at most [`MAX_SEALED`] + 1 memtables,
//! and the blocks from that height on are executed again.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, RwLock};
use std::thread::JoinHandle;

use lsm_tree::compaction::Leveled;
use lsm_tree::config::{
    BloomConstructionPolicy, FilterPolicy, FilterPolicyEntry, RestartIntervalPolicy,
};
use lsm_tree::{AbstractTree, AnyTree, Cache, Config, Guard, SeqNo, SequenceNumberCounter};

use super::folder::EngineFolder;
use super::{
    EngineFault, EngineKind, HEIGHT_KEY, Index, Range, Row, StoreError, Write, check_batch,
    check_height, collect, decode_height, guarded,
};

const KIND: EngineKind = EngineKind::Fjall;
const CACHE_BYTES: u64 = 64 * 1024 * 1024;
/// A memtable of more bytes is sealed.
const MEMTABLE_BYTES: u64 = 64 * 1024 * 1024;
/// Sealed memtables that wait to be written; who would seal one more waits.
const MAX_SEALED: usize = 1;
/// Merges after a flush before the next flush is looked for.
const MAX_MERGES: usize = 8;
/// Levels of a tree, a constant of the library.
const LEVELS: usize = 7;
/// How much the thread that writes tables yields: a third of an equal share. A flush is a fifth of a
/// second of work at once, and acts that wait for a block feel it.
const NICE: i32 = 5;

/// An index in an LSM tree.
pub(super) struct FjallIndex {
    folder: EngineFolder,
    /// `None` only while, or after a failure in, a wipe.
    open: RwLock<Option<Open>>,
    /// Held from the check of a height to the end of its batch, and to seal.
    applying: Mutex<()>,
}

/// A tree, and its thread.
struct Open {
    rows: Arc<Rows>,
    thread: Option<JoinHandle<()>>,
}

struct Rows {
    tree: AnyTree,
    height: AtomicU64,
    /// Numbers of batches; as many are visible as there are.
    batches: SequenceNumberCounter,
    visible: SequenceNumberCounter,
    state: Mutex<State>,
    /// Something was sealed or written, or the thread is to stop.
    changed: Condvar,
}

#[derive(Default)]
struct State {
    stopping: bool,
    /// The thread ended with an error, which the next who waits for it is told.
    failed: Option<Option<StoreError>>,
}

impl FjallIndex {
    pub(super) fn open(path: &std::path::Path) -> Result<Self, StoreError> {
        let folder = EngineFolder::lock(KIND, path)?;
        // What fjall 3 with its journal kept is not read: the blocks have it.
        if folder.path().join("keyspaces").exists() {
            folder.wipe()?;
        }
        let open = Open::new(&folder)?;
        Ok(Self { folder, open: RwLock::new(Some(open)), applying: Mutex::new(()) })
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
            if bytes < MEMTABLE_BYTES {
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

    fn wipe(&self) -> Result<(), StoreError> {
        let mut open = self.open.write().expect("panics of the engine are caught");
        let closing = open.take();
        guarded(KIND, || {
            drop(closing);
            Ok(())
        })?;
        self.folder.wipe()?;
        *open = Some(Open::new(&self.folder)?);
        Ok(())
    }
}

impl Open {
    fn new(folder: &EngineFolder) -> Result<Self, StoreError> {
        let rows = Arc::new(guarded(KIND, || Rows::open(folder))?);
        let thread = std::thread::Builder::new().name("hefu-tables".to_owned()).spawn({
            let rows = Arc::clone(&rows);
            move || {
                yield_to_others();
                rows.write_tables();
            }
        });
        let thread = thread.map_err(|error| KIND.fault(EngineFault::Io(error)))?;
        Ok(Self { rows, thread: Some(thread) })
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.rows.state().stopping = true;
        self.rows.changed.notify_all();
        if let Some(thread) = self.thread.take() {
            // It catches the panics of the engine; one of its own has nobody left to be told.
            let _ = thread.join();
        }
    }
}

impl Rows {
    fn open(folder: &EngineFolder) -> Result<Self, StoreError> {
        let (batches, visible) = <(SequenceNumberCounter, SequenceNumberCounter)>::default();
        let bloom = |policy| FilterPolicyEntry::Bloom(policy);
        let tree = Config::new(folder.path(), batches.clone(), visible.clone())
            .use_cache(Arc::new(Cache::with_capacity_bytes(CACHE_BYTES)))
            .data_block_restart_interval_policy(RestartIntervalPolicy::new([10, 16]))
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
        Ok(Self { tree, height, batches, visible, state, changed })
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
            state.failed.is_none() && !state.stopping && self.tree.sealed_memtable_count() > most
        };
        let state = self.changed.wait_while(self.state(), waits);
        match &mut state.unwrap_or_else(PoisonError::into_inner).failed {
            None => Ok(()),
            Some(error) => {
                Err(error.take().unwrap_or_else(|| KIND.fault(EngineFault::Closed)))
            }
        }
    }

    /// The thread: writes what is sealed and merges tables, until it is stopped or fails.
    fn write_tables(&self) {
        loop {
            let idle = |state: &mut State| {
                !state.stopping && self.tree.sealed_memtable_count() == 0
            };
            let state = self.changed.wait_while(self.state(), idle);
            if state.unwrap_or_else(PoisonError::into_inner).stopping {
                return;
            }
            let done = guarded(KIND, || self.flush()).and_then(|()| {
                self.changed.notify_all();
                guarded(KIND, || self.merge())
            });
            if let Err(error) = done {
                self.state().failed = Some(Some(error));
                self.changed.notify_all();
                return;
            }
        }
    }

    /// Makes durable what is sealed.
    fn flush(&self) -> Result<(), StoreError> {
        let lock = self.tree.get_flush_lock();
        self.tree.flush(&lock, self.visible.get()).map_err(fault)?;
        drop(lock);
        // Who looked before the flush and waits only now must not miss it.
        drop(self.state());
        Ok(())
    }

    /// Merges tables while that changes something and nothing waits to be flushed.
    fn merge(&self) -> Result<(), StoreError> {
        let strategy = Arc::new(Leveled::default());
        for _ in 0..MAX_MERGES {
            let before = self.shape();
            self.tree.compact(strategy.clone(), self.visible.get()).map_err(fault)?;
            let is_over = self.shape() == before || self.tree.sealed_memtable_count() > 0;
            if is_over || self.state().stopping {
                break;
            }
        }
        Ok(())
    }

    /// Tables of each level.
    fn shape(&self) -> [usize; LEVELS] {
        std::array::from_fn(|level| self.tree.level_table_count(level).unwrap_or_default())
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
