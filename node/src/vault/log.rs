//! An append-only file of sealed frames, of which a crash can only lose what was not synced.
//!
//! Two files in the vault's folder, `G` the generation in ten digits:
//!
//! ```text
//! vault-G.log   "hefulog1"  FILE-ID16  NONCE24  SEALED48        the log key, under the data key
//!               then frames: LENGTH4  NONCE24  SEALED(LENGTH)   big-endian length
//! vault.mark    "hefumrk1"  NONCE24  SEALED                     under the data key, CBOR
//!                           [generation, length, frames, last tag, rewriting]
//! ```
//!
//! 1. A frame's associated data are the file id, its number and the tag of the frame before (the
//!    header's for the first): frames can be neither changed nor moved, dropped, doubled or
//!    brought from another file.
//! 2. The mark says how far the log was synced. Up to there anything wrong is damage, and an error;
//!    behind it a frame that is not whole is a torn tail, and cut off.
//! 3. What a frame holds is its length in four bytes, the entry, and zeros up to a multiple of
//!    [`PAD_BYTES`]: lengths tell little.
//! 4. Each generation has a log key of its own, only in its header. A rewrite makes the next
//!    generation, switches the mark to it, and overwrites the old file, header included: what was
//!    left out of the rewrite is gone.
//! 5. While the mark says `rewriting`, a file of the next generation is a draft, thrown away at the
//!    next start. Without that word it is newer data under an older mark, and nothing is touched.
//! 6. After a failed write nothing more is written: the state of the file is unknown until it is
//!    opened again.
//!
//! Not detected: a whole folder put back as it was earlier. This module does not know what
//! entries mean.

use std::fs::{File, OpenOptions};
use std::io::{self, BufReader, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use hefu_primitives::codec::Canonical;
use minicbor::bytes::ByteArray;
use minicbor::{Decode, Encode};
use zeroize::Zeroizing;

use super::fault;
use crate::keystore::disk;
use crate::keystore::seal::{
    NONCE_BYTES, SEALED_KEY_BYTES, SealError, SealingKey, TAG_BYTES, random,
};

/// Largest entry, in bytes: a licence of 128 KiB in its encoding, or a transaction of 64 KiB and
/// the lines it covers.
pub(super) const MAX_ENTRY_BYTES: usize = 256 * 1024;
/// Entries are padded to a multiple of this.
const PAD_BYTES: usize = 256;
const MAX_SEALED_BYTES: usize = MAX_ENTRY_BYTES + 4 + PAD_BYTES + TAG_BYTES;

const LOG_MAGIC: &[u8; 8] = b"hefulog1";
const MARK_MAGIC: &[u8; 8] = b"hefumrk1";
const MARK_CONTEXT: &[u8] = b"hefu vault mark v1";
const MARK_FILE: &str = "vault.mark";
const READ_BYTES: usize = 256 * 1024;
const MAX_MARK_BYTES: usize = 256;
const FILE_ID_BYTES: usize = 16;
const HEADER_BYTES: usize = LOG_MAGIC.len() + FILE_ID_BYTES + NONCE_BYTES + SEALED_KEY_BYTES;
const FRAME_HEAD_BYTES: usize = 4 + NONCE_BYTES;

type Tag = [u8; TAG_BYTES];

/// Why a log cannot be read or written.
#[derive(Debug, thiserror::Error)]
pub enum LogError {
    /// The file system.
    #[error("{}", path.display())]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// Bytes that were synced are gone or changed.
    #[error("{} is damaged at byte {offset}", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// Where the first thing that is wrong begins.
        offset: u64,
    },
    /// An entry over its bound.
    #[error("an entry of {bytes} bytes is too large")]
    TooLarge {
        /// Its size.
        bytes: usize,
    },
    /// An earlier write failed: open the vault again.
    #[error("an earlier write failed; open the vault again")]
    Broken,
    /// The folder holds a newer log than its mark knows: an older copy was put over it.
    #[error("{} is newer than {MARK_FILE}: was an older copy put over it?", path.display())]
    Newer {
        /// The newer file.
        path: PathBuf,
    },
    /// There is no randomness.
    #[error(transparent)]
    Seal(#[from] SealError),
}

/// Where a frame is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Position {
    offset: u64,
    number: u64,
}

