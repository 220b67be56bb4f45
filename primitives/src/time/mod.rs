//! Days, instants and the work calendar.
//!
//! Rules:
//! 1. A [`Day`] exists in the Gregorian calendar: 1000-01-01 to 9999-12-31. Text that names no
//!    day, and bytes that encode none, are refused.
//! 2. Days are Beijing days, eight hours ahead of UTC all year. No time zone table is consulted.
//! 3. Instants are [`Millis`]; those past the year 9999 count as its last, those of days before
//!    1970 as 0, so that comparisons with block times still come out right.
//! 4. A deadline is the end, 24:00 in Beijing, of the n-th working day after the day it starts on.
//!    Working days come from a calendar adopted on the ledger; without one there is no answer.
//!
//! Nobody here knows what time it is: the caller says.

mod calendar;

pub use calendar::{CalendarError, MissingCalendar, MonthDay, Notice, WorkCalendar, WorkDays};
pub use calendar::{
    deadline, nth_working_day, nth_working_day_without, working_days_between,
    working_days_between_without,
};

use crate::ids::Millis;
use core::{fmt, str::FromStr};
use jiff::civil::{Date, DateTime, Weekday};
use jiff::tz::Offset;
use jiff::{Span, Timestamp};

/// Milliseconds in a day.
pub const DAY_MS: u64 = 86_400_000;

const BEIJING: Offset = jiff::tz::offset(8);

/// Why a text or number names no day or instant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TimeError {
    /// Not a day between 1000-01-01 and 9999-12-31, written YYYY-MM-DD or as the number YYYYMMDD.
    #[error("not a day; write YYYY-MM-DD")]
    Day,
    /// Not an instant since 1970 in RFC 3339.
    #[error("not an instant since 1970; write it like 2026-01-31T08:00:00Z")]
    Instant,
}

/// A Beijing day: in CBOR the number YYYYMMDD, in text and JSON `YYYY-MM-DD`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Day(Date);

impl Day {
    /// The first day representable.
    pub const MIN: Self = Self(jiff::civil::date(1000, 1, 1));
    /// The last day representable.
    pub const MAX: Self = Self(jiff::civil::date(9999, 12, 31));

    /// The day with this year, month and day of the month.
    ///
    /// # Errors
    /// [`TimeError::Day`] when there is none.
    pub fn new(year: i16, month: i8, day: i8) -> Result<Self, TimeError> {
        Date::new(year, month, day)
            .ok()
            .map(Self)
            .filter(|day| *day >= Self::MIN)
            .ok_or(TimeError::Day)
    }

    /// The day written as the number YYYYMMDD.
    ///
    /// # Errors
    /// [`TimeError::Day`] when there is none.
    pub fn from_number(number: u32) -> Result<Self, TimeError> {
        let part = |number: u32| i8::try_from(number % 100).map_err(|_| TimeError::Day);
        let year = i16::try_from(number / 10_000).map_err(|_| TimeError::Day)?;
        Self::new(year, part(number / 100)?, part(number)?)
    }

    /// The day in Beijing at this instant.
    pub fn of_beijing(at: Millis) -> Self {
        Self(BEIJING.to_datetime(timestamp(at)).date()).min(Self::MAX)
    }

    /// The number YYYYMMDD.
    pub fn number(self) -> u32 {
        let part = |number: i8| u32::from(number.unsigned_abs());
        let year = u32::from(self.year());
        year.saturating_mul(10_000)
            .saturating_add(part(self.0.month()).saturating_mul(100))
            .saturating_add(part(self.0.day()))
    }

    /// The year.
    pub fn year(self) -> u16 {
        self.0.year().unsigned_abs()
    }

    /// Day of the year, from 1.
    pub fn day_of_year(self) -> u16 {
        self.0.day_of_year().unsigned_abs()
    }

    /// Whether the day is a Saturday or Sunday.
    pub fn is_weekend(self) -> bool {
        matches!(self.0.weekday(), Weekday::Saturday | Weekday::Sunday)
    }

    /// The day this many days later, or earlier when negative; none outside the range of days.
    pub fn add_days(self, days: i64) -> Option<Self> {
        let span = Span::new().try_days(days).ok()?;
        self.0.checked_add(span).ok().map(Self).filter(|day| *day >= Self::MIN)
    }

