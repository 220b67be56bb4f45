//! Cases act by act: the three modes, and every refusal.

use super::*;
use crate::identity::{Mandate, Role, SetMandate, SuspendAuthority};
use hefu_primitives::{Id16, Millis};

fn states(ledger: &Ledger) -> CaseState {
    case(ledger, 1).state
}

#[test]
fn a_case_by_proxy_from_window_to_archive() {
    let ledger = at(CaseState::Closed);
    let found = case(&ledger, 1);
    assert_eq!(found.state, CaseState::Closed);
    assert_eq!(found.handover.unwrap().count, 2);
    assert_eq!(found.decision.unwrap().outcome, CaseOutcome::Approved);
    assert!(found.dispatched.is_some() && found.delivered.is_some());
    assert_eq!(ledger.event_kinds(), ["case_closed"]);
    assert_eq!(ledger.events[0].subject, format!("case:{}", id(1)));
    assert!(
        ledger.get(&CASES_BY_HANDLER, &(handler().authority, found.opened.height, id(1))).is_some()
    );
}

#[test]
fn an_online_case_needs_no_window_and_no_handover() {
    let mut ledger = with_item(&terms());
    let online = OpenCase { mode: CaseMode::Online, unit: None, ..open(&ledger, 1) };
    ledger.act(&handler(), online).unwrap();
    ledger.act(&handler(), check(1)).unwrap();
    assert_eq!(states(&ledger), CaseState::AtHandler);
    let now = ledger.time;
    // 秒批: accepted and decided by a program in one transaction.
    let automated = Some(Automated { rule_digest: digest(1), input: digest(2) });
    let verdict = progress::Verdict { automated, ..verdict(CaseOutcome::Approved) };
    let acts = [
        AcceptCase { case_id: id(1), occurred_at: now }.into(),
        DecideCase { case_id: id(1), verdict, occurred_at: now }.into(),
    ];
    ledger.acts(&handler(), &acts).unwrap();
    assert_eq!(flags(&ledger), ["automated"]);
    ledger.act(&handler(), DeliverCase { case_id: id(1), occurred_at: now }).unwrap();
    assert_eq!(states(&ledger), CaseState::Delivered);
}

#[test]
fn what_opening_refuses() {
    let mut ledger = with_item(&ItemTerms {
        participants: REGIONS[..3].to_vec(),
        modes: vec![CaseMode::Online, CaseMode::Proxy],
        ..terms()
    });
    let good = open(&ledger, 1);
    let now = ledger.time;
    let mut refused = |actor: Actor, body: OpenCase| ledger.act(&actor, body).unwrap_err();
    assert_eq!(refused(governor(1, 0), good.clone()), Code::RoleMissing);
    let to_itself = OpenCase { handler: receiver().authority, ..good.clone() };
    assert_eq!(refused(receiver(), to_itself), Code::ModeNotAllowed);
    let joint = OpenCase { mode: CaseMode::Joint, ..good.clone() };
    assert_eq!(refused(receiver(), joint), Code::ModeNotAllowed);
    let online = OpenCase { mode: CaseMode::Online, ..good.clone() };
    assert_eq!(refused(receiver(), online), Code::ModeNotAllowed, "of another authority");
    assert_eq!(refused(elsewhere(), good.clone()), Code::NotParticipant);
    let outside = OpenCase { handler: elsewhere().authority, ..good.clone() };
    assert_eq!(refused(receiver(), outside), Code::NotParticipant);
    let nobody = OpenCase { handler: code(DATA[0]), ..good.clone() };
    assert_eq!(refused(receiver(), nobody), Code::NoHandlingMandate);
    let unknown = OpenCase { base: roadside(), ..good.clone() };
    assert_eq!(refused(receiver(), unknown), Code::UnknownItem);
    let zero = OpenCase { no: H32::ZERO, ..good.clone() };
    assert_eq!(refused(receiver(), zero), Code::BadField);
    for unit in ["", "A 1", "12345678901234567"] {
        let odd = OpenCase { unit: Some(unit.to_owned()), ..good.clone() };
        assert_eq!(refused(receiver(), odd), Code::BadField, "{unit}");
    }
    let phone = OpenCase { unit: Some("13812345678".to_owned()), ..good.clone() };
    assert_eq!(refused(receiver(), phone), Code::PersonalDataPattern);
    let future = OpenCase { occurred_at: Millis(now.0 + 3_600_000), ..good.clone() };
    assert_eq!(refused(receiver(), future), Code::FutureTime);
    let theme = OpenCase { theme: Some(id(7)), ..good.clone() };
    assert_eq!(refused(receiver(), theme), Code::UnknownTheme);
    ledger.act(&receiver(), good.clone()).unwrap();
    assert_eq!(ledger.act(&receiver(), good.clone()), Err(Code::IdReused));
    ledger.govern(0, SuspendAuthority { authority: handler().authority, reason: 1 }).unwrap();
    let next = OpenCase { case_id: id(2), ..good };
    assert_eq!(ledger.act(&receiver(), next), Err(Code::NoHandlingMandate));
}

