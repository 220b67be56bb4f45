//! What an auditor's mandate covers, as the index applies it: kinds of records, provinces, and days on
//! which records came onto the ledger.
//!
//! A question without a mandate is answered from all rows. Under one, `{…}` in its templates becomes
//! the condition that its rows have to meet, in the list and in the totals alike; the period bounds the
//! positions. What cannot be in the mandate at all is refused by the limit that it is beyond. Whether
//! rows may have been left out follows from the question and the mandate alone, never from rows that
//! were left out: else an answer would tell of them.

use std::collections::BTreeSet;

use hefu_contracts::oversight::RecordKind;
use hefu_primitives::time::Day;
use hefu_primitives::{Id16, Millis, Region};

use crate::backend::Backend;
use crate::compile::Values;
use crate::error::AuditError;
use crate::question::{Question, Reach};
use crate::value::Value;

/// What a mandate covers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scope {
    /// The mandate.
    pub mandate: Id16,
    /// Whose records.
    pub members: Vec<Region>,
    /// Which kinds.
    pub kinds: Vec<RecordKind>,
    /// First day of the records.
    pub from: Day,
    /// Last day of the records.
    pub to: Day,
}

/// The limit of a mandate that a question is beyond.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Limit {
    /// It does not cover records of this kind.
    Kind,
    /// It does not cover the provinces asked about.
    Member,
    /// It does not cover the days asked about.
    Period,
}

/// What subjects begin with, by the kind of record that they are; every other is of
/// [`RecordKind::Identity`].
const PREFIXES: &[(RecordKind, &[&str])] = &[
    (RecordKind::Certificate, &["att", "bat", "seal", "srq"]),
    (RecordKind::Recognition, &["dec", "dba", "agr"]),
    (RecordKind::Sharing, &["cat", "req", "grant", "rcp"]),
    (RecordKind::Service, &["case", "item"]),
    (RecordKind::Dispute, &["dispute"]),
];
/// Kinds that a mandate can cover.
const ALL_KINDS: usize = PREFIXES.len() + 1;

/// The kind of record that an event is about, by what its subject begins with.
pub fn kind_of(subject: &str) -> RecordKind {
    let prefix = subject.split(':').next().unwrap_or_default();
    let found = PREFIXES.iter().find(|(_, prefixes)| prefixes.contains(&prefix));
    found.map_or(RecordKind::Identity, |(kind, _)| *kind)
}

impl Scope {
    /// A template with the conditions of this scope, or of none, in the place of `{…}`.
    pub(crate) fn applied(scope: Option<&Self>, sql: &str) -> String {
        let (mut made, mut rest) = (String::new(), sql);
        while let Some((before, after)) = rest.split_once('{') {
            made.push_str(before);
            let (columns, after) = after.split_once('}').unwrap_or((after, ""));
            if let Some(scope) = scope {
                made.push_str(&scope.condition(columns));
            }
            rest = after;
        }
        made + rest
    }

    /// `e.*` is an event, by kind and province; else columns of provinces, of which one has to be
    /// covered.
    fn condition(&self, columns: &str) -> String {
        let codes: Vec<String> = self.members.iter().map(|region| region.0.to_string()).collect();
        let codes = codes.join(",");
        if let Some(event) = columns.strip_suffix(".*") {
            let kinds = self.kinds_of(event);
            return format!(" AND {event}.region IN ({codes}) AND ({kinds})");
        }
        let covered: Vec<String> =
            columns.split('|').map(|column| format!("{column} IN ({codes})")).collect();
        format!(" AND ({})", covered.join(" OR "))
    }

    /// Whether an event's subject is of a kind that is covered.
    fn kinds_of(&self, event: &str) -> String {
        let begins = |prefix: &str| format!("{event}.subject LIKE '{prefix}:%'");
        let of = |named: &[&str]| {
            named.iter().map(|prefix| begins(prefix)).collect::<Vec<_>>().join(" OR ")
        };
        let mut any: Vec<String> = PREFIXES
            .iter()
            .filter(|(kind, _)| self.kinds.contains(kind))
            .map(|(_, prefixes)| of(prefixes))
            .collect();
        if self.kinds.contains(&RecordKind::Identity) {
            let others: Vec<&str> =
                PREFIXES.iter().flat_map(|(_, prefixes)| prefixes.iter().copied()).collect();
            any.push(format!("NOT ({})", of(&others)));
        }
        if any.is_empty() { "1 = 0".to_owned() } else { any.join(" OR ") }
    }

    /// Bounds a question to this scope; says whether rows may have been left out by that. `first` finds
    /// the first position at or after a time.
    pub(crate) fn bound(
        &self,
        db: &mut dyn Backend,
        question: &Question,
        values: &mut Values,
        first: impl Fn(&mut dyn Backend, Value) -> Result<Option<i64>, AuditError>,
    ) -> Result<bool, AuditError> {
        let (kind, regions) = match question.reach {
            Reach::Open => return Ok(false),
            Reach::Certificate => return self.certificate(db, values).map(|()| false),
            Reach::Of(kind, regions) => (Some(kind), regions),
            Reach::Events(regions) => (None, regions),
        };
        if kind.is_some_and(|kind| !self.kinds.contains(&kind)) {
            return Err(AuditError::OutOfScope(Limit::Kind));
        }
        let named: Vec<bool> = regions
            .iter()
            .filter_map(|name| values.get(name)?.int())
            .map(|code| self.members.iter().any(|region| i64::from(region.0) == code))
            .collect();
        if !named.is_empty() && named.len() == regions.len() && !named.contains(&true) {
            return Err(AuditError::OutOfScope(Limit::Member));
        }
        let all_regions = named.contains(&true) || self.covers_all_members(db, values)?;
        let all_kinds = kind.is_some() || self.kinds.len() == ALL_KINDS;
        let all_days = self.period(db, values, first)?;
        Ok(!(all_regions && all_kinds && all_days))
    }

