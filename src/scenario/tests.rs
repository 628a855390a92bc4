//! What compiled scenarios look like, and what the sign analysis lets pass.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use super::interval::{Interval, parameter_intervals};
use super::toml_tree::{Kind, Value};
use super::*;
use crate::model::{Amount, Domain, FieldSource, Influence, Model, Target};

const HEAD: &str = "format = 1\n[time]\nstart = 2025-03-10\nsteps = 10\n[resources]\ntroops = {}\nbackstop = {}\n";

fn compiled(body: &str, options: &Options) -> Result<Compiled, Vec<Diagnostic>> {
    let text = format!("{HEAD}{body}");
    compile(&Document::parse("test", text.as_bytes())?, options)
}

fn model(body: &str) -> Model {
    compiled(body, &Options::default()).unwrap().model
}

fn setting(name: &str, value: f64) -> Options {
    Options { overrides: vec![Override { name: name.into(), value: SetValue::Number(value) }], ..Options::default() }
}

#[test]
fn instances_stand_at_their_commitments_place_in_the_actors_order() {
    let model = model(
        "[commitments.late.gives]\ntroops = 1\n[actors.b]\n[actors.a]\n[cohorts.people]\nsize = 2\n[groups]\n\
         all = [\"people\", \"a\", \"b\"]\n[commitments.early]\ndebtor = \"a\"\ngives = { troops = 2 }\n\
         [commitments.late]\ndebtor = \"all\"\n",
    );
    let names: Vec<&str> = model.instance_names.iter().collect();
    assert_eq!(names, ["late/b", "late/a", "late/people_1", "late/people_2", "early"]);
    assert_eq!(model.setup.gives.len(), 5);
}

#[test]
fn dates_and_durations_are_numbers_of_steps() {
    let value = |time: &str, expression: &str| {
        let text = format!("format = 1\n[time]\n{time}\n[metrics]\nx = \"{expression}\"\n");
        let model = compile(&Document::parse("test", text.as_bytes()).unwrap(), &Options::default()).unwrap().model;
        let nodes = &model.metrics[0].value.nodes;
        let [crate::model::Node::Number(value)] = nodes.as_slice() else { panic!("{nodes:?}") };
        *value
    };
    let weeks = "start = 2025-03-10\nstep = \"1 week\"\nsteps = 3";
    for (expression, expected) in [
        ("2025-03-10", 0.0),
        ("2025-03-16T23:59", 0.0),
        ("2025-03-17", 1.0),
        ("2025-03-09T23:59:59", -1.0),
        ("2030-03-11", 261.0),
        ("90 days", 90.0 * 1_440.0 / 10_080.0),
        ("1week", 1.0),
        ("1.5e1 minutes", 15.0 / 10_080.0),
    ] {
        assert_eq!(value(weeks, expression).to_bits(), f64::to_bits(expected), "{expression}");
    }
    let quarters = "start = 2024-11-30\nstep = \"3 months\"\nsteps = 3";
    for (expression, expected) in
        [("2025-02-27", 0.0), ("2025-02-28", 1.0), ("2025-05-29", 1.0), ("2025-05-30", 2.0), ("2 years", 8.0)]
    {
        assert_eq!(value(quarters, expression).to_bits(), f64::to_bits(expected), "{expression}");
    }
    assert_eq!(value("steps = 3", "36 hours").to_bits(), 1.5_f64.to_bits());
}

#[test]
fn dates_stand_for_their_steps_in_parameters_attributes_and_expires() {
    let body = "[parameters]\nuntil = 2025-03-15\nfrom = { value = { choice = [2025-03-09, 3] }, range = [2025-03-01, \
                2025-03-20] }\n[actors.us]\nattributes = { deadline = 2025-03-14T12:00:00 }\n[commitments.a]\n\
                debtor = \"us\"\ngives = { troops = 1 }\nexpires = \"own(deadline) - 1 day\"\nlead = \"2 days\"\n\
                [commitments.b]\ndebtor = \"us\"\ngives = { troops = 1 }\nexpires = inf\n";
    let model = model(body);
    assert_eq!(model.setup.parameters, [5.0, -1.0]);
    assert_eq!(model.parameters[1].range, Some((-9.0, 10.0)));
    assert_eq!((model.setup.expires.clone(), model.setup.lead[0]), (vec![3.0, f64::INFINITY].into(), 2));
}

