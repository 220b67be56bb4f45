//! Keeping the index: whole blocks, in order, each with the height it belongs to.

use std::collections::BTreeMap;

use hefu_contracts::Writes;
use hefu_primitives::{ChainId, Height};

use crate::backend::{Backend, Location, open};
use crate::error::AuditError;
use crate::ingest::{self, Block};
use crate::position::Position;
use crate::schema::{META, SCHEMA, TABLES, Table, create};
use crate::value::Value;

/// How far an index is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Status {
    /// The last block in it; none before genesis is.
    pub height: Option<Height>,
    /// Events in it.
    pub events: u64,
    /// The engine.
    pub engine: &'static str,
}

/// What an index says of itself.
///
/// # Errors
/// [`AuditError`].
pub fn status(at: &Location) -> Result<Status, AuditError> {
    let mut db = open(at, false)?;
    let height = last_height(&mut *db)?;
    let counted = db.query("SELECT CAST(COALESCE(SUM(events), 0) AS BIGINT) FROM blocks", &[])?;
    let events = counted.first().and_then(|row| row.first()?.int()).unwrap_or(0).unsigned_abs();
    Ok(Status { height, events, engine: at.engine() })
}

pub(crate) fn last_height(db: &mut dyn Backend) -> Result<Option<Height>, AuditError> {
    let found = db.query("SELECT MAX(height) FROM blocks", &[])?;
    let height = found.first().and_then(|row| row.first()?.int());
    Ok(height.map(|height| Height(height.unsigned_abs())))
}

/// The one connection that writes.
pub struct Writer {
    db: Box<dyn Backend>,
    last: Option<Height>,
}

impl Writer {
    /// Opens the index of a ledger, or begins it.
    ///
    /// # Errors
    /// [`AuditError::OtherLedger`], [`AuditError::OtherSchema`], and those of the engine.
    pub fn open(at: &Location, chain: ChainId, genesis: &Writes) -> Result<Self, AuditError> {
        let mut db = open(at, true)?;
        let (key, text) = db.types();
        db.batch(&create(key, text))?;
        let known: BTreeMap<String, String> = db
            .query("SELECT k, v FROM meta", &[])?
            .into_iter()
            .filter_map(|row| {
                Some((row.first()?.text()?.to_owned(), row.get(1)?.text()?.to_owned()))
            })
            .collect();
        if let Some(found) = known.get("schema").filter(|found| *found != SCHEMA) {
            return Err(AuditError::OtherSchema { found: found.clone(), needed: SCHEMA });
        }
        if let Some(found) = known.get("chain").filter(|found| **found != chain.to_string()) {
            return Err(AuditError::OtherLedger { found: found.clone() });
        }
        let last = last_height(&mut *db)?;
        let mut writer = Self { db, last };
        if writer.last.is_none() {
            writer.begin(chain, genesis)?;
        }
        Ok(writer)
    }

    fn begin(&mut self, chain: ChainId, genesis: &Writes) -> Result<(), AuditError> {
        let mut batch = Batch::new(&mut *self.db);
        for (k, v) in [("schema", SCHEMA.to_owned()), ("chain", chain.to_string())] {
            batch.put(&META, vec![k.into(), v.into()]);
        }
        ingest::genesis(&mut batch, genesis)?;
        batch.commit()?;
        self.last = Some(Height(0));
        Ok(())
    }

    /// The last block in the index.
    pub fn height(&self) -> Height {
        self.last.unwrap_or(Height(0))
    }

    /// Adds blocks, all or none.
    ///
    /// # Errors
    /// [`AuditError::NotNext`] when one does not follow the last; those of [`Block`]; the engine's.
    pub fn add(&mut self, blocks: &[Block<'_>]) -> Result<(), AuditError> {
        let mut last = self.height();
        let mut batch = Batch::new(&mut *self.db);
        for block in blocks {
            if block.height.0 != last.0.saturating_add(1) {
                return Err(AuditError::NotNext { last: last.0, got: block.height.0 });
            }
            ingest::block(&mut batch, block)?;
            last = block.height;
        }
        batch.commit()?;
        self.last = Some(last);
        Ok(())
    }

    /// Lets the engine learn what its tables hold, after much was added.
    ///
    /// # Errors
    /// The engine's.
    pub fn settle(&mut self) -> Result<(), AuditError> {
        self.db.batch("ANALYZE")
    }
}

/// Rows of some blocks, kept until all are there.
pub(crate) struct Batch<'a> {
    db: &'a mut dyn Backend,
    rows: Vec<Vec<Vec<Value>>>,
    /// Where in `rows` the newest version of a thing is, by table and key.
    newest: BTreeMap<(&'static str, String), usize>,
    /// Versions in the tables that are to be closed: table, its key column, key, where.
    closed: Vec<(&'static Table, &'static str, String, i64)>,
}

impl<'a> Batch<'a> {
    fn new(db: &'a mut dyn Backend) -> Self {
        let rows = TABLES.iter().map(|_| Vec::new()).collect();
        Self { db, rows, newest: BTreeMap::new(), closed: Vec::new() }
    }

