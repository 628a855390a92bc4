//! Verification: checks byte by byte that the tables of a folder follow from its log, and that the log is what a run of
//! its scenario gives. Tables are streamed, so that none is held in memory.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::path::Path;

use super::defect::{Defect, VerifyError};
use super::door::{Digest, Hashed, open_file, read_file};
use super::inputs::StoredInputs;
use super::limits;
use super::lineage::Lineage;
use super::manifest::{MANIFEST, Manifest};
use super::run_tables::{Events, RunTables, TableVisitor, files};
use super::tables::Sampler;
use crate::engine::{Checkpoint, Failure, Observer, Run, RunOptions};
use crate::model::Entry;
use crate::table::{Format, Table};
use crate::trace::{Recorded, ReplayError, cells};

/// A folder that has been replayed and verified.
#[derive(Debug)]
pub struct Verified {
    /// The manifest.
    pub manifest: Manifest,
    /// The models of the run.
    pub course: Lineage,
    /// The run, reconstructed from its log.
    pub fold: Run,
    /// Facts about the run that are not in its log.
    pub recorded: Recorded,
}

/// Reads the folder of a run, replays its log, and compares everything in the folder with the result. `watch` observes
/// the states before the verification is complete.
///
/// # Errors
/// A [`VerifyError`] with the first file that is wrong, and the line.
///
/// ```no_run
/// use backstop::store::{VerifyError, verify};
///
/// fn number_of_events(folder: &std::path::Path) -> Result<usize, VerifyError> {
///     let verified = verify(folder, &mut |_, _, _| {})?;
///     Ok(verified.fold.log.len())
/// }
/// ```
pub fn verify(dir: &Path, watch: &mut Observer<'_>) -> Result<Verified, VerifyError> {
    let manifest = Manifest::read(dir)?;
    let at_manifest = |defect| VerifyError { path: dir.join(MANIFEST), defect };
    let course = Lineage::new(&manifest, &mut StoredInputs::of(dir, &manifest.inputs))
        .map_err(|error| at_manifest(Defect::Lineage(error)))?;
    let is_a_run = manifest.runs == 1 && manifest.design.is_none();
    let recorded = if is_a_run { recorded(&course, &manifest) } else { None };
    let recorded = recorded.ok_or_else(|| at_manifest(Defect::NotARun))?;
    let sampler = Sampler::new(course.last().0, manifest.stances, manifest.trust);
    let mut sampler = sampler.map_err(|error| at_manifest(Defect::TooManySamples(error)))?;
    let path = dir.join("events.csv");
    let at_log = |refusal| VerifyError { path: path.clone(), defect: Defect::Log(refusal) };
    let mut bytes = LogBytes::open(&path)?;
    let log = course.read_log(&mut bytes, &recorded);
    let found = bytes.end(&path)?;
    let folded = log.and_then(|log| {
        course.fold(log, &recorded, &mut |moment, world, setup| {
            if moment == Checkpoint::Ended {
                sampler.sample(course.first(), world);
            }
            watch(moment, world, setup);
        })
    });
    let fold = match folded {
        Ok(fold) => fold,
        Err(refusal) => return Err(at_log(earliest(&course, &manifest, &path, refusal)?)),
    };
    if fold.steps != recorded.steps {
        return Err(VerifyError { path: dir.join(MANIFEST), defect: Defect::StepsDiffer(fold.steps) });
    }
    let verified = Verified { manifest, course, fold, recorded };
    if let Some(refusal) = verified.check_history(&path, &found)? {
        return Err(at_log(refusal));
    }
    if verified.manifest.status.as_deref() != Some(verified.fold.status()) {
        return Err(VerifyError { path: dir.join(MANIFEST), defect: Defect::StatusDiffers(verified.fold.status()) });
    }
    verified.check_tables(dir, &sampler)?;
    verified.check_lineage().map_err(at_manifest)?;
    Ok(verified)
}

/// The facts about the run that are not in its log; `None` for a sweep. The reason of a failure, and whether it
/// occurred while sampling metrics, is in no file and is found by running again.
fn recorded(course: &Lineage, manifest: &Manifest) -> Option<Recorded> {
    let (status, steps, run_seed) = (manifest.status.as_deref()?, manifest.steps?, manifest.run_seed());
    if status == "ok" {
        return Some(Recorded { steps, failure: None, in_sampling: false, run_seed });
    }
    let want = RunOptions { series: true, ..RunOptions::default() };
    let again = Recorded::of(&course.run(run_seed, want, &mut |_, _, _| {}), run_seed);
    // If it does not fail, comparing the logs shows what was edited.
    let failure = Some(again.failure.unwrap_or(Failure::TooManyEvents));
    Some(Recorded { steps, failure, in_sampling: again.in_sampling && again.steps == steps, run_seed })
}

