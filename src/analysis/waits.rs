//! The comparisons on which the conditions of blocked commitments fail, as data and as text, and the wait-for
//! graph with its cycles.

use std::sync::Arc;

use super::limits;
use super::wording::{self, Threshold};
use crate::engine::Hypothesis;
use crate::model::{Amount, Comparison, Expression, InstanceId, Model, Node, NodeId, Quantity, Scope, State, Values};

/// One edge of the wait-for graph.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Wait {
    /// The commitment that waits.
    pub from: InstanceId,
    /// The commitment that it waits for.
    pub to: InstanceId,
}

/// A comparison in a condition, and whether the condition needs it to be true or false.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct RequiredComparison {
    pub(super) node: NodeId,
    /// False under an odd number of `not`s.
    pub(super) wanted: bool,
}

/// Every comparison of a condition, in source order. Definitions are shared, so a comparison may occur with both signs.
pub(super) fn comparisons(expression: &Expression) -> Vec<RequiredComparison> {
    let mut seen = vec![[false; 2]; expression.nodes.len()];
    let mut found = Vec::new();
    let mut stack = vec![RequiredComparison { node: expression.root(), wanted: true }];
    while let Some(RequiredComparison { node, wanted }) = stack.pop() {
        if std::mem::replace(&mut seen[node as usize][usize::from(wanted)], true) {
            continue;
        }
        let operation = expression.nodes[node as usize];
        if matches!(operation, Node::Compare(..)) {
            found.push(RequiredComparison { node, wanted });
        }
        let wanted = wanted != matches!(operation, Node::Not(_));
        stack.extend(operation.operands().rev().map(|node| RequiredComparison { node, wanted }));
    }
    found
}

/// The condition that a commitment of the gap waits for: its `when`, or its `while` if it is suspended.
pub(super) fn condition<'m>(
    model: &'m Model,
    hypothesis: &Hypothesis<'_>,
    instance: InstanceId,
) -> Option<&'m Expression> {
    let commitment = model.commitment_of(instance);
    match hypothesis.state_of(instance) {
        State::Pending => commitment.stay.as_ref(),
        State::Detached => None,
        State::Null | State::Conditional | State::Satisfied | State::Violated | State::Expired | State::Terminated => {
            commitment.when.as_ref()
        }
    }
}

/// The comparisons of a commitment's condition that fail in the state of a hypothesis.
///
/// One that cannot be evaluated is left out: the condition did not need it, since evaluation stops early.
fn standing(model: &Model, hypothesis: &Hypothesis<'_>, instance: InstanceId) -> Vec<RequiredComparison> {
    let when = condition(model, hypothesis, instance);
    when.map_or_else(Vec::new, |when| standing_in(when, &hypothesis.scope_of(instance)))
}

/// The comparisons of a condition whose truth is not the wanted one.
fn standing_in(when: &Expression, scope: &Scope<'_>) -> Vec<RequiredComparison> {
    let mut places = comparisons(when);
    places.retain(|place| when.truth_at(place.node, scope).is_ok_and(|truth| truth != place.wanted));
    places
}