#[test]
fn moments_and_booleans_are_set() {
    let body = "[parameters]\nuntil = 3\n[actors.us]\n[meetings.summit]\non = [2025-03-11, 2025-03-12]\n\
                attend = [\"us\"]\npackage = true\n";
    let set = |name: &str, value: &str| {
        let value = SetValue::parse(value).unwrap();
        let options = Options { overrides: vec![Override { name: name.into(), value }], ..Options::default() };
        compiled(body, &options).map(|compiled| compiled.model)
    };
    assert_eq!(set("meetings.summit.on", "2025-03-14").unwrap().meetings[0].sessions, [(4, 4)]);
    assert_eq!(set("meetings.summit.on.1", "7").unwrap().meetings[0].sessions, [(1, 1), (7, 7)]);
    assert!(!set("meetings.summit.package", "false").unwrap().meetings[0].package);
    assert_eq!(set("time.start", "2025-03-09").unwrap().meetings[0].sessions, [(2, 2), (3, 3)]);
    assert_eq!(set("until", "2025-03-17").unwrap().setup.parameters, [7.0]);
    let error = set("time.start", "3").unwrap_err().remove(0);
    assert_eq!(error.message, "`time.start` must be a date, but is a number");
    assert_eq!(error.notes[0].0, "its value comes from `--set time.start=3`");
}

#[test]
fn durations_and_defaults_are_set() {
    let body = "[actors.us]\n[commitments.a]\ndebtor = \"us\"\ngives = { troops = 1 }\nlead = \"2 days\"\n";
    let set = |name: &str, value: &str| {
        let value = SetValue::parse(value).unwrap();
        let options = Options { overrides: vec![Override { name: name.into(), value }], ..Options::default() };
        compiled(body, &options).map(|compiled| compiled.model)
    };
    let model = set("commitments.a.lead", "1 week").unwrap();
    assert_eq!(model.setup.lead, vec![7].into());
    assert_eq!(set("commitments.a.grace", "3 days").unwrap().setup.grace, vec![Some(3)].into());
    assert_eq!(set("commitments.a.expires", "2025-03-14").unwrap().setup.expires, vec![4.0].into());
    assert_eq!(set("commitments.a.expires", "inf").unwrap().setup.expires, vec![f64::INFINITY].into());
    assert!(set("commitments.a.maintain", "true").unwrap().commitments[0].maintain);
    assert_eq!(set("trust.kept", "0.25").unwrap().setup.trust_kept.to_bits(), 0.25_f64.to_bits());
    assert_eq!(set("time.step", "1 day").unwrap().setup.lead, vec![2].into());
    let error = set("commitments.a.grace", "36 hours").unwrap_err().remove(0);
    assert_eq!(error.notes[0].0, "its value comes from `--set commitments.a.grace=36 hours`");
}

#[test]
fn draws_are_sorted_and_cohorts_draw_for_each_member() {
    let model = model(
        "[parameters]\nfloor = { value = { uniform = [0, 9] }, range = [0, 9] }\n[actors.us]\n\
         stance = { choice = [0.1, 0.2] }\n[cohorts.people]\nsize = 2\nstance = { uniform = [0, \"index / size\"] }\n\
         volatility = \"floor / 100\"\n[shocks.raid]\non = 3\nstance = { people = { normal = [0, 1] } }\n",
    );
    let draws = [
        "actors.us.stance",
        "cohorts.people.stance/people_1",
        "cohorts.people.stance/people_2",
        "parameters.floor",
        "shocks.raid.stance.people",
    ];
    assert_eq!(model.draws, draws);
    assert!(matches!(*model.fields[0].targets, [Target::Parameter(_)]));
    let shared = model.fields.iter().find(|field| &*field.path == "cohorts.people.volatility").unwrap();
    assert_eq!(*shared.targets, [Target::Volatility(1), Target::Volatility(2)]);
}

#[test]
fn one_stance_for_all_issues_is_one_draw() {
    let text = format!("issues = [\"guarantee\", \"aid\"]\n{HEAD}[actors.us]\nstance = {{ uniform = [0, 1] }}\n");
    let document = Document::parse("test", text.as_bytes()).unwrap();
    let model = compile(&document, &Options::default()).unwrap().model;
    assert_eq!(*model.fields[0].targets, [Target::Stance(0), Target::Stance(1)]);
    assert_eq!(model.draws, ["actors.us.stance"]);
}

