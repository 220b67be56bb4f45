//! The pages of an export, as they come: each is on the disk before the next is asked for, and a file
//! beside it says how far that is. What goes on there is first found to be what was written.

use std::collections::BTreeMap;
use std::fs::{File, OpenOptions};
use std::io::{Read, Seek, SeekFrom};
use std::path::Path;

use hefu_audit::question::Question;
use hefu_primitives::ChainId;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::sink::Sink;
use super::{CHUNK, Export, Written, beside};
use crate::cli::app::App;
use crate::cli::fault::Fault;
use crate::cli::list::{items, text_at};
use crate::cli::progress::Progress;
use crate::cli::question;
use crate::keystore::disk;

/// Rows of a page.
const PAGE: &str = "5000";

/// How far an export is: the file beside it says so.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Part {
    pub(super) genesis: ChainId,
    pub(super) question: String,
    pub(super) params: BTreeMap<String, String>,
    pub(super) written: Written,
    pub(super) height: String,
    pub(super) complete: bool,
    cursor: Option<String>,
    pub(super) rows: u64,
    bytes: u64,
    /// BLAKE3 of those bytes.
    blake3: String,
    /// The transaction of the first row, whose capsule brings the proof of the key.
    pub(super) tx: Option<String>,
    /// The mandate under which was asked.
    pub(super) scope: Option<Value>,
}

/// Opens the file that is written to, for one export at a time, and for the eyes of its owner. A link
/// that somebody laid in its place leads nowhere: what it names is not ours to write to.
///
/// # Errors
/// `cli.export_part`: a link stands there; `cli.file`: another export is writing to it.
pub(super) fn hold(app: &App, path: &Path) -> Result<File, Fault> {
    let fault = |error: std::io::Error| Fault::file(path, &error);
    let is_link = std::fs::symlink_metadata(path).is_ok_and(|found| !found.is_file());
    if is_link {
        return Err(refused(app, path, "export-part-link"));
    }
    let mut options = OpenOptions::new();
    options.create(true).write(true).truncate(false);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt;
        // Between that look and this.
        options.mode(0o600).custom_flags(rustix::fs::OFlags::NOFOLLOW.bits().cast_signed());
    }
    let file = options.open(path).map_err(fault)?;
    #[cfg(unix)]
    if std::os::unix::fs::MetadataExt::nlink(&file.metadata().map_err(fault)?) > 1 {
        return Err(refused(app, path, "export-part-link"));
    }
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(std::fs::TryLockError::WouldBlock) => {
            Err(Fault::file(path, &std::io::ErrorKind::WouldBlock.into()))
        }
        Err(std::fs::TryLockError::Error(error)) => Err(fault(error)),
    }
}

impl Part {
    /// What lines became on the disk is what was written.
    pub(super) fn expect_digest(&self, app: &App, path: &Path, found: &str) -> Result<(), Fault> {
        match self.written == Written::Parquet || self.blake3 == found {
            true => Ok(()),
            false => Err(refused(app, path, "export-part-damaged")),
        }
    }
}

/// Writes all pages, or those that are missing, to the file that is held.
pub(super) fn write(
    app: &App,
    args: &Export,
    held: &File,
    question: &'static Question,
    params: BTreeMap<String, String>,
    genesis: ChainId,
) -> Result<Part, Fault> {
    if args.resume && args.format == Written::Parquet {
        return Err(Fault::with("cli.export_part", app.out.text("export-part-parquet", &[])));
    }
    let (path, note) = (beside(&args.out, "part"), beside(&args.out, "part.json"));
    let fault = |error: std::io::Error| Fault::file(&path, &error);
    let asked = Asked { genesis, question: question.name, params: &params, written: args.format };
    let begun = match args.resume {
        true => begun(app, &path, &note, &asked)?,
        // What an earlier one left says nothing of this one.
        false => forget(&note).map(|()| None)?,
    };
    let (mut part, mut digest) = begun.unzip();
    let mut file = held.try_clone().map_err(fault)?;
    file.set_len(part.as_ref().map_or(0, |part: &Part| part.bytes)).map_err(fault)?;
    file.seek(SeekFrom::End(0)).map_err(fault)?;
    let digest = digest.get_or_insert_default();
    let mut sink = Sink::new(file, question, args.format)?;
    let mut progress = Progress::new(app, "export-progress", 0);
    while part.as_ref().is_none_or(|part| part.cursor.is_some()) {
        let before = part.take();
        let mut query: Vec<(&str, &str)> = vec![("limit", PAGE)];
        query.extend(params.iter().map(|(name, value)| (name.as_str(), value.as_str())));
        let cursor = before.as_ref().and_then(|before| before.cursor.as_deref());
        query.extend(cursor.map(|cursor| ("cursor", cursor)));
        let answer = app.client()?.get(&question::path(question), &query)?;
        let found = items(&answer);
        // Rows that another mandate lets through are another answer.
        if before.as_ref().is_some_and(|before| before.scope != scope_of(&answer)) {
            return Err(refused(app, &path, "export-part-other"));
        }
        let bytes = sink.page(found, before.is_none()).map_err(fault)?;
        digest.update(&bytes);
        let made = asked.part(&answer, before, bytes.len(), digest)?;
        if args.format != Written::Parquet {
            let text = serde_json::to_vec(&made).unwrap_or_default();
            disk::replace(&note, &text).map_err(|error| Fault::file(&note, &error))?;
        }
        let at = found.last().and_then(|row| row.get("height")?.as_str()?.parse().ok());
        let height: u64 = made.height.parse().unwrap_or(0);
        progress.set(at.unwrap_or(height), height);
        part = Some(made);
    }
    sink.finish().map_err(fault)?;
    progress.finish();
    part.ok_or_else(|| Fault::with("cli.bad_answer", "next_cursor"))
}

