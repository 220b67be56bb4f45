//! Deadlines of the contracts: block time and the voted work calendars, nothing else.
//!
//! Rules:
//! 1. A limit of n working days ends at 24:00 in Beijing of the n-th working day after the day on
//!    which it began. Weekends worked in exchange count, holidays do not.
//! 2. An act that *starts* a limit is refused with `E111` while the calendar for its end is not
//!    adopted. What is *derived* later says that it does not know.
//! 3. Deadlines are never stored: a calendar corrected by vote moves them.

use hefu_primitives::Millis;
use hefu_primitives::time::{WorkCalendar, deadline};

use crate::code::Code;
use crate::exec::Context;
use crate::identity::CALENDARS;
use crate::state::StateView;

/// The work calendars adopted on the ledger.
pub fn calendars<V: StateView + ?Sized>(view: &V) -> impl FnMut(u16) -> Option<WorkCalendar> + '_ {
    |year| CALENDARS.read(view, &year)
}

/// The end of a limit that begins now.
///
/// # Errors
/// `E111`.
pub(crate) fn begin(ctx: &Context<'_, '_>, days: u16) -> Result<Millis, Code> {
    deadline(calendars(&*ctx.state), ctx.block.time, days).map_err(|_| Code::NoCalendar)
}

/// The end of a limit, and whether it was over at `at`; none where a calendar is missing.
pub fn limit(
    calendar: impl FnMut(u16) -> Option<WorkCalendar>,
    begun: Millis,
    days: u16,
    at: Millis,
) -> (Option<Millis>, Option<bool>) {
    let due = deadline(calendar, begun, days).ok();
    (due, due.map(|due| at >= due))
}

/// One flag: late, or not known for want of a calendar.
pub(crate) fn late_flag(late: Option<bool>, name: &str) -> Vec<String> {
    match late {
        Some(true) => vec![name.to_owned()],
        Some(false) => Vec::new(),
        None => vec!["no_calendar".to_owned()],
    }
}
