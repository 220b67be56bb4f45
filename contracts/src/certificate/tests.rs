//! Each act of certificates: what it does, every error it can give, and the status seen from any
//! height about any day.

mod batch;
mod figure;
mod merged;
mod merged_model;
mod request;
mod seal;
mod transfer;

use hefu_primitives::codes::Identifier;
use hefu_primitives::time::{DAY_MS, Day};
use hefu_primitives::{H32, Height, Id16, Millis, Region};

use super::*;
use crate::act::Act;
use crate::code::Code;
use crate::common::EvidenceRef;
use crate::identity::{
    AUTHORITIES, Action, BindKey, Possession, RevocationReason, RevokeKey, Role,
};
use crate::testkit::*;

fn plain(office: &str, kind: &str, serial: &str, version: u16) -> Ident {
    let ident = Identifier::new(code(kind), code(office), serial, version).unwrap();
    Ident::Plain(ident.to_string())
}

fn seal(verdict: SealVerdict) -> SealEvidence {
    SealEvidence {
        seal_id: digest(1),
        maker_cert: digest(2),
        signer_cert: digest(3),
        signed_value: digest(4),
        signed_at: start(),
        timestamp: None,
        verdict,
        verifier_version: 1,
    }
}

fn business(ledger: &Ledger, number: u8, version: u16) -> Attest {
    Attest {
        type_code: code(BUSINESS),
        ident: plain(OFFICES[0][1], BUSINESS, &format!("SN{number}"), version),
        region: Region(310_115),
        cert_version: version,
        valid_until: None,
        ..ledger.driving_licence(number)
    }
}

fn answer(ledger: &Ledger, number: u8, day: Day, height: Height) -> Option<StatusAnswer> {
    let attestation = ledger.get(&ATTESTATIONS, &id(number))?;
    status(&ledger.state, &attestation, day, height)
}

fn now(ledger: &Ledger, number: u8) -> Status {
    answer(ledger, number, ledger.today(), ledger.height).unwrap().status
}

fn suspend(ledger: &Ledger, number: u8) -> SuspendAttestation {
    SuspendAttestation {
        id: id(number),
        reason: 12,
        effective: ledger.today(),
        until: None,
        occurred_at: ledger.time,
    }
}

fn resume(ledger: &Ledger, number: u8) -> ResumeAttestation {
    let (id, effective) = (id(number), ledger.today());
    ResumeAttestation { id, reason: 1, effective, occurred_at: ledger.time }
}

fn revoke(ledger: &Ledger, number: u8) -> RevokeAttestation {
    RevokeAttestation {
        id: id(number),
        kind: RevocationKind::Penalty,
        effective: ledger.today(),
        retroactive: false,
        reason: 3,
        evidence: None,
        occurred_at: ledger.time,
    }
}

#[test]
fn attests() {
    let mut ledger = Ledger::new();
    assert_eq!(ledger.attest(0, 1), Ok(()));
    assert_eq!(ledger.event_kinds(), ["attested"]);
    assert_eq!(ledger.events[0].subject, format!("att:{}", id(1)));
    let record = ledger.get(&ATTESTATIONS, &id(1)).unwrap();
    assert_eq!(record.issuer, code(OFFICES[0][0]));
    assert_eq!((record.made.height, record.made.time), (ledger.height, ledger.time));
    assert_eq!(record.made.key, office(0, 0).key.id());
    assert_eq!(now(&ledger, 1), Status::Active);
    assert_eq!(answer(&ledger, 1, ledger.today(), Height(0)), None, "not yet known");
    let marks = Marks { legacy: true, backfill: true, paper_origin: false };
    ledger.act(&office(0, 0), Attest { marks, ..ledger.driving_licence(2) }).unwrap();
    assert_eq!(ledger.events[0].flags, ["legacy", "backfill"]);
}

