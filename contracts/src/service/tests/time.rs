//! Clocks: around midnight in Beijing, over holidays and worked Saturdays, in pauses, and without
//! a calendar.

use super::*;
use crate::identity::CALENDARS;
use hefu_primitives::Millis;
use hefu_primitives::time::Day;

fn set(ledger: &mut Ledger, text: &str) {
    ledger.time = Millis::from_rfc3339(text).unwrap();
}

fn end(text: &str) -> Option<Millis> {
    Some(day(text).end())
}

/// A ledger with case 1 accepted in the second after a time.
fn accepted_at(text: &str) -> Ledger {
    let mut ledger = at(CaseState::AtHandler);
    set(&mut ledger, text);
    let accept = AcceptCase { case_id: id(1), occurred_at: ledger.time };
    ledger.act(&handler(), accept).unwrap();
    ledger
}

#[test]
fn the_day_of_acceptance_is_a_beijing_day() {
    // The last second of Wednesday 20 May in Beijing, and the first of Thursday.
    let wednesday = accepted_at("2026-05-20T15:59:58Z");
    let thursday = accepted_at("2026-05-20T15:59:59Z");
    assert_eq!(clocks(&wednesday, 1).promise_due, end("2026-05-29"));
    assert_eq!(clocks(&thursday, 1).promise_due, end("2026-06-01"));
    assert_eq!(clocks(&wednesday, 1).legal_due, end("2026-06-17"));
    assert_eq!(clocks(&thursday, 1).legal_due, end("2026-06-18"));
}

#[test]
fn overdue_begins_at_midnight_in_beijing() {
    let accepted = accepted_at("2026-05-20T03:00:00Z");
    for (time, late) in [("2026-05-29T15:59:58.999Z", false), ("2026-05-29T15:59:59Z", true)] {
        let mut ledger = accepted.clone();
        set(&mut ledger, time);
        let now = ledger.time;
        ledger.act(&handler(), decide(1, now)).unwrap();
        assert_eq!(flags(&ledger), if late { vec!["overdue_promise"] } else { vec![] }, "{time}");
        let clocks = clocks(&ledger, 1);
        assert_eq!((clocks.overdue_promise, clocks.overdue_legal), (Some(late), Some(false)));
        assert_eq!(clocks.used_days, Some(7));
    }
}

#[test]
fn a_clock_stops_when_the_case_is_decided() {
    let mut ledger = accepted_at("2026-05-20T03:00:00Z");
    let now = ledger.time;
    ledger.act(&handler(), decide(1, now)).unwrap();
    ledger.wait_days(100);
    let after = clocks(&ledger, 1);
    assert_eq!((after.overdue_promise, after.overdue_legal), (Some(false), Some(false)));
    assert_eq!((after.used_days, after.delivery_late), (Some(0), Some(true)));
}

#[test]
fn holidays_do_not_count_and_worked_saturdays_do() {
    // Thursday 24 September 2026: 25 to 27 is Mid-Autumn Festival, October begins with holidays.
    let ledger = accepted_at("2026-09-24T02:00:00Z");
    assert_eq!(clocks(&ledger, 1).promise_due, end("2026-10-12"), "28 to 30, 8 to 10, 12 October");
    // Sunday 20 September is worked.
    let ledger = accepted_at("2026-09-18T02:00:00Z");
    assert_eq!(clocks(&ledger, 1).promise_due, end("2026-09-29"), "20 to 24, 28, 29 September");
    // Wednesday 30 September: 1 to 7 October are holidays, Saturday 10 is worked.
    let ledger = accepted_at("2026-09-30T02:00:00Z");
    assert_eq!(clocks(&ledger, 1).promise_due, end("2026-10-15"), "8, 9, 10, 12 to 15 October");
}

#[test]
fn a_handover_is_answered_on_the_next_working_day() {
    let late = |sent: &str, answered: &str| {
        let mut ledger = at(CaseState::Ready);
        set(&mut ledger, sent);
        let now = ledger.time;
        let sent = Handover { case_id: id(1), documents: documents(), occurred_at: now };
        ledger.act(&receiver(), sent).unwrap();
        set(&mut ledger, answered);
        let now = ledger.time;
        let answer = ReceiveHandover { case_id: id(1), documents: documents(), occurred_at: now };
        ledger.act(&handler(), answer).unwrap();
        assert_eq!(clocks(&ledger, 1).handover_late, Some(!flags(&ledger).is_empty()));
        flags(&ledger) == ["handover_late"]
    };
    assert!(!late("2026-05-21T02:00:00Z", "2026-05-22T15:59:58Z"));
    assert!(late("2026-05-21T02:00:00Z", "2026-05-22T15:59:59Z"));
    // Friday to Monday; Friday before the worked Saturday to that Saturday.
    assert!(!late("2026-05-22T02:00:00Z", "2026-05-25T15:00:00Z"));
    assert!(late("2026-10-09T02:00:00Z", "2026-10-10T16:00:00Z"));
    assert!(!late("2026-10-09T02:00:00Z", "2026-10-10T15:00:00Z"));
}

