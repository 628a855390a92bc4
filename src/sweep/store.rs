//! The folder of a running sweep: append-only tables, and a journal of their consistent lengths.
//!
//! After each stretch of runs a line is added to the journal: the number of finished runs, and for each table its
//! length and the hash of its contents. When an interrupted sweep is resumed, everything behind the last line that
//! matches the tables is cut off, so at most the active runs are lost after a kill, a crash or a full disk. The
//! manifest says `complete: true` only after everything is on the disk; then the journal is removed. If the rows of
//! `runs.csv` are wanted in another order than that of the runs, they are sorted at the end, in bounded memory.

use std::fs::{self, File};
use std::io::{self, BufRead as _, BufReader, BufWriter, Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::time::Duration;
#[expect(clippy::disallowed_types, reason = "when the disk is synced, never what is written")]
type Instant = std::time::Instant;

use sha2::{Digest as _, Sha256};

use super::error::{Error, ErrorKind};
use super::limits;
use crate::store::{Digest, Lock, open_file, open_to_append, remove_partial, sync_folder, write_file_with};

/// The name of the journal.
pub(super) const JOURNAL: &str = "sweep.journal";
/// The file with rows in the order of their runs, if the finished file will be sorted.
pub(super) const UNSORTED: &str = "runs.unsorted.csv";

/// The first line of a journal.
const TITLE: &str = "backstop sweep journal 1";
/// The interval between syncs to the disk.
const SYNC: Duration = Duration::from_secs(5);

/// An append-only table.
#[derive(Debug)]
struct Table {
    path: PathBuf,
    file: File,
    length: u64,
    hash: Sha256,
}

/// The tables of a running sweep, open for writing.
#[derive(Debug)]
pub(super) struct Store {
    folder: PathBuf,
    tables: Vec<Table>,
    journal: File,
    synced: Instant,
    /// How to continue after an error, for messages.
    advice: &'static str,
    /// Locks against other writers.
    _locks: Vec<Lock>,
}

/// A line of the journal.
#[derive(Clone, Debug, PartialEq, Eq)]
struct JournalEntry {
    /// The exclusive end of the finished runs.
    end: u64,
    /// Length and hash of each table.
    tables: Vec<(u64, String)>,
}

impl JournalEntry {
    fn line(&self) -> String {
        let tables: Vec<String> = self.tables.iter().map(|(length, hash)| format!(",{length},{hash}")).collect();
        format!("{}{}\n", self.end, tables.concat())
    }

    fn parse(line: &str, count: usize) -> Option<Self> {
        let mut cells = line.split(',');
        let end = cells.next()?.parse().ok()?;
        let mut tables = Vec::with_capacity(count);
        for _ in 0..count {
            tables.push((cells.next()?.parse().ok()?, cells.next()?.to_owned()));
        }
        cells.next().is_none().then_some(Self { end, tables })
    }
}

/// The shortened hash of the data so far: it detects torn files, not attacks.
fn short(hash: &Sha256) -> String {
    Digest::of(hash.clone()).0[..32].to_owned()
}

/// The text of the journal for tables that contain only headers.
pub(super) fn first_journal(first: u64, tables: &[&[u8]]) -> String {
    let tables = tables.iter().map(|bytes| (bytes.len() as u64, short(&Sha256::new_with_prefix(bytes)))).collect();
    format!("{TITLE}\n{}", JournalEntry { end: first, tables }.line())
}

/// The text of the journal for tables that contain the rows of all runs before `end`.
pub(super) fn journal_of(end: u64, tables: &[(u64, Digest)]) -> String {
    let tables = tables.iter().map(|(length, hash)| (*length, hash.0[..32].to_owned())).collect();
    format!("{TITLE}\n{}", JournalEntry { end, tables }.line())
}

impl Store {
    /// Opens the tables of an interrupted sweep, cuts off inconsistent rows, and returns the first unfinished run.
    /// `locks` are those of the folder.
    pub(super) fn open(folder: &Path, names: &[&str], first: u64, locks: Vec<Lock>) -> Result<(Self, u64), Error> {
        let journal_path = folder.join(JOURNAL);
        let journal = open_to_append(&journal_path).map_err(|error| {
            Error::io("read the journal", &journal_path, &error).help("start the sweep again with `--force`")
        })?;
        lock(&journal, folder)?;
        remove_partial(folder)?;
        let entries =
            read_entries(&journal, names.len(), first).map_err(|error| Error::io("read", &journal_path, &error))?;
        let mut good = entries.len();
        for (at, name) in names.iter().enumerate() {
            let path = folder.join(name);
            good = good.min(matching(&path, &entries, at).map_err(|error| Error::io("read", &path, &error))?);
        }
        let Some(entry) = good.checked_sub(1).map(|last| &entries[last]) else {
            let message = format!("the tables in `{}` do not match its journal", folder.display());
            return Err(Error::new(ErrorKind::Mismatch, message).help("start the sweep again with `--force`"));
        };
        let mut tables = Vec::with_capacity(names.len());
        for (name, (length, _)) in names.iter().zip(&entry.tables) {
            let path = folder.join(name);
            let table = Table::cut(path.clone(), *length).map_err(|error| Error::io("write", &path, &error))?;
            tables.push(table);
        }
        let (folder, synced) = (folder.to_owned(), Instant::now());
        let store = Self { folder, tables, journal, synced, advice: RESUME, _locks: locks };
        store.rewrite_journal(&entries[..good]).map_err(|error| Error::io("write", &journal_path, &error))?;
        Ok((store, entry.end))
    }

    /// Replaces the advice, for a command that cannot be resumed.
    pub(super) fn advising(self, advice: &'static str) -> Self {
        Self { advice, ..self }
    }

    /// Rewrites the journal with these lines only.
    fn rewrite_journal(&self, entries: &[JournalEntry]) -> io::Result<()> {
        let length = TITLE.len() + 1 + entries.iter().map(|entry| entry.line().len()).sum::<usize>();
        self.journal.set_len(length as u64)?;
        self.journal.sync_all()
    }

    /// Appends the rows of runs that end before `end`, in the order of the tables.
    pub(super) fn append(&mut self, end: u64, rows: &[&[u8]]) -> Result<(), Error> {
        for (table, bytes) in rows.iter().enumerate() {
            self.grow(table, bytes)?;
        }
        self.mark(end)
    }

    /// Appends rows to a table, given by number; [`Self::mark`] must follow when all rows of their runs are there.
    pub(super) fn grow(&mut self, table: usize, rows: &[u8]) -> Result<(), Error> {
        let table = &mut self.tables[table];
        table.append(rows).map_err(|error| Error::io("write", &table.path, &error).help(self.advice))
    }

    /// Records in the journal that all rows of the runs before `end` are complete.
    pub(super) fn mark(&mut self, end: u64) -> Result<(), Error> {
        let tables = self.tables.iter().map(|table| (table.length, short(&table.hash))).collect();
        let line = JournalEntry { end, tables }.line();
        let (journal, advice) = (self.folder.join(JOURNAL), self.advice);
        let failed = |error: io::Error| Error::io("write", &journal, &error).help(advice);
        self.journal.write_all(line.as_bytes()).map_err(failed)?;
        if self.synced.elapsed() > SYNC {
            self.sync().map_err(failed)?;
        }
        Ok(())
    }

    /// Syncs everything to the disk.
    pub(super) fn sync(&mut self) -> io::Result<()> {
        for table in &self.tables {
            table.file.sync_data()?;
        }
        self.journal.sync_data()?;
        self.synced = Instant::now();
        Ok(())
    }

    /// Name and hash of each table.
    pub(super) fn digests(&self) -> Vec<(String, Digest)> {
        let name = |table: &Table| table.path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        self.tables.iter().map(|table| (name(table), Digest::of(table.hash.clone()))).collect()
    }

    /// Removes the journal: the folder is complete.
    pub(super) fn close(self) -> Result<(), Error> {
        let path = self.folder.join(JOURNAL);
        fs::remove_file(&path).map_err(|error| Error::io("remove", &path, &error))?;
        sync_folder(&self.folder).map_err(|error| Error::io("write", &self.folder, &error))
    }
}

const RESUME: &str = "finished runs are kept; `--resume` with the same arguments continues";

impl Table {
    /// Opens a table, cuts it to a length, and hashes the rest.
    fn cut(path: PathBuf, length: u64) -> io::Result<Self> {
        let file = open_to_append(&path)?;
        let mut hash = Sha256::new();
        feed(&mut hash, &mut (&file).take(length))?;
        file.set_len(length)?;
        Ok(Self { path, file, length, hash })
    }

    fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.file.write_all(bytes)?;
        self.hash.update(bytes);
        self.length += bytes.len() as u64;
        Ok(())
    }
}

