//! The hand-written loop that benches compare with writes the same bytes as the engine.

#[path = "../benches/baseline/mod.rs"]
mod baseline;
#[path = "../benches/baseline/cascade.rs"]
mod cascade;

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
        let mut program = baseline::Baseline::new(bar, pressure, baseline::Prescribed::new());
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

/// The program that is free to choose its normals does the same: its stances have the same spread.
#[test]
fn the_free_loop_draws_normals() {
    let mut noise = baseline::ziggurat::Ziggurat::new();
    baseline::Noise::begin(&mut noise, RunSeed { seed: 1, replicate: 2 });
    let (mut sums, mut beyond) = ([0.0; 4], [0_u32; 4]);
    let (steps, count) = (20_000, 20_000.0 * 30.0);
    for step in 0..steps {
        for &z in baseline::Noise::step(&mut noise, step) {
            sums.iter_mut().zip([z, z * z, z * z * z, z * z * z * z]).for_each(|(sum, power)| *sum += power);
            beyond.iter_mut().zip([1.0, 2.0, 3.0, 3.7]).for_each(|(count, bar)| *count += u32::from(z.abs() > bar));
        }
    }
    // Moments 0, 1, 0, 3, and the shares beyond 1, 2, 3 and 3.7 deviations, each within five standard errors.
    let errors = [1.0, 1.414, 3.873, 9.798].map(|deviation: f64| 5.0 * deviation / libm::sqrt(count));
    for ((sum, moment), error) in sums.iter().zip([0.0, 1.0, 0.0, 3.0]).zip(errors) {
        assert!((sum / count - moment).abs() < error, "{sums:?}");
    }
    for (&found, share) in beyond.iter().zip([0.317_310_5, 0.045_500_26, 0.002_699_796, 0.000_215_6]) {
        let expected: f64 = share * count;
        assert!((f64::from(found) - expected).abs() < 5.0 * libm::sqrt(expected), "{beyond:?}");
    }
}

#[test]
fn the_plain_cascade_writes_the_same_events() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    std::fs::write(at("cascade.toml"), cascade::SCENARIO).unwrap();
    let scrambled = cascade::table(301);
    for table in [scrambled.as_str(), "id,least\na,3\nb,0\nc,1\nd,9\ne,1\nf,2\ng,2\n", "id,least\na,5\nb,5\n"] {
        std::fs::write(at("people.csv"), table).unwrap();
        let run = std::process::Command::new(env!("CARGO_BIN_EXE_backstop"))
            .args(["run", "cascade.toml", "--quiet", "--force", "--out", "out"])
            .current_dir(folder.path())
            .output()
            .unwrap();
        assert!(run.status.success(), "{}", String::from_utf8_lossy(&run.stderr));
        let mut events = Vec::new();
        cascade::run(table, &mut events).unwrap();
        assert_eq!(String::from_utf8(events).unwrap(), std::fs::read_to_string(at("out/events.csv")).unwrap());
    }
}
