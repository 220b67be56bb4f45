//! # Checking a node's own copy again
//!
//! An archive asks: is the copy that I hold complete and unaltered? [`full()`] answers it from the
//! genesis on, believing nothing but the genesis: every frame, header, certificate, signature,
//! outcome and root. [`sampled()`] answers it sooner and says how sure it is.
//!
//! Invariants:
//! - Only block files are read, and nothing is written beside the scratch index that the caller
//!   gives: the node may be running.
//! - What is found is named by height and step, in the order of heights. An execution that went
//!   another way cannot go on: what lies behind it is reported as not checked.
//! - A report never says more than was done: its counts are of what was really looked at.
//!
//! Does not know the index that a node serves from, which can be built again from the blocks.

mod full;
mod prepare;
mod sample;
#[cfg(test)]
mod tests;

use hefu_primitives::{H32, Height, TxId};
use serde::Serialize;

pub use full::full;
pub(crate) use sample::bad_of;
pub use sample::{Sample, confidence, sampled, size_for};

use crate::core::LedgerError;
use crate::store::StoreError;

/// Most findings kept.
pub const MAX_FINDINGS: usize = 100;

/// What was looked at when something was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Step {
    /// The frame in the block files: lengths and checksums.
    Frame,
    /// The header, and its link to the one before.
    Header,
    /// The commit certificate.
    Certificate,
    /// Bundles and evidence, which the header names.
    Contents,
    /// A transaction's signature.
    Signature,
    /// What became of the transactions.
    Outcome,
    /// The audit log's size and root.
    Log,
    /// The root of the records.
    State,
    /// Validators and parameters that follow from the execution.
    Execution,
}

impl Step {
    /// Every step.
    pub const ALL: [Self; 9] = [
        Self::Frame,
        Self::Header,
        Self::Certificate,
        Self::Contents,
        Self::Signature,
        Self::Outcome,
        Self::Log,
        Self::State,
        Self::Execution,
    ];

    /// Its name in JSON and in the catalogue.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Frame => "frame",
            Self::Header => "header",
            Self::Certificate => "certificate",
            Self::Contents => "contents",
            Self::Signature => "signature",
            Self::Outcome => "outcome",
            Self::Log => "log",
            Self::State => "state",
            Self::Execution => "execution",
        }
    }

    /// The step to which a field of the header belongs.
    fn of_field(field: &str) -> Self {
        match field {
            "bundles_root" => Self::Contents,
            "outcomes_root" => Self::Outcome,
            "log_size" | "log_root" => Self::Log,
            "state_root" => Self::State,
            "validators" | "next_validators" | "parameters" => Self::Execution,
            _ => Self::Header,
        }
    }
}

/// Something that is not as it must be.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Finding {
    /// Where.
    pub height: Height,
    /// In which step.
    pub step: Step,
    /// Which transaction, where it is about one.
    pub transaction: Option<TxId>,
    /// The layer's own words.
    pub detail: String,
}

impl Finding {
    fn new(height: Height, step: Step, detail: impl ToString) -> Self {
        Self { height, step, transaction: None, detail: detail.to_string() }
    }
}

/// What was checked, and what came of it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Report {
    /// The highest block in the files.
    pub height: Height,
    /// The height up to which the chain of headers and execution holds.
    pub checked_to: Height,
    /// Blocks looked at.
    pub blocks: u64,
    /// Transactions looked at.
    pub transactions: u64,
    /// Of these, signatures of transactions checked.
    pub signatures: u64,
    /// Transactions of the sample whose key stands nowhere in the copy.
    pub signatures_open: u64,
    /// Certificates checked.
    pub certificates: u64,
    /// Certificates of the sample by a set of validators that only an execution tells.
    pub certificates_open: u64,
    /// How often the validators changed.
    pub validator_changes: u64,
    /// Leaves of the audit log, as rebuilt.
    pub log_size: u64,
    /// Root of the audit log, as rebuilt.
    pub log_root: H32,
    /// Root of the records, as executed; none where nothing was executed.
    pub state_root: Option<H32>,
    /// What is wrong, by height; at most [`MAX_FINDINGS`].
    pub findings: Vec<Finding>,
}

impl Report {
    /// Whether nothing was found.
    pub fn is_sound(&self) -> bool {
        self.findings.is_empty()
    }

    fn found(&mut self, finding: Finding) {
        if self.findings.len() < MAX_FINDINGS {
            self.findings.push(finding);
        }
    }
}

/// The report where not even the frames can be read through.
pub fn damaged(height: u64, error: &StoreError) -> Report {
    let mut report = Report { height: Height(height), ..Report::default() };
    report.found(Finding::new(Height(height), Step::Frame, error));
    report
}

/// Why nothing could be said.
#[derive(Debug, thiserror::Error)]
pub enum RecheckError {
    /// The files or the scratch index failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The ledger could not be begun.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    /// A thread ended before its work did.
    #[error("a thread of the audit ended early")]
    Thread,
}
