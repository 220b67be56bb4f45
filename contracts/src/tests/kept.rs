//! Acts that tests execute, kept for the corpus of the fuzz targets.

use std::path::PathBuf;
use std::sync::OnceLock;

/// Keeps the first act of each kind as a file in the folder that `HEFU_KEEP_ACTS` names: so the
/// corpus of `tests/fuzz` gets those that are new.
#[allow(clippy::disallowed_methods)] // a tool for who adds an act; no test depends on it
pub(crate) fn keep(name: &str, act: &[u8]) {
    static FOLDER: OnceLock<Option<PathBuf>> = OnceLock::new();
    let folder = FOLDER.get_or_init(|| std::env::var_os("HEFU_KEEP_ACTS").map(Into::into));
    if let Some(path) = folder.as_ref().map(|folder| folder.join(name)).filter(|at| !at.exists()) {
        std::fs::write(path, act).unwrap();
    }
}
