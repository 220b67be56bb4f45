//! Every checkable reason, true and false, through acts alone.

use super::*;
use crate::identity::{RevocationReason, RevokeKey};
use hefu_primitives::time::Day;

const NONE: [u16; 0] = [];
const CHECKABLE: [u16; 11] = [1, 2, 4, 5, 6, 7, 9, 12, 13, 19, 20];

/// The checkable reasons that are true of licence 1 at a height: each is given alone.
fn true_reasons_at(ledger: &Ledger, height: Height) -> Vec<u16> {
    let is_true = |reason: &u16| {
        let mut ledger = ledger.clone();
        let act = Decide { checked_height: height, ..refuse(&ledger, 0xd0, &[*reason]) };
        match ledger.act(&relying(), act) {
            Err(Code::AttestationUnknown) => false,
            Err(code) => panic!("{code}"),
            Ok(()) => {
                let decision = ledger.get(&DECISIONS, &id(0xd0)).unwrap();
                let wrong = decision.flags.contains(&DecisionFlag::RefusedWhileValid);
                assert_eq!(decision.false_reasons, if wrong { vec![*reason] } else { vec![] });
                assert_eq!(decision.flags.contains(&DecisionFlag::Consistent), !wrong);
                !wrong
            }
        }
    };
    CHECKABLE.into_iter().filter(is_true).collect()
}

fn true_reasons(ledger: &Ledger) -> Vec<u16> {
    true_reasons_at(ledger, ledger.height)
}

#[test]
fn none_is_true_of_a_good_certificate() {
    assert_eq!(true_reasons(&attested()), NONE);
}

#[test]
fn not_found() {
    let mut ledger = in_force();
    ledger.block(&[]);
    let before = ledger.height;
    assert_eq!(true_reasons(&ledger), [2]);
    ledger.attest(1, 1).unwrap();
    assert_eq!(true_reasons(&ledger), NONE);
    assert_eq!(true_reasons_at(&ledger, before), [2], "attested later than checked");
}

#[test]
fn suspended_and_resumed() {
    let mut ledger = attested();
    let good = ledger.height;
    let act = suspend(&ledger);
    ledger.act(&issuer(), act).unwrap();
    let bad = ledger.height;
    assert_eq!(true_reasons(&ledger), [4]);
    assert_eq!(true_reasons_at(&ledger, good), NONE);
    ledger.wait_days(1);
    let act = reinstate(&ledger);
    ledger.act(&issuer(), act).unwrap();
    assert_eq!(true_reasons(&ledger), NONE);
    assert_eq!(true_reasons_at(&ledger, bad), [4], "judged as of the height that was checked");
}

#[test]
fn a_suspension_ends_with_its_last_day() {
    let mut ledger = attested();
    let act = SuspendAttestation { until: Some(ledger.today()), ..suspend(&ledger) };
    ledger.act(&issuer(), act).unwrap();
    assert_eq!(true_reasons(&ledger), [4]);
    ledger.wait_days(1);
    ledger.block(&[]);
    assert_eq!(true_reasons(&ledger), NONE);
}

#[test]
fn revoked() {
    let mut ledger = attested();
    let good = ledger.height;
    let act = revoke(&ledger);
    ledger.act(&issuer(), act).unwrap();
    assert_eq!(true_reasons(&ledger), [5]);
    assert_eq!(true_reasons_at(&ledger, good), NONE);
}

#[test]
fn superseded() {
    let mut ledger = attested();
    let good = ledger.height;
    let previous = Some(Previous { id: id(1), reason: SupersedeReason::Renewal });
    let act = Attest { previous, region: REGIONS[1], ..ledger.driving_licence(2) };
    ledger.act(&issuer(), act).unwrap();
    assert_eq!(true_reasons(&ledger), [7]);
    assert_eq!(true_reasons_at(&ledger, good), NONE);
}

