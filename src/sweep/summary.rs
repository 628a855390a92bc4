//! `summary.csv`: statistics of the runs at each point, in one pass over the rows in order.

use std::cmp::Reverse;
use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};
use std::io;

use super::error::{Error, ErrorKind};
use super::limits;
use super::points::Points;
use super::statistics::Quantiles;
use super::statistics::{Moments, wilson};
use crate::model::{Clock, Ending, Model};
use crate::scenario::{FAILED, SetValue};
use crate::table::{Cell, Layout, Sink, SummaryColumn};
use crate::trace::set_cell;

/// The kinds of ending besides the outcomes.
const OTHERS: [&str; 3] = [Ending::DEADLOCK, Ending::STALEMATE, FAILED];
/// The measured numbers besides the metrics.
pub(super) const DATED: [&str; 2] = ["reached_step", "gap"];

/// The data of a run for the summary, without its metrics.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RunStats {
    /// Number of the run.
    pub run: u64,
    /// The point.
    pub point: u64,
    /// How the run ended; `None` if it failed.
    pub ending: Option<Ending>,
    /// Step at which the final outcome was reached.
    pub reached_step: Option<u32>,
    /// Size of the gap after the latest Exchange.
    pub gap: Option<u32>,
    /// The hash of the storyline.
    pub storyline: u64,
}

/// The runs with one storyline.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tally {
    /// The hash of the storyline.
    pub storyline: u64,
    /// Number of runs.
    pub runs: u64,
    /// The first of them.
    pub first: u64,
    /// How they ended, which is a part of the storyline; `None` if they failed.
    pub ending: Option<Ending>,
}

/// The running summary of a sweep. Its memory depends only on the number of points.
#[derive(Clone, Debug)]
pub struct Summary {
    outcomes: Vec<String>,
    metrics: Vec<String>,
    /// Whether steps have dates.
    dates: bool,
    /// By point: a count for each outcome, deadlock, stalemate and failure.
    endings: Vec<u64>,
    /// By point: reached step, gap, metrics.
    moments: Vec<Moments>,
    /// By point: the same, for quantiles.
    quantiles: Vec<Quantiles>,
    /// The number of distinct values that each of them keeps.
    values: usize,
    /// By point: the distinct storylines, up to `kept`.
    storylines: Vec<BTreeSet<u64>>,
    /// By point: whether `storylines` is complete.
    exact: Vec<bool>,
    kept: usize,
    /// By storyline, up to [`limits::STORYLINES_TALLIED`]: the runs that have it.
    tallies: BTreeMap<u64, Tally>,
    /// The number of runs whose storyline is not tallied.
    untallied: u64,
}

impl Summary {
    /// Checks the size of a summary of `points` points before memory is allocated.
    ///
    /// # Errors
    /// An [`Error`] if it takes more than [`limits::SUMMARY_BYTES`].
    pub fn check(model: &Model, points: u64) -> Result<(), Error> {
        let counts = (model.outcomes.len() + OTHERS.len()) * size_of::<u64>();
        let moments = (model.metrics.len() + DATED.len()) * (size_of::<Moments>() + size_of::<Quantiles>());
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
        let kept = (limits::STORYLINES / points.max(1)).clamp(2, limits::STORYLINES_A_POINT);
        let measured = points.max(1).saturating_mul((model.metrics.len() + DATED.len()) as u64);
        let values = limits::QUANTILE_VALUES / measured;
        let outcomes: Vec<String> = model.outcomes.iter().map(|outcome| outcome.id.clone()).collect();
        let metrics: Vec<String> = model.metrics.iter().map(|metric| metric.id.clone()).collect();
        Self {
            endings: vec![0; count * (outcomes.len() + OTHERS.len())],
            moments: vec![Moments::default(); count * (metrics.len() + DATED.len())],
            quantiles: vec![Quantiles::default(); count * (metrics.len() + DATED.len())],
            values: usize::try_from(values.clamp(2, limits::QUANTILE_VALUES_A_POINT)).expect("a small number"),
            storylines: vec![BTreeSet::new(); count],
            tallies: BTreeMap::new(),
            untallied: 0,
            exact: vec![true; count],
            kept: usize::try_from(kept).expect("a small number"),
            dates: model.clock.start.is_some(),
            outcomes,
            metrics,
        }
    }

