//! Reading a file of licences, JSON lines or CSV, one line at a time.
//!
//! 1. Memory is bounded by one line: a line over [`MAX_LICENCE_BYTES`] is skipped to its end and
//!    reported, and reading goes on behind it.
//! 2. A line's number is the number of its first line in the file, from 1: the import journal
//!    knows a licence by the digest of the file and this number.
//! 3. A bad line is an item of its own; only a bad first line of CSV, or a file that cannot be
//!    read, ends everything.
//!
//! CSV has the columns [`COLUMNS`] and `fields.NAME`, in any order; an empty `valid_until` means
//! without end, and an empty `fields.NAME` that this licence has no such field. JSON lines and CSV
//! of the same licences give the same documents.

use std::collections::BTreeMap;
use std::io::{self, BufRead, Read};

use hefu_primitives::hash::{Domain, H32, hash};
use hefu_primitives::time::Day;

use super::licence::{
    COLUMNS, ColumnFault, FIELD_PREFIX, FaceFields, Holder, Licence, LicenceError,
    MAX_LICENCE_BYTES, parse_area,
};

/// Most columns of a CSV file: a licence has at most 64 fields, types differ.
pub const MAX_COLUMNS: usize = 512;

/// How the licences of a file are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SourceFormat {
    /// One JSON object on each line.
    JsonLines,
    /// A first line of column names, one licence on each further line.
    Csv,
}

impl SourceFormat {
    /// What a file name suggests.
    pub fn of_name(name: &str) -> Option<Self> {
        let (_, extension) = name.rsplit_once('.')?;
        match extension.to_ascii_lowercase().as_str() {
            "jsonl" | "ndjson" => Some(Self::JsonLines),
            "csv" => Some(Self::Csv),
            _ => None,
        }
    }
}

/// One licence of a file, or why there is none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SourceLine {
    /// Where it starts, from 1.
    pub line: u32,
    /// The licence.
    pub licence: Result<Licence, LicenceError>,
}

/// Why a file of licences cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum SourceError {
    /// The file system.
    #[error("the file cannot be read")]
    Io(#[from] io::Error),
    /// The first line of a CSV file is not one of a file of licences.
    #[error("first line: {0}")]
    Header(LicenceError),
    /// More lines than can be numbered.
    #[error("the file has too many lines")]
    TooManyLines,
}

/// The licences of a file, in order.
pub struct Source<R> {
    reader: R,
    next_line: u32,
    columns: Option<Columns>,
    done: bool,
}

impl<R: BufRead> Source<R> {
    /// Starts reading; of CSV, the first line.
    ///
    /// # Errors
    /// [`SourceError`].
    pub fn new(reader: R, format: SourceFormat) -> Result<Self, SourceError> {
        let mut source = Self { reader, next_line: 1, columns: None, done: false };
        if format == SourceFormat::Csv {
            let first = source.record(true)?.map(|(_, bytes)| bytes).unwrap_or(Ok(Vec::new()));
            let columns = first.and_then(|bytes| Columns::parse(&bytes));
            source.columns = Some(columns.map_err(SourceError::Header)?);
        }
        Ok(source)
    }

    fn read(&mut self) -> Result<Option<SourceLine>, SourceError> {
        loop {
            let Some((line, bytes)) = self.record(self.columns.is_some())? else { return Ok(None) };
            if bytes.as_ref().is_ok_and(|bytes| bytes.trim_ascii().is_empty()) {
                continue;
            }
            let licence = bytes.and_then(|bytes| match &self.columns {
                None => Licence::from_json(&bytes),
                Some(columns) => columns.licence(&bytes),
            });
            return Ok(Some(SourceLine { line, licence }));
        }
    }

