//! Tables as Parquet: typed columns, in groups of rows.
//!
//! The bytes depend on the rows alone: no clock, no machine, no number of threads goes into them. Whole numbers are
//! written as differences, everything else by a dictionary if that is shorter; a missing value is null. A table of
//! any length takes the memory of one group.

use std::io::{self, Write};
use std::sync::Arc;

use ::parquet::basic::{Compression, Encoding, LogicalType, Repetition, TimeUnit, Type as Physical};
use ::parquet::data_type::ByteArray;
use ::parquet::errors::ParquetError;
use ::parquet::file::properties::{EnabledStatistics, WriterProperties};
use ::parquet::file::writer::{SerializedColumnWriter, SerializedFileWriter};
use ::parquet::schema::types::{ColumnPath, Type};

use super::limits;
use super::{Column, Columns, Data, Kind, Row, Sink, Values};

/// Writes rows as Parquet.
#[derive(Debug)]
pub struct Parquet<W: Write + Send> {
    file: SerializedFileWriter<W>,
    columns: Vec<Column>,
    /// The rows that are not written yet.
    group: Columns,
    /// Rows in a group.
    length: usize,
}

/// The error; that of the system if a system call failed.
fn failed(error: ParquetError) -> io::Error {
    if let ParquetError::External(inner) = error {
        inner.downcast::<io::Error>().map_or_else(io::Error::other, |inner| *inner)
    } else {
        io::Error::other(error)
    }
}

/// The physical and the logical type of a kind.
fn stored(kind: Kind) -> (Physical, Option<LogicalType>) {
    let whole = |is_signed| Some(LogicalType::integer(64, is_signed));
    match kind {
        Kind::Whole => (Physical::INT64, whole(true)),
        Kind::Seed => (Physical::INT64, whole(false)),
        Kind::Real => (Physical::DOUBLE, None),
        Kind::Text | Kind::Id | Kind::Hash | Kind::Set => (Physical::BYTE_ARRAY, Some(LogicalType::String)),
        Kind::Date => (Physical::INT32, Some(LogicalType::Date)),
        Kind::DateTime => (Physical::INT64, Some(LogicalType::timestamp(false, TimeUnit::MILLIS))),
        Kind::Truth => (Physical::BOOLEAN, None),
    }
}

fn schema(columns: &[Column]) -> Result<Type, ParquetError> {
    let field = |column: &Column| {
        let (physical, logical) = stored(column.kind);
        let field = Type::primitive_type_builder(&column.name, physical);
        field.with_repetition(Repetition::OPTIONAL).with_logical_type(logical).build().map(Arc::new)
    };
    let fields = columns.iter().map(field).collect::<Result<_, _>>()?;
    Type::group_type_builder("table").with_fields(fields).build()
}

fn properties(columns: &[Column]) -> WriterProperties {
    let common = WriterProperties::builder()
        .set_created_by(concat!("backstop version ", env!("CARGO_PKG_VERSION")).into())
        .set_compression(Compression::SNAPPY)
        .set_statistics_enabled(EnabledStatistics::Chunk);
    let whole = columns.iter().filter(|column| column.kind == Kind::Whole);
    whole
        .fold(common, |all, column| {
            let path = ColumnPath::from(vec![column.name.clone()]);
            all.set_column_dictionary_enabled(path.clone(), false)
                .set_column_encoding(path, Encoding::DELTA_BINARY_PACKED)
        })
        .build()
}

impl<W: Write + Send> Parquet<W> {
    /// A table of these columns, whose rows go to `out`.
    ///
    /// # Errors
    /// Those of `out`.
    pub fn new(out: W, columns: &[Column]) -> io::Result<Self> {
        let schema = Arc::new(schema(columns).map_err(failed)?);
        let file = SerializedFileWriter::new(out, schema, Arc::new(properties(columns))).map_err(failed)?;
        let length = (limits::GROUP_CELLS / columns.len().max(1)).clamp(1, limits::GROUP_ROWS);
        Ok(Self { file, columns: columns.to_vec(), group: Columns::new(columns), length })
    }

    fn write_group(&mut self) -> io::Result<()> {
        let group = std::mem::replace(&mut self.group, Columns::new(&self.columns));
        let mut writer = self.file.next_row_group().map_err(failed)?;
        for (column, values) in self.columns.iter().zip(group.values()) {
            let mut chunk = writer.next_column().map_err(failed)?.expect("there is a writer for each column");
            write_values(&mut chunk, column.kind, values).map_err(failed)?;
            chunk.close().map_err(failed)?;
        }
        writer.close().map(drop).map_err(failed)
    }
}

