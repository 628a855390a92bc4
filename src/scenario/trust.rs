//! `[credit]`, `[trust]` and `[[influence]]`.

use std::ops::Range;
use std::sync::Arc;

use super::cells::{self, CellAt};
use super::csv::CsvTable;
use super::diagnostic::{Diagnostic, plain, quoted};
use super::draft::{Draft, Order, Spec, TargetOf, User, UserTargets, Users, domain_help};
use super::keys;
use super::lookup::Set;
use super::names::Party;
use super::reader::path;
use super::script::{Context, OwnAttributes};
use super::toml_tree::{Entry, Kind, Table, Value};
use crate::model::{ActorId, Domain, Influence, Pairs, Target, limits};

/// The number of rows of ties whose names are prepared for together.
const TOUCHED: usize = 64;

impl<'a> Draft<'a> {
    /// Reads `[credit]`, the default for all actors.
    pub(super) fn read_credit(&mut self) {
        let Some(table) = self.reader.section("credit") else { return };
        self.reader.known_keys(table, &keys::CREDITS);
        let targets: [(&str, TargetOf); 2] = [("offer", Target::CreditOffer), ("bond", Target::CreditBond)];
        for (at, (key, target)) in targets.into_iter().enumerate() {
            let Some(entry) = table.get(key) else { continue };
            let own = std::mem::take(&mut self.own_credit[at]);
            let others: Vec<usize> = (0..self.lookup.names.actors.len()).filter(|actor| !own.contains(actor)).collect();
            self.own_credit[at] = own;
            let context = Context::Numeric { cohort: false, own: OwnAttributes::No };
            let spec =
                Spec { path: path("credit", key), domain: Domain::Unit, order: Order::Rest, context, table: None };
            let all = |_| others.iter().map(|&actor| target(actor)).collect::<Vec<_>>().into();
            self.number(&entry.value, &spec, Users::Listed(&[User::default()]), UserTargets::Some(&all));
            self.credit_spans.extend(others.iter().map(|&actor| (actor, entry.value.span.clone())));
        }
    }

    /// Reads `[trust]`.
    pub(super) fn read_trust(&mut self) {
        let Some(table) = self.reader.section("trust") else { return };
        self.reader.known_keys(table, &keys::TRUST);
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
        for (at, (value, table)) in self.reader.tables(&entry.value, "trust.pairs", help).into_iter().enumerate() {
            let place = format!("trust.pairs.{at}");
            if let Some(named) = table.get("table") {
                self.reader.known_keys(table, &keys::TRUST_TABLE);
                self.tied_trust(named, &place, &mut total);
                continue;
            }
            self.reader.known_keys(table, &keys::TRUST_PAIR);
            let pairs = self.trust_pairs(value, table, &place, &mut total);
            let Some(number) = table.get("value") else {
                self.reader.missing("value", &place, value.span.clone(), "write the trust as a number from 0 to 1");
                continue;
            };
            let position = self.model.setup.trust_pairs.len();
            self.model.setup_mut().trust_pairs.push(0.0);
            self.plain_field(&number.value, &path(&place, "value"), Domain::Unit, Target::TrustPair(position));
            // An invalid pair has been reported; it keeps its position, so that positions and numbers agree.
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
            let name = quoted(self.lookup.names.actors.id(*a));
            let message = format!("`{place}` is the trust of {name} in itself");
            let error = Diagnostic::error("domain/self", message, Some(whom_span));
            self.reader.report(
                error
                    .note("it is named here too", Some(of_span))
                    .help("trust in oneself is always 1; name another actor"),
            );
            return None;
        }
        if !self.count_pairs(&of, &whom, (total, limits::PAIRS), place, &value.span) {
            return None;
        }
        Some(Pairs {
            first: self.lookup.group(&mut self.reader, &of, &of_span),
            second: self.lookup.group(&mut self.reader, &whom, &whom_span),
        })
    }

    fn required_set(
        &mut self,
        table: &'a Table,
        key: &str,
        place: &str,
        span: Range<usize>,
    ) -> Option<(Set, Range<usize>)> {
        let Some(entry) = table.get(key) else {
            self.reader.missing(key, place, span, "name an actor, a group, or a list of them");
            return None;
        };
        let set = self.lookup.set(&mut self.reader, &entry.value, &path(place, key))?;
        Some((set, entry.value.span.clone()))
    }

