//! One change to the sample for each rule, and the error it must give.

use hefu_contracts::Code;
use hefu_contracts::certificate::{IdPolicy, Validity};
use hefu_contracts::identity::Role;
use hefu_primitives::codes::UsccError;
use hefu_primitives::{BaseCode, H32, Millis, PublicKey, Region, TypeCode, Uscc};

use super::*;
use crate::document::{Document, Kind, MemberSeed};
use crate::error::ItemFault;
use crate::error::{
    AgreementFault, AuthorityFault, CharterFault, GenesisError, KeyUse, KindFault, MemberFault,
    ScenarioFault, TextFault, TypeFault,
};
use crate::genesis::Genesis;
use crate::testing::{document, key};

const SHANGHAI: Region = Region(310_000);

fn refusal(change: impl FnOnce(&mut Document)) -> GenesisError {
    let mut document = document();
    change(&mut document);
    Genesis::new(document).unwrap_err()
}

/// The cause of a refusal for the first member.
fn member_fault(change: impl FnOnce(&mut MemberSeed)) -> MemberFault {
    match refusal(|document| change(&mut document.members[0])) {
        GenesisError::Member { region: SHANGHAI, fault } => fault,
        other => panic!("{other}"),
    }
}

/// The cause of a refusal for the first member's market regulator.
fn authority_fault(change: impl FnOnce(&mut crate::AuthoritySeed)) -> AuthorityFault {
    match refusal(|document| change(&mut document.members[0].authorities[2])) {
        GenesisError::Authority { region: SHANGHAI, fault, .. } => fault,
        other => panic!("{other}"),
    }
}

fn charter_fault(change: impl FnOnce(&mut crate::Charter)) -> CharterFault {
    match refusal(|document| change(&mut document.charter)) {
        GenesisError::Charter(fault) => fault,
        other => panic!("{other}"),
    }
}

fn code<T: std::str::FromStr<Err: std::fmt::Debug>>(text: &str) -> T {
    text.parse().unwrap()
}

#[test]
fn four_members_of_different_provinces() {
    let three = refusal(|document| drop(document.members.pop()));
    assert_eq!(three, GenesisError::MemberCount { found: 3 });
    let twice = refusal(|document| document.members[1].region = SHANGHAI);
    assert_eq!(twice, GenesisError::RepeatedMember(SHANGHAI));
    for region in [Region(310_100), Region(710_000), Region(100_000)] {
        let elsewhere = refusal(|document| {
            document.members[3].region = region;
            document.charter.agreements.clear();
            document.charter.items.clear();
        });
        assert_eq!(elsewhere, GenesisError::Member { region, fault: MemberFault::Region });
    }
    let too_many = refusal(|document| {
        let first = document.members[0].clone();
        document.members.extend(std::iter::repeat_n(first, MAX_VALIDATORS - 3));
    });
    assert_eq!(too_many, GenesisError::MemberCount { found: MAX_VALIDATORS + 1 });
    assert_eq!(refusal(|document| document.format = 2), GenesisError::Format { found: 2 });
}

#[test]
fn members_have_names_operators_and_addresses() {
    assert_eq!(member_fault(|m| m.name_en.clear()), MemberFault::Name(TextFault::Length));
    let operator: Uscc = code("11320000HEFU02013H");
    let foreign = member_fault(|m| m.operator = operator);
    assert_eq!(foreign, MemberFault::Operator(operator));
    let none = member_fault(|m| m.authorities.clear());
    assert_eq!(none, MemberFault::AuthorityCount { bound: MAX_AUTHORITIES, found: 0 });
    let addresses = |list: &[&str]| list.iter().map(|text| (*text).to_owned()).collect();
    for bad in ["host", "host:0", "host:65536", "host:+1", ":1", "a b:1", "[::1:1", "::1:9", "h:"] {
        let refused = member_fault(|m| m.addresses = addresses(&["node:26000", bad]));
        assert_eq!(refused, MemberFault::Address(1), "{bad}");
    }
    let many = member_fault(|m| m.addresses = vec!["a:1".to_owned(); MAX_ADDRESSES + 1]);
    assert_eq!(many, MemberFault::AddressCount(MAX_ADDRESSES + 1));
    let mut good = document();
    good.members[0].addresses = addresses(&["127.0.0.1:26000", "[::1]:26000", "node-1.sh.gov:1"]);
    assert_eq!(Genesis::new(good.clone()).map(|g| g.document().clone()), Ok(good));
}

