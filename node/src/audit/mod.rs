//! The query index of a running node: a thread of its own follows the commits and writes them into SQL
//! ([`hefu_audit`]), and whoever asks reads it beside.
//!
//! Invariants:
//! 1. Nothing here is on the way of a commit: the index lags, says by how much, and catches up.
//! 2. A fault of the index stops the index, not the node; the fault is told with every answer. A database
//!    elsewhere that is away is tried again until it is back.
//!
//! This module does not know HTTP, nor what a question means.

mod follow;

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
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
    idle: Mutex<Vec<Reader>>,
}

impl AuditIndex {
    fn new(location: Location) -> Self {
        let (fault, idle) = (Mutex::default(), Mutex::default());
        Self { location, indexed: AtomicU64::new(0), fault, idle }
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

    fn reached(&self, height: Height) {
        self.indexed.store(height.0, Ordering::Release);
    }

    /// Answers a question. Reads a disk: for a blocking thread.
    ///
    /// # Errors
    /// [`AuditError`].
    pub fn ask(&self, asked: &Ask) -> Result<Answer, AuditError> {
        let idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let (mut reader, kept) = match idle {
            Some(reader) => (reader, true),
            None => (Reader::open(&self.location)?, false),
        };
        let mut answer = reader.ask(asked);
        if kept && answer.as_ref().is_err_and(AuditError::may_pass) {
            // The engine elsewhere may have been away since, and be there again.
            reader = Reader::open(&self.location)?;
            answer = reader.ask(asked);
        }
        if !answer.as_ref().is_err_and(|error| !error.is_of_asker()) {
            let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
            if idle.len() < MAX_IDLE {
                idle.push(reader);
            }
        }
        answer
    }
}
