//! The boundary to files: one flat folder, append-only files, explicit durability.
//!
//! [`RealDisk`] is the operating system; [`SimDisk`] is memory that remembers what was not yet
//! synced, so that a power loss can be played at any write operation. Whoever writes through
//! [`Disk`] can be tested that way.
//!
//! Neither knows what the bytes mean.

mod real;
mod sim;

use std::io;

pub use real::RealDisk;
pub(super) use real::{FolderLock, sync_folder};
pub use sim::SimDisk;

/// A folder of files.
///
/// A name made, changed or removed is durable only after [`sync_dir`](Self::sync_dir).
pub trait Disk: Clone + Send + Sync + 'static {
    /// A handle of an open file.
    type File: DiskFile;

    /// Makes a file that does not exist yet.
    ///
    /// # Errors
    /// Among others when it exists.
    fn create(&self, name: &str) -> io::Result<Self::File>;

    /// Opens a file that exists.
    ///
    /// # Errors
    /// Among others when it does not.
    fn open(&self, name: &str) -> io::Result<Self::File>;

    /// All file names, sorted.
    ///
    /// # Errors
    /// Those of the system.
    fn list(&self) -> io::Result<Vec<String>>;

    /// Gives a file another name, atomically replacing what had it.
    ///
    /// # Errors
    /// Those of the system.
    fn rename(&self, from: &str, to: &str) -> io::Result<()>;

    /// Removes a file.
    ///
    /// # Errors
    /// Those of the system.
    fn remove(&self, name: &str) -> io::Result<()>;

    /// Makes all names durable.
    ///
    /// # Errors
    /// Those of the system.
    fn sync_dir(&self) -> io::Result<()>;
}

/// An open file that grows at its end.
pub trait DiskFile: Send + Sync + 'static {
    /// Writes at the end. After an error, a part may have been written.
    ///
    /// # Errors
    /// Those of the system.
    fn append(&self, bytes: &[u8]) -> io::Result<()>;

    /// Appends two pieces as one.
    ///
    /// # Errors
    /// As [`append`](Self::append).
    fn append_both(&self, head: &[u8], body: &[u8]) -> io::Result<()> {
        self.append(&[head, body].concat())
    }

    /// Reads from `offset`; fewer bytes than asked only at the end of the file.
    ///
    /// # Errors
    /// Those of the system.
    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<usize>;

    /// Length in bytes.
    ///
    /// # Errors
    /// Those of the system.
    fn size(&self) -> io::Result<u64>;

    /// Cuts the file off at `len`, which is not beyond its end.
    ///
    /// # Errors
    /// Those of the system.
    fn truncate(&self, len: u64) -> io::Result<()>;

    /// Makes content and length durable.
    ///
    /// # Errors
    /// Those of the system. After one, the content must not be trusted.
    fn sync(&self) -> io::Result<()>;
}
