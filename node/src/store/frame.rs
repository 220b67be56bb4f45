//! Frames: how a run of bytes is stored so that damage to it shows.
//!
//! ```text
//! byte  size  field (integers are big-endian)
//!    0     3  "HFB" in block files, "HFW" in the write-ahead log
//!    3     1  format version, 1
//!    4     4  length of the payload in bytes, at most MAX_PAYLOAD_BYTES
//!    8     8  tag of the file: first height of the segment, generation of the log
//!   16     8  number of the frame: height of the block, sequence in the log
//!   24     4  CRC-32 (IEEE, reflected, as in zlib) of the payload
//!   28     4  CRC-32 of bytes 0 to 27, followed by the frame's offset in its file as 8 bytes
//!   32     –  payload
//! ```
//!
//! CRC-32 is meant for accidents, and 1 in 2³² of them passes; malice is caught above, where the
//! payload's own hash and certificate are checked. Offset and tag are in the header's checksum, so
//! that a frame in the wrong place, or left from an earlier use of the file, is no frame.
//!
//! ## Torn, or damaged?
//!
//! A frame is written in one append and synced before anything follows it (rule 3 of
//! [`super`]). So a crash can tear only the last frame of the last file, and what a device
//! loses of it is an end of the file, or whole sectors that read as zeros. A bad frame is *torn*,
//! and may be cut off, only if all of this holds:
//! 1. no more bytes follow its start than one frame can have;
//! 2. either its end is missing, or some sector of it is all zeros;
//! 3. no intact later frame follows.
//!
//! Anything else once was acknowledged and is *damaged*. In particular a bit that flips in the last
//! frame is reported and does not silently shorten the history. What cannot be told apart is a
//! tear and the later loss of a whole acknowledged end; the caller compares heights (index,
//! write-ahead log) with [`super::BlockFiles::tip`] for that.
//!
//! Does not know what a payload means.

use std::collections::BTreeMap;
use std::io;

use hefu_primitives::bounds::MAX_STORED_BLOCK_BYTES;

use super::disk::DiskFile;
use super::error::{Damage, FileOp, StoreError};

/// Bytes before the payload.
pub const HEADER_BYTES: usize = 32;
/// Largest payload in bytes: a stored block, and 64 KiB so that framing above has room.
pub const MAX_PAYLOAD_BYTES: usize = MAX_STORED_BLOCK_BYTES + 64 * 1024;

const MAX_FRAME_BYTES: u64 = (HEADER_BYTES + MAX_PAYLOAD_BYTES) as u64;
const FORMAT_VERSION: u8 = 1;
/// Smallest unit a device loses; larger ones are multiples of it.
const SECTOR_BYTES: u64 = 512;

/// What a frame's file is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Block,
    Wal,
}

impl Kind {
    const fn magic(self) -> [u8; 3] {
        match self {
            Self::Block => *b"HFB",
            Self::Wal => *b"HFW",
        }
    }

    /// The error for damage at a place in a file of this kind.
    pub(super) fn damaged(
        self,
        file: &str,
        offset: u64,
        number: u64,
        damage: Damage,
    ) -> StoreError {
        let file = file.to_owned();
        match self {
            Self::Block => StoreError::Corrupt { file, offset, height: number, damage },
            Self::Wal => StoreError::CorruptWal { file, offset, frame: number, damage },
        }
    }
}

/// The checked header of a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Header {
    pub(super) len: usize,
    pub(super) tag: u64,
    pub(super) number: u64,
    payload_crc: u32,
}

impl Header {
    /// Parses a header found at `offset` of its file.
    pub(super) fn decode(bytes: &[u8], kind: Kind, offset: u64) -> Result<Self, Damage> {
        let bytes: &[u8; HEADER_BYTES] = bytes.first_chunk().ok_or(Damage::Short)?;
        if bytes[..3] != kind.magic() {
            return Err(Damage::Magic);
        }
        if be_u32(bytes, 28) != header_crc(&bytes[..28], offset) {
            return Err(Damage::HeaderChecksum);
        }
        // After the checksum, so that a flipped bit is not taken for a newer program's file.
        if bytes[3] != FORMAT_VERSION {
            return Err(Damage::Version { found: bytes[3] });
        }
        let len = be_u32(bytes, 4) as usize;
        if len > MAX_PAYLOAD_BYTES {
            return Err(Damage::Length { found: len as u64 });
        }
        Ok(Self {
            len,
            tag: be_u64(bytes, 8),
            number: be_u64(bytes, 16),
            payload_crc: be_u32(bytes, 24),
        })
    }

