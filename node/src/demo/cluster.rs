//! The four nodes of a demonstration in one process: real sockets, real storage, real consensus;
//! only the process is shared. Nodes are stopped, started and damaged one by one.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Context;
use hefu_genesis::Genesis;
use hefu_genesis::sample::{self, MemberKeys, SampleKeys};
use hefu_primitives::{Height, KeyPair, Millis, Region};

use crate::api::{ApiOptions, ApiServer, Bounds, ReadAccess};
use crate::config::NodeConfig;
use crate::core::Tip;
use crate::network::{Address, NodeKey, NodeSecret};
use crate::runtime::{self, NodeOptions, Running, Service, wall_clock};
use crate::store::EngineKind;

/// One province of the demonstration.
pub struct Province {
    /// Its code.
    pub region: Region,
    /// Its keys.
    pub keys: MemberKeys,
    /// Where its API answers.
    pub api: SocketAddr,
    home: PathBuf,
    options: NodeOptions,
    running: Option<(Running, ApiServer)>,
}

impl Province {
    /// The running node.
    pub fn service(&self) -> Option<&Service> {
        self.running.as_ref().map(|(running, _)| &running.service)
    }

    /// Its folder, as `--data-dir` names it.
    pub fn folder(&self) -> &Path {
        &self.home
    }

    fn key(&self) -> NodeKey {
        NodeKey(*self.keys.node.public().as_bytes())
    }
}

/// The provinces of a demonstration.
pub struct Cluster {
    /// By province.
    pub provinces: BTreeMap<Region, Province>,
    /// The genesis they share.
    pub genesis: Arc<Genesis>,
}

impl Cluster {
    /// Makes keys and a genesis, and starts four nodes on the loopback interface. API ports are
    /// `first_port` and the following, or the next free ones.
    ///
    /// # Errors
    /// When no randomness, folder or port can be had.
    pub async fn start(folder: &Path, first_port: u16, engine: EngineKind) -> anyhow::Result<Self> {
        let (genesis, keys) = sample_network()?;
        let genesis = Arc::new(genesis);
        let listen: Vec<SocketAddr> =
            keys.members.iter().map(|_| free_port(0)).collect::<Result<_, _>>()?;
        let mut provinces = BTreeMap::new();
        let mut port = first_port;
        let addresses: Vec<(NodeKey, Vec<Address>)> = keys
            .members
            .iter()
            .zip(&listen)
            .map(|(member, at)| (NodeKey(*member.node.public().as_bytes()), vec![(*at).into()]))
            .collect();
        for (member, at) in keys.members.into_iter().zip(listen) {
            let api = free_port(port)?;
            port = api.port().saturating_add(1);
            let own = NodeKey(*member.node.public().as_bytes());
            let home = folder.join(member.region.to_string());
            // Where commands that are typed in the folder look for it.
            let settings = NodeConfig { data_dir: home.clone(), ..NodeConfig::default() };
            let options = NodeOptions {
                data_dir: settings.store_path(),
                genesis: genesis.clone(),
                region: member.region,
                validators: vec![member.validator.clone()],
                addresses: BTreeMap::new(),
                cosigner: Some(member.cosigner.clone()),
                witness: runtime::Witnessing::default(),
                node_secret: NodeSecret::new(member.node.secret_bytes()),
                listen: at,
                peers: addresses.iter().filter(|(key, _)| *key != own).cloned().collect(),
                engine,
                heartbeat_ms: None,
                proof_blocks: None,
                reads: member.operator_key(),
            };
            let region = member.region;
            let province = Province { region, keys: member, api, home, options, running: None };
            provinces.insert(region, province);
        }
        let mut cluster = Self { provinces, genesis };
        let regions: Vec<Region> = cluster.provinces.keys().copied().collect();
        for region in regions {
            cluster.start_node(region).await?;
        }
        Ok(cluster)
    }

    /// The province of a code.
    ///
    /// # Errors
    /// When there is none.
    pub fn province(&mut self, region: Region) -> anyhow::Result<&mut Province> {
        self.provinces.get_mut(&region).with_context(|| format!("no province {region} here"))
    }

    /// Starts a node that does not run.
    ///
    /// # Errors
    /// When it runs already, or its data folder is damaged: the error names what is.
    pub async fn start_node(&mut self, region: Region) -> anyhow::Result<()> {
        let province = self.province(region)?;
        anyhow::ensure!(province.running.is_none(), "{region} runs already");
        let running = runtime::start(province.options.clone(), &mut |_| {}).await?;
        let settings = NodeConfig { data_dir: province.home.clone(), ..NodeConfig::default() };
        if let Some(index) = settings.audit_location() {
            running.service.keep_audit_index(index);
        }
        let options =
            ApiOptions { listen: province.api, read: ReadAccess::Open, bounds: Bounds::default() };
        let api = ApiServer::start(running.service.clone(), options).await?;
        province.running = Some((running, api));
        Ok(())
    }

    /// Whether a province's node runs; none when there is no such province.
    pub fn runs(&self, region: Region) -> Option<bool> {
        Some(self.provinces.get(&region)?.running.is_some())
    }

    /// Whether nodes that are started from now on cosign checkpoints; for measurements.
    pub fn set_cosigning(&mut self, on: bool) {
        for province in self.provinces.values_mut() {
            province.options.cosigner = on.then(|| province.keys.cosigner.clone());
        }
    }

