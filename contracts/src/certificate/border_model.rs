//! Random offers, takings-over, requests of other provinces and leaves of a batch, compared with a
//! small model of the border's tables that shares no code with the contracts: errors, events, and
//! how every certificate stands after each act.

use std::collections::BTreeMap;

use hefu_primitives::codec::Canonical;
use hefu_primitives::commitment::Salt;
use hefu_primitives::log::{MemoryLog, inclusion_proof};
use proptest::prelude::*;

use super::*;
use crate::act::Act;
use crate::code::Code;
use crate::common::EvidenceRef;
use crate::leaf::{self, LeafProof};
use crate::testkit::*;

/// Who acts: the first office of each province, and one with no role but the auditor's.
const AUDITOR: usize = 4;
/// Whoever may act for the certificate then.
const OWNER: usize = 9;
/// Leaves of the batch: certificates of the first province once they are records.
const LEAVES: u8 = 3;
const BATCH: u8 = 200;

#[derive(Clone, Copy, Debug)]
enum Op {
    Offer { id: u8, to: usize },
    Cancel(u8),
    Take { id: u8, of: u8, later: i64 },
    Suspend(u8),
    Resume(u8),
    Revoke(u8),
    Ask { request: u8, id: u8, revoke: bool },
    Answer { request: u8, with: With },
    Withdraw(u8),
    Materialise { leaf: u8, proven: bool },
    Wait(u64),
}

#[derive(Clone, Copy, Debug)]
enum With {
    Suspension,
    Revocation,
    Refusal,
}

fn ops() -> impl Strategy<Value = Vec<(usize, Op)>> {
    let id = || prop_oneof![6 => 1u8..4, 1 => 4u8..7, 2 => 11u8..14];
    let request = || 0u8..3;
    let with = prop_oneof![Just(With::Suspension), Just(With::Revocation), Just(With::Refusal)];
    let op = prop_oneof![
        6 => (id(), 0usize..5).prop_map(|(id, to)| Op::Offer { id, to }),
        2 => id().prop_map(Op::Cancel),
        6 => (1u8..7, id(), prop_oneof![2 => Just(0i64), 1 => Just(3)])
            .prop_map(|(id, of, later)| Op::Take { id, of, later }),
        2 => id().prop_map(Op::Suspend),
        2 => id().prop_map(Op::Resume),
        1 => id().prop_map(Op::Revoke),
        4 => (request(), id(), any::<bool>())
            .prop_map(|(request, id, revoke)| Op::Ask { request, id, revoke }),
        4 => (request(), with).prop_map(|(request, with)| Op::Answer { request, with }),
        1 => request().prop_map(Op::Withdraw),
        2 => (0..LEAVES, prop::bool::weighted(0.8))
            .prop_map(|(leaf, proven)| Op::Materialise { leaf, proven }),
        4 => prop_oneof![4 => 1u64..4, 1 => Just(44)].prop_map(Op::Wait),
    ];
    let by = prop_oneof![6 => Just(OWNER), 3 => 0usize..4, 1 => Just(AUDITOR)];
    prop::collection::vec((by, op), 10..50)
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum State {
    Good,
    Suspended,
    Revoked,
}

#[derive(Clone, Debug)]
struct Certificate {
    owner: usize,
    from: i64,
    state: State,
    /// The province it is offered to, and the day on which it was.
    offer: Option<(usize, i64)>,
    /// From when on another one stands in its place.
    gone: Option<i64>,
}

#[derive(Clone, Debug)]
struct Request {
    of: u8,
    by: usize,
    revoke: bool,
    since: i64,
    open: bool,
}

#[derive(Debug, Default)]
struct Model {
    certificates: BTreeMap<u8, Certificate>,
    requests: BTreeMap<u8, Request>,
}

/// Working days from 20 May 2026, a Wednesday, on: weekends and 19 June are free, and the months
/// that the model reaches know no other exception.
fn works(day: i64) -> bool {
    (2 + day).rem_euclid(7) < 5 && day != 30
}

/// The last of so many working days after a day.
fn last_day(since: i64, mut days: u32) -> i64 {
    let mut day = since;
    while days > 0 {
        day += 1;
        days -= u32::from(works(day));
    }
    day
}

fn day_of(ledger: &Ledger) -> i64 {
    let since = |ms: u64| (ms / 1_000 + 8 * 3_600) / 86_400;
    since(ledger.time.0) as i64 - since(start().0) as i64
}

impl Certificate {
    fn new(owner: usize, from: i64) -> Self {
        Self { owner, from, state: State::Good, offer: None, gone: None }
    }

    fn is_gone(&self, today: i64) -> bool {
        self.state != State::Revoked && self.gone.is_some_and(|day| day <= today)
    }

    fn status(&self, today: i64) -> &'static str {
        match self.state {
            State::Revoked => "revoked",
            _ if self.is_gone(today) => "transferred",
            State::Suspended => "suspended",
            State::Good if today < self.from => "not_yet_valid",
            State::Good => "active",
        }
    }

    fn stands(&self, today: i64) -> Result<(), Code> {
        let ended = self.state == State::Revoked || self.is_gone(today);
        if ended { Err(Code::Terminal) } else { Ok(()) }
    }

    /// Whom it is offered to, if nobody has taken it.
    fn offered(&self, today: i64) -> Result<usize, Code> {
        match self.offer.filter(|_| self.gone.is_none()) {
            None => Err(Code::NotTransferring),
            Some((_, since)) if today > last_day(since, 30) => Err(Code::TransferLapsed),
            Some((to, _)) => Ok(to),
        }
    }

    fn suspend(&mut self, today: i64) -> Result<(), Code> {
        self.stands(today)?;
        if self.state == State::Suspended {
            return Err(Code::BadState);
        }
        (self.state, self.offer) = (State::Suspended, None);
        Ok(())
    }

    fn revoke(&mut self, today: i64) -> Result<(), Code> {
        self.stands(today)?;
        (self.state, self.offer) = (State::Revoked, None);
        Ok(())
    }
}

