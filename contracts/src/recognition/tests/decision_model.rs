//! What a decision is told about a height, compared with what an observer noted *at* that height:
//! the model keeps no history and looks back at nothing.

use super::*;
use crate::identity::{RevocationReason, RevokeKey};
use hefu_primitives::codec::Canonical;
use proptest::prelude::*;

#[derive(Clone, Debug)]
enum Op {
    Attest { days_ahead: u64, days: u64 },
    Suspend { days: Option<u64> },
    Resume,
    Revoke,
    Renew,
    Conclude,
    Pause { province: usize, days: u64 },
    ResumeEntry(usize),
    Leave(usize),
    PauseType(bool),
    PauseScenario(bool),
    Compromise,
    Wait { days: u64, minutes: u64 },
    Decide { back: u64, reasons: Vec<u16>, outcome: u8, named: bool },
}

fn ops() -> impl Strategy<Value = Vec<Op>> {
    let checkable =
        prop::sample::subsequence(vec![1u16, 2, 4, 5, 6, 7, 9, 10, 12, 13, 19, 20, 99], 1..4);
    let days = || prop_oneof![2 => Just(0u64), 2 => 1u64..5, 1 => 20u64..40];
    let op = prop_oneof![
        4 => (0u64..3, 5u64..60).prop_map(|(days_ahead, days)| Op::Attest { days_ahead, days }),
        3 => prop::option::of(0u64..5).prop_map(|days| Op::Suspend { days }),
        2 => Just(Op::Resume),
        1 => Just(Op::Revoke),
        1 => Just(Op::Renew),
        3 => Just(Op::Conclude),
        3 => (0usize..2, 0u64..6).prop_map(|(province, days)| Op::Pause { province, days }),
        2 => (0usize..2).prop_map(Op::ResumeEntry),
        1 => (0usize..2).prop_map(Op::Leave),
        2 => any::<bool>().prop_map(Op::PauseType),
        2 => any::<bool>().prop_map(Op::PauseScenario),
        1 => Just(Op::Compromise),
        4 => (days(), 0u64..30).prop_map(|(days, minutes)| Op::Wait { days, minutes }),
        20 => (0u64..12, checkable, 0u8..4, prop::bool::weighted(0.8)).prop_map(
            |(back, reasons, outcome, named)| Op::Decide { back, reasons, outcome, named }
        ),
    ];
    prop::collection::vec(op, 15..50)
}

/// What an observer knows, without any history.
#[derive(Clone, Copy, Default)]
struct Now {
    attested: Option<(u64, u64)>,
    /// Suspended, until a day.
    suspended: Option<u64>,
    ended: Option<u16>,
    concluded: bool,
    paused: [Option<u64>; 2],
    left: [Option<u64>; 2],
    type_paused: bool,
    scenario_paused: bool,
    compromised: bool,
}

/// What the observer notes at a height: its time, and the reasons that were true.
#[derive(Clone)]
struct Note {
    time: u64,
    truths: Vec<u16>,
    valid: bool,
    covered: bool,
}

impl Now {
    fn note(&self, time: u64) -> Note {
        let day = (time + 28_800_000) / 86_400_000;
        let mut truths = Vec::new();
        let Some((from, until)) = self.attested else {
            return Note { time, truths: vec![2], valid: false, covered: false };
        };
        let gone = (0..2).any(|p| self.left[p].is_some_and(|first| day >= first));
        let in_force = self.concluded && !gone;
        let paused = (0..2).any(|p| self.paused[p].is_some_and(|until| day <= until));
        if !in_force || self.type_paused {
            truths.push(1);
        }
        let suspended = self.suspended.is_some_and(|until| day <= until);
        match self.ended {
            Some(code) => truths.push(code),
            None if suspended => truths.push(4),
            None => {}
        }
        if day > until {
            truths.push(6);
        }
        if self.compromised {
            truths.extend([9, 20]);
        }
        if !in_force || paused {
            truths.push(12);
        }
        if !in_force || self.scenario_paused {
            truths.push(13);
        }
        if day < from {
            truths.push(19);
        }
        let valid = truths.iter().all(|code| [1, 12, 13].contains(code));
        let covered = !truths.iter().any(|code| [1, 12, 13].contains(code));
        Note { time, truths, valid, covered }
    }
}

