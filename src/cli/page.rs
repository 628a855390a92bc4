//! `page`: writes one HTML file that shows a run, a sweep, or two runs side by side.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use backstop::engine::RunOptions;
use backstop::page::{self, PageError, Subject};
use backstop::report::wording::escaped;
use backstop::report::{ending, timeline};
use backstop::scenario::Diagnostic;
use backstop::store::{Defect, LineageError, Manifest, Verified};

use super::console::{Failed, emit, fail, report, say};
use super::files::{claim_file, refuse_sweep};

/// Writes one HTML file that shows a run, a sweep, or two runs side by side
///
/// The file needs no network and no server: it can be opened from disk or from an e-mail.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The folder of a run, a fork or a sweep
    dir: PathBuf,
    /// The folder of another run to compare with the first
    dir2: Option<PathBuf>,
    /// Where to write the page [default: DIR/page.html]
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Replace the file if it exists
    #[arg(long)]
    force: bool,
    /// Open the page in a browser
    #[arg(long)]
    open: bool,
}

pub(crate) fn page(args: &Args) -> Result<(), Failed> {
    let out = match &args.out {
        Some(out) => out.clone(),
        None => beside(&args.dir)?,
    };
    let read: Vec<&Path> = [&args.dir].into_iter().chain(&args.dir2).map(PathBuf::as_path).collect();
    let file = claim_file(&out, args.force, &read)?;
    let mut subjects = vec![subject(&args.dir)?];
    if let Some(other) = &args.dir2 {
        subjects.push(subject(other)?);
    }
    let html = page::document(&subjects).map_err(|error| refused(&error))?;
    file.write(html.as_bytes()).map_err(|error| fail(&error.to_string(), error.help()))?;
    emit(&format!("Written to {}\n", escaped(&out.display().to_string())))?;
    if args.open { open(&out) } else { Ok(()) }
}

/// The default path of the page of a folder. The folder may come from a stranger, so a link or a device at that path is
/// refused.
fn beside(folder: &Path) -> Result<PathBuf, Failed> {
    Manifest::read(folder).map_err(|error| fail(&error.to_string(), error.help()))?;
    let path = folder.join("page.html");
    if std::fs::symlink_metadata(&path).is_ok_and(|metadata| !metadata.is_file()) {
        let message = format!("`{}` is not a plain file", escaped(&path.display().to_string()));
        return Err(fail(&message, Some("give another place with `--out FILE`")));
    }
    Ok(path)
}

fn subject(folder: &Path) -> Result<Subject, Failed> {
    let subject = page::read(folder).map_err(|error| refused(&error))?;
    let text = subject.verified().map(text);
    Ok(match text {
        Some(text) => subject.with_text(&text),
        None => subject,
    })
}

/// The text of a run as `run` prints it, with the explanation of its ending.
fn text(verified: &Verified) -> String {
    let Verified { manifest, course, .. } = verified;
    let run_seed = manifest.run_seed();
    let want = RunOptions { log: true, series: true, exchanged: true };
    let run = course.run(run_seed, want, &mut |_, _, _| {});
    let (model, plan) = course.last();
    timeline::heading(model, run_seed.seed, run_seed.replicate)
        + &timeline::timeline(course.first(), &run.setup, &run.log)
        + "\n"
        + &ending::ending(model, plan, &run)
        + &ending::metrics(model, &run, true)
}

fn refused(error: &PageError) -> Failed {
    match error {
        PageError::Sweep(error) => return refuse_sweep(error, None),
        PageError::Run(error) => {
            if let Defect::Lineage(LineageError::Scenario { diagnostics, source }) = &error.defect {
                let diagnostics: &[Diagnostic] = diagnostics;
                report(diagnostics, source);
            }
        }
        PageError::File { .. }
        | PageError::Instances(_)
        | PageError::State(_)
        | PageError::NotTwoRuns
        | PageError::OtherScenario => {}
    }
    fail(&error.to_string(), error.help())
}

/// Opens a file with the program that the system associates with it, without waiting for it.
fn open(path: &Path) -> Result<(), Failed> {
    let opener = match std::env::consts::OS {
        "macos" => "open",
        "windows" => "explorer",
        _ => "xdg-open",
    };
    let whole = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    let started =
        Command::new(opener).arg(&whole).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn();
    match started {
        Ok(_) => Ok(()),
        Err(error) => {
            say("note: the page is written");
            let help = "open the file in a browser yourself";
            Err(fail(&format!("cannot start `{opener}`: {error}"), Some(help)))
        }
    }
}
