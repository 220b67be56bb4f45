//! What was signed last for one log, on disk before the signature exists.
//!
//! The file is replaced whole and synced. A file that does not read means that nobody knows what was
//! signed: then nothing is, until the operator has looked.

use std::io;
use std::path::{Path, PathBuf};

use hefu_primitives::H32;
use hefu_primitives::codec::Canonical;
use hefu_primitives::hash::{Domain, hash};
use hefu_primitives::log::{ConsistencyProof, EMPTY_ROOT, LogHead, LogProofError};
use minicbor::bytes::ByteVec;
use minicbor::{Decode, Encode};

use crate::keystore::disk;

const MAX_FILE_BYTES: usize = 1024;

/// Why nothing is signed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum GuardError {
    /// The file is no such file, or was changed.
    #[error("{0}: damaged; what was cosigned last is not known")]
    Damaged(PathBuf),
    /// The file is of another log.
    #[error("{path}: of the log {found}")]
    OtherLog { path: PathBuf, found: String },
    /// The file cannot be read or written.
    #[error("{path}: {error}")]
    Io { path: PathBuf, error: io::Error },
    /// The node has stopped: another may be running on the same folder already.
    #[error("the node has stopped")]
    Stopped,
    /// A smaller log than the one signed last.
    #[error("{signed} leaves were cosigned already, not {asked} again")]
    Back { signed: u64, asked: u64 },
    /// The key signed two heads of one size: somebody else has it, or a guard was lost.
    #[error("two heads of {size} leaves are signed with this key: {kept} here, {other} elsewhere")]
    Two { size: u64, kept: H32, other: H32 },
    /// The head does not continue the one signed last.
    #[error("a log of {asked} leaves does not continue the {signed} that were cosigned: {error}")]
    Inconsistent { signed: u64, asked: u64, error: LogProofError },
}

#[derive(Encode, Decode)]
struct Kept {
    #[n(0)]
    origin: String,
    #[n(1)]
    head: LogHead,
}

#[derive(Encode, Decode)]
struct GuardFile {
    #[n(0)]
    kept: ByteVec,
    #[n(1)]
    digest: H32,
}

/// The head signed last.
pub(crate) struct Guard {
    path: PathBuf,
    origin: String,
    last: LogHead,
}

