//! The errors of building a page.

use std::fmt;
use std::path::PathBuf;

use crate::engine::Failure;
use crate::store::VerifyError;
use crate::sweep;
use crate::text::escaped;

/// The error of building a page. Its display text is a complete message.
#[derive(Debug)]
pub enum PageError {
    /// The folder is not the unchanged output of a run.
    Run(VerifyError),
    /// The folder is not the unchanged output of a sweep.
    Sweep(sweep::Error),
    /// A file cannot be read.
    File {
        /// The file.
        path: PathBuf,
        /// The problem.
        message: String,
    },
    /// The run has this many commitment instances, more than [`super::limits::INSTANCES`].
    Instances(usize),
    /// A state of the run cannot be explained.
    State(Failure),
    /// Two folders are given and at least one of them is not of a run.
    NotTwoRuns,
    /// Two runs of different scenarios are given.
    OtherScenario,
}

impl PageError {
    /// A suggestion for the user, if there is one.
    #[must_use]
    pub fn help(&self) -> Option<&'static str> {
        match self {
            Self::Run(error) => error.help(),
            Self::Sweep(_) => None,
            Self::File { .. } => Some("the file was edited; run the scenario again"),
            Self::Instances(_) => Some("`backstop replay` and `backstop explain` show larger runs"),
            Self::State(failure) => Some(failure.remedy()),
            Self::NotTwoRuns => Some("give one folder of a sweep, or two folders of runs"),
            Self::OtherScenario => Some("compare a run with its fork, or with a run of the same scenario"),
        }
    }
}

impl fmt::Display for PageError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Run(error) => error.fmt(f),
            Self::Sweep(error) => error.fmt(f),
            Self::File { path, message } => write!(f, "{}: {message}", escaped(&path.display().to_string())),
            Self::Instances(number) => {
                write!(f, "the run has {number} commitments, more than the {} of a page", super::limits::INSTANCES)
            }
            Self::State(failure) => failure.fmt(f),
            Self::NotTwoRuns => f.write_str("only runs can be compared"),
            Self::OtherScenario => f.write_str("the two runs have different actors or commitments"),
        }
    }
}

impl std::error::Error for PageError {}
