//! Each act of identity: what it does, and every error it can give.

use hefu_primitives::codes::uscc;
use hefu_primitives::time::{DAY_MS, Notice};
use hefu_primitives::{Id16, KeyPair, Millis, PublicKey, Region, Signature, Uscc};

use super::records::*;
use super::*;
use crate::act::Act;
use crate::certificate::{
    CertTypeTerms, HolderClass, IdPolicy, ListState, SCENARIOS, ScenarioTerms, TYPE_USES, TYPES,
};
use crate::code::Code;
use crate::testkit::*;

fn new_office() -> RegisterAuthority {
    RegisterAuthority {
        member: REGIONS[0],
        code: uscc::with_checks("11310100HEFU0999").unwrap(),
        level: 3,
        region: Region(310_100),
        name: "示例分局(虚构)".to_owned(),
        central_vertical: false,
    }
}

fn suspend(province: usize, number: usize) -> SuspendAuthority {
    SuspendAuthority { authority: code(OFFICES[province][number]), reason: 3 }
}

#[test]
fn the_second_governor_applies() {
    let mut ledger = Ledger::new();
    let office = new_office();
    assert_eq!(ledger.act(&governor(0, 0), office.clone()), Ok(()));
    assert_eq!(ledger.event_kinds(), ["endorsed"]);
    assert_eq!(ledger.events[0].flags, ["1_of_2"]);
    assert_eq!(ledger.get(&AUTHORITIES, &office.code), None);
    assert_eq!(ledger.act(&governor(0, 0), office.clone()), Err(Code::AlreadyEndorsed));
    assert_eq!(ledger.act(&governor(1, 0), office.clone()), Err(Code::NotOwn));
    assert_eq!(ledger.act(&auditor(0), office.clone()), Err(Code::RoleMissing));
    assert_eq!(ledger.act(&governor(0, 2), office.clone()), Ok(()));
    assert_eq!(ledger.event_kinds(), ["endorsed", "authority_registered"]);
    assert_eq!(ledger.events[1].subject, format!("auth:{}", office.code));
    assert!(ledger.get(&AUTHORITIES, &office.code).is_some());
    let key =
        (REGIONS[0], endorse::digest(&hefu_primitives::Canonical::to_bytes(&Act::from(office))));
    assert_eq!(ledger.get(&ENDORSEMENTS, &key), None);
}

#[test]
fn another_act_is_another_endorsement() {
    let mut ledger = Ledger::new();
    assert_eq!(ledger.act(&governor(0, 0), suspend(0, 0)), Ok(()));
    let other = SuspendAuthority { reason: 4, ..suspend(0, 0) };
    assert_eq!(ledger.act(&governor(0, 1), other), Ok(()));
    let authority = ledger.get(&AUTHORITIES, &code(OFFICES[0][0])).unwrap();
    assert_eq!(authority.state, AuthorityState::Active);
}

#[test]
fn endorsements_lapse_and_are_bounded() {
    let mut ledger = Ledger::new();
    ledger.act(&governor(0, 0), suspend(0, 0)).unwrap();
    ledger.wait_days(31);
    ledger.act(&governor(0, 1), suspend(0, 0)).unwrap();
    assert_eq!(ledger.events[0].flags, ["1_of_2"]);
    ledger.act(&governor(0, 0), suspend(0, 0)).unwrap();
    assert_eq!(ledger.event_kinds(), ["endorsed", "authority_suspended"]);

    let mut ledger = Ledger::new();
    let reason = |reason| Act::from(SuspendAuthority { reason, ..suspend(0, 1) });
    let most = endorse::MAX_PENDING as u16;
    let all: Vec<Act> = (1..=most).map(reason).collect();
    ledger.acts(&governor(0, 0), &all).unwrap();
    assert_eq!(ledger.act(&governor(0, 0), reason(most + 1)), Err(Code::NotYetApplicable));
    ledger.wait_days(31);
    assert_eq!(ledger.act(&governor(0, 0), reason(most + 1)), Ok(()));
    assert_eq!(ENDORSEMENTS.read_all(&ledger.state, &(), 1000).len(), 1);
}

/// Else one stolen governor key could keep the other two from revoking it.
#[test]
fn one_governor_cannot_fill_the_room_of_the_others() {
    let mut ledger = Ledger::new();
    let reason = |reason| Act::from(SuspendAuthority { reason, ..suspend(0, 1) });
    let all: Vec<Act> = (1..=endorse::MAX_PENDING as u16).map(reason).collect();
    ledger.acts(&governor(0, 2), &all).unwrap();
    let (key, reason) = (governor(0, 2).key.id(), RevocationReason::Compromised);
    let revoke = RevokeKey { key, reason, since: Some(start()) };
    assert_eq!(ledger.govern(0, revoke), Ok(()));
    // What the revoked key left behind goes with the next act that begins to wait.
    ledger.act(&governor(0, 0), suspend(0, 0)).unwrap();
    assert_eq!(ENDORSEMENTS.read_all(&ledger.state, &(), 1000).len(), 1);
}

/// Two keys stolen one after the other never made two governors at any one time.
#[test]
fn what_a_revoked_governor_signed_no_longer_counts() {
    let mut ledger = Ledger::new();
    ledger.act(&governor(0, 2), suspend(0, 0)).unwrap();
    let (key, reason) = (governor(0, 2).key.id(), RevocationReason::Compromised);
    ledger.govern(0, RevokeKey { key, reason, since: Some(start()) }).unwrap();
    ledger.act(&governor(0, 0), suspend(0, 0)).unwrap();
    assert_eq!(ledger.events[0].flags, ["1_of_2"]);
    let authority = ledger.get(&AUTHORITIES, &code(OFFICES[0][0])).unwrap();
    assert_eq!(authority.state, AuthorityState::Active);
    ledger.act(&governor(0, 1), suspend(0, 0)).unwrap();
    assert_eq!(ledger.event_kinds(), ["endorsed", "authority_suspended"]);
}

