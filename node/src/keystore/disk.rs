//! Files that are either the old or the new one, whatever happens in between.
//!
//! Everything is written to a temporary file beside its target with mode 0600, synced, and only
//! then given its name; the folder is synced after that.

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::Path;

/// Makes a folder that only its owner can enter, if it is not there.
pub(crate) fn ensure_folder(folder: &Path) -> io::Result<()> {
    let mut builder = std::fs::DirBuilder::new();
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.recursive(true).create(folder)
}

/// Writes a new file; fails with `AlreadyExists` if there is one.
pub(crate) fn write_new(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let folder = folder_of(path);
    temporary(folder, bytes)?.persist_noclobber(path).map_err(|error| error.error)?;
    sync_folder(folder)
}

/// Writes a file in place of the one of that name.
pub(crate) fn replace(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let folder = folder_of(path);
    temporary(folder, bytes)?.persist(path).map_err(|error| error.error)?;
    sync_folder(folder)
}

/// Like [`replace`], and overwrites the bytes of the old file, for what they could still open.
pub(crate) fn replace_and_shred(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let old = OpenOptions::new().write(true).open(path);
    replace(path, bytes)?;
    match old {
        Ok(mut old) => overwrite(&mut old),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(error),
    }
}

/// Overwrites a file with zeros and removes it.
///
/// On file systems that copy on write, on flash storage, and in backups older bytes may survive:
/// what was sealed there stays sealed under a key that this overwrites too.
pub(crate) fn shred(path: &Path) -> io::Result<()> {
    overwrite(&mut OpenOptions::new().write(true).open(path)?)?;
    std::fs::remove_file(path)?;
    sync_folder(folder_of(path))
}

/// Reads a file of at most `bound` bytes; a longer one gives one byte more than the bound, for
/// the decoder to refuse.
pub(crate) fn read_bounded(path: &Path, bound: usize) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let limit = u64::try_from(bound).unwrap_or(u64::MAX).saturating_add(1);
    File::open(path)?.take(limit).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// Makes names durable: what was renamed, created or removed in `folder`.
pub(crate) fn sync_folder(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

fn temporary(folder: &Path, bytes: &[u8]) -> io::Result<tempfile::NamedTempFile> {
    // The crate creates its files with mode 0600.
    let mut file = tempfile::Builder::new().prefix(".hefu-").suffix(".tmp").tempfile_in(folder)?;
    file.write_all(bytes)?;
    file.as_file().sync_all()?;
    Ok(file)
}

fn overwrite(file: &mut File) -> io::Result<()> {
    let mut left = file.metadata()?.len();
    file.seek(SeekFrom::Start(0))?;
    let zeros = [0; 8 * 1024];
    while left > 0 {
        let part = left.min(zeros.len() as u64);
        file.write_all(&zeros[..part as usize])?;
        left -= part;
    }
    file.sync_all()
}

fn folder_of(path: &Path) -> &Path {
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn new_files_never_replace() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a");
        write_new(&path, b"1").unwrap();
        assert_eq!(write_new(&path, b"2").unwrap_err().kind(), io::ErrorKind::AlreadyExists);
        assert_eq!(std::fs::read(&path).unwrap(), b"1");
        replace(&path, b"2").unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), b"2");
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1, "nothing left over");
    }

    #[cfg(unix)]
    #[test]
    fn only_the_owner_reads() {
        use std::os::unix::fs::MetadataExt;
        let folder = tempfile::tempdir().unwrap();
        let inner = folder.path().join("keys");
        ensure_folder(&inner).unwrap();
        ensure_folder(&inner).unwrap();
        write_new(&inner.join("a"), b"1").unwrap();
        let mode = |path: &Path| std::fs::metadata(path).unwrap().mode() & 0o777;
        assert_eq!(mode(&inner), 0o700);
        assert_eq!(mode(&inner.join("a")), 0o600);
    }

    #[test]
    fn shredding_overwrites_the_old_bytes() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a");
        let secret = vec![7; 20_000];
        write_new(&path, &secret).unwrap();
        let mut old = File::open(&path).unwrap();
        replace_and_shred(&path, b"new").unwrap();
        let mut bytes = Vec::new();
        old.read_to_end(&mut bytes).unwrap();
        assert_eq!(bytes, vec![0; 20_000]);
        let mut old = File::open(&path).unwrap();
        shred(&path).unwrap();
        assert!(!path.exists());
        bytes.clear();
        old.read_to_end(&mut bytes).unwrap();
        assert_eq!(bytes, [0; 3]);
    }

    #[test]
    fn reading_is_bounded() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a");
        write_new(&path, &[1; 100]).unwrap();
        assert_eq!(read_bounded(&path, 100).unwrap().len(), 100);
        assert_eq!(read_bounded(&path, 10).unwrap().len(), 11);
    }
}
