//! Errors as the exceptions of `backstop`, with their diagnostics.

use backstop::engine::Failure;
use backstop::scenario::{Diagnostic, Document, SourceText};
use backstop::store::{Defect, FolderError, LineageError, RecordingError, VerifyError};
use backstop::sweep;
use pyo3::prelude::*;

/// Diagnostics as JSON.
pub(crate) fn json(diagnostics: &[Diagnostic], source: &SourceText) -> String {
    let views: Vec<_> = diagnostics.iter().map(|diagnostic| diagnostic.view(source)).collect();
    serde_json::to_string(&views).unwrap_or_default()
}

/// An exception of `backstop`: its class, a message, a remedy, diagnostics as JSON.
pub(crate) struct Raised {
    class: &'static str,
    message: String,
    help: Option<String>,
    diagnostics: String,
}

impl Raised {
    pub(crate) fn new(class: &'static str, message: impl Into<String>, help: Option<&str>) -> Self {
        Self { class, message: message.into(), help: help.map(str::to_owned), diagnostics: "[]".into() }
    }

    /// An error about an invalid argument.
    pub(crate) fn argument(message: impl Into<String>) -> Self {
        Self::new("ArgumentError", message, None)
    }

    /// The diagnostics of a scenario.
    pub(crate) fn scenario(diagnostics: &[Diagnostic], source: &SourceText) -> Self {
        let message = diagnostics.first().map_or_else(String::new, |first| first.message.clone());
        Self { diagnostics: json(diagnostics, source), ..Self::new("ScenarioError", message, None) }
    }

    pub(crate) fn lineage(error: &LineageError) -> Self {
        if let LineageError::Scenario { diagnostics, source } = error {
            return Self::scenario(diagnostics, source);
        }
        Self::new("ScenarioError", error.to_string(), error.help())
    }

    pub(crate) fn recording(error: &RecordingError) -> Self {
        match error {
            RecordingError::Lineage(error) => Self::lineage(error),
            RecordingError::Samples(error) => Self::new(
                "ScenarioError",
                error.to_string(),
                Some("leave out `stances` or `trust`, or run fewer steps"),
            ),
        }
    }

    pub(crate) fn verify(error: &VerifyError) -> Self {
        let raised = Self::new("FolderError", error.to_string(), error.help());
        if let Defect::Lineage(LineageError::Scenario { diagnostics, source }) = &error.defect {
            return Self { diagnostics: json(diagnostics, source), ..raised };
        }
        raised
    }

    pub(crate) fn folder(error: &FolderError) -> Self {
        Self::new("FolderError", error.to_string(), error.help())
    }

    pub(crate) fn sweep(error: &sweep::Error, source: Option<&SourceText>) -> Self {
        let raised = Self::new("SweepError", error.to_string(), error.remedy());
        match source {
            Some(source) => Self { diagnostics: json(error.diagnostics(), source), ..raised },
            None => raised,
        }
    }

    /// Why a run of a scenario failed.
    pub(crate) fn failure(document: &Document, failure: &Failure) -> Self {
        let span = failure.path().and_then(|path| document.place(path));
        let error = Diagnostic::error(failure.status(), failure.to_string(), span).help(failure.remedy());
        let raised = Self::new("RunError", failure.to_string(), Some(failure.remedy()));
        Self { diagnostics: json(&[error], document.source()), ..raised }
    }

    /// With something that the exception carries besides.
    pub(crate) fn with<'py>(self, py: Python<'py>, more: impl IntoPyObject<'py>) -> PyErr {
        let class = py.import("backstop").and_then(|module| module.getattr(self.class));
        let raised =
            class.and_then(|class| class.call_method1("_of", (&self.message, &self.help, &self.diagnostics, more)));
        raised.map_or_else(|error| error, PyErr::from_value)
    }
}

impl From<Raised> for PyErr {
    fn from(raised: Raised) -> Self {
        Python::attach(|py| raised.with(py, py.None()))
    }
}
