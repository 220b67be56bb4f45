//! This node as a witness of other logs (c2sp.org/tlog-witness), where the operator says so, and
//! the witnesses it asks for its own.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use hefu_primitives::transparency::note::NoteSignature;
use hefu_primitives::transparency::{AddCheckpoint, Note, Refusal, VerifierKey};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::Signing;
use super::guard::{Guard, GuardError};
use crate::keystore::disk;

/// A log that this node witnesses.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FollowedLog {
    /// Its origin line.
    pub origin: String,
    /// Keys that sign its checkpoints, as signed notes write them.
    pub keys: Vec<String>,
}

/// A witness that is asked to cosign this ledger's checkpoints.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OutsideWitness {
    /// Its submission prefix: `https://witness.example`.
    pub url: String,
    /// Its key, as signed notes write it.
    pub key: String,
}

struct Followed {
    keys: Vec<VerifierKey>,
    /// None when nobody knows what was signed.
    guard: Option<Guard>,
    note: PathBuf,
}

/// The logs that are followed, and what was signed of each.
#[derive(Default)]
pub(crate) struct Witness {
    logs: Mutex<BTreeMap<String, Followed>>,
}

impl Witness {
    /// Opens what the folder holds of the logs. `own` is the origin of this node's ledger: its
    /// checkpoints are signed under a guard of their own, and whoever could have them witnessed here
    /// too would get signatures of two histories.
    pub(crate) fn open(folder: &Path, own: &str, logs: Vec<FollowedLog>) -> Self {
        let mut logs = logs;
        logs.retain(|log| {
            let other = log.origin != own;
            if !other {
                tracing::error!(
                    log.origin,
                    "a ledger is not witnessed by its own nodes: they cosign it"
                );
            }
            other
        });
        let open = |log: FollowedLog| {
            let name = origin_hash(&log.origin);
            let guard = Guard::open(&folder.join(format!("witnessed-{name}")), &log.origin);
            if let Err(error) = &guard {
                tracing::error!(%error, log.origin, "this log is not witnessed");
            }
            let keys = log.keys.iter().filter_map(|key| key.parse().ok()).collect();
            let note = folder.join(format!("witnessed-{name}.checkpoint"));
            (log.origin, Followed { keys, guard: guard.ok(), note })
        };
        Self { logs: Mutex::new(logs.into_iter().map(open).collect()) }
    }

    /// Answers `add-checkpoint`: the line of the cosignature. Checking, keeping and signing are one
    /// step under one lock.
    pub(crate) fn add_checkpoint(
        &self,
        body: &[u8],
        signing: &Signing,
        time: u64,
    ) -> Result<NoteSignature, Refusal> {
        let request = AddCheckpoint::parse(body)?;
        let mut logs = self.logs.lock().unwrap_or_else(PoisonError::into_inner);
        let log = logs.get_mut(&request.checkpoint.origin).ok_or(Refusal::UnknownLog)?;
        let guard = log.guard.as_mut().ok_or(Refusal::UnknownLog)?;
        let last = guard.last();
        let head = request.decide(&log.keys, Some(last))?;
        let path = request.proof.clone();
        let proof = hefu_primitives::log::ConsistencyProof { old: last.size, new: head.size, path };
        if let Err(error) = guard.advance(head, &proof) {
            tracing::error!(%error, "a checkpoint was not kept, so it is not cosigned");
            return Err(match error {
                GuardError::Back { .. } | GuardError::Inconsistent { .. } => Refusal::Inconsistent,
                _ => Refusal::NotKept,
            });
        }
        let line = signing.cosigner.sign(&signing.pair, time, request.note.text());
        let mut lines: Vec<NoteSignature> = request.note.signatures().to_vec();
        lines.retain(|line| log.keys.iter().any(|key| key.claims(line)));
        lines.push(line.clone());
        if let Ok(note) = Note::new(request.note.text().to_owned(), lines)
            && let Err(error) = disk::replace(&log.note, note.to_string().as_bytes())
        {
            tracing::warn!(%error, "the witnessed checkpoint is not shown");
        }
        Ok(line)
    }

    /// Signs nothing any more: another node may be started on the same folder next.
    pub(crate) fn close(&self) {
        let mut logs = self.logs.lock().unwrap_or_else(PoisonError::into_inner);
        logs.values_mut().for_each(|log| log.guard = None);
    }

    /// The checkpoint cosigned last of a log, by the hash of its origin.
    pub(crate) fn checkpoint(&self, hash: &str) -> Option<Vec<u8>> {
        let logs = self.logs.lock().unwrap_or_else(PoisonError::into_inner);
        let log = logs.iter().find(|(origin, _)| origin_hash(origin) == hash)?.1;
        std::fs::read(&log.note).ok()
    }
}