#[test]
fn attesting_refuses() {
    let mut ledger = Ledger::new();
    ledger.attest(0, 9).unwrap();
    let good = ledger.driving_licence(1);
    let (today, now) = (ledger.today(), ledger.time);
    let with = |change: &dyn Fn(&mut Attest)| {
        let mut act = good.clone();
        change(&mut act);
        act
    };
    for (act, error) in [
        (with(&|a| a.id = id(9)), Code::IdReused),
        (with(&|a| a.type_version = 2), Code::TypeNotAdopted),
        (with(&|a| a.type_code = code("11100000HEFU90017F001")), Code::TypeNotAdopted),
        (with(&|a| a.region = Region(320_000)), Code::BadField),
        (with(&|a| a.region = Region(1_310_000)), Code::BadField),
        (with(&|a| a.region = Region(310_115)), Code::RegionTooPrecise),
        (with(&|a| a.holder = H32::ZERO), Code::BadField),
        (with(&|a| a.content = H32::ZERO), Code::BadField),
        (with(&|a| a.file = Some(H32::ZERO)), Code::BadField),
        (with(&|a| a.ident = Ident::Committed(H32::ZERO)), Code::BadField),
        (with(&|a| a.ident = plain(OFFICES[0][0], DRIVING, "A1", 1)), Code::PlainIdentForbidden),
        (with(&|a| a.cert_version = 0), Code::BadIdent),
        (with(&|a| a.cert_version = 1000), Code::BadIdent),
        (with(&|a| a.issued_on = today.next().next()), Code::BadDates),
        (with(&|a| a.valid_until = Some(today.previous())), Code::BadDates),
        (with(&|a| a.valid_until = today.add_days(3660)), Code::BadDates),
        (with(&|a| a.occurred_at = Millis(now.0 + 400_000)), Code::FutureTime),
        (with(&|a| a.occurred_at = Millis(now.0 - 31 * DAY_MS)), Code::BadDates),
        (with(&|a| a.issued_on = today.add_days(-31).unwrap()), Code::BadDates),
    ] {
        assert_eq!(ledger.act(&office(0, 0), act.clone()), Err(error), "{act:?}");
    }
    assert_eq!(ledger.act(&auditor(0), good.clone()), Err(Code::RoleMissing));
    let mut bare = ledger.get(&AUTHORITIES, &code(OFFICES[0][0])).unwrap();
    bare.may_issue.clear();
    ledger.put(&AUTHORITIES, &bare.code, &bare);
    assert_eq!(ledger.act(&office(0, 0), good), Err(Code::NoMandate));
}

#[test]
fn edges_that_are_accepted() {
    let mut ledger = Ledger::new();
    let today = ledger.today();
    let edge = Attest {
        issued_on: today.next(),
        valid_from: today,
        valid_until: Some(Day::from_number(today.number() + 100_000).unwrap()),
        occurred_at: Millis(ledger.time.0 + 200_000),
        ..ledger.driving_licence(1)
    };
    assert_eq!(ledger.act(&office(0, 0), edge), Ok(()));
    let late = Attest {
        occurred_at: Millis(ledger.time.0 - 400 * DAY_MS),
        marks: Marks { backfill: true, ..Marks::default() },
        ..ledger.driving_licence(2)
    };
    assert_eq!(ledger.act(&office(0, 0), late), Ok(()));
    let old = Attest { issued_on: today.add_days(-30).unwrap(), ..ledger.driving_licence(4) };
    assert_eq!(ledger.act(&office(0, 0), old), Ok(()));
    let long = Attest { valid_until: None, ..ledger.driving_licence(3) };
    assert_eq!(ledger.act(&office(0, 0), long), Ok(()));
}

#[test]
fn plain_identifiers_are_whole_own_and_unique() {
    let mut ledger = Ledger::new();
    let issuer = office(0, 1);
    let good = business(&ledger, 1, 1);
    let with = |ident: Ident| Attest { ident, ..good.clone() };
    let Ident::Plain(text) = good.ident.clone() else { panic!() };
    let trader = hefu_primitives::codes::uscc::with_checks("92310115HEFU8001").unwrap();
    let wrong_check =
        format!("{}{}", &text[..text.len() - 1], if text.ends_with('0') { '1' } else { '0' });
    for (act, error) in [
        (with(Ident::Plain(wrong_check)), Code::BadIdent),
        (with(Ident::Plain(text.to_lowercase())), Code::BadIdent),
        (with(Ident::Plain(format!("{text}.X"))), Code::BadIdent),
        (with(Ident::Plain(String::new())), Code::BadIdent),
        (with(plain(OFFICES[0][0], BUSINESS, "SN1", 1)), Code::BadIdent),
        (with(plain(OFFICES[0][1], FOOD, "SN1", 1)), Code::BadIdent),
        (with(plain(OFFICES[0][1], BUSINESS, "SN1", 2)), Code::BadIdent),
        (with(plain(OFFICES[0][1], BUSINESS, "999999194901010000", 1)), Code::IdentHasCitizenId),
        (with(plain(OFFICES[0][1], BUSINESS, "A13812345678B", 1)), Code::IdentHasCitizenId),
        (with(plain(OFFICES[0][1], BUSINESS, trader.as_str(), 1)), Code::PlainIdentForbidden),
        (Attest { valid_until: Some(start_day().previous()), ..good.clone() }, Code::BadDates),
    ] {
        assert_eq!(ledger.act(&issuer, act.clone()), Err(error), "{act:?}");
    }
    ledger.act(&issuer, good.clone()).unwrap();
    assert_eq!(ledger.get(&IDENTS, text.as_str()), Some(id(1)));
    let again = Attest { id: id(2), ..good };
    assert_eq!(ledger.act(&issuer, again), Err(Code::DuplicateId));
    let committed = Attest { ident: Ident::Committed(digest(3)), ..business(&ledger, 3, 1) };
    assert_eq!(ledger.act(&issuer, committed), Ok(()), "plain is allowed, not required");
}

