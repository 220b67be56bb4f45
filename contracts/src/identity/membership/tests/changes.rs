//! Validator and node keys change; the rule table changes.

use super::*;
use crate::code::Code;
use hefu_primitives::block::TxResult;
use hefu_primitives::{KeyPair, Signature};

fn proof(ledger: &Ledger, province: usize, purpose: KeyPurpose, new: &KeyPair) -> Signature {
    let member = ledger.get(&MEMBERS, &REGIONS[province]).unwrap();
    let old = match purpose {
        KeyPurpose::Node => member.node_key,
        _ => member.validator_key,
    };
    MemberProof::of_change(CHAIN, member.region, purpose, (old, new.public())).sign(new)
}

fn rotate(ledger: &Ledger, province: usize, new: &KeyPair) -> RotateValidator {
    RotateValidator {
        member: REGIONS[province],
        key: new.public(),
        possession: proof(ledger, province, KeyPurpose::Validator, new),
    }
}

#[test]
fn a_validator_key_is_replaced_from_the_second_next_block_on() {
    let mut ledger = Ledger::new();
    let new = fresh_key(1);
    let good = rotate(&ledger, 0, &new);
    let member = ledger.get(&MEMBERS, &REGIONS[0]).unwrap();
    let key = |key| RotateValidator { key, ..good.clone() };
    for (act, error) in [
        (RotateValidator { possession: Signature::ZERO, ..good.clone() }, Code::BadPossession),
        (key(fresh_key(2).public()), Code::BadPossession),
        (key(member.validator_key), Code::KeysNotDistinct),
        (key(member.node_key), Code::KeysNotDistinct),
        (key(office(0, 0).key.public()), Code::KeysNotDistinct),
        (key(ledger.get(&MEMBERS, &REGIONS[1]).unwrap().node_key), Code::KeysNotDistinct),
        (RotateValidator { member: REGIONS[1], ..good.clone() }, Code::NotOwn),
    ] {
        assert_eq!(ledger.act(&governor(0, 0), act.clone()), Err(error), "{act:?}");
    }
    assert_eq!(ledger.act(&office(0, 0), good.clone()), Err(Code::RoleMissing));
    ledger.govern(0, good).unwrap();
    assert_eq!(ledger.event_kinds(), ["endorsed", "validator_rotated"]);
    let schedule = ledger.get(&crate::exec::VALIDATORS, &()).unwrap();
    let has = |set: &hefu_primitives::ValidatorSet| set.by_key(new.id()).is_some();
    assert!(!has(&schedule.next) && has(&schedule.after));
    assert_eq!(schedule.after.len(), 4);
    assert_eq!(ledger.get(&MEMBERS, &REGIONS[0]).unwrap().validator_key, new.public());
}

#[test]
fn two_rotations_do_not_fit_one_block() {
    let mut ledger = Ledger::new();
    let acts = [0, 1].map(|province| rotate(&ledger, province, &fresh_key(1 + province as u8)));
    for (province, act) in acts.iter().enumerate() {
        ledger.act(&governor(province, 0), act.clone()).unwrap();
    }
    let [first, second] = [0, 1]
        .map(|province| ledger.sign(&governor(province, 1), &[acts[province].clone().into()]));
    let outcomes = ledger.block(&[&first, &second]).outcomes;
    assert!(matches!(outcomes[0].result, TxResult::Applied { .. }));
    assert_eq!(outcomes[1].result, TxResult::Refused { code: 117, act: 0 });
    // The first governor's signature still counts.
    assert_eq!(ledger.act(&governor(1, 1), acts[1].clone()), Ok(()));
}

/// A vote that decides what cannot happen in this block is not lost: it may be cast again.
#[test]
fn a_deciding_vote_waits_for_the_change_before_it() {
    let mut ledger = five();
    let full = suspend(REGIONS[3], SuspensionKind::Full);
    ledger.govern(0, Propose { id: id(1), action: full }).unwrap();
    ledger.govern(1, vote(id(1), true)).unwrap();
    ledger.act(&governor(2, 0), vote(id(1), true)).unwrap();
    let act = rotate(&ledger, 0, &fresh_key(1));
    ledger.act(&governor(0, 0), act.clone()).unwrap();
    let first = ledger.sign(&governor(0, 1), &[act.into()]);
    let second = ledger.sign(&governor(2, 1), &[vote(id(1), true).into()]);
    let outcomes = ledger.block(&[&first, &second]).outcomes;
    assert_eq!(outcomes[1].result, TxResult::Refused { code: 117, act: 0 });
    assert_eq!(ledger.get(&BALLOTS, &id(1)).unwrap().state, BallotState::Open);
    ledger.act(&governor(2, 1), vote(id(1), true)).unwrap();
    assert_eq!(state(&ledger, REGIONS[3]), MemberState::SuspendedFull);
}

