//! Phase 2, stances: the model of Friedkin and Johnsen (1990) with a pace, and noise.
//!
//! `s ← clip(s + η·((λ·m + (1−λ)·a) − s) + σ·z)`, with `m = Σ_j ŵ_ij·s_j` summed from 0 in the actors'
//! order. All actors move on the state at the start of the phase.

use super::super::cause::Why;
use super::super::distribution::normal_quantile;
use super::super::random::{Luck, Source, open_unit};
use super::{Decision, View};
use crate::model::{ActorId, Event, Influence, IssueId, MeetingId, Model, Setup, World};

/// A change of at most this is no change.
const LEAST_CHANGE: f64 = 1e-12;

/// Up to this many actors, a matrix with many entries is kept dense.
const DENSE: usize = 512;

/// Influence weights, each row divided by its sum. Rows left out have weight 1 on themselves.
#[derive(Clone, Debug, PartialEq)]
pub(in super::super) struct Weights {
    /// Actors whose row has a weight on somebody else, or a listed weight on itself.
    rows: Vec<ActorId>,
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
            return Self { rows, matrix: Matrix::Sparse { starts, entries: divided } };
        }
        let mut dense = vec![0.0; actors * actors];
        for actor in 0..actors {
            dense[actor * actors + actor] = 1.0;
        }
        for (at, row) in rows.iter().enumerate() {
            dense[row.index() * actors + row.index()] = 0.0;
            for &(column, weight) in &divided[starts[at]..starts[at + 1]] {
                dense[column.index() * actors + row.index()] = weight;
            }
        }
        Self { rows, matrix: Matrix::Dense(dense) }
    }

    /// Number of weights, for the count of work.
    pub(in super::super) fn size(&self) -> usize {
        match &self.matrix {
            Matrix::Dense(dense) => dense.len(),
            Matrix::Sparse { entries, .. } => entries.len(),
        }
    }

    /// `m_i = Σ_j ŵ_ij·s_j` for every actor; absent terms would add nothing.
    fn means(&self, stances: &[f64], means: &mut [f64]) {
        match &self.matrix {
            Matrix::Dense(columns) => {
                means.fill(0.0);
                for (column, &stance) in columns.chunks_exact(stances.len()).zip(stances) {
                    for (mean, weight) in means.iter_mut().zip(column) {
                        *mean += weight * stance;
                    }
                }
            }
            Matrix::Sparse { starts, entries } => {
                means.copy_from_slice(stances);
                for (row, range) in self.rows.iter().zip(starts.windows(2)) {
                    let row_entries = &entries[range[0]..range[1]];
                    means[row.index()] =
                        row_entries.iter().fold(0.0, |sum, (column, weight)| sum + weight * stances[column.index()]);
                }
            }
        }
    }
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

/// The noise of the volatile actors.
#[derive(Clone, Debug, Default)]
pub(in super::super) struct Noise {
    /// By issue and position in `volatile`.
    sources: Vec<Source>,
    volatile: Vec<ActorId>,
}

impl Noise {
    /// The sources of those whose volatility is not 0.
    pub(in super::super) fn reset(&mut self, view: View<'_>, luck: Luck) {
        self.volatile.clear();
        self.volatile.extend(view.model.actor_ids().filter(|actor| view.setup.volatility[actor.index()] > 0.0));
        self.sources.clear();
        for issue in 0..view.model.issues.len() {
            for &actor in &self.volatile {
                let stream = view.plan.stance_streams[view.world.stance_index(actor, IssueId::at(issue))];
                self.sources.push(luck.source(stream));
            }
        }
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
    let World { stances, anchors, .. } = view.world;
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
    if !anybody_moves(view, weights, noise) {
        return;
    }
    let (actors, issues) = (view.model.actors.len(), view.model.issues.len());
    memory.means.resize(actors, 0.0);
    memory.next.resize(actors * issues, 0.0);
    for issue in 0..issues {
        let here = issue * actors..(issue + 1) * actors;
        let stances = &view.world.stances[here.clone()];
        weights.means(stances, &mut memory.means);
        let next = &mut memory.next[here.clone()];
        pull(view.setup, stances, &view.world.anchors[here], &memory.means, next);
        let count = noise.volatile.len();
        let sources = &mut noise.sources[issue * count..(issue + 1) * count];
        for (source, actor) in sources.iter_mut().zip(&noise.volatile) {
            let z = normal_quantile(open_unit(source.word(view.world.step)));
            next[actor.index()] += view.setup.volatility[actor.index()] * z;
        }
    }
    for actor in 0..actors {
        for issue in 0..issues {
            let at = issue * actors + actor;
            let value = memory.next[at].clamp(0.0, 1.0) + 0.0;
            if (value - view.world.stances[at]).abs() > LEAST_CHANGE {
                let event = Event::Stance { actor: ActorId::at(actor), issue: IssueId::at(issue), value };
                out.push(Decision::new(event, Why::Nothing));
            }
        }
    }
}

/// `s + η·((λ·m + (1−λ)·a) − s)`, before noise.
fn pull(setup: &Setup, stances: &[f64], anchors: &[f64], means: &[f64], next: &mut [f64]) {
    let others = anchors.iter().zip(means).zip(&setup.susceptibility);
    for ((next, stance), ((anchor, mean), lambda)) in next.iter_mut().zip(stances).zip(others) {
        *next = stance + setup.pace * ((lambda * mean + (1.0 - lambda) * anchor) - stance);
    }
}
