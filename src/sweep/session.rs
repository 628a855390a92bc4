//! The course of a sweep: creating or resuming its folder, the runs, the summary, and the manifest.

use std::fs;
use std::ops::Range;
use std::path::{Path, PathBuf};

use super::error::{Error, ErrorKind};
use super::execute::{Next, execute};
use super::experiment::{Experiment, Tables};
use super::outline::{DesignRecord, Outline, Sort, differences};
use super::read_rows::RowReader;
use super::schedule::{Schedule, Shard};
use super::store::{JOURNAL, Order, Store, UNSORTED, digest_of, first_journal, journal_of, sort_file};
use super::summary::Summary;
use super::worker::{Memory, Rows, Worker};
use crate::engine::{self, Plan, Run, RunOptions};
use crate::model::Model;
use crate::scenario::{Options, Override, SetValue, compile};
use crate::store::limits::MANIFEST_BYTES;
use crate::store::{
    Digest, Folder, Lock, MANIFEST, Manifest, ManifestError, OverrideRecord, RunRow, digest, input_files, is_inside,
    open_file, read_file, remove_partial, write_file,
};
use crate::table::Column;
use crate::table::Csv;

/// A sweep that is ready to run.
#[derive(Debug)]
pub struct Sweep {
    /// The points, and how to run them.
    pub experiment: Experiment,
    /// Replicates and seeds.
    pub schedule: Schedule,
    /// The shard.
    pub shard: Shard,
    /// The tables that are written besides `runs.csv`.
    pub tables: Tables,
    /// The order of the rows of the finished `runs.csv`.
    pub sort: Sort,
    /// The request for points.
    pub design: DesignRecord,
    /// The file name of the scenario, without folders.
    pub scenario: String,
}

/// The destination of the results.
#[derive(Clone, Copy, Debug)]
pub enum Output<'a> {
    /// Nowhere: only the summary is kept.
    Nowhere,
    /// Into a new folder.
    New {
        /// The folder.
        folder: &'a Path,
        /// Whether existing files may be replaced.
        force: bool,
    },
    /// Into the folder of an interrupted sweep with the same arguments, or a new folder if there is none.
    Resumed(&'a Path),
}

/// The progress of a sweep.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    /// Finished runs, including those of earlier sessions.
    pub done: u64,
    /// All runs.
    pub total: u64,
    /// Runs that were finished before this session.
    pub before: u64,
}

/// The result of a sweep.
#[derive(Debug)]
pub struct Report {
    /// The runs at each point.
    pub summary: Summary,
    /// The progress at the end.
    pub progress: Progress,
}

impl Report {
    /// Whether all runs are done.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        self.progress.done == self.progress.total
    }
}

/// The destination of the rows of runs.
enum Destination<'a> {
    /// It never changes.
    Nowhere,
    /// Into an open folder.
    Folder(&'a mut Store),
    /// Into memory, given the columns of `runs.csv`.
    Memory(&'a mut Memory, &'a [Column]),
}

/// The open folder of a sweep.
pub(super) struct OpenSweep {
    pub(super) store: Store,
    next: u64,
}

impl Sweep {
    /// The runs of this sweep or shard.
    #[must_use]
    pub fn range(&self) -> Range<u64> {
        self.shard.range(self.schedule.runs())
    }

    /// The overrides of a run: those for all points, then those of its point.
    #[must_use]
    pub fn overrides(&self, number: u64) -> Vec<Override> {
        let points = self.experiment.points();
        let varied = points.names.iter().zip(points.values(self.schedule.slot(number).point));
        let varied = varied.map(|(name, &value)| Override { name: name.clone(), value });
        self.experiment.sets().iter().cloned().chain(varied).collect()
    }

    /// Repeats a single run of this sweep with its log, and returns its model too.
    ///
    /// # Errors
    /// An [`Error`] if the point is not valid, which cannot happen for a prepared sweep.
    pub fn run_again(&self, number: u64) -> Result<(Model, Run), Error> {
        let options = Options { overrides: self.overrides(number), ..Options::default() };
        let model = compile(self.experiment.document(), &options)
            .map_err(|errors| Error::new(ErrorKind::Point, "the scenario is not valid").because(errors))?
            .model;
        let want = RunOptions { log: true, ..RunOptions::default() };
        let run = engine::run(&model, &Plan::new(&model), self.schedule.slot(number).run_seed, want);
        Ok((model, run))
    }

