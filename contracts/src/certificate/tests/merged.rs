//! Types that are merged into another (十五证合一): what is retired, and what may follow its
//! certificates.

use super::*;
use crate::identity::{Action, Propose};

fn merge(into: &str, state: ListState) -> Action {
    let merged_into = Some(code(into));
    Action::SetTypeState { code: code(DRIVING), version: 1, state, merged_into }
}

/// A business licence that takes the place of driving licence 1: never mind what the two are.
fn follower(ledger: &Ledger, number: u8) -> Attest {
    let previous = Previous { id: id(1), reason: SupersedeReason::Change };
    let type_code = code(BUSINESS);
    Attest {
        type_code,
        previous: Some(previous),
        valid_until: None,
        ..ledger.driving_licence(number)
    }
}

#[test]
fn certificates_of_a_merged_type_are_followed_by_the_other() {
    let mut ledger = Ledger::new();
    ledger.attest(0, 1).unwrap();
    let early = follower(&ledger, 2);
    assert_eq!(ledger.act(&office(0, 0), early), Err(Code::PrevInvalid), "not merged yet");
    ledger.adopt(id(90), merge(BUSINESS, ListState::Retired)).unwrap();
    let merged = ledger.get(&TYPES, &(code(DRIVING), 1)).unwrap();
    assert_eq!((merged.state(), merged.merged_into), (ListState::Retired, Some(code(BUSINESS))));
    assert_eq!(ledger.attest(0, 3), Err(Code::TypeNotAdopted));
    let food = Attest { type_code: code(FOOD), ..follower(&ledger, 4) };
    let food = Attest { seal: Some(seal(SealVerdict::Valid)), ..food };
    assert_eq!(ledger.act(&office(0, 0), food), Err(Code::PrevInvalid), "into another type");
    let first = follower(&ledger, 5);
    ledger.act(&office(0, 0), first).unwrap();
    assert_eq!(ledger.event_kinds(), ["attestation_superseded", "attested"]);
    let again = follower(&ledger, 6);
    assert_eq!(ledger.act(&office(0, 0), again), Err(Code::Fork));
}

#[test]
fn what_a_merger_refuses() {
    let mut ledger = Ledger::new();
    let mut refused =
        |action| ledger.act(&governor(0, 0), Propose { id: id(91), action }).unwrap_err();
    assert_eq!(refused(merge(DRIVING, ListState::Retired)), Code::BadField, "into itself");
    assert_eq!(refused(merge(BUSINESS, ListState::Paused)), Code::BadField, "not retired");
    let unknown = "11100000HEFU90084D001";
    assert_eq!(refused(merge(unknown, ListState::Retired)), Code::TypeNotAdopted);
}