#[test]
fn a_parameter_that_is_set_is_not_drawn_and_keeps_its_distribution() {
    let body = "[actors.us]\n[parameters]\nfloor = { value = { uniform = [0, 9] } }\n";
    let model = compiled(body, &setting("floor", 4.0)).unwrap().model;
    assert!(model.fields.is_empty() && model.draws.is_empty());
    assert_eq!(model.setup.parameters, [4.0]);
    assert!(model.parameters[0].overridden && model.parameters[0].distribution.is_some());
}

#[test]
fn a_set_value_out_of_its_domain_names_the_argument() {
    let errors = compiled("[actors.us]\nstance = 0.5\n", &setting("actors.us.stance", 2.0)).unwrap_err();
    assert_eq!(errors[0].message, "`actors.us.stance` must be from 0 to 1, but is 2");
    assert_eq!(errors[0].notes[0].0, "its value comes from `--set actors.us.stance=2`");
}

#[test]
fn further_metrics_are_placed_in_their_argument() {
    let metrics = vec![("mood".to_owned(), "stance(us) + flor".to_owned())];
    let options = Options { metrics, ..Options::default() };
    let errors = compiled("[actors.us]\n[parameters]\nfloor = 1\n", &options).unwrap_err();
    assert_eq!(errors[0].origin, Origin::Argument("stance(us) + flor".into()));
    assert_eq!(errors[0].span, Some(13..17));
    assert_eq!(errors[0].help.as_deref(), Some("did you mean `floor`?"));
}

#[test]
fn weights_on_oneself_differ_from_weights_of_pairs() {
    let model = model(
        "[actors.us]\n[actors.uk]\n[[influence]]\nfrom = \"us\"\non = \"us\"\n[[influence]]\nfrom = \"us\"\n\
         on = [\"us\", \"uk\"]\nweight = 2\n",
    );
    assert!(matches!(model.influence[0], Influence::Own(_)));
    let Influence::Between(pairs) = model.influence[1] else { panic!("pairs") };
    assert_eq!(pairs.ordered(&model).count(), 1);
    assert_eq!(model.setup.influence, [1.0, 2.0]);
}

#[test]
fn sessions_are_clipped_to_the_run() {
    let model = model(
        "[actors.us]\n[meetings.long]\nfrom = 2025-03-01\nto = 2025-03-12T12:00:00\nattend = \"us\"\n\
         [meetings.many]\non = [5, 2025-03-12, 5]\nattend = \"us\"\n",
    );
    assert_eq!(model.meetings[0].sessions, [(0, 2)]);
    assert_eq!(model.meetings[1].sessions, [(2, 2), (5, 5)]);
}

#[test]
fn members_that_differ_have_fields_of_their_own() {
    let model = model(
        "[actors.us]\nattributes = { army = 3 }\n[actors.uk]\nattributes = { army = { uniform = [1, 2] } }\n[groups]\n\
         allies = [\"us\", \"uk\"]\n[commitments.aid]\ndebtor = \"allies\"\ngives = { troops = \"own(army) * 2\" }\n",
    );
    let paths: Vec<String> = model.fields.iter().map(|field| field.path(&model)).collect();
    let gives = "commitments.aid.gives.troops";
    assert_eq!(paths, ["actors.uk.attributes.army", &format!("{gives}/us"), &format!("{gives}/uk")]);
    assert!(matches!(model.fields[0].source, FieldSource::Draw { .. }));
    assert_eq!(model.setup.gives[0], Amount(6_000_000));
    assert_eq!(model.fields[1].domain, Domain::Amount);
}

#[test]
fn definitions_may_bear_the_names_of_resources() {
    let model = model("[actors.us]\n[definitions]\ntroops = \"bound(troops)\"\n[metrics]\nm = \"troops + troops\"\n");
    assert_eq!(model.metrics[0].value.nodes.len(), 2);
}

