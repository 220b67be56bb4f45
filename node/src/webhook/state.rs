//! What is durable of a target: how far its events were handled, and its dead letters.
//!
//! ```text
//! webhooks/NAME/position      the next event to look at, as JSON; replaced atomically
//! webhooks/NAME/dead.jsonl    dead letters, a line each; the oldest half goes when it is full
//! webhooks/NAME/resent.jsonl  ids that were sent by hand since, a line each
//! ```
//!
//! The node writes the first two, the command line the third: neither waits for the other.

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use hefu_primitives::Millis;
use serde::{Deserialize, Serialize};

use super::Position;
use crate::keystore::disk;

/// Largest file of dead letters: some 10,000. What goes is still on the ledger.
const MAX_DEAD_BYTES: u64 = 8 * 1024 * 1024;

/// An event that the target did not take.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Dead {
    /// Its id.
    pub id: String,
    /// When it was given up.
    pub at: Millis,
    /// How often it was tried.
    pub attempts: u32,
    /// What the last attempt came to.
    pub error: String,
    /// What was to be sent.
    pub body: String,
}

/// The folder of a target.
#[derive(Clone, Debug)]
pub struct State {
    folder: PathBuf,
}

impl State {
    /// In the folder of all targets.
    pub fn of(all: &Path, name: &str) -> Self {
        Self { folder: all.join(name) }
    }

    /// The next event to look at; none before the first.
    ///
    /// # Errors
    /// Those of the system, and a file that holds something else.
    pub fn position(&self) -> io::Result<Option<Position>> {
        match fs::read(self.folder.join("position")) {
            Ok(bytes) => serde_json::from_slice(&bytes).map(Some).map_err(io::Error::other),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Notes it durably.
    ///
    /// # Errors
    /// Those of the system.
    pub fn advance(&self, position: Position) -> io::Result<()> {
        disk::ensure_folder(&self.folder)?;
        let bytes = serde_json::to_vec(&position).map_err(io::Error::other)?;
        disk::replace(&self.folder.join("position"), &bytes)
    }

    /// Keeps a dead letter durably.
    ///
    /// # Errors
    /// Those of the system.
    pub fn bury(&self, dead: &Dead) -> io::Result<()> {
        disk::ensure_folder(&self.folder)?;
        let path = self.folder.join("dead.jsonl");
        let mut line = serde_json::to_vec(dead).map_err(io::Error::other)?;
        line.push(b'\n');
        let length = fs::metadata(&path).map_or(0, |metadata| metadata.len());
        if length + line.len() as u64 > MAX_DEAD_BYTES {
            let kept = fs::read_to_string(&path)?;
            let lines: Vec<&str> = kept.lines().collect();
            let newer = lines.split_at(lines.len() / 2).1.join("\n") + "\n";
            disk::replace(&path, newer.as_bytes())?;
        }
        append(&path, &line)
    }

    /// Dead letters that were not sent since, oldest first. A torn line is none.
    ///
    /// # Errors
    /// Those of the system.
    pub fn dead(&self) -> io::Result<Vec<Dead>> {
        let resent = read(&self.folder.join("resent.jsonl"))?;
        let lines = read(&self.folder.join("dead.jsonl"))?;
        let dead = lines.iter().filter_map(|line| serde_json::from_str::<Dead>(line).ok());
        Ok(dead.filter(|dead| !resent.contains(&dead.id)).collect())
    }

    /// Notes that a dead letter was sent.
    ///
    /// # Errors
    /// Those of the system.
    pub fn resent(&self, id: &str) -> io::Result<()> {
        append(&self.folder.join("resent.jsonl"), format!("{id}\n").as_bytes())
    }
}

fn append(path: &Path, line: &[u8]) -> io::Result<()> {
    let is_new = !path.exists();
    let mut file = OpenOptions::new().append(true).create(true).open(path)?;
    file.write_all(line)?;
    file.sync_data()?;
    match path.parent().filter(|_| is_new) {
        Some(folder) => disk::sync_folder(folder),
        None => Ok(()),
    }
}

fn read(path: &Path) -> io::Result<Vec<String>> {
    match fs::read_to_string(path) {
        Ok(text) => Ok(text.lines().map(str::to_owned).collect()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
        Err(error) => Err(error),
    }
}
