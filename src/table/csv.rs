//! Tables as CSV: UTF-8, RFC 4180, one header row, `
//! ` line ends.
//!
//! The writer of the `csv` crate takes text, so every number would have to be formatted first and then searched for
//! characters to quote. Nearly all cells of a sweep are numbers, so this writer formats them directly. Tables are read
//! with the `csv` crate.

use std::io;

use super::{Cell, Column, Kind, Put, Row, Sink, Table};

/// The number of bytes that are buffered before they are written.
const COLLECTED: usize = 1 << 16;

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
        let mut rows = Vec::with_capacity(COLLECTED + COLLECTED / 8);
        Csv::header(&mut rows, columns);
        Self { out, rows }
    }

    /// Writes a whole table, and returns the writer.
    ///
    /// # Errors
    /// Those of the writer.
    pub fn write(out: W, table: &impl Table) -> io::Result<W> {
        let mut sink = Self::new(out, table.columns());
        table.rows(&mut sink)?;
        sink.end()?;
        Ok(sink.out)
    }
}

impl<W: io::Write> Sink for CsvWriter<W> {
    #[inline]
    fn row<'c>(&mut self, cells: impl Row<'c>) -> io::Result<()> {
        Csv::rows(&mut self.rows).row(cells)?;
        if self.rows.len() >= COLLECTED {
            self.out.write_all(&self.rows)?;
            self.rows.clear();
        }
        Ok(())
    }

    fn end(&mut self) -> io::Result<()> {
        self.out.write_all(&self.rows)?;
        self.rows.clear();
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
