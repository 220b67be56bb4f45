use super::*;
use crate::identity::{KEYS, KeyState, MEMBERS, MemberState, Role};
use hefu_primitives::time::DAY_MS;
use hefu_primitives::{KeyPair, Millis, Signature};

fn used(ledger: &Ledger, number: u8) -> Receipt {
    Receipt {
        rcp_id: id(number),
        grant_id: id(1),
        cat_version: 1,
        case: Some(digest(5)),
        kind: UseKind::Verify,
        n_records: 1,
        req: digest(6),
        resp: digest(7),
        result: UseResult::Ok,
        t0: ledger.time,
        t1: Millis(ledger.time.0 + 500),
    }
}

fn cosign(receipt: &Receipt, key: &KeyPair) -> Option<Cosignature> {
    let (chain, body) = receipt.signed_parts(&CHAIN);
    let signature = key.sign_tagged(Domain::Cosignature, &[&chain, &body]);
    Some(Cosignature { key: key.id(), signature })
}

/// As [`cosign`], on another ledger.
fn cosign_elsewhere(receipt: &Receipt, key: &KeyPair) -> Option<Cosignature> {
    let (chain, body) = receipt.signed_parts(&hefu_primitives::ChainId([1; 32]));
    let signature = key.sign_tagged(Domain::Cosignature, &[&chain, &body]);
    Some(Cosignature { key: key.id(), signature })
}

fn one_sided(receipt: Receipt) -> PutReceipt {
    PutReceipt { receipt, cosignature: None }
}

fn state(ledger: &Ledger, number: u8) -> ReceiptState {
    let answer = ledger.get(&RECEIPT_ANSWERS, &id(number));
    ledger.get(&RECEIPTS, &id(number)).unwrap().state(answer.as_ref())
}

fn confirm(number: u8) -> AnswerReceipt {
    AnswerReceipt { rcp_id: id(number), answer: Answer::Confirm }
}

fn contest(number: u8) -> AnswerReceipt {
    let answer = Answer::Contest { reason: ContestReason::NotUsed, evidence: None };
    AnswerReceipt { rcp_id: id(number), answer }
}

#[test]
fn two_signatures_confirm() {
    for (signer, other) in [(provider(), consumer()), (consumer(), provider())] {
        let mut ledger = granted();
        let receipt = used(&ledger, 1);
        let cosignature = cosign(&receipt, &other.key);
        assert_eq!(ledger.act(&signer, PutReceipt { receipt, cosignature }), Ok(()));
        assert_eq!(ledger.event_kinds(), ["receipt_confirmed"]);
        assert_eq!(subject(&ledger), format!("rcp:{}", id(1)));
        assert_eq!(state(&ledger, 1), ReceiptState::Confirmed);
        for actor in [&signer, &other] {
            let code = if actor.authority == signer.authority {
                Code::SameSide
            } else {
                Code::ReceiptState
            };
            assert_eq!(ledger.act(actor, contest(1)), Err(code));
        }
    }
}

/// Cosignatures of a block are checked together: none decides about another.
#[test]
fn a_forged_cosignature_is_refused_alone() {
    let mut ledger = granted();
    let (signer, other) = (provider(), consumer());
    let mut transactions = Vec::new();
    for number in 1..=4 {
        let receipt = used(&ledger, number);
        let mut cosignature = cosign(&receipt, &other.key);
        if number == 2 {
            cosignature = cosign(&used(&ledger, 9), &other.key);
        }
        let act = PutReceipt { receipt, cosignature };
        transactions.push(ledger.sign(&signer, &[act.into()]));
    }
    let transactions: Vec<_> = transactions.iter().collect();
    let executed = ledger.block(&transactions);
    let refused = executed.outcomes.iter().map(|outcome| match outcome.result {
        hefu_primitives::block::TxResult::Applied { .. } => None,
        hefu_primitives::block::TxResult::Refused { code, .. } => Some(code),
    });
    let expected = [None, Some(Code::BadSignature.number()), None, None];
    assert_eq!(refused.collect::<Vec<_>>(), expected);
}

