//! That there is nothing of a name.

use std::fmt;

/// There is nothing of the name that was asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unknown {
    message: String,
    help: String,
}

impl Unknown {
    pub(super) fn new(message: String, help: String) -> Self {
        Self { message, help }
    }

    /// What to do about it.
    #[must_use]
    pub fn help(&self) -> &str {
        &self.help
    }
}

impl fmt::Display for Unknown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Unknown {}
