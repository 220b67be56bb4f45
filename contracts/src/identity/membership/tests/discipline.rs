//! Suspension, reinstatement, expulsion, leaving.

use super::*;
use crate::certificate::{ATTESTATIONS, Status, status};
use crate::code::Code;
use SuspensionKind::{ActsOnly, Full};

#[test]
fn with_four_only_acts_are_suspended() {
    let mut ledger = Ledger::new();
    let fourth = REGIONS[3];
    ledger.attest(3, 1).unwrap();
    let propose = |action| Propose { id: id(9), action };
    let full = propose(suspend(fourth, Full));
    assert_eq!(ledger.act(&governor(0, 0), full), Err(Code::ValidatorSetTooSmall));
    ledger.govern(0, Propose { id: id(1), action: suspend(fourth, ActsOnly) }).unwrap();
    let ballot = ledger.get(&BALLOTS, &id(1)).unwrap();
    assert_eq!((ballot.subject, ballot.electors.len(), ballot.needed), (Some(fourth), 3, 3));
    assert_eq!(ledger.act(&governor(3, 0), vote(id(1), false)), Err(Code::VoteClosed));
    ledger.govern(1, vote(id(1), true)).unwrap();
    ledger.govern(2, vote(id(1), true)).unwrap();
    assert_eq!(ledger.event_kinds(), ["endorsed", "voted", "member_suspended", "ballot_applied"]);
    assert_eq!(ledger.events[2].flags, ["acts_only", "reason_7"]);
    assert_eq!(state(&ledger, fourth), MemberState::SuspendedActs);
    assert_eq!(validators(&ledger).1.len(), 4, "it still validates");

    assert_eq!(ledger.attest(3, 2), Err(Code::MemberNotActive));
    assert_eq!(ledger.act(&governor(3, 0), vote(id(1), true)), Err(Code::MemberNotActive));
    let attestation = ledger.get(&ATTESTATIONS, &id(1)).unwrap();
    let answer = status(&ledger.state, &attestation, ledger.today(), ledger.height).unwrap();
    assert_eq!(answer.status, Status::Active, "what it attested stays valid");

    for (action, error) in [
        (suspend(fourth, ActsOnly), Code::MemberState),
        (suspend(fourth, Full), Code::ValidatorSetTooSmall),
        (expel(fourth), Code::NotYetApplicable),
        (suspend(Region(440_000), ActsOnly), Code::UnknownMember),
        (Action::ReinstateMember { member: REGIONS[2] }, Code::MemberState),
    ] {
        assert_eq!(ledger.act(&governor(0, 0), propose(action)), Err(error));
    }
    ledger.wait_days(30);
    assert_eq!(
        ledger.act(&governor(0, 0), propose(expel(fourth))),
        Err(Code::ValidatorSetTooSmall)
    );
    ledger.adopt(id(2), Action::ReinstateMember { member: fourth }).unwrap();
    assert_eq!(ledger.event_kinds()[2], "member_reinstated");
    assert_eq!(ledger.attest(3, 2), Ok(()));
}

#[test]
fn grounds_are_named() {
    let mut ledger = five();
    let grounds = |reason, evidence| {
        let (member, kind) = (REGIONS[3], ActsOnly);
        let act = SuspendMember { member, kind, reason, evidence };
        Propose { id: id(9), action: Action::SuspendMember(act) }
    };
    for act in [grounds(0, digest(1)), grounds(1, H32::ZERO)] {
        assert_eq!(ledger.act(&governor(0, 0), act), Err(Code::SuspensionUnfounded));
    }
    ledger.adopt(id(1), suspend(REGIONS[3], ActsOnly)).unwrap();
    ledger.wait_days(31);
    for (reason, evidence) in [(0, digest(1)), (1, H32::ZERO)] {
        let action = Action::ExpelMember { member: REGIONS[3], reason, evidence };
        let act = Propose { id: id(9), action };
        assert_eq!(ledger.act(&governor(0, 0), act), Err(Code::SuspensionUnfounded));
    }
    let own = Propose { id: id(9), action: Action::ReinstateMember { member: REGIONS[0] } };
    assert_eq!(ledger.act(&governor(0, 0), own), Err(Code::MemberState));
}

fn fifth() -> [Actor; 2] {
    [newcomer_governor(0, 0), newcomer_governor(0, 1)]
}

/// Carries an action about the fourth province with the votes of the other four.
fn decide(ledger: &mut Ledger, number: u8, action: Action) -> Result<(), Code> {
    ledger.adopt(id(number), action)
}

