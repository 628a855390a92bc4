//! `explain`: who waits for whom, the circles, and what would open them.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::PathBuf;

use backstop::analysis::{self, Cost, Explanation, Keystone, Question, Sets};
use backstop::engine::{Checkpoint, RunOptions, RunSeed, View};
use backstop::model::{ActorId, Amount, InstanceId, Model, OutcomeId, ResourceId, Setup, World};
use backstop::report::explained::{explained, standing, suspended};
use backstop::report::timeline::label;
use backstop::report::wording::{actor, actors, count, escaped, listed};
use backstop::scenario::{Options, Override};
use backstop::store::{Lineage, Manifest};
use backstop::text;
use backstop::trace::number;
use serde_json::{Value, json};

use super::console::{Failed, emit, emit_bytes, emit_json, fail, misused, say};
use super::forward::{Asked, Form, ForwardArgs, forward};
use super::load::{self, At, Loaded, parse_set};
use super::recorded::{check_fork, no_step, step_of_folder, verify};

/// Explains a deadlock: who waits for whom, the circles, the smallest first moves that open them
#[derive(Debug, clap::Args)]
#[command(allow_negative_numbers = true)]
pub(crate) struct Args {
    /// A scenario file, explained at the end of its run, or the folder of a run
    #[arg(value_name = "FILE|DIR")]
    path: PathBuf,
    /// The seed of everything random (with a file; default 0)
    #[arg(long, value_name = "N")]
    seed: Option<u64>,
    /// The replicate, as in a sweep: other luck under the same seed (with a file; default 0)
    #[arg(long, value_name = "K")]
    replicate: Option<u64>,
    /// Set a parameter, or any number of the file by its dotted path (with a file; repeatable)
    #[arg(long = "set", value_name = "NAME=VALUE", value_parser = parse_set)]
    sets: Vec<Override>,
    /// Explain the state after the last exchange of this step [default: the last; with `--forward`, the first]
    #[arg(long, value_name = "STEP|DATE", value_parser = At::parse)]
    at: Option<At>,
    /// What to reach: an outcome's condition instead of all that is deadlocked
    #[arg(long, value_name = "OUTCOME")]
    goal: Option<String>,
    /// What a set of first moves costs: `moves`, `declared`, or the amount of a resource
    #[arg(long, value_name = "COST", default_value = "moves")]
    cost: String,
    /// Count moves that are not on offer, expired or terminated as well
    #[arg(long)]
    any: bool,
    /// Leave these moves out: commitments, or one instance of them (`c/a`)
    #[arg(long, value_name = "C,…", value_delimiter = ',')]
    not: Vec<String>,
    /// Also: who must be in the room for a package
    #[arg(long)]
    summit: bool,
    /// Also: whose exit unravels what, in which wave
    #[arg(long)]
    keystones: bool,
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
        let help = "leave them out, or give the scenario file; `fork` lets a run go on under other numbers";
        return Err(misused(
            "`--seed`, `--replicate` and `--set` go with a file, not with the folder of a run",
            Some(help),
        ));
    }
    let Found { state, at, course, luck, steps } = if is_folder { of_folder(args)? } else { of_file(args)? };
    let Some((world, setup)) = state else {
        return Err(no_step(at.unwrap_or(0), steps));
    };
    let (model, plan) = course.leg(world.step);
    let question = question(args, model)?;
    let view = View { model, plan, setup: &setup, world: &world };
    if args.forward.forward {
        let form = if args.json { Form::Json } else { Form::Text };
        let form = if args.csv { Form::Csv } else { form };
        let lineage = &course;
        return forward(&Asked { args: &args.forward, lineage, luck, view, question: &question }, form);
    }
    let explanation =
        analysis::explain(view, &question).map_err(|failure| fail(&failure.to_string(), Some(failure.remedy())))?;
    if args.json {
        return emit_json(&object(model, &explanation));
    }
    if args.csv {
        return emit_bytes(table(model, &explanation).as_bytes());
    }
    if args.dot {
        return emit(&graph(model, &explanation));
    }
    let no_deadlock = explanation.gap.is_empty() && explanation.goal.is_none();
    let standing = if no_deadlock { standing(view) } else { String::new() };
    let standing = standing + &suspended(view);
    emit(&told(model, &explanation, &standing))
}

/// A run, and the state to explain if the run has it.
struct Found {
    state: Option<(World, Setup)>,
    /// The step that was asked for.
    at: Option<u32>,
    course: Lineage,
    luck: RunSeed,
    /// Steps that the run completed.
    steps: u32,
}

