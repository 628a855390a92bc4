//! A condition decomposed into comparisons.

use super::path::Path;
use super::reasons::{Band, Wake, bit, stance_position};
use crate::model::{Columns, Condition, Dependency, Expression, Node, NodeId, Quantity, Reader, Scope};

/// A condition decomposed for watching.
#[derive(Clone, Debug)]
pub(in super::super) struct Watched {
    /// By node; `None` for a node that is not a comparison.
    leaves: Vec<Option<Leaf>>,
    /// Whether it has connectives, in which case it matters which parts cannot fail.
    pub(super) is_connected: bool,
}

/// A comparison.
#[derive(Clone, Debug)]
struct Leaf {
    /// The mask of what it reads.
    mask: u64,
    /// Whether it reads a quantity that often changes by itself: a stance, trust, or the step.
    is_restless: bool,
    /// The stances that it reads.
    stances: Vec<Quantity>,
    /// The dependence on the stance, if it reads one stance and is monotone in it.
    path: Option<Path>,
}

impl Watched {
    /// Decomposes a condition; `quantities` are those that the conditions of its commitment read.
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

    /// The truth of the condition, and what may change it apart from stances that leave their bands, which are appended
    /// to `bands`. `None` if a part of it is not a number. `safe` tells which parts cannot fail; if it is empty, that
    /// is unknown for all.
    pub(in super::super) fn look(
        &self,
        (expression, safe): (&Expression, &[bool]),
        scope: &Scope<'_>,
        bands: &mut Vec<Band>,
    ) -> Option<(bool, Wake)> {
        WatchedEvaluation { watched: self, expression, safe, scope }.at(expression.root(), bands)
    }
}

impl Watched {
    /// [`Self::look`] for several readers at once; `take` gets the position, the truth and what may change it. `None` if
    /// that must be done one by one: the condition is more than one comparison that is monotone in a stance, or a part of
    /// it is not a number.
    pub(in super::super) fn look_at_all(
        &self,
        expression: &Expression,
        (scope, readers): (&Scope<'_>, &[Reader]),
        columns: &mut Columns,
        mut take: impl FnMut(usize, bool, Wake, Band),
    ) -> Option<()> {
        let leaf = self.leaves[expression.root() as usize].as_ref()?;
        let (Some(path), [stance]) = (&leaf.path, &leaf.stances[..]) else { return None };
        let parts = columns.parts(expression, scope, readers)?;
        let wake = Wake { mask: leaf.mask, next_step: false };
        let actors = scope.model.actors.len();
        // Where what stands beside the stance is the same for all readers, so are the stances at which it turns.
        let same = path.numbers(|part| parts.of_all(part)).map(|numbers| path.turn(numbers));
        let mut latest = None;
        for (at, &reader) in readers.iter().enumerate() {
            let position = stance_position(*stance, reader, actors)?;
            let now = scope.world.stances[position as usize];
            let truth = parts.of(expression.root(), at) > 0.5;
            let turn = match &same {
                Some(turn) => turn,
                None => path.turn_again(path.numbers(|part| Some(parts.of(part, at)))?, &mut latest),
            };
            let (low, high) = turn.band(truth, now);
            take(at, truth, wake, Band { stance: position, low, high });
        }
        Some(())
    }
}

fn is_restless(quantity: &Quantity) -> bool {
    match quantity.dependency() {
        Dependency::OwnStance(_)
        | Dependency::Stance(..)
        | Dependency::Mean(_)
        | Dependency::Trust(_)
        | Dependency::SlotAndTrust(_)
        | Dependency::Clock
        | Dependency::MeetingOrClock(_)
        | Dependency::ShockOrClock(_)
        | Dependency::MoveOrClock(_) => true,
        Dependency::Fixed
        | Dependency::Slot(_)
        | Dependency::Deeds(_)
        | Dependency::Commitment(_)
        | Dependency::Outcome(_)
        | Dependency::Meeting(_)
        | Dependency::Shock(_)
        | Dependency::Move(_)
        | Dependency::Gap => false,
    }
}

/// The evaluation of a condition.
struct WatchedEvaluation<'a> {
    watched: &'a Watched,
    expression: &'a Expression,
    safe: &'a [bool],
    scope: &'a Scope<'a>,
}

impl WatchedEvaluation<'_> {
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
            // If the other operand decides too and reads fewer quantities that change often, watch that one.
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
            // As long as the second operand decides, the first is irrelevant.
            bands.drain(first..second);
            return Some((truth, more));
        }
        Some((truth, mask.or(more)))
    }

    fn is_safe(&self, node: NodeId) -> bool {
        self.safe.get(node as usize).copied().unwrap_or(false)
    }

    /// Whether a comparison under a node reads quantities that change often.
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
