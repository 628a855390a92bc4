//! `check`: everything that is wrong with a scenario file, at once.

use std::path::PathBuf;

use backstop::scenario::{Diagnostic, Options, SourceText};
use backstop::sweep::check_table;

use super::console::{Failed, emit, emit_json, report};
use super::load;
use super::sweep::cores;
use super::wording::{count, escaped};

/// Checks a scenario file and shows every error with its place and a remedy
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The scenario file
    file: PathBuf,
    /// Print one JSON object a diagnostic, for editors
    #[arg(long)]
    json: bool,
}

pub(crate) fn check(args: &Args) -> Result<(), Failed> {
    let name = args.file.display().to_string();
    match load::parse(&args.file, &Options::default())? {
        Ok(loaded) => {
            let errors = check_table(&loaded.document, cores());
            if !errors.is_empty() {
                show(&errors, loaded.document.source(), args.json)?;
                return Err(Failed::Input);
            }
            let warnings = &loaded.compiled.warnings;
            show(warnings, loaded.document.source(), args.json)?;
            if args.json {
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
        Err((errors, source)) => {
            show(&errors, &source, args.json)?;
            Err(Failed::Input)
        }
    }
}

fn show(diagnostics: &[Diagnostic], source: &SourceText, json: bool) -> Result<(), Failed> {
    if !json {
        report(diagnostics, source);
        return Ok(());
    }
    diagnostics.iter().try_for_each(|diagnostic| emit_json(&diagnostic.view(source)))
}
