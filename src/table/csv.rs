//! Tables as CSV: UTF-8, RFC 4180, one header row, `
//! ` line ends.
//!
//! The writer of the `csv` crate takes text, so every number would have to be formatted first and then searched for
//! characters to quote. Nearly all cells of a sweep are numbers, so this writer formats them directly. Tables are read
//! with the `csv` crate.

use std::io;
use std::num::NonZero;
use std::sync::mpsc::{self, Receiver};
use std::thread;

use super::{Cell, Column, Kind, Put, Row, Sink, Table, limits};

/// The number of bytes that are buffered before they are written.
const COLLECTED: usize = 1 << 16;

/// The number of parts from which on several threads pay.
const PARALLEL: usize = 4;

/// Appends rows as CSV to a buffer.
#[derive(Debug)]
pub struct Csv<'a> {
    out: &'a mut Vec<u8>,
}

impl<'a> Csv<'a> {
    /// Creates a writer and appends the header.
    #[must_use]
    pub fn new(out: &'a mut Vec<u8>, columns: &[Column]) -> Self {
        Self::header(out, columns);
        Self { out }
    }

    /// Creates a writer without a header.
    #[must_use]
    pub fn rows(out: &'a mut Vec<u8>) -> Self {
        Self { out }
    }

    /// Writes a whole table with the given closure.
    ///
    /// # Errors
    /// Those of `rows`; the sink itself has none.
    pub fn table(columns: &[Column], rows: impl FnOnce(&mut Csv<'_>) -> io::Result<()>) -> io::Result<Vec<u8>> {
        let mut bytes = Vec::new();
        let mut sink = Csv::new(&mut bytes, columns);
        rows(&mut sink)?;
        sink.end()?;
        Ok(bytes)
    }

    /// Appends only a header row.
    pub fn header(out: &mut Vec<u8>, columns: &[Column]) {
        for (at, column) in columns.iter().enumerate() {
            if at > 0 {
                out.push(b',');
            }
            push_text(out, &column.name);
        }
        out.push(b'\n');
    }

    /// Appends one cell.
    #[inline(always)]
    pub fn push(out: &mut Vec<u8>, cell: &Cell<'_>) {
        match cell {
            Cell::Empty => {}
            Cell::Whole(value) => out.extend_from_slice(itoa::Buffer::new().format(*value).as_bytes()),
            Cell::Real(value) => out.extend_from_slice(zmij::Buffer::new().format(*value).as_bytes()),
            Cell::Text(text) => push_text(out, text),
            Cell::Hash(bits) => push_hash(out, *bits),
            Cell::Truth(value) => out.extend_from_slice(if *value { b"TRUE" } else { b"FALSE" }),
        }
    }
}

impl<'c> Put<'c> for Csv<'_> {
    #[inline(always)]
    fn put(&mut self, cell: Cell<'c>) {
        Self::push(self.out, &cell);
        self.out.push(b',');
    }
}

impl Sink for Csv<'_> {
    #[inline]
    fn row<'c>(&mut self, cells: impl Row<'c>) -> io::Result<()> {
        cells.each(self);
        // Replace the comma after the last cell. Every table has at least one column.
        if let Some(last) = self.out.last_mut() {
            *last = b'\n';
        }
        Ok(())
    }

    fn end(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Writes rows as CSV to a file or another writer, with a small buffer.
#[derive(Debug)]
pub struct CsvWriter<W> {
    out: W,
    rows: Vec<u8>,
}

impl<W: io::Write> CsvWriter<W> {
    /// Creates a writer and appends the header.
    #[must_use]
    pub fn new(out: W, columns: &[Column]) -> Self {
        let mut this = Self::rows(out);
        Csv::header(&mut this.rows, columns);
        this
    }

    /// Creates a writer without a header.
    #[must_use]
    pub fn rows(out: W) -> Self {
        Self { out, rows: Vec::with_capacity(COLLECTED + COLLECTED / 8) }
    }

    /// Writes a whole table, and returns the writer. Of a large table several threads format the rows.
    ///
    /// # Errors
    /// Those of the writer.
    pub fn write(out: W, table: &impl Table) -> io::Result<W> {
        Self::new(out, table.columns()).write_all(table)
    }

    /// Writes all rows of a table and ends it, as [`CsvWriter::write`] does after the header.
    ///
    /// # Errors
    /// Those of the writer.
    pub fn write_all(mut self, table: &impl Table) -> io::Result<W> {
        let parts = table.parts();
        let cores = if parts < PARALLEL { 1 } else { thread::available_parallelism().map_or(1, NonZero::get) };
        if cores > 1 {
            self.write_rows()?;
            in_parallel(table, parts, cores.min(limits::FORMATTING), |rows| self.out.write_all(rows))?;
        } else {
            table.rows(&mut self)?;
        }
        self.end()?;
        Ok(self.out)
    }

    fn write_rows(&mut self) -> io::Result<()> {
        self.out.write_all(&self.rows)?;
        self.rows.clear();
        Ok(())
    }
}

/// Formats the parts of a table on several threads, and takes the bytes of one after the other on this thread, which
/// meanwhile hashes and writes them. The bytes depend on the table alone.
fn in_parallel(
    table: &impl Table,
    parts: usize,
    threads: usize,
    mut take: impl FnMut(&[u8]) -> io::Result<()>,
) -> io::Result<()> {
    let format = |part: usize, capacity: usize| {
        let mut rows = Vec::with_capacity(capacity);
        table.part(part, &mut Csv::rows(&mut rows)).map(|()| rows)
    };
    thread::scope(|scope| {
        let start = |first: usize| {
            // Whoever is ahead of this thread waits, so that only few parts are in memory.
            let (send, receive) = mpsc::sync_channel(1);
            let work = move || {
                let mut length = 0;
                for part in (first..parts).step_by(threads) {
                    let rows = format(part, length + length / 8);
                    length = rows.as_ref().map_or(0, Vec::len);
                    if send.send(rows).is_err() {
                        // The table cannot be written.
                        return;
                    }
                }
            };
            thread::Builder::new().spawn_scoped(scope, work).ok().map(|_| receive)
        };
        let formatted: Vec<Option<Receiver<io::Result<Vec<u8>>>>> = (0..threads).map(start).collect();
        (0..parts).try_for_each(|part| {
            // If the system refused the thread, this one does its work.
            let rows = formatted[part % threads].as_ref().and_then(|formatted| formatted.recv().ok());
            take(&rows.unwrap_or_else(|| format(part, 0))?)
        })
    })
}

impl<W: io::Write> Sink for CsvWriter<W> {
    #[inline]
    fn row<'c>(&mut self, cells: impl Row<'c>) -> io::Result<()> {
        Csv::rows(&mut self.rows).row(cells)?;
        if self.rows.len() >= COLLECTED { self.write_rows() } else { Ok(()) }
    }

    fn end(&mut self) -> io::Result<()> {
        self.write_rows()?;
        self.out.flush()
    }
}

