//! Random small cases against brute force.

use super::super::limits::NEVER;
use super::super::search::Budget;
use super::super::{Cost, Question, explain_within};
use super::brute::Position;
use super::check;
use super::sketch::{E, Promise, Sketch};
use crate::model::{Amount, Comparison, InstanceId, OutcomeId, ResourceId, State};

/// A small generator of its own (splitmix64).
pub(super) struct Dice {
    pub(super) state: u64,
    pub(super) mood: Mood,
}

/// The kind of generated cases.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Mood {
    /// Of all kinds.
    Any,
    /// Almost always deadlocked.
    Deadlocked,
    /// Most promises are bound as long as others are.
    Bound,
}

impl Dice {
    pub(super) fn below(&mut self, count: usize) -> usize {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.state;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) % count as u64) as usize
    }

    fn chance(&mut self, of: usize) -> bool {
        self.below(of) == 0
    }

    fn quantity(&mut self, sketch: &Sketch, promises: usize, outside: bool) -> (E, f64) {
        let (r, g) = (self.below(sketch.resources), self.below(sketch.groups.len() + 1));
        if self.mood != Mood::Any {
            return match self.below(4) {
                0 => (E::Bound(r, 0), (1 + self.below(4)) as f64),
                1 => (E::Parties(r, 0), (1 + self.below(2)) as f64),
                _ => (E::Bonds(self.below(promises)), 1.0),
            };
        }
        match self.below(12) {
            0..=3 => (E::Bound(r, g), self.below(9) as f64),
            4 => (E::Offered(r, g), self.below(12) as f64),
            5 => (E::Delivered(r, g), self.below(5) as f64),
            6 | 7 => (E::Parties(r, g), self.below(4) as f64),
            8 => (E::Assured(r, g, outside.then(|| self.below(sketch.actors))), self.below(9) as f64),
            9 => (E::Offers(self.below(promises)), 1.0),
            _ => (E::Bonds(self.below(promises)), 1.0),
        }
    }

    /// A comparison that is monotone in evidence.
    fn rising(&mut self, sketch: &Sketch, promises: usize, outside: bool) -> E {
        let (quantity, bound) = self.quantity(sketch, promises, outside);
        let (left, right) = match self.below(6) {
            0 => {
                let (other, more) = self.quantity(sketch, promises, outside);
                (E::Add(Box::new(quantity), Box::new(other)), E::Number(bound + more))
            }
            1 => {
                let condition = self.rising(sketch, promises, outside);
                let bonus = E::If(Box::new(condition), Box::new(E::Number(3.0)), Box::new(E::Number(0.0)));
                (E::Add(Box::new(quantity), Box::new(bonus)), E::Number(bound + 1.0))
            }
            _ => (quantity, E::Number(bound)),
        };
        match self.below(4) {
            0 => E::Is(Comparison::LessOrEqual, Box::new(right), Box::new(left)),
            1 => E::Not(Box::new(E::Is(Comparison::Less, Box::new(left), Box::new(right)))),
            2 => E::Is(Comparison::Greater, Box::new(left), Box::new(right)),
            _ => E::Is(Comparison::GreaterOrEqual, Box::new(left), Box::new(right)),
        }
    }

    fn condition(&mut self, sketch: &Sketch, promises: usize, outside: bool, depth: usize) -> E {
        if depth == 0 || self.chance(2) {
            return self.rising(sketch, promises, outside);
        }
        let a = self.condition(sketch, promises, outside, depth - 1);
        let b = self.condition(sketch, promises, outside, depth - 1);
        match self.below(5) {
            0 => E::Not(Box::new(E::Not(Box::new(a)).or(E::Not(Box::new(b))))),
            1 | 2 => a.and(b),
            _ => a.or(b),
        }
    }

    /// A condition of any kind, for `while` and outcomes.
    fn free(&mut self, sketch: &Sketch, promises: usize, outside: bool) -> E {
        match self.below(6) {
            0 => E::Not(Box::new(self.condition(sketch, promises, outside, 1))),
            1 => {
                let low = self.condition(sketch, promises, outside, 1);
                let high = self.condition(sketch, promises, outside, 1);
                low.and(E::Not(Box::new(high)))
            }
            2 if outside => E::Is(
                Comparison::Less,
                Box::new(if self.chance(2) { E::Deadlocked } else { E::BoundAt(self.below(promises)) }),
                Box::new(E::Number(1.0)),
            ),
            _ => self.condition(sketch, promises, outside, 2),
        }
    }

    fn sketch(&mut self) -> Sketch {
        let mut sketch = Sketch::new(2 + self.below(4), 1 + self.below(2));
        let actors = sketch.actors;
        for _ in 0..self.below(3) {
            let mut members: Vec<usize> = (0..actors).filter(|_| self.chance(2)).collect();
            if members.is_empty() {
                members.push(self.below(actors));
            }
            sketch.groups.push(members);
        }
        sketch.trust = [1.0, 0.5, 0.0][self.below(3)];
        (sketch.credit_offer, sketch.credit_bond) = [(0.0, 1.0), (0.25, 0.5), (0.0, 0.0)][self.below(3)];
        let promises = 1 + self.below(7);
        for _ in 0..promises {
            let promise = self.promise(&sketch, promises);
            sketch.promises.push(promise);
        }
        sketch.goal = Some(self.free(&sketch, promises, true));
        // Explanations are defined for states after an Exchange.
        let states = Position::of(&sketch).exchanged().states;
        sketch.promises.iter_mut().zip(states).for_each(|(promise, state)| promise.state = state);
        sketch
    }

    fn promise(&mut self, sketch: &Sketch, promises: usize) -> Promise {
        let mut gives = Vec::new();
        for resource in 0..sketch.resources {
            if self.below(3) > 0 {
                gives.push((resource, self.below(6) as i64));
            }
        }
        let when =
            (self.mood == Mood::Deadlocked || self.below(8) > 0).then(|| self.condition(sketch, promises, false, 2));
        let mut promise = Promise::new(self.below(sketch.actors), &gives, when);
        promise.stay = if self.mood == Mood::Bound {
            Some(self.condition(sketch, promises, false, 1))
        } else {
            self.chance(2).then(|| self.free(sketch, promises, false))
        };
        promise.maintain = self.chance(4);
        promise.cost = [1.0, 0.1, 0.2, 0.3, 2.0, 0.0][self.below(6)];
        if self.mood == Mood::Bound {
            promise.state = State::Detached;
        }
        if self.chance(if self.mood == Mood::Any { 3 } else { 8 }) {
            promise.state = State::ALL[self.below(8)];
        }
        if promise.state == State::Detached {
            for (delivered, &(_, units)) in promise.delivered.iter_mut().zip(&promise.gives) {
                *delivered = self.below(units as usize + 1) as i64;
            }
        }
        promise
    }
}

