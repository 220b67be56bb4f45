//! A deterministic disk in memory that can lose what was not synced.
//!
//! The model, no kinder than a real file system:
//! - Content is volatile until its file is synced, a name until the folder is synced; syncing a
//!   file says nothing about its name.
//! - A power loss keeps some prefix of the unsynced operations of each file, and of the folder.
//!   The last append that survives may be cut anywhere; in what survives unsynced, any sector of
//!   512 bytes may read as zeros (the length reached the disk, the data did not).
//! - After a failed sync, the data of that file never become durable, although later syncs
//!   succeed and reads still show them: this is what Linux does.
//! - At a crash the disk goes down: every handle is dead until [`SimDisk::power_loss`] or
//!   [`SimDisk::restart`] starts a new life.
//!
//! Same calls and same seeds give the same bytes; there is no clock and no outside randomness.

use std::collections::BTreeMap;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard};

use super::{Disk, DiskFile};

/// Unit in which a device loses data, in bytes.
const SECTOR_BYTES: usize = 512;

/// The disk; clones are handles of the same one.
#[derive(Clone, Debug, Default)]
pub struct SimDisk {
    state: Arc<Mutex<State>>,
}

/// An open file of a [`SimDisk`], dead after a crash.
#[derive(Debug)]
pub struct SimFile {
    disk: SimDisk,
    inode: u64,
    life: u64,
}

#[derive(Debug, Default)]
struct State {
    inodes: BTreeMap<u64, Inode>,
    names: BTreeMap<String, u64>,
    /// How to undo the changes of names since the folder was synced, oldest first.
    unsynced_names: Vec<NameOp>,
    next_inode: u64,
    life: u64,
    down: bool,
    writes: u64,
    crash_at: Option<u64>,
    free_bytes: Option<u64>,
    failing_syncs: u32,
}

#[derive(Debug, Default)]
struct Inode {
    content: Vec<u8>,
    /// How to undo the changes since the last sync, oldest first.
    unsynced: Vec<DataOp>,
    /// A sync failed: `unsynced` is never emptied again.
    cursed: bool,
}

#[derive(Debug)]
enum DataOp {
    Append { at: usize },
    Truncate { cut: Vec<u8> },
}

#[derive(Debug)]
enum NameOp {
    Create { name: String },
    Rename { from: String, to: String, replaced: Option<u64> },
    Remove { name: String, inode: u64 },
}

impl SimDisk {
    /// An empty disk.
    pub fn new() -> Self {
        Self::default()
    }

    /// Write operations so far: create, append, truncate, sync, rename, remove and folder syncs.
    pub fn writes(&self) -> u64 {
        self.state().writes
    }

    /// Lets `writes` more write operations pass and crashes in the one after them, which may do a
    /// part of its work.
    pub fn crash_after(&self, writes: u64) {
        let mut state = self.state();
        state.crash_at = Some(state.writes + writes);
    }

    /// Whether a crash has happened and no new life has begun.
    pub fn is_down(&self) -> bool {
        self.state().down
    }

    /// Cuts the power: unsynced work is lost or torn as `seed` decides. The disk is up again, old
    /// handles are dead, injected faults are gone.
    pub fn power_loss(&self, seed: u64) {
        let mut random = Random(seed);
        let mut state = self.state();
        state.lose_names(&mut random);
        let State { inodes, names, .. } = &mut *state;
        inodes.retain(|inode, _| names.values().any(|named| named == inode));
        for inode in inodes.values_mut() {
            inode.lose(&mut random);
        }
        state.new_life();
    }

    /// The process died and the system did not: nothing written is lost, nothing unsynced has
    /// become durable either, and old handles are dead.
    pub fn restart(&self) {
        self.state().new_life();
    }

    /// Leaves room for `bytes` more; appends beyond write what fits and report a full disk. `None`
    /// is no limit.
    pub fn limit_free_bytes(&self, bytes: Option<u64>) {
        self.state().free_bytes = bytes;
    }

    /// Makes the next `count` syncs of files fail.
    pub fn fail_syncs(&self, count: u32) {
        self.state().failing_syncs = count;
    }

    /// Flips bits of a stored byte, as a decaying medium does. Returns whether it exists.
    pub fn flip(&self, name: &str, offset: usize, mask: u8) -> bool {
        let mut state = self.state();
        let Some(inode) = state.names.get(name).copied() else { return false };
        let content = state.inodes.get_mut(&inode).map(|inode| &mut inode.content);
        match content.and_then(|content| content.get_mut(offset)) {
            Some(byte) => {
                *byte ^= mask;
                true
            }
            None => false,
        }
    }