fn when(condition: &str) -> Result<Compiled, Vec<Diagnostic>> {
    let body = format!(
        "[parameters]\nfloor = 5\nsign = -1\ntilt = {{ uniform = [-1, 1] }}\nlean = {{ uniform = [1, 2] }}\n\
         [definitions]\nenough = \"bound(troops) >= floor\"\nsum = \"bound(troops) + offered(troops)\"\n\
         [actors.us]\nattributes = {{ good = 2, bad = -2 }}\n[actors.uk]\n[commitments.a]\ndebtor = \"us\"\n\
         gives = {{ backstop = 1 }}\nwhen = \"\"\"{condition}\"\"\"\n[commitments.b]\ndebtor = \"uk\"\ngives = {{ troops = 9 }}\n"
    );
    compiled(&body, &Options::default())
}

#[test]
fn monotone_conditions_pass() {
    for condition in [
        "bound(troops) >= floor",
        "floor <= bound(troops) * lean",
        "not (bound(troops) < floor)",
        "bound(troops) * own(good) >= 1 and not (bound(troops) * own(bad) >= 1)",
        "bound(troops) * stance >= trust(us, uk) - 3",
        "bound(troops) / (1 + count(x)) >= 1",
        "-bound(troops) * sign >= 3",
        "if(stance > 0.5, bound(troops), offered(troops)) >= 1",
        "if(enough, 2, 1) >= 2",
        "if(enough, true, false)",
        "if(enough, step > 3, false) or enough",
        "min(max(sum, 3), clamp(sum, 0, 9), sqrt(sum), exp(sum), ln(sum + 1)) >= 1",
        "clamp(sum, 9, 0) >= 0",
        "abs(bound(troops)) >= 1",
        "10 / (1 + bound(troops)) <= 3",
        "10 / bound(troops) <= 3",
        "10 / (bound(troops) * stance) <= 3",
        "10 / sqrt(max(bound(troops), 0)) <= 3",
        "1 / -bound(troops) >= -3",
        "if(bound(troops) > 1, 3, parties(troops)) >= 1",
        "bound(troops) * delivered(troops) >= 1",
        "bound(troops) - floor >= -offered(troops)",
        "assured(troops, uk) + parties(troops) + bonds(b) + kept(b) + offers(b) >= 3",
        "stance < 0.5 or since(x) < 3 or step == 4",
    ] {
        let condition = condition.replace("count(x)", "step").replace("since(x)", "step");
        assert!(when(&condition).is_ok(), "{condition}: {:#?}", when(&condition).unwrap_err());
    }
}

#[test]
fn conditions_that_may_turn_false_are_refused() {
    for condition in [
        "bound(troops) < floor",
        "bound(troops) == 9",
        "not enough",
        "bound(troops) * sign >= -3",
        "bound(troops) * tilt >= 1",
        "bound(troops) * (stance - 0.5) >= 1",
        "bound(troops) * own(bad) >= -1",
        "if(enough, 1, 2) >= 2",
        "if(not enough, 2, 1) >= 2",
        "if(enough, bound(troops), 3) >= 1",
        "if(enough, step > 3, true)",
        "abs(bound(troops) - 5) >= 1",
        "clamp(10, -sum, 0) >= 0",
        "10 / bound(troops) >= 1",
        "bound(troops) / tilt >= 1",
        "1 / ((0 - bound(troops)) * sign) <= 1",
        "1 / -(0 - bound(troops)) <= 1",
        "1 / ((0 - bound(troops)) / sign) <= 1",
        "1 / max(-0, bound(troops)) <= 1",
        "1 / clamp(-0, bound(troops), 5) <= 1",
        "1 / if(bound(troops) > 0.1, bound(troops), -0) <= 1",
        "1 / sqrt(max(-0, bound(troops))) <= 1",
        "1 / abs(bound(troops) * sign) >= 1",
        "if(bound(troops) > 1, 1, parties(troops)) >= 1",
        "bound(troops) - bound(troops) >= 0",
        "bound_at(b) < 3",
        "deadlocked == 0",
        "step > 3 or 0 * deadlocked > 1",
    ] {
        let errors = when(condition).expect_err(condition);
        assert!(errors.iter().all(|error| error.code == "monotone/sign"), "{condition}: {errors:#?}");
    }
}

#[test]
fn monotonicity_can_be_asked_again_for_other_values() {
    let compiled = when("bound(troops) * floor >= 1").unwrap();
    let mut parameters = parameter_intervals(&compiled.model);
    assert!(monotone::check_all(&compiled.model, &parameters).is_ok());
    parameters[0] = Interval::point(-1.0);
    assert!(monotone::check_all(&compiled.model, &parameters).is_err());
}

