//! Random acts by random governors, compared with a model of §3.6: days are integers, signatures
//! are counted by hand.

use super::*;
use proptest::prelude::*;
use std::collections::{BTreeMap, BTreeSet};

const DAY: u64 = 86_400_000;

#[derive(Clone, Debug)]
enum Op {
    Propose,
    Sign { right: bool },
    Pause { scenario: Option<u32>, days: u64 },
    Resume { scenario: Option<u32> },
    Withdraw,
    Wait(u64),
}

fn ops() -> impl Strategy<Value = Vec<((usize, usize), Op)>> {
    let scenario = prop_oneof![3 => Just(None), 2 => Just(Some(1)), 1 => Just(Some(2))];
    let op = prop_oneof![
        1 => Just(Op::Propose),
        8 => prop::bool::weighted(0.95).prop_map(|right| Op::Sign { right }),
        6 => (scenario.clone(), prop_oneof![3 => Just(20u64), 1 => Just(31)])
            .prop_map(|(scenario, days)| Op::Pause { scenario, days }),
        4 => scenario.prop_map(|scenario| Op::Resume { scenario }),
        3 => Just(Op::Withdraw),
        3 => prop_oneof![4 => 1u64..4, 1 => 10u64..35].prop_map(Op::Wait),
    ];
    // The fourth province is no party.
    let governor = (prop_oneof![9 => 0usize..3, 1 => Just(3)], 0usize..3);
    prop::collection::vec((governor, op), 20..90).prop_map(|mut ops| {
        ops.insert(0, ((0, 0), Op::Propose));
        ops
    })
}

#[derive(Default)]
struct Model {
    proposed: Option<u64>,
    signed: BTreeSet<usize>,
    /// Until when, by province and scenario.
    pauses: BTreeMap<(usize, Option<u32>), u64>,
    /// First day without it.
    left: BTreeMap<usize, u64>,
    /// Who has signed an act, and until when that counts.
    waiting: BTreeMap<(usize, String), (u64, BTreeSet<usize>)>,
}

impl Model {
    fn is_party(&self, province: usize, day: u64) -> bool {
        province < 3 && self.left.get(&province).is_none_or(|from| day < *from)
    }

    /// Proposed to be effective after two days, until the seventieth.
    fn state(&self, day: u64) -> Option<AgreementState> {
        let proposed = self.proposed?;
        let left = (0..3).filter(|province| self.is_party(*province, day)).count();
        Some(match self.signed.len() {
            0..=2 if day <= proposed + 60 => AgreementState::Proposed,
            0..=2 => AgreementState::Lapsed,
            _ if left < 2 => AgreementState::Terminated,
            _ if day > proposed + 70 => AgreementState::Expired,
            _ if day < proposed + 2 => AgreementState::Signed,
            _ => AgreementState::InForce,
        })
    }

    /// Whether two governors have signed by now.
    fn endorse(&mut self, by: (usize, usize), act: String, now: u64) -> Result<bool, Code> {
        let (province, number) = by;
        let fresh = || (now + 30 * DAY, BTreeSet::new());
        let entry = self.waiting.entry((province, act.clone())).or_insert_with(fresh);
        if entry.0 < now {
            *entry = fresh();
        }
        if !entry.1.insert(number) {
            return Err(Code::AlreadyEndorsed);
        }
        let complete = entry.1.len() == 2;
        if complete {
            self.waiting.remove(&(province, act));
        }
        Ok(complete)
    }

    fn need_in_force(&self, province: usize, day: u64) -> Result<(), Code> {
        let state = self.state(day).ok_or(Code::UnknownAgreement)?;
        if !self.is_party(province, day) {
            return Err(Code::NotParty);
        }
        if state == AgreementState::InForce { Ok(()) } else { Err(Code::AgreementState) }
    }

