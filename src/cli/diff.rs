//! `diff`: where two histories part, and what followed.

use std::path::PathBuf;

use backstop::report::diff;

use super::console::{Failed, emit};
use super::recorded::verify;

/// Compares two runs: where they part, and what differs by commitment and outcome
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The folder of a run
    dir: PathBuf,
    /// The folder of another
    dir2: PathBuf,
    /// Print every event that only one of them has, as CSV
    #[arg(long)]
    csv: bool,
}

pub(crate) fn diff(args: &Args) -> Result<(), Failed> {
    let one = verify(&args.dir, &mut |_, _, _| {})?;
    let two = verify(&args.dir2, &mut |_, _, _| {})?;
    emit(&if args.csv { diff::diff_csv(&one, &two) } else { diff::diff(&one, &two) })
}
