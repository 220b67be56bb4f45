//! The network of demonstrations: four provinces, 48 fictitious authorities, 26 certificate types,
//! four scenarios, one agreement, four service items. No person and no real body is in it.
//!
//! Everything but the keys is fixed; keys come from the caller, who is asked for one by purpose:
//! `310000/validator`, `310000/node`, `310000/cosigner`, `310000/governor-1` to `-3`, and
//! `310000-mr/acts` for an authority's acting key. With the same keys and time the same genesis comes out.

mod content;
mod keys;
pub mod programme;

use hefu_contracts::certificate::{CertTypeTerms, ConsentRule, IdPolicy, ScenarioTerms};
use hefu_contracts::certificate::{ScenarioType, Validity};
use hefu_contracts::identity::{Parameters, Role};
use hefu_contracts::recognition::{AgreementEntry, AgreementKind, EntryMode, ProposeAgreement};
use hefu_contracts::service::{CaseMode, ItemKind, ItemTerms};
use hefu_primitives::codes::region::province_of;
use hefu_primitives::hash::{Domain, hash};
use hefu_primitives::time::{DAY_MS, Day, Notice, WorkCalendar};
use hefu_primitives::{BaseCode, H32, Id16, KeyPair, Millis, Region, TypeCode};

use crate::ceremony::Draft;
use crate::document::{AuthoritySeed, Charter, KeySeed, Kind, MemberSeed};
use crate::error::{CharterFault, GenesisError};
use crate::genesis::Genesis;
use content::{Content, Department, SampleAuthority, SampleItem, SampleType};

pub use keys::{AuthorityKeys, MemberKeys, SampleKeys};

/// The four founding provinces: Shanghai, Jiangsu, Zhejiang, Anhui.
pub const PROVINCES: [Region; 4] =
    [Region(310_000), Region(320_000), Region(330_000), Region(340_000)];
/// Id of the agreement that is in force from the start.
pub const AGREEMENT: Id16 = Id16(*b"hefu-sample-mra1");
/// The sample data, as delivered.
pub const CONTENT: &str = include_str!("../../sample.json");

/// Public holidays of 2027 by the festivals' days; the notice with its make-up days was not out
/// when this was written, and a sample needs none.
const HOLIDAYS_2027: Notice<'static> = Notice {
    year: 2027,
    holidays: &[
        ((1, 1), (1, 3)),
        ((2, 5), (2, 11)),
        ((4, 3), (4, 5)),
        ((5, 1), (5, 5)),
        ((6, 9), (6, 9)),
        ((9, 15), (9, 15)),
        ((10, 1), (10, 7)),
    ],
    make_up: &[],
};

/// The demonstration network with all its keys; without addresses to dial.
///
/// # Errors
/// When `created` is out of range or `keys` gives one key for two purposes.
pub fn demo(
    created: Millis,
    keys: &mut impl FnMut(&str) -> KeyPair,
) -> Result<(Genesis, SampleKeys), GenesisError> {
    let (mut members, mut kept) = (Vec::new(), Vec::new());
    for region in PROVINCES {
        let (seed, pairs) = member(region, created, keys)?;
        members.push(seed);
        kept.push(pairs);
    }
    let genesis = Genesis::from_parts(charter(created)?, members)?;
    Ok((genesis, SampleKeys { members: kept }))
}

/// The draft of the demonstration network, for a ceremony among its provinces.
///
/// # Errors
/// As [`charter`].
pub fn draft(created: Millis) -> Result<Draft, GenesisError> {
    Ok(Draft::new(charter(created)?, PROVINCES.to_vec()))
}

/// What the sample provinces agree on.
///
/// # Errors
/// Never for the sample as delivered.
pub fn charter(created: Millis) -> Result<Charter, GenesisError> {
    let content = Content::read(CONTENT)?;
    let scenarios = scenarios(&content)?;
    let types: Vec<CertTypeTerms> = content.types().map(type_terms).collect();
    let agreement = agreement(created, &types, &scenarios);
    Ok(Charter {
        name_zh: "长三角跨区域信任账本(示例)".to_owned(),
        name_en: "Yangtze delta trust ledger (sample)".to_owned(),
        kind: Kind::Demo,
        created,
        parameters: Parameters { fictitious: true, ..Parameters::default() },
        types,
        scenarios,
        calendars: calendars()?,
        agreements: vec![agreement],
        items: content.items().filter_map(item_terms).collect(),
    })
}

