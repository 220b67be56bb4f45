//! The clocks of a case, derived from what was recorded and the work calendars.
//!
//! | clock | begins | stops | limit |
//! |---|---|---|---|
//! | handover | handed over | received or sent back | 1 working day |
//! | supplement | with the handler | asked for | 5 |
//! | promise | accepted | decided | the item's or implementation's promise |
//! | legal | accepted | decided | the item's legal limit, and an extension |
//! | delivery | decided | delivered | 10 |
//!
//! The day on which a clock begins does not count. A working day counts for promise and legal
//! limit unless the case was paused when it began, at 0:00 in Beijing. While a pause is open a due
//! time shown is the latest possible: the pause as long as it may be.

use hefu_primitives::Millis;
use hefu_primitives::time::{
    Day, WorkCalendar, nth_working_day, nth_working_day_without, working_days_between_without,
};
use serde::Serialize;

use super::case::{Case, CaseState, SubCase};
use super::{DELIVERY_DAYS, HANDOVER_DAYS, SUPPLEMENT_DAYS};
use crate::clock::limit;

/// Where a case stands against its limits. A clock that has not begun has no values; one whose
/// calendar is missing has none either, and `no_calendar` is set.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct CaseClocks {
    /// When the handler must have answered the handover.
    pub handover_due: Option<Millis>,
    /// It was not answered in time.
    pub handover_late: Option<bool>,
    /// What was missing was asked for too late.
    pub supplement_late: Option<bool>,
    /// When the decision was promised.
    pub promise_due: Option<Millis>,
    /// It was not decided by then.
    pub overdue_promise: Option<bool>,
    /// When the law asks for the decision.
    pub legal_due: Option<Millis>,
    /// It was not decided by then.
    pub overdue_legal: Option<bool>,
    /// Working days used, pauses aside.
    pub used_days: Option<u32>,
    /// Working days promised.
    pub promise_days: u16,
    /// Working days of the law, with the extension.
    pub legal_days: u16,
    /// A pause lasts longer than it was said to, and the clocks run.
    pub pause_exceeded: Option<bool>,
    /// When the result must have reached the applicant.
    pub delivery_due: Option<Millis>,
    /// It did not reach the applicant in time.
    pub delivery_late: Option<bool>,
    /// A calendar is missing, and something here is not known.
    pub no_calendar: bool,
}

/// The clocks of a case at a block time.
pub fn case_clocks(
    case: &Case,
    now: Millis,
    mut calendar: impl FnMut(u16) -> Option<WorkCalendar>,
) -> CaseClocks {
    let mut clocks = CaseClocks {
        promise_days: case.limits.promise_days,
        legal_days: legal_days(case),
        ..CaseClocks::default()
    };
    if let Some(handover) = &case.handover {
        let at = handover.answered.map_or(end_or(case, now), |stamp| stamp.time);
        let found = limit(&mut calendar, handover.sent.time, HANDOVER_DAYS, at);
        (clocks.handover_due, clocks.handover_late) = found;
        clocks.no_calendar |= found.0.is_none();
    }
    if let (Some(arrived), Some(supplement)) = (case.arrived, &case.supplement) {
        let at = supplement.asked.time;
        clocks.supplement_late = limit(&mut calendar, arrived.time, SUPPLEMENT_DAYS, at).1;
        clocks.no_calendar |= clocks.supplement_late.is_none();
    }
    decision_clocks(case, now, &mut calendar, &mut clocks);
    if let Some(decision) = &case.decision {
        let at = case.delivered.map_or(end_or(case, now), |stamp| stamp.time);
        let found = limit(&mut calendar, decision.stamp.time, DELIVERY_DAYS, at);
        (clocks.delivery_due, clocks.delivery_late) = found;
        clocks.no_calendar |= found.0.is_none();
    }
    clocks
}

