//! Block files: order, segments, reopening, faults of the disk, every kind of damage.

use super::*;
use crate::store::disk::{DiskFile, RealDisk, SimDisk};

const SEGMENT_BYTES: u64 = 400;

fn open<D: Disk>(disk: &D) -> Result<BlockFiles<D>, StoreError> {
    BlockFiles::open(disk.clone(), SEGMENT_BYTES, &mut |_| {})
}

fn block(height: u64) -> Vec<u8> {
    vec![height as u8 | 0x80; 100 + height as usize]
}

fn filled<D: Disk>(disk: &D, tip: u64) -> BlockFiles<D> {
    let files = open(disk).unwrap();
    for height in 1..=tip {
        files.append(height, &block(height)).unwrap();
    }
    files
}

fn assert_holds<D: Disk>(files: &BlockFiles<D>, tip: u64) {
    assert_eq!(files.tip(), tip);
    for height in 1..=tip {
        assert_eq!(files.read(height).unwrap(), Some(block(height)), "block {height}");
    }
    assert_eq!(files.read(0).unwrap(), None);
    assert_eq!(files.read(tip + 1).unwrap(), None);
    assert_eq!(files.read(u64::MAX).unwrap(), None);
}

/// File, offset and height that the error names, and the damage.
fn corrupt(error: StoreError) -> (String, u64, u64, Damage) {
    match error {
        StoreError::Corrupt { file, offset, height, damage } => (file, offset, height, damage),
        other => panic!("{other}"),
    }
}

#[test]
fn blocks_come_back_from_memory_and_from_disk() {
    let disk = SimDisk::new();
    assert_holds(&filled(&disk, 10), 10);
    disk.restart();
    let files = open(&disk).unwrap();
    assert_holds(&files, 10);
    assert_eq!(files.torn(), None);
    files.append(11, &block(11)).unwrap();
    assert_holds(&files, 11);
}

#[test]
fn the_same_on_a_real_disk() {
    let folder = tempfile::tempdir().unwrap();
    drop(filled(&RealDisk::open(folder.path()).unwrap(), 10));
    let disk = RealDisk::open(folder.path()).unwrap();
    assert_holds(&open(&disk).unwrap(), 10);
}

#[test]
fn segments_stay_within_their_bound_but_take_one_block() {
    let disk = SimDisk::new();
    let files = filled(&disk, 6);
    let names: Vec<String> = [1, 3, 5].into_iter().map(segment_name).collect();
    assert_eq!(disk.list().unwrap(), names);
    assert!(names.iter().all(|name| disk.content(name).unwrap().len() as u64 <= SEGMENT_BYTES));
    let large = vec![7; 5_000];
    files.append(7, &large).unwrap();
    files.append(8, b"").unwrap();
    assert_eq!(files.read(7).unwrap(), Some(large));
    assert_eq!(files.read(8).unwrap(), Some(Vec::new()));
    assert_eq!(disk.list().unwrap()[3..], [segment_name(7), segment_name(8)]);
    let stored: u64 =
        disk.list().unwrap().iter().map(|n| disk.content(n).unwrap().len() as u64).sum();
    assert_eq!(files.bytes().unwrap(), stored);
}

#[test]
fn heights_come_in_order_and_blocks_within_their_bound() {
    let files = filled(&SimDisk::new(), 2);
    for found in [0, 1, 2, 4, u64::MAX] {
        let error = files.append(found, b"x").unwrap_err();
        assert!(matches!(error, StoreError::OutOfOrder { expected: 3, found: f } if f == found));
    }
    let mut largest = vec![1; MAX_PAYLOAD_BYTES + 1];
    let error = files.append(3, &largest).unwrap_err();
    assert!(matches!(error, StoreError::TooLarge { limit: Limit::Block, .. }));
    largest.pop();
    files.append(3, &largest).unwrap();
    assert_eq!(files.read(3).unwrap().map(|block| block.len()), Some(MAX_PAYLOAD_BYTES));
}

#[test]
fn progress_ends_at_the_total() {
    let disk = SimDisk::new();
    filled(&disk, 10);
    let mut seen = Vec::new();
    BlockFiles::open(disk, SEGMENT_BYTES, &mut |progress| seen.push(progress)).unwrap();
    assert_eq!(
        seen.iter().map(|progress| progress.height).collect::<Vec<_>>(),
        Vec::from_iter(1..=10)
    );
    assert!(seen.is_sorted_by_key(|progress| progress.bytes));
    assert_eq!(seen[9].bytes, seen[9].total_bytes);
}

#[test]
fn a_torn_last_frame_is_cut_off_and_named() {
    let disk = SimDisk::new();
    filled(&disk, 4);
    let name = segment_name(3);
    let whole = disk.content(&name).unwrap();
    let second = HEADER_BYTES + block(3).len();
    for cut in second..whole.len() {
        disk.open(&name).and_then(|file| DiskFile::truncate(&file, cut as u64)).unwrap();
        let files = open(&disk).unwrap();
        assert_holds(&files, 3);
        let torn = (cut > second).then(|| TornTail {
            file: name.clone(),
            offset: second as u64,
            height: 4,
            bytes: (cut - second) as u64,
        });
        assert_eq!(files.torn(), torn.as_ref());
        files.append(4, &block(4)).unwrap();
        assert_eq!(disk.content(&name).unwrap(), whole);
    }
}

