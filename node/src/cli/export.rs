//! `hefu audit export`: the whole answer to a question as a file, and a signed manifest of it, which
//! `hefu verify` checks without a node.
//!
//! Invariants:
//! 1. A page is in memory, never the answer.
//! 2. The height is that of the first page: the same question at the same height gives the same bytes,
//!    from this index or from one that was built again.
//! 3. The capsule beside it proves the block that the manifest names, and that the key was in force
//!    ([`proof`]); where none can be had, `hefu verify` says what is not shown.
//! 4. What was interrupted goes on at its last whole page (`--resume`), known from a file beside it, if
//!    that is of the same ledger and question and the rows written so far are what it says ([`pages`]).

mod pages;
#[cfg(feature = "parquet")]
mod parquet;
mod proof;
mod sink;

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};
use hefu_audit::question::Question;
use hefu_contracts::identity::Role;
use hefu_primitives::{ChainId, Domain, PublicKey, Signature, Uscc};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::app::App;
use super::args::Signing;
use super::exit::Exit;
use super::fault::{Done, Fault};
use super::question::{self, Asked};
use super::sign;
use super::submit::Ledger;
use crate::keystore::disk;

/// What a manifest begins with.
const FORMAT: &str = "hefu-export-1";
/// Bytes of a file read at a time.
const CHUNK: usize = 1 << 16;

/// How rows are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Written {
    /// For spreadsheets.
    Csv,
    /// The JSON of each row on a line.
    Jsonl,
    /// With types, in columns; not to be resumed.
    #[cfg_attr(not(feature = "parquet"), value(skip))]
    Parquet,
}

#[derive(Args)]
pub(crate) struct Export {
    /// q01 to q22, or events.
    question: String,
    #[command(flatten)]
    asked: Asked,
    /// How rows are written.
    #[arg(long, value_enum, default_value = "csv")]
    format: Written,
    /// The file to write; the manifest stands beside it.
    #[arg(long, short = 'O', value_name = "FILE")]
    out: PathBuf,
    /// Goes on with an export that was interrupted.
    #[arg(long)]
    resume: bool,
    /// The authority whose auditor's key signs the manifest.
    #[arg(long = "as", value_name = "USCC")]
    signer: Option<Uscc>,
    /// The key that signs the manifest, by label or id.
    #[arg(long, value_name = "LABEL|ID")]
    sign_key: Option<String>,
}

/// What is signed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Manifest {
    format: String,
    genesis: ChainId,
    question: String,
    params: BTreeMap<String, String>,
    height: String,
    complete: bool,
    /// The block of that height: its header, and the signatures that made it final.
    checkpoint: Value,
    written: Written,
    columns: Vec<String>,
    rows: u64,
    bytes: u64,
    blake3: String,
    sha256: String,
    file: String,
    /// The mandate under which was asked, and what it covers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    scope: Option<Value>,
    /// The cosigned checkpoint of the audit log that the capsule has.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    log: Option<Value>,
    /// The capsule that proves block and key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    evidence: Option<Beside>,
}

/// A file beside the manifest.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Beside {
    file: String,
    blake3: String,
}

/// A manifest and who answers for it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Signed {
    manifest: Manifest,
    authority: Uscc,
    key: PublicKey,
    signature: Signature,
}

impl Manifest {
    /// One form: the fields in their order, without blanks.
    fn bytes(&self) -> Vec<u8> {
        serde_json::to_vec(self).unwrap_or_default()
    }
}