    /// Puts the bounds of the period into the positions asked about; whether that took none away.
    fn period(
        &self,
        db: &mut dyn Backend,
        values: &mut Values,
        first: impl Fn(&mut dyn Backend, Value) -> Result<Option<i64>, AuditError>,
    ) -> Result<bool, AuditError> {
        let number = |values: &Values, name| values.get(name).and_then(Value::int).unwrap_or(0);
        let (lo, hi) = (number(values, "lo"), number(values, "hi"));
        let end = number(values, "end");
        let begins = first(db, self.from.start().into())?.unwrap_or(end);
        let ends = first(db, self.to.end().into())?.unwrap_or(end);
        let asked = |name| values.get(name).and_then(Value::int).map(i64::unsigned_abs);
        if asked("from").is_some_and(|from| from >= self.to.end().0)
            || asked("to").is_some_and(|to| to <= self.from.start().0)
        {
            return Err(AuditError::OutOfScope(Limit::Period));
        }
        let (from, to) = (lo.max(begins), hi.min(ends));
        // What the ledger began with stands before its first block, on no day.
        let begun = first(db, Value::Int(1))?.unwrap_or(end);
        values.insert("lo", Value::Int(from));
        values.insert("hi", Value::Int(to));
        Ok(begins <= lo.max(begun) && to == hi)
    }

    fn covers_all_members(
        &self,
        db: &mut dyn Backend,
        values: &Values,
    ) -> Result<bool, AuditError> {
        let end = values.get("end").cloned().unwrap_or(Value::Int(0));
        let mark = db.mark(1, &end);
        let sql = format!("SELECT DISTINCT member FROM authorities WHERE pos < {mark}");
        let found = db.query(&sql, &[end])?;
        let known: BTreeSet<i64> = found.iter().filter_map(|row| row.first()?.int()).collect();
        let covered: BTreeSet<i64> = self.members.iter().map(|r| i64::from(r.0)).collect();
        Ok(known.is_subset(&covered))
    }

    /// One certificate is answered whole or not at all, as its record is.
    fn certificate(&self, db: &mut dyn Backend, values: &Values) -> Result<(), AuditError> {
        if !self.kinds.contains(&RecordKind::Certificate) {
            return Err(AuditError::OutOfScope(Limit::Kind));
        }
        let id = values.get("certificate").cloned().unwrap_or(Value::Null);
        let sql = format!("SELECT region, made_time FROM certs WHERE att = {}", db.mark(1, &id));
        let found = db.query(&sql, &[id])?;
        let Some(made) = found.first() else { return Ok(()) };
        let number = |place: usize| made.get(place).and_then(Value::int);
        if !self.members.iter().any(|region| Some(i64::from(region.0)) == number(0)) {
            return Err(AuditError::OutOfScope(Limit::Member));
        }
        let day = Day::of_beijing(Millis(number(1).unwrap_or(0).unsigned_abs()));
        match (self.from..=self.to).contains(&day) {
            true => Ok(()),
            false => Err(AuditError::OutOfScope(Limit::Period)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::question::QUESTIONS;

    fn scope(kinds: &[RecordKind]) -> Scope {
        let day = |text: &str| text.parse().unwrap();
        Scope {
            mandate: Id16([1; 16]),
            members: vec![Region(310_000), Region(320_000)],
            kinds: kinds.to_vec(),
            from: day("2026-01-01"),
            to: day("2026-06-30"),
        }
    }

    #[test]
    fn conditions_stand_where_the_template_has_braces() {
        let scope = scope(&[RecordKind::Recognition]);
        let made = |sql| Scope::applied(Some(&scope), sql);
        assert_eq!(made("a < 1{d.region} ORDER"), "a < 1 AND (d.region IN (310000,320000)) ORDER");
        assert_eq!(made("1{a.x|a.y}"), "1 AND (a.x IN (310000,320000) OR a.y IN (310000,320000))");
        let events = made("1{e.*}");
        assert!(
            events.starts_with("1 AND e.region IN (310000,320000) AND (e.subject LIKE 'dec:%'")
        );
        assert!(!events.contains("att") && !events.contains("NOT"));
        assert_eq!(Scope::applied(None, "a < 1{d.region} ORDER{e.*}"), "a < 1 ORDER");
    }

    /// A question that forgot its conditions would answer from everything.
    #[test]
    fn every_question_that_a_mandate_limits_has_conditions() {
        for question in QUESTIONS {
            let open = matches!(question.reach, Reach::Open | Reach::Certificate);
            assert_ne!(open, question.sql.contains('{'), "{}", question.name);
            if let Some(summary) = question.summary.filter(|_| question.name != "q07") {
                assert_ne!(open, summary.sql.contains('{'), "{} totals", question.name);
            }
            if let Reach::Of(_, regions) | Reach::Events(regions) = question.reach {
                let known = |name| question.params.iter().any(|param| param.name == name);
                assert!(regions.iter().all(|name| known(*name)), "{}", question.name);
                assert!(question.sql.contains(":lo") && question.sql.contains(":hi"));
            }
        }
    }

    #[test]
    fn kinds_are_told_by_the_subject() {
        assert_eq!(kind_of("att:00"), RecordKind::Certificate);
        assert_eq!(kind_of("rcp:00"), RecordKind::Sharing);
        assert_eq!(kind_of("prop:00"), RecordKind::Identity);
        let one = scope(&[RecordKind::Identity]).kinds_of("e");
        assert!(one.starts_with("NOT (e.subject LIKE 'att:%'"));
    }
}
