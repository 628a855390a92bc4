//! The trace of a run: events as rows, reading them back, and replaying a log. Nothing here reads or writes a file.

mod read;
mod record;
mod replay;

pub use record::{Cells, Namer, RecordError, ReplayError, cells, creditor_name, ending_name};
pub use record::{amount, number, plain_number, plain_set_value, set_cell, set_value};
pub use replay::States;
pub use replay::{Recorded, fold, read_log, replay};
