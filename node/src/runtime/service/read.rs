//! Reading what is stored: positions, blocks, events, members; and serving peers.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::PoisonError;

use hefu_contracts::Event;
use hefu_contracts::identity::Member;
use hefu_primitives::codec::Canonical;
use hefu_primitives::{Height, KeyId, Region, SignedTransaction, TxId};
use tokio::sync::oneshot;

use super::{Service, members};
use crate::core::sync::{SyncAnswer, SyncRequest};
use crate::core::{Position, StoredBlock, keys, runs};
use crate::network::NodeKey;
use crate::runtime::Job;
use crate::store::StoreError;

/// Reading.
impl Service {
    /// Where a transaction stands.
    ///
    /// # Errors
    /// Those of the store.
    pub fn position(&self, tx: &TxId) -> Result<Option<Position>, StoreError> {
        let bytes = self.0.records.index().get(&keys::transaction(tx))?;
        Ok(bytes.and_then(|bytes| Position::from_bytes(&bytes, 256).ok()))
    }

    /// A stored block.
    ///
    /// # Errors
    /// Those of the store.
    pub fn block(&self, height: Height) -> Result<Option<StoredBlock>, StoreError> {
        if height > self.tip().height {
            return Ok(None);
        }
        Ok(self.block_bytes(height)?.and_then(|bytes| StoredBlock::decode(&bytes).ok()))
    }

    /// The stored bytes of a block; none also when the node has stopped. Of one that is damaged
    /// another copy is fetched meanwhile.
    ///
    /// # Errors
    /// Those of the store.
    pub fn block_bytes(&self, height: Height) -> Result<Option<Vec<u8>>, StoreError> {
        let read = self.0.blocks.upgrade().map_or(Ok(None), |blocks| blocks.read(height.0));
        if let Err(error @ StoreError::Corrupt { .. }) = &read {
            self.heal(height, error);
        }
        read
    }

    /// A transaction of a block, by its number over all bundles.
    ///
    /// # Errors
    /// Those of the store.
    pub fn transaction_at(
        &self,
        position: &Position,
    ) -> Result<Option<SignedTransaction>, StoreError> {
        let stored = self.block(position.height)?;
        Ok(stored.and_then(|stored| stored.transaction(position.number)))
    }

    /// At most `limit` events from a place on: height, number and event.
    ///
    /// # Errors
    /// Those of the store.
    pub fn events(
        &self,
        from: (Height, u32),
        to: Height,
        limit: usize,
    ) -> Result<Vec<(Height, u32, Event)>, StoreError> {
        runs::events_from(self.0.records.index().as_ref(), from, to, limit)
    }

    /// How many contradictions of validators the ledger records.
    pub fn recorded_equivocations(&self) -> usize {
        use hefu_contracts::equivocation::{EQUIVOCATIONS, MAX_RECORDS_OF_A_KEY};
        // As many as a full set's validators can have.
        let most = MAX_RECORDS_OF_A_KEY.saturating_mul(hefu_primitives::bounds::MAX_VALIDATORS);
        EQUIVOCATIONS.read_all(&self.0.records, &(), most).len()
    }

    /// The members, by province.
    pub fn members(&self) -> Vec<Member> {
        members(&self.0.records)
    }

    /// The validator whose member runs a node.
    pub fn validator_of(&self, node: &NodeKey) -> Option<KeyId> {
        let members = self.members();
        let member = members.iter().find(|member| member.node_key.as_bytes() == &node.0)?;
        Some(member.validator_key.id())
    }

    /// The validator keys of the next height that vote and are within reach: this node's, and those
    /// that linked nodes say they vote with, each for its own member. A node that is linked and
    /// only follows, or holds a key that was replaced, is none.
    pub fn voting_keys(&self) -> BTreeSet<KeyId> {
        let validators = self.tip().validators;
        let region_of: BTreeMap<NodeKey, Region> = self
            .members()
            .iter()
            .map(|member| (NodeKey(*member.node_key.as_bytes()), member.region))
            .collect();
        let (own, peers) = self.0.voters.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let claims = peers.into_iter().filter(|(peer, key)| {
            let named = validators.by_key(*key).map(|(_, validator)| validator.region);
            named.is_some() && named == region_of.get(&NodeKey(peer.0)).copied()
        });
        let own = own.filter(|key| validators.by_key(*key).is_some());
        claims.map(|(_, key)| key).chain(own).collect()
    }

    /// The voting power of [`Self::voting_keys`].
    pub fn online_power(&self) -> u64 {
        let validators = self.tip().validators;
        let keys = self.voting_keys();
        let powers = keys.iter().filter_map(|key| validators.by_key(*key));
        powers.map(|(_, validator)| validator.power.0).sum()
    }

    /// Blocks, bundles, cosignatures and receipts for a peer.
    pub(in crate::runtime) async fn serve(
        &self,
        from: NodeKey,
        request: SyncRequest,
    ) -> Option<SyncAnswer> {
        match request {
            SyncRequest::Blocks { from, count } => {
                let service = self.clone();
                let count = u64::from(count.min(hefu_consensus::MAX_CATCH_UP_BLOCKS));
                let read = move || {
                    let tip = service.tip().height.0;
                    let heights =
                        from.0.max(1)..=tip.min(from.0.saturating_add(count).saturating_sub(1));
                    SyncAnswer::collect(heights.map_while(|height| service.readable(height)))
                };
                tokio::task::spawn_blocking(read).await.ok()
            }
            SyncRequest::Bundles(ids) => self.bundles(ids).await,
            SyncRequest::Cosigned(told) => {
                let service = self.clone();
                let answer = move || service.answer_cosigned(&from, told);
                tokio::task::spawn_blocking(answer).await.ok().flatten()
            }
            SyncRequest::CosignerKeys => {
                let keys = self.own_cosigner_keys();
                Some(SyncAnswer::collect(keys.iter().map(Canonical::to_bytes)))
            }
            SyncRequest::Receipt { leaf, es256 } => {
                let service = self.clone();
                let answer = move || service.answer_receipt(leaf, es256);
                tokio::task::spawn_blocking(answer).await.ok()
            }
        }
    }

    /// A stored block; none when it cannot be read: then whoever asks goes to another node, and
    /// [`Self::block_bytes`] sees to it that the next one gets it.
    fn readable(&self, height: u64) -> Option<Vec<u8>> {
        match self.block_bytes(Height(height)) {
            Ok(bytes) => bytes,
            Err(StoreError::Corrupt { .. }) => None,
            Err(error) => {
                tracing::error!(height, %error, "a stored block cannot be read");
                None
            }
        }
    }

    async fn bundles(&self, ids: Vec<hefu_primitives::BundleId>) -> Option<SyncAnswer> {
        let (reply, answer) = oneshot::channel();
        let job = Job::Pool(Box::new(move |pool| {
            let _ = reply.send(ids.iter().filter_map(|id| pool.get(id)).collect::<Vec<_>>());
        }));
        self.0.jobs.try_send(job).ok()?;
        // The core thread does not copy megabytes for whoever asks.
        let found = answer.await.ok()?;
        Some(SyncAnswer::collect(found.iter().map(|bundle| bundle.as_bytes().to_vec())))
    }
}
