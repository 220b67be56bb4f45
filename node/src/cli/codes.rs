//! What is wrong with a code that somebody typed or a library keeps, in the user's language: credit
//! codes, type codes, identifiers, and numbers of persons where none may be.

use hefu_primitives::codes::identifier::{MAX_LENGTH, MAX_SERIAL};
use hefu_primitives::codes::{IdentifierError, PersonalData, TypeCodeError, UsccError};
use hefu_primitives::ids::IdError;

use super::fault::Detail;
use crate::vault::IdentifierFault;

fn said(key: &'static str) -> Detail {
    Detail::Said(key, Vec::new())
}

fn expects(key: &'static str, expected: char) -> Detail {
    Detail::Said(key, vec![("expected", expected.to_string())])
}

fn counted(key: &'static str, found: usize, most: usize) -> Detail {
    Detail::Said(key, vec![("found", found.to_string()), ("most", most.to_string())])
}

fn of(part: &'static str, detail: Detail) -> Detail {
    Detail::Of(part, Box::new(detail))
}

impl From<IdError> for Detail {
    fn from(error: IdError) -> Self {
        match error {
            IdError::Length { expected, found } => counted("code-length", found, expected),
            IdError::Character => said("code-character"),
            IdError::Number => said("code-number"),
        }
    }
}

impl From<UsccError> for Detail {
    fn from(error: UsccError) -> Self {
        match error {
            UsccError::Shape(error) => error.into(),
            UsccError::Alphabet { position } => {
                Self::Said("code-alphabet", vec![("position", position.to_string())])
            }
            UsccError::Region => said("code-region"),
            UsccError::OrganisationCheck { expected } => expects("code-inner-check", expected),
            UsccError::Check { expected } => expects("code-check", expected),
        }
    }
}

impl From<TypeCodeError> for Detail {
    fn from(error: TypeCodeError) -> Self {
        match error {
            TypeCodeError::Shape(error) => error.into(),
            TypeCodeError::Definer(error) => of("code-definer", error.into()),
            TypeCodeError::Sequence => said("code-sequence"),
        }
    }
}

impl From<IdentifierError> for Detail {
    fn from(error: IdentifierError) -> Self {
        match error {
            IdentifierError::TooLong { found } => counted("code-too-long", found, MAX_LENGTH),
            IdentifierError::Root => said("code-root"),
            IdentifierError::Parts => said("code-parts"),
            IdentifierError::LowerCase => said("code-lower-case"),
            IdentifierError::Type(error) => of("code-type", error.into()),
            IdentifierError::Issuer(error) => of("code-issuer", error.into()),
            IdentifierError::SerialLength { found } => {
                counted("code-serial-length", found, MAX_SERIAL)
            }
            IdentifierError::SerialCharacter => said("code-serial-character"),
            IdentifierError::Version => said("code-version"),
            IdentifierError::Check { expected } => expects("code-check", expected),
        }
    }
}

impl From<IdentifierFault> for Detail {
    fn from(error: IdentifierFault) -> Self {
        match error {
            IdentifierFault::Form(error) => error.into(),
            IdentifierFault::Type => said("code-other-type"),
            IdentifierFault::Issuer => said("code-other-issuer"),
            IdentifierFault::Version => said("code-other-version"),
        }
    }
}

impl From<PersonalData> for Detail {
    fn from(found: PersonalData) -> Self {
        said(match found {
            PersonalData::CitizenId => "code-citizen-id",
            PersonalData::OldCitizenId => "code-old-citizen-id",
            PersonalData::MobileNumber => "code-mobile-number",
            PersonalData::BankCard => "code-bank-card",
        })
    }
}

#[cfg(test)]
mod tests {
    use hefu_primitives::codes::Identifier;

    use super::*;
    use crate::text::Lang;

    /// What is told of a broken identifier: whole sentences in both languages, none of the other's.
    #[test]
    fn what_is_wrong_is_told_in_the_users_language() {
        let good =
            "1.2.156.3005.2.11100000HEFU90025A001.11310000HEFU01037L.HMYL093CBNKZLLR3T3PR.001.9";
        let broken = [
            (good.replace(".001.9", ".001.8"), "9"),
            (good.replace("1.2.156", "1.2.157"), "1.2.156"),
            (good.replace(".001.9", ".000.9"), "001"),
            (good.replace(".HMYL", ".hMYL"), ""),
            (good.replace("HMYL", "HM-L"), ""),
            (good.replace("HEFU01037L", "HEFU01037M"), "L"),
            (good.replace("HEFU90025A", "HEFU90025B"), "A"),
            (good.replace("11310000", "113I0000"), ""),
            ("9".repeat(200), "128"),
            (good.replace(".9", ""), ""),
        ];
        for (text, part) in broken {
            let error = text.parse::<Identifier>().unwrap_err();
            let detail = Detail::from(error);
            let [zh, en] = Lang::ALL.map(|lang| detail.text(lang));
            assert!(zh.contains(part) && en.contains(part), "{zh} / {en}");
            assert!(zh.chars().any(|c| c > '\u{2e80}') && !zh.contains("code-"), "{zh}");
            assert!(en.is_ascii() && !en.contains("code-"), "{en}");
        }
        let found = [
            PersonalData::CitizenId,
            PersonalData::OldCitizenId,
            PersonalData::MobileNumber,
            PersonalData::BankCard,
        ];
        for found in found {
            assert_eq!(Detail::from(found).text(Lang::En), found.to_string());
        }
    }
}
