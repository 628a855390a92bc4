//! The hand-written loop that benches compare with writes the same bytes as the engine.

#[path = "../benches/baseline/mod.rs"]
mod baseline;

use backstop::engine::{Plan, RunOptions, RunSeed, Simulation};
use backstop::model::{ParameterId, Target};
use backstop::scenario::{Document, Options, compile};
use backstop::store::{RunRow, RunTable};
use backstop::table::Csv;

#[test]
fn the_hand_written_loop_writes_the_same_bytes() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/benches/scenarios/ensemble.toml");
    let document = Document::parse("ensemble.toml", &std::fs::read(path).unwrap()).unwrap();
    let model = compile(&document, &Options::default()).unwrap().model;
    assert_eq!((model.actors.len(), model.clock.steps), (baseline::ACTORS, baseline::STEPS));
    let plan = Plan::new(&model);
    let mut simulation = Simulation::new(&model, &plan, RunOptions::default());
    let table = RunTable::new(&model, &[]);
    let mut endings = std::collections::BTreeSet::new();
    for (bar, pressure) in [(0.8, 0.5), (0.6, 0.5), (0.62, 0.3), (0.9, 0.5), (1.0, 0.9), (1.0, 0.0), (0.65, 0.2)] {
        let program = baseline::Baseline::new(bar, pressure);
        let (mut by_hand, mut rows) = (Vec::new(), Vec::new());
        for replicate in 0..20 {
            program.run(replicate, 3, replicate, &mut by_hand);
            let settings = [(Target::Parameter(ParameterId(0)), bar), (Target::Parameter(ParameterId(1)), pressure)];
            let luck = RunSeed { seed: 3, replicate };
            let row = RunRow::of(simulation.run(&settings, luck), (replicate, 0), luck, &[]);
            endings.insert(row.ending);
            table.write(&mut Csv::rows(&mut rows), &model, &row).unwrap();
        }
        assert_eq!(String::from_utf8(by_hand).unwrap(), String::from_utf8(rows).unwrap(), "{bar} {pressure}");
    }
    assert_eq!(endings.len(), 3, "every way to end is compared");
}
