//! # A running node
//!
//! One thread owns the [`Core`] and everything it writes; the network, the HTTP API and timers are
//! tokio tasks that send it jobs and act on what it returns. Readers never wait for it: they read
//! the index and the block files, which are shared.
//!
//! ```text
//! network events ─┐                       ┌─► network
//! HTTP submit ────┼─► jobs ─► core thread ┼─► commits (broadcast) ─► API, SSE, waiters
//! timers ─────────┘                       └─► halt
//! ```
//!
//! Signatures are verified before a job is queued, off the core thread.

#[cfg(test)]
mod cosign_tests;
mod cosigner;
mod driver;
mod error;
mod ingress;
mod ownership;
mod process;
pub(crate) mod reads;
pub mod service;
mod shared;

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::{SyncSender, sync_channel};
use std::thread::JoinHandle;

use hefu_consensus::{Config, Timeouts};
use hefu_contracts::identity::{PARAMETERS, Parameters};
use hefu_genesis::Genesis;
use hefu_primitives::transparency::VerifierKey;
use hefu_primitives::{KeyPair, Millis, Region, SignedTransaction, ValidatorSet};
use tokio::sync::watch;

use crate::core::{Core, CoreError, CoreInput, Halted, LedgerError, PoolLimits, open, reading};
use crate::cosign::{Cosigning, FollowedLog, OutsideWitness};
use crate::network::{Address, Network, NetworkConfig, NetworkEvents, NodeKey, NodeSecret};
use crate::store::{
    BlockFiles, EngineKind, Index, Overlay, Policy, RealDisk, StoreError, Wal, open_index,
    set_aside,
};

pub use error::RunError;
pub(crate) use process::told_to_stop;
pub use process::{read_genesis, rebuild, run_blocking};
pub use service::Service;
use service::door::OnTheWay;
use shared::SharedIndex;

/// Wait for a proposal, in milliseconds: twenty times a round trip across the country, so that a
/// province that is away costs a second in every turn of its own and no more.
const PROPOSE_MS: u64 = 1_000;
/// Jobs that wait for the core thread; more are refused or, from the network, dropped.
const MAX_JOBS: usize = 8_192;

/// What a node is told at start.
#[derive(Clone, Debug)]
pub struct NodeOptions {
    /// Folder of blocks, log and index.
    pub data_dir: PathBuf,
    /// The ledger.
    pub genesis: Arc<Genesis>,
    /// The province this node stands for.
    pub region: Region,
    /// Its consensus keys; none for a node that only follows. It signs with the one that the ledger
    /// names for a height: the others were replaced, or are to take its place.
    pub validators: Vec<KeyPair>,
    /// Its cosigning key; without one it serves checkpoints that others cosigned.
    pub cosigner: Option<KeyPair>,
    /// Logs it witnesses, and witnesses it asks.
    pub witness: Witnessing,
    /// Its key in the network.
    pub node_secret: NodeSecret,
    /// Where to listen for peers.
    pub listen: SocketAddr,
    /// Founding peers and their addresses.
    pub peers: Vec<(NodeKey, Vec<Address>)>,
    /// Where the nodes of provinces are, whatever the ledger says.
    pub addresses: BTreeMap<Region, Vec<Address>>,
    /// The key-value engine.
    pub engine: EngineKind,
    /// Longest pause between blocks in milliseconds, if not the ledger's parameter.
    pub heartbeat_ms: Option<u64>,
    /// How many blocks back records can be proven; without it as far as there are blocks.
    pub proof_blocks: Option<u64>,
    /// A key of the province's operator that states the roots of the log of reads; without one
    /// somebody has to.
    pub reads: Option<KeyPair>,
}

/// Witnessing beyond this ledger.
#[derive(Clone, Debug, Default)]
pub struct Witnessing {
    /// Logs that this node witnesses.
    pub logs: Vec<FollowedLog>,
    /// Witnesses that are asked for this ledger's checkpoints, and their keys.
    pub ask: Vec<(OutsideWitness, VerifierKey)>,
}

