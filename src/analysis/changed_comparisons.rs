//! Which comparisons of a condition an event turned, how one that stood in the way moved over a run, and where two runs
//! of a scenario part that differ in a number.

use super::waits::comparisons;
use super::wording;
use crate::engine::Run;
use crate::model::{Event, EventKind, Expression, Model, Node, NodeId, Payload, Reader, Scope, Seq, Setup, World};
use crate::trace::States;

/// A comparison whose truth differs between two states.
#[derive(Clone, Debug, PartialEq)]
pub struct ChangedComparison {
    /// The comparison as source text.
    pub text: String,
    /// Its two sides in the first state.
    pub first: (f64, f64),
    /// Its two sides in the second state.
    pub second: (f64, f64),
    /// Whether it holds in the second state.
    pub holds_in_second: bool,
}

/// How a comparison on which a condition failed at the end moved over a run.
#[derive(Clone, Debug, PartialEq)]
pub struct ComparisonHistory {
    /// The comparison as source text.
    pub text: String,
    /// The least and the greatest value of its left side over the run, or of its right side if the left side is
    /// constant.
    pub range: (f64, f64),
    /// The values of its two sides at the end.
    pub last: (f64, f64),
    /// The step at which the two sides were closest to each other while the comparison failed, and their values then.
    pub nearest: (u32, (f64, f64)),
    /// The latest event that changed one of its sides.
    pub moved_by: Option<Seq>,
}

/// The condition that causes events like this one, and the reader in whose name it is evaluated.
#[must_use]
pub fn condition_of(model: &Model, event: Event) -> Option<(&Expression, Option<Reader>)> {
    match event.payload() {
        Payload::Outcome(outcome) => Some((&model.outcomes[outcome.index()].when, None)),
        Payload::Shock(shock) => Some((model.shocks[shock.index()].trigger.condition()?, None)),
        Payload::Move(which) => Some((model.moves[which.index()].trigger.condition()?, None)),
        Payload::Instance(instance) => {
            let (clause, _) = event.kind().clause()?;
            let condition = model.commitment_of(instance).clause(clause)?;
            let reader = Reader { actor: model.instances[instance.index()].debtor, instance };
            Some((condition, Some(reader)))
        }
        Payload::Nothing
        | Payload::Draw { .. }
        | Payload::Meeting(_)
        | Payload::Opinion { .. }
        | Payload::Pair { .. }
        | Payload::Gift { .. }
        | Payload::Package { .. }
        | Payload::Ending(_) => None,
    }
}

/// A state with its model and setup.
pub type Situation<'a> = (&'a Model, &'a Setup, &'a World);

