//! What the vault knows without reading its log: where each record is, which records belong to an
//! identifier or number, which record a document has, and how far each import is.
//!
//! Made anew from the log at every start. Identifiers, numbers and documents are in it as keyed
//! hashes with a key of this process, so that a core dump shows none of them.

use std::collections::{BTreeMap, HashMap, HashSet};

use hefu_primitives::H32;
use hefu_primitives::codec::Canonical;
use hefu_primitives::hash::{Domain, hash};
use hefu_primitives::ids::{Id16, TxId};

use super::batch::Batch;
use super::entry::{Entry, LineKey, LineRange, Outcome};
use super::licence::Licence;
use super::log::Position;
use super::record::{Erased, Record};
use crate::keystore::seal::{SealError, SealingKey};

/// How far a line of an import is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LineState {
    /// Its `att_id` and salts are decided; nothing was submitted that could still count.
    Planned,
    /// In this transaction, whose outcome is not known.
    Staged(TxId),
    /// On the ledger.
    Applied {
        /// Height of the block.
        height: u64,
    },
    /// Refused; it may be staged again, under the same `att_id`.
    Refused {
        /// The error code.
        code: u16,
    },
}

/// A line of an import.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ImportLine {
    /// The id decided for it, once and for all.
    pub att_id: Id16,
    /// How far it is.
    pub state: LineState,
}

/// Where a record is.
#[derive(Clone, Copy)]
pub(super) enum Slot {
    At(Position),
    Erased(Erased),
}

/// A transaction without a known outcome.
#[derive(Clone)]
pub(super) struct Pending {
    pub(super) tx_id: TxId,
    pub(super) position: Position,
    pub(super) lines: Vec<LineRange>,
}

#[derive(Default)]
pub(super) struct Import {
    pub(super) lines: BTreeMap<u32, ImportLine>,
    /// In the order in which they were staged.
    pub(super) pending: Vec<Pending>,
}

pub(super) struct Index {
    key: SealingKey,
    pub(super) records: HashMap<Id16, Slot>,
    texts: HashMap<[u8; 16], Vec<Id16>>,
    /// Records by their whole document.
    documents: HashMap<[u8; 16], Vec<Id16>>,
    /// Attestations that some import saw on the ledger.
    applied: HashSet<Id16>,
    pub(super) imports: HashMap<H32, Import>,
    /// Batches, with the hashes of their leaves in order.
    pub(super) batches: HashMap<Id16, (Batch, Vec<H32>)>,
    /// The leaf that an attestation is.
    pub(super) leaves: HashMap<Id16, (Id16, u32, Position)>,
}

impl Index {
    pub(super) fn new() -> Result<Self, SealError> {
        Ok(Self {
            key: SealingKey::random()?,
            records: HashMap::new(),
            texts: HashMap::new(),
            documents: HashMap::new(),
            applied: HashSet::new(),
            imports: HashMap::new(),
            batches: HashMap::new(),
            leaves: HashMap::new(),
        })
    }

    /// Follows an entry that is in the log. Entries were checked before they were written.
    pub(super) fn apply(&mut self, position: Position, entry: &Entry) {
        match entry {
            Entry::Put(record) => self.add(position, record),
            Entry::Planned(key, record) => {
                self.add(position, record);
                self.plan(*key, record.att_id);
            }
            Entry::Erased(erased) => {
                self.records.insert(erased.att_id, Slot::Erased(*erased));
            }
            Entry::Line(key, att_id) => self.plan(*key, *att_id),
            Entry::Batch(batch) => {
                self.batches.insert(batch.id, (batch.clone(), Vec::new()));
            }
            Entry::Leaf { batch, leaf, att_id, hash, .. } => {
                let known = self.batches.get_mut(batch).map(|(_, hashes)| hashes);
                // Leaves follow one another; one out of order was cut off with what came before.
                if let Some(hashes) = known.filter(|hashes| hashes.len() as u64 == u64::from(*leaf))
                {
                    hashes.push(*hash);
                    self.leaves.insert(*att_id, (*batch, *leaf, position));
                }
            }
            Entry::Staged { file, lines, tx_id, .. } => {
                let pending = Pending { tx_id: *tx_id, position, lines: lines.clone() };
                let import = self.imports.entry(*file).or_default();
                import.set(lines, LineState::Staged(*tx_id));
                import.pending.push(pending);
            }
            Entry::Settled { file, lines, tx_id, outcome } => {
                let import = self.imports.entry(*file).or_default();
                import.pending.retain(|pending| pending.tx_id != *tx_id);
                if let Outcome::Applied { .. } = outcome {
                    self.applied.extend(import.att_ids(lines));
                }
                import.set(
                    lines,
                    match *outcome {
                        Outcome::Applied { height } => LineState::Applied { height },
                        Outcome::Refused { code } => LineState::Refused { code },
                        Outcome::Lapsed => LineState::Planned,
                    },
                );
            }
        }
    }

