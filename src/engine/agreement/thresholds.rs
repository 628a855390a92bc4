//! An index of reactions by thresholds: a comparison of one total with a fixed number changes only when the total
//! crosses that number, so other instances need not be evaluated. It makes cascades linear up to a logarithm.

use super::super::collections::{Lists, make_room};
use super::super::decision::View;
use super::super::signals::Signal;
use crate::model::{
    Amount, CommitmentId, Comparison, Evidence, Expression, InstanceId, Model, Node, NodeId, ParameterId, Promises,
    Quantity, Reader, Scope, SlotId, State, Values,
};

/// With at least this many conditional commitments, their thresholds are sorted before they react to one another.
pub(in super::super) const CROWD: usize = 256;

/// A comparison whose truth changes when a total crosses a number. Totals are integers: counts, or millionths.
#[derive(Clone, Copy, Debug)]
struct Threshold {
    /// The least total that passes it.
    least: i64,
    instance: InstanceId,
}

/// The thresholds on one total, in ascending order.
#[derive(Clone, Debug, Default)]
struct Ladder {
    steps: Vec<Threshold>,
    /// The number of thresholds passed by the last announced total.
    passed: usize,
}

impl Ladder {
    /// Sets a new total and returns the thresholds between it and the former one.
    #[inline]
    fn announce(&mut self, total: i64) -> &[Threshold] {
        let before = self.passed;
        let is_passed = |step: &Threshold| total >= step.least;
        // A total changes little at a time, so the search begins where it was, in steps that double.
        let (mut low, mut high, mut width) = (before, before, 1);
        while self.steps.get(high).is_some_and(is_passed) {
            (low, high, width) = (high + 1, high + width, width * 2);
        }
        while low > 0 && !is_passed(&self.steps[low - 1]) {
            (high, low, width) = (low - 1, low.saturating_sub(width), width * 2);
        }
        let high = high.min(self.steps.len());
        self.passed = low + self.steps[low..high].partition_point(is_passed);
        &self.steps[before.min(self.passed)..before.max(self.passed)]
    }
}

/// Whether the owners of the thresholds contribute to the totals. A debtor's own contribution does not count for
/// itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in super::super) enum Own {
    /// They are not bound and contribute nothing.
    Absent,
    /// They are bound, and their own contribution must be subtracted.
    Counted,
}

/// The thresholds in the conditions of the conditional commitments of a state, and the instances that must always be
/// evaluated.
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

/// The totals that there would be if every commitment that may be bound were.
struct MostTotals {
    bound: Vec<i64>,
    parties: Vec<i64>,
    bonds: Vec<i64>,
}

/// The shape of a comparison in a condition.
enum ComparisonForm {
    /// A total on one side, a fixed number on the other.
    Simple { quantity: Quantity, strict: bool, number: NodeId },
    /// One total within sums, products and the like of fixed numbers: the truth changes at most once as the total
    /// rises.
    Single { quantity: Quantity, node: NodeId },
    /// Any other shape, with the quantities that it reads.
    Other(Vec<Quantity>),
}

/// A total that can have thresholds.
#[derive(Clone, Copy)]
enum Total {
    Bound(SlotId),
    Parties(SlotId),
    Bonds(CommitmentId),
}

impl Total {
    fn of(quantity: Quantity) -> Option<Self> {
        if let Quantity::Bound(slot) = quantity {
            Some(Self::Bound(slot))
        } else if let Quantity::Parties(slot) = quantity {
            Some(Self::Parties(slot))
        } else if let Quantity::Bonds(Promises { commitment, instance: None }) = quantity {
            Some(Self::Bonds(commitment))
        } else {
            None
        }
    }
}

/// The largest number of different own contributions of a debtor for which thresholds are computed.
const OWN_PARTS: usize = 8;

