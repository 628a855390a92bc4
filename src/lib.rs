//! Backstop: a deterministic, event-sourced simulator of actors with stances who exchange conditional commitments.

pub mod analysis;
pub mod engine;
pub mod log;
pub mod model;
pub mod scenario;
pub mod sweep;
pub mod text;
