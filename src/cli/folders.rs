//! Output folders: claiming them, reading them back, and what is wrong with them, said to a person.

use std::path::Path;

use backstop::engine::Observer;
use backstop::report::wording::escaped;
use backstop::scenario::SourceText;
use backstop::store::{Defect, Folder, Kept, Lineage, LineageError, Manifest, SingleFile, Verified};
use backstop::sweep::Error;

use super::console::{Failed, fail, report, say};
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

/// Claims an output folder before any work is done.
pub(crate) fn claim(path: &Path, force: bool) -> Result<Folder, Failed> {
    Folder::claim(path, force).map_err(|error| fail(&error.to_string(), error.help()))
}

/// Claims a single output file before any work is done; `inputs` are what the command reads.
pub(crate) fn claim_file(path: &Path, force: bool, inputs: &[&Path]) -> Result<SingleFile, Failed> {
    SingleFile::claim(path, force, inputs).map_err(|error| fail(&error.to_string(), error.help()))
}

/// Whether two paths lead to one folder.
pub(crate) fn is_same(one: &Path, other: &Path) -> bool {
    matches!((one.canonicalize(), other.canonicalize()), (Ok(one), Ok(other)) if one == other)
}

/// Says that the page in a folder, which no manifest lists, shows what was in the folder before it was written anew.
pub(crate) fn warn_of_old(folder: &Path) {
    let page = folder.join("page.html");
    if std::fs::symlink_metadata(&page).is_ok() {
        let page = escaped(&page.display().to_string());
        say(&format!("note: `{page}` shows what was in the folder before; `page --force` writes it anew"));
    }
}

/// Says what is wrong with a sweep, and what the scenario's reader had to say.
pub(crate) fn refuse_sweep(error: &Error, text: Option<&SourceText>) -> Failed {
    let failed = fail(&escaped(&error.to_string()), error.remedy());
    if let Some(text) = text {
        report(error.diagnostics(), text);
    }
    failed
}
