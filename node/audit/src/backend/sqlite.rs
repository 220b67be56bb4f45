//! The embedded engine.

use std::path::Path;

use rusqlite::types::ValueRef;
use rusqlite::{Connection, OpenFlags, params_from_iter};

use super::Backend;
use crate::error::AuditError;
use crate::schema::Table;
use crate::value::Value;

/// Statements kept prepared.
const PREPARED: usize = 128;
/// Kibibytes of pages kept in memory.
const CACHE_KIB: i64 = 65_536;

pub(super) struct Sqlite(Connection);

impl Sqlite {
    pub(super) fn open(path: &Path, writes: bool) -> Result<Self, AuditError> {
        let flags = match writes {
            true => OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE,
            false => OpenFlags::SQLITE_OPEN_READ_ONLY,
        };
        let db = Connection::open_with_flags(path, flags | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
        db.set_prepared_statement_cache_capacity(PREPARED);
        db.busy_timeout(std::time::Duration::from_secs(10))?;
        db.pragma_update(None, "cache_size", -CACHE_KIB)?;
        db.pragma_update(None, "temp_store", "memory")?;
        if writes {
            // What a crash takes from the end is made again from the blocks.
            db.pragma_update(None, "journal_mode", "wal")?;
            db.pragma_update(None, "synchronous", "normal")?;
        }
        Ok(Self(db))
    }
}

impl rusqlite::ToSql for Value {
    fn to_sql(&self) -> rusqlite::Result<rusqlite::types::ToSqlOutput<'_>> {
        Ok(match self {
            Self::Null => rusqlite::types::Null.into(),
            Self::Int(number) => (*number).into(),
            Self::Text(text) => text.as_str().into(),
        })
    }
}

impl Backend for Sqlite {
    fn batch(&mut self, sql: &str) -> Result<(), AuditError> {
        Ok(self.0.execute_batch(sql)?)
    }

    fn query(&mut self, sql: &str, params: &[Value]) -> Result<Vec<Vec<Value>>, AuditError> {
        let mut statement = self.0.prepare_cached(sql)?;
        let columns = statement.column_count();
        let mut found = statement.query(params_from_iter(params))?;
        let mut rows = Vec::new();
        while let Some(row) = found.next()? {
            let value = |column| {
                Ok(match row.get_ref(column)? {
                    ValueRef::Integer(number) => Value::Int(number),
                    ValueRef::Text(text) => String::from_utf8_lossy(text).into_owned().into(),
                    _ => Value::Null,
                })
            };
            rows.push((0..columns).map(value).collect::<Result<_, rusqlite::Error>>()?);
        }
        Ok(rows)
    }

    fn insert(&mut self, table: &Table, rows: &[Vec<Value>]) -> Result<(), AuditError> {
        let marks = vec!["?"; table.names().count()].join(",");
        let sql = format!("INSERT INTO {} VALUES ({marks})", table.name);
        let mut statement = self.0.prepare_cached(&sql)?;
        for row in rows {
            statement.execute(params_from_iter(row))?;
        }
        Ok(())
    }

    fn mark(&self, number: usize, _: &Value) -> String {
        format!("?{number}")
    }

    fn types(&self) -> (&'static str, &'static str) {
        ("INTEGER PRIMARY KEY", "TEXT")
    }
}