    /// The records with this identifier or number.
    pub(super) fn find(&self, text: &str) -> Vec<Id16> {
        let ids = self.texts.get(&self.hash_of(text)).into_iter().flatten().copied();
        ids.filter(|id| matches!(self.records.get(id), Some(Slot::At(_)))).collect()
    }

    /// The record of this very document: one that is on the ledger before others.
    pub(super) fn find_document(&self, licence: &Licence) -> Option<Id16> {
        let ids = self.documents.get(&self.hash_of_document(licence))?.iter().copied();
        let mut ids = ids.filter(|id| matches!(self.records.get(id), Some(Slot::At(_))));
        let first = ids.next()?;
        let found = std::iter::once(first).chain(ids).find(|id| self.is_applied(*id));
        Some(found.unwrap_or(first))
    }

    /// Whether some import saw this attestation on the ledger.
    pub(super) fn is_applied(&self, att_id: Id16) -> bool {
        self.applied.contains(&att_id)
    }

    pub(super) fn is_pending(&self, tx_id: TxId) -> bool {
        self.imports.values().any(|import| import.pending.iter().any(|p| p.tx_id == tx_id))
    }

    /// Whether a transaction with this record may still be committed.
    pub(super) fn is_staged(&self, att_id: Id16) -> bool {
        self.imports.values().any(|import| {
            let mut pending = import.pending.iter();
            pending.any(|pending| import.att_ids(&pending.lines).contains(&att_id))
        })
    }

    fn add(&mut self, position: Position, record: &Record) {
        self.records.insert(record.att_id, Slot::At(position));
        let licence = &record.licence;
        for text in [&licence.identifier, &licence.certificate_number] {
            let ids = self.texts.entry(self.hash_of(text)).or_default();
            if !ids.contains(&record.att_id) {
                ids.push(record.att_id);
            }
        }
        let documents = self.documents.entry(self.hash_of_document(licence)).or_default();
        if !documents.contains(&record.att_id) {
            documents.push(record.att_id);
        }
    }

    fn plan(&mut self, key: LineKey, att_id: Id16) {
        let line = ImportLine { att_id, state: LineState::Planned };
        self.imports.entry(key.file).or_default().lines.insert(key.line, line);
    }

    fn hash_of(&self, text: &str) -> [u8; 16] {
        self.short_hash(&[text.as_bytes()])
    }

    /// Of the canonical form: the order of keys, spaces and the format of a file do not matter.
    fn hash_of_document(&self, licence: &Licence) -> [u8; 16] {
        let bytes = zeroize::Zeroizing::new(licence.to_bytes());
        self.short_hash(&[b"document", &bytes])
    }

    fn short_hash(&self, parts: &[&[u8]]) -> [u8; 16] {
        let digest = hash(Domain::Digest, &[&[self.key.reveal().as_slice()], parts].concat());
        let mut short = [0; 16];
        short.copy_from_slice(&digest.0[..16]);
        short
    }
}

impl Import {
    fn att_ids(&self, ranges: &[LineRange]) -> Vec<Id16> {
        let lines = ranges.iter().flat_map(|range| self.lines.range(range.first..=range.last));
        lines.map(|(_, line)| line.att_id).collect()
    }

    fn set(&mut self, ranges: &[LineRange], state: LineState) {
        for range in ranges {
            self.lines.range_mut(range.first..=range.last).for_each(|(_, line)| line.state = state);
        }
    }
}
