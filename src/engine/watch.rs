//! Watched conditions: the changes that could change the truth of a condition.
//!
//! A false `and` stays false as long as one of its false operands does, and a true `or` stays true as long as one of
//! its true operands does. So it is enough to watch what that operand reads (as with the watched literals of SAT
//! solvers such as `MiniSat`; the literals here are comparisons). A comparison that reads one stance and is monotone in
//! it keeps its truth while the stance stays in an interval, so only leaving that interval is watched.
//!
//! The quantities that a condition reads are represented by the bits of a mask. If there are more quantities than bits,
//! the last bit stands for the rest.

mod condition;
mod conditions;
mod path;
mod reasons;

pub(super) use conditions::Safety;
pub(super) use conditions::{Conditions, Which};
pub(super) use reasons::{Bands, Kind, Reasons, Wake, bit};
