//! Tables of cells as in RFC 4180: comma-separated UTF-8 with one header row, and all rows of the same length.
//!
//! The `csv` crate is not used here, since diagnostics need the position of every cell, and since it accepts input that
//! is refused here: a quote inside of an unquoted cell, a row that is too short.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::ops::Range;
use std::string::FromUtf8Error;

use super::diagnostic::{Diagnostic, Origin, listed, quoted, suggestion};
use super::source::Position;
use crate::model::limits;

/// A table, parsed. Its cells stay in the text of its file.
#[derive(Debug)]
pub(super) struct CsvTable {
    /// The name of its file, for messages.
    pub(super) name: String,
    text: String,
    /// Names of the columns, in their order.
    pub(super) columns: Vec<String>,
    /// The beginning of each row, including the header, and the end of the file.
    starts: Vec<u32>,
}

const BYTE_ORDER_MARK: &[u8] = b"\xEF\xBB\xBF";

/// Longest part of a line that a diagnostic shows on each side of a place, in bytes.
const SHOWN: usize = 600;

impl CsvTable {
    /// Parses the bytes of a file.
    ///
    /// # Errors
    /// The first error in its form.
    pub(super) fn parse(name: &str, bytes: Vec<u8>) -> Result<Self, Box<Diagnostic>> {
        if bytes.len() as u64 > limits::TABLE_BYTES {
            let message = format!("the table {} is larger than {} MiB", quoted(name), limits::TABLE_BYTES >> 20);
            let error = Diagnostic::error("table/size", message, None);
            return Err(Box::new(error.help("leave out the columns and rows that the scenario does not need")));
        }
        let text = String::from_utf8(bytes).map_err(|error| Box::new(not_utf8(name, &error)))?;
        let mut table = Self { name: name.to_owned(), text, columns: Vec::new(), starts: Vec::new() };
        let start = if table.bytes().starts_with(BYTE_ORDER_MARK) { BYTE_ORDER_MARK.len() } else { 0 };
        table.read_header(start)?;
        table.read_rows()?;
        Ok(table)
    }

    /// A placeholder for a table that could not be read, which has been reported.
    pub(super) fn unread() -> Self {
        Self { name: String::new(), text: String::new(), columns: Vec::new(), starts: Vec::new() }
    }

    /// Whether it is the placeholder for a table that could not be read.
    pub(super) fn is_unread(&self) -> bool {
        self.starts.is_empty()
    }

    /// Number of rows, without the header.
    pub(super) fn rows(&self) -> usize {
        self.starts.len().saturating_sub(2)
    }

    /// The bytes of the file.
    pub(super) fn bytes(&self) -> &[u8] {
        self.text.as_bytes()
    }

    /// The position of a column.
    pub(super) fn column(&self, name: &str) -> Option<usize> {
        self.columns.iter().position(|column| column == name)
    }

    /// The remedy for a missing column: the nearest name, or all names.
    pub(super) fn column_help(&self, name: &str) -> String {
        let columns = || self.columns.iter().map(String::as_str);
        if let [only] = self.columns.as_slice()
            && only.contains([';', '\t'])
        {
            return "its header has no commas; save the table with commas between cells".into();
        }
        suggestion(name, columns()).unwrap_or_else(|| format!("its columns are {}", listed(columns())))
    }