#[test]
fn names_are_public() {
    use hefu_primitives::codes::PersonalData;
    let longest = "局".repeat(MAX_NAME);
    for (name, fault) in [
        ("", TextFault::Length),
        (" 局", TextFault::Length),
        (&format!("{longest}局"), TextFault::Length),
        ("局\n", TextFault::Length),
        ("上海\u{0}局", TextFault::Control),
        ("局 999999194901010000", TextFault::Personal(PersonalData::CitizenId)),
    ] {
        let refused = authority_fault(|authority| authority.name = name.to_owned());
        assert_eq!(refused, AuthorityFault::Name(fault), "{name}");
        let refused = charter_fault(|charter| charter.name_zh = name.to_owned());
        assert_eq!(refused, CharterFault::Name(fault), "{name}");
    }
    let mut document = document();
    document.charter.name_en = longest;
    assert!(Genesis::new(document).is_ok());
}

#[test]
fn credit_codes_are_checked_twice() {
    let outer = authority_fault(|a| a.code = code("11310000HEFU01037M"));
    assert_eq!(outer, AuthorityFault::Code(UsccError::Check { expected: 'L' }));
    let inner = authority_fault(|a| a.code = code("11310000HEFU01038L"));
    assert_eq!(inner, AuthorityFault::Code(UsccError::OrganisationCheck { expected: '7' }));
    let enterprise: Uscc = code("91310115HEFU80011B");
    assert_eq!(authority_fault(|a| a.code = enterprise), AuthorityFault::NotPublic);
    let mut admitted = document();
    admitted.charter.parameters.admitted = vec![enterprise];
    admitted.members[0].authorities[2].code = enterprise;
    assert!(Genesis::new(admitted).is_ok(), "a parameter admits it");
    let other = uscc("1132000", "HEFU0999");
    assert_eq!(authority_fault(|a| a.code = other), AuthorityFault::Prefix);
    let central = uscc("1110000", "HEFU0999");
    assert_eq!(authority_fault(|a| a.code = central), AuthorityFault::Prefix);
    let mut hosted = document();
    hosted.members[0].authorities[2].code = central;
    hosted.members[0].authorities[2].central_vertical = true;
    assert!(Genesis::new(hosted).is_ok());
}

/// A code with both checks, of registrar and region and of a body.
fn uscc(registrar: &str, body: &str) -> Uscc {
    hefu_primitives::codes::uscc::with_checks(&format!("{registrar}0{body}")).unwrap()
}

#[test]
fn real_and_fictitious_bodies_do_not_mix() {
    let real = uscc("1131000", "00000123");
    let fault = AuthorityFault::Kind(KindFault::Real(real));
    assert_eq!(authority_fault(|a| a.code = real), fault);
    let definer = uscc("1110000", "00000123");
    let kind: TypeCode = code(&format!("{definer}001"));
    let fault = TypeFault::Kind(KindFault::Real(definer));
    let refused = charter_fault(|charter| charter.types[0].code = kind);
    assert_eq!(refused, CharterFault::Type { code: kind, fault });
    let production = |document: &mut Document| {
        document.charter.kind = Kind::Production;
        document.charter.parameters.fictitious = false;
    };
    assert!(matches!(
        refusal(production),
        GenesisError::Charter(CharterFault::Type {
            fault: TypeFault::Kind(KindFault::Fictitious(_)),
            ..
        })
    ));
    let without_types = refusal(|document| {
        production(document);
        document.charter.types.clear();
        document.charter.scenarios.clear();
        document.charter.agreements.clear();
        document.charter.items.clear();
    });
    assert!(matches!(
        without_types,
        GenesisError::Authority { fault: AuthorityFault::Kind(KindFault::Fictitious(_)), .. }
    ));
    let mixed = charter_fault(|charter| charter.kind = Kind::Production);
    assert_eq!(mixed, CharterFault::Parameter("fictitious"));
}

