//! The comparisons on which a blocked commitment fails, as data and as text.

use super::waits::{RequiredComparison, condition, standing_in};
use super::wording::{self, Threshold};
use crate::engine::Hypothesis;
use crate::model::{Amount, Comparison, Expression, InstanceId, Model, Node, NodeId, Quantity, Scope};

/// A blocked commitment, and the comparisons on which its condition fails.
#[derive(Clone, Debug, PartialEq)]
pub struct Blocked {
    /// The commitment.
    pub commitment: InstanceId,
    /// The comparisons on which its condition fails now, in source order. An alternative that no first move can make
    /// true is left out if a move can make another alternative true.
    pub wants: Vec<Requirement>,
    /// All of them as text, with alternatives marked.
    pub text: String,
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
    pub text: String,
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
    let (mut wants, mut texts) = (Vec::new(), Vec::new());
    for condition in conditions {
        let places = in_the_way(condition, &scope);
        let own: Vec<Requirement> = places.iter().filter_map(|place| want(model, condition, &scope, *place)).collect();
        let describer = Describer { when: condition, scope: &scope, wants: &own };
        match describer.describe(RequiredComparison { node: condition.root(), wanted: true }) {
            Some(Shortfall { text, places, is_choice, .. }) => {
                let is_listed = |want: &Requirement| places.contains(&(want.node, want.wanted));
                wants.extend(own.iter().filter(|want| is_listed(want)).cloned());
                texts.push(if is_choice && conditions.len() > 1 { format!("({text})") } else { text });
            }
            None if condition.truth(&scope).is_ok_and(|holds| holds) => {}
            None => {
                wants.extend(own);
                texts.push("wants what has no single name".into());
            }
        }
    }
    if conditions.is_empty() {
        texts.push(raises(model, hypothesis, commitment, amounts));
    }
    Blocked { commitment, wants, text: texts.join("; and ") }
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
    text: String,
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
                let text = inside.iter().map(|want| want.text.as_str()).collect::<Vec<_>>().join("; and ");
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
        let bracketed =
            |part: &Shortfall| if all && part.is_choice { format!("({})", part.text) } else { part.text.clone() };
        let text = shortfalls.iter().map(bracketed).collect::<Vec<_>>().join(if all { "; and " } else { "; or " });
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

fn want(model: &Model, when: &Expression, scope: &Scope<'_>, place: RequiredComparison) -> Option<Requirement> {
    let Node::Compare(written, a, b) = when.nodes[place.node as usize] else { return None };
    let left = when.number_at(a, scope).ok()?;
    let right = when.number_at(b, scope).ok()?;
    let comparison = if place.wanted { written } else { negated(written) };
    let threshold = threshold(model, when, (a, b), (left, right), comparison);
    let text = match &threshold {
        Some(threshold) => wording::threshold(model, scope, threshold),
        None => wording::comparison(model, when, (a, b), (left, right), comparison),
    };
    Some(Requirement { node: place.node, wanted: place.wanted, left, right, threshold, text })
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
