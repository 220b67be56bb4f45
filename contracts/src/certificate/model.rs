//! Random acts by random actors on a few certificates, compared with a model of §3.5 that shares no
//! code with the contracts: for each certificate a calendar in which every act paints the days it
//! speaks of. Compared are errors, events, and the status about days around today.

use std::collections::BTreeMap;

use hefu_primitives::{KeyPair, Millis};
use proptest::prelude::*;

use super::*;
use crate::act::Act;
use crate::code::Code;
use crate::common::EvidenceRef;
use crate::identity::{BindKey, Possession, RevocationReason, RevokeKey, Role, SucceedAuthority};
use crate::testkit::*;

const DAY: u64 = 86_400_000;
/// Days of a calendar; the first day is that of the start.
const DAYS: usize = 140;

/// The issuer's key, a second key of the issuer, an office of the same province that may take over,
/// an office elsewhere.
const OLD_KEY: usize = 0;
const FRESH_KEY: usize = 1;
const HEIR: usize = 2;
/// Whoever may act for the certificate then.
const OWNER: usize = 9;

fn fresh() -> KeyPair {
    fresh_key(1)
}

fn actor(number: usize) -> Actor {
    match number {
        OLD_KEY => office(0, 0),
        FRESH_KEY => Actor { key: fresh(), ..office(0, 0) },
        HEIR => office(0, 1),
        _ => office(1, 0),
    }
}

/// The office an actor acts for.
fn office_of(actor: usize) -> usize {
    actor.saturating_sub(1)
}

#[derive(Clone, Copy, Debug)]
enum Op {
    Attest { id: u8, from: i64, days: i64, previous: Option<(u8, bool)> },
    Suspend { id: u8, reason: u16, effective: i64, until: Option<i64>, said: i64 },
    Resume { id: u8, effective: i64, said: i64 },
    Revoke { id: u8, kind: usize, reaching_back: bool, effective: i64, evidence: bool, said: i64 },
    Reaffirm(u8),
    Salt(u8),
    Compromise(u64),
    Succeed,
    Wait(u64),
}

fn ops() -> impl Strategy<Value = Vec<(usize, Op)>> {
    let id = || prop_oneof![3 => Just(1u8), 2 => Just(2), 1 => Just(3)];
    let said = || prop_oneof![3 => Just(0i64), 1 => Just(-1)];
    let effective = || prop_oneof![5 => Just(0i64), 1 => Just(-1), 1 => Just(1)];
    let op = prop_oneof![
        12 => (id(), -2i64..3, 0i64..30, prop::option::weighted(0.3, (id(), any::<bool>())))
            .prop_map(|(id, from, days, previous)| Op::Attest { id, from, days, previous }),
        24 => (id(), 0u16..6, effective(), prop::option::of(-1i64..4), said())
            .prop_map(|(id, reason, effective, until, said)| {
                Op::Suspend { id, reason: reason.min(1), effective, until, said }
            }),
        18 => (id(), effective(), said())
            .prop_map(|(id, effective, said)| Op::Resume { id, effective, said }),
        5 => (id(), 0usize..5, prop::bool::weighted(0.3), -4i64..2, any::<bool>(), said()).prop_map(
            |(id, kind, reaching_back, effective, evidence, said)| {
                Op::Revoke { id, kind, reaching_back, effective, evidence, said }
            }
        ),
        8 => id().prop_map(Op::Reaffirm),
        2 => id().prop_map(Op::Salt),
        2 => (0u64..9).prop_map(Op::Compromise),
        1 => Just(Op::Succeed),
        14 => (1u64..4).prop_map(Op::Wait),
    ];
    let by = prop_oneof![9 => Just(OWNER), 1 => 0usize..4];
    let first =
        (1u8..4).prop_map(|id| (OWNER, Op::Attest { id, from: 0, days: 20, previous: None }));
    (first, prop::collection::vec((by, op), 15..80)).prop_map(|(first, mut ops)| {
        ops.insert(0, first);
        ops
    })
}

/// What a day of a certificate is painted with.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Paint {
    Good,
    Suspended,
    Revoked,
    Superseded,
}

/// An act that a certificate rests on: which actor, when, in which order.
type Support = (usize, u64, usize);

#[derive(Debug)]
struct Certificate {
    owner: usize,
    issued: i64,
    from: i64,
    until: i64,
    calendar: Vec<(Paint, Option<Support>)>,
    /// The last day from which an act took effect, and those still to come.
    effects: Vec<i64>,
    rests_on: Vec<Support>,
    reaffirmed: usize,
    replaced: bool,
    unopenable: bool,
}