    /// The text of a cell; rows count from 0 behind the header.
    pub(super) fn cell(&self, row: usize, column: usize) -> Cow<'_, str> {
        let range = self.cell_range(row + 1, column);
        unquoted(self.text.get(range).unwrap_or(""))
    }

    /// An error about a cell.
    pub(super) fn cell_error(&self, code: &'static str, message: String, row: usize, column: usize) -> Diagnostic {
        self.error_at(code, message, self.cell_range(row + 1, column))
    }

    /// The name of the table with the line and column of a cell, for a remark.
    pub(super) fn cell_place(&self, row: usize, column: usize) -> String {
        let Position { line, column } = position(self.bytes(), self.cell_range(row + 1, column).start);
        format!("{}:{line}:{column}", self.name)
    }

    /// An error about the header.
    pub(super) fn header_error(&self, code: &'static str, message: String) -> Diagnostic {
        let start = self.starts.first().map_or(0, |&start| start as usize);
        self.error_at(code, message, start..line_end(self.bytes(), start))
    }

    /// The error of a table without rows; `named` is where the scenario names it.
    pub(super) fn no_rows(&self, named: &Range<usize>) -> Diagnostic {
        let message = format!("the table {} has no rows", quoted(&self.name));
        let error = self.header_error("table/rows", message).help("add a row below the header");
        error.note("the table is named here", Some(named.clone()))
    }

    /// The bytes of a cell, quotes included; rows count from 0, the header's.
    fn cell_range(&self, row: usize, column: usize) -> Range<usize> {
        let mut at = self.starts.get(row).map_or(0, |&start| start as usize);
        for _ in 0..column {
            at = self.cell_end(at) + 1;
        }
        at..self.cell_end(at)
    }

    /// The end of the cell that begins at `at`: a comma, a line break or the end of the file.
    fn cell_end(&self, mut at: usize) -> usize {
        let bytes = self.bytes();
        if bytes.get(at) == Some(&b'"') {
            at += 1;
            while at < bytes.len() {
                match (bytes[at], bytes.get(at + 1)) {
                    (b'"', Some(b'"')) => at += 2,
                    (b'"', _) => return at + 1,
                    _ => at += 1,
                }
            }
            return at;
        }
        let rest = bytes.get(at..).unwrap_or(&[]);
        at + rest.iter().position(|byte| matches!(byte, b',' | b'\n' | b'\r')).unwrap_or(rest.len())
    }

    fn read_header(&mut self, start: usize) -> Result<(), Box<Diagnostic>> {
        if start == self.text.len() {
            let message = format!("the table {} is empty", quoted(&self.name));
            let error = self.error_at("table/header", message, start..start);
            return Err(Box::new(error.help("its first row has the names of the columns")));
        }
        let (cells, next) = self.row(start)?;
        let mut known: BTreeSet<String> = BTreeSet::new();
        for range in cells {
            let name = unquoted(&self.text[range.clone()]).into_owned();
            if !known.insert(name.clone()) {
                let message = format!("the column {} stands there twice", quoted(&name));
                return Err(Box::new(self.error_at("table/columns", message, range).help("rename one of the two")));
            }
            self.columns.push(name);
            if self.columns.len() > limits::TABLE_COLUMNS {
                let message = format!("the table has more than {} columns", limits::TABLE_COLUMNS);
                return Err(Box::new(self.error_at("table/columns", message, range).help("leave some of them out")));
            }
        }
        self.starts = vec![offset(start), offset(next)];
        Ok(())
    }

    fn read_rows(&mut self) -> Result<(), Box<Diagnostic>> {
        let bytes = self.bytes();
        let [lines, quotes, returns] = counts(bytes, [b'\n', b'"', b'\r']);
        self.starts.reserve_exact(lines.min(limits::TABLE_ROWS) + 1);
        if quotes == 0 && returns == 0 {
            self.read_plain_rows();
        }
        let mut at = self.starts.last().map_or(0, |&start| start as usize);
        while at < self.text.len() {
            if self.rows() == limits::TABLE_ROWS {
                let message = format!("the table {} has more than {} rows", quoted(&self.name), limits::TABLE_ROWS);
                return Err(Box::new(self.error_at("table/rows", message, at..at).help("leave some of them out")));
            }
            at = self.check_row(at)?;
            self.starts.push(offset(at));
        }
        Ok(())
    }

    /// Reads rows of a text without quotes and carriage returns, eight bytes at a time, up to the first that is wrong
    /// or has no end.
    fn read_plain_rows(&mut self) {
        let Self { text, starts, columns, .. } = self;
        let Some(&first) = starts.last() else { return };
        let (mut at, mut cells) = (first as usize, 1);
        let mut words = text.as_bytes()[at..].chunks_exact(8);
        for word in &mut words {
            let word = u64::from_le_bytes(word.try_into().unwrap_or_default());
            let breaks = equal_bytes(word, b'\n');
            let mut ends = equal_bytes(word, b',') | breaks;
            while ends != 0 {
                let lowest = ends & ends.wrapping_neg();
                ends ^= lowest;
                if breaks & lowest == 0 {
                    cells += 1;
                } else if cells == columns.len() && starts.len() <= limits::TABLE_ROWS {
                    cells = 1;
                    starts.push(offset(at + lowest.trailing_zeros() as usize / 8 + 1));
                } else {
                    return;
                }
            }
            at += 8;
        }
    }

    /// Checks the row that begins at `start`, and returns the beginning of the next one.
    fn check_row(&self, start: usize) -> Result<usize, Box<Diagnostic>> {
        let mut at = start;
        let mut count = 0;
        loop {
            let end = self.checked_cell_end(at)?;
            count += 1;
            if self.bytes().get(end) == Some(&b',') {
                at = end + 1;
                continue;
            }
            let next = self.line_break(end)?;
            return if count == self.columns.len() { Ok(next) } else { Err(Box::new(self.ragged(start, end, count))) };
        }
    }

    fn ragged(&self, start: usize, end: usize, count: usize) -> Diagnostic {
        let columns = self.columns.len();
        let cells = if count == 1 { "1 cell".to_owned() } else { format!("{count} cells") };
        let (message, help) = if start == end {
            ("the line is empty".to_owned(), "remove it: every line is a row".to_owned())
        } else {
            let help = if count < columns {
                format!(
                    "write {} more comma{} for empty cells",
                    columns - count,
                    if columns - count == 1 { "" } else { "s" }
                )
            } else {
                "put a cell with a comma in it in double quotes; the decimal point is `.`".to_owned()
            };
            (format!("the row has {cells}, but the header has {columns}"), help)
        };
        self.error_at("table/ragged", message, start..end).help(help)
    }

    /// The cells of a row, and the beginning of the next row.
    fn row(&self, start: usize) -> Result<(Vec<Range<usize>>, usize), Box<Diagnostic>> {
        let mut cells = Vec::new();
        let mut at = start;
        loop {
            let end = self.checked_cell_end(at)?;
            cells.push(at..end);
            if self.bytes().get(end) != Some(&b',') {
                return Ok((cells, self.line_break(end)?));
            }
            at = end + 1;
        }
    }

    /// The end of a cell whose quotes have been checked.
    fn checked_cell_end(&self, start: usize) -> Result<usize, Box<Diagnostic>> {
        let end = self.cell_end(start);
        let cell = &self.bytes()[start..end];
        if cell.first() == Some(&b'"') {
            if cell.len() < 2 || cell.last() != Some(&b'"') {
                let error =
                    self.error_at("table/quotes", "the quotes of this cell are never closed".into(), start..start + 1);
                return Err(Box::new(error.help("end the cell with `\"`; a quote inside of quotes is written twice")));
            }
            if !matches!(self.bytes().get(end), None | Some(b',' | b'\n' | b'\r')) {
                let message = "there is text behind the closing quote of this cell".into();
                let error = self.error_at("table/quotes", message, start..end);
                return Err(Box::new(error.help("a quote inside of quotes is written twice: `\"say \"\"yes\"\"\"`")));
            }
        } else if let Some(at) = cell.iter().position(|&byte| byte == b'"') {
            let message = "there is a quote in a cell that does not begin with one".into();
            let error = self.error_at("table/quotes", message, start + at..start + at + 1);
            return Err(Box::new(error.help("put the cell in quotes, and write a quote inside of it twice")));
        }
        Ok(end)
    }

    /// The beginning of the line after a row that ends at `end`.
    fn line_break(&self, end: usize) -> Result<usize, Box<Diagnostic>> {
        match (self.bytes().get(end), self.bytes().get(end + 1)) {
            (None, _) => Ok(end),
            (Some(b'\r'), Some(b'\n')) => Ok(end + 2),
            (Some(b'\r'), _) => {
                let message = "there is a carriage return without a line feed".into();
                let error = self.error_at("table/line-break", message, end..end + 1);
                Err(Box::new(error.help("save the file with the line breaks of Unix (LF) or Windows (CRLF)")))
            }
            _ => Ok(end + 1),
        }
    }

    /// An error with an excerpt of its line.
    fn error_at(&self, code: &'static str, message: String, range: Range<usize>) -> Diagnostic {
        error_in(&self.name, self.bytes(), code, message, range)
    }
}

