//! A sweep from what was asked for, with what the scenario's `[sweep]` table says where nothing was.

use super::error::Error;
use super::experiment::{DesignSource, Experiment, Tables};
use super::outline::{Asked, Sort};
use super::schedule::{Schedule, Shard};
use super::session::Sweep;
use super::table::of_table;
use crate::scenario::{Diagnostic, Document, Override};

/// What is asked of a sweep. Where nothing is, the scenario's `[sweep]` table says, or the default holds.
#[derive(Clone, Debug)]
pub struct Wanted {
    /// The points, and how they were asked for.
    pub design: Option<(DesignSource, Asked)>,
    /// Whether the axes of the scenario's own table run side by side.
    pub zip: bool,
    /// What is set at every point.
    pub sets: Vec<Override>,
    /// Runs at each point.
    pub replicates: Option<u64>,
    /// The seed of everything random.
    pub seed: Option<u64>,
    /// Whether every run has luck of its own.
    pub independent: bool,
    /// Which part of the runs.
    pub shard: Shard,
    /// Which tables are wanted besides `runs.csv`.
    pub tables: Tables,
    /// The order of the rows of the finished `runs.csv`.
    pub sort: Sort,
    /// The scenario file's name, without folders.
    pub scenario: String,
}

/// Why a sweep cannot be made ready.
#[derive(Debug)]
pub enum Unprepared {
    /// The scenario's own table asks for something that cannot be.
    Table(Box<Diagnostic>),
    /// What was asked for cannot be.
    Asked(Error),
}

impl From<Error> for Unprepared {
    fn from(error: Error) -> Self {
        Self::Asked(error)
    }
}

impl Sweep {
    /// Makes a sweep ready: compiles the scenario, makes the points, validates every one of them on `jobs` threads.
    ///
    /// # Errors
    /// [`Unprepared`] if the scenario, the design or a point is not valid.
    pub fn prepare(document: Document, wanted: Wanted, jobs: usize) -> Result<Self, Unprepared> {
        let table = document.sweep().unwrap_or_default();
        let (source, asked) = match wanted.design {
            Some(design) => design,
            None => of_table(&table, wanted.zip, &document).map_err(Unprepared::Table)?,
        };
        let seed = wanted.seed.or(table.seed).unwrap_or(0);
        let experiment = Experiment::new(document, &wanted.sets, source, seed, jobs)?;
        let schedule = Schedule {
            points: experiment.points().count(),
            replicates: wanted.replicates.or(table.replicates).unwrap_or(1),
            seed,
            independent: wanted.independent || table.independent.unwrap_or(false),
        };
        schedule.check()?;
        let Wanted { shard, tables, sort, scenario, .. } = wanted;
        Ok(Self { experiment, schedule, shard, tables, sort, asked, scenario })
    }
}
