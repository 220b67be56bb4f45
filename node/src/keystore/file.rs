//! The key file: one secret key, sealed under a passphrase.
//!
//! Deterministic CBOR, an array of ten; in order:
//!
//! ```text
//! 8a                       array(10)
//! 68 "hefu-key"            what this is
//! 01                       format version
//! 58 21 SUITE KEY32        public key, 33 bytes, suite first
//! 6x LABEL                 label: 1 to 64 of a-z 0-9 . _ -
//! 8x ROLE…                 role hints: at most 16 of A-Z and _
//! 1b MILLIS                created, milliseconds since 1970
//! 83 MEMORY PASSES LANES   Argon2id: KiB, passes, lanes
//! 50 SALT16                its salt
//! 82 58 18 NONCE24 58 30 SEALED48
//!                          XChaCha20-Poly1305 over the 32 secret bytes; its associated data are
//!                          the encodings of the eight items before, one after the other
//! 58 20 DIGEST32           BLAKE3 (domain Digest) over the encodings of the nine items before
//! ```
//!
//! The digest is no protection: it tells a file that was damaged from a wrong passphrase. What
//! protects is the seal, which covers the public items too, and the public key, which must be that
//! of the opened secret.

use hefu_primitives::codec::{Canonical, CodecError};
use hefu_primitives::crypto::{KeyPair, PublicKey};
use hefu_primitives::hash::{Domain, H32, hash};
use hefu_primitives::ids::Millis;
use minicbor::bytes::{ByteArray, ByteVec};
use minicbor::{Decode, Encode};
use zeroize::Zeroizing;

use super::seal::{
    KdfParams, NONCE_BYTES, Profile, SALT_BYTES, SEALED_KEY_BYTES, SealError, SealingKey, random,
};
use super::{KeyInfo, Passphrase};

/// Largest key file, in bytes: 64 of label, 16 roles of 17, and 300 of everything else.
pub(super) const MAX_FILE_BYTES: usize = 1024;
/// Longest label, in bytes.
pub const MAX_LABEL_BYTES: usize = 64;
/// Most role hints.
pub const MAX_ROLES: usize = 16;
/// Longest role hint, in bytes.
pub const MAX_ROLE_BYTES: usize = 16;

const MAGIC: &str = "hefu-key";
const VERSION: u8 = 1;

/// Why bytes are no key file, or do not open.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyFileError {
    /// Not the encoding of a key file.
    #[error("not a key file: {0}")]
    Codec(#[from] CodecError),
    /// Another kind of file.
    #[error("not a key file")]
    Magic,
    /// A version this program does not know.
    #[error("key file version {0} is not known to this program")]
    Version(u8),
    /// The digest does not fit: the file was damaged or changed.
    #[error("the key file is damaged")]
    Damaged,
    /// A label with other characters, or of another length.
    #[error(
        "a label has 1 to {MAX_LABEL_BYTES} of a-z, 0-9, '.', '_', '-' and starts with a letter or digit"
    )]
    Label,
    /// A role hint that is none.
    #[error("a role has 1 to {MAX_ROLE_BYTES} of A-Z and '_'; {MAX_ROLES} are possible")]
    Role,
    /// The passphrase is wrong (or somebody changed the file and its digest).
    #[error("wrong passphrase")]
    WrongPassphrase,
    /// The parameters would cost too much, or there is no randomness.
    #[error(transparent)]
    Seal(SealError),
}

impl From<SealError> for KeyFileError {
    fn from(error: SealError) -> Self {
        match error {
            SealError::Refused => Self::WrongPassphrase,
            other => Self::Seal(other),
        }
    }
}

/// A decoded key file. Its shape and digest are checked; its seal is when it is opened.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub(super) struct KeyFile {
    #[n(0)]
    magic: String,
    #[n(1)]
    version: u8,
    #[n(2)]
    public: PublicKey,
    #[n(3)]
    label: String,
    #[n(4)]
    roles: Vec<String>,
    #[n(5)]
    created: Millis,
    #[n(6)]
    kdf: KdfParams,
    #[n(7)]
    salt: ByteArray<SALT_BYTES>,
    #[n(8)]
    sealed: Sealed,
    #[n(9)]
    digest: H32,
}

#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
struct Sealed {
    #[n(0)]
    nonce: ByteArray<NONCE_BYTES>,
    #[n(1)]
    key: ByteVec,
}

