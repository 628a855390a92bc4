//! Phase 2, stances: the model of Friedkin and Johnsen (1990) with a pace, and noise; who may move at all, since an actor
//! that cannot costs nothing.

use crate::model::{ActorId, Event, Facts, IssueId, LEAST_CHANGE, Setup, is_change};
use pulp::{Arch, Simd, WithSimd};

use super::super::decision::{Decision, View, Why};
use super::super::history::RunningHash;
use super::super::normals::Normals;
use super::super::random::RunSeed;
use super::weights::{LANES, Line, Weights, add_columns};

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

    /// Only actors with a volatility above 0 draw.
    pub(in super::super) fn reset(&mut self, view: View<'_>, run_seed: RunSeed) {
        let View { model, plan, setup, .. } = view;
        self.volatile.clear();
        self.volatile.extend(model.actor_ids().filter(|actor| setup.volatility[actor.index()] > 0.0));
        self.everybody = self.volatile.len() == model.actors.len();
        let volatile = &self.volatile;
        let streams = if volatile.is_empty() { &[] } else { plan.stance_streams(model) };
        let sources = (0..model.issues.len()).flat_map(|issue| volatile.iter().map(move |&actor| (actor, issue)));
        let stream = |(actor, issue)| streams[view.world.stance_index(actor, IssueId::at(issue))];
        self.normals.reset(run_seed, sources.map(stream));
    }

    /// Begins another run of the same actors.
    pub(in super::super) fn restart(&mut self, run_seed: RunSeed) {
        self.normals.restart(run_seed);
    }

    /// The normals for an issue at a step that was generated ahead, by position in `volatile`.
    fn of(&self, step: u32, issue: usize) -> &[f64] {
        let count = self.volatile.len();
        if count == 0 { &[] } else { &self.normals.of(step)[issue * count..(issue + 1) * count] }
    }

    /// Adds `σ·z` to the stances of the volatile actors.
    #[inline(never)]
    fn add(&self, normals: &[f64], setup: &Setup, next: &mut [f64]) {
        for (z, actor) in normals.iter().zip(&self.volatile) {
            next[actor.index()] += setup.volatility[actor.index()] * z;
        }
    }
}

/// Working memory of the phase, kept between steps.
#[derive(Clone, Debug, Default)]
pub(in super::super) struct StanceStep {
    /// The vector instructions of the machine, because detecting them takes time.
    arch: Arch,
    means: Vec<f64>,
    next: Vec<f64>,
    /// Whether all stances on the last issue are known to change.
    all_move: bool,
}

