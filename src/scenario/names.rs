//! The declared names of a scenario, which are valid and unique: the result of the stage that collects names, used by
//! those that resolve them.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

use super::csv::CsvTable;
use super::diagnostic::{Diagnostic, quoted};
use super::reader::Reader;
use super::toml_tree::{Kind, Value};
use crate::model::{ActorId, TextIndex, Texts, limits};

/// The names in one namespace, in declaration order.
#[derive(Clone, Debug, Default)]
pub(super) struct Ids {
    /// The names and the positions of their declarations.
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

    /// Adds a name.
    pub(super) fn add(&mut self, name: &str, span: Range<usize>) {
        let at = self.list.len();
        self.list.push((name.to_owned(), span));
        self.index.entry(name.to_owned()).or_insert(at);
    }
}

/// The actors as declared, then cohorts' members: their ids, where they are declared, and who bears an id first.
#[derive(Clone, Debug, Default)]
pub(super) struct ActorIds {
    /// Shared with the model, once all are known.
    pub(super) ids: Arc<Texts>,
    /// The spans, each with the first of consecutive actors that share it.
    spans: Vec<(usize, Range<usize>)>,
    index: TextIndex,
    /// Working memory.
    hashes: Vec<u64>,
}

impl ActorIds {
    /// Number of actors.
    pub(super) fn len(&self) -> usize {
        self.ids.len()
    }

    /// The id of an actor.
    pub(super) fn id(&self, actor: ActorId) -> &str {
        self.ids.text(actor.index())
    }

    /// Where an actor is declared.
    fn span(&self, actor: ActorId) -> Option<&Range<usize>> {
        let after = self.spans.partition_point(|&(first, _)| first <= actor.index());
        self.spans.get(after.checked_sub(1)?).map(|(_, span)| span)
    }

    /// Makes room for so many more actors.
    pub(super) fn reserve(&mut self, more: usize, length: usize) {
        let ids = Arc::make_mut(&mut self.ids);
        ids.reserve(more, length);
        self.index.reserve(ids, more);
    }

    /// Adds an actor.
    ///
    /// # Errors
    /// An earlier actor with this id, who is found by it.
    pub(super) fn push(&mut self, id: &str, span: &Range<usize>) -> Result<(), ActorId> {
        self.push_broken(id, span);
        self.index.enter(&self.ids, self.len() - 1).map_err(ActorId::at)
    }

    /// Adds an actor who is not found by the id.
    pub(super) fn push_broken(&mut self, id: &str, span: &Range<usize>) {
        self.note_span(span);
        Arc::make_mut(&mut self.ids).push(id);
    }

    /// Adds actors up to the first whose id another has, and returns how many were added.
    pub(super) fn push_free(&mut self, ids: &[&str], span: &Range<usize>) -> usize {
        self.note_span(span);
        let Self { ids: texts, index, hashes, .. } = self;
        let texts = Arc::make_mut(texts);
        index.touch(ids.iter(), hashes);
        for (at, (id, &hash)) in ids.iter().zip(&*hashes).enumerate() {
            texts.push(id);
            if index.enter_hashed(texts, texts.len() - 1, hash).is_err() {
                texts.pop();
                return at;
            }
        }
        ids.len()
    }

    fn note_span(&mut self, span: &Range<usize>) {
        if self.spans.last().is_none_or(|(_, last)| last != span) {
            self.spans.push((self.len(), span.clone()));
        }
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

/// The meaning of a name of an actor, cohort or group.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Party {
    Actor(ActorId),
    Group(usize),
    /// Declared, but invalid: the error has been reported, so uses of it are not.
    Broken,
}

/// A cohort's place among the actors.
#[derive(Clone, Debug)]
pub(super) struct Cohort {
    pub(super) first: usize,
    pub(super) size: u32,
    /// The table that its members are the rows of.
    pub(super) table: Option<Arc<CsvTable>>,
    /// The column of the members' names in printed texts.
    pub(super) names: Option<usize>,
}

/// A meeting, a shock or a move.
#[derive(Clone, Copy, Debug)]
pub(super) enum EventSource {
    Meeting(usize),
    Shock(usize),
    Move(usize),
}

/// A parameter or a definition.
#[derive(Clone, Copy, Debug)]
pub(super) enum NamedValue {
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
    pub(super) actors: ActorIds,
    pub(super) groups: Vec<NamedGroup>,
    /// By position in `[cohorts]`.
    pub(super) cohorts: Vec<Cohort>,
    /// Cohorts, groups, and what is declared with an error; actors are found in `actors`.
    groups_by_id: BTreeMap<String, Party>,
    pub(super) data: Ids,
}

impl Names {
    /// What a name among those of actors, cohorts and groups stands for.
    pub(super) fn party_named(&self, name: &str) -> Option<Party> {
        let group = self.groups_by_id.get(name).copied();
        group.or_else(|| self.actors.index.find(&self.actors.ids, name).map(|at| Party::Actor(ActorId::at(at))))
    }