/// Why a node did not start.
#[derive(Debug, thiserror::Error)]
pub enum NodeError {
    /// The ledger in the data folder.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    /// The files.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The consensus log.
    #[error(transparent)]
    Core(#[from] CoreError),
    /// The network.
    #[error(transparent)]
    Network(#[from] crate::network::StartError),
    /// A validator key of the node is another province's, by the ledger.
    #[error("a validator key of the node of {region} is that of {owner} on the ledger")]
    OtherValidatorKey {
        /// The node's province.
        region: Region,
        /// Whose it is.
        owner: Region,
    },
    /// Its node key is another province's, by the ledger.
    #[error("the node key is that of {owner} on the ledger")]
    OtherNodeKey {
        /// Whose it is.
        owner: Region,
    },
    /// The data folder.
    #[error("{path}: {error}")]
    Folder {
        /// The folder.
        path: PathBuf,
        /// What the system says.
        #[source]
        error: std::io::Error,
    },
}

impl NodeError {
    /// Whether stored blocks are damaged or gone: the node helps itself by fetching them again.
    pub fn is_of_damaged_blocks(&self) -> bool {
        let of_store = |error: &StoreError| matches!(error, StoreError::Corrupt { .. });
        match self {
            Self::Store(error) | Self::Core(CoreError::Store(error)) => of_store(error),
            Self::Ledger(error) | Self::Core(CoreError::Ledger(error)) => match error {
                LedgerError::Store(error) => of_store(error),
                LedgerError::Malformed(_) | LedgerError::BlocksLost { .. } => true,
                _ => false,
            },
            _ => false,
        }
    }
}

/// A question to the ledger at its tip.
pub(crate) type LedgerJob = Box<dyn FnOnce(&mut crate::core::Ledger<RealDisk>) + Send>;

/// What the core thread does besides taking inputs.
pub(crate) enum Job {
    /// Step the core.
    Input(CoreInput),
    /// Step the core with transactions that passed the door; they are on their way until the pool
    /// has said what it still takes.
    Submit(Vec<SignedTransaction>, OnTheWay),
    /// Run a closure over the ledger at its tip.
    Ledger(LedgerJob),
    /// Run a closure over the mempool.
    Pool(Box<dyn FnOnce(&crate::core::Pool) + Send>),
    /// End the thread.
    Stop,
}

/// A node that runs.
pub struct Running {
    /// Reading, submitting, watching.
    pub service: Service,
    network: Network,
    jobs: SyncSender<Job>,
    core: Option<JoinHandle<()>>,
    overlay: Arc<Overlay>,
    index: Arc<SharedIndex>,
}

/// A ledger opened for a node, and what lies under it.
pub struct Opened {
    /// The ledger.
    pub ledger: crate::core::Ledger<RealDisk>,
    /// Writes behind.
    pub overlay: Arc<Overlay>,
    index: Arc<SharedIndex>,
}

/// Opens the ledger in a folder. The index is set aside and built again when its engine cannot
/// open it; block files that are damaged are an error that names file and height.
///
/// # Errors
/// [`NodeError`].
pub fn open_ledger(
    options: &NodeOptions,
    rebuild: bool,
    progress: &mut dyn FnMut(open::Replay),
) -> Result<Opened, NodeError> {
    let folder = options.data_dir.join("blocks");
    let blocks = BlockFiles::open(
        open_folder(&folder)?,
        crate::store::blocks::DEFAULT_SEGMENT_BYTES,
        &mut |_| {},
    )?;
    let overlay = Arc::new(open_engine(options)?);
    let index = Arc::new(SharedIndex::new(options.engine, overlay.clone()));
    let blocks = Arc::new(blocks);
    let ledger = if rebuild {
        open::rebuild(&options.genesis, blocks, index.clone(), progress)?
    } else {
        open::open(&options.genesis, blocks, index.clone(), progress)?
    };
    Ok(Opened { ledger, overlay, index })
}

fn open_folder(path: &Path) -> Result<RealDisk, NodeError> {
    let folder = |error| NodeError::Folder { path: path.to_owned(), error };
    std::fs::create_dir_all(path).map_err(folder)?;
    RealDisk::open(path).map_err(folder)
}

fn open_engine(options: &NodeOptions) -> Result<Overlay, NodeError> {
    let path = options.data_dir.join(format!("index-{}", options.engine.name()));
    let engine = match open_index(options.engine, &path) {
        Ok(engine) => engine,
        Err(error) if error.calls_for_rebuild() => {
            tracing::warn!(%error, "the index does not open; it is set aside and built again");
            set_aside(options.engine, &path)?;
            open_index(options.engine, &path)?
        }
        Err(error) => return Err(error.into()),
    };
    Ok(Overlay::new(engine, Policy::default())?)
}

/// Starts a node.
///
/// # Errors
/// [`NodeError`] when the folder, the ledger in it or the network cannot be used.
pub async fn start(
    options: NodeOptions,
    progress: &mut dyn FnMut(open::Replay),
) -> Result<Running, NodeError> {
    let folder = |error| NodeError::Folder { path: options.data_dir.clone(), error };
    std::fs::create_dir_all(&options.data_dir).map_err(folder)?;
    let Opened { ledger, overlay, index } = open_ledger(&options, false, progress)?;
    let records = ledger.records();
    let (region, own) = (options.region, options.node_secret.key());
    let owned = reading(|| ownership::check(records, region, &options.validators, own))?;
    owned.map_err(|foreign| match foreign {
        ownership::Foreign::Validator(owner) => NodeError::OtherValidatorKey { region, owner },
        ownership::Foreign::Node(owner) => NodeError::OtherNodeKey { owner },
    })?;
    let (parameters, allowed, peers) = reading(|| {
        let parameters = PARAMETERS.read(records, &()).unwrap_or_default();
        (parameters, service::node_keys(records), service::peers(&options, records))
    })?;
    let (allowed_tx, allowed) = watch::channel(allowed);
    let network = NetworkConfig {
        secret: options.node_secret.clone(),
        listen: options.listen,
        peers,
        chain: options.genesis.hash(),
        region: options.region,
        limits: crate::network::Limits::default(),
    };
    let (network, events) = Network::start(network, allowed).await?;
    let (jobs, jobs_end) = sync_channel(MAX_JOBS);
    let cosigning = Cosigning::open(
        &options.data_dir.join("cosign"),
        options.genesis.hash(),
        options.region,
        options.cosigner.clone(),
        options.witness.logs.clone(),
    )
    .map_err(folder)?;
    let (service, knocks) =
        Service::new(&options, &ledger, jobs.clone(), network.clone(), cosigning);
    tokio::spawn(service::door::run(service.clone(), knocks));
    let wal = Wal::open(&open_folder(&options.data_dir.join("wal"))?)?;
    let in_force = key_in_force(&options.validators, &ledger.tip().validators);
    let config = consensus_config(&options, in_force, &parameters);
    let (mut core, first) = Core::start(wall_clock(), config, ledger, wal, PoolLimits::default())?;
    core.hold_keys(options.validators.iter().cloned());
    if options.heartbeat_ms.is_none() {
        core.follow_heartbeat();
    }
    let driver =
        driver::Driver::new(core, network.clone(), service.clone(), jobs.clone(), allowed_tx);
    let end = service.clone();
    let core = std::thread::Builder::new()
        .name("core".into())
        .spawn(move || {
            // A node whose core has gone must not look as if it ran.
            let run = || reading(|| driver.run(first, &jobs_end));
            match std::panic::catch_unwind(std::panic::AssertUnwindSafe(run)) {
                Ok(Ok(())) => {}
                Ok(Err(error)) => {
                    tracing::error!(%error, "a record could not be read; the node must stop");
                    end.halted(Halted::from(&error));
                }
                Err(_) => end.halted(Halted::because("the core thread failed; the log says where")),
            }
        })
        .map_err(folder)?;
    spawn_ingress(&service, events, &jobs);
    tokio::spawn(cosigner::run(service.clone()));
    tokio::spawn(reads::run(service.clone(), options.reads));
    for (witness, key) in options.witness.ask {
        tokio::spawn(cosigner::ask_witness(service.clone(), witness, key));
    }
    Ok(Running { service, network, jobs, core: Some(core), overlay, index })
}

fn spawn_ingress(service: &Service, events: NetworkEvents, jobs: &SyncSender<Job>) {
    tokio::spawn(ingress::run(service.clone(), events, jobs.clone()));
}

/// The key that decides the next height, or the first one, which may come to.
fn key_in_force(keys: &[KeyPair], validators: &ValidatorSet) -> Option<KeyPair> {
    let named = keys.iter().find(|key| validators.by_key(key.id()).is_some());
    named.or(keys.first()).cloned()
}

fn consensus_config(
    options: &NodeOptions,
    key: Option<KeyPair>,
    parameters: &Parameters,
) -> Config {
    Config {
        heartbeat_ms: options.heartbeat_ms.unwrap_or(parameters.heartbeat_ms),
        max_clock_ahead_ms: parameters.max_clock_ahead_ms,
        timeouts: Timeouts { propose_ms: PROPOSE_MS, ..Timeouts::default() },
        ..Config::new(options.genesis.hash(), key)
    }
}

impl Running {
    /// Cuts the links to peers; for demonstrations and tests.
    pub async fn set_partition(&self, cut: BTreeSet<NodeKey>) {
        self.network.set_partition(cut).await;
    }

    /// Stops gracefully: no more input, the index flushed, the port free.
    ///
    /// # Errors
    /// The index could not be flushed; it will be built again from the blocks.
    pub async fn stop(mut self) -> Result<(), StoreError> {
        self.network.shutdown().await;
        let (jobs, core) = (self.jobs.clone(), self.core.take());
        let joined = tokio::task::spawn_blocking(move || {
            let _ = jobs.send(Job::Stop);
            core.map(JoinHandle::join)
        });
        let _ = joined.await;
        self.service.cosigning().close();
        self.service.halted(Halted::because("the node was stopped"));
        let flushed = self.overlay.checkpoint();
        self.index.close();
        flushed
    }
}

/// The time of this machine. Only the runtime reads it.
pub fn wall_clock() -> Millis {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    Millis(since.map(|d| d.as_millis() as u64).unwrap_or_default())
}
