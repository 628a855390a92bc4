//! Scenarios as text, run to their end and explained.

use super::super::{Explanation, Question, explain};
use crate::engine::{Plan, RunOptions, RunSeed, View, run};
use crate::model::{Model, OutcomeId};
use crate::scenario::{Document, Options, compile};

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
    let of = |blocked: &super::super::Blocked| {
        let texts: Vec<&str> = blocked.wants.iter().map(|want| want.text.as_str()).collect();
        format!("{}: {}", model.instances[blocked.commitment.index()].name, texts.join("; "))
    };
    explanation.blocked.iter().map(of).collect()
}

fn check(when: &str, expected: &str) {
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
fn wants_read_well() {
    check("bound(troops, europe) >= floor", "wants at least 30 000 soldiers bound by europe, sees 0");
    check("enough", "wants at least 30 000 soldiers bound by europe, sees 0");
    check("not (bound(troops, europe) < floor)", "wants at least 30 000 soldiers bound by europe, sees 0");
    check("1 < bound(tanks)", "wants more than 1 tanks bound by others, sees 0");
    check("parties(troops, europe) >= 2", "wants at least 2 of europe bound to give troops, sees 0");
    check("bonds(pledge) >= 2", "wants at least 2 of pledge bound, sees 0");
    check(
        "assured(troops, europe) >= floor / 2",
        "wants to be assured of at least 15 000 soldiers by europe, expects 0",
    );
    check(
        "2 * bound(troops, uk) + bound(troops, fr) >= 3e4",
        "wants 2 * bound(troops, uk) + bound(troops, fr) >= 30000, sees 0",
    );
    check(
        "bound(troops, uk) > 0 and (stance > 0.9 or bound(tanks, fr) >= 1)",
        "wants more than 0 soldiers bound by uk, sees 0; \
         wants at least 1 tanks bound by fr, sees 0",
    );
    // An alternative that no move can change is omitted if another one can be reached.
    check("enough and (stance >= 0.5 or stance > 0.9)", "wants at least 30 000 soldiers bound by europe, sees 0");
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
