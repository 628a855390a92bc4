//! A prepared sweep: every point is validated, and the cheapest way to run it is known.
//!
//! A point that changes only parameters, or other numbers in the setup, is a list of settings applied to one compiled
//! model. A point that changes the model itself (the size of a cohort, a date) is compiled for its runs; a limited
//! number of such models is cached.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::panic::resume_unwind;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use super::design::{Request, grid};
use super::error::{Error, ErrorKind, quoted};
use super::limits;
use super::points::Points;
use super::sample::sample;
use super::summary::Summary;
use crate::engine::{Plan, Setting};
use crate::model::{Clock, Model, ParameterId, Target};
use crate::scenario::{Diagnostic, Document, Options, Override, Recheck, SetValue, canonical, compile};
use crate::store::{Digest, RunTable, digest, set_columns};
use crate::table::{Column, Columns, Csv, EventColumn, Format, Kind, SeriesColumn, Sink, fixed_columns};
use crate::trace::set_cell;

/// The source of the points.
#[derive(Clone, Debug)]
pub enum DesignSource {
    /// A grid, a sample, or both.
    Request(Request),
    /// A list of points.
    Points(Points),
}

/// A sweep made ready.
#[derive(Debug)]
pub struct Experiment {
    document: Document,
    model: Model,
    plan: Plan,
    /// Warnings of the scenario.
    pub warnings: Vec<Diagnostic>,
    points: Points,
    /// The hash of `design.csv`, computed on first use.
    design: OnceLock<Digest>,
    sets: Vec<Override>,
    /// Names and values that were set, each name once.
    fixed: (Vec<String>, Vec<SetValue>),
    points_as: PointSettings,
    models: Mutex<BTreeMap<u64, Arc<(Model, Plan)>>>,
}

/// How points are run.
#[derive(Debug)]
enum PointSettings {
    /// Each name is this parameter.
    Parameters(Vec<ParameterId>),
    /// By point: the settings; `None` if the point needs a model of its own.
    Settings(Vec<Option<Box<[Setting]>>>),
}

/// Which tables are written besides `runs.csv`, and in which format besides CSV.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tables {
    /// `events.csv`
    pub events: bool,
    /// `series.csv`
    pub series: bool,
    /// The format of a second file beside each table.
    pub format: Format,
}

impl Tables {
    /// The names of the tables that grow with the runs.
    pub(super) fn names(self) -> impl Iterator<Item = &'static str> {
        let all = [(true, "runs.csv"), (self.events, "events.csv"), (self.series, "series.csv")];
        all.into_iter().filter(|(wanted, _)| *wanted).map(|(_, name)| name)
    }
}

impl Experiment {
    /// An experiment whose points have been validated before, for merging results.
    pub(super) fn trusted(document: Document, sets: &[Override], points: Points) -> Result<Self, Error> {
        let mut experiment = Self::compiled(document, sets)?;
        experiment.points = points;
        if !experiment.points.names.is_empty() {
            experiment.model = experiment.compile_point(0).map_err(|errors| experiment.wrong_point(0, errors))?;
            experiment.plan = Plan::new(&experiment.model);
        }
        Ok(experiment)
    }

    /// An experiment with a single point at which nothing is varied.
    fn compiled(document: Document, sets: &[Override]) -> Result<Self, Error> {
        let base = compiled(&document, sets)
            .map_err(|diagnostics| Error::new(ErrorKind::Point, "the scenario is not valid").because(diagnostics))?;
        Ok(Self {
            plan: Plan::new(&base.model),
            model: base.model,
            warnings: base.warnings,
            document,
            points: Points::single(),
            design: OnceLock::new(),
            sets: sets.to_vec(),
            fixed: set_columns(sets),
            points_as: PointSettings::Parameters(Vec::new()),
            models: Mutex::new(BTreeMap::new()),
        })
    }

    /// Compiles a document, builds the points and validates all of them.
    ///
    /// # Errors
    /// An [`Error`] if the document, the design or a point is not valid, with the diagnostics of the scenario.
    pub fn new(
        document: Document,
        sets: &[Override],
        source: DesignSource,
        seed: u64,
        jobs: usize,
    ) -> Result<Self, Error> {
        let mut experiment = Self::compiled(document, sets)?;
        experiment.points = experiment.points_of(source, seed)?;
        Summary::check(&experiment.model, experiment.points.count())?;
        experiment.settle(jobs)?;
        Ok(experiment)
    }

