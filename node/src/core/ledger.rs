//! The executed ledger of a node: block files, records, audit log and authenticated map move on
//! together, one block at a time.
//!
//! 1. A block is executed once: when it is proposed or checked its effects are *staged*, and the
//!    commit of the same block only stores them.
//! 2. The block file is written and synced first; the index follows behind it and can be rebuilt.
//! 3. Roots are compared before anything is stored: a block that disagrees with our execution is
//!    never committed here.
//!
//! Knows neither peers nor rounds.

use std::collections::{BTreeSet, HashSet};
use std::sync::Arc;

use hefu_contracts::equivocation::{self, EvidenceRefused};
use hefu_contracts::exec::{self, BlockInfo, Execution, VALIDATORS, Verifier};
use hefu_contracts::identity::MEMBERS;
use hefu_contracts::{StateView, Writes};
use hefu_genesis::Genesis;
use hefu_primitives::block::{TxResult, contents_root, outcomes_root};
use hefu_primitives::codec::Canonical;
use hefu_primitives::log::{Frontier, leaf_hash};
use hefu_primitives::map::{AuthenticatedMap, Change, path_of, value_hash};
use hefu_primitives::{
    Block, BlockId, Bundle, ChainId, CommitCertificate, Equivocation, H32, Header, Height, KeyId,
    Millis, Round, SignedTransaction, TxId, ValidatorSet,
};

use super::past::Past;
use super::records::{Position, StoredBlock};
use super::verify::Verified;
use super::view::{Reads, Records, join};
use super::{keys, runs};
use crate::store::{BlockFiles, Disk, StoreError};

/// Version of the rules this program executes.
pub const PROTOCOL: u16 = 1;

/// The last block, as far as the next one depends on it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tip {
    /// Height; 0 before the first block.
    pub height: Height,
    /// The block; the chain id's bytes before the first one.
    pub block: BlockId,
    /// Block time; the genesis' time before the first one.
    pub time: Millis,
    /// Leaves in the audit log.
    pub log_size: u64,
    /// Root of the audit log.
    pub log_root: H32,
    /// Root of the authenticated map.
    pub state_root: H32,
    /// Who decides the next height.
    pub validators: ValidatorSet,
}

/// Why a block is not the one our execution makes.
#[derive(Debug, thiserror::Error)]
pub enum LedgerError {
    /// The store.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A block that does not follow the tip.
    #[error("block {found} does not follow height {tip}")]
    NotNext {
        /// Height of the tip.
        tip: Height,
        /// Height offered.
        found: Height,
    },
    /// It holds evidence that is not to be recorded.
    #[error("height {height}: {refused}")]
    Evidence {
        /// Height.
        height: Height,
        /// Which, and why.
        refused: EvidenceRefused,
    },
    /// Executing it gives another header.
    #[error("height {height}: our execution gives another {field}")]
    Diverged {
        /// Height.
        height: Height,
        /// The first header field that differs.
        field: &'static str,
    },
    /// Stored bytes that do not decode, or bundles that are not the block's.
    #[error("height {0}: the stored block does not hold together")]
    Malformed(Height),
    /// The index belongs to another ledger.
    #[error("this folder holds ledger {found}, not {expected}")]
    WrongChain {
        /// Chain of the genesis.
        expected: ChainId,
        /// Chain of the folder.
        found: String,
    },
    /// The index is ahead of the block files: blocks were lost.
    #[error("the index has height {index}, the block files end at {blocks}: blocks are missing")]
    BlocksLost {
        /// Height of the index.
        index: Height,
        /// Last stored block.
        blocks: Height,
    },
    /// Roots that still differ after a rebuild.
    #[error("height {0}: the records do not match the block's state root, even when rebuilt")]
    Unrecoverable(Height),
}

/// Changes of the index.
type Batch = Vec<(Vec<u8>, Option<Vec<u8>>)>;

/// What a block names.
#[derive(Clone, Copy, Debug, Default)]
pub struct Contents<'a> {
    /// Its bundles.
    pub bundles: &'a [Arc<Bundle>],
    /// Contradictions of validators.
    pub evidence: &'a [Equivocation],
}

