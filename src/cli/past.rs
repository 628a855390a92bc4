//! A run's folder: what is wrong with it, said to a person.

use std::path::Path;

use backstop::engine::Watch;
use backstop::log::{self, CourseError, Fault, Verified, VerifyError};

use super::console::{Failed, fail, report};

/// Reads a folder, folds its log and compares everything in it with what the log gives; `Err` has been reported.
pub(crate) fn verify(dir: &Path, watch: &mut Watch<'_>) -> Result<Verified, Failed> {
    log::verify(dir, watch).map_err(|error| {
        let VerifyError { fault, .. } = &error;
        if let Fault::Course(CourseError::Scenario { diagnostics, source }) = fault {
            report(diagnostics, source);
        }
        fail(&error.to_string(), error.help())
    })
}

/// Says why a run cannot go on under other numbers or be measured anew.
pub(crate) fn refuse(error: &CourseError) -> Failed {
    match error {
        CourseError::Scenario { diagnostics, source } => {
            report(diagnostics, source);
            Failed
        }
        CourseError::OtherThings => fail(
            "an override changes which actors or commitments there are, which a fork cannot do",
            Some("run the scenario anew with it instead"),
        ),
    }
}
