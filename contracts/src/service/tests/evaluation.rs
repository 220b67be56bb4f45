//! Evaluations and what follows a bad one.

use super::*;
use crate::common::EvidenceRef;

fn evaluate(ledger: &Ledger, stage: Stage, grade: u8) -> Evaluate {
    Evaluate {
        case_id: id(1),
        stage,
        grade,
        channel: Channel::App,
        indicators: vec![1, 6],
        evaluator: digest(9),
        occurred_at: ledger.time,
    }
}

fn step(stage: Stage, step: EvaluationStep) -> AnswerEvaluation {
    AnswerEvaluation { case_id: id(1), stage, evaluator: digest(9), step }
}

fn found(ledger: &Ledger, stage: Stage) -> Evaluation {
    ledger.get(&EVALUATIONS, &(id(1), stage as u8, digest(9))).unwrap()
}

#[test]
fn one_evaluation_a_stage_and_person() {
    let mut ledger = at(CaseState::Accepted);
    let accept = evaluate(&ledger, Stage::Accept, 5);
    let unreached = evaluate(&ledger, Stage::Decide, 5);
    assert_eq!(ledger.act(&receiver(), unreached), Err(Code::StageNotReached));
    assert_eq!(ledger.act(&stranger(), accept.clone()), Err(Code::NotEvaluationParty));
    assert_eq!(ledger.act(&auditor(1), accept.clone()), Err(Code::RoleMissing));
    for grade in [0, 6] {
        let odd = evaluate(&ledger, Stage::Accept, grade);
        assert_eq!(ledger.act(&receiver(), odd), Err(Code::GradeInvalid));
    }
    for indicators in [vec![0], vec![7], vec![2, 1], vec![1; 7]] {
        let odd = Evaluate { indicators, ..accept.clone() };
        assert_eq!(ledger.act(&receiver(), odd), Err(Code::BadField));
    }
    let nobody = Evaluate { evaluator: H32::ZERO, ..accept.clone() };
    assert_eq!(ledger.act(&receiver(), nobody), Err(Code::BadField));
    let absent = Evaluate { case_id: id(9), ..accept.clone() };
    assert_eq!(ledger.act(&receiver(), absent), Err(Code::UnknownCase));
    ledger.act(&receiver(), accept.clone()).unwrap();
    assert_eq!(ledger.act(&handler(), accept.clone()), Err(Code::EvaluatedAlready));
    ledger.act(&handler(), Evaluate { evaluator: digest(8), ..accept }).unwrap();
    let good = step(Stage::Accept, EvaluationStep::Verify);
    assert_eq!(ledger.act(&handler(), good), Err(Code::EvaluationState), "a good grade");
}

#[test]
fn each_stage_has_its_unit() {
    let mut ledger = at(CaseState::Delivered);
    for (stage, unit) in
        [(Stage::Accept, handler()), (Stage::Decide, handler()), (Stage::Deliver, receiver())]
    {
        let body = evaluate(&ledger, stage, 1);
        ledger.act(&receiver(), body).unwrap();
        assert_eq!(flags(&ledger), ["bad_grade"]);
        assert_eq!(found(&ledger, stage).unit, unit.authority);
    }
    let mut ledger = at(CaseState::Received);
    let refuse = RefuseCase { case_id: id(1), reason: 1, notice: digest(1) };
    ledger.act(&receiver(), refuse).unwrap();
    let body = evaluate(&ledger, Stage::Accept, 1);
    ledger.act(&receiver(), body).unwrap();
    assert_eq!(found(&ledger, Stage::Accept).unit, receiver().authority);
}

#[test]
fn a_bad_grade_is_put_right_and_followed_up_by_others() {
    use EvaluationStep::{Close, Rectify, Revisit, Unfounded, Verify};
    let mut ledger = at(CaseState::Decided);
    let body = evaluate(&ledger, Stage::Decide, 2);
    let unknown = ledger.act(&handler(), step(Stage::Decide, Verify));
    assert_eq!(unknown, Err(Code::UnknownEvaluation));
    ledger.act(&receiver(), body).unwrap();
    let mut act = |actor: Actor, next| ledger.act(&actor, step(Stage::Decide, next));
    assert_eq!(act(receiver(), Verify), Err(Code::NotEvaluationParty));
    assert_eq!(act(handler(), Rectify(digest(1))), Err(Code::EvaluationState));
    act(handler(), Verify).unwrap();
    assert_eq!(act(handler(), Rectify(H32::ZERO)), Err(Code::EvidenceRequired));
    let nothing = EvidenceRef { kind: 1, commit: H32::ZERO, bytes: 0 };
    assert_eq!(act(handler(), Unfounded(nothing)), Err(Code::EvidenceRequired));
    let mut refuted = ledger.clone();
    let evidence = EvidenceRef { kind: 1, commit: digest(3), bytes: 10 };
    refuted.act(&handler(), step(Stage::Decide, Unfounded(evidence))).unwrap();
    assert_eq!(found(&refuted, Stage::Decide).state, EvaluationState::Unfounded);

    let mut act = |actor: Actor, next| ledger.act(&actor, step(Stage::Decide, next));
    act(handler(), Rectify(digest(1))).unwrap();
    assert_eq!(act(handler(), Revisit(4)), Err(Code::OwnEvaluation));
    assert_eq!(act(handler(), Close), Err(Code::OwnEvaluation));
    assert_eq!(act(office(0, 1), Revisit(4)), Ok(()), "office 1 has the auditor's role too");
    ledger = ledger.clone();
    assert_eq!(ledger.act(&stranger(), step(Stage::Decide, Close)), Err(Code::NotEvaluationParty));
    ledger.act(&receiver(), step(Stage::Decide, Close)).unwrap();
    let end = found(&ledger, Stage::Decide);
    assert_eq!((end.state, end.revisit.unwrap().grade), (EvaluationState::Closed, 4));

    assert_eq!(refuted.act(&receiver(), step(Stage::Decide, Revisit(9))), Err(Code::GradeInvalid));
    refuted.act(&auditor(0), step(Stage::Decide, Revisit(3))).unwrap();
    assert_eq!(refuted.event_kinds(), ["evaluation_revisited"]);
}

