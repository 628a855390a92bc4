//! Explanations against brute force, hand-solved cases and published results.
#![expect(
    clippy::cast_possible_truncation,
    clippy::cast_possible_wrap,
    clippy::cast_precision_loss,
    clippy::cast_sign_loss,
    clippy::float_cmp,
    reason = "the cases are made of small whole numbers, and compared exactly"
)]

mod brute;
mod random;
mod sketch;

use super::{Choice, Cost, Explanation, Question, explain};
use crate::engine::{Plan, RunOptions, RunSeed, View, run};
use crate::model::{ActorId, InstanceId, Model, OutcomeId};
use crate::scenario::{Document, Options, compile};
use brute::Position;
use sketch::{E, Promise, Sketch};

/// A question that asks for everything.
fn all() -> Question {
    Question { summit: true, keystones: true, ..Question::default() }
}

fn explained(sketch: &Sketch, question: &Question) -> Explanation {
    let built = sketch.build();
    explain(built.view(), question).unwrap()
}

fn places(instances: &[InstanceId]) -> Vec<usize> {
    instances.iter().map(|instance| instance.index()).collect()
}

fn moves(choices: &[Choice<InstanceId>]) -> Vec<Vec<usize>> {
    choices.iter().map(|choice| places(&choice.members)).collect()
}

fn people(choices: &[Choice<ActorId>]) -> Vec<Vec<usize>> {
    choices.iter().map(|choice| choice.members.iter().map(|actor| actor.index()).collect()).collect()
}

fn sorted(mut sets: Vec<Vec<usize>>) -> Vec<Vec<usize>> {
    sets.sort();
    sets
}

/// Compares an explanation of a state after an Exchange with brute force.
fn check(sketch: &Sketch, question: &Question) {
    let explanation = explained(sketch, question);
    let position = Position::of(sketch);
    let goal = question.goal.map(|_| sketch.goal.as_ref().unwrap());
    assert_eq!(places(&explanation.gap), position.gap(), "gap of {sketch:#?}");
    let waits: Vec<_> = explanation.waits.iter().map(|wait| (wait.from.index(), wait.to.index())).collect();
    assert_eq!(waits, position.waits(), "waits of {sketch:#?}");
    let unlock = position.unlock(goal, question.any, &question.not);
    let found = &explanation.unlock;
    assert_eq!(sorted(moves(&found.sets)), sorted(unlock.clone()), "unlock sets of {sketch:#?}");
    assert!(found.proved && found.count_is_exact && found.count == unlock.len() as u64, "{found:#?} of {sketch:#?}");
    assert_eq!((found.lower, found.upper), (found.upper, found.sets.first().map(|set| set.cost)));
    assert!(found.sets.is_sorted_by_key(|set| set.cost), "order of {found:?}");
    let of_set = |set: &Choice<InstanceId>| -> i64 {
        set.members.iter().map(|at| random::cost(sketch, question.cost, at.index())).sum()
    };
    assert!(found.sets.iter().all(|set| set.cost.0 == of_set(set)), "costs of {found:?} of {sketch:#?}");
    for move_distance in &explanation.move_distance {
        assert_eq!(
            move_distance.distance,
            position.distance(move_distance.instance.index()),
            "{move_distance:?} of {sketch:#?}"
        );
    }
    let with_any = explanation.with_any.as_ref().map(|choice| places(&choice.members));
    let any = if unlock.is_empty() { position.unlock(goal, true, &question.not) } else { Vec::new() };
    assert_eq!(with_any.is_some(), !any.is_empty(), "{with_any:?} of {any:?} of {sketch:#?}");
    assert!(with_any.is_none_or(|set| any.contains(&set)), "{sketch:#?}");
    check_owners(sketch, &explanation);
    check_partial(sketch, goal, &explanation);
    if question.summit {
        let summit = explanation.summit.as_ref().unwrap();
        assert_eq!(sorted(people(&summit.sets)), sorted(position.summit(goal)), "summit sets of {sketch:#?}");
        assert!(summit.proved && summit.count_is_exact);
    }
    if question.keystones {
        let keystones = explanation.keystones.as_ref().unwrap().iter();
        let keystones: Vec<_> =
            keystones.map(|k| (k.actor.index(), k.waves.iter().map(|wave| places(wave)).collect())).collect();
        assert_eq!(keystones, position.keystones(), "keystones of {sketch:#?}");
    }
}

