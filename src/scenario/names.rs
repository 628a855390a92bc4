//! Every name that a scenario declares, before anything that uses names is read.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

use super::compile::Compiler;
use super::csv::CsvTable;
use super::diagnostic::{Diagnostic, plain, quoted};
use super::document::{Kind, Table};
use super::members::Joins;
use super::reader::path;
use super::reserved;
use crate::model::{ActorId, Ending, limits};
use crate::table::{Declared as _, RunColumn};

/// The names of one kind of thing, in declaration order.
#[derive(Clone, Debug, Default)]
pub(super) struct Ids {
    /// Names and where they are declared.
    pub(super) list: Vec<(String, Range<usize>)>,
    index: BTreeMap<String, usize>,
}

impl Ids {
    /// The position of a name.
    pub(super) fn find(&self, name: &str) -> Option<usize> {
        self.index.get(name).copied()
    }

    /// Its names.
    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.list.iter().map(|(name, _)| name.as_str())
    }

    /// Number of names.
    pub(super) fn len(&self) -> usize {
        self.list.len()
    }

    /// Adds a name that is looked up elsewhere.
    pub(super) fn push(&mut self, name: String, span: Range<usize>) {
        self.list.push((name, span));
    }

    fn add(&mut self, name: &str, span: Range<usize>) -> usize {
        let at = self.list.len();
        self.list.push((name.to_owned(), span));
        self.index.entry(name.to_owned()).or_insert(at);
        at
    }
}

/// A set of actors with a name.
#[derive(Clone, Debug)]
pub(super) struct NamedGroup {
    pub(super) id: String,
    pub(super) span: Range<usize>,
    pub(super) members: Vec<ActorId>,
    /// A cohort is a group that need not be used.
    pub(super) cohort: bool,
    pub(super) used: bool,
}

/// What a name of an actor, cohort or group stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Party {
    Actor(ActorId),
    Group(usize),
    /// Declared, but with an error: to be passed over in silence.
    Broken,
}

/// A cohort's place among the actors.
#[derive(Clone, Debug)]
pub(super) struct Cohort {
    pub(super) first: usize,
    pub(super) size: u32,
    /// The table that its members are the rows of.
    pub(super) table: Option<Arc<CsvTable>>,
    /// The column of the names that people see.
    pub(super) names: Option<usize>,
}

/// A meeting or a shock.
#[derive(Clone, Copy, Debug)]
pub(super) enum Happening {
    Meeting(usize),
    Shock(usize),
    Move(usize),
}

/// A parameter or a definition.
#[derive(Clone, Copy, Debug)]
pub(super) enum Given {
    Parameter(usize),
    Definition(usize),
}

/// Every declared name.
#[derive(Clone, Debug, Default)]
pub(super) struct Names {
    pub(super) issues: Ids,
    pub(super) resources: Ids,
    pub(super) attributes: Ids,
    pub(super) parameters: Ids,
    pub(super) definitions: Ids,
    pub(super) commitments: Ids,
    pub(super) meetings: Ids,
    pub(super) shocks: Ids,
    pub(super) moves: Ids,
    pub(super) outcomes: Ids,
    pub(super) metrics: Ids,
    /// Actors as declared, then cohorts' members.
    pub(super) actors: Ids,
    pub(super) groups: Vec<NamedGroup>,
    /// By position in `[cohorts]`.
    pub(super) cohorts: Vec<Cohort>,
    pub(super) parties: BTreeMap<String, Party>,
    /// Where the names stand that are declared with an error.
    broken_spans: BTreeMap<String, Range<usize>>,
    /// The groups that rows of tables join.
    pub(super) joins: Joins,
    /// Their positions, by id.
    pub(super) join_positions: BTreeMap<String, usize>,
    pub(super) data: Ids,
}

impl Names {
    /// The meeting or shock of a name.
    pub(super) fn happening(&self, name: &str) -> Option<Happening> {
        let meeting = self.meetings.find(name).map(Happening::Meeting);
        let shock = || self.shocks.find(name).map(Happening::Shock);
        meeting.or_else(shock).or_else(|| self.moves.find(name).map(Happening::Move))
    }

    /// The parameter or definition of a name.
    pub(super) fn given(&self, name: &str) -> Option<Given> {
        let parameter = self.parameters.find(name).map(Given::Parameter);
        parameter.or_else(|| self.definitions.find(name).map(Given::Definition))
    }

