//! `check`, `show` and `new`: what is done with a scenario file before it runs.

use std::path::{Path, PathBuf};

use backstop::report::wording::{count, escaped, shell_word};
use backstop::scenario::{Diagnostic, Options, SourceText};
use backstop::store::{FolderError, SingleFile};
use backstop::sweep::check_table;

use super::console::{Failed, emit, emit_json, fail, report};
use super::files;
use super::progress::cores;

/// Checks scenario files and shows every error with its place and a remedy
#[derive(Debug, clap::Args)]
pub(crate) struct CheckArgs {
    /// The scenario files; `-` for standard input
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// Print one JSON object per diagnostic, for editors
    #[arg(long)]
    json: bool,
}

pub(crate) fn check(args: &CheckArgs) -> Result<(), Failed> {
    let mut result = Ok(());
    for file in &args.files {
        // Check every file, even after one with errors.
        if let Err(failed) = check_file(file, args.json) {
            result = Err(failed);
        }
    }
    result
}

fn check_file(file: &Path, json: bool) -> Result<(), Failed> {
    let name = file.display().to_string();
    let loaded = match files::parse(file, &Options::default()) {
        Ok(Ok(loaded)) => loaded,
        Ok(Err((errors, source))) => {
            print_diagnostics(&errors, &source, json)?;
            return Err(Failed::Input);
        }
        Err(unreadable) if json => {
            let error = Diagnostic::error("file/read", unreadable.message, Some(0..0));
            let error = error.maybe_help(unreadable.help.map(str::to_owned));
            print_diagnostics(&[error], &SourceText::lossy(&name, b""), json)?;
            return Err(Failed::Input);
        }
        Err(unreadable) => return Err(fail(&unreadable.message, unreadable.help)),
    };
    let errors = check_table(&loaded.document, cores());
    if !errors.is_empty() {
        print_diagnostics(&errors, loaded.document.source(), json)?;
        return Err(Failed::Input);
    }
    let warnings = &loaded.compiled.warnings;
    print_diagnostics(warnings, loaded.document.source(), json)?;
    if json {
        return Ok(());
    }
    let model = &loaded.compiled.model;
    emit(&format!(
        "{}: no errors, {}; {}, {}, {}\n",
        escaped(&name),
        count(warnings.len(), "warning"),
        count(model.actors.len(), "actor"),
        count(model.instances.len(), "commitment"),
        count(model.clock.steps as usize, "step"),
    ))
}

fn print_diagnostics(diagnostics: &[Diagnostic], source: &SourceText, json: bool) -> Result<(), Failed> {
    if !json {
        report(diagnostics, source);
        return Ok(());
    }
    diagnostics.iter().try_for_each(|diagnostic| emit_json(&diagnostic.view(source)))
}

/// Prints a scenario as one file, merged with the file that it extends
#[derive(Debug, clap::Args)]
pub(crate) struct ShowArgs {
    /// The scenario file
    file: PathBuf,
}

pub(crate) fn show(args: &ShowArgs) -> Result<(), Failed> {
    emit(&files::document(&args.file)?.show())
}

/// Writes a commented starter file, NAME.toml
#[derive(Debug, clap::Args)]
pub(crate) struct NewArgs {
    /// Name of the scenario; the file is NAME.toml
    name: PathBuf,
}

const STARTER: &str = include_str!("starter.toml");

pub(crate) fn new(args: &NewArgs) -> Result<(), Failed> {
    let mut path = args.name.clone();
    if path.extension().is_none_or(|extension| extension != "toml") {
        let mut name = path.into_os_string();
        name.push(".toml");
        path = name.into();
    }
    let shown = escaped(&path.display().to_string());
    let file = SingleFile::claim(&path, false, &[]);
    let written = file.and_then(|file| file.write(STARTER.as_bytes()));
    match written {
        Ok(()) => {
            // A name that begins with a dash would be taken for an option.
            let lead = if shown.starts_with('-') { "./" } else { "" };
            let word = shell_word(&format!("{lead}{}", path.display()));
            emit(&format!("wrote {shown}; run it with `backstop run {word}`\n"))
        }
        Err(FolderError::Exists(_) | FolderError::Link(_)) => {
            Err(fail(&format!("`{shown}` already exists"), Some("choose another name, or move the file away")))
        }
        Err(error) => Err(fail(&error.to_string(), error.help())),
    }
}
