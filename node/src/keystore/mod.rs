//! Secret keys at rest: one encrypted file for each key in one folder.
//!
//! 1. A secret key is on disk only under a passphrase ([`mod@file`] documents the format byte by
//!    byte); in memory it is wiped when dropped.
//! 2. Label, public key, roles and time of creation can be read without the passphrase and cannot
//!    be changed without it.
//! 3. A key file is written whole or not at all, and never over another key.
//! 4. An encrypted file moves as it is: export and import copy it after checking it.
//!
//! This module does not know which roles a key really has: that is on the ledger.

pub(crate) mod disk;
pub mod file;
mod passphrase;
pub mod seal;

pub use file::KeyFileError;
pub use passphrase::{
    MAX_PASSPHRASE_BYTES, MIN_PASSPHRASE_LENGTH, PASSPHRASE_FILE_VARIABLE, PASSPHRASE_VARIABLE,
    Passphrase, PassphraseError, obtain_passphrase, passphrase_from_file,
};
pub use seal::{KdfParams, Profile, SealError};

use std::io;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use hefu_primitives::codec::Canonical;
use hefu_primitives::crypto::{KeyPair, PublicKey};
use hefu_primitives::ids::{KeyId, Millis};
use zeroize::Zeroizing;

use file::{KeyFile, check_label};

/// Most keys of one folder.
pub const MAX_KEYS: usize = 4096;
const EXTENSION: &str = "key";

/// What is known of a key without its passphrase.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyInfo {
    /// The name it has here.
    pub label: String,
    /// The public key.
    pub public: PublicKey,
    /// Its id.
    pub id: KeyId,
    /// What the key was made for; the ledger decides what it may do.
    pub roles: Vec<String>,
    /// When it was made.
    pub created: Millis,
    /// How hard its passphrase is to guess.
    pub kdf: KdfParams,
}

/// Which key is meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyRef<'a> {
    /// By its name here.
    Label(&'a str),
    /// By its id.
    Id(KeyId),
}

impl<'a> From<&'a str> for KeyRef<'a> {
    /// Forty hexadecimal digits are an id, everything else is a label.
    fn from(text: &'a str) -> Self {
        text.parse().map_or(Self::Label(text), Self::Id)
    }
}

impl From<KeyId> for KeyRef<'_> {
    fn from(id: KeyId) -> Self {
        Self::Id(id)
    }
}

/// Why the keystore refused.
#[derive(Debug, thiserror::Error)]
pub enum KeystoreError {
    /// The file system.
    #[error("{}", path.display())]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A key file is damaged, does not open, or would be none.
    #[error("{}: {source}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// Why.
        source: KeyFileError,
    },
    /// The file has the name of another label.
    #[error("{} holds the key of another label", path.display())]
    Misnamed {
        /// The file.
        path: PathBuf,
    },
    /// No such key here.
    #[error("no such key in {}", folder.display())]
    Unknown {
        /// The keystore.
        folder: PathBuf,
    },
    /// The label is taken, or the key is here under another label.
    #[error("the key is already here as {label}")]
    Exists {
        /// The label.
        label: String,
    },
    /// More than [`MAX_KEYS`] files.
    #[error("more than {MAX_KEYS} keys in {}", folder.display())]
    TooMany {
        /// The keystore.
        folder: PathBuf,
    },
}

impl KeystoreError {
    /// Whether the passphrase was wrong, and asking again makes sense.
    pub fn is_wrong_passphrase(&self) -> bool {
        matches!(self, Self::File { source: KeyFileError::WrongPassphrase, .. })
    }
}

/// A folder of encrypted keys.
#[derive(Clone, Debug)]
pub struct Keystore {
    folder: PathBuf,
    profile: Profile,
}

impl Keystore {
    /// Opens a folder, and makes it if it is not there. New keys are sealed with
    /// [`Profile::Strong`].
    ///
    /// # Errors
    /// [`KeystoreError::Io`].
    pub fn open(folder: impl Into<PathBuf>) -> Result<Self, KeystoreError> {
        Self::with_profile(folder, Profile::Strong)
    }

