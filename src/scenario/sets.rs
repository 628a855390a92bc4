//! Sets of actors, and the groups, slots and means that the model keeps for those that are referred to.

use std::collections::BTreeMap;
use std::ops::Range;

use super::diagnostic::Diagnostic;
use super::names::{Names, Party};
use super::reader::Reader;
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

    /// How many actors are in it.
    pub(super) fn count(&self, names: &Names) -> usize {
        match self {
            Self::Everyone => names.actors.len(),
            Self::Actor(_) => 1,
            Self::Named(group) => names.groups[*group].members.len(),
            Self::List(members) => members.len(),
        }
    }
}

/// What the model keeps once, however often it is referred to: groups, slots and means.
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
    /// The set of some actors and groups; none where there are too many.
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

    /// The model's group of a set; `span` is where it is written.
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
            Set::Actor(actor) => names.actors.list[actor.index()].0.clone(),
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
