//! Named limits on what goes into a page. What is left out is said on the page.

limits! {
    /// Rows of `events.csv` that are shown, the first ones; of a run or of all runs of a sweep.
    pub const EVENT_ROWS: usize = 100_000;
    /// Rows of any other table that are shown, the first ones.
    pub const TABLE_ROWS: usize = 50_000;
    /// Size of a table of a sweep that is read, in bytes.
    pub const SWEEP_TABLE_BYTES: u64 = 256 << 20;
    /// Commitment instances of a run that can be shown.
    pub const INSTANCES: usize = 20_000;
    /// Instances times steps whose states are looked at; of longer runs every second, third … step is.
    pub const LOOKS: u64 = 2_000_000;
    /// Steps whose unlock sets are worked out, spread evenly over those at which something has changed.
    pub const UNLOCKED_STEPS: usize = 40;
    /// The same where more offers than [`CROWD`] are in a deadlock, and the search may take long.
    pub const UNLOCKED_STEPS_OF_A_CROWD: usize = 6;
    /// Offers in a deadlock beyond which it is that of a crowd.
    pub const CROWD: usize = 24;
    /// Unlock sets that are shown of a step, the cheapest.
    pub const SETS: usize = 12;
    /// Rounds that are played of what follows from first moves.
    pub const ROUNDS: usize = 200;
    /// Operations that the rounds of one set may take.
    pub const ROUND_WORK: u64 = 10_000_000;
    /// Pairs of commitments that wait for each other which are shown of a step.
    pub const WAITS: usize = 5_000;
    /// Bytes of what stands in the way of offers, over all steps; beyond it, steps but the last go without.
    pub const LACK_BYTES: usize = 4 << 20;
    /// Stances that are shown, over all steps.
    pub const STANCES: usize = 200_000;
    /// Bytes of the plain text for those without JavaScript.
    pub const TEXT_BYTES: usize = 1 << 20;
}
