use super::*;
use hefu_primitives::time::Notice;

fn ack() -> Acknowledge {
    Acknowledge { req_id: id(1) }
}

fn deny(reason: u16) -> Deny {
    let denial = Denial { reason, basis: None, holder: None, evidence: None };
    Deny { req_id: id(1), denial }
}

fn send_back() -> ReturnRequest {
    ReturnRequest { req_id: id(1), missing: Missing::LegalBasis }
}

fn withdraw() -> WithdrawRequest {
    WithdrawRequest { req_id: id(1) }
}

#[test]
fn conditional_waits_for_the_provider() {
    let ledger = requested();
    assert_eq!(ledger.event_kinds(), ["access_requested"]);
    assert_eq!(subject(&ledger), format!("req:{}", id(1)));
    let request = ledger.get(&REQUESTS, &id(1)).unwrap();
    assert_eq!(request.state, RequestState::Submitted);
    assert_eq!((request.consumer, request.provider), (consumer().authority, provider().authority));
    assert_eq!(ledger.get(&GRANTS, &id(1)), None);
    assert_eq!(ledger.get(&REQUESTS_BY_CATALOGUE, &(CAT.to_owned(), id(1))), Some(()));
    assert_eq!(ledger.get(&REQUESTS_BY_CONSUMER, &(consumer().authority, id(1))), Some(()));
}

#[test]
fn unconditional_is_granted_at_once() {
    let mut ledger = published(unconditional());
    let act = request(&ledger, 1);
    assert_eq!(ledger.act(&consumer(), act.clone()), Ok(()));
    assert_eq!(ledger.event_kinds(), ["access_requested", "request_granted", "grant_given"]);
    assert_eq!(flags(&ledger), ["automatic"]);
    assert_eq!(subject(&ledger), format!("grant:{}", id(1)));
    assert_eq!(state_of(&ledger, 1), RequestState::Granted);
    let grant = ledger.get(&GRANTS, &id(1)).unwrap();
    assert!(grant.automatic && grant.extent == act.extent);
    assert_eq!(grant.state(), GrantState::Active);
}

#[test]
fn requesting_refuses() {
    let mut ledger = published(entry());
    let good = request(&ledger, 1);
    let day = |days| ledger.today().add_days(days).unwrap();
    let term = |from, until| RequestAccess {
        extent: Extent { from: day(from), until: day(until), ..good.extent },
        ..good.clone()
    };
    let cases: Vec<(RequestAccess, Code)> = vec![
        (RequestAccess { cat_id: "none".into(), ..good.clone() }, Code::UnknownCatalogue),
        (RequestAccess { cat_version: 2, ..good.clone() }, Code::CatalogueState),
        (
            RequestAccess {
                purpose: Purpose { kind: PurposeKind::Duty, code: code("990790002000") },
                ..good.clone()
            },
            Code::PurposeOutsideMandate,
        ),
        (term(-1, 5), Code::TermInvalid),
        (term(3, 2), Code::TermInvalid),
        (term(0, 366), Code::TermInvalid),
        (
            RequestAccess { extent: Extent { field_count: 0, ..good.extent }, ..good.clone() },
            Code::BadField,
        ),
        (
            RequestAccess { extent: Extent { per_day: 0, ..good.extent }, ..good.clone() },
            Code::BadField,
        ),
    ];
    let nothing = Basis { kind: BasisKind::Law, digest: hefu_primitives::H32::ZERO };
    let fields_digest = hefu_primitives::H32::ZERO;
    let empty: [(RequestAccess, Code); 3] = [
        (RequestAccess { legal_basis: nothing, ..good.clone() }, Code::BadField),
        (
            RequestAccess { extent: Extent { fields_digest, ..good.extent }, ..good.clone() },
            Code::BadField,
        ),
        (RequestAccess { scenario: Some(9), ..good.clone() }, Code::UnknownScenario),
    ];
    let cases = cases.into_iter().chain(empty);
    let longest = RequestAccess { req_id: id(2), scenario: Some(1), ..term(0, 365) };
    for (act, code) in cases {
        assert_eq!(ledger.act(&consumer(), act.clone()), Err(code), "{act:?}");
    }
    assert_eq!(ledger.act(&auditor(1), good.clone()), Err(Code::RoleMissing));
    assert_eq!(ledger.act(&provider(), good.clone()), Err(Code::BadField), "one's own data");
    assert_eq!(ledger.act(&consumer(), longest), Ok(()));
    assert_eq!(ledger.act(&consumer(), good.clone()), Ok(()));
    assert_eq!(ledger.act(&consumer(), good), Err(Code::IdReused));
}