/// A production genesis of bodies with codes that no rule calls fictitious.
#[test]
fn production_founds_with_real_codes() {
    let mut document = document();
    document.charter.kind = Kind::Production;
    document.charter.parameters.fictitious = false;
    document.charter.types.clear();
    document.charter.scenarios.clear();
    document.charter.agreements.clear();
    document.charter.items.clear();
    for member in &mut document.members {
        member.authorities.truncate(1);
        let registrar = format!("11{:05}", member.region.0 / 10);
        member.operator = uscc(&registrar, "00000456");
        let only = &mut member.authorities[0];
        only.code = member.operator;
        only.may_rely.clear();
    }
    assert!(Genesis::new(document.clone()).is_ok());
    document.charter.kind = Kind::Demo;
    document.charter.parameters.fictitious = true;
    assert!(matches!(
        Genesis::new(document),
        Err(GenesisError::Authority { fault: AuthorityFault::Kind(KindFault::Real(_)), .. })
    ));
}

#[test]
fn keys_differ_whatever_they_are_for() {
    let police: Uscc = code("11310000HEFU01029R");
    type Change = fn(&mut Document);
    let cases: [(Change, KeyUse, KeyUse); 4] = [
        (|d| d.members[0].node_key = d.members[0].validator_key, KeyUse::Validator, KeyUse::Node),
        (
            |d| d.members[1].governor_keys[1] = d.members[0].validator_key,
            KeyUse::Validator,
            KeyUse::Governor,
        ),
        (
            |d| d.members[0].authorities[1].keys[0].key = d.members[0].governor_keys[0],
            KeyUse::Governor,
            KeyUse::Acting(police),
        ),
        (
            |d| d.members[0].authorities[1].keys[0].key = d.members[0].node_key,
            KeyUse::Node,
            KeyUse::Acting(police),
        ),
    ];
    for (change, expected_first, expected_second) in cases {
        match refusal(change) {
            GenesisError::RepeatedKey { first, second, first_region: SHANGHAI, .. } => {
                assert_eq!((first, second), (expected_first, expected_second));
            }
            other => panic!("{other}"),
        }
    }
    let governor = refusal(|d| d.members[0].governor_keys[2] = d.members[0].governor_keys[0]);
    assert!(matches!(governor, GenesisError::RepeatedKey { .. }));
}

#[test]
fn weak_keys_are_not_registered() {
    let mut identity = [0; 32];
    identity[0] = 1;
    let weak = PublicKey::ed25519(identity);
    let expected = |used| GenesisError::WeakKey { region: SHANGHAI, used };
    assert_eq!(refusal(|d| d.members[0].validator_key = weak), expected(KeyUse::Validator));
    assert_eq!(refusal(|d| d.members[0].node_key = weak), expected(KeyUse::Node));
    assert_eq!(refusal(|d| d.members[0].governor_keys[0] = weak), expected(KeyUse::Governor));
    let acting = refusal(|d| d.members[0].authorities[0].keys[0].key = weak);
    assert_eq!(acting, expected(KeyUse::Acting(code("11310000HEFU01010W"))));
}

#[test]
fn an_authority_stands_once() {
    let twice = refusal(|document| {
        let copy = document.members[0].authorities[2].clone();
        document.members[0].authorities.push(copy);
    });
    let code = code("11310000HEFU01037L");
    let expected = GenesisError::RepeatedAuthority { code, first: SHANGHAI, second: SHANGHAI };
    assert_eq!(twice, expected);
}

