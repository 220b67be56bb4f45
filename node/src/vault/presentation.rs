//! What a holder or issuer hands over: chosen fields of one certificate, provable against what its
//! issuer put on the ledger.
//!
//! 1. It carries the chosen fields, their salts, and the hashes of the rest: of a field that was
//!    not chosen neither value nor name nor salt. The holder's commitment has a salt of its own and
//!    is opened or not, apart from the fields.
//! 2. It proves nothing by itself: [`Presentation::verify`] needs what the ledger says of the
//!    attestation, and status and validity are asked there too. Fields can be read only through it.
//! 3. Whoever sees a presentation can show it on. Purpose and expiry are claims that only the
//!    issuer's signature, where there is one, makes binding.
//! 4. One canonical encoding; as text for a QR code `HEFU1:` and Base45 of it. JSON carries the
//!    same and no more.

use hefu_primitives::codec::{Canonical, CodecError};
use hefu_primitives::commitment::{
    Commitment, Content, ContentOpening, Field, OpeningError, Purpose, Salt,
};
use hefu_primitives::hash::{Domain, H32, hash};
use hefu_primitives::{
    ChainId, Id16, KeyId, KeyPair, Millis, PublicKey, Signature, TypeCode, Uscc,
};
use minicbor::{Decode, Encode};
use serde::{Deserialize, Serialize};

use super::base45;
use super::licence::{Holder, LicenceError, flattened_name};
use super::record::Record;

pub use super::qr::{MAX_QR_CHARACTERS, QrError, QrImage};

/// Largest presentation in its canonical encoding: all fields of the largest licence, 2 KiB
/// around.
pub const MAX_PRESENTATION_BYTES: usize = ContentOpening::MAX_BYTES + 2 * 1024;
/// Largest presentation as JSON: bytes become two digits, and quotes may be escaped.
pub const MAX_PRESENTATION_JSON_BYTES: usize = 6 * MAX_PRESENTATION_BYTES;
/// Longest statement of purpose, in bytes of UTF-8.
pub const MAX_PURPOSE_BYTES: usize = 128;
/// What the text of a presentation starts with: kind and format version.
pub const TEXT_PREFIX: &str = "HEFU1:";

const VERSION: u8 = 1;
const SIGNED_LABEL: &[u8] = b"hefu v1 presentation";

/// Chosen fields of a certificate.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Presentation {
    /// Format version, 1.
    #[n(0)]
    version: u8,
    /// The ledger the attestation is on.
    #[n(1)]
    pub chain: ChainId,
    /// The attestation.
    #[n(2)]
    pub att_id: Id16,
    /// The certificate type.
    #[n(3)]
    pub type_code: TypeCode,
    /// The authority that issued the certificate.
    #[n(4)]
    pub issuer: Uscc,
    /// When the presentation was made.
    #[n(5)]
    pub created: Millis,
    #[n(6)]
    content: ContentOpening,
    #[n(7)]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    holder: Option<HolderOpening>,
    /// After this instant it should not be accepted.
    #[n(8)]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires: Option<Millis>,
    /// What it is for.
    #[n(9)]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub purpose: Option<String>,
    #[n(10)]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    signature: Option<IssuerSignature>,
}

#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct HolderOpening {
    #[n(0)]
    salt: Salt,
    #[n(1)]
    holder: Holder,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct IssuerSignature {
    #[n(0)]
    key: KeyId,
    #[n(1)]
    signature: Signature,
}

/// What to show of a record.
#[derive(Clone, Debug, Default)]
pub struct Disclosure<'a> {
    /// Names of the fields, as [`flattened_name`] takes them, the most important first.
    pub fields: Vec<&'a str>,
    /// Whether to open the holder's commitment.
    pub holder: bool,
    /// After which instant it should not be accepted.
    pub expires: Option<Millis>,
    /// What it is for.
    pub purpose: Option<&'a str>,
    /// The issuer's key, to bind purpose and expiry.
    pub sign_with: Option<&'a KeyPair>,
}

