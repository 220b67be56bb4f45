//! What the outside may ask of a running node: submit and wait, read now or as of a height, prove,
//! watch. The HTTP API, the demo and tests use nothing else.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{SyncSender, TrySendError};
use std::sync::{Arc, Mutex, PoisonError, RwLock, Weak};
use std::time::Duration;

use hefu_consensus::Equivocation;
use hefu_contracts::exec::{self, BlockInfo, VALIDATORS};
use hefu_contracts::identity::{MEMBERS, Member};
use hefu_contracts::{Code, Event};
use hefu_genesis::Genesis;
use hefu_primitives::block::TxResult;
use hefu_primitives::capsule::{
    CAPSULE_FORMAT, Capsule, CertifiedHeader, RecordProof, SetChange, StatusProof,
};
use hefu_primitives::codec::Canonical;
use hefu_primitives::log::{ConsistencyProof, InclusionProof, consistency_proof, inclusion_proof};
use hefu_primitives::map::path_of;
use hefu_primitives::transaction::TransactionError;
use hefu_primitives::{
    ChainId, Height, KeyId, Millis, PublicKey, Region, SignedTransaction, TxId, ValidatorSet,
};
use tokio::sync::{broadcast, oneshot, watch};

use super::{Job, NodeOptions, wall_clock};
use crate::core::open::IndexLog;
use crate::core::sync::{SyncAnswer, SyncRequest};
use crate::core::{
    Committed, CoreInput, Ledger, PROTOCOL, PoolError, Position, Records, StoredBlock, Tip, keys,
};
use crate::network::{Network, NodeKey, PeerInfo, Refusal};
use crate::store::{BlockFiles, RealDisk, StoreError};

/// Commits that a slow watcher may lag behind before it is told of a gap.
const MAX_COMMITS_WAITING: usize = 1_024;
/// Heights whose validator-set change a capsule looks for at a time.
const MAX_REFUSALS_KEPT: usize = 64;

/// Why a submitted transaction has no outcome.
#[derive(Debug, thiserror::Error)]
pub enum SubmitError {
    /// The bytes are no transaction.
    #[error(transparent)]
    Malformed(#[from] TransactionError),
    /// The checks at the door refuse it; nothing was recorded.
    #[error("{0}")]
    Refused(Code),
    /// Too much is waiting; try again later.
    #[error("too many transactions wait")]
    Busy,
    /// Not final in time; it may still become so.
    #[error("{0} is submitted but not final yet")]
    Timeout(TxId),
    /// The store.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The node has stopped.
    #[error("the node has stopped")]
    Stopped,
}

/// Why there is no proof.
#[derive(Debug, thiserror::Error)]
pub enum ProofError {
    /// No such transaction, or it was refused and is in no log.
    #[error("not in the audit log")]
    NotRecorded,
    /// No block yet, so no header to prove against.
    #[error("no block yet")]
    NoBlock,
    /// The store, or a record of ours that does not decode.
    #[error("the store cannot give the proof")]
    Store,
    /// The node has stopped.
    #[error("the node has stopped")]
    Stopped,
}

/// Handle of a running node; cheap to clone.
#[derive(Clone)]
pub struct Service(Arc<Inner>);

struct Inner {
    genesis: Arc<Genesis>,
    chain: ChainId,
    region: Region,
    validator: Option<KeyId>,
    records: Records,
    blocks: Weak<BlockFiles<RealDisk>>,
    jobs: SyncSender<Job>,
    network: Network,
    tip: RwLock<Tip>,
    commits: broadcast::Sender<Arc<Committed>>,
    heights: watch::Sender<Height>,
    halted: watch::Sender<Option<String>>,
    pool: Mutex<(usize, usize)>,
    rejections: broadcast::Sender<TxId>,
    highest_peer: AtomicU64,
    refusals: Mutex<VecDeque<(Option<NodeKey>, String)>>,
    evidence: Mutex<Vec<Equivocation>>,
}

impl Service {
    pub(super) fn new(
        options: &NodeOptions,
        ledger: &Ledger<RealDisk>,
        jobs: SyncSender<Job>,
        network: Network,
    ) -> Self {
        Self(Arc::new(Inner {
            genesis: options.genesis.clone(),
            chain: ledger.chain(),
            region: options.region,
            validator: options.validator.as_ref().map(hefu_primitives::KeyPair::id),
            records: ledger.records().clone(),
            blocks: Arc::downgrade(ledger.blocks()),
            jobs,
            network,
            tip: RwLock::new(ledger.tip().clone()),
            commits: broadcast::channel(MAX_COMMITS_WAITING).0,
            heights: watch::channel(ledger.tip().height).0,
            halted: watch::channel(None).0,
            pool: Mutex::default(),
            rejections: broadcast::channel(MAX_COMMITS_WAITING).0,
            highest_peer: AtomicU64::new(0),
            refusals: Mutex::default(),
            evidence: Mutex::default(),
        }))
    }

