//! Frozen encodings: acts are signed and logged for good.

use super::*;
use crate::{Act, EvidenceRef};
use hefu_primitives::Domain;
use hefu_primitives::codec::Canonical;
use hefu_primitives::hash::hash;

/// One of each act, every optional field filled.
fn samples() -> Vec<Act> {
    let ledger = Ledger::new();
    let (case_id, occurred_at) = (id(1), start());
    let scenarios = vec![1, 70_000];
    let automated = Some(Automated { rule_digest: digest(1), input: digest(2) });
    let full = progress::Verdict {
        outcome: CaseOutcome::Partly,
        reasons: vec![1, 300],
        automated,
        result: Some(id(2)),
    };
    let implementation = code(&format!("{}2{MOVING}", handler().authority));
    let answer =
        |step| AnswerEvaluation { case_id, stage: Stage::Deliver, evaluator: digest(9), step };
    let evidence = EvidenceRef { kind: 1, commit: digest(9), bytes: 70_000 };
    vec![
        ProposeItem { terms: ItemTerms { scenarios, ..terms() } }.into(),
        agree(&terms()).into(),
        set_state(1, ItemState::Retired, 300).into(),
        PutImplementation { code: implementation, promise_days: 3, live: true }.into(),
        OpenCase { implementation: Some(implementation), theme: Some(id(7)), ..open(&ledger, 1) }
            .into(),
        check(1).into(),
        CheckCase { assertion: Some(digest(4)), ..check(1) }.into(),
        RefuseCase { case_id, reason: 300, notice: digest(1) }.into(),
        Handover { case_id, documents: documents(), occurred_at }.into(),
        ReceiveHandover { case_id, documents: documents(), occurred_at }.into(),
        RejectHandover { case_id, reason: 99 }.into(),
        AcceptCase { case_id, occurred_at }.into(),
        DeclineCase { case_id, reason: 300, notice: digest(1) }.into(),
        AskSupplement { case_id, notice: digest(1) }.into(),
        Supplement { case_id, documents: documents() }.into(),
        PauseCase { case_id, kind: PauseKind::PublicNotice, days: 10 }.into(),
        ContinueCase { case_id }.into(),
        ExtendCase { case_id, days: 10, approval: digest(1) }.into(),
        DecideCase { case_id, verdict: full.clone(), occurred_at }.into(),
        DispatchCase { case_id, waybill: Some(digest(5)), occurred_at }.into(),
        DeliverCase { case_id, occurred_at }.into(),
        CloseCase { case_id, archive: digest(6) }.into(),
        WithdrawCase { case_id, request: digest(1) }.into(),
        OpenSub { case_id, number: 3, base: roadside(), handler: elsewhere().authority, days: 5 }
            .into(),
        DecideSub { case_id, number: 3, verdict: full, occurred_at }.into(),
        OpenTheme {
            theme_id: id(7),
            no: digest(7),
            items: vec![code(MOVING), roadside()],
            until: Some(day("2026-06-01")),
        }
        .into(),
        SettleFee { case_id, receipt: digest(1), occurred_at }.into(),
        Evaluate {
            case_id,
            stage: Stage::Decide,
            grade: 2,
            channel: Channel::Hotline,
            indicators: vec![1, 6],
            evaluator: digest(9),
            occurred_at,
        }
        .into(),
        answer(EvaluationStep::Verify).into(),
        answer(EvaluationStep::Rectify(digest(1))).into(),
        answer(EvaluationStep::Unfounded(evidence)).into(),
        answer(EvaluationStep::Revisit(4)).into(),
        answer(EvaluationStep::Close).into(),
    ]
}

#[test]
fn acts_round_trip_in_cbor_and_json() {
    for act in samples() {
        assert_eq!(Act::decode(&act.to_bytes()), Ok(act.clone()));
        let json = serde_json::to_value(&act).unwrap();
        assert_eq!(serde_json::from_value::<Act>(json.clone()).unwrap(), act, "{json}");
        let mut unknown = json;
        unknown.as_object_mut().unwrap().insert("unknown".to_owned(), 1.into());
        assert!(serde_json::from_value::<Act>(unknown).is_err());
    }
}

#[test]
fn encodings_are_golden() {
    let line = |act: &Act| {
        let bytes = act.to_bytes();
        let digest = hash(Domain::Digest, &[&bytes]).to_string();
        format!("{} {} {}", act.name(), bytes.len(), &digest[..16])
    };
    let found: Vec<String> = samples().iter().map(line).collect();
    assert_eq!(found.join("\n"), include_str!("golden_acts.txt").trim_end());
}

#[test]
fn json_reads_like_this() {
    let act = Act::from(AcceptCase { case_id: id(1), occurred_at: hefu_primitives::Millis(5) });
    let text =
        r#"{"act":"accept_case","case_id":"01010101010101010101010101010101","occurred_at":"5"}"#;
    assert_eq!(serde_json::to_string(&act).unwrap(), text);
    let pause = PauseCase { case_id: id(1), kind: PauseKind::ExpertReview, days: 3 };
    let json = serde_json::to_value(crate::Act::from(pause)).unwrap();
    assert_eq!(json["kind"], "expert_review");
}
