//! Checkpoints (c2sp.org/tlog-checkpoint): origin, size and root of a log as the text of a note.
//!
//! ```text
//! hefu/<chain id>
//! <leaves, decimal>
//! <root, Base64>
//! ```
//!
//! Ours have no extension lines. Those of other logs may; they are kept, because they are signed.

use super::note::{Forged, Note, NoteError, VerifierKey, base64, unbase64};
use crate::hash::H32;
use crate::log::{LogHead, MAX_LEAVES};

/// The text of a checkpoint.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checkpoint {
    /// Which log.
    pub origin: String,
    /// What it was.
    pub head: LogHead,
    /// Further lines, without their newlines.
    pub extensions: Vec<String>,
}

/// Why bytes are no checkpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CheckpointError {
    /// Not a note.
    #[error(transparent)]
    Note(#[from] NoteError),
    /// A line is not what it must be.
    #[error("line {0} of the checkpoint is not what it must be")]
    Line(usize),
    /// A line names a known key whose signature it is not.
    #[error(transparent)]
    Forged(#[from] Forged),
}

impl Checkpoint {
    /// A checkpoint of a log.
    pub fn new(origin: String, head: LogHead) -> Self {
        Self { origin, head, extensions: Vec::new() }
    }

    /// Reads the text of a note.
    ///
    /// # Errors
    /// [`CheckpointError::Line`] names the first line that is wrong, from 0.
    pub fn parse(text: &str) -> Result<Self, CheckpointError> {
        let body = text.strip_suffix('\n').ok_or(CheckpointError::Line(0))?;
        let mut lines = body.split('\n');
        let origin = lines.next().filter(|line| !line.is_empty());
        let origin = origin.ok_or(CheckpointError::Line(0))?.to_owned();
        let size = lines.next().and_then(decimal).filter(|size| *size <= MAX_LEAVES);
        let size = size.ok_or(CheckpointError::Line(1))?;
        let root = lines.next().and_then(hash_line).ok_or(CheckpointError::Line(2))?;
        let extensions: Vec<String> = lines.map(str::to_owned).collect();
        if let Some(place) = extensions.iter().position(String::is_empty) {
            return Err(CheckpointError::Line(place.saturating_add(3)));
        }
        Ok(Self { origin, head: LogHead { size, root }, extensions })
    }

    /// Reads a note whose text is a checkpoint. No signature is checked.
    ///
    /// # Errors
    /// [`CheckpointError`].
    pub fn of_note(bytes: &[u8]) -> Result<(Self, Note), CheckpointError> {
        let note = Note::parse(bytes)?;
        Ok((Self::parse(note.text())?, note))
    }

    /// How many of `keys` signed a note of a checkpoint.
    ///
    /// # Errors
    /// [`CheckpointError`]; a line that claims to be of a known key and is not spoils the note.
    pub fn verified(
        bytes: &[u8],
        keys: &[VerifierKey],
    ) -> Result<(Self, Vec<VerifierKey>), CheckpointError> {
        let (checkpoint, note) = Self::of_note(bytes)?;
        let mut signed = Vec::new();
        for key in keys {
            if note.signed_by(key)?.is_some() {
                signed.push(key.clone());
            }
        }
        Ok((checkpoint, signed))
    }

    /// The text: what is signed.
    pub fn text(&self) -> String {
        let LogHead { size, root } = self.head;
        let mut text = format!("{}\n{size}\n{}\n", self.origin, base64(root.as_bytes()));
        for line in &self.extensions {
            text.push_str(line);
            text.push('\n');
        }
        text
    }
}

/// A number without leading zeros or sign.
pub(super) fn decimal(text: &str) -> Option<u64> {
    let number: u64 = text.parse().ok()?;
    (number.to_string() == text).then_some(number)
}

/// A hash in Base64.
pub(super) fn hash_line(line: &str) -> Option<H32> {
    Some(H32(unbase64(line)?.try_into().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crypto::KeyPair;
    use crate::transparency::note::SignatureKind;

    /// The example of tlog-cosignature; the signatures are of keys that nobody published.
    const EXAMPLE: &str = "example.com/behind-the-sofa\n20852163\n\
        CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n\n\
        \u{2014} example.com/behind-the-sofa Az3grlgtzPICa5OS8npVmf1Myq/5IZniMp+ZJurmRDeOoRDe4URYN7u5/Zhcyv2q1gGzGku9nTo+zyWE+xeMcTOAYQ8=\n\
        \u{2014} witness.example.com/w1 jWbPPwAAAABkGFDLEZMHwSRaJNiIDoe9DYn/zXcrtPHeolMI5OWXEhZCB9dlrDJsX3b2oyin1nPZqhf5nNo0xUe+mbIUBkBIfZ+qnA==\n";

    #[test]
    fn the_example_of_the_specification() {
        let (checkpoint, note) = Checkpoint::of_note(EXAMPLE.as_bytes()).unwrap();
        assert_eq!(checkpoint.origin, "example.com/behind-the-sofa");
        assert_eq!(checkpoint.head.size, 20_852_163);
        assert_eq!(checkpoint.text(), note.text());
        assert_eq!(note.signatures().len(), 2);
        assert_eq!(note.signatures()[1].bytes.len(), 72, "a time and a signature");
        assert_eq!(note.to_string(), EXAMPLE);
    }

    #[test]
    fn lines_are_strict() {
        let root = "CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=";
        let line = |text: &str| match Checkpoint::parse(text) {
            Err(CheckpointError::Line(line)) => Some(line),
            _ => None,
        };
        assert_eq!(line(&format!("o\n0\n{root}\n")), None);
        assert_eq!(line(&format!("o\n7\n{root}\nmore\n")), None);
        assert_eq!(line(&format!("\n7\n{root}\n")), Some(0));
        assert_eq!(line(&format!("o\n7\n{root}")), Some(0));
        for size in ["", "07", "+7", "-7", "7 ", "0x7", "18446744073709551616", "281474976710657"] {
            assert_eq!(line(&format!("o\n{size}\n{root}\n")), Some(1), "{size}");
        }
        assert_eq!(line("o\n281474976710656\nAAAA\n"), Some(2), "the largest size there is");
        for bad in ["", "AAAA", &root[1..], &format!("{root}A")] {
            assert_eq!(line(&format!("o\n7\n{bad}\n")), Some(2), "{bad}");
        }
        assert_eq!(line(&format!("o\n7\n{root}\n\n")), Some(3));
        assert_eq!(line("o\n7\n"), Some(2));
    }

    #[test]
    fn says_who_signed() {
        let pairs: Vec<KeyPair> = (1..=3).map(|i| KeyPair::from_secret(&[i; 32])).collect();
        let keys: Vec<VerifierKey> = pairs
            .iter()
            .enumerate()
            .map(|(i, pair)| {
                let name = format!("o/{i}");
                VerifierKey::new(name, SignatureKind::Cosignature, &pair.public()).unwrap()
            })
            .collect();
        let head = LogHead { size: 3, root: H32([5; 32]) };
        let text = Checkpoint::new("o".into(), head).text();
        let lines = [0, 2].map(|i| keys[i].sign(&pairs[i], 60, &text)).to_vec();
        let note = Note::new(text, lines).unwrap().to_string();
        let (checkpoint, signed) = Checkpoint::verified(note.as_bytes(), &keys).unwrap();
        assert_eq!((checkpoint.head, signed), (head, vec![keys[0].clone(), keys[2].clone()]));
    }

    /// As served: a line of the log and three cosignatures. No single bit can be another without that
    /// a quorum of all three is missed or a line of a known key is forged.
    #[test]
    fn every_changed_bit_is_refused() {
        let pairs: Vec<KeyPair> = (1..=3).map(|i| KeyPair::from_secret(&[i; 32])).collect();
        let name = |i: usize| if i == 0 { "hefu/x".to_owned() } else { format!("hefu/x/3{i}0000") };
        let kind = |i: usize| match i {
            0 => SignatureKind::Ed25519,
            _ => SignatureKind::Cosignature,
        };
        let key = |i: usize| VerifierKey::new(name(i), kind(i), &pairs[i % 3].public()).unwrap();
        let keys: Vec<VerifierKey> = (0..4).map(key).collect();
        let head = LogHead { size: 1_234, root: H32([5; 32]) };
        let text = Checkpoint::new("hefu/x".into(), head).text();
        let lines = (0..4).map(|i| keys[i].sign(&pairs[i % 3], 60, &text)).collect();
        let bytes = Note::new(text, lines).unwrap().to_string().into_bytes();
        let whole = |bytes: &[u8]| {
            Checkpoint::verified(bytes, &keys).is_ok_and(|(_, signed)| signed.len() == 4)
        };
        assert!(whole(&bytes));
        for position in 0..bytes.len() {
            for bit in 0..8 {
                let mut changed = bytes.clone();
                changed[position] ^= 1 << bit;
                assert!(!whole(&changed), "byte {position} bit {bit}");
                // And whoever is content with fewer lines reads the same head.
                let fewer = Checkpoint::verified(&changed, &keys);
                let misled = |(read, signed): (Checkpoint, Vec<VerifierKey>)| {
                    !signed.is_empty() && read.head != head
                };
                assert!(!fewer.is_ok_and(misled), "byte {position} bit {bit}");
            }
        }
    }
}
