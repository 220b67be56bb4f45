//! What provinces signed of the log: the cosignatures of a checkpoint, and receipts.
//!
//! The checkpoint's text and the receipts are not in a capsule: they are made, byte by byte, of its
//! other parts, and the signatures are checked over that. [`Capsule::checkpoint`] and
//! [`Capsule::statement`] give them out whole, for tools that know nothing of capsules.
//!
//! A cosigner's key is bound by its id: the status proves that a key of this id has a record. Which
//! role that record gives it is for `contracts` to read.

use minicbor::{Decode, Encode};

use super::{Capsule, CapsuleError};
use crate::crypto::{PublicKey, Signature};
use crate::ids::{ChainId, Height, KeyId, Region};
use crate::log::{InclusionProof, LogHead, leaf_hash};
use crate::transaction::SignedTransaction;
use crate::transparency::receipt::ReceiptKey;
use crate::transparency::{
    Checkpoint, Note, Receipt, ReceiptAlg, ReceiptClaims, SignatureKind, TransparentStatement,
    VerifierKey, cosigner_name, origin,
};

/// The table of key records: a record's key is this byte and the key's id.
pub const KEY_TABLE: u8 = 0x04;

/// What provinces signed of the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Witness {
    /// The transaction's place in the log that was cosigned; none when no cosignature is here.
    pub head: Option<InclusionProof>,
    /// Who signed, in the order of provinces.
    pub cosigners: Vec<Cosigner>,
}

/// What one province signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Cosigner {
    /// The province.
    #[n(0)]
    pub region: Region,
    /// Its cosigning key.
    #[n(1)]
    pub key: PublicKey,
    /// Its cosignature of the checkpoint.
    #[n(2)]
    pub cosignature: Option<Cosignature>,
    /// The signature of its receipt (EdDSA), of the log of the block that recorded.
    #[n(3)]
    pub receipt: Option<Signature>,
}

/// A cosignature of a checkpoint (c2sp.org/tlog-cosignature).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Cosignature {
    /// When, in seconds since 1970.
    #[n(0)]
    pub time: u64,
    /// The signature.
    #[n(1)]
    pub signature: Signature,
}

/// What is proven of a province's word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct VerifiedCosigner {
    /// The province, as it says. A cosignature does not cover the name, so that the province's
    /// operator owns the key must be read from the key's record: whoever calls
    /// [`Capsule::verify`] alone has not looked (`hefu_contracts::evidence` does).
    pub region: Region,
    /// The key.
    pub key: KeyId,
    /// When it cosigned the checkpoint, in seconds since 1970, by its own clock.
    pub cosigned: Option<u64>,
    /// Whether it signed a receipt.
    pub receipt: bool,
}

/// What is proven of the provinces' word.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VerifiedWitness {
    /// The log that was cosigned; it has the transaction.
    pub head: Option<LogHead>,
    /// A block after which a certified header says the same of the log.
    pub same_as: Option<Height>,
    /// Who signed.
    pub cosigners: Vec<VerifiedCosigner>,
}

impl Witness {
    pub(super) fn verify(
        &self,
        capsule: &Capsule,
        chain: ChainId,
        transaction: &SignedTransaction,
    ) -> Result<VerifiedWitness, CapsuleError> {
        self.check_cosigners(capsule)?;
        let leaf = leaf_hash(transaction.as_bytes());
        let head = match &self.head {
            Some(proof) => {
                let root = proof.root_from(leaf).map_err(|_| CapsuleError::Checkpoint)?;
                Some(LogHead { size: proof.size, root })
            }
            None => None,
        };
        let same_as = self.agreeing(capsule, head)?;
        for cosigner in &self.cosigners {
            let region = cosigner.region;
            if cosigner
                .note_line(chain, head)
                .is_some_and(|(key, text, line)| key.verify(&text, &line).is_none())
            {
                return Err(CapsuleError::Cosignature(region));
            }
            if let Some(signature) = cosigner.receipt {
                let receipt = cosigner.receipt(capsule, chain, transaction, signature);
                let key = ReceiptKey::EdDsa(cosigner.key);
                let valid = receipt.is_some_and(|receipt| receipt.verify(leaf, &key).is_ok());
                if !valid {
                    return Err(CapsuleError::Receipt(region));
                }
            }
        }
        let cosigners = self.cosigners.iter().map(|cosigner| VerifiedCosigner {
            region: cosigner.region,
            key: cosigner.key.id(),
            cosigned: cosigner.cosignature.map(|cosignature| cosignature.time),
            receipt: cosigner.receipt.is_some(),
        });
        Ok(VerifiedWitness { head, same_as, cosigners: cosigners.collect() })
    }

