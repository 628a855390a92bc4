//! Named limits on output folders.

/// Largest file of a folder that is read, in bytes: more than the longest log can have.
pub const FOLDER_FILE_BYTES: u64 = 2 << 30;
