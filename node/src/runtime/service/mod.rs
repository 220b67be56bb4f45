//! What the outside may ask of a running node: submit and wait, read now or as of a height, prove,
//! watch. The HTTP API, the demo and tests use nothing else.

mod capsule;
mod cosign;
pub(in crate::runtime) mod door;
mod heal;
mod prove;
mod read;
mod receipts;
mod report;
mod submit;
mod tiles;
mod waiters;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::SyncSender;
use std::sync::{Arc, Mutex, OnceLock, PoisonError, RwLock, Weak};
use std::time::Instant;

use hefu_consensus::Equivocation;
use hefu_contracts::identity::{MEMBERS, Member};
use hefu_genesis::Genesis;
use hefu_primitives::{ChainId, Height, KeyId, Region};
use tokio::sync::{Semaphore, broadcast, mpsc, watch};

use super::{Job, NodeOptions};
use crate::audit::{self, AuditIndex};
use crate::core::{Committed, Halted, Ledger, Records, Tip, Voters};
use crate::cosign::Cosigning;
use crate::network::{Address, Network, NodeKey, PeerInfo};
use crate::reads::ReadLog;
use crate::store::{BlockFiles, RealDisk, StoreError};

pub use capsule::CapsuleParts;
pub use prove::ProofError;
pub use submit::{MAX_MANY, SubmitError, Submitted};
pub use tiles::NoTile;

/// Commits that a slow watcher may lag behind before it is told of a gap. Without their bundles
/// the largest take some 5 MiB each.
const MAX_COMMITS_WAITING: usize = 128;
/// Refused connections, and contradictions of validators, that are remembered.
const MAX_REFUSALS_KEPT: usize = 64;

/// Folder of the log of reads, in the folder of blocks and index.
pub(crate) const READS: &str = "reads";

/// Handle of a running node; cheap to clone.
#[derive(Clone)]
pub struct Service(Arc<Inner>);

struct Inner {
    genesis: Arc<Genesis>,
    chain: ChainId,
    region: Region,
    validators: Vec<KeyId>,
    records: Records,
    blocks: Weak<BlockFiles<RealDisk>>,
    jobs: SyncSender<Job>,
    door: mpsc::Sender<door::Knock>,
    /// Room for transactions at the door.
    room: Arc<Semaphore>,
    network: Network,
    tip: RwLock<Tip>,
    commits: broadcast::Sender<Arc<Committed>>,
    heights: watch::Sender<Height>,
    halted: watch::Sender<Option<Halted>>,
    pool: Mutex<(usize, usize)>,
    /// Room in the pool, less what is on its way there.
    ahead: Arc<door::Ahead>,
    waiters: waiters::Waiters,
    highest_peer: AtomicU64,
    /// Our key that votes, and those that linked nodes say they vote with.
    voters: Mutex<Voters>,
    /// Damaged blocks that are being fetched again, or were tried to, and when.
    healing: Mutex<BTreeMap<Height, Instant>>,
    tokio: Option<tokio::runtime::Handle>,
    refusals: Mutex<VecDeque<(Option<NodeKey>, String)>>,
    evidence: Mutex<Vec<Equivocation>>,
    cosigning: Cosigning,
    checkpoints: watch::Sender<u64>,
    proof_blocks: Option<u64>,
    reads: ReadLog,
    /// One map of an earlier height is made at a time.
    proving: Semaphore,
    audit: OnceLock<Arc<AuditIndex>>,
}