#[derive(Debug, Default)]
struct Model {
    certificates: BTreeMap<u8, Certificate>,
    compromised_since: Option<u64>,
    succeeded: bool,
    acts: usize,
}

/// The event's kind and flags, or the error.
type Answered = Result<(&'static str, Vec<String>), Code>;

fn day_of(ms: u64) -> i64 {
    ((ms + DAY / 3) / DAY) as i64 - ((start().0 + DAY / 3) / DAY) as i64
}

fn reason() -> Vec<String> {
    vec!["reason_1".to_owned()]
}

impl Model {
    /// Who may act for a certificate, or make one.
    fn right(&self, op: &Op) -> usize {
        let id = match *op {
            Op::Attest { previous: Some((id, _)), .. } => id,
            Op::Suspend { id, .. } | Op::Resume { id, .. } | Op::Revoke { id, .. } => id,
            Op::Reaffirm(id) | Op::Salt(id) => id,
            _ => 0,
        };
        match self.certificates.get(&id).map_or(0, |found| found.owner) {
            0 if self.succeeded => HEIR,
            0 if self.compromised_since.is_some() => FRESH_KEY,
            0 => self.acts % 2,
            owner => owner + 1,
        }
    }

    fn may_sign(&self, by: usize) -> Result<(), Code> {
        if by == OLD_KEY && self.compromised_since.is_some() {
            return Err(Code::KeyNotActive);
        }
        if self.succeeded && by <= FRESH_KEY { Err(Code::AuthorityNotActive) } else { Ok(()) }
    }

    fn owns(&self, by: usize, owner: usize) -> bool {
        office_of(by) == owner || (self.succeeded && owner == 0 && by == HEIR)
    }

    fn own(&mut self, by: usize, id: u8) -> Result<&mut Certificate, Code> {
        let owner = self.certificates.get(&id).map(|found| found.owner);
        let owner = owner.ok_or(Code::UnknownAttestation)?;
        if !self.owns(by, owner) {
            return Err(Code::NotIssuer);
        }
        Ok(self.certificates.get_mut(&id).unwrap())
    }

    fn step(&mut self, by: usize, op: &Op, now: u64) -> Answered {
        self.may_sign(by)?;
        self.acts += 1;
        let (today, support) = (day_of(now), (by, now, self.acts));
        match *op {
            Op::Attest { id, from, days, previous } => {
                self.attest(by, id, (today, from, days), previous, support)
            }
            Op::Suspend { id, reason: given, effective, until, said } => {
                let found = self.own(by, id)?;
                if given == 0 {
                    return Err(Code::ReasonRequired);
                }
                if found.standing(today)? == Paint::Suspended {
                    return Err(Code::BadState);
                }
                if until.is_some_and(|until| until < effective) {
                    return Err(Code::BadDates);
                }
                let first = found.in_order(today, today + effective, said)?;
                let last = until.map_or(DAYS as i64, |until| today + until);
                found.paint(first, last, (Paint::Suspended, Some(support)));
                found.effects.push(first);
                Ok(("attestation_suspended", reason()))
            }
            Op::Resume { id, effective, said } => {
                let found = self.own(by, id)?;
                if found.standing(today)? != Paint::Suspended {
                    return Err(Code::BadState);
                }
                let first = found.in_order(today, today + effective, said)?;
                found.paint(first, DAYS as i64, (Paint::Good, None));
                found.effects.push(first);
                found.rests_on.push(support);
                Ok(("attestation_resumed", reason()))
            }
            Op::Revoke { id, kind, reaching_back, effective, evidence, said } => {
                let found = self.own(by, id)?;
                found.standing(today)?;
                if kind == 4 && !evidence {
                    return Err(Code::KindInvalid);
                }
                if effective > 0 || today + effective < found.issued {
                    return Err(Code::BadDates);
                }
                let allowed = if reaching_back { kind == 0 } else { effective >= said };
                if !allowed {
                    return Err(Code::RetroactiveNotAllowed);
                }
                found.paint(today + effective, DAYS as i64, (Paint::Revoked, Some(support)));
                found.effects.push(today + effective);
                let mut flags = vec![KINDS[kind].1.to_owned()];
                flags.extend(reason());
                flags.extend(reaching_back.then(|| "retroactive".to_owned()));
                Ok(("attestation_revoked", flags))
            }
            Op::Reaffirm(id) => {
                let since = self.compromised_since;
                let found = self.own(by, id)?;
                if !found.questioned(today, since) {
                    return Err(Code::NotQuestioned);
                }
                found.rests_on = vec![support];
                found.reaffirmed = support.2;
                Ok(("attestation_reaffirmed", vec![]))
            }
            Op::Salt(id) => {
                let found = self.own(by, id)?;
                if found.unopenable {
                    return Err(Code::BadState);
                }
                found.unopenable = true;
                Ok(("salt_destroyed", vec![]))
            }
            Op::Compromise(_) | Op::Succeed | Op::Wait(_) => unreachable!(),
        }
    }

    fn attest(
        &mut self,
        by: usize,
        id: u8,
        (today, from, days): (i64, i64, i64),
        previous: Option<(u8, bool)>,
        support: Support,
    ) -> Answered {
        if self.certificates.contains_key(&id) {
            return Err(Code::IdReused);
        }
        if let Some((old, correction)) = previous {
            let owner = self.certificates.get(&old).map(|found| found.owner);
            let owner = owner.ok_or(Code::PrevInvalid)?;
            if !self.owns(by, owner) {
                return Err(Code::NotIssuer);
            }
            let old = self.certificates.get_mut(&old).unwrap();
            if old.replaced {
                return Err(Code::Fork);
            }
            match old.calendar[today as usize].0 {
                Paint::Suspended => return Err(Code::PrevInvalid),
                Paint::Revoked if !correction => return Err(Code::PrevInvalid),
                _ => {}
            }
            let first = today + from.max(0);
            old.paint(first, DAYS as i64, (Paint::Superseded, Some(support)));
            old.effects.push(first);
            old.replaced = true;
        }
        let certificate = Certificate {
            owner: office_of(by),
            issued: today,
            from: today + from,
            until: today + from + days,
            calendar: vec![(Paint::Good, None); DAYS],
            effects: vec![today],
            rests_on: vec![support],
            reaffirmed: 0,
            replaced: false,
            unopenable: false,
        };
        self.certificates.insert(id, certificate);
        Ok(("attested", vec![]))
    }
}

impl Certificate {
    /// Terminal states stay, but for what reaches further back: a revocation over a supersession.
    fn paint(&mut self, first: i64, last: i64, with: (Paint, Option<Support>)) {
        for day in first.max(0)..=last.min(DAYS as i64 - 1) {
            let cell = &mut self.calendar[day as usize];
            let stays = match cell.0 {
                Paint::Revoked => true,
                Paint::Superseded => with.0 != Paint::Revoked,
                _ => false,
            };
            if !stays {
                *cell = with;
            }
        }
    }

    fn standing(&self, today: i64) -> Result<Paint, Code> {
        match self.calendar[today as usize].0 {
            Paint::Revoked | Paint::Superseded => Err(Code::Terminal),
            paint => Ok(paint),
        }
    }

    /// Not before what took effect already nor after today; not before it was decided.
    fn in_order(&self, today: i64, effective: i64, said: i64) -> Result<i64, Code> {
        let last = self.effects.iter().copied().filter(|day| *day <= today).max().unwrap();
        if effective < last || effective > today {
            return Err(Code::BadDates);
        }
        if effective < today + said { Err(Code::RetroactiveNotAllowed) } else { Ok(effective) }
    }

    fn questioned(&self, day: i64, since: Option<u64>) -> bool {
        let Some(since) = since else { return false };
        let bad = |(by, at, _): &Support| *by == OLD_KEY && *at >= since;
        let decided = self.calendar[day as usize].1.filter(|support| support.2 > self.reaffirmed);
        self.rests_on.iter().any(bad) || decided.is_some_and(|support| bad(&support))
    }

    fn status(&self, day: i64, since: Option<u64>) -> &'static str {
        match self.calendar[day as usize].0 {
            Paint::Suspended => "suspended",
            Paint::Revoked => "revoked",
            Paint::Superseded => "superseded",
            Paint::Good if day < self.from => "not_yet_valid",
            Paint::Good if day > self.until => "expired",
            Paint::Good if self.questioned(day, since) => "questioned",
            Paint::Good => "active",
        }
    }
}

