//! The import journal: which line of which file became which attestation.
//!
//! 1. The `att_id` and the salts of a line are decided once ([`Vault::plan`]) and never again: a
//!    repeated import of the same file finds them.
//! 2. A transaction is durable before anybody can submit it: [`Vault::stage`] syncs before it
//!    returns, and with it everything planned.
//! 3. After a crash [`Vault::pending`] gives the transactions whose outcome is not known, in their
//!    order. Submitting one again is harmless, because its id is the same; only when it can no
//!    longer be committed may it be settled as [`Outcome::Lapsed`] and its lines staged anew.
//!
//! 4. One document has one record: a line whose document the vault holds already, from another file,
//!    another line or [`Vault::put`], takes over its `att_id` ([`Vault::plan_as`]). So even if the
//!    other is on its way to the ledger at this moment, it cannot be attested a second time.
//!
//! So an interrupted import loses nothing and doubles nothing. The journal lies in the vault's log:
//! a line and its salts are one frame, and what erases a salt erases it here too. It does not know
//! how acts are made, and does not ask the ledger.

use hefu_primitives::H32;
use hefu_primitives::codec::Canonical;
use hefu_primitives::ids::{Id16, TxId};
use hefu_primitives::transaction::{SignedTransaction, TransactionError};

use super::entry::{Entry, LineKey, LineRange, Outcome};
use super::index::{Import, ImportLine, LineState};
use super::log::MAX_ENTRY_BYTES;
use super::{Vault, VaultError, record::Record};

/// Most ranges of lines in one transaction: as many as fit an entry beside the transaction.
pub const MAX_STAGED_RANGES: usize = 8 * 1024;

/// How far an import is, in lines.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct ImportSummary {
    /// Planned and not in a transaction.
    pub planned: u64,
    /// In a transaction whose outcome is not known.
    pub staged: u64,
    /// On the ledger.
    pub applied: u64,
    /// Refused.
    pub refused: u64,
}

/// A transaction whose outcome is not known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PendingTransaction {
    /// The transaction, as it was signed.
    pub transaction: SignedTransaction,
    /// The lines it covers, in order.
    pub lines: Vec<u32>,
}

/// Why the journal refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum JournalError {
    /// A line that was not planned.
    #[error("line {line} was not planned")]
    NotPlanned {
        /// The line.
        line: u32,
    },
    /// A line that is in another transaction, or on the ledger.
    #[error("line {line} is in a transaction already")]
    Taken {
        /// The line.
        line: u32,
    },
    /// A line that is named twice.
    #[error("line {line} is named twice")]
    Repeated {
        /// The line.
        line: u32,
    },
    /// No line, or more ranges than [`MAX_STAGED_RANGES`].
    #[error("{ranges} ranges of lines: 1 to {MAX_STAGED_RANGES} are possible")]
    Ranges {
        /// Ranges found.
        ranges: usize,
    },
    /// A transaction that is not pending.
    #[error("transaction {tx_id} is not pending")]
    NotPending {
        /// The transaction.
        tx_id: TxId,
    },
    /// A pending transaction that does not decode: written by another version.
    #[error("a pending transaction does not decode: {0}")]
    Transaction(#[from] TransactionError),
}

impl Vault {
    /// What is known of a line.
    pub fn line(&self, file: H32, line: u32) -> Option<ImportLine> {
        self.index.imports.get(&file)?.lines.get(&line).copied()
    }

    /// Decides the record of a line, unless one is decided already, and says which it is. Durable
    /// with the next [`Vault::stage`] or [`Vault::sync`].
    ///
    /// `make` is called only for a new line.
    ///
    /// # Errors
    /// [`VaultError`]; errors of `make` come through.
    pub fn plan<E: From<VaultError>>(
        &mut self,
        file: H32,
        line: u32,
        make: impl FnOnce() -> Result<Record, E>,
    ) -> Result<ImportLine, E> {
        if let Some(known) = self.line(file, line) {
            return Ok(known);
        }
        let record = make()?;
        self.check_new(&record)?;
        let att_id = record.att_id;
        self.append(&Entry::Planned(LineKey { file, line }, Box::new(record)))?;
        Ok(ImportLine { att_id, state: LineState::Planned })
    }

    /// Decides that a line is the attestation of a record the vault has.
    ///
    /// # Errors
    /// [`VaultError::Unknown`] or [`VaultError::Erased`] when it has not;
    /// [`JournalError::Taken`] for a line that is decided already.
    pub fn plan_as(
        &mut self,
        file: H32,
        line: u32,
        att_id: Id16,
    ) -> Result<ImportLine, VaultError> {
        if self.line(file, line).is_some() {
            return Err(JournalError::Taken { line }.into());
        }
        self.get(att_id)?;
        self.append(&Entry::Line(LineKey { file, line }, att_id))?;
        Ok(ImportLine { att_id, state: LineState::Planned })
    }

