//! Transactions: COSE_Sign1 envelopes (RFC 9052 §4.2) that are IETF SCITT signed statements
//! (RFC 9943): any COSE library can make one.
//!
//! ```text
//! 18([ protected, {}, payload, signature ])
//! protected = << {1: alg, 3: content type, 4: kid, 15: {1: iss, 2: sub}} >>
//! payload   = << [chain, not_after, [act, …]] >>        each act a byte string
//! signature = over Sig_structure ["Signature1", protected, h'', payload]
//! tx id     = BLAKE3("hefu v1 transaction id", Sig_structure)
//! ```
//!
//! The id covers what is signed and not the signature, so it cannot be changed by re-signing.
//! This module does not know what an act means.

use minicbor::{Decode, Encode};

use crate::bounds::{MAX_ACT_BYTES, MAX_ACTS, MAX_SUBJECT_BYTES, MAX_TRANSACTION_BYTES};
use crate::codec::{Canonical, CodecError};
use crate::crypto::batch::SignedMessage;
use crate::crypto::{KeyPair, PublicKey, Signature, Suite};
use crate::hash::{Domain, hash};
use crate::ids::{ChainId, KeyId, Millis, TxId, Uscc};

/// COSE content type of our payload.
pub const CONTENT_TYPE: &str = "application/hefu-acts+cbor";
/// COSE algorithm of suite 1: EdDSA (RFC 9053 §2.2).
pub const ALG_EDDSA: i8 = -8;
/// CBOR tag of a COSE_Sign1 (RFC 9052 table 1).
const TAG_COSE_SIGN1: u64 = 18;

/// What is signed: acts that apply all or none, on one chain, until a time.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct TransactionBody {
    /// The ledger this transaction is for.
    #[n(0)]
    pub chain: ChainId,
    /// Block time after which the transaction may no longer commit.
    #[n(1)]
    pub not_after: Millis,
    /// One to [`MAX_ACTS`] encoded acts.
    #[n(2)]
    pub acts: Vec<minicbor::bytes::ByteVec>,
}

/// Who signs, and what the acts are about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claims {
    /// The signing key.
    pub key: KeyId,
    /// `iss`: the authority that signs.
    pub issuer: Uscc,
    /// `sub`: what the acts are about; printable ASCII of at most [`MAX_SUBJECT_BYTES`].
    pub subject: String,
}

/// Why bytes are no transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TransactionError {
    /// The encoding of the envelope, the header or the payload.
    #[error(transparent)]
    Codec(#[from] CodecError),
    /// An algorithm that no known suite uses.
    #[error("algorithm {0} belongs to no known suite")]
    Algorithm(i8),
    /// A content type that is not ours.
    #[error("the content type is not {CONTENT_TYPE}")]
    ContentType,
    /// The `sub` claim is too long or not printable ASCII.
    #[error("the subject is not printable ASCII of at most {MAX_SUBJECT_BYTES} bytes")]
    Subject,
    /// No act, or too many.
    #[error("{0} acts: 1 to {MAX_ACTS} are possible")]
    ActCount(usize),
    /// One act is too large.
    #[error("act {position} has {bytes} bytes; {MAX_ACT_BYTES} are possible")]
    ActSize {
        /// Its place, from 0.
        position: usize,
        /// Its size.
        bytes: usize,
    },
}

/// A decoded transaction. Its shape is checked; its signature is not, until
/// [`SignedTransaction::verify`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignedTransaction {
    bytes: Vec<u8>,
    signed: Vec<u8>,
    id: TxId,
    claims: Claims,
    body: TransactionBody,
    signature: Signature,
}

impl SignedTransaction {
    /// Builds and signs a transaction.
    ///
    /// # Errors
    /// [`TransactionError`] when a bound is passed.
    pub fn sign(
        body: &TransactionBody,
        issuer: Uscc,
        subject: &str,
        key: &KeyPair,
    ) -> Result<Self, TransactionError> {
        let claims = Claims { key: key.id(), issuer, subject: subject.to_owned() };
        let header = ProtectedHeader { alg: ALG_EDDSA, claims };
        let (protected, payload) = (header.to_bytes(), body.to_bytes());
        let signature = key.sign(&signature_structure(&protected, &payload));
        let envelope = Envelope { protected: protected.into(), payload: payload.into(), signature };
        Self::decode(&envelope.to_bytes())
    }

