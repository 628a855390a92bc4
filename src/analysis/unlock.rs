//! Unlock sets: the first moves after which an Exchange reaches the goal.

use super::goal::GoalTest;
use super::search::Oracle;
use crate::engine::{Failure, Hypothesis};
use crate::model::InstanceId;

/// Answers what follows from first moves.
#[derive(Clone, Debug)]
pub(super) struct Moves<'a> {
    pub(super) hypothesis: Hypothesis<'a>,
    pub(super) test: GoalTest<'a>,
    /// The possible moves, in declaration order.
    pub(super) moves: Vec<InstanceId>,
    /// Length of the trail with no move made.
    pub(super) base: usize,
}

impl Oracle for Moves<'_> {
    fn items(&self) -> usize {
        self.moves.len()
    }

    fn add(&mut self, item: usize) -> Result<(), Failure> {
        self.hypothesis.bind(self.moves[item]);
        self.hypothesis.close()
    }

    fn mark(&self) -> usize {
        self.hypothesis.trail().len() - self.base
    }

    fn undo(&mut self, mark: usize) {
        self.hypothesis.undo(self.base + mark);
    }

    fn has(&self, item: usize) -> bool {
        self.hypothesis.is_bound(self.moves[item])
    }

    fn reached(&mut self) -> Result<bool, Failure> {
        self.test.reached(&self.hypothesis)
    }

    fn work(&self) -> u64 {
        self.hypothesis.work()
    }

    fn size(&self) -> usize {
        self.mark()
    }
}
