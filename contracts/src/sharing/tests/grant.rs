use super::*;

fn set(state: GrantState) -> SetGrantState {
    SetGrantState { grant_id: id(1), state, reason: Some(GrantReason::Security) }
}

fn status(ledger: &Ledger, used: u32, members_active: bool) -> GrantStatus {
    let grant = ledger.get(&GRANTS, &id(1)).unwrap();
    grant.status(ledger.today(), used, members_active)
}

#[test]
fn as_asked_or_in_part() {
    let ledger = granted();
    assert_eq!(ledger.event_kinds(), ["request_granted", "grant_given"]);
    assert_eq!(state_of(&ledger, 1), RequestState::Granted);
    assert_eq!(ledger.get(&GRANTS_BY_PROVIDER, &(provider().authority, id(1))), Some(()));
    let parts: [fn(&mut Extent); 4] = [
        |e| (e.field_count, e.fields_digest) = (4, digest(0x33)),
        |e| e.per_day -= 1,
        |e| e.from = e.from.next(),
        |e| e.until = e.until.previous(),
    ];
    for part in parts {
        let mut ledger = requested();
        ledger.act(&provider(), Acknowledge { req_id: id(1) }).unwrap();
        let mut extent = extent(&ledger);
        part(&mut extent);
        assert_eq!(ledger.act(&provider(), GrantAccess { req_id: id(1), extent }), Ok(()));
        assert_eq!(ledger.event_kinds(), ["request_partly_granted", "grant_given"]);
        assert_eq!(state_of(&ledger, 1), RequestState::PartlyGranted);
        assert_eq!(ledger.get(&GRANTS, &id(1)).unwrap().extent, extent);
    }
}

#[test]
fn granting_refuses() {
    let mut ledger = requested();
    let asked = extent(&ledger);
    let act = |extent| GrantAccess { req_id: id(1), extent };
    let cases: Vec<(Extent, Code)> = vec![
        (Extent { field_count: 0, ..asked }, Code::BadField),
        (Extent { per_day: 0, ..asked }, Code::BadField),
        (Extent { field_count: 6, ..asked }, Code::ExceedsRequest),
        (Extent { field_count: 4, ..asked }, Code::ExceedsRequest),
        (Extent { fields_digest: digest(8), ..asked }, Code::ExceedsRequest),
        (Extent { per_day: 4, ..asked }, Code::ExceedsRequest),
        (Extent { from: asked.from.previous(), ..asked }, Code::ExceedsRequest),
        (Extent { until: asked.until.next(), ..asked }, Code::ExceedsRequest),
        (Extent { until: asked.from.previous(), ..asked }, Code::TermInvalid),
    ];
    for (extent, code) in cases {
        assert_eq!(ledger.act(&provider(), act(extent)), Err(code), "{extent:?}");
    }
    assert_eq!(ledger.act(&auditor(0), act(asked)), Err(Code::RoleMissing));
    assert_eq!(ledger.act(&stranger(), act(asked)), Err(Code::NotProvider));
    let unknown = GrantAccess { req_id: id(9), extent: asked };
    assert_eq!(ledger.act(&provider(), unknown), Err(Code::UnknownRequest));
    ledger.wait_days(31);
    assert_eq!(ledger.act(&provider(), act(asked)), Err(Code::TermInvalid), "over by now");
    let mut ledger = granted();
    assert_eq!(ledger.act(&provider(), act(asked)), Err(Code::RequestState));
}

#[test]
fn changes_state() {
    use GrantState::{Active, GivenUp, Revoked, Suspended};
    let mut ledger = granted();
    assert_eq!(ledger.act(&auditor(0), set(Suspended)), Err(Code::RoleMissing));
    assert_eq!(ledger.act(&auditor(1), set(GivenUp)), Err(Code::RoleMissing));
    let unknown = SetGrantState { grant_id: id(9), ..set(Suspended) };
    assert_eq!(ledger.act(&provider(), unknown), Err(Code::UnknownGrant));
    for state in [Suspended, Active, Revoked] {
        assert_eq!(ledger.act(&consumer(), set(state)), Err(Code::NotProvider));
    }
    assert_eq!(ledger.act(&provider(), set(GivenUp)), Err(Code::NotConsumer));
    assert_eq!(ledger.act(&provider(), set(Active)), Err(Code::GrantState));
    let bare = SetGrantState { reason: None, ..set(Suspended) };
    assert_eq!(ledger.act(&provider(), bare), Err(Code::ReasonRequired));
    for (state, kind) in [(Suspended, "grant_suspended"), (Active, "grant_resumed")] {
        assert_eq!(ledger.act(&provider(), SetGrantState { ..set(state) }), Ok(()));
        assert_eq!(ledger.event_kinds(), [kind]);
        assert_eq!(subject(&ledger), format!("grant:{}", id(1)));
    }
    let mut other = ledger.clone();
    assert_eq!(other.act(&consumer(), SetGrantState { reason: None, ..set(GivenUp) }), Ok(()));
    assert_eq!(other.event_kinds(), ["grant_given_up"]);
    let bare = SetGrantState { reason: None, ..set(Revoked) };
    assert_eq!(ledger.act(&provider(), bare), Err(Code::ReasonRequired));
    assert_eq!(ledger.act(&provider(), set(Revoked)), Ok(()));
    for mut ledger in [ledger, other] {
        for state in [Active, Suspended, Revoked] {
            assert_eq!(ledger.act(&provider(), set(state)), Err(Code::GrantState));
        }
        assert_eq!(ledger.act(&consumer(), set(GivenUp)), Err(Code::GrantState));
    }
}