#[test]
fn what_is_not_shared_or_not_published_cannot_be_requested() {
    let secret = PublishCatalogue { share: ShareKind::NotShared, basis: law(), ..entry() };
    let mut ledger = published(secret);
    let act = request(&ledger, 1);
    assert_eq!(ledger.act(&consumer(), act), Err(Code::NotShared));
    let mut ledger = published(entry());
    let (state, reason) = (CatalogueState::Suspended, CatalogueReason::Security);
    ledger.act(&provider(), SetCatalogueState { cat_id: CAT.into(), state, reason }).unwrap();
    let act = request(&ledger, 1);
    assert_eq!(ledger.act(&consumer(), act), Err(Code::CatalogueState));
}

#[test]
fn acknowledging() {
    let mut ledger = requested();
    assert_eq!(ledger.act(&auditor(0), ack()), Err(Code::RoleMissing));
    assert_eq!(ledger.act(&provider(), Acknowledge { req_id: id(9) }), Err(Code::UnknownRequest));
    assert_eq!(ledger.act(&stranger(), ack()), Err(Code::NotProvider));
    assert_eq!(ledger.act(&provider(), ack()), Ok(()));
    assert_eq!(ledger.event_kinds(), ["request_acknowledged"]);
    assert!(flags(&ledger).is_empty());
    assert_eq!(state_of(&ledger, 1), RequestState::UnderReview);
    assert_eq!(ledger.act(&provider(), ack()), Err(Code::RequestState));
}

#[test]
fn denying() {
    let mut ledger = requested();
    assert_eq!(ledger.act(&auditor(0), deny(1)), Err(Code::RoleMissing));
    assert_eq!(ledger.act(&stranger(), deny(1)), Err(Code::NotProvider));
    for reason in [0, 3, 4, 7, 98, 99] {
        let result = ledger.act(&provider(), deny(reason));
        assert_eq!(result, Err(Code::DenialReasonRequired), "{reason}");
    }
    assert_eq!(
        ledger.act(&provider(), Deny { req_id: id(9), ..deny(1) }),
        Err(Code::UnknownRequest)
    );
    let evidence = crate::EvidenceRef { kind: 1, commit: digest(7), bytes: 10 };
    let full = |reason| Denial {
        reason,
        basis: law(),
        holder: Some(stranger().authority),
        evidence: Some(evidence),
    };
    let zero = hefu_primitives::H32::ZERO;
    let somebody = |text| Denial { holder: Some(code(text)), ..full(4) };
    for (denial, code) in [
        (
            Denial { basis: Some(Basis { kind: BasisKind::Law, digest: zero }), ..full(3) },
            Code::DenialReasonRequired,
        ),
        (
            Denial { evidence: Some(crate::EvidenceRef { commit: zero, ..evidence }), ..full(99) },
            Code::DenialReasonRequired,
        ),
        (somebody("ZHANGSANSHANGHAI01"), Code::UsccInvalid),
        (somebody("11310000HEFU01010X"), Code::UsccInvalid),
        (somebody("11100000000013338W"), Code::UsccInvalid),
    ] {
        assert_eq!(ledger.act(&provider(), Deny { req_id: id(1), denial }), Err(code));
    }
    for reason in [1, 2, 3, 4, 5, 6, 99] {
        let mut ledger = requested();
        let act = Deny { req_id: id(1), denial: full(reason) };
        assert_eq!(ledger.act(&provider(), act.clone()), Ok(()));
        assert_eq!(ledger.event_kinds(), ["request_denied"]);
        assert_eq!(state_of(&ledger, 1), RequestState::Denied);
        assert_eq!(ledger.act(&provider(), act), Err(Code::RequestState));
    }
}

#[test]
fn returned_once_and_asked_again() {
    let mut ledger = requested();
    ledger.act(&provider(), ack()).unwrap();
    assert_eq!(ledger.act(&stranger(), send_back()), Err(Code::NotProvider));
    assert_eq!(ledger.act(&provider(), send_back()), Ok(()));
    assert_eq!(state_of(&ledger, 1), RequestState::Returned);
    assert_eq!(ledger.act(&provider(), ack()), Err(Code::RequestState));
    assert_eq!(ledger.act(&consumer(), withdraw()), Err(Code::RequestState));
    let again = RequestAccess { legal_basis: law().unwrap(), ..request(&ledger, 1) };
    assert_eq!(ledger.act(&stranger(), again.clone()), Err(Code::IdReused));
    assert_eq!(ledger.act(&consumer(), again.clone()), Ok(()));
    assert_eq!(flags(&ledger), ["resubmitted"]);
    assert_eq!(state_of(&ledger, 1), RequestState::Submitted);
    assert_eq!(ledger.get(&REQUESTS, &id(1)).unwrap().body, again);
    assert_eq!(ledger.act(&provider(), send_back()), Err(Code::SecondReturn));
    assert_eq!(ledger.act(&provider(), deny(1)), Ok(()));
    assert_eq!(ledger.act(&consumer(), again), Err(Code::IdReused));
}