#[test]
fn one_signature_waits_for_the_other_side() {
    for (answer, expected, kind) in [
        (confirm(1), ReceiptState::Confirmed, "receipt_confirmed"),
        (contest(1), ReceiptState::Contested, "receipt_contested"),
    ] {
        let mut ledger = granted();
        let receipt = used(&ledger, 1);
        assert_eq!(ledger.act(&consumer(), one_sided(receipt)), Ok(()));
        assert_eq!(ledger.event_kinds(), ["receipt_one_sided"]);
        assert_eq!(state(&ledger, 1), ReceiptState::OneSided);
        assert_eq!(ledger.act(&provider(), confirm(9)), Err(Code::UnknownReceipt));
        assert_eq!(ledger.act(&consumer(), answer.clone()), Err(Code::SameSide));
        assert_eq!(ledger.act(&stranger(), answer.clone()), Err(Code::NotReceiptParty));
        assert_eq!(ledger.act(&provider(), answer.clone()), Ok(()));
        assert_eq!(ledger.event_kinds(), [kind]);
        assert!(flags(&ledger).is_empty());
        assert_eq!(state(&ledger, 1), expected);
        assert_eq!(ledger.act(&provider(), answer), Err(Code::ReceiptState));
    }
}

#[test]
fn evidence_commits_to_something() {
    let mut ledger = granted();
    let receipt = used(&ledger, 1);
    ledger.act(&consumer(), one_sided(receipt)).unwrap();
    let commit = hefu_primitives::H32::ZERO;
    let evidence = Some(crate::EvidenceRef { kind: 1, commit, bytes: 1 });
    let answer = Answer::Contest { reason: ContestReason::NotUsed, evidence };
    let act = AnswerReceipt { rcp_id: id(1), answer };
    assert_eq!(ledger.act(&provider(), act), Err(Code::BadField));
}

#[test]
fn a_late_answer_counts_with_a_flag() {
    let mut ledger = granted();
    let receipt = used(&ledger, 1);
    ledger.act(&consumer(), one_sided(receipt)).unwrap();
    let mut blind = ledger.clone();
    ledger.wait_days(2);
    assert_eq!(ledger.act(&provider(), confirm(1)), Ok(()));
    assert_eq!(flags(&ledger), ["late_answer"]);
    blind.state.0.remove(&crate::identity::CALENDARS.key(&2026));
    assert_eq!(blind.act(&provider(), confirm(1)), Ok(()));
    assert_eq!(flags(&blind), ["no_calendar"]);
}

#[test]
fn putting_refuses() {
    let mut ledger = granted();
    let good = used(&ledger, 1);
    let at = |t0: u64, t1: u64| Receipt { t0: Millis(t0), t1: Millis(t1), ..good.clone() };
    let now = ledger.time.0;
    let cases: Vec<(Receipt, Code)> = vec![
        (at(now, now - 1), Code::BadField),
        (at(now - DAY_MS - 1, now), Code::BadField),
        (Receipt { cat_version: 2, ..good.clone() }, Code::BadField),
        (Receipt { cat_version: 0, ..good.clone() }, Code::BadField),
        (Receipt { case: Some(hefu_primitives::H32::ZERO), ..good.clone() }, Code::BadField),
        (Receipt { req: hefu_primitives::H32::ZERO, ..good.clone() }, Code::BadField),
        (at(now, now + 400_000), Code::FutureTime),
        (Receipt { grant_id: id(9), ..good.clone() }, Code::UnknownGrant),
        (at(now - 60_000, now), Code::NoGrantAtTime),
    ];
    for (receipt, code) in cases {
        let result = ledger.act(&consumer(), one_sided(receipt.clone()));
        assert_eq!(result, Err(code), "{receipt:?}");
    }
    assert_eq!(ledger.act(&stranger(), one_sided(good.clone())), Err(Code::NotReceiptParty));
    assert_eq!(ledger.act(&consumer(), one_sided(good.clone())), Ok(()));
    assert_eq!(ledger.act(&provider(), one_sided(good)), Err(Code::IdReused));
}

#[test]
fn roles_follow_the_side() {
    let mut ledger = granted();
    let good = used(&ledger, 1);
    let mut without = |actor: &Actor, role: Role| {
        let id = actor.key.id();
        let mut key = ledger.get(&KEYS, &id).unwrap();
        key.roles.retain(|held| *held != role);
        ledger.put(&KEYS, &id, &key);
    };
    without(&consumer(), Role::Consumer);
    without(&provider(), Role::Provider);
    assert_eq!(ledger.act(&consumer(), one_sided(good.clone())), Err(Code::RoleMissing));
    assert_eq!(ledger.act(&provider(), one_sided(good)), Err(Code::RoleMissing));
}

