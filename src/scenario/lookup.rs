//! Resolves names, for expressions and the sections of a scenario. It also collects the
//! groups, slots and means that are referred to.

use std::collections::BTreeMap;
use std::ops::Range;

use super::calendar::Calendar;
use super::diagnostic::{Diagnostic, Origin, listed, quoted};
use super::names::{Names, Party};
use super::reader::Reader;
use super::script::Definition;
use super::toml_tree::{Kind, Table, Value};
use crate::model::{
    ActorId, Group, GroupId, InstanceId, IssueId, Mean, MeanId, ResourceId, Shape, Slot, SlotId, limits,
};

/// Resolves names to what they stand for, and collects the sets and definitions that have been used so far.
pub(super) struct Lookup {
    pub(super) names: Names,
    pub(super) calendar: Calendar,
    pub(super) sets: Sets,
    pub(super) definitions: Vec<Definition>,
    /// By parameter: its value, if that is known before a run.
    pub(super) parameters: Vec<Option<f64>>,
    /// Operations compiled so far.
    operations: usize,
}

impl Lookup {
    /// Names, before any definition or parameter has been read.
    pub(super) fn new(names: Names, calendar: Calendar) -> Self {
        let (sets, definitions, parameters) = (Sets::default(), Vec::new(), Vec::new());
        Self { names, calendar, sets, definitions, parameters, operations: 0 }
    }

    /// One id or a list of ids; `None` if one of them is invalid, which has been reported.
    pub(super) fn set<'a>(&mut self, reader: &mut Reader<'a>, value: &'a Value, at: &str) -> Option<Set> {
        let names = reader.texts(value, at, "a name or a list of names")?;
        if names.is_empty() {
            let message = format!("`{at}` is empty");
            let error = Diagnostic::error("domain/empty", message, Some(value.span.clone()));
            reader.report(error.help("name at least one actor or group"));
            return None;
        }
        let listed = matches!(value.kind, Kind::Array(_));
        let mut parties = Vec::new();
        let mut good = !listed || matches!(&value.kind, Kind::Array(array) if array.len() == names.len());
        for (name, span) in names {
            match self.names.party(reader, name, &span, at) {
                Some(Party::Broken) | None => good = false,
                Some(party) => parties.push(party),
            }
        }
        if !good || self.sets.full {
            return None;
        }
        parties.sort_unstable();
        parties.dedup();
        match parties.as_slice() {
            [Party::Actor(actor)] => Some(Set::Actor(*actor)),
            [Party::Group(group)] => Some(Set::Named(*group)),
            _ => self.sets.list(reader, &self.names, &parties, &value.span),
        }
    }

    /// The model's group of a set; `span` is its position.
    pub(super) fn group(&mut self, reader: &mut Reader<'_>, set: &Set, span: &Range<usize>) -> GroupId {
        self.sets.group(reader, &self.names, set, span)
    }

    /// The position of an issue; reports an unknown one.
    pub(super) fn issue(&self, reader: &mut Reader<'_>, name: &str, span: &Range<usize>, place: &str) -> Option<usize> {
        let found = self.names.issues.find(name);
        if found.is_none() {
            let message = format!("`{place}` names {}, which is no issue", quoted(name));
            let help = reader
                .near(name, self.names.issues.names())
                .unwrap_or_else(|| format!("issues are {}", listed(self.names.issues.names())));
            reader.report(Diagnostic::error("names/unknown", message, Some(span.clone())).help(help));
        }
        found
    }

    /// A value that is a table by issue, not a distribution: the arguments of a distribution are a list.
    pub(super) fn issue_table<'a>(&self, value: &'a Value) -> Option<&'a Table> {
        let Kind::Table(table) = &value.kind else { return None };
        let distribution = table.entries.is_empty()
            || table.entries.iter().any(|entry| {
                let list = matches!(entry.value.kind, Kind::Array(_));
                let issue = self.names.issues.find(&entry.key).is_some();
                // A misspelt shape is recognised by its list of arguments.
                if Shape::named(&entry.key).is_some() {
                    list || !issue
                } else {
                    list && !issue && table.entries.len() == 1
                }
            });
        (!distribution).then_some(table)
    }

    /// The instance of a commitment that an actor makes, which may not have been read yet.
    pub(super) fn instance_of(&self, reader: &Reader<'_>, commitment: usize, debtor: ActorId) -> Option<InstanceId> {
        let debtors = |at: usize| -> Vec<ActorId> {
            let Some(Kind::Table(section)) = reader.root.get("commitments").map(|entry| &entry.value.kind) else {
                return Vec::new();
            };
            let Some(Kind::Table(table)) = section.entries.get(at).map(|entry| &entry.value.kind) else {
                return Vec::new();
            };
            let Some(Kind::String(name)) = table.get("debtor").map(|entry| &entry.value.kind) else {
                return Vec::new();
            };
            match self.names.party_named(name) {
                Some(Party::Actor(actor)) => vec![actor],
                Some(Party::Group(group)) => Set::Named(group).members(&self.names),
                Some(Party::Broken) | None => Vec::new(),
            }
        };
        let before: usize = (0..commitment).map(|at| debtors(at).len()).sum();
        let own = debtors(commitment).iter().position(|&actor| actor == debtor)?;
        Some(InstanceId::at(before + own))
    }

    /// Counts compiled operations against the limit on all of them.
    pub(super) fn count_operations(
        &mut self,
        reader: &mut Reader<'_>,
        more: usize,
        span: &Range<usize>,
        origin: &Origin,
    ) -> bool {
        let before = self.operations;
        self.operations = before.saturating_add(more);
        if self.operations <= limits::OPERATIONS {
            return true;
        }
        if before <= limits::OPERATIONS {
            let message = format!(
                "the expressions of the file have more than {} operations in all, definitions and members counted",
                limits::OPERATIONS
            );
            let error = Diagnostic::error("limits/operations", message, Some(span.clone()));
            reader.report(error.in_text(origin.clone()).help("use fewer or smaller expressions"));
        }
        false
    }
}

