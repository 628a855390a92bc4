//! The first check of a whole model: reports every broken rule with its position in the file. A model that
//! passes is completed: draws are numbered, and gifts are linked to the slots in which they count.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::{ControlFlow, Range};
use std::rc::Rc;
use std::sync::Arc;

use super::diagnostic::{Diagnostic, Severity, plain, quoted};
use super::draft::{Draft, FieldInfo, InvalidValues, domain_help, empty_setup};
use super::monotone::Violation;
use super::names::Cohort;
use super::reader::Reader;
use super::resolve::on_one_line;
use super::rules::{Breach, BreachHandler, Known, all_expressions, check_signs, check_values};
use super::script::{Definition, Script, Scripts};
use super::syntax::{self, Form};
use super::time_literal;
use super::toml_tree::Value;
use super::warnings::warnings;
use crate::model::{
    ActorId, CommitmentId, Dependency, Domain, DrawId, Expression, FieldError, FieldSource, GiftSlots, Instance, Model,
    Node, NodeId, Quantity, SlotId, StepLength, Target, limits,
};

/// Checks a model as a whole and completes it. Returns it with all diagnostics.
pub(super) fn check(draft: Draft<'_>, track_trust: bool) -> (Model, Vec<Diagnostic>) {
    let Draft { mut reader, mut lookup, mut model, mut fields, monotone, credit_spans, .. } = draft;
    model.groups = std::mem::take(&mut lookup.sets.groups);
    model.slots = std::mem::take(&mut lookup.sets.slots);
    model.means = std::mem::take(&mut lookup.sets.means);
    // Parameters and attributes are evaluated first, since other fields read them.
    fields.sort_by_key(|pending| pending.order);
    let (fields, info): (Vec<_>, Vec<Rc<FieldInfo>>) =
        fields.into_iter().map(|pending| (pending.field, pending.info)).unzip();
    model.fields = fields;
    reader.diagnostics.extend(check_parameter_order(&model, &info, &lookup.definitions));
    let known = Known::of(&model);
    let scripts = Scripts::new(monotone.iter(), &lookup.definitions);
    let places = Places {
        info: &info,
        scripts: &scripts,
        has_attribute: &draft.has_attribute,
        gives: &draft.gives_spans,
        rates: &draft.rates,
        credits: credits(credit_spans),
        cohorts: &lookup.names.cohorts,
    };
    let mut setup = std::mem::replace(&mut model.setup, Arc::new(empty_setup()));
    let mut explainer = Explainer::new(&mut reader, &model, &places, draft.invalid);
    let _all = check_values(&model, &known, Arc::make_mut(&mut setup), &mut explainer);
    let invalid = explainer.invalid;
    model.setup = setup;
    let mut explainer = Explainer::new(&mut reader, &model, &places, invalid);
    let _all = check_signs(&model, &model.setup.parameters, &mut explainer);
    number_draws(&mut model);
    if reader.diagnostics.iter().all(|diagnostic| diagnostic.severity == Severity::Warning) {
        if let Err(error) = link_slots(&mut model) {
            reader.report(*error);
        } else {
            note_needs(&mut model, track_trust);
            reader.diagnostics.extend(warnings(&model, &lookup.names, &scripts, reader.root));
        }
    }
    (model, reader.diagnostics)
}

/// Whether a script reads `own`.
fn reads_own(script: &Script) -> bool {
    script.expression.reads().iter().any(|quantity| matches!(quantity, Quantity::Own(_)))
}

/// The first place of each actor's credit.
fn credits(spans: Vec<(usize, Range<usize>)>) -> BTreeMap<usize, Range<usize>> {
    let mut first = BTreeMap::new();
    for (actor, span) in spans {
        first.entry(actor).or_insert(span);
    }
    first
}

/// Checks that the distribution of a parameter reads only parameters declared before it.
fn check_parameter_order(model: &Model, info: &[Rc<FieldInfo>], definitions: &[Definition]) -> Vec<Diagnostic> {
    let mut errors = Vec::new();
    for (field, info) in model.fields.iter().zip(info) {
        let [Target::Parameter(own)] = &*field.targets else { continue };
        for script in &info.scripts {
            for (node, read) in script.expression.nodes.iter().enumerate() {
                let Node::Parameter(other) = read else { continue };
                if other < own {
                    continue;
                }
                info.reported.set(true);
                let other = quoted(&model.parameters[other.index()].id);
                let message = format!("`{}` is drawn before the parameter {other} has a value", field.path);
                let error = Diagnostic::error("names/order", message, None).help(format!("declare {other} before it"));
                errors.push(script.met(NodeId::try_from(node).unwrap_or(0), definitions, error));
            }
        }
    }
    errors
}

