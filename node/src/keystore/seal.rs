//! Sealing bytes under a key, and making a key from a passphrase.
//!
//! 1. A passphrase becomes a key through Argon2id (RFC 9106). The parameters stand beside what is
//!    sealed, so they are an input from outside: [`KdfParams::check`] bounds memory and time before
//!    anything is computed.
//! 2. Bytes are sealed with XChaCha20-Poly1305. Its nonces of 24 bytes are random: no counter has
//!    to survive a crash.
//! 3. Keys live on the heap and are wiped when dropped.
//!
//! This module does not know files.

use argon2::{Algorithm, Argon2, Params, Version};
use chacha20poly1305::aead::{Aead, Payload};
use chacha20poly1305::{KeyInit, XChaCha20Poly1305};
use minicbor::{Decode, Encode};
use zeroize::Zeroizing;

use super::Passphrase;

/// Length of a nonce, in bytes.
pub(crate) const NONCE_BYTES: usize = 24;
/// Length of an authentication tag, in bytes.
pub(crate) const TAG_BYTES: usize = 16;
/// Length of a salt of the key derivation, in bytes.
pub(crate) const SALT_BYTES: usize = 16;
/// Length of a sealed key, in bytes.
pub(crate) const SEALED_KEY_BYTES: usize = 32 + TAG_BYTES;

/// Most memory that opening a file may ask for, in KiB: 256 MiB.
pub const MAX_MEMORY_KIB: u32 = 256 * 1024;
/// Most passes over that memory.
pub const MAX_PASSES: u32 = 16;
/// Most lanes.
pub const MAX_LANES: u32 = 4;
/// Most memory times passes, in KiB: 1 GiB of traffic, about two seconds of one core.
pub const MAX_WORK_KIB: u32 = 1024 * 1024;

/// How hard a passphrase is to guess for somebody who holds the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Profile {
    /// 64 MiB, three passes (RFC 9106 §4, second recommendation, in one lane): everywhere but in
    /// tests.
    #[default]
    Strong,
    /// 64 KiB, one pass: no protection against guessing. For tests and the demo, whose keys are
    /// thrown away.
    InsecureFast,
}

impl Profile {
    /// The parameters this profile stands for.
    pub const fn params(self) -> KdfParams {
        match self {
            Self::Strong => KdfParams { memory_kib: 64 * 1024, passes: 3, lanes: 1 },
            Self::InsecureFast => KdfParams { memory_kib: 64, passes: 1, lanes: 1 },
        }
    }
}

/// Parameters of Argon2id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
pub struct KdfParams {
    /// Memory in KiB.
    #[n(0)]
    pub memory_kib: u32,
    /// Passes over the memory.
    #[n(1)]
    pub passes: u32,
    /// Lanes.
    #[n(2)]
    pub lanes: u32,
}

impl KdfParams {
    /// Whether guessing is cheaper than OWASP's minimum for Argon2id (19 MiB, two passes).
    pub const fn is_weak(&self) -> bool {
        self.memory_kib.saturating_mul(self.passes) < 2 * 19 * 1024
    }

    /// Refuses parameters that would cost too much memory or time, or that Argon2 does not know.
    ///
    /// # Errors
    /// [`SealError::Parameters`].
    pub fn check(&self) -> Result<(), SealError> {
        let work = self.memory_kib.checked_mul(self.passes);
        let fits = (1..=MAX_LANES).contains(&self.lanes)
            && (1..=MAX_PASSES).contains(&self.passes)
            && (8 * self.lanes..=MAX_MEMORY_KIB).contains(&self.memory_kib)
            && work.is_some_and(|work| work <= MAX_WORK_KIB);
        if fits { Ok(()) } else { Err(SealError::Parameters(*self)) }
    }
}

/// Why something could not be sealed or opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SealError {
    /// Key derivation parameters outside the bounds.
    #[error("key derivation parameters out of bounds: {0:?}")]
    Parameters(KdfParams),
    /// The key is not the one that sealed, or the bytes were changed.
    #[error("the key does not open this, or it was changed")]
    Refused,
    /// The operating system gave no randomness.
    #[error("the operating system gave no randomness")]
    Randomness,
}

/// A symmetric key, wiped when dropped.
pub(crate) struct SealingKey(Box<Zeroizing<[u8; 32]>>);

impl SealingKey {
    /// A random key.
    pub(crate) fn random() -> Result<Self, SealError> {
        let mut key = Self(Box::new(Zeroizing::new([0; 32])));
        fill_random(&mut **key.0)?;
        Ok(key)
    }

    /// The key of a passphrase.
    pub(crate) fn derive(
        passphrase: &Passphrase,
        salt: &[u8; SALT_BYTES],
        params: KdfParams,
    ) -> Result<Self, SealError> {
        params.check()?;
        let refused = |_| SealError::Parameters(params);
        let inner = Params::new(params.memory_kib, params.passes, params.lanes, Some(32))
            .map_err(refused)?;
        let mut key = Self(Box::new(Zeroizing::new([0; 32])));
        Argon2::new(Algorithm::Argon2id, Version::V0x13, inner)
            .hash_password_into(passphrase.reveal().as_bytes(), salt, &mut **key.0)
            .map_err(refused)?;
        Ok(key)
    }

