use super::*;
use crate::identity::{Action, GiveNotice, MEMBERS, MemberState, SuspendMember, SuspensionKind};
use hefu_primitives::Region;

#[test]
fn proposed_signed_in_force() {
    let mut ledger = Ledger::new();
    let terms = ProposeAgreement {
        effective: ledger.today().add_days(2).unwrap(),
        until: ledger.today().add_days(5),
        ..terms(&ledger)
    };
    let act = sign(&terms);
    assert_eq!(ledger.act(&governor(0, 2), terms.clone()), Ok(()));
    assert_eq!(ledger.event_kinds(), ["agreement_proposed"]);
    assert_eq!(ledger.events[0].subject, format!("agr:{AGREEMENT}"));
    assert_eq!(state(&ledger), AgreementState::Proposed);
    assert_eq!(agreement(&ledger).state(ledger.today(), ledger.height.previous()), None);
    assert_eq!(ledger.act(&governor(1, 0), act), Ok(()));
    assert_eq!(ledger.event_kinds(), ["endorsed"]);
    assert_eq!(ledger.act(&governor(1, 2), act), Ok(()));
    assert_eq!(ledger.event_kinds(), ["endorsed", "agreement_signed"]);
    assert_eq!(state(&ledger), AgreementState::Proposed);
    let found = |ledger: &Ledger| {
        agreements_between(&ledger.state, [REGIONS[1], REGIONS[0]], ledger.today())
    };
    assert!(found(&ledger).is_empty());
    assert_eq!(ledger.govern(0, act), Ok(()));
    assert_eq!(ledger.events[1].flags, ["complete"]);
    assert_eq!(state(&ledger), AgreementState::Signed);
    assert_eq!(found(&ledger), [AGREEMENT]);
    let known = agreement(&ledger);
    let at = |days| known.state(ledger.today().add_days(days).unwrap(), ledger.height).unwrap();
    use AgreementState::{Expired, InForce, Signed};
    assert_eq!([at(1), at(2), at(5), at(6)], [Signed, InForce, InForce, Expired]);
    let before = known.state(ledger.today().add_days(3).unwrap(), ledger.height.previous());
    assert_eq!(before, Some(AgreementState::Proposed), "as known before the last signature");
}

#[test]
fn proposing_refuses() {
    let mut ledger = Ledger::new();
    let good = terms(&ledger);
    let entry = good.entries[0].clone();
    let days = |days| ledger.today().add_days(days).unwrap();
    let with = |change: &dyn Fn(&mut ProposeAgreement)| {
        let mut terms = good.clone();
        change(&mut terms);
        terms
    };
    let entries = |entries: Vec<AgreementEntry>| with(&|t| t.entries = entries.clone());
    let cases: Vec<(ProposeAgreement, Code)> = vec![
        (with(&|t| t.dispute_days = 0), Code::BadField),
        (with(&|t| t.dispute_days = 61), Code::BadField),
        (with(&|t| t.parties = vec![REGIONS[1], REGIONS[2]]), Code::NotParty),
        (with(&|t| t.amends = Some(id(9))), Code::UnknownAgreement),
        (with(&|t| t.version = 2), Code::AgreementInvalid),
        (with(&|t| t.parties = vec![REGIONS[0]]), Code::AgreementInvalid),
        (with(&|t| t.parties = vec![REGIONS[0]; 2]), Code::AgreementInvalid),
        (with(&|t| t.parties = vec![REGIONS[1], REGIONS[0]]), Code::AgreementInvalid),
        (with(&|t| t.parties = REGIONS.to_vec()), Code::AgreementInvalid),
        (with(&|t| t.parties = vec![REGIONS[0], Region(350_000)]), Code::AgreementInvalid),
        (with(&|t| t.effective = days(-1)), Code::AgreementInvalid),
        (with(&|t| t.until = Some(days(-1))), Code::AgreementInvalid),
        (with(&|t| t.legal_digest = hefu_primitives::H32::ZERO), Code::AgreementInvalid),
        (
            entries(vec![AgreementEntry { type_code: code(FOOD), ..entry.clone() }]),
            Code::AgreementInvalid,
        ),
        (entries(vec![]), Code::AgreementInvalid),
        (entries(vec![entry.clone(), entry.clone()]), Code::AgreementInvalid),
        (entries(vec![AgreementEntry { min_version: 2, ..entry.clone() }]), Code::AgreementInvalid),
        (
            entries(vec![AgreementEntry { scenarios: vec![], ..entry.clone() }]),
            Code::AgreementInvalid,
        ),
        (
            entries(vec![AgreementEntry { scenarios: vec![1, 1], ..entry.clone() }]),
            Code::AgreementInvalid,
        ),
        (entries(vec![AgreementEntry { scenarios: vec![2], ..entry }]), Code::AgreementInvalid),
    ];
    for (terms, code) in cases {
        assert_eq!(ledger.act(&governor(0, 0), terms.clone()), Err(code), "{terms:?}");
    }
    assert_eq!(ledger.act(&relying(), good.clone()), Err(Code::RoleMissing));
    let multi = with(&|t| {
        (t.id, t.kind, t.parties) = (id(8), AgreementKind::Multi, REGIONS.to_vec());
    });
    assert_eq!(ledger.act(&governor(3, 0), multi), Ok(()));
    assert_eq!(ledger.act(&governor(0, 0), good.clone()), Ok(()));
    assert_eq!(ledger.act(&governor(0, 0), good), Err(Code::IdReused));
}

