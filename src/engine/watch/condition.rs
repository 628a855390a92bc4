//! A condition, taken apart into comparisons.

use super::path::Path;
use super::reasons::{Band, Wake, bit, stance_position};
use crate::model::{Condition, Expression, Node, NodeId, Quantity, Scope, Source};

/// A condition, taken apart for watching.
#[derive(Clone, Debug)]
pub(in super::super) struct Watched {
    /// By node; none of what is no comparison.
    leaves: Vec<Option<Leaf>>,
    /// Whether it connects comparisons, so that it matters which parts cannot fail.
    pub(super) is_connected: bool,
}

/// A comparison.
#[derive(Clone, Debug)]
struct Leaf {
    /// What it reads.
    mask: u64,
    /// Whether anything that it reads changes often by itself: stances, trust, the clock.
    is_restless: bool,
    /// The stances among what it reads.
    stances: Vec<Quantity>,
    /// Where it reads one stance and is monotone in it: how.
    path: Option<Path>,
}

impl Watched {
    /// Takes a condition apart; `quantities` are those that the conditions of its commitment read.
    pub(super) fn new(expression: &Expression, quantities: &[Quantity]) -> Self {
        let leaf = |at: usize| {
            let node = NodeId::try_from(at).expect("the size of an expression is limited");
            let Node::Compare(comparison, left, right) = expression.nodes[at] else { return None };
            let reads = expression.reads_at(node);
            let is_stance = |quantity: &Quantity| matches!(quantity, Quantity::OwnStance(_) | Quantity::Stance(..));
            let stances: Vec<Quantity> = reads.iter().copied().filter(is_stance).collect();
            let path = match stances[..] {
                [stance] => Path::new(expression, (comparison, left, right), stance),
                _ => None,
            };
            let position = |quantity: &Quantity| quantities.iter().position(|known| known == quantity);
            let mask = reads.iter().filter_map(position).fold(0, |mask, at| mask | bit(at));
            Some(Leaf { mask, is_restless: reads.iter().any(is_restless), stances, path })
        };
        let connects = |node: &Node| matches!(node, Node::And(..) | Node::Or(..));
        Self {
            leaves: (0..expression.nodes.len()).map(leaf).collect(),
            is_connected: expression.nodes.iter().any(connects),
        }
    }

    /// The truth of the condition, and what may turn it, besides stances that leave their bands, which are appended. None
    /// where something in it is not a number. `safe` says which parts cannot fail; empty: none can
    /// be told.
    pub(in super::super) fn look(
        &self,
        (expression, safe): (&Expression, &[bool]),
        scope: &Scope<'_>,
        bands: &mut Vec<Band>,
    ) -> Option<(bool, Wake)> {
        Look { watched: self, expression, safe, scope }.at(expression.root(), bands)
    }
}

fn is_restless(quantity: &Quantity) -> bool {
    match quantity.source() {
        Source::OwnStance(_)
        | Source::Stance(..)
        | Source::Mean(_)
        | Source::Trust
        | Source::SlotAndTrust(_)
        | Source::Clock
        | Source::MeetingOrClock(_)
        | Source::ShockOrClock(_)
        | Source::MoveOrClock(_) => true,
        Source::Fixed
        | Source::Slot(_)
        | Source::Commitment(_)
        | Source::Outcome(_)
        | Source::Meeting(_)
        | Source::Shock(_)
        | Source::Move(_)
        | Source::Gap => false,
    }
}

/// A look at a condition.
struct Look<'a> {
    watched: &'a Watched,
    expression: &'a Expression,
    safe: &'a [bool],
    scope: &'a Scope<'a>,
}

impl Look<'_> {
    fn at(&self, node: NodeId, bands: &mut Vec<Band>) -> Option<(bool, Wake)> {
        match self.expression.nodes[node as usize].condition()? {
            Condition::Truth(truth) => Some((truth, Wake::default())),
            Condition::Compare(..) => self.compare(node, bands),
            Condition::And(a, b) => self.connect((a, b), false, bands),
            Condition::Or(a, b) => self.connect((a, b), true, bands),
            Condition::Not(a) => self.at(a, bands).map(|(truth, mask)| (!truth, mask)),
            Condition::If(condition, a, b) => {
                let (chosen, mask) = self.at(condition, bands)?;
                let (truth, more) = self.at(if chosen { a } else { b }, bands)?;
                Some((truth, mask.or(more)))
            }
        }
    }

    /// `and`, which a false operand decides, or `or`, which a true one does.
    fn connect(&self, (a, b): (NodeId, NodeId), decisive: bool, bands: &mut Vec<Band>) -> Option<(bool, Wake)> {
        let first = bands.len();
        let (truth, mask) = self.at(a, bands)?;
        let second = bands.len();
        if truth == decisive {
            // If the other operand decides too, and less of what it reads changes often, it is the one to watch.
            if self.is_safe(a) && self.is_safe(b) && self.is_restless(a) && !self.is_restless(b) {
                let (other, fewer) = self.at(b, bands)?;
                if other == decisive {
                    bands.drain(first..second);
                    return Some((decisive, fewer));
                }
                bands.truncate(second);
            }
            return Some((truth, mask));
        }
        let (truth, more) = self.at(b, bands)?;
        if truth == decisive && self.is_safe(a) {
            // As long as the second operand decides, the first may be what it likes.
            bands.drain(first..second);
            return Some((truth, more));
        }
        Some((truth, mask.or(more)))
    }

    fn is_safe(&self, node: NodeId) -> bool {
        self.safe.get(node as usize).copied().unwrap_or(false)
    }

    /// Whether any comparison under a node reads what changes often.
    fn is_restless(&self, node: NodeId) -> bool {
        match &self.watched.leaves[node as usize] {
            Some(leaf) => leaf.is_restless,
            None => self.expression.nodes[node as usize].operands().any(|operand| self.is_restless(operand)),
        }
    }

    fn compare(&self, node: NodeId, bands: &mut Vec<Band>) -> Option<(bool, Wake)> {
        let leaf = self.watched.leaves[node as usize].as_ref()?;
        let (reader, actors) = (self.scope.reader?, self.scope.model.actors.len());
        if let (Some(path), [stance]) = (&leaf.path, &leaf.stances[..]) {
            let position = stance_position(*stance, reader, actors)?;
            let (truth, low, high) = path.look(self.expression, self.scope, *stance)?;
            bands.push(Band { stance: position, low, high });
            return Some((truth, Wake { mask: leaf.mask, next_step: false }));
        }
        let truth = self.expression.truth_at(node, self.scope).ok()?;
        Some((truth, Wake { mask: leaf.mask, next_step: !leaf.stances.is_empty() }))
    }
}
