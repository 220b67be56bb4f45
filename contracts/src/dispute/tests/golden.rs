//! Frozen encodings: acts are signed and logged for good.

use super::*;
use crate::Act;
use hefu_primitives::Domain;
use hefu_primitives::codec::Canonical;
use hefu_primitives::hash::hash;

/// One of each act, and each kind of subject.
fn samples() -> Vec<Act> {
    let subjects = [
        (DisputeKind::SuspectedForgery, Subject::Attestation(id(1))),
        (DisputeKind::RecognitionRefused, Subject::Decision(id(1))),
        (DisputeKind::Access, Subject::Request(id(1))),
        (DisputeKind::CreditError, Subject::Grant(id(1))),
        (DisputeKind::ReceiptContested, Subject::Receipt(id(1))),
        (DisputeKind::CaseHandover, Subject::Case(id(1))),
        (DisputeKind::KeyIncident, Subject::Key(issuer().key.id())),
        (DisputeKind::ItemBoundary, Subject::Item(code(MOVING))),
    ];
    let opens = subjects.map(|(kind, subject)| OpenDispute { kind, subject, ..dispute() }.into());
    let mut all: Vec<Act> = opens.into();
    all.extend([
        ACK.into(),
        AddEvidence { dispute_id: id(9), evidence: evidence(2) }.into(),
        propose(DisputeOutcome::ReferDiscipline).into(),
        agree(DisputeOutcome::CorrectRecord).into(),
        ESCALATE.into(),
        rule(DisputeOutcome::OverturnRefusal).into(),
        WITHDRAW.into(),
        ReportFulfilment { dispute_id: id(9), evidence: digest(6) }.into(),
    ]);
    all
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