fn feed(hash: &mut Sha256, from: &mut impl io::Read) -> io::Result<u64> {
    let mut total = 0;
    let unchanged = |error| error;
    in_pieces(from, unchanged, |bytes| {
        hash.update(bytes);
        total += bytes.len() as u64;
        Ok(())
    })?;
    Ok(total)
}

/// Passes on the rest of a file in pieces.
pub(super) fn in_pieces<E>(
    from: &mut impl io::Read,
    unreadable: impl Fn(io::Error) -> E,
    mut to: impl FnMut(&[u8]) -> Result<(), E>,
) -> Result<(), E> {
    let mut buffer = vec![0; 1 << 18];
    loop {
        match from.read(&mut buffer) {
            Ok(0) => return Ok(()),
            Ok(count) => to(&buffer[..count])?,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(unreadable(error)),
        }
    }
}

/// The hash of a file.
pub(super) fn digest_of(path: &Path) -> io::Result<Digest> {
    let mut hash = Sha256::new();
    feed(&mut hash, &mut open_file(path)?)?;
    Ok(Digest::of(hash))
}

/// The lines of a journal, up to the first torn or inconsistent one.
fn read_entries(journal: &File, tables: usize, first: u64) -> io::Result<Vec<JournalEntry>> {
    if journal.metadata()?.len() > limits::JOURNAL_BYTES {
        let message = format!("it has more than {} bytes", limits::JOURNAL_BYTES);
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, message));
    }
    let mut lines = BufReader::new(journal.take(limits::JOURNAL_BYTES));
    let mut line = Vec::new();
    let mut entries: Vec<JournalEntry> = Vec::new();
    let mut number = 0;
    while lines.read_until(b'\n', &mut line)? > 0 {
        let text = line.strip_suffix(b"\n").and_then(|line| std::str::from_utf8(line).ok());
        if number == 0 {
            if text != Some(TITLE) {
                break;
            }
        } else {
            let last = entries.last().map_or(first, |entry| entry.end);
            match text.and_then(|text| JournalEntry::parse(text, tables)) {
                Some(entry) if entry.end >= last => entries.push(entry),
                _ => break,
            }
        }
        number += 1;
        line.clear();
    }
    Ok(entries)
}