/// Checks partial moves at whole units: the next unit above the least amount unlocks, the one below does not.
fn check_partial(sketch: &Sketch, goal: Option<&E>, explanation: &Explanation) {
    let sets = &explanation.unlock.sets;
    for partial in &explanation.partial {
        // The entry belongs to the first set, or to a set of one move.
        let set = sets
            .iter()
            .enumerate()
            .find(|(at, set)| set.members.contains(&partial.instance) && (*at == 0 || set.members.len() == 1));
        let set = places(&set.expect("it is of a set").1.members);
        let unlocks = |units: i64| {
            let mut changed = sketch.clone();
            let promise = &mut changed.promises[partial.instance.index()];
            promise.gives.iter_mut().find(|(given, _)| *given == partial.resource.index()).unwrap().1 = units;
            Position::of(&changed).with(&set).exchanged().reaches(&places(&explanation.gap), goal)
        };
        let above = (partial.least.0 + 999_999) / 1_000_000;
        assert!(unlocks(above), "{partial:?} of {sketch:#?}");
        assert!(above == 0 || !unlocks(above - 1), "{partial:?} of {sketch:#?}");
    }
}

fn check_owners(sketch: &Sketch, explanation: &Explanation) {
    let found = &explanation.unlock;
    let least = found.sets.iter().filter(|set| Some(set.cost) == found.upper);
    let debtor = |at: &InstanceId| ActorId::at(sketch.promises[at.index()].debtor);
    let owners: Vec<Vec<ActorId>> = least.map(|set| set.members.iter().map(debtor).collect()).collect();
    let actors = (0..sketch.actors).map(ActorId::at);
    let in_all: Vec<ActorId> =
        actors.clone().filter(|actor| !owners.is_empty() && owners.iter().all(|set| set.contains(actor))).collect();
    assert_eq!(found.in_all, Some(in_all), "{found:?}");
    let in_gap: Vec<ActorId> = explanation.gap.iter().map(debtor).collect();
    let in_none: Vec<ActorId> =
        actors.filter(|actor| in_gap.contains(actor) && !owners.iter().any(|set| set.contains(actor))).collect();
    assert_eq!(found.in_none, Some(in_none), "{found:?}");
}

#[test]
fn guarantee_toy() {
    let needs = |who: usize| E::Bonds(who).at_least(1.0);
    let four = [0, 1, 2, 3].map(E::Bonds);
    let count = four.into_iter().reduce(|a, b| E::Add(Box::new(a), Box::new(b))).unwrap();
    let mut sketch = Sketch::graph(vec![
        Some(needs(4)),
        Some(needs(4)),
        Some(needs(4)),
        Some(needs(0).or(needs(1))),
        Some(count.at_least(2.0)),
    ]);
    sketch.names = vec!["uk", "fr", "pl", "de", "us"];
    let explanation = explained(&sketch, &all());
    assert_eq!(places(&explanation.gap), [0, 1, 2, 3, 4]);
    assert_eq!(moves(&explanation.unlock.sets), [vec![1], vec![0], vec![4], vec![2, 3]]);
    assert_eq!(explanation.circles.len(), 1);
    check(&sketch, &all());
    // Each promise holds only while the promises that it needed are bound.
    for promise in &mut sketch.promises {
        promise.stay = promise.when.clone();
        promise.state = crate::model::State::Detached;
    }
    let keystones = explained(&sketch, &all()).keystones.unwrap();
    let us = keystones.iter().find(|keystone| keystone.actor.index() == 4).unwrap();
    let waves: Vec<Vec<usize>> = us.waves.iter().map(|wave| places(wave)).collect();
    assert_eq!(waves, [vec![0, 1, 2], vec![3]]);
    check(&sketch, &all());
}

#[test]
fn five_disjoint_pairs() {
    let when = (0..10).map(|at: usize| Some(E::Bonds(at ^ 1).at_least(1.0)));
    let sketch = Sketch::graph(when.collect());
    let explanation = explained(&sketch, &all());
    assert_eq!((explanation.unlock.count, explanation.unlock.upper), (32, Some(crate::model::Amount(5_000_000))));
    assert_eq!(explanation.circles.len(), 5);
    check(&sketch, &all());
}

