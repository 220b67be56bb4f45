//! What the vault keeps of one certificate, and the commitments that stand on the ledger for it.
//!
//! 1. Every commitment has a random salt of its own: who is shown the holder learns nothing about
//!    the fields kept back, and the other way round.
//! 2. The identifier of the record on the ledger, `att_id`, is random and never derived from
//!    anything.
//! 3. [`Record::open`] recomputes every commitment: a record that does not open is refused before
//!    it is stored or shown.

use hefu_primitives::H32;
use hefu_primitives::commitment::{Commitment, Purpose, Salt};
use hefu_primitives::hash::{Domain, hash};
use hefu_primitives::ids::{Id16, Millis};
use hefu_primitives::{TypeCode, Uscc};
use minicbor::{Decode, Encode};
use serde::{Deserialize, Serialize};

use super::licence::{Licence, LicenceError};
use crate::keystore::seal::{SealError, random};

/// A random id for a new attestation.
///
/// # Errors
/// [`SealError::Randomness`].
pub fn new_att_id() -> Result<Id16, SealError> {
    random().map(Id16)
}

/// The salts of one record, one for each commitment.
#[derive(Clone, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Salts {
    /// Salt of the holder.
    #[n(0)]
    pub holder: Salt,
    /// Salt of the content; the salts of the fields follow from it.
    #[n(1)]
    pub content: Salt,
    /// Salt of the identifier, used where that is committed to.
    #[n(2)]
    pub identifier: Salt,
    /// Salt of the file, used where there is one.
    #[n(3)]
    pub file: Salt,
}

impl Salts {
    /// Fresh salts.
    ///
    /// # Errors
    /// [`SealError::Randomness`].
    pub fn random() -> Result<Self, SealError> {
        let salt = || random().map(Salt::new);
        Ok(Self { holder: salt()?, content: salt()?, identifier: salt()?, file: salt()? })
    }
}

impl core::fmt::Debug for Salts {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("Salts(…)")
    }
}

/// The commitments of one record. The ledger has the identifier's only for types whose
/// identifiers are committed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Commitments {
    /// To the holder.
    #[n(0)]
    pub holder: Commitment,
    /// To the content, field by field.
    #[n(1)]
    pub content: Commitment,
    /// To the identifier.
    #[n(2)]
    pub identifier: Commitment,
    /// To the file as issued, if there is one.
    #[n(3)]
    pub file: Option<Commitment>,
}

/// The digest of a licence file (OFD, PDF) that [`Commitments::file`] commits to.
pub fn licence_file_digest(bytes: &[u8]) -> H32 {
    hash(Domain::Digest, &[bytes])
}

impl Commitments {
    /// Commits to a licence and its file.
    ///
    /// # Errors
    /// [`LicenceError::Content`] for more fields than fit.
    pub fn new(
        licence: &Licence,
        file_digest: Option<H32>,
        salts: &Salts,
    ) -> Result<Self, LicenceError> {
        let file =
            |digest: H32| Commitment::of_bytes(Purpose::File, &salts.file, digest.as_bytes());
        Ok(Self {
            holder: Commitment::new(Purpose::Holder, &salts.holder, &licence.holder),
            content: licence.content()?.commit(&salts.content),
            identifier: Commitment::new(
                Purpose::Identifier,
                &salts.identifier,
                &licence.identifier,
            ),
            file: file_digest.map(file),
        })
    }
}

/// Where a document and the commitments differ.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "the document does not open the commitments (holder {holder}, content {content}, identifier {identifier}, file {file})"
)]
pub struct Mismatch {
    /// Whether the holder opens.
    pub holder: bool,
    /// Whether the content opens.
    pub content: bool,
    /// Whether the identifier opens.
    pub identifier: bool,
    /// Whether the file opens.
    pub file: bool,
}

/// Why a document could not be checked, or does not open its commitments.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DocumentError {
    /// It cannot be committed to at all.
    #[error(transparent)]
    Licence(#[from] LicenceError),
    /// It opens other commitments than these.
    #[error(transparent)]
    Mismatch(#[from] Mismatch),
}

/// The commitments that stand on the ledger for one attestation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LedgerCommitments {
    /// To the holder.
    pub holder: Commitment,
    /// To the content.
    pub content: Commitment,
    /// To the identifier; none where the identifier stands there plainly.
    pub identifier: Option<Commitment>,
    /// To the file, if there is one.
    pub file: Option<Commitment>,
}

impl From<Commitments> for LedgerCommitments {
    fn from(all: Commitments) -> Self {
        let Commitments { holder, content, identifier, file } = all;
        Self { holder, content, identifier: Some(identifier), file }
    }
}

/// Whether a licence document, and its file if the caller has it, are those that were committed
/// to. Without the file its commitment is not checked.
///
/// # Errors
/// [`Mismatch`] says which parts open and which do not.
pub fn verify_document(
    licence: &Licence,
    file_digest: Option<H32>,
    salts: &Salts,
    ledger: &LedgerCommitments,
) -> Result<(), DocumentError> {
    let own = Commitments::new(licence, file_digest, salts)?;
    let found = Mismatch {
        holder: own.holder == ledger.holder,
        content: own.content == ledger.content,
        identifier: ledger.identifier.is_none_or(|identifier| identifier == own.identifier),
        file: file_digest.is_none() || own.file == ledger.file,
    };
    if found.holder && found.content && found.identifier && found.file {
        Ok(())
    } else {
        Err(found.into())
    }
}

/// One certificate: its document, its salts, and what they commit to.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Record {
    /// Id of the attestation on the ledger.
    #[n(0)]
    pub att_id: Id16,
    /// The document.
    #[n(1)]
    pub licence: Licence,
    /// Digest of the file as issued.
    #[n(2)]
    pub file_digest: Option<H32>,
    /// The salts.
    #[n(3)]
    pub salts: Salts,
    /// What they commit to.
    #[n(4)]
    pub commitments: Commitments,
    /// When the record was made.
    #[n(5)]
    pub created: Millis,
}

