//! How a run ended, and why.

use std::fmt::Write as _;

use backstop::engine::{Plan, Run};
use backstop::model::{Ending, Model};

use super::timeline::{condition, label};

/// The outcome with its reason.
pub(crate) fn ending(model: &Model, _plan: &Plan, run: &Run) -> String {
    let mut text = String::new();
    match run.result {
        Ok(Ending::Outcome(outcome)) => {
            let outcome = &model.outcomes[outcome.index()];
            let since = run.reached_step().map(|step| format!(", first reached on {}", label(model, step)));
            let _ = writeln!(text, "Outcome: {}{}", outcome.id, since.unwrap_or_default());
            let _ = writeln!(text, "  it holds at the end: {}", condition(&outcome.when.text));
        }
        Ok(Ending::Deadlock) => {
            let _ = writeln!(text, "Outcome: deadlock");
        }
        Ok(Ending::Stalemate) => {
            let _ = writeln!(text, "Outcome: stalemate");
        }
        Err(_) => {
            let _ = writeln!(text, "The run failed at {}; what came before it is kept.", label(model, run.world.step));
        }
    }
    text
}
