//! `[credit]`, `[trust]` and `[[influence]]`.

use std::ops::Range;

use super::compile::Compiler;
use super::diagnostic::{Diagnostic, quoted};
use super::document::{Entry, Kind, Table, Value};
use super::number::{Order, Spec, TargetOf, User};
use super::reader::path;
use super::resolve::Context;
use super::sets::Set;
use crate::model::{ActorId, Domain, Influence, Pairs, Target, limits};

impl<'a> Compiler<'a> {
    /// Reads `[credit]`, which holds for every actor without its own.
    pub(super) fn read_credit(&mut self) {
        let Some(table) = self.section("credit") else { return };
        self.known_keys(table, &["offer", "bond"], "`credit`");
        let targets: [(&str, TargetOf); 2] = [("offer", Target::CreditOffer), ("bond", Target::CreditBond)];
        for (at, (key, target)) in targets.into_iter().enumerate() {
            let Some(entry) = table.get(key) else { continue };
            let own = std::mem::take(&mut self.own_credit[at]);
            let others: Vec<usize> = (0..self.names.actors.len()).filter(|actor| !own.contains(actor)).collect();
            self.own_credit[at] = own;
            let context = Context::Numeric { cohort: false, debtor: false };
            let spec = Spec { path: path("credit", key), domain: Domain::Unit, order: Order::Rest, context };
            let all = |_| others.iter().map(|&actor| target(actor)).collect();
            self.number(&entry.value, &spec, &[User::default()], &all);
            self.credit_spans.extend(others.iter().map(|&actor| (actor, entry.value.span.clone())));
        }
    }

    /// Reads `[trust]`.
    pub(super) fn read_trust(&mut self) {
        let Some(table) = self.section("trust") else { return };
        self.known_keys(table, &["default", "strength", "kept", "broken", "suspended", "witness", "pairs"], "`trust`");
        let fields = [
            ("default", Domain::Unit, Target::TrustDefault),
            ("strength", Domain::Positive, Target::TrustStrength),
            ("kept", Domain::NonNegative, Target::TrustKept),
            ("broken", Domain::NonNegative, Target::TrustBroken),
            ("suspended", Domain::NonNegative, Target::TrustSuspended),
            ("witness", Domain::NonNegative, Target::TrustWitness),
        ];
        for (key, domain, target) in fields {
            if let Some(entry) = table.get(key) {
                self.plain_field(&entry.value, &path("trust", key), domain, target);
            }
        }
        let Some(entry) = table.get("pairs") else { return };
        let help = "write `pairs = [{ of = \"us\", in = \"uk\", value = 0.5 }]`";
        let mut total = 0;
        for (at, (value, table)) in self.tables(&entry.value, "trust.pairs", help).into_iter().enumerate() {
            let place = format!("trust.pairs.{at}");
            self.known_keys(table, &["of", "in", "value"], "a pair of `trust`");
            let pairs = self.trust_pairs(value, table, &place, &mut total);
            let Some(number) = table.get("value") else {
                self.missing("value", &place, value.span.clone(), "write the trust as a number from 0 to 1");
                continue;
            };
            let position = self.model.setup.trust_pairs.len();
            self.model.setup.trust_pairs.push(0.0);
            self.plain_field(&number.value, &path(&place, "value"), Domain::Unit, Target::TrustPair(position));
            // A pair that is wrong has been reported; the tables stay in step.
            let nobody = Pairs { first: crate::model::GroupId(0), second: crate::model::GroupId(0) };
            self.model.trust_pairs.push(pairs.unwrap_or(nobody));
        }
    }

