//! Proofs: records under a state root, at any height that is still provable, and leaves under a log
//! root.
//!
//! The authenticated map of the last blocks is read on the core thread, which alone holds it; that of
//! an earlier height is made anew on a thread of its own, one at a time.

use hefu_contracts::equivocation::EQUIVOCATIONS;
use hefu_contracts::exec::VALIDATORS;
use hefu_primitives::capsule::{CertifiedHeader, RecordProof, SetChange, StatusProof};
use hefu_primitives::evidence::EquivocationId;
use hefu_primitives::evidence_file::{EquivocationProof, PROOF_FORMAT};
use hefu_primitives::light::LightBlock;
use hefu_primitives::log::{ConsistencyProof, InclusionProof, consistency_proof, inclusion_proof};
use hefu_primitives::map::{AuthenticatedMap, MapProof, path_of};
use hefu_primitives::{H32, Height, ValidatorSet};
use tokio::sync::oneshot;

use super::Service;
use crate::core::runs::IndexLog;
use crate::core::{Ledger, StoredBlock, map_at};
use crate::runtime::Job;
use crate::store::RealDisk;

/// Why there is no proof.
#[derive(Debug, thiserror::Error)]
pub enum ProofError {
    /// No such transaction or contradiction, or it was refused and is in no log.
    #[error("not on the ledger")]
    NotRecorded,
    /// No block yet, so no header to prove against.
    #[error("no block yet")]
    NoBlock,
    /// A height that is not there yet.
    #[error("height {asked} is not there yet: the tip is {tip}")]
    Future {
        /// The height asked for.
        asked: Height,
        /// The last one.
        tip: Height,
    },
    /// A status before the record it is of.
    #[error("height {asked} is before the record, which is of height {recorded}")]
    Before {
        /// The height asked for.
        asked: Height,
        /// The height of the record.
        recorded: Height,
    },
    /// There was such a proof, and this node no longer gives it.
    #[error("pruned: this node proves records from height {oldest} on (storage.proof_blocks)")]
    Pruned {
        /// The first height that is still provable.
        oldest: Height,
    },
    /// The store, or a record of ours that does not decode.
    #[error("the store cannot give the proof")]
    Store,
    /// No province that can be reached signs.
    #[error("no cosigner can be reached")]
    Unsigned,
    /// The node has stopped.
    #[error("the node has stopped")]
    Stopped,
}

/// The root of a map, and the proof of each key.
fn proofs(map: &AuthenticatedMap, keys: &[Vec<u8>]) -> (H32, Vec<MapProof>) {
    (map.root(), keys.iter().map(|key| map.prove(&path_of(key))).collect())
}