#[test]
fn registering_checks_the_code_and_the_place() {
    let mut ledger = Ledger::new();
    let good = new_office();
    let with =
        |code: &str| RegisterAuthority { code: uscc::with_checks(code).unwrap(), ..good.clone() };
    let mut broken = good.clone();
    broken.code = "11310100HEFU09990X".parse().unwrap();
    for (act, error) in [
        (broken, Code::UsccInvalid),
        (with("1131010000000999"), Code::UsccInvalid),
        (with("91310100HEFU0999"), Code::UsccInvalid),
        (with("11320100HEFU0999"), Code::PrefixMismatch),
        (with("11100000HEFU0999"), Code::PrefixMismatch),
        (RegisterAuthority { code: code(OFFICES[0][0]), ..good.clone() }, Code::AuthorityExists),
        (RegisterAuthority { level: 0, ..good.clone() }, Code::BadField),
        (RegisterAuthority { level: 7, ..good.clone() }, Code::BadField),
        (RegisterAuthority { region: Region(320_100), ..good.clone() }, Code::BadField),
        (RegisterAuthority { name: String::new(), ..good.clone() }, Code::BadField),
        (
            RegisterAuthority { name: "13812345678".to_owned(), ..good.clone() },
            Code::PersonalDataPattern,
        ),
    ] {
        assert_eq!(ledger.act(&governor(0, 0), act.clone()), Err(error), "{act:?}");
    }
    assert_eq!(ledger.govern(0, good), Ok(()));
}

#[test]
fn production_refuses_made_up_codes_and_takes_admitted_ones() {
    let made_up: Uscc = code(OFFICES[0][0]);
    let real: Uscc = code("11100000000013338W");
    let company = uscc::with_checks("9131010000001234").unwrap();
    let production = Parameters::default();
    assert_eq!(authority::check_code(&made_up, &production), Err(Code::UsccInvalid));
    assert_eq!(authority::check_code(&real, &production), Ok(()));
    assert_eq!(authority::check_code(&company, &production), Err(Code::UsccInvalid));
    let admitting = Parameters { admitted: vec![company], ..production };
    assert_eq!(authority::check_code(&company, &admitting), Ok(()));
}

#[test]
fn a_hosted_central_body_needs_a_second_member() {
    let central = RegisterAuthority {
        code: uscc::with_checks("11100000HEFU0777").unwrap(),
        central_vertical: true,
        ..new_office()
    };
    let registered = |ledger: &Ledger| ledger.get(&AUTHORITIES, &central.code).is_some();
    let mut ledger = Ledger::new();
    ledger.govern(0, central.clone()).unwrap();
    assert!(!registered(&ledger));
    ledger.govern(2, central.clone()).unwrap();
    assert!(registered(&ledger));
    assert_eq!(ENDORSEMENTS.read_all(&ledger.state, &(), 10), []);

    let mut ledger = Ledger::new();
    ledger.govern(2, central.clone()).unwrap();
    ledger.govern(3, central.clone()).unwrap();
    assert!(!registered(&ledger), "the owner must be among the two");
    ledger.govern(0, central.clone()).unwrap();
    assert!(registered(&ledger));
    assert_eq!(ledger.get(&AUTHORITIES, &central.code).unwrap().member, REGIONS[0]);
}

#[test]
fn mandates_grow_and_shrink() {
    let mut ledger = Ledger::new();
    let authority: Uscc = code(OFFICES[1][0]);
    let types = |list: &[&str]| Mandate {
        types: list.iter().map(|t| code(t)).collect(),
        ..Mandate::default()
    };
    let set = |add: Mandate, remove: Mandate| SetMandate { authority, add, remove };
    let none = Mandate::default;
    let scenarios = |id| Mandate { scenarios: vec![id], ..none() };
    let items = |text| Mandate { items: vec![code(text)], ..none() };
    for (act, error) in [
        (set(none(), none()), Code::MandateInvalid),
        (set(types(&[DRIVING]), none()), Code::MandateInvalid),
        (set(types(&["11100000HEFU90017F009"]), none()), Code::MandateInvalid),
        (set(scenarios(9), none()), Code::MandateInvalid),
        (set(items("000000000000"), none()), Code::MandateInvalid),
        (set(none(), scenarios(9)), Code::MandateInvalid),
        (
            SetMandate { authority: code(DRIVING.get(..18).unwrap()), ..set(none(), scenarios(1)) },
            Code::UnknownAuthority,
        ),
        (SetMandate { authority: code(OFFICES[0][0]), ..set(none(), scenarios(1)) }, Code::NotOwn),
    ] {
        assert_eq!(ledger.act(&governor(1, 0), act.clone()), Err(error), "{act:?}");
    }
    ledger.govern(1, set(none(), types(&[DRIVING, FOOD]))).unwrap();
    let record = ledger.get(&AUTHORITIES, &authority).unwrap();
    assert_eq!(record.may_issue, [code(BUSINESS)]);
    let kept = ledger.get(&AUTHORITY_HISTORY, &(authority, ledger.height)).unwrap();
    assert_eq!(kept, record);
    ledger.govern(1, set(types(&[FOOD]), types(&[BUSINESS]))).unwrap();
    assert_eq!(ledger.get(&AUTHORITIES, &authority).unwrap().may_issue, [code(FOOD)]);
    assert_eq!(AUTHORITY_HISTORY.read_all(&ledger.state, &authority, 10).len(), 3);
}

#[test]
fn a_suspended_authority_does_not_act() {
    let mut ledger = Ledger::new();
    let resume = ResumeAuthority { authority: code(OFFICES[0][0]) };
    for (act, error) in [
        (SuspendAuthority { reason: 0, ..suspend(0, 0) }, Code::ReasonRequired),
        (SuspendAuthority { authority: code(DATA[0]), reason: 1 }, Code::BadField),
        (suspend(1, 0), Code::NotOwn),
    ] {
        assert_eq!(ledger.act(&governor(0, 0), act), Err(error));
    }
    assert_eq!(ledger.act(&governor(0, 0), resume.clone()), Err(Code::AuthorityNotActive));
    ledger.govern(0, suspend(0, 0)).unwrap();
    assert_eq!(ledger.events[1].flags, ["reason_3"]);
    assert_eq!(ledger.act(&governor(0, 0), suspend(0, 0)), Err(Code::AuthorityNotActive));
    assert_eq!(ledger.attest(0, 1), Err(Code::AuthorityNotActive));
    ledger.govern(0, resume).unwrap();
    assert_eq!(ledger.event_kinds(), ["endorsed", "authority_resumed"]);
    assert_eq!(ledger.attest(0, 1), Ok(()));
}