/// Keeps the state after the last exchange of a step, or of the last step.
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

/// Verifies the folder.
fn of_folder(args: &Args) -> Result<Found, Failed> {
    let at = args.at.as_ref().map(|at| step_of_folder(at, &args.path)).transpose()?;
    let at = if args.forward.forward { Some(first_step(args, at)?) } else { at };
    let mut state = None;
    let verified = verify(&args.path, &mut keep(&mut state, at))?;
    if verified.fold.result.is_err() && at.is_none() && verified.fold.steps > 0 {
        say("note: the run failed; this is the last step that it completed");
    }
    let luck = verified.manifest.luck();
    Ok(Found { state, at, course: verified.course, luck, steps: verified.fold.steps })
}

/// The step at which first moves are made in a recorded run: the one asked for, or else the first at which it can be
/// forked.
fn first_step(args: &Args, at: Option<u32>) -> Result<u32, Failed> {
    let manifest = Manifest::read(&args.path).map_err(|error| fail(&error.to_string(), error.help()))?;
    let last_fork = manifest.forks.last().map_or(0, |fork| fork.at);
    let at = at.unwrap_or(last_fork);
    check_fork(at, last_fork)?;
    Ok(at)
}

/// Runs the file.
fn of_file(args: &Args) -> Result<Found, Failed> {
    let options = Options { overrides: args.sets.clone(), ..Options::default() };
    let Loaded { document, compiled } = load::load(load::document(&args.path)?, &options)?;
    let at = args.at.as_ref().map(|at| at.step(&compiled.model.clock)).transpose()?;
    let at = if args.forward.forward { at.or(Some(0)) } else { at };
    let course = Lineage::single(compiled.model);
    let luck = RunSeed { seed: args.seed.unwrap_or(0), replicate: args.replicate.unwrap_or(0) };
    let mut state = None;
    let run = course.run(luck, RunOptions::default(), &mut keep(&mut state, at));
    if let (Err(failure), true) = (&run.result, at.is_none_or(|step| step >= run.steps)) {
        let failed = load::failed(&document, failure);
        if run.steps > 0 {
            say("note: with `--at STEP` a step before that can be explained");
        }
        return Err(failed);
    }
    Ok(Found { state, at, course, luck, steps: run.steps })
}

fn question(args: &Args, model: &Model) -> Result<Question, Failed> {
    let goal = match &args.goal {
        None => None,
        Some(name) => {
            let at = model.outcomes.iter().position(|outcome| outcome.id == *name);
            let known = model.outcomes.iter().map(|outcome| outcome.id.as_str());
            Some(OutcomeId::at(at.ok_or_else(|| unknown("outcome", name, known))?))
        }
    };
    let cost = match args.cost.as_str() {
        "moves" => Cost::Moves,
        "declared" => Cost::Declared,
        name => {
            let at = model.resources.iter().position(|resource| resource.id == name);
            let known = model.resources.iter().map(|resource| resource.id.as_str()).chain(["moves", "declared"]);
            Cost::Resource(ResourceId::at(at.ok_or_else(|| unknown("cost", name, known))?))
        }
    };
    let not = not(args, model)?;
    Ok(Question { goal, cost, any: args.any, not, summit: args.summit, keystones: args.keystones })
}

/// The instances that are to be left out, in declaration order.
fn not(args: &Args, model: &Model) -> Result<Vec<InstanceId>, Failed> {
    let mut out = Vec::new();
    for name in &args.not {
        let name = name.trim();
        let of = |instance: &InstanceId| {
            let own = &model.instances[instance.index()];
            own.name == name || model.commitments[own.commitment.index()].id == name
        };
        let before = out.len();
        out.extend(model.instance_ids().filter(of));
        if out.len() == before {
            let commitments = model.commitments.iter().map(|commitment| commitment.id.as_str());
            let instances = model.instances.iter().map(|instance| instance.name.as_str());
            return Err(unknown("commitment", name, commitments.chain(instances.filter(|name| name.contains('/')))));
        }
    }
    out.sort_unstable();
    out.dedup();
    Ok(out)
}

fn unknown<'a>(what: &str, name: &str, known: impl Iterator<Item = &'a str>) -> Failed {
    let known: Vec<&str> = known.collect();
    let suggestion = text::suggestion(name, known.iter().copied());
    let help = suggestion.unwrap_or_else(|| format!("there is {}", text::listed(known)));
    fail(&format!("there is no {what} {}", text::quoted(name)), Some(&help))
}

