//! Opening a node's ledger: what the files hold is checked before anything is served.
//!
//! 1. Block files are verified frame by frame; damage is named, a torn end cut off.
//! 2. An index of another ledger, or one ahead of the block files, is refused.
//! 3. An index that lags replays the blocks it lacks; one of an older layout is built again.
//! 4. Log and map are rebuilt from the index and compared with the last header; where they differ,
//!    or where a block gives other roots than its own, the index is wiped and built again from the
//!    block files, once.

use std::sync::Arc;

use hefu_contracts::exec::{SEEN, VerifyAlways};
use hefu_genesis::Genesis;
use hefu_primitives::log::{Frontier, leaf_hash};
use hefu_primitives::map::{AuthenticatedMap, Change, path_of, value_hash};
use hefu_primitives::{CommitCertificate, Header, Height};

use super::ledger::{Ledger, LedgerError, Tip, genesis_tip, map_changes};
use super::presence::Presence;
use super::records::StoredBlock;
use super::runs::IndexLog;
use super::view::{Records, join};
use super::{keys, runs};
use crate::store::{BlockFiles, Disk, Index, StoreError};

/// Records read at a time when the map is rebuilt.
const SCAN: usize = 4096;

/// How far a long opening is: blocks replayed, of how many.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Replay {
    /// Height reached.
    pub height: Height,
    /// Height of the block files.
    pub of: Height,
}

/// Opens the ledger of a genesis over block files and an index.
///
/// # Errors
/// [`LedgerError`]: the index belongs to another ledger, blocks are missing or do not match.
pub fn open<D: Disk>(
    genesis: &Genesis,
    blocks: Arc<BlockFiles<D>>,
    index: Arc<dyn Index>,
    progress: &mut dyn FnMut(Replay),
) -> Result<Ledger<D>, LedgerError> {
    match open_once(genesis, &blocks, &index, progress) {
        // The roots do not cover every record: some that lie only show in what they lead to.
        Err(LedgerError::Unrecoverable(height) | LedgerError::Diverged { height, .. }) => {
            tracing::warn!(%height, "the index does not match the blocks; building it again");
            index.wipe()?;
            open_once(genesis, &blocks, &index, progress)
        }
        opened => opened,
    }
}

/// Builds the index again from the block files, whatever it holds.
///
/// # Errors
/// As [`open`].
pub fn rebuild<D: Disk>(
    genesis: &Genesis,
    blocks: Arc<BlockFiles<D>>,
    index: Arc<dyn Index>,
    progress: &mut dyn FnMut(Replay),
) -> Result<Ledger<D>, LedgerError> {
    index.wipe()?;
    open_once(genesis, &blocks, &index, progress)
}

/// The ledger as its genesis left it, over an empty index and block files that are read one by one
/// ([`Ledger::recheck`]).
///
/// # Errors
/// As [`open`].
pub(crate) fn from_genesis<D: Disk>(
    genesis: &Genesis,
    blocks: Arc<BlockFiles<D>>,
    index: Arc<dyn Index>,
) -> Result<Ledger<D>, LedgerError> {
    check_chain(genesis, &index)?;
    let none = LedgerError::Unrecoverable(Height(0));
    let (records, map) = build_map(&index)?;
    let Ok(log) = Frontier::from_reader(&IndexLog(index.as_ref()), 1) else { return Err(none) };
    let tip = genesis_tip(genesis, &log, &map, &records).ok_or(none)?;
    Ok(Ledger::new(genesis.hash(), blocks, records, map, log, tip))
}

fn open_once<D: Disk>(
    genesis: &Genesis,
    blocks: &Arc<BlockFiles<D>>,
    index: &Arc<dyn Index>,
    progress: &mut dyn FnMut(Replay),
) -> Result<Ledger<D>, LedgerError> {
    check_chain(genesis, index)?;
    let (have, top) = (Height(index.height()?), Height(blocks.tip()));
    if have > top {
        return Err(LedgerError::BlocksLost { index: have, blocks: top });
    }
    let (records, map) = build_map(index)?;
    let tip_header = if have.0 == 0 { None } else { Some(header(blocks, have)?) };
    let log_size = tip_header.as_ref().map_or(1, |header| header.log_size);
    let log = Frontier::from_reader(&IndexLog(index.as_ref()), log_size)
        .map_err(|_| LedgerError::Unrecoverable(have))?;
    let tip = genesis_tip(genesis, &log, &map, &records);
    let mut tip = tip.ok_or(LedgerError::Unrecoverable(have))?;
    if let Some(header) = tip_header {
        let same = header.state_root == map.root() && header.log_root == log.root();
        if !same || header.next_validators != tip.validators.hash() {
            return Err(LedgerError::Unrecoverable(have));
        }
        tip = Tip { height: have, block: header.id(), time: header.time, ..tip };
    }
    let mut ledger = Ledger::new(genesis.hash(), blocks.clone(), records, map, log, tip);
    while ledger.tip().height < top {
        let height = ledger.tip().height.next();
        ledger.replay(stored(blocks, height)?, &VerifyAlways)?;
        progress(Replay { height, of: top });
    }
    Ok(ledger)
}

