//! The simulated disk, which may lie: a mutant's disk says that it has synced and has not. It counts
//! what the store cuts off its files.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use hefu_node::store::{Disk, DiskFile, SimDisk};

/// A [`SimDisk`] whose syncs can be made to do nothing.
#[derive(Clone, Debug, Default)]
pub(crate) struct FaultyDisk {
    disk: SimDisk,
    lies: Arc<AtomicBool>,
    cuts: Arc<Cuts>,
}

/// What was cut off files, and what was made durable.
#[derive(Debug, Default)]
pub(crate) struct Cuts {
    /// Syncs of files.
    syncs: AtomicU64,
    /// Files emptied.
    emptied: AtomicU64,
    /// Ends cut off.
    shortened: AtomicU64,
}

/// An open file of a [`FaultyDisk`].
pub(crate) struct FaultyFile {
    file: <SimDisk as Disk>::File,
    lies: Arc<AtomicBool>,
    cuts: Arc<Cuts>,
}

impl FaultyDisk {
    pub(crate) fn new(lies: bool) -> Self {
        let lies = Arc::new(AtomicBool::new(lies));
        Self { disk: SimDisk::new(), lies, cuts: Arc::default() }
    }

    /// The disk below, for its faults.
    pub(crate) const fn raw(&self) -> &SimDisk {
        &self.disk
    }

    /// Bytes in all files.
    pub(crate) fn bytes(&self) -> u64 {
        let names = self.disk.list().unwrap_or_default();
        names.iter().filter_map(|name| self.disk.content(name)).map(|c| c.len() as u64).sum()
    }

    /// How often a file was synced, since the beginning.
    pub(crate) fn syncs(&self) -> u64 {
        self.cuts.syncs.load(Ordering::Relaxed)
    }

    /// How often a file was emptied, and how often an end was cut off one, since last asked.
    pub(crate) fn take_cuts(&self) -> (u64, u64) {
        let take = |count: &AtomicU64| count.swap(0, Ordering::Relaxed);
        (take(&self.cuts.emptied), take(&self.cuts.shortened))
    }

    fn wrap(&self, file: io::Result<<SimDisk as Disk>::File>) -> io::Result<FaultyFile> {
        let (lies, cuts) = (self.lies.clone(), self.cuts.clone());
        file.map(|file| FaultyFile { file, lies, cuts })
    }
}

impl Disk for FaultyDisk {
    type File = FaultyFile;

    fn create(&self, name: &str) -> io::Result<FaultyFile> {
        self.wrap(self.disk.create(name))
    }

    fn open(&self, name: &str) -> io::Result<FaultyFile> {
        self.wrap(self.disk.open(name))
    }

    fn list(&self) -> io::Result<Vec<String>> {
        self.disk.list()
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        self.disk.rename(from, to)
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        self.disk.remove(name)
    }

    fn sync_dir(&self) -> io::Result<()> {
        self.disk.sync_dir()
    }
}

impl DiskFile for FaultyFile {
    fn append(&self, bytes: &[u8]) -> io::Result<()> {
        self.file.append(bytes)
    }

    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
        self.file.read_at(offset, buffer)
    }

    fn size(&self) -> io::Result<u64> {
        self.file.size()
    }

    fn truncate(&self, len: u64) -> io::Result<()> {
        let count = if len == 0 { &self.cuts.emptied } else { &self.cuts.shortened };
        count.fetch_add(1, Ordering::Relaxed);
        self.file.truncate(len)
    }

    fn sync(&self) -> io::Result<()> {
        self.cuts.syncs.fetch_add(1, Ordering::Relaxed);
        if self.lies.load(Ordering::Relaxed) { Ok(()) } else { self.file.sync() }
    }
}