#[test]
fn any_flipped_byte_is_detected_and_named() {
    let disk = SimDisk::new();
    let files = filled(&disk, 5);
    for first in [1, 3, 5] {
        let name = segment_name(first);
        for at in 0..disk.content(&name).unwrap().len() {
            let first_end = HEADER_BYTES + block(first).len();
            let (height, offset) = if at < first_end { (first, 0) } else { (first + 1, first_end) };
            assert!(disk.flip(&name, at, 0x04));
            for error in [files.read(height).unwrap_err(), open(&disk).unwrap_err()] {
                let (file, at_offset, at_height, _) = corrupt(error);
                assert_eq!((file, at_offset, at_height), (name.clone(), offset as u64, height));
            }
            let other = 6 - height.max(1);
            if other != height {
                assert_eq!(files.read(other).unwrap(), Some(block(other)), "others are served");
            }
            disk.flip(&name, at, 0x04);
        }
    }
    assert_holds(&open(&disk).unwrap(), 5);
}

#[test]
fn a_missing_or_shortened_segment_is_detected() {
    let disk = SimDisk::new();
    let files = filled(&disk, 6);
    disk.rename(&segment_name(3), "elsewhere").unwrap();
    assert!(matches!(files.read(3), Err(StoreError::Io { op: FileOp::Open, .. })));
    let missing = corrupt(open(&disk).unwrap_err());
    assert_eq!(missing, (segment_name(5), 0, 3, Damage::Missing { found: 5 }));
    disk.rename("elsewhere", &segment_name(3)).unwrap();

    let file = disk.open(&segment_name(3)).unwrap();
    DiskFile::truncate(&file, 150).unwrap();
    let short = corrupt(open(&disk).unwrap_err());
    assert_eq!(short, (segment_name(3), 135, 4, Damage::Short), "only the last file can be torn");

    disk.rename(&segment_name(1), "elsewhere").unwrap();
    let missing = corrupt(open(&disk).unwrap_err());
    assert_eq!(missing, (segment_name(3), 0, 1, Damage::Missing { found: 3 }));
}

#[test]
fn a_segment_under_another_name_is_damage() {
    let disk = SimDisk::new();
    filled(&disk, 4);
    disk.rename(&segment_name(3), &segment_name(1)).unwrap();
    let (.., damage) = corrupt(open(&disk).unwrap_err());
    assert_eq!(damage, Damage::Tag { expected: 1, found: 3 });
}

#[test]
fn a_segment_replaced_under_a_running_node_is_not_served() {
    let disk = SimDisk::new();
    let files = filled(&disk, 6);
    disk.rename(&segment_name(3), &segment_name(1)).unwrap();
    let (file, offset, height, damage) = corrupt(files.read(1).unwrap_err());
    assert_eq!((file, offset, height), (segment_name(1), 0, 1));
    assert_eq!(damage, Damage::Tag { expected: 1, found: 3 });
}

#[test]
fn other_files_in_the_folder_are_left_alone() {
    let disk = SimDisk::new();
    for name in ["blocks-1.seg", "blocks-x.seg", "notes.txt", "blocks-00000000000000000001.seg~"] {
        disk.create(name).unwrap();
    }
    assert_holds(&filled(&disk, 3), 3);
    assert_holds(&open(&disk).unwrap(), 3);
}

#[test]
fn after_a_full_disk_the_append_can_be_repeated() {
    for free in 0..200 {
        let disk = SimDisk::new();
        let files = filled(&disk, 2);
        disk.limit_free_bytes(Some(free));
        match files.append(3, &block(3)) {
            Ok(()) => assert!(free >= 135),
            Err(error) => {
                assert!(error.is_disk_full(), "{error}");
                assert_holds(&files, 2);
                disk.limit_free_bytes(None);
                files.append(3, &block(3)).unwrap();
            }
        }
        assert_holds(&files, 3);
        disk.power_loss(free);
        assert_holds(&open(&disk).unwrap(), 3);
    }
}

#[test]
fn after_a_failed_sync_nothing_is_accepted_until_reopened() {
    for seed in 0..40 {
        let disk = SimDisk::new();
        let files = filled(&disk, 3);
        disk.fail_syncs(1);
        let error = files.append(4, &block(4)).unwrap_err();
        assert!(matches!(error, StoreError::Io { op: FileOp::Sync, .. }));
        assert!(matches!(files.append(4, &block(4)), Err(StoreError::Untrusted { .. })));
        assert_holds(&files, 3);
        disk.power_loss(seed);
        let files = open(&disk).unwrap();
        assert!(files.tip() == 3 || files.tip() == 4);
        assert_holds(&files, files.tip());
    }
}

