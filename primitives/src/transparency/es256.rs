//! ES256 (ECDSA on P-256 with SHA-256) for receipts, where a verifier knows no Ed25519.
//!
//! The ledger registers Ed25519 keys alone. A cosigner's P-256 key is *derived* from its registered
//! secret and *endorsed* by the registered key: who trusts the record of the one, trusts the other
//! after one check. Deriving leaves no second secret to keep, rotate and lose.
//!
//! Signatures are deterministic (RFC 6979) and have the smaller of the two values of `s`; the
//! other one is refused, so that a receipt has one form.

use p256::ecdsa::signature::{Signer, Verifier};
use p256::ecdsa::{Signature as EcdsaSignature, SigningKey, VerifyingKey};

use super::pem;
use crate::crypto::{KeyPair, PublicKey, Signature};
use crate::hash::Domain;
use crate::ids::IdError;

/// Tries before a secret is given up: each fails once in 2^32 secrets.
const MAX_TRIES: u8 = 8;

/// A cosigner's P-256 secret.
#[derive(Clone)]
pub struct Es256Key(SigningKey);

/// A P-256 public key, compressed: sign and abscissa.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Es256PublicKey([u8; 33]);

/// The registered key's word that a P-256 key is its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Es256Endorsement {
    /// The P-256 key.
    pub key: Es256PublicKey,
    /// Signature of the registered key, over the domain of endorsements and the compressed key.
    pub signature: Signature,
}

impl Es256Key {
    /// The key that belongs to a registered one; none for a secret in 2^256.
    pub fn derive(pair: &KeyPair) -> Option<Self> {
        (0..MAX_TRIES).find_map(|number| {
            let secret = pair.derived_secret(Domain::Es256Secret, number);
            SigningKey::from_slice(&secret).ok().map(Self)
        })
    }

    /// The public key.
    pub fn public(&self) -> Es256PublicKey {
        let mut bytes = [0; 33];
        let point = self.0.verifying_key().to_sec1_point(true);
        bytes.copy_from_slice(point.as_bytes());
        Es256PublicKey(bytes)
    }

    /// Signs a message: `r ‖ s`, as COSE has it.
    pub fn sign(&self, message: &[u8]) -> [u8; 64] {
        let signature: EcdsaSignature = self.0.sign(message);
        signature.normalize_s().to_bytes().into()
    }

    /// The endorsement by the registered key.
    pub fn endorse(&self, pair: &KeyPair) -> Es256Endorsement {
        let key = self.public();
        Es256Endorsement { key, signature: pair.sign_tagged(Domain::Es256Key, &[&key.0]) }
    }
}

impl Es256Endorsement {
    /// Whether the registered key said so.
    #[must_use]
    pub fn verify(&self, by: &PublicKey) -> bool {
        by.verify_tagged(Domain::Es256Key, &[&self.key.0], &self.signature)
    }
}

impl Es256PublicKey {
    /// A compressed key.
    pub const fn from_bytes(bytes: [u8; 33]) -> Self {
        Self(bytes)
    }

    /// The compressed bytes.
    pub const fn as_bytes(&self) -> &[u8; 33] {
        &self.0
    }

    /// Whether `r ‖ s` signs the message.
    #[must_use]
    pub fn verify(&self, message: &[u8], signature: &[u8; 64]) -> bool {
        let key = VerifyingKey::from_sec1_bytes(&self.0);
        let signature = EcdsaSignature::from_slice(signature);
        match (key, signature) {
            (Ok(key), Ok(signature)) => {
                signature.normalize_s() == signature && key.verify(message, &signature).is_ok()
            }
            _ => false,
        }
    }

    /// The key as an SPKI file (RFC 5480); none for bytes that are no point.
    pub fn to_pem(&self) -> Option<String> {
        const PREFIX: [u8; 26] = [
            0x30, 0x59, 0x30, 0x13, 6, 7, 0x2a, 0x86, 0x48, 0xce, 0x3d, 2, 1, 6, 8, 0x2a, 0x86,
            0x48, 0xce, 0x3d, 3, 1, 7, 3, 0x42, 0,
        ];
        let point = VerifyingKey::from_sec1_bytes(&self.0).ok()?.to_sec1_point(false);
        Some(pem(&[&PREFIX[..], point.as_bytes()].concat()))
    }
}

impl core::fmt::Display for Es256PublicKey {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl core::fmt::Debug for Es256PublicKey {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "Es256PublicKey({self})")
    }
}

impl core::str::FromStr for Es256PublicKey {
    type Err = IdError;

    fn from_str(text: &str) -> Result<Self, IdError> {
        let mut raw = [0; 33];
        crate::ids::decode_hex(text, &mut raw)?;
        Ok(Self(raw))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn derived_endorsed_and_verified() {
        let pair = KeyPair::from_secret(&[7; 32]);
        let key = Es256Key::derive(&pair).unwrap();
        assert_eq!(key.public(), Es256Key::derive(&pair).unwrap().public());
        assert_ne!(
            key.public(),
            Es256Key::derive(&KeyPair::from_secret(&[8; 32])).unwrap().public()
        );
        let endorsement = key.endorse(&pair);
        assert!(endorsement.verify(&pair.public()));
        assert!(!endorsement.verify(&KeyPair::from_secret(&[8; 32]).public()));
        let signature = key.sign(b"hefu");
        assert!(key.public().verify(b"hefu", &signature));
        assert!(!key.public().verify(b"other", &signature));
        for position in 0..64 {
            let mut broken = signature;
            broken[position] ^= 1;
            assert!(!key.public().verify(b"hefu", &broken), "byte {position}");
        }
        assert_eq!(key.public().to_string().parse(), Ok(key.public()));
    }

    /// The message and key of RFC 6979 A.2.5; the other value of `s` is refused.
    #[test]
    fn rfc_6979_and_one_form() {
        let secret = "C9AFA9D845BA75166B5C215767B1D6934E50C3DB36E89B127B8A622B120F6721";
        let secret: crate::hash::H32 = secret.to_lowercase().parse().unwrap();
        let key = Es256Key(SigningKey::from_slice(&secret.0).unwrap());
        let signature = key.sign(b"sample");
        let r = "efd48b2aacb6a8fd1140dd9cd45e81d69d2c877b56aaf991c34d0ea84eaf3716";
        assert_eq!(crate::hash::H32(signature[..32].try_into().unwrap()).to_string(), r);
        let published: EcdsaSignature = key.0.sign(b"sample");
        let published: [u8; 64] = published.to_bytes().into();
        assert_ne!(published, signature, "the published s is the greater one");
        assert!(!key.public().verify(b"sample", &published));
        assert!(key.public().verify(b"sample", &signature));
    }
}