fn first(body: &str) -> String {
    compiled(body, &Options::default()).unwrap_err()[0].message.clone()
}

#[test]
fn an_error_causes_no_follow_on_errors() {
    let many = "[actors.us]\nstance = 2\n[actors.uk]\nattributes = { army = \"flor\" }\n[groups]\nall = [\"usa\"]\n\
        [commitments.c]\ndebtor = \"all\"\ngives = { troops = 1 }\nwhen = \"bound(troops, all) * own(army) >= 1\"\n\
        [metrics]\nm = \"offers(c) + stance(all)\"\n";
    let errors = compiled(many, &Options::default()).unwrap_err();
    let codes: Vec<&str> = errors.iter().map(|error| error.code).collect();
    assert_eq!(codes, ["domain/number", "names/unknown", "names/unknown"], "{errors:#?}");
}

#[test]
fn models_that_are_too_large_are_refused_before_they_are_built() {
    assert!(first("[cohorts.people]\nsize = 1000000000000\n").contains("more than 2000000 actors"));
    let mut chain = String::from("[actors.us]\n[definitions]\nd0 = \"step\"\n");
    for at in 1..200 {
        let _ = writeln!(chain, "d{at} = \"d{0} + d{0}\"", at - 1);
    }
    assert!(first(&format!("{chain}[metrics]\nm = \"d199\"\n")).contains("more than 100000 operations"));
}

#[test]
fn parameters_are_drawn_after_those_that_they_read() {
    let body = |first: &str, second: &str| format!("[actors.us]\n[parameters]\n{first}\n{second}\n");
    let (low, high) = ("low = { uniform = [0, 1] }", "high = { uniform = [\"low\", 2] }");
    assert!(compiled(&body(low, high), &Options::default()).is_ok());
    assert_eq!(first(&body(high, low)), "`parameters.high` is drawn before the parameter `low` has a value");
}

/// A scenario with every key that a table may have, and an expression or a distribution wherever a number may stand.
const EVERYTHING: &str = r#"
format = 1
title = "All"
about = "Everything"
note = "n"
issues = ["main", "aid"]
pace = "half"
time = { start = 2025-03-10, step = "1 day", end = 2025-03-30 }
[parameters]
half = { value = 0.5, range = [0, 1], unit = "u", note = "n", name = "Half" }
days = { value = 2, range = [0, 9], whole = true }
from = 2025-03-12
drawn = { uniform = [0, 1] }
[definitions]
twice = "2 * half"
[resources]
r = { unit = "u", name = "R", note = "n" }
[actors.a]
name = "A"
note = "n"
stance = { main = "half", aid = 0.25 }
anchor = { main = 0.5, aid = "half" }
susceptibility = "half"
volatility = "half"
attributes = { x = "half", y = 2025-03-12 }
credit = { offer = "half / 4", bond = "half" }
[actors.b]
stance = "half"
anchor = { uniform = [0, 1] }
[cohorts.c]
size = 2
stance = "index / 4"
[groups]
g = ["a", "b"]
[credit]
offer = "half / 2"
bond = 1
[trust]
default = "half"
strength = "half"
kept = "half"
broken = "half"
suspended = "half"
witness = "half"
pairs = [{ of = "a", in = "b", value = "half" }]
[[influence]]
from = "a"
on = "g"
weight = "half"
note = "n"
[commitments.p]
debtor = "g"
creditor = "c"
gives = { r = { upto = "half", as = "bound(r)", by = "half / 4" } }
offer = "step >= 1"
when = "bound(r) >= 0"
while = "step >= 0"
release = "step >= 99"
renew = "step >= 99"
initial = "null"
lead = "days"
expires = "from + 5"
over = "days"
grace = "days"
due = "days + 9"
maintain = true
resumable = true
until = "step >= 9"
issue = "aid"
cost = "half"
name = "P"
note = "n"
[commitments.q]
debtor = "a"
gives = { r = "half" }
expires = 2025-03-20
[meetings.m]
on = [2025-03-15, 6]
attend = "g"
package = true
success = "half"
influence = "half"
name = "M"
note = "n"
[meetings.l]
from = 2025-03-12
to = 2025-03-14
attend = "g"
[shocks.s]
on = 2025-03-15
stance = { a = "half", g = { aid = "half" } }
anchor = { a = "half" }
trust = [{ of = "a", in = "b", by = "half" }]
name = "S"
note = "n"
[shocks.t]
rate = "half"
[shocks.u]
when = "step >= 3"
once = true
[moves.v]
on = 2025-03-16
bind = [{ commitment = "p/a", amount = { r = "half / 4" } }]
any = true
name = "V"
note = "n"
[moves.w]
when = "step >= 30"
bind = ["q"]
[outcomes.o]
when = "step >= 9"
stop = false
name = "O"
note = "n"
[metrics]
k = "step"
[sweep]
vary = { half = [0.1, 0.2] }
zip = false
sample = "lhs:3"
over = ["days"]
replicates = 2
seed = 1
independent = false
note = "n"
"#;