#[test]
fn mandates_decide_who_may_handle() {
    let mut ledger = with_item(&terms());
    let remove = Mandate { items: vec![code(MOVING)], ..Mandate::default() };
    let authority = handler().authority;
    ledger.govern(0, SetMandate { authority, add: Mandate::default(), remove }).unwrap();
    let body = open(&ledger, 1);
    assert_eq!(ledger.act(&receiver(), body), Err(Code::NoHandlingMandate));
}

/// Every act against every state it may not be in, by the wrong side, and on no case.
#[test]
fn states_sides_and_roles() {
    use CaseState::*;
    let case_id = id(1);
    let now = start();
    let acts: Vec<(crate::Act, bool, &[CaseState])> = vec![
        (check(1).into(), true, &[Received]),
        (RefuseCase { case_id, reason: 1, notice: digest(1) }.into(), true, &[Received]),
        (Handover { case_id, documents: documents(), occurred_at: now }.into(), true, &[Ready]),
        (
            ReceiveHandover { case_id, documents: documents(), occurred_at: now }.into(),
            false,
            &[HandedOver],
        ),
        (RejectHandover { case_id, reason: 1 }.into(), false, &[HandedOver]),
        (AcceptCase { case_id, occurred_at: now }.into(), false, &[AtHandler]),
        (DeclineCase { case_id, reason: 1, notice: digest(1) }.into(), false, &[AtHandler]),
        (AskSupplement { case_id, notice: digest(1) }.into(), false, &[AtHandler]),
        (super::Supplement { case_id, documents: documents() }.into(), true, &[]),
        (PauseCase { case_id, kind: PauseKind::Hearing, days: 1 }.into(), false, &[Accepted]),
        (ContinueCase { case_id }.into(), false, &[]),
        (ExtendCase { case_id, days: 1, approval: digest(1) }.into(), false, &[Accepted]),
        (decide(1, now).into(), false, &[Accepted]),
        (DispatchCase { case_id, waybill: None, occurred_at: now }.into(), false, &[Decided]),
        (DeliverCase { case_id, occurred_at: now }.into(), true, &[Decided, Dispatched]),
        (CloseCase { case_id, archive: digest(1) }.into(), false, &[Decided, Delivered]),
        (
            WithdrawCase { case_id, request: digest(1) }.into(),
            true,
            &[Received, Ready, HandedOver, AtHandler, Accepted],
        ),
    ];
    let way =
        [Received, Ready, HandedOver, AtHandler, Accepted, Decided, Dispatched, Delivered, Closed];
    for state in way {
        let ledger = at(state);
        for (act, receives, allowed) in &acts {
            let (right, wrong) =
                if *receives { (receiver(), handler()) } else { (handler(), receiver()) };
            let side = if *receives { Code::NotReceiver } else { Code::NotHandler };
            let done = |actor: &Actor| ledger.clone().act(actor, act.clone());
            assert_eq!(done(&wrong), Err(side), "{state:?} {}", act.name());
            assert_eq!(done(&governor(0, 0)), Err(Code::RoleMissing), "{}", act.name());
            let expected = if allowed.contains(&state) { Ok(()) } else { Err(Code::CaseState) };
            assert_eq!(done(&right), expected, "{state:?} {}", act.name());
        }
    }
    let mut ledger = with_item(&terms());
    for (act, _, _) in acts {
        assert_eq!(ledger.act(&handler(), act.clone()), Err(Code::UnknownCase), "{}", act.name());
    }
}

