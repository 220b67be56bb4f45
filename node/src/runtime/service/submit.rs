//! Submitting a transaction, and waiting for its committed outcome.

use std::sync::Arc;
use std::sync::mpsc::TrySendError;
use std::time::Duration;

use hefu_contracts::Code;
use hefu_primitives::TxId;
use hefu_primitives::transaction::TransactionError;
use tokio::sync::{broadcast, mpsc, oneshot};

use super::Service;
use super::door::Knock;
use crate::core::{Committed, CoreInput, Position};
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
        let (answer, said) = oneshot::channel();
        self.0.door.try_send(Knock { bytes, answer }).map_err(|error| match error {
            mpsc::error::TrySendError::Full(_) => SubmitError::Busy,
            mpsc::error::TrySendError::Closed(_) => SubmitError::Stopped,
        })?;
        let (id, tx) = said.await.map_err(|_| SubmitError::Stopped)??;
        if let Some(tx) = tx {
            let job = Job::Input(CoreInput::Submit(tx));
            self.0.jobs.try_send(job).map_err(|error| match error {
                TrySendError::Full(_) => SubmitError::Busy,
                TrySendError::Disconnected(_) => SubmitError::Stopped,
            })?;
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
        // Watch before submitting, so that no commit falls in between.
        let commits = self.subscribe();
        let rejections = self.0.rejections.subscribe();
        let id = self.submit(bytes).await?;
        let outcome = async {
            tokio::select! {
                position = self.wait_position(&id, commits) => position,
                () = wait_rejection(&id, rejections) => Err(SubmitError::Busy),
            }
        };
        match tokio::time::timeout(timeout, outcome).await {
            Ok(position) => Ok((id, position?)),
            Err(_) => Err(SubmitError::Timeout(id)),
        }
    }

    async fn wait_position(
        &self,
        id: &TxId,
        mut commits: broadcast::Receiver<Arc<Committed>>,
    ) -> Result<Position, SubmitError> {
        loop {
            if let Some(position) = self.position(id)?.filter(Position::is_authentic) {
                return Ok(position);
            }
            let closed = tokio::select! {
                commit = commits.recv() => {
                    matches!(commit, Err(broadcast::error::RecvError::Closed))
                }
                _ = self.wait_halted() => true,
            };
            if closed {
                return Err(SubmitError::Stopped);
            }
        }
    }
}

/// Resolves when the pool did not take a transaction. A lost notice costs the waiter its timeout,
/// never a wrong answer.
async fn wait_rejection(id: &TxId, mut rejections: broadcast::Receiver<TxId>) {
    loop {
        match rejections.recv().await {
            Ok(rejected) if rejected == *id => return,
            Ok(_) | Err(broadcast::error::RecvError::Lagged(_)) => {}
            Err(broadcast::error::RecvError::Closed) => std::future::pending().await,
        }
    }
}
