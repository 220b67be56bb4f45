//! Blocks that others propose: getting their bundles, within bounds, and finding out whether they
//! may be voted for.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use hefu_consensus::{Input, PeerKey};
use hefu_contracts::exec;
use hefu_contracts::signatures::VerifiedTogether;
use hefu_primitives::bounds::{MAX_BLOCK_BUNDLES, MAX_BLOCK_BYTES};
use hefu_primitives::{Block, Bundle, BundleId, Millis, TxId};

use super::{Core, CoreError, CoreOutput, Halted};
use crate::store::Disk;

/// Interval after which another peer is asked for missing bundles, in milliseconds; it doubles
/// with every second peer that was asked, up to eight times.
pub(super) const FETCH_AGAIN_MS: u64 = 500;
/// Most proposals of one height that wait for bundles; of more the oldest is given up. Twice the
/// proposals that one validator in three can make for its turns within ten rounds, and ours.
const MAX_FETCHES: usize = 16;

/// A proposal that waits for bundles.
pub(super) struct Fetch {
    block: Block,
    pub(super) again_at: Millis,
    /// How many peers were asked after the first.
    asked: u32,
}

impl Fetch {
    fn new(now: Millis, block: Block) -> Self {
        let mut fetch = Self { block, again_at: now, asked: 0 };
        fetch.wait(now);
        fetch
    }

    fn wait(&mut self, now: Millis) {
        let pause = FETCH_AGAIN_MS << (self.asked / 2).min(3);
        self.again_at = Millis(now.0.saturating_add(pause));
    }

    /// Whom to ask next: one after the other, each block beginning with another peer.
    fn next_peer<V>(&mut self, peers: &BTreeMap<PeerKey, V>) -> Option<PeerKey> {
        let turn = self.asked as usize + usize::from(self.block.id().0[0]);
        self.asked = self.asked.saturating_add(1);
        peers.keys().nth(turn.checked_rem(peers.len())?).copied()
    }
}

impl<D: Disk> Core<D> {
    /// A proposer that says nothing may never have got the bundle that the others wait for: it gets
    /// the oldest of ours again, which is enough for it to propose.
    pub(super) fn wake_proposer(&self, outputs: &mut Vec<CoreOutput>) {
        let Some(turn) = self.replica.awaits_proposal_of().filter(|_| !self.halted) else { return };
        let peer = self.peers.iter().find(|(_, validator)| **validator == Some(turn));
        if let (Some((peer, _)), Some(bundle)) = (peer, self.pool.oldest_own()) {
            outputs.push(CoreOutput::SendBundle(*peer, bundle));
        }
    }

    pub(super) fn validate(
        &mut self,
        now: Millis,
        block: Block,
        from: Option<PeerKey>,
        outputs: &mut Vec<CoreOutput>,
    ) -> Result<Option<Input>, CoreError> {
        match self.pool.resolve(&block.bundles) {
            Ok(bundles) => self.check(&block, &bundles).map(Some),
            Err(ids) => {
                outputs.push(CoreOutput::FetchBundles { peer: from, ids });
                if self.fetches.len() >= MAX_FETCHES {
                    self.fetches.remove(0);
                }
                self.fetches.push(Fetch::new(now, block));
                Ok(None)
            }
        }
    }

    /// Executes a block whose bundles are all here, after they are in the log. A block over its
    /// bounds, with a text that the guard at the door refuses, or with a transaction that nobody
    /// registered has signed, is not voted for, and its bundles are not even logged.
    fn check(&mut self, block: &Block, bundles: &[Arc<Bundle>]) -> Result<Input, CoreError> {
        if let Err(reason) = admissible(bundles).and_then(|()| self.check_new(bundles)) {
            tracing::warn!(height = %block.header.height, %reason, "a proposed block is refused");
            return Ok(Input::Validated { block: block.id(), valid: false });
        }
        self.log_bundles(bundles)?;
        let verdict = self.ledger.validate(block, bundles, &self.pool);
        if let Err(error) = &verdict {
            tracing::warn!(height = %block.header.height, %error, "a proposed block is not valid");
        }
        Ok(Input::Validated { block: block.id(), valid: verdict.is_ok() })
    }

