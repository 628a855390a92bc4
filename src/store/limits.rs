//! Named limits on reading the folder of a run, which a stranger may have written.

limits! {
    /// Size of a manifest, in bytes. The largest scenario with every character escaped fits.
    pub const MANIFEST_BYTES: u64 = 64 << 20;
    /// Values in a manifest. The largest design has fewer.
    pub const MANIFEST_VALUES: usize = 200_000;
    /// Actors and instances of commitments in all models of a forked run.
    pub const LINEAGE_PARTS: usize = 5_000_000;
    /// Size of a table, in bytes. The longest log fits.
    pub const TABLE_BYTES: u64 = 2 << 30;
    /// Size of one row of a table, in bytes. The longest names of a scenario fit.
    pub const ROW_BYTES: u64 = 64 << 20;
    /// Forks in the lineage of a run; each compiles the scenario again.
    pub const FORKS: usize = 100;
    /// Overrides and added moves of a run and its forks; each is looked up in the scenario.
    pub const OVERRIDES: usize = 1_000;
}
