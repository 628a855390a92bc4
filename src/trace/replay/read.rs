//! Reads the rows of a log; each must be written exactly as its event would be.

use std::io::Read;

use super::super::record::{Cells, Namer, cells as written_as};
use crate::engine;
use crate::model::{Entry, Event, Model, Seq, Setup, limits};
use crate::table::{Declared as _, EventColumn};
use crate::text::quoted;

/// The reason why a log is rejected.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReplayError {
    /// The line of the file, counted from 1 including the header; `None` if no single row is wrong.
    pub line: Option<u64>,
    /// The reason.
    pub reason: String,
}

impl ReplayError {
    pub(super) fn header(reason: impl Into<String>) -> Self {
        Self { line: Some(1), reason: reason.into() }
    }

    pub(super) fn row(row: usize, reason: impl Into<String>) -> Self {
        Self { line: Some(row as u64 + 2), reason: reason.into() }
    }
}

/// Reads the rows and checks that each is written exactly as its event would be.
pub(super) fn read(namer: &Namer<'_>, events: impl Read, steps: u32) -> Result<Vec<Entry>, ReplayError> {
    let mut reader = csv::ReaderBuilder::new().from_reader(events);
    let header = reader.headers().map_err(|error| ReplayError::header(error.to_string()))?;
    if header.iter().ne(EventColumn::ALL.iter().map(|column| column.name())) {
        return Err(ReplayError::header("the header is not that of an event log"));
    }
    let mut log = Vec::new();
    let mut record = csv::StringRecord::new();
    let mut date = (0, namer.model().clock.date(0));
    loop {
        let row = log.len();
        if !reader.read_record(&mut record).map_err(|error| ReplayError::row(row, error.to_string()))? {
            return Ok(log);
        }
        if row >= limits::EVENTS as usize {
            return Err(ReplayError::row(row, format!("a log has at most {} events", limits::EVENTS)));
        }
        let entry =
            read_row(namer, &record, (row, steps), &mut date).map_err(|reason| ReplayError::row(row, reason))?;
        log.push(entry);
    }
}

fn read_row(
    namer: &Namer<'_>,
    record: &csv::StringRecord,
    (row, steps): (usize, u32),
    date: &mut (u32, String),
) -> Result<Entry, String> {
    let cell = |column: EventColumn| record.get(column as usize).unwrap_or_default();
    let [run, seq, step_text] = [EventColumn::Run, EventColumn::Seq, EventColumn::Step].map(cell);
    if run != "0" {
        return Err(format!("`run` is {}, not `0`", quoted(run)));
    }
    if seq != row.to_string() {
        return Err(format!("`seq` is {}, not `{row}`: a row is missing, repeated or out of order", quoted(seq)));
    }
    let step: Option<u32> = step_text.parse().ok().filter(|step: &u32| step.to_string() == step_text);
    let step = step.ok_or_else(|| format!("`step` is {}, which is not a step number", quoted(step_text)))?;
    if step >= steps {
        return Err(format!("step {step} is beyond the run's {steps} steps"));
    }
    if step != date.0 {
        *date = (step, namer.model().clock.date(step));
    }
    if cell(EventColumn::Date) != date.1 {
        return Err(format!("`date` is {}, but step {step} is `{}`", quoted(cell(EventColumn::Date)), date.1));
    }
    let cells = Cells {
        event: cell(EventColumn::Event),
        actor: cell(EventColumn::Actor),
        counterpart: cell(EventColumn::Counterpart),
        subject: cell(EventColumn::Subject),
        issue: cell(EventColumn::Issue),
        resource: cell(EventColumn::Resource),
        value: None,
    };
    let value = cell(EventColumn::Value);
    let event = namer.event(&cells, value).map_err(|error| error.0)?;
    let written = written_as(namer.model(), event);
    let expected = [
        ("actor", cells.actor, written.actor),
        ("counterpart", cells.counterpart, written.counterpart),
        ("subject", cells.subject, written.subject),
        ("issue", cells.issue, written.issue),
        ("resource", cells.resource, written.resource),
        ("value", value, &written.value_text()),
    ];
    for (column, found, expected) in expected {
        if found != expected {
            return Err(format!("`{column}` is {}, but `{}` has `{expected}`", quoted(found), cells.event));
        }
    }
    let cause = match cell(EventColumn::Cause) {
        "" => None,
        text => {
            let seq: Option<Seq> =
                text.parse().ok().filter(|seq: &Seq| (*seq as usize) < row && seq.to_string() == text);
            Some(seq.ok_or_else(|| format!("`cause` is {}, which is not an earlier event", quoted(text)))?)
        }
    };
    Ok(Entry { step, event, cause })
}

/// The setup of the run, built from the values that it drew.
pub(super) fn read_draws(model: &Model, log: &[Entry]) -> Result<Setup, ReplayError> {
    let mut drawn = Vec::with_capacity(model.draws.len());
    for (at, path) in model.draws.iter().enumerate() {
        match log.get(at + 1).map(|entry| entry.event) {
            Some(Event::Drawn { draw, value }) if draw.index() == at => drawn.push(value),
            _ => return Err(ReplayError::row(at + 1, format!("the log lacks the drawn value of `{path}`"))),
        }
    }
    engine::prepare_drawn(model, &drawn).map_err(|failure| ReplayError::row(model.draws.len(), failure.to_string()))
}
