//! How a text reads: what its characters are to whoever looks for a number in it.
//!
//! A number can be written in the digits of another script, in circles or in Chinese numerals, with
//! gaps between its groups, or with characters in between that nobody sees. Here all of that comes
//! out as plain digits and groups. This module does not know which numbers are somebody's.

/// First code points of ten digits in a row, 0 to 9: the decimal digits of Unicode.
#[rustfmt::skip]
const DECIMAL: [u32; 66] = [
    0x0660, 0x06f0, 0x07c0, 0x0966, 0x09e6, 0x0a66, 0x0ae6, 0x0b66, 0x0be6, 0x0c66, 0x0ce6,
    0x0d66, 0x0de6, 0x0e50, 0x0ed0, 0x0f20, 0x1040, 0x1090, 0x17e0, 0x1810, 0x1946, 0x19d0,
    0x1a80, 0x1a90, 0x1b50, 0x1bb0, 0x1c40, 0x1c50, 0x2080, 0xa620, 0xa8d0, 0xa900, 0xa9d0,
    0xa9f0, 0xaa50, 0xabf0, 0xff10, 0x104a0, 0x10d30, 0x11066, 0x110f0, 0x11136, 0x111d0,
    0x112f0, 0x11450, 0x114d0, 0x11650, 0x116c0, 0x11730, 0x118e0, 0x11950, 0x11c50, 0x11d50,
    0x11da0, 0x11f50, 0x16a60, 0x16ac0, 0x16b50, 0x1d7ce, 0x1d7d8, 0x1d7e2, 0x1d7ec, 0x1d7f6,
    0x1e140, 0x1e950, 0x1fbf0,
];
/// First code points of nine digits in a row, 1 to 9: in circles, in brackets, with a full stop.
const FROM_ONE: [u32; 10] =
    [0x2460, 0x2474, 0x2488, 0x24f5, 0x2776, 0x2780, 0x278a, 0x3220, 0x3280, 0x1f102];
/// Digits that stand alone.
const SINGLE: [(&str, u8); 10] = [
    ("⁰〇零○⓪⓿🄀🄁", b'0'),
    ("¹一壹幺", b'1'),
    ("²二贰貳", b'2'),
    ("³三叁參", b'3'),
    ("⁴四肆", b'4'),
    ("⁵五伍", b'5'),
    ("⁶六陆陸", b'6'),
    ("⁷七柒", b'7'),
    ("⁸八捌", b'8'),
    ("⁹九玖", b'9'),
];
/// What looks like an X, the last character of some citizen ids.
const LIKE_X: &str = "ＸｘХхΧχⅩⅹ×✕";

/// Characters that are not seen: formats, fillers, selectors.
const UNSEEN: [(u32, u32); 28] = [
    (0x00ad, 0x00ad),
    (0x034f, 0x034f),
    (0x0600, 0x0605),
    (0x061c, 0x061c),
    (0x06dd, 0x06dd),
    (0x070f, 0x070f),
    (0x0890, 0x0891),
    (0x08e2, 0x08e2),
    (0x115f, 0x1160),
    (0x17b4, 0x17b5),
    (0x180b, 0x180f),
    (0x200b, 0x200f),
    (0x2028, 0x202e),
    (0x2060, 0x206f),
    (0x2800, 0x2800),
    (0x3164, 0x3164),
    (0xfe00, 0xfe0f),
    (0xfeff, 0xfeff),
    (0xffa0, 0xffa0),
    (0xfff0, 0xfffb),
    (0x1_10bd, 0x1_10bd),
    (0x1_10cd, 0x1_10cd),
    (0x1_3430, 0x1_343f),
    (0x1_bca0, 0x1_bca3),
    (0x1_d173, 0x1_d17a),
    (0xe_0000, 0xe_0fff),
    (0xe000, 0xf8ff),
    (0xf_0000, 0x10_ffff),
];
/// Marks that stand on the character before them.
const COMBINING: [(u32, u32); 5] =
    [(0x0300, 0x036f), (0x1ab0, 0x1aff), (0x1dc0, 0x1dff), (0x20d0, 0x20ff), (0xfe20, 0xfe2f)];

/// Whether a character is nothing to see, or means what only two parties know: a control, a
/// format, a filler, a selector, private use. A public text has none.
pub fn is_unseen(c: char) -> bool {
    c.is_control() || within(&UNSEEN, c)
}

fn within(ranges: &[(u32, u32)], c: char) -> bool {
    ranges.iter().any(|(first, last)| (*first..=*last).contains(&u32::from(c)))
}

