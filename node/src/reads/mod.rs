//! # The log of reads under audit mandates
//!
//! Who read what, under which mandate, when: written by the node before it answers, a file for each
//! Beijing day and auditor. A line is an entry and a leaf: the root of the RFC 9162 tree over the
//! lines of a day is what the node states on the ledger when the day is over, so that no line can be
//! changed, added or taken away later without it showing.
//!
//! Invariants:
//! - An entry is on disk before its answer is sent.
//! - A day never goes back: once a later day was written to, or an earlier one's root was made,
//!   nothing is added to the earlier one.
//! - No line holds what could identify a person: what looks like it in a question is left out.
//! - What is taken away ([`remove`]) has its root on the ledger; its caller sees to that.
//! - Bounded: a file takes no more than [`MAX_FILE_BYTES`]; reads over it are refused.
//!
//! Does not know who may read what, nor how a root gets onto the ledger.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use hefu_primitives::codes::guard::personal_data;
use hefu_primitives::log::{InclusionProof, LogHead, MemoryLog, inclusion_proof, leaf_hash};
use hefu_primitives::time::Day;
use hefu_primitives::{H32, Height, Id16, KeyId, Millis, Uscc};
use serde::{Deserialize, Serialize};

/// Largest file of a day and an auditor: some 200,000 reads.
pub const MAX_FILE_BYTES: u64 = 64 * 1024 * 1024;
/// Longest question that is kept whole.
const MAX_QUESTION: usize = 1024;
const SUFFIX: &str = ".jsonl";

/// A read, as a line holds it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Entry {
    /// When, by the node's clock.
    pub at: Millis,
    /// Who: the authority whose key signed.
    pub auditor: Uscc,
    /// With which key.
    pub key: KeyId,
    /// Under which mandate.
    pub mandate: Id16,
    /// Path and query.
    pub question: String,
    /// The node's last block then.
    pub height: Height,
    /// What made the request unrepeatable.
    pub nonce: String,
}

/// A file of the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Page {
    /// The Beijing day.
    pub day: Day,
    /// Who read.
    pub auditor: Uscc,
}

/// Why a read could not be logged, and is not answered.
#[derive(Debug, thiserror::Error)]
pub enum ReadLogError {
    /// The file.
    #[error("the read log: {0}")]
    Io(#[from] io::Error),
    /// The day's file is full.
    #[error("the read log of this day is full")]
    Full,
}

/// The log of one node.
#[derive(Debug)]
pub struct ReadLog {
    folder: PathBuf,
    /// The last day that was written to or whose root was made.
    day: Mutex<Option<Day>>,
}

impl ReadLog {
    /// The log in a folder, which is made with the first entry.
    pub fn new(folder: impl Into<PathBuf>) -> Self {
        Self { folder: folder.into(), day: Mutex::default() }
    }

    /// Adds an entry durably; the day it went to.
    ///
    /// # Errors
    /// [`ReadLogError`]; then nothing may be answered.
    pub fn append(&self, entry: &Entry) -> Result<Day, ReadLogError> {
        let mut last = self.day.lock().unwrap_or_else(PoisonError::into_inner);
        if last.is_none() {
            *last = pages(&self.folder)?.iter().map(|page| page.day).max();
        }
        let day = Day::of_beijing(entry.at).max(last.unwrap_or(Day::of_beijing(Millis(0))));
        crate::keystore::disk::ensure_folder(&self.folder)?;
        let path = path(&self.folder, Page { day, auditor: entry.auditor });
        let is_new = !path.exists();
        let mut file = OpenOptions::new().read(true).append(true).create(true).open(&path)?;
        let end = whole(&mut file)?;
        let mut line = serde_json::to_vec(entry).map_err(io::Error::from)?;
        line.push(b'\n');
        if end.saturating_add(line.len() as u64) > MAX_FILE_BYTES {
            return Err(ReadLogError::Full);
        }
        file.write_all(&line)?;
        file.sync_data()?;
        if is_new {
            crate::keystore::disk::sync_folder(&self.folder)?;
        }
        *last = Some(day);
        Ok(day)
    }

    /// Ends every day up to `day`: later entries go to the day after at the earliest.
    pub fn close(&self, day: Day) {
        let mut last = self.day.lock().unwrap_or_else(PoisonError::into_inner);
        *last = (*last).max(Some(day.next()));
    }

    /// Where its files are.
    pub fn folder(&self) -> &Path {
        &self.folder
    }
}

/// What may be kept of a question.
pub fn question(path_and_query: &str) -> String {
    if path_and_query.len() > MAX_QUESTION || personal_data(path_and_query).is_some() {
        let path = path_and_query.split('?').next().unwrap_or_default();
        let digest = blake3::hash(path_and_query.as_bytes()).to_hex();
        let shown = if personal_data(path).is_none() && path.len() <= 256 { path } else { "…" };
        return format!("{shown}#blake3:{digest}");
    }
    path_and_query.to_owned()
}

/// The files there are, by day and auditor. A folder that is not there has none.
///
/// # Errors
/// Those of the system.
pub fn pages(folder: &Path) -> io::Result<Vec<Page>> {
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(error),
    };
    let mut pages = Vec::new();
    for entry in entries {
        pages.extend(entry?.file_name().to_str().and_then(page_of));
    }
    pages.sort();
    Ok(pages)
}