impl KeyFile {
    /// Seals a key pair.
    pub(super) fn seal(
        pair: &KeyPair,
        label: &str,
        roles: &[String],
        created: Millis,
        passphrase: &Passphrase,
        profile: Profile,
    ) -> Result<Self, KeyFileError> {
        let (salt, nonce) = (random::<SALT_BYTES>()?, random::<NONCE_BYTES>()?);
        let mut file = Self {
            magic: MAGIC.to_owned(),
            version: VERSION,
            public: pair.public(),
            label: label.to_owned(),
            roles: roles.to_vec(),
            created,
            kdf: profile.params(),
            salt: salt.into(),
            sealed: Sealed { nonce: nonce.into(), key: Vec::new().into() },
            digest: H32::ZERO,
        };
        file.check_shape()?;
        let secret = Zeroizing::new(pair.secret_bytes());
        let key = SealingKey::derive(passphrase, &salt, file.kdf)?;
        file.sealed.key = key.seal(&nonce, &file.context(), secret.as_slice())?.into();
        file.digest = file.expected_digest();
        Ok(file)
    }

    /// Decodes and checks everything that needs no passphrase.
    pub(super) fn decode(bytes: &[u8]) -> Result<Self, KeyFileError> {
        let file = Self::from_bytes(bytes, MAX_FILE_BYTES)?;
        if file.magic != MAGIC {
            return Err(KeyFileError::Magic);
        }
        if file.version != VERSION {
            return Err(KeyFileError::Version(file.version));
        }
        if file.digest != file.expected_digest() || file.sealed.key.len() != SEALED_KEY_BYTES {
            return Err(KeyFileError::Damaged);
        }
        file.check_shape()?;
        Ok(file)
    }

    /// Opens the seal.
    pub(super) fn open(&self, passphrase: &Passphrase) -> Result<KeyPair, KeyFileError> {
        let key = SealingKey::derive(passphrase, &self.salt, self.kdf)?;
        let opened = key.open(&self.sealed.nonce, &self.context(), &self.sealed.key)?;
        let mut secret = Zeroizing::new([0; 32]);
        if opened.len() != secret.len() {
            return Err(KeyFileError::Damaged);
        }
        secret.copy_from_slice(&opened);
        let pair = KeyPair::from_secret(&secret);
        if pair.public() != self.public {
            return Err(KeyFileError::Damaged);
        }
        Ok(pair)
    }

    /// What may be read without the passphrase.
    pub(super) fn info(&self) -> KeyInfo {
        KeyInfo {
            label: self.label.clone(),
            public: self.public,
            id: self.public.id(),
            roles: self.roles.clone(),
            created: self.created,
            kdf: self.kdf,
        }
    }

    fn check_shape(&self) -> Result<(), KeyFileError> {
        check_label(&self.label)?;
        if self.roles.len() > MAX_ROLES || !self.roles.iter().all(|role| is_role(role)) {
            return Err(KeyFileError::Role);
        }
        Ok(self.kdf.check()?)
    }

    /// Items 0 to 7, which the seal covers as its context.
    fn context(&self) -> Vec<u8> {
        let Self { magic, version, public, label, roles, created, kdf, salt, .. } = self;
        [
            magic.to_bytes(),
            version.to_bytes(),
            public.to_bytes(),
            label.to_bytes(),
            roles.to_bytes(),
            created.to_bytes(),
            kdf.to_bytes(),
            salt.to_bytes(),
        ]
        .concat()
    }

    fn expected_digest(&self) -> H32 {
        hash(Domain::Digest, &[&self.context(), &self.sealed.to_bytes()])
    }
}

/// Whether a text may be a label, which is also the name of its file.
pub(super) fn check_label(label: &str) -> Result<(), KeyFileError> {
    let plain = |c: u8| c.is_ascii_lowercase() || c.is_ascii_digit();
    let starts = label.bytes().next().is_some_and(plain);
    let rest = label.bytes().all(|c| plain(c) || b"._-".contains(&c));
    if starts && rest && label.len() <= MAX_LABEL_BYTES { Ok(()) } else { Err(KeyFileError::Label) }
}

