//! The mempool: transactions on their way into bundles, and bundles on their way into blocks.
//!
//! 1. A transaction enters once its signature is verified, and waits in the open bundle until that
//!    is sealed: at once when no other of ours waits for a block, else by age or size. Sealed
//!    bundles go to every validator.
//! 2. Only bundles whose transactions were all verified here are proposed. Bundles fetched because
//!    a proposal names them are kept beside those until their height is decided; they take no room
//!    from the others.
//! 3. Everything is bounded in bytes: one peer's bundles to a share, those of all peers together to
//!    three quarters, so that whatever peers send, what was submitted here finds room. A bundle
//!    that brings no new transaction is not taken.
//! 4. What was submitted here waits no longer than it takes to record it: more than a few seconds'
//!    worth, at the pace at which our own bundles were recorded of late, is told to come again. An
//!    act that is taken is recorded soon, however many more are offered.
//! 5. A bundle leaves with the block that holds it, when all its transactions were recorded by way
//!    of others, or when none of them may be any more.
//!
//! Knows neither rounds nor how bundles travel.

use std::collections::{HashMap, HashSet, VecDeque};
use std::hash::Hash;
use std::sync::Arc;

use hefu_consensus::PeerKey;
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
    /// Most bytes of bundles that wait to be proposed.
    pub max_bytes: usize,
}

impl PoolLimits {
    /// Of these, most that came from one peer.
    const fn of_one_peer(&self) -> usize {
        let share = self.max_bytes / 8;
        if share > MAX_BUNDLE_BYTES { share } else { MAX_BUNDLE_BYTES }
    }

    /// Of these, most that came from peers.
    const fn of_all_peers(&self) -> usize {
        self.max_bytes / 4 * 3
    }
}

impl Default for PoolLimits {
    fn default() -> Self {
        Self { seal_after_ms: 5, max_bytes: 64 * 1024 * 1024 }
    }
}

/// Most of our own that waits: what was recorded in so many seconds of late,
const WORTH_SECONDS: usize = 1;
/// and so many bytes whatever the pace.
const ALWAYS_BYTES: usize = 4 * MAX_BUNDLE_BYTES;
/// The pace is that of the last span of at least so many milliseconds between two blocks.
const PACE_MS: u64 = 1_000;

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
    /// Transactions that wait, by how many bundles that may be proposed (the open one too).
    waiting: Counted<TxId>,
    /// What was verified here, counted likewise.
    verified: Counted<(TxId, Signature)>,
    order: VecDeque<BundleId>,
    bundles: HashMap<BundleId, Held>,
    /// Bytes of bundles that may be proposed, and of the others.
    bytes: usize,
    named_bytes: usize,
    /// Bytes of those that may be proposed, by the peer they came from.
    foreign: HashMap<PeerKey, usize>,
    /// Bundles sealed here that wait.
    own: usize,
    pace: Pace,
}

/// How fast our own bundles are recorded, in bytes and block time.
#[derive(Default)]
struct Pace {
    since: Millis,
    bytes: usize,
    per_second: usize,
}

impl Pace {
    /// A block recorded so many bytes of ours.
    fn recorded(&mut self, bytes: usize, block_time: Millis) {
        self.bytes = self.bytes.saturating_add(bytes);
        let span = block_time.0.saturating_sub(self.since.0);
        if span >= PACE_MS {
            let of_second = (self.bytes as u64).saturating_mul(1_000) / span;
            self.per_second = usize::try_from(of_second).unwrap_or(usize::MAX);
            (self.since, self.bytes) = (block_time, 0);
        }
    }
}

struct Held {
    bundle: Arc<Bundle>,
    origin: Origin,
    /// Whether its signatures were verified here.
    verified: bool,
    /// Latest time at which one of its transactions may still commit.
    not_after: Millis,
}

