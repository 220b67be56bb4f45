//! Unified social credit codes, GB 32100-2015.
//!
//! `[1] registering department [2] kind [3-8] region [9-17] organisation code [18] check`
//!
//! Rules:
//! 1. Every character is one of 31: digits and capital letters without I, O, S, V and Z.
//! 2. Characters 3 to 8 are digits.
//! 3. Character 17 is the GB 11714 check of characters 9 to 16.
//! 4. Character 18 is `(31 − Σ value·3^(i−1) mod 31) mod 31`. The last `mod 31` matters: without
//!    it a sum divisible by 31 asks for a character that does not exist.
//!
//! Whether a code is in use, or whom it belongs to, is not known here.

use super::{ALPHANUMERIC, alphanumeric, character_in, digits, region};
use crate::ids::{IdError, Region, Uscc};

const ALPHABET: &[u8; 31] = b"0123456789ABCDEFGHJKLMNPQRTUWXY";
const WEIGHTS: [u32; 17] = [1, 3, 9, 27, 19, 26, 16, 17, 20, 29, 25, 13, 8, 24, 10, 30, 28];
const ORGANISATION_WEIGHTS: [u32; 8] = [3, 7, 9, 10, 5, 8, 4, 2];
/// Body prefix that no registrar allots: marks a code as fictitious.
const FICTITIOUS: &[u8; 4] = b"HEFU";

/// Why a text is not a unified social credit code. Positions count from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UsccError {
    /// Wrong length or characters.
    #[error(transparent)]
    Shape(#[from] IdError),
    /// A character outside the 31 allowed; I, O, S, V and Z are not.
    #[error("character {position} is not one a credit code may have")]
    Alphabet {
        /// Place of the character, from 1.
        position: usize,
    },
    /// A letter in the region code.
    #[error("characters 3 to 8 must be digits")]
    Region,
    /// The organisation code inside fails its own check.
    #[error("character 17, the check of the organisation code, should be {expected}")]
    OrganisationCheck {
        /// The character computed.
        expected: char,
    },
    /// The check character is wrong.
    #[error("the check character should be {expected}")]
    Check {
        /// The character computed.
        expected: char,
    },
}

/// Who registered the holder of a code, from its first two characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Registration {
    /// `11` 机关: an organ of the state.
    StateOrgan,
    /// `12` 事业单位: a public institution.
    PublicInstitution,
    /// `13` 编办管理的群团: a mass organisation under the staffing office.
    MassOrganisation,
    /// `19`: another body under the staffing office.
    OtherStaffed,
    /// `5x` 民政: registered by civil affairs.
    CivilAffairs,
    /// `91` 企业: an enterprise.
    Enterprise,
    /// `92` 个体工商户: a sole trader, treated like a natural person.
    SoleTrader,
    /// `93` 农民专业合作社: a farmers' cooperative.
    Cooperative,
    /// Any other registrar or kind.
    Other,
}

/// Checks rules 1 to 4.
///
/// # Errors
/// The first rule broken, in that order.
pub fn check(code: &Uscc) -> Result<(), UsccError> {
    let [prefix @ .., last] = *code.as_bytes();
    let expected = check_character(&prefix)?;
    if char::from(last) == expected { Ok(()) } else { Err(UsccError::Check { expected }) }
}

/// Reads and checks a code.
///
/// # Errors
/// The shape, then as [`check`].
pub fn parse(text: &str) -> Result<Uscc, UsccError> {
    let code: Uscc = text.parse()?;
    check(&code).map(|()| code)
}

/// Adds the check character to the first seventeen characters.
///
/// # Errors
/// When the prefix breaks the shape or rules 1 to 3.
pub fn complete(prefix: &str) -> Result<Uscc, UsccError> {
    let bytes: [u8; 17] = prefix
        .as_bytes()
        .try_into()
        .map_err(|_| IdError::Length { expected: 17, found: prefix.len() })?;
    let last = check_character(&bytes)?;
    Ok(format!("{prefix}{last}").parse::<Uscc>()?)
}

/// Adds both check characters to the first sixteen characters: registrar, kind, region and the
/// eight of the organisation's body.
///
/// # Errors
/// When the prefix breaks the shape or rules 1 and 2.
pub fn with_checks(prefix: &str) -> Result<Uscc, UsccError> {
    let bytes: [u8; 16] = prefix
        .as_bytes()
        .try_into()
        .map_err(|_| IdError::Length { expected: 16, found: prefix.len() })?;
    values(&bytes)?;
    let [_, _, _, _, _, _, _, _, body @ ..] = bytes;
    complete(&format!("{prefix}{}", organisation_check(&body)))
}

