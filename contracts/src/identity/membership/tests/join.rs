//! A province joins.

use super::*;
use crate::code::Code;
use hefu_primitives::Millis;
use hefu_primitives::codes::uscc;

#[test]
fn a_province_joins_by_vote_and_proof() {
    let mut ledger = Ledger::new();
    let fifth = NEWCOMERS[0];
    let action = Action::AdmitMember(candidate(ledger.time, 0));
    ledger.govern(0, Propose { id: id(1), action }).unwrap();
    let ballot = ledger.get(&BALLOTS, &id(1)).unwrap();
    assert_eq!((ballot.needed, ballot.electors.len(), ballot.subject), (3, 4, None));
    assert_eq!(ballot.rules, RuleTable::default().digest());
    ledger.govern(1, vote(id(1), true)).unwrap();
    assert_eq!(ledger.get(&MEMBERS, &fifth), None);
    ledger.govern(2, vote(id(1), true)).unwrap();
    assert_eq!(ledger.event_kinds(), ["endorsed", "voted", "member_approved", "ballot_applied"]);
    let member = ledger.get(&MEMBERS, &fifth).unwrap();
    assert_eq!((member.state, member.joined_at), (MemberState::Approved, Millis(0)));
    assert!(member.is_connected() && !member.is_present() && !member.acts());
    assert_eq!(validators(&ledger).1, [31, 32, 33, 34]);

    ledger.act(&newcomer_governor(0, 2), newcomer_proof(&member, 0)).unwrap();
    assert_eq!(ledger.event_kinds(), ["member_joined"]);
    assert_eq!(ledger.events[0].subject, "member:350000");
    let joined = ledger.get(&MEMBERS, &fifth).unwrap();
    assert_eq!((joined.state, joined.joined_at), (MemberState::Active, ledger.time));
    // Proven in block H: H + 1 is decided by the four, H + 2 by the five.
    assert_eq!(validators(&ledger), (vec![31, 32, 33, 34], vec![31, 32, 33, 34, 35]));
    let execution = ledger.block(&[]);
    assert_eq!(execution.next_validators.unwrap().len(), 5, "named by the header of H + 1");

    let governors = [newcomer_governor(0, 0), newcomer_governor(0, 1)];
    let action = Action::AdoptScenario(scenario_terms(2));
    ledger.govern_as(&governors, Propose { id: id(2), action }).unwrap();
    let ballot = ledger.get(&BALLOTS, &id(2)).unwrap();
    assert_eq!((ballot.proposer, ballot.electors.len(), ballot.needed), (fifth, 5, 4));
    let again = newcomer_proof(&joined, 0);
    assert_eq!(ledger.act(&newcomer_governor(0, 0), again), Err(Code::VoteClosed));
}

#[test]
fn a_candidate_is_checked() {
    let mut ledger = Ledger::new();
    let now = ledger.time;
    let with = |change: fn(&mut Candidate)| {
        let mut candidate = candidate(now, 0);
        change(&mut candidate);
        Propose { id: id(9), action: Action::AdmitMember(candidate) }
    };
    for (act, error) in [
        (with(|c| c.region = Region(350_100)), Code::RegionInvalid),
        (with(|c| c.region = Region(710_000)), Code::RegionInvalid),
        (with(|c| c.region = REGIONS[1]), Code::MemberExists),
        (with(|c| c.operator = newcomer_operator(1)), Code::OperatorUsccInvalid),
        (with(|c| c.operator = code("11350000HEFU09990X")), Code::OperatorUsccInvalid),
        (
            with(|c| c.operator = uscc::with_checks("1135000000000901").unwrap()),
            Code::OperatorUsccInvalid,
        ),
        (with(|c| c.governors[2] = c.governors[0]), Code::KeysNotDistinct),
        (with(|c| c.governors[2] = c.validator_key), Code::KeysNotDistinct),
        (with(|c| c.governors.truncate(2)), Code::KeysNotDistinct),
        (with(|c| c.node_key = c.validator_key), Code::KeysNotDistinct),
        (with(|c| c.governors[0] = governor(1, 0).key.public()), Code::KeysNotDistinct),
        (with(|c| c.node_key = office(1, 0).key.public()), Code::KeysNotDistinct),
        (with(|c| c.node_key = initial_state().members[1].validator_key), Code::KeysNotDistinct),
        (with(|c| c.node_key = weak_key()), Code::BadKeyPossession),
        (with(|c| c.not_after = Millis(c.not_before.0 + 732 * 86_400_000)), Code::KeyTerm),
        (with(|c| c.not_after = c.not_before), Code::KeyTerm),
        (with(|c| c.name_zh = String::new()), Code::BadField),
        (with(|c| c.operator_name = "13812345678".to_owned()), Code::PersonalDataPattern),
        (with(|c| c.addresses = vec!["no port".to_owned()]), Code::BadField),
        (with(|c| c.addresses = vec!["10.0.0.5:1".to_owned(); 9]), Code::BadField),
    ] {
        assert_eq!(ledger.act(&governor(0, 0), act.clone()), Err(error), "{act:?}");
    }
}

/// The identity: with it and a zero scalar anybody "signs" anything.
fn weak_key() -> hefu_primitives::PublicKey {
    let mut identity = [0; 32];
    identity[0] = 1;
    hefu_primitives::PublicKey::ed25519(identity)
}

