//! Prepares a sweep from a request, with defaults from the scenario's `[sweep]` table.

use std::ops::Range;

use crate::scenario::{Diagnostic, Document, Override, SweepTable, Varied, VariedValues};

use super::design::{Axis, Request};
use super::error::Error;
use super::experiment::{DesignSource, Experiment, Tables};
use super::outline::{Asked, Sort};
use super::sample::Sample;
use super::schedule::{Schedule, Shard};
use super::session::Sweep;

/// The request for a sweep. A value that is missing is taken from the scenario's `[sweep]` table, or else is the
/// default.
#[derive(Clone, Debug)]
pub struct Wanted {
    /// The points, and the request for them.
    pub design: Option<(DesignSource, Asked)>,
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
pub enum Unprepared {
    /// The scenario's own table is not valid.
    Table(Box<Diagnostic>),
    /// The request is not valid.
    Asked(Error),
}

impl From<Error> for Unprepared {
    fn from(error: Error) -> Self {
        Self::Asked(error)
    }
}

impl Sweep {
    /// Prepares a sweep: compiles the scenario, builds the points and validates all of them on `jobs` threads.
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

/// The suggestion if there is no specific one.
const ASK: &str = "change what the table asks for";

/// The design of a `[sweep]` table; `zip` pairs its axes one to one even if the table does not.
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
        let message = "`sweep.over` selects parameters to sample, but there is no `sample`";
        let error = Diagnostic::error("sweep/design", message, document.place("sweep.over"));
        return Err(Box::new(error.help("write `sample = \"lhs:100\"` beside it, or remove it")));
    }
    let texts = table.vary.iter().map(|varied| format!("{}={}", varied.name, varied.values)).collect();
    let zip = zip || table.zip.unwrap_or(false);
    let request = Request { vary, zip, sample, over: table.over.clone() };
    let asked = Asked::of(&request, texts);
    Ok((DesignSource::Request(request), asked))
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
