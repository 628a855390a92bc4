//! Cohorts whose members are the rows of a table.

use std::collections::btree_map;
use std::ops::Range;
use std::sync::Arc;

use super::csv::CsvTable;
use super::diagnostic::{Diagnostic, quoted};
use super::names::{Cohort, Party, is_id};
use super::names::{Declarations, Join, MISREAD, MISREAD_HELP};
use super::reader::path;
use super::toml_tree::{Entry, Table};
use crate::model::{ActorId, limits};

/// The members of a cohort with a table: their ids, names and groups.
pub(super) fn collect<'a>(
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
    for row in 0..table.rows() {
        let actor = ActorId::at(declarations.names.actors.len());
        let name = if let Some(column) = id {
            member_id(declarations, &table, row, column, actor, &entry.key_span)
        } else {
            let name = format!("{}_{}", entry.key, row + 1);
            declarations.add_party(&name, &entry.key_span, Party::Actor(actor), "the cohort's member");
            name
        };
        declarations.names.actors.push(name, entry.key_span.clone());
        if let Some(column) = member_of {
            join_groups(declarations, &table, row, column, actor);
        }
    }
    cohort.size = u32::try_from(table.rows()).unwrap_or(u32::MAX);
    cohort.table = Some(table);
    cohort
}

/// The id in a cell, declared.
fn member_id(
    declarations: &mut Declarations<'_, '_>,
    table: &Arc<CsvTable>,
    row: usize,
    column: usize,
    actor: ActorId,
    cohort: &Range<usize>,
) -> String {
    let name = table.cell(row, column).to_ascii_lowercase();
    if !is_id(&name) || MISREAD.contains(&name.as_str()) {
        let (message, help) = if name.is_empty() {
            ("a member has no id".to_owned(), "fill in the cell".to_owned())
        } else if name.len() > limits::ID_LENGTH {
            let message = format!("the id {} is longer than {} characters", quoted(&name), limits::ID_LENGTH);
            (message, "keep long names in a column for `names`".to_owned())
        } else if MISREAD.contains(&name.as_str()) {
            (format!("a member cannot be called {}", quoted(&name)), MISREAD_HELP.to_owned())
        } else {
            let help = "an id begins with a letter from a to z and goes on with letters, digits and `_`; \
                keep other names in a column for `names`";
            (format!("{} is not a valid id for a member", quoted(&name)), help.to_owned())
        };
        declarations.reader.report_cell("schema/id", message, help, table, row, column);
        return name;
    }
    let taken = match declarations.names.parties.entry(name.clone()) {
        btree_map::Entry::Occupied(taken) => *taken.get(),
        btree_map::Entry::Vacant(free) => {
            free.insert(Party::Actor(actor));
            return name;
        }
    };
    let earlier = match taken {
        Party::Actor(other) if other.index() >= declarations.names.actors.len() - row => {
            let first = other.index() + row - declarations.names.actors.len();
            format!("it stands in {} too", table.cell_place(first, column))
        }
        Party::Actor(_) | Party::Group(_) | Party::Broken => "an actor, cohort or group is called so".to_owned(),
    };
    let message = format!("the member {} bears a name that is taken: {earlier}", quoted(&name));
    let help = "actors, cohorts, their members and groups share one set of names; rename one of the two";
    declarations.reader.report_cell("names/twice", message, help, table, row, column);
    if let Some(span) = declarations.party_span(&name)
        && span != *cohort
        && let Some(error) = declarations.reader.diagnostics.last_mut()
    {
        error.notes.push(("it is declared here".into(), Some(span)));
    }
    name
}

/// Notes the groups that a row joins.
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
