//! Gets a sweep ready: from a request, with defaults from the scenario's `[sweep]` table, or from the folder of a sweep or
//! shard, with its scenario, its points and its seeds.

use std::ops::Range;
use std::path::Path;

use super::design::{Axis, Request};
use super::error::{Error, ErrorKind};
use super::experiment::{DesignSource, Experiment, Tables};
use super::limits;
use super::outline::{DesignRecord, Outline, Sort};
use super::points::{Points, read_design};
use super::read_rows::RowReader;
use super::sample::Sample;
use super::schedule::{Schedule, Shard};
use super::session::{Sweep, check_unchanged, read_manifest};
use super::summary::{RunStats, Summary};
use crate::scenario::{Diagnostic, Document, Override, SweepTable, Varied, VariedValues};
use crate::store::{Manifest, StoredInputs, digest, read_file};

/// The options of a sweep. A value that is missing is taken from the scenario's `[sweep]` table, or else is the
/// default.
#[derive(Clone, Debug)]
pub struct SweepOptions {
    /// The points, and how they were requested.
    pub design: Option<(DesignSource, DesignRecord)>,
    /// Whether the axes of the scenario's own table are paired one to one.
    pub zip: bool,
    /// The overrides for every point.
    pub sets: Vec<Override>,
    /// Runs at each point.
    pub replicates: Option<u64>,
    /// The seed of everything random.
    pub seed: Option<u64>,
    /// Whether every run has random numbers of its own.
    pub independent: bool,
    /// The shard.
    pub shard: Shard,
    /// The tables wanted besides `runs.csv`.
    pub tables: Tables,
    /// The order of the rows of the finished `runs.csv`.
    pub sort: Sort,
    /// The file name of the scenario, without folders.
    pub scenario: String,
}

/// The reason why a sweep cannot be prepared.
#[derive(Debug)]
pub enum PrepareError {
    /// The scenario's own table is not valid.
    Table(Box<Diagnostic>),
    /// The request is not valid.
    Request(Error),
}

impl From<Error> for PrepareError {
    fn from(error: Error) -> Self {
        Self::Request(error)
    }
}

impl Sweep {
    /// Prepares a sweep: compiles the scenario, builds the points and validates all of them on `jobs` threads.
    ///
    /// # Errors
    /// [`PrepareError`] if the scenario, the design or a point is not valid.
    pub fn prepare(document: Document, options: SweepOptions, jobs: usize) -> Result<Self, PrepareError> {
        let table = document.sweep().unwrap_or_default();
        let (source, design) = match options.design {
            Some(design) => design,
            None => of_table(&table, options.zip, &document).map_err(PrepareError::Table)?,
        };
        let seed = options.seed.or(table.seed).unwrap_or(0);
        let experiment = Experiment::new(document, &options.sets, source, seed, jobs)?;
        let schedule = Schedule {
            points: experiment.points().count(),
            replicates: options.replicates.or(table.replicates).unwrap_or(1),
            seed,
            independent: options.independent || table.independent.unwrap_or(false),
        };
        schedule.check()?;
        let SweepOptions { shard, tables, sort, scenario, .. } = options;
        Ok(Self { experiment, schedule, shard, tables, sort, design, scenario })
    }
}

/// The suggestion if there is no specific one.
const ASK: &str = "change what the table asks for";

/// The design of a `[sweep]` table; `zip` pairs its axes one to one even if the table does not.
///
/// # Errors
/// A diagnostic with the place in the file.
pub fn of_table(
    table: &SweepTable,
    zip: bool,
    document: &Document,
) -> Result<(DesignSource, DesignRecord), Box<Diagnostic>> {
    let wrong = |error: &Error, place: Option<Range<usize>>| {
        let help = error.remedy().map(str::to_owned);
        Box::new(Diagnostic::error("sweep/design", error.message(), place).help(ASK).maybe_help(help))
    };
    let axis = |varied: &Varied| {
        let axis = match &varied.values {
            VariedValues::Text(text) => Axis::of(&varied.name, text),
            VariedValues::List(values) => Axis::list(&varied.name, values.clone()),
        };
        axis.map_err(|error| wrong(&error, Some(varied.span.clone())))
    };
    let vary: Vec<Axis> = table.vary.iter().map(axis).collect::<Result<_, _>>()?;
    let sample = table.sample.as_deref().map(Sample::parse).transpose();
    let sample = sample.map_err(|error| wrong(&error, document.place("sweep.sample")))?;
    if sample.is_none() && !table.over.is_empty() {
        let message = "`sweep.over` selects parameters to sample, but there is no `sample`";
        let error = Diagnostic::error("sweep/design", message, document.place("sweep.over"));
        return Err(Box::new(error.help("write `sample = \"lhs:100\"` beside it, or remove it")));
    }
    let texts = table.vary.iter().map(|varied| format!("{}={}", varied.name, varied.values)).collect();
    let zip = zip || table.zip.unwrap_or(false);
    let request = Request { vary, zip, sample, over: table.over.clone() };
    let design = DesignRecord::of(&request, texts);
    Ok((DesignSource::Request(request), design))
}

