//! The wait-for graph: comparisons that fail, edges, and cycles.

use super::limits;
use crate::engine::Hypothesis;
use crate::model::{Amount, Expression, InstanceId, Model, Node, NodeId, Quantity, Scope, State, Values};

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
pub(super) fn standing_in(when: &Expression, scope: &Scope<'_>) -> Vec<RequiredComparison> {
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
