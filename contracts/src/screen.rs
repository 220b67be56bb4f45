//! The guard at the door: nothing of a transaction may look like a person's number.
//!
//! Execution refuses such acts too, field by field, but a refused transaction stays in its block.
//! So the same rule stands before a transaction enters a bundle, and a proposed block that holds
//! one is not voted for: personal data does not reach the block files.
//!
//! The rule needs nothing but the bytes, so every validator answers alike. It looks at every text
//! of the encoding, whatever the act, and at what else could carry digits:
//!
//! * texts: codes with valid check digits pass as what they are, and of an identifier only the
//!   serial is looked at, because its codes side by side can look like anything. One citizen id in
//!   341 is a well-made credit code too; it passes as one only if a registrar gives such codes;
//! * a serial that is an enterprise's credit code passes, also where it looks like a bank card's
//!   number; of other credit codes only those that are no citizen id;
//! * the code of a sole trader, anywhere in a text: it names a person;
//! * byte strings that hold a number in ASCII, as ids and commitments made of one would;
//! * integers that are such a number;
//! * the envelope's claims: the subject is a token such as `att:…` and no sentence, the issuer a
//!   credit code.

use hefu_primitives::codes::{
    Identifier, Registration, is_bare_citizen_id, personal_data, personal_data_in_bytes, type_code,
    uscc,
};
use hefu_primitives::{ImplCode, SignedTransaction, Uscc};
use minicbor::data::Type;

use crate::act::Act;
use crate::code::Code;

/// The least integer that could be somebody's number: a mobile number has eleven digits.
const LEAST_NUMBER: u64 = 10_000_000_000;

/// Checks what can be checked without the state: every act decodes, and nothing in it looks like a
/// person's number. The acts, decoded.
///
/// # Errors
/// The code of the first act that fails, and its place: `E101`, `E110`, `E306` or `E304` (in a
/// serial), `E109`; with place 0 also `E115` the subject is a sentence, `E222` the issuer is no
/// credit code.
pub fn screen(tx: &SignedTransaction) -> Result<Vec<Act>, (Code, u16)> {
    let mut acts = Vec::with_capacity(tx.body().acts.len());
    for (place, act) in tx.body().acts.iter().enumerate() {
        let place = u16::try_from(place).unwrap_or(u16::MAX);
        let checked = Act::decode(act).and_then(|decoded| texts(act).map(|()| decoded));
        acts.push(checked.map_err(|code| (code, place))?);
    }
    let claims = tx.claims();
    subject(&claims.subject).map_err(|code| (code, 0))?;
    match uscc::check(&claims.issuer) {
        Ok(()) => text(claims.issuer.as_str()).map_err(|code| (code, 0))?,
        Err(_) => return Err((Code::UsccInvalid, 0)),
    }
    Ok(acts)
}

/// Walks the items of an encoding that is known to be canonical.
fn texts(act: &[u8]) -> Result<(), Code> {
    let mut items = minicbor::Decoder::new(act);
    while items.position() < act.len() {
        let kind = items.datatype().map_err(|_| Code::BadEncoding)?;
        match kind {
            Type::String => text(items.str().map_err(|_| Code::BadEncoding)?)?,
            Type::Bytes => bytes(items.bytes().map_err(|_| Code::BadEncoding)?)?,
            Type::U64 => number(items.u64().map_err(|_| Code::BadEncoding)?)?,
            // Entering a container leaves its items to the next turns of the loop.
            Type::Array => drop(items.array().map_err(|_| Code::BadEncoding)?),
            Type::Map => drop(items.map().map_err(|_| Code::BadEncoding)?),
            _ => items.skip().map_err(|_| Code::BadEncoding)?,
        }
    }
    Ok(())
}

pub(crate) fn text(text: &str) -> Result<(), Code> {
    if let Ok(identifier) = text.parse::<Identifier>() {
        return serial(identifier.serial());
    }
    if text.parse::<ImplCode>().is_ok_and(|code| code.parts().is_ok()) {
        // Its parts side by side can look like anything; the first is its authority's code.
        return text.get(..Uscc::LEN).map_or(Ok(()), trader);
    }
    trader(text)?;
    let credit = |code: Uscc| code.has_known_registrar() || !is_bare_citizen_id(text);
    let coded = uscc::parse(text).is_ok_and(credit) || type_code::parse(text).is_ok();
    if coded { Ok(()) } else { guarded(text) }
}

