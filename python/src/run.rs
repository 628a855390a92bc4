//! A run and its analysis.

use std::path::PathBuf;

use backstop::analysis::{self, Question};
use backstop::engine::{Checkpoint, RunOptions, View};
use backstop::model::{IssueId, Model, Setup, World};
use backstop::page::{document, read};
use backstop::report::{diff, ending, explain, timeline, why};
use backstop::scenario::{At, parse_bound, parse_set};
use backstop::store::{Folder, Manifest, Recording, StoredInputs, TableVisitor, input_files, verify};
use backstop::table::Columns;
use backstop::trace::ending_name;
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use serde_json::{Value, json};

use super::arguments::{self, Files, arguments};
use super::error::Raised;
use super::table::Table;

/// A run.
#[pyclass(frozen, module = "backstop._core")]
pub(crate) struct Run {
    pub(crate) recording: Recording,
    /// The files that its scenario refers to.
    pub(crate) files: Files,
}

impl Run {
    /// The run, or if it failed an exception that carries it.
    pub(crate) fn checked(self, py: Python<'_>) -> PyResult<Self> {
        let verified = &self.recording.verified;
        let Err(failure) = &verified.fold.result else { return Ok(self) };
        let document = verified.course.document().expect("the course was compiled from one");
        let raised = Raised::failure(document, failure);
        Err(raised.with(py, self))
    }

    /// The model that it ended with.
    fn model(&self) -> &Model {
        self.recording.verified.course.last().0
    }

    fn step(&self, at: &str) -> Result<u32, Raised> {
        let at = At::parse(at).map_err(|what| Raised::argument(format!("`at`: {what}")))?;
        let step = at.step(&self.model().clock);
        let step = step.map_err(|error| Raised::new("ArgumentError", error.to_string(), Some(error.help())))?;
        let steps = self.recording.verified.fold.steps;
        if step >= steps {
            let help = match steps {
                0 => "the run failed before it had completed any step".into(),
                _ => format!("its last step is {}", steps - 1),
            };
            return Err(Raised::new("ArgumentError", format!("the run has no step {step}"), Some(&help)));
        }
        Ok(step)
    }

    /// The state at a moment of a step, or of the last.
    fn state_at(&self, at: Option<u32>, moment: Checkpoint) -> Option<(World, Setup)> {
        let verified = &self.recording.verified;
        let at = at.or(verified.fold.steps.checked_sub(1))?;
        let mut found = None;
        let _ = verified.course.run(verified.manifest.run_seed(), RunOptions::default(), &mut |now, world, setup| {
            if now == moment && world.step == at {
                found = Some((world.clone(), setup.clone()));
            }
        });
        found
    }

    fn facts(&self) -> Value {
        let verified = &self.recording.verified;
        let (fold, manifest, model) = (&verified.fold, &verified.manifest, self.model());
        let metrics = model.metrics.iter().zip(&fold.metrics).map(|(metric, value)| (metric.id.clone(), json!(value)));
        json!({
            "title": model.title,
            "outcome": fold.ending().map(|ending| ending_name(model, ending)),
            "status": fold.status(),
            "steps": fold.steps,
            "reached_step": fold.reached_step(),
            "reached_date": fold.reached_step().map(|step| model.clock.date(step)).filter(|date| !date.is_empty()),
            "gap": fold.gap,
            "seed": manifest.seed,
            "replicate": manifest.replicate,
            "history_hash": fold.history.text(),
            "metrics": metrics.collect::<serde_json::Map<_, _>>(),
        })
    }
}

/// Takes the table of a name.
struct Taken<'a> {
    name: &'a str,
    columns: Option<Columns>,
}

impl TableVisitor for Taken<'_> {
    type Error = std::io::Error;

    fn table(&mut self, name: &'static str, table: &impl backstop::table::Table) -> std::io::Result<()> {
        if name == self.name {
            let mut columns = Columns::new(table.columns());
            table.rows(&mut columns)?;
            self.columns = Some(columns);
        }
        Ok(())
    }
}