fn not_utf8(name: &str, error: &FromUtf8Error) -> Diagnostic {
    let (bytes, at) = (error.as_bytes(), error.utf8_error().valid_up_to());
    let shown: Vec<String> = bytes[at..].iter().take(4).map(|byte| format!("{byte:02x}")).collect();
    let message = format!("the table {} is not UTF-8 text: bytes `{}`", quoted(name), shown.join(" "));
    let utf16 = bytes.starts_with(&[0xFF, 0xFE]) || bytes.starts_with(&[0xFE, 0xFF]);
    let help = if utf16 {
        "the file looks like UTF-16; save it as UTF-8"
    } else if bytes.starts_with(b"PK\x03\x04") {
        "the file looks like a workbook; export the sheet as CSV"
    } else {
        "save the file with the encoding UTF-8"
    };
    let mut error = error_in(name, bytes, "table/utf8", message, at..at).help(help);
    // In the excerpt the bytes are one replacement character.
    error.span = error.span.map(|span| span.start..span.start + '\u{FFFD}'.len_utf8());
    error
}

/// Line and column of a byte offset.
fn position(bytes: &[u8], offset: usize) -> Position {
    let before = &bytes[..offset.min(bytes.len())];
    let start = before.iter().rposition(|&byte| byte == b'\n').map_or(0, |at| at + 1);
    let line = before.split(|&byte| byte == b'\n').count();
    let text = before[start..].strip_prefix(BYTE_ORDER_MARK).unwrap_or(&before[start..]);
    Position { line, column: text.iter().filter(|&&byte| byte & 0xC0 != 0x80).count() + 1 }
}