/// A state after an Exchange, and a question about it.
fn case(seed: u64) -> (Sketch, Question) {
    let mood = [Mood::Any, Mood::Deadlocked, Mood::Deadlocked, Mood::Bound][seed as usize % 4];
    let mut dice = Dice { state: seed, mood };
    let mut sketch = dice.sketch();
    for _ in 0..10 {
        if mood == Mood::Deadlocked && Position::of(&sketch).gap().is_empty() {
            sketch = dice.sketch();
        }
    }
    let question = Question {
        goal: dice.chance(2).then_some(OutcomeId(0)),
        cost: [Cost::Moves, Cost::Declared, Cost::Resource(ResourceId(0)), Cost::Distance][dice.below(4)],
        any: dice.chance(3),
        not: (0..sketch.promises.len()).filter(|_| dice.chance(6)).map(InstanceId::at).collect(),
        summit: true,
        keystones: true,
    };
    (sketch, question)
}

const CASES: u64 = if cfg!(debug_assertions) { 2_000 } else { 40_000 };

#[test]
fn random_states_agree_with_brute_force() {
    for seed in 0..CASES {
        let (sketch, question) = case(seed);
        check(&sketch, &question);
    }
}

/// Cohorts of interchangeable moves, with only the proof that uses the interchangeability.
#[test]
fn minima_among_interchangeable_moves_are_right() {
    for seed in 0..CASES / 4 {
        let mut dice = Dice { state: seed, mood: Mood::Deadlocked };
        let mut sketch = Sketch::new(0, 1);
        let kinds: Vec<(i64, f64, usize)> = (0..2 + dice.below(2))
            .map(|_| (1 + dice.below(3) as i64, (1 + dice.below(8)) as f64, 1 + dice.below(3)))
            .collect();
        for (units, bound, copies) in kinds {
            for _ in 0..copies {
                let quantity = if bound > 5.0 { E::Parties(0, 0) } else { E::Bound(0, 0) };
                sketch.promises.push(Promise::new(sketch.actors, &[(0, units)], Some(quantity.at_least(bound))));
                sketch.actors += 1;
            }
        }
        let budget = Budget { listing: 0, proof: 100_000, proof_work: 100_000_000 };
        let built = sketch.build();
        let question = Question::default();
        let found = explain_within(built.view(), &question, Some(budget)).unwrap().unlock;
        let least = Position::of(&sketch).unlock(None, false, &[]).iter().map(Vec::len).min().unwrap();
        assert!(found.proved, "{found:?}");
        assert_eq!(found.upper.unwrap().0, 1_000_000 * least as i64, "{found:?} of {sketch:#?}");
    }
}

