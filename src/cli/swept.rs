//! `storylines` and `against`: what the runs of a finished sweep tell, and how its points compare.

use std::path::{Path, PathBuf};

use backstop::engine::storyline;
use backstop::report::shares::aligned;
use backstop::report::storylines::{Example, text};
use backstop::report::wording::{escaped, plain_number, set_value, shell_word, whole};
use backstop::sweep::{Comparison, Summary, Sweep, summarized};
use backstop::table::{Cell, Csv, Declared as _, Sink as _, StorylineColumn, fixed_columns};
use backstop::trace::{ending_name, plain_set_value};

use super::console::{Failed, emit, emit_bytes, fail};
use super::files::refuse_sweep;

/// Lists the storylines of a sweep (what happened, without dates and drift), the most common first
///
/// Each storyline has its share of the runs, its ending, and an example, which `run DIR --run N` shows with dates and
/// reasons.
#[derive(Debug, clap::Args)]
pub(crate) struct StorylinesArgs {
    /// The folder of a finished sweep
    #[arg(value_name = "DIR")]
    folder: PathBuf,
    /// Show this many
    #[arg(long, value_name = "N", default_value_t = 10, value_parser = clap::value_parser!(u64).range(1..=1_000))]
    top: u64,
    /// Print them all as CSV
    #[arg(long, conflicts_with = "top")]
    csv: bool,
}

pub(crate) fn storylines(args: &StorylinesArgs) -> Result<(), Failed> {
    let (sweep, summary) = summarized(&args.folder).map_err(|error| refuse_sweep(&error, None))?;
    if args.csv {
        return emit_bytes(&table(&sweep, &summary));
    }
    let command = |number| command_of_folder(&args.folder, number);
    let number = usize::try_from(args.top).unwrap_or(usize::MAX);
    let examples = examples(&sweep, &summary, number, &command)?;
    let text = text(&summary, &examples);
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

/// The most common storylines of a sweep, each with the first run that has it.
pub(crate) fn examples(
    sweep: &Sweep,
    summary: &Summary,
    number: usize,
    command: &dyn Fn(u64) -> String,
) -> Result<Vec<Example>, Failed> {
    let common = summary.tallies().into_iter().take(number);
    common
        .map(|tally| {
            let (model, run) = sweep.run_again(tally.first).map_err(|error| refuse_sweep(&error, None))?;
            if run.storyline.bits() != tally.storyline {
                let message = format!("the row of run {} differs from the result of the run", tally.first);
                return Err(fail(&message, Some("the folder of the sweep was edited")));
            }
            let entries = storyline(&model, run.log.iter().map(|entry| (entry.step, entry.event)));
            Ok(Example { tally, model, entries, command: command(tally.first) })
        })
        .collect()
}

/// The command that repeats a run of a sweep's folder.
pub(crate) fn command_of_folder(folder: &Path, number: u64) -> String {
    format!("backstop run {} --run {number}", shell_word(&escaped(&folder.display().to_string())))
}

/// The command that repeats a run of a sweep without a folder.
pub(crate) fn command_of_file(sweep: &Sweep, file: &str, number: u64) -> String {
    let run_seed = sweep.schedule.slot(number).run_seed;
    let mut command = format!("backstop run {}", shell_word(&escaped(file)));
    for set in sweep.overrides(number) {
        let set = format!("{}={}", set.name, plain_set_value(set.value));
        command += &format!(" --set {}", shell_word(&escaped(&set)));
    }
    if run_seed.seed != 0 {
        command += &format!(" --seed {}", run_seed.seed);
    }
    if run_seed.replicate != 0 {
        command += &format!(" --replicate {}", run_seed.replicate);
    }
    command
}

/// The largest number of points that are shown.
const SHOWN: usize = 20;

/// Compares the points of a finished sweep with a base, run by run with the same random numbers
///
/// Replicate k has the same random numbers at every point, so the difference between two runs is due to the points. For
/// each outcome: in how many pairs only the run of the point ends in it (+), and only that of the base (−). For the
/// step at which an outcome is reached: the mean difference over the pairs in which both reach one, with its 95 %
/// interval.
#[derive(Debug, clap::Args)]
pub(crate) struct AgainstArgs {
    /// The folder of a finished sweep
    #[arg(value_name = "DIR")]
    folder: PathBuf,
    /// The base: a point, or a value of a varied parameter, which compares each point with the point that has this
    /// value and is otherwise equal
    #[arg(value_name = "POINT|NAME=VALUE")]
    base: String,
    /// Print all of it as CSV
    #[arg(long)]
    csv: bool,
}

pub(crate) fn against(args: &AgainstArgs) -> Result<(), Failed> {
    if !args.csv {
        return emit(&compared(&args.folder, &args.base)?);
    }
    let (sweep, found) = Comparison::of(&args.folder, &args.base).map_err(|error| refuse_sweep(&error, None))?;
    let points = sweep.experiment.points();
    let table = Csv::table(found.layout(points).columns(), |sink| found.write(sink, points));
    emit_bytes(&table.expect("memory takes every row"))
}

/// The comparison as text.
pub(crate) fn compared(folder: &Path, base: &str) -> Result<String, Failed> {
    let (sweep, found) = Comparison::of(folder, base).map_err(|error| refuse_sweep(&error, None))?;
    let points = sweep.experiment.points();
    let count = usize::try_from(points.count()).unwrap_or(usize::MAX);
    let happens = |at: usize| (0..count).any(|point| found.discordant(point, at) != [0; 2]);
    let outcomes: Vec<usize> = (0..found.outcomes().len()).filter(|&at| happens(at)).collect();
    let mut header: Vec<String> = vec!["point".into()];
    header.extend(points.names.iter().cloned());
    header.extend(["base".into(), "pairs".into()]);
    header.extend(outcomes.iter().map(|&at| found.outcomes()[at].clone()));
    header.push("reached_step".into());
    let mut rows = vec![header];
    for point in 0..count.min(SHOWN) {
        let mut row = vec![point.to_string()];
        row.extend(points.values(point as u64).iter().map(|&value| set_value(value)));
        row.extend([found.base(point).to_string(), whole(found.pairs(point))]);
        row.extend(outcomes.iter().map(|&at| {
            let [gained, lost] = found.discordant(point, at);
            format!("+{} −{}", whole(gained), whole(lost))
        }));
        let shown = |value: f64| plain_number((100.0 * value).round() / 100.0);
        row.push(match found.difference(point, 0) {
            (Some(mean), Some((low, high))) => format!("{} ({} to {})", shown(mean), shown(low), shown(high)),
            (Some(mean), None) => shown(mean),
            (None, _) => "–".into(),
        });
        rows.push(row);
    }
    let mut text = format!("Against {base}, with the same random numbers:\n\n{}", aligned(&rows));
    if count > SHOWN {
        text += &format!("and {} more points; `--csv` prints them all\n", whole((count - SHOWN) as u64));
    }
    Ok(text)
}
