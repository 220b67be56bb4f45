//! Asked under a mandate: nothing beyond it, everything within it, and what may be missing is said.

use std::collections::BTreeSet;

use hefu_audit::question::{QUESTIONS, Question};
use hefu_audit::scope::{Limit, kind_of};
use hefu_audit::{Answer, Ask, AuditError, Location, Position, Reader, Scope};
use hefu_contracts::oversight::RecordKind;
use hefu_contracts::testkit::{REGIONS, id, office};
use hefu_primitives::time::Day;
use hefu_primitives::{Id16, Region};

use crate::book::{asked, column, text};
use crate::{sqlite, story};

const ALL: [RecordKind; 6] = [
    RecordKind::Identity,
    RecordKind::Certificate,
    RecordKind::Recognition,
    RecordKind::Sharing,
    RecordKind::Service,
    RecordKind::Dispute,
];

fn day(text: &str) -> Day {
    text.parse().unwrap()
}

fn scope(members: &[Region], kinds: &[RecordKind], from: &str, to: &str) -> Scope {
    let (from, to) = (day(from), day(to));
    let (members, kinds) = (members.to_vec(), kinds.to_vec());
    Scope { mandate: Id16([1; 16]), members, kinds, from, to }
}

fn whole(members: &[Region], kinds: &[RecordKind]) -> Scope {
    scope(members, kinds, "2020-01-01", "2090-01-01")
}

/// A question with what it needs.
fn needed(question: &Question) -> Ask {
    let mut ask = asked(question.name, &[]);
    for param in question.params.iter().filter(|param| param.required) {
        let value = match param.name {
            "key" => office(2, 0).key.id().to_string(),
            "certificate" => id(3).to_string(),
            _ => story::CAT.to_owned(),
        };
        ask.params.insert(param.name.to_owned(), value);
    }
    ask
}

fn under(ask: &Ask, scope: Scope) -> Ask {
    Ask { scope: Some(scope), ..ask.clone() }
}

fn places(answer: &Answer) -> BTreeSet<Position> {
    answer.rows.iter().map(|row| row.at).collect()
}

/// Questions that a mandate limits row by row.
fn limited() -> impl Iterator<Item = &'static Question> {
    let free = ["q01", "q02", "q03", "q17", "q20"];
    QUESTIONS.iter().copied().filter(move |question| !free.contains(&question.name))
}

fn planted(folder: &tempfile::TempDir) -> Location {
    let mut book = story::planted();
    story::smuggle(&mut book);
    let at = sqlite(folder, "scoped");
    book.index(&at, 1_000);
    at
}

pub(crate) fn parts_make_up_the_whole(at: &Location) {
    let mut reader = Reader::open(at).unwrap();
    for question in limited() {
        let ask = needed(question);
        let all = reader.ask(&ask).unwrap();
        assert!(!all.restricted && !all.rows.is_empty(), "{}", question.name);
        let same = reader.ask(&under(&ask, whole(&REGIONS, &ALL))).unwrap();
        assert_eq!(all.rows, same.rows, "{}", question.name);
        assert!(!same.restricted, "{}: everything is in the mandate", question.name);
        let rows = |totals: Option<hefu_audit::Totals>| totals.map(|totals| totals.rows);
        assert_eq!(rows(all.totals.clone()), rows(same.totals), "{}", question.name);

        let mut found = BTreeSet::new();
        for region in REGIONS {
            let some = reader.ask(&under(&ask, whole(&[region], &ALL))).unwrap();
            assert!(some.restricted, "{} of {region}", question.name);
            found.extend(places(&some));
        }
        assert_eq!(found, places(&all), "{}: every row is some province's", question.name);

        // Two periods: each row is in one of them.
        let middle = Day::of_beijing(all.rows[all.rows.len() / 2].time).to_string();
        let before = day(&middle).previous().to_string();
        let mut early = scope(&REGIONS, &ALL, "2020-01-01", &before);
        let first = reader.ask(&under(&ask, early.clone())).unwrap();
        (early.from, early.to) = (day(&middle), day("2090-01-01"));
        let second = reader.ask(&under(&ask, early)).unwrap();
        let (first, second) = (places(&first), places(&second));
        assert!(first.is_disjoint(&second) && !second.is_empty(), "{}", question.name);
        assert_eq!(first.union(&second).copied().collect::<BTreeSet<_>>(), places(&all));
    }
}

#[test]
fn what_mandates_cover_makes_up_the_whole() {
    let folder = tempfile::tempdir().unwrap();
    parts_make_up_the_whole(&planted(&folder));
}

