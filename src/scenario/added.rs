//! `--move`: moves that are added to those of the file.

use super::document::{Entry, Kind, Table, Value};
use super::set_value::SetValue;

/// A move that is added to those of the file. It binds what is not offered too, as one with `any = true`.
#[derive(Clone, Debug, PartialEq)]
pub struct AddedMove {
    /// A commitment, whose instances are all bound, or one instance: `c/a`.
    pub bind: String,
    /// When: a step or a moment.
    pub on: SetValue,
}

impl AddedMove {
    /// How it is given on the command line.
    #[must_use]
    pub fn argument(&self) -> String {
        format!("{}@{}", self.bind, self.on)
    }

    fn table(&self) -> Table {
        let bind = Kind::Array(vec![value(Kind::String(self.bind.clone()))]);
        let keys = [("on", self.on.kind()), ("bind", bind), ("any", Kind::Boolean(true))];
        Table { entries: keys.into_iter().map(|(key, kind)| entry(key.into(), kind)).collect() }
    }
}

/// Adds moves to a document, behind its own: `move_1`, `move_2` and so on, without the names that are taken.
pub(super) fn append(root: &mut Table, moves: &[AddedMove]) {
    if moves.is_empty() {
        return;
    }
    if !root.has("moves") {
        root.entries.push(entry("moves".into(), Kind::Table(Table { entries: Vec::new() })));
    }
    let mut number = 0;
    for added in moves {
        let name = loop {
            number += 1;
            let name = format!("move_{number}");
            if !is_taken(root, &name) {
                break name;
            }
        };
        // What is no table is reported when it is read.
        if let Some(Entry { value: Value { kind: Kind::Table(table), .. }, .. }) =
            root.entries.iter_mut().find(|entry| entry.key == "moves")
        {
            table.entries.push(entry(name, Kind::Table(added.table())));
        }
    }
}

/// Whether a name is that of a move, a shock or a meeting, which share one set of names.
fn is_taken(root: &Table, name: &str) -> bool {
    ["moves", "shocks", "meetings"].iter().any(|section| match root.get(section).map(|entry| &entry.value.kind) {
        Some(Kind::Table(table)) => table.has(name),
        _ => false,
    })
}

fn entry(key: String, kind: Kind) -> Entry {
    Entry { key, key_span: 0..0, value: value(kind) }
}

fn value(kind: Kind) -> Value {
    Value { kind, span: 0..0, set_by: None }
}
