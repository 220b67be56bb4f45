//! Random changes of an authority's list of units by governors of two provinces, compared with a
//! model that shares no code with the contracts; in between the authority opens cases for units.

use super::*;
use crate::act::Act;
use crate::identity::unit::{SetUnits, Unit};
use crate::identity::{AUTHORITIES, ResumeAuthority, SuspendAuthority};
use hefu_primitives::Region;
use proptest::prelude::*;
use std::collections::{BTreeMap, BTreeSet};

#[derive(Clone, Debug)]
enum Op {
    Set {
        add: Vec<u8>,
        remove: Vec<u8>,
        elsewhere: bool,
    },
    Suspend,
    Resume,
    /// Opens a case for a unit; number 9 is no code.
    Open {
        unit: Option<u8>,
    },
}

/// By which province, which governor, and what.
fn ops() -> impl Strategy<Value = Vec<(usize, usize, Op)>> {
    let units = || prop::collection::vec(0u8..4, 0..3);
    let op = prop_oneof![
        6 => (units(), units(), prop::bool::weighted(0.05))
            .prop_map(|(add, remove, elsewhere)| Op::Set { add, remove, elsewhere }),
        1 => Just(Op::Suspend),
        2 => Just(Op::Resume),
        8 => prop::option::weighted(0.9, prop_oneof![9 => 0u8..4, 1 => Just(9)])
            .prop_map(|unit| Op::Open { unit }),
    ];
    let step = (prop_oneof![9 => Just(1usize), 1 => Just(0)], 0usize..3, op);
    // Most changes are signed by two at once, or few would ever apply.
    let step = step.prop_flat_map(|(by, who, op)| {
        let twice = vec![(by, who, op.clone()), (by, (who + 1) % 3, op.clone())];
        let set = matches!(op, Op::Set { .. });
        prop_oneof![
            3 => Just(if set { twice } else { vec![(by, who, op.clone())] }),
            1 => Just(vec![(by, who, op)]),
        ]
    });
    prop::collection::vec(step, 10..50).prop_map(|all| all.concat())
}

#[derive(Debug, Default)]
struct Model {
    /// None before a list was ever made: then any unit will do.
    units: Option<BTreeSet<u8>>,
    suspended: bool,
    waiting: BTreeMap<Vec<u8>, Vec<usize>>,
}

impl Model {
    fn governed(&self, by: usize, suspended: bool) -> Result<(), Code> {
        if by != 1 {
            return Err(Code::NotOwn);
        }
        if self.suspended == suspended { Ok(()) } else { Err(Code::AuthorityNotActive) }
    }

    fn changed(&self, add: &[u8], remove: &[u8]) -> Result<BTreeSet<u8>, Code> {
        let mut units = self.units.clone().unwrap_or_default();
        let gone = remove.iter().all(|unit| units.remove(unit));
        if gone && add.iter().all(|unit| units.insert(*unit)) {
            Ok(units)
        } else {
            Err(Code::MandateInvalid)
        }
    }

    fn step(&mut self, by: usize, who: usize, op: &Op, act: &Act) -> Result<(), Code> {
        use hefu_primitives::codec::Canonical;
        match op {
            Op::Set { add, remove, elsewhere } => {
                self.governed(by, false)?;
                if add.is_empty() && remove.is_empty() {
                    return Err(Code::MandateInvalid);
                }
                if *elsewhere && !add.is_empty() {
                    return Err(Code::BadField);
                }
                let units = self.changed(add, remove)?;
                let signers = self.waiting.entry(act.to_bytes()).or_default();
                if signers.contains(&who) {
                    return Err(Code::AlreadyEndorsed);
                }
                signers.push(who);
                if signers.len() == 2 {
                    self.waiting.remove(&act.to_bytes());
                    self.units = Some(units);
                }
            }
            Op::Suspend => {
                self.governed(by, false)?;
                self.suspended = true;
            }
            Op::Resume => {
                self.governed(by, true)?;
                self.suspended = false;
            }
            Op::Open { unit } => {
                if self.suspended {
                    return Err(Code::AuthorityNotActive);
                }
                let listed = |unit: u8| self.units.as_ref().is_none_or(|all| all.contains(&unit));
                match *unit {
                    Some(9) => return Err(Code::BadField),
                    Some(unit) if !listed(unit) => return Err(Code::UnknownUnit),
                    _ => {}
                }
            }
        }
        Ok(())
    }
}

fn name(unit: u8) -> String {
    if unit == 9 { "窗口".to_owned() } else { format!("W-{unit}") }
}

fn act_of(op: &Op, ledger: &Ledger, number: u8) -> Act {
    let authority = receiver().authority;
    match op {
        Op::Set { add, remove, elsewhere } => {
            let region = Region(if *elsewhere { 330_100 } else { 320_100 });
            let add = add.iter().map(|unit| Unit { code: name(*unit), region }).collect();
            SetUnits { authority, add, remove: remove.iter().copied().map(name).collect() }.into()
        }
        Op::Suspend => SuspendAuthority { authority, reason: 1 }.into(),
        Op::Resume => ResumeAuthority { authority }.into(),
        Op::Open { unit } => OpenCase { unit: unit.map(name), ..open(ledger, number) }.into(),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(32) })]

    #[test]
    fn units_follow_the_model(ops in ops()) {
        let mut ledger = with_item(&terms());
        let mut model = Model::default();
        for (number, (by, who, op)) in ops.into_iter().enumerate() {
            let act = act_of(&op, &ledger, number as u8 + 1);
            let expected = model.step(by, who, &op, &act);
            let found = match op {
                Op::Set { .. } => ledger.act(&governor(by, who), act),
                Op::Suspend | Op::Resume => ledger.govern(by, act),
                Op::Open { .. } => ledger.act(&receiver(), act),
            };
            prop_assert_eq!(found, expected, "{} {} {:?} {:?}", by, who, op, model);
            let record = ledger.get(&AUTHORITIES, &receiver().authority).unwrap();
            let units = record.units.map(|all| all.into_iter().map(|unit| unit.code).collect());
            let listed: Option<Vec<String>> =
                model.units.as_ref().map(|all| all.iter().copied().map(name).collect());
            prop_assert_eq!(units, listed);
        }
    }
}
