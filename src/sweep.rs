//! Sweeps: many runs over a design of points, in parallel, with the same bytes on any number of threads.

mod design;
mod error;
mod execute;
pub mod limits;
mod sample;
mod schedule;
mod sobol;
mod statistics;
mod summary;

pub use design::{Axis, Points, Request, grid};
pub use error::{Error, ErrorKind, Place};
pub use sample::{Method, Sample, sample};
pub use schedule::{Schedule, Shard, Slot};
pub use statistics::{Moments, wilson};
pub use summary::{Facts, Share, Summary};