    /// As [`Experiment::new`], but validates only a sample of very many points: evenly spread, including the first and
    /// the last, [`limits::CHECKED`] at most, and fewer for large models. Returns the number of all points.
    ///
    /// # Errors
    /// As [`Experiment::new`].
    pub(super) fn check(document: Document, source: DesignSource, seed: u64, jobs: usize) -> Result<u64, Error> {
        let mut experiment = Self::compiled(document, &[])?;
        let all = experiment.points_of(source, seed)?;
        let count = all.count();
        let some =
            count.min(limits::CHECKED).min(limits::CHECKED_PARTS / parts(&experiment.model).max(1)).max(2).min(count);
        let spread = |at: u64| if some < 2 { 0 } else { at * (count - 1) / (some - 1) };
        Summary::check(&experiment.model, count)?;
        experiment.points = Points::new(all.names.clone(), (0..some).map(|at| all.values(spread(at)).to_vec()))?;
        experiment.settle(jobs)?;
        Ok(count)
    }

    /// The points of a source, with checked names.
    fn points_of(&self, source: DesignSource, seed: u64) -> Result<Points, Error> {
        let set_names: Vec<String> = self.sets.iter().map(|set| set.name.clone()).collect();
        let points = match source {
            DesignSource::Points(points) => points,
            DesignSource::Request(request) => {
                let grid = grid(&request.vary, request.zip)?;
                match request.sample {
                    Some(wanted) => sample(&self.model, &grid, wanted, &request.over, &set_names, seed)?,
                    None => grid,
                }
            }
        };
        for name in &points.names {
            if set_names.iter().any(|set| canonical(set) == canonical(name)) {
                return Err(Error::new(ErrorKind::Design, format!("{} is both set and varied", quoted(name))));
            }
        }
        Ok(points)
    }

    /// Validates the points and determines how to run them.
    fn settle(&mut self, jobs: usize) -> Result<(), Error> {
        if self.points.names.is_empty() || self.points.count() == 0 {
            return Ok(());
        }
        let first = self.compile_point(0).map_err(|diagnostics| self.wrong_design(diagnostics))?;
        self.model = first;
        self.plan = Plan::new(&self.model);
        let parameter = |name: &String| {
            let id = canonical(name);
            self.model.parameters.iter().position(|parameter| parameter.id == id).map(ParameterId::at)
        };
        let parameters: Option<Vec<ParameterId>> = self.points.names.iter().map(parameter).collect();
        self.points_as = match parameters {
            Some(parameters) => {
                self.recheck(&parameters, jobs)?;
                PointSettings::Parameters(parameters)
            }
            None => PointSettings::Settings(self.differences(jobs)?),
        };
        Ok(())
    }

    fn overrides(&self, point: u64) -> Vec<Override> {
        let varied = self.points.names.iter().zip(self.points.values(point));
        let varied = varied.map(|(name, &value)| Override { name: name.clone(), value });
        self.sets.iter().cloned().chain(varied).collect()
    }

    fn compile_point(&self, point: u64) -> Result<Model, Vec<Diagnostic>> {
        compiled(&self.document, &self.overrides(point)).map(|compiled| compiled.model)
    }

    /// The error of the first point, which may be due to the varied names.
    fn wrong_design(&self, diagnostics: Vec<Diagnostic>) -> Error {
        if !diagnostics.iter().all(|diagnostic| diagnostic.code.starts_with("set/")) {
            return self.wrong_point(0, diagnostics);
        }
        let error = Error::new(ErrorKind::Design, "the design varies a name that the scenario does not have")
            .help("give the names of parameters, or the dotted paths of values in the file");
        match self.points.place(0) {
            Some((file, _)) => error.at(file, 1, 1),
            None => error,
        }
        .because(diagnostics)
    }

    fn wrong_point(&self, point: u64, diagnostics: Vec<Diagnostic>) -> Error {
        let message = format!("the scenario is not valid at {}", self.points.describe(point));
        Error::new(ErrorKind::Point, message).maybe_at(self.points.place(point)).because(diagnostics)
    }

    /// Validates points that differ only in parameters, without compiling the document again for valid ones.
    fn recheck(&self, parameters: &[ParameterId], jobs: usize) -> Result<(), Error> {
        self.for_points(jobs, || {
            let mut recheck = Recheck::new(&self.model);
            let mut values = self.model.setup.parameters.clone();
            move |point| {
                let mut are_numbers = true;
                for (parameter, value) in parameters.iter().zip(self.points.values(point)) {
                    let number = value.number(&self.model.clock);
                    let is_whole = number.is_some_and(|number| number.fract().abs() <= 0.0);
                    are_numbers &= number.is_some() && (is_whole || !self.model.parameters[parameter.index()].whole);
                    values[parameter.index()] = number.unwrap_or(f64::NAN);
                }
                if are_numbers && recheck.holds(&values) { Ok(()) } else { self.compile_point(point).map(|_| ()) }
            }
        })
        .map(|_| ())
    }