    /// The next record with the number of its first line. With `quotes` a line end inside an odd
    /// number of quotes belongs to the record (RFC 4180 doubles quotes, which keeps the parity).
    #[allow(clippy::type_complexity)] // one use, and both levels are said in the names
    fn record(
        &mut self,
        quotes: bool,
    ) -> Result<Option<(u32, Result<Vec<u8>, LicenceError>)>, SourceError> {
        let (first, mut bytes, mut odd, mut large) = (self.next_line, Vec::new(), false, false);
        loop {
            let start = bytes.len();
            // Two more than the bound, for a line end.
            let room = (MAX_LICENCE_BYTES + 2).saturating_sub(start) as u64;
            let read = (&mut self.reader).take(room).read_until(b'\n', &mut bytes)?;
            if read == 0 && room > 0 {
                break;
            }
            odd ^= quotes && bytes[start..].iter().filter(|byte| **byte == b'"').count() % 2 == 1;
            if bytes.last() == Some(&b'\n') && read > 0 {
                self.next_line = self.next_line.checked_add(1).ok_or(SourceError::TooManyLines)?;
                if !odd || large {
                    break;
                }
            } else if bytes.len() >= MAX_LICENCE_BYTES + 2 {
                // Forget what is too long, keep looking for its end.
                large = true;
                bytes.clear();
            }
        }
        if bytes.is_empty() && !large {
            return Ok(None);
        }
        while matches!(bytes.last(), Some(b'\n' | b'\r')) {
            bytes.pop();
        }
        if first == 1 && bytes.starts_with(b"\xef\xbb\xbf") {
            bytes.drain(..3);
        }
        large |= bytes.len() > MAX_LICENCE_BYTES;
        Ok(Some((first, if large { Err(LicenceError::TooLarge) } else { Ok(bytes) })))
    }
}

impl<R: BufRead> Iterator for Source<R> {
    type Item = Result<SourceLine, SourceError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.done {
            return None;
        }
        let next = self.read().transpose();
        self.done = !matches!(next, Some(Ok(_)));
        next
    }
}

/// The digest by which the import journal knows a file: a chain over pieces of 1 MiB.
///
/// # Errors
/// What reading gives.
pub fn file_digest(mut reader: impl Read) -> io::Result<H32> {
    let mut digest = hash(Domain::Digest, &[b"hefu import file"]);
    let mut piece = Vec::new();
    loop {
        piece.clear();
        let read = (&mut reader).take(1 << 20).read_to_end(&mut piece)?;
        if read == 0 {
            return Ok(digest);
        }
        digest = hash(Domain::Digest, &[digest.as_bytes(), &piece]);
    }
}

/// Where a CSV file has what.
struct Columns(Vec<String>);

impl Columns {
    fn parse(bytes: &[u8]) -> Result<Self, LicenceError> {
        let names = cells(bytes)?;
        let fault = |name: &str, fault| Err(LicenceError::Column { name: name.into(), fault });
        if names.len() > MAX_COLUMNS {
            return Err(LicenceError::Cells { expected: MAX_COLUMNS, found: names.len() });
        }
        for (index, name) in names.iter().enumerate() {
            let known = COLUMNS.contains(&name.as_str())
                || name.strip_prefix(FIELD_PREFIX).is_some_and(|rest| !rest.is_empty());
            if !known {
                return fault(name, ColumnFault::Unknown);
            }
            if names[..index].contains(name) {
                return fault(name, ColumnFault::Repeated);
            }
        }
        match COLUMNS.iter().find(|column| !names.iter().any(|name| name == *column)) {
            Some(missing) => fault(missing, ColumnFault::Missing),
            None => Ok(Self(names)),
        }
    }

