//! Phases 4 and 5: exchange in rounds, and packages at meetings.

use super::super::agreement::{self, Agreement, Tables};
use super::super::condition_check::Watch;
use super::super::decision::{Decision, Rule, View, Why};
use super::super::failure::Failure;
use super::super::random::{RunSeed, unit};
use super::super::watch::{Conditions, Kind, Reasons, Wake, Which};
use crate::model::{
    Amount, Clause, Columns, CommitmentId, Event, Expression, InstanceId, MeetingId, MoveId, Reader, State, Trigger,
};

/// The events of `initial`, before the phases of step 0.
pub(in super::super) fn initial(view: View<'_>, out: &mut Vec<Decision>) {
    for (commitment, declared) in view.model.commitments.iter().enumerate() {
        if !matches!(declared.initial, State::Conditional | State::Detached) {
            continue;
        }
        for instance in view.model.instances_of(CommitmentId::at(commitment)).map(InstanceId::at) {
            out.push(Decision::new(Event::Created(instance), Why::Nothing));
            if declared.initial == State::Detached {
                out.push(Decision::new(Event::Detached(instance), Why::Own(instance)));
            }
        }
    }
}

/// The events of a move: the move itself, then for each of its instances the events up to its binding.
pub(in super::super) fn move_events(view: View<'_>, which: MoveId, out: &mut Vec<Decision>) -> Result<(), Failure> {
    let declared = &view.model.moves[which.index()];
    let why = match &declared.trigger {
        Trigger::On(steps) => {
            if steps.binary_search(&view.world.step).is_err() {
                return Ok(());
            }
            Why::Nothing
        }
        Trigger::Rate(condition) | Trigger::When { condition, .. } => {
            let made = view.world.moves[which.index()].count > 0;
            if made || !condition.truth(&view.scope()).map_err(|fault| view.failure(fault))? {
                return Ok(());
            }
            Why::Rule(Rule::Move(which))
        }
    };
    out.push(Decision::new(Event::Moved(which), why));
    for bind in &declared.binds {
        let instance = bind.instance;
        let before = view.world.instance(instance).state;
        let is_renewed = declared.any && matches!(before, State::Expired | State::Terminated);
        let is_created = declared.any && (is_renewed || before == State::Null);
        let mut then = |event| out.push(Decision::new(event, Why::First));
        if is_renewed {
            then(Event::Renewed(instance));
        }
        if is_created {
            then(Event::Created(instance));
        }
        match if is_created { State::Conditional } else { before } {
            State::Conditional => then(Event::Detached(instance)),
            State::Pending => then(Event::Reactivated(instance)),
            State::Detached => {}
            State::Null | State::Satisfied | State::Violated | State::Expired | State::Terminated => continue,
        }
        for level in &view.plan.levels[view.plan.levels_of(instance)] {
            let gift = level.gift;
            // A new round starts from zero.
            let now = if is_renewed { Amount(0) } else { view.world.evidence.graded(gift.position) };
            let upto = view.setup.gives[gift.position];
            let chosen = bind.amounts.iter().find(|(number, _)| *number as usize == gift.number);
            let amount = chosen.map_or(upto, |&(_, at)| view.setup.moved[at].min(upto));
            if amount > now {
                let gift = u32::try_from(gift.number).expect("the number of resources is limited");
                then(Event::Raised { instance, gift, amount });
            }
        }
    }
    Ok(())
}

/// Working memory of the rounds.
#[derive(Clone, Debug, Default)]
pub(in super::super) struct Rounds {
    columns: Columns,
    /// Candidates that are evaluated with the reasons that may wake them, and the others.
    watched: Vec<Reader>,
    readers: Vec<Reader>,
    truths: Vec<bool>,
    /// The reasons to wake the instances whose `when` does not hold.
    pub(in super::super) reasons: Reasons,
}

/// With at least this many candidates of one commitment, their conditions are evaluated together.
const MANY: usize = 6;

/// One round: the candidates whose `when` holds in the state at its start.
pub(in super::super) fn round(
    watch: Watch<'_>,
    candidates: &[InstanceId],
    memory: &mut Rounds,
    out: &mut Vec<Decision>,
) -> Result<(), Failure> {
    let view = watch.view;
    memory.reasons.clear();
    let commitment = |instance: &InstanceId| view.model.instances[instance.index()].commitment;
    for alike in candidates.chunk_by(|a, b| commitment(a) == commitment(b)) {
        if let Err(failure) = round_alike(watch, commitment(&alike[0]), alike, memory, out) {
            return Err(first_failure(view, alike).unwrap_or(failure));
        }
    }
    Ok(())
}

/// The failure of the first instance in declaration order that fails.
fn first_failure(view: View<'_>, alike: &[InstanceId]) -> Option<Failure> {
    let conditional = alike.iter().filter(|instance| view.world.instance(**instance).state == State::Conditional);
    conditional.copied().find_map(|at| view.holds(at, view.model.commitment_of(at).when.as_ref(), true).err())
}

