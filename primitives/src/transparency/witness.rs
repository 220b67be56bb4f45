//! The witness protocol (c2sp.org/tlog-witness): what `add-checkpoint` carries, and how a witness
//! that remembers one head of each log decides.
//!
//! ```text
//! old <size>
//! <hash of the consistency proof, Base64>      0 to 63 lines
//!
//! <checkpoint note>
//! ```
//!
//! A witness keeps the head it cosigned last, and signs nothing that does not continue it. Keeping
//! it durably *before* the signature leaves is the caller's part.

use super::checkpoint::{Checkpoint, decimal, hash_line};
use super::note::{MAX_NOTE_BYTES, Note, VerifierKey, base64};
use crate::hash::H32;
use crate::log::{ConsistencyProof, EMPTY_ROOT, LogHead};

/// Most lines of a consistency proof.
pub const MAX_PROOF_LINES: usize = 63;
/// Largest body, in bytes: a note, and 63 lines of 45 bytes before it.
pub const MAX_BODY_BYTES: usize = MAX_NOTE_BYTES + 4 * 1024;

/// A request to cosign a checkpoint.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AddCheckpoint {
    /// Size that the witness cosigned last, as far as the sender knows.
    pub old: u64,
    /// The way from there.
    pub proof: Vec<H32>,
    /// The checkpoint.
    pub checkpoint: Checkpoint,
    /// Its note.
    pub note: Note,
}

/// Why a witness does not cosign, with the protocol's status numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// 400: no such request.
    #[error("not a request of this protocol")]
    Malformed,
    /// 404: a log that this witness does not follow.
    #[error("this witness does not follow that log")]
    UnknownLog,
    /// 403: no trusted key of the log signed, or a line that says so is forged.
    #[error("no key of the log that this witness trusts signed the checkpoint")]
    Unsigned,
    /// 409: not from the size cosigned last, which is this, or another root of that size.
    #[error("the checkpoint cosigned last has {0} leaves")]
    Stale(u64),
    /// 422: the proof does not lead from the head cosigned last to this one.
    #[error("the checkpoint does not continue the one cosigned last")]
    Inconsistent,
    /// 500: the checkpoint could not be kept, so it is not cosigned.
    #[error("the witness could not keep the checkpoint")]
    NotKept,
}

impl Refusal {
    /// The HTTP status.
    pub const fn status(&self) -> u16 {
        match self {
            Self::Malformed => 400,
            Self::UnknownLog => 404,
            Self::Unsigned => 403,
            Self::Stale(_) => 409,
            Self::Inconsistent => 422,
            Self::NotKept => 500,
        }
    }
}

impl AddCheckpoint {
    /// Reads a body.
    ///
    /// # Errors
    /// [`Refusal::Malformed`].
    pub fn parse(body: &[u8]) -> Result<Self, Refusal> {
        let read = || {
            let text = core::str::from_utf8(body).ok().filter(|t| t.len() <= MAX_BODY_BYTES)?;
            let (head, note) = text.split_once("\n\n")?;
            let mut lines = head.split('\n');
            let old = decimal(lines.next()?.strip_prefix("old ")?)?;
            let proof = lines
                .take(MAX_PROOF_LINES.saturating_add(1))
                .map(hash_line)
                .collect::<Option<Vec<H32>>>()?;
            let (checkpoint, note) = Checkpoint::of_note(note.as_bytes()).ok()?;
            let fits = proof.len() <= MAX_PROOF_LINES && old <= checkpoint.head.size;
            fits.then_some(Self { old, proof, checkpoint, note })
        };
        read().ok_or(Refusal::Malformed)
    }

    /// Decides: `keys` are those of the log that are trusted, `last` the head of it that was
    /// cosigned last. What may be cosigned is the returned head, once it is kept.
    ///
    /// # Errors
    /// [`Refusal`], in the order of the specification.
    pub fn decide(&self, keys: &[VerifierKey], last: Option<LogHead>) -> Result<LogHead, Refusal> {
        if keys.is_empty() {
            return Err(Refusal::UnknownLog);
        }
        let mut signed = false;
        for key in keys {
            signed |= self.note.signed_by(key).map_err(|_| Refusal::Unsigned)?.is_some();
        }
        if !signed {
            return Err(Refusal::Unsigned);
        }
        let last = last.unwrap_or(LogHead { size: 0, root: EMPTY_ROOT });
        if self.old != last.size {
            return Err(Refusal::Stale(last.size));
        }
        let head = self.checkpoint.head;
        if head.size == last.size && head.root != last.root {
            return Err(Refusal::Stale(last.size));
        }
        let proof = ConsistencyProof { old: self.old, new: head.size, path: self.proof.clone() };
        proof.verify(last, head).map_err(|_| Refusal::Inconsistent)?;
        Ok(head)
    }
}