    /// As [`Keystore::open`], with a profile for new keys.
    ///
    /// # Errors
    /// [`KeystoreError::Io`].
    pub fn with_profile(
        folder: impl Into<PathBuf>,
        profile: Profile,
    ) -> Result<Self, KeystoreError> {
        let folder = folder.into();
        match disk::ensure_folder(&folder) {
            Ok(()) => Ok(Self { folder, profile }),
            Err(source) => Err(KeystoreError::Io { path: folder, source }),
        }
    }

    /// Where the keys are.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Makes a random key and stores it.
    ///
    /// # Errors
    /// [`KeystoreError::Exists`] when the label is taken.
    pub fn create(
        &self,
        label: &str,
        roles: &[&str],
        passphrase: &Passphrase,
    ) -> Result<KeyPair, KeystoreError> {
        let path = self.path(label)?;
        let mut secret = Zeroizing::new([0; 32]);
        let filled = seal::fill_random(&mut *secret);
        filled.map_err(|error| KeystoreError::File { path, source: error.into() })?;
        let pair = KeyPair::from_secret(&secret);
        self.store(label, roles, &pair, passphrase)?;
        Ok(pair)
    }

    /// Stores a key that was made elsewhere.
    ///
    /// # Errors
    /// [`KeystoreError::Exists`] when the label is taken.
    pub fn store(
        &self,
        label: &str,
        roles: &[&str],
        pair: &KeyPair,
        passphrase: &Passphrase,
    ) -> Result<KeyInfo, KeystoreError> {
        let path = self.path(label)?;
        let roles: Vec<String> = roles.iter().map(|role| (*role).to_owned()).collect();
        let sealed = KeyFile::seal(pair, label, &roles, now(), passphrase, self.profile);
        let file = sealed.map_err(|source| KeystoreError::File { path: path.clone(), source })?;
        write_unless_taken(&path, label, &file)?;
        Ok(file.info())
    }