#[test]
fn seals_where_required() {
    let mut ledger = Ledger::new();
    let food = |number, seal| Attest {
        type_code: code(FOOD),
        ident: plain(OFFICES[0][1], FOOD, &format!("SN{number}"), 1),
        seal,
        valid_until: start_day().add_days(365),
        ..business(&Ledger::new(), number, 1)
    };
    let issuer = office(0, 1);
    assert_eq!(ledger.act(&issuer, food(1, None)), Err(Code::SealRequired));
    let invalid = Some(seal(SealVerdict::Invalid));
    assert_eq!(ledger.act(&issuer, food(1, invalid)), Err(Code::SealRequired));
    let good = seal(SealVerdict::Valid);
    for (seal, error) in [
        (SealEvidence { seal_id: H32::ZERO, ..good }, Code::BadField),
        (SealEvidence { signed_value: H32::ZERO, ..good }, Code::BadField),
        (SealEvidence { timestamp: Some(H32::ZERO), ..good }, Code::BadField),
        (SealEvidence { signed_at: Millis(start().0 + DAY_MS), ..good }, Code::FutureTime),
    ] {
        assert_eq!(ledger.act(&issuer, food(1, Some(seal))), Err(error));
    }
    assert_eq!(ledger.act(&issuer, food(1, Some(good))), Ok(()));
    assert_eq!(ledger.act(&issuer, food(2, Some(seal(SealVerdict::NotChecked)))), Ok(()));
}

fn start_day() -> Day {
    Day::of_beijing(start())
}

#[test]
fn superseding_leaves_no_gap_and_no_fork() {
    let mut ledger = Ledger::new();
    let issuer = office(0, 1);
    ledger.act(&issuer, business(&ledger, 1, 1)).unwrap();
    let renewal = |ledger: &Ledger, number, version, of| Attest {
        previous: Some(Previous { id: id(of), reason: SupersedeReason::Renewal }),
        valid_from: ledger.today().add_days(10).unwrap(),
        ..business(ledger, number, version)
    };
    for (act, error) in [
        (renewal(&ledger, 2, 2, 7), Code::PrevInvalid),
        (renewal(&ledger, 2, 3, 1), Code::PrevInvalid),
        (
            Attest {
                type_code: code(DRIVING),
                ident: Ident::Committed(digest(1)),
                region: REGIONS[0],
                ..renewal(&ledger, 2, 2, 1)
            },
            Code::PrevInvalid,
        ),
    ] {
        assert_eq!(ledger.act(&issuer, act.clone()), Err(error), "{act:?}");
    }
    let foreign =
        Attest { ident: plain(OFFICES[0][0], BUSINESS, "SN2", 2), ..renewal(&ledger, 2, 2, 1) };
    assert_eq!(ledger.act(&office(0, 0), foreign), Err(Code::NotIssuer));
    let good = renewal(&ledger, 2, 2, 1);
    ledger.act(&issuer, good.clone()).unwrap();
    assert_eq!(ledger.event_kinds(), ["attestation_superseded", "attested"]);
    assert_eq!(ledger.act(&issuer, renewal(&ledger, 3, 2, 1)), Err(Code::Fork));
    assert_eq!((now(&ledger, 1), now(&ledger, 2)), (Status::Active, Status::NotYetValid));
    // Until the new one is valid the old one can still be suspended.
    ledger.act(&issuer, suspend(&ledger, 1)).unwrap();
    assert_eq!(now(&ledger, 1), Status::Suspended);
    ledger.wait_days(10);
    assert_eq!((now(&ledger, 1), now(&ledger, 2)), (Status::Superseded, Status::Active));
    assert_eq!(ledger.act(&issuer, suspend(&ledger, 1)), Err(Code::Terminal));
    let day_nine = start_day().add_days(9).unwrap();
    assert_eq!(answer(&ledger, 1, day_nine, ledger.height).unwrap().status, Status::Suspended);
}

#[test]
fn only_a_correction_follows_a_revocation() {
    let mut ledger = Ledger::new();
    ledger.attest(0, 1).unwrap();
    ledger.act(&office(0, 0), revoke(&ledger, 1)).unwrap();
    let next = |number, reason| Attest {
        previous: Some(Previous { id: id(1), reason }),
        ..Ledger::new().driving_licence(number)
    };
    let renewal = next(2, SupersedeReason::Renewal);
    assert_eq!(ledger.act(&office(0, 0), renewal), Err(Code::PrevInvalid));
    let correction = next(2, SupersedeReason::Correction);
    assert_eq!(ledger.act(&office(0, 0), correction), Ok(()));
    assert_eq!((now(&ledger, 1), now(&ledger, 2)), (Status::Revoked, Status::Active));
    let fork = next(3, SupersedeReason::Correction);
    assert_eq!(ledger.act(&office(0, 0), fork), Err(Code::Fork));
    ledger.attest(0, 4).unwrap();
    ledger.act(&office(0, 0), suspend(&ledger, 4)).unwrap();
    let suspended = Attest {
        previous: Some(Previous { id: id(4), reason: SupersedeReason::Change }),
        ..next(5, SupersedeReason::Change)
    };
    assert_eq!(ledger.act(&office(0, 0), suspended), Err(Code::PrevInvalid));
}

