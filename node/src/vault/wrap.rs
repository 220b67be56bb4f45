//! `vault.key`: the vault's data key, wrapped under the passphrase.
//!
//! ```text
//! 86                       array(6)
//! 6e "hefu-vault-key"      what this is
//! 01                       format version
//! 83 MEMORY PASSES LANES   Argon2id: KiB, passes, lanes
//! 50 SALT16                its salt
//! 82 58 18 NONCE24 58 30 SEALED48
//!                          XChaCha20-Poly1305 over the data key; its associated data are the
//!                          encodings of the four items before
//! 58 20 DIGEST32           BLAKE3 (domain Digest) over the encodings of the five items before
//! ```
//!
//! The data key never changes, so another passphrase needs no other bytes than these. As in a key
//! file the digest only tells damage from a wrong passphrase.

use std::io;
use std::path::Path;

use hefu_primitives::codec::Canonical;
use hefu_primitives::hash::{Domain, H32, hash};
use minicbor::bytes::{ByteArray, ByteVec};
use minicbor::{Decode, Encode};

use super::fault;
use crate::keystore::seal::{KdfParams, NONCE_BYTES, SALT_BYTES, SealError, SealingKey, random};
use crate::keystore::{Passphrase, Profile, disk};

pub(super) const KEY_FILE: &str = "vault.key";
const MAX_BYTES: usize = 512;
const MAGIC: &str = "hefu-vault-key";
const VERSION: u8 = 1;

/// Why the data key cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum WrapError {
    /// The file system.
    #[error("{KEY_FILE}")]
    Io(#[from] io::Error),
    /// The file is damaged, or none of ours.
    #[error("{KEY_FILE} is damaged")]
    Damaged,
    /// The passphrase is wrong (or somebody changed the file and its digest).
    #[error("wrong passphrase")]
    WrongPassphrase,
    /// The parameters would cost too much, or there is no randomness.
    #[error(transparent)]
    Seal(SealError),
}

impl From<SealError> for WrapError {
    fn from(error: SealError) -> Self {
        match error {
            SealError::Refused => Self::WrongPassphrase,
            other => Self::Seal(other),
        }
    }
}

#[derive(Encode, Decode)]
struct Wrapped {
    #[n(0)]
    magic: String,
    #[n(1)]
    version: u8,
    #[n(2)]
    kdf: KdfParams,
    #[n(3)]
    salt: ByteArray<SALT_BYTES>,
    #[n(4)]
    sealed: Sealed,
    #[n(5)]
    digest: H32,
}

#[derive(Encode, Decode)]
struct Sealed {
    #[n(0)]
    nonce: ByteArray<NONCE_BYTES>,
    #[n(1)]
    key: ByteVec,
}

/// Wraps the data key under a passphrase and writes it, overwriting what was there before.
pub(super) fn write(
    folder: &Path,
    data_key: &SealingKey,
    passphrase: &Passphrase,
    profile: Profile,
) -> Result<(), WrapError> {
    let (salt, nonce) = (random::<SALT_BYTES>()?, random::<NONCE_BYTES>()?);
    let mut wrapped = Wrapped {
        magic: MAGIC.to_owned(),
        version: VERSION,
        kdf: profile.params(),
        salt: salt.into(),
        sealed: Sealed { nonce: nonce.into(), key: Vec::new().into() },
        digest: H32::ZERO,
    };
    let key = SealingKey::derive(passphrase, &salt, wrapped.kdf)?;
    wrapped.sealed.key = key.seal(&nonce, &wrapped.context(), data_key.reveal())?.into();
    wrapped.digest = wrapped.expected_digest();
    fault::point()?;
    disk::replace_and_shred(&folder.join(KEY_FILE), &wrapped.to_bytes())?;
    Ok(fault::point()?)
}

/// Reads and unwraps the data key.
pub(super) fn read(folder: &Path, passphrase: &Passphrase) -> Result<SealingKey, WrapError> {
    let bytes = disk::read_bounded(&folder.join(KEY_FILE), MAX_BYTES)?;
    let wrapped = Wrapped::from_bytes(&bytes, MAX_BYTES).map_err(|_| WrapError::Damaged)?;
    let known = wrapped.magic == MAGIC && wrapped.version == VERSION;
    if !known || wrapped.digest != wrapped.expected_digest() {
        return Err(WrapError::Damaged);
    }
    let key = SealingKey::derive(passphrase, &wrapped.salt, wrapped.kdf)?;
    let opened = key.open(&wrapped.sealed.nonce, &wrapped.context(), &wrapped.sealed.key)?;
    SealingKey::from_opened(&opened).map_err(|_| WrapError::Damaged)
}

impl Wrapped {
    fn context(&self) -> Vec<u8> {
        let Self { magic, version, kdf, salt, .. } = self;
        [magic.to_bytes(), version.to_bytes(), kdf.to_bytes(), salt.to_bytes()].concat()
    }

    fn expected_digest(&self) -> H32 {
        hash(Domain::Digest, &[&self.context(), &self.sealed.to_bytes()])
    }
}