impl Record {
    /// A record with a fresh id and fresh salts.
    ///
    /// # Errors
    /// A document that cannot be committed to, or no randomness.
    pub fn new(
        licence: Licence,
        file_digest: Option<H32>,
        created: Millis,
    ) -> Result<Self, RecordError> {
        licence.check()?;
        let (att_id, salts) = (new_att_id()?, Salts::random()?);
        let commitments = Commitments::new(&licence, file_digest, &salts)?;
        Ok(Self { att_id, licence, file_digest, salts, commitments, created })
    }

    /// Checks that the document opens the commitments.
    ///
    /// # Errors
    /// [`DocumentError`].
    pub fn open(&self) -> Result<(), DocumentError> {
        let ledger = LedgerCommitments::from(self.commitments);
        verify_document(&self.licence, self.file_digest, &self.salts, &ledger)
    }
}

/// Why a record cannot be made.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RecordError {
    /// The document.
    #[error(transparent)]
    Licence(#[from] LicenceError),
    /// There is no randomness.
    #[error(transparent)]
    Seal(#[from] SealError),
}

/// What is left of a record whose salts were destroyed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Erased {
    /// Id of the attestation on the ledger.
    #[n(0)]
    pub att_id: Id16,
    /// Its type.
    #[n(1)]
    pub type_code: TypeCode,
    /// Its issuer.
    #[n(2)]
    pub issuer: Uscc,
    /// When salts and document were destroyed.
    #[n(3)]
    pub at: Millis,
}

#[cfg(test)]
pub(super) mod tests {
    use super::super::licence::tests::{numbered, sample};
    use super::*;

    /// A record of which everything but the number is the same in every run.
    pub(crate) fn record(number: usize) -> Record {
        let byte = number as u8;
        let salt = |part: u8| Salt::new([byte ^ part; 32]);
        let salts = Salts {
            holder: salt(0x10),
            content: salt(0x20),
            identifier: salt(0x30),
            file: salt(0x40),
        };
        let licence = numbered(number);
        let commitments = Commitments::new(&licence, None, &salts).unwrap();
        let mut att_id = [byte; 16];
        att_id[..8].copy_from_slice(&(number as u64).to_be_bytes());
        let (att_id, created) = (Id16(att_id), Millis(1_700_000_000_000));
        Record { att_id, licence, file_digest: None, salts, commitments, created }
    }

    #[test]
    fn records_open_and_nothing_repeats() {
        let file = Some(licence_file_digest(b"OFD"));
        let one = Record::new(sample(), file, Millis(1)).unwrap();
        let two = Record::new(sample(), file, Millis(1)).unwrap();
        assert!(one.open().is_ok());
        assert_ne!(one.att_id, two.att_id);
        let (a, b) = (one.commitments, two.commitments);
        assert!(a.holder != b.holder && a.content != b.content);
        assert!(a.identifier != b.identifier && a.file != b.file);
        let salts = [&one.salts.holder, &one.salts.content, &one.salts.identifier, &one.salts.file];
        assert!(salts.iter().enumerate().all(|(n, salt)| !salts[..n].contains(salt)));
    }

    #[test]
    fn documents_are_verified_part_by_part() {
        let file = licence_file_digest(b"OFD");
        let record = Record::new(sample(), Some(file), Millis(1)).unwrap();
        let ledger = LedgerCommitments::from(record.commitments);
        let check = |licence: &Licence, file, ledger: &LedgerCommitments| match verify_document(
            licence,
            file,
            &record.salts,
            ledger,
        ) {
            Ok(()) => [true; 4],
            Err(DocumentError::Mismatch(found)) => {
                [found.holder, found.content, found.identifier, found.file]
            }
            Err(other) => panic!("{other}"),
        };
        assert_eq!(check(&record.licence, Some(file), &ledger), [true; 4]);
        assert_eq!(check(&record.licence, None, &ledger), [true; 4]);
        let other = licence_file_digest(b"PDF");
        assert_eq!(check(&record.licence, Some(other), &ledger), [true, true, true, false]);
        let mut changed = sample();
        changed.holder.name.push('x');
        assert_eq!(check(&changed, Some(file), &ledger), [false, false, true, true]);
        let mut changed = sample();
        changed.fields.0.insert("住所".into(), "elsewhere".into());
        assert_eq!(check(&changed, Some(file), &ledger), [true, false, true, true]);
        let mut changed = sample();
        changed.identifier.push('X');
        assert_eq!(check(&changed, Some(file), &ledger), [true, false, false, true]);
        let plain = LedgerCommitments { identifier: None, ..ledger };
        assert_eq!(check(&changed, Some(file), &plain), [true, false, true, true]);
        let without = LedgerCommitments { file: None, ..ledger };
        assert_eq!(check(&record.licence, Some(file), &without), [true, true, true, false]);
    }

    /// Frozen: what is committed today must open for ever.
    #[test]
    fn golden() {
        let Commitments { holder, content, identifier, .. } = record(1).commitments;
        assert_eq!(
            holder.to_string(),
            "a3061a096fb8cab27af2022cb413c7f7abcf65e2b4797de150bebcd895805973"
        );
        assert_eq!(
            content.to_string(),
            "6d48a5ed30e7fb594f7bcc2ef9e3573dfeeb9537f40072cd7c301e9e80151bd8"
        );
        assert_eq!(
            identifier.to_string(),
            "f540ad2bf180f21659fae4c57aa4323922b6a765e8ced25eacc0c011608e01e2"
        );
    }
}