/// The edges of the wait-for graph on the gap, ordered by waiter, then by the commitment waited for. `None` if the
/// graph exceeds its limits.
///
/// `amounts` are the graded amounts in the greatest agreement, by position in the plan.
pub(super) fn waits(
    model: &Model,
    hypothesis: &mut Hypothesis<'_>,
    gap: &[InstanceId],
    amounts: &[Amount],
) -> Option<Vec<Wait>> {
    // The evidence that each waiter's failing comparisons read, with its current value.
    let mut watched: Vec<Vec<(Quantity, f64)>> = vec![Vec::new(); model.instances.len()];
    for &instance in gap {
        let when = condition(model, hypothesis, instance);
        let mut reads: Vec<Quantity> = standing(model, hypothesis, instance)
            .iter()
            .flat_map(|place| when.map(|when| when.reads_at(place.node)).unwrap_or_default())
            .chain(hypothesis.reads_below(instance, amounts))
            .filter(|quantity| quantity.is_evidence())
            .collect();
        reads.sort_unstable();
        reads.dedup();
        let scope = hypothesis.scope_of(instance);
        watched[instance.index()] = reads.into_iter().map(|quantity| (quantity, scope.read(quantity))).collect();
    }
    let mut edges = Vec::new();
    let mut work: u64 = 0;
    let mut looked_at = vec![u32::MAX; model.instances.len()];
    let mark = hypothesis.trail().len();
    for &to in gap {
        hypothesis.make_move(to);
        hypothesis.for_watchers(to, |from| {
            let is_new = std::mem::replace(&mut looked_at[from.index()], to.0) != to.0;
            if !is_new || watched[from.index()].is_empty() {
                return;
            }
            let scope = hypothesis.scope_of(from);
            work += watched[from.index()]
                .iter()
                .map(|(quantity, _)| quantity.lookups(model).unwrap_or(1) as u64)
                .sum::<u64>();
            let changes = |&(quantity, before): &(Quantity, f64)| scope.read(quantity).to_bits() != before.to_bits();
            if work <= limits::DETAIL_WORK && watched[from.index()].iter().any(changes) {
                edges.push(Wait { from, to });
            }
        });
        hypothesis.undo(mark);
        if edges.len() > limits::WAITS || work > limits::DETAIL_WORK {
            return None;
        }
    }
    edges.sort_unstable();
    Some(edges)
}

/// The strongly connected components with more than one member or a self-loop, ordered by first member.
///
/// Tarjan's algorithm (1972), with its stack on the heap.
pub(super) fn circles(gap: &[InstanceId], edges: &[Wait]) -> Vec<Vec<InstanceId>> {
    let place = |instance: InstanceId| gap.binary_search(&instance).ok();
    let mut next: Vec<Vec<usize>> = vec![Vec::new(); gap.len()];
    let mut waits_for_itself = vec![false; gap.len()];
    for edge in edges {
        if let (Some(from), Some(to)) = (place(edge.from), place(edge.to)) {
            next[from].push(to);
            waits_for_itself[from] |= from == to;
        }
    }
    let mut circles: Vec<Vec<InstanceId>> = components(&next)
        .into_iter()
        .filter(|members| members.len() > 1 || waits_for_itself[members[0]])
        .map(|members| members.into_iter().map(|at| gap[at]).collect())
        .collect();
    circles.sort_unstable();
    circles
}

/// The strongly connected components, each with its members in ascending order.
fn components(next: &[Vec<usize>]) -> Vec<Vec<usize>> {
    const UNSEEN: usize = usize::MAX;
    let count = next.len();
    let (mut number, mut low) = (vec![UNSEEN; count], vec![0; count]);
    let mut is_open = vec![false; count];
    let (mut open, mut found) = (Vec::new(), Vec::new());
    let mut seen = 0;
    for start in 0..count {
        if number[start] != UNSEEN {
            continue;
        }
        // The nodes on the path, each with the number of its edges that have been followed.
        let mut path: Vec<(usize, usize)> = vec![(start, 0)];
        while let Some(&(node, followed)) = path.last() {
            if followed == 0 && number[node] == UNSEEN {
                (number[node], low[node]) = (seen, seen);
                seen += 1;
                open.push(node);
                is_open[node] = true;
            }
            if let Some(&to) = next[node].get(followed) {
                path.last_mut().expect("the path is not empty").1 += 1;
                if number[to] == UNSEEN {
                    path.push((to, 0));
                } else if is_open[to] {
                    low[node] = low[node].min(number[to]);
                }
                continue;
            }
            path.pop();
            if let Some(&(parent, _)) = path.last() {
                low[parent] = low[parent].min(low[node]);
            }
            if low[node] == number[node] {
                let from = open.iter().rposition(|&member| member == node).expect("the root of a component is open");
                let mut members = open.split_off(from);
                members.iter().for_each(|&member| is_open[member] = false);
                members.sort_unstable();
                found.push(members);
            }
        }
    }
    found
}

