use super::*;

fn state(ledger: &Ledger) -> CatalogueState {
    ledger.get(&CATALOGUE, &CAT.to_owned()).unwrap().state
}

fn set(state: CatalogueState) -> SetCatalogueState {
    SetCatalogueState { cat_id: CAT.to_owned(), state, reason: CatalogueReason::System }
}

#[test]
fn publishes_and_updates() {
    let mut ledger = published(unconditional());
    assert_eq!(ledger.event_kinds(), ["catalogue_published"]);
    assert_eq!(subject(&ledger), format!("cat:{CAT}"));
    let wider = PublishCatalogue { version: 2, item_count: 13, ..unconditional() };
    assert_eq!(ledger.act(&provider(), wider), Ok(()));
    assert_eq!(ledger.event_kinds(), ["catalogue_updated"]);
    assert!(flags(&ledger).is_empty());
    let tighter = PublishCatalogue {
        version: 3,
        basis: law(),
        tightening: Some(Tightening::LawChanged),
        ..entry()
    };
    assert_eq!(ledger.act(&provider(), tighter), Ok(()));
    assert_eq!(flags(&ledger), ["tightened"]);
    for version in 1..=3 {
        let kept = ledger.get(&CATALOGUE_VERSIONS, &(CAT.to_owned(), version)).unwrap();
        assert_eq!(kept.entry.version, version);
    }
    assert_eq!(
        ledger.get(&CATALOGUE_BY_PROVIDER, &(provider().authority, CAT.to_owned())),
        Some(())
    );
}

#[test]
fn publishing_refuses() {
    let cases: Vec<(PublishCatalogue, Code)> = vec![
        (PublishCatalogue { cat_id: "a b".into(), ..entry() }, Code::FreeTextForbidden),
        (
            PublishCatalogue { cat_id: "1/999999194901010000".into(), ..entry() },
            Code::PersonalDataPattern,
        ),
        (
            PublishCatalogue { title: "电话13800138000".into(), ..entry() },
            Code::PersonalDataPattern,
        ),
        (PublishCatalogue { title: "险".repeat(61), ..entry() }, Code::BadField),
        (PublishCatalogue { class: 0, ..entry() }, Code::BadField),
        (PublishCatalogue { class: 4, ..entry() }, Code::BadField),
        (PublishCatalogue { item_count: 0, ..entry() }, Code::BadField),
        (PublishCatalogue { conditions_digest: None, ..entry() }, Code::BadField),
        (
            PublishCatalogue { sla: Sla { ack: 0, answer: 10, deliver: 20 }, ..entry() },
            Code::BadField,
        ),
        (
            PublishCatalogue { sla: Sla { ack: 11, answer: 10, deliver: 20 }, ..entry() },
            Code::BadField,
        ),
        (
            PublishCatalogue { sla: Sla { ack: 1, answer: 10, deliver: 61 }, ..entry() },
            Code::BadField,
        ),
        (PublishCatalogue { data_class: DataClass::Core, ..entry() }, Code::CoreDataRefused),
        (PublishCatalogue { version: 2, ..entry() }, Code::CatalogueVersionNotNext),
        (PublishCatalogue { version: 0, ..entry() }, Code::CatalogueVersionNotNext),
        (PublishCatalogue { share: ShareKind::NotShared, ..entry() }, Code::BasisRequired),
        (
            PublishCatalogue {
                share: ShareKind::NotShared,
                basis: Some(Basis { kind: BasisKind::Local, digest: digest(9) }),
                ..entry()
            },
            Code::BasisRequired,
        ),
    ];
    let zero = hefu_primitives::H32::ZERO;
    let empty: [(PublishCatalogue, Code); 3] = [
        (PublishCatalogue { conditions_digest: Some(zero), ..entry() }, Code::BadField),
        (PublishCatalogue { items_digest: zero, ..entry() }, Code::BadField),
        (
            PublishCatalogue {
                share: ShareKind::NotShared,
                basis: Some(Basis { kind: BasisKind::Law, digest: zero }),
                ..entry()
            },
            Code::BasisRequired,
        ),
    ];
    let mut ledger = Ledger::new();
    for (act, code) in cases.into_iter().chain(empty) {
        assert_eq!(ledger.act(&provider(), act.clone()), Err(code), "{act:?}");
    }
    assert_eq!(ledger.act(&auditor(0), entry()), Err(Code::RoleMissing));
    assert_eq!(ledger.get(&CATALOGUE, &CAT.to_owned()), None);
}