    /// The content of a file as a reader would see it now.
    pub fn content(&self, name: &str) -> Option<Vec<u8>> {
        let state = self.state();
        state.names.get(name).and_then(|inode| state.inodes.get(inode)).map(|i| i.content.clone())
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("no holder of the simulated disk panics")
    }

    fn handle(&self, inode: u64, life: u64) -> SimFile {
        SimFile { disk: self.clone(), inode, life }
    }
}

impl Disk for SimDisk {
    type File = SimFile;

    fn create(&self, name: &str) -> io::Result<SimFile> {
        let mut state = self.state();
        let crash = state.begin_write()?;
        if state.names.contains_key(name) {
            return Err(io::ErrorKind::AlreadyExists.into());
        }
        let inode = state.next_inode;
        state.next_inode += 1;
        state.inodes.insert(inode, Inode::default());
        state.names.insert(name.to_owned(), inode);
        state.unsynced_names.push(NameOp::Create { name: name.to_owned() });
        state.end_write(crash)?;
        Ok(self.handle(inode, state.life))
    }

    fn open(&self, name: &str) -> io::Result<SimFile> {
        let state = self.state();
        state.check_up()?;
        let inode = state.names.get(name).copied().ok_or(io::ErrorKind::NotFound)?;
        Ok(self.handle(inode, state.life))
    }

    fn list(&self) -> io::Result<Vec<String>> {
        let state = self.state();
        state.check_up()?;
        Ok(state.names.keys().cloned().collect())
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        let mut state = self.state();
        let crash = state.begin_write()?;
        let inode = state.names.remove(from).ok_or(io::ErrorKind::NotFound)?;
        let replaced = state.names.insert(to.to_owned(), inode);
        state.unsynced_names.push(NameOp::Rename {
            from: from.to_owned(),
            to: to.to_owned(),
            replaced,
        });
        state.end_write(crash)
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        let mut state = self.state();
        let crash = state.begin_write()?;
        let inode = state.names.remove(name).ok_or(io::ErrorKind::NotFound)?;
        state.unsynced_names.push(NameOp::Remove { name: name.to_owned(), inode });
        state.end_write(crash)
    }

    fn sync_dir(&self) -> io::Result<()> {
        let mut state = self.state();
        let crash = state.begin_write()?;
        if !crash {
            state.unsynced_names.clear();
        }
        state.end_write(crash)
    }
}

impl DiskFile for SimFile {
    fn append(&self, bytes: &[u8]) -> io::Result<()> {
        let mut state = self.disk.state();
        state.check_life(self.life)?;
        let crash = state.begin_write()?;
        let mut fits = bytes.len();
        if let Some(free) = state.free_bytes {
            fits = fits.min(usize::try_from(free).unwrap_or(usize::MAX));
            state.free_bytes = Some(free - fits as u64);
        }
        if crash {
            // Any part may have been done; this one varies from call to call, and repeats.
            fits = Random(state.writes).below(fits + 1);
        }
        let inode = state.inode(self.inode)?;
        let at = inode.content.len();
        inode.content.extend_from_slice(&bytes[..fits]);
        inode.unsynced.push(DataOp::Append { at });
        state.end_write(crash)?;
        if fits < bytes.len() { Err(io::ErrorKind::StorageFull.into()) } else { Ok(()) }
    }

    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
        let mut state = self.disk.state();
        state.check_life(self.life)?;
        let content = &state.inode(self.inode)?.content;
        let start = usize::try_from(offset).unwrap_or(usize::MAX).min(content.len());
        let count = buffer.len().min(content.len() - start);
        buffer[..count].copy_from_slice(&content[start..start + count]);
        Ok(count)
    }

    fn size(&self) -> io::Result<u64> {
        let mut state = self.disk.state();
        state.check_life(self.life)?;
        Ok(state.inode(self.inode)?.content.len() as u64)
    }

    fn truncate(&self, len: u64) -> io::Result<()> {
        let mut state = self.disk.state();
        state.check_life(self.life)?;
        let crash = state.begin_write()?;
        let inode = state.inode(self.inode)?;
        let len = usize::try_from(len).unwrap_or(usize::MAX);
        if len > inode.content.len() {
            return Err(io::ErrorKind::InvalidInput.into());
        }
        let cut = inode.content.split_off(len);
        let freed = cut.len() as u64;
        inode.unsynced.push(DataOp::Truncate { cut });
        state.free_bytes = state.free_bytes.map(|free| free + freed);
        state.end_write(crash)
    }

    fn sync(&self) -> io::Result<()> {
        let mut state = self.disk.state();
        state.check_life(self.life)?;
        let crash = state.begin_write()?;
        if crash {
            return state.end_write(crash);
        }
        let fails = state.failing_syncs > 0;
        state.failing_syncs = state.failing_syncs.saturating_sub(1);
        let inode = state.inode(self.inode)?;
        inode.cursed |= fails;
        if fails {
            return Err(io::Error::other("the device reports a write error"));
        }
        if !inode.cursed {
            inode.unsynced.clear();
        }
        Ok(())
    }
}