/// Rules 1 to 3, then the check character of rule 4.
fn check_character(prefix: &[u8; 17]) -> Result<char, UsccError> {
    let values = values(prefix)?;
    let [_, _, region @ .., _, _, _, _, _, _, _, _, _] = prefix;
    digits(region).ok_or(UsccError::Region)?;
    let [_, _, _, _, _, _, _, _, body @ .., inner] = prefix;
    let expected = organisation_check(body);
    if char::from(*inner) != expected {
        return Err(UsccError::OrganisationCheck { expected });
    }
    let sum: u32 = values.iter().zip(WEIGHTS).map(|(value, w)| value.saturating_mul(w)).sum();
    Ok(character_in(ALPHABET, 31u32.saturating_sub(sum % 31) % 31))
}

/// Rule 1.
fn values<const N: usize>(characters: &[u8; N]) -> Result<[u32; N], UsccError> {
    let mut values = [0; N];
    for ((place, character), value) in characters.iter().enumerate().zip(&mut values) {
        let wrong = UsccError::Alphabet { position: place.saturating_add(1) };
        *value = value_of(*character).ok_or(wrong)?;
    }
    Ok(values)
}

/// The place of a character in [`ALPHABET`]: that among digits and all letters, less the letters
/// before it that are left out.
fn value_of(character: u8) -> Option<u32> {
    let left_out = match character {
        b'0'..=b'9' | b'A'..=b'H' => 0,
        b'J'..=b'N' => 1,
        b'P'..=b'R' => 2,
        b'T'..=b'U' => 3,
        b'W'..=b'Y' => 4,
        _ => return None,
    };
    alphanumeric(character)?.checked_sub(left_out)
}

/// The GB 11714 check of an organisation's eight characters.
fn organisation_check(body: &[u8; 8]) -> char {
    let value = |(c, w): (&u8, u32)| alphanumeric(*c).unwrap_or(0).saturating_mul(w);
    let sum: u32 = body.iter().zip(ORGANISATION_WEIGHTS).map(value).sum();
    match 11u32.saturating_sub(sum % 11) {
        10 => 'X',
        11 => '0',
        digit => character_in(ALPHANUMERIC, digit),
    }
}

impl Uscc {
    /// Who registered the holder.
    pub const fn registration(&self) -> Registration {
        let [department, kind, ..] = *self.as_bytes();
        match (department, kind) {
            (b'1', b'1') => Registration::StateOrgan,
            (b'1', b'2') => Registration::PublicInstitution,
            (b'1', b'3') => Registration::MassOrganisation,
            (b'1', b'9') => Registration::OtherStaffed,
            (b'5', _) => Registration::CivilAffairs,
            (b'9', b'1') => Registration::Enterprise,
            (b'9', b'2') => Registration::SoleTrader,
            (b'9', b'3') => Registration::Cooperative,
            _ => Registration::Other,
        }
    }

    /// The region of the registrar, characters 3 to 8; none when they are not digits.
    pub fn region(&self) -> Option<Region> {
        let [_, _, region @ .., _, _, _, _, _, _, _, _, _, _] = self.as_bytes();
        digits(region).map(Region)
    }

    /// Whether the registrar is of this province. Central bodies carry 100000 and belong to none.
    pub fn belongs_to(&self, province: Region) -> bool {
        self.region().is_some_and(|region| region.province() == province.province())
    }

    /// Whether the code was made up for tests and demonstrations: its body starts with HEFU.
    pub fn is_fictitious(&self) -> bool {
        let [_, _, _, _, _, _, _, _, body @ .., _, _, _, _, _, _] = self.as_bytes();
        body == FICTITIOUS
    }

    /// Whether a registrar there is gives such codes: its first characters are known, and the
    /// region is of a province or the centre. Few numbers of another kind look like that.
    pub fn has_known_registrar(&self) -> bool {
        let place = self.region().map(|region| region.province());
        let placed = place.is_some_and(|p| p == region::CENTRE || region::province_of(p).is_some());
        placed && self.registration() != Registration::Other
    }

