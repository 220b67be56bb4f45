//! Commitments: what stands on the ledger in place of anything that describes a person.
//!
//! 1. A single value: `hash(Commitment, salt32 ‖ length of label ‖ label ‖ canonical bytes)`. The
//!    label names the purpose, so an opening for one purpose is none for another.
//! 2. The fields of a document: one root over individually salted fields, of which any subset can
//!    be opened ([`Content`], [`ContentOpening`]).
//! 3. Salts are random, one for each record, and never on the ledger. Without its salt a
//!    commitment cannot be tested against guesses, so destroying the salt erases the link.
//! 4. Salts and values never appear in `Debug` output.
//!
//! This module does not know where randomness comes from or where salts are kept.

mod content;
mod opening;

pub use content::{
    Content, ContentError, Field, MAX_CONTENT_BYTES, MAX_FIELDS, MAX_NAME_BYTES, MAX_VALUE_BYTES,
};
pub use opening::{ContentOpening, OpeningError};

use minicbor::{Decode, Encode};
use serde::{Deserialize, Serialize};

use crate::codec::Canonical;
use crate::hash::{self, Domain, H32};

/// The random salt of one record.
#[derive(Clone, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[cbor(transparent)]
#[serde(transparent)]
pub struct Salt(#[n(0)] H32);

impl Salt {
    /// A salt from 32 bytes of a cryptographic generator.
    pub const fn new(bytes: [u8; 32]) -> Self {
        Self(H32(bytes))
    }

    /// The bytes, for the vault and for those the record is opened to.
    pub const fn reveal(&self) -> &[u8; 32] {
        self.0.as_bytes()
    }
}

impl core::fmt::Debug for Salt {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("Salt(…)")
    }
}

/// What a single commitment is about. The labels are frozen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Purpose {
    /// The holder of a certificate.
    Holder,
    /// The content of a document that is committed as a whole.
    Content,
    /// The identifier of a certificate.
    Identifier,
    /// A file: the licence as issued.
    File,
    /// A copy made for one use.
    Copy,
    /// A case number.
    Case,
    /// What was asked in an exchange.
    Request,
    /// What was answered in an exchange.
    Response,
    /// A piece of evidence.
    Evidence,
    /// Who evaluated a service.
    Evaluator,
    /// A leaf of a batch.
    Leaf,
}

impl Purpose {
    /// Every purpose, in declaration order.
    pub const ALL: &'static [Purpose] = &[
        Purpose::Holder,
        Purpose::Content,
        Purpose::Identifier,
        Purpose::File,
        Purpose::Copy,
        Purpose::Case,
        Purpose::Request,
        Purpose::Response,
        Purpose::Evidence,
        Purpose::Evaluator,
        Purpose::Leaf,
    ];

    /// The frozen label that is hashed.
    pub const fn label(self) -> &'static str {
        match self {
            Purpose::Holder => "holder",
            Purpose::Content => "content",
            Purpose::Identifier => "identifier",
            Purpose::File => "file",
            Purpose::Copy => "copy",
            Purpose::Case => "case",
            Purpose::Request => "request",
            Purpose::Response => "response",
            Purpose::Evidence => "evidence",
            Purpose::Evaluator => "evaluator",
            Purpose::Leaf => "leaf",
        }
    }
}

bytes_newtype! {
    /// A commitment: to a single value, or the root over a document's fields.
    Commitment, 32
}

impl Commitment {
    /// Commits to a value.
    pub fn new<T: Canonical>(purpose: Purpose, salt: &Salt, value: &T) -> Self {
        Self::of_bytes(purpose, salt, &value.to_bytes())
    }

    /// Commits to bytes that are canonical already, or to the digest of a file.
    pub fn of_bytes(purpose: Purpose, salt: &Salt, bytes: &[u8]) -> Self {
        let label = purpose.label().as_bytes();
        // Labels are constants of a few letters: the length fits one byte.
        let length = [label.len() as u8];
        hash::hash(Domain::Commitment, &[salt.reveal(), &length, label, bytes]).into()
    }

    /// Whether this is the commitment to `value` with `salt`.
    pub fn opens_to<T: Canonical>(&self, purpose: Purpose, salt: &Salt, value: &T) -> bool {
        *self == Self::new(purpose, salt, value)
    }
}

impl From<H32> for Commitment {
    fn from(digest: H32) -> Self {
        Self(digest.0)
    }
}

impl From<Commitment> for H32 {
    fn from(commitment: Commitment) -> Self {
        Self(commitment.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    fn salt(byte: u8) -> Salt {
        Salt::new([byte; 32])
    }

    #[test]
    fn only_the_same_purpose_salt_and_value_open() {
        let value = "holder-demo-0001".to_string();
        let commitment = Commitment::new(Purpose::Holder, &salt(1), &value);
        assert!(commitment.opens_to(Purpose::Holder, &salt(1), &value));
        assert!(!commitment.opens_to(Purpose::Identifier, &salt(1), &value));
        assert!(!commitment.opens_to(Purpose::Holder, &salt(2), &value));
        assert!(!commitment.opens_to(Purpose::Holder, &salt(1), &"holder-demo-0002".to_string()));
    }

    #[test]
    fn labels_are_distinct_and_short() {
        let labels: BTreeSet<_> = Purpose::ALL.iter().map(|purpose| purpose.label()).collect();
        assert_eq!(labels.len(), Purpose::ALL.len());
        assert!(labels.iter().all(|label| label.len() < 256));
    }

    #[test]
    fn debug_shows_no_salt() {
        assert_eq!(format!("{:?}", salt(0xab)), "Salt(…)");
    }

    #[test]
    fn encodings() {
        let salt = salt(7);
        assert_eq!(Salt::from_bytes(&salt.to_bytes(), 34), Ok(salt.clone()));
        assert_eq!(salt.to_bytes().len(), 34);
        let json = serde_json::to_string(&salt).unwrap();
        assert_eq!(json, format!("\"{}\"", "07".repeat(32)));
        assert_eq!(serde_json::from_str::<Salt>(&json).unwrap(), salt);
    }

    /// Frozen: a commitment on the ledger must open for ever.
    #[test]
    fn golden() {
        let value = "holder-demo-0001".to_string();
        let commitment = Commitment::new(Purpose::Holder, &salt(1), &value);
        assert_eq!(
            commitment.to_string(),
            "3e405a1d756925aa42ee35a4d1f358bc0334c39b10219bf8c8c840542d7e9059"
        );
    }
}
