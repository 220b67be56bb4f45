//! What can go wrong in storage, in typed fields.
//!
//! Errors say which file, where and what; whether to stop, refetch or rebuild is the caller's
//! decision, for which [`StoreError::calls_for_rebuild`], [`StoreError::is_disk_full`] and
//! [`DiskTrouble`] exist.

use std::io;
use std::sync::Arc;

use super::index::EngineKind;

/// A file operation, named in an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FileOp {
    /// Opening or creating a file or folder.
    Open,
    /// Reading.
    Read,
    /// Appending.
    Append,
    /// Cutting off a tail.
    Truncate,
    /// Making a file durable.
    Sync,
    /// Listing, renaming, removing or making durable the names of a folder.
    Folder,
}

/// What is wrong with a stored frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Damage {
    /// The first bytes are not those of a frame.
    #[error("no frame begins here")]
    Magic,
    /// A frame of a format version this program does not know.
    #[error("unknown format version {found:#04x}")]
    Version {
        /// The version byte found.
        found: u8,
    },
    /// The header's checksum does not match.
    #[error("the header's checksum does not match")]
    HeaderChecksum,
    /// The payload's checksum does not match.
    #[error("the payload's checksum does not match")]
    PayloadChecksum,
    /// The length is over its bound, or is not the one indexed.
    #[error("{found} bytes of payload cannot be")]
    Length {
        /// The length found, in bytes.
        found: u64,
    },
    /// The frame belongs to another file.
    #[error("the frame belongs to file {found}, not {expected}")]
    Tag {
        /// Tag of this file.
        expected: u64,
        /// Tag found in the frame.
        found: u64,
    },
    /// The frame has another number than its place says.
    #[error("frame {found} where {expected} belongs")]
    Number {
        /// Number that belongs here.
        expected: u64,
        /// Number found.
        found: u64,
    },
    /// The file ends inside the frame although later frames were stored.
    #[error("the file ends inside the frame")]
    Short,
    /// The next file does not begin where this place says: files are missing.
    #[error("the next file begins at {found}: files are missing")]
    Missing {
        /// First number of the next file found.
        found: u64,
    },
    /// Entries inside an intact frame do not parse.
    #[error("the entries in the frame do not parse")]
    Entries,
}

/// A disk that an operator has to look after.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DiskTrouble {
    /// No space or quota is left.
    Full,
    /// It takes no writes, which is how a file system behaves that found an error.
    ReadOnly,
}

impl DiskTrouble {
    /// The trouble behind an error of any layer, if that is what it is.
    pub fn behind(error: &(dyn std::error::Error + 'static)) -> Option<Self> {
        let mut cause = Some(error);
        while let Some(error) = cause {
            match error.downcast_ref::<io::Error>().map(io::Error::kind) {
                Some(io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded) => {
                    return Some(Self::Full);
                }
                Some(io::ErrorKind::ReadOnlyFilesystem) => return Some(Self::ReadOnly),
                _ => cause = error.source(),
            }
        }
        None
    }
}

/// Something that has an upper bound, named in an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Limit {
    /// Bytes of a block.
    Block,
    /// Bytes of a write-ahead-log entry.
    WalEntry,
    /// Bytes of a write-ahead-log file.
    WalFile,
    /// Bytes of a segment of block files.
    Segment,
    /// Bytes of an index key.
    Key,
    /// Bytes of an index value.
    Value,
    /// Rows of a scan.
    Scan,
    /// Folders set aside.
    SetAside,
}

/// What an index engine reported.
#[derive(Debug, thiserror::Error)]
pub enum EngineFault {
    /// Another process, or another handle in this one, has the folder open.
    #[error("the folder is in use")]
    Locked,
    /// The engine says that its files are damaged.
    #[error("its files are damaged")]
    Damaged,
    /// The engine panicked, which sled does on damaged files.
    #[error("it panicked")]
    Panicked,
    /// A wipe failed half-way; open the index again.
    #[error("it is closed")]
    Closed,
    /// An I/O error.
    #[error("{0}")]
    Io(#[source] io::Error),
    /// Anything else.
    #[error("{0}")]
    Other(#[source] Box<dyn std::error::Error + Send + Sync>),
}

/// Why storage refused or failed.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// A file operation failed.
    #[error("{op:?} of {file}: {source}")]
    Io {
        /// The operation.
        op: FileOp,
        /// File name, or the folder.
        file: String,
        /// The cause.
        source: io::Error,
    },
    /// A stored block is damaged; it is never served.
    #[error("{file}, byte {offset}, block {height}: {damage}")]
    Corrupt {
        /// File name.
        file: String,
        /// Where the frame begins, in bytes.
        offset: u64,
        /// Height of the block.
        height: u64,
        /// What is wrong.
        damage: Damage,
    },
    /// The write-ahead log is damaged elsewhere than at its torn end.
    #[error("{file}, byte {offset}, frame {frame}: {damage}")]
    CorruptWal {
        /// File name.
        file: String,
        /// Where the frame begins, in bytes.
        offset: u64,
        /// Number of the frame in its file, from 0.
        frame: u64,
        /// What is wrong.
        damage: Damage,
    },
    /// An earlier sync failed: what the file holds is unknown until it is opened again.
    #[error("{file}: an earlier write failed, reopen before writing")]
    Untrusted {
        /// File name.
        file: String,
    },
    /// A height other than the next one.
    #[error("height {found} where {expected} is next")]
    OutOfOrder {
        /// The height that is next.
        expected: u64,
        /// The height given.
        found: u64,
    },
    /// More than a bound allows.
    #[error("{found} is more than {bound} ({limit:?})")]
    TooLarge {
        /// What is bounded.
        limit: Limit,
        /// The bound.
        bound: u64,
        /// What was found.
        found: u64,
    },
    /// A key that is empty or begins with the byte kept for the index itself.
    #[error("the key is reserved")]
    ReservedKey,
    /// An index engine failed.
    #[error("index engine {engine}: {fault}")]
    Engine {
        /// The engine.
        engine: EngineKind,
        /// What it reported.
        #[source]
        fault: EngineFault,
    },
    /// The thread that writes behind failed earlier; nothing more is accepted or served.
    #[error("the index stopped: {0}")]
    Stopped(#[source] Arc<StoreError>),
    /// The thread that writes behind panicked.
    #[error("the thread that writes the index panicked")]
    Panicked,
}

impl StoreError {
    pub(super) fn io(op: FileOp, file: &str) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::Io { op, file: file.to_owned(), source }
    }

    /// Whether the disk is full: an operator can free space and try again.
    pub fn is_disk_full(&self) -> bool {
        DiskTrouble::behind(self) == Some(DiskTrouble::Full)
    }

    /// Whether the index's own files are at fault, so that setting them aside and rebuilding from
    /// the block files helps. False for a locked folder, a full disk or a missing permission.
    pub fn calls_for_rebuild(&self) -> bool {
        if DiskTrouble::behind(self).is_some() {
            return false;
        }
        match self {
            Self::Engine { fault, .. } => match fault {
                EngineFault::Damaged | EngineFault::Panicked | EngineFault::Other(_) => true,
                EngineFault::Io(error) => {
                    matches!(
                        error.kind(),
                        io::ErrorKind::UnexpectedEof
                            | io::ErrorKind::InvalidData
                            | io::ErrorKind::NotFound
                    )
                }
                EngineFault::Locked | EngineFault::Closed => false,
            },
            Self::Stopped(inner) => inner.calls_for_rebuild(),
            _ => false,
        }
    }
}
