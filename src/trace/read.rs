//! Reads the rows of a log.

use std::io::Read;

use super::record::{Cells, Namer, ReplayError, cells};
use crate::model::{Entry, Seq, limits};
use crate::table::{Declared as _, EventColumn};
use crate::text::quoted;

/// Reads the rows of a log and checks that each is written exactly as its event would be.
pub(super) fn read_rows(namer: &Namer<'_>, events: impl Read, steps: u32) -> Result<Vec<Entry>, ReplayError> {
    let mut reader = csv::ReaderBuilder::new().from_reader(events);
    let header = reader.headers().map_err(|error| ReplayError::header(error.to_string()))?;
    if header.iter().ne(EventColumn::ALL.iter().map(|column| column.name())) {
        return Err(ReplayError::header("the header is not that of an event log"));
    }
    let mut log = Vec::new();
    let mut records = vec![csv::StringRecord::new(); if namer.model().is_scattered() { TOGETHER } else { 1 }];
    let mut date = (0, namer.model().clock.date(0));
    loop {
        let mut end = Ok(true);
        let mut read = 0;
        while let Some(record) = records.get_mut(read) {
            end = reader.read_record(record);
            if !matches!(end, Ok(true)) {
                break;
            }
            read += 1;
        }
        let subjects = records[..read].iter().map(|record| cell(record, EventColumn::Subject));
        let expected = if records.len() > 1 { namer.expected(subjects) } else { vec![None; read] };
        for (record, instance) in records[..read].iter().zip(expected) {
            let row = log.len();
            if row >= limits::EVENTS as usize {
                return Err(ReplayError::row(row, format!("a log has at most {} events", limits::EVENTS)));
            }
            namer.expect(instance);
            let entry = read_row(namer, record, (row, steps), &mut date);
            log.push(entry.map_err(|reason| ReplayError::row(row, reason))?);
        }
        if !end.map_err(|error| ReplayError::row(log.len(), error.to_string()))? {
            return Ok(log);
        }
    }
}

/// The number of rows that are read before the first of them is resolved, where there are many instances.
const TOGETHER: usize = 64;

fn cell(record: &csv::StringRecord, column: EventColumn) -> &str {
    record.get(column as usize).unwrap_or_default()
}

fn read_row(
    namer: &Namer<'_>,
    record: &csv::StringRecord,
    (row, steps): (usize, u32),
    date: &mut (u32, String),
) -> Result<Entry, String> {
    let cell = |column| cell(record, column);
    let [run, seq, step_text] = [EventColumn::Run, EventColumn::Seq, EventColumn::Step].map(cell);
    if run != "0" {
        return Err(format!("`run` is {}, not `0`", quoted(run)));
    }
    let mut digits = itoa::Buffer::new();
    if seq != digits.format(row) {
        return Err(format!("`seq` is {}, not `{row}`: a row is missing, repeated or out of order", quoted(seq)));
    }
    let step: Option<u32> = step_text.parse().ok().filter(|step: &u32| digits.format(*step) == step_text);
    let step = step.ok_or_else(|| format!("`step` is {}, which is not a step number", quoted(step_text)))?;
    if step >= steps {
        return Err(format!("step {step} is beyond the run's {steps} steps"));
    }
    if step != date.0 {
        *date = (step, namer.model().clock.date(step));
    }
    if !is_same(cell(EventColumn::Date), &date.1) {
        return Err(format!("`date` is {}, but step {step} is `{}`", quoted(cell(EventColumn::Date)), date.1));
    }
    let found = Cells {
        event: cell(EventColumn::Event),
        actor: cell(EventColumn::Actor),
        counterpart: cell(EventColumn::Counterpart),
        subject: cell(EventColumn::Subject),
        issue: cell(EventColumn::Issue),
        resource: cell(EventColumn::Resource),
        value: None,
    };
    let value = cell(EventColumn::Value);
    let event = namer.event(&found, value).map_err(|error| error.0)?;
    let written = cells(namer.model(), event);
    let mut number = zmij::Buffer::new();
    let expected = [
        ("actor", found.actor, written.actor),
        ("counterpart", found.counterpart, written.counterpart),
        ("subject", found.subject, written.subject),
        ("issue", found.issue, written.issue),
        ("resource", found.resource, written.resource),
        ("value", value, written.value.map_or("", |value| number.format(value))),
    ];
    for (column, given, expected) in expected {
        if !is_same(given, expected) {
            return Err(format!("`{column}` is {}, but `{}` has `{expected}`", quoted(given), found.event));
        }
    }
    let cause = match cell(EventColumn::Cause) {
        "" => None,
        text => {
            let seq: Option<Seq> =
                text.parse().ok().filter(|seq: &Seq| (*seq as usize) < row && digits.format(*seq) == text);
            Some(seq.ok_or_else(|| format!("`cause` is {}, which is not an earlier event", quoted(text)))?)
        }
    };
    Ok(Entry::new(step, event, cause))
}

/// Whether two texts are equal. Most are empty, and an empty text may point nowhere, which some processors take long to
/// compare.
fn is_same(one: &str, other: &str) -> bool {
    one.len() == other.len() && (one.is_empty() || one == other)
}