#[test]
fn an_expired_grant_stays_as_it_is() {
    let mut ledger = granted();
    ledger.wait_days(31);
    assert_eq!(ledger.act(&provider(), set(GrantState::Revoked)), Err(Code::GrantState));
}

#[test]
fn history_is_bounded_and_its_end_is_always_possible() {
    let mut ledger = granted();
    for turn in 0..31 {
        let state = if turn % 2 == 0 { GrantState::Suspended } else { GrantState::Active };
        assert_eq!(ledger.act(&provider(), set(state)), Ok(()), "{turn}");
    }
    assert_eq!(ledger.act(&provider(), set(GrantState::Active)), Err(Code::GrantState));
    assert_eq!(ledger.act(&consumer(), set(GrantState::GivenUp)), Ok(()));
}

#[test]
fn status_is_derived() {
    let mut ledger = granted();
    assert_eq!(status(&ledger, 2, true), GrantStatus::Active);
    assert_eq!(status(&ledger, 3, true), GrantStatus::ExhaustedToday);
    assert_eq!(status(&ledger, 0, false), GrantStatus::Suspended);
    let grant = ledger.get(&GRANTS, &id(1)).unwrap();
    assert_eq!(grant.status(grant.extent.from.previous(), 0, true), GrantStatus::NotYet);
    assert_eq!(grant.status(grant.extent.until.next(), 0, true), GrantStatus::Expired);
    ledger.act(&provider(), set(GrantState::Suspended)).unwrap();
    assert_eq!(status(&ledger, 0, true), GrantStatus::Suspended);
    ledger.act(&provider(), set(GrantState::Revoked)).unwrap();
    assert_eq!(status(&ledger, 0, true), GrantStatus::Revoked);
}

/// Tightening or withdrawing an entry leaves its grants alone.
#[test]
fn grants_outlive_tightening() {
    let mut ledger = granted();
    let secret = PublishCatalogue {
        version: 2,
        share: ShareKind::NotShared,
        basis: law(),
        tightening: Some(Tightening::Reclassified),
        ..entry()
    };
    ledger.act(&provider(), secret).unwrap();
    assert_eq!(status(&ledger, 0, true), GrantStatus::Active);
}

/// What may no longer be shared is not granted either, though it was asked for before.
#[test]
fn what_is_not_shared_any_more_is_not_granted() {
    let secret = PublishCatalogue {
        version: 2,
        share: ShareKind::NotShared,
        basis: law(),
        tightening: Some(Tightening::Reclassified),
        ..entry()
    };
    let withdraw = SetCatalogueState {
        cat_id: CAT.into(),
        state: CatalogueState::Withdrawn,
        reason: CatalogueReason::DutyEnded,
    };
    for (act, code) in [
        (crate::Act::from(secret), Code::NotShared),
        (crate::Act::from(withdraw), Code::CatalogueState),
    ] {
        let mut ledger = requested();
        ledger.act(&provider(), act).unwrap();
        let extent = extent(&ledger);
        let grant = GrantAccess { req_id: id(1), extent };
        assert_eq!(ledger.act(&provider(), grant), Err(code));
        let denial = Denial { reason: 1, basis: None, holder: None, evidence: None };
        assert_eq!(ledger.act(&provider(), Deny { req_id: id(1), denial }), Ok(()));
    }
}

/// A grant is an obligation of both provinces until its term is over or it is ended.
#[test]
fn a_running_grant_is_an_obligation_of_both_sides() {
    let grants = |ledger: &Ledger, province: usize| {
        let none = std::iter::empty();
        let block = ledger.next_block();
        crate::identity::obligations(&ledger.state, REGIONS[province], none, &block).grants
    };
    let mut ledger = granted();
    assert_eq!([0, 1, 2].map(|province| grants(&ledger, province)), [1, 1, 0]);
    let mut over = ledger.clone();
    over.wait_days(40);
    assert_eq!([0, 1].map(|province| grants(&over, province)), [0, 0]);
    let (state, reason) = (GrantState::GivenUp, None);
    ledger.act(&consumer(), SetGrantState { grant_id: id(1), state, reason }).unwrap();
    assert_eq!([0, 1].map(|province| grants(&ledger, province)), [0, 0]);
}
