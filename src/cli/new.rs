//! `new`: a commented starter file.

use std::path::PathBuf;

use backstop::report::wording::{escaped, shell_word};
use backstop::store::{FolderError, SingleFile};

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
    let file = SingleFile::claim(&path, false, &[]);
    let written = file.and_then(|file| file.write(STARTER.as_bytes()));
    match written {
        Ok(()) => {
            // What begins with a dash would be taken for an option.
            let lead = if shown.starts_with('-') { "./" } else { "" };
            let word = shell_word(&format!("{lead}{}", path.display()));
            emit(&format!("wrote {shown}; run it with `backstop run {word}`\n"))
        }
        Err(FolderError::Exists(_) | FolderError::Link(_)) => {
            Err(fail(&format!("`{shown}` is there already"), Some("choose another name, or move the file away")))
        }
        Err(error) => Err(fail(&error.to_string(), error.help())),
    }
}
