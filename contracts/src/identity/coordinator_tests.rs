//! The coordinator: named by vote, consents or does not, does nothing else.

use super::coordinator::class_of;
use super::*;
use crate::code::Code;
use crate::testkit::*;

fn consent(number: u8, approve: bool) -> GiveConsent {
    GiveConsent { proposal: id(number), approve }
}

fn ballot(ledger: &Ledger, number: u8) -> Ballot {
    ledger.get(&BALLOTS, &id(number)).unwrap()
}

fn candidate_of(ledger: &Ledger) -> Option<MemberState> {
    ledger.get(&MEMBERS, &NEWCOMERS[0]).map(|member| member.state)
}

#[test]
fn who_may_be_named() {
    let mut ledger = Ledger::new();
    ledger.host_coordinator();
    let body = coordinator(0);
    let unfit = [vec![Role::Coordinator, Role::Cosigner], vec![Role::Auditor, Role::Coordinator]];
    for roles in unfit {
        assert_eq!(ledger.bind(&body, &body.key, &roles), Err(Code::RolesInvalid), "{roles:?}");
    }
    let provincial = ledger.bind(&office(0, 0), &body.key, &[Role::Coordinator]);
    assert_eq!(provincial, Err(Code::RolesInvalid), "of a province");
    assert_eq!(ledger.name_coordinator(id(1), Some(named(0))), Err(Code::BadField), "no key yet");
    ledger.bind(&body, &body.key, &[Role::Coordinator]).unwrap();
    let other = coordinator(1);
    ledger.bind(&body, &other.key, &[Role::Auditor]).unwrap();
    assert_eq!(ledger.name_coordinator(id(2), Some(named(1))), Err(Code::BadField), "its role");
    let foreign = Coordinator { authority: office(0, 0).authority, ..named(0) };
    assert_eq!(ledger.name_coordinator(id(3), Some(foreign)), Err(Code::BadField));
    assert_eq!(ledger.name_coordinator(id(4), Some(named(0))), Ok(()));
    assert_eq!(ledger.get(&PARAMETERS, &()).unwrap().coordinator, Some(named(0)));
    assert_eq!(ledger.name_coordinator(id(5), None), Ok(()), "nobody is held for good");
}

/// A majority that decides on parameters does not decide who coordinates.
#[test]
fn naming_is_no_technical_parameter() {
    let plain = Parameters::default();
    let with = Parameters { coordinator: Some(named(0)), ..plain.clone() };
    let slower = Parameters { heartbeat_ms: 90_000, ..with.clone() };
    let class = |new: &Parameters, now| class_of(&Action::SetParameters(new.clone()), now);
    assert_eq!(class(&with, &plain), ActionClass::Rules);
    assert_eq!(class(&plain, &with), ActionClass::Rules);
    assert_eq!(class(&slower, &with), ActionClass::Parameters);
}

#[test]
fn a_province_joins_with_consent() {
    let mut ledger = Ledger::coordinated();
    ledger.approve(id(1), 0).unwrap();
    assert_eq!(ledger.events[1].flags, ["yes", "awaits_consent"]);
    assert_eq!(candidate_of(&ledger), None);
    assert_eq!(ballot(&ledger, 1).state, BallotState::Open);
    assert_eq!(ledger.act(&governor(0, 0), consent(1, true)), Err(Code::RoleMissing));
    assert_eq!(ledger.act(&coordinator(0), consent(9, true)), Err(Code::UnknownProposal));
    ledger.act(&coordinator(0), consent(1, true)).unwrap();
    let done = ["consent_given", "member_approved", "ballot_applied"];
    assert_eq!(ledger.event_kinds(), done);
    assert_eq!(candidate_of(&ledger), Some(MemberState::Approved));
    assert_eq!(ledger.act(&coordinator(0), consent(1, true)), Err(Code::VoteClosed));
}

#[test]
fn consent_may_come_first_and_decides_nothing() {
    let mut ledger = Ledger::coordinated();
    let action = Action::AdmitMember(candidate(ledger.time, 0));
    ledger.govern(0, Propose { id: id(1), action }).unwrap();
    ledger.act(&coordinator(0), consent(1, true)).unwrap();
    assert_eq!(ledger.event_kinds(), ["consent_given"]);
    assert_eq!(ledger.act(&coordinator(0), consent(1, false)), Err(Code::AlreadyVoted));
    let vote = CastVote { proposal: id(1), approve: true };
    ledger.govern(1, vote.clone()).unwrap();
    assert_eq!((ballot(&ledger, 1).state, candidate_of(&ledger)), (BallotState::Open, None));
    ledger.govern(2, vote).unwrap();
    assert_eq!(candidate_of(&ledger), Some(MemberState::Approved));
}

