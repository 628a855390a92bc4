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
    /// Hashes of storylines kept in all to count them by point; each point gets an equal part, up to
    /// [`STORYLINES_A_POINT`].
    pub const STORYLINES: u64 = 2_097_152;
    /// Distinct storylines counted exactly at one point, at most.
    pub const STORYLINES_A_POINT: u64 = 65_536;
    /// Distinct storylines of a sweep whose runs are counted; runs that tell another are counted together.
    pub const STORYLINES_TALLIED: usize = 65_536;
    /// Points that change more than numbers of the setup and are kept compiled; others are compiled for each of their runs.
    pub const MODELS: usize = 256;
    /// Actors and instances of commitments of the models that are kept compiled, in all.
    pub const MODEL_PARTS: u64 = 500_000;
    /// Actors and instances of commitments of models that threads compile and run at once, in all; one model at least.
    pub const WORKING_PARTS: u64 = 500_000;
    /// Actors and instances of commitments of the models of all points that change more than parameters.
    pub const POINT_PARTS: u64 = 50_000_000;
    /// Distinct values kept for quantiles in all; each number that is measured at a point gets an equal part, up to
    /// [`QUANTILE_VALUES_A_POINT`].
    pub const QUANTILE_VALUES: u64 = 8_388_608;
    /// Distinct values of a number at a point that are kept for its quantiles, at most; of more all lose digits.
    pub const QUANTILE_VALUES_A_POINT: u64 = 4_096;
    /// Memory of a summary, in bytes.
    pub const SUMMARY_BYTES: u64 = 512 << 20;
    /// Points that `check` validates of a `[sweep]` table; a sweep validates all of its points.
    pub const CHECKED: u64 = 100;
    /// Actors and instances of commitments of the models of those points, in all; two points at least.
    pub const CHECKED_PARTS: u64 = 5_000_000;

    /// Runs of a search for tipping points under one luck, those of the grid included.
    pub const TIP_RUNS: u64 = 100_000;
    /// Runs of a search for tipping points in all.
    pub const TIP_RUNS_IN_ALL: u64 = 10_000_000;

    /// Runs of first moves that are played forward, unless another budget is given.
    pub const FORWARD_RUNS: u64 = 200_000;
    /// The largest budget of such runs.
    pub const FORWARD_RUNS_MOST: u64 = 100_000_000;
    /// Sets of first moves that are played forward.
    pub const FORWARD_SETS: u64 = 100_000;
    /// Moves of such a set.
    pub const FORWARD_MOVES: usize = 10;
    /// Broken promises that are named for each such set.
    pub const FORWARD_BROKEN: usize = 20;
}