/// Reads a file from an offset without moving its cursor, which is shared: records are read while
/// others are, and while the log is written.
struct ReadAt<'a> {
    file: &'a File,
    offset: u64,
}

impl Read for ReadAt<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        #[cfg(unix)]
        let read = std::os::unix::fs::FileExt::read_at(self.file, buffer, self.offset)?;
        #[cfg(windows)]
        let read = std::os::windows::fs::FileExt::seek_read(self.file, buffer, self.offset)?;
        self.offset += read as u64;
        Ok(read)
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
struct Mark {
    #[n(0)]
    generation: u32,
    #[n(1)]
    length: u64,
    #[n(2)]
    frames: u64,
    #[n(3)]
    tag: ByteArray<TAG_BYTES>,
    #[n(4)]
    rewriting: bool,
}

/// The open log.
pub(super) struct SealedLog {
    folder: PathBuf,
    path: PathBuf,
    file: File,
    data_key: Arc<SealingKey>,
    log_key: SealingKey,
    file_id: [u8; FILE_ID_BYTES],
    generation: u32,
    length: u64,
    frames: u64,
    tag: Tag,
    synced: Option<u64>,
    rewriting: bool,
    broken: bool,
}

impl SealedLog {
    /// Makes the first generation in an empty folder.
    pub(super) fn create(folder: &Path, data_key: Arc<SealingKey>) -> Result<Self, LogError> {
        let mut log = Self::start(folder, data_key, 1)?;
        log.sync()?;
        Ok(log)
    }

