//! Block files: the append-only truth.
//!
//! Segments named `blocks-<first height, 20 digits>.seg` hold [frames](super::frame) of contiguous
//! heights from 1; a segment's tag is its first height. A segment takes frames until the next one
//! would pass its bound, and at least one.
//!
//! Invariants:
//! - `append` returns after the frame is synced; only then can `read` and `tip` see it.
//! - A segment's name is durable before its first frame is written, so the order of segments never
//!   has a hole.
//! - `open` reads and verifies every byte once, in order. `read` verifies again.
//!
//! - A damaged block can be [repaired](BlockFiles::repair) by another copy of it, which stands in a
//!   file of its own from then on; segments are never written over.
//!
//! Memory: 4 bytes a block. Reading takes no lock while it reads, so readers never delay a commit.
//!
//! Does not know what a block is, nor how to get one that is damaged from elsewhere.

mod repaired;

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, RwLock, RwLockReadGuard, RwLockWriteGuard};

use super::disk::{Disk, DiskFile};
use super::error::{Damage, FileOp, Limit, StoreError};
use super::frame::{
    Expected, FrameWriter, HEADER_BYTES, Kind, MAX_PAYLOAD_BYTES, Scanned, read_frame, scan,
};

/// Bound of a segment unless the caller chooses another: 64 MiB.
pub const DEFAULT_SEGMENT_BYTES: u64 = 64 * 1024 * 1024;
/// Largest bound of a segment: offsets are indexed in 32 bits, and a last frame may begin just
/// below the bound.
pub const MAX_SEGMENT_BYTES: u64 = 1 << 31;

const NAME_PREFIX: &str = "blocks-";
const NAME_SUFFIX: &str = ".seg";

/// How far [`BlockFiles::open`] has verified.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    /// Last height verified.
    pub height: u64,
    /// Bytes verified.
    pub bytes: u64,
    /// Bytes of all segments.
    pub total_bytes: u64,
}

/// A torn last frame that [`BlockFiles::open`] cut off. Its block was never acknowledged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TornTail {
    /// File name.
    pub file: String,
    /// Where the frame began, in bytes.
    pub offset: u64,
    /// Height the frame would have had.
    pub height: u64,
    /// Bytes cut off.
    pub bytes: u64,
}

/// The block files of a node.
#[derive(Debug)]
pub struct BlockFiles<D: Disk> {
    disk: D,
    segment_bytes: u64,
    /// In order of height; the last one is being written.
    segments: RwLock<Vec<Segment>>,
    writer: Mutex<Option<FrameWriter<D::File>>>,
    /// Heights whose block stands in a file of its own, and where the damaged frame ends.
    repaired: RwLock<BTreeMap<u64, u64>>,
    torn: Option<TornTail>,
    read_only: bool,
}

#[derive(Debug)]
struct Segment {
    first: u64,
    /// Where each frame begins; the frame's height is `first` and its position here.
    offsets: Vec<u32>,
}

impl Segment {
    fn next_height(&self) -> u64 {
        self.first + self.offsets.len() as u64
    }
}

impl<D: Disk> BlockFiles<D> {
    /// Opens and verifies all segments, cutting off a torn last frame; tells `progress` after each
    /// block.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`] for any other damage, `Io`, and `TooLarge` for a segment bound over
    /// [`MAX_SEGMENT_BYTES`].
    pub fn open(
        disk: D,
        segment_bytes: u64,
        progress: &mut dyn FnMut(Progress),
    ) -> Result<Self, StoreError> {
        if segment_bytes > MAX_SEGMENT_BYTES {
            let (bound, found) = (MAX_SEGMENT_BYTES, segment_bytes);
            return Err(StoreError::TooLarge { limit: Limit::Segment, bound, found });
        }
        disk.sync_dir().map_err(StoreError::io(FileOp::Folder, "block files"))?;
        let mut opening = Opening::new(&disk, progress)?;
        let mut writer = None;
        let firsts = segment_firsts(&disk)?;
        for (position, first) in firsts.iter().enumerate() {
            let is_last = position + 1 == firsts.len();
            let (file, found) = opening.segment(*first, position + 1 == firsts.len())?;
            if is_last {
                let mut last = FrameWriter::new(file, segment_name(*first), Kind::Block, found.end);
                if found.torn_bytes > 0 {
                    last.truncate(found.end)?;
                }
                last.sync()?;
                writer = Some(last);
            }
        }
        let Opening { segments, torn, repaired, .. } = opening;
        Ok(Self {
            repaired: RwLock::new(repaired),
            disk,
            segment_bytes,
            segments: RwLock::new(segments),
            writer: Mutex::new(writer),
            torn,
            read_only: false,
        })
    }

