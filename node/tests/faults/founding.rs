//! A ledger of any number of provinces and what its nodes need: the four of the sample, whose
//! market regulators issue licences, and more provinces that only run a node.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use hefu_genesis::sample::{self, AuthorityKeys, PROVINCES};
use hefu_genesis::{AuthoritySeed, Genesis, MemberSeed};
use hefu_node::config::{FILE_NAME, NodeConfig, ReadAccess};
use hefu_node::keystore::{Keystore, Passphrase, Profile};
use hefu_node::runtime::wall_clock;
use hefu_primitives::codes::region::province_of;
use hefu_primitives::codes::uscc;
use hefu_primitives::hash::{Domain, hash};
use hefu_primitives::{KeyPair, Millis, Region, TypeCode};

use crate::harness::PASSPHRASE;

/// Business licences.
pub(crate) const LICENCE: &str = "11100000HEFU90025A001";
/// Where every node's interface answers, on the loopback of its own machine.
pub(crate) const API: u16 = 8421;
/// Where every node listens for its peers.
const P2P: u16 = 8431;
/// Provinces beside the four of the sample.
const MORE: [u32; 3] = [350_000, 360_000, 370_000];

/// A province, and the keys its node uses.
pub(crate) struct Founder {
    pub(crate) region: Region,
    pub(crate) validator: KeyPair,
    node: KeyPair,
}

/// The ledger before its first block.
pub(crate) struct Founding {
    pub(crate) genesis: Genesis,
    /// In the order of the validator set.
    pub(crate) founders: Vec<Founder>,
    /// Offices that may issue licences.
    pub(crate) issuers: Vec<(Region, AuthorityKeys)>,
}

fn key(purpose: &str) -> KeyPair {
    KeyPair::from_secret(&hash(Domain::Digest, &[b"key of a test ", purpose.as_bytes()]).0)
}

impl Founding {
    /// A ledger of so many provinces, of which the node of number `n` is found at `address(n)`.
    pub(crate) fn new(nodes: usize, address: impl Fn(usize) -> String) -> Self {
        assert!((4..=PROVINCES.len() + MORE.len()).contains(&nodes), "4 to 7 nodes");
        let kind: TypeCode = LICENCE.parse().expect("a type of the sample");
        let created = Millis(wall_clock().0 - 1);
        let charter = sample::charter(created).expect("the sample");
        let (mut seeds, mut founders, mut issuers) = (Vec::new(), Vec::new(), Vec::new());
        for region in PROVINCES {
            let made = sample::member(region, created, &mut |purpose| key(purpose));
            let (seed, keys) = made.expect("a province of the sample");
            let office = keys.authorities.into_iter().find(|a| a.may_issue.contains(&kind));
            issuers.push((region, office.expect("the sample has an issuer of licences")));
            founders.push(Founder { region, validator: keys.validator, node: keys.node });
            seeds.push(seed);
        }
        for number in MORE.iter().take(nodes - PROVINCES.len()) {
            let region = Region(*number);
            seeds.push(province(region));
            let [validator, node] =
                ["validator", "node"].map(|name| key(&format!("{region}/{name}")));
            founders.push(Founder { region, validator, node });
        }
        for (number, seed) in seeds.iter_mut().enumerate() {
            seed.addresses = vec![format!("{}:{P2P}", address(number))];
        }
        let genesis = Genesis::from_parts(charter, seeds).expect("a genesis");
        let own = founders.iter().map(|founder| founder.validator.public());
        assert!(genesis.validators().validators().iter().map(|v| v.key).eq(own), "in this order");
        Self { genesis, founders, issuers }
    }

    /// Prepares the home folder of one node: settings, genesis and keys.
    pub(crate) fn settle(&self, number: usize, home: &Path, address: &str) {
        let founder = &self.founders[number];
        std::fs::create_dir_all(home).expect("a home");
        let genesis = self.genesis.to_json().expect("JSON");
        std::fs::write(home.join("genesis.json"), genesis).expect("the genesis");
        let passphrase = Passphrase::new(PASSPHRASE.to_owned()).expect("a passphrase");
        let keystore = Keystore::with_profile(home.join("keys"), Profile::InsecureFast);
        let keystore = keystore.expect("a keystore");
        for (label, pair) in [("validator", &founder.validator), ("node", &founder.node)] {
            keystore.store(label, &[], pair, &passphrase).expect("a key");
        }
        let mut config = NodeConfig {
            data_dir: PathBuf::from("."),
            region: Some(founder.region),
            ..NodeConfig::default()
        };
        config.p2p.listen = format!("{address}:{P2P}").parse().expect("an address");
        config.p2p.peers = BTreeMap::new();
        config.api.listen = ([127, 0, 0, 1], API).into();
        config.api.read = ReadAccess::Open;
        config.validate().expect("settings that fit together");
        // Where the settings lie is the data folder.
        let mut text = toml::Table::try_from(&config).expect("TOML");
        text.remove("data_dir");
        std::fs::write(home.join(FILE_NAME), text.to_string()).expect("the settings");
    }
}

/// A province with a validator and an operator, and nobody who acts.
fn province(region: Region) -> MemberSeed {
    let known = province_of(region).expect("a province");
    let operator = uscc::with_checks(&format!("11{region}HEFU{:04}", region.0 / 10_000));
    let operator = operator.expect("a credit code");
    let public = |purpose: &str| key(&format!("{region}/{purpose}")).public();
    MemberSeed {
        region,
        operator,
        name_zh: known.name.to_owned(),
        name_en: known.english.to_owned(),
        validator_key: public("validator"),
        node_key: public("node"),
        governor_keys: ["governor-1", "governor-2", "governor-3"].map(public),
        addresses: Vec::new(),
        authorities: vec![AuthoritySeed {
            code: operator,
            name: format!("{}数据管理局(示例)", known.name),
            level: 2,
            region,
            central_vertical: false,
            may_issue: Vec::new(),
            may_rely: Vec::new(),
            may_handle: Vec::new(),
            keys: Vec::new(),
        }],
    }
}
