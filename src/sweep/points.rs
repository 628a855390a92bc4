//! The points that a sweep visits, as a table, and design files: CSV with the names of parameters in the first row and
//! one point in each further row.

use std::io;

use super::error::{Error, ErrorKind, quoted};
use super::limits;
use crate::scenario::{SetValue, canonical};
use crate::table::{Cell, Column, Columns, Csv, DesignColumn, Kind, Layout, Sink};
use crate::text::visible;
use crate::trace::{plain_set_value, set_cell};

/// The points of a design: a table of values with a name for each column.
#[derive(Clone, Debug, PartialEq)]
pub struct Points {
    /// The names, in the order of the columns.
    pub names: Vec<String>,
    count: u64,
    values: Vec<SetValue>,
    /// The file and line of each point, if they come from a file.
    lines: Option<(String, Vec<u64>)>,
}

impl Points {
    /// One point at which nothing is varied.
    #[must_use]
    pub fn single() -> Self {
        Self { names: Vec::new(), count: 1, values: Vec::new(), lines: None }
    }

    /// Points of these names, row by row.
    ///
    /// # Errors
    /// An [`Error`] if a limit is reached, a name comes twice, or a value is not a number.
    pub fn new(names: Vec<String>, rows: impl IntoIterator<Item = Vec<SetValue>>) -> Result<Self, Error> {
        check_names(&names)?;
        let mut points = Self { names, count: 0, values: Vec::new(), lines: None };
        for row in rows {
            points.push(&row)?;
        }
        Ok(points)
    }

    pub(super) fn push(&mut self, row: &[SetValue]) -> Result<(), Error> {
        debug_assert_eq!(row.len(), self.names.len());
        check_count(u128::from(self.count) + 1, self.names.len())?;
        for (name, value) in self.names.iter().zip(row) {
            if !value.is_defined() {
                let message = format!("at point {} {} is {value}, not a number", self.count, quoted(name));
                return Err(Error::new(ErrorKind::Design, message));
            }
        }
        // A zero that is set has no sign, so that `-0` has the same effect at a point as with `--set`.
        let without_sign = |value: &SetValue| {
            if let SetValue::Number(number) = value { SetValue::Number(number + 0.0) } else { *value }
        };
        self.values.extend(row.iter().map(without_sign));
        self.count += 1;
        Ok(())
    }

    fn with_lines(mut self, file: &str, lines: Vec<u64>) -> Self {
        self.lines = Some((file.to_owned(), lines));
        self
    }

    /// Number of points.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.count
    }

    /// The values of a point, in the order of the names.
    #[must_use]
    pub fn values(&self, point: u64) -> &[SetValue] {
        let width = self.names.len();
        let first = usize::try_from(point).unwrap_or(usize::MAX) * width;
        &self.values[first..first + width]
    }

    /// File and line that gave a point.
    #[must_use]
    pub fn place(&self, point: u64) -> Option<(&str, u64)> {
        let (file, lines) = self.lines.as_ref()?;
        Some((file, *lines.get(usize::try_from(point).ok()?)?))
    }

    /// A point in words, for messages.
    #[must_use]
    pub fn describe(&self, point: u64) -> String {
        let named = self.names.iter().zip(self.values(point));
        let named: Vec<String> =
            named.take(6).map(|(name, value)| format!("{} = {}", visible(name), plain_set_value(*value))).collect();
        match (named.as_slice(), self.names.len() > 6) {
            ([], _) => format!("point {point}"),
            (named, false) => format!("point {point} ({})", named.join(", ")),
            (named, true) => format!("point {point} ({}, …)", named.join(", ")),
        }
    }

    /// The text of `design.csv`.
    ///
    /// # Panics
    /// Never: memory takes every row.
    #[must_use]
    pub fn to_csv(&self) -> Vec<u8> {
        let layout = self.layout();
        Csv::table(layout.columns(), |sink| self.write(sink)).expect("memory takes every row")
    }

    /// The columns of `design.csv`.
    #[must_use]
    pub fn layout(&self) -> Layout<DesignColumn> {
        Layout::new(true, |_| self.names.iter().map(String::as_str).collect())
    }

    /// Writes the rows of `design.csv`.
    ///
    /// # Errors
    /// Those of the sink.
    pub fn write<S: Sink>(&self, sink: &mut S) -> io::Result<()> {
        let layout = self.layout();
        (0..self.count).try_for_each(|point| {
            let values = self.values(point);
            sink.row(layout.sources().iter().map(|&(column, at)| match column {
                DesignColumn::Point => Cell::Whole(point),
                DesignColumn::Parameter => set_cell(values[at]),
            }))
        })
    }

    /// The columns with each that is set being of the kind of its values: numbers, dates or truths, or texts where they
    /// are of several kinds.
    #[must_use]
    pub fn typed(&self, columns: &[Column]) -> Vec<Column> {
        let kind = |at: usize| Columns::kind_of((0..self.count).map(|point| set_cell(self.values(point)[at])));
        let own = |column: &Column| self.names.iter().position(|name| *name == column.name);
        let typed = columns.iter().map(|column| match (column.kind, own(column)) {
            (Kind::Set, Some(at)) => Column { name: column.name.clone(), kind: kind(at) },
            _ => column.clone(),
        });
        typed.collect()
    }
}