    /// Checks the transactions that did not pass the door here, and stops at the first that would
    /// not have.
    fn check_new(&mut self, bundles: &[Arc<Bundle>]) -> Result<(), Inadmissible> {
        let (chain, records) = (self.ledger.chain(), self.ledger.records());
        let transactions = bundles.iter().flat_map(|bundle| bundle.transactions());
        let new: Vec<_> = transactions.filter(|tx| !self.pool.has_verified(tx)).collect();
        for tx in &new {
            hefu_contracts::screen(tx).map_err(|(code, _)| Inadmissible::Screened(code))?;
        }
        let together = VerifiedTogether::all(new.iter().copied(), records);
        if let Some(tx) = new.iter().find(|tx| !exec::is_signed(&chain, tx, records, &together)) {
            return Err(Inadmissible::Unsigned(tx.id()));
        }
        bundles.iter().for_each(|bundle| self.pool.set_verified(&bundle.id()));
        Ok(())
    }

    /// Keeps the bundles that proposals wait for. A proposal that names more than a block may
    /// hold is refused as soon as that shows, before its bundles fill the memory.
    pub(super) fn take_fetched(
        &mut self,
        now: Millis,
        bundles: Vec<Bundle>,
        outputs: &mut Vec<CoreOutput>,
    ) {
        let mut came: BTreeMap<BundleId, Bundle> =
            bundles.into_iter().map(|bundle| (bundle.id(), bundle)).collect();
        let bytes = |id: &BundleId| match came.get(id) {
            Some(bundle) => bundle.as_bytes().len(),
            None => self.pool.get(id).map_or(0, |bundle| bundle.as_bytes().len()),
        };
        let fits =
            |fetch: &Fetch| fetch.block.bundles.iter().map(bytes).sum::<usize>() <= MAX_BLOCK_BYTES;
        let (wait, refused): (Vec<_>, Vec<_>) = self.fetches.drain(..).partition(fits);
        self.fetches = wait;
        for id in self.fetches.iter().flat_map(|fetch| &fetch.block.bundles) {
            if let Some(bundle) = came.remove(id) {
                self.pool.add_named(Arc::new(bundle));
            }
        }
        for fetch in refused {
            let (height, block) = (fetch.block.header.height, fetch.block.id());
            tracing::warn!(%height, "a proposed block names more than a block may hold");
            self.feed(now, Input::Validated { block, valid: false }, outputs);
        }
    }

    /// Looks whether a proposal that waits has all its bundles now.
    pub(super) fn try_fetched(&mut self, now: Millis, outputs: &mut Vec<CoreOutput>) {
        let next = self.ledger.tip().height.next();
        self.fetches.retain(|fetch| fetch.block.header.height == next);
        while let Some(place) = self.complete_fetch() {
            let block = self.fetches.remove(place).block;
            let bundles = self.pool.resolve(&block.bundles).unwrap_or_default();
            match self.check(&block, &bundles) {
                Ok(answer) => self.feed(now, answer, outputs),
                Err(error) => return self.halt(Halted::from(&error), outputs),
            }
        }
    }

    fn complete_fetch(&self) -> Option<usize> {
        let complete = |fetch: &Fetch| self.pool.resolve(&fetch.block.bundles).is_ok();
        self.fetches.iter().position(complete)
    }

    /// Asks the next peer for what is still missing.
    pub(super) fn fetch_again(&mut self, now: Millis, outputs: &mut Vec<CoreOutput>) {
        for fetch in self.fetches.iter_mut().filter(|fetch| fetch.again_at <= now) {
            let peer = fetch.next_peer(&self.peers);
            fetch.wait(now);
            if let (Some(_), Err(ids)) = (peer, self.pool.resolve(&fetch.block.bundles)) {
                outputs.push(CoreOutput::FetchBundles { peer, ids });
            }
        }
    }
}

/// Why a block's bundles may not be voted for, whatever they do.
#[derive(Debug, thiserror::Error)]
pub(super) enum Inadmissible {
    #[error("{0} bundles are more than a block has")]
    Count(usize),
    #[error("{0} bytes of bundles are more than a block has")]
    Bytes(usize),
    #[error("a bundle is named twice")]
    Twice,
    #[error("{0}")]
    Screened(hefu_contracts::Code),
    #[error("nobody registered has signed {0}")]
    Unsigned(TxId),
}

pub(super) fn admissible(bundles: &[Arc<Bundle>]) -> Result<(), Inadmissible> {
    if bundles.len() > MAX_BLOCK_BUNDLES {
        return Err(Inadmissible::Count(bundles.len()));
    }
    let bytes = bundles.iter().map(|bundle| bundle.as_bytes().len()).sum();
    if bytes > MAX_BLOCK_BYTES {
        return Err(Inadmissible::Bytes(bytes));
    }
    let ids: BTreeSet<BundleId> = bundles.iter().map(|bundle| bundle.id()).collect();
    if ids.len() != bundles.len() { Err(Inadmissible::Twice) } else { Ok(()) }
}
