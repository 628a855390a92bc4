//! The work of the threads of a sweep: a run and its rows.

use std::io;

use super::experiment::{Experiment, Tables};
use super::schedule::{Schedule, Slot};
use super::summary::RunStats;
use crate::engine::{self, Run, RunOptions, Setting, Simulation};
use crate::model::Model;
use crate::scenario::SetValue;
use crate::store::{RunRow, RunTable, Sampler, write_events, write_series};
use crate::table::{Column, Columns, Csv, EventColumn, SeriesColumn, Sink, fixed_columns};

/// The rows of consecutive runs, and their data for the summary.
#[derive(Debug, Default)]
pub(super) struct Rows {
    /// Rows of `runs.csv`.
    pub(super) runs: Vec<u8>,
    /// Rows of `events.csv`.
    pub(super) events: Vec<u8>,
    /// Rows of `series.csv`.
    pub(super) series: Vec<u8>,
    /// The rows of all tables, if they are kept in memory.
    pub(super) memory: Option<Memory>,
    /// The data of each run for the summary, without its metrics.
    pub(super) facts: Vec<RunStats>,
    /// The metrics of each run; NaN if missing.
    pub(super) metrics: Vec<f64>,
}

impl super::execute::Batch for Rows {
    fn size(&self) -> usize {
        let facts = self.facts.len() * size_of::<RunStats>() + self.metrics.len() * size_of::<f64>();
        let memory = self.memory.as_ref().map_or(0, Memory::size);
        self.runs.len() + self.events.len() + self.series.len() + memory + facts
    }
}

/// The tables of a sweep in memory.
#[derive(Clone, Debug)]
pub struct Memory {
    /// The table `runs.csv`.
    pub runs: Columns,
    /// The table `events.csv`; without rows unless it was requested.
    pub events: Columns,
    /// The table `series.csv`; without rows unless it was requested.
    pub series: Columns,
}

impl Memory {
    /// Creates tables without rows, given the columns of `runs.csv`.
    pub(super) fn new(runs: &[Column]) -> Self {
        Self {
            runs: Columns::new(runs),
            events: Columns::new(&fixed_columns::<EventColumn>()),
            series: Columns::new(&fixed_columns::<SeriesColumn>()),
        }
    }

    /// Appends the rows of other tables.
    pub(super) fn append(&mut self, other: Self) -> io::Result<()> {
        self.runs.append(other.runs)?;
        self.events.append(other.events)?;
        self.series.append(other.series)
    }

    fn size(&self) -> usize {
        self.runs.size() + self.events.size() + self.series.size()
    }
}

/// The state of a thread.
pub(super) struct Worker<'a> {
    experiment: &'a Experiment,
    schedule: Schedule,
    tables: Tables,
    want: RunOptions,
    simulation: Simulation<'a>,
    table: RunTable,
    sampler: Sampler,
    settings: Vec<Setting>,
    /// The values that were set, then those that are varied.
    parameters: Vec<SetValue>,
    /// The columns of `runs.csv`, if the tables are kept in memory.
    typed: Option<&'a [Column]>,
}

impl<'a> Worker<'a> {
    pub(super) fn new(
        experiment: &'a Experiment,
        schedule: Schedule,
        tables: Tables,
        typed: Option<&'a [Column]>,
    ) -> Self {
        let want = RunOptions { log: tables.events, series: tables.series, exchanged: false };
        let model = experiment.model();
        Self {
            experiment,
            schedule,
            tables,
            want,
            simulation: Simulation::new(model, experiment.plan(), want),
            table: experiment.run_table(),
            sampler: Sampler::none(),
            settings: Vec::new(),
            parameters: experiment.set_values().to_vec(),
            typed,
        }
    }

    /// Does a run and adds its rows.
    pub(super) fn run(&mut self, run: u64, rows: &mut Rows) {
        let slot = self.schedule.slot(run);
        self.parameters.truncate(self.experiment.set_values().len());
        self.parameters.extend_from_slice(self.experiment.points().values(slot.point));
        if let Some(own) = self.experiment.lay(slot.point, &mut self.settings) {
            let (model, plan) = &*own;
            let run = engine::run(model, plan, slot.run_seed, self.want);
            let writer = Writer { model, table: &self.table, sampler: &self.sampler, typed: self.typed };
            writer.write(slot, &run, &self.parameters, self.tables, rows);
        } else {
            let run = self.simulation.run(&self.settings, slot.run_seed);
            let model = self.experiment.model();
            let writer = Writer { model, table: &self.table, sampler: &self.sampler, typed: self.typed };
            writer.write(slot, run, &self.parameters, self.tables, rows);
        }
    }
}

/// Turns runs of a model into rows.
struct Writer<'a> {
    model: &'a Model,
    table: &'a RunTable,
    sampler: &'a Sampler,
    typed: Option<&'a [Column]>,
}

impl Writer<'_> {
    fn write(&self, slot: Slot, run: &Run, parameters: &[SetValue], tables: Tables, rows: &mut Rows) {
        let row = RunRow::of(run, (slot.run, slot.point), slot.run_seed, parameters);
        if let Some(columns) = self.typed {
            let Memory { runs, events, series } = rows.memory.get_or_insert_with(|| Memory::new(columns));
            self.rows((runs, events, series), tables, run, &row)
        } else {
            let Rows { runs, events, series, .. } = rows;
            let mut sinks = (Csv::rows(runs), Csv::rows(events), Csv::rows(series));
            self.rows((&mut sinks.0, &mut sinks.1, &mut sinks.2), tables, run, &row)
        }
        .expect("memory takes every row");
        let RunRow { point, ending, reached_step, gap, .. } = row;
        rows.facts.push(RunStats { run: slot.run, point, ending, reached_step, gap, storyline: run.storyline.bits() });
        rows.metrics.extend(run.metrics.iter().map(|metric| metric.unwrap_or(f64::NAN)));
    }

    /// Writes the rows of a run into the sinks of `runs.csv`, `events.csv` and `series.csv`.
    fn rows<S: Sink>(
        &self,
        (runs, events, series): (&mut S, &mut S, &mut S),
        tables: Tables,
        run: &Run,
        row: &RunRow<'_>,
    ) -> io::Result<()> {
        self.table.write(runs, self.model, row)?;
        if tables.events {
            write_events(events, self.model, row.run, &run.log)?;
        }
        if tables.series {
            write_series(series, self.model, row.run, &run.samples, self.sampler)?;
        }
        Ok(())
    }
}
