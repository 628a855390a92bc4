#[path = "../benches/baseline/mod.rs"]
mod baseline;
use backstop::{engine::*, log::*, scenario::*};
use std::time::Instant;
fn main() {
    let b = baseline::Baseline::new(0.8, 0.5);
    for _ in 0..2 {
        let t = Instant::now();
        let n = 20000;
        let mut out = Vec::new();
        for k in 0..n { b.run(k, 1, k, &mut out); if k == 3 { print!("{}", String::from_utf8_lossy(&out)); } out.truncate(1000); }
        println!("baseline {:?}", t.elapsed() / n as u32);
    }
    for file in std::env::args().skip(1) {
        let bytes = std::fs::read(&file).unwrap();
        let document = Document::parse(&file, &bytes).unwrap();
        let model = compile(&document, &Options::default()).unwrap().model;
        let plan = Plan::new(&model);
        let mut s = Simulation::new(&model, &plan, Want::default());
        let mut out = Vec::new();
        for k in 0..4 { let r = s.run(&[], Luck{seed:1, replicate:k}); write_runs(&mut out, &model, None, &[RunRow::new(r,(k,0,k,1),vec![])]).unwrap(); }
        print!("{}", String::from_utf8_lossy(&out));
        for _ in 0..2 {
        let t = Instant::now();
        let mut k = 0u32;
        while t.elapsed().as_millis() < 1000 { s.run(&[], Luck { seed: 1, replicate: k as u64 }); k += 1; }
        println!("{file}: run {:?} events {} actors {} steps {}", t.elapsed() / k, s.run(&[], Luck{seed:1,replicate:0}).events, model.actors.len(), model.clock.steps);
        }
    }
}
