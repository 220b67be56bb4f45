//! The folder of an engine: its lock, its wiping, its setting aside.
//!
//! Wiping and setting aside are renames, so that a crash leaves a whole folder or none. Does not
//! know what is in it.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::{EngineFault, EngineKind, Limit, StoreError};
use crate::store::disk::{FolderLock, sync_folder};

/// Most damaged folders kept for one engine; then an operator has to look.
const MAX_SET_ASIDE: u64 = 16;

/// An engine's folder inside a locked parent.
#[derive(Debug)]
pub(super) struct EngineFolder {
    kind: EngineKind,
    parent: PathBuf,
    _lock: FolderLock,
}

impl EngineFolder {
    /// Locks `parent` and removes what an interrupted wipe left.
    pub(super) fn lock(kind: EngineKind, parent: &Path) -> Result<Self, StoreError> {
        let lock = FolderLock::take(parent).map_err(|error| match error.kind() {
            io::ErrorKind::WouldBlock => kind.fault(EngineFault::Locked),
            _ => kind.fault(EngineFault::Io(error)),
        })?;
        let folder = Self { kind, parent: parent.to_owned(), _lock: lock };
        folder.remove_wiped()?;
        Ok(folder)
    }

    pub(super) fn path(&self) -> PathBuf {
        self.parent.join(self.kind.name())
    }

    /// Removes the folder, which the engine has closed, as a whole.
    pub(super) fn wipe(&self) -> Result<(), StoreError> {
        self.remove_wiped()?;
        self.rename_to(&self.wiped())?;
        self.remove_wiped()
    }

    fn wiped(&self) -> PathBuf {
        self.parent.join(format!("{}.wiped", self.kind.name()))
    }

    fn remove_wiped(&self) -> Result<(), StoreError> {
        match fs::remove_dir_all(self.wiped()) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(self.io(error)),
            _ => Ok(()),
        }
    }

    fn rename_to(&self, other: &Path) -> Result<(), StoreError> {
        match fs::rename(self.path(), other) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            other => other.and_then(|()| sync_folder(&self.parent)).map_err(|error| self.io(error)),
        }
    }

    fn io(&self, error: io::Error) -> StoreError {
        self.kind.fault(EngineFault::Io(error))
    }
}

/// Renames a damaged engine's folder, so that the next [`open_index`](super::open_index) begins
/// with an empty index and the damage can be examined. Returns where it is now.
///
/// # Errors
/// `Engine` when the index is open or on I/O errors, `TooLarge` when too many are kept already.
pub fn set_aside(kind: EngineKind, path: &Path) -> Result<PathBuf, StoreError> {
    let folder = EngineFolder::lock(kind, path)?;
    let free = (1..=MAX_SET_ASIDE)
        .map(|number| path.join(format!("{kind}.damaged-{number}")))
        .find(|candidate| !candidate.exists());
    let aside = free.ok_or(StoreError::TooLarge {
        limit: Limit::SetAside,
        bound: MAX_SET_ASIDE,
        found: MAX_SET_ASIDE + 1,
    })?;
    folder.rename_to(&aside)?;
    Ok(aside)
}
