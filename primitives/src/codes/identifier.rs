//! Electronic licence identifiers, GB/T 36904-2018.
//!
//! `1.2.156.3005.2.TYPE.ISSUER.SERIAL.VERSION.CHECK`
//!
//! Rules:
//! 1. At most 128 characters; after the root only capital letters, digits and dots.
//! 2. TYPE is a certificate type code, ISSUER a credit code, both with their check digits right.
//! 3. SERIAL is the issuer's own: 1 to 66 characters, which is what rule 1 leaves for it.
//! 4. VERSION is 001 to 999.
//! 5. CHECK is ISO/IEC 7064 MOD 37,36 over type, issuer, serial and version without the dots.
//!    Unlike a credit code its alphabet has I, O, S, V and Z.
//!
//! Identifiers in use break these rules now and then (an issuer given as a region of six digits, a
//! wrong check character); they are refused here, and stock that carries them is committed to
//! rather than published. Whether a serial hides a personal number is for
//! [`personal_data`](super::personal_data) to say: ask it about [`Identifier::serial`] alone,
//! because type and issuer codes hold long runs of digits.

use super::{ALPHANUMERIC, alphanumeric, character_in, digits, type_code, uscc};
use crate::ids::{TypeCode, Uscc};
use core::{fmt, str::FromStr};

/// Longest identifier accepted, in characters.
pub const MAX_LENGTH: usize = 128;
/// Longest serial that leaves room for everything else.
pub const MAX_SERIAL: usize = 66;
/// Largest version.
pub const MAX_VERSION: u16 = 999;

const ROOT: &str = "1.2.156.3005.2.";

/// Why a text is not an electronic licence identifier.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum IdentifierError {
    /// Longer than [`MAX_LENGTH`].
    #[error("{found} characters are more than the {MAX_LENGTH} allowed")]
    TooLong {
        /// Bytes found.
        found: usize,
    },
    /// Does not start with the root of electronic licences.
    #[error("does not start with {ROOT}")]
    Root,
    /// Not five parts after the root.
    #[error("expected type, issuer, serial, version and check after the root")]
    Parts,
    /// A lower-case letter.
    #[error("letters must be capital")]
    LowerCase,
    /// The type code is wrong.
    #[error("type: {0}")]
    Type(#[from] type_code::TypeCodeError),
    /// The issuer's credit code is wrong.
    #[error("issuer: {0}")]
    Issuer(#[from] uscc::UsccError),
    /// The serial is empty or longer than [`MAX_SERIAL`].
    #[error("the serial has {found} characters, not 1 to {MAX_SERIAL}")]
    SerialLength {
        /// Bytes found.
        found: usize,
    },
    /// The serial has a character that is neither digit nor capital letter.
    #[error("the serial may have digits and capital letters only")]
    SerialCharacter,
    /// The version is not 001 to 999.
    #[error("the version must be 001 to 999")]
    Version,
    /// The check character is wrong.
    #[error("the check character should be {expected}")]
    Check {
        /// The character computed.
        expected: char,
    },
}

/// An identifier that keeps all five rules.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Identifier {
    type_code: TypeCode,
    issuer: Uscc,
    serial: String,
    version: u16,
}

impl Identifier {
    /// Makes an identifier; the check character follows from the rest.
    ///
    /// # Errors
    /// The first part that breaks its rule.
    pub fn new(
        type_code: TypeCode,
        issuer: Uscc,
        serial: &str,
        version: u16,
    ) -> Result<Self, IdentifierError> {
        type_code::check(&type_code)?;
        uscc::check(&issuer)?;
        Self::of(type_code, issuer, serial, version)
    }

    /// As [`new`](Self::new), of codes that were checked.
    fn of(
        type_code: TypeCode,
        issuer: Uscc,
        serial: &str,
        version: u16,
    ) -> Result<Self, IdentifierError> {
        if serial.is_empty() || serial.len() > MAX_SERIAL {
            return Err(IdentifierError::SerialLength { found: serial.len() });
        }
        if !serial.bytes().all(|c| c.is_ascii_digit() || c.is_ascii_uppercase()) {
            return Err(IdentifierError::SerialCharacter);
        }
        if version == 0 || version > MAX_VERSION {
            return Err(IdentifierError::Version);
        }
        Ok(Self { type_code, issuer, serial: serial.to_owned(), version })
    }

    /// The certificate type.
    pub const fn type_code(&self) -> TypeCode {
        self.type_code
    }

    /// The authority that issued the certificate.
    pub const fn issuer(&self) -> Uscc {
        self.issuer
    }

    /// The issuer's own number for the certificate.
    pub fn serial(&self) -> &str {
        &self.serial
    }