/// The kinds of the events, or the error.
type Answered = Result<Vec<&'static str>, Code>;

impl Model {
    /// Who is to do it.
    fn right(&self, op: &Op) -> usize {
        let owner = |id: &u8| self.certificates.get(id).map_or(0, |found| found.owner);
        match op {
            Op::Offer { id, .. }
            | Op::Cancel(id)
            | Op::Suspend(id)
            | Op::Resume(id)
            | Op::Revoke(id) => owner(id),
            Op::Take { of, .. } => {
                let offer = self.certificates.get(of).and_then(|found| found.offer);
                offer.map_or(1, |(to, _)| to)
            }
            Op::Ask { id, .. } => (owner(id) + 1) % 4,
            Op::Answer { request, .. } => {
                self.requests.get(request).map_or(0, |request| owner(&request.of))
            }
            Op::Withdraw(request) => self.requests.get(request).map_or(1, |request| request.by),
            Op::Materialise { .. } | Op::Wait(_) => 2,
        }
    }

    fn own(&mut self, by: usize, id: u8) -> Result<&mut Certificate, Code> {
        let found = self.certificates.get_mut(&id).ok_or(Code::UnknownAttestation)?;
        if found.owner == by { Ok(found) } else { Err(Code::NotIssuer) }
    }

    fn step(&mut self, by: usize, op: Op, today: i64) -> Answered {
        if let Op::Materialise { leaf, proven } = op {
            if !proven {
                return Err(Code::BadProof);
            }
            if self.certificates.contains_key(&(11 + leaf)) {
                return Err(Code::IdReused);
            }
            self.certificates.insert(11 + leaf, Certificate::new(0, 0));
            return Ok(vec!["materialised"]);
        }
        if let Op::Answer { request, .. } = op {
            self.open(request)?;
        }
        if by == AUDITOR {
            return Err(Code::RoleMissing);
        }
        match op {
            Op::Offer { id, to } => {
                let found = self.own(by, id)?;
                if to == by || to == 4 {
                    return Err(Code::TransferRegion);
                }
                found.stands(today)?;
                if found.gone.is_some() {
                    return Err(Code::Fork);
                }
                if found.status(today) != "active" || found.offered(today).is_ok() {
                    return Err(Code::BadState);
                }
                found.offer = Some((to, today));
                Ok(vec!["transfer_offered"])
            }
            Op::Cancel(id) => {
                let found = self.own(by, id)?;
                found.offered(today)?;
                found.offer = None;
                Ok(vec!["transfer_cancelled"])
            }
            Op::Take { id, of, later } => {
                if self.certificates.contains_key(&id) {
                    return Err(Code::IdReused);
                }
                let old = self.certificates.get_mut(&of).ok_or(Code::PrevInvalid)?;
                if old.gone.is_some() {
                    return Err(Code::Fork);
                }
                if old.offered(today)? != by {
                    return Err(Code::NotTransferring);
                }
                old.gone = Some(today + later);
                self.certificates.insert(id, Certificate::new(by, today + later));
                Ok(vec!["attestation_transferred", "attested"])
            }
            Op::Suspend(id) => {
                self.own(by, id)?.suspend(today)?;
                Ok(vec!["attestation_suspended"])
            }
            Op::Resume(id) => {
                let found = self.own(by, id)?;
                found.stands(today)?;
                if found.state != State::Suspended {
                    return Err(Code::BadState);
                }
                found.state = State::Good;
                Ok(vec!["attestation_resumed"])
            }
            Op::Revoke(id) => {
                self.own(by, id)?.revoke(today)?;
                Ok(vec!["attestation_revoked"])
            }
            Op::Ask { request, id, revoke } => {
                if self.requests.contains_key(&request) {
                    return Err(Code::IdReused);
                }
                let found = self.certificates.get(&id).ok_or(Code::UnknownAttestation)?;
                if found.owner == by {
                    return Err(Code::StatusRequestInvalid);
                }
                found.stands(today)?;
                let asked = Request { of: id, by, revoke, since: today, open: true };
                self.requests.insert(request, asked);
                Ok(vec!["status_requested"])
            }
            Op::Answer { request, with } => self.answer(by, request, with, today),
            Op::Withdraw(request) => {
                let found = self.open(request)?;
                if found.by != by {
                    return Err(Code::StatusRequestInvalid);
                }
                found.open = false;
                Ok(vec!["status_request_withdrawn"])
            }
            Op::Materialise { .. } | Op::Wait(_) => unreachable!(),
        }
    }

