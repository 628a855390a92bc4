//! `sweep` and `merge`: many runs over a design of points, in parallel, into a folder that can be taken up again, and shards
//! of it put together.

use std::path::{Path, PathBuf};

use backstop::report::shares;
use backstop::report::storylines;
use backstop::report::wording::{self, escaped};
use backstop::scenario::Override;
use backstop::sweep::{
    Axis, Baselines, Comparison, DesignRecord, DesignSource, Error, Output, PrepareError, Report, Request, Sample,
    Shard, Sort, Summary, Sweep, SweepOptions, Tables, limits, merge as put_together, read_design,
};
use backstop::table::Format;

use super::console::{self, Failed, emit, fail, print_error_line};
use super::files::{self, formats, is_same, parse_set, parse_whole, refuse_sweep, warn_of_old};
use super::progress::{bar, cores, show};
use super::progress::{is_stopped, stop_on_signals};
use super::swept::compared;
use super::swept::{command_of_file, command_of_folder, examples};

/// Runs a scenario many times over a design of points
///
/// Each `--vary` names a parameter, or any number of the file by its dotted path, and its values: `NAME=A:B:N` for N
/// values from A to B, both included (`NAME=A:B:N:log` spaces them by equal ratios), or `NAME=V,V,…`. Several form
/// their full product, the first varying slowest; with `--zip` they are paired one to one. Replicate k has the same
/// random numbers at every point. The scenario's own `[sweep]` table gives the defaults.
#[derive(Debug, clap::Args)]
#[command(allow_negative_numbers = true)]
pub(crate) struct Args {
    /// The scenario file
    pub(crate) file: PathBuf,
    #[command(flatten)]
    pub(crate) design: DesignArgs,
    /// Set a parameter, or any number of the file by its dotted path, at every point (repeatable)
    #[arg(long = "set", value_name = "NAME=VALUE", value_parser = parse_set)]
    pub(crate) sets: Vec<Override>,
    /// Runs at each point [default: 1]
    #[arg(long, short, value_name = "R", value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) replicates: Option<u64>,
    /// The seed of everything random [default: 0]
    #[arg(long, value_name = "N", value_parser = parse_whole)]
    pub(crate) seed: Option<u64>,
    /// Give every run random numbers of its own, instead of the same for a replicate at every point
    #[arg(long)]
    pub(crate) independent: bool,
    /// Threads [default: all cores]; the results do not depend on it
    #[arg(long, short, value_name = "J", value_parser = clap::value_parser!(u64).range(1..=1_024))]
    pub(crate) jobs: Option<u64>,
    /// Write runs.csv, summary.csv, design.csv and manifest.json into this folder
    #[arg(long, value_name = "DIR", value_hint = clap::ValueHint::DirPath)]
    pub(crate) out: Option<PathBuf>,
    /// Write into the folder even if it is not empty
    #[arg(long, requires = "out", conflicts_with = "resume")]
    pub(crate) force: bool,
    /// Continue an interrupted sweep, given the same arguments; `--replicates` may be larger than before
    #[arg(long, requires = "out")]
    pub(crate) resume: bool,
    /// Write the events of all runs into events.csv
    #[arg(long, requires = "out")]
    pub(crate) events: bool,
    /// Write the metrics of every step of all runs into series.csv
    #[arg(long, requires = "out")]
    pub(crate) series: bool,
    /// The format of a second file beside each table; CSV is always written
    #[arg(long, value_name = "FORMAT", requires = "out", default_value = "csv", value_parser = formats())]
    pub(crate) format: Format,
    /// The order of the rows of the finished runs.csv
    #[arg(long, value_name = "BY", default_value = "run")]
    pub(crate) sort: SortBy,
    /// Do only the I-th of N parts of the runs; `merge` combines the parts
    #[arg(long, value_name = "I/N", requires = "out", value_parser = shard)]
    pub(crate) shard: Option<Shard>,
    #[command(flatten)]
    pub(crate) cluster: ClusterArgs,
    /// At the end, compare each point with this one, or with the one of this value, run by run with the same random
    /// numbers
    #[arg(long, value_name = "POINT|NAME=VALUE", requires = "out", conflicts_with_all = ["independent", "shard", "slurm"])]
    pub(crate) against: Option<String>,
    /// No progress bar and no table at the end
    #[arg(long, short)]
    pub(crate) quiet: bool,
}

/// Arguments for running a sweep on a cluster.
#[derive(Debug, Default, clap::Args)]
pub(crate) struct ClusterArgs {
    /// Run the sweep as a job array of this many tasks on a Slurm cluster, and merge the results
    #[arg(long, value_name = "TASKS", requires = "out", conflicts_with = "shard",
        value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) slurm: Option<u64>,
    /// An option for sbatch, such as --partition=long or --time=2:00:00 (repeatable)
    #[arg(long, value_name = "ARG", requires = "slurm", allow_hyphen_values = true)]
    pub(crate) sbatch_arg: Vec<String>,
    /// How many times a task that failed or timed out is submitted again
    #[arg(long, value_name = "N", requires = "slurm", default_value_t = 3)]
    pub(crate) slurm_retries: u32,
    /// Print the script of the job array and submit nothing
    #[arg(long, requires = "slurm")]
    pub(crate) print_slurm: bool,
}