    /// The version of the certificate, from 1.
    pub const fn version(&self) -> u16 {
        self.version
    }

    /// The check character of rule 5.
    pub fn check_character(&self) -> char {
        let version = format!("{:03}", self.version);
        let parts = [self.type_code.as_str(), self.issuer.as_str(), &self.serial, &version];
        mod_37_36(parts.iter().flat_map(|part| part.bytes()))
    }
}

/// What an import should do to a text before parsing it: capital letters, and none of the hyphens
/// of a UUID or surrounding space.
pub fn normalised(text: &str) -> String {
    text.trim().chars().filter(|c| *c != '-').map(|c| c.to_ascii_uppercase()).collect()
}

/// ISO/IEC 7064 MOD 37,36 over digits and capital letters; other characters count as zero and are
/// excluded before.
fn mod_37_36(characters: impl Iterator<Item = u8>) -> char {
    let remainder = characters.fold(36u32, |carry, character| {
        let value = alphanumeric(character).unwrap_or(0);
        let sum = match carry.saturating_add(value) % 36 {
            0 => 36,
            sum => sum,
        };
        sum.saturating_mul(2) % 37
    });
    character_in(ALPHANUMERIC, 37u32.saturating_sub(remainder) % 36)
}

impl FromStr for Identifier {
    type Err = IdentifierError;

    fn from_str(text: &str) -> Result<Self, IdentifierError> {
        if text.len() > MAX_LENGTH {
            return Err(IdentifierError::TooLong { found: text.len() });
        }
        let rest = text.strip_prefix(ROOT).ok_or(IdentifierError::Root)?;
        if rest.bytes().any(|c| c.is_ascii_lowercase()) {
            return Err(IdentifierError::LowerCase);
        }
        let mut parts = rest.split('.');
        let mut part = || parts.next().ok_or(IdentifierError::Parts);
        let (type_code, issuer, serial) = (part()?, part()?, part()?);
        let (version, check) = (part()?, part()?);
        if part().is_ok() {
            return Err(IdentifierError::Parts);
        }
        let type_code = type_code::parse(type_code)?;
        let issuer = uscc::parse(issuer)?;
        let identifier = Self::of(type_code, issuer, serial, read_version(version)?)?;
        let expected = identifier.check_character();
        let mut found = check.chars();
        if found.next() != Some(expected) || found.next().is_some() {
            return Err(IdentifierError::Check { expected });
        }
        Ok(identifier)
    }
}

fn read_version(text: &str) -> Result<u16, IdentifierError> {
    let version = digits(text.as_bytes()).filter(|_| text.len() == 3);
    version.and_then(|version| u16::try_from(version).ok()).ok_or(IdentifierError::Version)
}

impl fmt::Display for Identifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { type_code, issuer, serial, version } = self;
        write!(f, "{ROOT}{type_code}.{issuer}.{serial}.{version:03}.{}", self.check_character())
    }
}

impl fmt::Debug for Identifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Identifier({self})")
    }
}

impl<C> minicbor::Encode<C> for Identifier {
    fn encode<W: minicbor::encode::Write>(
        &self,
        e: &mut minicbor::Encoder<W>,
        _: &mut C,
    ) -> Result<(), minicbor::encode::Error<W::Error>> {
        e.str(&self.to_string())?.ok()
    }
}

impl<'b, C> minicbor::Decode<'b, C> for Identifier {
    fn decode(d: &mut minicbor::Decoder<'b>, _: &mut C) -> Result<Self, minicbor::decode::Error> {
        let wrong = |_| minicbor::decode::Error::message("Identifier: breaks GB/T 36904");
        d.str()?.parse().map_err(wrong)
    }
}

