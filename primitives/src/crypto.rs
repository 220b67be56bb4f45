//! Keys, signatures, and the one predicate that says whether a signature is valid.
//!
//! **Predicate** (ZIP-215, <https://zips.z.cash/zip-0215>): `A` and `R` decode to points of
//! Curve25519 (an encoding need not be reduced), `S` is a canonical scalar, and
//! `[8]([S]B − [k]A − R)` is the identity with `k = SHA-512(R ‖ A ‖ M)`. Because the cofactor is
//! multiplied in, a batch of signatures is valid exactly when each of them is: the composition of a
//! batch can never decide ("Taming the many EdDSAs", Chalkias, Garillot, Nikolaenko, 2020).
//! Keys of small order are refused where keys are registered ([`PublicKey::is_registrable`]).

pub mod batch;

use curve25519_dalek::edwards::{CompressedEdwardsY, EdwardsPoint};
use curve25519_dalek::scalar::Scalar;
use curve25519_dalek::traits::IsIdentity;
use ed25519_dalek::Signer;
use minicbor::{Decode, Encode};
use sha2::{Digest, Sha512};

use crate::hash::{Domain, hash};
use crate::ids::{IdError, KeyId};

/// A family of algorithms. Every suite has 32-byte digests and public keys and 64-byte
/// signatures, so a new one needs no new layout.
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Default,
    serde::Serialize,
    serde::Deserialize,
)]
#[serde(rename_all = "kebab-case")]
#[repr(u8)]
pub enum Suite {
    /// Suite 1: Ed25519 and BLAKE3.
    #[default]
    Ed25519Blake3 = 1,
}

impl Suite {
    /// The suite of a number, if this version knows it.
    pub const fn from_number(number: u8) -> Option<Self> {
        match number {
            1 => Some(Self::Ed25519Blake3),
            _ => None,
        }
    }

    /// The number on the wire.
    pub const fn number(self) -> u8 {
        self as u8
    }
}

bytes_newtype! {
    /// A signature; its suite is that of the key it is checked with.
    Signature, 64
}

/// A public key with its suite: 33 bytes on the wire, suite first.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PublicKey {
    suite: Suite,
    bytes: [u8; 32],
}

impl PublicKey {
    /// A key of suite 1. Any 32 bytes are accepted here; a key that is no point verifies nothing.
    pub const fn ed25519(bytes: [u8; 32]) -> Self {
        Self { suite: Suite::Ed25519Blake3, bytes }
    }

    /// The suite.
    pub const fn suite(&self) -> Suite {
        self.suite
    }

    /// The 32 key bytes.
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.bytes
    }

    /// The key's id.
    pub fn id(&self) -> KeyId {
        let digest = hash(Domain::Key, &[&[self.suite.number()], &self.bytes]);
        let mut id = [0; KeyId::LEN];
        id.copy_from_slice(digest.0.split_at(KeyId::LEN).0);
        KeyId(id)
    }

    /// Whether the key may be registered: a canonical encoding of a point that is not of small
    /// order.
    pub fn is_registrable(&self) -> bool {
        let encoding = CompressedEdwardsY(self.bytes);
        encoding
            .decompress()
            .is_some_and(|point| point.compress() == encoding && !point.is_small_order())
    }

    /// Whether `signature` over `message` is valid (the module's predicate).
    #[must_use]
    #[allow(clippy::arithmetic_side_effects)] // group operations, not integers
    pub fn verify(&self, message: &[u8], signature: &Signature) -> bool {
        let Some((r_encoding, s)) = split(signature) else { return false };
        let (Some(a), Some(r)) =
            (CompressedEdwardsY(self.bytes).decompress(), r_encoding.decompress())
        else {
            return false;
        };
        let k = challenge(&r_encoding, &self.bytes, message);
        let difference = EdwardsPoint::vartime_double_scalar_mul_basepoint(&k, &-a, &s) - r;
        difference.mul_by_cofactor().is_identity()
    }
}

/// `R`, not yet decoded, and `S`; nothing if `S` is not canonical.
fn split(signature: &Signature) -> Option<(CompressedEdwardsY, Scalar)> {
    let (r, s) = signature.0.split_first_chunk::<32>()?;
    let s = Option::<Scalar>::from(Scalar::from_canonical_bytes(s.try_into().ok()?))?;
    Some((CompressedEdwardsY(*r), s))
}