fn decision_clocks(
    case: &Case,
    now: Millis,
    calendar: &mut impl FnMut(u16) -> Option<WorkCalendar>,
    clocks: &mut CaseClocks,
) {
    let Some(accepted) = case.accepted else { return };
    let Some(running) = Running::of(case, &mut *calendar) else {
        clocks.no_calendar = true;
        return;
    };
    let decided = case.decision.as_ref().map(|decision| decision.stamp.time);
    let at = decided.unwrap_or(end_or(case, now));
    let day = Day::of_beijing(accepted.time);
    clocks.promise_due = running.due(day, clocks.promise_days, &mut *calendar);
    clocks.legal_due = running.due(day, clocks.legal_days, &mut *calendar);
    clocks.overdue_promise = clocks.promise_due.map(|due| at >= due);
    clocks.overdue_legal = clocks.legal_due.map(|due| at >= due);
    clocks.used_days = running.used(day, Day::of_beijing(at), &mut *calendar);
    clocks.pause_exceeded = Some(case.state == CaseState::Paused && running.exceeded(now));
    let unknown = [clocks.promise_due, clocks.legal_due].contains(&None);
    clocks.no_calendar |= unknown || clocks.used_days.is_none();
}

/// When the law asks for the decision of an accepted case; none when a calendar is missing.
pub(super) fn legal_due(
    case: &Case,
    mut calendar: impl FnMut(u16) -> Option<WorkCalendar>,
) -> Option<Millis> {
    let accepted = Day::of_beijing(case.accepted?.time);
    Running::of(case, &mut calendar)?.due(accepted, legal_days(case), calendar)
}

fn legal_days(case: &Case) -> u16 {
    let more = case.extension.map_or(0, |extension| extension.days);
    case.limits.legal_days.saturating_add(more)
}

/// A case that ended otherwise stops its clocks too.
fn end_or(case: &Case, now: Millis) -> Millis {
    case.end.map_or(now, |end| end.stamp.time)
}

/// The spans of days on which the decision clocks stand still: after the first day, up to and
/// including the last.
struct Running {
    stops: Vec<(Day, Day)>,
    /// Last day of the pause that is open.
    open: Option<Day>,
}

impl Running {
    fn of(case: &Case, mut calendar: impl FnMut(u16) -> Option<WorkCalendar>) -> Option<Self> {
        let (mut stops, mut open) = (Vec::new(), None);
        for pause in &case.pauses {
            let from = Day::of_beijing(pause.begun.time);
            let longest = nth_working_day(&mut calendar, from, pause.days).ok()?;
            let ended = pause.ended.or(case.end.map(|end| end.stamp));
            let ended = ended.map(|stamp| Day::of_beijing(stamp.time));
            open = if ended.is_none() { Some(longest) } else { None };
            stops.push((from, ended.map_or(longest, |ended| ended.min(longest))));
        }
        Some(Self { stops, open })
    }

    fn stopped(&self, day: Day) -> bool {
        self.stops.iter().any(|(from, to)| *from < day && day <= *to)
    }

    fn due(
        &self,
        from: Day,
        days: u16,
        calendar: impl FnMut(u16) -> Option<WorkCalendar>,
    ) -> Option<Millis> {
        let day = nth_working_day_without(calendar, from, days, |day| self.stopped(day));
        day.ok().map(Day::end)
    }

    fn used(
        &self,
        from: Day,
        until: Day,
        calendar: impl FnMut(u16) -> Option<WorkCalendar>,
    ) -> Option<u32> {
        working_days_between_without(calendar, from, until, |day| self.stopped(day)).ok()
    }

    fn exceeded(&self, now: Millis) -> bool {
        self.open.is_some_and(|last| now >= last.end())
    }
}

/// Where a part of a joint case stands against its limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct SubClocks {
    /// Its number.
    pub number: u8,
    /// When it is due; none when a calendar is missing.
    pub due: Option<Millis>,
    /// It was not decided by then.
    pub overdue: Option<bool>,
}

/// The clock of a part at a block time.
pub fn sub_clocks(
    sub: &SubCase,
    now: Millis,
    calendar: impl FnMut(u16) -> Option<WorkCalendar>,
) -> SubClocks {
    let at = sub.decision.as_ref().map_or(now, |decision| decision.stamp.time);
    let (due, overdue) = limit(calendar, sub.opened.time, sub.days, at);
    SubClocks { number: sub.number, due, overdue }
}