const KINDS: [(RevocationKind, &str); 5] = [
    (RevocationKind::Annul, "annul"),
    (RevocationKind::Penalty, "penalty"),
    (RevocationKind::Deregister, "deregister"),
    (RevocationKind::Lapse, "lapse"),
    (RevocationKind::Other, "other"),
];

fn act_of(by: usize, op: &Op, ledger: &Ledger) -> Act {
    let day = |offset: i64| ledger.today().add_days(offset).unwrap();
    let at = |said: i64| Millis((ledger.time.0 as i64 + said * DAY as i64) as u64);
    match *op {
        Op::Attest { id: number, from, days, previous } => Attest {
            region: if by == 3 { REGIONS[1] } else { REGIONS[0] },
            valid_from: day(from),
            valid_until: Some(day(from + days)),
            previous: previous.map(|(old, correction)| Previous {
                id: id(old),
                reason: if correction {
                    SupersedeReason::Correction
                } else {
                    SupersedeReason::Change
                },
            }),
            ..ledger.driving_licence(number)
        }
        .into(),
        Op::Suspend { id: number, reason, effective, until, said } => SuspendAttestation {
            id: id(number),
            reason,
            effective: day(effective),
            until: until.map(day),
            occurred_at: at(said),
        }
        .into(),
        Op::Resume { id: number, effective, said } => ResumeAttestation {
            id: id(number),
            reason: 1,
            effective: day(effective),
            occurred_at: at(said),
        }
        .into(),
        Op::Revoke { id: number, kind, reaching_back, effective, evidence, said } => {
            RevokeAttestation {
                id: id(number),
                kind: KINDS[kind].0,
                effective: day(effective),
                retroactive: reaching_back,
                reason: 1,
                evidence: evidence.then(|| EvidenceRef { kind: 1, commit: digest(4), bytes: 10 }),
                occurred_at: at(said),
            }
            .into()
        }
        Op::Reaffirm(number) => {
            Reaffirm { scope: ReaffirmScope::Attestations(vec![id(number)]) }.into()
        }
        Op::Salt(number) => SaltDestroyed { id: id(number) }.into(),
        Op::Compromise(_) | Op::Succeed | Op::Wait(_) => unreachable!(),
    }
}

