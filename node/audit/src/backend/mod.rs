//! The boundary to an engine: run, ask, insert many, all or nothing. Nothing else of an engine is known
//! outside this folder.

#[cfg(feature = "postgres")]
mod postgres;
mod sqlite;

use std::fmt;
use std::path::PathBuf;

use crate::error::AuditError;
use crate::schema::Table;
use crate::value::Value;

/// Where an index is.
#[derive(Clone, PartialEq, Eq)]
pub enum Location {
    /// A file.
    Sqlite(PathBuf),
    /// A database elsewhere.
    Postgres(Database),
}

/// A database that speaks PostgreSQL's protocol, and how it is reached.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Database {
    /// Its address: `postgres://…`.
    pub address: String,
    /// PEM file of the authorities whose certificates it may show; those that browsers trust where none
    /// is given.
    pub ca_file: Option<PathBuf>,
}

impl Location {
    /// What a configuration says: an address, or else a path.
    pub fn parse(text: &str) -> Self {
        if text.starts_with("postgres://") || text.starts_with("postgresql://") {
            Self::Postgres(Database { address: text.to_owned(), ca_file: None })
        } else {
            Self::Sqlite(PathBuf::from(text))
        }
    }

    /// The engine's name.
    pub const fn engine(&self) -> &'static str {
        match self {
            Self::Sqlite(_) => "sqlite",
            Self::Postgres(_) => "postgres",
        }
    }
}

/// Without what an address may hold of secrets.
impl fmt::Debug for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sqlite(path) => write!(f, "{}", path.display()),
            Self::Postgres(_) => f.write_str("postgres://…"),
        }
    }
}

/// A connection.
pub(crate) trait Backend: Send {
    /// Runs statements without parameters.
    fn batch(&mut self, sql: &str) -> Result<(), AuditError>;
    /// Runs one statement, written with [`Backend::mark`]s; returns its rows.
    fn query(&mut self, sql: &str, params: &[Value]) -> Result<Vec<Vec<Value>>, AuditError>;
    /// Inserts rows.
    fn insert(&mut self, table: &Table, rows: &[Vec<Value>]) -> Result<(), AuditError>;
    /// How the n-th parameter, from 1, is written.
    fn mark(&self, number: usize, value: &Value) -> String;
    /// What a table's key and text columns are declared as.
    fn types(&self) -> (&'static str, &'static str);
}

/// Opens a connection; `writes` only for the one that keeps the index.
pub(crate) fn open(at: &Location, writes: bool) -> Result<Box<dyn Backend>, AuditError> {
    match at {
        Location::Sqlite(path) => Ok(Box::new(sqlite::Sqlite::open(path, writes)?)),
        #[cfg(feature = "postgres")]
        Location::Postgres(database) => Ok(Box::new(postgres::Postgres::open(database, writes)?)),
        #[cfg(not(feature = "postgres"))]
        Location::Postgres(_) => Err(AuditError::NoPostgres),
    }
}