/// A blocked commitment, and the comparisons on which its condition fails.
#[derive(Clone, Debug, PartialEq)]
pub struct Blocked {
    /// The commitment.
    pub commitment: InstanceId,
    /// The comparisons on which its condition fails now, in source order. An alternative that no first move can make
    /// true is left out if a move can make another alternative true.
    pub wants: Vec<Requirement>,
    /// All of them as text, with alternatives marked. Where there is one, it is shared with that: a crowd has millions.
    pub text: Arc<str>,
}

/// A comparison on which a condition fails.
#[derive(Clone, Debug, PartialEq)]
pub struct Requirement {
    /// The comparison, in the commitment's `when`.
    pub node: NodeId,
    /// Whether it must hold or must not; false under an odd number of `not`s.
    pub wanted: bool,
    /// The value of its left side now.
    pub left: f64,
    /// The value of its right side now.
    pub right: f64,
    /// As a threshold, if the comparison is between one quantity and a number that does not change in the state.
    pub threshold: Option<Threshold>,
    /// As text: `wants at least 30 000 soldiers bound by europe, sees 0`.
    pub text: Arc<str>,
}

/// Describes each of these commitments. `amounts` are the graded amounts in the greatest agreement, by position in the
/// plan.
pub(super) fn blocked(
    model: &Model,
    hypothesis: &Hypothesis<'_>,
    gap: &[InstanceId],
    amounts: &[Amount],
) -> Vec<Blocked> {
    gap.iter()
        .map(|&commitment| {
            let conditions: Vec<&Expression> = condition(model, hypothesis, commitment).into_iter().collect();
            let mut blocked = lacking(model, hypothesis, commitment, &conditions, amounts);
            if blocked.text.is_empty() && !conditions.is_empty() {
                blocked.text = "waits for nothing more: its `while` holds, and the next step takes it up".into();
            }
            blocked
        })
        .collect()
}

/// Describes what several conditions of a commitment lack. Without any conditions, describes how much more the
/// commitment would give if the others gave more.
pub(super) fn lacking(
    model: &Model,
    hypothesis: &Hypothesis<'_>,
    commitment: InstanceId,
    conditions: &[&Expression],
    amounts: &[Amount],
) -> Blocked {
    let scope = hypothesis.scope_of(commitment);
    let (mut wants, mut texts) = (Vec::new(), Vec::<Arc<str>>::new());
    for condition in conditions {
        let places = in_the_way(condition, &scope);
        let own: Vec<Requirement> =
            places.iter().filter_map(|place| requirement(model, condition, &scope, *place)).collect();
        let describer = Describer { when: condition, scope: &scope, wants: &own };
        match describer.describe(RequiredComparison { node: condition.root(), wanted: true }) {
            Some(Shortfall { text, places, is_choice, .. }) => {
                let is_listed = |want: &Requirement| places.contains(&(want.node, want.wanted));
                wants.extend(own.iter().filter(|want| is_listed(want)).cloned());
                texts.push(if is_choice && conditions.len() > 1 { format!("({text})").into() } else { text });
            }
            None if condition.truth(&scope).is_ok_and(|holds| holds) => {}
            None => {
                wants.extend(own);
                texts.push(Arc::from("wants what has no single name"));
            }
        }
    }
    if conditions.is_empty() {
        texts.push(raises(model, hypothesis, commitment, amounts).into());
    }
    // Most have one entry, for which a growing vector allocates four; a crowd has millions.
    wants.shrink_to_fit();
    let text = if let [text] = &texts[..] { Arc::clone(text) } else { texts.join("; and ").into() };
    Blocked { commitment, wants, text }
}

