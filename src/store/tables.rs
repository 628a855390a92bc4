//! The rows of `runs.csv`, and those of `events.csv`, `series.csv` and `commitments.csv` in the order of the
//! simulation.

use std::collections::BTreeMap;
use std::fmt;
use std::io;
use std::ops::Range;

use crate::engine::{HistoryHash, Run, RunSeed, StorylineHash};
use crate::model::{Ending, Entry, InstanceId, Model, Setup, World, limits};
use crate::scenario::{Override, SetValue, canonical};
use crate::table::{
    Cell, Column, CommitmentColumn, Csv, Declared as _, EventColumn, Layout, Put, Row, RunColumn, SeriesColumn, Sink,
    fixed_columns,
};
use crate::trace::{Cells, cells, creditor_name, ending_name, set_cell};

/// One row of `runs.csv`, with borrowed data.
#[derive(Clone, Copy, Debug)]
pub struct RunRow<'a> {
    /// Number of the run, from 0.
    pub run: u64,
    /// Number of the design's point, from 0.
    pub point: u64,
    /// Replicate and seed.
    pub run_seed: RunSeed,
    /// Values of the parameters that were set or varied.
    pub parameters: &'a [SetValue],
    /// `ok`, or the name of the failure.
    pub status: &'a str,
    /// How the run ended; `None` if it failed.
    pub ending: Option<Ending>,
    /// Step at which the final outcome was reached.
    pub reached_step: Option<u32>,
    /// Steps completed.
    pub steps: u32,
    /// Size of the gap after the latest Exchange.
    pub gap: Option<u32>,
    /// The last value of each metric.
    pub metrics: &'a [Option<f64>],
    /// The hash of the history.
    pub history: HistoryHash,
    /// The hash of the storyline.
    pub storyline: StorylineHash,
}

impl<'a> RunRow<'a> {
    /// The row of a run, given its number and point, its seed, and the values that were set or varied.
    #[must_use]
    pub fn of(run: &'a Run, (number, point): (u64, u64), run_seed: RunSeed, parameters: &'a [SetValue]) -> Self {
        Self {
            run: number,
            point,
            run_seed,
            parameters,
            status: run.status(),
            ending: run.result.as_ref().ok().copied(),
            reached_step: run.reached_step(),
            steps: run.steps,
            gap: run.gap,
            metrics: &run.metrics,
            history: run.history,
            storyline: run.storyline,
        }
    }
}

/// The names and values of overrides; for a name given twice, the later value.
#[must_use]
pub fn set_columns(sets: &[Override]) -> (Vec<String>, Vec<SetValue>) {
    let mut columns: Vec<(String, SetValue)> = Vec::new();
    let mut places: BTreeMap<&str, usize> = BTreeMap::new();
    for set in sets {
        let name = canonical(&set.name);
        let at = *places.entry(name).or_insert(columns.len());
        match columns.get_mut(at) {
            Some((_, value)) => *value = set.value,
            None => columns.push((name.to_owned(), set.value)),
        }
    }
    columns.into_iter().unzip()
}

/// The columns of `runs.csv` for a scenario.
#[derive(Clone, Debug)]
pub struct RunTable {
    layout: Layout<RunColumn>,
}

impl RunTable {
    /// The table for a model, given the names of the parameters that were set or varied.
    #[must_use]
    pub fn new(model: &Model, parameters: &[String]) -> Self {
        let names = |placeholder: &str| match placeholder {
            "METRIC" => model.metrics.iter().map(|metric| metric.id.as_str()).collect(),
            _ => parameters.iter().map(String::as_str).collect(),
        };
        Self { layout: Layout::new(model.clock.start.is_some(), names) }
    }

    /// The columns.
    #[must_use]
    pub fn columns(&self) -> &[Column] {
        self.layout.columns()
    }

    /// The declared column of each column, for readers.
    #[must_use]
    pub fn layout(&self) -> &Layout<RunColumn> {
        &self.layout
    }

    /// Writes a row.
    ///
    /// # Errors
    /// Those of the sink.
    #[inline]
    pub fn write<S: Sink>(&self, sink: &mut S, model: &Model, row: &RunRow<'_>) -> io::Result<()> {
        sink.row(self.layout.sources().iter().map(|&(column, at)| match column {
            RunColumn::Run => Cell::Whole(row.run),
            RunColumn::Point => Cell::Whole(row.point),
            RunColumn::Replicate => Cell::Whole(row.run_seed.replicate),
            RunColumn::Seed => Cell::Whole(row.run_seed.seed),
            RunColumn::Parameter => set_cell(row.parameters[at]),
            RunColumn::Status => row.status.into(),
            RunColumn::Outcome => row.ending.map_or(Cell::Empty, |ending| ending_name(model, ending).into()),
            RunColumn::ReachedStep => Cell::whole(row.reached_step),
            RunColumn::ReachedDate => date(model, row.reached_step),
            RunColumn::Steps => Cell::Whole(row.steps.into()),
            RunColumn::Gap => Cell::whole(row.gap),
            RunColumn::Metric => Cell::real(row.metrics[at]),
            RunColumn::HistoryHash => Cell::Hash(row.history.bits()),
            RunColumn::StorylineHash => Cell::Hash(row.storyline.bits()),
        }))
    }
}

