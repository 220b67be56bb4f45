//! What a run sends: transactions signed before it begins, so that signing takes nothing from the
//! validators' time.

use std::num::NonZero;
use std::sync::atomic::{AtomicUsize, Ordering};

use anyhow::Context;
use hefu_contracts::Act;
use hefu_contracts::certificate::Attest;
use hefu_contracts::identity::Role;
use hefu_genesis::sample::AuthorityKeys;
use hefu_primitives::hash::{Domain, hash};
use hefu_primitives::{Id16, Region, SignedTransaction};

use super::Stage;
use super::founding::Founding;
use crate::demo::traffic::{licence, random_id, sign};

/// Transactions signed between two words about it.
const TELL_EVERY: usize = 1_000;
/// Acts in a transaction that prepares a load or its history.
pub(super) const PREPARING_ACTS: usize = 100;

/// Signed transactions, in the order in which they are sent.
pub(super) struct Work {
    pub(super) transactions: Vec<SignedTransaction>,
    pub(super) acts_per_tx: usize,
}

impl Work {
    pub(super) fn transactions(&self) -> &[SignedTransaction] {
        &self.transactions
    }

    pub(super) fn acts_per_tx(&self) -> usize {
        self.acts_per_tx
    }

    pub(super) fn bytes_per_act(&self) -> f64 {
        let bytes: usize = self.transactions.iter().map(|tx| tx.as_bytes().len()).sum();
        bytes as f64 / (self.transactions.len() * self.acts_per_tx).max(1) as f64
    }

    /// Attestations that nothing refers to, by the offices of all provinces in turn.
    pub(super) fn attest(
        founding: &Founding,
        acts_per_tx: usize,
        count: usize,
        tell: &(dyn Fn(Stage) + Sync),
    ) -> anyhow::Result<Self> {
        let transactions =
            in_parallel(0..count, tell, |number| attestation(founding, number, acts_per_tx))?;
        Ok(Self { transactions, acts_per_tx })
    }
}

/// One transaction with new licences, of the office whose turn it is.
pub(super) fn attestation(
    founding: &Founding,
    turn: usize,
    acts: usize,
) -> anyhow::Result<SignedTransaction> {
    let (region, issuer) = office(founding, turn)?;
    let licences = (0..acts).map(|_| licence(issuer, region));
    attested(founding, issuer, licences)
}

fn attested(
    founding: &Founding,
    issuer: &AuthorityKeys,
    licences: impl Iterator<Item = anyhow::Result<Attest>>,
) -> anyhow::Result<SignedTransaction> {
    let acts: Vec<Act> = licences.map(|made| made.map(Act::from)).collect::<Result<_, _>>()?;
    sign(founding.genesis.hash(), issuer, Role::Issuer, "att:bench", &acts)
}

/// Whose turn it is.
pub(super) fn office(founding: &Founding, turn: usize) -> anyhow::Result<(Region, &AuthorityKeys)> {
    let place = turn.checked_rem(founding.issuers.len()).unwrap_or(0);
    let (region, keys) = founding.issuers.get(place).context("no issuer")?;
    Ok((*region, keys))
}

/// Licences on the ledger that a load refers to. Their ids follow from a seed: millions of them
/// need no memory. Number `i` is of office `i mod 4`.
#[derive(Clone, Copy, Debug)]
pub(super) struct Licences {
    seed: Id16,
    offices: usize,
    /// Transactions that attest them so far.
    transactions: usize,
}

impl Licences {
    pub(super) fn none(founding: &Founding) -> anyhow::Result<Self> {
        let offices = founding.issuers.len().max(1);
        Ok(Self { seed: random_id()?, offices, transactions: 0 })
    }

    pub(super) fn count(&self) -> usize {
        self.transactions * PREPARING_ACTS
    }

    pub(super) fn id(&self, number: usize) -> Id16 {
        let digest = hash(Domain::Digest, &[self.seed.as_ref(), &number.to_le_bytes()]).0;
        let mut id = Id16::ZERO;
        id.0.iter_mut().zip(digest).for_each(|(byte, of)| *byte = of);
        id
    }

    /// Transactions that attest at least so many more; every office makes as many.
    pub(super) fn more(
        &mut self,
        founding: &Founding,
        count: usize,
        tell: &(dyn Fn(Stage) + Sync),
    ) -> anyhow::Result<Vec<SignedTransaction>> {
        let needed = count.div_ceil(PREPARING_ACTS).next_multiple_of(self.offices);
        let range = self.transactions..self.transactions + needed;
        self.transactions = range.end;
        in_parallel(range, tell, |turn| {
            let (region, issuer) = office(founding, turn)?;
            let numbers = (0..PREPARING_ACTS).map(|place| {
                (turn / self.offices * PREPARING_ACTS + place) * self.offices + turn % self.offices
            });
            let licences = numbers
                .map(|number| Ok(Attest { id: self.id(number), ..licence(issuer, region)? }));
            attested(founding, issuer, licences)
        })
    }
}

/// Makes things on all cores, in order.
pub(super) fn in_parallel<T: Send>(
    range: std::ops::Range<usize>,
    tell: &(dyn Fn(Stage) + Sync),
    make: impl Fn(usize) -> anyhow::Result<T> + Sync,
) -> anyhow::Result<Vec<T>> {
    let (first, count) = (range.start, range.len());
    let cores = std::thread::available_parallelism().map_or(1, NonZero::get);
    let done = AtomicUsize::new(0);
    let part = |core: usize| {
        let from = count * core / cores;
        (from..count * (core + 1) / cores)
            .map(|number| {
                let so_far = done.fetch_add(1, Ordering::Relaxed);
                if so_far.is_multiple_of(TELL_EVERY) {
                    tell(Stage::Signing(so_far, count));
                }
                make(first + number)
            })
            .collect::<anyhow::Result<Vec<T>>>()
    };
    std::thread::scope(|scope| {
        let part = &part;
        let threads: Vec<_> = (0..cores).map(|core| scope.spawn(move || part(core))).collect();
        let mut all = Vec::with_capacity(count);
        for thread in threads {
            all.extend(thread.join().map_err(|_| anyhow::anyhow!("a thread failed"))??);
        }
        Ok(all)
    })
}
