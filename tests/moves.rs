//! States of promises as quantities, curves, renewal, and moves.

mod common;

use backstop::model::{Event, State};
use backstop::scenario::{Document, Options, compile};
use common::program::succeeds;
use common::run_text;

/// A scenario of a few promises; `body` follows the actors.
fn scenario(steps: u32, body: &str) -> String {
    format!(
        "format = 1\n[time]\nsteps = {steps}\n[resources]\nmoney = {{}}\n[actors.a]\n[actors.b]\n[actors.c]\n\
         [groups]\nall = [\"a\", \"b\", \"c\"]\n{body}"
    )
}

/// The values of a metric at each step.
fn series(text: &str, metric: &str) -> Vec<f64> {
    let ran = run_text(text, &[], 0);
    let count = ran.model.metrics.len();
    let at = ran.model.metrics.iter().position(|found| found.id == metric).unwrap();
    ran.run.samples.iter().skip(at).step_by(count).copied().collect()
}

fn errors(text: &str) -> Vec<String> {
    let document = Document::parse("test.toml", text.as_bytes()).unwrap();
    let errors = compile(&document, &Options::default()).unwrap_err();
    errors.into_iter().map(|error| error.message).collect()
}

#[test]
fn states_are_counted_as_they_come() {
    let body = "[commitments.aid]\ndebtor = \"all\"\ngives = { money = 1 }\ninitial = \"detached\"\nlead = 9\n\
                while = \"step < 2 or step >= 4 and own(brave) > 0\"\ngrace = 3\nrelease = \"step == 3 and own(free) > 0\"\n\
                [commitments.offer]\ndebtor = \"a\"\ngives = { money = 1 }\nwhen = \"step > 99\"\nexpires = 2\n\
                [actors.a.attributes]\nbrave = 1\nfree = 0\n[actors.b.attributes]\nbrave = 0\nfree = 0\n\
                [actors.c.attributes]\nbrave = 0\nfree = 1\n[metrics]\npending = \"pending(aid)\"\n\
                of_b = \"pending(aid/b)\"\nviolated = \"violated(aid)\"\nterminated = \"terminated(aid/c)\"\n\
                expired = \"expired(offer)\"\n";
    let text = scenario(8, body);
    assert_eq!(series(&text, "pending"), [0.0, 0.0, 3.0, 2.0, 1.0, 1.0, 0.0, 0.0]);
    assert_eq!(series(&text, "of_b"), [0.0, 0.0, 1.0, 1.0, 1.0, 1.0, 0.0, 0.0]);
    assert_eq!(series(&text, "violated"), [0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 1.0, 1.0]);
    assert_eq!(series(&text, "terminated"), [0.0, 0.0, 0.0, 1.0, 1.0, 1.0, 1.0, 1.0]);
    assert_eq!(series(&text, "expired"), [0.0, 0.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0]);
}

#[test]
fn a_maintained_promise_is_kept_once_it_is_over() {
    let body = "[commitments.watch]\ndebtor = \"a\"\ngives = { money = 1 }\nmaintain = true\nuntil = \"step >= 2\"\n\
                [metrics]\nkept = \"kept(watch)\"\nbonds = \"bonds(watch)\"\nrounds = \"rounds(watch)\"\n";
    let text = scenario(4, body);
    assert_eq!(series(&text, "kept"), [0.0, 0.0, 1.0, 1.0]);
    assert_eq!(series(&text, "bonds"), [1.0, 1.0, 0.0, 0.0]);
    assert_eq!(series(&text, "rounds"), [0.0, 0.0, 1.0, 1.0]);
}

#[test]
fn an_outcome_sees_those_before_it_in_the_same_phase() {
    let body = "[outcomes.later]\nwhen = \"reached(early)\"\n[outcomes.early]\nwhen = \"step == 1\"\n\
                [outcomes.after]\nwhen = \"reached(early) and members(all) == 3\"\n";
    let ran = run_text(&scenario(4, body), &[], 0);
    assert_eq!(ran.run.world.reached, [Some(2), Some(1), Some(1)]);
}

