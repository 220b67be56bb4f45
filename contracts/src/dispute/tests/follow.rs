//! What a ruling obliges to stays unfulfilled until it is seen.

use super::*;

fn fulfilled(ledger: &Ledger) -> Option<bool> {
    is_fulfilled(&ledger.state, &found(ledger))
}

fn report() -> ReportFulfilment {
    ReportFulfilment { dispute_id: id(9), evidence: digest(6) }
}

#[test]
fn a_refusal_overturned_is_made_good_by_a_new_decision() {
    let mut ledger = opened();
    assert_eq!(challenge_of(&ledger.state, &id(2)), Some(Challenge::Challenged));
    settle(&mut ledger, DisputeOutcome::OverturnRefusal);
    assert_eq!(challenge_of(&ledger.state, &id(2)), Some(Challenge::Overturned));
    assert_eq!(fulfilled(&ledger), Some(false));
    let word = ledger.act(&relying(), report());
    assert_eq!(word, Err(Code::DisputeState), "the records will show it");
    decide(&mut ledger, 3, DecisionOutcome::Refused);
    assert_eq!(fulfilled(&ledger), Some(false));
    decide(&mut ledger, 4, DecisionOutcome::Accepted);
    assert_eq!(fulfilled(&ledger), Some(true));
}

#[test]
fn what_is_upheld_obliges_to_nothing() {
    for outcome in [DisputeOutcome::Uphold, DisputeOutcome::NoAction] {
        let mut ledger = opened();
        settle(&mut ledger, outcome);
        assert_eq!(fulfilled(&ledger), None);
        assert_eq!(challenge_of(&ledger.state, &id(2)), Some(Challenge::Upheld));
        assert_eq!(ledger.act(&relying(), report()), Err(Code::DisputeState));
    }
}

#[test]
fn discipline_is_reported_once_by_the_respondent() {
    let mut ledger = opened();
    assert_eq!(ledger.act(&relying(), report()), Err(Code::DisputeState), "not over");
    settle(&mut ledger, DisputeOutcome::ReferDiscipline);
    assert_eq!(fulfilled(&ledger), Some(false));
    assert_eq!(ledger.act(&issuer(), report()), Err(Code::NotRespondent));
    let bare = ReportFulfilment { evidence: ZERO, ..report() };
    assert_eq!(ledger.act(&relying(), bare), Err(Code::BadField));
    ledger.act(&relying(), report()).unwrap();
    assert_eq!(fulfilled(&ledger), Some(true));
    assert_eq!(ledger.act(&relying(), report()), Err(Code::DisputeState));
}

#[test]
fn a_certificate_is_corrected_by_a_change_of_its_status() {
    let mut ledger = refused();
    let about = OpenDispute {
        kind: DisputeKind::CertStatus,
        subject: Subject::Attestation(id(1)),
        respondent: issuer().authority,
        ..dispute()
    };
    ledger.act(&relying(), about).unwrap();
    ledger.act(&issuer(), ACK).unwrap();
    ledger.act(&relying(), propose(DisputeOutcome::CorrectRecord)).unwrap();
    ledger.act(&issuer(), agree(DisputeOutcome::CorrectRecord)).unwrap();
    assert_eq!(fulfilled(&ledger), Some(false));
    let revoke = revoke(&ledger);
    ledger.act(&issuer(), revoke).unwrap();
    assert_eq!(fulfilled(&ledger), Some(true));
}

#[test]
fn a_decision_is_corrected_by_another() {
    let mut ledger = opened();
    settle(&mut ledger, DisputeOutcome::CorrectRecord);
    assert_eq!(fulfilled(&ledger), Some(false));
    decide(&mut ledger, 3, DecisionOutcome::Deferred);
    assert_eq!(fulfilled(&ledger), Some(true));
}

#[test]
fn a_grant_is_revoked() {
    let mut ledger = shared();
    let about = OpenDispute {
        kind: DisputeKind::UnauthorisedUse,
        subject: Subject::Receipt(id(4)),
        respondent: relying().authority,
        ..dispute()
    };
    ledger.act(&issuer(), about).unwrap();
    settle(&mut ledger, DisputeOutcome::RevokeGrant);
    assert_eq!(fulfilled(&ledger), Some(false));
    let (grant_id, reason) = (id(3), Some(GrantReason::Misused));
    ledger.act(&issuer(), SetGrantState { grant_id, state: GrantState::Revoked, reason }).unwrap();
    assert_eq!(fulfilled(&ledger), Some(true));
}

/// Whoever calls a certificate forged brings that before its issuer within a working day.
#[test]
fn a_suspicion_of_forgery_is_brought_as_a_dispute() {
    let mut ledger = plain();
    ledger.attest(0, 1).unwrap();
    let suspicion = Decide {
        reasons: vec![17],
        evidence: vec![evidence(3)],
        ..decision(&ledger, 2, DecisionOutcome::Refused)
    };
    ledger.act(&relying(), suspicion).unwrap();
    decide(&mut ledger, 3, DecisionOutcome::Refused);
    let duty = |ledger: &Ledger, number: u8| {
        let decision = ledger.get(&crate::recognition::DECISIONS, &id(number)).unwrap();
        forgery_duty(&ledger.state, &decision, ledger.time)
    };
    assert_eq!(duty(&ledger, 3), None, "another reason");
    let waiting = duty(&ledger, 2).unwrap();
    assert_eq!(waiting.due, Some(day("2026-05-21").end()), "the next working day");
    assert_eq!((waiting.opened, waiting.undisputed), (None, Some(false)));
    let open = OpenDispute {
        kind: DisputeKind::SuspectedForgery,
        subject: Subject::Attestation(id(1)),
        respondent: issuer().authority,
        ..dispute()
    };
    let mut late = ledger.clone();
    ledger.act(&relying(), open.clone()).unwrap();
    let told = duty(&ledger, 2).unwrap();
    assert_eq!((told.opened, told.undisputed), (Some(ledger.time), Some(false)));
    late.wait_days(2);
    assert_eq!(duty(&late, 2).unwrap().undisputed, Some(true));
    late.act(&relying(), open).unwrap();
    let told = duty(&late, 2).unwrap();
    assert_eq!((told.opened, told.undisputed), (Some(late.time), Some(true)), "too late");
    // One that was open when it was said counts; one that was over before does not.
    ledger.act(&relying(), WITHDRAW).unwrap();
    ledger.wait_days(3);
    let again = Decide {
        reasons: vec![17],
        evidence: vec![evidence(3)],
        ..decision(&ledger, 4, DecisionOutcome::Refused)
    };
    ledger.act(&relying(), again).unwrap();
    assert_eq!(duty(&ledger, 4).unwrap().opened, None);
}
