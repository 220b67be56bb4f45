//! Frozen encodings: acts are signed and logged for good.

use super::*;
use crate::{Act, EvidenceRef};
use hefu_primitives::hash::hash;
use hefu_primitives::{Millis, Signature};

/// One of each act, every optional field filled.
fn samples() -> Vec<Act> {
    let ledger = Ledger::new();
    let evidence = Some(EvidenceRef { kind: 1, commit: digest(9), bytes: 70_000 });
    let receipt = Receipt {
        rcp_id: id(2),
        grant_id: id(1),
        cat_version: 1,
        case: Some(digest(5)),
        kind: UseKind::File,
        n_records: 300,
        req: digest(6),
        resp: digest(7),
        result: UseResult::Error(504),
        t0: start(),
        t1: Millis(start().0 + 5),
    };
    let cosignature = Some(Cosignature { key: consumer().key.id(), signature: Signature([7; 64]) });
    let answer = Answer::Contest { reason: ContestReason::CountDiffers, evidence };
    let holder = Some(stranger().authority);
    vec![
        PublishCatalogue { basis: law(), tightening: Some(Tightening::SecurityRisk), ..entry() }
            .into(),
        SetCatalogueState {
            cat_id: CAT.into(),
            state: CatalogueState::Suspended,
            reason: CatalogueReason::Quality,
        }
        .into(),
        RequestAccess { scenario: Some(1), ..request(&ledger, 1) }.into(),
        Acknowledge { req_id: id(1) }.into(),
        GrantAccess { req_id: id(1), extent: extent(&ledger) }.into(),
        Deny { req_id: id(1), denial: Denial { reason: 4, basis: law(), holder, evidence } }.into(),
        ReturnRequest { req_id: id(1), missing: Missing::Purpose }.into(),
        WithdrawRequest { req_id: id(1) }.into(),
        SetGrantState {
            grant_id: id(1),
            state: GrantState::Revoked,
            reason: Some(GrantReason::Misused),
        }
        .into(),
        PutReceipt { receipt, cosignature }.into(),
        AnswerReceipt { rcp_id: id(2), answer }.into(),
        AnswerReceipt { rcp_id: id(2), answer: Answer::Confirm }.into(),
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
    let act = Act::from(Acknowledge { req_id: id(1) });
    let text = r#"{"act":"acknowledge","req_id":"01010101010101010101010101010101"}"#;
    assert_eq!(serde_json::to_string(&act).unwrap(), text);
}
