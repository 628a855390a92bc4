//! The weights of influence between actors, for the phase of stances.

use crate::model::{ActorId, Influence, MeetingId, Model, Setup};

/// The number of values in the widest vectors.
pub(super) const LANES: usize = 8;

/// Up to this many actors, a matrix with many entries is kept dense.
const DENSE: usize = 512;

/// Influence weights, each row divided by its sum. Rows left out have weight 1 on themselves.
#[derive(Clone, Debug, PartialEq)]
pub(in super::super) struct Weights {
    /// Actors whose row has a weight on another actor, or a listed weight on itself.
    pub(super) rows: Vec<ActorId>,
    actors: usize,
    matrix: Matrix,
}

#[derive(Clone, Debug, PartialEq)]
enum Matrix {
    /// By column, so that the sums of all rows run in the order of the actors, side by side.
    Dense(Vec<Line>),
    /// For each entry of `rows`, its columns and weights.
    Sparse { starts: Vec<usize>, entries: Vec<(ActorId, f64)> },
}

/// A vector at an address that suits it: one that crosses into the next line of the cache takes twice as long to load.
#[derive(Clone, Copy, Debug, PartialEq)]
#[repr(align(64))]
pub(super) struct Line([f64; LANES]);

impl Weights {
    /// The weights of a step with these meetings in session.
    pub(in super::super) fn new(model: &Model, setup: &Setup, sessions: &[MeetingId]) -> Self {
        let mut listed: Vec<(ActorId, ActorId, f64)> = Vec::new();
        for (entry, &weight) in model.influence.iter().zip(&setup.influence) {
            match entry {
                Influence::Own(actor) => listed.push((*actor, *actor, weight)),
                Influence::Tie { on, from } => listed.push((*on, *from, weight)),
                Influence::Between(pairs) => listed.extend(pairs.ordered(model).map(|(on, from)| (on, from, weight))),
            }
        }
        let listed = default_rows(&merge(listed));
        if sessions.is_empty() {
            return Self::normalised(&listed, model.actors.len());
        }
        let meetings: Vec<Attended<'_>> = attended(model, sessions)
            .map(|same| {
                let weights = same.iter().map(|meeting| setup.meeting_influence[meeting.index()]).collect();
                Attended::new(attendees(model, same[0]), weights)
            })
            .collect();
        Self::normalised(&gained(model.actors.len(), &meetings, &listed), model.actors.len())
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
        let height = padded(actors) / LANES;
        let mut dense = vec![Line([0.0; LANES]); actors * height];
        let mut set = |row: usize, column: usize, weight: f64| {
            dense[column * height + row / LANES].0[row % LANES] = weight;
        };
        (0..actors).for_each(|actor| set(actor, actor, 1.0));
        for (at, row) in rows.iter().enumerate() {
            set(row.index(), row.index(), 0.0);
            for &(column, weight) in &divided[starts[at]..starts[at + 1]] {
                set(row.index(), column.index(), weight);
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

    /// Prepares `m_i = Σ_j ŵ_ij·s_j` for every actor: computes the means, or returns the columns from which
    /// [`add_columns`] computes them. Absent terms would add nothing. Means beyond the actors are padding.
    pub(super) fn prepare_means(&self, stances: &[f64], means: &mut Vec<f64>) -> &[Line] {
        match &self.matrix {
            Matrix::Dense(columns) => {
                means.resize(padded(stances.len()), 0.0);
                columns
            }
            Matrix::Sparse { starts, entries } => {
                sparse_means((&self.rows, starts, entries), stances, means);
                &[]
            }
        }
    }
}

impl Weights {
    /// `m_i` for one actor, given by its position in `rows`.
    pub(super) fn mean(&self, position: usize, stances: &[f64]) -> f64 {
        match &self.matrix {
            Matrix::Dense(columns) => {
                let row = self.rows[position].index();
                let columns = columns.chunks_exact(padded(self.actors) / LANES);
                let weights = columns.map(|column| column[row / LANES].0[row % LANES]);
                weights.zip(stances).fold(0.0, |sum, (weight, stance)| sum + weight * stance)
            }
            Matrix::Sparse { starts, entries } => {
                let row = &entries[starts[position]..starts[position + 1]];
                row.iter().fold(0.0, |sum, (column, weight)| sum + weight * stances[column.index()])
            }
        }
    }
}

/// The means of the rows whose entries begin at `starts`; those of all other rows are their stances.
#[inline(never)]
fn sparse_means(
    (rows, starts, entries): (&[ActorId], &[usize], &[(ActorId, f64)]),
    stances: &[f64],
    means: &mut Vec<f64>,
) {
    means.clear();
    means.extend_from_slice(stances);
    for (row, range) in rows.iter().zip(starts.windows(2)) {
        let row_entries = &entries[range[0]..range[1]];
        means[row.index()] =
            row_entries.iter().fold(0.0, |sum, (column, weight)| sum + weight * stances[column.index()]);
    }
}

/// A matrix, by column, times a vector; without effect if there are no columns.
///
/// Wider vectors do not change a sum: each row is summed in the order of the actors, and nothing is fused. `beside` is
/// called once for each column, for work that fills the time in which sums wait for each other.
#[inline(always)]
pub(super) fn add_columns(columns: &[Line], stances: &[f64], means: &mut [f64], mut beside: impl FnMut()) {
    if columns.is_empty() {
        return;
    }
    let height = means.len() / LANES;
    let mut wide = means.chunks_exact_mut(WIDE * LANES);
    let mut first = 0;
    for block in &mut wide {
        if first == 0 {
            add_block::<WIDE>(columns, stances, (height, first), block, &mut beside);
        } else {
            add_block::<WIDE>(columns, stances, (height, first), block, || {});
        }
        first += WIDE;
    }
    for block in wide.into_remainder().chunks_exact_mut(LANES) {
        if first == 0 {
            add_block::<1>(columns, stances, (height, first), block, &mut beside);
        } else {
            add_block::<1>(columns, stances, (height, first), block, || {});
        }
        first += 1;
    }
}

/// Lines of a column that are summed together.
const WIDE: usize = 4;

/// The sums of `N` lines of rows from `first` on, kept in registers during the pass over the columns.
#[inline(always)]
fn add_block<const N: usize>(
    columns: &[Line],
    stances: &[f64],
    (height, first): (usize, usize),
    out: &mut [f64],
    mut beside: impl FnMut(),
) {
    let mut sums = [[0.0; LANES]; N];
    for (column, &stance) in columns.chunks_exact(height).zip(stances) {
        if let Some(lines) = column.get(first..first + N) {
            for (sums, Line(weights)) in sums.iter_mut().zip(lines) {
                sums.iter_mut().zip(weights).for_each(|(sum, weight)| *sum += weight * stance);
            }
        }
        beside();
    }
    out.copy_from_slice(sums.as_flattened());
}

/// Height of a column, padded to whole vectors.
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

/// Gives a row whose weights sum to 0 a weight of 1 on itself instead.
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

/// Consecutive sessions of meetings with the same attendees, in declaration order.
struct Attended<'a> {
    attendees: &'a [ActorId],
    weights: Vec<f64>,
    /// The sum of their weights, added in order.
    sum: f64,
}

impl<'a> Attended<'a> {
    fn new(attendees: &'a [ActorId], weights: Vec<f64>) -> Self {
        let sum = weights.iter().fold(0.0, |sum, weight| sum + weight);
        Self { attendees, weights, sum }
    }
}

/// During a session, the row of each attendee gains weight on every other attendee; a row without entries first gets a
/// weight of 1 on itself. Weights on the same pair are added in declaration order of the meetings, row by row.
fn gained(
    actors: usize,
    meetings: &[Attended<'_>],
    listed: &[(ActorId, ActorId, f64)],
) -> Vec<(ActorId, ActorId, f64)> {
    let mut by_row: Vec<(ActorId, u32)> = Vec::new();
    for (at, meeting) in (0..).zip(meetings) {
        by_row.extend(meeting.attendees.iter().map(|&row| (row, at)));
    }
    by_row.sort_unstable();
    let mut entries = Vec::with_capacity(listed.len());
    let mut row_sums = vec![0.0; actors];
    let mut is_known = vec![false; actors];
    let mut columns: Vec<ActorId> = Vec::new();
    let mut listed = listed.chunk_by(|a, b| a.0 == b.0).peekable();
    for same_row in by_row.chunk_by(|a, b| a.0 == b.0) {
        let row = same_row[0].0;
        while let Some(before) = listed.next_if(|entries| entries[0].0 < row) {
            entries.extend_from_slice(before);
        }
        let mut add = |column: ActorId, weights: &[f64], sum: f64| {
            let at = column.index();
            if std::mem::replace(&mut is_known[at], true) {
                row_sums[at] = weights.iter().fold(row_sums[at], |sum, weight| sum + weight);
            } else {
                row_sums[at] = sum;
                columns.push(column);
            }
        };
        match listed.next_if(|entries| entries[0].0 == row) {
            Some(own) => own.iter().for_each(|&(_, column, weight)| add(column, &[], weight)),
            None => add(row, &[], 1.0),
        }
        for &(_, at) in same_row {
            let Attended { attendees, weights, sum } = &meetings[at as usize];
            attendees.iter().filter(|&&other| other != row).for_each(|&other| add(other, weights, *sum));
        }
        columns.sort_unstable();
        for column in columns.drain(..) {
            entries.push((row, column, row_sums[column.index()]));
            is_known[column.index()] = false;
        }
    }
    listed.for_each(|rest| entries.extend_from_slice(rest));
    entries
}

fn attendees(model: &Model, meeting: MeetingId) -> &[ActorId] {
    &model.groups[model.meetings[meeting.index()].attendees.index()].members
}

/// Groups consecutive meetings with the same attendees.
fn attended<'a>(model: &Model, sessions: &'a [MeetingId]) -> impl Iterator<Item = &'a [MeetingId]> {
    sessions.chunk_by(|&a, &b| attendees(model, a) == attendees(model, b))
}

/// A cache of the weights for each set of sessions, valid as long as the setup is the same.
#[derive(Clone, Debug, Default)]
pub(in super::super) struct Influences {
    /// The numbers from which the weights were computed: of the influence table, of the meetings.
    influence: Vec<f64>,
    meetings: Vec<f64>,
    known: Vec<(Vec<MeetingId>, Weights)>,
    /// A unique serial number for each entry of `known`.
    serials: Vec<u64>,
    made: u64,
    /// The sessions of the step, and the entry for them, if there is one. The first entry is that without sessions.
    sessions: Vec<MeetingId>,
    latest: Option<usize>,
}

/// The total number of weights in the cache, besides those used last.
const KEPT: usize = 1 << 20;

impl Influences {
    /// Clears the cache if the numbers behind the weights have changed.
    pub(in super::super) fn reset(&mut self, model: &Model, setup: &Setup) {
        let same = |a: &[f64], b: &[f64]| a.iter().map(|x| x.to_bits()).eq(b.iter().map(|x| x.to_bits()));
        if !same(&self.influence, &setup.influence) || !same(&self.meetings, &setup.meeting_influence) {
            self.known.clear();
            self.serials.clear();
            self.influence.clone_from(&setup.influence);
            self.meetings.clone_from(&setup.meeting_influence);
        }
        if self.known.is_empty() {
            self.push(Vec::new(), Weights::new(model, setup, &[]));
        }
        self.latest = Some(0);
    }

