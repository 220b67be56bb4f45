//! An engine elsewhere that speaks PostgreSQL's protocol, over TLS wherever it is on another machine.

use std::io::Write;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use postgres::config::{Host, SslMode};
use postgres::types::{ToSql, Type};
use postgres::{Client, Config, Row};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};
use tokio_postgres_rustls::MakeRustlsConnect;

use super::{Backend, Database};
use crate::error::AuditError;
use crate::schema::Table;
use crate::value::Value;

/// Longest wait for a connection, unless the address says another.
const PATIENCE: Duration = Duration::from_secs(10);

pub(super) struct Postgres(Client);

impl Postgres {
    pub(super) fn open(database: &Database, writes: bool) -> Result<Self, AuditError> {
        let mut config: Config = database.address.parse().map_err(no_address)?;
        if config.get_connect_timeout().is_none() {
            config.connect_timeout(PATIENCE);
        }
        // Who used whose data crosses no network in the clear, unless the address says so
        // (`sslmode=disable`). What is encrypted is verified, too.
        if config.get_ssl_mode() == SslMode::Prefer {
            let plain = stays_here(&config) && database.ca_file.is_none();
            config.ssl_mode(if plain { SslMode::Disable } else { SslMode::Require });
        }
        let tls = MakeRustlsConnect::new(client_config(database.ca_file.as_deref())?);
        let mut client = config.connect(tls)?;
        let settings = match writes {
            // What a crash takes from the end is made again from the blocks.
            true => "SET synchronous_commit = off; SET client_min_messages = warning",
            false => "SET default_transaction_read_only = on",
        };
        client.batch_execute(settings)?;
        Ok(Self(client))
    }
}

/// Without the address itself, which may hold a password.
fn no_address(error: postgres::Error) -> AuditError {
    let why = std::error::Error::source(&error).map(ToString::to_string);
    AuditError::Address(why.unwrap_or_else(|| error.to_string()))
}

/// Whether all hosts of an address are this machine.
fn stays_here(config: &Config) -> bool {
    let named = config.get_hosts().iter().all(|host| match host {
        Host::Unix(_) => true,
        Host::Tcp(name) => {
            let address = name.trim_matches(['[', ']']).parse::<std::net::IpAddr>();
            name == "localhost" || address.is_ok_and(|address| address.is_loopback())
        }
    });
    named && config.get_hostaddrs().iter().all(std::net::IpAddr::is_loopback)
}

/// TLS 1.2 or 1.3 with a server that one of the authorities vouches for, by the name in the address.
fn client_config(ca_file: Option<&Path>) -> Result<ClientConfig, AuditError> {
    let mut roots = RootCertStore::empty();
    match ca_file {
        None => roots.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned()),
        Some(file) => {
            let wrong = |why: &dyn std::fmt::Display| AuditError::Certificates {
                file: file.to_owned(),
                why: why.to_string(),
            };
            for found in CertificateDer::pem_file_iter(file).map_err(|error| wrong(&error))? {
                let found = found.map_err(|error| wrong(&error))?;
                roots.add(found).map_err(|error| wrong(&error))?;
            }
            if roots.is_empty() {
                return Err(wrong(&"no certificate"));
            }
        }
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config =
        ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    let config = config.map_err(|error| AuditError::Tls(error.to_string()))?;
    Ok(config.with_root_certificates(roots).with_no_client_auth())
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