fn bind(ledger: &Ledger, owner: &str, key: &KeyPair, roles: &[Role]) -> BindKey {
    let (not_before, not_after) = (ledger.time, Millis(ledger.time.0 + 365 * DAY_MS));
    let owner = code(owner);
    let statement =
        Possession { chain: CHAIN, owner, roles: roles.to_vec(), not_before, not_after };
    let (roles, possession) = (roles.to_vec(), statement.sign(key));
    BindKey { owner, key: key.public(), roles, not_before, not_after, possession }
}

#[test]
fn keys_are_bound_with_their_own_signature() {
    let mut ledger = Ledger::new();
    let key = fresh_key(1);
    let owner = OFFICES[0][0];
    let good = bind(&ledger, owner, &key, &[Role::Issuer]);
    let year = 365 * DAY_MS;
    let other_key = |key: PublicKey| BindKey { key, ..good.clone() };
    let member = ledger.get(&MEMBERS, &REGIONS[2]).unwrap();
    let term = |before: u64, after: u64| BindKey {
        not_before: Millis(before),
        not_after: Millis(after),
        ..good.clone()
    };
    let now = ledger.time.0;
    for (act, error) in [
        (BindKey { roles: vec![], ..good.clone() }, Code::RolesInvalid),
        (BindKey { roles: vec![Role::Verifier, Role::Issuer], ..good.clone() }, Code::RolesInvalid),
        (BindKey { roles: vec![Role::Issuer; 2], ..good.clone() }, Code::RolesInvalid),
        (bind(&ledger, owner, &key, &[Role::Governor]), Code::RolesInvalid),
        (bind(&ledger, owner, &key, &[Role::Governor, Role::Issuer]), Code::RolesInvalid),
        (bind(&ledger, owner, &key, &[Role::Cosigner]), Code::RolesInvalid),
        (bind(&ledger, DATA[0], &key, &[Role::Auditor, Role::Cosigner]), Code::RolesInvalid),
        (term(now, now), Code::KeyTerm),
        (term(now, now - 1), Code::KeyTerm),
        (term(now, now + 732 * DAY_MS), Code::KeyTerm),
        (term(now - year, now), Code::KeyTerm),
        (term(now + 732 * DAY_MS, now + 733 * DAY_MS), Code::KeyTerm),
        (other_key(office(0, 0).key.public()), Code::KeyExists),
        (other_key(member.validator_key), Code::KeyExists),
        (other_key(member.node_key), Code::KeyExists),
        (other_key(fresh_key(2).public()), Code::BadKeyPossession),
        (BindKey { possession: Signature::ZERO, ..good.clone() }, Code::BadKeyPossession),
        (BindKey { roles: vec![Role::Verifier], ..good.clone() }, Code::BadKeyPossession),
        (BindKey { owner: code(OFFICES[0][1]), ..good.clone() }, Code::BadKeyPossession),
        (BindKey { owner: code(OFFICES[1][0]), ..good.clone() }, Code::NotOwn),
        (BindKey { owner: code("11100000HEFU90017F"), ..good.clone() }, Code::UnknownAuthority),
    ] {
        assert_eq!(ledger.act(&governor(0, 0), act.clone()), Err(error), "{act:?}");
    }
    ledger.govern(0, good.clone()).unwrap();
    assert_eq!(ledger.events[1].flags, ["issuer"]);
    let actor = Actor { authority: code(owner), key };
    assert_eq!(ledger.act(&actor, ledger.driving_licence(1)), Ok(()));
    assert_eq!(keys_of(&ledger.state, &code(owner)).len(), 2);
    assert_eq!(ledger.act(&governor(0, 0), good), Err(Code::KeyExists));
}

#[test]
fn a_cosigner_belongs_to_the_operator_and_signs_no_act() {
    let mut ledger = Ledger::new();
    let key = fresh_key(1);
    let member = ledger.get(&MEMBERS, &REGIONS[0]).unwrap();
    let operator = member.operator;
    ledger.govern(0, bind(&ledger, operator.as_str(), &key, &[Role::Cosigner])).unwrap();
    assert_eq!(ledger.events[1].flags, ["cosigner"]);
    let record = ledger.get(&KEYS, &key.public().id()).unwrap();
    assert!(record.cosigns_for(&member));
    assert!(!record.cosigns_for(&ledger.get(&MEMBERS, &REGIONS[1]).unwrap()));
    let actor = Actor { authority: operator, key };
    let licence = ledger.driving_licence(1);
    assert_eq!(ledger.act(&actor, licence), Err(Code::RoleMissing));
    let next = bind(&ledger, operator.as_str(), &fresh_key(2), &[Role::Cosigner]);
    assert_eq!(ledger.act(&actor, next), Err(Code::RoleMissing));
}

#[test]
fn a_key_of_small_order_is_not_bound() {
    let mut ledger = Ledger::new();
    // The identity: with it and a zero scalar anybody "signs" anything.
    let mut identity = [0; 32];
    identity[0] = 1;
    let mut act = bind(&ledger, OFFICES[0][0], &fresh_key(1), &[Role::Issuer]);
    act.key = PublicKey::ed25519(identity);
    act.possession.0[..32].copy_from_slice(&identity);
    act.possession.0[32..].fill(0);
    assert_eq!(ledger.act(&governor(0, 0), act), Err(Code::BadKeyPossession));
}

