//! Requests of another province to suspend or revoke, and their answers.

use super::*;

fn request(ledger: &Ledger, number: u8, wanted: WantedChange) -> RequestStatus {
    RequestStatus {
        request_id: id(100 + number),
        att_id: id(number),
        wanted,
        reason: 7,
        evidence: vec![EvidenceRef { kind: 1, commit: digest(1), bytes: 10 }],
        days: 5,
        occurred_at: ledger.time,
    }
}

fn asked(wanted: WantedChange) -> Ledger {
    let mut ledger = Ledger::new();
    ledger.attest(0, 1).unwrap();
    ledger.act(&office(1, 0), request(&ledger, 1, wanted)).unwrap();
    ledger
}

fn answer_with(answer: RequestAnswer) -> AnswerStatusRequest {
    AnswerStatusRequest { request_id: id(101), answer }
}

fn stored(ledger: &Ledger) -> StatusRequest {
    ledger.get(&STATUS_REQUESTS, &id(101)).unwrap()
}

#[test]
fn the_issuer_does_what_was_asked_and_the_change_names_the_request() {
    let mut ledger = asked(WantedChange::Suspend);
    assert_eq!(ledger.event_kinds(), ["status_requested"]);
    assert_eq!(now(&ledger, 1), Status::Active, "only the issuer changes it");
    let act = answer_with(RequestAnswer::Suspend(suspend(&ledger, 1)));
    assert_eq!(ledger.act(&office(1, 0), act.clone()), Err(Code::NotIssuer));
    ledger.act(&office(0, 0), act.clone()).unwrap();
    assert_eq!(ledger.event_kinds(), ["attestation_suspended", "status_request_accepted"]);
    assert_eq!(now(&ledger, 1), Status::Suspended);
    let change = ledger.get(&ATTESTATIONS, &id(1)).unwrap().changes[0];
    assert_eq!(change.request, Some(id(101)));
    assert_eq!(stored(&ledger).end, Some(RequestEnd::Accepted { change: 0 }));
    assert_eq!(ledger.act(&office(0, 0), act), Err(Code::StatusRequestState));
    let mut ledger = asked(WantedChange::Revoke);
    let act = answer_with(RequestAnswer::Revoke(revoke(&ledger, 1)));
    ledger.act(&office(0, 0), act).unwrap();
    assert_eq!(now(&ledger, 1), Status::Revoked);
}

#[test]
fn the_issuer_refuses_with_a_reason() {
    let mut ledger = asked(WantedChange::Revoke);
    let refuse = |reason, evidence| answer_with(RequestAnswer::Refuse { reason, evidence });
    let issuer = office(0, 0);
    assert_eq!(ledger.act(&issuer, refuse(0, None)), Err(Code::ReasonRequired));
    let nothing = EvidenceRef { kind: 1, commit: H32::ZERO, bytes: 1 };
    assert_eq!(ledger.act(&issuer, refuse(3, Some(nothing))), Err(Code::EvidenceRequired));
    for wrong in [
        RequestAnswer::Suspend(suspend(&ledger, 1)),
        RequestAnswer::Revoke(RevokeAttestation { id: id(2), ..revoke(&ledger, 1) }),
    ] {
        assert_eq!(ledger.act(&issuer, answer_with(wrong)), Err(Code::StatusRequestInvalid));
    }
    ledger.act(&issuer, refuse(3, None)).unwrap();
    assert_eq!(ledger.event_kinds(), ["status_request_refused"]);
    assert_eq!(stored(&ledger).end, Some(RequestEnd::Refused { reason: 3, evidence: None }));
    assert_eq!(now(&ledger, 1), Status::Active);
}

#[test]
fn a_change_that_cannot_be_made_answers_nothing() {
    let mut ledger = asked(WantedChange::Suspend);
    ledger.act(&office(0, 0), suspend(&ledger, 1)).unwrap();
    let act = answer_with(RequestAnswer::Suspend(suspend(&ledger, 1)));
    assert_eq!(ledger.act(&office(0, 0), act), Err(Code::BadState));
    assert_eq!(stored(&ledger).end, None);
}

