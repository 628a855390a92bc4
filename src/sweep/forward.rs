//! Forward simulation of first moves: runs the rest of a run after each set of them.
//!
//! A future is the result of `fork --at STEP --move C …`: the run up to the step, the moves at that step, and the rest
//! with the random numbers of the run or of another replicate. Sets that differ only in interchangeable instances are
//! simulated once.

use std::collections::BTreeMap;
use std::ops::Range;

use super::execute::{Batch, Next, execute};
use super::limits;
use super::session::Progress;
use crate::engine::{Checkpoint, Plan, RunSeed, RunSnapshot, Stage};
use crate::model::{Bind, Ending, InstanceId, Model, Move, OutcomeId, State, Trigger, World};
use crate::store::Lineage;

/// The sets to simulate.
#[derive(Clone, Copy, Debug)]
pub struct Forward<'a> {
    /// The models of the run.
    pub lineage: &'a Lineage,
    /// Its seed and replicate.
    pub run_seed: RunSeed,
    /// The step at which the moves are made: not before the last fork of the run, and a step that the run reaches.
    pub at: u32,
    /// The possible first moves, in declaration order.
    pub moves: &'a [InstanceId],
    /// The equivalence class of each move; moves of one class are interchangeable.
    pub classes: &'a [u32],
    /// The largest number of moves in a set.
    pub largest: usize,
    /// The number of replicates whose random numbers are used from that step on; `None` uses only those of the run.
    pub replicates: Option<u64>,
    /// The largest number of runs. Sets are simulated completely, so it must be at least the number of runs of one set.
    pub budget: u64,
}

/// The simulated futures.
#[derive(Clone, Debug, PartialEq)]
pub struct Futures {
    /// Every simulated set, in this order: the empty set, then by size, then by declaration.
    pub sets: Vec<MoveSet>,
    /// The number of sets of each size.
    pub sizes: Vec<SetsOfSize>,
    /// The number of runs.
    pub runs: u64,
}

/// The sets of a size.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SetsOfSize {
    /// The size.
    pub moves: usize,
    /// The number of sets, interchangeable ones counted once; `u64::MAX` if there are more.
    pub sets: u64,
    /// The number of simulated sets.
    pub simulated: u64,
}

/// A set of first moves with the counts of its futures.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct MoveSet {
    /// The moves, in declaration order.
    pub moves: Vec<InstanceId>,
    /// The classes of its moves, sorted: equal for sets that differ only in interchangeable instances.
    pub classes: Vec<u32>,
    /// The number of sets that it represents, including itself; `u64::MAX` if there are more.
    pub alike: u64,
    /// Its futures.
    pub runs: u64,
    /// Futures that failed.
    pub failed: u64,
    /// Futures that end in a deadlock.
    pub deadlocks: u64,
    /// Futures that end in a stalemate.
    pub stalemates: u64,
    /// The counts for each outcome.
    pub outcomes: Vec<OutcomeCounts>,
    /// Promises that are broken at the step of the moves or later, with the number of futures, most frequent first; at
    /// most [`limits::FORWARD_BROKEN`].
    pub broken: Vec<(InstanceId, u64)>,
}

/// How often an outcome is reached.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct OutcomeCounts {
    /// Futures that reach it, whether it lasts or not.
    pub reached: u64,
    /// Futures that end in it.
    pub ended: u64,
    /// The median step at which it is first reached, over the futures that reach it; the lower one of two middle steps.
    pub median: Option<u32>,
}

/// The goal of first moves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Goal {
    /// An outcome.
    Outcome(OutcomeId),
    /// An end without a deadlock.
    NoDeadlock,
}

impl MoveSet {
    /// The counts for a goal.
    #[must_use]
    pub fn counts(&self, goal: Goal) -> OutcomeCounts {
        match goal {
            Goal::Outcome(outcome) => self.outcomes[outcome.index()],
            Goal::NoDeadlock => {
                let open = self.runs - self.failed - self.deadlocks;
                OutcomeCounts { reached: open, ended: open, median: None }
            }
        }
    }
}

