//! `fork`: another future from the same past, with the same luck.

use std::path::PathBuf;

use backstop::engine::Run;
use backstop::report::wording::escaped;
use backstop::report::{ending, timeline};
use backstop::scenario::{MoveAmounts, Override};
use backstop::store::{Kept, Lineage, Recording, RecordingError, Verified};

use super::console::{Failed, emit, fail};
use super::folders::{claim, is_same, refuse, verify};
use super::load::{self, At, parse_bound, parse_set};
use super::run::written;

/// Goes on from a step of a run under other numbers, with the same luck
#[derive(Debug, clap::Args)]
#[command(allow_negative_numbers = true)]
pub(crate) struct Args {
    /// The folder of a run
    dir: PathBuf,
    /// The first step under the overrides; all before it stays as it was
    #[arg(long, value_name = "STEP|DATE", value_parser = At::parse)]
    at: At,
    /// Set a parameter, or any number of the file by its dotted path, from that step on (repeatable)
    #[arg(long = "set", value_name = "NAME=VALUE", value_parser = parse_set)]
    sets: Vec<Override>,
    /// Let a commitment, or one instance of it (`c/a`), be bound at that step, whatever its condition says; a graded one
    /// at an amount (repeatable)
    #[arg(long = "move", value_name = "C[=AMOUNT]", value_parser = parse_bound)]
    moves: Vec<(String, MoveAmounts)>,
    /// Let the run meet the luck of this replicate from that step on; what was drawn at its start stays
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

pub(crate) fn fork(args: &Args) -> Result<(), Failed> {
    let folder = claim(&args.out, args.force)?;
    if is_same(&args.dir, &args.out) {
        return Err(fail("a fork cannot be written over the run that it comes from", Some("choose another `--out`")));
    }
    let parent = verify(&args.dir, &mut |_, _, _| {})?;
    let at = load::step(&args.at, &parent.course.last().0.clock)?;
    let forked = parent.forked(at, &args.sets, &args.moves, args.replicate);
    let manifest = forked.map_err(|error| fail(&error.to_string(), Some(&error.help())))?;
    let mut inputs = Kept::of(&args.dir, &manifest.inputs);
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
        return Err(load::failed(document, failure));
    }
    Ok(())
}

/// What happened from the fork on, and how it ended.
fn story(args: &Args, at: u32, course: &Lineage, run: &Run) -> String {
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