/// The lines of a file, without what a crash left of a last one.
///
/// # Errors
/// Those of the system.
pub fn lines(folder: &Path, page: Page) -> io::Result<Vec<String>> {
    let mut text = Vec::new();
    match File::open(path(folder, page)) {
        Ok(file) => file.take(MAX_FILE_BYTES + 1).read_to_end(&mut text)?,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(error),
    };
    let end = text.iter().rposition(|byte| *byte == b'\n').map_or(0, |last| last + 1);
    text.truncate(end);
    let text = String::from_utf8(text).map_err(io::Error::other)?;
    Ok(text.lines().map(str::to_owned).collect())
}

/// Takes a file away.
///
/// # Errors
/// Those of the system.
pub fn remove(folder: &Path, page: Page) -> io::Result<()> {
    fs::remove_file(path(folder, page))
}

/// How many lines, and their root; zero for none, as the ledger has it.
pub fn root(lines: &[String]) -> (u64, H32) {
    let head = log(lines).head();
    (head.size, if head.size == 0 { H32::ZERO } else { head.root })
}

/// Proves that a line is one of those whose root was stated.
pub fn prove(lines: &[String], number: u64) -> Option<(InclusionProof, LogHead)> {
    let log = log(lines);
    let head = log.head();
    Some((inclusion_proof(&log, number, head.size).ok()?, head))
}

fn log(lines: &[String]) -> MemoryLog {
    let mut log = MemoryLog::new();
    for line in lines {
        // 2^48 leaves are not reached by a bounded file.
        let _ = log.append(leaf_hash(line.as_bytes()));
    }
    log
}

fn path(folder: &Path, page: Page) -> PathBuf {
    folder.join(format!("{}-{}{SUFFIX}", page.day.number(), page.auditor))
}

fn page_of(name: &str) -> Option<Page> {
    let (day, auditor) = name.strip_suffix(SUFFIX)?.split_once('-')?;
    let (year, rest) = day.split_at_checked(4)?;
    let (month, date) = rest.split_at_checked(2)?;
    let day = format!("{year}-{month}-{date}").parse().ok()?;
    Some(Page { day, auditor: auditor.parse().ok()? })
}

/// Cuts off what a crash left of a last line, which nobody was answered for; where the file ends.
fn whole(file: &mut File) -> io::Result<u64> {
    let length = file.metadata()?.len();
    let mut end = length;
    let mut byte = [0];
    while end > 0 {
        file.seek(SeekFrom::Start(end - 1))?;
        file.read_exact(&mut byte)?;
        if byte == *b"\n" {
            break;
        }
        end -= 1;
    }
    if end < length {
        file.set_len(end)?;
    }
    Ok(end)
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY_MS: u64 = 86_400_000;

    fn entry(at: u64, question: &str) -> Entry {
        Entry {
            at: Millis(1_790_000_000_000 + at),
            auditor: "11310000HEFU01010W".parse().unwrap(),
            key: KeyId([1; KeyId::LEN]),
            mandate: Id16([2; 16]),
            question: question.to_owned(),
            height: Height(7),
            nonce: "n".to_owned(),
        }
    }

    #[test]
    fn entries_are_lines_of_their_day_and_survive_a_torn_end() {
        let folder = tempfile::tempdir().unwrap();
        let at = folder.path().join("reads");
        assert_eq!(pages(&at).unwrap(), []);
        let day = ReadLog::new(&at).append(&entry(0, "/a")).unwrap();
        let page = Page { day, auditor: entry(0, "").auditor };
        assert_eq!(pages(&at).unwrap(), [page]);
        let mut file = OpenOptions::new().append(true).open(path(&at, page)).unwrap();
        file.write_all(b"{\"at\":17").unwrap();
        assert_eq!(lines(&at, page).unwrap().len(), 1, "what is torn is no line");
        ReadLog::new(&at).append(&entry(1, "/b")).unwrap();
        let found = lines(&at, page).unwrap();
        let read: Vec<Entry> = found.iter().map(|l| serde_json::from_str(l).unwrap()).collect();
        assert_eq!(read, [entry(0, "/a"), entry(1, "/b")]);
        let (count, stated) = root(&found);
        let (proof, head) = prove(&found, 1).unwrap();
        assert_eq!((count, stated), (head.size, head.root));
        assert_eq!(proof.verify(leaf_hash(found[1].as_bytes()), head), Ok(()));
        assert!(proof.verify(leaf_hash(found[0].as_bytes()), head).is_err());
        assert_eq!(root(&[]), (0, H32::ZERO));
    }

    #[test]
    fn a_day_does_not_go_back() {
        let folder = tempfile::tempdir().unwrap();
        let log = ReadLog::new(folder.path());
        let first = log.append(&entry(DAY_MS, "/later")).unwrap();
        assert_eq!(log.append(&entry(0, "/clock put back")).unwrap(), first);
        let again = ReadLog::new(folder.path());
        assert_eq!(again.append(&entry(0, "/after a restart")).unwrap(), first);
        again.close(first);
        assert_eq!(again.append(&entry(DAY_MS, "/closed")).unwrap(), first.next());
    }

    #[test]
    fn what_could_name_a_person_is_not_kept() {
        assert_eq!(question("/api/v1/cases?limit=5"), "/api/v1/cases?limit=5");
        let named = question("/api/v1/cases?who=11010519491231002X");
        assert!(named.starts_with("/api/v1/cases#blake3:") && !named.contains("1231002"));
        assert!(question(&format!("/{}", "x".repeat(5_000))).len() < 400);
    }
}