    /// Reads what some names of actors are compared with, which are about to be looked up: of millions of actors, it is
    /// scattered over memory, and the processor waits for all of it at once.
    pub(super) fn touch<T: AsRef<str>>(&self, names: impl Iterator<Item = T>) {
        let found = self.actors.index.guesses(names);
        self.actors.ids.touch(found.iter().flatten().copied());
    }

    /// What a name stands for among those of cohorts and groups.
    pub(super) fn group_named(&self, name: &str) -> Option<Party> {
        self.groups_by_id.get(name).copied()
    }

    /// The names of actors, cohorts and groups, sorted.
    fn party_names(&self) -> Vec<&str> {
        let actors = (0..self.actors.len()).map(|at| self.actors.ids.text(at));
        let mut all: Vec<&str> = self.groups_by_id.keys().map(String::as_str).chain(actors).collect();
        all.sort_unstable();
        all.dedup();
        all
    }

    /// Declares an invalid group.
    pub(super) fn add_broken(&mut self, name: &str) {
        self.groups_by_id.insert(name.to_owned(), Party::Broken);
    }

    /// The meeting, shock or move of a name.
    pub(super) fn event_source(&self, name: &str) -> Option<EventSource> {
        let meeting = self.meetings.find(name).map(EventSource::Meeting);
        let shock = || self.shocks.find(name).map(EventSource::Shock);
        meeting.or_else(shock).or_else(|| self.moves.find(name).map(EventSource::Move))
    }

    /// The parameter or definition of a name.
    pub(super) fn named_value(&self, name: &str) -> Option<NamedValue> {
        let parameter = self.parameters.find(name).map(NamedValue::Parameter);
        parameter.or_else(|| self.definitions.find(name).map(NamedValue::Definition))
    }

    /// The actor, cohort or group of a name; reports an unknown one, with the path `at`.
    pub(super) fn party(
        &mut self,
        reader: &mut Reader<'_>,
        name: &str,
        span: &Range<usize>,
        at: &str,
    ) -> Option<Party> {
        if let Some(party) = self.party_named(name) {
            if let Party::Group(group) = party {
                self.groups[group].used = true;
            }
            return Some(party);
        }
        let diagnostic = self.unknown_party(reader, name, span, at, "actor, cohort or group");
        reader.report(diagnostic);
        None
    }

    /// The error for a name that is not that of an actor, cohort or group.
    pub(super) fn unknown_party(
        &self,
        reader: &Reader<'_>,
        name: &str,
        span: &Range<usize>,
        at: &str,
        wanted: &str,
    ) -> Diagnostic {
        let message = match self.what_is(name) {
            Some(what) => format!("`{at}` names {}, which is {what}, no {wanted}", quoted(name)),
            None => format!("`{at}` names {}, which is no {wanted}", quoted(name)),
        };
        let trimmed = name.trim();
        let help = if trimmed != name && self.party_named(trimmed).is_some() {
            Some(format!("write {} without spaces", quoted(trimmed)))
        } else {
            let by_name = self.id_of_title(reader, name).map(|id| format!("write the id: `{id}`"));
            by_name.or_else(|| self.near_party(reader, name))
        };
        let help = help.unwrap_or_else(|| "declare it in `[actors]`, `[cohorts]` or `[groups]`".into());
        Diagnostic::error("names/unknown", message, Some(span.clone())).help(help)
    }

    /// The remedy for a name that is nearly that of an actor, cohort or group.
    fn near_party(&self, reader: &Reader<'_>, name: &str) -> Option<String> {
        let known = if reader.comparisons() > 0 { self.party_names() } else { Vec::new() };
        reader.near(name, known.into_iter())
    }