    fn push(&mut self, sessions: Vec<MeetingId>, weights: Weights) {
        self.made += 1;
        self.serials.push(self.made);
        self.known.push((sessions, weights));
    }

    /// Selects the weights for a step with these sessions. Returns the number of pairs of actors to visit for computing
    /// them, which is 0 if they are in the cache.
    #[inline]
    pub(in super::super) fn ask(&mut self, model: &Model, setup: &Setup, sessions: &[(MeetingId, u32)]) -> u64 {
        if sessions.is_empty() {
            self.latest = Some(0);
            return 0;
        }
        let influences = |meeting: &MeetingId| setup.meeting_influence[meeting.index()] > 0.0;
        self.sessions.clear();
        self.sessions.extend(sessions.iter().map(|&(meeting, _)| meeting).filter(influences));
        let is_known = |at: &usize| self.known[*at].0 == self.sessions;
        self.latest = self.latest.filter(is_known).or_else(|| (0..self.known.len()).find(is_known));
        if self.latest.is_some() {
            return 0;
        }
        let among = |same: &[MeetingId]| (attendees(model, same[0]).len() as u64).pow(2);
        self.known[0].1.size() as u64 + attended(model, &self.sessions).map(among).sum::<u64>()
    }

    /// The selected weights with their serial number.
    #[inline]
    pub(in super::super) fn weights(&mut self, model: &Model, setup: &Setup) -> (u64, &Weights) {
        let at = self.latest.unwrap_or_else(|| self.work_out(model, setup));
        (self.serials[at], &self.known[at].1)
    }

