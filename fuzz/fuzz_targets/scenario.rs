//! Fuzzes the reader: any bytes as a scenario file, which is parsed and compiled, and if it is small, run and replayed.
#![no_main]

use backstop::engine::{self, RunSeed, Plan, RunOptions};
use backstop::store::events_csv;
use backstop::trace::{Namer, Recorded};
use backstop::model::Model;
use backstop::scenario::{Diagnostic, Document, Options, compile};
use libfuzzer_sys::fuzz_target;

/// Asserts that diagnostics lie inside of the file and contain no control characters.
fn look_at(diagnostics: &[Diagnostic], text: &[u8]) {
    for diagnostic in diagnostics {
        assert!(!diagnostic.message.chars().any(char::is_control), "{:?}", diagnostic.message);
        assert!(!diagnostic.help.iter().any(|help| help.chars().any(char::is_control)), "{:?}", diagnostic.help);
        if let Some(span) = &diagnostic.span {
            // Invalid bytes are replaced by U+FFFD, which has three bytes.
            assert!(span.start <= span.end && span.end <= 3 * text.len() + 3, "{span:?}");
        }
    }
}

fn is_small(model: &Model) -> bool {
    model.clock.steps <= 50 && model.actors.len() <= 40 && model.instances.len() <= 40 && model.metrics.len() <= 20
}

fn run_and_replay(model: &Model) {
    let plan = Plan::new(model);
    let want = RunOptions { log: true, series: true, exchanged: true };
    let run_seed = RunSeed { seed: 1, replicate: 0 };
    let run = engine::run(model, &plan, run_seed, want);
    let namer = Namer::new(model);
    let events = events_csv(model, &run.log);
    let recorded = Recorded::of(&run, run_seed);
    let fold = backstop::trace::replay(&namer, &plan, &[], &*events, &recorded, &mut |_, _, _| {});
    let fold = fold.unwrap_or_else(|refusal| panic!("{refusal:?}"));
    assert_eq!((fold.history, fold.steps, fold.gap), (run.history, run.steps, run.gap));
    assert_eq!(fold.log, run.log);
}

fuzz_target!(|bytes: &[u8]| {
    match Document::parse("fuzz.toml", bytes) {
        Err(errors) => {
            assert!(!errors.is_empty());
            look_at(&errors, bytes);
        }
        Ok(document) => match compile(&document, &Options::default()) {
            Err(errors) => {
                assert!(!errors.is_empty());
                look_at(&errors, bytes);
            }
            Ok(compiled) => {
                look_at(&compiled.warnings, bytes);
                if is_small(&compiled.model) {
                    run_and_replay(&compiled.model);
                }
            }
        },
    }
});