/// Writes the genesis into an empty index, or checks that the index is of this ledger.
fn check_chain(genesis: &Genesis, index: &Arc<dyn Index>) -> Result<(), LedgerError> {
    let expected = genesis.hash();
    let mark = [&expected.0[..], &[keys::LAYOUT]].concat();
    match index.get(keys::CHAIN)? {
        Some(found) if found == mark => return Ok(()),
        Some(found) if found.starts_with(&expected.0) => {
            tracing::info!("the index is of another layout; building it again");
            index.wipe()?;
        }
        Some(found) => {
            let found = found.iter().take(32).map(|byte| format!("{byte:02x}")).collect();
            return Err(LedgerError::WrongChain { expected, found });
        }
        None => {}
    }
    let mut batch = vec![(keys::CHAIN.to_vec(), Some(mark))];
    for (record, value) in genesis.initial_writes() {
        batch.push((keys::state(&record), value.map(|value| join(Height(0), &value))));
    }
    let mut log = Frontier::default();
    let leaf = leaf_hash(&genesis.log_leaf());
    let mut nodes = Vec::new();
    let appended = log.append(leaf, &mut |level, number, hash| nodes.push((level, number, hash)));
    appended.map_err(|_| LedgerError::Unrecoverable(Height(0)))?;
    batch.extend(runs::log_nodes(nodes));
    index.apply(0, &batch)?;
    Ok(())
}

/// Reads all records once: for the map, and for knowing which are there.
fn build_map(index: &Arc<dyn Index>) -> Result<(Records, AuthenticatedMap), StoreError> {
    let presence = Presence::default();
    let mut map = AuthenticatedMap::new();
    let mut from = keys::state(&[]);
    let to = hefu_contracts::state::successor(&from);
    loop {
        let entries = index.scan(&from, &to, SCAN, false)?;
        let Some((last, _)) = entries.last() else {
            let note = |time, id| presence.note(&SEEN.key(&(time, id)));
            runs::each_used(index.as_ref(), note)?;
            return Ok((Records::noted(index.clone(), presence), map));
        };
        from = [last.as_slice(), &[0]].concat();
        entries.iter().filter_map(|(key, _)| key.get(1..)).for_each(|record| presence.note(record));
        let changes = entries.iter().filter_map(|(key, value)| {
            let (record, value) = (key.get(1..)?, value.get(8..)?);
            let change: Change = (path_of(record), Some(value_hash(value)));
            hefu_contracts::state::is_proven(record).then_some(change)
        });
        map.update(changes.collect::<Vec<_>>());
    }
}

fn stored<D: Disk>(blocks: &BlockFiles<D>, height: Height) -> Result<StoredBlock, LedgerError> {
    let bytes = blocks.read(height.0)?.ok_or(LedgerError::Malformed(height))?;
    let stored = StoredBlock::decode(&bytes).map_err(|_| LedgerError::Malformed(height))?;
    let sound = stored.block.header.height == height
        && stored.certificate.height == height
        && stored.certificate.block == stored.block.id();
    sound.then_some(stored).ok_or(LedgerError::Malformed(height))
}

fn header<D: Disk>(blocks: &BlockFiles<D>, height: Height) -> Result<Header, LedgerError> {
    stored(blocks, height).map(|stored| stored.block.header)
}

/// The certificate of the tip; none before the first block.
pub(super) fn tip_certificate<D: Disk>(
    ledger: &Ledger<D>,
) -> Result<Option<CommitCertificate>, LedgerError> {
    match ledger.tip().height {
        Height(0) => Ok(None),
        height => stored(ledger.blocks(), height).map(|stored| Some(stored.certificate)),
    }
}

/// The map's changes that a genesis makes; for tests and verifiers.
pub fn genesis_changes(genesis: &Genesis) -> Vec<Change> {
    map_changes(&genesis.initial_writes())
}
