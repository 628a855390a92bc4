//! Named limits on scenarios and runs, so that no file can exhaust a machine.

limits! {
    /// Size of a scenario file, in bytes.
    pub const FILE_BYTES: u64 = 4 << 20;
    /// Characters of an id.
    pub const ID_LENGTH: usize = 100;
    /// Characters of a title, a name or a unit.
    pub const NAME_LENGTH: usize = 200;
    /// Depth to which expressions nest.
    pub const NESTING: usize = 256;
    /// Depth of an expression with its definitions expanded.
    pub const UNFOLDED_DEPTH: usize = 1_024;
    /// Operations in an expression with its definitions expanded.
    pub const UNFOLDED_SIZE: usize = 100_000;
    /// Actors, cohorts' members included.
    pub const ACTORS: usize = 2_000_000;
    /// Issues.
    pub const ISSUES: usize = 1_000;
    /// Stances: actors times issues.
    pub const STANCES: usize = 2_000_000;
    /// Actors times attributes.
    pub const ATTRIBUTES: usize = 20_000_000;
    /// Actors times resources.
    pub const LEDGER: usize = 4_000_000;
    /// Commitment instances.
    pub const INSTANCES: usize = 2_000_000;
    /// Memberships of groups that expressions, tables and meetings refer to.
    pub const MEMBERSHIPS: usize = 10_000_000;
    /// Pairs of actors in the trust table, in one shock's or one meeting's effects.
    pub const PAIRS: usize = 4_000_000;
    /// Pairs of actors in the influence table, or in it and the meetings of a step that have influence.
    pub const TIES: usize = 20_000_000;
    /// Steps of a run.
    pub const STEPS: u32 = 1_000_000;
    /// Events of a run.
    pub const EVENTS: u32 = 5_000_000;
    /// Rows of a run's series: steps times metrics.
    pub const SAMPLES: u64 = 20_000_000;
    /// Operations of a run: nodes of expressions evaluated, and numbers of other actors read.
    pub const WORK: u64 = 1_000_000_000;
    /// Sweeps in which graded amounts settle, the last one included.
    pub const SWEEPS: u32 = 100_000;
    /// Pairs of actors whose trust differs from the prior.
    pub const TRUST_PAIRS: usize = 5_000_000;
    /// Errors shown of one file.
    pub const DIAGNOSTICS: usize = 100;
    /// Gifts: resources given by all instances of all commitments.
    pub const GIFTS: usize = 4_000_000;
    /// Numeric fields that are expressions or distributions, members counted.
    pub const FIELDS: usize = 2_500_000;
    /// Instances that all moves of a scenario bind together.
    pub const BOUND: usize = 2_000_000;
    /// Operations of all compiled expressions together, members counted.
    pub const OPERATIONS: usize = 50_000_000;
    /// Words of 64 bits in the membership masks of all groups.
    pub const MASK_WORDS: usize = 16_000_000;
    /// Pairs of a gift and a slot that it may count in.
    pub const SLOT_PAIRS: usize = 500_000_000;
    /// Size of a table that a scenario refers to, in bytes.
    pub const TABLE_BYTES: u64 = 1 << 30;
    /// Rows of a table that a scenario refers to.
    pub const TABLE_ROWS: usize = 20_000_000;
    /// Members that a table makes.
    pub const TABLE_MEMBERS: usize = 2_000_000;
    /// Columns of a table that a scenario refers to.
    pub const TABLE_COLUMNS: usize = 10_000;
    /// Tables that a scenario refers to.
    pub const TABLES: usize = 100;
    /// Length of a chain of scenarios that extend each other.
    pub const EXTENDED: usize = 8;
}