    fn licence(&self, bytes: &[u8]) -> Result<Licence, LicenceError> {
        let cells = cells(bytes)?;
        if cells.len() != self.0.len() {
            return Err(LicenceError::Cells { expected: self.0.len(), found: cells.len() });
        }
        let mut values: BTreeMap<&str, String> =
            self.0.iter().map(String::as_str).zip(cells).collect();
        // Columns::parse has seen that each is there.
        let mut take = |name: &str| values.remove(name).unwrap_or_default();
        let licence = Licence {
            type_code: take("type_code").parse().map_err(|_| code("type_code"))?,
            identifier: take("identifier"),
            certificate_number: take("certificate_number"),
            version: parse_version(&take("version"))?,
            issuer_code: take("issuer_code").parse().map_err(|_| code("issuer_code"))?,
            area_code: parse_area(&take("area_code")).ok_or_else(|| code("area_code"))?,
            issued_on: day("issued_on", &take("issued_on"))?,
            valid_from: day("valid_from", &take("valid_from"))?,
            valid_until: match take("valid_until").as_str() {
                "" => None,
                text => Some(day("valid_until", text)?),
            },
            holder: Holder {
                code_type: take("holder.code_type"),
                code: take("holder.code"),
                name: take("holder.name"),
            },
            fields: FaceFields(
                values
                    .into_iter()
                    .filter(|(_, value)| !value.is_empty())
                    .filter_map(|(name, value)| {
                        Some((name.strip_prefix(FIELD_PREFIX)?.into(), value))
                    })
                    .collect(),
            ),
        };
        licence.check()?;
        Ok(licence)
    }
}

/// The cells of one record. A quote that is never closed makes a record of what follows, which
/// then has the wrong number of cells.
fn cells(bytes: &[u8]) -> Result<Vec<String>, LicenceError> {
    let mut reader = csv::ReaderBuilder::new()
        .has_headers(false)
        .buffer_capacity(bytes.len().clamp(1, MAX_LICENCE_BYTES))
        .from_reader(bytes);
    let mut record = csv::StringRecord::new();
    match reader.read_record(&mut record) {
        Ok(_) => Ok(record.iter().map(str::to_owned).collect()),
        Err(_) => Err(LicenceError::NotText),
    }
}

fn code(name: &str) -> LicenceError {
    LicenceError::Code { name: name.to_owned() }
}

fn day(name: &str, text: &str) -> Result<Day, LicenceError> {
    text.parse().map_err(|_| LicenceError::Day { name: name.to_owned() })
}

fn parse_version(text: &str) -> Result<u16, LicenceError> {
    let digits = text.bytes().all(|c| c.is_ascii_digit());
    let range = || LicenceError::Range { name: "version".to_owned() };
    text.parse().ok().filter(|_| digits).ok_or_else(range)
}

#[cfg(test)]
mod tests {
    use super::super::licence::tests::{SAMPLE, sample};
    use super::*;

    fn read(text: &str, format: SourceFormat) -> Vec<SourceLine> {
        Source::new(text.as_bytes(), format).unwrap().map(Result::unwrap).collect()
    }

    fn csv_of(licences: &[Licence]) -> String {
        let mut writer = csv::Writer::from_writer(Vec::new());
        let names = ["fields.住所", "fields.备注", "fields.许可范围", "fields.证照名称"];
        writer.write_record(COLUMNS.iter().chain(&names)).unwrap();
        for licence in licences {
            let content = licence.content().unwrap();
            let value = |name: &str| {
                let field = content.fields().iter().find(|field| field.name == name);
                field.map(|field| field.value.clone()).unwrap_or_default()
            };
            let row = COLUMNS.iter().chain(&names).map(|name| match value(name).as_str() {
                "长期" => String::new(),
                value => value.to_owned(),
            });
            writer.write_record(row).unwrap();
        }
        String::from_utf8(writer.into_inner().unwrap()).unwrap()
    }

    #[test]
    fn both_formats_give_the_same_documents() {
        let mut other = sample();
        other.valid_until = Some("2030-01-01".parse().unwrap());
        other.fields.0.remove("备注");
        other.fields.0.insert("住所".into(), "一路, \"甲\"号".into());
        let licences = [sample(), other];
        let json = licences.iter().map(|licence| licence.to_json() + "\r\n").collect::<String>();
        let from_json = read(&json, SourceFormat::JsonLines);
        let from_csv = read(&csv_of(&licences), SourceFormat::Csv);
        for lines in [&from_json, &from_csv] {
            let read: Vec<_> = lines.iter().map(|line| line.licence.clone().unwrap()).collect();
            assert_eq!(read, licences);
        }
        assert_eq!([from_json[0].line, from_json[1].line], [1, 2]);
        assert_eq!([from_csv[0].line, from_csv[1].line], [2, 3]);
        let marked = format!("\u{feff}{json}");
        assert_eq!(read(&marked, SourceFormat::JsonLines), from_json, "a byte order mark");
    }