struct Staged {
    id: BlockId,
    execution: Execution,
    /// Records that execution looked for and that are not there.
    absent: HashSet<Vec<u8>>,
    state_root: H32,
    /// What the block does to the map, and what takes it back.
    changes: Vec<Change>,
    undo: Vec<Change>,
    /// Whether the map is as after this block.
    applied: bool,
    log: Frontier,
    log_nodes: Vec<(u8, u64, H32)>,
}

/// The executed ledger.
pub struct Ledger<D: Disk> {
    pub(super) chain: ChainId,
    pub(super) blocks: Arc<BlockFiles<D>>,
    pub(super) records: Records,
    pub(super) map: AuthenticatedMap,
    pub(super) log: Frontier,
    pub(super) tip: Tip,
    staged: Option<Staged>,
    past: Past,
}

/// What a commit did, for those who wait for it.
#[derive(Clone, Debug)]
pub struct Committed {
    /// The new tip.
    pub tip: Tip,
    /// The block as stored.
    pub stored: Arc<StoredBlock>,
    /// Its events.
    pub events: Arc<Vec<hefu_contracts::Event>>,
    /// Whether a member's record changed: peers may be new.
    pub members_changed: bool,
    /// Outcome of each transaction.
    pub positions: Vec<(TxId, Position)>,
}

impl<D: Disk> Ledger<D> {
    pub(super) fn new(
        chain: ChainId,
        blocks: Arc<BlockFiles<D>>,
        records: Records,
        map: AuthenticatedMap,
        log: Frontier,
        tip: Tip,
    ) -> Self {
        Self { chain, blocks, records, map, log, tip, staged: None, past: Past::default() }
    }

    /// The last block.
    pub fn tip(&self) -> &Tip {
        &self.tip
    }

    /// The ledger.
    pub fn chain(&self) -> ChainId {
        self.chain
    }

    /// The block files, shared with readers.
    pub fn blocks(&self) -> &Arc<BlockFiles<D>> {
        &self.blocks
    }

    /// The records, shared with readers.
    pub fn records(&self) -> &Records {
        &self.records
    }

    /// The block context in which a transaction sent now would be checked.
    pub fn next_block(&self, time: Millis) -> BlockInfo {
        BlockInfo {
            chain: self.chain,
            height: self.tip.height.next(),
            time: time.max(self.tip.time.next()),
            protocol: PROTOCOL,
            log_size: self.tip.log_size,
            parent: self.tip.block,
        }
    }

    /// Executes bundles into a block that may be proposed, with the evidence that may be recorded.
    pub fn build(
        &mut self,
        round: Round,
        time: Millis,
        proposer: KeyId,
        contents: Contents<'_>,
        verifier: &dyn Verifier,
    ) -> Block {
        let info = self.next_block(time);
        let ids: Vec<_> = contents.bundles.iter().map(|bundle| bundle.id()).collect();
        let evidence = equivocation::choose(&info, contents.evidence, &self.records);
        let mut staged = self.execute(info, contents.bundles, &evidence, verifier);
        let root = contents_root(&ids, &evidence);
        let header = self.header(&info, round, proposer, root, &staged);
        staged.id = header.id();
        self.staged = Some(staged);
        Block { header, bundles: ids, evidence }
    }

    /// Executes a proposed block and compares every root.
    ///
    /// # Errors
    /// [`LedgerError`] names the first field that differs.
    pub fn validate(
        &mut self,
        block: &Block,
        bundles: &[Arc<Bundle>],
        verifier: &dyn Verifier,
    ) -> Result<(), LedgerError> {
        let id = block.id();
        if self.staged.as_ref().is_some_and(|staged| staged.id == id) {
            return Ok(());
        }
        let header = &block.header;
        if header.height != self.tip.height.next() {
            return Err(LedgerError::NotNext { tip: self.tip.height, found: header.height });
        }
        if !bundles.iter().map(|bundle| bundle.id()).eq(block.bundles.iter().copied()) {
            return Err(LedgerError::Malformed(header.height));
        }
        let info = self.next_block(header.time);
        let mut staged = self.execute(info, bundles, &block.evidence, verifier);
        if let Err(refused) = staged.execution.evidence {
            self.staged = Some(staged);
            self.unstage();
            return Err(LedgerError::Evidence { height: header.height, refused });
        }
        let root = block.contents_root();
        let expected = self.header(&info, header.round, header.proposer, root, &staged);
        staged.id = id;
        self.staged = Some(staged);
        match first_difference(&expected, header) {
            None => Ok(()),
            Some(field) => {
                self.unstage();
                Err(LedgerError::Diverged { height: header.height, field })
            }
        }
    }