/// A ledger whose issuer has a second key.
fn with_second_key() -> Ledger {
    let mut ledger = Ledger::new();
    let (owner, roles) = (office(0, 0).authority, vec![Role::Issuer]);
    let (not_before, not_after) = (ledger.time, Millis(ledger.time.0 + 300 * DAY));
    let statement = Possession { chain: CHAIN, owner, roles: roles.clone(), not_before, not_after };
    let (key, possession) = (fresh().public(), statement.sign(&fresh()));
    ledger.govern(0, BindKey { owner, key, roles, not_before, not_after, possession }).unwrap();
    ledger
}

fn compare(ledger: &Ledger, model: &Model) {
    let today = day_of(ledger.time.0);
    for (number, certificate) in &model.certificates {
        let record = ledger.get(&ATTESTATIONS, &id(*number)).unwrap();
        for offset in -3..=2 {
            let (day, about) = (today + offset, ledger.today().add_days(offset).unwrap());
            if day < 0 {
                continue;
            }
            let answer = status(&ledger.state, &record, about, ledger.height).unwrap();
            let word = serde_json::to_value(answer.status).unwrap();
            let since = model.compromised_since;
            assert_eq!(word.as_str(), Some(certificate.status(day, since)), "{number} {offset}");
            assert_eq!(answer.questioned, certificate.questioned(day, since), "{number} {offset}");
            assert_eq!(answer.unopenable, certificate.unopenable);
        }
    }
}

/// Does one step on both sides.
fn step(ledger: &mut Ledger, model: &mut Model, by: usize, op: Op) {
    match op {
        Op::Wait(days) => {
            if day_of(ledger.time.0) < DAYS as i64 - 40 {
                ledger.wait_days(days);
            }
        }
        Op::Compromise(days) if model.compromised_since.is_none() => {
            let since = Millis(ledger.time.0 - days * DAY);
            let (key, reason) = (office(0, 0).key.id(), RevocationReason::Compromised);
            let revoke = RevokeKey { key, reason, since: Some(since) };
            ledger.govern(0, revoke).unwrap();
            model.compromised_since = Some(since.0);
        }
        Op::Succeed if !model.succeeded => {
            let (authority, to) = (office(0, 0).authority, office(0, 1).authority);
            let effective_day = ledger.today();
            ledger.govern(0, SucceedAuthority { authority, to, effective_day }).unwrap();
            model.succeeded = true;
        }
        Op::Compromise(_) | Op::Succeed => {}
        op => {
            let by = if by == OWNER { model.right(&op) } else { by };
            let act = act_of(by, &op, ledger);
            let expected = model.step(by, &op, ledger.time.0 + 1_000);
            let found = ledger.act(&actor(by), act);
            assert_eq!(found, expected.clone().map(|_| ()), "{by} {op:?} {model:?}");
            if let Ok((kind, flags)) = expected {
                let event = ledger.events.last().unwrap();
                assert_eq!((event.kind.as_str(), &event.flags), (kind, &flags), "{by} {op:?}");
            }
        }
    }
    compare(ledger, model);
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(48) })]

    #[test]
    fn certificates_follow_the_model(ops in ops()) {
        let (mut ledger, mut model) = (with_second_key(), Model::default());
        for (by, op) in ops {
            step(&mut ledger, &mut model, by, op);
        }
    }
}
