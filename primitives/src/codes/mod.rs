//! The national codes the ledger is keyed by: credit codes, type codes, licence identifiers,
//! service items and regions, and the guard that keeps personal numbers out of all of them.
//!
//! The shapes (length, capital letters and digits) belong to [`crate::ids`]; here are the check
//! digits and the meaning of each part. Everything is a pure function of the text.
//!
//! This module does not know which authority, type or item is registered on a ledger: a code that
//! passes here is well made, not necessarily in use.

pub mod guard;
pub mod identifier;
pub mod item;
pub mod region;
pub mod type_code;
pub mod uscc;

pub use guard::{
    PersonalData, is_bare_citizen_id, is_unseen, personal_data, personal_data_in_bytes,
};
pub use identifier::{Identifier, IdentifierError};
pub use item::{BaseParts, CaseNumber, HandlingCode, ImplParts, ItemError, ItemKind, Level};
pub use type_code::TypeCodeError;
pub use uscc::{Registration, UsccError};

/// Digits and capital letters in the order ISO/IEC 7064 and GB 11714 number them.
const ALPHANUMERIC: &[u8; 36] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ";

/// The value of a character of [`ALPHANUMERIC`]: its place, from 0.
fn alphanumeric(character: u8) -> Option<u32> {
    char::from(character).to_digit(36).filter(|_| !character.is_ascii_lowercase())
}

/// The character of `alphabet` with this value. Callers reduce the value first, so that the
/// question mark never shows.
fn character_in(alphabet: &[u8], value: u32) -> char {
    usize::try_from(value).ok().and_then(|place| alphabet.get(place)).map_or('?', |c| *c as char)
}

/// Reads a run of ASCII digits and nothing else: no sign, no space.
pub(crate) fn digits(text: &[u8]) -> Option<u32> {
    text.iter().try_fold(0u32, |number, c| {
        let digit = (*c as char).to_digit(10)?;
        number.checked_mul(10)?.checked_add(digit)
    })
}
