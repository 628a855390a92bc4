//! Agreements: which conditional commitments of a state could bind, computed on hypotheses.
//!
//! For a set `S` of conditional commitments, `F(S)` is the set of those whose `when` holds if exactly `S` is detached
//! in addition. `F` is monotone, so it has a least and a greatest fixed point (Knaster–Tarski). The least is found by
//! binding commitments until no further `when` holds; the greatest by binding everything and removing the commitments
//! whose `when` fails. A commitment is evaluated again only when evidence that its `when` reads has changed (as in
//! Dowling and Gallier 1984).

mod amounts;
mod graded;
mod hypothesis;
mod thresholds;

use super::decision::View;
use super::failure::Failure;
use crate::model::{InstanceId, State};

pub use hypothesis::Hypothesis;
pub(super) use hypothesis::{Agreement, Tables};
pub(super) use thresholds::{CROWD, Own, Thresholds, need_bisection};

/// With more commitments than this, the tables of an agreement are given back after it.
pub(super) const LARGE: usize = 1 << 17;

/// The greatest agreement among the `eligible` commitments, without the least one.
pub(super) fn greatest(
    view: View<'_>,
    work: &mut u64,
    tables: &mut Tables,
    eligible: impl Fn(InstanceId) -> bool,
) -> Result<Agreement, Failure> {
    let is_graded = view.plan.is_graded;
    let mut members = std::mem::take(&mut tables.members);
    members.clear();
    members.extend(view.open().filter(|&instance| eligible(instance)));
    if members.is_empty() {
        tables.members = members;
        return Ok(Agreement::default());
    }
    let mut hypothesis = Hypothesis::reusing(view, tables);
    hypothesis.work = *work;
    if let Some(graded) = &mut hypothesis.graded {
        graded.restrict(&members);
    }
    // Right after an Exchange, only suspended commitments may still hold by themselves.
    let may_resume = |&instance: &InstanceId| view.world.instance(instance).state == State::Pending;
    let least = if is_graded && members.iter().any(may_resume) { hypothesis.exchange() } else { Ok(()) };
    let base = hypothesis.trail.len();
    let result = least.and_then(|()| hypothesis.agree(&members));
    *work = hypothesis.work;
    let agreement = result.map(|()| hypothesis.agreed_since(base));
    if view.model.instances.len() <= LARGE {
        *tables = hypothesis.into_tables(members);
    }
    agreement
}

/// The greatest agreement of a state, in declaration order: the gap, if an Exchange has come before.
///
/// # Errors
/// A [`Failure`] if a condition is not a number in the hypothetical state.
pub fn greatest_agreement(view: View<'_>) -> Result<Vec<InstanceId>, Failure> {
    Ok(greatest(view, &mut 0, &mut Tables::default(), |_| true)?.members)
}