impl core::fmt::Display for AddCheckpoint {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        writeln!(f, "old {}", self.old)?;
        self.proof.iter().try_for_each(|hash| writeln!(f, "{}", base64(hash.as_bytes())))?;
        write!(f, "\n{}", self.note)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crypto::KeyPair;
    use crate::log::{Frontier, MemoryLog, consistency_proof, leaf_hash};
    use crate::transparency::note::SignatureKind;

    fn pair() -> KeyPair {
        KeyPair::from_secret(&[3; 32])
    }

    fn key() -> VerifierKey {
        VerifierKey::new("o".into(), SignatureKind::Ed25519, &pair().public()).unwrap()
    }

    fn log(leaves: u64) -> MemoryLog {
        let mut log = MemoryLog::new();
        (0..leaves).for_each(|leaf| log.append(leaf_hash(&leaf.to_be_bytes())).unwrap());
        log
    }

    fn head(size: u64) -> LogHead {
        Frontier::from_reader(&log(20), size).unwrap().head()
    }

    fn request(old: u64, new: LogHead, proof: Vec<H32>) -> AddCheckpoint {
        let checkpoint = Checkpoint::new("o".into(), new);
        let line = key().sign(&pair(), 0, &checkpoint.text());
        let note = Note::new(checkpoint.text(), vec![line]).unwrap();
        AddCheckpoint { old, proof, checkpoint, note }
    }

    fn good(old: u64, new: u64) -> AddCheckpoint {
        request(old, head(new), consistency_proof(&log(20), old, new).unwrap().path)
    }

    #[test]
    fn decides_as_the_specification_says() {
        let keys = [key()];
        assert_eq!(good(0, 7).decide(&keys, None), Ok(head(7)));
        assert_eq!(good(7, 20).decide(&keys, Some(head(7))), Ok(head(20)));
        assert_eq!(good(7, 7).decide(&keys, Some(head(7))), Ok(head(7)));
        assert_eq!(good(7, 20).decide(&[], None), Err(Refusal::UnknownLog));
        assert_eq!(good(7, 20).decide(&keys, None), Err(Refusal::Stale(0)));
        assert_eq!(good(0, 7).decide(&keys, Some(head(7))), Err(Refusal::Stale(7)));
        let stranger = KeyPair::from_secret(&[4; 32]);
        let other = VerifierKey::new("o".into(), SignatureKind::Ed25519, &stranger.public());
        assert_eq!(good(0, 7).decide(&[other.unwrap()], None), Err(Refusal::Unsigned));

        let mut forked = head(20);
        forked.root.0[0] ^= 1;
        let proof = good(7, 20).proof;
        let decide = |request: AddCheckpoint| request.decide(&keys, Some(head(7)));
        assert_eq!(decide(request(7, forked, proof.clone())), Err(Refusal::Inconsistent));
        assert_eq!(decide(request(7, head(20), vec![])), Err(Refusal::Inconsistent));
        assert_eq!(
            decide(request(7, LogHead { size: 7, ..forked }, vec![])),
            Err(Refusal::Stale(7)),
            "another root of the size cosigned last"
        );
        assert_eq!(request(0, head(7), proof).decide(&keys, None), Err(Refusal::Inconsistent));
        let nothing = LogHead { size: 0, root: H32::ZERO };
        assert_eq!(request(0, nothing, vec![]).decide(&keys, None), Err(Refusal::Stale(0)));
        let empty = LogHead { size: 0, root: EMPTY_ROOT };
        assert_eq!(request(0, empty, vec![]).decide(&keys, None), Ok(empty));
    }

    #[test]
    fn a_forged_line_of_a_known_key_is_refused() {
        let mut lines = good(0, 7).note.signatures().to_vec();
        lines[0].bytes[5] ^= 1;
        let note = Note::new(good(0, 7).note.text().into(), lines).unwrap();
        let forged = AddCheckpoint { note, ..good(0, 7) };
        assert_eq!(forged.decide(&[key()], None), Err(Refusal::Unsigned));
    }

    #[test]
    fn bodies_are_strict_and_bounded() {
        let text = good(7, 20).to_string();
        assert_eq!(AddCheckpoint::parse(text.as_bytes()), Ok(good(7, 20)));
        let refused = |text: String| AddCheckpoint::parse(text.as_bytes()).is_err();
        for bad in ["old 07\n", "old -7\n", "old 7 \n", "Old 7\n", "7\n", "old 21\n"] {
            assert!(refused(text.replacen("old 7\n", bad, 1)), "{bad}");
        }
        assert!(refused(text.replacen("\n\n", "\n", 1)), "no blank line");
        let lines =
            |count: usize| format!("old 7\n{}", format!("{}\n", base64(&[0; 32])).repeat(count));
        let note = text.split_once("\n\n").unwrap().1;
        assert!(!refused(format!("{}\n{note}", lines(MAX_PROOF_LINES))));
        assert!(refused(format!("{}\n{note}", lines(MAX_PROOF_LINES + 1))));
        assert_eq!(Refusal::Stale(3).status(), 409);
    }
}