/// Arguments that select the points.
#[derive(Debug, Default, clap::Args)]
pub(crate) struct DesignArgs {
    /// Vary a number: NAME=A:B:N, NAME=A:B:N:log or NAME=V,V,… (repeatable)
    #[arg(long, value_name = "NAME=VALUES", value_parser = vary)]
    pub(crate) vary: Vec<String>,
    /// Pair the values of the varied names one to one instead of forming their product
    #[arg(long)]
    pub(crate) zip: bool,
    #[arg(help = Sample::HELP, long, value_name = "METHOD:N", value_parser = sample)]
    pub(crate) sample: Option<Sample>,
    /// Sample these parameters only
    #[arg(long, value_name = "NAME,…", requires = "sample", value_delimiter = ',')]
    pub(crate) over: Vec<String>,
    /// Take the points from a CSV file with a column for each parameter
    #[arg(long, value_name = "FILE", value_hint = clap::ValueHint::FilePath,
        conflicts_with_all = ["vary", "zip", "sample"])]
    pub(crate) design: Option<PathBuf>,
}

/// The order of the rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum SortBy {
    /// Replicate by replicate over all points
    Run,
    /// Point by point
    Point,
}

pub(crate) fn sweep(args: &Args) -> Result<(), Failed> {
    let jobs = jobs(args);
    run_here(args, &prepare(args, jobs)?, jobs)
}

/// The number of threads.
pub(crate) fn jobs(args: &Args) -> usize {
    args.jobs.map_or_else(cores, |jobs| usize::try_from(jobs).unwrap_or(limits::JOBS))
}

/// Runs the sweep on this machine.
pub(crate) fn run_here(args: &Args, sweep: &Sweep, jobs: usize) -> Result<(), Failed> {
    let output = match (&args.out, args.resume) {
        (None, _) => Output::Nowhere,
        (Some(folder), true) => Output::Resumed(folder),
        (Some(folder), false) => Output::New { folder, force: args.force },
    };
    if let Some(base) = &args.against {
        let found = Comparison::check(sweep).and_then(|()| Baselines::parse(base, sweep.experiment.points()));
        found.map_err(|error| refuse_sweep(&error, None))?;
    }
    let bar = bar(args.quiet);
    stop_on_signals();
    let result = sweep.run(output, jobs, &mut |progress| {
        show(&bar, progress);
        !is_stopped()
    });
    bar.finish_and_clear();
    let done = result.map_err(|error| refuse_sweep(&error, Some(sweep.experiment.document().source())))?;
    print_result(args, sweep, &done)
}

/// Prints the result.
fn print_result(args: &Args, sweep: &Sweep, done: &Report) -> Result<(), Failed> {
    if let (Some(folder), true) = (&args.out, done.progress.before < done.progress.done) {
        warn_of_old(folder);
    }
    let failed = done.summary.failed();
    if failed > 0 {
        let runs = wording::whole(done.progress.done);
        print_error_line(&format!(
            "warning: {} of {runs} runs failed; `status` in runs.csv says why",
            wording::whole(failed)
        ));
    }
    if !done.is_complete() {
        let (done, total) = (wording::whole(done.progress.done), wording::whole(done.progress.total));
        let message = format!("interrupted: {done} of {total} runs are done");
        let help = args.out.as_ref().map(|_| "finished runs are kept; `--resume` with the same arguments continues");
        return Err(fail(&message, help));
    }
    if args.quiet {
        return Ok(());
    }
    let file = args.file.display().to_string();
    let origin = args.out.as_deref().map_or(Origin::File(&file), Origin::Folder);
    let mut text = conclusion(sweep, &done.summary, origin)?;
    if let (Some(base), Some(folder)) = (&args.against, &args.out) {
        text += &format!("\n{}", compared(folder, base)?);
    }
    if let Some(folder) = &args.out {
        text += &written(folder, sweep.tables);
    }
    emit(&text)
}

/// The number of storylines that are printed at the end of a sweep.
const TOLD: usize = 3;

