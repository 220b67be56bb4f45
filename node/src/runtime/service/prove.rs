//! Proofs: records under a state root, leaves under a log root, and whole evidence capsules.
//!
//! What needs the authenticated map runs on the core thread, which alone holds it.

use hefu_contracts::equivocation::EQUIVOCATIONS;
use hefu_contracts::exec::VALIDATORS;
use hefu_primitives::block::TxResult;
use hefu_primitives::capsule::{
    CAPSULE_FORMAT, Capsule, CertifiedHeader, RecordProof, SetChange, StatusProof,
};
use hefu_primitives::evidence::EquivocationId;
use hefu_primitives::evidence_file::{EquivocationProof, PROOF_FORMAT};
use hefu_primitives::light::LightBlock;
use hefu_primitives::log::{ConsistencyProof, InclusionProof, consistency_proof, inclusion_proof};
use hefu_primitives::map::path_of;
use hefu_primitives::{Height, TxId, ValidatorSet};
use tokio::sync::oneshot;

use super::Service;
use crate::core::open::IndexLog;
use crate::core::{Ledger, StoredBlock};
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

    /// Proves records, or their absence, after the last block.
    ///
    /// # Errors
    /// [`ProofError`].
    pub async fn prove_records(&self, keys: Vec<Vec<u8>>) -> Result<StatusProof, ProofError> {
        let (height, records) = self
            .on_ledger(move |ledger| {
                let view = ledger.records().clone();
                let prove = |key: Vec<u8>| {
                    let value = hefu_contracts::StateView::get(&view, &key);
                    (key, value)
                };
                let values: Vec<_> = keys.into_iter().map(prove).collect();
                let proofs = ledger.with_map(|map| {
                    values.iter().map(|(key, _)| map.prove(&path_of(key))).collect::<Vec<_>>()
                });
                let records = values.into_iter().zip(proofs).map(|((key, value), proof)| {
                    RecordProof { key: key.into(), value: value.map(Into::into), proof }
                });
                (ledger.tip().height, records.collect())
            })
            .await?;
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

    fn certified(&self, height: Height) -> Result<CertifiedHeader, ProofError> {
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

    /// The evidence capsule of a transaction, with the status of records after the last block.
    ///
    /// # Errors
    /// [`ProofError`].
    pub async fn capsule(&self, tx: TxId, records: Vec<Vec<u8>>) -> Result<Capsule, ProofError> {
        let position = self.position(&tx).map_err(|_| ProofError::Store)?;
        let position = position.ok_or(ProofError::NotRecorded)?;
        let TxResult::Applied { leaf } = position.result else {
            return Err(ProofError::NotRecorded);
        };
        let found = self.transaction_at(&position).map_err(|_| ProofError::Store)?;
        let transaction = found.ok_or(ProofError::Store)?;
        let signer = hefu_contracts::identity::KEYS
            .read(&self.0.records, &transaction.claims().key)
            .ok_or(ProofError::Store)?;
        let status = self.prove_records(records).await?;
        let recorded = self.certified(position.height)?;
        let inclusion = self.prove_leaf(leaf, recorded.header.log_size)?;
        Ok(Capsule {
            format: CAPSULE_FORMAT,
            anchor: self.0.genesis.anchor(),
            set_changes: self.set_changes(status.certified.header.height)?,
            recorded,
            transaction: transaction.as_bytes().to_vec().into(),
            signer: signer.key,
            inclusion,
            status: Some(status),
            before: match position.height.previous() {
                Height(0) => None,
                before => Some(self.certified(before)?.header),
            },
        })
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
    fn set_changes(&self, until: Height) -> Result<Vec<SetChange>, ProofError> {
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