/// Proving. These run on the core thread, which alone holds the authenticated map.
impl Service {
    async fn on_ledger<T: Send + 'static>(
        &self,
        read: impl FnOnce(&mut Ledger<RealDisk>) -> T + Send + 'static,
    ) -> Result<T, ProofError> {
        let (reply, answer) = oneshot::channel();
        let job = Job::Ledger(Box::new(move |ledger| {
            let _ = reply.send(read(ledger));
        }));
        let jobs = self.0.jobs.clone();
        let queued = tokio::task::spawn_blocking(move || jobs.send(job).is_ok()).await;
        if !queued.unwrap_or(false) {
            return Err(ProofError::Stopped);
        }
        answer.await.map_err(|_| ProofError::Stopped)
    }

    /// The first height at which records can be proven.
    pub fn oldest_provable(&self) -> Height {
        let kept = self.0.proof_blocks.unwrap_or(u64::MAX);
        Height(self.tip().height.0.saturating_sub(kept).max(1))
    }

    /// Proves records, or their absence, after the last block or after an earlier one.
    ///
    /// # Errors
    /// [`ProofError`]; [`ProofError::Pruned`] for a height that is no longer provable.
    pub async fn prove_records(
        &self,
        keys: Vec<Vec<u8>>,
        at: Option<Height>,
    ) -> Result<StatusProof, ProofError> {
        let Some(height) = at else {
            let prove = move |ledger: &mut Ledger<RealDisk>| {
                let height = ledger.tip().height;
                (height, ledger.with_map(|map| proofs(map, &keys)), keys)
            };
            let (height, (_, proofs), keys) = self.on_ledger(prove).await?;
            return self.status(height, keys, proofs);
        };
        let tip = self.tip().height;
        if height > tip {
            return Err(ProofError::Future { asked: height, tip });
        }
        let oldest = self.oldest_provable();
        if height < oldest {
            return Err(ProofError::Pruned { oldest });
        }
        let wanted = keys.clone();
        let prove = move |ledger: &mut Ledger<RealDisk>| {
            ledger.with_map_at(height, |map| proofs(map, &wanted))
        };
        let (root, proofs) = match self.on_ledger(prove).await? {
            Some(found) => found,
            None => self.prove_anew(&keys, height).await?,
        };
        let status = self.status(height, keys, proofs)?;
        // What is read back and put together again is held against what was decided.
        if status.certified.header.state_root != root {
            tracing::error!(%height, "the records of this height cannot be put together again");
            return Err(ProofError::Store);
        }
        Ok(status)
    }

    /// Proves from a map made anew; one at a time, because it has the size of the ledger.
    async fn prove_anew(
        &self,
        keys: &[Vec<u8>],
        height: Height,
    ) -> Result<(H32, Vec<MapProof>), ProofError> {
        let one = self.0.proving.acquire().await.map_err(|_| ProofError::Stopped)?;
        let (index, keys) = (self.0.records.index().clone(), keys.to_vec());
        let made = tokio::task::spawn_blocking(move || {
            map_at(&index, height).map(|map| proofs(&map, &keys))
        });
        let made = made.await.map_err(|_| ProofError::Stopped)?;
        drop(one);
        made.map_err(|_| ProofError::Store)
    }

    /// Records as they were after a block, with their proofs.
    fn status(
        &self,
        height: Height,
        keys: Vec<Vec<u8>>,
        proofs: Vec<MapProof>,
    ) -> Result<StatusProof, ProofError> {
        let mut records = Vec::with_capacity(keys.len());
        for (key, proof) in keys.into_iter().zip(proofs) {
            let found = self.0.records.at(&key, height).map_err(|_| ProofError::Store)?;
            let value = found.map(|(_, value)| value.into());
            records.push(RecordProof { key: key.into(), value, proof });
        }
        Ok(StatusProof { certified: self.certified(height)?, records })
    }

    /// A header, its certificate and the validator sets around it, for light clients. Blocks on
    /// files.
    ///
    /// # Errors
    /// [`ProofError`].
    pub fn light_block(&self, height: Height) -> Result<LightBlock, ProofError> {
        if height.0 == 0 || height > self.tip().height {
            return Err(ProofError::NotRecorded);
        }
        let certified = self.certified(height)?;
        let sets = (self.set_after(height.previous())?, self.set_after(height)?);
        let block = LightBlock::new(certified, sets.0, sets.1);
        let header = &block.certified.header;
        let fits = header.validators == block.validators.hash()
            && header.next_validators == block.next_validators().hash();
        if fits { Ok(block) } else { Err(ProofError::Store) }
    }

    /// The set that decides the height after this one.
    fn set_after(&self, height: Height) -> Result<ValidatorSet, ProofError> {
        if height.0 == 0 {
            return Ok(self.0.genesis.anchor().validators);
        }
        let record = VALIDATORS.key(&());
        let at = self.0.records.at(&record, height).map_err(|_| ProofError::Store)?;
        let schedule = at.and_then(|(_, bytes)| VALIDATORS.decode(&bytes));
        Ok(schedule.ok_or(ProofError::Store)?.next)
    }

    pub(super) fn certified(&self, height: Height) -> Result<CertifiedHeader, ProofError> {
        if height.0 == 0 {
            return Err(ProofError::NoBlock);
        }
        // The block is in the files before the tip moves, so this also finds the newest one.
        let bytes = self.block_bytes(height).map_err(|_| ProofError::Store)?;
        let stored = bytes.and_then(|bytes| StoredBlock::decode(&bytes).ok());
        let stored = stored.ok_or(ProofError::Store)?;
        Ok(CertifiedHeader { header: stored.block.header, certificate: stored.certificate })
    }

    /// Proves that a leaf is in the log of `size` leaves.
    ///
    /// # Errors
    /// [`ProofError`].
    pub fn prove_leaf(&self, leaf: u64, size: u64) -> Result<InclusionProof, ProofError> {
        let index = self.0.records.index();
        inclusion_proof(&IndexLog(index.as_ref()), leaf, size).map_err(|_| ProofError::NotRecorded)
    }

    /// Proves that the log of `new` leaves continues that of `old` leaves.
    ///
    /// # Errors
    /// [`ProofError`].
    pub fn prove_consistency(&self, old: u64, new: u64) -> Result<ConsistencyProof, ProofError> {
        let index = self.0.records.index();
        consistency_proof(&IndexLog(index.as_ref()), old, new).map_err(|_| ProofError::NotRecorded)
    }

    /// The proof of a recorded contradiction. Blocks on files.
    ///
    /// # Errors
    /// [`ProofError`].
    pub fn equivocation_proof(&self, id: EquivocationId) -> Result<EquivocationProof, ProofError> {
        let record = EQUIVOCATIONS.read(&self.0.records, &(id.validator, id.height));
        let evidence = record.ok_or(ProofError::NotRecorded)?.evidence;
        Ok(EquivocationProof {
            format: PROOF_FORMAT,
            anchor: self.0.genesis.anchor(),
            set_changes: self.set_changes(id.height)?,
            decided: self.certified(id.height)?,
            evidence,
        })
    }

    /// The changes of the validator set before a height, oldest first.
    ///
    /// The schedule is a record with history, so the heights at which it was written name every
    /// candidate without a walk over all headers.
    pub(super) fn set_changes(&self, until: Height) -> Result<Vec<SetChange>, ProofError> {
        let record = VALIDATORS.key(&());
        let written = self.0.records.heights_of(&record).map_err(|_| ProofError::Store)?;
        let mut changes = Vec::new();
        for height in written.into_iter().filter(|height| height.0 > 0 && *height < until) {
            let certified = self.certified(height)?;
            if certified.header.next_validators == certified.header.validators {
                continue;
            }
            changes.push(SetChange { certified, next: self.set_after(height)? });
        }
        Ok(changes)
    }
}