#[test]
fn what_is_handed_over_is_what_is_received() {
    let mut ledger = at(CaseState::HandedOver);
    let other = vec![digest(10)];
    let received = ReceiveHandover { case_id: id(1), documents: other, occurred_at: start() };
    assert_eq!(ledger.act(&handler(), received), Err(Code::DigestListDiffers));
    let unnamed = ledger.act(&handler(), RejectHandover { case_id: id(1), reason: 0 });
    assert_eq!(unnamed, Err(Code::RefusalReasonRequired));
    ledger.act(&handler(), RejectHandover { case_id: id(1), reason: 1 }).unwrap();
    assert_eq!(flags(&ledger), ["reason_1"]);
    let found = case(&ledger, 1);
    assert_eq!((found.state, found.sent_back), (CaseState::Ready, 1));
    for bad in [vec![], vec![digest(2), digest(1)], vec![digest(1); 2], vec![H32::ZERO]] {
        let sent = Handover { case_id: id(1), documents: bad, occurred_at: start() };
        assert_eq!(ledger.act(&receiver(), sent), Err(Code::BadField));
    }
    let many = (0..=64).map(|n| H32([n + 1; 32])).collect();
    let sent = Handover { case_id: id(1), documents: many, occurred_at: start() };
    assert_eq!(ledger.act(&receiver(), sent), Err(Code::BadField));
    let again = Handover { case_id: id(1), documents: documents(), occurred_at: start() };
    ledger.act(&receiver(), again).unwrap();
}

#[test]
fn reasons_and_digests_are_asked_for() {
    let case_id = id(1);
    let mut ledger = at(CaseState::Received);
    for (reason, notice) in [(0, digest(1)), (1, H32::ZERO)] {
        let refuse = RefuseCase { case_id, reason, notice };
        assert_eq!(ledger.act(&receiver(), refuse), Err(Code::RefusalReasonRequired));
    }
    for bad in [
        CheckCase { consent: H32::ZERO, ..check(1) },
        CheckCase { assertion: Some(H32::ZERO), ..check(1) },
        CheckCase { assurance: 0, ..check(1) },
        CheckCase { assurance: 5, ..check(1) },
    ] {
        assert_eq!(ledger.act(&receiver(), bad), Err(Code::BadField));
    }
    let bare = WithdrawCase { case_id, request: H32::ZERO };
    assert_eq!(ledger.act(&receiver(), bare), Err(Code::BadField));
    let vouched = CheckCase { assertion: Some(digest(4)), ..check(1) };
    let mut other = ledger.clone();
    other.act(&receiver(), vouched).unwrap();
    let kept = case(&other, 1).check.unwrap();
    assert_eq!((kept.assurance, kept.assertion), (3, Some(digest(4))));
    let refuse = RefuseCase { case_id, reason: 3, notice: digest(1) };
    ledger.act(&receiver(), refuse).unwrap();
    assert_eq!((states(&ledger), flags(&ledger)), (CaseState::ClosedRefused, vec!["reason_3"]));

    let mut ledger = at(CaseState::AtHandler);
    for (reason, notice) in [(0, digest(1)), (1, H32::ZERO)] {
        let decline = DeclineCase { case_id, reason, notice };
        assert_eq!(ledger.act(&handler(), decline), Err(Code::RefusalReasonRequired));
    }
    let bare = AskSupplement { case_id, notice: H32::ZERO };
    assert_eq!(ledger.act(&handler(), bare), Err(Code::BadField));
    ledger.act(&handler(), DeclineCase { case_id, reason: 3, notice: digest(1) }).unwrap();
    assert_eq!(states(&ledger), CaseState::ClosedNotAccepted);

    let mut ledger = at(CaseState::Decided);
    let zero = DispatchCase { case_id, waybill: Some(H32::ZERO), occurred_at: start() };
    assert_eq!(ledger.act(&handler(), zero), Err(Code::BadField));
    let bare = CloseCase { case_id, archive: H32::ZERO };
    assert_eq!(ledger.act(&handler(), bare), Err(Code::BadField));
}