impl Futures {
    /// The sets, best first: by the share of futures that reach the goal, then by the share of those that end in it,
    /// then by the median step, then by the number of moves. The empty set comes before all others.
    #[must_use]
    pub fn ranked(&self, goal: Goal) -> Vec<&MoveSet> {
        let mut ranked: Vec<&MoveSet> = self.sets.iter().collect();
        ranked.sort_by_cached_key(|set| (!set.moves.is_empty(), worth(set, goal), set.moves.len()));
        ranked
    }

    /// As [`Self::ranked`], without the sets that reach the goal no more often and no earlier than one of their
    /// subsets.
    #[must_use]
    pub fn better_than_subsets(&self, goal: Goal) -> Vec<&MoveSet> {
        let known: BTreeMap<&[u32], Worth> = self.sets.iter().map(|set| (&set.classes[..], worth(set, goal))).collect();
        let is_better = |set: &&MoveSet| {
            let own = worth(set, goal);
            parts(&set.classes).iter().all(|part| known.get(&part[..]).is_none_or(|&other| own < other))
        };
        self.ranked(goal).into_iter().filter(is_better).collect()
    }
}

/// The sort key of sets, smallest for the best: the number of futures that reach the goal and that end in it, and the
/// median step.
type Worth = (std::cmp::Reverse<u64>, std::cmp::Reverse<u64>, u32);

fn worth(set: &MoveSet, goal: Goal) -> Worth {
    let OutcomeCounts { reached, ended, median } = set.counts(goal);
    (std::cmp::Reverse(reached), std::cmp::Reverse(ended), median.unwrap_or(u32::MAX))
}

/// The proper subsets of a small set.
fn parts(classes: &[u32]) -> Vec<Vec<u32>> {
    let whole = (1_u32 << classes.len().min(limits::FORWARD_MOVES)) - 1;
    let of = |mask: u32| (0..classes.len()).filter(|at| mask >> at & 1 == 1).map(|at| classes[at]).collect();
    (0..whole).map(of).collect()
}

/// One future.
struct Future {
    ending: Option<Ending>,
    reached: Vec<Option<u32>>,
    broken: Vec<InstanceId>,
}

/// Consecutive futures.
#[derive(Default)]
struct FutureBatch(Vec<Future>);

impl Batch for FutureBatch {
    fn size(&self) -> usize {
        let one = |future: &Future| size_of::<Future>() + 8 * future.reached.len() + 4 * future.broken.len();
        self.0.iter().map(one).sum()
    }
}

