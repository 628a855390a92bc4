//! The `[sweep]` table of a scenario as a design.

use std::ops::Range;

use super::design::{Axis, Request};
use super::error::Error;
use super::experiment::{DesignSource, Experiment};
use super::outline::Asked;
use super::sample::Sample;
use super::schedule::Schedule;
use crate::scenario::{Diagnostic, Document, SweepTable, Varied, VariedValues};

/// The remedy where there is no better one.
const ASK: &str = "change what the table asks for";

/// The design that a `[sweep]` table asks for; `zip` says that its axes run side by side though it does not say so.
///
/// # Errors
/// A diagnostic with the place in the file.
pub fn of_table(table: &SweepTable, zip: bool, document: &Document) -> Result<(DesignSource, Asked), Box<Diagnostic>> {
    let wrong = |error: &Error, place: Option<Range<usize>>| {
        let help = error.remedy().map(str::to_owned);
        Box::new(Diagnostic::error("sweep/design", error.message(), place).help(ASK).maybe_help(help))
    };
    let axis = |varied: &Varied| {
        let axis = match &varied.values {
            VariedValues::Text(text) => Axis::of(&varied.name, text),
            VariedValues::List(values) => Axis::list(&varied.name, values.clone()),
        };
        axis.map_err(|error| wrong(&error, Some(varied.span.clone())))
    };
    let vary: Vec<Axis> = table.vary.iter().map(axis).collect::<Result<_, _>>()?;
    let sample = table.sample.as_deref().map(Sample::parse).transpose();
    let sample = sample.map_err(|error| wrong(&error, document.place("sweep.sample")))?;
    if sample.is_none() && !table.over.is_empty() {
        let message = "`sweep.over` names what to sample, but there is no `sample`";
        let error = Diagnostic::error("sweep/design", message, document.place("sweep.over"));
        return Err(Box::new(error.help("write `sample = \"lhs:100\"` beside it, or remove it")));
    }
    let texts = table.vary.iter().map(|varied| format!("{}={}", varied.name, varied.values)).collect();
    let zip = zip || table.zip.unwrap_or(false);
    let request = Request { vary, zip, sample, over: table.over.clone() };
    let asked = Asked::of(&request, texts);
    Ok((DesignSource::Request(request), asked))
}

/// What is wrong with a scenario's `[sweep]` table: nothing if the sweep that it asks for can be run.
#[must_use]
pub fn check_table(document: &Document, jobs: usize) -> Vec<Diagnostic> {
    let Some(table) = document.sweep() else { return Vec::new() };
    let place = document.place("sweep");
    let located = |error: &Error| {
        let whole = Diagnostic::error("sweep/design", error.to_string(), place.clone());
        let whole = whole.help(ASK).maybe_help(error.remedy().map(str::to_owned));
        std::iter::once(whole).chain(error.diagnostics().iter().cloned()).collect()
    };
    let source = match of_table(&table, false, document) {
        Ok((source, _)) => source,
        Err(error) => return vec![*error],
    };
    let seed = table.seed.unwrap_or(0);
    let points = match Experiment::check(document.clone(), source, seed, jobs) {
        Ok(points) => points,
        Err(error) => return located(&error),
    };
    let schedule = Schedule { points, replicates: table.replicates.unwrap_or(1), seed, independent: false };
    schedule.check().map_or_else(|error| located(&error), |()| Vec::new())
}
