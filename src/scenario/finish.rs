//! What can be done and checked once everything has been read: the order of fields, draws, the slots that gifts count
//! in, values that are known without a run, monotonicity, and warnings.

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use super::compile::Compiler;
use super::definitions::expressions;
use super::diagnostic::{Diagnostic, Severity, plain, quoted};
use super::interval::parameter_intervals;
use super::monotone;
use super::most::Most;
use super::number::{About, Pending, Spec, domain_help};
use super::resolve::{Context, Own, Script, on_one_line};
use super::syntax::{self, Form};
use super::time_literal;
use crate::model::{
    ActorId, Commitment, CommitmentId, Domain, DrawId, Expression, Field, FieldError, FieldSource, Influence,
    MAX_TOTAL, Model, Node, NodeId, Quantity, Scalar, SlotId, Source, State, Target, Trigger, limits,
};

impl Compiler<'_> {
    /// Completes the model.
    pub(super) fn finish(&mut self, track_trust: bool) {
        let about = self.order_fields();
        self.check_parameter_order(&about);
        let unknown = self.evaluate_fields(&about);
        self.number_draws();
        self.check_credits(&unknown);
        self.check_total(&unknown);
        self.check_monotone();
        if self.diagnostics.iter().any(|diagnostic| diagnostic.severity == Severity::Error) {
            return;
        }
        self.link_slots();
        self.read_needs(track_trust);
        self.warn_hopeless();
        self.warn_unused_groups();
        self.warn_swaps();
    }

    /// Moves the fields into the model, parameters first, then attributes; what each is about stays in step.
    fn order_fields(&mut self) -> Vec<Rc<About>> {
        let mut pending = std::mem::take(&mut self.fields);
        pending.sort_by_key(|pending| pending.order);
        let mut about = Vec::with_capacity(pending.len());
        for Pending { field, about: its, .. } in pending {
            self.model.fields.push(field);
            about.push(its);
        }
        about
    }

    /// A parameter's distribution may read parameters that stand before it.
    fn check_parameter_order(&mut self, about: &[Rc<About>]) {
        let mut errors = Vec::new();
        for (field, about) in self.model.fields.iter().zip(about) {
            let [Target::Parameter(own)] = field.targets.as_slice() else { continue };
            for script in &about.scripts {
                for (node, read) in script.expression.nodes.iter().enumerate() {
                    let Node::Parameter(other) = read else { continue };
                    if other < own {
                        continue;
                    }
                    about.reported.set(true);
                    let other = quoted(&self.model.parameters[other.index()].id);
                    let message = format!("`{}` is drawn before the parameter {other} has a value", field.path);
                    let error =
                        Diagnostic::error("names/order", message, None).help(format!("declare {other} before it"));
                    errors.push(script.met(NodeId::try_from(node).unwrap_or(0), &self.definitions, error));
                }
            }
        }
        self.diagnostics.extend(errors);
    }

    /// Evaluates what depends on nothing that is drawn; returns the places whose values are not known.
    fn evaluate_fields(&mut self, about: &[Rc<About>]) -> BTreeSet<TargetKey> {
        let mut unknown = BTreeSet::new();
        let fields = std::mem::take(&mut self.model.fields);
        for (field, about) in fields.iter().zip(about) {
            let known = self.is_known(field, &unknown);
            let drawn = matches!(field.source, FieldSource::Draw { .. });
            if drawn || !known {
                unknown.extend(field.targets.iter().filter_map(|&target| key(target)));
            }
            if !known || about.reported.get() {
                continue;
            }
            if let Some(error) = self.evaluate_field(field, about) {
                about.reported.set(true);
                self.doubtful |= field.targets.iter().any(|target| matches!(target, Target::Attribute(_)));
                self.report(error);
            }
        }
        self.model.fields = fields;
        unknown
    }

    /// Whether everything that a field's expressions read is known.
    fn is_known(&self, field: &Field, unknown: &BTreeSet<TargetKey>) -> bool {
        let actors = self.names.actors.len();
        let reads_unknown = |expression: &Expression| {
            expression.nodes.iter().any(|node| match node {
                Node::Parameter(id) => self.drawn_parameters.get(id.index()).copied().unwrap_or(false),
                Node::Read(Quantity::Own(attribute)) => field.owner.is_some_and(|owner| {
                    unknown.contains(&(KeyKind::Attribute, attribute.index() * actors + owner.index()))
                }),
                _ => false,
            })
        };
        match &field.source {
            FieldSource::Expression(expression) => !reads_unknown(expression),
            FieldSource::Draw { distribution, .. } => !expressions(distribution).any(reads_unknown),
        }
    }

    /// Evaluates a field, or the arguments of its distribution, and checks them; returns what is wrong.
    fn evaluate_field(&mut self, field: &Field, about: &About) -> Option<Diagnostic> {
        let result = match &field.source {
            FieldSource::Expression(expression) => {
                field.evaluate(expression, &self.model, &self.model.setup).map(|value| vec![value])
            }
            FieldSource::Draw { distribution, .. } => field.arguments(distribution, &self.model, &self.model.setup),
        };
        let span = Some(about.span.clone());
        let values = match result {
            Ok(values) => values,
            Err(FieldError::NotANumber(fault)) => {
                let message = format!("`{}` is not a number: {}", field.path, fault.what);
                return Some(
                    Diagnostic::error("domain/number", message, span).help("change the numbers that it reads"),
                );
            }
            Err(FieldError::Arguments { what, .. }) => {
                let message = format!("the distribution of `{}` is wrong: {what}", field.path);
                let span =
                    about.arguments.first().zip(about.arguments.last()).map(|(first, last)| first.start..last.end);
                return Some(Diagnostic::error("domain/distribution", message, span).help("change its arguments"));
            }
            Err(FieldError::Domain { .. }) => return None,
        };
        if let FieldSource::Draw { distribution, .. } = &field.source {
            let context = Context::Numeric { cohort: false, own: Own::No };
            let order = super::number::Order::Rest;
            let spec = Spec { path: field.path.clone(), domain: field.domain, order, context, table: None };
            let all_constant = distribution.arguments.iter().all(|argument| matches!(argument, Scalar::Constant(_)));
            if !all_constant {
                self.check_support(&spec, distribution.shape, &values, &about.arguments);
            }
            return None;
        }
        let &[value] = values.as_slice() else { return None };
        if field.domain.contains(value) {
            for &target in &field.targets {
                self.model.setup.set(target, value);
            }
            return None;
        }
        let message = format!("`{}` must be {}, but is {}", field.path, field.domain.description(), plain(value));
        let help = self.duration_help(field.domain, about).unwrap_or_else(|| domain_help(field.domain));
        Some(Diagnostic::error("domain/number", message, span).help(help))
    }

    /// The remedy where a whole number of steps is wanted and a duration is none.
    fn duration_help(&self, domain: Domain, about: &About) -> Option<String> {
        let least = match domain {
            Domain::Whole(least) => i64::from(least),
            Domain::Moment => i64::MIN,
            _ => return None,
        };
        let step = self.model.clock.step;
        let text = &about.scripts.first()?.expression.text;
        let tree = syntax::parse(text).ok()?;
        let broken = tree.nodes.iter().find_map(|node| match node.form {
            Form::Duration(number, unit) => {
                let steps = time_literal::in_steps(number, unit, step)?;
                (libm::trunc(steps).to_bits() != steps.to_bits()).then_some((number, unit, steps, &node.span))
            }
            _ => None,
        });
        let (number, unit, steps, span) = broken?;
        let nearest = time_literal::nearest_whole(number, unit, step, least);
        let nearest: Vec<String> = nearest.iter().map(|words| quoted(words)).collect();
        let written = quoted(text.get(span.clone())?);
        let steps = format!("{steps:.3}");
        let steps = steps.trim_end_matches('0');
        let fits = if nearest.is_empty() { String::new() } else { format!(": write {}", nearest.join(" or ")) };
        Some(format!("{written} is {steps} steps of {}, no whole number of them{fits}", time_literal::in_words(step)))
    }

    /// Numbers the draws in the order of their paths.
    fn number_draws(&mut self) {
        let mut paths: Vec<String> = self
            .model
            .fields
            .iter()
            .filter(|field| matches!(field.source, FieldSource::Draw { .. }))
            .map(|field| field.path.clone())
            .collect();
        paths.sort_unstable();
        for field in &mut self.model.fields {
            if let FieldSource::Draw { draw, .. } = &mut field.source {
                let at = paths.binary_search(&field.path).unwrap_or(0);
                *draw = DrawId::at(at);
            }
        }
        self.model.draws = paths;
    }

    /// An offer counts no more than a bond.
    fn check_credits(&mut self, unknown: &BTreeSet<TargetKey>) {
        let mut spans: BTreeMap<usize, std::ops::Range<usize>> = BTreeMap::new();
        for (actor, span) in &self.credit_spans {
            spans.entry(*actor).or_insert_with(|| span.clone());
        }
        let mut reported = BTreeSet::new();
        for (actor, span) in spans {
            let (offer, bond) = (self.model.setup.credit_offer[actor], self.model.setup.credit_bond[actor]);
            let known =
                !unknown.contains(&(KeyKind::CreditOffer, actor)) && !unknown.contains(&(KeyKind::CreditBond, actor));
            let valid = |value: f64| (0.0..=1.0).contains(&value);
            if !known || offer <= bond || !valid(offer) || !valid(bond) || !reported.insert(span.start) {
                continue;
            }
            let who = quoted(&self.names.actors.list[actor].0);
            let message = format!(
                "the credit of {who} for an offer, {}, is more than that for a bond, {}",
                plain(offer),
                plain(bond)
            );
            let help = "an offer is worth at most what a bond is worth";
            self.report(Diagnostic::error("domain/credit", message, Some(span)).help(help));
        }
    }

    /// The sum of all amounts must fit.
    fn check_total(&mut self, unknown: &BTreeSet<TargetKey>) {
        let mut total: i128 = 0;
        for instance in &self.model.instances {
            let spans = &self.gives_spans[instance.commitment.index()];
            for (number, span) in spans.iter().enumerate() {
                let position = instance.first_gift as usize + number;
                if unknown.contains(&(KeyKind::Gives, position)) {
                    continue;
                }
                total += i128::from(self.model.setup.gives.get(position).map_or(0, |amount| amount.0));
                if total > i128::from(MAX_TOTAL) {
                    let largest = MAX_TOTAL / 1_000_000;
                    let message =
                        format!("with {} all amounts together are more than {largest}", quoted(&instance.name));
                    let error = Diagnostic::error("limits/total", message, Some(span.clone()));
                    self.report(error.help("count in a larger unit, such as thousands"));
                    return;
                }
            }
        }
    }

    fn check_monotone(&mut self) {
        let parameters = parameter_intervals(&self.model);
        let mut debtors: Vec<Vec<ActorId>> = vec![Vec::new(); self.names.commitments.len()];
        for instance in &self.model.instances {
            debtors[instance.commitment.index()].push(instance.debtor);
        }
        let antecedents = std::mem::take(&mut self.antecedents);
        let others = std::mem::take(&mut self.monotone);
        let whens = antecedents.iter().enumerate().filter_map(|(at, script)| Some((at, "when", script.as_ref()?)));
        let others = others.iter().map(|(at, key, script)| (*at, *key, script));
        for (at, key, script) in whens.chain(others) {
            let debtors = &debtors[at];
            // Where values are wrong, and reported, their signs say nothing.
            let doubtful = self.doubtful || debtors.is_empty() || self.lacks_own(&script.expression, debtors);
            for violation in monotone::violations(&self.model, debtors, &script.expression, &parameters) {
                if violation.unknown_sign && doubtful {
                    continue;
                }
                let term = self.term(script, violation.node);
                let message = format!("{} {}", quoted(&term), violation.reason_in(key));
                let help = match key {
                    "as" => {
                        "an `as` may only grow as others commit; what falls with it belongs into `offer` or `while`"
                    }
                    "while" => {
                        "the `while` of a resumable commitment may only grow truer as others commit; leave out `resumable`"
                    }
                    _ => {
                        "a `when` may only grow truer as others commit; what falls with it belongs into `offer` or `while`"
                    }
                };
                let error = Diagnostic::error("monotone/sign", message, None).help(help);
                self.report(script.met(violation.node, &self.definitions, error));
            }
        }
        self.antecedents = antecedents;
    }

    /// Whether a debtor lacks an attribute that an expression reads.
    fn lacks_own(&self, expression: &Expression, debtors: &[ActorId]) -> bool {
        let actors = self.names.actors.len();
        expression.reads().into_iter().any(|quantity| {
            let Quantity::Own(attribute) = quantity else { return false };
            debtors.iter().any(|debtor| !self.has_attribute[attribute.index() * actors + debtor.index()])
        })
    }

    /// The text of a node.
    fn term(&self, script: &Script, node: NodeId) -> String {
        let place = script.places.get(node as usize);
        on_one_line(place.and_then(|place| self.source.text().get(place.span.clone())).unwrap_or(""))
    }

    /// For each gift, the slots that it counts in.
    fn link_slots(&mut self) {
        let mut by_resource: Vec<Vec<SlotId>> = vec![Vec::new(); self.names.resources.len()];
        for (at, slot) in self.model.slots.iter().enumerate() {
            by_resource[slot.resource.index()].push(SlotId::at(at));
        }
        let model = &mut self.model;
        let gives = |commitment: CommitmentId, model: &Model| model.commitments[commitment.index()].gives.clone();
        let work: usize = model
            .instances
            .iter()
            .map(|instance| {
                gives(instance.commitment, model)
                    .iter()
                    .map(|resource| by_resource[resource.index()].len())
                    .sum::<usize>()
            })
            .fold(0, usize::saturating_add);
        if work > limits::SLOT_PAIRS {
            let message =
                format!("{work} pairs of gifts and of quantities that count them, more than {}", limits::SLOT_PAIRS);
            self.report(Diagnostic::error("limits/slots", message, None).help("let expressions read fewer groups"));
            return;
        }
        let mut starts = vec![0];
        let mut links = Vec::new();
        for instance in &model.instances {
            for resource in gives(instance.commitment, model) {
                for &slot in &by_resource[resource.index()] {
                    let group = &model.groups[model.slots[slot.index()].group.index()];
                    if group.contains(instance.debtor) {
                        links.push(slot);
                    }
                }
                starts.push(u32::try_from(links.len()).unwrap_or(u32::MAX));
            }
        }
        model.gift_slot_starts = starts;
        model.gift_slots = links;
    }

    /// Whether anything needs trust and the gap.
    fn read_needs(&mut self, track_trust: bool) {
        let mut trust = track_trust || self.model.shocks.iter().any(|shock| !shock.trust.is_empty());
        let mut gap = false;
        for expression in all_expressions(&self.model) {
            for quantity in expression.reads() {
                trust |= matches!(quantity.source(), Source::SlotAndTrust(_) | Source::Trust);
                gap |= quantity.source() == Source::Gap;
            }
        }
        self.model.reads_trust = trust;
        self.model.reads_gap = gap;
    }

    /// Warns of commitments whose `when` is false even if everything is bound and delivered.
    fn warn_hopeless(&mut self) {
        let most = Most::new(&self.model, parameter_intervals(&self.model));
        let mut warnings = Vec::new();
        for (at, commitment) in self.model.commitments.iter().enumerate() {
            let (Some(when), Some(script)) = (&commitment.when, &self.antecedents[at]) else { continue };
            if commitment.initial == State::Detached || most.can_hold(&self.model, CommitmentId::at(at), when) {
                continue;
            }
            let name = quoted(&commitment.id);
            let message =
                format!("no evidence can ever detach {name}: its `when` is false even if all is bound and delivered");
            let help = "lower what it asks for, or let others promise more";
            let warning = Diagnostic::warning("meaning/hopeless", message, None).help(help);
            warnings.push(script.met(when.root(), &self.definitions, warning));
        }
        self.diagnostics.extend(warnings);
    }

    /// Warns of two actors each of which is pulled by the other alone and all the way, so that their stances merely
    /// change places from step to step.
    fn warn_swaps(&mut self) {
        let setup = &self.model.setup;
        let swaps = |actor: ActorId| setup.susceptibility[actor.index()] >= 1.0;
        if setup.pace < 1.0 {
            return;
        }
        let sources = self.only_sources();
        let pair = sources.iter().enumerate().find_map(|(at, source)| {
            let (one, Pull::From(other)) = (ActorId::at(at), *source) else { return None };
            let is_mutual = one < other && sources[other.index()] == Pull::From(one);
            (is_mutual && swaps(one) && swaps(other)).then_some((one, other))
        });
        let Some((one, other)) = pair else { return };
        // Who writes the two ties one by one has seen that there is no weight of their own.
        let is_of_a_group = self.model.influence.iter().any(|entry| match *entry {
            Influence::Between(pairs) => [pairs.first, pairs.second].iter().all(|id| {
                let members = &self.model.groups[id.index()].members;
                members.contains(&one) && members.contains(&other)
            }),
            Influence::Own(_) | Influence::Tie { .. } => false,
        });
        if !is_of_a_group {
            return;
        }
        let [one, other] = [one, other].map(|actor| &self.model.actors[actor.index()].id);
        let message = format!("`{one}` and `{other}` only swap their stances: each is pulled by the other alone");
        let span = self.root.get("influence").map(|entry| entry.key_span.clone());
        let help = format!("list the weight of each on itself too, such as `from = \"{one}\", on = \"{one}\"`");
        self.diagnostics.push(Diagnostic::warning("meaning/swap", message, span).help(help));
    }

    /// By actor: the only one whose stance has a weight in its row, if there is only one.
    fn only_sources(&self) -> Vec<Pull> {
        let mut sources = vec![Pull::Nobody; self.model.actors.len()];
        let mut add = |on: ActorId, from: ActorId| {
            let source = &mut sources[on.index()];
            *source = if matches!(*source, Pull::Nobody) || *source == Pull::From(from) {
                Pull::From(from)
            } else {
                Pull::Several
            };
        };
        let entries = self.model.influence.iter().zip(&self.model.setup.influence);
        for (entry, _) in entries.filter(|(_, weight)| **weight > 0.0) {
            match *entry {
                Influence::Own(actor) => add(actor, actor),
                Influence::Tie { on, from } => add(on, from),
                Influence::Between(pairs) => {
                    let [on, from] = [pairs.first, pairs.second].map(|id| &self.model.groups[id.index()].members);
                    // Three are enough to tell one from several.
                    for &on in on {
                        from.iter().filter(|&&from| from != on).take(3).for_each(|&from| add(on, from));
                    }
                }
            }
        }
        sources
    }

    fn warn_unused_groups(&mut self) {
        let unused: Vec<Diagnostic> = self
            .names
            .groups
            .iter()
            .filter(|group| !group.cohort && !group.used)
            .map(|group| {
                let message = format!("nobody uses the group {}", quoted(&group.id));
                Diagnostic::warning("meaning/unused-group", message, Some(group.span.clone()))
                    .help("use it, or remove it")
            })
            .collect();
        self.diagnostics.extend(unused);
    }
}

