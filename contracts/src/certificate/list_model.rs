//! Random votes on types and scenarios, compared with a model of §3.4: what is adopted, paused and
//! retired, and what that means to who would attest.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;
use crate::code::Code;
use crate::identity::Action;
use crate::recognition::WithdrawAgreement;
use crate::recognition::{
    AgreementEntry, AgreementKind, EntryMode, ProposeAgreement, SignAgreement,
};
use crate::testkit::*;

#[derive(Clone, Copy, Debug)]
enum Op {
    AdoptType {
        version: u16,
        personal: bool,
        committed: bool,
    },
    SetType {
        version: u16,
        state: usize,
    },
    AdoptScenario {
        id: u32,
        version: u16,
    },
    SetScenario {
        id: u32,
        state: usize,
    },
    /// An agreement comes to list the type.
    Agree,
    /// A party leaves it, and the notice runs out.
    Withdraw,
    Attest {
        version: u16,
    },
}

fn ops() -> impl Strategy<Value = Vec<Op>> {
    let (version, state) = (1u16..5, 0usize..3);
    let op = prop_oneof![
        4 => (version.clone(), prop::bool::weighted(0.2), prop::bool::weighted(0.3))
            .prop_map(|(version, personal, committed)| Op::AdoptType { version, personal, committed }),
        6 => (version.clone(), state.clone()).prop_map(|(version, state)| Op::SetType { version, state }),
        2 => (2u32..4, version.clone()).prop_map(|(id, version)| Op::AdoptScenario { id, version }),
        3 => (1u32..4, state).prop_map(|(id, state)| Op::SetScenario { id, state }),
        1 => Just(Op::Agree),
        1 => Just(Op::Withdraw),
        4 => version.prop_map(|version| Op::Attest { version }),
    ];
    prop::collection::vec(op, 8..36)
}

const STATES: [ListState; 3] = [ListState::Adopted, ListState::Paused, ListState::Retired];
const WORDS: [&str; 3] = ["adopted", "paused", "retired"];

#[derive(Debug)]
struct Model {
    versions: BTreeMap<u16, &'static str>,
    scenarios: BTreeMap<u32, &'static str>,
    listed: Option<bool>,
}

/// Adopted and paused change into each other and both end; what has ended stays so.
fn moved(from: &'static str, to: &'static str) -> Result<&'static str, Code> {
    match (from, to) {
        ("adopted", "paused") | ("paused", "adopted") | ("adopted" | "paused", "retired") => Ok(to),
        _ => Err(Code::BadState),
    }
}

impl Model {
    fn step(&mut self, op: &Op) -> Result<(), Code> {
        match *op {
            Op::AdoptType { version, personal, committed } => {
                if personal && !committed {
                    return Err(Code::CommittedRequired);
                }
                if version as usize != self.versions.len() + 1 {
                    return Err(Code::VersionNotNext);
                }
                self.versions.insert(version, "adopted");
            }
            Op::SetType { version, state } => {
                let from = self.versions.get(&version).ok_or(Code::TypeNotAdopted)?;
                let to = moved(from, WORDS[state])?;
                let mut later = self.versions.range(version + 1..);
                let served = later.any(|(_, state)| *state == "adopted");
                if to == "retired" && self.listed == Some(true) && !served {
                    return Err(Code::TypeInUse);
                }
                self.versions.insert(version, to);
            }
            Op::AdoptScenario { id, version } => {
                if self.scenarios.contains_key(&id) {
                    return Err(Code::IdReused);
                }
                if self.versions.get(&version) != Some(&"adopted") {
                    return Err(Code::TypeNotAdopted);
                }
                self.scenarios.insert(id, "adopted");
            }
            Op::SetScenario { id, state } => {
                let from = self.scenarios.get(&id).ok_or(Code::UnknownScenario)?;
                let to = moved(from, WORDS[state])?;
                self.scenarios.insert(id, to);
            }
            Op::Attest { version } => {
                if self.versions.get(&version) != Some(&"adopted") {
                    return Err(Code::TypeNotAdopted);
                }
            }
            Op::Agree | Op::Withdraw => {}
        }
        Ok(())
    }
}

