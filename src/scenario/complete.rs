//! Completes a model that has passed all checks: the numbers of draws, the slots that gifts count in, and what a run of it
//! has to keep up.

use super::diagnostic::Diagnostic;
use super::rules::all_expressions;
use crate::model::{CommitmentId, DrawId, FieldSource, Model, SlotId, Source, limits};

/// Numbers the draws in the order of their paths.
pub(super) fn number_draws(model: &mut Model) {
    let drawn = model.fields.iter().enumerate().filter(|(_, field)| matches!(field.source, FieldSource::Draw { .. }));
    let mut paths: Vec<(String, usize)> = drawn.map(|(at, field)| (field.path(model), at)).collect();
    paths.sort_unstable();
    model.draws = Vec::with_capacity(paths.len());
    for (number, (path, at)) in paths.into_iter().enumerate() {
        if let FieldSource::Draw { draw, .. } = &mut model.fields[at].source {
            *draw = DrawId::at(number);
        }
        model.draws.push(path);
    }
}

/// For each gift, the slots that it counts in.
///
/// # Errors
/// If there are too many.
pub(super) fn link_slots(model: &mut Model) -> Result<(), Box<Diagnostic>> {
    let mut by_resource: Vec<Vec<SlotId>> = vec![Vec::new(); model.resources.len()];
    for (at, slot) in model.slots.iter().enumerate() {
        by_resource[slot.resource.index()].push(SlotId::at(at));
    }
    let gives = |commitment: CommitmentId, model: &Model| model.commitments[commitment.index()].gives.clone();
    let work: usize = model
        .instances
        .iter()
        .map(|instance| {
            gives(instance.commitment, model).iter().map(|resource| by_resource[resource.index()].len()).sum::<usize>()
        })
        .fold(0, usize::saturating_add);
    if work > limits::SLOT_PAIRS {
        let message =
            format!("{work} pairs of gifts and of quantities that count them, more than {}", limits::SLOT_PAIRS);
        let error = Diagnostic::error("limits/slots", message, None).help("let expressions read fewer groups");
        return Err(Box::new(error));
    }
    let mut starts = vec![0];
    let mut links = Vec::new();
    for instance in &model.instances {
        for resource in gives(instance.commitment, model) {
            for &slot in &by_resource[resource.index()] {
                let group = &model.groups[model.slots[slot.index()].group.index()];
                if group.contains(instance.debtor) {
                    links.push(slot);
                }
            }
            starts.push(u32::try_from(links.len()).unwrap_or(u32::MAX));
        }
    }
    model.gift_slot_starts = starts;
    model.gift_slots = links;
    Ok(())
}

/// Records whether anything reads trust or the gap.
pub(super) fn note_needs(model: &mut Model, track_trust: bool) {
    let mut trust = track_trust || model.shocks.iter().any(|shock| !shock.trust.is_empty());
    let mut gap = false;
    for expression in all_expressions(model) {
        for quantity in expression.reads() {
            trust |= matches!(quantity.source(), Source::SlotAndTrust(_) | Source::Trust);
            gap |= quantity.source() == Source::Gap;
        }
    }
    model.reads_trust = trust;
    model.reads_gap = gap;
}
