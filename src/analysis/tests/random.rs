//! Random small cases against brute force.

use super::super::{Cost, Question};
use super::brute::Position;
use super::check;
use super::sketch::{E, Promise, Sketch};
use crate::model::{Comparison, OutcomeId, ResourceId, State};

/// A small generator of its own (splitmix64).
struct Dice {
    state: u64,
    mood: Mood,
}

/// What kind of cases to make.
#[derive(Clone, Copy, PartialEq)]
enum Mood {
    /// Of all kinds.
    Any,
    /// Deadlocked, nearly always.
    Deadlocked,
    /// Most is bound, as long as others are.
    Bound,
}

impl Dice {
    fn below(&mut self, count: usize) -> usize {
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

    /// A comparison that more evidence can only make true.
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
        // Only a state after an Exchange is explained.
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

#[test]
fn random_states_agree_with_brute_force() {
    let count = if cfg!(debug_assertions) { 3_000 } else { 60_000 };
    for seed in 0..count {
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
            cost: [Cost::Moves, Cost::Declared, Cost::Resource(ResourceId(0))][dice.below(3)],
            any: dice.chance(3),
            summit: true,
            keystones: true,
        };
        check(&sketch, &question);
    }
}
