//! A history before a load: blocks of attestations, executed and certified here and stored once,
//! without network or rounds, and then given to every validator. Nodes open, check and serve it as
//! their own, and one that joins verifies it like any other.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Context;
use hefu_consensus::proposer;
use hefu_contracts::exec::VerifyAlways;
use hefu_primitives::bounds::{MAX_BUNDLE_BYTES, MAX_BUNDLE_TRANSACTIONS};
use hefu_primitives::vote::CommitSignature;
use hefu_primitives::{
    Block, Bundle, CommitCertificate, Height, KeyId, Round, SignedTransaction, Vote, VoteKind,
};
use serde::Serialize;

use super::Stage;
use super::founding::Founding;
use super::work::{Licences, PREPARING_ACTS};
use crate::config::{Engine, NodeConfig};
use crate::core::{Contents, Ledger, open};
use crate::runtime::wall_clock;
use crate::store::blocks::DEFAULT_SEGMENT_BYTES;
use crate::store::{BlockFiles, EngineKind, Index, Overlay, Policy, RealDisk, open_index};

/// Transactions of a block.
const PER_BLOCK: usize = 50;
/// Transactions that are signed, and then stored, at a time.
const AT_A_TIME: usize = 500;

/// A history as it was laid.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct History {
    /// Attestations.
    pub records: u64,
    /// Blocks.
    pub height: u64,
    /// Keys of the authenticated map.
    pub map_keys: u64,
    /// Seconds to execute and store it, signing left out.
    pub seconds: f64,
    /// Bytes of its block files.
    pub block_bytes: u64,
    /// Bytes of its index on disk.
    pub index_bytes: u64,
}

/// Lays a history of at least `records` in the home of a node that does not run.
pub(super) fn lay(
    founding: &Founding,
    home: &Path,
    records: u64,
    licences: &mut Licences,
    tell: &(dyn Fn(Stage) + Sync),
) -> anyhow::Result<History> {
    let (blocks, index) = (store(home).join("blocks"), index_folder(home));
    fs::create_dir_all(&blocks)?;
    let files = BlockFiles::open(RealDisk::open(&blocks)?, DEFAULT_SEGMENT_BYTES, &mut |_| {})?;
    let overlay = Arc::new(Overlay::new(open_index(engine(), &index)?, Policy::default())?);
    let mut ledger = open::open(&founding.genesis, Arc::new(files), overlay.clone(), &mut |_| {})?;
    let mut seconds = 0.0;
    while (licences.count() as u64) < records {
        tell(Stage::Laying(licences.count() as u64, records));
        let left = usize::try_from(records)?.saturating_sub(licences.count());
        let count = left.min(AT_A_TIME * PREPARING_ACTS);
        let transactions = licences.more(founding, count, &|_| ())?;
        let began = Instant::now();
        for block in transactions.chunks(PER_BLOCK) {
            append(founding, &mut ledger, block)?;
        }
        seconds += began.elapsed().as_secs_f64();
    }
    let began = Instant::now();
    overlay.checkpoint()?;
    // A history of years was merged long ago; otherwise each node would do that during the load.
    while !overlay.is_settled()? {
        std::thread::sleep(Duration::from_millis(50));
    }
    seconds += began.elapsed().as_secs_f64();
    Ok(History {
        records: licences.count() as u64,
        height: ledger.tip().height.0,
        map_keys: ledger.with_map(|map| map.len()) as u64,
        seconds,
        block_bytes: bytes_of(&blocks)?,
        index_bytes: bytes_of(&index)?,
    })
}

/// Gives the history in one home to another.
pub(super) fn copy(from: &Path, to: &Path) -> anyhow::Result<()> {
    // A table of the index is never written again either.
    let is_table = |path: &Path| path.parent().is_some_and(|folder| folder.ends_with("tables"));
    copy_folder(&index_folder(from), &index_folder(to), &is_table)?;
    // Full block files are never written again: all nodes may have the same.
    let newest =
        fs::read_dir(store(from).join("blocks"))?.flatten().map(|entry| entry.file_name()).max();
    // Nor are other files theirs to share: a lock is one node's.
    let is_full = |path: &Path| {
        path.extension().is_some_and(|of| of == "seg") && path.file_name() != newest.as_deref()
    };
    copy_folder(&store(from).join("blocks"), &store(to).join("blocks"), &is_full)
}

