//! A scenario: its text, the files that it refers to, and the parsed document.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use backstop::model::limits;
use backstop::scenario::{AttachmentError, Attachments, Document, Options, Role, Unreadable, compile};
use backstop::store::{Manifest, MoveRecord, OverrideRecord, Recording, ScenarioFiles};
use backstop::sweep::check_table;
use pyo3::prelude::*;
use serde_json::{Value, json};

use super::arguments::{Files, arguments, cores};
use super::error::{self, Raised};
use super::run::Run;

/// A scenario.
#[pyclass(frozen, module = "backstop._core")]
pub(crate) struct Scenario {
    /// Its path, or the name that it was given.
    name: String,
    text: Vec<u8>,
    files: Files,
    document: Result<Document, Box<Unreadable>>,
}

/// Keeps the files that it reads.
struct Remembering<A> {
    inner: A,
    read: Files,
}

impl<A: Attachments> Attachments for Remembering<A> {
    fn read(&mut self, location: &str, role: Role, limit: u64) -> Result<Vec<u8>, AttachmentError> {
        let bytes = self.inner.read(location, role, limit)?;
        self.read.insert(location.to_owned(), bytes.clone());
        Ok(bytes)
    }
}

impl Scenario {
    fn of(name: String, text: Vec<u8>, files: impl Attachments) -> Self {
        let mut files = Remembering { inner: files, read: BTreeMap::new() };
        let document = Document::open(&name, &text, &mut files);
        Self { name, text, files: files.read, document }
    }

    /// The scenario of a text.
    pub(crate) fn of_text(name: String, text: Vec<u8>, files: Files) -> Self {
        Self::of(name, text, files)
    }

    /// The document, or its errors.
    pub(crate) fn document(&self) -> Result<&Document, Raised> {
        self.document.as_ref().map_err(|unreadable| Raised::scenario(&unreadable.diagnostics, &unreadable.source))
    }

    /// Its name without folders.
    pub(crate) fn file_name(&self) -> String {
        Path::new(&self.name).file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default()
    }
}

#[pymethods]
impl Scenario {
    /// Reads a file, and the files that it refers to.
    #[staticmethod]
    fn open(path: PathBuf) -> PyResult<Self> {
        use std::io::Read as _;
        let mut text = Vec::new();
        // Read one byte more than allowed, so that the check of the size rejects the file.
        std::fs::File::open(&path)?.take(limits::FILE_BYTES + 1).read_to_end(&mut text)?;
        Ok(Self::of(path.display().to_string(), text, ScenarioFiles::of(&path)))
    }

    /// The scenario of a text.
    #[staticmethod]
    fn of_parts(name: String, text: Vec<u8>, files: Files) -> Self {
        Self::of(name, text, files)
    }

    /// The state for pickling.
    fn parts(&self) -> (&str, &[u8], Files) {
        (&self.name, &self.text, self.files.clone())
    }

    /// Its path, or the name that it was given.
    #[getter]
    fn name(&self) -> &str {
        &self.name
    }

    /// The diagnostics as JSON.
    fn check(&self, py: Python<'_>) -> String {
        let document = match &self.document {
            Ok(document) => document,
            Err(unreadable) => return error::json(&unreadable.diagnostics, &unreadable.source),
        };
        py.detach(|| {
            let found = match compile(document, &Options::default()) {
                Err(errors) => errors,
                Ok(compiled) => {
                    let errors = check_table(document, cores());
                    if errors.is_empty() { compiled.warnings } else { errors }
                }
            };
            error::json(&found, document.source())
        })
    }

    /// The declarations of the scenario, as JSON: title, steps, names.
    fn facts(&self, py: Python<'_>) -> PyResult<String> {
        let document = self.document()?;
        let facts = py.detach(|| {
            let compiled = compile(document, &Options::default());
            let model = compiled.map_err(|errors| Raised::scenario(&errors, document.source()))?.model;
            let parameter = |(at, one): (usize, &backstop::model::Parameter)| {
                let text = one.distribution.as_ref().map(|drawn| format!("{drawn:?}"));
                json!({
                    "name": one.id,
                    "value": if text.is_some() { Value::Null } else { json!(model.setup.parameters[at]) },
                    "range": one.range.map(|(low, high)| [low, high]),
                    "whole": one.whole,
                    "drawn": text.is_some(),
                    "unit": one.unit,
                    "note": one.note,
                })
            };
            Ok::<_, Raised>(json!({
                "title": model.title,
                "about": model.about.trim(),
                "steps": model.clock.steps,
                "actors": model.actors.iter().map(|one| one.id).collect::<Vec<_>>(),
                "commitments": model.instance_names.iter().collect::<Vec<_>>(),
                "outcomes": model.outcomes.iter().map(|one| &one.id).collect::<Vec<_>>(),
                "metrics": model.metrics.iter().map(|one| &one.id).collect::<Vec<_>>(),
                "parameters": model.parameters.iter().enumerate().map(parameter).collect::<Vec<_>>(),
            }))
        })?;
        Ok(facts.to_string())
    }

    /// Runs the scenario once. If the run fails, the exception has it as its attribute.
    fn run(
        &self,
        py: Python<'_>,
        run_seed: (u64, u64),
        sets: Vec<String>,
        moves: Vec<String>,
        series: (bool, bool),
    ) -> PyResult<Run> {
        let document = self.document()?;
        let sets = arguments(&sets, backstop::scenario::parse_set)?;
        let moves = arguments(&moves, backstop::scenario::parse_move)?;
        let overrides = sets.iter().map(OverrideRecord::from).collect();
        let manifest = Manifest {
            stances: series.0,
            trust: series.1,
            replicate: run_seed.1,
            moves: moves.iter().map(MoveRecord::from).collect(),
            ..Manifest::new(&self.file_name(), document, overrides, run_seed.0)
        };
        let mut files = self.files.clone();
        let recording = py.detach(|| Recording::run(manifest, &mut files));
        let recording = recording.map_err(|error| Raised::recording(&error))?;
        Run { recording, files }.checked(py)
    }
}
