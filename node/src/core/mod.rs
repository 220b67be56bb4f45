//! # The core of a node
//!
//! Replica, mempool and executed ledger as one machine without sockets, threads or clocks: it is
//! told events with the time, writes through [`Disk`], and returns what to send. The node's
//! runtime and the deterministic simulator drive the very same code.
//!
//! ## Rules
//!
//! 1. **Persist before send.** Log entries are synced before any message that depends on them is
//!    returned, and a block is durable before its commit is told to anybody.
//! 2. **Bodies before votes.** The bundles of a block are in the log before the replica hears that
//!    it may vote for the block.
//! 3. **A failing store stops the node**: [`CoreOutput::Halt`], and nothing after it.
//! 4. **Bounded**: the pool by bytes, what is fetched for a proposal by the size of a block, the
//!    log by compaction and by holding each bundle once.
//! 5. **The clock may jump**: put back, it delays nothing.
//! 6. **The ledger's parameters are followed** from the block that changes them on, and of several
//!    validator keys that one signs which the ledger names for the height.

mod entry;
mod evidence;
#[cfg(test)]
mod evidence_tests;
mod follow;
mod halted;
pub mod keys;
pub mod ledger;
#[cfg(test)]
mod machine_tests;
#[cfg(test)]
mod member_tests;
pub mod open;
mod past;
pub mod pool;
mod presence;
mod proposal;
pub mod records;
pub mod runs;
pub mod sync;
#[cfg(test)]
pub(crate) mod tests;
mod timers;
mod verify;
pub mod view;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use hefu_consensus::{
    Config, Equivocation, HeldBack, Input, Output, PeerFault, PeerKey, Replica, SyncedBlock,
    TimerKind,
};
use hefu_primitives::codec::Canonical;
use hefu_primitives::{
    Block, Bundle, BundleId, CommitCertificate, H32, Height, KeyId, KeyPair, Millis,
    SignedTransaction, TxId,
};
use minicbor::bytes::ByteVec;

pub use halted::Halted;
pub(crate) use ledger::decode_bundles;
pub use ledger::{Committed, Contents, Ledger, LedgerError, PROTOCOL, Tip};
pub(crate) use past::map_at;
pub use pool::{Pool, PoolError, PoolLimits};
pub use records::{Position, StoredBlock};
pub use view::{Records, RecordsAt, reading};

use self::entry::{ENTRY_BEGUN, ENTRY_BUNDLE, ENTRY_EVIDENCE, ENTRY_REPLICA, Read, read_log};
use self::proposal::Fetch;
use self::timers::Timers;
use crate::store::{Disk, StoreError, Wal};

/// Size of the consensus log at which a commit starts a new one, in bytes.
const LOG_COMPACT_BYTES: u64 = 16 * 1024 * 1024;

/// An event for [`Core::step`].
pub enum CoreInput {
    /// Time has passed; due timers fire.
    Tick,
    /// A consensus message.
    Message {
        /// Who sent it.
        from: PeerKey,
        /// The bytes, untrusted.
        bytes: Vec<u8>,
    },
    /// A registered peer is connected.
    PeerUp {
        /// Its node key.
        peer: PeerKey,
        /// The validator key of its member.
        validator: Option<KeyId>,
    },
    /// A peer has gone.
    PeerDown(PeerKey),
    /// Transactions that were checked at the door.
    Submit(Vec<SignedTransaction>),
    /// A bundle from a peer, all transactions of which passed the checks of ingress.
    Bundle {
        /// Who sent it, and pays for the room it takes.
        from: PeerKey,
        /// The bundle.
        bundle: Arc<Bundle>,
    },
    /// The answer to [`CoreOutput::FetchBundles`]; not verified.
    Bundles(Vec<Bundle>),
    /// The answer to [`CoreOutput::FetchBlocks`]; not verified.
    Blocks {
        /// Who answered.
        from: PeerKey,
        /// Blocks from the height asked for.
        blocks: Vec<StoredBlock>,
    },
}

