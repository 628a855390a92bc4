//! Sets of actors: cohorts whose members are the rows of a table, and `[groups]`, sets of actors, cohorts and other
//! groups.

use std::borrow::Cow;
use std::ops::Range;
use std::sync::Arc;

use super::csv::CsvTable;
use super::diagnostic::{self, Diagnostic, quoted};
use super::graph;
use super::names::{Cohort, Declarations, Join, MISREAD, MISREAD_HELP, Party, is_id};
use super::reader::path;
use super::toml_tree::{Entry, Kind, Table};
use crate::model::{ActorId, limits};

/// The members of a cohort with a table: their ids, names and groups.
pub(super) fn collect_members<'a>(
    declarations: &mut Declarations<'_, 'a>,
    entry: &'a Entry,
    keys: &'a Table,
    named: &'a Entry,
) -> Cohort {
    let place = path("cohorts", &entry.key);
    let first = declarations.names.actors.len();
    let mut cohort = Cohort { first, size: 0, table: Some(Arc::new(CsvTable::unread())), names: None };
    if let Some(size) = keys.get("size") {
        let message = format!("`{place}` has both `table` and `size`");
        let error = Diagnostic::error("schema/either", message, Some(size.key_span.clone()));
        declarations.reader.report(error.help("remove `size`: every row of the table is a member"));
    }
    let Some(table) = declarations.reader.named_table(&named.value, &path(&place, "table")) else { return cohort };
    let mut column = |key: &str| {
        let entry = keys.get(key)?;
        declarations.reader.find_column(&table, &entry.value, &path(&place, key))
    };
    let id = column("id");
    cohort.names = column("names");
    let member_of = column("member_of");
    if table.rows() == 0 {
        declarations.reader.report(table.no_rows(&named.value.span));
        cohort.table = Some(table);
        return cohort;
    }
    let all = first.saturating_add(table.rows());
    if table.rows() > limits::TABLE_MEMBERS || all > limits::ACTORS {
        let message = format!(
            "with the {} rows of {} there are {all} actors, more than {}",
            table.rows(),
            quoted(&table.name),
            limits::ACTORS
        );
        let error = Diagnostic::error("limits/actors", message, Some(named.value.span.clone()));
        declarations.reader.report(error.help("a smaller sample of like actors often shows the same"));
        return cohort;
    }
    declarations.names.actors.reserve(table.rows(), table.bytes().len() / table.columns.len().max(1));
    let members = Members { table: &table, entry, first, id, member_of };
    for start in (0..table.rows()).step_by(TOGETHER) {
        members.declare(declarations, start..(start + TOGETHER).min(table.rows()));
    }
    cohort.size = u32::try_from(table.rows()).unwrap_or(u32::MAX);
    cohort.table = Some(table);
    cohort
}

/// The number of rows whose ids are declared together.
const TOGETHER: usize = 64;

/// The rows of a table that are members of a cohort.
struct Members<'m> {
    table: &'m Arc<CsvTable>,
    entry: &'m Entry,
    /// The actor of the first row.
    first: usize,
    /// The column of the ids.
    id: Option<usize>,
    /// The column of the groups that members join.
    member_of: Option<usize>,
}

impl Members<'_> {
    /// Declares the members of some rows.
    fn declare(&self, declarations: &mut Declarations<'_, '_>, mut rows: Range<usize>) {
        while !rows.is_empty() {
            let valid = rows.start..rows.start + self.declare_valid(declarations, rows.clone());
            rows.start = valid.end;
            self.join(declarations, valid);
            // The first whose id is not simply a new one.
            if let (Some(row), Some(column)) = (rows.next(), self.id) {
                add_member(declarations, self.table, (row, column), &self.entry.key_span);
                self.join(declarations, row..row + 1);
            }
        }
    }

    /// Declares the members of some rows up to the first with an id that is not valid as it is written, or taken.
    /// Returns how many.
    fn declare_valid(&self, declarations: &mut Declarations<'_, '_>, rows: Range<usize>) -> usize {
        let Some(column) = self.id else {
            for row in rows.clone() {
                let name = format!("{}_{}", self.entry.key, row + 1);
                declarations.add_actor(&name, &self.entry.key_span, "the cohort's member");
            }
            return rows.len();
        };
        let mut ids = [""; TOGETHER];
        let mut count = 0;
        for (row, id) in rows.zip(&mut ids) {
            let Cow::Borrowed(cell) = self.table.cell(row, column) else { break };
            if !is_id(cell) || MISREAD.contains(&cell) || declarations.names.group_named(cell).is_some() {
                break;
            }
            *id = cell;
            count += 1;
        }
        declarations.names.actors.push_free(&ids[..count], &self.entry.key_span)
    }

    fn join(&self, declarations: &mut Declarations<'_, '_>, rows: Range<usize>) {
        let Some(column) = self.member_of else { return };
        for row in rows {
            join_groups(declarations, self.table, row, column, ActorId::at(self.first + row));
        }
    }
}