/// The flags of §3.7, from the note alone.
fn expected(
    note: &Note,
    reasons: &[u16],
    outcome: u8,
    named: bool,
    stale: bool,
) -> Vec<&'static str> {
    const CHECKABLE: [u16; 11] = [1, 2, 4, 5, 6, 7, 9, 12, 13, 19, 20];
    let is_true = |code: &u16| note.truths.contains(code);
    let is_false = |code: &u16| CHECKABLE.contains(code) && !is_true(code);
    let lied = reasons.iter().any(is_false);
    let frank = reasons.iter().any(is_true);
    let covered = note.covered && named;
    let wrong_refusal = outcome == 2 && (lied || (reasons == [99] && note.truths.is_empty()));
    let wrong_acceptance = match outcome {
        0 => !note.valid,
        1 => !note.valid && !frank,
        _ => false,
    };
    let basis = match outcome {
        0 => covered,
        1 => covered || frank,
        _ => true,
    };
    let mut flags = Vec::new();
    if !lied && !wrong_refusal && !wrong_acceptance && basis {
        flags.push("consistent");
    }
    if wrong_refusal {
        flags.push("refused_while_valid");
    }
    if wrong_acceptance {
        flags.push("accepted_while_invalid");
    }
    if stale {
        flags.push("stale_check");
    }
    if !covered {
        flags.push("out_of_scope");
    }
    flags
}

struct World {
    ledger: Ledger,
    now: Now,
    /// By height, from 0.
    notes: Vec<Note>,
    number: u8,
}

impl World {
    /// Does an act and, when it is taken, what it means to the observer.
    fn attempt(&mut self, actor: &Actor, act: impl Into<crate::Act>, then: impl FnOnce(&mut Now)) {
        if self.ledger.act(actor, act).is_ok() {
            then(&mut self.now);
        }
        self.observe();
    }

    fn govern(&mut self, province: usize, act: impl Into<crate::Act>, then: impl FnOnce(&mut Now)) {
        let act = act.into();
        self.attempt(&governor(province, 0), act.clone(), |_| {});
        self.attempt(&governor(province, 1), act, then);
    }

    /// Notes the state after the latest block.
    fn observe(&mut self) {
        let note = self.now.note(self.ledger.time.0);
        self.notes.push(note);
        assert_eq!(self.notes.len() as u64, self.ledger.height.0 + 1);
    }

    fn adopt(&mut self, action: Action, then: impl FnOnce(&mut Now)) {
        self.number += 1;
        let proposal = id(self.number);
        let propose = crate::identity::Propose { id: proposal, action };
        let vote = crate::identity::CastVote { proposal, approve: true };
        self.govern(0, propose, |_| {});
        self.govern(1, vote.clone(), |_| {});
        self.govern(2, vote, then);
    }

    /// The Beijing day of the next block.
    fn day(&self) -> u64 {
        (self.ledger.time.0 + 1_000 + 28_800_000) / 86_400_000
    }