/// What the driver is to do.
#[derive(Debug)]
pub enum CoreOutput {
    /// Send a consensus message to every peer.
    Broadcast(Vec<u8>),
    /// Send a consensus message to one peer.
    Send(PeerKey, Vec<u8>),
    /// Send a bundle to every peer.
    BroadcastBundle(Arc<Bundle>),
    /// Send a bundle to one peer.
    SendBundle(PeerKey, Arc<Bundle>),
    /// Ask a peer (or, without one, any) for bundles.
    FetchBundles {
        /// Whom.
        peer: Option<PeerKey>,
        /// Which.
        ids: Vec<BundleId>,
    },
    /// Ask a peer for blocks.
    FetchBlocks {
        /// Whom.
        peer: PeerKey,
        /// First height.
        from: Height,
        /// Most blocks.
        count: u16,
    },
    /// A block is final and durable.
    Committed(Box<Committed>),
    /// The pool took no transaction.
    Rejected(TxId, PoolError),
    /// A peer misbehaved.
    Misbehaviour(PeerKey, PeerFault),
    /// A validator contradicted itself: seen here or handed on by a peer, durable, not recorded yet.
    Evidence(Box<Equivocation>),
    /// Stop the process.
    Halt(Halted),
}

/// The key of ours that votes, and those that peers say they vote with.
pub type Voters = (Option<KeyId>, Vec<(PeerKey, KeyId)>);

/// Why a core cannot start.
#[derive(Debug, thiserror::Error)]
pub enum CoreError {
    /// The ledger.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    /// The consensus log.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The consensus log does not fit the ledger.
    #[error(transparent)]
    Consensus(#[from] hefu_consensus::StartError),
    /// A log entry that is none.
    #[error("entry {0} of the consensus log is not readable")]
    Entry(usize),
}

/// The machine.
pub struct Core<D: Disk> {
    replica: Replica,
    /// As at the start, but for what the ledger's parameters say.
    config: Config,
    /// Validator keys of this node: its own, and those that may take its place.
    keys: Vec<KeyPair>,
    /// The parameters that the configuration follows; none until the first block.
    parameters: Option<H32>,
    /// Whether the longest pause between blocks is the ledger's, or was fixed at the start.
    follow_heartbeat: bool,
    proposer: Option<KeyId>,
    ledger: Ledger<D>,
    wal: Wal<D>,
    pool: Pool,
    timers: Timers,
    fetches: Vec<Fetch>,
    peers: BTreeMap<PeerKey, Option<KeyId>>,
    held_back: Option<HeldBack>,
    evidence: evidence::Waiting,
    /// Bundles that stand in the log.
    logged: BTreeSet<BundleId>,
    /// When this was last called.
    now: Millis,
    /// Size at which a commit starts a new log, in bytes.
    log_bound: u64,
    pending: bool,
    unsynced: bool,
    halted: bool,
}

impl<D: Disk> Core<D> {
    /// Starts from an opened ledger and its consensus log.
    ///
    /// # Errors
    /// [`CoreError`] when the log cannot be read.
    pub fn start(
        now: Millis,
        config: Config,
        ledger: Ledger<D>,
        wal: Wal<D>,
        limits: PoolLimits,
    ) -> Result<(Self, Vec<CoreOutput>), CoreError> {
        let mut pool = Pool::new(limits);
        let mut logged = BTreeSet::new();
        let mut evidence = evidence::Waiting::default();
        let mut begun = None;
        let read = &mut Read {
            pool: &mut pool,
            logged: &mut logged,
            evidence: &mut evidence,
            begun: &mut begun,
        };
        let entries = read_log(&wal, ledger.tip().height, read)?;
        let tip = consensus_tip(&ledger)?;
        let validators = ledger.tip().validators.clone();
        let held_back = HeldBack::if_log_is_ahead(tip.height, begun, &entries);
        if let Some(held) = &held_back {
            let (log, tip) = (held.until(), tip.height);
            tracing::warn!(%log, %tip, "blocks are missing: not signing until they are back");
        }
        let (acting, entries) = match &held_back {
            Some(_) => (Config { key: None, ..config.clone() }, Vec::new()),
            None => (config.clone(), entries),
        };
        let proposer = acting.key.as_ref().map(KeyPair::id);
        let replica = Replica::new(acting, tip, validators, entries)?;
        let mut core = Self {
            replica,
            keys: config.key.iter().cloned().collect(),
            config,
            parameters: None,
            follow_heartbeat: false,
            proposer,
            ledger,
            wal,
            pool,
            timers: Timers::default(),
            fetches: Vec::new(),
            peers: BTreeMap::new(),
            held_back,
            evidence,
            logged,
            now,
            log_bound: LOG_COMPACT_BYTES,
            pending: false,
            unsynced: false,
            halted: false,
        };
        core.check_waiting();
        let waiting = core.evidence.iter().map(|e| CoreOutput::Evidence(Box::new(*e)));
        let mut outputs: Vec<_> = waiting.collect();
        core.feed(now, Input::Start, &mut outputs);
        Ok((core, outputs))
    }

