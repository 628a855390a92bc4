//! Declaring names: valid ids, and no name for two things that share a set of names.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

use super::csv::CsvTable;
use super::diagnostic::{Diagnostic, quoted};
use super::names::{NamedGroup, Names, Party, is_id};
use super::reader::Reader;
use crate::model::{ActorId, limits};

/// Names that readers of tables convert to a boolean, a number or a missing value.
pub(super) const MISREAD: [&str; 10] = ["true", "false", "yes", "no", "nan", "inf", "infinity", "null", "na", "none"];
pub(super) const MISREAD_HELP: &str =
    "programs that read tables take the word for a truth value, a number or a missing value; rename it";

/// A group that rows of tables join.
#[derive(Clone, Debug)]
pub(super) struct Join {
    /// Its id.
    pub(super) group: String,
    pub(super) members: Vec<ActorId>,
    /// The first row that joins it: table, row and column.
    pub(super) first: (Arc<CsvTable>, usize, usize),
}

/// The names that have been declared so far.
pub(super) struct Declarations<'r, 'a> {
    pub(super) reader: &'r mut Reader<'a>,
    pub(super) names: Names,
    /// The groups that rows of tables join, in order of first appearance.
    pub(super) joins: Vec<Join>,
    /// Their positions, by id.
    pub(super) join_positions: BTreeMap<String, usize>,
    /// Where the names stand that are declared with an error.
    broken_spans: BTreeMap<String, Range<usize>>,
}

impl<'r, 'a> Declarations<'r, 'a> {
    /// Creates an empty set of declarations.
    pub(super) fn new(reader: &'r mut Reader<'a>) -> Self {
        Self {
            reader,
            names: Names::default(),
            joins: Vec::new(),
            join_positions: BTreeMap::new(),
            broken_spans: BTreeMap::new(),
        }
    }

    /// Reports a name that is no id.
    pub(super) fn check_id(&mut self, name: &str, span: &Range<usize>, what: &str) {
        // Names of these kinds are never the content of a cell.
        let is_in_cells = !["a parameter", "a definition", "an attribute"].contains(&what);
        if is_in_cells && MISREAD.contains(&name) {
            let message = format!("{what} cannot be called {}", quoted(name));
            self.reader.report(Diagnostic::error("names/reserved", message, Some(span.clone())).help(MISREAD_HELP));
        }
        if name.len() > limits::ID_LENGTH {
            let message =
                format!("the id of {what}, {}, is longer than {} characters", quoted(name), limits::ID_LENGTH);
            let error = Diagnostic::error("limits/id", message, Some(span.clone()));
            self.reader.report(error.help("write a short id, and the whole text as its `name` or `note`"));
            return;
        }
        if is_id(name) {
            return;
        }
        let message = format!("{} is not a valid id for {what}", quoted(name));
        let mut near: String =
            name.to_ascii_lowercase().chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '_' }).collect();
        near = near.trim_matches('_').to_owned();
        let help = "an id begins with a letter from a to z and goes on with letters, digits and `_`";
        let help = match name.chars().find(|c| !c.is_ascii()) {
            Some(other) => {
                format!("{help}; {} is the character U+{:04X}", quoted(&other.to_string()), u32::from(other))
            }
            None if near.starts_with(|c: char| c.is_ascii_lowercase()) && near.len() <= 40 => {
                format!("{help}, such as `{near}`")
            }
            None => help.to_owned(),
        };
        self.reader.report(Diagnostic::error("schema/id", message, Some(span.clone())).help(help));
    }

    /// Declares a name among actors, cohorts and groups.
    pub(super) fn add_party(&mut self, name: &str, span: &Range<usize>, party: Party, what: &str) -> bool {
        if let Some(first) = self.party_span(name) {
            let message = format!("{what} {} bears a name that is taken", quoted(name));
            self.reader.report(
                Diagnostic::error("names/twice", message, Some(span.clone()))
                    .note("it is declared here first", Some(first))
                    .help("actors, cohorts, their members and groups share one set of names; rename one of the two"),
            );
            return false;
        }
        self.names.parties.insert(name.to_owned(), party);
        if party == Party::Broken {
            self.broken_spans.insert(name.to_owned(), span.clone());
        }
        true
    }

    /// Where an actor, cohort or group is declared.
    pub(super) fn party_span(&self, name: &str) -> Option<Range<usize>> {
        let span = match *self.names.parties.get(name)? {
            Party::Actor(actor) => self.names.actors.list.get(actor.index()).map(|(_, span)| span.clone()),
            Party::Group(group) => self.names.groups.get(group).map(|group| group.span.clone()),
            Party::Broken => self.broken_spans.get(name).cloned(),
        };
        Some(span.unwrap_or(0..0))
    }

    /// Declares a group, or the group of a cohort's members.
    pub(super) fn add_group(&mut self, id: &str, span: &Range<usize>, members: Vec<ActorId>, cohort: bool) {
        let what = if cohort { "the cohort" } else { "the group" };
        if self.add_party(id, span, Party::Group(self.names.groups.len()), what) {
            self.names.groups.push(NamedGroup { id: id.to_owned(), span: span.clone(), members, cohort, used: false });
        }
    }
}