/// Granovetter's riot with the threshold 1 replaced by 2, after the first actor has joined.
#[test]
fn riot_with_one_missing() {
    let threshold = |at: usize| if at == 1 { 2.0 } else { f64::from(u32::try_from(at).unwrap()) };
    let mut sketch = Sketch::graph((0..100).map(|at| Some(E::Parties(0, 0).at_least(threshold(at)))).collect());
    sketch.promises[0].state = crate::model::State::Detached;
    let explanation = explained(&sketch, &all());
    assert_eq!(explanation.gap.len(), 99);
    let unlock = &explanation.unlock;
    assert_eq!((unlock.count, unlock.count_is_exact, unlock.proved), (99, true, true));
    assert!(unlock.sets.iter().all(|set| set.members.len() == 1));
    assert_eq!(explanation.waits.len(), 99 * 98);
}

/// The size of a minimum feedback vertex set of a digraph, by trying all sets.
fn feedback_vertex_set(next: &[Vec<usize>]) -> usize {
    let all: Vec<usize> = (0..next.len()).collect();
    let acyclic = |out: &Vec<usize>| {
        let mut left: Vec<usize> = all.iter().copied().filter(|at| !out.contains(at)).collect();
        loop {
            let before = left.len();
            let kept = left.clone();
            left.retain(|at| next[*at].iter().any(|to| kept.contains(to)));
            if left.len() == before {
                return left.is_empty();
            }
        }
    };
    brute::subsets(&all).filter(acyclic).map(|set| set.len()).min().unwrap()
}

/// The digraph of `count` nodes, without self-loops, that has the edges given by these bits.
fn digraph(count: usize, mut bits: u64) -> Vec<Vec<usize>> {
    let mut next = vec![Vec::new(); count];
    for (from, next) in next.iter_mut().enumerate() {
        for to in (0..count).filter(|&to| to != from) {
            if bits & 1 == 1 {
                next.push(to);
            }
            bits >>= 1;
        }
    }
    next
}

fn wanting(next: &[Vec<usize>], join: fn(E, E) -> E) -> Sketch {
    let needs = |who: &usize| E::Bonds(*who).at_least(1.0);
    Sketch::graph(next.iter().map(|next| E::join(next.iter().map(needs), join)).collect())
}

#[test]
fn and_only_is_feedback_vertex_set_on_all_digraphs_of_four() {
    for bits in 0..1 << 12 {
        let next = digraph(4, bits);
        let mut sketch = wanting(&next, E::and);
        let states = Position::of(&sketch).exchanged().states;
        sketch.promises.iter_mut().zip(states).for_each(|(promise, state)| promise.state = state);
        let explanation = explained(&sketch, &Question::default());
        let upper = explanation.unlock.upper.unwrap().0 / 1_000_000;
        assert_eq!(upper, i64::try_from(feedback_vertex_set(&next)).unwrap(), "{next:?}");
    }
}

#[test]
fn or_only_is_source_components_on_all_digraphs_of_four() {
    for bits in 0..1 << 12 {
        let next = digraph(4, bits);
        if next.iter().any(Vec::is_empty) {
            continue;
        }
        let explanation = explained(&wanting(&next, E::or), &Question::default());
        assert_eq!(explanation.gap.len(), 4);
        // Evidence flows against the wait-for edges: a source is a component that waits for no other component.
        let reach = |from: usize| {
            let mut seen = vec![from];
            let mut at = 0;
            while at < seen.len() {
                for &to in &next[seen[at]] {
                    if !seen.contains(&to) {
                        seen.push(to);
                    }
                }
                at += 1;
            }
            seen.sort_unstable();
            seen
        };
        let mut sources: Vec<Vec<usize>> =
            (0..4).map(reach).filter(|set| set.iter().all(|&other| reach(other) == *set)).collect();
        sources.sort();
        sources.dedup();
        assert_eq!(explanation.unlock.upper.unwrap().0 / 1_000_000, i64::try_from(sources.len()).unwrap(), "{next:?}");
    }
}

#[test]
fn partial_moves_are_exact() {
    // The us wants 30 troops; uk offers 40 and wants a backstop of 5 out of 10.
    let mut sketch = Sketch::new(2, 2);
    sketch.promises = vec![
        Promise::new(0, &[(1, 10)], Some(E::Bound(0, 0).at_least(30.5))),
        Promise::new(1, &[(0, 40)], Some(E::Bound(1, 0).at_least(5.000_000_4))),
    ];
    let explanation = explained(&sketch, &Question::default());
    assert_eq!(moves(&explanation.unlock.sets), [vec![0], vec![1]]);
    let partial: Vec<_> = explanation.partial.iter().map(|partial| (partial.amount.0, partial.least.0)).collect();
    assert_eq!(partial, [(10_000_000, 5_000_001), (40_000_000, 30_500_000)]);
    let text = |at: usize| explanation.blocked[at].wants[0].text.to_string();
    assert_eq!(text(0), "wants at least 30.5 r0 bound by others, sees 0");
    assert_eq!(explanation.blocked[1].wants[0].threshold.as_ref().unwrap().wanted, 5.000_000_4);
}

