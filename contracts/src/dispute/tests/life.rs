//! From opening to settlement, ruling or withdrawal.

use super::*;
use crate::identity::{CALENDARS, MEMBERS, MemberState};

#[test]
fn the_parties_settle() {
    let mut ledger = opened();
    assert_eq!(ledger.event_kinds(), ["dispute_opened"]);
    let subject = format!("dec:{}", id(2));
    assert_eq!(flags(&ledger), [subject.as_str()]);
    ledger.act(&relying(), ACK).unwrap();
    ledger.act(&issuer(), AddEvidence { dispute_id: id(9), evidence: evidence(2) }).unwrap();
    ledger.act(&relying(), propose(DisputeOutcome::NoAction)).unwrap();
    ledger.act(&issuer(), propose(DisputeOutcome::OverturnRefusal)).unwrap();
    let outdated = ledger.act(&relying(), agree(DisputeOutcome::NoAction));
    assert_eq!(outdated, Err(Code::SettlementDiffers));
    let own = ledger.act(&issuer(), agree(DisputeOutcome::OverturnRefusal));
    assert_eq!(own, Err(Code::SettlementDiffers));
    let other = AgreeSettlement { terms: digest(8), ..agree(DisputeOutcome::OverturnRefusal) };
    assert_eq!(ledger.act(&relying(), other), Err(Code::SettlementDiffers));
    ledger.act(&relying(), agree(DisputeOutcome::OverturnRefusal)).unwrap();
    assert_eq!(flags(&ledger), ["obliges"]);
    let end = found(&ledger);
    assert_eq!((end.state, end.conflicted), (DisputeState::Settled, REGIONS[..2].to_vec()));
    assert_eq!(ledger.get(&OPEN_DISPUTES, &(subject, 3)), None, "another may be opened");
}

#[test]
fn the_panel_rules_with_two_votes() {
    let mut ledger = escalated();
    let panel = found(&ledger).panel;
    assert_eq!(panel.len(), 2, "four founders, two of them parties: the others rule");
    assert!(panel.contains(&REGIONS[2]) && panel.contains(&REGIONS[3]));
    let party = ledger.act(&governor(0, 0), rule(DisputeOutcome::Uphold));
    assert_eq!(party, Err(Code::PanelConflict));
    assert_eq!(ledger.act(&stranger(), rule(DisputeOutcome::Uphold)), Err(Code::RoleMissing));
    let bare = RuleDispute { basis: ZERO, ..rule(DisputeOutcome::Uphold) };
    assert_eq!(ledger.act(&governor(2, 0), bare), Err(Code::BadField));
    let misfit = ledger.act(&governor(2, 0), rule(DisputeOutcome::RevokeGrant));
    assert_eq!(misfit, Err(Code::DisputeKindMismatch));
    ledger.govern(2, rule(DisputeOutcome::Uphold)).unwrap();
    let again = ledger.act(&governor(2, 2), rule(DisputeOutcome::Uphold));
    assert_eq!(again, Err(Code::AlreadyEndorsed));
    ledger.govern(3, rule(DisputeOutcome::OverturnRefusal)).unwrap();
    assert_eq!(found(&ledger).state, DisputeState::Escalated, "they disagree");
    ledger.govern(2, rule(DisputeOutcome::OverturnRefusal)).unwrap();
    let ruled = found(&ledger);
    assert_eq!((ruled.state, ruled.votes.len()), (DisputeState::Ruled, 2));
    assert_eq!(flags(&ledger), ["2_of_2", "obliges"]);
    let over = ledger.act(&governor(3, 0), rule(DisputeOutcome::Uphold));
    assert_eq!(over, Err(Code::DisputeState));
}

