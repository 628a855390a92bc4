//! Brute-force answers from the definitions: own evaluation, own exchange, all subsets.

use super::sketch::{E, Sketch};
use crate::model::{InstanceId, State};

/// States of the promises, with what has been delivered of each gift.
#[derive(Clone)]
pub(super) struct Position<'a> {
    pub(super) sketch: &'a Sketch,
    pub(super) states: Vec<State>,
    pub(super) delivered: Vec<Vec<i64>>,
}

impl<'a> Position<'a> {
    pub(super) fn of(sketch: &'a Sketch) -> Self {
        Self {
            sketch,
            states: sketch.promises.iter().map(|promise| promise.state).collect(),
            delivered: sketch.promises.iter().map(|promise| promise.delivered.clone()).collect(),
        }
    }

    fn is_offered(&self, at: usize) -> bool {
        match self.states[at] {
            State::Conditional | State::Detached => true,
            State::Satisfied => !self.sketch.promises[at].maintain,
            State::Null | State::Pending | State::Violated | State::Expired | State::Terminated => false,
        }
    }

    fn is_bound(&self, at: usize) -> bool {
        self.is_offered(at) && self.states[at] != State::Conditional
    }

    fn members(&self, group: usize) -> Vec<usize> {
        if group == 0 { (0..self.sketch.actors).collect() } else { self.sketch.groups[group - 1].clone() }
    }

    /// Sums over the gifts of `resource` by members of `group` other than the reader's debtor.
    fn sum(&self, resource: usize, group: usize, reader: Option<usize>, part: impl Fn(usize, usize) -> i64) -> f64 {
        let members = self.members(group);
        let mut total = 0;
        for (at, promise) in self.sketch.promises.iter().enumerate() {
            if members.contains(&promise.debtor) && reader != Some(promise.debtor) {
                for (gift, &(given, _)) in promise.gives.iter().enumerate() {
                    total += if given == resource { part(at, gift) } else { 0 };
                }
            }
        }
        total as f64
    }

    /// The value of a number, or 1 and 0 for conditions; `asks` is the promise whose condition it is.
    pub(super) fn value(&self, e: &E, asks: Option<usize>) -> f64 {
        let debtor = asks.map(|at| self.sketch.promises[at].debtor);
        let amount = |at: usize, gift: usize| self.sketch.promises[at].gives[gift].1;
        let offered = |at: usize, gift: usize| if self.is_offered(at) { amount(at, gift) } else { 0 };
        let bound = |at: usize, gift: usize| if self.is_bound(at) { amount(at, gift) } else { 0 };
        let truth = |value: bool| f64::from(u8::from(value));
        match e {
            E::Number(value) => *value,
            E::Offered(r, g) => self.sum(*r, *g, debtor, offered),
            E::Bound(r, g) => self.sum(*r, *g, debtor, bound),
            E::Delivered(r, g) => self.sum(*r, *g, debtor, |at, gift| self.delivered[at][gift]),
            E::Parties(r, g) => {
                let is_party = |actor: &usize| {
                    self.sketch.promises.iter().enumerate().any(|(at, promise)| {
                        promise.debtor == *actor
                            && self.is_bound(at)
                            && promise.gives.iter().any(|&(given, _)| given == *r)
                    })
                };
                self.members(*g).iter().filter(|&&actor| debtor != Some(actor)).filter(|a| is_party(a)).count() as f64
            }
            E::Assured(r, g, observer) => {
                let observer = observer.or(debtor).unwrap();
                let (offer, bond) = (self.sketch.credit_offer, self.sketch.credit_bond);
                let mut sum = 0.0;
                for actor in self.members(*g).into_iter().filter(|&actor| actor != observer) {
                    let of = |part: &dyn Fn(usize, usize) -> i64| {
                        let mut total = 0;
                        for (at, promise) in self.sketch.promises.iter().enumerate() {
                            if promise.debtor == actor {
                                for (gift, &(given, _)) in promise.gives.iter().enumerate() {
                                    total += if given == *r { part(at, gift) } else { 0 };
                                }
                            }
                        }
                        total
                    };
                    let d = of(&|at, gift| self.delivered[at][gift]);
                    let b = of(&|at, gift| bound(at, gift).max(self.delivered[at][gift]));
                    let o = of(&|at, gift| offered(at, gift).max(bound(at, gift)).max(self.delivered[at][gift]));
                    sum += d as f64 + self.sketch.trust * ((bond - offer) * (b - d) as f64 + offer * (o - d) as f64);
                }
                sum
            }
            E::Offers(c) => truth(self.is_offered(*c) && asks != Some(*c)),
            E::Bonds(c) => truth(self.is_bound(*c) && asks != Some(*c)),
            E::BoundAt(c) => {
                // Everything happens at step 0, and nothing was unbound before.
                let was =
                    matches!(self.states[*c], State::Detached | State::Pending | State::Satisfied | State::Violated);
                if was { 0.0 } else { f64::INFINITY }
            }
            E::Deadlocked => self.gap().len() as f64,
            E::Add(a, b) => self.value(a, asks) + self.value(b, asks),
            E::Is(comparison, a, b) => truth(comparison.holds(self.value(a, asks), self.value(b, asks))),
            E::And(a, b) => truth(self.holds(a, asks) && self.holds(b, asks)),
            E::Or(a, b) => truth(self.holds(a, asks) || self.holds(b, asks)),
            E::Not(a) => truth(!self.holds(a, asks)),
            E::If(c, a, b) => self.value(if self.holds(c, asks) { a } else { b }, asks),
        }
    }