    /// Adds a run with the last value of each of its metrics, NaN if missing. Runs must be added in order, so that sums
    /// do not depend on threads.
    ///
    /// # Panics
    /// If the point is beyond those that the summary was made for.
    pub fn add(&mut self, facts: RunStats, metrics: &[f64]) {
        let point = usize::try_from(facts.point).expect("the number of points is limited");
        let (outcomes, ending) = (self.outcomes.len(), self.place(facts.ending));
        self.endings[point * (outcomes + OTHERS.len()) + ending] += 1;
        let width = self.metrics.len() + DATED.len();
        let own = point * width..(point + 1) * width;
        let dated = [facts.reached_step, facts.gap].map(|value| value.map_or(f64::NAN, f64::from));
        let measured = self.moments[own.clone()].iter_mut().zip(&mut self.quantiles[own]);
        for ((moments, quantiles), &value) in measured.zip(dated.iter().chain(metrics)) {
            if !value.is_nan() {
                moments.add(value);
                quantiles.add(value, self.values);
            }
        }
        let storylines = &mut self.storylines[point];
        if storylines.len() < self.kept {
            storylines.insert(facts.storyline);
        } else if self.exact[point] && !storylines.contains(&facts.storyline) {
            self.exact[point] = false;
        }
        self.count_storyline(&facts);
    }

    fn count_storyline(&mut self, facts: &RunStats) {
        let RunStats { run, storyline, ending, .. } = *facts;
        let is_full = self.tallies.len() >= limits::STORYLINES_TALLIED;
        match self.tallies.entry(storyline) {
            Entry::Occupied(mut known) => {
                let tally = known.get_mut();
                tally.runs += 1;
                tally.first = tally.first.min(run);
            }
            Entry::Vacant(_) if is_full => self.untallied += 1,
            Entry::Vacant(free) => {
                free.insert(Tally { storyline, runs: 1, first: run, ending });
            }
        }
    }

    /// The storylines of the sweep, the most common first; equally common ones by their first run.
    #[must_use]
    pub fn tallies(&self) -> Vec<Tally> {
        let mut all: Vec<Tally> = self.tallies.values().copied().collect();
        all.sort_unstable_by_key(|tally| (Reverse(tally.runs), tally.first));
        all
    }

    /// The number of runs whose storyline is not among the [tallied](Self::tallies) ones, because there are too many.
    #[must_use]
    pub fn untallied(&self) -> u64 {
        self.untallied
    }

    /// The position of a kind of ending in [`Summary::endings`].
    pub(super) fn place(&self, ending: Option<Ending>) -> usize {
        let outcomes = self.outcomes.len();
        match ending {
            Some(Ending::Outcome(outcome)) => outcome.index(),
            Some(Ending::Deadlock) => outcomes,
            Some(Ending::Stalemate) => outcomes + 1,
            None => outcomes + 2,
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

    /// The number of runs at a point with each ending, in the order of [`Summary::endings`].
    #[must_use]
    pub fn counts(&self, point: usize) -> &[u64] {
        let width = self.outcomes.len() + OTHERS.len();
        &self.endings[point * width..(point + 1) * width]
    }

    /// The number of runs at a point that reached the outcome in which they ended, and the mean of the steps at which
    /// they did; `None` if no run did.
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

    /// The kinds of ending: outcomes, then `deadlock`, `stalemate` and `failed`.
    pub fn endings(&self) -> impl Iterator<Item = &str> {
        self.outcomes.iter().map(String::as_str).chain(OTHERS)
    }

    /// Number of failed runs.
    #[must_use]
    pub fn failed(&self) -> u64 {
        (0..self.points()).filter_map(|point| self.counts(point).last()).sum()
    }

    /// The columns of `summary.csv`, given the varied names.
    #[must_use]
    pub fn layout(&self, names: &[String]) -> Layout<SummaryColumn> {
        Layout::new(self.dates, |placeholder| match placeholder {
            "OUTCOME" => self.endings().collect(),
            "NAME" => DATED.into_iter().chain(self.metrics.iter().map(String::as_str)).collect(),
            _ => names.iter().map(String::as_str).collect(),
        })
    }

    /// Writes the rows of `summary.csv`; a point without runs gets one with `count/runs` 0. `clock` returns the clock
    /// of a point.
    pub(super) fn write<S: Sink>(&self, sink: &mut S, points: &Points, clock: impl Fn(u64) -> Clock) -> io::Result<()> {
        let layout = self.layout(&points.names);
        (0..self.points()).try_for_each(|point| {
            let values = points.values(point as u64);
            let clock = clock(point as u64);
            sink.row(layout.sources().iter().map(|&(column, at)| self.cell(point, (values, &clock), column, at)))
        })
    }

    fn cell(
        &self,
        point: usize,
        (values, clock): (&[SetValue], &Clock),
        column: SummaryColumn,
        at: usize,
    ) -> Cell<'static> {
        let width = self.metrics.len() + DATED.len();
        let reached = &self.moments[point * width];
        let moments = || &self.moments[point * width + at];
        let quantile = |at: usize, share| self.quantiles[point * width + at].quantile(share, self.values);
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
            SummaryColumn::MeanDate => date(clock, reached.mean()),
            SummaryColumn::MinDate => date(clock, reached.min()),
            SummaryColumn::MaxDate => date(clock, reached.max()),
            SummaryColumn::LowDate => date(clock, quantile(0, 0.05)),
            SummaryColumn::MedianDate => date(clock, quantile(0, 0.5)),
            SummaryColumn::HighDate => date(clock, quantile(0, 0.95)),
            SummaryColumn::Mean => Cell::real(moments().mean()),
            SummaryColumn::Sd => Cell::real(moments().deviation()),
            SummaryColumn::Min => Cell::real(moments().min()),
            SummaryColumn::Max => Cell::real(moments().max()),
            SummaryColumn::Low => Cell::real(quantile(at, 0.05)),
            SummaryColumn::Median => Cell::real(quantile(at, 0.5)),
            SummaryColumn::High => Cell::real(quantile(at, 0.95)),
            SummaryColumn::QuantilesError => {
                let all = self.quantiles[point * width..(point + 1) * width].iter();
                Cell::Real(all.map(|one| one.error(self.values)).fold(0.0, f64::max))
            }
            SummaryColumn::Storylines => Cell::Whole(self.storylines[point].len() as u64),
            SummaryColumn::StorylinesExact => Cell::Truth(self.exact[point]),
        }
    }
}