    /// Makes a decided block durable and moves on to it. Returns when it is safe on disk.
    ///
    /// # Errors
    /// A store that fails, or a block whose roots are not ours: the node must stop.
    pub fn commit(
        &mut self,
        block: Block,
        certificate: CommitCertificate,
        bundles: &[Arc<Bundle>],
        verifier: &dyn Verifier,
    ) -> Result<Committed, LedgerError> {
        self.validate(&block, bundles, verifier)?;
        let stored = StoredBlock {
            bundles: bundles.iter().map(|bundle| bundle.as_bytes().to_vec().into()).collect(),
            outcomes: self
                .staged
                .as_ref()
                .map(|s| s.execution.outcomes.clone())
                .unwrap_or_default(),
            block,
            certificate,
        };
        self.blocks.append(stored.block.header.height.0, &stored.encode())?;
        self.advance(stored)
    }

    /// Replays a block that the block files hold already.
    pub(super) fn replay(
        &mut self,
        stored: StoredBlock,
        verifier: &dyn Verifier,
    ) -> Result<Committed, LedgerError> {
        let bundles = decode_bundles(&stored)?;
        self.validate(&stored.block, &bundles, verifier)?;
        // The header commits to the outcomes; the copy beside it, which readers get, does not.
        let same = |staged: &Staged| staged.execution.outcomes == stored.outcomes;
        if !self.staged.as_ref().is_some_and(same) {
            return Err(LedgerError::Malformed(stored.block.header.height));
        }
        self.advance(stored)
    }

    /// As [`Ledger::replay`], but the copy of the outcomes beside the block is not looked at.
    pub(crate) fn recheck(
        &mut self,
        stored: StoredBlock,
        bundles: &[Arc<Bundle>],
        verifier: &dyn Verifier,
    ) -> Result<Committed, LedgerError> {
        self.validate(&stored.block, bundles, verifier)?;
        self.advance(stored)
    }

    /// Moves records, log, map and tip on to the staged block.
    fn advance(&mut self, stored: StoredBlock) -> Result<Committed, LedgerError> {
        let height = stored.block.header.height;
        let Some(staged) = self.staged.take() else {
            return Err(LedgerError::Malformed(height));
        };
        let positions = positions(height, &staged.execution);
        let mut batch = self.record_batch(height, &staged.execution.writes, &staged.absent)?;
        // A copy that was refused never takes the place of what its signer was told: neither in
        // an earlier block nor in this one.
        let own: BTreeSet<_> =
            positions.iter().filter(|(_, p)| p.is_authentic()).map(|(tx, _)| *tx).collect();
        for (tx, position) in &positions {
            let first = || Ok::<_, StoreError>(!own.contains(tx) && self.position(tx)?.is_none());
            if position.is_authentic() || first()? {
                batch.push((keys::transaction(tx), Some(position.to_bytes())));
            }
        }
        let applied = positions.iter().map(|(_, position)| position);
        let applied = applied.filter(|p| matches!(p.result, TxResult::Applied { .. }));
        let numbers: Vec<u32> = applied.map(|position| position.number).collect();
        batch.extend(runs::leaves(height, self.tip.log_size, &numbers));
        batch.extend(runs::events(height, &staged.execution.events));
        batch.extend(runs::log_nodes(staged.log_nodes));
        let (since, time) = (self.tip.time, stored.block.header.time);
        batch.extend(runs::forget_used(self.records.index().as_ref(), since, time)?);
        batch.push((keys::block(&staged.id), Some(height.0.to_be_bytes().to_vec())));
        self.records.index().apply_owned(height.0, batch)?;
        if let Some(presence) = self.records.presence() {
            presence.forget(self.tip.time);
        }
        if !staged.applied {
            let root = self.map.update(staged.changes);
            debug_assert_eq!(root, staged.state_root);
        }
        self.past.push(height, staged.undo);
        let (from, to) = MEMBERS.range(&());
        let members_changed = staged.execution.writes.range(from..to).next().is_some();
        self.log = staged.log;
        self.tip = Tip {
            height,
            block: staged.id,
            time: stored.block.header.time,
            log_size: stored.block.header.log_size,
            log_root: stored.block.header.log_root,
            state_root: staged.state_root,
            validators: staged.execution.next_validators.ok_or(LedgerError::Malformed(height))?,
        };
        Ok(Committed {
            tip: self.tip.clone(),
            stored: Arc::new(stored),
            events: Arc::new(staged.execution.events),
            members_changed,
            positions,
        })
    }

