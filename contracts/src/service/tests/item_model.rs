//! Random proposals, consents and changes of state of one item, by governors of all provinces,
//! compared with a model of §3.11 that shares no code with the contracts.

use super::*;
use crate::act::Act;
use proptest::prelude::*;
use std::collections::BTreeMap;

#[derive(Clone, Copy, Debug)]
enum Op {
    Propose { lead: usize, version: u16, days: u16, promise: u16, fourth: bool },
    Agree { lead: usize, version: u16, right: bool },
    Set { version: u16, state: usize, reason: u16 },
}

const WORDS: [&str; 5] = ["proposed", "agreed", "live", "suspended", "retired"];
const STATES: [ItemState; 5] = [
    ItemState::Proposed,
    ItemState::Agreed,
    ItemState::Live,
    ItemState::Suspended,
    ItemState::Retired,
];

/// Who signs, with which governor, and what.
fn ops() -> impl Strategy<Value = Vec<(usize, usize, Op)>> {
    let version = 1u16..4;
    let lead = prop_oneof![5 => Just(0usize), 1 => Just(1usize)];
    let op = prop_oneof![
        3 => (lead.clone(), version.clone(), 4u16..6, 3u16..6, any::<bool>()).prop_map(
            |(lead, version, days, promise, fourth)| Op::Propose { lead, version, days, promise, fourth }
        ),
        12 => (lead, version.clone(), prop::bool::weighted(0.9))
            .prop_map(|(lead, version, right)| Op::Agree { lead, version, right }),
        6 => (version, prop_oneof![4 => Just(2usize), 2 => Just(3), 1 => Just(4), 1 => 0usize..2], 0u16..3)
            .prop_map(|(version, state, reason)| Op::Set { version, state, reason }),
    ];
    let step = (0usize..4, 0usize..3, op);
    // Most agreements come from all sides at once, or few versions would ever be agreed.
    let step = prop_oneof![
        5 => step.prop_map(|step| vec![step]),
        1 => (1u16..4).prop_map(|version| {
            let all = (0..4).flat_map(|by| [(by, 0), (by, 1)]);
            all.map(|(by, who)| (by, who, Op::Agree { lead: 0, version, right: true })).collect()
        }),
        1 => (1u16..4, 0usize..5, 0u16..2).prop_map(|(version, state, reason)| {
            let op = Op::Set { version, state, reason };
            vec![(0, 0, op), (0, 2, op)]
        }),
    ];
    prop::collection::vec(step, 8..50).prop_map(|all| all.concat())
}

#[derive(Clone, Debug)]
struct Version {
    days: u16,
    promise: u16,
    fourth: bool,
    consents: Vec<usize>,
    state: &'static str,
}

#[derive(Debug, Default)]
struct Model {
    /// By lead and number.
    versions: BTreeMap<(usize, u16), Version>,
    /// The lead, the last agreed version and the one in use, once a version is agreed.
    item: Option<(usize, u16, Option<u16>)>,
    /// Governors of a province who signed the same act and wait for a second.
    waiting: BTreeMap<(usize, Vec<u8>), Vec<usize>>,
}

impl Model {
    /// Two of three governors; the same one twice is refused.
    fn signed(&mut self, by: usize, who: usize, act: &Act) -> Result<bool, Code> {
        use hefu_primitives::codec::Canonical;
        let key = (by, act.to_bytes());
        let signers = self.waiting.entry(key.clone()).or_default();
        if signers.contains(&who) {
            return Err(Code::AlreadyEndorsed);
        }
        signers.push(who);
        let done = signers.len() == 2;
        if done {
            self.waiting.remove(&key);
        }
        Ok(done)
    }

    fn step(&mut self, by: usize, who: usize, op: &Op, act: &Act) -> Result<(), Code> {
        match *op {
            Op::Propose { lead, version, days, promise, fourth } => {
                let led_by_another = self.item.is_some_and(|(of, ..)| of != lead);
                if by != lead || led_by_another {
                    return Err(Code::NotLead);
                }
                if version != self.item.map_or(0, |(_, latest, _)| latest) + 1 {
                    return Err(Code::ItemVersionNotNext);
                }
                if promise > days {
                    return Err(Code::PromiseExceedsLegal);
                }
                let consents = Vec::new();
                let fresh = Version { days, promise, fourth, consents, state: "proposed" };
                self.versions.insert((lead, version), fresh);
                Ok(())
            }
            Op::Agree { lead, version, right } => self.agree(by, who, (lead, version, right), act),
            Op::Set { version, state, reason } => {
                self.set(by, who, (version, WORDS[state], reason), act)
            }
        }
    }

