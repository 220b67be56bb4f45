//! The write-ahead log of consensus: what was decided to be said, before it is said.
//!
//! Entries are buffered by `append` and become durable together at `sync`, as one
//! [frame](super::frame) with one write and one sync, so at most the last frame can be torn. A
//! frame's payload is entries one after another, each with its length in 4 bytes big-endian; its
//! tag is the generation of the log, its number the sequence in the file from 0.
//!
//! `reset` starts a new generation for a new height. Two files take turns: the older one is emptied
//! and takes the new generation, and nothing is synced until the next `sync`, which a height needs
//! anyway. At opening the file with the higher generation that holds a frame is the log. So:
//! - a crash at any point leaves the old generation or the new one, each with all its synced
//!   entries;
//! - a `reset` becomes durable with the first `sync` after it. Until then a crash brings the old
//!   generation back, so **entries must carry their height, and whoever replays them skips
//!   heights that the block files already have**.
//!
//! Does not know what an entry means.

use super::disk::{Disk, DiskFile};
use super::error::{Damage, FileOp, Limit, StoreError};
use super::frame::{Expected, FrameWriter, Kind, MAX_PAYLOAD_BYTES, scan};

/// Largest entry in bytes: it must fit into a frame together with its length.
pub const MAX_ENTRY_BYTES: usize = MAX_PAYLOAD_BYTES - LENGTH_BYTES;
/// Largest log of one generation in bytes: a height that needs more is not making progress.
pub const MAX_LOG_BYTES: u64 = 256 * 1024 * 1024;

const LENGTH_BYTES: usize = 4;
const NAMES: [&str; 2] = ["wal-0.log", "wal-1.log"];

/// The log; one writer.
#[derive(Debug)]
pub struct Wal<D: Disk> {
    files: [FrameWriter<D::File>; 2],
    /// Which file is the log.
    active: usize,
    generation: u64,
    /// Number of the next frame in the active file.
    next_frame: u64,
    /// Entries that are not synced yet, encoded as in a frame.
    buffer: Vec<u8>,
    recovered: Vec<Vec<u8>>,
}

/// A file as opening finds it.
struct Found<F> {
    writer: FrameWriter<F>,
    generation: Option<u64>,
    next_frame: u64,
    entries: Vec<Vec<u8>>,
}

impl<D: Disk> Wal<D> {
    /// Opens the log, cutting off a torn end.
    ///
    /// # Errors
    /// [`StoreError::CorruptWal`] for damage that a crash does not explain, and `Io`.
    pub fn open(disk: &D) -> Result<Self, StoreError> {
        let [first, second] = [open_file(disk, NAMES[0])?, open_file(disk, NAMES[1])?];
        disk.sync_dir().map_err(StoreError::io(FileOp::Folder, "write-ahead log"))?;
        if let (Some(generation), true) = (first.generation, first.generation == second.generation)
        {
            let damage = Damage::Tag { expected: generation.saturating_add(1), found: generation };
            return Err(Kind::Wal.damaged(NAMES[1], 0, 0, damage));
        }
        let active = usize::from(second.generation > first.generation);
        let log = if active == 0 { &first } else { &second };
        Ok(Self {
            active,
            generation: log.generation.unwrap_or(1),
            next_frame: log.next_frame,
            buffer: Vec::new(),
            recovered: if active == 0 { first.entries } else { second.entries },
            files: [first.writer, second.writer],
        })
    }

    /// The durable entries found by [`open`](Self::open), oldest first, until the next
    /// [`reset`](Self::reset).
    pub fn entries(&self) -> &[Vec<u8>] {
        &self.recovered
    }

    /// Adds an entry, which is durable after the next [`sync`](Self::sync). Syncs by itself first
    /// when what is buffered fills a frame.
    ///
    /// # Errors
    /// `TooLarge`, and those of [`sync`](Self::sync).
    pub fn append(&mut self, entry: &[u8]) -> Result<(), StoreError> {
        self.append_parts(&[entry])
    }

    /// As [`append`](Self::append), of an entry in several parts.
    ///
    /// # Errors
    /// The same.
    pub fn append_parts(&mut self, parts: &[&[u8]]) -> Result<(), StoreError> {
        let len = parts.iter().map(|part| part.len()).sum::<usize>();
        if len > MAX_ENTRY_BYTES {
            let (bound, found) = (MAX_ENTRY_BYTES as u64, len as u64);
            return Err(StoreError::TooLarge { limit: Limit::WalEntry, bound, found });
        }
        if self.buffer.len() + LENGTH_BYTES + len > MAX_PAYLOAD_BYTES {
            self.sync()?;
        }
        self.buffer.extend_from_slice(&(len as u32).to_be_bytes());
        parts.iter().for_each(|part| self.buffer.extend_from_slice(part));
        Ok(())
    }

