//! Crowds, whose thresholds are sorted before they react to one another, do what looking at everyone in
//! every round would do.

mod common;

use backstop::analysis::{self, Question};
use backstop::engine::View;
use backstop::model::{Amount, Event};
use common::{Ran, run_text};

/// A crowd of 400 with 600 promises: half of it counts heads and may promise more, half counts what is given.
fn crowd(seed: u64, more: &str) -> Ran {
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
[commitments.more]
debtor = "head"
gives = { word = 2 }
when = "MORE"
"#;
    run_text(&text.replace("MORE", more), &[], seed)
}

/// The condition of the second promise of a head, with its threshold to be read off, and to be sought.
const MORE: [&str; 2] = ["bound(word) >= own(other)", "(3 - 0.125 * bound(word)) / 2 <= 1 - own(other) / 17"];

/// Of what stands of these promises, what a debtor sees: nobody counts what is his own.
struct Seen<'a> {
    bound: &'a [bool],
    own: [usize; 2],
}

impl Seen<'_> {
    fn others(&self, of: std::ops::Range<usize>) -> usize {
        of.filter(|at| self.bound[*at] && !self.own.contains(at)).count()
    }

    fn agrees(&self, promise: usize, least: f64, other: f64, is_sought: bool) -> bool {
        let number = |count: usize| f64::from(u32::try_from(count).expect("few"));
        let heads = (0..200).filter(|at| (self.bound[*at] || self.bound[at + 400]) && !self.own.contains(at)).count();
        let hands = self.others(200..400);
        let halves = 2 * self.others(0..200) + hands + 4 * self.others(400..600);
        let amount = number(halves) / 2.0;
        match promise {
            0..200 => number(heads + hands) >= least || number(hands) > other,
            200..400 => amount > least && number(self.others(0..200) + hands) >= other / 8.0,
            _ if is_sought => (3.0 - 0.125 * amount) / 2.0 <= 1.0 - other / 17.0,
            _ => amount >= other,
        }
    }
}

/// The rounds of one Exchange, by looking at everyone in each: the instances bound, in order.
fn rounds(ran: &Ran, is_sought: bool) -> Vec<usize> {
    let actors = ran.model.actors.len();
    let attribute = |name: &str, actor: usize| {
        let at = ran.model.attributes.iter().position(|known| known == name).expect("an attribute");
        ran.run.setup.attributes[at * actors + actor]
    };
    let mut bound = vec![false; 600];
    let mut order = Vec::new();
    loop {
        let agrees = |at: usize| {
            let actor = at % 400;
            let seen = Seen { bound: &bound, own: [actor, if actor < 200 { actor + 400 } else { actor }] };
            seen.agrees(at, attribute("least", actor), attribute("other", actor), is_sought)
        };
        let joining: Vec<usize> = (0..600).filter(|&at| !bound[at] && agrees(at)).collect();
        if joining.is_empty() {
            return order;
        }
        joining.iter().for_each(|&at| bound[at] = true);
        order.extend(joining);
    }
}

#[test]
fn a_cascade_is_the_rounds_of_everyone() {
    let (mut stuck, mut long) = (0, 0);
    for (seed, is_sought) in (0..60).zip([false, true].into_iter().cycle()) {
        let ran = crowd(seed, MORE[usize::from(is_sought)]);
        let bound: Vec<usize> = ran
            .run
            .log
            .iter()
            .filter(|entry| entry.step == 0)
            .filter_map(|entry| if let Event::Detached(instance) = entry.event { Some(instance.index()) } else { None })
            .collect();
        assert_eq!(bound, rounds(&ran, is_sought), "seed {seed}");
        stuck += usize::from(bound.len() < 600);
        long += usize::from(bound.len() > 300);
        // What is left has a gap that binds all or nothing: everyone who would stay if everyone else did.
        if bound.len() < 600 {
            assert!(ran.run.gap.expect("the run ended") as usize <= 600 - bound.len());
        }
    }
    assert!(stuck > 5 && long > 5, "both kinds occur: {stuck} stuck, {long} long");
}

/// More rounds than a crowd has patience for before it seeks its thresholds: one promise more in each.
#[test]
fn a_long_cascade_goes_on_by_thresholds() {
    let text = "format = 1\n[time]\nsteps = 1\n[resources]\nword = {}\n[cohorts.c]\nsize = 160\n\
        attributes = { place = \"index\" }\n\
        [commitments.join]\ndebtor = \"c\"\ngives = { word = 1 }\nwhen = \"0.1 * parties(word) >= (own(place) - 1) / 10\"\n\
        [commitments.again]\ndebtor = \"c\"\ngives = { word = 1 }\nwhen = \"bound(word) / 2 >= 50 + own(place)\"\n";
    let ran = run_text(text, &[], 0);
    let detached = ran.run.log.iter().filter(|entry| matches!(entry.event, Event::Detached(_)));
    let found: Vec<usize> =
        detached.filter_map(|entry| entry.event.instance()).map(backstop::model::InstanceId::index).collect();
    let (mut bound, mut order, mut count) = (vec![false; 320], Vec::new(), 0);
    loop {
        let agrees = |at: usize| {
            let place = at % 160;
            let others = (0..160).filter(|of| *of != place);
            if at < 160 {
                others.filter(|of| bound[*of] || bound[of + 160]).count() >= place
            } else {
                others.map(|of| usize::from(bound[of]) + usize::from(bound[of + 160])).sum::<usize>() >= 102 + 2 * place
            }
        };
        let joining: Vec<usize> = (0..320).filter(|at| !bound[*at] && agrees(*at)).collect();
        if joining.is_empty() {
            break;
        }
        joining.iter().for_each(|at| bound[*at] = true);
        order.extend(joining);
        count += 1;
    }
    assert_eq!(found, order);
    assert!(count > 100 && order.len() > 200, "{count} rounds, {} bound", order.len());
}

/// The greatest agreement of a crowd with two promises each, of which only what others promise counts.
#[test]
fn the_gap_of_two_promises_is_that_of_brute_force() {
    let text = |when: &str| {
        format!(
            "format = 1\n[time]\nsteps = 1\n[resources]\nword = {{}}\n[cohorts.c]\nsize = 200\n\
             attributes = {{ least = {{ uniform = [1, 420] }}, other = {{ uniform = [1, 420] }} }}\n\
             [commitments.one]\ndebtor = \"c\"\ngives = {{ word = 1 }}\nwhen = \"{when}\"\n\
             [commitments.two]\ndebtor = \"c\"\ngives = {{ word = 1 }}\nwhen = \"bound(word) >= own(other)\"\n"
        )
    };
    for (seed, when) in (0..40).zip(["bound(word) >= own(least)", "2 * bound(word) >= 2 * own(least)"].iter().cycle()) {
        let ran = run_text(&text(when), &[], seed);
        // The attributes lie one after the other, as the promises do.
        let mut left: Vec<bool> = vec![true; 400];
        loop {
            let count = left.iter().filter(|is| **is).count();
            let stays = |at: usize| {
                let own = usize::from(left[at]) + usize::from(left[(at + 200) % 400]);
                f64::from(u32::try_from(count - own).expect("few")) >= ran.run.setup.attributes[at]
            };
            let next: Vec<bool> = (0..400).map(|at| left[at] && stays(at)).collect();
            if next == left {
                break;
            }
            left = next;
        }
        let expected = left.iter().filter(|is| **is).count();
        assert_eq!(ran.run.gap.expect("the run ended") as usize, expected, "seed {seed}");
    }
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
