//! Phase 6, delivery: increments of what is owed, and what is satisfied by the last of them.

use super::super::decision::{Decision, Why};
use super::super::view::View;
use crate::model::{Event, InstanceId};

/// The increments of a detached commitment that are due now. True if none will follow.
pub(in super::super) fn delivery(view: View<'_>, instance: InstanceId, out: &mut Vec<Decision>) -> bool {
    let (lead, over) = (view.setup.lead[instance.index()], view.setup.over[instance.index()]);
    let due = view.world.instance(instance).increments_due(view.world.step, lead, over);
    for gift in view.model.gifts(instance) {
        let promised = view.world.evidence.amount(view.model, view.setup, instance, gift);
        let total = promised.increment_total(due, over);
        let amount = total.minus(view.world.evidence.handed_over(gift.position));
        if amount.0 > 0 {
            let gift = u32::try_from(gift.number).expect("the number of resources is limited");
            out.push(Decision::new(Event::Delivered { instance, gift, amount }, Why::Own(instance)));
        }
    }
    let complete = due == over;
    let commitment = view.model.commitment_of(instance);
    // A graded amount may still rise.
    let may_rise = commitment.is_graded()
        && view.model.gifts(instance).any(|gift| {
            let promised = view.world.evidence.amount(view.model, view.setup, instance, gift);
            promised < view.setup.gives[gift.position]
        });
    if complete && !may_rise && !commitment.maintain {
        out.push(Decision::new(Event::Satisfied(instance), Why::Own(instance)));
    }
    complete
}
