//! Important data: nobody requests it before provinces consented, and the coordinator if there is one.

use super::*;
use crate::act::Act;
use crate::identity::{Action, BALLOTS, BallotState, CastVote, GiveConsent, PARAMETERS, Propose};

fn important() -> PublishCatalogue {
    PublishCatalogue { data_class: DataClass::Important, ..entry() }
}

fn consent(version: u16, consent: bool) -> Action {
    Action::ConsentCatalogue(CatalogueConsent { cat_id: CAT.to_owned(), version, consent })
}

fn record(ledger: &Ledger) -> Catalogue {
    ledger.get(&CATALOGUE, &CAT.to_owned()).unwrap()
}

fn asked(ledger: &mut Ledger, number: u8, cat_version: u16) -> Result<(), Code> {
    let request = RequestAccess { cat_version, ..request(ledger, number) };
    ledger.act(&consumer(), request)
}

#[test]
fn important_data_is_requested_after_a_vote() {
    let mut ledger = published(important());
    assert_eq!(flags(&ledger), ["awaits_consent"]);
    assert!(record(&ledger).awaits_consent());
    assert_eq!(asked(&mut ledger, 1, 1), Err(Code::ConsentMissing));
    ledger.adopt(id(80), consent(1, true)).unwrap();
    assert!(ledger.event_kinds().contains(&"catalogue_consented"));
    assert!(record(&ledger).consent.is_some());
    let kept = ledger.get(&CATALOGUE_VERSIONS, &(CAT.to_owned(), 1)).unwrap();
    assert_eq!(kept, record(&ledger));
    assert_eq!(asked(&mut ledger, 1, 1), Ok(()));
    // Taken back: what was asked is not granted, nothing new is asked.
    ledger.adopt(id(81), consent(1, false)).unwrap();
    assert!(ledger.event_kinds().contains(&"catalogue_consent_ended"));
    let grant = GrantAccess { req_id: id(1), extent: extent(&ledger) };
    assert_eq!(ledger.act(&provider(), grant.clone()), Err(Code::ConsentMissing));
    assert_eq!(asked(&mut ledger, 2, 1), Err(Code::ConsentMissing));
    ledger.adopt(id(82), consent(1, true)).unwrap();
    ledger.act(&provider(), grant).unwrap();
    assert_eq!(ledger.get(&GRANTS, &id(1)).unwrap().state(), GrantState::Active);
}

#[test]
fn unconditional_sharing_waits_too() {
    let mut ledger =
        published(PublishCatalogue { data_class: DataClass::Important, ..unconditional() });
    assert_eq!(asked(&mut ledger, 1, 1), Err(Code::ConsentMissing));
    ledger.adopt(id(80), consent(1, true)).unwrap();
    assert_eq!(asked(&mut ledger, 1, 1), Ok(()));
    assert_eq!(state_of(&ledger, 1), RequestState::Granted);
}

#[test]
fn a_version_that_offers_no_more_keeps_its_consent() {
    let mut ledger = published(PublishCatalogue {
        data_class: DataClass::Important,
        conditions_digest: None,
        ..unconditional()
    });
    ledger.adopt(id(80), consent(1, true)).unwrap();
    let first = record(&ledger).consent;
    let tighter = PublishCatalogue {
        version: 2,
        title: "参保信息(示例)".to_owned(),
        basis: law(),
        tightening: Some(Tightening::Reclassified),
        ..important()
    };
    ledger.act(&provider(), tighter).unwrap();
    assert_eq!(flags(&ledger), ["tightened"]);
    assert_eq!(record(&ledger).consent, first);
    let more: [fn(&mut PublishCatalogue); 7] = [
        |next| next.items_digest = digest(7),
        |next| next.item_count = 13,
        |next| next.mode = ShareMode::File,
        |next| next.open_attr = OpenAttribute::Open,
        |next| next.conditions_digest = Some(digest(8)),
        |next| next.personal = false,
        |next| next.share = ShareKind::Unconditional,
    ];
    for (number, change) in more.into_iter().enumerate() {
        let mut ledger = ledger.clone();
        let mut next = PublishCatalogue { version: 3, ..important() };
        change(&mut next);
        ledger.act(&provider(), next).unwrap();
        assert!(record(&ledger).awaits_consent(), "{number}");
        assert_eq!(flags(&ledger), ["awaits_consent"], "{number}");
        assert_eq!(asked(&mut ledger, 1, 3), Err(Code::ConsentMissing));
    }
    // General data needs none; important again, it needs consent again.
    ledger.act(&provider(), PublishCatalogue { version: 3, ..entry() }).unwrap();
    assert!(!record(&ledger).awaits_consent());
    assert_eq!(asked(&mut ledger, 1, 3), Ok(()));
    ledger.act(&provider(), PublishCatalogue { version: 4, ..important() }).unwrap();
    assert!(record(&ledger).awaits_consent());
}

#[test]
fn what_consent_refuses() {
    let mut ledger = published(important());
    let mut refused =
        |action| ledger.act(&governor(0, 0), Propose { id: id(80), action }).unwrap_err();
    let of = |cat_id: &str| {
        let cat_id = cat_id.to_owned();
        Action::ConsentCatalogue(CatalogueConsent { cat_id, version: 1, consent: true })
    };
    assert_eq!(refused(of("307001234/999999")), Code::UnknownCatalogue);
    assert_eq!(refused(of("a b")), Code::FreeTextForbidden);
    assert_eq!(refused(consent(2, true)), Code::CatalogueState);
    assert_eq!(refused(consent(1, false)), Code::BadField, "there is none to take back");
    let mut general = published(entry());
    let act = Propose { id: id(80), action: consent(1, true) };
    assert_eq!(general.act(&governor(0, 0), act), Err(Code::BadField));
    let withdrawn = SetCatalogueState {
        cat_id: CAT.to_owned(),
        state: CatalogueState::Withdrawn,
        reason: CatalogueReason::DutyEnded,
    };
    ledger.act(&provider(), withdrawn).unwrap();
    let act = Propose { id: id(81), action: consent(1, true) };
    assert_eq!(ledger.act(&governor(0, 0), act), Err(Code::CatalogueState));
}

#[test]
fn a_version_that_changed_meanwhile_was_not_consented_to() {
    let mut ledger = published(important());
    ledger.govern(0, Propose { id: id(80), action: consent(1, true) }).unwrap();
    ledger.act(&provider(), PublishCatalogue { version: 2, ..important() }).unwrap();
    for province in [1, 2] {
        let _ = ledger.govern(province, CastVote { proposal: id(80), approve: true });
    }
    let code = Code::CatalogueState.number();
    assert_eq!(ledger.get(&BALLOTS, &id(80)).unwrap().state, BallotState::Failed { code });
    assert!(record(&ledger).awaits_consent());
}

#[test]
fn the_coordinator_consents_to_the_vote() {
    let mut ledger = Ledger::coordinated();
    assert!(ledger.get(&PARAMETERS, &()).unwrap().coordinator.is_some());
    ledger.act(&provider(), important()).unwrap();
    ledger.adopt(id(80), consent(1, true)).unwrap();
    assert!(record(&ledger).awaits_consent(), "voted, and the coordinator has not consented");
    assert_eq!(asked(&mut ledger, 1, 1), Err(Code::ConsentMissing));
    let word: Act = GiveConsent { proposal: id(80), approve: true }.into();
    ledger.act(&coordinator(0), word).unwrap();
    assert!(!record(&ledger).awaits_consent());
    assert_eq!(asked(&mut ledger, 1, 1), Ok(()));
}
