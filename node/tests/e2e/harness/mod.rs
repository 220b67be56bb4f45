//! What a test of real processes needs: folders, ports, the program, nodes, and a network of four.
//!
//! Invariants:
//! 1. Nothing waits by sleeping: everything polls until a deadline, and a deadline that passes
//!    fails with what is known.
//! 2. Whatever is started is ended when its owner is dropped, also when a test panics; then logs
//!    are shown and folders are kept.
//! 3. The program runs without the settings of whoever runs the tests: no `HEFU_*` variable, home
//!    folder or locale of theirs is seen.

pub(crate) mod cli;
pub(crate) mod http;
pub(crate) mod network;
pub(crate) mod node;

use std::net::{Ipv4Addr, TcpListener};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::{Duration, Instant};

/// The program under test.
pub(crate) const PROGRAM: &str = env!("CARGO_BIN_EXE_hefu");
/// The passphrase of every key and vault of the tests.
pub(crate) const PASSPHRASE: &str = "correct horse battery staple";
/// Longest wait for anything that should happen soon. Generous, because a loaded machine is no
/// fault of the program.
pub(crate) const SOON: Duration = Duration::from_secs(60);
/// Where Debian's package puts the library that moves a process's clock.
const FAKETIME: [&str; 2] = [
    "/usr/lib/x86_64-linux-gnu/faketime/libfaketimeMT.so.1",
    "/usr/lib/aarch64-linux-gnu/faketime/libfaketimeMT.so.1",
];
/// Pause between two looks.
const LOOK: Duration = Duration::from_millis(20);

/// Looks until something is there.
///
/// # Panics
/// When the deadline passes first.
#[track_caller]
pub(crate) fn wait_for<T>(what: &str, within: Duration, mut look: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + within;
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(Instant::now() < deadline, "{what}: not within {} s", within.as_secs());
        std::thread::sleep(LOOK);
    }
}

/// The library that moves clocks, where it is installed.
pub(crate) fn faketime() -> Option<PathBuf> {
    FAKETIME.iter().map(PathBuf::from).find(|path| path.exists())
}

/// A folder that is removed at the end of a test that passed.
pub(crate) struct Scratch(Option<tempfile::TempDir>);

impl Scratch {
    /// A new empty folder.
    pub(crate) fn new(name: &str) -> Self {
        let made = tempfile::Builder::new().prefix(&format!("hefu-{name}-")).tempdir();
        Self(Some(made.expect("a temporary folder")))
    }

    /// Where it is.
    pub(crate) fn path(&self) -> &Path {
        self.0.as_ref().expect("taken only on drop").path()
    }

    /// A path in it.
    pub(crate) fn join(&self, name: impl AsRef<Path>) -> PathBuf {
        self.path().join(name)
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        if let Some(folder) = self.0.take().filter(|_| std::thread::panicking()) {
            eprintln!("the files of this test are kept in {}", folder.keep().display());
        }
    }
}

/// A loopback port that nobody listens on.
pub(crate) fn free_port() -> u16 {
    free_ports(1)
}

/// The first of `count` loopback ports in a row that nobody listens on. Ports lie below the range
/// from which systems take those of outgoing connections, no port is given twice by one process,
/// and processes begin at different ones: so a port stays free until its node binds it.
pub(crate) fn free_ports(count: u16) -> u16 {
    const FIRST: u16 = 12_000;
    const COUNT: u16 = 18_000;
    static NEXT: AtomicU16 = AtomicU16::new(0);
    let start = u16::try_from(std::process::id().wrapping_mul(401) % u32::from(COUNT)).unwrap_or(0);
    for _ in 0..COUNT {
        let step = NEXT.fetch_add(count, Ordering::Relaxed) % COUNT;
        let port = FIRST + (start + step) % COUNT;
        let is_free = |port| TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok();
        if (port..port + count).all(is_free) {
            return port;
        }
    }
    panic!("no free port");
}
