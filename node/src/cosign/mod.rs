//! # Cosigning: checkpoints of the audit log that a quorum of provinces signed
//!
//! Each validator has a cosigning key of its own. After a commit every node signs the new head as a
//! C2SP `cosignature/v1` and tells the others; who holds more than two thirds of the power in
//! cosignatures of one head serves it as a checkpoint.
//!
//! ## Rules
//!
//! 1. **Never two that do not fit.** A head is kept durably before its signature exists, and only a
//!    head that is proven to continue the kept one is ever signed (`guard`), in whatever form: as a
//!    cosignature, as a line of the log, in a receipt. A head below the kept one is only signed again
//!    when both are of our log. No node witnesses its own ledger (`witness`).
//! 2. **A restored backup learns what it signed.** After a start a node signs nothing until
//!    validators of a quorum have told it the newest cosignature of its own they know.
//! 3. **Everybody signs the same heads.** Heads are chosen by block time (`SLOT_MS`), so that a
//!    quorum forms however fast blocks follow each other, and cosigning costs at most a few
//!    signatures and syncs a second.
//! 4. **Bounded**: a few heads of each province (`board`), whoever sends how much.
//! 5. **A fork is told.** A valid cosignature of a head that our log never had is an error in the
//!    log of the node, and never counted.
//!
//! The parts here know no socket and no thread; `runtime::cosigner` moves them.

pub(crate) mod board;
pub(crate) mod guard;
mod wire;
pub(crate) mod witness;

pub use wire::{Cosigned, CosignerKeys};
pub use witness::{FollowedLog, OutsideWitness};

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};

use hefu_primitives::log::LogHead;
use hefu_primitives::transparency::{
    Es256Key, NoteSignature, SignatureKind, VerifierKey, cosigner_name, origin,
};
use hefu_primitives::{ChainId, KeyId, KeyPair, Millis, Region};

use self::board::Board;
use self::guard::{Guard, GuardError};
use self::witness::Witness;
use crate::keystore::disk;

/// Heads are cosigned at the first block of each span of this length, and when no block follows
/// for as long: a commit is covered by a cosigned head after at most two spans and a round trip.
pub(crate) const SLOT_MS: u64 = 250;
/// Largest checkpoint file.
const MAX_FILE_BYTES: usize = hefu_primitives::transparency::note::MAX_NOTE_BYTES;

/// A checkpoint as served.
#[derive(Clone, Debug)]
pub struct Served {
    /// The head.
    pub head: LogHead,
    /// The note.
    pub note: Arc<str>,
    /// How many provinces cosigned.
    pub provinces: usize,
}

/// A secret cosigning key, its names and what belongs to it.
pub(crate) struct Signing {
    pub(crate) pair: KeyPair,
    pub(crate) es256: Option<Es256Key>,
    pub(crate) id: KeyId,
    /// Signs cosignatures, under the province's name.
    pub(crate) cosigner: VerifierKey,
    /// Signs as the log, under the origin.
    pub(crate) log: VerifierKey,
}

/// What a node keeps of cosigning.
pub(crate) struct Cosigning {
    pub(crate) origin: String,
    pub(crate) signing: Option<Signing>,
    folder: PathBuf,
    guard: Mutex<Result<Guard, GuardError>>,
    board: Mutex<Board>,
    answered: Mutex<BTreeSet<Region>>,
    served: RwLock<Option<Served>>,
    outside: Mutex<Vec<(LogHead, NoteSignature)>>,
    keys: Mutex<BTreeMap<KeyId, CosignerKeys>>,
    pub(crate) witness: Witness,
    closed: AtomicBool,
}