/// Simulates the futures on `jobs` threads; `go_on` receives the progress and returns whether to continue. The results
/// do not depend on the number of threads.
///
/// Returns `None` if the run does not reach the step.
#[must_use]
pub fn simulate(request: Forward<'_>, jobs: usize, go_on: &mut dyn FnMut(Progress) -> bool) -> Option<Futures> {
    let replicates = request.replicates.unwrap_or(1).max(1);
    let (sets, sizes) = plan_sets(request, (request.budget / replicates).clamp(1, limits::FORWARD_SETS));
    let stages = request.lineage.stages();
    let models: Vec<(Model, Plan)> = stages.iter().map(|stage| with_moves(stage.model, request)).collect();
    let stages: Vec<Stage<'_>> =
        stages.iter().zip(&models).map(|(stage, (model, plan))| Stage { model, plan, ..*stage }).collect();
    let past = RunSnapshot::new(&stages, request.run_seed, request.at)?;
    let (last, _) = models.last()?;
    let worker = || {
        let mut model = last.clone();
        let mut made = usize::MAX;
        let (past, sets) = (&past, &sets);
        move |run: u64, out: &mut FutureBatch| {
            let at = usize::try_from(run / replicates).unwrap_or(usize::MAX);
            if made != at {
                make(&mut model, request, &sets[at]);
                made = at;
            }
            let run_seed =
                request.replicates.map(|_| RunSeed { seed: request.run_seed.seed, replicate: run % replicates });
            out.0.push(future(past, &model, run_seed));
        }
    };
    let total = replicates * sets.len() as u64;
    let mut futures = Futures { sets: Vec::new(), sizes, runs: 0 };
    let members = members(request.classes);
    let mut tally = Tally::default();
    let take = |batch: Option<(Range<u64>, FutureBatch)>| -> Result<Next, std::convert::Infallible> {
        for future in batch.into_iter().flat_map(|(_, played)| played.0) {
            futures.runs += 1;
            tally.add(future);
            if tally.runs == replicates {
                let set = &sets[futures.sets.len()];
                futures.sets.push(std::mem::take(&mut tally).into_set(request, &members, set, last));
            }
        }
        let more = go_on(Progress { done: futures.runs, total, before: 0 });
        Ok(if more { Next::Continue } else { Next::Stop })
    };
    let Ok(_) = execute(0..total, jobs, worker, take);
    for size in &mut futures.sizes {
        size.simulated = futures.sets.iter().filter(|set| set.moves.len() == size.moves).count() as u64;
    }
    Some(futures)
}

/// The model with additional moves, as many as a set may have, that are initially never made.
fn with_moves(model: &Model, request: Forward<'_>) -> (Model, Plan) {
    let mut model = model.clone();
    for number in 1..=request.largest.min(request.moves.len()) {
        model.moves.push(Move {
            id: format!("move_{number}"),
            name: None,
            trigger: Trigger::On(Vec::new()),
            binds: Vec::new(),
            any: true,
        });
    }
    let plan = Plan::new(&model);
    (model, plan)
}

/// Sets the additional moves of a model to these, given by position among the possible ones.
fn make(model: &mut Model, request: Forward<'_>, set: &[usize]) {
    let declared = model.moves.len() - request.largest.min(request.moves.len());
    for (number, added) in model.moves[declared..].iter_mut().enumerate() {
        let bound = set.get(number).map(|&at| Bind { instance: request.moves[at], amounts: Vec::new() });
        added.trigger = Trigger::On(bound.iter().map(|_| request.at).collect());
        added.binds = bound.into_iter().collect();
    }
}

fn future(past: &RunSnapshot<'_>, model: &Model, run_seed: Option<RunSeed>) -> Future {
    let mut broken = Vec::new();
    let mut note = |moment, world: &World, _: &_| {
        if moment == Checkpoint::Ended {
            // A commitment that is renewed later was broken too.
            let now = (0..).zip(&world.instances).filter(|(_, instance)| {
                instance.state == State::Violated && instance.settled.step() == Some(world.step)
            });
            broken.extend(now.map(|(at, _)| InstanceId::at(at)));
        }
    };
    let run = past.go_on(model, run_seed, &mut note);
    broken.sort_unstable();
    broken.dedup();
    Future { ending: run.ending(), reached: run.world.reached.clone(), broken }
}

/// The futures of a set, counted.
#[derive(Default)]
struct Tally {
    runs: u64,
    failed: u64,
    deadlocks: u64,
    stalemates: u64,
    ended: BTreeMap<OutcomeId, u64>,
    /// By outcome, the steps at which it was reached.
    steps: Vec<Vec<u32>>,
    broken: BTreeMap<InstanceId, u64>,
}

impl Tally {
    fn add(&mut self, future: Future) {
        self.runs += 1;
        match future.ending {
            None => self.failed += 1,
            Some(Ending::Deadlock) => self.deadlocks += 1,
            Some(Ending::Stalemate) => self.stalemates += 1,
            Some(Ending::Outcome(outcome)) => *self.ended.entry(outcome).or_default() += 1,
        }
        self.steps.resize(future.reached.len().max(self.steps.len()), Vec::new());
        for (steps, reached) in self.steps.iter_mut().zip(future.reached) {
            steps.extend(reached);
        }
        for instance in future.broken {
            *self.broken.entry(instance).or_default() += 1;
        }
    }