    fn agree(
        &mut self,
        by: usize,
        who: usize,
        (lead, version, right): (usize, u16, bool),
        act: &Act,
    ) -> Result<(), Code> {
        let found = self.versions.get(&(lead, version)).ok_or(Code::UnknownItem)?.clone();
        let parties = if found.fourth { 4 } else { 3 };
        if by >= parties {
            return Err(Code::NotParticipant);
        }
        if !right {
            return Err(Code::ItemTermsDiffer);
        }
        if found.state != "proposed" {
            return Err(Code::ItemState);
        }
        if self.item.is_some_and(|(of, ..)| of != lead) {
            return Err(Code::NotLead);
        }
        if found.consents.contains(&by) {
            return Err(Code::AlreadyEndorsed);
        }
        if !self.signed(by, who, act)? {
            return Ok(());
        }
        let version_of = self.versions.get_mut(&(lead, version)).unwrap();
        version_of.consents.push(by);
        if version_of.consents.len() == parties {
            version_of.state = "agreed";
            let current = self.item.and_then(|(_, _, current)| current);
            self.item = Some((lead, version, current));
        }
        Ok(())
    }

    fn set(
        &mut self,
        by: usize,
        who: usize,
        (version, to, reason): (u16, &'static str, u16),
        act: &Act,
    ) -> Result<(), Code> {
        let found = self.versions.get(&(by, version)).map(|version| version.state);
        let (lead, latest, current) = match (self.item, found) {
            (Some((lead, ..)), _) if lead != by => return Err(Code::NotLead),
            (Some(item), Some(_)) => item,
            (None, Some(_)) => return Err(Code::NotAllConsent),
            (_, None) => return Err(Code::UnknownItem),
        };
        match (found.unwrap(), to) {
            ("proposed", _) => return Err(Code::NotAllConsent),
            ("agreed", "live") if version == latest => {}
            ("suspended", "live") | ("live", "suspended") => {}
            ("agreed" | "live" | "suspended", "retired") => {}
            _ => return Err(Code::ItemState),
        }
        if to != "live" && reason == 0 {
            return Err(Code::ReasonRequired);
        }
        if !self.signed(by, who, act)? {
            return Ok(());
        }
        if to == "live"
            && let Some(before) = current.filter(|before| *before != version)
        {
            self.versions.get_mut(&(lead, before)).unwrap().state = "retired";
        }
        self.versions.get_mut(&(lead, version)).unwrap().state = to;
        let current = match to {
            "retired" => current.filter(|current| *current != version),
            _ => Some(version),
        };
        self.item = Some((lead, latest, current));
        Ok(())
    }
}

fn terms_of(lead: usize, version: u16, (days, promise, fourth): (u16, u16, bool)) -> ItemTerms {
    let parties = if fourth { 4 } else { 3 };
    ItemTerms {
        version,
        lead: REGIONS[lead],
        legal_days: days,
        promise_days: promise,
        participants: REGIONS[..parties].to_vec(),
        ..terms()
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(40) })]

    #[test]
    fn items_follow_the_model(ops in ops()) {
        let mut ledger = Ledger::new();
        let mut model = Model::default();
        for (by, who, op) in ops {
            // A lead's proposal is mostly signed by the lead.
            let by = if let Op::Propose { lead, version: 1 | 2, .. } = op { lead } else { by };
            let act: Act = match op {
                Op::Propose { lead, version, days, promise, fourth } => {
                    ProposeItem { terms: terms_of(lead, version, (days, promise, fourth)) }.into()
                }
                Op::Agree { lead, version, right } => {
                    let known = model.versions.get(&(lead, version));
                    let content = known.map_or((4, 3, true), |v| (v.days, v.promise, v.fourth));
                    let terms = if right { terms_of(lead, version, content).digest() } else { digest(9) };
                    AgreeItem { base: code(MOVING), lead: REGIONS[lead], version, terms }.into()
                }
                Op::Set { version, state, reason } => set_state(version, STATES[state], reason).into(),
            };
            let expected = model.step(by, who, &op, &act);
            let found = ledger.act(&governor(by, who), act);
            prop_assert_eq!(found, expected, "{} {} {:?} {:?}", by, who, op, model);
            let item = ledger.get(&ITEMS, &code(MOVING));
            let seen = item.map(|item| (item.lead, item.latest, item.current));
            let item = model.item.map(|(lead, latest, current)| (REGIONS[lead], latest, current));
            prop_assert_eq!(seen, item);
            for ((lead, number), version) in &model.versions {
                let key = ((code(MOVING), REGIONS[*lead]), *number);
                let record = ledger.get(&ITEM_VERSIONS, &key).unwrap();
                let state = serde_json::to_value(record.state()).unwrap();
                prop_assert_eq!(state.as_str(), Some(version.state));
                let missing = if version.fourth { 4 } else { 3 } - version.consents.len();
                prop_assert_eq!(record.missing().count(), missing);
            }
        }
    }
}
