//! The node as a process: settings become options, keys are opened, and the node runs until it is
//! told to stop or has to.

use std::collections::BTreeMap;
use std::io::IsTerminal;
use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use hefu_contracts::identity::Role;
use hefu_genesis::{Genesis, Kind, MemberSeed, SignedGenesis};
use hefu_primitives::{KeyPair, Region};

use super::{NodeError, NodeOptions, RunError, open_folder, open_ledger};
use crate::api::{ApiServer, Bounds, ReadAccess, Reserved, TokenHash};
use crate::config::{self, LogFormat, NodeConfig};
use crate::core::open::Replay;
use crate::core::{Halted, Tip};
use crate::keystore::{Keystore, KeystoreError, Passphrase, obtain_passphrase};
use crate::network::{Address, NodeKey, NodeSecret};
use crate::store::{EngineKind, Index};
use crate::webhook;

/// Setting and flag of the address for peers.
pub(super) const P2P: (&str, &str) = ("p2p.listen", "--p2p-listen");
/// Setting and flag of the address of the HTTP interface.
const API: (&str, &str) = ("api.listen", "--api-listen");

/// What libraries below say at `info` is for their authors.
const QUIET: &str = "arc_malachitebft_core_consensus=warn,arc_malachitebft_core_driver=warn,\
                     libp2p_swarm=warn,sled=warn,fjall=warn,lsm_tree=warn";

/// Runs a node until Ctrl-C or SIGTERM. What others may hold, its folder and ports, is tried
/// before a passphrase is asked for: nothing is half started.
///
/// # Errors
/// When settings, genesis, keys, files or ports cannot be used, and when the node had to stop.
pub fn run_blocking(config: &NodeConfig) -> Result<(), RunError> {
    let genesis = Arc::new(read_genesis(config)?);
    start_log(config);
    free_folder(config)?;
    let api = reserve(config)?;
    let options = options(config, genesis)?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    runtime.map_err(RunError::Runtime)?.block_on(run(config, options, api))
}

/// That no other process has the ledger of the data folder.
fn free_folder(config: &NodeConfig) -> Result<(), RunError> {
    let blocks = config.store_path().join("blocks");
    match open_folder(&blocks) {
        Ok(_) => Ok(()),
        Err(NodeError::Folder { error, .. }) if error.kind() == std::io::ErrorKind::WouldBlock => {
            Err(RunError::FolderInUse { folder: config.data_dir.clone() })
        }
        Err(error) => Err(error.into()),
    }
}

/// Takes the port of the HTTP interface, and sees that the one for peers is free. The network
/// binds that one itself.
fn reserve(config: &NodeConfig) -> Result<Reserved, RunError> {
    let p2p: SocketAddr = config.p2p.listen;
    drop(TcpListener::bind(p2p).map_err(|error| RunError::listen(p2p, P2P, error))?);
    let api = config.api.listen;
    Reserved::take(api).map_err(|error| RunError::listen(api, API, error))
}

async fn run(config: &NodeConfig, options: NodeOptions, api: Reserved) -> Result<(), RunError> {
    let (store, key) = (options.data_dir.clone(), options.node_secret.signer());
    let running = super::start(options, &mut say_progress).await;
    let running = running.map_err(|error| with_folder(error, &store))?;
    if let Some(location) = config.audit_location() {
        running.service.keep_audit_index(location);
    }
    let keep = config.audit.keep_reads_days;
    tokio::spawn(super::reads::prune_daily(running.service.clone(), keep));
    let read = match config.api.read {
        config::ReadAccess::Open => ReadAccess::Open,
        config::ReadAccess::Token => {
            let tokens = config.api.tokens.iter().map(|t| TokenHash::from_bytes(t.digest.0));
            ReadAccess::Tokens(tokens.collect())
        }
    };
    let bounds = Bounds {
        requests: config.api.max_requests,
        submissions_per_second: config.api.submissions_per_second,
    };
    let api = match ApiServer::start_on(running.service.clone(), api, read, bounds) {
        Ok(api) => api,
        Err(error) => {
            let _ = running.stop().await;
            return Err(RunError::listen(config.api.listen, API, error));
        }
    };
    let webhooks = webhook::start(&running.service, &store, &config.webhook_targets(), &key);
    tracing::info!(
        api = %api.local_addr(),
        p2p = ?running.service.network().listen_addrs(),
        height = %running.service.tip().height,
        "the node runs"
    );
    let halted = tokio::select! {
        () = told_to_stop() => None,
        reason = running.service.wait_halted() => Some(reason),
    };
    tracing::info!("stopping");
    webhooks.iter().for_each(tokio::task::JoinHandle::abort);
    let patience = Duration::from_millis(config.timeouts.stop_ms);
    let stopped = tokio::time::timeout(patience, async {
        api.stop().await;
        running.stop().await
    });
    match stopped.await {
        Ok(flushed) => flushed.map_err(RunError::Flush)?,
        Err(_) => tracing::warn!("not everything ended in time; nothing acknowledged is lost"),
    }
    match halted {
        Some(Halted { reason, disk, own_signature }) => {
            Err(RunError::Halted { reason, disk, own_signature })
        }
        None => Ok(()),
    }
}