    /// Decodes and checks every bound.
    ///
    /// # Errors
    /// [`TransactionError`] names the first thing that is wrong.
    pub fn decode(bytes: &[u8]) -> Result<Self, TransactionError> {
        let envelope = Envelope::from_bytes(bytes, MAX_TRANSACTION_BYTES)?;
        let header = ProtectedHeader::from_bytes(&envelope.protected, MAX_TRANSACTION_BYTES)?;
        header.check()?;
        let body = TransactionBody::from_bytes(&envelope.payload, MAX_TRANSACTION_BYTES)?;
        body.check()?;
        let signed = signature_structure(&envelope.protected, &envelope.payload);
        let id = hash(Domain::Transaction, &[&signed]).into();
        let (claims, signature) = (header.claims, envelope.signature);
        Ok(Self { bytes: bytes.to_vec(), signed, id, claims, body, signature })
    }

    /// Whether `key` is the named key and signed this transaction.
    #[must_use]
    pub fn verify(&self, key: &PublicKey) -> bool {
        self.signed_message(key).is_some_and(|signed| signed.verify())
    }

    /// What [`verify`](Self::verify) checks with `key`, if that is the named key.
    pub fn signed_message(&self, key: &PublicKey) -> Option<SignedMessage<'_>> {
        let named = key.suite() == Suite::Ed25519Blake3 && key.id() == self.claims.key;
        let (message, signature) = (self.signed.as_slice(), self.signature);
        named.then_some(SignedMessage { key: *key, message, signature })
    }

    /// The id.
    pub const fn id(&self) -> TxId {
        self.id
    }

    /// Who signed, about what.
    pub const fn claims(&self) -> &Claims {
        &self.claims
    }

    /// The signature.
    pub const fn signature(&self) -> &Signature {
        &self.signature
    }

    /// What was signed.
    pub const fn body(&self) -> &TransactionBody {
        &self.body
    }

    /// The envelope's canonical bytes: a leaf of the audit log when applied.
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }
}

impl TransactionBody {
    fn check(&self) -> Result<(), TransactionError> {
        if self.acts.is_empty() || self.acts.len() > MAX_ACTS {
            return Err(TransactionError::ActCount(self.acts.len()));
        }
        match self.acts.iter().enumerate().find(|(_, act)| act.len() > MAX_ACT_BYTES) {
            Some((position, act)) => Err(TransactionError::ActSize { position, bytes: act.len() }),
            None => Ok(()),
        }
    }
}

/// The bytes a signature covers: `Sig_structure` of RFC 9052 §4.4 without external data.
pub(crate) fn signature_structure(protected: &[u8], payload: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(protected.len().saturating_add(payload.len()).max(64));
    let mut e = minicbor::Encoder::new(&mut bytes);
    // Writing to a vector cannot fail.
    let written = e
        .array(4)
        .and_then(|e| e.str("Signature1"))
        .and_then(|e| e.bytes(protected))
        .and_then(|e| e.bytes(&[]))
        .and_then(|e| e.bytes(payload));
    debug_assert!(written.is_ok());
    bytes
}

struct ProtectedHeader {
    alg: i8,
    claims: Claims,
}

impl ProtectedHeader {
    fn check(&self) -> Result<(), TransactionError> {
        if self.alg != ALG_EDDSA {
            return Err(TransactionError::Algorithm(self.alg));
        }
        let subject = &self.claims.subject;
        if subject.len() > MAX_SUBJECT_BYTES || !subject.bytes().all(|b| (0x20..0x7f).contains(&b))
        {
            return Err(TransactionError::Subject);
        }
        Ok(())
    }
}

impl<C> Encode<C> for ProtectedHeader {
    fn encode<W: minicbor::encode::Write>(
        &self,
        e: &mut minicbor::Encoder<W>,
        _: &mut C,
    ) -> Result<(), minicbor::encode::Error<W::Error>> {
        e.map(4)?;
        e.u8(1)?.i8(self.alg)?;
        e.u8(3)?.str(CONTENT_TYPE)?;
        e.u8(4)?.bytes(self.claims.key.as_ref())?;
        e.u8(15)?.map(2)?;
        e.u8(1)?.str(self.claims.issuer.as_str())?;
        e.u8(2)?.str(&self.claims.subject)?.ok()
    }
}

