//! A sweep made ready: every point validated, and for each the cheapest way to run it.
//!
//! A point that changes parameters only, or other numbers that stand in the setup, is a few settings
//! laid over one compiled model. A point that changes the model itself (a cohort's size, a date) is
//! compiled for its runs; a limited number of such models is kept.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::sync::{Arc, Mutex, PoisonError};

use sha2::{Digest as _, Sha256};

use super::design::{Points, Request, canonical, grid};
use super::error::{Error, ErrorKind, quoted};
use super::limits;
use super::sample::sample;
use super::schedule::{Schedule, Slot};
use crate::engine::{self, Plan, Run, Setting, Simulation, Want};
use crate::log::{
    EVENT_COLUMNS, Namer, Numbered, RunCells, SERIES_COLUMNS, Sampler, push_run, run_header, write_events, write_series,
};
use crate::model::{Amount, Ending, Model, ParameterId, Setup, Target};
use crate::scenario::{Diagnostic, Document, Options, Override, Recheck, compile};

/// Points whose faults are reported.
const REPORTED: usize = 5;

/// Where the points come from.
#[derive(Clone, Debug)]
pub enum Source {
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
    /// What is legal but surely not meant.
    pub warnings: Vec<Diagnostic>,
    points: Points,
    sets: Vec<Override>,
    /// Names and values of what was set, each name once.
    fixed: (Vec<String>, Vec<f64>),
    points_as: PointsAs,
    models: Mutex<BTreeMap<u64, Arc<(Model, Plan)>>>,
}

/// How points are run.
#[derive(Debug)]
enum PointsAs {
    /// Each name is this parameter.
    Parameters(Vec<ParameterId>),
    /// By point: the settings; none where the point has a model of its own.
    Settings(Vec<Option<Box<[Setting]>>>),
}

/// Which tables are written besides `runs.csv`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tables {
    /// `events.csv`
    pub events: bool,
    /// `series.csv`
    pub series: bool,
}

impl Tables {
    /// The names of the tables that grow with the runs.
    pub(super) fn names(self) -> impl Iterator<Item = &'static str> {
        let all = [(true, "runs.csv"), (self.events, "events.csv"), (self.series, "series.csv")];
        all.into_iter().filter(|(wanted, _)| *wanted).map(|(_, name)| name)
    }
}

impl Experiment {
    /// The experiment of points that have been validated before, for putting results together.
    pub(super) fn trusted(document: Document, sets: &[Override], points: Points) -> Result<Self, Error> {
        let mut experiment = Self::compiled(document, sets)?;
        experiment.points = points;
        if !experiment.points.names.is_empty() {
            experiment.model = experiment.compile_point(0).map_err(|errors| experiment.wrong_point(0, errors))?;
            experiment.plan = Plan::new(&experiment.model);
        }
        Ok(experiment)
    }

    /// The experiment of a document at one point, with nothing varied.
    fn compiled(document: Document, sets: &[Override]) -> Result<Self, Error> {
        let base = compiled(&document, sets)
            .map_err(|diagnostics| Error::new(ErrorKind::Point, "the scenario is not valid").because(diagnostics))?;
        Ok(Self {
            plan: Plan::new(&base.model),
            model: base.model,
            warnings: base.warnings,
            document,
            points: Points::single(),
            sets: sets.to_vec(),
            fixed: fixed(sets),
            points_as: PointsAs::Parameters(Vec::new()),
            models: Mutex::new(BTreeMap::new()),
        })
    }

    /// Compiles a document, makes the points and validates every one of them.
    ///
    /// # Errors
    /// An [`Error`] if the document, the design or a point is not valid; the scenario's diagnostics are in it.
    pub fn new(document: Document, sets: &[Override], source: Source, seed: u64, jobs: usize) -> Result<Self, Error> {
        let mut experiment = Self::compiled(document, sets)?;
        let set_names: Vec<String> = sets.iter().map(|set| set.name.clone()).collect();
        let points = match source {
            Source::Points(points) => points,
            Source::Request(request) => {
                let grid = grid(&request.vary, request.zip)?;
                match request.sample {
                    Some(wanted) => sample(&experiment.model, &grid, wanted, &request.over, &set_names, seed)?,
                    None => grid,
                }
            }
        };
        for name in &points.names {
            if set_names.iter().any(|set| canonical(set) == canonical(name)) {
                return Err(Error::new(ErrorKind::Design, format!("{} is both set and varied", quoted(name))));
            }
        }
        experiment.points = points;
        experiment.settle(jobs)?;
        Ok(experiment)
    }

