//! Random evaluations and what follows them, by random actors, compared with a model of §3.12 that
//! shares no code with the contracts: days are counted in integers, states are plain words.

use super::*;
use crate::common::EvidenceRef;
use proptest::prelude::*;
use std::collections::BTreeMap;

const DAY: u64 = 86_400_000;
const EIGHT_HOURS: u64 = 28_800_000;
/// 20 May 2026 is a Wednesday, and this many days after 1 January 1970; 19 June is a holiday.
const HOLIDAY: u64 = 20_593 + 30;

/// Whether `now` is after the n-th working day from `start`. 1 January 1970 was a Thursday.
fn late(start: u64, working_days: u64, now: u64) -> bool {
    let day_of = |ms: u64| (ms + EIGHT_HOURS) / DAY;
    let (mut day, mut left) = (day_of(start), working_days);
    while left > 0 {
        day += 1;
        left -= u64::from(!matches!((day + 3) % 7, 5 | 6) && day != HOLIDAY);
    }
    day_of(now) > day
}

const STAGES: [Stage; 3] = [Stage::Accept, Stage::Decide, Stage::Deliver];

/// Who acts: the evaluated handler, the receiver, an office of the handler's province with the
/// auditor's role, one of the receiver's province, an auditor of the handler's province, a stranger.
fn actors() -> [Actor; 6] {
    [handler(), receiver(), office(0, 1), office(1, 1), auditor(0), stranger()]
}
/// Provinces of the actors: the handler's, the receiver's, another.
const PROVINCE: [u8; 6] = [0, 1, 0, 1, 0, 2];
/// Everybody but the auditor has every role there is.
const AUDITOR: usize = 4;

#[derive(Clone, Copy, Debug)]
enum Op {
    /// The case goes on by one state.
    Go,
    Evaluate {
        stage: usize,
        person: u8,
        grade: u8,
    },
    Step {
        stage: usize,
        person: u8,
        step: u8,
        good: bool,
    },
    Wait(u64),
}

fn ops() -> impl Strategy<Value = Vec<(usize, Op)>> {
    let actor = prop_oneof![3 => Just(0usize), 3 => Just(1), 4 => 2usize..6];
    let grade = prop_oneof![5 => 1u8..3, 2 => 3u8..6, 1 => Just(0u8), 1 => Just(6)];
    let (stage, person) = (0usize..3, 1u8..3);
    let op = prop_oneof![
        2 => Just(Op::Go),
        5 => (stage.clone(), person.clone(), grade)
            .prop_map(|(stage, person, grade)| Op::Evaluate { stage, person, grade }),
        14 => (stage, person, 0u8..5, prop::bool::weighted(0.8))
            .prop_map(|(stage, person, step, good)| Op::Step { stage, person, step, good }),
        2 => (1u64..9).prop_map(Op::Wait),
    ];
    prop::collection::vec((actor, op), 10..70)
}

#[derive(Debug)]
struct Given {
    state: &'static str,
    bad: bool,
    at: u64,
    /// The actor that was evaluated.
    unit: usize,
}

/// The table: the case's states passed so far, and the evaluations.
#[derive(Debug, Default)]
struct Model {
    reached: usize,
    given: BTreeMap<(usize, u8), Given>,
}

type Answered = Result<Vec<&'static str>, Code>;

impl Model {
    /// Accepted is the second step after arrival, decided the third, delivered the fourth.
    fn unit_of(&self, stage: usize) -> Option<usize> {
        let (needed, unit) = [(1, 0), (2, 0), (3, 1)][stage];
        (self.reached >= needed).then_some(unit)
    }

    fn evaluate(&mut self, by: usize, stage: usize, person: u8, grade: u8, now: u64) -> Answered {
        if by == AUDITOR {
            return Err(Code::RoleMissing);
        }
        if PROVINCE[by] == 2 {
            return Err(Code::NotEvaluationParty);
        }
        if !(1..=5).contains(&grade) {
            return Err(Code::GradeInvalid);
        }
        let unit = self.unit_of(stage).ok_or(Code::StageNotReached)?;
        if self.given.contains_key(&(stage, person)) {
            return Err(Code::EvaluatedAlready);
        }
        let bad = grade <= 2;
        self.given.insert((stage, person), Given { state: "recorded", bad, at: now, unit });
        Ok(if bad { vec!["bad_grade"] } else { vec![] })
    }