#[test]
fn with_five_a_full_suspension_takes_the_validator_away() {
    let mut ledger = five();
    let fourth = REGIONS[3];
    decide(&mut ledger, 1, suspend(fourth, ActsOnly)).unwrap();
    assert_eq!(state(&ledger, fourth), MemberState::SuspendedActs, "3 of the 4 others");
    decide(&mut ledger, 2, suspend(fourth, Full)).unwrap();
    assert_eq!(state(&ledger, fourth), MemberState::SuspendedFull);
    assert_eq!(validators(&ledger), (vec![31, 32, 33, 34, 35], vec![31, 32, 33, 35]));
    let first = ledger.get(&MEMBERS, &fourth).unwrap().suspension.unwrap();
    assert!(first.since.height < ledger.height, "suspended since the first time");
    // While it is away nobody else can be.
    let full = Propose { id: id(9), action: suspend(REGIONS[2], Full) };
    assert_eq!(ledger.act(&governor(0, 0), full), Err(Code::ValidatorSetTooSmall));
    decide(&mut ledger, 3, Action::ReinstateMember { member: fourth }).unwrap();
    assert_eq!(validators(&ledger).1, [31, 32, 33, 34, 35]);
    assert_eq!(ledger.get(&MEMBERS, &fourth).unwrap().suspension, None);
}

#[test]
fn after_thirty_days_a_suspended_member_is_expelled() {
    let mut ledger = five();
    let fourth = REGIONS[3];
    decide(&mut ledger, 1, suspend(fourth, ActsOnly)).unwrap();
    ledger.wait_days(29);
    let early = Propose { id: id(9), action: expel(fourth) };
    assert_eq!(ledger.act(&governor(0, 0), early), Err(Code::NotYetApplicable));
    ledger.wait_days(1);
    decide(&mut ledger, 2, expel(fourth)).unwrap();
    assert_eq!(ledger.event_kinds(), ["endorsed", "voted", "member_expelled", "ballot_applied"]);
    assert_eq!(validators(&ledger).1, [31, 32, 33, 35]);
    let member = ledger.get(&MEMBERS, &fourth).unwrap();
    assert!(!member.is_connected() && member.ended.is_some());
    let housekeeping = GiveNotice { member: fourth };
    assert_eq!(ledger.act(&governor(3, 0), housekeeping), Err(Code::MemberNotActive));
    let again = Propose { id: id(9), action: suspend(fourth, ActsOnly) };
    assert_eq!(ledger.act(&governor(0, 0), again), Err(Code::MemberState));
}

#[test]
fn the_electorate_of_a_suspension_stays_what_it_was() {
    let mut ledger = five();
    ledger.govern(0, Propose { id: id(1), action: suspend(REGIONS[3], ActsOnly) }).unwrap();
    ledger.govern(1, vote(id(1), true)).unwrap();
    ledger.adopt_by(id(2), suspend(REGIONS[1], ActsOnly), &[0, 2, 3]).unwrap();
    let ballot = ledger.get(&BALLOTS, &id(1)).unwrap();
    assert_eq!((ballot.electors.len(), ballot.needed), (4, 3));
    ledger.govern(2, vote(id(1), true)).unwrap();
    assert_eq!(state(&ledger, REGIONS[3]), MemberState::SuspendedActs);
    let silent = Propose { id: id(9), action: suspend(REGIONS[3], Full) };
    assert_eq!(ledger.act(&governor(1, 0), silent), Err(Code::MemberNotActive));
}

#[test]
fn a_suspended_member_keeps_its_house_in_order() {
    let mut ledger = Ledger::new();
    ledger.adopt(id(1), suspend(REGIONS[3], ActsOnly)).unwrap();
    let (key, reason) = (office(3, 0).key.id(), RevocationReason::Lost);
    ledger.govern(3, RevokeKey { key, reason, since: None }).unwrap();
    let act = SuspendAuthority { authority: code(OFFICES[3][1]), reason: 1 };
    assert_eq!(ledger.act(&governor(3, 0), act), Err(Code::MemberNotActive));
    ledger.govern(3, GiveNotice { member: REGIONS[3] }).unwrap();
    assert_eq!(state(&ledger, REGIONS[3]), MemberState::Leaving);
    let licence = crate::certificate::Attest { region: REGIONS[3], ..ledger.driving_licence(1) };
    let attest = |ledger: &mut Ledger| ledger.act(&office(3, 1), licence.clone());
    assert_eq!(attest(&mut ledger), Err(Code::MemberNotActive), "notice ends no suspension");
    let action = Action::ReinstateMember { member: REGIONS[3] };
    ledger.adopt(id(2), action).unwrap();
    assert_eq!(state(&ledger, REGIONS[3]), MemberState::Leaving);
    assert_eq!(attest(&mut ledger), Ok(()), "until it leaves it acts again");
}