#[test]
fn sets_are_ordered_by_the_chosen_cost() {
    let mut sketch = wanting(&[vec![1], vec![0]], E::and);
    (sketch.promises[0].cost, sketch.promises[1].cost) = (2.5, 0.25);
    sketch.promises[0].gives = vec![(0, 3)];
    let order = |cost| moves(&explained(&sketch, &Question { cost, ..Question::default() }).unlock.sets);
    assert_eq!(order(Cost::Moves), [[0], [1]]);
    assert_eq!(order(Cost::Declared), [[1], [0]]);
    assert_eq!(order(Cost::Resource(crate::model::ResourceId(0))), [[1], [0]]);
}

#[test]
fn moves_that_nobody_can_make_are_left_out_unless_asked_for() {
    let mut sketch = wanting(&[vec![], vec![0]], E::and);
    sketch.promises[0].state = crate::model::State::Null;
    sketch.goal = Some(E::Bonds(1).at_least(1.0));
    let question = Question { goal: Some(OutcomeId(0)), ..Question::default() };
    assert_eq!(moves(&explained(&sketch, &question).unlock.sets), [[1]]);
    assert_eq!(moves(&explained(&sketch, &Question { any: true, ..question }).unlock.sets), [[0], [1]]);
}

#[test]
fn large_gaps_are_answered_with_proved_bounds() {
    let sketch = Sketch::graph((0..50).map(|at: usize| Some(E::Bonds(at ^ 1).at_least(1.0))).collect());
    let explanation = explained(&sketch, &Question::default());
    let unlock = &explanation.unlock;
    assert_eq!((unlock.lower, unlock.upper), (unlock.upper, Some(crate::model::Amount(25_000_000))));
    assert!(unlock.proved && !unlock.count_is_exact && !unlock.sets.is_empty());
    assert_eq!(explanation, explained(&sketch, &Question::default()));
}

/// Every actor waits for some number of others, so only the number of moves matters, not which actors make them.
#[test]
fn interchangeable_moves_are_counted_and_not_tried_one_by_one() {
    let sketch = Sketch::graph((0..24).map(|_| Some(E::Parties(0, 0).at_least(12.0))).collect());
    let unlock = explained(&sketch, &Question::default()).unlock;
    assert_eq!((unlock.proved, unlock.upper), (true, Some(crate::model::Amount(12_000_000))));
}

#[test]
fn a_cascade_of_many_takes_no_quadratic_work() {
    let count = 20_000;
    let threshold = |at: usize| f64::from(u32::try_from(at.max(1)).unwrap());
    let sketch = Sketch::graph((0..count).map(|at| Some(E::Parties(0, 0).at_least(threshold(at)))).collect());
    let built = sketch.build();
    assert_eq!(super::gap(built.view()).unwrap().len(), count);
    assert_eq!(super::least(built.view(), &[]).unwrap().len(), 0);
    assert_eq!(super::least(built.view(), &[InstanceId(7)]).unwrap().len(), count);
}

fn end_of(text: &str, question: &Question) -> (Model, Explanation) {
    let document = Document::parse("test.toml", text.as_bytes()).unwrap_or_else(|errors| panic!("{errors:#?}"));
    let compiled = compile(&document, &Options::default()).unwrap_or_else(|errors| panic!("{errors:#?}"));
    let model = compiled.model;
    let plan = Plan::new(&model);
    let want = RunOptions { exchanged: true, ..RunOptions::default() };
    let end = run(&model, &plan, RunSeed { seed: 1, replicate: 0 }, want);
    assert!(end.result.is_ok(), "{:?}", end.result);
    let explanation =
        explain(View { model: &model, plan: &plan, setup: &end.setup, world: end.exchanged() }, question).unwrap();
    assert_eq!(end.gap.unwrap() as usize, explanation.gap.len());
    (model, explanation)
}