#[test]
fn a_panel_votes_only_once_it_is_drawn() {
    let mut ledger = acked();
    ledger.wait_days(20);
    ledger.act(&issuer(), ESCALATE).unwrap();
    assert!(found(&ledger).panel.is_empty() && ledger.get(&DRAWS, &id(9)).is_some());
    let drawn = ledger.act(&governor(2, 0), rule(DisputeOutcome::Uphold));
    assert_eq!(drawn, Ok(()), "the next block has drawn it");
    assert_eq!(ledger.get(&DRAWS, &id(9)), None);
    // In the block of the escalation itself there is no panel yet.
    let mut ledger = acked();
    ledger.wait_days(20);
    let escalate = ledger.sign(&issuer(), &[ESCALATE.into()]);
    let vote = ledger.sign(&governor(2, 0), &[rule(DisputeOutcome::Uphold).into()]);
    let done = ledger.block(&[&escalate, &vote]);
    let refused = hefu_primitives::block::TxResult::Refused { code: 809, act: 0 };
    assert_eq!(done.outcomes[1].result, refused);
}

#[test]
fn clocks_of_a_dispute() {
    // Opened on Wednesday 20 May: three working days end on Monday 25.
    for (days, late) in [(5, false), (6, true)] {
        let mut ledger = opened();
        ledger.wait_days(days);
        let early = ledger.act(&issuer(), ESCALATE);
        assert_eq!(early, if late { Ok(()) } else { Err(Code::TooEarly) }, "{days}");
        let mut ledger = opened();
        ledger.wait_days(days);
        ledger.act(&relying(), ACK).unwrap();
        assert_eq!(flags(&ledger), if late { vec!["ack_late"] } else { vec![] });
    }
    // Acknowledged on the same day: ten working days end on Wednesday 3 June.
    for (days, over) in [(14, false), (15, true)] {
        let mut ledger = acked();
        ledger.wait_days(days);
        let early = ledger.act(&relying(), ESCALATE);
        assert_eq!(early, if over { Ok(()) } else { Err(Code::TooEarly) }, "{days}");
    }
    // Escalated on Tuesday 9 June: twenty working days, a holiday between, end on 8 July.
    for (days, late) in [(29, false), (30, true)] {
        let mut ledger = escalated();
        ledger.wait_days(days);
        ledger.govern(2, rule(DisputeOutcome::NoAction)).unwrap();
        ledger.govern(3, rule(DisputeOutcome::NoAction)).unwrap();
        let expected = if late { vec!["2_of_2", "ruling_late"] } else { vec!["2_of_2"] };
        assert_eq!(flags(&ledger), expected);
        let calendars = crate::clock::calendars(&ledger.state);
        let clocks = clocks(&found(&ledger), Millis(u64::MAX), calendars);
        assert_eq!(clocks.ruling_due, Some(day("2026-07-08").end()));
        assert_eq!(clocks.ruling_late, Some(late), "it stopped with the ruling");
    }
}

#[test]
fn nobody_rules_where_nobody_is_left() {
    let mut ledger = acked();
    ledger.wait_days(20);
    let mut member = ledger.get(&MEMBERS, &REGIONS[3]).unwrap();
    member.state = MemberState::SuspendedActs;
    ledger.put(&MEMBERS, &REGIONS[3], &member);
    assert_eq!(ledger.act(&issuer(), ESCALATE), Err(Code::NoPanel));
}

#[test]
fn withdrawing_is_the_openers() {
    for ledger in [opened(), acked(), escalated()] {
        let mut ledger = ledger;
        assert_eq!(ledger.act(&relying(), WITHDRAW), Err(Code::NotDisputeParty));
        ledger.act(&issuer(), WITHDRAW).unwrap();
        assert_eq!(found(&ledger).state, DisputeState::Withdrawn);
        assert_eq!(ledger.act(&issuer(), WITHDRAW), Err(Code::DisputeState));
        assert_eq!(challenge_of(&ledger.state, &id(2)), None);
        ledger.act(&issuer(), OpenDispute { dispute_id: id(8), ..dispute() }).unwrap();
    }
}

