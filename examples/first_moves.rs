//! Runs a scenario and explains the state after the last Exchange: who waits for whom, and which first moves would open
//! the deadlock.
//!
//! ```text
//! $ cargo run --example first_moves
//! of_ann waits for of_bob
//! of_ann waits for of_cid
//! of_bob waits for of_ann
//! of_cid waits for of_bob
//! first moves that are enough: of_ann
//! first moves that are enough: of_bob
//! first moves that are enough: of_cid
//! ```
#![expect(clippy::print_stdout, reason = "a program prints")]

use backstop::analysis::{self, Question};
use backstop::engine::{self, Plan, RunOptions, RunSeed, View};
use backstop::scenario::{Document, Options, compile};

const SCENARIO: &str = r#"
format = 1
title = "Three who wait for each other"
time = { steps = 5 }
resources = { money = { unit = "EUR" } }
actors = { ann = {}, bob = {}, cid = {} }
[commitments]
of_ann = { debtor = "ann", gives = { money = 10 }, when = "bound(money) >= 20" }
of_bob = { debtor = "bob", gives = { money = 10 }, when = "bonds(of_ann) >= 1" }
of_cid = { debtor = "cid", gives = { money = 20 }, when = "bonds(of_bob) >= 1" }
"#;

fn main() {
    let document = Document::parse("three.toml", SCENARIO.as_bytes()).expect("it is TOML");
    let model = compile(&document, &Options::default()).expect("it is valid").model;
    let plan = Plan::new(&model);
    let options = RunOptions { exchanged: true, ..RunOptions::default() };
    let run = engine::run(&model, &plan, RunSeed { seed: 0, replicate: 0 }, options);

    let view = View { model: &model, plan: &plan, setup: &run.setup, world: run.exchanged() };
    let explanation = analysis::explain(view, &Question::default()).expect("every condition has a value");
    let name = |instance: backstop::model::InstanceId| model.name_of(instance);
    for wait in &explanation.waits {
        println!("{} waits for {}", name(wait.from), name(wait.to));
    }
    for set in &explanation.unlock.sets {
        let moves: Vec<&str> = set.members.iter().map(|&member| name(member)).collect();
        println!("first moves that are enough: {}", moves.join(" and "));
    }
}