/// A member that rotates its key in the very block of its suspension does not put it off.
#[test]
fn a_member_cannot_race_its_own_removal() {
    let mut ledger = five();
    let fourth = REGIONS[3];
    ledger.govern(0, Propose { id: id(1), action: suspend(fourth, SuspensionKind::Full) }).unwrap();
    ledger.govern(1, vote(id(1), true)).unwrap();
    ledger.act(&governor(2, 0), vote(id(1), true)).unwrap();
    let new = fresh_key(1);
    let act = rotate(&ledger, 3, &new);
    ledger.act(&governor(3, 0), act.clone()).unwrap();
    let first = ledger.sign(&governor(3, 1), &[act.into()]);
    let second = ledger.sign(&governor(2, 1), &[vote(id(1), true).into()]);
    let outcomes = ledger.block(&[&first, &second]).outcomes;
    assert!(outcomes.iter().all(|o| matches!(o.result, TxResult::Applied { .. })), "{outcomes:?}");
    assert_eq!(state(&ledger, fourth), MemberState::SuspendedFull);
    let schedule = ledger.get(&crate::exec::VALIDATORS, &()).unwrap();
    assert_eq!((schedule.next.len(), schedule.after.len()), (5, 4));
    assert!(schedule.after.validators().iter().all(|validator| validator.region != fourth));
    // The new key is known, and comes into force if the member is reinstated.
    ledger.block(&[]);
    ledger.adopt(id(2), Action::ReinstateMember { member: fourth }).unwrap();
    let schedule = ledger.get(&crate::exec::VALIDATORS, &()).unwrap();
    assert!(schedule.after.by_key(new.id()).is_some());
}

/// Nor does it, or any member, keep the others from changes by rotating in every block.
#[test]
fn a_validator_key_is_replaced_once_a_day() {
    let mut ledger = Ledger::new();
    let first = rotate(&ledger, 0, &fresh_key(1));
    ledger.govern(0, first).unwrap();
    ledger.time = hefu_primitives::Millis(ledger.time.0 + ROTATION_DISTANCE_MS - 60_000);
    let again = rotate(&ledger, 0, &fresh_key(2));
    assert_eq!(ledger.act(&governor(0, 0), again.clone()), Err(Code::RotationTooSoon));
    let other = rotate(&ledger, 1, &fresh_key(3));
    ledger.govern(1, other).unwrap();
    ledger.time = hefu_primitives::Millis(ledger.time.0 + 60_000);
    assert_eq!(ledger.govern(0, again), Ok(()));
}

#[test]
fn a_node_moves_and_changes_its_key() {
    let mut ledger = Ledger::new();
    let member = ledger.get(&MEMBERS, &REGIONS[0]).unwrap();
    let new = fresh_key(1);
    let set = |key, possession, addresses: &[&str]| SetNode {
        member: REGIONS[0],
        key,
        possession,
        addresses: addresses.iter().map(|text| (*text).to_owned()).collect(),
    };
    let signature = Some(proof(&ledger, 0, KeyPurpose::Node, &new));
    let validators_proof = Some(proof(&ledger, 0, KeyPurpose::Validator, &new));
    let (old, there) = (member.node_key, ["10.1.1.1:9431"]);
    for (act, error) in [
        (set(old, signature, &there), Code::BadField),
        (set(new.public(), None, &there), Code::BadField),
        (set(new.public(), validators_proof, &there), Code::BadPossession),
        (set(old, None, &["nowhere"]), Code::BadField),
        (set(member.validator_key, signature, &there), Code::KeysNotDistinct),
        (SetNode { member: REGIONS[1], ..set(old, None, &there) }, Code::NotOwn),
    ] {
        assert_eq!(ledger.act(&governor(0, 0), act.clone()), Err(error), "{act:?}");
    }
    ledger.govern(0, set(old, None, &there)).unwrap();
    assert_eq!(ledger.events[1].flags, ["addresses"]);
    assert_eq!(ledger.act(&governor(0, 0), set(old, None, &there)), Err(Code::BadField));
    ledger.govern(0, set(new.public(), signature, &there)).unwrap();
    assert_eq!(ledger.events[1].flags, ["key"]);
    let moved = ledger.get(&MEMBERS, &REGIONS[0]).unwrap();
    assert_eq!((moved.node_key, moved.addresses), (new.public(), Some(vec![there[0].to_owned()])));
}

#[test]
fn the_rule_table_is_voted_on_and_pinned() {
    let mut ledger = five();
    let mut table = RuleTable::default();
    table.rules[0].threshold = Threshold::Majority;
    let mut weak = table.clone();
    weak.rules[2].threshold = Threshold::Majority;
    let act = Propose { id: id(9), action: Action::SetRules(weak) };
    assert_eq!(ledger.act(&governor(0, 0), act), Err(Code::BadField));

    let scenario = |number| Action::AdoptScenario(scenario_terms(number));
    ledger.govern(0, Propose { id: id(1), action: scenario(2) }).unwrap();
    ledger.adopt_by(id(2), Action::SetRules(table.clone()), &[0, 1, 2, 3]).unwrap();
    assert_eq!(ledger.get(&RULES, &()), Some(table.clone()));
    ledger.govern(0, Propose { id: id(3), action: scenario(3) }).unwrap();
    let ballot = |number| ledger.get(&BALLOTS, &id(number)).unwrap();
    assert_eq!((ballot(1).needed, ballot(1).rules), (4, RuleTable::default().digest()));
    assert_eq!((ballot(3).needed, ballot(3).rules), (3, table.digest()));
}
