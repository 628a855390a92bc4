//! Reading the tables of a run's folder as they come, so that none is held in memory: a log with its hash and within its
//! limits, and tables compared with what they should be.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::path::Path;

use super::defect::{Defect, VerifyError};
use super::digest::{Digest, Hashed};
use super::door::open_file;
use super::limits;
use crate::table::{Format, Table};
use crate::trace::ReplayError;

/// How much of a file is compared at a time.
const PIECE: usize = 1 << 16;

/// A table that is an ordinary file, and not longer than one can be.
fn open_table(path: &Path) -> Result<File, VerifyError> {
    let at = |fault| VerifyError { path: path.to_owned(), fault };
    let opened = open_file(path).and_then(|file| Ok((file.metadata()?.len(), file)));
    let (length, file) = opened.map_err(|error| at(Defect::Unreadable(error)))?;
    if length > limits::TABLE_BYTES { Err(at(Defect::TooLarge(limits::TABLE_BYTES))) } else { Ok(file) }
}

/// The bytes of a log as they are read, of which there are not more than there may be.
pub(super) struct LogBytes {
    file: Hashed<File>,
    read: u64,
    /// The line that is being read, from 1, and how much of it there is so far.
    line: (u64, u64),
    /// Why it cannot be read.
    fault: Option<Defect>,
}

impl LogBytes {
    pub(super) fn open(path: &Path) -> Result<Self, VerifyError> {
        let file = Hashed::new(open_table(path)?);
        Ok(Self { file, read: 0, line: (1, 0), fault: None })
    }

    /// The hash of all of it, once it has been read.
    pub(super) fn end(self, path: &Path) -> Result<Digest, VerifyError> {
        match self.fault {
            None => Ok(self.file.into_parts().1),
            Some(fault) => Err(VerifyError { path: path.to_owned(), fault }),
        }
    }

    fn count(&mut self, bytes: &[u8]) -> Option<Defect> {
        self.read += bytes.len() as u64;
        if self.read > limits::TABLE_BYTES {
            return Some(Defect::TooLarge(limits::TABLE_BYTES));
        }
        for piece in bytes.split_inclusive(|&byte| byte == b'\n') {
            let is_whole = piece.ends_with(b"\n");
            self.line.1 += (piece.len() - usize::from(is_whole)) as u64;
            if self.line.1 > limits::ROW_BYTES {
                let reason = format!("the row has more than {} bytes", limits::ROW_BYTES);
                return Some(Defect::Log(ReplayError { line: Some(self.line.0), reason }));
            }
            if is_whole {
                self.line = (self.line.0 + 1, 0);
            }
        }
        None
    }
}

impl Read for LogBytes {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        let fault = match self.file.read(bytes) {
            Ok(read) => match self.count(&bytes[..read]) {
                None => return Ok(read),
                Some(fault) => fault,
            },
            Err(error) if error.kind() == io::ErrorKind::Interrupted => return Err(error),
            Err(error) => Defect::Unreadable(error),
        };
        self.fault = Some(fault);
        Err(io::Error::other("it cannot be read"))
    }
}

/// Compares a file with the table that it should be, row by row: the hash of both, or the first line, from 1, in which
/// they differ.
pub(super) fn compare(path: &Path, format: Format, table: &impl Table) -> Result<Result<Digest, u64>, VerifyError> {
    let found = BufReader::with_capacity(PIECE, open_table(path)?);
    let write = |compared: &mut Compared<_>| {
        let mut hashed = Hashed::new(compared);
        format.write(table, &mut hashed)?;
        Ok(hashed.into_parts().1)
    };
    differing_line(found, write)
        .map_err(|error| VerifyError { path: path.to_owned(), fault: Defect::Unreadable(error) })
}

/// The hash of a table's file.
pub(super) fn digest_of(path: &Path) -> Result<Digest, VerifyError> {
    let mut hashed = Hashed::new(open_table(path)?);
    let read = io::copy(&mut (&mut hashed).take(limits::TABLE_BYTES), &mut io::sink());
    read.map_err(|error| VerifyError { path: path.to_owned(), fault: Defect::Unreadable(error) })?;
    Ok(hashed.into_parts().1)
}

/// Compares what is read with what `write` writes, and gives what that gives, or the first line, from 1, in which they
/// differ.
///
/// # Errors
/// Those of reading.
pub(super) fn differing_line<R: BufRead, T>(
    found: R,
    write: impl FnOnce(&mut Compared<R>) -> io::Result<T>,
) -> io::Result<Result<T, u64>> {
    let mut compared = Compared { found, line: 1, differs: false };
    match write(&mut compared) {
        Ok(written) => Ok(match compared.found.fill_buf()?.first().copied() {
            None => Ok(written),
            Some(byte) => Err(compared.line_before(byte)),
        }),
        Err(_) if compared.differs => Ok(Err(compared.line)),
        Err(error) => Err(error),
    }
}

/// Takes what should be read, and fails where something else is.
pub(super) struct Compared<R> {
    found: R,
    /// The line that is being compared, from 1.
    line: u64,
    differs: bool,
}

impl<R> Compared<R> {
    /// The line in which they differ where one has ended and the other goes on with a byte. Before the end of a line it is
    /// the next.
    fn line_before(&self, byte: u8) -> u64 {
        self.line + u64::from(byte == b'\n')
    }
}

impl<R: BufRead> Write for Compared<R> {
    fn write(&mut self, expected: &[u8]) -> io::Result<usize> {
        let found = self.found.fill_buf()?;
        let length = found.len().min(expected.len());
        let same = if found[..length] == expected[..length] {
            length
        } else {
            found.iter().zip(expected).take_while(|(found, expected)| found == expected).count()
        };
        self.line += expected[..same].split(|&byte| byte == b'\n').count() as u64 - 1;
        self.differs = same < length || length == 0 && !expected.is_empty();
        if self.differs {
            if length == 0 {
                self.line = self.line_before(expected[0]);
            }
            return Err(io::Error::other("the files differ"));
        }
        self.found.consume(length);
        Ok(length)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