fn name(model: &Model, instance: InstanceId) -> &str {
    &model.instances[instance.index()].name
}

fn names(model: &Model, instances: &[InstanceId]) -> Vec<String> {
    instances.iter().map(|&instance| name(model, instance).to_owned()).collect()
}

fn actor_ids(model: &Model, actors: &[ActorId]) -> Vec<String> {
    actors.iter().map(|actor| model.actors[actor.index()].id.clone()).collect()
}

/// A cost as a JSON number: whole where it is whole.
fn cost_value(cost: Amount) -> Value {
    if cost.0 % 1_000_000 == 0 { json!(cost.0 / 1_000_000) } else { json!(cost.to_units()) }
}

fn object(model: &Model, explanation: &Explanation) -> Value {
    let all = |instances: &[InstanceId]| names(model, instances);
    let blocked = explanation.blocked.iter().map(|blocked| {
        let lacks: Vec<&str> = blocked.wants.iter().map(|want| want.text.as_str()).collect();
        json!({ "commitment": name(model, blocked.commitment), "lacks": lacks })
    });
    let waits =
        explanation.waits.iter().map(|wait| json!({ "from": name(model, wait.from), "to": name(model, wait.to) }));
    let partial = explanation.partial.iter().map(|partial| {
        let resource = &model.resources[partial.resource.index()].id;
        let (amount, least) = (cost_value(partial.amount), cost_value(partial.least));
        json!({ "commitment": name(model, partial.instance), "resource": resource, "amount": amount, "least": least })
    });
    let mut object = json!({
        "step": explanation.step,
        "goal": explanation.goal.map(|goal| model.outcomes[goal.index()].id.clone()),
        "gap": all(&explanation.gap),
        "waits": waits.collect::<Vec<_>>(),
        "circles": explanation.circles.iter().map(|circle| all(circle)).collect::<Vec<_>>(),
        "blocked": blocked.collect::<Vec<_>>(),
        "unlock": sets_value(&explanation.unlock, "moves", |members| all(members)),
        "partial": partial.collect::<Vec<_>>(),
    });
    if !explanation.given.is_empty() {
        let mut amounts = serde_json::Map::new();
        for given in &explanation.given {
            let resource = &model.resources[given.resource.index()].id;
            amounts.entry(name(model, given.instance)).or_insert_with(|| json!({}))[resource] =
                cost_value(given.amount);
        }
        object["amounts"] = amounts.into();
    }
    if let Some(summit) = &explanation.summit {
        object["summit"] = sets_value(summit, "actors", |members| actor_ids(model, members));
    }
    if let Some(keystones) = &explanation.keystones {
        let one = |keystone: &Keystone| {
            let waves: Vec<Vec<String>> = keystone.waves.iter().map(|wave| all(wave)).collect();
            json!({ "actor": model.actors[keystone.actor.index()].id, "waves": waves })
        };
        object["keystones"] = keystones.iter().map(one).collect();
        object["keystones_are_complete"] = explanation.keystones_are_complete.into();
    }
    object
}

fn sets_value<T>(sets: &Sets<T>, members: &str, named: impl Fn(&[T]) -> Vec<String>) -> Value {
    let one = |set: &analysis::Choice<T>| json!({ "cost": cost_value(set.cost), members: named(&set.members) });
    json!({
        "lower": sets.lower.map(cost_value),
        "upper": sets.upper.map(cost_value),
        "proved": sets.proved,
        "count": sets.count,
        "count_is_exact": sets.count_is_exact,
        "sets": sets.sets.iter().map(one).collect::<Vec<_>>(),
    })
}

/// The graph's edges, the circles and the sets, one member a row.
fn table(model: &Model, explanation: &Explanation) -> String {
    let mut text = String::from("part,set,cost,from,to\n");
    for wait in &explanation.waits {
        // Writing to a string cannot fail; ids need no quotes.
        let _ = writeln!(text, "wait,,,{},{}", name(model, wait.from), name(model, wait.to));
    }
    for (at, circle) in explanation.circles.iter().enumerate() {
        for member in circle {
            let _ = writeln!(text, "circle,{},,{},", at + 1, name(model, *member));
        }
    }
    rows("unlock", &explanation.unlock, |members| names(model, members), &mut text);
    if let Some(summit) = &explanation.summit {
        rows("summit", summit, |members| actor_ids(model, members), &mut text);
    }
    for keystone in explanation.keystones.iter().flatten() {
        for (at, wave) in keystone.waves.iter().enumerate() {
            for member in wave {
                let actor = &model.actors[keystone.actor.index()].id;
                let _ = writeln!(text, "keystone,{},,{actor},{}", at + 1, name(model, *member));
            }
        }
    }
    text
}

