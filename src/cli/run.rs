//! `run`: does one run, prints its timeline, and writes a folder with `--out`.

use std::io::{BufRead as _, BufReader, Read as _};
use std::panic::resume_unwind;
use std::path::{Path, PathBuf};
use std::thread;

use backstop::engine::{self, Checkpoint, LogObserver, Plan, Run, RunOptions, RunSeed};
use backstop::model::{ActorId, Ending, EventKind, Model, Phase, Setup, World};
use backstop::report::wording::escaped;
use backstop::report::{ending, timeline};
use backstop::scenario::{AddedMove, Document, Options, Override};
use backstop::store::{
    FolderError, LineageError, LogFile, Manifest, MoveRecord, OverrideRecord, RunTables, Sampler, SingleFile, limits,
    open_file, write_log, write_run,
};
use backstop::sweep::{Sweep, recorded};
use backstop::table::Format;
use backstop::text::{all_listed, listed, quoted, suggestion};

use super::console::{Failed, emit, emit_written, fail};
use super::files::{
    self, claim, claim_file, formats, is_same, parse_move, parse_set, parse_whole, refuse, refuse_sweep, warn_of_old,
};
use super::leave;
use super::sweep::beside;

/// Runs a scenario once and prints what happened and how it ended
#[derive(Debug, clap::Args)]
#[command(allow_negative_numbers = true)]
#[command(group = clap::ArgGroup::new("written").args(["out", "events"]).multiple(true))]
pub(crate) struct Args {
    /// The scenario file; with `--run` the folder of a sweep
    #[arg(value_name = "FILE|DIR")]
    file: PathBuf,
    /// Repeat this run of the sweep, with its values and its random numbers, to look at it closely
    #[arg(long, value_name = "N", conflicts_with_all = ["seed", "replicate", "sets", "moves"], value_parser = parse_whole)]
    run: Option<u64>,
    /// The seed of everything random
    #[arg(long, value_name = "N", default_value_t = 0, value_parser = parse_whole)]
    seed: u64,
    /// The replicate, as in a sweep: other random numbers with the same seed
    #[arg(long, value_name = "K", default_value_t = 0, value_parser = parse_whole)]
    replicate: u64,
    /// Set a parameter, or any number of the file by its dotted path (repeatable)
    #[arg(long = "set", value_name = "NAME=VALUE", value_parser = parse_set)]
    sets: Vec<Override>,
    /// Bind a commitment, or one instance of it (`c/a`), at a step whether or not its condition holds; a graded one at
    /// an amount (repeatable)
    #[arg(long = "move", value_name = "C[=AMOUNT]@STEP|DATE", value_parser = parse_move)]
    moves: Vec<AddedMove>,
    /// Write events.csv, series.csv, commitments.csv, runs.csv and manifest.json into this folder
    #[arg(long, value_name = "DIR", value_hint = clap::ValueHint::DirPath)]
    out: Option<PathBuf>,
    /// The format of a second file beside each table; CSV is always written
    #[arg(long, value_name = "FORMAT", requires = "out", default_value = "csv", value_parser = formats())]
    format: Format,
    /// Replace the files of an earlier run in the folder, or the file of `--events`
    #[arg(long, requires = "written")]
    force: bool,
    /// Write only the event log, into this file; `-` for standard output instead of the timeline
    #[arg(long, value_name = "FILE", value_hint = clap::ValueHint::FilePath)]
    events: Option<PathBuf>,
    /// Record every stance at every step in series.csv
    #[arg(long)]
    stances: bool,
    /// Record the trust of every pair at every step in series.csv
    #[arg(long)]
    trust: bool,
    /// Show in the timeline only events of these actors, cohorts or groups, and events without an actor
    #[arg(long, value_name = "ACTOR,…", value_delimiter = ',')]
    only: Vec<String>,
    /// Show in the timeline only events of these kinds, named as in events.csv
    #[arg(long, value_name = "KIND,…", value_delimiter = ',', value_parser = parse_kind)]
    kinds: Vec<EventKind>,
    /// Print the outcome only
    #[arg(long, short)]
    quiet: bool,
}