    /// The row of a run of this sweep in `runs.csv`, given its number and its model.
    ///
    /// # Panics
    /// Never: memory takes every row.
    #[must_use]
    pub fn row(&self, number: u64, model: &Model, run: &Run) -> Vec<u8> {
        let slot = self.schedule.slot(number);
        let varied = self.experiment.points().values(slot.point);
        let parameters: Vec<SetValue> = self.experiment.set_values().iter().chain(varied).copied().collect();
        let row = RunRow::of(run, (number, slot.point), slot.run_seed, &parameters);
        let mut bytes = Vec::new();
        let written = self.experiment.run_table().write(&mut Csv::rows(&mut bytes), model, &row);
        written.expect("memory takes every row");
        bytes
    }

    /// The description of the design in the manifest.
    #[must_use]
    pub fn outline(&self) -> Outline {
        let points = self.experiment.points();
        Outline {
            design: self.design.clone(),
            names: points.names.clone(),
            points: points.count(),
            design_sha256: self.experiment.design_digest().clone(),
            replicates: self.schedule.replicates,
            independent: self.schedule.independent,
            sort: self.sort,
            events: self.tables.events,
            series: self.tables.series,
            shard: (self.shard != Shard::WHOLE).then(|| self.shard.to_string()),
        }
    }

    /// The manifest, without the hashes of the tables.
    ///
    /// # Panics
    /// Never: an outline has string keys only.
    #[must_use]
    pub fn manifest(&self) -> Manifest {
        let overrides = self.experiment.sets().iter().map(OverrideRecord::from).collect();
        let range = self.range();
        Manifest {
            design: Some(serde_json::to_value(self.outline()).expect("an outline has string keys only")),
            runs: range.end - range.start,
            table_format: self.tables.format,
            ..Manifest::new(&self.scenario, self.experiment.document(), overrides, self.schedule.seed)
        }
    }

    /// Whether the finished `runs.csv` needs sorting. Shards are sorted when they are merged.
    fn is_sorted_last(&self) -> bool {
        self.sort == Sort::Point && self.shard == Shard::WHOLE
    }

