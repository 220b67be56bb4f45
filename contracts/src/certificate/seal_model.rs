//! Random acts on the seals of two offices, one of which may take over from the other, compared with a
//! model of the registry: errors, and what every seal was good for at every hour so far.

use std::collections::BTreeMap;

use hefu_primitives::Millis;
use proptest::prelude::*;

use super::*;
use crate::code::Code;
use crate::identity::SucceedAuthority;
use crate::testkit::*;

const HOUR: u64 = 3_600_000;

#[derive(Clone, Copy, Debug)]
enum Op {
    Register {
        seal: u8,
        zero: bool,
        backwards: bool,
    },
    Set {
        seal: u8,
        owner: Option<usize>,
        state: SealState,
        ago: i64,
        reason: u16,
    },
    /// Attests with evidence of a seal that sealed so many hours ago.
    Seal {
        number: u8,
        seal: u8,
        ago: u64,
    },
    Succeed,
    Wait(u64),
}

fn ops() -> impl Strategy<Value = Vec<(usize, Op)>> {
    let state = prop_oneof![
        3 => Just(SealState::Suspended),
        3 => Just(SealState::Active),
        1 => Just(SealState::Revoked),
    ];
    let owner = prop_oneof![3 => Just(None), 2 => Just(Some(0)), 1 => Just(Some(1))];
    let ago = prop_oneof![3 => Just(0i64), 2 => 1i64..5, 1 => Just(-5)];
    let rare = || prop::bool::weighted(0.1);
    let op = prop_oneof![
        4 => (1u8..4, rare(), rare())
            .prop_map(|(seal, zero, backwards)| Op::Register { seal, zero, backwards }),
        8 => (1u8..4, owner, state, ago, prop_oneof![6 => Just(4u16), 1 => Just(0)]).prop_map(
            |(seal, owner, state, ago, reason)| Op::Set { seal, owner, state, ago, reason }
        ),
        5 => (10u8..250, 1u8..4, 0u64..5)
            .prop_map(|(number, seal, ago)| Op::Seal { number, seal, ago }),
        1 => Just(Op::Succeed),
        4 => (1u64..6).prop_map(Op::Wait),
    ];
    prop::collection::vec((0usize..3, op), 15..60)
}

/// Changes of a seal's state: since which time.
type Changes = Vec<(u64, SealState)>;

#[derive(Debug, Default)]
struct Model {
    seals: BTreeMap<(usize, u8), Changes>,
    attested: Vec<u8>,
    succeeded: bool,
}

fn at(changes: &Changes, time: u64) -> SealState {
    let mut state = SealState::Active;
    for (since, then) in changes {
        if *since <= time {
            state = *then;
        }
    }
    state
}

impl Model {
    /// Office 0 is gone once office 1 has taken over; the third is an auditor.
    fn may_sign(&self, by: usize) -> Result<(), Code> {
        match by {
            0 if self.succeeded => Err(Code::AuthorityNotActive),
            2 => Err(Code::RoleMissing),
            _ => Ok(()),
        }
    }

    fn step(&mut self, by: usize, op: Op, now: u64) -> Result<(), Code> {
        self.may_sign(by)?;
        match op {
            Op::Register { zero: true, .. } | Op::Register { backwards: true, .. } => {
                Err(Code::BadField)
            }
            Op::Register { seal, .. } => {
                if self.seals.contains_key(&(by, seal)) {
                    return Err(Code::IdReused);
                }
                self.seals.insert((by, seal), Vec::new());
                Ok(())
            }
            Op::Set { seal, owner, state, ago, reason } => {
                let owner = owner.unwrap_or(by);
                if owner != by && !(self.succeeded && owner == 0) {
                    return Err(Code::NotIssuer);
                }
                let changes = self.seals.get_mut(&(owner, seal)).ok_or(Code::UnknownSeal)?;
                let last = changes.last().map_or(SealState::Active, |(_, state)| *state);
                if last == SealState::Revoked || last == state {
                    return Err(Code::SealStateInvalid);
                }
                if reason == 0 {
                    return Err(Code::ReasonRequired);
                }
                if ago < 0 {
                    return Err(Code::FutureTime);
                }
                let since = now - ago as u64 * HOUR;
                if changes.last().is_some_and(|(before, _)| since < *before) {
                    return Err(Code::BadField);
                }
                changes.push((since, state));
                Ok(())
            }
            Op::Seal { number, seal, ago } => {
                if self.attested.contains(&number) {
                    return Err(Code::IdReused);
                }
                let mut own = self.seals.keys().filter(|(owner, _)| *owner == by).peekable();
                let registry = own.peek().is_some();
                let good = self
                    .seals
                    .get(&(by, seal))
                    .is_some_and(|changes| at(changes, now - ago * HOUR) == SealState::Active);
                if registry && !good {
                    return Err(Code::SealNotInForce);
                }
                self.attested.push(number);
                Ok(())
            }
            Op::Succeed | Op::Wait(_) => unreachable!(),
        }
    }
}

