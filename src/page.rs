//! The page: a single HTML file that shows a run, a sweep or two runs, and needs only a browser.
//!
//! The data of a page are the tables of the folder and, for a run, the analysis of its states. The program that draws
//! them is written in TypeScript in the folder `page/`; its bundle is embedded in the crate.

mod data;
mod document;
mod history;

pub use document::{Subject, document, read};

use std::fmt;
use std::path::PathBuf;

use crate::engine::Failure;
use crate::store::VerifyError;
use crate::sweep;
use crate::text::escaped;

pub mod limits {
    //! Named limits on the data of a page. The page says what was left out.

    limits! {
        /// Rows of `events.csv` that are included, from the first; of a run or of all runs of a sweep.
        pub const EVENT_ROWS: usize = 100_000;
        /// Rows of any other table that are included, from the first.
        pub const TABLE_ROWS: usize = 50_000;
        /// Largest table of a sweep that is read, in bytes.
        pub const SWEEP_TABLE_BYTES: u64 = 256 << 20;
        /// Commitment instances of a run that can be shown.
        pub const INSTANCES: usize = 20_000;
        /// Product of instances and collected steps; longer runs are sampled at every second, third, … step.
        pub const LOOKS: u64 = 2_000_000;
        /// Steps for which unlock sets are computed, evenly spread over those at which something changed.
        pub const UNLOCKED_STEPS: usize = 40;
        /// As [`UNLOCKED_STEPS`], if more than [`CROWD`] offers are in a deadlock and the search may take long.
        pub const UNLOCKED_STEPS_OF_A_CROWD: usize = 6;
        /// Offers in a deadlock above which [`UNLOCKED_STEPS_OF_A_CROWD`] applies.
        pub const CROWD: usize = 24;
        /// Unlock sets that are included for a step, cheapest first.
        pub const SETS: usize = 12;
        /// Rounds that are simulated after first moves.
        pub const ROUNDS: usize = 200;
        /// Operations of the rounds after one set of moves.
        pub const ROUND_WORK: u64 = 10_000_000;
        /// Edges of the wait-for graph that are included for a step.
        pub const WAITS: usize = 5_000;
        /// Bytes of the texts of what offers lack, over all steps; beyond it, only the last step has them.
        pub const LACK_BYTES: usize = 4 << 20;
        /// Stances that are included, over all steps.
        pub const STANCES: usize = 200_000;
        /// Bytes of the plain text that is shown without JavaScript.
        pub const TEXT_BYTES: usize = 1 << 20;
    }
}

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
    /// The run has this many commitment instances, more than [`limits::INSTANCES`].
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
                write!(f, "the run has {number} commitments, more than the {} of a page", limits::INSTANCES)
            }
            Self::State(failure) => failure.fmt(f),
            Self::NotTwoRuns => f.write_str("only runs can be compared"),
            Self::OtherScenario => f.write_str("the two runs have different actors or commitments"),
        }
    }
}

impl std::error::Error for PageError {}
