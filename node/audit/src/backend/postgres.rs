//! An engine elsewhere that speaks PostgreSQL's protocol.

use std::io::Write;

use postgres::types::{ToSql, Type};
use postgres::{Client, NoTls, Row};

use super::Backend;
use crate::error::AuditError;
use crate::schema::Table;
use crate::value::Value;

pub(super) struct Postgres(Client);

impl Postgres {
    pub(super) fn open(address: &str, writes: bool) -> Result<Self, AuditError> {
        let mut client = Client::connect(address, NoTls)?;
        let settings = match writes {
            // What a crash takes from the end is made again from the blocks.
            true => "SET synchronous_commit = off; SET client_min_messages = warning",
            false => "SET default_transaction_read_only = on",
        };
        client.batch_execute(settings)?;
        Ok(Self(client))
    }
}

impl Backend for Postgres {
    fn batch(&mut self, sql: &str) -> Result<(), AuditError> {
        Ok(self.0.batch_execute(sql)?)
    }

    fn query(&mut self, sql: &str, params: &[Value]) -> Result<Vec<Vec<Value>>, AuditError> {
        let bound: Vec<&(dyn ToSql + Sync)> = params
            .iter()
            .map(|value| match value {
                Value::Null => &None::<i64> as &(dyn ToSql + Sync),
                Value::Int(number) => number,
                Value::Text(text) => text,
            })
            .collect();
        let rows = self.0.query(sql, &bound)?;
        rows.iter().map(values).collect()
    }

    fn insert(&mut self, table: &Table, rows: &[Vec<Value>]) -> Result<(), AuditError> {
        let mut text = String::new();
        for row in rows {
            for (place, value) in row.iter().enumerate() {
                if place > 0 {
                    text.push('\t');
                }
                write_copied(&mut text, value);
            }
            text.push('\n');
        }
        let mut copy = self.0.copy_in(&format!("COPY {} FROM STDIN", table.name))?;
        let _ = copy.write_all(text.as_bytes()); // what failed is told by `finish`
        copy.finish()?;
        Ok(())
    }

    fn mark(&self, number: usize, value: &Value) -> String {
        match value {
            Value::Text(_) => format!("CAST(${number} AS TEXT)"),
            _ => format!("CAST(${number} AS BIGINT)"),
        }
    }

    fn types(&self) -> (&'static str, &'static str) {
        // By bytes, as SQLite compares.
        ("BIGINT PRIMARY KEY", "TEXT COLLATE \"C\"")
    }
}

/// A value as COPY reads it.
fn write_copied(text: &mut String, value: &Value) {
    match value {
        Value::Null => text.push_str("\\N"),
        Value::Int(number) => text.push_str(&number.to_string()),
        Value::Text(value) => value.chars().for_each(|c| match c {
            '\\' => text.push_str("\\\\"),
            '\t' => text.push_str("\\t"),
            '\n' => text.push_str("\\n"),
            '\r' => text.push_str("\\r"),
            // A character that no text of theirs can hold.
            '\0' => {}
            c => text.push(c),
        }),
    }
}

fn values(row: &Row) -> Result<Vec<Value>, AuditError> {
    let value = |(place, column): (usize, &postgres::Column)| {
        Ok(match *column.type_() {
            Type::INT8 => row.try_get::<_, Option<i64>>(place)?.into(),
            Type::INT4 => row.try_get::<_, Option<i32>>(place)?.map(i64::from).into(),
            Type::BOOL => row.try_get::<_, Option<bool>>(place)?.into(),
            _ => row.try_get::<_, Option<String>>(place)?.into(),
        })
    };
    row.columns().iter().enumerate().map(value).collect()
}
