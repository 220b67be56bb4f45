//! Transfer between provinces: offer, taking over, taking back, lapse, and what may not fork.

use super::*;
use crate::identity::{MEMBERS, MemberState};

fn offer(ledger: &Ledger, number: u8) -> TransferOut {
    TransferOut { id: id(number), to: REGIONS[1], occurred_at: ledger.time }
}

fn cancel(ledger: &Ledger, number: u8) -> CancelTransfer {
    CancelTransfer { id: id(number), occurred_at: ledger.time }
}

fn take(ledger: &Ledger, number: u8, of: u8) -> TransferIn {
    let previous = Some(Previous { id: id(of), reason: SupersedeReason::Transfer });
    let certificate = Attest { region: REGIONS[1], previous, ..ledger.driving_licence(number) };
    TransferIn { attestation: certificate }
}

fn offered() -> Ledger {
    let mut ledger = Ledger::new();
    ledger.attest(0, 1).unwrap();
    ledger.act(&office(0, 0), offer(&ledger, 1)).unwrap();
    ledger
}

fn pending(ledger: &Ledger, number: u8) -> Option<PendingTransfer> {
    answer(ledger, number, ledger.today(), ledger.height).unwrap().transfer
}

#[test]
fn an_offer_leaves_the_certificate_good_until_the_other_province_takes_it() {
    let mut ledger = offered();
    assert_eq!(ledger.event_kinds(), ["transfer_offered"]);
    assert_eq!(ledger.events[0].flags, ["to_320000"]);
    let found = pending(&ledger, 1).unwrap();
    assert_eq!((found.to, found.since), (REGIONS[1], ledger.time));
    assert_eq!(now(&ledger, 1), Status::Active);
    let known_before = ledger.height;
    ledger.act(&office(1, 0), take(&ledger, 2, 1)).unwrap();
    assert_eq!(ledger.event_kinds(), ["attestation_transferred", "attested"]);
    assert_eq!((now(&ledger, 1), now(&ledger, 2)), (Status::Transferred, Status::Active));
    assert_eq!(pending(&ledger, 1), None);
    let before = answer(&ledger, 1, ledger.today(), known_before).unwrap();
    assert_eq!(before.status, Status::Active, "as it was known then");
    let taken = ledger.get(&ATTESTATIONS, &id(2)).unwrap();
    assert_eq!(taken.issuer, code(OFFICES[1][0]));
    assert_eq!(taken.previous.map(|p| p.id), Some(id(1)));
    let old = ledger.get(&ATTESTATIONS, &id(1)).unwrap();
    assert_eq!((old.followed_by(), old.changes[1].by), (Some(id(2)), code(OFFICES[1][0])));
    for act in [Act::from(suspend(&ledger, 1)), revoke(&ledger, 1).into(), offer(&ledger, 1).into()]
    {
        assert_eq!(ledger.act(&office(0, 0), act), Err(Code::Terminal));
    }
}

#[test]
fn there_is_no_day_without_one_of_the_two() {
    let mut ledger = offered();
    let mut later = take(&ledger, 2, 1);
    later.attestation.valid_from = ledger.today().add_days(5).unwrap();
    ledger.act(&office(1, 0), later).unwrap();
    assert_eq!((now(&ledger, 1), now(&ledger, 2)), (Status::Active, Status::NotYetValid));
    assert_eq!(ledger.act(&office(0, 0), offer(&ledger, 1)), Err(Code::Fork), "taken already");
    assert_eq!(ledger.act(&office(1, 0), take(&ledger, 3, 1)), Err(Code::Fork));
    assert_eq!(pending(&ledger, 1), None, "what was taken is offered no more");
    assert_eq!(ledger.act(&office(0, 0), cancel(&ledger, 1)), Err(Code::NotTransferring));
    let previous = Some(Previous { id: id(1), reason: SupersedeReason::Renewal });
    let renewal = Attest { previous, ..ledger.driving_licence(3) };
    assert_eq!(ledger.act(&office(0, 0), renewal), Err(Code::Fork));
    ledger.wait_days(5);
    assert_eq!((now(&ledger, 1), now(&ledger, 2)), (Status::Transferred, Status::Active));
}