    /// For each point, the numbers in which its setup differs from that of the first; compiles each point once.
    fn differences(&self, jobs: usize) -> Result<Vec<Option<Box<[Setting]>>>, Error> {
        let worked_out: BTreeSet<Target> =
            self.model.fields.iter().flat_map(|field| field.targets.iter().copied()).collect();
        let compiled = AtomicU64::new(0);
        let is_too_much = || compiled.load(Ordering::Relaxed) > limits::POINT_PARTS;
        let differences = self.for_points(jobs.min(self.models_at_once()), || {
            |point| {
                if is_too_much() {
                    return Ok(None);
                }
                let model = self.compile_point(point)?;
                compiled.fetch_add(parts(&model), Ordering::Relaxed);
                let settings = if self.model.is_like(&model) { self.model.setup.differing(&model.setup) } else { None };
                Ok(settings.map(|mut settings| {
                    settings.retain(|(target, _)| !worked_out.contains(target));
                    settings.into_boxed_slice()
                }))
            }
        });
        if is_too_much() {
            let message = format!(
                "the models of {} points have more than {} actors and commitments",
                self.points.count(),
                limits::POINT_PARTS
            );
            let help = "vary fewer values, or only parameters, which need no model of their own";
            return Err(Error::new(ErrorKind::Limit, message).help(help));
        }
        differences
    }

    /// The number of models of this size that may be in use at once.
    fn models_at_once(&self) -> usize {
        usize::try_from(limits::WORKING_PARTS / parts(&self.model).max(1)).unwrap_or(limits::JOBS).max(1)
    }

    /// The number of threads that may run points: limited if points have models of their own.
    pub(super) fn jobs(&self, wanted: usize) -> usize {
        let jobs = wanted.clamp(1, limits::JOBS);
        match &self.points_as {
            PointSettings::Settings(points) if points.iter().any(Option::is_none) => jobs.min(self.models_at_once()),
            PointSettings::Settings(_) | PointSettings::Parameters(_) => jobs,
        }
    }