#[test]
fn suspends_and_resumes() {
    let mut ledger = Ledger::new();
    ledger.attest(0, 1).unwrap();
    let issuer = office(0, 0);
    ledger.wait_days(5);
    let (today, good) = (ledger.today(), suspend(&ledger, 1));
    let with = |effective: Day| SuspendAttestation { effective, ..good.clone() };
    for (act, error) in [
        (SuspendAttestation { id: id(2), ..good.clone() }, Code::UnknownAttestation),
        (SuspendAttestation { reason: 0, ..good.clone() }, Code::ReasonRequired),
        (SuspendAttestation { until: Some(today.previous()), ..good.clone() }, Code::BadDates),
        (with(today.next()), Code::BadDates),
        (with(today.add_days(-6).unwrap()), Code::BadDates),
        (with(today.previous()), Code::RetroactiveNotAllowed),
        (
            SuspendAttestation { occurred_at: Millis(ledger.time.0 + DAY_MS), ..good.clone() },
            Code::FutureTime,
        ),
    ] {
        assert_eq!(ledger.act(&issuer, act.clone()), Err(error), "{act:?}");
    }
    assert_eq!(ledger.act(&office(0, 1), good.clone()), Err(Code::NotIssuer));
    assert_eq!(ledger.act(&auditor(0), good.clone()), Err(Code::RoleMissing));
    assert_eq!(ledger.act(&issuer, resume(&ledger, 1)), Err(Code::BadState));
    let known_before = ledger.height;
    let yesterday = Millis(ledger.time.0 - DAY_MS);
    let late = SuspendAttestation { occurred_at: yesterday, ..with(today.previous()) };
    ledger.act(&issuer, late).unwrap();
    assert_eq!(ledger.events[0].kind, "attestation_suspended");
    assert_eq!(ledger.events[0].flags, ["reason_12"]);
    assert_eq!(ledger.act(&issuer, good.clone()), Err(Code::BadState));
    let suspended = answer(&ledger, 1, today.previous(), ledger.height).unwrap();
    assert_eq!((suspended.status, suspended.retroactive), (Status::Suspended, true));
    let earlier = answer(&ledger, 1, today.previous(), known_before).unwrap();
    assert_eq!(earlier.status, Status::Active, "as it was known before");
    let back = ResumeAttestation { effective: today.add_days(-2).unwrap(), ..resume(&ledger, 1) };
    assert_eq!(ledger.act(&issuer, back), Err(Code::BadDates));
    let back = ResumeAttestation { effective: today.previous(), ..resume(&ledger, 1) };
    assert_eq!(ledger.act(&issuer, back), Err(Code::RetroactiveNotAllowed));
    let reason = ResumeAttestation { reason: 0, ..resume(&ledger, 1) };
    assert_eq!(ledger.act(&issuer, reason), Err(Code::ReasonRequired));
    ledger.act(&issuer, resume(&ledger, 1)).unwrap();
    assert_eq!(ledger.events[0].kind, "attestation_resumed");
    assert_eq!(now(&ledger, 1), Status::Active);
}

#[test]
fn a_suspension_may_end_by_itself() {
    let mut ledger = Ledger::new();
    ledger.attest(0, 1).unwrap();
    let until = ledger.today().add_days(3);
    ledger.act(&office(0, 0), SuspendAttestation { until, ..suspend(&ledger, 1) }).unwrap();
    ledger.wait_days(3);
    assert_eq!(now(&ledger, 1), Status::Suspended);
    ledger.wait_days(1);
    assert_eq!(now(&ledger, 1), Status::Active);
    assert_eq!(ledger.act(&office(0, 0), resume(&ledger, 1)), Err(Code::BadState));
    assert_eq!(ledger.act(&office(0, 0), suspend(&ledger, 1)), Ok(()));
}

