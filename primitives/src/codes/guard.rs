//! The guard against personal numbers in text that goes onto a ledger nobody can erase.
//!
//! Apply it to what people or other systems write freely: serials, names, references. Do not apply
//! it to codes that have a type of their own (credit codes, type codes, item codes): their
//! digits are long and structured, and their own checks say what they are.
//!
//! | pattern | where it is looked for | because |
//! |---|---|---|
//! | citizen id, 18, check MOD 11-2, day of 1800–2099 exists | **anywhere**, inside longer runs too | licence numbers embed it; a chance match needs a day and a check digit, 1 in 11,000 a place |
//! | citizen id of the old form, 15, day of 19xx exists | a **whole run** of digits | no check digit: inside longer runs 1 in 30 places would match |
//! | mobile number, 11, `1[3-9]…`, also after 86 or 0086 | a **whole run** | inside longer runs 1 in 14 places would match |
//! | bank card, 16 to 19, Luhn, first digit 3–9 or 2221–2720 | a **whole run** | 1 in 10 numbers pass Luhn; serials that begin with 0, 1 or a year of this century begin no card |
//!
//! A run is what stands between characters that are not ASCII digits; full-width digits and
//! letters count as their ASCII forms. So a whole-run pattern between letters is found.
//!
//! A second look reads the text as a person does (`fold`): digits of other scripts, in circles and
//! in Chinese numerals count, characters that nobody sees do not, and spaces, dots, hyphens and
//! other marks stand between groups of one number. There a citizen id is looked for anywhere, and
//! the whole-run patterns in groups of the usual sizes, so that the number of a standard with its
//! part and year (GB/T 16656.11-2010) and a network address are no telephone's. `/` and `:` end a
//! number: codes are joined by them.
//!
//! The price is known, and measured in the tests: of serials that consist of digits alone, about
//! one in ten with 16 to 19 digits, one in thirty with 15, and those of 11 that look like a mobile
//! number are refused. They cannot be told from a card's or a person's; an issuer who owns such
//! serials commits to the identifier instead of publishing it. Codes with check digits of their own
//! and serials with letters are not touched.
//!
//! The region of a citizen id is not looked up: codes change, and an unassigned region in a test
//! number must be refused like any other. This guards against accident and simple disguise; whoever
//! wants to smuggle a number past it (letters between the digits, another base) can.

mod fold;

pub use fold::is_unseen;

use super::digits;
use crate::time::Day;

const MOD_11_2_WEIGHTS: [u32; 17] = [7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2];
const MOD_11_2_CHECKS: &[u8; 11] = b"10X98765432";
/// Digits of the longest number looked for.
const LONGEST: usize = 19;
/// The old citizen id with its day in three groups.
const BIRTHDAY_APART: [usize; 5] = [6, 2, 2, 2, 3];

/// What a text appears to contain. The number itself is not repeated: errors are logged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
pub enum PersonalData {
    /// An 18-digit citizen id, GB 11643-1999.
    #[error("looks like a citizen id")]
    CitizenId,
    /// A 15-digit citizen id of the old form.
    #[error("looks like a citizen id of the old form")]
    OldCitizenId,
    /// A mobile number.
    #[error("looks like a mobile number")]
    MobileNumber,
    /// A payment card number.
    #[error("looks like a bank card number")]
    BankCard,
}

/// The first personal number found, by the table above.
pub fn personal_data(text: &str) -> Option<PersonalData> {
    if fold::may_hold_number(text.chars()) { read_closely(text) } else { None }
}

/// As [`personal_data`] of bytes that are no text, each read as the character of Latin-1 that it is.
pub fn personal_data_in_bytes(bytes: &[u8]) -> Option<PersonalData> {
    let latin = || bytes.iter().map(|byte| char::from(*byte));
    if !fold::may_hold_number(latin()) {
        return None;
    }
    read_closely(&latin().collect::<String>())
}

fn read_closely(text: &str) -> Option<PersonalData> {
    let plain: Vec<u8> = text.chars().map(fold::plain).collect();
    if plain.windows(18).any(is_citizen_id) {
        return Some(PersonalData::CitizenId);
    }
    let found = plain.split(|c| !c.is_ascii_digit()).find_map(in_run);
    found.or_else(|| in_groups(&fold::grouped(text)))
}

/// Whether a text is an 18-digit citizen id and nothing else.
pub fn is_bare_citizen_id(text: &str) -> bool {
    is_citizen_id(text.as_bytes())
}

/// What a text looks like to a reader.
fn in_groups(text: &fold::Grouped) -> Option<PersonalData> {
    if text.compact.windows(18).any(is_citizen_id) {
        return Some(PersonalData::CitizenId);
    }
    text.runs.iter().find_map(|run| (0..run.len()).find_map(|first| from_group(run, first)))
}

