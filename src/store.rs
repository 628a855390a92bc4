//! The store: output folders, the manifest, the tables, and the verification of a recorded run.

mod defect;
mod digest;
mod door;
mod error;
mod folder;
mod inputs;
pub mod limits;
mod lineage;
mod listed;
mod manifest;
mod reading;
mod recording;
mod run_tables;
mod runs;
mod single;
mod staging;
mod tables;
mod verify;

pub use defect::{Defect, VerifyError};
pub use digest::{Digest, digest};
pub use door::{Lock, open_file, open_to_append, read_file};
pub use error::FolderError;
pub use folder::{Folder, remove_folder};
pub use inputs::{Beside, INPUTS, InputRecord, Kept, input_files};
pub use lineage::{Lineage, LineageError};
pub use listed::{MANIFEST, is_inside};
pub use manifest::{AmountRecord, ForkRecord, Manifest, ManifestError, MoveRecord, OverrideRecord, PROGRAM};
pub use recording::{ForkError, Recording, RecordingError};
pub use run_tables::{RunTables, TableVisitor, write_run};
pub use runs::{RunRow, RunTable, set_columns};
pub use single::{SingleFile, write_file, write_file_with};
pub use staging::{StagedFiles, Staging, is_partial, remove_left_beside, remove_partial, sync_folder};
pub use tables::{
    Sampler, TooManySamples, commitment_layout, events_csv, write_commitments, write_events, write_series,
};
pub use verify::{Verified, verify};