    /// Opens a key.
    ///
    /// # Errors
    /// [`KeystoreError::is_wrong_passphrase`], [`KeystoreError::Unknown`] or a damaged file.
    pub fn load<'a>(
        &self,
        key: impl Into<KeyRef<'a>>,
        passphrase: &Passphrase,
    ) -> Result<KeyPair, KeystoreError> {
        let (path, file) = self.find(key.into())?;
        file.open(passphrase).map_err(|source| KeystoreError::File { path, source })
    }

    /// What is known of a key without its passphrase.
    ///
    /// # Errors
    /// [`KeystoreError::Unknown`] or a damaged file.
    pub fn info<'a>(&self, key: impl Into<KeyRef<'a>>) -> Result<KeyInfo, KeystoreError> {
        self.find(key.into()).map(|(_, file)| file.info())
    }

    /// All keys, ordered by label.
    ///
    /// # Errors
    /// A damaged file is an error, not left out: nobody should learn late that a key is gone.
    pub fn list(&self) -> Result<Vec<KeyInfo>, KeystoreError> {
        let labels = self.labels()?;
        labels.iter().map(|label| self.read(label).map(|(_, file)| file.info())).collect()
    }

    /// Copies the encrypted file of a key to `target`, which must not exist.
    ///
    /// # Errors
    /// [`KeystoreError`].
    pub fn export<'a>(
        &self,
        key: impl Into<KeyRef<'a>>,
        target: &Path,
    ) -> Result<KeyInfo, KeystoreError> {
        let (_, file) = self.find(key.into())?;
        let written = disk::write_new(target, &file.to_bytes());
        written.map_err(|source| KeystoreError::Io { path: target.to_owned(), source })?;
        Ok(file.info())
    }

    /// Takes in an encrypted file under the label it carries.
    ///
    /// # Errors
    /// [`KeystoreError::Exists`] when label or key are here already.
    pub fn import(&self, source: &Path) -> Result<KeyInfo, KeystoreError> {
        let file = read_file(source)?;
        let info = file.info();
        if let Some(present) = self.list()?.into_iter().find(|present| present.id == info.id) {
            return Err(KeystoreError::Exists { label: present.label });
        }
        write_unless_taken(&self.path(&info.label)?, &info.label, &file)?;
        Ok(info)
    }

    /// Seals a key anew. The bytes of the old file are overwritten; copies of it still open with
    /// the old passphrase.
    ///
    /// # Errors
    /// [`KeystoreError`]; the key file is then as before.
    pub fn change_passphrase<'a>(
        &self,
        key: impl Into<KeyRef<'a>>,
        old: &Passphrase,
        new: &Passphrase,
    ) -> Result<(), KeystoreError> {
        let (path, file) = self.find(key.into())?;
        let refused = |source| KeystoreError::File { path: path.clone(), source };
        let pair = file.open(old).map_err(refused)?;
        let KeyInfo { label, roles, created, .. } = file.info();
        let sealed = KeyFile::seal(&pair, &label, &roles, created, new, self.profile);
        let bytes = sealed.map_err(refused)?.to_bytes();
        let written = disk::replace_and_shred(&path, &bytes);
        written.map_err(|source| KeystoreError::Io { path: path.clone(), source })
    }

    fn find(&self, key: KeyRef<'_>) -> Result<(PathBuf, KeyFile), KeystoreError> {
        match key {
            KeyRef::Label(label) => self.read(label),
            KeyRef::Id(id) => {
                for label in self.labels()? {
                    // A damaged neighbour must not keep a good key from being used.
                    match self.read(&label) {
                        Ok((path, file)) if file.info().id == id => return Ok((path, file)),
                        _ => {}
                    }
                }
                Err(KeystoreError::Unknown { folder: self.folder.clone() })
            }
        }
    }

    fn read(&self, label: &str) -> Result<(PathBuf, KeyFile), KeystoreError> {
        let path = self.path(label)?;
        let file = match read_file(&path) {
            Err(KeystoreError::Io { source, .. }) if source.kind() == io::ErrorKind::NotFound => {
                return Err(KeystoreError::Unknown { folder: self.folder.clone() });
            }
            read => read?,
        };
        if file.info().label != label {
            return Err(KeystoreError::Misnamed { path });
        }
        Ok((path, file))
    }

    fn labels(&self) -> Result<Vec<String>, KeystoreError> {
        let fault = |source| KeystoreError::Io { path: self.folder.clone(), source };
        let mut labels = Vec::new();
        for entry in std::fs::read_dir(&self.folder).map_err(fault)? {
            let path = entry.map_err(fault)?.path();
            let is_key = path.extension().is_some_and(|extension| extension == EXTENSION);
            if let (true, Some(label)) = (is_key, path.file_stem().and_then(|stem| stem.to_str())) {
                labels.push(label.to_owned());
            }
            if labels.len() > MAX_KEYS {
                return Err(KeystoreError::TooMany { folder: self.folder.clone() });
            }
        }
        labels.sort();
        Ok(labels)
    }

    fn path(&self, label: &str) -> Result<PathBuf, KeystoreError> {
        match check_label(label) {
            Ok(()) => Ok(self.folder.join(format!("{label}.{EXTENSION}"))),
            Err(source) => Err(KeystoreError::File { path: self.folder.clone(), source }),
        }
    }
}

fn read_file(path: &Path) -> Result<KeyFile, KeystoreError> {
    let bytes = disk::read_bounded(path, file::MAX_FILE_BYTES)
        .map_err(|source| KeystoreError::Io { path: path.to_owned(), source })?;
    KeyFile::decode(&bytes).map_err(|source| KeystoreError::File { path: path.to_owned(), source })
}

fn write_unless_taken(path: &Path, label: &str, file: &KeyFile) -> Result<(), KeystoreError> {
    disk::write_new(path, &file.to_bytes()).map_err(|source| match source.kind() {
        io::ErrorKind::AlreadyExists => KeystoreError::Exists { label: label.to_owned() },
        _ => KeystoreError::Io { path: path.to_owned(), source },
    })
}

fn now() -> Millis {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Millis(u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests;
