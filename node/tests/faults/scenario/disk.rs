//! A disk that is full, or that breaks and can only be read: the node stops and says why, the
//! others go on, and once the disk is well it comes back with everything.

use super::{CITY, busy, finish, report, secs, wait_told};
use crate::cluster::Cluster;
use crate::lab::volume::Volume;

/// Size of the volume: enough for any index with nothing in it.
const MEBIBYTES: u64 = 128;
/// Whose disk it is.
const NODE: usize = 2;

/// What happens to the disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Trouble {
    /// No space is left.
    Full,
    /// The file system found an error and takes no more writes.
    Broken,
}

impl Trouble {
    fn begin(self, volume: &Volume) {
        match self {
            Self::Full => volume.fill(),
            Self::Broken => volume.break_down().expect("the file system can be told to fail"),
        }
    }

    fn end(self, volume: &mut Volume) {
        match self {
            Self::Full => volume.free(),
            Self::Broken => volume.repair().expect("a file system that can be repaired"),
        }
    }

    const fn code(self) -> &'static str {
        match self {
            Self::Full => "cli.disk_full",
            Self::Broken => "cli.disk_readonly",
        }
    }

    /// Whether a node that ran says it. A sync that was under way when the disk broke is told of an
    /// input/output error, and the node stops with that.
    fn is_told(self, log: &str) -> bool {
        let under_way = matches!(self, Self::Broken) && log.contains("Input/output error");
        log.contains(self.code()) || (under_way && log.contains("cli.halted"))
    }
}

pub(crate) fn trouble(trouble: Trouble, seed: u64) {
    let mut cluster = Cluster::found("disk", 4, CITY, seed);
    let store = cluster.machines[NODE].home.join("store");
    let image = cluster.scratch.join("disk.img");
    let mut volume = Volume::new(&image, &store, MEBIBYTES).expect("a volume");
    cluster.start_all();
    let load = busy(&cluster);
    wait_told(&load, 20);

    trouble.begin(&volume);
    let (status, log) = cluster.wait_end(NODE);
    assert_eq!(status.code(), Some(1), "{log}");
    assert!(trouble.is_told(&log), "no {} in\n{log}", trouble.code());
    assert!(!log.contains("panicked"), "{log}");
    // While the trouble lasts it does not start either, and says the same.
    cluster.begin(NODE);
    let (status, log) = cluster.wait_end(NODE);
    assert_eq!(status.code(), Some(1), "{log}");
    assert!(log.contains(trouble.code()), "no {} in\n{log}", trouble.code());
    // The others go on.
    wait_told(&load, 20);

    trouble.end(&mut volume);
    cluster.begin(NODE);
    cluster.wait_ready(NODE);
    let recovery = cluster.wait_whole();
    let (told, said) = finish(&mut cluster, load);
    drop(volume);
    report(&format!(
        "disk {trouble:?}: the node stopped with {}; whole {} after its restart; {} acts at \
         height {}",
        trouble.code(),
        secs(recovery),
        told.len(),
        said.height,
    ));
}
