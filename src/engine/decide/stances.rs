//! Phase 2, stances: the model of Friedkin and Johnsen (1990) with a pace, and noise.
//!
//! `s ← clip(s + η·((λ·m + (1−λ)·a) − s) + σ·z)`, with `m = Σ_j ŵ_ij·s_j` summed from 0 in the actors'
//! order. All actors move on the state at the start of the phase.

use pulp::{Arch, Simd, WithSimd};

use super::super::decision::{Decision, Why};
use super::super::normals::Normals;
use super::super::random::RunSeed;
use super::super::view::View;
use super::movers::Movers;
use super::weights::Weights;
use crate::model::{ActorId, Event, IssueId, Setup, is_change};

/// The noise of the volatile actors.
#[derive(Clone, Debug, Default)]
pub(in super::super) struct Noise {
    volatile: Vec<ActorId>,
    /// Whether the volatile actors are all actors.
    everybody: bool,
    /// By issue and position in `volatile`.
    normals: Normals,
}

impl Noise {
    /// The actors whose volatility is not 0, rising.
    pub(in super::super) fn volatile(&self) -> &[ActorId] {
        &self.volatile
    }

    /// Only those draw whose volatility is not 0.
    pub(in super::super) fn reset(&mut self, view: View<'_>, luck: RunSeed) {
        let View { model, plan, setup, .. } = view;
        self.volatile.clear();
        self.volatile.extend(model.actor_ids().filter(|actor| setup.volatility[actor.index()] > 0.0));
        self.everybody = self.volatile.len() == model.actors.len();
        let volatile = &self.volatile;
        let sources = (0..model.issues.len()).flat_map(|issue| volatile.iter().map(move |&actor| (actor, issue)));
        let stream = |(actor, issue)| plan.stance_streams[view.world.stance_index(actor, IssueId::at(issue))];
        self.normals.reset(luck, sources.map(stream));
    }

    /// The normals of a step that was looked ahead to, and of an issue, by position in `volatile`.
    fn of(&self, step: u32, issue: usize) -> &[f64] {
        let count = self.volatile.len();
        if count == 0 { &[] } else { &self.normals.of(step)[issue * count..(issue + 1) * count] }
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
        noise.normals.look_ahead(view.world.step, view.model.clock.steps);
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