#[test]
fn revokes_for_good() {
    let mut ledger = Ledger::new();
    ledger.attest(0, 1).unwrap();
    ledger.wait_days(20);
    let issuer = office(0, 0);
    let (today, good) = (ledger.today(), revoke(&ledger, 1));
    let evidence = EvidenceRef { kind: 1, commit: digest(1), bytes: 9 };
    let other = RevokeAttestation { kind: RevocationKind::Other, ..good.clone() };
    let nothing = EvidenceRef { commit: H32::ZERO, ..evidence };
    for (act, error) in [
        (RevokeAttestation { id: id(2), ..good.clone() }, Code::UnknownAttestation),
        (RevokeAttestation { reason: 0, ..good.clone() }, Code::ReasonRequired),
        (RevokeAttestation { effective: today.next(), ..good.clone() }, Code::BadDates),
        (RevokeAttestation { effective: start_day().previous(), ..good.clone() }, Code::BadDates),
        (RevokeAttestation { retroactive: true, ..good.clone() }, Code::RetroactiveNotAllowed),
        (
            RevokeAttestation { effective: today.previous(), ..good.clone() },
            Code::RetroactiveNotAllowed,
        ),
        (other.clone(), Code::KindInvalid),
        (RevokeAttestation { evidence: Some(nothing), ..other.clone() }, Code::KindInvalid),
        (
            RevokeAttestation { occurred_at: Millis(ledger.time.0 + DAY_MS / 100), ..good.clone() },
            Code::FutureTime,
        ),
    ] {
        assert_eq!(ledger.act(&issuer, act.clone()), Err(error), "{act:?}");
    }
    assert_eq!(ledger.act(&office(1, 0), good.clone()), Err(Code::NotIssuer));
    let with_evidence = RevokeAttestation { evidence: Some(evidence), ..other };
    ledger.act(&issuer, with_evidence).unwrap();
    assert_eq!(ledger.events[0].flags, ["other", "reason_3"]);
    assert_eq!(now(&ledger, 1), Status::Revoked);
    for act in [
        Act::from(suspend(&ledger, 1)),
        Act::from(resume(&ledger, 1)),
        Act::from(revoke(&ledger, 1)),
    ] {
        assert_eq!(ledger.act(&issuer, act), Err(Code::Terminal));
    }
    let before = answer(&ledger, 1, today.previous(), ledger.height).unwrap();
    assert_eq!(before.status, Status::Active, "not before its day of effect");
}

#[test]
fn a_decision_recorded_late_says_so() {
    let mut ledger = Ledger::new();
    ledger.attest(0, 1).unwrap();
    ledger.wait_days(20);
    let decided = Millis(ledger.time.0 - 3 * DAY_MS);
    let effective = Day::of_beijing(decided);
    let late = RevokeAttestation { effective, occurred_at: decided, ..revoke(&ledger, 1) };
    ledger.act(&office(0, 0), late).unwrap();
    let then = answer(&ledger, 1, effective, ledger.height).unwrap();
    assert_eq!((then.status, then.retroactive), (Status::Revoked, true));
    let change = ledger.get(&ATTESTATIONS, &id(1)).unwrap().changes[0];
    assert_eq!(change.stamp.time.0 - change.stamp.occurred_at.0, 3 * DAY_MS + 1_000);
}

#[test]
fn an_annulment_reaches_back() {
    let mut ledger = Ledger::new();
    ledger.attest(0, 1).unwrap();
    ledger.wait_days(10);
    ledger.act(&office(0, 0), suspend(&ledger, 1)).unwrap();
    ledger.wait_days(10);
    ledger.act(&office(0, 0), resume(&ledger, 1)).unwrap();
    let known_before = ledger.height;
    let effective = start_day().add_days(5).unwrap();
    let kind = RevocationKind::Annul;
    let annul = RevokeAttestation { kind, effective, retroactive: true, ..revoke(&ledger, 1) };
    ledger.act(&office(0, 0), annul).unwrap();
    assert_eq!(ledger.events[0].flags, ["annul", "reason_3", "retroactive"]);
    use Status::{Active, NotYetValid, Revoked, Suspended};
    let table = [(-1, NotYetValid, NotYetValid), (4, Active, Active), (5, Active, Revoked)];
    let later = [(12, Suspended, Revoked), (20, Active, Revoked), (900, Active, Revoked)];
    for (days, before, after) in table.into_iter().chain(later) {
        let day = start_day().add_days(days).unwrap();
        let seen = |height| answer(&ledger, 1, day, height).unwrap();
        assert_eq!(seen(known_before).status, before, "day {days}, before");
        assert_eq!(seen(ledger.height).status, after, "day {days}, after");
        let retroactive = after == Revoked && days < 20;
        assert_eq!(seen(ledger.height).retroactive, retroactive, "day {days}");
    }
}

#[test]
fn validity_costs_no_transaction() {
    let mut ledger = Ledger::new();
    let valid_from = ledger.today().add_days(2).unwrap();
    let valid_until = valid_from.add_days(5);
    let act = Attest { valid_from, valid_until, ..ledger.driving_licence(1) };
    ledger.act(&office(0, 0), act).unwrap();
    for (days, expected) in [
        (0, Status::NotYetValid),
        (1, Status::NotYetValid),
        (2, Status::Active),
        (7, Status::Active),
        (8, Status::Expired),
    ] {
        let day = start_day().add_days(days).unwrap();
        assert_eq!(answer(&ledger, 1, day, ledger.height).unwrap().status, expected, "{days}");
    }
    ledger.wait_days(30);
    assert_eq!(
        ledger.act(&office(0, 0), revoke(&ledger, 1)),
        Ok(()),
        "an expired one can be ended"
    );
}