#[test]
fn of_events_the_kinds_that_are_covered() {
    let folder = tempfile::tempdir().unwrap();
    let mut reader = Reader::open(&planted(&folder)).unwrap();
    let ask = asked("events", &[]);
    let all = reader.ask(&ask).unwrap();
    let mut count = 0;
    for kind in ALL {
        let some = reader.ask(&under(&ask, whole(&REGIONS, &[kind]))).unwrap();
        assert!(some.restricted);
        let subjects = column(&some, "subject");
        assert!(subjects.iter().all(|subject| kind_of(subject) == kind), "{kind:?}");
        count += subjects.len();
    }
    assert_eq!(count, all.rows.len());
}

/// The totals count what the rows show, and nothing else.
#[test]
fn totals_are_of_what_is_covered() {
    let folder = tempfile::tempdir().unwrap();
    let mut reader = Reader::open(&planted(&folder)).unwrap();
    let refusals = |answer: Answer| -> i64 {
        let rows = answer.totals.unwrap().rows;
        rows.iter().map(|row| text(&row[3]).parse::<i64>().unwrap()).sum()
    };
    let ask = asked("q04", &[]);
    let all = reader.ask(&ask).unwrap();
    let (rows, total) = (all.rows.len(), refusals(all));
    assert_eq!(i64::try_from(rows).unwrap(), total);
    let kinds = [RecordKind::Recognition];
    let relying = reader.ask(&under(&ask, whole(&[Region(310_000)], &kinds))).unwrap();
    let count = relying.rows.len();
    assert!(count > 0 && refusals(relying) == i64::try_from(count).unwrap());
    let other = reader.ask(&under(&ask, whole(&[Region(340_000)], &kinds))).unwrap();
    assert!(other.rows.is_empty() && refusals(other) == 0);
}

#[test]
fn a_limit_that_is_passed_is_named_and_what_is_within_is_complete() {
    let folder = tempfile::tempdir().unwrap();
    let mut reader = Reader::open(&planted(&folder)).unwrap();
    let mut of = |question: &str, params: &[(&str, &str)], scope: &Scope| {
        let ask = under(&asked(question, params), scope.clone());
        match reader.ask(&ask) {
            Ok(answer) => Ok(answer.restricted),
            Err(AuditError::OutOfScope(limit)) => Err(limit),
            Err(error) => panic!("{question}: {error}"),
        }
    };
    let here = whole(&[Region(310_000)], &[RecordKind::Recognition]);
    let relying = ("relying_region", "310000");
    assert_eq!(of("q04", &[], &here), Ok(true));
    assert_eq!(of("q04", &[relying], &here), Ok(false), "the question is within the mandate");
    assert_eq!(of("q04", &[("relying_region", "320000")], &here), Err(Limit::Member));
    assert_eq!(of("q08", &[("catalogue", story::CAT)], &here), Err(Limit::Kind));
    assert_eq!(of("q17", &[], &here), Ok(false), "who has power is everybody's to know");
    let year = scope(&[Region(310_000)], &[RecordKind::Recognition], "2031-01-01", "2031-12-31");
    assert_eq!(of("q04", &[relying], &year), Ok(true));
    assert_eq!(of("q04", &[relying, ("to", "2030-12-31")], &year), Err(Limit::Period));
    let certificate = id(3).to_string();
    let certificate = [("certificate", certificate.as_str())];
    assert_eq!(of("q01", &certificate, &here), Err(Limit::Kind));
    let kinds = [RecordKind::Certificate];
    let issuers = REGIONS.map(|region| of("q01", &certificate, &whole(&[region], &kinds)));
    assert_eq!(issuers.iter().filter(|found| **found == Ok(false)).count(), 1);
    assert_eq!(issuers.iter().filter(|found| **found == Err(Limit::Member)).count(), 3);
    let never = scope(&REGIONS, &kinds, "2031-01-01", "2031-12-31");
    assert_eq!(of("q03", &certificate, &never), Err(Limit::Period));
    let unknown = id(250).to_string();
    assert_eq!(of("q02", &[("certificate", &unknown)], &never), Ok(false), "nothing is there");
}

/// A page under one mandate does not go on under another.
#[test]
fn cursors_belong_to_the_mandate() {
    let folder = tempfile::tempdir().unwrap();
    let mut reader = Reader::open(&planted(&folder)).unwrap();
    let mut ask = under(&asked("events", &[]), whole(&REGIONS, &ALL));
    ask.limit = 2;
    ask.cursor = reader.ask(&ask).unwrap().cursor;
    assert!(reader.ask(&ask).is_ok());
    ask.scope = None;
    assert!(matches!(reader.ask(&ask), Err(AuditError::BadCursor)));
}
