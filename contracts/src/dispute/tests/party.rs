//! Who may dispute what: each kind with its subject, and what it refuses.

use super::*;
use crate::identity::Role;
use crate::service::{AgreeItem, Handover, ItemTerms, ProposeItem, SetItemState};

fn open(kind: DisputeKind, subject: Subject, respondent: &Actor) -> OpenDispute {
    OpenDispute { kind, subject, respondent: respondent.authority, ..dispute() }
}

#[test]
fn what_opening_refuses() {
    let mut ledger = refused();
    assert_eq!(ledger.act(&governor(0, 0), dispute()), Err(Code::RoleMissing));
    assert_eq!(ledger.act(&stranger(), dispute()), Err(Code::NotDisputeParty));
    let bare = OpenDispute { statement: ZERO, ..dispute() };
    assert_eq!(ledger.act(&issuer(), bare), Err(Code::BadField));
    let zero = EvidenceRef { commit: ZERO, ..evidence(1) };
    for evidence in [vec![zero], vec![evidence(1); 9]] {
        let odd = OpenDispute { evidence, ..dispute() };
        assert_eq!(ledger.act(&issuer(), odd), Err(Code::EvidenceRequired));
    }
    let other = OpenDispute { respondent: stranger().authority, ..dispute() };
    assert_eq!(ledger.act(&issuer(), other), Err(Code::NotDisputeParty));
    ledger.act(&issuer(), dispute()).unwrap();
    assert_eq!(ledger.act(&issuer(), dispute()), Err(Code::IdReused));
    let second = OpenDispute { dispute_id: id(8), ..dispute() };
    assert_eq!(ledger.act(&issuer(), second), Err(Code::DuplicateDispute));
}

#[test]
fn decisions_are_disputed_by_the_issuer() {
    let mut ledger = refused();
    let accepted = open(DisputeKind::RecognitionAccepted, Subject::Decision(id(2)), &relying());
    assert_eq!(ledger.act(&issuer(), accepted), Err(Code::DisputeKindMismatch));
    let unknown = OpenDispute { subject: Subject::Decision(id(77)), ..dispute() };
    assert_eq!(ledger.act(&issuer(), unknown), Err(Code::SubjectUnknown));
    let reversed = open(DisputeKind::RecognitionRefused, Subject::Decision(id(2)), &issuer());
    assert_eq!(ledger.act(&relying(), reversed), Err(Code::NotDisputeParty));
    decide(&mut ledger, 3, DecisionOutcome::Accepted);
    let wrongly = open(DisputeKind::RecognitionAccepted, Subject::Decision(id(3)), &relying());
    ledger.clone().act(&issuer(), wrongly).unwrap();
    // About a certificate nobody attested there is no issuer to dispute it.
    let not_found = Decide {
        att_id: id(66),
        reasons: vec![2],
        ..decision(&ledger, 4, DecisionOutcome::Refused)
    };
    ledger.act(&relying(), not_found).unwrap();
    let nobody = open(DisputeKind::RecognitionRefused, Subject::Decision(id(4)), &relying());
    assert_eq!(ledger.act(&issuer(), nobody), Err(Code::SubjectUnknown));
}

#[test]
fn certificates_are_disputed_by_who_decided_on_them() {
    for kind in [DisputeKind::CertData, DisputeKind::CertStatus, DisputeKind::SuspectedForgery] {
        let mut ledger = refused();
        let about = open(kind, Subject::Attestation(id(1)), &issuer());
        assert_eq!(ledger.act(&stranger(), about.clone()), Err(Code::NotDisputeParty));
        assert_eq!(ledger.act(&issuer(), about.clone()), Err(Code::NotDisputeParty));
        let other = OpenDispute { respondent: stranger().authority, ..about.clone() };
        assert_eq!(ledger.act(&relying(), other), Err(Code::NotDisputeParty));
        let unknown = OpenDispute { subject: Subject::Attestation(id(77)), ..about.clone() };
        assert_eq!(ledger.act(&relying(), unknown), Err(Code::SubjectUnknown));
        let misfit = OpenDispute { subject: Subject::Decision(id(2)), ..about.clone() };
        assert_eq!(ledger.act(&relying(), misfit), Err(Code::DisputeKindMismatch));
        ledger.act(&relying(), about).unwrap();
    }
}