fn trader(text: &str) -> Result<(), Code> {
    if names_sole_trader(text) { Err(Code::PersonalDataPattern) } else { Ok(()) }
}

/// Checks the serial of an identifier that is to stand in the clear.
///
/// # Errors
/// `E306` it holds a personal number, `E304` it holds the code of a sole trader.
pub(crate) fn serial(serial: &str) -> Result<(), Code> {
    if names_sole_trader(serial) {
        return Err(Code::PlainIdentForbidden);
    }
    let registered = |code: Uscc| match code.registration() {
        // No citizen id begins like these: there is no such province.
        Registration::Enterprise | Registration::Cooperative => true,
        _ => code.has_known_registrar() && !is_bare_citizen_id(serial),
    };
    let coded = uscc::parse(serial).is_ok_and(registered);
    if coded || personal_data(serial).is_none() { Ok(()) } else { Err(Code::IdentHasCitizenId) }
}

/// What a transaction is said to be about.
pub(crate) fn subject(subject: &str) -> Result<(), Code> {
    let allowed = |c: u8| c.is_ascii_alphanumeric() || b":/-_.".contains(&c);
    if !subject.bytes().all(allowed) {
        return Err(Code::FreeTextForbidden);
    }
    // The hexadecimal of a random id looks like a telephone number once in some hundred times.
    let words: Vec<&str> = subject.split(':').filter(|word| !is_id(word)).collect();
    text(&words.join(":"))
}

/// Whether a word is the hexadecimal of a record's id, a key's, or a hash.
fn is_id(word: &str) -> bool {
    let is_hex = |c: u8| matches!(c, b'0'..=b'9' | b'a'..=b'f');
    matches!(word.len(), 32 | 40 | 64)
        && word.bytes().all(is_hex)
        && word.bytes().any(|c| c.is_ascii_alphabetic())
}

/// Random bytes hold eleven digits in a row once in 10^15.
pub(crate) fn bytes(bytes: &[u8]) -> Result<(), Code> {
    core::str::from_utf8(bytes).map_or(Ok(()), guarded)?;
    personal_data_in_bytes(bytes).map_or(Ok(()), |_| Err(Code::PersonalDataPattern))
}

fn number(number: u64) -> Result<(), Code> {
    if number < LEAST_NUMBER { Ok(()) } else { guarded(&number.to_string()) }
}

fn guarded(text: &str) -> Result<(), Code> {
    personal_data(text).map_or(Ok(()), |_| Err(Code::PersonalDataPattern))
}

