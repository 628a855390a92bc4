//! Phase 2, stances: the model of Friedkin and Johnsen (1990) with a pace, and noise.
//!
//! `s ← clip(s + η·((λ·m + (1−λ)·a) − s) + σ·z)`, with `m = Σ_j ŵ_ij·s_j` summed from 0 in the actors'
//! order. All actors move on the state at the start of the phase.

use pulp::{Arch, Simd, WithSimd};

use super::super::decision::{Decision, Why};
use super::super::normals::{Tails, normal_quantiles, raw};
use super::super::random::{DrawStream, RunSeed};
use super::super::view::View;
use crate::model::{ActorId, Event, Facts, Influence, IssueId, MeetingId, Model, Setup, is_change};

/// Numbers in the widest vectors.
const LANES: usize = 8;

/// Up to this many actors, a matrix with many entries is kept dense.
const DENSE: usize = 512;

/// Influence weights, each row divided by its sum. Rows left out have weight 1 on themselves.
#[derive(Clone, Debug, PartialEq)]
pub(in super::super) struct Weights {
    /// Actors whose row has a weight on somebody else, or a listed weight on itself.
    rows: Vec<ActorId>,
    actors: usize,
    matrix: Matrix,
}

#[derive(Clone, Debug, PartialEq)]
enum Matrix {
    /// By column, so that every row's sum runs in the actors' order and the rows side by side.
    Dense(Vec<f64>),
    /// For each entry of `rows`, its columns and weights.
    Sparse { starts: Vec<usize>, entries: Vec<(ActorId, f64)> },
}

impl Weights {
    /// The weights of a step in which these meetings are in session.
    pub(in super::super) fn new(model: &Model, setup: &Setup, sessions: &[MeetingId]) -> Self {
        let mut listed: Vec<(ActorId, ActorId, f64)> = Vec::new();
        for (entry, &weight) in model.influence.iter().zip(&setup.influence) {
            match entry {
                Influence::Own(actor) => listed.push((*actor, *actor, weight)),
                Influence::Tie { on, from } => listed.push((*on, *from, weight)),
                Influence::Between(pairs) => listed.extend(pairs.ordered(model).map(|(on, from)| (on, from, weight))),
            }
        }
        listed = default_rows(&merge(listed));
        for &meeting in sessions {
            gain(model, meeting, setup.meeting_influence[meeting.index()], &mut listed);
        }
        Self::normalised(&merge(listed), model.actors.len())
    }

    fn normalised(entries: &[(ActorId, ActorId, f64)], actors: usize) -> Self {
        let mut rows = Vec::new();
        let mut starts = Vec::new();
        let mut divided = Vec::with_capacity(entries.len());
        for row in entries.chunk_by(|a, b| a.0 == b.0) {
            let sum = row.iter().fold(0.0, |sum, (_, _, weight)| sum + weight);
            rows.push(row[0].0);
            starts.push(divided.len());
            divided.extend(row.iter().map(|&(_, column, weight)| (column, weight / sum)));
        }
        starts.push(divided.len());
        if actors > DENSE || divided.len() * 4 < actors * actors {
            return Self { rows, actors, matrix: Matrix::Sparse { starts, entries: divided } };
        }
        let height = padded(actors);
        let mut dense = vec![0.0; actors * height];
        for actor in 0..actors {
            dense[actor * height + actor] = 1.0;
        }
        for (at, row) in rows.iter().enumerate() {
            dense[row.index() * height + row.index()] = 0.0;
            for &(column, weight) in &divided[starts[at]..starts[at + 1]] {
                dense[column.index() * height + row.index()] = weight;
            }
        }
        Self { rows, actors, matrix: Matrix::Dense(dense) }
    }

    /// Number of weights, for the count of work.
    pub(in super::super) fn size(&self) -> usize {
        match &self.matrix {
            Matrix::Dense(_) => self.actors * self.actors,
            Matrix::Sparse { entries, .. } => entries.len(),
        }
    }

