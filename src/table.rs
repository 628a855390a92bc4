//! Tables: columns, the cells of a row, and sinks that take rows.
//!
//! Each table declares its columns once, in [`columns`](self), with a name and a [`Kind`]. The writer of a table
//! creates its [`Layout`], which expands the columns that depend on the scenario (`METRIC`, `PARAMETER`, `OUTCOME`),
//! and passes rows of typed [`Cell`]s to a [`Sink`] one by one, so no table is held in memory as cells. The header, the
//! reader and the tests of the documentation follow from the declaration. The values come from a `match` over the
//! columns, so the compiler reports a new column without a value.
//!
//! An output format is a type that implements [`Sink`], and a [`Format`] that names it. [`Csv`] is the first: what is
//! written into folders, hashed, verified and read again; [`CsvWriter`] writes the same to a file as the rows come. Another
//! format is a file beside it, and takes the same rows; the kinds say which type a column has. Whoever has all rows of a
//! table at hand implements [`Table`], so that it is written in any format, or compared with one that is there, without
//! being held in memory.

mod columns;
mod csv;
mod format;
mod memory;
#[cfg(feature = "parquet")]
mod parquet;

pub use columns::{
    AgainstColumn, ChainColumn, CommitmentColumn, DesignColumn, DifferenceColumn, EventColumn, FutureColumn, RunColumn,
    SeriesColumn, StorylineColumn, SummaryColumn, TipColumn, WaitColumn,
};
pub use csv::{Csv, CsvWriter, read_csv};
pub use format::Format;
pub use memory::{Columns, Data, Dictionary, Values};
#[cfg(feature = "parquet")]
pub use parquet::Parquet;

use std::borrow::Cow;
use std::io;
use std::ops::Range;

pub mod limits {
    //! Named limits on tables.

    limits! {
        /// Rows of a group of rows in Parquet, at most.
        pub const GROUP_ROWS: usize = 131_072;
        /// Cells of a group of rows in Parquet, at most, but for the last row.
        pub const GROUP_CELLS: usize = 4_194_304;
        /// Rows of a part of a table whose parts several threads format.
        pub const PART_ROWS: usize = 32_768;
        /// Threads that format the parts of one table, at most; each has up to two formatted ones in memory.
        pub const FORMATTING: usize = 8;
    }
}

/// The type of the values in a column. Any value may be missing; a missing value is an empty cell in CSV.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// A non-negative integer.
    Whole,
    /// A non-negative integer that may take all of 64 bits.
    Seed,
    /// A real number; it may be infinite, never NaN.
    Real,
    /// Text.
    Text,
    /// The id of a declared item or of an instance.
    Id,
    /// A date, written `YYYY-MM-DD`. A column that is declared so holds moments where the steps of the run begin at a time
    /// of day: [`with_times`].
    Date,
    /// A date with a time of day, written `YYYY-MM-DDTHH:MM:SS`. Some of the values may be dates alone.
    DateTime,
    /// 64 bits, written as `h` and 16 hexadecimal digits, so that no reader infers a number.
    Hash,
    /// `TRUE` or `FALSE`.
    Truth,
    /// The value of a parameter: a number, a date as given, or `true` or `false`.
    Set,
}

/// An expanded column of a table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Column {
    /// The name in the header.
    pub name: String,
    /// The type of its values.
    pub kind: Kind,
}

/// One cell of a row.
#[derive(Clone, Debug, PartialEq)]
pub enum Cell<'a> {
    /// A missing value.
    Empty,
    /// An integer.
    Whole(u64),
    /// A real number, also one that a parameter was set to.
    Real(f64),
    /// A text, an id, a date, or the text of a parameter's value.
    Text(Cow<'a, str>),
    /// A hash.
    Hash(u64),
    /// A logical value.
    Truth(bool),
}

