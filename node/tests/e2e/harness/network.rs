//! A ledger of four provinces, founded through the command line and run by four processes.

use std::path::{Path, PathBuf};

use hefu_node::keystore::{Keystore, Passphrase};
use hefu_primitives::{ChainId, KeyPair};
use serde_json::Value;

use super::cli::Hefu;
use super::http::Http;
use super::node::NodeProcess;
use super::{PASSPHRASE, SOON, Scratch, free_port, wait_for};

/// The four founding provinces.
pub(crate) const REGIONS: [&str; 4] = ["310000", "320000", "330000", "340000"];

/// One province: its home folder with keys, vault and data, and its node while it runs.
pub(crate) struct Province {
    pub(crate) region: &'static str,
    pub(crate) home: PathBuf,
    pub(crate) p2p: u16,
    pub(crate) api: u16,
    pub(crate) node: Option<NodeProcess>,
}

/// The ledger and its provinces.
pub(crate) struct Network {
    pub(crate) scratch: Scratch,
    pub(crate) genesis: PathBuf,
    pub(crate) hash: String,
    pub(crate) provinces: Vec<Province>,
}

impl Province {
    /// A command of this province's operator.
    pub(crate) fn hefu(&self, arguments: &[&str]) -> Hefu {
        let home = Hefu::new(&self.home).arg("--data-dir").arg(&self.home);
        home.arg("--insecure-fast-kdf").args(arguments)
    }

    /// The node's interface.
    pub(crate) fn http(&self) -> Http {
        Http::new(self.api)
    }

    /// The node, which runs.
    #[track_caller]
    pub(crate) fn node(&mut self) -> &mut NodeProcess {
        self.node.as_mut().expect("the node runs")
    }

    /// Starts the node without waiting for it.
    pub(crate) fn start(&mut self) {
        self.node = Some(NodeProcess::start(&self.home, self.api));
    }

    /// A secret key of the province, by its label.
    pub(crate) fn key(&self, label: &str) -> KeyPair {
        let passphrase = Passphrase::new(PASSPHRASE.to_owned()).expect("a passphrase");
        let keystore = Keystore::open(self.home.join("keys")).expect("a keystore");
        keystore.load(label, &passphrase).expect("a key")
    }
}

impl Network {
    /// Holds the ceremony and prepares the four nodes; none runs yet.
    pub(crate) fn found(name: &str) -> Self {
        let scratch = Scratch::new(name);
        let provinces: Vec<Province> = REGIONS
            .iter()
            .map(|region| {
                let home = scratch.join(region);
                std::fs::create_dir(&home).expect("a home");
                Province { region, home, p2p: free_port(), api: free_port(), node: None }
            })
            .collect();
        let genesis = scratch.join("genesis.json");
        let hash = ceremony(scratch.path(), &provinces, &genesis, &[]);
        let network = Self { scratch, genesis, hash, provinces };
        for province in &network.provinces {
            init(province, &network.genesis).exits(0);
        }
        network
    }

    /// As [`Network::found`], with all nodes running and ready.
    pub(crate) fn start(name: &str) -> Self {
        let mut network = Self::found(name);
        for province in &mut network.provinces {
            province.start();
        }
        for province in &mut network.provinces {
            province.node().wait_ready();
        }
        network
    }

    /// The chain id.
    pub(crate) fn chain(&self) -> ChainId {
        self.hash.parse().expect("a chain id")
    }

    /// A province by its code.
    #[track_caller]
    pub(crate) fn province(&mut self, region: &str) -> &mut Province {
        let mut provinces = self.provinces.iter_mut();
        provinces.find(|province| province.region == region).expect("a province of the sample")
    }

    /// Waits until every node that runs has a block at `height`.
    #[track_caller]
    pub(crate) fn wait_height(&self, height: u64) {
        for province in self.provinces.iter().filter(|province| province.node.is_some()) {
            wait_for(&format!("{} at height {height}", province.region), SOON, || {
                province.http().height().filter(|at| *at >= height)
            });
        }
    }