#[test]
fn updating_refuses() {
    let mut ledger = published(unconditional());
    let second = PublishCatalogue { version: 2, ..entry() };
    assert_eq!(ledger.act(&stranger(), second.clone()), Err(Code::NotProvider));
    assert_eq!(ledger.act(&provider(), unconditional()), Err(Code::CatalogueVersionNotNext));
    for (basis, tightening) in [(None, Some(Tightening::Misused)), (law(), None), (None, None)] {
        let act = PublishCatalogue { basis, tightening, ..second.clone() };
        assert_eq!(ledger.act(&provider(), act), Err(Code::TighteningUnfounded));
    }
    let nothing = Some(Basis { kind: BasisKind::Law, digest: hefu_primitives::H32::ZERO });
    let tightening = Some(Tightening::Misused);
    let act = PublishCatalogue { basis: nothing, tightening, ..second.clone() };
    assert_eq!(ledger.act(&provider(), act), Err(Code::TighteningUnfounded));
    ledger.act(&provider(), set(CatalogueState::Suspended)).unwrap();
    let act = PublishCatalogue { version: 2, ..unconditional() };
    assert_eq!(ledger.act(&provider(), act), Err(Code::CatalogueState));
}

#[test]
fn changes_state() {
    use CatalogueState::{Published, Suspended, Withdrawn};
    let mut ledger = published(entry());
    assert_eq!(ledger.act(&stranger(), set(Suspended)), Err(Code::NotProvider));
    assert_eq!(ledger.act(&auditor(0), set(Suspended)), Err(Code::RoleMissing));
    let unknown = SetCatalogueState { cat_id: "none".into(), ..set(Suspended) };
    assert_eq!(ledger.act(&provider(), unknown), Err(Code::UnknownCatalogue));
    assert_eq!(ledger.act(&provider(), set(Published)), Err(Code::CatalogueState));
    for (next, kind) in [
        (Suspended, "catalogue_suspended"),
        (Published, "catalogue_resumed"),
        (Suspended, "catalogue_suspended"),
        (Withdrawn, "catalogue_withdrawn"),
    ] {
        assert_eq!(ledger.act(&provider(), set(next)), Ok(()));
        assert_eq!(ledger.event_kinds(), [kind]);
        assert_eq!(state(&ledger), next);
    }
    for next in [Published, Suspended, Withdrawn] {
        assert_eq!(ledger.act(&provider(), set(next)), Err(Code::CatalogueState));
    }
}

#[test]
fn a_successor_keeps_the_entry() {
    let mut ledger = published(entry());
    let key = provider().authority;
    let mut old = ledger.get(&crate::identity::AUTHORITIES, &key).unwrap();
    old.successor = Some(stranger().authority);
    ledger.put(&crate::identity::AUTHORITIES, &key, &old);
    let next = PublishCatalogue { version: 2, ..entry() };
    assert_eq!(ledger.act(&stranger(), next), Ok(()));
    assert_eq!(ledger.get(&CATALOGUE, &CAT.to_owned()).unwrap().provider, key);
}

/// Codes of resources are given out in each province by itself, so two may come to the same one. What
/// begins with a province's code is that province's: nobody else can take it first.
#[test]
fn a_code_with_a_province_in_front_is_that_provinces() {
    let mut ledger = Ledger::new();
    let own = |region: &str| PublishCatalogue { cat_id: format!("{region}:{CAT}"), ..entry() };
    let squatter = ledger.act(&provider(), own("320000"));
    assert_eq!(squatter, Err(Code::NotOwn), "of the first province");
    ledger.act(&consumer(), own("320000")).unwrap();
    ledger.act(&provider(), own("310000")).unwrap();
    ledger.act(&provider(), entry()).unwrap();
    for bad in ["310000:", "3100:1", "310000:a:b", ":1", "310100:1"] {
        let act = PublishCatalogue { cat_id: bad.to_owned(), ..entry() };
        assert_eq!(ledger.act(&provider(), act), Err(Code::FreeTextForbidden), "{bad}");
    }
}