    /// The names of the tables while they grow.
    fn growing(&self) -> Vec<&'static str> {
        let runs = if self.is_sorted_last() { UNSORTED } else { "runs.csv" };
        std::iter::once(runs).chain(self.tables.names().skip(1)).collect()
    }

    /// Executes the runs on `jobs` threads. `watch` receives the progress and returns whether to continue.
    ///
    /// # Errors
    /// An [`Error`] if the folder cannot be used or written. Finished runs are kept.
    pub fn run(
        &self,
        output: Output<'_>,
        jobs: usize,
        watch: &mut dyn FnMut(Progress) -> bool,
    ) -> Result<Report, Error> {
        self.schedule.check()?;
        let range = self.range();
        Summary::check(self.experiment.model(), self.experiment.points().count())?;
        let mut summary = Summary::new(self.experiment.model(), self.experiment.points().count());
        // Held to the end, even if nothing is left to run.
        let mut lock = None;
        let (folder, mut sitting) = match output {
            Output::Nowhere => (None, None),
            Output::New { folder, force } => (Some(folder), Some(self.begin(folder, force)?)),
            Output::Resumed(folder) if is_absent(folder) => (Some(folder), Some(self.begin(folder, false)?)),
            Output::Resumed(folder) => {
                lock = Some(Lock::to_write(folder)?);
                (Some(folder), self.resume(folder, &mut lock)?)
            }
        };
        let first = match (&folder, &sitting) {
            (None, _) => range.start,
            (Some(_), Some(sitting)) => sitting.next,
            // All runs are already finished.
            (Some(_), None) => range.end,
        };
        if let Some(folder) = folder {
            let runs = if sitting.is_some() { self.growing()[0] } else { "runs.csv" };
            self.read_back(&folder.join(runs), sitting.is_none(), range.start..first, &mut summary)?;
        }
        let mut progress =
            Progress { done: first - range.start, total: range.end - range.start, before: first - range.start };
        watch(progress);
        let to = match &mut sitting {
            Some(sitting) => Destination::Folder(&mut sitting.store),
            None => Destination::Nowhere,
        };
        let end = self.execute(first..range.end, jobs, to, &mut summary, &mut |end| {
            progress.done = end - range.start;
            watch(progress)
        })?;
        progress.done = end - range.start;
        if let (Some(folder), Some(sitting)) = (folder, sitting) {
            self.finish(folder, sitting.store, &summary, end == range.end)?;
        }
        drop(lock);
        Ok(Report { summary, progress })
    }

    /// Executes the runs on `jobs` threads and keeps their tables in memory. `watch` receives the progress and returns
    /// whether to continue.
    ///
    /// # Errors
    /// An [`Error`] if there are too many points or runs.
    pub fn collect(&self, jobs: usize, watch: &mut dyn FnMut(Progress) -> bool) -> Result<(Memory, Report), Error> {
        self.schedule.check()?;
        let range = self.range();
        Summary::check(self.experiment.model(), self.experiment.points().count())?;
        let mut summary = Summary::new(self.experiment.model(), self.experiment.points().count());
        let columns = self.experiment.typed_run_columns();
        let mut memory = Memory::new(&columns);
        memory.runs.reserve(usize::try_from(range.end - range.start).unwrap_or(usize::MAX));
        let mut progress = Progress { done: 0, total: range.end - range.start, before: 0 };
        watch(progress);
        let to = Destination::Memory(&mut memory, &columns);
        let end = self.execute(range.clone(), jobs, to, &mut summary, &mut |end| {
            progress.done = end - range.start;
            watch(progress)
        })?;
        progress.done = end - range.start;
        Ok((memory, Report { summary, progress }))
    }

    fn execute(
        &self,
        runs: Range<u64>,
        jobs: usize,
        mut to: Destination<'_>,
        summary: &mut Summary,
        watch: &mut dyn FnMut(u64) -> bool,
    ) -> Result<u64, Error> {
        let metrics = self.experiment.model().metrics.len();
        let mut done = runs.start;
        let columns = if let Destination::Memory(_, columns) = &to { Some(*columns) } else { None };
        let worker = || {
            let mut worker = Worker::new(&self.experiment, self.schedule, self.tables, columns);
            move |run, rows: &mut Rows| worker.run(run, rows)
        };
        execute(runs, self.experiment.jobs(jobs), worker, |batch: Option<(Range<u64>, Rows)>| {
            if let Some((range, mut rows)) = batch {
                match &mut to {
                    Destination::Nowhere => {}
                    Destination::Memory(memory, _) => {
                        let more = rows.memory.take().map_or(Ok(()), |more| memory.append(more));
                        more.map_err(|error| Error::new(ErrorKind::Limit, error.to_string()))?;
                    }
                    Destination::Folder(store) => {
                        let all = [
                            (true, &rows.runs),
                            (self.tables.events, &rows.events),
                            (self.tables.series, &rows.series),
                        ];
                        let tables: Vec<&[u8]> =
                            all.into_iter().filter(|(wanted, _)| *wanted).map(|(_, bytes)| bytes.as_slice()).collect();
                        store.append(range.end, &tables)?;
                    }
                }
                for (at, facts) in rows.facts.iter().enumerate() {
                    summary.add(*facts, &rows.metrics[at * metrics..(at + 1) * metrics]);
                }
                done = range.end;
            }
            Ok(if watch(done) { Next::Continue } else { Next::Stop })
        })
    }

    /// Creates a new folder with a manifest marked incomplete, the design, and tables without rows.
    pub(super) fn begin(&self, folder: &Path, force: bool) -> Result<OpenSweep, Error> {
        let claimed = Folder::claim(folder, force)?;
        let headers = self.experiment.headers(self.tables);
        let names = self.growing();
        let bytes: Vec<&[u8]> = headers.iter().map(|(_, bytes)| bytes.as_slice()).collect();
        let first = self.range().start;
        let journal = first_journal(first, &bytes);
        let design = self.experiment.points().to_csv();
        let mut manifest = self.manifest();
        manifest.files.insert("design.csv".into(), self.experiment.design_digest().clone());
        let manifest = manifest.to_json();
        let inputs = input_files(self.experiment.document());
        let mut files: Vec<(&str, &[u8])> = names.iter().copied().zip(bytes.iter().copied()).collect();
        files.extend(inputs.iter().map(|(name, bytes)| (name.as_str(), *bytes)));
        files.push(("design.csv", &design));
        files.push((JOURNAL, journal.as_bytes()));
        files.push((MANIFEST, manifest.as_bytes()));
        claimed.write(&files)?;
        let (store, next) = Store::open(folder, &names, first, claimed.into_locks())?;
        Ok(OpenSweep { store, next })
    }

    /// Opens the folder of an interrupted sweep; `None` if nothing is left to do. Its lock moves to the result.
    fn resume(&self, folder: &Path, lock: &mut Option<Lock>) -> Result<Option<OpenSweep>, Error> {
        let old = read_manifest(folder)?;
        let name = folder.display().to_string();
        let outline = Outline::of(&old, &name)?;
        self.check_same(&name, &old, &outline)?;
        let schedule = Schedule { replicates: outline.replicates, ..self.schedule };
        self.check_manifest(folder, &old, self.shard.range(schedule.runs()))?;
        let range = self.range();
        check_unchanged(folder, &old)?;
        if old.complete && outline.replicates == self.schedule.replicates {
            clear(folder)?;
            return Ok(None);
        }
        if old.complete {
            self.reopen(folder, &outline, schedule.runs())?;
        }
        let locks = lock.take().into_iter().collect();
        let (store, next) = Store::open(folder, &self.growing(), range.start, locks)?;
        if next > range.end {
            let message = format!("`{name}` has {} runs already, more than the {} asked for", next, range.end);
            return Err(Error::new(ErrorKind::Mismatch, message));
        }
        if outline.replicates != self.schedule.replicates {
            self.write_manifest(folder, &[], false)?;
        }
        Ok(Some(OpenSweep { store, next }))
    }

    fn check_same(&self, name: &str, old: &Manifest, outline: &Outline) -> Result<(), Error> {
        let mut differing = differences((old, outline), (&self.manifest(), &self.outline()));
        let part = outline.part()?;
        if part != self.shard {
            differing.push(format!("the shard was {part}, and is {}", self.shard));
        }
        let (before, now) = (outline.replicates, self.schedule.replicates);
        if now < before {
            differing.push(format!("there were {before} replicates, and {now} are asked for"));
        } else if now > before && self.shard != Shard::WHOLE {
            differing.push(format!("a shard of {before} replicates cannot become one of {now}"));
        }
        if differing.is_empty() {
            return Ok(());
        }
        let message = format!("`{name}` holds another sweep: {}", differing.join("; "));
        let help = if self.shard == Shard::WHOLE {
            "give the same arguments as before, or another `--out`; only `--replicates` may grow"
        } else {
            "give the same arguments as before, or another `--out`; more replicates can be added once the shards are merged"
        };
        Err(Error::new(ErrorKind::Mismatch, message).help(help))
    }

    /// Checks that the manifest is exactly what this program writes for the sweep, whose differences from this one have
    /// been reported. `runs` are the finished runs.
    pub(super) fn check_manifest(&self, folder: &Path, old: &Manifest, runs: Range<u64>) -> Result<(), Error> {
        let mut files = vec!["design.csv".to_owned()];
        if old.complete {
            files.extend(["summary.csv"].into_iter().chain(self.tables.names()).map(str::to_owned));
            files.extend(files.clone().iter().filter_map(|name| self.tables.format.beside(name)));
        }
        files.sort_unstable();
        let expected = Manifest {
            // The name of the scenario file and the texts of the request may differ.
            scenario: old.scenario.clone(),
            design: old.design.clone(),
            complete: old.complete,
            files: old.files.clone(),
            runs: runs.end - runs.start,
            ..self.manifest()
        };
        let design = old.files.get("design.csv");
        let is_right =
            *old == expected && old.files.keys().eq(&files) && design == Some(self.experiment.design_digest());
        if is_right {
            return Ok(());
        }
        let message =
            format!("the manifest of `{}` differs from what the program writes for this sweep", folder.display());
        Err(Error::new(ErrorKind::Mismatch, message).help("it was edited; start again with `--force`"))
    }

    /// Reopens a finished sweep for more replicates.
    fn reopen(&self, folder: &Path, outline: &Outline, runs: u64) -> Result<(), Error> {
        if self.is_sorted_last() {
            let order = Order::ByRun { points: outline.points, replicates: outline.replicates };
            sort_file(&folder.join("runs.csv"), &folder.join(UNSORTED), order, runs)?;
        }
        let tables = self.growing();
        let mut lines = Vec::new();
        for name in &tables {
            let path = folder.join(name);
            let io = |error: std::io::Error| Error::io("read", &path, &error);
            let length = open_file(&path).and_then(|file| file.metadata()).map_err(io)?.len();
            lines.push((length, digest_of(&path).map_err(io)?));
        }
        let journal = journal_of(self.range().start + runs, &lines);
        write_file(&folder.join(JOURNAL), journal.as_bytes())?;
        self.write_manifest(folder, &[], false)?;
        self.remove_beside(folder)
    }

    /// Reads existing rows into the summary.
    fn read_back(&self, path: &Path, finished: bool, runs: Range<u64>, summary: &mut Summary) -> Result<(), Error> {
        if runs.is_empty() {
            return Ok(());
        }
        let mut reader = RowReader::new(&self.experiment);
        if finished && self.is_sorted_last() {
            // Sums are computed in the order of the runs.
            let unsorted = path.with_file_name(UNSORTED);
            let order = Order::ByRun { points: self.schedule.points, replicates: self.schedule.replicates };
            sort_file(path, &unsorted, order, runs.end - runs.start)?;
            let result = reader.read_file(&unsorted, runs, summary);
            fs::remove_file(&unsorted).map_err(|error| Error::io("remove", &unsorted, &error))?;
            return result;
        }
        reader.read_file(path, runs, summary)
    }

    /// Ends a session: writes the summary, and if all runs are finished, the complete manifest.
    pub(super) fn finish(
        &self,
        folder: &Path,
        mut store: Store,
        summary: &Summary,
        complete: bool,
    ) -> Result<(), Error> {
        store.sync().map_err(|error| Error::io("write", folder, &error))?;
        let text = self.experiment.summary_csv(summary);
        write_file(&folder.join("summary.csv"), &text)?;
        if !complete {
            return Ok(());
        }
        let mut files = store.digests();
        files.push(("summary.csv".into(), digest(&text)));
        if self.is_sorted_last() {
            let order = Order::ByPoint { points: self.schedule.points, replicates: self.schedule.replicates };
            let runs = folder.join("runs.csv");
            sort_file(&folder.join(UNSORTED), &runs, order, self.schedule.runs())?;
            files.retain(|(name, _)| name != UNSORTED);
            files.push(("runs.csv".into(), digest_of(&runs).map_err(|error| Error::io("read", &runs, &error))?));
        }
        files.extend(self.write_beside(folder, summary)?);
        self.write_manifest(folder, &files, true)?;
        if self.is_sorted_last() {
            let unsorted = folder.join(UNSORTED);
            fs::remove_file(&unsorted).map_err(|error| Error::io("remove", &unsorted, &error))?;
        }
        store.close()
    }

    fn write_manifest(&self, folder: &Path, files: &[(String, Digest)], complete: bool) -> Result<(), Error> {
        let mut manifest = self.manifest();
        manifest.complete = complete;
        manifest.files.insert("design.csv".into(), self.experiment.design_digest().clone());
        manifest.files.extend(files.iter().cloned());
        Ok(write_file(&folder.join(MANIFEST), manifest.to_json().as_bytes())?)
    }
}

