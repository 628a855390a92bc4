//! `check`: everything that is wrong with a scenario file, at once.

use std::path::{Path, PathBuf};

use backstop::report::wording::{count, escaped};
use backstop::scenario::{Diagnostic, Options, SourceText};
use backstop::sweep::check_table;

use super::console::{Failed, emit, emit_json, fail, report};
use super::load;
use super::progress::cores;

/// Checks scenario files and shows every error with its place and a remedy
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The scenario files; `-` for standard input
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// Print one JSON object a diagnostic, for editors
    #[arg(long)]
    json: bool,
}

pub(crate) fn check(args: &Args) -> Result<(), Failed> {
    let mut result = Ok(());
    for file in &args.files {
        // Every file is looked at, also after one with errors.
        if let Err(failed) = check_file(file, args.json) {
            result = Err(failed);
        }
    }
    result
}

fn check_file(file: &Path, json: bool) -> Result<(), Failed> {
    let name = file.display().to_string();
    let loaded = match load::parse(file, &Options::default()) {
        Ok(Ok(loaded)) => loaded,
        Ok(Err((errors, source))) => {
            show(&errors, &source, json)?;
            return Err(Failed::Input);
        }
        Err(unreadable) if json => {
            let error = Diagnostic::error("file/read", unreadable.message, Some(0..0));
            let error = error.maybe_help(unreadable.help.map(str::to_owned));
            show(&[error], &SourceText::lossy(&name, b""), json)?;
            return Err(Failed::Input);
        }
        Err(unreadable) => return Err(fail(&unreadable.message, unreadable.help)),
    };
    let errors = check_table(&loaded.document, cores());
    if !errors.is_empty() {
        show(&errors, loaded.document.source(), json)?;
        return Err(Failed::Input);
    }
    let warnings = &loaded.compiled.warnings;
    show(warnings, loaded.document.source(), json)?;
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

fn show(diagnostics: &[Diagnostic], source: &SourceText, json: bool) -> Result<(), Failed> {
    if !json {
        report(diagnostics, source);
        return Ok(());
    }
    diagnostics.iter().try_for_each(|diagnostic| emit_json(&diagnostic.view(source)))
}