/// The first number that begins with a group and ends with one, in groups of usual sizes.
fn from_group(run: &fold::Run, first: usize) -> Option<PersonalData> {
    let (mut number, mut sizes) = (Vec::new(), Vec::new());
    for group in run.iter().skip(first) {
        number.extend_from_slice(group);
        sizes.push(group.len());
        if number.len() > LONGEST {
            return None;
        }
        let usual = fold::is_usual(&sizes) || sizes == BIRTHDAY_APART;
        if let Some(found) = Some(&number).filter(|_| usual).and_then(|number| in_run(number)) {
            return Some(found);
        }
    }
    None
}

/// What a whole run of digits looks like.
fn in_run(run: &[u8]) -> Option<PersonalData> {
    if is_mobile(run) {
        Some(PersonalData::MobileNumber)
    } else if is_old_citizen_id(run) {
        Some(PersonalData::OldCitizenId)
    } else if is_bank_card(run) {
        Some(PersonalData::BankCard)
    } else {
        None
    }
}

fn is_citizen_id(text: &[u8]) -> bool {
    let [b'1'..=b'9', _, _, _, _, _, birth @ .., _, _, _, check] = text else {
        return false;
    };
    let Some(birth) = digits(birth).filter(|_| birth.len() == 8) else {
        return false;
    };
    if !(18_000_000..21_000_000).contains(&birth) || Day::from_number(birth).is_err() {
        return false;
    }
    let mut sum = 0u32;
    for (c, weight) in text.iter().zip(MOD_11_2_WEIGHTS) {
        let Some(digit) = char::from(*c).to_digit(10) else {
            return false;
        };
        sum = sum.saturating_add(digit.saturating_mul(weight));
    }
    let place = usize::try_from(sum % 11).unwrap_or(0);
    MOD_11_2_CHECKS.get(place) == Some(&check.to_ascii_uppercase())
}

fn is_old_citizen_id(run: &[u8]) -> bool {
    let [b'1'..=b'9', _, _, _, _, _, birth @ .., _, _, _] = run else {
        return false;
    };
    let Some(birth) = digits(birth).filter(|_| birth.len() == 6) else {
        return false;
    };
    Day::from_number(birth.saturating_add(19_000_000)).is_ok()
}

fn is_mobile(run: &[u8]) -> bool {
    let local = match run.len() {
        13 => run.strip_prefix(b"86"),
        15 => run.strip_prefix(b"0086"),
        _ => Some(run),
    };
    matches!(local, Some([b'1', b'3'..=b'9', rest @ ..]) if rest.len() == 9)
}

fn is_bank_card(run: &[u8]) -> bool {
    if !(16..=19).contains(&run.len()) {
        return false;
    }
    let issuer = run.first_chunk::<4>().and_then(|issuer| digits(issuer));
    issuer.is_some_and(|issuer| issuer >= 3000 || (2221..=2720).contains(&issuer)) && is_luhn(run)
}

/// Luhn's check: from the right, every second digit doubled with its digits added.
fn is_luhn(run: &[u8]) -> bool {
    let mut sum = 0u32;
    for (place, c) in run.iter().rev().enumerate() {
        let digit = char::from(*c).to_digit(10).unwrap_or(0);
        let weighted = match (place % 2, digit) {
            (0, digit) => digit,
            (_, 9) => 9,
            (_, digit) => digit.saturating_mul(2) % 9,
        };
        sum = sum.saturating_add(weighted);
    }
    sum.is_multiple_of(10)
}

#[cfg(test)]
mod tests {
    use super::*;
    use PersonalData as P;
    use proptest::prelude::*;

    #[test]
    fn personal_numbers_are_found() {
        for (text, found) in [
            ("11010519491231002X", P::CitizenId),
            ("11010519491231002x", P::CitizenId),
            ("999999194901010000", P::CitizenId),
            ("AB11010519491231002XYZ", P::CitizenId),
            ("证1101051949123100２Ｘ号", P::CitizenId),
            ("110105491231002", P::OldCitizenId),
            ("A110105491231002B", P::OldCitizenId),
            ("13800138000", P::MobileNumber),
            ("TEL13800138000", P::MobileNumber),
            ("+8613800138000", P::MobileNumber),
            ("008613800138000", P::MobileNumber),
            ("4111111111111111", P::BankCard),
            ("A2223003122003222B", P::BankCard),
            ("138 0013 8000", P::MobileNumber),
            ("tel. 021-138.0013.8000", P::MobileNumber),
            ("1·3·8·0·0·1·3·8·0·0·0", P::MobileNumber),
            ("138\u{200b}00\u{200b}138000", P::MobileNumber),
            ("一三八〇〇一三八〇〇〇", P::MobileNumber),
            ("第一13800138000", P::MobileNumber),
            ("①③⑧⓪⓪①③⑧⓪⓪⓪", P::MobileNumber),
            ("110105 19491231 002X", P::CitizenId),
            ("110105-1949-1231-002 x", P::CitizenId),
            ("1 1 0 1 0 5 1 9 4 9 1 2 3 1 0 0 2 Х", P::CitizenId),
            ("1101\u{feff}0519491231002X", P::CitizenId),
            ("110105 491231 002", P::OldCitizenId),
            ("110105 49 12 31 002", P::OldCitizenId),
            ("4111 1111 1111 1111", P::BankCard),
            ("4111-1111-1111-1111", P::BankCard),
        ] {
            assert_eq!(personal_data(text), Some(found), "{text}");
        }
    }

