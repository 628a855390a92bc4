//! The engine: random streams, decisions, the application of events, and the run loop.
//!
//! A run is a list of events. Each phase of a step *decides* on events by reading the state, and `evolve` alone changes
//! the state; applying the events of a log again reproduces every state without a random number.

mod agenda;
mod agreement;
mod cause;
mod collections;
mod condition_check;
mod decide;
mod decision;
mod distribution;
mod failure;
mod history;
mod normals;
mod plan;
mod random;
mod ranges;
mod run;
mod settle;
mod setup;
mod signals;
mod storyline;
mod unravel;
mod watch;

pub use crate::model::{begin_step, evolve, recount};
pub use agreement::{Hypothesis, greatest_agreement};
pub use decide::{ending, sample};
pub use decision::View;
pub use distribution::{normal_quantile, quantile};
pub use failure::Failure;
pub use history::HistoryHash;
pub use normals::Normals;
pub use plan::Plan;
pub use random::{DrawStream, RunSeed, stream, unit};
pub use run::{
    Checkpoint, LogObserver, Observer, Run, RunOptions, RunSnapshot, Simulation, Stage, may_follow, run, run_followed,
    run_staged, run_watched,
};
pub use setup::{Setting, prepare, prepare_drawn};
pub use storyline::{NameHashes, StorylineBuilder, StorylineEntry, StorylineHash, Subject, storyline};
pub use unravel::Unravelling;
