//! `merge`: the shards of a sweep put together.

use std::path::PathBuf;

use backstop::sweep::merge as put_together;

use super::console::{Failed, emit, fail};
use super::page::warn_of_old;
use super::progress::{bar, show};
use super::run::is_same;
use super::signals::{is_stopped, stop_on_signals};
use super::sweep::{Origin, conclusion, explain, written};

/// Puts the shards of a sweep together, into the bytes of the sweep that was never divided
#[derive(Debug, clap::Args)]
#[command(allow_negative_numbers = true)]
pub(crate) struct Args {
    /// The folders of all shards, in any order
    #[arg(required = true, value_name = "DIR")]
    folders: Vec<PathBuf>,
    /// Write runs.csv, summary.csv, design.csv and manifest.json into this folder
    #[arg(long, value_name = "DIR", value_hint = clap::ValueHint::DirPath)]
    out: PathBuf,
    /// Write into the folder even if it is not empty
    #[arg(long)]
    force: bool,
    /// No progress bar and no table at the end
    #[arg(long, short)]
    quiet: bool,
}

pub(crate) fn merge(args: &Args) -> Result<(), Failed> {
    if args.folders.iter().any(|folder| is_same(folder, &args.out)) {
        return Err(fail("a shard cannot be merged into itself", Some("choose another `--out`")));
    }
    stop_on_signals();
    let bar = bar(args.quiet);
    let result = put_together(&args.folders, &args.out, args.force, &mut |progress| {
        show(&bar, progress);
        !is_stopped()
    });
    bar.finish_and_clear();
    let (sweep, done) = result.map_err(|error| explain(&error, None))?;
    warn_of_old(&args.out);
    if args.quiet {
        return Ok(());
    }
    let text = conclusion(&sweep, &done.summary, Origin::Folder(&args.out))?;
    emit(&(text + &written(&args.out, sweep.tables)))
}