    /// `m_i = Σ_j ŵ_ij·s_j` for every actor; absent terms would add nothing. Means beyond the actors are padding.
    fn means(&self, stances: &[f64], means: &mut Vec<f64>) {
        match &self.matrix {
            Matrix::Dense(columns) => {
                // Wider vectors change no sum: each row's runs in the actors' order, and nothing is fused.
                means.resize(padded(stances.len()), 0.0);
                Arch::new().dispatch(Product { columns, stances, means });
            }
            Matrix::Sparse { starts, entries } => {
                means.clear();
                means.extend_from_slice(stances);
                for (row, range) in self.rows.iter().zip(starts.windows(2)) {
                    let row_entries = &entries[range[0]..range[1]];
                    means[row.index()] =
                        row_entries.iter().fold(0.0, |sum, (column, weight)| sum + weight * stances[column.index()]);
                }
            }
        }
    }
}

/// The matrix, by column, times a vector.
struct Product<'a> {
    columns: &'a [f64],
    stances: &'a [f64],
    means: &'a mut [f64],
}

impl WithSimd for Product<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        let Self { columns, stances, means } = self;
        let height = means.len();
        let mut wide = means.chunks_exact_mut(4 * LANES);
        let mut first = 0;
        for block in &mut wide {
            add_block::<{ 4 * LANES }>(columns, stances, height, first, block);
            first += 4 * LANES;
        }
        for block in wide.into_remainder().chunks_exact_mut(LANES) {
            add_block::<LANES>(columns, stances, height, first, block);
            first += LANES;
        }
    }
}

/// The sums of `N` rows from `first` on, kept in registers while they run over the columns.
#[inline(always)]
fn add_block<const N: usize>(columns: &[f64], stances: &[f64], height: usize, first: usize, out: &mut [f64]) {
    let mut sums = [0.0; N];
    for (column, &stance) in columns.chunks_exact(height).zip(stances) {
        if let Some(weights) = column.get(first..first + N) {
            for (sum, weight) in sums.iter_mut().zip(weights) {
                *sum += weight * stance;
            }
        }
    }
    out.copy_from_slice(&sums);
}

/// Height of a column, filled up so that vectors come out even.
fn padded(actors: usize) -> usize {
    actors.next_multiple_of(LANES)
}

/// Sorts by row and column and adds up entries for the same pair, in file order.
fn merge(mut entries: Vec<(ActorId, ActorId, f64)>) -> Vec<(ActorId, ActorId, f64)> {
    entries.sort_by_key(|&(row, column, _)| (row, column));
    let mut merged: Vec<(ActorId, ActorId, f64)> = Vec::with_capacity(entries.len());
    for (row, column, weight) in entries {
        match merged.last_mut() {
            Some(last) if (last.0, last.1) == (row, column) => last.2 += weight,
            _ => merged.push((row, column, weight)),
        }
    }
    merged
}

/// A row whose weights sum to 0 has weight 1 on itself instead.
fn default_rows(entries: &[(ActorId, ActorId, f64)]) -> Vec<(ActorId, ActorId, f64)> {
    let mut rows = Vec::with_capacity(entries.len());
    for row in entries.chunk_by(|a, b| a.0 == b.0) {
        if row.iter().fold(0.0, |sum, (_, _, weight)| sum + weight) > 0.0 {
            rows.extend_from_slice(row);
        } else {
            rows.push((row[0].0, row[0].0, 1.0));
        }
    }
    rows
}

/// During a session each attendee's row gains weight on every other attendee.
fn gain(model: &Model, meeting: MeetingId, weight: f64, entries: &mut Vec<(ActorId, ActorId, f64)>) {
    if weight <= 0.0 {
        return;
    }
    let attendees = &model.groups[model.meetings[meeting.index()].attendees.index()].members;
    let listed: Vec<ActorId> = entries.chunk_by(|a, b| a.0 == b.0).map(|row| row[0].0).collect();
    let mut gained = Vec::new();
    for &row in attendees {
        // `entries` is sorted by row, with what earlier meetings added behind it, each with its own row.
        if listed.binary_search(&row).is_err() {
            gained.push((row, row, 1.0));
        }
        gained.extend(attendees.iter().filter(|&&other| other != row).map(|&other| (row, other, weight)));
    }
    entries.extend(gained);
    *entries = merge(std::mem::take(entries));
}

