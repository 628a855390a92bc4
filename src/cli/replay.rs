//! `replay`: folds a log without simulating, verifies it, and prints or measures any state of it.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use backstop::engine::{self, Luck, Plan, Want};
use backstop::log::{
    Fold, MANIFEST, Manifest, ManifestError, Namer, Numbered, Recorded, Refusal, RunRow, Sampler, ending_name, kind,
    write_series,
};
use backstop::model::{ActorId, Model, Setup, World};
use backstop::scenario::{Options, Override};

use super::console::{Failed, emit, fail, say};
use super::load::{self, parse_metric};
use super::run::{Files, set_columns};
use super::timeline::label;
use super::words::{actor, count, escaped, plain_number};

/// Folds the log of a run's folder: verifies it, prints any state, measures something new
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The folder that `run --out` wrote
    dir: PathBuf,
    /// Print the state at the end of this step
    #[arg(long, value_name = "STEP")]
    at: Option<u32>,
    /// Measure an expression at every step and print it as CSV (repeatable)
    #[arg(long = "metric", value_name = "NAME=EXPR", value_parser = parse_metric, conflicts_with = "at")]
    metrics: Vec<(String, String)>,
}

/// Largest file of a folder that is read, in bytes: more than the longest log can have.
const FOLDER_FILE_BYTES: u64 = 2 << 30;

/// A folder whose log has been folded and verified.
pub(crate) struct Verified {
    pub(crate) manifest: Manifest,
    pub(crate) model: Model,
    pub(crate) plan: Plan,
    pub(crate) fold: Fold,
    events: Vec<u8>,
}

pub(crate) fn replay(args: &Args) -> Result<(), Failed> {
    let mut at: Option<(World, Setup)> = None;
    let verified = verify(&args.dir, &mut |world, setup| {
        if Some(world.step) == args.at {
            at = Some((world.clone(), setup.clone()));
        }
    })?;
    if let Some(step) = args.at {
        let Some((world, setup)) = at else {
            let last = verified.fold.steps.saturating_sub(1);
            return Err(fail(
                &format!("the run has no complete step {step}"),
                Some(&format!("its last step is {last}")),
            ));
        };
        return emit(&state(&verified.model, &setup, &world));
    }
    let summary = summary(&verified);
    if args.metrics.is_empty() {
        return emit(&summary);
    }
    say(summary.trim_end());
    measure(&verified, &args.metrics)
}

/// Reads a folder, folds its log and compares everything in it with what the log gives.
pub(crate) fn verify(dir: &Path, watch: &mut dyn FnMut(&World, &Setup)) -> Result<Verified, Failed> {
    let manifest = read_manifest(dir)?;
    let overrides: Vec<Override> =
        manifest.overrides.iter().map(|set| Override { name: set.name.clone(), value: set.value }).collect();
    let options = Options { overrides: overrides.clone(), track_trust: true, ..Options::default() };
    let name = escaped(&dir.join(MANIFEST).display().to_string());
    let Ok(loaded) = load::parse(&manifest.scenario, manifest.scenario_text.as_bytes(), &options) else {
        return Err(fail(&format!("{name}: the scenario in the manifest cannot be compiled"), None));
    };
    let model = loaded.compiled.model;
    let plan = Plan::new(&model);
    let mut sampler = Sampler::new(&model, manifest.stances, manifest.trust);
    let recorded = recorded(&manifest).ok_or_else(|| {
        fail(&format!("{name}: this is not the folder of a single run"), Some("give a folder that `run --out` wrote"))
    })?;
    let events = read(&dir.join("events.csv"))?;
    let fold = engine_fold(&model, &plan, &events, recorded, &mut |world, setup| {
        sampler.sample(&model, world);
        watch(world, setup);
    })
    .map_err(|refusal| refuse(dir, &refusal))?;
    let verified = Verified { manifest, model, plan, fold, events };
    verified.check_history(dir)?;
    verified.check_tables(dir, &sampler, &overrides)?;
    Ok(verified)
}

fn recorded(manifest: &Manifest) -> Option<Recorded> {
    match (&manifest.status, manifest.steps) {
        (Some(status), Some(steps)) => Some(Recorded { ok: status == "ok", steps }),
        _ => None,
    }
}

fn engine_fold(
    model: &Model,
    plan: &Plan,
    events: &[u8],
    recorded: Recorded,
    watch: &mut dyn FnMut(&World, &Setup),
) -> Result<Fold, Refusal> {
    backstop::log::replay(&Namer::new(model), plan, events, recorded, watch)
}

fn refuse(dir: &Path, refusal: &Refusal) -> Failed {
    let path = escaped(&dir.join("events.csv").display().to_string());
    let place = refusal.line.map(|line| format!(":{line}:1")).unwrap_or_default();
    fail(
        &format!("{path}{place}: {}", refusal.reason),
        Some("the log was cut, edited or reordered, or belongs to another scenario"),
    )
}

