//! COSE receipts (RFC 9942) over the audit log, and SCITT transparent statements (RFC 9943): a
//! transaction with its receipts attached.
//!
//! ```text
//! receipt   = 18([ protected, {396: {-1: [<< [size, leaf, [hash, …]] >>]}}, nil, signature ])
//! protected = << {1: alg, 4: kid, 15: {1: iss, 2: sub}, 395: 1, "hefu-size": n, "hefu-height": h} >>
//! signature = over Sig_structure ["Signature1", protected, h'', root of the log]
//! statement = the transaction's envelope, its unprotected header {394: [receipt, …]}
//! ```
//!
//! The payload is the root, which a verifier rebuilds from leaf and proof. The size in the proof is
//! *not* signed, so two shapes of tree might share a root; ours stands in the protected header too,
//! with the height of the block after which the log had that size, and both must agree. `kid` is
//! the id of the cosigning key on the ledger, `iss` the name it cosigns under, `sub` what the
//! transaction says it is about. The leaf is the transaction's envelope without receipts.

use minicbor::data::{Tag, Type};
use minicbor::{Decode, Decoder, Encode, Encoder};

use super::es256::{Es256Key, Es256PublicKey};
use crate::bounds::{MAX_SUBJECT_BYTES, MAX_TRANSACTION_BYTES, MAX_VALIDATORS};
use crate::codec::{Canonical, CodecError};
use crate::crypto::{KeyPair, PublicKey, Signature};
use crate::hash::H32;
use crate::ids::{Height, KeyId};
use crate::log::{InclusionProof, LogHead, LogProofError, leaf_hash};
use crate::transaction::{SignedTransaction, TransactionError, signature_structure};

/// Largest receipt, in bytes: 48 hashes of 34 bytes, names of some 100 bytes, a signature.
pub const MAX_RECEIPT_BYTES: usize = 4 * 1024;
/// Most receipts of one statement: each validator in both algorithms.
pub const MAX_RECEIPTS: usize = MAX_VALIDATORS * 2;
/// Largest transparent statement, in bytes.
pub const MAX_STATEMENT_BYTES: usize = MAX_TRANSACTION_BYTES + MAX_RECEIPTS * MAX_RECEIPT_BYTES;
/// Media type of a receipt (RFC 9942 §6).
pub const RECEIPT_MEDIA_TYPE: &str = "application/receipt+cose";
/// Media type of a statement (RFC 9943).
pub const STATEMENT_MEDIA_TYPE: &str = "application/scitt-statement+cose";

const TAG_COSE_SIGN1: u64 = 18;
const HEADER_ALG: i64 = 1;
const HEADER_KID: i64 = 4;
const HEADER_CLAIMS: i64 = 15;
const HEADER_RECEIPTS: u16 = 394;
const HEADER_VDS: i64 = 395;
const HEADER_VDP: u16 = 396;
const VDS_RFC9162_SHA256: i64 = 1;
const HEADER_SIZE: &str = "hefu-size";
const HEADER_HEIGHT: &str = "hefu-height";

/// The algorithm of a receipt.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(i8)]
pub enum ReceiptAlg {
    /// Ed25519, by the registered key.
    EdDsa = -8,
    /// ECDSA on P-256 with SHA-256, by the key that the registered one endorses.
    Es256 = -7,
}

/// What the signature of a receipt covers beside the root.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReceiptClaims {
    /// The algorithm.
    pub alg: ReceiptAlg,
    /// `kid`: the registered cosigning key.
    pub key: KeyId,
    /// `iss`: the name it cosigns under.
    pub issuer: String,
    /// `sub`: what the transaction says it is about.
    pub subject: String,
    /// Leaves of the log.
    pub size: u64,
    /// The block after which it had them.
    pub height: Height,
}

/// A receipt: well-formed, not verified.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Receipt {
    protected: Vec<u8>,
    claims: ReceiptClaims,
    proof: InclusionProof,
    signature: Signature,
}

