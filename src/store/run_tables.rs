//! The tables of one run, which are written, hashed and compared row by row.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::io::{self, Write as _};
use std::panic::resume_unwind;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, Receiver, Sender, SyncSender, TrySendError};
use std::sync::{Mutex, PoisonError};
use std::thread;

use super::door::{Digest, Hashed};
use super::error::FolderError;
use super::folder::Folder;
use super::inputs::input_files;
use super::limits;
use super::manifest::{MANIFEST, Manifest};
use super::staging::{SingleFile, StagedFile, StagedFiles};
use super::tables::{
    RunRow, RunTable, Sampler, commitment_layout, set_columns, write_series, write_some_commitments, write_some_events,
};
use crate::engine::{LogObserver, Run, RunSeed};
use crate::model::{Entry, Model};
use crate::scenario::{Document, Override, SetValue};
use crate::table::{
    self, Column, Columns, Csv, CsvWriter, EventColumn, Format, Kind, SeriesColumn, Sink, Table, fixed_columns,
    in_part, parts, with_times,
};
use crate::trace::set_cell;

/// The tables of one run, also of one that was folded from its log.
#[derive(Clone, Copy, Debug)]
pub struct RunTables<'a> {
    /// The first model of the run, whose draws are in the log.
    pub first: &'a Model,
    /// The model that it ended with.
    pub last: &'a Model,
    /// The run.
    pub run: &'a Run,
    /// Its seed and replicate.
    pub run_seed: RunSeed,
    /// The stances and trust that were sampled, besides the metrics.
    pub sampler: &'a Sampler,
    /// The overrides, including those of forks.
    pub sets: &'a [Override],
}

/// A visitor of the tables of a run.
pub trait TableVisitor {
    /// Why it stops.
    type Error;

    /// Visits a table; `name` has no extension.
    ///
    /// # Errors
    /// As the visitor has them; no other table follows.
    fn table(&mut self, name: &'static str, table: &impl Table) -> Result<(), Self::Error>;
}

impl RunTables<'_> {
    /// Shows the tables in the order in which a reader would open them.
    ///
    /// # Errors
    /// Those of the visitor.
    pub fn visit<V: TableVisitor>(&self, visitor: &mut V) -> Result<(), V::Error> {
        let Self { first, last: model, run, run_seed, sampler, sets } = *self;
        visitor.table("events", &Events::of(first, &run.log))?;
        let dated = |columns: &[Column]| with_times(columns, model.clock.has_times());
        visitor.table("series", &Series { columns: dated(&fixed_columns::<SeriesColumn>()), model, run, sampler })?;
        let columns = dated(commitment_layout(model).columns());
        visitor.table("commitments", &Commitments { columns, model, run })?;
        let (names, parameters) = set_columns(sets);
        let table = RunTable::new(model, &names);
        let mut columns = dated(table.columns());
        let set = columns.iter_mut().filter(|column| column.kind == Kind::Set);
        for (column, &value) in set.zip(&parameters) {
            column.kind = Columns::kind_of(std::iter::once(set_cell(value)));
        }
        visitor.table("runs", &Runs { columns, table, model, run, run_seed, parameters })
    }