    fn step(
        &mut self,
        by: usize,
        (stage, person): (usize, u8),
        (step, good): (u8, bool),
        now: u64,
    ) -> Answered {
        let found = self.given.get_mut(&(stage, person)).ok_or(Code::UnknownEvaluation)?;
        let follows_up = step >= 3;
        if follows_up {
            // Never the unit itself; the receiver's province, or a supervisor of either.
            if by == found.unit {
                return Err(Code::OwnEvaluation);
            }
            if PROVINCE[by] == 2 {
                return Err(Code::NotEvaluationParty);
            }
        } else if by != found.unit {
            return Err(Code::NotEvaluationParty);
        }
        let to = match (found.state, step) {
            _ if !found.bad => None,
            ("recorded", 0) => Some("verifying"),
            ("verifying", 1) => Some("rectified"),
            ("verifying", 2) => Some("unfounded"),
            ("rectified" | "unfounded", 3) => Some("revisited"),
            ("revisited", 4) => Some("closed"),
            _ => None,
        };
        let to = to.ok_or(Code::EvaluationState)?;
        match step {
            1 | 2 if !good => return Err(Code::EvidenceRequired),
            3 if !good => return Err(Code::GradeInvalid),
            _ => {}
        }
        found.state = to;
        Ok(match step {
            0 if late(found.at, 1, now) => vec!["verify_late"],
            1 | 2 if late(found.at, 15, now) => vec!["rectify_late"],
            _ => vec![],
        })
    }
}

fn next_of(number: usize, ledger: &Ledger) -> (Actor, crate::Act) {
    let (case_id, now) = (id(1), ledger.time);
    match number {
        0 => (handler(), AcceptCase { case_id, occurred_at: now }.into()),
        1 => (handler(), decide(1, now).into()),
        2 => (receiver(), DeliverCase { case_id, occurred_at: now }.into()),
        _ => (handler(), CloseCase { case_id, archive: digest(6) }.into()),
    }
}

fn step_of(step: u8, good: bool) -> EvaluationStep {
    let commit = if good { digest(3) } else { H32::ZERO };
    match step {
        0 => EvaluationStep::Verify,
        1 => EvaluationStep::Rectify(commit),
        2 => EvaluationStep::Unfounded(EvidenceRef { kind: 1, commit, bytes: 9 }),
        3 => EvaluationStep::Revisit(if good { 4 } else { 0 }),
        _ => EvaluationStep::Close,
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(40) })]

    #[test]
    fn evaluations_follow_the_model(ops in ops()) {
        let mut ledger = at(CaseState::AtHandler);
        let mut model = Model::default();
        for (by, op) in ops {
            let next = ledger.time.0 + 1_000;
            let actor = actors()[by].clone();
            let (found, expected) = match op {
                Op::Wait(days) => {
                    // The last holiday of the test is behind then, the next far ahead.
                    if ledger.time.0 < start().0 + 60 * DAY {
                        ledger.wait_days(days);
                    }
                    continue;
                }
                Op::Go if model.reached == 4 => continue,
                Op::Go => {
                    let (who, act) = next_of(model.reached, &ledger);
                    model.reached += 1;
                    ledger.act(&who, act).unwrap();
                    continue;
                }
                Op::Evaluate { stage, person, grade } => {
                    let act = Evaluate {
                        case_id: id(1),
                        stage: STAGES[stage],
                        grade,
                        channel: Channel::App,
                        indicators: vec![],
                        evaluator: digest(person),
                        occurred_at: ledger.time,
                    };
                    (ledger.act(&actor, act), model.evaluate(by, stage, person, grade, next))
                }
                Op::Step { stage, person, step, good } => {
                    let act = AnswerEvaluation {
                        case_id: id(1),
                        stage: STAGES[stage],
                        evaluator: digest(person),
                        step: step_of(step, good),
                    };
                    (ledger.act(&actor, act), model.step(by, (stage, person), (step, good), next))
                }
            };
            prop_assert_eq!(found, expected.clone().map(|_| ()), "{} {:?} {:?}", by, op, model);
            if let Ok(expected) = expected {
                prop_assert_eq!(flags(&ledger), expected, "{} {:?}", by, op);
            }
            for ((stage, person), given) in &model.given {
                let key = (id(1), STAGES[*stage] as u8, digest(*person));
                let record = ledger.get(&EVALUATIONS, &key).unwrap();
                let state = serde_json::to_value(record.state).unwrap();
                prop_assert_eq!(state.as_str(), Some(given.state));
                prop_assert_eq!(&record.unit, &actors()[given.unit].authority);
            }
        }
    }
}