    /// The genesis.
    pub fn genesis(&self) -> &Genesis {
        &self.0.genesis
    }

    /// The ledger.
    pub fn chain(&self) -> ChainId {
        self.0.chain
    }

    /// The province of this node.
    pub fn region(&self) -> Region {
        self.0.region
    }

    /// This node's consensus key, if it has one and it decides the next height.
    pub fn is_validator(&self) -> bool {
        let validators = self.tip().validators;
        self.0.validator.is_some_and(|key| validators.by_key(key).is_some())
    }

    /// The last block.
    pub fn tip(&self) -> Tip {
        self.0.tip.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The records, now or as of an earlier height.
    pub fn records(&self) -> &Records {
        &self.0.records
    }

    /// The network.
    pub fn network(&self) -> &Network {
        &self.0.network
    }

    /// Registered peers, connected or not.
    pub fn peers(&self) -> Vec<PeerInfo> {
        self.0.network.peers()
    }

    /// Transactions and bytes waiting in the pool.
    pub fn pool(&self) -> (usize, usize) {
        *self.0.pool.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How many heights the furthest connected peer has decided beyond this node's last block.
    pub fn heights_behind(&self) -> u64 {
        let deciding = self.0.highest_peer.load(Ordering::Relaxed);
        deciding.saturating_sub(self.tip().height.next().0)
    }

    /// Size of the block files in bytes.
    ///
    /// # Errors
    /// Those of the store.
    pub fn storage_bytes(&self) -> Result<u64, StoreError> {
        self.0.blocks.upgrade().map_or(Ok(0), |blocks| blocks.bytes())
    }

    /// Connections refused lately.
    pub fn refusals(&self) -> Vec<(Option<NodeKey>, String)> {
        let refusals = self.0.refusals.lock().unwrap_or_else(PoisonError::into_inner);
        refusals.iter().cloned().collect()
    }

    /// Contradictions of validators seen since the start.
    pub fn equivocations(&self) -> Vec<Equivocation> {
        self.0.evidence.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Why the node stopped, if it had to.
    pub fn halt_reason(&self) -> Option<String> {
        self.0.halted.borrow().clone()
    }

    /// Resolves when the node had to stop.
    pub async fn wait_halted(&self) -> String {
        let mut halted = self.0.halted.subscribe();
        loop {
            if let Some(reason) = halted.borrow_and_update().clone() {
                return reason;
            }
            if halted.changed().await.is_err() {
                return "the node has stopped".into();
            }
        }
    }

    /// Commits from now on.
    pub fn subscribe(&self) -> broadcast::Receiver<Arc<Committed>> {
        self.0.commits.subscribe()
    }

    /// Resolves when the tip is at `height` or later.
    pub async fn wait_height(&self, height: Height) {
        let mut heights = self.0.heights.subscribe();
        let _ = heights.wait_for(|tip| *tip >= height).await;
    }
}

/// Submitting.
impl Service {
    /// Checks a transaction at the door and queues it.
    ///
    /// # Errors
    /// [`SubmitError`]; after `Refused` nothing was recorded anywhere.
    pub async fn submit(&self, bytes: Vec<u8>) -> Result<TxId, SubmitError> {
        let service = self.clone();
        let checked = tokio::task::spawn_blocking(move || -> Result<_, SubmitError> {
            let tx = SignedTransaction::decode(&bytes)?;
            if service.position(&tx.id())?.is_some_and(|position| position.is_authentic()) {
                return Ok((tx.id(), None));
            }
            service.precheck(&tx).map_err(SubmitError::Refused)?;
            Ok((tx.id(), Some(tx)))
        });
        let (id, tx) = checked.await.map_err(|_| SubmitError::Stopped)??;
        if let Some(tx) = tx {
            let job = Job::Input(CoreInput::Submit(Box::new(tx)));
            self.0.jobs.try_send(job).map_err(|error| match error {
                TrySendError::Full(_) => SubmitError::Busy,
                TrySendError::Disconnected(_) => SubmitError::Stopped,
            })?;
        }
        Ok(id)
    }

    /// Submits and waits for the committed outcome.
    ///
    /// # Errors
    /// [`SubmitError::Timeout`] when it is not final in time, and as [`Service::submit`].
    pub async fn submit_and_wait(
        &self,
        bytes: Vec<u8>,
        timeout: Duration,
    ) -> Result<(TxId, Position), SubmitError> {
        // Watch before submitting, so that no commit falls in between.
        let commits = self.subscribe();
        let rejections = self.0.rejections.subscribe();
        let id = self.submit(bytes).await?;
        let outcome = async {
            tokio::select! {
                position = self.wait_position(&id, commits) => position,
                () = wait_rejection(&id, rejections) => Err(SubmitError::Busy),
            }
        };
        match tokio::time::timeout(timeout, outcome).await {
            Ok(position) => Ok((id, position?)),
            Err(_) => Err(SubmitError::Timeout(id)),
        }
    }

    async fn wait_position(
        &self,
        id: &TxId,
        mut commits: broadcast::Receiver<Arc<Committed>>,
    ) -> Result<Position, SubmitError> {
        loop {
            if let Some(position) = self.position(id)?.filter(Position::is_authentic) {
                return Ok(position);
            }
            let closed = tokio::select! {
                commit = commits.recv() => {
                    matches!(commit, Err(broadcast::error::RecvError::Closed))
                }
                _ = self.wait_halted() => true,
            };
            if closed {
                return Err(SubmitError::Stopped);
            }
        }
    }

    /// The checks at the door, against the records as they are now.
    ///
    /// # Errors
    /// The code with which the transaction would be refused.
    pub fn precheck(&self, tx: &SignedTransaction) -> Result<(), Code> {
        let tip = self.tip();
        let block = BlockInfo {
            chain: self.0.chain,
            height: tip.height.next(),
            time: wall_clock().max(tip.time.next()),
            protocol: PROTOCOL,
            log_size: tip.log_size,
        };
        exec::precheck(block, tx, &self.0.records, &exec::VerifyAlways)
    }
}

/// Reading.
impl Service {
    /// Where a transaction stands.
    ///
    /// # Errors
    /// Those of the store.
    pub fn position(&self, tx: &TxId) -> Result<Option<Position>, StoreError> {
        let bytes = self.0.records.index().get(&keys::transaction(tx))?;
        Ok(bytes.and_then(|bytes| Position::from_bytes(&bytes, 256).ok()))
    }

    /// A stored block.
    ///
    /// # Errors
    /// Those of the store.
    pub fn block(&self, height: Height) -> Result<Option<StoredBlock>, StoreError> {
        if height > self.tip().height {
            return Ok(None);
        }
        Ok(self.block_bytes(height)?.and_then(|bytes| StoredBlock::decode(&bytes).ok()))
    }

    /// The stored bytes of a block; none also when the node has stopped.
    ///
    /// # Errors
    /// Those of the store.
    pub fn block_bytes(&self, height: Height) -> Result<Option<Vec<u8>>, StoreError> {
        self.0.blocks.upgrade().map_or(Ok(None), |blocks| blocks.read(height.0))
    }

    /// A transaction of a block, by its number over all bundles.
    ///
    /// # Errors
    /// Those of the store.
    pub fn transaction_at(
        &self,
        position: &Position,
    ) -> Result<Option<SignedTransaction>, StoreError> {
        let stored = self.block(position.height)?;
        Ok(stored.and_then(|stored| stored.transaction(position.number)))
    }

    /// At most `limit` events from a place on: height, number and event.
    ///
    /// # Errors
    /// Those of the store.
    pub fn events(
        &self,
        from: (Height, u32),
        to: Height,
        limit: usize,
    ) -> Result<Vec<(Height, u32, Event)>, StoreError> {
        let (from, to) = (keys::event(from.0, from.1), keys::event(to.next(), 0));
        let found = self.0.records.index().scan(&from, &to, limit, false)?;
        let event = |(key, value): (Vec<u8>, Vec<u8>)| {
            let height = u64::from_be_bytes(key.get(1..9)?.try_into().ok()?);
            let number = u32::from_be_bytes(key.get(9..13)?.try_into().ok()?);
            Some((Height(height), number, Event::from_bytes(&value, usize::MAX).ok()?))
        };
        Ok(found.into_iter().filter_map(event).collect())
    }

    /// The members, by province.
    pub fn members(&self) -> Vec<Member> {
        members(&self.0.records)
    }

    /// The validator whose member runs a node.
    pub fn validator_of(&self, node: &NodeKey) -> Option<KeyId> {
        let members = self.members();
        let member = members.iter().find(|member| member.node_key.as_bytes() == &node.0)?;
        Some(member.validator_key.id())
    }

    /// Validators that can vote now: connected ones, and this node.
    pub fn online_power(&self) -> u64 {
        let connected: BTreeSet<NodeKey> = self.0.network.connected().into_iter().collect();
        let own = self.0.network.key();
        let online: BTreeMap<KeyId, bool> = self
            .members()
            .iter()
            .map(|member| {
                let key = NodeKey(*member.node_key.as_bytes());
                (member.validator_key.id(), key == own || connected.contains(&key))
            })
            .collect();
        let validators = self.tip().validators;
        let online = |key: &PublicKey| online.get(&key.id()).copied().unwrap_or(false);
        validators.validators().iter().filter(|v| online(&v.key)).map(|v| v.power.0).sum()
    }

    /// Blocks and bundles for a peer.
    pub(super) async fn serve(&self, request: SyncRequest) -> Option<SyncAnswer> {
        match request {
            SyncRequest::Blocks { from, count } => {
                let service = self.clone();
                let count = u64::from(count.min(hefu_consensus::MAX_CATCH_UP_BLOCKS));
                let read = move || {
                    let tip = service.tip().height.0;
                    let heights =
                        from.0.max(1)..=tip.min(from.0.saturating_add(count).saturating_sub(1));
                    SyncAnswer::collect(
                        heights
                            .map_while(|height| service.block_bytes(Height(height)).ok().flatten()),
                    )
                };
                tokio::task::spawn_blocking(read).await.ok()
            }
            SyncRequest::Bundles(ids) => self.bundles(ids).await,
        }
    }
}

/// Proving. These run on the core thread, which alone holds the authenticated map.
impl Service {
    async fn on_ledger<T: Send + 'static>(
        &self,
        read: impl FnOnce(&mut Ledger<RealDisk>) -> T + Send + 'static,
    ) -> Result<T, ProofError> {
        let (reply, answer) = oneshot::channel();
        let job = Job::Ledger(Box::new(move |ledger| {
            let _ = reply.send(read(ledger));
        }));
        let jobs = self.0.jobs.clone();
        let queued = tokio::task::spawn_blocking(move || jobs.send(job).is_ok()).await;
        if !queued.unwrap_or(false) {
            return Err(ProofError::Stopped);
        }
        answer.await.map_err(|_| ProofError::Stopped)
    }

    /// Proves records, or their absence, after the last block.
    ///
    /// # Errors
    /// [`ProofError`].
    pub async fn prove_records(&self, keys: Vec<Vec<u8>>) -> Result<StatusProof, ProofError> {
        let (height, records) = self
            .on_ledger(move |ledger| {
                let view = ledger.records().clone();
                let prove = |key: Vec<u8>| {
                    let value = hefu_contracts::StateView::get(&view, &key);
                    (key, value)
                };
                let values: Vec<_> = keys.into_iter().map(prove).collect();
                let proofs = ledger.with_map(|map| {
                    values.iter().map(|(key, _)| map.prove(&path_of(key))).collect::<Vec<_>>()
                });
                let records = values.into_iter().zip(proofs).map(|((key, value), proof)| {
                    RecordProof { key: key.into(), value: value.map(Into::into), proof }
                });
                (ledger.tip().height, records.collect())
            })
            .await?;
        Ok(StatusProof { certified: self.certified(height)?, records })
    }

    fn certified(&self, height: Height) -> Result<CertifiedHeader, ProofError> {
        if height.0 == 0 {
            return Err(ProofError::NoBlock);
        }
        // The block is in the files before the tip moves, so this also finds the newest one.
        let bytes = self.block_bytes(height).map_err(|_| ProofError::Store)?;
        let stored = bytes.and_then(|bytes| StoredBlock::decode(&bytes).ok());
        let stored = stored.ok_or(ProofError::Store)?;
        Ok(CertifiedHeader { header: stored.block.header, certificate: stored.certificate })
    }

    /// Proves that a leaf is in the log of `size` leaves.
    ///
    /// # Errors
    /// [`ProofError`].
    pub fn prove_leaf(&self, leaf: u64, size: u64) -> Result<InclusionProof, ProofError> {
        let index = self.0.records.index();
        inclusion_proof(&IndexLog(index.as_ref()), leaf, size).map_err(|_| ProofError::NotRecorded)
    }

    /// Proves that the log of `new` leaves continues that of `old` leaves.
    ///
    /// # Errors
    /// [`ProofError`].
    pub fn prove_consistency(&self, old: u64, new: u64) -> Result<ConsistencyProof, ProofError> {
        let index = self.0.records.index();
        consistency_proof(&IndexLog(index.as_ref()), old, new).map_err(|_| ProofError::NotRecorded)
    }

    /// The evidence capsule of a transaction, with the status of records after the last block.
    ///
    /// # Errors
    /// [`ProofError`].
    pub async fn capsule(&self, tx: TxId, records: Vec<Vec<u8>>) -> Result<Capsule, ProofError> {
        let position = self.position(&tx).map_err(|_| ProofError::Store)?;
        let position = position.ok_or(ProofError::NotRecorded)?;
        let TxResult::Applied { leaf } = position.result else {
            return Err(ProofError::NotRecorded);
        };
        let found = self.transaction_at(&position).map_err(|_| ProofError::Store)?;
        let transaction = found.ok_or(ProofError::Store)?;
        let signer = hefu_contracts::identity::KEYS
            .read(&self.0.records, &transaction.claims().key)
            .ok_or(ProofError::Store)?;
        let status = self.prove_records(records).await?;
        let recorded = self.certified(position.height)?;
        let inclusion = self.prove_leaf(leaf, recorded.header.log_size)?;
        Ok(Capsule {
            format: CAPSULE_FORMAT,
            anchor: self.0.genesis.anchor(),
            set_changes: self.set_changes(status.certified.header.height)?,
            recorded,
            transaction: transaction.as_bytes().to_vec().into(),
            signer: signer.key,
            inclusion,
            status: Some(status),
        })
    }

    /// The changes of the validator set before a height, oldest first.
    ///
    /// The schedule is a record with history, so the heights at which it was written name every
    /// candidate without a walk over all headers.
    fn set_changes(&self, until: Height) -> Result<Vec<SetChange>, ProofError> {
        let record = VALIDATORS.key(&());
        let written = self.0.records.heights_of(&record).map_err(|_| ProofError::Store)?;
        let mut changes = Vec::new();
        for height in written.into_iter().filter(|height| height.0 > 0 && *height < until) {
            let certified = self.certified(height)?;
            if certified.header.next_validators == certified.header.validators {
                continue;
            }
            let at = self.0.records.at(&record, height).map_err(|_| ProofError::Store)?;
            let schedule = at.and_then(|(_, bytes)| VALIDATORS.decode(&bytes));
            let next: ValidatorSet = schedule.ok_or(ProofError::Store)?.next;
            changes.push(SetChange { certified, next });
        }
        Ok(changes)
    }

    async fn bundles(&self, ids: Vec<hefu_primitives::BundleId>) -> Option<SyncAnswer> {
        let (reply, answer) = oneshot::channel();
        let job = Job::Pool(Box::new(move |pool| {
            let found = ids.iter().filter_map(|id| pool.get(id));
            let _ = reply.send(SyncAnswer::collect(found.map(|b| b.as_bytes().to_vec())));
        }));
        self.0.jobs.try_send(job).ok()?;
        answer.await.ok()
    }
}

/// What the core thread reports.
impl Service {
    pub(super) fn committed(&self, committed: Committed) {
        let height = committed.tip.height;
        *self.0.tip.write().unwrap_or_else(PoisonError::into_inner) = committed.tip.clone();
        self.0.heights.send_replace(height);
        let _ = self.0.commits.send(Arc::new(committed));
    }

    pub(super) fn rejected(&self, tx: TxId, error: PoolError) {
        tracing::debug!(%tx, %error, "a transaction was not taken");
        let _ = self.0.rejections.send(tx);
    }

    pub(super) fn evidence(&self, evidence: &Equivocation) {
        tracing::error!(?evidence, "a validator contradicted itself");
        let mut kept = self.0.evidence.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.len() < MAX_REFUSALS_KEPT {
            kept.push(*evidence);
        }
    }

    pub(super) fn halted(&self, reason: String) {
        self.0.halted.send_replace(Some(reason));
    }

    pub(super) fn refused(&self, peer: Option<NodeKey>, reason: &Refusal) {
        let mut kept = self.0.refusals.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.len() >= MAX_REFUSALS_KEPT {
            kept.pop_front();
        }
        kept.push_back((peer, reason.to_string()));
    }

    pub(super) fn set_pool(&self, transactions: usize, bytes: usize) {
        *self.0.pool.lock().unwrap_or_else(PoisonError::into_inner) = (transactions, bytes);
    }

    pub(super) fn set_highest_peer(&self, deciding: Height) {
        self.0.highest_peer.store(deciding.0, Ordering::Relaxed);
    }

    pub(super) fn penalise(&self, peer: NodeKey) {
        let network = self.0.network.clone();
        if let Ok(handle) = tokio::runtime::Handle::try_current() {
            handle.spawn(async move { network.penalise(peer, 20).await });
        }
    }
}

/// Resolves when the pool did not take a transaction. A lost notice costs the waiter its timeout,
/// never a wrong answer.
async fn wait_rejection(id: &TxId, mut rejections: broadcast::Receiver<TxId>) {
    loop {
        match rejections.recv().await {
            Ok(rejected) if rejected == *id => return,
            Ok(_) | Err(broadcast::error::RecvError::Lagged(_)) => {}
            Err(broadcast::error::RecvError::Closed) => std::future::pending().await,
        }
    }
}

fn members(records: &Records) -> Vec<Member> {
    let (from, to) = MEMBERS.range(&());
    let found = records.scan(&from, &to, hefu_primitives::bounds::MAX_VALIDATORS);
    let found = found.unwrap_or_default();
    found.iter().filter_map(|(_, value)| MEMBERS.decode(value)).collect()
}

/// The node keys registered on the ledger.
pub(super) fn node_keys(records: &Records) -> BTreeSet<NodeKey> {
    members(records).iter().map(|member| NodeKey(*member.node_key.as_bytes())).collect()
}

/// Block time now, as a reader may assume it: the tip's.
pub fn tip_time(service: &Service) -> Millis {
    service.tip().time
}
