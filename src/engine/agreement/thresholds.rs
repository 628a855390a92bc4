//! Who reacts to what, by thresholds: a comparison of one total with a fixed number turns only when the
//! total crosses that number, so nobody else needs a look. It makes cascades linear (times a logarithm).

use super::super::lists::Lists;
use super::super::view::View;
use crate::model::{
    Amount, CommitmentId, Comparison, Evidence, Expression, InstanceId, Model, Node, NodeId, Promises, Quantity,
    Reader, Scope, SlotId, State,
};

/// A comparison that turns where a total crosses a number. Totals are whole: counts, or millionths.
#[derive(Clone, Copy, Debug)]
struct Threshold {
    /// The least total with which it is passed.
    least: i64,
    instance: InstanceId,
}

/// Totals with the thresholds on them, rising.
#[derive(Clone, Debug, Default)]
struct Ladder {
    steps: Vec<Threshold>,
    /// How many were passed by the total that was announced last.
    passed: usize,
}

impl Ladder {
    /// Announces a new total; the thresholds between it and the one before.
    #[inline]
    fn announce(&mut self, total: i64) -> &[Threshold] {
        let before = self.passed;
        self.passed = self.steps.partition_point(|step| total >= step.least);
        let (low, high) = (before.min(self.passed), before.max(self.passed));
        &self.steps[low..high]
    }
}

/// Whether those who have the thresholds count in the totals: what is a debtor's own does not count for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in super::super) enum Own {
    /// They are not bound, and have no part in the totals.
    Absent,
    /// They are bound, and their own part has to be taken off.
    Counted,
}

/// For a state: the thresholds in the conditions of its conditional commitments, and who must always be looked at.
#[derive(Clone, Debug)]
pub(in super::super) struct Thresholds {
    /// `bound`, by slot.
    bound: Vec<Ladder>,
    /// `parties`, by slot.
    parties: Vec<Ladder>,
    /// `bonds`, by commitment.
    bonds: Vec<Ladder>,
    /// Instances by signal, for all other comparisons.
    others: Lists,
}

/// A comparison in a condition, taken apart.
enum Part {
    /// A total on one side, something fixed on the other.
    Simple { quantity: Quantity, strict: bool, number: NodeId },
    /// Anything else, with what it reads.
    Other(Vec<Quantity>),
}

impl Thresholds {
    pub(in super::super) fn new(view: View<'_>, own: Own) -> Self {
        let View { model, plan, .. } = view;
        let mut this = Self {
            bound: vec![Ladder::default(); model.slots.len()],
            parties: vec![Ladder::default(); model.slots.len()],
            bonds: vec![Ladder::default(); model.commitments.len()],
            others: Lists::default(),
        };
        let mut promises = vec![0_u32; model.actors.len()];
        model.instances.iter().for_each(|instance| promises[instance.debtor.index()] += 1);
        let mut parts: Vec<Option<Vec<Part>>> = Vec::new();
        parts.resize_with(model.commitments.len(), || None);
        let mut others = Vec::new();
        for instance in model.instance_ids().filter(|at| view.world.instance(*at).state == State::Conditional) {
            let declared = &model.instances[instance.index()];
            let Some(when) = &model.commitment_of(instance).when else { continue };
            let parts = parts[declared.commitment.index()].get_or_insert_with(|| take_apart(when));
            let reader = Some(Reader { actor: declared.debtor, instance });
            let scope = Scope { reader, ..view.scope() };
            let is_alone = promises[declared.debtor.index()] == 1;
            for part in parts.iter() {
                let mut watch = |quantity| {
                    let signals = plan.signals.of(quantity, declared.debtor);
                    others.extend(signals.into_iter().flatten().map(|signal| (signal, instance.0)));
                };
                match part {
                    Part::Other(quantities) => quantities.iter().copied().for_each(watch),
                    Part::Simple { quantity, strict, number } => {
                        let counted = |amount: i64| if own == Own::Counted { amount } else { 0 };
                        let at = when.number_at(*number, &scope).ok();
                        // Of amounts and parties, what the debtor has bound otherwise would have to be taken off.
                        let found = if let Quantity::Bound(slot) = *quantity
                            && is_alone
                        {
                            at.and_then(|at| least_amount(at, *strict))
                                .map(|least| (&mut this.bound[slot.index()], least, own_amount(view, instance, slot)))
                        } else if let Quantity::Parties(slot) = *quantity
                            && is_alone
                        {
                            at.and_then(|at| least_count(at, *strict)).map(|least| {
                                let own = i64::from(counts_in(model, instance, slot));
                                (&mut this.parties[slot.index()], least, own)
                            })
                        } else if let Quantity::Bonds(Promises { commitment: c, instance: None }) = *quantity {
                            at.and_then(|at| least_count(at, *strict))
                                .map(|least| (&mut this.bonds[c.index()], least, i64::from(declared.commitment == c)))
                        } else {
                            None
                        };
                        match found {
                            Some((ladder, least, own)) => {
                                let least = least.saturating_add(counted(own));
                                ladder.steps.push(Threshold { least, instance });
                            }
                            None => watch(*quantity),
                        }
                    }
                }
            }
        }
        this.others = Lists::new(plan.signals.tick as usize + 1, others);
        for ladder in this.bound.iter_mut().chain(&mut this.parties).chain(&mut this.bonds) {
            ladder.steps.sort_by_key(|step| step.least);
        }
        this.announce_all(model, &view.world.evidence);
        this
    }

