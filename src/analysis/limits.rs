//! Named limits of explanations. All are counts of work, never of time, so answers are the same on any machine.

/// Sets that are listed.
pub const SETS: usize = 1_000;
/// Up to this many possible moves (or actors) the minimum is always proved.
pub const EXACT: usize = 24;
/// Nodes of a search that tries to list every minimal set.
pub const LISTING_NODES: u64 = 100_000;
/// Nodes of a search that tries to prove the minimum.
pub const PROOF_NODES: u64 = 200_000;
/// Nodes of a search with at most [`EXACT`] moves: more than there are sets of moves.
pub const EXACT_NODES: u64 = 1 << 25;
/// Operations of a whole search: parts of conditions evaluated, as in [`crate::model::limits::WORK`].
pub const WORK: u64 = 200_000_000;
/// Operations of a whole search with at most [`EXACT`] moves.
pub const EXACT_WORK: u64 = 10_000_000_000;
/// Moves in a set that a search builds up; larger sets come from the greedy search alone.
pub const DEPTH: usize = 500;
/// Blocked sets that a search remembers.
pub const BLOCKED_SETS: usize = 2_000;
/// Moves that the greedy search tries in each of its steps.
pub const GREEDY: usize = 32;
/// Edges of the wait-for graph.
pub const WAITS: usize = 2_000_000;
/// Operations spent on the wait-for graph, on keystones and on partial moves, each.
pub const DETAIL_WORK: u64 = 400_000_000;
