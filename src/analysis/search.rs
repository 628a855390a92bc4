//! Searches for minimal sets that reach a goal. Used for unlock sets and summit sets.
//!
//! If the goal is monotone in the set, a set reaches it exactly if it has a member in every *blocked set*: the
//! complement of a set that does not reach the goal. So minimal sets are the minimal transversals of the minimal
//! blocked sets. Blocked sets are generated on demand: a set that does not reach the goal is enlarged until nothing
//! more can be added, and the rest is a blocked set. The search branches on the members of a blocked set without a
//! chosen member. Disjoint blocked sets give a lower bound on cost; dual ascent also uses overlapping ones where costs
//! differ. Finding a minimum is target-set selection, which is NP-hard, hence the budgets. If the goal is not monotone,
//! all sets are tried in order of size.

mod branch;

use std::collections::BTreeSet;

use super::limits;
use crate::engine::Failure;

/// The operations that a search needs. Items are added one after the other and removed in reverse order.
pub(super) trait Oracle {
    /// Number of items, numbered from 0.
    fn items(&self) -> usize;
    /// Adds an item and everything that follows from it.
    fn add(&mut self, item: usize) -> Result<(), Failure>;
    /// The current position, for `undo`; 0 if nothing has been added.
    fn mark(&self) -> usize;
    /// Returns to a position given by `mark`.
    fn undo(&mut self, mark: usize);
    /// Whether an item has been added or follows from added items.
    fn has(&self, item: usize) -> bool;
    /// Whether the goal is reached.
    fn reached(&mut self) -> Result<bool, Failure>;
    /// Whether an item added before might follow from the others. May return `true` wrongly, but not `false`.
    fn may_follow(&mut self, item: usize) -> Result<bool, Failure>;
    /// Adds items in this order unless the goal (or a chosen part of it) would be reached, and returns the items left
    /// out.
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
    /// The number of items in the hypothesis, added ones and those that follow.
    fn size(&self) -> usize;
}

/// The limits of a search.
#[derive(Clone, Copy, Debug)]
pub(super) struct Budget {
    /// Nodes of a listing pass.
    pub(super) listing: u64,
    /// Nodes of a proving pass.
    pub(super) proof: u64,
    /// Operations of a proving pass.
    pub(super) proof_work: u64,
}

impl Budget {
    /// The default budget for this number of items.
    fn of(items: usize) -> Self {
        let (proof, proof_work) = if items <= limits::EXACT {
            (limits::EXACT_NODES, limits::EXACT_WORK)
        } else {
            (limits::PROOF_NODES, limits::PROOF_WORK)
        };
        Self { listing: limits::LISTING_NODES, proof, proof_work }
    }
}

/// Properties of the items of a search.
#[derive(Clone, Debug)]
pub(super) struct Items {
    /// The cost of each item, in millionths.
    pub(super) costs: Vec<i64>,
    /// The rank of each item in name order.
    pub(super) ranks: Vec<u32>,
    /// The owner of each item, as an index.
    pub(super) owners: Vec<usize>,
    /// Number of owners.
    pub(super) owner_count: usize,
    /// The equivalence class of each item; items of one class are interchangeable.
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

/// The result of a search.
#[derive(Clone, Debug, Default)]
pub(super) struct Answer {
    /// Minimal sets as item indices, in output order.
    pub(super) sets: Vec<(i64, Vec<usize>)>,
    /// A lower bound on the cost of a minimal set; `None` if there is no set.
    pub(super) lower: Option<i64>,
    /// The cost of the cheapest known set.
    pub(super) upper: Option<i64>,
    /// Whether the bounds are proved to be equal, or it is proved that there is no set.
    pub(super) proved: bool,
    /// Number of minimal sets.
    pub(super) count: u64,
    /// Whether `count` is exact rather than a lower bound.
    pub(super) count_is_exact: bool,
    /// All minimal sets up to this cost are in `sets` unless the list is full; `None` if that is not known.
    pub(super) complete_to: Option<i64>,
    /// The owners in every minimum set and those in at least one; `None` if not every minimum set was seen.
    pub(super) owners: Option<(Vec<usize>, Vec<usize>)>,
}

/// The state of a search.
struct Search<'o, O> {
    budget: Budget,
    /// Holds the set under construction.
    oracle: O,
    /// Empty between uses.
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
    /// Minimal sets found in this pass.
    met: u64,
    tally: Option<Tally>,
    /// The item of each rank.
    by_rank: Vec<u32>,
}

/// The owners in all and in some of the minimum sets of a pass.
struct Tally {
    cost: i64,
    all: Bits,
    some: Bits,
}

/// Searches for minimal sets. `monotone` promises that a superset of a set that reaches the goal reaches it too.
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
    search.write_answer(&mut answer);
    Ok(answer)
}