/// Whose stances pull an actor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Pull {
    Nobody,
    From(ActorId),
    Several,
}

/// Which value of the setup a target is, as far as the checks need it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum KeyKind {
    Attribute,
    CreditOffer,
    CreditBond,
    Gives,
}

pub(super) type TargetKey = (KeyKind, usize);

pub(super) fn key(target: Target) -> Option<TargetKey> {
    match target {
        Target::Attribute(at) => Some((KeyKind::Attribute, at)),
        Target::CreditOffer(at) => Some((KeyKind::CreditOffer, at)),
        Target::CreditBond(at) => Some((KeyKind::CreditBond, at)),
        Target::Gives(at) => Some((KeyKind::Gives, at)),
        _ => None,
    }
}

/// Every expression that is evaluated on a state.
pub(super) fn all_expressions(model: &Model) -> impl Iterator<Item = &Expression> {
    let commitments = model.commitments.iter().flat_map(Commitment::expressions);
    let shocks = model.shocks.iter().filter_map(|shock| match &shock.trigger {
        Trigger::On(_) => None,
        Trigger::Rate(expression) | Trigger::When { condition: expression, .. } => Some(expression),
    });
    let outcomes = model.outcomes.iter().map(|outcome| &outcome.when);
    let metrics = model.metrics.iter().map(|metric| &metric.value);
    let moves = model.moves.iter().filter_map(|one| match &one.trigger {
        Trigger::On(_) => None,
        Trigger::Rate(expression) | Trigger::When { condition: expression, .. } => Some(expression),
    });
    commitments.chain(shocks).chain(moves).chain(outcomes).chain(metrics)
}
