//! Minimal sets that reach a goal: what unlock sets and summit sets have in common.
//!
//! Where reaching is monotone in the set, a set reaches the goal exactly if it meets every *blocked set*:
//! the complement of a set that does not reach. So minimal sets are minimal transversals of the minimal
//! blocked sets, which are found one by one, as they are needed: a set that does not reach is enlarged
//! until nothing more can be added, and what is left out is blocked. The search branches on the members
//! of a blocked set that is not met yet; blocked sets that have nothing in common add up to a lower
//! bound (here by dual ascent, so that they may overlap where costs differ). Finding a minimum is
//! target-set selection, NP-hard, hence budgets. Where reaching is not monotone all sets are tried,
//! small ones first.

mod branch;
mod exhaust;

use std::collections::BTreeSet;

use super::bits::{Bits, Cuts};
use super::limits;
use crate::engine::Failure;

/// What a search asks: items are added one after the other, and taken back in reverse.
pub(super) trait Oracle {
    /// Number of items, numbered from 0.
    fn items(&self) -> usize;
    /// Adds an item with all that follows from it.
    fn add(&mut self, item: usize) -> Result<(), Failure>;
    /// A point to go back to; 0 where nothing has been added.
    fn mark(&self) -> usize;
    /// Goes back to a point.
    fn undo(&mut self, mark: usize);
    /// Whether an item has been added or follows.
    fn has(&self, item: usize) -> bool;
    /// Whether the goal is reached.
    fn reached(&mut self) -> Result<bool, Failure>;
    /// Whether an item added before might follow from the others; wrong answers may only be `true`.
    fn may_follow(&mut self, item: usize) -> Result<bool, Failure>;
    /// Adds, in this order, what can be added without reaching the goal (or without some part of it); what is left out.
    fn leave_out(&mut self, order: &[usize]) -> Result<Vec<usize>, Failure> {
        let mut left_out = Vec::new();
        for &item in order {
            if self.has(item) {
                continue;
            }
            let before = self.mark();
            self.add(item)?;
            if self.reached()? {
                self.undo(before);
                left_out.push(item);
            }
        }
        Ok(left_out)
    }
    /// Operations spent since the start.
    fn work(&self) -> u64;
    /// Size of what follows from all that was added.
    fn size(&self) -> usize;
}

/// How much a search may do.
#[derive(Clone, Copy, Debug)]
pub(super) struct Budget {
    /// Nodes of a pass that lists.
    pub(super) listing: u64,
    /// Nodes of a pass that proves.
    pub(super) proof: u64,
    /// Operations of a pass that proves.
    pub(super) proof_work: u64,
}

impl Budget {
    /// The budget for so many items.
    fn of(items: usize) -> Self {
        let (proof, proof_work) = if items <= limits::EXACT {
            (limits::EXACT_NODES, limits::EXACT_WORK)
        } else {
            (limits::PROOF_NODES, limits::PROOF_WORK)
        };
        Self { listing: limits::LISTING_NODES, proof, proof_work }
    }
}

/// What is known of the items.
#[derive(Clone, Debug)]
pub(super) struct Items {
    /// Cost of each, in millionths.
    pub(super) costs: Vec<i64>,
    /// Place of each in the order of names.
    pub(super) ranks: Vec<u32>,
    /// Whose each is.
    pub(super) owners: Vec<usize>,
    /// Number of owners.
    pub(super) owner_count: usize,
    /// Interchangeable items have the same class.
    pub(super) classes: Vec<u32>,
}

/// A minimal set: its cost, then the ranks of its members, in the order of the items.
type Found = (i64, Vec<u32>);

/// Why a search stopped before its end.
#[derive(Debug)]
pub(super) enum Stop {
    /// Its budget is spent.
    Budget,
    /// A condition has no value.
    Failure(Failure),
}

impl From<Failure> for Stop {
    fn from(failure: Failure) -> Self {
        if let Failure::TooMuchWork { .. } = failure { Self::Budget } else { Self::Failure(failure) }
    }
}

/// What a search has found.
#[derive(Clone, Debug, Default)]
pub(super) struct Answer {
    /// Minimal sets in order, as items.
    pub(super) sets: Vec<(i64, Vec<usize>)>,
    /// No minimal set costs less; none: there is no set at all.
    pub(super) lower: Option<i64>,
    /// Cost of the cheapest set that is known.
    pub(super) upper: Option<i64>,
    /// Whether the bounds are proved to meet, or that there is no set.
    pub(super) proved: bool,
    /// Number of minimal sets.
    pub(super) count: u64,
    /// Whether `count` is exact rather than a lower bound.
    pub(super) count_is_exact: bool,
    /// All minimal sets up to this cost are in `sets` unless the list is full; none: that is not known.
    pub(super) complete_to: Option<i64>,
    /// Owners in every minimum set, and in some; none: not every minimum set was seen.
    pub(super) owners: Option<(Vec<usize>, Vec<usize>)>,
}

