//! Changes that know what they change: items of CBOR with their lengths, lines of text, and plain
//! bytes where neither helps.

/// Longest input that is made, in bytes: above the small bounds, so that those are met too.
pub const MAX_INPUT_BYTES: usize = 72 * 1024;
/// Deepest nesting that is followed.
const MAX_DEPTH: usize = 24;

/// Numbers from a seed (SplitMix64).
#[derive(Clone, Debug)]
pub struct Rng(u64);

impl Rng {
    /// From a seed.
    pub const fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// The next number.
    pub fn number(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number below `bound`; 0 when there is none.
    pub fn below(&mut self, bound: usize) -> usize {
        if bound == 0 { 0 } else { (self.number() % bound as u64) as usize }
    }

    /// One of some things.
    pub fn pick<'a, T>(&mut self, of: &'a [T]) -> Option<&'a T> {
        of.get(self.below(of.len()))
    }
}

/// An item of CBOR: where it and its head lie, and what is directly inside.
#[derive(Clone, Debug)]
struct Item {
    start: usize,
    head: usize,
    end: usize,
    major: u8,
    argument: u64,
    parent: Option<usize>,
}

/// The items of one encoding, outer ones first; none when the bytes are not one.
fn items(bytes: &[u8]) -> Vec<Item> {
    let mut found = Vec::new();
    match read(bytes, 0, None, 0, &mut found) {
        Some(end) if end == bytes.len() => found,
        _ => Vec::new(),
    }
}

fn read(
    bytes: &[u8],
    start: usize,
    parent: Option<usize>,
    depth: usize,
    found: &mut Vec<Item>,
) -> Option<usize> {
    let first = *bytes.get(start)?;
    let (major, short) = (first >> 5, first & 31);
    let length = match short {
        0..=23 => 0,
        24..=27 => 1usize << (short - 24),
        _ => return None,
    };
    let head = start + 1 + length;
    let argument = match length {
        0 => u64::from(short),
        _ => bytes.get(start + 1..head)?.iter().fold(0u64, |sum, byte| sum << 8 | u64::from(*byte)),
    };
    let place = found.len();
    found.push(Item { start, head, end: head, major, argument, parent });
    let inside = match major {
        4 => argument,
        5 => argument.checked_mul(2)?,
        6 => 1,
        _ => 0,
    };
    let mut end = head;
    if matches!(major, 2 | 3) {
        end =
            head.checked_add(usize::try_from(argument).ok()?).filter(|end| *end <= bytes.len())?;
    }
    if inside > bytes.len() as u64 || depth > MAX_DEPTH {
        return None;
    }
    for _ in 0..inside {
        end = read(bytes, end, Some(place), depth + 1, found)?;
    }
    found[place].end = end;
    Some(end)
}

/// A head of CBOR in its shortest form.
fn head(major: u8, argument: u64) -> Vec<u8> {
    let top = major << 5;
    match argument {
        0..=23 => vec![top | argument as u8],
        24..=0xff => vec![top | 24, argument as u8],
        0x100..=0xffff => [&[top | 25][..], &(argument as u16).to_be_bytes()].concat(),
        0x1_0000..=0xffff_ffff => [&[top | 26][..], &(argument as u32).to_be_bytes()].concat(),
        _ => [&[top | 27][..], &argument.to_be_bytes()].concat(),
    }
}

/// A number that code may not expect.
fn odd_number(rng: &mut Rng) -> u64 {
    let near: [u64; 14] =
        [0, 1, 23, 24, 32, 63, 64, 255, 256, 1 << 16, 1 << 31, 1 << 32, 1 << 48, 1 << 63];
    let base: u64 = rng.pick(&near).copied().unwrap_or(0);
    match rng.below(4) {
        0 => base.wrapping_sub(1),
        1 => base.wrapping_add(1),
        2 => rng.number() >> rng.below(64),
        _ => base,
    }
}

/// Replaces `bytes[from..to]`.
fn splice(bytes: &mut Vec<u8>, from: usize, to: usize, with: &[u8]) {
    if from <= to && to <= bytes.len() {
        bytes.splice(from..to, with.iter().copied());
    }
}

/// Changes an input a few times; `others` lends parts.
pub fn mutate(input: &[u8], others: &[Vec<u8>], rng: &mut Rng) -> Vec<u8> {
    let mut bytes = input.to_vec();
    for _ in 0..1 + rng.below(4) {
        let structured = items(&bytes);
        match rng.below(8) {
            0..=4 if !structured.is_empty() => change_item(&mut bytes, &structured, others, rng, 0),
            0..=4 => change_line(&mut bytes, others, rng),
            _ => change_bytes(&mut bytes, others, rng),
        }
        bytes.truncate(MAX_INPUT_BYTES);
    }
    bytes
}

