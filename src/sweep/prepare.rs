//! A sweep from what was asked for, with what the scenario's `[sweep]` table says where nothing was.

use std::ops::Range;

use crate::scenario::{Diagnostic, Document, Override, SweepTable, Varied, VariedValues};

use super::design::{Axis, Request};
use super::error::Error;
use super::experiment::{DesignSource, Experiment, Tables};
use super::outline::{Asked, Sort};
use super::sample::Sample;
use super::schedule::{Schedule, Shard};
use super::session::Sweep;

/// What is asked of a sweep. Where nothing is, the scenario's `[sweep]` table says, or the default holds.
#[derive(Clone, Debug)]
pub struct Wanted {
    /// The points, and how they were asked for.
    pub design: Option<(DesignSource, Asked)>,
    /// Whether the axes of the scenario's own table run side by side.
    pub zip: bool,
    /// What is set at every point.
    pub sets: Vec<Override>,
    /// Runs at each point.
    pub replicates: Option<u64>,
    /// The seed of everything random.
    pub seed: Option<u64>,
    /// Whether every run has luck of its own.
    pub independent: bool,
    /// Which part of the runs.
    pub shard: Shard,
    /// Which tables are wanted besides `runs.csv`.
    pub tables: Tables,
    /// The order of the rows of the finished `runs.csv`.
    pub sort: Sort,
    /// The scenario file's name, without folders.
    pub scenario: String,
}

/// Why a sweep cannot be made ready.
#[derive(Debug)]
pub enum Unprepared {
    /// The scenario's own table asks for something that cannot be.
    Table(Box<Diagnostic>),
    /// What was asked for cannot be.
    Asked(Error),
}

impl From<Error> for Unprepared {
    fn from(error: Error) -> Self {
        Self::Asked(error)
    }
}

impl Sweep {
    /// Makes a sweep ready: compiles the scenario, makes the points, validates every one of them on `jobs` threads.
    ///
    /// # Errors
    /// [`Unprepared`] if the scenario, the design or a point is not valid.
    pub fn prepare(document: Document, wanted: Wanted, jobs: usize) -> Result<Self, Unprepared> {
        let table = document.sweep().unwrap_or_default();
        let (source, asked) = match wanted.design {
            Some(design) => design,
            None => of_table(&table, wanted.zip, &document).map_err(Unprepared::Table)?,
        };
        let seed = wanted.seed.or(table.seed).unwrap_or(0);
        let experiment = Experiment::new(document, &wanted.sets, source, seed, jobs)?;
        let schedule = Schedule {
            points: experiment.points().count(),
            replicates: wanted.replicates.or(table.replicates).unwrap_or(1),
            seed,
            independent: wanted.independent || table.independent.unwrap_or(false),
        };
        schedule.check()?;
        let Wanted { shard, tables, sort, scenario, .. } = wanted;
        Ok(Self { experiment, schedule, shard, tables, sort, asked, scenario })
    }
}

/// The remedy where there is no better one.
const ASK: &str = "change what the table asks for";

/// The design that a `[sweep]` table asks for; `zip` says that its axes run side by side though it does not say so.
///
/// # Errors
/// A diagnostic with the place in the file.
pub fn of_table(table: &SweepTable, zip: bool, document: &Document) -> Result<(DesignSource, Asked), Box<Diagnostic>> {
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
        let message = "`sweep.over` names what to sample, but there is no `sample`";
        let error = Diagnostic::error("sweep/design", message, document.place("sweep.over"));
        return Err(Box::new(error.help("write `sample = \"lhs:100\"` beside it, or remove it")));
    }
    let texts = table.vary.iter().map(|varied| format!("{}={}", varied.name, varied.values)).collect();
    let zip = zip || table.zip.unwrap_or(false);
    let request = Request { vary, zip, sample, over: table.over.clone() };
    let asked = Asked::of(&request, texts);
    Ok((DesignSource::Request(request), asked))
}

/// What is wrong with a scenario's `[sweep]` table: nothing if the sweep that it asks for can be run.
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
