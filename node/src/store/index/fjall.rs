//! The index on fjall 3: an LSM tree with a journal.
//!
//! One keyspace; a batch and the height are one journal entry, which a crash leaves whole or not at
//! all. The journal goes to the operating system with each batch and is synced at checkpoints.

use std::sync::{Mutex, RwLock};

use fjall::{Database, Keyspace, KeyspaceCreateOptions, PersistMode};

use super::folder::EngineFolder;
use super::{
    EngineFault, EngineKind, HEIGHT_KEY, Index, Range, Row, StoreError, Write, check_batch,
    check_height, collect, decode_height, guarded,
};

const KIND: EngineKind = EngineKind::Fjall;
const CACHE_BYTES: u64 = 64 * 1024 * 1024;
const KEYSPACE: &str = "index";
/// Flushes and compactions. With two, the first of them does nothing but pass a queued compaction on
/// to itself until the second is free (fjall 3.1, `worker_tick`): a core's worth of waiting. Flushes
/// that wait for a compaction hold up nobody but the thread that writes behind.
const WORKER_THREADS: usize = 1;
/// How much it yields: a third of an equal share, so that it always ends before the next.
const NICE: i32 = 5;

/// An index in a fjall database.
pub(super) struct FjallIndex {
    folder: EngineFolder,
    /// `None` only while, or after a failure in, a wipe.
    db: RwLock<Option<Open>>,
    /// Held from reading the height to writing it.
    applying: Mutex<()>,
}

struct Open {
    // Dropped before the database, which waits for its threads.
    rows: Keyspace,
    db: Database,
}

impl FjallIndex {
    pub(super) fn open(path: &std::path::Path) -> Result<Self, StoreError> {
        let folder = EngineFolder::lock(KIND, path)?;
        let db = open_db(&folder)?;
        Ok(Self { folder, db: RwLock::new(Some(db)), applying: Mutex::new(()) })
    }

    fn with_db<T>(
        &self,
        action: impl FnOnce(&Open) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let db = self.db.read().expect("panics of fjall are caught");
        let db = db.as_ref().ok_or_else(|| KIND.fault(EngineFault::Closed))?;
        guarded(KIND, || action(db))
    }
}

impl Index for FjallIndex {
    fn height(&self) -> Result<u64, StoreError> {
        self.with_db(height)
    }

    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        if key.first().is_none_or(|first| *first == super::RESERVED) {
            return Ok(None);
        }
        self.with_db(|db| Ok(db.rows.get(key).map_err(fault)?.map(|value| value.to_vec())))
    }

    fn scan(
        &self,
        from: &[u8],
        to: &[u8],
        limit: usize,
        reverse: bool,
    ) -> Result<Vec<Row>, StoreError> {
        let Some(range) = Range::of_scan(from, to, limit)? else { return Ok(Vec::new()) };
        self.with_db(|db| {
            let rows = db.rows.range::<&[u8], _>(range.bounds());
            let rows =
                rows.map(|row| row.into_inner().map(|(key, value)| (key.to_vec(), value.to_vec())));
            collect(rows, limit, reverse).map_err(fault)
        })
    }

    fn apply(&self, height_applied: u64, batch: &[Write]) -> Result<(), StoreError> {
        let checked = check_batch(batch)?;
        let _applying = self.applying.lock().expect("panics of fjall are caught");
        self.with_db(|db| {
            check_height(height(db)?, height_applied)?;
            let mut batch = db.db.batch();
            for (key, value) in checked {
                match value {
                    Some(value) => batch.insert(&db.rows, key, value),
                    None => batch.remove(&db.rows, key),
                }
            }
            batch.insert(&db.rows, HEIGHT_KEY, height_applied.to_be_bytes());
            batch.commit().map_err(fault)
        })
    }

    fn checkpoint(&self) -> Result<(), StoreError> {
        self.with_db(|db| db.db.persist(PersistMode::SyncAll).map_err(fault))
    }

    fn wipe(&self) -> Result<(), StoreError> {
        let mut db = self.db.write().expect("panics of fjall are caught");
        let closing = db.take();
        guarded(KIND, || {
            drop(closing);
            Ok(())
        })?;
        self.folder.wipe()?;
        *db = Some(open_db(&self.folder)?);
        Ok(())
    }
}

/// Opens the database on a thread that yields to others, which its worker inherits: a flush of the
/// memtable is a fifth of a second of work at once, and acts that wait for a block feel it.
fn open_db(folder: &EngineFolder) -> Result<Open, StoreError> {
    guarded(KIND, || {
        let opened = std::thread::scope(|scope| {
            let opening = scope.spawn(|| {
                yield_to_others();
                open_here(folder)
            });
            opening.join()
        });
        opened.unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    })
}

/// Of the calling thread and those it starts; only Linux counts by thread.
fn yield_to_others() {
    #[cfg(target_os = "linux")]
    if let Err(error) = rustix::process::nice(NICE) {
        tracing::debug!(%error, "flushes of the index take as much time as anybody");
    }
}

fn open_here(folder: &EngineFolder) -> Result<Open, StoreError> {
    let db = Database::builder(folder.path())
        .cache_size(CACHE_BYTES)
        .worker_threads(WORKER_THREADS)
        .open()
        .map_err(fault)?;
    let rows = db.keyspace(KEYSPACE, KeyspaceCreateOptions::default).map_err(fault)?;
    Ok(Open { rows, db })
}

fn height(db: &Open) -> Result<u64, StoreError> {
    decode_height(KIND, db.rows.get(HEIGHT_KEY).map_err(fault)?.as_deref())
}

fn fault(error: fjall::Error) -> StoreError {
    KIND.fault(match error {
        fjall::Error::Io(error) => EngineFault::Io(error),
        fjall::Error::Locked => EngineFault::Locked,
        fjall::Error::JournalRecovery(_)
        | fjall::Error::InvalidTrailer
        | fjall::Error::InvalidTag(_)
        | fjall::Error::Decompress(_)
        | fjall::Error::Unrecoverable => EngineFault::Damaged,
        other => EngineFault::Other(Box::new(other)),
    })
}
