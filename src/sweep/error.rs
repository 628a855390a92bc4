//! Why a sweep cannot be made, or cannot go on.

use std::fmt;

use crate::scenario::Diagnostic;
use crate::store::FolderError;
pub(super) use crate::text::{quoted, suggestion};

/// The kind of an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ErrorKind {
    /// The design is not valid.
    Design,
    /// A limit on designs was reached.
    Limit,
    /// The scenario is not valid at a point.
    Point,
    /// The folder does not contain the expected sweep.
    Mismatch,
    /// The operating system reported an error.
    Io,
    /// It was interrupted; finished runs are kept.
    Interrupted,
}

/// An error of a sweep: a complete message, its place, and a suggestion for the user.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Error {
    kind: ErrorKind,
    message: String,
    place: Option<Place>,
    help: Option<String>,
    diagnostics: Vec<Diagnostic>,
}

/// A place in a file other than the scenario.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// The file.
    pub file: String,
    /// Line, from 1.
    pub line: u64,
    /// Column, from 1.
    pub column: u64,
}

impl Error {
    /// An error without a place.
    #[must_use]
    pub fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into(), place: None, help: None, diagnostics: Vec::new() }
    }

    /// Adds a suggestion for the user.
    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// Adds a place.
    #[must_use]
    pub fn at(mut self, file: &str, line: u64, column: u64) -> Self {
        self.place = Some(Place { file: file.to_owned(), line, column });
        self
    }

    /// Adds the place of a point, if a file gave it.
    #[must_use]
    pub(super) fn maybe_at(self, place: Option<(&str, u64)>) -> Self {
        match place {
            Some((file, line)) => self.at(file, line, 1),
            None => self,
        }
    }

    /// Adds the diagnostics of the scenario.
    #[must_use]
    pub(super) fn because(mut self, diagnostics: Vec<Diagnostic>) -> Self {
        self.diagnostics = diagnostics;
        self
    }

    /// The diagnostics of the scenario, if it was compiled.
    #[must_use]
    pub fn diagnostics(&self) -> &[Diagnostic] {
        &self.diagnostics
    }

    /// Its kind.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        self.kind
    }

    /// The message.
    #[must_use]
    pub fn message(&self) -> &str {
        &self.message
    }

    /// The place, if it is in a file.
    #[must_use]
    pub fn place(&self) -> Option<&Place> {
        self.place.as_ref()
    }

    /// The suggestion for the user.
    #[must_use]
    pub fn remedy(&self) -> Option<&str> {
        self.help.as_deref()
    }

    /// An error of the system during an operation on a file.
    pub(super) fn io(doing: &str, path: &std::path::Path, error: &std::io::Error) -> Self {
        Self::new(ErrorKind::Io, format!("cannot {doing} `{}`: {error}", path.display()))
    }
}

impl From<FolderError> for Error {
    fn from(error: FolderError) -> Self {
        let help = if let FolderError::NotEmpty(_) = error {
            Some("`--resume` continues an unfinished sweep; `--force` replaces it")
        } else {
            error.help()
        };
        Self { help: help.map(str::to_owned), ..Self::new(ErrorKind::Io, error.to_string()) }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(Place { file, line, column }) = &self.place {
            write!(f, "{file}:{line}:{column}: ")?;
        }
        f.write_str(&self.message)
    }
}

impl std::error::Error for Error {}
