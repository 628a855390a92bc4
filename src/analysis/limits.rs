//! Named limits of explanations. All are counts of work, never of time, so answers are the same on any machine.

limits! {
    /// Sets that are listed.
    pub const SETS: usize = 1_000;
    /// Up to this many possible moves (or actors) the minimum is always proved.
    pub const EXACT: usize = 24;
    /// Nodes of a pass that tries to list minimal sets.
    pub const LISTING_NODES: u64 = 30_000;
    /// Operations of such a pass: parts of conditions evaluated, commitments bound in thought, blocked sets looked at.
    pub const LISTING_WORK: u64 = 60_000_000;
    /// Passes that list ever dearer sets.
    pub const LEVELS: usize = 4;
    /// Nodes of a pass that tries to prove the minimum.
    pub const PROOF_NODES: u64 = 50_000;
    /// Operations of such a pass, and of the first bounds.
    pub const PROOF_WORK: u64 = 40_000_000;
    /// Nodes of a proof with at most [`EXACT`] moves: more than there are sets of moves.
    pub const EXACT_NODES: u64 = 1 << 25;
    /// Operations of a proof with at most [`EXACT`] moves.
    pub const EXACT_WORK: u64 = 2_000_000_000;
    /// Operations that one fixed point may take within a search.
    pub const CLOSURE_WORK: u64 = 4_000_000_000;
    /// Moves in a set that a search builds up; larger sets come from the greedy search alone.
    pub const DEPTH: usize = 500;
    /// Blocked sets that a search remembers.
    pub const BLOCKED_SETS: usize = 256;
    /// Moves that the greedy search tries in each of its steps.
    pub const GREEDY: usize = 32;
    /// Edges of the wait-for graph.
    pub const WAITS: usize = 2_000_000;
    /// Operations spent on the wait-for graph, on keystones and on partial moves, each.
    pub const DETAIL_WORK: u64 = 400_000_000;
    /// Amounts of moves whose least is sought: of the first unlock set, then of those of one move.
    pub const PARTIAL: usize = 100;
    /// Sets of one move, besides the first set, of which that is sought.
    pub const PARTIAL_SETS: usize = 8;
    /// What a first move costs by distance that its owner never makes unasked, in millionths.
    pub const NEVER: i64 = 1_000_000_000_000_000;
}
