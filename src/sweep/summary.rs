//! `summary.csv`: what the runs at each point came to, in one pass over the rows in their order.

use std::collections::BTreeSet;
use std::io;

use super::design::Points;
use super::error::{Error, ErrorKind};
use super::limits;
use super::statistics::{Moments, wilson};
use crate::model::{Ending, Model};
use crate::scenario::{FAILED, SetValue};
use crate::table::{Cell, Csv, Layout, Sink, SummaryColumn};
use crate::trace::set_cell;

/// The ways to end besides the outcomes.
const OTHERS: [&str; 3] = [Ending::DEADLOCK, Ending::STALEMATE, FAILED];
/// What moments are taken of besides the metrics.
const DATED: [&str; 2] = ["reached_step", "gap"];

/// What a summary takes from a run besides its metrics.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RunStats {
    /// The point.
    pub point: u64,
    /// How the run ended; none where it failed.
    pub ending: Option<Ending>,
    /// Step at which the final outcome was reached.
    pub reached_step: Option<u32>,
    /// Size of the gap after the latest Exchange.
    pub gap: Option<u32>,
    /// The hash of the history.
    pub history: u64,
}

/// The running summary of a sweep. Its memory depends on the number of points alone.
#[derive(Clone, Debug)]
pub struct Summary {
    outcomes: Vec<String>,
    metrics: Vec<String>,
    /// By point: a count for each outcome, deadlock, stalemate and failure.
    endings: Vec<u64>,
    /// By point: reached step, gap, metrics.
    moments: Vec<Moments>,
    /// By point: the distinct histories, up to `kept`.
    histories: Vec<BTreeSet<u64>>,
    /// By point: whether all distinct histories are among those kept.
    exact: Vec<bool>,
    kept: usize,
}

impl Summary {
    /// Checks, before memory is taken for it, how large the summary of a sweep over `points` points is.
    ///
    /// # Errors
    /// An [`Error`] if it takes more than [`limits::SUMMARY_BYTES`].
    pub fn check(model: &Model, points: u64) -> Result<(), Error> {
        let counts = (model.outcomes.len() + OTHERS.len()) * size_of::<u64>();
        let moments = (model.metrics.len() + DATED.len()) * size_of::<Moments>();
        let each = (counts + moments + size_of::<BTreeSet<u64>>() + 1) as u64;
        if each.saturating_mul(points) <= limits::SUMMARY_BYTES {
            return Ok(());
        }
        let message = format!(
            "the summary of {points} points with {} metrics takes more than {} bytes",
            model.metrics.len(),
            limits::SUMMARY_BYTES
        );
        Err(Error::new(ErrorKind::Limit, message).help("vary fewer values, or measure less"))
    }

    /// The empty summary of a sweep over `points` points.
    ///
    /// # Panics
    /// If there are more points than the limit.
    #[must_use]
    pub fn new(model: &Model, points: u64) -> Self {
        let count = usize::try_from(points).expect("the number of points is limited");
        let kept = (limits::HISTORIES / points.max(1)).clamp(2, limits::HISTORIES_A_POINT);
        let outcomes: Vec<String> = model.outcomes.iter().map(|outcome| outcome.id.clone()).collect();
        let metrics: Vec<String> = model.metrics.iter().map(|metric| metric.id.clone()).collect();
        Self {
            endings: vec![0; count * (outcomes.len() + OTHERS.len())],
            moments: vec![Moments::default(); count * (metrics.len() + DATED.len())],
            histories: vec![BTreeSet::new(); count],
            exact: vec![true; count],
            kept: usize::try_from(kept).expect("a small number"),
            outcomes,
            metrics,
        }
    }