    /// The executed ledger.
    pub fn ledger(&self) -> &Ledger<D> {
        &self.ledger
    }

    /// The executed ledger, for proofs over its map.
    pub fn ledger_mut(&mut self) -> &mut Ledger<D> {
        &mut self.ledger
    }

    /// Starts a new log with the commit after which it has more than `bytes`, instead of the size
    /// that suits a node: the simulator wants to see it often.
    pub fn set_log_bound(&mut self, bytes: u64) {
        self.log_bound = bytes;
    }

    /// The mempool.
    pub fn pool(&self) -> &Pool {
        &self.pool
    }

    /// The highest height that any peer says it is deciding; 0 before one said so.
    pub fn highest_peer(&self) -> Height {
        self.replica.highest_peer()
    }

    /// Who votes, as far as it is linked with this node: the validator keys that peers say they
    /// vote with, and our own.
    pub fn voters(&self) -> Voters {
        let own = self.replica.is_validator().then_some(self.proposer).flatten();
        (own, self.replica.voters().collect())
    }

    /// How much its replica holds.
    pub fn load(&self) -> hefu_consensus::Load {
        self.replica.load()
    }

    /// Whether this validator only follows until the blocks that its log knows are back.
    pub fn is_held_back(&self) -> bool {
        self.held_back.is_some()
    }

    /// The earliest time at which [`CoreInput::Tick`] has something to do.
    pub fn next_deadline(&self) -> Option<Millis> {
        let fetch = self.fetches.iter().map(|fetch| fetch.again_at).min();
        [self.timers.next(), self.pool.seal_at(), fetch].into_iter().flatten().min()
    }

    /// Takes one event and says what to do. The result depends on the arguments and the disk
    /// alone.
    pub fn step(&mut self, now: Millis, input: CoreInput) -> Vec<CoreOutput> {
        let mut outputs = Vec::new();
        if self.halted {
            return outputs;
        }
        self.follow_clock(now);
        match input {
            CoreInput::Tick => self.tick(now, &mut outputs),
            CoreInput::Message { from, bytes } => {
                self.feed(now, Input::Message { from, bytes }, &mut outputs);
            }
            CoreInput::PeerUp { peer, validator } => {
                let own = self.pool.own();
                outputs.extend(own.into_iter().map(|b| CoreOutput::SendBundle(peer, b)));
                self.hand_on(peer, &mut outputs);
                self.peers.insert(peer, validator);
                self.feed(now, Input::PeerUp { peer, validator }, &mut outputs);
            }
            CoreInput::PeerDown(peer) => {
                self.peers.remove(&peer);
                self.feed(now, Input::PeerDown { peer }, &mut outputs);
            }
            CoreInput::Submit(transactions) => {
                for tx in transactions {
                    let id = tx.id();
                    if let Err(error) = self.pool.submit(now, tx) {
                        outputs.push(CoreOutput::Rejected(id, error));
                    }
                    if self.pool.is_open_full() {
                        self.seal(now, &mut outputs);
                    }
                }
                self.seal(now, &mut outputs);
            }
            CoreInput::Bundle { from, bundle } => {
                self.pool.add_verified(from, bundle);
                self.try_fetched(now, &mut outputs);
            }
            CoreInput::Bundles(bundles) => {
                self.take_fetched(now, bundles, &mut outputs);
                self.try_fetched(now, &mut outputs);
            }
            CoreInput::Blocks { from, blocks } => {
                let blocks = blocks.into_iter().filter_map(synced_block).collect();
                self.feed(now, Input::Blocks { from, blocks }, &mut outputs);
            }
        }
        self.tell_pending(now, &mut outputs);
        outputs
    }