    /// Calls a function for every point on several threads. The results are in the order of the points, and the error
    /// is that of the first point with one.
    fn for_points<T, W>(&self, jobs: usize, worker: impl Fn() -> W + Sync) -> Result<Vec<T>, Error>
    where
        T: Send,
        W: FnMut(u64) -> Result<T, Vec<Diagnostic>>,
    {
        let count = self.points.count();
        let jobs = (jobs.clamp(1, limits::JOBS) as u64).min(count.div_ceil(64)).max(1);
        let part = |job: u64| {
            let mut check = worker();
            let points = count * job / jobs..count * (job + 1) / jobs;
            points.map(|point| check(point).map_err(|diagnostics| (point, diagnostics))).collect::<Result<Vec<T>, _>>()
        };
        let part = &part;
        let parts: Vec<_> = std::thread::scope(|scope| {
            let start = |job| std::thread::Builder::new().spawn_scoped(scope, move || part(job)).map_err(|_| job);
            let threads: Vec<_> = (0..jobs).map(start).collect();
            let end = |thread: Result<std::thread::ScopedJoinHandle<'_, _>, u64>| match thread {
                Ok(thread) => thread.join().unwrap_or_else(|panic| resume_unwind(panic)),
                // If the system refuses a thread, this one does its part.
                Err(job) => part(job),
            };
            threads.into_iter().map(end).collect()
        });
        let mut all = Vec::new();
        for part in parts {
            all.extend(part.map_err(|(point, diagnostics)| self.wrong_point(point, diagnostics))?);
        }
        Ok(all)
    }

    /// The scenario.
    #[must_use]
    pub fn document(&self) -> &Document {
        &self.document
    }

    /// The model to which every point applies its settings.
    #[must_use]
    pub fn model(&self) -> &Model {
        &self.model
    }

    /// The points.
    #[must_use]
    pub fn points(&self) -> &Points {
        &self.points
    }

    /// The hash of `design.csv`, computed once.
    pub(super) fn design_digest(&self) -> &Digest {
        self.design.get_or_init(|| digest(&self.points.to_csv()))
    }

    /// The overrides.
    #[must_use]
    pub fn sets(&self) -> &[Override] {
        &self.sets
    }

    /// The names of the columns for parameters that were set or varied.
    #[must_use]
    pub fn columns(&self) -> Vec<String> {
        self.fixed.0.iter().chain(&self.points.names).cloned().collect()
    }

    /// The columns of `runs.csv`.
    #[must_use]
    pub fn run_table(&self) -> RunTable {
        RunTable::new(&self.model, &self.columns())
    }

    /// The columns of `runs.csv`, with the kinds of parameter columns taken from their values.
    #[must_use]
    pub fn typed_run_columns(&self) -> Vec<Column> {
        self.typed(self.run_table().columns())
    }

    /// The columns of a table with each that was set or varied being of the kind of its values.
    pub(super) fn typed(&self, columns: &[Column]) -> Vec<Column> {
        let fixed = self.fixed.0.iter().zip(&self.fixed.1);
        let kinds: BTreeMap<&String, Kind> =
            fixed.map(|(name, &value)| (name, Columns::kind_of(std::iter::once(set_cell(value))))).collect();
        let mut columns = self.points.typed(columns);
        for column in &mut columns {
            if column.kind == Kind::Set {
                column.kind = kinds.get(&column.name).copied().unwrap_or(Kind::Text);
            }
        }
        columns
    }

    /// The clock of a point: that of the model, unless the beginning of steps varies.
    fn clocks(&self) -> impl Fn(u64) -> Clock {
        let dates_vary = self.points.names.iter().any(|name| ["time.start", "time.step"].contains(&name.as_str()));
        move |point| {
            let own = if dates_vary { self.compile_point(point).ok() } else { None };
            own.map_or(self.model.clock, |model| model.clock)
        }
    }

    /// Whether the dates of some point are written with a time of day.
    pub(super) fn has_times(&self) -> bool {
        let clock = self.clocks();
        (0..self.points.count()).map(clock).any(|clock| clock.has_times())
    }

    /// Writes the rows of `summary.csv`.
    ///
    /// # Errors
    /// Those of the sink.
    pub fn write_summary<S: Sink>(&self, summary: &Summary, sink: &mut S) -> io::Result<()> {
        summary.write(sink, &self.points, self.clocks())
    }

    /// The text of `summary.csv`.
    ///
    /// # Panics
    /// Never: memory takes every row.
    #[must_use]
    pub fn summary_csv(&self, summary: &Summary) -> Vec<u8> {
        let layout = summary.layout(&self.points.names);
        let table = Csv::table(layout.columns(), |sink| self.write_summary(summary, sink));
        table.expect("memory takes every row")
    }

    /// The header rows of the tables.
    pub(super) fn headers(&self, tables: Tables) -> Vec<(&'static str, Vec<u8>)> {
        let header = |columns: &[Column]| {
            let mut bytes = Vec::new();
            Csv::header(&mut bytes, columns);
            bytes
        };
        let mut headers = vec![("runs.csv", header(self.run_table().columns()))];
        if tables.events {
            headers.push(("events.csv", header(&fixed_columns::<EventColumn>())));
        }
        if tables.series {
            headers.push(("series.csv", header(&fixed_columns::<SeriesColumn>())));
        }
        headers
    }

    /// The values that were set, in the order of their columns.
    pub(super) fn set_values(&self) -> &[SetValue] {
        &self.fixed.1
    }

    /// The plan of the common model.
    pub(super) fn plan(&self) -> &Plan {
        &self.plan
    }

    /// Writes the settings of a point into `settings`, or returns the point's own model.
    pub(super) fn lay(&self, point: u64, settings: &mut Vec<Setting>) -> Option<Arc<(Model, Plan)>> {
        settings.clear();
        match &self.points_as {
            PointSettings::Parameters(parameters) => {
                let named = parameters.iter().zip(self.points.values(point));
                let clock = &self.model.clock;
                settings.extend(named.map(|(&parameter, value)| {
                    let number = value.number(clock).expect("every point has been validated");
                    (Target::Parameter(parameter), number)
                }));
            }
            PointSettings::Settings(by_point) => {
                let Some(own) = &by_point[usize::try_from(point).expect("the number of points is limited")] else {
                    return Some(self.own_model(point));
                };
                settings.extend_from_slice(own);
            }
        }
        None
    }

    /// The model of a point that needs its own.
    fn own_model(&self, point: u64) -> Arc<(Model, Plan)> {
        let models = || self.models.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = models().get(&point) {
            return Arc::clone(known);
        }
        let model = self.compile_point(point).expect("every point has been validated");
        let plan = Plan::new(&model);
        let made = Arc::new((model, plan));
        let mut models = models();
        let kept: u64 = models.values().map(|kept| parts(&kept.0)).sum();
        if models.len() < limits::MODELS && kept + parts(&made.0) <= limits::MODEL_PARTS {
            models.insert(point, Arc::clone(&made));
        }
        made
    }
}

/// The number of actors and instances of commitments, a measure of the size of a model.
fn parts(model: &Model) -> u64 {
    (model.instances.len() + model.actors.len()) as u64
}

/// Compiles a document with these overrides.
fn compiled(document: &Document, overrides: &[Override]) -> Result<crate::scenario::Compiled, Vec<Diagnostic>> {
    compile(document, &Options { overrides: overrides.to_vec(), ..Options::default() })
}