    /// The day after; the last day stays where it is.
    pub fn next(self) -> Self {
        self.0.tomorrow().map_or(Self::MAX, Self)
    }

    /// The day before; the first day stays where it is.
    pub fn previous(self) -> Self {
        self.0.yesterday().map_or(Self::MIN, Self).max(Self::MIN)
    }

    /// Days from this day to `other`; negative when that is earlier.
    pub fn days_until(self, other: Self) -> i64 {
        self.0.duration_until(other.0).as_hours() / 24
    }

    /// The first instant of the day in Beijing, 00:00.
    pub fn start(self) -> Millis {
        Millis(u64::try_from(self.start_since_1970()).unwrap_or(0))
    }

    /// The first instant after the day in Beijing, 24:00. What happens before it is in time.
    pub fn end(self) -> Millis {
        let end = self.start_since_1970().saturating_add_unsigned(DAY_MS);
        Millis(u64::try_from(end).unwrap_or(0))
    }

    fn start_since_1970(self) -> i64 {
        let midnight = self.0.at(0, 0, 0, 0);
        BEIJING.to_timestamp(midnight).unwrap_or(Timestamp::MAX).as_millisecond()
    }
}

impl fmt::Display for Day {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04}-{:02}-{:02}", self.0.year(), self.0.month(), self.0.day())
    }
}

impl fmt::Debug for Day {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Day({self})")
    }
}

impl FromStr for Day {
    type Err = TimeError;

    fn from_str(text: &str) -> Result<Self, TimeError> {
        let bytes: &[u8; 10] = text.as_bytes().try_into().map_err(|_| TimeError::Day)?;
        let [year @ .., b'-', m1, m2, b'-', d1, d2] = *bytes else {
            return Err(TimeError::Day);
        };
        let [y1, y2, y3, y4] = year;
        let number = crate::codes::digits(&[y1, y2, y3, y4, m1, m2, d1, d2]);
        Self::from_number(number.ok_or(TimeError::Day)?)
    }
}

impl<C> minicbor::Encode<C> for Day {
    fn encode<W: minicbor::encode::Write>(
        &self,
        e: &mut minicbor::Encoder<W>,
        _: &mut C,
    ) -> Result<(), minicbor::encode::Error<W::Error>> {
        e.u32(self.number())?.ok()
    }
}

impl<'b, C> minicbor::Decode<'b, C> for Day {
    fn decode(d: &mut minicbor::Decoder<'b>, _: &mut C) -> Result<Self, minicbor::decode::Error> {
        Self::from_number(d.u32()?)
            .map_err(|_| minicbor::decode::Error::message("Day: no such day"))
    }
}

text_serde!(Day);

impl Millis {
    /// RFC 3339 in UTC, always with milliseconds: `2026-01-31T08:00:00.000Z`.
    pub fn to_rfc3339(self) -> String {
        let at = Offset::UTC.to_datetime(timestamp(self));
        format!("{}T{}.{:03}Z", at_day(at), at_time(at), at.millisecond())
    }

    /// Beijing time for people to read: `2026-01-31 16:00:00`. Say beside it that it is Beijing
    /// time.
    pub fn to_beijing(self) -> String {
        let at = BEIJING.to_datetime(timestamp(self));
        format!("{} {}", at_day(at), at_time(at))
    }

    /// Reads RFC 3339 with any offset; what is finer than a millisecond is cut off.
    ///
    /// # Errors
    /// [`TimeError::Instant`] when it is not that, or before 1970.
    pub fn from_rfc3339(text: &str) -> Result<Self, TimeError> {
        let at: Timestamp = text.parse().map_err(|_| TimeError::Instant)?;
        u64::try_from(at.as_millisecond()).map(Self).map_err(|_| TimeError::Instant)
    }
}

/// Rule 3: instants past the last are the last.
fn timestamp(at: Millis) -> Timestamp {
    let milliseconds = i64::try_from(at.get()).unwrap_or(i64::MAX);
    Timestamp::from_millisecond(milliseconds).unwrap_or(Timestamp::MAX)
}

fn at_day(at: DateTime) -> String {
    format!("{:04}-{:02}-{:02}", at.year(), at.month(), at.day())
}