fn actor(number: usize) -> Actor {
    match number {
        2 => auditor(0),
        number => office(0, 1 - number),
    }
}

fn take(ledger: &mut Ledger, by: usize, op: Op) -> Result<(), Code> {
    let now = ledger.time;
    let back = |hours: i64| Millis((now.0 as i64 - hours * HOUR as i64) as u64);
    match op {
        Op::Register { seal, zero, backwards } => {
            let register = RegisterSeal {
                seal_id: digest(seal),
                maker_cert: if zero { hefu_primitives::H32::ZERO } else { digest(2) },
                signer_cert: digest(3),
                valid_from: day("2026-01-01"),
                valid_until: day(if backwards { "2025-12-31" } else { "2026-12-31" }),
            };
            ledger.act(&actor(by), register)
        }
        Op::Set { seal, owner, state, ago, reason } => {
            let owner = owner.map(|owner| actor(owner).authority);
            let (seal_id, since) = (digest(seal), back(ago));
            ledger.act(&actor(by), SetSealState { seal_id, state, since, reason, owner })
        }
        Op::Seal { number, seal, ago } => {
            let evidence = SealEvidence {
                seal_id: digest(seal),
                maker_cert: digest(2),
                signer_cert: digest(3),
                signed_value: digest(4),
                signed_at: back(ago as i64),
                timestamp: None,
                verdict: SealVerdict::Valid,
                verifier_version: 1,
            };
            let licence = Attest { seal: Some(evidence), ..ledger.driving_licence(number) };
            ledger.act(&actor(by), licence)
        }
        Op::Succeed | Op::Wait(_) => unreachable!(),
    }
}

fn compare(ledger: &Ledger, model: &Model) {
    for ((owner, seal), changes) in &model.seals {
        let record = ledger.get(&SEALS, &(actor(*owner).authority, digest(*seal))).unwrap();
        assert_eq!(record.owner, actor(*owner).authority, "whose it was registered as");
        for ago in 0..8 {
            let time = ledger.time.0 - ago * HOUR;
            let found = record.state_at(Millis(time), ledger.height);
            assert_eq!(found, at(changes, time), "{owner} {seal} {ago}");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(40) })]

    #[test]
    fn the_registry_of_seals_follows_the_model(ops in ops()) {
        let (mut ledger, mut model) = (Ledger::new(), Model::default());
        // Both may attest licences: the office that is taken over from, and its heir.
        let office = ledger.get(&crate::identity::AUTHORITIES, &actor(1).authority).unwrap();
        let mut other =
            ledger.get(&crate::identity::AUTHORITIES, &actor(0).authority).unwrap();
        other.may_issue.clone_from(&office.may_issue);
        ledger.put(&crate::identity::AUTHORITIES, &actor(0).authority, &other);
        for (by, op) in ops {
            match op {
                Op::Wait(hours) => ledger.time = Millis(ledger.time.0 + hours * HOUR),
                Op::Succeed if model.succeeded => {}
                Op::Succeed => {
                    let (authority, to) = (actor(0).authority, actor(1).authority);
                    let effective_day = ledger.today();
                    let act = SucceedAuthority { authority, to, effective_day };
                    ledger.govern(0, act).unwrap();
                    model.succeeded = true;
                }
                op => {
                    let now = ledger.time.0;
                    let expected = model.step(by, op, now);
                    let found = take(&mut ledger, by, op);
                    prop_assert_eq!(found, expected, "{} {:?} {:?}", by, op, model);
                }
            }
            compare(&ledger, &model);
        }
    }
}