/// Writes the values that are present, and the positions of missing ones.
fn write_values(chunk: &mut SerializedColumnWriter<'_>, kind: Kind, values: &Values) -> Result<(), ParquetError> {
    fn there<T, U>(values: &Values, all: &[T], stored: impl Fn(&T) -> U) -> Vec<U> {
        all.iter().zip(&values.valid).filter(|(_, valid)| **valid).map(|(value, _)| stored(value)).collect()
    }
    let levels: Vec<i16> = values.valid.iter().map(|&valid| i16::from(valid)).collect();
    let levels = Some(levels.as_slice());
    let longs = |chunk: &mut SerializedColumnWriter<'_>, all: Vec<i64>| {
        chunk.typed::<::parquet::data_type::Int64Type>().write_batch(&all, levels, None)
    };
    match &values.data {
        Data::Whole(all) => longs(chunk, there(values, all, |&value| value)),
        Data::Seed(all) => longs(chunk, there(values, all, |&value| value.cast_signed())),
        Data::DateTime(all) if kind == Kind::Date => {
            #[expect(clippy::cast_possible_truncation, reason = "the calendar has fewer than 2^31 days")]
            let days = there(values, all, |&value| value.div_euclid(86_400_000) as i32);
            chunk.typed::<::parquet::data_type::Int32Type>().write_batch(&days, levels, None)
        }
        Data::DateTime(all) => longs(chunk, there(values, all, |&value| value)),
        Data::Real(all) => {
            let all = there(values, all, |&value| value);
            chunk.typed::<::parquet::data_type::DoubleType>().write_batch(&all, levels, None)
        }
        Data::Truth(all) => {
            let all = there(values, all, |&value| value);
            chunk.typed::<::parquet::data_type::BoolType>().write_batch(&all, levels, None)
        }
        Data::Hash(all) => {
            let all = there(values, all, |bits| ByteArray::from(format!("h{bits:016x}").into_bytes()));
            chunk.typed::<::parquet::data_type::ByteArrayType>().write_batch(&all, levels, None)
        }
        Data::Text(dictionary) => {
            let known: Vec<ByteArray> = dictionary.texts.iter().map(|word| word.as_str().into()).collect();
            let all = there(values, &dictionary.keys, |&key| known[usize::try_from(key).unwrap_or_default()].clone());
            chunk.typed::<::parquet::data_type::ByteArrayType>().write_batch(&all, levels, None)
        }
    }
    .map(drop)
}

impl<W: Write + Send> Sink for Parquet<W> {
    fn row<'c>(&mut self, cells: impl Row<'c>) -> io::Result<()> {
        self.group.row(cells)?;
        if self.group.rows() == self.length { self.write_group() } else { Ok(()) }
    }

    fn end(&mut self) -> io::Result<()> {
        if self.group.rows() > 0 {
            self.write_group()?;
        }
        self.file.finish().map(drop).map_err(failed)
    }
}

#[cfg(test)]
mod tests {
    use ::parquet::file::metadata::RowGroupMetaData;
    use ::parquet::file::reader::{FileReader as _, SerializedFileReader};
    use ::parquet::record::Field;
    use bytes::Bytes;
    use proptest::prelude::*;

    use super::super::tests::{columns, rows};
    use super::super::{Cell, Csv, Format, Table, read_csv};
    use super::*;

    fn written(length: usize) -> Vec<u8> {
        let mut bytes = Vec::new();
        let mut sink = Parquet::new(&mut bytes, &columns()).unwrap();
        sink.length = length;
        rows(&mut sink).unwrap();
        sink.end().unwrap();
        drop(sink);
        bytes
    }

    fn read(bytes: Vec<u8>) -> Vec<Vec<(String, Field)>> {
        let reader = SerializedFileReader::new(Bytes::from(bytes)).unwrap();
        reader.get_row_iter(None).unwrap().map(|row| row.unwrap().into_columns()).collect()
    }