/// How much more a bound commitment would give if the others gave more.
fn raises(model: &Model, hypothesis: &Hypothesis<'_>, instance: InstanceId, amounts: &[Amount]) -> String {
    let commitment = model.commitment_of(instance);
    let gifts = model.gifts(instance).filter(|gift| commitment.level(gift.number).is_some());
    let more = gifts.zip(hypothesis.positions_of(instance)).filter_map(|(gift, position)| {
        let (now, then) = (hypothesis.evidence().graded(gift.position), *amounts.get(position)?);
        let then = (then > now).then(|| wording::amount(model, gift.resource, then.to_units()))?;
        Some(format!("gives {} now, and would give {then} if the others gave", wording::number(now.to_units())))
    });
    more.collect::<Vec<_>>().join("; ")
}

/// What one part of a condition lacks.
struct Shortfall {
    text: Arc<str>,
    /// The comparisons described, and whether each must hold.
    places: Vec<(NodeId, bool)>,
    /// Whether first moves can make this part true.
    moves: bool,
    /// Whether it is a choice of alternatives, which needs brackets inside another text.
    is_choice: bool,
}

struct Describer<'a> {
    when: &'a Expression,
    scope: &'a Scope<'a>,
    wants: &'a [Requirement],
}

impl Describer<'_> {
    /// `None` if this part already has the wanted truth value.
    #[expect(clippy::wildcard_enum_match_arm, reason = "all other operations are described alike")]
    fn describe(&self, place: RequiredComparison) -> Option<Shortfall> {
        let RequiredComparison { node, wanted } = place;
        match self.when.nodes[node as usize] {
            Node::Not(a) => self.describe(RequiredComparison { node: a, wanted: !wanted }),
            Node::And(a, b) => self.join([a, b], wanted, wanted),
            Node::Or(a, b) => self.join([a, b], wanted, !wanted),
            _ if self.when.truth_at(node, self.scope).is_ok_and(|truth| truth == wanted) => None,
            Node::Compare(..) => {
                let want = self.wants.iter().find(|want| (want.node, want.wanted) == (node, wanted))?;
                let moves = self.when.reads_at(node).into_iter().any(Quantity::is_evidence);
                Some(Shortfall { text: want.text.clone(), places: vec![(node, wanted)], moves, is_choice: false })
            }
            // An `if` has no single comparison: list all failing ones inside it.
            _ => {
                let inside: Vec<&Requirement> = self.wants.iter().filter(|want| want.node < node).collect();
                let text = inside.iter().map(|want| &*want.text).collect::<Vec<_>>().join("; and ").into();
                let places = inside.iter().map(|want| (want.node, want.wanted)).collect();
                (!inside.is_empty()).then_some(Shortfall { text, places, moves: true, is_choice: false })
            }
        }
    }

    /// Joins two parts, of which both are needed (`all`) or one is enough.
    fn join(&self, parts: [NodeId; 2], wanted: bool, all: bool) -> Option<Shortfall> {
        let mut shortfalls: Vec<Shortfall> =
            parts.iter().filter_map(|&node| self.describe(RequiredComparison { node, wanted })).collect();
        // If one of two alternatives already holds, nothing is lacking.
        if shortfalls.is_empty() || (!all && shortfalls.len() < 2) {
            return None;
        }
        if !all && shortfalls.iter().any(|part| part.moves) {
            shortfalls.retain(|part| part.moves);
        }
        if shortfalls.len() == 1 {
            return shortfalls.pop();
        }
        let moves =
            if all { shortfalls.iter().all(|part| part.moves) } else { shortfalls.iter().any(|part| part.moves) };
        let bracketed = |part: &Shortfall| {
            if all && part.is_choice { format!("({})", part.text).into() } else { part.text.clone() }
        };
        let texts: Vec<Arc<str>> = shortfalls.iter().map(bracketed).collect();
        let text = texts.join(if all { "; and " } else { "; or " }).into();
        let places = shortfalls.into_iter().flat_map(|part| part.places).collect();
        Some(Shortfall { text, places, moves, is_choice: !all })
    }
}