/// The stances that change, for each actor and issue.
#[inline(never)]
pub(in super::super) fn stances(
    view: View<'_>,
    (weights, movers): (&Weights, &Movers),
    noise: &mut Noise,
    memory: &mut StanceStep,
    out: &mut Vec<Decision>,
) {
    next_stances(view, (weights, movers), noise, memory, &mut RunningHash::default());
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

/// Computes the next stances of the actors that may move; beside that, adds stances that moved before to the hash.
pub(in super::super) fn next_stances(
    view: View<'_>,
    (weights, movers): (&Weights, &Movers),
    noise: &mut Noise,
    memory: &mut StanceStep,
    hash: &mut RunningHash,
) {
    let issues = view.model.issues.len();
    let count = movers.few().map_or(view.model.actors.len(), <[ActorId]>::len);
    memory.next.resize(count * issues, 0.0);
    memory.all_move = false;
    if !noise.volatile.is_empty() {
        noise.normals.look_ahead(view.world.step, view.model.clock.steps);
    }
    for issue in 0..issues {
        if let Some(few) = movers.few() {
            next_of_few(
                view,
                issue,
                noise,
                (weights, movers, few),
                &mut memory.next[issue * count..(issue + 1) * count],
            );
        } else {
            next_of_all(view, issue, noise, weights, memory, hash);
        }
    }
}

/// [`next_stances`] where all actors may move on the only issue, some of them because of noise.
#[inline]
pub(in super::super) fn next_of_everybody(
    view: View<'_>,
    weights: &Weights,
    noise: &mut Noise,
    memory: &mut StanceStep,
    hash: &mut RunningHash,
) {
    memory.next.resize(view.model.actors.len(), 0.0);
    noise.normals.look_ahead(view.world.step, view.model.clock.steps);
    next_of_all(view, 0, noise, weights, memory, hash);
}

/// The stances and the anchors on an issue.
fn on_issue(view: View<'_>, issue: usize) -> (&[f64], &[f64]) {
    let actors = view.model.actors.len();
    let here = issue * actors..(issue + 1) * actors;
    (&view.world.stances[here.clone()], &view.world.anchors[here])
}

/// The next stances of all actors on an issue.
//
// Not part of a loop: the code for machines without vectors is inlined here, and its preparations would be done for all.
#[inline(never)]
fn next_of_all(
    view: View<'_>,
    issue: usize,
    noise: &Noise,
    weights: &Weights,
    memory: &mut StanceStep,
    hash: &mut RunningHash,
) {
    let StanceStep { arch, means, next, all_move } = memory;
    let (stances, anchors) = on_issue(view, issue);
    let normals = noise.of(view.world.step, issue);
    let next = &mut next[issue * stances.len()..(issue + 1) * stances.len()];
    let (setup, columns) = (view.setup, weights.prepare_means(stances, means));
    let everybody = noise.everybody.then_some(normals);
    *all_move = arch.dispatch(Move { columns, setup, stances, anchors, means, normals: everybody, next, hash });
    if !noise.everybody {
        noise.add(normals, setup, next);
        arch.dispatch(Clip(next));
    }
}

/// [`Move`] and [`Clip`] for a few actors, one by one.
#[inline(never)]
fn next_of_few(
    view: View<'_>,
    issue: usize,
    noise: &Noise,
    (weights, movers, few): (&Weights, &Movers, &[ActorId]),
    next: &mut [f64],
) {
    let (stances, anchors) = on_issue(view, issue);
    let (setup, normals) = (view.setup, noise.of(view.world.step, issue));
    // An actor that nobody influences has a weight of 1 on itself.
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
    next.iter_mut().for_each(|value| *value = clipped(*value));
}

impl StanceStep {
    /// The next stances of the actors that may move, by issue, then actor.
    pub(in super::super) fn next(&mut self) -> &mut Vec<f64> {
        &mut self.next
    }

    /// Whether all stances, on the only issue, are known to change.
    pub(in super::super) fn all_move(&self) -> bool {
        self.all_move
    }
}

/// `s + η·((λ·m + (1−λ)·a) − s)`; if every actor has a normal, plus `σ·z`, clipped as by [`Clip`]. Returns whether all
/// of them are known to change.
struct Move<'a> {
    /// The result of [`Weights::prepare_means`].
    columns: &'a [Line],
    setup: &'a Setup,
    stances: &'a [f64],
    anchors: &'a [f64],
    means: &'a mut [f64],
    normals: Option<&'a [f64]>,
    next: &'a mut [f64],
    /// What is added to it beside the product.
    hash: &'a mut RunningHash,
}

impl WithSimd for Move<'_> {
    type Output = bool;

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) -> bool {
        let Self { columns, setup, stances, anchors, means, normals, next, hash } = self;
        // Three of four are added here, which takes as long as the product, and the rest beside what comes after it.
        hash.beside(|moved| {
            let mut column = 0_u32;
            add_columns(columns, stances, means, || {
                column += 1;
                if !column.is_multiple_of(4) {
                    moved.add_one();
                }
            });
        });
        let Some(normals) = normals else {
            let others = anchors.iter().zip(&*means).zip(&setup.susceptibility);
            let moved = stances.iter().zip(others).map(|(&stance, ((anchor, mean), lambda))| {
                stance + setup.pace * ((lambda * mean + (1.0 - lambda) * anchor) - stance)
            });
            next.iter_mut().zip(moved).for_each(|(next, moved)| *next = moved);
            return false;
        };
        let noisy = Noisy { setup, stances, anchors, means, normals };
        let count = next.len();
        if count < LANES {
            (0..count).fold(true, |all, at| {
                let [change] = noisy.move_lanes(at, next, [f64::INFINITY]);
                all && change > LEAST_CHANGE
            })
        } else {
            // The last vector overlaps the one before, so that none is less than whole.
            let places = (0..count).step_by(LANES).map(|at| at.min(count - LANES));
            let least = places.fold([f64::INFINITY; LANES], |least, at| noisy.move_lanes(at, next, least));
            let mut all = true;
            least.iter().for_each(|&least| all &= least > LEAST_CHANGE);
            all
        }
    }
}

/// The inputs of [`Move`] where every actor has a normal.
struct Noisy<'a> {
    setup: &'a Setup,
    stances: &'a [f64],
    anchors: &'a [f64],
    means: &'a [f64],
    normals: &'a [f64],
}

impl Noisy<'_> {
    /// Computes the next stances of `N` actors from one on; returns by lane the lesser of their changes and `least`.
    #[inline(always)]
    fn move_lanes<const N: usize>(&self, at: usize, next: &mut [f64], mut least: [f64; N]) -> [f64; N] {
        let of = |values: &[f64]| -> [f64; N] { *values[at..].first_chunk().expect("one for each actor") };
        let Self { setup, stances, anchors, means, normals } = *self;
        let (stances, anchors, means, normals) = (of(stances), of(anchors), of(means), of(normals));
        let (susceptibility, volatility) = (of(&setup.susceptibility), of(&setup.volatility));
        let mut moved = [0.0; N];
        for lane in 0..N {
            let (stance, lambda) = (stances[lane], susceptibility[lane]);
            let pull = (lambda * means[lane] + (1.0 - lambda) * anchors[lane]) - stance;
            moved[lane] = clipped(stance + setup.pace * pull + volatility[lane] * normals[lane]);
            let change = (moved[lane] - stance).abs();
            least[lane] = if change < least[lane] { change } else { least[lane] };
        }
        next[at..at + N].copy_from_slice(&moved);
        least
    }
}