    /// Validates the points and finds out how to run them.
    fn settle(&mut self, jobs: usize) -> Result<(), Error> {
        if self.points.names.is_empty() || self.points.count() == 0 {
            return Ok(());
        }
        let first = self.compile_point(0).map_err(|diagnostics| self.wrong_point(0, diagnostics))?;
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
                PointsAs::Parameters(parameters)
            }
            None => PointsAs::Settings(self.differences(jobs)?),
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

    fn wrong_point(&self, point: u64, diagnostics: Vec<Diagnostic>) -> Error {
        let message = format!("the scenario is not valid at {}", self.points.describe(point));
        Error::new(ErrorKind::Point, message).maybe_at(self.points.place(point)).because(diagnostics)
    }

    /// Validates points that differ in parameters alone, without reading the document again where they are valid.
    fn recheck(&self, parameters: &[ParameterId], jobs: usize) -> Result<(), Error> {
        self.for_points(jobs, || {
            let mut recheck = Recheck::new(&self.model);
            let mut values = self.model.setup.parameters.clone();
            move |point| {
                for (parameter, value) in parameters.iter().zip(self.points.values(point)) {
                    values[parameter.index()] = *value;
                }
                if recheck.holds(&values) { Ok(()) } else { self.compile_point(point).map(|_| ()) }
            }
        })
        .map(|_| ())
    }

    /// For each point the numbers in which its setup differs from that of the first, compiling each once.
    fn differences(&self, jobs: usize) -> Result<Vec<Option<Box<[Setting]>>>, Error> {
        let worked_out: BTreeSet<Target> =
            self.model.fields.iter().flat_map(|field| field.targets.iter().copied()).collect();
        let mut first = self.model.clone();
        let shape = shape(&mut first, &self.model.setup);
        self.for_points(jobs, || {
            |point| {
                let mut model = self.compile_point(point)?;
                let settings = difference(&self.model.setup, &model.setup, &worked_out);
                let same = self::shape(&mut model, &self.model.setup) == shape;
                Ok(if same { settings.map(Vec::into_boxed_slice) } else { None })
            }
        })
    }