/// `SHA-512(R ‖ A ‖ M)` as a scalar (RFC 8032 §5.1.7).
fn challenge(r: &CompressedEdwardsY, a: &[u8; 32], message: &[u8]) -> Scalar {
    let digest = Sha512::new().chain_update(r.as_bytes()).chain_update(a).chain_update(message);
    Scalar::from_bytes_mod_order_wide(&digest.finalize().into())
}

impl core::fmt::Display for PublicKey {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "{:02x}", self.suite.number())?;
        self.bytes.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl core::fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "PublicKey({self})")
    }
}

impl core::str::FromStr for PublicKey {
    type Err = IdError;

    fn from_str(text: &str) -> Result<Self, IdError> {
        let mut raw = [0; 33];
        crate::ids::decode_hex(text, &mut raw)?;
        Self::from_raw(&raw).ok_or(IdError::Number)
    }
}

impl PublicKey {
    fn from_raw(raw: &[u8; 33]) -> Option<Self> {
        let (number, bytes) = raw.split_first()?;
        Some(Self { suite: Suite::from_number(*number)?, bytes: bytes.try_into().ok()? })
    }
}

impl<C> Encode<C> for PublicKey {
    fn encode<W: minicbor::encode::Write>(
        &self,
        e: &mut minicbor::Encoder<W>,
        _: &mut C,
    ) -> Result<(), minicbor::encode::Error<W::Error>> {
        let mut raw = [self.suite.number(); 33];
        raw.split_at_mut(1).1.copy_from_slice(&self.bytes);
        e.bytes(&raw)?.ok()
    }
}

impl<'b, C> Decode<'b, C> for PublicKey {
    fn decode(d: &mut minicbor::Decoder<'b>, _: &mut C) -> Result<Self, minicbor::decode::Error> {
        let raw = d.bytes()?.try_into().ok().and_then(|raw: &[u8; 33]| Self::from_raw(raw));
        raw.ok_or_else(|| minicbor::decode::Error::message("public key: length or suite"))
    }
}

text_serde!(PublicKey);

/// Says whether a signature over a message is valid under a key. The answer must be that of
/// [`PublicKey::verify`]; an implementation may remember what it verified before.
pub type SignatureCheck = fn(&PublicKey, &[u8], &Signature) -> bool;

/// A secret key with its public key; the secret is wiped when dropped.
#[derive(Clone)]
pub struct KeyPair {
    secret: ed25519_dalek::SigningKey,
    public: PublicKey,
}

impl KeyPair {
    /// The pair of 32 secret bytes, which must come from a cryptographic source of randomness.
    pub fn from_secret(secret: &[u8; 32]) -> Self {
        let secret = ed25519_dalek::SigningKey::from_bytes(secret);
        let public = PublicKey::ed25519(secret.verifying_key().to_bytes());
        Self { secret, public }
    }

    /// The public key.
    pub const fn public(&self) -> PublicKey {
        self.public
    }

    /// The key's id.
    pub fn id(&self) -> KeyId {
        self.public.id()
    }

    /// The 32 secret bytes, for the encrypted keystore alone.
    pub fn secret_bytes(&self) -> [u8; 32] {
        self.secret.to_bytes()
    }

    /// A secret for another purpose that follows from this one, and does not lead back to it.
    pub(crate) fn derived_secret(&self, domain: Domain, number: u8) -> [u8; 32] {
        hash(domain, &[&self.secret.to_bytes(), &[number]]).0
    }

    /// Signs a message (RFC 8032, deterministic).
    pub fn sign(&self, message: &[u8]) -> Signature {
        Signature(self.secret.sign(message).to_bytes())
    }

    /// Signs the digest of `parts` for a domain: votes, proposals, proofs of possession.
    pub fn sign_tagged(&self, domain: Domain, parts: &[&[u8]]) -> Signature {
        self.sign(hash(domain, parts).as_bytes())
    }
}

impl core::fmt::Debug for KeyPair {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "KeyPair({})", self.public)
    }
}

