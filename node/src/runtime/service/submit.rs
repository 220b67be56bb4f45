//! Submitting a transaction, and waiting for its committed outcome.

use std::pin::{Pin, pin};
use std::sync::mpsc::TrySendError;
use std::time::Duration;

use hefu_contracts::Code;
use hefu_contracts::exec::SEEN;
use hefu_primitives::transaction::TransactionError;
use hefu_primitives::{SignedTransaction, TxId};
use tokio::sync::{mpsc, oneshot};

use super::Service;
use super::door::{Answer, Knock, MAX_TOGETHER, OnTheWay};
use super::waiters::{Told, Waiting};
use crate::core::Position;
use crate::runtime::Job;
use crate::store::StoreError;

/// Most transactions submitted together.
pub const MAX_MANY: usize = 1_024;

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

/// What became of a transaction.
pub type Submitted = Result<(TxId, Position), SubmitError>;

/// Submitting.
impl Service {
    /// Has a transaction checked at the door, and queues it.
    ///
    /// # Errors
    /// [`SubmitError`]; after `Refused` nothing was recorded anywhere.
    pub async fn submit(&self, bytes: Vec<u8>) -> Result<TxId, SubmitError> {
        let (answers, on_the_way) = self.knock(vec![bytes]).await?;
        let (id, tx) = answers.into_iter().next().ok_or(SubmitError::Stopped)??;
        self.hand_over(tx.into_iter().collect(), on_the_way)?;
        Ok(id)
    }

    /// Submits and waits for the committed outcome.
    ///
    /// # Errors
    /// [`SubmitError::Timeout`] when it is not final in time, and as [`Service::submit`].
    pub async fn submit_and_wait(&self, bytes: Vec<u8>, timeout: Duration) -> Submitted {
        let all = self.submit_many_and_wait(vec![bytes], timeout).await?;
        all.into_iter().next().ok_or(SubmitError::Stopped)?
    }

    /// Submits several, at most [`MAX_MANY`], and waits for the outcome of each. There is room for
    /// all of them at the door, or none is taken; after it each stands for itself.
    ///
    /// # Errors
    /// [`SubmitError::Busy`] when none was taken, and `Stopped`.
    pub async fn submit_many_and_wait(
        &self,
        transactions: Vec<Vec<u8>>,
        timeout: Duration,
    ) -> Result<Vec<Submitted>, SubmitError> {
        let (answers, on_the_way) = self.knock(transactions).await?;
        let mut new = Vec::with_capacity(answers.len());
        let mut waiting = Vec::with_capacity(answers.len());
        for answer in answers {
            // Wait before handing over, so that no commit falls in between.
            waiting.push(answer.map(|(id, tx)| {
                let told = self.0.waiters.wait(id);
                let seen = tx.as_ref().map(|tx| SEEN.key(&(tx.body().not_after, id)));
                new.extend(tx);
                // Somebody else's copy may have been faster.
                let may_stand = seen.is_none_or(|seen| !self.0.records.lacks(&seen));
                (id, told, may_stand)
            }));
        }
        self.hand_over(new, on_the_way)?;
        let mut over = pin!(tokio::time::sleep(timeout));
        let mut outcomes = Vec::with_capacity(waiting.len());
        // One after the other: most are told together, and who waits is woken once for all of them.
        for waiting in waiting {
            outcomes.push(match waiting {
                Ok((id, told, may_stand)) => {
                    let known = if may_stand { self.position(&id) } else { Ok(None) };
                    match known.map(|position| position.filter(Position::is_authentic)) {
                        Ok(None) => self.wait(id, told, over.as_mut()).await,
                        Ok(Some(position)) => Ok((id, position)),
                        Err(error) => Err(error.into()),
                    }
                }
                Err(error) => Err(error),
            });
        }
        Ok(outcomes)
    }

    async fn wait(
        &self,
        id: TxId,
        mut told: Waiting<'_>,
        over: Pin<&mut tokio::time::Sleep>,
    ) -> Submitted {
        let told = tokio::select! {
            biased;
            told = told.told() => told,
            _ = self.wait_halted() => None,
            () = over => return Err(SubmitError::Timeout(id)),
        };
        match told {
            Some(Told::Outcome(position)) => Ok((id, position)),
            Some(Told::NoRoom) => Err(SubmitError::Busy),
            None => Err(SubmitError::Stopped),
        }
    }

    /// Has transactions checked at the door.
    async fn knock(
        &self,
        transactions: Vec<Vec<u8>>,
    ) -> Result<(Vec<Answer>, OnTheWay), SubmitError> {
        // Nothing is checked that would find no room: checking is what costs.
        let bytes = transactions.iter().map(Vec::len).sum();
        let on_the_way = self.0.ahead.let_in(bytes).ok_or(SubmitError::Busy)?;
        let count = transactions.len();
        let room = u32::try_from(count).map_err(|_| SubmitError::Busy)?;
        let room = self.0.room.clone().try_acquire_many_owned(room);
        let mut room = room.map_err(|_| SubmitError::Busy)?;
        let mut heard = Vec::new();
        let mut transactions = transactions.into_iter();
        while transactions.len() > 0 {
            let transactions: Vec<_> = transactions.by_ref().take(MAX_TOGETHER).collect();
            let room = room.split(transactions.len()).ok_or(SubmitError::Busy)?;
            let (answer, said) = oneshot::channel();
            let knock = Knock { transactions, answer, room };
            self.0.door.try_send(knock).map_err(|error| match error {
                mpsc::error::TrySendError::Full(_) => SubmitError::Busy,
                mpsc::error::TrySendError::Closed(_) => SubmitError::Stopped,
            })?;
            heard.push(said);
        }
        let mut answers = Vec::with_capacity(count);
        for said in heard {
            answers.extend(said.await.map_err(|_| SubmitError::Stopped)?);
        }
        Ok((answers, on_the_way))
    }

    fn hand_over(
        &self,
        transactions: Vec<SignedTransaction>,
        on_the_way: OnTheWay,
    ) -> Result<(), SubmitError> {
        if transactions.is_empty() {
            return Ok(());
        }
        self.0.jobs.try_send(Job::Submit(transactions, on_the_way)).map_err(|error| match error {
            TrySendError::Full(_) => SubmitError::Busy,
            TrySendError::Disconnected(_) => SubmitError::Stopped,
        })
    }
}