/// Parses one kind of `--kinds`.
fn parse_kind(text: &str) -> Result<EventKind, String> {
    EventKind::named(text).ok_or_else(|| {
        let known = || EventKind::ALL.iter().map(|kind| kind.name());
        suggestion(text, known()).unwrap_or_else(|| format!("the kinds are {}", all_listed(known())))
    })
}

/// The filter of the timeline.
fn filter(args: &Args, model: &Model) -> Result<timeline::Filter, Failed> {
    let members = |name: &String| {
        let actor = model.actors.iter().position(|actor| actor.id == *name).map(|at| vec![ActorId::at(at)]);
        let group = || model.groups.iter().find(|group| group.id == *name).map(|group| group.members.clone());
        actor.or_else(group).ok_or_else(|| {
            let known = || model.actors.iter().map(|actor| actor.id);
            let help = suggestion(name, known()).unwrap_or_else(|| format!("there are {}", listed(known())));
            fail(&format!("there is no actor or group {}", quoted(name)), Some(&help))
        })
    };
    let only = args.only.iter().map(members).collect::<Result<Vec<_>, _>>()?.concat();
    Ok(timeline::Filter {
        only: (!args.only.is_empty()).then_some(only),
        kinds: (!args.kinds.is_empty()).then(|| args.kinds.clone()),
    })
}

/// The scenario of a run, with its overrides and random numbers.
struct RunInput {
    /// The file name of the scenario, without folders.
    name: String,
    document: Document,
    sets: Vec<Override>,
    run_seed: RunSeed,
    /// The sweep that the run belongs to, if any.
    sweep: Option<Sweep>,
}

impl RunInput {
    fn of_file(args: &Args) -> Result<Self, Failed> {
        if args.file.is_dir() {
            let message = format!("`{}` is a folder, not a scenario file", escaped(&args.file.display().to_string()));
            return Err(fail(&message, Some("a run of a sweep's folder is run again with `--run N`")));
        }
        Ok(Self {
            name: args.file.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default(),
            document: files::document(&args.file)?,
            sets: args.sets.clone(),
            run_seed: RunSeed { seed: args.seed, replicate: args.replicate },
            sweep: None,
        })
    }

    /// A run of a sweep, by its number in `runs.csv`.
    fn of_sweep(folder: &Path, number: u64) -> Result<Self, Failed> {
        let sweep = recorded(folder).map_err(|error| refuse_sweep(&error, None))?;
        let runs = sweep.schedule.runs();
        if number >= runs {
            let help = format!("its last run is {}", runs.saturating_sub(1));
            return Err(fail(&format!("the sweep has no run {number}"), Some(&help)));
        }
        Ok(Self {
            name: sweep.scenario.clone(),
            document: sweep.experiment.document().clone(),
            sets: sweep.overrides(number),
            run_seed: sweep.schedule.slot(number).run_seed,
            sweep: Some(sweep),
        })
    }
}

