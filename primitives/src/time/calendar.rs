//! The work calendar: which days of a year count when a deadline is counted in working days.
//!
//! A calendar is data, adopted by vote once the State Council has announced the year's holidays
//! and the weekend days worked in exchange. One bit a day: bit `d − 1` of the year's d-th day is
//! bit `(d − 1) mod 8`, from the low end, of byte `(d − 1) / 8`; set means working.
//!
//! Invariant: bits after the last day of the year are zero, so a calendar has one encoding.
//!
//! Nothing is guessed: a count that reaches a year without a calendar fails and names the year.

use super::{Day, TimeError};
use crate::ids::Millis;

/// Years a calendar may be for.
const YEARS: core::ops::RangeInclusive<u16> = 1970..=9999;

bytes_newtype! {
    /// A bit for each day of a year, and a few that stay zero.
    WorkDays, 46
}

/// Why something is not a work calendar.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CalendarError {
    /// The year is not between 1970 and 9999.
    #[error("year {year} is not between 1970 and 9999")]
    Year {
        /// Year found.
        year: u16,
    },
    /// A bit is set after the last day of the year.
    #[error("a bit is set after the last day of the year")]
    UnusedBits,
    /// A holiday or make-up day does not exist in the year.
    #[error(transparent)]
    Day(#[from] TimeError),
    /// A holiday ends before it starts.
    #[error("a holiday ends before it starts")]
    Backwards,
}

/// A count of working days reached a year for which no calendar is adopted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no work calendar for {year}")]
pub struct MissingCalendar {
    /// The year without a calendar.
    pub year: u16,
}

/// The working days of one year.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, minicbor::Encode, serde::Serialize, serde::Deserialize,
)]
#[serde(try_from = "Unchecked")]
pub struct WorkCalendar {
    #[n(0)]
    year: u16,
    #[n(1)]
    days: WorkDays,
}

/// What was received, before its bits are checked.
#[derive(minicbor::Decode, serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Unchecked {
    #[n(0)]
    year: u16,
    #[n(1)]
    days: WorkDays,
}

/// A month and a day of it.
pub type MonthDay = (i8, i8);

/// A year's announcement: every Monday to Friday is a working day except the holidays, and the
/// make-up days are working days besides.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Notice<'a> {
    /// The year.
    pub year: u16,
    /// First and last day of each holiday.
    pub holidays: &'a [(MonthDay, MonthDay)],
    /// Weekend days worked in exchange.
    pub make_up: &'a [MonthDay],
}

impl Notice<'static> {
    /// The State Council's notice for 2026, for samples and tests; a ledger adopts its own.
    pub const FOR_2026: Self = Self {
        year: 2026,
        holidays: &[
            ((1, 1), (1, 3)),
            ((2, 15), (2, 23)),
            ((4, 4), (4, 6)),
            ((5, 1), (5, 5)),
            ((6, 19), (6, 21)),
            ((9, 25), (9, 27)),
            ((10, 1), (10, 7)),
        ],
        make_up: &[(1, 4), (2, 14), (2, 28), (5, 9), (9, 20), (10, 10)],
    };
}

impl Notice<'_> {
    /// The calendar that follows from the announcement.
    ///
    /// # Errors
    /// When the year is out of range, a day does not exist or a holiday ends before it starts.
    pub fn calendar(&self) -> Result<WorkCalendar, CalendarError> {
        let mut calendar = WorkCalendar::new(self.year, WorkDays::ZERO)?;
        let mut day = self.day((1, 1))?;
        while day.year() == self.year {
            calendar.set(day, !day.is_weekend());
            if day == Day::MAX {
                break;
            }
            day = day.next();
        }
        for (first, last) in self.holidays {
            let (mut day, last) = (self.day(*first)?, self.day(*last)?);
            if last < day {
                return Err(CalendarError::Backwards);
            }
            while day <= last {
                calendar.set(day, false);
                if day == last {
                    break;
                }
                day = day.next();
            }
        }
        for day in self.make_up {
            calendar.set(self.day(*day)?, true);
        }
        Ok(calendar)
    }

    fn day(&self, (month, day): MonthDay) -> Result<Day, TimeError> {
        let year = i16::try_from(self.year).map_err(|_| TimeError::Day)?;
        Day::new(year, month, day)
    }
}

impl WorkCalendar {
    /// A calendar from its bits.
    ///
    /// # Errors
    /// When the year is out of range or a bit after its last day is set.
    pub fn new(year: u16, days: WorkDays) -> Result<Self, CalendarError> {
        if !YEARS.contains(&year) {
            return Err(CalendarError::Year { year });
        }
        let last = Day::from_number(u32::from(year).saturating_mul(10_000).saturating_add(1231))?;
        let unused = (last.day_of_year()..368).any(|place| bit(&days, place));
        if unused { Err(CalendarError::UnusedBits) } else { Ok(Self { year, days }) }
    }

