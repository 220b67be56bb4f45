//! The mempool: transactions on their way into bundles, and bundles on their way into blocks.
//!
//! 1. A transaction enters once its signature is verified, and waits in the open bundle until that
//!    is sealed by age or size. Sealed bundles go to every validator.
//! 2. Only bundles whose transactions were all verified here are proposed. Bundles fetched because
//!    a proposal names them are kept beside those until their height is decided.
//! 3. Everything is bounded in bytes; a full pool refuses new transactions and drops the youngest
//!    foreign bundles.
//!
//! Knows neither rounds nor how bundles travel.

use std::collections::{BTreeMap, HashMap, HashSet, VecDeque};
use std::sync::Arc;

use hefu_contracts::Verifier;
use hefu_primitives::bounds::{
    MAX_BLOCK_BUNDLES, MAX_BLOCK_BYTES, MAX_BUNDLE_BYTES, MAX_BUNDLE_TRANSACTIONS,
};
use hefu_primitives::{Bundle, BundleId, Millis, PublicKey, Signature, SignedTransaction, TxId};

/// Sizes and ages of the pool.
#[derive(Clone, Copy, Debug)]
pub struct PoolLimits {
    /// Age at which an open bundle is sealed, in milliseconds.
    pub seal_after_ms: u64,
    /// Most bytes of bundles held.
    pub max_bytes: usize,
}

impl Default for PoolLimits {
    fn default() -> Self {
        Self { seal_after_ms: 5, max_bytes: 64 * 1024 * 1024 }
    }
}

/// Why a transaction was not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PoolError {
    /// The pool is full; try again later.
    #[error("the pool is full")]
    Full,
}

/// Transactions and bundles that are not yet in a block.
#[derive(Default)]
pub struct Pool {
    limits: PoolLimits,
    open: Vec<SignedTransaction>,
    open_bytes: usize,
    open_since: Option<Millis>,
    waiting: HashSet<TxId>,
    order: VecDeque<BundleId>,
    bundles: HashMap<BundleId, Held>,
    bytes: usize,
    verified: HashSet<(TxId, Signature)>,
}

struct Held {
    bundle: Arc<Bundle>,
    /// Whether it may be proposed (rule 2).
    proposable: bool,
    /// Latest time at which one of its transactions may still commit.
    not_after: Millis,
    /// Whether it was sealed here, so that it is ours to hand to new peers.
    own: bool,
}

impl Pool {
    /// An empty pool.
    pub fn new(limits: PoolLimits) -> Self {
        Self { limits, ..Self::default() }
    }

    /// Takes a verified transaction into the open bundle. One that waits already is not taken
    /// twice; that is no error.
    ///
    /// # Errors
    /// [`PoolError::Full`].
    pub fn submit(&mut self, now: Millis, tx: SignedTransaction) -> Result<(), PoolError> {
        if self.waiting.contains(&tx.id()) {
            return Ok(());
        }
        if self.bytes.saturating_add(self.open_bytes) > self.limits.max_bytes {
            return Err(PoolError::Full);
        }
        self.verified.insert((tx.id(), *tx.signature()));
        self.waiting.insert(tx.id());
        self.open_bytes = self.open_bytes.saturating_add(tx.as_bytes().len()).saturating_add(8);
        self.open.push(tx);
        self.open_since.get_or_insert(now);
        Ok(())
    }

    /// When the open bundle must be sealed; at once when the next transaction may not fit.
    pub fn seal_at(&self) -> Option<Millis> {
        let since = self.open_since?;
        let room = MAX_BUNDLE_BYTES.saturating_sub(hefu_primitives::bounds::MAX_TRANSACTION_BYTES);
        let full = self.open_bytes > room || self.open.len() >= MAX_BUNDLE_TRANSACTIONS;
        Some(if full { since } else { Millis(since.0.saturating_add(self.limits.seal_after_ms)) })
    }

    /// Seals the open bundle when it is time to.
    pub fn seal(&mut self, now: Millis) -> Option<Arc<Bundle>> {
        if self.seal_at()? > now {
            return None;
        }
        self.open_since = None;
        self.open_bytes = 0;
        let bundle = Bundle::new(std::mem::take(&mut self.open)).ok().map(Arc::new)?;
        self.hold(bundle.clone(), true, true);
        Some(bundle)
    }

    /// Takes a bundle from a peer, all of whose transactions were verified. False when the pool
    /// is full or has it.
    pub fn add_verified(&mut self, bundle: Arc<Bundle>) -> bool {
        if self.bytes.saturating_add(bundle.as_bytes().len()) > self.limits.max_bytes {
            return false;
        }
        let signatures = bundle.transactions().iter().map(|tx| (tx.id(), *tx.signature()));
        self.verified.extend(signatures);
        self.waiting.extend(bundle.transactions().iter().map(SignedTransaction::id));
        match self.bundles.get_mut(&bundle.id()) {
            Some(held) if held.proposable => false,
            Some(held) => {
                held.proposable = true;
                self.order.push_back(bundle.id());
                true
            }
            None => {
                self.hold(bundle, true, false);
                true
            }
        }
    }