pub(crate) fn run(args: &Args) -> Result<(), Failed> {
    let folder = args.out.as_deref().map(|path| claim(path, args.force)).transpose()?;
    if args.out.as_deref().is_some_and(|out| is_same(out, &args.file)) {
        let help = Some("choose another `--out`");
        return Err(fail("a run cannot be written over the sweep that it comes from", help));
    }
    let input = match args.run {
        Some(number) => RunInput::of_sweep(&args.file, number)?,
        None => RunInput::of_file(args)?,
    };
    let events = claim_events(args, &input.document)?;
    let RunInput { run_seed, sets, .. } = &input;
    let set = sets.len() + args.moves.len();
    if set > limits::OVERRIDES {
        return Err(refuse(&LineageError::Overrides(set)));
    }
    let options =
        Options { overrides: sets.clone(), moves: args.moves.clone(), track_trust: args.trust, ..Options::default() };
    let loaded = files::load(input.document.clone(), &options)?;
    let model = &loaded.compiled.model;
    let filter = filter(args, model)?;
    let (plan, world) = prepare(model);
    let mut sampler = Sampler::new(model, args.stances, args.trust)
        .map_err(|error| fail(&error.to_string(), Some("leave out `--stances` or `--trust`, or run fewer steps")))?;
    let mut log = events.as_ref().map(|file| LogFile::new(file, model));
    // A log that is only written to a file is not kept in memory, unless the state before the last deliveries may have to be
    // computed from it after every step.
    let may_stop = model.outcomes.iter().any(|outcome| outcome.stop);
    let keeps = !args.quiet || args.out.is_some() || log.is_none() || may_stop;
    let want = RunOptions { log: keeps, series: true, exchanged: keeps };
    let mut sample = |moment, world: &World, _: &Setup| {
        if moment == Checkpoint::Ended {
            sampler.sample(model, world);
        }
    };
    let simulate = |follow: Option<&LogObserver<'_>>| {
        engine::run_followed((model, &plan, world), *run_seed, want, &mut sample, follow)
    };
    let mut run = match &mut log {
        Some(log) => log.during(keeps, |follow| simulate(Some(follow))),
        None => simulate(None),
    };
    if !keeps && may_have_delivered_last(&run) {
        // The state after the last Exchange follows from the log; without it, the run is repeated.
        let want = RunOptions { exchanged: true, ..RunOptions::default() };
        run.exchanged = engine::run(model, &plan, *run_seed, want).exchanged;
    }
    if let (Some(number), Some(sweep)) = (args.run, &input.sweep) {
        check_row(&args.file, number, &sweep.row(number, model, &run))?;
    }
    if let (Some(folder), Some(path)) = (folder, &args.out) {
        let tables = RunTables { first: model, last: model, run: &run, run_seed: *run_seed, sampler: &sampler, sets };
        let manifest = manifest(args, &input).of_run(&run);
        written(path, write_run(&folder, &tables, &loaded.document, &manifest))?;
    }
    print(args, log, (*run_seed, model, &plan, &run), &filter)?;
    let result = match &run.result {
        Ok(_) => Ok(()),
        Err(failure) => Err(files::failed(&loaded.document, failure)),
    };
    leave((run, plan, loaded, input));
    result
}

/// A model with at least so many commitments is prepared by two threads.
const LARGE: usize = 1 << 17;

/// The plan of a model, and the state that its setup begins with.
fn prepare(model: &Model) -> (Plan, World) {
    let begin = || World::new(model, &model.setup);
    thread::scope(|scope| {
        let is_large = model.instances.len() >= LARGE;
        let world = is_large.then(|| thread::Builder::new().spawn_scoped(scope, begin).ok()).flatten();
        let plan = Plan::new(model);
        (plan, world.map_or_else(begin, |world| world.join().unwrap_or_else(|panic| resume_unwind(panic))))
    })
}

/// Whether the end of a run is explained by another state than the last: it ended without an outcome, and its last step may
/// have had deliveries.
fn may_have_delivered_last(run: &Run) -> bool {
    let mut before_the_end = run.log.iter().rev().map(|entry| entry.event.kind().phase());
    matches!(run.result, Ok(Ending::Deadlock | Ending::Stalemate))
        && before_the_end.find(|phase| *phase < Phase::Outcomes).is_none_or(|phase| phase == Phase::Delivery)
}