/// An invalid row may follow from an earlier row that is valid but was edited: running again finds the first
/// difference.
fn earliest(
    course: &Lineage,
    manifest: &Manifest,
    path: &Path,
    refusal: ReplayError,
) -> Result<ReplayError, VerifyError> {
    let run = again(course, manifest);
    if manifest.history_hash != Some(run.history.text()) {
        return Ok(refusal);
    }
    Ok(match (compare(path, Format::Csv, &Events::of(course.first(), &run.log))?, refusal.line) {
        (Err(line), Some(later)) if line < later => {
            let reason = format!("the row differs from that of the run, so that in line {later} {}", refusal.reason);
            ReplayError { line: Some(line), reason }
        }
        _ => refusal,
    })
}

/// Runs again, and returns the run and its log as written.
fn again(course: &Lineage, manifest: &Manifest) -> Run {
    course.run(manifest.run_seed(), RunOptions { log: true, ..RunOptions::default() }, &mut |_, _, _| {})
}

impl Verified {
    /// The reason why the events, whose file has the hash `found`, are not those of the run; `None` if they are.
    fn check_history(&self, path: &Path, found: &Digest) -> Result<Option<ReplayError>, VerifyError> {
        let hash = self.fold.history.text();
        let same_hash = self.manifest.history_hash.as_deref() == Some(hash.as_str());
        if same_hash && self.manifest.files.get("events.csv") == Some(found) {
            return Ok(None);
        }
        // Every row is valid, but one was changed: running again shows which.
        let run = again(&self.course, &self.manifest);
        let line = compare(path, Format::Csv, &Events::of(self.course.first(), &run.log))?.err();
        let reason = match line.map(|line| line.checked_sub(2)) {
            None => "the log does not match its hash in the manifest".into(),
            Some(row) => {
                let row = row.and_then(|row| usize::try_from(row).ok());
                let (theirs, ours) = (row.and_then(|row| self.fold.log.get(row)), row.and_then(|row| run.log.get(row)));
                if ours == theirs {
                    // Quoted cells or other line ends.
                    "the row is written differently from what the run wrote".into()
                } else {
                    self.difference(ours, theirs)
                }
            }
        };
        Ok(Some(ReplayError { line, reason }))
    }

    fn difference(&self, ours: Option<&Entry>, theirs: Option<&Entry>) -> String {
        let written = |entry: Option<&Entry>| {
            entry.map_or("nothing".into(), |entry| {
                let cells = cells(self.course.first(), entry.event);
                let cause = entry.cause().map(|cause| format!(" because of {cause}")).unwrap_or_default();
                let parts = [cells.event, cells.actor, cells.subject, cells.resource, &cells.value_text()];
                let parts: Vec<&str> = parts.into_iter().filter(|part| !part.is_empty()).collect();
                format!("`{}` at step {}{cause}", parts.join(" "), entry.step)
            })
        };
        format!("the row was edited: it has {}, the run had {}", written(theirs), written(ours))
    }

    /// Checks that the tables follow from the log, byte for byte.
    fn check_tables(&self, dir: &Path, sampler: &Sampler) -> Result<(), VerifyError> {
        struct Comparison<'a>(&'a Path, Format, BTreeMap<String, Digest>);
        impl TableVisitor for Comparison<'_> {
            type Error = VerifyError;

            fn table(&mut self, name: &'static str, table: &impl Table) -> Result<(), VerifyError> {
                for (format, name) in files(name, self.1) {
                    let path = self.0.join(&name);
                    let digest = match format.missing() {
                        None => compare(&path, format, table)?,
                        // The file is only hashed; the hash is compared with that in the manifest.
                        Some(_) => Ok(digest_of(&path)?),
                    };
                    let differs =
                        |line| if format == Format::Csv { Defect::LineDiffers(line) } else { Defect::FileDiffers };
                    let digest = digest.map_err(|line| VerifyError { path, defect: differs(line) })?;
                    self.2.insert(name, digest);
                }
                Ok(())
            }
        }
        let (first, last) = (self.course.first(), self.course.last().0);
        let (run_seed, sets) = (self.manifest.run_seed(), self.manifest.all_overrides());
        let mut compared = Comparison(dir, self.manifest.table_format, BTreeMap::new());
        RunTables { first, last, run: &self.fold, run_seed, sampler, sets: &sets }.visit(&mut compared)?;
        if compared.2 == self.manifest.files {
            return Ok(());
        }
        Err(VerifyError { path: dir.join(MANIFEST), defect: Defect::HashesDiffer })
    }

    /// Checks that each fork continues the run named in the manifest.
    fn check_lineage(&self) -> Result<(), Defect> {
        for (before, fork) in self.manifest.forks.iter().enumerate() {
            if self.course.history(before, self.manifest.run_seed()).text() != fork.parent_history_hash {
                return Err(Defect::ParentDiffers(fork.at));
            }
        }
        Ok(())
    }
}