/// Full-width forms to ASCII; everything else that is not ASCII only separates.
pub(super) fn plain(c: char) -> u8 {
    let code = match u32::from(c) {
        wide @ 0xff01..=0xff5e => wide.saturating_sub(0xfee0),
        code => code,
    };
    u8::try_from(code).ok().filter(u8::is_ascii).unwrap_or(b' ')
}

/// Fewest digits of a number that is looked for.
const SHORTEST: usize = 11;

/// Whether a text could hold a number: a look that is quick, and never wrong when it says no. Only
/// what has so many digits without a letter or a stop between them is read closely; of characters
/// beyond Latin-1, each could be a digit.
pub(super) fn may_hold_number(text: impl Iterator<Item = char>) -> bool {
    let mut digits = 0usize;
    for c in text {
        match c {
            'A'..='Z' | 'a'..='z' | '/' | ':' => digits = 0,
            '0'..='9' | '²' | '³' | '¹' | '\u{100}'.. => digits = digits.saturating_add(1),
            _ => {}
        }
        if digits >= SHORTEST {
            return true;
        }
    }
    false
}

/// What a character is to a reader.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Sign {
    /// A digit, as ASCII.
    Digit(u8),
    /// A letter, as an ASCII capital, or a blank for one of another script.
    Letter(u8),
    /// Between groups of a number.
    Gap,
    /// Ends a number: codes are joined by it.
    Stop,
    /// Not there.
    Nothing,
}

fn sign(c: char) -> Sign {
    if c.is_ascii_digit() {
        return Sign::Digit(c as u8);
    }
    if c.is_ascii_alphabetic() {
        return Sign::Letter(c.to_ascii_uppercase() as u8);
    }
    if let Some(digit) = digit(c) {
        return Sign::Digit(digit);
    }
    match c {
        _ if LIKE_X.contains(c) => Sign::Letter(b'X'),
        '/' | ':' | '／' | '：' => Sign::Stop,
        _ if is_unseen(c) || within(&COMBINING, c) => Sign::Nothing,
        _ if c.is_alphanumeric() => Sign::Letter(plain(c).to_ascii_uppercase()),
        _ => Sign::Gap,
    }
}

/// A digit that is not ASCII.
fn digit(c: char) -> Option<u8> {
    let code = u32::from(c);
    let after = |starts: &[u32], count: u32| {
        let offsets = starts.iter().filter_map(|start| code.checked_sub(*start));
        offsets.into_iter().find(|offset| *offset < count)
    };
    let value = after(&DECIMAL, 10).or_else(|| after(&FROM_ONE, 9).map(|v| v.saturating_add(1)));
    match value {
        Some(value) => u8::try_from(value).ok().map(|value| b'0'.saturating_add(value)),
        None => SINGLE.iter().find(|(all, _)| all.contains(c)).map(|(_, digit)| *digit),
    }
}

/// Groups of digits with nothing but gaps between them.
pub(super) type Run = Vec<Vec<u8>>;

/// A text without its gaps and without what is not seen, and its runs of groups.
#[derive(Debug, Default)]
pub(super) struct Grouped {
    pub(super) compact: Vec<u8>,
    pub(super) runs: Vec<Run>,
}

/// Reads a text.
pub(super) fn grouped(text: &str) -> Grouped {
    let mut read = Grouped::default();
    // The groups of the run that is being read, and whether each is joined to the last by a dot.
    let (mut run, mut dots): (Run, Vec<bool>) = (Vec::new(), Vec::new());
    let (mut fresh, mut dot) = (true, false);
    for c in text.chars() {
        match sign(c) {
            Sign::Nothing => {}
            Sign::Digit(digit) => {
                read.compact.push(digit);
                match run.last_mut() {
                    Some(group) if !fresh => group.push(digit),
                    _ => {
                        run.push(vec![digit]);
                        dots.push(dot);
                    }
                }
                (fresh, dot) = (false, false);
            }
            Sign::Gap => (fresh, dot) = (true, c == '.' && !fresh),
            end @ (Sign::Letter(_) | Sign::Stop) => {
                read.compact.push(if let Sign::Letter(letter) = end { letter } else { b' ' });
                read.close(core::mem::take(&mut run), &core::mem::take(&mut dots));
                (fresh, dot) = (true, false);
            }
        }
    }
    read.close(run, &dots);
    read
}

