//! A stored block that decayed is fetched from the others, compared with what this node knows of it,
//! and put beside the damaged one.
//!
//! A copy is the right one if this node's index has its id at that height, what it holds is what its
//! header names, and its certificate is by the validators of that height. So a peer can give nothing
//! but the block that was there. What is damaged at a start is not healed here: the node does not
//! start on it (`cli.blocks_damaged`).

use std::sync::PoisonError;
use std::time::{Duration, Instant};

use hefu_contracts::equivocation::set_at;
use hefu_primitives::Height;
use hefu_primitives::block::outcomes_root;
use hefu_primitives::codec::Canonical;

use super::Service;
use crate::core::sync::{SyncAnswer, SyncRequest};
use crate::core::{StoredBlock, decode_bundles, keys, reading};
use crate::store::StoreError;

/// How long a peer may take to answer.
const TIMEOUT: Duration = Duration::from_secs(5);
/// Pause before a block is asked for again that nobody gave.
const AGAIN: Duration = Duration::from_secs(10);
/// Most damaged blocks that are remembered; more than can be repaired one by one.
const MAX_HEALING: usize = 512;

/// Why a copy does not take a damaged block's place.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum NotHealed {
    #[error("no block")]
    Malformed,
    #[error("not the block that was here")]
    Another,
    #[error("its contents are not those its header names")]
    Contents,
    #[error("its certificate does not hold")]
    Certificate,
    #[error("the node has stopped")]
    Stopped,
    #[error("{0}")]
    Store(String),
}

impl Service {
    /// Has a damaged block fetched from the peers, unless that is under way or was tried just now.
    pub(super) fn heal(&self, height: Height, damage: &StoreError) {
        let Some(tokio) = &self.0.tokio else { return };
        {
            let mut healing = self.0.healing.lock().unwrap_or_else(PoisonError::into_inner);
            let now = Instant::now();
            healing.retain(|_, tried| now.duration_since(*tried) < AGAIN);
            if healing.len() >= MAX_HEALING || healing.insert(height, now).is_some() {
                return;
            }
        }
        tracing::error!(%height, error = %damage, "a stored block is damaged; asking the other nodes for it");
        let service = self.clone();
        tokio.spawn(async move { service.ask_for(height).await });
    }

    async fn ask_for(self, height: Height) {
        let request = SyncRequest::Blocks { from: height, count: 1 }.to_bytes();
        for peer in self.0.network.connected() {
            let Ok(bytes) = self.0.network.request(peer, &request, TIMEOUT).await else { continue };
            let answer =
                SyncAnswer::decode(&bytes).ok().and_then(|answer| answer.0.into_iter().next());
            let Some(copy) = answer else { continue };
            let service = self.clone();
            let put = move || service.put_copy(height, &copy);
            match tokio::task::spawn_blocking(put).await {
                Ok(Ok(())) => {
                    tracing::warn!(%height, %peer, "the damaged block is here again; look after the disk");
                    return;
                }
                Ok(Err(error)) => tracing::warn!(%height, %peer, %error, "not taken"),
                Err(_) => return,
            }
        }
        tracing::error!(%height, "no node has given the damaged block: if this goes on, stop this node and run hefu store refetch");
    }

    /// Puts a copy in the damaged block's place, if it is that block.
    fn put_copy(&self, height: Height, copy: &[u8]) -> Result<(), NotHealed> {
        self.check_copy(height, copy)?;
        let blocks = self.0.blocks.upgrade().ok_or(NotHealed::Stopped)?;
        blocks.repair(height.0, copy).map_err(|error| NotHealed::Store(error.to_string()))?;
        Ok(())
    }

    /// Whether bytes are the block that this node has at a height.
    pub(crate) fn check_copy(&self, height: Height, copy: &[u8]) -> Result<(), NotHealed> {
        let store = |error: StoreError| NotHealed::Store(error.to_string());
        let stored = StoredBlock::decode(copy).map_err(|_| NotHealed::Malformed)?;
        let (block, certificate) = (&stored.block, &stored.certificate);
        let id = block.id();
        let known = self.0.records.index().get(&keys::block(&id)).map_err(store)?;
        if block.header.height != height || known.as_deref() != Some(&height.0.to_be_bytes()[..]) {
            return Err(NotHealed::Another);
        }
        let whole = decode_bundles(&stored).is_ok()
            && block.contents_root() == block.header.bundles_root
            && outcomes_root(&stored.outcomes) == block.header.outcomes_root;
        if !whole {
            return Err(NotHealed::Contents);
        }
        let set = reading(|| set_at(&self.0.records, height)).map_err(store)?;
        let set = set.ok_or(NotHealed::Certificate)?;
        let named = certificate.height == height && certificate.block == id;
        if !named || certificate.verify(&self.0.chain, &set).is_err() {
            return Err(NotHealed::Certificate);
        }
        Ok(())
    }
}