impl Cell<'_> {
    /// An integer, or a missing value for `None`.
    #[must_use]
    pub fn whole<T: Into<u64>>(value: Option<T>) -> Self {
        value.map_or(Self::Empty, |value| Self::Whole(value.into()))
    }

    /// A real number, or a missing value for `None`.
    #[must_use]
    pub fn real(value: Option<f64>) -> Self {
        value.map_or(Self::Empty, Self::Real)
    }
}

impl<'a> From<&'a str> for Cell<'a> {
    /// A text; an empty one is a missing value.
    fn from(text: &'a str) -> Self {
        if text.is_empty() { Self::Empty } else { Self::Text(text.into()) }
    }
}

impl From<String> for Cell<'_> {
    fn from(text: String) -> Self {
        if text.is_empty() { Self::Empty } else { Self::Text(text.into()) }
    }
}

/// The cells of a row: anything that iterates over them. A table of very many rows implements it for a type of its own
/// that passes on one cell after the other, so that the compiler knows the variant of each.
pub trait Row<'c> {
    /// Passes on the cells in order.
    fn each(self, put: &mut impl Put<'c>);
}

impl<'c, I: IntoIterator<Item = Cell<'c>>> Row<'c> for I {
    #[inline]
    fn each(self, put: &mut impl Put<'c>) {
        for cell in self {
            put.put(cell);
        }
    }
}

/// A receiver of the cells of one row.
pub trait Put<'c> {
    /// Takes the next cell.
    fn put(&mut self, cell: Cell<'c>);
}

/// A receiver of the rows of one table, in order. Its constructor takes the columns.
pub trait Sink {
    /// Writes a row with one cell for each column.
    ///
    /// # Errors
    /// Those of what it writes to.
    fn row<'c>(&mut self, cells: impl Row<'c>) -> io::Result<()>;

    /// Ends the table. No row may follow.
    ///
    /// # Errors
    /// Those of what it writes to.
    fn end(&mut self) -> io::Result<()>;
}

/// A table whose rows can be written to a sink of any format, any number of times.
pub trait Table: Sync {
    /// The expanded columns.
    fn columns(&self) -> &[Column];

    /// The number of parts of which it consists; several if it may have very many rows, so that several threads can
    /// format them.
    fn parts(&self) -> usize {
        1
    }

    /// Writes the rows of one part in order, without ending the table.
    ///
    /// # Errors
    /// Those of the sink.
    fn part<S: Sink>(&self, part: usize, sink: &mut S) -> io::Result<()>;

    /// Writes the rows of all parts in order, without ending the table.
    ///
    /// # Errors
    /// Those of the sink.
    fn rows<S: Sink>(&self, sink: &mut S) -> io::Result<()> {
        (0..self.parts()).try_for_each(|part| self.part(part, sink))
    }
}

/// The parts of a table of so many things with a row each, or few rows.
#[must_use]
pub fn parts(things: usize) -> usize {
    things.div_ceil(limits::PART_ROWS).max(1)
}

/// The things in one of the [`parts`].
#[must_use]
pub fn in_part(part: usize, things: usize) -> Range<usize> {
    let start = (part * limits::PART_ROWS).min(things);
    start..(start + limits::PART_ROWS).min(things)
}

/// The declared columns of a table.
pub trait Declared: Copy + 'static {
    /// All columns, in order.
    const ALL: &'static [Self];

    /// Visits all columns, in order. Unlike in a loop over [`Self::ALL`], the compiler knows the column at each call.
    fn each(visit: impl FnMut(Self));

    /// The name in the header. For a column that is repeated for each of several names, it ends in a placeholder in
    /// capitals.
    fn name(self) -> &'static str;

    /// The type of its values.
    fn kind(self) -> Kind;

    /// The placeholder at the end of the name, if there is one.
    fn placeholder(self) -> Option<&'static str> {
        let name = self.name();
        let start = name.rfind(|character: char| !character.is_ascii_uppercase()).map_or(0, |at| at + 1);
        Some(&name[start..]).filter(|placeholder| !placeholder.is_empty())
    }
}