    #[test]
    fn a_citizen_id_inside_a_longer_run_is_found() {
        assert_eq!(personal_data("2026999999194901010000001"), Some(P::CitizenId));
    }

    #[test]
    fn serials_pass() {
        for text in [
            "",
            "4Y6N3WD25RQ4",
            "HMYL093CBNKZLLR3T3PR",
            "20230000403",
            "2430599",
            "2025052201",
            "000000016",
            "201807250201",
            "209FA4E88F9E4C878F3E9BED2CE7EA49",
            "11010519491231002Y", // wrong check
            "110105194913310026", // no thirteenth month; fails Luhn
            "12800138000",        // no such mobile prefix
            "2013800138000",      // a mobile number only as part of a run
            "4111111111111112",   // fails Luhn
            "2026052100000009",   // begins with a day, not with a card's issuer
            "110105491331002",
            "GB/T 16656.11-2010",
            "GB/T 19488.10-2004",
            "DB31/T 310018-2024",
            "139.196.112.55:9431",
            "1380012/0001",
            "307001234/000012",
            "2026-05-20 2026-06-19",
            "国办发〔2020〕35号",
            "长三角第一、二、三批",
        ] {
            assert_eq!(personal_data(text), None, "{text}");
        }
    }

    /// Citizen ids of any region, day and sequence.
    fn citizen_id() -> impl Strategy<Value = String> {
        (100_000u32..=999_999, 1800i16..2100, 1i8..=12, 1i8..=28, 0u32..1000).prop_map(
            |(region, year, month, day, sequence)| {
                let body = format!("{region}{year}{month:02}{day:02}{sequence:03}");
                let sum: u32 = body
                    .bytes()
                    .zip(MOD_11_2_WEIGHTS)
                    .map(|(c, weight)| u32::from(c - b'0') * weight)
                    .sum();
                format!("{body}{}", MOD_11_2_CHECKS[(sum % 11) as usize] as char)
            },
        )
    }

    /// Card numbers with a prefix some issuer has.
    fn card() -> impl Strategy<Value = String> {
        "(62|4[0-9]|5[1-5]|35|60|9[0-9]|2[3-6])[0-9]{13,16}".prop_map(|body| {
            let last = (0..10).find(|last| is_luhn(format!("{body}{last}").as_bytes()));
            format!("{body}{}", last.unwrap())
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(256))]

        #[test]
        fn citizen_ids_never_pass(id in citizen_id(), before in "[0-9A-Z]{0,9}", after in "[0-9A-Z]{0,9}") {
            let text = format!("{before}{id}{after}");
            prop_assert_eq!(personal_data(&text), Some(P::CitizenId));
            prop_assert_eq!(personal_data(&id.to_lowercase()), Some(P::CitizenId));
        }

        #[test]
        fn whole_runs_never_pass(
            mobile in "1[3-9][0-9]{9}", card in card(), old in "[1-9][0-9]{7}(0[1-9]|1[0-2])(0[1-9]|1[0-9]|2[0-8])[0-9]{3}",
            before in "([0-9A-Z]{0,6}[A-Z])?", after in "([A-Z][0-9A-Z]{0,6})?",
        ) {
            for number in [&mobile, &card, &old, &format!("86{mobile}")] {
                let text = format!("{before}{number}{after}");
                prop_assert!(personal_data(&text).is_some());
            }
        }

        #[test]
        fn any_text_is_scanned(text in any::<String>()) {
            personal_data(&text);
        }

        /// Numbers of eleven to eighteen digits with all that may stand in and around them.
        #[test]
        fn the_quick_look_misses_nothing(
            text in "[ -./:0-9a-fxX²¹³Ā〇一二三①⑧٣１３８Ｘ\u{200b}\u{301}]{0,30}",
            number in "(1[3-9][0-9]{9}|[1-9][0-9]{5}(19|20)[0-9]{2}(0[1-9]|1[0-2])[0-2][0-9]{4}X?)",
            gaps in proptest::collection::vec(".{0,2}", 20),
        ) {
            let apart: String = number.chars().zip(&gaps).flat_map(|(c, gap)| [c.to_string(), gap.clone()]).collect();
            for text in [text.clone(), format!("{text}{apart}"), format!("{apart}{text}")] {
                prop_assert_eq!(personal_data(&text), read_closely(&text));
            }
        }
    }

    /// Sample serials are 12 to 20 random characters: a chance match must be very rare.
    #[test]
    fn random_serials_hardly_ever_match() {
        let mut state = 1u64;
        let mut next = || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            (state >> 33) as usize
        };
        let found = (0..20_000).filter(|_| {
            let length = [12, 16, 20][next() % 3];
            let serial: String =
                (0..length).map(|_| super::super::ALPHANUMERIC[next() % 36] as char).collect();
            personal_data(&serial).is_some()
        });
        assert_eq!(found.count(), 0);
    }
}