/// A search under way.
struct Search<'o, O> {
    budget: Budget,
    /// Holds the set under construction.
    oracle: O,
    /// Holds nothing between questions.
    scratch: O,
    items: &'o Items,
    /// Blocked sets found so far.
    cuts: Cuts,
    /// Operations spent on blocked sets.
    work: u64,
    nodes: u64,
    node_limit: u64,
    work_limit: u64,
    found: BTreeSet<Found>,
    /// Number of minimal sets met in this pass.
    met: u64,
    tally: Option<Tally>,
    /// Item by rank.
    by_rank: Vec<u32>,
}

/// Who is in the minimum sets of a pass.
struct Tally {
    cost: i64,
    all: Bits,
    some: Bits,
}

/// Searches for minimal sets; `monotone` says that a set reaches the goal if a part of it does.
pub(super) fn search<O: Oracle + Clone>(
    oracle: O,
    items: &Items,
    monotone: bool,
    budget: Option<Budget>,
) -> Result<Answer, Failure> {
    let mut by_rank = vec![0; items.ranks.len()];
    for (item, &rank) in items.ranks.iter().enumerate() {
        by_rank[rank as usize] = u32::try_from(item).expect("the number of instances is limited");
    }
    let mut search = Search {
        budget: budget.unwrap_or_else(|| Budget::of(items.costs.len())),
        work_limit: 0,
        scratch: oracle.clone(),
        oracle,
        items,
        cuts: Cuts::new(items.costs.len()),
        work: 0,
        nodes: 0,
        node_limit: 0,
        found: BTreeSet::new(),
        met: 0,
        tally: None,
        by_rank,
    };
    let mut answer = Answer { lower: Some(0), ..Answer::default() };
    let result = if monotone { search.branch(&mut answer) } else { search.exhaust(&mut answer) };
    match result {
        Ok(()) | Err(Stop::Budget) => {}
        Err(Stop::Failure(failure)) => return Err(failure),
    }
    search.hand_over(&mut answer);
    Ok(answer)
}

impl<O: Oracle> Search<'_, O> {
    /// Puts what was found into the answer.
    fn hand_over(self, answer: &mut Answer) {
        let sets = self
            .found
            .iter()
            .map(|(cost, ranks)| (*cost, ranks.iter().map(|&rank| self.by_rank[rank as usize] as usize).collect()));
        answer.sets = sets.collect();
        if let Some((cost, _)) = answer.sets.first() {
            answer.upper = Some(answer.upper.map_or(*cost, |upper| upper.min(*cost)));
        }
        if answer.proved {
            answer.lower = answer.upper;
        }
        answer.count = answer.count.max(self.met).max(answer.sets.len() as u64);
        if let (true, Some(tally)) = (answer.owners.is_some(), self.tally) {
            answer.owners = Some((tally.all.iter().collect(), tally.some.iter().collect()));
        }
    }

    fn spend_node(&mut self) -> Result<(), Stop> {
        self.nodes += 1;
        if self.nodes > self.node_limit || self.is_exhausted() {
            return Err(Stop::Budget);
        }
        Ok(())
    }

    fn spent(&self) -> u64 {
        self.oracle.work().saturating_add(self.scratch.work()).saturating_add(self.work)
    }

    fn is_exhausted(&self) -> bool {
        self.spent() > self.work_limit
    }

    fn cost_of(&self, set: &[usize]) -> i64 {
        set.iter().fold(0, |sum: i64, &item| sum.saturating_add(self.items.costs[item]))
    }

    /// Notes a minimal set. A set is met at most once in a pass.
    fn note(&mut self, set: &[usize]) {
        let cost = self.cost_of(set);
        self.met += 1;
        let mut owners = Bits::new(self.items.owner_count);
        set.iter().for_each(|&item| owners.insert(self.items.owners[item]));
        match &mut self.tally {
            Some(tally) if cost > tally.cost => {}
            Some(tally) if cost == tally.cost => {
                tally.all.keep_only(&owners);
                tally.some.add_all(&owners);
            }
            tally => *tally = Some(Tally { cost, all: owners.clone(), some: owners }),
        }
        let mut sorted = set.to_vec();
        sorted.sort_unstable();
        self.found.insert((cost, sorted.into_iter().map(|item| self.items.ranks[item]).collect()));
        if self.found.len() > limits::SETS {
            self.found.pop_last();
        }
    }

    fn begin_pass(&mut self, nodes: u64, work: u64) {
        self.work_limit = self.spent().saturating_add(work);
        self.nodes = 0;
        self.node_limit = nodes;
        self.met = 0;
        self.tally = None;
    }

    /// Whether a set reaches the goal.
    fn reaches(&mut self, set: impl Iterator<Item = usize>) -> Result<bool, Stop> {
        for item in set {
            self.scratch.add(item)?;
        }
        let reached = self.scratch.reached()?;
        self.scratch.undo(0);
        Ok(reached)
    }
}
