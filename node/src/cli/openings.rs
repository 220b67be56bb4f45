//! Commitments to things that are no licence: evidence, case numbers, requests and answers. Their
//! salts are kept in a file of the data folder, written before anything is submitted.

use std::path::{Path, PathBuf};

use hefu_contracts::EvidenceRef;
use hefu_primitives::H32;
use hefu_primitives::commitment::{Commitment, Purpose, Salt};
use hefu_primitives::hash::{Domain, hash};
use serde::{Deserialize, Serialize};

use super::app::App;
use super::fault::Fault;
use crate::keystore::seal::random;

/// What opens one commitment, to whoever has the thing itself.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Opening {
    /// What it is in the record.
    pub(crate) name: String,
    purpose: Purpose,
    /// What is on the ledger.
    pub(crate) commitment: Commitment,
    salt: Salt,
    /// Size of the thing, in bytes.
    bytes: u64,
}

/// The openings of one record.
#[derive(Default)]
pub(crate) struct Openings(Vec<Opening>);

impl Openings {
    /// Commits to bytes: to their digest, under a fresh salt.
    pub(crate) fn commit(
        &mut self,
        name: &str,
        purpose: Purpose,
        bytes: &[u8],
    ) -> Result<H32, Fault> {
        let salt = Salt::new(random()?);
        let digest = hash(Domain::Digest, &[bytes]);
        let commitment = Commitment::of_bytes(purpose, &salt, digest.as_bytes());
        let (name, bytes) = (name.to_owned(), bytes.len() as u64);
        self.0.push(Opening { name, purpose, commitment, salt, bytes });
        Ok(commitment.into())
    }

    /// Commits to a file as evidence. Its kind is left open: 0.
    pub(crate) fn evidence(&mut self, app: &App, path: &Path) -> Result<EvidenceRef, Fault> {
        let bytes = app.read(path)?;
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let commit = self.commit(&name, Purpose::Evidence, &bytes)?;
        Ok(EvidenceRef { kind: 0, commit, bytes: bytes.len() as u64 })
    }

    /// Keeps the openings of a record, if there are any, for as long as it is or may be on the
    /// ledger.
    pub(crate) fn keep(&self, app: &App, record: &str) -> Result<(), Fault> {
        if self.0.is_empty() {
            return Ok(());
        }
        let text = serde_json::to_vec_pretty(&self.0).unwrap_or_default();
        app.keep_draft(&path(app, record)?, &text)
    }
}

impl Openings {
    /// A slip: what opens the commitments, to go with the things themselves.
    pub(crate) fn slip(&self) -> Vec<u8> {
        let mut text = serde_json::to_vec_pretty(&self.0).unwrap_or_default();
        text.push(b'\n');
        text
    }
}

/// A slip that came with things.
pub(crate) struct Slip(Vec<Opening>);

impl Slip {
    /// Reads a slip.
    pub(crate) fn read(app: &App, path: &Path) -> Result<Self, Fault> {
        let read = serde_json::from_slice(&app.read(path)?);
        read.map(Self)
            .map_err(|error| Fault::with("cli.input", format_args!("{}: {error}", path.display())))
    }

    /// Those kept here for records whose names begin like this.
    pub(crate) fn kept(app: &App, begin: &str) -> Result<Vec<Self>, Fault> {
        let path = path(app, begin)?;
        let Some(folder) = path.parent() else { return Ok(Vec::new()) };
        let entries = match std::fs::read_dir(folder) {
            Ok(entries) => entries,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(Fault::file(folder, &error)),
        };
        let named = |path: &PathBuf| {
            path.file_name().is_some_and(|name| name.to_string_lossy().starts_with(begin))
        };
        let paths = entries.flatten().map(|entry| entry.path()).filter(named);
        paths.map(|path| Self::read(app, &path)).collect()
    }

    /// How many things it is for.
    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    /// The commitment that a thing opens.
    pub(crate) fn commitment_to(&self, bytes: &[u8]) -> Option<H32> {
        let digest = hash(Domain::Digest, &[bytes]);
        let opens = |opening: &&Opening| {
            let found = Commitment::of_bytes(opening.purpose, &opening.salt, digest.as_bytes());
            found == opening.commitment
        };
        self.0.iter().find(opens).map(|opening| opening.commitment.into())
    }
}

fn path(app: &App, record: &str) -> Result<PathBuf, Fault> {
    let folder = app.settings()?.config.data_dir.join("openings");
    Ok(folder.join(format!("{}.json", record.replace([':', '/'], "-"))))
}

/// The digest of a public document: no secret, no salt.
pub(crate) fn public_digest(app: &App, path: &Path) -> Result<H32, Fault> {
    Ok(hash(Domain::Digest, &[&app.read(path)?]))
}
