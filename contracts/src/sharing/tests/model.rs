//! Random acts by random actors, compared with a model of §3.8–§3.10 that shares no code with the
//! contracts: days are counted in integers, states are plain words.

use super::*;
use hefu_primitives::Millis;
use proptest::prelude::*;
use std::collections::BTreeMap;

const DAY: u64 = 86_400_000;
const EIGHT_HOURS: u64 = 28_800_000;
/// 20 May 2026 is a Wednesday, and this many days after 1 January 1970.
const FIRST_DAY: u64 = 20_593;
/// Friday 19 June 2026 is a holiday: day 30 of the test.
const HOLIDAY: u64 = FIRST_DAY + 30;

fn day_of(ms: u64) -> u64 {
    (ms + EIGHT_HOURS) / DAY
}

fn end_of(day: u64) -> u64 {
    (day + 1) * DAY - EIGHT_HOURS
}

/// Whether `now` is after the n-th working day from `start`. 1 January 1970 was a Thursday.
fn late(start: u64, working_days: u64, now: u64) -> bool {
    let mut day = day_of(start);
    let mut left = working_days;
    while left > 0 {
        day += 1;
        let weekend = matches!((day + 3) % 7, 5 | 6);
        left -= u64::from(!weekend && day != HOLIDAY);
    }
    now >= end_of(day)
}

#[derive(Clone, Debug)]
enum Op {
    Publish { version: u16, share: u8, law: bool, reason: bool },
    SetCatalogue(u8),
    Request { id: u8, version: u16 },
    Acknowledge(u8),
    Grant { id: u8, less: bool, more: bool },
    Deny { id: u8, reason: u16 },
    Return(u8),
    Withdraw(u8),
    SetGrant { id: u8, to: u8, reason: bool },
    Put { grant: u8, cosigner: Option<usize>, case: bool, hours_ago: u64 },
    Answer { receipt: u8, confirm: bool },
    Wait(u64),
}

fn ops() -> impl Strategy<Value = Vec<(usize, Op)>> {
    let id = 1u8..3;
    let op = prop_oneof![
        2 => (1u16..4, 0u8..3, any::<bool>(), any::<bool>())
            .prop_map(|(version, share, law, reason)| Op::Publish { version, share, law, reason }),
        1 => (0u8..3).prop_map(Op::SetCatalogue),
        4 => (id.clone(), 1u16..3).prop_map(|(id, version)| Op::Request { id, version }),
        2 => id.clone().prop_map(Op::Acknowledge),
        3 => (id.clone(), any::<bool>(), prop::bool::weighted(0.2))
            .prop_map(|(id, less, more)| Op::Grant { id, less, more }),
        1 => (id.clone(), 0u16..4).prop_map(|(id, reason)| Op::Deny { id, reason }),
        2 => id.clone().prop_map(Op::Return),
        1 => id.clone().prop_map(Op::Withdraw),
        3 => (id.clone(), 0u8..4, any::<bool>())
            .prop_map(|(id, to, reason)| Op::SetGrant { id, to, reason }),
        8 => (id, prop::option::of(0usize..3), any::<bool>(), prop_oneof![Just(0), 0u64..60])
            .prop_map(|(grant, cosigner, case, hours_ago)| Op::Put { grant, cosigner, case, hours_ago }),
        3 => (1u8..6, any::<bool>()).prop_map(|(receipt, confirm)| Op::Answer { receipt, confirm }),
        2 => (1u64..8).prop_map(Op::Wait),
    ];
    let actor = prop_oneof![3 => Just(0usize), 3 => Just(1), 1 => Just(2)];
    // Publishing first makes most of the sequence meaningful.
    let first = (1u8..3).prop_map(|share| {
        let share = if share == 2 { 0 } else { share };
        vec![(0, Op::Publish { version: 1, share, law: true, reason: false })]
    });
    (first, prop::collection::vec((actor, op), 10..60)).prop_map(|(mut all, more)| {
        all.extend(more);
        all
    })
}

#[derive(Clone, Debug, PartialEq)]
struct ModelRequest {
    consumer: usize,
    state: &'static str,
    submitted: u64,
    returned: bool,
    from: u64,
    until: u64,
}