/// Declares a member whose id is in a cell.
fn add_member(
    declarations: &mut Declarations<'_, '_>,
    table: &Arc<CsvTable>,
    (row, column): (usize, usize),
    cohort: &Range<usize>,
) {
    let mut name = table.cell(row, column);
    if name.bytes().any(|byte| byte.is_ascii_uppercase()) {
        name.to_mut().make_ascii_lowercase();
    }
    let name = &*name;
    if !is_id(name) || MISREAD.contains(&name) {
        let (message, help) = if name.is_empty() {
            ("a member has no id".to_owned(), "fill in the cell".to_owned())
        } else if name.len() > limits::ID_LENGTH {
            let message = format!("the id {} is longer than {} characters", quoted(name), limits::ID_LENGTH);
            (message, "keep long names in a column for `names`".to_owned())
        } else if MISREAD.contains(&name) {
            (format!("a member cannot be called {}", quoted(name)), MISREAD_HELP.to_owned())
        } else {
            let help = "an id begins with a letter from a to z and goes on with letters, digits and `_`; \
                keep other names in a column for `names`";
            (format!("{} is not a valid id for a member", quoted(name)), help.to_owned())
        };
        declarations.names.actors.push_broken(name, cohort);
        declarations.reader.report_cell("schema/id", message, help, table, row, column);
        return;
    }
    let taken = if let Some(group) = declarations.names.group_named(name) {
        declarations.names.actors.push_broken(name, cohort);
        group
    } else {
        let Err(other) = declarations.names.actors.push(name, cohort) else { return };
        Party::Actor(other)
    };
    let own_first = declarations.names.actors.len() - 1 - row;
    let earlier = match taken {
        Party::Actor(other) if other.index() >= own_first => {
            let first = other.index() - own_first;
            format!("it stands in {} too", table.cell_place(first, column))
        }
        Party::Actor(_) | Party::Group(_) | Party::Broken => "it is the name of an actor, cohort or group".to_owned(),
    };
    let message = format!("the member {} bears a name that is taken: {earlier}", quoted(name));
    let help = "actors, cohorts, their members and groups share one set of names; rename one of the two";
    declarations.reader.report_cell("names/twice", message, help, table, row, column);
    if let Some(span) = declarations.party_span(name)
        && span != *cohort
        && let Some(error) = declarations.reader.diagnostics.last_mut()
    {
        error.notes.push(("it is declared here".into(), Some(span)));
    }
}

/// Records the groups that a row joins.
fn join_groups(
    declarations: &mut Declarations<'_, '_>,
    table: &Arc<CsvTable>,
    row: usize,
    column: usize,
    actor: ActorId,
) {
    let cell = table.cell(row, column).to_ascii_lowercase();
    for part in cell.split(';').filter(|part| !part.is_empty()) {
        if !is_id(part) || MISREAD.contains(&part) {
            let is_misread = is_id(part);
            let message = match quoted(part) {
                part if is_misread => format!("a group cannot be called {part}"),
                part => format!("{part} is not a valid id for a group"),
            };
            let help = if is_misread {
                MISREAD_HELP.to_owned()
            } else if is_id(part.trim()) {
                format!("remove the spaces around {}", quoted(part.trim()))
            } else {
                "write ids of groups, several of them separated by `;`".to_owned()
            };
            declarations.reader.report_cell("schema/id", message, help, table, row, column);
            continue;
        }
        let known = declarations.join_positions.get(part).copied();
        let at = known.unwrap_or_else(|| {
            let first = (Arc::clone(table), row, column);
            declarations.joins.push(Join { group: part.to_owned(), members: Vec::new(), first });
            declarations.join_positions.insert(part.to_owned(), declarations.joins.len() - 1);
            declarations.joins.len() - 1
        });
        declarations.joins[at].members.push(actor);
    }
}

/// A declared group: the names of its members with their positions.
type List<'a> = (&'a Entry, Vec<(&'a str, Range<usize>)>);

/// Collects the groups: first their names, since groups may contain groups, then their members in dependency order.
pub(super) fn collect_groups(declarations: &mut Declarations<'_, '_>) {
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
        match declarations.names.party_named(group) {
            // Declared: its members have joined it.
            Some(Party::Group(at)) if !declarations.names.groups[at].cohort => {}
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
                    // It is not declared in `[groups]`, so there is no warning if nothing uses it.
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
            declarations.names.add_broken(&entry.key);
        }
    }
}