    #[test]
    fn bad_lines_do_not_stop_the_good() {
        let long = "x".repeat(3 * MAX_LICENCE_BYTES);
        let text = format!("{SAMPLE}\n\nnonsense\n{long}\n{SAMPLE}");
        let lines = read(&text, SourceFormat::JsonLines);
        let numbers: Vec<u32> = lines.iter().map(|line| line.line).collect();
        assert_eq!(numbers, [1, 3, 4, 5]);
        assert!(lines[0].licence.is_ok() && lines[3].licence.is_ok());
        assert!(matches!(lines[1].licence, Err(LicenceError::Json { .. })));
        assert_eq!(lines[2].licence, Err(LicenceError::TooLarge));
    }

    #[test]
    fn lines_at_the_bound() {
        for (length, fits) in [(MAX_LICENCE_BYTES, true), (MAX_LICENCE_BYTES + 1, false)] {
            let pad = " ".repeat(length - SAMPLE.len());
            for end in ["", "\n", "\r\n"] {
                let text = format!("{SAMPLE}{pad}{end}");
                let lines = read(&text, SourceFormat::JsonLines);
                assert_eq!(lines.len(), 1);
                assert_eq!(lines[0].licence.is_ok(), fits, "{length} {end:?}");
            }
        }
    }

    #[test]
    fn quoted_line_ends_belong_to_the_record() {
        let good = csv_of(&[sample(), sample()]);
        let broken = good.replacen("样例", "\"样\n例\"", 1);
        let lines = read(&broken, SourceFormat::Csv);
        assert_eq!(lines.iter().map(|line| line.line).collect::<Vec<_>>(), [2, 4]);
        let refused = LicenceError::Control { name: "fields.备注".into() };
        assert_eq!(lines[0].licence, Err(refused), "a line end is a control character");
        assert!(lines[1].licence.is_ok());
        let open = good.replacen("样例", "\"样例", 1);
        assert!(read(&open, SourceFormat::Csv).iter().all(|line| line.licence.is_err()));
    }

    #[test]
    fn first_lines_of_csv_are_checked() {
        let header = |text: &str| match Source::new(text.as_bytes(), SourceFormat::Csv) {
            Err(SourceError::Header(LicenceError::Column { name, fault })) => (name, fault),
            _ => panic!("{text}"),
        };
        let all = COLUMNS.join(",");
        assert_eq!(header(""), ("type_code".into(), ColumnFault::Missing));
        assert_eq!(header(&all.replace("version,", "")).1, ColumnFault::Missing);
        assert_eq!(header(&format!("{all},version")).1, ColumnFault::Repeated);
        assert_eq!(header(&format!("{all},住所")).1, ColumnFault::Unknown);
        assert_eq!(header(&format!("{all},fields.")).1, ColumnFault::Unknown);
        let lines = read(&format!("{all}\na,b\n"), SourceFormat::Csv);
        assert_eq!(lines[0].licence, Err(LicenceError::Cells { expected: 12, found: 2 }));
        let range = LicenceError::Range { name: "version".into() };
        let text = csv_of(&[sample()]).replacen(",1,", ",+1,", 1);
        assert_eq!(read(&text, SourceFormat::Csv)[0].licence, Err(range));
    }

    #[test]
    fn digests_cover_the_whole_file() {
        let large = vec![7; (1 << 20) + 1];
        let digest = file_digest(large.as_slice()).unwrap();
        assert_eq!(digest, file_digest(large.as_slice()).unwrap());
        assert_ne!(digest, file_digest(&large[1..]).unwrap());
        assert_ne!(file_digest(&b""[..]).unwrap(), file_digest(&b"\0"[..]).unwrap());
        assert_eq!(SourceFormat::of_name("a.JSONL"), Some(SourceFormat::JsonLines));
        assert_eq!(SourceFormat::of_name("a.b.csv"), Some(SourceFormat::Csv));
        assert_eq!(SourceFormat::of_name("csv"), None);
    }
}
