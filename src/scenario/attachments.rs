//! The files that a scenario refers to: the scenario that it extends, and tables. The caller provides them.

use super::diagnostic::quoted;

/// The role in which a scenario refers to a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// A scenario that another extends.
    Scenario,
    /// A table of cells.
    Table,
}

impl Role {
    /// What it is, in words.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Scenario => "scenario",
            Self::Table => "table",
        }
    }
}

/// Why a file cannot be read; printed after "the table `parties.csv`".
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AttachmentError {
    /// What is wrong, such as "does not exist".
    pub message: String,
    /// What to do about it.
    pub help: String,
}

/// Provides the files that a scenario refers to.
///
/// A location is a path relative to the folder of the scenario file that is compiled, with `/` between its parts, and
/// in a canonical form: `..` only at its beginning, no `.`, no empty part.
pub trait Attachments {
    /// The bytes of a file, of which there are at most `limit`.
    ///
    /// # Errors
    /// If there is no such file, or it may not or cannot be read.
    fn read(&mut self, location: &str, role: Role, limit: u64) -> Result<Vec<u8>, AttachmentError>;
}

/// Provides nothing: for scenarios that stand alone.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoAttachments;

impl Attachments for NoAttachments {
    fn read(&mut self, _: &str, _: Role, _: u64) -> Result<Vec<u8>, AttachmentError> {
        Err(AttachmentError {
            message: "cannot be looked up here".into(),
            help: "a scenario that refers to other files must be read from a folder".into(),
        })
    }
}

/// Files in memory, by location.
impl Attachments for std::collections::BTreeMap<String, Vec<u8>> {
    fn read(&mut self, location: &str, _: Role, limit: u64) -> Result<Vec<u8>, AttachmentError> {
        let none = || AttachmentError { message: "does not exist".into(), help: "add the file".into() };
        let bytes = self.get(location).ok_or_else(none)?;
        if bytes.len() as u64 > limit { Err(too_large(limit)) } else { Ok(bytes.clone()) }
    }
}

/// The error of a file that is larger than its limit.
#[must_use]
pub fn too_large(limit: u64) -> AttachmentError {
    AttachmentError {
        message: format!("is larger than {} MiB", limit >> 20),
        help: "leave out what the scenario does not need".into(),
    }
}

/// A file that a scenario refers to, as it was read.
#[derive(Clone, Debug)]
pub struct Attachment {
    /// Where it is, as given to [`Attachments::read`].
    pub location: String,
    /// The role in which it is referred to.
    pub role: Role,
}

/// The location of what `path` names in the file at `from`.
///
/// # Errors
/// If the path is none that a scenario may use: what is wrong with it, and the remedy.
pub(super) fn locate(from: &str, path: &str, role: Role) -> Result<String, (String, &'static str)> {
    let wrong = |what: &str, help| Err((format!("the path {} {what}", quoted(path)), help));
    if path.is_empty() {
        return wrong("is empty", "name a file, such as `parties.csv`");
    }
    if path.contains(['\\', '\0', ':']) || path.chars().any(char::is_control) {
        return wrong("has a character in it that paths may not have", "write `/` between folders, and plain names");
    }
    if path.starts_with('/') || path.starts_with('~') {
        return wrong("is absolute", "write it relative to the folder of the file that names it");
    }
    let mut parts: Vec<&str> = from.split('/').collect();
    parts.pop();
    for part in path.split('/') {
        match part {
            "" => return wrong("has an empty part", "write `folder/file`"),
            "." => {}
            ".." if role == Role::Table => {
                return wrong("leads out of its folder", "keep the table beside the file that names it, or below");
            }
            ".." if parts.last().is_some_and(|&last| last != "..") => {
                parts.pop();
            }
            part => parts.push(part),
        }
    }
    match parts.last() {
        None | Some(&"..") => wrong("names a folder", "name a file"),
        Some(_) => Ok(parts.join("/")),
    }
}

/// The name of a file at a location, for messages, where the scenario's own name is `main`.
pub(super) fn display_name(main: &str, location: &str) -> String {
    let folder = main.rfind(['/', '\\']).map_or("", |at| &main[..=at]);
    format!("{folder}{location}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_relative_to_the_file_that_names_them() {
        let located = |from, path, role| locate(from, path, role).map_err(|(message, _)| message);
        assert_eq!(located("a.toml", "b.toml", Role::Scenario).unwrap(), "b.toml");
        assert_eq!(located("x/a.toml", "../b.toml", Role::Scenario).unwrap(), "b.toml");
        assert_eq!(located("a.toml", "../../y/./b.toml", Role::Scenario).unwrap(), "../../y/b.toml");
        assert_eq!(located("../x/a.toml", "t/b.csv", Role::Table).unwrap(), "../x/t/b.csv");
        for path in ["../b.csv", "t/../b.csv", "/etc/passwd", "", "t//b.csv", "C:\\b.csv", "a\nb"] {
            assert!(located("a.toml", path, Role::Table).is_err(), "{path}");
        }
        assert!(located("a.toml", "..", Role::Scenario).is_err());
    }
}