/// What each blocked commitment lacks.
fn lacks(model: &Model, explanation: &Explanation) -> Vec<String> {
    let of = |blocked: &super::Blocked| {
        let texts: Vec<&str> = blocked.wants.iter().map(|want| &*want.text).collect();
        format!("{}: {}", model.name_of(blocked.commitment), texts.join("; "))
    };
    explanation.blocked.iter().map(of).collect()
}

fn check_lack(when: &str, expected: &str) {
    let text = format!(
        r#"
        format = 1
        title = "Words"
        [time]
        steps = 1
        [parameters]
        floor = 30000
        [resources]
        troops = {{ unit = "soldiers" }}
        backstop = {{ unit = "share" }}
        tanks = {{}}
        [actors.us]
        [actors.uk]
        stance = 0.25
        [actors.fr]
        [groups]
        europe = ["uk", "fr"]
        [definitions]
        enough = "bound(troops, europe) >= floor"
        [commitments.us_backstop]
        debtor = "us"
        gives = {{ backstop = 1, tanks = 2 }}
        when = "{when}"
        [commitments.pledge]
        debtor = "europe"
        gives = {{ troops = 20000, tanks = 3 }}
        when = "bound(backstop, us) >= 0.5"
        "#
    );
    let (model, explanation) = end_of(&text, &Question::default());
    assert_eq!(lacks(&model, &explanation)[0], format!("us_backstop: {expected}"));
    let pledge = "pledge/uk: wants at least 0.5 of backstop bound by us, sees 0";
    assert_eq!(lacks(&model, &explanation)[1], pledge);
}

#[test]
fn failing_comparisons_are_described_in_words() {
    check_lack("bound(troops, europe) >= floor", "wants at least 30 000 soldiers bound by europe, sees 0");
    check_lack("enough", "wants at least 30 000 soldiers bound by europe, sees 0");
    check_lack("not (bound(troops, europe) < floor)", "wants at least 30 000 soldiers bound by europe, sees 0");
    check_lack("1 < bound(tanks)", "wants more than 1 tanks bound by others, sees 0");
    check_lack("parties(troops, europe) >= 2", "wants at least 2 of europe bound to give troops, sees 0");
    check_lack("bonds(pledge) >= 2", "wants at least 2 of pledge bound, sees 0");
    check_lack(
        "assured(troops, europe) >= floor / 2",
        "wants to be assured of at least 15 000 soldiers by europe, expects 0",
    );
    check_lack(
        "2 * bound(troops, uk) + bound(troops, fr) >= 3e4",
        "wants 2 * bound(troops, uk) + bound(troops, fr) >= 30000, sees 0",
    );
    check_lack(
        "bound(troops, uk) > 0 and (stance > 0.9 or bound(tanks, fr) >= 1)",
        "wants more than 0 soldiers bound by uk, sees 0; \
         wants at least 1 tanks bound by fr, sees 0",
    );
    // An alternative that no move can change is omitted if another one can be reached.
    check_lack("enough and (stance >= 0.5 or stance > 0.9)", "wants at least 30 000 soldiers bound by europe, sees 0");
}

#[test]
fn chicken_and_egg() {
    let text = r#"
        format = 1
        title = "Chicken and egg"
        [time]
        steps = 3
        [resources]
        troops = { unit = "soldiers" }
        backstop = { unit = "share" }
        [actors.us]
        [actors.uk]
        [commitments.us_backstop]
        debtor = "us"
        gives = { backstop = 1.0 }
        when = "bound(troops, uk) >= 20000"
        [commitments.uk_troops]
        debtor = "uk"
        gives = { troops = 30000 }
        when = "bound(backstop, us) >= 0.5"
        [outcomes.framework]
        when = "bound(troops) >= 20000 and bound(backstop) > 0"
    "#;
    let goal = Question { goal: Some(OutcomeId(0)), summit: true, ..Question::default() };
    for question in [Question { summit: true, ..Question::default() }, goal] {
        let (_, explanation) = end_of(text, &question);
        assert_eq!(explanation.circles.len(), 1);
        assert_eq!((explanation.unlock.count, explanation.unlock.sets[0].members.len()), (2, 1));
        // By name, `uk_troops` comes first: 20 000 of its 30 000 soldiers are enough, and half of the backstop.
        let partial: Vec<i64> = explanation.partial.iter().map(|partial| partial.least.0).collect();
        assert_eq!(partial, [20_000 * 1_000_000, 500_000]);
        let summit = explanation.summit.unwrap();
        assert_eq!((summit.count, summit.sets[0].members.len()), (1, 2));
    }
}