#[test]
fn authorities_have_levels_and_regions() {
    for level in [0, 7] {
        assert_eq!(authority_fault(|a| a.level = level), AuthorityFault::Level(level));
    }
    let elsewhere = Region(320_100);
    assert_eq!(authority_fault(|a| a.region = elsewhere), AuthorityFault::Region(elsewhere));
}

#[test]
fn mandates_refer_to_what_is_listed() {
    let kind: TypeCode = code("11100000HEFU90025A009");
    let unknown = authority_fault(|a| a.may_issue.push(kind));
    assert_eq!(unknown, AuthorityFault::UnknownType(kind));
    let unknown = authority_fault(|a| a.may_rely.push(9));
    assert_eq!(unknown, AuthorityFault::UnknownScenario(9));
    let item: BaseCode = code("881090001000");
    let wrong = authority_fault(|a| a.may_handle.push(item));
    assert!(matches!(wrong, AuthorityFault::Item { code, .. } if code == item));
    let twice = authority_fault(|a| a.may_rely.push(a.may_rely[0]));
    assert_eq!(twice, AuthorityFault::RepeatedMandate);
    let found = MAX_MANDATES + 1;
    let many = authority_fault(|a| a.may_rely = (1..).take(found).collect());
    assert_eq!(many, AuthorityFault::MandateCount { bound: MAX_MANDATES, found });
}

#[test]
fn acting_keys_have_roles_and_terms() {
    let id = document().members[0].authorities[2].keys[0].key.id();
    let roles: [&[Role]; 4] =
        [&[], &[Role::Governor], &[Role::Issuer, Role::Issuer], &[Role::Cosigner]];
    for roles in roles {
        let refused = authority_fault(|a| a.keys[0].roles = roles.to_vec());
        assert_eq!(refused, AuthorityFault::Roles(id));
    }
    let day = hefu_primitives::time::DAY_MS;
    let terms: [fn(&mut crate::KeySeed); 3] = [
        |key| key.not_after = key.not_before,
        |key| key.not_after.0 += 1,
        |key| (key.not_before, key.not_after) = (Millis(0), Millis(key.not_before.0)),
    ];
    for change in terms {
        assert_eq!(authority_fault(|a| change(&mut a.keys[0])), AuthorityFault::Term(id));
    }
    let mut longest = document();
    let seed = &mut longest.members[0].authorities[2].keys[0];
    assert_eq!(seed.not_after.0 - seed.not_before.0, 731 * day, "the sample is at the bound");
    assert!(Genesis::new(longest).is_ok());
    let more = |count: usize| {
        move |authority: &mut crate::AuthoritySeed| {
            for number in 1..count {
                let mut another = authority.keys[0].clone();
                another.key = key(&format!("more {number}")).public();
                authority.keys.push(another);
            }
        }
    };
    assert_eq!(authority_fault(more(MAX_KEYS_PER_ROLE + 1)), AuthorityFault::KeysPerRole);
    let mut four = document();
    more(MAX_KEYS_PER_ROLE)(&mut four.members[0].authorities[2]);
    assert!(Genesis::new(four).is_ok());
}