#[test]
fn only_active_members_and_adopted_lists() {
    let mut ledger = Ledger::new();
    let good = terms(&ledger);
    let mut member = ledger.get(&MEMBERS, &REGIONS[1]).unwrap();
    member.state = MemberState::Leaving;
    ledger.put(&MEMBERS, &REGIONS[1], &member);
    assert_eq!(ledger.act(&governor(0, 0), good), Err(Code::AgreementInvalid));
    for action in [
        Action::SetTypeState {
            code: code(DRIVING),
            version: 1,
            state: ListState::Paused,
            merged_into: None,
        },
        Action::SetScenarioState { id: 1, state: ListState::Paused },
    ] {
        let mut ledger = Ledger::new();
        ledger.adopt(id(1), action).unwrap();
        let terms = terms(&ledger);
        assert_eq!(ledger.act(&governor(0, 0), terms), Err(Code::AgreementInvalid));
    }
}

#[test]
fn signing_refuses() {
    let mut ledger = Ledger::new();
    let terms = terms(&ledger);
    let act = sign(&terms);
    assert_eq!(ledger.act(&governor(0, 0), act), Err(Code::UnknownAgreement));
    ledger.act(&governor(0, 0), terms.clone()).unwrap();
    assert_eq!(ledger.act(&relying(), act), Err(Code::RoleMissing));
    assert_eq!(ledger.act(&governor(2, 0), act), Err(Code::NotParty));
    let other = SignAgreement { terms: digest(1), ..act };
    assert_eq!(ledger.act(&governor(0, 0), other), Err(Code::AgreementInvalid));
    ledger.act(&governor(0, 0), act).unwrap();
    assert_eq!(ledger.act(&governor(0, 0), act), Err(Code::AlreadyEndorsed));
    ledger.act(&governor(0, 1), act).unwrap();
    assert_eq!(ledger.act(&governor(0, 2), act), Err(Code::AlreadyEndorsed));
    ledger.wait_days(60);
    assert_eq!(state(&ledger), AgreementState::Proposed);
    let mut later = ledger.clone();
    assert_eq!(ledger.govern(1, act), Ok(()), "the sixtieth day");
    assert_eq!(state(&ledger), AgreementState::InForce);
    later.wait_days(1);
    assert_eq!(state(&later), AgreementState::Lapsed);
    assert_eq!(later.act(&governor(1, 0), act), Err(Code::AgreementLapsed));
}