/// Every dotted path of a document with its value.
fn paths(value: &Value, path: &str, found: &mut Vec<(String, Value)>) {
    let under = |key: &str| if path.is_empty() { key.to_owned() } else { format!("{path}.{key}") };
    match &value.kind {
        Kind::Table(table) => table.entries.iter().for_each(|entry| paths(&entry.value, &under(&entry.key), found)),
        Kind::Array(list) => {
            list.iter().enumerate().for_each(|(at, value)| paths(value, &under(&at.to_string()), found));
        }
        Kind::String(_) | Kind::Integer(_) | Kind::Float(_) | Kind::Boolean(_) | Kind::Datetime(_) => {}
    }
    found.push((path.to_owned(), value.clone()));
}

/// What `EVERYTHING` says, with one value set.
fn set(name: &str, value: SetValue) -> Model {
    let document = Document::parse("test", EVERYTHING.as_bytes()).unwrap();
    let overrides = vec![Override { name: name.into(), value }];
    let compiled = compile(&document, &Options { overrides, ..Options::default() });
    compiled.unwrap_or_else(|errors| panic!("{name}={value}: {errors:#?}")).model
}

#[test]
fn every_number_of_a_run_can_be_set_where_the_file_has_an_expression() {
    let document = Document::parse("test", EVERYTHING.as_bytes()).unwrap();
    let model = compile(&document, &Options::default()).unwrap().model;
    let kinds: BTreeSet<&str> =
        model.fields.iter().flat_map(|field| &field.targets).map(|target| target.kind()).collect();
    assert_eq!(kinds, Target::KINDS.into(), "the scenario has every kind of number");
    let bare = |path: &str| path.split('/').next().unwrap().to_owned();
    for field in &model.fields {
        let path = bare(&field.path);
        let value = [0.25, 1.0, 3.0].into_iter().find(|&value| field.domain.contains(value)).unwrap();
        let model = set(&path, SetValue::Number(value));
        assert!(model.fields.iter().all(|field| bare(&field.path) != path), "{path} has its value");
    }
}

#[test]
fn every_number_moment_and_boolean_of_a_file_can_be_set() {
    let document = Document::parse("test", EVERYTHING.as_bytes()).unwrap();
    let mut all = Vec::new();
    paths(&Value { kind: Kind::Table(document.root().clone()), span: 0..0, set_by: None }, "", &mut all);
    let mut counts = [0; 4];
    for (path, value) in &all {
        let fixed = path == "format" || path.starts_with("sweep.");
        let (Some(same), false) = (SetValue::of(&value.kind), fixed) else { continue };
        set(path, same);
        counts[match same {
            SetValue::Number(_) => 0,
            SetValue::Boolean(_) => 1,
            SetValue::Day(_) | SetValue::Minute(_) | SetValue::Second(_) => 2,
            // The length of a step.
            SetValue::Duration(..) => 3,
        }] += 1;
    }
    assert!(counts.iter().zip([5, 5, 5, 1]).all(|(&count, least)| count >= least), "{counts:?}");
    // Every key is there, but for those that exclude others or stand for tables.
    let keys: BTreeSet<&str> = all.iter().filter_map(|(path, _)| path.rsplit('.').next()).collect();
    let without = ["extends", "remove", "cohorts", "data", "table", "column", "missing", "id", "names", "member_of"];
    let without = [&without[..], &["steps", "date", "value", "between", "size"]].concat();
    for kind in keys::ALL {
        for key in kind.keys {
            assert!(keys.contains(key) || without.contains(key), "{} has no `{key}` here", kind.what);
        }
    }
}