/// An error that names a damaged file says where that is.
fn with_folder(error: NodeError, store: &Path) -> RunError {
    match error {
        NodeError::OtherValidatorKey { region, .. } => RunError::OtherValidatorKey { region },
        NodeError::OtherNodeKey { owner } => RunError::ForeignNodeKey { owner },
        error if error.is_of_damaged_blocks() => {
            RunError::Damaged { folder: store.join("blocks"), error: Box::new(error) }
        }
        error => error.into(),
    }
}

/// Returns with Ctrl-C or SIGTERM.
pub(crate) async fn told_to_stop() {
    let mut term = match tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate()) {
        Ok(term) => term,
        Err(_) => return std::future::pending().await,
    };
    tokio::select! {
        _ = tokio::signal::ctrl_c() => {}
        _ = term.recv() => {}
    }
}

/// Builds the index again from the block files, and says where the ledger then is.
///
/// # Errors
/// As [`run_blocking`]; a node that runs holds the folder.
pub fn rebuild(config: &NodeConfig, progress: &mut dyn FnMut(Replay)) -> Result<Tip, RunError> {
    // As at a start, so that the folder of a running node is named as such.
    free_folder(config)?;
    let genesis = Arc::new(read_genesis(config)?);
    let options = NodeOptions {
        data_dir: config.store_path(),
        genesis,
        region: config.region.unwrap_or_default(),
        validators: Vec::new(),
        cosigner: None,
        witness: super::Witnessing::default(),
        node_secret: NodeSecret::new([0; 32]),
        listen: config.p2p.listen,
        peers: Vec::new(),
        addresses: BTreeMap::new(),
        engine: engine(config),
        heartbeat_ms: None,
        proof_blocks: None,
        reads: None,
    };
    let opened = open_ledger(&options, true, progress);
    let opened = opened.map_err(|error| with_folder(error, &options.data_dir))?;
    let tip = opened.ledger.tip().clone();
    opened.overlay.checkpoint().map_err(RunError::Flush)?;
    Ok(tip)
}

/// Settings, genesis and keys as options of a node.
fn options(config: &NodeConfig, genesis: Arc<Genesis>) -> Result<NodeOptions, RunError> {
    let folder = config.keystore_path();
    if !folder.is_dir() {
        return Err(RunError::NoNodeKey { label: config.keystore.node.clone(), folder });
    }
    let keystore = Keystore::open(folder)?;
    let passphrase = obtain_passphrase(
        config.passphrase_path().as_deref(),
        &format!("{}: ", keystore.folder().display()),
        false,
    )?;
    let node = load(&keystore, &config.keystore.node, &passphrase)?;
    let validators = match config.region {
        None => Vec::new(),
        Some(region) => {
            let keys = validator_keys(&keystore, &config.keystore.validator, &passphrase)?;
            check_keys(&genesis, region, (&config.keystore.node, &node), &keys)?;
            keys
        }
    };
    let cosigner = cosigner(config, &keystore, &passphrase)?;
    let reads = reads_key(config, &genesis, &keystore, &passphrase)?;
    Ok(NodeOptions {
        cosigner,
        witness: witnessing(config),
        data_dir: config.store_path(),
        peers: peers(config, &genesis, &node)?,
        addresses: configured(config)?,
        genesis,
        region: config.region.unwrap_or_default(),
        validators,
        node_secret: NodeSecret::new(node.secret_bytes()),
        listen: config.p2p.listen,
        engine: engine(config),
        heartbeat_ms: None,
        proof_blocks: config.storage.proof_blocks,
        reads,
    })
}

