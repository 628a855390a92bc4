//! Collects every name that a scenario declares, before anything that uses names is read.

use std::ops::Range;

use super::diagnostic::{Diagnostic, plain, quoted};
use super::names::Declarations;
use super::names::{Cohort, FAILED, Ids, Names};
use super::reader::{Reader, path};
use super::toml_tree::{Kind, Table};
use super::{groups, vocabulary};
use crate::model::{ActorId, Ending, limits};
use crate::table::{Declared as _, RunColumn};

/// Whether `runs.csv` has a fixed column of this name, so that no parameter or metric may have it.
fn is_run_column(name: &str) -> bool {
    RunColumn::ALL.iter().any(|column| column.name() == name)
}

impl Names {
    /// Collects every name that a scenario declares.
    pub(super) fn collect(reader: &mut Reader<'_>) -> Self {
        let mut declarations = Declarations::new(reader);
        declarations.collect_all();
        declarations.names
    }
}

impl<'a> Declarations<'_, 'a> {
    fn collect_all(&mut self) {
        self.collect_issues();
        self.names.resources = self.collect("resources", "a resource");
        self.collect_actors();
        self.collect_attributes();
        groups::collect_groups(self);
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

    /// The ids that a table's keys declare.
    fn collect(&mut self, key: &str, what: &str) -> Ids {
        let mut ids = Ids::default();
        let Some(section) = self.reader.section(key) else { return ids };
        for entry in &section.entries {
            self.check_id(&entry.key, &entry.key_span, what);
            ids.add(&entry.key, entry.key_span.clone());
        }
        ids
    }

    fn collect_issues(&mut self) {
        let mut ids = Ids::default();
        if let Some(entry) = self.reader.root.get("issues") {
            let wanted = "a list of names";
            let names = if let Kind::Array(_) = entry.value.kind {
                self.reader.texts(&entry.value, "issues", wanted)
            } else {
                self.reader.wrong_kind(
                    &entry.value,
                    "issues",
                    wanted,
                    Some("write `issues = [\"guarantee\", \"aid\"]`"),
                );
                None
            };
            if names.as_ref().is_some_and(Vec::is_empty) {
                let message = "`issues` is empty";
                self.reader.report(
                    Diagnostic::error("domain/empty", message, Some(entry.value.span.clone()))
                        .help("name at least one issue, or remove the key"),
                );
            }
            for (name, span) in names.into_iter().flatten() {
                self.check_id(name, &span, "an issue");
                if let Some(first) = ids.find(name) {
                    let note = Some(ids.list[first].1.clone());
                    let message = format!("the issue {} is declared twice", quoted(name));
                    self.reader.report(
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
                self.reader.report(
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

    fn collect_actors(&mut self) {
        for (entry, _) in self.reader.named_tables("actors") {
            self.check_id(&entry.key, &entry.key_span, "an actor");
            let at = self.names.actors.len();
            self.add_actor(&entry.key, &entry.key_span, "the actor");
            if at == limits::ACTORS {
                let message = format!("more than {} actors", limits::ACTORS);
                self.reader.report(
                    Diagnostic::error("limits/actors", message, Some(entry.key_span.clone()))
                        .help("a smaller sample of like actors often shows the same"),
                );
            }
        }
        for (entry, table) in self.reader.named_tables("cohorts") {
            self.check_id(&entry.key, &entry.key_span, "a cohort");
            if let Some(named) = table.get("table") {
                let cohort = groups::collect_members(self, entry, table, named);
                let members = (cohort.first..self.names.actors.len()).map(ActorId::at).collect();
                self.names.cohorts.push(cohort);
                self.add_group(&entry.key, &entry.key_span, members, true);
                continue;
            }
            for key in ["id", "names", "member_of"] {
                if let Some(entry) = table.get(key) {
                    let message = format!("`{key}` names a column, but the cohort has no `table`");
                    let error = Diagnostic::error("schema/column", message, Some(entry.key_span.clone()));
                    self.reader.report(error.help("add `table`, or remove it"));
                }
            }
            let size = self.cohort_size(table, &entry.key, &entry.key_span);
            let first = self.names.actors.len();
            let mut members = Vec::new();
            for number in 1..=size {
                let name = format!("{}_{number}", entry.key);
                members.push(ActorId::at(self.names.actors.len()));
                self.add_actor(&name, &entry.key_span, "the cohort's member");
            }
            self.names.cohorts.push(Cohort { first, size, table: None, names: None });
            self.add_group(&entry.key, &entry.key_span, members, true);
        }
    }

    /// The size of a cohort; 1 if it is invalid, so that its name can still be looked up.
    fn cohort_size(&mut self, table: &'a Table, id: &str, at: &Range<usize>) -> u32 {
        let place = path(&path("cohorts", id), "size");
        let Some(entry) = table.get("size") else {
            let parent = path("cohorts", id);
            self.reader.missing(
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
            self.reader.wrong_kind(value, &place, "a whole number from 1", Some(help));
            return 1;
        };
        if !(size >= 1.0 && libm::trunc(size).to_bits() == size.to_bits()) {
            let message = format!("`{place}` must be a whole number from 1, but is {}", plain(size));
            let error = Diagnostic::error("domain/whole", message, Some(value.span.clone()));
            let error = self.reader.naming_override(value, error.help("write how many members the cohort has"));
            self.reader.report(error);
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
            let error =
                self.reader.naming_override(value, error.help("a smaller sample of like actors often shows the same"));
            self.reader.report(error);
            return 1;
        }
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "whole, and at most the limit")]
        let size = size as u32;
        size
    }

    /// Collects the attributes, which are declared by the actors that have them.
    fn collect_attributes(&mut self) {
        let mut found: Vec<(usize, &'a str, Range<usize>)> = Vec::new();
        for key in ["actors", "cohorts"] {
            let Some(Kind::Table(section)) = self.reader.root.get(key).map(|entry| &entry.value.kind) else { continue };
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

    /// Reports names that are declared twice among meetings, shocks and moves, or among parameters and definitions.
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
                    self.reader.report(
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
                if vocabulary::is_word(name) {
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
            self.reader.report(Diagnostic::error("names/reserved", message, Some(span)).help(help));
        }
    }
}
