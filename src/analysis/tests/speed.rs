//! Timings, printed; run by hand with `--release -- --ignored --nocapture`.
use super::super::explain;
use super::super::{Question, gap};
use super::random::Dice;
use super::sketch::{Built, E, Promise, Sketch};

fn time(name: &str, sketch: &Sketch, question: &Question) {
    let built = sketch.build();
    let Built { model, plan, setup, world } = &built;
    let t = std::time::Instant::now();
    let g = gap(model, plan, setup, world).unwrap();
    let g_time = t.elapsed();
    let t = std::time::Instant::now();
    let e = explain(model, plan, setup, world, question).unwrap();
    let u = &e.unlock;
    eprintln!(
        "{name}: gap {} in {g_time:?}; explained in {:?}; waits {}, circles {}, lower {:?} upper {:?} proved {} count {} exact {} listed {} to {:?}; partial {}",
        g.len(),
        t.elapsed(),
        e.waits.len(),
        e.circles.len(),
        u.lower.map(|a| a.to_units()),
        u.upper.map(|a| a.to_units()),
        u.proved,
        u.count,
        u.count_is_exact,
        u.sets.len(),
        u.complete_to.map(|a| a.to_units()),
        e.partial.len()
    );
    if let Some(s) = &e.summit {
        eprintln!("   summit {:?} {:?} {} {}", s.lower, s.upper, s.proved, s.count);
    }
}

fn sparse(n: usize, degree: usize, mode: usize, seed: u64) -> Sketch {
    let mut dice = Dice { state: seed, mood: super::random::Mood::Any };
    let mut whens = Vec::new();
    for at in 0..n {
        let mut e: Option<E> = None;
        for _ in 0..degree {
            let mut to = dice.below(n);
            if to == at {
                to = (to + 1) % n;
            }
            let c = E::Bonds(to).at_least(1.0);
            e = Some(match e {
                None => c,
                Some(o) => {
                    if mode == 0 || mode == 2 && dice.below(2) == 0 {
                        o.and(c)
                    } else {
                        o.or(c)
                    }
                }
            });
        }
        whens.push(e);
    }
    Sketch::graph(whens)
}

fn weighted(n: usize, share: f64, seed: u64) -> Sketch {
    let mut dice = Dice { state: seed, mood: super::random::Mood::Any };
    let mut s = Sketch::new(n, 1);
    let total = (n * 50) as f64;
    for at in 0..n {
        let bound = total * share * (0.8 + 0.4 * dice.below(1000) as f64 / 1000.0);
        s.promises.push(Promise::new(
            at,
            &[(0, 1 + dice.below(100) as i64)],
            Some(E::Bound(0, 0).at_least(bound.floor())),
        ));
    }
    s
}

#[test]
#[ignore = "timings"]
fn timings() {
    let q = Question::default();
    let k = |n: usize, k: f64| Sketch::graph((0..n).map(|_| Some(E::Parties(0, 0).at_least(k))).collect());
    time("k of n 24/12", &k(24, 12.0), &q);
    time("k of n 24/6", &k(24, 6.0), &q);
    time("weighted 24 .5", &weighted(24, 0.5, 1), &q);
    time("weighted 24 .3", &weighted(24, 0.3, 2), &q);
    time("weighted 40 .3", &weighted(40, 0.3, 2), &q);
    time("sparse and 24", &sparse(24, 3, 0, 1), &q);
    time("sparse mix 24", &sparse(24, 3, 2, 1), &q);
    time("sparse and 60", &sparse(60, 3, 0, 1), &q);
    time("k of n 1000/300", &k(1000, 300.0), &q);
    time("weighted 1000 .3", &weighted(1000, 0.3, 2), &q);
    time("weighted 1000 .01", &weighted(1000, 0.01, 2), &q);
    time("sparse and 1000", &sparse(1000, 2, 0, 1), &q);
    time("sparse or 1000", &sparse(1000, 2, 1, 1), &q);
    time("sparse mix 1000", &sparse(1000, 3, 2, 1), &q);
    time("pairs 1000", &Sketch::graph((0..1000).map(|at: usize| Some(E::Bonds(at ^ 1).at_least(1.0))).collect()), &q);
    let riot = |n: usize| {
        let mut s = Sketch::graph(
            (0..n).map(|at| Some(E::Parties(0, 0).at_least(if at == 1 { 2.0 } else { at as f64 }))).collect(),
        );
        s.promises[0].state = crate::model::State::Detached;
        s
    };
    time("riot 1000", &riot(1000), &q);
    time("riot 5000", &riot(5000), &q);
    let q = Question { summit: true, keystones: true, ..q };
    time("weighted 24 .3 summit", &weighted(24, 0.3, 2), &q);
    time("sparse mix 1000 summit", &sparse(1000, 3, 2, 1), &q);
}
