//! The formats that tables can be had in.

use std::io::{self, Read, Write};

use serde::{Deserialize, Serialize};

use super::Column;

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

    /// Writes the rows of a table that is there as CSV in this format.
    ///
    /// # Errors
    /// As [`read_csv`](super::read_csv); `Unsupported` if this program was built without the format.
    pub fn convert(self, csv: impl Read, columns: &[Column], out: impl Write + Send) -> io::Result<()> {
        match self {
            Self::Csv => {
                let (mut csv, mut out) = (csv, out);
                io::copy(&mut csv, &mut out).map(drop)
            }
            Self::Parquet => to_parquet(csv, columns, out),
        }
    }
}

#[cfg(feature = "parquet")]
fn to_parquet(csv: impl Read, columns: &[Column], out: impl Write + Send) -> io::Result<()> {
    use super::{Parquet, Sink as _, read_csv};
    let mut sink = Parquet::new(out, columns)?;
    read_csv(csv, columns, &mut sink)?;
    sink.end()
}

#[cfg(not(feature = "parquet"))]
fn to_parquet(_: impl Read, _: &[Column], _: impl Write + Send) -> io::Result<()> {
    Err(io::Error::new(io::ErrorKind::Unsupported, "this program was built without Parquet"))
}