    /// Where a transaction stands.
    ///
    /// # Errors
    /// Those of the store.
    pub fn position(&self, tx: &TxId) -> Result<Option<Position>, StoreError> {
        self.records.position(tx)
    }

    /// Writes of a block as index entries, with what they replace kept as history.
    fn record_batch(
        &self,
        height: Height,
        writes: &Writes,
        absent: &HashSet<Vec<u8>>,
    ) -> Result<Batch, LedgerError> {
        let mut batch = Vec::with_capacity(writes.len().saturating_mul(2));
        let mut used = Vec::new();
        for (record, value) in writes {
            if let Some(id) = keys::used_id(record) {
                self.records.presence().into_iter().for_each(|presence| presence.note(record));
                used.extend(value.is_some().then_some(id));
                continue;
            }
            if keys::keeps_history(record)
                && !absent.contains(record)
                && let Some((written, old)) = self.records.current(record)?
            {
                batch.push((keys::history(record, height), Some(join(written, &old))));
            }
            let value = value.as_ref().map(|value| join(height, value));
            if let (Some(presence), Some(_)) = (self.records.presence(), &value) {
                presence.note(record);
            }
            batch.push((keys::state(record), value));
        }
        batch.extend(runs::used(height, used));
        Ok(batch)
    }

    fn execute(
        &mut self,
        info: BlockInfo,
        bundles: &[Arc<Bundle>],
        evidence: &[Equivocation],
        verifier: &dyn Verifier,
    ) -> Staged {
        self.unstage();
        let transactions = flatten(bundles);
        let verified = Verified::of(&transactions, &self.records, verifier);
        let reads = Reads::of(&self.records);
        let execution = exec::execute_block(info, evidence, &transactions, &reads, &verified);
        let absent = reads.absent();
        let mut log = self.log.clone();
        let mut log_nodes = Vec::new();
        for (tx, outcome) in transactions.iter().zip(&execution.outcomes) {
            if matches!(outcome.result, TxResult::Applied { .. }) {
                let appended = log.append(leaf_hash(tx.as_bytes()), &mut |level, number, hash| {
                    log_nodes.push((level, number, hash));
                });
                debug_assert!(appended.is_ok(), "2^48 leaves are not reached");
            }
        }
        let changes = map_changes(&execution.writes);
        let undo = self.map.inverse(&changes);
        let state_root = self.map.update(changes.iter().copied());
        let (id, applied) = (BlockId::ZERO, true);
        Staged { id, execution, absent, state_root, changes, undo, applied, log, log_nodes }
    }

    /// Takes back what a block that was not decided did to the map.
    fn unstage(&mut self) {
        self.take_back();
        self.staged = None;
    }

    /// Takes the staged block out of the map until it is committed.
    fn take_back(&mut self) {
        if let Some(staged) = self.staged.as_mut().filter(|staged| staged.applied) {
            let root = self.map.update(staged.undo.iter().copied());
            debug_assert_eq!(root, self.tip.state_root);
            staged.applied = false;
        }
    }

    /// Runs `read` over the map as of the tip, whatever is staged. However often it is called, a
    /// block is taken out of the map once: readers must not hold up a commit.
    pub fn with_map<T>(&mut self, read: impl FnOnce(&AuthenticatedMap) -> T) -> T {
        self.take_back();
        read(&self.map)
    }

