//! The index on sled 0.34.7.
//!
//! What this version needs, each found by measurement (design, storage):
//! - **One tree and one `apply_batch`, the height in it**: batches of several trees are not atomic
//!   in a crash.
//! - **Its epoch garbage pumped** after each batch, or memory grows without bound.
//! - **Own sync**: `flush` calls `sync_file_range`, which does not outlive a power loss; a
//!   checkpoint is `flush`, then a sync of every file through our own handles. Nodes over 128 KiB
//!   go to files under `blobs`, which sled never syncs; values are small so that they stay rare,
//!   and the checkpoint syncs those too.
//! - **Panics caught**: it panics on damaged files.
//! - **Its end awaited**: tasks of a dropped database live on for a while and write to its folder by
//!   path, so its folder is neither given up nor renamed before they let go of its file.
//!
//! Its dependencies fxhash and instant are unmaintained, without a known vulnerability.

use std::fs::{self, File, TryLockError};
use std::io;
use std::sync::{Mutex, RwLock, RwLockReadGuard};
use std::time::Duration;

use super::folder::EngineFolder;
use super::{
    EngineFault, EngineKind, HEIGHT_KEY, Index, Range, Row, StoreError, Write, check_batch,
    check_height, collect, decode_height, guarded,
};

const KIND: EngineKind = EngineKind::Sled;
const CACHE_BYTES: u64 = 64 * 1024 * 1024;
/// Collections of garbage after each batch. Each frees a bounded number of bags, so one is not
/// enough for a thousand writes.
const EPOCH_PUMPS: usize = 200;
/// Waiting for a dropped database: milliseconds are usual, ten seconds are given up.
const CLOSE_POLLS: u32 = 10_000;
const CLOSE_POLL_INTERVAL: Duration = Duration::from_millis(1);

/// An index in a sled database.
pub(super) struct SledIndex {
    folder: EngineFolder,
    /// `None` only while, or after a failure in, a wipe.
    db: RwLock<Option<sled::Db>>,
    /// Held from reading the height to writing it.
    applying: Mutex<()>,
}

impl SledIndex {
    pub(super) fn open(path: &std::path::Path) -> Result<Self, StoreError> {
        let folder = EngineFolder::lock(KIND, path)?;
        let db = open_db(&folder)?;
        Ok(Self { folder, db: RwLock::new(Some(db)), applying: Mutex::new(()) })
    }

    fn with_db<T>(
        &self,
        action: impl FnOnce(&sled::Db) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let db: RwLockReadGuard<'_, _> = self.db.read().expect("panics of sled are caught");
        let db = db.as_ref().ok_or_else(|| KIND.fault(EngineFault::Closed))?;
        guarded(KIND, || action(db))
    }
}

impl Index for SledIndex {
    fn height(&self) -> Result<u64, StoreError> {
        self.with_db(height)
    }

    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        if key.first().is_none_or(|first| *first == super::RESERVED) {
            return Ok(None);
        }
        self.with_db(|db| Ok(db.get(key).map_err(fault)?.map(|value| value.to_vec())))
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
            let rows = db.range::<&[u8], _>(range.bounds());
            let rows = rows.map(|row| row.map(|(key, value)| (key.to_vec(), value.to_vec())));
            collect(rows, limit, reverse).map_err(fault)
        })
    }

    fn apply(&self, height_applied: u64, batch: &[Write]) -> Result<(), StoreError> {
        let checked = check_batch(batch)?;
        let _applying = self.applying.lock().expect("panics of sled are caught");
        self.with_db(|db| {
            check_height(height(db)?, height_applied)?;
            let mut batch = sled::Batch::default();
            for (key, value) in checked {
                match value {
                    Some(value) => batch.insert(key, value),
                    None => batch.remove(key),
                }
            }
            batch.insert(&HEIGHT_KEY, &height_applied.to_be_bytes());
            db.apply_batch(batch).map_err(fault)?;
            for _ in 0..EPOCH_PUMPS {
                crossbeam_epoch::pin().flush();
            }
            Ok(())
        })
    }

    fn checkpoint(&self) -> Result<(), StoreError> {
        self.with_db(|db| {
            db.flush().map_err(fault)?;
            sync_files(&self.folder).map_err(|error| KIND.fault(EngineFault::Io(error)))
        })
    }

    fn wipe(&self) -> Result<(), StoreError> {
        let mut db = self.db.write().expect("panics of sled are caught");
        close(&self.folder, db.take())?;
        self.folder.wipe()?;
        *db = Some(open_db(&self.folder)?);
        Ok(())
    }
}

impl Drop for SledIndex {
    fn drop(&mut self) {
        let db = self.db.get_mut().map(Option::take).unwrap_or_default();
        if let Err(error) = close(&self.folder, db) {
            tracing::warn!(%error, "sled did not close");
        }
    }
}

/// Drops the database and waits until its tasks have let go of the file, as its lock tells.
fn close(folder: &EngineFolder, db: Option<sled::Db>) -> Result<(), StoreError> {
    guarded(KIND, || {
        drop(db);
        Ok(())
    })?;
    let Ok(file) = File::open(folder.path().join("db")) else { return Ok(()) };
    for _ in 0..CLOSE_POLLS {
        match file.try_lock() {
            Err(TryLockError::WouldBlock) => std::thread::sleep(CLOSE_POLL_INTERVAL),
            _ => return Ok(()),
        }
    }
    Err(KIND.fault(EngineFault::Locked))
}

fn open_db(folder: &EngineFolder) -> Result<sled::Db, StoreError> {
    guarded(KIND, || {
        sled::Config::new()
            .path(folder.path())
            .cache_capacity(CACHE_BYTES)
            // We flush at checkpoints; its timer would only call sync_file_range in between.
            .flush_every_ms(None)
            .open()
            .map_err(fault)
    })
}

fn height(db: &sled::Db) -> Result<u64, StoreError> {
    decode_height(KIND, db.get(HEIGHT_KEY).map_err(fault)?.as_deref())
}

/// Syncs the log, the snapshots and the blobs, then the names.
fn sync_files(folder: &EngineFolder) -> io::Result<()> {
    for folder in [folder.path(), folder.path().join("blobs")] {
        for entry in fs::read_dir(&folder)? {
            let entry = entry?;
            if entry.file_type()?.is_file() {
                match File::open(entry.path()).and_then(|file| file.sync_data()) {
                    // Snapshots and blobs that are superseded vanish any time.
                    Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                    _ => {}
                }
            }
        }
        File::open(&folder)?.sync_all()?;
    }
    Ok(())
}

fn fault(error: sled::Error) -> StoreError {
    KIND.fault(match error {
        sled::Error::Io(error) => EngineFault::Io(error),
        sled::Error::Corruption { .. } => EngineFault::Damaged,
        other => EngineFault::Other(Box::new(other)),
    })
}