    /// Adds a run with the last value of each of its metrics, NaN where there is none. Runs are added in their order, so
    /// that sums do not depend on threads.
    ///
    /// # Panics
    /// If the point is beyond those that the summary was made for.
    pub fn add(&mut self, facts: RunStats, metrics: &[f64]) {
        let point = usize::try_from(facts.point).expect("the number of points is limited");
        let outcomes = self.outcomes.len();
        let ending = match facts.ending {
            Some(Ending::Outcome(outcome)) => outcome.index(),
            Some(Ending::Deadlock) => outcomes,
            Some(Ending::Stalemate) => outcomes + 1,
            None => outcomes + 2,
        };
        self.endings[point * (outcomes + OTHERS.len()) + ending] += 1;
        let width = self.metrics.len() + DATED.len();
        let (dated, measured) = self.moments[point * width..(point + 1) * width].split_at_mut(DATED.len());
        for (moments, value) in dated.iter_mut().zip([facts.reached_step, facts.gap]) {
            if let Some(value) = value {
                moments.add(f64::from(value));
            }
        }
        for (moments, &value) in measured.iter_mut().zip(metrics) {
            if !value.is_nan() {
                moments.add(value);
            }
        }
        let histories = &mut self.histories[point];
        if histories.len() < self.kept {
            histories.insert(facts.history);
        } else if self.exact[point] && !histories.contains(&facts.history) {
            self.exact[point] = false;
        }
    }

    /// Number of points.
    #[must_use]
    pub fn points(&self) -> usize {
        self.exact.len()
    }

    /// Number of runs at a point.
    #[must_use]
    pub fn runs(&self, point: usize) -> u64 {
        self.counts(point).iter().sum()
    }

    /// How many runs at a point ended in each way, in the order of [`Summary::endings`].
    #[must_use]
    pub fn counts(&self, point: usize) -> &[u64] {
        let width = self.outcomes.len() + OTHERS.len();
        &self.endings[point * width..(point + 1) * width]
    }

    /// How many runs at a point reached the outcome that they ended in, and the mean of the steps at which they did; none
    /// where no run did.
    #[must_use]
    pub fn reached(&self, point: usize) -> Option<(f64, f64)> {
        let moments = &self.moments[point * (self.metrics.len() + DATED.len())];
        #[expect(clippy::cast_precision_loss, reason = "counts stay far below 2^53")]
        Some((moments.count() as f64, moments.mean()?))
    }

    /// Number of outcomes that the scenario declares: the first of [`Summary::endings`].
    #[must_use]
    pub fn outcomes(&self) -> usize {
        self.outcomes.len()
    }

    /// The ways to end: outcomes, then `deadlock`, `stalemate` and `failed`.
    pub fn endings(&self) -> impl Iterator<Item = &str> {
        self.outcomes.iter().map(String::as_str).chain(OTHERS)
    }

    /// Number of failed runs.
    #[must_use]
    pub fn failed(&self) -> u64 {
        (0..self.points()).filter_map(|point| self.counts(point).last()).sum()
    }

    /// The columns of `summary.csv`, given the names that vary.
    #[must_use]
    pub fn layout(&self, names: &[String]) -> Layout<SummaryColumn> {
        Layout::new(
            |_| true,
            |placeholder| match placeholder {
                "OUTCOME" => self.endings().collect(),
                "NAME" => DATED.into_iter().chain(self.metrics.iter().map(String::as_str)).collect(),
                _ => names.iter().map(String::as_str).collect(),
            },
        )
    }

    /// The text of `summary.csv`; a point without runs has a row with `count/runs` 0.
    ///
    /// # Panics
    /// Never: memory takes every row.
    #[must_use]
    pub fn to_csv(&self, points: &Points) -> Vec<u8> {
        let layout = self.layout(&points.names);
        Csv::table(layout.columns(), |sink| self.write(sink, points)).expect("memory takes every row")
    }

    /// Writes the rows of `summary.csv`.
    ///
    /// # Errors
    /// Those of the sink.
    pub fn write<S: Sink>(&self, sink: &mut S, points: &Points) -> io::Result<()> {
        let layout = self.layout(&points.names);
        (0..self.points()).try_for_each(|point| {
            let values = points.values(point as u64);
            sink.row(layout.sources().iter().map(|&(column, at)| self.cell(point, values, column, at)))
        })
    }

