//! Named limits on what is read of a run's folder, which a stranger may have written.

limits! {
    /// Size of a manifest, in bytes: more than the largest scenario takes, with every character escaped.
    pub const MANIFEST_BYTES: u64 = 64 << 20;
    /// Values in a manifest: more than the largest design has.
    pub const MANIFEST_VALUES: usize = 200_000;
    /// Actors and instances of commitments of all the models that a run went through, where it was forked.
    pub const LINEAGE_PARTS: usize = 5_000_000;
    /// Size of a table, in bytes: more than the longest log takes.
    pub const TABLE_BYTES: u64 = 2 << 30;
    /// Size of one row of a table, in bytes: more than names as long as a scenario can take.
    pub const ROW_BYTES: u64 = 64 << 20;
    /// Forks that led to a run; for each the scenario is compiled anew.
    pub const FORKS: usize = 100;
    /// Overrides and added moves of a run, those of its forks included; each is looked up in the scenario.
    pub const OVERRIDES: usize = 1_000;
}
