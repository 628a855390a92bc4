//! Branch and bound over blocked sets, for monotone goals.

use super::super::limits;
use super::{Answer, Bits, Oracle, Search, Stop, count_outside, outside};
use crate::engine::Failure;

/// A set under construction.
struct Node {
    chosen: Vec<usize>,
    members: Bits,
    /// Items that an earlier branch has covered.
    excluded: Bits,
    cost: i64,
}

/// What a pass is for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Aim {
    /// Enumerate every minimal set up to the cost ceiling.
    All,
    /// Find a set cheaper than the best known one; one representative of each class of interchangeable sets is enough.
    Cheaper,
}

struct Pass {
    aim: Aim,
    /// Sets that cost more are pruned.
    ceiling: i64,
    /// The least cost, or lower bound on it, of a pruned set.
    next: i64,
}

impl<O: Oracle> Search<'_, O> {
    pub(super) fn branch(&mut self, answer: &mut Answer) -> Result<(), Stop> {
        self.begin_pass(u64::MAX, limits::PROOF_WORK);
        if self.oracle.reached()? {
            self.record(&[]);
            (answer.proved, answer.count_is_exact, answer.count) = (true, true, 1);
            answer.complete_to = Some(i64::MAX);
            answer.owners = Some((Vec::new(), Vec::new()));
            return Ok(());
        }
        if !self.reaches(0..self.oracle.items())? {
            (answer.lower, answer.proved, answer.count_is_exact) = (None, true, true);
            answer.complete_to = Some(i64::MAX);
            answer.owners = Some((Vec::new(), Vec::new()));
            return Ok(());
        }
        let all: Vec<usize> = (0..self.oracle.items()).collect();
        answer.upper = Some(self.cost_of(&all));
        // The empty set does not reach the goal, so a set has at least one item.
        answer.lower = self.items.costs.iter().copied().min();
        let some = self.find_one(all)?;
        answer.upper = Some(self.cost_of(&some));
        self.record(&some);
        if let Some(lower) = self.within(Self::bound_below)? {
            answer.lower = answer.lower.max(Some(lower));
        }
        answer.proved = answer.lower >= answer.upper;
        if self.list(i64::MAX, answer)?.is_some() {
            answer.count_is_exact = true;
            answer.count = self.met;
            answer.proved = true;
            return Ok(());
        }
        answer.count = self.met;
        if !answer.proved {
            self.prove(answer)?;
        }
        self.list_rising(answer)
    }

    /// A minimal set, by the best of three methods that the budget allows. `all` must reach the goal.
    fn find_one(&mut self, all: Vec<usize>) -> Result<Vec<usize>, Stop> {
        if let Some(set) = self.within(Self::greedy)? {
            return Ok(set);
        }
        self.begin_pass(u64::MAX, limits::PROOF_WORK);
        if let Some(set) = self.within(Self::greedy_over_all)? {
            return Ok(set);
        }
        self.begin_pass(u64::MAX, limits::PROOF_WORK);
        self.minimise(all)
    }

    /// Runs a part of the search; returns `None` if the budget ended first.
    fn within<T>(&mut self, part: impl FnOnce(&mut Self) -> Result<T, Stop>) -> Result<Option<T>, Stop> {
        match part(self) {
            Ok(found) => Ok(Some(found)),
            Err(Stop::Budget) => {
                self.oracle.undo(0);
                self.scratch.undo(0);
                Ok(None)
            }
            Err(stop) => Err(stop),
        }
    }

    /// Lists every minimal set up to a cost. Returns the least cost of a pruned set, or `None` if the budget ended
    /// first.
    fn list(&mut self, ceiling: i64, answer: &mut Answer) -> Result<Option<i64>, Stop> {
        self.begin_pass(self.budget.listing, limits::LISTING_WORK);
        let mut pass = Pass { aim: Aim::All, ceiling, next: i64::MAX };
        if self.within(|search| search.run(&mut pass))?.is_none() {
            return Ok(None);
        }
        answer.complete_to = Some(if pass.next == i64::MAX { i64::MAX } else { ceiling });
        answer.owners = Some((Vec::new(), Vec::new()));
        Ok(Some(pass.next))
    }

    /// Lists the minimum sets, then repeats with higher ceilings until the list is full or the budget is spent.
    fn list_rising(&mut self, answer: &mut Answer) -> Result<(), Stop> {
        if !answer.proved {
            return Ok(());
        }
        let mut ceiling = self.best();
        for _ in 0..limits::LEVELS {
            let tally = self.tally.take();
            let Some(next) = self.list(ceiling, answer)? else {
                // The unfinished pass saw only some sets, but the pass before it saw every minimum set: keep its
                // owners.
                if answer.owners.is_some() {
                    self.tally = tally;
                }
                return Ok(());
            };
            answer.count = answer.count.max(self.met);
            if next == i64::MAX {
                answer.count_is_exact = true;
                answer.count = self.met;
                return Ok(());
            }
            if self.met >= limits::SETS as u64 {
                return Ok(());
            }
            ceiling = next.max(ceiling.saturating_add(ceiling / 4));
        }
        Ok(())
    }

    /// Searches for cheaper sets until none is left.
    fn prove(&mut self, answer: &mut Answer) -> Result<(), Stop> {
        self.begin_pass(self.budget.proof, self.budget.proof_work);
        let mut pass = Pass { aim: Aim::Cheaper, ceiling: self.best() - 1, next: i64::MAX };
        answer.proved = self.within(|search| search.run(&mut pass))?.is_some();
        answer.upper = Some(self.best());
        Ok(())
    }

    fn best(&self) -> i64 {
        self.found.first().map_or(i64::MAX, |(cost, _)| *cost)
    }

    fn run(&mut self, pass: &mut Pass) -> Result<(), Stop> {
        let items = self.oracle.items();
        let mut node = Node { chosen: Vec::new(), members: Bits::new(items), excluded: Bits::new(items), cost: 0 };
        self.visit(pass, &mut node)
    }

    fn visit(&mut self, pass: &mut Pass, node: &mut Node) -> Result<(), Stop> {
        self.spend_node()?;
        if node.cost > pass.ceiling {
            pass.next = pass.next.min(node.cost);
            return Ok(());
        }
        if self.oracle.reached()? {
            if self.is_minimal(node)? {
                self.record(&node.chosen);
                if pass.aim == Aim::Cheaper {
                    pass.ceiling = pass.ceiling.min(node.cost - 1);
                }
            }
            return Ok(());
        }
        if node.chosen.len() >= limits::DEPTH {
            return Err(Stop::Budget);
        }
        let Some(cut) = self.unmet(node)? else { return Ok(()) };
        if pass.ceiling < i64::MAX {
            let bound = node.cost.saturating_add(self.bound(node, pass.ceiling - node.cost, pass.aim)?);
            if bound > pass.ceiling {
                pass.next = pass.next.min(bound);
                return Ok(());
            }
        }
        self.descend(pass, node, &cut)
    }

    /// Visits one branch for each member of a blocked set without a chosen member, excluding members already tried.
    fn descend(&mut self, pass: &mut Pass, node: &mut Node, cut: &[usize]) -> Result<(), Stop> {
        for &item in cut {
            if pass.aim == Aim::All || !self.has_equivalent_in(node, item) {
                let mark = self.oracle.mark();
                let cost = node.cost;
                self.oracle.add(item)?;
                if !self.makes_redundant(node, item)? {
                    node.chosen.push(item);
                    node.members.insert(item);
                    node.cost = cost.saturating_add(self.items.costs[item]);
                    self.visit(pass, node)?;
                    node.cost = cost;
                    node.members.remove(item);
                    node.chosen.pop();
                }
                self.oracle.undo(mark);
            }
            node.excluded.insert(item);
        }
        cut.iter().for_each(|&item| node.excluded.remove(item));
        Ok(())
    }

    /// Whether an interchangeable item with a lower index is excluded, so that its branch covers this one.
    fn has_equivalent_in(&self, node: &Node, item: usize) -> bool {
        let classes = &self.items.classes;
        (0..item).any(|other| classes[other] == classes[item] && node.excluded.contains(other))
    }

    /// Whether a chosen member would follow from the others and `item`, which has been added. No minimal set contains
    /// both then.
    fn makes_redundant(&mut self, node: &Node, item: usize) -> Result<bool, Stop> {
        let (mut suspects, mut others) = (Vec::new(), Vec::new());
        for &member in &node.chosen {
            if self.oracle.may_follow(member)? { suspects.push(member) } else { others.push(member) }
        }
        if suspects.is_empty() {
            return Ok(false);
        }
        for other in others.into_iter().chain([item]) {
            self.scratch.add(other)?;
        }
        let redundant = self.any_without(&suspects, |oracle, member| Ok(oracle.has(member)))?;
        self.scratch.undo(0);
        Ok(redundant)
    }

    /// Whether no member can be removed. The last one cannot: the set without it was seen not to reach the goal.
    fn is_minimal(&mut self, node: &Node) -> Result<bool, Stop> {
        let Some((&last, rest)) = node.chosen.split_last() else { return Ok(true) };
        self.scratch.add(last)?;
        let spare = !rest.is_empty() && self.any_without(rest, |oracle, _| oracle.reached())?;
        self.scratch.undo(0);
        Ok(!spare)
    }

    /// Whether `test` holds for a member when the scratch oracle holds all other members in addition. Recursive halving
    /// shares the additions among the members.
    fn any_without(
        &mut self,
        members: &[usize],
        test: fn(&mut O, usize) -> Result<bool, Failure>,
    ) -> Result<bool, Stop> {
        if let [member] = members {
            return Ok(test(&mut self.scratch, *member)?);
        }
        let (left, right) = members.split_at(members.len() / 2);
        for (half, other) in [(left, right), (right, left)] {
            let mark = self.scratch.mark();
            for &item in other {
                self.scratch.add(item)?;
            }
            let found = self.any_without(half, test)?;
            self.scratch.undo(mark);
            if found {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// The members, without excluded ones, of a blocked set without a chosen member. `None` if all are excluded.
    fn unmet(&mut self, node: &Node) -> Result<Option<Vec<usize>>, Stop> {
        self.work += self.cuts.size() as u64;
        let unmet = self.cuts.unmet(&node.members);
        let known = unmet.min_by_key(|cut| count_outside(cut, &node.excluded));
        let members: Vec<usize> = match known {
            Some(cut) => outside(cut, &node.excluded).collect(),
            None => self.new_cut(&node.excluded)?.into_iter().filter(|&item| !node.excluded.contains(item)).collect(),
        };
        Ok((!members.is_empty()).then_some(members))
    }

    /// A new blocked set for the current contents of the oracle, with as few members of `avoid` as possible.
    fn new_cut(&mut self, avoid: &Bits) -> Result<Vec<usize>, Stop> {
        let mark = self.oracle.mark();
        let items = self.oracle.items();
        let mut order: Vec<usize> = avoid.iter().collect();
        order.extend((0..items).filter(|&item| !avoid.contains(item)));
        self.work += items as u64;
        let cut = self.oracle.leave_out(&order)?;
        self.oracle.undo(mark);
        if self.is_exhausted() {
            return Err(Stop::Budget);
        }
        if self.cuts.len() < limits::BLOCKED_SETS {
            let mut bits = Bits::new(items);
            cut.iter().for_each(|&item| bits.insert(item));
            self.cuts.push(&bits);
        }
        Ok(cut)
    }

    /// A lower bound on the cost to complete a node, by dual ascent over known blocked sets.
    ///
    /// With [`Aim::Cheaper`], generates new blocked sets as long as they may lift the bound above `room`.
    fn bound(&mut self, node: &Node, room: i64, aim: Aim) -> Result<i64, Stop> {
        let mut left = self.items.costs.clone();
        let mut bound: i64 = 0;
        self.work += self.cuts.size() as u64 + left.len() as u64;
        for cut in self.cuts.unmet(&node.members) {
            let Some(least) = outside(cut, &node.excluded).map(|item| left[item]).min() else { return Ok(i64::MAX) };
            if least > 0 {
                bound = bound.saturating_add(least);
                outside(cut, &node.excluded).for_each(|item| left[item] -= least);
            }
        }
        if aim == Aim::All || bound > room {
            return Ok(bound);
        }
        let mark = self.oracle.mark();
        // Items of reduced cost 0 cannot lift the bound, so they are added for free.
        for item in (0..left.len()).filter(|&item| left[item] == 0) {
            if !self.oracle.has(item) {
                self.oracle.add(item)?;
            }
        }
        while bound <= room && !self.oracle.reached()? {
            let mut cut = self.new_cut(&node.excluded)?;
            cut.retain(|&item| !node.excluded.contains(item));
            let Some(least) = cut.iter().map(|&item| left[item]).min() else {
                bound = i64::MAX;
                break;
            };
            bound = bound.saturating_add(least);
            for item in cut {
                left[item] -= least;
                if left[item] == 0 && !self.oracle.has(item) {
                    self.oracle.add(item)?;
                }
            }
        }
        self.oracle.undo(mark);
        Ok(bound)
    }

    /// A lower bound for the whole problem.
    fn bound_below(&mut self) -> Result<i64, Stop> {
        let items = self.oracle.items();
        let root = Node { chosen: Vec::new(), members: Bits::new(items), excluded: Bits::new(items), cost: 0 };
        self.bound(&root, i64::MAX, Aim::Cheaper)
    }

    /// A minimal set by adding, repeatedly, the item with the most consequences per cost, then removing redundant
    /// items.
    fn greedy(&mut self) -> Result<Vec<usize>, Stop> {
        let items = self.oracle.items();
        let mut node = Node { chosen: Vec::new(), members: Bits::new(items), excluded: Bits::new(items), cost: 0 };
        while !self.oracle.reached()? {
            let cut = self.unmet(&node)?.expect("a blocked set has members");
            let item = self.most_for_its_cost(&cut)?;
            self.oracle.add(item)?;
            node.members.insert(item);
            node.chosen.push(item);
        }
        self.oracle.undo(0);
        self.minimise(node.chosen)
    }

    /// As [`greedy`](Self::greedy), but chooses among all remaining items. Computing blocked sets is too expensive
    /// where each move has many consequences.
    fn greedy_over_all(&mut self) -> Result<Vec<usize>, Stop> {
        let items = self.oracle.items();
        let mut chosen = Vec::new();
        while !self.oracle.reached()? {
            self.work += items as u64;
            if self.is_exhausted() {
                return Err(Stop::Budget);
            }
            let left: Vec<usize> = (0..items).filter(|&item| !self.oracle.has(item)).collect();
            let item = self.most_for_its_cost(&left)?;
            self.oracle.add(item)?;
            chosen.push(item);
        }
        self.oracle.undo(0);
        self.minimise(chosen)
    }

    /// The item of an evenly spaced sample with the most consequences per cost.
    fn most_for_its_cost(&mut self, among: &[usize]) -> Result<usize, Stop> {
        let stride = among.len().div_ceil(limits::GREEDY);
        let mut best: Option<(usize, i128, i128)> = None;
        for &item in among.iter().step_by(stride) {
            let mark = self.oracle.mark();
            let before = self.oracle.size();
            self.oracle.add(item)?;
            let gain = (self.oracle.size() - before) as i128;
            self.oracle.undo(mark);
            let cost = i128::from(self.items.costs[item]);
            if best.is_none_or(|(_, most, for_cost)| gain * for_cost > most * cost) {
                best = Some((item, gain, cost));
            }
        }
        Ok(best.expect("there is something to choose from").0)
    }

    /// Removes redundant items, most expensive first.
    fn minimise(&mut self, mut set: Vec<usize>) -> Result<Vec<usize>, Stop> {
        set.sort_by_key(|&item| std::cmp::Reverse(self.items.costs[item]));
        let mut kept = Vec::new();
        self.keep_needed(&set, &mut kept)?;
        Ok(kept)
    }

    /// Keeps those items of `part` that the goal needs. The scratch oracle holds the items kept before and all that
    /// come after. Recursive halving shares the additions (`QuickXplain`, Junker 2004).
    fn keep_needed(&mut self, part: &[usize], kept: &mut Vec<usize>) -> Result<(), Stop> {
        if self.is_exhausted() {
            return Err(Stop::Budget);
        }
        if self.scratch.reached()? {
            return Ok(());
        }
        if let [item] = part {
            kept.push(*item);
            return Ok(());
        }
        let (left, right) = part.split_at(part.len() / 2);
        let (mark, before) = (self.scratch.mark(), kept.len());
        for &item in right {
            self.scratch.add(item)?;
        }
        self.keep_needed(left, kept)?;
        self.scratch.undo(mark);
        for &item in &kept[before..] {
            self.scratch.add(item)?;
        }
        self.keep_needed(right, kept)?;
        self.scratch.undo(mark);
        Ok(())
    }
}