impl Grouped {
    /// Keeps a run, without the network addresses in it: four octets with dots are no number.
    fn close(&mut self, run: Run, dots: &[bool]) {
        let mut rest: Run = Vec::new();
        let mut place = 0usize;
        while place < run.len() {
            let end = place.saturating_add(4);
            let octets = run.get(place..end).is_some_and(|four| four.iter().all(|o| is_octet(o)));
            let joined =
                dots.get(place.saturating_add(1)..end).is_some_and(|d| d.iter().all(|d| *d));
            let apart = dots.get(place) != Some(&true) && dots.get(end) != Some(&true);
            if octets && joined && apart {
                self.keep(core::mem::take(&mut rest));
                place = end;
            } else {
                rest.extend(run.get(place).cloned());
                place = place.saturating_add(1);
            }
        }
        self.keep(rest);
    }

    fn keep(&mut self, run: Run) {
        if !run.is_empty() {
            self.runs.push(run);
        }
    }
}

/// 0 to 255, without leading zeros.
fn is_octet(group: &[u8]) -> bool {
    let bare = group.len() == 1 || group.first() != Some(&b'0');
    bare && group.len() <= 3 && super::digits(group).is_some_and(|value| value <= 255)
}

/// Whether groups of these sizes are how a number is written: alone, in groups of one size, the
/// first or the last shorter, or in two halves. A standard's number with its part and year is not.
pub(super) fn is_usual(sizes: &[usize]) -> bool {
    match sizes {
        [] | [_] => true,
        [first, last] => *first >= 3 && *last >= 3,
        [first, middle @ .., last] => {
            let size = middle.first().copied().unwrap_or_default();
            middle.iter().all(|group| *group == size) && *first <= size && *last <= size
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_of_all_kinds() {
        for text in [
            "0123456789",
            "０１２３４５６７８９",
            "٠١٢٣٤٥٦٧٨٩",
            "𝟎𝟏𝟐𝟑𝟒𝟓𝟔𝟕𝟖𝟗",
            "⁰¹²³⁴⁵⁶⁷⁸⁹",
            "₀₁₂₃₄₅₆₇₈₉",
            "⓪①②③④⑤⑥⑦⑧⑨",
            "〇一二三四五六七八九",
            "零壹贰叁肆伍陆柒捌玖",
            "⓿❶❷❸❹❺❻❼❽❾",
            "🄁🄂🄃🄄🄅🄆🄇🄈🄉🄊",
        ] {
            assert_eq!(grouped(text).compact, b"0123456789", "{text}");
        }
        assert!(
            DECIMAL.is_sorted()
                && DECIMAL
                    .iter()
                    .all(|zero| { char::from_u32(*zero).is_some_and(char::is_numeric) })
        );
    }

    #[test]
    fn groups_and_runs() {
        let runs = |text: &str| -> Vec<String> {
            let join = |run: &Run| {
                let groups = run.iter().map(|group| String::from_utf8(group.clone()).unwrap());
                groups.collect::<Vec<_>>().join(" ")
            };
            grouped(text).runs.iter().map(join).collect()
        };
        assert_eq!(runs("138-0013·8000"), ["138 0013 8000"]);
        assert_eq!(runs("138\u{200b}0013 . 8000a1"), ["1380013 8000", "1"]);
        assert_eq!(runs("12/34:56"), ["12", "34", "56"]);
        assert_eq!(runs("10.0.0.5:9431"), ["9431"], "an address is no number");
        assert_eq!(runs("7 139.196.112.55 8"), ["7", "8"]);
        assert_eq!(runs("138.001.380.00"), ["138 001 380 00"], "no octets");
        assert_eq!(runs("1.2.3.4.5"), ["1 2 3 4 5"], "five are no address");
    }

    #[test]
    fn usual_groups() {
        for sizes in
            [&[11][..], &[3, 4, 4], &[4, 4, 3], &[3, 8], &[1; 11], &[6, 6, 3], &[4, 4, 4, 4, 3]]
        {
            assert!(is_usual(sizes), "{sizes:?}");
        }
        for sizes in [&[5, 2, 4][..], &[9, 2], &[4, 2, 2], &[1, 4, 6]] {
            assert!(!is_usual(sizes), "{sizes:?}");
        }
    }

    #[test]
    fn what_is_not_seen() {
        for c in [
            '\u{200b}',
            '\u{200d}',
            '\u{202e}',
            '\u{feff}',
            '\u{ad}',
            '\u{0}',
            '\u{e0041}',
            '\u{3164}',
            '\u{e000}',
        ] {
            assert!(is_unseen(c), "{:x}", u32::from(c));
        }
        assert!("上海市 Shanghai-1(示例)·〇".chars().all(|c| !is_unseen(c)));
    }
}