/// A window of the handler's own province does not follow up; a supervisor there may.
#[test]
fn the_handlers_province_follows_up_only_as_supervisor() {
    let mut ledger = at(CaseState::Decided);
    let body = evaluate(&ledger, Stage::Decide, 1);
    ledger.act(&receiver(), body).unwrap();
    ledger.act(&handler(), step(Stage::Decide, EvaluationStep::Verify)).unwrap();
    ledger.act(&handler(), step(Stage::Decide, EvaluationStep::Rectify(digest(1)))).unwrap();
    let key = office(0, 1).key.id();
    let mut record = ledger.get(&crate::identity::KEYS, &key).unwrap();
    record.roles.retain(|role| *role != Role::Auditor);
    ledger.put(&crate::identity::KEYS, &key, &record);
    let revisit = step(Stage::Decide, EvaluationStep::Revisit(3));
    assert_eq!(ledger.act(&office(0, 1), revisit), Err(Code::NotEvaluationParty));
}

#[test]
fn limits_of_putting_it_right() {
    for (days, late) in [(1, false), (2, true)] {
        let mut ledger = at(CaseState::Decided);
        let body = evaluate(&ledger, Stage::Decide, 1);
        ledger.act(&receiver(), body).unwrap();
        ledger.wait_days(days);
        ledger.act(&handler(), step(Stage::Decide, EvaluationStep::Verify)).unwrap();
        assert_eq!(flags(&ledger), if late { vec!["verify_late"] } else { vec![] });
        // 15 working days after Wednesday 20 May: Wednesday 10 June.
        ledger.wait_days(21 - days + u64::from(late));
        let calendars = crate::clock::calendars(&ledger.state);
        let clocks = evaluation_clocks(&found(&ledger, Stage::Decide), ledger.time, calendars);
        assert_eq!(clocks.rectify_due, Some(day("2026-06-10").end()));
        assert_eq!(clocks.rectify_late, Some(late));
        ledger.act(&handler(), step(Stage::Decide, EvaluationStep::Rectify(digest(1)))).unwrap();
        assert_eq!(flags(&ledger), if late { vec!["rectify_late"] } else { vec![] });
    }
}

/// Before the October holidays, in the last second of a Beijing day and in the first of the next:
/// Saturday 10 October is worked.
#[test]
fn limits_end_at_midnight_after_holidays() {
    for (given, verify, rectify) in [
        ("2026-09-29T15:59:58Z", "2026-09-30", "2026-10-26"),
        ("2026-09-29T15:59:59Z", "2026-10-08", "2026-10-27"),
    ] {
        let mut ledger = at(CaseState::Decided);
        ledger.time = hefu_primitives::Millis::from_rfc3339(given).unwrap();
        let body = evaluate(&ledger, Stage::Decide, 1);
        ledger.act(&receiver(), body).unwrap();
        let [verify, rectify] = [verify, rectify].map(|text| day(text).end());
        for (step_of, due, name) in [
            (EvaluationStep::Verify, verify, "verify_late"),
            (EvaluationStep::Rectify(digest(1)), rectify, "rectify_late"),
        ] {
            let mut late = ledger.clone();
            late.time = hefu_primitives::Millis(due.0 - 1_000);
            late.act(&handler(), step(Stage::Decide, step_of)).unwrap();
            assert_eq!(flags(&late), [name], "{given}");
            ledger.time = hefu_primitives::Millis(due.0 - 1_001);
            ledger.act(&handler(), step(Stage::Decide, step_of)).unwrap();
            assert_eq!(flags(&ledger), Vec::<&str>::new(), "{given} {name}");
        }
    }
    // Nobody's opinion waits for a calendar; lateness is then unknown.
    let mut ledger = at(CaseState::Decided);
    ledger.time = hefu_primitives::Millis::from_rfc3339("2026-12-31T02:00:00Z").unwrap();
    let body = evaluate(&ledger, Stage::Decide, 1);
    ledger.act(&receiver(), body).unwrap();
    ledger.act(&handler(), step(Stage::Decide, EvaluationStep::Verify)).unwrap();
    assert_eq!(flags(&ledger), ["no_calendar"]);
    let calendars = crate::clock::calendars(&ledger.state);
    let clocks = evaluation_clocks(&found(&ledger, Stage::Decide), ledger.time, calendars);
    assert_eq!(clocks, EvaluationClocks::default());
}