#[test]
fn one_instance_can_be_read() {
    let body = "[commitments.first]\ndebtor = \"b\"\ngives = { money = 1 }\nwhen = \"bonds(aid/c) >= 1\"\n\
                [commitments.aid]\ndebtor = \"all\"\ngives = { money = 1 }\nwhen = \"step >= own(from)\"\n\
                [actors.a.attributes]\nfrom = 0\n[actors.b.attributes]\nfrom = 1\n[actors.c.attributes]\nfrom = 2\n\
                [metrics]\nfirst = \"bonds(first)\"\nat = \"if(bound_at(aid/b) < steps, bound_at(aid/b), -1)\"\n";
    let text = scenario(4, body);
    assert_eq!(series(&text, "first"), [0.0, 0.0, 1.0, 1.0]);
    assert_eq!(series(&text, "at"), [-1.0, 1.0, 1.0, 1.0]);
    let none =
        scenario(2, "[commitments.aid]\ndebtor = \"a\"\ngives = { money = 1 }\n[metrics]\nx = \"bonds(aid/b)\"\n");
    assert_eq!(errors(&none), ["`b` makes no promise `aid`"]);
}

/// Compared with the same formula written out, at points, between them and outside.
#[test]
fn a_curve_is_linear_between_its_points() {
    let body = "[metrics]\ncurve = \"curve(step / 2, 1, 10, 2, 30, 4, 0)\"\nfall = \"curve(-step, -4, 7.5, 0, 0.1)\"\n";
    let text = scenario(10, body);
    assert_eq!(series(&text, "curve"), [10.0, 10.0, 10.0, 20.0, 30.0, 22.5, 15.0, 7.5, 0.0, 0.0]);
    let fall: Vec<f64> = series(&text, "fall");
    for (step, value) in fall.into_iter().enumerate() {
        let x = -f64::from(u32::try_from(step).unwrap());
        let expected = if x <= -4.0 { 7.5 } else { (7.5 + (0.1 - 7.5) * ((x + 4.0) / 4.0)).clamp(0.1, 7.5) };
        assert_eq!(value.to_bits(), expected.to_bits(), "{x}");
    }
}

#[test]
fn evidence_stands_in_curves_that_go_one_way() {
    let body = |when: &str| {
        scenario(2, &format!("[commitments.aid]\ndebtor = \"a\"\ngives = {{ money = 1 }}\nwhen = \"{when}\"\n"))
    };
    let passes = |when: &str| {
        let text = body(when);
        compile(&Document::parse("test.toml", text.as_bytes()).unwrap(), &Options::default()).unwrap();
    };
    passes("curve(bound(money), 0, 0, 10, 5) >= 3");
    passes("curve(bound(money), 0, 5, 10, 0) <= 3");
    passes("curve(step, 0, 0, 5, 1, 10, 0) * bound(money) >= 1");
    passes("violated(aid) + expired(aid) < 1 or not reached(o)".replace("not reached(o)", "step > 3").as_str());
    assert_eq!(
        errors(&body("curve(bound(money), 0, 0, 5, 1, 10, 0) >= 1")),
        ["`bound(money)` stands in a `curve` that both rises and falls"]
    );
    assert_eq!(errors(&body("pending(aid) < 1")).len(), 1);
    assert_eq!(errors(&body("curve(step, 1, 0, 1, 5) > 0")), ["the points of `curve` go from 1 back to 1"]);
    assert_eq!(
        errors(&body("curve(step, 1, 0, step, 5) > 0")),
        ["the points of `curve` are numbers, dates and durations"]
    );
}

/// Each round delivers 2 in two steps and is renewed a step later, three times in all; the deliveries add up.
#[test]
fn a_promise_that_is_over_begins_a_new_round() {
    let body = "[commitments.truce]\ndebtor = \"a\"\ncreditor = \"b\"\ngives = { money = 2 }\nover = 2\n\
                renew = \"rounds(truce) < 3\"\n[metrics]\nrounds = \"rounds(truce)\"\n\
                delivered = \"delivered(money)\"\nassured = \"assured(money, a, b)\"\nkept = \"kept(truce)\"\n\
                first = \"bound_at(truce)\"\n";
    let text = scenario(9, body);
    assert_eq!(series(&text, "rounds"), [0.0, 1.0, 1.0, 2.0, 2.0, 3.0, 3.0, 3.0, 3.0]);
    assert_eq!(series(&text, "delivered"), [1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 6.0, 6.0, 6.0]);
    // A bond of 2 counts in full, besides the deliveries of earlier rounds.
    assert_eq!(series(&text, "assured"), [2.0, 2.0, 4.0, 4.0, 6.0, 6.0, 6.0, 6.0, 6.0]);
    assert_eq!(series(&text, "kept"), [0.0, 1.0, 0.0, 1.0, 0.0, 1.0, 1.0, 1.0, 1.0]);
    assert_eq!(series(&text, "first"), [0.0; 9]);
    let kinds = kinds(&text);
    let again = ["renewed", "created", "detached", "delivered", "delivered", "satisfied"];
    assert_eq!(kinds[1..6], ["created", "detached", "delivered", "delivered", "satisfied"]);
    assert_eq!(kinds[6..12], again);
    assert_eq!(kinds[12..18], again);
    assert_eq!(kinds.len(), 19);
    replays(&text);
}