    /// Waits until every node that runs has the last block of any of them; gives its height.
    #[track_caller]
    pub(crate) fn settle(&self) -> u64 {
        let running = self.provinces.iter().filter(|province| province.node.is_some());
        let top = running.filter_map(|province| province.http().height()).max();
        let height = top.expect("a node runs");
        self.wait_height(height);
        height
    }

    /// What every running node says of one height: block id, log root and state root. All must
    /// say the same.
    #[track_caller]
    pub(crate) fn assert_agreement(&self) -> (u64, String) {
        let height = self.settle();
        let mut said = None;
        for province in self.provinces.iter().filter(|province| province.node.is_some()) {
            let block = province.http().json(&format!("/api/v1/blocks/{height}"));
            let header = &block["header"];
            let of_node =
                [&block["block_id"], &header["log_root"], &header["state_root"], &header["parent"]]
                    .map(|value| value.as_str().unwrap_or_default().to_owned());
            assert!(of_node.iter().all(|root| root.len() == 64), "{block}");
            let expected = said.get_or_insert_with(|| of_node.clone());
            assert_eq!(&of_node, expected, "{} differs at height {height}", province.region);
        }
        let [block, ..] = said.expect("a node runs");
        (height, block)
    }
}

/// Every step of the founding: draft, four contributions from four homes, assembly, signatures by
/// each province's own governors, verification. Gives the hash.
#[track_caller]
pub(crate) fn ceremony(
    folder: &Path,
    provinces: &[Province],
    genesis: &Path,
    options: &[&str],
) -> String {
    let draft = genesis.with_extension("draft.json");
    let made = Hefu::new(folder).args(["genesis", "new", "--sample", "-O"]).arg(&draft);
    let made = made.args(options).json();
    let member = |province: &Province| {
        let name = format!("{}.member.json", province.region);
        genesis.with_extension(name)
    };
    for province in provinces {
        let address = format!("127.0.0.1:{}", province.p2p);
        let join = province.hefu(&["genesis", "join", "--sample", province.region]);
        let joined = join.args(["--address", &address, "--draft"]).arg(&draft);
        let joined = joined.arg("-O").arg(member(province)).json();
        assert_eq!(joined["draft"], made["draft"], "everybody joins the same draft");
    }
    let assemble = Hefu::new(folder).args(["genesis", "assemble", "--draft"]).arg(&draft);
    let assembled = assemble.arg("-O").arg(genesis).args(provinces.iter().map(member)).json();
    // Unsigned, it does not pass.
    Hefu::new(folder).args(["genesis", "verify"]).arg(genesis).run().exits(3);
    for province in provinces {
        let signed = province.hefu(&["genesis", "sign"]).arg(genesis).json();
        assert_eq!(signed["genesis"], assembled["genesis"]);
    }
    let hash = assembled["genesis"].as_str().expect("a hash").to_owned();
    let verified = Hefu::new(folder).args(["genesis", "verify"]).arg(genesis);
    let verified = verified.args(["--hash", &hash]).json();
    assert_eq!(verified["complete"], true, "{verified}");
    let told: Value = Hefu::new(folder).args(["genesis", "hash"]).arg(genesis).json();
    assert_eq!(told["hash"], hash.as_str());
    hash
}

/// `hefu init` in the province's home, with ports of the test and reading open on loopback.
fn init(province: &Province, genesis: &Path) -> super::cli::Outcome {
    let init = province.hefu(&["init", "--province", province.region, "--genesis"]).arg(genesis);
    let (p2p, api) = (format!("127.0.0.1:{}", province.p2p), format!("127.0.0.1:{}", province.api));
    let init = init.args(["--p2p-listen", &p2p, "--api-listen", &api, "--open-reading"]);
    init.run()
}
