//! `replay`, `why`, `diff` and `fork`: what the log of a recorded run tells without simulating, and another future from its
//! past.

use std::path::{Path, PathBuf};

use backstop::engine::{Checkpoint, Run};
use backstop::model::{Setup, World};
use backstop::report::wording::{count, escaped};
use backstop::report::{Unknown, diff, ending, timeline, why};
use backstop::scenario::{MoveAmounts, Override};
use backstop::store::{Lineage, Recording, RecordingError, Sampler, StoredInputs, Verified, write_series};
use backstop::table::{Csv, SeriesColumn, fixed_columns};
use backstop::trace::ending_name;

use super::console::{Failed, emit, emit_bytes, fail, say};
use super::files::{
    self, At, claim, is_same, no_step, parse_bound, parse_metric, parse_set, refuse, step_of_folder, verify,
};
use super::run::written;

/// Replays the log of a run's folder: verifies it, prints any state, measures new metrics
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
        "verified: {} over {}, {outcome}; the log is complete, and every table agrees with it ({})\n",
        count(fold.log.len(), "event"),
        count(fold.steps as usize, "step"),
        fold.history.text(),
    )
}

/// Evaluates expressions in the replayed states.
fn measure(verified: &Verified, dir: &Path, metrics: &[(String, String)]) -> Result<(), Failed> {
    let Verified { manifest, fold, recorded, .. } = verified;
    let course = Lineage::measuring(manifest, &mut StoredInputs::of(dir, &manifest.inputs), metrics)
        .map_err(|error| refuse(&error))?;
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

/// Compares two runs: where they diverge, and what differs by commitment and outcome
#[derive(Debug, clap::Args)]
pub(crate) struct DiffArgs {
    /// The folder of a run
    dir: PathBuf,
    /// The folder of another run
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

/// Continues a run from one of its steps with other values and the same random numbers
#[derive(Debug, clap::Args)]
#[command(allow_negative_numbers = true)]
pub(crate) struct ForkArgs {
    /// The folder of a run
    dir: PathBuf,
    /// The first step with the overrides; the steps before it are taken from the run
    #[arg(long, value_name = "STEP|DATE", value_parser = At::parse)]
    at: At,
    /// Set a parameter, or any number of the file by its dotted path, from that step on (repeatable)
    #[arg(long = "set", value_name = "NAME=VALUE", value_parser = parse_set)]
    sets: Vec<Override>,
    /// Bind a commitment, or one instance of it (`c/a`), at that step whatever its condition says; a graded one at an
    /// amount (repeatable)
    #[arg(long = "move", value_name = "C[=AMOUNT]", value_parser = parse_bound)]
    moves: Vec<(String, MoveAmounts)>,
    /// Use the random numbers of this replicate from that step on; numbers drawn at the start of the run are kept
    #[arg(long, value_name = "K")]
    replicate: Option<u64>,
    /// Write the other future into this folder
    #[arg(long, value_name = "DIR2", value_hint = clap::ValueHint::DirPath)]
    out: PathBuf,
    /// Write into the folder even if it is not empty
    #[arg(long)]
    force: bool,
    /// Print the outcome only
    #[arg(long, short)]
    quiet: bool,
}

pub(crate) fn fork(args: &ForkArgs) -> Result<(), Failed> {
    let folder = claim(&args.out, args.force)?;
    if is_same(&args.dir, &args.out) {
        return Err(fail("a fork cannot be written over the run that it comes from", Some("choose another `--out`")));
    }
    let parent = verify(&args.dir, &mut |_, _, _| {})?;
    let at = files::step(&args.at, &parent.course.last().0.clock)?;
    let forked = parent.forked(at, &args.sets, &args.moves, args.replicate);
    let manifest = forked.map_err(|error| fail(&error.to_string(), Some(&error.help())))?;
    let mut inputs = StoredInputs::of(&args.dir, &manifest.inputs);
    let recording = Recording::run(manifest, &mut inputs).map_err(|error| match &error {
        RecordingError::Lineage(error) => refuse(error),
        RecordingError::Samples(error) => {
            fail(&error.to_string(), Some("fork a run without `--stances` and `--trust`"))
        }
    })?;
    let Verified { course, fold: run, .. } = &recording.verified;
    let document = course.document().expect("the course was compiled from one");
    written(&args.out, recording.write(&folder))?;
    emit(&story(args, at, course, run))?;
    if let Err(failure) = &run.result {
        return Err(files::failed(document, failure));
    }
    Ok(())
}

/// Describes what happened from the fork on, and how the run ended.
fn story(args: &ForkArgs, at: u32, course: &Lineage, run: &Run) -> String {
    let (model, plan) = course.last();
    let mut text = String::new();
    if !args.quiet {
        let from = timeline::label(model, at);
        let title = if model.title.is_empty() { String::new() } else { escaped(&model.title) + "\n" };
        text += &format!("{title}As before until {from}; from there on:\n\n");
        text += &timeline::timeline_from(model, &run.setup, &run.log, at, &timeline::Filter::default());
        text.push('\n');
    }
    text += &ending::ending(model, plan, run);
    if !args.quiet {
        text += &ending::metrics(model, run, true);
        text += &format!("\nWritten to {}\n", escaped(&args.out.display().to_string()));
    }
    text
}