#[test]
fn parameters_stay_in_their_ranges() {
    type Change = fn(&mut hefu_contracts::identity::Parameters);
    let cases: [(Change, &str); 6] = [
        (|p| p.max_validity_ms = 0, "max_validity_ms"),
        (|p| p.heartbeat_ms = 0, "heartbeat_ms"),
        (|p| p.max_clock_ahead_ms = 0, "max_clock_ahead_ms"),
        (|p| p.key_term_days = 732, "key_term_days"),
        (|p| p.ballot_days = 0, "ballot_days"),
        (|p| p.admitted = vec![code("91310115HEFU80011B"); 2], "admitted"),
    ];
    for (change, name) in cases {
        let refused = charter_fault(|charter| change(&mut charter.parameters));
        assert_eq!(refused, CharterFault::Parameter(name));
    }
    let unsound = charter_fault(|c| c.parameters.admitted = vec![code("91310115HEFU80011C")]);
    assert_eq!(unsound, CharterFault::Parameters(Code::BadField));
    assert_eq!(charter_fault(|c| c.created = Millis(0)), CharterFault::Created);
    let many = charter_fault(|c| c.parameters.admitted = vec![code("91310115HEFU80011B"); 65]);
    let what = "admitted codes";
    assert_eq!(many, CharterFault::TooMany { what, bound: MAX_ADMITTED, found: 65 });
    let twice = charter_fault(|charter| charter.calendars.push(charter.calendars[0]));
    assert_eq!(twice, CharterFault::RepeatedCalendar(2026));
}

#[test]
fn types_could_be_adopted() {
    let kind = document().charter.types[0].code;
    type Change = fn(&mut hefu_contracts::certificate::CertTypeTerms);
    let cases: [(Change, TypeFault); 8] = [
        (|t| t.version = 2, TypeFault::Version(2)),
        (|t| t.version = 0, TypeFault::Repeated),
        (|t| t.id_policy = IdPolicy::Plain, TypeFault::PlainIdentifier),
        (|t| t.schema_digest = H32::ZERO, TypeFault::Schema),
        (|t| t.lead = Region(350_000), TypeFault::Lead(Region(350_000))),
        (|t| t.name_zh.clear(), TypeFault::Name(TextFault::Length)),
        (|t| t.validity = Validity::Years(0), TypeFault::Rule(Code::BadField)),
        (|t| t.canon_version = 0, TypeFault::Rule(Code::BadField)),
    ];
    for (change, fault) in cases {
        let refused = charter_fault(|charter| change(&mut charter.types[0]));
        assert_eq!(refused, CharterFault::Type { code: kind, fault });
    }
    let twice = charter_fault(|charter| charter.types.push(charter.types[0].clone()));
    assert_eq!(twice, CharterFault::Type { code: kind, fault: TypeFault::Repeated });
    let mut next = document();
    let mut second = next.charter.types[0].clone();
    second.version = 2;
    next.charter.types.push(second);
    assert!(Genesis::new(next).is_ok(), "two versions");
}

