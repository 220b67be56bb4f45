//! Rows as Apache Parquet: what a column is becomes its type, so that a program reads numbers, times,
//! days and lists without being told.
//!
//! A row group holds [`GROUP`] rows, which are in memory until it is full. The footer comes last: a file
//! that was interrupted has none, and nothing can be added to it.

use std::fs::File;
use std::io;
use std::sync::Arc;

use hefu_audit::question::{As, Question};
use hefu_primitives::Millis;
use hefu_primitives::time::Day;
use parquet::basic::Compression;
use parquet::data_type::{BoolType, ByteArray, ByteArrayType, DataType, Int32Type, Int64Type};
use parquet::errors::ParquetError;
use parquet::file::properties::WriterProperties;
use parquet::file::writer::{SerializedFileWriter, SerializedRowGroupWriter};
use parquet::schema::parser::parse_message_type;
use serde_json::Value;

/// Rows of a group.
const GROUP: usize = 20_000;

/// Writes a file.
pub(super) struct Writer {
    file: SerializedFileWriter<File>,
    columns: Vec<(&'static str, As)>,
    waiting: Vec<Value>,
}

impl Writer {
    /// Begins a file of the rows of a question.
    pub(super) fn new(file: File, question: &'static Question) -> Result<Self, ParquetError> {
        let place = [("height", As::Height), ("time", As::Time), ("tx", As::Plain)];
        let own = question.columns.iter().map(|column| (column.name, column.read_as));
        let columns: Vec<_> = place.into_iter().chain(own).collect();
        let fields: String = columns.iter().map(|(name, read_as)| field(name, *read_as)).collect();
        let schema = Arc::new(parse_message_type(&format!("message hefu {{ {fields} }}"))?);
        let properties = WriterProperties::builder()
            .set_compression(Compression::SNAPPY)
            .set_created_by(concat!("hefu ", env!("CARGO_PKG_VERSION")).to_owned());
        let file = SerializedFileWriter::new(file, schema, Arc::new(properties.build()))?;
        Ok(Self { file, columns, waiting: Vec::new() })
    }

    /// Takes a page.
    pub(super) fn page(&mut self, rows: &[Value]) -> io::Result<()> {
        self.waiting.extend_from_slice(rows);
        while self.waiting.len() >= GROUP {
            let rest = self.waiting.split_off(GROUP);
            let group = std::mem::replace(&mut self.waiting, rest);
            self.group(&group)?;
        }
        Ok(())
    }

    /// Writes the last group and the footer, down to the disk.
    pub(super) fn finish(mut self) -> io::Result<()> {
        let group = std::mem::take(&mut self.waiting);
        if !group.is_empty() {
            self.group(&group)?;
        }
        self.file.into_inner()?.sync_data()
    }

    fn group(&mut self, rows: &[Value]) -> io::Result<()> {
        let mut group = self.file.next_row_group()?;
        for (name, read_as) in &self.columns {
            let values: Vec<&Value> =
                rows.iter().map(|row| row.get(*name).unwrap_or(&Value::Null)).collect();
            match read_as {
                As::Plain => column::<ByteArrayType>(&mut group, &values, text),
                As::Number => column::<Int64Type>(&mut group, &values, Value::as_i64),
                As::Height => column::<Int64Type>(&mut group, &values, height),
                As::Time => column::<Int64Type>(&mut group, &values, time),
                As::Day => column::<Int32Type>(&mut group, &values, day),
                As::YesNo => column::<BoolType>(&mut group, &values, Value::as_bool),
                As::List => lists(&mut group, &values),
            }?;
        }
        group.close()?;
        Ok(())
    }
}

/// A column in the notation of Parquet's schemas. Each may be empty: a question says of some rows less
/// than of others.
fn field(name: &str, read_as: As) -> String {
    match read_as {
        As::Plain => format!("optional binary {name} (STRING); "),
        As::Number | As::Height => format!("optional int64 {name}; "),
        As::Time => format!("optional int64 {name} (TIMESTAMP(MILLIS,true)); "),
        As::Day => format!("optional int32 {name} (DATE); "),
        As::YesNo => format!("optional boolean {name}; "),
        As::List => format!(
            "optional group {name} (LIST) {{ repeated group list {{ required binary element (STRING); }} }} "
        ),
    }
}

/// Values of which each may be missing: level 1 is one that is there.
fn column<T: DataType>(
    group: &mut SerializedRowGroupWriter<'_, File>,
    values: &[&Value],
    read: fn(&Value) -> Option<T::T>,
) -> Result<(), ParquetError> {
    let (mut there, mut levels) = (Vec::new(), Vec::new());
    for value in values {
        levels.push(i16::from(!value.is_null()));
        if !value.is_null() {
            there.push(read(value).ok_or_else(|| unlike(value))?);
        }
    }
    write::<T>(group, &there, &levels, None)
}

/// A node of another version may answer in another form: never half a row.
fn unlike(value: &Value) -> ParquetError {
    ParquetError::General(format!("{value} is not what its column holds"))
}

/// Lists of words: definition level 0 is no list, 1 an empty one, 2 a word in one; repetition level 1 is
/// a word of the same list as the one before.
fn lists(
    group: &mut SerializedRowGroupWriter<'_, File>,
    values: &[&Value],
) -> Result<(), ParquetError> {
    let (mut words, mut defined, mut repeated) = (Vec::new(), Vec::new(), Vec::new());
    for value in values {
        let list = value.as_array();
        let found: Option<Vec<ByteArray>> = list.into_iter().flatten().map(text).collect();
        let found = found.filter(|_| value.is_array() || value.is_null());
        let found = found.ok_or_else(|| unlike(value))?;
        if found.is_empty() {
            defined.push(i16::from(value.is_array()));
            repeated.push(0);
        }
        for (place, word) in found.into_iter().enumerate() {
            defined.push(2);
            repeated.push(i16::from(place > 0));
            words.push(word);
        }
    }
    write::<ByteArrayType>(group, &words, &defined, Some(&repeated))
}

fn write<T: DataType>(
    group: &mut SerializedRowGroupWriter<'_, File>,
    values: &[T::T],
    defined: &[i16],
    repeated: Option<&[i16]>,
) -> Result<(), ParquetError> {
    let none = || ParquetError::General("no column left".to_owned());
    let mut column = group.next_column()?.ok_or_else(none)?;
    column.typed::<T>().write_batch(values, Some(defined), repeated)?;
    column.close()
}

fn text(value: &Value) -> Option<ByteArray> {
    value.as_str().map(ByteArray::from)
}

fn height(value: &Value) -> Option<i64> {
    value.as_str()?.parse().ok()
}

/// Milliseconds since 1970.
fn time(value: &Value) -> Option<i64> {
    let at: Millis = Millis::from_rfc3339(value.as_str()?).ok()?;
    i64::try_from(at.0).ok()
}

/// Days since 1970, as the calendar of Beijing has them.
fn day(value: &Value) -> Option<i32> {
    let (first, day) = (Day::new(1970, 1, 1).ok()?, value.as_str()?.parse().ok()?);
    i32::try_from(first.days_until(day)).ok()
}

#[cfg(test)]
mod tests {
    use hefu_audit::question::question;
    use parquet::file::reader::{FileReader, SerializedFileReader};
    use parquet::record::Field;
    use serde_json::json;

