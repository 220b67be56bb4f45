//! The one text of its own that sharing writes to the ledger: the resource code. Titles are public
//! names like any other ([`crate::identity::public_name`]).

use hefu_primitives::Region;
use hefu_primitives::codes::personal_data;

use crate::code::Code;

/// Longest resource code, in characters.
const MAX_CODE: usize = 64;

/// A resource code: letters, digits and `/ - _ .`, perhaps with the six digits of a province and a
/// colon in front; no personal number in it. Returns the province.
///
/// # Errors
/// `E115`, `E109`.
pub(super) fn resource_code(code: &str) -> Result<Option<Region>, Code> {
    let allowed = |c: u8| c.is_ascii_alphanumeric() || matches!(c, b'/' | b'-' | b'_' | b'.');
    let (province, own) = match code.split_once(':') {
        Some((province, own)) => (Some(province), own),
        None => (None, code),
    };
    let province = match province.map(|province| province.parse::<Region>()) {
        None => None,
        Some(Ok(region)) if region.province() == region => Some(region),
        Some(_) => return Err(Code::FreeTextForbidden),
    };
    if own.is_empty() || code.len() > MAX_CODE || !own.bytes().all(allowed) {
        return Err(Code::FreeTextForbidden);
    }
    if personal_data(code).is_some() { Err(Code::PersonalDataPattern) } else { Ok(province) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn resource_codes() {
        assert_eq!(resource_code("307001234/000012"), Ok(None));
        assert_eq!(resource_code(&"9".repeat(64)), Ok(None));
        assert_eq!(resource_code("310000:307001234/12"), Ok(Some(Region(310_000))));
        for bad in ["", "a b", "编码", "a\0", &"9".repeat(65)] {
            assert_eq!(resource_code(bad), Err(Code::FreeTextForbidden), "{bad}");
        }
        assert_eq!(resource_code("1/999999194901010000"), Err(Code::PersonalDataPattern));
    }
}