#[test]
fn what_open_reports_survives_a_power_loss() {
    // A process is killed between write and sync: the page cache has the block, the disk does not.
    for seed in 0..40 {
        let disk = SimDisk::new();
        let files = filled(&disk, 3);
        disk.crash_after(1);
        files.append(4, &block(4)).unwrap_err();
        disk.restart();
        let reported = open(&disk).unwrap();
        assert_holds(&reported, 4);
        disk.power_loss(seed);
        assert_holds(&open(&disk).unwrap(), 4);
    }
}

#[test]
fn verifying_changes_nothing_and_needs_no_lock() {
    let folder = tempfile::tempdir().unwrap();
    let files = filled(&RealDisk::open(folder.path()).unwrap(), 10);
    let reading = RealDisk::reading(folder.path());
    let verify = || verify_blocks(&reading, &mut |_| {});
    let found = verify().unwrap();
    assert_eq!((found.tip, found.bytes, found.torn), (10, files.bytes().unwrap(), None));
    // The last frame, half of it written.
    let last = folder.path().join(segment_name(9));
    let whole = std::fs::read(&last).unwrap();
    std::fs::write(&last, &whole[..whole.len() - 7]).unwrap();
    let torn = verify().unwrap();
    assert_eq!((torn.tip, torn.torn.map(|torn| torn.height)), (9, Some(10)));
    assert_eq!(std::fs::read(&last).unwrap().len(), whole.len() - 7, "nothing is cut off");
    let first = folder.path().join(segment_name(1));
    let mut bytes = std::fs::read(&first).unwrap();
    bytes[40] ^= 1;
    std::fs::write(&first, bytes).unwrap();
    let (file, offset, height, damage) = corrupt(verify().unwrap_err());
    assert_eq!((file, offset, height), (segment_name(1), 0, 1));
    assert_eq!(damage, Damage::PayloadChecksum);
    assert!(verify_blocks(&RealDisk::reading(folder.path().join("none")), &mut |_| {}).is_err());
}

/// Where a stored block's frame begins: the file, and the place in it.
fn place(files: &BlockFiles<SimDisk>, height: u64) -> (String, usize) {
    let (first, offset) = files.locate(height).unwrap();
    (segment_name(first), offset as usize)
}

/// Whatever of a block decays, a copy takes its place, and the segments around it are read on: also
/// of several in a row, at the end of a segment, and of the last block.
#[test]
fn damaged_blocks_are_repaired_beside_their_segments() {
    for damaged in [vec![1], vec![2, 3], vec![3, 4, 5], vec![10], vec![9, 10], vec![2, 9]] {
        for in_frame in [0, 5, 12, 20, 60] {
            let disk = SimDisk::new();
            let files = filled(&disk, 10);
            for height in &damaged {
                let (file, offset) = place(&files, *height);
                disk.flip(&file, offset + in_frame, 0x10);
            }
            for (done, height) in damaged.iter().enumerate() {
                assert_eq!(corrupt(files.read(*height).unwrap_err()).2, *height);
                assert_eq!(corrupt(open(&disk).unwrap_err()).2, *height, "{done} are repaired");
                assert!(files.repair(*height, &block(*height)).unwrap());
            }
            assert_holds(&files, 10);
            assert!(!files.repair(damaged[0], b"another").unwrap(), "it is sound now");
            files.append(11, &block(11)).unwrap();
            disk.restart();
            let files = open(&disk).unwrap();
            assert_holds(&files, 11);
            files.append(12, &block(12)).unwrap();
            assert_holds(&open(&disk).unwrap(), 12);
            assert_eq!(verify_blocks(&disk, &mut |_| {}).unwrap().tip, 12);
        }
    }
}

#[test]
fn what_is_sound_or_not_there_is_not_repaired() {
    let files = filled(&SimDisk::new(), 3);
    assert!(!files.repair(2, b"x").unwrap());
    assert!(matches!(files.repair(4, b"x"), Err(StoreError::OutOfOrder { .. })));
    assert_holds(&files, 3);
}

/// A power cut at any write of a repair leaves the block damaged or repaired, and nothing else
/// changed; it can be repaired then.
#[test]
fn a_repair_that_is_cut_off_changes_nothing() {
    let mut cut = 0;
    loop {
        let disk = SimDisk::new();
        let files = filled(&disk, 6);
        let (file, offset) = place(&files, 3);
        disk.flip(&file, offset + 40, 1);
        disk.crash_after(cut);
        let repaired = files.repair(3, &block(3));
        let whole = !disk.is_down();
        disk.power_loss(cut);
        match open(&disk) {
            Ok(files) => assert_holds(&files, 6),
            Err(error) => {
                assert!(repaired.is_err(), "it was said to be durable");
                assert_eq!(corrupt(error).2, 3);
            }
        }
        if whole {
            return;
        }
        cut += 1;
    }
}

#[test]
fn so_many_are_repaired_and_no_more() {
    let disk = SimDisk::new();
    let files = filled(&disk, repaired::MAX_REPAIRED as u64 + 1);
    for height in 1..=files.tip() {
        let (file, offset) = place(&files, height);
        disk.flip(&file, offset + 40, 1);
        let done = files.repair(height, &block(height));
        assert_eq!(done.is_ok(), height <= repaired::MAX_REPAIRED as u64, "{height}");
    }
}