#[test]
fn offering_refuses() {
    let mut ledger = Ledger::new();
    for number in 1..=4 {
        ledger.attest(0, number).unwrap();
    }
    let issuer = office(0, 0);
    let good = offer(&ledger, 1);
    for (act, error) in [
        (offer(&ledger, 9), Code::UnknownAttestation),
        (TransferOut { to: REGIONS[0], ..good.clone() }, Code::TransferRegion),
        (TransferOut { to: Region(410_000), ..good.clone() }, Code::TransferRegion),
        (
            TransferOut { occurred_at: Millis(ledger.time.0 + DAY_MS), ..good.clone() },
            Code::FutureTime,
        ),
    ] {
        assert_eq!(ledger.act(&issuer, act.clone()), Err(error), "{act:?}");
    }
    assert_eq!(ledger.act(&office(1, 0), good.clone()), Err(Code::NotIssuer));
    assert_eq!(ledger.act(&auditor(0), good.clone()), Err(Code::RoleMissing));
    let mut silent = ledger.get(&MEMBERS, &REGIONS[1]).unwrap();
    silent.state = MemberState::SuspendedActs;
    ledger.put(&MEMBERS, &REGIONS[1], &silent);
    assert_eq!(ledger.act(&issuer, good.clone()), Err(Code::TransferRegion));
    ledger.act(&issuer, suspend(&ledger, 2)).unwrap();
    let to_third = |number| TransferOut { id: id(number), to: REGIONS[2], ..good.clone() };
    assert_eq!(ledger.act(&issuer, to_third(2)), Err(Code::BadState), "suspended");
    ledger.act(&issuer, to_third(1)).unwrap();
    assert_eq!(ledger.act(&issuer, to_third(1)), Err(Code::BadState), "offered already");
    let mut bare = ledger.get(&AUTHORITIES, &code(OFFICES[0][0])).unwrap();
    bare.may_issue.clear();
    ledger.put(&AUTHORITIES, &bare.code, &bare);
    assert_eq!(ledger.act(&issuer, to_third(3)), Err(Code::NoMandate));
    let mut ledger = Ledger::new();
    ledger.attest(0, 1).unwrap();
    ledger.wait_days(220);
    assert_eq!(ledger.act(&issuer, offer(&ledger, 1)), Err(Code::NoCalendar));
}

#[test]
fn taking_over_refuses() {
    let mut ledger = offered();
    ledger.attest(0, 5).unwrap();
    let taker = office(1, 0);
    let good = take(&ledger, 2, 1);
    let with = |change: &dyn Fn(&mut Attest)| {
        let mut act = good.clone();
        change(&mut act.attestation);
        act
    };
    let reason = SupersedeReason::Renewal;
    for (act, error) in [
        (with(&|a| a.previous = None), Code::PrevInvalid),
        (with(&|a| a.previous = Some(Previous { id: id(1), reason })), Code::PrevInvalid),
        (take(&ledger, 2, 9), Code::PrevInvalid),
        (take(&ledger, 2, 5), Code::NotTransferring),
        (take(&ledger, 1, 1), Code::IdReused),
        (with(&|a| a.region = REGIONS[0]), Code::BadField),
        (
            with(&|a| {
                a.type_code = code(BUSINESS);
                a.ident = Ident::Committed(digest(3));
            }),
            Code::PrevInvalid,
        ),
    ] {
        assert_eq!(ledger.act(&taker, act.clone()), Err(error), "{act:?}");
    }
    let mut elsewhere = good.clone();
    elsewhere.attestation.region = REGIONS[2];
    assert_eq!(ledger.act(&office(2, 0), elsewhere), Err(Code::NotTransferring));
    let as_renewal = Attest { region: REGIONS[1], ..good.attestation.clone() };
    assert_eq!(ledger.act(&taker, as_renewal), Err(Code::PrevInvalid), "not by plain attesting");
    let mut bare = ledger.get(&AUTHORITIES, &code(OFFICES[1][0])).unwrap();
    let full = bare.clone();
    bare.may_issue.clear();
    ledger.put(&AUTHORITIES, &bare.code, &bare);
    assert_eq!(ledger.act(&taker, good.clone()), Err(Code::NoMandate));
    ledger.put(&AUTHORITIES, &full.code, &full);
    compromise(&mut ledger, office(0, 0).key.id(), start());
    assert_eq!(ledger.act(&taker, good), Err(Code::BadState), "in question");
}

