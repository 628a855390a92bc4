//! `storylines`: what the runs of a sweep tell when dates and drift are left out.

use std::path::{Path, PathBuf};

use backstop::engine::storyline;
use backstop::report::storylines::{Example, told};
use backstop::report::wording::{escaped, shell_word};
use backstop::sweep::{Summary, Sweep, summarized};
use backstop::table::{Cell, Csv, Declared as _, Sink as _, StorylineColumn, fixed_columns};
use backstop::trace::{ending_name, plain_set_value};

use super::console::{Failed, emit, emit_bytes, fail};
use super::sweep::explain;

/// Lists what the runs of a sweep tell when dates and drift are left out, the most common first
///
/// Each storyline has its share of the runs, how it ends, and a run that tells it, which `run DIR --run N` shows with
/// dates and reasons.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The folder of a finished sweep
    #[arg(value_name = "DIR")]
    folder: PathBuf,
    /// Tell this many
    #[arg(long, value_name = "N", default_value_t = 10, value_parser = clap::value_parser!(u64).range(1..=1_000))]
    top: u64,
    /// Print them all as CSV
    #[arg(long, conflicts_with = "top")]
    csv: bool,
}

pub(crate) fn storylines(args: &Args) -> Result<(), Failed> {
    let (sweep, summary) = summarized(&args.folder).map_err(|error| explain(&error, None))?;
    if args.csv {
        return emit_bytes(&table(&sweep, &summary));
    }
    let command = |number| command_of_folder(&args.folder, number);
    let number = usize::try_from(args.top).unwrap_or(usize::MAX);
    let examples = examples(&sweep, &summary, number, &command)?;
    let text = told(&summary, &examples);
    emit(if text.is_empty() { "The sweep is of a single run.\n" } else { &text })
}

fn table(sweep: &Sweep, summary: &Summary) -> Vec<u8> {
    let model = sweep.experiment.model();
    #[expect(clippy::cast_precision_loss, reason = "counts stay far below 2^53")]
    let runs = (0..summary.points()).map(|point| summary.runs(point)).sum::<u64>() as f64;
    let rows = |sink: &mut Csv<'_>| {
        summary.tallies().into_iter().try_for_each(|tally| {
            sink.row(StorylineColumn::ALL.iter().map(|column| match column {
                StorylineColumn::StorylineHash => Cell::Hash(tally.storyline),
                StorylineColumn::Runs => Cell::Whole(tally.runs),
                #[expect(clippy::cast_precision_loss, reason = "counts stay far below 2^53")]
                StorylineColumn::Share => Cell::Real(tally.runs as f64 / runs),
                StorylineColumn::Outcome => {
                    tally.ending.map_or(Cell::Empty, |ending| ending_name(model, ending).into())
                }
                StorylineColumn::Run => Cell::Whole(tally.first),
            }))
        })
    };
    Csv::table(&fixed_columns::<StorylineColumn>(), rows).expect("memory takes every row")
}

/// The most common storylines of a sweep, told by the first run of each.
pub(crate) fn examples(
    sweep: &Sweep,
    summary: &Summary,
    number: usize,
    command: &dyn Fn(u64) -> String,
) -> Result<Vec<Example>, Failed> {
    let common = summary.tallies().into_iter().take(number);
    common
        .map(|tally| {
            let (model, run) = sweep.run_again(tally.first).map_err(|error| explain(&error, None))?;
            if run.storyline.bits() != tally.storyline {
                let message = format!("the row of run {} is not what the run gives", tally.first);
                return Err(fail(&message, Some("the folder of the sweep was edited")));
            }
            let told = storyline(&model, run.log.iter().map(|entry| (entry.step, entry.event)));
            Ok(Example { tally, model, told, command: command(tally.first) })
        })
        .collect()
}

/// The command that shows a run of a sweep's folder.
pub(crate) fn command_of_folder(folder: &Path, number: u64) -> String {
    format!("backstop run {} --run {number}", shell_word(&escaped(&folder.display().to_string())))
}

/// The command that does a run of a sweep which was not written into a folder.
pub(crate) fn command_of_file(sweep: &Sweep, file: &str, number: u64) -> String {
    let luck = sweep.schedule.slot(number).luck;
    let mut command = format!("backstop run {}", shell_word(&escaped(file)));
    for set in sweep.overrides(number) {
        let set = format!("{}={}", set.name, plain_set_value(set.value));
        command += &format!(" --set {}", shell_word(&escaped(&set)));
    }
    if luck.seed != 0 {
        command += &format!(" --seed {}", luck.seed);
    }
    if luck.replicate != 0 {
        command += &format!(" --replicate {}", luck.replicate);
    }
    command
}
