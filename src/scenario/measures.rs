//! `[outcomes]` and `[metrics]`.

use super::diagnostic::{Diagnostic, Origin, quoted};
use super::draft::Draft;
use super::keys;
use super::names::is_id;
use super::reader::path;
use super::script::{Context, Type};
use super::toml_tree::Kind;
use crate::model::{Metric, Outcome, limits};

impl Draft<'_> {
    /// Reads `[outcomes]`.
    pub(super) fn read_outcomes(&mut self) {
        for (entry, table) in self.reader.named_tables("outcomes") {
            let place = path("outcomes", &entry.key);
            self.reader.known_keys(table, &keys::OUTCOME);
            self.reader.free_texts(table, &["note"], &place);
            let name = self.reader.short_text(table, "name", &place);
            let stop = self.reader.flag(table, "stop", &place, false);
            let Some(when) = table.get("when") else {
                self.reader.missing(
                    "when",
                    &place,
                    entry.key_span.clone(),
                    "write its condition: `when = \"bound(troops) >= 1\"`",
                );
                continue;
            };
            if let Some(script) =
                self.lookup.condition(&mut self.reader, &when.value, path(&place, "when"), Context::World("an outcome"))
            {
                self.model.outcomes.push(Outcome { id: entry.key.clone(), name, when: script.expression, stop });
            }
        }
    }

    /// Reads `[metrics]`, and the additional metrics of the options.
    pub(super) fn read_metrics(&mut self, more: &[(String, String)]) {
        if let Some(section) = self.reader.section("metrics") {
            for entry in &section.entries {
                let place = path("metrics", &entry.key);
                let Kind::String(text) = &entry.value.kind else {
                    let help = match entry.value.kind {
                        Kind::Integer(_) | Kind::Float(_) | Kind::Boolean(_) => "put quotes around it",
                        _ => "write the expression in quotes",
                    };
                    self.reader.wrong_kind(&entry.value, &place, "an expression in quotes", Some(help));
                    continue;
                };
                if let Some(script) = self.lookup.expression(
                    &mut self.reader,
                    &entry.value,
                    text,
                    place,
                    Context::World("a metric"),
                    Type::Number,
                ) {
                    self.model.metrics.push(Metric { id: entry.key.clone(), value: script.expression });
                }
            }
        }
        for (name, text) in more {
            if self.model.metrics.iter().any(|metric| metric.id == *name) {
                let message = format!("there is a metric {} already", quoted(name));
                let error = Diagnostic::error("names/twice", message, Some(0..text.len()));
                self.reader.report(error.in_text(Origin::Argument(text.clone())).help("give it another name"));
                continue;
            }
            let place = path("metrics", name);
            if !is_id(name) {
                let message = format!("{} is not a valid id for a metric", quoted(name));
                let help = "an id begins with a letter from a to z and goes on with letters, digits and `_`";
                self.reader.report(
                    Diagnostic::error("schema/id", message, None).in_text(Origin::Argument(text.clone())).help(help),
                );
                continue;
            }
            if let Some(script) =
                self.lookup.argument_expression(&mut self.reader, text, place, Context::World("a metric"), Type::Number)
            {
                self.model.metrics.push(Metric { id: name.clone(), value: script.expression });
            }
        }
        self.check_samples();
    }

    /// Refuses a series that would be too long.
    fn check_samples(&mut self) {
        let samples = u64::from(self.lookup.calendar.clock.steps).saturating_mul(self.model.metrics.len() as u64);
        if samples > limits::SAMPLES && self.lookup.calendar.steps_known {
            let span = self.reader.root.get("metrics").map(|entry| entry.key_span.clone());
            let message = format!(
                "{} metrics in {} steps make {samples} samples, more than {}",
                self.model.metrics.len(),
                self.lookup.calendar.clock.steps,
                limits::SAMPLES
            );
            self.reader
                .report(Diagnostic::error("limits/samples", message, span).help("run fewer steps, or measure less"));
        }
    }
}
