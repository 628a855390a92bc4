//! Rows of `runs.csv` read back: what the summary needs of them.

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Read as _};
use std::path::Path;

use super::error::{Error, ErrorKind};
use super::limits;
use super::summary::{RunStats, Summary};
use crate::model::{Ending, Model, OutcomeId};
use crate::store::open_file;

/// Where the cells of a row stand.
#[derive(Debug)]
pub(super) struct RowReader<'a> {
    /// Number of columns for what was set or varied.
    parameters: usize,
    metrics: usize,
    outcomes: BTreeMap<&'a str, Ending>,
    /// The metrics of the row that was read last; NaN where there is none.
    values: Vec<f64>,
}

impl<'a> RowReader<'a> {
    pub(super) fn new(model: &'a Model, parameters: usize) -> Self {
        let declared = model.outcomes.iter().enumerate();
        let mut outcomes: BTreeMap<&str, Ending> =
            declared.map(|(at, outcome)| (outcome.id.as_str(), Ending::Outcome(OutcomeId::at(at)))).collect();
        outcomes.insert(Ending::DEADLOCK, Ending::Deadlock);
        outcomes.insert(Ending::STALEMATE, Ending::Stalemate);
        Self { parameters, metrics: model.metrics.len(), outcomes, values: Vec::new() }
    }

    /// The number of the run in a row, and what the summary needs, the metrics in `values`; none if the row is not as
    /// it should be.
    fn read(&mut self, line: &str) -> Option<(u64, RunStats)> {
        #[expect(clippy::option_option, reason = "an empty cell is a value that is missing, a wrong one is no value")]
        fn optional<T: std::str::FromStr>(cell: &str) -> Option<Option<T>> {
            if cell.is_empty() { Some(None) } else { cell.parse().ok().map(Some) }
        }
        let mut cells = line.split(',');
        let run = cells.next()?.parse().ok()?;
        let point = cells.next()?.parse().ok()?;
        let mut cells = cells.skip(2 + self.parameters);
        let is_ok = cells.next()? == "ok";
        let outcome = cells.next()?;
        let ending = if is_ok { Some(*self.outcomes.get(outcome)?) } else { None };
        let reached_step = optional(cells.next()?)?;
        cells.next()?;
        let gap = optional(cells.next()?)?;
        self.values.clear();
        for _ in 0..self.metrics {
            self.values.push(optional(cells.next()?)?.unwrap_or(f64::NAN));
        }
        let history = u64::from_str_radix(cells.next()?.strip_prefix('h')?, 16).ok()?;
        cells.next().is_none().then_some(())?;
        Some((run, RunStats { point, ending, reached_step, gap, history }))
    }

    /// Adds the rows of a file to a summary; their runs must be `runs`, in order.
    pub(super) fn read_file(
        &mut self,
        path: &Path,
        runs: std::ops::Range<u64>,
        summary: &mut Summary,
    ) -> Result<(), Error> {
        let io = |error: std::io::Error| Error::io("read", path, &error);
        let mut file = BufReader::with_capacity(1 << 18, open_file(path).map_err(io)?);
        let mut line = String::new();
        // The header.
        file.by_ref().take(limits::LINE_BYTES).read_line(&mut line).map_err(io)?;
        for (run, number) in runs.zip(2_u64..) {
            line.clear();
            file.by_ref().take(limits::LINE_BYTES).read_line(&mut line).map_err(io)?;
            match self.read(line.trim_end_matches('\n')) {
                Some((found, facts)) if found == run && facts.point < summary.points() as u64 => {
                    summary.add(facts, &self.values);
                }
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