impl<O: Oracle> Search<'_, O> {
    /// Moves the results into the answer.
    fn write_answer(self, answer: &mut Answer) {
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

    /// Records a minimal set. Each pass finds a set at most once.
    fn record(&mut self, set: &[usize]) {
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

/// Exhaustive search for goals that are not monotone: all sets in order of size, without supersets of sets already
/// found.
impl<O: Oracle> Search<'_, O> {
    fn exhaust(&mut self, answer: &mut Answer) -> Result<(), Stop> {
        let count = self.oracle.items();
        self.begin_pass(self.budget.proof, self.budget.proof_work);
        let mut cheapest = self.items.costs.clone();
        cheapest.sort_unstable();
        let mut minimal = Vec::new();
        for size in 0..=count {
            // All smaller sets have been tried, so every remaining set costs at least this.
            let floor = cheapest[..size].iter().fold(0, |sum: i64, &cost| sum.saturating_add(cost));
            let best = self.found.first().map(|(cost, _)| *cost);
            answer.lower = Some(best.map_or(floor, |best| best.min(floor)));
            answer.proved = best.is_some_and(|best| best <= floor);
            if minimal.iter().any(|found: &Bits| found.iter().next().is_none()) {
                break;
            }
            let mut chosen = Vec::with_capacity(size);
            let before = minimal.len();
            self.choose(size, 0, &mut chosen, before, &mut minimal)?;
        }
        answer.proved = true;
        answer.count_is_exact = true;
        answer.count = self.met;
        answer.complete_to = Some(i64::MAX);
        answer.owners = Some((Vec::new(), Vec::new()));
        if self.found.is_empty() {
            answer.lower = None;
        }
        Ok(())
    }

    /// Tries every choice of `left` more items with index `from` or higher.
    fn choose(
        &mut self,
        left: usize,
        from: usize,
        chosen: &mut Vec<usize>,
        before: usize,
        minimal: &mut Vec<Bits>,
    ) -> Result<(), Stop> {
        self.spend_node()?;
        if left == 0 {
            if self.oracle.reached()? {
                self.record(chosen);
                let mut set = Bits::new(self.oracle.items());
                chosen.iter().for_each(|&item| set.insert(item));
                minimal.push(set);
            }
            return Ok(());
        }
        for item in from..=self.oracle.items() - left {
            chosen.push(item);
            if !contains_any(&minimal[..before], chosen, self.oracle.items()) {
                let mark = self.oracle.mark();
                self.oracle.add(item)?;
                self.choose(left - 1, item + 1, chosen, before, minimal)?;
                self.oracle.undo(mark);
            }
            chosen.pop();
        }
        Ok(())
    }
}

fn contains_any(found: &[Bits], chosen: &[usize], items: usize) -> bool {
    let mut set = Bits::new(items);
    chosen.iter().for_each(|&item| set.insert(item));
    found.iter().any(|smaller| smaller.count_outside(&set) == 0)
}

/// A set of numbers below a limit given at construction.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Bits {
    words: Vec<u64>,
}

impl Bits {
    fn new(count: usize) -> Self {
        Self { words: vec![0; count.div_ceil(64)] }
    }

    #[inline]
    fn insert(&mut self, at: usize) {
        self.words[at / 64] |= 1 << (at % 64);
    }

    #[inline]
    fn remove(&mut self, at: usize) {
        self.words[at / 64] &= !(1 << (at % 64));
    }

    #[inline]
    fn contains(&self, at: usize) -> bool {
        self.words[at / 64] & (1 << (at % 64)) != 0
    }

    /// Number of members that are not in `other`.
    fn count_outside(&self, other: &Self) -> usize {
        self.words.iter().zip(&other.words).map(|(a, b)| (a & !b).count_ones() as usize).sum()
    }

    fn add_all(&mut self, other: &Self) {
        self.words.iter_mut().zip(&other.words).for_each(|(a, b)| *a |= b);
    }

    fn keep_only(&mut self, other: &Self) {
        self.words.iter_mut().zip(&other.words).for_each(|(a, b)| *a &= b);
    }

    /// The members in ascending order.
    fn iter(&self) -> impl Iterator<Item = usize> + '_ {
        self.words.iter().enumerate().flat_map(|(at, &word)| {
            std::iter::successors((word != 0).then_some(word), |word| {
                let rest = word & (word - 1);
                (rest != 0).then_some(rest)
            })
            .map(move |word| at * 64 + word.trailing_zeros() as usize)
        })
    }
}

/// A list of bit sets of one size, stored contiguously.
#[derive(Clone, Debug)]
struct Cuts {
    stride: usize,
    words: Vec<u64>,
}

impl Cuts {
    fn new(count: usize) -> Self {
        Self { stride: count.div_ceil(64).max(1), words: Vec::new() }
    }

    fn len(&self) -> usize {
        self.words.len() / self.stride
    }

    /// The number of machine words of all sets together.
    fn size(&self) -> usize {
        self.words.len()
    }

    fn push(&mut self, cut: &Bits) {
        let at = self.words.len();
        self.words.extend_from_slice(&cut.words);
        self.words.resize(at + self.stride, 0);
    }

    /// The sets that have no member in common with `members`, as slices for [`outside`].
    fn unmet<'a>(&'a self, members: &'a Bits) -> impl Iterator<Item = &'a [u64]> {
        let meets = |cut: &[u64]| cut.iter().zip(&members.words).any(|(a, b)| a & b != 0);
        self.words.chunks_exact(self.stride).filter(move |cut| !meets(cut))
    }
}

/// Number of members of a cut that are not in `other`.
fn count_outside(cut: &[u64], other: &Bits) -> u32 {
    cut.iter().zip(&other.words).map(|(a, b)| (a & !b).count_ones()).sum()
}

/// The members of a cut that are not in `other`, in ascending order.
fn outside<'a>(cut: &'a [u64], other: &'a Bits) -> impl Iterator<Item = usize> + 'a {
    cut.iter().zip(&other.words).enumerate().flat_map(|(at, (a, b))| {
        let word = a & !b;
        std::iter::successors((word != 0).then_some(word), |word| {
            let rest = word & (word - 1);
            (rest != 0).then_some(rest)
        })
        .map(move |word| at * 64 + word.trailing_zeros() as usize)
    })
}
