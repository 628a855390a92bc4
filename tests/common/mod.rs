//! Helpers of the integration tests: scenarios by name, runs of them, values at the end.
#![expect(dead_code, reason = "each test file uses its own part")]

pub(crate) mod catalogue;
pub(crate) mod program;
#[cfg(unix)]
pub(crate) mod writers;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use backstop::engine::{self, Plan, Run, RunOptions, RunSeed};
use backstop::model::{ActorId, Event, InstanceId, IssueId, Model, World};
use backstop::scenario::{Compiled, Document, Options, Override, SetValue, compile};
use backstop::store::{
    RunRow, RunTable, Sampler, ScenarioFiles, commitment_layout, events_csv, write_commitments, write_series,
};
use backstop::sweep::Sweep;
use backstop::table::{Csv, SeriesColumn, Sink as _, fixed_columns};

/// The folder of the shipped scenarios.
pub(crate) fn scenarios() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios")
}

/// Every shipped scenario, by name, sorted.
pub(crate) fn shipped() -> Vec<String> {
    let mut names: Vec<String> = std::fs::read_dir(scenarios())
        .expect("the scenarios are there")
        .map(|entry| entry.expect("a folder entry").path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "toml"))
        .map(|path| path.file_stem().expect("a name").to_string_lossy().into_owned())
        .collect();
    names.sort();
    assert!(names.len() >= 20, "the scenarios are shipped");
    names
}

/// The text of a shipped scenario, merged with the scenario that it extends.
pub(crate) fn text(name: &str) -> String {
    let path = scenarios().join(format!("{name}.toml"));
    let text = std::fs::read_to_string(&path).expect("the scenario is there");
    if text.lines().any(|line| line.starts_with("extends")) { open(&path).show() } else { text }
}

/// Reads a scenario file with the files that it refers to.
pub(crate) fn open(path: &Path) -> Document {
    let bytes = std::fs::read(path).expect("the scenario is there");
    let document = Document::open(&path.display().to_string(), &bytes, &mut ScenarioFiles::of(path));
    document.unwrap_or_else(|unreadable| panic!("{:#?}", unreadable.diagnostics))
}

/// A generated scenario with the results of the oracle.
pub(crate) struct StoredCase {
    pub(crate) seed: u64,
    pub(crate) scenario: String,
    /// The oracle's tables and explanations, and the files to which the scenario refers, by name.
    pub(crate) files: BTreeMap<String, String>,
}

/// The cases of `tests/oracle/cases.txt`, in which a line `==== SEED NAME` stands before each file.
pub(crate) fn stored_cases() -> Vec<StoredCase> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/oracle/cases.txt");
    let text = std::fs::read_to_string(path).expect("the cases are there");
    let mut cases: BTreeMap<u64, BTreeMap<String, String>> = BTreeMap::new();
    let files = text.strip_suffix('\n').and_then(|text| text.strip_prefix("==== ")).expect("a first case");
    for file in files.split("\n==== ") {
        let (header, content) = file.split_once('\n').expect("a file after its name");
        let (seed, name) = header.split_once(' ').expect("a seed and a name");
        let files = cases.entry(seed.parse().expect("a seed")).or_default();
        files.insert(name.to_owned(), format!("{content}\n"));
    }
    assert!(cases.len() >= 50, "the cases are stored");
    let of = |(seed, mut files): (u64, BTreeMap<String, String>)| {
        let scenario = files.remove("scenario.toml").expect("a scenario");
        StoredCase { seed, scenario, files }
    };
    cases.into_iter().map(of).collect()
}

/// Compiles a text with overrides.
pub(crate) fn compiled(text: &str, sets: &[(&str, f64)]) -> Compiled {
    let overrides = sets.iter().map(|&(name, value)| Override { name: name.into(), value: value.into() }).collect();
    let options = Options { overrides, track_trust: true, ..Options::default() };
    let document = Document::parse("test.toml", text.as_bytes()).unwrap_or_else(|errors| panic!("{errors:#?}"));
    compile(&document, &options).unwrap_or_else(|errors| panic!("{errors:#?}"))
}