/// A secret that signs receipts.
#[derive(Clone, Copy)]
pub enum ReceiptSigner<'a> {
    /// The registered key.
    EdDsa(&'a KeyPair),
    /// The key derived from it.
    Es256(&'a Es256Key),
}

/// A key that receipts are checked with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReceiptKey {
    /// A registered key.
    EdDsa(PublicKey),
    /// A key endorsed by one.
    Es256(Es256PublicKey),
}

/// Why a receipt or a statement was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReceiptError {
    /// Not a receipt, not canonical, or over a bound.
    #[error(transparent)]
    Codec(#[from] CodecError),
    /// The transaction below a statement.
    #[error(transparent)]
    Transaction(#[from] TransactionError),
    /// A claim is not what it must be: text, or the size.
    #[error("a claim of the receipt is not what it must be")]
    Claims,
    /// The proof does not lead from the leaf to any root of this size.
    #[error("proof: {0}")]
    Proof(LogProofError),
    /// The key is of another algorithm.
    #[error("the key is of another algorithm than the receipt")]
    Algorithm,
    /// The signature is not by the key over the root that leaf and proof lead to.
    #[error("the signature is not by this key over this log")]
    Signature,
    /// No receipt, or too many.
    #[error("{0} receipts: 1 to {MAX_RECEIPTS} are possible")]
    Count(usize),
}

impl Receipt {
    /// Signs that a leaf is in the log of `root`, at `proof`.
    ///
    /// # Errors
    /// [`ReceiptError`] when claims do not fit the proof or the format.
    pub fn sign(
        claims: ReceiptClaims,
        proof: InclusionProof,
        root: H32,
        signer: ReceiptSigner<'_>,
    ) -> Result<Self, ReceiptError> {
        let protected = Protected(claims.clone()).to_bytes();
        let message = signature_structure(&protected, root.as_bytes());
        let signature = match (claims.alg, signer) {
            (ReceiptAlg::EdDsa, ReceiptSigner::EdDsa(pair)) => pair.sign(&message),
            (ReceiptAlg::Es256, ReceiptSigner::Es256(key)) => Signature(key.sign(&message)),
            _ => return Err(ReceiptError::Algorithm),
        };
        Self::decode(&Self { protected, claims, proof, signature }.to_bytes())
    }

    /// The receipt of parts that stand elsewhere; its signature is not checked.
    ///
    /// # Errors
    /// [`ReceiptError`] when claims do not fit the proof or the format.
    pub fn assemble(
        claims: ReceiptClaims,
        proof: InclusionProof,
        signature: Signature,
    ) -> Result<Self, ReceiptError> {
        let protected = Protected(claims.clone()).to_bytes();
        Self::decode(&Self { protected, claims, proof, signature }.to_bytes())
    }

    /// Decodes a receipt.
    ///
    /// # Errors
    /// [`ReceiptError`] names the first thing that is wrong.
    pub fn decode(bytes: &[u8]) -> Result<Self, ReceiptError> {
        let receipt = Self::from_bytes(bytes, MAX_RECEIPT_BYTES)?;
        let ReceiptClaims { issuer, subject, size, .. } = &receipt.claims;
        let plain = |text: &str| {
            text.len() <= MAX_SUBJECT_BYTES && text.bytes().all(|b| (0x20..0x7f).contains(&b))
        };
        // A tree of one leaf has no path, which the format cannot say; no transaction is leaf 0.
        let sized = *size == receipt.proof.size && *size > 1 && receipt.proof.index > 0;
        let whole = plain(issuer) && plain(subject) && sized;
        if whole { Ok(receipt) } else { Err(ReceiptError::Claims) }
    }

    /// The bytes.
    pub fn bytes(&self) -> Vec<u8> {
        self.to_bytes()
    }

    /// What is signed beside the root; nothing of it is true before [`Receipt::verify`] says so.
    pub const fn claims(&self) -> &ReceiptClaims {
        &self.claims
    }

    /// The leaf that the proof is about.
    pub const fn leaf(&self) -> u64 {
        self.proof.index
    }

    /// The signature, which a capsule keeps of it.
    pub const fn signature(&self) -> &Signature {
        &self.signature
    }

    /// Checks the receipt of a leaf by its hash: the head of the log that the key signed.
    ///
    /// # Errors
    /// [`ReceiptError`] names the step that failed.
    pub fn verify(&self, leaf: H32, key: &ReceiptKey) -> Result<LogHead, ReceiptError> {
        let root = self.proof.root_from(leaf).map_err(ReceiptError::Proof)?;
        let message = signature_structure(&self.protected, root.as_bytes());
        let valid = match (self.claims.alg, key) {
            (ReceiptAlg::EdDsa, ReceiptKey::EdDsa(key)) => key.verify(&message, &self.signature),
            (ReceiptAlg::Es256, ReceiptKey::Es256(key)) => key.verify(&message, &self.signature.0),
            _ => return Err(ReceiptError::Algorithm),
        };
        let head = LogHead { size: self.claims.size, root };
        if valid { Ok(head) } else { Err(ReceiptError::Signature) }
    }
}

impl ReceiptAlg {
    fn of(number: i64) -> Option<Self> {
        match number {
            -8 => Some(Self::EdDsa),
            -7 => Some(Self::Es256),
            _ => None,
        }
    }
}

/// A transaction with receipts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TransparentStatement {
    transaction: SignedTransaction,
    receipts: Vec<Receipt>,
}