/// The positions of the parts of a model in the file.
struct Places<'p, 'a> {
    /// By field.
    info: &'p [Rc<FieldInfo>],
    /// The scripts that must be monotone in the evidence.
    scripts: &'p Scripts<'p>,
    /// By attribute, then actor: whether the actor has the attribute.
    has_attribute: &'p [bool],
    /// By commitment: the positions of its `gives`.
    gives: &'p [Vec<Range<usize>>],
    /// By shock: its rate, if that is an expression.
    rates: &'p [Option<&'a Value>],
    /// By actor.
    credits: BTreeMap<usize, Range<usize>>,
    cohorts: &'p [Cohort],
}

/// Reports broken rules.
struct Explainer<'p, 'a> {
    reader: &'p mut Reader<'a>,
    model: &'p Model,
    places: &'p Places<'p, 'a>,
    /// Parameters and attributes with invalid values; expressions that read them are not checked.
    invalid: InvalidValues,
    /// The beginnings of the credits that have been reported.
    credits_reported: BTreeSet<usize>,
}

impl BreachHandler for Explainer<'_, '_> {
    fn is_settled(&self, field: usize) -> bool {
        let info = &self.places.info[field];
        info.reported.get() || info.scripts.iter().any(|script| self.invalid.are_read_by(&script.expression))
    }

    fn take(&mut self, breach: Breach) -> ControlFlow<()> {
        let error = match breach {
            Breach::Field { field, error } => self.field(field, error),
            Breach::Support { field, argument, value } => Some(self.support(field, argument, value)),
            Breach::Credit { actor, offer, bond } => self.credit(actor, offer, bond),
            Breach::Total { gift } => Some(self.total(gift)),
            Breach::Sign { commitment, key, path, violation } => self.sign(commitment, key, &path, &violation),
            Breach::Rate { shock, highest } => self.rate(shock, highest),
            // These are reported when the parameter or the expression is read.
            Breach::Constant | Breach::Parameter => None,
        };
        if let Some(error) = error {
            self.reader.report(error);
        }
        ControlFlow::Continue(())
    }
}

impl<'p, 'a> Explainer<'p, 'a> {
    fn new(reader: &'p mut Reader<'a>, model: &'p Model, places: &'p Places<'p, 'a>, invalid: InvalidValues) -> Self {
        Self { reader, model, places, invalid, credits_reported: BTreeSet::new() }
    }