#[test]
fn pausing_and_resuming() {
    let mut ledger = in_force();
    let act = pause(&ledger);
    assert_eq!(ledger.govern(1, act), Ok(()));
    assert_eq!(ledger.event_kinds(), ["endorsed", "agreement_entry_paused"]);
    let paused = |ledger: &Ledger, party: Region| {
        let day = ledger.today();
        agreement(ledger).is_paused(party, &code(DRIVING), 1, day, ledger.height)
    };
    assert!(paused(&ledger, REGIONS[1]) && !paused(&ledger, REGIONS[0]));
    assert_eq!(ledger.act(&governor(1, 0), act), Err(Code::AgreementState));
    assert_eq!(state(&ledger), AgreementState::InForce, "the entry is paused, not the agreement");
    assert_eq!(ledger.act(&governor(0, 0), resume()), Err(Code::AgreementState), "its own only");
    let (mut lasting, before) = (ledger.clone(), ledger.height);
    assert_eq!(ledger.govern(1, resume()), Ok(()));
    assert_eq!(ledger.event_kinds(), ["endorsed", "agreement_entry_resumed"]);
    assert!(!paused(&ledger, REGIONS[1]));
    assert_eq!(ledger.act(&governor(1, 0), resume()), Err(Code::AgreementState));
    let was = agreement(&ledger);
    assert!(was.is_paused(REGIONS[1], &code(DRIVING), 1, ledger.today(), before), "as known then");
    lasting.wait_days(10);
    assert!(paused(&lasting, REGIONS[1]));
    lasting.wait_days(1);
    assert!(!paused(&lasting, REGIONS[1]), "its last day is over");
    assert_eq!(lasting.act(&governor(1, 0), resume()), Err(Code::AgreementState));
}

#[test]
fn pausing_refuses() {
    let mut ledger = in_force();
    let good = pause(&ledger);
    let today = ledger.today();
    let until = |days| PauseEntry { until: today.add_days(days).unwrap(), ..good };
    let cases = [
        (until(-1), Code::BadField),
        (until(31), Code::BadField),
        (PauseEntry { agreement: id(9), ..good }, Code::UnknownAgreement),
        (PauseEntry { type_code: code(FOOD), ..good }, Code::EntryUnknown),
        (PauseEntry { scenario: Some(2), ..good }, Code::EntryUnknown),
    ];
    for (act, code) in cases {
        assert_eq!(ledger.act(&governor(0, 0), act), Err(code), "{act:?}");
    }
    let unknown = ResumeEntry { scenario: Some(2), ..resume() };
    assert_eq!(ledger.act(&governor(0, 0), unknown), Err(Code::EntryUnknown));
    let unknown = ResumeEntry { agreement: id(9), ..resume() };
    assert_eq!(ledger.act(&governor(0, 0), unknown), Err(Code::UnknownAgreement));
    for act in [crate::Act::from(good), resume().into(), withdraw().into()] {
        assert_eq!(ledger.act(&relying(), act.clone()), Err(Code::RoleMissing));
        assert_eq!(ledger.act(&governor(2, 0), act), Err(Code::NotParty));
    }
    let longest = until(30);
    assert_eq!(ledger.act(&governor(0, 0), longest), Ok(()));
    assert_eq!(ledger.act(&governor(0, 0), longest), Err(Code::AlreadyEndorsed));
    let mut unsigned = Ledger::new();
    let terms = terms(&unsigned);
    unsigned.act(&governor(0, 0), terms).unwrap();
    for act in [crate::Act::from(good), resume().into(), withdraw().into()] {
        assert_eq!(unsigned.act(&governor(0, 0), act), Err(Code::AgreementState));
    }
}

