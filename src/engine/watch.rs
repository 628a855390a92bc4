//! Watched conditions: what has to change before a condition can take another truth than it has.
//!
//! A false `and` stays false as long as one of its false operands does, and a true `or` as long as one of its true ones
//! does: only what that operand reads need be watched (the watched literals of SAT solvers, as in `MiniSat`, with
//! comparisons for literals). A comparison that reads one stance, and is monotone in it, keeps its truth while the
//! stance stays between two numbers, so that the stance is watched for leaving them rather than for moving.
//!
//! What a condition reads is told apart by the bits of a mask, with the last bit for all that are too many.

mod condition;
mod conditions;
mod path;
mod reasons;

pub(super) use conditions::Safety;
pub(super) use conditions::{Conditions, Which};
pub(super) use reasons::{Band, Kind, Reasons, Wake, bit};