/// Why a presentation cannot be made or read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PresentationError {
    /// The encoding.
    #[error(transparent)]
    Codec(#[from] CodecError),
    /// Not JSON of a presentation.
    #[error("not a presentation (line {line}, column {column})")]
    Json {
        /// Where, from 1.
        line: usize,
        /// Where, from 1.
        column: usize,
    },
    /// Over its bound.
    #[error("{found} bytes are more than the {bound} allowed")]
    TooLarge {
        /// Largest length accepted.
        bound: usize,
        /// Length found.
        found: usize,
    },
    /// Not the text of a presentation.
    #[error("the text is no presentation: it does not start with {TEXT_PREFIX}, or is damaged")]
    Text,
    /// A format version this program does not know.
    #[error("presentation version {0} is not known to this program")]
    Version(u8),
    /// A purpose that is empty, too long, or holds control characters.
    #[error("a purpose has 1 to {MAX_PURPOSE_BYTES} bytes and no control characters")]
    Purpose,
    /// The certificate has no such field.
    #[error("the certificate has no field {name}")]
    NoField {
        /// The name that was asked for.
        name: String,
    },
    /// No field was chosen.
    #[error("choose at least one field")]
    NoFields,
    /// The document cannot be committed to.
    #[error(transparent)]
    Licence(#[from] LicenceError),
}

/// What the ledger says of the attestation that a presentation names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LedgerFacts {
    /// The ledger.
    pub chain: ChainId,
    /// The attestation.
    pub att_id: Id16,
    /// Its type.
    pub type_code: TypeCode,
    /// Its issuer.
    pub issuer: Uscc,
    /// Commitment to the content.
    pub content: Commitment,
    /// Commitment to the holder.
    pub holder: Commitment,
}

/// Why a presentation proves nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum VerifyError {
    /// It is for another ledger.
    #[error("the presentation is for another ledger")]
    Chain,
    /// It names another attestation.
    #[error("the presentation names another attestation")]
    Attestation,
    /// Type or issuer are not those of the attestation, in its head or among its fields.
    #[error("type or issuer are not those of the attestation")]
    Facts,
    /// The fields do not open the content's commitment.
    #[error("the fields are not those of the certificate: {0}")]
    Content(#[from] OpeningError),
    /// The holder does not open the holder's commitment, or differs from the fields.
    #[error("the holder is not that of the certificate")]
    Holder,
    /// It has expired.
    #[error("the presentation expired at {at} ms")]
    Expired {
        /// When.
        at: Millis,
    },
}

/// What a presentation proves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checked<'a> {
    /// The opened fields, in the order of their names.
    pub fields: Vec<&'a Field>,
    /// The holder, if opened.
    pub holder: Option<&'a Holder>,
}

impl Presentation {
    /// Opens chosen fields of a record.
    ///
    /// # Errors
    /// [`PresentationError::NoField`] names a field the certificate does not have.
    pub fn new(
        record: &Record,
        chain: ChainId,
        created: Millis,
        disclosure: &Disclosure<'_>,
    ) -> Result<Self, PresentationError> {
        let content = record.licence.content()?;
        Self::of_content(record, &content, chain, created, disclosure)
    }

    /// As [`Presentation::new`] with a QR code of it; on [`QrError::TooLarge`] the error says how
    /// many of the fields, from the first on, would fit.
    ///
    /// # Errors
    /// [`PresentationError`] or [`QrError`].
    pub fn new_with_qr(
        record: &Record,
        chain: ChainId,
        created: Millis,
        disclosure: &Disclosure<'_>,
    ) -> Result<(Self, QrImage), QrError> {
        let content = record.licence.content().map_err(PresentationError::from)?;
        let of = |fields: usize| {
            let fields = disclosure.fields[..fields].to_vec();
            let fewer = Disclosure { fields, ..disclosure.clone() };
            Self::of_content(record, &content, chain, created, &fewer)
        };
        let all = of(disclosure.fields.len())?;
        match all.to_qr() {
            Ok(image) => Ok((all, image)),
            Err(QrError::TooLarge { characters, limit, .. }) => {
                let fits = |count: &usize| of(*count).is_ok_and(|fewer| fewer.to_qr().is_ok());
                // Not every field fewer makes it smaller, so all are tried, from the most.
                let fields_that_fit = (1..disclosure.fields.len()).rev().find(fits);
                let fields_that_fit = Some(fields_that_fit.unwrap_or(0));
                Err(QrError::TooLarge { characters, limit, fields_that_fit })
            }
            Err(other) => Err(other),
        }
    }

