//! The store: output folders, the manifest, the tables, and the verification of a recorded run.

mod defect;
mod door;
mod error;
mod folder;
mod inputs;
mod lineage;
mod manifest;
mod recording;
mod run_tables;
mod staging;
mod tables;
mod verify;

pub use defect::{Defect, VerifyError};
pub use door::{Digest, Lock, digest, open_file, open_to_append, read_file};
pub use error::FolderError;
pub use folder::{Folder, remove_folder};
pub use inputs::{INPUTS, InputRecord, ScenarioFiles, StoredInputs, input_files};
pub use lineage::{Lineage, LineageError};
pub use manifest::{
    AmountRecord, ForkRecord, MANIFEST, Manifest, ManifestError, MoveRecord, OverrideRecord, PROGRAM, is_inside,
};
pub use recording::{ForkError, Recording, RecordingError};
pub use run_tables::{LogFile, RunTables, TableVisitor, write_log, write_run};
pub use staging::{
    SingleFile, StagedFiles, Staging, is_partial, remove_left_beside, remove_partial, sync_folder, write_file,
    write_file_with,
};
pub use tables::{
    RunRow, RunTable, Sampler, TooManySamples, commitment_layout, events_csv, set_columns, write_commitments,
    write_events, write_series,
};
pub use verify::{Verified, verify};

pub mod limits {
    //! Named limits on reading the folder of a run, which a stranger may have written, and on writing.

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
        /// Parts of a log that wait for the thread that writes them while the run goes on; the others stay with the run.
        pub const WAITING_PARTS: usize = 64;
        /// Bytes of a log after which it is synced to the disk while the run goes on.
        pub const UNSYNCED_BYTES: usize = 32 << 20;
    }
}
