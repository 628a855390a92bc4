//! The files of a command: loads scenarios, reads folders, claims outputs, and reports the errors of
//! all of these.

pub(crate) use backstop::scenario::{At, parse_bound, parse_metric, parse_move, parse_set};

use std::fs::File;
use std::io::Read as _;
use std::path::Path;

use backstop::engine::{Failure, Observer};
use backstop::model::{Clock, limits};
use backstop::report::wording::escaped;
use backstop::scenario::{Compiled, Diagnostic, Document, Options, SourceText, compile};
use backstop::store::{
    Defect, Folder, Lineage, LineageError, Manifest, ScenarioFiles, SingleFile, StoredInputs, Verified,
};
use backstop::sweep::Error;
use backstop::table::Format;
use clap::builder::{PossibleValue, PossibleValuesParser, TypedValueParser};

use super::console::{Failed, fail, print_error_line, report};

/// A scenario file that was read and compiled.
pub(crate) struct Loaded {
    pub(crate) document: Document,
    pub(crate) compiled: Compiled,
}

/// The reason why a scenario file cannot be read, with a remedy if there is one.
pub(crate) struct Unreadable {
    pub(crate) message: String,
    pub(crate) help: Option<&'static str>,
}

/// Parses the name of a table format. Formats that the program was built without are not listed as possible values, and
/// the error for them says how to build it.
pub(crate) fn formats() -> impl TypedValueParser<Value = Format> {
    let names = Format::ALL.iter().map(|format| PossibleValue::new(format.name()).hide(format.missing().is_some()));
    PossibleValuesParser::new(names).try_map(|name| {
        let format = Format::ALL.iter().copied().find(|format| format.name() == name).unwrap_or_default();
        format.missing().map_or(Ok(format), |help| Err(format!("this program was built without {name}; {help}")))
    })
}

/// The bytes of a scenario file.
fn bytes_of(path: &Path) -> Result<Vec<u8>, Unreadable> {
    // Read one byte more than allowed, so that the check of the size rejects the file.
    read_up_to(path, limits::FILE_BYTES + 1).map_err(|error| Unreadable {
        message: format!("cannot read `{}`: {error}", escaped(&path.display().to_string())),
        help: (error.kind() == std::io::ErrorKind::NotFound)
            .then_some("give the path of a scenario file; `backstop new NAME` writes one to start from"),
    })
}

/// The bytes of a scenario file; an error has been reported.
fn read(path: &Path) -> Result<Vec<u8>, Failed> {
    bytes_of(path).map_err(|unreadable| fail(&unreadable.message, unreadable.help))
}

/// The bytes of a scenario file, or of standard input for `-`.
fn bytes_or_input(path: &Path) -> Result<Vec<u8>, Unreadable> {
    if path != Path::new("-") {
        return bytes_of(path);
    }
    let mut bytes = Vec::new();
    let read = std::io::stdin().lock().take(limits::FILE_BYTES + 1).read_to_end(&mut bytes);
    let unreadable = |error| Unreadable { message: format!("cannot read standard input: {error}"), help: None };
    read.map_err(unreadable).map(|_| bytes)
}

/// The first bytes of a file, at most `most`.
pub(crate) fn read_up_to(path: &Path, most: u64) -> std::io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    File::open(path)?.take(most).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// Parses and compiles the scenario file at a path, or standard input for `-`. Errors come with the text that they
/// refer to.
pub(crate) fn parse(
    path: &Path,
    options: &Options,
) -> Result<Result<Loaded, (Vec<Diagnostic>, SourceText)>, Unreadable> {
    let bytes = bytes_or_input(path)?;
    let name = path.display().to_string();
    Ok(match Document::open(&name, &bytes, &mut ScenarioFiles::of(path)) {
        Ok(document) => compiled(document, options),
        Err(unreadable) => Err((unreadable.diagnostics, unreadable.source)),
    })
}

fn compiled(document: Document, options: &Options) -> Result<Loaded, (Vec<Diagnostic>, SourceText)> {
    match compile(&document, options) {
        Ok(compiled) => Ok(Loaded { document, compiled }),
        Err(errors) => Err((errors, document.source().clone())),
    }
}

/// Compiles a document. Errors and warnings are reported on standard error.
pub(crate) fn load(document: Document, options: &Options) -> Result<Loaded, Failed> {
    match compiled(document, options) {
        Ok(loaded) => {
            report(&loaded.compiled.warnings, loaded.document.source());
            Ok(loaded)
        }
        Err((errors, source)) => {
            report(&errors, &source);
            Err(Failed::Input)
        }
    }
}

/// Reads a scenario file, and the files that it refers to; errors are reported on standard error.
pub(crate) fn document(path: &Path) -> Result<Document, Failed> {
    let bytes = read(path)?;
    Document::open(&path.display().to_string(), &bytes, &mut ScenarioFiles::of(path)).map_err(|unreadable| {
        report(&unreadable.diagnostics, &unreadable.source);
        Failed::Input
    })
}

/// Reports why a run of a scenario failed, with the place in its file.
pub(crate) fn failed(document: &Document, failure: &Failure) -> Failed {
    let span = failure.path().and_then(|path| document.place(path));
    let error = Diagnostic::error(failure.status(), failure.to_string(), span).help(failure.remedy());
    report(&[error], document.source());
    Failed::Input
}

/// A whole number from 0, such as a seed.
pub(crate) fn parse_whole(text: &str) -> Result<u64, String> {
    text.parse().map_err(|_| format!("it must be a whole number from 0 to {}", u64::MAX))
}

/// Converts a step or date to the number of a step.
pub(crate) fn step(at: &At, clock: &Clock) -> Result<u32, Failed> {
    at.step(clock).map_err(|error| fail(&error.to_string(), Some(error.help())))
}

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
        print_error_line(&format!(
            "note: `{page}` shows the former contents of the folder; `page --force` writes it anew"
        ));
    }
}

/// Reports the error of a sweep, with the diagnostics of the scenario.
pub(crate) fn refuse_sweep(error: &Error, text: Option<&SourceText>) -> Failed {
    let failed = fail(&escaped(&error.to_string()), error.remedy());
    if let Some(text) = text {
        report(error.diagnostics(), text);
    }
    failed
}
