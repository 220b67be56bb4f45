//! Asking: a question, its parameters, a page of rows.

use std::collections::BTreeMap;

use hefu_primitives::hash::hash;
use hefu_primitives::time::Day;
use hefu_primitives::{Domain, Height, Millis, TxId};

use crate::backend::{Backend, Location, open};
use crate::compile::{Values, compile};
use crate::error::AuditError;
use crate::position::Position;
use crate::question::{Column, Question, question};
use crate::scope::Scope;
use crate::value::Value;
use crate::writer::last_height;

/// Most rows of a page.
pub const MAX_ROWS: usize = 10_000;
/// Most rows of a summary.
const MAX_SUMMARY: usize = 10_000;

/// What is asked.
#[derive(Clone, Debug, Default)]
pub struct Ask {
    /// The question's name.
    pub question: String,
    /// Parameters by name.
    pub params: BTreeMap<String, String>,
    /// Where the page before ended.
    pub cursor: Option<String>,
    /// Most rows.
    pub limit: usize,
    /// The mandate under which is asked, if it is under one.
    pub scope: Option<Scope>,
}

/// A row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// Where it stands on the ledger.
    pub at: Position,
    /// Block time.
    pub time: Millis,
    /// The transaction that made it; none for what genesis or a block itself made.
    pub tx: Option<TxId>,
    /// Values, in the order of the columns.
    pub values: Vec<Value>,
}

/// What is said of all rows together.
#[derive(Clone, Debug)]
pub struct Totals {
    /// Columns.
    pub columns: &'static [Column],
    /// Rows.
    pub rows: Vec<Vec<Value>>,
}

/// An answer.
#[derive(Clone)]
pub struct Answer {
    /// The question.
    pub question: &'static Question,
    /// The height it is pinned to.
    pub height: Height,
    /// Block time of that height.
    pub time: Millis,
    /// The last height in the index.
    pub indexed: Height,
    /// Whether the index had all that was asked about.
    pub complete: bool,
    /// Whether the mandate may have left rows out.
    pub restricted: bool,
    /// Rows.
    pub rows: Vec<Row>,
    /// With the first page.
    pub totals: Option<Totals>,
    /// Where the next page begins, if there is one.
    pub cursor: Option<String>,
}

/// Answers from an index.
///
/// # Errors
/// [`AuditError`]; [`AuditError::is_of_asker`] says whose mistake it is.
pub fn ask(at: &Location, asked: &Ask) -> Result<Answer, AuditError> {
    Reader::open(at)?.ask(asked)
}

/// A connection that reads.
pub struct Reader(Box<dyn Backend>);

impl Reader {
    /// Opens an index that is there.
    ///
    /// # Errors
    /// The engine's.
    pub fn open(at: &Location) -> Result<Self, AuditError> {
        Ok(Self(open(at, false)?))
    }

    /// Answers.
    ///
    /// # Errors
    /// [`AuditError`].
    pub fn ask(&mut self, asked: &Ask) -> Result<Answer, AuditError> {
        let question = question(&asked.question)?;
        let db = &mut *self.0;
        let indexed = last_height(db)?.ok_or(AuditError::Empty)?;
        let mut values = read_params(question, &asked.params)?;
        if let Some(commitment) = values.remove("commitment") {
            let certificate = committed(db, commitment)?;
            values.entry("certificate").or_insert(certificate);
        }
        let scope = asked.scope.as_ref();
        let seal = seal(question, &asked.params, scope);
        let cursor = asked.cursor.as_deref().map(|text| Cursor::read(text, &seal)).transpose()?;
        let wanted = values.remove("at_height").and_then(|height| height.int());
        let wanted = wanted.map(|height| Height(height.unsigned_abs()));
        let height = cursor.as_ref().map(|cursor| cursor.height).or(wanted).unwrap_or(indexed);
        let complete = height <= indexed;
        let height = height.min(indexed);
        let time = time_of(db, height)?;
        bound(db, &mut values, height, time)?;
        let restricted = match scope {
            Some(scope) => {
                values.insert("scoped", Value::Int(1));
                let first = |db: &mut dyn Backend, time| Ok(first_at(db, time)?.map(|at| at.0));
                scope.bound(db, question, &mut values, first)?
            }
            None => false,
        };
        let after = cursor.as_ref().map_or(-1, |cursor| cursor.after.0);
        let limit = asked.limit.clamp(1, MAX_ROWS);
        let mut rows = page(db, question, scope, &values, after, limit)?;
        let more = rows.len() > limit;
        rows.truncate(limit);
        let next = rows.last().filter(|_| more).map(|row| Cursor { height, after: row.at });
        let cursor_text = next.map(|next| next.write(&seal));
        let totals = match cursor {
            Some(_) => None,
            None => totals(db, question, scope, &values)?,
        };
        let cursor = cursor_text;
        Ok(Answer { question, height, time, indexed, complete, restricted, rows, totals, cursor })
    }
}

