//! What the threads of a sweep do: a run, and its rows.

use super::experiment::{Experiment, Tables};
use super::schedule::{Schedule, Slot};
use super::summary::RunStats;
use crate::engine::{self, Run, RunOptions, Setting, Simulation};
use crate::model::Model;
use crate::scenario::SetValue;
use crate::store::{RunRow, RunTable, Sampler, write_events, write_series};
use crate::table::Csv;
use crate::trace::Namer;

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
    pub(super) facts: Vec<RunStats>,
    /// For each run its metrics; NaN where there is none.
    pub(super) metrics: Vec<f64>,
}

impl super::execute::Stretch for Rows {
    fn size(&self) -> usize {
        let facts = self.facts.len() * size_of::<RunStats>() + self.metrics.len() * size_of::<f64>();
        self.runs.len() + self.events.len() + self.series.len() + facts
    }
}

/// What a thread needs to run points.
pub(super) struct Worker<'a> {
    experiment: &'a Experiment,
    schedule: Schedule,
    tables: Tables,
    want: RunOptions,
    simulation: Simulation<'a>,
    namer: Namer<'a>,
    table: RunTable,
    sampler: Sampler,
    settings: Vec<Setting>,
    /// Values of what was set, then of what varies.
    parameters: Vec<SetValue>,
}

impl<'a> Worker<'a> {
    pub(super) fn new(experiment: &'a Experiment, schedule: Schedule, tables: Tables) -> Self {
        let want = RunOptions { log: tables.events, series: tables.series, exchanged: false };
        let model = experiment.model();
        Self {
            experiment,
            schedule,
            tables,
            want,
            simulation: Simulation::new(model, experiment.plan(), want),
            namer: Namer::new(model),
            table: experiment.run_table(),
            sampler: Sampler::none(),
            settings: Vec::new(),
            parameters: experiment.set_values().to_vec(),
        }
    }

    /// Does a run and adds its rows.
    pub(super) fn run(&mut self, run: u64, rows: &mut Rows) {
        let slot = self.schedule.slot(run);
        self.parameters.truncate(self.experiment.set_values().len());
        self.parameters.extend_from_slice(self.experiment.points().values(slot.point));
        if let Some(own) = self.experiment.lay(slot.point, &mut self.settings) {
            let (model, plan) = &*own;
            let run = engine::run(model, plan, slot.luck, self.want);
            let writer = Writer { model, namer: &Namer::new(model), table: &self.table, sampler: &self.sampler };
            writer.write(slot, &run, &self.parameters, self.tables, rows);
        } else {
            let run = self.simulation.run(&self.settings, slot.luck);
            let (model, namer) = (self.experiment.model(), &self.namer);
            let writer = Writer { model, namer, table: &self.table, sampler: &self.sampler };
            writer.write(slot, run, &self.parameters, self.tables, rows);
        }
    }
}

/// Turns runs of a model into rows.
struct Writer<'a> {
    model: &'a Model,
    namer: &'a Namer<'a>,
    table: &'a RunTable,
    sampler: &'a Sampler,
}

impl Writer<'_> {
    fn write(&self, slot: Slot, run: &Run, parameters: &[SetValue], tables: Tables, rows: &mut Rows) {
        let row = RunRow::of(run, (slot.run, slot.point), slot.luck, parameters);
        let memory = "memory takes every row";
        self.table.write(&mut Csv::rows(&mut rows.runs), self.model, &row).expect(memory);
        if tables.events {
            write_events(&mut Csv::rows(&mut rows.events), self.namer, slot.run, &run.log).expect(memory);
        }
        if tables.series {
            write_series(&mut Csv::rows(&mut rows.series), self.model, slot.run, &run.samples, self.sampler)
                .expect(memory);
        }
        let RunRow { point, ending, reached_step, gap, .. } = row;
        rows.facts.push(RunStats { point, ending, reached_step, gap, history: run.history.bits() });
        rows.metrics.extend(run.metrics.iter().map(|metric| metric.unwrap_or(f64::NAN)));
    }
}
