use super::*;
use crate::EvidenceRef;
use crate::identity::{CALENDARS, KEYS, Role};
use hefu_primitives::time::DAY_MS;

#[test]
fn a_good_acceptance() {
    let mut ledger = attested();
    let act = accept(&ledger, 2);
    let decision = decide(&mut ledger, act.clone());
    assert_eq!(ledger.event_kinds(), ["decision_recorded"]);
    assert_eq!(ledger.events[0].subject, format!("dec:{}", id(2)));
    assert_eq!(ledger.events[0].flags, ["consistent"]);
    assert_eq!(names(&decision), ["consistent"]);
    assert_eq!((decision.relying, decision.region), (relying().authority, REGIONS[0]));
    assert_eq!(decision.body, act);
    assert!(decision.facts.is_valid() && !decision.facts.has_ground());
    let (height, relying) = (ledger.height, relying().authority);
    assert_eq!(ledger.get(&DECISIONS_BY_ATTESTATION, &(id(1), height, id(2))), Some(()));
    assert_eq!(ledger.get(&DECISIONS_BY_AUTHORITY, &(relying, height, id(2))), Some(()));
}

/// The scripts (a) and (b) of domain.md §5.
#[test]
fn a_right_and_a_wrong_refusal() {
    let mut ledger = attested();
    let act = refuse(&ledger, 2, &[5]);
    let wrong = decide(&mut ledger, act);
    assert_eq!(names(&wrong), ["refused_while_valid"]);
    assert_eq!(wrong.false_reasons, [5]);
    let act = suspend(&ledger);
    ledger.act(&issuer(), act).unwrap();
    let act = refuse(&ledger, 3, &[4]);
    assert_eq!(names(&decide(&mut ledger, act)), ["consistent"]);
    let act = refuse(&ledger, 4, &[4, 5]);
    let half = decide(&mut ledger, act);
    assert_eq!(names(&half), ["refused_while_valid"], "every reason must be true");
    assert_eq!(half.false_reasons, [5]);
}

#[test]
fn reasons_the_ledger_cannot_check_are_taken() {
    let mut ledger = attested();
    for (number, reason) in [3, 8, 10, 11, 14, 15, 16, 17, 18].into_iter().enumerate() {
        let act = refuse(&ledger, number as u8 + 2, &[reason]);
        assert_eq!(names(&decide(&mut ledger, act)), ["consistent"], "{reason}");
    }
    let act = refuse(&ledger, 0x20, &[99]);
    assert_eq!(names(&decide(&mut ledger, act)), ["refused_while_valid"], "nothing beyond 99");
    let act = refuse(&ledger, 0x21, &[10, 99]);
    assert_eq!(names(&decide(&mut ledger, act)), ["consistent"]);
    let act = revoke(&ledger);
    ledger.act(&issuer(), act).unwrap();
    let act = refuse(&ledger, 0x22, &[99]);
    assert_eq!(names(&decide(&mut ledger, act)), ["consistent"], "there was a ground");
}

#[test]
fn accepted_while_invalid() {
    let mut ledger = attested();
    let before = ledger.height;
    let act = suspend(&ledger);
    ledger.act(&issuer(), act).unwrap();
    let act = accept(&ledger, 2);
    assert_eq!(names(&decide(&mut ledger, act)), ["accepted_while_invalid"]);
    let act = Decide { checked_height: before, ..accept(&ledger, 3) };
    assert_eq!(names(&decide(&mut ledger, act)), ["consistent"], "as known when it was checked");
    let act = Decide { checked_height: before.previous(), ..accept(&ledger, 4) };
    let unknown = decide(&mut ledger, act);
    assert_eq!(names(&unknown), ["accepted_while_invalid", "out_of_scope"], "not attested then");
}

#[test]
fn conditions_that_say_why() {
    let mut ledger = attested();
    let act = suspend(&ledger);
    ledger.act(&issuer(), act).unwrap();
    let conditional = |ledger: &Ledger, number, reason| Decide {
        outcome: DecisionOutcome::Conditional,
        ..refuse(ledger, number, &[reason])
    };
    let act = conditional(&ledger, 2, 4);
    assert_eq!(names(&decide(&mut ledger, act)), ["consistent"]);
    let act = conditional(&ledger, 3, 15);
    assert_eq!(names(&decide(&mut ledger, act)), ["accepted_while_invalid"]);
    let deferred = Decide { outcome: DecisionOutcome::Deferred, ..refuse(&ledger, 4, &[18]) };
    assert_eq!(names(&decide(&mut ledger, deferred)), ["consistent"]);
    let deferred = Decide { outcome: DecisionOutcome::Deferred, ..refuse(&ledger, 5, &[5]) };
    let deferred = decide(&mut ledger, deferred);
    assert!(names(&deferred).is_empty(), "no wrong refusal, but not consistent");
    assert_eq!(deferred.false_reasons, [5]);
}