#[test]
fn four_active_keys_a_role() {
    let mut ledger = Ledger::new();
    for number in 1..=3 {
        let act = bind(&ledger, OFFICES[0][0], &fresh_key(number), &[Role::Issuer]);
        ledger.govern(0, act).unwrap();
    }
    let fifth = bind(&ledger, OFFICES[0][0], &fresh_key(9), &[Role::Issuer]);
    assert_eq!(ledger.act(&governor(0, 0), fifth.clone()), Err(Code::TooManyKeys));
    let other = bind(&ledger, OFFICES[0][0], &fresh_key(8), &[Role::Verifier]);
    assert_eq!(ledger.govern(0, other), Ok(()));
    let (key, reason) = (fresh_key(1).id(), RevocationReason::Ceased);
    ledger.govern(0, RevokeKey { key, reason, since: None }).unwrap();
    assert_eq!(ledger.govern(0, fifth), Ok(()));
}

/// Counts what rules read.
struct Counting<'a>(&'a crate::state::MemoryState, std::cell::Cell<usize>);

impl crate::state::StateView for Counting<'_> {
    fn get(&self, key: &[u8]) -> Option<Vec<u8>> {
        self.1.set(self.1.get() + 1);
        self.0.get(key)
    }

    fn scan(&self, from: &[u8], to: &[u8], limit: usize) -> Vec<(Vec<u8>, Vec<u8>)> {
        let found = self.0.scan(from, to, limit);
        self.1.set(self.1.get() + found.len());
        found
    }
}

/// Else a province with many old keys could slow every node down with one small act.
#[test]
fn binding_does_not_read_keys_that_are_over() {
    let mut ledger = Ledger::new();
    let owner: Uscc = code(OFFICES[0][0]);
    let mut over = ledger.get(&KEYS, &office(0, 0).key.id()).unwrap();
    over.state = KeyState::Revoked;
    for number in 0..2_000u16 {
        let mut secret = [0x77; 32];
        secret[..2].copy_from_slice(&number.to_be_bytes());
        over.key = KeyPair::from_secret(&secret).public();
        ledger.put(&KEYS, &over.key.id(), &over);
        ledger.put(&KEYS_BY_OWNER, &(owner, over.key.id()), &());
    }
    let act = bind(&ledger, OFFICES[0][0], &fresh_key(1), &[Role::Issuer]);
    let tx = ledger.sign(&governor(0, 0), &[act.into()]);
    let view = Counting(&ledger.state, Default::default());
    let execution = crate::execute(ledger.next_block(), &[&tx], &view, &crate::exec::VerifyAlways);
    assert_eq!(execution.events.len(), 1, "endorsed");
    assert!(view.1.get() < 100, "{} records read", view.1.get());
}

fn rotate(ledger: &Ledger, actor: &Actor, new: &KeyPair, roles: Vec<Role>) -> RotateKey {
    let bound = bind(ledger, actor.authority.as_str(), new, &roles);
    RotateKey {
        old: actor.key.id(),
        key: new.public(),
        not_before: bound.not_before,
        not_after: bound.not_after,
        overlap_days: 7,
        possession: bound.possession,
    }
}

#[test]
fn rotation_overlaps() {
    let mut ledger = Ledger::new();
    let (old, new) = (office(0, 0), fresh_key(1));
    let good = rotate(&ledger, &old, &new, all_roles());
    for (act, error) in [
        (RotateKey { overlap_days: 8, ..good.clone() }, Code::RotationInvalid),
        (RotateKey { old: fresh_key(5).id(), ..good.clone() }, Code::UnknownKey),
        (RotateKey { old: office(1, 0).key.id(), ..good.clone() }, Code::NotOwn),
        (RotateKey { key: auditor(0).key.public(), ..good.clone() }, Code::KeyExists),
        (RotateKey { possession: Signature::ZERO, ..good.clone() }, Code::BadKeyPossession),
        (rotate(&ledger, &old, &new, vec![Role::Issuer]), Code::BadKeyPossession),
    ] {
        assert_eq!(ledger.act(&governor(0, 0), act.clone()), Err(error), "{act:?}");
    }
    ledger.govern(0, good).unwrap();
    let bound_at = ledger.time;
    let again = rotate(&ledger, &old, &fresh_key(2), all_roles());
    assert_eq!(ledger.act(&governor(0, 0), again), Err(Code::RotationInvalid));
    let new = Actor { key: new, ..old.clone() };
    ledger.wait_days(6);
    assert_eq!(ledger.act(&old, ledger.driving_licence(1)), Ok(()));
    assert_eq!(ledger.act(&new, ledger.driving_licence(2)), Ok(()));
    ledger.wait_days(1);
    assert_eq!(ledger.act(&old, ledger.driving_licence(3)), Err(Code::KeyNotActive));
    let (first, second) =
        (ledger.get(&KEYS, &old.key.id()).unwrap(), ledger.get(&KEYS, &new.key.id()).unwrap());
    assert!(first.was_accepted_at(bound_at) && !first.was_accepted_at(ledger.time));
    assert!(!second.was_accepted_at(Millis(bound_at.0 - 1)) && second.was_accepted_at(bound_at));
}

/// A key whose term is over takes no room, and so none is handed on by rotating it.
#[test]
fn an_expired_key_is_not_rotated_but_for_a_governors() {
    let mut ledger = Ledger::new();
    let expire = |ledger: &mut Ledger, actor: &Actor| {
        let mut key = ledger.get(&KEYS, &actor.key.id()).unwrap();
        key.not_after = Millis(start().0 + 1);
        ledger.put(&KEYS, &actor.key.id(), &key);
    };
    expire(&mut ledger, &office(0, 0));
    let act = rotate(&ledger, &office(0, 0), &fresh_key(1), all_roles());
    assert_eq!(ledger.act(&governor(0, 0), act), Err(Code::RotationInvalid));
    expire(&mut ledger, &governor(0, 2));
    let act = rotate(&ledger, &governor(0, 2), &fresh_key(1), vec![Role::Governor]);
    assert_eq!(ledger.govern(0, act), Ok(()));
}