    /// Writes one table to a sink.
    ///
    /// # Errors
    /// Those of the sink.
    ///
    /// # Panics
    /// If there is no table of that name.
    pub fn rows<S: Sink>(&self, name: &str, sink: &mut S) -> io::Result<()> {
        struct One<'a, S>(&'a str, &'a mut S, bool);
        impl<S: Sink> TableVisitor for One<'_, S> {
            type Error = io::Error;

            fn table(&mut self, name: &'static str, table: &impl Table) -> io::Result<()> {
                if name != self.0 {
                    return Ok(());
                }
                self.2 = true;
                table.rows(self.1)?;
                self.1.end()
            }
        }
        let mut one = One(name, sink, false);
        self.visit(&mut one)?;
        assert!(one.2, "a run has no table {name}");
        Ok(())
    }

    /// The SHA-256 of each as CSV, and in the format of the files beside, by the name of the file.
    ///
    /// # Panics
    /// If this program was built without the format; nothing is written that could fail.
    #[must_use]
    pub fn digests(&self, format: Format) -> BTreeMap<String, Digest> {
        struct Digests(Format, BTreeMap<String, Digest>);
        impl TableVisitor for Digests {
            type Error = Infallible;

            fn table(&mut self, name: &'static str, table: &impl Table) -> Result<(), Infallible> {
                for (format, name) in files(name, self.0) {
                    let mut hashed = Hashed::new(io::sink());
                    format.write(table, &mut hashed).expect("nothing is written");
                    self.1.insert(name, hashed.into_parts().1);
                }
                Ok(())
            }
        }
        let mut digests = Digests(format, BTreeMap::new());
        match self.visit(&mut digests) {
            Ok(()) => digests.1,
            Err(never) => match never {},
        }
    }
}

/// The files of a table, given its name and the format of the file beside that of CSV.
pub(super) fn files(name: &str, format: Format) -> impl Iterator<Item = (Format, String)> {
    let csv = format!("{name}.csv");
    let beside = format.beside(&csv).map(|name| (format, name));
    std::iter::once((Format::Csv, csv)).chain(beside)
}

/// Writes the folder of a run, whole or not at all: the tables, the files that the scenario refers to, and the
/// manifest, which gets the hashes of the tables.
///
/// # Errors
/// As [`Folder::write_with`].
pub fn write_run(
    folder: &Folder,
    tables: &RunTables<'_>,
    document: &Document,
    manifest: &Manifest,
) -> Result<(), FolderError> {
    struct Written<'s, 'f>(&'s mut StagedFiles<'f>, Manifest);
    impl TableVisitor for Written<'_, '_> {
        type Error = FolderError;

        fn table(&mut self, name: &'static str, table: &impl Table) -> Result<(), FolderError> {
            for (format, name) in files(name, self.1.table_format) {
                let digest = self.0.write_with(&name, |file| format.write(table, file))?;
                self.1.files.insert(name, digest);
            }
            Ok(())
        }
    }
    folder.write_with(&mut |staged| {
        let mut written = Written(staged, manifest.clone());
        tables.visit(&mut written)?;
        let Written(staged, manifest) = written;
        input_files(document).iter().try_for_each(|(name, bytes)| staged.write(name, bytes))?;
        staged.write(MANIFEST, manifest.to_json().as_bytes())
    })
}

/// Writes `events.csv`.
///
/// # Errors
/// Those of the writer.
pub fn write_log(out: impl io::Write, model: &Model, log: &[Entry]) -> io::Result<()> {
    CsvWriter::write(out, &Events::of(model, log)).map(drop)
}

/// The log of a run that is written to a file of its own: as far as possible while the run goes on, so that what is left at
/// its end is little. Nothing is at the place of the file before [`LogFile::finish`].
#[derive(Debug)]
pub struct LogFile<'a> {
    file: &'a SingleFile,
    model: &'a Model,
    begun: Option<Result<Begun, FolderError>>,
    /// The number of events that have been taken or copied out of the log of the run.
    passed: usize,
}

/// What was written while a run went on.
#[derive(Debug)]
struct Begun {
    staged: StagedFile,
    /// The number of events in it.
    events: usize,
    /// Those after it that were passed on.
    left: Vec<Vec<Entry>>,
}

impl Begun {
    /// Writes rows and clears them.
    fn write(&mut self, rows: &mut Vec<u8>) -> Result<(), FolderError> {
        let written = self.staged.write_all(rows);
        rows.clear();
        written.map_err(|error| self.staged.error(error))
    }
}

impl<'a> LogFile<'a> {
    /// The file for the log of a run of this model.
    #[must_use]
    pub fn new(file: &'a SingleFile, model: &'a Model) -> Self {
        Self { file, model, begun: None, passed: 0 }
    }

