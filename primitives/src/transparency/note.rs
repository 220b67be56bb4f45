//! Signed notes (c2sp.org/signed-note): a text, a blank line, and a line for each signature.
//!
//! ```text
//! <text, ends in a newline>
//! <blank line>
//! — <key name> base64(key id (4) ‖ signature)
//! ```
//!
//! Two kinds of signature are known here: plain Ed25519 over the text (`0x01`), and the timestamped
//! cosignature of a checkpoint (`0x04`). Lines of other kinds and other keys are kept as they are:
//! whoever verifies looks for keys that are trusted.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest, Sha256};

use crate::crypto::{KeyPair, PublicKey, Signature};

/// Largest note, in bytes. A checkpoint with 64 cosignatures of some 240 bytes has 16 KiB.
pub const MAX_NOTE_BYTES: usize = 64 * 1024;
/// Most signature lines of a note.
pub const MAX_NOTE_SIGNATURES: usize = 128;
/// Longest key name, in bytes.
pub const MAX_NAME_BYTES: usize = 255;
/// Longest text of a verifier key, in bytes.
const MAX_VERIFIER_KEY_BYTES: usize = 512;
/// How a signature line begins: an em dash and a space.
const DASH: &str = "\u{2014} ";

/// Why bytes are no note, or no verifier key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoteError {
    /// Over a bound.
    #[error("the note is longer than {MAX_NOTE_BYTES} bytes or has too many signatures")]
    TooLarge,
    /// Not UTF-8, or a control character other than the newline.
    #[error("not text without control characters")]
    Text,
    /// No blank line between text and signatures, or no newline at the end.
    #[error("not a text, a blank line, and signatures")]
    Shape,
    /// A line that is no signature.
    #[error("signature line {0} is none")]
    Signature(usize),
    /// Not a verifier key.
    #[error("not a verifier key: NAME+ID+KEY")]
    VerifierKey,
    /// A verifier key of a kind that is not known here.
    #[error("signature kind {0} is not known")]
    Kind(u8),
}

/// A signature line, verified or not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NoteSignature {
    /// Name of the key.
    pub name: String,
    /// First bytes of a digest of name, kind and key.
    pub id: [u8; 4],
    /// What follows the id.
    pub bytes: Vec<u8>,
}

/// A note: every line well-formed, no signature checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Note {
    text: String,
    signatures: Vec<NoteSignature>,
}

/// What a key signs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub enum SignatureKind {
    /// The text.
    Ed25519 = 1,
    /// The text of a checkpoint with a time before it (`cosignature/v1`).
    Cosignature = 4,
}

/// A public key and the name it signs notes under.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct VerifierKey {
    name: String,
    kind: SignatureKind,
    key: [u8; 32],
}

impl Note {
    /// A note of a text and its signatures.
    ///
    /// # Errors
    /// [`NoteError`] when the text is none, there is no signature, or a bound is passed.
    pub fn new(text: String, signatures: Vec<NoteSignature>) -> Result<Self, NoteError> {
        let note = Self { text, signatures };
        // What is written is what is read: no rule stands twice.
        Self::parse(note.to_string().as_bytes())
    }

    /// Reads a note.
    ///
    /// # Errors
    /// [`NoteError`] names the first rule that is broken.
    pub fn parse(bytes: &[u8]) -> Result<Self, NoteError> {
        if bytes.len() > MAX_NOTE_BYTES {
            return Err(NoteError::TooLarge);
        }
        let note = core::str::from_utf8(bytes).map_err(|_| NoteError::Text)?;
        if note.chars().any(|c| c < ' ' && c != '\n') {
            return Err(NoteError::Text);
        }
        let (text, lines) = note.rsplit_once("\n\n").ok_or(NoteError::Shape)?;
        let lines = lines.strip_suffix('\n').ok_or(NoteError::Shape)?;
        let signatures = lines
            .split('\n')
            .take(MAX_NOTE_SIGNATURES.saturating_add(1))
            .enumerate()
            .map(|(place, line)| NoteSignature::parse(line).ok_or(NoteError::Signature(place)))
            .collect::<Result<Vec<_>, _>>()?;
        if signatures.len() > MAX_NOTE_SIGNATURES {
            return Err(NoteError::TooLarge);
        }
        Ok(Self { text: format!("{text}\n"), signatures })
    }