    /// Checks that the frame is the one that belongs here.
    pub(super) fn expect(&self, tag: u64, number: u64) -> Result<(), Damage> {
        if self.tag != tag {
            return Err(Damage::Tag { expected: tag, found: self.tag });
        }
        if self.number != number {
            return Err(Damage::Number { expected: number, found: self.number });
        }
        Ok(())
    }

    /// Checks the payload.
    pub(super) fn check_payload(&self, payload: &[u8]) -> Result<(), Damage> {
        if payload.len() != self.len {
            return Err(Damage::Short);
        }
        if crc32fast::hash(payload) == self.payload_crc {
            Ok(())
        } else {
            Err(Damage::PayloadChecksum)
        }
    }
}

/// The header of a frame that will stand at `offset`. The payload's length was checked.
fn header(kind: Kind, tag: u64, number: u64, offset: u64, payload: &[u8]) -> [u8; HEADER_BYTES] {
    let len = u32::try_from(payload.len()).expect("a payload is at most MAX_PAYLOAD_BYTES");
    let mut bytes = [0; HEADER_BYTES];
    bytes[..3].copy_from_slice(&kind.magic());
    bytes[3] = FORMAT_VERSION;
    bytes[4..8].copy_from_slice(&len.to_be_bytes());
    bytes[8..16].copy_from_slice(&tag.to_be_bytes());
    bytes[16..24].copy_from_slice(&number.to_be_bytes());
    bytes[24..28].copy_from_slice(&crc32fast::hash(payload).to_be_bytes());
    let crc = header_crc(&bytes[..28], offset);
    bytes[28..].copy_from_slice(&crc.to_be_bytes());
    bytes
}

fn header_crc(fields: &[u8], offset: u64) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(fields);
    hasher.update(&offset.to_be_bytes());
    hasher.finalize()
}

fn be_u32(bytes: &[u8; HEADER_BYTES], at: usize) -> u32 {
    u32::from_be_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]])
}

fn be_u64(bytes: &[u8; HEADER_BYTES], at: usize) -> u64 {
    u64::from(be_u32(bytes, at)) << 32 | u64::from(be_u32(bytes, at + 4))
}

/// What a scan expects of a file.
#[derive(Clone, Copy, Debug)]
pub(super) struct Expected<'a> {
    pub(super) kind: Kind,
    pub(super) file_name: &'a str,
    /// `None` takes the tag of the first frame.
    pub(super) tag: Option<u64>,
    pub(super) first_number: u64,
    /// Whether this is the file that a crash can have torn.
    pub(super) may_be_torn: bool,
    /// Numbers of frames that may be damaged, because they stand elsewhere too, and where they end.
    pub(super) repaired: Option<&'a BTreeMap<u64, u64>>,
}

impl Expected<'_> {
    /// Where a damaged frame ends that stands elsewhere too.
    fn stands_elsewhere(&self, number: u64, offset: u64, size: u64) -> Option<u64> {
        let end = self.repaired?.get(&number).copied()?;
        (offset < end && end <= size).then_some(end)
    }
}

/// What a scan found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Scanned {
    /// Where the intact frames end.
    pub(super) end: u64,
    /// Length of the torn frame after them; 0 if there is none.
    pub(super) torn_bytes: u64,
    pub(super) tag: Option<u64>,
    pub(super) next_number: u64,
}

/// Takes a frame's offset, number and payload.
pub(super) type Visit<'a> = dyn FnMut(u64, u64, &[u8]) -> Result<(), StoreError> + 'a;

