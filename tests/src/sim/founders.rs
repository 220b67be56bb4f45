//! The network that is simulated: up to ten provinces (all 31 where latency is measured), of which the four of the sample have an
//! issuing office. Made once for each number of members and shared by all runs.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::Context;
use hefu_genesis::sample::{self, AuthorityKeys, PROVINCES};
use hefu_genesis::{AuthoritySeed, Genesis, MemberSeed};
use hefu_primitives::codes::region::province_of;
use hefu_primitives::codes::uscc;
use hefu_primitives::hash::{Domain, hash};
use hefu_primitives::{KeyPair, Millis, PublicKey, Region, TypeCode, Uscc};

/// 2026-03-02T00:00:00Z: when the ledger begins.
pub(crate) const CREATED: Millis = Millis(1_772_409_600_000);
/// Business licences: plain identifiers, no end, no seal.
pub(crate) const LICENCE: &str = "11100000HEFU90025A001";
/// Provinces that join the four of the sample in larger networks.
const MORE: [u32; 6] = [350_000, 360_000, 370_000, 410_000, 420_000, 430_000];
/// The rest of the country.
const FARTHER: [u32; 21] = [
    110_000, 120_000, 130_000, 140_000, 150_000, 210_000, 220_000, 230_000, 440_000, 450_000,
    460_000, 500_000, 510_000, 520_000, 530_000, 540_000, 610_000, 620_000, 630_000, 640_000,
    650_000,
];
/// Largest network that has faults.
pub(crate) const MAX_NODES: usize = PROVINCES.len() + MORE.len();
/// Largest network.
pub(crate) const ALL_PROVINCES: usize = MAX_NODES + FARTHER.len();

/// A genesis and the keys that go with it.
#[derive(Debug)]
pub(crate) struct Founders {
    pub(crate) genesis: Arc<Genesis>,
    /// Consensus keys, by region as in the validator set.
    pub(crate) validators: Vec<KeyPair>,
    /// Offices that issue licences.
    pub(crate) issuers: Vec<(Region, AuthorityKeys)>,
    /// The provinces, in the order of their validators.
    pub(crate) provinces: Vec<Province>,
    /// One that may join; none beside ten.
    pub(crate) joiner: Option<Province>,
}

/// A province's names and keys.
#[derive(Debug)]
pub(crate) struct Province {
    pub(crate) region: Region,
    pub(crate) operator: Uscc,
    pub(crate) operator_name: String,
    pub(crate) name_zh: String,
    pub(crate) name_en: String,
    pub(crate) validator: KeyPair,
    /// The validator key that comes after it.
    pub(crate) successor: KeyPair,
    pub(crate) node: KeyPair,
    pub(crate) governors: [KeyPair; 3],
}

impl Province {
    fn new(seed: &MemberSeed) -> Self {
        let region = seed.region;
        let key = |purpose: &str| key(&format!("{region}/{purpose}"));
        Self {
            region,
            operator: seed.operator,
            operator_name: seed.authorities.first().map(|a| a.name.clone()).unwrap_or_default(),
            name_zh: seed.name_zh.clone(),
            name_en: seed.name_en.clone(),
            validator: key("validator"),
            successor: key("validator after"),
            node: key("node"),
            governors: ["governor-1", "governor-2", "governor-3"].map(key),
        }
    }
}

/// The network of so many members, 4 to [`ALL_PROVINCES`].
pub(crate) fn founders(nodes: usize) -> anyhow::Result<Arc<Founders>> {
    static MADE: Mutex<BTreeMap<usize, Arc<Founders>>> = Mutex::new(BTreeMap::new());
    let possible = 4..=ALL_PROVINCES;
    anyhow::ensure!(possible.contains(&nodes), "4 to {ALL_PROVINCES} nodes can be simulated");
    let mut made = MADE.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(founders) = made.get(&nodes) {
        return Ok(founders.clone());
    }
    let founders = Arc::new(make(nodes)?);
    made.insert(nodes, founders.clone());
    Ok(founders)
}

fn key(purpose: &str) -> KeyPair {
    KeyPair::from_secret(&hash(Domain::Digest, &[b"simulated key ", purpose.as_bytes()]).0)
}

fn make(nodes: usize) -> anyhow::Result<Founders> {
    let kind: TypeCode = LICENCE.parse()?;
    let mut charter = sample::charter(CREATED)?;
    charter.types.retain(|terms| terms.code == kind);
    charter.scenarios.clear();
    charter.agreements.clear();
    charter.items.clear();
    let (mut members, mut validators, mut issuers) = (Vec::new(), Vec::new(), Vec::new());
    for region in PROVINCES {
        let (mut seed, keys) = sample::member(region, CREATED, &mut |purpose| key(purpose))?;
        let office = keys.authorities.iter().find(|office| office.may_issue.contains(&kind));
        let office = office.context("the sample has an issuer of licences")?;
        let operator = seed.operator;
        seed.authorities.retain(|a| a.code == office.code || a.code == operator);
        seed.authorities.iter_mut().for_each(|authority| strip(authority, kind));
        issuers.push((region, office.clone()));
        validators.push(keys.validator);
        members.push(seed);
    }
    for number in MORE.iter().chain(&FARTHER).take(nodes - PROVINCES.len()) {
        let region = Region(*number);
        validators.push(key(&format!("{region}/validator")));
        members.push(province(region)?);
    }
    if nodes > MAX_NODES {
        let mut pairs: Vec<_> = members.into_iter().zip(validators).collect();
        pairs.sort_by_key(|(member, _)| member.region);
        (members, validators) = pairs.into_iter().unzip();
    }
    let provinces: Vec<Province> = members.iter().map(Province::new).collect();
    let joiner = MORE.get(nodes - PROVINCES.len());
    let joiner = joiner.map(|number| province(Region(*number))).transpose()?;
    let joiner = joiner.as_ref().map(Province::new);
    let genesis = Arc::new(Genesis::from_parts(charter, members)?);
    let own = validators.iter().map(KeyPair::public);
    let same = genesis.validators().validators().iter().map(|v| v.key).eq(own);
    anyhow::ensure!(same, "the validator set is in the order of regions");
    Ok(Founders { genesis, validators, issuers, provinces, joiner })
}

/// Keeps of a mandate what the simulated network knows: the fewer records, the more runs.
fn strip(authority: &mut AuthoritySeed, kind: TypeCode) {
    authority.may_issue.retain(|code| *code == kind);
    authority.may_rely.clear();
    authority.may_handle.clear();
}

/// A province with a validator and an operator, and nobody who acts.
fn province(region: Region) -> anyhow::Result<MemberSeed> {
    let known = province_of(region).context("no such province")?;
    let operator = uscc::with_checks(&format!("11{region}HEFU{:04}", region.0 / 10_000))?;
    let public = |purpose: &str| -> PublicKey { key(&format!("{region}/{purpose}")).public() };
    Ok(MemberSeed {
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
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_size_has_a_genesis() {
        for nodes in (4..=MAX_NODES).chain([13, ALL_PROVINCES]) {
            let made = founders(nodes).unwrap();
            assert_eq!((made.validators.len(), made.issuers.len()), (nodes, 4));
            let keys = made.provinces.iter().map(|province| province.validator.id());
            assert!(keys.eq(made.validators.iter().map(KeyPair::id)));
        }
        assert!(founders(3).is_err() && founders(ALL_PROVINCES + 1).is_err());
    }
}