    /// Runs `read` over the map as it was after an earlier block; none when what changed since is
    /// no longer kept in memory.
    pub fn with_map_at<T>(
        &mut self,
        height: Height,
        read: impl FnOnce(&AuthenticatedMap) -> T,
    ) -> Option<T> {
        let back = self.past.back_to(height, self.tip.height)?;
        self.take_back();
        let forth = self.map.inverse(&back);
        self.map.update(back);
        let answer = read(&self.map);
        let root = self.map.update(forth);
        debug_assert_eq!(root, self.tip.state_root);
        Some(answer)
    }

    fn header(
        &self,
        info: &BlockInfo,
        round: Round,
        proposer: KeyId,
        bundles_root: H32,
        staged: &Staged,
    ) -> Header {
        let execution = &staged.execution;
        Header {
            protocol: info.protocol,
            chain: info.chain,
            height: info.height,
            round,
            time: info.time,
            parent: self.tip.block,
            bundles_root,
            outcomes_root: outcomes_root(&execution.outcomes),
            log_size: staged.log.size(),
            log_root: staged.log.root(),
            state_root: staged.state_root,
            validators: self.tip.validators.hash(),
            next_validators: execution
                .next_validators
                .as_ref()
                .map_or(H32::ZERO, ValidatorSet::hash),
            parameters: execution.parameters,
            proposer,
        }
    }
}

/// The tip before the first block.
pub(super) fn genesis_tip(
    genesis: &Genesis,
    log: &Frontier,
    map: &AuthenticatedMap,
    view: &dyn StateView,
) -> Option<Tip> {
    let chain = genesis.hash();
    Some(Tip {
        height: Height(0),
        block: BlockId(chain.0),
        time: genesis.created(),
        log_size: log.size(),
        log_root: log.root(),
        state_root: map.root(),
        validators: VALIDATORS.read(view, &())?.next,
    })
}

/// Changes of proven records, as the authenticated map takes them.
pub(super) fn map_changes(writes: &Writes) -> Vec<Change> {
    writes
        .iter()
        .filter(|(record, _)| hefu_contracts::state::is_proven(record))
        .map(|(record, value)| (path_of(record), value.as_deref().map(value_hash)))
        .collect()
}

/// Where each transaction of a block stands, and what became of it.
fn positions(height: Height, execution: &Execution) -> Vec<(TxId, Position)> {
    let outcomes = execution.outcomes.iter().zip(&execution.authentic).enumerate();
    outcomes
        .map(|(number, (outcome, authentic))| {
            let (number, authentic) = (number as u32, *authentic);
            (outcome.tx, Position { height, number, result: outcome.result, authentic })
        })
        .collect()
}

/// Decodes the bundles of a stored block and checks that they are the block's.
pub(crate) fn decode_bundles(stored: &StoredBlock) -> Result<Vec<Arc<Bundle>>, LedgerError> {
    let height = stored.block.header.height;
    let malformed = || LedgerError::Malformed(height);
    let bundles = stored
        .bundles
        .iter()
        .map(|bytes| Bundle::decode(bytes).map(Arc::new).map_err(|_| malformed()))
        .collect::<Result<Vec<_>, _>>()?;
    if !bundles.iter().map(|bundle| bundle.id()).eq(stored.block.bundles.iter().copied()) {
        return Err(malformed());
    }
    Ok(bundles)
}

fn flatten(bundles: &[Arc<Bundle>]) -> Vec<&SignedTransaction> {
    bundles.iter().flat_map(|bundle| bundle.transactions()).collect()
}

fn first_difference(expected: &Header, found: &Header) -> Option<&'static str> {
    let fields = [
        ("protocol", expected.protocol == found.protocol),
        ("chain", expected.chain == found.chain),
        ("height", expected.height == found.height),
        ("time", expected.time == found.time),
        ("parent", expected.parent == found.parent),
        ("bundles_root", expected.bundles_root == found.bundles_root),
        ("outcomes_root", expected.outcomes_root == found.outcomes_root),
        ("log_size", expected.log_size == found.log_size),
        ("log_root", expected.log_root == found.log_root),
        ("state_root", expected.state_root == found.state_root),
        ("validators", expected.validators == found.validators),
        ("next_validators", expected.next_validators == found.next_validators),
        ("parameters", expected.parameters == found.parameters),
    ];
    let first = fields.iter().find(|(_, equal)| !equal).map(|(field, _)| *field);
    first.or_else(|| (expected != found).then_some("round or proposer"))
}