#[test]
fn what_is_missing_is_asked_for_in_five_working_days() {
    for (days, late) in [(7, false), (8, true)] {
        let mut ledger = at(CaseState::AtHandler);
        ledger.wait_days(days);
        ledger.act(&handler(), AskSupplement { case_id: id(1), notice: digest(1) }).unwrap();
        assert_eq!(flags(&ledger), if late { vec!["supplement_late"] } else { vec![] }, "{days}");
        assert_eq!(clocks(&ledger, 1).supplement_late, Some(late));
    }
}

#[test]
fn days_of_a_pause_do_not_count() {
    let mut ledger = accepted_at("2026-05-20T03:00:00Z");
    let pause = PauseCase { case_id: id(1), kind: PauseKind::ExpertReview, days: 10 };
    set(&mut ledger, "2026-05-21T02:00:00Z");
    ledger.act(&handler(), pause).unwrap();
    // 22 May to 4 June do not count at most: 21 counted, six are left.
    assert_eq!(clocks(&ledger, 1).promise_due, end("2026-06-12"));
    set(&mut ledger, "2026-05-26T02:00:00Z");
    ledger.act(&handler(), ContinueCase { case_id: id(1) }).unwrap();
    assert_eq!(flags(&ledger), Vec::<&str>::new());
    // 22, 25 and 26 May did not count.
    let after = clocks(&ledger, 1);
    assert_eq!((after.promise_due, after.used_days), (end("2026-06-03"), Some(1)));
    // A pause that ends on its own day takes nothing away.
    ledger.act(&handler(), pause).unwrap();
    ledger.act(&handler(), ContinueCase { case_id: id(1) }).unwrap();
    assert_eq!(clocks(&ledger, 1).promise_due, end("2026-06-03"));
}

#[test]
fn a_pause_lasts_no_longer_than_it_was_said_to() {
    let mut ledger = accepted_at("2026-05-20T03:00:00Z");
    ledger
        .act(&handler(), PauseCase { case_id: id(1), kind: PauseKind::Testing, days: 2 })
        .unwrap();
    set(&mut ledger, "2026-05-22T15:59:58Z");
    assert_eq!(clocks(&ledger, 1).pause_exceeded, Some(false));
    set(&mut ledger, "2026-06-02T02:00:00Z");
    let running = clocks(&ledger, 1);
    assert_eq!(running.promise_due, end("2026-06-02"), "21 and 22 May did not count");
    assert_eq!((running.pause_exceeded, running.overdue_promise), (Some(true), Some(false)));
    set(&mut ledger, "2026-06-03T02:00:00Z");
    assert_eq!(clocks(&ledger, 1).overdue_promise, Some(true));
    ledger.act(&handler(), ContinueCase { case_id: id(1) }).unwrap();
    assert_eq!(flags(&ledger), ["pause_exceeded"]);
}

#[test]
fn an_extension_lengthens_the_legal_limit_while_that_runs() {
    let mut ledger = accepted_at("2026-05-20T03:00:00Z");
    let extend = ExtendCase { case_id: id(1), days: 10, approval: digest(1) };
    let mut over = ledger.clone();
    set(&mut over, "2026-06-17T15:59:59Z");
    assert_eq!(over.act(&handler(), extend), Err(Code::ExtensionInvalid), "it is over");
    set(&mut ledger, "2026-06-17T15:59:58Z");
    ledger.act(&handler(), extend).unwrap();
    let clocks = clocks(&ledger, 1);
    assert_eq!(clocks.legal_due, end("2026-07-02"), "19 June is a holiday");
    assert_eq!((clocks.promise_due, clocks.legal_days), (end("2026-05-29"), 30));
}

#[test]
fn delivery_has_ten_working_days() {
    for (days, late) in [(14, false), (15, true)] {
        let mut ledger = at(CaseState::Decided);
        ledger.wait_days(days);
        let now = ledger.time;
        ledger.act(&receiver(), DeliverCase { case_id: id(1), occurred_at: now }).unwrap();
        assert_eq!(flags(&ledger), if late { vec!["delivery_late"] } else { vec![] }, "{days}");
    }
}

