//! The formats that tables can be had in.

use std::io::{self, Write};

use serde::{Deserialize, Serialize};

use super::{CsvWriter, Table};

/// A format of tables. CSV is always written; another format is a second file beside each table, with the same rows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Format {
    /// CSV alone.
    #[default]
    Csv,
    /// Parquet, typed.
    Parquet,
}

impl Format {
    /// All of them.
    pub const ALL: &[Self] = &[Self::Csv, Self::Parquet];

    /// Its name, which is also the ending of the names of its files.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Csv => "csv",
            Self::Parquet => "parquet",
        }
    }

    /// The name of the file that is written beside a table, given that of the table as CSV; none where CSV is all, and of
    /// a file that is none.
    #[must_use]
    pub fn beside(self, csv: &str) -> Option<String> {
        match self {
            Self::Csv => None,
            Self::Parquet => Some(format!("{}.{}", csv.strip_suffix(".csv")?, self.name())),
        }
    }

    /// What to do to have a format that this program was built without; none if it is there.
    #[must_use]
    pub fn missing(self) -> Option<&'static str> {
        match self {
            Self::Csv => None,
            Self::Parquet if cfg!(feature = "parquet") => None,
            Self::Parquet => Some("build the program with the feature `parquet`, which is one of the default features"),
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