    /// Whether an import saw this attestation on the ledger.
    pub fn is_applied(&self, att_id: Id16) -> bool {
        self.index.is_applied(att_id)
    }

    /// Whether this attestation is in a transaction whose outcome is not known.
    pub fn is_under_way(&self, att_id: Id16) -> bool {
        self.index.is_staged(att_id)
    }

    /// Files with transactions whose outcome is not known, in no order.
    pub fn unsettled_files(&self) -> Vec<H32> {
        let imports = self.index.imports.iter();
        imports.filter(|(_, import)| !import.pending.is_empty()).map(|(file, _)| *file).collect()
    }

    /// Records a transaction for planned lines, durably: only now may it be submitted.
    ///
    /// # Errors
    /// [`JournalError`] when a line is not planned or in another transaction.
    pub fn stage(
        &mut self,
        file: H32,
        lines: &[u32],
        transaction: &SignedTransaction,
    ) -> Result<(), VaultError> {
        for line in lines {
            let Some(known) = self.line(file, *line) else {
                return Err(JournalError::NotPlanned { line: *line }.into());
            };
            if matches!(known.state, LineState::Staged(_) | LineState::Applied { .. }) {
                return Err(JournalError::Taken { line: *line }.into());
            }
            if let Some(erased) = self.erased(known.att_id) {
                return Err(VaultError::Erased(erased));
            }
        }
        let mut sorted = lines.to_vec();
        sorted.sort_unstable();
        if let Some([line, ..]) = sorted.windows(2).find(|pair| pair[0] == pair[1]) {
            return Err(JournalError::Repeated { line: *line }.into());
        }
        let ranges = LineRange::cover(lines);
        if ranges.is_empty() || ranges.len() > MAX_STAGED_RANGES {
            return Err(JournalError::Ranges { ranges: ranges.len() }.into());
        }
        let bytes = transaction.as_bytes().to_vec().into();
        self.append(&Entry::Staged { file, lines: ranges, tx_id: transaction.id(), bytes })?;
        self.sync()
    }

    /// The transactions of a file whose outcome is not known, in the order they were staged.
    ///
    /// # Errors
    /// [`VaultError`].
    pub fn pending(&self, file: H32) -> Result<Vec<PendingTransaction>, VaultError> {
        let import = self.index.imports.get(&file);
        let pending = import.into_iter().flat_map(|import| &import.pending);
        let read = pending.map(|pending| {
            let plain = self.log.read(pending.position)?;
            match Entry::from_bytes(&plain, MAX_ENTRY_BYTES) {
                Ok(Entry::Staged { lines, bytes, .. }) => Ok(PendingTransaction {
                    transaction: SignedTransaction::decode(&bytes).map_err(JournalError::from)?,
                    lines: lines.iter().flat_map(|range| range.first..=range.last).collect(),
                }),
                _ => Err(VaultError::Entry),
            }
        });
        read.collect()
    }

    /// Records what became of a transaction. Not synced: should it be lost, the transaction is
    /// pending again and its outcome is asked again.
    ///
    /// # Errors
    /// [`JournalError::NotPending`].
    pub fn settle(&mut self, file: H32, tx_id: TxId, outcome: Outcome) -> Result<(), VaultError> {
        let import = self.index.imports.get(&file);
        let mut pending = import.into_iter().flat_map(|import| &import.pending);
        match pending.find(|pending| pending.tx_id == tx_id) {
            Some(pending) => {
                let lines = pending.lines.clone();
                self.append(&Entry::Settled { file, lines, tx_id, outcome })
            }
            None => Err(JournalError::NotPending { tx_id }.into()),
        }
    }

    /// The lines of a file that were seen, in order.
    pub fn lines(&self, file: H32) -> impl Iterator<Item = (u32, ImportLine)> {
        let import = self.index.imports.get(&file);
        import.into_iter().flat_map(|import| &import.lines).map(|(line, known)| (*line, *known))
    }

    /// How far the import of a file is.
    pub fn import_summary(&self, file: H32) -> ImportSummary {
        self.index.imports.get(&file).map(Import::summary).unwrap_or_default()
    }
}

impl Import {
    fn summary(&self) -> ImportSummary {
        let mut summary = ImportSummary::default();
        for line in self.lines.values() {
            *match line.state {
                LineState::Planned => &mut summary.planned,
                LineState::Staged(_) => &mut summary.staged,
                LineState::Applied { .. } => &mut summary.applied,
                LineState::Refused { .. } => &mut summary.refused,
            } += 1;
        }
        summary
    }
}