#[test]
fn asking_refuses() {
    let mut ledger = asked(WantedChange::Suspend);
    ledger.attest(0, 2).unwrap();
    let asking = office(1, 0);
    let good = request(&ledger, 2, WantedChange::Suspend);
    for (act, error) in [
        (RequestStatus { request_id: id(101), ..good.clone() }, Code::IdReused),
        (RequestStatus { att_id: id(9), ..good.clone() }, Code::UnknownAttestation),
        (RequestStatus { days: 0, ..good.clone() }, Code::StatusRequestInvalid),
        (RequestStatus { days: 21, ..good.clone() }, Code::StatusRequestInvalid),
        (RequestStatus { reason: 0, ..good.clone() }, Code::ReasonRequired),
        (RequestStatus { evidence: Vec::new(), ..good.clone() }, Code::EvidenceRequired),
        (
            RequestStatus { occurred_at: Millis(ledger.time.0 + DAY_MS), ..good.clone() },
            Code::FutureTime,
        ),
    ] {
        assert_eq!(ledger.act(&asking, act.clone()), Err(error), "{act:?}");
    }
    assert_eq!(ledger.act(&auditor(1), good.clone()), Err(Code::RoleMissing));
    assert_eq!(ledger.act(&office(0, 1), good.clone()), Err(Code::StatusRequestInvalid), "at home");
    ledger.act(&office(0, 0), revoke(&ledger, 2)).unwrap();
    assert_eq!(ledger.act(&asking, good), Err(Code::Terminal));
    ledger.attest(0, 3).unwrap();
    ledger.wait_days(222);
    let late = request(&ledger, 3, WantedChange::Suspend);
    assert_eq!(ledger.act(&asking, late), Err(Code::NoCalendar));
}

#[test]
fn whoever_asked_takes_it_back() {
    let mut ledger = asked(WantedChange::Suspend);
    let act = |number| WithdrawStatusRequest { request_id: id(number) };
    assert_eq!(ledger.act(&office(1, 0), act(9)), Err(Code::UnknownStatusRequest));
    assert_eq!(ledger.act(&office(1, 1), act(101)), Err(Code::StatusRequestInvalid));
    ledger.act(&office(1, 0), act(101)).unwrap();
    assert_eq!(ledger.event_kinds(), ["status_request_withdrawn"]);
    assert_eq!(ledger.act(&office(1, 0), act(101)), Err(Code::StatusRequestState));
}

/// Five working days from Wednesday 20 May 2026 end with Wednesday 27 May.
#[test]
fn an_answer_is_late_after_its_working_days() {
    let mut ledger = asked(WantedChange::Suspend);
    let seen = |ledger: &Ledger| stored(ledger).clock(&ledger.state, ledger.time);
    let due = seen(&ledger).due.unwrap();
    assert_eq!(Day::of_beijing(Millis(due.0 - 1)), day("2026-05-27"));
    let in_time = |ledger: &Ledger| answer_with(RequestAnswer::Suspend(suspend(ledger, 1)));
    ledger.time = Millis(due.0 - 2_000);
    assert_eq!(seen(&ledger).late, Some(false));
    let mut other = ledger.clone();
    other.act(&office(0, 0), in_time(&other)).unwrap();
    assert!(other.events[1].flags.is_empty());
    ledger.time = Millis(due.0 - 1_000);
    ledger.act(&office(0, 0), in_time(&ledger)).unwrap();
    assert_eq!(ledger.events[1].flags, ["late_answer"]);
    assert_eq!(seen(&ledger).late, Some(true));
    other.wait_days(30);
    assert_eq!(seen(&other).late, Some(false), "what was in time stays so");
}
