//! Decisions: each phase reads the state and returns events. Nothing here changes the state.

mod calendar;
mod exchange;
mod outcomes;
mod review;
mod stances;
mod weights;

pub(super) use calendar::{ShockState, dated, shock};
pub(super) use exchange::{Rounds, detached, initial, move_events, package, round};
pub(super) use outcomes::{delivery, ending_with_reason, reached};
pub use outcomes::{ending, sample};
pub(super) use review::review;
pub(super) use stances::Movers;
pub(super) use stances::{Noise, StanceStep, next_of_everybody, next_stances, stances};
pub(super) use weights::{Influences, Weights};