impl TransparentStatement {
    /// Attaches receipts to a transaction.
    ///
    /// # Errors
    /// [`ReceiptError::Count`].
    pub fn new(
        transaction: SignedTransaction,
        receipts: Vec<Receipt>,
    ) -> Result<Self, ReceiptError> {
        match receipts.len() {
            1..=MAX_RECEIPTS => Ok(Self { transaction, receipts }),
            found => Err(ReceiptError::Count(found)),
        }
    }

    /// The transaction, as it is in the log.
    pub const fn transaction(&self) -> &SignedTransaction {
        &self.transaction
    }

    /// Its receipts.
    pub fn receipts(&self) -> &[Receipt] {
        &self.receipts
    }

    /// The hash of its leaf, which every receipt is about.
    pub fn leaf(&self) -> H32 {
        leaf_hash(self.transaction.as_bytes())
    }

    /// The bytes.
    pub fn bytes(&self) -> Vec<u8> {
        let receipts: Vec<Vec<u8>> = self.receipts.iter().map(Receipt::bytes).collect();
        let parts = parts(self.transaction.as_bytes());
        // A decoded transaction has its four parts.
        debug_assert!(parts.is_ok());
        parts.map(|parts| parts.with(&receipts)).unwrap_or_default()
    }

    /// Decodes a statement.
    ///
    /// # Errors
    /// [`ReceiptError`]; receipts are decoded, not verified.
    pub fn decode(bytes: &[u8]) -> Result<Self, ReceiptError> {
        if bytes.len() > MAX_STATEMENT_BYTES {
            let (bound, found) = (MAX_STATEMENT_BYTES, bytes.len());
            return Err(CodecError::TooLarge { bound, found }.into());
        }
        let parts = parts(bytes)?;
        let transaction = SignedTransaction::decode(&parts.with(&[]))?;
        let receipts =
            parts.receipts.iter().map(|b| Receipt::decode(b)).collect::<Result<Vec<_>, _>>()?;
        let statement = Self::new(transaction, receipts)?;
        if statement.bytes() == bytes {
            Ok(statement)
        } else {
            Err(CodecError::NotCanonical.into())
        }
    }
}

/// The parts of an envelope with or without receipts.
struct Parts<'a> {
    protected: &'a [u8],
    receipts: Vec<&'a [u8]>,
    payload: &'a [u8],
    signature: &'a [u8],
}