/// Values of parameters: those given, and defaults.
fn read_params(
    question: &'static Question,
    given: &BTreeMap<String, String>,
) -> Result<Values, AuditError> {
    let mut values = Values::new();
    for (name, text) in given {
        let param = question.all_params().find(|param| param.name == name);
        let unknown =
            || AuditError::UnknownParameter { question: question.name, name: name.clone() };
        let param = param.ok_or_else(unknown)?;
        values.insert(param.name, param.read(text)?);
    }
    for (from, to) in [("from", "to"), ("from_height", "to_height")] {
        let at = |name| values.get(name).and_then(Value::int);
        if at(from).zip(at(to)).is_some_and(|(from, to)| from > to) {
            let value = given.get(from).cloned().unwrap_or_default();
            return Err(AuditError::Reversed { from, to, value });
        }
    }
    for param in question.all_params() {
        if let Some(default) = param.default {
            values.entry(param.name).or_insert(Value::Int(default));
        }
        let named = param.name == "certificate" && values.contains_key("commitment");
        if param.required && !named && !values.contains_key(param.name) {
            let name = param.name;
            return Err(AuditError::MissingParameter { question: question.name, name });
        }
    }
    Ok(values)
}

/// The certificate whose identifier was committed to so; of none, what no certificate is called.
fn committed(db: &mut dyn Backend, commitment: Value) -> Result<Value, AuditError> {
    let mark = db.mark(1, &commitment);
    let sql = format!("SELECT att FROM certs WHERE commitment = {mark} ORDER BY pos LIMIT 1");
    let found = db.query(&sql, &[commitment])?;
    Ok(found.into_iter().next().and_then(|row| row.into_iter().next()).unwrap_or("".into()))
}

fn time_of(db: &mut dyn Backend, height: Height) -> Result<Millis, AuditError> {
    let value = Value::from(height);
    let sql = format!("SELECT time FROM blocks WHERE height = {}", db.mark(1, &value));
    let found = db.query(&sql, &[value])?;
    let time = found.first().and_then(|row| row.first()?.int()).unwrap_or(0);
    Ok(Millis(time.unsigned_abs()))
}

/// What every template may use.
fn bound(
    db: &mut dyn Backend,
    values: &mut Values,
    height: Height,
    time: Millis,
) -> Result<(), AuditError> {
    let end = Position::after(height);
    let lo = match values.get("from").cloned() {
        Some(from) => first_at(db, from)?.unwrap_or(end),
        None => Position(0),
    };
    let hi = match values.get("to").cloned() {
        Some(to) => first_at(db, to)?.unwrap_or(end).min(end),
        None => end,
    };
    let asked = values.get("day").and_then(Value::int).and_then(|day| u32::try_from(day).ok());
    let asked = asked.and_then(|day| Day::from_number(day).ok());
    let now = asked.map_or(time, |day| Millis(day.end().0.saturating_sub(1)));
    values.insert("day", asked.unwrap_or(Day::of_beijing(time)).into());
    values.insert("now", now.into());
    values.insert("end", Value::Int(end.0));
    values.insert("lo", Value::Int(lo.0));
    values.insert("hi", Value::Int(hi.0));
    values.insert("known", height.into());
    Ok(())
}

/// The first position of the first block at or after a time.
fn first_at(db: &mut dyn Backend, time: Value) -> Result<Option<Position>, AuditError> {
    let sql = format!("SELECT MIN(height) FROM blocks WHERE time >= {}", db.mark(1, &time));
    let found = db.query(&sql, &[time])?;
    let height = found.first().and_then(|row| row.first()?.int());
    Ok(height.and_then(|height| Position::new(Height(height.unsigned_abs()), 0)))
}

/// One row more than asked for, where there is one: so it is known whether the list goes on. Every table
/// is read from where the page begins, both of them: an engine takes one lower bound of a column, and
/// carries none over to the table that it joins.
fn page(
    db: &mut dyn Backend,
    question: &Question,
    scope: Option<&Scope>,
    values: &Values,
    after: i64,
    limit: usize,
) -> Result<Vec<Row>, AuditError> {
    let mut values = values.clone();
    let lo = values.get("lo").and_then(Value::int).unwrap_or(0);
    let lo = lo.max(after.saturating_add(1));
    values.insert("lo", Value::Int(lo));
    values.insert("after", Value::Int(lo.saturating_sub(1)));
    values.insert("limit", (limit + 1).into());
    // What genesis or a block itself made has no event.
    let sql = format!(
        "SELECT p.*, e.tx, COALESCE(e.time, (SELECT b.time FROM blocks b WHERE b.height = p.pos / \
         1048576)) FROM ({}) p LEFT JOIN events e ON e.pos = p.pos AND \
         e.pos > :after WHERE p.pos > :after ORDER BY p.pos LIMIT :limit",
        Scope::applied(scope, question.sql)
    );
    let (sql, params) = compile(&sql, &values, db);
    let found = db.query(&sql, &params)?;
    let row = |mut row: Vec<Value>| {
        let time = row.pop().and_then(|time| time.int()).unwrap_or(0);
        let tx = row.pop().and_then(|tx| tx.text()?.parse().ok());
        let at = Position(row.first().and_then(Value::int).unwrap_or(0));
        row.remove(0);
        Row { at, time: Millis(time.unsigned_abs()), tx, values: row }
    };
    Ok(found.into_iter().map(row).collect())
}

