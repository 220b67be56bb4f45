//! Notices, lists adopted by vote, mandates and their scope, and the traces auditors leave: every
//! error each act can give, and mandates against a model.

mod model;

use super::*;
use crate::act::Act;
use crate::certificate::Attest;
use crate::code::Code;
use crate::dispute::Subject;
use crate::identity::Action;
use crate::testkit::*;
use hefu_primitives::codec::Canonical;
use hefu_primitives::hash::hash;
use hefu_primitives::{BlockId, Domain, H32, Height, Millis, Region};

fn incident() -> NoticeIncident {
    NoticeIncident {
        incident_id: id(1),
        kind: IncidentKind::Theft,
        grade: 3,
        keys: vec![office(0, 0).key.id()],
        grants: vec![],
        since: start(),
        report: digest(1),
    }
}

#[test]
fn incidents_are_told_and_closed() {
    let mut ledger = Ledger::new();
    ledger.act(&office(0, 1), incident()).unwrap();
    assert_eq!(ledger.events[0].flags, ["grade_3"]);
    assert_eq!(ledger.act(&office(0, 1), incident()), Err(Code::IdReused));
    let close = CloseIncident { incident_id: id(1), report: digest(2) };
    assert_eq!(ledger.act(&office(1, 0), close), Err(Code::NotOwn));
    assert_eq!(ledger.act(&governor(0, 0), close), Err(Code::RoleMissing));
    let bare = CloseIncident { report: H32::ZERO, ..close };
    assert_eq!(ledger.act(&office(0, 2), bare), Err(Code::BadField));
    let unknown = CloseIncident { incident_id: id(9), ..close };
    assert_eq!(ledger.act(&office(0, 2), unknown), Err(Code::UnknownIncident));
    ledger.act(&office(0, 2), close).unwrap();
    assert_eq!(ledger.act(&office(0, 2), close), Err(Code::IncidentClosed));
    assert!(ledger.get(&INCIDENTS, &id(1)).unwrap().closed.is_some());
}

#[test]
fn what_a_notice_refuses() {
    let mut ledger = Ledger::new();
    let own = office(0, 0).key.id();
    let mut refused = |notice: NoticeIncident| ledger.act(&office(0, 1), notice).unwrap_err();
    for grade in [0, 5] {
        assert_eq!(refused(NoticeIncident { grade, ..incident() }), Code::BadField);
    }
    assert_eq!(refused(NoticeIncident { report: H32::ZERO, ..incident() }), Code::BadField);
    assert_eq!(refused(NoticeIncident { keys: vec![own, own], ..incident() }), Code::BadField);
    let many = (0..17).map(id).collect();
    assert_eq!(refused(NoticeIncident { grants: many, ..incident() }), Code::BadField);
    let future = Millis(start().0 + 3_600_000);
    assert_eq!(refused(NoticeIncident { since: future, ..incident() }), Code::FutureTime);
    let unknown = vec![fresh_key(1).id()];
    assert_eq!(refused(NoticeIncident { keys: unknown, ..incident() }), Code::UnknownKey);
    let others = vec![office(1, 0).key.id()];
    assert_eq!(refused(NoticeIncident { keys: others, ..incident() }), Code::NotOwn);
    let unknown = NoticeIncident { keys: vec![], grants: vec![id(7)], ..incident() };
    assert_eq!(refused(unknown), Code::UnknownGrant);
    assert_eq!(ledger.act(&governor(0, 0), incident()), Err(Code::RoleMissing));
}

fn checkpoint() -> RecordCheckpoint {
    RecordCheckpoint {
        height: Height(1),
        block: BlockId([1; 32]),
        state_root: digest(2),
        place: AnchorPlace::Notary,
        receipt: digest(3),
        occurred_at: start(),
    }
}

#[test]
fn checkpoints_are_held_outside() {
    let mut ledger = Ledger::new();
    let early = RecordCheckpoint { height: Height(1), ..checkpoint() };
    assert_eq!(ledger.act(&office(0, 0), early), Err(Code::HeightInFuture), "of this very block");
    for bad in [
        RecordCheckpoint { block: BlockId::ZERO, ..checkpoint() },
        RecordCheckpoint { state_root: H32::ZERO, ..checkpoint() },
        RecordCheckpoint { receipt: H32::ZERO, ..checkpoint() },
    ] {
        assert_eq!(ledger.act(&office(0, 0), bad), Err(Code::BadField));
    }
    let future = RecordCheckpoint { occurred_at: Millis(start().0 + 3_600_000), ..checkpoint() };
    assert_eq!(ledger.act(&office(0, 0), future), Err(Code::FutureTime));
    assert_eq!(ledger.act(&governor(0, 0), checkpoint()), Err(Code::RoleMissing));
    ledger.act(&office(0, 0), checkpoint()).unwrap();
    assert_eq!(ledger.act(&office(0, 0), checkpoint()), Err(Code::IdReused));
    ledger.act(&office(1, 0), checkpoint()).unwrap();
}

