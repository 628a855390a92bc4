//! Replay: folding a log without simulating, and refusing one that was cut, edited, reordered or belongs
//! to another scenario.

use std::collections::VecDeque;
use std::io::Read;

use super::record::{Cells, Namer, kind};
use super::tables::EVENT_COLUMNS;
use crate::engine::{self, History, Plan, Stage};
use crate::model::{
    ActorId, Amount, Ending, Entry, Event, InstanceId, IssueId, Model, Seq, Setup, State, Trigger, World, limits,
};

/// What the manifest says of the run whose log is folded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Recorded {
    /// Whether the run came to its end.
    pub ok: bool,
    /// Steps that it completed.
    pub steps: u32,
}

/// A moment of a step at which the state can be looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Moment {
    /// After its last Exchange, before deliveries: what a deadlock is about.
    Exchanged,
    /// At its end.
    Ended,
}

/// Why a log is refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// The line of the file, from 1, the header being the first; none where no single row is to blame.
    pub line: Option<u64>,
    /// The reason.
    pub reason: String,
}

impl Refusal {
    fn header(reason: impl Into<String>) -> Self {
        Self { line: Some(1), reason: reason.into() }
    }

    fn row(row: usize, reason: impl Into<String>) -> Self {
        Self { line: Some(row as u64 + 2), reason: reason.into() }
    }
}

/// A folded log: all that the run itself would have given.
#[derive(Clone, Debug)]
pub struct Fold {
    /// The events.
    pub log: Vec<Entry>,
    /// How the run ended; none where it failed.
    pub ending: Option<Ending>,
    /// Steps that were completed.
    pub steps: u32,
    /// Size of the gap after the latest Exchange; none where the run failed.
    pub gap: Option<u32>,
    /// Metrics by step; a failure may have cut the last step short.
    pub samples: Vec<f64>,
    /// The last value of each metric.
    pub metrics: Vec<Option<f64>>,
    /// The hash of the events.
    pub history: History,
    /// The state at the end.
    pub world: World,
    /// The numbers of the run.
    pub setup: Setup,
}

/// Reads and folds the events of one run, which went on under each of the `forks` from its step on.
/// `watch` sees the state after the last Exchange of every step, and at the end of every completed one.
///
/// # Errors
/// A [`Refusal`] with the first row that cannot be, and why.
pub fn replay<'a>(
    namer: &Namer<'a>,
    plan: &'a Plan,
    forks: &[Stage<'a>],
    events: impl Read,
    recorded: Recorded,
    watch: &mut dyn FnMut(Moment, &World, &Setup),
) -> Result<Fold, Refusal> {
    let model = namer.model();
    let steps = forks.iter().map(|stage| stage.model.clock.steps).max().unwrap_or(0).max(model.clock.steps);
    let log = read(namer, events, steps)?;
    if log.is_empty() {
        return Err(Refusal::header("the log has no rows"));
    }
    let setup = match read_draws(model, &log) {
        // A run that failed before step 0 has no numbers to fold with.
        Err(_) if !recorded.ok && log.len() == 1 => model.setup.clone(),
        other => other?,
    };
    let world = World::new(model, &setup);
    let fold = Fold {
        ending: None,
        steps: 0,
        gap: None,
        samples: Vec::new(),
        metrics: vec![None; model.metrics.len()],
        history: History::default(),
        world,
        setup,
        log,
    };
    let folding =
        Folding { model, plan, first: model, fold, phase: Phase::Start, last_key: (0, 0), owed: VecDeque::new() };
    folding.run(forks, recorded, watch)
}