    fn open(&mut self, request: u8) -> Result<&mut Request, Code> {
        let found = self.requests.get_mut(&request).ok_or(Code::UnknownStatusRequest)?;
        if found.open { Ok(found) } else { Err(Code::StatusRequestState) }
    }

    fn answer(&mut self, by: usize, request: u8, with: With, today: i64) -> Answered {
        let Request { of, revoke, .. } = *self.open(request)?;
        let found = self.own(by, of)?;
        let kinds = match with {
            With::Suspension if !revoke => {
                found.suspend(today)?;
                vec!["attestation_suspended", "status_request_accepted"]
            }
            With::Revocation if revoke => {
                found.revoke(today)?;
                vec!["attestation_revoked", "status_request_accepted"]
            }
            With::Refusal => vec!["status_request_refused"],
            _ => return Err(Code::StatusRequestInvalid),
        };
        self.open(request)?.open = false;
        Ok(kinds)
    }

    /// Whether an answer today would be late.
    fn is_late(&self, op: &Op, today: i64) -> bool {
        let Op::Answer { request, .. } = op else { return false };
        let since = self.requests.get(request).map(|request| request.since);
        since.is_some_and(|since| today > last_day(since, 5))
    }
}

/// The leaves, and the tree over them.
fn stock(ledger: &Ledger) -> (Vec<Attest>, MemoryLog) {
    let leaves: Vec<Attest> = (0..LEAVES).map(|leaf| ledger.driving_licence(11 + leaf)).collect();
    let mut tree = MemoryLog::new();
    for (place, body) in leaves.iter().enumerate() {
        tree.append(leaf::hash(&salt(place), &body.to_bytes())).unwrap();
    }
    (leaves, tree)
}

fn salt(place: usize) -> Salt {
    Salt::new([place as u8 + 0x40; 32])
}

fn materialise((leaves, tree): &(Vec<Attest>, MemoryLog), place: u8, proven: bool) -> Materialise {
    let size = u64::from(LEAVES);
    let path = inclusion_proof(tree, u64::from(place), size).unwrap().path;
    let salt = salt(usize::from(place) + usize::from(!proven));
    let proof = LeafProof { leaf: u32::from(place), salt, path };
    let attestation = leaves[usize::from(place)].clone();
    Materialise { batch_id: id(BATCH), proof, attestation }
}

fn suspend(ledger: &Ledger, number: u8) -> SuspendAttestation {
    let (id, effective, until) = (id(number), ledger.today(), None);
    SuspendAttestation { id, reason: 12, effective, until, occurred_at: ledger.time }
}

fn revoke(ledger: &Ledger, number: u8) -> RevokeAttestation {
    RevokeAttestation {
        id: id(number),
        kind: RevocationKind::Penalty,
        effective: ledger.today(),
        retroactive: false,
        reason: 3,
        evidence: None,
        occurred_at: ledger.time,
    }
}