impl State {
    fn check_up(&self) -> io::Result<()> {
        if self.down { Err(io::Error::other("the simulated disk is down")) } else { Ok(()) }
    }

    fn check_life(&self, life: u64) -> io::Result<()> {
        self.check_up()?;
        if self.life == life {
            Ok(())
        } else {
            Err(io::Error::other("a handle from before a crash"))
        }
    }

    /// Counts a write operation; true if the disk crashes in it.
    fn begin_write(&mut self) -> io::Result<bool> {
        self.check_up()?;
        let crash = self.crash_at == Some(self.writes);
        self.writes += 1;
        Ok(crash)
    }

    fn end_write(&mut self, crash: bool) -> io::Result<()> {
        self.down |= crash;
        self.check_up()
    }

    fn inode(&mut self, inode: u64) -> io::Result<&mut Inode> {
        self.inodes.get_mut(&inode).ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    fn new_life(&mut self) {
        self.life += 1;
        self.down = false;
        self.crash_at = None;
        self.free_bytes = None;
        self.failing_syncs = 0;
    }

    /// Undoes all but a random prefix of the unsynced changes of names.
    fn lose_names(&mut self, random: &mut Random) {
        let kept = random.below(self.unsynced_names.len() + 1);
        for op in self.unsynced_names.drain(..).skip(kept).rev() {
            match op {
                NameOp::Create { name } => {
                    self.names.remove(&name);
                }
                NameOp::Rename { from, to, replaced } => {
                    if let Some(inode) = self.names.remove(&to) {
                        self.names.insert(from, inode);
                    }
                    if let Some(inode) = replaced {
                        self.names.insert(to, inode);
                    }
                }
                NameOp::Remove { name, inode } => {
                    self.names.insert(name, inode);
                }
            }
        }
    }
}

impl Inode {
    /// Undoes all but a random prefix of the unsynced operations and tears what is left of them.
    fn lose(&mut self, random: &mut Random) {
        let kept = random.below(self.unsynced.len() + 1);
        for op in self.unsynced.drain(kept..).rev() {
            match op {
                DataOp::Append { at } => self.content.truncate(at),
                DataOp::Truncate { cut } => self.content.extend_from_slice(&cut),
            }
        }
        let unsynced_from = self.unsynced_from();
        if let Some(DataOp::Append { at }) = self.unsynced.last()
            && random.below(2) == 0
        {
            let survives = random.below(self.content.len() - at + 1);
            self.content.truncate(at + survives);
        }
        self.unsynced.clear();
        self.cursed = false;
        if random.below(2) == 0 {
            self.lose_sectors(unsynced_from, random);
        }
    }

    /// Where the bytes that survive unsynced begin, replaying the operations that are left.
    fn unsynced_from(&self) -> usize {
        let mut len = self.content.len();
        let mut from = len;
        for op in self.unsynced.iter().rev() {
            match op {
                DataOp::Append { at } => {
                    from = from.min(*at);
                    len = *at;
                }
                DataOp::Truncate { cut } => {
                    from = from.min(len);
                    len += cut.len();
                }
            }
        }
        from
    }

