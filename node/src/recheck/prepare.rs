//! What can be checked of a block on its own, by the thread that reads ahead: that it decodes, that
//! its bundles and outcomes are those that its header names, and, with the keys known so far, the
//! signatures of its transactions in batches.

use std::sync::Arc;
use std::sync::mpsc::SyncSender;

use hefu_contracts::signatures::VerifiedTogether;
use hefu_primitives::block::outcomes_root;
use hefu_primitives::{Bundle, Height, SignedTransaction};

use super::{Finding, Step};
use crate::core::{Records, StoredBlock, decode_bundles, reading};
use crate::store::{BlockFiles, Disk, StoreError};

/// A block that was read ahead.
pub(super) struct Prepared {
    pub(super) stored: StoredBlock,
    pub(super) bundles: Vec<Arc<Bundle>>,
    /// Signatures that are known to be good.
    pub(super) verified: VerifiedTogether,
    /// The bundles are not those that the block names: it cannot be executed.
    pub(super) broken: bool,
    pub(super) findings: Vec<Finding>,
}

/// What came of reading a height.
pub(super) enum Read {
    Block(Box<Prepared>),
    /// Not even a block.
    Unreadable(Finding),
    Failed(StoreError),
}

/// Reads a height.
pub(super) fn read<D: Disk>(
    blocks: &BlockFiles<D>,
    height: Height,
    keys: Option<&Records>,
) -> Read {
    let bytes = match blocks.read(height.0) {
        Ok(Some(bytes)) => bytes,
        Ok(None) => {
            return Read::Unreadable(Finding::new(height, Step::Frame, "there is no such block"));
        }
        Err(error @ StoreError::Corrupt { .. }) => {
            return Read::Unreadable(Finding::new(height, Step::Frame, error));
        }
        Err(error) => return Read::Failed(error),
    };
    match StoredBlock::decode(&bytes) {
        Ok(stored) => prepare(height, stored, keys),
        Err(error) => Read::Unreadable(Finding::new(height, Step::Frame, error)),
    }
}

fn prepare(height: Height, stored: StoredBlock, keys: Option<&Records>) -> Read {
    let mut findings = Vec::new();
    if stored.block.header.height != height {
        let found = stored.block.header.height;
        let detail = format!("the header says height {found}");
        findings.push(Finding::new(height, Step::Header, detail));
    }
    if outcomes_root(&stored.outcomes) != stored.block.header.outcomes_root {
        let detail = "the stored outcomes are not those that the header names";
        findings.push(Finding::new(height, Step::Outcome, detail));
    }
    let named = stored.block.contents_root() == stored.block.header.bundles_root;
    if !named {
        let detail = "the block's list of bundles and evidence is not what the header names";
        findings.push(Finding::new(height, Step::Contents, detail));
    }
    let (bundles, broken) = match decode_bundles(&stored) {
        Ok(bundles) => (bundles, false),
        Err(_) => {
            let detail = "the bundles are not those that the block names";
            findings.push(Finding::new(height, Step::Contents, detail));
            let decoded = stored.bundles.iter().filter_map(|bytes| Bundle::decode(bytes).ok());
            (decoded.map(Arc::new).collect(), true)
        }
    };
    let verified = match keys {
        Some(keys) => reading(|| VerifiedTogether::each(transactions(&bundles), keys)),
        None => Ok(VerifiedTogether::default()),
    };
    match verified {
        Ok(verified) => {
            Read::Block(Box::new(Prepared { stored, bundles, verified, broken, findings }))
        }
        Err(error) => Read::Failed(error),
    }
}

/// Reads heights one after another into a queue, until the other end is dropped.
pub(super) fn read_ahead<D: Disk>(
    blocks: &BlockFiles<D>,
    keys: Option<&Records>,
    to: &SyncSender<Read>,
) {
    for height in 1..=blocks.tip() {
        let read = read(blocks, Height(height), keys);
        let last = !matches!(read, Read::Block(_));
        if to.send(read).is_err() || last {
            return;
        }
    }
}

/// The transactions of bundles, in order.
pub(super) fn transactions(bundles: &[Arc<Bundle>]) -> impl Iterator<Item = &SignedTransaction> {
    bundles.iter().flat_map(|bundle| bundle.transactions())
}