#[test]
fn nothing_is_renewed_once_it_has_expired() {
    let body = "[commitments.truce]\ndebtor = \"a\"\ngives = { money = 2 }\nrenew = \"true\"\nexpires = 3\n\
                [metrics]\nrounds = \"rounds(truce)\"\n";
    // Satisfied at once in each step in which it is renewed: 0, 1 and 2.
    assert_eq!(series(&scenario(6, body), "rounds"), [1.0, 2.0, 3.0, 3.0, 3.0, 3.0]);
}

/// Replaying a folder gives the tables that the run wrote.
fn replays(text: &str) {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("s.toml"), text).unwrap();
    succeeds(folder.path(), "run s.toml --out out");
    succeeds(folder.path(), "replay out");
}

fn kinds(text: &str) -> Vec<&'static str> {
    run_text(text, &[], 0).run.log.iter().map(|entry| entry.event.kind().name()).collect()
}

/// Two promises wait for each other. A move binds one at step 2, and the other follows in the same Exchange.
#[test]
fn a_move_opens_a_deadlock() {
    let body = "[commitments.one]\ndebtor = \"a\"\ngives = { money = 1 }\nwhen = \"bonds(two) >= 1\"\n\
                [commitments.two]\ndebtor = \"b\"\ngives = { money = 1 }\nwhen = \"bonds(one) >= 1\"\n\
                [moves.gesture]\non = [2, 4]\nbind = [\"one\", \"one/a\"]\n[metrics]\n\
                made = \"count(gesture)\"\nsince = \"if(count(gesture) > 0, since(gesture), -1)\"\n";
    let text = scenario(6, body);
    assert_eq!(series(&text, "made"), [0.0, 0.0, 1.0, 1.0, 2.0, 2.0]);
    assert_eq!(series(&text, "since"), [-1.0, -1.0, 0.0, 1.0, 0.0, 1.0]);
    let ran = run_text(&text, &[], 0);
    let log: Vec<(u32, &str, Option<u32>)> =
        ran.run.log.iter().map(|entry| (entry.step, entry.event.kind().name(), entry.cause())).collect();
    let moved = log.iter().position(|entry| entry.1 == "moved").unwrap();
    let cause = u32::try_from(moved).unwrap();
    assert_eq!(log[moved], (2, "moved", None));
    assert_eq!(log[moved + 1], (2, "detached", Some(cause)));
    assert_eq!(log[moved + 2], (2, "detached", Some(cause + 1)));
    assert_eq!(log.iter().filter(|entry| entry.1 == "moved").count(), 2);
    replays(&text);
}

/// One promise matches half of the other. A move raises a promise to its limit regardless of its `as`; the other
/// follows its own `as`.
#[test]
fn a_move_raises_graded_amounts_to_their_limit() {
    let body = "[commitments.one]\ndebtor = \"a\"\ngives = { money = { upto = 100, as = \"0.5 * bound(money)\" } }\n\
                [commitments.two]\ndebtor = \"b\"\ngives = { money = { upto = 80, as = \"0.5 * bound(money)\" } }\n\
                [moves.first]\non = 1\nbind = [\"one\"]\n[moves.again]\non = 2\nbind = [\"one\", \"two\"]\n";
    let text = scenario(4, body);
    let ran = run_text(&text, &[], 0);
    let log = &ran.run.log;
    let raised: Vec<(u32, i64, &str)> = log
        .iter()
        .filter_map(|entry| match entry.event {
            Event::Raised { amount, .. } => {
                let cause = log[entry.cause().unwrap() as usize].event.kind().name();
                Some((entry.step, amount.0 / 1_000_000, cause))
            }
            _ => None,
        })
        .collect();
    assert_eq!(raised, [(1, 100, "moved"), (1, 50, "raised"), (2, 80, "moved")]);
    replays(&text);
}

/// A promise with two graded amounts, one with a fixed amount, and a group's.
const AMOUNTS: &str = "[resources.men]\n\
    [commitments.pledge]\ndebtor = \"a\"\ngives = { money = { upto = 100, as = 0, by = 10 } }\nwhen = \"false\"\n\
    [commitments.both]\ndebtor = \"b\"\ngives = { money = { upto = 30, as = 1 }, men = { upto = 40, as = 2 } }\n\
    [commitments.plain]\ndebtor = \"c\"\ngives = { money = 5 }\nwhen = \"false\"\n\
    [commitments.every]\ndebtor = \"all\"\ngives = { money = { upto = 9, as = 0 } }\n\
    [actors.a.attributes]\nshare = 1\n[actors.b.attributes]\nshare = 2\n[actors.c.attributes]\nshare = 3\n";