/// A transaction before its key's revocation in the same block was good.
#[test]
fn what_a_key_signed_in_the_block_of_its_revocation_was_accepted() {
    let mut ledger = Ledger::new();
    let key = office(0, 0).key.id();
    let revoke = Act::from(RevokeKey { key, reason: RevocationReason::Lost, since: None });
    ledger.act(&governor(0, 0), revoke.clone()).unwrap();
    let licence = ledger.driving_licence(1).into();
    let attest = ledger.sign(&office(0, 0), &[licence]);
    let revoke = ledger.sign(&governor(0, 1), &[revoke]);
    ledger.block(&[&attest, &revoke]);
    let made = ledger.get(&crate::certificate::ATTESTATIONS, &id(1)).unwrap().made;
    let record = ledger.get(&KEYS, &key).unwrap();
    assert_eq!(record.revocation.unwrap().at, made.time);
    assert!(record.was_accepted_at(made.time) && !record.was_accepted_at(made.time.next()));
}

#[test]
fn a_lost_governor_key_is_replaced_by_the_other_two() {
    let mut ledger = Ledger::new();
    let lost = governor(0, 2);
    let act = RevokeKey { key: lost.key.id(), reason: RevocationReason::Lost, since: None };
    ledger.govern(0, act).unwrap();
    assert_eq!(ledger.act(&lost, suspend(0, 0)), Err(Code::KeyNotActive));
    let last_but_one =
        RevokeKey { key: governor(0, 1).key.id(), reason: RevocationReason::Ceased, since: None };
    assert_eq!(ledger.act(&governor(0, 0), last_but_one), Err(Code::RotationInvalid));
    let new = fresh_key(1);
    let act = rotate(&ledger, &lost, &new, vec![Role::Governor]);
    ledger.govern(0, act).unwrap();
    let member = ledger.get(&MEMBERS, &REGIONS[0]).unwrap();
    assert!(member.governors.contains(&new.id()) && !member.governors.contains(&lost.key.id()));
    let new = Actor { key: new, authority: lost.authority };
    ledger.act(&new, suspend(0, 0)).unwrap();
    ledger.act(&governor(0, 1), suspend(0, 0)).unwrap();
    assert_eq!(ledger.event_kinds(), ["endorsed", "authority_suspended"]);
}

#[test]
fn a_replaced_governor_no_longer_counts() {
    let mut ledger = Ledger::new();
    let old = governor(0, 2);
    ledger.act(&old, suspend(0, 0)).unwrap();
    let act = rotate(&ledger, &old, &fresh_key(1), vec![Role::Governor]);
    ledger.govern(0, act).unwrap();
    // Its key retires, but governs no more: neither its old signature counts, nor a new one.
    assert_eq!(ledger.act(&old, suspend(0, 1)), Err(Code::NotOwn));
    ledger.act(&governor(0, 0), suspend(0, 0)).unwrap();
    assert_eq!(ledger.events[0].flags, ["1_of_2"]);
    ledger.act(&governor(0, 1), suspend(0, 0)).unwrap();
    assert_eq!(ledger.event_kinds(), ["endorsed", "authority_suspended"]);
}

#[test]
fn revocation_tells_when_and_why() {
    let mut ledger = Ledger::new();
    let key = office(0, 0).key.id();
    let before = ledger.time;
    let revoke = |reason, since| RevokeKey { key, reason, since };
    use RevocationReason::{Ceased, Compromised, Lost};
    let future = Millis(ledger.time.0 + DAY_MS);
    for (act, error) in [
        (revoke(Ceased, Some(before)), Code::BadField),
        (revoke(Compromised, None), Code::BadField),
        (revoke(Compromised, Some(future)), Code::CompromiseInFuture),
        (RevokeKey { key: fresh_key(1).id(), ..revoke(Lost, None) }, Code::UnknownKey),
        (RevokeKey { key: office(1, 0).key.id(), ..revoke(Lost, None) }, Code::NotOwn),
    ] {
        assert_eq!(ledger.act(&governor(0, 0), act), Err(error));
    }
    ledger.govern(0, revoke(Lost, None)).unwrap();
    let lost_at = ledger.time;
    assert_eq!(ledger.attest(0, 1), Err(Code::KeyNotActive));
    assert_eq!(ledger.act(&governor(0, 0), revoke(Ceased, None)), Err(Code::KeyNotActive));
    ledger.wait_days(2);
    ledger.govern(0, revoke(Compromised, Some(before))).unwrap();
    assert_eq!(ledger.events[1].flags, ["compromised"]);
    let again = revoke(Compromised, Some(before));
    assert_eq!(ledger.act(&governor(0, 0), again), Err(Code::KeyNotActive));
    let record = ledger.get(&KEYS, &key).unwrap();
    assert!(record.was_accepted_at(before) && !record.was_accepted_at(lost_at.next()));
    assert!(record.questions(before) && !record.questions(Millis(before.0 - 1)));
    assert_eq!(record.revocation.unwrap().height, ledger.height.previous());
}

#[test]
fn three_of_four_decide() {
    let mut ledger = Ledger::new();
    let (proposal, action) = (id(1), Action::AdoptScenario(scenario_terms(2)));
    let propose = Propose { id: proposal, action };
    let vote = |approve| CastVote { proposal, approve };
    assert_eq!(ledger.act(&governor(1, 0), vote(true)), Err(Code::UnknownProposal));
    ledger.act(&governor(0, 0), propose.clone()).unwrap();
    assert_eq!(ledger.get(&BALLOTS, &proposal), None);
    ledger.act(&governor(0, 1), propose.clone()).unwrap();
    assert_eq!(ledger.event_kinds(), ["endorsed", "proposed", "voted"]);
    let ballot = ledger.get(&BALLOTS, &proposal).unwrap();
    assert_eq!((ballot.needed, ballot.votes.len(), ballot.state), (3, 1, BallotState::Open));
    assert_eq!(
        (&ballot.electors[..], ballot.electorate),
        (&REGIONS[..], ballot::electorate(&REGIONS))
    );
    assert_eq!(ledger.act(&governor(0, 0), vote(true)), Err(Code::AlreadyVoted));
    assert_eq!(ledger.act(&governor(1, 0), propose), Err(Code::IdReused));
    ledger.govern(1, vote(false)).unwrap();
    ledger.govern(2, vote(true)).unwrap();
    assert_eq!(ledger.get(&SCENARIOS, &2), None);
    ledger.govern(3, vote(true)).unwrap();
    assert_eq!(ledger.event_kinds(), ["endorsed", "voted", "ballot_applied"]);
    assert!(ledger.get(&SCENARIOS, &2).is_some());
    assert_eq!(ledger.get(&BALLOTS, &proposal).unwrap().state, BallotState::Applied);
}

