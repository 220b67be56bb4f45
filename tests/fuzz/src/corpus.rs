//! What was kept: `corpus/<target>/<name>`, small files that once were new to a decoder, or broke
//! something. Acts come from the tests of contracts: `HEFU_KEEP_ACTS=FOLDER cargo test -p
//! hefu-contracts` writes one of each kind.

use std::path::{Path, PathBuf};

/// Largest input that is kept, in bytes.
pub const MAX_KEPT_BYTES: usize = 4 * 1024;

/// Where a target's inputs are kept.
pub fn folder(target: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus").join(target)
}

/// What was kept for a target, in the order of the names.
pub fn kept(target: &str) -> Vec<Vec<u8>> {
    let listed = std::fs::read_dir(folder(target)).into_iter().flatten().flatten();
    let mut paths: Vec<PathBuf> = listed.map(|entry| entry.path()).collect();
    paths.sort();
    paths.iter().filter_map(|path| std::fs::read(path).ok()).collect()
}

/// Keeps an input under a name.
///
/// # Errors
/// Those of the file system.
pub fn keep(folder: &Path, name: &str, bytes: &[u8]) -> std::io::Result<PathBuf> {
    std::fs::create_dir_all(folder)?;
    let path = folder.join(name);
    std::fs::write(&path, bytes)?;
    Ok(path)
}
