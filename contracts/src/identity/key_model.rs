//! Random bindings, rotations and revocations of an authority's keys, compared with a model of §3.3
//! that shares no code with the contracts; after each step every key tries to sign an act.

use hefu_primitives::{KeyId, KeyPair, Millis};
use proptest::prelude::*;

use super::*;
use crate::act::Act;
use crate::certificate::SaltDestroyed;
use crate::code::Code;
use crate::testkit::*;

const DAY: u64 = 86_400_000;
/// Keys there are; number 0 is the office's own from genesis.
const COUNT: usize = 9;

fn pair(number: usize) -> KeyPair {
    if number == 0 { office(0, 0).key } else { fresh_key(number as u8) }
}

fn key_id(number: usize) -> KeyId {
    pair(number).id()
}

#[derive(Clone, Copy, Debug)]
enum Op {
    Bind { key: usize, from: i64, days: i64, own: bool },
    Rotate { old: usize, key: usize, overlap: u16, days: i64 },
    Revoke { key: usize, reason: usize, since: Option<i64> },
    Wait(u64),
}

/// By which province's governors, and what.
fn ops() -> impl Strategy<Value = Vec<(usize, Op)>> {
    let key = || 0usize..COUNT;
    let since = prop_oneof![2 => Just(None), 3 => (-5i64..2).prop_map(Some)];
    let op = prop_oneof![
        6 => (key(), -2i64..4, -1i64..40, prop::bool::weighted(0.9))
            .prop_map(|(key, from, days, own)| Op::Bind { key, from, days, own }),
        4 => (key(), key(), 0u16..9, 1i64..30)
            .prop_map(|(old, key, overlap, days)| Op::Rotate { old, key, overlap, days }),
        3 => (key(), 0usize..3, since)
            .prop_map(|(key, reason, since)| Op::Revoke { key, reason, since }),
        4 => (1u64..6).prop_map(Op::Wait),
    ];
    prop::collection::vec((prop_oneof![9 => Just(0usize), 1 => Just(1)], op), 8..40)
}

#[derive(Clone, Debug)]
struct Key {
    from: u64,
    until: u64,
    /// Retiring until.
    retires: Option<u64>,
    /// The reason, as a number, and since when its acts are in question.
    revoked: Option<(usize, u64)>,
}

impl Key {
    fn accepted(&self, now: u64) -> bool {
        let term = self.from <= now && now <= self.until;
        term && self.revoked.is_none() && self.retires.is_none_or(|until| now <= until)
    }

    fn state(&self) -> &'static str {
        match (self.revoked, self.retires) {
            (Some(_), _) => "revoked",
            (None, Some(_)) => "retiring",
            (None, None) => "active",
        }
    }
}

#[derive(Debug)]
struct Model(Vec<Option<Key>>);

impl Model {
    /// What a key that is to be bound must be.
    fn fresh(&self, key: usize, (from, until): (u64, u64), now: u64) -> Result<(), Code> {
        if until <= from || until <= now {
            return Err(Code::KeyTerm);
        }
        if self.0[key].is_some() { Err(Code::KeyExists) } else { Ok(()) }
    }

    fn step(&mut self, by: usize, op: &Op, now: u64) -> Result<(), Code> {
        let at = |days: i64| (now as i64 + days * DAY as i64) as u64;
        match *op {
            Op::Bind { key, from, days, own } => {
                if by != 0 {
                    return Err(Code::NotOwn);
                }
                let term = (at(from) - 1_000, at(from + days) - 1_000);
                self.fresh(key, term, now)?;
                if !own {
                    return Err(Code::BadKeyPossession);
                }
                let live = |k: &&Key| k.state() == "active" && now <= k.until;
                if self.0.iter().flatten().filter(live).count() >= 4 {
                    return Err(Code::TooManyKeys);
                }
                let (retires, revoked) = (None, None);
                self.0[key] = Some(Key { from: term.0, until: term.1, retires, revoked });
            }
            Op::Rotate { old, key, overlap, days } => {
                let found = self.0[old].clone().ok_or(Code::UnknownKey)?;
                if by != 0 {
                    return Err(Code::NotOwn);
                }
                if found.state() != "active" || now > found.until || overlap > 7 {
                    return Err(Code::RotationInvalid);
                }
                let term = (now - 1_000, at(days) - 1_000);
                self.fresh(key, term, now)?;
                let (retires, revoked) = (None, None);
                self.0[key] = Some(Key { from: term.0, until: term.1, retires, revoked });
                // It applies with the second governor's word, a block later.
                let end = now + 1_000 + u64::from(overlap) * DAY;
                self.0[old].as_mut().unwrap().retires = Some(end);
            }
            Op::Revoke { key, reason, since } => {
                let found = self.0[key].as_ref().ok_or(Code::UnknownKey)?;
                if by != 0 {
                    return Err(Code::NotOwn);
                }
                // What ceased or was lost may still turn out to have been compromised, once.
                if found.revoked.is_some_and(|(earlier, _)| reason != 2 || earlier == 2) {
                    return Err(Code::KeyNotActive);
                }
                if (reason == 2) != since.is_some() {
                    return Err(Code::BadField);
                }
                let since = since.map(|days| at(days) - 1_000);
                if since.is_some_and(|since| since > now) {
                    return Err(Code::CompromiseInFuture);
                }
                let revoked = (reason, since.unwrap_or(now + 1_000));
                self.0[key].as_mut().unwrap().revoked = Some(revoked);
            }
            Op::Wait(_) => {}
        }
        Ok(())
    }
}