/// A state as JSON.
fn state_json(model: &Model, setup: &Setup, world: &World) -> Value {
    let mut stances = serde_json::Map::new();
    for actor in model.actor_ids() {
        let own = model.issues.iter().enumerate();
        let own = own.map(|(at, issue)| (issue.clone(), json!(world.stance(actor, IssueId::at(at)))));
        stances.insert(model.actors.id(actor).to_owned(), own.collect::<serde_json::Map<_, _>>().into());
    }
    let mut commitments = serde_json::Map::new();
    for instance in model.instance_ids() {
        let mut gives = serde_json::Map::new();
        for gift in model.gifts(instance) {
            let amount = world.evidence.amount(model, setup, instance, gift).to_units();
            let delivered = world.evidence.delivered_amount(gift.position).to_units();
            let resource = model.resources[gift.resource.index()].id.clone();
            gives.insert(resource, json!({ "amount": amount, "delivered": delivered }));
        }
        let name = model.name_of(instance).to_owned();
        commitments.insert(name, json!({ "state": world.instance(instance).state.name(), "gives": gives }));
    }
    let mut trust = Vec::new();
    if model.reads_trust {
        for a in model.actor_ids() {
            for b in model.actor_ids() {
                let value = world.trust.of(a, b);
                if a != b && value < 1.0 {
                    trust.push(json!([model.actors.id(a), model.actors.id(b), value]));
                }
            }
        }
    }
    let date = Some(model.clock.date(world.step)).filter(|date| !date.is_empty());
    json!({ "step": world.step, "date": date, "stances": stances, "commitments": commitments, "trust": trust })
}

#[pymethods]
impl Run {
    /// Its single values, as JSON.
    #[getter(facts)]
    fn facts_json(&self) -> String {
        self.facts().to_string()
    }

    /// The manifest of its folder.
    #[getter]
    fn manifest(&self) -> String {
        self.recording.manifest().to_json()
    }

    /// The text that `backstop run` prints.
    fn text(&self, py: Python<'_>) -> String {
        py.detach(|| {
            let verified = &self.recording.verified;
            let (model, plan) = verified.course.last();
            let (run, run_seed) = (&verified.fold, verified.manifest.run_seed());
            let mut text = timeline::heading(model, run_seed.seed, run_seed.replicate);
            let timeline = timeline::timeline_from(model, &run.setup, &run.log, 0, &timeline::Filter::default());
            if !timeline.is_empty() {
                text += &timeline;
                text.push('\n');
            }
            text += &ending::ending(model, plan, run);
            backstop::report::wording::safe(&(text + &ending::metrics(model, run, true)))
        })
    }

    /// One of its tables.
    fn table(&self, py: Python<'_>, name: &str) -> PyResult<Table> {
        let taken = py.detach(|| {
            let mut taken = Taken { name, columns: None };
            let visited = self.recording.tables().visit(&mut taken);
            visited.map(|()| taken.columns).map_err(|error| PyValueError::new_err(error.to_string()))
        })?;
        let taken = taken.ok_or_else(|| Raised::argument(format!("there is no table {name}")))?;
        py.detach(|| Table::new(taken))
    }

    /// The state at the end of a step, as text and as JSON.
    fn state(&self, py: Python<'_>, at: &str) -> PyResult<(String, String)> {
        let step = self.step(at)?;
        let found = py.detach(|| self.state_at(Some(step), Checkpoint::Ended));
        let (world, setup) = found.ok_or_else(|| Raised::argument(format!("the run has no step {step}")))?;
        let model = self.model();
        Ok((ending::state(model, &setup, &world), state_json(model, &setup, &world).to_string()))
    }

    /// A state explained, as text and as JSON.
    fn explain(
        &self,
        py: Python<'_>,
        at: Option<&str>,
        goal: Option<&str>,
        cost: &str,
        not: Vec<String>,
        also: (bool, bool, bool),
    ) -> PyResult<(String, String)> {
        let step = at.map(|at| self.step(at)).transpose()?;
        let found = py.detach(|| self.state_at(step, Checkpoint::Exchanged));
        let (world, setup) =
            found.ok_or_else(|| Raised::argument("the run failed before it had completed any step"))?;
        let (model, plan) = self.recording.verified.course.leg(world.step);
        let question = explain::question(model, goal, cost, &not);
        let question = question.map_err(|error| Raised::new("ArgumentError", error.to_string(), Some(error.help())))?;
        let question = Question { any: also.0, summit: also.1, keystones: also.2, ..question };
        let view = View { model, plan, setup: &setup, world: &world };
        let explanation = py.detach(|| analysis::explain(view, &question));
        let explanation =
            explanation.map_err(|failure| Raised::new("RunError", failure.to_string(), Some(failure.remedy())))?;
        let text = explain::explanation_text(view, &explanation);
        Ok((text, explain::object(model, &explanation).to_string()))
    }

