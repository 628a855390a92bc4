//! A fork: from some step on a run goes on under another version of its model.

use super::super::agenda::Agenda;
use super::super::decide::View;
use super::super::evolve::recount;
use super::super::failure::Failure;
use super::super::plan::Plan;
use super::super::setup::prepare;
use super::Simulation;
use crate::model::Model;

/// A model, and the first step that it is in force.
#[derive(Clone, Copy, Debug)]
pub struct Stage<'a> {
    /// The model; all stages of a run must have the same actors, commitments and other things, with other numbers.
    pub model: &'a Model,
    /// Its plan.
    pub plan: &'a Plan,
    /// The first step; 0 in the first stage.
    pub from: u32,
}

/// Whether a run of one model may go on under another: the same things, with other numbers.
#[must_use]
pub fn may_follow(model: &Model, next: &Model) -> bool {
    let names = |model: &Model| -> Vec<usize> {
        vec![
            model.issues.len(),
            model.resources.len(),
            model.attributes.len(),
            model.meetings.len(),
            model.shocks.len(),
            model.moves.len(),
            model.outcomes.len(),
            model.metrics.len(),
            model.slots.len(),
            model.means.len(),
            model.gift_count(),
        ]
    };
    let same_actors = model.actors.iter().map(|actor| &actor.id).eq(next.actors.iter().map(|actor| &actor.id));
    let same_instances =
        model.instances.iter().map(|instance| &instance.name).eq(next.instances.iter().map(|instance| &instance.name));
    same_actors && same_instances && names(model) == names(next)
}

impl<'a> Simulation<'a> {
    /// Goes on under another model from the coming step on, with the same luck.
    pub(super) fn switch(&mut self, stage: &Stage<'a>) -> Result<(), Failure> {
        let (setup, _) = prepare(stage.model, self.luck)?;
        if let Some(causes) = &mut self.causes {
            causes.before_fork((self.model, self.plan, &self.run.setup, &self.run.world), self.run.events);
        }
        (self.model, self.plan) = (stage.model, stage.plan);
        self.run.before.push((stage.from, std::mem::replace(&mut self.run.setup, setup)));
        recount(self.model, &self.run.setup, &mut self.run.world);
        self.agenda = Agenda::new(self.model, self.plan);
        for instance in self.model.instance_ids() {
            self.agenda.resume(&self.run.world, instance);
        }
        self.sessions.clear();
        for (at, meeting) in self.model.meetings.iter().enumerate() {
            let on = meeting.sessions.iter().find(|&&(first, last)| first < stage.from && stage.from <= last);
            self.sessions.extend(on.map(|&(_, last)| (crate::model::MeetingId::at(at), last)));
        }
        self.influences.reset(self.model, &self.run.setup);
        let view = View { model: self.model, plan: self.plan, setup: &self.run.setup, world: &self.run.world };
        self.noise.reset(view, self.luck);
        if let Some(causes) = &mut self.causes {
            causes.after_fork((self.model, self.plan, &self.run.setup, &self.run.world), self.run.events);
        }
        Ok(())
    }
}