    /// Makes all entries durable. Does nothing when all are.
    ///
    /// # Errors
    /// `Io`, `Untrusted` after a failed sync, and `TooLarge` when the log is full. What was
    /// buffered stays buffered: after a full disk the call can be repeated.
    pub fn sync(&mut self) -> Result<(), StoreError> {
        if self.buffer.is_empty() {
            return Ok(());
        }
        let file = &mut self.files[self.active];
        let found = file.len() + self.buffer.len() as u64;
        if found > MAX_LOG_BYTES {
            return Err(StoreError::TooLarge {
                limit: Limit::WalFile,
                bound: MAX_LOG_BYTES,
                found,
            });
        }
        file.append(self.generation, self.next_frame, &self.buffer)?;
        self.next_frame += 1;
        self.buffer.clear();
        Ok(())
    }

    /// Starts an empty log and forgets what was buffered. See the module on when this is durable.
    ///
    /// # Errors
    /// `Io`; the old log then stays.
    pub fn reset(&mut self) -> Result<(), StoreError> {
        if self.next_frame > 0 {
            // The other file is older than the active one, which is durable: it can go.
            let other = 1 - self.active;
            self.files[other].truncate(0)?;
            self.active = other;
            self.generation += 1;
            self.next_frame = 0;
        }
        self.buffer.clear();
        self.recovered = Vec::new();
        Ok(())
    }

    /// Bytes of the log that are durable.
    pub fn bytes(&self) -> u64 {
        self.files[self.active].len()
    }
}

/// Opens or makes one of the two files, verifies it, and syncs what it holds.
fn open_file<D: Disk>(disk: &D, name: &str) -> Result<Found<D::File>, StoreError> {
    let file = match disk.open(name) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => disk.create(name),
        other => other,
    }
    .map_err(StoreError::io(FileOp::Open, name))?;
    check_size(&file, name)?;
    let mut entries = Vec::new();
    let expected = Expected {
        kind: Kind::Wal,
        file_name: name,
        tag: None,
        first_number: 0,
        may_be_torn: true,
        repaired: None,
    };
    let found = scan(&file, expected, &mut |offset, frame, payload| {
        decode_entries(payload, &mut entries)
            .map_err(|damage| Kind::Wal.damaged(name, offset, frame, damage))
    })?;
    let mut writer = FrameWriter::new(file, name.to_owned(), Kind::Wal, found.end);
    if found.torn_bytes > 0 {
        writer.truncate(found.end)?;
    }
    writer.sync()?;
    Ok(Found { writer, generation: found.tag, next_frame: found.next_number, entries })
}

/// Entries are read into memory: refuse a file that never was a log of ours.
fn check_size<F: DiskFile>(file: &F, name: &str) -> Result<(), StoreError> {
    let found = file.size().map_err(StoreError::io(FileOp::Read, name))?;
    let bound = MAX_LOG_BYTES + MAX_PAYLOAD_BYTES as u64;
    if found > bound {
        return Err(StoreError::TooLarge { limit: Limit::WalFile, bound, found });
    }
    Ok(())
}

