//! What a run sends: transactions signed before it begins, so that signing takes nothing from the
//! validators' time.

use std::num::NonZero;
use std::sync::atomic::{AtomicUsize, Ordering};

use anyhow::Context;
use hefu_contracts::Act;
use hefu_contracts::identity::Role;
use hefu_genesis::sample::AuthorityKeys;
use hefu_primitives::{ChainId, Height, Id16, Region, SignedTransaction};

use super::founding::Founding;
use super::{Stage, Workload};
use crate::demo::traffic::{decision, licence, sign};

/// Transactions signed between two words about it.
const TELL_EVERY: usize = 1_000;

/// Signed transactions, in the order in which they are sent.
pub(super) struct Work {
    transactions: Vec<SignedTransaction>,
    /// The licences that they attest, with their provinces.
    attested: Vec<(Id16, Region)>,
    acts_per_tx: usize,
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

    /// Attestations by the offices of all provinces in turn.
    pub(super) fn attest(
        founding: &Founding,
        acts_per_tx: usize,
        count: usize,
        tell: &(dyn Fn(Stage) + Sync),
    ) -> anyhow::Result<Self> {
        let chain = founding.genesis.hash();
        let made =
            in_parallel(count, tell, |number| attestation(founding, chain, number, acts_per_tx))?;
        let (transactions, ids): (Vec<_>, Vec<_>) = made.into_iter().unzip();
        Ok(Self { transactions, attested: ids.into_iter().flatten().collect(), acts_per_tx })
    }

    /// Decisions, or decisions and attestations, on what `attested` put on the ledger up to
    /// `height`.
    pub(super) fn on(
        kind: Workload,
        founding: &Founding,
        attested: &Self,
        acts_per_tx: usize,
        count: usize,
        height: u64,
        tell: &(dyn Fn(Stage) + Sync),
    ) -> anyhow::Result<Self> {
        let chain = founding.genesis.hash();
        let transactions = in_parallel(count, tell, |number| {
            if kind == Workload::Mixed && number.is_multiple_of(4) {
                return Ok(attestation(founding, chain, number, acts_per_tx)?.0);
            }
            let (region, relying) = office(founding, number)?;
            let foreign = |place: usize| {
                let known = attested.attested.iter().cycle().skip(place % attested.attested.len());
                known.take(attested.attested.len()).find(|(_, issuer)| *issuer != region).copied()
            };
            let decide = |place: usize| {
                let (id, _) = foreign(number * acts_per_tx + place).context("no licence")?;
                Ok(Act::from(decision(id, Height(height))?))
            };
            let acts: Vec<Act> = (0..acts_per_tx).map(decide).collect::<anyhow::Result<_>>()?;
            sign(chain, relying, Role::Verifier, "dec:bench", &acts)
        })?;
        Ok(Self { transactions, attested: Vec::new(), acts_per_tx })
    }
}

fn office(founding: &Founding, number: usize) -> anyhow::Result<(Region, &AuthorityKeys)> {
    let place = number.checked_rem(founding.issuers.len()).unwrap_or(0);
    let (region, keys) = founding.issuers.get(place).context("no issuer")?;
    Ok((*region, keys))
}

type Attestation = (SignedTransaction, Vec<(Id16, Region)>);

fn attestation(
    founding: &Founding,
    chain: ChainId,
    number: usize,
    acts: usize,
) -> anyhow::Result<Attestation> {
    let (region, issuer) = office(founding, number)?;
    let licences: Vec<_> = (0..acts).map(|_| licence(issuer, region)).collect::<Result<_, _>>()?;
    let ids = licences.iter().map(|licence| (licence.id, region)).collect();
    let acts: Vec<Act> = licences.into_iter().map(Act::from).collect();
    Ok((sign(chain, issuer, Role::Issuer, "att:bench", &acts)?, ids))
}

/// Makes `count` things on all cores, in order.
fn in_parallel<T: Send>(
    count: usize,
    tell: &(dyn Fn(Stage) + Sync),
    make: impl Fn(usize) -> anyhow::Result<T> + Sync,
) -> anyhow::Result<Vec<T>> {
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
                make(number)
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
