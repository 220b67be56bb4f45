//! The node as a process: settings become options, keys are opened, and the node runs until it is
//! told to stop or has to.

use std::io::IsTerminal;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, bail, ensure};
use hefu_genesis::{Genesis, Kind, MemberSeed, SignedGenesis};
use hefu_primitives::{KeyPair, Region};

use super::{NodeError, NodeOptions, open_ledger};
use crate::api::{ApiOptions, ApiServer, ReadAccess, TokenHash};
use crate::config::{self, LogFormat, NodeConfig};
use crate::core::Tip;
use crate::core::open::Replay;
use crate::keystore::{Keystore, obtain_passphrase};
use crate::network::{Address, NodeKey, NodeSecret};
use crate::store::EngineKind;

/// What libraries below say at `info` is for their authors.
const QUIET: &str = "arc_malachitebft_core_consensus=warn,arc_malachitebft_core_driver=warn,\
                     libp2p_swarm=warn,sled=warn,fjall=warn,lsm_tree=warn";

/// Runs a node until Ctrl-C or SIGTERM.
///
/// # Errors
/// When settings, genesis, keys, files or ports cannot be used, and when the node had to stop.
pub fn run_blocking(config: &NodeConfig) -> anyhow::Result<()> {
    start_log(config);
    let options = options(config)?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(run(config, options))
}

async fn run(config: &NodeConfig, options: NodeOptions) -> anyhow::Result<()> {
    let store = options.data_dir.clone();
    let running = super::start(options, &mut say_progress).await;
    let running = running.map_err(|error| with_folder(error, &store))?;
    let read = match config.api.read {
        config::ReadAccess::Open => ReadAccess::Open,
        config::ReadAccess::Token => {
            let tokens = config.api.tokens.iter().map(|t| TokenHash::from_bytes(t.digest.0));
            ReadAccess::Tokens(tokens.collect())
        }
    };
    let api = ApiOptions { listen: config.api.listen, read };
    let api = ApiServer::start(running.service.clone(), api)
        .await
        .with_context(|| format!("cannot listen on {}", config.api.listen))?;
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
    let patience = Duration::from_millis(config.timeouts.stop_ms);
    let stopped = tokio::time::timeout(patience, async {
        api.stop().await;
        running.stop().await
    });
    match stopped.await {
        Ok(flushed) => flushed.context("the index was not flushed; it is built again at start")?,
        Err(_) => tracing::warn!("not everything ended in time; nothing acknowledged is lost"),
    }
    match halted {
        Some(reason) => bail!("the node had to stop: {reason}"),
        None => Ok(()),
    }
}

/// An error that names a damaged file says where that is.
fn with_folder(error: NodeError, store: &Path) -> anyhow::Error {
    match error.is_of_damaged_blocks() {
        true => anyhow::Error::new(error).context(store.join("blocks").display().to_string()),
        false => error.into(),
    }
}

async fn told_to_stop() {
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
pub fn rebuild(config: &NodeConfig, progress: &mut dyn FnMut(Replay)) -> anyhow::Result<Tip> {
    let genesis = Arc::new(read_genesis(config)?);
    let options = NodeOptions {
        data_dir: config.store_path(),
        genesis,
        region: config.region.unwrap_or_default(),
        validator: None,
        node_secret: NodeSecret::new([0; 32]),
        listen: config.p2p.listen,
        peers: Vec::new(),
        engine: engine(config),
        heartbeat_ms: None,
    };
    let opened = open_ledger(&options, true, progress);
    let opened = opened.map_err(|error| with_folder(error, &options.data_dir))?;
    let tip = opened.ledger.tip().clone();
    opened.overlay.flush()?;
    Ok(tip)
}

/// Settings, genesis and keys as options of a node.
fn options(config: &NodeConfig) -> anyhow::Result<NodeOptions> {
    let genesis = Arc::new(read_genesis(config)?);
    let keystore = Keystore::open(config.keystore_path())?;
    let passphrase = obtain_passphrase(
        config.passphrase_path().as_deref(),
        &format!("{}: ", keystore.folder().display()),
        false,
    )?;
    let node = keystore
        .load(config.keystore.node.as_str(), &passphrase)
        .with_context(|| format!("the node's key, {}", config.keystore.node))?;
    let validator = match config.region {
        None => None,
        Some(region) => {
            let key = keystore.load(config.keystore.validator.as_str(), &passphrase);
            let key =
                key.with_context(|| format!("the validator key, {}", config.keystore.validator))?;
            check_keys(&genesis, region, &node, &key)?;
            Some(key)
        }
    };
    Ok(NodeOptions {
        data_dir: config.store_path(),
        peers: peers(config, &genesis, &node)?,
        genesis,
        region: config.region.unwrap_or_default(),
        validator,
        node_secret: NodeSecret::new(node.secret_bytes()),
        listen: config.p2p.listen,
        engine: engine(config),
        heartbeat_ms: None,
    })
}

/// A founding member's keys must be those of the genesis; a later member's are on the ledger only,
/// and then nobody connects to a node with the wrong ones.
fn check_keys(
    genesis: &Genesis,
    region: Region,
    node: &KeyPair,
    validator: &KeyPair,
) -> anyhow::Result<()> {
    let Some(member) = genesis.member(region) else { return Ok(()) };
    ensure!(
        member.node_key == node.public(),
        "the node key in the keystore is not that of {region} in the genesis"
    );
    if member.validator_key != validator.public() {
        tracing::warn!(%region, "the validator key is not that of the genesis: it must have been rotated");
    }
    Ok(())
}

/// Reads the genesis; a production ledger must be signed by every founding member.
///
/// # Errors
/// When the file is no genesis, or signatures are missing.
pub fn read_genesis(config: &NodeConfig) -> anyhow::Result<Genesis> {
    let path = config.genesis_path();
    let shown = || format!("the genesis, {}", path.display());
    let text = std::fs::read(&path).with_context(shown)?;
    let signed = match SignedGenesis::from_json(&text) {
        Ok(signed) => signed,
        Err(_) => SignedGenesis::new(Genesis::from_json(&text).with_context(shown)?),
    };
    let report = signed.verify(false).with_context(shown)?;
    if signed.genesis.charter().kind == Kind::Production && !report.is_complete() {
        bail!("{} is not yet signed by {:?}", path.display(), report.missing());
    }
    Ok(signed.genesis)
}

fn peers(
    config: &NodeConfig,
    genesis: &Genesis,
    own: &KeyPair,
) -> anyhow::Result<Vec<(NodeKey, Vec<Address>)>> {
    let others = genesis.members().iter().filter(|member| member.node_key != own.public());
    others
        .map(|member: &MemberSeed| {
            let configured = config.p2p.peers.get(&member.region.to_string());
            let texts = configured.unwrap_or(&member.addresses);
            let addresses = texts
                .iter()
                .map(|text| text.parse().with_context(|| format!("{}: {text}", member.region)))
                .collect::<anyhow::Result<Vec<Address>>>()?;
            Ok((NodeKey(*member.node_key.as_bytes()), addresses))
        })
        .collect()
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