#[test]
fn expired_and_not_yet_valid() {
    let mut ledger = in_force();
    let (from, until) = (ledger.today().next(), ledger.today().add_days(2));
    let licence = ledger.driving_licence(1);
    let licence = Attest { valid_from: from, valid_until: until, region: REGIONS[1], ..licence };
    ledger.act(&issuer(), licence).unwrap();
    let early = ledger.height;
    assert_eq!(true_reasons(&ledger), [19]);
    ledger.wait_days(1);
    ledger.block(&[]);
    assert_eq!(true_reasons(&ledger), NONE);
    ledger.wait_days(2);
    ledger.block(&[]);
    let over = ledger.height;
    assert_eq!(true_reasons(&ledger), [6]);
    let act = revoke(&ledger);
    ledger.act(&issuer(), act).unwrap();
    assert_eq!(true_reasons(&ledger), [5, 6], "both are facts");
    // Long after, out of the window of block times, the days are still known.
    ledger.wait_days(40);
    ledger.block(&[]);
    ledger.block(&[]);
    assert_eq!(heights::time_of(&ledger.state, over), None);
    assert_eq!(true_reasons_at(&ledger, early), [19]);
    assert_eq!(true_reasons_at(&ledger, over), [6]);
}

#[test]
fn compromised_and_reaffirmed() {
    let mut ledger = attested();
    let good = ledger.height;
    let since = ledger.time;
    ledger.block(&[]);
    let key = issuer().key.id();
    let act = RevokeKey { key, reason: RevocationReason::Compromised, since: Some(since) };
    ledger.govern(1, act).unwrap();
    let bad = ledger.height;
    assert_eq!(true_reasons(&ledger), [9, 20]);
    assert_eq!(true_reasons_at(&ledger, good), NONE, "not known then");
    let made = ledger.get(&ATTESTATIONS, &id(1)).unwrap().made;
    let span = ReaffirmedSpan {
        from: made.time,
        to: made.time,
        stamp: crate::Stamp { height: ledger.height.next(), ..made },
    };
    ledger.put(&REAFFIRMED, &key, &Reaffirmed { spans: vec![span] });
    ledger.block(&[]);
    assert_eq!(true_reasons(&ledger), NONE);
    assert_eq!(true_reasons_at(&ledger, bad), [9, 20]);
}

#[test]
fn keys_that_ceased_harm_nothing() {
    let mut ledger = attested();
    let act = RevokeKey { key: issuer().key.id(), reason: RevocationReason::Lost, since: None };
    ledger.govern(1, act).unwrap();
    assert_eq!(true_reasons(&ledger), NONE);
}

#[test]
fn no_agreement() {
    let mut ledger = Ledger::new();
    ledger.attest(1, 1).unwrap();
    let none = |ledger: &Ledger, reason| {
        let act = Decide { agreement: None, ..refuse(ledger, 0xd0, &[reason]) };
        decide(&mut ledger.clone(), act).false_reasons.is_empty()
    };
    let found: Vec<u16> = CHECKABLE.into_iter().filter(|reason| none(&ledger, *reason)).collect();
    assert_eq!(found, [1, 12, 13]);
    // Inside one province none is needed.
    ledger.attest(0, 2).unwrap();
    let own = Decide { agreement: None, att_id: id(2), ..refuse(&ledger, 0xd1, &[12]) };
    assert_eq!(decide(&mut ledger.clone(), own).false_reasons, [12]);
}

#[test]
fn agreement_in_force_or_not() {
    let mut ledger = Ledger::new();
    ledger.attest(1, 1).unwrap();
    let effective = ledger.today().next();
    let until = ledger.today().add_days(40);
    let terms = ProposeAgreement { effective, until, ..terms(&ledger) };
    ledger.act(&governor(0, 0), terms.clone()).unwrap();
    assert_eq!(true_reasons(&ledger), [1, 12, 13], "proposed");
    ledger.govern(0, sign(&terms)).unwrap();
    ledger.govern(1, sign(&terms)).unwrap();
    assert_eq!(true_reasons(&ledger), [1, 12, 13], "not yet effective");
    ledger.wait_days(1);
    ledger.block(&[]);
    assert_eq!(true_reasons(&ledger), NONE);
    ledger.govern(1, withdraw()).unwrap();
    assert_eq!(true_reasons(&ledger), NONE, "notice given");
    let mut left = ledger.clone();
    left.wait_days(30);
    left.block(&[]);
    assert_eq!(true_reasons(&left), [1, 12, 13]);
    ledger.wait_days(41);
    ledger.block(&[]);
    assert_eq!(true_reasons(&ledger), [1, 12, 13], "expired");
}

#[test]
fn paused_by_either_side() {
    for province in 0..2 {
        for scenario in [None, Some(1)] {
            let mut ledger = attested();
            let act = PauseEntry { scenario, ..pause(&ledger) };
            ledger.govern(province, act).unwrap();
            let paused = ledger.height;
            assert_eq!(true_reasons(&ledger), [12]);
            ledger.govern(province, ResumeEntry { scenario, ..resume() }).unwrap();
            assert_eq!(true_reasons(&ledger), NONE);
            assert_eq!(true_reasons_at(&ledger, paused), [12]);
        }
    }
}