    /// Counts pairs against the limit on those of one table.
    fn count_pairs(
        &mut self,
        a: &Set,
        b: &Set,
        (total, most): (&mut usize, usize),
        place: &str,
        span: &Range<usize>,
    ) -> bool {
        let before = *total;
        *total = total.saturating_add(a.count(&self.lookup.names).saturating_mul(b.count(&self.lookup.names)));
        if *total <= most {
            return true;
        }
        if before <= most {
            let message = format!("`{place}` brings the pairs of actors to {total}, more than {most}");
            let error = Diagnostic::error("limits/pairs", message, Some(span.clone()));
            self.reader.report(error.help("name fewer actors or smaller groups"));
        }
        false
    }

    /// The table of an entry, and the positions of columns in it, of which the last may be missing if it is optional.
    fn ties(
        &mut self,
        named: &'a Entry,
        place: &str,
        names: [&str; 3],
        is_optional: bool,
    ) -> Option<(Arc<CsvTable>, [Option<usize>; 3])> {
        let table = self.reader.named_table(&named.value, &path(place, "table"))?;
        let columns = names.map(|name| table.column(name));
        let mut good = true;
        for (at, (name, column)) in names.iter().zip(columns).enumerate() {
            if column.is_none() && !(is_optional && at == 2) {
                let message = format!("the table {} has no column {}", quoted(&table.name), quoted(name));
                let error = Diagnostic::error("table/column", message, Some(named.value.span.clone()));
                self.reader.report(error.help(table.column_help(name)));
                good = false;
            }
        }
        good.then_some((table, columns))
    }

    /// Prepares for looking up the names in these columns of the rows from `row` on, now and then.
    fn touch_tied(&self, table: &CsvTable, row: usize, columns: [usize; 2]) {
        if row.is_multiple_of(TOUCHED) && table.rows() >= TOUCHED {
            let rows = row..(row + TOUCHED).min(table.rows());
            self.lookup.names.touch(rows.flat_map(|row| columns.map(|column| table.cell(row, column))));
        }
    }

    /// The actor or group in a cell; `None` if there is no such name, which has been reported.
    fn tied(&mut self, table: &CsvTable, row: usize, column: usize) -> Option<Set> {
        let mut name = table.cell(row, column);
        if name.bytes().any(|byte| byte.is_ascii_uppercase()) {
            name.to_mut().make_ascii_lowercase();
        }
        let known = self.lookup.names.party_named(&name);
        let (message, help) = match known {
            Some(Party::Actor(actor)) => return Some(Set::Actor(actor)),
            Some(Party::Group(group)) => {
                self.lookup.names.groups[group].used = true;
                return Some(Set::Named(group));
            }
            Some(Party::Broken) => return None,
            None if name.is_empty() => ("the cell is empty".to_owned(), "name an actor or a group".to_owned()),
            None => {
                let error = self.lookup.names.unknown_party(
                    &self.reader,
                    &name,
                    &(0..0),
                    &table.name,
                    "actor, cohort or group",
                );
                (error.message, error.help.unwrap_or_default())
            }
        };
        self.reader.report_cell("names/unknown", message, help, table, row, column);
        None
    }

    /// The number in a cell of a tie, in its domain.
    fn tied_number(&mut self, table: &CsvTable, row: usize, column: usize, domain: Domain, place: &str) -> Option<f64> {
        let number = cells::cell_number(&mut self.reader, &self.lookup.calendar, CellAt { table, row, column }, place)?;
        if domain.contains(number) {
            return Some(number);
        }
        let message = format!("`{place}` must be {}, but is {}", domain.description(), plain(number));
        self.reader.report_cell("domain/number", message, domain_help(domain), table, row, column);
        None
    }

