//! `new`: a commented starter file.

use std::fs::OpenOptions;
use std::io::Write as _;
use std::path::PathBuf;

use backstop::report::wording::{escaped, shell_word};

use super::console::{Failed, emit, fail};

/// Writes a commented starter file, NAME.toml
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Name of the scenario; the file is NAME.toml
    name: PathBuf,
}

const STARTER: &str = include_str!("starter.toml");

pub(crate) fn new(args: &Args) -> Result<(), Failed> {
    let mut path = args.name.clone();
    if path.extension().is_none_or(|extension| extension != "toml") {
        let mut name = path.into_os_string();
        name.push(".toml");
        path = name.into();
    }
    let shown = escaped(&path.display().to_string());
    let written = OpenOptions::new()
        .write(true)
        .create_new(true)
        .open(&path)
        .and_then(|mut file| file.write_all(STARTER.as_bytes()));
    match written {
        Ok(()) => {
            // What begins with a dash would be taken for an option.
            let lead = if shown.starts_with('-') { "./" } else { "" };
            let word = shell_word(&format!("{lead}{}", path.display()));
            emit(&format!("wrote {shown}; run it with `backstop run {word}`\n"))
        }
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {
            Err(fail(&format!("`{shown}` is there already"), Some("choose another name, or move the file away")))
        }
        Err(error) => Err(fail(&format!("cannot write `{shown}`: {error}"), None)),
    }
}
