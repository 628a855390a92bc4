//! Sweeps: many runs over a design of points, in parallel, with the same bytes on any number of threads.

mod design;
mod design_file;
mod error;
mod execute;
mod experiment;
pub mod limits;
mod merge;
mod outline;
mod read_rows;
mod recorded;
mod sample;
mod schedule;
mod session;
mod sobol;
mod sort;
mod statistics;
mod store;
mod summary;
mod table;
mod tip;
mod worker;

pub use design::{Axis, Points, Request, grid};
pub use design_file::read_design;
pub use error::{Error, ErrorKind, Place};
pub use experiment::{DesignSource, Experiment, Tables};
pub use merge::merge;
pub use outline::{Asked, Outline, Sort, differences};
pub use recorded::recorded;
pub use sample::{Method, Sample, sample};
pub use schedule::{Schedule, Shard, Slot};
pub use session::{Output, Progress, Report, Sweep, done_in, is_begun};
pub use statistics::{Moments, wilson};
pub use summary::{RunStats, Summary};
pub use table::{check_table, of_table};
pub use tip::{Bracketing, Tip, Tips, bracket_grid, tips};