    /// Verifies all segments as [`open`](Self::open) does and changes nothing, also beside a node
    /// that runs: blocks that it adds later are not seen, and none can be added here.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub fn reading(disk: D, progress: &mut dyn FnMut(Progress)) -> Result<Self, StoreError> {
        let mut opening = Opening::new(&disk, progress)?;
        let firsts = segment_firsts(&disk)?;
        for (position, first) in firsts.iter().enumerate() {
            opening.segment(*first, position + 1 == firsts.len())?;
        }
        let Opening { segments, torn, repaired, .. } = opening;
        Ok(Self {
            repaired: RwLock::new(repaired),
            disk,
            segment_bytes: 0,
            segments: RwLock::new(segments),
            writer: Mutex::new(None),
            torn,
            read_only: true,
        })
    }

    /// The highest height stored; 0 when there is none.
    pub fn tip(&self) -> u64 {
        tip_of(&self.segments())
    }

    /// What opening cut off. A caller whose index or write-ahead log is ahead of
    /// [`tip`](Self::tip) has lost a block that was acknowledged, not a torn one.
    pub fn torn(&self) -> Option<&TornTail> {
        self.torn.as_ref()
    }

    /// Stores the block of the next height; on return it is durable.
    ///
    /// # Errors
    /// `OutOfOrder`, `TooLarge`, `Io`. After a failed write, as on a full disk, the call can be
    /// repeated; after a failed sync every call is `Untrusted` until the files are opened again.
    pub fn append(&self, height: u64, block: &[u8]) -> Result<(), StoreError> {
        self.expect_writable()?;
        let mut writer = self.writer();
        let expected = self.tip() + 1;
        if height != expected {
            return Err(StoreError::OutOfOrder { expected, found: height });
        }
        if block.len() > MAX_PAYLOAD_BYTES {
            let (bound, found) = (MAX_PAYLOAD_BYTES as u64, block.len() as u64);
            return Err(StoreError::TooLarge { limit: Limit::Block, bound, found });
        }
        let frame_bytes = (HEADER_BYTES + block.len()) as u64;
        let has_room = |writer: &FrameWriter<D::File>| {
            writer.len() == 0 || writer.len() + frame_bytes <= self.segment_bytes
        };
        let writer = match &mut *writer {
            Some(writer) if has_room(writer) => writer,
            full => full.insert(self.start_segment(height)?),
        };
        let first = self.segments().last().map_or(height, |segment| segment.first);
        let offset = writer.append(first, height, block)?;
        if let Some(segment) = self.segments_mut().last_mut() {
            segment.offsets.push(offset as u32);
        }
        Ok(())
    }

    /// Reads and verifies the block of a height; `None` when it is 0 or above the tip.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`] and `Io`.
    pub fn read(&self, height: u64) -> Result<Option<Vec<u8>>, StoreError> {
        let Some((first, offset)) = self.locate(height) else { return Ok(None) };
        if self.repaired().contains_key(&height) {
            return repaired::read(&self.disk, height).map(Some);
        }
        let name = segment_name(first);
        let file = self.disk.open(&name).map_err(StoreError::io(FileOp::Open, &name))?;
        let mut block = Vec::new();
        read_frame(&file, Kind::Block, offset, &mut block)
            .map_err(StoreError::io(FileOp::Read, &name))?
            .and_then(|header| header.expect(first, height))
            .map_err(|damage| Kind::Block.damaged(&name, offset, height, damage))?;
        Ok(Some(block))
    }

    /// Puts another copy in the place of a damaged block; on return it is durable. The caller knows
    /// that it is the right block. False when the stored one can be read.
    ///
    /// # Errors
    /// `OutOfOrder` above the tip, `TooLarge`, `Io`; the damage itself when too many are repaired
    /// already.
    pub fn repair(&self, height: u64, block: &[u8]) -> Result<bool, StoreError> {
        self.expect_writable()?;
        let damage = match self.read(height) {
            Ok(Some(_)) => return Ok(false),
            Ok(None) => {
                return Err(StoreError::OutOfOrder { expected: self.tip(), found: height });
            }
            Err(damage @ StoreError::Corrupt { .. }) => damage,
            Err(error) => return Err(error),
        };
        if block.len() > MAX_PAYLOAD_BYTES {
            let (bound, found) = (MAX_PAYLOAD_BYTES as u64, block.len() as u64);
            return Err(StoreError::TooLarge { limit: Limit::Block, bound, found });
        }
        // Nothing is appended meanwhile, so that the last frame ends where the file does.
        let _writer = self.writer();
        let end = self.end_of(height)?;
        let mut repaired = self.repaired.write().expect("no holder of the repaired panics");
        if repaired.len() >= repaired::MAX_REPAIRED {
            return Err(damage);
        }
        repaired::write(&self.disk, height, end, block)?;
        repaired.insert(height, end);
        Ok(true)
    }

    /// Bytes of frames in all segments.
    ///
    /// # Errors
    /// `Io`.
    pub fn bytes(&self) -> Result<u64, StoreError> {
        let firsts: Vec<u64> = self.segments().iter().map(|segment| segment.first).collect();
        total_bytes(&self.disk, &firsts)
    }

    fn expect_writable(&self) -> Result<(), StoreError> {
        match self.read_only {
            true => {
                Err(StoreError::Untrusted { file: "block files, opened to be read".to_owned() })
            }
            false => Ok(()),
        }
    }

    /// First height of the segment and offset in it.
    fn locate(&self, height: u64) -> Option<(u64, u64)> {
        let segments = self.segments();
        let after = segments.partition_point(|segment| segment.first <= height);
        let segment = segments.get(after.checked_sub(1)?)?;
        let offset = segment.offsets.get(usize::try_from(height - segment.first).ok()?)?;
        Some((segment.first, u64::from(*offset)))
    }

    /// Where the frame of a stored height ends in its segment.
    fn end_of(&self, height: u64) -> Result<u64, StoreError> {
        let place = (self.locate(height), self.locate(height + 1));
        let (Some((first, _)), next) = place else {
            return Err(StoreError::OutOfOrder { expected: self.tip(), found: height });
        };
        match next {
            Some((same, offset)) if same == first => Ok(offset),
            _ => {
                let name = segment_name(first);
                let file = self.disk.open(&name).map_err(StoreError::io(FileOp::Open, &name))?;
                file.size().map_err(StoreError::io(FileOp::Read, &name))
            }
        }
    }

    /// Makes an empty segment, durably, and appends it to the index.
    fn start_segment(&self, first: u64) -> Result<FrameWriter<D::File>, StoreError> {
        let name = segment_name(first);
        let file = match self.disk.create(&name) {
            // Left by an attempt whose folder sync failed: nothing was written to it.
            Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {
                self.disk.open(&name)
            }
            other => other,
        }
        .map_err(StoreError::io(FileOp::Open, &name))?;
        self.disk.sync_dir().map_err(StoreError::io(FileOp::Folder, &name))?;
        self.segments_mut().push(Segment { first, offsets: Vec::new() });
        Ok(FrameWriter::new(file, name, Kind::Block, 0))
    }

    fn repaired(&self) -> RwLockReadGuard<'_, BTreeMap<u64, u64>> {
        self.repaired.read().expect("no holder of the repaired panics")
    }

    fn segments(&self) -> RwLockReadGuard<'_, Vec<Segment>> {
        self.segments.read().expect("no holder of the block index panics")
    }

    fn segments_mut(&self) -> RwLockWriteGuard<'_, Vec<Segment>> {
        self.segments.write().expect("no holder of the block index panics")
    }

    fn writer(&self) -> MutexGuard<'_, Option<FrameWriter<D::File>>> {
        self.writer.lock().expect("no holder of the block writer panics")
    }
}