fn standard() -> StandardRef {
    StandardRef {
        name: "DB31/T 310018 电子证照共享应用规范".to_owned(),
        version: "2024".to_owned(),
        digest: digest(1),
        effective: day("2026-06-01"),
    }
}

fn change() -> RegionChange {
    let entry = RegionEntry {
        code: Region(310_199),
        name_zh: "示例区".to_owned(),
        name_en: "Sample district".to_owned(),
        retired: false,
    };
    RegionChange { notice: digest(1), effective: day("2026-06-01"), entries: vec![entry] }
}

#[test]
fn standards_and_regions_are_adopted_by_vote() {
    let mut ledger = Ledger::new();
    ledger.adopt(id(1), Action::AdoptStandard(standard())).unwrap();
    let key = (standard().name, standard().version);
    assert_eq!(ledger.get(&STANDARDS, &key).unwrap().standard, standard());
    ledger.adopt(id(2), Action::AdoptRegions(change())).unwrap();
    let about = |text| changed_region(&ledger.state, Region(310_199), day(text));
    assert_eq!(about("2026-05-31"), None);
    assert_eq!(about("2026-06-01").unwrap().name_zh, "示例区");

    let mut refused = |action| {
        ledger.act(&governor(0, 0), crate::identity::Propose { id: id(9), action }).unwrap_err()
    };
    assert_eq!(refused(Action::AdoptStandard(standard())), Code::IdReused);
    for bad in [
        StandardRef { name: String::new(), ..standard() },
        StandardRef { version: "1".repeat(17), ..standard() },
        StandardRef { digest: H32::ZERO, ..standard() },
    ] {
        assert_eq!(refused(Action::AdoptStandard(bad)), Code::BadField);
    }
    let entry = change().entries.remove(0);
    for bad in [
        RegionChange { entries: vec![], ..change() },
        RegionChange { entries: vec![entry.clone(); 2], ..change() },
        RegionChange { notice: H32::ZERO, ..change() },
        RegionChange {
            entries: vec![RegionEntry { name_en: " ".into(), ..entry.clone() }],
            ..change()
        },
    ] {
        assert_eq!(refused(Action::AdoptRegions(bad)), Code::BadField);
    }
    let odd = RegionEntry { code: Region(1), ..entry };
    let odd = RegionChange { entries: vec![odd], ..change() };
    assert_eq!(refused(Action::AdoptRegions(odd)), Code::RegionInvalid);
}

fn mandate() -> MandateTerms {
    MandateTerms {
        mandate_id: id(1),
        auditor: auditor(0).authority,
        members: vec![REGIONS[0]],
        kinds: vec![RecordKind::Certificate, RecordKind::Service],
        from: day("2026-05-01"),
        to: day("2026-05-20"),
        instrument: digest(1),
        until: day("2026-06-30"),
    }
}

fn ask(number: u8) -> RequestOpenings {
    RequestOpenings {
        request_id: id(number),
        mandate_id: id(1),
        refs: vec![Subject::Attestation(id(5))],
        purpose: digest(2),
    }
}

