//! A ledger of any number of provinces and what its nodes need: the four of the sample, whose
//! offices issue licences, and more provinces that only run a node.

use std::net::SocketAddr;
use std::path::Path;

use anyhow::Context;
use hefu_genesis::sample::{self, AuthorityKeys};
use hefu_genesis::{AuthoritySeed, Genesis, MemberSeed};
use hefu_primitives::codes::region::{PROVINCES, Province};
use hefu_primitives::codes::uscc;
use hefu_primitives::{KeyPair, Millis, Region, TypeCode};

use crate::config::{FILE_NAME, NodeConfig, ReadAccess};
use crate::keystore::{Keystore, Passphrase, Profile};
use crate::runtime::wall_clock;

/// Business licences.
pub const LICENCE: &str = "11100000HEFU90025A001";

/// A province, and the keys its node uses.
pub struct Founder {
    /// The province.
    pub region: Region,
    /// The consensus key.
    pub validator: KeyPair,
    node: KeyPair,
}

/// The ledger before its first block.
pub struct Founding {
    /// The genesis.
    pub genesis: Genesis,
    /// In the order of the validator set.
    pub founders: Vec<Founder>,
    /// Offices that may issue licences, with their provinces.
    pub issuers: Vec<(Region, AuthorityKeys)>,
}

/// Where a node is found.
#[derive(Clone, Copy, Debug)]
pub struct Doors {
    /// By its peers.
    pub p2p: SocketAddr,
    /// By clients.
    pub api: SocketAddr,
}

impl Founding {
    /// A ledger of so many provinces, of which the node of number `n` is found by its peers at
    /// `address(n)`; `key` makes the key of a purpose.
    ///
    /// # Errors
    /// With fewer than four provinces, or more than there are.
    pub fn new(
        nodes: usize,
        address: impl Fn(usize) -> String,
        key: impl Fn(&str) -> KeyPair,
    ) -> anyhow::Result<Self> {
        let kind: TypeCode = LICENCE.parse()?;
        let created = Millis(wall_clock().0.saturating_sub(1));
        let (mut seeds, mut founders, mut issuers) = (Vec::new(), Vec::new(), Vec::new());
        for region in sample::PROVINCES {
            let (seed, keys) = sample::member(region, created, &mut |purpose| key(purpose))?;
            let office = keys.authorities.into_iter().find(|a| a.may_issue.contains(&kind));
            issuers.push((region, office.context("the sample has no issuer of licences")?));
            founders.push(Founder { region, validator: keys.validator, node: keys.node });
            seeds.push(seed);
        }
        // After Anhui first, so that a small ledger keeps the order of the sample.
        let (before, after): (Vec<&Province>, Vec<&Province>) =
            PROVINCES.iter().partition(|province| province.code < sample::PROVINCES[0]);
        let others = after.into_iter().chain(before);
        let others =
            others.filter(|province: &&Province| !sample::PROVINCES.contains(&province.code));
        for province in others.take(nodes.saturating_sub(sample::PROVINCES.len())) {
            let pair = |name: &str| key(&format!("{}/{name}", province.code));
            seeds.push(bystander(province, &pair)?);
            let (validator, node) = (pair("validator"), pair("node"));
            founders.push(Founder { region: province.code, validator, node });
        }
        anyhow::ensure!(seeds.len() == nodes, "a ledger has 4 to 31 provinces");
        seeds.sort_by_key(|seed| seed.region);
        founders.sort_by_key(|founder| founder.region);
        for (number, seed) in seeds.iter_mut().enumerate() {
            seed.addresses = vec![address(number)];
        }
        let genesis = Genesis::from_parts(sample::charter(created)?, seeds)?;
        let own = founders.iter().map(|founder| founder.validator.public());
        let set = genesis.validators();
        anyhow::ensure!(set.validators().iter().map(|v| v.key).eq(own), "another order");
        Ok(Self { genesis, founders, issuers })
    }

    /// Prepares the home folder of one node: settings, genesis and keys.
    ///
    /// # Errors
    /// When the folder cannot be written.
    pub fn settle(
        &self,
        number: usize,
        home: &Path,
        doors: Doors,
        passphrase: &str,
    ) -> anyhow::Result<()> {
        let founder = self.founders.get(number).context("no such province")?;
        std::fs::create_dir_all(home)?;
        std::fs::write(home.join("genesis.json"), self.genesis.to_json()?)?;
        let passphrase = Passphrase::new(passphrase.to_owned())?;
        // The keys sign for nobody, and go with the run.
        let keystore = Keystore::with_profile(home.join("keys"), Profile::InsecureFast)?;
        for (label, pair) in [("validator", &founder.validator), ("node", &founder.node)] {
            keystore.store(label, &[], pair, &passphrase)?;
        }
        let mut config = NodeConfig {
            data_dir: ".".into(),
            region: Some(founder.region),
            ..NodeConfig::default()
        };
        config.p2p.listen = doors.p2p;
        config.api.listen = doors.api;
        config.api.read = ReadAccess::Open;
        config.api.submissions_per_second = 1_000_000;
        // What auditors ask is indexed beside the ledger, and measured by itself.
        config.audit.index = String::new();
        config.validate()?;
        // Where the settings lie is the data folder.
        let mut text = toml::Table::try_from(&config)?;
        text.remove("data_dir");
        std::fs::write(home.join(FILE_NAME), text.to_string())?;
        Ok(())
    }
}

/// A province with a validator and an operator, and nobody who acts.
fn bystander(province: &Province, key: &dyn Fn(&str) -> KeyPair) -> anyhow::Result<MemberSeed> {
    let region = province.code;
    let operator = uscc::with_checks(&format!("11{region}HEFU{:04}", region.0 / 10_000));
    let operator = operator.context("no credit code")?;
    let public = |purpose: &str| key(purpose).public();
    Ok(MemberSeed {
        region,
        operator,
        name_zh: province.name.to_owned(),
        name_en: province.english.to_owned(),
        validator_key: public("validator"),
        node_key: public("node"),
        governor_keys: ["governor-1", "governor-2", "governor-3"].map(public),
        addresses: Vec::new(),
        authorities: vec![AuthoritySeed {
            code: operator,
            name: format!("{}数据管理局(示例)", province.name),
            level: 2,
            region,
            central_vertical: false,
            may_issue: Vec::new(),
            may_rely: Vec::new(),
            may_handle: Vec::new(),
            keys: Vec::new(),
        }],
    })
}
