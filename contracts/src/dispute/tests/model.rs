//! Random acts by random actors on one dispute, compared with a model of §3.13 that shares no code
//! with the contracts.

use super::*;
use proptest::prelude::*;
use std::collections::BTreeMap;

const DAY: u64 = 86_400_000;
const EIGHT_HOURS: u64 = 28_800_000;
/// 20 May 2026 is a Wednesday, and this many days after 1 January 1970; Friday 19 June a holiday.
const FIRST_DAY: u64 = 20_593;
const HOLIDAY: u64 = FIRST_DAY + 30;
/// No time passes after this day: the next holiday is in September.
const LAST_DAY: u64 = FIRST_DAY + 80;

fn day_of(ms: u64) -> u64 {
    (ms + EIGHT_HOURS) / DAY
}

fn late(start: u64, n: u64, now: u64) -> bool {
    let (mut day, mut left) = (day_of(start), n);
    while left > 0 {
        day += 1;
        left -= u64::from(!matches!((day + 3) % 7, 5 | 6) && day != HOLIDAY);
    }
    day_of(now) > day
}

#[derive(Clone, Copy, Debug)]
enum Op {
    Ack,
    Evidence,
    Propose(u8),
    Agree(u8),
    Escalate,
    Rule(u8),
    Withdraw,
    Report,
    Wait(u64),
}

const OUTCOMES: [DisputeOutcome; 4] = [
    DisputeOutcome::Uphold,
    DisputeOutcome::OverturnRefusal,
    DisputeOutcome::ReferDiscipline,
    DisputeOutcome::RevokeGrant,
];

fn ops() -> impl Strategy<Value = Vec<(usize, Op)>> {
    let op = prop_oneof![
        3 => Just(Op::Ack),
        1 => Just(Op::Evidence),
        3 => (0u8..4).prop_map(Op::Propose),
        2 => (0u8..3).prop_map(Op::Agree),
        4 => Just(Op::Escalate),
        6 => (0u8..4).prop_map(Op::Rule),
        1 => prop::bool::weighted(0.3).prop_map(|yes| if yes { Op::Withdraw } else { Op::Evidence }),
        2 => Just(Op::Report),
        5 => (1u64..9).prop_map(Op::Wait),
    ];
    prop::collection::vec((0usize..4, op), 10..50)
}

#[derive(Debug, Default)]
struct Model {
    state: &'static str,
    opened: u64,
    acked: u64,
    escalated: u64,
    proposal: Option<(usize, u8)>,
    votes: BTreeMap<usize, u8>,
    outcome: u8,
    reported: bool,
}

type Answered = Result<Vec<&'static str>, Code>;