#[test]
fn a_province_mandates_for_its_own_data() {
    let mut ledger = Ledger::new();
    let both = MandateTerms { members: REGIONS[..2].to_vec(), ..mandate() };
    let grant = |terms| GrantMandate { terms };
    assert_eq!(ledger.act(&governor(0, 0), grant(both.clone())), Err(Code::NotOwn));
    assert_eq!(ledger.act(&governor(1, 0), grant(mandate())), Err(Code::NotOwn));
    assert_eq!(ledger.act(&office(0, 0), grant(mandate())), Err(Code::RoleMissing));
    ledger.govern(0, grant(mandate())).unwrap();
    assert_eq!(ledger.act(&governor(0, 2), grant(mandate())), Err(Code::IdReused));
    ledger.adopt(id(9), Action::GrantMandate(MandateTerms { mandate_id: id(2), ..both })).unwrap();
    assert_eq!(ledger.get(&MANDATES, &id(2)).unwrap().granted_by, GrantedBy::Vote);

    let revoke = |number| RevokeMandate { mandate_id: id(number) };
    assert_eq!(ledger.act(&governor(1, 0), revoke(1)), Err(Code::NotOwn));
    assert_eq!(ledger.act(&governor(0, 0), revoke(2)), Err(Code::NotOwn), "granted by vote");
    assert_eq!(ledger.act(&governor(0, 0), revoke(7)), Err(Code::NoAuditMandate));
    ledger.govern(0, revoke(1)).unwrap();
    assert_eq!(ledger.act(&governor(0, 0), revoke(1)), Err(Code::MandateState));
    ledger.adopt(id(8), Action::RevokeMandate { mandate: id(2) }).unwrap();
    let found = ledger.get(&MANDATES, &id(2)).unwrap();
    assert_eq!(found.status(ledger.today()), MandateStatus::Revoked);
}

#[test]
fn what_a_mandate_refuses() {
    let mut ledger = Ledger::new();
    let authority = office(0, 2).authority;
    ledger.govern(0, crate::identity::SuspendAuthority { authority, reason: 1 }).unwrap();
    let mut refused = |terms| ledger.act(&governor(0, 0), GrantMandate { terms }).unwrap_err();
    let unknown = code("11310000HEFU09999A");
    assert_eq!(refused(MandateTerms { auditor: unknown, ..mandate() }), Code::UnknownAuthority);
    let suspended = MandateTerms { auditor: authority, ..mandate() };
    assert_eq!(refused(suspended), Code::AuthorityNotActive);
    for bad in [
        MandateTerms { kinds: vec![], ..mandate() },
        MandateTerms { kinds: vec![RecordKind::Service, RecordKind::Certificate], ..mandate() },
        MandateTerms { from: day("2026-05-21"), ..mandate() },
        MandateTerms { until: day("2026-05-19"), ..mandate() },
        MandateTerms { until: day("2028-05-21"), ..mandate() },
        MandateTerms { instrument: H32::ZERO, ..mandate() },
    ] {
        assert_eq!(refused(bad.clone()), Code::BadField, "{bad:?}");
    }
    let action = Action::GrantMandate(MandateTerms {
        members: vec![REGIONS[0], Region(350_000)],
        ..mandate()
    });
    let voted = ledger.act(&governor(0, 0), crate::identity::Propose { id: id(9), action });
    assert_eq!(voted, Err(Code::UnknownMember));
}

fn mandated() -> Ledger {
    let mut ledger = Ledger::new();
    ledger.govern(0, GrantMandate { terms: mandate() }).unwrap();
    ledger.attest(0, 5).unwrap();
    ledger.attest(1, 6).unwrap();
    ledger
}

#[test]
fn openings_are_asked_for_under_a_mandate() {
    let mut ledger = mandated();
    let auditor = auditor(0);
    ledger.act(&auditor, ask(1)).unwrap();
    assert_eq!(ledger.event_kinds(), ["openings_requested"]);
    assert_eq!(ledger.act(&auditor, ask(1)), Err(Code::IdReused));
    assert_eq!(ledger.act(&governor(0, 0), ask(2)), Err(Code::RoleMissing));
    assert_eq!(ledger.act(&office(0, 0), ask(2)), Err(Code::NoAuditMandate), "another's");
    let unknown = RequestOpenings { mandate_id: id(7), ..ask(2) };
    assert_eq!(ledger.act(&auditor, unknown), Err(Code::NoAuditMandate));
    let refs = |refs| RequestOpenings { refs, ..ask(2) };
    let mut refused = |request| ledger.act(&auditor, request).unwrap_err();
    assert_eq!(refused(refs(vec![])), Code::BadField);
    assert_eq!(refused(refs(vec![Subject::Attestation(id(5)); 17])), Code::BadField);
    assert_eq!(refused(RequestOpenings { purpose: H32::ZERO, ..ask(2) }), Code::BadField);
    assert_eq!(refused(refs(vec![Subject::Item(code(MOVING))])), Code::BadField);
    assert_eq!(refused(refs(vec![Subject::Attestation(id(99))])), Code::SubjectUnknown);
    let mixed = vec![Subject::Attestation(id(5)), Subject::Attestation(id(6))];
    assert_eq!(refused(refs(mixed)), Code::OutOfScope, "another province's");
    // A record of the next day, out of the days of the scope, and a mandate that is over.
    let today = Attest { id: id(8), ..ledger.driving_licence(8) };
    ledger.wait_days(1);
    ledger.act(&office(0, 0), today).unwrap();
    let later = refs(vec![Subject::Attestation(id(8))]);
    assert_eq!(ledger.act(&auditor, later), Err(Code::OutOfScope));
    ledger.time = Millis(day("2026-06-30").end().0 - 2_000);
    ledger.act(&auditor, ask(3)).unwrap();
    assert_eq!(ledger.act(&auditor, ask(4)), Err(Code::MandateExpired), "at midnight in Beijing");
    let mut revoked = mandated();
    revoked.govern(0, RevokeMandate { mandate_id: id(1) }).unwrap();
    assert_eq!(revoked.act(&auditor, ask(2)), Err(Code::NoAuditMandate));
}