fn origin_hash(origin: &str) -> String {
    let digest: [u8; 32] = Sha256::digest(origin.as_bytes()).into();
    hefu_primitives::H32(digest).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use hefu_primitives::log::{Frontier, LogHead, MemoryLog, consistency_proof, leaf_hash};
    use hefu_primitives::transparency::{Checkpoint, SignatureKind};
    use hefu_primitives::{ChainId, KeyPair, Region};

    fn log_pair() -> KeyPair {
        KeyPair::from_secret(&[3; 32])
    }

    fn log_key() -> VerifierKey {
        VerifierKey::new("log".into(), SignatureKind::Ed25519, &log_pair().public()).unwrap()
    }

    fn signing() -> Signing {
        let pair = KeyPair::from_secret(&[4; 32]);
        Signing::new(&ChainId([1; 32]), Region(310_000), pair).unwrap()
    }

    fn log() -> MemoryLog {
        let mut log = MemoryLog::new();
        (0..20u8).for_each(|leaf| log.append(leaf_hash(&[leaf])).unwrap());
        log
    }

    fn body(old: u64, new: u64) -> Vec<u8> {
        let head: LogHead = Frontier::from_reader(&log(), new).unwrap().head();
        let checkpoint = Checkpoint::new("log".into(), head);
        let line = log_key().sign(&log_pair(), 0, &checkpoint.text());
        let note = Note::new(checkpoint.text(), vec![line]).unwrap();
        let proof = consistency_proof(&log(), old, new).unwrap().path;
        AddCheckpoint { old, proof, checkpoint, note }.to_string().into_bytes()
    }

    fn open(folder: &Path) -> Witness {
        let keys = vec![log_key().to_string()];
        Witness::open(folder, "own", vec![FollowedLog { origin: "log".into(), keys }])
    }

    #[test]
    fn cosigns_what_continues_also_after_a_start() {
        let folder = tempfile::tempdir().unwrap();
        let witness = open(folder.path());
        let line = witness.add_checkpoint(&body(0, 7), &signing(), 60).unwrap();
        let text = Checkpoint::of_note(body(0, 7).splitn(2, |_| false).next().unwrap());
        assert!(text.is_err(), "a body is no note");
        let request = AddCheckpoint::parse(&body(0, 7)).unwrap();
        assert_eq!(signing().cosigner.verify(request.note.text(), &line), Some(60));
        let stale = witness.add_checkpoint(&body(0, 9), &signing(), 61);
        assert_eq!(stale, Err(Refusal::Stale(7)));
        drop(witness);
        let witness = open(folder.path());
        assert_eq!(witness.add_checkpoint(&body(0, 9), &signing(), 61), Err(Refusal::Stale(7)));
        witness.add_checkpoint(&body(7, 20), &signing(), 62).unwrap();
        let shown = witness.checkpoint(&origin_hash("log")).unwrap();
        let keys = [log_key(), signing().cosigner];
        let (checkpoint, signed) = Checkpoint::verified(&shown, &keys).unwrap();
        assert_eq!((checkpoint.head.size, signed.len()), (20, 2));
        assert_eq!(witness.checkpoint(&origin_hash("other")), None);
    }

    #[test]
    fn other_logs_and_other_histories_are_refused() {
        let folder = tempfile::tempdir().unwrap();
        let witness = open(folder.path());
        witness.add_checkpoint(&body(0, 7), &signing(), 60).unwrap();
        let text = String::from_utf8(body(7, 20)).unwrap();
        let mut lines: Vec<&str> = text.split('\n').collect();
        lines.remove(1);
        let short = lines.join("\n");
        let refused = witness.add_checkpoint(short.as_bytes(), &signing(), 61);
        assert_eq!(refused, Err(Refusal::Inconsistent));
        let nobody = Witness::open(folder.path(), "own", Vec::new());
        let refused = nobody.add_checkpoint(&body(7, 20), &signing(), 61);
        assert_eq!(refused, Err(Refusal::UnknownLog));
    }

    /// Its heads are signed under another guard, which knows nothing of this one.
    #[test]
    fn the_own_ledger_is_not_witnessed() {
        let folder = tempfile::tempdir().unwrap();
        let log = FollowedLog { origin: "log".into(), keys: vec![log_key().to_string()] };
        let witness = Witness::open(folder.path(), "log", vec![log]);
        let refused = witness.add_checkpoint(&body(0, 7), &signing(), 60);
        assert_eq!(refused, Err(Refusal::UnknownLog));
    }

    #[test]
    fn a_node_that_has_stopped_witnesses_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let witness = open(folder.path());
        witness.close();
        let refused = witness.add_checkpoint(&body(0, 7), &signing(), 60);
        assert_eq!(refused, Err(Refusal::UnknownLog));
    }
}
