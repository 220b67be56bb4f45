//! Identifiers and numbers that must not be mixed up.

use core::fmt::Write as _;

/// Why a text is not an identifier.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum IdError {
    /// Wrong number of characters.
    #[error("expected {expected} characters, found {found}")]
    Length {
        /// Characters the identifier has.
        expected: usize,
        /// Characters found.
        found: usize,
    },
    /// A character that does not belong.
    #[error("a character does not belong here")]
    Character,
    /// Not a number, or out of range.
    #[error("not a number in range")]
    Number,
}

number_newtype! {
    /// Height of a block. Genesis is the state before height 1.
    Height, u64, string
}
number_newtype! {
    /// Round of consensus within a height, from 0.
    Round, u32, number
}
number_newtype! {
    /// Voting power; one for each validator unless governance says otherwise.
    Power, u64, string
}
number_newtype! {
    /// Milliseconds since 1970-01-01T00:00:00Z.
    Millis, u64, string
}
number_newtype! {
    /// A GB/T 2260 province or prefecture code (six digits), or a registered pseudo-code.
    Region, u32, number
}

impl Region {
    /// The province: the first two digits followed by zeros.
    pub const fn province(self) -> Region {
        Region(self.0.saturating_sub(self.0 % 10_000))
    }

    /// The prefecture: the first four digits followed by zeros.
    pub const fn prefecture(self) -> Region {
        Region(self.0.saturating_sub(self.0 % 100))
    }
}

bytes_newtype! {
    /// Sixteen random bytes chosen by the submitter of a record; never derived from a number that
    /// identifies anybody.
    Id16, 16
}
bytes_newtype! {
    /// Identifies a key: the first 20 bytes of the hash of its suite and public key.
    KeyId, 20
}

macro_rules! digest_newtype {
    ($($(#[$doc:meta])* $name:ident)*) => {$(
        bytes_newtype! { $(#[$doc])* $name, 32 }

        impl From<crate::hash::H32> for $name {
            fn from(digest: crate::hash::H32) -> Self {
                Self(digest.0)
            }
        }

        impl From<$name> for crate::hash::H32 {
            fn from(id: $name) -> Self {
                Self(id.0)
            }
        }
    )*};
}

digest_newtype! {
    /// Identifies a ledger: the hash of its genesis document.
    ChainId
    /// Identifies a block: the hash of its header.
    BlockId
    /// Identifies a bundle of transactions.
    BundleId
    /// Identifies a transaction: the hash of what its signature covers.
    TxId
}

code_newtype! {
    /// Unified social credit code, GB 32100-2015: 18 characters.
    Uscc, 18
}
code_newtype! {
    /// Certificate type code: the definer's credit code and a three-digit sequence.
    TypeCode, 21
}
code_newtype! {
    /// Base code of a government service item: 12 digits.
    BaseCode, 12
}
code_newtype! {
    /// Implementation code of a service item: authority, level and base code.
    ImplCode, 31
}

/// Writes what `{:02x}` would, without its machinery: every event names an id.
pub(crate) fn write_hex(bytes: &[u8], f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
    let mut nibbles = bytes.iter().flat_map(|byte| [byte >> 4, byte & 0xf]);
    nibbles.try_for_each(|nibble| {
        f.write_char(char::from_digit(u32::from(nibble), 16).unwrap_or_default())
    })
}

/// Reads lower- or upper-case hexadecimal into `bytes`.
pub(crate) fn decode_hex(text: &str, bytes: &mut [u8]) -> Result<(), IdError> {
    let expected = bytes.len().saturating_mul(2);
    if text.len() != expected {
        return Err(IdError::Length { expected, found: text.len() });
    }
    for (byte, pair) in bytes.iter_mut().zip(text.as_bytes().chunks_exact(2)) {
        let digit = |c: &u8| (*c as char).to_digit(16).ok_or(IdError::Character);
        let mut value = 0u32;
        for c in pair {
            value = (value << 4) | digit(c)?;
        }
        *byte = value as u8;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codec::Canonical;

    #[test]
    fn text_round_trips() {
        let id: Id16 = "000102030405060708090a0b0c0d0e0f".parse().unwrap();
        assert_eq!(id.to_string(), "000102030405060708090a0b0c0d0e0f");
        assert!("00".parse::<Id16>().is_err());
        assert!("zz0102030405060708090a0b0c0d0e0f".parse::<Id16>().is_err());
        let uscc: Uscc = "11310000HEFU01010W".parse().unwrap();
        assert_eq!(Uscc::from_bytes(&uscc.to_bytes(), 32), Ok(uscc));
        assert!("11310000hefu01010w".parse::<Uscc>().is_err());
    }

    #[test]
    fn numbers_are_bare_integers() {
        assert_eq!(Height(7).to_bytes(), [7]);
        assert_eq!(Region(310_115).province(), Region(310_000));
        assert_eq!(Region(320_583).prefecture(), Region(320_500));
    }
}
