//! Unlock sets: the first moves after which an Exchange reaches the goal.

use super::goal::{Goal, GoalTest};
use super::search::Oracle;
use crate::engine::{Failure, Hypothesis};
use crate::model::InstanceId;

/// Answers what follows from first moves.
#[derive(Clone, Debug)]
pub(super) struct Moves<'a> {
    pub(super) hypothesis: Hypothesis<'a>,
    pub(super) test: GoalTest<'a>,
    /// The possible moves, in declaration order.
    pub(super) possible: Vec<InstanceId>,
    /// Length of the trail with no move made.
    pub(super) base: usize,
}

impl Oracle for Moves<'_> {
    fn items(&self) -> usize {
        self.possible.len()
    }

    fn add(&mut self, item: usize) -> Result<(), Failure> {
        self.hypothesis.make_move(self.possible[item]);
        self.hypothesis.close()
    }

    fn mark(&self) -> usize {
        self.hypothesis.trail().len() - self.base
    }

    fn undo(&mut self, mark: usize) {
        self.hypothesis.undo(self.base + mark);
    }

    fn has(&self, item: usize) -> bool {
        self.hypothesis.is_moved(self.possible[item])
    }

    fn reached(&mut self) -> Result<bool, Failure> {
        self.test.reached(&self.hypothesis)
    }

    fn may_follow(&mut self, item: usize) -> Result<bool, Failure> {
        // Amounts may come to what a move gives without it.
        Ok(self.hypothesis.knows_more() || self.hypothesis.would_agree(self.possible[item])?)
    }

    /// Where all of the gap is the goal, one of its members is kept out: the first that would follow.
    ///
    /// An Exchange that comes to it can be broken off there.
    fn leave_out(&mut self, order: &[usize]) -> Result<Vec<usize>, Failure> {
        let mut target = None;
        let mut left_out = Vec::new();
        for &item in order {
            if self.has(item) {
                continue;
            }
            let before = self.mark();
            self.hypothesis.make_move(self.possible[item]);
            let reached = if let Some(target) = target {
                self.hypothesis.close_until(target)?
            } else {
                self.hypothesis.close()?;
                self.reached()?
            };
            if !reached {
                continue;
            }
            if let (None, Goal::Bound(members, _), false) = (target, &self.test.goal, self.hypothesis.knows_more()) {
                let new = &self.hypothesis.trail()[self.base + before..];
                let followers = new[1..].iter().chain(&new[..1]);
                target = followers.copied().find(|follower| members.binary_search(follower).is_ok());
            }
            self.undo(before);
            left_out.push(item);
        }
        Ok(left_out)
    }

    fn work(&self) -> u64 {
        self.hypothesis.work()
    }

    fn size(&self) -> usize {
        self.mark()
    }
}
