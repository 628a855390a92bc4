//! Sweeps: many runs over a design of points, in parallel, with the same bytes on any number of threads.

mod against;
mod beside;
mod design;
mod error;
mod execute;
mod experiment;
mod forward;
mod merge;
mod outline;
mod points;
mod prepare;
mod read_rows;
mod sample;
mod schedule;
mod session;
mod sobol;
mod statistics;
mod store;
mod summary;
mod tip;
mod worker;

pub use against::{Baselines, Comparison};
pub use design::{Axis, Request, grid};
pub use error::{Error, ErrorKind, Place};
pub use experiment::{DesignSource, Experiment, Tables};
pub use forward::{Forward, Futures, Goal, MoveSet, OutcomeCounts, SetsOfSize, simulate};
pub use merge::merge;
pub use outline::{DesignRecord, Outline, Sort, differences};
pub use points::{Points, read_design};
pub use prepare::{PrepareError, SweepOptions, check_table, of_table, recorded, summarized};
pub use sample::{Method, Sample, sample};
pub use schedule::{Schedule, Shard, Slot};
pub use session::{Output, Progress, Report, Sweep, done_in, is_begun};
pub use statistics::Quantiles;
pub use statistics::{Moments, wilson};
pub use summary::{RunStats, Summary, Tally};
pub use tip::{Bracketing, Tip, Tips, bracket_grid, tips};
pub use worker::Memory;

pub mod limits {
    //! Named limits on sweeps.

    limits! {
        /// Points of a design.
        pub const POINTS: u64 = 1_000_000;
        /// Names that a design varies.
        pub const NAMES: usize = 1_000;
        /// Numbers of a design: points times names.
        pub const VALUES: u64 = 20_000_000;
        /// Runs of a sweep.
        pub const RUNS: u64 = 1_000_000_000;
        /// Size of a design file, in bytes.
        pub const DESIGN_BYTES: u64 = 512 << 20;
        /// Size of a journal, in bytes.
        pub const JOURNAL_BYTES: u64 = 256 << 20;
        /// Size of a line of a journal, or of a row of a table that is read back, in bytes.
        pub const LINE_BYTES: u64 = 16 << 20;
        /// Threads.
        pub const JOBS: usize = 1_024;
        /// Shards of a sweep.
        pub const SHARDS: u64 = 10_000;
        /// Bytes of finished runs that may wait for an earlier run to finish.
        pub const WAITING_BYTES: usize = 64 << 20;
        /// Bytes of memory for sorting the rows of `runs.csv`.
        pub const SORT_BYTES: usize = 64 << 20;
        /// Hashes of storylines kept in total to count them by point; each point gets an equal part, up to
        /// [`STORYLINES_A_POINT`].
        pub const STORYLINES: u64 = 2_097_152;
        /// Distinct storylines that are counted exactly at one point.
        pub const STORYLINES_A_POINT: u64 = 65_536;
        /// Distinct storylines of a sweep whose runs are counted; the runs of all others are counted together.
        pub const STORYLINES_TALLIED: usize = 65_536;
        /// Compiled models that are cached for points that change more than numbers of the setup; others are compiled for
        /// each of their runs.
        pub const MODELS: usize = 256;
        /// Actors and instances of commitments in all cached models.
        pub const MODEL_PARTS: u64 = 500_000;
        /// Actors and instances of commitments in all models that threads use at once; one model is always allowed.
        pub const WORKING_PARTS: u64 = 500_000;
        /// Actors and instances of commitments in the models of all points that change more than parameters.
        pub const POINT_PARTS: u64 = 50_000_000;
        /// Distinct values kept for quantiles in total; each measured number at a point gets an equal part, up to
        /// [`QUANTILE_VALUES_A_POINT`].
        pub const QUANTILE_VALUES: u64 = 8_388_608;
        /// Distinct values of a number at a point that are kept for its quantiles; with more, precision is reduced.
        pub const QUANTILE_VALUES_A_POINT: u64 = 4_096;
        /// Memory of a summary, in bytes.
        pub const SUMMARY_BYTES: u64 = 512 << 20;
        /// Points of a `[sweep]` table that `check` validates; a sweep validates all of its points.
        pub const CHECKED: u64 = 100;
        /// Actors and instances of commitments in the models of those points; two points are always allowed.
        pub const CHECKED_PARTS: u64 = 5_000_000;

        /// Runs of a search for tipping points in one replicate, including those of the grid.
        pub const TIP_RUNS: u64 = 100_000;
        /// Runs of a search for tipping points in total.
        pub const TIP_RUNS_IN_ALL: u64 = 10_000_000;

        /// Default budget of runs for simulating first moves.
        pub const FORWARD_RUNS: u64 = 200_000;
        /// Largest budget of such runs.
        pub const FORWARD_RUNS_MOST: u64 = 100_000_000;
        /// Sets of first moves that are simulated.
        pub const FORWARD_SETS: u64 = 100_000;
        /// Moves in such a set.
        pub const FORWARD_MOVES: usize = 10;
        /// Broken promises that are reported for each such set.
        pub const FORWARD_BROKEN: usize = 20;
    }
}
