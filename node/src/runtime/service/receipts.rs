//! COSE receipts: this province's own, and those of the others for a transaction.
//!
//! A receipt is made when it is asked for. It is about the log as it was after the transaction's own
//! block, so a province's receipt of a transaction is always the same.

use std::time::Duration;

use futures::future::join_all;
use hefu_contracts::identity::KEYS;
use hefu_primitives::block::TxResult;
use hefu_primitives::codec::Canonical;
use hefu_primitives::log::{LogHead, inclusion_proof, leaf_hash};
use hefu_primitives::transparency::receipt::{ReceiptKey, ReceiptSigner};
use hefu_primitives::transparency::{
    Receipt, ReceiptAlg, ReceiptClaims, TransparentStatement, cosigner_name,
};
use hefu_primitives::{H32, Region, SignedTransaction, TxId};

use super::{ProofError, Service};
use crate::core::runs::{self, IndexLog};
use crate::core::sync::{SyncAnswer, SyncRequest};
use crate::network::NodeKey;

/// How long the other provinces may take.
const PATIENCE: Duration = Duration::from_secs(3);

/// A transaction's place in the log.
struct Leaf {
    number: u64,
    hash: H32,
    head: LogHead,
    height: hefu_primitives::Height,
    subject: String,
}

/// Receipts.
impl Service {
    /// A transaction with the receipts of every province that can be reached now, and which
    /// provinces these are.
    ///
    /// # Errors
    /// [`ProofError::NotRecorded`] also when no province signs, this one included.
    pub async fn statement(
        &self,
        tx: TxId,
        algs: Vec<ReceiptAlg>,
    ) -> Result<(TransparentStatement, Vec<Region>), ProofError> {
        let service = self.clone();
        let prepare = move || service.prepare(tx, &algs).map(|found| (found, algs));
        let prepared = tokio::task::spawn_blocking(prepare).await;
        let ((transaction, leaf, mut all), algs) = prepared.map_err(|_| ProofError::Stopped)??;
        let asked = self.network().connected().into_iter().flat_map(|peer| {
            let (service, number) = (self, leaf.number);
            algs.iter().map(move |alg| service.ask_receipt(peer, number, *alg))
        });
        let answers = join_all(asked).await;
        let service = self.clone();
        let checked = tokio::task::spawn_blocking(move || {
            let found = answers.into_iter().flatten();
            all.extend(
                found.filter_map(|receipt| Some((service.check(&receipt, &leaf)?, receipt))),
            );
            all.sort_by_key(|(region, receipt)| (*region, receipt.claims().alg));
            all.dedup_by_key(|(region, receipt)| (*region, receipt.claims().alg));
            all
        });
        let checked = checked.await.map_err(|_| ProofError::Stopped)?;
        let mut regions: Vec<Region> = checked.iter().map(|(region, _)| *region).collect();
        regions.dedup();
        let receipts = checked.into_iter().map(|(_, receipt)| receipt).collect();
        let statement = TransparentStatement::new(transaction, receipts);
        Ok((statement.map_err(|_| ProofError::Unsigned)?, regions))
    }

    /// The transaction, its leaf, and our own receipts.
    #[allow(clippy::type_complexity)]
    fn prepare(
        &self,
        tx: TxId,
        algs: &[ReceiptAlg],
    ) -> Result<(SignedTransaction, Leaf, Vec<(Region, Receipt)>), ProofError> {
        let position = self.position(&tx).map_err(|_| ProofError::Store)?;
        let position = position.ok_or(ProofError::NotRecorded)?;
        let TxResult::Applied { leaf } = position.result else {
            return Err(ProofError::NotRecorded);
        };
        let (transaction, leaf) = self.leaf(leaf).ok_or(ProofError::Store)?;
        let own = algs.iter().filter_map(|alg| self.sign_receipt(&leaf, *alg));
        let own = own.map(|receipt| (self.region(), receipt)).collect();
        Ok((transaction, leaf, own))
    }

    fn leaf(&self, number: u64) -> Option<(SignedTransaction, Leaf)> {
        let (height, place) = runs::leaf(self.records().index().as_ref(), number).ok()??;
        let stored = self.block(height).ok()??;
        let header = &stored.block.header;
        let head = LogHead { size: header.log_size, root: header.log_root };
        let transaction = stored.transaction(place)?;
        let hash = leaf_hash(transaction.as_bytes());
        let subject = transaction.claims().subject.clone();
        Some((transaction, Leaf { number, hash, head, height, subject }))
    }

    /// Signs a receipt with our registered key: of a log that we cosigned, or may cosign.
    fn sign_receipt(&self, leaf: &Leaf, alg: ReceiptAlg) -> Option<Receipt> {
        let signing = self.registered()?;
        if !self.covers(leaf.head) {
            return None;
        }
        let index = self.records().index();
        let proof = inclusion_proof(&IndexLog(index.as_ref()), leaf.number, leaf.head.size).ok()?;
        let claims = ReceiptClaims {
            alg,
            key: signing.id,
            issuer: cosigner_name(&self.chain(), self.region()),
            subject: leaf.subject.clone(),
            size: leaf.head.size,
            height: leaf.height,
        };
        let signer = match alg {
            ReceiptAlg::EdDsa => ReceiptSigner::EdDsa(&signing.pair),
            ReceiptAlg::Es256 => ReceiptSigner::Es256(signing.es256.as_ref()?),
        };
        Receipt::sign(claims, proof, leaf.head.root, signer).ok()
    }

    /// Whose receipt this is, if it is one of this leaf by a cosigner on our ledger. A key that was
    /// replaced since still counts: the receipt is from before.
    fn check(&self, receipt: &Receipt, leaf: &Leaf) -> Option<Region> {
        let claims = receipt.claims();
        let record = KEYS.read(self.records(), &claims.key)?;
        let member = self.members().into_iter().find(|member| record.cosigns_for(member))?;
        let key = match claims.alg {
            ReceiptAlg::EdDsa => ReceiptKey::EdDsa(record.key),
            ReceiptAlg::Es256 => ReceiptKey::Es256(self.endorsed(&claims.key)?.key),
        };
        let same = claims.issuer == cosigner_name(&self.chain(), member.region)
            && claims.subject == leaf.subject
            && claims.height == leaf.height
            && receipt.leaf() == leaf.number
            && receipt.verify(leaf.hash, &key) == Ok(leaf.head);
        same.then_some(member.region)
    }

    async fn ask_receipt(&self, peer: NodeKey, leaf: u64, alg: ReceiptAlg) -> Option<Receipt> {
        let request = SyncRequest::Receipt { leaf, es256: alg == ReceiptAlg::Es256 };
        let answer = self.network().request(peer, &request.to_bytes(), PATIENCE).await.ok()?;
        Receipt::decode(SyncAnswer::decode(&answer).ok()?.0.first()?).ok()
    }

    /// Our receipt of a leaf, for a peer.
    pub(super) fn answer_receipt(&self, leaf: u64, es256: bool) -> SyncAnswer {
        let alg = if es256 { ReceiptAlg::Es256 } else { ReceiptAlg::EdDsa };
        let receipt = self.leaf(leaf).and_then(|(_, leaf)| self.sign_receipt(&leaf, alg));
        SyncAnswer::collect(receipt.iter().map(Receipt::bytes))
    }
}