/// A model and a finished run of it.
pub(crate) struct Ran {
    pub(crate) model: Model,
    pub(crate) plan: Plan,
    pub(crate) run: Run,
}

/// Runs a text.
pub(crate) fn run_text(text: &str, sets: &[(&str, f64)], seed: u64) -> Ran {
    ran(compiled(text, sets).model, seed)
}

/// Runs a model.
pub(crate) fn ran(model: Model, seed: u64) -> Ran {
    let plan = Plan::new(&model);
    let want = RunOptions { log: true, series: true, exchanged: true };
    let run = engine::run(&model, &plan, RunSeed { seed, replicate: 0 }, want);
    Ran { model, plan, run }
}

/// Runs a scenario file with the files that it refers to.
pub(crate) fn run_file(path: &Path) -> Ran {
    let compiled = compile(&open(path), &Options { track_trust: true, ..Options::default() });
    let model = compiled.unwrap_or_else(|errors| panic!("{errors:#?}")).model;
    let plan = Plan::new(&model);
    let want = RunOptions { log: true, series: true, exchanged: true };
    let run = engine::run(&model, &plan, RunSeed { seed: 0, replicate: 0 }, want);
    Ran { model, plan, run }
}

/// Runs a shipped scenario.
pub(crate) fn run_shipped(name: &str, sets: &[(&str, f64)], seed: u64) -> Ran {
    run_text(&text(name), sets, seed)
}

/// The rows that a sweep should have: those of single runs, each of a model compiled for it.
pub(crate) fn rows_alone(sweep: &Sweep) -> String {
    let Sweep { experiment, schedule, .. } = sweep;
    let (sets, points) = (experiment.sets(), experiment.points());
    let table = experiment.run_table();
    let mut text = Vec::new();
    let mut sink = Csv::new(&mut text, table.columns());
    for number in 0..schedule.runs() {
        let slot = schedule.slot(number);
        let varied = points.names.iter().zip(points.values(slot.point));
        let varied = varied.map(|(name, &value)| Override { name: name.clone(), value });
        let overrides: Vec<Override> = sets.iter().cloned().chain(varied).collect();
        let values: Vec<SetValue> = overrides.iter().map(|set| set.value).collect();
        let options = Options { overrides, ..Options::default() };
        let model = compile(experiment.document(), &options).expect("the point is valid").model;
        // With a log, causes are tracked, which uses another path through the engine.
        let want = RunOptions { log: true, series: true, exchanged: true };
        let run = engine::run(&model, &Plan::new(&model), slot.run_seed, want);
        let row = RunRow::of(&run, (number, slot.point), slot.run_seed, &values);
        table.write(&mut sink, &model, &row).expect("memory is writable");
    }
    sink.end().expect("memory is writable");
    String::from_utf8(text).expect("UTF-8")
}

impl Ran {
    /// The state after the last Exchange of a step, replayed from the log.
    pub(crate) fn after_exchange(&self, step: u32) -> World {
        let mut world = World::new(&self.model, &self.run.setup);
        for entry in self.run.log.iter().filter(|entry| entry.step <= step) {
            let is_later = match entry.event {
                Event::Delivered { .. } | Event::Reached(_) | Event::Ended(_) => true,
                Event::Satisfied(instance) => !self.model.commitment_of(instance).maintain,
                _ => false,
            };
            if is_later && entry.step == step {
                break;
            }
            engine::begin_step(&mut world, entry.step);
            engine::evolve(&self.model, &self.run.setup, &mut world, entry.event);
        }
        engine::begin_step(&mut world, step);
        world
    }

    /// The log as `events.csv`.
    pub(crate) fn events(&self) -> Vec<u8> {
        events_csv(&self.model, &self.run.log)
    }

