//! Phases 1 and 2 in a run: which meetings are in session, the shocks, and how stances move.

use crate::model::{Event, MeetingId, Model, ShockId, limits};

use super::super::decide::{self, Influences, Movers, Noise, ShockState, StanceStep, Weights};
use super::super::decision::{Decision, View, Why};
use super::super::failure::Failure;
use super::interface::{Checkpoint, Observer, Run};
use super::progress::Progress;

/// The state of the calendar between steps.
#[derive(Clone, Default)]
pub(super) struct Calendar {
    /// By shock.
    threats: Vec<ShockState>,
    /// Meetings in session, with their last step.
    sessions: Vec<(MeetingId, u32)>,
    /// The shocks to evaluate in the step.
    due: Vec<ShockId>,
}

impl Calendar {
    /// Resets to the state before the first step.
    pub(super) fn reset(&mut self, progress: &Progress<'_>) {
        self.threats.clear();
        self.use_seed(progress);
        self.sessions.clear();
    }

    /// Makes shocks use the random numbers of the run.
    pub(super) fn use_seed(&mut self, progress: &Progress<'_>) {
        let mut known =
            std::mem::take(&mut self.threats).into_iter().map(|threat| (threat.probability, threat.was_true));
        self.threats.extend(progress.plan.shock_streams.iter().map(|&stream| {
            let (probability, was_true) = known.next().unwrap_or((0.0, false));
            ShockState { source: progress.run_seed.source(stream), probability, was_true }
        }));
    }

    /// Switches to a model that applies from a step on.
    pub(super) fn switch(&mut self, progress: &Progress<'_>, from: u32) {
        self.use_seed(progress);
        let model: &Model = progress.model;
        self.sessions.clear();
        for (at, meeting) in model.meetings.iter().enumerate() {
            let on = meeting.sessions.iter().find(|&&(first, last)| first < from && from <= last);
            self.sessions.extend(on.map(|&(_, last)| (MeetingId::at(at), last)));
        }
    }

    /// Meetings in session, in declaration order, with their last step.
    pub(super) fn sessions(&self) -> &[(MeetingId, u32)] {
        &self.sessions
    }

    /// The first step from the present one on in which there may be a meeting or a shock, or time alone may change an
    /// instance; 0 if that may be any.
    pub(super) fn calm_until(&self, progress: &Progress<'_>) -> u32 {
        if !self.threats.is_empty() || !self.sessions.is_empty() {
            return 0;
        }
        let (begins, step) = (&progress.plan.begins, progress.run.world.step);
        let next = begins.get(begins.partition_point(|(first, _)| *first <= step));
        next.map_or(u32::MAX, |(first, _)| *first).min(progress.agenda.next_date())
    }

    /// Runs the phase.
    #[inline]
    pub(super) fn run(&mut self, progress: &mut Progress<'_>) -> Result<(), Failure> {
        if !self.sessions.is_empty() || !progress.plan.begins.is_empty() {
            self.meet(progress)?;
        }
        if self.threats.is_empty() { Ok(()) } else { self.strike(progress) }
    }

    fn meet(&mut self, progress: &mut Progress<'_>) -> Result<(), Failure> {
        let step = progress.run.world.step;
        self.sessions.retain(|&(_, last)| last >= step);
        let begin = decide::dated(&progress.plan.begins, step);
        if begin.is_empty() {
            return Ok(());
        }
        for &(_, meeting) in begin {
            let sessions = &progress.model.meetings[meeting.index()].sessions;
            let at = sessions.partition_point(|&(first, _)| first < step);
            self.sessions.push((meeting, sessions[at].1));
            progress.batch.push(Decision::new(Event::Met(meeting), Why::Nothing));
        }
        self.sessions.sort_unstable();
        progress.apply()
    }

    fn strike(&mut self, progress: &mut Progress<'_>) -> Result<(), Failure> {
        let (plan, step) = (progress.plan, progress.run.world.step);
        self.due.clear();
        self.due.extend(decide::dated(&plan.dated_shocks, step).iter().map(|&(_, shock)| shock));
        self.due.extend_from_slice(&plan.watched_shocks);
        self.due.sort_unstable();
        for &shock in &self.due {
            let may_have_turned = progress.agenda.take_global_reader(shock.index());
            let threat = &mut self.threats[shock.index()];
            progress.decide(|view, out| decide::shock(view, threat, shock, may_have_turned, out))?;
        }
        Ok(())
    }
}

/// The number of stances computed for one operation of work.
const AT_ONCE: u64 = 4;

/// The state of the phase between steps.
#[derive(Clone, Default)]
pub(super) struct Opinions {
    influences: Influences,
    noise: Noise,
    movers: Movers,
    step: StanceStep,
    /// The weights under which nobody moves any more, as long as nothing else moves a stance or an anchor.
    still: Option<u64>,
    /// Whether a stance changed in the last step.
    has_moved: bool,
}