#[test]
fn history_is_bounded_and_leaves_room_for_the_end() {
    let mut ledger = Ledger::new();
    ledger.attest(0, 1).unwrap();
    let issuer = office(0, 0);
    for _ in 0..31 {
        let acts = [suspend(&ledger, 1).into(), resume(&ledger, 1).into()];
        ledger.acts(&issuer, &acts).unwrap();
    }
    assert_eq!(ledger.get(&ATTESTATIONS, &id(1)).unwrap().changes.len(), 62);
    assert_eq!(ledger.act(&issuer, suspend(&ledger, 1)), Err(Code::BadState));
    let largest = ledger.state.0.get(&ATTESTATIONS.key(&id(1))).unwrap().len();
    assert!(largest < 8_192, "{largest} bytes");
    ledger.act(&issuer, revoke(&ledger, 1)).unwrap();
    let previous = Some(Previous { id: id(1), reason: SupersedeReason::Correction });
    let correction = Attest { previous, ..ledger.driving_licence(2) };
    assert_eq!(ledger.act(&issuer, correction), Ok(()));
    assert_eq!(ledger.get(&ATTESTATIONS, &id(1)).unwrap().changes.len(), MAX_CHANGES);
}

/// Binds a new issuer key to a province's first office.
fn fresh_issuer(ledger: &mut Ledger, number: u8) -> Actor {
    let (key, owner) = (fresh_key(number), code(OFFICES[0][0]));
    let (not_before, not_after) = (ledger.time, Millis(ledger.time.0 + 300 * DAY_MS));
    let roles = vec![Role::Issuer];
    let statement = Possession { chain: CHAIN, owner, roles, not_before, not_after };
    let possession = statement.sign(&key);
    let Possession { roles, .. } = statement;
    let public = key.public();
    let bind = BindKey { owner, key: public, roles, not_before, not_after, possession };
    ledger.govern(0, bind).unwrap();
    Actor { authority: owner, key }
}

fn compromise(ledger: &mut Ledger, key: hefu_primitives::KeyId, since: Millis) {
    let reason = RevocationReason::Compromised;
    ledger.govern(0, RevokeKey { key, reason, since: Some(since) }).unwrap();
}

#[test]
fn a_compromise_questions_until_reaffirmed() {
    let mut ledger = Ledger::new();
    for number in 1..=4 {
        ledger.attest(0, number).unwrap();
    }
    let since = ledger.get(&ATTESTATIONS, &id(2)).unwrap().made.time;
    let fresh = fresh_issuer(&mut ledger, 1);
    let known_before = ledger.height;
    let one = |ids: &[u8]| Reaffirm {
        scope: ReaffirmScope::Attestations(ids.iter().map(|number| id(*number)).collect()),
    };
    assert_eq!(ledger.act(&fresh, one(&[2])), Err(Code::NotQuestioned));
    compromise(&mut ledger, office(0, 0).key.id(), since);
    use Status::{Active, Questioned};
    let all = |ledger: &Ledger| [1, 2, 3, 4].map(|number| now(ledger, number));
    assert_eq!(all(&ledger), [Active, Questioned, Questioned, Questioned]);
    let before = answer(&ledger, 2, ledger.today(), known_before).unwrap();
    assert_eq!((before.status, before.questioned), (Active, false), "not yet known");

    assert_eq!(ledger.act(&fresh, one(&[])), Err(Code::BadField));
    assert_eq!(ledger.act(&fresh, one(&[7; 129])), Err(Code::BadField));
    assert_eq!(ledger.act(&fresh, one(&[7])), Err(Code::UnknownAttestation));
    assert_eq!(ledger.act(&fresh, one(&[2, 2])), Err(Code::NotQuestioned));
    assert_eq!(ledger.act(&fresh, one(&[2, 1])), Err(Code::NotQuestioned));
    assert_eq!(ledger.act(&office(0, 1), one(&[2])), Err(Code::NotIssuer));
    assert_eq!(ledger.act(&auditor(0), one(&[2])), Err(Code::RoleMissing));
    ledger.act(&fresh, one(&[2])).unwrap();
    assert_eq!(ledger.event_kinds(), ["attestation_reaffirmed"]);
    assert_eq!(all(&ledger), [Active, Active, Questioned, Questioned]);
    // A questioned certificate that is suspended is suspended, and says it is in question.
    ledger.act(&fresh, suspend(&ledger, 3)).unwrap();
    let suspended = answer(&ledger, 3, ledger.today(), ledger.height).unwrap();
    assert_eq!((suspended.status, suspended.questioned), (Status::Suspended, true));
}