/// Checks a scenario's `[sweep]` table; returns no diagnostics if its sweep can be run.
#[must_use]
pub fn check_table(document: &Document, jobs: usize) -> Vec<Diagnostic> {
    let Some(table) = document.sweep() else { return Vec::new() };
    let place = document.place("sweep");
    let located = |error: &Error| {
        let whole = Diagnostic::error("sweep/design", error.to_string(), place.clone());
        let whole = whole.help(ASK).maybe_help(error.remedy().map(str::to_owned));
        std::iter::once(whole).chain(error.diagnostics().iter().cloned()).collect()
    };
    let source = match of_table(&table, false, document) {
        Ok((source, _)) => source,
        Err(error) => return vec![*error],
    };
    let seed = table.seed.unwrap_or(0);
    let points = match Experiment::check(document.clone(), source, seed, jobs) {
        Ok(points) => points,
        Err(error) => return located(&error),
    };
    let schedule = Schedule { points, replicates: table.replicates.unwrap_or(1), seed, independent: false };
    schedule.check().map_or_else(|error| located(&error), |()| Vec::new())
}

/// The sweep of a folder, finished or not. For a shard, the whole sweep.
///
/// # Errors
/// An [`Error`] if it is not the folder of a sweep, or its contents are inconsistent.
pub fn recorded(folder: &Path) -> Result<Sweep, Error> {
    let manifest = read_manifest(folder)?;
    let outline = Outline::of(&manifest, &folder.display().to_string())?;
    let sweep = whole(folder, &manifest, &outline)?;
    let own = Sweep { shard: outline.part()?, ..sweep };
    own.check_manifest(folder, &manifest, own.range())?;
    if manifest.complete {
        check_unchanged(folder, &manifest)?;
    }
    Ok(Sweep { shard: Shard::WHOLE, ..own })
}

/// The sweep or shard of a finished folder, and the summary of its runs, read from `runs.csv`.
///
/// # Errors
/// As [`recorded`], and if the sweep is not finished.
pub fn summarized(folder: &Path) -> Result<(Sweep, Summary), Error> {
    let sweep = finished(folder)?;
    let (model, points) = (sweep.experiment.model(), sweep.experiment.points().count());
    Summary::check(model, points)?;
    let mut summary = Summary::new(model, points);
    let mut reader = RowReader::new(&sweep.experiment);
    sweep.each_row(folder, &mut reader, &mut |facts, metrics| summary.add(*facts, metrics))?;
    Ok((sweep, summary))
}

/// The sweep of a finished folder, whole or a part.
pub(super) fn finished(folder: &Path) -> Result<Sweep, Error> {
    let manifest = read_manifest(folder)?;
    let outline = Outline::of(&manifest, &folder.display().to_string())?;
    let sweep = Sweep { shard: outline.part()?, ..recorded(folder)? };
    if !manifest.complete {
        let error = Error::new(ErrorKind::Mismatch, format!("the sweep in `{}` is not finished", folder.display()));
        return Err(error.help("finish it with `--resume`"));
    }
    Ok(sweep)
}

impl Sweep {
    /// Passes on the rows of `runs.csv` in a finished folder with their metrics.
    pub(super) fn each_row(
        &self,
        folder: &Path,
        reader: &mut RowReader<'_>,
        each: &mut dyn FnMut(&RunStats, &[f64]),
    ) -> Result<(), Error> {
        let path = folder.join("runs.csv");
        let Schedule { points, replicates, .. } = self.schedule;
        if self.shard == Shard::WHOLE && self.sort == Sort::Point {
            let by_point = (0..points).flat_map(|point| (0..replicates).map(move |at| at * points + point));
            reader.each_row(&path, by_point, points, each)
        } else {
            reader.each_row(&path, self.range(), points, each)
        }
    }
}

/// The whole sweep that a manifest and its outline describe.
pub(super) fn whole(folder: &Path, manifest: &Manifest, outline: &Outline) -> Result<Sweep, Error> {
    let wrong = |message: &str| Error::new(ErrorKind::Mismatch, message);
    let mut inputs = StoredInputs::of(folder, &manifest.inputs);
    let document =
        Document::open(&manifest.scenario, manifest.scenario_text.as_bytes(), &mut inputs).map_err(|unreadable| {
            let first = unreadable.diagnostics.first().map_or("", |first| &first.message);
            wrong(&format!("the scenario in the manifest is not valid: {first}"))
                .because(unreadable.diagnostics.clone())
        })?;
    let path = folder.join("design.csv");
    let bytes = read_file(&path, limits::DESIGN_BYTES).map_err(|error| Error::io("read", &path, &error))?;
    if digest(&bytes) != outline.design_sha256 {
        return Err(wrong("`design.csv` was changed after the sweep").help("start again with `--force`"));
    }
    let points =
        if outline.names.is_empty() { Points::single() } else { read_design(&path.display().to_string(), &bytes)? };
    if points.count() != outline.points || points.names != outline.names {
        return Err(wrong("the design differs from the one in the manifest"));
    }
    let sets: Vec<Override> = manifest.overrides.iter().map(Override::from).collect();
    let schedule = Schedule {
        points: outline.points,
        replicates: outline.replicates,
        seed: manifest.seed,
        independent: outline.independent,
    };
    schedule.check()?;
    Ok(Sweep {
        experiment: Experiment::trusted(document, &sets, points)?,
        schedule,
        shard: Shard::WHOLE,
        tables: outline.tables(manifest.table_format),
        sort: outline.sort,
        design: outline.design.clone(),
        scenario: manifest.scenario.clone(),
    })
}