    /// Adds the weights with the sessions of the step; returns their entry.
    #[inline(never)]
    fn work_out(&mut self, model: &Model, setup: &Setup) -> usize {
        if self.known.iter().map(|(_, weights)| weights.size()).sum::<usize>() > KEPT {
            self.known.truncate(1);
            self.serials.truncate(1);
        }
        self.push(self.sessions.clone(), Weights::new(model, setup, &self.sessions));
        let at = self.known.len() - 1;
        self.latest = Some(at);
        at
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The weights that meetings add, entry by entry, as in the section on stances of docs/model.md.
    fn added_one_by_one(
        listed: &[(ActorId, ActorId, f64)],
        meetings: &[(Vec<ActorId>, f64)],
    ) -> Vec<(ActorId, ActorId, f64)> {
        let mut entries = listed.to_vec();
        for (attendees, weight) in meetings {
            for &row in attendees {
                if !entries.iter().any(|entry| entry.0 == row) {
                    entries.push((row, row, 1.0));
                }
                for &other in attendees.iter().filter(|&&other| other != row) {
                    match entries.iter_mut().find(|entry| (entry.0, entry.1) == (row, other)) {
                        Some(entry) => entry.2 += weight,
                        None => entries.push((row, other, *weight)),
                    }
                }
            }
        }
        entries.sort_by_key(|entry| (entry.0, entry.1));
        entries
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(200))]
        #[test]
        fn meetings_add_up_as_they_would_one_by_one(
            ties in prop::collection::btree_map((0_u32..8, 0_u32..8), 0.01_f64..2.0, 0..20),
            meetings in prop::collection::vec((prop::collection::btree_set(0_u32..8, 1..6), 0.01_f64..2.0, 1_usize..3), 0..5),
        ) {
            let listed: Vec<_> = ties.iter().map(|(&(a, b), &weight)| (ActorId(a), ActorId(b), weight)).collect();
            let mut one_by_one: Vec<(Vec<ActorId>, f64)> = Vec::new();
            for (attendees, weight, times) in meetings {
                let attendees: Vec<ActorId> = attendees.into_iter().map(ActorId).collect();
                (0..times).for_each(|more| {
                    one_by_one.push((attendees.clone(), weight + f64::from(u32::try_from(more).unwrap())));
                });
            }
            let runs: Vec<Attended<'_>> = one_by_one
                .chunk_by(|a, b| a.0 == b.0)
                .map(|same| Attended::new(&same[0].0, same.iter().map(|meeting| meeting.1).collect()))
                .collect();
            prop_assert_eq!(gained(8, &runs, &listed), added_one_by_one(&listed, &one_by_one));
        }
    }
}
