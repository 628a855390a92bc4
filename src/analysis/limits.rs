//! Named limits of explanations. All count work, never time, so that results are the same on every machine.

limits! {
    /// Sets that are listed.
    pub const SETS: usize = 1_000;
    /// With at most this many possible moves (or actors), the minimum is always proved.
    pub const EXACT: usize = 24;
    /// Nodes of a pass that tries to list minimal sets.
    pub const LISTING_NODES: u64 = 30_000;
    /// Operations of such a pass: nodes of conditions evaluated, commitments bound hypothetically, blocked sets
    /// visited.
    pub const LISTING_WORK: u64 = 60_000_000;
    /// Passes that list sets, each with a higher ceiling on cost.
    pub const LEVELS: usize = 4;
    /// Nodes of a pass that tries to prove the minimum.
    pub const PROOF_NODES: u64 = 50_000;
    /// Operations of such a pass, and of the first bounds.
    pub const PROOF_WORK: u64 = 40_000_000;
    /// Nodes of a proof with at most [`EXACT`] moves. This exceeds the number of sets of moves.
    pub const EXACT_NODES: u64 = 1 << 25;
    /// Operations of a proof with at most [`EXACT`] moves.
    pub const EXACT_WORK: u64 = 2_000_000_000;
    /// Operations of one fixed point within a search.
    pub const CLOSURE_WORK: u64 = 4_000_000_000;
    /// Moves in a set that branch and bound builds. Larger sets come from the greedy search alone.
    pub const DEPTH: usize = 500;
    /// Blocked sets that a search remembers.
    pub const BLOCKED_SETS: usize = 256;
    /// Moves that the greedy search tries in each of its steps.
    pub const GREEDY: usize = 32;
    /// Edges of the wait-for graph.
    pub const WAITS: usize = 2_000_000;
    /// Operations spent on the wait-for graph, on keystones and on partial moves, each.
    pub const DETAIL_WORK: u64 = 400_000_000;
    /// Move amounts for which the least sufficient amount is computed.
    pub const PARTIAL: usize = 100;
    /// Sets of one move, besides the first set, for which it is computed.
    pub const PARTIAL_SETS: usize = 8;
    /// The distance cost of a move that its owner would never make unasked, in millionths.
    pub const NEVER: i64 = 1_000_000_000_000_000;
}