    fn into_set(mut self, request: Forward<'_>, members: &BTreeMap<u32, u64>, set: &[usize], model: &Model) -> MoveSet {
        self.steps.resize(model.outcomes.len(), Vec::new());
        let outcomes = self.steps.iter_mut().enumerate().map(|(at, steps)| {
            steps.sort_unstable();
            OutcomeCounts {
                reached: steps.len() as u64,
                ended: self.ended.get(&OutcomeId::at(at)).copied().unwrap_or(0),
                median: steps.get(steps.len().saturating_sub(1) / 2).copied(),
            }
        });
        let outcomes = outcomes.collect();
        let mut broken: Vec<(InstanceId, u64)> = self.broken.into_iter().collect();
        broken.sort_by_key(|&(instance, times)| (std::cmp::Reverse(times), instance));
        broken.truncate(limits::FORWARD_BROKEN);
        let mut classes: Vec<u32> = set.iter().map(|&at| request.classes[at]).collect();
        classes.sort_unstable();
        MoveSet {
            moves: set.iter().map(|&at| request.moves[at]).collect(),
            alike: alike(members, &classes),
            classes,
            runs: self.runs,
            failed: self.failed,
            deadlocks: self.deadlocks,
            stalemates: self.stalemates,
            outcomes,
            broken,
        }
    }
}

/// The sets to simulate, at most `most`, by positions among the possible moves, and the number of sets of each size.
fn plan_sets(request: Forward<'_>, most: u64) -> (Vec<Vec<usize>>, Vec<SetsOfSize>) {
    let most = usize::try_from(most).unwrap_or(usize::MAX);
    let mut before = vec![None; request.classes.len()];
    let mut last: BTreeMap<u32, usize> = BTreeMap::new();
    for (at, &class) in request.classes.iter().enumerate() {
        before[at] = last.insert(class, at);
    }
    let largest = request.largest.min(request.moves.len());
    let mut sets = vec![Vec::new()];
    for size in 1..=largest {
        choose(&before, size, most, &mut Vec::new(), &mut sets);
    }
    let numbers = numbers(request.classes, largest);
    let sizes = (1..=largest).map(|moves| SetsOfSize { moves, sets: numbers[moves], simulated: 0 });
    (sets, sizes.collect())
}

/// Adds the sets of a size in lexicographic order until there are enough. The first members of a class are used, so
/// there is one set among interchangeable ones.
fn choose(before: &[Option<usize>], size: usize, most: usize, chosen: &mut Vec<usize>, sets: &mut Vec<Vec<usize>>) {
    if chosen.len() == size {
        sets.push(chosen.clone());
        return;
    }
    let first = chosen.last().map_or(0, |last| last + 1);
    for at in first..before.len() {
        if sets.len() >= most {
            return;
        }
        if before[at].is_none_or(|other| chosen.contains(&other)) {
            chosen.push(at);
            choose(before, size, most, chosen, sets);
            chosen.pop();
        }
    }
}

/// The number of sets of each size up to the largest, up to interchangeable members.
fn numbers(classes: &[u32], largest: usize) -> Vec<u64> {
    let mut numbers = vec![0_u64; largest + 1];
    numbers[0] = 1;
    for members in members(classes).into_values() {
        let members = usize::try_from(members).unwrap_or(usize::MAX);
        for size in (1..=largest).rev() {
            let more = numbers[size.saturating_sub(members)..size].iter().fold(0, |sum: u64, &n| sum.saturating_add(n));
            numbers[size] = numbers[size].saturating_add(more);
        }
    }
    numbers
}