    pub(super) fn holds(&self, e: &E, asks: Option<usize>) -> bool {
        self.value(e, asks) == 1.0
    }

    fn agrees(&self, at: usize) -> bool {
        self.sketch.promises[at].when.as_ref().is_none_or(|when| self.holds(when, Some(at)))
    }

    fn stays(&self, at: usize) -> bool {
        self.sketch.promises[at].stay.as_ref().is_none_or(|stay| self.holds(stay, Some(at)))
    }

    pub(super) fn conditional(&self) -> Vec<usize> {
        (0..self.states.len()).filter(|&at| self.states[at] == State::Conditional).collect()
    }

    pub(super) fn with(&self, bound: &[usize]) -> Self {
        let mut next = self.clone();
        bound.iter().for_each(|&at| next.states[at] = State::Detached);
        next
    }

    /// Performs an Exchange in rounds, as the model specifies.
    pub(super) fn exchanged(mut self) -> Self {
        loop {
            let round: Vec<usize> = self.conditional().into_iter().filter(|&at| self.agrees(at)).collect();
            if round.is_empty() {
                return self;
            }
            self = self.with(&round);
        }
    }

    /// The union of all sets that would agree if exactly they were bound.
    pub(super) fn greatest(&self, among: &[usize]) -> Vec<usize> {
        let mut union = vec![false; self.states.len()];
        for set in subsets(among) {
            let bound = self.with(&set);
            if set.iter().all(|&at| bound.agrees(at)) {
                set.iter().for_each(|&at| union[at] = true);
            }
        }
        (0..union.len()).filter(|&at| union[at]).collect()
    }

    pub(super) fn gap(&self) -> Vec<usize> {
        self.greatest(&self.conditional())
    }

    pub(super) fn reaches(&self, gap: &[usize], goal: Option<&E>) -> bool {
        match goal {
            None => gap.iter().all(|&at| self.states[at] == State::Detached),
            Some(goal) => self.holds(goal, None),
        }
    }

    /// The distance of a promise from being made unasked, by its definition.
    pub(super) fn distance(&self, at: usize) -> f64 {
        if matches!(self.states[at], State::Expired | State::Terminated) {
            return f64::INFINITY;
        }
        self.sketch.promises[at].when.as_ref().map_or(0.0, |when| self.far(when, at, true))
    }

    fn far(&self, e: &E, at: usize, wanted: bool) -> f64 {
        match e {
            E::Not(a) => self.far(a, at, !wanted),
            E::And(a, b) if wanted => self.far(a, at, true) + self.far(b, at, true),
            E::Or(a, b) if !wanted => self.far(a, at, false) + self.far(b, at, false),
            E::And(a, b) | E::Or(a, b) => self.far(a, at, wanted).min(self.far(b, at, wanted)),
            E::Is(_, left, right) => {
                let mut reads = Vec::new();
                quantities(left, &mut reads);
                quantities(right, &mut reads);
                let (left, right) = (self.value(left, Some(at)), self.value(right, Some(at)));
                if self.holds(e, Some(at)) == wanted {
                    0.0
                } else if reads.is_empty() {
                    f64::INFINITY
                } else if left == right {
                    1e-6
                } else {
                    (left - right).abs() / left.abs().max(right.abs())
                }
            }
            E::Number(_)
            | E::Offered(..)
            | E::Bound(..)
            | E::Delivered(..)
            | E::Parties(..)
            | E::Assured(..)
            | E::Offers(_)
            | E::Bonds(_)
            | E::BoundAt(_)
            | E::Deadlocked
            | E::Add(..)
            | E::If(..) => unreachable!("no other condition is made"),
        }
    }

    /// All minimal unlock sets without some moves.
    pub(super) fn unlock(&self, goal: Option<&E>, any: bool, not: &[InstanceId]) -> Vec<Vec<usize>> {
        let gap = self.gap();
        let is_move = |at: &usize| match self.states[*at] {
            State::Conditional => true,
            State::Null | State::Expired | State::Terminated => any,
            State::Detached | State::Pending | State::Satisfied | State::Violated => false,
        };
        let is_move = |at: &usize| is_move(at) && !not.contains(&InstanceId::at(*at));
        let moves: Vec<usize> = (0..self.states.len()).filter(is_move).collect();
        let unlocks: Vec<Vec<usize>> =
            subsets(&moves).filter(|set| self.with(set).exchanged().reaches(&gap, goal)).collect();
        minimal(&unlocks)
    }