    /// Whether the holder is a sole trader, whom the ledger treats like a natural person.
    pub fn is_sole_trader(&self) -> bool {
        self.registration() == Registration::SoleTrader
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Any well-made code.
    pub(crate) fn any_uscc() -> impl Strategy<Value = Uscc> {
        "[0-9A-HJ-NP-RTUWXY]{2}[0-9]{6}[0-9A-HJ-NP-RTUWXY]{8}"
            .prop_map(|prefix| with_checks(&prefix).unwrap())
    }

    #[test]
    fn every_byte_has_its_place_in_the_alphabets_or_none() {
        for byte in 0..=u8::MAX {
            let place = |alphabet: &[u8]| alphabet.iter().position(|c| *c == byte);
            assert_eq!(value_of(byte).map(|v| v as usize), place(ALPHABET), "{byte}");
            assert_eq!(alphanumeric(byte).map(|v| v as usize), place(ALPHANUMERIC), "{byte}");
        }
    }

    #[test]
    fn codes_in_use_pass() {
        for code in [
            "11100000000013338W",
            "11430000006122244L",
            "11320482014138860P",
            "11220000013544541J",
            "11330105002500287C",
            "11100000MB0341032Y",
            "11100000MB03271699",
            "11370800MB28559184",
            "12441500196720244T",
            "91350100M000100Y43",
            "11310000HEFU01010W",
            "11340000HEFU041154",
        ] {
            assert_eq!(parse(code).map(|c| c.to_string()), Ok(code.to_owned()), "{code}");
        }
    }

    #[test]
    fn a_sum_divisible_by_31_gives_zero() {
        assert_eq!(complete("91310000HEFU0043X").unwrap().as_str(), "91310000HEFU0043X0");
        assert_eq!(with_checks("91310000HEFU0043").unwrap().as_str(), "91310000HEFU0043X0");
    }

    #[test]
    fn each_rule_has_its_error() {
        let cases = [
            ("11100000000013338", UsccError::Shape(IdError::Length { expected: 18, found: 17 })),
            ("11100000000013338w", UsccError::Shape(IdError::Character)),
            ("I1100000000013338W", UsccError::Alphabet { position: 1 }),
            ("11100000Z00013338W", UsccError::Alphabet { position: 9 }),
            ("1110000A000013338W", UsccError::Region),
            ("11100000000013339W", UsccError::OrganisationCheck { expected: '8' }),
            ("11100000000013338X", UsccError::Check { expected: 'W' }),
            ("11100000000013338Z", UsccError::Check { expected: 'W' }),
        ];
        for (text, error) in cases {
            assert_eq!(parse(text), Err(error), "{text}");
        }
        assert!(complete("1110000000001333").is_err());
        assert_eq!(with_checks("1110000A00001333"), Err(UsccError::Region));
    }

    #[test]
    fn parts_are_read() {
        let office = parse("11310000HEFU01029R").unwrap();
        assert_eq!(office.registration(), Registration::StateOrgan);
        assert_eq!(office.region(), Some(Region(310_000)));
        assert!(office.belongs_to(Region(310_000)) && office.belongs_to(Region(310_115)));
        assert!(!office.belongs_to(Region(320_000)));
        assert!(office.is_fictitious() && !office.is_sole_trader());
        let ministry = parse("11100000000013338W").unwrap();
        assert!(!ministry.is_fictitious() && !ministry.belongs_to(Region(110_000)));
        assert!(ministry.has_known_registrar() && office.has_known_registrar());
        assert!(!with_checks("11990000HEFU8001").unwrap().has_known_registrar());
        assert!(!with_checks("33310000HEFU8001").unwrap().has_known_registrar());
        let trader = with_checks("92310115HEFU8001").unwrap();
        assert!(trader.is_sole_trader());
        assert_eq!(
            with_checks("52310000HEFU8001").unwrap().registration(),
            Registration::CivilAffairs
        );
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(128))]

        #[test]
        fn made_codes_pass_and_one_wrong_character_fails(
            code in any_uscc(), place in 0usize..18, other in 0usize..31,
        ) {
            prop_assert_eq!(check(&code), Ok(()));
            let mut bytes = *code.as_bytes();
            if bytes[place] != ALPHABET[other] {
                bytes[place] = ALPHABET[other];
                let wrong: Uscc = core::str::from_utf8(&bytes).unwrap().parse().unwrap();
                prop_assert!(check(&wrong).is_err());
            }
        }
    }
}