#[test]
fn who_may_do_what() {
    let mut ledger = opened();
    let add = |number| AddEvidence { dispute_id: id(9), evidence: evidence(number) };
    for act in [crate::Act::from(ACK), ESCALATE.into(), WITHDRAW.into(), add(1).into()] {
        assert_eq!(ledger.act(&stranger(), act.clone()), Err(Code::NotDisputeParty));
        assert_eq!(ledger.act(&governor(0, 0), act), Err(Code::RoleMissing));
    }
    assert_eq!(ledger.act(&issuer(), ACK), Err(Code::NotRespondent));
    let none = AckDispute { dispute_id: id(77) };
    assert_eq!(ledger.act(&relying(), none), Err(Code::UnknownDispute));
    let none = RuleDispute { dispute_id: id(77), ..rule(DisputeOutcome::Uphold) };
    assert_eq!(ledger.act(&governor(2, 0), none), Err(Code::UnknownDispute));
    let undrawn = ledger.act(&governor(2, 0), rule(DisputeOutcome::Uphold));
    assert_eq!(undrawn, Err(Code::DisputeState));
    let early = ledger.act(&issuer(), propose(DisputeOutcome::Uphold));
    assert_eq!(early, Err(Code::DisputeState), "nobody has answered");
    ledger.act(&relying(), ACK).unwrap();
    assert_eq!(ledger.act(&relying(), ACK), Err(Code::DisputeState));
    let bare = ProposeSettlement { terms: ZERO, ..propose(DisputeOutcome::Uphold) };
    assert_eq!(ledger.act(&issuer(), bare), Err(Code::BadField));
    let misfit = propose(DisputeOutcome::RevokeGrant);
    assert_eq!(ledger.act(&issuer(), misfit), Err(Code::DisputeKindMismatch));
    for number in 1..=16 {
        ledger.act(&issuer(), add(number)).unwrap();
    }
    assert_eq!(ledger.act(&issuer(), add(17)), Err(Code::EvidenceRequired), "enough");
    ledger.act(&relying(), add(17)).unwrap();
    let zero = AddEvidence { evidence: EvidenceRef { commit: ZERO, ..evidence(1) }, ..add(1) };
    assert_eq!(ledger.act(&relying(), zero), Err(Code::EvidenceRequired));
}

#[test]
fn no_clock_starts_without_its_calendar() {
    let missing = Err(Code::NoCalendar);
    let gone = |mut ledger: Ledger| {
        ledger.state.0.remove(&CALENDARS.key(&2026));
        ledger
    };
    assert_eq!(gone(refused()).act(&issuer(), dispute()), missing);
    assert_eq!(gone(opened()).act(&relying(), ACK), missing);
    assert_eq!(gone(acked()).act(&issuer(), ESCALATE), missing);
    // Consultation is over, but the time to rule reaches into a year without a calendar.
    let mut ledger = acked();
    ledger.time = Millis::from_rfc3339("2026-12-20T02:00:00Z").unwrap();
    assert_eq!(ledger.act(&issuer(), ESCALATE), missing);
}

/// An open dispute is an obligation of both sides' provinces, and a notice says so.
#[test]
fn an_open_dispute_is_an_obligation_of_both_provinces() {
    let disputes = |ledger: &Ledger| {
        [0, 1, 2].map(|province| {
            let (none, block) = (std::iter::empty(), ledger.next_block());
            crate::identity::obligations(&ledger.state, REGIONS[province], none, &block).disputes
        })
    };
    let mut ledger = opened();
    assert_eq!(disputes(&ledger), [1, 1, 0]);
    let mut leaving = ledger.clone();
    let notice = crate::identity::GiveNotice { member: REGIONS[0] };
    leaving.govern(0, notice).unwrap();
    let told = ["open_obligations", "disputes_1", "too_few_remain"];
    assert_eq!(leaving.events[1].flags, told);
    ledger.act(&issuer(), WITHDRAW).unwrap();
    assert_eq!(disputes(&ledger), [0, 0, 0]);
}