/// With any budget, bounds hold, listed sets are minimal, and lists marked complete are complete.
#[test]
fn answers_within_a_small_budget_are_true() {
    let mut proved = 0;
    let mut stopped = 0;
    for seed in 0..CASES {
        let (sketch, question) = case(seed);
        let budget = Budget { listing: seed % 9, proof: if seed % 3 == 0 { 4 } else { 1_000 }, proof_work: 1_000_000 };
        let built = sketch.build();
        let found = explain_within(built.view(), &question, Some(budget)).unwrap().unlock;
        let goal = question.goal.map(|_| sketch.goal.as_ref().unwrap());
        let all = Position::of(&sketch).unlock(goal, question.any, &question.not);
        let cost = |set: &Vec<usize>| -> i64 { set.iter().map(|&at| cost(&sketch, question.cost, at)).sum() };
        let least = all.iter().map(cost).min();
        let listed = super::moves(&found.sets);
        let context = || format!("{found:#?} of {all:?} for {question:?} in {sketch:#?}");
        assert!(listed.iter().all(|set| all.contains(set)), "{}", context());
        assert!(found.sets.iter().zip(&listed).all(|(set, members)| set.cost.0 == cost(members)));
        match least {
            Some(least) => {
                assert!(found.lower.is_some_and(|lower| lower.0 <= least), "{}", context());
                assert!(found.upper.is_none_or(|upper| least <= upper.0), "{}", context());
                assert!(!found.proved || found.upper.is_some_and(|upper| upper.0 == least), "{}", context());
            }
            None => assert!(found.sets.is_empty() && (!found.proved || found.lower.is_none()), "{}", context()),
        }
        assert!(found.count <= all.len() as u64 && found.count >= listed.len() as u64, "{}", context());
        assert!(!found.count_is_exact || found.count == all.len() as u64, "{}", context());
        let complete = |to: i64| all.iter().filter(|set| cost(set) <= to).all(|set| listed.contains(set));
        assert!(found.complete_to.is_none_or(|to| complete(to.0)), "{}", context());
        if let (Some(least), Some(in_all)) = (least, &found.in_all) {
            let minimum: Vec<_> = all.iter().filter(|set| cost(set) == least).collect();
            let owns = |set: &Vec<usize>, actor: usize| set.iter().any(|&at| sketch.promises[at].debtor == actor);
            let expected = (0..sketch.actors).filter(|&actor| minimum.iter().all(|set| owns(set, actor)));
            assert_eq!(in_all.iter().map(|actor| actor.index()).collect::<Vec<_>>(), expected.collect::<Vec<_>>());
        }
        proved += u32::from(found.proved && !found.count_is_exact);
        stopped += u32::from(!found.proved);
    }
    assert!(proved > 10 && stopped > 10, "{proved} proved without a full list, {stopped} not proved");
}

pub(super) fn cost(sketch: &Sketch, cost: Cost, at: usize) -> i64 {
    match cost {
        Cost::Moves => 1_000_000,
        Cost::Declared => (sketch.promises[at].cost * 1e6).round() as i64,
        Cost::Resource(resource) => {
            let gives = sketch.promises[at].gives.iter().filter(|(given, _)| *given == resource.index());
            gives.map(|(_, units)| units * 1_000_000).sum()
        }
        Cost::Distance => match Position::of(sketch).distance(at) {
            far if far.is_infinite() => NEVER,
            far => Amount::from_units(far).0,
        },
    }
}