/// Whether a text holds the credit code of a sole trader, whose code is as good as a name.
fn names_sole_trader(text: &str) -> bool {
    let codes = text.as_bytes().windows(hefu_primitives::Uscc::LEN);
    codes.filter(|code| code.starts_with(b"92")).any(|code| {
        let code = core::str::from_utf8(code).ok().and_then(|code| uscc::parse(code).ok());
        code.is_some_and(|code| code.is_sole_trader())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Region 999999 is not assigned: nobody's number.
    const CITIZEN: &str = "999999194901010000";

    #[test]
    fn codes_pass_and_numbers_of_persons_do_not() {
        for good in
            ["11310000HEFU01010W", "11100000HEFU90025A001", "991090001000", "食品经营许可证"]
        {
            assert_eq!(text(good), Ok(()), "{good}");
        }
        let implementations = (5000..5200).filter_map(|number| {
            let authority = uscc::with_checks(&format!("11310000HEFU{number}")).ok()?;
            Some(format!("{authority}2991090001000"))
        });
        let (suspect, plain): (Vec<_>, Vec<_>) =
            implementations.partition(|code| personal_data(code).is_some());
        assert!(!suspect.is_empty(), "runs of digits like bank cards are among them");
        assert!(suspect.iter().chain(&plain).all(|code| text(code) == Ok(())));
        let other_level = suspect[0].replace("2991090001000", "9991090001000");
        assert_eq!(text(&other_level), guarded(&other_level), "no implementation code");
        assert_eq!(text(CITIZEN), Err(Code::PersonalDataPattern));
        assert_eq!(text("13800138000"), Err(Code::PersonalDataPattern));
        let kind = "11100000HEFU90025A001".parse().unwrap();
        let issuer = "11310000HEFU01037L".parse().unwrap();
        let hidden = Identifier::new(kind, issuer, CITIZEN, 1).unwrap().to_string();
        assert_eq!(text(&hidden), Err(Code::IdentHasCitizenId));
        let plain = Identifier::new(kind, issuer, "HMYL093CBNKZLLR3T3PR", 1).unwrap().to_string();
        assert_eq!(text(&plain), Ok(()));
    }

    #[test]
    fn sole_traders_are_persons() {
        let trader = uscc::with_checks("92310115HEFU8001").unwrap();
        assert_eq!(text(trader.as_str()), Err(Code::PersonalDataPattern));
        assert_eq!(text(&format!("店{trader}")), Err(Code::PersonalDataPattern));
        let kind = "11100000HEFU90025A001".parse().unwrap();
        let issuer = "11310000HEFU01037L".parse().unwrap();
        for number in [trader.to_string(), format!("A{trader}01")] {
            let named = Identifier::new(kind, issuer, &number, 1).unwrap().to_string();
            assert_eq!(text(&named), Err(Code::PlainIdentForbidden));
        }
        let company = uscc::with_checks("91310115HEFU8001").unwrap();
        let named = Identifier::new(kind, issuer, company.as_str(), 1).unwrap().to_string();
        assert_eq!((text(company.as_str()), text(&named)), (Ok(()), Ok(())));
    }

    #[test]
    fn numbers_of_persons_are_found_in_bytes_and_integers() {
        let encoded = |write: &dyn Fn(&mut minicbor::Encoder<&mut Vec<u8>>)| {
            let mut bytes = Vec::new();
            write(&mut minicbor::Encoder::new(&mut bytes));
            texts(&bytes)
        };
        let mut padded = [0; 32];
        padded[..18].copy_from_slice(CITIZEN.as_bytes());
        let found = Err(Code::PersonalDataPattern);
        assert_eq!(encoded(&|e| drop(e.bytes(&padded))), found);
        assert_eq!(encoded(&|e| drop(e.bytes(b"\x00\x0013812345678\x00\x00\x00"))), found);
        assert_eq!(encoded(&|e| drop(e.bytes("１３８１２３４５６７８".as_bytes()))), found);
        assert_eq!(
            encoded(&|e| drop(e.bytes(b"1\x003\x008\x001\x002\x003\x004\x005\x006\x007\x008"))),
            found
        );
        assert_eq!(encoded(&|e| drop(e.u64(999_999_194_901_010_000))), found);
        assert_eq!(encoded(&|e| drop(e.u64(13_812_345_678))), found);
        assert_eq!(encoded(&|e| drop(e.bytes(&[7; 32]))), Ok(()));
        assert_eq!(encoded(&|e| drop(e.u64(1_780_000_000_000))), Ok(()), "a block time");
        assert_eq!(encoded(&|e| drop(e.u64(u64::MAX))), Ok(()));
    }

    #[test]
    fn a_subject_is_no_sentence() {
        for good in ["", "att:00ff", "cat:307001234/000012", "import", "a-b_c.d"] {
            assert_eq!(subject(good), Ok(()), "{good}");
        }
        for sentence in ["Zhang San", "x,y", "a\"b"] {
            assert_eq!(subject(sentence), Err(Code::FreeTextForbidden), "{sentence}");
        }
        assert_eq!(subject("att:13812345678"), Err(Code::PersonalDataPattern));
    }

    /// Ids are random: one in some hundred has eleven digits in a row that could be a telephone's.
    #[test]
    fn an_id_is_no_telephone_number() {
        assert_eq!(subject("att:a13812345678bcdefabcdefabcdefabc"), Ok(()));
        assert_eq!(subject("key:a13812345678bcdefabcdefabcdefabcdefabcde"), Ok(()));
        let found = Err(Code::PersonalDataPattern);
        assert_eq!(subject("att:a13812345678bcdefabcdefabcdefab"), found, "too short for an id");
        assert_eq!(subject("att:a13812345678bcdefabcdefabcdefabc:13812345678"), found);
        assert_eq!(subject("att:z13812345678bcdefabcdefabcdefabc"), found);
    }

    #[test]
    fn every_text_is_looked_at_however_deep() {
        let mut bytes = Vec::new();
        let mut e = minicbor::Encoder::new(&mut bytes);
        e.array(2).unwrap().u8(1).unwrap();
        e.array(2).unwrap().bytes(CITIZEN.as_bytes()).unwrap();
        e.array(1).unwrap().str(CITIZEN).unwrap();
        assert_eq!(texts(&bytes), Err(Code::PersonalDataPattern));
    }
}