/// The date at which a step begins; empty without a step.
pub(super) fn date(model: &Model, step: Option<u32>) -> Cell<'static> {
    step.map_or(Cell::Empty, |step| model.clock.date(step).into())
}

/// Writes rows of `events.csv`.
///
/// # Errors
/// Those of the sink.
pub fn write_events<S: Sink>(sink: &mut S, model: &Model, run: u64, log: &[Entry]) -> io::Result<()> {
    write_some_events(sink, model, run, (0, log))
}

/// Writes the rows of some events of a log, given the position of the first.
pub(super) fn write_some_events<S: Sink>(
    sink: &mut S,
    model: &Model,
    run: u64,
    (first, some): (usize, &[Entry]),
) -> io::Result<()> {
    let mut date = (0, model.clock.date(0));
    let mut rows = (first as u64..).zip(some);
    for some in some.chunks(TOUCHED) {
        touch_names(model, some);
        for (seq, entry) in rows.by_ref().take(some.len()) {
            if entry.step != date.0 {
                date = (entry.step, model.clock.date(entry.step));
            }
            sink.row(EventRow { run, seq, entry, date: &date.1, cells: cells(model, entry.event) })?;
        }
    }
    Ok(())
}

/// The number of events whose names are read before their rows are written.
const TOUCHED: usize = 64;

/// Reads the names of the instances of some events where there are many, so that the processor waits for the memory of
/// many at once and not for one after the other.
fn touch_names(model: &Model, some: &[Entry]) {
    let first = |text: &str| text.as_bytes().first().copied().unwrap_or_default();
    let of_one = |instance: InstanceId| {
        let debtor = model.instances[instance.index()].debtor;
        first(model.name_of(instance)) ^ first(model.actors.id(debtor))
    };
    if model.is_scattered() {
        let instances = some.iter().filter_map(|entry| entry.event.instance());
        std::hint::black_box(instances.map(of_one).fold(0, |all, one| all ^ one));
    }
}

/// A row of `events.csv`.
struct EventRow<'a> {
    run: u64,
    seq: u64,
    entry: &'a Entry,
    date: &'a str,
    cells: Cells<'a>,
}

impl<'a> EventRow<'a> {
    #[inline(always)]
    fn cell(&self, column: EventColumn) -> Cell<'a> {
        match column {
            EventColumn::Run => Cell::Whole(self.run),
            EventColumn::Seq => Cell::Whole(self.seq),
            EventColumn::Step => Cell::Whole(self.entry.step.into()),
            EventColumn::Date => self.date.into(),
            EventColumn::Event => self.cells.event.into(),
            EventColumn::Actor => self.cells.actor.into(),
            EventColumn::Counterpart => self.cells.counterpart.into(),
            EventColumn::Subject => self.cells.subject.into(),
            EventColumn::Issue => self.cells.issue.into(),
            EventColumn::Resource => self.cells.resource.into(),
            EventColumn::Value => Cell::real(self.cells.value),
            EventColumn::Cause => Cell::whole(self.entry.cause()),
        }
    }
}

impl<'a> Row<'a> for EventRow<'a> {
    #[inline(always)]
    fn each(self, put: &mut impl Put<'a>) {
        // A run may have millions of events.
        EventColumn::each(|column| put.put(self.cell(column)));
    }
}

/// The whole `events.csv` of a single run.
///
/// # Panics
/// Never: memory takes every row.
#[must_use]
pub fn events_csv(model: &Model, log: &[Entry]) -> Vec<u8> {
    let table = Csv::table(&fixed_columns::<EventColumn>(), |sink| write_events(sink, model, 0, log));
    table.expect("memory takes every row")
}

/// Stances and trust sampled at the end of every step, besides the metrics.
#[derive(Clone, Debug)]
pub struct Sampler {
    stances: bool,
    trust: bool,
    names: Vec<String>,
    values: Vec<f64>,
}

/// The error that a series would have this many rows, more than [`limits::SAMPLES`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TooManySamples(pub u64);

impl fmt::Display for TooManySamples {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "stances and trust at every step would be {} rows, more than {}", self.0, limits::SAMPLES)
    }
}

impl std::error::Error for TooManySamples {}

impl Sampler {
    /// Samples neither stances nor trust.
    #[must_use]
    pub fn none() -> Self {
        Self { stances: false, trust: false, names: Vec::new(), values: Vec::new() }
    }

