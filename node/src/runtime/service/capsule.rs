//! Whole evidence capsules: the proofs of a transaction, of the records that say what it is worth, and
//! what the provinces signed of it.

use std::time::Duration;

use hefu_contracts::identity::KEYS;
use hefu_primitives::block::TxResult;
use hefu_primitives::capsule::{CAPSULE_FORMAT, Capsule, Cosignature, Cosigner, Witness};
use hefu_primitives::transparency::{Note, ReceiptAlg, SignatureKind, VerifierKey, cosigner_name};
use hefu_primitives::{Height, PublicKey, Region, Signature, TxId};

use super::{ProofError, Service};
use crate::cosign::Served;

/// How long a checkpoint that has the transaction is waited for: a quorum signs within a second.
const PATIENCE: Duration = Duration::from_secs(3);

/// What a capsule is to have beside what it always has.
#[derive(Clone, Debug, Default)]
pub struct CapsuleParts {
    /// Records to prove, by full key.
    pub records: Vec<Vec<u8>>,
    /// The height to prove them at; after the last block if none.
    pub at: Option<Height>,
    /// Whether the cosigned checkpoint and the receipts are to be in it, as far as there are any.
    pub witness: bool,
}

/// Capsules.
impl Service {
    /// The evidence capsule of a transaction.
    ///
    /// # Errors
    /// [`ProofError`].
    pub async fn capsule(&self, tx: TxId, parts: CapsuleParts) -> Result<Capsule, ProofError> {
        let position = self.position(&tx).map_err(|_| ProofError::Store)?;
        let position = position.ok_or(ProofError::NotRecorded)?;
        let (TxResult::Applied { leaf }, height) = (position.result, position.height) else {
            return Err(ProofError::NotRecorded);
        };
        if let Some(asked) = parts.at.filter(|asked| *asked < height) {
            return Err(ProofError::Before { asked, recorded: height });
        }
        let found = self.transaction_at(&position).map_err(|_| ProofError::Store)?;
        let transaction = found.ok_or(ProofError::Store)?;
        let signer = KEYS.read(self.records(), &transaction.claims().key);
        let signer = signer.ok_or(ProofError::Store)?.key;
        let recorded = self.certified(height)?;
        let size = recorded.header.log_size;
        let witness = match parts.witness {
            true => self.signed_by_provinces(tx, leaf, size).await?,
            false => None,
        };
        let mut records = parts.records;
        for cosigner in witness.iter().flat_map(|witness| &witness.cosigners) {
            let key = KEYS.key(&cosigner.key.id());
            if !records.contains(&key) {
                records.push(key);
            }
        }
        let status = self.prove_records(records, parts.at).await?;
        let known = |key: &PublicKey| {
            let record = KEYS.key(&key.id());
            status.records.iter().any(|r| *r.key == record && r.value.is_some())
        };
        let capsule = Capsule {
            format: CAPSULE_FORMAT,
            anchor: self.genesis().anchor(),
            set_changes: self.set_changes(status.certified.header.height)?,
            recorded,
            transaction: transaction.as_bytes().to_vec().into(),
            signer,
            inclusion: self.prove_leaf(leaf, size)?,
            before: match height.previous() {
                Height(0) => None,
                before => Some(self.certified(before)?.header),
            },
            witness: witness.and_then(|witness| only(witness, known)),
            status: Some(status),
        };
        // A peer's signature was checked when it came; a capsule that does not hold helps nobody.
        match capsule.verify(self.chain()) {
            Ok(_) => Ok(capsule),
            Err(error) => {
                tracing::error!(%error, %tx, "a capsule does not verify");
                Err(ProofError::Store)
            }
        }
    }

    /// What provinces signed of a leaf: receipts of its block's log, and the newest checkpoint.
    async fn signed_by_provinces(
        &self,
        tx: TxId,
        leaf: u64,
        size: u64,
    ) -> Result<Option<Witness>, ProofError> {
        let served = self.checkpoint_of(size).await;
        let mut cosigners: Vec<Cosigner> = Vec::new();
        match self.statement(tx, vec![ReceiptAlg::EdDsa]).await {
            Ok((statement, regions)) => {
                // Receipts are in the order of the provinces, one of each.
                for (receipt, region) in statement.receipts().iter().zip(regions) {
                    let record = KEYS.read(self.records(), &receipt.claims().key);
                    let key = record.ok_or(ProofError::Store)?.key;
                    let receipt = Some(*receipt.signature());
                    cosigners.push(Cosigner { region, key, cosignature: None, receipt });
                }
            }
            Err(ProofError::Unsigned) => {}
            Err(error) => return Err(error),
        }
        let lines = served.as_ref().map(|served| self.cosignatures(served)).unwrap_or_default();
        for (region, key, cosignature) in lines {
            match cosigners.iter_mut().find(|known| known.region == region) {
                Some(known) if known.key == key => known.cosignature = Some(cosignature),
                // Its key was replaced between the two: the receipt is enough of this province.
                Some(_) => {}
                None => {
                    let cosignature = Some(cosignature);
                    cosigners.push(Cosigner { region, key, cosignature, receipt: None });
                }
            }
        }
        cosigners.sort_by_key(|cosigner| cosigner.region);
        let cosigned = cosigners.iter().any(|cosigner| cosigner.cosignature.is_some());
        let head = match served.filter(|_| cosigned) {
            Some(served) => Some(self.prove_leaf(leaf, served.head.size)?),
            None => None,
        };
        Ok((!cosigners.is_empty()).then_some(Witness { head, cosigners }))
    }

    /// The newest checkpoint, once it has as many leaves; none when it does not come.
    async fn checkpoint_of(&self, size: u64) -> Option<Served> {
        let mut sizes = self.checkpoint_sizes();
        let enough = || self.checkpoint().filter(|served| served.head.size >= size);
        let wait = async { while enough().is_none() && sizes.changed().await.is_ok() {} };
        let _ = tokio::time::timeout(PATIENCE, wait).await;
        enough()
    }

    /// The cosignatures of a checkpoint by keys that are accepted now, one of each province.
    fn cosignatures(&self, served: &Served) -> Vec<(Region, PublicKey, Cosignature)> {
        let Ok(note) = Note::parse(served.note.as_bytes()) else { return Vec::new() };
        let mut found: Vec<(Region, PublicKey, Cosignature)> = Vec::new();
        for (region, key) in self.cosigners() {
            let name = cosigner_name(&self.chain(), region);
            let Ok(verifier) = VerifierKey::new(name, SignatureKind::Cosignature, &key) else {
                continue;
            };
            let line = note.signatures().iter().find(|line| verifier.claims(line));
            let signed = line.and_then(|line| {
                let time = verifier.verify(note.text(), line)?;
                let signature = Signature(line.bytes.get(8..)?.try_into().ok()?);
                Some(Cosignature { time, signature })
            });
            if let Some(signed) = signed
                && found.iter().all(|(of, ..)| *of != region)
            {
                found.push((region, key, signed));
            }
        }
        found
    }
}

/// Leaves out those whose keys were not on the ledger yet at the height of the status.
fn only(mut witness: Witness, known: impl Fn(&PublicKey) -> bool) -> Option<Witness> {
    witness.cosigners.retain(|cosigner| known(&cosigner.key));
    if witness.cosigners.iter().all(|cosigner| cosigner.cosignature.is_none()) {
        witness.head = None;
    }
    (!witness.cosigners.is_empty()).then_some(witness)
}
