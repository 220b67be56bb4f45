//! How rows become a file.

use std::fs::File;
use std::io::{self, Write};

use hefu_audit::question::Question;
use serde_json::Value;

use super::{Written, columns};
use crate::cli::fault::Fault;
use crate::cli::table;

/// What a spreadsheet knows UTF-8 by.
const BOM: &[u8] = b"\xef\xbb\xbf";

/// A file that takes pages of rows.
pub(super) enum Sink {
    /// Rows one after the other.
    Lines { file: File, question: &'static Question, written: Written },
    /// Rows by columns.
    #[cfg(feature = "parquet")]
    Columns(Box<super::parquet::Writer>),
}

impl Sink {
    /// Goes on at the place where the file is.
    ///
    /// # Errors
    /// `cli.export_part`, where it cannot be begun.
    pub(super) fn new(
        file: File,
        question: &'static Question,
        written: Written,
    ) -> Result<Self, Fault> {
        match written {
            Written::Csv | Written::Jsonl => Ok(Self::Lines { file, question, written }),
            #[cfg(feature = "parquet")]
            Written::Parquet => {
                let made = super::parquet::Writer::new(file, question);
                let made = made.map_err(|error| Fault::with("cli.export_part", error))?;
                Ok(Self::Columns(Box::new(made)))
            }
            #[cfg(not(feature = "parquet"))]
            Written::Parquet => Err(Fault::with("cli.usage", "parquet")),
        }
    }

    /// Writes a page, down to the disk; the bytes that lines became.
    pub(super) fn page(&mut self, rows: &[Value], first: bool) -> io::Result<Vec<u8>> {
        match self {
            Self::Lines { file, question, written } => {
                let bytes = match written {
                    Written::Csv => csv(question, rows, first),
                    _ => rows.iter().flat_map(|row| format!("{row}\n").into_bytes()).collect(),
                };
                file.write_all(&bytes)?;
                file.sync_data()?;
                Ok(bytes)
            }
            #[cfg(feature = "parquet")]
            Self::Columns(writer) => writer.page(rows).map(|()| Vec::new()),
        }
    }

    /// Writes what is still to be written.
    pub(super) fn finish(self) -> io::Result<()> {
        match self {
            Self::Lines { .. } => Ok(()),
            #[cfg(feature = "parquet")]
            Self::Columns(writer) => writer.finish(),
        }
    }
}

fn csv(question: &'static Question, rows: &[Value], first: bool) -> Vec<u8> {
    let mut writer = csv::Writer::from_writer(if first { BOM.to_vec() } else { Vec::new() });
    // Writing to memory cannot fail.
    if first {
        let _ = writer.write_record(columns(question));
    }
    for row in rows {
        let _ = writer.write_record(columns(question).map(|name| table::cell(row.get(name))));
    }
    writer.into_inner().unwrap_or_default()
}
