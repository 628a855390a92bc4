//! Reads rows of `runs.csv` for the summary.

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Read as _};
use std::path::Path;

use super::error::{Error, ErrorKind};
use super::experiment::Experiment;
use super::limits;
use super::summary::{RunStats, Summary};
use crate::model::{Ending, OutcomeId};
use crate::store::{RunTable, open_file};
use crate::table::RunColumn;

/// `Some(None)` for an empty cell, and `None` for an invalid one.
#[expect(clippy::option_option, reason = "the two cases differ")]
fn optional<T: std::str::FromStr>(cell: &str) -> Option<Option<T>> {
    if cell.is_empty() { Some(None) } else { cell.parse().ok().map(Some) }
}

/// Reads rows of `runs.csv`.
#[derive(Debug)]
pub(super) struct RowReader<'a> {
    table: RunTable,
    outcomes: BTreeMap<&'a str, Ending>,
    /// The metrics of the last row; NaN if missing.
    values: Vec<f64>,
}

impl<'a> RowReader<'a> {
    pub(super) fn new(experiment: &'a Experiment) -> Self {
        let declared = experiment.model().outcomes.iter().enumerate();
        let mut outcomes: BTreeMap<&str, Ending> =
            declared.map(|(at, outcome)| (outcome.id.as_str(), Ending::Outcome(OutcomeId::at(at)))).collect();
        outcomes.insert(Ending::DEADLOCK, Ending::Deadlock);
        outcomes.insert(Ending::STALEMATE, Ending::Stalemate);
        Self { table: experiment.run_table(), outcomes, values: Vec::new() }
    }

    /// The data of a row for the summary, with the metrics in `values`; `None` if the row is invalid.
    fn read(&mut self, line: &str) -> Option<RunStats> {
        fn hash(cell: &str) -> Option<u64> {
            u64::from_str_radix(cell.strip_prefix('h')?, 16).ok()
        }
        let mut cells = line.split(',');
        let (mut is_ok, mut outcome) = (false, "");
        let mut facts = RunStats { run: 0, point: 0, ending: None, reached_step: None, gap: None, storyline: 0 };
        self.values.clear();
        for &(column, _) in self.table.layout().sources() {
            let cell = cells.next()?;
            match column {
                RunColumn::Run => facts.run = cell.parse().ok()?,
                RunColumn::Point => facts.point = cell.parse().ok()?,
                RunColumn::Status => is_ok = cell == "ok",
                RunColumn::Outcome => outcome = cell,
                RunColumn::ReachedStep => facts.reached_step = optional(cell)?,
                RunColumn::Gap => facts.gap = optional(cell)?,
                RunColumn::Metric => self.values.push(optional(cell)?.unwrap_or(f64::NAN)),
                RunColumn::StorylineHash => facts.storyline = hash(cell)?,
                RunColumn::Replicate
                | RunColumn::Seed
                | RunColumn::Parameter
                | RunColumn::ReachedDate
                | RunColumn::Steps
                | RunColumn::HistoryHash => {}
            }
        }
        if is_ok {
            facts.ending = Some(*self.outcomes.get(outcome)?);
        }
        cells.next().is_none().then_some(facts)
    }

    /// Adds the rows of a file to a summary; their run numbers must be `runs`, in this order.
    pub(super) fn read_file(
        &mut self,
        path: &Path,
        runs: impl IntoIterator<Item = u64>,
        summary: &mut Summary,
    ) -> Result<(), Error> {
        let points = summary.points() as u64;
        self.each_row(path, runs, points, &mut |facts, metrics| summary.add(*facts, metrics))
    }

    /// Passes on the rows of a file with their metrics; their run numbers must be `runs`, in this order.
    pub(super) fn each_row(
        &mut self,
        path: &Path,
        runs: impl IntoIterator<Item = u64>,
        points: u64,
        each: &mut dyn FnMut(&RunStats, &[f64]),
    ) -> Result<(), Error> {
        let io = |error: std::io::Error| Error::io("read", path, &error);
        let mut file = BufReader::with_capacity(1 << 18, open_file(path).map_err(io)?);
        let mut line = String::new();
        // Skip the header.
        file.by_ref().take(limits::LINE_BYTES).read_line(&mut line).map_err(io)?;
        for (run, number) in runs.into_iter().zip(2_u64..) {
            line.clear();
            file.by_ref().take(limits::LINE_BYTES).read_line(&mut line).map_err(io)?;
            match self.read(line.trim_end_matches('\n')) {
                Some(facts) if facts.run == run && facts.point < points => each(&facts, &self.values),
                _ => {
                    let name = path.display().to_string();
                    let message = format!("this is not the row of run {run}");
                    return Err(Error::new(ErrorKind::Mismatch, message).at(&name, number, 1));
                }
            }
        }
        Ok(())
    }
}