/// The failing comparisons that matter: those beside an alternative that already holds are left out.
#[expect(clippy::wildcard_enum_match_arm, reason = "all other operations are taken alike")]
fn in_the_way(when: &Expression, scope: &Scope<'_>) -> Vec<RequiredComparison> {
    let all = standing_in(when, scope);
    let mut found = Vec::new();
    let mut seen = vec![[false; 2]; when.nodes.len()];
    let mut stack = vec![RequiredComparison { node: when.root(), wanted: true }];
    while let Some(place) = stack.pop() {
        let holds = when.truth_at(place.node, scope).is_ok_and(|truth| truth == place.wanted);
        if holds || std::mem::replace(&mut seen[place.node as usize][usize::from(place.wanted)], true) {
            continue;
        }
        match when.nodes[place.node as usize] {
            Node::And(a, b) | Node::Or(a, b) => {
                stack.extend([b, a].map(|node| RequiredComparison { node, wanted: place.wanted }));
            }
            Node::Not(a) => stack.push(RequiredComparison { node: a, wanted: !place.wanted }),
            Node::Compare(..) => found.push(place),
            // An `if` has no single comparison to point at: take all failing comparisons inside it.
            _ => found.extend(all.iter().filter(|other| other.node < place.node)),
        }
    }
    let mut unique: Vec<RequiredComparison> = Vec::with_capacity(found.len());
    for place in found {
        if !unique.contains(&place) {
            unique.push(place);
        }
    }
    unique
}

fn requirement(model: &Model, when: &Expression, scope: &Scope<'_>, place: RequiredComparison) -> Option<Requirement> {
    let Node::Compare(written, a, b) = when.nodes[place.node as usize] else { return None };
    let left = when.number_at(a, scope).ok()?;
    let right = when.number_at(b, scope).ok()?;
    let comparison = if place.wanted { written } else { negated(written) };
    let threshold = threshold(model, when, (a, b), (left, right), comparison);
    let text = match &threshold {
        Some(threshold) => wording::threshold(model, scope, threshold),
        None => wording::comparison(model, when, (a, b), (left, right), comparison),
    };
    Some(Requirement { node: place.node, wanted: place.wanted, left, right, threshold, text: text.into() })
}

fn threshold(
    model: &Model,
    when: &Expression,
    (a, b): (NodeId, NodeId),
    (left, right): (f64, f64),
    comparison: Comparison,
) -> Option<Threshold> {
    let moves = |node| when.reads_at(node).iter().any(|quantity| quantity.is_evidence());
    let read = |node: NodeId| if let Node::Read(quantity) = when.nodes[node as usize] { Some(quantity) } else { None };
    let (quantity, comparison, has, wanted) = match (read(a), read(b)) {
        (Some(quantity), _) if !moves(b) && (moves(a) || read(b).is_none()) => (quantity, comparison, left, right),
        (_, Some(quantity)) if !moves(a) => (quantity, mirrored(comparison), right, left),
        _ => return None,
    };
    let slot = quantity.slot().map(|slot| model.slots[slot.index()]);
    let is_amount = !matches!(quantity, Quantity::Parties(_));
    let unit = slot.filter(|_| is_amount).and_then(|slot| model.resources[slot.resource.index()].unit.clone());
    Some(Threshold {
        quantity,
        comparison,
        wanted,
        has,
        resource: slot.map(|slot| slot.resource),
        unit,
        group: slot.map(|slot| slot.group),
    })
}

fn negated(comparison: Comparison) -> Comparison {
    match comparison {
        Comparison::Less => Comparison::GreaterOrEqual,
        Comparison::LessOrEqual => Comparison::Greater,
        Comparison::Greater => Comparison::LessOrEqual,
        Comparison::GreaterOrEqual => Comparison::Less,
        Comparison::Equal => Comparison::NotEqual,
        Comparison::NotEqual => Comparison::Equal,
    }
}

/// The equivalent comparison with its sides exchanged.
fn mirrored(comparison: Comparison) -> Comparison {
    match comparison {
        Comparison::Less => Comparison::Greater,
        Comparison::LessOrEqual => Comparison::GreaterOrEqual,
        Comparison::Greater => Comparison::Less,
        Comparison::GreaterOrEqual => Comparison::LessOrEqual,
        Comparison::Equal | Comparison::NotEqual => comparison,
    }
}