fn root(ledger: &Ledger, days: i64) -> PutReadLogRoot {
    let day = ledger.today().add_days(-days).unwrap();
    PutReadLogRoot { day, auditor: auditor(0).authority, count: 3, root: digest(1) }
}

#[test]
fn operators_state_the_roots_of_read_logs() {
    let mut ledger = mandated();
    let (operator, put) = (auditor(1), root(&ledger, 1));
    assert_eq!(ledger.act(&office(1, 0), put), Err(Code::NotOwn));
    assert_eq!(ledger.act(&governor(1, 0), put), Err(Code::RoleMissing));
    assert_eq!(ledger.act(&operator, root(&ledger.clone(), 0)), Err(Code::FutureTime));
    for bad in [PutReadLogRoot { count: 0, ..put }, PutReadLogRoot { root: H32::ZERO, ..put }] {
        assert_eq!(ledger.act(&operator, bad), Err(Code::BadField));
    }
    let unknown = PutReadLogRoot { auditor: code("11310000HEFU09999A"), ..put };
    assert_eq!(ledger.act(&operator, unknown), Err(Code::UnknownAuthority));
    ledger.act(&operator, put).unwrap();
    assert!(ledger.events[0].flags.is_empty());
    assert_eq!(ledger.act(&operator, put), Err(Code::ReadLogRecorded));
    ledger.act(&auditor(2), put).unwrap();
    let none = PutReadLogRoot { count: 0, root: H32::ZERO, ..root(&ledger, 2) };
    ledger.act(&operator, none).unwrap();
    assert_eq!(ledger.events[0].flags, ["late"]);
    let key = ((REGIONS[1], put.day.number()), put.auditor);
    assert_eq!(ledger.get(&READ_LOGS, &key).unwrap().body, put);
}

/// One of each act, every optional field filled.
fn samples() -> Vec<Act> {
    let keys = vec![office(0, 0).key.id()];
    let propose = |number, action| crate::identity::Propose { id: id(number), action }.into();
    vec![
        NoticeIncident { keys, grants: vec![id(7)], ..incident() }.into(),
        CloseIncident { incident_id: id(1), report: digest(2) }.into(),
        checkpoint().into(),
        GrantMandate { terms: mandate() }.into(),
        RevokeMandate { mandate_id: id(1) }.into(),
        ask(1).into(),
        root(&Ledger::new(), 1).into(),
        propose(1, Action::AdoptStandard(standard())),
        propose(2, Action::AdoptRegions(change())),
        propose(3, Action::GrantMandate(mandate())),
        propose(4, Action::RevokeMandate { mandate: id(1) }),
    ]
}

#[test]
fn acts_round_trip_in_cbor_and_json() {
    for act in samples() {
        assert_eq!(Act::decode(&act.to_bytes()), Ok(act.clone()));
        let json = serde_json::to_value(&act).unwrap();
        assert_eq!(serde_json::from_value::<Act>(json.clone()).unwrap(), act, "{json}");
        let mut unknown = json;
        unknown.as_object_mut().unwrap().insert("unknown".to_owned(), 1.into());
        assert!(serde_json::from_value::<Act>(unknown).is_err());
    }
}

#[test]
fn encodings_are_golden() {
    let line = |act: &Act| {
        let bytes = act.to_bytes();
        let digest = hash(Domain::Digest, &[&bytes]).to_string();
        format!("{} {} {}", act.name(), bytes.len(), &digest[..16])
    };
    let found: Vec<String> = samples().iter().map(line).collect();
    assert_eq!(found.join("\n"), include_str!("golden_acts.txt").trim_end());
}