fn rows<T>(part: &str, sets: &Sets<T>, named: impl Fn(&[T]) -> Vec<String>, text: &mut String) {
    for (at, set) in sets.sets.iter().enumerate() {
        for member in named(&set.members) {
            let _ = writeln!(text, "{part},{},{},{member},", at + 1, number(set.cost.to_units()));
        }
    }
}

/// The wait-for graph in the DOT language; members of a circle share a colour.
fn graph(model: &Model, explanation: &Explanation) -> String {
    let mut text = String::from("digraph waits {\n  rankdir = LR;\n  node [shape = box];\n");
    let in_circle: BTreeSet<InstanceId> = explanation.circles.iter().flatten().copied().collect();
    for &instance in &explanation.gap {
        let own = &model.instances[instance.index()];
        let style = if in_circle.contains(&instance) { ", style = bold" } else { "" };
        let who = actor(model, own.debtor).replace('\\', "\\\\").replace('"', "\\\"");
        let _ = writeln!(text, "  \"{}\" [label = \"{}\\n{who}\"{style}];", own.name, own.name);
    }
    for wait in &explanation.waits {
        let _ = writeln!(text, "  \"{}\" -> \"{}\";", name(model, wait.from), name(model, wait.to));
    }
    text += "}\n";
    text
}

/// Rooms of more actors than this are named by their first few.
const LARGE: usize = 12;

/// Longest list that is printed of each kind of set.
const SHOWN: usize = 8;

fn told(model: &Model, explanation: &Explanation, standing: &str) -> String {
    let when = format!("fter the last exchange of {}\n", label(model, explanation.step));
    let mut text =
        if model.title.is_empty() { format!("A{when}") } else { format!("{}, a{when}", escaped(&model.title)) };
    if let Some(goal) = explanation.goal {
        let _ = writeln!(text, "The goal: {}", model.outcomes[goal.index()].id);
    }
    text += &explained(model, explanation);
    text += standing;
    if let Some(summit) = &explanation.summit {
        text += "\nWho must be in the room for a package\n";
        if explanation.gap.is_empty() && explanation.goal.is_none() {
            text += "  no package is possible: no set of the offers would bind together\n";
        } else {
            text += &summit_text(model, summit);
        }
    }
    if let Some(keystones) = &explanation.keystones {
        text += "\nWhose exit unravels what\n";
        match (keystones.is_empty(), explanation.keystones_are_complete) {
            (_, false) => text += "  (not everybody was looked at before the search came to its limit)\n",
            (true, true) => text += "  nobody's exit unravels more than its own part\n",
            (false, true) => {}
        }
        for keystone in keystones.iter().take(SHOWN) {
            let waves: Vec<String> = keystone.waves.iter().map(|wave| listed(&names(model, wave))).collect();
            let _ = writeln!(text, "  {}: {}", actor(model, keystone.actor), waves.join("; then "));
        }
        if keystones.len() > SHOWN {
            let _ = writeln!(text, "  and {} more", keystones.len() - SHOWN);
        }
    }
    text
}

fn summit_text(model: &Model, summit: &Sets<ActorId>) -> String {
    let mut text = String::new();
    match (summit.sets.is_empty(), summit.lower, summit.upper) {
        (false, ..) => {}
        (true, None, _) => text += "  no room of actors reaches it\n",
        (true, Some(_), Some(_)) => {
            text += "  all of them together do; the search for a smaller room came to its limit\n";
            return text;
        }
        (true, Some(_), None) => {
            text += "  none was found before the search came to its limit\n";
            return text;
        }
    }
    for set in summit.sets.iter().take(SHOWN) {
        let who = match set.members.as_slice() {
            [] => "nobody: the goal holds already".into(),
            many if many.len() > LARGE => actors(model, many),
            few => listed(&few.iter().map(|&id| actor(model, id)).collect::<Vec<_>>()),
        };
        let _ = writeln!(text, "  {who}");
    }
    if !summit.proved {
        text += "  (a smaller room is not ruled out)\n";
    }
    let more = usize::try_from(summit.count).unwrap_or(usize::MAX).saturating_sub(SHOWN);
    if more > 0 {
        let at_least = if summit.count_is_exact { "" } else { "at least " };
        let _ = writeln!(text, "  and {at_least}{}", count(more, "other minimal room"));
    }
    text
}