    /// `of` and `in`: who trusts whom. `total` counts the pairs of one table.
    pub(super) fn trust_pairs(
        &mut self,
        value: &Value,
        table: &'a Table,
        place: &str,
        total: &mut usize,
    ) -> Option<Pairs> {
        let of = self.required_set(table, "of", place, value.span.clone());
        let whom = self.required_set(table, "in", place, value.span.clone());
        let ((of, of_span), (whom, whom_span)) = (of?, whom?);
        if let (Set::Actor(a), Set::Actor(b)) = (&of, &whom)
            && a == b
        {
            let name = quoted(&self.names.actors.list[a.index()].0);
            let message = format!("`{place}` is the trust of {name} in itself");
            let error = Diagnostic::error("domain/self", message, Some(whom_span));
            self.report(
                error
                    .note("it is named here too", Some(of_span))
                    .help("trust in oneself is always 1; name another actor"),
            );
            return None;
        }
        if !self.count_pairs(&of, &whom, total, place, &value.span) {
            return None;
        }
        Some(Pairs { first: self.group(&of, &of_span), second: self.group(&whom, &whom_span) })
    }

    fn required_set(
        &mut self,
        table: &'a Table,
        key: &str,
        place: &str,
        span: Range<usize>,
    ) -> Option<(Set, Range<usize>)> {
        let Some(entry) = table.get(key) else {
            self.missing(key, place, span, "name an actor, a group, or a list of them");
            return None;
        };
        let set = self.set(&entry.value, &path(place, key))?;
        Some((set, entry.value.span.clone()))
    }

    /// Counts pairs against the limit on those of one table.
    fn count_pairs(&mut self, a: &Set, b: &Set, total: &mut usize, place: &str, span: &Range<usize>) -> bool {
        let before = *total;
        *total = total.saturating_add(self.count(a).saturating_mul(self.count(b)));
        if *total <= limits::PAIRS {
            return true;
        }
        if before <= limits::PAIRS {
            let message = format!("`{place}` brings the pairs of actors to {total}, more than {}", limits::PAIRS);
            let error = Diagnostic::error("limits/pairs", message, Some(span.clone()));
            self.report(error.help("name fewer actors or smaller groups"));
        }
        false
    }

    /// Reads `[[influence]]`.
    pub(super) fn read_influence(&mut self) {
        let Some(entry) = self.root.get("influence") else { return };
        if !matches!(entry.value.kind, Kind::Array(_)) {
            self.influence_kind(entry);
            return;
        }
        let mut total = 0;
        for (at, (value, table)) in
            self.tables(&entry.value, "influence", "write `[[influence]]`").into_iter().enumerate()
        {
            let place = format!("influence.{at}");
            self.known_keys(table, &["from", "on", "weight", "note"], "an `influence`");
            self.free_texts(table, &["note"], &place);
            let from = self.required_set(table, "from", &place, value.span.clone());
            let on = self.required_set(table, "on", &place, value.span.clone());
            let position = self.model.setup.influence.len();
            self.model.setup.influence.push(1.0);
            if let Some(weight) = table.get("weight") {
                let target = Target::Influence(position);
                self.plain_field(&weight.value, &path(&place, "weight"), Domain::NonNegative, target);
            }
            let influence = match (from, on) {
                (Some(from), Some(on)) => self.influence(&from, &on, &mut total, &place, &value.span),
                _ => Influence::Own(ActorId(0)),
            };
            self.model.influence.push(influence);
        }
    }

    fn influence_kind(&mut self, entry: &Entry) {
        let message = format!("`influence` must be a list of tables, but is {}", entry.value.kind.description());
        let error = Diagnostic::error("schema/kind", message, Some(entry.value.span.clone()));
        self.report(error.help("write `[[influence]]` with two brackets, once for each entry"));
    }

    fn influence(
        &mut self,
        (from, from_span): &(Set, Range<usize>),
        (on, on_span): &(Set, Range<usize>),
        total: &mut usize,
        place: &str,
        span: &Range<usize>,
    ) -> Influence {
        if let (Set::Actor(a), Set::Actor(b)) = (from, on)
            && a == b
        {
            return Influence::Own(*a);
        }
        if !self.count_pairs(from, on, total, place, span) {
            return Influence::Own(ActorId(0));
        }
        Influence::Between(Pairs { first: self.group(on, on_span), second: self.group(from, from_span) })
    }
}
