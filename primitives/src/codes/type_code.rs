//! Certificate type codes: the definer's credit code and a sequence from 001 to 999.
//!
//! Whether the type is adopted on a ledger is not known here.

use super::{digits, uscc};
use crate::ids::{IdError, TypeCode, Uscc};

/// Largest sequence a definer may give a type.
pub const MAX_SEQUENCE: u16 = 999;

/// Why a text is not a certificate type code.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TypeCodeError {
    /// Wrong length or characters.
    #[error(transparent)]
    Shape(#[from] IdError),
    /// The first 18 characters are not a credit code.
    #[error("definer: {0}")]
    Definer(#[from] uscc::UsccError),
    /// The last three characters are not 001 to 999.
    #[error("the last three characters must be 001 to 999")]
    Sequence,
}

/// Checks the definer's credit code and the sequence.
///
/// # Errors
/// The first of the two that is wrong.
pub fn check(code: &TypeCode) -> Result<(), TypeCodeError> {
    uscc::check(&code.definer())?;
    code.sequence().map(|_| ()).ok_or(TypeCodeError::Sequence)
}

/// Reads and checks a type code.
///
/// # Errors
/// The shape, then as [`check`].
pub fn parse(text: &str) -> Result<TypeCode, TypeCodeError> {
    let code: TypeCode = text.parse()?;
    check(&code).map(|()| code)
}

/// Makes the code of a definer's type.
///
/// # Errors
/// As [`check`].
pub fn make(definer: Uscc, sequence: u16) -> Result<TypeCode, TypeCodeError> {
    uscc::check(&definer)?;
    if sequence == 0 || sequence > MAX_SEQUENCE {
        return Err(TypeCodeError::Sequence);
    }
    Ok(format!("{definer}{sequence:03}").parse::<TypeCode>()?)
}

impl TypeCode {
    /// The authority that defined the type: the first 18 characters.
    pub const fn definer(&self) -> Uscc {
        let [definer @ .., _, _, _] = *self.as_bytes();
        Uscc(definer)
    }

    /// The number the definer gave the type; none unless it is 001 to 999.
    pub fn sequence(&self) -> Option<u16> {
        let [.., hundreds, tens, units] = *self.as_bytes();
        let sequence = digits(&[hundreds, tens, units])?;
        u16::try_from(sequence).ok().filter(|sequence| *sequence != 0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn splits_and_joins() {
        for (text, sequence) in [
            ("11100000000013338W032", 32),
            ("11100000MB03271699022", 22),
            ("11100000HEFU9005XP003", 3),
        ] {
            let code = parse(text).unwrap();
            assert_eq!(code.sequence(), Some(sequence));
            assert_eq!(code.definer().as_str(), &text[..18]);
            assert_eq!(make(code.definer(), sequence), Ok(code));
        }
    }

    #[test]
    fn each_fault_has_its_error() {
        let definer = uscc::parse("11100000000013338W").unwrap();
        assert_eq!(parse("11100000000013338W000"), Err(TypeCodeError::Sequence));
        assert_eq!(parse("11100000000013338W0A1"), Err(TypeCodeError::Sequence));
        assert!(matches!(parse("11100000000013338X001"), Err(TypeCodeError::Definer(_))));
        assert!(matches!(parse("11100000000013338W01"), Err(TypeCodeError::Shape(_))));
        assert_eq!(make(definer, 0), Err(TypeCodeError::Sequence));
        assert_eq!(make(definer, 1000), Err(TypeCodeError::Sequence));
    }
}
