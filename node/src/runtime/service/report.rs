//! What the core thread and the network report to whoever watches the node.

use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError};

use hefu_consensus::Equivocation;
use hefu_primitives::{Height, TxId};

use super::waiters::Told;
use super::{MAX_REFUSALS_KEPT, Service};
use crate::core::{Committed, Halted, PoolError, Voters};
use crate::network::{NodeKey, Refusal};

/// What the core thread reports.
impl Service {
    pub(in crate::runtime) fn committed(&self, mut committed: Committed) {
        // What a slow watcher has not read stays in memory; the bundles stand in the block files.
        if let Some(stored) = Arc::get_mut(&mut committed.stored) {
            stored.bundles = Vec::new();
        }
        let height = committed.tip.height;
        *self.0.tip.write().unwrap_or_else(PoisonError::into_inner) = committed.tip.clone();
        self.0.heights.send_replace(height);
        for (id, position) in committed.positions.iter().filter(|(_, at)| at.is_authentic()) {
            self.0.waiters.tell(id, || Told::Outcome(*position));
        }
        let _ = self.0.commits.send(Arc::new(committed));
    }

    pub(in crate::runtime) fn rejected(&self, tx: TxId, error: PoolError) {
        tracing::debug!(%tx, %error, "a transaction was not taken");
        self.0.waiters.tell(&tx, || Told::NoRoom);
    }

    pub(in crate::runtime) fn evidence(&self, evidence: &Equivocation) {
        tracing::error!(?evidence, "a validator contradicted itself");
        let mut kept = self.0.evidence.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.len() < MAX_REFUSALS_KEPT {
            kept.push(*evidence);
        }
    }

    pub(in crate::runtime) fn halted(&self, halted: Halted) {
        self.0.halted.send_replace(Some(halted));
    }

    pub(in crate::runtime) fn refused(&self, peer: Option<NodeKey>, reason: &Refusal) {
        let mut kept = self.0.refusals.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.len() >= MAX_REFUSALS_KEPT {
            kept.pop_front();
        }
        kept.push_back((peer, reason.to_string()));
    }

    pub(in crate::runtime) fn set_pool(&self, pool: &crate::core::Pool) {
        self.0.ahead.set_free(pool.own_room());
        let held = (pool.len(), pool.bytes());
        *self.0.pool.lock().unwrap_or_else(PoisonError::into_inner) = held;
    }

    pub(in crate::runtime) fn set_highest_peer(&self, deciding: Height) {
        self.0.highest_peer.store(deciding.0, Ordering::Relaxed);
    }

    /// Our key that votes, if one does, and those that linked nodes say they vote with.
    pub(in crate::runtime) fn set_voters(&self, voters: Voters) {
        *self.0.voters.lock().unwrap_or_else(PoisonError::into_inner) = voters;
    }

    pub(in crate::runtime) fn penalise(&self, peer: NodeKey) {
        let network = self.0.network.clone();
        if let Ok(handle) = tokio::runtime::Handle::try_current() {
            handle.spawn(async move { network.penalise(peer, 20).await });
        }
    }
}
