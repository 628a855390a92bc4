//! Commands about a recorded run: `replay`, `why` and `diff`, which read the log without simulating; `fork`,
//! another future from its past; and `page`, which shows it, or a sweep, in a browser.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use backstop::engine::{Checkpoint, Run, RunOptions};
use backstop::model::{Setup, World};
use backstop::page::{self, PageError, Subject};
use backstop::report::wording::{count, escaped};
use backstop::report::{Unknown, diff, ending, timeline, why};
use backstop::scenario::{Diagnostic, MoveAmounts, Override};
use backstop::store::{
    Defect, Lineage, LineageError, Manifest, Recording, RecordingError, Sampler, StoredInputs, Verified, write_series,
};
use backstop::table::{Csv, SeriesColumn, fixed_columns};
use backstop::trace::ending_name;

use super::console::{Failed, emit, emit_bytes, fail, print_error_line, report};
use super::files::{
    self, At, claim, claim_file, is_same, no_step, parse_bound, parse_metric, parse_set, refuse, refuse_sweep,
    step_of_folder, verify,
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
    print_error_line(summary.trim_end());
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
    /// Bind a commitment, or one instance of it (`c/a`), at that step whether or not its condition holds; a graded one
    /// at an amount (repeatable)
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
    // Either run may take most of the memory.
    drop(parent);
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

/// Writes one HTML file that shows a run, a sweep, or two runs side by side
///
/// The file needs no network and no server: it can be opened from disk or from an e-mail.
#[derive(Debug, clap::Args)]
pub(crate) struct PageArgs {
    /// The folder of a run, a fork or a sweep
    dir: PathBuf,
    /// The folder of another run to compare with the first
    dir2: Option<PathBuf>,
    /// Where to write the page [default: DIR/page.html]
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Replace the file if it exists
    #[arg(long)]
    force: bool,
    /// Open the page in a browser
    #[arg(long)]
    open: bool,
}

pub(crate) fn page(args: &PageArgs) -> Result<(), Failed> {
    let out = match &args.out {
        Some(out) => out.clone(),
        None => place_beside(&args.dir)?,
    };
    let read: Vec<&Path> = [&args.dir].into_iter().chain(&args.dir2).map(PathBuf::as_path).collect();
    let file = claim_file(&out, args.force, &read)?;
    let mut subjects = vec![subject(&args.dir)?];
    if let Some(other) = &args.dir2 {
        subjects.push(subject(other)?);
    }
    let html = page::document(&subjects).map_err(|error| refuse_page(&error))?;
    file.write(html.as_bytes()).map_err(|error| fail(&error.to_string(), error.help()))?;
    emit(&format!("Written to {}\n", escaped(&out.display().to_string())))?;
    if args.open { open_in_browser(&out) } else { Ok(()) }
}

/// The default path of the page of a folder. The folder may come from a stranger, so a link or a device at that path is
/// refused.
fn place_beside(folder: &Path) -> Result<PathBuf, Failed> {
    Manifest::read(folder).map_err(|error| fail(&error.to_string(), error.help()))?;
    let path = folder.join("page.html");
    if std::fs::symlink_metadata(&path).is_ok_and(|metadata| !metadata.is_file()) {
        let message = format!("`{}` is not a plain file", escaped(&path.display().to_string()));
        return Err(fail(&message, Some("give another place with `--out FILE`")));
    }
    Ok(path)
}

fn subject(folder: &Path) -> Result<Subject, Failed> {
    let subject = page::read(folder).map_err(|error| refuse_page(&error))?;
    let text = subject.verified().map(text_of);
    Ok(match text {
        Some(text) => subject.with_text(&text),
        None => subject,
    })
}

/// The text of a run as `run` prints it, with the explanation of its ending.
fn text_of(verified: &Verified) -> String {
    let Verified { manifest, course, .. } = verified;
    let run_seed = manifest.run_seed();
    let want = RunOptions { log: true, series: true, exchanged: true };
    let run = course.run(run_seed, want, &mut |_, _, _| {});
    let (model, plan) = course.last();
    timeline::heading(model, run_seed.seed, run_seed.replicate)
        + &timeline::timeline(course.first(), &run.setup, &run.log)
        + "\n"
        + &ending::ending(model, plan, &run)
        + &ending::metrics(model, &run, true)
}

fn refuse_page(error: &PageError) -> Failed {
    match error {
        PageError::Sweep(error) => return refuse_sweep(error, None),
        PageError::Run(error) => {
            if let Defect::Lineage(LineageError::Scenario { diagnostics, source }) = &error.defect {
                let diagnostics: &[Diagnostic] = diagnostics;
                report(diagnostics, source);
            }
        }
        PageError::File { .. }
        | PageError::Instances(_)
        | PageError::State(_)
        | PageError::NotTwoRuns
        | PageError::OtherScenario => {}
    }
    fail(&error.to_string(), error.help())
}

/// Opens a file with the program that the system associates with it, without waiting for it.
fn open_in_browser(path: &Path) -> Result<(), Failed> {
    let opener = match std::env::consts::OS {
        "macos" => "open",
        "windows" => "explorer",
        _ => "xdg-open",
    };
    let whole = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    let started =
        Command::new(opener).arg(&whole).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn();
    match started {
        Ok(_) => Ok(()),
        Err(error) => {
            print_error_line("note: the page is written");
            let help = "open the file in a browser yourself";
            Err(fail(&format!("cannot start `{opener}`: {error}"), Some(help)))
        }
    }
}