/// The source from which a run of a sweep can be repeated.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Origin<'a> {
    /// The scenario file.
    File(&'a str),
    /// The folder of the sweep.
    Folder(&'a Path),
}

/// The table of shares and the most common storylines, as text.
pub(crate) fn conclusion(sweep: &Sweep, summary: &Summary, origin: Origin<'_>) -> Result<String, Failed> {
    let command = |number| match origin {
        Origin::File(file) => command_of_file(sweep, file, number),
        Origin::Folder(folder) => command_of_folder(folder, number),
    };
    let mut text = shares::table(sweep.experiment.model(), summary, sweep.experiment.points());
    let storylines = storylines::text(summary, &examples(sweep, summary, TOLD, &command)?);
    if !storylines.is_empty() {
        text += "\n";
        text += &storylines;
    }
    Ok(text)
}

/// Lists the files that were written.
pub(crate) fn written(folder: &Path, tables: Tables) -> String {
    let all = [(true, "runs.csv"), (true, "summary.csv"), (true, "design.csv"), (tables.events, "events.csv")];
    let rest = [(tables.series, "series.csv"), (true, "manifest.json")];
    let names: Vec<&str> = all.into_iter().chain(rest).filter(|(there, _)| *there).map(|(_, name)| name).collect();
    format!("\nWritten to {}: {}{}\n", escaped(&folder.display().to_string()), names.join(", "), beside(tables.format))
}

/// That there is a second file beside each table.
pub(crate) fn beside(format: Format) -> String {
    if format == Format::Csv { String::new() } else { format!(", and each table as .{} too", format.name()) }
}

/// The message for an invalid argument.
fn unusable(error: &Error) -> String {
    let help = error.remedy().map(|help| format!("; {help}")).unwrap_or_default();
    format!("{}{help}", escaped(error.message()))
}

/// Parses one `--vary`, which is kept as written.
fn vary(text: &str) -> Result<String, String> {
    Axis::parse(text).map(|_| text.to_owned()).map_err(|error| unusable(&error))
}

fn sample(text: &str) -> Result<Sample, String> {
    Sample::parse(text).map_err(|error| unusable(&error))
}

fn shard(text: &str) -> Result<Shard, String> {
    Shard::parse(text).map_err(|error| unusable(&error))
}

/// Reads the scenario and builds the points.
pub(crate) fn prepare(args: &Args, jobs: usize) -> Result<Sweep, Failed> {
    let document = files::document(&args.file)?;
    let text = document.source().clone();
    let wrong = |error: &Error| refuse_sweep(error, Some(&text));
    let design = if let Some(path) = &args.design.design {
        Some(listed(path)?)
    } else if !args.design.vary.is_empty() || args.design.sample.is_some() {
        Some(design_of(&args.design).map_err(|error| wrong(&error))?)
    } else {
        None
    };
    let options = SweepOptions {
        design,
        zip: args.design.zip,
        sets: args.sets.clone(),
        replicates: args.replicates,
        seed: args.seed,
        independent: args.independent,
        shard: args.shard.unwrap_or(Shard::WHOLE),
        tables: Tables { events: args.events, series: args.series, format: args.format },
        sort: match args.sort {
            SortBy::Run => Sort::Run,
            SortBy::Point => Sort::Point,
        },
        scenario: args.file.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default(),
    };
    let sweep = Sweep::prepare(document, options, jobs).map_err(|error| match error {
        PrepareError::Table(error) => {
            console::report(&[*error], &text);
            Failed::Input
        }
        PrepareError::Request(error) => wrong(&error),
    })?;
    console::report(&sweep.experiment.warnings, &text);
    Ok(sweep)
}

/// The points of a design file.
fn listed(path: &Path) -> Result<(DesignSource, DesignRecord), Failed> {
    let name = path.display().to_string();
    // Read one byte more than allowed, so that the check of the size rejects the file.
    let bytes = files::read_up_to(path, limits::DESIGN_BYTES + 1)
        .map_err(|error| fail(&format!("cannot read `{}`: {error}", escaped(&name)), None))?;
    let file = path.file_name().map(|name| name.to_string_lossy().into_owned());
    let design = DesignRecord { kind: "file".into(), file, ..DesignRecord::default() };
    let points = read_design(&name, &bytes).map_err(|error| refuse_sweep(&error, None))?;
    Ok((DesignSource::Points(points), design))
}

/// The design given by the command line.
fn design_of(args: &DesignArgs) -> Result<(DesignSource, DesignRecord), Error> {
    let vary: Vec<Axis> = args.vary.iter().map(|text| Axis::parse(text)).collect::<Result<_, _>>()?;
    let request = Request { vary, zip: args.zip, sample: args.sample, over: args.over.clone() };
    let design = DesignRecord::of(&request, args.vary.clone());
    Ok((DesignSource::Request(request), design))
}

/// Combines the shards of a sweep into the same files as the undivided sweep
#[derive(Debug, clap::Args)]
#[command(allow_negative_numbers = true)]
pub(crate) struct MergeArgs {
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

pub(crate) fn merge(args: &MergeArgs) -> Result<(), Failed> {
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
    let (sweep, done) = result.map_err(|error| refuse_sweep(&error, None))?;
    warn_of_old(&args.out);
    if args.quiet {
        return Ok(());
    }
    let text = conclusion(&sweep, &done.summary, Origin::Folder(&args.out))?;
    emit(&(text + &written(&args.out, sweep.tables)))
}
