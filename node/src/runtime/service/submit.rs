//! Submitting a transaction, and waiting for its committed outcome.

use std::sync::atomic::Ordering;
use std::sync::mpsc::TrySendError;
use std::time::Duration;

use hefu_contracts::Code;
use hefu_primitives::transaction::TransactionError;
use hefu_primitives::{SignedTransaction, TxId};
use tokio::sync::{mpsc, oneshot};

use super::Service;
use super::door::{Answer, Knock};
use super::waiters::Told;
use crate::core::{CoreInput, Position};
use crate::runtime::Job;
use crate::store::StoreError;

/// Why a submitted transaction has no outcome.
#[derive(Debug, thiserror::Error)]
pub enum SubmitError {
    /// The bytes are no transaction.
    #[error(transparent)]
    Malformed(#[from] TransactionError),
    /// The checks at the door refuse it; nothing was recorded.
    #[error("{0}")]
    Refused(Code),
    /// Too much is waiting; try again later.
    #[error("too many transactions wait")]
    Busy,
    /// Not final in time; it may still become so.
    #[error("{0} is submitted but not final yet")]
    Timeout(TxId),
    /// The store.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The node has stopped.
    #[error("the node has stopped")]
    Stopped,
}

/// Submitting.
impl Service {
    /// Has a transaction checked at the door, and queues it.
    ///
    /// # Errors
    /// [`SubmitError`]; after `Refused` nothing was recorded anywhere.
    pub async fn submit(&self, bytes: Vec<u8>) -> Result<TxId, SubmitError> {
        let (id, tx) = self.knock(bytes).await?;
        if let Some(tx) = tx {
            self.hand_over(tx)?;
        }
        Ok(id)
    }

    /// Submits and waits for the committed outcome.
    ///
    /// # Errors
    /// [`SubmitError::Timeout`] when it is not final in time, and as [`Service::submit`].
    pub async fn submit_and_wait(
        &self,
        bytes: Vec<u8>,
        timeout: Duration,
    ) -> Result<(TxId, Position), SubmitError> {
        let (id, tx) = self.knock(bytes).await?;
        // Wait before handing over, so that no commit falls in between.
        let mut waiting = self.0.waiters.wait(id);
        if let Some(tx) = tx {
            self.hand_over(tx)?;
        }
        // Somebody else's copy may have been faster.
        if let Some(position) = self.position(&id)?.filter(Position::is_authentic) {
            return Ok((id, position));
        }
        let told = async {
            tokio::select! {
                told = waiting.told() => told,
                _ = self.wait_halted() => None,
            }
        };
        match tokio::time::timeout(timeout, told).await {
            Ok(Some(Told::Outcome(position))) => Ok((id, position)),
            Ok(Some(Told::NoRoom)) => Err(SubmitError::Busy),
            Ok(None) => Err(SubmitError::Stopped),
            Err(_) => Err(SubmitError::Timeout(id)),
        }
    }

    async fn knock(&self, bytes: Vec<u8>) -> Answer {
        // Nothing is checked that would find no room: checking is what costs.
        if self.0.is_full.load(Ordering::Relaxed) {
            return Err(SubmitError::Busy);
        }
        let (answer, said) = oneshot::channel();
        self.0.door.try_send(Knock { bytes, answer }).map_err(|error| match error {
            mpsc::error::TrySendError::Full(_) => SubmitError::Busy,
            mpsc::error::TrySendError::Closed(_) => SubmitError::Stopped,
        })?;
        said.await.map_err(|_| SubmitError::Stopped)?
    }

    fn hand_over(&self, tx: Box<SignedTransaction>) -> Result<(), SubmitError> {
        let job = Job::Input(CoreInput::Submit(tx));
        self.0.jobs.try_send(job).map_err(|error| match error {
            TrySendError::Full(_) => SubmitError::Busy,
            TrySendError::Disconnected(_) => SubmitError::Stopped,
        })
    }
}
