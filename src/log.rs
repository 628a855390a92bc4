//! The log: events as rows, the other CSV files, the manifest, output folders, replay, and their verification.

mod course;
mod files;
mod folder;
pub mod limits;
mod manifest;
mod number;
mod record;
mod replay;
mod tables;
mod verify;

pub use course::{Course, CourseError};
pub use files::Files;
pub use folder::{
    Folder, FolderError, MANIFEST, open_file, read_file, remove_partial, sync_folder, write_file, write_file_with,
};
pub use manifest::{Digest, ForkRecord, Manifest, ManifestError, OverrideRecord, PROGRAM, digest};
pub use number::{amount, number, push_number, truth};
pub use record::{Cells, Namer, RecordError, creditor_name, ending_name, kind};
pub use replay::{Fold, Recorded, Refusal, replay};
pub use tables::{
    COMMITMENT_COLUMNS, EVENT_COLUMNS, Numbered, RUN_COLUMNS, RunRow, SERIES_COLUMNS, Sampler, TooManySamples,
    csv_text, push_run, run_header, set_columns, write_commitments, write_events, write_runs, write_series,
};
pub use verify::{Fault, Verified, VerifyError, verify};