/// Why a bundle is here. All but the named ones may be proposed (rule 2).
#[derive(Clone, Copy, PartialEq, Eq)]
enum Origin {
    /// Sealed here, so that it is ours to hand to new peers.
    Own,
    /// From a peer.
    Peer(PeerKey),
    /// A proposal names it.
    Named,
}

/// A set that remembers how often each element was put in.
struct Counted<T>(HashMap<T, u32>);

impl<T> Default for Counted<T> {
    fn default() -> Self {
        Self(HashMap::new())
    }
}

impl<T: Eq + Hash> Counted<T> {
    fn insert(&mut self, element: T) {
        let count = self.0.entry(element).or_default();
        *count = count.saturating_add(1);
    }

    fn remove(&mut self, element: &T) {
        match self.0.get_mut(element) {
            Some(count) if *count > 1 => *count -= 1,
            _ => _ = self.0.remove(element),
        }
    }
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
        if self.waits(&tx) {
            return Ok(());
        }
        if self.is_full() {
            return Err(PoolError::Full);
        }
        self.count(&tx);
        self.open_bytes = self.open_bytes.saturating_add(tx.as_bytes().len()).saturating_add(8);
        self.open.push(tx);
        self.open_since.get_or_insert(now);
        Ok(())
    }

    /// Whether nothing more that is submitted here is taken for now (rule 4).
    pub fn is_full(&self) -> bool {
        self.own_room() == 0
    }

    /// Bytes of what is submitted here that are taken before nothing more is; the last transaction
    /// may have more.
    pub fn own_room(&self) -> usize {
        let all = self.bytes.saturating_add(self.open_bytes);
        let own = all.saturating_sub(self.foreign.values().sum());
        let worth = self.pace.per_second.saturating_mul(WORTH_SECONDS).max(ALWAYS_BYTES);
        self.limits.max_bytes.saturating_sub(all).min(worth.saturating_sub(own))
    }

    /// When the open bundle must be sealed: at once when the next transaction may not fit, or when
    /// nothing of ours is under way, since company comes only while something is (the rule of
    /// Nagle, RFC 896).
    pub fn seal_at(&self) -> Option<Millis> {
        let since = self.open_since?;
        if self.is_open_full() || self.own == 0 {
            return Some(since);
        }
        Some(Millis(since.0.saturating_add(self.limits.seal_after_ms)))
    }

    /// Whether the next transaction may not fit the open bundle.
    pub fn is_open_full(&self) -> bool {
        let room = MAX_BUNDLE_BYTES.saturating_sub(hefu_primitives::bounds::MAX_TRANSACTION_BYTES);
        self.open_bytes > room || self.open.len() >= MAX_BUNDLE_TRANSACTIONS
    }

    /// Seals the open bundle when it is time to: also when the clock was put back since it was
    /// opened, and without regard to any clock when it is full.
    pub fn seal(&mut self, now: Millis) -> Option<Arc<Bundle>> {
        let since = self.open_since?;
        if self.seal_at()? > now && since <= now && !self.is_open_full() {
            return None;
        }
        self.open_since = None;
        self.open_bytes = 0;
        let transactions = std::mem::take(&mut self.open);
        // They are counted again with the bundle.
        transactions.iter().for_each(|tx| self.discount(tx));
        let bundle = Bundle::new(transactions).ok().map(Arc::new)?;
        self.hold(bundle.clone(), Origin::Own);
        Some(bundle)
    }

    /// Takes a bundle from a peer, all of whose transactions were verified. False when the pool
    /// has it, has all its transactions, or has no room for more of this peer.
    pub fn add_verified(&mut self, from: PeerKey, bundle: Arc<Bundle>) -> bool {
        let held = self.bundles.get(&bundle.id());
        let known = held.is_some_and(|held| held.origin != Origin::Named);
        if known || bundle.transactions().iter().all(|tx| self.waits(tx)) {
            return false;
        }
        let bytes = bundle.as_bytes().len();
        let theirs = self.foreign.get(&from).copied().unwrap_or_default();
        let foreign: usize = self.foreign.values().sum();
        let room = self.bytes.saturating_add(bytes) <= self.limits.max_bytes
            && foreign.saturating_add(bytes) <= self.limits.of_all_peers()
            && theirs.saturating_add(bytes) <= self.limits.of_one_peer();
        if room {
            self.hold(bundle, Origin::Peer(from));
        }
        room
    }

    /// Keeps a bundle that a proposal names, verified or not.
    pub fn add_named(&mut self, bundle: Arc<Bundle>) {
        if !self.bundles.contains_key(&bundle.id()) {
            self.hold(bundle, Origin::Named);
        }
    }

    /// Holds a bundle; one that is held already is held for the better reason.
    fn hold(&mut self, bundle: Arc<Bundle>, origin: Origin) {
        let id = bundle.id();
        let listed = self.release(&id).is_some_and(|before| before != Origin::Named);
        let bytes = bundle.as_bytes().len();
        if origin == Origin::Named {
            self.named_bytes = self.named_bytes.saturating_add(bytes);
        } else {
            self.bytes = self.bytes.saturating_add(bytes);
            bundle.transactions().iter().for_each(|tx| self.count(tx));
            if !listed {
                self.order.push_back(id);
            }
        }
        if let Origin::Peer(peer) = origin {
            let theirs = self.foreign.entry(peer).or_default();
            *theirs = theirs.saturating_add(bytes);
        }
        if origin == Origin::Own {
            self.own = self.own.saturating_add(1);
        }
        let not_after = bundle.transactions().iter().map(|tx| tx.body().not_after).max();
        let not_after = not_after.unwrap_or_default();
        let verified = origin != Origin::Named;
        self.bundles.insert(id, Held { bundle, origin, verified, not_after });
    }

    /// Lets go of a bundle, but for its place in the order; why it was here.
    fn release(&mut self, id: &BundleId) -> Option<Origin> {
        let held = self.bundles.remove(id)?;
        let (bytes, transactions) = (held.bundle.as_bytes().len(), held.bundle.transactions());
        if held.verified {
            transactions.iter().for_each(|tx| self.verified.remove(&(tx.id(), *tx.signature())));
        }
        if held.origin == Origin::Named {
            self.named_bytes = self.named_bytes.saturating_sub(bytes);
            return Some(held.origin);
        }
        self.bytes = self.bytes.saturating_sub(bytes);
        transactions.iter().for_each(|tx| self.waiting.remove(&tx.id()));
        if held.origin == Origin::Own {
            self.own = self.own.saturating_sub(1);
        }
        if let Origin::Peer(peer) = held.origin {
            let theirs = self.foreign.entry(peer).or_default();
            *theirs = theirs.saturating_sub(bytes);
            if *theirs == 0 {
                self.foreign.remove(&peer);
            }
        }
        Some(held.origin)
    }

    /// Whether a transaction's signature was verified here.
    pub fn has_verified(&self, tx: &SignedTransaction) -> bool {
        self.verified.0.contains_key(&(tx.id(), *tx.signature()))
    }

    /// Remembers that the signatures of a bundle that a proposal names are good.
    pub fn set_verified(&mut self, id: &BundleId) {
        let Some(held) = self.bundles.get_mut(id).filter(|held| !held.verified) else { return };
        held.verified = true;
        for tx in held.bundle.transactions() {
            self.verified.insert((tx.id(), *tx.signature()));
        }
    }

    fn count(&mut self, tx: &SignedTransaction) {
        self.waiting.insert(tx.id());
        self.verified.insert((tx.id(), *tx.signature()));
    }

    fn discount(&mut self, tx: &SignedTransaction) {
        self.waiting.remove(&tx.id());
        self.verified.remove(&(tx.id(), *tx.signature()));
    }

    fn waits(&self, tx: &SignedTransaction) -> bool {
        self.waiting.0.contains_key(&tx.id())
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

    /// The oldest bundles that may be proposed and fit one block.
    pub fn proposal(&self) -> Vec<Arc<Bundle>> {
        fitting_a_block(self.order.iter().filter_map(|id| self.get(id))).collect()
    }

    /// Whether there is something to propose.
    pub fn has_proposal(&self) -> bool {
        !self.order.is_empty()
    }

    /// Our oldest bundles that are in no block yet, for a peer that has just connected: as many as
    /// one block takes, since it fetches what else it needs.
    pub fn own(&self) -> Vec<Arc<Bundle>> {
        let own = self.order.iter().filter_map(|id| self.bundles.get(id));
        let own = own.filter(|held| held.origin == Origin::Own);
        fitting_a_block(own.map(|held| held.bundle.clone())).collect()
    }

    /// The oldest bundle that was sealed here and waits.
    pub fn oldest_own(&self) -> Option<Arc<Bundle>> {
        let mut held = self.order.iter().filter_map(|id| self.bundles.get(id));
        held.find(|held| held.origin == Origin::Own).map(|held| held.bundle.clone())
    }

    /// Forgets the bundles of a committed block, what was fetched for blocks that were not
    /// decided, and what can no longer commit. `recorded` are the transactions whose ids are now
    /// used up; of others the block may hold copies that say nothing.
    pub fn committed(
        &mut self,
        bundles: &[BundleId],
        recorded: impl IntoIterator<Item = TxId>,
        block_time: Millis,
    ) {
        let gone: HashSet<&BundleId> = bundles.iter().collect();
        recorded.into_iter().for_each(|id| _ = self.waiting.0.remove(&id));
        let ended = |(id, held): (&BundleId, &Held)| {
            let dead = || !held.bundle.transactions().iter().any(|tx| self.waits(tx));
            let named = held.origin == Origin::Named;
            let ended = gone.contains(id) || named || held.not_after < block_time || dead();
            ended.then_some(*id)
        };
        let ended: Vec<BundleId> = self.bundles.iter().filter_map(ended).collect();
        let own = ended.iter().filter_map(|id| self.bundles.get(id));
        let own = own.filter(|held| held.origin == Origin::Own);
        let recorded = own.map(|held| held.bundle.as_bytes().len()).sum();
        self.pace.recorded(recorded, block_time);
        ended.iter().for_each(|id| _ = self.release(id));
        self.order.retain(|id| self.bundles.contains_key(id));
    }

    /// Bytes held.
    pub fn bytes(&self) -> usize {
        self.bytes.saturating_add(self.named_bytes).saturating_add(self.open_bytes)
    }

    /// Transactions waiting.
    pub fn len(&self) -> usize {
        self.waiting.0.len()
    }

    /// Whether nothing waits.
    pub fn is_empty(&self) -> bool {
        self.waiting.0.is_empty()
    }
}

/// The first bundles that fit one block.
fn fitting_a_block(
    bundles: impl Iterator<Item = Arc<Bundle>>,
) -> impl Iterator<Item = Arc<Bundle>> {
    let mut bytes = 0usize;
    let fits = bundles.take_while(move |bundle| {
        bytes = bytes.saturating_add(bundle.as_bytes().len());
        bytes <= MAX_BLOCK_BYTES
    });
    fits.take(MAX_BLOCK_BUNDLES)
}

/// A signature verified when its bundle arrived is not verified again.
impl Verifier for Pool {
    fn verify(&self, transaction: &SignedTransaction, key: &PublicKey) -> bool {
        let known = self.has_verified(transaction);
        (known && key.id() == transaction.claims().key) || transaction.verify(key)
    }

    fn knows(&self, transaction: &SignedTransaction) -> bool {
        self.has_verified(transaction)
    }
}

#[cfg(test)]
mod tests;
