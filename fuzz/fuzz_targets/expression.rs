//! Fuzzes expressions: any text as a metric and as the `when` of a commitment, in a scenario with every kind of
//! declaration. If it compiles, it is evaluated at every step.
#![no_main]

use std::fmt::Write as _;

use backstop::engine::{self, RunSeed, Plan, RunOptions};
use backstop::scenario::{Document, Options, compile};
use libfuzzer_sys::fuzz_target;

const SCENARIO: &str = r#"
format = 1
title = "Fuzz"
issues = ["aid", "peace"]
[time]
steps = 4
[parameters]
p = 0.5
[definitions]
d = "bound(r) + p"
[resources]
r = {}
[actors.a]
attributes = { x = 2 }
volatility = 0.1
[actors.b]
attributes = { x = 1 }
[groups]
g = ["a", "b"]
[commitments.c]
debtor = "a"
creditor = "b"
gives = { r = 3 }
over = 2
[commitments.e]
debtor = "b"
gives = { r = 1 }
when = "bonds(c) >= 1"
[shocks.s]
rate = 0.5
stance = { a = -0.1 }
[meetings.m]
on = 1
attend = ["g"]
"#;

/// A text as a TOML string.
fn string(text: &str) -> String {
    text.chars().fold(String::from("\""), |mut quoted, character| {
        let _ = write!(quoted, "\\U{:08x}", u32::from(character));
        quoted
    }) + "\""
}

fuzz_target!(|text: &str| {
    if text.len() > 10_000 {
        return;
    }
    let as_when = format!("{SCENARIO}[commitments.f]\ndebtor = \"b\"\ngives = {{ r = 1 }}\nwhen = {}\n", string(text));
    let as_metric = Options { metrics: vec![("fuzzed".into(), text.into())], ..Options::default() };
    for (scenario, options) in [(SCENARIO, as_metric), (as_when.as_str(), Options::default())] {
        let document = Document::parse("fuzz.toml", scenario.as_bytes()).expect("it is TOML");
        match compile(&document, &options) {
            Err(errors) => {
                for error in errors {
                    assert!(!error.message.chars().any(char::is_control), "{:?}", error.message);
                }
            }
            Ok(compiled) => {
                let plan = Plan::new(&compiled.model);
                let _ = engine::run(
                    &compiled.model,
                    &plan,
                    RunSeed { seed: 1, replicate: 0 },
                    RunOptions { log: true, series: true, exchanged: true },
                );
            }
        }
    }
});
