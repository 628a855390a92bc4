//! How often each outcome is reached as a parameter changes: one model a point, many replicates of it.
//!
//! Each point is compiled once. Replicate `k` uses the same random numbers at every point, so that points differ only in
//! their parameters. `backstop::sweep` does the same in parallel and writes files.
//!
//! ```text
//! $ cargo run --example shares
//! wanted,runs,agreement
//! 0,1000,1000
//! 0.25,1000,757
//! 0.5,1000,504
//! 0.75,1000,256
//! 1,1000,0
//! ```
#![expect(clippy::print_stdout, reason = "a program prints")]

use backstop::engine::{Plan, RunOptions, RunSeed, Simulation};
use backstop::model::Ending;
use backstop::scenario::{Document, Options, Override, compile};

const SCENARIO: &str = r#"
format = 1
title = "A guarantor whose mood is drawn"
time = { steps = 10 }
resources = { cover = {}, troops = {} }
[parameters]
wanted = { value = 0.5, range = [0, 1] }
[actors.guarantor]
stance = { uniform = [0, 1] }
[actors.ally]
[commitments.cover]
debtor = "guarantor"
gives = { cover = 1 }
when = "stance >= wanted"
[commitments.troops]
debtor = "ally"
gives = { troops = 1 }
when = "bound(cover, guarantor) >= 1"
[outcomes.agreement]
when = "bound(troops, ally) >= 1"
"#;

fn main() {
    let document = Document::parse("mood.toml", SCENARIO.as_bytes()).expect("it is TOML");
    println!("wanted,runs,agreement");
    for wanted in [0.0, 0.25, 0.5, 0.75, 1.0] {
        let overrides = vec![Override { name: "wanted".into(), value: wanted.into() }];
        let options = Options { overrides, ..Options::default() };
        let model = compile(&document, &options).expect("it is valid").model;
        let plan = Plan::new(&model);
        let mut simulation = Simulation::new(&model, &plan, RunOptions::default());
        let reached = (0..1000)
            .filter(|&replicate| {
                let run = simulation.run(&[], RunSeed { seed: 0, replicate });
                matches!(run.ending(), Some(Ending::Outcome(_)))
            })
            .count();
        println!("{wanted},1000,{reached}");
    }
}