#[test]
fn another_agreement_opens_what_one_has_paused() {
    let mut ledger = attested();
    let act = pause(&ledger);
    ledger.govern(1, act).unwrap();
    let second = ProposeAgreement { id: id(0xa2), ..terms(&ledger) };
    conclude(&mut ledger, second);
    assert_eq!(true_reasons(&ledger), NONE, "a refusal must stand against every agreement");
    let act = accept(&ledger, 0xd1);
    let named = decide(&mut ledger, act);
    assert_eq!(names(&named), ["out_of_scope"], "an acceptance stands on the one it names");
    let act = Decide { agreement: Some(id(0xa2)), ..accept(&ledger, 0xd2) };
    assert_eq!(names(&decide(&mut ledger, act)), ["consistent"]);
}

#[test]
fn scenario_not_covered() {
    let mut ledger = attested();
    ledger.adopt(id(1), Action::AdoptScenario(scenario_terms(2))).unwrap();
    allow(&mut ledger, &relying(), 2);
    let other = |reason: u16| Decide { scenario: 2, ..refuse(&ledger, 0xd0, &[reason]) };
    let found: Vec<u16> = CHECKABLE
        .into_iter()
        .filter(|reason| decide(&mut ledger.clone(), other(*reason)).false_reasons.is_empty())
        .collect();
    assert_eq!(found, [13]);
    let before = ledger.height;
    let action = Action::SetScenarioState { id: 1, state: ListState::Paused };
    ledger.adopt(id(2), action).unwrap();
    assert_eq!(true_reasons(&ledger), [13], "the scenario is paused");
    assert_eq!(true_reasons_at(&ledger, before), NONE);
    let action = Action::SetScenarioState { id: 1, state: ListState::Adopted };
    ledger.adopt(id(3), action).unwrap();
    assert_eq!(true_reasons(&ledger), NONE);
}

#[test]
fn type_not_listed_by_any_agreement() {
    let mut ledger = Ledger::new();
    let mut other = terms(&ledger);
    other.entries[0].type_code = code(BUSINESS);
    conclude(&mut ledger, other);
    ledger.attest(1, 1).unwrap();
    assert_eq!(true_reasons(&ledger), [1, 13]);
}

#[test]
fn type_not_listed_in_this_version() {
    let mut ledger = attested();
    let second = CertTypeTerms {
        version: 2,
        ..type_terms(DRIVING, HolderClass::Natural, IdPolicy::Committed)
    };
    ledger.adopt(id(1), Action::AdoptType(second)).unwrap();
    let mut amendment =
        ProposeAgreement { id: id(0xa2), amends: Some(AGREEMENT), version: 2, ..terms(&ledger) };
    amendment.entries[0].min_version = 2;
    let before = ledger.height;
    conclude(&mut ledger, amendment);
    assert_eq!(true_reasons(&ledger), [1, 13]);
    assert_eq!(true_reasons_at(&ledger, before), NONE);
}

#[test]
fn type_not_listed_by_the_scenario() {
    let mut ledger = attested();
    let mut scenario = ledger.get(&SCENARIOS, &1).unwrap();
    scenario.terms.types.retain(|entry| entry.code != code::<hefu_primitives::TypeCode>(DRIVING));
    ledger.put(&SCENARIOS, &1, &scenario);
    assert_eq!(true_reasons(&ledger), [1]);
}

#[test]
fn type_paused() {
    let mut ledger = attested();
    let good = ledger.height;
    let set =
        |state| Action::SetTypeState { code: code(DRIVING), version: 1, state, merged_into: None };
    ledger.adopt(id(1), set(ListState::Paused)).unwrap();
    let paused = ledger.height;
    assert_eq!(true_reasons(&ledger), [1]);
    assert_eq!(true_reasons_at(&ledger, good), NONE);
    ledger.adopt(id(2), set(ListState::Adopted)).unwrap();
    assert_eq!(true_reasons(&ledger), NONE);
    assert_eq!(true_reasons_at(&ledger, paused), [1]);
}

