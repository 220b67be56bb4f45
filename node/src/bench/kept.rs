//! Whether what was acknowledged is there: read from the block files of every validator after its
//! process was killed, so that nothing that was only in memory counts.

use std::collections::HashSet;
use std::path::Path;

use anyhow::Context;
use hefu_primitives::TxId;
use hefu_primitives::block::TxResult;

use crate::core::StoredBlock;
use crate::store::{BlockFiles, RealDisk};

/// How many of the acknowledged transactions are missing from the block files in a home, above a
/// height.
pub(super) fn missing(
    home: &Path,
    above: u64,
    acknowledged: &HashSet<TxId>,
) -> anyhow::Result<u64> {
    let blocks = BlockFiles::reading(
        RealDisk::open(super::history::store(home).join("blocks"))?,
        &mut |_| {},
    )?;
    let mut there = 0;
    for height in above + 1..=blocks.tip() {
        let bytes = blocks.read(height)?.context("a block is missing")?;
        let stored = StoredBlock::decode(&bytes)?;
        let applied = stored.outcomes.iter().filter(|outcome| {
            matches!(outcome.result, TxResult::Applied { .. }) && acknowledged.contains(&outcome.tx)
        });
        // A transaction is applied once: none is counted twice.
        there += applied.count() as u64;
    }
    Ok((acknowledged.len() as u64).saturating_sub(there))
}
