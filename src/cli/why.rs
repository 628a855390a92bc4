//! `why`: the chain of causes that led to an event, back to its roots.

use std::path::PathBuf;

use backstop::report::why;

use super::console::{Failed, emit, fail};
use super::recorded::verify;

/// Shows the chain of causes that led to an event
#[derive(Debug, clap::Args)]
#[command(allow_negative_numbers = true)]
pub(crate) struct Args {
    /// The folder of a run
    dir: PathBuf,
    /// The `seq` of an event, or a name: of a commitment (what bound it, or why nothing did), an outcome (what reached
    /// it, or what stood in the way), an actor (what it did and did not do), a meeting or a shock (its latest time)
    event: String,
    /// Print the chain as CSV: event and cause
    #[arg(long)]
    csv: bool,
}

pub(crate) fn why(args: &Args) -> Result<(), Failed> {
    let verified = verify(&args.dir, &mut |_, _, _| {})?;
    let told = if args.csv { why::chain_csv(&verified, &args.event) } else { why::why(&verified, &args.event) };
    emit(&told.map_err(|unknown| fail(&unknown.to_string(), Some(unknown.help())))?)
}