/// Reads the rows, each of which must be what its event is written as.
fn read(namer: &Namer<'_>, events: impl Read, steps: u32) -> Result<Vec<Entry>, Refusal> {
    let mut reader = csv::ReaderBuilder::new().from_reader(events);
    let header = reader.headers().map_err(|error| Refusal::header(error.to_string()))?;
    if header.iter().ne(EVENT_COLUMNS) {
        return Err(Refusal::header("the header is not that of an event log"));
    }
    let mut log = Vec::new();
    let mut record = csv::StringRecord::new();
    let mut date = (0, namer.model().clock.date(0));
    loop {
        let row = log.len();
        if !reader.read_record(&mut record).map_err(|error| Refusal::row(row, error.to_string()))? {
            return Ok(log);
        }
        if row >= limits::EVENTS as usize {
            return Err(Refusal::row(row, format!("a log has at most {} events", limits::EVENTS)));
        }
        let entry = read_row(namer, &record, (row, steps), &mut date).map_err(|reason| Refusal::row(row, reason))?;
        log.push(entry);
    }
}

fn read_row(
    namer: &Namer<'_>,
    record: &csv::StringRecord,
    (row, steps): (usize, u32),
    date: &mut (u32, String),
) -> Result<Entry, String> {
    let cell = |at: usize| record.get(at).unwrap_or_default();
    let quoted = |text: &str| format!("`{}`", text.escape_debug());
    if cell(0) != "0" {
        return Err(format!("`run` is {}, not `0`", quoted(cell(0))));
    }
    if cell(1) != row.to_string() {
        return Err(format!("`seq` is {}, not `{row}`: a row is missing, repeated or out of order", quoted(cell(1))));
    }
    let step: Option<u32> = cell(2).parse().ok().filter(|step: &u32| step.to_string() == cell(2));
    let step = step.ok_or_else(|| format!("`step` is {}, no step number", quoted(cell(2))))?;
    if step >= steps {
        return Err(format!("step {step} is beyond the run's {steps} steps"));
    }
    if step != date.0 {
        *date = (step, namer.model().clock.date(step));
    }
    if cell(3) != date.1 {
        return Err(format!("`date` is {}, but step {step} is `{}`", quoted(cell(3)), date.1));
    }
    let cells = Cells {
        event: cell(4),
        actor: cell(5),
        counterpart: cell(6),
        subject: cell(7),
        issue: cell(8),
        resource: cell(9),
        value: cell(10).into(),
    };
    let event = namer.event(&cells).map_err(|error| error.0)?;
    let written = namer.cells(event);
    let expected = [
        ("actor", cells.actor, written.actor),
        ("counterpart", cells.counterpart, written.counterpart),
        ("subject", cells.subject, written.subject),
        ("issue", cells.issue, written.issue),
        ("resource", cells.resource, written.resource),
        ("value", &cells.value, &written.value),
    ];
    for (column, found, expected) in expected {
        if found != expected {
            return Err(format!("`{column}` is {}, where `{}` has `{expected}`", quoted(found), cell(4)));
        }
    }
    let cause = match cell(11) {
        "" => None,
        text => {
            let seq: Option<Seq> =
                text.parse().ok().filter(|seq: &Seq| (*seq as usize) < row && seq.to_string() == text);
            Some(seq.ok_or_else(|| format!("`cause` is {}, no earlier event", quoted(text)))?)
        }
    };
    Ok(Entry { step, event, cause })
}

/// The numbers of the run, from the values that it drew.
fn read_draws(model: &Model, log: &[Entry]) -> Result<Setup, Refusal> {
    let mut drawn = Vec::with_capacity(model.draws.len());
    for (at, path) in model.draws.iter().enumerate() {
        match log.get(at + 1).map(|entry| entry.event) {
            Some(Event::Drawn { draw, value }) if draw.index() == at => drawn.push(value),
            _ => return Err(Refusal::row(at + 1, format!("the log lacks the drawn value of `{path}`"))),
        }
    }
    engine::prepare_drawn(model, &drawn).map_err(|failure| Refusal::row(model.draws.len(), failure.to_string()))
}

/// Where in a step an event belongs; phases only move on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Phase {
    Start,
    Initial,
    Sessions,
    Shocks,
    Stances,
    Review,
    Exchange,
    Meetings,
    Delivery,
    Outcomes,
    End,
}