/// Reads and verifies a whole file once, from its start, and hands each frame to `visit`.
pub(super) fn scan<F: DiskFile>(
    file: &F,
    expected: Expected<'_>,
    visit: &mut Visit<'_>,
) -> Result<Scanned, StoreError> {
    let name = expected.file_name;
    let size = file.size().map_err(StoreError::io(FileOp::Read, name))?;
    let mut found =
        Scanned { end: 0, torn_bytes: 0, tag: expected.tag, next_number: expected.first_number };
    let mut payload = Vec::new();
    while found.end < size {
        let (offset, number) = (found.end, found.next_number);
        let next = read_frame(file, expected.kind, offset, &mut payload)
            .map_err(StoreError::io(FileOp::Read, name))?
            .and_then(|header| {
                header.expect(found.tag.unwrap_or(header.tag), number).map(|()| header)
            });
        match next {
            Ok(header) => {
                visit(offset, number, &payload)?;
                found.tag = Some(header.tag);
                found.next_number += 1;
                found.end += (HEADER_BYTES + header.len) as u64;
            }
            Err(damage) => {
                if let Some(end) = expected.stands_elsewhere(number, offset, size) {
                    visit(offset, number, &[])?;
                    found.next_number += 1;
                    found.end = end;
                    continue;
                }
                if !(expected.may_be_torn
                    && is_torn(file, size, expected.kind, &found)
                        .map_err(StoreError::io(FileOp::Read, name))?)
                {
                    return Err(expected.kind.damaged(name, offset, number, damage));
                }
                found.torn_bytes = size - offset;
                break;
            }
        }
    }
    Ok(found)
}

/// Reads the frame at `offset` and checks its header and payload, but not whether it belongs there.
pub(super) fn read_frame<F: DiskFile>(
    file: &F,
    kind: Kind,
    offset: u64,
    payload: &mut Vec<u8>,
) -> io::Result<Result<Header, Damage>> {
    let mut head = [0; HEADER_BYTES];
    let count = file.read_at(offset, &mut head)?;
    let header = match Header::decode(&head[..count], kind, offset) {
        Ok(header) => header,
        Err(damage) => return Ok(Err(damage)),
    };
    payload.resize(header.len, 0);
    let count = file.read_at(offset + HEADER_BYTES as u64, payload)?;
    payload.truncate(count);
    Ok(header.check_payload(payload).map(|()| header))
}

/// Whether the bad frame at `found.end` is what a crash leaves of a last frame.
fn is_torn<F: DiskFile>(file: &F, size: u64, kind: Kind, found: &Scanned) -> io::Result<bool> {
    let offset = found.end;
    let follows = size - offset;
    if follows > MAX_FRAME_BYTES {
        return Ok(false);
    }
    if follows < HEADER_BYTES as u64 {
        return Ok(true);
    }
    let mut rest = vec![0; follows as usize];
    let count = file.read_at(offset, &mut rest)?;
    rest.truncate(count);
    Ok(match Header::decode(&rest, kind, offset) {
        Ok(header) => {
            let belongs = header.expect(found.tag.unwrap_or(header.tag), found.next_number).is_ok();
            let end = HEADER_BYTES + header.len;
            belongs && (end > rest.len() || (end == rest.len() && has_lost_sector(&rest, offset)))
        }
        Err(Damage::Version { .. } | Damage::Length { .. }) => false,
        Err(_) => has_lost_sector(&rest, offset) && !has_later_frame(&rest, kind, found),
    })
}

/// Whether some sector's part of `bytes`, which begin at `offset` of the file, is all zeros.
fn has_lost_sector(bytes: &[u8], offset: u64) -> bool {
    let to_boundary = (SECTOR_BYTES - offset % SECTOR_BYTES) as usize;
    let (first, rest) = bytes.split_at(to_boundary.min(bytes.len()));
    let is_zero = |part: &[u8]| part.iter().all(|byte| *byte == 0);
    is_zero(first) || rest.chunks(SECTOR_BYTES as usize).any(is_zero)
}

/// Whether an intact frame with a higher number stands somewhere after the bad one.
fn has_later_frame(rest: &[u8], kind: Kind, found: &Scanned) -> bool {
    (1..rest.len()).any(|at| {
        let candidate = &rest[at..];
        candidate.starts_with(&kind.magic())
            && Header::decode(candidate, kind, found.end + at as u64).is_ok_and(|header| {
                header.number > found.next_number
                    && found.tag.is_none_or(|tag| tag == header.tag)
                    && candidate
                        .get(HEADER_BYTES..HEADER_BYTES + header.len)
                        .is_some_and(|payload| header.check_payload(payload).is_ok())
            })
    })
}