/// Whoever had the key may have ended certificates with it: their status says so until somebody
/// stands by it.
#[test]
fn what_a_stolen_key_ended_is_in_question() {
    let mut ledger = Ledger::new();
    let (first, second) = (office(0, 0), fresh_issuer(&mut ledger, 1));
    for number in 1..=4 {
        ledger.attest(0, number).unwrap();
    }
    let since = Millis(ledger.time.0 + 1);
    ledger.act(&second, suspend(&ledger, 1)).unwrap();
    ledger.act(&second, revoke(&ledger, 2)).unwrap();
    let previous = Some(Previous { id: id(3), reason: SupersedeReason::Change });
    ledger.act(&second, Attest { previous, ..ledger.driving_licence(5) }).unwrap();
    ledger.act(&first, suspend(&ledger, 4)).unwrap();
    let before = ledger.height;
    compromise(&mut ledger, second.key.id(), since);
    let seen = |ledger: &Ledger, number, height| {
        let answer = answer(ledger, number, ledger.today(), height).unwrap();
        (answer.status, answer.questioned)
    };
    use Status::{Active, Questioned, Revoked, Superseded, Suspended};
    let all = |ledger: &Ledger| [1, 2, 3, 4, 5].map(|number| seen(ledger, number, ledger.height));
    assert_eq!(
        all(&ledger),
        [
            (Suspended, true),
            (Revoked, true),
            (Superseded, true),
            (Suspended, false),
            (Questioned, true)
        ]
    );
    assert_eq!(seen(&ledger, 2, before), (Revoked, false), "not known then");
    // A suspension is lifted, a revocation stood by; neither is in question then.
    ledger.act(&first, resume(&ledger, 1)).unwrap();
    let scope = ReaffirmScope::Attestations(vec![id(2)]);
    ledger.act(&first, Reaffirm { scope }).unwrap();
    assert_eq!(seen(&ledger, 1, ledger.height), (Active, false));
    assert_eq!(seen(&ledger, 2, ledger.height), (Revoked, false));
}

/// Standing by a certificate changes no status: it does not stand in the way of what was decided
/// the day before.
#[test]
fn a_reaffirmation_does_not_order_changes() {
    let mut ledger = Ledger::new();
    ledger.attest(0, 1).unwrap();
    ledger.wait_days(3);
    let fresh = fresh_issuer(&mut ledger, 1);
    compromise(&mut ledger, office(0, 0).key.id(), start());
    let scope = ReaffirmScope::Attestations(vec![id(1)]);
    ledger.act(&fresh, Reaffirm { scope }).unwrap();
    let occurred_at = Millis(ledger.time.0 - DAY_MS);
    let effective = ledger.today().previous();
    let act = SuspendAttestation { effective, occurred_at, ..suspend(&ledger, 1) };
    assert_eq!(ledger.act(&fresh, act), Ok(()));
}

#[test]
fn a_span_of_a_keys_acts_is_reaffirmed_at_once() {
    let mut ledger = Ledger::new();
    for number in 1..=4 {
        ledger.attest(0, number).unwrap();
    }
    let made = |number| ledger.get(&ATTESTATIONS, &id(number)).unwrap().made.time;
    let (first, second, third) = (made(1), made(2), made(3));
    let fresh = fresh_issuer(&mut ledger, 1);
    let bad = office(0, 0).key.id();
    let span = |key, from, to| Reaffirm { scope: ReaffirmScope::Span { key, from, to } };
    assert_eq!(ledger.act(&fresh, span(bad, second, third)), Err(Code::NotQuestioned));
    compromise(&mut ledger, bad, second);
    let after = ledger.time.next();
    for (act, error) in [
        (span(fresh_key(9).id(), second, third), Code::UnknownKey),
        (span(bad, first, third), Code::NotQuestioned),
        (span(bad, third, second), Code::NotQuestioned),
        (span(bad, second, after), Code::NotQuestioned),
    ] {
        assert_eq!(ledger.act(&fresh, act.clone()), Err(error), "{act:?}");
    }
    assert_eq!(ledger.act(&office(0, 1), span(bad, second, third)), Err(Code::NotIssuer));
    let known_before = ledger.height;
    ledger.act(&fresh, span(bad, second, third)).unwrap();
    assert_eq!(ledger.event_kinds(), ["key_acts_reaffirmed"]);
    use Status::{Active, Questioned};
    let all = [1, 2, 3, 4].map(|number| now(&ledger, number));
    assert_eq!(all, [Active, Active, Active, Questioned]);
    let before = answer(&ledger, 2, ledger.today(), known_before).unwrap();
    assert_eq!(before.status, Questioned);
    for _ in 1..change::MAX_SPANS {
        ledger.act(&fresh, span(bad, second, third)).unwrap();
    }
    assert_eq!(ledger.act(&fresh, span(bad, second, third)), Err(Code::BadState));
}