/// The expanded columns of a table, each with the declared column that it comes from.
#[derive(Clone, Debug)]
pub struct Layout<C> {
    columns: Vec<Column>,
    sources: Vec<(C, usize)>,
}

impl<C: Declared> Layout<C> {
    /// Expands the declared columns. Columns of dates are included if `dates` is set. Consecutive columns with the same
    /// placeholder are repeated together for each of the names that `names` gives for it.
    #[must_use]
    pub fn new<'n>(dates: bool, names: impl Fn(&str) -> Vec<&'n str>) -> Self {
        let all: Vec<C> = C::ALL.iter().copied().filter(|column| dates || column.kind() != Kind::Date).collect();
        let (mut columns, mut sources) = (Vec::new(), Vec::new());
        for group in all.chunk_by(|a, b| a.placeholder() == b.placeholder()) {
            let placeholder = group[0].placeholder();
            let things = placeholder.map_or_else(|| vec![""], &names);
            for (at, thing) in things.iter().enumerate() {
                for &column in group {
                    let fixed = column.name().strip_suffix(placeholder.unwrap_or_default()).unwrap_or_default();
                    columns.push(Column { name: format!("{fixed}{thing}"), kind: column.kind() });
                    sources.push((column, at));
                }
            }
        }
        Self { columns, sources }
    }

    /// The expanded columns.
    #[must_use]
    pub fn columns(&self) -> &[Column] {
        &self.columns
    }

    /// For each expanded column, the declared column and the index of its name.
    #[must_use]
    pub fn sources(&self) -> &[(C, usize)] {
        &self.sources
    }
}

/// The columns, with the kind [`Kind::DateTime`] for dates if the steps begin at a time of day.
#[must_use]
pub fn with_times(columns: &[Column], has_times: bool) -> Vec<Column> {
    let kind = |kind| if kind == Kind::Date && has_times { Kind::DateTime } else { kind };
    columns.iter().map(|column| Column { name: column.name.clone(), kind: kind(column.kind) }).collect()
}

/// The columns of a table without placeholders, all included.
#[must_use]
pub fn fixed_columns<C: Declared>() -> Vec<Column> {
    C::ALL.iter().map(|column| Column { name: column.name().to_owned(), kind: column.kind() }).collect()
}

#[cfg(test)]
mod tests {
    //! The table that the tests of several sinks write.

    use super::*;

    /// A column of every kind whose values have a form of their own.
    pub(super) fn columns() -> Vec<Column> {
        let all = [
            ("run", Kind::Whole),
            ("seed", Kind::Seed),
            ("time.start", Kind::Date),
            ("at", Kind::DateTime),
            ("share/all", Kind::Real),
            ("event", Kind::Text),
            ("history_hash", Kind::Hash),
            ("exact", Kind::Truth),
        ];
        all.map(|(name, kind)| Column { name: name.into(), kind }).to_vec()
    }

    /// Rows with values at the edges, and one without values.
    pub(super) fn rows<S: Sink>(sink: &mut S) -> io::Result<()> {
        sink.row([
            Cell::Whole(0),
            Cell::Whole(u64::MAX),
            "1969-12-31".into(),
            "1969-12-31T23:59:59".into(),
            Cell::Real(f64::INFINITY),
            "=1+1".into(),
            Cell::Hash(7),
            Cell::Truth(true),
        ])?;
        sink.row([
            Cell::Empty,
            Cell::Empty,
            Cell::Empty,
            Cell::Empty,
            Cell::Empty,
            Cell::Empty,
            Cell::Empty,
            Cell::Empty,
        ])?;
        sink.row([
            Cell::Whole(1 << 40),
            Cell::Whole(3),
            "2024-02-29".into(),
            "1970-01-01T00:00:01".into(),
            Cell::Real(0.1),
            "a,\"b\nc".into(),
            Cell::Hash(u64::MAX),
            Cell::Truth(false),
        ])
    }
}