#[test]
fn stale_checks() {
    let mut ledger = attested();
    let checked = ledger.height;
    ledger.time = Millis(ledger.time.0 + 899_000);
    let mut late = ledger.clone();
    let at = |ledger: &Ledger| Decide { checked_height: checked, ..accept(ledger, 2) };
    let act = at(&ledger);
    assert_eq!(names(&decide(&mut ledger, act)), ["consistent"], "exactly 900 s");
    late.time = Millis(late.time.0 + 1);
    let act = at(&late);
    assert_eq!(names(&decide(&mut late, act)), ["consistent", "stale_check"]);
    late.wait_days(30);
    late.block(&[]);
    let act = Decide { dec_id: id(3), ..at(&late) };
    let old = decide(&mut late, act);
    assert_eq!(names(&old), ["consistent", "stale_check"], "out of the window");
    assert_eq!(old.checked_time, None);
}

#[test]
fn out_of_scope() {
    let mut ledger = attested();
    let act = Decide { agreement: None, ..accept(&ledger, 2) };
    assert_eq!(names(&decide(&mut ledger, act)), ["out_of_scope"]);
    let act = Decide { item: code(MOVING), ..accept(&ledger, 3) };
    assert_eq!(names(&decide(&mut ledger, act)), ["out_of_scope"], "not the scenario's item");
    ledger.attest(0, 2).unwrap();
    let act = Decide { att_id: id(2), agreement: None, ..accept(&ledger, 4) };
    assert_eq!(names(&decide(&mut ledger, act)), ["consistent"], "one's own province");
    ledger.attest(2, 3).unwrap();
    let act = Decide { att_id: id(3), ..refuse(&ledger, 5, &[12]) };
    assert_eq!(names(&decide(&mut ledger, act)), ["consistent", "out_of_scope"]);
}

#[test]
fn repeated_demands() {
    let mut ledger = attested();
    let case = |ledger: &Ledger, number, case| Decide { case, ..accept(ledger, number) };
    for (number, commit, expected) in [
        (2, Some(digest(1)), vec!["consistent"]),
        (3, Some(digest(1)), vec!["consistent", "repeat_demand"]),
        (4, Some(digest(2)), vec!["consistent"]),
        (5, None, vec!["consistent"]),
        (6, None, vec!["consistent"]),
    ] {
        let act = case(&ledger, number, commit);
        assert_eq!(names(&decide(&mut ledger, act)), expected, "{number}");
    }
    let act = case(&ledger, 7, Some(digest(1)));
    ledger.act(&office(0, 1), act).unwrap();
    assert_eq!(ledger.events[0].flags, ["consistent"], "another authority");
}