fn at_time(at: DateTime) -> String {
    format!("{:02}:{:02}:{:02}", at.hour(), at.minute(), at.second())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codec::{Canonical, CodecError};
    use proptest::prelude::*;

    fn day(text: &str) -> Day {
        text.parse().unwrap()
    }

    #[test]
    fn days_exist() {
        assert_eq!(day("2024-02-29").number(), 20_240_229);
        for text in [
            "2025-02-29",
            "2026-13-01",
            "2026-00-10",
            "2026-04-31",
            "2026-1-01",
            "20260101",
            "2026/01/01",
            "0999-12-31",
            "+026-01-01",
            "2026-01-01 ",
            "２026-01-0",
            "",
        ] {
            assert_eq!(text.parse::<Day>(), Err(TimeError::Day), "{text}");
        }
        for number in [0, 2026, 20_260_230, 20_260_100, 9_991_231, 100_000_101, u32::MAX] {
            assert_eq!(Day::from_number(number), Err(TimeError::Day), "{number}");
        }
    }

    #[test]
    fn encoding_is_frozen() {
        let bytes = day("2026-05-20").to_bytes();
        assert_eq!(bytes, [0x1a, 0x01, 0x35, 0x26, 0xa8]);
        assert_eq!(Day::from_bytes(&bytes, 8), Ok(day("2026-05-20")));
        let none = 20_260_230u32.to_bytes();
        assert!(matches!(Day::from_bytes(&none, 8), Err(CodecError::Malformed { .. })));
    }

    #[test]
    fn midnight_is_beijing_midnight() {
        let day = day("2026-01-01");
        assert_eq!(day.start().to_rfc3339(), "2025-12-31T16:00:00.000Z");
        assert_eq!(day.end(), day.next().start());
        assert_eq!(Day::of_beijing(day.start()), day);
        assert_eq!(Day::of_beijing(day.start().previous()).to_string(), "2025-12-31");
        assert_eq!(Day::of_beijing(day.end().previous()), day);
        assert_eq!(Day::of_beijing(Millis(0)).to_string(), "1970-01-01");
        assert_eq!(Millis(0).to_beijing(), "1970-01-01 08:00:00");
    }

    #[test]
    fn the_ends_of_time_hold() {
        assert_eq!(Day::of_beijing(Millis(u64::MAX)).to_string(), "9999-12-31");
        assert_eq!(day("1949-12-31").start(), Millis(0));
        assert_eq!(day("1949-12-31").end(), Millis(0));
        assert_eq!((Day::MAX.next(), Day::MIN.previous()), (Day::MAX, Day::MIN));
        assert!(Day::MAX.end() >= Day::MAX.start());
        assert_eq!(Day::MAX.add_days(1), None);
        assert_eq!(Day::MIN.add_days(-1), None);
        assert_eq!(Day::MIN.add_days(i64::MAX), None);
        assert_eq!(Day::MIN.add_days(i64::MIN), None);
    }

    #[test]
    fn instants_as_text() {
        let at = Millis(1_767_225_600_123);
        assert_eq!(at.to_rfc3339(), "2026-01-01T00:00:00.123Z");
        assert_eq!(at.to_beijing(), "2026-01-01 08:00:00");
        assert_eq!(Millis::from_rfc3339("2026-01-01T08:00:00.123+08:00"), Ok(at));
        for text in ["1969-12-31T23:59:59Z", "2026-01-01", "now", ""] {
            assert_eq!(Millis::from_rfc3339(text), Err(TimeError::Instant), "{text}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(256))]

        #[test]
        fn arithmetic_agrees(at in 0u64..4_000_000_000_000, days in -100_000i64..100_000) {
            let day = Day::of_beijing(Millis(at));
            prop_assert!(day.start().get() <= at && at < day.end().get());
            prop_assert_eq!(day.to_string().parse(), Ok(day));
            prop_assert_eq!(Day::from_number(day.number()), Ok(day));
            let other = day.add_days(days).unwrap();
            prop_assert_eq!(day.days_until(other), days);
            prop_assert_eq!(day.cmp(&other), 0.cmp(&days));
            prop_assert_eq!(day.number().cmp(&other.number()), 0.cmp(&days));
            prop_assert_eq!(Millis::from_rfc3339(&Millis(at).to_rfc3339()), Ok(Millis(at)));
        }
    }
}
