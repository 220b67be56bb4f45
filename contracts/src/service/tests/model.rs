//! Random acts by random actors on one case, compared with a model of §3.11 that shares no code
//! with the contracts: days are counted in integers, states are plain words.

use super::*;
use hefu_primitives::Millis;
use proptest::prelude::*;

const DAY: u64 = 86_400_000;
const EIGHT_HOURS: u64 = 28_800_000;
/// 20 May 2026 is a Wednesday, and this many days after 1 January 1970.
const FIRST_DAY: u64 = 20_593;
/// Friday 19 June 2026 is a holiday: day 30 of the test. The next one is in September.
const HOLIDAY: u64 = FIRST_DAY + 30;
/// Time stands still after so many days, before the next holiday.
const LAST_DAY: u64 = FIRST_DAY + 70;

/// The item's limits.
const LEGAL: u64 = 8;
const PROMISE: u64 = 4;
const PAUSE: u64 = 3;

fn day_of(ms: u64) -> u64 {
    (ms + EIGHT_HOURS) / DAY
}

/// 1 January 1970 was a Thursday.
fn works(day: u64) -> bool {
    !matches!((day + 3) % 7, 5 | 6) && day != HOLIDAY
}

/// The n-th working day after `from` that is not stopped.
fn nth(from: u64, n: u64, stopped: impl Fn(u64) -> bool) -> u64 {
    let (mut day, mut left) = (from, n);
    while left > 0 {
        day += 1;
        left -= u64::from(works(day) && !stopped(day));
    }
    day
}

fn late(start: u64, n: u64, now: u64) -> bool {
    day_of(now) > nth(day_of(start), n, |_| false)
}

#[derive(Clone, Copy, Debug)]
enum Op {
    Check,
    Refuse,
    Handover,
    Receive { same: bool },
    SendBack { reason: u16 },
    Accept,
    Decline,
    Ask,
    Supply,
    Pause(u16),
    Continue,
    Extend(u16),
    Decide { denied: bool, reasoned: bool },
    Dispatch,
    Deliver,
    Close,
    Withdraw,
    OpenSub(u8),
    DecideSub(u8),
    Fee(u8),
    Wait(u64),
}

fn ops() -> impl Strategy<Value = (u8, Vec<(usize, Op)>)> {
    let op = prop_oneof![
        4 => Just(Op::Check),
        1 => prop_oneof![Just(Op::Refuse), Just(Op::Decline), Just(Op::Withdraw)],
        4 => Just(Op::Handover),
        4 => prop::bool::weighted(0.8).prop_map(|same| Op::Receive { same }),
        1 => (0u16..2).prop_map(|reason| Op::SendBack { reason }),
        5 => Just(Op::Accept),
        2 => Just(Op::Ask),
        2 => Just(Op::Supply),
        3 => (0u16..5).prop_map(Op::Pause),
        4 => Just(Op::Continue),
        2 => prop_oneof![Just(3u16), 0u16..12].prop_map(Op::Extend),
        2 => (any::<bool>(), prop::bool::weighted(0.7))
            .prop_map(|(denied, reasoned)| Op::Decide { denied, reasoned }),
        2 => Just(Op::Dispatch),
        2 => Just(Op::Deliver),
        1 => Just(Op::Close),
        2 => (0u8..3).prop_map(Op::OpenSub),
        3 => (0u8..3).prop_map(Op::DecideSub),
        3 => (0u8..12).prop_map(Op::Fee),
        5 => (1u64..5).prop_map(Op::Wait),
    ];
    let actor = prop_oneof![4 => Just(0usize), 4 => Just(1), 1 => Just(2), 1 => Just(3)];
    // Mostly the side that may: the actor is left to the act, or drawn.
    let step = (prop_oneof![5 => Just(9usize), 2 => actor], op);
    (0u8..3, prop::collection::vec(step, 10..70))
}

/// A pause: kind of stop, first day, most days, last day.
type Stop = (u64, u64, Option<u64>);

#[derive(Debug)]
struct Model {
    mode: &'static str,
    state: &'static str,
    receiver: usize,
    handler: usize,
    sent: u64,
    arrived: u64,
    asked: bool,
    accepted: u64,
    pauses: Vec<Stop>,
    extension: u64,
    decided: u64,
    /// Receipts of fees.
    fees: Vec<u8>,
    /// Decided or not, opened when; by number.
    subs: Vec<(u8, u64, bool)>,
}

