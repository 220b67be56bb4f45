//! The door: what is submitted is checked here before it may wait for a block.
//!
//! Signatures are dear, and quicker in company. So whoever checks takes everything that has come
//! since it last looked: alone when little comes, many together under load, and nobody waits for
//! company.

use std::num::NonZero;
use std::sync::Arc;

use hefu_contracts::Code;
use hefu_contracts::exec::{self, BlockInfo, SEEN, Verifier};
use hefu_contracts::signatures::VerifiedTogether;
use hefu_contracts::state::Kept;
use hefu_primitives::{SignedTransaction, TxId};
use tokio::sync::{Semaphore, mpsc, oneshot};

use super::{Service, SubmitError};
use crate::core::{PROTOCOL, reading};
use crate::runtime::wall_clock;

/// Transactions that wait at the door; more are told to come again.
pub(super) const MAX_WAITING: usize = 2_048;
/// Transactions checked together.
const MAX_TOGETHER: usize = 256;
/// As many are checked at once: less work than to hand them to a thread.
const AT_ONCE: usize = 2;

/// A transaction that is to be checked, and who wants to know.
pub(in crate::runtime) struct Knock {
    pub(super) bytes: Vec<u8>,
    pub(super) answer: oneshot::Sender<Answer>,
}

/// The id, and the transaction unless its outcome is known already.
pub(super) type Answer = Result<(TxId, Option<Box<SignedTransaction>>), SubmitError>;

/// Checks what comes, on as many threads as there are cores, until the node stops.
pub(in crate::runtime) async fn run(service: Service, mut knocks: mpsc::Receiver<Knock>) {
    let cores = std::thread::available_parallelism().map_or(1, NonZero::get);
    let free = Arc::new(Semaphore::new(cores));
    loop {
        let Ok(permit) = free.clone().acquire_owned().await else { return };
        let mut together = Vec::new();
        let came = tokio::select! {
            came = knocks.recv_many(&mut together, MAX_TOGETHER) => came,
            _ = service.wait_halted() => return,
        };
        if came == 0 {
            return;
        }
        if came <= AT_ONCE {
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
        let mut decoded = Vec::with_capacity(knocks.len());
        for Knock { bytes, answer } in knocks {
            match reading(|| self.look(&bytes)).unwrap_or_else(|error| Err(error.into())) {
                Ok((_, Some(tx))) => decoded.push((tx, answer)),
                known => {
                    // Who asked may have gone.
                    let _ = answer.send(known);
                }
            }
        }
        let checked = reading(|| {
            let kept = Kept::new(&self.0.records);
            let transactions = decoded.iter().map(|(tx, _)| tx.as_ref());
            let together = VerifiedTogether::each(transactions, &kept);
            let check = |tx: &SignedTransaction| self.precheck(tx, &kept, &together);
            decoded.iter().map(|(tx, _)| check(tx)).collect::<Vec<_>>()
        });
        // A store that cannot be read answers none of them: the node is about to stop.
        let checked = checked.inspect_err(|error| tracing::error!(%error, "the door is shut"));
        for ((tx, answer), checked) in decoded.into_iter().zip(checked.into_iter().flatten()) {
            let checked = checked.map(|()| (tx.id(), Some(tx))).map_err(SubmitError::Refused);
            let _ = answer.send(checked);
        }
    }

    /// Decodes a transaction, and drops it if it has its outcome.
    fn look(&self, bytes: &[u8]) -> Answer {
        let tx = SignedTransaction::decode(bytes)?;
        // What has an outcome that is its own used its id up.
        let new = self.0.records.lacks(&SEEN.key(&(tx.body().not_after, tx.id())));
        let known =
            !new && self.position(&tx.id())?.is_some_and(|position| position.is_authentic());
        Ok((tx.id(), (!known).then(|| Box::new(tx))))
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
        let kept = Kept::new(&self.0.records);
        let all = VerifiedTogether::all(bundles.iter().copied().flatten(), &kept);
        let one = |bundle: &&[SignedTransaction]| {
            let known = bundle.iter().all(|tx| all.knows(tx));
            let alone =
                (!known && bundles.len() > 1).then(|| VerifiedTogether::all(*bundle, &kept));
            let verifier = alone.as_ref().unwrap_or(&all);
            bundle.iter().try_for_each(|tx| self.precheck(tx, &kept, verifier))
        };
        bundles.iter().map(one).collect()
    }

    /// Of what `records` kept, some may have changed since: execution looks again.
    fn precheck(
        &self,
        tx: &SignedTransaction,
        records: &Kept<'_>,
        verifier: &dyn Verifier,
    ) -> Result<(), Code> {
        let tip = self.tip();
        let block = BlockInfo {
            chain: self.0.chain,
            height: tip.height.next(),
            time: wall_clock().max(tip.time.next()),
            protocol: PROTOCOL,
            log_size: tip.log_size,
            parent: tip.block,
        };
        exec::precheck(block, tx, records, verifier)
    }
}