/// The candidates of one commitment.
fn round_alike(
    watch: Watch<'_>,
    commitment: CommitmentId,
    alike: &[InstanceId],
    memory: &mut Rounds,
    out: &mut Vec<Decision>,
) -> Result<(), Failure> {
    let Watch { view, agenda, .. } = watch;
    let View { model, world, .. } = view;
    let conditions = &view.plan.conditions[commitment.index()];
    let when = model.commitments[commitment.index()].when.as_ref();
    let first = out.len();
    memory.watched.clear();
    memory.readers.clear();
    for &instance in alike {
        if world.instance(instance).state != State::Conditional {
            // Its own next event wakes it.
            memory.reasons.sleeping.push((instance, Wake::default()));
            continue;
        }
        let reader = Reader { actor: model.instances[instance.index()].debtor, instance };
        if conditions.has_parts && agenda.is_worth_while(Kind::When, instance) {
            memory.watched.push(reader);
        } else {
            memory.readers.push(reader);
        }
    }
    watch_alike(watch, (conditions, when), memory, out)?;
    let Rounds { columns, readers, truths, reasons, .. } = memory;
    if readers.is_empty() {
        return Ok(());
    }
    let together =
        when.is_some_and(|when| readers.len() >= MANY && columns.truths(when, &view.scope(), readers, truths));
    if !together {
        truths.clear();
        for reader in &*readers {
            truths.push(view.holds(reader.instance, when, true)?);
        }
    }
    for (&reader, &holds) in readers.iter().zip(&*truths) {
        if holds {
            out.push(detached(reader.instance));
        } else {
            reasons.sleeping.push((reader.instance, conditions.always(Kind::When)));
        }
    }
    out[first..].sort_unstable_by_key(|decision| decision.event.instance());
    Ok(())
}

/// A commitment is bound, since its condition holds.
pub(in super::super) fn detached(instance: InstanceId) -> Decision {
    Decision::new(Event::Detached(instance), Why::Rule(Rule::Clause(instance, Clause::When)))
}

/// The candidates of one commitment for which the reasons that may wake them are recorded.
fn watch_alike(
    watch: Watch<'_>,
    (conditions, when): (&Conditions, Option<&Expression>),
    memory: &mut Rounds,
    out: &mut Vec<Decision>,
) -> Result<(), Failure> {
    let Rounds { columns, watched, reasons, .. } = memory;
    if watched.len() >= MANY
        && let (Some(when), Some(parts)) = (when, conditions.watched(Which::When))
    {
        let before = (out.len(), reasons.sleeping.len(), reasons.bands.len());
        let scope = watch.view.scope();
        let looked = parts.look_at_all(when, (&scope, watched), columns, |at, holds, wake, band| {
            let instance = watched[at].instance;
            if holds {
                out.push(detached(instance));
            } else {
                reasons.sleeping.push((instance, wake));
                reasons.bands.push(band);
            }
        });
        if looked.is_some() {
            return Ok(());
        }
        out.truncate(before.0);
        reasons.sleeping.truncate(before.1);
        reasons.bands.truncate(before.2);
    }
    for &Reader { instance, .. } in &*watched {
        let mut check = watch.look(Kind::When, instance, reasons);
        if check.holds(Which::When, true, reasons)? {
            check.forget(reasons);
            out.push(detached(instance));
        } else {
            check.sleep(reasons);
        }
    }
    Ok(())
}

/// The package of a meeting in session: the greatest set that the attendees can bind at once.
pub(in super::super) fn package(
    view: View<'_>,
    run_seed: RunSeed,
    meeting: MeetingId,
    (work, tables): (&mut u64, &mut Tables),
    out: &mut Vec<Decision>,
) -> Result<(), Failure> {
    let attendees = &view.model.groups[view.model.meetings[meeting.index()].attendees.index()];
    let is_present = |instance: InstanceId| attendees.contains(view.model.instances[instance.index()].debtor);
    let Agreement { members, amounts } = agreement::greatest(view, work, tables, is_present)?;
    if members.is_empty() {
        return Ok(());
    }
    let size = u32::try_from(members.len()).expect("the number of instances is limited");
    let word = run_seed.word(view.plan.meeting_streams[meeting.index()], view.world.step);
    let why = Why::Session(meeting);
    if unit(word) >= view.setup.success[meeting.index()] {
        out.push(Decision::new(Event::Failed { meeting, size }, why));
        return Ok(());
    }
    out.push(Decision::new(Event::Agreed { meeting, size }, why));
    let mut amounts = amounts.into_iter().peekable();
    for instance in members {
        let state = view.world.instance(instance).state;
        match state {
            State::Conditional => out.push(Decision::new(Event::Detached(instance), Why::First)),
            State::Pending => out.push(Decision::new(Event::Reactivated(instance), Why::First)),
            State::Null | State::Detached | State::Satisfied | State::Violated | State::Expired | State::Terminated => {
            }
        }
        while let Some((position, amount)) =
            amounts.next_if(|next| view.plan.levels[next.0 as usize].instance == instance)
        {
            let gift = view.plan.levels[position as usize].gift;
            let now = view.world.evidence.graded(gift.position);
            if amount > now {
                let gift = u32::try_from(gift.number).expect("the number of resources is limited");
                out.push(Decision::new(Event::Raised { instance, gift, amount }, Why::First));
            }
        }
    }
    Ok(())
}