    fn lose_sectors(&mut self, from: usize, random: &mut Random) {
        let mut start = from.min(self.content.len());
        while start < self.content.len() {
            let end = ((start / SECTOR_BYTES + 1) * SECTOR_BYTES).min(self.content.len());
            if random.below(3) == 0 {
                self.content[start..end].fill(0);
            }
            start = end;
        }
    }
}

/// SplitMix64: small, and the same everywhere.
#[derive(Debug)]
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number below `bound`, which is not 0.
    fn below(&mut self, bound: usize) -> usize {
        (self.next() % bound as u64) as usize
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    /// A synced "durable" and an unsynced "+lost" in a file whose name is durable.
    fn half_synced() -> (SimDisk, SimFile) {
        let disk = SimDisk::new();
        let file = disk.create("f").unwrap();
        disk.sync_dir().unwrap();
        file.append(b"durable").unwrap();
        file.sync().unwrap();
        file.append(b"+lost").unwrap();
        (disk, file)
    }

    #[test]
    fn a_power_loss_keeps_what_was_synced_and_tears_the_rest() {
        let mut outcomes = BTreeSet::new();
        for seed in 0..200 {
            let (disk, file) = half_synced();
            disk.power_loss(seed);
            let content = disk.content("f").unwrap();
            assert_eq!(&content[..7], b"durable", "seed {seed}");
            assert!(file.size().is_err(), "old handles are dead");
            assert_eq!(disk.open("f").unwrap().size().unwrap(), content.len() as u64);
            outcomes.insert(content);
        }
        assert!(outcomes.contains(&b"durable"[..]));
        assert!(outcomes.contains(&b"durable+lost"[..]));
        assert!(outcomes.contains(&b"durable+l"[..]));
        assert!(outcomes.contains(&b"durable\0\0\0\0\0"[..]));
    }

    #[test]
    fn a_restart_loses_nothing_and_makes_nothing_durable() {
        let (disk, _) = half_synced();
        disk.restart();
        assert_eq!(disk.content("f").unwrap(), b"durable+lost");
        let lost = (0..50).any(|seed| {
            let (disk, _) = half_synced();
            disk.restart();
            disk.power_loss(seed);
            disk.content("f").unwrap() == b"durable"
        });
        assert!(lost);
    }

    #[test]
    fn names_are_volatile_until_the_folder_is_synced() {
        let mut outcomes = BTreeSet::new();
        for seed in 0..100 {
            let disk = SimDisk::new();
            let old = disk.create("old").unwrap();
            old.append(b"1").unwrap();
            old.sync().unwrap();
            disk.sync_dir().unwrap();
            let new = disk.create("new").unwrap();
            new.append(b"2").unwrap();
            new.sync().unwrap();
            disk.rename("new", "old").unwrap();
            disk.power_loss(seed);
            outcomes.insert((disk.list().unwrap(), disk.content("old").unwrap()));
        }
        let names = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        let expected: BTreeSet<(Vec<String>, Vec<u8>)> = BTreeSet::from([
            (names(&["old"]), b"1".to_vec()),
            (names(&["new", "old"]), b"1".to_vec()),
            (names(&["old"]), b"2".to_vec()),
        ]);
        assert_eq!(outcomes, expected);
    }

    #[test]
    fn an_undone_truncation_brings_the_bytes_back() {
        let mut outcomes = BTreeSet::new();
        for seed in 0..100 {
            let (disk, file) = half_synced();
            file.sync().unwrap();
            file.truncate(0).unwrap();
            file.append(b"new").unwrap();
            disk.power_loss(seed);
            outcomes.insert(disk.content("f").unwrap());
        }
        assert!(outcomes.contains(&b"durable+lost"[..]));
        assert!(outcomes.contains(&b""[..]));
        assert!(outcomes.contains(&b"new"[..]));
        assert!(outcomes.iter().all(|content| content == b"durable+lost" || content.len() <= 3));
    }

    #[test]
    fn a_crash_takes_the_disk_down_in_the_operation_named() {
        let disk = SimDisk::new();
        disk.crash_after(2);
        let file = disk.create("f").unwrap();
        file.append(b"one").unwrap();
        assert!(file.append(b"two").is_err());
        assert!(disk.is_down());
        assert!(disk.list().is_err() && file.sync().is_err());
        disk.restart();
        assert!(disk.content("f").unwrap().starts_with(b"one"));
    }

    #[test]
    fn a_full_disk_takes_a_part() {
        let disk = SimDisk::new();
        let file = disk.create("f").unwrap();
        disk.limit_free_bytes(Some(2));
        assert_eq!(file.append(b"four").unwrap_err().kind(), io::ErrorKind::StorageFull);
        assert_eq!(disk.content("f").unwrap(), b"fo");
        file.truncate(0).unwrap();
        file.append(b"ok").unwrap();
    }

    #[test]
    fn after_a_failed_sync_a_later_one_lies() {
        let lost = (0..50).any(|seed| {
            let (disk, file) = half_synced();
            disk.fail_syncs(1);
            assert!(file.sync().is_err());
            file.sync().unwrap();
            disk.power_loss(seed);
            disk.content("f").unwrap() == b"durable"
        });
        assert!(lost);
    }
}