    /// Samples stances or trust or both.
    ///
    /// # Errors
    /// [`TooManySamples`] if that would be more rows than a series may have.
    pub fn new(model: &Model, stances: bool, trust: bool) -> Result<Self, TooManySamples> {
        let actors = model.actors.len() as u64;
        let of_stances = if stances { actors * model.issues.len() as u64 } else { 0 };
        let of_trust = if trust { actors * actors.saturating_sub(1) } else { 0 };
        let rows = u64::from(model.clock.steps).saturating_mul(of_stances + of_trust);
        if rows > limits::SAMPLES {
            return Err(TooManySamples(rows));
        }
        let mut names = Vec::new();
        if stances {
            for actor in model.actors.iter() {
                names.extend(model.issues.iter().map(|issue| format!("stance/{}/{issue}", actor.id)));
            }
        }
        if trust {
            for a in model.actors.iter() {
                let others = model.actors.iter().filter(|b| b.id != a.id);
                names.extend(others.map(|b| format!("trust/{}/{}", a.id, b.id)));
            }
        }
        Ok(Self { stances, trust, names, values: Vec::new() })
    }

    /// Samples a state.
    pub fn sample(&mut self, model: &Model, world: &World) {
        if self.stances {
            for actor in model.actor_ids() {
                let issues = (0..model.issues.len()).map(crate::model::IssueId::at);
                self.values.extend(issues.map(|issue| world.stance(actor, issue)));
            }
        }
        if self.trust {
            for a in model.actor_ids() {
                let others = model.actor_ids().filter(|&b| a != b);
                self.values.extend(others.map(|b| world.trust.of(a, b)));
            }
        }
    }
}

/// Writes rows of `series.csv`: for each step the metrics, then stances, then trust.
///
/// # Errors
/// Those of the sink.
pub fn write_series<S: Sink>(
    sink: &mut S,
    model: &Model,
    run: u64,
    samples: &[f64],
    sampler: &Sampler,
) -> io::Result<()> {
    let mut metrics = samples.chunks(model.metrics.len().max(1));
    let mut others = sampler.values.chunks(sampler.names.len().max(1));
    for step in 0.. {
        let (metrics, others) = (metrics.next(), others.next());
        if metrics.is_none() && others.is_none() {
            break;
        }
        let date = model.clock.date(step);
        let named = model.metrics.iter().map(|metric| &metric.id).zip(metrics.unwrap_or_default());
        for (name, value) in named.chain(sampler.names.iter().zip(others.unwrap_or_default())) {
            sink.row(SeriesColumn::ALL.iter().map(|column| match column {
                SeriesColumn::Run => Cell::Whole(run),
                SeriesColumn::Step => Cell::Whole(step.into()),
                SeriesColumn::Date => date.as_str().into(),
                SeriesColumn::Name => name.as_str().into(),
                SeriesColumn::Value => Cell::Real(*value),
            }))?;
        }
    }
    Ok(())
}

/// The columns of `commitments.csv` for a scenario.
#[must_use]
pub fn commitment_layout(model: &Model) -> Layout<CommitmentColumn> {
    Layout::new(model.clock.start.is_some(), |_| Vec::new())
}

/// Writes rows of `commitments.csv`: one for each instance and resource, with the state that the run ended in.
///
/// # Errors
/// Those of the sink.
pub fn write_commitments<S: Sink>(
    sink: &mut S,
    model: &Model,
    run: u64,
    setup: &Setup,
    world: &World,
) -> io::Result<()> {
    write_some_commitments(sink, model, run, (setup, world), 0..model.instances.len())
}

/// Writes the rows of some commitments.
pub(super) fn write_some_commitments<S: Sink>(
    sink: &mut S,
    model: &Model,
    run: u64,
    (setup, world): (&Setup, &World),
    some: Range<usize>,
) -> io::Result<()> {
    let layout = commitment_layout(model);
    for instance in some.map(InstanceId::at) {
        let declared = &model.instances[instance.index()];
        let own = world.instance(instance);
        for gift in model.gifts(instance) {
            let is_graded = model.commitment_of(instance).level(gift.number).is_some();
            let upto = is_graded.then(|| setup.gives[gift.position].to_units());
            sink.row(layout.sources().iter().map(|(column, _)| match column {
                CommitmentColumn::Run => Cell::Whole(run),
                CommitmentColumn::Commitment => model.name_of(instance).into(),
                CommitmentColumn::Debtor => model.actors.id(declared.debtor).into(),
                CommitmentColumn::Creditor => creditor_name(model, instance).into(),
                CommitmentColumn::Resource => model.resources[gift.resource.index()].id.as_str().into(),
                CommitmentColumn::Amount => Cell::Real(world.evidence.amount(model, setup, instance, gift).to_units()),
                CommitmentColumn::Upto => Cell::real(upto),
                CommitmentColumn::Delivered => {
                    Cell::Real(world.evidence.delivered_in_all_rounds(gift.position).to_units())
                }
                CommitmentColumn::State => own.state.name().into(),
                CommitmentColumn::CreatedStep => Cell::whole(own.created.step()),
                CommitmentColumn::CreatedDate => date(model, own.created.step()),
                CommitmentColumn::DetachedStep => Cell::whole(own.detached.step()),
                CommitmentColumn::DetachedDate => date(model, own.detached.step()),
                CommitmentColumn::SettledStep => Cell::whole(own.settled.step()),
                CommitmentColumn::SettledDate => date(model, own.settled.step()),
                CommitmentColumn::Rounds => Cell::Whole(world.evidence.rounds_of(instance).into()),
            }))?;
        }
    }
    Ok(())
}