/// The number of finished runs in a folder that another process may be writing.
#[must_use]
pub fn done_in(folder: &Path, runs: Range<u64>) -> u64 {
    let length = runs.end - runs.start;
    match read_manifest(folder) {
        Ok(manifest) if manifest.complete => length,
        Ok(_) => super::store::last_end(folder).map_or(0, |end| end.clamp(runs.start, runs.end) - runs.start),
        Err(_) => 0,
    }
}

/// Removes files that a crash at the very end may have left in a complete folder.
fn clear(folder: &Path) -> Result<(), Error> {
    for name in [JOURNAL, UNSORTED] {
        let path = folder.join(name);
        match fs::remove_file(&path) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                return Err(Error::io("remove", &path, &error));
            }
            _ => {}
        }
    }
    Ok(remove_partial(folder)?)
}

/// Whether a folder contains an unfinished sweep.
#[must_use]
pub fn is_begun(folder: &Path) -> bool {
    folder.join(JOURNAL).exists() && read_manifest(folder).is_ok_and(|manifest| !manifest.complete)
}

/// Checks that the files listed in the manifest are unchanged.
pub(super) fn check_unchanged(folder: &Path, manifest: &Manifest) -> Result<(), Error> {
    for (name, expected) in &manifest.files {
        let path = folder.join(name);
        // A forged manifest may name files elsewhere.
        if !is_inside(name) {
            let message = format!("the manifest names a file outside of `{}`", folder.display());
            return Err(Error::new(ErrorKind::Mismatch, message).help("start again with `--force`"));
        }
        let found = digest_of(&path).map_err(|error| Error::io("read", &path, &error))?;
        if found != *expected {
            let message = format!("`{}` was changed after the sweep", path.display());
            return Err(Error::new(ErrorKind::Mismatch, message).help("start again with `--force`"));
        }
    }
    Ok(())
}