    fn step(&mut self, by: (usize, usize), op: &Op, now: u64) -> Result<(), Code> {
        let (province, day) = (by.0, (now + 28_800_000) / DAY);
        match *op {
            Op::Propose => {
                if self.proposed.is_some() {
                    return Err(Code::IdReused);
                }
                if province == 3 {
                    return Err(Code::NotParty);
                }
                self.proposed = Some(day);
            }
            Op::Sign { right } => {
                let proposed = self.proposed.ok_or(Code::UnknownAgreement)?;
                match () {
                    () if province == 3 => return Err(Code::NotParty),
                    () if !right => return Err(Code::AgreementInvalid),
                    () if self.signed.contains(&province) => return Err(Code::AlreadyEndorsed),
                    () if day > proposed + 60 => return Err(Code::AgreementLapsed),
                    () => {}
                }
                if self.endorse(by, "sign".to_owned(), now)? {
                    self.signed.insert(province);
                }
            }
            Op::Pause { scenario, days } => {
                self.need_in_force(province, day)?;
                if scenario == Some(2) {
                    return Err(Code::EntryUnknown);
                }
                if days > 30 {
                    return Err(Code::BadField);
                }
                if self.pauses.get(&(province, scenario)).is_some_and(|until| day <= *until) {
                    return Err(Code::AgreementState);
                }
                let until = day + days;
                if self.endorse(by, format!("pause {scenario:?} {until}"), now)? {
                    self.pauses.insert((province, scenario), until);
                }
            }
            Op::Resume { scenario } => {
                self.need_in_force(province, day)?;
                if scenario == Some(2) {
                    return Err(Code::EntryUnknown);
                }
                if self.pauses.get(&(province, scenario)).is_none_or(|until| day > *until) {
                    return Err(Code::AgreementState);
                }
                if self.endorse(by, format!("resume {scenario:?}"), now)? {
                    self.pauses.remove(&(province, scenario));
                }
            }
            Op::Withdraw => {
                let state = self.state(day).ok_or(Code::UnknownAgreement)?;
                if !self.is_party(province, day) {
                    return Err(Code::NotParty);
                }
                let alive = matches!(state, AgreementState::Signed | AgreementState::InForce);
                if !alive || self.left.contains_key(&province) {
                    return Err(Code::AgreementState);
                }
                if self.endorse(by, "withdraw".to_owned(), now)? {
                    self.left.insert(province, day + 30);
                }
            }
            Op::Wait(_) => {}
        }
        Ok(())
    }
}

fn act_of(ledger: &Ledger, terms: &ProposeAgreement, op: &Op) -> crate::Act {
    let today = hefu_primitives::time::Day::of_beijing(Millis(ledger.time.0 + 1_000));
    match *op {
        Op::Propose => terms.clone().into(),
        Op::Sign { right: true } => sign(terms).into(),
        Op::Sign { right: false } => {
            SignAgreement { agreement: AGREEMENT, terms: digest(1) }.into()
        }
        Op::Pause { scenario, days } => {
            let until = today.add_days(days as i64).unwrap();
            PauseEntry { scenario, until, ..pause(ledger) }.into()
        }
        Op::Resume { scenario } => ResumeEntry { scenario, ..resume() }.into(),
        Op::Withdraw => withdraw().into(),
        Op::Wait(_) => unreachable!(),
    }
}

proptest! {
    #![proptest_config(ProptestConfig {
        failure_persistence: None, ..ProptestConfig::with_cases(48)
    })]

    #[test]
    fn agreements_follow_the_model(ops in ops()) {
        let (mut ledger, mut model) = (Ledger::new(), Model::default());
        let terms = ProposeAgreement {
            kind: AgreementKind::Multi,
            parties: REGIONS[..3].to_vec(),
            effective: ledger.today().add_days(2).unwrap(),
            until: ledger.today().add_days(70),
            ..terms(&ledger)
        };
        for (by, op) in ops {
            if let Op::Wait(days) = op {
                ledger.wait_days(days);
                continue;
            }
            let act = act_of(&ledger, &terms, &op);
            let expected = model.step(by, &op, ledger.time.0 + 1_000);
            let found = ledger.act(&governor(by.0, by.1), act);
            prop_assert_eq!(found, expected, "{:?} {:?}", by, op);
            let day = (ledger.time.0 + 28_800_000) / DAY;
            let stored = ledger.get(&AGREEMENTS, &AGREEMENT);
            let state = stored.as_ref().and_then(|a| a.state(ledger.today(), ledger.height));
            prop_assert_eq!(state, model.state(day));
            let Some(stored) = stored else { continue };
            for (province, region) in REGIONS[..3].iter().enumerate() {
                let paused = stored.is_paused(
                    *region, &code(DRIVING), 1, ledger.today(), ledger.height,
                );
                let expected = model.pauses.iter().any(|((of, _), until)| {
                    *of == province && day <= *until
                });
                prop_assert_eq!(paused, expected);
                let party = stored.has_party(*region, ledger.today(), ledger.height);
                prop_assert_eq!(party, model.is_party(province, day));
            }
        }
    }
}