#[test]
fn ballots_are_rejected_lapse_and_fail() {
    let mut ledger = Ledger::new();
    let propose = |number, action| Propose { id: id(number), action };
    let vote = |number, approve| CastVote { proposal: id(number), approve };
    let scenario = || Action::AdoptScenario(scenario_terms(2));
    for number in 1..=4 {
        ledger.govern(0, propose(number, scenario())).unwrap();
    }
    ledger.govern(1, vote(1, false)).unwrap();
    ledger.govern(2, vote(1, false)).unwrap();
    assert_eq!(ledger.event_kinds(), ["endorsed", "voted", "ballot_rejected"]);
    assert_eq!(ledger.act(&governor(3, 0), vote(1, true)), Err(Code::VoteClosed));

    ledger.govern(1, vote(2, true)).unwrap();
    ledger.govern(2, vote(2, true)).unwrap();
    assert_eq!(ledger.event_kinds(), ["endorsed", "voted", "ballot_applied"]);
    ledger.govern(1, vote(3, true)).unwrap();
    ledger.govern(2, vote(3, true)).unwrap();
    assert_eq!(ledger.event_kinds(), ["endorsed", "voted", "ballot_failed"]);
    let failed = ledger.get(&BALLOTS, &id(3)).unwrap();
    assert_eq!(failed.state, BallotState::Failed { code: 114 });

    ledger.wait_days(31);
    assert_eq!(ledger.act(&governor(1, 0), vote(4, true)), Err(Code::VoteClosed));
}

#[test]
fn the_electorate_is_pinned() {
    let mut ledger = Ledger::new();
    let mut outsider = ledger.get(&MEMBERS, &REGIONS[3]).unwrap();
    outsider.state = MemberState::SuspendedActs;
    ledger.put(&MEMBERS, &REGIONS[3], &outsider);
    let action = Action::AdoptScenario(scenario_terms(2));
    ledger.govern(0, Propose { id: id(1), action }).unwrap();
    outsider.state = MemberState::Active;
    ledger.put(&MEMBERS, &REGIONS[3], &outsider);
    let vote = CastVote { proposal: id(1), approve: true };
    assert_eq!(ledger.act(&governor(3, 0), vote), Err(Code::VoteClosed));
    let ballot = ledger.get(&BALLOTS, &id(1)).unwrap();
    assert_eq!((&ballot.electors[..], ballot.needed), (&REGIONS[..3], 3));
}

#[test]
fn types_are_adopted_version_by_version() {
    let mut ledger = Ledger::new();
    let good =
        CertTypeTerms { version: 2, ..type_terms(BUSINESS, HolderClass::Legal, IdPolicy::Plain) };
    let refused = |ledger: &mut Ledger, terms: CertTypeTerms| {
        let propose = Propose { id: id(9), action: Action::AdoptType(terms) };
        ledger.act(&governor(0, 0), propose).unwrap_err()
    };
    let with = |change: fn(&mut CertTypeTerms)| {
        let mut terms = good.clone();
        change(&mut terms);
        terms
    };
    for (terms, error) in [
        (with(|t| t.version = 3), Code::VersionNotNext),
        (with(|t| t.version = 1), Code::VersionNotNext),
        (with(|t| t.version = 0), Code::VersionNotNext),
        (with(|t| t.holder_class = HolderClass::Mixed), Code::CommittedRequired),
        (with(|t| t.code = code("11100000000013338W032")), Code::BadTypeCode),
        (with(|t| t.code = code("11100000HEFU90025A000")), Code::BadTypeCode),
        (with(|t| t.schema_digest = hefu_primitives::H32::ZERO), Code::BadField),
        (with(|t| t.canon_version = 0), Code::BadField),
        (with(|t| t.holder_codes = vec![2, 1]), Code::BadField),
        (with(|t| t.name_en = String::new()), Code::BadField),
        (with(|t| t.name_zh = "13812345678".to_owned()), Code::PersonalDataPattern),
        (with(|t| t.lead = Region(440_000)), Code::UnknownMember),
    ] {
        assert_eq!(refused(&mut ledger, terms.clone()), error, "{terms:?}");
    }
    ledger.adopt(id(1), Action::AdoptType(good.clone())).unwrap();
    let adopted = ledger.get(&TYPES, &(good.code, 2)).unwrap();
    assert_eq!((adopted.state(), &adopted.terms), (ListState::Adopted, &good));
    assert_eq!(adopted.state_at(ledger.height.previous()), None);
}