    /// Does a run that calls the follower of its log, and writes that beside it. Events are taken out of the log unless the
    /// run `keeps` it.
    pub fn during<R>(&mut self, keeps: bool, run: impl FnOnce(&LogObserver<'_>) -> R) -> R {
        if self.file.is_special() {
            // What is written there cannot be taken back.
            return run(&|_| {});
        }
        let (this, is_over) = (&*self, &AtomicBool::new(false));
        let (result, begun, passed) = thread::scope(|scope| {
            let start = |parts, done| {
                let write = move || this.write_parts(&parts, &done, is_over);
                thread::Builder::new().spawn_scoped(scope, write).ok()
            };
            let passing = Mutex::new(None);
            let result = run(&|log| {
                let mut passing = passing.lock().unwrap_or_else(PoisonError::into_inner);
                passing.get_or_insert_with(|| Passing::new(start)).pass(log, keeps);
            });
            is_over.store(true, Ordering::Relaxed);
            let passing = passing.into_inner().unwrap_or_else(PoisonError::into_inner);
            let (thread, passed) = passing.map_or((None, 0), Passing::end);
            (result, thread.map(|thread| thread.join().unwrap_or_else(|panic| resume_unwind(panic))), passed)
        });
        (self.begun, self.passed) = (begun, passed);
        result
    }

    /// Writes the parts of the log until the run is over, and gives back their memory.
    fn write_parts(
        &self,
        parts: &Receiver<Vec<Entry>>,
        done: &Sender<Vec<Entry>>,
        is_over: &AtomicBool,
    ) -> Result<Begun, FolderError> {
        let mut begun = Begun { staged: self.file.stage()?, events: 0, left: Vec::new() };
        let mut rows = Vec::new();
        // It is written here even if the run is over before the first of the events is.
        Csv::header(&mut rows, &Events::of(self.model, &[]).columns);
        begun.write(&mut rows)?;
        for part in parts {
            if is_over.load(Ordering::Relaxed) {
                // All threads together write the rest.
                begun.left.push(part);
                continue;
            }
            let formatted = write_some_events(&mut Csv::rows(&mut rows), self.model, 0, (begun.events, &part));
            formatted.map_err(|error| begun.staged.error(error))?;
            begun.events += part.len();
            let _ = done.send(part);
            begun.write(&mut rows)?;
        }
        Ok(begun)
    }

    /// Writes what is left of the log of the run, and puts the file in its place.
    ///
    /// # Errors
    /// A [`FolderError`] if the system reports an error; nothing is at its place then.
    pub fn finish(self, run: &Run) -> Result<(), FolderError> {
        let Self { file, model, begun, passed } = self;
        let Some(begun) = begun else { return file.write_with(|file| write_log(file, model, &run.log)) };
        let Begun { mut staged, events, left } = begun?;
        let unpassed = &run.log[run.log.len() - (run.events as usize - passed)..];
        let rest = Events::after(events, model, left.iter().map(Vec::as_slice).chain([unpassed]));
        let written = CsvWriter::rows(&mut staged).write_all(&rest).map(drop);
        written.map_err(|error| staged.error(error))?;
        staged.appear()
    }
}

/// Passes on a log to the thread that writes it.
struct Passing<T> {
    /// The thread, which ends when nobody can send anything any more.
    thread: Option<T>,
    send: SyncSender<Vec<Entry>>,
    /// Memory of the parts that have been written.
    done: Receiver<Vec<Entry>>,
    events: usize,
}

impl<T> Passing<T> {
    fn new(start: impl FnOnce(Receiver<Vec<Entry>>, Sender<Vec<Entry>>) -> Option<T>) -> Self {
        let ((send, parts), (give_back, done)) = (mpsc::sync_channel(limits::WAITING_PARTS), mpsc::channel());
        Self { thread: start(parts, give_back), send, done, events: 0 }
    }