/// Appends a text, quoted if needed.
#[inline]
fn push_text(out: &mut Vec<u8>, text: &str) {
    if needs_no_quotes(text.as_bytes()) {
        out.extend_from_slice(text.as_bytes());
    } else {
        push_checked(out, text);
    }
}

/// A fast test: every byte that makes quotes necessary is less than `-`, and ids have none such. `false` may be wrong.
#[inline]
fn needs_no_quotes(text: &[u8]) -> bool {
    const EACH: u64 = u64::MAX / 255;
    const LEAST: u8 = b'-';
    let has_less = |word: [u8; 8]| {
        let word = u64::from_le_bytes(word);
        word.wrapping_sub(EACH * u64::from(LEAST)) & !word & (EACH << 7) != 0
    };
    let (words, rest) = text.as_chunks();
    match text.last_chunk() {
        // The last word overlaps the one before it.
        Some(&last) => !words.iter().any(|&word| has_less(word)) && !has_less(last),
        None => rest.iter().all(|&byte| byte >= LEAST),
    }
}

#[cold]
fn push_checked(out: &mut Vec<u8>, text: &str) {
    if !text.bytes().any(|byte| matches!(byte, b',' | b'"' | b'\n' | b'\r')) {
        out.extend_from_slice(text.as_bytes());
        return;
    }
    out.push(b'"');
    for byte in text.bytes() {
        if byte == b'"' {
            out.push(b'"');
        }
        out.push(byte);
    }
    out.push(b'"');
}

fn push_hash(out: &mut Vec<u8>, bits: u64) {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let mut text = [b'h'; 17];
    for (place, byte) in text[1..].chunks_exact_mut(2).zip(bits.to_be_bytes()) {
        place[0] = DIGITS[usize::from(byte >> 4)];
        place[1] = DIGITS[usize::from(byte & 15)];
    }
    out.extend_from_slice(&text);
}

/// Reads a table as [`Csv`] writes it, and hands its rows on.
///
/// # Errors
/// `InvalidData` if the header is not that of the columns or a cell is not a value of its column, and those of the
/// sink, whose table is not ended.
pub fn read_csv<S: Sink>(bytes: impl io::Read, columns: &[Column], sink: &mut S) -> io::Result<()> {
    let mut reader = csv::Reader::from_reader(bytes);
    let read = |error: csv::Error| {
        let said = error.to_string();
        if let csv::ErrorKind::Io(error) = error.into_kind() { error } else { wrong(said) }
    };
    let names = reader.byte_headers().map_err(read)?;
    if !names.iter().eq(columns.iter().map(|column| column.name.as_bytes())) {
        return Err(wrong("the header is not that of the table"));
    }
    let mut record = csv::StringRecord::new();
    while reader.read_record(&mut record).map_err(read)? {
        let mut unread = None;
        sink.row(columns.iter().zip(&record).map(|(column, text)| {
            parse(column.kind, text).unwrap_or_else(|| {
                unread.get_or_insert(text);
                Cell::Empty
            })
        }))?;
        if let Some(text) = unread {
            return Err(wrong(format!("`{}` is not a value of its column", text.escape_default())));
        }
    }
    Ok(())
}

