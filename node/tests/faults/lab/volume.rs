//! A file system of its own for one folder: a small ext4 in a file, which can be filled to the
//! last block and made to find itself broken.

use std::fs::{File, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::tool;

/// Blocks of ballast: large ones, and small ones for what is left.
const BLOCKS: [usize; 3] = [1 << 20, 1 << 14, 1 << 9];

/// A mounted volume; unmounted when dropped.
pub(crate) struct Volume {
    image: PathBuf,
    mounted: PathBuf,
    device: String,
}

impl Volume {
    /// Makes a volume of so many MiB and mounts it on `folder`, which is made.
    pub(crate) fn new(image: &Path, folder: &Path, mebibytes: u64) -> Result<Self, String> {
        std::fs::create_dir_all(folder).map_err(|error| error.to_string())?;
        let file = File::create(image).map_err(|error| error.to_string())?;
        file.set_len(mebibytes << 20).map_err(|error| error.to_string())?;
        // No reserve for root: nodes of the tests run as root, and full is to be full.
        tool("mkfs.ext4", &["-q", "-m", "0", &image.to_string_lossy()])?;
        let mut made = Self { image: image.into(), mounted: folder.into(), device: String::new() };
        made.mount()?;
        Ok(made)
    }

    fn mount(&mut self) -> Result<(), String> {
        let (image, folder) = (self.image.to_string_lossy(), self.mounted.to_string_lossy());
        tool("mount", &["-o", "loop,errors=remount-ro", &image, &folder])?;
        let device = tool("findmnt", &["-n", "-o", "SOURCE", &folder])?;
        self.device = device.trim().trim_start_matches("/dev/").to_owned();
        Ok(())
    }

    fn ballast(&self) -> PathBuf {
        self.mounted.join("ballast")
    }

    /// Takes all the space there is.
    pub(crate) fn fill(&self) {
        let file = OpenOptions::new().create(true).append(true).open(self.ballast());
        let mut file = file.expect("a file on the volume");
        for block in BLOCKS {
            let bytes = vec![0x5a; block];
            while file.write_all(&bytes).is_ok() {}
            let _ = file.sync_data();
        }
    }

    /// Gives it back.
    pub(crate) fn free(&self) {
        std::fs::remove_file(self.ballast()).expect("the ballast is ours");
    }

    /// Makes the file system find an error, upon which it refuses every further write. An
    /// ordinary remount is refused while files are open for writing.
    pub(crate) fn break_down(&self) -> Result<(), String> {
        let trigger = format!("/sys/fs/ext4/{}/trigger_fs_error", self.device);
        std::fs::write(&trigger, "1").map_err(|error| format!("{trigger}: {error}"))
    }

    /// Checks and repairs it, as an operator would, and mounts it again.
    pub(crate) fn repair(&mut self) -> Result<(), String> {
        tool("umount", &[&self.mounted.to_string_lossy()])?;
        let done = Command::new("e2fsck").args(["-f", "-y"]).arg(&self.image).output();
        let done = done.map_err(|error| error.to_string())?;
        // 1: errors were corrected.
        if !matches!(done.status.code(), Some(0 | 1)) {
            return Err(String::from_utf8_lossy(&done.stdout).into_owned());
        }
        self.mount()
    }
}

impl Drop for Volume {
    fn drop(&mut self) {
        let _ = tool("umount", &["-l", &self.mounted.to_string_lossy()]);
    }
}