/// One province of the sample with its keys; without addresses to dial.
///
/// # Errors
/// When `region` is none of [`PROVINCES`].
pub fn member(
    region: Region,
    created: Millis,
    keys: &mut impl FnMut(&str) -> KeyPair,
) -> Result<(MemberSeed, MemberKeys), GenesisError> {
    let content = Content::read(CONTENT)?;
    let unknown = GenesisError::Member { region, fault: crate::MemberFault::Region };
    let province = province_of(region).ok_or(unknown.clone())?;
    let operator = content.operator(region).ok_or(unknown)?;
    let validator = keys(&format!("{region}/validator"));
    let node = keys(&format!("{region}/node"));
    let cosigner = keys(&format!("{region}/cosigner"));
    let governors = [1, 2, 3].map(|number| keys(&format!("{region}/governor-{number}")));
    let (mut authorities, mut kept) = (Vec::new(), Vec::new());
    for sample in content.authorities_of(region) {
        let pair = keys(&format!("{}/acts", sample.slug));
        let mut seed = authority(sample, &content, created, &pair);
        if sample.code == operator {
            seed.keys.push(key_seed(&cosigner, vec![Role::Cosigner], created));
        }
        kept.push(AuthorityKeys {
            code: sample.code,
            slug: sample.slug.clone(),
            name: sample.name_zh.clone(),
            may_issue: seed.may_issue.clone(),
            keys: vec![(roles(sample.department()), pair)],
        });
        authorities.push(seed);
    }
    let seed = MemberSeed {
        region,
        operator,
        name_zh: province.name.to_owned(),
        name_en: province.english.to_owned(),
        validator_key: validator.public(),
        node_key: node.public(),
        governor_keys: [0, 1, 2]
            .map(|i: usize| governors.get(i).map_or(node.public(), KeyPair::public)),
        addresses: Vec::new(),
        authorities,
    };
    let authorities = kept;
    Ok((seed, MemberKeys { region, operator, validator, node, cosigner, governors, authorities }))
}

fn key_seed(pair: &KeyPair, roles: Vec<Role>, created: Millis) -> KeySeed {
    let term = DAY_MS.saturating_mul(u64::from(Parameters::default().key_term_days));
    let not_after = Millis(created.0.saturating_add(term));
    KeySeed { key: pair.public(), roles, not_before: created, not_after }
}

fn authority(
    sample: &SampleAuthority,
    content: &Content,
    created: Millis,
    pair: &KeyPair,
) -> AuthoritySeed {
    let department = sample.department();
    let watching = department == Department::Watching;
    let items: Vec<BaseCode> = content.items().map(|item| item.base_code).collect();
    let province = sample.code.region().unwrap_or_default().province();
    AuthoritySeed {
        code: sample.code,
        name: sample.name_zh.clone(),
        level: 2,
        region: province,
        central_vertical: false,
        may_issue: content.issued_by(department),
        may_rely: if watching { Vec::new() } else { SCENARIOS.map(|plan| plan.id).to_vec() },
        may_handle: if watching { Vec::new() } else { items },
        keys: vec![key_seed(pair, roles(department), created)],
    }
}

fn roles(department: Department) -> Vec<Role> {
    use Role::{Auditor, Consumer, Handler, Issuer, Provider, Verifier, Window};
    match department {
        Department::Issuing(_) => vec![Issuer, Verifier, Provider, Consumer, Window, Handler],
        Department::Data => vec![Verifier, Provider, Consumer, Window],
        Department::Watching => vec![Auditor],
    }
}

fn type_terms(sample: &SampleType) -> CertTypeTerms {
    let personal = sample.holder_class.is_personal();
    let schema = format!("hefu sample schema {} 1", sample.code);
    CertTypeTerms {
        code: sample.code,
        version: 1,
        name_zh: sample.name_zh.clone(),
        name_en: sample.name_en.clone(),
        holder_class: sample.holder_class,
        holder_codes: sample.holder_code_types.iter().filter_map(|c| c.parse().ok()).collect(),
        id_policy: if personal { IdPolicy::Committed } else { IdPolicy::Plain },
        schema_digest: hash(Domain::Digest, &[schema.as_bytes()]),
        canon_version: 1,
        seal_required: false,
        validity: match sample.validity_years {
            0 => Validity::None,
            years => Validity::Years(years),
        },
        standard_digest: H32::ZERO,
        lead: Region(310_000),
    }
}

/// A scenario of the sample: which types are relied on in the item that a province leads.
struct Plan {
    id: u32,
    lead: &'static str,
    types: &'static [&'static str],
    freshness_s: u32,
    consent: ConsentRule,
}