/// Clips to [0, 1] and removes negative zeros.
struct Clip<'a>(&'a mut [f64]);

impl WithSimd for Clip<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        self.0.iter_mut().for_each(|value| *value = clipped(*value));
    }
}

#[inline(always)]
fn clipped(value: f64) -> f64 {
    value.clamp(0.0, 1.0) + 0.0
}

/// The actors that are influenced by others, have noisy stances, or are pulled by an anchor.
#[derive(Clone, Debug, Default)]
pub(in super::super) struct Movers {
    /// The serial number of the weights for which the rest was computed.
    under: Option<u64>,
    everybody: bool,
    /// The actors that may move, in ascending order, unless all may.
    few: Vec<ActorId>,
    /// The position in `few` of each row of the weights and of each volatile actor.
    pub(super) rows: Vec<u32>,
    pub(super) volatile: Vec<u32>,
    /// The actors that an anchor pulls or has pulled; valid if `pulled_is_known`.
    pulled: Vec<ActorId>,
    is_pulled: Vec<bool>,
    pulled_is_known: bool,
}

impl Movers {
    /// Prepares for another setup.
    pub(in super::super) fn reset(&mut self) {
        self.under = None;
        self.pulled_is_known = false;
        self.few.clear();
    }

    /// Registers that a stance or an anchor of an actor was shifted.
    pub(in super::super) fn note_shift(&mut self, actor: ActorId) {
        if self.pulled_is_known && !std::mem::replace(&mut self.is_pulled[actor.index()], true) {
            self.pulled.push(actor);
            self.under = None;
        }
    }

    /// Computes the actors that may move with these weights.
    #[inline]
    pub(in super::super) fn update(
        &mut self,
        view: View<'_>,
        (serial, weights): (u64, &Weights),
        volatile: &[ActorId],
    ) {
        if self.under != Some(serial) {
            self.work_out(view, (serial, weights), volatile);
        }
    }

    #[inline(never)]
    fn work_out(&mut self, view: View<'_>, (serial, weights): (u64, &Weights), volatile: &[ActorId]) {
        // An actor that has moved with other weights may be away from its anchor now.
        if self.everybody {
            self.pulled_is_known = false;
        } else {
            for actor in std::mem::take(&mut self.few) {
                self.note_shift(actor);
            }
        }
        self.under = Some(serial);
        let actors = view.model.actors.len();
        self.everybody = weights.rows.len().max(volatile.len()) > actors / 2;
        if self.everybody {
            return;
        }
        if !self.pulled_is_known {
            self.find_pulled(view);
        }
        self.few.clear();
        self.few.extend(weights.rows.iter().chain(volatile).chain(&self.pulled));
        self.few.sort_unstable();
        self.few.dedup();
        self.everybody = self.few.len() > actors / 2;
        let position = |actor: &ActorId| {
            let at = self.few.binary_search(actor).expect("it was put in");
            u32::try_from(at).expect("the number of actors is limited")
        };
        self.rows.clear();
        self.rows.extend(weights.rows.iter().map(position));
        self.volatile.clear();
        self.volatile.extend(volatile.iter().map(position));
    }

    /// An anchor pulls only if it differs from the stance.
    fn find_pulled(&mut self, view: View<'_>) {
        let Facts { stances, anchors, .. } = &**view.world;
        let actors = view.model.actors.len();
        self.is_pulled.clear();
        self.is_pulled.resize(actors, false);
        for (stances, anchors) in stances.chunks_exact(actors.max(1)).zip(anchors.chunks_exact(actors.max(1))) {
            let susceptible = stances.iter().zip(anchors).zip(&view.setup.susceptibility);
            for (is_pulled, ((stance, anchor), lambda)) in self.is_pulled.iter_mut().zip(susceptible) {
                *is_pulled |= stance.to_bits() != anchor.to_bits() && *lambda < 1.0;
            }
        }
        self.pulled.clear();
        self.pulled.extend(view.model.actor_ids().filter(|actor| self.is_pulled[actor.index()]));
        self.pulled_is_known = true;
    }

    /// The actors that may move, in ascending order; `None` if all may.
    pub(in super::super) fn few(&self) -> Option<&[ActorId]> {
        if self.everybody { None } else { Some(&self.few) }
    }
}