/// The number of members of each class.
fn members(classes: &[u32]) -> BTreeMap<u32, u64> {
    let mut members = BTreeMap::new();
    classes.iter().for_each(|&class| *members.entry(class).or_default() += 1);
    members
}

/// The number of sets with as many members of each class as one with these classes, sorted.
fn alike(members: &BTreeMap<u32, u64>, classes: &[u32]) -> u64 {
    let of_class = |chosen: &[u32]| {
        let members = members.get(&chosen[0]).copied().unwrap_or(0);
        // The binomial coefficient; each step is exact.
        (0..chosen.len() as u64).try_fold(1_u64, |ways, at| Some(ways.checked_mul(members - at)? / (at + 1)))
    };
    let mut ways = classes.chunk_by(|a, b| a == b).map(of_class);
    ways.try_fold(1_u64, |product, ways| product.checked_mul(ways?)).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// All subsets up to a size, grouped by their classes.
    fn by_hand(classes: &[u32], largest: usize) -> BTreeMap<(usize, Vec<u32>), u64> {
        let mut found = BTreeMap::new();
        for mask in 0_u32..1 << classes.len() {
            let mut of: Vec<u32> = (0..classes.len()).filter(|at| mask >> at & 1 == 1).map(|at| classes[at]).collect();
            of.sort_unstable();
            if of.len() <= largest {
                *found.entry((of.len(), of)).or_default() += 1;
            }
        }
        found
    }

    #[test]
    fn sets_of_interchangeable_moves_are_chosen_once() {
        for classes in [vec![], vec![0], vec![0, 0, 0], vec![0, 1, 0, 2, 1, 0], vec![3, 1, 4, 1, 5], vec![7; 6]] {
            let by_hand = by_hand(&classes, 3);
            let mut sets = vec![Vec::new()];
            let mut before = vec![None; classes.len()];
            for at in 0..classes.len() {
                before[at] = (0..at).rev().find(|&other| classes[other] == classes[at]);
            }
            (1..=3).for_each(|size| choose(&before, size, usize::MAX, &mut Vec::new(), &mut sets));
            let mut found = BTreeMap::new();
            for set in &sets {
                let mut of: Vec<u32> = set.iter().map(|&at| classes[at]).collect();
                of.sort_unstable();
                let alike = alike(&members(&classes), &of);
                assert_eq!(found.insert((of.len(), of), alike), None, "{classes:?}");
            }
            assert_eq!(found, by_hand);
            for (size, &number) in numbers(&classes, 3).iter().enumerate() {
                assert_eq!(number, by_hand.keys().filter(|(of, _)| *of == size).count() as u64, "{classes:?} {size}");
            }
        }
    }

    #[test]
    fn a_set_is_not_better_than_a_subset_with_the_same_result() {
        let tried = |classes: &[u32], reached, median| MoveSet {
            classes: classes.to_vec(),
            moves: classes.iter().map(|&class| InstanceId(class)).collect(),
            runs: 10,
            outcomes: vec![OutcomeCounts { reached, ended: reached, median }],
            ..MoveSet::default()
        };
        let rows = [
            (&[][..], 1, Some(3)),
            (&[0], 5, Some(3)),
            (&[1], 1, Some(3)),
            (&[0, 1], 5, Some(2)),
            (&[0, 0], 5, Some(3)),
        ];
        let tried = rows.map(|(classes, reached, median)| tried(classes, reached, median)).to_vec();
        let futures = Futures { sets: tried, sizes: Vec::new(), runs: 50 };
        let shown = |rows: Vec<&MoveSet>| rows.iter().map(|row| row.classes.clone()).collect::<Vec<_>>();
        let goal = Goal::Outcome(OutcomeId::at(0));
        assert_eq!(shown(futures.ranked(goal)), [vec![], vec![0, 1], vec![0], vec![0, 0], vec![1]]);
        assert_eq!(shown(futures.better_than_subsets(goal)), [vec![], vec![0, 1], vec![0]]);
    }
}