/// The date at which a step begins. A position between two steps is rounded to the nearest, a half up.
fn date(clock: &Clock, step: Option<f64>) -> Cell<'static> {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "between steps of a run")]
    step.map_or(Cell::Empty, |step| clock.date((step + 0.5).floor() as u32).into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::OutcomeId;
    use crate::scenario::{Document, Options, compile};
    use crate::table::Csv;

    fn model() -> Model {
        let text = "format = 1\n[time]\nsteps = 1\n[parameters]\nn = 1\n[actors.us]\n[outcomes.done]\nwhen = \"true\"\n\
                    [outcomes.done_low]\nwhen = \"true\"\n[metrics]\nmood = \"stance(us)\"\n";
        let document = Document::parse("test.toml", text.as_bytes()).unwrap();
        compile(&document, &Options::default()).unwrap().model
    }

    fn fact(point: u64, storyline: u64) -> RunStats {
        let ending = Some(Ending::Outcome(OutcomeId(0)));
        RunStats { run: 0, point, ending, reached_step: Some(2), gap: Some(0), storyline }
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
        assert_eq!(header[header.len() - 2..], ["count/storylines", "exact/storylines"]);
    }

    #[test]
    fn storylines_beyond_the_limit_are_a_lower_bound() {
        let mut summary = Summary::new(&model(), 2);
        assert_eq!(summary.kept as u64, limits::STORYLINES_A_POINT);
        summary.kept = 2;
        for storyline in [1, 2, 1, 2] {
            summary.add(fact(0, storyline), &[0.5]);
            summary.add(fact(1, storyline), &[0.5]);
        }
        summary.add(fact(1, 3), &[0.5]);
        assert_eq!((summary.storylines[0].len(), summary.exact[0]), (2, true));
        assert_eq!((summary.storylines[1].len(), summary.exact[1]), (2, false));
    }

    #[test]
    fn storylines_are_tallied_up_to_the_limit() {
        let mut summary = Summary::new(&model(), 1);
        let limit = limits::STORYLINES_TALLIED as u64;
        for run in 0..limit + 3 {
            summary.add(RunStats { run, ..fact(0, run.min(limit + 1)) }, &[0.5]);
        }
        for run in [7, 5] {
            summary.add(RunStats { run, ..fact(0, 9) }, &[0.5]);
        }
        let tallies = summary.tallies();
        assert_eq!((tallies.len() as u64, summary.untallied()), (limit, 3));
        let common = Tally { storyline: 9, runs: 3, first: 5, ending: fact(0, 9).ending };
        assert_eq!((tallies[0], tallies[1].first), (common, 0));
    }

    #[test]
    fn missing_values_are_empty() {
        let mut summary = Summary::new(&model(), 2);
        summary.add(RunStats { ending: None, reached_step: None, gap: None, ..fact(0, 7) }, &[f64::NAN]);
        let points = super::super::design::grid(&[super::super::design::Axis::parse("x=1,2").unwrap()], false).unwrap();
        let layout = summary.layout(&points.names);
        let table = Csv::table(layout.columns(), |sink| summary.write(sink, &points, |_| model().clock));
        let text = String::from_utf8(table.unwrap()).unwrap();
        let cells = |row: usize| text.lines().nth(row).unwrap().split(',').collect::<Vec<_>>();
        let named =
            |row: usize, name: &str| cells(row)[cells(0).iter().position(|cell| *cell == name).unwrap()].to_owned();
        assert_eq!(
            (named(1, "count/runs"), named(1, "share/failed"), named(1, "mean/gap")),
            ("1".into(), "1.0".into(), String::new())
        );
        assert_eq!(
            (named(2, "count/runs"), named(2, "share/failed"), named(2, "count/storylines")),
            ("0".into(), String::new(), "0".into())
        );
    }
}
