//! Governors whose terms end, and what the others do for them.

use super::*;
use crate::certificate::{ATTESTATIONS, Status, status};
use crate::code::Code;
use hefu_primitives::time::DAY_MS;
use hefu_primitives::{KeyPair, Millis};

fn possession(owner: usize, key: &KeyPair, term: (Millis, Millis)) -> hefu_primitives::Signature {
    let (roles, owner) = (vec![Role::Governor], code(DATA[owner]));
    Possession { chain: CHAIN, owner, roles, not_before: term.0, not_after: term.1 }.sign(key)
}

fn rotate(ledger: &Ledger, province: usize, number: usize, new: &KeyPair) -> RotateKey {
    let (not_before, not_after) = (ledger.time, Millis(ledger.time.0 + 700 * DAY_MS));
    RotateKey {
        old: governor(province, number).key.id(),
        key: new.public(),
        not_before,
        not_after,
        overlap_days: 0,
        possession: possession(province, new, (not_before, not_after)),
    }
}

fn replace(ledger: &Ledger, province: usize, since: Option<Millis>) -> ReplaceGovernors {
    let (not_before, not_after) = (ledger.time, Millis(ledger.time.0 + 700 * DAY_MS));
    let key = |number: u8| {
        let key = fresh_key(number);
        let possession = possession(province, &key, (not_before, not_after));
        GovernorKey { key: key.public(), not_before, not_after, possession }
    };
    let governors = vec![key(1), key(2), key(3)];
    ReplaceGovernors { member: REGIONS[province], governors, compromised_since: since }
}

/// All founders' governors end on one day; the testkit's after 600 days.
#[test]
fn governors_hand_over_in_time_and_a_little_later() {
    let mut ledger = Ledger::new();
    ledger.wait_days(590);
    let act = rotate(&ledger, 0, 0, &fresh_key(1));
    ledger.govern(0, act).unwrap();
    ledger.wait_days(20);
    let late = SuspendAuthority { authority: code(OFFICES[1][0]), reason: 1 };
    assert_eq!(ledger.act(&governor(1, 0), late), Err(Code::KeyNotActive));
    let act = rotate(&ledger, 1, 0, &fresh_key(2));
    ledger.govern(1, act).unwrap();
    assert_eq!(ledger.event_kinds()[1], "key_rotated");
    // Two new ones, and the member governs again.
    let act = rotate(&ledger, 1, 1, &fresh_key(3));
    ledger.govern(1, act.clone()).unwrap_err();
    ledger.act(&Actor { authority: code(DATA[1]), key: fresh_key(2) }, act.clone()).unwrap();
    ledger.act(&governor(1, 2), act).unwrap();
    let new = [2, 3].map(|number| Actor { authority: code(DATA[1]), key: fresh_key(number) });
    let suspend = SuspendAuthority { authority: code(OFFICES[1][0]), reason: 1 };
    assert_eq!(ledger.govern_as(&new, suspend), Ok(()));

    ledger.wait_days(81);
    let act = rotate(&ledger, 2, 0, &fresh_key(4));
    assert_eq!(ledger.act(&governor(2, 0), act), Err(Code::KeyNotActive), "90 days and no more");
}

#[test]
fn the_others_give_a_member_new_governors() {
    let mut ledger = Ledger::new();
    let good = replace(&ledger, 3, None);
    let with = |change: fn(&mut ReplaceGovernors)| {
        let mut replace = good.clone();
        change(&mut replace);
        Propose { id: id(9), action: Action::ReplaceGovernors(replace) }
    };
    for (act, error) in [
        (with(|r| r.governors.truncate(2)), Code::KeysNotDistinct),
        (with(|r| r.governors[1] = r.governors[0].clone()), Code::KeysNotDistinct),
        (with(|r| r.governors[1].possession = r.governors[0].possession), Code::BadKeyPossession),
        (with(|r| r.governors[1].key = governor(3, 0).key.public()), Code::KeyExists),
        (with(|r| r.governors[1].not_after = r.governors[1].not_before), Code::KeyTerm),
        (with(|r| r.compromised_since = Some(Millis(u64::MAX / 2))), Code::CompromiseInFuture),
        (with(|r| r.member = Region(440_000)), Code::UnknownMember),
    ] {
        assert_eq!(ledger.act(&governor(0, 0), act.clone()), Err(error), "{act:?}");
    }
    let act = Propose { id: id(1), action: Action::ReplaceGovernors(good.clone()) };
    assert_eq!(ledger.act(&governor(3, 0), act), Err(Code::VoteClosed), "it has no vote");
    let pending = SuspendAuthority { authority: code(OFFICES[3][0]), reason: 1 };
    ledger.act(&governor(3, 2), pending.clone()).unwrap();
    ledger.adopt(id(1), Action::ReplaceGovernors(good)).unwrap();
    assert!(ledger.event_kinds().contains(&"governors_replaced"));
    let old = ledger.get(&KEYS, &governor(3, 0).key.id()).unwrap();
    assert_eq!(old.revocation.unwrap().reason, RevocationReason::Lost);
    assert_eq!(ledger.act(&governor(3, 0), pending.clone()), Err(Code::KeyNotActive));
    let new = [1, 2].map(|number| Actor { authority: code(DATA[3]), key: fresh_key(number) });
    ledger.act(&new[0], pending.clone()).unwrap();
    assert_eq!(ledger.events[0].flags, ["1_of_2"], "what the old ones began is over");
    ledger.act(&new[1], pending).unwrap();
}

#[test]
fn stolen_governors_keys_are_named_compromised() {
    let mut ledger = Ledger::new();
    let since = Some(start());
    let replace = Action::ReplaceGovernors(replace(&ledger, 3, since));
    ledger.adopt(id(1), replace).unwrap();
    for number in 0..3 {
        let key = ledger.get(&KEYS, &governor(3, number).key.id()).unwrap();
        assert_eq!(key.revocation.unwrap().reason, RevocationReason::Compromised);
    }
}

#[test]
fn a_stolen_key_is_revoked_by_vote() {
    let mut ledger = Ledger::new();
    ledger.attest(3, 1).unwrap();
    let key = office(3, 0).key.id();
    let action = |key, since| Action::RevokeKey(RevokeByVote { key, since });
    let propose = |action| Propose { id: id(9), action };
    let future = Millis(ledger.time.0 + DAY_MS);
    for (action, error) in [
        (action(fresh_key(9).id(), start()), Code::UnknownKey),
        (action(key, future), Code::CompromiseInFuture),
    ] {
        assert_eq!(ledger.act(&governor(0, 0), propose(action)), Err(error));
    }
    ledger.adopt(id(1), action(key, start())).unwrap();
    assert_eq!(ledger.attest(3, 2), Err(Code::KeyNotActive));
    let attestation = ledger.get(&ATTESTATIONS, &id(1)).unwrap();
    let answer = status(&ledger.state, &attestation, ledger.today(), ledger.height).unwrap();
    assert_eq!(answer.status, Status::Questioned);
    let again = propose(action(key, start()));
    assert_eq!(ledger.act(&governor(0, 0), again), Err(Code::KeyNotActive));

    let lost =
        RevokeKey { key: governor(3, 0).key.id(), reason: RevocationReason::Lost, since: None };
    ledger.act(&governor(3, 1), lost.clone()).unwrap();
    ledger.act(&governor(3, 2), lost).unwrap();
    let last = propose(action(governor(3, 1).key.id(), start()));
    assert_eq!(
        ledger.act(&governor(0, 0), last),
        Err(Code::RotationInvalid),
        "that would leave one governor: give the member new ones"
    );
}