type Answered = Result<Vec<&'static str>, Code>;

fn flag(set: bool, name: &'static str) -> Vec<&'static str> {
    if set { vec![name] } else { Vec::new() }
}

impl Model {
    fn new(mode: u8) -> Self {
        let (mode, receiver, handler) =
            [("online", 0, 0), ("proxy", 1, 0), ("joint", 1, 0)][usize::from(mode)];
        Self {
            mode,
            state: "received",
            receiver,
            handler,
            sent: 0,
            arrived: 0,
            asked: false,
            accepted: 0,
            pauses: Vec::new(),
            extension: 0,
            decided: 0,
            fees: Vec::new(),
            subs: Vec::new(),
        }
    }

    fn side(&self, op: &Op) -> usize {
        match op {
            Op::Check | Op::Refuse | Op::Handover | Op::Supply | Op::Deliver | Op::Withdraw => {
                self.receiver
            }
            Op::DecideSub(_) => 3,
            _ => self.handler,
        }
    }

    fn stopped(&self, day: u64) -> bool {
        self.pauses.iter().any(|(from, most, ended)| {
            let longest = nth(*from, *most, |_| false);
            *from < day && day <= ended.map_or(longest, |ended| ended.min(longest))
        })
    }

    fn due(&self, n: u64) -> u64 {
        nth(day_of(self.accepted), n, |day| self.stopped(day))
    }

    fn step(&mut self, by: usize, op: &Op, now: u64) -> Answered {
        let right = self.side(op);
        let sub = matches!(op, Op::OpenSub(_) | Op::DecideSub(_) | Op::Fee(_));
        if by != right && !sub {
            let receives = matches!(
                op,
                Op::Check | Op::Refuse | Op::Handover | Op::Supply | Op::Deliver | Op::Withdraw
            );
            return Err(if receives { Code::NotReceiver } else { Code::NotHandler });
        }
        let open =
            ["received", "ready", "handed_over", "at_handler", "accepted", "supplement", "paused"];
        let allowed: &[&str] = match op {
            Op::Check | Op::Refuse => &["received"],
            Op::Handover => &["ready"],
            Op::Receive { .. } | Op::SendBack { .. } => &["handed_over"],
            Op::Accept | Op::Decline | Op::Ask => &["at_handler"],
            Op::Supply => &["supplement"],
            Op::Pause(_) | Op::Extend(_) | Op::Decide { .. } => &["accepted"],
            Op::Continue => &["paused"],
            Op::Dispatch => &["decided"],
            Op::Deliver => &["decided", "dispatched"],
            Op::Close => &["decided", "delivered"],
            Op::Withdraw => &open,
            Op::OpenSub(_) | Op::DecideSub(_) | Op::Fee(_) | Op::Wait(_) => &[],
        };
        if !sub && !allowed.contains(&self.state) {
            return Err(Code::CaseState);
        }
        let today = day_of(now);
        let mut to = |state| {
            self.state = state;
            Ok(Vec::new())
        };
        match *op {
            Op::Check if self.receiver == self.handler => {
                self.arrived = now;
                to("at_handler")
            }
            Op::Check => to("ready"),
            Op::Refuse | Op::Decline => {
                let accepts = matches!(op, Op::Decline);
                self.state = if accepts { "closed_not_accepted" } else { "closed_refused" };
                Ok(vec!["reason_1"])
            }
            Op::Withdraw => to("withdrawn"),
            Op::Handover => {
                self.sent = now;
                to("handed_over")
            }
            Op::Receive { same: false } => Err(Code::DigestListDiffers),
            Op::Receive { .. } => {
                (self.state, self.arrived) = ("at_handler", now);
                Ok(flag(late(self.sent, 1, now), "handover_late"))
            }
            Op::SendBack { reason: 0 } => Err(Code::RefusalReasonRequired),
            Op::SendBack { .. } => {
                self.state = "ready";
                let mut flags = vec!["reason_1"];
                flags.extend(flag(late(self.sent, 1, now), "handover_late"));
                Ok(flags)
            }
            Op::Accept => {
                self.accepted = now;
                to("accepted")
            }
            Op::Ask if self.asked => Err(Code::SecondSupplement),
            Op::Ask => {
                (self.state, self.asked) = ("supplement", true);
                Ok(flag(late(self.arrived, 5, now), "supplement_late"))
            }
            Op::Supply => to("at_handler"),
            Op::Pause(days) => {
                if days == 0 || u64::from(days) > PAUSE || self.pauses.len() == 16 {
                    return Err(Code::PauseInvalid);
                }
                self.pauses.push((today, u64::from(days), None));
                to("paused")
            }
            Op::Continue => {
                self.state = "accepted";
                let pause = self.pauses.last_mut().unwrap();
                pause.2 = Some(today);
                Ok(flag(today > nth(pause.0, pause.1, |_| false), "pause_exceeded"))
            }
            Op::Extend(days) => {
                let over = today > self.due(LEGAL);
                if self.extension > 0 || days == 0 || days > 10 || over {
                    return Err(Code::ExtensionInvalid);
                }
                self.extension = u64::from(days);
                Ok(Vec::new())
            }
            Op::Decide { denied, reasoned } => {
                let waits = self.subs.is_empty() || self.subs.iter().any(|(_, _, done)| !done);
                if self.mode == "joint" && waits {
                    return Err(Code::SubsOpen);
                }
                if denied != reasoned {
                    return Err(Code::CaseDecisionInvalid);
                }
                (self.state, self.decided) = ("decided", now);
                let mut flags = flag(today > self.due(PROMISE), "overdue_promise");
                flags.extend(flag(today > self.due(LEGAL + self.extension), "overdue_legal"));
                Ok(flags)
            }
            Op::Dispatch => to("dispatched"),
            Op::Deliver => {
                self.state = "delivered";
                Ok(flag(late(self.decided, 10, now), "delivery_late"))
            }
            Op::Close => to("closed"),
            Op::OpenSub(number) => self.open_sub(by, number, now),
            Op::DecideSub(number) => self.decide_sub(by, number, now),
            Op::Fee(receipt) => self.fee(by, receipt),
            Op::Wait(_) => Ok(Vec::new()),
        }
    }

    fn runs(&self) -> bool {
        ["ready", "handed_over", "at_handler", "supplement", "accepted", "paused"]
            .contains(&self.state)
    }

    fn fee(&mut self, by: usize, receipt: u8) -> Answered {
        if by != self.handler && by != self.receiver {
            return Err(Code::NotHandler);
        }
        if !self.runs() && !["decided", "dispatched", "delivered"].contains(&self.state) {
            return Err(Code::CaseState);
        }
        if receipt == 0 || self.fees.contains(&receipt) || self.fees.len() == 8 {
            return Err(Code::BadField);
        }
        self.fees.push(receipt);
        Ok(Vec::new())
    }

    fn open_sub(&mut self, by: usize, number: u8, now: u64) -> Answered {
        if by != self.handler && by != self.receiver {
            return Err(Code::NotHandler);
        }
        if self.mode != "joint" {
            return Err(Code::ModeNotAllowed);
        }
        if !self.runs() {
            return Err(Code::CaseState);
        }
        if self.subs.iter().any(|(used, _, _)| *used == number) {
            return Err(Code::SubInvalid);
        }
        self.subs.push((number, now, false));
        Ok(vec![["sub_0", "sub_1", "sub_2"][usize::from(number)]])
    }

    fn decide_sub(&mut self, by: usize, number: u8, now: u64) -> Answered {
        let runs = self.runs();
        let sub = self.subs.iter_mut().find(|(used, _, _)| *used == number);
        let sub = sub.ok_or(Code::SubInvalid)?;
        if by != 3 {
            return Err(Code::NotHandler);
        }
        if !runs {
            return Err(Code::CaseState);
        }
        if sub.2 {
            return Err(Code::SubInvalid);
        }
        sub.2 = true;
        let mut flags = vec![["sub_0", "sub_1", "sub_2"][usize::from(number)]];
        flags.extend(flag(late(sub.1, 2, now), "overdue"));
        Ok(flags)
    }
}

fn act_of(op: &Op, now: Millis) -> crate::Act {
    let case_id = id(1);
    match *op {
        Op::Check => check(1).into(),
        Op::Refuse => RefuseCase { case_id, reason: 1, notice: digest(1) }.into(),
        Op::Handover => Handover { case_id, documents: documents(), occurred_at: now }.into(),
        Op::Receive { same } => {
            let documents = if same { documents() } else { vec![digest(10)] };
            ReceiveHandover { case_id, documents, occurred_at: now }.into()
        }
        Op::SendBack { reason } => RejectHandover { case_id, reason }.into(),
        Op::Accept => AcceptCase { case_id, occurred_at: now }.into(),
        Op::Decline => DeclineCase { case_id, reason: 1, notice: digest(1) }.into(),
        Op::Ask => AskSupplement { case_id, notice: digest(1) }.into(),
        Op::Supply => Supplement { case_id, documents: documents() }.into(),
        Op::Pause(days) => PauseCase { case_id, kind: PauseKind::Hearing, days }.into(),
        Op::Continue => ContinueCase { case_id }.into(),
        Op::Extend(days) => ExtendCase { case_id, days, approval: digest(1) }.into(),
        Op::Decide { denied, reasoned } => {
            let outcome = if denied { CaseOutcome::Denied } else { CaseOutcome::Approved };
            let reasons = if reasoned { vec![1] } else { vec![] };
            let verdict = progress::Verdict { outcome, reasons, automated: None, result: None };
            DecideCase { case_id, verdict, occurred_at: now }.into()
        }
        Op::Dispatch => DispatchCase { case_id, waybill: None, occurred_at: now }.into(),
        Op::Deliver => DeliverCase { case_id, occurred_at: now }.into(),
        Op::Close => CloseCase { case_id, archive: digest(1) }.into(),
        Op::Withdraw => WithdrawCase { case_id, request: digest(1) }.into(),
        Op::OpenSub(number) => {
            let handler = elsewhere().authority;
            OpenSub { case_id, number, base: roadside(), handler, days: 2 }.into()
        }
        Op::DecideSub(number) => {
            let verdict = verdict(CaseOutcome::Approved);
            DecideSub { case_id, number, verdict, occurred_at: now }.into()
        }
        Op::Fee(receipt) => {
            SettleFee { case_id, receipt: digest(receipt), occurred_at: now }.into()
        }
        Op::Wait(_) => unreachable!(),
    }
}

fn word(value: impl serde::Serialize) -> String {
    serde_json::to_value(value).unwrap().as_str().unwrap().to_owned()
}

fn assert_same(ledger: &Ledger, model: &Model) {
    let case = case(ledger, 1);
    assert_eq!(word(case.state), model.state);
    assert_eq!(case.subs.len(), model.subs.len());
    let fees = case.fees.unwrap_or_default().iter().map(|fee| fee.receipt.0[0]).collect::<Vec<_>>();
    assert_eq!(fees, model.fees);
    let clocks = clocks(ledger, 1);
    let over = case.end.is_some();
    if case.accepted.is_some() && !over && case.decision.is_none() {
        let today = day_of(ledger.time.0);
        let overdue = (clocks.overdue_promise, clocks.overdue_legal);
        let legal = LEGAL + model.extension;
        assert_eq!(overdue, (Some(today > model.due(PROMISE)), Some(today > model.due(legal))));
        let used = (day_of(model.accepted) + 1..=today).filter(|d| works(*d) && !model.stopped(*d));
        assert_eq!(clocks.used_days, Some(used.count() as u32));
    }
    assert!(!clocks.no_calendar);
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(28) })]

    #[test]
    fn acts_follow_the_model((mode, ops) in ops()) {
        let mut ledger = with_item(&ItemTerms {
            legal_days: LEGAL as u16,
            promise_days: PROMISE as u16,
            pause_days: PAUSE as u16,
            ..terms()
        });
        let mut model = Model::new(mode);
        let modes = [CaseMode::Online, CaseMode::Proxy, CaseMode::Joint];
        let opened = OpenCase { mode: modes[usize::from(mode)], ..open(&ledger, 1) };
        ledger.act(&office(model.receiver, 0), opened).unwrap();
        for (by, op) in ops {
            if let Op::Wait(days) = op {
                if day_of(ledger.time.0) + days < LAST_DAY {
                    ledger.wait_days(days);
                }
                assert_same(&ledger, &model);
                continue;
            }
            let by = if by == 9 { model.side(&op) } else { by };
            let act = act_of(&op, ledger.time);
            let expected = model.step(by, &op, ledger.time.0 + 1_000);
            let found = ledger.act(&office(by, 0), act);
            prop_assert_eq!(found, expected.clone().map(|_| ()), "{} {:?} {:?}", by, op, model);
            if let Ok(expected) = expected {
                prop_assert_eq!(flags(&ledger), expected, "{} {:?}", by, op);
            }
            assert_same(&ledger, &model);
        }
    }
}