fn wrong(message: impl Into<String>) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, message.into())
}

/// The value of a cell; none if its column has no such value.
fn parse(kind: Kind, text: &str) -> Option<Cell<'_>> {
    if text.is_empty() {
        return Some(Cell::Empty);
    }
    match kind {
        Kind::Whole | Kind::Seed => text.parse().ok().map(Cell::Whole),
        Kind::Real => text.parse().ok().map(Cell::Real),
        Kind::Text | Kind::Id | Kind::Set | Kind::Date | Kind::DateTime => Some(Cell::Text(text.into())),
        Kind::Hash => u64::from_str_radix(text.strip_prefix('h')?, 16).ok().map(Cell::Hash),
        Kind::Truth => match text {
            "TRUE" | "true" => Some(Cell::Truth(true)),
            "FALSE" | "false" => Some(Cell::Truth(false)),
            _ => None,
        },
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn written(header: &[String], rows: &[Vec<String>]) -> Vec<u8> {
        let columns: Vec<Column> = header.iter().map(|name| Column { name: name.clone(), kind: Kind::Text }).collect();
        let mut bytes = Vec::new();
        let mut sink = Csv::new(&mut bytes, &columns);
        for row in rows {
            sink.row(row.iter().map(|text| Cell::from(text.as_str()))).unwrap();
        }
        bytes
    }

    proptest! {
        /// The bytes are those of the crate `csv`, which reads them back.
        #[test]
        fn texts_are_written_as_by_the_crate(rows in prop::collection::vec(prop::collection::vec("[ab,\"\n\r é]{0,4}", 3), 1..5)) {
            let mut writer = csv::WriterBuilder::new().terminator(csv::Terminator::Any(b'\n')).from_writer(Vec::new());
            rows.iter().for_each(|row| writer.write_record(row).unwrap());
            let bytes = written(&rows[0], &rows[1..]);
            prop_assert_eq!(String::from_utf8(bytes.clone()), String::from_utf8(writer.into_inner().unwrap()));
            let mut reader = csv::ReaderBuilder::new().has_headers(false).from_reader(&*bytes);
            let read: Vec<Vec<String>> =
                reader.records().map(|record| record.unwrap().iter().map(str::to_owned).collect()).collect();
            prop_assert_eq!(read, rows);
        }
    }

    /// A table of numbers, with so many parts of so many rows.
    struct Counted(Vec<Column>, usize, u64);

    impl Table for Counted {
        fn columns(&self) -> &[Column] {
            &self.0
        }

        fn parts(&self) -> usize {
            self.1
        }

        fn part<S: Sink>(&self, part: usize, sink: &mut S) -> io::Result<()> {
            let first = part as u64 * self.2;
            (first..first + self.2).try_for_each(|number| sink.row([Cell::Whole(number)]))
        }
    }

    #[test]
    fn parts_formatted_by_several_threads_are_written_in_order() {
        for (parts, threads, rows) in [(1, 1, 3), (4, 2, 10_000), (7, 3, 1), (5, 8, 500), (40, 4, 0)] {
            let table = Counted(vec![Column { name: "n".into(), kind: Kind::Whole }], parts, rows);
            let mut found = Vec::new();
            in_parallel(&table, parts, threads, |rows| io::Write::write_all(&mut found, rows)).unwrap();
            let expected: String = (0..parts as u64 * rows).map(|number| format!("{number}\n")).collect();
            assert_eq!(String::from_utf8(found).unwrap(), expected);
            let whole = CsvWriter::write(Vec::new(), &table).unwrap();
            assert_eq!(String::from_utf8(whole).unwrap(), format!("n\n{expected}"));
        }
    }

    #[test]
    fn threads_end_where_the_writer_fails() {
        let table = Counted(vec![Column { name: "n".into(), kind: Kind::Whole }], 100, 1_000);
        let mut taken = 0;
        let failed = in_parallel(&table, 100, 3, |_| {
            taken += 1;
            if taken == 5 { Err(io::Error::other("full")) } else { Ok(()) }
        });
        assert_eq!((failed.unwrap_err().to_string().as_str(), taken), ("full", 5));
    }

    #[test]
    fn every_kind_of_cell_has_its_form() {
        let mut bytes = Vec::new();
        let cells = [
            Cell::Empty,
            Cell::Whole(7),
            Cell::Real(30_000.0),
            Cell::Real(f64::INFINITY),
            Cell::from("a,b"),
            Cell::Hash(0xab),
            Cell::Truth(true),
        ];
        Csv::rows(&mut bytes).row(cells).unwrap();
        assert_eq!(String::from_utf8(bytes).unwrap(), ",7,30000.0,inf,\"a,b\",h00000000000000ab,TRUE\n");
    }
}