fn line_end(bytes: &[u8], at: usize) -> usize {
    let rest = bytes.get(at..).unwrap_or(&[]);
    at + rest.iter().position(|&byte| byte == b'\n').unwrap_or(rest.len())
}

/// An error in a table, of which these are the bytes, with an excerpt of its line.
fn error_in(name: &str, bytes: &[u8], code: &'static str, message: String, range: Range<usize>) -> Diagnostic {
    let boundary = |mut at: usize| {
        while at < bytes.len() && bytes[at] & 0xC0 == 0x80 {
            at += 1;
        }
        at.min(bytes.len())
    };
    let line_start = bytes[..range.start].iter().rposition(|&byte| byte == b'\n').map_or(0, |at| at + 1);
    let mut begin = boundary(line_start.max(range.start.saturating_sub(SHOWN)));
    if bytes[begin..].starts_with(BYTE_ORDER_MARK) && begin == 0 {
        begin = BYTE_ORDER_MARK.len().min(range.start);
    }
    let end = boundary(line_end(bytes, range.start).min(range.start + SHOWN)).max(range.start);
    // Invalid UTF-8 becomes a replacement character of three bytes, after the position itself.
    let excerpt = String::from_utf8_lossy(&bytes[begin..end]).trim_end_matches('\r').to_owned();
    let span = range.start - begin..range.end.min(end).max(range.start) - begin;
    let origin = Origin::Table { file: name.to_owned(), first: position(bytes, begin), excerpt };
    Diagnostic::error(code, message, Some(span)).in_text(origin)
}

/// How often each of some bytes occurs.
fn counts(bytes: &[u8], wanted: [u8; 3]) -> [usize; 3] {
    let mut counts = [0; 3];
    // So few at a time that a byte can count them, as many of which fit into a vector.
    for part in bytes.chunks(usize::from(u8::MAX)) {
        for (count, wanted) in counts.iter_mut().zip(wanted) {
            *count += usize::from(part.iter().map(|&byte| u8::from(byte == wanted)).sum::<u8>());
        }
    }
    counts
}

/// The highest bit of each byte of a word that equals a byte.
fn equal_bytes(word: u64, byte: u8) -> u64 {
    const LOW: u64 = u64::from_ne_bytes([0x7F; 8]);
    let others = word ^ u64::from_ne_bytes([byte; 8]);
    // Its lower bits carry into the highest one unless all of them are 0.
    !(((others & LOW) + LOW) | others | LOW)
}

/// A table has at most [`limits::TABLE_BYTES`], which fit.
fn offset(at: usize) -> u32 {
    u32::try_from(at).unwrap_or(u32::MAX)
}