#[test]
fn an_offer_is_taken_back_or_ends_with_a_change() {
    let mut ledger = offered();
    let issuer = office(0, 0);
    assert_eq!(ledger.act(&office(1, 0), cancel(&ledger, 1)), Err(Code::NotIssuer));
    ledger.act(&issuer, cancel(&ledger, 1)).unwrap();
    assert_eq!(ledger.event_kinds(), ["transfer_cancelled"]);
    assert_eq!((now(&ledger, 1), pending(&ledger, 1)), (Status::Active, None));
    assert_eq!(ledger.act(&office(1, 0), take(&ledger, 2, 1)), Err(Code::NotTransferring));
    assert_eq!(ledger.act(&issuer, cancel(&ledger, 1)), Err(Code::NotTransferring));
    ledger.act(&issuer, offer(&ledger, 1)).unwrap();
    ledger.act(&issuer, suspend(&ledger, 1)).unwrap();
    assert_eq!(ledger.act(&office(1, 0), take(&ledger, 2, 1)), Err(Code::NotTransferring));
    ledger.act(&issuer, resume(&ledger, 1)).unwrap();
    assert_eq!(pending(&ledger, 1), None, "a suspension ended the offer");
}

/// 30 working days from 20 May 2026: 19 June is a holiday (端午), so the last is 2 July.
#[test]
fn an_offer_lapses_by_itself() {
    let mut ledger = offered();
    let until = pending(&ledger, 1).unwrap().until.unwrap();
    assert_eq!(Day::of_beijing(Millis(until.0 - 1)), day("2026-07-02"));
    ledger.time = Millis(until.0 - 2_000);
    assert_eq!(ledger.clone().act(&office(1, 0), take(&ledger, 2, 1)), Ok(()));
    ledger.time = Millis(until.0 - 1_000);
    assert_eq!(ledger.act(&office(1, 0), take(&ledger, 2, 1)), Err(Code::TransferLapsed));
    assert_eq!(ledger.act(&office(0, 0), cancel(&ledger, 1)), Err(Code::TransferLapsed));
    assert_eq!((now(&ledger, 1), pending(&ledger, 1)), (Status::Active, None));
    assert_eq!(ledger.act(&office(0, 0), offer(&ledger, 1)), Ok(()), "it can be offered anew");
}

/// Without the work calendar nobody can tell whether an offer has lapsed: a capsule has it, or says
/// nothing.
#[test]
fn the_end_of_an_offer_rests_on_the_work_calendar() {
    use crate::evidence::related_to_certificate;
    use crate::identity::CALENDARS;
    let mut ledger = offered();
    let year = ledger.today().year();
    let keys = related_to_certificate(&ledger.state, &id(1));
    assert!(keys.contains(&CALENDARS.key(&year)), "{keys:?}");
    ledger.wait_days(1);
    let until = pending(&ledger, 1).unwrap().until.unwrap();
    let last = hefu_primitives::time::Day::of_beijing(Millis(until.0 - 1)).year();
    assert!(keys.contains(&CALENDARS.key(&last)));
    let plain = related_to_certificate(&Ledger::new().state, &id(1));
    assert!(!plain.contains(&CALENDARS.key(&year)));
}