/// The writing end of a file of frames.
#[derive(Debug)]
pub(super) struct FrameWriter<F> {
    pub(super) file: F,
    pub(super) name: String,
    kind: Kind,
    /// Where the next frame begins: the end of what is durable.
    len: u64,
    /// Rule 4 of the module above: set when the durable content became unknown.
    untrusted: bool,
}

impl<F: DiskFile> FrameWriter<F> {
    /// Writes after `len` bytes of intact frames, which is the file's length.
    pub(super) fn new(file: F, name: String, kind: Kind, len: u64) -> Self {
        Self { file, name, kind, len, untrusted: false }
    }

    pub(super) fn len(&self) -> u64 {
        self.len
    }

    /// Writes one frame and makes it durable; returns its offset.
    ///
    /// When writing fails, as on a full disk, the part written is taken back and the caller may
    /// try again. When that or the sync fails, the writer refuses from then on.
    pub(super) fn append(
        &mut self,
        tag: u64,
        number: u64,
        payload: &[u8],
    ) -> Result<u64, StoreError> {
        self.check_trusted()?;
        let offset = self.len;
        let header = header(self.kind, tag, number, offset, payload);
        if let Err(error) = self.file.append_both(&header, payload) {
            self.untrusted = self.file.truncate(offset).is_err();
            return Err(StoreError::io(FileOp::Append, &self.name)(error));
        }
        self.sync()?;
        self.len += (HEADER_BYTES + payload.len()) as u64;
        Ok(offset)
    }

    /// Cuts the file off at `len`; the next sync makes it durable.
    pub(super) fn truncate(&mut self, len: u64) -> Result<(), StoreError> {
        self.check_trusted()?;
        self.file.truncate(len).map_err(StoreError::io(FileOp::Truncate, &self.name))?;
        self.len = len;
        Ok(())
    }

    pub(super) fn sync(&mut self) -> Result<(), StoreError> {
        self.check_trusted()?;
        self.file.sync().map_err(|error| {
            self.untrusted = true;
            StoreError::io(FileOp::Sync, &self.name)(error)
        })
    }