#[test]
fn leaving_takes_thirty_days() {
    let mut ledger = in_force();
    let unknown = WithdrawAgreement { agreement: id(9) };
    assert_eq!(ledger.act(&governor(0, 0), unknown), Err(Code::UnknownAgreement));
    assert_eq!(ledger.govern(0, withdraw()), Ok(()));
    assert_eq!(ledger.event_kinds(), ["endorsed", "agreement_notice"]);
    assert_eq!(ledger.events[1].flags, ["terminates"]);
    assert_eq!(ledger.act(&governor(0, 0), withdraw()), Err(Code::AgreementState));
    ledger.wait_days(29);
    assert_eq!(state(&ledger), AgreementState::InForce);
    ledger.wait_days(1);
    assert_eq!(state(&ledger), AgreementState::Terminated);
    assert_eq!(ledger.act(&governor(0, 0), withdraw()), Err(Code::NotParty));
    assert_eq!(ledger.act(&governor(1, 0), withdraw()), Err(Code::AgreementState));
}

#[test]
fn two_of_three_go_on() {
    let mut ledger = Ledger::new();
    let parties = REGIONS[..3].to_vec();
    let terms = ProposeAgreement { kind: AgreementKind::Multi, parties, ..terms(&ledger) };
    ledger.act(&governor(0, 0), terms.clone()).unwrap();
    for province in 0..3 {
        ledger.govern(province, sign(&terms)).unwrap();
    }
    ledger.govern(2, withdraw()).unwrap();
    assert!(ledger.events[1].flags.is_empty());
    ledger.wait_days(30);
    assert_eq!(state(&ledger), AgreementState::InForce);
    let known = agreement(&ledger);
    let binds = |a, b| known.binds(&ledger.state, [a, b], ledger.today(), ledger.height);
    assert!(binds(REGIONS[0], REGIONS[1]) && !binds(REGIONS[0], REGIONS[2]));
    ledger.govern(1, withdraw()).unwrap();
    assert_eq!(ledger.events[1].flags, ["terminates"]);
}

#[test]
fn a_suspended_member_pauses_the_agreement() {
    let mut ledger = in_force();
    let known = agreement(&ledger);
    let parties = [REGIONS[0], REGIONS[1]];
    assert!(known.binds(&ledger.state, parties, ledger.today(), ledger.height));
    let before = ledger.height;
    let suspend = SuspendMember {
        member: REGIONS[1],
        kind: SuspensionKind::ActsOnly,
        reason: 1,
        evidence: digest(1),
    };
    ledger.adopt_by(id(0xb1), Action::SuspendMember(suspend), &[0, 2, 3]).unwrap();
    assert!(!known.binds(&ledger.state, parties, ledger.today(), ledger.height));
    // What was decided before it was suspended is judged as it was then.
    assert!(known.binds(&ledger.state, parties, ledger.today(), before));
    let suspended = ledger.height;
    let reinstate = Action::ReinstateMember { member: REGIONS[1] };
    ledger.adopt_by(id(0xb2), reinstate, &[0, 2, 3]).unwrap();
    assert!(known.binds(&ledger.state, parties, ledger.today(), ledger.height));
    assert!(!known.binds(&ledger.state, parties, ledger.today(), suspended));
}

/// `E209` holds nobody back: it is a flag.
#[test]
fn notice_tells_of_agreements_that_are_left_behind() {
    let mut ledger = in_force();
    ledger.govern(3, GiveNotice { member: REGIONS[3] }).unwrap();
    assert_eq!(ledger.events[1].flags, ["too_few_remain"], "it is no party");
    ledger.govern(0, GiveNotice { member: REGIONS[0] }).unwrap();
    assert_eq!(ledger.events[1].flags, ["open_obligations", "agreements_1", "too_few_remain"]);
}