    /// All minimal summit sets.
    pub(super) fn summit(&self, goal: Option<&E>) -> Vec<Vec<usize>> {
        let gap = self.gap();
        let mut actors: Vec<usize> = self.conditional().iter().map(|&at| self.sketch.promises[at].debtor).collect();
        actors.sort_unstable();
        actors.dedup();
        let reaches = |room: &Vec<usize>| {
            let offers: Vec<usize> =
                self.conditional().into_iter().filter(|&at| room.contains(&self.sketch.promises[at].debtor)).collect();
            self.with(&self.greatest(&offers)).exchanged().reaches(&gap, goal)
        };
        minimal(&subsets(&actors).filter(reaches).collect::<Vec<_>>())
    }

    fn suspend(&mut self, at: usize) {
        self.states[at] = State::Pending;
        if self.sketch.promises[at].maintain {
            self.delivered[at].fill(0);
        }
    }

    /// Rounds of suspensions after an actor's exit, or without an exit.
    fn unravelled(&self, leaving: Option<usize>) -> Vec<Vec<usize>> {
        let mut now = self.clone();
        for at in 0..now.states.len() {
            if now.states[at] == State::Detached && Some(self.sketch.promises[at].debtor) == leaving {
                now.suspend(at);
            }
        }
        let mut waves = Vec::new();
        loop {
            let detached = (0..now.states.len()).filter(|&at| now.states[at] == State::Detached);
            let wave: Vec<usize> = detached.filter(|&at| !now.stays(at)).collect();
            if wave.is_empty() {
                return waves;
            }
            wave.iter().for_each(|&at| now.suspend(at));
            waves.push(wave);
        }
    }

    pub(super) fn keystones(&self) -> Vec<(usize, Vec<Vec<usize>>)> {
        let anyway: Vec<usize> = self.unravelled(None).into_iter().flatten().collect();
        let mut found = Vec::new();
        for actor in 0..self.sketch.actors {
            let owns = |at: usize| self.states[at] == State::Detached && self.sketch.promises[at].debtor == actor;
            if !(0..self.states.len()).any(owns) {
                continue;
            }
            let mut waves = self.unravelled(Some(actor));
            waves.iter_mut().for_each(|wave| wave.retain(|at| !anyway.contains(at)));
            waves.retain(|wave| !wave.is_empty());
            if !waves.is_empty() {
                found.push((actor, waves));
            }
        }
        found
    }

    /// The wait-for graph.
    pub(super) fn waits(&self) -> Vec<(usize, usize)> {
        let gap = self.gap();
        let mut edges = Vec::new();
        for &from in &gap {
            let mut comparisons = Vec::new();
            if let Some(when) = &self.sketch.promises[from].when {
                collect(when, true, &mut comparisons);
            }
            for &to in &gap {
                let after = self.with(&[to]);
                let waits = comparisons.iter().any(|(comparison, wanted)| {
                    let E::Is(_, a, b) = comparison else { unreachable!() };
                    let mut reads = Vec::new();
                    quantities(a, &mut reads);
                    quantities(b, &mut reads);
                    self.holds(comparison, Some(from)) != *wanted
                        && reads.iter().any(|q| self.value(q, Some(from)) != after.value(q, Some(from)))
                });
                if waits {
                    edges.push((from, to));
                }
            }
        }
        edges
    }
}

#[expect(clippy::wildcard_enum_match_arm, reason = "the rest are quantities")]
fn collect<'e>(e: &'e E, wanted: bool, out: &mut Vec<(&'e E, bool)>) {
    match e {
        E::Is(_, a, b) => {
            out.push((e, wanted));
            collect(a, wanted, out);
            collect(b, wanted, out);
        }
        E::Add(a, b) | E::And(a, b) | E::Or(a, b) => {
            collect(a, wanted, out);
            collect(b, wanted, out);
        }
        E::Not(a) => collect(a, !wanted, out),
        E::If(c, a, b) => [c, a, b].into_iter().for_each(|part| collect(part, wanted, out)),
        _ => {}
    }
}

#[expect(clippy::wildcard_enum_match_arm, reason = "the rest are quantities")]
fn quantities<'e>(e: &'e E, out: &mut Vec<&'e E>) {
    match e {
        E::Number(_) => {}
        E::Is(_, a, b) | E::Add(a, b) | E::And(a, b) | E::Or(a, b) => {
            quantities(a, out);
            quantities(b, out);
        }
        E::Not(a) => quantities(a, out),
        E::If(c, a, b) => [c, a, b].into_iter().for_each(|part| quantities(part, out)),
        _ => out.push(e),
    }
}

pub(super) fn subsets(of: &[usize]) -> impl Iterator<Item = Vec<usize>> + '_ {
    (0_u32..1 << of.len())
        .map(|mask| of.iter().enumerate().filter(|(bit, _)| mask & (1 << bit) != 0).map(|(_, &at)| at).collect())
}

/// The sets without a proper subset among them.
fn minimal(sets: &[Vec<usize>]) -> Vec<Vec<usize>> {
    let contains = |big: &Vec<usize>, small: &Vec<usize>| small.iter().all(|at| big.contains(at));
    let is_minimal = |set: &&Vec<usize>| !sets.iter().any(|other| other != *set && contains(set, other));
    sets.iter().filter(is_minimal).cloned().collect()
}