/// Before the October holidays, in the last second of a Beijing day and in the first of the next:
/// Saturday 10 October is worked.
#[test]
fn clocks_end_at_midnight_after_holidays() {
    let set = |ledger: &mut Ledger, ms: u64| ledger.time = Millis(ms);
    for (begun, ack, consultation, ruling) in [
        ("2026-09-29T15:59:58Z", "2026-10-09", "2026-10-19", "2026-11-02"),
        ("2026-09-29T15:59:59Z", "2026-10-10", "2026-10-20", "2026-11-03"),
    ] {
        let begun = Millis::from_rfc3339(begun).unwrap().0;
        let [ack, consultation, ruling] = [ack, consultation, ruling].map(|text| day(text).end().0);
        let opened = || {
            let mut ledger = refused();
            set(&mut ledger, begun);
            ledger.act(&issuer(), dispute()).unwrap();
            ledger
        };
        let mut ledger = opened();
        set(&mut ledger, ack - 1_001);
        assert_eq!(ledger.act(&issuer(), ESCALATE), Err(Code::TooEarly));
        assert_eq!(ledger.act(&issuer(), ESCALATE), Ok(()), "the first second of the next day");
        let mut ledger = refused();
        set(&mut ledger, begun - 1_000);
        ledger.act(&issuer(), dispute()).unwrap();
        ledger.act(&relying(), ACK).unwrap();
        set(&mut ledger, consultation - 1_001);
        assert_eq!(ledger.act(&relying(), ESCALATE), Err(Code::TooEarly));
        assert_eq!(ledger.act(&relying(), ESCALATE), Ok(()));
        // The clock of the ruling, begun at the same second by the record itself.
        let mut record = found(&ledger);
        record.escalated =
            record.escalated.map(|stamp| crate::Stamp { time: Millis(begun + 1_000), ..stamp });
        for (now, late) in [(ruling - 1, false), (ruling, true)] {
            let calendars = crate::clock::calendars(&ledger.state);
            let clocks = clocks(&record, Millis(now), calendars);
            assert_eq!((clocks.ruling_due, clocks.ruling_late), (Some(Millis(ruling)), Some(late)));
        }
    }
}

#[test]
fn the_coordinator_rules_where_it_is_asked_to() {
    let to = EscalateDispute { forum: Some(Forum::Coordinator), ..ESCALATE };
    let mut without = acked();
    without.wait_days(20);
    assert_eq!(without.act(&issuer(), to), Err(Code::NoPanel), "there is none");

    let mut ledger = acked();
    ledger.host_coordinator();
    let body = coordinator(0);
    ledger.bind(&body, &body.key, &[crate::identity::Role::Coordinator]).unwrap();
    ledger.name_coordinator(id(0x70), Some(named(0))).unwrap();
    assert_eq!(ledger.act(&issuer(), to), Err(Code::TooEarly));
    assert_eq!(ledger.act(&body, rule(DisputeOutcome::NoAction)), Err(Code::DisputeState));
    ledger.wait_days(20);
    let mut panel = ledger.clone();
    ledger.act(&issuer(), to).unwrap();
    ledger.block(&[]);
    assert_eq!((found(&ledger).panel, found(&ledger).arbiter), (vec![], Some(named(0).key)));
    let governors = ledger.act(&governor(2, 0), rule(DisputeOutcome::NoAction));
    assert_eq!(governors, Err(Code::DisputeState), "no panel is drawn");
    let unfit = rule(DisputeOutcome::RevokeGrant);
    assert_eq!(ledger.act(&body, unfit), Err(Code::DisputeKindMismatch));
    let empty = RuleDispute { basis: ZERO, ..rule(DisputeOutcome::OverturnRefusal) };
    assert_eq!(ledger.act(&body, empty), Err(Code::BadField));
    ledger.act(&body, rule(DisputeOutcome::OverturnRefusal)).unwrap();
    assert_eq!((ledger.event_kinds(), flags(&ledger)), (vec!["dispute_ruled"], vec!["obliges"]));
    assert_eq!(is_fulfilled(&ledger.state, &found(&ledger)), Some(false));
    assert_eq!(challenge_of(&ledger.state, &id(2)), Some(Challenge::Overturned));

    panel.act(&issuer(), ESCALATE).unwrap();
    panel.block(&[]);
    assert_eq!(found(&panel).panel.len(), 2, "the panel is still there for who wants it");
    let alone = panel.act(&body, rule(DisputeOutcome::NoAction));
    assert_eq!(alone, Err(Code::PanelConflict));
}