    fn cell(&self, point: usize, values: &[SetValue], column: SummaryColumn, at: usize) -> Cell<'static> {
        let width = self.metrics.len() + DATED.len();
        let moments = || &self.moments[point * width + at];
        let runs = self.runs(point);
        let interval = || wilson(self.counts(point)[at], runs);
        match column {
            SummaryColumn::Point => Cell::Whole(point as u64),
            SummaryColumn::Parameter => set_cell(values[at]),
            SummaryColumn::Runs => Cell::Whole(runs),
            SummaryColumn::Share => {
                #[expect(clippy::cast_precision_loss, reason = "counts stay far below 2^53")]
                let share = (runs > 0).then(|| self.counts(point)[at] as f64 / runs as f64);
                Cell::real(share)
            }
            SummaryColumn::ShareLow => Cell::real(interval().map(|(low, _)| low)),
            SummaryColumn::ShareHigh => Cell::real(interval().map(|(_, high)| high)),
            SummaryColumn::Mean => Cell::real(moments().mean()),
            SummaryColumn::Sd => Cell::real(moments().deviation()),
            SummaryColumn::Min => Cell::real(moments().min()),
            SummaryColumn::Max => Cell::real(moments().max()),
            SummaryColumn::Histories => Cell::Whole(self.histories[point].len() as u64),
            SummaryColumn::HistoriesExact => Cell::Truth(self.exact[point]),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::OutcomeId;
    use crate::scenario::{Document, Options, compile};

    fn model() -> Model {
        let text = "format = 1\n[time]\nsteps = 1\n[parameters]\nn = 1\n[actors.us]\n[outcomes.done]\nwhen = \"true\"\n\
                    [outcomes.done_low]\nwhen = \"true\"\n[metrics]\nmood = \"stance(us)\"\n";
        let document = Document::parse("test.toml", text.as_bytes()).unwrap();
        compile(&document, &Options::default()).unwrap().model
    }

    fn fact(point: u64, history: u64) -> RunStats {
        let ending = Some(Ending::Outcome(OutcomeId(0)));
        RunStats { point, ending, reached_step: Some(2), gap: Some(0), history }
    }

    #[test]
    fn no_two_columns_have_one_name() {
        let layout = Summary::new(&model(), 1).layout(&["n".into()]);
        let header: Vec<&str> = layout.columns().iter().map(|column| column.name.as_str()).collect();
        let mut unique = header.clone();
        unique.sort_unstable();
        unique.dedup();
        assert_eq!(unique.len(), header.len());
        assert_eq!(header[..6], ["point", "n", "count/runs", "share/done", "share_low/done", "share_high/done"]);
        assert_eq!(header[6..8], ["share/done_low", "share_low/done_low"]);
        assert_eq!(header[header.len() - 2..], ["count/histories", "exact/histories"]);
    }

    #[test]
    fn histories_beyond_the_limit_are_a_lower_bound() {
        let mut summary = Summary::new(&model(), 2);
        assert_eq!(summary.kept as u64, limits::HISTORIES_A_POINT);
        summary.kept = 2;
        for history in [1, 2, 1, 2] {
            summary.add(fact(0, history), &[0.5]);
            summary.add(fact(1, history), &[0.5]);
        }
        summary.add(fact(1, 3), &[0.5]);
        assert_eq!((summary.histories[0].len(), summary.exact[0]), (2, true));
        assert_eq!((summary.histories[1].len(), summary.exact[1]), (2, false));
    }

    #[test]
    fn what_is_missing_is_empty() {
        let mut summary = Summary::new(&model(), 2);
        summary.add(RunStats { ending: None, reached_step: None, gap: None, ..fact(0, 7) }, &[f64::NAN]);
        let points = super::super::design::grid(&[super::super::design::Axis::parse("x=1,2").unwrap()], false).unwrap();
        let text = String::from_utf8(summary.to_csv(&points)).unwrap();
        let cells = |row: usize| text.lines().nth(row).unwrap().split(',').collect::<Vec<_>>();
        let named =
            |row: usize, name: &str| cells(row)[cells(0).iter().position(|cell| *cell == name).unwrap()].to_owned();
        assert_eq!(
            (named(1, "count/runs"), named(1, "share/failed"), named(1, "mean/gap")),
            ("1".into(), "1.0".into(), String::new())
        );
        assert_eq!(
            (named(2, "count/runs"), named(2, "share/failed"), named(2, "count/histories")),
            ("0".into(), String::new(), "0".into())
        );
    }
}
