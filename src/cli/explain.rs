//! `explain`: who waits for whom, the circles, and what would open them.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::PathBuf;

use backstop::analysis::{self, Cost, Explanation, Keystone, Question, Sets};
use backstop::engine::{Luck, Moment, Want, Watch};
use backstop::log::{Course, number};
use backstop::model::{ActorId, Amount, InstanceId, Model, OutcomeId, ResourceId, Setup, World};
use backstop::scenario::{Options, Override};
use backstop::text;
use serde_json::{Value, json};

use super::console::{Failed, emit, emit_bytes, emit_json, fail, say};
use super::explained::explained;
use super::load::{self, Loaded, parse_set};
use super::past::verify;
use super::timeline::label;
use super::words::{actor, actors, count, escaped, listed};

/// Explains a deadlock: who waits for whom, the circles, the smallest first moves that open them
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// A scenario file, explained at the end of its run, or the folder of a run
    #[arg(value_name = "FILE|DIR")]
    path: PathBuf,
    /// The seed of everything random (with a file)
    #[arg(long, value_name = "N", default_value_t = 0)]
    seed: u64,
    /// The replicate, as in a sweep: other luck under the same seed (with a file)
    #[arg(long, value_name = "K", default_value_t = 0)]
    replicate: u64,
    /// Set a parameter, or any number of the file by its dotted path (with a file; repeatable)
    #[arg(long = "set", value_name = "NAME=VALUE", value_parser = parse_set)]
    sets: Vec<Override>,
    /// Explain the state after the last exchange of this step
    #[arg(long, value_name = "STEP")]
    at: Option<u32>,
    /// What to reach: an outcome's condition instead of all that is deadlocked
    #[arg(long, value_name = "OUTCOME")]
    goal: Option<String>,
    /// What a set of first moves costs: `moves`, `declared`, or the amount of a resource
    #[arg(long, value_name = "COST", default_value = "moves")]
    cost: String,
    /// Count moves that are not on offer, expired or terminated as well
    #[arg(long)]
    any: bool,
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
}

pub(crate) fn explain(args: &Args) -> Result<(), Failed> {
    let mut states: Option<(World, Setup)> = None;
    let mut keep = |moment: Moment, world: &World, setup: &Setup| {
        let wanted = args.at.is_none_or(|step| step == world.step);
        if moment == Moment::Exchanged && wanted {
            states = Some((world.clone(), setup.clone()));
        }
    };
    let (course, steps) = if args.path.is_dir() {
        let verified = verify(&args.path, &mut keep)?;
        (verified.course, verified.fold.steps)
    } else {
        run(args, &mut keep)?
    };
    let Some((world, setup)) = states else {
        let last = steps.saturating_sub(1);
        let step = args.at.unwrap_or(0);
        return Err(fail(&format!("the run has no step {step}"), Some(&format!("its last step is {last}"))));
    };
    let (model, plan) = course.leg(world.step);
    let question = question(args, model)?;
    let explanation = analysis::explain(model, plan, &setup, &world, &question)
        .map_err(|failure| fail(&failure.to_string(), None))?;
    if args.json {
        return emit_json(&object(model, &explanation));
    }
    if args.csv {
        return emit_bytes(table(model, &explanation).as_bytes());
    }
    if args.dot {
        return emit(&graph(model, &explanation));
    }
    emit(&told(model, &explanation))
}

/// Runs the file; gives its course, and how many steps it completed.
fn run(args: &Args, keep: &mut Watch<'_>) -> Result<(Course, u32), Failed> {
    let bytes = load::read(&args.path)?;
    let options = Options { overrides: args.sets.clone(), ..Options::default() };
    let Loaded { document, compiled } = load::load(&args.path.display().to_string(), &bytes, &options)?;
    let course = Course::single(compiled.model);
    let luck = Luck { seed: args.seed, replicate: args.replicate };
    let run = course.run(luck, Want::default(), keep);
    if let (Err(failure), true) = (&run.result, args.at.is_none_or(|step| step >= run.steps)) {
        let failed = load::failed(&document, failure);
        if run.steps > 0 {
            say("note: with `--at STEP` a step before that can be explained");
        }
        return Err(failed);
    }
    Ok((course, run.steps))
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
    Ok(Question { goal, cost, any: args.any, summit: args.summit, keystones: args.keystones })
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
    if let Some(summit) = &explanation.summit {
        object["summit"] = sets_value(summit, "actors", |members| actor_ids(model, members));
    }
    if let Some(keystones) = &explanation.keystones {
        let one = |keystone: &Keystone| {
            let waves: Vec<Vec<String>> = keystone.waves.iter().map(|wave| all(wave)).collect();
            json!({ "actor": model.actors[keystone.actor.index()].id, "waves": waves })
        };
        object["keystones"] = keystones.iter().map(one).collect();
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

fn told(model: &Model, explanation: &Explanation) -> String {
    let mut text =
        format!("{}, after the last exchange of {}\n", escaped(&model.title), label(model, explanation.step));
    if let Some(goal) = explanation.goal {
        let _ = writeln!(text, "The goal: {}", model.outcomes[goal.index()].id);
    }
    text += &explained(model, explanation);
    if let Some(summit) = &explanation.summit {
        text += "\nWho must be in the room for a package\n";
        text += &summit_text(model, summit);
    }
    if let Some(keystones) = &explanation.keystones {
        text += "\nWhose exit unravels what\n";
        if keystones.is_empty() {
            text += "  nobody's exit unravels more than its own part\n";
        }
        for keystone in keystones.iter().take(SHOWN) {
            let waves: Vec<String> = keystone.waves.iter().map(|wave| listed(&names(model, wave))).collect();
            let _ = writeln!(text, "  {}: {}", actor(model, keystone.actor), waves.join("; then "));
        }
    }
    text
}

fn summit_text(model: &Model, summit: &Sets<ActorId>) -> String {
    let mut text = String::new();
    if summit.sets.is_empty() {
        text += "  no room of actors reaches it\n";
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
        let _ = writeln!(text, "  and {}", count(more, "other minimal room"));
    }
    text
}
