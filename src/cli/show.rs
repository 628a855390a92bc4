//! `show`: a scenario as one file.

use std::path::PathBuf;

use super::console::{Failed, emit};
use super::load;

/// Prints a scenario as one file, laid over what it extends
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The scenario file
    file: PathBuf,
}

pub(crate) fn show(args: &Args) -> Result<(), Failed> {
    emit(&load::document(&args.file)?.show())
}
