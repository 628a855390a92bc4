//! The engine: random streams, decisions, the fold, and the run loop.
//!
//! A run is a list of events. Each phase of a step *decides* on events by looking at the state, and
//! `evolve` alone changes the state; folding the log rebuilds every state without a random number.

mod agenda;
mod agreement;
mod cause;
mod collections;
mod decide;
mod decision;
mod distribution;
mod failure;
mod history;
mod looker;
mod measure;
mod normals;
mod plan;
mod raised;
mod random;
mod ranges;
mod run;
mod settle;
mod setup;
mod signals;
mod storyline;
mod unravel;
mod view;
mod watch;

pub use crate::model::{begin_step, evolve, recount};
pub use agreement::Hypothesis;
pub use distribution::{normal_quantile, quantile};
pub use failure::Failure;
pub use history::HistoryHash;
pub use measure::{ending, greatest_agreement, sample};
pub use normals::Normals;
pub use plan::Plan;
pub use random::{DrawStream, RunSeed, stream, unit};
pub use run::{
    Checkpoint, Observer, Past, Run, RunOptions, Simulation, Stage, may_follow, run, run_staged, run_watched,
};
pub use setup::{Setting, prepare, prepare_drawn};
pub use storyline::{NameHashes, StorylineHash, Subject, Teller, Told, storyline};
pub use unravel::Unravelling;
pub use view::View;