fn parts(bytes: &[u8]) -> Result<Parts<'_>, CodecError> {
    let mut d = Decoder::new(bytes);
    let mut read = || -> Result<Parts<'_>, minicbor::decode::Error> {
        let wrong = minicbor::decode::Error::message;
        if d.tag()?.as_u64() != TAG_COSE_SIGN1 || d.array()? != Some(4) {
            return Err(wrong("not a COSE_Sign1"));
        }
        let protected = d.bytes()?;
        let mut receipts = Vec::new();
        match d.map()? {
            Some(0) => {}
            Some(1) if d.u16()? == HEADER_RECEIPTS => {
                let count = d.array()?.filter(|count| *count <= MAX_RECEIPTS as u64);
                let count = count.ok_or_else(|| wrong("too many receipts"))?;
                for _ in 0..count {
                    receipts.push(d.bytes()?);
                }
            }
            _ => return Err(wrong("unprotected header: receipts or nothing")),
        }
        Ok(Parts { protected, receipts, payload: d.bytes()?, signature: d.bytes()? })
    };
    let parts = read()
        .map_err(|error| CodecError::Malformed { position: error.position().unwrap_or(0) })?;
    if d.position() == bytes.len() { Ok(parts) } else { Err(CodecError::NotCanonical) }
}

impl Parts<'_> {
    /// The envelope with these receipts.
    fn with(&self, receipts: &[Vec<u8>]) -> Vec<u8> {
        let mut bytes = Vec::new();
        let mut e = Encoder::new(&mut bytes);
        let mut write = || -> Result<(), minicbor::encode::Error<core::convert::Infallible>> {
            e.tag(Tag::new(TAG_COSE_SIGN1))?.array(4)?.bytes(self.protected)?;
            if receipts.is_empty() {
                e.map(0)?;
            } else {
                e.map(1)?.u16(HEADER_RECEIPTS)?.array(receipts.len() as u64)?;
                for receipt in receipts {
                    e.bytes(receipt)?;
                }
            }
            e.bytes(self.payload)?.bytes(self.signature)?.ok()
        };
        // Writing to a vector cannot fail.
        let written = write();
        debug_assert!(written.is_ok());
        bytes
    }
}

/// The protected header.
struct Protected(ReceiptClaims);

impl<C> Encode<C> for Protected {
    fn encode<W: minicbor::encode::Write>(
        &self,
        e: &mut Encoder<W>,
        _: &mut C,
    ) -> Result<(), minicbor::encode::Error<W::Error>> {
        let ReceiptClaims { alg, key, issuer, subject, size, height } = &self.0;
        e.map(6)?;
        e.i64(HEADER_ALG)?.i8(*alg as i8)?;
        e.i64(HEADER_KID)?.bytes(key.as_ref())?;
        e.i64(HEADER_CLAIMS)?.map(2)?.u8(1)?.str(issuer)?.u8(2)?.str(subject)?;
        e.i64(HEADER_VDS)?.i64(VDS_RFC9162_SHA256)?;
        e.str(HEADER_SIZE)?.u64(*size)?;
        e.str(HEADER_HEIGHT)?.u64(height.0)?.ok()
    }
}