impl<'b, C> Decode<'b, C> for ProtectedHeader {
    fn decode(d: &mut minicbor::Decoder<'b>, ctx: &mut C) -> Result<Self, minicbor::decode::Error> {
        let wrong = |what| minicbor::decode::Error::message(what);
        let label = |d: &mut minicbor::Decoder<'b>, expected| match d.u8()? {
            found if found == expected => Ok(()),
            _ => Err(wrong("unexpected header label")),
        };
        if d.map()? != Some(4) {
            return Err(wrong("protected header: four entries"));
        }
        label(d, 1)?;
        let alg = d.i8()?;
        label(d, 3)?;
        if d.str()? != CONTENT_TYPE {
            return Err(wrong("content type"));
        }
        label(d, 4)?;
        let key = KeyId::decode(d, ctx)?;
        label(d, 15)?;
        if d.map()? != Some(2) {
            return Err(wrong("CWT claims: two entries"));
        }
        label(d, 1)?;
        let issuer = Uscc::decode(d, ctx)?;
        label(d, 2)?;
        let subject = d.str()?.to_owned();
        Ok(Self { alg, claims: Claims { key, issuer, subject } })
    }
}

struct Envelope {
    protected: minicbor::bytes::ByteVec,
    payload: minicbor::bytes::ByteVec,
    signature: Signature,
}

impl<C> Encode<C> for Envelope {
    fn encode<W: minicbor::encode::Write>(
        &self,
        e: &mut minicbor::Encoder<W>,
        ctx: &mut C,
    ) -> Result<(), minicbor::encode::Error<W::Error>> {
        e.tag(minicbor::data::Tag::new(TAG_COSE_SIGN1))?.array(4)?;
        e.bytes(&self.protected)?.map(0)?.bytes(&self.payload)?;
        self.signature.encode(e, ctx)
    }
}

impl<'b, C> Decode<'b, C> for Envelope {
    fn decode(d: &mut minicbor::Decoder<'b>, ctx: &mut C) -> Result<Self, minicbor::decode::Error> {
        let wrong = |what| minicbor::decode::Error::message(what);
        if d.tag()?.as_u64() != TAG_COSE_SIGN1 || d.array()? != Some(4) {
            return Err(wrong("not a COSE_Sign1"));
        }
        let protected = d.bytes()?.to_vec().into();
        if d.map()? != Some(0) {
            return Err(wrong("unprotected header is not empty"));
        }
        let payload = d.bytes()?.to_vec().into();
        Ok(Self { protected, payload, signature: Signature::decode(d, ctx)? })
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    pub(crate) fn sample(
        acts: usize,
        act_bytes: usize,
    ) -> Result<SignedTransaction, TransactionError> {
        let key = KeyPair::from_secret(&[1; 32]);
        let body = TransactionBody {
            chain: ChainId([2; 32]),
            not_after: Millis(1_800_000_000_000),
            acts: vec![vec![0xa0; act_bytes].into(); acts],
        };
        SignedTransaction::sign(&body, "11310000HEFU01010W".parse().unwrap(), "att:00", &key)
    }

    #[test]
    fn signs_decodes_verifies() {
        let tx = sample(2, 10).unwrap();
        let key = KeyPair::from_secret(&[1; 32]);
        assert!(tx.verify(&key.public()));
        assert!(!tx.verify(&KeyPair::from_secret(&[3; 32]).public()));
        assert_eq!(SignedTransaction::decode(tx.as_bytes()).unwrap(), tx);
    }

    #[test]
    fn any_changed_byte_is_refused() {
        let tx = sample(1, 40).unwrap();
        let key = KeyPair::from_secret(&[1; 32]).public();
        for position in 0..tx.as_bytes().len() {
            let mut bytes = tx.as_bytes().to_vec();
            bytes[position] ^= 1;
            let accepted = SignedTransaction::decode(&bytes).is_ok_and(|tx| tx.verify(&key));
            assert!(!accepted, "byte {position}");
        }
    }

    #[test]
    fn bounds_hold_just_below_and_just_above() {
        assert!(sample(MAX_ACTS, 1).is_ok());
        assert_eq!(sample(MAX_ACTS + 1, 1), Err(TransactionError::ActCount(MAX_ACTS + 1)));
        assert_eq!(sample(0, 1), Err(TransactionError::ActCount(0)));
        assert!(sample(1, MAX_ACT_BYTES).is_ok());
        assert_eq!(
            sample(1, MAX_ACT_BYTES + 1),
            Err(TransactionError::ActSize { position: 0, bytes: MAX_ACT_BYTES + 1 })
        );
        assert!(sample(15, MAX_ACT_BYTES).is_ok());
        assert!(matches!(
            sample(16, MAX_ACT_BYTES),
            Err(TransactionError::Codec(CodecError::TooLarge { .. }))
        ));
    }
}