/// The amounts raised by moves, in millionths, by instance and number of the gift.
fn raised_by_moves(text: &str, overrides: &[(&str, f64)]) -> Vec<(String, u32, i64)> {
    let ran = run_text(text, overrides, 0);
    let log = &ran.run.log;
    let moved = |entry: &backstop::model::Entry| {
        entry.cause().is_some_and(|cause| matches!(log[cause as usize].event, Event::Moved(_)))
    };
    let raised = log.iter().filter(|entry| moved(entry)).filter_map(|entry| match entry.event {
        Event::Raised { instance, gift, amount } => Some((ran.model.name_of(instance).to_owned(), gift, amount.0)),
        _ => None,
    });
    raised.collect()
}

/// The amount of a move is not rounded to `by`, is at most `upto`, and never below the current amount.
#[test]
fn a_move_gives_the_amount_that_it_says() {
    let raised = |bind: &str| {
        let text = scenario(3, &format!("{AMOUNTS}[moves.first]\non = 1\nbind = [{bind}]\n"));
        replays(&text);
        raised_by_moves(&text, &[])
    };
    let one = |name: &str, gift: u32, amount: i64| (name.to_owned(), gift, amount * 1_000_000);
    assert_eq!(raised("{ commitment = \"pledge\", amount = 7 }"), [one("pledge", 0, 7)]);
    assert_eq!(raised("{ commitment = \"pledge\", amount = 101 }"), [one("pledge", 0, 100)]);
    assert_eq!(raised("{ commitment = \"pledge\", amount = 0 }"), []);
    assert_eq!(raised("{ commitment = \"pledge\" }, \"plain\""), [one("pledge", 0, 100)]);
    assert_eq!(raised("{ commitment = \"both\", amount = { men = 3 } }"), [one("both", 0, 30), one("both", 1, 3)]);
    assert_eq!(raised("{ commitment = \"both\", amount = { men = 2, money = 0.5 } }"), []);
    assert_eq!(
        raised("{ commitment = \"every\", amount = \"2 * own(share)\" }"),
        [one("every/a", 0, 2), one("every/b", 0, 4), one("every/c", 0, 6)]
    );
    assert_eq!(
        raised("{ commitment = \"every/c\", amount = { money = 1 } }, \"every/a\""),
        [one("every/c", 0, 1), one("every/a", 0, 9)]
    );
}

/// The amount of a move is a numeric field: it can be set, and drawn for each instance.
#[test]
fn the_amount_of_a_move_can_be_set_and_drawn() {
    let text =
        scenario(2, &format!("{AMOUNTS}[moves.first]\non = 1\nbind = [{{ commitment = \"pledge\", amount = 7 }}]\n"));
    let set = [("moves.first.bind.0.amount", 8.0)];
    assert_eq!(raised_by_moves(&text, &set), [("pledge".to_owned(), 0, 8_000_000)]);
    let drawn = "[moves.first]\non = 1\nbind = [{ commitment = \"every\", amount = { uniform = [1, 8] } }]\n";
    let text = scenario(2, &format!("{AMOUNTS}{drawn}"));
    let mut amounts: Vec<i64> = raised_by_moves(&text, &[]).into_iter().map(|(.., amount)| amount).collect();
    amounts.dedup();
    assert_eq!(amounts.len(), 3, "each draws for itself");
    replays(&text);
}

#[test]
fn a_move_takes_up_what_is_suspended_once_its_condition_holds() {
    let body = "[commitments.aid]\ndebtor = \"all\"\ngives = { money = 1 }\nlead = 9\nwhile = \"step < 1\"\n\
                [moves.push]\nwhen = \"pending(aid) == 3\"\nbind = [\"aid/b\"]\n[metrics]\n\
                pending = \"pending(aid)\"\nmade = \"count(push)\"\n";
    let text = scenario(4, body);
    // Resumed in step 1, suspended again in the Review of step 2; the move is made once.
    assert_eq!(series(&text, "pending"), [0.0, 2.0, 3.0, 3.0]);
    assert_eq!(series(&text, "made"), [0.0, 1.0, 1.0, 1.0]);
    let reactivated =
        run_text(&text, &[], 0).run.log.iter().position(|e| e.event.kind().name() == "reactivated").unwrap();
    let log = run_text(&text, &[], 0).run.log;
    let cause = log[reactivated].cause().unwrap() as usize;
    assert_eq!(log[cause].event.kind().name(), "moved");
    assert!(log[cause].cause().is_some());
    replays(&text);
}