#[test]
fn addresses_name_a_host_and_a_port() {
    for good in ["10.0.0.5:9431", "node-1.fj.example:1", "[2001:db8::1]:65535"] {
        assert!(check_address(good), "{good}");
    }
    let long = format!("{}:1", "a".repeat(258));
    for bad in ["", "host", ":1", "host:0", "host:65536", "ho st:1", "[::1:1", "h:+1", &long] {
        assert!(!check_address(bad), "{bad}");
    }
}

#[test]
fn one_proposal_at_a_time_for_a_province() {
    let mut ledger = Ledger::new();
    let propose = |ledger: &Ledger, number| Propose {
        id: id(number),
        action: Action::AdmitMember(candidate(ledger.time, 0)),
    };
    let first = propose(&ledger, 1);
    ledger.govern(0, first).unwrap();
    let second = propose(&ledger, 2);
    assert_eq!(ledger.act(&governor(1, 0), second), Err(Code::MemberExists));
    ledger.govern(1, vote(id(1), false)).unwrap();
    assert_eq!(ledger.act(&governor(1, 0), vote(id(1), true)), Err(Code::AlreadyVoted));
    ledger.govern(2, vote(id(1), false)).unwrap();
    assert_eq!(ledger.get(&BALLOTS, &id(1)).unwrap().state, BallotState::Rejected);
    assert_eq!(ledger.act(&governor(3, 0), vote(id(1), true)), Err(Code::VoteClosed));

    let third = propose(&ledger, 3);
    ledger.govern(0, third).unwrap();
    ledger.wait_days(31);
    assert_eq!(ledger.act(&governor(1, 0), vote(id(3), true)), Err(Code::VoteClosed), "lapsed");
    ledger.join(id(4), 0).unwrap();
    let again = propose(&ledger, 5);
    assert_eq!(ledger.act(&governor(0, 0), again), Err(Code::MemberExists));
}

#[test]
fn every_key_is_proven_over_the_ledger_and_the_height() {
    let mut ledger = Ledger::new();
    let (fifth, first) = (NEWCOMERS[0], newcomer_governor(0, 0));
    let nobody = ProveKeys {
        member: fifth,
        validator: hefu_primitives::Signature::ZERO,
        node: hefu_primitives::Signature::ZERO,
        governors: Vec::new(),
    };
    assert_eq!(ledger.act(&governor(0, 0), nobody), Err(Code::UnknownMember));
    ledger.approve(id(1), 0).unwrap();
    let member = ledger.get(&MEMBERS, &fifth).unwrap();
    let good = newcomer_proof(&member, 0);
    let broken = |change: fn(&mut ProveKeys)| {
        let mut proof = good.clone();
        change(&mut proof);
        proof
    };
    let mut earlier = member.clone();
    let mut approval = earlier.approval.unwrap();
    approval.stamp.height = approval.stamp.height.previous();
    earlier.approval = Some(approval);
    for proof in [
        broken(|p| p.validator = p.node),
        broken(|p| p.node = p.validator),
        broken(|p| p.governors.swap(0, 1)),
        broken(|p| p.governors.truncate(2)),
        broken(|p| p.governors.push(p.node)),
        newcomer_proof(&earlier, 0),
    ] {
        assert_eq!(ledger.act(&first, proof), Err(Code::BadPossession));
    }
    assert_eq!(ledger.act(&office(0, 0), good.clone()), Err(Code::RoleMissing));
    let own = SuspendAuthority { authority: newcomer_operator(0), reason: 1 };
    assert_eq!(ledger.act(&first, own), Err(Code::MemberNotActive), "nothing but its proof");
    assert_eq!(ledger.act(&governor(3, 0), good), Ok(()), "any governor may bring it");
}

#[test]
fn a_proof_that_comes_too_late_needs_a_new_vote() {
    let mut ledger = Ledger::new();
    ledger.approve(id(1), 0).unwrap();
    let member = ledger.get(&MEMBERS, &NEWCOMERS[0]).unwrap();
    ledger.wait_days(31);
    let late = newcomer_proof(&member, 0);
    assert_eq!(ledger.act(&governor(0, 0), late), Err(Code::VoteClosed));
    // The same keys may be proposed again: nobody has used them.
    ledger.join(id(2), 0).unwrap();
    assert_eq!(state(&ledger, NEWCOMERS[0]), MemberState::Active);
}

#[test]
fn one_change_of_validators_a_block_and_the_other_may_come_again() {
    let mut ledger = Ledger::new();
    ledger.approve(id(1), 0).unwrap();
    ledger.approve(id(2), 1).unwrap();
    let proof = |ledger: &mut Ledger, number: usize| {
        let member = ledger.get(&MEMBERS, &NEWCOMERS[number]).unwrap();
        ledger.sign(&newcomer_governor(number, 0), &[newcomer_proof(&member, number).into()])
    };
    let (first, second) = (proof(&mut ledger, 0), proof(&mut ledger, 1));
    let outcomes = ledger.block(&[&first, &second]).outcomes;
    let refused = hefu_primitives::block::TxResult::Refused { code: 117, act: 0 };
    assert_eq!(outcomes[1].result, refused);
    let second = proof(&mut ledger, 1);
    ledger.block(&[&second]);
    assert_eq!(validators(&ledger).1, [31, 32, 33, 34, 35, 36]);
}