impl Manifest {
    /// The first line (counted from 1) in which the bytes that it was read from differ from what the program writes for
    /// it: other notation, duplicate or unknown entries, other line ends.
    #[must_use]
    pub fn first_respelt(&self, bytes: &[u8]) -> Option<u64> {
        differing_line(bytes, |compared| compared.write_all(self.to_json().as_bytes())).ok()?.err()
    }

    /// Reads the manifest of a folder that is complete.
    ///
    /// # Errors
    /// A [`VerifyError`] if it does not exist, cannot be used, or marks the folder as incomplete.
    pub fn read(dir: &Path) -> Result<Self, VerifyError> {
        let path = dir.join(MANIFEST);
        let at = |defect| VerifyError { path: path.clone(), defect };
        let bytes = read_file(&path, limits::MANIFEST_BYTES).map_err(|error| {
            let is_missing = matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory);
            at(if is_missing { Defect::Missing } else { Defect::of_reading(error, limits::MANIFEST_BYTES) })
        })?;
        let manifest =
            Self::from_json(&String::from_utf8_lossy(&bytes)).map_err(|error| at(Defect::Manifest(error)))?;
        if let Some(line) = manifest.first_respelt(&bytes) {
            return Err(at(Defect::NotCanonical(line)));
        }
        if manifest.complete { Ok(manifest) } else { Err(at(Defect::Incomplete)) }
    }
}

/// How much of a file is compared at a time.
const PIECE: usize = 1 << 16;

/// A table that is an ordinary file, and not longer than one can be.
fn open_table(path: &Path) -> Result<File, VerifyError> {
    let at = |defect| VerifyError { path: path.to_owned(), defect };
    let opened = open_file(path).and_then(|file| Ok((file.metadata()?.len(), file)));
    let (length, file) = opened.map_err(|error| at(Defect::Unreadable(error)))?;
    if length > limits::TABLE_BYTES { Err(at(Defect::TooLarge(limits::TABLE_BYTES))) } else { Ok(file) }
}

/// The bytes of a log as they are read, of which there are not more than there may be.
struct LogBytes {
    file: Hashed<File>,
    read: u64,
    /// The line that is being read, from 1, and the number of its bytes so far.
    line: (u64, u64),
    /// Why it cannot be read.
    defect: Option<Defect>,
}

impl LogBytes {
    fn open(path: &Path) -> Result<Self, VerifyError> {
        let file = Hashed::new(open_table(path)?);
        Ok(Self { file, read: 0, line: (1, 0), defect: None })
    }

    /// The hash of all of it, once it has been read.
    fn end(self, path: &Path) -> Result<Digest, VerifyError> {
        match self.defect {
            None => Ok(self.file.into_parts().1),
            Some(defect) => Err(VerifyError { path: path.to_owned(), defect }),
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
        let defect = match self.file.read(bytes) {
            Ok(read) => match self.count(&bytes[..read]) {
                None => return Ok(read),
                Some(defect) => defect,
            },
            Err(error) if error.kind() == io::ErrorKind::Interrupted => return Err(error),
            Err(error) => Defect::Unreadable(error),
        };
        self.defect = Some(defect);
        Err(io::Error::other("it cannot be read"))
    }
}

/// Compares a file with the table that it should be, row by row: the hash of both, or the first line, from 1, in which
/// they differ.
fn compare(path: &Path, format: Format, table: &impl Table) -> Result<Result<Digest, u64>, VerifyError> {
    let found = BufReader::with_capacity(PIECE, open_table(path)?);
    let write = |compared: &mut Compared<_>| {
        let mut hashed = Hashed::new(compared);
        format.write(table, &mut hashed)?;
        Ok(hashed.into_parts().1)
    };
    differing_line(found, write)
        .map_err(|error| VerifyError { path: path.to_owned(), defect: Defect::Unreadable(error) })
}

/// The hash of a table's file.
fn digest_of(path: &Path) -> Result<Digest, VerifyError> {
    let mut hashed = Hashed::new(open_table(path)?);
    let read = io::copy(&mut (&mut hashed).take(limits::TABLE_BYTES), &mut io::sink());
    read.map_err(|error| VerifyError { path: path.to_owned(), defect: Defect::Unreadable(error) })?;
    Ok(hashed.into_parts().1)
}

/// Compares `found` with the bytes that `write` writes. Returns the result of `write`, or the first line, from 1, in
/// which they differ.
///
/// # Errors
/// Those of reading.
fn differing_line<R: BufRead, T>(
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

/// A writer that compares the bytes written to it with those of a reader, and fails at the first difference.
struct Compared<R> {
    found: R,
    /// The line that is being compared, from 1.
    line: u64,
    differs: bool,
}

impl<R> Compared<R> {
    /// The line in which they differ if one has ended and the other continues with this byte. At a line break it is
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
