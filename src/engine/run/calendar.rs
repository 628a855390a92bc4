//! Phase 1 in a run: which meetings are in session, and the shocks.

use super::super::decide;
use super::super::decision::{Decision, Why};
use super::super::failure::Failure;
use super::super::random::DrawStream;
use super::progress::Progress;
use crate::model::{Event, MeetingId, Model, ShockId};

/// What the calendar remembers from step to step.
#[derive(Clone, Default)]
pub(super) struct Calendar {
    /// The luck of each shock.
    sources: Vec<DrawStream>,
    /// Truth of each triggered shock's condition at the step before.
    was_true: Vec<bool>,
    /// Meetings in session, with their last step.
    sessions: Vec<(MeetingId, u32)>,
    /// The shocks to look at in the step.
    due: Vec<ShockId>,
}

impl Calendar {
    /// As before the first step.
    pub(super) fn reset(&mut self, progress: &Progress<'_>) {
        self.meet_luck(progress);
        self.was_true.clear();
        self.was_true.resize(progress.model.shocks.len(), false);
        self.sessions.clear();
    }

    /// Lets shocks follow the luck of the run.
    pub(super) fn meet_luck(&mut self, progress: &Progress<'_>) {
        self.sources.clear();
        self.sources.extend(progress.plan.shock_streams.iter().map(|&stream| progress.luck.source(stream)));
    }

    /// Goes on under a model that is in force from a step on.
    pub(super) fn switch(&mut self, progress: &Progress<'_>, from: u32) {
        self.meet_luck(progress);
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

    /// Sessions begin, shocks strike.
    pub(super) fn run(&mut self, progress: &mut Progress<'_>) -> Result<(), Failure> {
        self.meet(progress)?;
        self.strike(progress)
    }

    fn meet(&mut self, progress: &mut Progress<'_>) -> Result<(), Failure> {
        let step = progress.run.world.step;
        self.sessions.retain(|&(_, last)| last >= step);
        for &(_, meeting) in decide::dated(&progress.plan.begins, step) {
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
            let (source, was_true) = (&mut self.sources[shock.index()], &mut self.was_true[shock.index()]);
            progress.decide(|view, out| decide::shock(view, source, shock, was_true, out))?;
        }
        Ok(())
    }
}
