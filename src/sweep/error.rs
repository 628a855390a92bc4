//! Why a sweep cannot be made, or cannot go on.

use std::fmt;

use crate::scenario::Diagnostic;
use crate::store::FolderError;
pub(super) use crate::text::{quoted, suggestion};

/// What kind of thing went wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ErrorKind {
    /// The design asks for something that cannot be.
    Design,
    /// A limit on designs was reached.
    Limit,
    /// A point is no valid scenario.
    Point,
    /// The folder does not hold the sweep that was asked for.
    Mismatch,
    /// The system refused.
    Io,
    /// It was interrupted; what is finished stays.
    Interrupted,
}

/// Why a sweep cannot be made, or cannot go on: a message that stands alone, its place, and a remedy.
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

    /// With a remedy.
    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// With a place.
    #[must_use]
    pub fn at(mut self, file: &str, line: u64, column: u64) -> Self {
        self.place = Some(Place { file: file.to_owned(), line, column });
        self
    }

    /// With the place of a point, where a file gave it.
    #[must_use]
    pub(super) fn maybe_at(self, place: Option<(&str, u64)>) -> Self {
        match place {
            Some((file, line)) => self.at(file, line, 1),
            None => self,
        }
    }

    /// With what the scenario's reader had to say.
    #[must_use]
    pub(super) fn because(mut self, diagnostics: Vec<Diagnostic>) -> Self {
        self.diagnostics = diagnostics;
        self
    }

    /// What the scenario's reader had to say, where it was asked.
    #[must_use]
    pub fn diagnostics(&self) -> &[Diagnostic] {
        &self.diagnostics
    }

    /// Its kind.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        self.kind
    }

    /// What is wrong.
    #[must_use]
    pub fn message(&self) -> &str {
        &self.message
    }

    /// Where, if it is in a file.
    #[must_use]
    pub fn place(&self) -> Option<&Place> {
        self.place.as_ref()
    }

    /// What to do about it.
    #[must_use]
    pub fn remedy(&self) -> Option<&str> {
        self.help.as_deref()
    }

    /// A refusal of the system while doing something with a file.
    pub(super) fn io(doing: &str, path: &std::path::Path, error: &std::io::Error) -> Self {
        Self::new(ErrorKind::Io, format!("cannot {doing} `{}`: {error}", path.display()))
    }
}

impl From<FolderError> for Error {
    fn from(error: FolderError) -> Self {
        let help = if let FolderError::NotEmpty(_) = error {
            Some("`--resume` goes on with an unfinished sweep; `--force` replaces what is there")
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