impl PublicKey {
    /// Checks a signature made by [`KeyPair::sign_tagged`].
    #[must_use]
    pub fn verify_tagged(&self, domain: Domain, parts: &[&[u8]], signature: &Signature) -> bool {
        self.verify(hash(domain, parts).as_bytes(), signature)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use curve25519_dalek::constants::EIGHT_TORSION;

    fn pair() -> KeyPair {
        KeyPair::from_secret(&[7; 32])
    }

    #[test]
    fn signs_and_verifies() {
        let (pair, message) = (pair(), b"hefu");
        let signature = pair.sign(message);
        assert!(pair.public().verify(message, &signature));
        assert!(!pair.public().verify(b"other", &signature));
        for position in 0..64 {
            let mut broken = signature;
            broken.0[position] ^= 1;
            assert!(!pair.public().verify(message, &broken), "byte {position}");
        }
    }

    #[test]
    fn tags_separate() {
        let pair = pair();
        let signature = pair.sign_tagged(Domain::Vote, &[b"x"]);
        assert!(pair.public().verify_tagged(Domain::Vote, &[b"x"], &signature));
        assert!(!pair.public().verify_tagged(Domain::Proposal, &[b"x"], &signature));
    }

    /// The eight torsion points in canonical form and the encodings that are not reduced:
    /// y + p still fits 255 bits for y ≤ 18, and x = 0 may carry a sign bit.
    pub(super) fn small_order_encodings() -> Vec<[u8; 32]> {
        let mut encodings: Vec<[u8; 32]> =
            EIGHT_TORSION.iter().map(|point| point.compress().to_bytes()).collect();
        let p = {
            let mut p = [0xffu8; 32];
            p[0] = 0xed;
            p[31] = 0x7f;
            p
        };
        let plus_p = |y: u8| {
            let mut bytes = p;
            bytes[0] = bytes[0].wrapping_add(y);
            bytes
        };
        let signed = |mut bytes: [u8; 32]| {
            bytes[31] |= 0x80;
            bytes
        };
        let one = EIGHT_TORSION[0].compress().to_bytes();
        let minus_one = EIGHT_TORSION[4].compress().to_bytes();
        encodings.extend([signed(one), signed(minus_one)]);
        encodings.extend([plus_p(0), signed(plus_p(0)), plus_p(1), signed(plus_p(1))]);
        encodings
    }

    /// ZIP-215's own test: with S = 0 every pair of small-order A and R is valid for any message.
    #[test]
    fn zip_215_accepts_every_small_order_pair() {
        let encodings = small_order_encodings();
        assert_eq!(encodings.len(), 14);
        for a in &encodings {
            for r in &encodings {
                let mut signature = Signature::ZERO;
                signature.0[..32].copy_from_slice(r);
                assert!(PublicKey::ed25519(*a).verify(b"Zcash", &signature));
            }
            assert!(!PublicKey::ed25519(*a).is_registrable());
        }
    }

    /// S + L, which verifies where S is not checked.
    pub(super) fn with_order_added(mut signature: Signature) -> Signature {
        // The group order L, little-endian.
        let order: [u8; 32] = [
            0xed, 0xd3, 0xf5, 0x5c, 0x1a, 0x63, 0x12, 0x58, 0xd6, 0x9c, 0xf7, 0xa2, 0xde, 0xf9,
            0xde, 0x14, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x10,
        ];
        let mut carry = 0u16;
        for (byte, add) in signature.0[32..].iter_mut().zip(order) {
            let sum = u16::from(*byte) + u16::from(add) + carry;
            *byte = sum as u8;
            carry = sum >> 8;
        }
        signature
    }

    #[test]
    fn scalars_must_be_canonical() {
        let pair = pair();
        let signature = with_order_added(pair.sign(b"hefu"));
        assert!(!pair.public().verify(b"hefu", &signature));
    }

    #[test]
    fn rfc_8032_test_1() {
        let hex = |text: &str| -> Vec<u8> {
            (0..text.len())
                .step_by(2)
                .map(|i| u8::from_str_radix(&text[i..i + 2], 16).unwrap())
                .collect()
        };
        let secret = hex("9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60");
        let pair = KeyPair::from_secret(&secret.try_into().unwrap());
        assert_eq!(
            pair.public().as_bytes().to_vec(),
            hex("d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a")
        );
        assert_eq!(
            pair.sign(b"").0.to_vec(),
            hex(
                "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b"
            )
        );
    }
}