    fn of_content(
        record: &Record,
        content: &Content,
        chain: ChainId,
        created: Millis,
        disclosure: &Disclosure<'_>,
    ) -> Result<Self, PresentationError> {
        let names: Vec<String> =
            disclosure.fields.iter().map(|name| flattened_name(name)).collect();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let opening = ContentOpening::new(content, &record.salts.content, &names);
        let content = opening.map_err(|error| match error {
            OpeningError::Unknown { index } => {
                let name = disclosure.fields.get(index).copied().unwrap_or_default();
                PresentationError::NoField { name: name.to_owned() }
            }
            _ => PresentationError::NoFields,
        })?;
        let holder = disclosure.holder.then(|| HolderOpening {
            salt: record.salts.holder.clone(),
            holder: record.licence.holder.clone(),
        });
        let mut made = Self {
            version: VERSION,
            chain,
            att_id: record.att_id,
            type_code: record.licence.type_code,
            issuer: record.licence.issuer_code,
            created,
            content,
            holder,
            expires: disclosure.expires,
            purpose: disclosure.purpose.map(str::to_owned),
            signature: None,
        };
        made.check()?;
        if let Some(pair) = disclosure.sign_with {
            let signature = pair.sign(made.signed_digest().as_bytes());
            made.signature = Some(IssuerSignature { key: pair.id(), signature });
        }
        Ok(made)
    }