impl Thresholds {
    pub(in super::super) fn new(view: View<'_>, own: Own) -> Self {
        let model = view.model;
        let mut this = Self {
            bound: vec![Ladder::default(); model.slots.len()],
            parties: vec![Ladder::default(); model.slots.len()],
            bonds: vec![Ladder::default(); model.commitments.len()],
            others: Lists::default(),
        };
        let debtors = Debtors::new(model);
        let mut parts: Vec<Option<Vec<ComparisonForm>>> = Vec::new();
        parts.resize_with(model.commitments.len(), || None);
        let (mut others, mut own_parts) = (Vec::new(), Vec::new());
        for instance in model.instance_ids().filter(|at| view.world.instance(*at).state == State::Conditional) {
            let Some(when) = &model.commitment_of(instance).when else { continue };
            let commitment = model.instances[instance.index()].commitment;
            let seeker = Seeker { view, own, when, instance, promises: debtors.of(model, instance) };
            for part in parts[commitment.index()].get_or_insert_with(|| take_apart(when)).iter() {
                if !this.add(&seeker, part, &mut own_parts) {
                    let watched = match part {
                        ComparisonForm::Other(quantities) => &quantities[..],
                        ComparisonForm::Simple { quantity, .. } | ComparisonForm::Single { quantity, .. } => {
                            std::slice::from_ref(quantity)
                        }
                    };
                    others.extend(watched.iter().flat_map(|&quantity| seeker.signals(quantity)));
                }
            }
        }
        this.others = Lists::new(view.plan.signals.tick as usize + 1, others);
        for ladder in this.bound.iter_mut().chain(&mut this.parties).chain(&mut this.bonds) {
            ladder.steps.sort_by_key(|step| step.least);
        }
        this.announce_all(model, &view.world.evidence);
        this
    }

    /// Adds the thresholds of a comparison. Returns `false` if it has none and must be evaluated whenever its evidence
    /// changes.
    fn add(&mut self, seeker: &Seeker<'_>, part: &ComparisonForm, own: &mut Vec<i64>) -> bool {
        let (quantity, least) = match *part {
            ComparisonForm::Simple { quantity, strict, number } => {
                (quantity, seeker.least_of(quantity, strict, number))
            }
            ComparisonForm::Single { quantity, node } => (quantity, seeker.turn_of(quantity, node)),
            ComparisonForm::Other(_) => return false,
        };
        let Some(total) = Total::of(quantity) else { return false };
        let ladder = match total {
            Total::Bound(slot) => &mut self.bound[slot.index()],
            Total::Parties(slot) => &mut self.parties[slot.index()],
            Total::Bonds(commitment) => &mut self.bonds[commitment.index()],
        };
        if !matches!(least, Turn::At(_) | Turn::Never) || !seeker.own_parts(total, own) {
            return false;
        }
        if let Turn::At(least) = least {
            let instance = seeker.instance;
            make_room(&mut ladder.steps);
            ladder.steps.extend(own.iter().map(|own| Threshold { least: least.saturating_add(*own), instance }));
        }
        true
    }

    /// Whether few instances must be evaluated at every change of evidence.
    pub(in super::super) fn are_sharp(&self) -> bool {
        self.others.len() <= CROWD
    }

    /// Whether the condition of every commitment is one comparison with a threshold, and holds once a total has reached that.
    #[expect(clippy::wildcard_enum_match_arm, reason = "only a comparison has a threshold")]
    pub(in super::super) fn are_whole_conditions(&self, model: &Model) -> bool {
        let is_whole = |when: &Expression| match when.nodes[when.root() as usize] {
            Node::Compare(comparison, a, b) => {
                matches!(part(when, when.root(), comparison, a, b), ComparisonForm::Simple { .. })
            }
            _ => false,
        };
        // With several commitments, a debtor may contribute to the total that it sees.
        let [commitment] = &model.commitments[..] else { return false };
        self.others.len() == 0 && commitment.when.as_ref().is_some_and(is_whole)
    }

    /// Whether no comparison of the conditional commitments can change, however many of them are bound: those whose
    /// condition does not hold will not agree. `false` if that is not known.
    pub(in super::super) fn are_out_of_reach(&self, view: View<'_>) -> bool {
        let View { model, plan, world, .. } = view;
        // With several commitments, what a debtor contributes depends on which of its own are bound.
        if model.commitments.len() > 1 || plan.is_graded || self.others.len() > 0 {
            return false;
        }
        let evidence = &world.evidence;
        let mut most = MostTotals {
            bound: self.slots(|slot| evidence.bound(model, slot, None).0),
            parties: self.slots(|slot| evidence.parties(model, slot, None).into()),
            bonds: self
                .bonds
                .iter()
                .map(|_| evidence.bonds(model, Promises::all(CommitmentId(0)), None).into())
                .collect(),
        };
        for instance in view.open() {
            most.bonds.iter_mut().for_each(|bonds| *bonds += 1);
            for gift in model.gifts(instance) {
                let amount = view.setup.gives[gift.position].0;
                for slot in model.slots_of(instance, gift.number) {
                    most.bound[slot.index()] = most.bound[slot.index()].saturating_add(amount);
                    most.parties[slot.index()] += 1;
                }
            }
        }
        let is_conditional = |at: InstanceId| world.instance(at).state == State::Conditional;
        let all = |ladders: &[Ladder], most: &[i64], own: &dyn Fn(InstanceId, usize) -> i64| {
            ladders.iter().zip(most).enumerate().all(|(total, (ladder, &most))| {
                let within = ladder.steps[ladder.passed..].iter().take_while(|step| step.least <= most);
                let mut within = within.filter(|step| is_conditional(step.instance));
                within.all(|step| most - own(step.instance, total) < step.least)
            })
        };
        all(&self.bonds, &most.bonds, &|_, _| 1)
            && all(&self.parties, &most.parties, &|at, slot| counts_in(model, at, SlotId::at(slot)).into())
            && all(&self.bound, &most.bound, &|at, slot| own_amount(view, at, SlotId::at(slot)))
    }

