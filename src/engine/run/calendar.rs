//! Phase 1 in a run: which meetings are in session, and the shocks.

use super::super::decide::{self, Threat};
use super::super::decision::{Decision, Why};
use super::super::failure::Failure;
use super::progress::Progress;
use crate::model::{Event, MeetingId, Model, ShockId};

/// What the calendar remembers from step to step.
#[derive(Clone, Default)]
pub(super) struct Calendar {
    /// By shock.
    threats: Vec<Threat>,
    /// Meetings in session, with their last step.
    sessions: Vec<(MeetingId, u32)>,
    /// The shocks to look at in the step.
    due: Vec<ShockId>,
}

impl Calendar {
    /// As before the first step.
    pub(super) fn reset(&mut self, progress: &Progress<'_>) {
        self.threats.clear();
        self.meet_luck(progress);
        self.sessions.clear();
    }

    /// Lets shocks follow the luck of the run.
    pub(super) fn meet_luck(&mut self, progress: &Progress<'_>) {
        let mut known =
            std::mem::take(&mut self.threats).into_iter().map(|threat| (threat.probability, threat.was_true));
        self.threats.extend(progress.plan.shock_streams.iter().map(|&stream| {
            let (probability, was_true) = known.next().unwrap_or((0.0, false));
            Threat { source: progress.luck.source(stream), probability, was_true }
        }));
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
            let may_have_turned = progress.agenda.take_other(shock.index());
            let threat = &mut self.threats[shock.index()];
            progress.decide(|view, out| decide::shock(view, threat, shock, may_have_turned, out))?;
        }
        Ok(())
    }
}
