//! The store: output folders, the manifest, the tables, and the verification of a recorded run.

mod door;
mod files;
mod folder;
mod inputs;
pub mod limits;
mod lineage;
mod listed;
mod manifest;
mod recording;
mod runs;
mod tables;
mod verify;

pub use door::{Lock, open_file, open_to_append, read_file};
pub use files::Files;
pub use folder::{
    Folder, FolderError, MANIFEST, SingleFile, Staging, is_partial, remove_folder, remove_left_beside, remove_partial,
    sync_folder, write_file, write_file_with,
};
pub use inputs::{Beside, INPUTS, InputRecord, Kept, input_files};
pub use lineage::{Lineage, LineageError};
pub use listed::is_inside;
pub use manifest::{
    AmountRecord, Digest, ForkRecord, Manifest, ManifestError, MoveRecord, OverrideRecord, PROGRAM, digest,
};
pub use recording::{ForkError, Recording, RecordingError};
pub use runs::{RunRow, RunTable, set_columns};
pub use tables::{
    Sampler, TooManySamples, commitment_layout, events_csv, write_commitments, write_events, write_series,
};
pub use verify::{Defect, Verified, VerifyError, verify};