#[test]
fn a_resumption_and_a_reaffirmation_can_be_questioned_too() {
    let mut ledger = Ledger::new();
    ledger.attest(0, 1).unwrap();
    let (second, third) = (fresh_issuer(&mut ledger, 1), fresh_issuer(&mut ledger, 2));
    ledger.act(&office(0, 0), suspend(&ledger, 1)).unwrap();
    ledger.act(&second, resume(&ledger, 1)).unwrap();
    let since = ledger.time;
    assert_eq!(now(&ledger, 1), Status::Active);
    compromise(&mut ledger, second.key.id(), since);
    assert_eq!(now(&ledger, 1), Status::Questioned);
    let reaffirm = Reaffirm { scope: ReaffirmScope::Attestations(vec![id(1)]) };
    ledger.act(&third, reaffirm.clone()).unwrap();
    let since = ledger.time;
    assert_eq!(now(&ledger, 1), Status::Active);
    compromise(&mut ledger, third.key.id(), since);
    assert_eq!(now(&ledger, 1), Status::Questioned);
    ledger.act(&office(0, 0), reaffirm).unwrap();
    assert_eq!(now(&ledger, 1), Status::Active);
}

#[test]
fn a_successor_has_the_issuers_powers() {
    let mut ledger = Ledger::new();
    ledger.attest(0, 1).unwrap();
    let mut merged = ledger.get(&AUTHORITIES, &code(OFFICES[0][0])).unwrap();
    merged.successor = Some(code(OFFICES[0][2]));
    ledger.put(&AUTHORITIES, &merged.code, &merged);
    assert_eq!(ledger.act(&office(0, 1), suspend(&ledger, 1)), Err(Code::NotIssuer));
    ledger.act(&office(0, 2), suspend(&ledger, 1)).unwrap();
    let record = ledger.get(&ATTESTATIONS, &id(1)).unwrap();
    assert_eq!((record.issuer, record.changes[0].by), (merged.code, code(OFFICES[0][2])));
    ledger.act(&office(0, 2), resume(&ledger, 1)).unwrap();
    let previous = Some(Previous { id: id(1), reason: SupersedeReason::Change });
    let next = Attest { previous, ..ledger.driving_licence(2) };
    assert_eq!(ledger.act(&office(0, 2), next), Ok(()));
}

#[test]
fn a_destroyed_salt_is_said_once() {
    let mut ledger = Ledger::new();
    ledger.attest(0, 1).unwrap();
    let act = SaltDestroyed { id: id(1) };
    let unknown = SaltDestroyed { id: Id16::ZERO };
    assert_eq!(ledger.act(&office(0, 0), unknown), Err(Code::UnknownAttestation));
    assert_eq!(ledger.act(&office(0, 1), act.clone()), Err(Code::NotIssuer));
    assert_eq!(ledger.act(&auditor(0), act.clone()), Err(Code::RoleMissing));
    ledger.act(&office(0, 0), revoke(&ledger, 1)).unwrap();
    ledger.act(&office(0, 0), act.clone()).unwrap();
    assert_eq!(ledger.event_kinds(), ["salt_destroyed"]);
    let seen = |height| answer(&ledger, 1, ledger.today(), height).unwrap();
    assert_eq!(
        (seen(ledger.height).status, seen(ledger.height).unopenable),
        (Status::Revoked, true)
    );
    assert!(!seen(ledger.height.previous()).unopenable);
    assert_eq!(ledger.act(&office(0, 0), act), Err(Code::BadState));
}

#[test]
fn a_type_with_a_fixed_end() {
    let mut ledger = Ledger::new();
    let (last, version) = (day("2026-12-31"), 2);
    let terms = type_terms(DRIVING, HolderClass::Natural, IdPolicy::Committed);
    let terms = CertTypeTerms { version, validity: Validity::Fixed(last), ..terms };
    ledger.adopt(id(9), Action::AdoptType(terms)).unwrap();
    let until = |number, valid_until| {
        let licence = Ledger::new().driving_licence(number);
        Attest { type_version: version, valid_until, ..licence }
    };
    for wrong in [None, Some(last.previous()), Some(last.next())] {
        assert_eq!(ledger.act(&office(0, 0), until(1, wrong)), Err(Code::BadDates));
    }
    assert_eq!(ledger.act(&office(0, 0), until(1, Some(last))), Ok(()));
}

#[test]
fn a_paused_type_is_not_attested_but_its_certificates_live_on() {
    let mut ledger = Ledger::new();
    ledger.attest(0, 1).unwrap();
    let state = ListState::Paused;
    let pause = Action::SetTypeState { code: code(DRIVING), version: 1, state, merged_into: None };
    ledger.adopt(id(9), pause).unwrap();
    assert_eq!(ledger.attest(0, 2), Err(Code::TypeNotAdopted));
    assert_eq!(now(&ledger, 1), Status::Active);
    assert_eq!(ledger.act(&office(0, 0), revoke(&ledger, 1)), Ok(()));
}
