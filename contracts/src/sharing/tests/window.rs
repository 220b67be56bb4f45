//! Receipts by the hour: two sides, one comparison.

use hefu_primitives::Millis;
use hefu_primitives::time::{DAY_MS, Day};

use super::*;

/// A statement of the hour after the grant was given, when that hour is over.
fn stated(ledger: &mut Ledger) -> PutReceiptBatch {
    let hour = Millis((ledger.time.0 / WINDOW_MS + 1) * WINDOW_MS);
    ledger.time = Millis(hour.0 + WINDOW_MS);
    PutReceiptBatch {
        grant_id: id(1),
        hour,
        count: 2,
        n_records: 5,
        root: digest(1),
        first: hour,
        last: Millis(hour.0 + WINDOW_MS - 1),
    }
}

fn window(ledger: &Ledger, hour: Millis) -> ReceiptWindow {
    ledger.get(&RECEIPT_WINDOWS, &(id(1), hour)).unwrap()
}

fn uses(ledger: &Ledger, hour: Millis) -> u32 {
    ledger.get(&USAGE, &(id(1), Day::of_beijing(hour).number())).unwrap().uses
}

#[test]
fn the_same_from_both_sides_confirms() {
    for (one, other) in [(provider(), consumer()), (consumer(), provider())] {
        let mut ledger = granted();
        let act = stated(&mut ledger);
        ledger.act(&one, act).unwrap();
        assert_eq!(ledger.event_kinds(), ["receipts_one_sided"]);
        assert_eq!(window(&ledger, act.hour).state(), WindowState::OneSided);
        assert_eq!(ledger.act(&one, act), Err(Code::ReceiptState));
        assert_eq!(ledger.act(&stranger(), act), Err(Code::NotReceiptParty));
        ledger.act(&other, act).unwrap();
        assert_eq!(ledger.event_kinds(), ["receipts_confirmed"]);
        assert!(flags(&ledger).is_empty());
        assert_eq!(window(&ledger, act.hour).state(), WindowState::Confirmed);
        assert_eq!(uses(&ledger, act.hour), 2, "a use counts once");
    }
}

#[test]
fn where_the_two_sides_differ_it_shows() {
    let (ledger, act) = {
        let mut ledger = granted();
        let act = stated(&mut ledger);
        ledger.act(&provider(), act).unwrap();
        (ledger, act)
    };
    for (other, flag, counted) in [
        (PutReceiptBatch { count: 3, ..act }, "count_mismatch", 3),
        (PutReceiptBatch { count: 1, root: digest(9), ..act }, "count_mismatch", 2),
        (PutReceiptBatch { n_records: 4, ..act }, "count_mismatch", 2),
        (PutReceiptBatch { root: digest(9), ..act }, "root_mismatch", 2),
        (PutReceiptBatch { first: Millis(act.first.0 + 1), ..act }, "root_mismatch", 2),
    ] {
        let mut ledger = ledger.clone();
        ledger.act(&consumer(), other).unwrap();
        assert_eq!(ledger.event_kinds(), ["receipts_differ"]);
        assert_eq!(flags(&ledger), [flag]);
        assert_eq!(window(&ledger, act.hour).state(), WindowState::Differs);
        assert_eq!(uses(&ledger, act.hour), counted, "the larger counts");
    }
}

#[test]
fn what_happened_is_flagged() {
    let mut ledger = granted();
    let act = stated(&mut ledger);
    ledger.act(&provider(), PutReceiptBatch { count: 4, ..act }).unwrap();
    assert_eq!(flags(&ledger), ["over_cap"], "three a day");
    let mut ledger = granted();
    let act = stated(&mut ledger);
    let mut suspended = ledger.get(&GRANTS, &id(1)).unwrap();
    let stamp = crate::Stamp { time: suspended.given.time, ..suspended.given };
    suspended.changes.push(GrantChange {
        state: GrantState::Suspended,
        reason: None,
        stamp,
        by: provider().authority,
    });
    let mut other = ledger.clone();
    other.put(&GRANTS, &id(1), &suspended);
    other.act(&provider(), act).unwrap();
    assert_eq!(flags(&other), ["while_suspended"]);
    let end = ledger.get(&GRANTS, &id(1)).unwrap().end();
    ledger.time = Millis(end.0 + WINDOW_MS);
    let late = PutReceiptBatch { hour: end, first: end, last: end, ..act };
    ledger.act(&provider(), late).unwrap();
    assert_eq!(flags(&ledger), ["after_expiry"]);
}

#[test]
fn windows_refuse() {
    let mut ledger = granted();
    let act = stated(&mut ledger);
    let (hour, next) = (act.hour, Millis(act.hour.0 + WINDOW_MS));
    for (act, error) in [
        (PutReceiptBatch { hour: Millis(hour.0 + 1), ..act }, Code::BadField),
        (PutReceiptBatch { count: 0, ..act }, Code::BadField),
        (PutReceiptBatch { count: crate::leaf::MAX_LEAVES + 1, ..act }, Code::BadField),
        (PutReceiptBatch { root: hefu_primitives::H32::ZERO, ..act }, Code::BadField),
        (PutReceiptBatch { first: Millis(hour.0 - 1), ..act }, Code::BadField),
        (PutReceiptBatch { last: next, ..act }, Code::BadField),
        (PutReceiptBatch { first: act.last, last: act.first, ..act }, Code::BadField),
        (PutReceiptBatch { grant_id: id(9), ..act }, Code::UnknownGrant),
        (
            PutReceiptBatch {
                hour: Millis(hour.0 - DAY_MS),
                first: Millis(hour.0 - DAY_MS),
                last: Millis(hour.0 - DAY_MS),
                ..act
            },
            Code::NoGrantAtTime,
        ),
        (PutReceiptBatch { hour: next, first: next, last: next, ..act }, Code::FutureTime),
    ] {
        assert_eq!(ledger.act(&provider(), act), Err(error), "{act:?}");
    }
    assert_eq!(ledger.act(&auditor(0), act), Err(Code::NotReceiptParty));
}