    /// An entry of `influence` that is a table.
    fn tied_influence(&mut self, named: &'a Entry, place: &str, total: &mut usize) {
        let Some((table, [Some(from), Some(on), weight])) = self.ties(named, place, ["from", "on", "weight"], true)
        else {
            return;
        };
        let at = path(place, "weight");
        for row in 0..table.rows() {
            self.touch_tied(&table, row, [from, on]);
            let source = self.tied(&table, row, from);
            let target = self.tied(&table, row, on);
            let number =
                weight.map_or(Some(1.0), |column| self.tied_number(&table, row, column, Domain::NonNegative, &at));
            let (Some(source), Some(target), Some(number)) = (source, target, number) else { continue };
            if !self.count_pairs(&source, &target, (total, limits::TIES), place, &named.value.span) {
                return;
            }
            let span = &named.value.span;
            let influence = match (&source, &target) {
                (Set::Actor(a), Set::Actor(b)) if a == b => Influence::Own(*a),
                (Set::Actor(from), Set::Actor(on)) => Influence::Tie { on: *on, from: *from },
                _ => Influence::Between(Pairs {
                    first: self.lookup.group(&mut self.reader, &target, span),
                    second: self.lookup.group(&mut self.reader, &source, span),
                }),
            };
            self.model.influence.push(influence);
            self.model.setup_mut().influence.push(number);
        }
    }

    /// An entry of `trust.pairs` that is a table.
    fn tied_trust(&mut self, named: &'a Entry, place: &str, total: &mut usize) {
        let Some((table, [Some(of), Some(whom), Some(value)])) = self.ties(named, place, ["of", "in", "value"], false)
        else {
            return;
        };
        let at = path(place, "value");
        for row in 0..table.rows() {
            self.touch_tied(&table, row, [of, whom]);
            let truster = self.tied(&table, row, of);
            let trusted = self.tied(&table, row, whom);
            let number = self.tied_number(&table, row, value, Domain::Unit, &at);
            let (Some(truster), Some(trusted), Some(number)) = (truster, trusted, number) else { continue };
            if matches!((&truster, &trusted), (Set::Actor(a), Set::Actor(b)) if a == b) {
                let message = "the row is the trust of an actor in itself".to_owned();
                let help = "trust in oneself is always 1; name another actor";
                self.reader.report_cell("domain/self", message, help, &table, row, whom);
                continue;
            }
            if !self.count_pairs(&truster, &trusted, (total, limits::PAIRS), place, &named.value.span) {
                return;
            }
            let span = &named.value.span;
            let pairs = Pairs {
                first: self.lookup.group(&mut self.reader, &truster, span),
                second: self.lookup.group(&mut self.reader, &trusted, span),
            };
            self.model.trust_pairs.push(pairs);
            self.model.setup_mut().trust_pairs.push(number);
        }
    }

    /// Reads `[[influence]]`.
    pub(super) fn read_influence(&mut self) {
        let Some(entry) = self.reader.root.get("influence") else { return };
        if !matches!(entry.value.kind, Kind::Array(_)) {
            self.influence_kind(entry);
            return;
        }
        let mut total = 0;
        for (at, (value, table)) in
            self.reader.tables(&entry.value, "influence", "write `[[influence]]`").into_iter().enumerate()
        {
            let place = format!("influence.{at}");
            if let Some(named) = table.get("table") {
                self.reader.known_keys(table, &keys::INFLUENCE_TABLE);
                self.reader.free_texts(table, &["note"], &place);
                self.tied_influence(named, &place, &mut total);
                continue;
            }
            self.reader.known_keys(table, &keys::INFLUENCE);
            self.reader.free_texts(table, &["note"], &place);
            let from = self.required_set(table, "from", &place, value.span.clone());
            let on = self.required_set(table, "on", &place, value.span.clone());
            let position = self.model.setup.influence.len();
            self.model.setup_mut().influence.push(1.0);
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
        self.reader.report(error.help("write `[[influence]]` with two brackets, once for each entry"));
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
        if !self.count_pairs(from, on, (total, limits::TIES), place, span) {
            return Influence::Own(ActorId(0));
        }
        Influence::Between(Pairs {
            first: self.lookup.group(&mut self.reader, on, on_span),
            second: self.lookup.group(&mut self.reader, from, from_span),
        })
    }
}