fn change_item(bytes: &mut Vec<u8>, all: &[Item], others: &[Vec<u8>], rng: &mut Rng, depth: usize) {
    let Some(item) = rng.pick(all).cloned() else { return };
    match rng.below(10) {
        // Another number, in whatever the head counts.
        0 => splice(bytes, item.start, item.head, &head(item.major, odd_number(rng))),
        // The same number in a longer form.
        1 => {
            let wide = [&[item.major << 5 | 27][..], &item.argument.to_be_bytes()].concat();
            splice(bytes, item.start, item.head, &wide);
        }
        // Another kind of item.
        2 => splice(bytes, item.start, item.head, &head(rng.below(8) as u8, item.argument)),
        // An item of elsewhere, or null, or an empty one.
        3 => {
            let other = rng.pick(others).cloned().unwrap_or_default();
            let theirs = items(&other);
            let part = rng.pick(&theirs).map(|item| other[item.start..item.end].to_vec());
            let plain: &[&[u8]] = &[&[0xf6], &[0x80], &[0x40], &[0xa0], &[0xf5], &[0xff]];
            let plain = rng.pick(plain).map(|part| part.to_vec());
            let part = if rng.below(4) == 0 { plain } else { part.or(plain) };
            splice(bytes, item.start, item.end, &part.unwrap_or_default());
        }
        // An item of the same input in another's place.
        4 => {
            let part = rng.pick(all).map(|other| bytes[other.start..other.end].to_vec());
            splice(bytes, item.start, item.end, &part.unwrap_or_default());
        }
        // Twice, or not at all, with the count of its list kept true.
        5 | 6 => {
            let Some(parent) = item.parent.and_then(|parent| all.get(parent)) else { return };
            let twice = rng.below(3) > 0;
            let copies = if twice { 1 + rng.below(3) as u64 } else { 0 };
            let part = bytes[item.start..item.end].repeat(1 + copies as usize);
            let (with, count) = match twice {
                true => (part, parent.argument.saturating_add(copies)),
                false => (Vec::new(), parent.argument.saturating_sub(1)),
            };
            splice(bytes, item.start, item.end, &with);
            let count = head(parent.major, count);
            splice(bytes, parent.start, parent.head, &count);
        }
        // What a byte string holds, with its length kept true.
        7 | 8 if matches!(item.major, 2 | 3) => {
            let mut inner = bytes[item.head..item.end].to_vec();
            let inside = items(&inner);
            match inside.is_empty() || depth > 3 || rng.below(4) == 0 {
                true => change_bytes(&mut inner, others, rng),
                false => change_item(&mut inner, &inside, others, rng, depth + 1),
            }
            let with = [head(item.major, inner.len() as u64), inner].concat();
            splice(bytes, item.start, item.end, &with);
        }
        // An unknown tag around it.
        _ => splice(bytes, item.start, item.start, &head(6, odd_number(rng))),
    }
}

fn change_line(bytes: &mut Vec<u8>, others: &[Vec<u8>], rng: &mut Rng) {
    let mut lines: Vec<Vec<u8>> = bytes.split(|b| *b == b'\n').map(<[u8]>::to_vec).collect();
    let place = rng.below(lines.len());
    let digits =
        || -> &[&[u8]] { &[b"0", b"00", b"-1", b"18446744073709551616", b"281474976710657"] };
    match rng.below(6) {
        0 => drop(lines.remove(place)),
        1 => lines.insert(place, lines[place].clone()),
        2 => {
            let other = rng.below(lines.len());
            lines.swap(place, other);
        }
        3 => {
            let other = rng.pick(others).cloned().unwrap_or_default();
            let theirs: Vec<&[u8]> = other.split(|b| *b == b'\n').collect();
            lines[place] = rng.pick(&theirs).map(|line| line.to_vec()).unwrap_or_default();
        }
        4 => {
            // A number in the line becomes another.
            let line = &mut lines[place];
            let from = line.iter().position(u8::is_ascii_digit).unwrap_or(0);
            let length = line[from..].iter().take_while(|b| b.is_ascii_digit()).count();
            let with = rng.pick(digits()).map(|digits| digits.to_vec()).unwrap_or_default();
            splice(line, from, from + length, &with);
        }
        _ => {
            let times = 1 + rng.below(200);
            let line = lines[place].clone();
            lines.splice(place..place, std::iter::repeat_n(line, times));
        }
    }
    *bytes = lines.join(&b'\n');
}

fn change_bytes(bytes: &mut Vec<u8>, others: &[Vec<u8>], rng: &mut Rng) {
    let place = rng.below(bytes.len().max(1));
    match rng.below(8) {
        0 if !bytes.is_empty() => bytes[place] ^= 1 << rng.below(8),
        1 if !bytes.is_empty() => bytes[place] = rng.number() as u8,
        2 => bytes.insert(place.min(bytes.len()), rng.number() as u8),
        3 if !bytes.is_empty() => drop(bytes.remove(place)),
        4 => bytes.truncate(place),
        5 => {
            let end = (place + 1 + rng.below(32)).min(bytes.len());
            let part = bytes.get(place..end).unwrap_or_default().to_vec();
            let at = rng.below(bytes.len().max(1)).min(bytes.len());
            splice(bytes, at, at, &part);
        }
        6 => {
            let other = rng.pick(others).cloned().unwrap_or_default();
            let from = rng.below(other.len().max(1)).min(other.len());
            let to = (from + rng.below(64)).min(other.len());
            let end = (place + to - from).min(bytes.len());
            splice(bytes, place.min(end), end, &other[from..to]);
        }
        _ => bytes.extend((0..1 + rng.below(8)).map(|_| rng.number() as u8).collect::<Vec<_>>()),
    }
}