    /// Adds a row.
    pub(crate) fn put(&mut self, table: &'static Table, row: Vec<Value>) {
        let place = TABLES.iter().position(|other| other.name == table.name).unwrap_or(0);
        if let Some(rows) = self.rows.get_mut(place) {
            rows.push(row);
        }
    }

    /// Adds a version of a thing; `row` is what comes after `born` and `upto`, its key first. `new` says
    /// that there is no earlier one, and saves looking.
    pub(crate) fn version(
        &mut self,
        table: &'static Table,
        at: Position,
        new: bool,
        row: Vec<Value>,
    ) -> Result<(), AuditError> {
        let id = row.first().and_then(Value::text).unwrap_or_default().to_owned();
        let before = Value::Int(at.0.saturating_sub(1));
        let place = TABLES.iter().position(|other| other.name == table.name).unwrap_or(0);
        let key = (table.name, id);
        let here = self.newest.get(&key).copied();
        let rows = self.rows.get_mut(place);
        let earlier = here.and_then(|number| rows?.get_mut(number));
        let born = match earlier {
            Some(earlier) => {
                if let Some(upto) = earlier.get_mut(2) {
                    *upto = before;
                }
                earlier.get(1).cloned().unwrap_or(Value::Int(at.0))
            }
            None if new => Value::Int(at.0),
            None => self.close(table, &key.1, at)?.unwrap_or(Value::Int(at.0)),
        };
        let whole = [Value::Int(at.0), born, Value::Int(Position::OPEN.0)];
        let rows = self.rows.get_mut(place).map_or(0, |rows| {
            rows.push(whole.into_iter().chain(row).collect());
            rows.len()
        });
        self.newest.insert(key, rows.saturating_sub(1));
        Ok(())
    }

    /// Notes that the version in the table ends here; returns when the thing began.
    fn close(
        &mut self,
        table: &'static Table,
        id: &str,
        at: Position,
    ) -> Result<Option<Value>, AuditError> {
        let column = table.names().nth(3).unwrap_or("pos");
        let (id_value, open) = (Value::from(id), Value::Int(Position::OPEN.0));
        let (first, second) = (self.db.mark(1, &id_value), self.db.mark(2, &open));
        let sql =
            format!("SELECT born FROM {} WHERE {column} = {first} AND upto = {second}", table.name);
        let found = self.db.query(&sql, &[id_value, open])?;
        let born = found.into_iter().next().and_then(|row| row.into_iter().next());
        if born.is_some() {
            self.closed.push((table, column, id.to_owned(), at.0.saturating_sub(1)));
        }
        Ok(born)
    }

    /// Reads what is in the tables already.
    pub(crate) fn commit(mut self) -> Result<(), AuditError> {
        self.db.batch("BEGIN")?;
        let written = self.write();
        self.db.batch(if written.is_ok() { "COMMIT" } else { "ROLLBACK" })?;
        written
    }

    fn write(&mut self) -> Result<(), AuditError> {
        for (table, column, id, upto) in std::mem::take(&mut self.closed) {
            let values = [Value::Int(upto), id.into(), Value::Int(Position::OPEN.0)];
            let marks: Vec<String> =
                values.iter().enumerate().map(|(n, value)| self.db.mark(n + 1, value)).collect();
            let [upto, id, open] = marks.as_slice() else { continue };
            let sql = format!(
                "UPDATE {} SET upto = {upto} WHERE {column} = {id} AND upto = {open}",
                table.name
            );
            self.db.query(&sql, &values)?;
        }
        for (table, rows) in TABLES.iter().zip(std::mem::take(&mut self.rows)) {
            if !rows.is_empty() {
                self.db.insert(table, &rows)?;
            }
        }
        Ok(())
    }
}