    /// Does something for every point on some threads; the results are in the order of the points.
    fn for_points<T, W>(&self, jobs: usize, worker: impl Fn() -> W + Sync) -> Result<Vec<T>, Error>
    where
        T: Send,
        W: FnMut(u64) -> Result<T, Vec<Diagnostic>>,
    {
        let count = self.points.count();
        let jobs = (jobs.clamp(1, limits::JOBS) as u64).min(count.div_ceil(64)).max(1);
        let parts: Vec<(Vec<T>, Vec<(u64, Vec<Diagnostic>)>)> = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..jobs)
                .map(|job| {
                    let worker = &worker;
                    scope.spawn(move || {
                        let mut check = worker();
                        let (mut found, mut wrong) = (Vec::new(), Vec::new());
                        for point in count * job / jobs..count * (job + 1) / jobs {
                            match check(point) {
                                Ok(value) => found.push(value),
                                Err(diagnostics) => wrong.push((point, diagnostics)),
                            }
                            if wrong.len() > REPORTED {
                                break;
                            }
                        }
                        (found, wrong)
                    })
                })
                .collect();
            threads.into_iter().map(|thread| thread.join().unwrap_or_default()).collect()
        });
        let mut all = Vec::new();
        let mut wrong = Vec::new();
        for (found, faults) in parts {
            all.extend(found);
            wrong.extend(faults);
        }
        match wrong.into_iter().next() {
            None => Ok(all),
            Some((point, diagnostics)) => Err(self.wrong_point(point, diagnostics)),
        }
    }

    /// The scenario.
    #[must_use]
    pub fn document(&self) -> &Document {
        &self.document
    }

    /// The model that every point lays its settings over.
    #[must_use]
    pub fn model(&self) -> &Model {
        &self.model
    }

    /// The points.
    #[must_use]
    pub fn points(&self) -> &Points {
        &self.points
    }

    /// What was set.
    #[must_use]
    pub fn sets(&self) -> &[Override] {
        &self.sets
    }

    /// The names of the columns for what was set or varied.
    #[must_use]
    pub fn columns(&self) -> Vec<String> {
        self.fixed.0.iter().chain(&self.points.names).cloned().collect()
    }

    /// The header rows of the tables.
    pub(super) fn headers(&self, tables: Tables) -> Vec<(&'static str, Vec<u8>)> {
        let line = |cells: Vec<String>| {
            let mut text = csv::WriterBuilder::new().terminator(csv::Terminator::Any(b'\n')).from_writer(Vec::new());
            // Writing to memory cannot fail.
            let _ = text.write_record(cells);
            text.into_inner().unwrap_or_default()
        };
        let owned = |columns: &[&str]| columns.iter().map(|&column| column.to_owned()).collect();
        let mut headers = vec![("runs.csv", line(run_header(&self.model, &self.columns())))];
        if tables.events {
            headers.push(("events.csv", line(owned(&EVENT_COLUMNS))));
        }
        if tables.series {
            headers.push(("series.csv", line(owned(&SERIES_COLUMNS))));
        }
        headers
    }

    /// What a thread needs to run points.
    pub(super) fn worker(&self, schedule: Schedule, tables: Tables) -> Worker<'_> {
        let want = Want { log: tables.events, series: tables.series, exchanged: false };
        Worker {
            experiment: self,
            schedule,
            tables,
            want,
            simulation: Simulation::new(&self.model, &self.plan, want),
            namer: Namer::new(&self.model),
            sampler: Sampler::new(&self.model, false, false),
            settings: Vec::new(),
            parameters: self.fixed.1.clone(),
        }
    }

    /// The model of a point that has one of its own.
    fn own_model(&self, point: u64) -> Arc<(Model, Plan)> {
        let models = || self.models.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = models().get(&point) {
            return Arc::clone(known);
        }
        let model = self.compile_point(point).expect("every point has been validated");
        let plan = Plan::new(&model);
        let made = Arc::new((model, plan));
        let mut models = models();
        if models.len() as u64 <= limits::MODELS {
            models.insert(point, Arc::clone(&made));
        }
        made
    }

    /// One run, as it would be without a sweep around it.
    #[must_use]
    pub fn single(&self, slot: Slot, want: Want) -> Run {
        let model = match self.compile_point(slot.point) {
            Ok(model) => model,
            Err(_) => self.model.clone(),
        };
        engine::run(&model, &Plan::new(&model), slot.luck, want)
    }
}

/// Compiles a document with these overrides.
fn compiled(document: &Document, overrides: &[Override]) -> Result<crate::scenario::Compiled, Vec<Diagnostic>> {
    compile(document, &Options { overrides: overrides.to_vec(), ..Options::default() })
}

/// Columns and values of what was set; of a name given twice the later counts.
fn fixed(sets: &[Override]) -> (Vec<String>, Vec<f64>) {
    let mut columns: Vec<(String, f64)> = Vec::new();
    for set in sets {
        match columns.iter_mut().find(|(name, _)| *name == set.name) {
            Some((_, value)) => *value = set.value,
            None => columns.push((set.name.clone(), set.value)),
        }
    }
    columns.into_iter().unzip()
}

/// A hash of all that is in a model but its setup, which is replaced by `setup`.
fn shape(model: &mut Model, setup: &Setup) -> [u8; 32] {
    struct Hasher(Sha256);
    impl std::fmt::Write for Hasher {
        fn write_str(&mut self, text: &str) -> std::fmt::Result {
            self.0.update(text.as_bytes());
            Ok(())
        }
    }
    model.setup.clone_from(setup);
    let mut hasher = Hasher(Sha256::new());
    // Hashing cannot fail.
    let _ = write!(hasher, "{model:?}");
    hasher.0.finalize().into()
}