#[test]
fn types_pause_resume_and_retire() {
    let mut ledger = Ledger::new();
    let business = code(BUSINESS);
    let set = |state| Action::SetTypeState { code: business, version: 1, state, merged_into: None };
    let refused = |ledger: &mut Ledger, action| {
        ledger.act(&governor(0, 0), Propose { id: id(9), action }).unwrap_err()
    };
    assert_eq!(refused(&mut ledger, set(ListState::Adopted)), Code::BadState);
    let unknown = Action::SetTypeState {
        code: business,
        version: 2,
        state: ListState::Paused,
        merged_into: None,
    };
    assert_eq!(refused(&mut ledger, unknown), Code::TypeNotAdopted);
    ledger.adopt(id(1), set(ListState::Paused)).unwrap();
    let mandate = Mandate { types: vec![business], ..Mandate::default() };
    let remove = SetMandate {
        authority: code(OFFICES[0][0]),
        add: Mandate::default(),
        remove: mandate.clone(),
    };
    ledger.govern(0, remove.clone()).unwrap();
    let add = SetMandate { add: mandate, remove: Mandate::default(), ..remove };
    assert_eq!(ledger.act(&governor(0, 0), add), Err(Code::MandateInvalid), "only adopted types");
    ledger.adopt(id(2), set(ListState::Adopted)).unwrap();
    ledger.put(&TYPE_USES, &(business, id(7)), &());
    assert_eq!(refused(&mut ledger, set(ListState::Retired)), Code::TypeInUse);
    let next =
        CertTypeTerms { version: 2, ..type_terms(BUSINESS, HolderClass::Legal, IdPolicy::Plain) };
    ledger.adopt(id(3), Action::AdoptType(next)).unwrap();
    ledger.adopt(id(4), set(ListState::Retired)).unwrap();
    assert_eq!(refused(&mut ledger, set(ListState::Adopted)), Code::BadState);
    let history = ledger.get(&TYPES, &(business, 1)).unwrap().history;
    let states: Vec<_> = history.iter().map(|change| change.state).collect();
    use ListState::{Adopted, Paused, Retired};
    assert_eq!(states, [Adopted, Paused, Adopted, Retired]);
}

#[test]
fn scenarios_parameters_and_calendars() {
    let mut ledger = Ledger::new();
    let refused = |ledger: &mut Ledger, action| {
        ledger.act(&governor(0, 0), Propose { id: id(9), action }).unwrap_err()
    };
    let terms = |change: fn(&mut ScenarioTerms)| {
        let mut terms = scenario_terms(2);
        change(&mut terms);
        Action::AdoptScenario(terms)
    };
    let parameters = ledger.get(&PARAMETERS, &()).unwrap();
    let set = |change: fn(&mut Parameters)| {
        let mut parameters = parameters.clone();
        change(&mut parameters);
        Action::SetParameters(parameters)
    };
    let state = |id, state| Action::SetScenarioState { id, state };
    for (action, error) in [
        (terms(|t| t.id = 1), Code::IdReused),
        (terms(|t| t.types.clear()), Code::BadField),
        (terms(|t| t.types.reverse()), Code::BadField),
        (terms(|t| t.freshness_s = 0), Code::BadField),
        (terms(|t| t.freshness_s = 604_801), Code::BadField),
        (terms(|t| t.item = code("000000000000")), Code::BadField),
        (terms(|t| t.types[0].min_version = 2), Code::TypeNotAdopted),
        (state(7, ListState::Paused), Code::UnknownScenario),
        (state(1, ListState::Adopted), Code::BadState),
        (set(|p| p.fictitious = false), Code::BadField),
        (set(|p| p.max_validity_ms = 0), Code::BadField),
        (set(|p| p.max_validity_ms = 59_999), Code::BadField),
        (set(|p| p.max_clock_ahead_ms = 99), Code::BadField),
        (set(|p| p.key_term_days = 732), Code::BadField),
        (set(|p| p.grant_term_days = 367), Code::BadField),
        (set(|p| p.ballot_days = 0), Code::BadField),
        (set(|p| p.ballot_days = 367), Code::BadField),
        (set(|p| p.correction_working_days = 31), Code::BadField),
        (set(|p| p.late_use_hours = 169), Code::BadField),
        (set(|p| p.heartbeat_ms = 1), Code::BadField),
        (set(|p| p.admitted = vec![code(DATA[1]), code(DATA[0])]), Code::BadField),
    ] {
        assert_eq!(refused(&mut ledger, action.clone()), error, "{action:?}");
    }
    ledger.adopt(id(1), state(1, ListState::Paused)).unwrap();
    assert_eq!(ledger.get(&SCENARIOS, &1).unwrap().state(), ListState::Paused);
    ledger.adopt(id(2), set(|p| p.ballot_days = 10)).unwrap();
    assert_eq!(ledger.get(&PARAMETERS, &()).unwrap().ballot_days, 10);

    let plain = |year| Notice { year, holidays: &[], make_up: &[] }.calendar().unwrap();
    ledger.adopt(id(3), Action::AdoptCalendar(plain(2027))).unwrap();
    assert_eq!(ledger.get(&CALENDARS, &2027), Some(plain(2027)));
    ledger.adopt(id(4), Action::AdoptCalendar(plain(2026))).unwrap();
    assert_eq!(
        ledger.get(&CALENDARS, &2026),
        Some(plain(2026)),
        "a year not yet over is corrected"
    );
    ledger.wait_days(300);
    assert_eq!(refused(&mut ledger, Action::AdoptCalendar(plain(2026))), Code::BadField);
}

#[test]
fn successions_are_followed_and_bounded() {
    let mut ledger = Ledger::new();
    let link = |ledger: &mut Ledger, from: &str, to: &str| {
        let mut record = ledger.get(&AUTHORITIES, &code(from)).unwrap();
        record.successor = Some(code(to));
        ledger.put(&AUTHORITIES, &code(from), &record);
    };
    link(&mut ledger, OFFICES[0][0], OFFICES[0][1]);
    link(&mut ledger, OFFICES[0][1], OFFICES[0][2]);
    let follows = |from: &str, to: &str| succeeds(&ledger.state, &code(from), &code(to));
    assert!(follows(OFFICES[0][0], OFFICES[0][0]) && follows(OFFICES[0][0], OFFICES[0][2]));
    assert!(!follows(OFFICES[0][2], OFFICES[0][0]) && !follows(OFFICES[0][0], OFFICES[1][0]));
    link(&mut ledger, OFFICES[0][2], OFFICES[0][0]);
    assert!(!succeeds(&ledger.state, &code(OFFICES[0][0]), &code(OFFICES[1][0])), "a ring ends");
}

#[test]
fn an_unknown_member_cannot_be_a_signers() {
    let mut ledger = Ledger::new();
    ledger.state.0.remove(&MEMBERS.key(&REGIONS[0]));
    let act = CastVote { proposal: Id16::ZERO, approve: true };
    assert_eq!(ledger.act(&governor(0, 0), act), Err(Code::UnknownAuthority));
}