    /// What a name stands for, for a message about a name in the wrong place.
    pub(super) fn what_is(&self, name: &str) -> Option<&'static str> {
        let kinds: [(&Ids, &str); 11] = [
            (&self.data, "a series of data"),
            (&self.resources, "a resource"),
            (&self.commitments, "a commitment"),
            (&self.meetings, "a meeting"),
            (&self.shocks, "a shock"),
            (&self.moves, "a move"),
            (&self.outcomes, "an outcome"),
            (&self.parameters, "a parameter"),
            (&self.definitions, "a definition"),
            (&self.issues, "an issue"),
            (&self.metrics, "a metric"),
        ];
        let party = match self.parties.get(name) {
            Some(Party::Actor(_)) => Some("an actor"),
            Some(Party::Group(_)) => Some("a group"),
            _ => None,
        };
        party
            .or_else(|| kinds.iter().find(|(ids, _)| ids.find(name).is_some()).map(|&(_, what)| what))
            .or_else(|| self.attributes.find(name).map(|_| "an attribute"))
    }
}

/// Whether a name may be an id.
pub(super) fn is_id(name: &str) -> bool {
    let mut bytes = name.bytes();
    bytes.next().is_some_and(|first| first.is_ascii_lowercase())
        && bytes.all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_')
}

/// Names that programs which read tables take for a truth value, a number or a missing value instead of a text.
const MISREAD: [&str; 10] = ["true", "false", "yes", "no", "nan", "inf", "infinity", "null", "na", "none"];

/// What `summary.csv` calls the runs that failed, beside those that ended in an outcome.
pub const FAILED: &str = "failed";

/// Whether `runs.csv` has a column of this name whatever the scenario says; then no parameter or metric may bear it.
fn is_run_column(name: &str) -> bool {
    RunColumn::ALL.iter().any(|column| column.name() == name)
}

impl<'a> Compiler<'a> {
    /// Collects every declared name.
    pub(super) fn collect_names(&mut self) {
        self.collect_issues();
        self.names.resources = self.collect("resources", "a resource");
        self.collect_actors();
        self.collect_attributes();
        self.collect_groups();
        self.names.parameters = self.collect("parameters", "a parameter");
        self.names.definitions = self.collect("definitions", "a definition");
        self.names.commitments = self.collect("commitments", "a commitment");
        self.names.meetings = self.collect("meetings", "a meeting");
        self.names.shocks = self.collect("shocks", "a shock");
        self.names.moves = self.collect("moves", "a move");
        self.names.outcomes = self.collect("outcomes", "an outcome");
        self.names.metrics = self.collect("metrics", "a metric");
        self.names.data = self.collect("data", "a series of data");
        self.check_shared();
        self.check_reserved();
    }