impl<'b, C> Decode<'b, C> for Protected {
    fn decode(d: &mut Decoder<'b>, ctx: &mut C) -> Result<Self, minicbor::decode::Error> {
        let wrong = |what| minicbor::decode::Error::message(what);
        let expect = |found: i64, expected: i64| {
            if found == expected { Ok(()) } else { Err(wrong("not the header expected here")) }
        };
        expect(d.map()?.map_or(-1, |count| count as i64), 6)?;
        expect(d.i64()?, HEADER_ALG)?;
        let alg = ReceiptAlg::of(d.i64()?).ok_or_else(|| wrong("an unknown algorithm"))?;
        expect(d.i64()?, HEADER_KID)?;
        let key = KeyId::decode(d, ctx)?;
        expect(d.i64()?, HEADER_CLAIMS)?;
        expect(d.map()?.map_or(-1, |count| count as i64), 2)?;
        expect(d.i64()?, 1)?;
        let issuer = d.str()?.to_owned();
        expect(d.i64()?, 2)?;
        let subject = d.str()?.to_owned();
        expect(d.i64()?, HEADER_VDS)?;
        expect(d.i64()?, VDS_RFC9162_SHA256)?;
        if d.str()? != HEADER_SIZE {
            return Err(wrong("the size is expected here"));
        }
        let size = d.u64()?;
        if d.str()? != HEADER_HEIGHT {
            return Err(wrong("the height is expected here"));
        }
        let height = Height(d.u64()?);
        Ok(Self(ReceiptClaims { alg, key, issuer, subject, size, height }))
    }
}

/// The inclusion proof as RFC 9942 §5.2 writes it: the size first, unlike ours.
struct Proof(InclusionProof);

impl<C> Encode<C> for Proof {
    fn encode<W: minicbor::encode::Write>(
        &self,
        e: &mut Encoder<W>,
        ctx: &mut C,
    ) -> Result<(), minicbor::encode::Error<W::Error>> {
        e.array(3)?.u64(self.0.size)?.u64(self.0.index)?;
        self.0.path.encode(e, ctx)
    }
}

impl<'b, C> Decode<'b, C> for Proof {
    fn decode(d: &mut Decoder<'b>, ctx: &mut C) -> Result<Self, minicbor::decode::Error> {
        if d.array()? != Some(3) {
            return Err(minicbor::decode::Error::message("a proof has three parts"));
        }
        let (size, index) = (d.u64()?, d.u64()?);
        Ok(Self(InclusionProof { index, size, path: Vec::decode(d, ctx)? }))
    }
}

impl<C> Encode<C> for Receipt {
    fn encode<W: minicbor::encode::Write>(
        &self,
        e: &mut Encoder<W>,
        ctx: &mut C,
    ) -> Result<(), minicbor::encode::Error<W::Error>> {
        let proof = Proof(self.proof.clone()).to_bytes();
        e.tag(Tag::new(TAG_COSE_SIGN1))?.array(4)?.bytes(&self.protected)?;
        e.map(1)?.u16(HEADER_VDP)?.map(1)?.i8(-1)?.array(1)?.bytes(&proof)?;
        e.null()?;
        self.signature.encode(e, ctx)
    }
}

impl<'b, C> Decode<'b, C> for Receipt {
    fn decode(d: &mut Decoder<'b>, ctx: &mut C) -> Result<Self, minicbor::decode::Error> {
        let wrong = minicbor::decode::Error::message;
        if d.tag()?.as_u64() != TAG_COSE_SIGN1 || d.array()? != Some(4) {
            return Err(wrong("not a COSE_Sign1"));
        }
        let protected = d.bytes()?.to_vec();
        let inclusion = d.map()? == Some(1)
            && d.u16()? == HEADER_VDP
            && d.map()? == Some(1)
            && d.i8()? == -1
            && d.array()? == Some(1);
        if !inclusion {
            return Err(wrong("not one inclusion proof"));
        }
        let proof = Proof::from_bytes(d.bytes()?, InclusionProof::MAX_BYTES)
            .map_err(|_| wrong("inclusion proof"))?;
        if d.datatype()? != Type::Null {
            return Err(wrong("the payload is detached"));
        }
        d.null()?;
        let claims = Protected::from_bytes(&protected, MAX_RECEIPT_BYTES)
            .map_err(|_| wrong("protected header"))?;
        Ok(Self {
            protected,
            claims: claims.0,
            proof: proof.0,
            signature: Signature::decode(d, ctx)?,
        })
    }
}

#[cfg(test)]
#[path = "receipt_tests.rs"]
mod tests;