#[test]
fn another_authority_takes_over_from_its_day_on() {
    let mut ledger = Ledger::new();
    ledger.attest(0, 1).unwrap();
    let (old, to) = (code::<Uscc>(OFFICES[0][0]), code::<Uscc>(OFFICES[0][1]));
    let succeed = |days: i64| SucceedAuthority {
        authority: old,
        to,
        effective_day: day("2026-05-20").add_days(days).unwrap(),
    };
    let with = |authority: &str, to: &str| SucceedAuthority {
        authority: code(authority),
        to: code(to),
        ..succeed(0)
    };
    for (act, error) in [
        (succeed(367), Code::SuccessorInvalid),
        (with(OFFICES[0][0], OFFICES[0][0]), Code::SuccessorInvalid),
        (with(OFFICES[0][0], "11100000HEFU90017F"), Code::SuccessorInvalid),
        (with(DATA[0], OFFICES[0][0]), Code::SuccessorInvalid),
        (with("11100000HEFU90017F", OFFICES[0][0]), Code::UnknownAuthority),
        (with(OFFICES[1][0], OFFICES[1][1]), Code::NotOwn),
    ] {
        assert_eq!(ledger.act(&governor(0, 0), act.clone()), Err(error), "{act:?}");
    }
    ledger.govern(0, succeed(2)).unwrap();
    assert_eq!(ledger.event_kinds(), ["endorsed", "authority_succeeded"]);
    assert_eq!(ledger.events[1].flags, ["from_2026-05-22"]);
    assert_eq!(ledger.act(&governor(0, 0), succeed(3)), Err(Code::AuthorityNotActive));
    assert_eq!(
        ledger.act(&governor(0, 0), with(OFFICES[0][2], OFFICES[0][0])),
        Err(Code::SuccessorInvalid),
        "it ends itself"
    );
    assert!(!succeeds(&ledger.state, &old, &to));
    assert_eq!(ledger.attest(0, 2), Ok(()), "until its day");
    ledger.wait_days(2);
    assert_eq!(ledger.attest(0, 3), Err(Code::AuthorityNotActive));
    assert!(succeeds(&ledger.state, &old, &to));
    assert_eq!(SUCCESSIONS_DUE.read_all(&ledger.state, &(), 9), []);
    let record = ledger.get(&AUTHORITIES, &old).unwrap();
    assert_eq!((record.state, record.successor), (AuthorityState::Merged, Some(to)));
    let kept = AUTHORITY_HISTORY.read_all(&ledger.state, &old, 9);
    assert_eq!(kept.last().unwrap().1, record);
    // The heir has the powers over what the old one attested.
    let revoke = crate::certificate::RevokeAttestation {
        id: id(1),
        kind: crate::certificate::RevocationKind::Annul,
        effective: ledger.today(),
        retroactive: false,
        reason: 3,
        evidence: None,
        occurred_at: ledger.time,
    };
    assert_eq!(ledger.act(&office(0, 1), revoke), Ok(()));
}

#[test]
fn a_reform_across_provinces_needs_both() {
    let mut ledger = Ledger::new();
    let act = SucceedAuthority {
        authority: code(OFFICES[0][0]),
        to: code(OFFICES[1][0]),
        effective_day: ledger.today(),
    };
    assert_eq!(ledger.act(&governor(2, 0), act.clone()), Err(Code::NotOwn));
    ledger.govern(1, act.clone()).unwrap();
    assert_eq!(ledger.attest(0, 1), Ok(()));
    ledger.govern(0, act).unwrap();
    assert_eq!(ledger.attest(0, 2), Err(Code::AuthorityNotActive));
}

#[test]
fn successions_end_before_they_could_not_be_followed() {
    let mut ledger = Ledger::new();
    let mut record = ledger.get(&AUTHORITIES, &code(OFFICES[0][0])).unwrap();
    record.inherited = Some(7);
    ledger.put(&AUTHORITIES, &code(OFFICES[0][0]), &record);
    let step = |from: usize, to: usize| SucceedAuthority {
        authority: code(OFFICES[0][from]),
        to: code(OFFICES[0][to]),
        effective_day: day("2026-05-20"),
    };
    ledger.govern(0, step(0, 1)).unwrap();
    assert_eq!(ledger.get(&AUTHORITIES, &code(OFFICES[0][1])).unwrap().inherited, Some(8));
    assert_eq!(ledger.act(&governor(0, 0), step(1, 2)), Err(Code::SuccessorInvalid));
}

#[test]
fn a_dissolved_authority_names_who_answers() {
    let mut ledger = Ledger::new();
    let authority: Uscc = code(OFFICES[0][0]);
    let dissolve = |custodian| DissolveAuthority { authority, custodian };
    assert_eq!(ledger.act(&governor(0, 0), dissolve(None)), Err(Code::OrphanAttestations));
    let nobody = Some(code("11100000HEFU90017F"));
    assert_eq!(ledger.act(&governor(0, 0), dissolve(nobody)), Err(Code::SuccessorInvalid));
    let custodian = code(OFFICES[0][1]);
    ledger.govern(0, dissolve(Some(custodian))).unwrap();
    assert_eq!(ledger.events[1].flags, [format!("custodian_{custodian}")]);
    assert_eq!(ledger.attest(0, 1), Err(Code::AuthorityNotActive));
    assert!(succeeds(&ledger.state, &authority, &custodian));
    let again = dissolve(Some(custodian));
    assert_eq!(ledger.act(&governor(0, 0), again), Err(Code::AuthorityNotActive));

    // One that never had anything to issue leaves nothing behind.
    ledger.govern(0, new_office()).unwrap();
    ledger.govern(0, DissolveAuthority { authority: new_office().code, custodian: None }).unwrap();
    let gone = ledger.get(&AUTHORITIES, &new_office().code).unwrap();
    assert_eq!((gone.state, gone.successor), (AuthorityState::Dissolved, None));
}