    /// Brings every announced total up to date.
    pub(super) fn announce_all(&mut self, model: &Model, evidence: &Evidence) {
        for (slot, ladder) in self.bound.iter_mut().enumerate() {
            ladder.announce(evidence.bound(model, SlotId::at(slot), None).0);
        }
        for (slot, ladder) in self.parties.iter_mut().enumerate() {
            ladder.announce(i64::from(evidence.parties(model, SlotId::at(slot), None)));
        }
        for (commitment, ladder) in self.bonds.iter_mut().enumerate() {
            ladder.announce(i64::from(evidence.bonds(model, Promises::all(CommitmentId::at(commitment)), None)));
        }
    }

    /// Announces the totals that a commitment counts in; `turn` is called for those whose comparisons may have turned.
    #[inline]
    pub(in super::super) fn announce(
        &mut self,
        view: View<'_>,
        evidence: &Evidence,
        instance: InstanceId,
        mut turn: impl FnMut(InstanceId),
    ) {
        let model = view.model;
        let commitment = model.instances[instance.index()].commitment;
        let signals = view.plan.signals;
        let mut others = |signal| self.others.get(signal).iter().for_each(|&other| turn(InstanceId(other)));
        others(signals.commitment(commitment));
        for gift in model.gifts(instance) {
            model.slots_of(instance, gift.number).iter().for_each(|slot| others(slot.0));
        }
        let ladder = &mut self.bonds[commitment.index()];
        if !ladder.steps.is_empty() {
            let total = i64::from(evidence.bonds(model, Promises::all(commitment), None));
            ladder.announce(total).iter().for_each(|step| turn(step.instance));
        }
        for gift in model.gifts(instance) {
            for &slot in model.slots_of(instance, gift.number) {
                let ladder = &mut self.bound[slot.index()];
                if !ladder.steps.is_empty() {
                    let total = evidence.bound(model, slot, None).0;
                    ladder.announce(total).iter().for_each(|step| turn(step.instance));
                }
                let ladder = &mut self.parties[slot.index()];
                if !ladder.steps.is_empty() {
                    let total = i64::from(evidence.parties(model, slot, None));
                    ladder.announce(total).iter().for_each(|step| turn(step.instance));
                }
            }
        }
    }
}