    fn slots(&self, total: impl Fn(SlotId) -> i64) -> Vec<i64> {
        (0..self.bound.len()).map(|slot| total(SlotId::at(slot))).collect()
    }

    /// Updates every announced total.
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

    /// Announces the totals to which a commitment contributes. Calls `turn` for the instances whose comparisons may
    /// have changed, and returns the number of calls.
    #[inline]
    pub(in super::super) fn announce(
        &mut self,
        view: View<'_>,
        evidence: &Evidence,
        instance: InstanceId,
        mut turn: impl FnMut(InstanceId),
    ) -> u64 {
        let model = view.model;
        let commitment = model.instances[instance.index()].commitment;
        let signals = view.plan.signals;
        let mut told = 0;
        let mut tell = |other| {
            told += 1;
            turn(other);
        };
        let mut others = |signal| self.others.get(signal).iter().for_each(|&other| tell(InstanceId(other)));
        others(signals.commitment(commitment));
        for gift in model.gifts(instance) {
            model.slots_of(instance, gift.number).iter().for_each(|slot| others(slot.0));
        }
        let ladder = &mut self.bonds[commitment.index()];
        if !ladder.steps.is_empty() {
            let total = i64::from(evidence.bonds(model, Promises::all(commitment), None));
            ladder.announce(total).iter().for_each(|step| tell(step.instance));
        }
        for gift in model.gifts(instance) {
            for &slot in model.slots_of(instance, gift.number) {
                let ladder = &mut self.bound[slot.index()];
                if !ladder.steps.is_empty() {
                    let total = evidence.bound(model, slot, None).0;
                    ladder.announce(total).iter().for_each(|step| tell(step.instance));
                }
                let ladder = &mut self.parties[slot.index()];
                if !ladder.steps.is_empty() {
                    let total = i64::from(evidence.parties(model, slot, None));
                    ladder.announce(total).iter().for_each(|step| tell(step.instance));
                }
            }
        }
        told
    }
}

/// The total at which a comparison changes as an observed total rises.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Turn {
    /// It changes at this total.
    At(i64),
    /// It never changes.
    Never,
    /// Unknown.
    Unknown,
}

impl From<Option<i64>> for Turn {
    fn from(least: Option<i64>) -> Self {
        least.map_or(Self::Unknown, Self::At)
    }
}

/// Whether thresholds have to be found by bisection, so that a short cascade is faster without them.
pub(in super::super) fn need_bisection(model: &Model) -> bool {
    let conditions = model.commitments.iter().filter_map(|commitment| commitment.when.as_ref());
    conditions.flat_map(take_apart).any(|part| matches!(part, ComparisonForm::Single { .. }))
}

/// The instances of each debtor; none where each has one, since there is only one commitment.
struct Debtors(Option<Lists>);

impl Debtors {
    fn new(model: &Model) -> Self {
        let debtors = model.instances.iter().map(|instance| instance.debtor.0);
        Self((model.commitments.len() > 1).then(|| Lists::numbered(model.actors.len(), debtors)))
    }

    fn of(&self, model: &Model, instance: InstanceId) -> &[u32] {
        self.0.as_ref().map_or(&[], |lists| lists.get(model.instances[instance.index()].debtor.0))
    }
}

/// Computes the thresholds in the condition of an instance.
struct Seeker<'a> {
    view: View<'a>,
    own: Own,
    when: &'a Expression,
    instance: InstanceId,
    /// All instances of its debtor, if it has more than this one.
    promises: &'a [u32],
}