#[test]
fn answering_needs_the_role_of_the_side() {
    let mut ledger = granted();
    let good = used(&ledger, 1);
    ledger.act(&consumer(), one_sided(good)).unwrap();
    let id = provider().key.id();
    let mut key = ledger.get(&KEYS, &id).unwrap();
    key.roles.retain(|held| *held != Role::Provider);
    ledger.put(&KEYS, &id, &key);
    assert_eq!(ledger.act(&provider(), confirm(1)), Err(Code::RoleMissing));
}

#[test]
fn cosignatures_are_checked() {
    let mut ledger = granted();
    let receipt = used(&ledger, 1);
    let put = |cosignature| PutReceipt { receipt: receipt.clone(), cosignature };
    let forged = Some(Cosignature { key: provider().key.id(), signature: Signature([1; 64]) });
    let other = Receipt { n_records: 2, ..receipt.clone() };
    for (cosignature, code) in [
        (forged, Code::BadSignature),
        (cosign(&other, &provider().key), Code::BadSignature),
        (cosign_elsewhere(&receipt, &provider().key), Code::BadSignature),
        (cosign(&receipt, &fresh_key(9)), Code::UnknownKey),
        (cosign(&receipt, &stranger().key), Code::NotReceiptParty),
        (cosign(&receipt, &consumer().key), Code::SameSide),
    ] {
        assert_eq!(ledger.act(&consumer(), put(cosignature)), Err(code));
    }
    let id = provider().key.id();
    let good = ledger.get(&KEYS, &id).unwrap();
    let mut key = good.clone();
    key.roles = vec![Role::Auditor];
    ledger.put(&KEYS, &id, &key);
    let signed = cosign(&receipt, &provider().key);
    assert_eq!(ledger.act(&consumer(), put(signed)), Err(Code::RoleMissing));
    key.state = KeyState::Revoked;
    ledger.put(&KEYS, &id, &key);
    assert_eq!(ledger.act(&consumer(), put(signed)), Err(Code::KeyNotActive));
    ledger.put(&KEYS, &id, &good);
    let mut suspended = ledger.clone();
    let mut member = suspended.get(&MEMBERS, &REGIONS[0]).unwrap();
    member.state = MemberState::SuspendedActs;
    suspended.put(&MEMBERS, &REGIONS[0], &member);
    assert_eq!(suspended.act(&consumer(), put(signed)), Err(Code::MemberNotActive));
    assert_eq!(ledger.act(&consumer(), put(signed)), Ok(()));
}

/// A use at 00:30 in Beijing is the new day's, though UTC still has the old one.
#[test]
fn the_day_of_a_use_is_that_of_beijing() {
    let mut ledger = granted();
    let night = Millis(day("2026-05-21").start().0 + 1_800_000);
    ledger.time = Millis(night.0 + 1_000);
    for (number, t0) in [(1, night), (2, Millis(day("2026-05-21").start().0 - 1))] {
        let receipt = Receipt { t0, t1: t0, ..used(&ledger, number) };
        ledger.act(&consumer(), one_sided(receipt)).unwrap();
    }
    let uses = |day: u32| ledger.get(&USAGE, &(id(1), day)).map(|usage| usage.uses);
    assert_eq!((uses(20_260_520), uses(20_260_521)), (Some(1), Some(1)));
}

#[test]
fn uses_over_the_cap_are_flagged_by_beijing_day() {
    let mut ledger = granted();
    for number in 1..=5 {
        let receipt = used(&ledger, number);
        ledger.act(&consumer(), one_sided(receipt)).unwrap();
        let over = if number > 3 { vec!["over_cap"] } else { Vec::new() };
        assert_eq!(flags(&ledger), over, "{number}");
    }
    ledger.wait_days(1);
    let receipt = Receipt { n_records: 7, ..used(&ledger, 6) };
    ledger.act(&consumer(), one_sided(receipt)).unwrap();
    assert!(flags(&ledger).is_empty());
    let usage = |day: u32| ledger.get(&USAGE, &(id(1), day));
    assert_eq!(usage(20_260_520), Some(Usage { uses: 5, records: 5 }));
    assert_eq!(usage(20_260_521), Some(Usage { uses: 1, records: 7 }));
    assert_eq!(RECEIPTS_BY_GRANT.read_all(&ledger.state, &id(1), 100).len(), 6);
}

