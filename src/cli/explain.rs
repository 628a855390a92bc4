//! `explain`: which commitments wait for which, the circles, and the first moves that would resolve them.

use std::path::PathBuf;

use backstop::analysis::{self, Question};
use backstop::engine::{Checkpoint, Failure, RunOptions, RunSeed, View};
use backstop::model::{Setup, World};
use backstop::report::explain::{conditions_value, explanation_text, graph, object, question, table};
use backstop::report::explained::conditions;
use backstop::scenario::{Options, Override};
use backstop::store::{Lineage, Manifest};

use super::console::{Failed, emit, emit_bytes, emit_json, fail, misused, print_error_line};
use super::files::{self, At, Loaded, check_fork, no_step, parse_set, step_of_folder, verify};
use super::forward::{Form, ForwardArgs, ForwardQuery, forward};

/// Explains a deadlock: who waits for whom, the circles, and the smallest first moves that resolve it
#[derive(Debug, clap::Args)]
#[command(allow_negative_numbers = true)]
pub(crate) struct Args {
    /// A scenario file, explained at the end of its run, or the folder of a run
    #[arg(value_name = "FILE|DIR")]
    path: PathBuf,
    /// The seed of everything random (with a file; default 0)
    #[arg(long, value_name = "N")]
    seed: Option<u64>,
    /// The replicate, as in a sweep: other random numbers with the same seed (with a file; default 0)
    #[arg(long, value_name = "K")]
    replicate: Option<u64>,
    /// Set a parameter, or any number of the file by its dotted path (with a file; repeatable)
    #[arg(long = "set", value_name = "NAME=VALUE", value_parser = parse_set)]
    sets: Vec<Override>,
    /// Explain the state after the last exchange of this step [default: the last; with `--forward`, the first]
    #[arg(long, value_name = "STEP|DATE", value_parser = At::parse)]
    at: Option<At>,
    /// The outcome to reach, instead of binding everything that is deadlocked
    #[arg(long, value_name = "OUTCOME")]
    goal: Option<String>,
    /// What a set of first moves costs: `moves`, `declared`, `distance` (how far their owners are from making them
    /// unasked), or the amount of a resource
    #[arg(long, value_name = "COST", default_value = "moves")]
    cost: String,
    /// Count moves that are not on offer, expired or terminated as well
    #[arg(long)]
    any: bool,
    /// Leave these moves out: commitments, or one instance of them (`c/a`)
    #[arg(long, value_name = "C,…", value_delimiter = ',')]
    not: Vec<String>,
    /// Also print the smallest sets of actors whose package reaches the goal
    #[arg(long)]
    summit: bool,
    /// Also print which commitments of others each actor's exit would suspend, in rounds
    #[arg(long)]
    keystones: bool,
    /// Also print what each condition lacks that the next step evaluates: `offer`, `when`, `while`, `until`, `release`,
    /// `renew`
    #[arg(long)]
    conditions: bool,
    /// Print one JSON object
    #[arg(long, group = "form")]
    json: bool,
    /// Print the graph's edges and the sets as CSV
    #[arg(long, group = "form")]
    csv: bool,
    /// Print the wait-for graph for Graphviz
    #[arg(long, group = "form")]
    dot: bool,
    #[command(flatten)]
    forward: ForwardArgs,
}

