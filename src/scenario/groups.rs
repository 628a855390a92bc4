//! `[groups]`: sets of actors, cohorts and other groups.

use std::ops::Range;

use super::compile::Compiler;
use super::diagnostic::{self, Diagnostic, quoted};
use super::document::{Entry, Kind};
use super::graph;
use super::members::Join;
use super::names::Party;
use super::reader::path;
use crate::model::{ActorId, limits};

/// A group as it is written: the names of its members and where they stand.
type List<'a> = (&'a Entry, Vec<(&'a str, Range<usize>)>);

impl<'a> Compiler<'a> {
    /// Groups may hold groups, so names come first and members in the order in which they are known.
    pub(super) fn collect_groups(&mut self) {
        let mut lists: Vec<List<'a>> = Vec::new();
        let entries = self.section("groups").map_or(&[][..], |section| &section.entries);
        for entry in entries {
            self.check_id(&entry.key, &entry.key_span, "a group");
            let place = path("groups", &entry.key);
            let members = if let Kind::Array(_) = entry.value.kind {
                self.texts(&entry.value, &place, "a list of names")
            } else {
                self.wrong_kind(&entry.value, &place, "a list of names", Some("write `[\"us\", \"uk\"]`"));
                None
            };
            match members {
                Some(members) => {
                    if members.is_empty() && !self.names.join_positions.contains_key(&entry.key) {
                        let message = format!("`{place}` is empty");
                        let error = Diagnostic::error("domain/empty-group", message, Some(entry.value.span.clone()));
                        self.report(error.help("name at least one actor, or remove the group"));
                    }
                    lists.push((entry, members));
                }
                None => {
                    self.add_party(&entry.key, &entry.key_span, Party::Broken, "the group");
                }
            }
        }
        let before = self.names.groups.len();
        let mut kept = Vec::new();
        for list in lists {
            let known = self.names.groups.len();
            self.add_group(&list.0.key, &list.0.key_span, Vec::new(), false);
            if self.names.groups.len() > known {
                kept.push(list);
            }
        }
        self.found_groups();
        self.resolve_groups(before, &kept);
    }

    /// Groups that come into being since rows of tables join them.
    fn found_groups(&mut self) {
        let joins = self.names.joins.clone();
        let total: usize = joins.list.iter().map(|join| join.members.len()).sum();
        if total > limits::MEMBERSHIPS {
            let message = format!("the groups have more than {} members in all", limits::MEMBERSHIPS);
            let error = Diagnostic::error("limits/memberships", message, None);
            self.report(error.help("let rows of tables join fewer groups"));
            return;
        }
        for Join { group, mut members, first: (table, row, column) } in joins.list {
            match self.names.parties.get(&group) {
                // Declared: its members have joined it.
                Some(Party::Group(at)) if !self.names.groups[*at].cohort => {}
                Some(Party::Broken) => {}
                Some(_) => {
                    let message = format!("{} is an actor or a cohort, which no row can join", quoted(&group));
                    self.report_cell("names/twice", message, "name a group", &table, row, column);
                }
                None => {
                    members.dedup();
                    let span = 0..0;
                    self.add_group(&group, &span, members, false);
                    if let Some(group) = self.names.groups.last_mut() {
                        // It is there whether or not something uses it.
                        group.used = true;
                    }
                }
            }
        }
    }

    fn resolve_groups(&mut self, before: usize, lists: &[List<'a>]) {
        let mut needs: Vec<Vec<usize>> = Vec::new();
        let mut parties: Vec<Vec<Party>> = Vec::new();
        for (entry, members) in lists {
            let place = path("groups", &entry.key);
            let found: Vec<Party> = members.iter().filter_map(|(name, span)| self.party(name, span, &place)).collect();
            let mut needed: Vec<usize> = found
                .iter()
                .filter_map(|party| match party {
                    Party::Group(group) if *group >= before && *group < before + lists.len() => Some(group - before),
                    _ => None,
                })
                .collect();
            needed.sort_unstable();
            needed.dedup();
            needs.push(needed);
            parties.push(found);
        }
        let (ordered, circles) = graph::order(&needs);
        for circle in circles {
            let names = diagnostic::circle(circle.iter().map(|&at| lists[at].0.key.as_str()));
            let message = match circle.len() {
                1 => format!("the group {names} contains itself"),
                _ => format!("the groups {names} contain each other in a circle"),
            };
            let span = Some(lists[circle[0]].0.key_span.clone());
            self.report(Diagnostic::error("names/cycle", message, span).help("remove one of the memberships"));
        }
        let mut known = vec![false; lists.len()];
        let mut total: usize = 0;
        for at in ordered {
            known[at] = true;
            let mut members: Vec<ActorId> = Vec::new();
            let size = parties[at].iter().map(|party| match party {
                Party::Group(group) => self.names.groups[*group].members.len(),
                Party::Actor(_) | Party::Broken => 1,
            });
            total = total.saturating_add(size.sum());
            if total > limits::MEMBERSHIPS {
                let span = lists[at].0.key_span.clone();
                let message = format!("the groups have more than {} members in all", limits::MEMBERSHIPS);
                let error = Diagnostic::error("limits/memberships", message, Some(span));
                self.report(error.help("declare fewer or smaller groups"));
                break;
            }
            for party in &parties[at] {
                match party {
                    Party::Actor(actor) => members.push(*actor),
                    Party::Group(group) => members.extend_from_slice(&self.names.groups[*group].members),
                    Party::Broken => {}
                }
            }
            if let Some(&join) = self.names.join_positions.get(&lists[at].0.key) {
                members.extend_from_slice(&self.names.joins.list[join].members);
            }
            members.sort_unstable();
            members.dedup();
            self.names.groups[before + at].members = members;
        }
        for (at, (entry, _)) in lists.iter().enumerate() {
            if !known[at] || self.names.groups[before + at].members.is_empty() {
                // The fault has been reported; the name still stands for something.
                self.names.parties.insert(entry.key.clone(), Party::Broken);
            }
        }
    }
}
