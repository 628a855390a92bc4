//! Phases 4 and 5: exchange in rounds, and packages at meetings.

use super::super::agreement;
use super::super::cause::{Rule, Why};
use super::super::failure::Failure;
use super::super::random::{Luck, unit};
use super::{Decision, View};
use crate::model::{Event, InstanceId, MeetingId, State};

/// The commitments that are put into a state before the phases of step 0.
pub(in super::super) fn initial(view: View<'_>, out: &mut Vec<Decision>) {
    for instance in view.model.instance_ids() {
        let initial = view.model.commitment_of(instance).initial;
        if matches!(initial, State::Conditional | State::Detached) {
            out.push(Decision::new(Event::Created(instance), Why::Nothing));
        }
        if initial == State::Detached {
            out.push(Decision::new(Event::Detached(instance), Why::Own(instance)));
        }
    }
}

/// One round: those of the candidates whose `when` holds on the state at its start.
pub(in super::super) fn round(
    view: View<'_>,
    candidates: &[InstanceId],
    out: &mut Vec<Decision>,
) -> Result<(), Failure> {
    for &instance in candidates {
        let conditional = view.world.instance(instance).state == State::Conditional;
        if conditional && view.holds(instance, view.model.commitment_of(instance).when.as_ref(), true)? {
            out.push(Decision::new(Event::Detached(instance), Why::Rule(Rule::When(instance))));
        }
    }
    Ok(())
}

/// The package of a meeting in session: all that those who attend can bind at once.
pub(in super::super) fn package(
    view: View<'_>,
    luck: Luck,
    meeting: MeetingId,
    work: &mut u64,
    out: &mut Vec<Decision>,
) -> Result<(), Failure> {
    let attendees = &view.model.groups[view.model.meetings[meeting.index()].attendees.index()];
    let members =
        agreement::greatest(view, work, |instance| attendees.contains(view.model.instances[instance.index()].debtor))?;
    if members.is_empty() {
        return Ok(());
    }
    let size = u32::try_from(members.len()).expect("the number of instances is limited");
    let word = luck.word(view.plan.meeting_streams[meeting.index()], view.world.step);
    let why = Why::Session(meeting);
    if unit(word) >= view.setup.success[meeting.index()] {
        out.push(Decision::new(Event::Failed { meeting, size }, why));
        return Ok(());
    }
    out.push(Decision::new(Event::Agreed { meeting, size }, why));
    out.extend(members.into_iter().map(|instance| Decision::new(Event::Detached(instance), Why::First)));
    Ok(())
}