    /// Describes what led to an event, given by its number or by a name.
    fn why(&self, py: Python<'_>, event: &str) -> PyResult<String> {
        let told = py.detach(|| why::why(&self.recording.verified, event));
        Ok(told.map_err(|error| Raised::new("ArgumentError", error.to_string(), Some(error.help())))?)
    }

    /// Another future from the same past.
    fn fork(
        &self,
        py: Python<'_>,
        at: &str,
        sets: Vec<String>,
        moves: Vec<String>,
        replicate: Option<u64>,
    ) -> PyResult<Self> {
        let at = At::parse(at).map_err(|what| Raised::argument(format!("`at`: {what}")))?;
        let at = at.step(&self.model().clock);
        let at = at.map_err(|error| Raised::new("ArgumentError", error.to_string(), Some(error.help())))?;
        let sets = arguments(&sets, parse_set)?;
        let moves = arguments(&moves, parse_bound)?;
        let forked = self.recording.verified.forked(at, &sets, &moves, replicate);
        let manifest = forked.map_err(|error| Raised::new("ArgumentError", error.to_string(), Some(&error.help())))?;
        let mut files = self.files.clone();
        let recording = py.detach(|| Recording::run(manifest, &mut files));
        let recording = recording.map_err(|error| Raised::recording(&error))?;
        Self { recording, files }.checked(py)
    }

    /// Describes where this run and another one diverge.
    fn diff(&self, py: Python<'_>, other: &Self) -> String {
        py.detach(|| diff::diff(&self.recording.verified, &other.recording.verified))
    }

    /// Writes the folder that `backstop run --out` writes.
    fn save(&self, py: Python<'_>, folder: PathBuf, force: bool, format: Option<&str>) -> PyResult<()> {
        let own = self.recording.verified.manifest.table_format;
        let format = format.map_or(Ok(own), arguments::format)?;
        let written = py.detach(|| self.recording.write_in(&Folder::claim(&folder, force)?, format));
        Ok(written.map_err(|error| Raised::folder(&error))?)
    }

    /// The run of a folder, which is verified.
    #[staticmethod]
    fn open(py: Python<'_>, folder: PathBuf) -> PyResult<Self> {
        let found = py.detach(|| {
            let verified = verify(&folder, &mut |_, _, _| {}).map_err(|error| Raised::verify(&error))?;
            let document = verified.course.document().expect("the course was compiled from one");
            let attachments = document.attachments();
            let files = attachments.map(|(attachment, bytes)| (attachment.location.clone(), bytes.to_vec())).collect();
            let mut kept = StoredInputs::of(&folder, &verified.manifest.inputs);
            debug_assert_eq!(input_files(document).len(), verified.manifest.inputs.len());
            let recording = Recording::run(verified.manifest, &mut kept);
            Ok::<_, Raised>(Self { recording: recording.map_err(|error| Raised::recording(&error))?, files })
        });
        Ok(found?)
    }

    /// The state for pickling, from which the run is repeated.
    fn parts(&self) -> (String, Files) {
        (self.manifest(), self.files.clone())
    }

    /// The run of these parts.
    #[staticmethod]
    fn of_parts(py: Python<'_>, manifest: &str, files: Files) -> PyResult<Self> {
        let manifest = Manifest::from_json(manifest);
        let manifest = manifest.map_err(|_| Raised::argument("it was pickled by another version of backstop"))?;
        let mut inputs = files.clone();
        let recording = py.detach(|| Recording::run(manifest, &mut inputs));
        Ok(Self { recording: recording.map_err(|error| Raised::recording(&error))?, files })
    }
}

/// The page of one folder, or of two runs side by side.
#[pyfunction]
pub(crate) fn page(py: Python<'_>, folders: Vec<PathBuf>, text: Option<String>) -> PyResult<String> {
    let made = py.detach(|| {
        let mut subjects = folders.iter().map(|folder| read(folder)).collect::<Result<Vec<_>, _>>()?;
        if let (Some(text), 1) = (text, subjects.len()) {
            subjects = subjects.into_iter().map(|subject| subject.with_text(&text)).collect();
        }
        document(&subjects)
    });
    Ok(made.map_err(|error| Raised::new("FolderError", error.to_string(), None))?)
}
