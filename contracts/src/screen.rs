//! The guard at the door: no text of an act may look like a person's number.
//!
//! Execution refuses such acts too, field by field, but a refused transaction stays in its block.
//! So the same rule stands before a transaction enters a bundle, and a proposed block that holds
//! one is not voted for: personal data does not reach the block files.
//!
//! The rule needs nothing but the bytes, so every validator answers alike. It looks at every text
//! of the encoding, whatever the act: codes with valid check digits pass as what they are, and of
//! an identifier only the serial is looked at, because its codes side by side can look like
//! anything.

use hefu_primitives::SignedTransaction;
use hefu_primitives::codes::{Identifier, personal_data, type_code, uscc};
use minicbor::data::Type;

use crate::act::Act;
use crate::code::Code;

/// Checks what can be checked without the state: every act decodes, and no text in it looks like
/// a person's number.
///
/// # Errors
/// The code of the first act that fails, and its place: `E101`, `E110`, `E306` (in a serial) or
/// `E109`.
pub fn screen(tx: &SignedTransaction) -> Result<(), (Code, u16)> {
    for (place, act) in tx.body().acts.iter().enumerate() {
        let place = u16::try_from(place).unwrap_or(u16::MAX);
        let checked = Act::decode(act).and_then(|_| texts(act));
        checked.map_err(|code| (code, place))?;
    }
    personal_data(&tx.claims().subject).map_or(Ok(()), |_| Err((Code::PersonalDataPattern, 0)))
}

/// Walks the items of an encoding that is known to be canonical.
fn texts(act: &[u8]) -> Result<(), Code> {
    let mut items = minicbor::Decoder::new(act);
    while items.position() < act.len() {
        let kind = items.datatype().map_err(|_| Code::BadEncoding)?;
        match kind {
            Type::String => text(items.str().map_err(|_| Code::BadEncoding)?)?,
            // Entering a container leaves its items to the next turns of the loop.
            Type::Array => drop(items.array().map_err(|_| Code::BadEncoding)?),
            Type::Map => drop(items.map().map_err(|_| Code::BadEncoding)?),
            _ => items.skip().map_err(|_| Code::BadEncoding)?,
        }
    }
    Ok(())
}

fn text(text: &str) -> Result<(), Code> {
    if let Ok(identifier) = text.parse::<Identifier>() {
        return match personal_data(identifier.serial()) {
            Some(_) => Err(Code::IdentHasCitizenId),
            None => Ok(()),
        };
    }
    if uscc::parse(text).is_ok() || type_code::parse(text).is_ok() {
        return Ok(());
    }
    personal_data(text).map_or(Ok(()), |_| Err(Code::PersonalDataPattern))
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
    fn every_text_is_looked_at_however_deep() {
        let mut bytes = Vec::new();
        let mut e = minicbor::Encoder::new(&mut bytes);
        e.array(2).unwrap().u8(1).unwrap();
        e.array(2).unwrap().bytes(CITIZEN.as_bytes()).unwrap();
        e.array(1).unwrap().str(CITIZEN).unwrap();
        assert_eq!(texts(&bytes), Err(Code::PersonalDataPattern));
    }
}