    /// Reports a name that is no id.
    pub(super) fn check_id(&mut self, name: &str, span: &Range<usize>, what: &str) {
        // Names of these kinds are never the content of a cell.
        let is_in_cells = !["a parameter", "a definition", "an attribute"].contains(&what);
        if is_in_cells && MISREAD.contains(&name) {
            let message = format!("{what} cannot be called {}", quoted(name));
            let help =
                "programs that read tables take the word for a truth value, a number or a missing value; rename it";
            self.report(Diagnostic::error("names/reserved", message, Some(span.clone())).help(help));
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
        self.report(Diagnostic::error("schema/id", message, Some(span.clone())).help(help));
    }

    /// The ids that a table's keys declare.
    fn collect(&mut self, key: &str, what: &str) -> Ids {
        let mut ids = Ids::default();
        let Some(section) = self.section(key) else { return ids };
        for entry in &section.entries {
            self.check_id(&entry.key, &entry.key_span, what);
            ids.add(&entry.key, entry.key_span.clone());
        }
        ids
    }

    fn collect_issues(&mut self) {
        let mut ids = Ids::default();
        if let Some(entry) = self.root.get("issues") {
            let wanted = "a list of names";
            let names = if let Kind::Array(_) = entry.value.kind {
                self.texts(&entry.value, "issues", wanted)
            } else {
                self.wrong_kind(&entry.value, "issues", wanted, Some("write `issues = [\"guarantee\", \"aid\"]`"));
                None
            };
            if names.as_ref().is_some_and(Vec::is_empty) {
                let message = "`issues` is empty";
                self.report(
                    Diagnostic::error("domain/empty", message, Some(entry.value.span.clone()))
                        .help("name at least one issue, or remove the key"),
                );
            }
            for (name, span) in names.into_iter().flatten() {
                self.check_id(name, &span, "an issue");
                if let Some(first) = ids.find(name) {
                    let note = Some(ids.list[first].1.clone());
                    let message = format!("the issue {} is declared twice", quoted(name));
                    self.report(
                        Diagnostic::error("names/twice", message, Some(span))
                            .note("first declared here", note)
                            .help("remove one of the two"),
                    );
                } else {
                    ids.add(name, span);
                }
            }
            if ids.len() > limits::ISSUES {
                let message = format!("{} issues are more than {}", ids.len(), limits::ISSUES);
                self.report(
                    Diagnostic::error("limits/issues", message, Some(entry.value.span.clone()))
                        .help("declare fewer issues"),
                );
            }
        }
        if ids.len() == 0 {
            ids.add("main", 0..0);
        }
        self.names.issues = ids;
    }

    /// Declares a name among actors, cohorts and groups.
    pub(super) fn add_party(&mut self, name: &str, span: &Range<usize>, party: Party, what: &str) -> bool {
        if let Some(first) = self.party_span(name) {
            let message = format!("{what} {} bears a name that is taken", quoted(name));
            self.report(
                Diagnostic::error("names/twice", message, Some(span.clone()))
                    .note("it is declared here first", Some(first))
                    .help("actors, cohorts, their members and groups share one set of names; rename one of the two"),
            );
            return false;
        }
        self.names.parties.insert(name.to_owned(), party);
        if party == Party::Broken {
            self.names.broken_spans.insert(name.to_owned(), span.clone());
        }
        true
    }

    /// Where an actor, cohort or group is declared.
    pub(super) fn party_span(&self, name: &str) -> Option<Range<usize>> {
        let span = match *self.names.parties.get(name)? {
            Party::Actor(actor) => self.names.actors.list.get(actor.index()).map(|(_, span)| span.clone()),
            Party::Group(group) => self.names.groups.get(group).map(|group| group.span.clone()),
            Party::Broken => self.names.broken_spans.get(name).cloned(),
        };
        Some(span.unwrap_or(0..0))
    }

    fn collect_actors(&mut self) {
        for (entry, _) in self.named_tables("actors") {
            self.check_id(&entry.key, &entry.key_span, "an actor");
            let at = self.names.actors.len();
            self.add_party(&entry.key, &entry.key_span, Party::Actor(ActorId::at(at)), "the actor");
            self.names.actors.push(entry.key.clone(), entry.key_span.clone());
            if at == limits::ACTORS {
                let message = format!("more than {} actors", limits::ACTORS);
                self.report(
                    Diagnostic::error("limits/actors", message, Some(entry.key_span.clone()))
                        .help("a smaller sample of like actors often shows the same"),
                );
            }
        }
        for (entry, table) in self.named_tables("cohorts") {
            self.check_id(&entry.key, &entry.key_span, "a cohort");
            if let Some(named) = table.get("table") {
                let cohort = self.collect_members(entry, table, named);
                let members = (cohort.first..self.names.actors.len()).map(ActorId::at).collect();
                self.names.cohorts.push(cohort);
                self.add_group(&entry.key, &entry.key_span, members, true);
                continue;
            }
            for key in ["id", "names", "member_of"] {
                if let Some(entry) = table.get(key) {
                    let message = format!("`{key}` names a column, but the cohort has no `table`");
                    let error = Diagnostic::error("schema/column", message, Some(entry.key_span.clone()));
                    self.report(error.help("add `table`, or remove it"));
                }
            }
            let size = self.cohort_size(table, &entry.key, &entry.key_span);
            let first = self.names.actors.len();
            let mut members = Vec::new();
            for number in 1..=size {
                let name = format!("{}_{number}", entry.key);
                let at = self.names.actors.len();
                members.push(ActorId::at(at));
                self.add_party(&name, &entry.key_span, Party::Actor(ActorId::at(at)), "the cohort's member");
                self.names.actors.push(name, entry.key_span.clone());
            }
            self.names.cohorts.push(Cohort { first, size, table: None, names: None });
            self.add_group(&entry.key, &entry.key_span, members, true);
        }
    }

    pub(super) fn add_group(&mut self, id: &str, span: &Range<usize>, members: Vec<ActorId>, cohort: bool) {
        let what = if cohort { "the cohort" } else { "the group" };
        if self.add_party(id, span, Party::Group(self.names.groups.len()), what) {
            self.names.groups.push(NamedGroup { id: id.to_owned(), span: span.clone(), members, cohort, used: false });
        }
    }

    /// A cohort's size; 1 where it is wrong, so that its name still stands for something.
    fn cohort_size(&mut self, table: &'a Table, id: &str, at: &Range<usize>) -> u32 {
        let place = path(&path("cohorts", id), "size");
        let Some(entry) = table.get("size") else {
            let parent = path("cohorts", id);
            self.missing(
                "size",
                &parent,
                at.clone(),
                "write how many members it has: `size = 20`, or name a `table` of them",
            );
            return 1;
        };
        let value = &entry.value;
        let Some(size) = value.number() else {
            let help = "the number of actors is fixed for a file; give it as a plain number";
            self.wrong_kind(value, &place, "a whole number from 1", Some(help));
            return 1;
        };
        if !(size >= 1.0 && libm::trunc(size).to_bits() == size.to_bits()) {
            let message = format!("`{place}` must be a whole number from 1, but is {}", plain(size));
            let error = Diagnostic::error("domain/whole", message, Some(value.span.clone()));
            let error = self.naming_override(value, error.help("write how many members the cohort has"));
            self.report(error);
            return 1;
        }
        let room = limits::ACTORS.saturating_sub(self.names.actors.len());
        #[expect(clippy::cast_precision_loss, reason = "far below 2^53")]
        if size > room as f64 {
            let before = self.names.actors.len();
            let message = format!(
                "`{place}` is {}: with the {before} actors before it there are more than {} actors",
                plain(size),
                limits::ACTORS
            );
            let error = Diagnostic::error("limits/actors", message, Some(value.span.clone()));
            let error = self.naming_override(value, error.help("a smaller sample of like actors often shows the same"));
            self.report(error);
            return 1;
        }
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "whole, and at most the limit")]
        let size = size as u32;
        size
    }

    /// Attributes are declared by the actors that have them.
    fn collect_attributes(&mut self) {
        let mut found: Vec<(usize, &'a str, Range<usize>)> = Vec::new();
        for key in ["actors", "cohorts"] {
            let Some(Kind::Table(section)) = self.root.get(key).map(|entry| &entry.value.kind) else { continue };
            for entry in &section.entries {
                let Kind::Table(table) = &entry.value.kind else { continue };
                let Some(Kind::Table(attributes)) = table.get("attributes").map(|entry| &entry.value.kind) else {
                    continue;
                };
                for attribute in &attributes.entries {
                    found.push((attribute.key_span.start, &attribute.key, attribute.key_span.clone()));
                }
            }
        }
        found.sort_by_key(|&(start, _, _)| start);
        for (_, name, span) in found {
            if self.names.attributes.find(name).is_none() {
                self.check_id(name, &span, "an attribute");
                self.names.attributes.add(name, span);
            }
        }
    }

    /// Meetings, shocks and moves share one set of names, parameters and definitions another.
    fn check_shared(&mut self) {
        let pairs = [
            (self.names.meetings.clone(), self.names.shocks.clone(), "a meeting and a shock", "count()"),
            (self.names.meetings.clone(), self.names.moves.clone(), "a meeting and a move", "count()"),
            (self.names.shocks.clone(), self.names.moves.clone(), "a shock and a move", "count()"),
            (
                self.names.parameters.clone(),
                self.names.definitions.clone(),
                "a parameter and a definition",
                "expressions",
            ),
        ];
        for (first, second, what, _) in pairs {
            for (name, span) in &second.list {
                if let Some(at) = first.find(name) {
                    let message = format!("{} is the name of {what}", quoted(name));
                    self.report(
                        Diagnostic::error("names/twice", message, Some(span.clone()))
                            .note("it is declared here first", Some(first.list[at].1.clone()))
                            .help("rename one of the two"),
                    );
                }
            }
        }
    }

    fn check_reserved(&mut self) {
        let mut wrong: Vec<(String, Range<usize>, &str)> = Vec::new();
        for (ids, what) in [(&self.names.parameters, "a parameter"), (&self.names.definitions, "a definition")] {
            for (name, span) in &ids.list {
                if reserved::is_word(name) {
                    wrong.push((
                        format!("{what} cannot be called {}", quoted(name)),
                        span.clone(),
                        "the word has a meaning of its own in expressions; rename it",
                    ));
                } else if what == "a parameter" && is_run_column(name) {
                    wrong.push((
                        format!("a parameter cannot be called {}", quoted(name)),
                        span.clone(),
                        "`runs.csv` has a column of that name; rename it",
                    ));
                }
            }
        }
        for (name, span) in &self.names.outcomes.list {
            if [Ending::DEADLOCK, Ending::STALEMATE].contains(&name.as_str()) {
                wrong.push((
                    format!("an outcome cannot be called {}", quoted(name)),
                    span.clone(),
                    "a run that reaches no outcome ends in a `deadlock` or a `stalemate`; rename it",
                ));
            }
            if name == FAILED {
                wrong.push((
                    format!("an outcome cannot be called {}", quoted(name)),
                    span.clone(),
                    "`summary.csv` has the share of the runs that failed under that name; rename it",
                ));
            }
        }
        for (name, span) in &self.names.metrics.list {
            if is_run_column(name) {
                wrong.push((
                    format!("a metric cannot be called {}", quoted(name)),
                    span.clone(),
                    "`runs.csv` has a column of that name; rename it",
                ));
            } else if self.names.parameters.find(name).is_some() {
                wrong.push((
                    format!("a metric cannot be called {}, as a parameter is", quoted(name)),
                    span.clone(),
                    "both have a column in `runs.csv`; rename one of the two",
                ));
            }
        }
        for (message, span, help) in wrong {
            self.report(Diagnostic::error("names/reserved", message, Some(span)).help(help));
        }
    }
}
