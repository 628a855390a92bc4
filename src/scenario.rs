//! The front end: from a TOML document to a compiled [`Model`](crate::model::Model), with diagnostics that name place and remedy.
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

#[expect(clippy::wildcard_enum_match_arm, reason = "values of all other kinds are refused alike")]
mod actors;
mod arguments;
#[expect(clippy::wildcard_enum_match_arm, reason = "values of all other kinds are refused alike")]
mod calendar;
#[expect(clippy::wildcard_enum_match_arm, reason = "values of all other kinds are refused alike")]
mod cells;
mod check;
mod collect;
#[expect(clippy::wildcard_enum_match_arm, reason = "values of all other kinds are refused alike")]
mod commitments;
#[expect(clippy::wildcard_enum_match_arm, reason = "values of all other kinds are refused alike")]
mod compile;
mod constant;
mod csv;
mod diagnostic;
mod document;
#[expect(clippy::wildcard_enum_match_arm, reason = "no other number is read by expressions before a run")]
mod draft;
#[expect(clippy::wildcard_enum_match_arm, reason = "values of all other kinds are refused alike")]
mod expressions;
mod graph;
mod groups;
pub mod interval;
pub mod keys;
mod lookup;
#[expect(clippy::wildcard_enum_match_arm, reason = "values of all other kinds are refused alike")]
mod measures;
mod meetings_and_shocks;
pub mod monotone;
#[expect(clippy::wildcard_enum_match_arm, reason = "values of all other kinds are refused alike")]
mod moves;
mod names;
#[expect(clippy::wildcard_enum_match_arm, reason = "values of all other kinds are refused alike")]
mod number;
#[expect(clippy::wildcard_enum_match_arm, reason = "values of all other kinds are refused alike")]
mod overrides;
#[expect(clippy::wildcard_enum_match_arm, reason = "all other tokens are treated alike")]
mod parse_toml;
mod quantity;
#[expect(clippy::wildcard_enum_match_arm, reason = "values of all other kinds are refused alike")]
mod reader;
mod resolve;
mod rules;
mod script;
mod set_value;
mod source;
#[expect(clippy::wildcard_enum_match_arm, reason = "values of all other kinds are refused alike")]
mod sweep_table;
#[expect(clippy::wildcard_enum_match_arm, reason = "all other tokens are treated alike")]
mod syntax;
mod time_literal;
#[expect(clippy::wildcard_enum_match_arm, reason = "values of all other kinds are treated alike")]
mod toml_tree;
mod trust;
#[expect(clippy::wildcard_enum_match_arm, reason = "values of all other kinds are treated alike")]
mod variant;
mod vocabulary;
mod warnings;

#[cfg(test)]
mod tests;

pub use arguments::{At, AtError, parse_bound, parse_metric, parse_move, parse_set};
pub use compile::{Compiled, Options, compile};
pub use diagnostic::{Diagnostic, DiagnosticView, NoteView, Origin, PlaceView, Severity};
pub use document::{Attachment, AttachmentError, Attachments, Document, NoAttachments, Role, Unreadable, too_large};
pub use moves::{AddedMove, MoveAmounts};
pub use names::FAILED;
pub use overrides::{Override, canonical};
pub use rules::Recheck;
pub use set_value::SetValue;
pub use source::{Position, SourceText};
pub use sweep_table::{SweepTable, Varied, VariedValues};
pub use time_literal::TimeUnit;