    /// The metrics as `series.csv`.
    pub(crate) fn series_csv(&self) -> Vec<u8> {
        let sampler = Sampler::none();
        let rows = |sink: &mut Csv<'_>| write_series(sink, &self.model, 0, &self.run.samples, &sampler);
        Csv::table(&fixed_columns::<SeriesColumn>(), rows).expect("memory is writable")
    }

    /// The commitments as `commitments.csv`.
    pub(crate) fn commitments_csv(&self) -> Vec<u8> {
        let (setup, world) = (&self.run.setup, &self.run.world);
        let rows = |sink: &mut Csv<'_>| write_commitments(sink, &self.model, 0, setup, world);
        Csv::table(commitment_layout(&self.model).columns(), rows).expect("memory is writable")
    }

    /// The row of the run as `runs.csv`.
    pub(crate) fn runs_csv(&self, seed: u64) -> Vec<u8> {
        let row = RunRow::of(&self.run, (0, 0), RunSeed { seed, replicate: 0 }, &[]);
        let table = RunTable::new(&self.model, &[]);
        Csv::table(table.columns(), |sink| table.write(sink, &self.model, &row)).expect("memory is writable")
    }

    /// The name of the final outcome, or the status of a failed run.
    pub(crate) fn outcome(&self) -> &str {
        match &self.run.result {
            Ok(ending) => backstop::trace::ending_name(&self.model, *ending),
            Err(failure) => failure.status(),
        }
    }

    /// An actor by id.
    pub(crate) fn actor(&self, id: &str) -> ActorId {
        ActorId::at(self.model.actors.iter().position(|actor| actor.id == id).expect("the actor is there"))
    }

    /// An instance by name.
    pub(crate) fn instance(&self, name: &str) -> InstanceId {
        InstanceId::at(self.model.instance_names.iter().position(|own| own == name).expect("the instance is there"))
    }

    /// An actor's stance at the end.
    pub(crate) fn stance(&self, id: &str) -> f64 {
        self.run.world.stance(self.actor(id), IssueId(0))
    }

    /// A metric at each step.
    pub(crate) fn series(&self, metric: &str) -> Vec<f64> {
        let at = self.model.metrics.iter().position(|m| m.id == metric).expect("the metric is there");
        self.run.samples.chunks(self.model.metrics.len()).map(|row| row[at]).collect()
    }

    /// A metric at the end.
    pub(crate) fn metric(&self, metric: &str) -> f64 {
        *self.series(metric).last().expect("steps were sampled")
    }

    /// Number of commitments that were ever bound.
    pub(crate) fn bound(&self) -> usize {
        self.run.log.iter().filter(|entry| matches!(entry.event, Event::Detached(_))).count()
    }

    /// Steps at which a kind of event happened, with the instance's name.
    pub(crate) fn when(&self, kind: &str) -> Vec<(u32, String)> {
        let of_kind = self.run.log.iter().filter(|entry| entry.event.kind().name() == kind);
        of_kind
            .filter_map(|entry| {
                let instance = entry.event.instance()?;
                Some((entry.step, self.model.name_of(instance).to_owned()))
            })
            .collect()
    }
}

/// A manifest's JSON as the program would write it, with its own hash.
pub(crate) fn resealed(mut manifest: serde_json::Value) -> String {
    manifest.as_object_mut().expect("an object").shift_remove("manifest_sha256");
    let unsealed = serde_json::to_string_pretty(&manifest).expect("JSON");
    let hash = backstop::store::digest(unsealed.as_bytes()).0;
    format!("{},\n  \"manifest_sha256\": \"{hash}\"\n}}\n", unsealed.strip_suffix("\n}").expect("an object"))
}

/// Edits the manifest of a folder and updates its hash.
pub(crate) fn edit_manifest(folder: &Path, change: impl FnOnce(&mut serde_json::Value)) {
    let path = folder.join("manifest.json");
    let text = std::fs::read_to_string(&path).expect("a manifest");
    let mut manifest = serde_json::from_str(&text).expect("JSON");
    change(&mut manifest);
    std::fs::write(path, resealed(manifest)).expect("it can be written");
}