#[test]
fn what_is_missing_is_asked_for_once() {
    let mut ledger = at(CaseState::AtHandler);
    let ask = AskSupplement { case_id: id(1), notice: digest(1) };
    ledger.act(&handler(), ask).unwrap();
    assert_eq!(states(&ledger), CaseState::Supplement);
    let accept = AcceptCase { case_id: id(1), occurred_at: start() };
    assert_eq!(ledger.act(&handler(), accept), Err(Code::CaseState));
    let empty = Supplement { case_id: id(1), documents: vec![] };
    assert_eq!(ledger.act(&receiver(), empty), Err(Code::BadField));
    ledger.act(&receiver(), Supplement { case_id: id(1), documents: documents() }).unwrap();
    assert_eq!(ledger.act(&handler(), ask), Err(Code::SecondSupplement));
    ledger.act(&handler(), accept).unwrap();
}

#[test]
fn pauses_and_the_extension_are_bounded() {
    let mut ledger = at(CaseState::Accepted);
    let pause = |days| PauseCase { case_id: id(1), kind: PauseKind::Appraisal, days };
    for days in [0, 11] {
        assert_eq!(ledger.act(&handler(), pause(days)), Err(Code::PauseInvalid));
    }
    for _ in 0..MAX_PAUSES {
        ledger.act(&handler(), pause(10)).unwrap();
        assert_eq!(ledger.act(&handler(), decide(1, start())), Err(Code::CaseState));
        ledger.act(&handler(), ContinueCase { case_id: id(1) }).unwrap();
    }
    assert_eq!(ledger.act(&handler(), pause(10)), Err(Code::PauseInvalid));
    let extend = |days, approval| ExtendCase { case_id: id(1), days, approval };
    for bad in [extend(0, digest(1)), extend(11, digest(1)), extend(5, H32::ZERO)] {
        assert_eq!(ledger.act(&handler(), bad), Err(Code::ExtensionInvalid));
    }
    ledger.act(&handler(), extend(10, digest(1))).unwrap();
    assert_eq!(ledger.act(&handler(), extend(1, digest(1))), Err(Code::ExtensionInvalid));
}

#[test]
fn what_is_decided_at_once_is_neither_paused_nor_extended() {
    let instant = ItemTerms { kind: ItemKind::Instant, promise_days: 0, pause_days: 0, ..terms() };
    let mut ledger = with_item(&instant);
    advance(&mut ledger, 1, CaseState::Accepted);
    let pause = PauseCase { case_id: id(1), kind: PauseKind::Hearing, days: 1 };
    assert_eq!(ledger.act(&handler(), pause), Err(Code::PauseInvalid));
    let extend = ExtendCase { case_id: id(1), days: 1, approval: digest(1) };
    assert_eq!(ledger.act(&handler(), extend), Err(Code::ExtensionInvalid));
}

