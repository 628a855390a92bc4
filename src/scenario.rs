//! The front end: from a TOML document to a compiled [`Model`], with diagnostics that name place and remedy.
//!
//! ```
//! use backstop::scenario::{Document, Options, compile};
//!
//! let text = "format = 1\n[time]\nsteps = 3\n[actors.us]\nstance = 0.6\n[metrics]\nmood = \"stance(us)\"\n";
//! let document = Document::parse("example.toml", text.as_bytes()).unwrap();
//! let compiled = compile(&document, &Options::default()).unwrap();
//! assert_eq!(compiled.model.clock.steps, 3);
//! ```
//!
//! Nothing here reads files or prints; bytes come in, a model or diagnostics go out.

mod actors;
mod attachments;
mod calendar;
mod cells;
mod commitments;
mod compile;
mod constant;
mod csv;
mod data;
mod definitions;
mod diagnostic;
mod document;
mod finish;
mod graph;
mod groups;
pub mod interval;
mod literal;
mod measures;
mod meetings_and_shocks;
mod members;
pub mod monotone;
mod most;
mod moves;
mod names;
mod number;
mod overrides;
mod quantity;
mod reader;
mod recheck;
mod reserved;
mod resolve;
mod set_value;
mod sets;
mod show;
mod source;
mod sweep_table;
mod syntax;
mod time_literal;
mod token;
mod toml_error;
mod trust;
mod variant;

#[cfg(test)]
mod tests;

use crate::model::Model;

pub use attachments::{Attachment, AttachmentError, Attachments, NoAttachments, Role, too_large};
pub use compile::compile;
pub use diagnostic::{Diagnostic, DiagnosticView, NoteView, Origin, PlaceView, Severity};
pub use document::{Document, Unreadable};
pub use moves::{AddedMove, MoveAmounts};
pub use names::FAILED;
pub use overrides::{Override, canonical};
pub use recheck::Recheck;
pub use set_value::SetValue;
pub use source::{Position, SourceText};
pub use sweep_table::{SweepTable, Varied};

/// What to compile a document with.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// Values that replace others of the file, in this order.
    pub overrides: Vec<Override>,
    /// Moves besides those of the file, in this order.
    pub moves: Vec<AddedMove>,
    /// Metrics besides those of the file: names and expressions.
    pub metrics: Vec<(String, String)>,
    /// Whether trust is kept up even where nothing reads it.
    pub track_trust: bool,
}

/// A compiled scenario.
#[derive(Clone, Debug)]
pub struct Compiled {
    /// What the engine runs.
    pub model: Model,
    /// What is legal but surely not meant, in the order of the file.
    pub warnings: Vec<Diagnostic>,
}
