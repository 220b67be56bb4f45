//! Items: proposed, agreed by all, live; what each refuses.

use super::*;
use hefu_primitives::ImplCode;
use hefu_primitives::Region;

fn propose(terms: ItemTerms) -> ProposeItem {
    ProposeItem { terms }
}

fn version(ledger: &Ledger, number: u16) -> ItemVersion {
    ledger.get(&ITEM_VERSIONS, &((code(MOVING), REGIONS[0]), number)).unwrap()
}

#[test]
fn all_participants_agree_and_the_lead_brings_it_into_use() {
    let mut ledger = Ledger::new();
    ledger.act(&governor(0, 0), propose(terms())).unwrap();
    assert_eq!(ledger.event_kinds(), ["item_proposed"]);
    for province in 0..4 {
        let live = ledger.act(&governor(0, 1), set_state(1, ItemState::Live, 0));
        assert_eq!(live, Err(Code::NotAllConsent), "{province}");
        assert_eq!(version(&ledger, 1).state(), ItemState::Proposed);
        ledger.govern(province, agree(&terms())).unwrap();
    }
    assert_eq!(flags(&ledger), ["2_of_2", "complete"]);
    assert_eq!(version(&ledger, 1).state(), ItemState::Agreed);
    ledger.govern(0, set_state(1, ItemState::Live, 0)).unwrap();
    let item = ledger.get(&ITEMS, &code(MOVING)).unwrap();
    assert_eq!((item.lead, item.latest, item.current), (REGIONS[0], 1, Some(1)));
    assert!(ledger.get(&ITEMS_BY_LEAD, &(REGIONS[0], code(MOVING))).is_some());

    let second = ItemTerms { version: 2, promise_days: 5, ..terms() };
    agreed(&mut ledger, &second);
    assert_eq!(current_terms(&ledger.state, &code(MOVING)).unwrap().terms.version, 1);
    ledger.govern(0, set_state(1, ItemState::Suspended, 9)).unwrap();
    ledger.govern(0, set_state(2, ItemState::Live, 0)).unwrap();
    assert_eq!(version(&ledger, 1).state(), ItemState::Retired);
    assert_eq!(current_terms(&ledger.state, &code(MOVING)).unwrap().terms.promise_days, 5);
    ledger.govern(0, set_state(2, ItemState::Retired, 9)).unwrap();
    assert_eq!(ledger.get(&ITEMS, &code(MOVING)).unwrap().current, None);
    let opened = open(&ledger, 1);
    assert_eq!(ledger.act(&receiver(), opened), Err(Code::ItemState));
}

#[test]
fn only_the_lead_proposes_and_nobody_occupies_a_code() {
    let mut ledger = Ledger::new();
    let other = ItemTerms { lead: REGIONS[1], ..terms() };
    assert_eq!(ledger.act(&office(0, 0), propose(terms())), Err(Code::RoleMissing));
    assert_eq!(ledger.act(&governor(1, 0), propose(terms())), Err(Code::NotLead));
    ledger.act(&governor(1, 0), propose(other.clone())).unwrap();
    agreed(&mut ledger, &terms());
    assert_eq!(ledger.act(&governor(2, 0), agree(&other)), Err(Code::NotLead), "too late");
    let next = ItemTerms { version: 2, ..other };
    assert_eq!(ledger.act(&governor(1, 0), propose(next)), Err(Code::NotLead));
    let own = ledger.act(&governor(1, 0), set_state(1, ItemState::Live, 0));
    assert_eq!(own, Err(Code::NotLead));
    let skipped = ItemTerms { version: 3, ..terms() };
    assert_eq!(ledger.act(&governor(0, 0), propose(skipped)), Err(Code::ItemVersionNotNext));
}

#[test]
fn what_a_proposal_refuses() {
    let mut ledger = Ledger::new();
    let mut refused = |terms: ItemTerms| ledger.act(&governor(0, 0), propose(terms)).unwrap_err();
    assert_eq!(refused(ItemTerms { promise_days: 21, ..terms() }), Code::PromiseExceedsLegal);
    let stranger = vec![REGIONS[0], Region(350_000)];
    assert_eq!(refused(ItemTerms { participants: stranger, ..terms() }), Code::UnknownMember);
    assert_eq!(refused(ItemTerms { scenarios: vec![1], ..terms() }), Code::UnknownScenario);
    assert_eq!(refused(ItemTerms { scenarios: vec![9], ..terms() }), Code::UnknownScenario);
    let phone = "迁移 13812345678".to_owned();
    assert_eq!(refused(ItemTerms { name: phone, ..terms() }), Code::PersonalDataPattern);
    let instant = ItemTerms { kind: ItemKind::Instant, promise_days: 1, pause_days: 0, ..terms() };
    for bad in [
        ItemTerms { name: String::new(), ..terms() },
        ItemTerms { participants: vec![REGIONS[0]], ..terms() },
        ItemTerms { participants: REGIONS[1..].to_vec(), ..terms() },
        ItemTerms { modes: vec![], ..terms() },
        ItemTerms { modes: vec![CaseMode::Joint, CaseMode::Online], ..terms() },
        ItemTerms { legal_days: 0, promise_days: 0, ..terms() },
        ItemTerms { pause_days: 121, ..terms() },
        ItemTerms { guide_digest: H32::ZERO, ..terms() },
        ItemTerms { promise_days: 2, ..instant.clone() },
        ItemTerms { pause_days: 1, ..instant.clone() },
    ] {
        assert_eq!(refused(bad.clone()), Code::BadField, "{bad:?}");
    }
    assert_eq!(ledger.act(&governor(0, 0), propose(instant)), Ok(()));
}

