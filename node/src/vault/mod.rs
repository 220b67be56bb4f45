//! The issuer's vault: the documents, salts and commitments behind what it put on the ledger.
//!
//! 1. Everything is sealed under a random data key, which is wrapped under a passphrase
//!    (`wrap`). Names and sizes of the files tell how much is in them, and nothing else.
//! 2. What was put is durable after [`Vault::sync`]; a crash before that loses whole entries at
//!    the end and never damages one (`log` has the format).
//! 3. A record is put once. Its salts and document can be erased and nothing else of it changes.
//! 4. Erasing rewrites the log without salts and document, under a new key, and overwrites the old
//!    file: afterwards the commitments on the ledger can be opened by nobody, and the vault says
//!    since when. Copies of the folder made earlier are the operator's to destroy.
//! 5. One process at a time.
//! 6. The journal of imports lies in the same log ([`journal`]), and so do the leaves of batches
//!    ([`batch`]): whoever loses them can never make a record of one.
//!
//! Documents are in memory only while somebody holds a [`Record`]. This module does not know the
//! ledger.

mod base45;
pub mod batch;
mod document;
mod entry;
mod fault;
mod index;
pub mod journal;
pub mod licence;
mod log;
pub mod presentation;
mod qr;
pub mod record;
pub mod source;
mod wrap;

pub use batch::{Batch, Leaf};
pub use entry::Outcome;
pub use index::{ImportLine, LineState};
pub use journal::{ImportSummary, JournalError, PendingTransaction};
pub use licence::{Holder, IdentifierFault, Licence, LicenceError};
pub use log::LogError;
pub use presentation::Presentation;
pub use record::{Commitments, Erased, LedgerCommitments, Record, Salts, verify_document};
pub use source::{Source, SourceFormat};
pub use wrap::WrapError;