    /// The text, with its last newline.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The signatures, in the order of their lines.
    pub fn signatures(&self) -> &[NoteSignature] {
        &self.signatures
    }

    /// Whether a key signed: the time it says with a cosignature, 0 with a plain signature; none
    /// when no line is this key's.
    ///
    /// # Errors
    /// [`Forged`] when a line that claims to be this key's does not verify: the note is then to be
    /// refused as a whole.
    pub fn signed_by(&self, key: &VerifierKey) -> Result<Option<u64>, Forged> {
        let mut time = None;
        for signature in self.signatures.iter().filter(|signature| key.claims(signature)) {
            time = Some(key.verify(&self.text, signature).ok_or(Forged)?);
        }
        Ok(time)
    }
}

/// A line names a known key whose signature it is not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a signature line names a known key, and its signature does not verify")]
pub struct Forged;

impl core::fmt::Display for Note {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        writeln!(f, "{}", self.text)?;
        self.signatures.iter().try_for_each(|signature| write!(f, "{signature}"))
    }
}

impl NoteSignature {
    /// Reads a line without its newline.
    pub fn parse(line: &str) -> Option<Self> {
        let (name, encoded) = line.strip_prefix(DASH)?.split_once(' ')?;
        let bytes = STANDARD.decode(encoded).ok()?;
        let (id, rest) = bytes.split_first_chunk::<4>()?;
        let whole = is_name(name) && !rest.is_empty();
        whole.then(|| Self { name: name.to_owned(), id: *id, bytes: rest.to_vec() })
    }
}

impl core::fmt::Display for NoteSignature {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        let signature = STANDARD.encode([&self.id[..], &self.bytes].concat());
        writeln!(f, "{DASH}{} {signature}", self.name)
    }
}

impl VerifierKey {
    /// A key of suite 1 under a name.
    ///
    /// # Errors
    /// [`NoteError::VerifierKey`] when the name is none.
    pub fn new(name: String, kind: SignatureKind, key: &PublicKey) -> Result<Self, NoteError> {
        if !is_name(&name) {
            return Err(NoteError::VerifierKey);
        }
        Ok(Self { name, kind, key: *key.as_bytes() })
    }

    /// The name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What it signs.
    pub const fn kind(&self) -> SignatureKind {
        self.kind
    }

    /// The public key.
    pub const fn key(&self) -> PublicKey {
        PublicKey::ed25519(self.key)
    }

    /// `SHA-256(name ‖ newline ‖ kind ‖ public key)`, its first four bytes.
    pub fn id(&self) -> [u8; 4] {
        let digest: [u8; 32] = Sha256::new()
            .chain_update(&self.name)
            .chain_update([b'\n', self.kind as u8])
            .chain_update(self.key)
            .finalize()
            .into();
        let [a, b, c, d, ..] = digest;
        [a, b, c, d]
    }

    /// Whether a line says that it is this key's.
    pub fn claims(&self, signature: &NoteSignature) -> bool {
        signature.name == self.name && signature.id == self.id()
    }

    /// Checks a line of this key over a text: the time of a cosignature, 0 for a plain signature.
    pub fn verify(&self, text: &str, signature: &NoteSignature) -> Option<u64> {
        if !self.claims(signature) {
            return None;
        }
        let (time, signature) = match self.kind {
            SignatureKind::Ed25519 => (0, &signature.bytes[..]),
            SignatureKind::Cosignature => {
                let (time, rest) = signature.bytes.split_first_chunk::<8>()?;
                (u64::from_be_bytes(*time), rest)
            }
        };
        let signature = Signature(signature.try_into().ok()?);
        let message = match self.kind {
            SignatureKind::Ed25519 => text.to_owned(),
            SignatureKind::Cosignature => cosigned(time, text),
        };
        let fits = time <= i64::MAX.unsigned_abs();
        (fits && self.key().verify(message.as_bytes(), &signature)).then_some(time)
    }