    /// The position of a field. Further errors of the field are not reported.
    fn settle(&mut self, field: usize) -> &'p FieldInfo {
        let info = &self.places.info[field];
        info.reported.set(true);
        let first = self.model.fields[field].targets.first().copied();
        if let Some(Target::Attribute(_) | Target::Parameter(_)) = first {
            self.invalid.note(first, self.model.actors.len());
        }
        info
    }

    fn field(&mut self, at: usize, error: FieldError) -> Option<Diagnostic> {
        let info = self.settle(at);
        let field = &self.model.fields[at];
        let span = Some(info.span.clone());
        let diagnostic = match error {
            // Its cohort has no rows, which has been reported.
            FieldError::NotANumber(_) if field.owner.is_none() && info.scripts.iter().any(reads_own) => return None,
            FieldError::NotANumber(fault) => {
                let message = format!("`{}` is not a number: {}", field.path(self.model), fault.what);
                Diagnostic::error("domain/number", message, span).help("change the numbers that it reads")
            }
            FieldError::Arguments { what, .. } => {
                let message = format!("the distribution of `{}` is wrong: {what}", field.path(self.model));
                let ends = info.arguments.first().zip(info.arguments.last());
                let span = ends.map(|(first, last)| first.start..last.end);
                Diagnostic::error("domain/distribution", message, span).help("change its arguments")
            }
            FieldError::Domain { value, domain, .. } => {
                let message = format!("`{}` must be {domain}, but is {}", field.path(self.model), plain(value));
                let help = duration_help(self.model.clock.step, field.domain, info);
                Diagnostic::error("domain/number", message, span)
                    .help(help.unwrap_or_else(|| domain_help(field.domain)))
            }
        };
        Some(match field.of.and_then(|actor| self.row(actor)) {
            Some(row) => diagnostic.note(row, None),
            None => diagnostic,
        })
    }

    /// A note with the row of a table that a member comes from.
    fn row(&self, actor: ActorId) -> Option<String> {
        let is_member = |cohort: &&Cohort| (cohort.first..cohort.first + cohort.size as usize).contains(&actor.index());
        let cohort = self.places.cohorts.iter().find(is_member)?;
        let place = cohort.table.as_ref()?.cell_place(actor.index() - cohort.first, 0);
        Some(format!("{} is the row {place}", quoted(self.model.actors.id(actor))))
    }

    fn support(&mut self, at: usize, argument: usize, value: f64) -> Diagnostic {
        let span = self.settle(at).arguments.get(argument).cloned();
        let field = &self.model.fields[at];
        let (path, domain, value) = (field.path(self.model), field.domain.description(), plain(value));
        let message = format!("`{path}` must be {domain}, but its distribution can give {value}");
        Diagnostic::error("domain/support", message, span).help(domain_help(field.domain))
    }

    fn credit(&mut self, actor: usize, offer: f64, bond: f64) -> Option<Diagnostic> {
        let span = self.places.credits.get(&actor)?.clone();
        if !self.credits_reported.insert(span.start) {
            return None;
        }
        let (who, offer, bond) = (quoted(self.model.actors.ids().text(actor)), plain(offer), plain(bond));
        let message = format!("the credit of {who} for an offer, {offer}, is more than that for a bond, {bond}");
        let help = "an offer is worth at most what a bond is worth";
        Some(Diagnostic::error("domain/credit", message, Some(span)).help(help))
    }

    fn total(&self, gift: usize) -> Diagnostic {
        let after = self.model.instances.partition_point(|instance| instance.first_gift as usize <= gift);
        let instance = &self.model.instances[after.saturating_sub(1)];
        let number = gift - instance.first_gift as usize;
        let span = self.places.gives[instance.commitment.index()].get(number).cloned();
        let largest = crate::model::MAX_TOTAL / 1_000_000;
        let name = quoted(self.model.instance_names.text(after.saturating_sub(1)));
        let message = format!("with {name} all amounts together are more than {largest}");
        Diagnostic::error("limits/total", message, span).help("count in a larger unit, such as thousands")
    }

    fn sign(&self, commitment: usize, key: &str, path: &str, violation: &Violation) -> Option<Diagnostic> {
        let script = self.places.scripts.of(path)?;
        let debtors = self.instances(commitment);
        // The unknown sign of an invalid value, which has been reported, is not a further error.
        let is_doubtful = || self.invalid.any() || debtors.is_empty() || self.lacks_own(&script.expression, commitment);
        if violation.unknown_sign && is_doubtful() {
            return None;
        }
        let message = format!("{} {}", quoted(&self.term(script, violation.node)), violation.reason_in(key));
        let help = match key {
            "as" => "an `as` must not fall as others commit more; put such a condition into `offer` or `while`",
            "while" => {
                "the `while` of a resumable commitment must not become false as others commit more; leave out `resumable`"
            }
            _ => "a `when` must not become false as others commit more; put such a condition into `offer` or `while`",
        };
        let error = Diagnostic::error("monotone/sign", message, None).help(help);
        Some(script.met(violation.node, self.places.scripts.definitions, error))
    }

    fn instances(&self, commitment: usize) -> &'p [Instance] {
        &self.model.instances[self.model.instances_of(CommitmentId::at(commitment))]
    }

    /// Whether a debtor lacks an attribute that an expression reads.
    fn lacks_own(&self, expression: &Expression, commitment: usize) -> bool {
        let (actors, debtors) = (self.model.actors.len(), self.instances(commitment));
        expression.reads().into_iter().any(|quantity| {
            let Quantity::Own(attribute) = quantity else { return false };
            debtors.iter().any(|one| !self.places.has_attribute[attribute.index() * actors + one.debtor.index()])
        })
    }

    /// The text of a node.
    fn term(&self, script: &Script, node: NodeId) -> String {
        let place = script.places.get(node as usize);
        on_one_line(place.and_then(|place| self.reader.source.text().get(place.span.clone())).unwrap_or(""))
    }

    fn rate(&self, shock: usize, highest: f64) -> Option<Diagnostic> {
        let value = (*self.places.rates.get(shock)?)?;
        let place = format!("shocks.{}.rate", self.model.shocks[shock].id);
        Some(wrong_rate(self.reader, value, &place, highest))
    }
}

