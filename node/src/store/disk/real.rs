//! The operating system's files.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, IoSlice};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::{Disk, DiskFile};

const LOCK_NAME: &str = "LOCK";

/// A folder of the file system, locked against a second writer while a handle lives.
#[derive(Clone, Debug)]
pub struct RealDisk {
    root: PathBuf,
    _lock: Option<Arc<FolderLock>>,
}

impl RealDisk {
    /// Opens the folder, making it if needed.
    ///
    /// # Errors
    /// Those of the system; `WouldBlock` when the folder is in use.
    pub fn open(root: impl Into<PathBuf>) -> io::Result<Self> {
        let root = root.into();
        let lock = FolderLock::take(&root)?;
        Ok(Self { root, _lock: Some(Arc::new(lock)) })
    }

    /// A folder that is only read, beside a node that may have it: nothing is locked or made.
    pub fn reading(root: impl Into<PathBuf>) -> Self {
        Self { root: root.into(), _lock: None }
    }

    fn options() -> OpenOptions {
        let mut options = OpenOptions::new();
        options.read(true).append(true);
        options
    }
}

impl Disk for RealDisk {
    type File = File;

    fn create(&self, name: &str) -> io::Result<File> {
        Self::options().create_new(true).open(self.root.join(name))
    }

    fn open(&self, name: &str) -> io::Result<File> {
        if self._lock.is_none() {
            return File::open(self.root.join(name));
        }
        Self::options().open(self.root.join(name))
    }

    fn list(&self) -> io::Result<Vec<String>> {
        let mut names = Vec::new();
        for entry in fs::read_dir(&self.root)? {
            let entry = entry?;
            // Names that are not UTF-8 are none of ours.
            if let (true, Ok(name)) =
                (entry.file_type()?.is_file(), entry.file_name().into_string())
            {
                names.push(name);
            }
        }
        names.retain(|name| name != LOCK_NAME);
        names.sort_unstable();
        Ok(names)
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        fs::rename(self.root.join(from), self.root.join(to))
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        fs::remove_file(self.root.join(name))
    }

    fn sync_dir(&self) -> io::Result<()> {
        sync_folder(&self.root)
    }
}

impl DiskFile for File {
    fn append(&self, bytes: &[u8]) -> io::Result<()> {
        let mut file = self;
        io::Write::write_all(&mut file, bytes)
    }

    /// Without copying: a body may have megabytes.
    fn append_both(&self, head: &[u8], body: &[u8]) -> io::Result<()> {
        let mut file = self;
        let (mut head, mut body) = (head, body);
        while !head.is_empty() {
            match io::Write::write_vectored(&mut file, &[IoSlice::new(head), IoSlice::new(body)]) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(written) => {
                    let of_head = written.min(head.len());
                    (head, body) = (&head[of_head..], &body[written - of_head..]);
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        io::Write::write_all(&mut file, body)
    }

    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
        let mut done = 0;
        while done < buffer.len() {
            match FileExt::read_at(self, &mut buffer[done..], offset + done as u64) {
                Ok(0) => break,
                Ok(count) => done += count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(done)
    }

    fn size(&self) -> io::Result<u64> {
        self.metadata().map(|metadata| metadata.len())
    }

    fn truncate(&self, len: u64) -> io::Result<()> {
        self.set_len(len)
    }

    fn sync(&self) -> io::Result<()> {
        // Unlike sync_all it skips time stamps, but not the length.
        self.sync_data()
    }
}

/// An advisory lock on a folder, let go when dropped or when the process dies.
#[derive(Debug)]
pub(in super::super) struct FolderLock {
    _file: File,
}

impl FolderLock {
    /// Makes the folder durably if needed, and locks it.
    pub(in super::super) fn take(folder: &Path) -> io::Result<Self> {
        if !folder.is_dir() {
            fs::create_dir_all(folder)?;
            if let Some(parent) = folder.parent().filter(|parent| parent.is_dir()) {
                sync_folder(parent)?;
            }
        }
        let file = OpenOptions::new()
            .create(true)
            .truncate(false)
            .write(true)
            .open(folder.join(LOCK_NAME))?;
        match file.try_lock() {
            Ok(()) => Ok(Self { _file: file }),
            Err(TryLockError::WouldBlock) => Err(io::ErrorKind::WouldBlock.into()),
            Err(TryLockError::Error(error)) => Err(error),
        }
    }
}

/// Makes the names in a folder durable.
pub(in super::super) fn sync_folder(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_grow_shrink_and_keep_their_names() {
        let folder = tempfile::tempdir().unwrap();
        let disk = RealDisk::open(folder.path().join("data")).unwrap();
        let file = disk.create("b").unwrap();
        file.append(b"hello").unwrap();
        file.append_both(b" w", b"orld").unwrap();
        file.append_both(b"", b"").unwrap();
        file.truncate(7).unwrap();
        file.append(b"!").unwrap();
        file.sync().unwrap();
        let mut buffer = [0; 16];
        assert_eq!(DiskFile::read_at(&file, 6, &mut buffer).unwrap(), 2);
        assert_eq!(&buffer[..2], b"w!");
        assert_eq!(disk.create("b").unwrap_err().kind(), io::ErrorKind::AlreadyExists);
        assert_eq!(disk.open("a").unwrap_err().kind(), io::ErrorKind::NotFound);
        disk.create("c").unwrap();
        disk.rename("c", "a").unwrap();
        disk.sync_dir().unwrap();
        assert_eq!(disk.list().unwrap(), ["a", "b"]);
        disk.remove("a").unwrap();
        assert_eq!(disk.list().unwrap(), ["b"]);
    }

    #[test]
    fn a_folder_has_one_owner() {
        let folder = tempfile::tempdir().unwrap();
        let first = RealDisk::open(folder.path()).unwrap();
        let error = RealDisk::open(folder.path()).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::WouldBlock);
        drop(first);
        RealDisk::open(folder.path()).unwrap();
    }
}