    /// Signs a text with the secret of this key; `time` in seconds since 1970 stands in a
    /// cosignature alone.
    pub fn sign(&self, pair: &KeyPair, time: u64, text: &str) -> NoteSignature {
        debug_assert_eq!(pair.public().as_bytes(), &self.key);
        let bytes = match self.kind {
            SignatureKind::Ed25519 => pair.sign(text.as_bytes()).0.to_vec(),
            SignatureKind::Cosignature => {
                let signature = pair.sign(cosigned(time, text).as_bytes());
                [&time.to_be_bytes()[..], &signature.0].concat()
            }
        };
        NoteSignature { name: self.name.clone(), id: self.id(), bytes }
    }

    /// The line of a cosignature whose parts are known.
    pub fn cosignature(&self, time: u64, signature: &Signature) -> NoteSignature {
        let bytes = [&time.to_be_bytes()[..], &signature.0].concat();
        NoteSignature { name: self.name.clone(), id: self.id(), bytes }
    }
}

/// What a `cosignature/v1` signs.
fn cosigned(time: u64, text: &str) -> String {
    format!("cosignature/v1\ntime {time}\n{text}")
}

impl core::fmt::Display for VerifierKey {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        let id = u32::from_be_bytes(self.id());
        let key = STANDARD.encode([&[self.kind as u8][..], &self.key].concat());
        write!(f, "{}+{id:08x}+{key}", self.name)
    }
}

impl core::str::FromStr for VerifierKey {
    type Err = NoteError;

    fn from_str(text: &str) -> Result<Self, NoteError> {
        let malformed = NoteError::VerifierKey;
        if text.len() > MAX_VERIFIER_KEY_BYTES {
            return Err(malformed);
        }
        let (name, rest) = text.split_once('+').ok_or(malformed)?;
        let (_, encoded) = rest.split_once('+').ok_or(malformed)?;
        let bytes = STANDARD.decode(encoded).map_err(|_| malformed)?;
        let (kind, key) = bytes.split_first().ok_or(malformed)?;
        let kind = match kind {
            1 => SignatureKind::Ed25519,
            4 => SignatureKind::Cosignature,
            other => return Err(NoteError::Kind(*other)),
        };
        let key = PublicKey::ed25519(key.try_into().map_err(|_| malformed)?);
        let read = Self::new(name.to_owned(), kind, &key)?;
        // The id is a digest of the rest: whatever is not written like this is another key.
        if read.to_string() == text { Ok(read) } else { Err(malformed) }
    }
}

/// Whether a text can name a key: not empty, no space, no plus, no control character.
pub fn is_name(name: &str) -> bool {
    let allowed = |c: char| !c.is_whitespace() && c != '+' && c >= ' ';
    !name.is_empty() && name.len() <= MAX_NAME_BYTES && name.chars().all(allowed)
}

/// Standard Base64 (RFC 4648 §4), as every format here writes it.
pub(super) fn base64(bytes: &[u8]) -> String {
    STANDARD.encode(bytes)
}