/// What [`verify_blocks`] found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VerifiedBlocks {
    /// The highest height; 0 when there is none.
    pub tip: u64,
    /// Bytes of whole frames.
    pub bytes: u64,
    /// A last frame that is not whole: torn by a crash, or being written at this moment.
    pub torn: Option<TornTail>,
}

/// Reads and verifies every block as [`BlockFiles::open`] does, and changes nothing: also beside a
/// node that runs.
///
/// # Errors
/// [`StoreError::Corrupt`] names file, offset and height; and `Io`.
pub fn verify_blocks<D: Disk>(
    disk: &D,
    progress: &mut dyn FnMut(Progress),
) -> Result<VerifiedBlocks, StoreError> {
    let mut opening = Opening::new(disk, progress)?;
    let firsts = segment_firsts(disk)?;
    for (position, first) in firsts.iter().enumerate() {
        opening.segment(*first, position + 1 == firsts.len())?;
    }
    let Opening { segments, bytes, torn, .. } = opening;
    Ok(VerifiedBlocks { tip: tip_of(&segments), bytes, torn })
}

/// The work of [`BlockFiles::open`], segment by segment.
struct Opening<'a, D: Disk> {
    disk: &'a D,
    progress: &'a mut dyn FnMut(Progress),
    bytes: u64,
    total_bytes: u64,
    segments: Vec<Segment>,
    repaired: BTreeMap<u64, u64>,
    torn: Option<TornTail>,
}

