//! Tables: the columns that the program writes, the cells of a row, and the sinks that take rows.
//!
//! Each table declares its columns once, in [`columns`](self): name and [`Kind`] of each, in order. Whoever writes a
//! table makes its [`Layout`], which is the declaration with the columns that depend on the scenario (`METRIC`,
//! `PARAMETER`, `OUTCOME`) spelled out, and hands rows of typed [`Cell`]s to a [`Sink`], one after the other, so that no
//! table is held in memory as cells. Header, rows, reading back, and the documentation's test follow from the
//! declaration; a `match` over the columns gives the values, so that the compiler asks for that of a new one.
//!
//! An output format is a type that implements [`Sink`], and a [`Format`] that names it. [`Csv`] is the first: what is
//! written into folders, hashed, verified and read again; [`CsvWriter`] writes the same to a file as the rows come. Another
//! format is a file beside it, and takes the same rows; the kinds say which type a column has. Whoever has all rows of a
//! table at hand implements [`Table`], so that it is written in any format, or compared with one that is there, without
//! being held in memory.

mod columns;
mod csv;
mod format;
pub mod limits;
mod memory;
#[cfg(feature = "parquet")]
mod parquet;

pub use columns::{
    AgainstColumn, ChainColumn, CommitmentColumn, DesignColumn, DifferenceColumn, EventColumn, FutureColumn, RunColumn,
    SeriesColumn, StorylineColumn, SummaryColumn, TipColumn, WaitColumn,
};
pub use csv::{Csv, CsvWriter, read_csv};
pub use format::Format;
pub use memory::{Columns, Data, Values, Words};
#[cfg(feature = "parquet")]
pub use parquet::Parquet;

use std::borrow::Cow;
use std::io;

/// What stands in a column. Every kind may be missing; a missing value is an empty cell in CSV.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// A whole number, not negative.
    Whole,
    /// A whole number that may take all of 64 bits.
    Seed,
    /// A real number; it may be infinite, never NaN.
    Real,
    /// Words.
    Text,
    /// The id of something that the scenario declares, or of an instance of it.
    Id,
    /// A date, written `YYYY-MM-DD`. A column that is declared so holds moments where the steps of the run begin at a time
    /// of day: [`with_times`].
    Date,
    /// A date with a time of day, written `YYYY-MM-DDTHH:MM:SS`. Some of the values may be dates alone.
    Moment,
    /// 64 bits, written as `h` and 16 hexadecimal digits, so that no reader takes them for a number.
    Hash,
    /// `TRUE` or `FALSE`.
    Truth,
    /// What a name was set to: a number; of some names a date as it was given, or `true` or `false`.
    Set,
}

/// A column of a table as it is written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Column {
    /// Its name, in the header.
    pub name: String,
    /// What stands in it.
    pub kind: Kind,
}

/// One cell of a row.
#[derive(Clone, Debug, PartialEq)]
pub enum Cell<'a> {
    /// A value that is missing.
    Empty,
    /// Of a column of whole numbers.
    Whole(u64),
    /// Of a column of real numbers, or a number that was set.
    Real(f64),
    /// Of a column of words, ids, dates, or of what was set.
    Text(Cow<'a, str>),
    /// Of a column of hashes.
    Hash(u64),
    /// Of a column of truths.
    Truth(bool),
}

impl Cell<'_> {
    /// A missing value, or a whole number.
    #[must_use]
    pub fn whole<T: Into<u64>>(value: Option<T>) -> Self {
        value.map_or(Self::Empty, |value| Self::Whole(value.into()))
    }

    /// A missing value, or a real number.
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

/// What takes the rows of one table, in their order. Whoever makes one tells it the columns.
pub trait Sink {
    /// Takes a row, which has a cell for each column.
    ///
    /// # Errors
    /// Those of what it writes to.
    fn row<'c>(&mut self, cells: impl IntoIterator<Item = Cell<'c>>) -> io::Result<()>;

    /// Takes the end of the table. No row follows.
    ///
    /// # Errors
    /// Those of what it writes to.
    fn end(&mut self) -> io::Result<()>;
}

/// A table whose rows can be written to a sink of any format, and again to another.
pub trait Table {
    /// The columns as they are written.
    fn columns(&self) -> &[Column];

    /// Writes the rows, in their order; the sink is not told of the end.
    ///
    /// # Errors
    /// Those of the sink.
    fn rows<S: Sink>(&self, sink: &mut S) -> io::Result<()>;
}

/// The declared columns of a table.
pub trait Declared: Copy + 'static {
    /// All of them, in order.
    const ALL: &'static [Self];

    /// The name in the header. Of a column that is written once for each of several things it ends in capitals, which
    /// stand for the name of the thing.
    fn name(self) -> &'static str;

    /// What stands in it.
    fn kind(self) -> Kind;

    /// What stands for a name in its own.
    fn placeholder(self) -> Option<&'static str> {
        let name = self.name();
        let start = name.rfind(|character: char| !character.is_ascii_uppercase()).map_or(0, |at| at + 1);
        Some(&name[start..]).filter(|placeholder| !placeholder.is_empty())
    }
}

/// The columns of a table as they are written, and for each which declared column it is.
#[derive(Clone, Debug)]
pub struct Layout<C> {
    columns: Vec<Column>,
    sources: Vec<(C, usize)>,
}

impl<C: Declared> Layout<C> {
    /// The declared columns, those of dates only with `dates`. Columns that follow one another and are written once for
    /// each of the same things stand together for each thing; `names` gives the things of a placeholder.
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

    /// The columns as they are written.
    #[must_use]
    pub fn columns(&self) -> &[Column] {
        &self.columns
    }

    /// For each column as it is written the declared one, and for which of several things it is, from 0.
    #[must_use]
    pub fn sources(&self) -> &[(C, usize)] {
        &self.sources
    }
}

/// The columns with those of dates being of moments, where the steps begin at a time of day.
#[must_use]
pub fn with_times(columns: &[Column], has_times: bool) -> Vec<Column> {
    let kind = |kind| if kind == Kind::Date && has_times { Kind::Moment } else { kind };
    columns.iter().map(|column| Column { name: column.name.clone(), kind: kind(column.kind) }).collect()
}

/// The columns of a table all of which are written, and once.
#[must_use]
pub fn fixed_columns<C: Declared>() -> Vec<Column> {
    C::ALL.iter().map(|column| Column { name: column.name().to_owned(), kind: column.kind() }).collect()
}
