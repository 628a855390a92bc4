//! Summit sets: the actors whose package, followed by an Exchange, reaches the goal.

use super::goal::GoalTest;
use super::search::Oracle;
use crate::engine::{Failure, Hypothesis};
use crate::model::InstanceId;

/// Answers what follows from a package of those in the room.
#[derive(Clone, Debug)]
pub(super) struct Room<'a> {
    pub(super) hypothesis: Hypothesis<'a>,
    pub(super) test: GoalTest<'a>,
    /// The conditional commitments of each actor that has some.
    pub(super) offers: Vec<Vec<InstanceId>>,
    /// Length of the trail with nobody in the room.
    pub(super) base: usize,
    /// Who is in the room.
    pub(super) present: Vec<usize>,
}

impl Room<'_> {
    /// Puts the package and what follows into the hypothesis.
    fn agree(&mut self) -> Result<(), Failure> {
        self.hypothesis.undo(self.base);
        let offers: Vec<InstanceId> = self.present.iter().flat_map(|&actor| &self.offers[actor]).copied().collect();
        self.hypothesis.agree(&offers)?;
        self.hypothesis.close()
    }
}

impl Oracle for Room<'_> {
    fn items(&self) -> usize {
        self.offers.len()
    }

    fn add(&mut self, item: usize) -> Result<(), Failure> {
        self.present.push(item);
        Ok(())
    }

    fn mark(&self) -> usize {
        self.present.len()
    }

    fn undo(&mut self, mark: usize) {
        self.present.truncate(mark);
    }

    /// Nobody enters the room because others do.
    fn has(&self, item: usize) -> bool {
        self.present.contains(&item)
    }

    fn may_follow(&mut self, _item: usize) -> Result<bool, Failure> {
        Ok(false)
    }

    fn reached(&mut self) -> Result<bool, Failure> {
        self.agree()?;
        self.test.reached(&self.hypothesis)
    }

    fn work(&self) -> u64 {
        self.hypothesis.work()
    }

    fn size(&self) -> usize {
        self.hypothesis.trail().len() - self.base
    }
}
