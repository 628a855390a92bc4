//! Named limits on tables.

limits! {
    /// Rows of a group of rows in Parquet, at most.
    pub const GROUP_ROWS: usize = 131_072;
    /// Cells of a group of rows in Parquet, at most, but for the last row.
    pub const GROUP_CELLS: usize = 4_194_304;
}