impl Opinions {
    /// Prepares for a run, whose numbers may be those of the run before.
    pub(super) fn begin(&mut self, progress: &Progress<'_>, are_unchanged: bool) {
        if are_unchanged {
            self.noise.restart(progress.run_seed);
            self.movers.reset();
            self.still = None;
        } else {
            self.reset(progress);
        }
    }

    /// Prepares for the setup of a run, or of a fork of it.
    pub(super) fn reset(&mut self, progress: &Progress<'_>) {
        self.noise.reset(progress.view(), progress.run_seed);
        self.influences.reset(progress.model, &progress.run.setup);
        self.movers.reset();
        self.still = None;
    }

    /// Runs the phase with these meetings in session.
    pub(super) fn run(&mut self, progress: &mut Progress<'_>, sessions: &[(MeetingId, u32)]) -> Result<(), Failure> {
        let Self { influences, noise, movers, step, still, .. } = self;
        self.has_moved = false;
        let pairs = influences.ask(progress.model, &progress.run.setup, sessions);
        if pairs > limits::TIES as u64 {
            return Err(Failure::TooManyTies { step: progress.run.world.step });
        }
        progress.spend(pairs)?;
        let (serial, weights) = influences.weights(progress.model, &progress.run.setup);
        for actor in progress.agenda.take_shifted() {
            movers.note_shift(actor);
            *still = None;
        }
        if *still == Some(serial) {
            return Ok(());
        }
        movers.update(progress.view(), (serial, weights), noise.volatile());
        let events = progress.run.events;
        if movers.few().is_none_or(|few| !few.is_empty()) {
            progress.spend(cost(progress, weights, movers))?;
            if progress.is_quick() {
                let Progress { model, plan, run, hash, .. } = &mut *progress;
                let view = View { model, plan, setup: &run.setup, world: &run.world };
                decide::next_stances(view, (weights, movers), noise, step, hash);
                let all_move = step.all_move();
                progress.move_stances(movers.few(), step.next(), all_move);
            } else {
                progress.decide(|view, out| {
                    decide::stances(view, (weights, movers), noise, step, out);
                    Ok(())
                })?;
                drop(progress.agenda.take_shifted());
            }
        }
        self.has_moved = progress.run.events != events;
        // If no stance has changed, none will change in the next step with the same weights.
        let is_still = !self.has_moved && noise.volatile().is_empty();
        *still = is_still.then_some(serial);
        Ok(())
    }

    /// Whether [`Self::drift`] applies after an uneventful step: stances have moved, and will move again with the same
    /// weights and noise. Others than all actors on one issue are left to [`Self::run`].
    pub(super) fn may_drift(&self, progress: &Progress<'_>) -> bool {
        self.has_moved
            && !self.noise.volatile().is_empty()
            && self.movers.few().is_none()
            && progress.is_quick()
            && progress.model.issues.len() == 1
    }

    /// Moves the stances of these steps, which follow an uneventful one and have no dates, as long as none of them leaves
    /// its band. Returns the next step, and whether its stances have moved already.
    ///
    /// Whatever else the beginning of a step and the stances raise, they raised in the step before, where it woke nobody
    /// and left no outcome to be looked at; so it need not be raised again.
    pub(super) fn drift(
        &mut self,
        progress: &mut Progress<'_>,
        steps: std::ops::Range<u32>,
        watch: &mut Observer<'_>,
    ) -> Result<(u32, bool), Failure> {
        let Self { influences, noise, movers, step: memory, .. } = self;
        let (_, weights) = influences.weights(progress.model, &progress.run.setup);
        let cost = cost(progress, weights, movers).saturating_add(progress.plan.step_cost);
        for step in steps.clone() {
            if !progress.is_quick() {
                return Ok((step, false));
            }
            progress.begin_step(step);
            progress.spend(cost)?;
            let Progress { model, plan, run, hash, .. } = &mut *progress;
            let view = View { model, plan, setup: &run.setup, world: &run.world };
            decide::next_of_everybody(view, weights, noise, memory, hash);
            let all_move = memory.all_move();
            let moved = progress.shift_stances(None, memory.next(), all_move);
            let Progress { plan, run: Run { world, setup, steps, .. }, agenda, .. } = &mut *progress;
            if moved && agenda.is_any_band_left(&world.stances) {
                agenda.note_stances(plan, None, &world.stances);
                return Ok((step, true));
            }
            watch(Checkpoint::Exchanged, world, setup);
            watch(Checkpoint::Ended, world, setup);
            *steps = step + 1;
        }
        Ok((steps.end, false))
    }
}

/// The number of operations of the phase.
fn cost(progress: &Progress<'_>, weights: &Weights, movers: &Movers) -> u64 {
    let stances = movers.few().map_or(progress.model.actors.len(), <[_]>::len) * progress.model.issues.len();
    (weights.size() as u64).saturating_add(stances as u64 / AT_ONCE)
}