#[rustfmt::skip]
const SCENARIOS: [Plan; 4] = [
    Plan { id: 101, lead: "310000", freshness_s: 900, consent: ConsentRule::Statutory, types: &[
        "机动车驾驶证", "机动车行驶证", "道路运输证", "道路运输经营许可证", "居民身份证",
    ] },
    Plan { id: 201, lead: "320000", freshness_s: 86_400, consent: ConsentRule::Holder, types: &[
        "营业执照", "社会团体法人登记证书", "居民身份证", "不动产权证书", "二级建造师注册证书",
        "建筑施工企业安全生产许可证", "建筑施工企业安全生产管理人员考核合格证书",
        "专业技术人员职业资格证书",
    ] },
    Plan { id: 301, lead: "330000", freshness_s: 86_400, consent: ConsentRule::Holder, types: &[
        "居民身份证", "居民户口簿", "居住证", "结婚证", "离婚证", "出生医学证明",
        "普通高等学校毕业证书", "不动产权证书", "社会保障卡", "就业创业证", "医疗保障电子凭证",
    ] },
    Plan { id: 401, lead: "340000", freshness_s: 86_400, consent: ConsentRule::Holder, types: &[
        "营业执照", "食品经营许可证", "食品生产许可证", "药品经营许可证",
        "医疗机构执业许可证", "医师执业证书",
    ] },
];

fn scenarios(content: &Content) -> Result<Vec<ScenarioTerms>, GenesisError> {
    let scenario = |plan: &Plan| {
        let listed = content.types().filter(|kind| plan.types.contains(&kind.name_zh.as_str()));
        let item = content.items().find(|item| item.lead == plan.lead)?;
        Some(ScenarioTerms {
            id: plan.id,
            item: item.base_code,
            types: listed.map(|kind| ScenarioType { code: kind.code, min_version: 1 }).collect(),
            freshness_s: plan.freshness_s,
            consent: plan.consent,
            seal_check: false,
        })
    };
    let missing = |id| CharterFault::Scenario { id, fault: crate::error::ScenarioFault::Types };
    SCENARIOS.iter().map(|plan| Ok(scenario(plan).ok_or(missing(plan.id))?)).collect()
}

/// How the item that a province leads is handled: modes, working days of the law, promised, and of
/// the longest pause.
const ITEMS: [(&str, &[CaseMode], [u16; 3]); 4] = [
    ("310000", &[CaseMode::Online], [1, 0, 0]),
    ("320000", &[CaseMode::Online, CaseMode::Proxy, CaseMode::Joint], [15, 5, 10]),
    ("330000", &[CaseMode::Online, CaseMode::Proxy, CaseMode::Joint], [20, 7, 10]),
    ("340000", &[CaseMode::Online, CaseMode::Proxy], [10, 5, 0]),
];

/// The four items of the programme's start, one led by each province.
fn item_terms(sample: &SampleItem) -> Option<ItemTerms> {
    let (_, modes, [legal_days, promise_days, pause_days]) =
        ITEMS.into_iter().find(|(lead, ..)| *lead == sample.lead)?;
    let scenario = SCENARIOS.iter().find(|plan| plan.lead == sample.lead)?;
    let base = sample.base_code;
    let text =
        |what: &str| hash(Domain::Digest, &[format!("hefu sample {what} {base}").as_bytes()]);
    Some(ItemTerms {
        base,
        version: 1,
        name: sample.name_zh.clone(),
        lead: sample.lead.parse().ok()?,
        participants: PROVINCES.to_vec(),
        modes: modes.to_vec(),
        kind: if legal_days == 1 { ItemKind::Instant } else { ItemKind::Promise },
        legal_days,
        promise_days,
        pause_days,
        materials_digest: text("materials"),
        guide_digest: text("guide"),
        standard_digest: text("standard"),
        scenarios: vec![scenario.id],
    })
}

fn agreement(
    created: Millis,
    types: &[CertTypeTerms],
    scenarios: &[ScenarioTerms],
) -> ProposeAgreement {
    let covering = |code: TypeCode| {
        let covers = |s: &&ScenarioTerms| s.types.iter().any(|listed| listed.code == code);
        scenarios.iter().filter(covers).map(|scenario| scenario.id).collect()
    };
    let entry = |terms: &CertTypeTerms| AgreementEntry {
        type_code: terms.code,
        min_version: 1,
        scenarios: covering(terms.code),
        mode: EntryMode::Full,
    };
    ProposeAgreement {
        id: AGREEMENT,
        amends: None,
        version: 1,
        kind: AgreementKind::Multi,
        parties: PROVINCES.to_vec(),
        entries: types.iter().map(entry).collect(),
        effective: Day::of_beijing(created),
        until: None,
        dispute_days: 10,
        legal_digest: hash(Domain::Digest, &["长三角电子证照互认协议(示例)".as_bytes()]),
    }
}