#[test]
fn a_decision_must_be_sound() {
    let mut ledger = at(CaseState::Accepted);
    let approved = verdict(CaseOutcome::Approved);
    let denied = verdict(CaseOutcome::Denied);
    let zero = Automated { rule_digest: H32::ZERO, input: digest(1) };
    let decide = |ledger: &mut Ledger, verdict| {
        let now = ledger.time;
        ledger.act(&handler(), DecideCase { case_id: id(1), verdict, occurred_at: now })
    };
    for bad in [
        progress::Verdict { reasons: vec![], ..denied.clone() },
        progress::Verdict { reasons: vec![1, 1], ..denied.clone() },
        progress::Verdict { reasons: vec![0], ..denied.clone() },
        progress::Verdict { reasons: (1..10).collect(), ..denied.clone() },
        progress::Verdict { reasons: vec![1], ..approved.clone() },
        progress::Verdict { result: Some(id(9)), ..denied.clone() },
        progress::Verdict { automated: Some(zero), ..approved.clone() },
    ] {
        assert_eq!(decide(&mut ledger, bad.clone()), Err(Code::CaseDecisionInvalid), "{bad:?}");
    }
    let result = |number| progress::Verdict { result: Some(id(number)), ..approved.clone() };
    assert_eq!(decide(&mut ledger, result(9)), Err(Code::UnknownAttestation));
    ledger.attest(0, 9).unwrap();
    ledger.attest(1, 8).unwrap();
    assert_eq!(
        decide(&mut ledger, result(8)),
        Err(Code::CaseDecisionInvalid),
        "another province's"
    );
    decide(&mut ledger, result(9)).unwrap();
    assert_eq!(case(&ledger, 1).decision.unwrap().result, Some(id(9)));
}

fn joint() -> Ledger {
    let mut ledger = with_item(&terms());
    let joint =
        OpenCase { mode: CaseMode::Joint, handler: receiver().authority, ..open(&ledger, 1) };
    ledger.act(&receiver(), joint).unwrap();
    ledger
}

fn sub(number: u8, handler: &Actor) -> OpenSub {
    OpenSub { case_id: id(1), number, base: roadside(), handler: handler.authority, days: 5 }
}

fn decide_sub(ledger: &Ledger, number: u8) -> DecideSub {
    let verdict = verdict(CaseOutcome::Approved);
    DecideSub { case_id: id(1), number, verdict, occurred_at: ledger.time }
}

/// The lead acceptor handles the case itself; two others decide parts, in any order.
#[test]
fn a_joint_case_is_decided_after_all_its_parts() {
    let mut ledger = joint();
    assert_eq!(ledger.act(&receiver(), sub(1, &handler())), Err(Code::CaseState), "unchecked");
    ledger.act(&receiver(), check(1)).unwrap();
    let now = ledger.time;
    ledger.act(&receiver(), AcceptCase { case_id: id(1), occurred_at: now }).unwrap();
    assert_eq!(ledger.act(&receiver(), decide(1, now)), Err(Code::SubsOpen), "no part at all");
    ledger.act(&receiver(), sub(1, &handler())).unwrap();
    ledger.act(&receiver(), sub(2, &elsewhere())).unwrap();
    assert_eq!(ledger.act(&receiver(), sub(2, &elsewhere())), Err(Code::SubInvalid));
    let first = decide_sub(&ledger, 1);
    assert_eq!(ledger.act(&elsewhere(), first.clone()), Err(Code::NotHandler));
    assert_eq!(ledger.act(&governor(0, 0), first.clone()), Err(Code::RoleMissing));
    let unknown = decide_sub(&ledger, 3);
    assert_eq!(ledger.act(&elsewhere(), unknown), Err(Code::SubInvalid));
    let second = decide_sub(&ledger, 2);
    ledger.act(&elsewhere(), second.clone()).unwrap();
    assert_eq!(flags(&ledger), ["sub_2"]);
    assert_eq!(ledger.act(&elsewhere(), second), Err(Code::SubInvalid), "decided");
    assert_eq!(ledger.act(&receiver(), decide(1, now)), Err(Code::SubsOpen));
    ledger.act(&handler(), first.clone()).unwrap();
    ledger.act(&receiver(), decide(1, now)).unwrap();
    assert_eq!(ledger.act(&receiver(), sub(3, &handler())), Err(Code::CaseState));
    assert_eq!(ledger.act(&handler(), first), Err(Code::CaseState));
}