impl Verified {
    /// The events have the hash that the run had.
    fn check_history(&self, dir: &Path) -> Result<(), Failed> {
        let hash = self.fold.history.text();
        let same_hash = self.manifest.history_hash.as_deref() == Some(hash.as_str());
        let digest = backstop::log::digest(&self.events);
        if same_hash && self.manifest.files.get("events.csv") == Some(&digest) {
            return Ok(());
        }
        // Every row is possible, but some row is not what happened: running again shows which.
        let luck = Luck { seed: self.manifest.seed, replicate: 0 };
        let want = Want { log: true, ..Want::default() };
        let run = engine::run(&self.model, &self.plan, luck, want);
        let differs = run.log.iter().zip(&self.fold.log).position(|(ours, theirs)| ours != theirs);
        let at =
            differs.or_else(|| (run.log.len() != self.fold.log.len()).then(|| run.log.len().min(self.fold.log.len())));
        let reason = match at {
            Some(row) => Refusal { line: Some(row as u64 + 2), reason: self.difference(run.log.get(row), row) },
            None => Refusal { line: None, reason: "the log does not have the hash that the manifest gives".into() },
        };
        Err(refuse(dir, &reason))
    }

    fn difference(&self, ours: Option<&backstop::model::Entry>, row: usize) -> String {
        let namer = Namer::new(&self.model);
        let written = |entry: Option<&backstop::model::Entry>| {
            entry.map_or("nothing".into(), |entry| {
                let cells = namer.cells(entry.event);
                let cause = entry.cause.map(|cause| format!(" because of {cause}")).unwrap_or_default();
                let parts = [kind(entry.event), &cells.actor, &cells.subject, &cells.resource, &cells.value];
                let parts: Vec<&str> = parts.into_iter().filter(|part| !part.is_empty()).collect();
                format!("`{}` at step {}{cause}", parts.join(" "), entry.step)
            })
        };
        format!("the row was edited: it says {}, the run had {}", written(self.fold.log.get(row)), written(ours))
    }

    /// The other tables are what the log gives, byte for byte.
    fn check_tables(&self, dir: &Path, sampler: &Sampler, overrides: &[Override]) -> Result<(), Failed> {
        let (names, values) = set_columns(overrides);
        let row = RunRow {
            run: 0,
            point: 0,
            replicate: 0,
            seed: self.manifest.seed,
            parameters: values,
            status: self.manifest.status.clone().unwrap_or_default(),
            ending: self.fold.ending,
            reached_step: match self.fold.ending {
                Some(backstop::model::Ending::Outcome(outcome)) => self.fold.world.reached[outcome.index()],
                _ => None,
            },
            steps: self.fold.steps,
            gap: self.fold.gap,
            metrics: self.fold.metrics.clone(),
            history: self.fold.history.text(),
        };
        let Fold { log, samples, setup, world, .. } = &self.fold;
        let files = Files::of(&self.model, (log, samples, setup, world), sampler, &names, &row)
            .map_err(|error| fail(&format!("cannot write the tables: {error}"), None))?;
        let mut digests = BTreeMap::new();
        for (name, expected) in &files.tables {
            let path = dir.join(name);
            let found = read(&path)?;
            if let Some(line) = first_difference(&found, expected) {
                let path = escaped(&path.display().to_string());
                return Err(fail(
                    &format!("{path}:{line}:1: the line is not what the log gives"),
                    Some("the file was edited, or belongs to another run"),
                ));
            }
            digests.insert((*name).to_owned(), backstop::log::digest(expected));
        }
        if digests == self.manifest.files {
            return Ok(());
        }
        let path = escaped(&dir.join(MANIFEST).display().to_string());
        Err(fail(&format!("{path}: the hashes of the files are not those of the files"), None))
    }
}

/// The first line, from 1, in which two files differ.
fn first_difference(found: &[u8], expected: &[u8]) -> Option<usize> {
    if found == expected {
        return None;
    }
    let (mut ours, mut theirs) = (expected.split(|&byte| byte == b'\n'), found.split(|&byte| byte == b'\n'));
    (1..).find(|_| match (ours.next(), theirs.next()) {
        (None, None) => true,
        (ours, theirs) => ours != theirs,
    })
}

pub(crate) fn read_manifest(dir: &Path) -> Result<Manifest, Failed> {
    let path = dir.join(MANIFEST);
    let shown = escaped(&path.display().to_string());
    if !path.exists() {
        return Err(fail(
            &format!("`{shown}` is not there: this is no complete output folder"),
            Some("give a folder that `run --out` wrote"),
        ));
    }
    let bytes = read(&path)?;
    let text = String::from_utf8_lossy(&bytes);
    let manifest = Manifest::from_json(&text).map_err(|error| match error {
        ManifestError::Malformed { message, line, column } => fail(
            &format!("{shown}:{line}:{column}: {}", escaped(&message)),
            Some("the manifest was edited; run the scenario again"),
        ),
        ManifestError::Version { found } => fail(
            &format!("{shown}: it was written by {}, this is backstop {}", escaped(&found), env!("CARGO_PKG_VERSION")),
            Some("use the version that wrote it, or run the scenario again"),
        ),
        ManifestError::Scenario => fail(
            &format!("{shown}: the scenario's text does not have the hash that is given for it"),
            Some("the manifest was edited; run the scenario again"),
        ),
    })?;
    if !manifest.complete {
        return Err(fail(&format!("{shown}: the output is not complete"), Some("let it be finished with `--resume`")));
    }
    Ok(manifest)
}