#[test]
fn parts_have_their_own_limit() {
    let mut ledger = with_item(&terms());
    let joint = OpenCase { mode: CaseMode::Joint, ..open(&ledger, 1) };
    ledger.act(&receiver(), joint).unwrap();
    ledger.act(&receiver(), check(1)).unwrap();
    let (case_id, base, handler) = (id(1), roadside(), elsewhere().authority);
    ledger.act(&receiver(), OpenSub { case_id, number: 1, base, handler, days: 1 }).unwrap();
    ledger.wait_days(2);
    let late = |ledger: &Ledger| {
        let calendars = crate::clock::calendars(&ledger.state);
        sub_clocks(&case(ledger, 1).subs[0], ledger.time, calendars)
    };
    assert_eq!((late(&ledger).due, late(&ledger).overdue), (end("2026-05-21"), Some(true)));
    let verdict = verdict(CaseOutcome::Approved);
    let occurred_at = ledger.time;
    ledger.act(&elsewhere(), DecideSub { case_id, number: 1, verdict, occurred_at }).unwrap();
    assert_eq!(flags(&ledger), ["sub_1", "overdue"]);
}

/// What begins a clock is refused while its end cannot be told; what is derived says so.
#[test]
fn a_missing_calendar_is_never_guessed() {
    let case_id = id(1);
    let missing = Err(Code::NoCalendar);
    let mut ledger = at(CaseState::Ready);
    set(&mut ledger, "2026-12-31T02:00:00Z");
    let sent = Handover { case_id, documents: documents(), occurred_at: ledger.time };
    assert_eq!(ledger.act(&receiver(), sent), missing);

    let mut ledger = at(CaseState::AtHandler);
    set(&mut ledger, "2026-12-03T02:00:00Z");
    let accept = AcceptCase { case_id, occurred_at: ledger.time };
    let mut later = ledger.clone();
    later.wait_days(1);
    assert_eq!(later.act(&handler(), accept), missing, "20 working days reach 2027");
    ledger.act(&handler(), accept).unwrap();
    assert_eq!(clocks(&ledger, 1).legal_due, end("2026-12-31"));
    let pause = PauseCase { case_id, kind: PauseKind::Hearing, days: 1 };
    assert_eq!(ledger.act(&handler(), pause), missing, "the limit would move into 2027");
    let extend = ExtendCase { case_id, days: 1, approval: digest(1) };
    assert_eq!(ledger.act(&handler(), extend), missing);

    // The calendar of next year makes it possible.
    let mut informed = ledger.clone();
    let notice =
        hefu_primitives::time::Notice { year: 2027, holidays: &[((1, 1), (1, 1))], make_up: &[] };
    informed.put(&CALENDARS, &2027, &notice.calendar().unwrap());
    informed.act(&handler(), pause).unwrap();
    assert_eq!(clocks(&informed, 1).legal_due, end("2027-01-04"));

    // A calendar that is gone leaves lateness unknown.
    ledger.state.0.remove(&CALENDARS.key(&2026));
    let unknown = clocks(&ledger, 1);
    assert!(unknown.no_calendar && unknown.legal_due.is_none() && unknown.overdue_legal.is_none());
    let now = ledger.time;
    ledger.act(&handler(), decide(1, now)).unwrap();
    assert_eq!(flags(&ledger), ["no_calendar"]);
    let mut ledger = with_item(&terms());
    let joint = OpenCase { mode: CaseMode::Joint, ..open(&ledger, 1) };
    ledger.act(&receiver(), joint).unwrap();
    ledger.act(&receiver(), check(1)).unwrap();
    set(&mut ledger, "2026-12-31T02:00:00Z");
    let (base, handler) = (roadside(), elsewhere().authority);
    let sub = OpenSub { case_id, number: 1, base, handler, days: 1 };
    assert_eq!(ledger.act(&receiver(), sub), missing);
}

#[test]
fn a_corrected_calendar_moves_deadlines() {
    let mut ledger = accepted_at("2026-05-20T03:00:00Z");
    assert_eq!(clocks(&ledger, 1).promise_due, end("2026-05-29"));
    // Friday 29 May becomes a holiday.
    let calendar = ledger.get(&CALENDARS, &2026).unwrap();
    let mut days = *calendar.days();
    let place = usize::from(day("2026-05-29").day_of_year() - 1);
    days.0[place / 8] &= !(1 << (place % 8));
    let corrected = hefu_primitives::time::WorkCalendar::new(2026, days).unwrap();
    ledger.adopt(id(9), crate::identity::Action::AdoptCalendar(corrected)).unwrap();
    assert_eq!(clocks(&ledger, 1).promise_due, end("2026-06-01"));
    assert_eq!(Day::of_beijing(ledger.time), day("2026-05-20"));
}
