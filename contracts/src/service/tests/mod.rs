//! Each act of services and cases: what it does, every error it can give, its clocks, and its
//! state machine against a model written from the table alone.
//!
//! Office 0 of the first province handles, that of the second receives, that of the third looks
//! on, that of the fourth decides parts.

mod case;
mod evaluation;
mod evaluation_model;
mod golden;
mod item;
mod item_model;
mod model;
mod theme_model;
mod time;
mod unit_model;

use super::*;
use crate::code::Code;
use crate::testkit::*;
use hefu_primitives::{BaseCode, H32};

pub(super) fn handler() -> Actor {
    office(0, 0)
}

pub(super) fn receiver() -> Actor {
    office(1, 0)
}

pub(super) fn stranger() -> Actor {
    office(2, 0)
}

pub(super) fn elsewhere() -> Actor {
    office(3, 0)
}

pub(super) fn terms() -> ItemTerms {
    ItemTerms {
        base: code(MOVING),
        version: 1,
        name: "国内户口迁移(示例)".to_owned(),
        lead: REGIONS[0],
        participants: REGIONS.to_vec(),
        modes: vec![CaseMode::Online, CaseMode::Proxy, CaseMode::Joint],
        kind: ItemKind::Promise,
        legal_days: 20,
        promise_days: 7,
        pause_days: 10,
        materials_digest: digest(1),
        guide_digest: digest(2),
        standard_digest: digest(3),
        scenarios: vec![],
    }
}

pub(super) fn agree(terms: &ItemTerms) -> AgreeItem {
    let ItemTerms { base, lead, version, .. } = *terms;
    AgreeItem { base, lead, version, terms: terms.digest() }
}

pub(super) fn set_state(version: u16, state: ItemState, reason: u16) -> SetItemState {
    SetItemState { base: code(MOVING), version, state, reason }
}

/// Proposed by its lead and agreed by all participants.
pub(super) fn agreed(ledger: &mut Ledger, terms: &ItemTerms) {
    ledger.act(&governor(0, 0), ProposeItem { terms: terms.clone() }).unwrap();
    for (province, region) in REGIONS.iter().enumerate() {
        if terms.participants.contains(region) {
            ledger.govern(province, agree(terms)).unwrap();
        }
    }
}

/// A ledger with an item that is live.
pub(super) fn with_item(terms: &ItemTerms) -> Ledger {
    let mut ledger = Ledger::new();
    agreed(&mut ledger, terms);
    ledger
        .govern(0, SetItemState { base: terms.base, ..set_state(1, ItemState::Live, 0) })
        .unwrap();
    ledger
}

pub(super) fn open(ledger: &Ledger, number: u8) -> OpenCase {
    OpenCase {
        case_id: id(number),
        no: digest(number),
        base: code(MOVING),
        implementation: None,
        mode: CaseMode::Proxy,
        unit: Some("A-01".to_owned()),
        handler: handler().authority,
        channel: Channel::Window,
        applicant: ApplicantClass::Natural,
        theme: None,
        occurred_at: ledger.time,
    }
}

pub(super) fn check(number: u8) -> CheckCase {
    CheckCase { case_id: id(number), consent: digest(8), assurance: 3, assertion: None }
}

pub(super) fn documents() -> Vec<H32> {
    vec![digest(10), digest(11)]
}

pub(super) fn verdict(outcome: CaseOutcome) -> progress::Verdict {
    let reasons = if outcome == CaseOutcome::Approved { vec![] } else { vec![7] };
    progress::Verdict { outcome, reasons, automated: None, result: None }
}

/// A ledger with proxy case 1 in a state.
pub(super) fn at(state: CaseState) -> Ledger {
    let mut ledger = with_item(&terms());
    advance(&mut ledger, 1, state);
    ledger
}

/// Opens proxy case `number` and brings it to a state on the shortest way.
pub(super) fn advance(ledger: &mut Ledger, number: u8, state: CaseState) {
    let open = open(ledger, number);
    ledger.act(&receiver(), open).unwrap();
    let case_id = id(number);
    let now = ledger.time;
    let way: [(CaseState, Actor, crate::Act); 8] = [
        (CaseState::Received, receiver(), check(number).into()),
        (
            CaseState::Ready,
            receiver(),
            Handover { case_id, documents: documents(), occurred_at: now }.into(),
        ),
        (
            CaseState::HandedOver,
            handler(),
            ReceiveHandover { case_id, documents: documents(), occurred_at: now }.into(),
        ),
        (CaseState::AtHandler, handler(), AcceptCase { case_id, occurred_at: now }.into()),
        (CaseState::Accepted, handler(), decide(number, now).into()),
        (
            CaseState::Decided,
            handler(),
            DispatchCase { case_id, waybill: Some(digest(5)), occurred_at: now }.into(),
        ),
        (CaseState::Dispatched, receiver(), DeliverCase { case_id, occurred_at: now }.into()),
        (CaseState::Delivered, handler(), CloseCase { case_id, archive: digest(6) }.into()),
    ];
    for (before, actor, act) in way {
        if before == state {
            return;
        }
        ledger.act(&actor, act).unwrap();
    }
}

pub(super) fn decide(number: u8, now: hefu_primitives::Millis) -> DecideCase {
    DecideCase { case_id: id(number), verdict: verdict(CaseOutcome::Approved), occurred_at: now }
}

pub(super) fn case(ledger: &Ledger, number: u8) -> Case {
    ledger.get(&CASES, &id(number)).unwrap()
}

pub(super) fn flags(ledger: &Ledger) -> Vec<&str> {
    ledger.events.iter().flat_map(|event| event.flags.iter().map(String::as_str)).collect()
}

pub(super) fn clocks(ledger: &Ledger, number: u8) -> CaseClocks {
    case_clocks(&case(ledger, number), ledger.time, crate::clock::calendars(&ledger.state))
}

/// An item of the tests' other code.
pub(super) fn roadside() -> BaseCode {
    code(ROADSIDE)
}