    #[test]
    fn every_kind_is_read_back_as_what_it_is() {
        let found = read(written(100));
        let names: Vec<&str> = found[0].iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names, columns().iter().map(|column| column.name.as_str()).collect::<Vec<_>>());
        let values = |row: usize| found[row].iter().map(|(_, field)| field.clone()).collect::<Vec<_>>();
        let text = |text: &str| Field::Str(text.into());
        assert_eq!(
            values(0),
            [
                Field::Long(0),
                Field::ULong(u64::MAX),
                Field::Date(-1),
                Field::TimestampMillis(-1_000),
                Field::Double(f64::INFINITY),
                text("=1+1"),
                text("h0000000000000007"),
                Field::Bool(true)
            ]
        );
        assert_eq!(values(1), vec![Field::Null; 8]);
        assert_eq!(
            values(2),
            [
                Field::Long(1 << 40),
                Field::ULong(3),
                // From 1970 on: 54 years, 13 leap days, and that of the year, the 60th day, which is day 59 from 0.
                Field::Date(54 * 365 + 13 + 59),
                Field::TimestampMillis(1_000),
                Field::Double(0.1),
                text("a,\"b\nc"),
                text("hffffffffffffffff"),
                Field::Bool(false)
            ]
        );
    }

    /// A cell of a kind, from any 64 bits.
    fn cell(kind: Kind, bits: u64) -> Cell<'static> {
        const TEXTS: [&str; 8] = ["=1+1", "@SUM(A1)", "a,b", "\"", "line\nbreak", "\u{e9}\u{1f600}", "NULL", " x "];
        let since = jiff::SignedDuration::from_secs((bits % 200_000_000_000).cast_signed());
        let moment = || jiff::civil::date(1, 1, 1).at(0, 0, 0, 0) + since;
        match kind {
            _ if bits.is_multiple_of(5) => Cell::Empty,
            Kind::Whole => Cell::Whole(bits >> (1 + bits % 60)),
            Kind::Seed => Cell::Whole(bits),
            Kind::Real => Cell::Real(f64::from_bits(bits)),
            Kind::Text | Kind::Id | Kind::Set if bits.is_multiple_of(3) => format!("id_{bits}").into(),
            Kind::Text | Kind::Id | Kind::Set => TEXTS[usize::try_from(bits % 8).unwrap()].into(),
            Kind::Date => moment().date().to_string().into(),
            Kind::DateTime => moment().strftime("%Y-%m-%dT%H:%M:%S").to_string().into(),
            Kind::Hash => Cell::Hash(bits),
            Kind::Truth => Cell::Truth(bits.is_multiple_of(2)),
        }
    }

    /// A value that was read, in the form of CSV.
    #[expect(clippy::wildcard_enum_match_arm, reason = "Parquet has more types than are written")]
    fn text(field: &Field) -> String {
        let from_1970 = |unit: i64, seconds: i64| {
            jiff::civil::date(1970, 1, 1).at(0, 0, 0, 0) + jiff::SignedDuration::from_secs(unit * seconds)
        };
        let mut bytes = Vec::new();
        match field {
            Field::Null => {}
            Field::Long(value) => Csv::push(&mut bytes, &Cell::Whole(u64::try_from(*value).unwrap())),
            Field::ULong(value) => Csv::push(&mut bytes, &Cell::Whole(*value)),
            Field::Double(value) => Csv::push(&mut bytes, &Cell::Real(*value)),
            Field::Bool(value) => Csv::push(&mut bytes, &Cell::Truth(*value)),
            Field::Date(days) => bytes.extend(from_1970(86_400, (*days).into()).date().to_string().bytes()),
            Field::TimestampMillis(millis) => {
                bytes.extend(from_1970(1, millis / 1_000).strftime("%Y-%m-%dT%H:%M:%S").to_string().bytes());
            }
            Field::Str(text) => bytes.extend(text.bytes()),
            other => panic!("{other:?} is written for no kind"),
        }
        String::from_utf8(bytes).unwrap()
    }

    /// The rows that are read of the written file are those of the CSV.
    fn are_those_of_the_csv(rows: &[[u64; 8]], length: usize) -> Result<(), TestCaseError> {
        let cells = |row: &[u64; 8]| {
            let cells = columns().into_iter().zip(*row).map(|(column, bits)| cell(column.kind, bits));
            cells
                .map(|cell| if matches!(cell, Cell::Real(value) if value.is_nan()) { Cell::Empty } else { cell })
                .collect::<Vec<_>>()
        };
        let mut bytes = Vec::new();
        let mut sink = Parquet::new(&mut bytes, &columns()).unwrap();
        sink.length = length;
        rows.iter().try_for_each(|row| sink.row(cells(row))).unwrap();
        sink.end().unwrap();
        drop(sink);
        let csv = Csv::table(&columns(), |sink| rows.iter().try_for_each(|row| sink.row(cells(row)))).unwrap();
        let expected = csv::Reader::from_reader(&*csv)
            .into_records()
            .map(|record| record.unwrap().iter().map(str::to_owned).collect::<Vec<_>>());
        let found = read(bytes);
        let found = found.iter().map(|row| row.iter().map(|(_, field)| text(field)).collect::<Vec<_>>());
        prop_assert_eq!(found.collect::<Vec<_>>(), expected.collect::<Vec<_>>());
        Ok(())
    }

    proptest! {
        /// Whatever the values, in groups of any size.
        #[test]
        fn values_are_those_of_the_csv(
            rows in prop::collection::vec(prop::array::uniform8(any::<u64>()), 0..40),
            length in 1_usize..20,
        ) {
            are_those_of_the_csv(&rows, length)?;
        }
    }

    /// The nanoseconds since 1970 of a date after 2262 take more than 64 bits.
    #[test]
    fn a_date_of_a_later_century_is_that_of_the_csv() {
        let bits = 17_005_586_678_205_782_026;
        assert_eq!(cell(Kind::Date, bits), "2479-03-30".into());
        are_those_of_the_csv(&[[0, 0, bits, 0, 0, 0, 0, 0]], 1).unwrap();
    }

    #[test]
    fn groups_hold_so_many_rows_and_change_no_value() {
        let groups = |bytes: &[u8]| {
            let reader = SerializedFileReader::new(Bytes::copy_from_slice(bytes)).unwrap();
            reader.metadata().row_groups().iter().map(RowGroupMetaData::num_rows).collect::<Vec<_>>()
        };
        let (one, two) = (written(100), written(2));
        assert_eq!((groups(&one), groups(&two)), (vec![3], vec![2, 1]));
        assert_eq!(read(one), read(two));
        let wide: Vec<Column> = (0..1_000).map(|at| Column { name: format!("m{at}"), kind: Kind::Real }).collect();
        let length = Parquet::new(Vec::new(), &wide).unwrap().length;
        assert_eq!((length, Parquet::new(Vec::new(), &columns()).unwrap().length), (4_194, 131_072));
    }

    /// A table that is there as CSV.
    struct Read<'a>(&'a [u8], Vec<Column>);

    impl Table for Read<'_> {
        fn columns(&self) -> &[Column] {
            &self.1
        }

        fn part<S: Sink>(&self, _: usize, sink: &mut S) -> io::Result<()> {
            read_csv(self.0, &self.1, sink)
        }
    }

    fn through<W: Write + Send>(csv: &[u8], mut out: W) -> io::Result<W> {
        Format::Parquet.write(&Read(csv, columns()), &mut out)?;
        Ok(out)
    }

    #[test]
    fn tables_read_from_csv_give_the_same_parquet_bytes() {
        let csv = Csv::table(&columns(), |sink| rows(sink)).unwrap();
        assert!(through(&csv, Vec::new()).unwrap() == written(100) && written(100) == written(100));
    }

    #[test]
    fn a_table_without_rows_has_its_columns() {
        let csv = Csv::table(&columns(), |_| Ok(())).unwrap();
        let bytes = through(&csv, Vec::new()).unwrap();
        let reader = SerializedFileReader::new(Bytes::from(bytes)).unwrap();
        let metadata = reader.metadata().file_metadata();
        assert_eq!((metadata.num_rows(), metadata.schema_descr().num_columns()), (0, 8));
        assert_eq!(metadata.created_by(), Some(concat!("backstop version ", env!("CARGO_PKG_VERSION"))));
    }

    /// Errors of writing are returned unchanged.
    #[test]
    fn a_full_disk_is_reported_as_such() {
        struct Full;
        impl Write for Full {
            fn write(&mut self, _: &[u8]) -> io::Result<usize> {
                Err(io::ErrorKind::StorageFull.into())
            }
            fn flush(&mut self) -> io::Result<()> {
                Ok(())
            }
        }
        let mut sink = Parquet::new(Full, &columns()).unwrap();
        rows(&mut sink).unwrap();
        assert_eq!(sink.end().unwrap_err().kind(), io::ErrorKind::StorageFull);
    }

    #[test]
    fn a_cell_of_another_kind_is_refused() {
        let csv = Csv::table(&columns(), |sink| rows(sink)).unwrap();
        let text = String::from_utf8(csv).unwrap();
        for (from, to) in
            [("18446744073709551615", "x"), ("0.1", "1969-12-31"), ("TRUE", "1"), ("2024-02-29", "2023-02-29")]
        {
            let error = through(text.replace(from, to).as_bytes(), io::sink()).unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::InvalidData, "{to}");
        }
        let error = through(b"run,seed\n", io::sink()).unwrap_err();
        assert_eq!(error.to_string(), "the header is not that of the table");
    }
}
