//! Phase 2, stances: the model of Friedkin and Johnsen (1990) with a pace, and noise.
//!
//! `s ← clip(s + η·((λ·m + (1−λ)·a) − s) + σ·z)`, with `m = Σ_j ŵ_ij·s_j` summed from 0 in the actors'
//! order. All actors move on the state at the start of the phase.

use pulp::{Arch, Simd, WithSimd};

use super::super::decision::{Decision, Why};
use super::super::normals::{Tails, normal_quantiles, raw};
use super::super::random::{DrawStream, RunSeed};
use super::super::view::View;
use super::movers::Movers;
use super::weights::Weights;
use crate::model::{ActorId, Event, IssueId, Setup, is_change};

/// The noise of the volatile actors: normals for some steps ahead, drawn together.
#[derive(Clone, Debug, Default)]
pub(in super::super) struct Noise {
    /// By issue and position in `volatile`.
    sources: Vec<DrawStream>,
    volatile: Vec<ActorId>,
    /// Whether the volatile actors are all actors.
    everybody: bool,
    /// By step from `first`, then as `sources`.
    normals: Vec<f64>,
    first: u32,
    steps: u32,
    /// Steps to draw next time: few at first, since a run may stop.
    next: u32,
    tails: Tails,
}

/// Steps that are drawn together, at most: what the generator makes at once.
const AHEAD: u32 = 32;
/// Normals that are drawn together, about, at most.
const TOGETHER: usize = 1 << 15;

impl Noise {
    /// The actors whose volatility is not 0, rising.
    pub(in super::super) fn volatile(&self) -> &[ActorId] {
        &self.volatile
    }

    /// The sources of those whose volatility is not 0.
    pub(in super::super) fn reset(&mut self, view: View<'_>, luck: RunSeed) {
        self.volatile.clear();
        self.volatile.extend(view.model.actor_ids().filter(|actor| view.setup.volatility[actor.index()] > 0.0));
        self.everybody = self.volatile.len() == view.model.actors.len();
        self.sources.clear();
        for issue in 0..view.model.issues.len() {
            for &actor in &self.volatile {
                let stream = view.plan.stance_streams[view.world.stance_index(actor, IssueId::at(issue))];
                self.sources.push(luck.source(stream));
            }
        }
        (self.first, self.steps, self.next) = (0, 0, 4);
    }

    /// Sees to it that the normals of a step are there.
    fn look_ahead(&mut self, step: u32, end: u32) {
        if step < self.first || step >= self.first + self.steps {
            self.draw(step, end);
        }
    }

    /// The normals of a step and an issue, by position in `volatile`.
    fn of(&self, step: u32, issue: usize) -> &[f64] {
        let count = self.volatile.len();
        if count == 0 {
            return &[];
        }
        let at = (step - self.first) as usize * self.sources.len() + issue * count;
        &self.normals[at..at + count]
    }

    fn draw(&mut self, step: u32, end: u32) {
        let count = self.sources.len();
        let most = u32::try_from(TOGETHER / count.max(1)).unwrap_or(1).clamp(1, AHEAD);
        let steps = self.next.min(most).min(end - step).max(1);
        self.next = (self.next * 2).min(AHEAD);
        self.normals.resize(steps as usize * count, 0.0);
        let mut words = [0; AHEAD as usize];
        let words = &mut words[..steps as usize];
        for (at, source) in self.sources.iter_mut().enumerate() {
            source.words(step, words);
            for (row, &word) in words.iter().enumerate() {
                self.normals[row * count + at] = raw(word);
            }
        }
        normal_quantiles(&mut self.normals, &mut self.tails);
        (self.first, self.steps) = (step, steps);
    }
}

/// Working memory of the phase, kept between steps.
#[derive(Clone, Debug, Default)]
pub(in super::super) struct StanceStep {
    means: Vec<f64>,
    next: Vec<f64>,
}

/// The stances that change, for each actor and issue.
pub(in super::super) fn stances(
    view: View<'_>,
    (weights, movers): (&Weights, &Movers),
    noise: &mut Noise,
    memory: &mut StanceStep,
    out: &mut Vec<Decision>,
) {
    next_stances(view, (weights, movers), noise, memory);
    let count = movers.few().map_or(view.model.actors.len(), <[ActorId]>::len);
    for position in 0..count {
        let actor = movers.few().map_or_else(|| ActorId::at(position), |few| few[position]);
        for issue in (0..view.model.issues.len()).map(IssueId::at) {
            let value = memory.next[issue.index() * count + position];
            if is_change(view.world.stance(actor, issue), value) {
                out.push(Decision::new(Event::Stance { actor, issue, value }, Why::Nothing));
            }
        }
    }
}