fn print(
    args: &Args,
    log: Option<LogFile<'_>>,
    (run_seed, model, plan, run): (RunSeed, &Model, &Plan, &Run),
    filter: &timeline::Filter,
) -> Result<(), Failed> {
    if args.events.is_some() {
        let Some(log) = log else { return emit_written(|out| write_log(out, model, &run.log)) };
        log.finish(run).map_err(|error| fail(&error.to_string(), error.help()))?;
    }
    let mut text = String::new();
    if !args.quiet {
        text += &timeline::heading(model, run_seed.seed, run_seed.replicate);
        let timeline = timeline::timeline_from(model, &run.setup, &run.log, 0, filter);
        if !timeline.is_empty() {
            text += &timeline;
            text.push('\n');
        }
    }
    text += &ending::ending(model, plan, run);
    if !args.quiet {
        text += &ending::metrics(model, run, args.out.is_some());
    }
    if let (Some(path), false) = (&args.out, args.quiet) {
        text += &format!(
            "\nWritten to {}: events.csv, series.csv, commitments.csv, runs.csv, manifest.json{}\n",
            escaped(&path.display().to_string()),
            beside(args.format)
        );
    }
    emit(&text)
}

/// Claims the file of `--events`, which must differ from the scenario and from the files it refers to.
fn claim_events(args: &Args, document: &Document) -> Result<Option<SingleFile>, Failed> {
    let Some(path) = args.events.as_deref().filter(|path| path.as_os_str() != "-") else { return Ok(None) };
    let beside = |location: &str| args.file.with_file_name("").join(location);
    let attached = document.attachments().map(|(attachment, _)| beside(&attachment.location));
    let inputs: Vec<PathBuf> = std::iter::once(args.file.clone()).chain(attached).collect();
    claim_file(path, args.force, &inputs.iter().map(PathBuf::as_path).collect::<Vec<_>>()).map(Some)
}

/// Says why the output folder of a run or a fork could not be written, or what its writing made old.
#[expect(clippy::wildcard_enum_match_arm, reason = "all other errors leave nothing behind")]
pub(crate) fn written(path: &Path, result: Result<(), FolderError>) -> Result<(), Failed> {
    let written = result.map_err(|error| {
        let help = match error {
            FolderError::Io { doing: "restore", .. } => "run it again with `--force`; the folder is not complete",
            FolderError::Io { doing: "sync", .. } => "the files are there, but may be lost if the machine stops now",
            FolderError::NotReplaceable { .. } => "move it away, or choose another folder; nothing was written",
            _ => "nothing was written",
        };
        fail(&error.to_string(), Some(help))
    });
    written?;
    warn_of_old(path);
    Ok(())
}

fn manifest(args: &Args, input: &RunInput) -> Manifest {
    let overrides = input.sets.iter().map(OverrideRecord::from).collect();
    Manifest {
        stances: args.stances,
        trust: args.trust,
        table_format: args.format,
        replicate: input.run_seed.replicate,
        moves: args.moves.iter().map(MoveRecord::from).collect(),
        ..Manifest::new(&input.name, &input.document, overrides, input.run_seed.seed)
    }
}

/// Checks that the sweep's own row of this run, if it has one, equals the row that the run gives.
fn check_row(folder: &Path, number: u64, expected: &[u8]) -> Result<(), Failed> {
    let path = folder.join("runs.csv");
    let cannot =
        |error: std::io::Error| fail(&format!("cannot read `{}`: {error}", escaped(&path.display().to_string())), None);
    let mut lines = BufReader::new(open_file(&path).map_err(cannot)?);
    let start = format!("{number},");
    let mut line = Vec::new();
    for place in 1_u64.. {
        line.clear();
        if lines.by_ref().take(limits::ROW_BYTES).read_until(b'\n', &mut line).map_err(cannot)? == 0 {
            break;
        }
        if line.starts_with(start.as_bytes()) {
            if line == expected {
                break;
            }
            let message = format!(
                "{}:{place}:1: the row differs from the result of the run",
                escaped(&path.display().to_string())
            );
            return Err(fail(&message, Some("the folder of the sweep was edited")));
        }
    }
    Ok(())
}