use std::fs::{File, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use hefu_primitives::codec::Canonical;
use hefu_primitives::ids::{Id16, Millis};

use crate::keystore::seal::{SealError, SealingKey};
use crate::keystore::{Passphrase, Profile, disk};
use entry::Entry;
use index::{Index, Slot};
use log::{MAX_ENTRY_BYTES, SealedLog};
use record::DocumentError;

const LOCK_FILE: &str = "vault.lock";

/// Why the vault refused.
#[derive(Debug, thiserror::Error)]
pub enum VaultError {
    /// The folder.
    #[error("{}", path.display())]
    Io {
        /// The folder.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The data key: wrong passphrase, damaged file.
    #[error(transparent)]
    Wrap(#[from] WrapError),
    /// The log: damage, a failed write.
    #[error(transparent)]
    Log(#[from] LogError),
    /// There is no randomness.
    #[error(transparent)]
    Seal(#[from] SealError),
    /// Another process has the vault.
    #[error("another process has the vault open")]
    InUse,
    /// There is a vault already.
    #[error("there is a vault already")]
    Exists,
    /// There is no vault.
    #[error("there is no vault")]
    Missing,
    /// There is a log, but no key to it.
    #[error("the vault's key file is gone: restore it from a backup")]
    KeyMissing,
    /// An entry that this version does not know.
    #[error("the vault has an entry that this version does not know")]
    Entry,
    /// No record of this id.
    #[error("the vault has no record of {att_id}")]
    Unknown {
        /// The id.
        att_id: Id16,
    },
    /// The record's salts were destroyed: nobody can open its commitments.
    #[error("the salts of {} were destroyed: it can no longer be opened", .0.att_id)]
    Erased(Erased),
    /// There is a record of this id, or was.
    #[error("the vault has a record of {att_id} already")]
    Repeated {
        /// The id.
        att_id: Id16,
    },
    /// The record does not open its own commitments.
    #[error("the record does not open: {0}")]
    Document(#[from] DocumentError),
    /// A transaction with this record is on its way: it cannot be erased before its outcome is
    /// known.
    #[error("{att_id} is in a transaction whose outcome is not known")]
    Pending {
        /// The id.
        att_id: Id16,
    },
    /// The import journal.
    #[error(transparent)]
    Journal(#[from] JournalError),
}

impl VaultError {
    /// Whether the passphrase was wrong, and asking again makes sense.
    pub fn is_wrong_passphrase(&self) -> bool {
        matches!(self, Self::Wrap(WrapError::WrongPassphrase))
    }
}

/// The open vault.
pub struct Vault {
    folder: PathBuf,
    data_key: Arc<SealingKey>,
    log: SealedLog,
    index: Index,
    torn_bytes: u64,
    // Held until the vault is dropped.
    _lock: File,
}

impl core::fmt::Debug for Vault {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Vault").field("folder", &self.folder).finish_non_exhaustive()
    }
}

impl Vault {
    /// Whether a folder holds a vault.
    pub fn exists(folder: &Path) -> bool {
        folder.join(wrap::KEY_FILE).exists()
    }

    /// Makes an empty vault.
    ///
    /// # Errors
    /// [`VaultError::Exists`], or [`VaultError::KeyMissing`] when there is a log without a key.
    pub fn create(
        folder: &Path,
        passphrase: &Passphrase,
        profile: Profile,
    ) -> Result<Self, VaultError> {
        let fault = |source| VaultError::Io { path: folder.to_owned(), source };
        disk::ensure_folder(folder).map_err(fault)?;
        let lock = lock(folder)?;
        if Self::exists(folder) {
            return Err(VaultError::Exists);
        }
        if SealedLog::has_entries(folder).map_err(fault)? {
            return Err(VaultError::KeyMissing);
        }
        let data_key = Arc::new(SealingKey::random()?);
        let log = SealedLog::create(folder, data_key.clone())?;
        // The key file comes last: only with it is there a vault.
        wrap::write(folder, &data_key, passphrase, profile)?;
        let index = Index::new()?;
        Ok(Self { folder: folder.to_owned(), data_key, log, index, torn_bytes: 0, _lock: lock })
    }

    /// Opens a vault and reads all of it.
    ///
    /// # Errors
    /// [`VaultError::is_wrong_passphrase`], [`VaultError::Missing`], [`VaultError::InUse`], or
    /// damage.
    pub fn open(folder: &Path, passphrase: &Passphrase) -> Result<Self, VaultError> {
        let fault = |source| VaultError::Io { path: folder.to_owned(), source };
        if !Self::exists(folder) {
            let orphaned = folder.is_dir() && SealedLog::has_entries(folder).map_err(fault)?;
            return Err(if orphaned { VaultError::KeyMissing } else { VaultError::Missing });
        }
        let lock = lock(folder)?;
        let data_key = Arc::new(wrap::read(folder, passphrase)?);
        let mut index = Index::new()?;
        let (log, torn_bytes) = SealedLog::open(folder, data_key.clone(), |position, plain| {
            index.apply(position, &decode(plain)?);
            Ok::<_, VaultError>(())
        })?;
        Ok(Self { folder: folder.to_owned(), data_key, log, index, torn_bytes, _lock: lock })
    }

    /// Bytes of an unfinished write that were cut off when the vault was opened.
    pub const fn torn_bytes(&self) -> u64 {
        self.torn_bytes
    }

    /// Adds a record. It is durable after [`Vault::sync`]; a batch needs one.
    ///
    /// # Errors
    /// [`VaultError::Repeated`], or [`VaultError::Document`] for a record that does not open.
    pub fn put(&mut self, record: &Record) -> Result<(), VaultError> {
        self.check_new(record)?;
        self.append(&Entry::Put(Box::new(record.clone())))
    }

    /// Makes everything so far durable.
    ///
    /// # Errors
    /// [`LogError`]; the vault must then be opened again.
    pub fn sync(&mut self) -> Result<(), VaultError> {
        Ok(self.log.sync()?)
    }

    /// The record of an attestation.
    ///
    /// # Errors
    /// [`VaultError::Unknown`], or [`VaultError::Erased`] with the time.
    pub fn get(&self, att_id: Id16) -> Result<Record, VaultError> {
        match self.index.records.get(&att_id) {
            None => Err(VaultError::Unknown { att_id }),
            Some(Slot::Erased(erased)) => Err(VaultError::Erased(*erased)),
            Some(Slot::At(position)) => match decode(&self.log.read(*position)?)? {
                Entry::Put(record) | Entry::Planned(_, record) if record.att_id == att_id => {
                    Ok(*record)
                }
                _ => Err(VaultError::Entry),
            },
        }
    }

    /// The records with this certificate identifier or number, oldest first.
    pub fn find(&self, identifier_or_number: &str) -> Vec<Id16> {
        self.index.find(identifier_or_number)
    }

    /// The record of this very document, if there is one whose salts were not destroyed; one that
    /// an import saw on the ledger before others.
    pub fn find_document(&self, licence: &Licence) -> Option<Id16> {
        self.index.find_document(licence)
    }

    /// Every id that is or was in the vault, in no order.
    pub fn att_ids(&self) -> impl Iterator<Item = Id16> {
        self.index.records.keys().copied()
    }

    /// What is left of a record whose salts were destroyed.
    pub fn erased(&self, att_id: Id16) -> Option<Erased> {
        match self.index.records.get(&att_id) {
            Some(Slot::Erased(erased)) => Some(*erased),
            _ => None,
        }
    }

    /// Destroys salts and document of one record (see [`Vault::erase_salts`]).
    ///
    /// # Errors
    /// As [`Vault::erase_salts`].
    pub fn erase_salt(&mut self, att_id: Id16, at: Millis) -> Result<(), VaultError> {
        self.erase_salts(&[att_id], at)
    }

    /// Destroys salts and documents: all of them or, on an error, none. Durable on return. The
    /// whole log is rewritten, so many should be erased at once.
    ///
    /// # Errors
    /// [`VaultError::Unknown`], or [`VaultError::Pending`] for a record whose transaction may
    /// still be committed. One that was erased already is no error.
    pub fn erase_salts(&mut self, att_ids: &[Id16], at: Millis) -> Result<(), VaultError> {
        let mut erase = std::collections::HashMap::new();
        for att_id in att_ids.iter().copied() {
            if self.index.is_staged(att_id) {
                return Err(VaultError::Pending { att_id });
            }
            if self.erased(att_id).is_some() {
                continue;
            }
            let licence = self.get(att_id)?.licence;
            let (type_code, issuer) = (licence.type_code, licence.issuer_code);
            erase.insert(att_id, Erased { att_id, type_code, issuer, at });
        }
        if erase.is_empty() {
            return Ok(());
        }
        self.rewrite(|att_id| erase.get(&att_id).copied())
    }

    /// Rewrites the log without what is no longer needed: transactions whose outcome is known.
    ///
    /// # Errors
    /// [`LogError`].
    pub fn compact(&mut self) -> Result<(), VaultError> {
        self.rewrite(|_| None)
    }

    /// Wraps the data key under another passphrase; the bytes of the old file are overwritten.
    ///
    /// # Errors
    /// [`VaultError::is_wrong_passphrase`] when `old` is not the present one.
    pub fn change_passphrase(
        &mut self,
        old: &Passphrase,
        new: &Passphrase,
        profile: Profile,
    ) -> Result<(), VaultError> {
        wrap::read(&self.folder, old)?;
        Ok(wrap::write(&self.folder, &self.data_key, new, profile)?)
    }

    fn check_new(&self, record: &Record) -> Result<(), VaultError> {
        let att_id = record.att_id;
        if self.index.records.contains_key(&att_id) {
            return Err(VaultError::Repeated { att_id });
        }
        record.licence.check().map_err(DocumentError::from)?;
        Ok(record.open()?)
    }

    fn append(&mut self, entry: &Entry) -> Result<(), VaultError> {
        let plain = zeroize::Zeroizing::new(entry.to_bytes());
        let position = self.log.append(&plain)?;
        self.index.apply(position, entry);
        Ok(())
    }

    fn rewrite(&mut self, erase: impl Fn(Id16) -> Option<Erased>) -> Result<(), VaultError> {
        let mut next = self.log.next_generation()?;
        let mut index = Index::new()?;
        let old = &self.index;
        self.log.entries(|_, plain| {
            let mut write = |entry: Entry| {
                let position = next.append(&zeroize::Zeroizing::new(entry.to_bytes()))?;
                index.apply(position, &entry);
                Ok::<_, VaultError>(())
            };
            match decode(plain)? {
                Entry::Staged { tx_id, .. } if !old.is_pending(tx_id) => Ok(()),
                Entry::Put(record) => write(match erase(record.att_id) {
                    Some(erased) => Entry::Erased(erased),
                    None => Entry::Put(record),
                }),
                Entry::Planned(key, record) => match erase(record.att_id) {
                    Some(erased) => {
                        write(Entry::Erased(erased))?;
                        write(Entry::Line(key, record.att_id))
                    }
                    None => write(Entry::Planned(key, record)),
                },
                other => write(other),
            }
        })?;
        let old = self.log.switch_to(next)?;
        self.index = index;
        Ok(old.shred()?)
    }
}

fn decode(plain: &[u8]) -> Result<Entry, VaultError> {
    Entry::from_bytes(plain, MAX_ENTRY_BYTES).map_err(|_| VaultError::Entry)
}

fn lock(folder: &Path) -> Result<File, VaultError> {
    let fault = |source| VaultError::Io { path: folder.to_owned(), source };
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(false);
    let file = options.open(folder.join(LOCK_FILE)).map_err(fault)?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(std::fs::TryLockError::WouldBlock) => Err(VaultError::InUse),
        Err(std::fs::TryLockError::Error(source)) => Err(fault(source)),
    }
}

#[cfg(test)]
mod tests;