#[test]
fn withdrawing() {
    let mut ledger = requested();
    assert_eq!(ledger.act(&auditor(1), withdraw()), Err(Code::RoleMissing));
    assert_eq!(ledger.act(&provider(), withdraw()), Err(Code::NotConsumer));
    let unknown = WithdrawRequest { req_id: id(9) };
    assert_eq!(ledger.act(&consumer(), unknown), Err(Code::UnknownRequest));
    assert_eq!(ledger.act(&consumer(), withdraw()), Ok(()));
    assert_eq!(state_of(&ledger, 1), RequestState::Withdrawn);
    assert_eq!(ledger.act(&consumer(), withdraw()), Err(Code::RequestState));
}

fn calendar(year: u16) -> Option<WorkCalendar> {
    let calendar = Notice::FOR_2026.calendar().unwrap();
    (year == 2026).then_some(calendar)
}

/// Submitted on Wednesday 20 May: acknowledged by the end of Thursday, answered by the end of
/// Wednesday 3 June.
#[test]
fn lateness_is_derived() {
    let ledger = requested();
    let request = ledger.get(&REQUESTS, &id(1)).unwrap();
    let clocks = |now: &str| {
        let now = hefu_primitives::Millis::from_rfc3339(now).unwrap();
        let clocks = request_clocks(&request, now, calendar);
        (clocks.ack_late.unwrap(), clocks.overdue.unwrap())
    };
    assert_eq!(clocks("2026-05-21T23:59:59.999+08:00"), (false, false));
    assert_eq!(clocks("2026-05-22T00:00:00+08:00"), (true, false));
    assert_eq!(clocks("2026-06-03T23:59:59.999+08:00"), (true, false));
    assert_eq!(clocks("2026-06-04T00:00:00+08:00"), (true, true));
    let none = request_clocks(&request, ledger.time, |_| None);
    assert_eq!(none, RequestClocks { ack_late: None, overdue: None, due: None });
}

#[test]
fn late_answers_are_flagged() {
    let mut ledger = requested();
    ledger.wait_days(2);
    ledger.act(&provider(), ack()).unwrap();
    assert_eq!(flags(&ledger), ["ack_late"]);
    ledger.wait_days(20);
    ledger.act(&provider(), deny(1)).unwrap();
    assert_eq!(flags(&ledger), ["overdue"]);
    let request = ledger.get(&REQUESTS, &id(1)).unwrap();
    let clocks = request_clocks(&request, ledger.time, calendar);
    assert_eq!((clocks.ack_late, clocks.overdue), (Some(true), Some(true)));
}

#[test]
fn without_a_calendar_nothing_is_guessed() {
    let mut ledger = requested();
    ledger.state.0.remove(&crate::identity::CALENDARS.key(&2026));
    ledger.act(&provider(), ack()).unwrap();
    assert_eq!(flags(&ledger), ["no_calendar"]);
    ledger.act(&provider(), deny(1)).unwrap();
    assert_eq!(flags(&ledger), ["no_calendar"]);
}

/// As [`lateness_is_derived`], over the October holidays and around midnight in Beijing.
#[test]
fn limits_end_at_midnight_after_holidays() {
    let ledger = requested();
    for (sent, ack, answer) in [
        ("2026-09-29T15:59:59.999Z", "2026-09-30", "2026-10-19"),
        ("2026-09-29T16:00:00Z", "2026-10-08", "2026-10-20"),
    ] {
        let mut request = ledger.get(&REQUESTS, &id(1)).unwrap();
        request.submitted.time = hefu_primitives::Millis::from_rfc3339(sent).unwrap();
        let clocks = |now| {
            let clocks = request_clocks(&request, now, calendar);
            assert_eq!(clocks.due, Some(day(answer).end()), "{sent}");
            (clocks.ack_late, clocks.overdue)
        };
        assert_eq!(clocks(day(ack).end().previous()), (Some(false), Some(false)));
        assert_eq!(clocks(day(ack).end()), (Some(true), Some(false)));
        assert_eq!(clocks(day(answer).end().previous()), (Some(true), Some(false)));
        assert_eq!(clocks(day(answer).end()), (Some(true), Some(true)));
    }
}