    /// The year.
    pub const fn year(&self) -> u16 {
        self.year
    }

    /// The bits.
    pub const fn days(&self) -> &WorkDays {
        &self.days
    }

    /// Whether a day is a working day; false for a day of another year.
    pub fn is_working(&self, day: Day) -> bool {
        day.year() == self.year && bit(&self.days, day.day_of_year().saturating_sub(1))
    }

    /// Working days in the year.
    pub fn count(&self) -> u32 {
        self.days.0.iter().map(|byte| byte.count_ones()).sum()
    }

    /// As [`nth_working_day`], with this calendar alone.
    ///
    /// # Errors
    /// When the count leaves the year.
    pub fn nth_working_day(&self, from: Day, n: u16) -> Result<Day, MissingCalendar> {
        nth_working_day(|year| (year == self.year).then_some(*self), from, n)
    }

    fn set(&mut self, day: Day, working: bool) {
        let place = day.day_of_year().saturating_sub(1);
        if let Some(byte) = self.days.0.get_mut(usize::from(place / 8)) {
            let mask = 1u8 << (place % 8);
            *byte = if working { *byte | mask } else { *byte & !mask };
        }
    }
}

/// The n-th working day after `from`, which itself does not count; `from` when n is 0. The
/// deadline is that day's [`end`](Day::end). `calendar` finds the calendar of a year and is asked
/// once for each year the count enters.
///
/// # Errors
/// [`MissingCalendar`] names the first year it was not found for.
pub fn nth_working_day(
    mut calendar: impl FnMut(u16) -> Option<WorkCalendar>,
    from: Day,
    n: u16,
) -> Result<Day, MissingCalendar> {
    nth_working_day_without(&mut calendar, from, n, |_| false)
}

/// As [`nth_working_day`], without the days that `stopped` names: a clock that is paused does not
/// count them. `stopped` must end somewhere, or the count ends with the last calendar.
///
/// # Errors
/// As [`nth_working_day`].
pub fn nth_working_day_without(
    mut calendar: impl FnMut(u16) -> Option<WorkCalendar>,
    from: Day,
    n: u16,
    stopped: impl Fn(Day) -> bool,
) -> Result<Day, MissingCalendar> {
    let mut walk = Walk { calendar: &mut calendar, current: None, day: from };
    let mut left = n;
    while left > 0 {
        let counts = walk.step()? && !stopped(walk.day);
        left = left.saturating_sub(u16::from(counts));
    }
    Ok(walk.day)
}

/// How many working days come after `after`, up to and including `until`; 0 when that is earlier.
///
/// # Errors
/// [`MissingCalendar`] names the first year without a calendar.
pub fn working_days_between(
    mut calendar: impl FnMut(u16) -> Option<WorkCalendar>,
    after: Day,
    until: Day,
) -> Result<u32, MissingCalendar> {
    working_days_between_without(&mut calendar, after, until, |_| false)
}

/// As [`working_days_between`], without the days that `stopped` names.
///
/// # Errors
/// As [`working_days_between`].
pub fn working_days_between_without(
    mut calendar: impl FnMut(u16) -> Option<WorkCalendar>,
    after: Day,
    until: Day,
    stopped: impl Fn(Day) -> bool,
) -> Result<u32, MissingCalendar> {
    let mut walk = Walk { calendar: &mut calendar, current: None, day: after };
    let mut count = 0u32;
    while walk.day < until {
        let counts = walk.step()? && !stopped(walk.day);
        count = count.saturating_add(u32::from(counts));
    }
    Ok(count)
}

/// When what started at `start` must be done: 24:00 in Beijing of the n-th working day after.
///
/// # Errors
/// As [`nth_working_day`].
pub fn deadline(
    calendar: impl FnMut(u16) -> Option<WorkCalendar>,
    start: Millis,
    n: u16,
) -> Result<Millis, MissingCalendar> {
    nth_working_day(calendar, Day::of_beijing(start), n).map(Day::end)
}

/// A walk over days that keeps the calendar of the year it is in.
struct Walk<'a, F> {
    calendar: &'a mut F,
    current: Option<WorkCalendar>,
    day: Day,
}