fn scope((model, setup, world): Situation<'_>, reader: Option<Reader>) -> Scope<'_> {
    Scope { model, setup, world, evidence: &world.evidence, reader }
}

fn sides(expression: &Expression, (left, right): (NodeId, NodeId), scope: &Scope<'_>) -> (f64, f64) {
    let number = |side| expression.number_at(side, scope).unwrap_or(f64::NAN);
    (number(left), number(right))
}

/// The comparisons of an event's condition that are true in one of two states and false in the other.
///
/// # Panics
/// Never: the size of an expression is limited.
#[must_use]
pub fn changed_comparisons(first: Situation<'_>, second: Situation<'_>, event: Event) -> Vec<ChangedComparison> {
    let Some((expression, reader)) = condition_of(first.0, event) else { return Vec::new() };
    let Some((other, _)) = condition_of(second.0, event) else { return Vec::new() };
    if expression.nodes.len() != other.nodes.len() {
        return Vec::new();
    }
    let scopes = [first, second].map(|situation| scope(situation, reader));
    let mut changed = Vec::new();
    for (at, node) in expression.nodes.iter().enumerate() {
        let Node::Compare(comparison, left, right) = *node else { continue };
        let node = NodeId::try_from(at).expect("the size of an expression is limited");
        let [here, there] = scopes.map(|scope| expression.truth_at(node, &scope).ok());
        if let (Some(here), Some(there)) = (here, there)
            && here != there
        {
            let [first, second] = scopes.map(|scope| sides(expression, (left, right), &scope));
            let text = wording::written_comparison(scopes[0].model, expression, (left, right), comparison);
            changed.push(ChangedComparison { text, first, second, holds_in_second: there });
        }
    }
    changed
}

/// The largest number of comparisons of one condition that are tracked over a run.
const FOLLOWED: usize = 12;

/// How the comparisons on which a condition fails at the end of a run moved over it, in source order; at most 12.
#[must_use]
pub fn failing_comparison_histories(
    states: &mut States<'_>,
    expression: &Expression,
    reader: Option<Reader>,
) -> Vec<ComparisonHistory> {
    let mut last = None;
    let mut followed: Vec<Followed> = comparisons(expression)
        .into_iter()
        .filter_map(|place| {
            let Node::Compare(_, left, right) = expression.nodes[place.node as usize] else { return None };
            Some(Followed::new(place.node, place.wanted, (left, right)))
        })
        .collect();
    states.before(0);
    let mut seq: Seq = 0;
    while let Some(situation) = states.advance() {
        let scope = scope(situation, reader);
        followed.iter_mut().for_each(|one| one.observe(expression, &scope, seq));
        last = Some(situation.0);
        seq += 1;
    }
    let Some(model) = last else { return Vec::new() };
    let stood = followed.into_iter().filter(|one| one.stands && one.last.is_some()).take(FOLLOWED);
    stood.filter_map(|one| one.into_history(model, expression)).collect()
}

/// A comparison that is tracked over a run.
struct Followed {
    node: NodeId,
    wanted: bool,
    operands: (NodeId, NodeId),
    left: (f64, f64),
    right: (f64, f64),
    last: Option<(f64, f64)>,
    nearest: Option<(u32, (f64, f64))>,
    moved_by: Option<Seq>,
    stands: bool,
}

impl Followed {
    fn new(node: NodeId, wanted: bool, operands: (NodeId, NodeId)) -> Self {
        let nothing = (f64::INFINITY, f64::NEG_INFINITY);
        Self {
            node,
            wanted,
            operands,
            left: nothing,
            right: nothing,
            last: None,
            nearest: None,
            moved_by: None,
            stands: false,
        }
    }

    fn observe(&mut self, expression: &Expression, scope: &Scope<'_>, seq: Seq) {
        let Ok(truth) = expression.truth_at(self.node, scope) else { return };
        self.stands = truth != self.wanted;
        let (left, right) = sides(expression, self.operands, scope);
        let bits = |(left, right): (f64, f64)| (left.to_bits(), right.to_bits());
        if self.last.map(bits) != Some(bits((left, right))) {
            self.moved_by = self.last.and(Some(seq)).or(self.moved_by);
            self.last = Some((left, right));
            self.left = (self.left.0.min(left), self.left.1.max(left));
            self.right = (self.right.0.min(right), self.right.1.max(right));
        }
        let distance = |(left, right): (f64, f64)| (left - right).abs();
        let is_nearer = |(_, known): &(u32, (f64, f64))| distance((left, right)) < distance(*known);
        if self.stands && self.nearest.as_ref().is_none_or(is_nearer) {
            self.nearest = Some((scope.world.step, (left, right)));
        }
    }

    fn into_history(self, model: &Model, expression: &Expression) -> Option<ComparisonHistory> {
        let Node::Compare(comparison, left, right) = expression.nodes[self.node as usize] else { return None };
        let text = wording::written_comparison(model, expression, (left, right), comparison);
        let range = if self.left.0 < self.left.1 || self.right.0 >= self.right.1 { self.left } else { self.right };
        Some(ComparisonHistory { text, range, last: self.last?, nearest: self.nearest?, moved_by: self.moved_by })
    }
}

/// The first event that only one of two runs has.
#[derive(Clone, Debug, PartialEq)]
pub struct Divergence {
    /// Whether the second run has the event.
    pub in_second: bool,
    /// The position of the event in that run's log.
    pub seq: usize,
    /// The comparisons of the event's condition that are true in one run and false in the other.
    pub changed: Vec<ChangedComparison>,
}

/// The kind of an event and the ids in it, without amounts.
type Identity = (EventKind, u32, u32);

fn identity(event: Event) -> Identity {
    let (first, second) = match event.payload() {
        Payload::Nothing | Payload::Ending(_) => (0, 0),
        Payload::Draw { draw, .. } => (draw.0, 0),
        Payload::Meeting(meeting) | Payload::Package { meeting, .. } => (meeting.0, 0),
        Payload::Shock(shock) => (shock.0, 0),
        Payload::Move(which) => (which.0, 0),
        Payload::Opinion { actor, issue, .. } => (actor.0, issue.0),
        Payload::Pair { truster, trusted, .. } => (truster.0, trusted.0),
        Payload::Instance(instance) => (instance.0, 0),
        Payload::Gift { instance, gift, .. } => (instance.0, gift),
        Payload::Outcome(outcome) => (outcome.0, 0),
    };
    (event.kind(), first, second)
}

/// Whether an event only changes a number, as opinion updates and draws do.
fn is_drift(event: Event) -> bool {
    matches!(event, Event::Stance { .. } | Event::Anchor { .. } | Event::Trust { .. } | Event::Drawn { .. })
}

/// Compares two runs, each given with its model, event by event, ignoring stances, anchors, trust and draws. Returns `None`
/// if neither run has an event that the other lacks.
#[must_use]
pub fn divergence(first: &(Model, Run), second: &(Model, Run)) -> Option<Divergence> {
    let told = |(_, run): &(Model, Run)| -> Vec<(usize, u32, Identity)> {
        let entries = run.log.iter().enumerate();
        entries.filter(|(_, e)| !is_drift(e.event)).map(|(at, e)| (at, e.step, identity(e.event))).collect()
    };
    let (one, two) = (told(first), told(second));
    let same = one.iter().zip(&two).take_while(|(a, b)| (a.1, a.2) == (b.1, b.2)).count();
    let in_second = match (one.get(same), two.get(same)) {
        (None, None) => return None,
        (Some(_), None) => false,
        (None, Some(_)) => true,
        (Some(a), Some(b)) if a.1 != b.1 => b.1 < a.1,
        // Both events are in one step: decide which of the two the other run lacks.
        (Some(a), Some(_)) => two[same..].iter().take_while(|b| b.1 == a.1).any(|b| b.2 == a.2),
    };
    let (has, lacks) = if in_second { (&two, &one) } else { (&one, &two) };
    let (seq, step, _) = has[same];
    let sides = if in_second { [second, first] } else { [first, second] };
    let ends = [seq, lacks.get(same).map_or(sides[1].1.log.len(), |event| event.0)];
    let event = sides[0].1.log[seq].event;
    let mut states = sides.map(|(model, run)| States::new(vec![(0, model)], run));
    let [one, two] = &mut states;
    let mut changed = changed_comparisons(one.in_step(step, ends[0]), two.in_step(step, ends[1]), event);
    if in_second {
        for comparison in &mut changed {
            std::mem::swap(&mut comparison.first, &mut comparison.second);
            comparison.holds_in_second = !comparison.holds_in_second;
        }
    }
    Some(Divergence { in_second, seq, changed })
}