text_serde!(Identifier);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codec::Canonical;
    use crate::ids::IdError;
    use proptest::prelude::*;

    const VALID: [&str; 5] = [
        "1.2.156.3005.2.11100000000013338W011.11430000006122244L.20230000403.001.U",
        "1.2.156.3005.2.11100000000013338W032.11220000013544541J.2430599.001.F",
        "1.2.156.3005.2.11100000000013338W009.11330105002500287C.2025052201.002.0",
        "1.2.156.3005.2.11100000HEFU90025A001.11310000HEFU01037L.HMYL093CBNKZLLR3T3PR.001.9",
        "1.2.156.3005.2.11100000HEFU90025A002.11310000HEFU01037L.10QLVA2L82C8L5DGOBW5.001.U",
    ];

    #[test]
    fn identifiers_in_use_pass() {
        for text in VALID {
            let identifier: Identifier = text.parse().unwrap();
            assert_eq!(identifier.to_string(), text);
            assert_eq!(Identifier::from_bytes(&identifier.to_bytes(), 256), Ok(identifier));
        }
        let first: Identifier = VALID[0].parse().unwrap();
        assert_eq!(first.type_code().as_str(), "11100000000013338W011");
        assert_eq!(first.issuer().as_str(), "11430000006122244L");
        assert_eq!((first.serial(), first.version()), ("20230000403", 1));
    }

    #[test]
    fn check_characters_seen_elsewhere() {
        let check = |text: &str| mod_37_36(text.bytes());
        assert_eq!(check("11100000000013338W00211320482014138860P201807250201001"), 'M');
        assert_eq!(check("11100000MB03271699022340100000000016001"), '9');
    }

    #[test]
    fn dirty_identifiers_are_refused() {
        let issuer_is_a_region = "1.2.156.3005.2.11100000MB03271699022.340100.000000016.001.9";
        assert_eq!(
            issuer_is_a_region.parse::<Identifier>(),
            Err(IdentifierError::Issuer(IdError::Length { expected: 18, found: 6 }.into()))
        );
        let wrong_check = "1.2.156.3005.2.11100000000013661B006.113700000045046442\
                           .209FA4E88F9E4C878F3E9BED2CE7EA49.001.M";
        assert_eq!(
            wrong_check.parse::<Identifier>(),
            Err(IdentifierError::Check { expected: 'D' })
        );
    }

    #[test]
    fn each_fault_has_its_error() {
        use IdentifierError as E;
        let with = |from: &str, to: &str| VALID[3].replacen(from, to, 1).parse::<Identifier>();
        let serial = "HMYL093CBNKZLLR3T3PR";
        assert_eq!(with(serial, &"A".repeat(67)), Err(E::TooLong { found: 129 }));
        assert_eq!(with("3005.2", "3005.3"), Err(E::Root));
        assert_eq!(with(".001.9", ".001"), Err(E::Parts));
        assert_eq!(with(".001.9", ".001.9.9"), Err(E::Parts));
        assert_eq!(with("HMYL", "hmyl"), Err(E::LowerCase));
        assert!(matches!(with("90025A001", "90025A000"), Err(E::Type(_))));
        assert!(matches!(with("HEFU01037L", "HEFU01037M"), Err(E::Issuer(_))));
        assert_eq!(with(serial, ""), Err(E::SerialLength { found: 0 }));
        assert_eq!(with("HMYL", "HM-L"), Err(E::SerialCharacter));
        assert_eq!(with("HMYL", "HM证L"), Err(E::SerialCharacter));
        for version in ["000", "1", "01", "0001", "+01", "A01", ""] {
            assert_eq!(with(".001.", &format!(".{version}.")), Err(E::Version), "{version}");
        }
        for check in ["", "8", "99", "证"] {
            let text = VALID[3].replace(".001.9", &format!(".001.{check}"));
            assert_eq!(text.parse::<Identifier>(), Err(E::Check { expected: '9' }));
        }
    }

    #[test]
    fn the_longest_serial_just_fits() {
        let Identifier { type_code, issuer, .. } = VALID[3].parse().unwrap();
        let longest = Identifier::new(type_code, issuer, &"Z".repeat(MAX_SERIAL), 999).unwrap();
        assert_eq!(longest.to_string().len(), MAX_LENGTH);
        assert!(Identifier::new(type_code, issuer, &"Z".repeat(MAX_SERIAL + 1), 1).is_err());
    }

    #[test]
    fn imports_are_normalised() {
        let raw = " 1.2.156.3005.2.11100000HEFU90025a001.11310000HEFU01037l.ab-cd.001.x\n";
        let clean = "1.2.156.3005.2.11100000HEFU90025A001.11310000HEFU01037L.ABCD.001.X";
        assert_eq!(normalised(raw), clean);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(128))]

        #[test]
        fn round_trips_and_one_wrong_character_fails(
            issuer in uscc::tests::any_uscc(), definer in uscc::tests::any_uscc(),
            serial in "[0-9A-Z]{1,40}", sequence in 1u16..=999, version in 1u16..=999,
            place in 0usize..40, other in 0usize..36,
        ) {
            let type_code = type_code::make(definer, sequence).unwrap();
            let identifier = Identifier::new(type_code, issuer, &serial, version).unwrap();
            prop_assert_eq!(&identifier.to_string().parse::<Identifier>().unwrap(), &identifier);

            let mut wrong = serial.into_bytes();
            let place = place % wrong.len();
            if wrong[place] != ALPHANUMERIC[other] {
                wrong[place] = ALPHANUMERIC[other];
                let wrong = String::from_utf8(wrong).unwrap();
                let wrong = Identifier::new(type_code, issuer, &wrong, version).unwrap();
                prop_assert_ne!(wrong.check_character(), identifier.check_character());
            }
        }
    }
}