/// The numbers in which another setup of the same shape differs, but for those that are worked out in each run; none
/// where settings cannot say it exactly.
fn difference(base: &Setup, other: &Setup, worked_out: &BTreeSet<Target>) -> Option<Vec<Setting>> {
    let mut found = Vec::new();
    let numbers: [(&[f64], &[f64], fn(usize) -> Target); 14] = [
        (&base.parameters, &other.parameters, |at| Target::Parameter(ParameterId::at(at))),
        (&base.stances, &other.stances, Target::Stance),
        (&base.anchors, &other.anchors, Target::Anchor),
        (&base.susceptibility, &other.susceptibility, Target::Susceptibility),
        (&base.volatility, &other.volatility, Target::Volatility),
        (&base.credit_offer, &other.credit_offer, Target::CreditOffer),
        (&base.credit_bond, &other.credit_bond, Target::CreditBond),
        (&base.attributes, &other.attributes, Target::Attribute),
        (&base.trust_pairs, &other.trust_pairs, Target::TrustPair),
        (&base.influence, &other.influence, Target::Influence),
        (&base.cost, &other.cost, Target::Cost),
        (&base.success, &other.success, Target::Success),
        (&base.meeting_influence, &other.meeting_influence, Target::MeetingInfluence),
        (&base.effects, &other.effects, Target::Effect),
    ];
    let single = [
        (base.pace, other.pace, Target::Pace),
        (base.trust_default, other.trust_default, Target::TrustDefault),
        (base.trust_strength, other.trust_strength, Target::TrustStrength),
        (base.trust_kept, other.trust_kept, Target::TrustKept),
        (base.trust_broken, other.trust_broken, Target::TrustBroken),
        (base.trust_suspended, other.trust_suspended, Target::TrustSuspended),
        (base.trust_witness, other.trust_witness, Target::TrustWitness),
    ];
    for (base, other, target) in numbers {
        if base.len() != other.len() {
            return None;
        }
        for (at, (a, b)) in base.iter().zip(other).enumerate() {
            if a.to_bits() != b.to_bits() {
                found.push((target(at), *b));
            }
        }
    }
    found.extend(single.iter().filter(|(a, b, _)| a.to_bits() != b.to_bits()).map(|&(_, b, target)| (target, b)));
    for (at, (a, b)) in base.gives.iter().zip(&other.gives).enumerate() {
        if a != b {
            let value = b.to_units();
            if Amount::from_units(value) != *b {
                return None;
            }
            found.push((Target::Gives(at), value));
        }
    }
    let whole: [(&[u32], &[u32], fn(usize) -> Target); 2] =
        [(&base.lead, &other.lead, Target::Lead), (&base.over, &other.over, Target::Over)];
    for (base, other, target) in whole {
        let differing = base.iter().zip(other).enumerate().filter(|(_, (a, b))| a != b);
        found.extend(differing.map(|(at, (_, b))| (target(at), f64::from(*b))));
    }
    let optional: [(&[Option<u32>], &[Option<u32>], fn(usize) -> Target); 2] =
        [(&base.grace, &other.grace, Target::Grace), (&base.due, &other.due, Target::Due)];
    for (base, other, target) in optional {
        for (at, (a, b)) in base.iter().zip(other).enumerate() {
            match (a, b) {
                (Some(a), Some(b)) if a != b => found.push((target(at), f64::from(*b))),
                (Some(_), None) | (None, Some(_)) => return None,
                _ => {}
            }
        }
    }
    found.retain(|(target, _)| !worked_out.contains(target));
    Some(found)
}

/// The rows of some consecutive runs, and what the summary needs of them.
#[derive(Debug, Default)]
pub(super) struct Rows {
    /// Rows of `runs.csv`.
    pub(super) runs: Vec<u8>,
    /// Rows of `events.csv`.
    pub(super) events: Vec<u8>,
    /// Rows of `series.csv`.
    pub(super) series: Vec<u8>,
    /// For each run what the summary needs, but its metrics.
    pub(super) facts: Vec<Fact>,
    /// For each run its metrics; NaN where there is none.
    pub(super) metrics: Vec<f64>,
}