impl Guard {
    /// Opens the file; none means that nothing was signed.
    pub(crate) fn open(path: &Path, origin: &str) -> Result<Self, GuardError> {
        let damaged = || GuardError::Damaged(path.to_owned());
        let mut guard = Self {
            path: path.to_owned(),
            origin: origin.to_owned(),
            last: LogHead { size: 0, root: EMPTY_ROOT },
        };
        let bytes = match disk::read_bounded(path, MAX_FILE_BYTES) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(guard),
            Err(error) => return Err(GuardError::Io { path: path.to_owned(), error }),
        };
        let file = GuardFile::from_bytes(&bytes, MAX_FILE_BYTES).map_err(|_| damaged())?;
        if hash(Domain::Digest, &[&file.kept]) != file.digest {
            return Err(damaged());
        }
        let kept = Kept::from_bytes(&file.kept, MAX_FILE_BYTES).map_err(|_| damaged())?;
        if kept.origin != origin {
            return Err(GuardError::OtherLog { path: path.to_owned(), found: kept.origin });
        }
        guard.last = kept.head;
        Ok(guard)
    }

    /// The head signed last; of an empty log when there is none.
    pub(crate) fn last(&self) -> LogHead {
        self.last
    }

    /// Keeps a head that is about to be signed. After this returned, it may be; after an error,
    /// nothing may.
    pub(crate) fn advance(
        &mut self,
        head: LogHead,
        proof: &ConsistencyProof,
    ) -> Result<(), GuardError> {
        let (signed, asked) = (self.last.size, head.size);
        if asked < signed {
            return Err(GuardError::Back { signed, asked });
        }
        proof.verify(self.last, head).map_err(|error| GuardError::Inconsistent {
            signed,
            asked,
            error,
        })?;
        if head == self.last { Ok(()) } else { self.keep(head) }
    }

    /// Takes over a head that is known to have been signed, from a signature that others kept: a
    /// restored backup does not know it. Whether our log has it shows with the next head.
    ///
    /// # Errors
    /// [`GuardError::Two`] when the key signed two heads of one size; and those of the file.
    pub(crate) fn raise(&mut self, head: LogHead) -> Result<(), GuardError> {
        if head.size == self.last.size && head != self.last {
            return Err(GuardError::Two {
                size: head.size,
                kept: self.last.root,
                other: head.root,
            });
        }
        if head.size > self.last.size { self.keep(head) } else { Ok(()) }
    }

    fn keep(&mut self, head: LogHead) -> Result<(), GuardError> {
        let kept = Kept { origin: self.origin.clone(), head }.to_bytes();
        let digest = hash(Domain::Digest, &[&kept]);
        let bytes = GuardFile { kept: kept.into(), digest }.to_bytes();
        let written = disk::replace(&self.path, &bytes);
        written.map_err(|error| GuardError::Io { path: self.path.clone(), error })?;
        self.last = head;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use hefu_primitives::log::{Frontier, MemoryLog, consistency_proof, leaf_hash};

    fn log(seed: u8) -> MemoryLog {
        let mut log = MemoryLog::new();
        (0..20u8).for_each(|leaf| log.append(leaf_hash(&[seed, leaf])).unwrap());
        log
    }

    fn head(log: &MemoryLog, size: u64) -> LogHead {
        Frontier::from_reader(log, size).unwrap().head()
    }

    fn advance(guard: &mut Guard, log: &MemoryLog, size: u64) -> Result<(), GuardError> {
        let old = guard.last().size;
        let proof = consistency_proof(log, old.min(size), size).unwrap();
        guard.advance(head(log, size), &proof)
    }

    #[test]
    fn what_was_signed_is_known_after_a_start() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("cosigned");
        let log = log(0);
        let mut guard = Guard::open(&path, "o").unwrap();
        advance(&mut guard, &log, 7).unwrap();
        advance(&mut guard, &log, 7).unwrap();
        advance(&mut guard, &log, 13).unwrap();
        let mut guard = Guard::open(&path, "o").unwrap();
        assert_eq!(guard.last(), head(&log, 13));
        let back = advance(&mut guard, &log, 12);
        assert!(matches!(back, Err(GuardError::Back { signed: 13, asked: 12 })));
        assert!(matches!(Guard::open(&path, "p"), Err(GuardError::OtherLog { .. })));
    }

    #[test]
    fn two_heads_that_do_not_fit_are_never_signed() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("cosigned");
        let (ours, fork) = (log(0), log(1));
        let mut guard = Guard::open(&path, "o").unwrap();
        advance(&mut guard, &ours, 7).unwrap();
        for size in [7, 8, 20] {
            let refused = advance(&mut guard, &fork, size);
            assert!(matches!(refused, Err(GuardError::Inconsistent { .. })), "{size}");
        }
        assert_eq!(guard.last(), head(&ours, 7), "nothing was kept of what was refused");
        assert_eq!(Guard::open(&path, "o").unwrap().last(), head(&ours, 7));
    }

    /// The log of a restored backup ends before what others have of our signatures.
    #[test]
    fn a_restored_backup_takes_over_what_others_know() {
        let folder = tempfile::tempdir().unwrap();
        let (log, fork) = (log(0), log(1));
        let mut guard = Guard::open(&folder.path().join("cosigned"), "o").unwrap();
        advance(&mut guard, &log, 5).unwrap();
        guard.raise(head(&log, 12)).unwrap();
        guard.raise(head(&log, 9)).unwrap();
        assert_eq!(guard.last().size, 12);
        assert!(matches!(guard.raise(head(&fork, 12)), Err(GuardError::Two { size: 12, .. })));
        assert_eq!(guard.last(), head(&log, 12));
        assert!(matches!(advance(&mut guard, &log, 11), Err(GuardError::Back { .. })));
        assert!(matches!(advance(&mut guard, &fork, 14), Err(GuardError::Inconsistent { .. })));
        advance(&mut guard, &log, 14).unwrap();
    }

    #[test]
    fn a_damaged_file_is_no_empty_one() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("cosigned");
        let mut guard = Guard::open(&path, "o").unwrap();
        advance(&mut guard, &log(0), 7).unwrap();
        let bytes = std::fs::read(&path).unwrap();
        for position in 0..bytes.len() {
            let mut changed = bytes.clone();
            changed[position] ^= 1;
            std::fs::write(&path, &changed).unwrap();
            assert!(Guard::open(&path, "o").is_err(), "byte {position}");
        }
        std::fs::write(&path, b"").unwrap();
        assert!(matches!(Guard::open(&path, "o"), Err(GuardError::Damaged(_))));
    }
}
