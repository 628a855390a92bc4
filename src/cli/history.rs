//! `replay`, `why` and `diff`: what the log of a recorded run tells, without simulating.

use std::path::{Path, PathBuf};

use backstop::engine::Checkpoint;
use backstop::model::{Setup, World};
use backstop::report::wording::{count, escaped};
use backstop::report::{Unknown, diff, ending, why};
use backstop::store::{Kept, Lineage, Sampler, Verified, write_series};
use backstop::table::{Csv, SeriesColumn, fixed_columns};
use backstop::trace::ending_name;

use super::console::{Failed, emit, emit_bytes, fail, say};
use super::folders::{no_step, refuse, step_of_folder, verify};
use super::load::{At, parse_metric};

/// Folds the log of a run's folder: verifies it, prints any state, measures something new
#[derive(Debug, clap::Args)]
#[command(allow_negative_numbers = true)]
pub(crate) struct ReplayArgs {
    /// The folder that `run --out` wrote
    dir: PathBuf,
    /// Print the state at the end of this step
    #[arg(long, value_name = "STEP|DATE", value_parser = At::parse)]
    at: Option<At>,
    /// Measure an expression at every step and print it as CSV (repeatable)
    #[arg(long = "metric", value_name = "NAME=EXPR", value_parser = parse_metric, conflicts_with = "at")]
    metrics: Vec<(String, String)>,
}

pub(crate) fn replay(args: &ReplayArgs) -> Result<(), Failed> {
    let at = args.at.as_ref().map(|at| step_of_folder(at, &args.dir)).transpose()?;
    let mut found: Option<(World, Setup)> = None;
    let verified = verify(&args.dir, &mut |moment, world, setup| {
        if moment == Checkpoint::Ended && Some(world.step) == at {
            found = Some((world.clone(), setup.clone()));
        }
    })?;
    if let Some(step) = at {
        let Some((world, setup)) = found else {
            return Err(no_step(step, verified.fold.steps));
        };
        return emit(&ending::state(verified.course.last().0, &setup, &world));
    }
    let summary = summary(&verified);
    if args.metrics.is_empty() {
        return emit(&summary);
    }
    say(summary.trim_end());
    measure(&verified, &args.dir, &args.metrics)
}

fn summary(verified: &Verified) -> String {
    let Verified { fold, course, manifest, .. } = verified;
    let outcome = match fold.ending() {
        Some(ending) => format!("outcome {}", ending_name(course.first(), ending)),
        None => format!("failed, {}", escaped(manifest.status.as_deref().unwrap_or("?"))),
    };
    format!(
        "verified: {} over {}, {outcome}; the log is whole, and every table is what it gives ({})\n",
        count(fold.log.len(), "event"),
        count(fold.steps as usize, "step"),
        fold.history.text(),
    )
}

/// Measures expressions over the folded states.
fn measure(verified: &Verified, dir: &Path, metrics: &[(String, String)]) -> Result<(), Failed> {
    let Verified { manifest, fold, recorded, .. } = verified;
    let course =
        Lineage::measuring(manifest, &mut Kept::of(dir, &manifest.inputs), metrics).map_err(|error| refuse(&error))?;
    let fold = course.fold(fold.log.clone(), recorded, &mut |_, _, _| {}).map_err(|refusal| {
        fail(&refusal.reason, Some("the metric has no value at some step; guard it with `if(condition, value, other)`"))
    })?;
    let model = course.first();
    let columns = fixed_columns::<SeriesColumn>();
    let bytes = Csv::table(&columns, |sink| write_series(sink, model, 0, &fold.samples, &Sampler::none()))
        .map_err(|error| fail(&format!("cannot write the series: {error}"), None))?;
    emit_bytes(&bytes)
}

/// Shows the chain of causes that led to an event
#[derive(Debug, clap::Args)]
#[command(allow_negative_numbers = true)]
pub(crate) struct WhyArgs {
    /// The folder of a run
    dir: PathBuf,
    /// The `seq` of an event, or a name: of a commitment (what bound it, or why nothing did), an outcome (what reached
    /// it, or what stood in the way), an actor (what it did and did not do), a meeting or a shock (its latest time)
    event: String,
    /// Print the chain as CSV: event and cause
    #[arg(long)]
    csv: bool,
}

pub(crate) fn why(args: &WhyArgs) -> Result<(), Failed> {
    let verified = verify(&args.dir, &mut |_, _, _| {})?;
    let unknown = |unknown: Unknown| fail(&unknown.to_string(), Some(unknown.help()));
    if args.csv {
        return emit_bytes(&why::chain_csv(&verified, &args.event).map_err(unknown)?);
    }
    emit(&why::why(&verified, &args.event).map_err(unknown)?)
}

/// Compares two runs: where they part, and what differs by commitment and outcome
#[derive(Debug, clap::Args)]
pub(crate) struct DiffArgs {
    /// The folder of a run
    dir: PathBuf,
    /// The folder of another
    dir2: PathBuf,
    /// Print every event that only one of them has, as CSV
    #[arg(long)]
    csv: bool,
}

pub(crate) fn diff(args: &DiffArgs) -> Result<(), Failed> {
    let one = verify(&args.dir, &mut |_, _, _| {})?;
    let two = verify(&args.dir2, &mut |_, _, _| {})?;
    if args.csv { emit_bytes(&diff::diff_csv(&one, &two)) } else { emit(&diff::diff(&one, &two)) }
}