fn calendars() -> Result<Vec<WorkCalendar>, GenesisError> {
    let calendar = |notice: &Notice<'_>| {
        notice.calendar().map_err(|_| CharterFault::RepeatedCalendar(notice.year))
    };
    Ok(vec![calendar(&Notice::FOR_2026)?, calendar(&HOLIDAYS_2027)?])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{CREATED, demo};
    use std::collections::BTreeSet;

    #[test]
    fn size_of_the_sample() {
        let (genesis, keys) = demo();
        let charter = genesis.charter();
        assert_eq!((charter.types.len(), charter.scenarios.len()), (26, 4));
        assert_eq!(
            charter.calendars.iter().map(WorkCalendar::year).collect::<Vec<_>>(),
            [2026, 2027]
        );
        assert_eq!(keys.authorities().count(), 48);
        assert_eq!(keys.members.len(), 4);
    }

    /// Every identifier of the sample names an issuer with the mandate for its type, and every
    /// type has exactly one issuer in each province.
    #[test]
    fn every_certificate_has_its_issuer() {
        let (genesis, keys) = demo();
        for region in PROVINCES {
            for terms in &genesis.charter().types {
                let member = keys.member(region).unwrap();
                let issuers =
                    member.authorities.iter().filter(|a| a.may_issue.contains(&terms.code)).count();
                assert_eq!(issuers, 1, "{region} {}", terms.name_zh);
            }
        }
        let content: serde_json::Value = serde_json::from_str(CONTENT).unwrap();
        for listed in content["identifiers"].as_array().unwrap() {
            let identifier: hefu_primitives::codes::Identifier =
                listed["identifier"].as_str().unwrap().parse().unwrap();
            let (_, issuer) = genesis.authority(identifier.issuer()).unwrap();
            assert!(issuer.may_issue.contains(&identifier.type_code()), "{identifier}");
        }
    }

    #[test]
    fn scenarios_and_the_agreement_cover_every_type() {
        let genesis = demo().0;
        let charter = genesis.charter();
        let agreement = &charter.agreements[0];
        let all: BTreeSet<TypeCode> = charter.types.iter().map(|terms| terms.code).collect();
        let in_scenarios: BTreeSet<TypeCode> =
            charter.scenarios.iter().flat_map(|s| s.types.iter().map(|t| t.code)).collect();
        assert_eq!(in_scenarios, all);
        assert_eq!(agreement.entries.len(), 26);
        assert!(agreement.entries.iter().all(|entry| !entry.scenarios.is_empty()));
        for (plan, scenario) in SCENARIOS.iter().zip(&charter.scenarios) {
            assert_eq!(plan.types.len(), scenario.types.len(), "a misspelt name in {}", plan.id);
        }
    }

    #[test]
    fn watching_authorities_only_watch() {
        let (genesis, keys) = demo();
        let audit = keys.member(Region(310_000)).unwrap().department("audit").unwrap();
        assert!(audit.key_for(Role::Auditor).is_some() && audit.key_for(Role::Issuer).is_none());
        let seed = genesis.authority(audit.code).unwrap().1;
        assert!(seed.may_rely.is_empty() && seed.may_handle.is_empty());
        let police = keys.member(Region(310_000)).unwrap().department("310000-ps").unwrap();
        assert!(police.key_for(Role::Issuer).is_some());
    }

    #[test]
    fn each_province_leads_one_item_that_is_live_from_the_start() {
        let genesis = demo().0;
        let mut state = hefu_contracts::state::MemoryState::default();
        state.apply(&genesis.initial_writes());
        let items = &genesis.charter().items;
        let leads: BTreeSet<Region> = items.iter().map(|item| item.lead).collect();
        assert_eq!(leads, BTreeSet::from(PROVINCES));
        for item in items {
            let live = hefu_contracts::service::current_terms(&state, &item.base).unwrap();
            assert_eq!(live.state(), hefu_contracts::service::ItemState::Live, "{}", item.name);
            assert_eq!(live.missing().count(), 0);
        }
    }

    #[test]
    fn calendars_are_those_of_the_years() {
        let charter = charter(CREATED).unwrap();
        let days: Vec<u32> = charter.calendars.iter().map(WorkCalendar::count).collect();
        assert_eq!(days, [248, 244]);
    }

    #[test]
    fn unknown_provinces_have_no_sample() {
        let refused = member(Region(350_000), CREATED, &mut crate::testing::key);
        assert!(matches!(refused, Err(GenesisError::Member { .. })));
    }
}