fn agreement(ledger: &Ledger) -> ProposeAgreement {
    ProposeAgreement {
        id: id(0xa0),
        amends: None,
        version: 1,
        kind: AgreementKind::Bi,
        parties: REGIONS[..2].to_vec(),
        entries: vec![AgreementEntry {
            type_code: code(BUSINESS),
            min_version: 1,
            scenarios: vec![1],
            mode: EntryMode::Full,
        }],
        effective: ledger.today(),
        until: None,
        dispute_days: 10,
        legal_digest: digest(1),
    }
}

/// Does one step on the ledger; a vote that could not be carried out is the error it names.
fn act(ledger: &mut Ledger, number: u8, op: &Op) -> Result<(), Code> {
    let action = match *op {
        Op::AdoptType { version, personal, committed } => {
            let class = if personal { HolderClass::Mixed } else { HolderClass::Legal };
            let policy = if committed { IdPolicy::Committed } else { IdPolicy::Plain };
            Action::AdoptType(CertTypeTerms { version, ..type_terms(BUSINESS, class, policy) })
        }
        Op::SetType { version, state } => Action::SetTypeState {
            code: code(BUSINESS),
            version,
            state: STATES[state],
            merged_into: None,
        },
        Op::AdoptScenario { id, version } => {
            let types = vec![ScenarioType { code: code(BUSINESS), min_version: version }];
            Action::AdoptScenario(ScenarioTerms { types, ..scenario_terms(id) })
        }
        Op::SetScenario { id, state } => Action::SetScenarioState { id, state: STATES[state] },
        Op::Attest { version } => {
            let licence = Attest {
                id: id(number),
                type_code: code(BUSINESS),
                type_version: version,
                valid_until: None,
                ..ledger.driving_licence(number)
            };
            return ledger.act(&office(0, 1), licence);
        }
        Op::Agree | Op::Withdraw => unreachable!(),
    };
    ledger.adopt(id(number), action)
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(24) })]

    #[test]
    fn lists_follow_the_model(ops in ops()) {
        let mut ledger = Ledger::new();
        let (versions, scenarios) = ([(1, "adopted")].into(), [(1, "adopted")].into());
        let mut model = Model { versions, scenarios, listed: None };
        for (number, op) in ops.into_iter().enumerate() {
            match op {
                // An agreement needs what it lists adopted: the type's version and the scenario.
                Op::Agree if model.listed.is_none() => {
                    let terms = agreement(&ledger);
                    let signature = SignAgreement { agreement: terms.id, terms: terms.digest() };
                    let some = (model.versions[&1], model.scenarios[&1]) == ("adopted", "adopted");
                    let proposed = ledger.act(&governor(0, 0), terms);
                    prop_assert_eq!(proposed.is_ok(), some);
                    if some {
                        ledger.govern(0, signature).unwrap();
                        ledger.govern(1, signature).unwrap();
                        model.listed = Some(true);
                    }
                }
                Op::Withdraw if model.listed == Some(true) => {
                    ledger.govern(0, WithdrawAgreement { agreement: id(0xa0) }).unwrap();
                    ledger.wait_days(31);
                    ledger.block(&[]);
                    model.listed = Some(false);
                }
                Op::Agree | Op::Withdraw => {}
                op => {
                    let expected = model.step(&op);
                    let found = act(&mut ledger, number as u8 + 1, &op);
                    prop_assert_eq!(found, expected, "{:?} {:?}", op, model);
                }
            }
            for (version, state) in &model.versions {
                let found = ledger.get(&TYPES, &(code(BUSINESS), *version)).unwrap();
                let word = serde_json::to_value(found.state()).unwrap();
                prop_assert_eq!(word.as_str(), Some(*state));
            }
            for (number, state) in &model.scenarios {
                let found = ledger.get(&SCENARIOS, number).unwrap();
                let word = serde_json::to_value(found.state()).unwrap();
                prop_assert_eq!(word.as_str(), Some(*state));
            }
        }
    }
}