#[test]
fn an_auditor_may_dispute_anything_and_its_province_does_not_rule() {
    let mut ledger = refused();
    ledger.act(&auditor(2), dispute()).unwrap();
    let opened = found(&ledger);
    assert!(opened.by_auditor);
    assert_eq!(opened.conflicted, REGIONS[..3]);
    ledger.wait_days(10);
    let alone = ledger.act(&auditor(2), ESCALATE);
    assert_eq!(alone, Err(Code::NoPanel), "one province is left");
}

#[test]
fn access_is_disputed_when_denied_or_overdue() {
    let mut ledger = shared();
    let about = open(DisputeKind::Access, Subject::Request(id(5)), &issuer());
    assert_eq!(ledger.act(&relying(), about.clone()), Err(Code::SubjectUnknown));
    let asked = request(&ledger, 5);
    ledger.act(&relying(), asked).unwrap();
    assert_eq!(ledger.act(&relying(), about.clone()), Err(Code::DisputeKindMismatch), "too early");
    let mut denied = ledger.clone();
    let denial = Denial { reason: 1, basis: None, holder: None, evidence: None };
    denied.act(&issuer(), Deny { req_id: id(5), denial }).unwrap();
    assert_eq!(denied.act(&stranger(), about.clone()), Err(Code::NotDisputeParty));
    denied.act(&relying(), about.clone()).unwrap();
    ledger.wait_days(3);
    let mut unknown = ledger.clone();
    unknown.state.0.remove(&crate::identity::CALENDARS.key(&2026));
    assert_eq!(unknown.act(&relying(), about.clone()), Err(Code::NoCalendar));
    ledger.clone().act(&relying(), about).unwrap();
    let granted = open(DisputeKind::Access, Subject::Request(id(3)), &issuer());
    assert_eq!(ledger.act(&relying(), granted), Err(Code::DisputeKindMismatch));
}

#[test]
fn uses_are_disputed_by_both_sides() {
    let mut ledger = shared();
    let receipt = open(DisputeKind::ReceiptContested, Subject::Receipt(id(4)), &relying());
    assert_eq!(ledger.act(&issuer(), receipt.clone()), Err(Code::DisputeKindMismatch));
    let unknown = OpenDispute { subject: Subject::Receipt(id(77)), ..receipt.clone() };
    assert_eq!(ledger.act(&issuer(), unknown), Err(Code::SubjectUnknown));
    contest(&mut ledger);
    ledger.clone().act(&issuer(), receipt.clone()).unwrap();
    let back = OpenDispute { respondent: issuer().authority, ..receipt.clone() };
    ledger.clone().act(&relying(), back).unwrap();
    assert_eq!(ledger.act(&stranger(), receipt), Err(Code::NotDisputeParty));
    for (kind, subject) in [
        (DisputeKind::UnauthorisedUse, Subject::Grant(id(3))),
        (DisputeKind::UnauthorisedUse, Subject::Receipt(id(4))),
        (DisputeKind::CreditError, Subject::Grant(id(3))),
    ] {
        ledger.clone().act(&issuer(), open(kind, subject, &relying())).unwrap();
        ledger.clone().act(&relying(), open(kind, subject, &issuer())).unwrap();
        let themselves = open(kind, subject, &issuer());
        assert_eq!(ledger.act(&issuer(), themselves), Err(Code::NotDisputeParty));
    }
    let unknown = open(DisputeKind::CreditError, Subject::Grant(id(77)), &relying());
    assert_eq!(ledger.act(&issuer(), unknown), Err(Code::SubjectUnknown));
    let misfit = open(DisputeKind::CreditError, Subject::Receipt(id(4)), &relying());
    assert_eq!(ledger.act(&issuer(), misfit), Err(Code::DisputeKindMismatch));
}

#[test]
fn keys_are_disputed_by_all_others() {
    let mut ledger = plain();
    let key = issuer().key.id();
    let about = open(DisputeKind::KeyIncident, Subject::Key(key), &issuer());
    assert_eq!(ledger.act(&issuer(), about.clone()), Err(Code::NotDisputeParty));
    let wrong = OpenDispute { respondent: relying().authority, ..about.clone() };
    assert_eq!(ledger.act(&stranger(), wrong), Err(Code::NotDisputeParty));
    let unknown = OpenDispute { subject: Subject::Key(fresh_key(1).id()), ..about.clone() };
    assert_eq!(ledger.act(&stranger(), unknown), Err(Code::SubjectUnknown));
    ledger.act(&stranger(), about).unwrap();
    assert_eq!(found(&ledger).conflicted, [REGIONS[0], REGIONS[2]]);
}

