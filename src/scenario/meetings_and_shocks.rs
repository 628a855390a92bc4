//! `[meetings]` and `[shocks]`.

use super::check::wrong_rate;
use super::diagnostic::Diagnostic;
use super::draft::Draft;
use super::keys;
use super::lookup::Set;
use super::names::Party;
use super::reader::path;
use super::script::{Context, Type};
use super::toml_tree::{Entry, Kind, Table, Value};
use crate::model::{
    Domain, Effect, Expression, GroupId, IssueId, Meeting, Node, Shock, Target, Trigger, TrustEffect, limits,
};

impl<'a> Draft<'a> {
    /// Reads `[meetings]`.
    pub(super) fn read_meetings(&mut self) {
        for (entry, table) in self.reader.named_tables("meetings") {
            let place = path("meetings", &entry.key);
            self.reader.known_keys(table, &keys::MEETING);
            self.reader.free_texts(table, &["note"], &place);
            let name = self.reader.short_text(table, "name", &place);
            let sessions = self.lookup.calendar.sessions(&mut self.reader, table, entry, &place);
            let attendees = self.attendees(entry, table, &place);
            let package = self.reader.flag(table, "package", &place, false);
            let at = self.model.meetings.len();
            self.model.setup_mut().success.push(1.0);
            self.model.setup_mut().meeting_influence.push(0.0);
            if let Some(success) = table.get("success") {
                self.plain_field(&success.value, &path(&place, "success"), Domain::Unit, Target::Success(at));
            }
            if let Some(influence) = table.get("influence") {
                let target = Target::MeetingInfluence(at);
                self.plain_field(&influence.value, &path(&place, "influence"), Domain::NonNegative, target);
            }
            self.model.meetings.push(Meeting { id: entry.key.clone(), name, sessions, attendees, package });
        }
    }

    fn attendees(&mut self, entry: &Entry, table: &'a Table, place: &str) -> GroupId {
        let Some(attend) = table.get("attend") else {
            self.reader.missing(
                "attend",
                place,
                entry.key_span.clone(),
                "name who attends: `attend = [\"us\", \"uk\"]`",
            );
            return GroupId(0);
        };
        let Some(set) = self.lookup.set(&mut self.reader, &attend.value, &path(place, "attend")) else {
            return GroupId(0);
        };
        let count = set.count(&self.lookup.names);
        if table.has("influence") && count.saturating_mul(count) > limits::PAIRS {
            let message = format!("`{place}` brings together {count} attendees, more than {} pairs", limits::PAIRS);
            let error = Diagnostic::error("limits/pairs", message, Some(attend.value.span.clone()));
            self.reader.report(error.help("name fewer attendees, or remove `influence`"));
        }
        self.lookup.group(&mut self.reader, &set, &attend.value.span)
    }

    /// Reads `[shocks]`.
    pub(super) fn read_shocks(&mut self) {
        for (entry, table) in self.reader.named_tables("shocks") {
            let place = path("shocks", &entry.key);
            self.reader.known_keys(table, &keys::SHOCK);
            self.reader.free_texts(table, &["note"], &place);
            let name = self.reader.short_text(table, "name", &place);
            let trigger = self.trigger(entry, table, &place);
            let stance = self.effects(table, "stance", &place);
            let anchor = self.effects(table, "anchor", &place);
            let trust = self.trust_effects(table, &place);
            let rate = table.get("rate").map(|rate| &rate.value);
            self.rates.push(rate.filter(|rate| matches!(rate.kind, Kind::String(_))));
            self.model.shocks.push(Shock { id: entry.key.clone(), name, trigger, stance, anchor, trust });
        }
    }

    /// Exactly one of `on`, `rate` and `when`.
    fn trigger(&mut self, entry: &'a Entry, table: &'a Table, place: &str) -> Trigger {
        let given: Vec<&'a Entry> = ["on", "rate", "when"].iter().filter_map(|key| table.get(key)).collect();
        let nothing = Trigger::On(Vec::new());
        let help = "a shock has one of `on` (dates), `rate` (chance) and `when` (a condition)";
        match given.as_slice() {
            [] => self.reader.missing("on`, `rate` or `when", place, entry.key_span.clone(), help),
            [first, second, ..] => {
                let names: Vec<String> = given.iter().map(|entry| format!("`{}`", entry.key)).collect();
                let message = format!("`{place}` has more than one trigger: {}", names.join(", "));
                let error = Diagnostic::error("schema/either", message, Some(second.key_span.clone()));
                self.reader.report(error.note("the other stands here", Some(first.key_span.clone())).help(help));
            }
            [_] => {}
        }
        if let Some(once) = table.get("once") {
            self.reader.flag(table, "once", place, true);
            if !table.has("when") {
                let message = format!("`{place}` has `once`, which belongs to `when`");
                let error = Diagnostic::error("schema/once", message, Some(once.key_span.clone()));
                self.reader.report(error.help("remove it: dates and rates strike whenever they come"));
            }
        }
        // Every given trigger is checked, although only one is allowed.
        let mut triggers = given.iter().map(|entry| match entry.key.as_str() {
            "on" => self.shock_steps(entry, place),
            "rate" => self.rate(&entry.value, place),
            _ => self.shock_condition(table, entry, place),
        });
        let first = triggers.next().flatten();
        triggers.for_each(drop);
        first.unwrap_or(nothing)
    }

