//! Rows of `runs.csv` put in another order, in bounded memory: as many passes over the file as are needed.

use std::fs::File;
use std::io::{BufRead as _, BufReader, BufWriter, Write as _};
use std::path::Path;

use super::error::{Error, ErrorKind};
use super::limits;
use super::store::replace_file;

/// An order of rows.
#[derive(Clone, Copy, Debug)]
pub(super) enum Order {
    /// Point by point, each replicate after replicate.
    ByPoint { points: u64, replicates: u64 },
    /// In the order of their runs: replicate by replicate over all points.
    ByRun { points: u64, replicates: u64 },
}

impl Order {
    /// Where the row at a position of the other order stands in this one.
    fn place(self, at: u64) -> u64 {
        match self {
            Self::ByPoint { points, replicates } => (at % points) * replicates + at / points,
            Self::ByRun { points, replicates } => (at % replicates) * points + at / replicates,
        }
    }
}

/// Writes the rows of a file, of which there are `rows`, in an order into another file, which appears whole.
pub(super) fn sort_file(from: &Path, to: &Path, order: Order, rows: u64) -> Result<(), Error> {
    let read = |error: std::io::Error| Error::io("read", from, &error);
    let size = std::fs::metadata(from).map_err(read)?.len();
    let passes = size.div_ceil(limits::SORT_BYTES as u64).max(1);
    let mut failed = None;
    let result = replace_file(to, |file| {
        let mut out = BufWriter::with_capacity(1 << 18, file);
        for pass in 0..passes {
            let (first, end) = (rows * pass / passes, rows * (pass + 1) / passes);
            let mut reader = BufReader::with_capacity(1 << 18, File::open(from)?);
            let mut line = Vec::new();
            reader.read_until(b'\n', &mut line)?;
            if pass == 0 {
                out.write_all(&line)?;
            }
            let mut found: Vec<Vec<u8>> = vec![Vec::new(); usize::try_from(end - first).unwrap_or(usize::MAX)];
            for at in 0..rows {
                line.clear();
                reader.read_until(b'\n', &mut line)?;
                let place = order.place(at);
                if (first..end).contains(&place) {
                    found[usize::try_from(place - first).unwrap_or(usize::MAX)].clone_from(&line);
                }
            }
            if found.iter().any(Vec::is_empty) {
                failed = Some(Error::new(ErrorKind::Mismatch, format!("`{}` has too few rows", from.display())));
                return Err(std::io::ErrorKind::UnexpectedEof.into());
            }
            for row in &found {
                out.write_all(row)?;
            }
        }
        out.flush()
    });
    match failed {
        Some(error) => Err(error),
        None => result,
    }
}