#[test]
fn scenarios_could_be_adopted() {
    let unlisted: TypeCode = code("11100000HEFU90025A009");
    type Change<'a> = &'a dyn Fn(&mut hefu_contracts::certificate::ScenarioTerms);
    let cases: [(Change<'_>, u32, ScenarioFault); 6] = [
        (&|s| s.id = 0, 0, ScenarioFault::Zero),
        (&|s| s.id = 201, 201, ScenarioFault::Repeated),
        (&|s| s.types.clear(), 101, ScenarioFault::Types),
        (&|s| s.types.push(s.types[0]), 101, ScenarioFault::Types),
        (&|s| s.types[0].code = unlisted, 101, ScenarioFault::UnknownType(unlisted)),
        (&|s| s.freshness_s = 0, 101, ScenarioFault::Rule(Code::BadField)),
    ];
    for (change, id, fault) in cases {
        let refused = charter_fault(|charter| change(&mut charter.scenarios[0]));
        assert_eq!(refused, CharterFault::Scenario { id, fault });
    }
    let kind = document().charter.scenarios[0].types[0].code;
    let later = charter_fault(|charter| charter.scenarios[0].types[0].min_version = 2);
    let fault = ScenarioFault::UnknownType(kind);
    assert_eq!(later, CharterFault::Scenario { id: 101, fault });
}

#[test]
fn items_are_sound() {
    type Change = fn(&mut hefu_contracts::service::ItemTerms);
    let cases: [(Change, ItemFault); 4] = [
        (|item| item.version = 2, ItemFault::Version),
        (|item| item.participants.push(Region(350_000)), ItemFault::UnknownParty(Region(350_000))),
        (|item| item.scenarios = vec![999], ItemFault::UnknownScenario(999)),
        (
            |item| item.promise_days = 500,
            ItemFault::Rule(hefu_contracts::Code::PromiseExceedsLegal),
        ),
    ];
    let base = document().charter.items[0].base;
    for (change, fault) in cases {
        let refused = charter_fault(|charter| change(&mut charter.items[0]));
        assert_eq!(refused, CharterFault::Item { base, fault });
    }
    let twice = charter_fault(|charter| charter.items.push(charter.items[0].clone()));
    assert_eq!(twice, CharterFault::Item { base, fault: ItemFault::Repeated });
}

#[test]
fn agreements_are_sound() {
    use hefu_contracts::recognition::{AgreementKind, ProposeAgreement};
    let id = crate::sample::AGREEMENT;
    let first = document().charter.agreements[0].entries[0].type_code;
    let unlisted: TypeCode = code("11100000HEFU90025A009");
    let elsewhere = Region(350_000);
    type Change<'a> = &'a dyn Fn(&mut ProposeAgreement);
    let cases: [(Change<'_>, AgreementFault); 15] = [
        (&|a| a.parties.truncate(1), AgreementFault::Parties),
        (&|a| a.parties.push(SHANGHAI), AgreementFault::Parties),
        (&|a| a.kind = AgreementKind::Bi, AgreementFault::Parties),
        (&|a| a.parties.push(elsewhere), AgreementFault::UnknownParty(elsewhere)),
        (&|a| a.version = 2, AgreementFault::Amendment),
        (&|a| a.amends = Some(id), AgreementFault::Amendment),
        (&|a| a.entries.clear(), AgreementFault::Entries),
        (&|a| a.entries.push(a.entries[0].clone()), AgreementFault::Entries),
        (&|a| a.entries[0].type_code = unlisted, AgreementFault::UnknownType(unlisted)),
        (&|a| a.entries[0].min_version = 2, AgreementFault::UnknownType(first)),
        (&|a| a.entries[0].scenarios.clear(), AgreementFault::Scenarios(first)),
        (&|a| a.entries[0].scenarios = vec![9], AgreementFault::UnknownScenario(9)),
        (&|a| a.effective = a.effective.previous(), AgreementFault::Days),
        (&|a| a.dispute_days = 0, AgreementFault::DisputeDays),
        (&|a| a.legal_digest = H32::ZERO, AgreementFault::Text),
    ];
    for (change, fault) in cases {
        let refused = charter_fault(|charter| change(&mut charter.agreements[0]));
        assert_eq!(refused, CharterFault::Agreement { id, fault });
    }
    let backwards = charter_fault(|charter| {
        let agreement = &mut charter.agreements[0];
        agreement.until = Some(agreement.effective.previous());
    });
    assert_eq!(backwards, CharterFault::Agreement { id, fault: AgreementFault::Days });
    let twice = charter_fault(|charter| charter.agreements.push(charter.agreements[0].clone()));
    assert_eq!(twice, CharterFault::Agreement { id, fault: AgreementFault::Repeated });
}

/// No text that comes in makes a panic, and none makes a genesis that breaks a rule.
mod properties {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn damaged_bytes_are_refused_or_whole(place in 0usize..17_900, value in 0u8..=255) {
            let genesis = Genesis::new(document()).unwrap();
            let mut bytes = genesis.as_bytes().to_vec();
            bytes[place % genesis.as_bytes().len()] = value;
            if let Ok(other) = Genesis::from_bytes(&bytes) {
                prop_assert_eq!(other.as_bytes(), &bytes[..]);
                prop_assert_eq!(other.hash() == genesis.hash(), bytes == genesis.as_bytes());
            }
        }
    }
}
