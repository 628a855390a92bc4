//! Phase 1, the calendar: sessions of meetings, and shocks.

use super::super::decision::{Decision, Rule, View, Why};
use super::super::failure::Failure;
use super::super::random::{DrawStream, unit};
use crate::model::{ActorId, Effect, Event, IssueId, ShockId, Trigger, TrustEffect};

/// The part of a list sorted by step that belongs to `step`.
pub(in super::super) fn dated<T>(list: &[(u32, T)], step: u32) -> &[(u32, T)] {
    let rest = &list[list.partition_point(|(at, _)| *at < step)..];
    let here = rest.iter().take_while(|(at, _)| *at == step);
    &rest[..here.count()]
}

/// The state of a shock between steps.
#[derive(Clone, Debug)]
pub(in super::super) struct ShockState {
    /// Its random numbers.
    pub(in super::super) source: DrawStream,
    /// The probability for its current rate.
    pub(in super::super) probability: f64,
    /// Truth of its condition at the last evaluation.
    pub(in super::super) was_true: bool,
}

/// Decides whether a shock strikes now, and its effects. Its rate or condition is evaluated only if it
/// `may_have_turned`.
pub(in super::super) fn shock(
    view: View<'_>,
    threat: &mut ShockState,
    id: ShockId,
    may_have_turned: bool,
    out: &mut Vec<Decision>,
) -> Result<(), Failure> {
    let shock = &view.model.shocks[id.index()];
    let step = view.world.step;
    let why = match &shock.trigger {
        Trigger::On(_) => Why::Nothing,
        Trigger::Rate(expression) => {
            if may_have_turned {
                let rate = expression.number(&view.scope()).map_err(|fault| view.failure(fault))?;
                if rate < 0.0 {
                    return Err(Failure::NegativeRate { path: expression.path.clone(), rate, step });
                }
                threat.probability = 1.0 - libm::exp(-rate);
            }
            if unit(threat.source.word(step)) >= threat.probability {
                return Ok(());
            }
            Why::Nothing
        }
        Trigger::When { once: true, .. } if view.world.shocks[id.index()].count > 0 => return Ok(()),
        Trigger::When { condition, .. } => {
            // A condition that cannot have changed has not become true.
            if !may_have_turned {
                return Ok(());
            }
            let holds = condition.truth(&view.scope()).map_err(|fault| view.failure(fault))?;
            let was = std::mem::replace(&mut threat.was_true, holds);
            let turned = holds && !was;
            if !turned {
                return Ok(());
            }
            Why::Rule(Rule::Shock(id))
        }
    };
    out.push(Decision::new(Event::Shock(id), why));
    shift(view, &shock.stance, &view.world.stances, out, |actor, issue, value| Event::Stance { actor, issue, value });
    shift(view, &shock.anchor, &view.world.anchors, out, |actor, issue, value| Event::Anchor { actor, issue, value });
    shift_trust(view, &shock.trust, out);
    Ok(())
}

/// Effects on one value are summed in file order before clipping; an unchanged value gives no event.
fn shift(
    view: View<'_>,
    effects: &[Effect],
    values: &[f64],
    out: &mut Vec<Decision>,
    event: impl Fn(ActorId, IssueId, f64) -> Event,
) {
    let mut sums: Vec<(ActorId, IssueId, f64)> = Vec::new();
    for effect in effects {
        let size = view.setup.effects[effect.size as usize];
        let issues = match effect.issue {
            Some(issue) => issue.0..issue.0 + 1,
            None => 0..IssueId::at(view.model.issues.len()).0,
        };
        for &actor in &view.model.groups[effect.group.index()].members {
            sums.extend(issues.clone().map(|issue| (actor, IssueId(issue), size)));
        }
    }
    sums.sort_by_key(|&(actor, issue, _)| (actor, issue));
    for same in sums.chunk_by(|a, b| (a.0, a.1) == (b.0, b.1)) {
        let (actor, issue, _) = same[0];
        let before = values[view.world.stance_index(actor, issue)];
        let after = (before + same.iter().fold(0.0, |sum, (_, _, size)| sum + size)).clamp(0.0, 1.0) + 0.0;
        if after.to_bits() != before.to_bits() {
            out.push(Decision::new(event(actor, issue, after), Why::First));
        }
    }
}

fn shift_trust(view: View<'_>, effects: &[TrustEffect], out: &mut Vec<Decision>) {
    let mut sums: Vec<((ActorId, ActorId), f64)> = Vec::new();
    for effect in effects {
        let size = view.setup.effects[effect.size as usize];
        sums.extend(effect.pairs.ordered(view.model).map(|pair| (pair, size)));
    }
    sums.sort_by_key(|&(pair, _)| pair);
    for same in sums.chunk_by(|a, b| a.0 == b.0) {
        let (truster, trusted) = same[0].0;
        let before = view.world.trust.of(truster, trusted);
        let after = (before + same.iter().fold(0.0, |sum, (_, size)| sum + size)).clamp(0.0, 1.0) + 0.0;
        if after.to_bits() != before.to_bits() {
            out.push(Decision::new(Event::Trust { truster, trusted, value: after }, Why::First));
        }
    }
}