/// Works out where the stances of those who may move go.
pub(in super::super) fn next_stances(
    view: View<'_>,
    (weights, movers): (&Weights, &Movers),
    noise: &mut Noise,
    memory: &mut StanceStep,
) {
    let (actors, issues) = (view.model.actors.len(), view.model.issues.len());
    let count = movers.few().map_or(actors, <[ActorId]>::len);
    memory.next.resize(count * issues, 0.0);
    if !noise.volatile.is_empty() {
        noise.look_ahead(view.world.step, view.model.clock.steps);
    }
    for issue in 0..issues {
        let here = issue * actors..(issue + 1) * actors;
        let (stances, anchors) = (&view.world.stances[here.clone()], &view.world.anchors[here]);
        let normals = noise.of(view.world.step, issue);
        let next = &mut memory.next[issue * count..(issue + 1) * count];
        if let Some(few) = movers.few() {
            next_of_few(view.setup, (stances, anchors), normals, (weights, movers, few), next);
            continue;
        }
        weights.means(stances, &mut memory.means);
        Arch::new().dispatch(Move {
            setup: view.setup,
            stances,
            anchors,
            means: &memory.means,
            normals: if noise.everybody { normals } else { &[] },
            next,
        });
        if !noise.everybody {
            for (z, actor) in normals.iter().zip(&noise.volatile) {
                let at = actor.index();
                next[at] += view.setup.volatility[at] * z;
            }
        }
        Arch::new().dispatch(Clip(next));
    }
}

/// What [`Move`] and [`Clip`] do, for a few actors one by one.
fn next_of_few(
    setup: &Setup,
    (stances, anchors): (&[f64], &[f64]),
    normals: &[f64],
    (weights, movers, few): (&Weights, &Movers, &[ActorId]),
    next: &mut [f64],
) {
    // Whom nobody influences keeps a weight of 1 on itself.
    for (next, actor) in next.iter_mut().zip(few) {
        *next = stances[actor.index()];
    }
    for (position, &at) in movers.rows.iter().enumerate() {
        next[at as usize] = weights.mean(position, stances);
    }
    for (next, actor) in next.iter_mut().zip(few) {
        let at = actor.index();
        let (stance, lambda) = (stances[at], setup.susceptibility[at]);
        *next = stance + setup.pace * ((lambda * *next + (1.0 - lambda) * anchors[at]) - stance);
    }
    for (z, &at) in normals.iter().zip(&movers.volatile) {
        next[at as usize] += setup.volatility[few[at as usize].index()] * z;
    }
    for value in next {
        *value = value.clamp(0.0, 1.0) + 0.0;
    }
}

impl StanceStep {
    /// Where the stances of those who may move go, by issue, then actor.
    pub(in super::super) fn next(&self) -> &[f64] {
        &self.next
    }
}

/// `s + η·((λ·m + (1−λ)·a) − s)`, and where there are normals for everybody, `+ σ·z`.
struct Move<'a> {
    setup: &'a Setup,
    stances: &'a [f64],
    anchors: &'a [f64],
    means: &'a [f64],
    normals: &'a [f64],
    next: &'a mut [f64],
}

impl WithSimd for Move<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        let Self { setup, stances, anchors, means, normals, next } = self;
        let pace = setup.pace;
        let others = anchors.iter().zip(means).zip(&setup.susceptibility);
        for ((next, stance), ((anchor, mean), lambda)) in next.iter_mut().zip(stances).zip(others) {
            *next = stance + pace * ((lambda * mean + (1.0 - lambda) * anchor) - stance);
        }
        for ((next, volatility), z) in next.iter_mut().zip(&setup.volatility).zip(normals) {
            *next += volatility * z;
        }
    }
}

/// Into [0, 1], and without a negative zero.
struct Clip<'a>(&'a mut [f64]);

impl WithSimd for Clip<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        for value in self.0 {
            *value = value.clamp(0.0, 1.0) + 0.0;
        }
    }
}