struct Folding<'a> {
    /// The model at the start, whose draws the log begins with.
    first: &'a Model,
    model: &'a Model,
    plan: &'a Plan,
    fold: Fold,
    phase: Phase,
    /// Within a phase that goes in declaration order, how far it has come.
    last_key: (u32, u32),
    /// Withdrawals that must follow, in this order.
    owed: VecDeque<(InstanceId, u32, Amount)>,
}

impl<'a> Folding<'a> {
    fn run(
        mut self,
        forks: &[Stage<'a>],
        recorded: Recorded,
        watch: &mut dyn FnMut(Moment, &World, &Setup),
    ) -> Result<Fold, Refusal> {
        let steps = if recorded.ok { self.fold.log.last().map_or(0, |entry| entry.step + 1) } else { recorded.steps };
        let mut row = 0;
        for step in 0..steps {
            self.switch(forks, step).map_err(|reason| Refusal::row(row, reason))?;
            let is_last = recorded.ok && step + 1 == steps;
            row = self.step(step, row, is_last, watch)?;
            self.sample().map_err(|reason| Refusal::row(row, reason))?;
            watch(Moment::Ended, &self.fold.world, &self.fold.setup);
            self.fold.steps = step + 1;
        }
        if recorded.ok {
            self.end(row)?;
        } else {
            self.switch(forks, steps).map_err(|reason| Refusal::row(row, reason))?;
            if steps < self.model.clock.steps {
                row = self.step(steps, row, false, watch)?;
                // The failure may have come while the step was sampled; what was sampled before it is kept.
                let _ = self.sample();
            }
            if row < self.fold.log.len() {
                return Err(Refusal::row(row, "the run had failed before this event"));
            }
        }
        Ok(self.fold)
    }

    /// Goes on under another model where a fork begins.
    fn switch(&mut self, forks: &[Stage<'a>], step: u32) -> Result<(), String> {
        for stage in forks.iter().filter(|stage| stage.from == step) {
            // The value of draw `k` stands in row `k + 1`; `read_draws` has looked.
            let drawn = |path: &String| {
                let draw = self.first.draws.binary_search(path).ok()?;
                match self.fold.log.get(draw + 1)?.event {
                    Event::Drawn { value, .. } => Some(value),
                    _ => None,
                }
            };
            let drawn: Vec<f64> = stage.model.draws.iter().map(|path| drawn(path).unwrap_or(f64::NAN)).collect();
            self.fold.setup = engine::prepare_drawn(stage.model, &drawn).map_err(|failure| failure.to_string())?;
            (self.model, self.plan) = (stage.model, stage.plan);
            engine::recount(self.model, &self.fold.setup, &mut self.fold.world);
        }
        Ok(())
    }

    /// Folds the events of a step, but not `ended`; gives the row after the last of them.
    fn step(
        &mut self,
        step: u32,
        mut row: usize,
        is_last: bool,
        watch: &mut dyn FnMut(Moment, &World, &Setup),
    ) -> Result<usize, Refusal> {
        self.fold.world.step = step;
        self.phase = Phase::Start;
        let mut gap_taken = false;
        while let Some(&Entry { step: at, event, .. }) = self.fold.log.get(row) {
            if at < step {
                return Err(Refusal::row(row, format!("step {at} comes after step {step}")));
            }
            if at > step || matches!(event, Event::Ended(_)) {
                break;
            }
            let phase = self.phase_of(row, event);
            if phase >= Phase::Delivery && !gap_taken {
                self.exchanged(is_last, watch).map_err(|reason| Refusal::row(row, reason))?;
                gap_taken = true;
            }
            self.check(row, event, phase).map_err(|reason| Refusal::row(row, reason))?;
            let event = self.exact(event).map_err(|reason| Refusal::row(row, reason))?;
            self.fold.log[row].event = event;
            self.note_owed(event);
            engine::evolve(self.model, &self.fold.setup, &mut self.fold.world, event);
            self.fold.history.add(step, event);
            row += 1;
        }
        if let Some((instance, ..)) = self.owed.front() {
            let name = &self.model.instances[instance.index()].name;
            return Err(Refusal::row(row, format!("`withdrawn` of `{name}` is missing")));
        }
        if !gap_taken {
            self.exchanged(is_last, watch).map_err(|reason| Refusal::row(row, reason))?;
        }
        Ok(row)
    }

    fn phase_of(&self, row: usize, event: Event) -> Phase {
        let initially = |instance: InstanceId| {
            let initial = self.model.commitment_of(instance).initial;
            self.phase <= Phase::Initial && self.fold.world.step == 0 && initial != State::Null
        };
        match event {
            Event::Started | Event::Drawn { .. } => Phase::Start,
            Event::Created(instance) if initially(instance) && self.fold.log[row].cause.is_none() => Phase::Initial,
            Event::Detached(instance)
                if initially(instance) && self.model.commitment_of(instance).initial == State::Detached =>
            {
                Phase::Initial
            }
            Event::Met(_) => Phase::Sessions,
            Event::Shock(_) | Event::Anchor { .. } | Event::Trust { .. } => Phase::Shocks,
            Event::Stance { .. } if self.fold.log[row].cause.is_some() => Phase::Shocks,
            Event::Stance { .. } => Phase::Stances,
            Event::Satisfied(instance) if !self.model.commitment_of(instance).maintain => Phase::Delivery,
            Event::Created(_)
            | Event::Cancelled(_)
            | Event::Expired(_)
            | Event::Suspended(_)
            | Event::Reactivated(_)
            | Event::Violated(_)
            | Event::Released(_)
            | Event::Satisfied(_)
            | Event::Withdrawn { .. } => Phase::Review,
            Event::Detached(_) => self.phase.clamp(Phase::Exchange, Phase::Meetings),
            Event::Agreed { .. } | Event::Failed { .. } => Phase::Meetings,
            Event::Delivered { .. } => Phase::Delivery,
            Event::Reached(_) => Phase::Outcomes,
            Event::Ended(_) => Phase::End,
        }
    }

    /// Whether an event may happen here at all.
    fn check(&mut self, row: usize, event: Event, phase: Phase) -> Result<(), String> {
        let name = kind(event);
        if phase < self.phase {
            return Err(format!("`{name}` cannot come after what stands before it in this step"));
        }
        self.check_order(phase, event)?;
        self.check_transition(event)?;
        let unit = |value: f64| (0.0..=1.0).contains(&value);
        match event {
            Event::Started | Event::Drawn { .. }
                if row > self.first.draws.len() || (row == 0) != (event == Event::Started) =>
            {
                Err(format!("`{name}` stands at the beginning of a log only"))
            }
            Event::Stance { value, .. } | Event::Anchor { value, .. } | Event::Trust { value, .. } if !unit(value) => {
                Err(format!("`{name}` has the value {value}; it must be from 0 to 1"))
            }
            Event::Trust { truster, trusted, .. } if truster == trusted => {
                Err("an actor's trust in itself is 1".into())
            }
            Event::Met(meeting) => self.check_met(meeting.index()),
            Event::Shock(shock) => self.check_shock(shock.index()),
            Event::Reached(outcome) if self.fold.world.reached[outcome.index()].is_some() => {
                Err(format!("`{}` was reached before", self.model.outcomes[outcome.index()].id))
            }
            _ => Ok(()),
        }
    }

    /// Phases that go in declaration order do not go back.
    fn check_order(&mut self, phase: Phase, event: Event) -> Result<(), String> {
        let key = match event {
            Event::Met(meeting) => Some((meeting.0, 0)),
            Event::Shock(shock) => Some((shock.0, 0)),
            Event::Stance { actor: ActorId(actor), issue: IssueId(issue), .. } if phase == Phase::Stances => {
                Some((actor, issue))
            }
            Event::Reached(outcome) => Some((outcome.0, 0)),
            Event::Withdrawn { .. } => None,
            _ if phase == Phase::Review => event.instance().map(|instance| (instance.0, 0)),
            _ => None,
        };
        let entered = phase > self.phase;
        self.phase = phase;
        if let Some(key) = key {
            if !entered && key <= self.last_key {
                return Err(format!("`{}` is out of declaration order", kind(event)));
            }
            self.last_key = key;
        } else if entered {
            self.last_key = (0, 0);
        }
        Ok(())
    }

    fn check_met(&self, meeting: usize) -> Result<(), String> {
        let begins = self.model.meetings[meeting].sessions.iter().any(|&(first, _)| first == self.fold.world.step);
        if begins {
            Ok(())
        } else {
            Err(format!("no session of `{}` begins at step {}", self.model.meetings[meeting].id, self.fold.world.step))
        }
    }

    fn check_shock(&self, shock: usize) -> Result<(), String> {
        let step = self.fold.world.step;
        let shock = &self.model.shocks[shock];
        match &shock.trigger {
            Trigger::On(steps) if !steps.contains(&step) => {
                Err(format!("`{}` does not strike at step {step}", shock.id))
            }
            _ => Ok(()),
        }
    }

    /// The life cycle of section 3 of the model.
    fn check_transition(&self, event: Event) -> Result<(), String> {
        let Some(instance) = event.instance() else { return self.check_owed(event) };
        let commitment = self.model.commitment_of(instance);
        let state = self.fold.world.instance(instance).state;
        let legal = match event {
            Event::Created(_) => state == State::Null,
            Event::Cancelled(_) | Event::Detached(_) => state == State::Conditional,
            Event::Expired(_) => matches!(state, State::Null | State::Conditional) && commitment.expires.is_some(),
            Event::Suspended(_) => state == State::Detached && commitment.stay.is_some(),
            Event::Reactivated(_) => state == State::Pending,
            Event::Delivered { .. } | Event::Satisfied(_) => state == State::Detached,
            Event::Violated(_) => matches!(state, State::Detached | State::Pending),
            Event::Released(_) => {
                matches!(state, State::Conditional | State::Detached | State::Pending) && commitment.release.is_some()
            }
            Event::Withdrawn { .. } => commitment.maintain,
            _ => true,
        };
        if !legal {
            let name = &self.model.instances[instance.index()].name;
            return Err(format!("`{}` of `{name}` is no legal move: it is {}", kind(event), state.name()));
        }
        self.check_owed(event)
    }

    /// What a maintained commitment had in force is withdrawn at once, whole, in the order of `gives`.
    fn check_owed(&self, event: Event) -> Result<(), String> {
        let found = match event {
            Event::Withdrawn { instance, gift, .. } => Some((instance, gift)),
            _ => None,
        };
        let owed = self.owed.front().map(|&(instance, gift, _)| (instance, gift));
        if found == owed {
            return Ok(());
        }
        let name = |instance: InstanceId| &self.model.instances[instance.index()].name;
        Err(match (found, owed) {
            (_, Some((instance, _))) => format!("`withdrawn` of `{}` must come first", name(instance)),
            (Some((instance, _)), None) => format!("`{}` has nothing to withdraw", name(instance)),
            (None, None) => String::new(),
        })
    }

    fn note_owed(&mut self, event: Event) {
        if let Event::Withdrawn { .. } = event {
            self.owed.pop_front();
            return;
        }
        let (Event::Suspended(instance)
        | Event::Violated(instance)
        | Event::Released(instance)
        | Event::Satisfied(instance)) = event
        else {
            return;
        };
        if self.model.commitment_of(instance).maintain {
            for gift in self.model.gifts(instance) {
                let amount = self.fold.world.evidence.handed_over(gift.position);
                if amount > Amount::ZERO {
                    self.owed.push_back((instance, u32::try_from(gift.number).unwrap_or(u32::MAX), amount));
                }
            }
        }
    }

    /// An amount as exact as the run had it: what is due follows from the state, and the row must say the same.
    fn exact(&self, event: Event) -> Result<Event, String> {
        match event {
            Event::Delivered { instance, gift, amount } => {
                let exact = self.due(instance, gift);
                if exact.to_units().to_bits() != amount.to_units().to_bits() || exact == Amount::ZERO {
                    let name = &self.model.instances[instance.index()].name;
                    return Err(format!("`{name}` hands over {} here, not {}", exact.to_units(), amount.to_units()));
                }
                Ok(Event::Delivered { instance, gift, amount: exact })
            }
            Event::Withdrawn { instance, gift, amount } => {
                let exact = self.owed.front().map_or(Amount::ZERO, |&(_, _, amount)| amount);
                if exact.to_units().to_bits() != amount.to_units().to_bits() {
                    let name = &self.model.instances[instance.index()].name;
                    return Err(format!("`{name}` had {} in force, not {}", exact.to_units(), amount.to_units()));
                }
                Ok(Event::Withdrawn { instance, gift, amount: exact })
            }
            other => Ok(other),
        }
    }

    /// The increment of a gift that is due at this step.
    fn due(&self, instance: InstanceId, gift: u32) -> Amount {
        let setup = &self.fold.setup;
        let (lead, over) = (setup.lead[instance.index()], setup.over[instance.index()]);
        let gift = self.model.gift(instance, gift as usize);
        let due = self.fold.world.instance(instance).increments_due(self.fold.world.step, lead, over);
        let total = setup.gives[gift.position].increment_total(due, over);
        total.minus(self.fold.world.evidence.handed_over(gift.position))
    }

    /// The step's last Exchange is over; deliveries follow.
    fn exchanged(&mut self, is_last: bool, watch: &mut dyn FnMut(Moment, &World, &Setup)) -> Result<(), String> {
        self.take_gap(is_last)?;
        watch(Moment::Exchanged, &self.fold.world, &self.fold.setup);
        Ok(())
    }

    /// The gap belongs to the state after the last Exchange, before deliveries.
    fn take_gap(&mut self, is_last: bool) -> Result<(), String> {
        if self.model.reads_gap || is_last {
            let Fold { setup, world, .. } = &self.fold;
            let gap = engine::gap(self.model, self.plan, setup, world).map_err(|failure| failure.to_string())?;
            let gap = u32::try_from(gap.len()).unwrap_or(u32::MAX);
            self.fold.world.gap = gap;
            if is_last {
                self.fold.gap = Some(gap);
            }
        }
        Ok(())
    }

    fn sample(&mut self) -> Result<(), String> {
        let mut sampled = Vec::with_capacity(self.model.metrics.len());
        let Fold { setup, world, .. } = &self.fold;
        let result = engine::sample(self.model, self.plan, setup, world, &mut sampled);
        for (last, value) in self.fold.metrics.iter_mut().zip(&sampled) {
            *last = Some(*value);
        }
        self.fold.samples.extend_from_slice(&sampled);
        result.map_err(|failure| failure.to_string())
    }

    /// The last row says how the run ended, and it did.
    fn end(&mut self, row: usize) -> Result<(), Refusal> {
        let Some(&Entry { step, event: Event::Ended(found), .. }) = self.fold.log.get(row) else {
            return Err(Refusal::row(row, "the log stops without `ended`: it was cut"));
        };
        if row + 1 < self.fold.log.len() {
            return Err(Refusal::row(row + 1, "a row comes after `ended`"));
        }
        let Fold { setup, world, gap, .. } = &self.fold;
        let ending = engine::ending(self.model, self.plan, setup, world, gap.unwrap_or(0))
            .map_err(|failure| Refusal::row(row, failure.to_string()))?;
        if ending != found {
            let name = super::record::ending_name(self.model, ending);
            return Err(Refusal::row(row, format!("the state at the end is `{name}`, not what `ended` says")));
        }
        let stops = self.model.outcomes.iter().zip(&world.reached).any(|(outcome, at)| outcome.stop && at.is_some());
        if !stops && step + 1 < self.model.clock.steps {
            return Err(Refusal::row(row, "the run ended before its last step, and no outcome stopped it"));
        }
        self.fold.history.add(step, Event::Ended(found));
        self.fold.ending = Some(found);
        Ok(())
    }
}
