//! The door: what is submitted is checked here before it may wait for a block.
//!
//! Signatures are dear, and quicker in company. So whoever checks takes everything that has come
//! since it last looked: alone when little comes, many together under load, and nobody waits for
//! company.

use std::num::NonZero;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use hefu_contracts::Code;
use hefu_contracts::exec::{self, BlockInfo, SEEN, Verifier};
use hefu_contracts::signatures::VerifiedTogether;
use hefu_contracts::state::Kept;
use hefu_primitives::{SignedTransaction, TxId};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, oneshot};

use super::{Service, SubmitError};
use crate::core::{PROTOCOL, reading};
use crate::runtime::wall_clock;

/// Transactions that wait at the door; more are told to come again.
pub(super) const MAX_WAITING: usize = 2_048;
/// Transactions checked together, but what knocks together.
pub(super) const MAX_TOGETHER: usize = 256;
/// As many are checked at once: less work than to hand them to a thread.
const AT_ONCE: usize = 2;

/// Transactions that are to be checked, at most [`MAX_TOGETHER`], and who wants to know.
pub(in crate::runtime) struct Knock {
    pub(super) transactions: Vec<Vec<u8>>,
    pub(super) answer: oneshot::Sender<Vec<Answer>>,
    /// Their room at the door, which is free when they are checked.
    pub(super) room: OwnedSemaphorePermit,
}

/// What the pool still takes, and what is let in and on its way there. Without it each request that
/// came between two words of the pool would be checked, and then find it full.
#[derive(Debug)]
pub(super) struct Ahead {
    free: AtomicUsize,
    on_the_way: AtomicUsize,
}

/// Bytes on their way to the pool, until this is dropped.
pub(crate) struct OnTheWay {
    ahead: Arc<Ahead>,
    bytes: usize,
}

impl Default for Ahead {
    fn default() -> Self {
        Self { free: AtomicUsize::new(usize::MAX), on_the_way: AtomicUsize::new(0) }
    }
}

impl Ahead {
    /// The pool said how much it takes.
    pub(super) fn set_free(&self, bytes: usize) {
        self.free.store(bytes, Ordering::Relaxed);
    }

    /// Lets so many bytes in if there is room for one: the pool takes the last over its bound too,
    /// and an empty one anything.
    pub(super) fn let_in(self: &Arc<Self>, bytes: usize) -> Option<OnTheWay> {
        let before = self.on_the_way.fetch_add(bytes, Ordering::Relaxed);
        let on_the_way = OnTheWay { ahead: Arc::clone(self), bytes };
        (before < self.free.load(Ordering::Relaxed)).then_some(on_the_way)
    }
}

impl Drop for OnTheWay {
    fn drop(&mut self) {
        self.ahead.on_the_way.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}

/// The id, and the transaction unless its outcome is known already.
pub(super) type Answer = Result<(TxId, Option<SignedTransaction>), SubmitError>;

/// Checks what comes, on as many threads as there are cores, until the node stops.
pub(in crate::runtime) async fn run(service: Service, mut knocks: mpsc::Receiver<Knock>) {
    let cores = std::thread::available_parallelism().map_or(1, NonZero::get);
    let free = Arc::new(Semaphore::new(cores));
    loop {
        let Ok(permit) = free.clone().acquire_owned().await else { return };
        let knock = tokio::select! {
            knock = knocks.recv() => knock,
            _ = service.wait_halted() => return,
        };
        let Some(knock) = knock else { return };
        let mut count = knock.transactions.len();
        let mut together = vec![knock];
        while count < MAX_TOGETHER
            && let Ok(knock) = knocks.try_recv()
        {
            count = count.saturating_add(knock.transactions.len());
            together.push(knock);
        }
        if count <= AT_ONCE {
            service.answer_all(together);
            continue;
        }
        let service = service.clone();
        tokio::task::spawn_blocking(move || {
            service.answer_all(together);
            drop(permit);
        });
    }
}

impl Service {
    fn answer_all(&self, knocks: Vec<Knock>) {
        let bytes = knocks.iter().flat_map(|knock| &knock.transactions);
        let look = |bytes: &Vec<u8>| {
            reading(|| self.look(bytes)).unwrap_or_else(|error| Err(error.into()))
        };
        let mut answers: Vec<Answer> = bytes.map(look).collect();
        let checked = reading(|| {
            let kept = Kept::new(&self.0.records);
            let new = || answers.iter().filter_map(|answer| answer.as_ref().ok()?.1.as_ref());
            let (block, together) = (self.next_block(), VerifiedTogether::each(new(), &kept));
            new().map(|tx| exec::precheck(block, tx, &kept, &together)).collect::<Vec<_>>()
        });
        // A store that cannot be read answers none of them: the node is about to stop.
        let checked = checked.inspect_err(|error| tracing::error!(%error, "the door is shut"));
        let Ok(checked) = checked else { return };
        let new = answers.iter_mut().filter(|answer| matches!(answer, Ok((_, Some(_)))));
        for (answer, checked) in new.zip(checked) {
            if let Err(code) = checked {
                *answer = Err(SubmitError::Refused(code));
            }
        }
        let mut answers = answers.into_iter();
        for Knock { transactions, answer, room } in knocks {
            drop(room);
            // Who asked may have gone.
            let _ = answer.send(answers.by_ref().take(transactions.len()).collect());
        }
    }

