//! A run's folder: its manifest, its models, its log folded and verified.

use std::collections::BTreeMap;
use std::path::Path;

use backstop::engine::{self, Luck, Moment, Plan, Run, Stage, Want, Watch};
use backstop::log::{
    Fold, MANIFEST, Manifest, ManifestError, Namer, Numbered, Recorded, Refusal, RunRow, Sampler, set_columns,
    write_events,
};
use backstop::model::{Entry, Model};
use backstop::scenario::{Options, Override};

use super::console::{Failed, fail};
use super::load;
use super::run::Files;
use super::words::escaped;

/// The models that a run went through, each with the first step that it was in force.
pub(crate) struct Course {
    legs: Vec<(u32, Model, Plan)>,
}

impl Course {
    /// Compiles what a manifest tells, with extra metrics.
    pub(crate) fn new(manifest: &Manifest, metrics: &[(String, String)]) -> Result<Self, Failed> {
        let mut course = Self { legs: Vec::new() };
        let mut overrides: Vec<Override> = manifest.overrides.iter().map(Override::from).collect();
        course.add(manifest, 0, &overrides, metrics)?;
        for fork in &manifest.forks {
            overrides.extend(fork.overrides.iter().map(Override::from));
            course.add(manifest, fork.at, &overrides, metrics)?;
        }
        Ok(course)
    }

    fn add(
        &mut self,
        manifest: &Manifest,
        from: u32,
        overrides: &[Override],
        metrics: &[(String, String)],
    ) -> Result<(), Failed> {
        let options = Options { overrides: overrides.to_vec(), metrics: metrics.to_vec(), track_trust: true };
        let loaded = load::load_silently(&manifest.scenario, manifest.scenario_text.as_bytes(), &options)?;
        let plan = Plan::new(&loaded.compiled.model);
        self.legs.push((from, loaded.compiled.model, plan));
        Ok(())
    }

    /// Leaves out the first metrics.
    pub(crate) fn drop_metrics(&mut self, count: usize) {
        for (_, model, _) in &mut self.legs {
            model.metrics.drain(..count);
        }
    }

    /// The course of a run without forks.
    pub(crate) fn single(model: Model) -> Self {
        let plan = Plan::new(&model);
        Self { legs: vec![(0, model, plan)] }
    }

    /// The model in force at a step, and its plan.
    pub(crate) fn leg(&self, step: u32) -> (&Model, &Plan) {
        let leg = self.legs.iter().rev().find(|(from, ..)| *from <= step).unwrap_or(&self.legs[0]);
        (&leg.1, &leg.2)
    }

    /// The model that the run began with.
    pub(crate) fn first(&self) -> &Model {
        &self.legs[0].1
    }

    /// The model that the run ended with, and its plan.
    pub(crate) fn last(&self) -> (&Model, &Plan) {
        let (_, model, plan) = &self.legs[self.legs.len() - 1];
        (model, plan)
    }

    fn stages(&self) -> Vec<Stage<'_>> {
        self.legs.iter().map(|(from, model, plan)| Stage { model, plan, from: *from }).collect()
    }

    /// Runs it from the start.
    pub(crate) fn run(&self, luck: Luck, want: Want, watch: &mut Watch<'_>) -> Run {
        let stages = self.stages();
        engine::run_staged(&stages[0], &stages[1..], luck, want, watch)
    }

    /// Folds its log.
    pub(crate) fn fold(&self, events: &[u8], recorded: Recorded, watch: &mut Watch<'_>) -> Result<Fold, Refusal> {
        let stages = self.stages();
        backstop::log::replay(&Namer::new(self.first()), stages[0].plan, &stages[1..], events, recorded, watch)
    }
}

/// The luck of a recorded run.
pub(crate) fn luck(manifest: &Manifest) -> Luck {
    Luck { seed: manifest.seed, replicate: manifest.replicate }
}

/// Every override of a run, forks' included, in the order in which they came into force.
pub(crate) fn all_overrides(manifest: &Manifest) -> Vec<Override> {
    let forks = manifest.forks.iter().flat_map(|fork| &fork.overrides);
    manifest.overrides.iter().chain(forks).map(Override::from).collect()
}

/// A folder whose log has been folded and verified.
pub(crate) struct Verified {
    pub(crate) manifest: Manifest,
    pub(crate) course: Course,
    pub(crate) fold: Fold,
    pub(crate) recorded: Recorded,
    pub(crate) events: Vec<u8>,
}

