//! Runs a scenario file and prints its log in the format of `events.csv`.
//!
//! ```text
//! $ cargo run --example run scenarios/chicken-and-egg.toml
//! run,seq,step,date,event,actor,counterpart,subject,issue,resource,value,cause
//! 0,0,0,2025-03-10,started,,,,,,,
//! 0,1,0,2025-03-10,created,us,europe,us_backstop,,,,
//! 0,2,0,2025-03-10,created,europe,us,europe_troops,,,,
//! 0,3,6,2025-03-16,ended,,,deadlock,,,,
//! ```

use std::error::Error;
use std::io::{self, Write as _};

use backstop::engine::{self, Plan, RunOptions, RunSeed};
use backstop::scenario::{Diagnostic, Document, Options, compile};
use backstop::store::events_csv;

fn main() -> Result<(), Box<dyn Error>> {
    let path = std::env::args().nth(1).ok_or("usage: run FILE")?;
    let bytes = std::fs::read(&path)?;
    let document = Document::parse(&path, &bytes).map_err(first)?;
    let model = compile(&document, &Options::default()).map_err(first)?.model;
    let seed = RunSeed { seed: 0, replicate: 0 };
    let run = engine::run(&model, &Plan::new(&model), seed, RunOptions { log: true, ..RunOptions::default() });
    io::stdout().lock().write_all(&events_csv(&model, &run.log))?;
    Ok(())
}

/// The first error of a file, with its remedy.
fn first(errors: Vec<Diagnostic>) -> String {
    let error = errors.into_iter().next().expect("there is at least one error");
    format!("{}; help: {}", error.message, error.help.unwrap_or_default())
}
