//! Sorts the rows of `runs.csv` in bounded memory, with as many passes over the file as needed.

use std::io::{self, BufRead as _, BufReader, BufWriter, Read as _, Write as _};
use std::path::Path;

use super::error::{Error, ErrorKind};
use super::limits;
use crate::store::{open_file, write_file_with};

/// An order of rows.
#[derive(Clone, Copy, Debug)]
pub(super) enum Order {
    /// Point by point, each replicate after replicate.
    ByPoint { points: u64, replicates: u64 },
    /// In the order of their runs: replicate by replicate over all points.
    ByRun { points: u64, replicates: u64 },
}

impl Order {
    /// The position in this order of the row at a position of the other order.
    fn place(self, at: u64) -> u64 {
        match self {
            Self::ByPoint { points, replicates } => (at % points) * replicates + at / points,
            Self::ByRun { points, replicates } => (at % replicates) * points + at / replicates,
        }
    }
}

/// Writes the `rows` rows of a file in another order to a second file, which is replaced atomically.
///
/// # Errors
/// An [`Error`] if there are fewer rows, or if the system reports an error.
pub(super) fn sort_file(from: &Path, to: &Path, order: Order, rows: u64) -> Result<(), Error> {
    let read = |error: io::Error| Error::io("read", from, &error);
    let write = |error: io::Error| Error::io("write", to, &error);
    let size = open_file(from).and_then(|file| file.metadata()).map_err(read)?.len();
    // A manifest that somebody else wrote may give any number of rows.
    let too_few = || Error::new(ErrorKind::Mismatch, format!("`{}` has too few rows", from.display()));
    if rows > size {
        return Err(too_few());
    }
    let passes = size.div_ceil(limits::SORT_BYTES as u64).max(1);
    write_file_with(to, |file| {
        let mut out = BufWriter::with_capacity(1 << 18, file);
        for pass in 0..passes {
            let (first, end) = (rows * pass / passes, rows * (pass + 1) / passes);
            let mut reader = BufReader::with_capacity(1 << 18, open_file(from).map_err(read)?);
            let mut line = Vec::new();
            reader.by_ref().take(limits::LINE_BYTES).read_until(b'\n', &mut line).map_err(read)?;
            if pass == 0 {
                out.write_all(&line).map_err(write)?;
            }
            let mut found: Vec<Vec<u8>> = vec![Vec::new(); usize::try_from(end - first).unwrap_or(usize::MAX)];
            for at in 0..rows {
                line.clear();
                reader.by_ref().take(limits::LINE_BYTES).read_until(b'\n', &mut line).map_err(read)?;
                let place = order.place(at);
                if (first..end).contains(&place) {
                    found[usize::try_from(place - first).unwrap_or(usize::MAX)].clone_from(&line);
                }
            }
            if found.iter().any(Vec::is_empty) {
                return Err(too_few());
            }
            for row in &found {
                out.write_all(row).map_err(write)?;
            }
        }
        out.flush().map_err(write)
    })
}