    /// Whether a folder holds a log with anything in it.
    pub(super) fn has_entries(folder: &Path) -> io::Result<bool> {
        for entry in std::fs::read_dir(folder)? {
            let entry = entry?;
            let is_log = generation_of(&entry.path()).is_some();
            if is_log && entry.metadata()?.len() > HEADER_BYTES as u64 {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Opens the log, shows every entry to `visit`, cuts off a torn tail and says how many bytes
    /// it had.
    pub(super) fn open<E: From<LogError>>(
        folder: &Path,
        data_key: Arc<SealingKey>,
        mut visit: impl FnMut(Position, &[u8]) -> Result<(), E>,
    ) -> Result<(Self, u64), E> {
        let mark = read_mark(folder, &data_key)?;
        let mut log = Self::open_generation(folder, data_key, mark.generation)?;
        let end = log.file.metadata().map_err(io_at(&log.path))?.len();
        let file = log.file.try_clone().map_err(io_at(&log.path))?;
        let mut reader =
            BufReader::with_capacity(READ_BYTES, ReadAt { file: &file, offset: log.length });
        while log.length < end {
            let position = Position { offset: log.length, number: log.frames };
            let behind_mark = log.length >= mark.length;
            match log.read_frame(&mut reader, position.number, log.tag, end - log.length)? {
                Some((plain, tag, bytes)) => {
                    log.length += bytes;
                    log.frames += 1;
                    log.tag = tag;
                    let straddles = log.length > mark.length && !behind_mark;
                    if straddles || !log.agrees_with(&mark) {
                        return Err(log.damaged(position.offset).into());
                    }
                    visit(position, &plain)?;
                }
                None if behind_mark => break,
                None => return Err(log.damaged(position.offset).into()),
            }
        }
        if log.length < mark.length || !log.agrees_with(&mark) {
            return Err(log.damaged(log.length).into());
        }
        let torn = end - log.length;
        log.synced = Some(mark.length);
        log.rewriting = mark.rewriting;
        log.settle_tail(torn)?;
        log.remove_strays()?;
        Ok((log, torn))
    }

    /// Adds an entry. It is durable after the next [`SealedLog::sync`].
    pub(super) fn append(&mut self, entry: &[u8]) -> Result<Position, LogError> {
        if self.broken {
            return Err(LogError::Broken);
        }
        let padded = pad(entry)?;
        let nonce = random::<NONCE_BYTES>()?;
        let context = self.context(self.frames, &self.tag);
        let sealed = self.log_key.seal(&nonce, &context, &padded)?;
        let mut frame = Vec::with_capacity(FRAME_HEAD_BYTES + sealed.len());
        frame.extend_from_slice(&(sealed.len() as u32).to_be_bytes());
        frame.extend_from_slice(&nonce);
        frame.extend_from_slice(&sealed);
        self.write(&frame)?;
        let position = Position { offset: self.length, number: self.frames };
        self.length += frame.len() as u64;
        self.frames += 1;
        self.tag = last_tag(&sealed);
        Ok(position)
    }

    /// Makes every entry so far durable.
    pub(super) fn sync(&mut self) -> Result<(), LogError> {
        if self.broken {
            return Err(LogError::Broken);
        }
        if self.synced == Some(self.length) {
            return Ok(());
        }
        // Until both are done the handle counts as broken.
        self.broken = true;
        fault::point().and_then(|()| self.file.sync_all()).map_err(io_at(&self.path))?;
        self.write_mark()?;
        self.broken = false;
        self.synced = Some(self.length);
        Ok(())
    }

    /// Reads an entry back.
    pub(super) fn read(&self, position: Position) -> Result<Zeroizing<Vec<u8>>, LogError> {
        let (mut reader, tag) = self.reader_at(position)?;
        let left = self.length.saturating_sub(position.offset);
        match self.read_frame(&mut reader, position.number, tag, left)? {
            Some((plain, _, _)) => Ok(plain),
            None => Err(self.damaged(position.offset)),
        }
    }

    /// Shows every entry to `visit`, in order.
    pub(super) fn entries<E: From<LogError>>(
        &self,
        mut visit: impl FnMut(Position, &[u8]) -> Result<(), E>,
    ) -> Result<(), E> {
        let mut position = Position { offset: HEADER_BYTES as u64, number: 0 };
        let (reader, mut tag) = self.reader_at(position)?;
        let mut reader = BufReader::with_capacity(READ_BYTES, reader);
        while position.number < self.frames {
            let left = self.length.saturating_sub(position.offset);
            let frame = self.read_frame(&mut reader, position.number, tag, left)?;
            let Some((plain, next_tag, bytes)) = frame else {
                return Err(self.damaged(position.offset).into());
            };
            visit(position, &plain)?;
            tag = next_tag;
            position = Position { offset: position.offset + bytes, number: position.number + 1 };
        }
        Ok(())
    }

    /// Starts the next generation, empty and unknown to the mark.
    pub(super) fn next_generation(&mut self) -> Result<Self, LogError> {
        if !self.rewriting {
            self.rewriting = true;
            self.synced = None;
        }
        self.sync()?;
        let generation = self.generation.checked_add(1).ok_or(LogError::Broken)?;
        Self::start(&self.folder, self.data_key.clone(), generation)
    }

    /// Puts `next` in the place of this log, durably, and gives the old one, of which only
    /// [`SealedLog::shred`] makes sense.
    pub(super) fn switch_to(&mut self, mut next: Self) -> Result<Self, LogError> {
        self.broken = true;
        next.sync()?;
        Ok(std::mem::replace(self, next))
    }

    /// Overwrites and removes the file of a log that another has taken the place of. Should this
    /// fail, the next start does it.
    pub(super) fn shred(self) -> Result<(), LogError> {
        fault::point().and_then(|()| disk::shred(&self.path)).map_err(io_at(&self.path))
    }

    fn start(folder: &Path, data_key: Arc<SealingKey>, generation: u32) -> Result<Self, LogError> {
        let path = log_path(folder, generation);
        let (log_key, file_id, nonce) = (SealingKey::random()?, random()?, random()?);
        let identity = [LOG_MAGIC.as_slice(), &file_id].concat();
        let sealed = data_key.seal(&nonce, &identity, log_key.reveal())?;
        let mut options = OpenOptions::new();
        // A stray of an interrupted rewrite may be there: it was never in use.
        options.read(true).write(true).create(true).truncate(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let file = fault::point().and_then(|()| options.open(&path)).map_err(io_at(&path))?;
        let mut log = Self {
            folder: folder.to_owned(),
            path,
            file,
            data_key,
            log_key,
            file_id,
            generation,
            length: 0,
            frames: 0,
            tag: last_tag(&sealed),
            synced: None,
            rewriting: false,
            broken: false,
        };
        log.write(&[identity.as_slice(), &nonce, &sealed].concat())?;
        log.length = HEADER_BYTES as u64;
        Ok(log)
    }

    fn open_generation(
        folder: &Path,
        data_key: Arc<SealingKey>,
        generation: u32,
    ) -> Result<Self, LogError> {
        let path = log_path(folder, generation);
        let fault = io_at(&path);
        let mut file = OpenOptions::new().read(true).write(true).open(&path).map_err(&fault)?;
        let damaged = || LogError::Damaged { path: path.clone(), offset: 0 };
        let mut header = [0; HEADER_BYTES];
        file.read_exact(&mut header).map_err(|_| damaged())?;
        let (identity, rest) = header.split_at(LOG_MAGIC.len() + FILE_ID_BYTES);
        let (nonce, sealed) = rest.split_at(NONCE_BYTES);
        let nonce = nonce.try_into().map_err(|_| damaged())?;
        let (magic, file_id) = identity.split_at(LOG_MAGIC.len());
        if magic != LOG_MAGIC {
            return Err(damaged());
        }
        let file_id = file_id.try_into().map_err(|_| damaged())?;
        let opened = data_key.open(nonce, identity, sealed).map_err(|_| damaged())?;
        let log_key = SealingKey::from_opened(&opened).map_err(|_| damaged())?;
        Ok(Self {
            folder: folder.to_owned(),
            tag: last_tag(sealed),
            path: path.clone(),
            file,
            data_key,
            log_key,
            file_id,
            generation,
            length: HEADER_BYTES as u64,
            frames: 0,
            synced: None,
            rewriting: false,
            broken: false,
        })
    }

    /// A reader at a frame, and the tag before it, which stands right before it, in the header's
    /// case too.
    fn reader_at(&self, position: Position) -> Result<(ReadAt<'_>, Tag), LogError> {
        let offset = position.offset.saturating_sub(TAG_BYTES as u64);
        let mut reader = ReadAt { file: &self.file, offset };
        let mut tag = Tag::default();
        reader.read_exact(&mut tag).map_err(io_at(&self.path))?;
        Ok((reader, tag))
    }

    /// One frame: its entry, its tag and its length in the file; nothing if it is not whole.
    #[allow(clippy::type_complexity)] // named in the line above
    fn read_frame(
        &self,
        reader: &mut impl Read,
        number: u64,
        before: Tag,
        left: u64,
    ) -> Result<Option<(Zeroizing<Vec<u8>>, Tag, u64)>, LogError> {
        let fault = io_at(&self.path);
        let Some(left) = left.checked_sub(FRAME_HEAD_BYTES as u64) else { return Ok(None) };
        let (mut length, mut nonce) = ([0; 4], [0; NONCE_BYTES]);
        reader.read_exact(&mut length).map_err(&fault)?;
        reader.read_exact(&mut nonce).map_err(&fault)?;
        let length = u32::from_be_bytes(length);
        let bytes = length as usize;
        if u64::from(length) > left || !(TAG_BYTES..=MAX_SEALED_BYTES).contains(&bytes) {
            return Ok(None);
        }
        let mut sealed = vec![0; bytes];
        reader.read_exact(&mut sealed).map_err(&fault)?;
        let Ok(padded) = self.log_key.open(&nonce, &self.context(number, &before), &sealed) else {
            return Ok(None);
        };
        let whole = FRAME_HEAD_BYTES as u64 + u64::from(length);
        Ok(unpad(&padded).map(|entry| (entry, last_tag(&sealed), whole)))
    }

    fn context(&self, number: u64, before: &Tag) -> [u8; FILE_ID_BYTES + 8 + TAG_BYTES] {
        let mut context = [0; FILE_ID_BYTES + 8 + TAG_BYTES];
        let (id, rest) = context.split_at_mut(FILE_ID_BYTES);
        let (place, tag) = rest.split_at_mut(8);
        id.copy_from_slice(&self.file_id);
        place.copy_from_slice(&number.to_be_bytes());
        tag.copy_from_slice(before);
        context
    }

    fn write(&mut self, bytes: &[u8]) -> Result<(), LogError> {
        let crashed = fault::crashed();
        let bytes = if crashed { &bytes[..bytes.len() / 2] } else { bytes };
        self.broken = true;
        self.file.seek(SeekFrom::Start(self.length)).map_err(io_at(&self.path))?;
        self.file.write_all(bytes).map_err(io_at(&self.path))?;
        if crashed {
            return Err(io_at(&self.path)(io::Error::other("crash point")));
        }
        self.broken = false;
        Ok(())
    }

    fn write_mark(&self) -> Result<(), LogError> {
        let Self { generation, length, frames, tag, rewriting, .. } = *self;
        let mark = Mark { generation, length, frames, tag: tag.into(), rewriting };
        let nonce = random::<NONCE_BYTES>()?;
        let sealed = self.data_key.seal(&nonce, MARK_CONTEXT, &mark.to_bytes())?;
        let path = self.folder.join(MARK_FILE);
        let bytes = [MARK_MAGIC.as_slice(), &nonce, &sealed].concat();
        fault::point().and_then(|()| disk::replace(&path, &bytes)).map_err(io_at(&path))?;
        fault::point().map_err(io_at(&path))
    }

    /// At the mark's length everything must be as the mark says.
    fn agrees_with(&self, mark: &Mark) -> bool {
        self.length != mark.length || (self.frames == mark.frames && self.tag == *mark.tag)
    }

    /// Cuts a torn tail; what was read behind the mark is now relied on, so it is synced.
    fn settle_tail(&mut self, torn: u64) -> Result<(), LogError> {
        if torn > 0 {
            fault::point()
                .and_then(|()| self.file.set_len(self.length))
                .and_then(|()| self.file.sync_all())
                .map_err(io_at(&self.path))?;
        }
        self.sync()
    }

    /// Overwrites what an interrupted rewrite left: the generation before, or a draft of the next.
    fn remove_strays(&mut self) -> Result<(), LogError> {
        let mut strays = Vec::new();
        for entry in std::fs::read_dir(&self.folder).map_err(io_at(&self.folder))? {
            let path = entry.map_err(io_at(&self.folder))?.path();
            match generation_of(&path) {
                Some(newer) if newer > self.generation && !self.rewriting => {
                    return Err(LogError::Newer { path });
                }
                Some(other) if other != self.generation => strays.push(path),
                _ => {}
            }
        }
        for path in strays {
            fault::point().and_then(|()| disk::shred(&path)).map_err(io_at(&path))?;
        }
        if self.rewriting {
            self.rewriting = false;
            self.synced = None;
        }
        self.sync()
    }

    fn damaged(&self, offset: u64) -> LogError {
        LogError::Damaged { path: self.path.clone(), offset }
    }
}

fn read_mark(folder: &Path, data_key: &SealingKey) -> Result<Mark, LogError> {
    let path = folder.join(MARK_FILE);
    let bytes = disk::read_bounded(&path, MAX_MARK_BYTES).map_err(io_at(&path))?;
    let opened = bytes.strip_prefix(MARK_MAGIC.as_slice()).and_then(|rest| {
        let (nonce, sealed) = rest.split_first_chunk::<NONCE_BYTES>()?;
        let plain = data_key.open(nonce, MARK_CONTEXT, sealed).ok()?;
        Mark::from_bytes(&plain, MAX_MARK_BYTES).ok()
    });
    opened.ok_or(LogError::Damaged { path, offset: 0 })
}

fn pad(entry: &[u8]) -> Result<Zeroizing<Vec<u8>>, LogError> {
    if entry.len() > MAX_ENTRY_BYTES {
        return Err(LogError::TooLarge { bytes: entry.len() });
    }
    let mut padded = Zeroizing::new(Vec::with_capacity(entry.len() + 4 + PAD_BYTES));
    padded.extend_from_slice(&(entry.len() as u32).to_be_bytes());
    padded.extend_from_slice(entry);
    let length = padded.len().next_multiple_of(PAD_BYTES);
    padded.resize(length, 0);
    Ok(padded)
}

fn unpad(padded: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
    let (length, rest) = padded.split_first_chunk::<4>()?;
    let entry = rest.get(..usize::try_from(u32::from_be_bytes(*length)).ok()?)?;
    Some(Zeroizing::new(entry.to_vec()))
}

fn last_tag(sealed: &[u8]) -> Tag {
    sealed.last_chunk().copied().unwrap_or_default()
}

fn log_path(folder: &Path, generation: u32) -> PathBuf {
    folder.join(format!("vault-{generation:010}.log"))
}

fn generation_of(path: &Path) -> Option<u32> {
    let name = path.file_name()?.to_str()?;
    name.strip_prefix("vault-")?.strip_suffix(".log")?.parse().ok()
}

fn io_at(path: &Path) -> impl Fn(io::Error) -> LogError {
    move |source| LogError::Io { path: path.to_owned(), source }
}

/// What a power cut does at its worst: everything behind the mark is gone.
#[cfg(test)]
pub(super) fn lose_unsynced(folder: &Path, data_key: &SealingKey) {
    let mark = read_mark(folder, data_key).unwrap();
    let file = OpenOptions::new().write(true).open(log_path(folder, mark.generation)).unwrap();
    file.set_len(mark.length).unwrap();
}

#[cfg(test)]
mod tests {
    use super::*;

    fn data_key() -> Arc<SealingKey> {
        Arc::new(SealingKey::from_opened(&[4; 32]).unwrap())
    }

    fn entries(folder: &Path) -> Result<(Vec<Vec<u8>>, u64), LogError> {
        let mut entries = Vec::new();
        let (_, torn) = SealedLog::open(folder, data_key(), |_, entry| {
            entries.push(entry.to_vec());
            Ok::<_, LogError>(())
        })?;
        Ok((entries, torn))
    }

    fn filled(folder: &Path) -> (SealedLog, Vec<Vec<u8>>) {
        let mut log = SealedLog::create(folder, data_key()).unwrap();
        let texts: Vec<Vec<u8>> = (1..6usize).map(|n| vec![b'a' + n as u8; n * 60]).collect();
        for text in &texts {
            log.append(text).unwrap();
        }
        log.sync().unwrap();
        (log, texts)
    }

    #[test]
    fn what_is_appended_is_read() {
        let folder = tempfile::tempdir().unwrap();
        let mut log = SealedLog::create(folder.path(), data_key()).unwrap();
        let one = log.append(b"one").unwrap();
        let two = log.append(b"").unwrap();
        let large = vec![3; MAX_ENTRY_BYTES];
        let three = log.append(&large).unwrap();
        assert_eq!(**log.read(one).unwrap(), *b"one");
        assert_eq!(**log.read(two).unwrap(), *b"");
        assert_eq!(**log.read(three).unwrap(), *large);
        let bytes = MAX_ENTRY_BYTES + 1;
        assert!(matches!(log.append(&vec![0; bytes]), Err(LogError::TooLarge { .. })));
        drop(log);
        assert_eq!(entries(folder.path()).unwrap(), (vec![b"one".to_vec(), vec![], large], 0));
    }

    /// Lengths in steps: an outsider cannot tell one licence from another by its size.
    #[test]
    fn lengths_are_padded() {
        assert_eq!(pad(&[1; 252]).unwrap().len(), 256);
        assert_eq!(pad(&[1; 253]).unwrap().len(), 512);
        assert_eq!(pad(b"").unwrap().len(), 256);
    }

    #[test]
    fn any_changed_byte_of_any_file_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        drop(filled(folder.path()));
        for path in [log_path(folder.path(), 1), folder.path().join(MARK_FILE)] {
            let good = std::fs::read(&path).unwrap();
            // All of the heads, and every other byte of what is sealed.
            for position in (0..HEADER_BYTES).chain((HEADER_BYTES..good.len()).step_by(2)) {
                let Some(byte) = good.get(position) else { continue };
                let mut bytes = good.clone();
                bytes[position] = byte ^ 0x10;
                std::fs::write(&path, bytes).unwrap();
                let refused = entries(folder.path());
                assert!(matches!(refused, Err(LogError::Damaged { .. })), "byte {position}");
            }
            for length in (0..good.len()).step_by(37) {
                std::fs::write(&path, &good[..length]).unwrap();
                assert!(entries(folder.path()).is_err(), "cut at {length}");
            }
            std::fs::write(&path, &good).unwrap();
        }
        assert!(entries(folder.path()).is_ok());
    }

    #[test]
    fn frames_cannot_be_dropped_doubled_or_moved() {
        let folder = tempfile::tempdir().unwrap();
        drop(filled(folder.path()));
        let path = log_path(folder.path(), 1);
        let good = std::fs::read(&path).unwrap();
        let mut starts = vec![HEADER_BYTES];
        while *starts.last().unwrap() < good.len() {
            let start = *starts.last().unwrap();
            let length = u32::from_be_bytes(good[start..start + 4].try_into().unwrap());
            starts.push(start + FRAME_HEAD_BYTES + length as usize);
        }
        let frame = |n: usize| &good[starts[n]..starts[n + 1]];
        for order in [vec![0, 1, 2, 3], vec![1, 0, 2, 3, 4], vec![0, 0, 1, 2, 3, 4], vec![]] {
            let mut bytes = good[..HEADER_BYTES].to_vec();
            order.iter().for_each(|n| bytes.extend_from_slice(frame(*n)));
            std::fs::write(&path, bytes).unwrap();
            let refused = entries(folder.path());
            assert!(matches!(refused, Err(LogError::Damaged { .. })), "{order:?}");
        }
    }

    #[test]
    fn a_torn_tail_is_cut_and_what_is_whole_survives() {
        let folder = tempfile::tempdir().unwrap();
        let (mut log, mut texts) = filled(folder.path());
        let synced = log.length;
        log.append(b"unsynced but whole").unwrap();
        let whole = log.length;
        log.append(b"torn").unwrap();
        drop(log);
        let path = log_path(folder.path(), 1);
        let (bytes, mark) =
            (std::fs::read(&path).unwrap(), std::fs::read(folder.path().join(MARK_FILE)).unwrap());
        for length in (synced as usize..bytes.len()).step_by(3) {
            std::fs::write(&path, &bytes[..length]).unwrap();
            std::fs::write(folder.path().join(MARK_FILE), &mark).unwrap();
            let (read, torn) = entries(folder.path()).unwrap();
            let kept = if length < whole as usize { 5 } else { 6 };
            assert_eq!(read.len(), kept, "cut at {length}");
            assert_eq!(read[..5], texts[..]);
            let end = if kept == 5 { synced } else { whole };
            assert_eq!(torn, length as u64 - end);
        }
        // Zeros behind the mark are what a crash leaves of a write that only grew the file.
        let mut zeros = bytes[..synced as usize].to_vec();
        zeros.resize(zeros.len() + 5000, 0);
        std::fs::write(&path, zeros).unwrap();
        std::fs::write(folder.path().join(MARK_FILE), &mark).unwrap();
        assert_eq!(entries(folder.path()).unwrap().1, 5000);
        let mut visit = |_, _: &[u8]| Ok::<_, LogError>(());
        let (mut log, _) = SealedLog::open(folder.path(), data_key(), &mut visit).unwrap();
        log.append(b"more").unwrap();
        log.sync().unwrap();
        drop(log);
        texts.push(b"more".to_vec());
        assert_eq!(entries(folder.path()).unwrap(), (texts, 0));
    }

    #[test]
    fn a_rewrite_leaves_nothing_of_the_old() {
        let folder = tempfile::tempdir().unwrap();
        let (mut log, _) = filled(folder.path());
        let mut old = File::open(log_path(folder.path(), 1)).unwrap();
        let mut next = log.next_generation().unwrap();
        next.append(b"kept").unwrap();
        log.switch_to(next).unwrap().shred().unwrap();
        log.append(b"and more").unwrap();
        log.sync().unwrap();
        assert!(!log_path(folder.path(), 1).exists());
        let mut bytes = Vec::new();
        old.read_to_end(&mut bytes).unwrap();
        assert!(!bytes.is_empty() && bytes.iter().all(|byte| *byte == 0), "overwritten");
        drop(log);
        let kept = vec![b"kept".to_vec(), b"and more".to_vec()];
        assert_eq!(entries(folder.path()).unwrap(), (kept, 0));
    }

    #[test]
    fn an_older_copy_does_not_destroy_newer_data() {
        let folder = tempfile::tempdir().unwrap();
        let (mut log, _) = filled(folder.path());
        let old: Vec<_> = [log_path(folder.path(), 1), folder.path().join(MARK_FILE)]
            .map(|path| (path.clone(), std::fs::read(path).unwrap()))
            .into();
        let next = log.next_generation().unwrap();
        log.switch_to(next).unwrap().shred().unwrap();
        drop(log);
        for (path, bytes) in old {
            std::fs::write(path, bytes).unwrap();
        }
        assert!(matches!(entries(folder.path()), Err(LogError::Newer { .. })));
        assert!(log_path(folder.path(), 2).exists());
    }

    #[test]
    fn a_failed_rewrite_can_be_tried_again() {
        let folder = tempfile::tempdir().unwrap();
        let (mut log, mut texts) = filled(folder.path());
        drop(log.next_generation().unwrap());
        log.append(b"in between").unwrap();
        log.sync().unwrap();
        drop(log);
        texts.push(b"in between".to_vec());
        assert_eq!(entries(folder.path()).unwrap(), (texts, 0));
        assert!(!log_path(folder.path(), 2).exists(), "the draft is gone");
    }

    #[test]
    fn a_crash_at_any_point_of_a_rewrite_leaves_the_old_or_the_new() {
        for count in 0..64 {
            let folder = tempfile::tempdir().unwrap();
            let (mut log, texts) = filled(folder.path());
            fault::crash_after(Some(count));
            let done = log.next_generation().and_then(|mut next| {
                next.append(b"kept")?;
                log.switch_to(next)?.shred()
            });
            fault::crash_after(None);
            let finished = done.is_ok();
            drop(log);
            let (read, torn) = entries(folder.path()).unwrap();
            assert_eq!(torn, 0);
            let is_new = read == [b"kept".to_vec()];
            let is_old = read.starts_with(&texts);
            assert!(is_new || (is_old && done.is_err()), "after {count} operations");
            let logs = std::fs::read_dir(folder.path()).unwrap();
            let logs =
                logs.filter(|entry| generation_of(&entry.as_ref().unwrap().path()).is_some());
            assert_eq!(logs.count(), 1, "strays are gone");
            if finished {
                assert!(count > 3);
                return;
            }
        }
        panic!("the rewrite never finished");
    }
}
