//! A state of a run: stances, commitments, trust.

use std::fmt::Write as _;

use super::timeline::label;
use super::wording::{actor, plain_number};
use crate::model::{ActorId, IssueId, Model, Setup, World};

/// A state for a person.
#[must_use]
pub fn state(model: &Model, setup: &Setup, world: &World) -> String {
    let mut text = format!("The state at the end of {}\n", label(model, world.step));
    text.push_str("\nStances\n");
    for id in model.actor_ids() {
        let issues = model.issues.iter().enumerate().map(|(at, issue)| {
            let value = plain_number(world.stance(id, IssueId::at(at)));
            if model.issues.len() == 1 { value } else { format!("{issue} {value}") }
        });
        let _ = writeln!(text, "  {:<24} {}", actor(model, id), issues.collect::<Vec<_>>().join(", "));
    }
    text.push_str("\nCommitments\n");
    for instance in model.instance_ids() {
        let own = world.instance(instance);
        let gifts: Vec<String> = model
            .gifts(instance)
            .map(|gift| {
                let resource = &model.resources[gift.resource.index()].id;
                let given = plain_number(world.evidence.handed_over(gift.position).to_units());
                format!("{resource} {given} of {}", plain_number(setup.gives[gift.position].to_units()))
            })
            .collect();
        let name = &model.instances[instance.index()].name;
        let _ = writeln!(text, "  {name:<28} {:<12} {}", own.state.name(), gifts.join(", "));
    }
    let pairs = distrust(model, world);
    if !pairs.is_empty() {
        text.push_str("\nTrust, where it is not 1\n");
        for (a, b, value) in pairs {
            let _ = writeln!(text, "  {} in {}: {}", actor(model, a), actor(model, b), plain_number(value));
        }
    }
    text
}

fn distrust(model: &Model, world: &World) -> Vec<(ActorId, ActorId, f64)> {
    let mut pairs = Vec::new();
    // Where nothing reads trust, nobody keeps it.
    if !model.reads_trust {
        return pairs;
    }
    for a in model.actor_ids() {
        for b in model.actor_ids() {
            let value = world.trust.of(a, b);
            if value < 1.0 && pairs.len() < 1_000 {
                pairs.push((a, b, value));
            }
        }
    }
    pairs
}
