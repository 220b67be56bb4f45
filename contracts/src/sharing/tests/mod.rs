//! Each act of sharing: what it does, every error it can give, and its state machine against a
//! model written from the table alone.
//!
//! Office 0 of the first province provides, that of the second consumes, that of the third looks
//! on.

mod catalogue;
mod consent;
mod golden;
mod grant;
mod model;
mod receipt;
mod request;
mod window;
mod window_model;

use hefu_primitives::Domain;
use hefu_primitives::codec::Canonical;

use super::*;
use crate::code::Code;
use crate::testkit::*;

const CAT: &str = "307001234/000012";

fn provider() -> Actor {
    office(0, 0)
}

fn consumer() -> Actor {
    office(1, 0)
}

fn stranger() -> Actor {
    office(2, 0)
}

/// Conditional sharing, version 1.
fn entry() -> PublishCatalogue {
    PublishCatalogue {
        cat_id: CAT.to_owned(),
        version: 1,
        title: "社会保险参保信息(示例)".to_owned(),
        class: 3,
        share: ShareKind::Conditional,
        conditions_digest: Some(digest(1)),
        basis: None,
        tightening: None,
        items_digest: digest(2),
        item_count: 12,
        mode: ShareMode::VerifyOnly,
        update_cycle: UpdateCycle::Daily,
        open_attr: OpenAttribute::Closed,
        personal: true,
        data_class: DataClass::General,
        sla: Sla { ack: 1, answer: 10, deliver: 20 },
    }
}

fn unconditional() -> PublishCatalogue {
    PublishCatalogue { share: ShareKind::Unconditional, ..entry() }
}

fn law() -> Option<Basis> {
    Some(Basis { kind: BasisKind::Law, digest: digest(9) })
}

fn extent(ledger: &Ledger) -> Extent {
    Extent {
        fields_digest: digest(3),
        field_count: 5,
        per_day: 3,
        from: ledger.today(),
        until: ledger.today().add_days(30).unwrap(),
    }
}

fn request(ledger: &Ledger, number: u8) -> RequestAccess {
    RequestAccess {
        req_id: id(number),
        cat_id: CAT.to_owned(),
        cat_version: 1,
        purpose: Purpose { kind: PurposeKind::Item, code: code(MOVING) },
        legal_basis: Basis { kind: BasisKind::StateCouncil, digest: digest(4) },
        extent: extent(ledger),
        scenario: None,
    }
}

/// A ledger with the entry published.
fn published(entry: PublishCatalogue) -> Ledger {
    let mut ledger = Ledger::new();
    ledger.act(&provider(), entry).unwrap();
    ledger
}

/// A ledger with request 1 submitted.
fn requested() -> Ledger {
    let mut ledger = published(entry());
    let request = request(&ledger, 1);
    ledger.act(&consumer(), request).unwrap();
    ledger
}

/// A ledger with grant 1 given as asked, on 20 May 2026 until 19 June.
fn granted() -> Ledger {
    let mut ledger = requested();
    let extent = extent(&ledger);
    ledger.act(&provider(), GrantAccess { req_id: id(1), extent }).unwrap();
    ledger
}

fn state_of(ledger: &Ledger, number: u8) -> RequestState {
    ledger.get(&REQUESTS, &id(number)).unwrap().state
}

fn flags(ledger: &Ledger) -> Vec<&str> {
    ledger.events.iter().flat_map(|event| event.flags.iter().map(String::as_str)).collect()
}

fn subject(ledger: &Ledger) -> &str {
    &ledger.events.last().unwrap().subject
}