impl<'a> Seeker<'a> {
    fn scope(&self) -> Scope<'a> {
        let actor = self.view.model.instances[self.instance.index()].debtor;
        Scope { reader: Some(Reader { actor, instance: self.instance }), ..self.view.scope() }
    }

    fn signals(&self, quantity: Quantity) -> impl Iterator<Item = (Signal, u32)> + use<> {
        let actor = self.view.model.instances[self.instance.index()].debtor;
        let instance = self.instance.0;
        self.view.plan.signals.of(quantity, actor).map(move |signal| (signal, instance))
    }

    /// The least total that reaches (strictly: exceeds) a fixed number.
    fn least_of(&self, quantity: Quantity, strict: bool, number: NodeId) -> Turn {
        let Ok(at) = self.when.number_at(number, &self.scope()) else { return Turn::Unknown };
        if let Quantity::Bound(_) = quantity { least_amount(at, strict).into() } else { least_count(at, strict).into() }
    }

    /// The change of a comparison that changes at most once, found by bisection.
    fn turn_of(&self, quantity: Quantity, node: NodeId) -> Turn {
        let scope = self.scope();
        let holds = |total: i64| {
            let seen = if let Quantity::Bound(_) = quantity { Amount(total).to_units() } else { count(total) };
            self.when.truth_at(node, &TrialScope { scope, quantity, value: seen }).ok()
        };
        let most = if let Quantity::Bound(_) = quantity { MOST } else { i64::from(u32::MAX) };
        let (Some(first), Some(last)) = (holds(0), holds(most)) else { return Turn::Unknown };
        if first == last {
            return Turn::Never;
        }
        let (mut low, mut high) = (0, most);
        while high - low > 1 {
            let middle = low + (high - low) / 2;
            let Some(now) = holds(middle) else { return Turn::Unknown };
            if now == first { low = middle } else { high = middle }
        }
        Turn::At(high)
    }

    /// The possible own contributions of the debtor to a total, which are subtracted before the condition sees it, in
    /// `parts`. Returns `false` if there are too many.
    ///
    /// When the debtor itself binds another commitment, the total and its own contribution rise together, and the
    /// observed total stays.
    fn own_parts(&self, total: Total, parts: &mut Vec<i64>) -> bool {
        parts.clear();
        let View { model, world, .. } = self.view;
        let own = |of: i64| if self.own == Own::Counted { of } else { 0 };
        let others = self.promises.iter().map(|&at| InstanceId(at)).filter(|&at| at != self.instance);
        let is_bound = |at: InstanceId| world.evidence.standing(at).bound;
        match total {
            Total::Bound(slot) => {
                parts.push(own(own_amount(self.view, self.instance, slot)));
                for other in others {
                    let amount = own_amount(self.view, other, slot);
                    if is_bound(other) {
                        parts.iter_mut().for_each(|part| *part = part.saturating_add(amount));
                    } else if amount > 0 {
                        let more: Vec<i64> = parts.iter().map(|part| part.saturating_add(amount)).collect();
                        parts.extend(more);
                        parts.sort_unstable();
                        parts.dedup();
                    }
                    if parts.len() > OWN_PARTS {
                        return false;
                    }
                }
            }
            Total::Parties(slot) => {
                let counted = |at: InstanceId| counts_in(model, at, slot);
                let is_party = self.own == Own::Counted && counted(self.instance)
                    || others.clone().any(|at| is_bound(at) && counted(at));
                let may_be = others.clone().any(counted);
                parts.extend(i64::from(is_party)..=i64::from(is_party || may_be));
            }
            Total::Bonds(commitment) => {
                let of_it = model.instances[self.instance.index()].commitment == commitment;
                parts.push(own(i64::from(of_it)));
            }
        }
        true
    }
}

/// Values in which one total is replaced by a trial value.
struct TrialScope<'a> {
    scope: Scope<'a>,
    quantity: Quantity,
    value: f64,
}

impl Values for TrialScope<'_> {
    fn parameter(&self, parameter: ParameterId) -> f64 {
        self.scope.parameter(parameter)
    }

    fn read(&self, quantity: Quantity) -> f64 {
        if quantity == self.quantity { self.value } else { self.scope.read(quantity) }
    }
}

/// Larger than any total.
const MOST: i64 = i64::MAX / 2;

#[expect(clippy::cast_precision_loss, reason = "counts are far smaller than 2^52")]
fn count(total: i64) -> f64 {
    total as f64
}