fn read(path: &Path) -> Result<Vec<u8>, Failed> {
    let shown = escaped(&path.display().to_string());
    let cannot = |error: std::io::Error| fail(&format!("cannot read `{shown}`: {error}"), None);
    let mut bytes = Vec::new();
    let file = File::open(path).map_err(cannot)?;
    file.take(FOLDER_FILE_BYTES + 1).read_to_end(&mut bytes).map_err(cannot)?;
    if bytes.len() as u64 > FOLDER_FILE_BYTES {
        return Err(fail(&format!("`{shown}` has more than {FOLDER_FILE_BYTES} bytes"), None));
    }
    Ok(bytes)
}

fn summary(verified: &Verified) -> String {
    let Verified { fold, model, manifest, .. } = verified;
    let outcome = match fold.ending {
        Some(ending) => format!("outcome {}", ending_name(model, ending)),
        None => format!("failed, {}", escaped(manifest.status.as_deref().unwrap_or("?"))),
    };
    format!(
        "verified: {} over {}, {outcome}; the log is whole, and every table is what it gives ({})\n",
        count(fold.log.len(), "event"),
        count(fold.steps as usize, "step"),
        fold.history.text(),
    )
}

/// Measures expressions over the folded states.
fn measure(verified: &Verified, metrics: &[(String, String)]) -> Result<(), Failed> {
    let Verified { manifest, events, .. } = verified;
    let options = Options {
        overrides: manifest.overrides.iter().map(|set| Override { name: set.name.clone(), value: set.value }).collect(),
        metrics: metrics.to_vec(),
        track_trust: true,
    };
    let loaded = load::load(&manifest.scenario, manifest.scenario_text.as_bytes(), &options)?;
    let mut model = loaded.compiled.model;
    // The new metrics stand behind the scenario's own, which have been compared already.
    model.metrics.drain(..verified.model.metrics.len());
    let plan = Plan::new(&model);
    let recorded = recorded(manifest).unwrap_or(Recorded { ok: true, steps: 0 });
    let fold = engine_fold(&model, &plan, events, recorded, &mut |_, _| {}).map_err(|refusal| {
        fail(&refusal.reason, Some("the metric has no value at some step; guard it with `if(…)`"))
    })?;
    let mut bytes = Vec::new();
    write_series(&mut bytes, &model, Numbered::SINGLE, &fold.samples, &Sampler::new(&model, false, false))
        .map_err(|error| fail(&format!("cannot write the series: {error}"), None))?;
    super::console::emit_bytes(&bytes)
}

/// A state for a person.
fn state(model: &Model, setup: &Setup, world: &World) -> String {
    let mut text = format!("The state at the end of {}\n", label(model, world.step));
    text.push_str("\nStances\n");
    for id in model.actor_ids() {
        let issues = model.issues.iter().enumerate().map(|(at, issue)| {
            let value = plain_number(world.stance(id, backstop::model::IssueId::at(at)));
            if model.issues.len() == 1 { value } else { format!("{issue} {value}") }
        });
        let _ = writeln!(text, "  {:<24} {}", actor(model, id), issues.collect::<Vec<_>>().join(", "));
    }
    text.push_str("\nCommitments\n");
    for instance in model.instance_ids() {
        let own = world.instance(instance);
        let gifts: Vec<String> = model
            .gifts(instance)
            .map(|gift| {
                let resource = &model.resources[gift.resource.index()].id;
                let given = plain_number(world.evidence.handed_over(gift.position).to_units());
                format!("{resource} {given} of {}", plain_number(setup.gives[gift.position].to_units()))
            })
            .collect();
        let name = &model.instances[instance.index()].name;
        let _ = writeln!(text, "  {name:<28} {:<12} {}", own.state.name(), gifts.join(", "));
    }
    let pairs = distrust(model, world);
    if !pairs.is_empty() {
        text.push_str("\nTrust, where it is not 1\n");
        for (a, b, value) in pairs {
            let _ = writeln!(text, "  {} in {}: {}", actor(model, a), actor(model, b), plain_number(value));
        }
    }
    text
}

fn distrust(model: &Model, world: &World) -> Vec<(ActorId, ActorId, f64)> {
    let mut pairs = Vec::new();
    for a in model.actor_ids() {
        for b in model.actor_ids() {
            let value = world.trust.of(a, b);
            if value < 1.0 && pairs.len() < 1_000 {
                pairs.push((a, b, value));
            }
        }
    }
    pairs
}
