//! What a blocked commitment wants, has and lacks, as data and as a person would say it.

use super::waits::{Place, condition, standing_in};
use super::wording::{self, Threshold};
use crate::engine::Hypothesis;
use crate::model::{Amount, Comparison, Expression, InstanceId, Model, Node, NodeId, Quantity, Scope};

/// A commitment in the gap, and what stands in its way.
#[derive(Clone, Debug, PartialEq)]
pub struct Blocked {
    /// Which commitment.
    pub commitment: InstanceId,
    /// What it lacks: the comparisons on which its condition fails now, in the order of the text. An
    /// alternative that no first move can bring about is left out where there is one that a move can.
    pub wants: Vec<Requirement>,
    /// All of it in words, with alternatives told apart.
    pub text: String,
}

/// A comparison that stands in the way.
#[derive(Clone, Debug, PartialEq)]
pub struct Requirement {
    /// The comparison, in the commitment's `when`.
    pub node: NodeId,
    /// Whether it is wanted to hold; false under an odd number of `not`s.
    pub wanted: bool,
    /// The value of its left side now.
    pub left: f64,
    /// The value of its right side now.
    pub right: f64,
    /// The wanted comparison as a threshold, where it is one quantity against a number that nothing here moves.
    pub threshold: Option<Threshold>,
    /// In words: `wants at least 30 000 soldiers bound by europe, sees 0`.
    pub text: String,
}

/// What stands in the way of each of these commitments; `amounts` are the graded amounts in the greatest agreement, by
/// position in the plan.
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

/// What some conditions of a commitment lack together; without any, how much more it would give if the others did.
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
        let telling = Telling { when: condition, scope: &scope, wants: &own };
        match telling.tell(Place { node: condition.root(), wanted: true }) {
            Some(Told { text, places, is_choice, .. }) => {
                let told = |want: &Requirement| places.contains(&(want.node, want.wanted));
                wants.extend(own.iter().filter(|want| told(want)).cloned());
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

/// How much more a bound commitment would give if the others did.
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

/// What is lacking under one part of a condition, in words.
struct Told {
    text: String,
    /// The comparisons that are told of, and whether each is wanted to hold.
    places: Vec<(NodeId, bool)>,
    /// Whether first moves can bring it about.
    moves: bool,
    /// Whether it is a choice of several, which needs brackets inside of something else.
    is_choice: bool,
}

struct Telling<'a> {
    when: &'a Expression,
    scope: &'a Scope<'a>,
    wants: &'a [Requirement],
}

impl Telling<'_> {
    /// None where this part is as it is wanted.
    #[expect(clippy::wildcard_enum_match_arm, reason = "all other operations are told alike")]
    fn tell(&self, place: Place) -> Option<Told> {
        let Place { node, wanted } = place;
        match self.when.nodes[node as usize] {
            Node::Not(a) => self.tell(Place { node: a, wanted: !wanted }),
            Node::And(a, b) => self.join([a, b], wanted, wanted),
            Node::Or(a, b) => self.join([a, b], wanted, !wanted),
            _ if self.when.truth_at(node, self.scope).is_ok_and(|truth| truth == wanted) => None,
            Node::Compare(..) => {
                let want = self.wants.iter().find(|want| (want.node, want.wanted) == (node, wanted))?;
                let moves = self.when.reads_at(node).into_iter().any(Quantity::is_evidence);
                Some(Told { text: want.text.clone(), places: vec![(node, wanted)], moves, is_choice: false })
            }
            // A choice by `if` has no single comparison: all that stand in the way inside of it.
            _ => {
                let inside: Vec<&Requirement> = self.wants.iter().filter(|want| want.node < node).collect();
                let text = inside.iter().map(|want| want.text.as_str()).collect::<Vec<_>>().join("; and ");
                let places = inside.iter().map(|want| (want.node, want.wanted)).collect();
                (!inside.is_empty()).then_some(Told { text, places, moves: true, is_choice: false })
            }
        }
    }

    /// Two parts that are both needed, or of which one is enough.
    fn join(&self, parts: [NodeId; 2], wanted: bool, all: bool) -> Option<Told> {
        let mut told: Vec<Told> = parts.iter().filter_map(|&node| self.tell(Place { node, wanted })).collect();
        // Of two alternatives one that holds is enough, and the whole would hold.
        if told.is_empty() || (!all && told.len() < 2) {
            return None;
        }
        if !all && told.iter().any(|part| part.moves) {
            told.retain(|part| part.moves);
        }
        if told.len() == 1 {
            return told.pop();
        }
        let moves = if all { told.iter().all(|part| part.moves) } else { told.iter().any(|part| part.moves) };
        let bracketed =
            |part: &Told| if all && part.is_choice { format!("({})", part.text) } else { part.text.clone() };
        let text = told.iter().map(bracketed).collect::<Vec<_>>().join(if all { "; and " } else { "; or " });
        let places = told.into_iter().flat_map(|part| part.places).collect();
        Some(Told { text, places, moves, is_choice: !all })
    }
}

/// The standing comparisons that matter: not those beside an alternative that holds already.
#[expect(clippy::wildcard_enum_match_arm, reason = "all other operations are taken alike")]
fn in_the_way(when: &Expression, scope: &Scope<'_>) -> Vec<Place> {
    let all = standing_in(when, scope);
    let mut found = Vec::new();
    let mut seen = vec![[false; 2]; when.nodes.len()];
    let mut stack = vec![Place { node: when.root(), wanted: true }];
    while let Some(place) = stack.pop() {
        let holds = when.truth_at(place.node, scope).is_ok_and(|truth| truth == place.wanted);
        if holds || std::mem::replace(&mut seen[place.node as usize][usize::from(place.wanted)], true) {
            continue;
        }
        match when.nodes[place.node as usize] {
            Node::And(a, b) | Node::Or(a, b) => {
                stack.extend([b, a].map(|node| Place { node, wanted: place.wanted }));
            }
            Node::Not(a) => stack.push(Place { node: a, wanted: !place.wanted }),
            Node::Compare(..) => found.push(place),
            // The rest has no single place to point at: all comparisons in it that stand in the way.
            _ => found.extend(all.iter().filter(|other| other.node < place.node)),
        }
    }
    let mut unique: Vec<Place> = Vec::with_capacity(found.len());
    for place in found {
        if !unique.contains(&place) {
            unique.push(place);
        }
    }
    unique
}

fn want(model: &Model, when: &Expression, scope: &Scope<'_>, place: Place) -> Option<Requirement> {
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

/// The same comparison with its sides exchanged.
fn mirrored(comparison: Comparison) -> Comparison {
    match comparison {
        Comparison::Less => Comparison::Greater,
        Comparison::LessOrEqual => Comparison::GreaterOrEqual,
        Comparison::Greater => Comparison::Less,
        Comparison::GreaterOrEqual => Comparison::LessOrEqual,
        Comparison::Equal | Comparison::NotEqual => comparison,
    }
}