fn flag(set: bool, name: &'static str) -> Vec<&'static str> {
    if set { vec![name] } else { Vec::new() }
}

impl Model {
    /// Provinces 0 and 1 are the parties, 2 and 3 the panel. Governors act for a vote.
    fn step(&mut self, by: usize, op: Op, now: u64) -> Answered {
        if let Op::Rule(outcome) = op {
            return self.rule(by, outcome, now);
        }
        if by > 1 {
            return Err(Code::NotDisputeParty);
        }
        let allowed: &[&str] = match op {
            Op::Ack => &["open"],
            Op::Propose(_) | Op::Agree(_) => &["acked"],
            Op::Escalate => &["open", "acked"],
            Op::Report => &["settled", "ruled"],
            _ => &["open", "acked", "escalated"],
        };
        if !allowed.contains(&self.state) {
            return Err(Code::DisputeState);
        }
        match op {
            Op::Ack | Op::Report if by == 0 => Err(Code::NotRespondent),
            Op::Ack => {
                (self.state, self.acked) = ("acked", now);
                Ok(flag(late(self.opened, 3, now), "ack_late"))
            }
            Op::Evidence => Ok(Vec::new()),
            Op::Propose(3) => Err(Code::DisputeKindMismatch),
            Op::Propose(outcome) => {
                self.proposal = Some((by, outcome));
                Ok(Vec::new())
            }
            Op::Agree(outcome) => {
                if self.proposal != Some((1 - by, outcome)) {
                    return Err(Code::SettlementDiffers);
                }
                (self.state, self.outcome) = ("settled", outcome);
                Ok(flag(outcome > 0, "obliges"))
            }
            Op::Escalate => {
                let over = match self.state {
                    "open" => late(self.opened, 3, now),
                    _ => late(self.acked, 10, now),
                };
                if !over {
                    return Err(Code::TooEarly);
                }
                (self.state, self.escalated) = ("escalated", now);
                Ok(Vec::new())
            }
            Op::Withdraw if by == 1 => Err(Code::NotDisputeParty),
            Op::Withdraw => {
                self.state = "withdrawn";
                Ok(Vec::new())
            }
            Op::Report if self.outcome != 2 || self.reported => Err(Code::DisputeState),
            Op::Report => {
                self.reported = true;
                Ok(Vec::new())
            }
            Op::Rule(_) | Op::Wait(_) => unreachable!(),
        }
    }

    fn rule(&mut self, by: usize, outcome: u8, now: u64) -> Answered {
        if self.state != "escalated" {
            return Err(Code::DisputeState);
        }
        if by < 2 {
            return Err(Code::PanelConflict);
        }
        if outcome == 3 {
            return Err(Code::DisputeKindMismatch);
        }
        if self.votes.get(&by) == Some(&outcome) {
            return Err(Code::AlreadyEndorsed);
        }
        self.votes.insert(by, outcome);
        let mut flags = vec!["2_of_2"];
        if self.votes.values().filter(|vote| **vote == outcome).count() == 2 {
            (self.state, self.outcome) = ("ruled", outcome);
            flags.extend(flag(outcome > 0, "obliges"));
            flags.extend(flag(late(self.escalated, 20, now), "ruling_late"));
        }
        Ok(flags)
    }
}

fn submit(ledger: &mut Ledger, by: usize, op: Op) -> Result<(), Code> {
    let actor = office(by, 0);
    match op {
        Op::Ack => ledger.act(&actor, ACK),
        Op::Evidence => {
            ledger.act(&actor, AddEvidence { dispute_id: id(9), evidence: evidence(3) })
        }
        Op::Propose(outcome) => ledger.act(&actor, propose(OUTCOMES[outcome as usize])),
        Op::Agree(outcome) => ledger.act(&actor, agree(OUTCOMES[outcome as usize])),
        Op::Escalate => ledger.act(&actor, ESCALATE),
        Op::Rule(outcome) => ledger.govern(by, rule(OUTCOMES[outcome as usize])),
        Op::Withdraw => ledger.act(&actor, WITHDRAW),
        Op::Report => {
            ledger.act(&actor, ReportFulfilment { dispute_id: id(9), evidence: digest(6) })
        }
        Op::Wait(_) => unreachable!(),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(40) })]

    #[test]
    fn acts_follow_the_model(ops in ops()) {
        let mut ledger = opened();
        let opened = found(&ledger).opened.time.0;
        let mut model = Model { state: "open", opened, ..Model::default() };
        for (by, op) in ops {
            if let Op::Wait(days) = op {
                if day_of(ledger.time.0) + days < LAST_DAY {
                    ledger.wait_days(days);
                }
                continue;
            }
            // Two governors sign a vote, in two blocks.
            let blocks = if matches!(op, Op::Rule(_)) { 2 } else { 1 };
            let expected = model.step(by, op, ledger.time.0 + blocks * 1_000);
            let answered = submit(&mut ledger, by, op);
            prop_assert_eq!(answered, expected.clone().map(|_| ()), "{} {:?} {:?}", by, op, model);
            if let Ok(expected) = expected && !matches!(op, Op::Evidence) {
                prop_assert_eq!(flags(&ledger), expected, "{} {:?}", by, op);
            }
            let state = serde_json::to_value(found(&ledger).state).unwrap();
            prop_assert_eq!(state.as_str().unwrap(), model.state);
            let owed = matches!(model.state, "settled" | "ruled") && model.outcome > 0;
            let seen = model.outcome == 2 && model.reported;
            let derived = is_fulfilled(&ledger.state, &found(&ledger));
            prop_assert_eq!(derived, owed.then_some(seen));
        }
    }
}