    /// Keeps a bundle that a proposal names, verified or not.
    pub fn add_named(&mut self, bundle: Arc<Bundle>) {
        if !self.bundles.contains_key(&bundle.id()) {
            self.hold(bundle, false, false);
        }
    }

    fn hold(&mut self, bundle: Arc<Bundle>, proposable: bool, own: bool) {
        let id = bundle.id();
        let not_after = bundle.transactions().iter().map(|tx| tx.body().not_after).max();
        self.bytes = self.bytes.saturating_add(bundle.as_bytes().len());
        let not_after = not_after.unwrap_or_default();
        self.bundles.insert(id, Held { bundle, proposable, not_after, own });
        if proposable {
            self.order.push_back(id);
        }
    }

    /// A bundle by its id.
    pub fn get(&self, id: &BundleId) -> Option<Arc<Bundle>> {
        self.bundles.get(id).map(|held| held.bundle.clone())
    }

    /// The bundles of a block, or the ids of those that are not here.
    ///
    /// # Errors
    /// The missing ids.
    pub fn resolve(&self, ids: &[BundleId]) -> Result<Vec<Arc<Bundle>>, Vec<BundleId>> {
        let missing: Vec<_> = ids.iter().filter(|id| self.get(id).is_none()).copied().collect();
        if !missing.is_empty() {
            return Err(missing);
        }
        Ok(ids.iter().filter_map(|id| self.get(id)).collect())
    }

    /// The oldest proposable bundles that fit one block.
    pub fn proposal(&self) -> Vec<Arc<Bundle>> {
        let mut bytes = 0usize;
        self.order
            .iter()
            .filter_map(|id| self.get(id))
            .take_while(|bundle| {
                bytes = bytes.saturating_add(bundle.as_bytes().len());
                bytes <= MAX_BLOCK_BYTES
            })
            .take(MAX_BLOCK_BUNDLES)
            .collect()
    }

    /// Whether there is something to propose.
    pub fn has_proposal(&self) -> bool {
        !self.order.is_empty()
    }

    /// Our own bundles that are in no block yet, for a peer that has just connected.
    pub fn own(&self) -> Vec<Arc<Bundle>> {
        let own = self.order.iter().filter_map(|id| self.bundles.get(id)).filter(|held| held.own);
        own.map(|held| held.bundle.clone()).collect()
    }

    /// Forgets the bundles of a committed block, what was fetched for blocks that were not
    /// decided, and what can no longer commit.
    pub fn committed(&mut self, bundles: &[Arc<Bundle>], block_time: Millis) {
        let gone: HashSet<BundleId> = bundles.iter().map(|bundle| bundle.id()).collect();
        let ended = |id: &BundleId, held: &Held| {
            gone.contains(id) || !held.proposable || held.not_after < block_time
        };
        let ended: BTreeMap<BundleId, Arc<Bundle>> = self
            .bundles
            .iter()
            .filter(|(id, held)| ended(id, held))
            .map(|(id, held)| (*id, held.bundle.clone()))
            .collect();
        for (id, bundle) in &ended {
            self.bundles.remove(id);
            self.bytes = self.bytes.saturating_sub(bundle.as_bytes().len());
            self.forget(bundle);
        }
        // A bundle may have come in a block without ever having been held here.
        bundles.iter().filter(|bundle| !ended.contains_key(&bundle.id())).for_each(|bundle| {
            self.forget(bundle);
        });
        self.order.retain(|id| !ended.contains_key(id));
    }

    fn forget(&mut self, bundle: &Bundle) {
        for tx in bundle.transactions() {
            self.waiting.remove(&tx.id());
            self.verified.remove(&(tx.id(), *tx.signature()));
        }
    }

    /// Bytes held.
    pub fn bytes(&self) -> usize {
        self.bytes.saturating_add(self.open_bytes)
    }

    /// Transactions waiting.
    pub fn len(&self) -> usize {
        self.waiting.len()
    }

    /// Whether nothing waits.
    pub fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }
}

/// A signature verified when its bundle arrived is not verified again.
impl Verifier for Pool {
    fn verify(&self, transaction: &SignedTransaction, key: &PublicKey) -> bool {
        let known = self.verified.contains(&(transaction.id(), *transaction.signature()));
        (known && key.id() == transaction.claims().key) || transaction.verify(key)
    }
}