pub(crate) fn run(app: &App, args: &Export) -> Done {
    let question = question::named(&args.question)?;
    let params: BTreeMap<String, String> = question::parameters(question, &args.asked)?
        .into_iter()
        .map(|(name, value)| (name.to_owned(), value))
        .collect();
    let (authority, key) = (args.signer, args.sign_key.clone());
    let signing = Signing { authority, key, no_wait: false, save: None };
    let signer = sign::signer(app, &signing, Role::Auditor)?;
    let genesis = Ledger::of(app.client()?)?.chain;
    refuse_to_replace(app, &args.out)?;
    let (whole, beside) = (beside(&args.out, "part"), beside(&args.out, "part.json"));
    let held = pages::hold(app, &whole)?;
    let part = pages::write(app, args, &held, question, params, genesis)?;
    let (bytes, blake3, sha256) = digests(&whole)?;
    part.expect_digest(app, &whole, &blake3)?;
    let capsule = proof::fetch(app, &part, signer.pair.public().id());
    let capsule_path = self::beside(&args.out, "evidence.hefu");
    let log = capsule.as_ref().and_then(|capsule| proof::checkpoint(app, capsule, genesis));
    let evidence = capsule.as_ref().map(|capsule| Beside {
        file: name_of(&capsule_path),
        blake3: blake3::hash(capsule).to_hex().to_string(),
    });
    let manifest = Manifest {
        format: FORMAT.to_owned(),
        genesis,
        question: part.question,
        params: part.params,
        checkpoint: checkpoint(app, &part.height)?,
        height: part.height,
        complete: part.complete,
        written: part.written,
        columns: columns(question).map(str::to_owned).collect(),
        rows: part.rows,
        bytes,
        blake3,
        sha256,
        file: name_of(&args.out),
        scope: part.scope,
        log,
        evidence,
    };
    let signature = signer.pair.sign_tagged(Domain::Export, &[&manifest.bytes()]);
    let signed = Signed { manifest, authority: signer.owner, key: signer.pair.public(), signature };
    let text = serde_json::to_vec_pretty(&signed).unwrap_or_default();
    let file = |path: &Path| {
        let path = path.to_owned();
        move |error: std::io::Error| Fault::file(&path, &error)
    };
    let manifest_path = self::beside(&args.out, "manifest.json");
    std::fs::rename(&whole, &args.out).map_err(file(&args.out))?;
    match &capsule {
        Some(capsule) => disk::replace(&capsule_path, capsule).map_err(file(&capsule_path))?,
        None => app.out.warn(&app.out.text("export-no-evidence", &[])),
    }
    disk::replace(&manifest_path, &text).map_err(file(&manifest_path))?;
    pages::forget(&beside)?;
    tell(app, args, &signed.manifest, &manifest_path);
    Ok(Exit::Ok)
}

/// What an earlier export of that name made stays, unless `--yes` says otherwise.
fn refuse_to_replace(app: &App, out: &Path) -> Result<(), Fault> {
    let made = ["manifest.json", "evidence.hefu"].map(|ending| beside(out, ending));
    let made = std::iter::once(out).chain(made.iter().map(PathBuf::as_path));
    let there = made.into_iter().find(|path| path.exists()).filter(|_| !app.globals.yes);
    there.map_or(Ok(()), |path| Err(Fault::file(path, &std::io::ErrorKind::AlreadyExists.into())))
}

fn tell(app: &App, args: &Export, manifest: &Manifest, path: &Path) {
    let (rows, file) = (manifest.rows.to_string(), args.out.display().to_string());
    let path = path.display().to_string();
    let said = [
        ("rows", rows.as_str()),
        ("height", &manifest.height),
        ("file", &file),
        ("manifest", &path),
        ("genesis", &manifest.genesis.to_string()),
    ];
    let prose = app.out.text("export-written", &said);
    let value = json!({
        "file": file, "manifest": path, "rows": manifest.rows, "height": manifest.height,
        "blake3": manifest.blake3, "sha256": manifest.sha256, "complete": manifest.complete,
    });
    app.out.done(&value, &prose);
}

fn name_of(path: &Path) -> String {
    path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default()
}

/// `FILE.ending`.
fn beside(file: &Path, ending: &str) -> PathBuf {
    let mut name = file.as_os_str().to_owned();
    name.push(".");
    name.push(ending);
    PathBuf::from(name)
}