/// The text of a cell, without its quotes.
fn unquoted(cell: &str) -> Cow<'_, str> {
    match cell.strip_prefix('"').and_then(|cell| cell.strip_suffix('"')) {
        Some(inner) if inner.contains('"') => inner.replace("\"\"", "\"").into(),
        Some(inner) => inner.into(),
        None => cell.into(),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn rows(text: &str) -> Vec<Vec<String>> {
        let table = CsvTable::parse("t.csv", text.as_bytes().to_vec()).unwrap();
        let row = |row| (0..table.columns.len()).map(|column| table.cell(row, column).into_owned()).collect();
        std::iter::once(table.columns.clone()).chain((0..table.rows()).map(row)).collect()
    }

    #[test]
    fn rows_are_read_as_the_standard_says() {
        assert_eq!(rows("a,b\n1,2\n"), [["a", "b"], ["1", "2"]]);
        assert_eq!(rows("\u{feff}a,b\r\n1,2\r\n,\r\n"), [["a", "b"], ["1", "2"], ["", ""]]);
        assert_eq!(rows("a,b\n\"x,\"\"y\"\"\n\", z \n"), [["a", "b"], ["x,\"y\"\n", " z "]]);
        assert_eq!(rows("a\n\nb"), [["a"], [""], ["b"]]);
        assert_eq!(rows("a,b"), [["a", "b"]]);
    }

    proptest! {
        #[test]
        fn plain_rows_are_those_read_one_by_one(cells in "[ab,\n]{0,60}", columns in 1..4_usize) {
            let text = format!("{}\n{cells}", vec!["a", "b", "c"][..columns].join(","));
            // The quotes of a header have all rows read one by one.
            let other = CsvTable::parse("t.csv", text.replacen('a', "\"a\"", 1).into_bytes());
            match (CsvTable::parse("t.csv", text.clone().into_bytes()), other) {
                (Ok(table), Ok(other)) => {
                    let starts: Vec<u32> = table.starts[1..].iter().map(|start| start + 2).collect();
                    prop_assert_eq!(&starts, &other.starts[1..]);
                }
                (Err(error), Err(other)) => prop_assert_eq!(error.message, other.message),
                (one, other) => prop_assert!(false, "{text:?}: {one:?}, {other:?}"),
            }
        }
    }

    #[test]
    fn rows_equal_those_of_the_csv_crate() {
        for text in ["a,b\n\"1\",\"\"\n2,\"x\r\ny\"\n", "é,b\n\"\"\"\",1\r\n"] {
            let mut reader = ::csv::ReaderBuilder::new().has_headers(false).from_reader(text.as_bytes());
            let theirs: Vec<Vec<String>> =
                reader.records().map(|row| row.unwrap().iter().map(str::to_owned).collect()).collect();
            assert_eq!(rows(text), theirs);
        }
    }

    fn refused(bytes: &[u8], line: usize, column: usize, message: &str) {
        let error = CsvTable::parse("t.csv", bytes.to_vec()).unwrap_err();
        let at = error.other_source().unwrap().position(error.span.unwrap().start);
        assert_eq!((error.message.as_str(), at.line, at.column), (message, line, column));
        assert!(error.help.is_some());
    }

    #[test]
    fn broken_tables_are_refused_at_their_place() {
        refused(b"a,b\n1\n", 2, 1, "the row has 1 cell, but the header has 2");
        refused(b"a,b\n1,2\n1,2,3\n", 3, 1, "the row has 3 cells, but the header has 2");
        refused(b"a,b\n1,2\n\n", 3, 1, "the line is empty");
        refused(b"a,b,a\n", 1, 5, "the column `a` stands there twice");
        refused(b"", 1, 1, "the table `t.csv` is empty");
        refused(b"a,b\n\"x\ny,2\n", 2, 1, "the quotes of this cell are never closed");
        refused(b"a,b\n1,\"x\"y\n", 2, 3, "there is text behind the closing quote of this cell");
        refused(b"a,b\n1,x\"y\n", 2, 4, "there is a quote in a cell that does not begin with one");
        refused(b"a,b\r1,2\r", 1, 4, "there is a carriage return without a line feed");
        refused(b"a,b\nC\xF4te,2\n", 2, 2, "the table `t.csv` is not UTF-8 text: bytes `f4 74 65 2c`");
    }
}