    fn check_trusted(&self) -> Result<(), StoreError> {
        if self.untrusted { Err(StoreError::Untrusted { file: self.name.clone() }) } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::disk::{Disk, SimDisk};

    fn encode(kind: Kind, tag: u64, number: u64, offset: u64, payload: &[u8]) -> Vec<u8> {
        [&header(kind, tag, number, offset, payload), payload].concat()
    }

    #[test]
    fn golden_bytes() {
        let bytes = encode(Kind::Block, 1, 2, 33, b"hefu");
        let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(hex, "484642010000000400000000000000010000000000000002820240a90e3c80f768656675");
        assert_eq!(&encode(Kind::Wal, 0, 0, 0, b"")[..4], b"HFW\x01");
    }

    #[test]
    fn a_header_belongs_to_its_kind_and_place() {
        let bytes = encode(Kind::Block, 1, 2, 33, b"hefu");
        let header = Header::decode(&bytes, Kind::Block, 33).unwrap();
        assert_eq!((header.len, header.tag, header.number), (4, 1, 2));
        assert_eq!(Header::decode(&bytes, Kind::Wal, 33), Err(Damage::Magic));
        assert_eq!(Header::decode(&bytes, Kind::Block, 34), Err(Damage::HeaderChecksum));
        assert_eq!(Header::decode(&bytes[..31], Kind::Block, 33), Err(Damage::Short));
        assert_eq!(header.expect(3, 2), Err(Damage::Tag { expected: 3, found: 1 }));
        assert_eq!(header.expect(1, 3), Err(Damage::Number { expected: 3, found: 2 }));
        assert_eq!(header.check_payload(b"hefa"), Err(Damage::PayloadChecksum));
        assert_eq!(header.check_payload(b"hef"), Err(Damage::Short));
    }

    #[test]
    fn another_version_and_a_length_over_the_bound_are_named() {
        let forge = |at: usize, value: u8| {
            let mut bytes = encode(Kind::Block, 1, 2, 0, b"");
            bytes[at] = value;
            let crc = header_crc(&bytes[..28], 0);
            bytes[28..32].copy_from_slice(&crc.to_be_bytes());
            Header::decode(&bytes, Kind::Block, 0)
        };
        assert_eq!(forge(3, 2), Err(Damage::Version { found: 2 }));
        assert_eq!(forge(4, 1), Err(Damage::Length { found: 1 << 24 }));
        assert!(forge(5, 0x80).is_ok(), "8 MiB is within the bound");
    }

    /// Scans a file that holds `bytes`, and returns (frames, torn bytes) or the damage.
    fn scan_bytes(bytes: &[u8]) -> Result<(u64, u64), Damage> {
        let disk = SimDisk::new();
        let file = disk.create("f").unwrap();
        file.append(bytes).unwrap();
        let expected = Expected {
            kind: Kind::Wal,
            file_name: "f",
            tag: Some(9),
            first_number: 0,
            may_be_torn: true,
            repaired: None,
        };
        match scan(&file, expected, &mut |_, _, _| Ok(())) {
            Ok(found) => Ok((found.next_number, found.torn_bytes)),
            Err(StoreError::CorruptWal { damage, .. }) => Err(damage),
            Err(error) => panic!("{error}"),
        }
    }

    /// Three frames; the last begins at byte 632 and ends at 1664: it covers two whole sectors.
    fn three_frames() -> Vec<u8> {
        let mut bytes = Vec::new();
        for (number, len) in [(0, 500), (1, 68), (2, 1000)] {
            let offset = bytes.len() as u64;
            bytes.extend(encode(Kind::Wal, 9, number, offset, &vec![0xab; len]));
        }
        assert_eq!(bytes.len(), 1664);
        bytes
    }

    #[test]
    fn every_cut_leaves_the_frames_before_it() {
        let bytes = three_frames();
        for cut in 0..=bytes.len() {
            let frames = [532, 632, 1664].iter().filter(|end| **end <= cut).count() as u64;
            let end = [0, 532, 632, 1664][frames as usize];
            assert_eq!(scan_bytes(&bytes[..cut]), Ok((frames, (cut - end) as u64)), "cut {cut}");
        }
    }

    #[test]
    fn lost_sectors_of_the_last_frame_are_a_tear() {
        let torn = Ok((2, 1032));
        for (from, to) in [(632, 1024), (1024, 1536), (1536, 1664), (632, 1664)] {
            let mut bytes = three_frames();
            bytes[from..to].fill(0);
            assert_eq!(scan_bytes(&bytes), torn, "{from}..{to}");
        }
    }

    #[test]
    fn a_flipped_bit_is_never_a_tear() {
        for at in 0..1664 {
            let mut bytes = three_frames();
            bytes[at] ^= 0x10;
            let damage = scan_bytes(&bytes).unwrap_err();
            let in_frame = at - [0, 532, 632].iter().filter(|start| **start <= at).max().unwrap();
            let expected = match in_frame {
                0..3 => Damage::Magic,
                3..32 => Damage::HeaderChecksum,
                _ => Damage::PayloadChecksum,
            };
            assert_eq!(damage, expected, "byte {at}");
        }
    }

    #[test]
    fn lost_sectors_of_an_earlier_frame_are_damage() {
        let mut bytes = three_frames();
        bytes[0..512].fill(0);
        assert_eq!(scan_bytes(&bytes), Err(Damage::Magic), "intact frames follow");
        let mut bytes = three_frames();
        bytes[512..532].fill(0);
        assert_eq!(scan_bytes(&bytes), Err(Damage::PayloadChecksum));
    }

    #[test]
    fn a_frame_out_of_place_is_damage() {
        let mut bytes = three_frames();
        bytes.truncate(532);
        bytes.extend(encode(Kind::Wal, 9, 5, 532, b"x"));
        assert_eq!(scan_bytes(&bytes), Err(Damage::Number { expected: 1, found: 5 }));
        bytes.truncate(532);
        bytes.extend(encode(Kind::Wal, 8, 1, 532, b"x"));
        assert_eq!(scan_bytes(&bytes), Err(Damage::Tag { expected: 9, found: 8 }));
    }

    #[test]
    fn more_than_one_frame_of_rubbish_is_damage() {
        let mut bytes = three_frames();
        bytes.resize(1664 + MAX_FRAME_BYTES as usize, 0);
        assert_eq!(scan_bytes(&bytes), Ok((3, MAX_FRAME_BYTES)));
        bytes.push(0);
        assert_eq!(scan_bytes(&bytes), Err(Damage::Magic));
    }
}