#[test]
fn days_come_from_heights() {
    let mut ledger = attested();
    ledger.block(&[]);
    let act = accept(&ledger, 0xd0);
    let decision = decide(&mut ledger, act);
    assert_eq!(decision.checked_day, day("2026-05-20"));
    assert_eq!(decision.checked_time, Some(Millis(ledger.time.0 - 1_000)));
    assert_eq!(heights::day_of(&ledger.state, ledger.height), Some(Day::of_beijing(ledger.time)));
}

/// However many agreements a province ever had, the one in force is found.
#[test]
fn agreements_with_others_and_old_ones_hide_none() {
    let mut ledger = attested();
    let good = agreement(&ledger);
    let over = ledger.today().add_days(-2).unwrap();
    for number in 0..600u32 {
        let mut id = [0; 16];
        id[..4].copy_from_slice(&number.to_be_bytes());
        let with = if number % 2 == 0 { REGIONS[1] } else { REGIONS[2] };
        let mut other = good.clone();
        other.terms.id = Id16(id);
        other.terms.parties = vec![REGIONS[0], with];
        other.terms.until = Some(over);
        ledger.put(&AGREEMENTS, &other.terms.id, &other);
        index(&mut ledger, &other);
    }
    assert_eq!(true_reasons(&ledger), NONE);
}

/// A question about a day after the known end reads nothing; about that day or before it does.
#[test]
fn the_index_follows_every_end() {
    let pairs = |ledger: &Ledger, days| {
        let day = ledger.today().add_days(days).unwrap();
        let live = |a: usize, b: usize| {
            agreements_between(&ledger.state, [REGIONS[a], REGIONS[b]], day).len()
        };
        [live(0, 1), live(1, 0), live(0, 2), live(1, 2), live(0, 3)]
    };
    let mut ledger = Ledger::new();
    let terms = ProposeAgreement {
        kind: AgreementKind::Multi,
        parties: REGIONS[..3].to_vec(),
        until: ledger.today().add_days(60),
        ..terms(&ledger)
    };
    ledger.act(&governor(0, 0), terms.clone()).unwrap();
    for province in 0..3 {
        assert_eq!(pairs(&ledger, 0), [0; 5], "not signed by all");
        ledger.govern(province, sign(&terms)).unwrap();
    }
    assert_eq!((pairs(&ledger, 61), pairs(&ledger, 62)), ([1, 1, 1, 1, 0], [0; 5]));
    ledger.govern(1, withdraw()).unwrap();
    assert_eq!((pairs(&ledger, 30), pairs(&ledger, 31)), ([1, 1, 1, 1, 0], [0, 0, 1, 0, 0]));
    let amendment = ProposeAgreement {
        id: id(0xa2),
        amends: Some(AGREEMENT),
        version: 2,
        effective: ledger.today().add_days(3).unwrap(),
        until: None,
        ..terms
    };
    ledger.act(&governor(0, 0), amendment.clone()).unwrap();
    for province in 0..3 {
        ledger.govern(province, sign(&amendment)).unwrap();
    }
    assert_eq!((pairs(&ledger, 3), pairs(&ledger, 4)), ([2, 2, 2, 2, 0], [1, 1, 1, 1, 0]));
    assert_eq!(pairs(&ledger, 9_999), [1, 1, 1, 1, 0]);
    let rows = AGREEMENTS_BETWEEN.read_all(&ledger.state, &(), 100).len();
    assert_eq!(rows, 6, "a row that moved leaves none behind");
}

#[test]
fn two_provinces_have_so_many_agreements_at_a_time() {
    let mut ledger = in_force();
    let good = agreement(&ledger);
    let until = Some(ledger.today().previous());
    for number in 1..=MAX_LIVE as u8 {
        let mut other = good.clone();
        (other.terms.id, other.terms.until) = (id(number), until);
        index(&mut ledger, &other);
    }
    let next = ProposeAgreement { id: id(0xee), ..terms(&ledger) };
    ledger.act(&governor(0, 0), next.clone()).unwrap();
    ledger.govern(1, sign(&next)).unwrap();
    for number in 1..MAX_LIVE as u8 {
        let mut other = good.clone();
        other.terms.id = id(number);
        index(&mut ledger, &other);
    }
    assert_eq!(ledger.act(&governor(0, 0), sign(&next)), Err(Code::AgreementState));
    let amendment =
        ProposeAgreement { id: id(0xef), amends: Some(AGREEMENT), version: 2, ..terms(&ledger) };
    conclude(&mut ledger, amendment);
}