/// The error of a shock whose rate is negative.
pub(super) fn wrong_rate(reader: &Reader<'_>, value: &Value, place: &str, number: f64) -> Diagnostic {
    let message = format!("`{place}` must be {}, but is {}", Domain::NonNegative.description(), plain(number));
    let error = Diagnostic::error("domain/number", message, Some(value.span.clone()));
    reader.naming_override(value, error.help("a rate is a chance a step, such as `0.05`"))
}

/// The remedy if a field takes a whole number of steps and a duration is not one.
fn duration_help(step: StepLength, domain: Domain, info: &FieldInfo) -> Option<String> {
    let least = match domain {
        Domain::Whole(least) => i64::from(least),
        Domain::Moment => i64::MIN,
        Domain::Any
        | Domain::Unit
        | Domain::Pace
        | Domain::Positive
        | Domain::NonNegative
        | Domain::Amount
        | Domain::Step => return None,
    };
    let text = &info.scripts.first()?.expression.text;
    let tree = syntax::parse(text).ok()?;
    let broken = tree.nodes.iter().find_map(|node| {
        let Form::Duration(number, unit) = node.form else { return None };
        let steps = time_literal::in_steps(number, unit, step)?;
        (libm::trunc(steps).to_bits() != steps.to_bits()).then_some((number, unit, steps, &node.span))
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
pub(super) fn number_draws(model: &mut Model) {
    let drawn = model.fields.iter().enumerate().filter(|(_, field)| matches!(field.source, FieldSource::Draw { .. }));
    let mut paths: Vec<(String, usize)> = drawn.map(|(at, field)| (field.path(model), at)).collect();
    paths.sort_unstable();
    model.draws = Vec::with_capacity(paths.len());
    for (number, (path, at)) in paths.into_iter().enumerate() {
        if let FieldSource::Draw { draw, .. } = &mut model.fields[at].source {
            *draw = DrawId::at(number);
        }
        model.draws.push(path);
    }
}

/// For each gift, the slots that it counts in.
///
/// # Errors
/// If there are too many.
pub(super) fn link_slots(model: &mut Model) -> Result<(), Box<Diagnostic>> {
    let mut by_resource: Vec<Vec<SlotId>> = vec![Vec::new(); model.resources.len()];
    for (at, slot) in model.slots.iter().enumerate() {
        by_resource[slot.resource.index()].push(SlotId::at(at));
    }
    let gives = |commitment: CommitmentId| &model.commitments[commitment.index()].gives;
    let of_one = |at: usize| {
        let commitment = CommitmentId::at(at);
        let pairs: usize = gives(commitment).iter().map(|resource| by_resource[resource.index()].len()).sum();
        model.instances_of(commitment).len().saturating_mul(pairs)
    };
    let work = (0..model.commitments.len()).map(of_one).fold(0, usize::saturating_add);
    if work > limits::SLOT_PAIRS {
        let message =
            format!("{work} pairs of gifts and of quantities that count them, more than {}", limits::SLOT_PAIRS);
        let error = Diagnostic::error("limits/slots", message, None).help("let expressions read fewer groups");
        return Err(Box::new(error));
    }
    let mut starts = Vec::with_capacity(model.gift_count() + 1);
    starts.push(0);
    let mut links = Vec::new();
    for instance in &model.instances {
        for resource in gives(instance.commitment) {
            for &slot in &by_resource[resource.index()] {
                let group = &model.groups[model.slots[slot.index()].group.index()];
                if group.contains(instance.debtor) {
                    links.push(slot);
                }
            }
            starts.push(u32::try_from(links.len()).unwrap_or(u32::MAX));
        }
    }
    let widest = model.commitments.iter().map(|commitment| commitment.gives.len()).max();
    model.gift_slots = GiftSlots::new(starts, links, widest.unwrap_or(0));
    Ok(())
}

/// Records whether anything reads trust or the gap.
pub(super) fn note_needs(model: &mut Model, track_trust: bool) {
    let mut trust = track_trust || model.shocks.iter().any(|shock| !shock.trust.is_empty());
    let mut gap = false;
    for expression in all_expressions(model) {
        for quantity in expression.reads() {
            trust |= quantity.dependency().has_trust();
            gap |= quantity.dependency() == Dependency::Gap;
        }
    }
    model.reads_trust = trust;
    model.reads_gap = gap;
}