    fn step(&mut self, op: Op) {
        let today = self.day();
        let date = |days: u64| self.ledger.today().add_days(days as i64).unwrap();
        match op {
            Op::Attest { days_ahead, days } => {
                let act = Attest {
                    region: REGIONS[1],
                    valid_from: date(days_ahead),
                    valid_until: Some(date(days)),
                    ..self.ledger.driving_licence(1)
                };
                let term = (today + days_ahead, today + days);
                self.attempt(&issuer(), act, |now| now.attested = Some(term));
            }
            Op::Suspend { days } => {
                let until = days.map(date);
                let last = days.map_or(u64::MAX, |days| today + days);
                let act = SuspendAttestation { until, ..suspend(&self.ledger) };
                self.attempt(&issuer(), act, |now| now.suspended = Some(last));
            }
            Op::Resume => {
                let act = reinstate(&self.ledger);
                self.attempt(&issuer(), act, |now| now.suspended = None);
            }
            Op::Revoke => {
                let act = revoke(&self.ledger);
                self.attempt(&issuer(), act, |now| now.ended = Some(5));
            }
            Op::Renew => {
                let previous = Some(Previous { id: id(1), reason: SupersedeReason::Renewal });
                let act = Attest { previous, region: REGIONS[1], ..self.ledger.driving_licence(2) };
                self.attempt(&issuer(), act, |now| now.ended = Some(7));
            }
            Op::Conclude => {
                let terms = terms(&self.ledger);
                let signature = sign(&terms);
                self.attempt(&governor(0, 0), terms, |_| {});
                if !self.now.concluded {
                    self.govern(0, signature, |_| {});
                    self.govern(1, signature, |now| now.concluded = true);
                }
            }
            Op::Pause { province, days } => {
                let act = PauseEntry { until: date(days), ..pause(&self.ledger) };
                self.govern(province, act, |now| now.paused[province] = Some(today + days));
            }
            Op::ResumeEntry(province) => {
                self.govern(province, resume(), |now| now.paused[province] = None);
            }
            Op::Leave(province) => {
                self.govern(province, withdraw(), |now| now.left[province] = Some(today + 30));
            }
            Op::PauseType(on) => {
                let state = if on { ListState::Paused } else { ListState::Adopted };
                let action = Action::SetTypeState {
                    code: code(DRIVING),
                    version: 1,
                    state,
                    merged_into: None,
                };
                self.adopt(action, |now| now.type_paused = on);
            }
            Op::PauseScenario(on) => {
                let state = if on { ListState::Paused } else { ListState::Adopted };
                self.adopt(Action::SetScenarioState { id: 1, state }, |now| {
                    now.scenario_paused = on
                });
            }
            Op::Compromise => {
                let key = issuer().key.id();
                let since = Some(start());
                let act = RevokeKey { key, reason: RevocationReason::Compromised, since };
                self.govern(1, act, |now| now.compromised = true);
            }
            Op::Wait { days, minutes } => {
                self.ledger.wait_days(days);
                self.ledger.time = Millis(self.ledger.time.0 + minutes * 60_000);
                self.ledger.block(&[]);
                self.observe();
            }
            Op::Decide { back, reasons, outcome, named } => {
                self.decide(back, reasons, outcome, named);
            }
        }
    }

    fn decide(&mut self, back: u64, reasons: Vec<u16>, outcome: u8, named: bool) {
        use DecisionOutcome::{Accepted, Conditional, Deferred, Refused};
        let height = Height(self.ledger.height.0.saturating_sub(back).max(1));
        let reasons = if outcome == 0 { Vec::new() } else { reasons };
        let act = Decide {
            checked_height: height,
            outcome: [Accepted, Conditional, Refused, Deferred][outcome as usize],
            agreement: (named && self.now.concluded).then_some(AGREEMENT),
            ..refuse(&self.ledger, 0, &reasons)
        };
        let known = self.now.attested.is_some() || reasons.contains(&2);
        let note = self.notes[height.0 as usize].clone();
        let named = act.agreement.is_some();
        let dec_id = Id16((self.ledger.height.0 as u128).to_be_bytes());
        let result = self.ledger.act(&relying(), Decide { dec_id, ..act });
        self.observe();
        if !known {
            assert_eq!(result, Err(Code::AttestationUnknown));
            return;
        }
        assert_eq!(result, Ok(()));
        let stale = self.ledger.time.0 - note.time > 900_000;
        let expected = expected(&note, &reasons, outcome, named, stale);
        let decision = self.ledger.get(&DECISIONS, &dec_id).unwrap();
        assert_eq!(names(&decision), expected, "{reasons:?} {outcome} {:?}", note.truths);
        let truths: Vec<u16> = Reason::ALL
            .iter()
            .filter(|reason| decision.facts.truth(**reason) == Some(true))
            .map(|reason| reason.code())
            .collect();
        assert_eq!(truths, {
            let mut truths = note.truths;
            truths.sort_unstable();
            truths
        });
    }
}

proptest! {
    #![proptest_config(ProptestConfig {
        failure_persistence: None, ..ProptestConfig::with_cases(48)
    })]

    #[test]
    fn decisions_are_judged_as_the_observer_noted(ops in ops()) {
        let ledger = Ledger::new();
        let now = Now::default();
        let notes = vec![now.note(ledger.time.0)];
        let mut world = World { ledger, now, notes, number: 0x10 };
        world.ledger.block(&[]);
        world.observe();
        for op in ops {
            world.step(op);
        }
        // Whatever happened since: judged again by the rule of its height, a decision is the same.
        for (_, decision) in DECISIONS.read_all(&world.ledger.state, &(), 100) {
            let again = judge_again(&world.ledger.state, &decision).map(|found| found.to_bytes());
            prop_assert_eq!(again, Some(decision.to_bytes()));
        }
    }
}