fn load(keystore: &Keystore, label: &str, passphrase: &Passphrase) -> Result<KeyPair, RunError> {
    keystore.load(label, passphrase).map_err(|error| match error {
        KeystoreError::Unknown { folder } => {
            RunError::NoNodeKey { label: label.to_owned(), folder }
        }
        other => other.into(),
    })
}

/// The cosigning key, if the keystore has one. Whether the ledger accepts it shows as it runs: a
/// key that was rotated in is registered later than it is here.
fn cosigner(
    config: &NodeConfig,
    keystore: &Keystore,
    passphrase: &Passphrase,
) -> Result<Option<KeyPair>, RunError> {
    let label = config.keystore.cosigner.as_str();
    match keystore.load(label, passphrase) {
        Ok(key) => Ok(Some(key)),
        Err(KeystoreError::Unknown { .. }) => {
            tracing::warn!(label, "no cosigning key: this node cosigns no checkpoint");
            Ok(None)
        }
        Err(error) => Err(error.into()),
    }
}

/// The key that states roots of the log of reads: the one that is named, else one that the genesis
/// gave the operator for acts of its own.
fn reads_key(
    config: &NodeConfig,
    genesis: &Genesis,
    keystore: &Keystore,
    passphrase: &Passphrase,
) -> Result<Option<KeyPair>, RunError> {
    if let Some(label) = &config.keystore.reads {
        return load(keystore, label, passphrase).map(Some);
    }
    let member = config.region.and_then(|region| genesis.member(region));
    let operator = member.and_then(|member| {
        member.authorities.iter().find(|authority| authority.code == member.operator)
    });
    let acts = |roles: &[Role]| {
        !roles
            .iter()
            .any(|role| matches!(role, Role::Governor | Role::Cosigner | Role::Coordinator))
    };
    let seeds = operator.into_iter().flat_map(|operator| &operator.keys);
    let ids: Vec<_> = seeds.filter(|seed| acts(&seed.roles)).map(|seed| seed.key.id()).collect();
    let held = keystore.list()?.into_iter().find(|info| ids.contains(&info.id));
    held.map(|info| load(keystore, &info.label, passphrase)).transpose()
}

/// What settings say of witnesses; their keys were checked with the settings.
fn witnessing(config: &NodeConfig) -> super::Witnessing {
    let ask = config.witness.ask.iter();
    let ask = ask.filter_map(|witness| Some((witness.clone(), witness.key.parse().ok()?)));
    super::Witnessing { logs: config.witness.logs.clone(), ask: ask.collect() }
}

/// The validator key, and those of the same name with a suffix: `validator`, `validator-2`. A key
/// that is to take the place of another is made under such a name before the ledger names it, and
/// the node changes to it by itself.
fn validator_keys(
    keystore: &Keystore,
    label: &str,
    passphrase: &Passphrase,
) -> Result<Vec<KeyPair>, RunError> {
    let suffixed = format!("{label}-");
    let listed = keystore.list()?.into_iter().map(|info| info.label);
    let later = listed.filter(|other| other.starts_with(&suffixed));
    let labels = std::iter::once(label.to_owned()).chain(later);
    labels.map(|label| load(keystore, &label, passphrase)).collect()
}