/// The weights of every set of sessions that a run has met, kept for the next as long as the numbers are the same.
#[derive(Clone, Debug, Default)]
pub(in super::super) struct Influences {
    /// The numbers behind the weights: of the influence table, of the meetings.
    influence: Vec<f64>,
    meetings: Vec<f64>,
    known: Vec<(Vec<MeetingId>, Weights)>,
    sessions: Vec<MeetingId>,
    /// Which of those known were asked for last.
    latest: usize,
}

/// Weights that are kept in all, besides those of the latest sessions.
const KEPT: usize = 1 << 20;

impl Influences {
    /// Forgets the weights if the numbers behind them have changed.
    pub(in super::super) fn reset(&mut self, model: &Model, setup: &Setup) {
        let same = |a: &[f64], b: &[f64]| a.iter().map(|x| x.to_bits()).eq(b.iter().map(|x| x.to_bits()));
        if !same(&self.influence, &setup.influence) || !same(&self.meetings, &setup.meeting_influence) {
            self.known.clear();
            self.influence.clone_from(&setup.influence);
            self.meetings.clone_from(&setup.meeting_influence);
        }
        if self.known.is_empty() {
            self.known.push((Vec::new(), Weights::new(model, setup, &[])));
        }
        self.latest = 0;
    }

    /// The weights of a step with these sessions.
    pub(in super::super) fn weights(
        &mut self,
        model: &Model,
        setup: &Setup,
        sessions: &[(MeetingId, u32)],
    ) -> &Weights {
        let influences = |meeting: &MeetingId| setup.meeting_influence[meeting.index()] > 0.0;
        self.sessions.clear();
        self.sessions.extend(sessions.iter().map(|&(meeting, _)| meeting).filter(influences));
        if self.known[self.latest].0 != self.sessions {
            self.latest = if let Some(at) = self.known.iter().position(|(known, _)| *known == self.sessions) {
                at
            } else {
                if self.known.iter().map(|(_, weights)| weights.size()).sum::<usize>() > KEPT {
                    self.known.truncate(1);
                }
                self.known.push((self.sessions.clone(), Weights::new(model, setup, &self.sessions)));
                self.known.len() - 1
            };
        }
        &self.known[self.latest].1
    }
}

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

/// Whether anybody may move at all: a static stance costs nothing.
fn anybody_moves(view: View<'_>, weights: &Weights, noise: &Noise) -> bool {
    if !weights.rows.is_empty() || !noise.volatile.is_empty() {
        return true;
    }
    let Facts { stances, anchors, .. } = &**view.world;
    let actors = view.model.actors.len();
    // An anchor pulls only where it lies elsewhere.
    stances.iter().zip(anchors).enumerate().any(|(at, (stance, anchor))| {
        stance.to_bits() != anchor.to_bits() && view.setup.susceptibility[at % actors] < 1.0
    })
}

/// The stances that change, for each actor and issue.
pub(in super::super) fn stances(
    view: View<'_>,
    weights: &Weights,
    noise: &mut Noise,
    memory: &mut StanceStep,
    out: &mut Vec<Decision>,
) {
    if next_stances(view, weights, noise, memory) {
        for actor in view.model.actor_ids() {
            for issue in (0..view.model.issues.len()).map(IssueId::at) {
                let at = view.world.stance_index(actor, issue);
                let value = memory.next[at];
                if is_change(view.world.stances[at], value) {
                    out.push(Decision::new(Event::Stance { actor, issue, value }, Why::Nothing));
                }
            }
        }
    }
}

/// Works out where every stance moves; false where nothing can.
pub(in super::super) fn next_stances(
    view: View<'_>,
    weights: &Weights,
    noise: &mut Noise,
    memory: &mut StanceStep,
) -> bool {
    if !anybody_moves(view, weights, noise) {
        return false;
    }
    let (actors, issues) = (view.model.actors.len(), view.model.issues.len());
    memory.next.resize(actors * issues, 0.0);
    if !noise.volatile.is_empty() {
        noise.look_ahead(view.world.step, view.model.clock.steps);
    }
    for issue in 0..issues {
        let here = issue * actors..(issue + 1) * actors;
        let stances = &view.world.stances[here.clone()];
        weights.means(stances, &mut memory.means);
        let next = &mut memory.next[here.clone()];
        let anchors = &view.world.anchors[here];
        let normals = noise.of(view.world.step, issue);
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
    true
}

impl StanceStep {
    /// Where every stance would move, by issue, then actor.
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