    /// Checks the presentation against the ledger and gives what it proves. It says nothing of the
    /// certificate's status.
    ///
    /// # Errors
    /// [`VerifyError`] names the first check that failed.
    pub fn verify(&self, facts: &LedgerFacts, now: Millis) -> Result<Checked<'_>, VerifyError> {
        if self.chain != facts.chain {
            return Err(VerifyError::Chain);
        }
        if self.att_id != facts.att_id {
            return Err(VerifyError::Attestation);
        }
        if self.type_code != facts.type_code || self.issuer != facts.issuer {
            return Err(VerifyError::Facts);
        }
        let fields = self.content.verify(facts.content)?;
        let holder = self.holder.as_ref();
        let opens = |opening: &HolderOpening| {
            facts.holder.opens_to(Purpose::Holder, &opening.salt, &opening.holder)
        };
        if !holder.is_none_or(opens) {
            return Err(VerifyError::Holder);
        }
        let checked = Checked { fields, holder: holder.map(|opening| &opening.holder) };
        checked.check_agreement(facts)?;
        match self.expires {
            Some(at) if now > at => Err(VerifyError::Expired { at }),
            _ => Ok(checked),
        }
    }

    /// The key that signed, if any did.
    pub fn signer(&self) -> Option<KeyId> {
        self.signature.map(|signature| signature.key)
    }

    /// Whether `key` signed this presentation as it is. Whether the key is the issuer's, the
    /// ledger says.
    #[must_use]
    pub fn is_signed_by(&self, key: &PublicKey) -> bool {
        self.signature.is_some_and(|IssuerSignature { key: id, signature }| {
            id == key.id() && key.verify(self.signed_digest().as_bytes(), &signature)
        })
    }

    /// Reads the canonical encoding.
    ///
    /// # Errors
    /// [`PresentationError`].
    pub fn from_cbor(bytes: &[u8]) -> Result<Self, PresentationError> {
        let read = Self::from_bytes(bytes, MAX_PRESENTATION_BYTES)?;
        read.check()?;
        Ok(read)
    }

    /// The canonical encoding.
    pub fn to_cbor(&self) -> Vec<u8> {
        self.to_bytes()
    }

    /// Reads JSON.
    ///
    /// # Errors
    /// [`PresentationError`].
    pub fn from_json(bytes: &[u8]) -> Result<Self, PresentationError> {
        let (bound, found) = (MAX_PRESENTATION_JSON_BYTES, bytes.len());
        if found > bound {
            return Err(PresentationError::TooLarge { bound, found });
        }
        let read: Self = serde_json::from_slice(bytes).map_err(|error| {
            PresentationError::Json { line: error.line(), column: error.column() }
        })?;
        // One reading for both forms: what has no canonical encoding in bounds is refused.
        Self::from_cbor(&read.to_bytes())
    }

    /// Indented JSON.
    pub fn to_json(&self) -> String {
        // Texts and numbers always serialise.
        serde_json::to_string_pretty(self).unwrap_or_default()
    }

    /// The text that a QR code holds.
    pub fn to_text(&self) -> String {
        format!("{TEXT_PREFIX}{}", base45::encode(&self.to_bytes()))
    }

    /// Reads what a QR code held. Line ends around it are ignored; spaces belong to it.
    ///
    /// # Errors
    /// [`PresentationError`].
    pub fn from_text(text: &str) -> Result<Self, PresentationError> {
        let text = text.trim_matches(['\r', '\n']);
        let (bound, found) = (MAX_PRESENTATION_BYTES * 2, text.len());
        if found > bound {
            return Err(PresentationError::TooLarge { bound, found });
        }
        let encoded = text.strip_prefix(TEXT_PREFIX).ok_or(PresentationError::Text)?;
        Self::from_cbor(&base45::decode(encoded).ok_or(PresentationError::Text)?)
    }

    /// Reads any form: JSON, text, or the canonical encoding.
    ///
    /// # Errors
    /// [`PresentationError`] of the form that the first byte suggests.
    pub fn from_any(bytes: &[u8]) -> Result<Self, PresentationError> {
        if bytes.starts_with(TEXT_PREFIX.as_bytes()) {
            return Self::from_text(str::from_utf8(bytes).map_err(|_| PresentationError::Text)?);
        }
        match bytes.trim_ascii_start().first() {
            Some(b'{') => Self::from_json(bytes),
            _ => Self::from_cbor(bytes),
        }
    }

    /// A QR code of the text.
    ///
    /// # Errors
    /// [`QrError::TooLarge`] when one code cannot hold it.
    pub fn to_qr(&self) -> Result<QrImage, QrError> {
        QrImage::of_text(&self.to_text())
    }

    fn check(&self) -> Result<(), PresentationError> {
        if self.version != VERSION {
            return Err(PresentationError::Version(self.version));
        }
        let fits = |purpose: &String| {
            (1..=MAX_PURPOSE_BYTES).contains(&purpose.len())
                && !purpose.chars().any(char::is_control)
        };
        if self.purpose.as_ref().is_none_or(fits) {
            Ok(())
        } else {
            Err(PresentationError::Purpose)
        }
    }

    /// What the issuer signs: everything but the signature.
    fn signed_digest(&self) -> H32 {
        let bare = Self { signature: None, ..self.clone() };
        hash(Domain::Digest, &[SIGNED_LABEL, &bare.to_bytes()])
    }
}

impl Checked<'_> {
    /// The value of a field, by any name that [`flattened_name`] takes.
    pub fn value(&self, name: &str) -> Option<&str> {
        let name = flattened_name(name);
        let found = self.fields.iter().find(|field| field.name == name);
        found.map(|field| field.value.as_str())
    }

    /// Opened fields that repeat what stands elsewhere must say the same.
    fn check_agreement(&self, facts: &LedgerFacts) -> Result<(), VerifyError> {
        let differs = |name, other: &str| self.value(name).is_some_and(|value| value != other);
        if differs("type_code", facts.type_code.as_str())
            || differs("issuer_code", facts.issuer.as_str())
        {
            return Err(VerifyError::Facts);
        }
        let holder_differs = self.holder.is_some_and(|holder| {
            differs("holder.code_type", &holder.code_type)
                || differs("holder.code", &holder.code)
                || differs("holder.name", &holder.name)
        });
        if holder_differs { Err(VerifyError::Holder) } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests;