#[test]
fn a_purpose_with_cases_should_name_the_case() {
    let mut ledger = granted();
    let receipt = Receipt { case: None, ..used(&ledger, 1) };
    ledger.act(&consumer(), one_sided(receipt)).unwrap();
    assert_eq!(flags(&ledger), ["no_case"]);
    let mut grant = ledger.get(&GRANTS, &id(1)).unwrap();
    grant.purpose.kind = PurposeKind::Duty;
    ledger.put(&GRANTS, &id(1), &grant);
    let receipt = Receipt { case: None, ..used(&ledger, 2) };
    ledger.act(&consumer(), one_sided(receipt)).unwrap();
    assert!(flags(&ledger).is_empty());
}

/// The grant ends with 19 June; 24 hours of lateness end with 20 June.
#[test]
fn uses_after_the_end() {
    let mut ledger = granted();
    ledger.wait_days(35);
    let end = day("2026-06-19").end().0;
    let at = |number: u8, t0: u64| {
        one_sided(Receipt { t0: Millis(t0), t1: Millis(t0), ..used(&ledger, number) })
    };
    let (last, late, latest, never) =
        (at(1, end - 1), at(2, end), at(3, end + DAY_MS - 1), at(4, end + DAY_MS));
    ledger.act(&consumer(), last).unwrap();
    assert!(flags(&ledger).is_empty());
    for act in [late, latest] {
        ledger.act(&consumer(), act).unwrap();
        assert_eq!(flags(&ledger), ["after_expiry"]);
    }
    assert_eq!(ledger.act(&consumer(), never), Err(Code::NoGrantAtTime));
}

#[test]
fn uses_while_suspended_and_after_revocation() {
    let mut ledger = granted();
    let set = |state| SetGrantState { grant_id: id(1), state, reason: Some(GrantReason::Misused) };
    ledger.act(&provider(), set(GrantState::Suspended)).unwrap();
    let suspended = ledger.time;
    ledger.act(&provider(), set(GrantState::Active)).unwrap();
    let resumed = ledger.time;
    ledger.act(&provider(), set(GrantState::Revoked)).unwrap();
    let revoked = ledger.time;
    let cases: [(u64, &[&str]); 4] = [
        (suspended.0 - 1, &[]),
        (suspended.0, &["while_suspended"]),
        (resumed.0, &[]),
        (revoked.0, &["over_cap", "after_expiry"]),
    ];
    for (number, (t0, expected)) in cases.into_iter().enumerate() {
        let t0 = Millis(t0);
        let receipt = Receipt { t0, t1: t0, ..used(&ledger, number as u8 + 1) };
        ledger.act(&consumer(), one_sided(receipt)).unwrap();
        assert_eq!(flags(&ledger), expected, "{number}");
    }
    ledger.wait_days(2);
    let receipt = used(&ledger, 9);
    assert_eq!(ledger.act(&consumer(), one_sided(receipt)), Err(Code::NoGrantAtTime));
}

/// What the other side signs is frozen: systems outside build these bytes.
#[test]
fn golden_cosignature_bytes() {
    let receipt = Receipt { t0: Millis(1), t1: Millis(2), ..used(&granted(), 1) };
    let hex: String = receipt.to_bytes().iter().map(|byte| format!("{byte:02x}")).collect();
    let (one, five, six, seven) =
        ("01".repeat(16), "05".repeat(32), "06".repeat(32), "07".repeat(32));
    assert_eq!(
        hex,
        format!("8b50{one}50{one}015820{five}01015820{six}5820{seven}82008001 02").replace(' ', "")
    );
}

/// One working day: over the October holidays, and around midnight in Beijing.
#[test]
fn an_answer_is_due_at_midnight_after_holidays() {
    let at = |text: &str| hefu_primitives::Millis::from_rfc3339(text).unwrap();
    let ledger = granted();
    for (put, due) in [
        ("2026-09-29T15:59:59.999Z", "2026-09-30"),
        ("2026-09-29T16:00:00Z", "2026-10-08"),
        ("2026-10-09T02:00:00Z", "2026-10-10"),
        ("2026-10-10T02:00:00Z", "2026-10-12"),
    ] {
        let due = day(due).end();
        let late =
            |answered| is_answer_late(at(put), answered, crate::clock::calendars(&ledger.state));
        assert_eq!(late(hefu_primitives::Millis(due.0 - 1)), Some(false), "{put}");
        assert_eq!(late(due), Some(true), "{put}");
    }
    let calendars = crate::clock::calendars(&ledger.state);
    assert_eq!(is_answer_late(at("2026-12-31T02:00:00Z"), ledger.time, calendars), None);
}