#[test]
fn a_member_leaves_ninety_days_after_its_notice() {
    let mut ledger = Ledger::new();
    let fourth = REGIONS[3];
    let (notice, leave) = (GiveNotice { member: fourth }, Leave { member: fourth });
    assert_eq!(ledger.act(&governor(0, 0), notice.clone()), Err(Code::NotOwn));
    assert_eq!(ledger.act(&governor(3, 0), leave.clone()), Err(Code::MemberState));
    ledger.govern(3, notice.clone()).unwrap();
    assert_eq!(ledger.event_kinds(), ["endorsed", "notice_given"]);
    assert_eq!(ledger.events[1].flags, ["too_few_remain"]);
    assert_eq!(ledger.act(&governor(3, 0), notice), Err(Code::MemberState));
    assert_eq!(ledger.attest(3, 1), Ok(()), "it acts until it leaves");
    let propose = Propose { id: id(9), action: Action::AdoptScenario(scenario_terms(2)) };
    assert_eq!(ledger.act(&governor(3, 0), propose.clone()), Err(Code::MemberNotActive));
    ledger.govern(0, propose).unwrap();
    assert_eq!(ledger.get(&BALLOTS, &id(9)).unwrap().electors, REGIONS[..3]);
    assert_eq!(ledger.act(&governor(3, 0), vote(id(9), true)), Err(Code::VoteClosed));

    ledger.wait_days(89);
    assert_eq!(ledger.act(&governor(3, 0), leave.clone()), Err(Code::NotYetApplicable));
    ledger.wait_days(1);
    assert_eq!(ledger.act(&governor(3, 0), leave.clone()), Err(Code::ValidatorSetTooSmall));
    ledger.join(id(1), 0).unwrap();
    ledger.govern(1, leave.clone()).unwrap();
    assert_eq!(ledger.event_kinds(), ["endorsed", "member_left"]);
    assert_eq!(state(&ledger, fourth), MemberState::Left);
    assert_eq!(validators(&ledger).1, [31, 32, 33, 35]);
    assert_eq!(ledger.act(&governor(0, 0), leave), Err(Code::MemberState));
    assert_eq!(ledger.attest(3, 2), Err(Code::MemberNotActive));
    let unknown = Leave { member: Region(440_000) };
    assert_eq!(ledger.act(&governor(0, 0), unknown), Err(Code::UnknownMember));
}

#[test]
fn what_a_member_was_is_known_by_height() {
    let mut ledger = Ledger::new();
    let before = ledger.height;
    ledger.adopt(id(1), suspend(REGIONS[3], ActsOnly)).unwrap();
    let suspended = ledger.height;
    ledger.adopt(id(2), Action::ReinstateMember { member: REGIONS[3] }).unwrap();
    let at = |height| member_at(&ledger.state, REGIONS[3], height).unwrap().state;
    assert_eq!(at(before), MemberState::Active);
    assert_eq!(at(suspended.previous()), MemberState::Active);
    assert_eq!(at(suspended), MemberState::SuspendedActs);
    assert_eq!(at(ledger.height.previous()), MemberState::SuspendedActs);
    assert_eq!(at(ledger.height), MemberState::Active);
    assert_eq!(member_at(&ledger.state, Region(440_000), before), None);
}

#[test]
fn a_look_ahead_says_who_votes_and_who_validates() {
    let mut ledger = five();
    let look = |ledger: &Ledger, change: &Change| {
        preflight(&ledger.state, &ledger.next_block(), REGIONS[0], change)
    };
    let full = Change::Action(Box::new(suspend(REGIONS[3], Full)));
    let found = look(&ledger, &full);
    assert_eq!((found.refusal, found.needed), (None, 3));
    assert_eq!(found.electors, [REGIONS[0], REGIONS[1], REGIONS[2], NEWCOMERS[0]]);
    let sizes = |found: &Preflight| {
        (found.before.as_ref().unwrap().len(), found.after.as_ref().unwrap().len())
    };
    assert_eq!(sizes(&found), (5, 4));
    let unknown = look(&ledger, &Change::Ballot(id(7)));
    assert_eq!(unknown.refusal, Some(Code::UnknownProposal));
    ledger.govern(0, Propose { id: id(7), action: suspend(REGIONS[3], Full) }).unwrap();
    let open = look(&ledger, &Change::Ballot(id(7)));
    assert_eq!((open.refusal, open.needed, sizes(&open)), (None, 3, (5, 4)));
    assert_eq!(sizes(&look(&ledger, &Change::Leave(REGIONS[3]))), (5, 4));
    let joins = look(&ledger, &Change::Join(NEWCOMERS[1]));
    assert_eq!(joins.refusal, Some(Code::UnknownMember));
    ledger.adopt(id(1), Action::AdmitMember(candidate(ledger.time, 1))).unwrap();
    ledger.govern_as(&fifth(), vote(id(1), true)).unwrap();
    assert_eq!(sizes(&look(&ledger, &Change::Join(NEWCOMERS[1]))), (5, 6));
    decide(&mut ledger, 2, suspend(REGIONS[3], Full)).unwrap();
    ledger.block(&[]);
    let refused = look(&ledger, &Change::Leave(REGIONS[2]));
    assert_eq!((refused.refusal, sizes(&refused)), (Some(Code::ValidatorSetTooSmall), (4, 4)));
    assert_eq!(validators(&ledger).1.len(), 4, "nothing was written");
}