#[test]
fn deciding_refuses() {
    let mut ledger = attested();
    let good = accept(&ledger, 2);
    let no = refuse(&ledger, 2, &[4]);
    let next = ledger.height.next();
    let bare = |reason| Decide { evidence: vec![], statute: None, ..refuse(&ledger, 2, &[reason]) };
    let unit = |text: &str| Decide { unit: Some(text.to_owned()), ..good.clone() };
    let evidence = EvidenceRef { kind: 1, commit: digest(1), bytes: 1 };
    let zero = hefu_primitives::H32::ZERO;
    let nothing = EvidenceRef { commit: zero, ..evidence };
    let cases: Vec<(Decide, Code)> = vec![
        (Decide { scenario: 2, ..good.clone() }, Code::UnknownScenario),
        (refuse(&ledger, 2, &[21]), Code::ReasonUnknown),
        (refuse(&ledger, 2, &[0]), Code::ReasonUnknown),
        (refuse(&ledger, 2, &[]), Code::DecisionReasonRequired),
        (
            Decide { outcome: DecisionOutcome::Deferred, ..good.clone() },
            Code::DecisionReasonRequired,
        ),
        (
            Decide { outcome: DecisionOutcome::Conditional, ..good.clone() },
            Code::DecisionReasonRequired,
        ),
        (bare(16), Code::EvidenceRequired),
        (bare(17), Code::EvidenceRequired),
        (bare(99), Code::EvidenceRequired),
        (Decide { statute: Some(zero), ..refuse(&ledger, 2, &[16]) }, Code::EvidenceRequired),
        (Decide { evidence: vec![nothing], ..refuse(&ledger, 2, &[99]) }, Code::EvidenceRequired),
        (Decide { evidence: vec![evidence, nothing], ..no.clone() }, Code::EvidenceRequired),
        (Decide { case: Some(zero), ..good.clone() }, Code::BadField),
        (Decide { item: code("SOMEBODYSNAM"), ..good.clone() }, Code::BadField),
        (Decide { reasons: vec![4], ..good.clone() }, Code::BadField),
        (refuse(&ledger, 2, &[4, 4]), Code::BadField),
        (refuse(&ledger, 2, &[4, 5, 6, 7, 9]), Code::BadField),
        (Decide { evidence: vec![evidence; 9], ..no.clone() }, Code::BadField),
        (Decide { digest_match: true, ..refuse(&ledger, 2, &[3]) }, Code::BadField),
        (Decide { seal_verdict: SealVerdict::Valid, ..refuse(&ledger, 2, &[8]) }, Code::BadField),
        (unit(""), Code::BadField),
        (unit("A B"), Code::BadField),
        (unit("12345678901234567"), Code::BadField),
        (unit("13800138000"), Code::PersonalDataPattern),
        (Decide { decided_at: Millis(ledger.time.0 + 400_000), ..good.clone() }, Code::FutureTime),
        (Decide { checked_height: next, ..good.clone() }, Code::HeightInFuture),
        (Decide { checked_height: Height(0), ..good.clone() }, Code::BadField),
        (Decide { agreement: Some(id(9)), ..good.clone() }, Code::UnknownAgreement),
        (Decide { att_id: id(9), ..good.clone() }, Code::AttestationUnknown),
        (Decide { att_id: id(9), ..no }, Code::AttestationUnknown),
    ];
    for (act, code) in cases {
        // Each case stands on a ledger at the same height.
        assert_eq!(ledger.clone().act(&relying(), act.clone()), Err(code), "{act:?}");
    }
    assert_eq!(ledger.act(&auditor(0), good.clone()), Err(Code::RoleMissing));
    let mut authority = ledger.get(&AUTHORITIES, &relying().authority).unwrap();
    authority.may_rely.clear();
    let mut other = ledger.clone();
    other.put(&AUTHORITIES, &relying().authority, &authority);
    assert_eq!(other.act(&relying(), good.clone()), Err(Code::NoRelyingMandate));
    assert_eq!(ledger.act(&relying(), good.clone()), Ok(()));
    assert_eq!(ledger.act(&relying(), good), Err(Code::IdReused));
    let unknown = Decide { att_id: id(9), ..refuse(&ledger, 3, &[2]) };
    let unknown = decide(&mut ledger, unknown);
    assert_eq!(names(&unknown), ["consistent", "out_of_scope"]);
}

fn correct(ledger: &Ledger, number: u8) -> CorrectDecision {
    CorrectDecision { corrects: id(2), decision: accept(ledger, number) }
}

#[test]
fn correcting() {
    let mut ledger = attested();
    let case = Some(digest(1));
    let act = Decide { case, ..refuse(&ledger, 2, &[5]) };
    decide(&mut ledger, act);
    let mut act = correct(&ledger, 3);
    act.decision.case = case;
    assert_eq!(ledger.act(&relying(), act), Ok(()));
    assert_eq!(ledger.event_kinds(), ["decision_recorded", "decision_corrected"]);
    assert_eq!(ledger.events[1].subject, format!("dec:{}", id(2)));
    let new = ledger.get(&DECISIONS, &id(3)).unwrap();
    assert_eq!(new.corrects, Some(id(2)));
    assert_eq!(names(&new), ["consistent"], "a correction is not a second demand");
    let old = ledger.get(&DECISIONS, &id(2)).unwrap();
    assert_eq!(names(&old), ["refused_while_valid"], "the old one stays");
    assert_eq!(ledger.get(&CORRECTIONS, &id(2)).map(|c| c.by), Some(id(3)));
    let again = correct(&ledger, 4);
    assert_eq!(ledger.act(&relying(), again), Err(Code::CorrectionInvalid));
    let further = CorrectDecision { corrects: id(3), ..correct(&ledger, 4) };
    assert_eq!(ledger.act(&relying(), further), Ok(()), "a correction can be corrected");
}