    fn tick(&mut self, now: Millis, outputs: &mut Vec<CoreOutput>) {
        self.seal(now, outputs);
        while let Some(id) = self.timers.due(now) {
            self.feed(now, Input::Timer(id), outputs);
            if id.kind == TimerKind::Status {
                self.wake_proposer(outputs);
            }
        }
        self.fetch_again(now, outputs);
    }

    /// A clock that is put back must not make us wait until it is again what it was.
    fn follow_clock(&mut self, now: Millis) {
        let back = self.now.0.saturating_sub(now.0);
        self.now = now;
        if back > 0 {
            self.timers.put_back(back);
            for fetch in &mut self.fetches {
                fetch.again_at = Millis(fetch.again_at.0.saturating_sub(back));
            }
        }
    }

    fn seal(&mut self, now: Millis, outputs: &mut Vec<CoreOutput>) {
        if let Some(bundle) = self.pool.seal(now) {
            outputs.push(CoreOutput::BroadcastBundle(bundle));
        }
    }

    fn tell_pending(&mut self, now: Millis, outputs: &mut Vec<CoreOutput>) {
        let pending = self.has_proposal();
        if pending != self.pending && !self.halted {
            self.pending = pending;
            self.feed(now, Input::Pending(pending), outputs);
        }
    }

    /// Whether there is something to record.
    fn has_proposal(&self) -> bool {
        self.pool.has_proposal() || !self.evidence.is_empty()
    }

    /// Feeds the replica and acts on its outputs in order; our answers queue behind them.
    fn feed(&mut self, now: Millis, input: Input, outputs: &mut Vec<CoreOutput>) {
        let mut inputs = VecDeque::from([input]);
        while let Some(input) = inputs.pop_front() {
            for output in self.replica.step(now, input) {
                if self.halted {
                    return;
                }
                if let Err(error) = self.act(now, output, &mut inputs, outputs) {
                    self.halt(Halted::from(&error), outputs);
                    return;
                }
            }
        }
    }

    fn halt(&mut self, halted: Halted, outputs: &mut Vec<CoreOutput>) {
        self.halted = true;
        outputs.push(CoreOutput::Halt(halted));
    }

    fn act(
        &mut self,
        now: Millis,
        output: Output,
        inputs: &mut VecDeque<Input>,
        outputs: &mut Vec<CoreOutput>,
    ) -> Result<(), CoreError> {
        if output.needs_durable_log() && self.unsynced {
            self.wal.sync()?;
            self.unsynced = false;
        }
        match output {
            Output::Persist(entry) => self.log(ENTRY_REPLICA, &entry.to_bytes())?,
            Output::Broadcast(message) => outputs.push(CoreOutput::Broadcast(message.to_bytes())),
            Output::Send(peer, message) => {
                outputs.push(CoreOutput::Send(peer, message.to_bytes()));
            }
            Output::SetTimer { id, after_ms } => {
                self.timers.set(id, Millis(now.0.saturating_add(after_ms)));
            }
            Output::CancelTimer(id) => self.timers.cancel(&id),
            Output::Propose { height, round, time } => {
                let block = self.propose(round, time)?;
                inputs.push_back(Input::Proposed { height, round, block });
            }
            Output::Validate { block, from } => {
                inputs.extend(self.validate(now, block, from, outputs)?);
            }
            Output::Commit { block, certificate, body } => {
                inputs.push_back(self.commit(block, certificate, body, outputs)?);
                let changed = self.take_key_in_force();
                let stored = self.ledger.tip().height;
                let back = self.held_back.take_if(|held| held.may_sign(stored)).is_some();
                if back || (changed && self.held_back.is_none()) {
                    self.sign_anew(inputs)?;
                }
            }
            Output::RequestBlocks { peer, from, count } => {
                outputs.push(CoreOutput::FetchBlocks { peer, from, count });
            }
            Output::Evidence(evidence) => self.take_evidence(evidence, outputs)?,
            Output::Heard { from, evidence } => self.hear_evidence(from, evidence, outputs)?,
            Output::Misbehaviour { peer, fault } => {
                outputs.push(CoreOutput::Misbehaviour(peer, fault));
            }
            Output::Halt(reason) => self.halt(Halted::from(&reason), outputs),
        }
        Ok(())
    }