/// The least count that reaches (strictly: exceeds) a number; `None` if that is not a sensible count.
fn least_count(at: f64, strict: bool) -> Option<i64> {
    // Integers up to this are exact, and no count comes near.
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
    // Above the largest total there is nothing to find, and rounding could hide the change.
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

/// The amount that an instance contributes to a slot.
fn own_amount(view: View<'_>, instance: InstanceId, slot: SlotId) -> i64 {
    let View { model, setup, .. } = view;
    let counted = model.gifts(instance).filter(|gift| model.slots_of(instance, gift.number).contains(&slot));
    counted.map(|gift| setup.gives[gift.position].0).sum()
}

/// The comparisons of a condition.
#[expect(clippy::wildcard_enum_match_arm, reason = "no other operation has conditions in it")]
fn take_apart(when: &Expression) -> Vec<ComparisonForm> {
    let mut parts = Vec::new();
    let mut seen = vec![false; when.nodes.len()];
    let mut stack = vec![when.root()];
    while let Some(node) = stack.pop() {
        if std::mem::replace(&mut seen[node as usize], true) {
            continue;
        }
        match when.nodes[node as usize] {
            Node::Compare(comparison, a, b) => parts.push(part(when, node, comparison, a, b)),
            Node::And(a, b) | Node::Or(a, b) => stack.extend([a, b]),
            Node::Not(a) => stack.push(a),
            Node::If(c, a, b) => stack.extend([c, a, b]),
            _ => {}
        }
    }
    parts
}

fn part(when: &Expression, node: NodeId, comparison: Comparison, a: NodeId, b: NodeId) -> ComparisonForm {
    let (of_a, of_b) = (reads(when, a), reads(when, b));
    let total = |node: NodeId| {
        let Node::Read(quantity) = when.nodes[node as usize] else { return None };
        matches!(quantity, Quantity::Bound(_) | Quantity::Parties(_) | Quantity::Bonds(_)).then_some(quantity)
    };
    // `q >= v` and `q < v` change where `q` reaches `v`; `q > v` and `q <= v` where it exceeds `v`.
    let reaches = |left: bool| match comparison {
        Comparison::GreaterOrEqual | Comparison::Less => Some(left),
        Comparison::Greater | Comparison::LessOrEqual => Some(!left),
        Comparison::Equal | Comparison::NotEqual => None,
    };
    match (total(a), total(b)) {
        (Some(quantity), None) if of_b.is_empty() => {
            if let Some(reaches) = reaches(true) {
                return ComparisonForm::Simple { quantity, strict: !reaches, number: b };
            }
        }
        (None, Some(quantity)) if of_a.is_empty() => {
            if let Some(reaches) = reaches(false) {
                return ComparisonForm::Simple { quantity, strict: !reaches, number: a };
            }
        }
        _ => {}
    }
    let mut all = [of_a, of_b].concat();
    all.sort_unstable();
    all.dedup();
    let turns_once = !matches!(comparison, Comparison::Equal | Comparison::NotEqual);
    if let (&[quantity], true) = (&all[..], turns_once)
        && Total::of(quantity).is_some()
        && (is_fixed(when, a) && is_monotone(when, b) || is_fixed(when, b) && is_monotone(when, a))
    {
        return ComparisonForm::Single { quantity, node };
    }
    ComparisonForm::Other(all)
}

/// Whether a numeric node does not depend on evidence.
fn is_fixed(when: &Expression, node: NodeId) -> bool {
    reads(when, node).is_empty()
}

/// Whether a number only rises, or only falls, as the one evidence quantity in it rises. Each operation is rounded to
/// nearest, which keeps it monotone.
fn is_monotone(when: &Expression, node: NodeId) -> bool {
    match when.nodes[node as usize] {
        Node::Read(_) => true,
        Node::Negate(a) => is_monotone(when, a),
        Node::Divide(a, b) => is_fixed(when, b) && is_monotone(when, a),
        Node::Add(a, b) | Node::Subtract(a, b) | Node::Multiply(a, b) | Node::Min(a, b) | Node::Max(a, b) => {
            is_fixed(when, a) && is_monotone(when, b) || is_fixed(when, b) && is_monotone(when, a)
        }
        Node::Number(_)
        | Node::Truth(_)
        | Node::Parameter(_)
        | Node::Compare(..)
        | Node::And(..)
        | Node::Or(..)
        | Node::Not(_)
        | Node::Clamp(..)
        | Node::Abs(_)
        | Node::Sqrt(_)
        | Node::Exp(_)
        | Node::Ln(_)
        | Node::If(..)
        | Node::Curve(..) => false,
    }
}

/// The evidence quantities that a numeric node reads.
fn reads(when: &Expression, node: NodeId) -> Vec<Quantity> {
    when.reads_at(node).into_iter().filter(|quantity| quantity.is_evidence()).collect()
}