    /// The id of the actor whose `name` this is.
    fn id_of_title(&self, reader: &Reader<'_>, title: &str) -> Option<String> {
        let tables = |key: &str| match reader.root.get(key).map(|entry| &entry.value.kind) {
            Some(Kind::Table(section)) => section.entries.as_slice(),
            _ => &[],
        };
        let is_title = |value: &Value, title: &str| {
            let Kind::Table(table) = &value.kind else { return false };
            matches!(table.get("name").map(|entry| &entry.value.kind), Some(Kind::String(name)) if name == title)
        };
        let mut actors = tables("actors").iter().take(reader.comparisons());
        if let Some(actor) = actors.find(|entry| is_title(&entry.value, title)) {
            return Some(actor.key.clone());
        }
        let numbered = title.rsplit_once(' ').and_then(|(title, number)| Some((title, number.parse::<usize>().ok()?)));
        for (entry, cohort) in tables("cohorts").iter().zip(&self.cohorts) {
            let rows = 0..(cohort.size as usize).min(reader.comparisons());
            let in_table = cohort
                .table
                .as_ref()
                .zip(cohort.names)
                .and_then(|(table, column)| rows.into_iter().find(|&row| table.cell(row, column) == title));
            let in_order = numbered.filter(|(title, _)| is_title(&entry.value, title)).map(|(_, number)| number);
            let member = in_table.or_else(|| in_order?.checked_sub(1).filter(|&at| at < cohort.size as usize));
            let member = member.map(|member| cohort.first + member).filter(|&at| at < self.actors.len());
            if let Some(member) = member {
                return Some(self.actors.ids.text(member).to_owned());
            }
        }
        None
    }

    /// The kind of a name, for a message about a name in the wrong place.
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
        let party = match self.party_named(name) {
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
    name.len() <= limits::ID_LENGTH
        && bytes.next().is_some_and(|first| first.is_ascii_lowercase())
        && bytes.all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_')
}

/// The name of failed runs in `summary.csv`, beside the outcomes.
pub const FAILED: &str = "failed";

/// Names that programs which read tables convert to a boolean, a number or a missing value.
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
    /// The positions of names whose declaration has an error.
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

    /// Reports a name that is not a valid id.
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

    /// Declares an actor, the next one.
    pub(super) fn add_actor(&mut self, name: &str, span: &Range<usize>, what: &str) {
        let actor = Party::Actor(ActorId::at(self.names.actors.len()));
        if self.add_party(name, span, actor, what) {
            let _free = self.names.actors.push(name, span);
        } else {
            self.names.actors.push_broken(name, span);
        }
    }

    /// Declares a name among actors, cohorts and groups; an actor still has to be entered.
    pub(super) fn add_party(&mut self, name: &str, span: &Range<usize>, party: Party, what: &str) -> bool {
        if let Some(first) = self.party_span(name) {
            let message = format!("{what} {} bears a name that is taken", quoted(name));
            let error = Diagnostic::error("names/twice", message, Some(span.clone()));
            let error = match self.own_member(name).filter(|_| first == *span) {
                Some(row) => error.note(format!("a member of it bears the name: {row}"), None),
                None => error.note("it is declared here first", Some(first)),
            };
            self.reader.report(
                error.help("actors, cohorts, their members and groups share one set of names; rename one of the two"),
            );
            return false;
        }
        if !matches!(party, Party::Actor(_)) {
            self.names.groups_by_id.insert(name.to_owned(), party);
        }
        if party == Party::Broken {
            self.broken_spans.insert(name.to_owned(), span.clone());
        }
        true
    }

    /// The row of the last cohort's table that a name is the id of.
    fn own_member(&self, name: &str) -> Option<String> {
        let Some(Party::Actor(actor)) = self.names.party_named(name) else { return None };
        let cohort = self.names.cohorts.last()?;
        Some(cohort.table.as_ref()?.cell_place(actor.index().checked_sub(cohort.first)?, 0))
    }

    /// The position at which an actor, cohort or group is declared.
    pub(super) fn party_span(&self, name: &str) -> Option<Range<usize>> {
        let span = match self.names.party_named(name)? {
            Party::Actor(actor) => self.names.actors.span(actor).cloned(),
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
