//! Frozen encodings: acts are signed and logged for good.

use super::*;
use crate::Act;
use hefu_primitives::Domain;
use hefu_primitives::codec::Canonical;
use hefu_primitives::hash::hash;

/// One of each act, every optional field filled.
fn samples() -> Vec<Act> {
    let ledger = Ledger::new();
    let terms = ProposeAgreement {
        amends: Some(id(2)),
        until: ledger.today().add_days(365),
        ..terms(&ledger)
    };
    let decision = Decide {
        case: Some(digest(5)),
        checked_height: Height(70_000),
        ..refuse(&ledger, 3, &[4, 16, 99])
    };
    vec![
        terms.clone().into(),
        sign(&terms).into(),
        PauseEntry { scenario: Some(1), ..pause(&ledger) }.into(),
        ResumeEntry { scenario: Some(1), ..resume() }.into(),
        withdraw().into(),
        decision.clone().into(),
        CorrectDecision { corrects: id(2), decision }.into(),
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

/// What parties sign is the digest of the terms alone, without the act's number.
#[test]
fn the_digest_of_terms_is_golden() {
    let terms = terms(&Ledger::new());
    let expected = "bbf2ce49b9600f19dac800a9cd1b5f17d150869a9dc4e2bd515b4cd446832aa7";
    assert_eq!(terms.digest().to_string(), expected);
}

#[test]
fn json_reads_like_this() {
    let text = r#"{"act":"sign_agreement","agreement":"a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1","terms":"0101010101010101010101010101010101010101010101010101010101010101"}"#;
    let act = SignAgreement { agreement: AGREEMENT, terms: digest(1) };
    assert_eq!(serde_json::to_string(&Act::from(act)).unwrap(), text);
    // Reasons and evidence of an acceptance may be left out.
    let mut json = serde_json::to_value(Act::from(accept(&Ledger::new(), 2))).unwrap();
    for name in ["reasons", "evidence", "statute", "case"] {
        json.as_object_mut().unwrap().remove(name);
    }
    let read: Act = serde_json::from_value(json).unwrap();
    assert_eq!(read, accept(&Ledger::new(), 2).into());
}
