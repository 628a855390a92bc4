//! Why there is no page of a folder.

use std::fmt;
use std::path::PathBuf;

use crate::engine::Failure;
use crate::store::VerifyError;
use crate::sweep;
use crate::text::escaped;

/// Why there is no page of a folder. Printed it stands alone.
#[derive(Debug)]
pub enum PageError {
    /// The folder is not what a run wrote.
    Run(VerifyError),
    /// The folder is not what a sweep wrote.
    Sweep(sweep::Error),
    /// A file cannot be read.
    File {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        message: String,
    },
    /// The run has so many commitment instances, more than [`super::limits::INSTANCES`].
    Instances(usize),
    /// A state on the way cannot be explained.
    State(Failure),
    /// Two folders are compared that are not both of runs.
    NotTwoRuns,
    /// Two runs are compared that are not of one scenario.
    OtherScenario,
}

impl PageError {
    /// What to do about it, where there is a remedy.
    #[must_use]
    pub fn help(&self) -> Option<&'static str> {
        match self {
            Self::Run(error) => error.help(),
            Self::Sweep(_) => None,
            Self::File { .. } => Some("the file was edited; run the scenario again"),
            Self::Instances(_) => Some("`backstop replay` and `backstop explain` look at larger runs"),
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
            Self::OtherScenario => f.write_str("the two runs are not of the same actors and commitments"),
        }
    }
}

impl std::error::Error for PageError {}