    /// Every cosigner has a proven key of its own, signed something, and stands in its order.
    fn check_cosigners(&self, capsule: &Capsule) -> Result<(), CapsuleError> {
        let records = capsule.status.iter().flat_map(|status| &status.records);
        let proven: Vec<&[u8]> =
            records.filter(|record| record.value.is_some()).map(|r| r.key.as_slice()).collect();
        let mut before: Option<&Cosigner> = None;
        let mut seen: Vec<KeyId> = Vec::new();
        for cosigner in &self.cosigners {
            let id = cosigner.key.id();
            let record = [&[KEY_TABLE][..], id.as_ref()].concat();
            let good = before.is_none_or(|before| before.region < cosigner.region)
                && !seen.contains(&id)
                && proven.contains(&record.as_slice())
                && (cosigner.cosignature.is_some() || cosigner.receipt.is_some())
                && (self.head.is_some() || cosigner.cosignature.is_none());
            if !good {
                return Err(CapsuleError::Cosigner(cosigner.region));
            }
            before = Some(cosigner);
            seen.push(id);
        }
        let cosigned = self.cosigners.iter().any(|cosigner| cosigner.cosignature.is_some());
        if self.head.is_some() && !cosigned { Err(CapsuleError::Checkpoint) } else { Ok(()) }
    }

    /// A certified header of a log as large as the one cosigned; the two must be the same.
    fn agreeing(
        &self,
        capsule: &Capsule,
        head: Option<LogHead>,
    ) -> Result<Option<Height>, CapsuleError> {
        let Some(head) = head else { return Ok(None) };
        let status = capsule.status.iter().map(|status| &status.certified.header);
        let mut same = None;
        for header in status.chain([&capsule.recorded.header]) {
            if header.log_size == head.size {
                if header.log_root != head.root {
                    return Err(CapsuleError::Checkpoint);
                }
                same = Some(header.height);
            }
        }
        Ok(same)
    }
}

impl Cosigner {
    /// The line of its cosignature, the key it is by and the text it is over.
    fn note_line(
        &self,
        chain: ChainId,
        head: Option<LogHead>,
    ) -> Option<(VerifierKey, String, crate::transparency::NoteSignature)> {
        let Cosignature { time, signature } = self.cosignature?;
        let name = cosigner_name(&chain, self.region);
        let key = VerifierKey::new(name, SignatureKind::Cosignature, &self.key).ok()?;
        let text = Checkpoint::new(origin(&chain), head?).text();
        let line = key.cosignature(time, &signature);
        Some((key, text, line))
    }

    /// Its receipt, as the province made it.
    fn receipt(
        &self,
        capsule: &Capsule,
        chain: ChainId,
        transaction: &SignedTransaction,
        signature: Signature,
    ) -> Option<Receipt> {
        let header = &capsule.recorded.header;
        let claims = ReceiptClaims {
            alg: ReceiptAlg::EdDsa,
            key: self.key.id(),
            issuer: cosigner_name(&chain, self.region),
            subject: transaction.claims().subject.clone(),
            size: header.log_size,
            height: header.height,
        };
        Receipt::assemble(claims, capsule.inclusion.clone(), signature).ok()
    }
}

impl Capsule {
    /// The cosigned checkpoint as a signed note; none when the capsule has none. Nothing of it is
    /// true before [`Capsule::verify`] says so.
    pub fn checkpoint(&self) -> Option<Note> {
        let witness = self.witness.as_ref()?;
        let root = witness.head.as_ref()?.root_from(leaf_hash(&self.transaction)).ok()?;
        let head = LogHead { size: witness.head.as_ref()?.size, root };
        let chain = self.anchor.chain();
        let lines = witness.cosigners.iter().filter_map(|c| c.note_line(chain, Some(head)));
        let lines = lines.map(|(_, _, line)| line).collect();
        Note::new(Checkpoint::new(origin(&chain), head).text(), lines).ok()
    }

    /// The transaction with its receipts as a transparent statement; none when the capsule has no
    /// receipt. Nothing of it is true before [`Capsule::verify`] says so.
    pub fn statement(&self) -> Option<TransparentStatement> {
        let transaction = SignedTransaction::decode(&self.transaction).ok()?;
        let chain = self.anchor.chain();
        let cosigners = self.witness.iter().flat_map(|witness| &witness.cosigners);
        let receipts = cosigners
            .filter_map(|c| c.receipt(self, chain, &transaction, c.receipt?))
            .collect::<Vec<_>>();
        TransparentStatement::new(transaction, receipts).ok()
    }
}
