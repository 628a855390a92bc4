//! Crowds, whose thresholds are sorted before they react to one another, do what looking at everyone in
//! every round would do.

mod common;

use backstop::analysis::{self, Question};
use backstop::engine::View;
use backstop::model::{Amount, Event};
use common::{Ran, run_text};

/// A crowd of 400, half of it counting heads and half counting what is given, one in four with two ways in.
fn crowd(seed: u64) -> Ran {
    let text = r#"
format = 1
[time]
steps = 2
[resources]
word = {}
[cohorts.head]
size = 200
attributes = { least = { uniform = [-1, 150] }, other = { uniform = [0, 400] } }
[cohorts.hand]
size = 200
attributes = { least = { normal = [70, 60] }, other = { uniform = [0, 400] } }
[groups]
all = ["head", "hand"]
[commitments.counts]
debtor = "head"
gives = { word = 1 }
when = "parties(word) >= own(least) or not (bonds(gives) <= own(other))"
[commitments.gives]
debtor = "hand"
gives = { word = 0.5 }
when = "bound(word, all) > own(least) and bonds(counts) + parties(word, hand) >= own(other) / 8"
"#;
    run_text(text, &[], seed)
}

/// The rounds of one Exchange, by looking at everyone in each: the instances bound, in order.
fn rounds(ran: &Ran) -> Vec<usize> {
    let actors = ran.model.actors.len();
    let attribute = |name: &str, actor: usize| {
        let at = ran.model.attributes.iter().position(|known| known == name).expect("an attribute");
        ran.run.setup.attributes[at * actors + actor]
    };
    let mut bound = vec![false; actors];
    let mut order = Vec::new();
    loop {
        // Half units, so that sums are whole numbers; nobody counts himself, and who asks is not bound yet.
        let heads = f64::from(u32::try_from(bound[..200].iter().filter(|b| **b).count()).expect("few"));
        let hands = f64::from(u32::try_from(bound[200..].iter().filter(|b| **b).count()).expect("few"));
        let agrees = |actor: usize| {
            let (least, other) = (attribute("least", actor), attribute("other", actor));
            if actor < 200 {
                heads + hands >= least || hands > other
            } else {
                heads + hands / 2.0 > least && heads + hands >= other / 8.0
            }
        };
        let joining: Vec<usize> = (0..actors).filter(|&actor| !bound[actor] && agrees(actor)).collect();
        if joining.is_empty() {
            return order;
        }
        joining.iter().for_each(|&actor| bound[actor] = true);
        order.extend(joining);
    }
}

#[test]
fn a_cascade_is_the_rounds_of_everyone() {
    let (mut stuck, mut long) = (0, 0);
    for seed in 0..60 {
        let ran = crowd(seed);
        let bound: Vec<usize> = ran
            .run
            .log
            .iter()
            .filter(|entry| entry.step == 0)
            .filter_map(|entry| if let Event::Detached(instance) = entry.event { Some(instance.index()) } else { None })
            .collect();
        assert_eq!(bound, rounds(&ran), "seed {seed}");
        stuck += usize::from(bound.len() < 400);
        long += usize::from(bound.len() > 300);
        // What is left has a gap that binds all or nothing: everyone who would stay if everyone else did.
        if bound.len() < 400 {
            assert!(ran.run.gap.expect("the run ended") as usize <= 400 - bound.len());
        }
    }
    assert!(stuck > 5 && long > 5, "both kinds occur: {stuck} stuck, {long} long");
}

/// The greatest agreement of a crowd, by taking away whoever fails until nobody does.
#[test]
fn the_gap_of_a_crowd_is_that_of_brute_force() {
    let text = |least: &str| {
        format!(
            "format = 1\n[time]\nsteps = 1\n[resources]\nword = {{}}\n[cohorts.c]\nsize = 400\nattributes = {{ least = {least} }}\n\
             [commitments.join]\ndebtor = \"c\"\ngives = {{ word = 1 }}\nwhen = \"parties(word) >= own(least)\"\n"
        )
    };
    for seed in 0..30 {
        let ran = run_text(&text("{ uniform = [1, 460] }"), &[], seed);
        let mut left: Vec<f64> = ran.run.setup.attributes.clone();
        loop {
            let others = f64::from(u32::try_from(left.len()).expect("few")) - 1.0;
            let before = left.len();
            left.retain(|least| *least <= others);
            if left.len() == before {
                break;
            }
        }
        assert_eq!(ran.run.gap.expect("the run ended") as usize, left.len(), "seed {seed}");
    }
}

/// A deadlock in which each waits for one other: `next` of each, of so many.
fn waiting(count: usize, next: impl Fn(usize) -> usize) -> Ran {
    use std::fmt::Write as _;
    let mut text = String::from("format = 1\n[time]\nsteps = 1\n[resources]\nword = {}\n");
    for at in 0..count {
        let _ = write!(
            text,
            "[actors.a{at}]\n[commitments.c{at}]\ndebtor = \"a{at}\"\ngives = {{ word = 1 }}\nwhen = \"bonds(c{}) >= 1\"\n",
            next(at)
        );
    }
    run_text(&text, &[], 0)
}

/// With conditions of one other each, the minimum unlock is the minimum feedback vertex set: one for each circle.
#[test]
#[cfg_attr(debug_assertions, ignore = "it takes long; `cargo test --release --test crowds` has it")]
fn deadlocks_of_thousands_are_opened() {
    for (ran, circles) in [(waiting(3_000, |at| (at + 1) % 3_000), 1), (waiting(1_000, |at| at ^ 1), 500)] {
        let view = View { model: &ran.model, plan: &ran.plan, setup: &ran.run.setup, world: ran.run.exchanged() };
        let unlock = analysis::explain(view, &Question::default()).expect("every condition has a value").unlock;
        assert_eq!((unlock.lower, unlock.upper), (Some(Amount(circles * 1_000_000)), unlock.lower));
        assert!(unlock.proved);
        assert_eq!(i64::try_from(unlock.sets[0].members.len()), Ok(circles));
    }
}
