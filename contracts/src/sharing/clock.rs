//! Lateness, derived from block times and the voted work calendar. Where a calendar is missing
//! there is no answer, never a guess.

use hefu_primitives::Millis;
use hefu_primitives::time::{WorkCalendar, deadline};
use serde::Serialize;

use super::request::Request;
use crate::exec::Context;

/// Whether a request's limits were kept; none where the calendar is missing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct RequestClocks {
    /// Neither acknowledged nor answered within its limit.
    pub ack_late: Option<bool>,
    /// Not answered within its limit.
    pub overdue: Option<bool>,
    /// When the answer is or was due.
    pub due: Option<Millis>,
}

/// The clocks of a request at a block time. They stop when it is acknowledged and closed.
pub fn request_clocks(
    request: &Request,
    now: Millis,
    mut calendar: impl FnMut(u16) -> Option<WorkCalendar>,
) -> RequestClocks {
    let start = request.submitted.time;
    let closed = request.closed.map_or(now, |stamp| stamp.time);
    let acknowledged = request.acknowledged.map_or(closed, |stamp| stamp.time);
    let ack_due = deadline(&mut calendar, start, request.sla.ack).ok();
    let due = deadline(&mut calendar, start, request.sla.answer).ok();
    RequestClocks {
        ack_late: ack_due.map(|due| acknowledged >= due),
        overdue: due.map(|due| closed >= due),
        due,
    }
}

/// Working days within which the other side answers a one-sided receipt.
pub const RECEIPT_ANSWER_DAYS: u16 = 1;

/// Whether an answer to a one-sided receipt is late at a block time; none where the calendar is
/// missing.
pub fn is_answer_late(
    put: Millis,
    answered: Millis,
    calendar: impl FnMut(u16) -> Option<WorkCalendar>,
) -> Option<bool> {
    deadline(calendar, put, RECEIPT_ANSWER_DAYS).ok().map(|due| answered >= due)
}

/// Flags of an acknowledgement.
pub(super) fn acknowledgement_flags(ctx: &Context<'_, '_>, request: &Request) -> Vec<String> {
    let clocks = request_clocks(request, ctx.block.time, super::calendars(ctx));
    late_flag(clocks.ack_late, "ack_late")
}

/// Flags of an answer.
pub(super) fn answer_flags(ctx: &Context<'_, '_>, request: &Request) -> Vec<String> {
    let clocks = request_clocks(request, ctx.block.time, super::calendars(ctx));
    late_flag(clocks.overdue, "overdue")
}

/// One flag: late, or not known for want of a calendar.
pub(super) fn late_flag(late: Option<bool>, name: &str) -> Vec<String> {
    match late {
        Some(true) => vec![name.to_owned()],
        Some(false) => Vec::new(),
        None => vec!["no_calendar".to_owned()],
    }
}
