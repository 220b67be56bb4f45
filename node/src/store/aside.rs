//! Setting a node's damaged data aside, so that it fetches the ledger again from the others.
//!
//! 1. Nothing is deleted: block files and index are renamed into a folder of their own.
//! 2. The consensus log stays where it is. It says what this validator signed at heights it will not
//!    hold for a while; without it the node would start over at height 1 and contradict itself. So
//!    nothing is moved when there is none, or when it is damaged.
//! 3. The index goes first, the blocks last: after a crash in between the node still refuses to
//!    start on its damaged blocks, and this can be done again.
//! 4. Nobody else has the store meanwhile: locks are held until all is moved.
//!
//! Does not know what damage is, nor whether others have the ledger.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::disk::{FolderLock, RealDisk, sync_folder};
use super::error::StoreError;
use super::wal::Wal;

/// Folders of blocks and of the consensus log, in a store.
const BLOCKS: &str = "blocks";
const LOG: &str = "wal";
/// What the name of an index folder begins with.
const INDEX: &str = "index-";
/// What the name of a folder set aside begins with.
const ASIDE: &str = "set-aside-";

/// Why nothing was set aside.
#[derive(Debug, thiserror::Error)]
pub enum AsideError {
    /// A node runs on it.
    #[error("{}", .0.display())]
    InUse(PathBuf),
    /// There are neither blocks nor an index.
    #[error("{}", .0.display())]
    Nothing(PathBuf),
    /// There is no consensus log (rule 2).
    #[error("{}", .0.display())]
    NoLog(PathBuf),
    /// The consensus log is damaged (rule 2).
    #[error("{}: {source}", path.display())]
    Log {
        /// Its folder.
        path: PathBuf,
        /// What is wrong with it.
        source: StoreError,
    },
    /// The file system.
    #[error("{}: {source}", path.display())]
    Io {
        /// What was moved or opened.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
}

/// A store that nobody else can open while this lives.
#[derive(Debug)]
pub struct Held {
    store: PathBuf,
    /// Folders to move, in order.
    folders: Vec<PathBuf>,
    _locks: Vec<FolderLock>,
}

/// Takes a stopped node's store.
///
/// # Errors
/// [`AsideError`]; nothing was changed.
pub fn hold(store: &Path) -> Result<Held, AsideError> {
    let folders = folders(store)?;
    if folders.is_empty() {
        return Err(AsideError::Nothing(store.to_owned()));
    }
    let locks = folders.iter().map(|folder| {
        FolderLock::take(folder).map_err(|source| match source.kind() {
            io::ErrorKind::WouldBlock => AsideError::InUse(folder.clone()),
            _ => AsideError::Io { path: folder.clone(), source },
        })
    });
    let locks = locks.collect::<Result<Vec<_>, _>>()?;
    check_log(&store.join(LOG))?;
    Ok(Held { store: store.to_owned(), folders, _locks: locks })
}

impl Held {
    /// The folder of block files, whether it is there or not.
    pub fn blocks(&self) -> PathBuf {
        self.store.join(BLOCKS)
    }

    /// The folder of the consensus log.
    pub fn log(&self) -> PathBuf {
        self.store.join(LOG)
    }

    /// Where [`Held::set_aside`] moves to, for a date of the caller's: the first free name.
    pub fn destination(&self, date: &str) -> PathBuf {
        let plain = self.store.join(format!("{ASIDE}{date}"));
        let numbered = (2u32..).map(|n| self.store.join(format!("{ASIDE}{date}-{n}")));
        let mut names = std::iter::once(plain.clone()).chain(numbered);
        names.find(|name| !name.exists()).unwrap_or(plain)
    }

    /// Moves blocks and index away, durably.
    ///
    /// # Errors
    /// [`AsideError::Io`]; a part may have been moved, and the call can be repeated.
    pub fn set_aside(self, destination: &Path) -> Result<(), AsideError> {
        let io = |path: &Path| {
            let path = path.to_owned();
            move |source| AsideError::Io { path, source }
        };
        fs::create_dir(destination).map_err(io(destination))?;
        for folder in &self.folders {
            let name = folder.file_name().unwrap_or_default();
            fs::rename(folder, destination.join(name)).map_err(io(folder))?;
            sync_folder(destination).map_err(io(destination))?;
            sync_folder(&self.store).map_err(io(&self.store))?;
        }
        Ok(())
    }
}

/// Index folders, then the block files (rule 3).
fn folders(store: &Path) -> Result<Vec<PathBuf>, AsideError> {
    let io = |source| AsideError::Io { path: store.to_owned(), source };
    let entries = match fs::read_dir(store) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries.map_err(io)?,
    };
    let mut found = Vec::new();
    for entry in entries {
        let entry = entry.map_err(io)?;
        if entry.file_name().to_string_lossy().starts_with(INDEX) {
            found.push(entry.path());
        }
    }
    found.sort();
    found.extend(Some(store.join(BLOCKS)).filter(|blocks| blocks.is_dir()));
    Ok(found)
}