    pub(super) fn shock_steps(&mut self, on: &'a Entry, place: &str) -> Option<Trigger> {
        let at = path(place, "on");
        let moments = self.lookup.calendar.steps_at(&mut self.reader, &on.value, &at)?;
        Some(Trigger::On(self.lookup.calendar.steps_inside(&mut self.reader, &moments, &at)))
    }

    fn shock_condition(&mut self, table: &'a Table, when: &'a Entry, place: &str) -> Option<Trigger> {
        let once = !matches!(table.get("once").map(|entry| &entry.value.kind), Some(Kind::Boolean(false)));
        let script =
            self.lookup.condition(&mut self.reader, &when.value, path(place, "when"), Context::World("a shock"))?;
        Some(Trigger::When { condition: script.expression, once })
    }

    /// A rate takes a number too.
    fn rate(&mut self, value: &'a Value, place: &str) -> Option<Trigger> {
        let place = path(place, "rate");
        if let Kind::String(text) = &value.kind {
            let script = self.lookup.expression(
                &mut self.reader,
                value,
                text,
                place,
                Context::World("a shock"),
                Type::Number,
            )?;
            return Some(Trigger::Rate(script.expression));
        }
        let Some(number) = value.number() else {
            self.reader.wrong_kind(value, &place, "a number or an expression in quotes", Some("write `rate = 0.05`"));
            return None;
        };
        if !Domain::NonNegative.contains(number) {
            let error = wrong_rate(&self.reader, value, &place, number);
            self.reader.report(error);
            return None;
        }
        let text = format!("{number}");
        Some(Trigger::Rate(Expression { nodes: vec![Node::Number(number)], path: place, text, named: Vec::new() }))
    }

    /// Effects on stances or anchors: by actor or group, and by issue.
    fn effects(&mut self, table: &'a Table, key: &str, place: &str) -> Vec<Effect> {
        let mut found = Vec::new();
        let Some(entry) = table.get(key) else { return found };
        let place = path(place, key);
        let Kind::Table(groups) = &entry.value.kind else {
            self.reader.wrong_kind(&entry.value, &place, "a table of actors or groups", Some("write `{ us = -0.05 }`"));
            return found;
        };
        for given in &groups.entries {
            let party = self.lookup.names.party(&mut self.reader, &given.key, &given.key_span, &place);
            let at = path(&place, &given.key);
            let set = match party {
                Some(Party::Actor(actor)) => Some(Set::Actor(actor)),
                Some(Party::Group(group)) => Some(Set::Named(group)),
                _ => None,
            };
            let group = set.map_or(GroupId(0), |set| self.lookup.group(&mut self.reader, &set, &given.key_span));
            match self.lookup.issue_table(&given.value) {
                None => found.push(self.effect(&given.value, &at, group, None)),
                Some(issues) => {
                    for issue in &issues.entries {
                        let id = self.lookup.issue(&mut self.reader, &issue.key, &issue.key_span, &at).map(IssueId::at);
                        let effect = self.effect(&issue.value, &path(&at, &issue.key), group, id);
                        found.push(effect);
                    }
                }
            }
        }
        found
    }

    fn effect(&mut self, value: &'a Value, place: &str, group: GroupId, issue: Option<IssueId>) -> Effect {
        Effect { group, issue, size: self.effect_size(value, place) }
    }

    fn effect_size(&mut self, value: &'a Value, place: &str) -> u32 {
        let at = self.model.setup.effects.len();
        self.model.setup_mut().effects.push(0.0);
        self.plain_field(value, place, Domain::Any, Target::Effect(at));
        u32::try_from(at).unwrap_or(u32::MAX)
    }

    fn trust_effects(&mut self, table: &'a Table, place: &str) -> Vec<TrustEffect> {
        let Some(entry) = table.get("trust") else { return Vec::new() };
        let place = path(place, "trust");
        let help = "write `trust = [{ of = \"europe\", in = \"us\", by = -0.1 }]`";
        let mut total = 0;
        let mut found = Vec::new();
        for (at, (value, table)) in self.reader.tables(&entry.value, &place, help).into_iter().enumerate() {
            let place = format!("{place}.{at}");
            self.reader.known_keys(table, &keys::TRUST_EFFECT);
            let pairs = self.trust_pairs(value, table, &place, &mut total);
            let Some(by) = table.get("by") else {
                self.reader.missing("by", &place, value.span.clone(), "write by how much trust changes: `by = -0.1`");
                continue;
            };
            let size = self.effect_size(&by.value, &path(&place, "by"));
            if let Some(pairs) = pairs {
                found.push(TrustEffect { pairs, size });
            }
        }
        found
    }
}