#[test]
fn correcting_refuses() {
    let mut ledger = attested();
    let act = refuse(&ledger, 2, &[5]);
    decide(&mut ledger, act);
    let good = correct(&ledger, 3);
    assert_eq!(ledger.act(&auditor(0), good.clone()), Err(Code::RoleMissing));
    let unknown = CorrectDecision { corrects: id(9), ..good.clone() };
    assert_eq!(ledger.act(&relying(), unknown), Err(Code::UnknownDecision));
    assert_eq!(ledger.act(&office(0, 1), good.clone()), Err(Code::CorrectionInvalid));
    let mut other = good.clone();
    other.decision.att_id = id(7);
    assert_eq!(ledger.act(&relying(), other), Err(Code::CorrectionInvalid));
    let mut wrong = good.clone();
    wrong.decision.dec_id = id(2);
    assert_eq!(ledger.act(&relying(), wrong), Err(Code::IdReused), "as any decision");
    // Decided on Wednesday: corrected until the end of Thursday.
    let end = day("2026-05-21").end().0;
    let mut last = ledger.clone();
    last.time = Millis(end - 1_001);
    assert_eq!(last.act(&relying(), good.clone()), Ok(()));
    let mut late = ledger.clone();
    late.time = Millis(end - 1_000);
    assert_eq!(late.act(&relying(), good.clone()), Err(Code::CorrectionInvalid));
    ledger.state.0.remove(&CALENDARS.key(&2026));
    assert_eq!(ledger.act(&relying(), good), Err(Code::NoCalendar));
}

#[test]
fn a_verifier_role_is_needed() {
    let mut ledger = attested();
    let key_id = relying().key.id();
    let mut key = ledger.get(&KEYS, &key_id).unwrap();
    key.roles.retain(|role| *role != Role::Verifier);
    ledger.put(&KEYS, &key_id, &key);
    let act = accept(&ledger, 2);
    assert_eq!(ledger.act(&relying(), act), Err(Code::RoleMissing));
}

/// Script (f): annulled from a day back, and every acceptance since then.
#[test]
fn basis_annulled() {
    let mut ledger = attested();
    let act = accept(&ledger, 2);
    let early = decide(&mut ledger, act);
    ledger.wait_days(2);
    ledger.block(&[]);
    let act = accept(&ledger, 3);
    let accepted = decide(&mut ledger, act);
    let act = refuse(&ledger, 4, &[10]);
    let refused = decide(&mut ledger, act);
    let before = ledger.height;
    ledger.time = Millis(ledger.time.0 + DAY_MS);
    let annul = RevokeAttestation {
        kind: RevocationKind::Annul,
        effective: day("2026-05-21"),
        retroactive: true,
        ..revoke(&ledger)
    };
    ledger.act(&issuer(), annul).unwrap();
    let act = accept(&ledger, 5);
    let later = decide(&mut ledger, act);
    assert_eq!(names(&later), ["accepted_while_invalid"], "known by then: a fault of its own");
    let attestation = ledger.get(&ATTESTATIONS, &id(1)).unwrap();
    let annulled = |decision: &Decision, height| decision.is_basis_annulled(&attestation, height);
    assert!(!annulled(&early, ledger.height), "before the day it reaches back to");
    assert!(annulled(&accepted, ledger.height));
    assert!(!annulled(&accepted, before), "not known yet");
    assert!(!annulled(&refused, ledger.height));
    assert!(!annulled(&later, ledger.height));
}

/// One working day to correct: over the October holidays, and around midnight in Beijing.
#[test]
fn corrections_end_at_midnight_after_holidays() {
    for (decided, end) in [
        ("2026-09-29T15:59:58Z", "2026-09-30"),
        ("2026-09-29T15:59:59Z", "2026-10-08"),
        ("2026-10-09T02:00:00Z", "2026-10-10"),
        ("2026-12-30T02:00:00Z", "2026-12-31"),
    ] {
        let mut ledger = attested();
        ledger.time = Millis::from_rfc3339(decided).unwrap();
        let act = refuse(&ledger, 2, &[5]);
        decide(&mut ledger, act);
        let due = day(end).end().0;
        let mut late = ledger.clone();
        late.time = Millis(due - 1_000);
        let act = correct(&late, 3);
        assert_eq!(late.act(&relying(), act), Err(Code::CorrectionInvalid), "{decided}");
        ledger.time = Millis(due - 1_001);
        let act = correct(&ledger, 3);
        assert_eq!(ledger.act(&relying(), act), Ok(()), "{decided}");
    }
    // The next working day is in a year without a calendar.
    let mut ledger = attested();
    ledger.time = Millis::from_rfc3339("2026-12-31T02:00:00Z").unwrap();
    let act = refuse(&ledger, 2, &[5]);
    decide(&mut ledger, act);
    let act = correct(&ledger, 3);
    assert_eq!(ledger.act(&relying(), act), Err(Code::NoCalendar));
}
