//! Power is cut at every write operation of a workload over block files and log on one disk.
//!
//! Checked afterwards: the files open; whatever was acknowledged is there, whole; whatever is there
//! was written; and a second power loss takes none of it back.

use super::blocks::BlockFiles;
use super::disk::SimDisk;
use super::error::StoreError;
use super::wal::Wal;

const HEIGHTS: u64 = 6;
/// Room for two or three blocks, so that the workload starts segments.
const SEGMENT_BYTES: u64 = 3_000;

/// What the workload was told.
#[derive(Default)]
struct Acknowledged {
    tip: u64,
    /// Height of the newest log that had a successful sync, and its synced entries.
    log_height: u64,
    log_entries: usize,
    /// The log in work, of which a sync was begun.
    begun_height: u64,
}

fn block(height: u64) -> Vec<u8> {
    // Longer than a sector, no zero bytes, different everywhere.
    (0..500 + height * 200).map(|at| (at * 7 + height) as u8 | 1).collect()
}

fn entry(height: u64, position: usize) -> Vec<u8> {
    let mut bytes = vec![height as u8, position as u8];
    bytes.resize(2 + position * 300, 0xee);
    bytes
}

/// Plays a node: for each height votes are logged and synced, the block is stored, the log is
/// reset. Starts where the files stand.
fn run(disk: &SimDisk, told: &mut Acknowledged) -> Result<(), StoreError> {
    let blocks = BlockFiles::open(disk.clone(), SEGMENT_BYTES, &mut |_| {})?;
    let mut wal = Wal::open(disk)?;
    for height in blocks.tip() + 1..=HEIGHTS {
        wal.reset()?;
        told.begun_height = height;
        for group in [0..1, 1..3] {
            for position in group.clone() {
                wal.append(&entry(height, position))?;
            }
            wal.sync()?;
            (told.log_height, told.log_entries) = (height, group.end);
        }
        blocks.append(height, &block(height))?;
        told.tip = height;
    }
    Ok(())
}

fn check(disk: &SimDisk, told: &Acknowledged) -> (u64, Vec<Vec<u8>>) {
    let blocks = BlockFiles::open(disk.clone(), SEGMENT_BYTES, &mut |_| {}).expect("opens cleanly");
    assert!(
        blocks.tip() == told.tip || blocks.tip() == told.tip + 1,
        "acknowledged blocks are kept"
    );
    for height in 1..=blocks.tip() {
        assert_eq!(blocks.read(height).expect("intact"), Some(block(height)));
    }
    let wal = Wal::open(disk).expect("opens cleanly");
    let entries = wal.entries().to_vec();
    let height = entries.first().map_or(0, |entry| u64::from(entry[0]));
    for (position, found) in entries.iter().enumerate() {
        assert_eq!(*found, entry(height, position), "one height, in order, whole");
    }
    if height == told.log_height {
        assert!(entries.len() >= told.log_entries, "synced entries are kept");
    } else {
        assert_eq!(height, told.begun_height, "the old log, or the one that was being synced");
    }
    (blocks.tip(), entries)
}

/// Crashes at each operation; `lose` is what happens to the disk then. Returns how many there were.
fn crash_everywhere(lose: impl Fn(&SimDisk)) -> u64 {
    for operation in 0.. {
        let disk = SimDisk::new();
        disk.crash_after(operation);
        let mut told = Acknowledged::default();
        if run(&disk, &mut told).is_ok() {
            return operation;
        }
        assert!(disk.is_down());
        lose(&disk);
        let found = check(&disk, &told);
        disk.power_loss(operation);
        assert_eq!(check(&disk, &told), found, "what was reported stays");
        told.tip = found.0;
        run(&disk, &mut told).expect("the node goes on");
        assert_eq!(check(&disk, &told).0, HEIGHTS);
    }
    unreachable!()
}

#[test]
fn power_loss_at_every_write() {
    for seed in 0..25 {
        let operations = crash_everywhere(|disk| disk.power_loss(seed));
        assert!(operations > 40, "the workload writes: {operations}");
    }
}

#[test]
fn kill_at_every_write() {
    crash_everywhere(SimDisk::restart);
}

#[test]
fn power_loss_while_recovering() {
    for seed in 0..60 {
        let disk = SimDisk::new();
        disk.crash_after(20 + seed);
        let mut told = Acknowledged::default();
        if run(&disk, &mut told).is_ok() {
            continue;
        }
        disk.power_loss(seed);
        for operation in 0.. {
            disk.crash_after(operation);
            let opened = BlockFiles::open(disk.clone(), SEGMENT_BYTES, &mut |_| {})
                .and_then(|_| Wal::open(&disk));
            if opened.is_ok() {
                disk.restart();
                break;
            }
            disk.power_loss(seed ^ operation);
        }
        check(&disk, &told);
    }
}
