//! Sets of actors: names and lists of names, and the groups that the model keeps.

use std::collections::BTreeMap;
use std::ops::Range;

use super::compile::Compiler;
use super::diagnostic::{Diagnostic, quoted};
use super::document::{Kind, Value};
use super::names::Party;
use crate::model::{ActorId, Group, GroupId, IssueId, Mean, MeanId, ResourceId, Slot, SlotId, limits};

/// A set of actors, as it is written.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Set {
    Everyone,
    Actor(ActorId),
    Named(usize),
    /// Sorted, without repetition.
    List(Vec<ActorId>),
}

/// What the model keeps once, however often it is referred to.
#[derive(Debug, Default)]
pub(super) struct Interner {
    groups: BTreeMap<Set, GroupId>,
    slots: BTreeMap<(ResourceId, GroupId), SlotId>,
    means: BTreeMap<(GroupId, IssueId), MeanId>,
    memberships: usize,
    /// Words of all masks.
    words: usize,
    /// Members of lists that have been put together so far.
    listed: usize,
    full: bool,
}

impl<'a> Compiler<'a> {
    /// The actor, cohort or group of a name; reports an unknown one, naming where it is written (`at`).
    pub(super) fn party(&mut self, name: &str, span: &Range<usize>, at: &str) -> Option<Party> {
        if let Some(&party) = self.names.parties.get(name) {
            if let Party::Group(group) = party {
                self.names.groups[group].used = true;
            }
            return Some(party);
        }
        let diagnostic = self.unknown_party(name, span, at, "actor, cohort or group");
        self.report(diagnostic);
        None
    }

    pub(super) fn unknown_party(&self, name: &str, span: &Range<usize>, at: &str, wanted: &str) -> Diagnostic {
        let message = match self.names.what_is(name) {
            Some(what) => format!("`{at}` names {}, which is {what}, no {wanted}", quoted(name)),
            None => format!("`{at}` names {}, which is no {wanted}", quoted(name)),
        };
        let by_name = || {
            let actors = self.model.actors.iter().take(self.comparisons.get());
            let named = actors.into_iter().find(|actor| actor.name.as_deref() == Some(name));
            named.map(|actor| format!("write the id: `{}`", actor.id))
        };
        let trimmed = name.trim();
        let help = if trimmed != name && self.names.parties.contains_key(trimmed) {
            Some(format!("write {} without spaces", quoted(trimmed)))
        } else {
            by_name().or_else(|| self.near(name, self.names.parties.keys().map(String::as_str)))
        };
        let help = help.unwrap_or_else(|| "declare it in `[actors]`, `[cohorts]` or `[groups]`".into());
        Diagnostic::error("names/unknown", message, Some(span.clone())).help(help)
    }

    /// One id or a list of ids; none if something in it is wrong (and reported).
    pub(super) fn set(&mut self, value: &'a Value, at: &str) -> Option<Set> {
        let names = self.texts(value, at, "a name or a list of names")?;
        if names.is_empty() {
            let message = format!("`{at}` is empty");
            let error = Diagnostic::error("domain/empty", message, Some(value.span.clone()));
            self.report(error.help("name at least one actor or group"));
            return None;
        }
        let listed = matches!(value.kind, Kind::Array(_));
        let mut parties = Vec::new();
        let mut good = !listed || matches!(&value.kind, Kind::Array(array) if array.len() == names.len());
        for (name, span) in names {
            match self.party(name, &span, at) {
                Some(Party::Broken) | None => good = false,
                Some(party) => parties.push(party),
            }
        }
        if !good || self.interner.full {
            return None;
        }
        parties.sort_unstable();
        parties.dedup();
        match parties.as_slice() {
            [Party::Actor(actor)] => Some(Set::Actor(*actor)),
            [Party::Group(group)] => Some(Set::Named(*group)),
            _ => self.list(&parties, &value.span),
        }
    }

    fn list(&mut self, parties: &[Party], span: &Range<usize>) -> Option<Set> {
        let members = self.union(parties);
        self.interner.listed = self.interner.listed.saturating_add(members.len());
        if self.interner.full || self.interner.listed > 2 * limits::MEMBERSHIPS {
            self.too_many_memberships(span);
            return None;
        }
        Some(Set::List(members))
    }

    fn too_many_memberships(&mut self, span: &Range<usize>) {
        if std::mem::replace(&mut self.interner.full, true) {
            return;
        }
        let message = format!(
            "groups and lists with more than {} memberships in all, or too many groups of so many actors",
            limits::MEMBERSHIPS
        );
        let error = Diagnostic::error("limits/memberships", message, Some(span.clone()));
        self.report(error.help("refer to fewer or smaller groups"));
    }

    fn union(&self, parties: &[Party]) -> Vec<ActorId> {
        let mut members = Vec::new();
        for party in parties {
            match party {
                Party::Actor(actor) => members.push(*actor),
                Party::Group(group) => members.extend_from_slice(&self.names.groups[*group].members),
                Party::Broken => {}
            }
        }
        members.sort_unstable();
        members.dedup();
        members
    }

    /// The actors of a set, in declaration order.
    pub(super) fn members(&self, set: &Set) -> Vec<ActorId> {
        match set {
            Set::Everyone => (0..self.names.actors.len()).map(ActorId::at).collect(),
            Set::Actor(actor) => vec![*actor],
            Set::Named(group) => self.names.groups[*group].members.clone(),
            Set::List(members) => members.clone(),
        }
    }

    /// How many actors are in a set.
    pub(super) fn count(&self, set: &Set) -> usize {
        match set {
            Set::Everyone => self.names.actors.len(),
            Set::Actor(_) => 1,
            Set::Named(group) => self.names.groups[*group].members.len(),
            Set::List(members) => members.len(),
        }
    }

    /// The model's group of a set; `span` is where it is written.
    pub(super) fn group(&mut self, set: &Set, span: &Range<usize>) -> GroupId {
        if let Some(&group) = self.interner.groups.get(set) {
            return group;
        }
        let actors = self.names.actors.len();
        self.interner.memberships = self.interner.memberships.saturating_add(self.count(set));
        let members = if self.interner.memberships > limits::MEMBERSHIPS { Vec::new() } else { self.members(set) };
        self.interner.words = self.interner.words.saturating_add(Group::mask_words(&members, actors));
        if self.interner.memberships > limits::MEMBERSHIPS || self.interner.words > limits::MASK_WORDS {
            self.too_many_memberships(span);
            return GroupId(0);
        }
        let id = match set {
            Set::Everyone | Set::List(_) => String::new(),
            Set::Actor(actor) => self.names.actors.list[actor.index()].0.clone(),
            Set::Named(group) => self.names.groups[*group].id.clone(),
        };
        let group = GroupId::at(self.model.groups.len());
        self.model.groups.push(Group::new(id, members, actors));
        self.interner.groups.insert(set.clone(), group);
        group
    }

    /// The model's slot of a resource and a group.
    pub(super) fn slot(&mut self, resource: ResourceId, group: GroupId) -> SlotId {
        let slots = &mut self.model.slots;
        *self.interner.slots.entry((resource, group)).or_insert_with(|| {
            slots.push(Slot { resource, group });
            SlotId::at(slots.len() - 1)
        })
    }

    /// The model's mean of a group and an issue.
    pub(super) fn mean(&mut self, group: GroupId, issue: IssueId) -> MeanId {
        let means = &mut self.model.means;
        *self.interner.means.entry((group, issue)).or_insert_with(|| {
            means.push(Mean { group, issue });
            MeanId::at(means.len() - 1)
        })
    }
}