impl Service {
    pub(in crate::runtime) fn new(
        options: &NodeOptions,
        ledger: &Ledger<RealDisk>,
        jobs: SyncSender<Job>,
        network: Network,
        cosigning: Cosigning,
    ) -> (Self, mpsc::Receiver<door::Knock>) {
        let (door, knocks) = mpsc::channel(door::MAX_WAITING);
        let service = Self(Arc::new(Inner {
            genesis: options.genesis.clone(),
            chain: ledger.chain(),
            region: options.region,
            validators: options.validators.iter().map(hefu_primitives::KeyPair::id).collect(),
            records: ledger.records().clone(),
            blocks: Arc::downgrade(ledger.blocks()),
            jobs,
            door,
            room: Arc::new(Semaphore::new(door::MAX_WAITING)),
            network,
            tip: RwLock::new(ledger.tip().clone()),
            commits: broadcast::channel(MAX_COMMITS_WAITING).0,
            heights: watch::channel(ledger.tip().height).0,
            halted: watch::channel(None).0,
            pool: Mutex::default(),
            ahead: Arc::default(),
            waiters: waiters::Waiters::default(),
            highest_peer: AtomicU64::new(0),
            voters: Mutex::default(),
            healing: Mutex::default(),
            tokio: tokio::runtime::Handle::try_current().ok(),
            refusals: Mutex::default(),
            evidence: Mutex::default(),
            cosigning,
            checkpoints: watch::channel(0).0,
            proof_blocks: options.proof_blocks,
            reads: ReadLog::new(options.data_dir.join(READS)),
            proving: Semaphore::new(1),
            audit: OnceLock::new(),
        }));
        (service, knocks)
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

    /// Whether a consensus key of this node decides the next height.
    pub fn is_validator(&self) -> bool {
        let validators = self.tip().validators;
        self.0.validators.iter().any(|key| validators.by_key(*key).is_some())
    }

    /// Begins to keep a query index beside the ledger; once in the life of a node.
    pub fn keep_audit_index(&self, location: hefu_audit::Location) {
        let _ = self.0.audit.get_or_init(|| audit::follow(self, location));
    }

    /// The query index, if this node keeps one.
    pub fn audit_index(&self) -> Option<&Arc<AuditIndex>> {
        self.0.audit.get()
    }

    /// The last block.
    pub fn tip(&self) -> Tip {
        self.0.tip.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The records, now or as of an earlier height.
    pub fn records(&self) -> &Records {
        &self.0.records
    }

    /// The log of reads under mandates.
    pub fn read_log(&self) -> &ReadLog {
        &self.0.reads
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
        self.0.halted.borrow().as_ref().map(|halted| halted.reason.clone())
    }

    /// Resolves when the node had to stop.
    pub async fn wait_halted(&self) -> Halted {
        let mut halted = self.0.halted.subscribe();
        loop {
            if let Some(reason) = halted.borrow_and_update().clone() {
                return reason;
            }
            if halted.changed().await.is_err() {
                return Halted::because("the node has stopped");
            }
        }
    }

    /// Commits from now on, without the bundles of their blocks.
    pub fn subscribe(&self) -> broadcast::Receiver<Arc<Committed>> {
        self.0.commits.subscribe()
    }

    /// Resolves when the tip is at `height` or later.
    pub async fn wait_height(&self, height: Height) {
        let mut heights = self.0.heights.subscribe();
        let _ = heights.wait_for(|tip| *tip >= height).await;
    }
}

/// Most members read: each is or was a province, of which there are fewer.
const MAX_MEMBERS: usize = 256;

fn members(records: &Records) -> Vec<Member> {
    let (from, to) = MEMBERS.range(&());
    let found = records.scan(&from, &to, MAX_MEMBERS);
    let found = found.unwrap_or_default();
    found.iter().filter_map(|(_, value)| MEMBERS.decode(value)).collect()
}

/// The node keys registered on the ledger: of members and approved candidates, not of those gone.
pub(in crate::runtime) fn node_keys(records: &Records) -> BTreeSet<NodeKey> {
    let connected = members(records).into_iter().filter(Member::is_connected);
    connected.map(|member| NodeKey(*member.node_key.as_bytes())).collect()
}

/// Where to dial whom: founders as configured or as the genesis says, all others, and founders that
/// moved, as configured or as the ledger says.
pub(in crate::runtime) fn peers(
    options: &NodeOptions,
    records: &Records,
) -> Vec<(NodeKey, Vec<Address>)> {
    let mut peers: BTreeMap<NodeKey, Vec<Address>> = options.peers.iter().cloned().collect();
    for member in members(records) {
        let told = options.addresses.get(&member.region).cloned();
        if let Some(addresses) = told.or_else(|| addresses_of(&member)) {
            peers.insert(NodeKey(*member.node_key.as_bytes()), addresses);
        }
    }
    peers.remove(&options.node_secret.key());
    peers.into_iter().collect()
}

/// Where a member's node is, if the ledger says.
pub(in crate::runtime) fn addresses_of(member: &Member) -> Option<Vec<Address>> {
    let told = member.addresses.as_ref()?;
    Some(told.iter().filter_map(|text| text.parse().ok()).collect())
}