/// The least count that reaches (strictly: exceeds) a number; none where that is no sensible count.
fn least_count(at: f64, strict: bool) -> Option<i64> {
    // Whole numbers up to this are exact, and no count comes near.
    let at = at.clamp(-9e15, 9e15);
    #[expect(clippy::cast_possible_truncation, reason = "whole, and inside the bounds above")]
    let least = if strict { libm::floor(at) as i64 + 1 } else { libm::ceil(at) as i64 };
    (!at.is_nan()).then_some(least)
}

/// The least total, in millionths, whose number of units reaches (strictly: exceeds) a number.
fn least_amount(at: f64, strict: bool) -> Option<i64> {
    let passes = |total: i64| {
        let units = Amount(total).to_units();
        if strict { units > at } else { units >= at }
    };
    // Beyond the largest total there is nothing to find, and rounding could hide the turn.
    if !(-1e9..=1e9).contains(&at) {
        return None;
    }
    let mut least = Amount::from_units(at).0;
    while !passes(least) {
        least += 1;
    }
    while passes(least - 1) {
        least -= 1;
    }
    Some(least)
}

/// Whether an instance counts in the totals of a slot.
fn counts_in(model: &Model, instance: InstanceId, slot: SlotId) -> bool {
    model.gifts(instance).any(|gift| model.slots_of(instance, gift.number).contains(&slot))
}

/// What an instance gives of what a slot counts.
fn own_amount(view: View<'_>, instance: InstanceId, slot: SlotId) -> i64 {
    let View { model, setup, .. } = view;
    let counted = model.gifts(instance).filter(|gift| model.slots_of(instance, gift.number).contains(&slot));
    counted.map(|gift| setup.gives[gift.position].0).sum()
}

/// The comparisons of a condition.
#[expect(clippy::wildcard_enum_match_arm, reason = "no other operation has conditions in it")]
fn take_apart(when: &Expression) -> Vec<Part> {
    let mut parts = Vec::new();
    let mut seen = vec![false; when.nodes.len()];
    let mut stack = vec![when.root()];
    while let Some(node) = stack.pop() {
        if std::mem::replace(&mut seen[node as usize], true) {
            continue;
        }
        match when.nodes[node as usize] {
            Node::Compare(comparison, a, b) => parts.push(part(when, comparison, a, b)),
            Node::And(a, b) | Node::Or(a, b) => stack.extend([a, b]),
            Node::Not(a) => stack.push(a),
            Node::If(c, a, b) => stack.extend([c, a, b]),
            _ => {}
        }
    }
    parts
}

fn part(when: &Expression, comparison: Comparison, a: NodeId, b: NodeId) -> Part {
    let (of_a, of_b) = (reads(when, a), reads(when, b));
    let total = |node: NodeId| {
        let Node::Read(quantity) = when.nodes[node as usize] else { return None };
        matches!(quantity, Quantity::Bound(_) | Quantity::Parties(_) | Quantity::Bonds(_)).then_some(quantity)
    };
    // `q >= v` and `q < v` turn where `q` reaches `v`, `q > v` and `q <= v` where it exceeds it.
    let reaches = |left: bool| match comparison {
        Comparison::GreaterOrEqual | Comparison::Less => Some(left),
        Comparison::Greater | Comparison::LessOrEqual => Some(!left),
        Comparison::Equal | Comparison::NotEqual => None,
    };
    match (total(a), total(b)) {
        (Some(quantity), None) if of_b.is_empty() => {
            if let Some(reaches) = reaches(true) {
                return Part::Simple { quantity, strict: !reaches, number: b };
            }
        }
        (None, Some(quantity)) if of_a.is_empty() => {
            if let Some(reaches) = reaches(false) {
                return Part::Simple { quantity, strict: !reaches, number: a };
            }
        }
        _ => {}
    }
    Part::Other([of_a, of_b].concat())
}

/// The evidence that a number reads.
fn reads(when: &Expression, node: NodeId) -> Vec<Quantity> {
    when.reads_at(node).into_iter().filter(|quantity| quantity.is_evidence()).collect()
}
