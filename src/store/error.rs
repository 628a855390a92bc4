//! The reasons why a folder or a file could not be written.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

/// The reason why a folder or a file could not be written.
#[derive(Debug)]
pub enum FolderError {
    /// The folder exists and is not empty, and `force` was not given.
    NotEmpty(PathBuf),
    /// A file has the name of the folder.
    NotAFolder(PathBuf),
    /// A folder has the name of the file.
    NotAFile(PathBuf),
    /// The file exists, and `force` was not given.
    Exists(PathBuf),
    /// The file is an input of the command.
    Input(PathBuf),
    /// A link has the name of the file.
    Link(PathBuf),
    /// It is not known to be written by this program, so it is not replaced.
    NotReplaceable {
        /// The folder, or a file in it.
        path: PathBuf,
        /// The reason.
        reason: &'static str,
    },
    /// Another process is writing into it.
    Busy(PathBuf),
    /// A system call failed.
    Io {
        /// The operation, such as `write`.
        doing: &'static str,
        /// Its path.
        path: PathBuf,
        /// The error of the system.
        error: io::Error,
    },
}

impl FolderError {
    pub(super) fn io(doing: &'static str, path: &Path, error: io::Error) -> Self {
        Self::Io { doing, path: path.to_owned(), error }
    }

    /// A suggestion for the user, if there is one.
    #[must_use]
    pub fn help(&self) -> Option<&'static str> {
        match self {
            Self::NotEmpty(_) => Some("choose another folder, or give `--force` to replace its contents"),
            Self::NotAFolder(_) | Self::NotAFile(_) | Self::Input(_) | Self::Link(_) => Some("choose another name"),
            Self::Exists(_) => Some("choose another name, or give `--force` to replace it"),
            Self::NotReplaceable { .. } => Some("choose another folder, or move the contents of this one away"),
            Self::Busy(_) => Some("wait until the other command has ended"),
            Self::Io { .. } => None,
        }
    }
}

impl fmt::Display for FolderError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotEmpty(path) => write!(f, "the folder `{}` is not empty", path.display()),
            Self::NotAFolder(path) => write!(f, "`{}` is a file, not a folder", path.display()),
            Self::NotAFile(path) => write!(f, "`{}` is a folder, not a file", path.display()),
            Self::Exists(path) => write!(f, "the file `{}` already exists", path.display()),
            Self::Input(path) => write!(f, "`{}` is an input of this command; it is not overwritten", path.display()),
            Self::Link(path) => {
                write!(f, "`{}` is a link to a file; links are not followed when writing", path.display())
            }
            Self::NotReplaceable { path, reason } => write!(f, "`{}` is not replaced: {reason}", path.display()),
            Self::Busy(path) => write!(f, "another command is writing into `{}`", path.display()),
            Self::Io { doing, path, error } => write!(f, "cannot {doing} `{}`: {error}", path.display()),
        }
    }
}

impl std::error::Error for FolderError {}