fn act_of(
    by: usize,
    op: Op,
    ledger: &Ledger,
    model: &Model,
    stock: &(Vec<Attest>, MemoryLog),
) -> Act {
    let (now, today) = (ledger.time, ledger.today());
    match op {
        Op::Offer { id: number, to } => {
            let to = REGIONS.get(to).copied().unwrap_or(hefu_primitives::Region(410_000));
            TransferOut { id: id(number), to, occurred_at: now }.into()
        }
        Op::Cancel(number) => CancelTransfer { id: id(number), occurred_at: now }.into(),
        Op::Take { id: number, of, later } => {
            let previous = Some(Previous { id: id(of), reason: SupersedeReason::Transfer });
            let region = REGIONS[by % 4];
            let valid_from = today.add_days(later).unwrap();
            let licence = ledger.driving_licence(number);
            TransferIn { attestation: Attest { region, previous, valid_from, ..licence } }.into()
        }
        Op::Suspend(number) => suspend(ledger, number).into(),
        Op::Resume(number) => {
            let (id, effective) = (id(number), today);
            ResumeAttestation { id, reason: 1, effective, occurred_at: now }.into()
        }
        Op::Revoke(number) => revoke(ledger, number).into(),
        Op::Ask { request, id: number, revoke } => RequestStatus {
            request_id: id(100 + request),
            att_id: id(number),
            wanted: if revoke { WantedChange::Revoke } else { WantedChange::Suspend },
            reason: 7,
            evidence: vec![EvidenceRef { kind: 1, commit: digest(1), bytes: 10 }],
            days: 5,
            occurred_at: now,
        }
        .into(),
        Op::Answer { request, with } => {
            let of = model.requests.get(&request).map_or(1, |request| request.of);
            let answer = match with {
                With::Suspension => RequestAnswer::Suspend(suspend(ledger, of)),
                With::Revocation => RequestAnswer::Revoke(revoke(ledger, of)),
                With::Refusal => RequestAnswer::Refuse { reason: 3, evidence: None },
            };
            AnswerStatusRequest { request_id: id(100 + request), answer }.into()
        }
        Op::Withdraw(request) => WithdrawStatusRequest { request_id: id(100 + request) }.into(),
        Op::Materialise { leaf, proven } => materialise(stock, leaf, proven).into(),
        Op::Wait(_) => unreachable!(),
    }
}

fn compare(ledger: &Ledger, model: &Model) {
    let today = day_of(ledger);
    for number in (1..7).chain(11..14) {
        let record = ledger.get(&ATTESTATIONS, &id(number));
        assert_eq!(record.is_some(), model.certificates.contains_key(&number), "{number}");
        let (Some(record), Some(own)) = (record, model.certificates.get(&number)) else { continue };
        let answer = status(&ledger.state, &record, ledger.today(), ledger.height).unwrap();
        let word = serde_json::to_value(answer.status).unwrap();
        assert_eq!(word.as_str(), Some(own.status(today)), "{number}: {own:?}");
        let offered = own.offered(today).ok().map(|to| REGIONS[to]);
        assert_eq!(answer.transfer.map(|offer| offer.to), offered, "{number}: {own:?}");
    }
    for (number, own) in &model.requests {
        let record = ledger.get(&STATUS_REQUESTS, &id(100 + number)).unwrap();
        assert_eq!(record.end.is_none(), own.open);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(40) })]

    #[test]
    fn the_border_follows_the_model(ops in ops()) {
        let (mut ledger, mut model) = (Ledger::new(), Model::default());
        for number in 1..3u8 {
            ledger.attest(0, number).unwrap();
            model.certificates.insert(number, Certificate::new(0, 0));
        }
        let stock = stock(&ledger);
        let batch = AttestBatch {
            batch_id: id(BATCH),
            root: stock.1.head().root,
            count: u32::from(LEAVES),
            type_code: code(DRIVING),
            type_version: 1,
            schema: digest(0xd1),
            occurred_at: ledger.time,
        };
        ledger.act(&office(0, 0), batch).unwrap();
        for (by, op) in ops {
            if let Op::Wait(days) = op {
                // Not into the holidays of autumn.
                if day_of(&ledger) + (days as i64) < 100 {
                    ledger.wait_days(days);
                }
                compare(&ledger, &model);
                continue;
            }
            let by = if by == OWNER { model.right(&op) } else { by };
            let actor = if by == AUDITOR { auditor(0) } else { office(by, 0) };
            let act = act_of(by, op, &ledger, &model, &stock);
            let today = day_of(&ledger);
            let late = model.is_late(&op, today);
            let expected = model.step(by, op, today);
            let found = ledger.act(&actor, act);
            prop_assert_eq!(found, expected.clone().map(|_| ()), "{} {:?} {:?}", by, op, model);
            if let Ok(kinds) = expected {
                prop_assert_eq!(ledger.event_kinds(), kinds);
                let flags = &ledger.events.last().unwrap().flags;
                prop_assert_eq!(flags.contains(&"late_answer".to_owned()), late);
            }
            compare(&ledger, &model);
        }
    }
}