#[test]
fn a_refusal_ends_it_and_so_do_the_provinces() {
    let mut ledger = Ledger::coordinated();
    ledger.approve(id(1), 0).unwrap();
    ledger.act(&coordinator(0), consent(1, false)).unwrap();
    assert_eq!(ledger.event_kinds(), ["consent_given", "ballot_rejected"]);
    assert_eq!((ballot(&ledger, 1).state, candidate_of(&ledger)), (BallotState::Rejected, None));

    let action = Action::AdmitMember(candidate(ledger.time, 1));
    ledger.govern(0, Propose { id: id(2), action }).unwrap();
    ledger.act(&coordinator(0), consent(2, true)).unwrap();
    for province in 1..3 {
        ledger.govern(province, CastVote { proposal: id(2), approve: false }).unwrap();
    }
    assert_eq!(ballot(&ledger, 2).state, BallotState::Rejected, "consent is no vote");

    ledger.approve(id(3), 0).unwrap();
    ledger.wait_days(31);
    assert_eq!(ledger.act(&coordinator(0), consent(3, true)), Err(Code::VoteClosed), "lapsed");
}

#[test]
fn what_needs_no_consent() {
    let mut ledger = Ledger::new();
    ledger.host_coordinator();
    let body = coordinator(0);
    ledger.bind(&body, &body.key, &[Role::Coordinator]).unwrap();
    // Proposed before anybody coordinated.
    let action = Action::AdmitMember(candidate(ledger.time, 0));
    ledger.govern(0, Propose { id: id(1), action }).unwrap();
    ledger.name_coordinator(id(2), Some(named(0))).unwrap();
    assert_eq!(ledger.act(&body, consent(1, true)), Err(Code::VoteClosed));
    assert_eq!(ledger.act(&body, consent(2, true)), Err(Code::VoteClosed), "its own naming");
    for province in 1..3 {
        ledger.govern(province, CastVote { proposal: id(1), approve: true }).unwrap();
    }
    assert_eq!(candidate_of(&ledger), Some(MemberState::Approved));
    // Suspension, parameters and lists are the provinces' alone.
    let scenario = Action::AdoptScenario(scenario_terms(9));
    assert_eq!(ledger.adopt(id(3), scenario), Ok(()));
    assert_eq!(ballot(&ledger, 3).state, BallotState::Applied);
}

#[test]
fn the_key_is_pinned_with_the_proposal() {
    let mut ledger = Ledger::coordinated();
    ledger.approve(id(1), 0).unwrap();
    let second = coordinator(1);
    ledger.bind(&second, &second.key, &[Role::Coordinator]).unwrap();
    ledger.name_coordinator(id(2), Some(named(1))).unwrap();
    assert_eq!(ledger.act(&second, consent(1, true)), Err(Code::NotOwn));
    ledger.act(&coordinator(0), consent(1, true)).unwrap();
    assert_eq!(candidate_of(&ledger), Some(MemberState::Approved));
}

#[test]
fn it_signs_nothing_else() {
    let mut ledger = Ledger::coordinated();
    let licence = ledger.driving_licence(1);
    assert_eq!(ledger.act(&coordinator(0), licence), Err(Code::RoleMissing));
    let vote = CastVote { proposal: id(1), approve: true };
    assert_eq!(ledger.act(&coordinator(0), vote), Err(Code::RoleMissing));
    let action = Action::AdmitMember(candidate(ledger.time, 0));
    let propose = Propose { id: id(1), action };
    assert_eq!(ledger.act(&coordinator(0), propose), Err(Code::RoleMissing));
}

/// Else the host could keep itself from being expelled.
#[test]
fn the_host_cannot_silence_it() {
    let mut ledger = Ledger::coordinated();
    let authority = coordinator(0).authority;
    let suspend = SuspendAuthority { authority, reason: 1 };
    assert_eq!(ledger.act(&governor(0, 0), suspend.clone()), Err(Code::BadField));
    let dissolve = DissolveAuthority { authority, custodian: None };
    assert_eq!(ledger.act(&governor(0, 0), dissolve), Err(Code::SuccessorInvalid));
    // The host is suspended, and its coordinator still consents to another's joining.
    ledger.approve(id(1), 0).unwrap();
    let mut host = ledger.get(&MEMBERS, &REGIONS[0]).unwrap();
    host.state = MemberState::SuspendedActs;
    ledger.put(&MEMBERS, &REGIONS[0], &host);
    assert_eq!(ledger.act(&office(0, 0), ledger.driving_licence(1)), Err(Code::MemberNotActive));
    assert_eq!(ledger.act(&coordinator(0), consent(1, true)), Ok(()));
    assert_eq!(candidate_of(&ledger), Some(MemberState::Approved));
    // Once it is no longer named it is an authority like others.
    let (mut ledger, none) = (Ledger::coordinated(), None);
    ledger.name_coordinator(id(2), none).unwrap();
    assert_eq!(ledger.govern(0, suspend), Ok(()));
}