/// What the summary needs of a run, but its metrics.
#[derive(Clone, Copy, Debug)]
pub(super) struct Fact {
    pub(super) point: u64,
    pub(super) ending: Option<Ending>,
    pub(super) reached_step: Option<u32>,
    pub(super) gap: Option<u32>,
    pub(super) history: u64,
}

impl super::execute::Stretch for Rows {
    fn size(&self) -> usize {
        let facts = self.facts.len() * size_of::<Fact>() + self.metrics.len() * size_of::<f64>();
        self.runs.len() + self.events.len() + self.series.len() + facts
    }
}

/// What a thread needs to run points.
pub(super) struct Worker<'a> {
    experiment: &'a Experiment,
    schedule: Schedule,
    tables: Tables,
    want: Want,
    simulation: Simulation<'a>,
    namer: Namer<'a>,
    sampler: Sampler,
    settings: Vec<Setting>,
    /// Values of what was set, then of what varies.
    parameters: Vec<f64>,
}

impl Worker<'_> {
    /// Does a run and adds its rows.
    pub(super) fn run(&mut self, run: u64, rows: &mut Rows) {
        let slot = self.schedule.slot(run);
        let values = self.experiment.points.values(slot.point);
        self.parameters.truncate(self.experiment.fixed.1.len());
        self.parameters.extend_from_slice(values);
        self.settings.clear();
        match &self.experiment.points_as {
            PointsAs::Parameters(parameters) => {
                let named = parameters.iter().zip(values);
                self.settings.extend(named.map(|(&parameter, &value)| (Target::Parameter(parameter), value)));
            }
            PointsAs::Settings(settings) => {
                if let Some(settings) = &settings[usize::try_from(slot.point).expect("the number of points is limited")]
                {
                    self.settings.extend_from_slice(settings);
                } else {
                    let own = self.experiment.own_model(slot.point);
                    let (model, plan) = &*own;
                    let run = engine::run(model, plan, slot.luck, self.want);
                    let writer = Writer { model, namer: &Namer::new(model), sampler: &self.sampler };
                    writer.write(slot, &run, &self.parameters, self.tables, rows);
                    return;
                }
            }
        }
        let run = self.simulation.run(&self.settings, slot.luck);
        let writer = Writer { model: &self.experiment.model, namer: &self.namer, sampler: &self.sampler };
        writer.write(slot, run, &self.parameters, self.tables, rows);
    }
}

/// Turns runs of a model into rows.
struct Writer<'a> {
    model: &'a Model,
    namer: &'a Namer<'a>,
    sampler: &'a Sampler,
}

impl Writer<'_> {
    fn write(&self, slot: Slot, run: &Run, parameters: &[f64], tables: Tables, rows: &mut Rows) {
        let history = run.history.text();
        let (ending, reached_step) = (run.result.as_ref().ok().copied(), run.reached_step());
        let cells = RunCells {
            numbers: [slot.run, slot.point, slot.luck.replicate, slot.luck.seed],
            parameters,
            status: run.result.as_ref().map_or_else(engine::Failure::status, |_| "ok"),
            ending,
            reached_step,
            steps: run.steps,
            gap: run.gap,
            metrics: &run.metrics,
            history: &history,
        };
        push_run(&mut rows.runs, self.model, &cells);
        let numbered = Numbered { run: slot.run, header: false };
        // Writing to memory cannot fail.
        if tables.events {
            let _ = write_events(&mut rows.events, self.namer, numbered, &run.log);
        }
        if tables.series {
            let _ = write_series(&mut rows.series, self.model, numbered, &run.samples, self.sampler);
        }
        let history = run.history.bits();
        rows.facts.push(Fact { point: slot.point, ending, reached_step, gap: run.gap, history });
        rows.metrics.extend(run.metrics.iter().map(|metric| metric.unwrap_or(f64::NAN)));
    }
}