    /// Passes on what is new of a log, unless too much waits for the thread. It is taken out unless the run `keeps` it.
    fn pass(&mut self, log: &mut Vec<Entry>, keeps: bool) {
        let mut part = self.done.try_recv().unwrap_or_default();
        part.clear();
        if keeps {
            part.extend_from_slice(&log[self.events..]);
        } else {
            part.reserve_exact(log.len());
            std::mem::swap(log, &mut part);
        }
        let events = part.len();
        match self.send.try_send(part) {
            Ok(()) => self.events += events,
            // If the thread is late, it gets this later; if it has failed, it says so at the end.
            Err(TrySendError::Full(part) | TrySendError::Disconnected(part)) => {
                if !keeps {
                    *log = part;
                }
            }
        }
    }

    /// The thread, which gets nothing more, and the number of events that it has got.
    fn end(self) -> (Option<T>, usize) {
        (self.thread, self.events)
    }
}

/// The events of a run, in parts that follow each other.
#[derive(Debug)]
pub(super) struct Events<'a> {
    columns: Vec<Column>,
    model: &'a Model,
    /// Each with the position of its first event.
    parts: Vec<(usize, &'a [Entry])>,
}

impl<'a> Events<'a> {
    pub(super) fn of(model: &'a Model, log: &'a [Entry]) -> Self {
        Self::after(0, model, [log])
    }

    /// Those after the first of a run.
    fn after(mut first: usize, model: &'a Model, logs: impl IntoIterator<Item = &'a [Entry]>) -> Self {
        let columns = with_times(&fixed_columns::<EventColumn>(), model.clock.has_times());
        let parts = logs.into_iter().flat_map(|log| log.chunks(table::limits::PART_ROWS));
        let numbered = parts.map(|part| {
            first += part.len();
            (first - part.len(), part)
        });
        Self { columns, model, parts: numbered.collect() }
    }
}

impl Table for Events<'_> {
    fn columns(&self) -> &[Column] {
        &self.columns
    }

    fn parts(&self) -> usize {
        self.parts.len()
    }

    fn part<S: Sink>(&self, part: usize, sink: &mut S) -> io::Result<()> {
        write_some_events(sink, self.model, 0, self.parts[part])
    }
}

/// The metrics of a run at each step, and the sampled stances and trust.
struct Series<'a> {
    columns: Vec<Column>,
    model: &'a Model,
    run: &'a Run,
    sampler: &'a Sampler,
}

impl Table for Series<'_> {
    fn columns(&self) -> &[Column] {
        &self.columns
    }

    fn part<S: Sink>(&self, _: usize, sink: &mut S) -> io::Result<()> {
        write_series(sink, self.model, 0, &self.run.samples, self.sampler)
    }
}

/// The commitments of a run with their final states.
struct Commitments<'a> {
    columns: Vec<Column>,
    model: &'a Model,
    run: &'a Run,
}

impl Table for Commitments<'_> {
    fn columns(&self) -> &[Column] {
        &self.columns
    }

    fn parts(&self) -> usize {
        parts(self.model.instances.len())
    }

    fn part<S: Sink>(&self, part: usize, sink: &mut S) -> io::Result<()> {
        let some = in_part(part, self.model.instances.len());
        write_some_commitments(sink, self.model, 0, (&self.run.setup, &self.run.world), some)
    }
}

/// The one row of a run.
struct Runs<'a> {
    columns: Vec<Column>,
    table: RunTable,
    model: &'a Model,
    run: &'a Run,
    run_seed: RunSeed,
    parameters: Vec<SetValue>,
}

impl Table for Runs<'_> {
    fn columns(&self) -> &[Column] {
        &self.columns
    }

    fn part<S: Sink>(&self, _: usize, sink: &mut S) -> io::Result<()> {
        self.table.write(sink, self.model, &RunRow::of(self.run, (0, 0), self.run_seed, &self.parameters))
    }
}