fn columns(question: &'static Question) -> impl Iterator<Item = &'static str> {
    ["height", "time", "tx"].into_iter().chain(question.columns.iter().map(|column| column.name))
}

/// Length, BLAKE3 and SHA-256 of a file, read in pieces.
fn digests(path: &Path) -> Result<(u64, String, String), Fault> {
    let fault = |error: std::io::Error| Fault::file(path, &error);
    let mut file = File::open(path).map_err(fault)?;
    let (mut blake, mut sha, mut bytes) = (blake3::Hasher::new(), Sha256::new(), 0);
    let mut chunk = vec![0; CHUNK];
    loop {
        let read = file.read(&mut chunk).map_err(fault)?;
        let Some(piece) = chunk.get(..read).filter(|piece| !piece.is_empty()) else { break };
        blake.update(piece);
        sha.update(piece);
        bytes += piece.len() as u64;
    }
    let sha: String = sha.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
    Ok((bytes, blake.finalize().to_hex().to_string(), sha))
}

/// The block of a height: its header, and the signatures that made it final.
fn checkpoint(app: &App, height: &str) -> Result<Value, Fault> {
    let block = app.client()?.get(&format!("/blocks/{height}"), &[])?;
    let of = |name: &str| block.get(name).cloned().unwrap_or(Value::Null);
    Ok(json!({
        "block": of("block_id"), "header": of("header"), "certificate": of("certificate"),
    }))
}

// --- Checking ------------------------------------------------------------------------------------

/// Whether bytes are a manifest.
pub(crate) fn is_manifest(bytes: &[u8]) -> bool {
    let found = serde_json::from_slice::<Value>(bytes).ok();
    found.is_some_and(|value| value.pointer("/manifest/format") == Some(&json!(FORMAT)))
}

/// Checks a manifest, and the file it is of: the one named, or the one beside it.
pub(crate) fn verify(
    app: &App,
    path: &Path,
    bytes: &[u8],
    genesis: ChainId,
    of: Option<&Path>,
) -> Done {
    let invalid = |why: &str| Fault::with("cli.invalid", app.out.text(why, &[]));
    let signed: Signed =
        serde_json::from_slice(bytes).map_err(|error| Fault::with("cli.invalid", error))?;
    let manifest = &signed.manifest;
    if manifest.genesis != genesis {
        return Err(invalid("export-other-ledger"));
    }
    let key = &signed.key;
    if !key.verify_tagged(Domain::Export, &[&manifest.bytes()], &signed.signature) {
        return Err(invalid("export-bad-signature"));
    }
    let name = Path::new(&manifest.file).file_name().map(PathBuf::from).unwrap_or_default();
    let file = match of {
        Some(file) => file.to_owned(),
        None => path.parent().unwrap_or(Path::new("")).join(name),
    };
    let found = digests(&file)?;
    if found != (manifest.bytes, manifest.blake3.clone(), manifest.sha256.clone()) {
        return Err(invalid("export-other-file"));
    }
    let proven = proof::check(app, path, &signed)?;
    let (rows, id) = (manifest.rows.to_string(), key.id().to_string());
    let said = [
        ("file", file.display().to_string()),
        ("question", manifest.question.clone()),
        ("rows", rows),
        ("height", manifest.height.clone()),
        ("authority", signed.authority.to_string()),
        ("key", id.clone()),
    ];
    let said: Vec<(&str, &str)> =
        said.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let value = json!({
        "valid": true, "file": file, "question": manifest.question, "params": manifest.params,
        "rows": manifest.rows, "height": manifest.height, "complete": manifest.complete,
        "authority": signed.authority, "key": id, "scope": manifest.scope, "log": manifest.log,
        "key_in_force": proven.key_in_force, "block_proven": proven.block,
    });
    let prose = [app.out.text("export-verified", &said), proven.prose];
    app.out.done(&value, &prose.join("\n"));
    Ok(Exit::Ok)
}
