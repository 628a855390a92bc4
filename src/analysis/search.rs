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

use super::bits::Bits;
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
    /// Operations spent since the start.
    fn work(&self) -> u64;
    /// Size of what follows from all that was added.
    fn size(&self) -> usize;
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
        match failure {
            Failure::TooMuchWork { .. } => Self::Budget,
            other => Self::Failure(other),
        }
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
    /// Holds the set under construction.
    oracle: O,
    /// Holds nothing between questions.
    scratch: O,
    items: &'o Items,
    /// Blocked sets found so far.
    cuts: Vec<Bits>,
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
pub(super) fn search<O: Oracle + Clone>(oracle: O, items: &Items, monotone: bool) -> Result<Answer, Failure> {
    let mut by_rank = vec![0; items.ranks.len()];
    for (item, &rank) in items.ranks.iter().enumerate() {
        by_rank[rank as usize] = u32::try_from(item).expect("the number of instances is limited");
    }
    let exact = oracle.items() <= limits::EXACT;
    let mut search = Search {
        work_limit: if exact { limits::EXACT_WORK } else { limits::WORK },
        scratch: oracle.clone(),
        oracle,
        items,
        cuts: Vec::new(),
        nodes: 0,
        node_limit: 0,
        found: BTreeSet::new(),
        met: 0,
        tally: None,
        by_rank,
    };
    let mut answer = Answer { lower: Some(0), ..Answer::default() };
    let result = if monotone { search.branch(exact, &mut answer) } else { search.exhaust(exact, &mut answer) };
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

    fn is_exhausted(&self) -> bool {
        self.oracle.work().saturating_add(self.scratch.work()) > self.work_limit
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

    fn begin_pass(&mut self, nodes: u64) {
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