#[test]
fn what_agreeing_refuses() {
    let mut ledger = Ledger::new();
    assert_eq!(ledger.act(&governor(1, 0), agree(&terms())), Err(Code::UnknownItem));
    let three = ItemTerms { participants: REGIONS[..3].to_vec(), ..terms() };
    ledger.act(&governor(0, 0), propose(three.clone())).unwrap();
    assert_eq!(ledger.act(&governor(3, 0), agree(&three)), Err(Code::NotParticipant));
    assert_eq!(ledger.act(&governor(1, 0), agree(&terms())), Err(Code::ItemTermsDiffer));
    ledger.govern(1, agree(&three)).unwrap();
    assert_eq!(ledger.act(&governor(1, 2), agree(&three)), Err(Code::AlreadyEndorsed));
    ledger.act(&governor(0, 0), propose(three.clone())).unwrap();
    let void = ledger.get(&ITEM_VERSIONS, &((code(MOVING), REGIONS[0]), 1)).unwrap();
    assert_eq!(void.missing().count(), 3, "a new proposal asks everybody again");
    agreed(&mut ledger, &three);
    assert_eq!(ledger.act(&governor(2, 2), agree(&three)), Err(Code::ItemState));
}

#[test]
fn transitions_of_state() {
    let mut ledger = with_item(&terms());
    let mut set = |state, reason| ledger.act(&governor(0, 0), set_state(1, state, reason));
    for state in [ItemState::Live, ItemState::Proposed, ItemState::Agreed] {
        assert_eq!(set(state, 1), Err(Code::ItemState), "{state:?}");
    }
    assert_eq!(set(ItemState::Suspended, 0), Err(Code::ReasonRequired));
    let unknown = ledger.act(&governor(0, 0), set_state(2, ItemState::Live, 0));
    assert_eq!(unknown, Err(Code::UnknownItem));
    let unknown = SetItemState { base: roadside(), ..set_state(1, ItemState::Live, 0) };
    assert_eq!(ledger.act(&governor(0, 0), unknown), Err(Code::UnknownItem));
    // What was agreed and overtaken cannot go live any more.
    for number in 2..4 {
        agreed(&mut ledger, &ItemTerms { version: number, ..terms() });
    }
    let overtaken = ledger.act(&governor(0, 0), set_state(2, ItemState::Live, 0));
    assert_eq!(overtaken, Err(Code::ItemState));
    ledger.govern(0, set_state(3, ItemState::Live, 0)).unwrap();
    let over = ledger.act(&governor(0, 0), set_state(1, ItemState::Live, 0));
    assert_eq!(over, Err(Code::ItemState));
}

fn implementation(authority: &Actor, days: u16) -> PutImplementation {
    let text = format!("{}2{MOVING}", authority.authority);
    PutImplementation { code: code(&text), promise_days: days, live: true }
}

#[test]
fn implementations() {
    let mut ledger = with_item(&ItemTerms { participants: REGIONS[..3].to_vec(), ..terms() });
    let put = implementation(&handler(), 3);
    ledger.act(&handler(), put).unwrap();
    assert_eq!(ledger.get(&IMPLEMENTATIONS, &put.code).unwrap().promise_days, 3);
    assert_eq!(ledger.act(&governor(0, 0), put), Err(Code::RoleMissing));
    assert_eq!(ledger.act(&receiver(), put), Err(Code::NoHandlingMandate));
    let slow = PutImplementation { promise_days: 8, ..put };
    assert_eq!(ledger.act(&handler(), slow), Err(Code::PromiseExceedsLegal));
    let level: ImplCode = code(&format!("{}3{MOVING}", handler().authority));
    let level = PutImplementation { code: level, ..put };
    assert_eq!(ledger.act(&handler(), level), Err(Code::BadField));
    let unknown: ImplCode = code(&format!("{}2{ROADSIDE}", handler().authority));
    let unknown = PutImplementation { code: unknown, ..put };
    assert_eq!(ledger.act(&handler(), unknown), Err(Code::UnknownItem));
    let apart = implementation(&elsewhere(), 3);
    assert_eq!(ledger.act(&elsewhere(), apart), Err(Code::NotParticipant));
    let absent = PutImplementation { live: false, ..implementation(&stranger(), 3) };
    assert_eq!(ledger.act(&stranger(), absent), Err(Code::ImplementationInvalid));

    let named = OpenCase { implementation: Some(put.code), ..open(&ledger, 1) };
    ledger.act(&receiver(), named.clone()).unwrap();
    assert_eq!(case(&ledger, 1).limits.promise_days, 3, "its own promise, which is shorter");
    ledger.act(&handler(), PutImplementation { live: false, ..put }).unwrap();
    let ended = OpenCase { case_id: id(2), ..named };
    assert_eq!(ledger.act(&receiver(), ended), Err(Code::ImplementationInvalid));
}
