//! The query index of a running node: a thread of its own follows the commits and writes them into SQL
//! ([`hefu_audit`]), and whoever asks reads it beside.
//!
//! Invariants:
//! 1. Nothing here is on the way of a commit: the index lags, says by how much, and catches up.
//! 2. A fault of the index stops the index, not the node; the fault is told with every answer. A database
//!    elsewhere that is away is tried again until it is back. A file that is damaged is set aside, and
//!    the index built again from the blocks: it is theirs to say what is in it.
//!
//! This module does not know HTTP, nor what a question means.

mod follow;

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use hefu_audit::{Answer, Ask, AuditError, Location, Reader};
use hefu_primitives::Height;

pub(crate) use follow::follow;

/// Readers kept open.
const MAX_IDLE: usize = 4;

/// The index of a running node.
pub struct AuditIndex {
    location: Location,
    indexed: AtomicU64,
    fault: Mutex<Option<String>>,
    idle: Mutex<Idle>,
    /// A reader found the file damaged, and whoever writes it is told.
    damaged: AtomicBool,
    found_damaged: tokio::sync::Notify,
}

/// Readers that wait for the next question.
#[derive(Default)]
struct Idle {
    readers: Vec<Reader>,
    /// How many files there were before this one: a reader of theirs is of no use any more.
    files_before: u64,
}

impl AuditIndex {
    fn new(location: Location) -> Self {
        let (fault, idle) = (Mutex::default(), Mutex::default());
        let (indexed, damaged) = (AtomicU64::new(0), AtomicBool::new(false));
        Self { location, indexed, fault, idle, damaged, found_damaged: tokio::sync::Notify::new() }
    }

    /// The last height in the index.
    pub fn height(&self) -> Height {
        Height(self.indexed.load(Ordering::Acquire))
    }

    /// Why the index no longer follows.
    pub fn fault(&self) -> Option<String> {
        self.fault.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The engine's name.
    pub const fn engine(&self) -> &'static str {
        self.location.engine()
    }

    fn fail(&self, error: &dyn std::fmt::Display) {
        tracing::error!(%error, "the query index no longer follows the ledger");
        let mut fault = self.fault.lock().unwrap_or_else(PoisonError::into_inner);
        *fault = Some(error.to_string());
    }

    /// The engine is away: told until it is back.
    fn lost(&self, error: &dyn std::fmt::Display, again: Duration) {
        tracing::warn!(%error, ?again, "the query index cannot be reached; it is tried again");
        let mut fault = self.fault.lock().unwrap_or_else(PoisonError::into_inner);
        *fault = Some(error.to_string());
    }

    fn found(&self) {
        let mut fault = self.fault.lock().unwrap_or_else(PoisonError::into_inner);
        if fault.take().is_some() {
            tracing::info!("the query index is reached again");
        }
    }

    fn idle(&self) -> MutexGuard<'_, Idle> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Puts a damaged file aside, in the place of one that was damaged before. False where the index is
    /// elsewhere.
    fn set_aside(&self, error: &dyn std::fmt::Display) -> std::io::Result<bool> {
        let Location::Sqlite(path) = &self.location else { return Ok(false) };
        let aside = with_ending(path, ".damaged");
        tracing::warn!(%error, file = %path.display(), aside = %aside.display(),
            "the query index is damaged: it is set aside, and built again from the blocks");
        let mut idle = self.idle();
        idle.readers.clear();
        idle.files_before += 1;
        std::fs::rename(path, aside)?;
        for ending in ["-wal", "-shm"] {
            match std::fs::remove_file(with_ending(path, ending)) {
                Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error),
                _ => {}
            }
        }
        self.damaged.store(false, Ordering::Release);
        self.reached(Height(0));
        Ok(true)
    }

    fn reached(&self, height: Height) {
        self.indexed.store(height.0, Ordering::Release);
    }

    /// Answers a question. Reads a disk: for a blocking thread.
    ///
    /// # Errors
    /// [`AuditError`].
    pub fn ask(&self, asked: &Ask) -> Result<Answer, AuditError> {
        let (idle, files_before) = {
            let mut idle = self.idle();
            (idle.readers.pop(), idle.files_before)
        };
        let (mut reader, kept) = match idle {
            Some(reader) => (reader, true),
            None => (self.open()?, false),
        };
        let mut answer = reader.ask(asked);
        if kept && answer.as_ref().is_err_and(AuditError::may_pass) {
            // The engine elsewhere may have been away since, and be there again.
            reader = self.open()?;
            answer = reader.ask(asked);
        }
        self.look(answer.as_ref().err());
        if !answer.as_ref().is_err_and(|error| !error.is_of_asker()) {
            let mut idle = self.idle();
            if idle.readers.len() < MAX_IDLE && idle.files_before == files_before {
                idle.readers.push(reader);
            }
        }
        answer
    }

    fn open(&self) -> Result<Reader, AuditError> {
        Reader::open(&self.location).inspect_err(|error| self.look(Some(error)))
    }

    /// Tells whoever writes the index of damage.
    fn look(&self, error: Option<&AuditError>) {
        if error.is_some_and(AuditError::is_damage) {
            self.damaged.store(true, Ordering::Release);
            self.found_damaged.notify_one();
        }
    }
}

fn with_ending(path: &Path, ending: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(ending);
    PathBuf::from(name)
}
