//! `[groups]`: sets of actors, cohorts and other groups.

use std::ops::Range;

use super::diagnostic::{self, Diagnostic, quoted};
use super::graph;
use super::names::Party;
use super::names::{Declarations, Join};
use super::reader::path;
use super::toml_tree::{Entry, Kind};
use crate::model::{ActorId, limits};

/// A group as it is written: the names of its members and where they stand.
type List<'a> = (&'a Entry, Vec<(&'a str, Range<usize>)>);

/// Collects the groups: first their names, since groups may contain groups, then their members in dependency order.
pub(super) fn collect(declarations: &mut Declarations<'_, '_>) {
    let mut lists: Vec<List<'_>> = Vec::new();
    let entries = declarations.reader.section("groups").map_or(&[][..], |section| &section.entries);
    for entry in entries {
        declarations.check_id(&entry.key, &entry.key_span, "a group");
        let place = path("groups", &entry.key);
        let members = if let Kind::Array(_) = entry.value.kind {
            declarations.reader.texts(&entry.value, &place, "a list of names")
        } else {
            declarations.reader.wrong_kind(&entry.value, &place, "a list of names", Some("write `[\"us\", \"uk\"]`"));
            None
        };
        match members {
            Some(members) => {
                if members.is_empty() && !declarations.join_positions.contains_key(&entry.key) {
                    let message = format!("`{place}` is empty");
                    let error = Diagnostic::error("domain/empty-group", message, Some(entry.value.span.clone()));
                    declarations.reader.report(error.help("name at least one actor, or remove the group"));
                }
                lists.push((entry, members));
            }
            None => {
                declarations.add_party(&entry.key, &entry.key_span, Party::Broken, "the group");
            }
        }
    }
    let before = declarations.names.groups.len();
    let mut kept = Vec::new();
    for list in lists {
        let known = declarations.names.groups.len();
        declarations.add_group(&list.0.key, &list.0.key_span, Vec::new(), false);
        if declarations.names.groups.len() > known {
            kept.push(list);
        }
    }
    found_groups(declarations);
    resolve_groups(declarations, before, &kept);
}

/// Declares the groups that only rows of tables name.
fn found_groups(declarations: &mut Declarations<'_, '_>) {
    let joins = std::mem::take(&mut declarations.joins);
    let total: usize = joins.iter().map(|join| join.members.len()).sum();
    if total > limits::MEMBERSHIPS {
        let message = format!("the groups have more than {} members in all", limits::MEMBERSHIPS);
        let error = Diagnostic::error("limits/memberships", message, None);
        declarations.reader.report(error.help("let rows of tables join fewer groups"));
        return;
    }
    for Join { group, members, first: (table, row, column) } in &joins {
        match declarations.names.parties.get(group) {
            // Declared: its members have joined it.
            Some(Party::Group(at)) if !declarations.names.groups[*at].cohort => {}
            Some(Party::Broken) => {}
            Some(_) => {
                let message = format!("{} is an actor or a cohort, which no row can join", quoted(group));
                declarations.reader.report_cell("names/twice", message, "name a group", table, *row, *column);
            }
            None => {
                let mut members = members.clone();
                members.dedup();
                let span = 0..0;
                declarations.add_group(group, &span, members, false);
                if let Some(group) = declarations.names.groups.last_mut() {
                    // It was not declared, so it is no error if nothing uses it.
                    group.used = true;
                }
            }
        }
    }
    declarations.joins = joins;
}

fn resolve_groups(declarations: &mut Declarations<'_, '_>, before: usize, lists: &[List<'_>]) {
    let mut needs: Vec<Vec<usize>> = Vec::new();
    let mut parties: Vec<Vec<Party>> = Vec::new();
    for (entry, members) in lists {
        let place = path("groups", &entry.key);
        let found: Vec<Party> = members
            .iter()
            .filter_map(|(name, span)| declarations.names.party(declarations.reader, name, span, &place))
            .collect();
        let mut needed: Vec<usize> = found
            .iter()
            .filter_map(|party| match party {
                Party::Group(group) if *group >= before && *group < before + lists.len() => Some(group - before),
                Party::Actor(_) | Party::Group(_) | Party::Broken => None,
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
        declarations
            .reader
            .report(Diagnostic::error("names/cycle", message, span).help("remove one of the memberships"));
    }
    let mut known = vec![false; lists.len()];
    let mut total: usize = 0;
    for at in ordered {
        known[at] = true;
        let mut members: Vec<ActorId> = Vec::new();
        let size = parties[at].iter().map(|party| match party {
            Party::Group(group) => declarations.names.groups[*group].members.len(),
            Party::Actor(_) | Party::Broken => 1,
        });
        total = total.saturating_add(size.sum());
        if total > limits::MEMBERSHIPS {
            let span = lists[at].0.key_span.clone();
            let message = format!("the groups have more than {} members in all", limits::MEMBERSHIPS);
            let error = Diagnostic::error("limits/memberships", message, Some(span));
            declarations.reader.report(error.help("declare fewer or smaller groups"));
            break;
        }
        for party in &parties[at] {
            match party {
                Party::Actor(actor) => members.push(*actor),
                Party::Group(group) => members.extend_from_slice(&declarations.names.groups[*group].members),
                Party::Broken => {}
            }
        }
        if let Some(&join) = declarations.join_positions.get(&lists[at].0.key) {
            members.extend_from_slice(&declarations.joins[join].members);
        }
        members.sort_unstable();
        members.dedup();
        declarations.names.groups[before + at].members = members;
    }
    for (at, (entry, _)) in lists.iter().enumerate() {
        if !known[at] || declarations.names.groups[before + at].members.is_empty() {
            // The error has been reported; the name is kept, so that its uses are not reported too.
            declarations.names.parties.insert(entry.key.clone(), Party::Broken);
        }
    }
}
