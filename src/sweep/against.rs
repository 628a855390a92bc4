//! Compares points of a sweep with a base, run by run with common random numbers.

use std::collections::BTreeMap;
use std::io;
use std::path::Path;

use super::error::{Error, ErrorKind, quoted};
use super::limits;
use super::points::Points;
use super::prepare::finished;
use super::read_rows::RowReader;
use super::session::Sweep;
use super::statistics::Moments;
use super::summary::{DATED, RunStats, Summary};
use crate::scenario::{SetValue, canonical};
use crate::table::{AgainstColumn, Cell, Layout, Sink};
use crate::trace::set_cell;

/// For each point, the point with which it is compared.
#[derive(Clone, Debug)]
pub struct Baselines(Vec<u64>);

impl Baselines {
    /// Parses the base of each point: `POINT` is that point; `NAME=VALUE` is the point that has this value and
    /// otherwise the same values.
    ///
    /// # Errors
    /// An [`Error`] if there is no such point.
    pub fn parse(text: &str, points: &Points) -> Result<Self, Error> {
        let wrong = |message: String, help: &str| Error::new(ErrorKind::Design, message).help(help);
        let count = points.count();
        let Some((name, value)) = text.split_once('=') else {
            let point = text.parse::<u64>().ok().filter(|&point| point < count);
            let help = format!("give a point from 0 to {}, or NAME=VALUE", count.saturating_sub(1));
            let point = point.ok_or_else(|| wrong(format!("there is no point {}", quoted(text)), &help))?;
            return Ok(Self(vec![point; usize::try_from(count).unwrap_or(0)]));
        };
        let at = points.names.iter().position(|known| canonical(known) == canonical(name));
        let at = at.ok_or_else(|| {
            wrong(
                format!("{} is not varied", quoted(name)),
                "give a name that the sweep varies, or the number of a point",
            )
        })?;
        let value = SetValue::parse(value)
            .map_err(|what| wrong(format!("{} {what}", quoted(value)), "give a value of the sweep"))?;
        let others = |point: u64| -> Vec<String> {
            let values = points.values(point).iter().enumerate().filter(|(other, _)| *other != at);
            values.map(|(_, value)| value.to_string()).collect()
        };
        let with_value = (0..count).rev().filter(|&point| points.values(point)[at] == value);
        let known: BTreeMap<Vec<String>, u64> = with_value.map(|point| (others(point), point)).collect();
        let base = |point: u64| {
            known.get(&others(point)).copied().ok_or_else(|| {
                let message = format!("no point has {} and otherwise the values of point {point}", quoted(text));
                wrong(message, "give a value that the sweep has at each of the others, or the number of a point")
            })
        };
        (0..count).map(base).collect::<Result<_, _>>().map(Self)
    }
}

/// The comparison of the points of a sweep with their baselines, run by run.
#[derive(Debug)]
pub struct Comparison {
    baselines: Vec<u64>,
    outcomes: Vec<String>,
    names: Vec<String>,
    /// By point: the number of runs with a counterpart.
    pairs: Vec<u64>,
    /// By point and outcome: the number of pairs in which only the run of the point, and only that of the base, ends in
    /// it.
    discordant: Vec<[u64; 2]>,
    /// By point and measured number: the differences, point minus base.
    differences: Vec<Moments>,
}

/// The data compared of a run: its ending, then the measured numbers, NaN if missing.
type Compared = (usize, Vec<f64>);

impl Comparison {
    /// Compares the runs of a finished folder.
    ///
    /// # Errors
    /// An [`Error`] if the folder cannot be read, has no such base, or its runs have no common random numbers.
    pub fn of(folder: &Path, text: &str) -> Result<(Sweep, Self), Error> {
        let sweep = finished(folder)?;
        Self::check(&sweep)?;
        let points = sweep.experiment.points();
        let baselines = Baselines::parse(text, points)?.0;
        let summary = Summary::new(sweep.experiment.model(), 1);
        let outcomes: Vec<String> = summary.endings().map(str::to_owned).collect();
        let metrics = sweep.experiment.model().metrics.iter().map(|metric| metric.id.clone());
        let names: Vec<String> = DATED.iter().map(|name| (*name).to_owned()).chain(metrics).collect();
        let mut sorted = baselines.clone();
        sorted.sort_unstable();
        sorted.dedup();
        let each = (size_of::<Compared>() + names.len() * size_of::<f64>()) as u64;
        let kept = sweep.schedule.replicates.saturating_mul(sorted.len() as u64).saturating_mul(each);
        let moments = (baselines.len() * (names.len() * size_of::<Moments>() + outcomes.len() * 16)) as u64;
        if kept.saturating_add(moments) > limits::SUMMARY_BYTES {
            let message = format!("the comparison takes more than {} bytes", limits::SUMMARY_BYTES);
            return Err(Error::new(ErrorKind::Limit, message).help("compare with one point, or a smaller sweep"));
        }
        let count = baselines.len();
        let mut found = Self {
            pairs: vec![0; count],
            discordant: vec![[0; 2]; count * outcomes.len()],
            differences: vec![Moments::default(); count * names.len()],
            baselines,
            outcomes,
            names,
        };
        let mut of_baselines: BTreeMap<(u64, u64), Compared> = BTreeMap::new();
        let compared = |facts: &RunStats, metrics: &[f64]| -> Compared {
            let dated = [facts.reached_step, facts.gap].map(|value| value.map_or(f64::NAN, f64::from));
            (summary.place(facts.ending), dated.iter().chain(metrics).copied().collect())
        };
        let mut reader = RowReader::new(&sweep.experiment);
        sweep.each_row(folder, &mut reader, &mut |facts, metrics| {
            if sorted.binary_search(&facts.point).is_ok() {
                of_baselines.insert((facts.point, facts.run / points.count()), compared(facts, metrics));
            }
        })?;
        sweep.each_row(folder, &mut reader, &mut |facts, metrics| {
            let base = found.baselines[usize::try_from(facts.point).unwrap_or(0)];
            if let Some(base) = of_baselines.get(&(base, facts.run / points.count())) {
                found.add(usize::try_from(facts.point).unwrap_or(0), &compared(facts, metrics), base);
            }
        })?;
        Ok((sweep, found))
    }

