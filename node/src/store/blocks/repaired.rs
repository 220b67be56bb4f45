//! Blocks that took the place of damaged ones: a file each, beside the segments, so that nothing that
//! was acknowledged is ever written over.
//!
//! `repaired-<height, 20 digits>.blk` is one frame; its tag says where the damaged one ends in its
//! segment, so that the frames after that are found whatever of it is damaged. It gets its name when
//! it is whole and synced; a file of any other content counts as none.
//!
//! Does not know whether a block is the right one: who calls does.

use std::collections::BTreeMap;

use crate::store::disk::{Disk, DiskFile};
use crate::store::error::{FileOp, StoreError};
use crate::store::frame::{FrameWriter, Kind, read_frame};

/// Most blocks that are repaired one by one; with more the disk is not to be trusted, and the
/// operator has all blocks fetched anew.
pub(super) const MAX_REPAIRED: usize = 256;

const PREFIX: &str = "repaired-";
const SUFFIX: &str = ".blk";
/// A file that is being written.
const UNFINISHED: &str = "repaired.tmp";

fn name(height: u64) -> String {
    format!("{PREFIX}{height:020}{SUFFIX}")
}

/// The heights that have a whole file, and where their damaged frames end.
pub(super) fn all<D: Disk>(disk: &D) -> Result<BTreeMap<u64, u64>, StoreError> {
    let names = disk.list().map_err(StoreError::io(FileOp::Folder, "block files"))?;
    let height = |file: &String| {
        let height = file.strip_prefix(PREFIX)?.strip_suffix(SUFFIX)?.parse().ok()?;
        (name(height) == *file).then_some(height)
    };
    let heights = names.iter().filter_map(height).take(MAX_REPAIRED);
    Ok(heights.filter_map(|height| Some((height, frame(disk, height).ok()?.0))).collect())
}

/// Reads and verifies the block of a height.
pub(super) fn read<D: Disk>(disk: &D, height: u64) -> Result<Vec<u8>, StoreError> {
    frame(disk, height).map(|(_, block)| block)
}

fn frame<D: Disk>(disk: &D, height: u64) -> Result<(u64, Vec<u8>), StoreError> {
    let name = name(height);
    let file = disk.open(&name).map_err(StoreError::io(FileOp::Open, &name))?;
    let mut block = Vec::new();
    let header = read_frame(&file, Kind::Block, 0, &mut block)
        .map_err(StoreError::io(FileOp::Read, &name))?
        .and_then(|header| header.expect(header.tag, height).map(|()| header))
        .map_err(|damage| Kind::Block.damaged(&name, 0, height, damage))?;
    Ok((header.tag, block))
}

/// Writes a file; on return it is durable.
pub(super) fn write<D: Disk>(
    disk: &D,
    height: u64,
    end: u64,
    block: &[u8],
) -> Result<(), StoreError> {
    let file = match disk.create(UNFINISHED) {
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {
            disk.open(UNFINISHED).and_then(|file| file.truncate(0).map(|()| file))
        }
        other => other,
    }
    .map_err(StoreError::io(FileOp::Open, UNFINISHED))?;
    let mut writer = FrameWriter::new(file, UNFINISHED.to_owned(), Kind::Block, 0);
    writer.append(end, height, block)?;
    let name = name(height);
    disk.rename(UNFINISHED, &name).map_err(StoreError::io(FileOp::Folder, &name))?;
    disk.sync_dir().map_err(StoreError::io(FileOp::Folder, &name))
}
