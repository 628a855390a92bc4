//! Output folders: claiming them, reading them back, and what is wrong with them, said to a person.

use std::path::Path;

use backstop::engine::Observer;
use backstop::report::wording::escaped;
use backstop::scenario::SourceText;
use backstop::store::{Defect, Folder, Lineage, LineageError, Manifest, SingleFile, StoredInputs, Verified};
use backstop::sweep::Error;

use super::console::{Failed, fail, report, say};
use super::load::{At, step};

/// Reads a folder, replays its log and compares all its tables with the replay; an error has been reported.
pub(crate) fn verify(dir: &Path, watch: &mut Observer<'_>) -> Result<Verified, Failed> {
    backstop::store::verify(dir, watch).map_err(|error| {
        if let Defect::Lineage(LineageError::Scenario { diagnostics, source }) = &error.defect {
            report(diagnostics, source);
        }
        fail(&error.to_string(), error.help())
    })
}

/// Reports why a run cannot be forked or measured.
pub(crate) fn refuse(error: &LineageError) -> Failed {
    if let LineageError::Scenario { diagnostics, source } = error {
        report(diagnostics, source);
        return Failed::Input;
    }
    fail(&error.to_string(), error.help())
}

/// The error that a run has no such step or did not complete it.
pub(crate) fn no_step(step: u32, steps: u32) -> Failed {
    let help = match steps {
        0 => "the run failed before it had completed any step".into(),
        _ => format!("its last step is {}", steps - 1),
    };
    fail(&format!("the run has no step {step}"), Some(&help))
}

/// Refuses to fork a run before its last fork.
pub(crate) fn check_fork(at: u32, last_fork: u32) -> Result<(), Failed> {
    if at < last_fork {
        let help = format!("fork the run that it came from, or choose a step from {last_fork}");
        return Err(fail(&format!("the run was itself forked at step {last_fork}"), Some(&help)));
    }
    Ok(())
}

/// Converts a step or date to the number of a step of a recorded run.
pub(crate) fn step_of_folder(at: &At, dir: &Path) -> Result<u32, Failed> {
    if let At::Step(step) = *at {
        return Ok(step);
    }
    let manifest = Manifest::read(dir).map_err(|error| fail(&error.to_string(), error.help()))?;
    let course =
        Lineage::new(&manifest, &mut StoredInputs::of(dir, &manifest.inputs)).map_err(|error| refuse(&error))?;
    step(at, &course.last().0.clock)
}

/// Claims an output folder before the work begins.
pub(crate) fn claim(path: &Path, force: bool) -> Result<Folder, Failed> {
    Folder::claim(path, force).map_err(|error| fail(&error.to_string(), error.help()))
}

/// Claims a single output file before the work begins. `inputs` are the files that the command reads.
pub(crate) fn claim_file(path: &Path, force: bool, inputs: &[&Path]) -> Result<SingleFile, Failed> {
    SingleFile::claim(path, force, inputs).map_err(|error| fail(&error.to_string(), error.help()))
}

/// Whether two paths refer to the same folder.
pub(crate) fn is_same(one: &Path, other: &Path) -> bool {
    matches!((one.canonicalize(), other.canonicalize()), (Ok(one), Ok(other)) if one == other)
}

/// Warns that the page in a folder, which no manifest lists, shows the former contents of the folder.
pub(crate) fn warn_of_old(folder: &Path) {
    let page = folder.join("page.html");
    if std::fs::symlink_metadata(&page).is_ok() {
        let page = escaped(&page.display().to_string());
        say(&format!("note: `{page}` shows the former contents of the folder; `page --force` writes it anew"));
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