/// Its inverse; none for what [`base64`] would not write.
pub(super) fn unbase64(text: &str) -> Option<Vec<u8>> {
    STANDARD.decode(text).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The examples of the specification.
    const EXAMPLE_KEY: &str =
        "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k";
    const EXAMPLE: &str = "This is an example message.\n\n\
        \u{2014} example.com/foo Uw2QOkn8srV1yJGh2VYRlL1Tnagv1YEq6TfXppzi2ONncAlTgK7Ztg1ERYNZXsYjOBH3mFXmRKuwHjG1Yu72IneyaQM=\n";

    fn pair() -> KeyPair {
        KeyPair::from_secret(&[7; 32])
    }

    fn key(kind: SignatureKind) -> VerifierKey {
        VerifierKey::new("hefu/x/310000".into(), kind, &pair().public()).unwrap()
    }

    #[test]
    fn the_example_of_the_specification() {
        let key: VerifierKey = EXAMPLE_KEY.parse().unwrap();
        assert_eq!(key.to_string(), EXAMPLE_KEY);
        let note = Note::parse(EXAMPLE.as_bytes()).unwrap();
        assert_eq!(note.to_string(), EXAMPLE);
        assert_eq!(note.text(), "This is an example message.\n");
        assert_eq!(note.signed_by(&key), Ok(Some(0)));
        let other = Note::parse(EXAMPLE.replace("This", "That").as_bytes()).unwrap();
        assert_eq!(other.signed_by(&key), Err(Forged));
    }

    #[test]
    fn both_kinds_sign_and_verify_and_stay_apart() {
        let text = "hefu/x\n3\nAAAA\n";
        let (plain, timed) = (key(SignatureKind::Ed25519), key(SignatureKind::Cosignature));
        assert_ne!(plain.id(), timed.id());
        let lines = vec![plain.sign(&pair(), 9, text), timed.sign(&pair(), 9, text)];
        let note = Note::new(text.into(), lines).unwrap();
        assert_eq!(note.signed_by(&plain), Ok(Some(0)));
        assert_eq!(note.signed_by(&timed), Ok(Some(9)));
        let other =
            VerifierKey::new("hefu/x/320000".into(), SignatureKind::Cosignature, &pair().public());
        assert_eq!(note.signed_by(&other.unwrap()), Ok(None));
    }

    #[test]
    fn every_changed_byte_is_refused() {
        let timed = key(SignatureKind::Cosignature);
        let text = "hefu/x\n3\nAAAA\n".to_owned();
        let line = timed.sign(&pair(), 1_700_000_000, &text);
        let bytes = Note::new(text, vec![line]).unwrap().to_string().into_bytes();
        let accepted = |bytes: &[u8]| {
            Note::parse(bytes).is_ok_and(|note| note.signed_by(&timed).is_ok_and(|t| t.is_some()))
        };
        assert!(accepted(&bytes));
        for position in 0..bytes.len() {
            for mask in 0..8 {
                let mut changed = bytes.clone();
                changed[position] ^= 1 << mask;
                assert!(!accepted(&changed), "byte {position} bit {mask}");
            }
        }
    }

    #[test]
    fn malformed_notes_are_refused_by_rule() {
        let refused = |text: &str| Note::parse(text.as_bytes()).unwrap_err();
        let line = "\u{2014} a AAAAAAA=\n";
        assert_eq!(refused("text\n"), NoteError::Shape);
        assert_eq!(refused(&format!("text\n\n{}", line.trim_end())), NoteError::Shape);
        assert_eq!(refused("text\n\n"), NoteError::Shape);
        assert_eq!(refused(&format!("te\txt\n\n{line}")), NoteError::Text);
        assert_eq!(Note::parse(b"\xff\n\n"), Err(NoteError::Text));
        for bad in [
            "- a AAAAAAA=\n",               // not an em dash
            "\u{2014} a b AAAAAAA=\n",      // a space in the name
            "\u{2014} a+b AAAAAAA=\n",      // a plus in the name
            "\u{2014} a\u{a0}b AAAAAAA=\n", // another space
            "\u{2014}  AAAAAAA=\n",         // no name
            "\u{2014} a AAAAAA==\n",        // no signature after the id
            "\u{2014} a AAAAAAB=\n",        // bits that mean nothing
            "\u{2014} a AAAAAAA\n",         // no padding
        ] {
            assert_eq!(refused(&format!("text\n\n{bad}")), NoteError::Signature(0), "{bad}");
        }
        let most = line.repeat(MAX_NOTE_SIGNATURES);
        assert!(Note::parse(format!("text\n\n{most}").as_bytes()).is_ok());
        assert_eq!(refused(&format!("text\n\n{most}{line}")), NoteError::TooLarge);
        let long = "x".repeat(MAX_NOTE_BYTES - line.len() - 2);
        assert!(Note::parse(format!("{long}\n\n{line}").as_bytes()).is_ok());
        assert_eq!(refused(&format!("x{long}\n\n{line}")), NoteError::TooLarge);
    }

    #[test]
    fn verifier_keys_have_one_form() {
        let timed = key(SignatureKind::Cosignature);
        assert_eq!(timed.to_string().parse(), Ok(timed.clone()));
        for bad in [
            timed.to_string().to_uppercase(),
            format!("{timed} "),
            timed.to_string().replacen('+', "++", 1),
            "a+00000000+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k".into(),
            "a+b".into(),
            String::new(),
        ] {
            assert!(bad.parse::<VerifierKey>().is_err(), "{bad}");
        }
        let other = format!("a+00000000+{}", base64(&[&[6u8][..], &[0; 32]].concat()));
        assert_eq!(other.parse::<VerifierKey>(), Err(NoteError::Kind(6)));
    }
}