pub(super) fn check_names(names: &[String]) -> Result<(), Error> {
    if names.len() > limits::NAMES {
        let message = format!("the design varies {} names, more than {}", names.len(), limits::NAMES);
        return Err(Error::new(ErrorKind::Limit, message));
    }
    for (at, name) in names.iter().enumerate() {
        if name.is_empty() {
            return Err(Error::new(ErrorKind::Design, "a name in the design is empty"));
        }
        if names[..at].iter().any(|other| canonical(other) == canonical(name)) {
            return Err(Error::new(ErrorKind::Design, format!("{} is varied twice", quoted(name))));
        }
    }
    Ok(())
}

pub(super) fn check_count(points: u128, names: usize) -> Result<(), Error> {
    let help = "vary fewer names, or take a sample: `--sample lhs:1000`";
    if points > u128::from(limits::POINTS) {
        let message = format!("the design has more than {} points", limits::POINTS);
        return Err(Error::new(ErrorKind::Limit, message).help(help));
    }
    if points * names as u128 > u128::from(limits::VALUES) {
        let message = format!("the design has more than {} numbers (points times names)", limits::VALUES);
        return Err(Error::new(ErrorKind::Limit, message).help(help));
    }
    Ok(())
}

/// Reads a design file. A column `point`, as in the program's own `design.csv`, must count from 0 and is ignored.
///
/// # Errors
/// An [`Error`] with the file, line and column of the problem.
pub fn read_design(file: &str, bytes: &[u8]) -> Result<Points, Error> {
    if bytes.len() as u64 > limits::DESIGN_BYTES {
        let message = format!("the design file has more than {} bytes", limits::DESIGN_BYTES);
        return Err(Error::new(ErrorKind::Limit, message).at(file, 1, 1));
    }
    let bytes = bytes.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(bytes);
    let mut reader = csv::ReaderBuilder::new().has_headers(true).trim(csv::Trim::All).from_reader(bytes);
    let header = reader.headers().map_err(|error| wrong_csv(file, &error))?.clone();
    let mut names: Vec<String> = header.iter().map(str::to_owned).collect();
    let numbered = names.first().is_some_and(|name| name == "point");
    if numbered {
        names.remove(0);
    }
    if names.is_empty() || names.iter().all(String::is_empty) {
        return Err(Error::new(ErrorKind::Design, "the design file has no names in its first line")
            .at(file, 1, 1)
            .help("begin it with the names of parameters: `floor,share`"));
    }
    if names.iter().any(String::is_empty) {
        return Err(Error::new(ErrorKind::Design, "a name in the design is empty").at(file, 1, 1).help(
            if names[0].is_empty() {
                "a nameless first column looks like an index: write the file without one (in pandas, `index=False`)"
            } else {
                "give every column the name of a parameter, and end no line with a comma"
            },
        ));
    }
    check_names(&names).map_err(|error| error.at(file, 1, 1))?;
    if let Some(name) =
        names.iter().find(|name| !name.starts_with(|c: char| c.is_ascii_alphabetic()) && name.parse::<f64>().is_ok())
    {
        return Err(Error::new(ErrorKind::Design, format!("{} stands where a name should be", quoted(name)))
            .at(file, 1, 1)
            .help("begin the file with the names of parameters: `floor,share`"));
    }
    let mut points = Points::new(names, [])?;
    let mut lines = Vec::new();
    let mut place = RecordPosition { at: 0, line: 1 };
    let mut record = csv::StringRecord::new();
    let mut row = Vec::new();
    while reader.read_record(&mut record).map_err(|error| wrong_csv(file, &error))? {
        let line = place.move_to(bytes, record.position().map_or(0, csv::Position::byte));
        row.clear();
        for (at, cell) in record.iter().enumerate() {
            let column = || place.column(bytes, at);
            if numbered && at == 0 {
                if cell.parse::<u64>() != Ok(points.count()) {
                    let message = format!("the point is {}, but should be {}", quoted(cell), points.count());
                    return Err(Error::new(ErrorKind::Design, message).at(file, line, column()));
                }
                continue;
            }
            match SetValue::parse(cell) {
                Ok(value) if value.is_defined() => row.push(value),
                wrong => {
                    let (name, point) = (quoted(&header[at]), points.count());
                    let message = match wrong {
                        Err(what) => format!("{name} at point {point}, {}, {what}", quoted(cell)),
                        Ok(_) => format!("{name} is {} at point {point}, not a number", quoted(cell)),
                    };
                    return Err(Error::new(ErrorKind::Design, message).at(file, line, column()));
                }
            }
        }
        points.push(&row).map_err(|error| error.at(file, line, 1))?;
        lines.push(line);
    }
    if points.count() == 0 {
        return Err(Error::new(ErrorKind::Design, "the design file lists no points").at(file, 1, 1));
    }
    Ok(points.with_lines(file, lines))
}