    fn log(&mut self, kind: u8, bytes: &[u8]) -> Result<(), StoreError> {
        self.unsynced = true;
        self.wal.append_parts(&[&[kind], bytes])
    }

    fn propose(
        &mut self,
        round: hefu_primitives::Round,
        time: Millis,
    ) -> Result<Option<Block>, CoreError> {
        let Some(proposer) = self.proposer else { return Ok(None) };
        let bundles = self.pool.proposal();
        let evidence = self.evidence.proposal();
        let contents = Contents { bundles: &bundles, evidence: &evidence };
        let block = self.ledger.build(round, time, proposer, contents, &self.pool);
        self.log_bundles(&bundles)?;
        Ok(Some(block))
    }

    /// Logs the bundles that the log does not hold yet: a height of many rounds, whose proposals
    /// name the same bundles again and again, must not fill it.
    fn log_bundles(&mut self, bundles: &[Arc<Bundle>]) -> Result<(), StoreError> {
        for bundle in bundles {
            if self.logged.insert(bundle.id()) {
                self.log(ENTRY_BUNDLE, bundle.as_bytes())?;
            }
        }
        Ok(())
    }

    fn commit(
        &mut self,
        block: Block,
        certificate: CommitCertificate,
        body: Option<Vec<u8>>,
        outputs: &mut Vec<CoreOutput>,
    ) -> Result<Input, CoreError> {
        let height = block.header.height;
        let malformed = || LedgerError::Malformed(height);
        let bundles = match body {
            Some(body) => decode_body(&body).ok_or_else(malformed)?,
            None => self.pool.resolve(&block.bundles).map_err(|_| malformed())?,
        };
        let parameters = block.header.parameters;
        let committed = self.ledger.commit(block, certificate, &bundles, &self.pool)?;
        self.follow_parameters(parameters);
        let recorded = committed.positions.iter().filter(|(_, at)| at.is_authentic());
        let recorded = recorded.map(|(tx, _)| *tx);
        self.pool.committed(&committed.stored.block.bundles, recorded, committed.tip.time);
        self.fetches.clear();
        self.evidence.settle(self.ledger.records());
        if self.wal.bytes() > self.log_bound && self.held_back.is_none() {
            // The old log stays until the new one is synced, and must hold all that is said at this
            // height: the block may be lost, and we asked to vote again.
            self.wal.sync()?;
            self.wal.reset()?;
            self.logged.clear();
            self.unsynced = false;
            self.log_begun(height.next())?;
            self.log_waiting()?;
        }
        self.pending = self.has_proposal();
        let answer = Input::Committed {
            height,
            block: committed.tip.block,
            next_validators: committed.tip.validators.clone(),
            pending: self.pending,
        };
        outputs.push(CoreOutput::Committed(Box::new(committed)));
        Ok(answer)
    }
}

fn consensus_tip<D: Disk>(ledger: &Ledger<D>) -> Result<hefu_consensus::Tip, LedgerError> {
    let Tip { height, block, time, .. } = ledger.tip().clone();
    let certificate = open::tip_certificate(ledger)?;
    Ok(hefu_consensus::Tip { height, block, time, certificate })
}

/// A stored block as the replica takes it; none when its bundles are not those it names.
fn synced_block(stored: StoredBlock) -> Option<SyncedBlock> {
    ledger::decode_bundles(&stored).ok()?;
    let StoredBlock { block, certificate, bundles, .. } = stored;
    Some(SyncedBlock { block, certificate, body: bundles.to_bytes() })
}

fn decode_body(body: &[u8]) -> Option<Vec<Arc<Bundle>>> {
    let bound = hefu_primitives::bounds::MAX_STORED_BLOCK_BYTES;
    let bundles = Vec::<ByteVec>::from_bytes(body, bound).ok()?;
    bundles.iter().map(|bytes| Bundle::decode(bytes).ok().map(Arc::new)).collect()
}
