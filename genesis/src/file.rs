//! The form in which people keep these documents: indented JSON with Chinese as it is.
//!
//! Invariant: what is read is bounded before it is parsed, and unknown fields are refused.

use hefu_primitives::bounds::MAX_GENESIS_BYTES;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::ceremony::{Draft, MemberFile, SignedGenesis};
use crate::document::Document;
use crate::error::{CeremonyError, GenesisError};
use crate::genesis::Genesis;

impl Genesis {
    /// Reads the JSON form.
    ///
    /// # Errors
    /// When the text is too large, is not this document, or breaks a rule.
    pub fn from_json(text: &[u8]) -> Result<Self, GenesisError> {
        Self::new(read::<Document>(text)?)
    }

    /// Writes the JSON form.
    ///
    /// # Errors
    /// [`GenesisError::TooLarge`] when it could not be read again.
    pub fn to_json(&self) -> Result<String, GenesisError> {
        write(self.document())
    }
}

macro_rules! json_files {
    ($($name:ident)*) => {$(
        impl $name {
            /// Reads the JSON form. What it says is not verified yet.
            ///
            /// # Errors
            /// When the text is too large or is not this document.
            pub fn from_json(text: &[u8]) -> Result<Self, CeremonyError> {
                Ok(read(text)?)
            }

            /// Writes the JSON form.
            ///
            /// # Errors
            /// [`GenesisError::TooLarge`] when it could not be read again.
            pub fn to_json(&self) -> Result<String, CeremonyError> {
                Ok(write(self)?)
            }
        }
    )*};
}

json_files!(Draft MemberFile SignedGenesis);

fn read<T: DeserializeOwned>(text: &[u8]) -> Result<T, GenesisError> {
    check_size(text.len())?;
    serde_json::from_slice(text).map_err(|error| json_error(&error))
}

fn write<T: Serialize>(value: &T) -> Result<String, GenesisError> {
    let mut text = serde_json::to_string_pretty(value).map_err(|error| json_error(&error))?;
    text.push('\n');
    check_size(text.len())?;
    Ok(text)
}

fn check_size(found: usize) -> Result<(), GenesisError> {
    let bound = MAX_GENESIS_BYTES;
    if found > bound { Err(GenesisError::TooLarge { bound, found }) } else { Ok(()) }
}

pub(crate) fn json_error(error: &serde_json::Error) -> GenesisError {
    GenesisError::Json { line: error.line(), column: error.column(), message: error.to_string() }
}