#[derive(Clone, Debug, PartialEq)]
struct ModelGrant {
    consumer: usize,
    given: u64,
    from: u64,
    until: u64,
    cap: u32,
    /// State from a time on.
    states: Vec<(u64, &'static str)>,
}

impl ModelGrant {
    fn state(&self) -> &'static str {
        self.states.last().unwrap().1
    }
}

#[derive(Default)]
struct Model {
    /// Version, share kind, state.
    catalogue: Option<(u16, u8, &'static str)>,
    requests: BTreeMap<u8, ModelRequest>,
    grants: BTreeMap<u8, ModelGrant>,
    uses: BTreeMap<(u8, u64), u32>,
    /// Who put it, who is the other side, when, state.
    receipts: BTreeMap<u8, (usize, usize, u64, &'static str)>,
}

type Answered = Result<Vec<&'static str>, Code>;

fn flag(set: bool, name: &'static str) -> Vec<&'static str> {
    if set { vec![name] } else { Vec::new() }
}

impl Model {
    fn publish(&mut self, by: usize, version: u16, share: u8, law: bool, reason: bool) -> Answered {
        if let Some((_, _, state)) = self.catalogue {
            if by != 0 {
                return Err(Code::NotProvider);
            }
            if state != "published" {
                return Err(Code::CatalogueState);
            }
        } else if by != 0 {
            return Ok(Vec::new()); // not generated: see `run`
        }
        let (current, before) = self.catalogue.map_or((0, 2), |(v, share, _)| (v, share));
        if version != current + 1 {
            return Err(Code::CatalogueVersionNotNext);
        }
        if share == 2 && !law {
            return Err(Code::BasisRequired);
        }
        let tighter = share > before;
        if tighter && !(law && reason) {
            return Err(Code::TighteningUnfounded);
        }
        self.catalogue = Some((version, share, "published"));
        Ok(flag(tighter, "tightened"))
    }

    fn set_catalogue(&mut self, by: usize, to: u8) -> Answered {
        let (version, share, state) = self.catalogue.ok_or(Code::UnknownCatalogue)?;
        if by != 0 {
            return Err(Code::NotProvider);
        }
        let next = match (state, to) {
            ("suspended", 0) => "published",
            ("published", 1) => "suspended",
            ("published" | "suspended", 2) => "withdrawn",
            _ => return Err(Code::CatalogueState),
        };
        self.catalogue = Some((version, share, next));
        Ok(Vec::new())
    }

    fn request(&mut self, by: usize, id: u8, version: u16, now: u64) -> Answered {
        let before = self.requests.get(&id);
        if before.is_some_and(|r| r.state != "returned" || by != r.consumer) {
            return Err(Code::IdReused);
        }
        let returned = before.is_some();
        let (current, share, state) = self.catalogue.ok_or(Code::UnknownCatalogue)?;
        if state != "published" || version != current {
            return Err(Code::CatalogueState);
        }
        if share == 2 {
            return Err(Code::NotShared);
        }
        if by == 0 {
            return Err(Code::BadField);
        }
        let today = day_of(now);
        let (from, until) = (today, today + 5);
        let mut flags = flag(returned, "resubmitted");
        let state = if share == 0 { "granted" } else { "submitted" };
        self.requests.insert(
            id,
            ModelRequest { consumer: by, state, submitted: now, returned, from, until },
        );
        if share == 0 {
            self.give(id, by, now, (from, until), 2);
            flags.push("automatic");
        }
        Ok(flags)
    }

    fn give(&mut self, id: u8, consumer: usize, given: u64, (from, until): (u64, u64), cap: u32) {
        let states = vec![(0, "active")];
        self.grants.insert(id, ModelGrant { consumer, given, from, until, cap, states });
    }

    /// An open request that the provider may answer.
    fn open(&mut self, by: usize, id: u8) -> Result<&mut ModelRequest, Code> {
        let request = self.requests.get_mut(&id).ok_or(Code::UnknownRequest)?;
        if by != 0 {
            return Err(Code::NotProvider);
        }
        if !["submitted", "under_review"].contains(&request.state) {
            return Err(Code::RequestState);
        }
        Ok(request)
    }

    fn grant(&mut self, by: usize, id: u8, less: bool, more: bool, now: u64) -> Answered {
        let shared = match self.catalogue {
            Some((_, _, "withdrawn")) => Err(Code::CatalogueState),
            Some((_, 2, _)) => Err(Code::NotShared),
            _ => Ok(()),
        };
        let request = self.open(by, id)?;
        shared?;
        if request.until < day_of(now) {
            return Err(Code::TermInvalid);
        }
        if more {
            return Err(Code::ExceedsRequest);
        }
        request.state = if less { "partly_granted" } else { "granted" };
        let flags = flag(late(request.submitted, 2, now), "overdue");
        let (consumer, term) = (request.consumer, (request.from, request.until));
        self.give(id, consumer, now, term, if less { 1 } else { 2 });
        Ok(flags)
    }

    fn set_grant(&mut self, by: usize, id: u8, to: u8, reason: bool, now: u64) -> Answered {
        let grant = self.grants.get_mut(&id).ok_or(Code::UnknownGrant)?;
        if to == 3 && by != grant.consumer {
            return Err(Code::NotConsumer);
        }
        if to != 3 && by != 0 {
            return Err(Code::NotProvider);
        }
        let next = match (grant.state(), to) {
            _ if day_of(now) > grant.until => return Err(Code::GrantState),
            ("suspended", 0) => "active",
            ("active", 1) => "suspended",
            ("active" | "suspended", 2) => "revoked",
            ("active" | "suspended", 3) => "given_up",
            _ => return Err(Code::GrantState),
        };
        if matches!(to, 1 | 2) && !reason {
            return Err(Code::ReasonRequired);
        }
        grant.states.push((now, next));
        Ok(Vec::new())
    }

    fn put(
        &mut self,
        by: usize,
        (receipt, id): (u8, u8),
        cosigner: Option<usize>,
        case: bool,
        (t0, now): (u64, u64),
    ) -> Answered {
        let grant = self.grants.get(&id).ok_or(Code::UnknownGrant)?;
        let parties = [0, grant.consumer];
        if !parties.contains(&by) || cosigner.is_some_and(|by| !parties.contains(&by)) {
            return Err(Code::NotReceiptParty);
        }
        let other = if by == 0 { grant.consumer } else { 0 };
        if cosigner == Some(by) {
            return Err(Code::SameSide);
        }
        let ended = matches!(grant.state(), "revoked" | "given_up");
        let term = end_of(grant.until);
        let end = if ended { grant.states.last().unwrap().0.min(term) } else { term };
        let begin = grant.given.max(end_of(grant.from - 1));
        if t0 < begin || t0 >= end + DAY {
            return Err(Code::NoGrantAtTime);
        }
        let uses = self.uses.entry((id, day_of(t0))).or_default();
        *uses += 1;
        let mut flags = flag(*uses > grant.cap, "over_cap");
        let then = grant.states.iter().rev().find(|(since, _)| *since <= t0).unwrap().1;
        flags.extend(flag(t0 >= end, "after_expiry"));
        flags.extend(flag(!case, "no_case"));
        flags.extend(flag(t0 < end && then == "suspended", "while_suspended"));
        let state = if cosigner.is_some() { "confirmed" } else { "one_sided" };
        self.receipts.insert(receipt, (by, other, now, state));
        Ok(flags)
    }

    fn answer(&mut self, by: usize, receipt: u8, confirm: bool, now: u64) -> Answered {
        let (side, other, put, state) =
            self.receipts.get_mut(&receipt).ok_or(Code::UnknownReceipt)?;
        if by == *side {
            return Err(Code::SameSide);
        }
        if by != *other {
            return Err(Code::NotReceiptParty);
        }
        if *state != "one_sided" {
            return Err(Code::ReceiptState);
        }
        *state = if confirm { "confirmed" } else { "contested" };
        Ok(flag(late(*put, 1, now), "late_answer"))
    }

    fn step(&mut self, by: usize, op: &Op, before: u64, receipt: u8) -> Answered {
        let now = before + 1_000;
        match *op {
            Op::Publish { version, share, law, reason } => {
                self.publish(by, version, share, law, reason)
            }
            Op::SetCatalogue(to) => self.set_catalogue(by, to),
            Op::Request { id, version } => self.request(by, id, version, now),
            Op::Acknowledge(id) => {
                let request = self.open(by, id)?;
                if request.state != "submitted" {
                    return Err(Code::RequestState);
                }
                request.state = "under_review";
                Ok(flag(late(request.submitted, 1, now), "ack_late"))
            }
            Op::Grant { id, less, more } => self.grant(by, id, less, more, now),
            Op::Deny { id, reason } => {
                let request = self.open(by, id)?;
                if !matches!(reason, 1 | 2) {
                    return Err(Code::DenialReasonRequired);
                }
                request.state = "denied";
                Ok(flag(late(request.submitted, 2, now), "overdue"))
            }
            Op::Return(id) => {
                let request = self.open(by, id)?;
                if request.returned {
                    return Err(Code::SecondReturn);
                }
                (request.state, request.returned) = ("returned", true);
                Ok(flag(late(request.submitted, 2, now), "overdue"))
            }
            Op::Withdraw(id) => {
                let request = self.requests.get_mut(&id).ok_or(Code::UnknownRequest)?;
                if by != request.consumer {
                    return Err(Code::NotConsumer);
                }
                if !["submitted", "under_review"].contains(&request.state) {
                    return Err(Code::RequestState);
                }
                request.state = "withdrawn";
                Ok(flag(late(request.submitted, 2, now), "overdue"))
            }
            Op::SetGrant { id, to, reason } => self.set_grant(by, id, to, reason, now),
            Op::Put { grant, cosigner, case, hours_ago } => {
                let t0 = before - hours_ago * 3_600_000;
                self.put(by, (receipt, grant), cosigner, case, (t0, now))
            }
            Op::Answer { receipt, confirm } => self.answer(by, receipt, confirm, now),
            Op::Wait(_) => Ok(Vec::new()),
        }
    }
}

fn catalogue_state(number: u8) -> CatalogueState {
    [CatalogueState::Published, CatalogueState::Suspended, CatalogueState::Withdrawn]
        [number as usize]
}

fn grant_state(number: u8) -> GrantState {
    use GrantState::{Active, GivenUp, Revoked, Suspended};
    [Active, Suspended, Revoked, GivenUp][number as usize]
}

fn asked(ledger: &Ledger) -> Extent {
    let today = hefu_primitives::time::Day::of_beijing(Millis(ledger.time.0 + 1_000));
    let until = today.add_days(5).unwrap();
    Extent { fields_digest: digest(3), field_count: 5, per_day: 2, from: today, until }
}

/// The act of an operation, as the contracts take it.
fn act_of(ledger: &Ledger, op: &Op, receipt: u8) -> crate::Act {
    match *op {
        Op::Publish { version, share, law: based, reason } => PublishCatalogue {
            version,
            share: [ShareKind::Unconditional, ShareKind::Conditional, ShareKind::NotShared]
                [share as usize],
            basis: if based { law() } else { None },
            tightening: reason.then_some(Tightening::Misused),
            sla: Sla { ack: 1, answer: 2, deliver: 2 },
            ..entry()
        }
        .into(),
        Op::SetCatalogue(to) => SetCatalogueState {
            cat_id: CAT.into(),
            state: catalogue_state(to),
            reason: CatalogueReason::System,
        }
        .into(),
        Op::Request { id: number, version } => {
            let extent = asked(ledger);
            let body = request(ledger, number);
            RequestAccess { cat_version: version, extent, ..body }.into()
        }
        Op::Acknowledge(number) => Acknowledge { req_id: id(number) }.into(),
        Op::Grant { id: number, less, more } => {
            let stored = ledger.get(&REQUESTS, &id(number));
            let mut extent = stored.map_or(asked(ledger), |request| request.body.extent);
            extent.per_day = if more { 3 } else { 2 - u32::from(less) };
            GrantAccess { req_id: id(number), extent }.into()
        }
        Op::Deny { id: number, reason } => {
            let denial = Denial { reason, basis: None, holder: None, evidence: None };
            Deny { req_id: id(number), denial }.into()
        }
        Op::Return(number) => ReturnRequest { req_id: id(number), missing: Missing::Fields }.into(),
        Op::Withdraw(number) => WithdrawRequest { req_id: id(number) }.into(),
        Op::SetGrant { id: number, to, reason } => SetGrantState {
            grant_id: id(number),
            state: grant_state(to),
            reason: reason.then_some(GrantReason::System),
        }
        .into(),
        Op::Put { grant, cosigner, case, hours_ago } => {
            let t0 = Millis(ledger.time.0 - hours_ago * 3_600_000);
            let receipt = Receipt {
                rcp_id: id(receipt),
                grant_id: id(grant),
                cat_version: ledger.get(&GRANTS, &id(grant)).map_or(1, |g| g.cat_version),
                case: case.then(|| digest(5)),
                kind: UseKind::Query,
                n_records: 1,
                req: digest(6),
                resp: digest(7),
                result: UseResult::Empty,
                t0,
                t1: t0,
            };
            let cosignature = cosigner.map(|by| {
                let key = office(by, 0).key;
                let (chain, body) = receipt.signed_parts(&CHAIN);
                let signature = key.sign_tagged(Domain::Cosignature, &[&chain, &body]);
                Cosignature { key: key.id(), signature }
            });
            PutReceipt { receipt, cosignature }.into()
        }
        Op::Answer { receipt, confirm } => {
            let evidence = None;
            let contest = Answer::Contest { reason: ContestReason::NotUsed, evidence };
            let answer = if confirm { Answer::Confirm } else { contest };
            AnswerReceipt { rcp_id: id(receipt), answer }.into()
        }
        Op::Wait(_) => unreachable!(),
    }
}

fn word(value: impl serde::Serialize) -> String {
    serde_json::to_value(value).unwrap().as_str().unwrap().to_owned()
}

fn assert_same(ledger: &Ledger, model: &Model) {
    let catalogue = ledger.get(&CATALOGUE, &CAT.to_owned());
    let found = catalogue.map(|c| (c.entry.version, c.entry.share as u8, word(c.state)));
    assert_eq!(found, model.catalogue.map(|(v, share, state)| (v, share, state.to_owned())));
    for number in 1..3 {
        let request = ledger.get(&REQUESTS, &id(number)).map(|request| word(request.state));
        assert_eq!(request.as_deref(), model.requests.get(&number).map(|request| request.state));
        let grant = ledger.get(&GRANTS, &id(number)).map(|grant| word(grant.state()));
        assert_eq!(grant.as_deref(), model.grants.get(&number).map(ModelGrant::state));
    }
    for (number, (_, _, _, state)) in &model.receipts {
        let answer = ledger.get(&RECEIPT_ANSWERS, &id(*number));
        let receipt = ledger.get(&RECEIPTS, &id(*number)).unwrap();
        assert_eq!(word(receipt.state(answer.as_ref())), *state);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(40) })]

    #[test]
    fn acts_follow_the_model(ops in ops()) {
        let (mut ledger, mut model) = (Ledger::new(), Model::default());
        let mut receipts = 0u8;
        for (by, op) in ops {
            if let Op::Wait(days) = op {
                ledger.wait_days(days);
                continue;
            }
            let put = matches!(op, Op::Put { .. });
            let number = receipts + u8::from(put);
            let act = act_of(&ledger, &op, number);
            let expected = model.step(by, &op, ledger.time.0, number);
            let found = ledger.act(&office(by, 0), act);
            prop_assert_eq!(found, expected.clone().map(|_| ()), "{} {:?}", by, op);
            if let Ok(expected) = expected {
                prop_assert_eq!(flags(&ledger), expected, "{} {:?}", by, op);
                receipts = number;
            }
            assert_same(&ledger, &model);
        }
    }
}