/// Reads a folder, folds its log and compares everything in it with what the log gives.
pub(crate) fn verify(dir: &Path, watch: &mut Watch<'_>) -> Result<Verified, Failed> {
    let manifest = read_manifest(dir)?;
    let name = escaped(&dir.join(MANIFEST).display().to_string());
    let course = Course::new(&manifest, &[])
        .map_err(|Failed| fail(&format!("{name}: the scenario in the manifest cannot be compiled"), None))?;
    let mut sampler = Sampler::new(course.first(), manifest.stances, manifest.trust);
    let recorded = recorded(&manifest).ok_or_else(|| {
        fail(&format!("{name}: this is not the folder of a single run"), Some("give a folder that `run --out` wrote"))
    })?;
    let events = read(&dir.join("events.csv"))?;
    let fold = course
        .fold(&events, recorded, &mut |moment, world, setup| {
            if moment == Moment::Ended {
                sampler.sample(course.first(), world);
            }
            watch(moment, world, setup);
        })
        .map_err(|refusal| refuse(dir, &earliest(&course, &manifest, &events, refusal)))?;
    let verified = Verified { manifest, course, fold, recorded, events };
    verified.check_history(dir)?;
    verified.check_tables(dir, &sampler)?;
    Ok(verified)
}

/// A row that cannot be may follow from one before it that can but never was: running again shows the first.
fn earliest(course: &Course, manifest: &Manifest, events: &[u8], refusal: Refusal) -> Refusal {
    let (run, expected) = again(course, manifest);
    if manifest.history_hash != Some(run.history.text()) {
        return refusal;
    }
    match (first_difference(events, &expected), refusal.line) {
        (Some(line), Some(later)) if line < later => {
            let reason = format!("the row is not what the run had here, so that in line {later} {}", refusal.reason);
            Refusal { line: Some(line), reason }
        }
        _ => refusal,
    }
}

/// What running again gives, and its log as the run wrote it.
fn again(course: &Course, manifest: &Manifest) -> (Run, Vec<u8>) {
    let run = course.run(luck(manifest), Want { log: true, ..Want::default() }, &mut |_, _, _| {});
    let mut bytes = Vec::new();
    write_events(&mut bytes, &Namer::new(course.first()), Numbered::SINGLE, &run.log).expect("memory takes every row");
    (run, bytes)
}

fn recorded(manifest: &Manifest) -> Option<Recorded> {
    match (&manifest.status, manifest.steps) {
        (Some(status), Some(steps)) => Some(Recorded { ok: status == "ok", steps }),
        _ => None,
    }
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
        let (run, expected) = again(&self.course, &self.manifest);
        let line = first_difference(&self.events, &expected);
        let reason = match line.map(|line| line.checked_sub(2)) {
            None => "the log does not have the hash that the manifest gives".into(),
            Some(row) => {
                let row = row.and_then(|row| usize::try_from(row).ok());
                let (theirs, ours) = (row.and_then(|row| self.fold.log.get(row)), row.and_then(|row| run.log.get(row)));
                if ours == theirs {
                    // Cells in quotes, other line ends.
                    "the row is not written as the run wrote it".into()
                } else {
                    self.difference(ours, theirs)
                }
            }
        };
        Err(refuse(dir, &Refusal { line, reason }))
    }

    fn difference(&self, ours: Option<&Entry>, theirs: Option<&Entry>) -> String {
        let namer = Namer::new(self.course.first());
        let written = |entry: Option<&Entry>| {
            entry.map_or("nothing".into(), |entry| {
                let cells = namer.cells(entry.event);
                let cause = entry.cause.map(|cause| format!(" because of {cause}")).unwrap_or_default();
                let parts = [cells.event, cells.actor, cells.subject, cells.resource, &cells.value];
                let parts: Vec<&str> = parts.into_iter().filter(|part| !part.is_empty()).collect();
                format!("`{}` at step {}{cause}", parts.join(" "), entry.step)
            })
        };
        format!("the row was edited: it says {}, the run had {}", written(theirs), written(ours))
    }

    /// The other tables are what the log gives, byte for byte.
    fn check_tables(&self, dir: &Path, sampler: &Sampler) -> Result<(), Failed> {
        let (names, values) = set_columns(&all_overrides(&self.manifest));
        let row = RunRow {
            run: 0,
            point: 0,
            luck: luck(&self.manifest),
            parameters: &values,
            status: self.manifest.status.as_deref().unwrap_or_default(),
            ending: self.fold.ending,
            reached_step: match self.fold.ending {
                Some(backstop::model::Ending::Outcome(outcome)) => self.fold.world.reached[outcome.index()],
                _ => None,
            },
            steps: self.fold.steps,
            gap: self.fold.gap,
            metrics: &self.fold.metrics,
            history: self.fold.history,
        };
        let Fold { log, samples, setup, world, .. } = &self.fold;
        let files =
            Files::of(self.course.last().0, self.course.first(), (log, samples, setup, world), sampler, &names, &row)
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
fn first_difference(found: &[u8], expected: &[u8]) -> Option<u64> {
    if found == expected {
        return None;
    }
    let (mut ours, mut theirs) = (expected.split(|&byte| byte == b'\n'), found.split(|&byte| byte == b'\n'));
    let mut line = 1;
    // They differ somewhere, so that this ends at the latest with the longer of the two.
    while ours.next() == theirs.next() {
        line += 1;
    }
    Some(line)
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
    backstop::log::read_file(path).map_err(|error| fail(&format!("cannot read `{shown}`: {error}"), None))
}