/// A declared set of actors.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Set {
    Everyone,
    Actor(ActorId),
    Named(usize),
    /// Sorted, without repetition.
    List(Vec<ActorId>),
}

impl Set {
    /// Its actors, in declaration order.
    pub(super) fn members(&self, names: &Names) -> Vec<ActorId> {
        match self {
            Self::Everyone => (0..names.actors.len()).map(ActorId::at).collect(),
            Self::Actor(actor) => vec![*actor],
            Self::Named(group) => names.groups[*group].members.clone(),
            Self::List(members) => members.clone(),
        }
    }

    /// The number of its actors.
    pub(super) fn count(&self, names: &Names) -> usize {
        match self {
            Self::Everyone => names.actors.len(),
            Self::Actor(_) => 1,
            Self::Named(group) => names.groups[*group].members.len(),
            Self::List(members) => members.len(),
        }
    }
}

/// The groups, slots and means of the model, each stored once however often it is referred to.
#[derive(Debug, Default)]
pub(super) struct Sets {
    pub(super) groups: Vec<Group>,
    pub(super) slots: Vec<Slot>,
    pub(super) means: Vec<Mean>,
    group_ids: BTreeMap<Set, GroupId>,
    slot_ids: BTreeMap<(ResourceId, GroupId), SlotId>,
    mean_ids: BTreeMap<(GroupId, IssueId), MeanId>,
    memberships: usize,
    /// Words of all masks.
    words: usize,
    /// Members of lists that have been put together so far.
    listed: usize,
    /// A limit has been reached, and reported.
    pub(super) full: bool,
}

impl Sets {
    /// The set of some actors and groups; `None` if there are too many.
    pub(super) fn list(
        &mut self,
        reader: &mut Reader<'_>,
        names: &Names,
        parties: &[Party],
        span: &Range<usize>,
    ) -> Option<Set> {
        let members = union(names, parties);
        self.listed = self.listed.saturating_add(members.len());
        if self.full || self.listed > 2 * limits::MEMBERSHIPS {
            self.too_many_memberships(reader, span);
            return None;
        }
        Some(Set::List(members))
    }

    fn too_many_memberships(&mut self, reader: &mut Reader<'_>, span: &Range<usize>) {
        if std::mem::replace(&mut self.full, true) {
            return;
        }
        let message = format!(
            "groups and lists with more than {} memberships in all, or too many groups of so many actors",
            limits::MEMBERSHIPS
        );
        let error = Diagnostic::error("limits/memberships", message, Some(span.clone()));
        reader.report(error.help("refer to fewer or smaller groups"));
    }

    /// The model's group of a set; `span` is its position.
    pub(super) fn group(&mut self, reader: &mut Reader<'_>, names: &Names, set: &Set, span: &Range<usize>) -> GroupId {
        if let Some(&group) = self.group_ids.get(set) {
            return group;
        }
        let actors = names.actors.len();
        self.memberships = self.memberships.saturating_add(set.count(names));
        let members = if self.memberships > limits::MEMBERSHIPS { Vec::new() } else { set.members(names) };
        self.words = self.words.saturating_add(Group::mask_words(&members, actors));
        if self.memberships > limits::MEMBERSHIPS || self.words > limits::MASK_WORDS {
            self.too_many_memberships(reader, span);
            return GroupId(0);
        }
        let id = match set {
            Set::Everyone | Set::List(_) => String::new(),
            Set::Actor(actor) => names.actors.id(*actor).to_owned(),
            Set::Named(group) => names.groups[*group].id.clone(),
        };
        let group = GroupId::at(self.groups.len());
        self.groups.push(Group::new(id, members, actors));
        self.group_ids.insert(set.clone(), group);
        group
    }

    /// The model's slot of a resource and a group.
    pub(super) fn slot(&mut self, resource: ResourceId, group: GroupId) -> SlotId {
        *self.slot_ids.entry((resource, group)).or_insert_with(|| {
            self.slots.push(Slot { resource, group });
            SlotId::at(self.slots.len() - 1)
        })
    }

    /// The model's mean of a group and an issue.
    pub(super) fn mean(&mut self, group: GroupId, issue: IssueId) -> MeanId {
        *self.mean_ids.entry((group, issue)).or_insert_with(|| {
            self.means.push(Mean { group, issue });
            MeanId::at(self.means.len() - 1)
        })
    }
}

fn union(names: &Names, parties: &[Party]) -> Vec<ActorId> {
    let mut members = Vec::new();
    for party in parties {
        match party {
            Party::Actor(actor) => members.push(*actor),
            Party::Group(group) => members.extend_from_slice(&names.groups[*group].members),
            Party::Broken => {}
        }
    }
    members.sort_unstable();
    members.dedup();
    members
}
