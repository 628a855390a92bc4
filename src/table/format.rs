//! The file formats of tables.

use std::io::{self, Write};

use serde::{Deserialize, Serialize};

use super::{CsvWriter, Table};

/// A file format of tables. CSV is always written; other formats are written as a second file beside each table, with the
/// same rows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Format {
    /// CSV only.
    #[default]
    Csv,
    /// Parquet, with typed columns.
    Parquet,
}

impl Format {
    /// All formats.
    pub const ALL: &[Self] = &[Self::Csv, Self::Parquet];

    /// The name, which is also the extension of its files.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Csv => "csv",
            Self::Parquet => "parquet",
        }
    }

    /// The name of the file that is written beside a table, given the name of the table's CSV file; `None` if only CSV is
    /// written, or if `csv` does not end in `.csv`.
    #[must_use]
    pub fn beside(self, csv: &str) -> Option<String> {
        match self {
            Self::Csv => None,
            Self::Parquet => Some(format!("{}.{}", csv.strip_suffix(".csv")?, self.name())),
        }
    }

    /// How to build the program with this format; `None` if it has the format already.
    #[must_use]
    pub fn missing(self) -> Option<&'static str> {
        match self {
            Self::Csv => None,
            Self::Parquet if cfg!(feature = "parquet") => None,
            Self::Parquet => Some("build it with the cargo feature `parquet`, which is on by default"),
        }
    }

    /// Writes a table in this format.
    ///
    /// # Errors
    /// Those of the table and of `out`; `Unsupported` if this program was built without the format.
    pub fn write(self, table: &impl Table, out: impl Write + Send) -> io::Result<()> {
        match self {
            Self::Csv => CsvWriter::write(out, table).map(drop),
            Self::Parquet => write_parquet(table, out),
        }
    }
}

#[cfg(feature = "parquet")]
fn write_parquet(table: &impl Table, out: impl Write + Send) -> io::Result<()> {
    use super::{Parquet, Sink as _};
    let mut sink = Parquet::new(out, table.columns())?;
    table.rows(&mut sink)?;
    sink.end()
}

#[cfg(not(feature = "parquet"))]
fn write_parquet(_: &impl Table, _: impl Write + Send) -> io::Result<()> {
    Err(io::Error::new(io::ErrorKind::Unsupported, "this program was built without Parquet"))
}
