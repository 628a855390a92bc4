//! Writing of rows of `runs.csv`.

use std::collections::BTreeMap;
use std::io;

use crate::engine::{HistoryHash, Run, RunSeed, StorylineHash};
use crate::model::{Ending, Model};
use crate::scenario::{Override, SetValue, canonical};
use crate::table::{Cell, Column, Layout, RunColumn, Sink};
use crate::trace::{ending_name, set_cell};

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
