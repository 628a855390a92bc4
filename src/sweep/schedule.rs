//! The order of the runs of a sweep, and their seeds.

use std::ops::Range;

use super::error::{Error, ErrorKind, quoted};
use super::limits;
use crate::engine::RunSeed;

/// The order of a sweep's runs: replicate by replicate over all points, so that an interrupted sweep covers the points
/// evenly.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Schedule {
    /// Number of points.
    pub points: u64,
    /// Number of replicates at each point.
    pub replicates: u64,
    /// The seed.
    pub seed: u64,
    /// Whether every run has random numbers of its own, instead of those of its replicate at every point.
    pub independent: bool,
}

/// One run of a schedule.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Slot {
    /// Number of the run, from 0.
    pub run: u64,
    /// Its point.
    pub point: u64,
    /// Its seed and replicate.
    pub run_seed: RunSeed,
}

impl Schedule {
    /// Checks the limits.
    ///
    /// # Errors
    /// An [`Error`] if there are no runs, or too many.
    pub fn check(&self) -> Result<(), Error> {
        if self.replicates == 0 {
            return Err(Error::new(ErrorKind::Design, "a sweep needs at least 1 replicate"));
        }
        if u128::from(self.points) * u128::from(self.replicates) > u128::from(limits::RUNS) {
            let message = format!(
                "{} points with {} replicates are more than {} runs",
                self.points,
                self.replicates,
                limits::RUNS
            );
            return Err(Error::new(ErrorKind::Limit, message));
        }
        Ok(())
    }

    /// Number of runs.
    #[must_use]
    pub fn runs(&self) -> u64 {
        self.points * self.replicates
    }

    /// A run by its number. With `independent`, its replicate is its number, so no two runs share random numbers, and
    /// replicates can be added later.
    #[must_use]
    pub fn slot(&self, run: u64) -> Slot {
        let replicate = if self.independent { run } else { run / self.points };
        Slot { run, point: run % self.points, run_seed: RunSeed { seed: self.seed, replicate } }
    }
}

/// A part of the runs of a sweep.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shard {
    /// The number of the part, from 1.
    pub number: u64,
    /// The number of parts.
    pub of: u64,
}

impl Shard {
    /// All runs in one part.
    pub const WHOLE: Self = Self { number: 1, of: 1 };

    /// Parses `I/N`.
    ///
    /// # Errors
    /// An [`Error`] with a message about the text.
    pub fn parse(text: &str) -> Result<Self, Error> {
        let wrong = |what: &str| {
            Error::new(ErrorKind::Design, format!("{} {what}", quoted(text))).help("shards count from 1: `--shard 1/3`")
        };
        let Some((number, of)) = text.split_once('/') else { return Err(wrong("is not a shard")) };
        let (Ok(number), Ok(of)) = (number.trim().parse::<u64>(), of.trim().parse::<u64>()) else {
            return Err(wrong("is not a shard"));
        };
        if number == 0 || number > of {
            return Err(wrong("is not a shard: the first number must be from 1 to the second"));
        }
        if of > limits::SHARDS {
            return Err(Error::new(
                ErrorKind::Limit,
                format!("{} has more than {} shards", quoted(text), limits::SHARDS),
            ));
        }
        Ok(Self { number, of })
    }

    /// The runs of this part out of `runs`. Parts are consecutive and differ by at most one run.
    ///
    /// # Panics
    /// Never: a part is no more than the whole.
    #[must_use]
    pub fn range(&self, runs: u64) -> Range<u64> {
        let bound = |number: u64| {
            u64::try_from(u128::from(runs) * u128::from(number) / u128::from(self.of)).expect("no more than all runs")
        };
        bound(self.number - 1)..bound(self.number)
    }
}

impl std::fmt::Display for Shard {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{}", self.number, self.of)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_go_replicate_by_replicate() {
        let schedule = Schedule { points: 3, replicates: 2, seed: 7, independent: false };
        let found: Vec<(u64, u64)> =
            (0..schedule.runs()).map(|run| (schedule.slot(run).point, schedule.slot(run).run_seed.replicate)).collect();
        assert_eq!(found, [(0, 0), (1, 0), (2, 0), (0, 1), (1, 1), (2, 1)]);
        let independent = Schedule { independent: true, ..schedule };
        let replicates: Vec<u64> = (0..6).map(|run| independent.slot(run).run_seed.replicate).collect();
        assert_eq!(replicates, [0, 1, 2, 3, 4, 5]);
    }

    #[test]
    fn shards_cover_every_run_once() {
        for runs in [0, 1, 7, 100, 1_000_000_000] {
            for of in [1, 2, 3, 7, 10_000] {
                let mut next = 0;
                for number in 1..=of {
                    let range = Shard { number, of }.range(runs);
                    assert_eq!(range.start, next);
                    next = range.end;
                }
                assert_eq!(next, runs);
            }
        }
    }

    #[test]
    fn invalid_shards_are_refused() {
        for text in ["", "1", "0/3", "4/3", "a/b", "-1/3", "1/0"] {
            assert!(Shard::parse(text).is_err(), "{text}");
        }
        assert_eq!(Shard::parse("2/3").unwrap(), Shard { number: 2, of: 3 });
        assert_eq!(Shard::parse("1/10001").unwrap_err().kind(), ErrorKind::Limit);
    }

    #[test]
    fn too_many_runs_are_refused() {
        let schedule = Schedule { points: 1_000_000, replicates: 1_001, seed: 0, independent: false };
        assert_eq!(schedule.check().unwrap_err().kind(), ErrorKind::Limit);
        assert!(Schedule { replicates: 0, ..schedule }.check().is_err());
    }
}
