use backstop::{engine::*, scenario::*};
use std::time::Instant;
fn main() {
    for file in std::env::args().skip(1) {
        let bytes = std::fs::read(&file).unwrap();
        let document = Document::parse(&file, &bytes).unwrap();
        let t = Instant::now();
        let n = 50;
        for _ in 0..n {
            compile(&document, &Options::default()).map_err(|e| format!("{e:?}")).unwrap();
        }
        let c = t.elapsed() / n;
        let model = compile(&document, &Options::default()).unwrap().model;
        let t = Instant::now();
        for _ in 0..n {
            Plan::new(&model);
        }
        let p = t.elapsed() / n;
        let plan = Plan::new(&model);
        let mut s = Simulation::new(&model, &plan, Want::default());
        let t = Instant::now();
        let mut k = 0u32;
        while t.elapsed().as_millis() < 1000 {
            s.run(&[], Luck { seed: 1, replicate: k as u64 });
            k += 1;
        }
        println!(
            "{file}: compile {c:?} plan {p:?} run {:?} events {} actors {} steps {}",
            t.elapsed() / k,
            s.run(&[], Luck { seed: 1, replicate: 0 }).events,
            model.actors.len(),
            model.clock.steps
        );
    }
}