const REASONS: [RevocationReason; 3] =
    [RevocationReason::Ceased, RevocationReason::Lost, RevocationReason::Compromised];

fn act_of(op: &Op, ledger: &Ledger) -> Act {
    let (now, owner) = (ledger.time.0 as i64, office(0, 0).authority);
    let at = |days: i64| Millis((now + days * DAY as i64) as u64);
    let signed = |key: usize, roles: Vec<Role>, (not_before, not_after): (Millis, Millis)| {
        let statement = Possession { chain: CHAIN, owner, roles, not_before, not_after };
        statement.sign(&pair(key))
    };
    match *op {
        Op::Bind { key, from, days, own } => {
            let (roles, term) = (vec![Role::Issuer], (at(from), at(from + days)));
            let signer = if own { key } else { (key + 1) % COUNT };
            let possession = signed(signer, roles.clone(), term);
            let key = pair(key).public();
            BindKey { owner, key, roles, not_before: term.0, not_after: term.1, possession }.into()
        }
        Op::Rotate { old, key, overlap: overlap_days, days } => {
            let roles = if old == 0 { all_roles() } else { vec![Role::Issuer] };
            // A rotated key has the roles of the old one, and so on.
            let known = ledger.get(&KEYS, &key_id(old)).map(|record| record.roles);
            let term = (at(0), at(days));
            let possession = signed(key, known.unwrap_or(roles), term);
            let (old, key) = (key_id(old), pair(key).public());
            let (not_before, not_after) = term;
            RotateKey { old, key, not_before, not_after, overlap_days, possession }.into()
        }
        Op::Revoke { key, reason, since } => {
            RevokeKey { key: key_id(key), reason: REASONS[reason], since: since.map(at) }.into()
        }
        Op::Wait(_) => unreachable!(),
    }
}

fn compare(ledger: &mut Ledger, model: &Model) {
    for (number, key) in model.0.iter().enumerate() {
        let record = ledger.get(&KEYS, &key_id(number));
        let signer = Actor { authority: office(0, 0).authority, key: pair(number) };
        let next = ledger.time.0 + 1_000;
        // An act that is refused for what it says, once its key is accepted.
        let expected = match key {
            None => Code::UnknownKey,
            Some(key) if key.accepted(next) => Code::UnknownAttestation,
            Some(_) => Code::KeyNotActive,
        };
        assert_eq!(ledger.act(&signer, SaltDestroyed { id: id(99) }), Err(expected), "{number}");
        let Some((key, record)) = key.as_ref().zip(record) else { continue };
        let state = serde_json::to_value(record.state).unwrap();
        assert_eq!(state.as_str(), Some(key.state()), "{number}");
        let compromised = key.revoked.filter(|(reason, _)| *reason == 2).map(|(_, since)| since);
        for at in [ledger.time.0, ledger.time.0 - 3 * DAY] {
            let questioned = compromised.is_some_and(|since| at >= since);
            assert_eq!(record.questions(Millis(at)), questioned, "{number}");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(20) })]

    #[test]
    fn keys_follow_the_model(ops in ops()) {
        let mut ledger = Ledger::new();
        let first = ledger.get(&KEYS, &key_id(0)).unwrap();
        let (from, until) = (first.not_before.0, first.not_after.0);
        let mut model = Model(vec![None; COUNT]);
        model.0[0] = Some(Key { from, until, retires: None, revoked: None });
        for (by, op) in ops {
            if let Op::Wait(days) = op {
                ledger.wait_days(days);
                ledger.block(&[]);
            } else {
                let act = act_of(&op, &ledger);
                let expected = model.step(by, &op, ledger.time.0 + 1_000);
                let found = ledger.govern(by, act);
                prop_assert_eq!(found, expected, "{} {:?} {:?}", by, op, model);
            }
            compare(&mut ledger, &model);
        }
    }
}