    /// Whether the runs of a sweep can be compared pair by pair.
    ///
    /// # Errors
    /// An [`Error`] if they have no common random numbers.
    pub fn check(sweep: &Sweep) -> Result<(), Error> {
        if !sweep.schedule.independent {
            return Ok(());
        }
        let error = Error::new(ErrorKind::Design, "the runs of an independent sweep have no random numbers in common");
        Err(error.help("leave out `--independent`"))
    }

    fn add(&mut self, point: usize, own: &Compared, base: &Compared) {
        self.pairs[point] += 1;
        if own.0 != base.0 {
            let first = point * self.outcomes.len();
            self.discordant[first + own.0][0] += 1;
            self.discordant[first + base.0][1] += 1;
        }
        let first = point * self.names.len();
        for (at, (own, base)) in own.1.iter().zip(&base.1).enumerate() {
            let difference = own - base;
            if !difference.is_nan() {
                self.differences[first + at].add(difference);
            }
        }
    }

    /// The base of a point.
    #[must_use]
    pub fn base(&self, point: usize) -> u64 {
        self.baselines[point]
    }

    /// The number of runs of a point with a counterpart.
    #[must_use]
    pub fn pairs(&self, point: usize) -> u64 {
        self.pairs[point]
    }

    /// The kinds of ending.
    #[must_use]
    pub fn outcomes(&self) -> &[String] {
        &self.outcomes
    }

    /// The discordant pairs of a point and an outcome, by position: the number of those in which only the run of the
    /// point, and only that of the base, ends in it.
    #[must_use]
    pub fn discordant(&self, point: usize, outcome: usize) -> [u64; 2] {
        self.discordant[point * self.outcomes.len() + outcome]
    }

    /// The mean difference of a measured number, by position, with its 95 % interval, mean ± 1.96·sd/√n by the normal
    /// distribution, if at least two pairs have it.
    #[must_use]
    pub fn difference(&self, point: usize, name: usize) -> (Option<f64>, Option<(f64, f64)>) {
        let moments = &self.differences[point * self.names.len() + name];
        let mean = moments.mean();
        #[expect(clippy::cast_precision_loss, reason = "counts stay far below 2^53")]
        let half = moments.deviation().map(|sd| super::statistics::Z * sd / libm::sqrt(moments.count() as f64));
        (mean, mean.zip(half).map(|(mean, half)| (mean - half, mean + half)))
    }

    /// The columns of the table.
    #[must_use]
    pub fn layout(&self, points: &Points) -> Layout<AgainstColumn> {
        Layout::new(true, |placeholder| match placeholder {
            "OUTCOME" => self.outcomes.iter().map(String::as_str).collect(),
            "NAME" => self.names.iter().map(String::as_str).collect(),
            _ => points.names.iter().map(String::as_str).collect(),
        })
    }

    /// Writes the rows of the table.
    ///
    /// # Errors
    /// Those of the sink.
    pub fn write<S: Sink>(&self, sink: &mut S, points: &Points) -> io::Result<()> {
        let layout = self.layout(points);
        (0..self.pairs.len()).try_for_each(|point| {
            let values = points.values(point as u64);
            sink.row(layout.sources().iter().map(|&(column, at)| match column {
                AgainstColumn::Point => Cell::Whole(point as u64),
                AgainstColumn::Parameter => set_cell(values[at]),
                AgainstColumn::Base => Cell::Whole(self.base(point)),
                AgainstColumn::Pairs => Cell::Whole(self.pairs(point)),
                AgainstColumn::Gained => Cell::Whole(self.discordant(point, at)[0]),
                AgainstColumn::Lost => Cell::Whole(self.discordant(point, at)[1]),
                AgainstColumn::Difference => Cell::real(self.difference(point, at).0),
                AgainstColumn::DifferenceLow => Cell::real(self.difference(point, at).1.map(|(low, _)| low)),
                AgainstColumn::DifferenceHigh => Cell::real(self.difference(point, at).1.map(|(_, high)| high)),
            }))
        })
    }
}