    use super::*;

    fn row(number: usize) -> Value {
        let reasons = match number % 3 {
            0 => json!(null),
            1 => json!([]),
            _ => json!(["4", number.to_string()]),
        };
        json!({
            "height": number.to_string(), "time": "2026-11-22T16:00:00.007Z", "tx": null,
            "decision": format!("d{number}"), "issuer_region": 320_000, "wrong": number.is_multiple_of(2),
            "reasons": reasons,
        })
    }

    /// What a reader of Parquet makes of a row.
    fn read(path: &std::path::Path) -> Vec<std::collections::BTreeMap<String, Field>> {
        let reader = SerializedFileReader::new(File::open(path).unwrap()).unwrap();
        let rows = reader.get_row_iter(None).unwrap().map(Result::unwrap);
        let row = |row: parquet::record::Row| {
            row.get_column_iter().map(|(name, field)| (name.clone(), field.clone())).collect()
        };
        rows.map(row).collect()
    }

    #[test]
    fn rows_come_back_as_they_were_over_groups() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.parquet");
        let rows: Vec<Value> = (0..GROUP + 7).map(row).collect();
        let mut writer =
            Writer::new(File::create(&path).unwrap(), question("q04").unwrap()).unwrap();
        rows.chunks(5_000).for_each(|page| writer.page(page).unwrap());
        writer.finish().unwrap();
        let found = read(&path);
        assert_eq!(found.len(), rows.len());
        for (number, row) in found.iter().enumerate() {
            assert_eq!(row["height"], Field::Long(number as i64));
            assert_eq!(row["time"], Field::TimestampMillis(1_795_363_200_007));
            assert_eq!(row["tx"], Field::Null);
            assert_eq!(row["decision"], Field::Str(format!("d{number}")));
            assert_eq!(row["issuer_region"], Field::Long(320_000));
            assert_eq!(row["wrong"], Field::Bool(number.is_multiple_of(2)));
            let reasons = match (&row["reasons"], number % 3) {
                (Field::Null, 0) => continue,
                (Field::ListInternal(list), _) => list.elements(),
                other => panic!("{other:?}"),
            };
            let words = if number % 3 == 1 { vec![] } else { vec!["4".into(), number.to_string()] };
            assert_eq!(reasons, words.into_iter().map(Field::Str).collect::<Vec<_>>());
        }
    }

    #[test]
    fn days_are_those_of_the_calendar() {
        assert_eq!(day(&json!("1970-01-01")), Some(0));
        assert_eq!(day(&json!("1969-12-31")), Some(-1));
        assert_eq!(day(&json!("2026-11-23")), Some(20_780));
    }

    #[test]
    fn what_a_column_cannot_hold_is_no_empty_cell() {
        for wrong in [json!({"issuer_region": "x"}), json!({"reasons": 4}), json!({"reasons": [4]})]
        {
            let file = tempfile::tempfile().unwrap();
            let mut writer = Writer::new(file, question("q04").unwrap()).unwrap();
            writer.page(&[wrong]).unwrap();
            assert!(writer.finish().is_err());
        }
    }

    /// The schema of every question is one.
    #[test]
    fn every_question_has_a_schema() {
        for question in hefu_audit::question::QUESTIONS {
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join("empty.parquet");
            let writer = Writer::new(File::create(&path).unwrap(), question).unwrap();
            writer.finish().unwrap();
            assert!(read(&path).is_empty());
            let file = SerializedFileReader::new(File::open(&path).unwrap()).unwrap();
            let columns = file.metadata().file_metadata().schema().get_fields().len();
            assert_eq!(columns, question.columns.len() + 3, "{}", question.name);
        }
    }
}