/// The exclusive end of the finished runs, according to the journal of a folder.
pub(super) fn last_end(folder: &Path) -> Option<u64> {
    use std::io::{Seek as _, SeekFrom};
    let mut journal = open_file(&folder.join(JOURNAL)).ok()?;
    let length = journal.metadata().ok()?.len();
    journal.seek(SeekFrom::Start(length.saturating_sub(4_096))).ok()?;
    let mut tail = Vec::new();
    journal.take(4_096).read_to_end(&mut tail).ok()?;
    let whole = &tail[..tail.iter().rposition(|&byte| byte == b'\n')?];
    let line = whole.rsplit(|&byte| byte == b'\n').next()?;
    std::str::from_utf8(line).ok()?.split(',').next()?.parse().ok()
}

/// The number of leading entries that match a table, given by number.
fn matching(path: &Path, entries: &[JournalEntry], table: usize) -> io::Result<usize> {
    let mut file = BufReader::new(open_file(path)?);
    let mut hash = Sha256::new();
    let mut length = 0;
    for (at, entry) in entries.iter().enumerate() {
        let (until, expected) = &entry.tables[table];
        let Some(more) = until.checked_sub(length) else { return Ok(at) };
        if feed(&mut hash, &mut file.by_ref().take(more))? < more || short(&hash) != *expected {
            return Ok(at);
        }
        length = *until;
    }
    Ok(entries.len())
}

/// Locks the journal, since two sweeps must not write into one folder. On file systems without locks nothing is
/// checked.
fn lock(journal: &File, folder: &Path) -> Result<(), Error> {
    match journal.try_lock() {
        Err(fs::TryLockError::WouldBlock) => {
            let message = format!("another sweep is writing into `{}`", folder.display());
            Err(Error::new(ErrorKind::Io, message).help("wait until the other sweep has ended"))
        }
        _ => Ok(()),
    }
}

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
    // A forged manifest may have any number of rows.
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