impl Cosigning {
    /// Opens what the folder holds.
    pub(crate) fn open(
        folder: &Path,
        chain: ChainId,
        region: Region,
        pair: Option<KeyPair>,
        followed: Vec<FollowedLog>,
    ) -> std::io::Result<Self> {
        disk::ensure_folder(folder)?;
        let origin = origin(&chain);
        let guard = Guard::open(&folder.join("cosigned"), &origin);
        if let Err(error) = &guard {
            tracing::error!(%error, "this node does not know what it cosigned: it cosigns nothing");
        }
        let signing = pair.and_then(|pair| Signing::new(&chain, region, pair));
        Ok(Self {
            witness: Witness::open(folder, &origin, followed),
            origin,
            signing,
            folder: folder.to_owned(),
            guard: Mutex::new(guard),
            board: Mutex::default(),
            answered: Mutex::default(),
            served: RwLock::default(),
            outside: Mutex::default(),
            keys: Mutex::default(),
            closed: AtomicBool::new(false),
        })
    }

    /// What was signed last, and the lock under which alone that changes.
    pub(crate) fn guard(&self) -> MutexGuard<'_, Result<Guard, GuardError>> {
        self.guard.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn board(&self) -> MutexGuard<'_, Board> {
        self.board.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Provinces that said what they know of our cosignatures, since the start.
    pub(crate) fn answered(&self) -> MutexGuard<'_, BTreeSet<Region>> {
        self.answered.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Keys that registered cosigners endorsed: as many as there are cosigners.
    pub(crate) fn keys(&self) -> MutexGuard<'_, BTreeMap<KeyId, CosignerKeys>> {
        self.keys.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Signs and writes nothing any more, whatever is still under way: another node may be started on
    /// the same folder next.
    pub(crate) fn close(&self) {
        *self.guard() = Err(GuardError::Stopped);
        self.witness.close();
        let _writing = self.served.write().unwrap_or_else(PoisonError::into_inner);
        self.closed.store(true, Ordering::Release);
    }

    /// The newest checkpoint with a quorum.
    pub(crate) fn served(&self) -> Option<Served> {
        self.served.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Serves a checkpoint, and keeps it for the next start. A lost file costs a few seconds
    /// without a checkpoint and nothing else, so it is not synced.
    pub(crate) fn serve(&self, served: Served) {
        // One at a time, and the file with the memory: two writers would take each other's away.
        let mut current = self.served.write().unwrap_or_else(PoisonError::into_inner);
        let known = current.as_ref().is_some_and(|known| known.head.size > served.head.size);
        if known || self.closed.load(Ordering::Acquire) {
            return;
        }
        let path = self.folder.join("checkpoint");
        let temporary = path.with_extension("tmp");
        let written = std::fs::write(&temporary, served.note.as_bytes());
        if let Err(error) = written.and_then(|()| std::fs::rename(&temporary, &path)) {
            tracing::warn!(%error, "the checkpoint was not kept for the next start");
        }
        *current = Some(served);
    }

    /// The checkpoint that was served before this start; unchecked.
    pub(crate) fn kept(&self) -> Option<Vec<u8>> {
        disk::read_bounded(&self.folder.join("checkpoint"), MAX_FILE_BYTES).ok()
    }

    /// Lines of outside witnesses for a head.
    pub(crate) fn outside(&self, head: LogHead) -> Vec<NoteSignature> {
        let outside = self.outside.lock().unwrap_or_else(PoisonError::into_inner);
        outside.iter().filter(|(of, _)| *of == head).map(|(_, line)| line.clone()).collect()
    }

    /// Keeps the line of an outside witness; each has one.
    pub(crate) fn add_outside(&self, head: LogHead, line: NoteSignature) {
        let mut outside = self.outside.lock().unwrap_or_else(PoisonError::into_inner);
        outside.retain(|(_, other)| (&other.name, other.id) != (&line.name, line.id));
        outside.push((head, line));
    }
}

impl Signing {
    fn new(chain: &ChainId, region: Region, pair: KeyPair) -> Option<Self> {
        let public = pair.public();
        let name = cosigner_name(chain, region);
        let cosigner = VerifierKey::new(name, SignatureKind::Cosignature, &public).ok()?;
        let log = VerifierKey::new(origin(chain), SignatureKind::Ed25519, &public).ok()?;
        Some(Self { id: pair.id(), es256: Es256Key::derive(&pair), cosigner, log, pair })
    }
}

/// The span a block falls into.
pub(crate) fn slot(time: Millis) -> u64 {
    time.0 / SLOT_MS
}