#[test]
fn moves_that_cannot_bind_are_refused() {
    let aid = "[commitments.aid]\ndebtor = \"a\"\ngives = { money = 1 }\n";
    let refused = |moves: &str| errors(&scenario(2, &format!("{aid}[moves.push]\n{moves}\n")));
    assert_eq!(refused("on = 1\nbind = [\"aidd\"]"), ["`moves.push.bind` names `aidd`, which is no commitment"]);
    assert_eq!(
        refused("on = 1\nbind = [\"aid/b\"]"),
        ["`moves.push.bind` names `aid/b`, but `b` makes no such promise"]
    );
    assert_eq!(refused("on = 1"), ["`moves.push` has no `bind`"]);
    assert_eq!(refused("bind = [\"aid\"]"), ["`moves.push` has no `on` or `when`"]);
    assert_eq!(refused("on = 1\nwhen = \"step == 1\"\nbind = [\"aid\"]"), ["`moves.push` has both `on` and `when`"]);
}

/// A package is bound, and the condition of a promise that would follow is not a number: the package is undone.
#[test]
fn a_failure_after_a_package_undoes_it() {
    let body = "[meetings.summit]\non = 1\nattend = [\"a\", \"b\"]\npackage = true\n\
                [commitments.one]\ndebtor = \"a\"\ngives = { money = 1 }\nwhen = \"bonds(two) >= 1\"\n\
                [commitments.two]\ndebtor = \"b\"\ngives = { money = 1 }\nwhen = \"bonds(one) >= 1\"\n\
                [commitments.three]\ndebtor = \"c\"\ngives = { money = 1 }\n\
                when = \"bonds(one) >= 1 and own(nothing) / own(nothing) > 0\"\n[actors.c.attributes]\nnothing = 0\n";
    let text = scenario(3, body);
    let ran = run_text(&text, &[], 0);
    assert_eq!(ran.run.status(), "not_a_number");
    assert_eq!(kinds(&text), ["started", "created", "created", "created", "met"]);
    assert_eq!(ran.run.events, 5);
    let is_conditional = |instance| ran.run.world.instance(instance).state == State::Conditional;
    assert!(ran.model.instance_ids().all(is_conditional));
}

/// Two rounds, each with one increment of each of two resources: (2 + 1)/5 and (2 + 2)/6.
#[test]
fn every_round_of_a_graded_promise_earns_trust() {
    let body = "[resources.men]\n[trust]\ndefault = 0.5\n[commitments.aid]\ndebtor = \"a\"\ncreditor = \"b\"\n\
                gives = { money = { upto = 1, as = 1 }, men = 2 }\nrenew = \"rounds(aid) < 2\"\n\
                [metrics]\ntrust = \"trust(b, a)\"\n";
    assert_eq!(series(&scenario(4, body), "trust"), [3.0 / 5.0, 4.0 / 6.0, 4.0 / 6.0, 4.0 / 6.0]);
}

/// Conditions that read a move are evaluated in the Review of a later step, and may have the move as their cause.
#[test]
fn a_condition_that_reads_a_move_replays_in_a_later_step() {
    let body = "[commitments.one]\ndebtor = \"a\"\ngives = { money = 1 }\nwhen = \"count(gesture) > 9\"\n\
                [commitments.late]\ndebtor = \"b\"\ngives = { money = 1 }\noffer = \"count(gesture) >= 1\"\n\
                renew = \"count(gesture) >= 2 and rounds(late) < 2\"\n\
                [commitments.kept]\ndebtor = \"c\"\ngives = { money = 1 }\nmaintain = true\n\
                while = \"count(gesture) != 1\"\n[moves.gesture]\non = [1, 3]\nbind = [\"one\"]\n";
    let text = scenario(6, body);
    let log = run_text(&text, &[], 0).run.log;
    let by_moves: Vec<(u32, &str)> = log
        .iter()
        .filter(|entry| entry.cause().is_some_and(|cause| matches!(log[cause as usize].event, Event::Moved(_))))
        .map(|entry| (entry.step, entry.event.kind().name()))
        .collect();
    assert_eq!(
        by_moves,
        [(1, "detached"), (2, "created"), (2, "suspended"), (4, "renewed"), (4, "reactivated")],
        "{log:?}"
    );
    replays(&text);
}