/// The position at which a record begins.
struct RecordPosition {
    at: usize,
    /// From 1.
    line: u64,
}

impl RecordPosition {
    /// Advances to the record at or after a byte, skipping line ends and spaces; returns its line.
    fn move_to(&mut self, bytes: &[u8], at: u64) -> u64 {
        let at = usize::try_from(at).map_or(bytes.len(), |at| at.min(bytes.len()));
        let blank = bytes[at..].iter().take_while(|byte| byte.is_ascii_whitespace()).count();
        let breaks = bytes[self.at..at + blank].split(|&byte| byte == b'\n').count() - 1;
        self.at = at + blank;
        self.line += breaks as u64;
        self.line
    }

    /// The column, from 1, of a cell of the record; 1 if quotes make it uncertain.
    fn column(&self, bytes: &[u8], cell: usize) -> u64 {
        let line = bytes[self.at..].split(|&byte| byte == b'\n').next().unwrap_or_default();
        if line.contains(&b'"') {
            return 1;
        }
        let before: usize = line.split(|&byte| byte == b',').take(cell).map(|cell| cell.len() + 1).sum();
        let blank = line[before.min(line.len())..].iter().take_while(|byte| byte.is_ascii_whitespace()).count();
        String::from_utf8_lossy(&line[..(before + blank).min(line.len())]).chars().count() as u64 + 1
    }
}

#[expect(clippy::wildcard_enum_match_arm, reason = "all other errors have the same message")]
fn wrong_csv(file: &str, error: &csv::Error) -> Error {
    let line = error.position().map_or(1, csv::Position::line);
    let message = match error.kind() {
        csv::ErrorKind::UnequalLengths { expected_len, len, .. } => {
            format!("this line has {len} cells, and the first has {expected_len}")
        }
        csv::ErrorKind::Utf8 { .. } => "the design file is not UTF-8 text".into(),
        _ => format!("the design file is not CSV: {error}"),
    };
    Error::new(ErrorKind::Design, message).at(file, line, 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(text: &str, expected: &str) {
        assert_eq!(read_design("d.csv", text.as_bytes()).unwrap_err().to_string(), expected);
    }

    #[test]
    fn points_keep_their_lines() {
        let points = read_design("d.csv", b"\xEF\xBB\xBFfloor, share\r\n1, 0.5\r\n\r\n2,1e-3\r\n").unwrap();
        assert_eq!(points.names, ["floor", "share"]);
        assert_eq!(
            [points.values(0), points.values(1)],
            [[1.0, 0.5], [2.0, 0.001]].map(|row| row.map(SetValue::Number))
        );
        assert_eq!(points.place(1), Some(("d.csv", 4)));
    }

    #[test]
    fn a_written_design_can_be_read() {
        let text = b"point,floor\n0,1.0\n1,2.5\n";
        let points = read_design("d.csv", text).unwrap();
        assert_eq!(points.to_csv(), text);
        refused("point,floor\n0,1\n2,2\n", "d.csv:3:1: the point is `2`, but should be 1");
    }

    #[test]
    fn invalid_designs_are_refused() {
        refused("", "d.csv:1:1: the design file has no names in its first line");
        refused("point\n0\n", "d.csv:1:1: the design file has no names in its first line");
        refused("floor\n", "d.csv:1:1: the design file lists no points");
        refused("1,2\n3,4\n", "d.csv:1:1: `1` stands where a name should be");
        refused("floor,floor\n1,2\n", "d.csv:1:1: `floor` is varied twice");
        refused("floor,\n1,2\n", "d.csv:1:1: a name in the design is empty");
        refused("floor,share\n1,0.5\n2\n", "d.csv:3:1: this line has 1 cells, and the first has 2");
        refused("floor\n1\nNaN\n", "d.csv:3:1: `floor` is `NaN` at point 1, not a number");
        refused("floor\n\"\"\n", "d.csv:2:1: `floor` at point 0, ``, is no number, duration, date or boolean");
        refused("floor,share\n1, nan\n", "d.csv:2:4: `share` is `nan` at point 0, not a number");
        refused("floor\n1;2\n", "d.csv:2:1: `floor` at point 0, `1;2`, is no number, duration, date or boolean");
        assert!(read_design("d.csv", b"floor\n\xff\n").unwrap_err().to_string().contains("not UTF-8"));
    }
}