fn is_role(role: &str) -> bool {
    (1..=MAX_ROLE_BYTES).contains(&role.len())
        && role.bytes().all(|c| c.is_ascii_uppercase() || c == b'_')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn passphrase(text: &str) -> Passphrase {
        Passphrase::new(text.to_owned()).unwrap()
    }

    fn sample() -> KeyFile {
        let pair = KeyPair::from_secret(&[5; 32]);
        let roles = ["ISSUER".to_owned(), "VERIFIER".to_owned()];
        let created = Millis(1_700_000_000_000);
        let secret = passphrase("open sesame");
        KeyFile::seal(&pair, "js-mr-1", &roles, created, &secret, Profile::InsecureFast).unwrap()
    }

    #[test]
    fn round_trip() {
        let file = sample();
        let bytes = file.to_bytes();
        assert!(bytes.len() <= 300, "{}", bytes.len());
        let read = KeyFile::decode(&bytes).unwrap();
        assert_eq!(read, file);
        let pair = read.open(&passphrase("open sesame")).unwrap();
        assert_eq!(pair.secret_bytes(), [5; 32]);
        let wrong = read.open(&passphrase("open sesames")).unwrap_err();
        assert_eq!(wrong, KeyFileError::WrongPassphrase);
    }

    #[test]
    fn the_secret_is_not_in_the_file() {
        let bytes = sample().to_bytes();
        assert!(!bytes.windows(8).any(|window| window == [5; 8]));
    }

    #[test]
    fn any_changed_byte_is_refused() {
        let bytes = sample().to_bytes();
        for position in 0..bytes.len() {
            for mask in [0x01, 0x20, 0x80] {
                let mut changed = bytes.clone();
                changed[position] ^= mask;
                assert!(KeyFile::decode(&changed).is_err(), "byte {position} ^ {mask:#x}");
            }
        }
        for length in 0..bytes.len() {
            assert!(KeyFile::decode(&bytes[..length]).is_err(), "cut at {length}");
        }
    }

    /// Whoever changes the public part and repairs the digest still fails at the seal.
    #[test]
    fn the_seal_covers_the_public_part() {
        let changes: [fn(&mut KeyFile); 5] = [
            |file| file.label = "zj-mr-1".into(),
            |file| file.roles.push("GOVERNOR".into()),
            |file| file.created = Millis(1),
            |file| file.public = KeyPair::from_secret(&[6; 32]).public(),
            |file| file.kdf.passes = 2,
        ];
        for change in changes {
            let mut file = sample();
            change(&mut file);
            file.digest = file.expected_digest();
            let read = KeyFile::decode(&file.to_bytes()).unwrap();
            let refused = read.open(&passphrase("open sesame")).unwrap_err();
            assert_eq!(refused, KeyFileError::WrongPassphrase);
        }
    }

    #[test]
    fn hostile_parameters_are_refused_before_any_work() {
        let mut file = sample();
        file.kdf = KdfParams { memory_kib: u32::MAX, passes: 1, lanes: 1 };
        file.digest = file.expected_digest();
        let refused = KeyFile::decode(&file.to_bytes()).unwrap_err();
        assert_eq!(refused, KeyFileError::Seal(SealError::Parameters(file.kdf)));
        let mut file = sample();
        file.version = 2;
        assert_eq!(KeyFile::decode(&file.to_bytes()), Err(KeyFileError::Version(2)));
        let mut file = sample();
        file.magic = "hefu-kex".into();
        assert_eq!(KeyFile::decode(&file.to_bytes()), Err(KeyFileError::Magic));
    }

    #[test]
    fn labels_and_roles_have_bounds() {
        for label in ["a", "0", "js-mr.1_x", &"x".repeat(MAX_LABEL_BYTES)] {
            assert!(check_label(label).is_ok(), "{label}");
        }
        let long = "x".repeat(MAX_LABEL_BYTES + 1);
        for label in ["", ".x", "-x", "A", "a/b", "a b", "证", "..", &long] {
            assert_eq!(check_label(label), Err(KeyFileError::Label), "{label}");
        }
        assert!(is_role("ISSUER") && is_role("DATA_ADMIN"));
        assert!(!is_role("") && !is_role("issuer") && !is_role(&"X".repeat(17)));
        let mut file = sample();
        file.roles = vec!["X".repeat(MAX_ROLE_BYTES); MAX_ROLES];
        file.label = "x".repeat(MAX_LABEL_BYTES);
        file.digest = file.expected_digest();
        assert!(KeyFile::decode(&file.to_bytes()).is_ok(), "the largest file fits its bound");
        file.roles.push("X".into());
        assert_eq!(file.check_shape(), Err(KeyFileError::Role));
    }
}
