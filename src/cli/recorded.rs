//! A run's folder: what is wrong with it, said to a person.

use std::path::Path;

use backstop::engine::Observer;
use backstop::store::{Defect, Kept, Lineage, LineageError, Manifest, Verified};

use super::console::{Failed, fail, report};
use super::load::{At, step};

/// Reads a folder, folds its log and compares everything in it with what the log gives; `Err` has been reported.
pub(crate) fn verify(dir: &Path, watch: &mut Observer<'_>) -> Result<Verified, Failed> {
    backstop::store::verify(dir, watch).map_err(|error| {
        if let Defect::Lineage(LineageError::Scenario { diagnostics, source }) = &error.fault {
            report(diagnostics, source);
        }
        fail(&error.to_string(), error.help())
    })
}

/// Says why a run cannot go on under other numbers or be measured anew.
pub(crate) fn refuse(error: &LineageError) -> Failed {
    if let LineageError::Scenario { diagnostics, source } = error {
        report(diagnostics, source);
        return Failed::Input;
    }
    fail(&error.to_string(), error.help())
}

/// That a run has no such step, or did not complete it.
pub(crate) fn no_step(step: u32, steps: u32) -> Failed {
    let help = match steps {
        0 => "the run failed before it had completed any step".into(),
        _ => format!("its last step is {}", steps - 1),
    };
    fail(&format!("the run has no step {step}"), Some(&help))
}

/// A run cannot be forked before its last fork.
pub(crate) fn check_fork(at: u32, last_fork: u32) -> Result<(), Failed> {
    if at < last_fork {
        let help = format!("fork the run that it came from, or choose a step from {last_fork}");
        return Err(fail(&format!("the run was itself forked at step {last_fork}"), Some(&help)));
    }
    Ok(())
}

/// The number of a step of a recorded run.
pub(crate) fn step_of_folder(at: &At, dir: &Path) -> Result<u32, Failed> {
    if let At::Step(step) = *at {
        return Ok(step);
    }
    let manifest = Manifest::read(dir).map_err(|error| fail(&error.to_string(), error.help()))?;
    let course = Lineage::new(&manifest, &mut Kept::of(dir, &manifest.inputs)).map_err(|error| refuse(&error))?;
    step(at, &course.last().0.clock)
}