#[test]
fn what_a_part_refuses() {
    let mut ledger = joint();
    ledger.act(&receiver(), check(1)).unwrap();
    for days in [0, 21] {
        let odd = OpenSub { days, ..sub(1, &handler()) };
        assert_eq!(ledger.act(&receiver(), odd), Err(Code::SubInvalid));
    }
    let nobody = OpenSub { handler: code(DATA[0]), ..sub(1, &handler()) };
    assert_eq!(ledger.act(&receiver(), nobody), Err(Code::NoHandlingMandate));
    assert_eq!(ledger.act(&stranger(), sub(1, &handler())), Err(Code::NotHandler));
    let absent = OpenSub { case_id: Id16([99; 16]), ..sub(1, &handler()) };
    assert_eq!(ledger.act(&receiver(), absent), Err(Code::UnknownCase));
    for number in 0..16 {
        ledger.act(&receiver(), sub(number, &handler())).unwrap();
    }
    assert_eq!(ledger.act(&receiver(), sub(16, &handler())), Err(Code::SubInvalid), "too many");
    let mut ledger = at(CaseState::Ready);
    assert_eq!(ledger.act(&receiver(), sub(1, &stranger())), Err(Code::ModeNotAllowed));
    let three = ItemTerms { participants: REGIONS[..3].to_vec(), ..terms() };
    let mut ledger = with_item(&three);
    let joint = OpenCase { mode: CaseMode::Joint, ..open(&ledger, 1) };
    ledger.act(&receiver(), joint).unwrap();
    ledger.act(&receiver(), check(1)).unwrap();
    assert_eq!(ledger.act(&receiver(), sub(1, &elsewhere())), Err(Code::NotParticipant));
}

#[test]
fn a_theme_groups_cases_of_its_items() {
    let mut ledger = with_item(&terms());
    agreed(&mut ledger, &ItemTerms { base: roadside(), ..terms() });
    let live = SetItemState { base: roadside(), ..set_state(1, ItemState::Live, 0) };
    ledger.govern(0, live).unwrap();
    let items = vec![code(MOVING), roadside()];
    let until = ledger.today().add_days(30);
    let theme = OpenTheme { theme_id: id(7), no: digest(7), items, until };
    for bad in [
        OpenTheme { items: vec![code(MOVING)], ..theme.clone() },
        OpenTheme { items: vec![roadside(), code(MOVING)], ..theme.clone() },
    ] {
        assert_eq!(ledger.act(&receiver(), bad), Err(Code::ThemeInvalid));
    }
    let unknown = vec![code(MOVING), code("992090004000")];
    let unknown = OpenTheme { items: unknown, ..theme.clone() };
    assert_eq!(ledger.act(&receiver(), unknown), Err(Code::UnknownItem));
    let past = OpenTheme { until: ledger.today().add_days(-1), ..theme.clone() };
    assert_eq!(ledger.act(&receiver(), past), Err(Code::BadField));
    assert_eq!(ledger.act(&auditor(1), theme.clone()), Err(Code::RoleMissing));
    ledger.act(&receiver(), theme.clone()).unwrap();
    assert_eq!(ledger.act(&receiver(), theme), Err(Code::IdReused));

    let first = OpenCase { theme: Some(id(7)), ..open(&ledger, 1) };
    assert_eq!(ledger.act(&stranger(), first.clone()), Err(Code::ThemeInvalid), "another's theme");
    ledger.act(&receiver(), first.clone()).unwrap();
    let twice = OpenCase { case_id: id(2), ..first.clone() };
    assert_eq!(ledger.act(&receiver(), twice), Err(Code::ThemeInvalid));
    let second = OpenCase { case_id: id(2), base: roadside(), ..first };
    ledger.act(&receiver(), second).unwrap();
    assert_eq!(ledger.get(&CASES_BY_THEME, &(id(7), roadside())), Some(id(2)));
}