/// Rule 2. A log that is there and empty is that of a validator that never signed.
fn check_log(path: &Path) -> Result<(), AsideError> {
    let has_file = |path: &Path| {
        let names = fs::read_dir(path).ok()?.flatten();
        names.map(|entry| entry.path()).find(|path| path.extension().is_some_and(|e| e == "log"))
    };
    if has_file(path).is_none() {
        return Err(AsideError::NoLog(path.to_owned()));
    }
    let disk = RealDisk::open(path).map_err(|source| match source.kind() {
        io::ErrorKind::WouldBlock => AsideError::InUse(path.to_owned()),
        _ => AsideError::Io { path: path.to_owned(), source },
    })?;
    let opened = Wal::open(&disk);
    opened.map_err(|source| AsideError::Log { path: path.to_owned(), source })?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A store with blocks, an index and a log of one entry.
    fn store() -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        for name in ["blocks", "index-fjall"] {
            fs::create_dir(folder.path().join(name)).unwrap();
            fs::write(folder.path().join(name).join("data"), name).unwrap();
        }
        let disk = RealDisk::open(folder.path().join("wal")).unwrap();
        let mut log = Wal::open(&disk).unwrap();
        log.append(b"signed").unwrap();
        log.sync().unwrap();
        folder
    }

    #[test]
    fn blocks_and_index_go_and_the_log_stays() {
        let folder = store();
        for date in ["2026-01-01-000000", "2026-01-01-000000-2"] {
            let held = hold(folder.path()).unwrap();
            let aside = held.destination("2026-01-01-000000");
            assert_eq!(aside, folder.path().join(format!("set-aside-{date}")));
            held.set_aside(&aside).unwrap();
            for name in ["blocks", "index-fjall"] {
                assert!(!folder.path().join(name).exists());
                assert_eq!(fs::read(aside.join(name).join("data")).unwrap(), name.as_bytes());
                fs::create_dir(folder.path().join(name)).unwrap();
                fs::write(folder.path().join(name).join("data"), name).unwrap();
            }
        }
        let disk = RealDisk::open(folder.path().join("wal")).unwrap();
        assert_eq!(Wal::open(&disk).unwrap().entries(), [b"signed".to_vec()]);
    }

    #[test]
    fn a_store_in_use_is_left_alone() {
        for name in ["blocks", "index-fjall", "wal"] {
            let folder = store();
            let _node = RealDisk::open(folder.path().join(name)).unwrap();
            let error = hold(folder.path()).unwrap_err();
            assert!(matches!(error, AsideError::InUse(_)), "{name}: {error}");
        }
        let folder = store();
        let _held = hold(folder.path()).unwrap();
        assert!(RealDisk::open(folder.path().join("blocks")).is_err(), "no node starts meanwhile");
    }

    #[test]
    fn without_a_sound_log_nothing_moves() {
        let folder = store();
        let log = folder.path().join("wal/wal-0.log");
        let mut bytes = fs::read(&log).unwrap();
        bytes[9] ^= 1;
        bytes.extend(vec![0xaa; 4096]);
        fs::write(&log, bytes).unwrap();
        assert!(matches!(hold(folder.path()), Err(AsideError::Log { .. })));
        fs::remove_dir_all(folder.path().join("wal")).unwrap();
        assert!(matches!(hold(folder.path()), Err(AsideError::NoLog(_))));
        assert!(folder.path().join("blocks/data").exists());
        let empty = tempfile::tempdir().unwrap();
        assert!(matches!(hold(empty.path()), Err(AsideError::Nothing(_))));
        assert!(matches!(hold(&empty.path().join("none")), Err(AsideError::Nothing(_))));
    }
}