/// Takes from a node that does not run all that it knows of the ledger but the genesis.
pub(super) fn empty(home: &Path) -> anyhow::Result<()> {
    fs::remove_dir_all(store(home).join("blocks"))?;
    fs::remove_dir_all(store(home).join("wal"))?;
    Ok(fs::remove_dir_all(index_folder(home))?)
}

/// Where a node with this home keeps the ledger.
pub(super) fn store(home: &Path) -> PathBuf {
    NodeConfig { data_dir: home.to_owned(), ..NodeConfig::default() }.store_path()
}

/// The engine that the bench's nodes use: that of a configuration in which nothing is said.
fn engine() -> EngineKind {
    match NodeConfig::default().storage.engine {
        Engine::Sled => EngineKind::Sled,
        Engine::Fjall => EngineKind::Fjall,
    }
}

fn index_folder(home: &Path) -> PathBuf {
    store(home).join(format!("index-{}", engine().name()))
}

/// One block, as the validator whose turn it is would propose it and all would decide it.
fn append(
    founding: &Founding,
    ledger: &mut Ledger<RealDisk>,
    transactions: &[SignedTransaction],
) -> anyhow::Result<()> {
    let bundles = bundles(transactions)?;
    let (height, round) = (ledger.tip().height.next(), Round(0));
    let whose = proposer(&ledger.tip().validators, height, round);
    let contents = Contents { bundles: &bundles, evidence: &[] };
    let block = ledger.build(round, wall_clock(), whose, contents, &VerifyAlways);
    let certificate = certify(founding, ledger, &block)?;
    let committed = ledger.commit(block, certificate, &bundles, &VerifyAlways)?;
    let refused = committed.stored.outcomes.iter().find(|outcome| {
        !matches!(outcome.result, hefu_primitives::block::TxResult::Applied { .. })
    });
    anyhow::ensure!(refused.is_none(), "a transaction of the history was refused: {refused:?}");
    Ok(())
}

fn bundles(transactions: &[SignedTransaction]) -> anyhow::Result<Vec<Arc<Bundle>>> {
    let (mut bundles, mut open, mut bytes) = (Vec::new(), Vec::new(), 64);
    for tx in transactions {
        let size = tx.as_bytes().len() + 8;
        if bytes + size > MAX_BUNDLE_BYTES || open.len() == MAX_BUNDLE_TRANSACTIONS {
            bundles.push(Arc::new(Bundle::new(std::mem::take(&mut open))?));
            bytes = 64;
        }
        bytes += size;
        open.push(tx.clone());
    }
    bundles.push(Arc::new(Bundle::new(open)?));
    Ok(bundles)
}

/// The certificate of all validators.
fn certify(
    founding: &Founding,
    ledger: &Ledger<RealDisk>,
    block: &Block,
) -> anyhow::Result<CommitCertificate> {
    let (height, round, id) = (block.header.height, block.header.round, block.id());
    let sign = |(place, validator): (usize, &KeyId)| {
        let founder = founding.founders.iter().find(|f| f.validator.id() == *validator);
        let key = &founder.context("a validator nobody founded")?.validator;
        let kind = VoteKind::Precommit;
        let vote = Vote { kind, height, round, block: Some(id), validator: *validator };
        let signature = vote.sign(&founding.genesis.hash(), key).signature;
        Ok(CommitSignature { index: u16::try_from(place)?, signature })
    };
    let ids = ledger.tip().validators.ids();
    let signatures = ids.iter().enumerate().map(sign).collect::<anyhow::Result<_>>()?;
    Ok(CommitCertificate { height, round, block: id, signatures })
}

/// The height up to which a history reaches; 0 without one.
pub(super) fn height_of(history: Option<&History>) -> Height {
    Height(history.map_or(0, |history| history.height))
}

fn copy_folder(from: &Path, to: &Path, may_link: &dyn Fn(&Path) -> bool) -> anyhow::Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let (source, target) = (entry.path(), to.join(entry.file_name()));
        if entry.file_type()?.is_dir() {
            copy_folder(&source, &target, may_link)?;
        } else if !may_link(&source) || fs::hard_link(&source, &target).is_err() {
            fs::copy(&source, &target)?;
        }
    }
    Ok(())
}

fn bytes_of(folder: &Path) -> std::io::Result<u64> {
    let mut bytes = 0;
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let data = entry.metadata()?;
        bytes += if data.is_dir() { bytes_of(&entry.path())? } else { data.len() };
    }
    Ok(bytes)
}