pub(crate) fn explain(args: &Args) -> Result<(), Failed> {
    let is_folder = args.path.is_dir();
    if is_folder && (args.seed.is_some() || args.replicate.is_some() || !args.sets.is_empty()) {
        let help = "leave them out, or give the scenario file; `fork` continues a run with other values";
        return Err(misused(
            "`--seed`, `--replicate` and `--set` go with a file, not with the folder of a run",
            Some(help),
        ));
    }
    let Found { state, at, course, run_seed, steps } = if is_folder { of_folder(args)? } else { of_file(args)? };
    let Some((world, setup)) = state else {
        return Err(no_step(at.unwrap_or(0), steps));
    };
    let (model, plan) = course.leg(world.step);
    let question = question(model, args.goal.as_deref(), &args.cost, &args.not);
    let question = question.map_err(|unknown| fail(&unknown.to_string(), Some(unknown.help())))?;
    let question = Question { any: args.any, summit: args.summit, keystones: args.keystones, ..question };
    let view = View { model, plan, setup: &setup, world: &world };
    if args.forward.forward {
        let form = if args.json { Form::Json } else { Form::Text };
        let form = if args.csv { Form::Csv } else { form };
        let lineage = &course;
        return forward(&ForwardQuery { args: &args.forward, lineage, run_seed, view, question: &question }, form);
    }
    let explanation =
        analysis::explain(view, &question).map_err(|failure| fail(&failure.to_string(), Some(failure.remedy())))?;
    if args.json {
        let mut object = object(model, &explanation);
        if args.conditions {
            let wrong = |failure: Failure| fail(&failure.to_string(), Some(failure.remedy()));
            object["conditions"] = conditions_value(view).map_err(wrong)?;
        }
        return emit_json(&object);
    }
    if args.csv {
        return emit_bytes(&table(model, &explanation));
    }
    if args.dot {
        return emit(&graph(model, &explanation));
    }
    let rest = if args.conditions { conditions(view) } else { String::new() };
    emit(&(explanation_text(view, &explanation) + &rest))
}

/// A run, and the state to explain if the run has it.
struct Found {
    state: Option<(World, Setup)>,
    /// The step that was asked for.
    at: Option<u32>,
    course: Lineage,
    run_seed: RunSeed,
    /// Steps that the run completed.
    steps: u32,
}

/// An observer that keeps the state after the last exchange of a step, or of the last step.
fn keep(state: &mut Option<(World, Setup)>, at: Option<u32>) -> impl FnMut(Checkpoint, &World, &Setup) {
    move |moment, world, setup| {
        if moment == Checkpoint::Exchanged && at.is_none_or(|step| step == world.step) {
            match state {
                Some((kept, _)) => kept.copy_from(world),
                None => *state = Some((world.clone(), setup.clone())),
            }
            if let Some((_, kept)) = state {
                kept.restore(setup);
            }
        }
    }
}

/// Verifies the folder and finds the state in it.
fn of_folder(args: &Args) -> Result<Found, Failed> {
    let at = args.at.as_ref().map(|at| step_of_folder(at, &args.path)).transpose()?;
    let at = if args.forward.forward { Some(first_step(args, at)?) } else { at };
    let mut state = None;
    let verified = verify(&args.path, &mut keep(&mut state, at))?;
    if verified.fold.result.is_err() && at.is_none() && verified.fold.steps > 0 {
        print_error_line("note: the run failed; this is the last step that it completed");
    }
    let run_seed = verified.manifest.run_seed();
    Ok(Found { state, at, course: verified.course, run_seed, steps: verified.fold.steps })
}

/// The step at which first moves are made in a recorded run: the requested one, or the first at which the run can be
/// forked.
fn first_step(args: &Args, at: Option<u32>) -> Result<u32, Failed> {
    let manifest = Manifest::read(&args.path).map_err(|error| fail(&error.to_string(), error.help()))?;
    let last_fork = manifest.forks.last().map_or(0, |fork| fork.at);
    let at = at.unwrap_or(last_fork);
    check_fork(at, last_fork)?;
    Ok(at)
}

/// Runs the file and finds the state in the run.
fn of_file(args: &Args) -> Result<Found, Failed> {
    let options = Options { overrides: args.sets.clone(), ..Options::default() };
    let Loaded { document, compiled } = files::load(files::document(&args.path)?, &options)?;
    let at = args.at.as_ref().map(|at| files::step(at, &compiled.model.clock)).transpose()?;
    let at = if args.forward.forward { at.or(Some(0)) } else { at };
    let course = Lineage::single(compiled.model);
    let run_seed = RunSeed { seed: args.seed.unwrap_or(0), replicate: args.replicate.unwrap_or(0) };
    let mut state = None;
    let run = course.run(run_seed, RunOptions::default(), &mut keep(&mut state, at));
    if let (Err(failure), true) = (&run.result, at.is_none_or(|step| step >= run.steps)) {
        let failed = files::failed(&document, failure);
        if run.steps > 0 {
            print_error_line("note: with `--at STEP` a step before that can be explained");
        }
        return Err(failed);
    }
    Ok(Found { state, at, course, run_seed, steps: run.steps })
}
