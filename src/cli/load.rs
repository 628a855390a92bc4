//! Loads a scenario: from a path to a compiled model.

use std::fs::File;
use std::io::Read as _;
use std::path::Path;

use backstop::engine::Failure;
use backstop::model::{Clock, limits};
use backstop::report::wording::escaped;
pub(crate) use backstop::scenario::{At, parse_bound, parse_metric, parse_move, parse_set};
use backstop::scenario::{Compiled, Diagnostic, Document, Options, SourceText, compile};
use backstop::store::ScenarioFiles;
use backstop::table::Format;
use clap::builder::{PossibleValuesParser, TypedValueParser};

use super::console::{Failed, fail, report};

/// A scenario file that was read and compiled.
pub(crate) struct Loaded {
    pub(crate) document: Document,
    pub(crate) compiled: Compiled,
}

/// Why a scenario file cannot be read, with a remedy if there is one.
pub(crate) struct Unreadable {
    pub(crate) message: String,
    pub(crate) help: Option<&'static str>,
}

/// The formats of tables; one that the program was built without is refused with what to do about it.
pub(crate) fn formats() -> impl TypedValueParser<Value = Format> {
    let names = Format::ALL.iter().map(|format| format.name());
    PossibleValuesParser::new(names).try_map(|name| {
        let format = Format::ALL.iter().copied().find(|format| format.name() == name).unwrap_or_default();
        format.missing().map_or(Ok(format), |help| Err(format!("this program was built without it; {help}")))
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