/// An item that is live, and case 6 taken in by the relying office for the issuing one.
fn with_case(mut ledger: Ledger) -> Ledger {
    use crate::service::{CaseMode, ItemKind, ItemState};
    let terms = ItemTerms {
        base: code(MOVING),
        version: 1,
        name: "国内户口迁移(示例)".to_owned(),
        lead: REGIONS[0],
        participants: REGIONS[..3].to_vec(),
        modes: vec![CaseMode::Proxy, CaseMode::Joint],
        kind: ItemKind::Promise,
        legal_days: 20,
        promise_days: 7,
        pause_days: 10,
        materials_digest: digest(1),
        guide_digest: digest(2),
        standard_digest: digest(3),
        scenarios: vec![],
    };
    ledger.act(&governor(0, 0), ProposeItem { terms: terms.clone() }).unwrap();
    let (base, lead, version) = (terms.base, terms.lead, 1);
    for province in 0..3 {
        let agree = AgreeItem { base, lead, version, terms: terms.digest() };
        ledger.govern(province, agree).unwrap();
    }
    ledger.govern(0, SetItemState { base, version, state: ItemState::Live, reason: 0 }).unwrap();
    for (number, mode, handler) in [(6, CaseMode::Proxy, issuer()), (7, CaseMode::Joint, relying())]
    {
        let opened = crate::service::OpenCase {
            case_id: id(number),
            no: digest(6),
            base,
            implementation: None,
            mode,
            unit: None,
            handler: handler.authority,
            channel: crate::service::Channel::Window,
            applicant: crate::service::ApplicantClass::Legal,
            theme: None,
            occurred_at: ledger.time,
        };
        ledger.act(&relying(), opened).unwrap();
        let check = crate::service::CheckCase {
            case_id: id(number),
            consent: digest(1),
            assurance: 3,
            assertion: None,
        };
        ledger.act(&relying(), check).unwrap();
    }
    let (case_id, occurred_at) = (id(6), ledger.time);
    ledger.act(&relying(), Handover { case_id, documents: vec![digest(1)], occurred_at }).unwrap();
    ledger
}

#[test]
fn handovers_and_items_have_their_parties() {
    let mut ledger = with_case(plain());
    let about = open(DisputeKind::CaseHandover, Subject::Case(id(6)), &issuer());
    ledger.clone().act(&relying(), about.clone()).unwrap();
    let back = OpenDispute { respondent: relying().authority, ..about.clone() };
    ledger.clone().act(&issuer(), back).unwrap();
    assert_eq!(ledger.act(&stranger(), about.clone()), Err(Code::NotDisputeParty));
    let unknown = OpenDispute { subject: Subject::Case(id(77)), ..about.clone() };
    assert_eq!(ledger.act(&relying(), unknown), Err(Code::SubjectUnknown));
    let local = OpenDispute { subject: Subject::Case(id(7)), ..about };
    assert_eq!(ledger.act(&relying(), local), Err(Code::DisputeKindMismatch), "nobody handed over");

    let item = open(DisputeKind::ItemBoundary, Subject::Item(code(MOVING)), &issuer());
    ledger.clone().act(&stranger(), item.clone()).unwrap();
    assert_eq!(ledger.act(&office(3, 0), item.clone()), Err(Code::NotDisputeParty));
    assert_eq!(ledger.act(&issuer(), item.clone()), Err(Code::NotDisputeParty), "oneself");
    let outside = OpenDispute { respondent: office(3, 0).authority, ..item.clone() };
    assert_eq!(ledger.act(&stranger(), outside), Err(Code::NotDisputeParty));
    let unknown = OpenDispute { subject: Subject::Item(code(ROADSIDE)), ..item };
    assert_eq!(ledger.act(&stranger(), unknown), Err(Code::SubjectUnknown));
    assert!(!all_roles().contains(&Role::Governor));
}