impl<'a, D: Disk> Opening<'a, D> {
    fn new(disk: &'a D, progress: &'a mut dyn FnMut(Progress)) -> Result<Self, StoreError> {
        let total_bytes = total_bytes(disk, &segment_firsts(disk)?)?;
        let repaired = repaired::all(disk)?;
        let segments = Vec::new();
        Ok(Self { disk, progress, bytes: 0, total_bytes, segments, repaired, torn: None })
    }

    fn segment(&mut self, first: u64, is_last: bool) -> Result<(D::File, Scanned), StoreError> {
        let name = segment_name(first);
        let expected_first = tip_of(&self.segments) + 1;
        if first != expected_first {
            let damage = Damage::Missing { found: first };
            return Err(Kind::Block.damaged(&name, 0, expected_first, damage));
        }
        let file = self.disk.open(&name).map_err(StoreError::io(FileOp::Open, &name))?;
        let expected = Expected {
            kind: Kind::Block,
            file_name: &name,
            tag: Some(first),
            first_number: first,
            may_be_torn: is_last,
            repaired: Some(&self.repaired),
        };
        let mut offsets = Vec::new();
        let found = scan(&file, expected, &mut |offset, height, block| {
            let offset32 = u32::try_from(offset).map_err(|_| {
                Kind::Block.damaged(&name, offset, height, Damage::Length { found: offset })
            })?;
            offsets.push(offset32);
            let bytes = self.bytes + offset + (HEADER_BYTES + block.len()) as u64;
            (self.progress)(Progress { height, bytes, total_bytes: self.total_bytes });
            Ok(())
        })?;
        self.bytes += found.end;
        self.segments.push(Segment { first, offsets });
        if found.torn_bytes > 0 {
            self.torn = Some(TornTail {
                file: name,
                offset: found.end,
                height: found.next_number,
                bytes: found.torn_bytes,
            });
        }
        Ok((file, found))
    }
}

fn tip_of(segments: &[Segment]) -> u64 {
    segments.last().map_or(0, |segment| segment.next_height() - 1)
}

fn segment_name(first: u64) -> String {
    format!("{NAME_PREFIX}{first:020}{NAME_SUFFIX}")
}

/// First heights of the segments that exist, in order. Files with other names are left alone.
fn segment_firsts<D: Disk>(disk: &D) -> Result<Vec<u64>, StoreError> {
    let names = disk.list().map_err(StoreError::io(FileOp::Folder, "block files"))?;
    let first = |name: &str| {
        let first = name.strip_prefix(NAME_PREFIX)?.strip_suffix(NAME_SUFFIX)?.parse().ok()?;
        (segment_name(first) == name).then_some(first)
    };
    Ok(names.iter().filter_map(|name| first(name)).collect())
}

fn total_bytes<D: Disk>(disk: &D, firsts: &[u64]) -> Result<u64, StoreError> {
    firsts.iter().try_fold(0, |total, first| {
        let name = segment_name(*first);
        let file = disk.open(&name).map_err(StoreError::io(FileOp::Open, &name))?;
        let size = file.size().map_err(StoreError::io(FileOp::Read, &name))?;
        Ok(total + size)
    })
}

#[cfg(test)]
mod tests;