fn totals(
    db: &mut dyn Backend,
    question: &Question,
    scope: Option<&Scope>,
    values: &Values,
) -> Result<Option<Totals>, AuditError> {
    if let Some(computed) = question.computed {
        let (columns, rows) = computed(db, values)?;
        return Ok(Some(Totals { columns, rows }));
    }
    let Some(summary) = question.summary else { return Ok(None) };
    let (sql, params) = compile(&Scope::applied(scope, summary.sql), values, db);
    let mut rows = db.query(&sql, &params)?;
    rows.truncate(MAX_SUMMARY);
    Ok(Some(Totals { columns: summary.columns, rows }))
}

/// Ties a cursor to what was asked: it goes on with the same question alone.
fn seal(question: &Question, params: &BTreeMap<String, String>, scope: Option<&Scope>) -> String {
    let mut parts: Vec<&[u8]> = vec![question.name.as_bytes()];
    for (name, value) in params.iter().filter(|(name, _)| *name != "at_height") {
        parts.push(name.as_bytes());
        parts.push(value.as_bytes());
    }
    let mandate = scope.map(|scope| scope.mandate.to_string());
    parts.extend(mandate.iter().map(|mandate| mandate.as_bytes()));
    let digest = hash(Domain::Digest, &parts).to_string();
    digest.chars().take(12).collect()
}

struct Cursor {
    height: Height,
    after: Position,
}

impl Cursor {
    fn write(&self, seal: &str) -> String {
        format!("{}.{}.{seal}", self.height, self.after.0)
    }

    fn read(text: &str, seal: &str) -> Result<Self, AuditError> {
        let mut parts = text.split('.');
        let mut number = || parts.next()?.parse::<i64>().ok().filter(|number| *number >= 0);
        let (height, after) = (number(), number());
        match (height, after, parts.next(), parts.next()) {
            (Some(height), Some(after), Some(sealed), None) if sealed == seal => {
                Ok(Self { height: Height(height.unsigned_abs()), after: Position(after) })
            }
            _ => Err(AuditError::BadCursor),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use super::*;
    use crate::question::Kind;
    use crate::schema::Table;

    type Asked = (String, Vec<Value>);

    /// Says 9 to everything, and keeps what it was asked.
    #[derive(Clone, Default)]
    struct Nine(Arc<Mutex<Vec<Asked>>>);

    impl Backend for Nine {
        fn batch(&mut self, _: &str) -> Result<(), AuditError> {
            Ok(())
        }

        fn query(&mut self, sql: &str, params: &[Value]) -> Result<Vec<Vec<Value>>, AuditError> {
            self.0.lock().unwrap().push((sql.to_owned(), params.to_vec()));
            Ok(vec![vec![Value::Int(9); 20]])
        }

        fn insert(&mut self, _: &Table, _: &[Vec<Value>]) -> Result<(), AuditError> {
            Ok(())
        }

        fn mark(&self, number: usize, _: &Value) -> String {
            format!("?{number}")
        }

        fn types(&self) -> (&'static str, &'static str) {
            ("", "")
        }
    }

    /// With the bounds of the period, each page of a long answer read all pages before it once more.
    #[test]
    fn a_page_begins_behind_the_page_before() {
        for question in crate::question::QUESTIONS {
            let bounded = question.sql.contains(":lo");
            assert!(bounded || question.all_params().all(|param| param.name != "from"));
            let mut params = BTreeMap::new();
            for param in question.all_params().filter(|param| param.required) {
                let value = match param.kind {
                    Kind::Key => "00".repeat(20),
                    Kind::Id => "00".repeat(16),
                    Kind::Authority => "11310000HEFU01010W".to_owned(),
                    _ => "x".to_owned(),
                };
                params.insert(param.name.to_owned(), value);
            }
            let seal = seal(question, &params, None);
            let asked = |cursor| Ask {
                question: question.name.to_owned(),
                params: params.clone(),
                cursor,
                limit: 10,
                scope: None,
            };
            let nine = Nine::default();
            let mut reader = Reader(Box::new(nine.clone()));
            reader.ask(&asked(Some(format!("9.7654321.{seal}")))).unwrap();
            let asked = nine.0.lock().unwrap();
            let (sql, params) = asked.iter().find(|(sql, _)| sql.contains("LEFT JOIN")).unwrap();
            let behind = params.contains(&Value::Int(7_654_322));
            assert_eq!(behind, bounded, "{}: {sql}", question.name);
            assert!(!params.contains(&Value::Int(0)), "{}: {params:?}", question.name);
        }
    }
}