/// What the genesis alone tells, before the ledger is opened and compared with: [`super::ownership`].
fn check_keys(
    genesis: &Genesis,
    region: Region,
    (label, node): (&str, &KeyPair),
    validators: &[KeyPair],
) -> Result<(), RunError> {
    let Some(member) = genesis.member(region) else { return Ok(()) };
    if member.node_key != node.public() {
        // A key that was changed on the ledger stands in the settings under a name of its own.
        if label == NodeConfig::default().keystore.node {
            return Err(RunError::OtherNodeKey { region });
        }
        tracing::warn!(%region, label, "the node key is not that of the genesis: it must have been changed");
    }
    // A node that signed with another province's key would make that province contradict itself.
    let others = genesis.document().members.iter().filter(|other| other.region != region);
    let foreign = |key: &KeyPair| others.clone().any(|o| o.validator_key == key.public());
    if validators.iter().any(foreign) {
        return Err(RunError::OtherValidatorKey { region });
    }
    Ok(())
}

/// Reads the genesis; a production ledger must be signed by every founding member.
///
/// # Errors
/// When the file is no genesis, or signatures are missing.
pub fn read_genesis(config: &NodeConfig) -> Result<Genesis, RunError> {
    let path = config.genesis_path();
    let text = std::fs::read(&path).map_err(|source| match source.kind() {
        std::io::ErrorKind::NotFound => RunError::NoGenesis { path: path.clone() },
        _ => RunError::File { path: path.clone(), source },
    })?;
    let genesis = |source| RunError::Genesis { path: path.clone(), source };
    let signed = match SignedGenesis::from_json(&text) {
        Ok(signed) => signed,
        Err(error) => match Genesis::from_json(&text) {
            Ok(plain) => SignedGenesis::new(plain),
            // Of the two complaints the first is about the form that ceremonies end with.
            Err(_) => return Err(genesis(error)),
        },
    };
    let report = signed.verify(false).map_err(genesis)?;
    if signed.genesis.charter().kind == Kind::Production && !report.is_complete() {
        return Err(RunError::Unsigned { path, missing: report.missing() });
    }
    Ok(signed.genesis)
}

fn peers(
    config: &NodeConfig,
    genesis: &Genesis,
    own: &KeyPair,
) -> Result<Vec<(NodeKey, Vec<Address>)>, RunError> {
    let others = genesis.members().iter().filter(|member| member.node_key != own.public());
    others
        .map(|member: &MemberSeed| {
            let configured = config.p2p.peers.get(&member.region.to_string());
            let texts = configured.unwrap_or(&member.addresses);
            let bad =
                |text: &String| RunError::Peer { region: member.region, address: text.clone() };
            let addresses = texts.iter().map(|text| text.parse().map_err(|_| bad(text)));
            let addresses = addresses.collect::<Result<Vec<Address>, RunError>>()?;
            Ok((NodeKey(*member.node_key.as_bytes()), addresses))
        })
        .collect()
}

/// Where the operator says that provinces' nodes are. What is no province the settings refuse.
fn configured(config: &NodeConfig) -> Result<BTreeMap<Region, Vec<Address>>, RunError> {
    let entry = |(region, texts): (Region, &Vec<String>)| {
        let bad = |text: &String| RunError::Peer { region, address: text.clone() };
        let addresses = texts.iter().map(|text| text.parse().map_err(|_| bad(text)));
        Ok((region, addresses.collect::<Result<_, _>>()?))
    };
    let known = config.p2p.peers.iter();
    known.filter_map(|(code, texts)| Some((code.parse().ok()?, texts))).map(entry).collect()
}

fn engine(config: &NodeConfig) -> EngineKind {
    match config.storage.engine {
        config::Engine::Sled => EngineKind::Sled,
        config::Engine::Fjall => EngineKind::Fjall,
    }
}

fn say_progress(replay: Replay) {
    if replay.height.0.is_multiple_of(10_000) || replay.height == replay.of {
        tracing::info!(height = %replay.height, of = %replay.of, "replaying stored blocks");
    }
}

fn start_log(config: &NodeConfig) {
    let filter = format!("{},{QUIET}", config.log.filter);
    let filter = tracing_subscriber::EnvFilter::try_new(&filter)
        .unwrap_or_else(|_| tracing_subscriber::EnvFilter::new("info"));
    let log = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_ansi(std::io::stderr().is_terminal())
        .with_writer(std::io::stderr);
    let started = match config.log.format {
        LogFormat::Human => log.try_init(),
        LogFormat::Json => log.json().try_init(),
    };
    // Only a second start in one process fails, which tests do.
    let _ = started;
}
