//! The questions, one file each. What a question is: names, parameters, SQL, columns.
//!
//! In every template these values are given: `:end` (the first position after the height asked as of),
//! `:lo` and `:hi` (positions that bound the period asked about, and are compared with the position of
//! the row: a page begins at `:lo`), `:now` (when it is asked about, in milliseconds) and `:day` (the
//! same as a day). The first column of `sql` is `pos`, by which the row is
//! placed on the ledger and pages go on. `{…}` is where the condition of a mandate stands, if there is
//! one ([`crate::scope`]).

mod events;
pub(crate) mod params;
mod q01;
mod q02;
mod q03;
mod q04;
mod q05;
mod q06;
mod q07;
mod q08;
mod q09;
mod q10;
mod q11;
mod q12;
mod q13;
mod q14;
mod q15;
mod q16;
mod q17;
mod q18;
mod q19;
mod q20;
mod q21;
mod q22;

pub use params::{Kind, Param};

use hefu_contracts::oversight::RecordKind;

use crate::backend::Backend;
use crate::compile::Values;
use crate::error::AuditError;
use crate::value::Value;

/// The same in both languages.
#[derive(Clone, Copy, Debug)]
pub struct Words {
    /// Chinese.
    pub zh: &'static str,
    /// English.
    pub en: &'static str,
}

/// How a column's values are to be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum As {
    /// As they are: text.
    Plain,
    /// As they are: numbers, codes of provinces among them.
    Number,
    /// Milliseconds since 1970.
    Time,
    /// A day as YYYYMMDD.
    Day,
    /// A height.
    Height,
    /// 1 or 0.
    YesNo,
    /// Several, apart by blanks.
    List,
}

/// A column of an answer.
#[derive(Clone, Copy, Debug)]
pub struct Column {
    /// Its name.
    pub name: &'static str,
    /// How to read it.
    pub read_as: As,
}

/// A column of plain values.
pub(crate) const fn plain(name: &'static str) -> Column {
    Column { name, read_as: As::Plain }
}

pub(crate) const fn number(name: &'static str) -> Column {
    Column { name, read_as: As::Number }
}

pub(crate) const fn time(name: &'static str) -> Column {
    Column { name, read_as: As::Time }
}

pub(crate) const fn day(name: &'static str) -> Column {
    Column { name, read_as: As::Day }
}

pub(crate) const fn height(name: &'static str) -> Column {
    Column { name, read_as: As::Height }
}

pub(crate) const fn yes(name: &'static str) -> Column {
    Column { name, read_as: As::YesNo }
}

pub(crate) const fn many(name: &'static str) -> Column {
    Column { name, read_as: As::List }
}

/// What is said of all rows together.
#[derive(Clone, Copy)]
pub struct Summary {
    /// Columns.
    pub columns: &'static [Column],
    /// The template; its rows are few.
    pub(crate) sql: &'static str,
}

/// What must be computed by the rules of the contracts, not by SQL.
type Computed =
    fn(&mut dyn Backend, &Values) -> Result<(&'static [Column], Vec<Vec<Value>>), AuditError>;

/// How far a mandate reaches into a question.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Reach {
    /// Everybody who reads under any mandate may know.
    Open,
    /// One certificate, whole or not at all.
    Certificate,
    /// Records of a kind; the parameters that name a province by which records are covered.
    Of(RecordKind, &'static [&'static str]),
    /// Events, each by the kind of its subject; parameters as above.
    Events(&'static [&'static str]),
}

/// A question.
#[derive(Clone, Copy)]
pub struct Question {
    /// `q01` to `q22`, `events`.
    pub name: &'static str,
    /// What it is called.
    pub title: Words,
    /// What is asked, and what the answer means.
    pub about: Words,
    /// What it can be asked with, beside the height and the day.
    pub params: &'static [Param],
    /// Columns of its rows.
    pub columns: &'static [Column],
    /// What it says of all rows together.
    pub summary: Option<Summary>,
    pub(crate) reach: Reach,
    pub(crate) sql: &'static str,
    pub(crate) computed: Option<Computed>,
}

/// All questions in order; the free search over events is the last.
pub const QUESTIONS: &[&Question] = &[
    &q01::Q01,
    &q02::Q02,
    &q03::Q03,
    &q04::Q04,
    &q05::Q05,
    &q06::Q06,
    &q07::Q07,
    &q08::Q08,
    &q09::Q09,
    &q10::Q10,
    &q11::Q11,
    &q12::Q12,
    &q13::Q13,
    &q14::Q14,
    &q15::Q15,
    &q16::Q16,
    &q17::Q17,
    &q18::Q18,
    &q19::Q19,
    &q20::Q20,
    &q21::Q21,
    &q22::Q22,
    &events::EVENTS,
];

/// The question of a name.
///
/// # Errors
/// [`AuditError::UnknownQuestion`].
pub fn question(name: &str) -> Result<&'static Question, AuditError> {
    let found = QUESTIONS.iter().find(|question| question.name == name);
    found.copied().ok_or_else(|| AuditError::UnknownQuestion(name.to_owned()))
}