    /// Decodes a transaction, and drops it if it has its outcome.
    fn look(&self, bytes: &[u8]) -> Answer {
        let tx = SignedTransaction::decode(bytes)?;
        // What has an outcome that is its own used its id up.
        let new = self.0.records.lacks(&SEEN.key(&(tx.body().not_after, tx.id())));
        let known =
            !new && self.position(&tx.id())?.is_some_and(|position| position.is_authentic());
        Ok((tx.id(), (!known).then_some(tx)))
    }

    /// The checks at the door for bundles of peers, against the records as they are now: of each
    /// the code with which the first of its transactions would be refused.
    ///
    /// Signatures are checked over all of them; where one is wrong, over each bundle alone, so that
    /// whoever sends it costs the others twice their work and no more.
    pub(in crate::runtime) fn precheck_all(
        &self,
        bundles: &[&[SignedTransaction]],
    ) -> Vec<Result<(), Code>> {
        let (kept, block) = (Kept::new(&self.0.records), self.next_block());
        let all = VerifiedTogether::all(bundles.iter().copied().flatten(), &kept);
        let one = |bundle: &&[SignedTransaction]| {
            let known = bundle.iter().all(|tx| all.knows(tx));
            let alone =
                (!known && bundles.len() > 1).then(|| VerifiedTogether::all(*bundle, &kept));
            let verifier = alone.as_ref().unwrap_or(&all);
            bundle.iter().try_for_each(|tx| exec::precheck(block, tx, &kept, verifier))
        };
        bundles.iter().map(one).collect()
    }

    /// The block in which what is checked now would stand. Of what was read for it some may have
    /// changed by then: execution looks again.
    fn next_block(&self) -> BlockInfo {
        let tip = self.tip();
        BlockInfo {
            chain: self.0.chain,
            height: tip.height.next(),
            time: wall_clock().max(tip.time.next()),
            protocol: PROTOCOL,
            log_size: tip.log_size,
            parent: tip.block,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_on_its_way_takes_room_until_the_pool_has_it() {
        let ahead = Arc::new(Ahead::default());
        ahead.set_free(100);
        let first = ahead.let_in(60).unwrap();
        let second = ahead.let_in(60).expect("the last may go over the bound");
        assert!(ahead.let_in(1).is_none());
        // Who was refused takes none.
        drop(first);
        let third = ahead.let_in(1).unwrap();
        drop((second, third));
        ahead.set_free(0);
        assert!(ahead.let_in(0).is_none() && ahead.on_the_way.load(Ordering::Relaxed) == 0);
        ahead.set_free(1);
        assert!(ahead.let_in(1_000_000).is_some());
    }
}