    /// The address of a province's node among provinces.
    pub fn link(&self, region: Region) -> Option<SocketAddr> {
        Some(self.provinces.get(&region)?.options.listen)
    }

    /// Stops a node.
    ///
    /// # Errors
    /// When it does not run.
    pub async fn stop_node(&mut self, region: Region) -> anyhow::Result<()> {
        let province = self.province(region)?;
        let (running, api) =
            province.running.take().with_context(|| format!("{region} does not run"))?;
        api.stop().await;
        running.stop().await?;
        Ok(())
    }

    /// Cuts every link between the given provinces and the others; an empty list heals all.
    pub async fn partition(&self, regions: &BTreeSet<Region>) {
        for province in self.provinces.values() {
            let Some((running, _)) = &province.running else { continue };
            let inside = regions.contains(&province.region);
            let other = |p: &&Province| regions.contains(&p.region) != inside;
            let cut = self.provinces.values().filter(other).map(Province::key).collect();
            running.set_partition(cut).await;
        }
    }

    /// Damages one byte in the middle of a stopped node's newest block file; says which.
    ///
    /// # Errors
    /// When the node runs or has no blocks.
    pub fn damage_blocks(&self, region: Region) -> anyhow::Result<(PathBuf, u64)> {
        let province = self.provinces.get(&region).context("no such province")?;
        anyhow::ensure!(province.running.is_none(), "{region} still runs");
        let folder = province.options.data_dir.join("blocks");
        let mut files: Vec<PathBuf> = std::fs::read_dir(&folder)?
            .filter_map(|entry| Some(entry.ok()?.path()))
            .filter(|path| path.extension().is_some_and(|e| e == "seg"))
            .collect();
        files.sort();
        let path = files.pop().context("no block files")?;
        let mut bytes = std::fs::read(&path)?;
        let at = bytes.len() / 2;
        let byte = bytes.get_mut(at).context("no blocks yet")?;
        *byte ^= 1;
        std::fs::write(&path, bytes)?;
        Ok((path, at as u64))
    }

    /// Moves a node's damaged data aside as evidence, so that it fetches the ledger again from the
    /// other provinces, as `hefu store refetch` does.
    ///
    /// # Errors
    /// Those of the file system.
    pub fn set_data_aside(&self, region: Region) -> anyhow::Result<PathBuf> {
        let province = self.provinces.get(&region).context("no such province")?;
        let held = crate::store::aside::hold(&province.options.data_dir)?;
        let aside = held.destination("demo");
        held.set_aside(&aside)?;
        Ok(aside)
    }

    /// Services of the nodes that run.
    pub fn running(&self) -> Vec<(Region, Service)> {
        let service = |p: &Province| Some((p.region, p.service()?.clone()));
        self.provinces.values().filter_map(service).collect()
    }

    /// Waits until every running node is at least at the highest tip of them all.
    ///
    /// # Errors
    /// When they do not get there in time.
    pub async fn settle(&self, timeout: std::time::Duration) -> anyhow::Result<Height> {
        let running = self.running();
        let top = running.iter().map(|(_, service)| service.tip().height).max();
        let top = top.context("no node runs")?;
        let waits = running.iter().map(|(_, service)| service.wait_height(top));
        tokio::time::timeout(timeout, futures::future::join_all(waits))
            .await
            .with_context(|| format!("not every node reached height {top} in time"))?;
        Ok(top)
    }

    /// Stops every node.
    pub async fn stop(&mut self) {
        let regions: Vec<Region> = self.provinces.keys().copied().collect();
        for region in regions {
            if self.provinces.get(&region).is_some_and(|p| p.running.is_some())
                && let Err(error) = self.stop_node(region).await
            {
                tracing::warn!(%region, %error, "a node did not stop cleanly");
            }
        }
    }
}

/// What a node says about one height.
pub fn at_height(service: &Service, height: Height) -> Option<Tip> {
    let stored = service.block(height).ok()??;
    let header = &stored.block.header;
    Some(Tip {
        height,
        block: header.id(),
        time: header.time,
        log_size: header.log_size,
        log_root: header.log_root,
        state_root: header.state_root,
        validators: service.tip().validators,
    })
}

/// A fresh sample network: random keys, created now.
///
/// # Errors
/// When the system gives no randomness.
pub fn sample_network() -> anyhow::Result<(Genesis, SampleKeys)> {
    let mut failed = None;
    let created = Millis(wall_clock().0.saturating_sub(1));
    let made = sample::demo(created, &mut |_| {
        let mut secret = [0; 32];
        if let Err(error) = getrandom::fill(&mut secret) {
            failed = Some(error);
        }
        KeyPair::from_secret(&secret)
    });
    match failed {
        Some(error) => Err(anyhow::anyhow!("the system gives no randomness: {error}")),
        None => Ok(made?),
    }
}

/// A free loopback port: the wished one or the next that is free.
fn free_port(wished: u16) -> std::io::Result<SocketAddr> {
    let mut last = None;
    for offset in 0..100 {
        let port = if wished == 0 { 0 } else { wished.saturating_add(offset) };
        match TcpListener::bind(SocketAddr::from((Ipv4Addr::LOCALHOST, port))) {
            Ok(listener) => return listener.local_addr(),
            Err(error) => last = Some(error),
        }
    }
    Err(last.unwrap_or_else(|| std::io::ErrorKind::AddrInUse.into()))
}
