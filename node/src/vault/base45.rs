//! Base45 (RFC 9285): bytes in the 45 characters that a QR code packs best, 11 bits for two.
//!
//! Two bytes become three characters, least significant first, a last single byte two. Decoding
//! accepts exactly what encoding writes.

const ALPHABET: &[u8; 45] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ $%*+-./:";

/// The text of bytes.
pub(super) fn encode(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len().div_ceil(2) * 3);
    let mut push = |mut value: u32, characters: usize| {
        for _ in 0..characters {
            text.push(char::from(ALPHABET[(value % 45) as usize]));
            value /= 45;
        }
    };
    let (pairs, rest) = bytes.as_chunks::<2>();
    pairs.iter().for_each(|pair| push(u32::from(u16::from_be_bytes(*pair)), 3));
    rest.iter().for_each(|byte| push(u32::from(*byte), 2));
    text
}

/// The bytes of a text; none if it is not Base45.
pub(super) fn decode(text: &str) -> Option<Vec<u8>> {
    let mut bytes = Vec::with_capacity(text.len() / 3 * 2 + 1);
    for group in text.as_bytes().chunks(3) {
        let mut value = 0u32;
        for character in group.iter().rev() {
            let digit = ALPHABET.iter().position(|known| known == character)?;
            value = value * 45 + digit as u32;
        }
        match group.len() {
            3 => bytes.extend_from_slice(&u16::try_from(value).ok()?.to_be_bytes()),
            2 => bytes.push(u8::try_from(value).ok()?),
            _ => return None,
        }
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The examples of RFC 9285 §4.3 and §4.4.
    #[test]
    fn rfc_9285() {
        for (bytes, text) in [
            ("AB", "BB8"),
            ("Hello!!", "%69 VD92EX0"),
            ("base-45", "UJCLQE7W581"),
            ("ietf!", "QED8WEX0"),
        ] {
            assert_eq!(encode(bytes.as_bytes()), text);
            assert_eq!(decode(text).unwrap(), bytes.as_bytes());
        }
    }

    #[test]
    fn what_encoding_never_writes_is_refused() {
        for text in ["A", "AAAA", "::", "GGW", ":::", "ab", "A\u{e9}", "=="] {
            assert_eq!(decode(text), None, "{text}");
        }
        assert_eq!(decode("FGW").unwrap(), [0xff, 0xff]);
        assert_eq!(decode("U5").unwrap(), [0xff]);
        assert_eq!(decode("V5"), None);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(128))]

        #[test]
        fn round_trips(bytes: Vec<u8>, text in "[0-9A-Z $%*+./:-]{0,12}") {
            prop_assert_eq!(decode(&encode(&bytes)).unwrap(), bytes);
            if let Some(bytes) = decode(&text) {
                prop_assert_eq!(encode(&bytes), text);
            }
        }
    }
}
