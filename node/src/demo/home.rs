//! The folders of a demonstration's provinces as `hefu init` would leave them: keys, settings, the
//! signed genesis and a passphrase, so that every command can be typed there while the nodes run.
//!
//! The passphrase lies beside the keys, and they are sealed cheaply: they are worth nothing, and gone
//! when the demonstration ends.

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::Context;
use hefu_genesis::SignedGenesis;
use hefu_genesis::sample::MemberKeys;
use hefu_primitives::KeyPair;

use super::SETTLE;
use super::cluster::{Cluster, Province};
use super::scene::play::{Actors, Ran};
use crate::config::FILE_NAME;
use crate::keystore::{Keystore, Passphrase, Profile};
use crate::runtime::Service;

/// Protects nothing: see above.
const PASSPHRASE: &str = "hefu demonstration";
/// Name of its file in a province's folder.
const PASSPHRASE_FILE: &str = "passphrase";

/// Furnishes the folder of every province.
///
/// # Errors
/// Those of the file system.
pub fn furnish(cluster: &Cluster) -> anyhow::Result<()> {
    let genesis = signed_genesis(cluster)?;
    cluster.provinces.values().try_for_each(|province| {
        let link = cluster.link(province.region);
        let furnished = furnish_one(province, &genesis, link);
        furnished.with_context(|| format!("the folder of {}", province.region))
    })
}

/// The genesis as the ceremony would end with: signed by every province's governors.
fn signed_genesis(cluster: &Cluster) -> anyhow::Result<String> {
    let mut signed = SignedGenesis::new((*cluster.genesis).clone());
    for province in cluster.provinces.values() {
        province.keys.governors.iter().try_for_each(|governor| signed.sign(governor))?;
    }
    Ok(signed.to_json()?)
}

fn furnish_one(province: &Province, genesis: &str, link: Option<SocketAddr>) -> anyhow::Result<()> {
    let folder = province.folder();
    std::fs::write(folder.join("genesis.json"), genesis)?;
    let keystore = Keystore::with_profile(folder.join("keys"), Profile::InsecureFast)?;
    let passphrase = Passphrase::new(PASSPHRASE.to_owned())?;
    for (label, pair) in labels(&province.keys) {
        keystore.store(&label, &[], pair, &passphrase)?;
    }
    std::fs::write(folder.join(PASSPHRASE_FILE), format!("{PASSPHRASE}\n"))?;
    let mut file = std::fs::File::create(folder.join(FILE_NAME))?;
    writeln!(file, "region = {}\n", province.region)?;
    if let Some(link) = link {
        writeln!(file, "[p2p]\nlisten = \"{link}\"\n")?;
    }
    writeln!(file, "[api]")?;
    writeln!(file, "listen = \"{}\"\nread = \"open\"\n\n[keystore]", province.api)?;
    writeln!(file, "passphrase_file = \"{PASSPHRASE_FILE}\"")?;
    Ok(())
}

/// The keys of a province by their labels, as `hefu genesis join --sample` names them.
fn labels(keys: &MemberKeys) -> BTreeMap<String, &KeyPair> {
    let [first, second, third] = &keys.governors;
    let own = [
        ("validator", &keys.validator),
        ("node", &keys.node),
        ("cosigner", &keys.cosigner),
        ("governor-1", first),
        ("governor-2", second),
        ("governor-3", third),
    ];
    let acting = keys.authorities.iter().flat_map(|authority| {
        authority.keys.iter().map(|(_, pair)| (authority.slug.clone(), pair))
    });
    own.into_iter().map(|(label, pair)| (label.to_owned(), pair)).chain(acting).collect()
}

/// Operators who type commands of this very program in the folder of the demonstration.
pub struct Operators {
    folder: PathBuf,
    program: PathBuf,
    nodes: Vec<Service>,
    runtime: tokio::runtime::Handle,
}

impl Operators {
    /// Operators of these nodes, whose folders lie below `folder`.
    ///
    /// # Errors
    /// When this program cannot be found, or not within a runtime.
    pub fn new(folder: &Path, cluster: &Cluster) -> anyhow::Result<Self> {
        let nodes = cluster.running().into_iter().map(|(_, service)| service).collect();
        Ok(Self {
            folder: folder.to_owned(),
            program: std::env::current_exe().context("this program")?,
            nodes,
            runtime: tokio::runtime::Handle::try_current()?,
        })
    }

    async fn reach(nodes: &[Service], within: Duration) -> Result<(), String> {
        let top = nodes.iter().map(|node| node.tip().height).max().unwrap_or_default();
        let waits = nodes.iter().map(|node| node.wait_height(top));
        let all = tokio::time::timeout(within, futures::future::join_all(waits)).await;
        all.map(drop).map_err(|_| format!("not every node reached height {top} in time"))
    }
}

impl Actors for Operators {
    fn run(&mut self, arguments: &[String]) -> io::Result<Ran> {
        let mut command = Command::new(&self.program);
        for (name, _) in std::env::vars_os() {
            if name.to_string_lossy().starts_with("HEFU_") {
                command.env_remove(name);
            }
        }
        let done = command
            .args(arguments)
            .arg("--insecure-fast-kdf")
            .current_dir(&self.folder)
            .stdin(Stdio::null())
            .output()?;
        let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
        Ok(Ran { code: done.status.code(), stdout: text(done.stdout), stderr: text(done.stderr) })
    }

    fn settle(&mut self) -> Result<(), String> {
        self.runtime.block_on(Self::reach(&self.nodes, SETTLE))
    }
}
