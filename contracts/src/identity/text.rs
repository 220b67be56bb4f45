//! The few public texts a ledger holds: names of authorities, members and types.

use hefu_primitives::codes::{is_unseen, personal_data};

use crate::code::Code;

/// Longest public name, in characters.
pub const MAX_NAME: usize = 60;

/// Checks a public name.
///
/// # Errors
/// `E118` when empty, longer than 60 characters, padded with space, or with a character that nobody
/// sees (control, format, filler, private use); `E109` when it seems to contain a personal number.
pub fn public_name(text: &str) -> Result<(), Code> {
    let length = text.chars().count();
    let padded = text.trim() != text;
    if length == 0 || length > MAX_NAME || padded || text.chars().any(is_unseen) {
        return Err(Code::BadField);
    }
    if personal_data(text).is_some() { Err(Code::PersonalDataPattern) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names() {
        assert_eq!(public_name("上海市数据管理局(示例)"), Ok(()));
        assert_eq!(public_name(&"局".repeat(60)), Ok(()));
        let unseen = ["a\u{200b}b", "上海\u{202e}市", "局\u{feff}", "\u{ad}局", "a\u{e0041}"];
        for bad in ["", " x", "x ", "a\nb", "a\u{7}b", &"局".repeat(61)].into_iter().chain(unseen)
        {
            assert_eq!(public_name(bad), Err(Code::BadField), "{bad:?}");
        }
        assert_eq!(public_name("局 999999194901010000"), Err(Code::PersonalDataPattern));
        for disguised in
            ["局 138 1234 5678", "局１３８１２３４５６７８", "局一三八一二三四五六七八"]
        {
            assert_eq!(public_name(disguised), Err(Code::PersonalDataPattern), "{disguised}");
        }
        assert_eq!(public_name("tel 13812345678"), Err(Code::PersonalDataPattern));
    }
}