/// Takes the file away that says how far an export is, if there is one.
pub(super) fn forget(note: &Path) -> Result<(), Fault> {
    match std::fs::remove_file(note) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(Fault::file(note, &error))
        }
        _ => Ok(()),
    }
}

/// The mandate under which was asked.
fn scope_of(answer: &Value) -> Option<Value> {
    answer.get("scope").filter(|scope| !scope.is_null()).cloned()
}

/// It does not go on where it was.
fn refused(app: &App, path: &Path, why: &str) -> Fault {
    let file = path.display().to_string();
    Fault::with("cli.export_part", app.out.text(why, &[("file", &file)]))
}

/// What an export is of.
struct Asked<'a> {
    genesis: ChainId,
    question: &'static str,
    params: &'a BTreeMap<String, String>,
    written: Written,
}

impl Asked<'_> {
    fn is_of(&self, part: &Part) -> bool {
        (part.genesis, part.question.as_str(), &part.params, part.written)
            == (self.genesis, self.question, self.params, self.written)
    }

    /// How far the export is after an answer.
    fn part(
        &self,
        answer: &Value,
        before: Option<Part>,
        bytes: usize,
        digest: &blake3::Hasher,
    ) -> Result<Part, Fault> {
        let found = items(answer);
        let complete = answer.get("complete").and_then(Value::as_bool).unwrap_or(false);
        let of = |count: fn(&Part) -> u64| before.as_ref().map_or(0, count);
        Ok(Part {
            genesis: self.genesis,
            question: self.question.to_owned(),
            params: self.params.clone(),
            written: self.written,
            height: text_at(answer, "/height")?.to_owned(),
            complete: complete && before.as_ref().is_none_or(|before| before.complete),
            cursor: answer.get("next_cursor").and_then(Value::as_str).map(str::to_owned),
            rows: of(|before| before.rows) + found.len() as u64,
            bytes: of(|before| before.bytes) + bytes as u64,
            blake3: digest.finalize().to_hex().to_string(),
            scope: scope_of(answer),
            tx: before
                .and_then(|before| before.tx)
                .or_else(|| found.iter().find_map(|row| Some(row.get("tx")?.as_str()?.to_owned()))),
        })
    }
}

/// Where an export that was interrupted goes on, with the digest of its rows so far; none where none was
/// begun.
///
/// # Errors
/// `cli.export_part`: what is there is of another export, or is not what was written.
fn begun(
    app: &App,
    path: &Path,
    note: &Path,
    asked: &Asked<'_>,
) -> Result<Option<(Part, blake3::Hasher)>, Fault> {
    let said = match std::fs::read(note) {
        Ok(said) => said,
        // Rows that nothing is said of may be anybody's.
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            let rows = std::fs::metadata(path).map_or(0, |found| found.len());
            return if rows == 0 {
                Ok(None)
            } else {
                Err(refused(app, path, "export-part-unknown"))
            };
        }
        Err(error) => return Err(Fault::file(note, &error)),
    };
    let refused = |why: &str| refused(app, path, why);
    let part: Part = serde_json::from_slice(&said).map_err(|_| refused("export-part-damaged"))?;
    if !asked.is_of(&part) {
        return Err(refused("export-part-other"));
    }
    let mut digest = blake3::Hasher::new();
    let read = File::open(path).and_then(|file| fill(&mut digest, file.take(part.bytes)));
    let whole = read.is_ok_and(|read| read == part.bytes);
    if !whole || digest.finalize().to_hex().as_str() != part.blake3 {
        return Err(refused("export-part-damaged"));
    }
    Ok(Some((part, digest)))
}

/// Reads to the end; says how much that was.
fn fill(digest: &mut blake3::Hasher, mut from: impl Read) -> std::io::Result<u64> {
    let (mut chunk, mut bytes) = (vec![0; CHUNK], 0);
    loop {
        let read = from.read(&mut chunk)?;
        let Some(piece) = chunk.get(..read).filter(|piece| !piece.is_empty()) else {
            return Ok(bytes);
        };
        digest.update(piece);
        bytes += piece.len() as u64;
    }
}