fn is_absent(folder: &Path) -> bool {
    fs::read_dir(folder)
        .map_or_else(|error| error.kind() == std::io::ErrorKind::NotFound, |mut all| all.next().is_none())
}

/// The manifest of a folder.
pub(super) fn read_manifest(folder: &Path) -> Result<Manifest, Error> {
    let path: PathBuf = folder.join(MANIFEST);
    let bytes = read_file(&path, MANIFEST_BYTES).map_err(|error| {
        let error = Error::io("read", &path, &error);
        error.help("give the folder that `sweep --out` wrote")
    })?;
    let at = |message: &str, line: usize, column: usize| {
        let error = Error::new(ErrorKind::Mismatch, message);
        error.at(&path.display().to_string(), line as u64, column as u64)
    };
    let manifest = Manifest::from_json(&String::from_utf8_lossy(&bytes)).map_err(|error| match error {
        ManifestError::Malformed { message, line, column } => {
            at(&format!("the manifest is not valid: {message}"), line, column)
        }
        ManifestError::Version { found } => {
            let message = format!(
                "`{}` was written by {found}, and this is {} {}",
                folder.display(),
                crate::store::PROGRAM,
                env!("CARGO_PKG_VERSION")
            );
            Error::new(ErrorKind::Mismatch, message)
                .help("continue with the same version, or start again with `--force`")
        }
        ManifestError::Scenario => {
            let message = format!("the scenario in the manifest of `{}` was changed", folder.display());
            Error::new(ErrorKind::Mismatch, message)
        }
        ManifestError::Edited => {
            let message = format!("the manifest of `{}` does not match its own hash", folder.display());
            Error::new(ErrorKind::Mismatch, message).help("the manifest was edited; start again with `--force`")
        }
    })?;
    match manifest.first_respelt(&bytes) {
        None => Ok(manifest),
        Some(line) => Err(at("the line differs from what the program writes", usize::try_from(line).unwrap_or(0), 1)
            .help("the manifest was edited; start again with `--force`")),
    }
}
