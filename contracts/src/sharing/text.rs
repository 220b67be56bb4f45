//! The one text of its own that sharing writes to the ledger: the resource code. Titles are public
//! names like any other ([`crate::identity::public_name`]).

use hefu_primitives::codes::personal_data;

use crate::code::Code;

/// Longest resource code, in characters.
const MAX_CODE: usize = 64;

/// A resource code: letters, digits and `/ - _ .`; no personal number in it.
///
/// # Errors
/// `E115`, `E109`.
pub(super) fn resource_code(code: &str) -> Result<(), Code> {
    let allowed = |c: u8| c.is_ascii_alphanumeric() || matches!(c, b'/' | b'-' | b'_' | b'.');
    if code.is_empty() || code.len() > MAX_CODE || !code.bytes().all(allowed) {
        return Err(Code::FreeTextForbidden);
    }
    if personal_data(code).is_some() { Err(Code::PersonalDataPattern) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn resource_codes() {
        assert_eq!(resource_code("307001234/000012"), Ok(()));
        assert_eq!(resource_code(&"9".repeat(64)), Ok(()));
        for bad in ["", "a b", "编码", "a\0", &"9".repeat(65)] {
            assert_eq!(resource_code(bad), Err(Code::FreeTextForbidden), "{bad}");
        }
        assert_eq!(resource_code("1/999999194901010000"), Err(Code::PersonalDataPattern));
    }
}
