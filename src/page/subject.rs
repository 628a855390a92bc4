//! The subject of a page: the folder of a run or of a sweep.

use std::path::Path;

use serde_json::Value;

use super::data;
use super::error::PageError;
use super::limits;
use crate::store::{Manifest, Verified, verify};

/// The data read from a folder.
#[derive(Debug)]
pub struct Subject {
    pub(super) data: Value,
    pub(super) title: String,
    pub(super) text: String,
    verified: Option<Verified>,
}

/// Reads the folder of a run, a fork or a sweep. The folder of a run is verified by [`verify`].
///
/// # Errors
/// A [`PageError`] if the folder is not what the program wrote, or is larger than a page can show.
///
/// ```no_run
/// use backstop::page::{PageError, document, read};
///
/// fn page_of(folder: &std::path::Path) -> Result<String, PageError> {
///     document(&[read(folder)?])
/// }
/// ```
pub fn read(folder: &Path) -> Result<Subject, PageError> {
    let manifest = Manifest::read(folder).map_err(PageError::Run)?;
    if manifest.design.is_some() {
        let (data, title, text) = data::read_sweep(folder, &manifest)?;
        return Ok(Subject { data, title, text, verified: None });
    }
    let verified = verify(folder, &mut |_, _, _| {}).map_err(PageError::Run)?;
    let (data, text) = data::read_run(folder, &verified)?;
    let title = data::title(verified.course.first(), &manifest);
    Ok(Subject { data, title, text, verified: Some(verified) })
}

impl Subject {
    /// The run, if the folder is of a run.
    #[must_use]
    pub fn verified(&self) -> Option<&Verified> {
        self.verified.as_ref()
    }

    /// Replaces the short text that is shown without JavaScript. It is cut at [`limits::TEXT_BYTES`].
    #[must_use]
    pub fn with_text(mut self, text: &str) -> Self {
        text[..text.floor_char_boundary(limits::TEXT_BYTES)].clone_into(&mut self.text);
        if self.text.len() < text.len() {
            self.text.push_str("\n… the rest is left out\n");
        }
        self
    }
}
