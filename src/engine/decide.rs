//! Decisions: each phase looks at the state and answers with events. Nothing here changes the state.

mod calendar;
mod delivery;
mod exchange;
mod movers;
mod outcomes;
mod review;
mod stances;
mod weights;

pub(super) use calendar::{Threat, dated, shock};
pub(super) use delivery::delivery;
pub(super) use exchange::{Rounds, go_first, initial, package, round};
pub(super) use movers::Movers;
pub(super) use outcomes::{ending, reached, sample};
pub(super) use review::review;
pub(super) use stances::{Noise, StanceStep, next_stances, stances};
pub(super) use weights::Influences;