fn decode_entries(mut payload: &[u8], entries: &mut Vec<Vec<u8>>) -> Result<(), Damage> {
    while !payload.is_empty() {
        let (len, rest) = payload.split_first_chunk().ok_or(Damage::Entries)?;
        let (entry, rest) =
            rest.split_at_checked(u32::from_be_bytes(*len) as usize).ok_or(Damage::Entries)?;
        entries.push(entry.to_vec());
        payload = rest;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::disk::SimDisk;

    fn entries(disk: &SimDisk) -> Vec<Vec<u8>> {
        Wal::open(disk).unwrap().entries().to_vec()
    }

    fn write<D: Disk>(wal: &mut Wal<D>, groups: &[&[&str]]) {
        for group in groups {
            for entry in *group {
                wal.append(entry.as_bytes()).unwrap();
            }
            wal.sync().unwrap();
        }
    }

    #[test]
    fn golden_bytes() {
        let disk = SimDisk::new();
        write(&mut Wal::open(&disk).unwrap(), &[&["a", ""]]);
        let hex: String =
            disk.content(NAMES[0]).unwrap().iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(
            hex,
            "484657010000000900000000000000010000000000000000890799f625ab7590000000016100000000"
        );
    }

    #[test]
    fn synced_entries_come_back_in_order_and_buffered_ones_do_not() {
        let disk = SimDisk::new();
        let mut wal = Wal::open(&disk).unwrap();
        assert!(wal.entries().is_empty());
        write(&mut wal, &[&["a", "b"], &[], &["", "c"]]);
        wal.append(b"unsynced").unwrap();
        disk.power_loss(1);
        assert_eq!(entries(&disk), [b"a".to_vec(), b"b".to_vec(), vec![], b"c".to_vec()]);
    }

    #[test]
    fn writing_continues_after_reopening() {
        let disk = SimDisk::new();
        write(&mut Wal::open(&disk).unwrap(), &[&["a"], &["b"]]);
        write(&mut Wal::open(&disk).unwrap(), &[&["c"]]);
        assert_eq!(entries(&disk), [b"a", b"b", b"c"]);
    }

    #[test]
    fn a_reset_is_durable_with_the_next_sync() {
        let disk = SimDisk::new();
        let mut wal = Wal::open(&disk).unwrap();
        for height in ["1", "2", "3", "4"] {
            wal.reset().unwrap();
            wal.reset().unwrap();
            wal.append(b"dropped").unwrap();
            wal.reset().unwrap();
            assert!(wal.entries().is_empty());
            write(&mut wal, &[&[height, "x"], &["y"]]);
            disk.restart();
            assert_eq!(entries(&disk), [height.as_bytes(), b"x", b"y"]);
            wal = Wal::open(&disk).unwrap();
        }
        wal.reset().unwrap();
        disk.power_loss(3);
        assert_eq!(entries(&disk), [b"4", b"x", b"y"], "the old log until something new is synced");
    }

    #[test]
    fn a_frame_takes_only_so_much() {
        let disk = SimDisk::new();
        let mut wal = Wal::open(&disk).unwrap();
        let largest = vec![1; MAX_ENTRY_BYTES];
        wal.append(&largest).unwrap();
        assert_eq!(wal.bytes(), 0);
        wal.append(b"next").unwrap();
        assert!(wal.bytes() > MAX_ENTRY_BYTES as u64, "the full frame was synced");
        wal.sync().unwrap();
        assert_eq!(entries(&disk), [largest, b"next".to_vec()]);
        let error = wal.append(&vec![1; MAX_ENTRY_BYTES + 1]).unwrap_err();
        assert!(matches!(error, StoreError::TooLarge { limit: Limit::WalEntry, .. }));
    }

    #[test]
    fn a_torn_end_is_cut_off() {
        let disk = SimDisk::new();
        write(&mut Wal::open(&disk).unwrap(), &[&["a"], &["b"]]);
        let whole = disk.content(NAMES[0]).unwrap().len();
        for cut in (37..whole).rev() {
            DiskFile::truncate(&disk.open(NAMES[0]).unwrap(), cut as u64).unwrap();
            assert_eq!(entries(&disk), [b"a"]);
            assert_eq!(disk.content(NAMES[0]).unwrap().len(), 37);
            write(&mut Wal::open(&disk).unwrap(), &[&["b"]]);
        }
    }

    #[test]
    fn any_flipped_byte_is_detected_and_named() {
        let disk = SimDisk::new();
        let mut wal = Wal::open(&disk).unwrap();
        write(&mut wal, &[&["old"]]);
        wal.reset().unwrap();
        write(&mut wal, &[&["a"], &["b"]]);
        for (name, frames) in [(NAMES[0], &[0][..]), (NAMES[1], &[0, 37])] {
            for at in 0..disk.content(name).unwrap().len() {
                disk.flip(name, at, 0x20);
                let frame = frames.iter().filter(|start| **start <= at).count() - 1;
                match Wal::open(&disk).unwrap_err() {
                    StoreError::CorruptWal { file, offset, frame: named, .. } => {
                        assert_eq!(
                            (file.as_str(), offset, named),
                            (name, frames[frame] as u64, frame as u64)
                        );
                    }
                    other => panic!("{other}"),
                }
                disk.flip(name, at, 0x20);
            }
        }
        assert_eq!(entries(&disk), [b"a", b"b"]);
    }

    #[test]
    fn two_files_of_one_generation_are_damage() {
        let disk = SimDisk::new();
        write(&mut Wal::open(&disk).unwrap(), &[&["a"]]);
        let copy = disk.content(NAMES[0]).unwrap();
        disk.open(NAMES[1]).unwrap().append(&copy).unwrap();
        assert!(matches!(Wal::open(&disk), Err(StoreError::CorruptWal { .. })));
    }

    #[test]
    fn entries_that_do_not_parse_are_damage() {
        for payload in [&b"\0"[..], b"\0\0\0\x02a", b"\xff\xff\xff\xff"] {
            assert_eq!(decode_entries(payload, &mut Vec::new()), Err(Damage::Entries));
        }
    }

    #[test]
    fn a_full_disk_can_be_tried_again_and_a_failed_sync_cannot() {
        let disk = SimDisk::new();
        let mut wal = Wal::open(&disk).unwrap();
        wal.append(b"entry").unwrap();
        disk.limit_free_bytes(Some(20));
        assert!(wal.sync().unwrap_err().is_disk_full());
        disk.limit_free_bytes(None);
        wal.sync().unwrap();
        wal.append(b"more").unwrap();
        disk.fail_syncs(1);
        assert!(matches!(wal.sync(), Err(StoreError::Io { op: FileOp::Sync, .. })));
        assert!(matches!(wal.sync(), Err(StoreError::Untrusted { .. })));
        disk.power_loss(5);
        assert_eq!(entries(&disk)[0], b"entry");
    }
}