    /// The key from bytes that were sealed under another.
    pub(crate) fn from_opened(bytes: &[u8]) -> Result<Self, SealError> {
        let mut key = Self(Box::new(Zeroizing::new([0; 32])));
        if bytes.len() != 32 {
            return Err(SealError::Refused);
        }
        key.0.copy_from_slice(bytes);
        Ok(key)
    }

    /// The key bytes, to be sealed under another key or mixed into a keyed hash.
    pub(crate) fn reveal(&self) -> &[u8; 32] {
        &self.0
    }

    /// Encrypts `plain`; `context` is authenticated and not encrypted.
    pub(crate) fn seal(
        &self,
        nonce: &[u8; NONCE_BYTES],
        context: &[u8],
        plain: &[u8],
    ) -> Result<Vec<u8>, SealError> {
        let payload = Payload { msg: plain, aad: context };
        self.cipher().encrypt(&(*nonce).into(), payload).map_err(|_| SealError::Refused)
    }

    /// Decrypts what [`SealingKey::seal`] gave for the same nonce and context.
    pub(crate) fn open(
        &self,
        nonce: &[u8; NONCE_BYTES],
        context: &[u8],
        sealed: &[u8],
    ) -> Result<Zeroizing<Vec<u8>>, SealError> {
        let payload = Payload { msg: sealed, aad: context };
        let plain = self.cipher().decrypt(&(*nonce).into(), payload);
        plain.map(Zeroizing::new).map_err(|_| SealError::Refused)
    }

    fn cipher(&self) -> XChaCha20Poly1305 {
        XChaCha20Poly1305::new((&**self.0).into())
    }
}

impl core::fmt::Debug for SealingKey {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("SealingKey(…)")
    }
}

/// Fills `bytes` from the operating system's generator.
pub(crate) fn fill_random(bytes: &mut [u8]) -> Result<(), SealError> {
    getrandom::fill(bytes).map_err(|_| SealError::Randomness)
}

/// Random bytes that need no wiping: salts of derivations, nonces, identifiers.
pub(crate) fn random<const N: usize>() -> Result<[u8; N], SealError> {
    let mut bytes = [0; N];
    fill_random(&mut bytes)?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seals_and_opens() {
        let key = SealingKey::random().unwrap();
        let nonce = random().unwrap();
        let sealed = key.seal(&nonce, b"context", b"plain").unwrap();
        assert_eq!(sealed.len(), 5 + TAG_BYTES);
        assert_eq!(**key.open(&nonce, b"context", &sealed).unwrap(), *b"plain");
        assert_eq!(key.open(&nonce, b"other", &sealed), Err(SealError::Refused));
        assert_eq!(key.open(&[0; 24], b"context", &sealed), Err(SealError::Refused));
        let other = SealingKey::random().unwrap();
        assert_eq!(other.open(&nonce, b"context", &sealed), Err(SealError::Refused));
        for position in 0..sealed.len() {
            let mut changed = sealed.clone();
            changed[position] ^= 1;
            assert_eq!(key.open(&nonce, b"context", &changed), Err(SealError::Refused));
        }
    }

    #[test]
    fn parameters_are_bounded() {
        let params = |memory_kib, passes, lanes| KdfParams { memory_kib, passes, lanes }.check();
        assert!(params(MAX_MEMORY_KIB, 4, 1).is_ok());
        assert!(params(MAX_MEMORY_KIB + 1, 1, 1).is_err());
        assert!(params(MAX_MEMORY_KIB, 5, 1).is_err(), "work is over its bound");
        assert!(params(64, MAX_PASSES, 1).is_ok());
        assert!(params(64, MAX_PASSES + 1, 1).is_err());
        assert!(params(64, 1, MAX_LANES).is_ok());
        assert!(params(64, 1, MAX_LANES + 1).is_err());
        assert!(params(8, 1, 1).is_ok());
        assert!(params(7, 1, 1).is_err());
        for zero in [params(64, 0, 1), params(64, 1, 0), params(0, 1, 1)] {
            assert!(zero.is_err());
        }
        assert!(params(u32::MAX, u32::MAX, u32::MAX).is_err());
        assert!(Profile::Strong.params().check().is_ok());
        assert!(!Profile::Strong.params().is_weak());
        assert!(Profile::InsecureFast.params().check().is_ok());
        assert!(Profile::InsecureFast.params().is_weak());
    }

    /// Frozen: files sealed today must open for ever.
    #[test]
    fn golden() {
        let passphrase = Passphrase::new("correct horse battery staple".to_owned()).unwrap();
        let key =
            SealingKey::derive(&passphrase, &[7; 16], Profile::InsecureFast.params()).unwrap();
        let sealed = key.seal(&[9; 24], b"context", b"hefu").unwrap();
        let hex: String = sealed.iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(hex, "0abdaafebc5a7d92b4c140de387556e0681ea17b");
    }
}