#[test]
fn an_amendment_takes_the_place() {
    let mut ledger = in_force();
    let amendment = ProposeAgreement {
        id: id(0xa2),
        amends: Some(AGREEMENT),
        version: 2,
        effective: ledger.today().add_days(3).unwrap(),
        ..terms(&ledger)
    };
    let wrong = [
        ProposeAgreement { version: 3, ..amendment.clone() },
        ProposeAgreement {
            kind: AgreementKind::Multi,
            parties: REGIONS.to_vec(),
            ..amendment.clone()
        },
    ];
    for terms in wrong {
        assert_eq!(ledger.act(&governor(0, 0), terms), Err(Code::AgreementInvalid));
    }
    let rival = ProposeAgreement { id: id(0xa3), dispute_days: 20, ..amendment.clone() };
    ledger.act(&governor(1, 0), rival.clone()).unwrap();
    assert_eq!(ledger.events[0].flags, ["amendment"]);
    let before = ledger.height;
    conclude(&mut ledger, amendment.clone());
    assert_eq!(ledger.event_kinds(), ["endorsed", "agreement_signed", "agreement_replaced"]);
    assert_eq!(ledger.act(&governor(1, 0), sign(&rival)), Err(Code::AgreementInvalid));
    let old = agreement(&ledger);
    let day = |days| ledger.today().add_days(days).unwrap();
    assert_eq!(old.state(day(2), ledger.height), Some(AgreementState::InForce));
    assert_eq!(old.state(day(3), ledger.height), Some(AgreementState::Replaced));
    assert_eq!(old.state(day(3), before), Some(AgreementState::InForce), "as known before");
    let new = ledger.get(&AGREEMENTS, &amendment.id).unwrap();
    assert_eq!(new.state(day(2), ledger.height), Some(AgreementState::Signed));
    assert_eq!(new.state(day(3), ledger.height), Some(AgreementState::InForce));
    let third = ProposeAgreement { id: id(0xa4), ..amendment };
    assert_eq!(ledger.act(&governor(0, 0), third), Err(Code::AgreementInvalid), "replaced once");
}

/// A type that an agreement lists cannot be retired; once the agreement is over it can.
#[test]
fn types_are_released_when_an_agreement_is_over() {
    let retire = || Action::SetTypeState {
        code: code(DRIVING),
        version: 1,
        state: ListState::Retired,
        merged_into: None,
    };
    let mut ledger = Ledger::new();
    let until = ledger.today().add_days(5);
    let terms = ProposeAgreement { until, ..terms(&ledger) };
    conclude(&mut ledger, terms);
    assert_eq!(ledger.adopt(id(1), retire()), Err(Code::TypeInUse));
    ledger.wait_days(5);
    assert_eq!(ledger.adopt(id(2), retire()), Err(Code::TypeInUse), "its last day");
    ledger.wait_days(1);
    ledger.block(&[]);
    assert!(AGREEMENT_ENDS.read_all(&ledger.state, &(), 10).is_empty());
    assert!(TYPE_USES.read_all(&ledger.state, &(), 10).is_empty());
    assert_eq!(ledger.adopt(id(3), retire()), Ok(()));
}

#[test]
fn pauses_are_bounded() {
    let mut ledger = in_force();
    let mut record = agreement(&ledger);
    let old = Pause {
        party: REGIONS[1],
        type_code: code(DRIVING),
        scenario: None,
        reason: PauseReason::System,
        until: ledger.today().previous(),
        begun: record.proposed,
        resumed: None,
    };
    record.pauses = vec![old; 128];
    ledger.put(&AGREEMENTS, &AGREEMENT, &record);
    let act = pause(&ledger);
    assert_eq!(ledger.act(&governor(1, 0), act), Err(Code::AgreementState));
    let mut other = ledger.clone();
    assert_eq!(other.govern(0, act), Ok(()), "one party does not take the other's room");
    ledger.wait_days(366);
    let act = pause(&ledger);
    assert_eq!(ledger.govern(1, act), Ok(()), "a year later there is room");
    assert_eq!(agreement(&ledger).pauses.len(), 1);
}