impl<F: FnMut(u16) -> Option<WorkCalendar>> Walk<'_, F> {
    /// Goes to the next day and says whether it is a working day. The last day representable is
    /// the end of the walk, so that a walk always ends.
    fn step(&mut self) -> Result<bool, MissingCalendar> {
        if self.day == Day::MAX {
            return Err(MissingCalendar { year: self.day.year().saturating_add(1) });
        }
        self.day = self.day.next();
        let year = self.day.year();
        let calendar = match self.current.filter(|current| current.year == year) {
            Some(current) => current,
            None => (self.calendar)(year)
                .filter(|found| found.year == year)
                .ok_or(MissingCalendar { year })?,
        };
        self.current = Some(calendar);
        Ok(calendar.is_working(self.day))
    }
}

/// Whether the bit at `place`, from 0, is set.
fn bit(days: &WorkDays, place: u16) -> bool {
    days.0.get(usize::from(place / 8)).is_some_and(|byte| byte & (1u8 << (place % 8)) != 0)
}

impl TryFrom<Unchecked> for WorkCalendar {
    type Error = CalendarError;

    fn try_from(received: Unchecked) -> Result<Self, CalendarError> {
        Self::new(received.year, received.days)
    }
}

impl<'b, C> minicbor::Decode<'b, C> for WorkCalendar {
    fn decode(d: &mut minicbor::Decoder<'b>, c: &mut C) -> Result<Self, minicbor::decode::Error> {
        let received = <Unchecked as minicbor::Decode<'b, C>>::decode(d, c)?;
        let wrong = |_| minicbor::decode::Error::message("WorkCalendar: bad year or unused bits");
        received.try_into().map_err(wrong)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codec::Canonical;
    use proptest::prelude::*;

    fn day(text: &str) -> Day {
        text.parse().unwrap()
    }

    fn year_2026() -> WorkCalendar {
        Notice::FOR_2026.calendar().unwrap()
    }

    /// 2026 as announced; 2027 with New Year's Day alone; nothing else adopted.
    fn adopted(year: u16) -> Option<WorkCalendar> {
        let plain = Notice { year, holidays: &[((1, 1), (1, 1))], make_up: &[] };
        match year {
            2026 => Some(year_2026()),
            2027 => plain.calendar().ok(),
            _ => None,
        }
    }

    #[test]
    fn the_calendar_of_2026() {
        let calendar = year_2026();
        for (text, working) in [
            ("2026-01-01", false), // Thursday, holiday
            ("2026-01-04", true),  // Sunday, worked
            ("2026-01-05", true),
            ("2026-02-14", true), // Saturday, worked
            ("2026-02-23", false),
            ("2026-02-28", true),
            ("2026-05-09", true),
            ("2026-05-16", false), // an ordinary Saturday
            ("2026-09-20", true),
            ("2026-10-07", false),
            ("2026-12-31", true),
            ("2027-01-04", false), // another year
        ] {
            assert_eq!(calendar.is_working(day(text)), working, "{text}");
        }
        assert_eq!(calendar.count(), 248);
    }

    #[test]
    fn encoding_is_frozen() {
        let bytes = year_2026().to_bytes();
        let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(hex, GOLDEN);
        assert_eq!(WorkCalendar::from_bytes(&bytes, 64), Ok(year_2026()));
    }

    const GOLDEN: &str = "821907ea582ef8f97c3e9f1fc0f7f97c3e1fcfe7f3e07d3e\
        9fcfe7f1f97c3e9fcfe7f3f97c3edfc701f7f97c3e9fcfe7f3f97c1e";

    #[test]
    fn unused_bits_and_years_are_refused() {
        let with = |place: usize| {
            let mut days = WorkDays::ZERO;
            days.0[place / 8] |= 1 << (place % 8);
            days
        };
        assert!(WorkCalendar::new(2026, with(364)).is_ok());
        assert_eq!(WorkCalendar::new(2026, with(365)), Err(CalendarError::UnusedBits));
        assert!(WorkCalendar::new(2028, with(365)).is_ok());
        assert_eq!(WorkCalendar::new(2028, with(366)), Err(CalendarError::UnusedBits));
        assert_eq!(WorkCalendar::new(2028, with(367)), Err(CalendarError::UnusedBits));
        assert_eq!(WorkCalendar::new(1969, with(0)), Err(CalendarError::Year { year: 1969 }));
        assert_eq!(WorkCalendar::new(10_000, with(0)), Err(CalendarError::Year { year: 10_000 }));

        let mut bytes = year_2026().to_bytes();
        *bytes.last_mut().unwrap() |= 0x80;
        assert!(WorkCalendar::from_bytes(&bytes, 64).is_err());
    }

    #[test]
    fn notices_are_checked() {
        let notice = |holidays| Notice { year: 2026, holidays, make_up: &[] }.calendar();
        assert_eq!(notice(&[((2, 29), (3, 1))]), Err(CalendarError::Day(TimeError::Day)));
        assert_eq!(notice(&[((3, 2), (3, 1))]), Err(CalendarError::Backwards));
        let last = Notice { year: 9999, holidays: &[((12, 30), (12, 31))], make_up: &[] };
        assert!(!last.calendar().unwrap().is_working(Day::MAX));
    }

    #[test]
    fn deadlines() {
        for (from, n, expected) in [
            ("2026-03-02", 0, "2026-03-02"),
            ("2026-03-02", 1, "2026-03-03"),  // Monday to Tuesday
            ("2026-03-06", 1, "2026-03-09"),  // Friday to Monday
            ("2026-03-07", 1, "2026-03-09"),  // Saturday likewise
            ("2026-02-13", 1, "2026-02-14"),  // the worked Saturday counts
            ("2026-02-14", 1, "2026-02-24"),  // over Spring Festival
            ("2026-02-13", 10, "2026-03-05"), // 14, then 24 to 28, then 2 to 5 March
            ("2026-09-30", 3, "2026-10-10"),  // 8, 9 and the worked Saturday
            ("2026-12-30", 2, "2027-01-04"),  // over the year's end
            ("2026-12-31", 1, "2027-01-04"),
        ] {
            assert_eq!(nth_working_day(adopted, day(from), n), Ok(day(expected)), "{from} + {n}");
        }
    }

    #[test]
    fn a_missing_calendar_is_named() {
        let at_the_end = day("2026-12-30");
        assert_eq!(year_2026().nth_working_day(at_the_end, 1), Ok(day("2026-12-31")));
        assert_eq!(year_2026().nth_working_day(at_the_end, 2), Err(MissingCalendar { year: 2027 }));
        assert_eq!(
            nth_working_day(adopted, day("2027-12-31"), 1),
            Err(MissingCalendar { year: 2028 })
        );
        assert_eq!(nth_working_day(adopted, day("2031-05-05"), 0), Ok(day("2031-05-05")));
        let wrong_year = |_| Some(year_2026());
        assert_eq!(
            nth_working_day(wrong_year, day("2025-06-01"), 1),
            Err(MissingCalendar { year: 2025 })
        );
        assert_eq!(nth_working_day(adopted, Day::MAX, 1), Err(MissingCalendar { year: 10_000 }));
    }

    #[test]
    fn stopped_days_do_not_count() {
        // Tuesday 3 to Thursday 5 March 2026 are stopped.
        let stopped = |at: Day| day("2026-03-02") < at && at <= day("2026-03-05");
        let nth = |n| nth_working_day_without(adopted, day("2026-03-02"), n, stopped);
        assert_eq!((nth(0), nth(1)), (Ok(day("2026-03-02")), Ok(day("2026-03-06"))));
        assert_eq!(nth(2), Ok(day("2026-03-09")), "over the weekend");
        let count =
            |until| working_days_between_without(adopted, day("2026-03-02"), day(until), stopped);
        assert_eq!((count("2026-03-05"), count("2026-03-06")), (Ok(0), Ok(1)));
        let forever = nth_working_day_without(adopted, day("2027-12-01"), 1, |_| true);
        assert_eq!(forever, Err(MissingCalendar { year: 2028 }), "it ends with the calendars");
    }

    #[test]
    fn deadlines_end_at_midnight_in_beijing() {
        let friday = day("2026-03-06");
        let monday_night = day("2026-03-09").end();
        assert_eq!(monday_night.to_rfc3339(), "2026-03-09T16:00:00.000Z");
        // The first and the last millisecond of Friday start the same clock; the next one is
        // Saturday's, whose first working day is Monday too.
        for start in [friday.start(), friday.end().previous(), friday.end()] {
            assert_eq!(deadline(adopted, start, 1), Ok(monday_night));
        }
        let thursdays_last = friday.start().previous();
        assert_eq!(deadline(adopted, thursdays_last, 1), Ok(friday.end()));
        // 2026 begins in Beijing eight hours before it does in UTC.
        let start = Millis::from_rfc3339("2026-12-31T16:00:00Z").unwrap();
        assert_eq!(deadline(adopted, start, 1), Ok(day("2027-01-04").end()));
        assert_eq!(deadline(adopted, start.previous(), 0), Ok(day("2026-12-31").end()));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn counting_back_agrees(offset in 0i64..365, n in 1u16..200) {
            let from = day("2026-01-01").add_days(offset).unwrap();
            let last = nth_working_day(adopted, from, n).unwrap();
            prop_assert_eq!(working_days_between(adopted, from, last), Ok(u32::from(n)));
            let before = working_days_between(adopted, from, last.previous());
            prop_assert_eq!(before, Ok(u32::from(n) - 1));
            prop_assert_eq!(working_days_between(adopted, last, from), Ok(0));
        }
    }
}