/// After a reform the successor has the case.
#[test]
fn a_successor_takes_over_an_open_case() {
    use crate::identity::{AUTHORITIES, Authority, AuthorityState};
    let mut ledger = at(CaseState::AtHandler);
    let before = ledger.get(&AUTHORITIES, &handler().authority).unwrap();
    let successor = Some(office(0, 1).authority);
    let merged = Authority { state: AuthorityState::Merged, successor, ..before };
    ledger.put(&AUTHORITIES, &handler().authority, &merged);
    let accept = AcceptCase { case_id: id(1), occurred_at: start() };
    assert_eq!(ledger.act(&office(0, 2), accept), Err(Code::NotHandler));
    ledger.act(&office(0, 1), accept).unwrap();
    assert!(all_roles().contains(&Role::Handler));
}

/// An open case is an obligation of the receiver's and the handler's province until it is decided.
#[test]
fn an_open_case_is_an_obligation_of_both_provinces() {
    let cases = |ledger: &Ledger| {
        [0, 1, 2, 3].map(|province| {
            let (none, block) = (std::iter::empty(), ledger.next_block());
            crate::identity::obligations(&ledger.state, REGIONS[province], none, &block).cases
        })
    };
    assert_eq!(cases(&with_item(&terms())).iter().sum::<u32>(), 0);
    let open = at(CaseState::Accepted);
    assert_eq!(cases(&open).iter().sum::<u32>(), 2, "receiver and handler");
    assert_eq!(cases(&at(CaseState::Decided)).iter().sum::<u32>(), 0);
}

#[test]
fn fees_are_settled_from_the_check_until_the_end() {
    let mut ledger = at(CaseState::Received);
    let now = ledger.time;
    let fee = |number: u8| SettleFee { case_id: id(1), receipt: digest(number), occurred_at: now };
    assert_eq!(ledger.act(&receiver(), fee(1)), Err(Code::CaseState));
    ledger.act(&receiver(), check(1)).unwrap();
    ledger.act(&receiver(), fee(1)).unwrap();
    assert_eq!(ledger.event_kinds(), ["fee_settled"]);
    ledger.act(&handler(), fee(2)).unwrap();
    let receipts: Vec<H32> = case(&ledger, 1).fees.unwrap().iter().map(|fee| fee.receipt).collect();
    assert_eq!(receipts, [digest(1), digest(2)]);
    for bad in [fee(1), fee(0)] {
        assert_eq!(ledger.act(&handler(), bad), Err(Code::BadField));
    }
    let later = SettleFee { occurred_at: hefu_primitives::Millis(now.0 + 3_600_000), ..fee(3) };
    assert_eq!(ledger.act(&handler(), later), Err(Code::FutureTime));
    assert_eq!(ledger.act(&stranger(), fee(3)), Err(Code::NotHandler));
    assert_eq!(ledger.act(&governor(0, 0), fee(3)), Err(Code::NotHandler));
    let nobodys = SettleFee { case_id: id(9), ..fee(3) };
    assert_eq!(ledger.act(&handler(), nobodys), Err(Code::UnknownCase));
    for number in 3..=8 {
        ledger.act(&handler(), fee(number)).unwrap();
    }
    assert_eq!(ledger.act(&handler(), fee(9)), Err(Code::BadField), "eight are enough");
    for (state, expected) in
        [(CaseState::Delivered, Ok(())), (CaseState::Closed, Err(Code::CaseState))]
    {
        assert_eq!(at(state).act(&handler(), fee(1)), expected, "{state:?}");
    }
}

/// Who keeps a list of windows takes cases in at no other.
#[test]
fn a_window_is_on_its_authoritys_list() {
    let mut ledger = with_item(&terms());
    let unit = |code: &str| crate::identity::Unit { code: code.to_owned(), region: REGIONS[1] };
    let authority = receiver().authority;
    let add = vec![unit("B-02")];
    ledger.govern(1, crate::identity::SetUnits { authority, add, remove: vec![] }).unwrap();
    let opened = open(&ledger, 1);
    assert_eq!(ledger.act(&receiver(), opened.clone()), Err(Code::UnknownUnit));
    ledger.act(&receiver(), OpenCase { unit: Some("B-02".to_owned()), ..opened }).unwrap();
    let unnamed = OpenCase { unit: None, ..open(&ledger, 2) };
    ledger.act(&receiver(), unnamed).unwrap();
}
